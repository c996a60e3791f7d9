//! Matrices of complex numbers in f64, and the decompositions as textbooks give them: what `eval` means. Nothing here is
//! shared with the routines of the runtime.

use crate::types::{Aval, Complex, Kind, Scalar, Tensor};
use std::ops::{Index, IndexMut};

pub const ZERO: Complex = Complex { re: 0.0, im: 0.0 };

/// A matrix; vectors are columns.
#[derive(Clone, PartialEq, Debug)]
pub struct Matrix {
    pub rows: usize,
    pub cols: usize,
    data: Vec<Complex>,
}

impl Index<(usize, usize)> for Matrix {
    type Output = Complex;
    fn index(&self, (row, col): (usize, usize)) -> &Complex {
        &self.data[row * self.cols + col]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (row, col): (usize, usize)) -> &mut Complex {
        &mut self.data[row * self.cols + col]
    }
}

impl Matrix {
    pub fn from_fn(rows: usize, cols: usize, f: impl Fn(usize, usize) -> Complex) -> Self {
        let data = (0..rows * cols).map(|at| f(at / cols, at % cols)).collect();
        Matrix { rows, cols, data }
    }

    pub fn zeros(rows: usize, cols: usize) -> Self {
        Matrix::from_fn(rows, cols, |_, _| ZERO)
    }

    pub fn identity(n: usize) -> Self {
        Matrix::from_fn(n, n, |i, j| if i == j { Complex::ONE } else { ZERO })
    }

    /// A column of real numbers.
    pub fn column(values: impl IntoIterator<Item = f64>) -> Self {
        let data: Vec<Complex> = values.into_iter().map(|x| Complex::new(x, 0.0)).collect();
        Matrix { rows: data.len(), cols: 1, data }
    }

    /// All elements are not a number.
    pub fn nan(rows: usize, cols: usize) -> Self {
        Matrix::from_fn(rows, cols, |_, _| Complex::new(f64::NAN, f64::NAN))
    }

    pub fn map(&self, f: impl Fn(Complex) -> Complex) -> Self {
        Matrix { data: self.data.iter().map(|&x| f(x)).collect(), ..*self }
    }

    pub fn transposed(&self) -> Self {
        Matrix::from_fn(self.cols, self.rows, |i, j| self[(j, i)])
    }

    /// The conjugate transpose.
    pub fn dagger(&self) -> Self {
        self.transposed().map(Complex::conj)
    }

    pub fn times(&self, other: &Matrix) -> Matrix {
        Matrix::from_fn(self.rows, other.cols, |i, j| {
            (0..self.cols).fold(ZERO, |sum, k| sum + self[(i, k)] * other[(k, j)])
        })
    }

    pub fn minus(&self, other: &Matrix) -> Matrix {
        Matrix::from_fn(self.rows, self.cols, |i, j| self[(i, j)] - other[(i, j)])
    }

    /// The part from `row`, `col` on.
    pub fn block(&self, row: usize, col: usize, rows: usize, cols: usize) -> Matrix {
        Matrix::from_fn(rows, cols, |i, j| self[(row + i, col + j)])
    }

    /// The elements for which `keep` holds; zeros elsewhere.
    pub fn masked(&self, keep: impl Fn(usize, usize) -> bool) -> Matrix {
        Matrix::from_fn(self.rows, self.cols, |i, j| if keep(i, j) { self[(i, j)] } else { ZERO })
    }

    /// The largest absolute value; NaN if any element is.
    pub fn size(&self) -> f64 {
        self.data.iter().map(|x| x.abs()).fold(0.0, |a, b| if b > a || b.is_nan() { b } else { a })
    }

    pub fn is_finite(&self) -> bool {
        self.data.iter().all(|x| x.re.is_finite() && x.im.is_finite())
    }

    fn swap_rows(&mut self, first: usize, second: usize) {
        for col in 0..self.cols {
            self.data.swap(first * self.cols + col, second * self.cols + col);
        }
    }
}

