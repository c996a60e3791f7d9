//! Powers and roots.

use super::coefficients::LOG_TAIL;
use super::common::{
    Format, add_constant, bits, constant, fma_constant, polynomial, quick_two_sum, scale, select_above,
    select_below, two_product, two_sum, with_sign_of,
};
use super::exponential::{exp, exp_with_tail};
use super::logarithm::{exponent_as_float, log, normalized, split};
use crate::loops::{BlockBuilder, UnaryOp, Val};
use crate::types::DType;

/// `1 / sqrt(x)`.
pub fn rsqrt(b: &mut BlockBuilder, x: Val) -> Val {
    let one = constant(b, x, 1.0);
    let root = b.sqrt(x);
    b.div(one, root)
}

/// The real cube root. F32 operands go through F64.
pub fn cbrt(b: &mut BlockBuilder, x: Val) -> Val {
    let dtype = b.dtype(x);
    let wide = b.convert(x, DType::F64);
    let magnitude = b.abs(wide);
    let root = if dtype == DType::F32 {
        estimated_cbrt(b, magnitude)
    } else {
        // Numbers so small that errors of their size vanish are scaled up, and their roots down.
        let small = 2f64.powi(-600);
        let scaled = scale(b, magnitude, 2f64.powi(300));
        let operand = select_below(b, magnitude, small, scaled, magnitude);
        let root = estimated_cbrt(b, operand);
        let root = improved_cbrt(b, root, operand);
        let scaled_root = scale(b, root, 2f64.powi(-100));
        select_below(b, magnitude, small, scaled_root, root)
    };
    let root = with_sign_of(b, root, wide);
    let root = b.convert(root, dtype);
    // Zeros, infinities and NaN stay.
    let (magnitude, zero) = (b.abs(x), constant(b, x, 0.0));
    let root = select_below(b, magnitude, f64::INFINITY, root, x);
    let is_zero = b.eq(x, zero);
    b.select(is_zero, x, root)
}

fn estimated_cbrt(b: &mut BlockBuilder, magnitude: Val) -> Val {
    let log_x = log(b, magnitude);
    let third = scale(b, log_x, 1.0 / 3.0);
    exp(b, third)
}

/// `x^y` with C's special cases.
pub fn pow(b: &mut BlockBuilder, x: Val, y: Val) -> Val {
    let dtype = b.dtype(x);
    let magnitude = b.abs(x);
    let power = if dtype == DType::F32 {
        let (wide, y) = (b.convert(magnitude, DType::F64), b.convert(y, DType::F64));
        let log_x = log(b, wide);
        let y = bounded_exponent(b, y);
        let product = b.mul(y, log_x);
        let power = exp(b, product);
        b.convert(power, dtype)
    } else {
        pow_of_positive(b, magnitude, y)
    };
    let power = pow_edges(b, x, y, power);
    let is_odd = odd_integer(b, y);
    let zero_bits = b.int(Format::of(dtype).int, 0);
    let x_bits = bits(b, x);
    let is_signed = b.lt(x_bits, zero_bits);
    let negated = b.and(is_signed, is_odd);
    let minus = b.neg(power);
    let power = b.select(negated, minus, power);
    pow_domain(b, x, y, power)
}

/// One step of Newton's method with an exact remainder. Large numbers are halved thrice and their roots once, so that
/// the cube of a root that was rounded up does not overflow.
fn improved_cbrt(b: &mut BlockBuilder, root: Val, x: Val) -> Val {
    let one = constant(b, x, 1.0);
    let (half, eighth) = (constant(b, x, 0.5), constant(b, x, 0.125));
    let is_large = b.gt(x, one);
    let (root_scale, x_scale) = (b.select(is_large, half, one), b.select(is_large, eighth, one));
    let (scaled_root, scaled_x) = (b.mul(root, root_scale), b.mul(x, x_scale));
    let (square, square_error) = two_product(b, scaled_root, scaled_root);
    let (cube, cube_error) = two_product(b, square, scaled_root);
    let cube_error = b.fma(square_error, scaled_root, cube_error);
    let rest = b.sub(scaled_x, cube);
    let rest = b.sub(rest, cube_error);
    let slope = scale(b, square, 3.0);
    let step = b.div(rest, slope);
    let improved = b.add(scaled_root, step);
    b.div(improved, root_scale)
}

/// Zero and infinite magnitudes of the base, where the logarithm is not finite.
fn pow_edges(b: &mut BlockBuilder, x: Val, y: Val, power: Val) -> Val {
    let magnitude = b.abs(x);
    let (zero, infinity) = (constant(b, x, 0.0), constant(b, x, f64::INFINITY));
    let y_negative = b.lt(y, zero);
    let of_zero = b.select(y_negative, infinity, zero);
    let of_infinity = b.select(y_negative, zero, infinity);
    let is_infinite = b.eq(magnitude, infinity);
    let power = b.select(is_infinite, of_infinity, power);
    let is_zero = b.eq(magnitude, zero);
    b.select(is_zero, of_zero, power)
}

