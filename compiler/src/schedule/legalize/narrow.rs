//! Floats narrower than F32, as bits and as F32 values. No step makes or takes an F32 denormal for a type other than
//! BF16, so that flushing them to zero does no harm.

use crate::loops::{BinaryOp, BlockBuilder, Val};
use crate::types::DType;

/// Is it a float of 8 or 16 bits?
pub(super) fn is_narrow(dtype: DType) -> bool {
    dtype.is_float() && dtype.bits() < 32
}

/// A type with fewer exponent bits than F32.
struct Layout {
    bits: u32,
    fraction: i64,
    /// Exponents of the least and the greatest normal numbers.
    least: i32,
    greatest: i32,
    /// Rounded magnitudes from here on are beyond the type.
    limit: f64,
    /// What they become: infinity, or NaN where the type has none.
    beyond: f64,
    /// The bits of `beyond`.
    beyond_bits: i64,
    nan_bits: i64,
}

impl Layout {
    /// `None` for BF16, which is the upper half of F32.
    fn of(dtype: DType) -> Option<Layout> {
        let (infinity, nan) = (f64::INFINITY, f64::NAN);
        let layout = |fraction, least, greatest, limit, beyond, beyond_bits, nan_bits| {
            let bits = dtype.bits();
            Some(Layout { bits, fraction, least, greatest, limit, beyond, beyond_bits, nan_bits })
        };
        match dtype {
            DType::F16 => layout(10, -14, 15, 65536.0, infinity, 0x7c00, 0x7e00),
            DType::F8E5M2 => layout(2, -14, 15, 65536.0, infinity, 0x7c, 0x7e),
            DType::F8E4M3FN => layout(3, -6, 8, 480.0, nan, 0x7f, 0x7f),
            _ => None,
        }
    }

    /// How far the fraction moves between this type and F32.
    fn shift(&self) -> i64 {
        23 - self.fraction
    }

    /// What the biases of the exponents differ by, in the place of this type's exponent.
    fn bias(&self) -> i64 {
        i64::from(127 - (1 - self.least)) << self.fraction
    }

    /// The power of two beside which the last place of F32 is that of the type's denormals.
    fn beside(&self) -> i64 {
        (i64::from(127 + self.least) + self.shift()) << 23
    }

    fn sign_bit(&self) -> i64 {
        1 << (self.bits - 1)
    }

    /// How far the sign moves between this type and F32.
    fn sign_shift(&self) -> i64 {
        i64::from(32 - self.bits)
    }
}

/// The unsigned type of the stored bits.
pub(super) fn word(dtype: DType) -> DType {
    if dtype.bits() == 8 { DType::U8 } else { DType::U16 }
}

/// Rounds an F32 value to the nearest value of `dtype`, ties to even; the result is an F32 value.
pub(super) fn round(b: &mut BlockBuilder, x: Val, dtype: DType) -> Val {
    match Layout::of(dtype) {
        Some(layout) => round_to(b, x, &layout),
        None => round_to_bf16(b, x),
    }
}

/// The bits, as [`word`], of an F32 value that `dtype` can represent.
pub(super) fn to_bits(b: &mut BlockBuilder, x: Val, dtype: DType) -> Val {
    let wide = match Layout::of(dtype) {
        Some(layout) => bits_of(b, x, &layout),
        None => {
            let bits = b.bitcast(x, DType::U32);
            let amount = b.int(DType::U32, 16);
            b.shr(bits, amount)
        }
    };
    b.convert(wide, word(dtype))
}

/// The F32 value of bits, given as [`word`].
pub(super) fn from_bits(b: &mut BlockBuilder, bits: Val, dtype: DType) -> Val {
    let wide = b.convert(bits, DType::U32);
    if let Some(layout) = Layout::of(dtype) {
        return value_of(b, wide, &layout);
    }
    let amount = b.int(DType::U32, 16);
    let moved = b.shl(wide, amount);
    b.bitcast(moved, DType::F32)
}

/// The sign bit, and the bits of the greatest magnitude that is not NaN.
pub(super) fn bounds(dtype: DType) -> (i64, i64) {
    match Layout::of(dtype) {
        Some(layout) => (layout.sign_bit(), layout.nan_bits.min(layout.beyond_bits + 1) - 1),
        None => (0x8000, 0x7f80),
    }
}

/// Rounds F64 to F32 so that rounding again to fewer bits gives what one rounding would: to odd.
pub(super) fn narrow_to_odd(b: &mut BlockBuilder, x: Val) -> Val {
    let nearest = b.convert(x, DType::F32);
    let back = b.convert(nearest, DType::F64);
    let bits = b.bitcast(nearest, DType::I32);
    let (zero, one) = (b.int(DType::I32, 0), b.int(DType::I32, 1));
    let low = b.and(bits, one);
    let is_even = b.eq(low, zero);
    let (x_magnitude, back_magnitude) = (b.abs(x), b.abs(back));
    let infinity = b.float(DType::F64, f64::INFINITY);
    let (too_low, too_high) = (b.lt(back_magnitude, x_magnitude), b.gt(back_magnitude, x_magnitude));
    let finite = b.lt(back_magnitude, infinity);
    let (up, down) = (b.add(bits, one), b.sub(bits, one));
    let moved = b.select(too_low, up, bits);
    let moved = b.select(too_high, down, moved);
    let moves = b.and(is_even, finite);
    let moved = b.select(moves, moved, bits);
    b.bitcast(moved, DType::F32)
}