/// The matrices of a batch: `core` is the rank of one of them, 1 or 2.
pub fn matrices(tensor: &Tensor, core: usize) -> Vec<Matrix> {
    let extents = tensor.shape().extents();
    let (batch, own) = extents.split_at(extents.len() - core);
    let (rows, cols) = (own[0], own.get(1).copied().unwrap_or(1));
    let elements: Vec<Complex> = tensor.scalars().map(Scalar::number).collect();
    (0..batch.iter().product())
        .map(|index: usize| Matrix::from_fn(rows, cols, |i, j| elements[index * rows * cols + i * cols + j]))
        .collect()
}

/// The array of a batch of matrices, rounded to its type.
pub fn tensor(aval: &Aval, matrices: &[Matrix]) -> Tensor {
    let scalar = |x: &Complex| match aval.dtype.kind() {
        Kind::Complex => Scalar::Complex(x.re, x.im),
        Kind::Signed | Kind::Unsigned => Scalar::Int(x.re as i128),
        Kind::Float | Kind::Bool | Kind::Key | Kind::Float0 => Scalar::Float(x.re),
    };
    Tensor::from_scalars(aval.clone(), matrices.iter().flat_map(|matrix| matrix.data.iter().map(scalar)))
}

/// The lower Cholesky factor, column by column; `None` if the matrix is not positive definite.
pub fn cholesky(a: &Matrix) -> Option<Matrix> {
    let n = a.rows;
    let mut l = Matrix::zeros(n, n);
    for j in 0..n {
        let square = (0..j).fold(a[(j, j)].re, |sum, k| sum - (l[(j, k)] * l[(j, k)].conj()).re);
        if square.is_nan() || square <= 0.0 {
            return None;
        }
        l[(j, j)] = Complex::new(square.sqrt(), 0.0);
        for i in j + 1..n {
            let rest = (0..j).fold(a[(i, j)], |sum, k| sum - l[(i, k)] * l[(j, k)].conj());
            l[(i, j)] = rest / l[(j, j)];
        }
    }
    Some(l)
}

/// `x` with `a x = b`, where `a` is triangular.
pub fn solve_triangular(a: &Matrix, b: &Matrix, is_lower: bool) -> Matrix {
    let n = a.rows;
    let mut x = Matrix::zeros(n, b.cols);
    for col in 0..b.cols {
        for step in 0..n {
            let row = if is_lower { step } else { n - 1 - step };
            let known = if is_lower { 0..row } else { row + 1..n };
            let rest = known.fold(b[(row, col)], |sum, k| sum - a[(row, k)] * x[(k, col)]);
            x[(row, col)] = rest / a[(row, row)];
        }
    }
    x
}

/// Packed LU with the row exchanges; pivots are chosen by `|re| + |im|`, as LAPACK does.
pub fn lu(a: &Matrix) -> (Matrix, Vec<usize>) {
    let (mut a, mut exchanges) = (a.clone(), Vec::new());
    let size = |x: Complex| x.re.abs() + x.im.abs();
    for k in 0..a.rows.min(a.cols) {
        let mut pivot = k;
        for row in k + 1..a.rows {
            pivot = if size(a[(row, k)]) > size(a[(pivot, k)]) { row } else { pivot };
        }
        exchanges.push(pivot);
        if a[(pivot, k)] == ZERO {
            continue;
        }
        a.swap_rows(k, pivot);
        for row in k + 1..a.rows {
            let factor = a[(row, k)] / a[(k, k)];
            a[(row, k)] = factor;
            for col in k + 1..a.cols {
                let product = factor * a[(k, col)];
                a[(row, col)] = a[(row, col)] - product;
            }
        }
    }
    (a, exchanges)
}

/// What a sequence of exchanges makes of `0..size`.
pub fn permutation(exchanges: &[usize], size: usize) -> Vec<usize> {
    let mut permutation: Vec<usize> = (0..size).collect();
    for (position, &other) in exchanges.iter().enumerate() {
        if other < size {
            permutation.swap(position, other);
        }
    }
    permutation
}

