//! Dense linear algebra on the last axes of batches of matrices.
//!
//! Decompositions are routines of the runtime ([`crate::ops::rules::runtime_call`]), the direct ones of small matrices
//! straight-line code ([`unrolled`]); `eval` uses the algorithms of [`textbook`], which share
//! nothing with them. Decompositions that are unique only up to signs or order are compared by what defines them.
//! Derivatives are JAX's; where JAX has none, there is none here.

pub(super) mod algebra;
mod cholesky;
mod eig;
mod eigh;
mod factored;
mod householder;
mod least_squares;
mod lu;
mod qr;
mod samples;
mod schur;
mod solve;
mod svd;
#[cfg(test)]
mod tests;
mod textbook;
mod triangular;
mod tridiagonal;
mod unrolled;

pub use cholesky::Cholesky;
pub use eig::Eig;
pub use eigh::Eigh;
pub use factored::with_decompositions;
pub use householder::{Geqp3, Geqrf, HouseholderProduct, Ormqr};
pub use least_squares::{Solver, negligible};
pub use lu::{Lu, LuPivotsToPermutation};
pub use qr::Qr;
pub use schur::{Hessenberg, Schur};
pub use solve::CustomLinearSolve;
pub use svd::Svd;
pub use triangular::TriangularSolve;
pub use tridiagonal::{Tridiagonal, TridiagonalSolve};

use crate::diag::TypeError;
use crate::ir::{Atom, Body, Builder, Params, Value};
use crate::ops::Op;
use crate::ops::rules::*;
use crate::types::{Aval, Complex, DType, Kind, Shape, Tensor};
use textbook::Matrix;

const NO_DERIVATIVE: NoRule = NoRule::ByDesign("JAX defines no derivative of it");
const NOT_LINEAR: NoRule = NoRule::ByDesign("it is not linear");
const NO_ROUTINE: NoRule = NoRule::ByDesign("there are routines for f32, f64, c64 and c128 alone");

/// Errors: TypeError unless the operands are floats or complex numbers of one dtype.
fn expect_numbers(operands: &[Aval]) -> Result<(), TypeError> {
    expect_same_dtype(operands)?;
    operands.iter().try_for_each(|operand| expect_kind(operand, &[Kind::Float, Kind::Complex]))
}

/// The batch extents and the extents of one array of a batch of arrays of rank `core`.
///
/// Errors: TypeError if the rank is smaller.
fn split_batch(operand: &Aval, core: usize) -> Result<(&[usize], &[usize]), TypeError> {
    let batch = operand.rank().checked_sub(core);
    let batch = batch.ok_or_else(|| TypeError(format!("expected rank {core} or more, found {operand}")))?;
    Ok(operand.shape.extents().split_at(batch))
}

/// The extents of the arrays of all operands, each of the rank in `cores`.
///
/// Errors: TypeError if a rank is too small, or if the batch axes differ.
fn expect_batches<'a>(operands: &'a [Aval], cores: &[usize]) -> Result<Vec<&'a [usize]>, TypeError> {
    expect_operands(operands, cores.len())?;
    let (batch, _) = split_batch(&operands[0], cores[0])?;
    let own = operands.iter().zip(cores).map(|(operand, &core)| {
        let (other, own) = split_batch(operand, core)?;
        match other == batch {
            true => Ok(own),
            false => Err(TypeError(format!("batch axes of {} and {operand} differ", operands[0]))),
        }
    });
    own.collect()
}

/// (rows, columns, batch extents) of a batch of matrices. Errors: TypeError if the rank is below 2.
fn expect_matrices(operand: &Aval) -> Result<(usize, usize, &[usize]), TypeError> {
    let (batch, own) = split_batch(operand, 2)?;
    Ok((own[0], own[1], batch))
}

/// The order and the batch extents of a batch of square matrices. Errors: TypeError for any other operand.
fn expect_square(operand: &Aval) -> Result<(usize, &[usize]), TypeError> {
    match expect_matrices(operand)? {
        (rows, cols, batch) if rows == cols => Ok((rows, batch)),
        _ => Err(TypeError(format!("expected square matrices, found {operand}"))),
    }
}

