//! The passes of a transform: one per factor of its length (Stockham's form, which needs no reordering).
//!
//! A pass of radix r sees its input as `[r][m][s]` and its output as `[m][r][s]`, where s is the product of the radices
//! of the passes before and r m s the length: with `w = e^(-2 pi i / (r m))`,
//!
//! `y[p][k][q] = w^(p k) sum over j of e^(-2 pi i j k / r) x[j][p][q]`.
//!
//! Its table holds, for k from 1 to r - 1, the real parts of `w^(p k)` for all p and then the imaginary parts; passes
//! of other radices than 2 to 5 have the r roots of one after that, real parts first.

use super::lanes::{Complex, Lanes, Real};

/// One factor of the length, and the product of those after it.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Pass {
    radix: u32,
    rest: u32,
}

impl Pass {
    pub(super) fn radix(self) -> usize {
        self.radix as usize
    }

    /// How many numbers its table has.
    pub(super) fn table_length(self) -> usize {
        let roots = if self.radix > 5 { self.radix() } else { 0 };
        2 * (self.radix().wrapping_sub(1) * self.rest as usize + roots)
    }
}

/// The twiddles of one pass.
#[derive(Clone, Copy)]
struct Twiddles<T> {
    table: *const T,
    rest: usize,
}

impl<T: Real> Twiddles<T> {
    /// `w^(p k)`, in all lanes.
    ///
    /// # Safety
    /// The table is that of the pass, k is from 1 to below the radix, and p below `rest`.
    unsafe fn at<const L: usize>(self, k: usize, p: usize) -> Complex<T, L> {
        let offset = (k - 1) * 2 * self.rest + p;
        // SAFETY: both positions are inside the table, by its layout.
        let (re, im) = unsafe { (*self.table.add(offset), *self.table.add(offset + self.rest)) };
        Complex { re: Lanes::splat(re), im: Lanes::splat(im) }
    }

    /// `w^(p k)` for L consecutive p.
    ///
    /// # Safety
    /// As for `at`, for each of them.
    unsafe fn consecutive<const L: usize>(self, k: usize, p: usize) -> Complex<T, L> {
        let offset = (k - 1) * 2 * self.rest + p;
        // SAFETY: all positions are inside the table; arrays of T are aligned as T is.
        let (re, im) = unsafe {
            (self.table.add(offset).cast::<[T; L]>(), self.table.add(offset + self.rest).cast::<[T; L]>())
        };
        // SAFETY: as above.
        unsafe { Complex { re: Lanes(*re), im: Lanes(*im) } }
    }
}

/// Runs passes on `length` blocks of L complex numbers in `x`, using `y` as the other buffer; `before` is the product
/// of the radices of the passes that ran already, in blocks. Returns where the result is.
///
/// # Safety
/// Both buffers have room for `length` blocks, which is `before` times all the radices, and are aligned for T; `table`
/// points to the tables of the passes, one after the other.
pub(super) unsafe fn run<T: Real, const L: usize>(
    passes: &[Pass],
    mut table: *const T,
    mut x: *mut Complex<T, L>,
    mut y: *mut Complex<T, L>,
    before: usize,
) -> *mut Complex<T, L> {
    let mut stride = before;
    for pass in passes {
        let rest = pass.rest as usize;
        let twiddles = Twiddles { table, rest };
        // SAFETY: the caller vouches for buffers and tables.
        unsafe {
            match pass.radix {
                2 => butterflies(x, y, rest, stride, twiddles, two),
                3 => butterflies(x, y, rest, stride, twiddles, three),
                4 => butterflies(x, y, rest, stride, twiddles, four),
                5 => butterflies(x, y, rest, stride, twiddles, five),
                _ => generic(x, y, pass.radix(), rest, stride, twiddles),
            }
            table = table.add(pass.table_length());
        }
        stride = stride.wrapping_mul(pass.radix());
        core::mem::swap(&mut x, &mut y);
    }
    x
}

