//! Eigenvalues and eigenvectors of general matrices: balancing, Hessenberg form, Schur form, substitution.

use super::householder::{Work, hessenberg, hessenberg_product};
use super::matrix::{Matrix, moderating, norm};
use super::number::{Complex, Real, Scalar, hypot};

/// What the decompositions of a matrix of order n work in.
pub struct Memory<'a, T: Scalar> {
    /// n x n.
    pub q: Matrix<'a, T>,
    pub taus: &'a mut [T],
    pub work: Work<'a, T>,
    /// The factors of balancing.
    pub factors: &'a mut [T::Real],
    /// The exchanges of balancing.
    pub exchanges: &'a mut [i32],
    pub x: &'a mut [Complex<T::Real>],
}

/// The Schur form of `a`, in its place, and the unitary vectors in `memory.q`. Returns whether it converged.
pub fn schur<T: Scalar>(a: &mut Matrix<T>, values: &mut [Complex<T::Real>], memory: &mut Memory<T>) -> bool {
    if !a.is_finite() {
        return false;
    }
    let factor = moderating(a.largest());
    a.scale(factor);
    let range = balance(a, memory, false);
    let converged = triangularize(a, range, values, memory);
    undo_exchanges(&mut memory.q, range, memory.exchanges);
    for x in a.all_mut() {
        *x = T::new(x.re() / factor, x.im() / factor);
    }
    converged
}

fn triangularize<T: Scalar>(
    a: &mut Matrix<T>,
    range: (usize, usize),
    values: &mut [Complex<T::Real>],
    memory: &mut Memory<T>,
) -> bool {
    let Memory { q, taus, work, .. } = memory;
    hessenberg(a, range, taus, work);
    hessenberg_product(a, range, taus, q, work);
    T::schur_form(a, q, range, values)
}

/// Eigenvalues, and the matrices of left and right eigenvectors that are given, scaled to norm 1 with a real largest
/// component. `a` is spoilt. Returns whether the iteration converged.
pub fn eig<'v, T: Scalar>(
    a: &mut Matrix<T>,
    values: &mut [Complex<T::Real>],
    left: Option<&mut Matrix<'v, Complex<T::Real>>>,
    right: Option<&mut Matrix<'v, Complex<T::Real>>>,
    memory: &mut Memory<T>,
) -> bool {
    if !a.is_finite() {
        return false;
    }
    let factor = moderating(a.largest());
    a.scale(factor);
    let range = balance(a, memory, true);
    if !triangularize(a, range, values, memory) {
        return false;
    }
    for (vectors, is_left) in [(left, true), (right, false)] {
        let Some(vectors) = vectors else { continue };
        substitute_all(a, values, is_left, vectors, memory);
        undo_balance(vectors, range, is_left, memory);
        normalize(vectors, memory.x);
    }
    for value in values {
        *value = Complex { re: value.re / factor, im: value.im / factor };
    }
    true
}

/// Isolates eigenvalues that can be read off after exchanges of rows and columns; then, `with_factors`, scales rows
/// and columns of the rest to similar norms by powers of two. Returns the rows that are left.
fn balance<T: Scalar>(a: &mut Matrix<T>, memory: &mut Memory<T>, with_factors: bool) -> (usize, usize) {
    memory.factors.fill(T::Real::ONE);
    let (low, high) = isolate(a, memory.exchanges);
    if !with_factors {
        return (low, high);
    }
    // Every sweep with a change reduces norms by a fixed share, so the bound is never met.
    for _ in 0..200 {
        let mut changed = false;
        for position in low..high {
            changed |= balance_one(a, (low, high), position, memory.factors);
        }
        if !changed {
            break;
        }
    }
    (low, high)
}

fn exchange<T: Scalar>(a: &mut Matrix<T>, exchanges: &mut [i32], place: usize, found: usize) {
    exchanges.get_mut(place).into_iter().for_each(|entry| *entry = found as i32);
    if place != found {
        a.swap_cols(found, place);
        a.swap_rows(found, place);
    }
}

