//! Elementary functions in `f64`, within 2 ulp: `core` has none, and `libm` brings in panics.

use core::f64::consts::{LOG2_E, SQRT_2};

// log(2) as a part of 32 bits, whose products with exponents are exact, and the rest.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// The greatest integer that is not above `x`.
pub(super) fn floor(x: f64) -> f64 {
    // From 2^52 on, every float is an integer.
    if x.abs() < 4503599627370496.0 {
        let toward_zero = x as i64 as f64;
        let floor = if toward_zero > x { toward_zero - 1.0 } else { toward_zero };
        return floor.copysign(x);
    }
    x
}

/// The square root, by Newton's iteration from a guess that halves the exponent.
pub(super) fn sqrt(x: f64) -> f64 {
    if x <= 0.0 || x.is_nan() || x == f64::INFINITY {
        return if x < 0.0 { f64::NAN } else { x };
    }
    let mut y = f64::from_bits((x.to_bits() >> 1) + 0x1ff8_0000_0000_0000);
    for _ in 0..5 {
        y = 0.5 * (y + x / y);
    }
    y
}

/// `e^x`.
pub(super) fn exp(x: f64) -> f64 {
    exp_of_sum(x, 0.0)
}

/// `e^(x + tail)` for a small tail.
pub(super) fn exp_of_sum(x: f64, tail: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x > 710.0 {
        return f64::INFINITY;
    }
    if x < -746.0 {
        return 0.0;
    }
    let n = floor(x * LOG2_E + 0.5);
    let r = x - n * LN_2_HIGH - n * LN_2_LOW + tail;
    // The Taylor series to the power 13; |r| is below 0.35.
    let mut series = 0.0;
    for k in (2..14).rev() {
        series = (series + 1.0) * r / f64::from(k);
    }
    let y = 1.0 + (r + r * series);
    // In two factors: the result may be denormal, or just below overflow.
    let half = (n as i64) / 2;
    y * power_of_two(half) * power_of_two(n as i64 - half)
}

/// `2^n` for n in the range of normal numbers.
fn power_of_two(n: i64) -> f64 {
    f64::from_bits(((n + 1023) as u64) << 52)
}

/// The natural logarithm.
pub(super) fn log(x: f64) -> f64 {
    let Some((f, n)) = split(x) else { return log_edge(x) };
    // 2 atanh(s) = f - (f^2 / 2 - s (f^2 / 2 + P)) for s = f / (2 + f).
    let s = f / (2.0 + f);
    let half_square = 0.5 * f * f;
    let correction = s * (half_square + atanh_tail(s)) + n * LN_2_LOW;
    n * LN_2_HIGH + (f - (half_square - correction))
}

/// `log(1 + x)`.
pub(super) fn log1p(x: f64) -> f64 {
    let above = 1.0 + x;
    if x.abs() < 1e-17 || !(above > 0.0 && above < f64::INFINITY) {
        return if x.abs() < 1e-17 { x } else { log_edge(above) };
    }
    // What the sum lost, relative to it.
    log(above) + (x - (above - 1.0)) / above
}

/// `log(1 + x) - x` for x above -1, without cancellation for small x.
pub(super) fn log1p_less_operand(x: f64) -> f64 {
    if !(-0.4..=0.6).contains(&x) {
        return log1p(x) - x;
    }
    // log(1 + x) = 2 atanh(s), and 2 s - x = -x s.
    let s = x / (2.0 + x);
    s * atanh_tail(s) - x * s
}

/// `x^y`: NaN for a negative base and an exponent that is not an integer.
pub(super) fn pow(x: f64, y: f64) -> f64 {
    if y == 0.0 || x == 1.0 {
        return 1.0;
    }
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    let is_odd = y.abs() < 9007199254740992.0 && floor(y) == y && y as i64 & 1 == 1;
    let sign = if x.is_sign_negative() && is_odd { -1.0 } else { 1.0 };
    if x < 0.0 && x.is_finite() && floor(y) != y && y.is_finite() {
        return f64::NAN;
    }
    let magnitude = x.abs();
    if magnitude == 1.0 {
        return sign;
    }
    let Some((f, n)) = split(magnitude) else {
        // Zero or infinity.
        let grows = (magnitude > 1.0) == (y > 0.0);
        return if grows { sign * f64::INFINITY } else { sign * 0.0 };
    };
    let (high, low) = log_in_two(f, n);
    if !(high * y).is_finite() || (high * y).abs() > 1e4 {
        return if high * y > 0.0 { sign * f64::INFINITY } else { sign * 0.0 };
    }
    let (product, error) = two_product(high, y);
    sign * exp_of_sum(product, error + low * y)
}

