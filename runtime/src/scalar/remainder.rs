//! The exact floating-point remainder, by long division of mantissas.
//!
//! Not `libm`'s: that one divides 128-bit integers, which brings in two symbols of the compiler's support library
//! and a panic.

/// `x - n y` for the integer `n = trunc(x / y)`, exact; the sign is that of `x`.
pub(crate) fn fmod(x: f64, y: f64) -> f64 {
    if y == 0.0 || y.is_nan() || !x.is_finite() {
        return f64::NAN;
    }
    let (dividend, divisor) = (x.abs(), y.abs());
    if dividend < divisor {
        return x;
    }
    let (mantissa, exponent) = parts(dividend);
    let (divisor_mantissa, divisor_exponent) = parts(divisor);
    let mut remainder = modulo(mantissa, divisor_mantissa);
    // As many bits at a time as fit above a number smaller than the divisor. The divisor is not larger than the
    // dividend, so neither is its exponent.
    let mut bits = (exponent - divisor_exponent) as u32;
    while bits > 0 && remainder > 0 {
        let step = bits.min(divisor_mantissa.leading_zeros());
        remainder = modulo(remainder << step, divisor_mantissa);
        bits -= step;
    }
    compose(remainder, divisor_exponent).copysign(x)
}

const MANTISSA_BITS: u32 = 52;
const HIDDEN_BIT: u64 = 1 << MANTISSA_BITS;

/// The mantissa with its hidden bit, and the biased exponent; subnormal numbers share the exponent 1.
fn parts(magnitude: f64) -> (u64, i32) {
    let bits = magnitude.to_bits();
    let (mantissa, exponent) = (bits & (HIDDEN_BIT - 1), (bits >> MANTISSA_BITS) as i32);
    if exponent == 0 { (mantissa, 1) } else { (mantissa | HIDDEN_BIT, exponent) }
}

/// `a % b` without a branch to a panic: `b` is the mantissa of a number other than zero.
fn modulo(a: u64, b: u64) -> u64 {
    a.checked_rem(b).unwrap_or(0)
}

/// The inverse of [`parts`], for mantissas that may lack their hidden bit.
fn compose(mantissa: u64, exponent: i32) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let shift = (mantissa.leading_zeros() as i32 - (63 - MANTISSA_BITS as i32)).min(exponent - 1);
    let mantissa = mantissa << shift;
    let exponent = if mantissa < HIDDEN_BIT { 0 } else { (exponent - shift) as u64 };
    f64::from_bits(exponent << MANTISSA_BITS | mantissa & (HIDDEN_BIT - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rust's `%` on floats is the same function, from the C library.
    #[test]
    fn agrees_with_the_c_library_bit_by_bit() {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            f64::from_bits(state ^ state >> 29)
        };
        let edges = [0.0, -0.0, 1.0, -3.0, 5e-324, 2e-308, 2.2250738585072014e-308, f64::MAX, f64::INFINITY];
        for x in edges.into_iter().chain((0..20_000).map(|_| random())) {
            let others = [x.abs() * 0.999, x * 1e-3, 0.7, 3.0, -1e-310, 1e-300, 5e-324];
            for y in edges.into_iter().chain(others) {
                let (found, expected) = (fmod(x, y), x % y);
                assert!(
                    found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan(),
                    "fmod({x:e}, {y:e}) is {found:e}, not {expected:e}"
                );
            }
        }
    }
}