fn isolate<T: Scalar>(a: &mut Matrix<T>, exchanges: &mut [i32]) -> (usize, usize) {
    let (mut low, mut high) = (0, a.rows);
    // Rows without elements beside the diagonal go down.
    loop {
        let is_free = |row: &usize| (0..high).all(|col| col == *row || a.at(*row, col) == T::ZERO);
        let Some(row) = (0..high).rev().find(is_free) else { break };
        exchange(a, exchanges, high - 1, row);
        if high == 1 {
            return (0, 1);
        }
        high -= 1;
    }
    // Columns without elements beside the diagonal go to the left.
    loop {
        let is_free = |col: &usize| (low..high).all(|row| row == *col || a.at(row, *col) == T::ZERO);
        let Some(col) = (low..high).find(is_free) else { break };
        exchange(a, exchanges, low, col);
        low += 1;
    }
    (low, high)
}

/// Scales one row and column; returns whether it was worth it.
fn balance_one<T: Scalar>(
    a: &mut Matrix<T>,
    (low, high): (usize, usize),
    position: usize,
    factors: &mut [T::Real],
) -> bool {
    let (zero, two, n) = (T::Real::ZERO, T::Real::TWO, a.rows);
    let smallest = T::Real::TINY / T::Real::EPSILON * two;
    let largest = T::Real::ONE / smallest;
    let mut row = norm(a.row(position, low, high));
    let mut col = (low..high).fold(zero, |sum, k| hypot(sum, a.at(k, position).abs()));
    if col == zero || row == zero {
        return false;
    }
    let (before, mut factor) = (row + col, T::Real::ONE);
    while col < row / two && factor.larger(col) < largest && row > smallest {
        (factor, col, row) = (factor * two, col * two, row / two);
    }
    while col / two >= row && row < largest && factor.smaller(col) > smallest {
        (factor, col, row) = (factor / two, col / two, row * two);
    }
    // Less than 5 % is not worth it.
    let enough = T::Real::ONE - T::Real::ONE / T::Real::from_usize(20);
    let total = factors.get(position).copied().unwrap_or(T::Real::ONE) * factor;
    if col + row >= enough * before || !(total > smallest && total < largest) {
        return false;
    }
    factors.get_mut(position).into_iter().for_each(|entry| *entry = total);
    a.row_mut(position, low, n).iter_mut().for_each(|x| *x = x.scale(T::Real::ONE / factor));
    (0..high).for_each(|k| a.update(k, position, |x| x.scale(factor)));
    true
}

fn undo_exchanges<T: Scalar>(vectors: &mut Matrix<T>, (low, high): (usize, usize), exchanges: &[i32]) {
    for row in (0..low).rev().chain(high..vectors.rows) {
        let other = exchanges.get(row).map_or(row, |&other| other as usize);
        vectors.swap_rows(row, other);
    }
}

fn undo_balance<T: Scalar>(
    vectors: &mut Matrix<Complex<T::Real>>,
    (low, high): (usize, usize),
    is_left: bool,
    memory: &Memory<T>,
) {
    let n = vectors.cols;
    for (row, &factor) in memory.factors.iter().enumerate().take(high).skip(low) {
        let factor = if is_left { T::Real::ONE / factor } else { factor };
        vectors.row_mut(row, 0, n).iter_mut().for_each(|x| *x = x.scale(factor));
    }
    undo_exchanges(vectors, (low, high), memory.exchanges);
}

