//! lgamma, digamma.
//!
//! Operands below zero are reflected: `gamma(x) gamma(1 - x) = pi / sin(pi x)`. Others are moved to where a polynomial
//! or the asymptotic series holds, by steps of one that are taken or not, lane by lane.

use super::common::{add_constant, constant, polynomial, scale, select_below};
use super::logarithm::log;
use super::special_coefficients::{
    DIGAMMA_FAR_F32, DIGAMMA_FAR_F64, DIGAMMA_NEAR_F32, DIGAMMA_NEAR_F64, LGAMMA_FAR_F32, LGAMMA_FAR_F64,
    LGAMMA_NEAR_F32, LGAMMA_NEAR_F64,
};
use super::trigonometric::{cos_kernel, sin_kernel};
use crate::loops::{BlockBuilder, UnaryOp, Val};
use crate::types::DType;
use std::f64::consts::PI;

/// The logarithm of the absolute value of the gamma function; infinite at its poles. Within 5 ulp; around
/// its zeros below zero, of the terms that cancel.
pub fn lgamma(b: &mut BlockBuilder, x: Val) -> Val {
    let (zero, one) = (constant(b, x, 0.0), constant(b, x, 1.0));
    let below = b.lt(x, zero);
    let mirrored = b.sub(one, x);
    let z = b.select(below, mirrored, x);
    let right = lgamma_of_positive(b, z);
    let Turn { distance, sine, .. } = half_turns(b, x);
    let pi = constant(b, x, PI);
    // Just below zero, where the quotient may overflow, the function is -log(-x).
    let ratio = b.div(pi, sine);
    let magnitude = b.abs(x);
    let tiny = 2f64.powi(-60);
    let argument = select_below(b, magnitude, tiny, magnitude, ratio);
    let l = log(b, argument);
    let (minus, reflected) = (b.neg(l), b.sub(l, right));
    let left = select_below(b, magnitude, tiny, minus, reflected);
    // At a pole the distance is zero, at minus infinity it is not a number.
    let between_poles = b.gt(distance, zero);
    let infinity = constant(b, x, f64::INFINITY);
    let left = b.select(between_poles, left, infinity);
    b.select(below, left, right)
}

/// The derivative of [`lgamma`]; NaN at zero and at negative integers. Within 5 ulp; around its zeros, of the terms that
/// cancel.
pub fn digamma(b: &mut BlockBuilder, x: Val) -> Val {
    let (zero, one) = (constant(b, x, 0.0), constant(b, x, 1.0));
    let below = b.lt(x, zero);
    let mirrored = b.sub(one, x);
    let z = b.select(below, mirrored, x);
    let right = digamma_of_positive(b, z);
    // digamma(x) = digamma(1 - x) - pi cot(pi x), and the cotangent has the sign of x - round(x).
    let Turn { offset, sine, cosine, .. } = half_turns(b, x);
    let cotangent = b.div(cosine, sine);
    let pi_cotangent = scale(b, cotangent, PI);
    let negated = b.neg(pi_cotangent);
    let term = select_below(b, offset, 0.0, negated, pi_cotangent);
    let left = b.sub(right, term);
    let y = b.select(below, left, right);
    // Zero and the negative integers.
    let nan = constant(b, x, f64::NAN);
    let at_integer = b.eq(offset, zero);
    let at_pole = b.and(below, at_integer);
    let y = b.select(at_pole, nan, y);
    let is_zero = b.eq(x, zero);
    b.select(is_zero, nan, y)
}

/// Where `pi x` is relative to the nearest multiple of pi.
struct Turn {
    /// `x - round(x)`.
    offset: Val,
    /// `|offset|`, from 0 to 1/2.
    distance: Val,
    /// `|sin(pi x)|`.
    sine: Val,
    /// `cos(pi distance)`.
    cosine: Val,
}

fn half_turns(b: &mut BlockBuilder, x: Val) -> Turn {
    let nearest = b.unary(UnaryOp::RoundEven, x);
    let offset = b.sub(x, nearest);
    let distance = b.abs(offset);
    // The kernels hold up to pi / 4.
    let half = constant(b, x, 0.5);
    let rest = b.sub(half, distance);
    let quarter = select_below(b, distance, 0.25, distance, rest);
    let angle = scale(b, quarter, PI);
    let (sine, cosine) = (sin_kernel(b, angle), cos_kernel(b, angle));
    Turn {
        offset,
        distance,
        sine: select_below(b, distance, 0.25, sine, cosine),
        cosine: select_below(b, distance, 0.25, cosine, sine),
    }
}

/// A positive operand moved by steps of one.
struct Steps {
    /// The moved operand less 2, exact, between -1/2 and 1/2; garbage for operands from `far` on.
    t: Val,
    /// The product of all z + k passed on the way.
    product: Val,
    /// The derivative of that product, where it was asked for.
    slope: Val,
}

