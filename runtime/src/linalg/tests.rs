//! Every decomposition by what defines it: `q r = a`, `q^H q = 1`, and so on, for all kinds of numbers, sizes from 0 on
//! and matrices of low rank.

extern crate std;

use super::direct::{self, Triangle, Tridiagonal};
use super::eigen;
use super::householder::{self, Work};
use super::matrix::Matrix;
use super::number::{Complex, Real, Scalar};
use super::{singular, symmetric};
use std::vec;
use std::vec::Vec;

/// A matrix that owns its elements.
#[derive(Clone, Debug)]
struct Dense<T> {
    rows: usize,
    cols: usize,
    data: Vec<T>,
}

impl<T: Scalar> Dense<T> {
    fn new(rows: usize, cols: usize, f: impl Fn(usize, usize) -> T) -> Self {
        let data = (0..rows * cols).map(|at| f(at / cols, at % cols)).collect();
        Dense { rows, cols, data }
    }

    fn identity(n: usize) -> Self {
        Dense::new(n, n, |i, j| if i == j { T::ONE } else { T::ZERO })
    }

    fn at(&self, i: usize, j: usize) -> T {
        self.data[i * self.cols + j]
    }

    fn view(&mut self) -> Matrix<'_, T> {
        Matrix::new(&mut self.data, self.rows, self.cols)
    }

    fn dagger(&self) -> Self {
        Dense::new(self.cols, self.rows, |i, j| self.at(j, i).conj())
    }

    fn times(&self, other: &Self) -> Self {
        assert_eq!(self.cols, other.rows);
        let element = |i, j| (0..self.cols).fold(T::ZERO, |sum, k| sum + self.at(i, k) * other.at(k, j));
        Dense::new(self.rows, other.cols, element)
    }

    fn complex(&self) -> Dense<Complex<T::Real>> {
        Dense::new(self.rows, self.cols, |i, j| self.at(i, j).complex())
    }
}

fn real<T: Scalar>(x: f64) -> T::Real {
    // Sixteenths of integers, and integers, are exact in both types.
    let whole = T::Real::from_usize(x.abs() as usize);
    let part = T::Real::from_usize(((x.abs() - x.abs().floor()) * 1048576.0) as usize)
        / T::Real::from_usize(1048576);
    if x < 0.0 { -(whole + part) } else { whole + part }
}

