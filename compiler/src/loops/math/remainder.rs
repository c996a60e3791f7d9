//! The remainder of floats, exact, with the sign of the dividend (C's `fmod`).

use super::common::{constant, select_below, two_product, with_sign_of};
use crate::loops::{Block, BlockBuilder, UnaryOp, Val};
use crate::types::DType;

/// `x - trunc(x / y) * y` without rounding. NaN for a zero divisor or an infinite dividend.
pub fn rem(b: &mut BlockBuilder, x: Val, y: Val) -> Val {
    let dtype = b.dtype(x);
    let (x_wide, y_wide) = (b.convert(x, DType::F64), b.convert(y, DType::F64));
    let (x_magnitude, y_magnitude) = (b.abs(x_wide), b.abs(y_wide));
    // Quotients up to the bound make the remainder exact: F32 divisors have 24 bits to the 53 of F64.
    let bound = if dtype == DType::F32 { 2f64.powi(28) } else { 2f64.powi(51) };
    let fast = rem_of_near(b, x_magnitude, y_magnitude, dtype == DType::F64);
    let is_far = far(b, x_magnitude, y_magnitude, bound);
    let rest = b.rare(is_far, fast, slow_block(), vec![x_magnitude, y_magnitude]);
    // Infinite divisors leave the dividend.
    let smaller = b.lt(x_magnitude, y_magnitude);
    let rest = b.select(smaller, x_magnitude, rest);
    let rest = with_sign_of(b, rest, x_wide);
    b.convert(rest, dtype)
}

fn rem_of_near(b: &mut BlockBuilder, x: Val, y: Val, needs_splitting: bool) -> Val {
    let quotient = b.div(x, y);
    let whole = b.unary(UnaryOp::Trunc, quotient);
    let rest = if needs_splitting {
        let (x, y, unscale) = scaled_pair(b, x, y);
        let (product, error) = two_product(b, whole, y);
        let rest = b.sub(x, product);
        let rest = b.sub(rest, error);
        b.mul(rest, unscale)
    } else {
        let product = b.mul(whole, y);
        b.sub(x, product)
    };
    // The rounded quotient may be one too large or too small.
    let zero = constant(b, x, 0.0);
    let (up, too_low) = (b.add(rest, y), b.lt(rest, zero));
    let rest = b.select(too_low, up, rest);
    let (down, too_high) = (b.sub(rest, y), b.ge(rest, y));
    b.select(too_high, down, rest)
}

/// Both scaled alike, away from the overflow of splitting and from denormal errors; and the way back.
fn scaled_pair(b: &mut BlockBuilder, x: Val, y: Val) -> (Val, Val, Val) {
    let (up, down) = (constant(b, x, 2f64.powi(200)), constant(b, x, 2f64.powi(-200)));
    let factor = select_below(b, x, 1.0, up, down);
    let back = select_below(b, x, 1.0, down, up);
    (b.mul(x, factor), b.mul(y, factor), back)
}

/// Is the quotient beyond `bound`, and the remainder a number?
fn far(b: &mut BlockBuilder, x: Val, y: Val, bound: f64) -> Val {
    let bound = constant(b, x, bound);
    let limit = b.mul(y, bound);
    let (infinity, zero) = (constant(b, x, f64::INFINITY), constant(b, x, 0.0));
    let (beyond, finite, nonzero) = (b.ge(x, limit), b.lt(x, infinity), b.gt(y, zero));
    let is_number = b.and(finite, nonzero);
    b.and(beyond, is_number)
}

