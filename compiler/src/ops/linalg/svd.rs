//! `svd`: the singular value decomposition.

use super::eigh::{subset, subset_value};
use super::samples::{DTYPES, diagonal, irregular, near, normwise, parts, sample, unitary};
use super::*;

/// Shapes: a [.., m, n] -> values [.., k] (real), and with vectors u [.., m, k] and vt [.., k, n], where k is min(m, n)
/// or the length of the subset; full matrices are u [.., m, m] and vt [.., n, n]. Values descend.
/// Source: JAX lax.linalg.svd; LAPACK gesdd.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Svd {
    pub with_vectors: bool,
    pub is_full: bool,
    /// Singular values number start, .., end - 1.
    pub subset: Option<(usize, usize)>,
    /// Of the text: there is one algorithm.
    pub algorithm: Value,
}

impl Svd {
    fn thin(&self) -> Self {
        Svd { with_vectors: true, is_full: false, ..self.clone() }
    }

    /// The numbers of the first value and of the one after the last.
    fn range(&self, m: usize, n: usize) -> (usize, usize) {
        let (start, end) = self.subset.unwrap_or((0, m.min(n)));
        (start.min(m.min(n)), end.min(m.min(n)))
    }

    /// The chosen values and vectors out of all.
    fn subset_of_all(&self, operand: &Aval, (start, end): (usize, usize)) -> Lowering {
        let mut b = Builder::new();
        let a = b.input(operand.clone()).into();
        let mut results = b.emit(Svd { subset: None, ..self.clone() }, &[a]);
        results[0] = algebra::part(&mut b, results[0], 1, start, end - start);
        if self.with_vectors {
            results[1] = algebra::part(&mut b, results[1], 1, start, end - start);
            results[2] = algebra::part(&mut b, results[2], 2, start, end - start);
        }
        Lowering::Expand(b.finish(results))
    }
}

impl Primitive for Svd {
    fn name(&self) -> &str {
        "svd"
    }