/// Irregular numbers between -1 and 1.
fn sample<T: Scalar>(rows: usize, cols: usize, seed: u64) -> Dense<T> {
    let number = |at: u64| {
        let mut state =
            (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed.wrapping_mul(0xd134_2543_de82_ef95);
        state ^= state >> 31;
        state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (state >> 40) as f64 / (1u64 << 23) as f64 - 1.0
    };
    Dense::new(rows, cols, |i, j| {
        let at = (i * cols + j) as u64;
        T::new(real::<T>(number(2 * at)), real::<T>(number(2 * at + 1)))
    })
}

fn near<T: Scalar>(a: &Dense<T>, b: &Dense<T>, what: &str) {
    assert_eq!((a.rows, a.cols), (b.rows, b.cols), "{what}");
    let size = a.data.iter().chain(&b.data).fold(T::Real::ONE, |size, x| size.larger(x.abs()));
    let tolerance = T::Real::from_usize(60 * (a.rows + a.cols + 10)) * T::Real::EPSILON * size;
    for (at, (x, y)) in a.data.iter().zip(&b.data).enumerate() {
        let position = (at / a.cols, at % a.cols);
        assert!((*x - *y).abs() <= tolerance, "{what}: element {position:?} of {}x{} is off", a.rows, a.cols);
    }
}

fn unitary<T: Scalar>(q: &Dense<T>, what: &str) {
    near(&q.dagger().times(q), &Dense::identity(q.cols), what);
}

/// Storage of work vectors.
fn vectors<T: Scalar>(rows: usize, cols: usize) -> (Vec<T>, Vec<T>) {
    (vec![T::ZERO; rows], vec![T::ZERO; cols])
}

fn for_all_numbers(check: [fn(usize); 4]) {
    for n in [0, 1, 2, 3, 5, 8, 17, 26] {
        check.iter().for_each(|check| check(n));
    }
}

fn cholesky<T: Scalar>(n: usize) {
    let b = sample::<T>(n, n, 1);
    let mut a = b.times(&b.dagger());
    (0..n).for_each(|i| a.data[i * n + i] = a.data[i * n + i] + T::ONE);
    let mut factor = a.clone();
    assert!(direct::cholesky(&mut factor.view()));
    let l = Dense::new(n, n, |i, j| if j <= i { factor.at(i, j) } else { T::ZERO });
    near(&l.times(&l.dagger()), &a, "l l^H");
    if n > 0 {
        a.data[n * n - 1] = -T::ONE;
        assert!(!direct::cholesky(&mut a.view()));
    }
}

#[test]
fn cholesky_factors() {
    for_all_numbers([cholesky::<f32>, cholesky::<f64>, cholesky::<Complex<f32>>, cholesky::<Complex<f64>>]);
}

fn triangular<T: Scalar>(n: usize) {
    for flags in 0..32 {
        let bit = |place: usize| flags >> place & 1 == 1;
        let triangle =
            Triangle { is_lower: bit(0), is_transposed: bit(1), is_conjugated: bit(2), is_unit: bit(3) };
        let mut a = sample::<T>(n, n, 2);
        (0..n).for_each(|i| a.data[i * n + i] = a.data[i * n + i] + T::real(T::Real::from_usize(2 * n)));
        if triangle.is_unit {
            let factor = T::Real::ONE / T::Real::from_usize(n.max(1));
            a.data.iter_mut().for_each(|x| *x = x.scale(factor));
        }
        let meant = Dense::new(n, n, |i, j| {
            let (i, j) = if triangle.is_transposed { (j, i) } else { (i, j) };
            let x = if i == j && triangle.is_unit { T::ONE } else { a.at(i, j) };
            let is_inside = i == j || (j < i) == triangle.is_lower;
            let x = if triangle.is_conjugated { x.conj() } else { x };
            if is_inside { x } else { T::ZERO }
        });
        for count in [1, 3] {
            let is_left = bit(4);
            let b = if is_left { sample(n, count, 3) } else { sample(count, n, 3) };
            let mut x = b.clone();
            if is_left {
                direct::solve_triangular_left(&a.clone().view(), &mut x.view(), triangle);
                near(&meant.times(&x), &b, "op(a) x");
            } else {
                direct::solve_triangular_right(&a.clone().view(), &mut x.view(), triangle);
                near(&x.times(&meant), &b, "x op(a)");
            }
        }
    }
}

#[test]
fn triangular_systems_are_solved() {
    for_all_numbers([
        triangular::<f32>,
        triangular::<f64>,
        triangular::<Complex<f32>>,
        triangular::<Complex<f64>>,
    ]);
}

fn lu<T: Scalar>(n: usize) {
    for (rows, cols) in [(n, n), (n + 3, n), (n, n + 2)] {
        let a = sample::<T>(rows, cols, 4);
        let (mut packed, mut pivots, mut permutation) = (a.clone(), vec![0; rows.min(cols)], vec![0; rows]);
        direct::lu(&mut packed.view(), &mut pivots);
        direct::permutation(&pivots, &mut permutation);
        let k = rows.min(cols);
        let l = Dense::new(rows, k, |i, j| {
            if i == j {
                T::ONE
            } else if j < i {
                packed.at(i, j)
            } else {
                T::ZERO
            }
        });
        let u = Dense::new(k, cols, |i, j| if i <= j { packed.at(i, j) } else { T::ZERO });
        assert!(l.data.iter().all(|x| x.abs1() <= T::Real::TWO), "pivots are the largest elements");
        near(&l.times(&u), &Dense::new(rows, cols, |i, j| a.at(permutation[i] as usize, j)), "l u");
    }
}

#[test]
fn lu_factors() {
    for_all_numbers([lu::<f32>, lu::<f64>, lu::<Complex<f32>>, lu::<Complex<f64>>]);
}

fn qr<T: Scalar>(n: usize) {
    for (m, n) in [(n, n), (n + 3, n), (n, n + 2)] {
        let a = sample::<T>(m, n, 5);
        for with_pivots in [false, true] {
            let k = m.min(n);
            let (mut packed, mut taus, mut pivots) = (a.clone(), vec![T::ZERO; k], vec![0; n]);
            let (mut rows, mut cols) = vectors(m, m.max(n));
            let mut work = Work { rows: &mut rows, cols: &mut cols };
            if with_pivots {
                let mut norms = vec![T::Real::ZERO; 2 * n];
                householder::pivoted_qr(&mut packed.view(), &mut pivots, &mut taus, &mut work, &mut norms);
                let diagonal: Vec<T::Real> = (0..k).map(|i| packed.at(i, i).abs()).collect();
                let slack = T::Real::ONE + T::Real::EPSILON.sqrt();
                assert!(diagonal.windows(2).all(|pair| pair[1] <= pair[0] * slack), "the diagonal descends");
            } else {
                householder::qr(&mut packed.view(), &mut taus, &mut work);
                pivots = (1..=n as i32).collect();
            }
            let r = Dense::new(k, n, |i, j| if i <= j { packed.at(i, j) } else { T::ZERO });
            let mut q = Dense::new(m, k, |i, j| packed.at(i, j));
            householder::product(&mut q.view(), &taus, &mut work);
            unitary(&q, "q of qr");
            near(&q.times(&r), &Dense::new(m, n, |i, j| a.at(i, pivots[j] as usize - 1)), "q r");
            let mut full = Dense::new(m, m, |i, j| if j < n { packed.at(i, j) } else { T::ZERO });
            householder::product(&mut full.view(), &taus, &mut work);
            unitary(&full, "all of q");
            for (is_left, is_transposed) in [(false, false), (false, true), (true, false), (true, true)] {
                let c = sample::<T>(m, m, 6);
                let mut product = c.clone();
                let packed = &mut packed;
                householder::multiply(
                    &packed.view(),
                    &taus,
                    &mut product.view(),
                    is_left,
                    is_transposed,
                    &mut work,
                );
                let q = if is_transposed { full.dagger() } else { full.clone() };
                near(&product, &if is_left { q.times(&c) } else { c.times(&q) }, "ormqr");
            }
        }
    }
}

#[test]
fn qr_factors() {
    for_all_numbers([qr::<f32>, qr::<f64>, qr::<Complex<f32>>, qr::<Complex<f64>>]);
}

fn eigh<T: Scalar>(n: usize) {
    let b = sample::<T>(n, n, 7);
    let general = Dense::new(n, n, |i, j| b.at(i, j) + b.at(j, i).conj());
    let low_rank = Dense::new(n, n, |i, j| b.at(i, 0) * b.at(j, 0).conj());
    for (a, from_upper) in
        [(&general, false), (&general, true), (&low_rank, false), (&Dense::identity(n), true)]
    {
        let (mut v, mut values) = (a.clone(), vec![T::Real::ZERO; n]);
        let (mut q, mut taus) = (Dense::<T>::identity(n), vec![T::ZERO; n.saturating_sub(1)]);
        let (mut rows, mut cols) = vectors(n, n);
        let mut subdiagonal = vec![T::Real::ZERO; n];
        let mut memory = symmetric::Memory {
            q: q.view(),
            taus: &mut taus,
            subdiagonal: &mut subdiagonal,
            work: Work { rows: &mut rows, cols: &mut cols },
        };
        assert!(symmetric::eigh(&mut v.view(), &mut values, from_upper, &mut memory));
        assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
        unitary(&v, "eigenvectors");
        near(&a.times(&v), &Dense::new(n, n, |i, j| v.at(i, j).scale(values[j])), "a v");
    }
}

#[test]
fn hermitian_matrices_are_diagonalized() {
    for_all_numbers([eigh::<f32>, eigh::<f64>, eigh::<Complex<f32>>, eigh::<Complex<f64>>]);
}

fn svd<T: Scalar>(n: usize) {
    let outer = |m: usize, n: usize| {
        let (x, y) = (sample::<T>(m, 1, 8), sample::<T>(1, n, 9));
        if m * n == 0 { Dense::new(m, n, |_, _| T::ZERO) } else { x.times(&y) }
    };
    let shapes = [(n, n), (n + 4, n), (n, n + 3)];
    let matrices =
        shapes.iter().flat_map(|&(m, n)| [sample(m, n, 10), outer(m, n), Dense::new(m, n, |_, _| T::ZERO)]);
    for a in matrices {
        let (m, n) = (a.rows, a.cols);
        for is_full in [false, true] {
            let (short, long) = (m.min(n), m.max(n));
            let (u_cols, vt_rows, count) = if is_full { (m, n, long) } else { (short, short, short) };
            let mut values = vec![T::Real::ZERO; short];
            let mut columns = Dense::new(short, long, |_, _| T::ZERO);
            let (mut right, mut completed) =
                (Dense::<T>::identity(short), Dense::new(long, count, |_, _| T::ZERO));
            let (mut u, mut vt) =
                (Dense::new(m, u_cols, |_, _| T::ZERO), Dense::new(vt_rows, n, |_, _| T::ZERO));
            let mut taus = vec![T::ZERO; short];
            let (mut rows, mut cols) = vectors(long, count);
            let mut memory = singular::Memory {
                columns: columns.view(),
                vectors: Some(singular::VectorMemory {
                    right: right.view(),
                    completed: completed.view(),
                    taus: &mut taus,
                    work: Work { rows: &mut rows, cols: &mut cols },
                }),
            };
            let out = Some(singular::Vectors { u: u.view(), vt: vt.view() });
            assert!(singular::svd((m, n), &a.data, &mut values, &mut memory, out));
            assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
            unitary(&u, "u");
            unitary(&vt.dagger(), "v");
            let us = Dense::new(m, short, |i, j| u.at(i, j).scale(values[j]));
            near(&us.times(&Dense::new(short, n, |i, j| vt.at(i, j))), &a, "u s vt");
        }
    }
}

#[test]
fn singular_values_and_vectors() {
    for_all_numbers([svd::<f32>, svd::<f64>, svd::<Complex<f32>>, svd::<Complex<f64>>]);
}

/// Matrices that make the iteration for general matrices work: random, defective, a cyclic shift, a companion matrix,
/// a triangular one and one of unbalanced rows.
fn general<T: Scalar>(n: usize) -> Vec<Dense<T>> {
    let one_if = |condition: bool| if condition { T::ONE } else { T::ZERO };
    let random = sample::<T>(n, n, 11);
    vec![
        random.clone(),
        Dense::new(n, n, |i, j| one_if(i == j || i + 1 == j)),
        Dense::new(n, n, |i, j| one_if(j == (i + 1) % n.max(1))),
        Dense::new(n, n, |i, j| if i == 0 { random.at(0, j) } else { one_if(i == j + 1) }),
        Dense::new(n, n, |i, j| if i <= j { random.at(i, j) } else { T::ZERO }),
        Dense::new(n, n, |i, j| {
            if i == 0 { random.at(i, j).scale(T::Real::from_usize(1000)) } else { random.at(i, j) }
        }),
        Dense::new(n, n, |_, _| T::ZERO),
    ]
}

struct EigenStorage<T: Scalar> {
    q: Dense<T>,
    taus: Vec<T>,
    rows: Vec<T>,
    cols: Vec<T>,
    factors: Vec<T::Real>,
    exchanges: Vec<i32>,
    x: Vec<Complex<T::Real>>,
}

impl<T: Scalar> EigenStorage<T> {
    fn new(n: usize) -> Self {
        let (rows, cols) = vectors(n, n);
        let (factors, x) = (vec![T::Real::ZERO; n], vec![Complex::ZERO; n]);
        EigenStorage {
            q: Dense::identity(n),
            taus: vec![T::ZERO; n],
            rows,
            cols,
            factors,
            exchanges: vec![0; n],
            x,
        }
    }

    fn memory(&mut self) -> eigen::Memory<'_, T> {
        eigen::Memory {
            q: self.q.view(),
            taus: &mut self.taus,
            work: Work { rows: &mut self.rows, cols: &mut self.cols },
            factors: &mut self.factors,
            exchanges: &mut self.exchanges,
            x: &mut self.x,
        }
    }
}

