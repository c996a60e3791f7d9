//! Reference values in F64, by definitions: integrals and long sums. Slow, and independent of what compiled code does.

pub(super) use crate::loops::interpret::special::{bessel_i0e, bessel_i1e, digamma};
use crate::types::{DType, Scalar};
use std::f64::consts::FRAC_PI_2;

/// Digamma for order zero; else the product of factorial and zeta, each rounded to `dtype` as JAX does.
pub(super) fn polygamma(dtype: DType, operands: &[f64]) -> f64 {
    let (order, x) = (operands[0], operands[1]);
    if order == 0.0 {
        return digamma(x);
    }
    if order < 0.0 || order.fract() != 0.0 {
        return f64::NAN;
    }
    let sign = if order % 2.0 == 0.0 { -1.0 } else { 1.0 };
    let factorial: f64 = (1..=order as u64).map(|k| k as f64).product();
    let rounded = |x: f64| Scalar::Float(x).rounded(dtype).float();
    sign * rounded(factorial) * rounded(zeta(order + 1.0, x))
}

/// The sum of `(q + k)^-x` over all k, of which the first terms are added one by one, and the rest by the formula of
/// Euler and Maclaurin. Below q = 0, the first ten terms, as JAX, whose rest is not always near what is defined.
pub(super) fn zeta(x: f64, q: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    if q <= 0.0 && q.floor() == q {
        return if x % 2.0 == 0.0 { f64::INFINITY } else { f64::NAN };
    }
    if x.is_nan() || x < 1.0 || x.is_infinite() || q < 0.0 && x.fract() != 0.0 || !q.is_finite() {
        return f64::NAN;
    }
    let count = if q < 0.0 { 10 } else { 60 };
    let sum: f64 = (0..count).rev().map(|k| (q + f64::from(k)).powf(-x)).sum();
    let a = q + f64::from(count);
    // B_2k, over the factorial of 2k by the running product.
    const BERNOULLI: [f64; 12] = [
        1.0 / 6.0,
        -1.0 / 30.0,
        1.0 / 42.0,
        -1.0 / 30.0,
        5.0 / 66.0,
        -691.0 / 2730.0,
        7.0 / 6.0,
        -3617.0 / 510.0,
        43867.0 / 798.0,
        -174611.0 / 330.0,
        854513.0 / 138.0,
        -236364091.0 / 2730.0,
    ];
    let (mut rest, mut factor) = (a / (x - 1.0) + 0.5, x / a / 2.0);
    for (k, bernoulli) in (1..).zip(BERNOULLI) {
        rest += bernoulli * factor;
        let at = f64::from(2 * k);
        factor *= (x + at - 1.0) * (x + at) / ((at + 1.0) * (at + 2.0)) / (a * a);
    }
    let power = a.powf(-x);
    if power == 0.0 { sum } else { sum + power * rest }
}

pub(super) fn igamma(a: f64, x: f64) -> f64 {
    match edge(a, x, [f64::NAN, 1.0], 0.0, 1.0) {
        Some(value) => value,
        None if x <= a.max(1.0) => gamma_integral(a, x, -1.0, |_| 1.0),
        None => 1.0 - gamma_integral(a, x, 1.0, |_| 1.0),
    }
}

pub(super) fn igammac(a: f64, x: f64) -> f64 {
    match edge(a, x, [0.0, 0.0], 1.0, 0.0) {
        Some(value) => value,
        None if x <= a.max(1.0) => 1.0 - gamma_integral(a, x, -1.0, |_| 1.0),
        None => gamma_integral(a, x, 1.0, |_| 1.0),
    }
}

