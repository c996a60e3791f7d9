//! Functions of numbers, and the version of the ABI.
//!
//! Why `fmod` is here: the exact remainder takes a loop whose number of steps depends on the data, so
//! that it gains nothing from being inlined into a loop nest.

mod remainder;

/// Refers to this ABI version: compiled code that calls the runtime names it, so that another version does not link.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub static rjax_abi_1: u32 = 1;

/// The remainder of `x / y` with the sign of `x`, exact, as C's `fmod`.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_fmod_f64(x: f64, y: f64) -> f64 {
    remainder::fmod(x, y)
}

/// The remainder of `x / y` with the sign of `x`, exact, as C's `fmodf`.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub extern "C" fn rjax_fmod_f32(x: f32, y: f32) -> f32 {
    // Both operands and the remainder, which is exact, are values of either type.
    remainder::fmod(f64::from(x), f64::from(y)) as f32
}

/// Every symbol of this file and its address.
#[cfg(not(rjaxc_archive))]
pub fn symbols() -> [(&'static str, *const u8); 3] {
    [
        ("rjax_abi_1", (&raw const rjax_abi_1).cast()),
        ("rjax_fmod_f64", rjax_fmod_f64 as *const u8),
        ("rjax_fmod_f32", rjax_fmod_f32 as *const u8),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders_are_exact_and_take_the_sign_of_the_dividend() {
        assert_eq!(rjax_fmod_f64(5.5, -2.0), 1.5);
        assert_eq!(rjax_fmod_f64(-5.5, 2.0), -1.5);
        assert_eq!(rjax_fmod_f64(1e300, 3.0), 1e300 % 3.0);
        assert!(rjax_fmod_f64(-6.0, 3.0).is_sign_negative());
        assert_eq!(rjax_fmod_f32(1e30, 0.7), 1e30 % 0.7);
        assert_eq!(rjax_fmod_f32(2.0, f32::INFINITY), 2.0);
        assert!(rjax_fmod_f32(2.0, 0.0).is_nan() && rjax_fmod_f64(f64::INFINITY, 1.0).is_nan());
    }
}
