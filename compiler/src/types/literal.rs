//! Rank-0 constants inside equations, stored as bits so that equality and hashing are exact.

use super::{DType, Kind, Scalar};
use std::fmt;

/// A typed scalar constant: `1.0:f32[]`. Two NaNs of equal bits are equal; `0.0` and `-0.0` differ.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Literal {
    dtype: DType,
    // Invariant: the little-endian storage of the element, zero-extended.
    bits: u128,
}

impl Literal {
    pub fn new(dtype: DType, value: Scalar) -> Self {
        let mut bytes = Vec::with_capacity(16);
        value.encode(dtype, &mut bytes);
        Literal::from_bytes(dtype, &bytes)
    }

    pub fn from_bytes(dtype: DType, bytes: &[u8]) -> Self {
        Literal { dtype, bits: bytes.iter().rev().fold(0, |word, &byte| word << 8 | u128::from(byte)) }
    }

    pub fn from_bits(dtype: DType, bits: u128) -> Self {
        Literal { dtype, bits }
    }

    /// `value` rounded to `dtype`, whatever its kind; bool is `value != 0`.
    pub fn from_f64(dtype: DType, value: f64) -> Self {
        Literal::new(
            dtype,
            match dtype.kind() {
                Kind::Bool | Kind::Float0 => Scalar::Bool(value != 0.0),
                Kind::Signed | Kind::Unsigned => Scalar::Int(value as i128),
                Kind::Float => Scalar::Float(value),
                Kind::Complex => Scalar::Complex(value, 0.0),
                Kind::Key => Scalar::Key(value as u64),
            },
        )
    }

    /// An integer constant: wrapped to integer types, rounded to floating ones.
    pub fn from_i64(dtype: DType, value: i64) -> Self {
        match dtype.kind() {
            Kind::Signed | Kind::Unsigned => Literal::new(dtype, Scalar::Int(i128::from(value))),
            _ => Literal::from_f64(dtype, value as f64),
        }
    }

    pub fn bool(value: bool) -> Self {
        Literal::new(DType::Bool, Scalar::Bool(value))
    }

    pub fn dtype(self) -> DType {
        self.dtype
    }

    pub fn bits(self) -> u128 {
        self.bits
    }

    /// The little-endian storage of the element.
    pub fn bytes(self) -> Vec<u8> {
        self.bits.to_le_bytes()[..self.dtype.size_bytes()].to_vec()
    }

    pub fn value(self) -> Scalar {
        Scalar::decode(self.dtype, &self.bits.to_le_bytes()[..self.dtype.size_bytes()])
    }

    /// Is it zero, of either sign?
    pub fn is_zero(self) -> bool {
        match self.value() {
            Scalar::Bool(x) => !x,
            Scalar::Key(_) => false,
            value => value.complex() == (0.0, 0.0),
        }
    }

    /// Is it exactly one?
    pub fn is_one(self) -> bool {
        match self.value() {
            Scalar::Bool(x) => x,
            Scalar::Key(_) => false,
            value => value.complex() == (1.0, 0.0),
        }
    }
}

/// The value as JAX prints it, without its type: `1.0`, `-inf`, `True`, `7`, `(1-0j)`.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Scalar::Bool(x) => f.write_str(if x { "True" } else { "False" }),
            Scalar::Int(x) => write!(f, "{x}"),
            Scalar::Float(x) => f.write_str(&python_float(x)),
            Scalar::Complex(re, im) => f.write_str(&python_complex(re, im)),
            Scalar::Key(x) => write!(f, "{x:#018x}"),
        }
    }
}

impl fmt::Debug for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}:{}[]", self.dtype)
    }
}

/// Python's `repr` of a float: shortest round-trip digits, `1e-05` below 1e-4 and `1e+16` from 1e16 on.
fn python_float(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let scientific = format!("{x:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` always prints an exponent");
    let exponent: i32 = exponent.parse().expect("`{:e}` prints a decimal exponent");
    if x == 0.0 || (-4..16).contains(&exponent) {
        return format!("{x:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// Python's `repr` of a complex number: `1j` when the real part is `+0.0`, else `(re±imj)`.
fn python_complex(re: f64, im: f64) -> String {
    let part = |x: f64| {
        let text = python_float(x);
        text.strip_suffix(".0").map(str::to_string).unwrap_or(text)
    };
    if re == 0.0 && re.is_sign_positive() {
        return format!("{}j", part(im));
    }
    let sign = if im.is_sign_negative() && !im.is_nan() { "" } else { "+" };
    format!("({}{sign}{}j)", part(re), part(im))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_python() {
        let f32 = |x| Literal::from_f64(DType::F32, x).to_string();
        assert_eq!(f32(1.1), "1.100000023841858");
        assert_eq!(f32(-0.0), "-0.0");
        assert_eq!(f32(1e-30), "1.0000000031710769e-30");
        assert_eq!(f32(f64::NEG_INFINITY), "-inf");
        assert_eq!(Literal::from_f64(DType::F64, 1e16).to_string(), "1e+16");
        assert_eq!(Literal::from_f64(DType::F64, 1e-5).to_string(), "1e-05");
        assert_eq!(Literal::new(DType::C64, Scalar::Complex(1.0, -0.0)).to_string(), "(1-0j)");
        assert_eq!(Literal::new(DType::C64, Scalar::Complex(0.0, 1.0)).to_string(), "1j");
    }
}
