//! Error functions by slow, obvious series: the standard library has none.

use std::f64::consts::PI;

/// The error function, by its series of positive terms below 1 and through its complement above.
pub(super) fn erf(x: f64) -> f64 {
    if x.is_nan() || x == 0.0 {
        return x;
    }
    let magnitude = x.abs();
    let value = if magnitude < 1.0 { erf_series(magnitude) } else { 1.0 - erfc_fraction(magnitude) };
    value.copysign(x)
}

/// One minus the error function, without cancellation for large operands.
pub(super) fn erfc(x: f64) -> f64 {
    if x < 1.0 || x.is_nan() { 1.0 - erf(x) } else { erfc_fraction(x) }
}

/// The inverse of [`erf`]: bisection on the bits, so that it needs no derivative and no start value.
pub(super) fn erf_inv(x: f64) -> f64 {
    if x.is_nan() || x.abs() > 1.0 {
        return f64::NAN;
    }
    if x.abs() == 1.0 {
        return f64::INFINITY.copysign(x);
    }
    // Near one, the complement has the digits that `erf` lost.
    let target = x.abs();
    let below = |y: f64| if target < 0.5 { erf(y) < target } else { erfc(y) > 1.0 - target };
    let (mut low, mut high) = (0u64, 6.0f64.to_bits());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if below(f64::from_bits(middle)) { low = middle } else { high = middle }
    }
    if x == 0.0 { x } else { f64::from_bits(high).copysign(x) }
}

fn erf_series(x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term > sum * 1e-18 {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    2.0 / PI.sqrt() * exp_of_minus_square(x) * sum
}

/// The continued fraction of Laplace, from the far end inwards.
fn erfc_fraction(x: f64) -> f64 {
    if x > 28.0 {
        return 0.0;
    }
    let tail = (1..400).rev().fold(x, |below, n| x + f64::from(n) / 2.0 / below);
    exp_of_minus_square(x) / PI.sqrt() / tail
}

/// The square is split, because the exponential magnifies its rounding error.
fn exp_of_minus_square(x: f64) -> f64 {
    let square = x * x;
    (-square).exp() * (-x.mul_add(x, -square)).exp()
}