/// The values of both regularized functions where the integral is not: for a = 0 (x below one and from one on), for
/// x = 0 and for infinite x.
fn edge(a: f64, x: f64, at_no_shape: [f64; 2], at_zero: f64, at_infinity: f64) -> Option<f64> {
    if a.is_nan() || x.is_nan() || a < 0.0 || x < 0.0 || a == 0.0 && x == 0.0 {
        return Some(f64::NAN);
    }
    if x == 0.0 || x == f64::INFINITY {
        return Some(if x == 0.0 { at_zero } else { at_infinity });
    }
    if a == 0.0 {
        return Some(if x < 1.0 { at_no_shape[0] } else { at_no_shape[1] });
    }
    (a == f64::INFINITY).then_some(if x < 1.0 { at_zero } else { f64::NAN })
}

/// Differentiates under the integral.
pub(super) fn igamma_grad_a(a: f64, x: f64) -> f64 {
    if x == 0.0 && a > 0.0 {
        return 0.0;
    }
    if a.is_nan() || x.is_nan() || a <= 0.0 || x < 0.0 || a.is_infinite() || x.is_infinite() {
        return f64::NAN;
    }
    let center = digamma(a);
    if x <= a {
        gamma_integral(a, x, -1.0, |log_t| log_t - center)
    } else {
        -gamma_integral(a, x, 1.0, |log_t| log_t - center)
    }
}

/// Where the probability is held fixed, dx/da is minus the derivative by a over the density.
pub(super) fn random_gamma_grad(a: f64, x: f64) -> f64 {
    let slope = igamma_grad_a(a, x);
    if x == 0.0 || slope.is_nan() {
        return slope;
    }
    -slope / ((a - 1.0) * x.ln() - x - libm::lgamma(a)).exp()
}

/// The integral of `weight(log t) t^(a - 1) e^-t / gamma(a)` over t from 0 to x (direction -1) or from x on (1); with
/// t = x e^(direction s), s runs from 0 to infinity.
fn gamma_integral(a: f64, x: f64, direction: f64, weight: impl Fn(f64) -> f64) -> f64 {
    let (log_x, lgamma) = (x.ln(), libm::lgamma(a));
    half_line_integral(|s| {
        let log_t = log_x + direction * s;
        let density = (a * log_t - log_t.exp() - lgamma).exp();
        if density == 0.0 { 0.0 } else { density * weight(log_t) }
    })
}

pub(super) fn betainc(a: f64, b: f64, x: f64) -> f64 {
    let weight_at_zero = a == 0.0 || b == f64::INFINITY;
    let weight_at_one = b == 0.0 || a == f64::INFINITY;
    let outside = a.is_nan() || b.is_nan() || x.is_nan() || a < 0.0 || b < 0.0 || !(0.0..=1.0).contains(&x);
    if outside || weight_at_zero && weight_at_one {
        return f64::NAN;
    }
    if weight_at_zero {
        return f64::from(x > 0.0);
    }
    if weight_at_one {
        return f64::from(x == 1.0);
    }
    if x == 0.0 || x == 1.0 {
        return x;
    }
    if x < a / (a + b) { beta_integral(a, b, x, 1.0 - x) } else { 1.0 - beta_integral(b, a, 1.0 - x, x) }
}

/// The integral of `t^(a - 1) (1 - t)^(b - 1) / B(a, b)` over t from 0 to x, with t = x e^-s and y = 1 - x.
fn beta_integral(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    half_line_integral(|s| {
        let rest = y - x * (-s).exp_m1();
        (a * (x.ln() - s) + (b - 1.0) * rest.ln() - log_beta).exp()
    })
}

/// The integral of `f` from 0 to infinity: with s = e^(pi/2 sinh u) it decays doubly exponentially at both ends, so
/// that a sum of equally spaced values converges faster than any power.
fn half_line_integral(f: impl Fn(f64) -> f64) -> f64 {
    let step = 1.0 / 128.0;
    let value = |k: i32| {
        let u = f64::from(k) * step;
        let s = (FRAC_PI_2 * u.sinh()).exp();
        f(s) * s * FRAC_PI_2 * u.cosh()
    };
    // The ends stand for e^-70 and e^70.
    (-576..=576).map(value).sum::<f64>() * step
}
