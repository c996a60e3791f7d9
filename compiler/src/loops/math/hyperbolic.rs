//! sinh, cosh, tanh and their inverses. All but tanh go through F64 for F32 operands.

use super::coefficients::{SINH_F64, TANH_DEN_F64, TANH_F32, TANH_NUM_F64};
use super::common::{
    add_constant, at_most, constant, polynomial, scale, select_above, select_below, through_f64, two_sum,
    with_sign_of,
};
use super::exponential::{exp_in_range, half_exp};
use super::logarithm::{log, log1p, log1p_with_tail};
use crate::loops::{BlockBuilder, Val};
use crate::types::DType;
use std::f64::consts::LN_2;

/// The hyperbolic tangent, in the type of its operand.
pub fn tanh(b: &mut BlockBuilder, x: Val) -> Val {
    let magnitude = b.abs(x);
    let small = tanh_small(b, magnitude);
    // 1 - 2 / (e^2x + 1); beyond the bound the result rounds to one.
    let bound = if b.dtype(x) == DType::F32 { 10.0 } else { 22.0 };
    let bounded = at_most(b, magnitude, bound);
    let doubled = b.add(bounded, bounded);
    let e = exp_in_range(b, doubled, None);
    let denominator = add_constant(b, e, 1.0);
    let (one, two) = (constant(b, x, 1.0), constant(b, x, 2.0));
    let quotient = b.div(two, denominator);
    let large = b.sub(one, quotient);
    // NaN takes the polynomial, which keeps it; exponent arithmetic may not.
    let y = select_above(b, magnitude, 0.625, large, small);
    with_sign_of(b, y, x)
}

/// The hyperbolic sine.
pub fn sinh(b: &mut BlockBuilder, x: Val) -> Val {
    if b.dtype(x) == DType::F32 {
        return through_f64(b, x, sinh);
    }
    let magnitude = b.abs(x);
    let square = b.mul(magnitude, magnitude);
    let p = polynomial(b, square, &SINH_F64);
    let cube = b.mul(square, magnitude);
    let small = b.fma(cube, p, magnitude);
    let half = half_exp(b, magnitude);
    let quarter = constant(b, x, 0.25);
    let reciprocal = b.div(quarter, half);
    let large = b.sub(half, reciprocal);
    // NaN takes the polynomial, as in `tanh`.
    let y = select_above(b, magnitude, 1.0, large, small);
    with_sign_of(b, y, x)
}

/// The hyperbolic cosine.
pub fn cosh(b: &mut BlockBuilder, x: Val) -> Val {
    if b.dtype(x) == DType::F32 {
        return through_f64(b, x, cosh);
    }
    let magnitude = b.abs(x);
    let half = half_exp(b, magnitude);
    let quarter = constant(b, x, 0.25);
    let reciprocal = b.div(quarter, half);
    let y = b.add(half, reciprocal);
    let is_number = b.eq(x, x);
    b.select(is_number, y, x)
}

/// The inverse of [`sinh`].
pub fn asinh(b: &mut BlockBuilder, x: Val) -> Val {
    if b.dtype(x) == DType::F32 {
        return through_f64(b, x, asinh);
    }
    // log(1 + a + a^2 / (1 + sqrt(1 + a^2))); the square must not overflow.
    let a = b.abs(x);
    let bounded = at_most(b, a, 1e10);
    let square = b.mul(bounded, bounded);
    let square_more = add_constant(b, square, 1.0);
    let root = b.sqrt(square_more);
    let root_more = add_constant(b, root, 1.0);
    let rest = b.div(square, root_more);
    let (sum, error) = two_sum(b, bounded, rest);
    let near = log1p_with_tail(b, sum, Some(error));
    let y = log_doubled_above(b, a, 1e9, near);
    with_sign_of(b, y, x)
}

/// The inverse of [`cosh`] from 1 on; NaN below.
pub fn acosh(b: &mut BlockBuilder, x: Val) -> Val {
    if b.dtype(x) == DType::F32 {
        return through_f64(b, x, acosh);
    }
    // log(1 + t + sqrt(t (t + 2))) with t = x - 1.
    let bounded = at_most(b, x, 1e10);
    let t = add_constant(b, bounded, -1.0);
    let two_more = add_constant(b, t, 2.0);
    let product = b.mul(t, two_more);
    let root = b.sqrt(product);
    let (sum, error) = two_sum(b, t, root);
    let near = log1p_with_tail(b, sum, Some(error));
    let y = log_doubled_above(b, x, 1e9, near);
    // The product of two negative factors hides operands below -1.
    let nan = constant(b, x, f64::NAN);
    select_below(b, x, 1.0, nan, y)
}

/// The inverse of [`tanh`]; infinite at 1 and -1, NaN beyond.
pub fn atanh(b: &mut BlockBuilder, x: Val) -> Val {
    if b.dtype(x) == DType::F32 {
        return through_f64(b, x, atanh);
    }
    // log(1 + 2a / (1 - a)) / 2.
    let a = b.abs(x);
    let one = constant(b, x, 1.0);
    let below = b.sub(one, a);
    let doubled = b.add(a, a);
    let quotient = b.div(doubled, below);
    // Where the caller rounds downwards, 1 - 1 is -0.
    let (at_pole, infinity) = (b.eq(a, one), constant(b, x, f64::INFINITY));
    let quotient = b.select(at_pole, infinity, quotient);
    let y = log1p(b, quotient);
    let y = scale(b, y, 0.5);
    with_sign_of(b, y, x)
}

/// `x > limit ? log(2x) : near`.
fn log_doubled_above(b: &mut BlockBuilder, x: Val, limit: f64, near: Val) -> Val {
    let log_x = log(b, x);
    let far = add_constant(b, log_x, LN_2);
    select_above(b, x, limit, far, near)
}

/// For operands from 0 to 0.65.
fn tanh_small(b: &mut BlockBuilder, x: Val) -> Val {
    let square = b.mul(x, x);
    let cube = b.mul(square, x);
    if b.dtype(x) == DType::F32 {
        let p = polynomial(b, square, &TANH_F32);
        return b.fma(cube, p, x);
    }
    // x - x (cosh - sinh / x) / cosh, the last two by their series.
    let numerator = polynomial(b, square, &TANH_NUM_F64);
    let p = polynomial(b, square, &TANH_DEN_F64);
    let one = constant(b, x, 1.0);
    let denominator = b.fma(square, p, one);
    let ratio = b.div(numerator, denominator);
    let negative = b.neg(cube);
    b.fma(negative, ratio, x)
}
