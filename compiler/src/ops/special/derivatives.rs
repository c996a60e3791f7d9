//! The derivatives, as JAX defines them.

use super::{Point, Special, SpecialKind};
use crate::ir::{Atom, Builder};
use crate::ops::elementwise::{CompareKind, UnaryKind};
use crate::types::DType;

fn special(b: &mut Builder, kind: SpecialKind, x: &[Atom]) -> Atom {
    b.emit_one(Special(kind), x)
}

pub(super) fn lgamma(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let slope = special(b, SpecialKind::Digamma, at.x);
    b.mul(t, slope)
}

pub(super) fn digamma(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let one = b.constant_like(t, 1.0);
    let slope = special(b, SpecialKind::Polygamma, &[one, at.x[0]]);
    b.mul(t, slope)
}

pub(super) fn polygamma(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let one = b.constant_like(t, 1.0);
    let next = b.add(at.x[0], one);
    let slope = special(b, SpecialKind::Polygamma, &[next, at.x[1]]);
    b.mul(t, slope)
}

/// `-x zeta(x + 1, q)`. JAX's primitive has no derivative, its library's function has a rule, which StableHLO loses.
pub(super) fn zeta_by_q(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let one = b.constant_like(at.x[0], 1.0);
    let next = b.add(at.x[0], one);
    let zeta = special(b, SpecialKind::Zeta, &[next, at.x[1]]);
    let slope = b.mul(at.x[0], zeta);
    let slope = b.neg(slope);
    b.mul(t, slope)
}

pub(super) fn igamma_by_a(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let slope = special(b, SpecialKind::IgammaGradA, at.x);
    b.mul(t, slope)
}

/// `t e^-x x^(a - 1) / gamma(a)`, by logarithms.
pub(super) fn igamma_by_x(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let (a, x) = (at.x[0], at.x[1]);
    let (one, log) = (b.constant_like(a, 1.0), b.unary(UnaryKind::Log, x));
    let below = b.sub(a, one);
    let (power, minus_x) = (b.mul(below, log), b.neg(x));
    let lgamma = special(b, SpecialKind::Lgamma, &[a]);
    let exponent = b.add(minus_x, power);
    let exponent = b.sub(exponent, lgamma);
    let slope = b.unary(UnaryKind::Exp, exponent);
    b.mul(t, slope)
}

pub(super) fn igammac_by_a(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let part = igamma_by_a(b, at, t);
    b.neg(part)
}

pub(super) fn igammac_by_x(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let part = igamma_by_x(b, at, t);
    b.neg(part)
}

/// `t x^(a - 1) (1 - x)^(b - 1) / B(a, b)`, by logarithms.
pub(super) fn betainc_by_x(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let (shape, rest_shape, x) = (at.x[0], at.x[1], at.x[2]);
    let sum = b.add(shape, rest_shape);
    let [of_shape, of_rest, of_sum] = [shape, rest_shape, sum].map(|z| special(b, SpecialKind::Lgamma, &[z]));
    let product = b.add(of_shape, of_rest);
    let log_beta = b.sub(product, of_sum);
    let (one, minus_x) = (b.constant_like(x, 1.0), b.neg(x));
    let (log, log_rest) = (b.unary(UnaryKind::Log, x), b.unary(UnaryKind::Log1p, minus_x));
    let (below, rest_below) = (b.sub(shape, one), b.sub(rest_shape, one));
    let (power, rest_power) = (b.mul(below, log), b.mul(rest_below, log_rest));
    let exponent = b.add(rest_power, power);
    let exponent = b.sub(exponent, log_beta);
    let slope = b.unary(UnaryKind::Exp, exponent);
    b.mul(slope, t)
}

/// `t (i1e(x) - sign(x) i0e(x))`.
pub(super) fn bessel_i0e(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let other = special(b, SpecialKind::BesselI1e, at.x);
    let sign = b.unary(UnaryKind::Sign, at.x[0]);
    let own = b.mul(sign, at.result);
    let slope = b.sub(other, own);
    b.mul(t, slope)
}

/// `t (i0e(x) - i1e(x) (sign(x) + 1 / x))`, and half of t around zero.
pub(super) fn bessel_i1e(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let x = at.x[0];
    let [epsilon, half, one] = [epsilon(b.dtype(x)), 0.5, 1.0].map(|value| b.constant_like(x, value));
    let magnitude = b.unary(UnaryKind::Abs, x);
    let not_tiny = b.compare(CompareKind::Gt, magnitude, epsilon);
    let safe = b.select(not_tiny, x, epsilon);
    let other = special(b, SpecialKind::BesselI0e, &[safe]);
    let (sign, inverse) = (b.unary(UnaryKind::Sign, safe), b.div(one, safe));
    let factor = b.add(sign, inverse);
    let own = b.mul(at.result, factor);
    let slope = b.sub(other, own);
    let slope = b.select(not_tiny, slope, half);
    b.mul(t, slope)
}

/// The distance from one to the next number.
fn epsilon(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => f64::EPSILON,
        DType::F16 => 2f64.powi(-10),
        DType::BF16 => 2f64.powi(-7),
        _ => f64::from(f32::EPSILON),
    }
}
