//! The regularized incomplete gamma functions and their derivatives by the first operand.

use super::elementary::log;
use super::gamma::{digamma, gamma_density};
use super::reachable;

/// How far series and fractions are carried, relative to their value.
pub(super) type Precision = f64;

/// More terms than any operands up to 10^8 need; beyond, the result is that of the terms so far.
const MOST_TERMS: u32 = 1 << 18;

/// `P(a, x)`: the integral of the gamma distribution's density up to x.
///
/// NaN for negative operands and where both are zero; with a = 0, NaN below x = 1 and one from there.
pub(super) fn igamma(a: f64, x: f64, precision: Precision) -> f64 {
    if !(a >= 0.0 && x >= 0.0) || a == 0.0 && x < 1.0 {
        return f64::NAN;
    }
    if x == 0.0 || x == f64::INFINITY {
        return if x == 0.0 { 0.0 } else { 1.0 };
    }
    if a == 0.0 {
        return 1.0;
    }
    if a == f64::INFINITY {
        return if x < 1.0 { 0.0 } else { f64::NAN };
    }
    let density = gamma_density(a, x);
    if uses_fraction(a, x) {
        return 1.0 - density * fraction(a, x, Order::Value, precision).value;
    }
    density * series(a, x, Order::Value, precision).value / a
}

/// `Q(a, x) = 1 - P(a, x)`; zero for a = 0 unless x is zero too.
pub(super) fn igammac(a: f64, x: f64, precision: Precision) -> f64 {
    if !(a >= 0.0 && x >= 0.0) || a == 0.0 && x == 0.0 {
        return f64::NAN;
    }
    if a == 0.0 || x == f64::INFINITY {
        return 0.0;
    }
    if x == 0.0 {
        return 1.0;
    }
    if a == f64::INFINITY {
        return if x < 1.0 { 1.0 } else { f64::NAN };
    }
    let density = gamma_density(a, x);
    if uses_fraction(a, x) {
        return density * fraction(a, x, Order::Value, precision).value;
    }
    1.0 - density * series(a, x, Order::Value, precision).value / a
}

/// The derivative of `P(a, x)` by a; NaN for infinite operands.
pub(super) fn igamma_grad_a(a: f64, x: f64, precision: Precision) -> f64 {
    match slope_over_density(a, x, precision) {
        Some(slope) => {
            let density = gamma_density(a, x);
            if density == 0.0 { -0.0 } else { density * slope }
        }
        None => degenerate(a, x),
    }
}

/// The derivative by a of the sample x of the gamma distribution with parameter a, its probability held fixed.
pub(super) fn random_gamma_grad(a: f64, x: f64, precision: Precision) -> f64 {
    // The density itself is `gamma_density / x`.
    match slope_over_density(a, x, precision) {
        Some(slope) => -slope * x,
        None => degenerate(a, x),
    }
}

fn degenerate(a: f64, x: f64) -> f64 {
    if x == 0.0 && a > 0.0 { 0.0 } else { f64::NAN }
}

/// The derivative of `P` by a over [`gamma_density`]; `None` outside of the interior of the domain.
fn slope_over_density(a: f64, x: f64, precision: Precision) -> Option<f64> {
    if !(a > 0.0 && x > 0.0 && a < f64::INFINITY && x < f64::INFINITY) {
        return None;
    }
    Some(if uses_fraction(a, x) {
        let Dual { value, slope } = fraction(a, x, Order::Slope, precision);
        -(slope + value * (log(x) - digamma(a)))
    } else {
        let Dual { value, slope } = series(a, x, Order::Slope, precision);
        (slope + value * (log(x) - digamma(a + 1.0))) / a
    })
}

/// Where the fraction converges, and faster than the series.
fn uses_fraction(a: f64, x: f64) -> bool {
    x >= 1.0 && x > a
}

/// What has to converge.
#[derive(Clone, Copy)]
enum Order {
    Value,
    Slope,
}

/// A number that depends on a, with its derivative by a.
#[derive(Clone, Copy)]
struct Dual {
    value: f64,
    slope: f64,
}

impl Dual {
    fn constant(value: f64) -> Dual {
        Dual { value, slope: 0.0 }
    }

    fn plus(self, other: Dual) -> Dual {
        Dual { value: self.value + other.value, slope: self.slope + other.slope }
    }

    fn times(self, other: Dual) -> Dual {
        Dual { value: self.value * other.value, slope: self.slope * other.value + self.value * other.slope }
    }

    fn inverse(self) -> Dual {
        let value = 1.0 / self.value;
        Dual { value, slope: -self.slope * value * value }
    }
}

/// The sum of `x^n / ((a + 1) .. (a + n))` over n from 0 on.
fn series(a: f64, x: f64, order: Order, precision: Precision) -> Dual {
    let (mut term, mut sum) = (Dual::constant(1.0), Dual::constant(1.0));
    for n in 1..MOST_TERMS {
        let divisor = Dual { value: a + f64::from(n), slope: 1.0 };
        term = term.times(Dual::constant(x)).times(divisor.inverse());
        sum = sum.plus(term);
        let converged = match order {
            Order::Value => term.value <= precision * sum.value,
            Order::Slope => term.slope.abs() <= precision * sum.slope.abs(),
        };
        if converged {
            break;
        }
    }
    sum
}

/// `Q(a, x)` over [`gamma_density`], by its continued fraction with even part taken (DLMF 8.9.2), in the forward
/// evaluation of Lentz.
fn fraction(a: f64, x: f64, order: Order, precision: Precision) -> Dual {
    let precision = reachable(precision);
    let mut denominator = Dual { value: x + 1.0 - a, slope: -1.0 };
    let mut d = denominator.inverse();
    let mut c = Dual::constant(1e300);
    let mut result = d;
    for n in 1..MOST_TERMS {
        let n = f64::from(n);
        let numerator = Dual { value: n * (a - n), slope: n };
        denominator.value += 2.0;
        d = numerator.times(d).plus(denominator).inverse();
        c = numerator.times(c.inverse()).plus(denominator);
        let factor = c.times(d);
        let before = result;
        result = result.times(factor);
        let converged = match order {
            Order::Value => (factor.value - 1.0).abs() <= precision,
            Order::Slope => (result.slope - before.slope).abs() <= precision * result.slope.abs(),
        };
        if converged {
            break;
        }
    }
    result
}
