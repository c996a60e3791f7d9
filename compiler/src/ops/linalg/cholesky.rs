//! `cholesky`: the lower triangular factor of positive definite matrices.

use super::samples::{DTYPES, positive, sample};
use super::*;

/// Shapes: a [.., n, n] -> [.., n, n]. Reads the lower triangle of `a` and replaces it by the factor `l` with
/// `l l^H = a`; what stands above the diagonal stays. Matrices that are not positive definite become NaN.
/// Source: JAX lax.linalg.cholesky_p; LAPACK potrf.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cholesky;

impl Primitive for Cholesky {
    fn name(&self) -> &str {
        "cholesky"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_numbers(operands)?;
        expect_square(&operands[0])?;
        Ok(vec![operands[0].clone()])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[2], |x| {
            let a = &x[0];
            vec![match textbook::cholesky(a) {
                Some(l) => Matrix::from_fn(a.rows, a.rows, |i, j| if j > i { a[(i, j)] } else { l[(i, j)] }),
                None => Matrix::nan(a.rows, a.rows),
            }]
        })
    }

    /// `l' = l phi(l^-1 a' l^-H)`, where phi keeps the lower triangle with half of the diagonal (arXiv:1602.07527). The
    /// matrix and its tangent are taken to be Hermitian.
    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let Some(tangent) = tangents[0].value() else { return locally_constant(cx, *self, primals) };
        let b = &mut *cx.builder;
        let factor = b.emit_one(*self, primals);
        let l = algebra::lower_triangle(b, factor, 0);
        let right = TriangularSolve {
            is_left: false,
            is_lower: true,
            is_transposed: true,
            is_conjugated: true,
            is_unit: false,
        };
        let half_solved = b.emit_one(right, &[l, tangent]);
        let solved =
            b.emit_one(TriangularSolve { is_lower: true, ..TriangularSolve::left() }, &[l, half_solved]);
        let lower = algebra::lower_triangle(b, solved, 0);
        let aval = b.aval(lower);
        let identity = algebra::identity(b, aval.dtype, &aval.shape);
        let one = b.constant_like(lower, 1.0);
        let divisor = b.add(identity, one);
        let phi = b.div(lower, divisor);
        Ok(Duals::one(l, Tangent::Value(algebra::matmul(b, l, phi))))
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
        if unrolled::is_small(operands) {
            return Ok(unrolled::cholesky(&operands[0]));
        }
        let n = operands[0].shape[operands[0].rank() - 1];
        Routine { symbol: "rjax_cholesky", scratch: None, core: 2, integers: &[n] }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Cholesky {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "cholesky").then_some(Ok(Cholesky))
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        for dtype in DTYPES {
            for shape in [&[3, 3][..], &[2, 7, 7], &[1, 1], &[0, 0], &[0, 2, 2], &[3, 4, 4], &[17, 17]] {
                // The derivative takes the tangent to be Hermitian; see the tests of the family.
                samples.push(sample(Cholesky, vec![positive(dtype, shape, 1)]).not_smooth());
            }
            samples.push(
                sample(Cholesky, vec![Tensor::from_f64s(DType::F64, [2, 2], &[1.0, 2.0, 2.0, 1.0])])
                    .not_smooth(),
            );
        }
        samples.push(sample(Cholesky, vec![positive(DType::BF16, &[3, 3], 1)]).not_smooth());
        samples
    }
}