/// `x = 2^n (1 + f)` with 1 + f between sqrt(1/2) and sqrt(2); `None` unless x is positive and finite.
fn split(x: f64) -> Option<(f64, f64)> {
    if !(x > 0.0 && x < f64::INFINITY) {
        return None;
    }
    let (x, offset) = if x < f64::MIN_POSITIVE { (x * 18014398509481984.0, -54) } else { (x, 0) };
    let exponent = (x.to_bits() >> 52) as i64 - 1023;
    let fraction = f64::from_bits(x.to_bits() & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
    let (fraction, exponent) =
        if fraction > SQRT_2 { (0.5 * fraction, exponent + 1) } else { (fraction, exponent) };
    Some((fraction - 1.0, (exponent + offset) as f64))
}

/// The logarithm of what has none that is finite.
fn log_edge(x: f64) -> f64 {
    if x == 0.0 {
        f64::NEG_INFINITY
    } else if x < 0.0 {
        f64::NAN
    } else {
        x
    }
}

/// `2 atanh(s) / s - 2`, for |s| up to 0.25.
fn atanh_tail(s: f64) -> f64 {
    let square = s * s;
    let mut sum = 0.0;
    for odd in (3..29).step_by(2).rev() {
        sum = (sum + 2.0 / f64::from(odd)) * square;
    }
    sum
}

/// The logarithm of `2^n (1 + f)` as a sum of two floats, of about 65 bits.
fn log_in_two(f: f64, n: f64) -> (f64, f64) {
    // s = f / (2 + f) with its error.
    let (denominator, rest) = two_sum(2.0, f);
    let s = f / denominator;
    let (product, error) = two_product(s, denominator);
    let s_low = ((f - product) - error - s * rest) / denominator;
    // s^3 / 3 in two parts, the rest of the series in one.
    let (square, square_low) = two_product(s, s);
    let square_low = square_low + 2.0 * s * s_low;
    let (cube, cube_low) = two_product(square, s);
    let cube_low = cube_low + square_low * s + square * s_low;
    let third = cube / 3.0;
    let (back, back_error) = two_product(third, 3.0);
    let third_low = ((cube - back) - back_error + cube_low) / 3.0;
    let mut series = 0.0;
    for odd in (5..29).step_by(2).rev() {
        series = series * square + 1.0 / f64::from(odd);
    }
    let rest = series * square * cube;
    let (sum, sum_low) = two_sum(2.0 * s, 2.0 * third);
    let low = sum_low + 2.0 * (s_low + third_low + rest);
    let (high, high_low) = two_sum(n * LN_2_HIGH, sum);
    let low = high_low + low + n * LN_2_LOW_IN_TWO.0 + n * LN_2_LOW_IN_TWO.1;
    quick_two_sum(high, low)
}

// What `LN_2_HIGH` leaves off, in two floats.
const LN_2_LOW_IN_TWO: (f64, f64) = (LN_2_LOW, 1.161_222_722_936_253_2e-26);

fn two_sum(x: f64, y: f64) -> (f64, f64) {
    let sum = x + y;
    let y_part = sum - x;
    (sum, (x - (sum - y_part)) + (y - y_part))
}

/// As [`two_sum`], where `|x| >= |y|`.
fn quick_two_sum(x: f64, y: f64) -> (f64, f64) {
    let sum = x + y;
    (sum, y - (sum - x))
}

/// `x * y` as a rounded product and its error (Dekker); magnitudes below 2^990.
fn two_product(x: f64, y: f64) -> (f64, f64) {
    let halves = |x: f64| {
        let shifted = x * 134217729.0;
        let high = shifted - (shifted - x);
        (high, x - high)
    };
    let product = x * y;
    let ((a, b), (c, d)) = (halves(x), halves(y));
    (product, a * c - product + a * d + b * c + b * d)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    /// Units of the last place; those of the least normal number below it.
    fn ulps(found: f64, expected: f64) -> f64 {
        if found == expected || found.is_nan() && expected.is_nan() {
            return 0.0;
        }
        let exponent = (expected.to_bits() >> 52 & 0x7ff) as i64 - 1023;
        (found - expected).abs() / power_of_two(exponent.max(-970) - 52)
    }

    fn check(name: &str, found: f64, expected: f64, x: f64, y: f64) {
        let error = ulps(found, expected);
        assert!(error <= 2.0, "{name}({x:e}, {y:e}) is {found:e}, not {expected:e}: {error} ulp");
    }

    /// The C library's functions are within one ulp.
    #[test]
    fn agree_with_the_c_library() {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / 9007199254740992.0
        };
        for _ in 0..20_000 {
            let (x, y) = (1490.0 * random() - 745.0, (600.0 * random() - 300.0).exp2());
            check("exp", exp(x), x.exp(), x, 0.0);
            check("log", log(y), y.ln(), y, 0.0);
            check("log1p", log1p(y), y.ln_1p(), y, 0.0);
            let fraction = random();
            check("log1p", log1p(-fraction), (-fraction).ln_1p(), -fraction, 0.0);
            check("sqrt", sqrt(y), y.sqrt(), y, 0.0);
            check("floor", floor(x), x.floor(), x, 0.0);
            let exponent = x / y.ln();
            check("pow", pow(y, exponent), y.powf(exponent), y, exponent);
            let (base, integer) = (-20.0 * fraction, floor(40.0 * random()) - 20.0);
            check("pow", pow(base, integer), base.powf(integer), base, integer);
        }
    }

    #[test]
    fn edges_are_those_of_the_c_library() {
        let edges = [0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        let same = |x: f64, y: f64| {
            x == y && x.is_sign_negative() == y.is_sign_negative() || x.is_nan() && y.is_nan()
        };
        for x in edges {
            assert!(same(exp(x), x.exp()) || ulps(exp(x), x.exp()) <= 1.0, "exp({x})");
            assert!(same(log(x), x.ln()) || ulps(log(x), x.ln()) <= 1.0, "log({x})");
            assert!(same(log1p(x), x.ln_1p()) || ulps(log1p(x), x.ln_1p()) <= 1.0, "log1p({x})");
            assert!(same(sqrt(x), x.sqrt()) || ulps(sqrt(x), x.sqrt()) <= 1.0, "sqrt({x})");
            assert!(same(floor(x), x.floor()), "floor({x})");
            for y in edges {
                let (found, expected) = (pow(x, y), x.powf(y));
                assert!(
                    same(found, expected) || ulps(found, expected) <= 1.0,
                    "pow({x}, {y}): {found}, {expected}"
                );
            }
        }
    }
}
