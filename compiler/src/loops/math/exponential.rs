//! exp, exp2, expm1, logistic.

use super::coefficients::{EXP_F32, EXP_F64};
use super::common::{
    Format, add_constant, bits, constant, fma_constant, integer, nearest, polynomial, scale, select_above,
    select_below,
};
use crate::loops::{BlockBuilder, Val};
use crate::types::DType;
use std::f64::consts::{LN_2, LOG2_E};

/// `e^x`. Results that would be denormal are zero.
pub fn exp(b: &mut BlockBuilder, x: Val) -> Val {
    let y = exp_in_range(b, x, None);
    let (least, greatest) = exp_range(b.dtype(x));
    saturate(b, x, y, least, greatest)
}

/// `2^x`. Results that would be denormal are zero.
pub fn exp2(b: &mut BlockBuilder, x: Val) -> Val {
    let format = Format::of(b.dtype(x));
    let (n, shifted) = nearest(b, x);
    let fraction = b.sub(x, n);
    let r = scale(b, fraction, LN_2);
    let tail = expm1_of_reduced(b, r);
    let one_more = add_constant(b, tail, 1.0);
    let y = times_power(b, one_more, shifted);
    let bias = format.bias as f64;
    // The largest value below the bias: there the result is still finite.
    let greatest = if format.float == DType::F32 { 127.99999237060547 } else { 1023.9999999999999 };
    saturate(b, x, y, 1.0 - bias, greatest)
}

/// `e^x - 1`, accurate near zero.
pub fn expm1(b: &mut BlockBuilder, x: Val) -> Val {
    let format = Format::of(b.dtype(x));
    let y = expm1_in_range(b, x);
    let (_, greatest) = exp_range(format.float);
    let (infinity, minus_one) = (constant(b, x, f64::INFINITY), constant(b, x, -1.0));
    let y = select_above(b, x, greatest, infinity, y);
    // Below this, e^x is less than half an ulp of one.
    let y = select_below(b, x, -40.0, minus_one, y);
    let magnitude = b.abs(x);
    select_below(b, magnitude, format.least_normal, x, y)
}

/// `1 / (1 + e^-x)`.
pub fn logistic(b: &mut BlockBuilder, x: Val) -> Val {
    let magnitude = b.abs(x);
    let negative = b.neg(magnitude);
    let e = exp(b, negative);
    let one = constant(b, x, 1.0);
    let denominator = b.add(one, e);
    let numerator = select_below(b, x, 0.0, e, one);
    b.div(numerator, denominator)
}

/// `e^(x + tail)` for a small tail; garbage where the result is not a normal number.
pub(super) fn exp_in_range(b: &mut BlockBuilder, x: Val, tail: Option<Val>) -> Val {
    let (_, shifted, r) = reduce(b, x);
    let r = tail.map_or(r, |tail| b.add(r, tail));
    let small = expm1_of_reduced(b, r);
    let one_more = add_constant(b, small, 1.0);
    times_power(b, one_more, shifted)
}

/// `e^(x + tail)`, saturated by `x` alone.
pub(super) fn exp_with_tail(b: &mut BlockBuilder, x: Val, tail: Val) -> Val {
    let y = exp_in_range(b, x, Some(tail));
    let (least, greatest) = exp_range(b.dtype(x));
    saturate(b, x, y, least, greatest)
}

/// `e^x / 2` for F64 x from 0 on, infinite only where the half itself overflows.
pub(super) fn half_exp(b: &mut BlockBuilder, x: Val) -> Val {
    let (_, shifted, r) = reduce(b, x);
    let tail = expm1_of_reduced(b, r);
    let one_more = add_constant(b, tail, 1.0);
    let half = scale(b, one_more, 0.5);
    let y = times_power(b, half, shifted);
    let infinity = constant(b, x, f64::INFINITY);
    select_above(b, x, 710.475_860_073_943_9, infinity, y)
}

/// The operands between which e^x is a normal number.
fn exp_range(dtype: DType) -> (f64, f64) {
    if dtype == DType::F32 { (-87.33654, 88.72283) } else { (-708.396_418_532_264_1, 709.782_712_893_384) }
}

fn saturate(b: &mut BlockBuilder, x: Val, y: Val, least: f64, greatest: f64) -> Val {
    let (zero, infinity) = (constant(b, x, 0.0), constant(b, x, f64::INFINITY));
    let y = select_above(b, x, greatest, infinity, y);
    let y = select_below(b, x, least, zero, y);
    // The exponent arithmetic may have turned a NaN into something else.
    let is_number = b.eq(x, x);
    b.select(is_number, y, x)
}

/// `x = n log(2) + r`: the integer n, the sum whose low bits are n, and r.
fn reduce(b: &mut BlockBuilder, x: Val) -> (Val, Val, Val) {
    let format = Format::of(b.dtype(x));
    let multiple = scale(b, x, LOG2_E);
    let (n, shifted) = nearest(b, multiple);
    // The high part has so few bits that its product with n is exact.
    let (high, low) = ln2_parts(format.float);
    let r = fma_constant(b, n, -high, x);
    (n, shifted, fma_constant(b, n, -low, r))
}

/// log(2) as a part of few bits and the rest.
pub(super) fn ln2_parts(dtype: DType) -> (f64, f64) {
    if dtype == DType::F32 {
        (0.693115234375, 3.1946184945309415e-5)
    } else {
        (0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10)
    }
}

/// `e^r - 1` for |r| up to log(2) / 2.
fn expm1_of_reduced(b: &mut BlockBuilder, r: Val) -> Val {
    let coefficients: &[f64] = if b.dtype(r) == DType::F32 { &EXP_F32 } else { &EXP_F64 };
    let q = polynomial(b, r, coefficients);
    let square = b.mul(r, r);
    b.fma(square, q, r)
}

/// `y * 2^n`, where the low bits of `shifted` are n: adds n to the exponent.
fn times_power(b: &mut BlockBuilder, y: Val, shifted: Val) -> Val {
    let format = Format::of(b.dtype(y));
    let (y_bits, n_bits) = (bits(b, y), bits(b, shifted));
    let amount = integer(b, n_bits, format.fraction);
    let exponent = b.shl(n_bits, amount);
    let sum = b.add(y_bits, exponent);
    b.bitcast(sum, format.float)
}

/// `e^x - 1` where e^x is finite and x above -40; the sign of zeros is lost.
fn expm1_in_range(b: &mut BlockBuilder, x: Val) -> Val {
    let (_, shifted, r) = reduce(b, x);
    let tail = expm1_of_reduced(b, r);
    // Half the power, so that the largest n has one; doubled at the end.
    let half = constant(b, x, 0.5);
    let half_power = times_power(b, half, shifted);
    let above = b.sub(half_power, half);
    let y = b.fma(half_power, tail, above);
    b.add(y, y)
}
