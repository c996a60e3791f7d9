//! `eig`: eigenvalues and eigenvectors of general matrices.

use super::samples::{DTYPES, irregular, near, parts, sample};
use super::*;
use crate::ops::elementwise::{CompareKind, UnaryKind};
use crate::ops::reduction::ArgReduce;
use crate::ops::shape::Iota;

/// Shapes: a [.., n, n] -> complex values [.., n], and complex vectors [.., n, n] as columns: the left ones `u` with
/// `u^H a = w u^H`, then the right ones `v` with `a v = w v`. Vectors have norm 1 and a real largest component.
/// Source: JAX lax.linalg.eig; LAPACK geev.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Eig {
    pub with_left: bool,
    pub with_right: bool,
    /// May vectors be differentiated? JAX asks for consent, because their derivative assumes distinct eigenvalues.
    pub has_vector_derivatives: bool,
    /// Of the text: there is one implementation.
    pub implementation: Value,
}

impl Primitive for Eig {
    fn name(&self) -> &str {
        "eig"
    }

    fn params(&self) -> Params {
        let params = Params::new().with("compute_left_eigenvectors", self.with_left);
        let params = params.with("compute_right_eigenvectors", self.with_right);
        let params = params.with("enable_eigvec_derivs", self.has_vector_derivatives);
        params.with("implementation", self.implementation.clone())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_numbers(operands)?;
        let (n, batch) = expect_square(&operands[0])?;
        // Narrow floats are computed in f32.
        let dtype = operands[0].dtype.complex().unwrap_or(DType::C64);
        let vectors = Aval::new(dtype, batched(batch, &[n, n]));
        let count = usize::from(self.with_left) + usize::from(self.with_right);
        let values = Aval::new(dtype, batched(batch, &[n]));
        Ok(std::iter::once(values).chain(std::iter::repeat_n(vectors, count)).collect())
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[2], |x| {
            let n = x[0].rows;
            let asked = [self.with_left, self.with_right];
            if !x[0].is_finite() {
                let vectors = asked.iter().filter(|&&asked| asked).map(|_| Matrix::nan(n, n));
                return std::iter::once(Matrix::nan(n, 1)).chain(vectors).collect();
            }
            let (values, right) = textbook::eig(&x[0]);
            // The left vectors are the right ones of the conjugate transpose, in the order of the values.
            let (others, left) = textbook::eig(&x[0].dagger());
            let order = nearest(&values, &others);
            let left = Matrix::from_fn(n, n, |i, j| left[(i, order[j])]);
            let values = Matrix::from_fn(n, 1, |i, _| values[i]);
            let vectors = [left, right].into_iter().zip(asked).filter(|(_, asked)| *asked).map(|(v, _)| v);
            std::iter::once(values).chain(vectors).collect()
        })
    }

    /// Perturbation theory for distinct eigenvalues; the scale of a vector follows from its normalization.
    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let Some(a_dot) = tangents[0].value() else { return locally_constant(cx, self.clone(), primals) };
        let with_vectors = self.with_left || self.with_right;
        if with_vectors && !self.has_vector_derivatives {
            return Err(NoRule::ByDesign(
                "its vectors are differentiated only with enable_eigvec_derivs=True",
            ));
        }
        let b = &mut *cx.builder;
        let results = b.emit(Eig { with_right: true, ..self.clone() }, primals);
        let (w, right) = (results[0], results[results.len() - 1]);
        let a_dot = b.convert(a_dot, b.dtype(w));
        if !with_vectors {
            let solved = algebra::solve(b, right, a_dot);
            let turned = algebra::transposed(b, right);
            let products = b.mul(solved, turned);
            let last = b.aval(products).rank() - 1;
            return Ok(Duals::one(w, Tangent::Value(b.reduce_sum(products, &[last]))));
        }
        let (w_dot, right_dot) = vector_tangent(b, w, right, a_dot);
        let (mut primal, mut tangent) = (vec![w], vec![Tangent::Value(w_dot)]);
        if self.with_left {
            let (conjugate, adjoint) = (algebra::conj(b, w), algebra::dagger(b, a_dot));
            let (_, left_dot) = vector_tangent(b, conjugate, results[1], adjoint);
            primal.push(results[1]);
            tangent.push(Tangent::Value(left_dot));
        }
        if self.with_right {
            primal.push(right);
            tangent.push(Tangent::Value(right_dot));
        }
        Ok(Duals { primals: primal, tangents: tangent })
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
        let (n, dtype) = (operands[0].shape[operands[0].rank() - 1], operands[0].dtype);
        let scratch: Vec<_> =
            std::iter::once((n * n, dtype.size_bytes())).chain(schur::memory(dtype, n)).collect();
        let (symbol, integers) = match (self.with_left, self.with_right) {
            (false, false) => ("rjax_eigenvalues", vec![n]),
            (true, false) => ("rjax_eigenvectors", vec![n, 1]),
            (false, true) => ("rjax_eigenvectors", vec![n, 0]),
            (true, true) => ("rjax_all_eigenvectors", vec![n]),
        };
        Routine { symbol, scratch: Some(&scratch), core: 2, integers: &integers }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

/// For each value, the position of a conjugate of it.
fn nearest(values: &[Complex], others: &[Complex]) -> Vec<usize> {
    let mut left: Vec<usize> = (0..others.len()).collect();
    let pick = |value: &Complex| {
        let distance = |&at: &usize| (others[at].conj() - *value).abs();
        let best = (0..left.len()).min_by(|&i, &j| distance(&left[i]).total_cmp(&distance(&left[j])));
        left.swap_remove(best.expect("as many values on either side"))
    };
    values.iter().map(pick).collect()
}

