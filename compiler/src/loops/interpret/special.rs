//! Special functions by slow, obvious series and sums: the standard library has none.

use std::f64::consts::{FRAC_PI_2, PI};

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

/// The derivative of the logarithm of the gamma function: up to 30 by its recurrence, from there by Stirling's series.
pub fn digamma(x: f64) -> f64 {
    if x == 0.0 || x < 0.0 && x == x.floor() {
        return f64::NAN;
    }
    if x < 0.0 {
        // The tangent of the distance to the nearest integer, whose multiple of pi loses no digits.
        return digamma(1.0 - x) - PI / (PI * (x - x.round_ties_even())).tan();
    }
    let steps = (30.0 - x).ceil().max(0.0);
    let far = x + steps;
    let sum: f64 = (0..steps as u32).rev().map(|k| 1.0 / (x + f64::from(k))).sum();
    let w = 1.0 / (far * far);
    let series = w * (1.0 / 12.0 - w * (1.0 / 120.0 - w * (1.0 / 252.0 - w * (1.0 / 240.0 - w / 132.0))));
    far.ln() - 0.5 / far - series - sum
}

/// `e^-|x| I0(x)`.
pub fn bessel_i0e(x: f64) -> f64 {
    bessel(x.abs(), 0)
}

/// `e^-|x| I1(x)`.
pub fn bessel_i1e(x: f64) -> f64 {
    bessel(x.abs(), 1).copysign(x)
}

/// The power series while it converges quickly, then the mean of `e^(x (cos t - 1)) cos(order t)` over a turn; the
/// mean of equally spaced values of a smooth periodic function converges faster than any power.
fn bessel(x: f64, order: u32) -> f64 {
    if x < 2.0 {
        let mut term = (-x).exp() * (x / 2.0).powi(order as i32);
        let mut sum = term;
        for k in 1..30 {
            term *= x * x / 4.0 / f64::from(k) / f64::from(k + order);
            sum += term;
        }
        return sum;
    }
    if x > 100.0 {
        // The asymptotic series, long before its terms grow.
        let mu = f64::from(4 * order * order);
        let (mut term, mut sum) = (1.0, 1.0);
        for k in 1..15 {
            let odd = f64::from(2 * k - 1);
            term *= (odd * odd - mu) / (8.0 * x * f64::from(k));
            sum += term;
        }
        return sum / x.sqrt() / (2.0 * PI).sqrt();
    }
    // By symmetry, half a turn; 1 - cos t as a square, which keeps its digits near zero.
    let points = 200;
    let value = |k: u32| {
        let t = FRAC_PI_2 * f64::from(k) / f64::from(points);
        (-2.0 * x * t.sin() * t.sin()).exp() * (2.0 * t * f64::from(order)).cos()
    };
    let inner: f64 = (1..points).rev().map(value).sum();
    (inner + (value(0) + value(points)) / 2.0) / f64::from(points)
}
