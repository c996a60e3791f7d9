//! Operands of samples, and how results of decompositions are compared.

use super::textbook::{Matrix, ZERO, matrices};
use crate::ops::Op;
use crate::ops::rules::Sample;
use crate::types::{Aval, DType, Scalar, Tensor};

/// The dtypes that have routines.
pub const DTYPES: [DType; 4] = [DType::F32, DType::F64, DType::C64, DType::C128];

/// Irregular numbers between -1 and 1.
pub fn irregular(dtype: DType, shape: &[usize], seed: usize) -> Tensor {
    let mut state = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f64 / (1u64 << 23) as f64 - 1.0
    };
    Tensor::from_fn(Aval::new(dtype, shape), |_| {
        let re = next();
        if dtype.is_complex() { Scalar::Complex(re, next()) } else { Scalar::Float(re) }
    })
}

/// Square matrices with the diagonal moved away from zero, differently in every row.
pub fn regular(dtype: DType, shape: &[usize], seed: usize) -> Tensor {
    let given = irregular(dtype, shape, seed);
    let n = shape[shape.len() - 1];
    Tensor::from_fn(given.aval().clone(), |index| {
        let (row, col) = (index[index.len() - 2], index[index.len() - 1]);
        let shift = if row == col { n as f64 + 1.0 + row as f64 } else { 0.0 };
        match given.get(index) {
            Scalar::Complex(re, im) => Scalar::Complex(re + shift, im),
            other => Scalar::Float(other.float() + shift),
        }
    })
}

/// Hermitian, positive definite matrices.
pub fn positive(dtype: DType, shape: &[usize], seed: usize) -> Tensor {
    let given = regular(dtype, shape, seed);
    Tensor::from_fn(given.aval().clone(), |index| {
        let mut mirrored = index.to_vec();
        mirrored.swap(index.len() - 2, index.len() - 1);
        let (x, y) = (given.get(index).number(), given.get(&mirrored).number().conj());
        let (re, im) = ((x.re + y.re) / 2.0, (x.im + y.im) / 2.0);
        if dtype.is_complex() { Scalar::Complex(re, im) } else { Scalar::Float(re) }
    })
}

/// A sample compared by norms.
pub fn sample(op: impl Into<Op>, operands: Vec<Tensor>) -> Sample {
    Sample::new(op, operands).compared_by(normwise)
}

fn tolerance(dtype: DType) -> f64 {
    match dtype.real_part() {
        DType::F64 => 1e-12,
        DType::F32 => 1e-4,
        _ => 2e-2,
    }
}

/// Compares results by the size of differences relative to the whole array; integers must be equal.
pub fn normwise(_: &[Tensor], found: &[Tensor], expected: &[Tensor]) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("{} results, expected {}", found.len(), expected.len()));
    }
    for (position, (found, expected)) in found.iter().zip(expected).enumerate() {
        array(found, expected).map_err(|why| format!("result {position}: {why}"))?;
    }
    Ok(())
}

fn array(found: &Tensor, expected: &Tensor) -> Result<(), String> {
    if found.aval() != expected.aval() {
        return Err(format!("{}, expected {}", found.aval(), expected.aval()));
    }
    if found == expected || !found.dtype().is_inexact() {
        return if found == expected { Ok(()) } else { Err(format!("{found}, expected {expected}")) };
    }
    let column = |tensor: &Tensor| {
        let (re, im): (Vec<f64>, Vec<f64>) = tensor.scalars().map(Scalar::complex).unzip();
        (Matrix::column(re), Matrix::column(im))
    };
    let ((re, im), (expected_re, expected_im)) = (column(found), column(expected));
    let scale = expected_re.size().max(expected_im.size());
    near("its real part", &re, &expected_re, scale, found.dtype())?;
    near("its imaginary part", &im, &expected_im, scale, found.dtype())
}

/// Errors: elements that differ by more than rounding of numbers of size `scale`. NaN is near NaN alone.
pub fn near(what: &str, found: &Matrix, expected: &Matrix, scale: f64, dtype: DType) -> Result<(), String> {
    for row in 0..found.rows {
        for col in 0..found.cols {
            let (a, b) = (found[(row, col)], expected[(row, col)]);
            let difference = (a - b).abs();
            let both_nan = a.abs().is_nan() && b.abs().is_nan();
            if !both_nan && (difference.is_nan() || difference > tolerance(dtype) * scale.max(1e-30)) {
                return Err(format!("{what}: element ({row}, {col}) is {a:?}, expected {b:?}"));
            }
        }
    }
    Ok(())
}

/// Errors: columns that are not orthonormal.
pub fn unitary(what: &str, q: &Matrix, dtype: DType) -> Result<(), String> {
    near(what, &q.dagger().times(q), &Matrix::identity(q.cols), 1.0, dtype)
}

/// The matrices of an array in corresponding order with those of others.
pub fn parts(tensor: &Tensor) -> Vec<Matrix> {
    matrices(tensor, 2)
}

/// A diagonal matrix from a column.
pub fn diagonal(values: &Matrix, rows: usize, cols: usize) -> Matrix {
    Matrix::from_fn(rows, cols, |i, j| if i == j && i < values.rows { values[(i, 0)] } else { ZERO })
}
