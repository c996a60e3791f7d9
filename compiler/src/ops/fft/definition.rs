//! Reference values: the sums of the definition, one axis after the other, in F64.

use super::FftKind;
use crate::types::{Aval, Scalar, Tensor};
use std::f64::consts::TAU;

type Number = (f64, f64);

/// The transform of the last axes, in the order of the definition: for real results, the last axis comes last.
pub(super) fn transform(kind: FftKind, lengths: &[usize], operand: &Tensor, result: Aval) -> Tensor {
    let mut extents = operand.shape().extents().to_vec();
    let mut values: Vec<Number> = operand.scalars().map(Scalar::complex).collect();
    let last = extents.len() - 1;
    let first = extents.len() - lengths.len();
    let sign = if matches!(kind, FftKind::Fft | FftKind::Rfft) { -1.0 } else { 1.0 };
    for (axis, &length) in (first..).zip(lengths) {
        if axis < last || kind != FftKind::Irfft {
            values = along(&values, &extents, axis, length, |row, k| sum(row, k, sign));
        }
    }
    match kind {
        FftKind::Fft | FftKind::Ifft => {}
        FftKind::Rfft => {
            // The half that determines the other; it was made whole, so that the other axes could follow in any order.
            let kept = result.shape[last];
            values = along(&values, &extents, last, kept, |row, k| row.get(k).copied().unwrap_or((0.0, 0.0)));
            extents[last] = kept;
        }
        FftKind::Irfft => {
            let length = lengths[lengths.len() - 1];
            values = along(&values, &extents, last, length, |row, k| sum(&whole(row, length), k, sign));
            extents[last] = length;
        }
    }
    let points: usize = lengths.iter().product();
    let scale = if sign > 0.0 { 1.0 / points as f64 } else { 1.0 };
    let complex = result.dtype.is_complex();
    let element = |&(re, im): &Number| match complex {
        true => Scalar::Complex(re * scale, im * scale),
        false => Scalar::Float(re * scale),
    };
    Tensor::from_scalars(result, values.iter().map(element).collect::<Vec<_>>())
}

/// The spectrum of a real row from its half. Errors in the parts that must be real are left out.
fn whole(half: &[Number], length: usize) -> Vec<Number> {
    let number = |k: usize| match half.get(k) {
        Some(&(re, _)) if k == 0 || 2 * k == length => (re, 0.0),
        Some(&number) => number,
        None => (half[length - k].0, -half[length - k].1),
    };
    (0..length).map(number).collect()
}

/// `sum over j of row[j] e^(sign 2 pi i j k / n)`.
fn sum(row: &[Number], k: usize, sign: f64) -> Number {
    let term = |(j, &(re, im)): (usize, &Number)| {
        let angle = sign * TAU * ((j * k) % row.len()) as f64 / row.len() as f64;
        let (sin, cos) = angle.sin_cos();
        (re * cos - im * sin, re * sin + im * cos)
    };
    row.iter().enumerate().map(term).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1))
}

/// Replaces each row along an axis by `count` numbers.
fn along(
    values: &[Number],
    extents: &[usize],
    axis: usize,
    count: usize,
    f: impl Fn(&[Number], usize) -> Number,
) -> Vec<Number> {
    let (outer, extent): (usize, usize) = (extents[..axis].iter().product(), extents[axis]);
    let inner: usize = extents[axis + 1..].iter().product();
    let mut result = vec![(0.0, 0.0); outer * count * inner];
    for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
        let row: Vec<Number> = (0..extent).map(|j| values[(o * extent + j) * inner + i]).collect();
        for k in 0..count {
            result[(o * count + k) * inner + i] = f(&row, k);
        }
    }
    result
}
