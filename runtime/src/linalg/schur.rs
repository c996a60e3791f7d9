//! The Schur form of Hessenberg matrices: implicit shifted QR steps with the deflation criterion of Ahues and Tisseur
//! (LAPACK working note 122), double steps for real matrices and single ones for complex matrices.

use super::householder::reflection;
use super::matrix::Matrix;
use super::number::{Complex, Real, Scalar, hypot};

// Every so many steps without an eigenvalue, the shift is an arbitrary one.
const EXCEPTIONAL: usize = 10;

/// Brings rows and columns `low..high` of a Hessenberg matrix, triangular outside, to Schur form `t`: the given matrix
/// is `z t z^H`, where `z` is multiplied by what is done. Returns whether the iteration converged.
pub fn real<R: Real>(
    h: &mut Matrix<R>,
    z: &mut Matrix<R>,
    (low, high): (usize, usize),
    values: &mut [Complex<R>],
) -> bool {
    clear_below_subdiagonal(h);
    store_diagonal(h, values);
    let limit = 30 * (high - low).max(10);
    let mut end = high;
    while end > low {
        let last = end - 1;
        let (mut first, mut found, mut quiet) = (low, false, 0);
        for _ in 0..=limit {
            first = decoupled(h, (low, high), first, last);
            if first + 1 >= last {
                found = true;
                break;
            }
            quiet += 1;
            let shifts = double_shift(h, first, last, quiet);
            double_step(h, z, first, last, shifts);
        }
        if !found {
            return false;
        }
        if first + 1 == last {
            let rotation = standardize(h, first, values);
            rotate_rest(h, z, first, rotation);
        } else {
            put(values, last, h.at(last, last).complex());
        }
        end = first;
    }
    true
}

fn put<E: Copy>(items: &mut [E], position: usize, value: E) {
    items.get_mut(position).into_iter().for_each(|place| *place = value);
}

fn clear_below_subdiagonal<T: Scalar>(h: &mut Matrix<T>) {
    for row in 2..h.rows {
        h.row_mut(row, 0, row - 1).fill(T::ZERO);
    }
}

fn store_diagonal<T: Scalar>(h: &Matrix<T>, values: &mut [Complex<T::Real>]) {
    for (row, value) in values.iter_mut().enumerate() {
        *value = h.at(row, row).complex();
    }
}

/// The first row of the block that ends at `last`: the subdiagonal element before it is negligible, and now zero.
fn decoupled<T: Scalar>(h: &mut Matrix<T>, (low, high): (usize, usize), first: usize, last: usize) -> usize {
    let smallest = T::Real::TINY * (T::Real::from_usize(high - low) / T::Real::EPSILON);
    let mut row = last;
    while row > first && !is_negligible(h, row, (low, high), smallest) {
        row -= 1;
    }
    if row > low {
        h.set(row, row - 1, T::ZERO);
    }
    row
}

/// Is the element before the diagonal of `row` lost in rounding?
fn is_negligible<T: Scalar>(
    h: &Matrix<T>,
    row: usize,
    (low, high): (usize, usize),
    smallest: T::Real,
) -> bool {
    let (zero, ulp) = (T::Real::ZERO, T::Real::EPSILON);
    let below = h.at(row, row - 1).abs1();
    if below <= smallest {
        return true;
    }
    let (previous, current) = (h.at(row - 1, row - 1), h.at(row, row));
    let mut size = previous.abs1() + current.abs1();
    if size == zero {
        if row >= low + 2 {
            size = size + h.at(row - 1, row - 2).re().magnitude();
        }
        if row + 1 < high {
            size = size + h.at(row + 1, row).re().magnitude();
        }
    }
    if h.at(row, row - 1).re().magnitude() > ulp * size {
        return false;
    }
    let above = h.at(row - 1, row).abs1();
    let (ab, ba) = (below.larger(above), below.smaller(above));
    let difference = (previous - current).abs1();
    let (aa, bb) = (current.abs1().larger(difference), current.abs1().smaller(difference));
    let sum = aa + ab;
    ba * (ab / sum) <= smallest.larger(ulp * (bb * (aa / sum)))
}

/// Two shifts, conjugates of each other or both real.
#[derive(Clone, Copy)]
struct Shifts<R> {
    first: Complex<R>,
    second: Complex<R>,
}

