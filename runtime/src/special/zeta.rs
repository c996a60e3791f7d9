//! The zeta function of Hurwitz and the derivatives of digamma.

use super::elementary::{exp, floor, pow};
use super::gamma::lgamma;

/// `2k! / B_2k` for k from 1 to 12: the divisors of the terms of the Euler-Maclaurin formula.
const DIVISORS: [f64; 12] = [
    12.0,
    -720.0,
    30240.0,
    -1209600.0,
    47900160.0,
    -1892437580.3183792,
    74724249600.0,
    -2950130727918.164,
    116467828143500.67,
    -4597978722407472.6,
    1.8152105401943546e17,
    -7.166165256175667e18,
];

/// The sum of `(q + k)^-x` over all k from 0 on: ten terms and the Euler-Maclaurin formula for the rest.
///
/// As in JAX, it is always ten terms, so that results for q below 0 are continued by the formula and not by the sum;
/// infinite at poles with even x, NaN at those with other x and for x below 1.
pub(super) fn zeta(x: f64, q: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    if q <= 0.0 {
        let is_even = floor(x / 2.0) * 2.0 == x && x.is_finite();
        if floor(q) == q || q == f64::NEG_INFINITY {
            return if is_even { f64::INFINITY } else { f64::NAN };
        }
        if floor(x) != x {
            return f64::NAN;
        }
    }
    if x.is_nan() || x < 1.0 || x == f64::INFINITY || !q.is_finite() {
        return f64::NAN;
    }
    let mut sum = 0.0;
    for k in 0..10 {
        sum += pow(q + f64::from(k), -x);
    }
    let a = q + 10.0;
    let power = pow(a, -x);
    let mut series = 0.0;
    let inverse_square = 1.0 / (a * a);
    for (k, divisor) in DIVISORS.iter().enumerate().rev() {
        // The next term has two more factors of x (x + 1) (x + 2) ..
        let at = x + 2.0 * k as f64;
        series = 1.0 / divisor + series * (at + 1.0) * (at + 2.0) * inverse_square;
    }
    let rest = if power == 0.0 { 0.0 } else { power * (a / (x - 1.0) + 0.5 + x / a * series) };
    sum + rest
}

/// The factorial of the order and the zeta value whose product, with the sign, is the derivative of digamma of an
/// order from 1 on; NaN for other orders.
pub(super) fn polygamma_factors(order: f64, x: f64) -> (f64, f64) {
    if order < 1.0 || floor(order) != order || !order.is_finite() {
        return (f64::NAN, f64::NAN);
    }
    let is_even = floor(order / 2.0) * 2.0 == order;
    let sign = if is_even { -1.0 } else { 1.0 };
    (sign * factorial(order), zeta(order + 1.0, x))
}

fn factorial(n: f64) -> f64 {
    if n > 20.0 {
        return exp(lgamma(n + 1.0));
    }
    let (mut product, mut k) = (1.0, 2.0);
    while k <= n {
        product *= k;
        k += 1.0;
    }
    product
}
