//! Random numbers: keys, and the bits that follow from them. Every bit is JAX's.
//!
//! # Note: keys
//! A key is one element of dtype `key<fry>`: two words of 32 bits, the first in the low half of a 64-bit word, so that
//! arrays of keys have the bytes of `u32[.., 2]`. What moves elements (slices, selections, gathers) moves keys.
//!
//! # Note: layouts
//! Bits come from the counter-based hash Threefry-2x32, and JAX's flag `jax_threefry_partitionable` says which counters
//! make which element. Jaxpr text does not show the flag: the command line or a line of the file does, and
//! [`Op::with_threefry`] writes it into the operations that it concerns. In the layout of today every element has its
//! row-major position as its counter; in the original one the counters `0..n` are hashed in pairs `(i, i + n/2)`, and
//! the two results of a pair are as far apart as its counters.

mod bits;
mod gamma;
mod gamma_program;
mod generator;
mod hash;
mod keys;
mod philox;
mod threefry;

pub use bits::{RandomBits, RandomSplit};
pub use gamma::{RandomGamma, sample_tangent};
pub use generator::{Algorithm, RngBitGenerator, RngUniform};
pub use hash::{Iota2x32, ThreefryHash};
pub use keys::{RandomFoldIn, RandomSeed, RandomUnwrap, RandomWrap};

use crate::diag::TypeError;
use crate::ir::source::Threefry;
use crate::ir::{Atom, Params};
use crate::loops::{BlockBuilder, Val};
use crate::ops::Op;
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Scalar, Shape};

impl Op {
    /// Does the layout of random bits change its results?
    pub fn has_layout(&self) -> bool {
        matches!(self, Op::RandomBits(_) | Op::RandomSplit(_) | Op::RandomGamma(_))
    }

    /// The same operation with random bits in this layout.
    pub fn with_threefry(self, layout: Threefry) -> Op {
        match self {
            Op::RandomBits(op) => RandomBits { layout, ..op }.into(),
            Op::RandomSplit(op) => RandomSplit { layout, ..op }.into(),
            Op::RandomGamma(op) => RandomGamma { layout, ..op }.into(),
            other => other,
        }
    }
}

/// Errors: TypeError if the operand holds no keys.
fn expect_key(operand: &Aval) -> Result<(), TypeError> {
    expect_kind(operand, &[Kind::Key])
}

/// Adds the layout, unless it is the one that JAX's text means.
fn with_layout(params: Params, layout: Threefry) -> Params {
    match layout {
        Threefry::Partitionable => params,
        Threefry::Original => params.with("threefry", "original"),
    }
}

/// Errors: TypeError if the layout is unknown.
fn parse_layout(params: &Params) -> Result<Threefry, TypeError> {
    match params.get("threefry").map(|_| params.name("threefry")).transpose()? {
        None | Some("partitionable") => Ok(Threefry::Partitionable),
        Some("original") => Ok(Threefry::Original),
        Some(other) => {
            Err(TypeError(format!("parameter threefry: expected partitionable or original, found {other}")))
        }
    }
}

/// Errors: TypeError if the keys are not those of Threefry.
fn expect_fry(params: &Params) -> Result<(), TypeError> {
    match params.name("impl")? {
        "fry" => Ok(()),
        other => Err(TypeError(format!("parameter impl: expected fry, found {other}"))),
    }
}

/// The two words of a key.
fn words(key: Scalar) -> [u32; 2] {
    match key {
        Scalar::Key(bits) => [bits as u32, (bits >> 32) as u32],
        other => unreachable!("{other:?} is not a key"),
    }
}

fn key([first, second]: [u32; 2]) -> Scalar {
    Scalar::Key(u64::from(second) << 32 | u64::from(first))
}

/// The two words of a key, in a block.
fn load_words(b: &mut BlockBuilder, key: Val) -> [Val; 2] {
    let bits = b.bitcast(key, DType::U64);
    halves(b, bits)
}

/// The low and the high half of a U64 value.
fn halves(b: &mut BlockBuilder, wide: Val) -> [Val; 2] {
    let amount = b.int(DType::U64, 32);
    let upper = b.shr(wide, amount);
    [b.convert(wide, DType::U32), b.convert(upper, DType::U32)]
}

/// `high << 32 | low`, from U32 values.
fn joined(b: &mut BlockBuilder, [low, high]: [Val; 2]) -> Val {
    let (low, high, amount) =
        (b.convert(low, DType::U64), b.convert(high, DType::U64), b.int(DType::U64, 32));
    let upper = b.shl(high, amount);
    b.or(low, upper)
}

fn key_of_words(b: &mut BlockBuilder, words: [Val; 2]) -> Val {
    let bits = joined(b, words);
    b.bitcast(bits, DType::KeyFry)
}

/// The row-major position within the axes of `shape`, which are the dims from `first_dim` on: a U32 value, wrapped.
fn position(b: &mut BlockBuilder, shape: &Shape, first_dim: usize, dtype: DType) -> Val {
    let terms = shape.extents().iter().zip(shape.strides()).enumerate();
    let terms = terms.filter(|(_, (extent, _))| **extent > 1);
    let sum = terms.fold(None, |sum, (axis, (_, stride))| {
        let at = b.dim(first_dim + axis);
        let (at, stride) = (b.convert(at, dtype), b.int(dtype, stride as i64));
        let term = b.mul(at, stride);
        Some(sum.map_or(term, |sum| b.add(sum, term)))
    });
    sum.unwrap_or_else(|| b.int(dtype, 0))
}

/// The same as a counter of two words, the high one first.
fn counter(b: &mut BlockBuilder, shape: &Shape, first_dim: usize) -> [Val; 2] {
    if shape.element_count() as u64 <= 1 << 32 {
        return [b.int(DType::U32, 0), position(b, shape, first_dim, DType::U32)];
    }
    let wide = position(b, shape, first_dim, DType::U64);
    let [low, high] = halves(b, wide);
    [high, low]
}

/// The batching of operations whose results have the axes of the keys first: nothing moves.
fn batch_keys(cx: &mut BatchCx, op: impl Into<Op>, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
    batch_one_operand(cx, operands, dims, |axis| (op.into(), axis))
}

#[cfg(test)]
mod tests;