fn double_shift<R: Real>(h: &Matrix<R>, first: usize, last: usize, quiet: usize) -> Shifts<R> {
    // Constants of the exceptional shift: 3/4 and -7/16.
    let quarter = R::HALF * R::HALF;
    let (three_quarters, negative) = (R::HALF + quarter, -(R::HALF - quarter * quarter));
    let exceptional = |sum: R, diagonal: R| (three_quarters * sum + diagonal, negative * sum, sum);
    let (h11, h12, h21, h22) = if quiet.is_multiple_of(2 * EXCEPTIONAL) {
        let sum = h.at(last, last - 1).magnitude() + h.at(last - 1, last - 2).magnitude();
        let (h11, h12, h21) = exceptional(sum, h.at(last, last));
        (h11, h12, h21, h11)
    } else if quiet.is_multiple_of(EXCEPTIONAL) {
        let sum = h.at(first + 1, first).magnitude() + h.at(first + 2, first + 1).magnitude();
        let (h11, h12, h21) = exceptional(sum, h.at(first, first));
        (h11, h12, h21, h11)
    } else {
        (h.at(last - 1, last - 1), h.at(last - 1, last), h.at(last, last - 1), h.at(last, last))
    };
    let scale = h11.magnitude() + h12.magnitude() + h21.magnitude() + h22.magnitude();
    let zero = Complex { re: R::ZERO, im: R::ZERO };
    if scale == R::ZERO {
        return Shifts { first: zero, second: zero };
    }
    let (h11, h12, h21, h22) = (h11 / scale, h12 / scale, h21 / scale, h22 / scale);
    let middle = (h11 + h22) * R::HALF;
    let determinant = (h11 - middle) * (h22 - middle) - h12 * h21;
    let root = determinant.magnitude().sqrt();
    if determinant >= R::ZERO {
        let first = Complex { re: middle * scale, im: root * scale };
        return Shifts { first, second: first.conj() };
    }
    let (up, down) = (middle + root, middle - root);
    let nearer = if (up - h22).magnitude() <= (down - h22).magnitude() { up } else { down };
    let shift = Complex { re: nearer * scale, im: R::ZERO };
    Shifts { first: shift, second: shift }
}

/// One double-shift QR step on rows `first..=last`.
fn double_step<R: Real>(h: &mut Matrix<R>, z: &mut Matrix<R>, first: usize, last: usize, shifts: Shifts<R>) {
    let (start, mut v) = double_start(h, first, last, shifts);
    for k in start..last {
        let count = (last - k + 1).min(3);
        if k > start {
            v = [h.at(k, k - 1), h.at(k + 1, k - 1), if count == 3 { h.at(k + 2, k - 1) } else { R::ZERO }];
        }
        let [alpha, tail @ ..] = &mut v;
        let tau = reflection(alpha, tail.get_mut(..count - 1).unwrap_or(&mut []));
        if k > start {
            h.set(k, k - 1, v[0]);
            h.set(k + 1, k - 1, R::ZERO);
            if count == 3 {
                h.set(k + 2, k - 1, R::ZERO);
            }
        } else if start > first {
            h.update(k, k - 1, |x| x * (R::ONE - tau));
        }
        let v = [R::ONE, v[1], if count == 3 { v[2] } else { R::ZERO }];
        for col in k..h.cols {
            let sum = h.at(k, col)
                + v[1] * h.at(k + 1, col)
                + if count == 3 { v[2] * h.at(k + 2, col) } else { R::ZERO };
            (0..count).for_each(|offset| subtract(h, k + offset, col, sum * tau * part(&v, offset)));
        }
        combine_columns(h, (last + 1).min(k + 4), k, count, &v, tau);
        let rows = z.rows;
        combine_columns(z, rows, k, count, &v, tau);
    }
}

fn part<R: Real>(v: &[R; 3], position: usize) -> R {
    v.get(position).copied().unwrap_or(R::ZERO)
}

fn subtract<T: Scalar>(h: &mut Matrix<T>, row: usize, col: usize, value: T) {
    h.update(row, col, |x| x - value);
}

/// Applies a reflection of `count` columns from `k` on to the rows above `rows`.
fn combine_columns<R: Real>(h: &mut Matrix<R>, rows: usize, k: usize, count: usize, v: &[R; 3], tau: R) {
    for row in 0..rows {
        let mut sum = R::ZERO;
        for offset in 0..count {
            sum = sum + h.at(row, k + offset) * part(v, offset);
        }
        (0..count).for_each(|offset| subtract(h, row, k + offset, sum * tau * part(v, offset)));
    }
}

