//! Integer operations beyond the machine subset.

use super::common::integer;
use crate::loops::{BlockBuilder, Val};
use crate::types::DType;

/// The high half of the full product of two integers.
pub fn mul_high(b: &mut BlockBuilder, x: Val, y: Val) -> Val {
    let dtype = b.dtype(x);
    match dtype {
        DType::U64 => mul_high_u64(b, x, y),
        DType::I64 => mul_high_i64(b, x, y),
        _ => {
            let wide = if dtype.is_signed() { DType::I64 } else { DType::U64 };
            let (x, y) = (b.convert(x, wide), b.convert(y, wide));
            let product = b.mul(x, y);
            let bits = integer(b, product, i64::from(dtype.bits()));
            let high = if dtype.is_signed() { b.sar(product, bits) } else { b.shr(product, bits) };
            b.convert(high, dtype)
        }
    }
}

/// By halves of 32 bits.
pub(super) fn mul_high_u64(b: &mut BlockBuilder, x: Val, y: Val) -> Val {
    let (bits, mask) = (integer(b, x, 32), integer(b, x, 0xffff_ffff));
    let (x_low, x_high) = (b.and(x, mask), b.shr(x, bits));
    let (y_low, y_high) = (b.and(y, mask), b.shr(y, bits));
    let low = b.mul(x_low, y_low);
    let carry = b.shr(low, bits);
    let first = b.mul(x_high, y_low);
    let first = b.add(first, carry);
    let second = b.mul(x_low, y_high);
    let first_low = b.and(first, mask);
    let second = b.add(second, first_low);
    let (first_high, second_high) = (b.shr(first, bits), b.shr(second, bits));
    let high = b.mul(x_high, y_high);
    let high = b.add(high, first_high);
    b.add(high, second_high)
}

/// The unsigned product, less what a negative factor counts too much.
fn mul_high_i64(b: &mut BlockBuilder, x: Val, y: Val) -> Val {
    let (x_bits, y_bits) = (b.bitcast(x, DType::U64), b.bitcast(y, DType::U64));
    let high = mul_high_u64(b, x_bits, y_bits);
    let high = b.bitcast(high, DType::I64);
    let zero = integer(b, x, 0);
    let (x_negative, y_negative) = (b.lt(x, zero), b.lt(y, zero));
    let (for_x, for_y) = (b.select(x_negative, y, zero), b.select(y_negative, x, zero));
    let high = b.sub(high, for_x);
    b.sub(high, for_y)
}
