//! `tridiagonal` and `tridiagonal_solve`.

use super::samples::{DTYPES, irregular, positive, regular, sample};
use super::*;

/// Shapes: a [.., n, n] -> packed [.., n, n], diagonal [.., n] and off-diagonal [.., n - 1] (real), taus [.., n - 1]: the
/// tridiagonal form of a Hermitian matrix of which one triangle is read, with reflections packed in that triangle.
/// Source: JAX lax.linalg.tridiagonal; LAPACK sytrd and hetrd.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tridiagonal {
    pub is_lower: bool,
}

/// Shapes: lower, diagonal, upper [.., n], b [.., n, m] -> as b. Element `i` of a diagonal is in row `i`; `lower[0]` and
/// `upper[n - 1]` are not read. A singular matrix gives NaN, or, with `perturb_singular`, the solution of a regular one
/// nearby. Source: JAX lax.linalg.tridiagonal_solve; LAPACK gtsv.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TridiagonalSolve {
    pub perturb_singular: bool,
}

impl Primitive for Tridiagonal {
    fn name(&self) -> &str {
        "tridiagonal"
    }

    fn params(&self) -> Params {
        Params::new().with("lower", self.is_lower)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_numbers(operands)?;
        let (n, batch) = expect_square(&operands[0])?;
        let count =
            n.checked_sub(1).ok_or_else(|| TypeError(format!("expected a row, found {}", operands[0])))?;
        let real = operands[0].dtype.real_part();
        let of = |dtype, extent| Aval::new(dtype, batched(batch, &[extent]));
        Ok(vec![operands[0].clone(), of(real, n), of(real, count), of(operands[0].dtype, count)])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[2], |x| {
            let (n, a) = (x[0].rows, &x[0]);
            // The upper triangle is the lower one of the matrix in reverse order.
            let turn = |i: usize| if self.is_lower { i } else { n - 1 - i };
            let given = |i: usize, j: usize| a[(turn(i), turn(j))];
            let mut full = Matrix::from_fn(n, n, |i, j| match i.cmp(&j) {
                std::cmp::Ordering::Greater => given(i, j),
                std::cmp::Ordering::Equal => Complex::new(given(i, i).re, 0.0),
                std::cmp::Ordering::Less => given(j, i).conj(),
            });
            let taus: Vec<_> = (0..n - 1).map(|k| textbook::reduce_column(&mut full, k, 1, true)).collect();
            let is_packed = |i: usize, j: usize| i == j || (j < i) == self.is_lower;
            let packed =
                Matrix::from_fn(
                    n,
                    n,
                    |i, j| if is_packed(i, j) { full[(turn(i), turn(j))] } else { a[(i, j)] },
                );
            let turn_short = |k: usize| if self.is_lower { k } else { n - 2 - k };
            vec![
                packed,
                Matrix::column((0..n).map(|i| full[(turn(i), turn(i))].re)),
                Matrix::column((0..n - 1).map(|k| full[(turn_short(k) + 1, turn_short(k))].re)),
                Matrix::from_fn(n - 1, 1, |k, _| taus[turn_short(k)]),
            ]
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
        let integers = &[n, usize::from(self.is_lower)];
        Routine { symbol: "rjax_tridiagonal", scratch, core: 2, integers }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Tridiagonal {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "tridiagonal").then(|| Ok(Tridiagonal { is_lower: params.bool("lower")? }))
    }

    fn samples() -> Vec<Sample> {
        let shapes: [&[usize]; 4] = [&[3, 3], &[2, 5, 5], &[1, 1], &[2, 2]];
        let of = |dtype| {
            shapes.into_iter().flat_map(move |shape| {
                [false, true].map(|is_lower| {
                    // Not Hermitian: the other triangle must not matter.
                    let a = if is_lower { regular(dtype, shape, 22) } else { positive(dtype, shape, 22) };
                    sample(Tridiagonal { is_lower }, vec![a])
                })
            })
        };
        DTYPES.into_iter().flat_map(of).collect()
    }
}

/// The product of a tridiagonal matrix and columns `x`.
fn product(b: &mut Builder, diagonals: &[Atom], x: Atom) -> Atom {
    let columns: Vec<Atom> = diagonals.iter().map(|&diagonal| algebra::as_column(b, diagonal)).collect();
    let above = shifted(b, x, 2, true);
    let below = shifted(b, x, 2, false);
    let middle = b.mul(columns[1], x);
    let (first, last) = (b.mul(columns[0], above), b.mul(columns[2], below));
    let sum = b.add(middle, first);
    b.add(sum, last)
}

/// The elements moved by one place along an axis counted from the end, with zeros in the place that becomes free:
/// `down` moves element `i` to `i + 1`.
fn shifted(b: &mut Builder, x: Atom, axis: usize, down: bool) -> Atom {
    let aval = b.aval(x);
    let place = aval.rank() - axis;
    let n = aval.shape[place];
    if n == 0 {
        return x;
    }
    let mut extents = aval.shape.extents().to_vec();
    extents[place] = 1;
    let zero = b.full(aval.dtype, &Shape::from(extents.as_slice()), 0.0);
    let kept = algebra::part(b, x, axis, usize::from(!down), n - 1);
    if down { algebra::joined(b, &[zero, kept], axis) } else { algebra::joined(b, &[kept, zero], axis) }
}

impl Primitive for TridiagonalSolve {
    fn name(&self) -> &str {
        "tridiagonal_solve"
    }