/// `x` with `a x = b`; `None` if elimination meets a pivot 0.
pub fn solve(a: &Matrix, b: &Matrix) -> Option<Matrix> {
    let (packed, exchanges) = lu(a);
    if (0..a.rows).any(|k| packed[(k, k)] == ZERO) {
        return None;
    }
    let order = permutation(&exchanges, a.rows);
    let b = Matrix::from_fn(b.rows, b.cols, |i, j| b[(order[i], j)]);
    let l = Matrix::from_fn(a.rows, a.rows, |i, j| if i == j { Complex::ONE } else { packed[(i, j)] });
    let y = solve_triangular(&l.masked(|i, j| j <= i), &b, true);
    Some(solve_triangular(&packed.masked(|i, j| i <= j), &y, false))
}

/// The reflection that maps a column to a multiple of its first element: (beta, tau, v), where `v` starts with 1.
fn reflection(x: &[Complex]) -> (Complex, Complex, Vec<Complex>) {
    let tail: f64 = x[1..].iter().map(|x| (*x * x.conj()).re).sum();
    let mut v: Vec<Complex> = x.to_vec();
    if tail == 0.0 && x[0].im == 0.0 {
        v.fill(ZERO);
        v[0] = Complex::ONE;
        return (x[0], ZERO, v);
    }
    let beta = -((x[0] * x[0].conj()).re + tail).sqrt().copysign(x[0].re);
    let tau = Complex::new((beta - x[0].re) / beta, -x[0].im / beta);
    let divisor = x[0] - Complex::new(beta, 0.0);
    v.iter_mut().for_each(|x| *x = *x / divisor);
    v[0] = Complex::ONE;
    (Complex::new(beta, 0.0), tau, v)
}

/// `1 - tau v v^H` of order n, `v` ending with the last row.
fn reflector(n: usize, tau: Complex, v: &[Complex]) -> Matrix {
    let start = n - v.len();
    let part = |i: usize| if i < start { ZERO } else { v[i - start] };
    Matrix::identity(n).minus(&Matrix::from_fn(n, n, |i, j| tau * part(i) * part(j).conj()))
}

/// The reflections packed below diagonal `offset` of `a` (0: the main one, 1: the one below it), as matrices.
pub fn packed_reflectors(a: &Matrix, taus: &Matrix, offset: usize) -> Vec<Matrix> {
    let vector = |k: usize| {
        let below = (k + offset + 1..a.rows).map(|row| a[(row, k)]);
        std::iter::once(Complex::ONE).chain(below).collect::<Vec<_>>()
    };
    (0..taus.rows).map(|k| reflector(a.rows, taus[(k, 0)], &vector(k))).collect()
}

/// The product of matrices of order n.
pub fn product(factors: &[Matrix], n: usize) -> Matrix {
    factors.iter().fold(Matrix::identity(n), |product, factor| product.times(factor))
}

/// Reduces column `k` of `a` below row `k + offset` by a reflection from the left, and, if `both`, from the right by
/// its inverse; stores the reflection in the column. Returns tau.
pub fn reduce_column(a: &mut Matrix, k: usize, offset: usize, both: bool) -> Complex {
    let start = k + offset;
    let column: Vec<Complex> = (start..a.rows).map(|row| a[(row, k)]).collect();
    let (beta, tau, v) = reflection(&column);
    let h = reflector(a.rows, tau, &v);
    // Columns to the left hold reflections, and must not change.
    let reduced = h.dagger().times(a);
    let kept = a.clone();
    *a = Matrix::from_fn(a.rows, a.cols, |i, j| if j > k { reduced[(i, j)] } else { kept[(i, j)] });
    if both {
        let reduced = a.times(&h);
        let kept = a.clone();
        *a = Matrix::from_fn(a.rows, a.cols, |i, j| if j > k { reduced[(i, j)] } else { kept[(i, j)] });
    }
    a[(start, k)] = beta;
    (1..v.len()).for_each(|row| a[(start + row, k)] = v[row]);
    tau
}

/// Packed QR: (a, taus).
pub fn qr(a: &Matrix) -> (Matrix, Matrix) {
    let mut a = a.clone();
    let count = a.rows.min(a.cols);
    let mut taus = Matrix::zeros(count, 1);
    (0..count).for_each(|k| taus[(k, 0)] = reduce_column(&mut a, k, 0, false));
    (a, taus)
}

