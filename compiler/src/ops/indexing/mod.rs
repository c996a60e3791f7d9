//! Reading and writing at computed positions: gather, scatter, and the slices that start at a computed place.
//!
//! # Note: windows
//! A gather and a scatter pair an *operand* with an array of *windows* (the result, the updates). Each index vector, the
//! last axis of the indices, says where one window lies in the operand; [`DimensionNumbers`] say which axes are which.
//!
//! # Note: outside
//! What happens to a window that does not lie in the operand is the [`Mode`]'s business, and it concerns the whole
//! window: either it is moved until it fits, or it is left out. No element outside of a buffer is ever read or written.

mod dimension_numbers;
mod dynamic_slice;
mod dynamic_update_slice;
mod gather;
mod place;
mod samples;
mod scatter;
mod scatter_derivatives;
#[cfg(test)]
mod tests;

pub use dimension_numbers::DimensionNumbers;
pub use dynamic_slice::DynamicSlice;
pub use dynamic_update_slice::DynamicUpdateSlice;
pub use gather::Gather;
pub use scatter::{Scatter, ScatterKind};

use crate::diag::TypeError;
use crate::ir::{Atom, Params, Value};
use crate::ops::Op;
use crate::ops::rules::*;
use crate::ops::shape::{Concatenate, instantiate};
use crate::types::{Aval, DType, Literal};

/// How to treat windows that do not lie in the operand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// They are moved to the nearest place where they fit.
    Clip,
    /// A gather reads a fill value instead; a scatter leaves them out.
    FillOrDrop,
    /// There are none, says the user. If there are, a gather clips and a scatter drops, as JAX does on CPU.
    PromiseInBounds,
}

impl Mode {
    // In the order of JAX's enumeration, which counts from 1.
    const ALL: [Mode; 3] = [Mode::Clip, Mode::FillOrDrop, Mode::PromiseInBounds];

    fn text_name(self) -> &'static str {
        match self {
            Mode::Clip => "GatherScatterMode.CLIP",
            Mode::FillOrDrop => "GatherScatterMode.FILL_OR_DROP",
            Mode::PromiseInBounds => "GatherScatterMode.PROMISE_IN_BOUNDS",
        }
    }

    /// Reads a member of JAX's enumeration, its number, or the spelling of `x.at[..]`; absent means fill or drop.
    fn parse(params: &Params) -> Result<Mode, TypeError> {
        let Some(value) = params.get("mode") else { return Ok(Mode::FillOrDrop) };
        let found = match value {
            Value::Int(number) => {
                Mode::ALL.into_iter().zip(1..).find(|(_, n)| n == number).map(|(mode, _)| mode)
            }
            Value::Name(name) | Value::Str(name) => match name.as_str() {
                "clip" => Some(Mode::Clip),
                "fill" | "drop" => Some(Mode::FillOrDrop),
                "promise_in_bounds" => Some(Mode::PromiseInBounds),
                name => Mode::ALL
                    .into_iter()
                    .find(|mode| mode.text_name().rsplit('.').next() == name.rsplit('.').next()),
            },
            _ => None,
        };
        found.ok_or_else(|| {
            let expected = "GatherScatterMode.CLIP, FILL_OR_DROP or PROMISE_IN_BOUNDS";
            TypeError(format!("parameter mode: expected {expected}, found {value}"))
        })
    }
}

/// Errors: TypeError unless the array of indices has integers.
fn expect_integers(what: &str, indices: &Aval) -> Result<(), TypeError> {
    if indices.dtype.is_integer() {
        return Ok(());
    }
    Err(TypeError(format!("{what}: expected integers, found {}", indices.dtype)))
}

/// Errors: TypeError unless there is one rank-0 integer per axis of the operand, all of one dtype.
fn expect_starts(starts: &[Aval], operand: &Aval) -> Result<(), TypeError> {
    if starts.len() != operand.rank() {
        let count = starts.len();
        return Err(TypeError(format!("expected one start index per axis of {operand}, found {count}")));
    }
    for start in starts {
        expect_integers("start indices", start)?;
        if !start.shape.is_scalar() || start.dtype != starts[0].dtype {
            let first = &starts[0];
            return Err(TypeError(format!(
                "start indices: expected rank 0 and one dtype, found {first} and {start}"
            )));
        }
    }
    Ok(())
}

/// The jvp of an operation that is linear in the operands at `linear` together, whatever the others are.
fn linear_in(
    cx: &mut JvpCx,
    op: impl Into<Op>,
    linear: &[usize],
    primals: &[Atom],
    tangents: &[Tangent],
) -> Rule<Duals> {
    let op = op.into();
    if linear.iter().all(|&operand| tangents[operand].is_zero()) {
        return locally_constant(cx, op, primals);
    }
    let result = cx.builder.emit_one(op.clone(), primals);
    let mut operands = primals.to_vec();
    linear.iter().for_each(|&operand| operands[operand] = instantiate(cx.builder, &tangents[operand]));
    let tangent = cx.builder.emit_one(op, &operands);
    Ok(Duals::one(result, Tangent::Value(tangent)))
}

/// The start indices of a slice as one batched index vector: axis 0 is the batch. At least one of them is mapped.
fn stacked_starts(cx: &mut BatchCx, starts: &[Atom], dims: &[BatchDim]) -> Atom {
    let columns: Vec<Atom> = starts
        .iter()
        .zip(dims)
        .map(|(&start, dim)| {
            let axes: &[usize] = if *dim == BatchDim::NotMapped { &[] } else { &[0] };
            cx.builder.broadcast_in_dim(start, [cx.extent, 1], axes)
        })
        .collect();
    if columns.len() == 1 { columns[0] } else { cx.builder.emit_one(Concatenate { axis: 1 }, &columns) }
}

/// The starts of a slice that covers a batch axis at `axis` whole.
fn starts_with_batch(cx: &BatchCx, starts: &[Atom], axis: usize) -> Vec<Atom> {
    let dtype = starts.first().map_or(DType::I32, |&start| cx.builder.dtype(start));
    let mut starts = starts.to_vec();
    starts.insert(axis, Literal::from_i64(dtype, 0).into());
    starts
}