fn schur<T: Scalar>(n: usize) {
    for a in general::<T>(n) {
        let mut storage = EigenStorage::new(n);
        let (mut t, mut values) = (a.clone(), vec![Complex::ZERO; n]);
        assert!(eigen::schur(&mut t.view(), &mut values, &mut storage.memory()));
        let z = storage.q;
        unitary(&z, "schur vectors");
        near(&z.times(&t).times(&z.dagger()), &a, "z t z^H");
        for i in 0..n {
            for j in 0..i {
                let is_block = !T::IS_COMPLEX && i == j + 1 && (j == 0 || t.at(j, j - 1) == T::ZERO);
                assert!(t.at(i, j) == T::ZERO || is_block, "t is quasi-triangular");
            }
        }
    }
}

#[test]
fn schur_forms() {
    for_all_numbers([schur::<f32>, schur::<f64>, schur::<Complex<f32>>, schur::<Complex<f64>>]);
}

fn eig<T: Scalar>(n: usize) {
    for a in general::<T>(n) {
        let mut storage = EigenStorage::new(n);
        let (mut spoilt, mut values) = (a.clone(), vec![Complex::ZERO; n]);
        let mut left = Dense::new(n, n, |_, _| Complex::ZERO);
        let mut right = left.clone();
        let (l, r) = (&mut left.view(), &mut right.view());
        assert!(eigen::eig(&mut spoilt.view(), &mut values, Some(l), Some(r), &mut storage.memory()));
        let a = a.complex();
        near(&a.times(&right), &Dense::new(n, n, |i, j| right.at(i, j) * values[j]), "a v");
        near(&a.dagger().times(&left), &Dense::new(n, n, |i, j| left.at(i, j) * values[j].conj()), "a^H u");
        for vectors in [left, right] {
            for j in 0..n {
                let square = (0..n).fold(T::Real::ZERO, |sum, i| sum + vectors.at(i, j).abs_squared());
                assert!((square - T::Real::ONE).magnitude() < T::Real::EPSILON.sqrt(), "norm 1");
            }
        }
    }
}

