//! Eigenvalues and eigenvectors of Hermitian matrices: tridiagonal form, then implicit QL or QR steps.

use super::householder::{Work, hessenberg_product, tridiagonalize};
use super::matrix::{Matrix, moderating};
use super::number::{Real, Scalar, hypot};

/// What the decomposition works in; the matrix has order n.
pub struct Memory<'a, T: Scalar> {
    /// n x n.
    pub q: Matrix<'a, T>,
    pub taus: &'a mut [T],
    pub subdiagonal: &'a mut [T::Real],
    pub work: Work<'a, T>,
}

/// Writes eigenvalues in ascending order and eigenvectors as columns. `a` holds both triangles at first and the vectors
/// at last. Returns whether the iteration has converged.
///
/// `from_upper` walks through the matrix from its last row up, as LAPACK does when it reads the upper triangle: the
/// signs of the vectors follow from it.
pub fn eigh<T: Scalar>(
    a: &mut Matrix<T>,
    values: &mut [T::Real],
    from_upper: bool,
    memory: &mut Memory<T>,
) -> bool {
    let n = a.rows;
    if !a.is_finite() {
        return false;
    }
    let factor = moderating(a.largest());
    if factor != T::Real::ONE {
        a.scale(factor);
    }
    if from_upper {
        a.all_mut().reverse();
    }
    let Memory { q, taus, subdiagonal, work } = memory;
    tridiagonalize(a, values, subdiagonal, taus, work);
    hessenberg_product(a, (0, n), taus, q, work);
    if from_upper {
        q.all_mut().reverse();
        values.reverse();
        subdiagonal.get_mut(..n.saturating_sub(1)).unwrap_or(&mut []).reverse();
    }
    // Rotations combine columns of q, which are rows of its transpose.
    for row in 0..n {
        (0..n).for_each(|col| a.set(col, row, q.at(row, col)));
    }
    let converged = diagonalize(values, subdiagonal, a);
    sort(values, a);
    for row in 0..n {
        (0..n).for_each(|col| q.set(row, col, a.at(col, row)));
    }
    for row in 0..n {
        (0..n).for_each(|col| a.set(row, col, q.at(row, col)));
    }
    values.iter_mut().for_each(|value| *value = *value / factor);
    converged
}

/// A plane rotation that maps `(f, g)` to `(r, 0)`.
pub fn rotation<R: Real>(f: R, g: R) -> (R, R, R) {
    if g == R::ZERO {
        return (R::ONE, R::ZERO, f);
    }
    if f == R::ZERO {
        return (R::ZERO, R::ONE.with_sign(g), g.magnitude());
    }
    let r = hypot(f, g).with_sign(f);
    (f / r, g / r, r)
}

/// `(row j, row j + 1) = (c row j + s row j+1, c row j+1 - s row j)`.
fn rotate<T: Scalar>(z: &mut Matrix<T>, first: usize, c: T::Real, s: T::Real) {
    let (x, y) = z.two_rows(first, first + 1);
    for (x, y) in x.iter_mut().zip(y) {
        let kept = *y;
        *y = kept.scale(c) - x.scale(s);
        *x = kept.scale(s) + x.scale(c);
    }
}

struct Diagonals<'a, R> {
    d: &'a mut [R],
    e: &'a mut [R],
}

impl<R: Real> Diagonals<'_, R> {
    fn d(&self, k: usize) -> R {
        self.d.get(k).copied().unwrap_or(R::ZERO)
    }

    fn e(&self, k: usize) -> R {
        self.e.get(k).copied().unwrap_or(R::ZERO)
    }

    fn set_d(&mut self, k: usize, value: R) {
        self.d.get_mut(k).into_iter().for_each(|place| *place = value);
    }

    fn set_e(&mut self, k: usize, value: R) {
        self.e.get_mut(k).into_iter().for_each(|place| *place = value);
    }

    /// Is the coupling of rows `k` and `k + 1` lost in rounding?
    fn is_split(&self, k: usize) -> bool {
        // Half of the spacing of numbers at 1 is the unit of rounding.
        let unit = R::EPSILON * R::HALF;
        let e = self.e(k).magnitude();
        e * e <= unit * unit * self.d(k).magnitude() * self.d(k + 1).magnitude() + R::TINY
    }
}

/// Diagonalizes a tridiagonal matrix; the rotations are applied to the rows of `z`. Returns whether it converged.
fn diagonalize<T: Scalar>(d: &mut [T::Real], e: &mut [T::Real], z: &mut Matrix<T>) -> bool {
    let n = d.len();
    let mut t = Diagonals { d, e };
    let mut budget = 30 * n;
    let mut start = 0;
    while start < n {
        // The block from `start` to `end` is coupled; the rest is separate.
        let mut end = start;
        while end + 1 < n && !(t.e(end) == T::Real::ZERO || is_negligible(&t, end)) {
            end += 1;
        }
        if end + 1 < n {
            t.set_e(end, T::Real::ZERO);
        }
        let done = if t.d(end).magnitude() < t.d(start).magnitude() {
            steps_up(&mut t, start, end, z, &mut budget)
        } else {
            steps_down(&mut t, start, end, z, &mut budget)
        };
        if !done {
            return false;
        }
        // The steps have found every eigenvalue of the block.
        start = end + 1;
    }
    true
}

fn is_negligible<R: Real>(t: &Diagonals<R>, k: usize) -> bool {
    let unit = R::EPSILON * R::HALF;
    t.e(k).magnitude() <= t.d(k).magnitude().sqrt() * t.d(k + 1).magnitude().sqrt() * unit
}

