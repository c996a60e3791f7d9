//! What the functions share: formats, constants, polynomials, signs, exact sums and products.

use crate::loops::{BlockBuilder, UnaryOp, Val};
use crate::types::DType;

/// The layout of a floating type, and constants that follow from it.
#[derive(Clone, Copy)]
pub(super) struct Format {
    pub(super) float: DType,
    /// The signed integer of the same width.
    pub(super) int: DType,
    /// Bits of the fraction.
    pub(super) fraction: i64,
    pub(super) bias: i64,
    /// Added to an integer, it leaves that in the low bits. See Note: integers of 64 bits.
    pub(super) shifter: f64,
    pub(super) least_normal: f64,
    pub(super) sign_bit: i64,
}

impl Format {
    pub(super) fn of(dtype: DType) -> Format {
        if dtype == DType::F32 { Format::f32() } else { Format::f64() }
    }

    fn f32() -> Format {
        Format {
            float: DType::F32,
            int: DType::I32,
            fraction: 23,
            bias: 127,
            shifter: 12582912.0,
            least_normal: f64::from(f32::MIN_POSITIVE),
            sign_bit: i64::from(i32::MIN),
        }
    }

    fn f64() -> Format {
        Format {
            float: DType::F64,
            int: DType::I64,
            fraction: 52,
            bias: 1023,
            shifter: 6755399441055744.0,
            least_normal: f64::MIN_POSITIVE,
            sign_bit: i64::MIN,
        }
    }

    /// The bits of a constant of this type.
    pub(super) fn bits_of(self, value: f64) -> i64 {
        if self.float == DType::F32 {
            i64::from((value as f32).to_bits() as i32)
        } else {
            value.to_bits() as i64
        }
    }
}

/// A constant of the type of `like`, rounded to it.
pub(super) fn constant(b: &mut BlockBuilder, like: Val, value: f64) -> Val {
    b.float(b.dtype(like), value)
}

/// An integer constant of the type of `like`.
pub(super) fn integer(b: &mut BlockBuilder, like: Val, value: i64) -> Val {
    b.int(b.dtype(like), value)
}

/// The bits as a signed integer.
pub(super) fn bits(b: &mut BlockBuilder, x: Val) -> Val {
    let format = Format::of(b.dtype(x));
    b.bitcast(x, format.int)
}

/// `x + value`.
pub(super) fn add_constant(b: &mut BlockBuilder, x: Val, value: f64) -> Val {
    let value = constant(b, x, value);
    b.add(x, value)
}

/// `x * value`.
pub(super) fn scale(b: &mut BlockBuilder, x: Val, value: f64) -> Val {
    let value = constant(b, x, value);
    b.mul(x, value)
}

/// `x * value + y`.
pub(super) fn fma_constant(b: &mut BlockBuilder, x: Val, value: f64, y: Val) -> Val {
    let value = constant(b, x, value);
    b.fma(x, value, y)
}

/// The polynomial in `x` with these coefficients, constant term first.
pub(super) fn polynomial(b: &mut BlockBuilder, x: Val, coefficients: &[f64]) -> Val {
    let (last, rest) = coefficients.split_last().expect("a polynomial has coefficients");
    let mut sum = constant(b, x, *last);
    for &coefficient in rest.iter().rev() {
        let coefficient = constant(b, x, coefficient);
        sum = b.fma(sum, x, coefficient);
    }
    sum
}

/// The integer nearest to `x`, whatever rounding mode is set, and a sum whose low bits are that integer.
pub(super) fn nearest(b: &mut BlockBuilder, x: Val) -> (Val, Val) {
    let n = b.unary(UnaryOp::RoundEven, x);
    let shifter = Format::of(b.dtype(x)).shifter;
    (n, add_constant(b, n, shifter))
}

/// The sign of `sign` on `magnitude`, which must not be negative.
pub(super) fn with_sign_of(b: &mut BlockBuilder, magnitude: Val, sign: Val) -> Val {
    let format = Format::of(b.dtype(sign));
    let bits_of_sign = bits(b, sign);
    let mask = b.int(format.int, format.sign_bit);
    let sign_bit = b.and(bits_of_sign, mask);
    xor_sign(b, magnitude, sign_bit)
}

/// Flips the sign of `x` where `sign_bit` (an integer of the same width) has its highest bit set.
pub(super) fn xor_sign(b: &mut BlockBuilder, x: Val, sign_bit: Val) -> Val {
    let dtype = b.dtype(x);
    let x_bits = bits(b, x);
    let flipped = b.xor(x_bits, sign_bit);
    b.bitcast(flipped, dtype)
}

/// `x < limit ? below : otherwise`; NaN takes `otherwise`.
pub(super) fn select_below(b: &mut BlockBuilder, x: Val, limit: f64, below: Val, otherwise: Val) -> Val {
    let limit = constant(b, x, limit);
    let mask = b.lt(x, limit);
    b.select(mask, below, otherwise)
}

/// `x > limit ? above : otherwise`; NaN takes `otherwise`.
pub(super) fn select_above(b: &mut BlockBuilder, x: Val, limit: f64, above: Val, otherwise: Val) -> Val {
    let limit = constant(b, x, limit);
    let mask = b.gt(x, limit);
    b.select(mask, above, otherwise)
}

/// The smaller of `x` and `limit`; NaN stays.
pub(super) fn at_most(b: &mut BlockBuilder, x: Val, limit: f64) -> Val {
    let bound = constant(b, x, limit);
    select_above(b, x, limit, bound, x)
}

/// Computes in F64 and rounds once.
pub(super) fn through_f64(
    b: &mut BlockBuilder,
    x: Val,
    f: impl FnOnce(&mut BlockBuilder, Val) -> Val,
) -> Val {
    let dtype = b.dtype(x);
    let wide = b.convert(x, DType::F64);
    let result = f(b, wide);
    b.convert(result, dtype)
}

/// `x + y` as a rounded sum and its error.
pub(super) fn two_sum(b: &mut BlockBuilder, x: Val, y: Val) -> (Val, Val) {
    let sum = b.add(x, y);
    let y_part = b.sub(sum, x);
    let x_part = b.sub(sum, y_part);
    let (x_error, y_error) = (b.sub(x, x_part), b.sub(y, y_part));
    (sum, b.add(x_error, y_error))
}

/// As [`two_sum`], where `|x| >= |y|`.
pub(super) fn quick_two_sum(b: &mut BlockBuilder, x: Val, y: Val) -> (Val, Val) {
    let sum = b.add(x, y);
    let y_part = b.sub(sum, x);
    (sum, b.sub(y, y_part))
}

/// `x * y` as a rounded product and its error, whether or not the target has fused multiply-add: by splitting
/// factors into halves (Dekker). F64 only; magnitudes below 2^990.
pub(super) fn two_product(b: &mut BlockBuilder, x: Val, y: Val) -> (Val, Val) {
    let product = b.mul(x, y);
    let (x_high, x_low) = halves(b, x);
    let (y_high, y_low) = halves(b, y);
    let mut error = b.mul(x_high, y_high);
    error = b.sub(error, product);
    for (left, right) in [(x_high, y_low), (x_low, y_high), (x_low, y_low)] {
        let partial = b.mul(left, right);
        error = b.add(error, partial);
    }
    (product, error)
}

/// `x` as a sum of two values of 26 bits each, whose products are exact.
fn halves(b: &mut BlockBuilder, x: Val) -> (Val, Val) {
    let shifted = scale(b, x, 134217729.0);
    let rest = b.sub(shifted, x);
    let high = b.sub(shifted, rest);
    (high, b.sub(x, high))
}
