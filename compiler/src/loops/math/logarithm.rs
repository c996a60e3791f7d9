//! log, log1p.

use super::coefficients::{LOG_F32, LOG_F64};
use super::common::{
    Format, add_constant, bits, constant, fma_constant, integer, polynomial, scale, select_above,
    select_below,
};
use super::exponential::ln2_parts;
use crate::loops::{BlockBuilder, Val};
use crate::types::DType;
use std::f64::consts::FRAC_1_SQRT_2;

/// The natural logarithm.
pub fn log(b: &mut BlockBuilder, x: Val) -> Val {
    let (normal, offset) = normalized(b, x);
    let (fraction, exponent) = split(b, normal);
    let f = add_constant(b, fraction, -1.0);
    let n = exponent_as_float(b, exponent);
    let n = b.sub(n, offset);
    let y = sum(b, f, n, None);
    log_edges(b, x, x, y)
}

/// `log(1 + x)`, accurate near zero.
pub fn log1p(b: &mut BlockBuilder, x: Val) -> Val {
    log1p_with_tail(b, x, None)
}

/// `log(1 + x + tail)` for a tail that is far smaller than x.
pub(super) fn log1p_with_tail(b: &mut BlockBuilder, x: Val, tail: Option<Val>) -> Val {
    let format = Format::of(b.dtype(x));
    let above = add_constant(b, x, 1.0);
    let (_, exponent) = split(b, above);
    // 1 + x = 2^n (1 + f) with f = x 2^-n + (2^-n - 1), which is rounded once only.
    let amount = integer(b, exponent, format.fraction);
    let exponent_bits = b.shl(exponent, amount);
    let x_bits = bits(b, x);
    let scaled_bits = b.sub(x_bits, exponent_bits);
    let moved = b.bitcast(scaled_bits, format.float);
    let is_one = integer(b, exponent, 0);
    let unmoved = b.eq(exponent, is_one);
    let scaled = b.select(unmoved, x, moved);
    let one_bits = integer(b, exponent, format.bits_of(1.0));
    let power_bits = b.sub(one_bits, exponent_bits);
    let power = b.bitcast(power_bits, format.float);
    // A very large operand would make the power denormal, where it does not matter any more.
    let zero = constant(b, x, 0.0);
    let power = select_above(b, x, 2f64.powi(100), zero, power);
    let power_less_one = add_constant(b, power, -1.0);
    let f = b.add(scaled, power_less_one);
    let n = exponent_as_float(b, exponent);
    let relative = tail.map(|tail| b.div(tail, above));
    let y = sum(b, f, n, relative);
    let y = log_edges(b, x, above, y);
    let magnitude = b.abs(x);
    select_below(b, magnitude, format.least_normal, x, y)
}

/// `x = normal / 2^offset`, where the offset is zero unless x is denormal. Zero and negative operands stay so.
pub(super) fn normalized(b: &mut BlockBuilder, x: Val) -> (Val, Val) {
    let format = Format::of(b.dtype(x));
    let shift = (format.fraction + 1) as i32;
    let (zero, shift_value) = (constant(b, x, 0.0), constant(b, x, f64::from(shift)));
    let scaled = scale(b, x, 2f64.powi(shift));
    let least = constant(b, x, format.least_normal);
    let is_denormal = b.lt(x, least);
    (b.select(is_denormal, scaled, x), b.select(is_denormal, shift_value, zero))
}

/// `x = fraction * 2^exponent`, the fraction between sqrt(1/2) and sqrt(2). For normal numbers above zero.
pub(super) fn split(b: &mut BlockBuilder, x: Val) -> (Val, Val) {
    let format = Format::of(b.dtype(x));
    let x_bits = bits(b, x);
    let threshold = integer(b, x_bits, format.bits_of(FRAC_1_SQRT_2));
    let above = b.sub(x_bits, threshold);
    let mask = integer(b, x_bits, (1 << format.fraction) - 1);
    let low = b.and(above, mask);
    let fraction = b.add(low, threshold);
    let amount = integer(b, x_bits, format.fraction);
    let exponent = b.sar(above, amount);
    (b.bitcast(fraction, format.float), exponent)
}

/// A small integer as a float of the same width, without a 64-bit conversion.
pub(super) fn exponent_as_float(b: &mut BlockBuilder, exponent: Val) -> Val {
    if b.dtype(exponent) == DType::I32 {
        return b.convert(exponent, DType::F32);
    }
    let format = Format::of(DType::F64);
    let shifter = integer(b, exponent, format.bits_of(format.shifter));
    let sum_bits = b.add(exponent, shifter);
    let sum = b.bitcast(sum_bits, DType::F64);
    add_constant(b, sum, -format.shifter)
}

/// `n log(2) + log(1 + f) + tail`.
fn sum(b: &mut BlockBuilder, f: Val, n: Val, tail: Option<Val>) -> Val {
    let (high, low) = ln2_parts(b.dtype(f));
    let n_low = scale(b, n, low);
    let small = tail.map_or(n_low, |tail| b.add(n_low, tail));
    let square = b.mul(f, f);
    let correction = if b.dtype(f) == DType::F32 {
        let p = polynomial(b, f, &LOG_F32);
        let minus_half = constant(b, f, -0.5);
        let series = b.fma(f, p, minus_half);
        b.fma(square, series, small)
    } else {
        // 2 atanh(s) = f - (f^2 / 2 - s (f^2 / 2 + s^2 P(s^2))) for s = f / (2 + f).
        let half_square = scale(b, square, 0.5);
        let denominator = add_constant(b, f, 2.0);
        let s = b.div(f, denominator);
        let s_square = b.mul(s, s);
        let p = polynomial(b, s_square, &LOG_F64);
        let inner = b.fma(s_square, p, half_square);
        let product = b.fma(s, inner, small);
        b.sub(product, half_square)
    };
    let near = b.add(f, correction);
    fma_constant(b, n, high, near)
}

/// The logarithm of `operand`, given `y` where it is above zero: zero, negative, infinite and NaN operands.
/// `x` is what the caller was given: infinite or NaN exactly where the operand is.
fn log_edges(b: &mut BlockBuilder, x: Val, operand: Val, y: Val) -> Val {
    let (nan, pole) = (constant(b, x, f64::NAN), constant(b, x, f64::NEG_INFINITY));
    let zero = constant(b, x, 0.0);
    let is_negative = b.lt(operand, zero);
    let low = b.select(is_negative, nan, pole);
    let is_low = b.le(operand, zero);
    let y = b.select(is_low, low, y);
    select_below(b, operand, f64::INFINITY, y, x)
}
