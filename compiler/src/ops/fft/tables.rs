//! The constants of a transform of one length, in the form that the runtime reads (see its module `fft`): computed in
//! F64, rounded once.

use super::FftKind;
use crate::types::{DType, Tensor};
use std::f64::consts::FRAC_PI_2;

/// Factors of these become passes; lengths with larger prime factors become convolutions.
const RADICES: [usize; 7] = [4, 2, 3, 5, 7, 11, 13];

pub(super) struct Tables {
    /// Points, length, number of passes and of halves; then a radix and the product of those after it per pass.
    pub(super) plan: Tensor,
    /// The passes' twiddles, chirp and filter of a convolution, and the halves.
    pub(super) constants: Tensor,
    /// Complex numbers that the passes work on, per row.
    pub(super) length: usize,
}

type Number = (f64, f64);

impl Tables {
    /// `length` is at least one. Real transforms of even length transform pairs of neighbours.
    pub(super) fn new(kind: FftKind, length: usize, dtype: DType) -> Tables {
        let of_pairs = matches!(kind, FftKind::Rfft | FftKind::Irfft) && length.is_multiple_of(2);
        let points = if of_pairs { length / 2 } else { length };
        let (worked, radices) = match radices(points) {
            Some(radices) => (points, radices),
            None => {
                let worked = (2 * points - 1).next_power_of_two();
                (worked, radices_of_power(worked))
            }
        };
        let halves = if of_pairs { points + 1 } else { 0 };
        let (mut passes, mut constants) = passes(worked, &radices);
        if worked != points {
            let chirp: Vec<Number> = (0..points).map(|k| chirp(k, points)).collect();
            constants.extend(chirp.iter().flat_map(|&(re, im)| [re, im]));
            constants.extend(filter(&chirp, worked).iter().flat_map(|&(re, im)| [re, im]));
        }
        constants.extend((0..halves).map(|k| root(k, length)).flat_map(|(re, im)| [re, im]));
        let mut plan = vec![points, worked, radices.len(), halves];
        plan.append(&mut passes);
        let plan: Vec<f64> = plan.into_iter().map(|number| number as f64).collect();
        Tables {
            plan: Tensor::from_f64s(DType::U32, [plan.len()], &plan),
            constants: Tensor::from_f64s(dtype, [constants.len()], &constants),
            length: worked,
        }
    }
}

/// The radices whose product is `length`, in the order of the passes; `None` if other primes divide it.
fn radices(length: usize) -> Option<Vec<usize>> {
    let (mut rest, mut found) = (length, Vec::new());
    for radix in RADICES {
        while rest.is_multiple_of(radix) {
            found.push(radix);
            rest /= radix;
        }
    }
    (rest == 1).then_some(found)
}

fn radices_of_power(length: usize) -> Vec<usize> {
    radices(length).expect("a power of two has no other factors")
}

/// Radix and rest of each pass, and the twiddles of all.
fn passes(length: usize, radices: &[usize]) -> (Vec<usize>, Vec<f64>) {
    let (mut plan, mut table, mut size) = (Vec::new(), Vec::new(), length);
    for &radix in radices {
        let rest = size / radix;
        plan.extend([radix, rest]);
        for k in 1..radix {
            table.extend((0..rest).map(|p| root(p * k, size).0));
            table.extend((0..rest).map(|p| root(p * k, size).1));
        }
        if radix > 5 {
            table.extend((0..radix).map(|k| root(k, radix).0));
            table.extend((0..radix).map(|k| root(k, radix).1));
        }
        size = rest;
    }
    (plan, table)
}

/// `e^(-2 pi i k / n)`, from an angle of at most a quarter of pi.
fn root(k: usize, n: usize) -> Number {
    let eighths = 4 * (k as u128 % n as u128);
    let (quarter, rest) = (eighths / n as u128, eighths % n as u128);
    let turn = |part: u128| FRAC_PI_2 * (part as f64 / n as f64);
    let (sin, cos) = if 2 * rest <= n as u128 {
        turn(rest).sin_cos()
    } else {
        let (cos, sin) = turn(n as u128 - rest).sin_cos();
        (sin, cos)
    };
    match quarter {
        0 => (cos, -sin),
        1 => (-sin, -cos),
        2 => (-cos, sin),
        _ => (sin, cos),
    }
}

/// `e^(-pi i k^2 / n)`.
fn chirp(k: usize, n: usize) -> Number {
    let square = (k as u128 * k as u128 % (2 * n as u128)) as usize;
    root(square, 2 * n)
}

/// The transform of the conjugate chirp, laid around both ends, over the number of points: what a spectrum is
/// multiplied by to convolve with it and go back.
fn filter(chirp: &[Number], length: usize) -> Vec<Number> {
    let mut values = vec![(0.0, 0.0); length];
    for (k, &(re, im)) in chirp.iter().enumerate() {
        let number = (re / length as f64, -im / length as f64);
        values[k] = number;
        if k > 0 {
            values[length - k] = number;
        }
    }
    spectrum(&values)
}

/// The transform of a power of two of numbers, by halves.
fn spectrum(values: &[Number]) -> Vec<Number> {
    let n = values.len();
    if n == 1 {
        return values.to_vec();
    }
    let half = |start: usize| spectrum(&values.iter().skip(start).step_by(2).copied().collect::<Vec<_>>());
    let (even, odd) = (half(0), half(1));
    let turned: Vec<Number> = odd
        .iter()
        .enumerate()
        .map(|(k, &(re, im))| {
            let (c, s) = root(k, n);
            (re * c - im * s, re * s + im * c)
        })
        .collect();
    let pairs = || even.iter().zip(&turned);
    let sums = pairs().map(|(a, b)| (a.0 + b.0, a.1 + b.1));
    sums.chain(pairs().map(|(a, b)| (a.0 - b.0, a.1 - b.1))).collect()
}
