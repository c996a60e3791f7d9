//! Rounding, signs, classification and neighbours.

use super::common::{Format, bits, constant, integer, with_sign_of};
use crate::loops::{BlockBuilder, UnaryOp, Val};

/// To nearest, ties away from zero.
pub fn round_away(b: &mut BlockBuilder, x: Val) -> Val {
    let truncated = b.unary(UnaryOp::Trunc, x);
    let rest = b.sub(x, truncated);
    let rest = b.abs(rest);
    let (half, one) = (constant(b, x, 0.5), constant(b, x, 1.0));
    let magnitude = b.abs(truncated);
    let up = b.add(magnitude, one);
    let away = b.ge(rest, half);
    let rounded = b.select(away, up, magnitude);
    with_sign_of(b, rounded, x)
}

/// -1, 0 or 1; zeros and NaN stay.
pub fn sign(b: &mut BlockBuilder, x: Val) -> Val {
    let (zero, one) = (constant(b, x, 0.0), constant(b, x, 1.0));
    let unit = with_sign_of(b, one, x);
    let (below, above) = (b.lt(x, zero), b.gt(x, zero));
    let nonzero = b.or(below, above);
    b.select(nonzero, unit, x)
}

/// Neither infinite nor NaN.
pub fn is_finite(b: &mut BlockBuilder, x: Val) -> Val {
    let magnitude = b.abs(x);
    let infinity = constant(b, x, f64::INFINITY);
    b.lt(magnitude, infinity)
}

/// The neighbour of `x` in the direction of `y`; `y` if they are equal.
pub fn next_after(b: &mut BlockBuilder, x: Val, y: Val) -> Val {
    let dtype = b.dtype(x);
    let format = Format::of(dtype);
    let (x_bits, y_bits) = (bits(b, x), bits(b, y));
    let infinity = format.bits_of(f64::INFINITY);
    let stepped = next_after_bits(b, x_bits, y_bits, infinity, format.sign_bit);
    b.bitcast(stepped, dtype)
}

/// [`next_after`] on the bits of any IEEE format, held in integers of its width: only comparisons of integers, so
/// that denormals count. `infinity` and `sign_bit` are bit patterns of the format.
pub fn next_after_bits(b: &mut BlockBuilder, x: Val, y: Val, infinity: i64, sign_bit: i64) -> Val {
    let (zero, one) = (integer(b, x, 0), integer(b, x, 1));
    let sign = integer(b, x, sign_bit);
    let magnitude_mask = integer(b, x, !sign_bit);
    let (x_magnitude, y_magnitude) = (b.and(x, magnitude_mask), b.and(y, magnitude_mask));
    let (x_sign, y_sign) = (b.and(x, sign), b.and(y, sign));
    // Equal signs and a greater target, in magnitude, step up; anything else steps towards zero.
    let (same_sign, farther) = (b.eq(x_sign, y_sign), b.gt(y_magnitude, x_magnitude));
    let grows = b.and(same_sign, farther);
    let (up, down) = (b.add(x, one), b.sub(x, one));
    let stepped = b.select(grows, up, down);
    // From zero, the step takes the sign of the target.
    let least = b.or(y_sign, one);
    let x_is_zero = b.eq(x_magnitude, zero);
    let stepped = b.select(x_is_zero, least, stepped);
    let y_is_zero = b.eq(y_magnitude, zero);
    let (both_zero, same_bits) = (b.and(x_is_zero, y_is_zero), b.eq(x, y));
    let equal = b.or(both_zero, same_bits);
    let result = b.select(equal, y, stepped);
    let limit = integer(b, x, infinity);
    let (x_is_nan, y_is_nan) = (b.gt(x_magnitude, limit), b.gt(y_magnitude, limit));
    let result = b.select(x_is_nan, x, result);
    b.select(y_is_nan, y, result)
}