    fn params(&self) -> Params {
        let params = Params::new().with("algorithm", self.algorithm.clone());
        let params = params.with("compute_uv", self.with_vectors).with("full_matrices", self.is_full);
        params.with("subset_by_index", subset_value(self.subset))
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_numbers(operands)?;
        let (m, n, batch) = expect_matrices(&operands[0])?;
        if self.is_full && self.subset.is_some_and(|subset| subset != (0, m.min(n))) {
            return Err(TypeError::new("full_matrices and subset_by_index exclude each other"));
        }
        let (start, end) = self.range(m, n);
        let count = end - start;
        let values = Aval::new(operands[0].dtype.real_part(), batched(batch, &[count]));
        if !self.with_vectors {
            return Ok(vec![values]);
        }
        let (u_cols, vt_rows) = if self.is_full { (m, n) } else { (count, count) };
        let of = |rows, cols| operands[0].with_shape(batched(batch, &[rows, cols]));
        Ok(vec![values, of(m, u_cols), of(vt_rows, n)])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[2], |x| {
            let (m, n) = (x[0].rows, x[0].cols);
            let (start, end) = self.range(m, n);
            let (u_cols, vt_rows) = if self.is_full { (m, n) } else { (end - start, end - start) };
            let mut results = if x[0].is_finite() {
                let (values, u, v) = textbook::svd(&x[0]);
                vec![
                    Matrix::column(values[start..end].iter().copied()),
                    u.block(0, start, m, u_cols),
                    v.dagger().block(start, 0, vt_rows, n),
                ]
            } else {
                vec![Matrix::nan(end - start, 1), Matrix::nan(m, u_cols), Matrix::nan(vt_rows, n)]
            };
            results.truncate(if self.with_vectors { 3 } else { 1 });
            results
        })
    }

    /// Giles, "An extended collection of matrix derivative results" (2008), for distinct singular values.
    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let Some(a_dot) = tangents[0].value() else { return locally_constant(cx, self.clone(), primals) };
        let b = &mut *cx.builder;
        let (m, n) = algebra::matrix_extents(b, primals[0]);
        if self.with_vectors && self.is_full && m != n {
            return Err(NoRule::ByDesign(
                "JAX defines no derivative of full singular vectors of a matrix that is not square",
            ));
        }
        let results = b.emit(self.thin(), primals);
        let (s, u, vt) = (results[0], results[1], results[2]);
        let (ut, v) = (algebra::dagger(b, u), algebra::dagger(b, vt));
        let left = algebra::matmul(b, ut, a_dot);
        let ds = algebra::matmul(b, left, v);
        let real = algebra::real(b, ds);
        let s_dot = algebra::diagonal(b, real);
        if !self.with_vectors {
            return Ok(Duals::one(s, Tangent::Value(s_dot)));
        }
        let (u_dot, v_dot) = vector_tangents(b, &Decomposition { s, u, ut, v, vt }, ds, a_dot, (m, n));
        let vt_dot = algebra::dagger(b, v_dot);
        let tangents = [s_dot, u_dot, vt_dot].map(Tangent::Value).to_vec();
        Ok(Duals { primals: results, tangents })
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NOT_LINEAR)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_first(cx, self.clone(), operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        if is_narrow(operands) {
            return Ok(through_f32(self.clone(), operands, results));
        }
        let shape = &operands[0].shape;
        let (m, n, dtype) = (shape[shape.rank() - 2], shape[shape.rank() - 1], operands[0].dtype);
        let (short, long) = (m.min(n), m.max(n));
        let range = self.range(m, n);
        if range != (0, short) {
            return Ok(self.subset_of_all(&operands[0], range));
        }
        let (bytes, count) = (dtype.size_bytes(), if self.is_full { long } else { short });
        let columns = (short * long, bytes);
        if !self.with_vectors {
            let scratch = Some(&[columns][..]);
            let integers = &[m, n];
            return Routine { symbol: "rjax_singular_values", scratch, core: 2, integers }
                .call(operands, results);
        }
        let vectors =
            [(short * short, bytes), (long * count, bytes), (short, bytes), (long, bytes), (count, bytes)];
        let scratch: Vec<_> = std::iter::once(columns).chain(vectors).collect();
        let integers = &[m, n, usize::from(self.is_full)];
        Routine { symbol: "rjax_svd", scratch: Some(&scratch), core: 2, integers }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

/// A thin decomposition with its adjoints.
struct Decomposition {
    s: Atom,
    u: Atom,
    ut: Atom,
    v: Atom,
    vt: Atom,
}

/// Tangents of `u` and `v`; `ds` is `u^H a' v`.
fn vector_tangents(
    b: &mut Builder,
    of: &Decomposition,
    ds: Atom,
    a_dot: Atom,
    (m, n): (usize, usize),
) -> (Atom, Atom) {
    let dtype = b.dtype(ds);
    let (row, column) = (algebra::as_row(b, of.s), algebra::as_column(b, of.s));
    let (sums, differences) = (b.add(row, column), b.sub(row, column));
    let squares = b.mul(sums, differences);
    let aval = b.aval(squares);
    let identity = algebra::identity(b, aval.dtype, &aval.shape);
    let f = algebra::reciprocal_without(b, squares, identity);
    let f = b.convert(f, dtype);
    let (row, column) = (b.convert(row, dtype), b.convert(column, dtype));
    let (scaled_cols, scaled_rows) = (b.mul(row, ds), b.mul(column, ds));
    let symmetric = |b: &mut Builder, x: Atom| {
        let adjoint = algebra::dagger(b, x);
        let sum = b.add(x, adjoint);
        b.mul(f, sum)
    };
    let (for_u, for_v) = (symmetric(b, scaled_cols), symmetric(b, scaled_rows));
    let phase = phase_tangent(b, of.s, ds);
    let for_u = b.add(for_u, phase);
    let (mut u_dot, mut v_dot) = (algebra::matmul(b, of.u, for_u), algebra::matmul(b, of.v, for_v));
    if m > n {
        let image = algebra::matmul(b, a_dot, of.v);
        let beyond = beyond(b, image, of.u, of.ut, row);
        u_dot = b.add(u_dot, beyond);
    }
    if n > m {
        let adjoint = algebra::dagger(b, a_dot);
        let image = algebra::matmul(b, adjoint, of.u);
        let beyond = beyond(b, image, of.v, of.vt, row);
        v_dot = b.add(v_dot, beyond);
    }
    (u_dot, v_dot)
}

/// Half of the skew-Hermitian part of `ds` over the singular values: the phases of `u` relative to `v`.
fn phase_tangent(b: &mut Builder, s: Atom, ds: Atom) -> Atom {
    let dtype = b.dtype(ds);
    let zero = b.constant_like(s, 0.0);
    let is_zero = b.compare(crate::ops::elementwise::CompareKind::Eq, s, zero);
    let zeros = b.convert(is_zero, b.dtype(s));
    let inverse = algebra::reciprocal_without(b, s, zeros);
    let column = algebra::as_column(b, inverse);
    let column = b.convert(column, dtype);
    let adjoint = algebra::dagger(b, ds);
    let difference = b.sub(ds, adjoint);
    let half = b.constant_like(ds, 0.5);
    let half = b.mul(half, difference);
    let on_diagonal = algebra::diagonal_part(b, half);
    b.mul(on_diagonal, column)
}

/// The part of `image` outside of the space of the vectors, over the singular values.
fn beyond(b: &mut Builder, image: Atom, vectors: Atom, adjoint: Atom, values: Atom) -> Atom {
    let components = algebra::matmul(b, adjoint, image);
    let inside = algebra::matmul(b, vectors, components);
    let outside = b.sub(image, inside);
    b.div(outside, values)
}

/// Do vectors and values belong to the operand, and are the values the expected ones?
fn same(operands: &[Tensor], found: &[Tensor], expected: &[Tensor]) -> Result<(), String> {
    normwise(&[], &found[..1], &expected[..1])?;
    let [values, u, vt] = found else { return Ok(()) };
    let dtype = u.dtype();
    for (index, a) in parts(&operands[0]).iter().enumerate() {
        let (s, u, vt) = (&textbook::matrices(values, 1)[index], &parts(u)[index], &parts(vt)[index]);
        unitary("u", u, dtype)?;
        unitary("v", &vt.dagger(), dtype)?;
        // u s = a v, also for a part of the values.
        let images = a.times(&vt.dagger());
        let scaled = u.times(&diagonal(s, u.cols, vt.rows));
        near("a v", &images, &scaled, a.size() + 1.0, dtype)?;
    }
    Ok(())
}

impl Family for Svd {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "svd").then(|| {
            Ok(Svd {
                with_vectors: params.bool("compute_uv")?,
                is_full: params.bool("full_matrices")?,
                subset: subset(params)?,
                algorithm: params.get("algorithm").cloned().unwrap_or(Value::None),
            })
        })
    }

    fn samples() -> Vec<Sample> {
        let op = |with_vectors, is_full| Svd { with_vectors, is_full, subset: None, algorithm: Value::None };
        let shapes: [&[usize]; 7] = [&[3, 3], &[5, 3], &[3, 5], &[2, 4, 4], &[1, 1], &[0, 3], &[2, 0]];
        let mut samples = Vec::new();
        for dtype in DTYPES {
            for shape in shapes {
                for (with_vectors, is_full) in [(false, false), (true, false), (true, true)] {
                    let of = sample(op(with_vectors, is_full), vec![irregular(dtype, shape, 17)]);
                    // Complex vectors are free in their phases, which the derivative chooses in its own way.
                    let is_smooth = !with_vectors || !dtype.is_complex();
                    let of = of.compared_by(same);
                    samples.push(if is_smooth { of } else { of.not_smooth() });
                }
            }
            let part = Svd { subset: Some((1, 3)), ..op(true, false) };
            samples.push(sample(part, vec![irregular(dtype, &[5, 4], 18)]).compared_by(same).not_smooth());
        }
        samples
    }
}
