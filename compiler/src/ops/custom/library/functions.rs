//! The tangents, one function each.

use super::Site;
use super::related::{asymptotic, exponential_of_minus_half_square, i1_of, reduced_square, sinc_of};
use crate::ir::{Atom, Builder, Program};
use crate::ops::Op;
use crate::ops::elementwise::{BinaryKind, CompareKind, UnaryKind};
use crate::ops::special::{Special, SpecialKind};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2, PI};

fn scaled(b: &mut Builder, x: Atom, factor: f64) -> Atom {
    let factor = b.constant_like(x, factor);
    b.mul(x, factor)
}

/// The tangent of a function of one operand and one result, from its slope.
fn along(b: &mut Builder, at: &Site, slope: Atom) -> Vec<Atom> {
    vec![b.mul(at.tangents[0], slope)]
}

/// The sum of slopes times tangents.
fn total(b: &mut Builder, at: &Site, slopes: &[Atom]) -> Vec<Atom> {
    let terms: Vec<Atom> =
        slopes.iter().zip(at.tangents).map(|(&slope, &tangent)| b.mul(tangent, slope)).collect();
    vec![terms.into_iter().reduce(|sum, term| b.add(sum, term)).expect("functions have operands")]
}

pub(super) fn i0(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let slope = i1_of(b, at.x[0]);
    along(b, at, slope)
}

/// `I0(x) - I1(x) / x`; around zero, where that cancels, `1/2 + 3 x^2 / 16 + 5 x^4 / 384`.
pub(super) fn i1(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let x = at.x[0];
    let [one, half, second, fourth] =
        [1.0, 0.5, 3.0 / 16.0, 5.0 / 384.0].map(|value| b.constant_like(x, value));
    let square = b.mul(x, x);
    let series = b.mul(square, fourth);
    let series = b.add(series, second);
    let series = b.mul(series, square);
    let series = b.add(series, half);
    let magnitude = b.unary(UnaryKind::Abs, x);
    let bound = b.constant_like(x, 0.05);
    let is_small = b.compare(CompareKind::Lt, magnitude, bound);
    let safe = b.select(is_small, one, x);
    let size = b.unary(UnaryKind::Abs, safe);
    let power = b.unary(UnaryKind::Exp, size);
    let scaled = b.emit_one(Special(SpecialKind::BesselI0e), &[safe]);
    let i0 = b.mul(power, scaled);
    let ratio = b.div(at.results[0], safe);
    let far = b.sub(i0, ratio);
    let slope = b.select(is_small, series, far);
    along(b, at, slope)
}

/// Does the body of `_sinc_maclaurin(k, x)` say that k is 0? The odd derivatives have the same body, whatever k is.
pub(super) fn is_value_of_sinc(body: &Program) -> bool {
    let is_one = |atom: &Atom| atom.literal().is_some_and(|literal| literal.value().float() == 1.0);
    body.equations.last().is_some_and(|eqn| {
        matches!(&eqn.op, Op::Binary(binary) if binary.0 == BinaryKind::Add)
            && eqn.operands.iter().any(is_one)
    })
}

/// JAX asks for the value of `sin(x) / x` at zero only, and for its derivatives: those of the power series.
pub(super) fn sinc_at_zero(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let slope = sinc_series_slope(b, at.x[0]);
    along(b, at, slope)
}

/// The derivative of `1 - x^2/6 + x^4/120 - ..`, within 1e-16 up to 1/2.
fn sinc_series_slope(b: &mut Builder, x: Atom) -> Atom {
    const COEFFICIENTS: [f64; 6] =
        [-1.0 / 3.0, 1.0 / 30.0, -1.0 / 840.0, 1.0 / 45360.0, -1.0 / 3991680.0, 1.0 / 518918400.0];
    let square = b.mul(x, x);
    let mut sum = b.constant_like(x, COEFFICIENTS[5]);
    for coefficient in COEFFICIENTS[..5].iter().rev() {
        let (product, coefficient) = (b.mul(sum, square), b.constant_like(x, *coefficient));
        sum = b.add(product, coefficient);
    }
    b.mul(x, sum)
}

/// Of `sin(pi x) / (pi x)`, which StableHLO has as a function: `(cos(pi x) - sinc(x)) / x`.
pub(super) fn sinc(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let x = at.x[0];
    let (angle, one) = (scaled(b, x, PI), b.constant_like(x, 1.0));
    let magnitude = b.unary(UnaryKind::Abs, x);
    let bound = b.constant_like(x, 0.125);
    let is_small = b.compare(CompareKind::Lt, magnitude, bound);
    let zero = b.constant_like(x, 0.0);
    let near_angle = b.select(is_small, angle, zero);
    let near = sinc_series_slope(b, near_angle);
    let near = scaled(b, near, PI);
    let safe = b.select(is_small, one, x);
    let cosine = b.unary(UnaryKind::Cos, angle);
    let difference = b.sub(cosine, at.results[0]);
    let far = b.div(difference, safe);
    let slope = b.select(is_small, near, far);
    along(b, at, slope)
}