fn round_to_bf16(b: &mut BlockBuilder, x: Val) -> Val {
    let bits = b.bitcast(x, DType::U32);
    let (amount, one) = (b.int(DType::U32, 16), b.int(DType::U32, 1));
    let (almost_half, mask) = (b.int(DType::U32, 0x7fff), b.int(DType::U32, 0xffff_0000));
    let upper = b.shr(bits, amount);
    let odd = b.and(upper, one);
    let increment = b.add(odd, almost_half);
    let sum = b.add(bits, increment);
    let rounded = b.and(sum, mask);
    // The addition could overflow the payload of a NaN into an infinity.
    let nan = b.int(DType::U32, 0x7fc0_0000);
    let is_number = b.eq(x, x);
    let rounded = b.select(is_number, rounded, nan);
    b.bitcast(rounded, DType::F32)
}

/// Adds and subtracts a power of two whose last place is the one of the result.
fn round_to(b: &mut BlockBuilder, x: Val, layout: &Layout) -> Val {
    let bits = b.bitcast(x, DType::I32);
    let exponent_mask = b.int(DType::I32, 0x7f80_0000);
    let exponent = b.and(bits, exponent_mask);
    // Below the least exponent the last place stays; above the greatest, the result is beyond the type anyway.
    let least = b.int(DType::I32, i64::from(127 + layout.least) << 23);
    let greatest = b.int(DType::I32, i64::from(127 + layout.greatest) << 23);
    let exponent = b.binary(BinaryOp::Max, exponent, least);
    let exponent = b.binary(BinaryOp::Min, exponent, greatest);
    let shift = b.int(DType::I32, layout.shift() << 23);
    let power_bits = b.add(exponent, shift);
    let power = b.bitcast(power_bits, DType::F32);
    let magnitude = b.abs(x);
    let sum = b.add(magnitude, power);
    let rounded = b.sub(sum, power);
    let (limit, beyond) = (b.float(DType::F32, layout.limit), b.float(DType::F32, layout.beyond));
    let overflows = b.ge(rounded, limit);
    let rounded = b.select(overflows, beyond, rounded);
    let sign_mask = b.int(DType::I32, i64::from(i32::MIN));
    let sign = b.and(bits, sign_mask);
    let rounded_bits = b.bitcast(rounded, DType::I32);
    let signed = b.or(rounded_bits, sign);
    b.bitcast(signed, DType::F32)
}

/// The type's bits, as U32, of a representable F32 value.
fn bits_of(b: &mut BlockBuilder, x: Val, layout: &Layout) -> Val {
    let bits = b.bitcast(x, DType::U32);
    let magnitude = b.abs(x);
    let magnitude_bits = b.bitcast(magnitude, DType::U32);
    let amount = b.int(DType::U32, layout.shift());
    let moved = b.shr(magnitude_bits, amount);
    let bias = b.int(DType::U32, layout.bias());
    let normal = b.sub(moved, bias);
    let power_bits = b.int(DType::U32, layout.beside());
    let power = b.bitcast(power_bits, DType::F32);
    let beside = b.add(magnitude, power);
    let beside_bits = b.bitcast(beside, DType::U32);
    let denormal = b.sub(beside_bits, power_bits);
    let (least_normal, limit) =
        (b.float(DType::F32, 2f64.powi(layout.least)), b.float(DType::F32, layout.limit));
    let is_denormal = b.lt(magnitude, least_normal);
    let result = b.select(is_denormal, denormal, normal);
    let (beyond, nan) = (b.int(DType::U32, layout.beyond_bits), b.int(DType::U32, layout.nan_bits));
    let is_beyond = b.ge(magnitude, limit);
    let result = b.select(is_beyond, beyond, result);
    let is_number = b.eq(x, x);
    let result = b.select(is_number, result, nan);
    let (sign_shift, sign_mask) =
        (b.int(DType::U32, layout.sign_shift()), b.int(DType::U32, layout.sign_bit()));
    let upper = b.shr(bits, sign_shift);
    let sign = b.and(upper, sign_mask);
    b.or(result, sign)
}

/// The F32 value of the type's bits, given as U32.
fn value_of(b: &mut BlockBuilder, bits: Val, layout: &Layout) -> Val {
    let (magnitude_mask, sign_mask) =
        (b.int(DType::U32, layout.sign_bit() - 1), b.int(DType::U32, layout.sign_bit()));
    let (shift, sign_shift) = (b.int(DType::U32, layout.shift()), b.int(DType::U32, layout.sign_shift()));
    let magnitude = b.and(bits, magnitude_mask);
    let moved = b.shl(magnitude, shift);
    let bias = b.int(DType::U32, layout.bias() << layout.shift());
    let normal = b.add(moved, bias);
    // Infinity keeps its fraction of zero, NaN one that is not zero.
    let all_ones = b.int(DType::U32, 0x7f80_0000);
    let special = b.or(moved, all_ones);
    // Denormals: put beside a power of two, which is then taken away.
    let power_bits = b.int(DType::U32, layout.beside());
    let beside_bits = b.or(magnitude, power_bits);
    let (beside, power) = (b.bitcast(beside_bits, DType::F32), b.bitcast(power_bits, DType::F32));
    let denormal = b.sub(beside, power);
    let denormal = b.bitcast(denormal, DType::U32);
    let (least_normal, beyond) =
        (b.int(DType::U32, 1 << layout.fraction), b.int(DType::U32, layout.beyond_bits));
    let (is_denormal, is_special) = (b.lt(magnitude, least_normal), b.ge(magnitude, beyond));
    let result = b.select(is_denormal, denormal, normal);
    let result = b.select(is_special, special, result);
    let sign = b.and(bits, sign_mask);
    let sign = b.shl(sign, sign_shift);
    let result = b.or(result, sign);
    b.bitcast(result, DType::F32)
}
