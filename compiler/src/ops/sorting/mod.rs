//! Sorting, and what takes the first elements in an order.
//!
//! # Note: order keys
//! Compiled code compares nothing but unsigned integers. Every element is mapped to one (a complex number to two) whose
//! order is the wanted one, [`SortOrder`] finds the permutation, and the operands are gathered by it. Several keys that
//! fit into 64 bits together become one; the rest is sorted key by key, from the least significant one, which is right
//! because every step is stable.

mod approx_top_k;
mod order;
mod sort;
mod top_k;

pub use approx_top_k::ApproxTopK;
pub use order::SortOrder;
pub use sort::Sort;
pub use top_k::TopK;

use crate::ir::{Atom, Builder};
use crate::ops::elementwise::{BinaryKind, Bitcast, CompareKind, ComplexPart, PartKind, UnaryKind};
use crate::ops::indexing::{DimensionNumbers, Gather, Mode};
use crate::ops::rules::*;
use crate::ops::shape::Iota;
use crate::types::{Aval, DType, Kind, Literal, Scalar, Shape, Tensor};

/// How floats are ordered. All others have one order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum FloatOrder {
    /// NaNs come last and are equal; so are the two zeros.
    Values,
    /// By sign and magnitude of the bits: -NaN, .., -0, 0, .., NaN.
    Bits,
}

/// Unsigned integers of 32 or 64 bits in the order of the elements of `x`; of complex ones two, the first one deciding.
fn order_keys(b: &mut Builder, x: Atom, order: FloatOrder) -> Rule<Vec<Atom>> {
    let dtype = b.dtype(x);
    match dtype.kind() {
        Kind::Bool | Kind::Unsigned if dtype.bits() <= 32 => Ok(vec![b.convert(x, DType::U32)]),
        Kind::Bool | Kind::Unsigned => Ok(vec![x]),
        Kind::Signed => {
            let wide = b.convert(x, if dtype.bits() <= 32 { DType::I32 } else { DType::I64 });
            Ok(vec![signed_key(b, wide)])
        }
        Kind::Float => {
            // Narrower floats are values of f32, in the same order.
            let wide = b.convert(x, if dtype.bits() <= 32 { DType::F32 } else { DType::F64 });
            let wide = if order == FloatOrder::Values { canonical(b, wide) } else { wide };
            Ok(vec![float_key(b, wide)])
        }
        Kind::Complex => {
            let mut keys = Vec::new();
            for part in [PartKind::Real, PartKind::Imag] {
                let part = b.emit_one(ComplexPart(part), &[x]);
                keys.extend(order_keys(b, part, order)?);
            }
            Ok(keys)
        }
        Kind::Key | Kind::Float0 => Err(NoRule::ByDesign("it has no order")),
    }
}

/// The topmost bit of an integer dtype.
fn sign_bit(dtype: DType) -> Atom {
    let bits = 1i128 << (dtype.bits() - 1);
    Atom::Literal(Literal::new(dtype, Scalar::Int(bits)))
}

fn signed_key(b: &mut Builder, x: Atom) -> Atom {
    let unsigned = b.dtype(x).same_width_unsigned().expect("integers have an unsigned type");
    let bits = b.emit_one(Bitcast { dtype: unsigned }, &[x]);
    b.binary(BinaryKind::Xor, bits, sign_bit(unsigned))
}

/// One zero and one NaN.
fn canonical(b: &mut Builder, x: Atom) -> Atom {
    let (zero, nan) = (b.constant_like(x, 0.0), b.constant_like(x, f64::NAN));
    let (is_zero, is_nan) = (b.compare(CompareKind::Eq, x, zero), b.compare(CompareKind::Ne, x, x));
    let x = b.select(is_zero, zero, x);
    b.select(is_nan, nan, x)
}

/// Negative numbers have all bits flipped, the others the sign bit.
fn float_key(b: &mut Builder, x: Atom) -> Atom {
    let dtype = if b.dtype(x) == DType::F32 { DType::I32 } else { DType::I64 };
    let bits = b.emit_one(Bitcast { dtype }, &[x]);
    let last = b.constant_like(bits, f64::from(dtype.bits()) - 1.0);
    let sign = b.binary(BinaryKind::ShiftRightArithmetic, bits, last);
    let flip = b.binary(BinaryKind::Or, sign, sign_bit(dtype));
    let key = b.binary(BinaryKind::Xor, bits, flip);
    let unsigned = dtype.same_width_unsigned().expect("integers have an unsigned type");
    b.emit_one(Bitcast { dtype: unsigned }, &[key])
}

/// The reverse order.
fn reversed(b: &mut Builder, key: Atom) -> Atom {
    b.unary(UnaryKind::Not, key)
}