/// NaN operands, negative bases with exponents that are no integers, and the ones that win over NaN.
fn pow_domain(b: &mut BlockBuilder, x: Val, y: Val, power: Val) -> Val {
    let (zero, one, nan) = (constant(b, x, 0.0), constant(b, x, 1.0), constant(b, x, f64::NAN));
    let minus_infinity = constant(b, x, f64::NEG_INFINITY);
    let (negative, finite) = (b.lt(x, zero), b.gt(x, minus_infinity));
    let whole = b.unary(UnaryOp::Trunc, y);
    let not_whole = b.ne(whole, y);
    let undefined = b.and(negative, finite);
    let undefined = b.and(undefined, not_whole);
    let power = b.select(undefined, nan, power);
    let (x_is_nan, y_is_nan) = (b.ne(x, x), b.ne(y, y));
    let any_nan = b.or(x_is_nan, y_is_nan);
    let power = b.select(any_nan, nan, power);
    let (x_is_one, y_is_zero) = (b.eq(x, one), b.eq(y, zero));
    let wins = b.or(x_is_one, y_is_zero);
    b.select(wins, one, power)
}

fn odd_integer(b: &mut BlockBuilder, y: Val) -> Val {
    let half = scale(b, y, 0.5);
    let (whole, half_whole) = (b.unary(UnaryOp::Trunc, y), b.unary(UnaryOp::Trunc, half));
    let (is_whole, is_odd) = (b.eq(whole, y), b.ne(half_whole, half));
    b.and(is_whole, is_odd)
}

/// F64, for x above zero: the logarithm has to be known to about 66 bits, because the exponential magnifies its error.
fn pow_of_positive(b: &mut BlockBuilder, x: Val, y: Val) -> Val {
    let (high, low) = log_in_two_parts(b, x);
    let y = bounded_exponent(b, y);
    let (product, error) = two_product(b, y, high);
    let error = b.fma(y, low, error);
    exp_with_tail(b, product, error)
}

/// Larger exponents make no difference, but would overflow in a splitting, or turn a zero logarithm into NaN.
fn bounded_exponent(b: &mut BlockBuilder, y: Val) -> Val {
    let bound = 2f64.powi(80);
    let (most, least) = (constant(b, y, bound), constant(b, y, -bound));
    let y = select_above(b, y, bound, most, y);
    select_below(b, y, -bound, least, y)
}

/// log(x) as a sum of two values.
fn log_in_two_parts(b: &mut BlockBuilder, x: Val) -> (Val, Val) {
    let (normal, offset) = normalized(b, x);
    let (fraction, exponent) = split(b, normal);
    let n = exponent_as_float(b, exponent);
    let n = b.sub(n, offset);
    let f = add_constant(b, fraction, -1.0);
    // s = f / (2 + f) in two parts.
    let denominator = add_constant(b, f, 2.0);
    let back = add_constant(b, denominator, -2.0);
    let denominator_tail = b.sub(f, back);
    let s = b.div(f, denominator);
    let (product, error) = two_product(b, s, denominator);
    let rest = b.sub(f, product);
    let rest = b.sub(rest, error);
    let more = b.mul(s, denominator_tail);
    let rest = b.sub(rest, more);
    let s_tail = b.div(rest, denominator);
    let (near, near_tail) = atanh_in_two_parts(b, s, s_tail);
    // log(2) with a first part of 40 bits, whose product with n is exact.
    let n_high = scale(b, n, 0.693_147_180_559_208_2);
    let (high, error) = two_sum(b, n_high, near);
    let tail = fma_constant(b, n, 7.371_002_565_167_799e-13, near_tail);
    let tail = b.add(tail, error);
    quick_two_sum(b, high, tail)
}

/// `2 atanh(s + s_tail) = 2 s (1 + (s^2 / 3 + s^4 P(s^2)))` as a sum of two values.
fn atanh_in_two_parts(b: &mut BlockBuilder, s: Val, s_tail: Val) -> (Val, Val) {
    let (square, square_tail) = two_product(b, s, s);
    let doubled = b.add(s, s);
    let square_tail = b.fma(doubled, s_tail, square_tail);
    let third = constant(b, s, 1.0 / 3.0);
    let (series, series_tail) = two_product(b, square, third);
    // What rounding a third leaves off.
    let series_tail = fma_constant(b, square, 1.850_371_707_708_594e-17, series_tail);
    let series_tail = b.fma(square_tail, third, series_tail);
    let fourth = b.mul(square, square);
    let p = polynomial(b, square, &LOG_TAIL);
    let series_tail = b.fma(fourth, p, series_tail);
    let (series, series_tail) = quick_two_sum(b, series, series_tail);
    let (product, product_tail) = two_product(b, s, series);
    let product_tail = b.fma(s, series_tail, product_tail);
    let product_tail = b.fma(s_tail, series, product_tail);
    let (sum, error) = quick_two_sum(b, s, product);
    let tail = b.add(s_tail, product_tail);
    let tail = b.add(tail, error);
    (b.add(sum, sum), b.add(tail, tail))
}
