//! The C functions, which `table` lists: they split batches into matrices and scratch memory into arrays.
//!
//! # Note: arguments
//! Pointers to the arrays that are read, then to those that are written, then to scratch memory; after them the size of
//! the scratch memory in bytes, the dtype (0: f32, 1: f64, 2: complex of f32, 3: complex of f64), the number of
//! matrices in the batch, the extents, and flags. Arrays are row-major and do not overlap. The result is 0, or
//! [`MISMATCH`] if compiler and runtime disagree on a size.

mod direct;
mod householder;
mod iterative;
mod table;

#[cfg(not(rjaxc_archive))]
pub use table::symbols;

use super::householder::Work;
use super::matrix::{Matrix, Plain, Scratch, copy};
use super::number::{Complex, Scalar};
use core::ffi::c_void;

/// The status of a call whose scratch memory is too small or whose dtype is unknown: a bug of the compiler.
const MISMATCH: i32 = -7;

/// A number that memory can hold.
trait Number: Scalar<Real: Plain> + Plain {}
impl<T: Scalar<Real: Plain> + Plain> Number for T {}

/// A routine with its arguments, for a batch of any type of numbers.
trait Routine {
    /// `None` if the scratch memory is too small.
    ///
    /// # Safety
    /// The pointers are to arrays of `T` (or of its real part, or of i32, as the routine says) with the extents of the
    /// arguments, which nobody else writes, and nobody else reads what is written.
    unsafe fn run<T: Number>(&self, batch: usize, scratch: Scratch) -> Option<()>;
}

/// Scratch memory of the caller.
#[derive(Clone, Copy)]
struct Room {
    start: *mut u8,
    bytes: usize,
}

/// # Safety
/// As [`Routine::run`] for the type that `dtype` names; the scratch memory is the routine's alone.
unsafe fn dispatch(dtype: i64, batch: usize, room: Option<Room>, routine: &impl Routine) -> i32 {
    let Room { start, bytes } = room.unwrap_or(Room { start: core::ptr::null_mut(), bytes: 0 });
    // SAFETY: the caller says that the memory exists and is not used by others.
    let scratch = Scratch::new(unsafe { piece_mut(start.cast(), 0, bytes) });
    // SAFETY: the caller's promise is the same.
    let done = unsafe {
        match dtype {
            0 => routine.run::<f32>(batch, scratch),
            1 => routine.run::<f64>(batch, scratch),
            2 => routine.run::<Complex<f32>>(batch, scratch),
            3 => routine.run::<Complex<f64>>(batch, scratch),
            _ => None,
        }
    };
    if done.is_some() { 0 } else { MISMATCH }
}

/// Array number `index` of a batch of arrays of `count` elements.
///
/// # Safety
/// There is such an array, and nobody writes it during 'a.
unsafe fn piece<'a, T>(start: *const c_void, index: usize, count: usize) -> &'a [T] {
    if count == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts(start.cast::<T>().add(index * count), count) }
}

/// # Safety
/// There is such an array, and nobody else uses it during 'a.
unsafe fn piece_mut<'a, T>(start: *mut c_void, index: usize, count: usize) -> &'a mut [T] {
    if count == 0 {
        return &mut [];
    }
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts_mut(start.cast::<T>().add(index * count), count) }
}

/// Output matrix number `index`, filled with input matrix number `index`.
///
/// # Safety
/// As for [`piece`] and [`piece_mut`].
unsafe fn copied<'a, T: Number>(
    to: *mut c_void,
    from: *const c_void,
    index: usize,
    (rows, cols): (usize, usize),
) -> Matrix<'a, T> {
    // SAFETY: the caller's promise.
    let (to, from) = unsafe { (piece_mut(to, index, rows * cols), piece(from, index, rows * cols)) };
    copy(to, from);
    Matrix::new(to, rows, cols)
}

fn work<'a, T: Number>(scratch: &mut Scratch<'a>, rows: usize, cols: usize) -> Option<Work<'a, T>> {
    Some(Work { rows: scratch.take(rows)?, cols: scratch.take(cols)? })
}

/// Fills the half that is not read of a Hermitian matrix, so that it becomes Hermitian.
fn mirror<T: Scalar>(a: &mut Matrix<T>, is_lower: bool) {
    for row in 0..a.rows {
        a.update(row, row, |x| T::real(x.re()));
        for col in 0..row {
            if is_lower {
                let value = a.at(row, col).conj();
                a.set(col, row, value);
            } else {
                let value = a.at(col, row).conj();
                a.set(row, col, value);
            }
        }
    }
}
