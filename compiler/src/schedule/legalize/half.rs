//! F16 and BF16 as bits and as F32 values. No step makes or takes an F32 denormal for F16, so that flushing them
//! to zero does no harm.

use crate::loops::{BinaryOp, BlockBuilder, Val};
use crate::types::DType;

/// Is it one of the two types of 16 bits?
pub(super) fn is_half(dtype: DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16)
}

/// Rounds an F32 value to the nearest value of `dtype`, ties to even; the result is an F32 value.
pub(super) fn round(b: &mut BlockBuilder, x: Val, dtype: DType) -> Val {
    if dtype == DType::BF16 { round_to_bf16(b, x) } else { round_to_f16(b, x) }
}

/// The U16 bits of an F32 value that `dtype` can represent.
pub(super) fn to_bits(b: &mut BlockBuilder, x: Val, dtype: DType) -> Val {
    let wide = if dtype == DType::BF16 {
        let bits = b.bitcast(x, DType::U32);
        let amount = b.int(DType::U32, 16);
        b.shr(bits, amount)
    } else {
        f16_bits(b, x)
    };
    b.convert(wide, DType::U16)
}

/// The F32 value of U16 bits.
pub(super) fn from_bits(b: &mut BlockBuilder, bits: Val, dtype: DType) -> Val {
    let wide = b.convert(bits, DType::U32);
    if dtype == DType::F16 {
        return f16_value(b, wide);
    }
    let amount = b.int(DType::U32, 16);
    let moved = b.shl(wide, amount);
    b.bitcast(moved, DType::F32)
}

/// Rounds F64 to F32 so that rounding again to 16 bits gives what one rounding would: to odd.
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

/// Adds and subtracts a power of two whose last place is the one of the F16 result.
fn round_to_f16(b: &mut BlockBuilder, x: Val) -> Val {
    let bits = b.bitcast(x, DType::I32);
    let exponent_mask = b.int(DType::I32, 0x7f80_0000);
    let exponent = b.and(bits, exponent_mask);
    // Below 2^-14 the last place stays; from 2^15 on, the result is infinite anyway.
    let least = b.int(DType::I32, (127 - 14) << 23);
    let greatest = b.int(DType::I32, (127 + 15) << 23);
    let exponent = b.binary(BinaryOp::Max, exponent, least);
    let exponent = b.binary(BinaryOp::Min, exponent, greatest);
    let thirteen = b.int(DType::I32, 13 << 23);
    let power_bits = b.add(exponent, thirteen);
    let power = b.bitcast(power_bits, DType::F32);
    let magnitude = b.abs(x);
    let sum = b.add(magnitude, power);
    let rounded = b.sub(sum, power);
    let (limit, infinity) = (b.float(DType::F32, 65536.0), b.float(DType::F32, f64::INFINITY));
    let overflows = b.ge(rounded, limit);
    let rounded = b.select(overflows, infinity, rounded);
    let sign_mask = b.int(DType::I32, i64::from(i32::MIN));
    let sign = b.and(bits, sign_mask);
    let rounded_bits = b.bitcast(rounded, DType::I32);
    let signed = b.or(rounded_bits, sign);
    b.bitcast(signed, DType::F32)
}

/// F16 bits, as U32, of a representable F32 value.
fn f16_bits(b: &mut BlockBuilder, x: Val) -> Val {
    let bits = b.bitcast(x, DType::U32);
    let magnitude = b.abs(x);
    let magnitude_bits = b.bitcast(magnitude, DType::U32);
    let amount = b.int(DType::U32, 13);
    let moved = b.shr(magnitude_bits, amount);
    let bias = b.int(DType::U32, (127 - 15) << 10);
    let normal = b.sub(moved, bias);
    // Denormals: beside 0.5, the last place of F32 is theirs.
    let half = b.float(DType::F32, 0.5);
    let beside = b.add(magnitude, half);
    let (beside_bits, half_bits) = (b.bitcast(beside, DType::U32), b.int(DType::U32, 126 << 23));
    let denormal = b.sub(beside_bits, half_bits);
    let (least_normal, limit) = (b.float(DType::F32, 2f64.powi(-14)), b.float(DType::F32, 65536.0));
    let is_denormal = b.lt(magnitude, least_normal);
    let result = b.select(is_denormal, denormal, normal);
    let (infinity, nan) = (b.int(DType::U32, 0x7c00), b.int(DType::U32, 0x7e00));
    let is_infinite = b.ge(magnitude, limit);
    let result = b.select(is_infinite, infinity, result);
    let is_number = b.eq(x, x);
    let result = b.select(is_number, result, nan);
    let (sixteen, sign_mask) = (b.int(DType::U32, 16), b.int(DType::U32, 0x8000));
    let upper = b.shr(bits, sixteen);
    let sign = b.and(upper, sign_mask);
    b.or(result, sign)
}

/// The F32 value of F16 bits, given as U32.
fn f16_value(b: &mut BlockBuilder, bits: Val) -> Val {
    let (magnitude_mask, sign_mask) = (b.int(DType::U32, 0x7fff), b.int(DType::U32, 0x8000));
    let (thirteen, sixteen) = (b.int(DType::U32, 13), b.int(DType::U32, 16));
    let magnitude = b.and(bits, magnitude_mask);
    let moved = b.shl(magnitude, thirteen);
    let bias = b.int(DType::U32, (127 - 15) << 23);
    let normal = b.add(moved, bias);
    let special = b.add(normal, bias);
    // Denormals: put beside 0.5, which is then taken away.
    let half_bits = b.int(DType::U32, 126 << 23);
    let beside_bits = b.or(magnitude, half_bits);
    let (beside, half) = (b.bitcast(beside_bits, DType::F32), b.float(DType::F32, 0.5));
    let denormal = b.sub(beside, half);
    let denormal = b.bitcast(denormal, DType::U32);
    let (least_normal, infinity) = (b.int(DType::U32, 0x400), b.int(DType::U32, 0x7c00));
    let (is_denormal, is_special) = (b.lt(magnitude, least_normal), b.ge(magnitude, infinity));
    let result = b.select(is_denormal, denormal, normal);
    let result = b.select(is_special, special, result);
    let sign = b.and(bits, sign_mask);
    let sign = b.shl(sign, sixteen);
    let result = b.or(result, sign);
    b.bitcast(result, DType::F32)
}