    fn params(&self) -> Params {
        Params::new().with("perturb_singular", self.perturb_singular)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let own = expect_batches(operands, &[1, 1, 1, 2])?;
        expect_numbers(operands)?;
        if own.iter().any(|extents| extents[0] != own[0][0]) {
            let shapes: Vec<String> = operands.iter().map(|operand| operand.to_string()).collect();
            return Err(TypeError(format!("orders of {} differ", shapes.join(", "))));
        }
        Ok(vec![operands[3].clone()])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[1, 1, 1, 2], |x| {
            let n = x[1].rows;
            let a = Matrix::from_fn(n, n, |i, j| match (i + 1).wrapping_sub(j) {
                0 => x[2][(i, 0)],
                1 => x[1][(i, 0)],
                2 => x[0][(i, 0)],
                _ => textbook::ZERO,
            });
            vec![textbook::solve(&a, &x[3]).unwrap_or_else(|| Matrix::nan(n, x[3].cols))]
        })
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let b = &mut *cx.builder;
        let x = b.emit_one(*self, primals);
        if tangents.iter().all(Tangent::is_zero) {
            return Ok(Duals::one(x, Tangent::Zero(b.aval(x))));
        }
        let mut right_side = tangents[3].value();
        if tangents[..3].iter().any(|tangent| !tangent.is_zero()) {
            let diagonals: Vec<Atom> =
                tangents[..3].iter().map(|tangent| crate::ops::shape::instantiate(b, tangent)).collect();
            let change = product(b, &diagonals, x);
            let change = b.neg(change);
            right_side = Some(right_side.map_or(change, |b_dot| b.add(b_dot, change)));
        }
        let right_side = right_side.expect("a tangent is not zero");
        let tangent = b.emit_one(*self, &[primals[0], primals[1], primals[2], right_side]);
        Ok(Duals::one(x, Tangent::Value(tangent)))
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let mut result = zero_cotangents(cx, operands);
        let known: Option<Vec<Atom>> = operands[..3].iter().map(Operand::known).collect();
        let Some(diagonals) = known else { return Err(NOT_LINEAR) };
        if let (Some(ct), true) = (cotangents[0].value(), operands[3].is_linear()) {
            let b = &mut *cx.builder;
            let lower = shifted(b, diagonals[2], 1, true);
            let upper = shifted(b, diagonals[0], 1, false);
            result[3] = Tangent::Value(b.emit_one(*self, &[lower, diagonals[1], upper, ct]));
        }
        Ok(result)
    }

    /// Right sides of one matrix are joined to a wider one.
    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let (true, BatchDim::Axis(axis)) = (dims[..3].iter().all(|dim| dim.axis().is_none()), dims[3]) else {
            return batch_first(cx, *self, operands, dims);
        };
        let b = &mut *cx.builder;
        let rank = b.aval(operands[3]).rank();
        let rhs = b.move_axis(operands[3], axis, rank - 1);
        let shape = b.aval(rhs).shape;
        let mut extents = shape.extents().to_vec();
        let count = extents.pop().expect("there is a batch axis");
        extents[rank - 2] *= count;
        let flat = b.reshape(rhs, Shape::from(extents.as_slice()));
        let solved = b.emit_one(*self, &[operands[0], operands[1], operands[2], flat]);
        let value = b.reshape(solved, shape);
        Ok(Batched { values: vec![value], dims: vec![BatchDim::Axis(rank - 1)] })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        if is_narrow(operands) {
            return Ok(through_f32(*self, operands, results));
        }
        let shape = &operands[3].shape;
        let (n, cols) = (shape[shape.rank() - 2], shape[shape.rank() - 1]);
        let scratch = Some(&[(n, operands[0].dtype.size_bytes()); 4][..]);
        let integers = &[n, cols, usize::from(self.perturb_singular)];
        Routine { symbol: "rjax_tridiagonal_solve", scratch, core: 1, integers }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for TridiagonalSolve {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "tridiagonal_solve").then(|| {
            let key = "perturb_singular";
            Ok(TridiagonalSolve { perturb_singular: params.get(key).is_some() && params.bool(key)? })
        })
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        for dtype in DTYPES {
            for (shape, cols) in [(&[3][..], 2), (&[2, 7], 3), (&[1], 1), (&[2], 1), (&[0], 2), (&[4], 0)] {
                for perturb_singular in [false, true] {
                    let mut operands: Vec<Tensor> =
                        (0..3).map(|seed| irregular(dtype, shape, seed + 23)).collect();
                    operands.push(irregular(dtype, &[shape, &[cols]].concat(), 26));
                    samples.push(sample(TridiagonalSolve { perturb_singular }, operands));
                }
            }
        }
        samples
    }
}