/// Eigenvectors of the Schur form, multiplied by the Schur vectors. The second vector of a conjugate pair is the
/// conjugate of the first.
fn substitute_all<T: Scalar>(
    t: &Matrix<T>,
    values: &[Complex<T::Real>],
    is_left: bool,
    vectors: &mut Matrix<Complex<T::Real>>,
    memory: &mut Memory<T>,
) {
    let n = t.rows;
    let largest = (0..n).map(|row| norm(t.row(row, 0, n))).fold(T::Real::ZERO, T::Real::larger);
    let least =
        (largest * T::Real::EPSILON).larger(T::Real::TINY * T::Real::from_usize(n) / T::Real::EPSILON);
    let mut k = 0;
    while k < n {
        let is_pair = k + 1 < n && t.at(k + 1, k) != T::ZERO;
        let value = values.get(k).copied().unwrap_or(Complex::ZERO);
        memory.x.fill(Complex::ZERO);
        start(t, k, is_pair, value, is_left, memory.x);
        let system = System { t, value, least };
        if is_left {
            system.forward(k + 1 + usize::from(is_pair), memory.x);
        } else {
            system.backward(k, memory.x);
        }
        for row in 0..n {
            let products = memory.q.row(row, 0, n).iter().zip(memory.x.iter());
            let sum = products.fold(Complex::ZERO, |sum, (q, &x)| sum + q.complex() * x);
            vectors.set(row, k, sum);
            if is_pair {
                vectors.set(row, k + 1, sum.conj());
            }
        }
        k += 1 + usize::from(is_pair);
    }
}

/// The components of the vector that belong to its own diagonal block.
fn start<T: Scalar>(
    t: &Matrix<T>,
    k: usize,
    is_pair: bool,
    value: Complex<T::Real>,
    is_left: bool,
    x: &mut [Complex<T::Real>],
) {
    let mut put = |position: usize, value| x.get_mut(position).into_iter().for_each(|place| *place = value);
    put(k, Complex::ONE);
    if !is_pair {
        return;
    }
    let (above, below) = (t.at(k, k + 1), t.at(k + 1, k));
    let turn = Complex { re: T::Real::ZERO, im: if is_left { -value.im } else { value.im } };
    // The divisor is the larger one of the two elements beside the diagonal; right vectors end with the other.
    let (ratio, other) = if is_left { (below, above) } else { (above, below) };
    if ratio.abs1() >= other.abs1() {
        put(k + 1, turn / ratio.complex());
    } else {
        put(k, turn / other.complex());
        put(k + 1, Complex::ONE);
    }
}

/// `(t - value) x = 0` for the components of `x` that are not known yet.
struct System<'t, 'a, T: Scalar> {
    t: &'t Matrix<'a, T>,
    value: Complex<T::Real>,
    /// Divisors are at least this large.
    least: T::Real,
}

impl<T: Scalar> System<'_, '_, T> {
    fn element(&self, row: usize, col: usize) -> Complex<T::Real> {
        let element = self.t.at(row, col).complex();
        if row == col { element - self.value } else { element }
    }

    /// A divisor that is not zero.
    fn safe(&self, divisor: Complex<T::Real>) -> Complex<T::Real> {
        if divisor.abs1() < self.least { Complex::real(self.least) } else { divisor }
    }

    /// Right vectors: components above `known`, from the bottom.
    fn backward(&self, known: usize, x: &mut [Complex<T::Real>]) {
        let n = self.t.cols;
        let sum = |row: usize, from: usize, x: &[Complex<T::Real>]| {
            let products = self.t.row(row, from, n).iter().zip(x.get(from..).unwrap_or(&[]));
            products.fold(Complex::ZERO, |sum, (t, &x)| sum + t.complex() * x)
        };
        let mut row = known;
        while row > 0 {
            row -= 1;
            if row > 0 && self.t.at(row, row - 1) != T::ZERO {
                let rhs = [-sum(row - 1, row + 1, x), -sum(row, row + 1, x)];
                let block = [
                    [self.element(row - 1, row - 1), self.element(row - 1, row)],
                    [self.element(row, row - 1), self.element(row, row)],
                ];
                row -= 1;
                self.put_two(x, row, block, rhs);
            } else {
                let value = -sum(row, row + 1, x) / self.safe(self.element(row, row));
                x.get_mut(row).into_iter().for_each(|place| *place = value);
                limit(x, row);
            }
        }
    }

