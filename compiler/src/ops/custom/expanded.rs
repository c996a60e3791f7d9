//! What JAX writes in the place of special functions that StableHLO lacks, around loops and sums that may be anything.

use super::super::elementwise::{BinaryKind, CompareKind, UnaryKind};
use super::super::special::{Special, SpecialKind};
use crate::ir::{Atom, Builder};

/// Of a and x; the others are a continued fraction and a series.
pub(super) fn igamma(b: &mut Builder, x: &[Atom]) -> Atom {
    let &[a, x, fraction, series] = x else {
        unreachable!("the pattern has two operands and two free values")
    };
    let (zero, one) = (b.constant_like(x, 0.0), b.constant_like(x, 1.0));
    let is_large = b.compare(CompareKind::Ge, x, one);
    let is_above = b.compare(CompareKind::Gt, x, a);
    let by_fraction = b.binary(BinaryKind::And, is_large, is_above);
    let weight = weight(b, a, x);
    let of_fraction = b.mul(fraction, weight);
    let of_fraction = b.sub(one, of_fraction);
    let of_series = b.mul(series, weight);
    let of_series = b.div(of_series, a);
    let result = b.select(by_fraction, of_fraction, of_series);
    let is_zero = b.compare(CompareKind::Eq, x, zero);
    let result = b.select(is_zero, zero, result);
    let is_infinite = equals_infinity(b, x);
    let result = b.select(is_infinite, one, result);
    inside_domain(b, a, x, result)
}

/// As [`igamma`].
pub(super) fn igammac(b: &mut Builder, x: &[Atom]) -> Atom {
    let &[a, x, fraction, series] = x else {
        unreachable!("the pattern has two operands and two free values")
    };
    let (zero, one) = (b.constant_like(x, 0.0), b.constant_like(x, 1.0));
    let is_small = b.compare(CompareKind::Lt, x, one);
    let is_below = b.compare(CompareKind::Lt, x, a);
    let by_series = b.binary(BinaryKind::Or, is_small, is_below);
    let weight = weight(b, a, x);
    let of_series = b.mul(series, weight);
    let of_series = b.div(of_series, a);
    let of_series = b.sub(one, of_series);
    let of_fraction = b.mul(fraction, weight);
    let result = b.select(by_series, of_series, of_fraction);
    let is_infinite = equals_infinity(b, x);
    let is_zero = b.compare(CompareKind::Eq, a, zero);
    let vanishes = b.binary(BinaryKind::Or, is_infinite, is_zero);
    let result = b.select(vanishes, zero, result);
    inside_domain(b, a, x, result)
}

/// Of x; the others are the sums of two Chebyshev series, up to their last terms.
pub(super) fn bessel_i0e(b: &mut Builder, x: &[Atom]) -> Atom {
    let &[x, near, near_before, far, far_before] = x else {
        unreachable!("the pattern has one operand and four free values")
    };
    let size = b.unary(UnaryKind::Abs, x);
    // The largest coefficients of the two series.
    let near = end_of_series(b, near, near_before, 0.676_795_274_409_476_1);
    let far = end_of_series(b, far, far_before, 0.804_490_411_014_108_8);
    let root = b.unary(UnaryKind::Sqrt, size);
    let far = b.div(far, root);
    let eight = b.constant_like(x, 8.0);
    let is_near = b.compare(CompareKind::Le, size, eight);
    b.select(is_near, near, far)
}

fn end_of_series(b: &mut Builder, sum: Atom, before: Atom, coefficient: f64) -> Atom {
    let (half, last) = (b.constant_like(sum, 0.5), b.constant_like(sum, coefficient));
    let sum = b.add(sum, last);
    let difference = b.sub(sum, before);
    b.mul(half, difference)
}

/// `e^(a log(x) - x - lgamma(a))`
fn weight(b: &mut Builder, a: Atom, x: Atom) -> Atom {
    let log = b.unary(UnaryKind::Log, x);
    let power = b.mul(a, log);
    let exponent = b.sub(power, x);
    let lgamma = b.emit_one(Special(SpecialKind::Lgamma), &[a]);
    let exponent = b.sub(exponent, lgamma);
    b.unary(UnaryKind::Exp, exponent)
}

fn equals_infinity(b: &mut Builder, x: Atom) -> Atom {
    let infinity = b.constant_like(x, f64::INFINITY);
    b.compare(CompareKind::Eq, x, infinity)
}

/// NaN where a or x is NaN or negative, or where both are zero.
fn inside_domain(b: &mut Builder, a: Atom, x: Atom, result: Atom) -> Atom {
    let (zero, nan) = (b.constant_like(x, 0.0), b.constant_like(x, f64::NAN));
    let [a_is_zero, x_is_zero] = [a, x].map(|y| b.compare(CompareKind::Eq, y, zero));
    let both_zero = b.binary(BinaryKind::And, a_is_zero, x_is_zero);
    let [x_is_negative, a_is_negative] = [x, a].map(|y| b.compare(CompareKind::Lt, y, zero));
    let is_negative = b.binary(BinaryKind::Or, x_is_negative, a_is_negative);
    let is_outside = b.binary(BinaryKind::Or, is_negative, both_zero);
    let [a_is_nan, x_is_nan] = [a, x].map(|y| b.compare(CompareKind::Ne, y, y));
    let is_nan = b.binary(BinaryKind::Or, a_is_nan, x_is_nan);
    let is_outside = b.binary(BinaryKind::Or, is_outside, is_nan);
    b.select(is_outside, nan, result)
}