/// Where the step starts (two small subdiagonal elements in succession save work) and its first vector.
fn double_start<R: Real>(h: &Matrix<R>, first: usize, last: usize, shifts: Shifts<R>) -> (usize, [R; 3]) {
    let Shifts { first: s1, second: s2 } = shifts;
    let mut m = last - 2;
    loop {
        let below = h.at(m + 1, m);
        let scale = (h.at(m, m) - s2.re).magnitude() + s2.im.magnitude() + below.magnitude();
        let ratio = below / scale;
        let v0 = ratio * h.at(m, m + 1) + (h.at(m, m) - s1.re) * ((h.at(m, m) - s2.re) / scale)
            - s1.im * (s2.im / scale);
        let v1 = ratio * (h.at(m, m) + h.at(m + 1, m + 1) - s1.re - s2.re);
        let v2 = ratio * h.at(m + 2, m + 1);
        let sum = v0.magnitude() + v1.magnitude() + v2.magnitude();
        let v = [v0 / sum, v1 / sum, v2 / sum];
        if m == first {
            return (m, v);
        }
        let diagonal =
            h.at(m - 1, m - 1).magnitude() + h.at(m, m).magnitude() + h.at(m + 1, m + 1).magnitude();
        let coupling = h.at(m, m - 1).magnitude() * (v[1].magnitude() + v[2].magnitude());
        if coupling <= R::EPSILON * v[0].magnitude() * diagonal {
            return (m, v);
        }
        m -= 1;
    }
}

/// Brings the 2 x 2 block at `row` to standard form (triangular, or equal diagonal elements and off-diagonal ones of
/// opposite signs) and stores its eigenvalues; returns the rotation.
fn standardize<R: Real>(h: &mut Matrix<R>, row: usize, values: &mut [Complex<R>]) -> (R, R) {
    let next = row + 1;
    let block = [h.at(row, row), h.at(row, next), h.at(next, row), h.at(next, next)];
    let ([a, b, c, d], rotation) = standard_form(block);
    h.set(row, row, a);
    h.set(row, next, b);
    h.set(next, row, c);
    h.set(next, next, d);
    let im = if c == R::ZERO { R::ZERO } else { b.magnitude().sqrt() * c.magnitude().sqrt() };
    put(values, row, Complex { re: a, im });
    put(values, next, Complex { re: d, im: -im });
    rotation
}

fn standard_form<R: Real>([a, b, c, d]: [R; 4]) -> ([R; 4], (R, R)) {
    let (zero, one) = (R::ZERO, R::ONE);
    let signs_differ = (b < zero) != (c < zero);
    if c == zero || a - d == zero && signs_differ && b != zero {
        return ([a, b, c, d], (one, zero));
    }
    if b == zero {
        return ([d, -c, zero, a], (zero, one));
    }
    let difference = a - d;
    let p = difference * R::HALF;
    let large = b.magnitude().larger(c.magnitude());
    let small = b.magnitude().smaller(c.magnitude()) * one.with_sign(b) * one.with_sign(c);
    let scale = p.magnitude().larger(large);
    let discriminant = p / scale * p + large / scale * small;
    if discriminant >= (R::TWO + R::TWO) * R::EPSILON {
        // Real eigenvalues.
        let z = p + (scale.sqrt() * discriminant.sqrt()).with_sign(p);
        let tau = hypot(c, z);
        return ([d + z, b - c, zero, d - large / z * small], (z / tau, c / tau));
    }
    nearly_equal_eigenvalues([a, b, c, d], p, difference)
}

