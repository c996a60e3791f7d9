//! Special functions whose number of steps depends on the operands: incomplete gamma and beta functions, zeta.
//!
//! All compute in `f64`; those for `f32` stop earlier and round once. Denormal operands of `f64` count as zero, as they do
//! in XLA.

mod elementary;
mod gamma;
mod incomplete_beta;
mod incomplete_gamma;
mod zeta;

use core::hint::black_box;
use incomplete_beta::betainc;
use incomplete_gamma::{igamma, igamma_grad_a, igammac, random_gamma_grad};
use zeta::{polygamma_factors, zeta};

// How far iterations go for a result of either type.
const PRECISION_F64: f64 = 1e-16;
const PRECISION_F32: f64 = 1e-9;

/// How close to one the factors of a product come: where the caller rounds in one direction, each keeps what that makes
/// of it, and the product would take it up again and again.
fn reachable(precision: f64) -> f64 {
    let (one, little) = (black_box(1.0f64), black_box(1e-30));
    let (above, below) = ((one + little) - one, one - (one - little));
    precision.max(8.0 * above.max(below))
}

fn normal(x: f64) -> f64 {
    if x.abs() < f64::MIN_POSITIVE { 0.0 } else { x }
}

/// The regularized lower incomplete gamma function P(a, x).
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_igamma_f64(a: f64, x: f64) -> f64 {
    igamma(normal(a), normal(x), PRECISION_F64)
}

/// As [`rjax_igamma_f64`].
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_igamma_f32(a: f32, x: f32) -> f32 {
    igamma(f64::from(a), f64::from(x), PRECISION_F32) as f32
}

/// The regularized upper incomplete gamma function Q(a, x).
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_igammac_f64(a: f64, x: f64) -> f64 {
    igammac(normal(a), normal(x), PRECISION_F64)
}

/// As [`rjax_igammac_f64`].
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_igammac_f32(a: f32, x: f32) -> f32 {
    igammac(f64::from(a), f64::from(x), PRECISION_F32) as f32
}

/// The derivative of P(a, x) by a.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_igamma_grad_a_f64(a: f64, x: f64) -> f64 {
    igamma_grad_a(normal(a), normal(x), PRECISION_F64)
}

/// As [`rjax_igamma_grad_a_f64`].
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_igamma_grad_a_f32(a: f32, x: f32) -> f32 {
    igamma_grad_a(f64::from(a), f64::from(x), PRECISION_F32) as f32
}

/// The derivative by a of a sample x of the gamma distribution.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_random_gamma_grad_f64(a: f64, x: f64) -> f64 {
    random_gamma_grad(normal(a), normal(x), PRECISION_F64)
}

/// As [`rjax_random_gamma_grad_f64`].
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_random_gamma_grad_f32(a: f32, x: f32) -> f32 {
    random_gamma_grad(f64::from(a), f64::from(x), PRECISION_F32) as f32
}

/// The regularized incomplete beta function I_x(a, b).
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_betainc_f64(a: f64, b: f64, x: f64) -> f64 {
    betainc(normal(a), normal(b), normal(x), PRECISION_F64)
}

/// As [`rjax_betainc_f64`].
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_betainc_f32(a: f32, b: f32, x: f32) -> f32 {
    betainc(f64::from(a), f64::from(b), f64::from(x), PRECISION_F32) as f32
}

/// The Hurwitz zeta function.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_zeta_f64(x: f64, q: f64) -> f64 {
    zeta(normal(x), normal(q))
}

/// As [`rjax_zeta_f64`].
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_zeta_f32(x: f32, q: f32) -> f32 {
    zeta(f64::from(x), f64::from(q)) as f32
}

/// The derivative of digamma of an order from 1 on; NaN for other orders.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_polygamma_f64(order: f64, x: f64) -> f64 {
    let (factorial, zeta) = polygamma_factors(normal(order), normal(x));
    factorial * zeta
}

/// As [`rjax_polygamma_f64`], where a factor beyond the range of `f32` leaves it, as in JAX.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_polygamma_f32(order: f32, x: f32) -> f32 {
    let (factorial, zeta) = polygamma_factors(f64::from(order), f64::from(x));
    factorial as f32 * zeta as f32
}

/// Every symbol of this module and its address.
#[cfg(not(rjaxc_archive))]
pub(crate) fn symbols() -> [(&'static str, *const u8); 14] {
    [
        ("rjax_igamma_f64", rjax_igamma_f64 as *const u8),
        ("rjax_igamma_f32", rjax_igamma_f32 as *const u8),
        ("rjax_igammac_f64", rjax_igammac_f64 as *const u8),
        ("rjax_igammac_f32", rjax_igammac_f32 as *const u8),
        ("rjax_igamma_grad_a_f64", rjax_igamma_grad_a_f64 as *const u8),
        ("rjax_igamma_grad_a_f32", rjax_igamma_grad_a_f32 as *const u8),
        ("rjax_random_gamma_grad_f64", rjax_random_gamma_grad_f64 as *const u8),
        ("rjax_random_gamma_grad_f32", rjax_random_gamma_grad_f32 as *const u8),
        ("rjax_betainc_f64", rjax_betainc_f64 as *const u8),
        ("rjax_betainc_f32", rjax_betainc_f32 as *const u8),
        ("rjax_zeta_f64", rjax_zeta_f64 as *const u8),
        ("rjax_zeta_f32", rjax_zeta_f32 as *const u8),
        ("rjax_polygamma_f64", rjax_polygamma_f64 as *const u8),
        ("rjax_polygamma_f32", rjax_polygamma_f32 as *const u8),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 2e-14 * expected.abs(), "{found} found, {expected} expected");
    }

    /// Expected values from 40-digit arithmetic.
    #[test]
    fn values_over_many_magnitudes() {
        close(rjax_igamma_f64(0.5, 1e-30), 1.128_379_167_095_512_7e-15);
        close(rjax_igamma_f64(37.357793579876976, 20.970398255454914), 0.000_780_569_895_333_040_5);
        close(rjax_igammac_f64(20.0, 100.0), 3.764_893_576_001_475e-23);
        close(rjax_igamma_grad_a_f64(19.108831811424107, 0.056248608363737344), -4.312_445_493_267_189e-41);
        close(rjax_random_gamma_grad_f64(10.41526356332729, 7.329409720865974), 0.847_975_324_342_628_3);
        close(rjax_betainc_f64(331.7806871444448, 31.916931057891414, 0.9), 0.199_576_420_987_309_27);
        close(rjax_zeta_f64(25.34116946952338, 267.7897835544507), 3.450_749_516_769_095e-61);
        close(rjax_polygamma_f64(2.0, 1.0), -2.404_113_806_319_188_6);
    }

    #[test]
    fn operands_below_the_smallest_normal_f32() {
        let x = 1e-40f32;
        let root = f64::from(x).sqrt();
        let close = |found: f32, expected: f64| close(f64::from(found), f64::from(expected as f32));
        // erf(sqrt(x)) and its complement, 2 / pi asin(sqrt(x)).
        close(rjax_igamma_f32(0.5, x), core::f64::consts::FRAC_2_SQRT_PI * root);
        close(rjax_igammac_f32(0.5, x), 1.0);
        close(rjax_betainc_f32(0.5, 0.5, x), core::f64::consts::FRAC_2_PI * root);
        close(rjax_igamma_f32(x, 1.0), 1.0);
        assert_eq!(rjax_zeta_f32(2.0, x), f32::INFINITY);
    }
}
