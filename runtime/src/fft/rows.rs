//! Transforms of rows: reading them into work buffers, passes, and writing the results.
//!
//! # Note: lanes
//! L rows go together, one per lane, where there are so many and the buffers stay in cache. Else a row goes alone: if
//! its length is a multiple of 4, lanes are neighbouring numbers from the second pass on (see
//! [`super::passes::first_of_four`]); if not, there is one lane.
//!
//! # Note: inverses
//! With real and imaginary parts exchanged before and after, a transform is its inverse, up to the factor 1 / n.

use super::lanes::Real;
use super::passes::{first_of_four, run};
use super::plan::Plan;

/// The four transforms, by XLA's numbers.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Forward,
    Inverse,
    RealForward,
    RealInverse,
}

/// Transforms of many rows of length n, one after the other in memory.
pub(super) struct Rows<'a, T> {
    pub(super) kind: Kind,
    pub(super) n: usize,
    pub(super) plan: Plan<'a, T>,
    pub(super) x: *const T,
    pub(super) y: *mut T,
    /// Two buffers of `length` complex numbers, times the lanes if rows go together.
    pub(super) scratch: *mut T,
}

/// Where number k of a lane is in a work buffer, and how far behind its real part the imaginary part is.
trait Layout: Copy {
    fn at(self, k: usize, lane: usize) -> (usize, usize);
}

/// One row per lane.
#[derive(Clone, Copy)]
struct Across<const L: usize>;

impl<const L: usize> Layout for Across<L> {
    fn at(self, k: usize, lane: usize) -> (usize, usize) {
        let re = 2 * L * k + lane;
        (re, re + L)
    }
}

/// Neighbours of one row in the lanes.
#[derive(Clone, Copy)]
struct Along<const L: usize>;

impl<const L: usize> Layout for Along<L> {
    fn at(self, k: usize, _: usize) -> (usize, usize) {
        let re = k / L * 2 * L + k % L;
        (re, re + L)
    }
}

/// All real parts of one row, then all imaginary parts.
#[derive(Clone, Copy)]
struct Planar {
    length: usize,
}

impl Layout for Planar {
    fn at(self, k: usize, _: usize) -> (usize, usize) {
        (k, k + self.length)
    }
}