fn batched(batch: &[usize], own: &[usize]) -> Shape {
    batch.iter().chain(own).copied().collect()
}

/// Evaluates an operation on one array of each operand at a time; `cores` are the ranks of these arrays.
fn eval_each(
    op: &dyn Primitive,
    operands: &[Tensor],
    cores: &[usize],
    f: impl Fn(&[Matrix]) -> Vec<Matrix>,
) -> Rule<Vec<Tensor>> {
    let avals: Vec<Aval> = operands.iter().map(|tensor| tensor.aval().clone()).collect();
    let results = op.infer(&avals).expect("operands have the inferred types");
    let batches: Vec<Vec<Matrix>> =
        operands.iter().zip(cores).map(|(tensor, &core)| textbook::matrices(tensor, core)).collect();
    let count = batches[0].len();
    let computed: Vec<Vec<Matrix>> = (0..count)
        .map(|index| f(&batches.iter().map(|batch| batch[index].clone()).collect::<Vec<_>>()))
        .collect();
    let result = |(position, aval): (usize, &Aval)| {
        let parts: Vec<Matrix> = computed.iter().map(|one| one[position].clone()).collect();
        textbook::tensor(aval, &parts)
    };
    Ok(results.iter().enumerate().map(result).collect())
}

/// Batches an operation that has batch axes itself: the new one goes first everywhere.
fn batch_first(cx: &mut BatchCx, op: impl Into<Op>, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
    let operands = crate::ops::shape::batch_axes_first(cx, operands, dims);
    let values = cx.builder.emit(op, &operands);
    let dims = vec![BatchDim::Axis(0); values.len()];
    Ok(Batched { values, dims })
}

/// A call of a routine of the runtime: `symbol(operands.., results.., scratch, scratch bytes, dtype, batch, extents..)`.
struct Routine<'a> {
    symbol: &'static str,
    /// Arrays of scratch memory: elements, and bytes of one element. `None` for routines that take none.
    scratch: Option<&'a [(usize, usize)]>,
    /// The rank of one array of the first operand.
    core: usize,
    /// What follows in the list of integers: extents of the arrays, then flags.
    integers: &'a [usize],
}

impl Routine<'_> {
    fn call(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let dtype = match operands[0].dtype {
            DType::F32 => 0,
            DType::F64 => 1,
            DType::C64 => 2,
            DType::C128 => 3,
            _ => return Err(NO_ROUTINE),
        };
        let extents = operands[0].shape.extents();
        let batch: usize = extents[..extents.len() - self.core].iter().product();
        // The runtime hands out pieces of multiples of 16 bytes.
        let piece = |&(count, bytes): &(usize, usize)| (count * bytes).next_multiple_of(16);
        let scratch_bytes = self.scratch.map(|arrays| arrays.iter().map(piece).sum::<usize>());
        let integers = scratch_bytes.into_iter().chain([dtype, batch]).chain(self.integers.iter().copied());
        let integers = integers.map(|integer| integer as i64).collect();
        Ok(runtime_call(self.symbol, operands, results, scratch_bytes, integers))
    }
}

/// The lowering of an operation on narrow floats: the same in f32.
fn through_f32(op: impl Into<Op>, operands: &[Aval], results: &[Aval]) -> Lowering {
    let mut b = Builder::new();
    let wide = |b: &mut Builder, aval: &Aval| {
        let input = b.input(aval.clone()).into();
        if aval.dtype.is_float() { b.convert(input, DType::F32) } else { input }
    };
    let operands: Vec<Atom> = operands.iter().map(|aval| wide(&mut b, aval)).collect();
    let values = b.emit(op, &operands);
    let outputs = values.iter().zip(results).map(|(&value, aval)| b.convert(value, aval.dtype)).collect();
    Lowering::Expand(b.finish(outputs))
}

fn is_narrow(operands: &[Aval]) -> bool {
    operands[0].dtype.is_float() && operands[0].dtype.bits() < 32
}
