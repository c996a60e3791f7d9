//! Integers of 2 and 4 bits: one per byte in memory, sign- or zero-extended, and so in registers. Operations compute
//! on bytes and wrap.

use crate::loops::{BinaryOp, BlockBuilder, Val};
use crate::types::DType;

/// Is it an integer below one byte?
pub(super) fn is_short(dtype: DType) -> bool {
    dtype.is_integer() && dtype.bits() < 8
}

/// The byte type that holds its values.
pub(super) fn byte(dtype: DType) -> DType {
    if dtype.is_signed() { DType::I8 } else { DType::U8 }
}

/// The value of the low bits of a byte: sign-extended for signed types.
pub(super) fn wrap(b: &mut BlockBuilder, x: Val, dtype: DType) -> Val {
    let amount = b.int(byte(dtype), i64::from(8 - dtype.bits()));
    let high = b.shl(x, amount);
    if dtype.is_signed() { b.sar(high, amount) } else { b.shr(high, amount) }
}

/// The low bits of a byte, zero-extended.
pub(super) fn low_bits(b: &mut BlockBuilder, x: Val, dtype: DType) -> Val {
    let mask = b.int(byte(dtype), (1 << dtype.bits()) - 1);
    b.and(x, mask)
}

/// The low bits of a byte, sign-extended whatever the type says.
pub(super) fn sign_extended(b: &mut BlockBuilder, x: Val, dtype: DType) -> Val {
    let amount = b.int(byte(dtype), i64::from(8 - dtype.bits()));
    let high = b.shl(x, amount);
    b.sar(high, amount)
}

/// The nearest value of the type to that of a byte.
pub(super) fn saturate(b: &mut BlockBuilder, x: Val, dtype: DType) -> Val {
    let magnitude_bits = dtype.bits() - u32::from(dtype.is_signed());
    let greatest = (1 << magnitude_bits) - 1;
    let least = if dtype.is_signed() { -greatest - 1 } else { 0 };
    let (least, greatest) = (b.int(byte(dtype), least), b.int(byte(dtype), greatest));
    let raised = b.binary(BinaryOp::Max, x, least);
    b.binary(BinaryOp::Min, raised, greatest)
}
