//! The passes against the definition, with tables made here. (The compiler's tables are tested there.)

extern crate std;

use super::*;
use std::vec::Vec;

/// `e^(-2 pi i k / n)`.
fn root(k: usize, n: usize) -> [f64; 2] {
    let angle = -2.0 * std::f64::consts::PI * (k % n) as f64 / n as f64;
    [angle.cos(), angle.sin()]
}

/// The plan and table of a complex transform, or of a real one of even length, without a convolution.
fn tables(n: usize, radices: &[usize], is_real: bool) -> (Vec<u32>, Vec<f64>) {
    let points = if is_real { n / 2 } else { n };
    let halves = if is_real { points + 1 } else { 0 };
    let mut plan = Vec::from([points as u32, points as u32, radices.len() as u32, halves as u32]);
    let (mut table, mut length) = (Vec::new(), points);
    for &radix in radices {
        let rest = length / radix;
        plan.extend([radix as u32, rest as u32]);
        for k in 1..radix {
            for part in 0..2 {
                table.extend((0..rest).map(|p| root(p * k, length)[part]));
            }
        }
        if radix > 5 {
            (0..2).for_each(|part| table.extend((0..radix).map(|k| root(k, radix)[part])));
        }
        length = rest;
    }
    table.extend((0..halves).flat_map(|k| root(k, n)));
    (plan, table)
}

fn numbers(count: usize) -> Vec<f64> {
    (0..count).map(|k| ((k * k * 7 + 3 * k) % 23) as f64 / 11.0 - 1.0).collect()
}

fn run(kind: i64, n: usize, rows: usize, radices: &[usize], x: &[f64], count: usize) -> Vec<f64> {
    let (plan, table) = tables(n, radices, kind >= 2);
    let mut y = Vec::from_iter((0..count).map(|_| f64::NAN));
    let mut scratch = Vec::from_iter((0..8 * n).map(|_| f64::NAN));
    // SAFETY: the tables are for this length; `x`, `y` and scratch have room for all rows, two together.
    let status = unsafe {
        let (x, plan, table) = (x.as_ptr(), plan.as_ptr(), table.as_ptr());
        let (y, scratch) = (y.as_mut_ptr(), scratch.as_mut_ptr());
        rjax_fft_f64(x, plan, table, y, scratch, kind, rows as i64, n as i64, 2)
    };
    assert_eq!(status, 0);
    y
}

fn assert_close(found: &[f64], expected: &[f64], what: &str) {
    for (k, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < 1e-11, "{what}: number {k} is {found}, not {expected}");
    }
}

#[test]
fn complex_transforms_are_the_definition_and_invert() {
    for radices in
        [&[][..], &[2], &[4], &[3], &[5], &[7], &[4, 4], &[4, 2, 3], &[3, 5, 7], &[4, 13], &[5, 5, 2]]
    {
        let n = radices.iter().product();
        for rows in [1, 2, 3] {
            let x = numbers(2 * n * rows);
            let found = run(0, n, rows, radices, &x, 2 * n * rows);
            for row in 0..rows {
                let at = |j: usize| [x[2 * (row * n + j)], x[2 * (row * n + j) + 1]];
                let mut expected = Vec::new();
                for k in 0..n {
                    let mut sum = [0.0; 2];
                    for j in 0..n {
                        let ([a, b], [c, d]) = (at(j), root(j * k, n));
                        sum = [sum[0] + a * c - b * d, sum[1] + a * d + b * c];
                    }
                    expected.extend(sum);
                }
                assert_close(&found[2 * row * n..], &expected, "forward");
            }
            assert_close(&run(1, n, rows, radices, &found, 2 * n * rows), &x, "inverse");
        }
    }
}

#[test]
fn real_transforms_are_halves_of_complex_ones_and_invert() {
    for radices in [&[][..], &[2], &[4], &[3], &[4, 3], &[5, 7]] {
        let n = 2 * radices.iter().product::<usize>();
        for rows in [1, 3] {
            let (x, count) = (numbers(n * rows), n / 2 + 1);
            let found = run(2, n, rows, radices, &x, 2 * count * rows);
            for row in 0..rows {
                let mut expected = Vec::new();
                for k in 0..count {
                    let mut sum = [0.0; 2];
                    for j in 0..n {
                        let (value, [c, d]) = (x[row * n + j], root(j * k, n));
                        sum = [sum[0] + value * c, sum[1] + value * d];
                    }
                    expected.extend(sum);
                }
                assert_close(&found[2 * row * count..], &expected, "forward");
            }
            assert_close(&run(3, n, rows, radices, &found, n * rows), &x, "inverse");
        }
    }
}
