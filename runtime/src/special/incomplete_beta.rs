//! The regularized incomplete beta function.

use super::elementary::{exp, log, log1p, log1p_less_operand, sqrt};
use super::gamma::{lgamma, stirling_rest};
use super::reachable;
use core::f64::consts::TAU;

/// More than any operands up to 10^8 need.
const MOST_TERMS: u32 = 1 << 16;

/// `I_x(a, b)`: the integral of the beta distribution's density up to x.
///
/// NaN for negative a or b, for x outside of 0 to 1, and where both of a and b are zero or infinite. One of them at
/// zero, or the other infinite, puts all weight on one end.
pub(super) fn betainc(a: f64, b: f64, x: f64, precision: f64) -> f64 {
    let weight_at_zero = a == 0.0 || b == f64::INFINITY;
    let weight_at_one = b == 0.0 || a == f64::INFINITY;
    if !(a >= 0.0 && b >= 0.0 && (0.0..=1.0).contains(&x)) || weight_at_zero && weight_at_one {
        return f64::NAN;
    }
    if weight_at_zero || weight_at_one {
        let is_one = if weight_at_zero { x > 0.0 } else { x == 1.0 };
        return if is_one { 1.0 } else { 0.0 };
    }
    if x == 0.0 || x == 1.0 {
        return x;
    }
    // The fraction converges fast below the mean; above it, the roles of x and 1 - x change.
    let rest = 1.0 - x;
    if x < (a + 1.0) / (a + b + 2.0) {
        density(a, b, x, rest) * fraction(a, b, x, precision) / a
    } else {
        1.0 - density(b, a, rest, x) * fraction(b, a, rest, precision) / b
    }
}

/// `x^a y^b / B(a, b)` for y = 1 - x and positive operands.
fn density(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if a >= 1.0 && b >= 1.0 {
        // Both powers relative to their values at the mean, where the exponents cancel.
        let (mean, rest) = (a / (a + b), b / (a + b));
        let gap = if x < 0.5 { x - mean } else { rest - y };
        let exponent = a * log_ratio(gap / mean, x / mean) + b * log_ratio(-gap / rest, y / rest);
        let stirling = stirling_rest(a + b) - stirling_rest(a) - stirling_rest(b);
        return sqrt(a * rest / TAU) * exp(exponent + stirling);
    }
    let log_x = if x < 0.5 { log(x) } else { log1p(-y) };
    let log_y = if y < 0.5 { log(y) } else { log1p(-x) };
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    let powers = a * log_x + b * log_y;
    if large < 1.0 {
        let gammas = lgamma(1.0 + a) + lgamma(1.0 + b) - lgamma(1.0 + a + b);
        return a * (b / (a + b)) * exp(powers - gammas);
    }
    // log(gamma(small + large) / gamma(large)).
    let sum = small + large;
    let ratio = (large - 0.5) * log1p(small / large) + small * (log(sum) - 1.0) + stirling_rest(sum)
        - stirling_rest(large);
    small * exp(powers + ratio - lgamma(1.0 + small))
}

/// `log(1 + m) - m`, where `ratio` is 1 + m.
fn log_ratio(m: f64, ratio: f64) -> f64 {
    if m < -0.4 { log(ratio) - m } else { log1p_less_operand(m) }
}

/// The continued fraction of DLMF 8.17.22, in the forward evaluation of Lentz.
fn fraction(a: f64, b: f64, x: f64, precision: f64) -> f64 {
    let not_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let precision = reachable(precision);
    let mut c = 1.0;
    let mut d = 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for m in 1..MOST_TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for numerator in [even, odd] {
            d = 1.0 / not_zero(1.0 + numerator * d);
            c = not_zero(1.0 + numerator / c);
            step *= c * d;
        }
        result *= step;
        if (step - 1.0).abs() <= precision {
            break;
        }
    }
    result
}