    /// Left vectors, of `t^H x = conj(value) x`: components from `known` on.
    fn forward(&self, known: usize, x: &mut [Complex<T::Real>]) {
        let n = self.t.cols;
        let sum = |col: usize, to: usize, x: &[Complex<T::Real>]| {
            let known = x.iter().take(to).enumerate();
            known.fold(Complex::ZERO, |sum, (row, &x)| sum + self.t.at(row, col).complex().conj() * x)
        };
        let mut col = known;
        while col < n {
            if col + 1 < n && self.t.at(col + 1, col) != T::ZERO {
                let rhs = [-sum(col, col, x), -sum(col + 1, col, x)];
                let block = [
                    [self.element(col, col).conj(), self.element(col + 1, col).conj()],
                    [self.element(col, col + 1).conj(), self.element(col + 1, col + 1).conj()],
                ];
                self.put_two(x, col, block, rhs);
                col += 2;
            } else {
                let value = -sum(col, col, x) / self.safe(self.element(col, col).conj());
                x.get_mut(col).into_iter().for_each(|place| *place = value);
                limit(x, col);
                col += 1;
            }
        }
    }

    /// Solves a system of two equations by elimination with a row exchange.
    fn put_two(
        &self,
        x: &mut [Complex<T::Real>],
        at: usize,
        [first, second]: [[Complex<T::Real>; 2]; 2],
        rhs: [Complex<T::Real>; 2],
    ) {
        let exchanged = second[0].abs1() > first[0].abs1();
        let ((p, p_rhs), (q, q_rhs)) =
            if exchanged { ((second, rhs[1]), (first, rhs[0])) } else { ((first, rhs[0]), (second, rhs[1])) };
        let pivot = self.safe(p[0]);
        let factor = q[0] / pivot;
        let last = (q_rhs - factor * p_rhs) / self.safe(q[1] - factor * p[1]);
        let value = (p_rhs - p[1] * last) / pivot;
        for (offset, value) in [value, last].into_iter().enumerate() {
            x.get_mut(at + offset).into_iter().for_each(|place| *place = value);
        }
        limit(x, at);
        limit(x, at + 1);
    }
}

/// Scales the whole vector down if the component at `at` has become so large that the next ones might overflow.
fn limit<R: Real>(x: &mut [Complex<R>], at: usize) {
    let size = x.get(at).map_or(R::ZERO, |x| x.abs1());
    if size * R::TINY.sqrt() > R::ONE {
        x.iter_mut().for_each(|x| *x = Complex { re: x.re / size, im: x.im / size });
    }
}

/// Scales every column to norm 1; complex ones get a real largest component.
fn normalize<R: Real>(vectors: &mut Matrix<Complex<R>>, x: &mut [Complex<R>]) {
    for col in 0..vectors.cols {
        x.iter_mut().enumerate().for_each(|(row, x)| *x = vectors.at(row, col));
        let size = norm(x);
        x.iter_mut().for_each(|x| *x = Complex { re: x.re / size, im: x.im / size });
        let is_real = x.iter().all(|x| x.im == R::ZERO);
        let mut largest = (0, R::ZERO);
        for (row, x) in x.iter().enumerate() {
            if x.abs_squared() > largest.1 {
                largest = (row, x.abs_squared());
            }
        }
        let top = x.get(largest.0).copied().unwrap_or(Complex::ONE);
        let phase = if is_real { Complex::ONE } else { top.conj().scale(R::ONE / top.abs()) };
        for (row, &x) in x.iter().enumerate() {
            let mut value = x * phase;
            if row == largest.0 && !is_real {
                value.im = R::ZERO;
            }
            vectors.set(row, col, value);
        }
    }
}