/// QL steps: eigenvalues appear at `first`, which moves down.
fn steps_down<T: Scalar>(
    t: &mut Diagonals<T::Real>,
    mut first: usize,
    last: usize,
    z: &mut Matrix<T>,
    budget: &mut usize,
) -> bool {
    let (one, two) = (T::Real::ONE, T::Real::TWO);
    while first <= last {
        let mut m = first;
        while m < last && !t.is_split(m) {
            m += 1;
        }
        if m < last {
            t.set_e(m, T::Real::ZERO);
        }
        if m == first {
            first += 1;
            continue;
        }
        if m == first + 1 {
            let (high, low, c, s) = two_by_two(t.d(first), t.e(first), t.d(m));
            rotate(z, first, c, s);
            t.set_d(first, high);
            t.set_d(m, low);
            t.set_e(first, T::Real::ZERO);
            first += 2;
            continue;
        }
        let Some(left) = budget.checked_sub(1) else { return false };
        *budget = left;
        let mut p = t.d(first);
        let mut g = (t.d(first + 1) - p) / (two * t.e(first));
        let r = hypot(g, one);
        g = t.d(m) - p + t.e(first) / (g + r.with_sign(g));
        let (mut s, mut c) = (one, one);
        p = T::Real::ZERO;
        for i in (first..m).rev() {
            let (f, b) = (s * t.e(i), c * t.e(i));
            let r;
            (c, s, r) = rotation(g, f);
            if i + 1 != m {
                t.set_e(i + 1, r);
            }
            g = t.d(i + 1) - p;
            let r = (t.d(i) - g) * s + two * c * b;
            p = s * r;
            t.set_d(i + 1, g + p);
            g = c * r - b;
            rotate(z, i, c, -s);
        }
        t.set_d(first, t.d(first) - p);
        t.set_e(first, g);
    }
    true
}

/// QR steps: eigenvalues appear at `last`, which moves up.
fn steps_up<T: Scalar>(
    t: &mut Diagonals<T::Real>,
    first: usize,
    last: usize,
    z: &mut Matrix<T>,
    budget: &mut usize,
) -> bool {
    let (one, two) = (T::Real::ONE, T::Real::TWO);
    // One past the last row that is left.
    let mut end = last + 1;
    while end > first {
        let l = end - 1;
        let mut m = l;
        while m > first && !t.is_split(m - 1) {
            m -= 1;
        }
        if m > first {
            t.set_e(m - 1, T::Real::ZERO);
        }
        if m == l {
            end -= 1;
            continue;
        }
        if m + 1 == l {
            let (high, low, c, s) = two_by_two(t.d(m), t.e(m), t.d(l));
            rotate(z, m, c, s);
            t.set_d(m, high);
            t.set_d(l, low);
            t.set_e(m, T::Real::ZERO);
            end -= 2;
            continue;
        }
        let Some(left) = budget.checked_sub(1) else { return false };
        *budget = left;
        let mut p = t.d(l);
        let mut g = (t.d(l - 1) - p) / (two * t.e(l - 1));
        let r = hypot(g, one);
        g = t.d(m) - p + t.e(l - 1) / (g + r.with_sign(g));
        let (mut s, mut c) = (one, one);
        p = T::Real::ZERO;
        for i in m..l {
            let (f, b) = (s * t.e(i), c * t.e(i));
            let r;
            (c, s, r) = rotation(g, f);
            if i != m {
                t.set_e(i - 1, r);
            }
            g = t.d(i) - p;
            let r = (t.d(i + 1) - g) * s + two * c * b;
            p = s * r;
            t.set_d(i, g + p);
            g = c * r - b;
            rotate(z, i, c, s);
        }
        t.set_d(l, t.d(l) - p);
        t.set_e(l - 1, g);
    }
    true
}

/// The eigenvalues of `[[a, b], [b, c]]`, the one of larger magnitude first, and the rotation `(cos, sin)` whose first
/// row is the eigenvector of the first one.
fn two_by_two<R: Real>(a: R, b: R, c: R) -> (R, R, R, R) {
    let (sum, difference) = (a + c, a - c);
    let twice = b + b;
    let (large, small) = if a.magnitude() > c.magnitude() { (a, c) } else { (c, a) };
    let root = hypot(difference, twice);
    let is_negative = sum < R::ZERO;
    let (first, second) = if sum == R::ZERO {
        (root * R::HALF, -(root * R::HALF))
    } else {
        let first = (if is_negative { sum - root } else { sum + root }) * R::HALF;
        // The smaller one from the determinant: no cancellation.
        (first, (large / first) * small - (b / first) * b)
    };
    let positive_difference = difference >= R::ZERO;
    let cs = if positive_difference { difference + root } else { difference - root };
    let (c, s) = if cs.magnitude() > twice.magnitude() {
        let ratio = -twice / cs;
        let s = R::ONE / (R::ONE + ratio * ratio).sqrt();
        (ratio * s, s)
    } else if twice == R::ZERO {
        (R::ONE, R::ZERO)
    } else {
        let ratio = -cs / twice;
        let c = R::ONE / (R::ONE + ratio * ratio).sqrt();
        (c, ratio * c)
    };
    // The vector computed so far belongs to the second eigenvalue if the signs agree.
    if positive_difference != is_negative { (first, second, -s, c) } else { (first, second, c, s) }
}

/// Ascending eigenvalues, with as few exchanges as possible.
fn sort<T: Scalar>(values: &mut [T::Real], z: &mut Matrix<T>) {
    for place in 0..values.len() {
        let mut smallest = (place, T::Real::ZERO);
        for (position, &value) in values.iter().enumerate().skip(place) {
            if position == place || value < smallest.1 {
                smallest = (position, value);
            }
        }
        if smallest.0 != place && smallest.0 < values.len() {
            values.swap(place, smallest.0);
            z.swap_rows(place, smallest.0);
        }
    }
}
