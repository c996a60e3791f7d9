//! `schur` and `hessenberg`: triangular and almost triangular forms under unitary transformations.

use super::samples::{DTYPES, irregular, near, parts, sample, unitary};
use super::*;

/// Shapes: a [.., n, n] -> t [.., n, n], and with vectors z [.., n, n]: `a = z t z^H`, where `t` is upper triangular, but
/// for 2 x 2 blocks of real matrices with complex eigenvalues. Source: JAX lax.linalg.schur; LAPACK gees.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Schur {
    pub with_vectors: bool,
    /// Of the text: `select_callable` and `sort_eig_vals`. JAX sorts nowhere.
    pub rest: Params,
}

/// Shapes: a [.., n, n] -> packed [.., n, n], taus [.., n - 1]: the Hessenberg form, with reflections below the
/// subdiagonal. Source: JAX lax.linalg.hessenberg; LAPACK gehrd.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Hessenberg;

/// The scratch memory of the iteration for general matrices of order n.
pub(super) fn memory(dtype: DType, n: usize) -> [(usize, usize); 7] {
    let (bytes, real_bytes) = (dtype.size_bytes(), dtype.real_part().size_bytes());
    [(n * n, bytes), (n, bytes), (n, bytes), (n, bytes), (n, real_bytes), (n, 4), (n, 2 * real_bytes)]
}

const SORTED: NoRule = NoRule::ByDesign("JAX does not sort the eigenvalues of a Schur form");

impl Schur {
    fn is_sorted(&self) -> bool {
        self.rest.get("sort_eig_vals") == Some(&Value::Bool(true))
    }
}

impl Primitive for Schur {
    fn name(&self) -> &str {
        "schur"
    }

    fn params(&self) -> Params {
        let params = Params::new().with("compute_schur_vectors", self.with_vectors);
        Params(params.0.into_iter().chain(self.rest.0.iter().cloned()).collect())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_numbers(operands)?;
        expect_square(&operands[0])?;
        Ok(vec![operands[0].clone(); if self.with_vectors { 2 } else { 1 }])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        if self.is_sorted() {
            return Err(SORTED);
        }
        eval_each(self, operands, &[2], |x| {
            let n = x[0].rows;
            let (t, z) = match (x[0].is_finite(), operands[0].dtype().is_complex()) {
                (false, _) => (Matrix::nan(n, n), Matrix::nan(n, n)),
                (true, true) => textbook::schur(&x[0]),
                (true, false) => textbook::real_schur(&x[0]),
            };
            if self.with_vectors { vec![t, z] } else { vec![t] }
        })
    }

    fn jvp(&self, _: &mut JvpCx, _: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        Err(NO_DERIVATIVE)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NOT_LINEAR)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_first(cx, self.clone(), operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        if self.is_sorted() {
            return Err(SORTED);
        }
        if is_narrow(operands) {
            return Ok(through_f32(self.clone(), operands, results));
        }
        let (n, dtype) = (operands[0].shape[operands[0].rank() - 1], operands[0].dtype);
        let values = (n, 2 * dtype.real_part().size_bytes());
        let scratch: Vec<_> = memory(dtype, n).into_iter().chain([values]).collect();
        let symbol = if self.with_vectors { "rjax_schur" } else { "rjax_schur_form" };
        Routine { symbol, scratch: Some(&scratch), core: 2, integers: &[n] }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

/// Is it a Schur form of the operand?
fn same(operands: &[Tensor], found: &[Tensor], expected: &[Tensor]) -> Result<(), String> {
    let dtype = found[0].dtype();
    for (index, (a, t)) in parts(&operands[0]).iter().zip(parts(&found[0])).enumerate() {
        let below = t.masked(|i, j| i > j + usize::from(!dtype.is_complex()));
        near("t below the diagonal", &below, &Matrix::zeros(t.rows, t.cols), 0.0, dtype)?;
        let scale = a.size() + 1.0;
        // Similar matrices: equal traces of the powers.
        let wanted = &parts(&expected[0])[index];
        let trace =
            |m: &Matrix| m.masked(|i, j| i == j).times(&Matrix::from_fn(m.rows, 1, |_, _| Complex::ONE));
        let sum = |m: &Matrix| Matrix::from_fn(1, m.rows, |_, _| Complex::ONE).times(&trace(m));
        near("trace", &sum(&t), &sum(wanted), 10.0 * scale, dtype)?;
        near(
            "trace of the square",
            &sum(&t.times(&t)),
            &sum(&wanted.times(wanted)),
            100.0 * scale * scale,
            dtype,
        )?;
        if let Some(z) = found.get(1).map(|z| parts(z)[index].clone()) {
            unitary("z", &z, dtype)?;
            near("z t z^H", &z.times(&t).times(&z.dagger()), a, 10.0 * scale, dtype)?;
        }
    }
    Ok(())
}

impl Family for Schur {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "schur").then(|| {
            let own = "compute_schur_vectors";
            let rest = params.0.iter().filter(|(key, _)| key != own).cloned().collect();
            Ok(Schur { with_vectors: params.bool(own)?, rest: Params(rest) })
        })
    }

    fn samples() -> Vec<Sample> {
        let rest = Params::new().with("select_callable", Value::None).with("sort_eig_vals", false);
        let mut samples = Vec::new();
        for dtype in DTYPES {
            for shape in [&[3, 3][..], &[2, 4, 4], &[1, 1], &[0, 0], &[5, 5]] {
                for with_vectors in [false, true] {
                    let op = Schur { with_vectors, rest: rest.clone() };
                    samples.push(sample(op, vec![irregular(dtype, shape, 20)]).compared_by(same));
                }
            }
        }
        samples
    }
}

impl Primitive for Hessenberg {
    fn name(&self) -> &str {
        "hessenberg"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_numbers(operands)?;
        let (n, batch) = expect_square(&operands[0])?;
        let count =
            n.checked_sub(1).ok_or_else(|| TypeError(format!("expected a row, found {}", operands[0])))?;
        Ok(vec![operands[0].clone(), operands[0].with_shape(batched(batch, &[count]))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[2], |x| {
            let mut a = x[0].clone();
            if !a.is_finite() {
                return vec![Matrix::nan(a.rows, a.rows), Matrix::nan(a.rows - 1, 1)];
            }
            let taus: Vec<_> = (0..a.rows - 1).map(|k| textbook::reduce_column(&mut a, k, 1, true)).collect();
            let taus = Matrix::from_fn(taus.len(), 1, |k, _| taus[k]);
            vec![a, taus]
        })
    }

    fn jvp(&self, _: &mut JvpCx, _: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        Err(NO_DERIVATIVE)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NOT_LINEAR)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_first(cx, *self, operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        if is_narrow(operands) {
            return Ok(through_f32(*self, operands, results));
        }
        let (n, bytes) = (operands[0].shape[operands[0].rank() - 1], operands[0].dtype.size_bytes());
        let scratch = Some(&[(n, bytes), (n, bytes)][..]);
        Routine { symbol: "rjax_hessenberg", scratch, core: 2, integers: &[n] }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Hessenberg {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "hessenberg").then_some(Ok(Hessenberg))
    }

    fn samples() -> Vec<Sample> {
        let shapes: [&[usize]; 4] = [&[3, 3], &[2, 5, 5], &[1, 1], &[2, 2]];
        let of = |dtype| shapes.map(|shape| sample(Hessenberg, vec![irregular(dtype, shape, 21)]));
        DTYPES.into_iter().flat_map(of).collect()
    }
}
