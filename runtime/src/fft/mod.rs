//! Discrete Fourier transforms along the last axis, of any length.
//!
//! The compiler factors the length and computes all constants; a call gets them as two tables.

mod lanes;
mod passes;
mod plan;
mod rows;
#[cfg(test)]
mod tests;

use plan::Plan;
use rows::{Kind, Rows};

/// Transforms `rows` rows of length `n` from `x` into `y`; `kind` is 0 for the forward, 1 for the inverse transform, 2
/// and 3 for those of real rows. `together` is 4 if the scratch memory is for four rows, else 1.
///
/// # Safety
/// All pointers are to arrays of the sizes that [`mod@plan`] and [`Rows`] say, aligned; `y` and the scratch memory
/// overlap with nothing.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_fft_f32(
    x: *const f32,
    plan: *const u32,
    table: *const f32,
    y: *mut f32,
    scratch: *mut f32,
    kind: i64,
    rows: i64,
    n: i64,
    together: i64,
) -> i32 {
    // SAFETY: the caller vouches for all of it.
    unsafe {
        let plan = Plan::read(plan, table);
        let work = Rows { kind: kind_of(kind), n: n as usize, plan, x, y, scratch };
        work.transform::<4>(rows as usize, together as usize);
    }
    0
}

/// As [`rjax_fft_f32`], two rows at a time.
///
/// # Safety
/// As for [`rjax_fft_f32`].
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_fft_f64(
    x: *const f64,
    plan: *const u32,
    table: *const f64,
    y: *mut f64,
    scratch: *mut f64,
    kind: i64,
    rows: i64,
    n: i64,
    together: i64,
) -> i32 {
    // SAFETY: the caller vouches for all of it.
    unsafe {
        let plan = Plan::read(plan, table);
        let work = Rows { kind: kind_of(kind), n: n as usize, plan, x, y, scratch };
        work.transform::<2>(rows as usize, together as usize);
    }
    0
}

fn kind_of(number: i64) -> Kind {
    match number {
        0 => Kind::Forward,
        1 => Kind::Inverse,
        2 => Kind::RealForward,
        _ => Kind::RealInverse,
    }
}

/// Every symbol of this module and its address.
#[cfg(not(rjaxc_archive))]
pub(crate) fn symbols() -> [(&'static str, *const u8); 2] {
    [("rjax_fft_f32", rjax_fft_f32 as *const u8), ("rjax_fft_f64", rjax_fft_f64 as *const u8)]
}