pub(super) fn logit(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let one = b.constant_like(at.x[0], 1.0);
    let rest = b.sub(one, at.x[0]);
    let product = b.mul(at.x[0], rest);
    vec![b.div(at.tangents[0], product)]
}

/// `e^(-x^2 / 2 - log(2 pi) / 2 - log_ndtr(x))`
pub(super) fn log_ndtr(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let square = b.mul(at.x[0], at.x[0]);
    let minus_half = scaled(b, square, -0.5);
    let offset = b.constant_like(square, 0.5 * (LN_2 + PI.ln()));
    let log_density = b.sub(minus_half, offset);
    let exponent = b.sub(log_density, at.results[0]);
    let slope = b.unary(UnaryKind::Exp, exponent);
    along(b, at, slope)
}

/// `2 x erfcx(x) - 2 / sqrt(pi)`, far right by its series, since the two cancel there.
pub(super) fn erfcx(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let doubled = scaled(b, at.x[0], 2.0);
    let product = b.mul(doubled, at.results[0]);
    let constant = b.constant_like(product, FRAC_2_SQRT_PI);
    let near = b.sub(product, constant);
    let (is_far, series) = asymptotic(b, at.x[0], -1.0);
    let far = scaled(b, series, FRAC_2_SQRT_PI);
    let slope = b.select(is_far, far, near);
    along(b, at, slope)
}

/// `1 - 2 x dawsn(x)`, far out by its series, since the two cancel there.
pub(super) fn dawsn(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let doubled = scaled(b, at.x[0], 2.0);
    let product = b.mul(doubled, at.results[0]);
    let one = b.constant_like(product, 1.0);
    let near = b.sub(one, product);
    let magnitude = b.unary(UnaryKind::Abs, at.x[0]);
    let (is_far, series) = asymptotic(b, magnitude, 1.0);
    let far = b.neg(series);
    let slope = b.select(is_far, far, near);
    along(b, at, slope)
}

/// `2 i / sqrt(pi) - 2 z w(z)`, of complex numbers.
pub(super) fn wofz(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let doubled = scaled(b, at.x[0], -2.0);
    let product = b.mul(doubled, at.results[0]);
    // i is the square root of -1.
    let minus_one = b.constant_like(product, -1.0);
    let unit = b.unary(UnaryKind::Sqrt, minus_one);
    let constant = scaled(b, unit, FRAC_2_SQRT_PI);
    let slope = b.add(product, constant);
    along(b, at, slope)
}

/// `sqrt(2 pi) e^(result^2 / 2)`
pub(super) fn ndtri(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let square = b.mul(at.results[0], at.results[0]);
    let half = scaled(b, square, 0.5);
    let power = b.unary(UnaryKind::Exp, half);
    let slope = scaled(b, power, (2.0 * PI).sqrt());
    along(b, at, slope)
}

/// Of the slope at p, given the value: `value slope^2`.
pub(super) fn ndtri_grad(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let product = b.mul(at.x[1], at.results[0]);
    let slope = b.mul(product, at.results[0]);
    along(b, at, slope)
}

/// `-sqrt(pi) / 2 e^(result^2)`
pub(super) fn erfcinv(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let square = b.mul(at.results[0], at.results[0]);
    let power = b.unary(UnaryKind::Exp, square);
    let slope = scaled(b, power, -1.0 / FRAC_2_SQRT_PI);
    along(b, at, slope)
}

/// Of the slope at y, given the value: `2 value slope^2`.
pub(super) fn erfcinv_grad(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let doubled = scaled(b, at.x[1], 2.0);
    let product = b.mul(doubled, at.results[0]);
    let slope = b.mul(product, at.results[0]);
    along(b, at, slope)
}

/// `e^x / x`
pub(super) fn expi(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let power = b.unary(UnaryKind::Exp, at.x[0]);
    let slope = b.div(power, at.x[0]);
    along(b, at, slope)
}

/// `sin(x) / x` and `cos(x) / x`
pub(super) fn sici(b: &mut Builder, at: &Site) -> Vec<Atom> {
    [si(b, at), ci(b, at)].concat()
}

pub(super) fn si(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let slope = sinc_of(b, at.x[0]);
    vec![b.mul(at.tangents[0], slope)]
}

pub(super) fn ci(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let cosine = b.unary(UnaryKind::Cos, at.x[0]);
    let slope = b.div(cosine, at.x[0]);
    vec![b.mul(at.tangents[0], slope)]
}