impl<T: Real> Rows<'_, T> {
    /// Transforms all rows; `together` is L if the scratch memory has room for L rows, else 1.
    ///
    /// # Safety
    /// `x` and `y` have `rows` rows of the kind's lengths, and do not overlap; scratch and plan are as said above.
    pub(super) unsafe fn transform<const L: usize>(&self, rows: usize, together: usize) {
        let mut row = 0;
        let splits_first = self.plan.passes.first().is_some_and(|pass| pass.radix() == 4);
        while row < rows {
            // SAFETY: the rows are in range, and scratch memory suffices for the way taken.
            unsafe {
                if L > 1 && together == L && row + L <= rows {
                    self.group(row, L, Across::<L>, Across::<L>, |x, y| self.passes_across::<L>(x, y));
                    row += L;
                } else if L > 1 && splits_first {
                    let planar = Planar { length: self.plan.length };
                    self.group(row, 1, planar, Along::<L>, |x, y| self.passes_along::<L>(x, y));
                    row += 1;
                } else {
                    self.group(row, 1, Across::<1>, Across::<1>, |x, y| self.passes_across::<1>(x, y));
                    row += 1;
                }
            }
        }
    }

    unsafe fn passes_across<const L: usize>(&self, x: *mut T, y: *mut T) -> *mut T {
        // SAFETY: blocks of L complex numbers lie one after the other in both buffers.
        unsafe { run::<T, L>(self.plan.passes, self.plan.twiddles, x.cast(), y.cast(), 1).cast() }
    }

    unsafe fn passes_along<const L: usize>(&self, x: *mut T, y: *mut T) -> *mut T {
        let Some((first, others)) = self.plan.passes.split_first() else { return x };
        // SAFETY: `x` is planar; after the first pass the other buffer has blocks of neighbours.
        unsafe {
            first_of_four::<T, L>(*first, self.plan.twiddles, x, y.cast());
            let table = self.plan.twiddles.add(first.table_length());
            run::<T, L>(others, table, y.cast(), x.cast(), 4 / L).cast()
        }
    }

    /// Transforms `lanes` rows from `row` on: `passes` takes its input in the layout `before` in the first of two buffers
    /// and says where the result is, in the layout `after`.
    ///
    /// # Safety
    /// As for `transform`.
    unsafe fn group<B: Layout, A: Layout>(
        &self,
        row: usize,
        lanes: usize,
        before: B,
        after: A,
        passes: impl Fn(*mut T, *mut T) -> *mut T,
    ) {
        let numbers = 2 * self.plan.length * lanes;
        // SAFETY: scratch memory is two buffers of this size; positions in layouts are below it.
        unsafe {
            let (first, second) = (self.scratch, self.scratch.add(numbers));
            self.read(row, lanes, before, first);
            let mut result = passes(first, second);
            if self.plan.chirp.is_some() {
                // The inverse of the product's transform, by exchange of parts.
                let other = if core::ptr::eq(result, first) { second } else { first };
                for (k, &[re, im]) in self.plan.filter.iter().enumerate() {
                    for lane in 0..lanes {
                        let ((from_re, from_im), (to_re, to_im)) = (after.at(k, lane), before.at(k, lane));
                        let product = multiplied((*result.add(from_re), *result.add(from_im)), (re, im));
                        (*other.add(to_im), *other.add(to_re)) = product;
                    }
                }
                result = passes(other, result);
            }
            self.write(row, lanes, after, result);
        }
    }

    /// Reads rows as complex numbers, with a convolution's chirp and padding.
    unsafe fn read<B: Layout>(&self, row: usize, lanes: usize, layout: B, to: *mut T) {
        for k in 0..self.plan.length {
            let chirp = self.plan.chirp.map(|chirp| chirp.get(k));
            for lane in 0..lanes {
                let (re, im) = match chirp {
                    Some(None) => (T::of(0.0), T::of(0.0)),
                    // SAFETY: k is below the number of points.
                    Some(Some(&[re, im])) => multiplied(unsafe { self.input(row + lane, k) }, (re, im)),
                    // SAFETY: as above, length and number of points being the same.
                    None => unsafe { self.input(row + lane, k) },
                };
                let (re_at, im_at) = layout.at(k, lane);
                // SAFETY: positions are inside of the buffer.
                unsafe { (*to.add(re_at), *to.add(im_at)) = (re, im) };
            }
        }
    }

    /// Number k of what the passes transform.
    unsafe fn input(&self, row: usize, k: usize) -> (T, T) {
        let half = self.n / 2;
        // SAFETY: rows have `n` numbers, or half as many and one more of a spectrum.
        unsafe {
            match self.kind {
                Kind::Forward => self.complex(row * self.n + k),
                Kind::Inverse => exchanged(self.complex(row * self.n + k)),
                Kind::RealForward if self.n.is_multiple_of(2) => self.complex(row * half + k),
                Kind::RealForward => (*self.x.add(row * self.n + k), T::of(0.0)),
                Kind::RealInverse if self.n.is_multiple_of(2) => {
                    let spectrum = row * (half + 1);
                    let (a, b) = (self.spectral(spectrum, k), self.spectral(spectrum, half - k));
                    let (sum, difference) = ((a.0 + b.0, a.1 - b.1), (a.0 - b.0, a.1 + b.1));
                    // e^(2 pi i k / n), times i.
                    let [re, im] = *self.plan.halves.get_unchecked(k);
                    let odd = multiplied(difference, (im, re));
                    exchanged((sum.0 + odd.0, sum.1 + odd.1))
                }
                Kind::RealInverse => {
                    let spectrum = row * (half + 1);
                    let value = self.spectral(spectrum, if k <= half { k } else { self.n - k });
                    exchanged(if k <= half { value } else { (value.0, -value.1) })
                }
            }
        }
    }

    /// A complex number of the input.
    unsafe fn complex(&self, at: usize) -> (T, T) {
        // SAFETY: the caller vouches for the position.
        unsafe { (*self.x.add(2 * at), *self.x.add(2 * at + 1)) }
    }

    /// Number k of a row's half spectrum; the imaginary parts of the first and, for even n, of the last do not count.
    unsafe fn spectral(&self, spectrum: usize, k: usize) -> (T, T) {
        // SAFETY: k is at most n / 2.
        let (re, im) = unsafe { self.complex(spectrum + k) };
        if k == 0 || 2 * k == self.n { (re, T::of(0.0)) } else { (re, im) }
    }

    /// Writes the results of the passes, finished, into the output rows.
    unsafe fn write<A: Layout>(&self, row: usize, lanes: usize, layout: A, from: *const T) {
        let get = |k: usize, lane: usize| {
            let (re_at, im_at) = layout.at(k, lane);
            // SAFETY: positions are inside of the buffer.
            let value = unsafe { (*from.add(re_at), *from.add(im_at)) };
            match self.plan.chirp {
                // The second transform's parts are exchanged.
                // SAFETY: k is below the number of points.
                Some(chirp) => unsafe {
                    let [re, im] = *chirp.get_unchecked(k);
                    multiplied(exchanged(value), (re, im))
                },
                None => value,
            }
        };
        let (half, scale) = (self.n / 2, T::of(1.0 / self.n as f64));
        let is_even = self.n.is_multiple_of(2);
        let count = match self.kind {
            Kind::RealForward => half + 1,
            Kind::Forward | Kind::Inverse | Kind::RealInverse => self.plan.points,
        };
        for k in 0..count {
            for lane in 0..lanes {
                let row = row + lane;
                // SAFETY: rows have `n` numbers, or half as many and one more of a spectrum.
                unsafe {
                    match self.kind {
                        Kind::Forward => self.put(row * self.n + k, get(k, lane)),
                        Kind::Inverse => {
                            let (im, re) = get(k, lane);
                            self.put(row * self.n + k, (re * scale, im * scale));
                        }
                        Kind::RealForward if is_even => {
                            // The transform of the pairs is periodic.
                            let wrapped = |k: usize| if k == half { 0 } else { k };
                            let (a, b) = (get(wrapped(k), lane), get(wrapped(half - k), lane));
                            let value = self.unpacked(k, a, b);
                            self.put(row * (half + 1) + k, value);
                        }
                        Kind::RealForward => self.put(row * (half + 1) + k, get(k, lane)),
                        Kind::RealInverse if is_even => {
                            let (im, re) = get(k, lane);
                            self.put(row * half + k, (re * scale, im * scale));
                        }
                        Kind::RealInverse => *self.y.add(row * self.n + k) = get(k, lane).1 * scale,
                    }
                }
            }
        }
    }

    unsafe fn put(&self, at: usize, (re, im): (T, T)) {
        // SAFETY: the caller vouches for the position.
        unsafe { (*self.y.add(2 * at), *self.y.add(2 * at + 1)) = (re, im) };
    }

    /// Number k of the spectrum of a real row, from numbers k and n / 2 - k of the transform of its pairs.
    unsafe fn unpacked(&self, k: usize, a: (T, T), b: (T, T)) -> (T, T) {
        let half = T::of(0.5);
        let even = ((a.0 + b.0) * half, (a.1 - b.1) * half);
        // Half of the difference of a and the conjugate of b, times -i.
        let odd = ((a.1 + b.1) * half, (b.0 - a.0) * half);
        // SAFETY: there is a factor for each k up to n / 2.
        let [re, im] = unsafe { *self.plan.halves.get_unchecked(k) };
        let turned = multiplied(odd, (re, im));
        (even.0 + turned.0, even.1 + turned.1)
    }
}

fn multiplied<T: Real>((a, b): (T, T), (c, d): (T, T)) -> (T, T) {
    (a * c - b * d, a * d + b * c)
}

fn exchanged<T>((re, im): (T, T)) -> (T, T) {
    (im, re)
}
