//! `qr`: a unitary and an upper triangular factor, with column pivoting if asked for.

use super::samples::{DTYPES, irregular, sample};
use super::*;
use crate::ops::shape::Constant;
use std::sync::Arc;

/// Shapes: a [.., m, n] -> q [.., m, k], r [.., k, n], and with pivoting i32 [.., n], where k is m for full matrices and
/// min(m, n) otherwise: `q r = a`, or the columns of `a` in the order of the pivots.
/// Source: JAX lax.linalg.qr.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Qr {
    pub is_full: bool,
    pub is_pivoted: bool,
    /// Of the text; for GPUs.
    pub use_magma: Value,
}

impl Qr {
    fn without_pivots(is_full: bool) -> Self {
        Qr { is_full, is_pivoted: false, use_magma: Value::None }
    }

    /// The factors by packed reflections.
    fn expansion(&self, operand: &Aval) -> Lowering {
        let mut b = Builder::new();
        let a: Atom = b.input(operand.clone()).into();
        let (m, n) = algebra::matrix_extents(&b, a);
        let batch = &operand.shape.extents()[..operand.rank() - 2];
        if m == 0 || n == 0 {
            let k = if self.is_full { m } else { m.min(n) };
            let q = algebra::identity(&mut b, operand.dtype, &batched(batch, &[m, k]));
            let r = b.full(operand.dtype, &batched(batch, &[k, n]), 0.0);
            let pivots = self.is_pivoted.then(|| b.full(DType::I32, &batched(batch, &[n]), 0.0));
            return Lowering::Expand(b.finish([q, r].into_iter().chain(pivots).collect()));
        }
        let (packed, taus, pivots) = if self.is_pivoted {
            let zeros = Tensor::from_fn(Aval::new(DType::I32, batched(batch, &[n])), |_| {
                crate::types::Scalar::Int(0)
            });
            let free = b.emit_one(Constant { value: Arc::new(zeros) }, &[]);
            let factors = b.emit(Geqp3 { use_magma: self.use_magma.clone() }, &[a, free]);
            let one = b.constant_like(factors[1], 1.0);
            (factors[0], factors[2], Some(b.sub(factors[1], one)))
        } else {
            let factors = b.emit(Geqrf, &[a]);
            (factors[0], factors[1], None)
        };
        let reflections = algebra::part(&mut b, packed, 1, 0, m.min(n));
        let is_wider = self.is_full && m > n;
        let reflections = if is_wider { lu::padded(&mut b, reflections, 1, m - n) } else { reflections };
        let q = b.emit_one(HouseholderProduct, &[reflections, taus]);
        let rows = if self.is_full { m } else { m.min(n) };
        let r = algebra::part(&mut b, packed, 2, 0, rows);
        let r = algebra::upper_triangle(&mut b, r, 0);
        Lowering::Expand(b.finish([q, r].into_iter().chain(pivots).collect()))
    }
}

impl Primitive for Qr {
    fn name(&self) -> &str {
        "qr"
    }