/// Packed QR with column pivoting: (a, pivots counted from 1, taus). Columns with a nonzero pivot come first.
pub fn pivoted_qr(a: &Matrix, pivots: &[usize]) -> (Matrix, Vec<usize>, Matrix) {
    let mut a = a.clone();
    let mut order: Vec<usize> = (1..=a.cols).collect();
    let swap = |a: &mut Matrix, order: &mut [usize], first: usize, second: usize| {
        let kept = a.clone();
        let source = |j: usize| {
            if j == first {
                second
            } else if j == second {
                first
            } else {
                j
            }
        };
        *a = Matrix::from_fn(a.rows, a.cols, |i, j| kept[(i, source(j))]);
        order.swap(first, second);
    };
    let mut fixed = 0;
    for (col, &pivot) in pivots.iter().enumerate() {
        if pivot != 0 {
            swap(&mut a, &mut order, fixed, col);
            fixed += 1;
        }
    }
    let count = a.rows.min(a.cols);
    let mut taus = Matrix::zeros(count, 1);
    for k in 0..count {
        if k >= fixed {
            let norm =
                |col: usize| (k..a.rows).map(|row| (a[(row, col)] * a[(row, col)].conj()).re).sum::<f64>();
            // The first of the largest ones.
            let mut pivot = k;
            for col in k + 1..a.cols {
                pivot = if norm(col) > norm(pivot) { col } else { pivot };
            }
            swap(&mut a, &mut order, k, pivot);
        }
        taus[(k, 0)] = reduce_column(&mut a, k, 0, false);
    }
    (a, order, taus)
}

