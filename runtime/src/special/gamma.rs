//! The gamma function and its logarithmic derivative, for positive operands.

use super::elementary::{exp, log, log1p, log1p_less_operand, pow, sqrt};
use core::f64::consts::TAU;

/// `log(gamma(z) / (sqrt(2 pi / z) (z / e)^z))`: what Stirling's formula leaves off. For z above 0.
pub(super) fn stirling_rest(z: f64) -> f64 {
    // Up to where the asymptotic series holds; the sum is of small positive terms.
    let (mut z, mut sum) = (z, 0.0);
    while z < 10.0 {
        let next = z + 1.0;
        sum += if z < 1.0 { (z + 0.5) * log1p(1.0 / z) - 1.0 } else { step(z) };
        z = next;
    }
    let w = 1.0 / (z * z);
    let series = 1.0 / 12.0
        - w * (1.0 / 360.0
            - w * (1.0 / 1260.0
                - w * (1.0 / 1680.0
                    - w * (1.0 / 1188.0
                        - w * (691.0 / 360360.0 - w * (1.0 / 156.0 - w * (3617.0 / 122400.0)))))));
    sum + series / z
}

/// `(z + 1/2) log(1 + 1 / z) - 1`, without cancellation: with s = 1 / (2 z + 1) it is atanh(s) / s - 1. For z from 1 on.
fn step(z: f64) -> f64 {
    let s = 1.0 / (2.0 * z + 1.0);
    let square = s * s;
    ODD_INVERSES.iter().rev().fold(0.0, |sum, inverse| (sum + inverse) * square)
}

/// `1 / (2 k + 1)` for k from 1 on.
const ODD_INVERSES: [f64; 18] = {
    let (mut inverses, mut k) = ([0.0; 18], 0);
    while k < 18 {
        inverses[k] = 1.0 / (2 * k + 3) as f64;
        k += 1;
    }
    inverses
};

/// The logarithm of gamma, for operands from 1 on.
pub(super) fn lgamma(z: f64) -> f64 {
    // log(2 pi) / 2.
    const HALF_LOG_TAU: f64 = 0.918_938_533_204_672_7;
    (z - 0.5) * (log(z) - 1.0) + (HALF_LOG_TAU - 0.5) + stirling_rest(z)
}

/// The logarithmic derivative of gamma, for operands above 0.
pub(super) fn digamma(z: f64) -> f64 {
    let (mut z, mut sum) = (z, 0.0);
    while z < 10.0 {
        sum += 1.0 / z;
        z += 1.0;
    }
    let w = 1.0 / (z * z);
    let series = w
        * (1.0 / 12.0
            - w * (1.0 / 120.0
                - w * (1.0 / 252.0
                    - w * (1.0 / 240.0
                        - w * (1.0 / 132.0
                            - w * (691.0 / 32760.0 - w * (1.0 / 12.0 - w * (3617.0 / 8160.0))))))));
    log(z) - 0.5 / z - series - sum
}

/// `x^a e^-x / gamma(a)`, for positive a and x: x times the density of the gamma distribution.
pub(super) fn gamma_density(a: f64, x: f64) -> f64 {
    if a < 1.0 {
        return a * pow(x, a) * exp(-x - lgamma(1.0 + a));
    }
    // With x = a (1 + m), x^a e^-x is (a / e)^a e^(a (log(1 + m) - m)).
    let m = (x - a) / a;
    let exponent = if m < -0.4 { log(x / a) - m } else { log1p_less_operand(m) };
    sqrt(a / TAU) * exp(a * exponent - stirling_rest(a))
}
