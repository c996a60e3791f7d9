//! What the compiler prepared for a length: the order of the passes and all constants.

use super::lanes::Real;
use super::passes::Pass;
use core::slice;

/// A transform of `points` complex numbers by passes over `length`: the same number, or, where it has large prime
/// factors, that of a convolution (Bluestein's algorithm).
pub(super) struct Plan<'a, T> {
    pub(super) points: usize,
    pub(super) length: usize,
    pub(super) passes: &'a [Pass],
    /// The tables of the passes.
    pub(super) twiddles: *const T,
    /// For a convolution, `e^(-pi i k^2 / points)` for all points, as pairs.
    pub(super) chirp: Option<&'a [[T; 2]]>,
    /// For a convolution, what the spectrum is multiplied by, as pairs.
    pub(super) filter: &'a [[T; 2]],
    /// For real transforms of even length n, `e^(-2 pi i k / n)` for k from 0 to n / 2, as pairs.
    pub(super) halves: &'a [[T; 2]],
}

impl<T: Real> Plan<'_, T> {
    /// Reads a plan: `points`, `length`, the number of passes and of halves, then a radix and a rest per pass; the table
    /// has the passes' tables, chirp and filter if there is a convolution, and the halves.
    ///
    /// # Safety
    /// Both pointers are to what the compiler made for one length; they live as long as the result.
    pub(super) unsafe fn read(plan: *const u32, table: *const T) -> Self {
        // SAFETY: the header has four numbers, and `passes` pairs follow.
        let (points, length, passes, halves) = unsafe {
            let [points, length, passes, halves] = *plan.cast::<[u32; 4]>();
            let passes = slice::from_raw_parts(plan.add(4).cast::<Pass>(), passes as usize);
            (points as usize, length as usize, passes, halves as usize)
        };
        let after_passes = passes.iter().map(|pass| pass.table_length()).sum();
        let is_convolution = points != length;
        // SAFETY: the table has these parts, in this order.
        unsafe {
            let chirp = table.add(after_passes).cast::<[T; 2]>();
            let filter = if is_convolution { chirp.add(points) } else { chirp };
            let filter_length = if is_convolution { length } else { 0 };
            Plan {
                points,
                length,
                passes,
                twiddles: table,
                chirp: is_convolution.then(|| slice::from_raw_parts(chirp, points)),
                filter: slice::from_raw_parts(filter, filter_length),
                halves: slice::from_raw_parts(filter.add(filter_length), halves),
            }
        }
    }
}