/// A pass of radix R by a function that transforms R numbers.
///
/// # Safety
/// As for `run`, for this pass.
unsafe fn butterflies<T: Real, const L: usize, const R: usize>(
    x: *const Complex<T, L>,
    y: *mut Complex<T, L>,
    rest: usize,
    stride: usize,
    twiddles: Twiddles<T>,
    transform: impl Fn([Complex<T, L>; R]) -> [Complex<T, L>; R],
) {
    for p in 0..rest {
        let mut factors = [Complex::zero(); R];
        for (k, factor) in factors.iter_mut().enumerate().skip(1) {
            // SAFETY: k and p are in range.
            *factor = unsafe { twiddles.at(k, p) };
        }
        // SAFETY: `p` is below `rest`, so that all positions below are inside of the buffers.
        let (from, to) = unsafe { (x.add(stride * p), y.add(stride * R * p)) };
        for q in 0..stride {
            let mut values = [Complex::zero(); R];
            for (j, value) in values.iter_mut().enumerate() {
                // SAFETY: `(j rest + p) stride + q` is below the length.
                *value = unsafe { *from.add(j * rest * stride + q) };
            }
            for (k, (value, factor)) in transform(values).into_iter().zip(factors).enumerate() {
                let value = if k == 0 { value } else { value * factor };
                // SAFETY: `(p R + k) stride + q` is below the length.
                unsafe { *to.add(k * stride + q) = value };
            }
        }
    }
}

/// A pass of any small radix, by definition.
///
/// # Safety
/// As for `run`, for this pass.
unsafe fn generic<T: Real, const L: usize>(
    x: *const Complex<T, L>,
    y: *mut Complex<T, L>,
    radix: usize,
    rest: usize,
    stride: usize,
    twiddles: Twiddles<T>,
) {
    // SAFETY: the roots follow the twiddles.
    let roots = unsafe { twiddles.table.add(2 * (radix - 1) * rest) };
    for p in 0..rest {
        for q in 0..stride {
            for k in 0..radix {
                let (mut sum, mut root) = (Complex::zero(), 0);
                for j in 0..radix {
                    // SAFETY: `root` is below the radix and `(j rest + p) stride + q` below the length.
                    let (re, im, value) = unsafe {
                        (*roots.add(root), *roots.add(radix + root), *x.add((j * rest + p) * stride + q))
                    };
                    sum = sum + value * Complex { re: Lanes::splat(re), im: Lanes::splat(im) };
                    root += k;
                    if root >= radix {
                        root -= radix;
                    }
                }
                // SAFETY: k and p are in range, and `(p radix + k) stride + q` is below the length.
                unsafe {
                    let value = if k == 0 { sum } else { sum * twiddles.at(k, p) };
                    *y.add((p * radix + k) * stride + q) = value;
                }
            }
        }
    }
}