#[test]
fn eigenvalues_and_vectors() {
    for_all_numbers([eig::<f32>, eig::<f64>, eig::<Complex<f32>>, eig::<Complex<f64>>]);
}

fn tridiagonal<T: Scalar>(n: usize) {
    let given = sample::<T>(n, 3, 12);
    let diagonal = |j: usize| (0..n).map(|i| given.at(i, j)).collect::<Vec<T>>();
    let (mut lower, mut middle, mut upper, mut fill) =
        (diagonal(0), diagonal(1), diagonal(2), vec![T::ZERO; n]);
    upper.iter_mut().last().into_iter().for_each(|x| *x = T::ZERO);
    let a = Dense::new(n, n, |i, j| match (i + 1).wrapping_sub(j) {
        0 => given.at(i, 2),
        1 => given.at(i, 1),
        2 => given.at(i, 0),
        _ => T::ZERO,
    });
    let x = sample::<T>(n, 2, 13);
    let mut b = a.times(&x);
    let rhs = b.clone();
    let mut system =
        Tridiagonal { lower: &mut lower, diagonal: &mut middle, upper: &mut upper, fill: &mut fill };
    assert!(direct::solve_tridiagonal(&mut system, &mut b.view(), false));
    near(&a.times(&b), &rhs, "tridiagonal");
}

#[test]
fn tridiagonal_systems_are_solved() {
    for_all_numbers([
        tridiagonal::<f32>,
        tridiagonal::<f64>,
        tridiagonal::<Complex<f32>>,
        tridiagonal::<Complex<f64>>,
    ]);
}

#[test]
fn singular_tridiagonal_systems_are_found_or_perturbed() {
    for (perturb, solved) in [(false, false), (true, true)] {
        let (mut lower, mut middle, mut upper, mut fill) = ([0.0f64; 3], [1.0, 0.0, 1.0], [0.0; 3], [0.0; 3]);
        let mut b = [1.0, 1.0, 1.0];
        let mut system =
            Tridiagonal { lower: &mut lower, diagonal: &mut middle, upper: &mut upper, fill: &mut fill };
        assert_eq!(direct::solve_tridiagonal(&mut system, &mut Matrix::new(&mut b, 3, 1), perturb), solved);
        assert!(!perturb || b.iter().all(|x| x.is_finite()));
    }
}