/// Joins neighbouring keys of 32 bits, from the last one on.
fn packed(b: &mut Builder, keys: Vec<Atom>) -> Vec<Atom> {
    let mut rest = keys;
    let mut packed = Vec::new();
    while let Some(low) = rest.pop() {
        let fits = |b: &Builder, key: &Atom| b.dtype(*key) == DType::U32 && b.dtype(low) == DType::U32;
        match rest.pop_if(|key| fits(b, key)) {
            Some(high) => {
                let (low, high) = (b.convert(low, DType::U64), b.convert(high, DType::U64));
                let amount = b.constant_like(high, 32.0);
                let upper = b.binary(BinaryKind::ShiftLeft, high, amount);
                packed.push(b.binary(BinaryKind::Or, upper, low));
            }
            None => packed.push(low),
        }
    }
    packed.reverse();
    packed
}

/// An array by which others are sorted.
pub struct SortKey {
    pub array: Atom,
    /// Floats are ordered by their bits: -NaN, .., -0, 0, .., NaN.
    pub by_bits: bool,
    pub descends: bool,
}

/// Arrays in the order of keys, of which the first one decides; equal elements keep their order.
///
/// Errors: a key has no order.
pub fn sorted_by(b: &mut Builder, keys: &[SortKey], axis: usize, arrays: &[Atom]) -> Rule<Vec<Atom>> {
    let mut order = Vec::new();
    for key in keys {
        let float_order = if key.by_bits { FloatOrder::Bits } else { FloatOrder::Values };
        let parts = order_keys(b, key.array, float_order)?;
        order.extend(parts.into_iter().map(|part| if key.descends { reversed(b, part) } else { part }));
    }
    let positions = permutation(b, order, axis);
    Ok(arrays.iter().map(|&array| take_along(b, array, positions, axis)).collect())
}

/// The i32 positions along `axis` in the order of the keys, of which the first one decides. Equal elements keep theirs.
fn permutation(b: &mut Builder, keys: Vec<Atom>, axis: usize) -> Atom {
    let shape = b.aval(keys[0]).shape;
    let last = shape.rank() - 1;
    let moved: Vec<Atom> = keys.into_iter().map(|key| b.move_axis(key, axis, last)).collect();
    let keys = packed(b, moved);
    let shape = b.aval(keys[0]).shape;
    let mut order = b.emit_one(Iota { dtype: DType::I32, shape, axis: last }, &[]);
    for key in keys.into_iter().rev() {
        order = b.emit_one(SortOrder, &[key, order]);
    }
    b.move_axis(order, last, axis)
}

/// The elements of `x` at these positions along `axis`; the other axes go in step.
fn take_along(b: &mut Builder, x: Atom, positions: Atom, axis: usize) -> Atom {
    let rank = b.aval(x).rank();
    let others: Vec<usize> = (0..rank).filter(|&other| other != axis).collect();
    let numbers = DimensionNumbers {
        window_axes: Vec::new(),
        collapsed: vec![axis],
        index_map: vec![axis],
        operand_batch: others.clone(),
        indices_batch: others,
    };
    let vectors = b.expand_dims(positions, &[rank]);
    b.emit_one(Gather::linear(numbers, vec![1; rank], Mode::PromiseInBounds), &[x, vectors])
}

/// The indices of the elements of each row along `axis`, row by row.
fn rows(shape: &Shape, axis: usize) -> impl Iterator<Item = Vec<Vec<usize>>> + '_ {
    let others = shape.without(&[axis]);
    others.indices().collect::<Vec<_>>().into_iter().map(move |other| {
        (0..shape[axis])
            .map(|at| {
                let mut index = other.clone();
                index.insert(axis, at);
                index
            })
            .collect()
    })
}

/// An array of positions made row by row: `positions` gets the elements of a row of each operand.
fn eval_positions(
    result: Aval,
    operands: &[Tensor],
    axis: usize,
    positions: impl Fn(&[Vec<Scalar>]) -> Vec<usize>,
) -> Tensor {
    let mut values = vec![Scalar::Int(0); result.shape.element_count()];
    for row in rows(operands[0].shape(), axis) {
        let elements: Vec<Vec<Scalar>> =
            operands.iter().map(|operand| row.iter().map(|index| operand.get(index)).collect()).collect();
        for (at, position) in positions(&elements).into_iter().take(result.shape[axis]).enumerate() {
            values[result.shape.offset(&row[at])] = Scalar::Int(position as i128);
        }
    }
    Tensor::from_scalars(result, values)
}

/// The elements at positions along `axis`.
fn eval_take(operand: &Tensor, positions: &Tensor, axis: usize) -> Tensor {
    Tensor::from_fn(operand.aval().with_shape(positions.shape().clone()), |index| {
        let mut source = index.to_vec();
        source[axis] = positions.get(index).int() as usize;
        operand.get(&source)
    })
}