/// Complex eigenvalues, or real ones that are almost equal: the diagonal elements are made equal first.
fn nearly_equal_eigenvalues<R: Real>([a, b, c, d]: [R; 4], p: R, difference: R) -> ([R; 4], (R, R)) {
    let (zero, one) = (R::ZERO, R::ONE);
    let sigma = b + c;
    let tau = hypot(sigma, difference);
    let cs = (R::HALF * (one + sigma.magnitude() / tau)).sqrt();
    let sn = -(p / (tau * cs)) * one.with_sign(sigma);
    let (aa, bb, cc, dd) = (a * cs + b * sn, b * cs - a * sn, c * cs + d * sn, d * cs - c * sn);
    let (a, b, c, d) = (aa * cs + cc * sn, bb * cs + dd * sn, cc * cs - aa * sn, dd * cs - bb * sn);
    let middle = (a + d) * R::HALF;
    if c == zero {
        return ([middle, b, c, middle], (cs, sn));
    }
    if b == zero {
        return ([middle, -c, zero, middle], (-sn, cs));
    }
    if (b < zero) != (c < zero) {
        return ([middle, b, c, middle], (cs, sn));
    }
    // Real after all: triangular form.
    let (root_b, root_c) = (b.magnitude().sqrt(), c.magnitude().sqrt());
    let p = (root_b * root_c).with_sign(c);
    let tau = one / (b + c).magnitude().sqrt();
    let (cs1, sn1) = (root_b * tau, root_c * tau);
    ([middle + p, b - c, zero, middle - p], (cs * cs1 - sn * sn1, cs * sn1 + sn * cs1))
}

/// Applies the rotation of a standardized block to the rest of its rows and columns, and to `z`.
fn rotate_rest<R: Real>(h: &mut Matrix<R>, z: &mut Matrix<R>, row: usize, (c, s): (R, R)) {
    for col in row + 2..h.cols {
        let (x, y) = (h.at(row, col), h.at(row + 1, col));
        h.set(row, col, c * x + s * y);
        h.set(row + 1, col, c * y - s * x);
    }
    let rotate = |m: &mut Matrix<R>, rows: usize| {
        for position in 0..rows {
            let (x, y) = (m.at(position, row), m.at(position, row + 1));
            m.set(position, row, c * x + s * y);
            m.set(position, row + 1, c * y - s * x);
        }
    };
    rotate(h, row);
    let rows = z.rows;
    rotate(z, rows);
}

/// [`real`] for complex matrices.
pub fn complex<R: Real>(
    h: &mut Matrix<Complex<R>>,
    z: &mut Matrix<Complex<R>>,
    (low, high): (usize, usize),
    values: &mut [Complex<R>],
) -> bool {
    clear_below_subdiagonal(h);
    for row in low + 1..high {
        make_subdiagonal_real(h, z, row);
    }
    let limit = 30 * (high - low).max(10);
    let mut end = high;
    while end > low {
        let last = end - 1;
        let (mut first, mut found, mut quiet) = (low, false, 0);
        for _ in 0..=limit {
            first = decoupled(h, (low, high), first, last);
            if first >= last {
                found = true;
                break;
            }
            quiet += 1;
            let shift = single_shift(h, first, last, quiet);
            single_step(h, z, first, last, shift);
        }
        if !found {
            return false;
        }
        end = first;
    }
    store_diagonal(h, values);
    true
}

/// Multiplies row and column `row` by phases that make the element before the diagonal real.
fn make_subdiagonal_real<R: Real>(h: &mut Matrix<Complex<R>>, z: &mut Matrix<Complex<R>>, row: usize) {
    let below = h.at(row, row - 1);
    if below.im == R::ZERO {
        return;
    }
    let size = below.abs();
    let phase = Complex { re: below.re / size, im: below.im / size };
    h.set(row, row - 1, Complex::real(size));
    let cols = h.cols;
    h.row_mut(row, row, cols).iter_mut().for_each(|x| *x = *x * phase.conj());
    scale_column(h, row, (row + 2).min(cols), phase);
    let rows = z.rows;
    scale_column(z, row, rows, phase);
}

fn scale_column<R: Real>(m: &mut Matrix<Complex<R>>, col: usize, rows: usize, factor: Complex<R>) {
    (0..rows).for_each(|row| m.update(row, col, |x| x * factor));
}

fn single_shift<R: Real>(h: &Matrix<Complex<R>>, first: usize, last: usize, quiet: usize) -> Complex<R> {
    let three_quarters = R::HALF + R::HALF * R::HALF;
    if quiet.is_multiple_of(2 * EXCEPTIONAL) {
        return h.at(last, last) + Complex::real(three_quarters * h.at(last, last - 1).re.magnitude());
    }
    if quiet.is_multiple_of(EXCEPTIONAL) {
        return h.at(first, first) + Complex::real(three_quarters * h.at(first + 1, first).re.magnitude());
    }
    // Wilkinson's shift: the eigenvalue of the last 2 x 2 block that is nearer to its last element.
    let corner = h.at(last, last);
    let u = h.at(last - 1, last).sqrt() * h.at(last, last - 1).sqrt();
    if u.abs1() == R::ZERO {
        return corner;
    }
    let x = (h.at(last - 1, last - 1) - corner).scale(R::HALF);
    let size = u.abs1().larger(x.abs1());
    let (xs, us) =
        (Complex { re: x.re / size, im: x.im / size }, Complex { re: u.re / size, im: u.im / size });
    let mut y = (xs * xs + us * us).sqrt().scale(size);
    if x.abs1() > R::ZERO && x.re * y.re + x.im * y.im < R::ZERO {
        y = -y;
    }
    corner - u * (u / (x + y))
}