/// Eigenvalues in ascending order and eigenvectors of a Hermitian matrix, by Jacobi's rotations.
pub fn eigh(a: &Matrix) -> (Vec<f64>, Matrix) {
    let n = a.rows;
    let (mut a, mut v) = (a.clone(), Matrix::identity(n));
    for _ in 0..100 {
        let scale = a.size();
        let rest = a.masked(|i, j| i != j).size();
        if rest.is_nan() || rest <= 1e-15 * scale {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                let turn = jacobi_rotation(n, &a, p, q);
                a = turn.dagger().times(&a).times(&turn);
                (a[(p, q)], a[(q, p)]) = (ZERO, ZERO);
                v = v.times(&turn);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[(i, i)].re.total_cmp(&a[(j, j)].re));
    let vectors = Matrix::from_fn(n, n, |i, j| v[(i, order[j])]);
    (order.iter().map(|&i| a[(i, i)].re).collect(), canonical(&vectors))
}

/// The unitary matrix that makes element `(p, q)` of a Hermitian matrix zero.
fn jacobi_rotation(n: usize, a: &Matrix, p: usize, q: usize) -> Matrix {
    let mut turn = Matrix::identity(n);
    let size = a[(p, q)].abs();
    if size == 0.0 || size.is_nan() {
        return turn;
    }
    let phase = a[(p, q)] / Complex::new(size, 0.0);
    let theta = (a[(q, q)].re - a[(p, p)].re) / (2.0 * size);
    let t = 1f64.copysign(theta) / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = Complex::new(c * t, 0.0);
    turn[(p, p)] = Complex::new(c, 0.0);
    turn[(q, q)] = Complex::new(c, 0.0);
    turn[(p, q)] = s * phase;
    turn[(q, p)] = -(s * phase.conj());
    turn
}

/// Columns with a largest component that is positive.
pub fn canonical(vectors: &Matrix) -> Matrix {
    let factor = |col: usize| {
        let mut largest = ZERO;
        for row in 0..vectors.rows {
            // A little slack, so that rounding does not decide between equal ones.
            largest = if vectors[(row, col)].abs() > largest.abs() * 1.000001 {
                vectors[(row, col)]
            } else {
                largest
            };
        }
        if largest == ZERO { Complex::ONE } else { largest.conj() / Complex::new(largest.abs(), 0.0) }
    };
    let factors: Vec<Complex> = (0..vectors.cols).map(factor).collect();
    Matrix::from_fn(vectors.rows, vectors.cols, |i, j| vectors[(i, j)] * factors[j])
}

/// Singular values, descending, with the vectors `u` [m, m] and `v` [n, n]: the eigenvectors of [[0, a], [a^H, 0]] for
/// positive eigenvalues are (u, v), and what is missing for a basis is completed.
pub fn svd(a: &Matrix) -> (Vec<f64>, Matrix, Matrix) {
    let (m, n) = (a.rows, a.cols);
    let joined = Matrix::from_fn(m + n, m + n, |i, j| match (i < m, j < m) {
        (true, false) => a[(i, j - m)],
        (false, true) => a[(j, i - m)].conj(),
        (true, true) | (false, false) => ZERO,
    });
    let (values, vectors) = eigh(&joined);
    let count = m.min(n);
    let values: Vec<f64> = values.iter().rev().take(count).map(|&value| value.max(0.0)).collect();
    let cutoff = values.first().copied().unwrap_or(0.0) * 1e-14 * (m + n) as f64;
    let rank = values.iter().filter(|&&value| value > cutoff).count();
    let part = |start: usize, rows: usize| {
        let root = Complex::new(2f64.sqrt(), 0.0);
        Matrix::from_fn(rows, rank, |i, j| vectors[(start + i, m + n - 1 - j)] * root)
    };
    (values, completed(&part(0, m)), completed(&part(m, n)))
}

/// Orthonormal columns and further ones, by Gram and Schmidt from the unit vectors.
fn completed(columns: &Matrix) -> Matrix {
    let n = columns.rows;
    let mut basis: Vec<Vec<Complex>> =
        (0..columns.cols).map(|j| (0..n).map(|i| columns[(i, j)]).collect()).collect();
    let inner = |x: &[Complex], y: &[Complex]| x.iter().zip(y).fold(ZERO, |sum, (x, y)| sum + x.conj() * *y);
    while basis.len() < n {
        let projected = |unit: usize| {
            let mut x: Vec<Complex> = (0..n).map(|i| if i == unit { Complex::ONE } else { ZERO }).collect();
            // Twice is enough.
            for known in basis.iter().chain(&basis) {
                let common = inner(known, &x);
                x.iter_mut().zip(known).for_each(|(x, known)| *x = *x - common * *known);
            }
            let norm = inner(&x, &x).re.sqrt();
            (norm, x)
        };
        let best = (0..n).map(projected).max_by(|a, b| a.0.total_cmp(&b.0)).expect("there are unit vectors");
        let norm = Complex::new(best.0, 0.0);
        basis.push(best.1.into_iter().map(|x| x / norm).collect());
    }
    Matrix::from_fn(n, n, |i, j| basis[j][i])
}

/// The complex Schur form: (t, z) with `a = z t z^H`, by shifted QR steps on the whole matrix.
pub fn schur(a: &Matrix) -> (Matrix, Matrix) {
    let n = a.rows;
    let (mut t, mut z) = (a.clone(), Matrix::identity(n));
    let mut end = n;
    let mut steps = 0;
    while end > 1 && steps < 2000 {
        let last = end - 1;
        let below: f64 = (0..last).map(|j| t[(last, j)].abs()).sum();
        if below <= 1e-15 * t.size() {
            (0..last).for_each(|j| t[(last, j)] = ZERO);
            (end, steps) = (last, 0);
            continue;
        }
        steps += 1;
        // Wilkinson's shift; now and then another one, against cycles.
        let shift = if steps % 20 == 0 {
            t[(last, last)] + Complex::new(below, below)
        } else {
            corner_eigenvalue(&t, last)
        };
        let shifted = Matrix::from_fn(end, end, |i, j| if i == j { t[(i, j)] - shift } else { t[(i, j)] });
        let (packed, taus) = qr(&shifted);
        let small = product(&packed_reflectors(&packed, &taus, 0), end);
        let q = Matrix::from_fn(n, n, |i, j| {
            if i < end && j < end {
                small[(i, j)]
            } else if i == j {
                Complex::ONE
            } else {
                ZERO
            }
        });
        t = q.dagger().times(&t).times(&q);
        z = z.times(&q);
    }
    (t.masked(|i, j| i <= j), z)
}

/// The eigenvalue of the 2 x 2 block that ends at `last`, the one nearer to its last element.
fn corner_eigenvalue(t: &Matrix, last: usize) -> Complex {
    let [a, b, c, d] =
        [(last - 1, last - 1), (last - 1, last), (last, last - 1), (last, last)].map(|at| t[at]);
    let half = (a - d) / Complex::new(2.0, 0.0);
    let root = square_root(half * half + b * c);
    let (first, second) = (d + half + root, d + half - root);
    if (first - d).abs() < (second - d).abs() { first } else { second }
}

fn square_root(x: Complex) -> Complex {
    let size = x.abs();
    let (re, im) = (((size + x.re) / 2.0).max(0.0).sqrt(), ((size - x.re) / 2.0).max(0.0).sqrt());
    Complex::new(re, im.copysign(x.im))
}

/// Eigenvalues and right eigenvectors of norm 1 with a positive largest component.
pub fn eig(a: &Matrix) -> (Vec<Complex>, Matrix) {
    let n = a.rows;
    let (t, z) = schur(a);
    let mut vectors = Matrix::zeros(n, n);
    for k in 0..n {
        let mut x = vec![ZERO; n];
        x[k] = Complex::ONE;
        for row in (0..k).rev() {
            let sum = (row + 1..=k).fold(ZERO, |sum, j| sum + t[(row, j)] * x[j]);
            let difference = t[(row, row)] - t[(k, k)];
            let least = 1e-16 * t.size().max(1e-300);
            let divisor = if difference.abs() < least { Complex::new(least, 0.0) } else { difference };
            x[row] = -sum / divisor;
        }
        let norm = x.iter().map(|x| (*x * x.conj()).re).sum::<f64>().sqrt();
        (0..n).for_each(|row| vectors[(row, k)] = x[row] / Complex::new(norm, 0.0));
    }
    ((0..n).map(|k| t[(k, k)]).collect(), canonical(&z.times(&vectors)))
}

/// A Schur form of a real matrix, (t, z), where z is orthogonal: pairs of rows whose eigenvalues are complex stay
/// coupled. Unshifted steps would do; double steps with the eigenvalues of the last block as shifts do it faster.
pub fn real_schur(a: &Matrix) -> (Matrix, Matrix) {
    let n = a.rows;
    let (mut t, mut z) = (a.clone(), Matrix::identity(n));
    let (mut end, mut steps) = (n, 0);
    while end > 1 && steps < 3000 {
        let negligible = |rows: std::ops::Range<usize>, t: &Matrix| {
            let start = rows.start;
            rows.flat_map(|i| (0..start).map(move |j| (i, j))).map(|at| t[at].abs()).sum::<f64>()
                <= 1e-15 * t.size()
        };
        let found = [1, 2].into_iter().find(|&count| count <= end && negligible(end - count..end, &t));
        if let Some(count) = found {
            for row in end - count..end {
                (0..end - count).for_each(|j| t[(row, j)] = ZERO);
            }
            (end, steps) = (end - count, 0);
            continue;
        }
        steps += 1;
        // (t - s) (t - conj(s)) = t^2 - sum t + product is real.
        let block = t.block(0, 0, end, end);
        let last = end - 1;
        let disturbance = if steps % 30 == 0 { block.size() } else { 0.0 };
        let sum = Complex::new(t[(last - 1, last - 1)].re + t[(last, last)].re + disturbance, 0.0);
        let product_of_shifts =
            t[(last - 1, last - 1)] * t[(last, last)] - t[(last - 1, last)] * t[(last, last - 1)];
        let square = block.times(&block);
        let polynomial = Matrix::from_fn(end, end, |i, j| {
            let diagonal = if i == j { product_of_shifts } else { ZERO };
            square[(i, j)] - sum * block[(i, j)] + diagonal
        });
        let (packed, taus) = qr(&polynomial);
        let small = product(&packed_reflectors(&packed, &taus, 0), end);
        let q = Matrix::from_fn(n, n, |i, j| {
            if i < end && j < end {
                small[(i, j)]
            } else if i == j {
                Complex::ONE
            } else {
                ZERO
            }
        });
        t = q.dagger().times(&t).times(&q);
        z = z.times(&q);
    }
    (t.map(|x| Complex::new(x.re, 0.0)), z)
}