/// By x: `-E(n - 1, x)`, and `-e^-x (1 / x + 1 / x^2)` for n = 0. The order has no tangent.
pub(super) fn expn(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let (n, x) = (at.raw[0], at.x[1]);
    let [zero, one] = [0.0, 1.0].map(|value| b.constant_like(n, value));
    let is_zero = b.compare(CompareKind::Eq, at.x[0], zero);
    let below = b.sub(n, one);
    let starts = b.compare(CompareKind::Eq, n, zero);
    let below = b.select(starts, zero, below);
    let lower = (at.call)(b, &[below, at.raw[1]])[0];
    let minus = b.neg(x);
    let power = b.unary(UnaryKind::Exp, minus);
    let first = b.div(power, x);
    let second = b.div(first, x);
    let of_zero = b.add(first, second);
    let magnitude = b.select(is_zero, of_zero, lower);
    let slope = b.neg(magnitude);
    vec![b.mul(at.tangents[1], slope)]
}

/// The sine and cosine of `pi x^2 / 2`
pub(super) fn fresnel(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let square = reduced_square(b, at.x[0]);
    let angle = scaled(b, square, PI / 2.0);
    [UnaryKind::Sin, UnaryKind::Cos]
        .map(|kind| {
            let slope = b.unary(kind, angle);
            b.mul(at.tangents[0], slope)
        })
        .to_vec()
}

pub(super) fn fresnel_s(b: &mut Builder, at: &Site) -> Vec<Atom> {
    vec![fresnel(b, at)[0]]
}

pub(super) fn fresnel_c(b: &mut Builder, at: &Site) -> Vec<Atom> {
    vec![fresnel(b, at)[1]]
}

/// `poch(z, m) (digamma(z + m) - digamma(z))` and `poch(z, m) digamma(z + m)`
pub(super) fn poch(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let sum = b.add(at.x[0], at.x[1]);
    let [of_sum, of_z] = [sum, at.x[0]].map(|x| b.emit_one(Special(SpecialKind::Digamma), &[x]));
    let difference = b.sub(of_sum, of_z);
    let slopes = [difference, of_sum].map(|factor| b.mul(factor, at.results[0]));
    total(b, at, &slopes)
}

/// `-e^(-h^2 / 2) erf(a h / sqrt(2)) / (2 sqrt(2 pi))` and `e^(-(a^2 + 1) h^2 / 2) / (2 pi (a^2 + 1))`
pub(super) fn owens_t(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let &[h, a] = at.x else { unreachable!("the row has two operands") };
    let power = exponential_of_minus_half_square(b, h);
    let (product, one) = (b.mul(a, h), b.constant_like(a, 1.0));
    let argument = scaled(b, product, FRAC_1_SQRT_2);
    let erf = b.unary(UnaryKind::Erf, argument);
    let by_h = b.mul(power, erf);
    let by_h = scaled(b, by_h, -1.0 / (2.0 * (2.0 * PI).sqrt()));
    let square = b.mul(a, a);
    let square = b.add(square, one);
    let of_product = exponential_of_minus_half_square(b, product);
    let numerator = b.mul(power, of_product);
    let denominator = scaled(b, square, 2.0 * PI);
    let by_a = b.div(numerator, denominator);
    total(b, at, &[by_h, by_a])
}

/// Of `(r, x / r, y / r)`, by these results alone.
pub(super) fn hypot(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let &[r, x, y] = at.results else { unreachable!("the function has three results") };
    let terms = [(x, 0), (y, 1)].map(|(unit, operand)| b.mul(unit, at.tangents[operand]));
    let of_r = b.add(terms[0], terms[1]);
    let [of_x, of_y] = [(x, 0), (y, 1)].map(|(unit, operand)| {
        let turned = b.mul(unit, of_r);
        let rest = b.sub(at.tangents[operand], turned);
        b.div(rest, r)
    });
    vec![of_r, of_x, of_y]
}

/// By x: `a / b hyp1f1(a + 1, b + 1, x)`.
pub(super) fn hyp1f1(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let shifted = [0, 1].map(|position| next(b, at.raw[position]));
    let series = (at.call)(b, &[shifted[0], shifted[1], at.raw[2]])[0];
    let factor = b.div(at.x[0], at.x[1]);
    let slope = b.mul(factor, series);
    vec![b.mul(at.tangents[2], slope)]
}

/// By x: `a b / c hyp2f1(a + 1, b + 1, c + 1, x)`.
pub(super) fn hyp2f1(b: &mut Builder, at: &Site) -> Vec<Atom> {
    let shifted = [0, 1, 2].map(|position| next(b, at.raw[position]));
    let series = (at.call)(b, &[shifted[0], shifted[1], shifted[2], at.raw[3]])[0];
    let product = b.mul(at.x[0], at.x[1]);
    let factor = b.div(product, at.x[2]);
    let slope = b.mul(factor, series);
    vec![b.mul(at.tangents[3], slope)]
}

fn next(b: &mut Builder, x: Atom) -> Atom {
    let one = b.constant_like(x, 1.0);
    b.add(x, one)
}