/// One single-shift QR step on rows `first..=last`.
fn single_step<R: Real>(
    h: &mut Matrix<Complex<R>>,
    z: &mut Matrix<Complex<R>>,
    first: usize,
    last: usize,
    shift: Complex<R>,
) {
    let (start, mut v) = single_start(h, first, last, shift);
    for k in start..last {
        if k > start {
            v = [h.at(k, k - 1), h.at(k + 1, k - 1)];
        }
        let [alpha, tail] = &mut v;
        let tau = reflection(alpha, core::slice::from_mut(tail));
        if k > start {
            h.set(k, k - 1, v[0]);
            h.set(k + 1, k - 1, Complex::ZERO);
        }
        let v1 = v[1];
        let second = (tau * v1).re;
        for col in k..h.cols {
            let sum = tau.conj() * h.at(k, col) + h.at(k + 1, col).scale(second);
            subtract(h, k, col, sum);
            subtract(h, k + 1, col, sum * v1);
        }
        let combine = |m: &mut Matrix<Complex<R>>, rows: usize| {
            for row in 0..rows {
                let sum = tau * m.at(row, k) + m.at(row, k + 1).scale(second);
                subtract(m, row, k, sum);
                subtract(m, row, k + 1, sum * v1.conj());
            }
        };
        combine(h, (k + 3).min(last + 1));
        let rows = z.rows;
        combine(z, rows);
        if k == start && start > first {
            keep_real(h, z, start, last, Complex::ONE - tau);
        }
    }
    // The last subdiagonal element is made real again.
    let below = h.at(last, last - 1);
    if below.im != R::ZERO {
        let size = below.abs();
        let phase = Complex { re: below.re / size, im: below.im / size };
        h.set(last, last - 1, Complex::real(size));
        let cols = h.cols;
        h.row_mut(last, last + 1, cols).iter_mut().for_each(|x| *x = *x * phase.conj());
        // The diagonal element gets the phase from the one side and its conjugate from the other.
        scale_column(h, last, last, phase);
        let rows = z.rows;
        scale_column(z, last, rows, phase);
    }
}

/// A step that starts in the middle of a block leaves the element before its start with a phase, which moves on.
fn keep_real<R: Real>(
    h: &mut Matrix<Complex<R>>,
    z: &mut Matrix<Complex<R>>,
    start: usize,
    last: usize,
    factor: Complex<R>,
) {
    let size = factor.abs();
    let phase = Complex { re: factor.re / size, im: factor.im / size };
    h.update(start + 1, start, |x| x * phase.conj());
    if start + 2 <= last {
        h.update(start + 2, start + 1, |x| x * phase);
    }
    for position in start..=last {
        if position == start + 1 {
            continue;
        }
        let cols = h.cols;
        h.row_mut(position, position + 1, cols).iter_mut().for_each(|x| *x = *x * phase);
        scale_column(h, position, position, phase.conj());
        let rows = z.rows;
        scale_column(z, position, rows, phase.conj());
    }
}

fn single_start<R: Real>(
    h: &Matrix<Complex<R>>,
    first: usize,
    last: usize,
    shift: Complex<R>,
) -> (usize, [Complex<R>; 2]) {
    let mut m = last - 1;
    loop {
        let (h11, h22) = (h.at(m, m), h.at(m + 1, m + 1));
        let (shifted, below) = (h11 - shift, h.at(m + 1, m).re);
        let scale = shifted.abs1() + below.magnitude();
        let shifted = Complex { re: shifted.re / scale, im: shifted.im / scale };
        let v = [shifted, Complex::real(below / scale)];
        if m == first {
            return (m, v);
        }
        let coupling = h.at(m, m - 1).re.magnitude() * v[1].re.magnitude();
        if coupling <= R::EPSILON * (shifted.abs1() * (h11.abs1() + h22.abs1())) {
            return (m, v);
        }
        m -= 1;
    }
}
