//! Are two arrays the same within a tolerance?

use rjaxc_compiler::types::{DType, Scalar, Tensor};

/// How far floating results may be from the expected ones; integers and bools must be equal.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tolerance {
    /// Relative to the expected element.
    pub relative: f64,
    pub absolute: f64,
}

impl Tolerance {
    /// The tier `std` of the conformance suite's compare rule: `error` is how far XLA itself is from a result in
    /// higher precision.
    pub fn standard(expected: &Tensor, error: f64) -> Tolerance {
        let scale = expected
            .scalars()
            .flat_map(parts)
            .filter(|x| x.is_finite())
            .fold(0.0, |a: f64, x| a.max(x.abs()));
        let relative = match expected.dtype().real_part() {
            DType::F64 => 1e-11,
            DType::F32 => 1e-5,
            DType::F16 => 2e-3,
            DType::BF16 => 2e-2,
            _ => 1e-1,
        };
        let tiny = if expected.dtype().real_part() == DType::F32 { 1e-37 } else { 0.0 };
        let absolute = relative * 0.1 * scale + 10.0 * error.min(1e-2 * scale.max(1e-3)) + tiny;
        Tolerance { relative, absolute }
    }
}

/// Errors: the first element that is too far off. Infinities and NaNs must be where they are expected.
pub fn close(found: &Tensor, expected: &Tensor, tolerance: Tolerance) -> Result<(), String> {
    if found.aval() != expected.aval() {
        return Err(format!("expected {}, found {}", expected.aval(), found.aval()));
    }
    for (position, (a, b)) in found.scalars().zip(expected.scalars()).enumerate() {
        let near = |a: f64, b: f64| {
            a == b
                || a.is_nan() && b.is_nan()
                || a.is_finite()
                    && b.is_finite()
                    && (a - b).abs() <= tolerance.absolute + tolerance.relative * b.abs()
        };
        let (a_parts, b_parts) = (parts(a), parts(b));
        let is_close = if expected.dtype().is_inexact() {
            a_parts.iter().zip(&b_parts).all(|(&a, &b)| near(a, b))
        } else {
            a == b
        };
        if !is_close {
            return Err(format!("element {position} is {a:?}, expected {b:?}"));
        }
    }
    Ok(())
}

fn parts(value: Scalar) -> Vec<f64> {
    match value {
        Scalar::Float(x) => vec![x],
        Scalar::Complex(re, im) => vec![re, im],
        Scalar::Bool(_) | Scalar::Int(_) | Scalar::Key(_) => Vec::new(),
    }
}