/// F64 magnitudes x and y above zero, x the larger: `mx 2^d mod my` in integers, the power by squaring. Numbers below the
/// normal ones are scaled up first.
fn slow_block() -> Block {
    let mut builder = BlockBuilder::new();
    let b = &mut builder;
    let (x, y) = (b.param(DType::F64), b.param(DType::F64));
    let (x, x_shift, _) = normal(b, x);
    let (y, y_shift, back) = normal(b, y);
    let (x_exponent, x_mantissa) = parts(b, x);
    let (y_exponent, modulus) = parts(b, y);
    let (distance, shift) = (b.sub(x_exponent, y_exponent), b.sub(y_shift, x_shift));
    let distance = b.add(distance, shift);
    let (zero, one) = (b.int(DType::I64, 0), b.int(DType::I64, 1));
    let mut power = one;
    for bit in (0..12).rev() {
        power = product_modulo(b, power, power, modulus);
        let amount = b.int(DType::I64, bit);
        let shifted = b.sar(distance, amount);
        let low = b.and(shifted, one);
        let is_set = b.ne(low, zero);
        let doubled = b.add(power, power);
        let doubled = less_modulus(b, doubled, modulus);
        power = b.select(is_set, doubled, power);
    }
    let rest = product_modulo(b, x_mantissa, power, modulus);
    // rest * 2^(y_exponent - 1075), in two factors that are normal.
    let rest = b.convert(rest, DType::F64);
    let small = constant(b, rest, 2f64.powi(-52));
    let rest = b.mul(rest, small);
    let amount = b.int(DType::I64, 52);
    let power_bits = b.shl(y_exponent, amount);
    let power = b.bitcast(power_bits, DType::F64);
    let rest = b.mul(rest, power);
    let rest = b.mul(rest, back);
    builder.finish_with(vec![rest])
}

/// A number times a power of two that makes it normal, the power's exponent, and the way back.
fn normal(b: &mut BlockBuilder, x: Val) -> (Val, Val, Val) {
    const SHIFT: i32 = 64;
    let least = constant(b, x, f64::MIN_POSITIVE);
    let is_small = b.lt(x, least);
    let (one, up) = (constant(b, x, 1.0), constant(b, x, 2f64.powi(SHIFT)));
    let down = constant(b, x, 2f64.powi(-SHIFT));
    let (factor, back) = (b.select(is_small, up, one), b.select(is_small, down, one));
    let (shift, none) = (b.int(DType::I64, SHIFT.into()), b.int(DType::I64, 0));
    (b.mul(x, factor), b.select(is_small, shift, none), back)
}

/// The biased exponent and the mantissa, leading bit included.
fn parts(b: &mut BlockBuilder, x: Val) -> (Val, Val) {
    let x_bits = b.bitcast(x, DType::I64);
    let (amount, mask) = (b.int(DType::I64, 52), b.int(DType::I64, (1 << 52) - 1));
    let leading = b.int(DType::I64, 1 << 52);
    let fraction = b.and(x_bits, mask);
    (b.sar(x_bits, amount), b.or(fraction, leading))
}

/// `x * y mod modulus` for x and y below 2^53 and a modulus from 2^52 on, y below it. The quotient comes from floats
/// and is off by two at most; the remainder of the wrapped products is exact.
fn product_modulo(b: &mut BlockBuilder, x: Val, y: Val, modulus: Val) -> Val {
    let (x_float, y_float) = (b.convert(x, DType::F64), b.convert(y, DType::F64));
    let modulus_float = b.convert(modulus, DType::F64);
    let product = b.mul(x_float, y_float);
    let quotient = b.div(product, modulus_float);
    let quotient = b.convert(quotient, DType::I64);
    let (product, whole) = (b.mul(x, y), b.mul(quotient, modulus));
    let mut rest = b.sub(product, whole);
    let zero = b.int(DType::I64, 0);
    for _ in 0..2 {
        let (up, too_low) = (b.add(rest, modulus), b.lt(rest, zero));
        rest = b.select(too_low, up, rest);
    }
    rest = less_modulus(b, rest, modulus);
    less_modulus(b, rest, modulus)
}

fn less_modulus(b: &mut BlockBuilder, x: Val, modulus: Val) -> Val {
    let (less, too_high) = (b.sub(x, modulus), b.ge(x, modulus));
    b.select(too_high, less, x)
}
