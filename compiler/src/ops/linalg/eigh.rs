//! `eigh`: eigenvalues and eigenvectors of Hermitian matrices.

use super::samples::{DTYPES, diagonal, near, normwise, parts, positive, sample, unitary};
use super::*;

/// Shapes: a [.., n, n] -> vectors [.., n, d], values [.., d] (real), where d is n or the length of the subset. Reads one
/// triangle of `a`; values ascend. Source: JAX lax.linalg.eigh; LAPACK syevd and heevd.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Eigh {
    pub is_lower: bool,
    /// Eigenvalues number start, .., end - 1.
    pub subset: Option<(usize, usize)>,
    /// Of the text: values are sorted in any case.
    pub sort_eigenvalues: bool,
    /// Of the text: there is one algorithm.
    pub algorithm: Value,
}

impl Eigh {
    fn all(&self) -> Self {
        Eigh { subset: None, ..self.clone() }
    }
}

/// `subset_by_index` of the text. Errors: TypeError unless it is None or a pair of sizes.
pub(super) fn subset(params: &Params) -> Result<Option<(usize, usize)>, TypeError> {
    match params.get("subset_by_index") {
        None => Ok(None),
        Some(_) => match params.sizes("subset_by_index")?.as_slice() {
            &[start, end] if start <= end => Ok(Some((start, end))),
            other => Err(TypeError(format!("subset_by_index: expected (start, end), found {other:?}"))),
        },
    }
}

pub(super) fn subset_value(subset: Option<(usize, usize)>) -> Value {
    subset.map_or(Value::None, |(start, end)| Value::tuple([start, end]))
}

impl Primitive for Eigh {
    fn name(&self) -> &str {
        "eigh"
    }

    fn params(&self) -> Params {
        let params = Params::new().with("algorithm", self.algorithm.clone()).with("lower", self.is_lower);
        let params = params.with("sort_eigenvalues", self.sort_eigenvalues);
        params.with("subset_by_index", subset_value(self.subset))
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_numbers(operands)?;
        let (n, batch) = expect_square(&operands[0])?;
        let (start, end) = self.subset.unwrap_or((0, n));
        if end > n {
            return Err(TypeError(format!("subset_by_index: expected at most {n} values, found {end}")));
        }
        let count = end - start;
        let values = Aval::new(operands[0].dtype.real_part(), batched(batch, &[count]));
        Ok(vec![operands[0].with_shape(batched(batch, &[n, count])), values])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[2], |x| {
            let (n, a) = (x[0].rows, &x[0]);
            let (start, end) = self.subset.unwrap_or((0, n));
            let element = |i: usize, j: usize| match (i == j, (j < i) == self.is_lower) {
                (true, _) => Complex::new(a[(i, i)].re, 0.0),
                (false, true) => a[(i, j)],
                (false, false) => a[(j, i)].conj(),
            };
            let full = Matrix::from_fn(n, n, element);
            if !full.is_finite() {
                return vec![Matrix::nan(n, end - start), Matrix::nan(end - start, 1)];
            }
            let (values, vectors) = textbook::eigh(&full);
            vec![vectors.block(0, start, n, end - start), Matrix::column(values[start..end].iter().copied())]
        })
    }

    /// Perturbation theory for distinct eigenvalues: with `m = v^H a' v`, `w' = diag(m)` and `v' = v (f m)`, where f has
    /// `1 / (w_j - w_i)` beside the diagonal.
    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let Some(a_dot) = tangents[0].value() else { return locally_constant(cx, self.clone(), primals) };
        let b = &mut *cx.builder;
        let (n, _) = algebra::matrix_extents(b, primals[0]);
        if self.subset.is_some_and(|subset| subset != (0, n)) {
            return Err(NoRule::ByDesign("JAX defines no derivative of a part of the eigenvalues"));
        }
        let adjoint = algebra::dagger(b, primals[0]);
        let (sum, half) = (b.add(primals[0], adjoint), b.constant_like(primals[0], 0.5));
        let symmetrized = b.mul(sum, half);
        let results = b.emit(self.clone(), &[symmetrized]);
        let (v, w) = (results[0], results[1]);
        let wide = b.convert(w, b.dtype(v));
        let (row, column) = (algebra::as_row(b, wide), algebra::as_column(b, wide));
        let differences = b.sub(row, column);
        let aval = b.aval(v);
        let identity = algebra::identity(b, aval.dtype, &aval.shape);
        let f = algebra::reciprocal_without(b, differences, identity);
        let v_adjoint = algebra::dagger(b, v);
        let left = algebra::matmul(b, v_adjoint, a_dot);
        let m = algebra::matmul(b, left, v);
        let weighted = b.mul(f, m);
        let v_dot = algebra::matmul(b, v, weighted);
        let real = algebra::real(b, m);
        let w_dot = algebra::diagonal(b, real);
        Ok(Duals { primals: results, tangents: vec![Tangent::Value(v_dot), Tangent::Value(w_dot)] })
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
        if let Some((start, end)) = self.subset {
            let mut b = Builder::new();
            let a = b.input(operands[0].clone()).into();
            let all = b.emit(self.all(), &[a]);
            let chosen = all.iter().map(|&x| algebra::part(&mut b, x, 1, start, end - start)).collect();
            return Ok(Lowering::Expand(b.finish(chosen)));
        }
        let (n, dtype) = (operands[0].shape[operands[0].rank() - 1], operands[0].dtype);
        let (bytes, real_bytes) = (dtype.size_bytes(), dtype.real_part().size_bytes());
        let arrays = [(n * n, bytes), (n.saturating_sub(1), bytes), (n, real_bytes), (n, bytes), (n, bytes)];
        let integers = &[n, usize::from(self.is_lower)];
        Routine { symbol: "rjax_eigh", scratch: Some(&arrays), core: 2, integers }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

/// Do vectors and values belong to the (Hermitian) operand, and are the values the expected ones?
fn same(operands: &[Tensor], found: &[Tensor], expected: &[Tensor]) -> Result<(), String> {
    normwise(&[], &found[1..], &expected[1..])?;
    let dtype = found[0].dtype();
    for ((a, v), w) in parts(&operands[0]).iter().zip(parts(&found[0])).zip(textbook::matrices(&found[1], 1))
    {
        unitary("vectors", &v, dtype)?;
        near("a v", &a.times(&v), &v.times(&diagonal(&w, w.rows, w.rows)), a.size() + 1.0, dtype)?;
    }
    Ok(())
}

impl Family for Eigh {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "eigh").then(|| {
            Ok(Eigh {
                is_lower: params.bool("lower")?,
                subset: subset(params)?,
                sort_eigenvalues: params.get("sort_eigenvalues").is_none()
                    || params.bool("sort_eigenvalues")?,
                algorithm: params.get("algorithm").cloned().unwrap_or(Value::None),
            })
        })
    }

    fn samples() -> Vec<Sample> {
        let op = |is_lower, subset| Eigh { is_lower, subset, sort_eigenvalues: true, algorithm: Value::None };
        let mut samples = Vec::new();
        for dtype in DTYPES {
            for shape in [&[3, 3][..], &[2, 5, 5], &[1, 1], &[0, 0], &[7, 7]] {
                for is_lower in [false, true] {
                    // The derivative takes the tangent to be Hermitian; see the tests of the family.
                    let operand = positive(dtype, shape, 15);
                    samples.push(sample(op(is_lower, None), vec![operand]).compared_by(same).not_smooth());
                }
            }
            let part = op(true, Some((1, 3)));
            samples.push(sample(part, vec![positive(dtype, &[4, 4], 16)]).compared_by(same).not_smooth());
        }
        samples
    }
}