/// The operand from which on the asymptotic series is used, and how many steps it is above 2.5.
fn far(dtype: DType) -> (f64, usize) {
    if dtype == DType::F32 { (4.5, 2) } else { (8.0, 6) }
}

/// Up by one or two from below 1.5, down from above 2.5.
fn step_near_two(b: &mut BlockBuilder, z: Val) -> Steps {
    let one = constant(b, z, 1.0);
    let (minus_one, plus_one) = (add_constant(b, z, -1.0), add_constant(b, z, 1.0));
    let both = b.mul(z, plus_one);
    let both_slope = b.add(z, plus_one);
    let low_t = select_below(b, z, 0.5, z, minus_one);
    let low_product = select_below(b, z, 0.5, both, z);
    let low_slope = select_below(b, z, 0.5, both_slope, one);
    let (mut y, mut product, mut slope) = (z, one, constant(b, z, 0.0));
    for _ in 0..far(b.dtype(z)).1 {
        let lower = add_constant(b, y, -1.0);
        let (longer, steeper) = (b.mul(product, lower), b.fma(slope, lower, product));
        product = select_below(b, y, 2.5, product, longer);
        slope = select_below(b, y, 2.5, slope, steeper);
        y = select_below(b, y, 2.5, y, lower);
    }
    let high_t = add_constant(b, y, -2.0);
    Steps {
        t: select_below(b, z, 1.5, low_t, high_t),
        product: select_below(b, z, 1.5, low_product, product),
        slope: select_below(b, z, 1.5, low_slope, slope),
    }
}

// log(2 pi) / 2 - 1/2.
const STIRLING_CONSTANT: f64 = 0.418_938_533_204_672_8;

/// For operands from 0 on.
fn lgamma_of_positive(b: &mut BlockBuilder, z: Val) -> Val {
    let is_f32 = b.dtype(z) == DType::F32;
    let (far, _) = far(b.dtype(z));
    let near: &[f64] = if is_f32 { &LGAMMA_NEAR_F32 } else { &LGAMMA_NEAR_F64 };
    let tail: &[f64] = if is_f32 { &LGAMMA_FAR_F32 } else { &LGAMMA_FAR_F64 };
    // gamma(z) = gamma(t + 2) / product below 1.5, gamma(t + 2) * product above.
    let Steps { t, product, .. } = step_near_two(b, z);
    let argument = select_below(b, z, far, product, z);
    let l = log(b, argument);
    let p = polynomial(b, t, near);
    let reduced = b.mul(t, p);
    let (lower, higher) = (b.sub(reduced, l), b.add(reduced, l));
    let near = select_below(b, z, 1.5, lower, higher);
    // (z - 1/2) log(z) - z + log(2 pi) / 2 + tail(1 / z^2) / z.
    let one = constant(b, z, 1.0);
    let inverse = b.div(one, z);
    let square = b.mul(inverse, inverse);
    let series = polynomial(b, square, tail);
    let offset = constant(b, z, STIRLING_CONSTANT);
    let small = b.fma(series, inverse, offset);
    let (shifted, log_less_one) = (add_constant(b, z, -0.5), add_constant(b, l, -1.0));
    let far_value = b.fma(shifted, log_less_one, small);
    // NaN takes the second branch, infinity too.
    select_below(b, z, far, near, far_value)
}

/// For operands above 0.
fn digamma_of_positive(b: &mut BlockBuilder, z: Val) -> Val {
    let is_f32 = b.dtype(z) == DType::F32;
    let (far, _) = far(b.dtype(z));
    let near: &[f64] = if is_f32 { &DIGAMMA_NEAR_F32 } else { &DIGAMMA_NEAR_F64 };
    let tail: &[f64] = if is_f32 { &DIGAMMA_FAR_F32 } else { &DIGAMMA_FAR_F64 };
    // The sum of 1 / (z + k) is the logarithmic derivative of the product of z + k: one division for all steps.
    let Steps { t, product, slope } = step_near_two(b, z);
    let sum = b.div(slope, product);
    let reduced = polynomial(b, t, near);
    let (lower, higher) = (b.sub(reduced, sum), b.add(reduced, sum));
    let near = select_below(b, z, 1.5, lower, higher);
    let one = constant(b, z, 1.0);
    let inverse = b.div(one, z);
    let square = b.mul(inverse, inverse);
    let series = polynomial(b, square, tail);
    let half_inverse = scale(b, inverse, 0.5);
    let small = b.fma(series, square, half_inverse);
    let l = log(b, z);
    let far_value = b.sub(l, small);
    select_below(b, z, far, near, far_value)
}
