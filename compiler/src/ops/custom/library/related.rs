//! What the tangents are made of: functions that are no primitives, and series.

use crate::ir::{Atom, Body, Builder, Params};
use crate::ops::control::{CustomCall, CustomKind};
use crate::ops::elementwise::{BinaryKind, CompareKind, UnaryKind};
use crate::ops::special::{Special, SpecialKind};
use crate::types::DType;

/// The modified Bessel function I1, as a call that has its own rule.
pub(super) fn i1_of(b: &mut Builder, x: Atom) -> Atom {
    let mut body = Builder::new();
    let input: Atom = body.input(b.aval(x)).into();
    let magnitude = body.unary(UnaryKind::Abs, input);
    let power = body.unary(UnaryKind::Exp, magnitude);
    let scaled = body.emit_one(Special(SpecialKind::BesselI1e), &[input]);
    let value = body.mul(power, scaled);
    let rest = Params::new().with("jvp", "i1_impl_jvp").with("symbolic_zeros", false);
    let body = Body::new(body.finish(vec![value]));
    b.emit_one(CustomCall::new(CustomKind::Jvp, Some("i1_impl".to_string()), body, rest), &[x])
}

/// `e^(-x^2 / 2)`
pub(super) fn exponential_of_minus_half_square(b: &mut Builder, x: Atom) -> Atom {
    let (square, factor) = (b.mul(x, x), b.constant_like(x, -0.5));
    let exponent = b.mul(square, factor);
    b.unary(UnaryKind::Exp, exponent)
}

/// `sin(x) / x`, around zero by its power series.
pub(super) fn sinc_of(b: &mut Builder, x: Atom) -> Atom {
    const COEFFICIENTS: [f64; 7] = [
        1.0,
        -1.0 / 6.0,
        1.0 / 120.0,
        -1.0 / 5040.0,
        1.0 / 362_880.0,
        -1.0 / 39_916_800.0,
        1.0 / 6_227_020_800.0,
    ];
    let (magnitude, bound) = (b.unary(UnaryKind::Abs, x), b.constant_like(x, 0.5));
    let is_small = b.compare(CompareKind::Lt, magnitude, bound);
    let (zero, one) = (b.constant_like(x, 0.0), b.constant_like(x, 1.0));
    let near = b.select(is_small, x, zero);
    let square = b.mul(near, near);
    let series = polynomial(b, square, &COEFFICIENTS);
    let safe = b.select(is_small, one, x);
    let sine = b.unary(UnaryKind::Sin, safe);
    let far = b.div(sine, safe);
    b.select(is_small, series, far)
}

/// Is x far right? There, the sum over n > 0 of `(2n - 1)!! (sign / (2 x^2))^n`, as exact as the type allows.
pub(super) fn asymptotic(b: &mut Builder, x: Atom, sign: f64) -> (Atom, Atom) {
    let (bound, terms) = if b.dtype(x) == DType::F64 { (10.0, 13) } else { (5.0, 7) };
    let bound = b.constant_like(x, bound);
    let is_far = b.compare(CompareKind::Gt, x, bound);
    let safe = b.select(is_far, x, bound);
    let factor = b.constant_like(x, sign / 2.0);
    let ratio = b.div(factor, safe);
    let ratio = b.div(ratio, safe);
    let mut coefficients = vec![0.0, 1.0];
    for n in 2..terms {
        coefficients.push(coefficients[n - 1] * (2 * n - 1) as f64);
    }
    (is_far, polynomial(b, ratio, &coefficients))
}

/// `x^2` less a multiple of 4, by a part with few digits, whose square is exact.
pub(super) fn reduced_square(b: &mut Builder, x: Atom) -> Atom {
    let [eight, eighth, four] = [8.0, 0.125, 4.0].map(|value| b.constant_like(x, value));
    let scaled = b.mul(x, eight);
    let rounded = b.unary(UnaryKind::RoundEven, scaled);
    let high = b.mul(rounded, eighth);
    let square = b.mul(high, high);
    let square = b.binary(BinaryKind::Rem, square, four);
    let (low, sum) = (b.sub(x, high), b.add(x, high));
    let rest = b.mul(low, sum);
    b.add(square, rest)
}

/// The constant term comes first.
fn polynomial(b: &mut Builder, x: Atom, coefficients: &[f64]) -> Atom {
    let (last, rest) = coefficients.split_last().expect("a polynomial has coefficients");
    let mut sum = b.constant_like(x, *last);
    for &coefficient in rest.iter().rev() {
        let (product, coefficient) = (b.mul(sum, x), b.constant_like(x, coefficient));
        sum = b.add(product, coefficient);
    }
    sum
}