/// The first pass, of radix 4, from separate arrays of real and imaginary parts into blocks of L: its output has a
/// stride of 4, so that all other passes can work on blocks. L is 2 or 4.
///
/// # Safety
/// `x` has `4 rest` real and as many imaginary parts, `y` room for as many numbers; `table` is that of the pass.
pub(super) unsafe fn first_of_four<T: Real, const L: usize>(
    pass: Pass,
    table: *const T,
    x: *const T,
    y: *mut Complex<T, L>,
) {
    let rest = pass.rest as usize;
    let twiddles = Twiddles { table, rest };
    let mut p = 0;
    while p + L <= rest {
        let mut values = [Complex::<T, L>::zero(); 4];
        for (j, value) in values.iter_mut().enumerate() {
            // SAFETY: `j rest + p + L` is at most the length.
            *value = unsafe {
                let re = x.add(j * rest + p);
                Complex { re: Lanes(*re.cast()), im: Lanes(*re.add(4 * rest).cast()) }
            };
        }
        let mut values = four(values);
        for (k, value) in values.iter_mut().enumerate().skip(1) {
            // SAFETY: the last p is below `rest`.
            *value = *value * unsafe { twiddles.consecutive(k, p) };
        }
        for lane in 0..L {
            // SAFETY: number `4 (p + lane) + k` lies in block `(p + lane) 4 / L + k / L`.
            unsafe { store_four(y, p + lane, values.map(|value| (value.re.0[lane], value.im.0[lane]))) };
        }
        p += L;
    }
    for p in p..rest {
        let mut values = [Complex::<T, 1>::zero(); 4];
        for (j, value) in values.iter_mut().enumerate() {
            // SAFETY: `j rest + p` is below the length.
            *value = unsafe {
                let re = x.add(j * rest + p);
                Complex { re: Lanes([*re]), im: Lanes([*re.add(4 * rest)]) }
            };
        }
        let mut values = four(values);
        for (k, value) in values.iter_mut().enumerate().skip(1) {
            // SAFETY: k and p are in range.
            *value = *value * unsafe { twiddles.at(k, p) };
        }
        // SAFETY: as above.
        unsafe { store_four(y, p, values.map(|value| (value.re.0[0], value.im.0[0]))) };
    }
}

/// Writes the numbers `4 p` to `4 p + 3` into blocks.
///
/// # Safety
/// `y` has room for them.
unsafe fn store_four<T: Real, const L: usize>(y: *mut Complex<T, L>, p: usize, values: [(T, T); 4]) {
    for block in 0..4 / L {
        let mut numbers = Complex::zero();
        for (lane, (re, im)) in numbers.re.0.iter_mut().zip(&mut numbers.im.0).enumerate() {
            let (value_re, value_im) = values[(block * L + lane) & 3];
            (*re, *im) = (value_re, value_im);
        }
        // SAFETY: the caller vouches for it.
        unsafe { *y.add(p * (4 / L) + block) = numbers };
    }
}

fn two<T: Real, const L: usize>([a, b]: [Complex<T, L>; 2]) -> [Complex<T, L>; 2] {
    [a + b, a - b]
}

fn three<T: Real, const L: usize>([a, b, c]: [Complex<T, L>; 3]) -> [Complex<T, L>; 3] {
    let (sum, difference) = (b + c, b - c);
    let middle = a + sum.scaled(T::of(-0.5));
    // sin(2 pi / 3).
    let turned = difference.turned_back().scaled(T::of(0.866_025_403_784_438_6));
    [a + sum, middle + turned, middle - turned]
}

fn four<T: Real, const L: usize>([a, b, c, d]: [Complex<T, L>; 4]) -> [Complex<T, L>; 4] {
    let (ac, bd) = (a + c, b + d);
    let (across, turned) = (a - c, (b - d).turned_back());
    [ac + bd, across + turned, ac - bd, across - turned]
}

fn five<T: Real, const L: usize>([a, b, c, d, e]: [Complex<T, L>; 5]) -> [Complex<T, L>; 5] {
    // Cosines and sines of 2 pi / 5 and 4 pi / 5.
    let [cos1, cos2] = [0.309_016_994_374_947_45, -0.809_016_994_374_947_4].map(T::of);
    let [sin1, sin2] = [0.951_056_516_295_153_5, 0.587_785_252_292_473_1].map(T::of);
    let (outer, inner) = (b + e, c + d);
    let (outer_gap, inner_gap) = ((b - e).turned_back(), (c - d).turned_back());
    let first = a + outer.scaled(cos1) + inner.scaled(cos2);
    let second = a + outer.scaled(cos2) + inner.scaled(cos1);
    let first_turned = outer_gap.scaled(sin1) + inner_gap.scaled(sin2);
    let second_turned = outer_gap.scaled(sin2) - inner_gap.scaled(sin1);
    [
        a + outer + inner,
        first + first_turned,
        second + second_turned,
        second - second_turned,
        first - first_turned,
    ]
}