/// Tangents of eigenvalues `w` and vectors `v`, with `v^-1 a' v = p`: `w' = diag(p)`; `v' = v (f p)` up to a multiple of
/// each vector, where f has `1 / (w_j - w_i)` beside the diagonal.
fn vector_tangent(b: &mut Builder, w: Atom, v: Atom, a_dot: Atom) -> (Atom, Atom) {
    let solved = algebra::solve(b, v, a_dot);
    let p = algebra::matmul(b, solved, v);
    let w_dot = algebra::diagonal(b, p);
    let (row, column) = (algebra::as_row(b, w), algebra::as_column(b, w));
    let differences = b.sub(row, column);
    let aval = b.aval(v);
    let identity = algebra::identity(b, aval.dtype, &aval.shape);
    let f = algebra::reciprocal_without(b, differences, identity);
    let weighted = b.mul(f, p);
    let free = algebra::matmul(b, v, weighted);
    // The multiple keeps the norm at 1 and the largest component real.
    let rows = aval.rank() - 2;
    let conjugate = algebra::conj(b, v);
    let overlap = b.mul(conjugate, free);
    let overlap = b.reduce_sum(overlap, &[rows]);
    let growth = algebra::real(b, overlap);
    let growth = b.neg(growth);
    let mask = largest_component(b, v);
    let (of_tangent, of_vector) = (b.mul(mask, free), b.mul(mask, v));
    let (of_tangent, of_vector) = (b.reduce_sum(of_tangent, &[rows]), b.reduce_sum(of_vector, &[rows]));
    let (turned, size) = (algebra::imag(b, of_tangent), algebra::real(b, of_vector));
    let turn = b.div(turned, size);
    let turn = b.neg(turn);
    let multiple = algebra::complex(b, growth, turn);
    let multiple = algebra::as_row(b, multiple);
    let along = b.mul(v, multiple);
    (w_dot, b.add(free, along))
}

/// One at the first largest component of each column, zero elsewhere.
fn largest_component(b: &mut Builder, v: Atom) -> Atom {
    let aval = b.aval(v);
    let rows = aval.rank() - 2;
    if aval.shape[rows] == 0 {
        return v;
    }
    let sizes = b.unary(UnaryKind::Abs, v);
    let at = b.emit_one(ArgReduce { max: true, axis: rows, index_dtype: DType::I32 }, &[sizes]);
    let at = b.expand_dims(at, &[rows]);
    let positions = b.emit_one(Iota { dtype: DType::I32, shape: aval.shape.clone(), axis: rows }, &[]);
    let mask = b.compare(CompareKind::Eq, positions, at);
    let (one, zero) = (b.full(aval.dtype, &aval.shape, 1.0), b.full(aval.dtype, &aval.shape, 0.0));
    b.select(mask, one, zero)
}

/// Do the vectors belong to the values, and are these the expected ones, in any order?
fn same(operands: &[Tensor], found: &[Tensor], expected: &[Tensor]) -> Result<(), String> {
    let dtype = found[0].dtype();
    let (values, wanted) = (textbook::matrices(&found[0], 1), textbook::matrices(&expected[0], 1));
    for (index, (a, w)) in parts(&operands[0]).iter().zip(&values).enumerate() {
        let column = |matrix: &Matrix| (0..matrix.rows).map(|i| matrix[(i, 0)]).collect::<Vec<_>>();
        let conjugates: Vec<Complex> = column(&wanted[index]).into_iter().map(Complex::conj).collect();
        let order = nearest(&column(w), &conjugates);
        let sorted = Matrix::from_fn(w.rows, 1, |i, _| wanted[index][(order[i], 0)]);
        near("values", w, &sorted, 10.0 * (a.size() + 1.0), dtype)?;
        for vectors in &found[1..] {
            let v = &parts(vectors)[index];
            let scaled = |conjugate: bool| {
                Matrix::from_fn(v.rows, v.cols, |i, j| {
                    v[(i, j)] * if conjugate { w[(j, 0)].conj() } else { w[(j, 0)] }
                })
            };
            let scale = 10.0 * (a.size() + 1.0);
            // Left or right ones.
            let right = near("a v", &a.times(v), &scaled(false), scale, dtype);
            right.or_else(|_| near("a^H v", &a.dagger().times(v), &scaled(true), scale, dtype))?;
            let norms = v.dagger().times(v).masked(|i, j| i == j);
            near("norms", &norms, &Matrix::identity(v.cols), 1.0, dtype)?;
        }
    }
    Ok(())
}

impl Family for Eig {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "eig").then(|| {
            let key = "enable_eigvec_derivs";
            Ok(Eig {
                with_left: params.bool("compute_left_eigenvectors")?,
                with_right: params.bool("compute_right_eigenvectors")?,
                has_vector_derivatives: params.get(key).is_some() && params.bool(key)?,
                implementation: params.get("implementation").cloned().unwrap_or(Value::None),
            })
        })
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        for dtype in DTYPES {
            for shape in [&[3, 3][..], &[2, 4, 4], &[1, 1], &[0, 0], &[5, 5]] {
                for (with_left, with_right) in [(false, false), (true, false), (false, true), (true, true)] {
                    let op = Eig {
                        with_left,
                        with_right,
                        has_vector_derivatives: true,
                        implementation: Value::None,
                    };
                    samples.push(sample(op, vec![irregular(dtype, shape, 19)]).compared_by(same));
                }
            }
        }
        samples
    }
}