    fn params(&self) -> Params {
        let params = Params::new().with("full_matrices", self.is_full).with("pivoting", self.is_pivoted);
        params.with("use_magma", self.use_magma.clone())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_numbers(operands)?;
        let (m, n, batch) = expect_matrices(&operands[0])?;
        let k = if self.is_full { m } else { m.min(n) };
        let of = |rows, cols| operands[0].with_shape(batched(batch, &[rows, cols]));
        let pivots = self.is_pivoted.then(|| Aval::new(DType::I32, batched(batch, &[n])));
        Ok([of(m, k), of(k, n)].into_iter().chain(pivots).collect())
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[2], |x| {
            let (m, n) = (x[0].rows, x[0].cols);
            let (packed, order, taus) = if self.is_pivoted {
                textbook::pivoted_qr(&x[0], &vec![0; n])
            } else {
                let (packed, taus) = textbook::qr(&x[0]);
                (packed, (1..=n).collect(), taus)
            };
            let q = textbook::product(&textbook::packed_reflectors(&packed, &taus, 0), m);
            let k = if self.is_full { m } else { m.min(n) };
            let r = packed.masked(|i, j| i <= j).block(0, 0, k, n);
            // JAX returns zeros for the pivots of an empty matrix.
            let pivots = Matrix::column(order.iter().map(|&k| if m == 0 { 0.0 } else { k as f64 - 1.0 }));
            let results = [q.block(0, 0, m, k), r];
            results.into_iter().chain(self.is_pivoted.then_some(pivots)).collect()
        })
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let Some(a_dot) = tangents[0].value() else { return locally_constant(cx, self.clone(), primals) };
        let b = &mut *cx.builder;
        let results = b.emit(self.clone(), primals);
        let a_dot = match self.is_pivoted {
            true => algebra::reordered(b, a_dot, 1, results[2]),
            false => a_dot,
        };
        let (m, n) = algebra::matrix_extents(b, primals[0]);
        let (q_dot, r_dot) = if m < n {
            wide_tangents(b, primals[0], a_dot, results[0], results[1], results.get(2).copied())
        } else {
            self.tall_tangents(b, a_dot, results[0], results[1], (m, n))
        };
        let mut tangents = vec![Tangent::Value(q_dot), Tangent::Value(r_dot)];
        tangents.extend(results.get(2).map(|&pivots| Tangent::Zero(tangent_aval(&b.aval(pivots)))));
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
        Ok(self.expansion(&operands[0]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

/// Tangents of the thin factors of [.., m, n] with m >= n: with `w = q^H a' r^-1`, `q^H q'` is the skew-Hermitian part
/// that makes `r'` upper triangular with a real diagonal (arXiv:1804.03212, Walter and Lehmann; Townsend's note).
fn thin_tangents(b: &mut Builder, a_dot: Atom, q: Atom, r: Atom) -> (Atom, Atom) {
    let scaled = b.emit_one(TriangularSolve::right(), &[r, a_dot]);
    let adjoint = algebra::dagger(b, q);
    let w = algebra::matmul(b, adjoint, scaled);
    let lower = algebra::lower_triangle(b, w, -1);
    let mirrored = algebra::dagger(b, lower);
    let mut skew = b.sub(lower, mirrored);
    if b.dtype(w).is_complex() {
        let real = algebra::real_in_place(b, w);
        let imaginary = b.sub(w, real);
        let on_diagonal = algebra::diagonal_part(b, imaginary);
        skew = b.add(skew, on_diagonal);
    }
    let (turn, rest) = (b.sub(skew, w), b.sub(w, skew));
    let turned = algebra::matmul(b, q, turn);
    (b.add(turned, scaled), algebra::matmul(b, rest, r))
}

/// Tangents for m < n: the first m columns are a square problem, and `q r2 = a2` gives the rest.
fn wide_tangents(
    b: &mut Builder,
    a: Atom,
    a_dot: Atom,
    q: Atom,
    r: Atom,
    pivots: Option<Atom>,
) -> (Atom, Atom) {
    let (m, n) = algebra::matrix_extents(b, a);
    let a = pivots.map_or(a, |pivots| algebra::reordered(b, a, 1, pivots));
    let first = algebra::part(b, a_dot, 1, 0, m);
    let r1 = algebra::part(b, r, 1, 0, m);
    let (q_dot, r1_dot) = thin_tangents(b, first, q, r1);
    let (a2, a2_dot) = (algebra::part(b, a, 1, m, n - m), algebra::part(b, a_dot, 1, m, n - m));
    let (q_dot_adjoint, q_adjoint) = (algebra::dagger(b, q_dot), algebra::dagger(b, q));
    let turned = algebra::matmul(b, q_dot_adjoint, a2);
    let moved = algebra::matmul(b, q_adjoint, a2_dot);
    let r2_dot = b.add(turned, moved);
    (q_dot, algebra::joined(b, &[r1_dot, r2_dot], 1))
}

impl Qr {
    /// Tangents for m >= n. The columns of a full `q` beyond n follow the choice that reflections make
    /// (arXiv:2409.13374).
    fn tall_tangents(
        &self,
        b: &mut Builder,
        a_dot: Atom,
        q: Atom,
        r: Atom,
        (m, n): (usize, usize),
    ) -> (Atom, Atom) {
        if !self.is_full || m == n {
            return thin_tangents(b, a_dot, q, r);
        }
        let (thin, square) = (algebra::part(b, q, 1, 0, n), algebra::part(b, r, 2, 0, n));
        let (thin_dot, square_dot) = thin_tangents(b, a_dot, thin, square);
        let (top, bottom) = (algebra::part(b, thin, 2, 0, n), algebra::part(b, thin, 2, n, m - n));
        let rest = algebra::part(b, q, 1, n, m - n);
        let (top_dot, bottom_dot) =
            (algebra::part(b, thin_dot, 2, 0, n), algebra::part(b, thin_dot, 2, n, m - n));
        let aval = b.aval(top);
        let one = algebra::identity(b, aval.dtype, &aval.shape);
        let shifted = b.sub(top, one);
        // z = bottom (top - 1)^-1
        let (shifted_adjoint, bottom_adjoint) = (algebra::dagger(b, shifted), algebra::dagger(b, bottom));
        let z_adjoint = algebra::solve(b, shifted_adjoint, bottom_adjoint);
        let z = algebra::dagger(b, z_adjoint);
        let first = algebra::matmul(b, thin_dot, z_adjoint);
        let rest_z = algebra::matmul(b, rest, z);
        let frame = b.add(thin, rest_z);
        let z_top = algebra::matmul(b, z, top_dot);
        let difference = b.sub(bottom_dot, z_top);
        let difference_adjoint = algebra::dagger(b, difference);
        let second = algebra::matmul(b, frame, difference_adjoint);
        let rest_dot = b.sub(first, second);
        let q_dot = algebra::joined(b, &[thin_dot, rest_dot], 1);
        (q_dot, lu::padded(b, square_dot, 2, m - n))
    }
}

impl Family for Qr {
    fn parse(name: &str, params: &Params, results: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "qr").then(|| {
            Ok(Qr {
                is_full: params.bool("full_matrices")?,
                is_pivoted: match params.get("pivoting") {
                    Some(_) => params.bool("pivoting")?,
                    None => results.len() == 3,
                },
                use_magma: params.get("use_magma").cloned().unwrap_or(Value::None),
            })
        })
    }

    fn samples() -> Vec<Sample> {
        let shapes: [&[usize]; 8] =
            [&[3, 3], &[5, 3], &[3, 5], &[2, 4, 4], &[1, 1], &[0, 0], &[0, 3], &[2, 0]];
        let mut samples = Vec::new();
        for dtype in DTYPES {
            for shape in shapes {
                for is_full in [false, true] {
                    for is_pivoted in [false, true] {
                        let op = Qr { is_pivoted, ..Qr::without_pivots(is_full) };
                        samples.push(sample(op, vec![irregular(dtype, shape, 14)]));
                    }
                }
            }
        }
        samples
    }
}
