//! erf, erfc, erf_inv.

use super::coefficients::{
    ERF_INV_FAR_F32, ERF_INV_FAR_F64, ERF_INV_MID_F64, ERF_INV_NEAR_F32, ERF_INV_NEAR_F64, ERF_SMALL_F32,
    ERF_SMALL_F64, ERFC_F64, ERFC_LOG_F32,
};
use super::common::{
    add_constant, at_most, constant, polynomial, scale, select_above, select_below, through_f64, two_product,
    with_sign_of,
};
use super::exponential::{exp_in_range, exp_with_tail};
use super::logarithm::log;
use crate::loops::{BlockBuilder, Val};
use crate::types::DType;

/// The error function.
pub fn erf(b: &mut BlockBuilder, x: Val) -> Val {
    let magnitude = b.abs(x);
    let is_f32 = b.dtype(x) == DType::F32;
    let small = erf_small(b, magnitude);
    // Beyond the bound the result rounds to one.
    let bounded = at_most(b, magnitude, if is_f32 { 4.0 } else { 6.0 });
    let complement = if is_f32 {
        let exponent = polynomial(b, bounded, &ERFC_LOG_F32);
        let exponent = b.neg(exponent);
        exp_in_range(b, exponent, None)
    } else {
        erfc_large(b, bounded)
    };
    let one = constant(b, x, 1.0);
    let large = b.sub(one, complement);
    // NaN takes the polynomial, which keeps it; exponent arithmetic may not.
    let y = select_above(b, magnitude, if is_f32 { 0.9375 } else { 1.0 }, large, small);
    with_sign_of(b, y, x)
}

/// `1 - erf(x)`. F32 operands go through F64.
pub fn erfc(b: &mut BlockBuilder, x: Val) -> Val {
    if b.dtype(x) == DType::F32 {
        return through_f64(b, x, erfc);
    }
    let magnitude = b.abs(x);
    let small = erf_small(b, magnitude);
    let small = with_sign_of(b, small, x);
    let (one, two) = (constant(b, x, 1.0), constant(b, x, 2.0));
    let near = b.sub(one, small);
    let bounded = at_most(b, magnitude, 28.0);
    let right = erfc_large(b, bounded);
    let left = b.sub(two, right);
    let far = select_below(b, x, 0.0, left, right);
    select_below(b, magnitude, 0.5, near, far)
}

/// The inverse of [`erf`], as `x p(w)` with `w = -log(1 - x^2)`.
///
/// Source: the variable is that of M. Giles, "Approximating the erfinv function"; the coefficients are our own.
pub fn erf_inv(b: &mut BlockBuilder, x: Val) -> Val {
    let one = constant(b, x, 1.0);
    let (below, above) = (b.sub(one, x), b.add(one, x));
    let product = b.mul(below, above);
    let log_product = log(b, product);
    let w = b.neg(log_product);
    let root = b.sqrt(w);
    let ratio = if b.dtype(x) == DType::F32 {
        let near = shifted_polynomial(b, w, 2.5, &ERF_INV_NEAR_F32);
        let far = shifted_polynomial(b, root, 3.0, &ERF_INV_FAR_F32);
        select_below(b, w, 5.0, near, far)
    } else {
        let near = shifted_polynomial(b, w, 3.125, &ERF_INV_NEAR_F64);
        let middle = shifted_polynomial(b, root, 3.25, &ERF_INV_MID_F64);
        let far = shifted_polynomial(b, root, 5.0, &ERF_INV_FAR_F64);
        let beyond = select_below(b, w, 16.0, middle, far);
        select_below(b, w, 6.25, near, beyond)
    };
    let y = b.mul(x, ratio);
    // At one the result is infinite; beyond, the logarithm has made it NaN.
    let magnitude = b.abs(x);
    let infinity = constant(b, x, f64::INFINITY);
    let pole = with_sign_of(b, infinity, x);
    let at_pole = b.eq(magnitude, one);
    b.select(at_pole, pole, y)
}

fn shifted_polynomial(b: &mut BlockBuilder, x: Val, shift: f64, coefficients: &[f64]) -> Val {
    let shifted = add_constant(b, x, -shift);
    polynomial(b, shifted, coefficients)
}

/// For operands from 0 to about 1.
fn erf_small(b: &mut BlockBuilder, x: Val) -> Val {
    let coefficients: &[f64] = if b.dtype(x) == DType::F32 { &ERF_SMALL_F32 } else { &ERF_SMALL_F64 };
    let square = b.mul(x, x);
    let p = polynomial(b, square, coefficients);
    b.fma(x, p, x)
}

/// For F64 operands from 0.5 to 28.
fn erfc_large(b: &mut BlockBuilder, x: Val) -> Val {
    // The exponential magnifies the error of the square, so it is taken along.
    let (square, error) = two_product(b, x, x);
    let (minus_square, minus_error) = (b.neg(square), b.neg(error));
    let e = exp_with_tail(b, minus_square, minus_error);
    let (below, above) = (add_constant(b, x, -4.0), add_constant(b, x, 4.0));
    let t = b.div(below, above);
    let p = polynomial(b, t, &ERFC_F64);
    let doubled = scale(b, x, 2.0);
    let denominator = add_constant(b, doubled, 1.0);
    let product = b.mul(p, e);
    b.div(product, denominator)
}
