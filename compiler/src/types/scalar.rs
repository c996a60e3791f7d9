//! One element, decoded: the arithmetic domain of the reference evaluator.

use super::{Complex, DType, Kind};
use half::{bf16, f16};

/// A single element, widened. Which variant belongs to a [`DType`] is fixed by its [`Kind`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scalar {
    Bool(bool),
    /// Signed and unsigned integers of every width.
    Int(i128),
    Float(f64),
    Complex(f64, f64),
    /// A PRNG key: its data words, first word in the low half.
    Key(u64),
}

impl Scalar {
    /// Decodes little-endian storage of one element.
    pub fn decode(dtype: DType, bytes: &[u8]) -> Scalar {
        let word = little_endian(bytes);
        match dtype.kind() {
            Kind::Bool | Kind::Float0 => Scalar::Bool(word != 0),
            Kind::Unsigned => Scalar::Int((word & low_mask(dtype.bits())) as i128),
            Kind::Signed => Scalar::Int(sign_extend(word, dtype.bits())),
            Kind::Float => Scalar::Float(decode_float(dtype, word)),
            Kind::Complex => {
                let half = bytes.len() / 2;
                let part = dtype.real_part();
                let decode = |bytes| decode_float(part, little_endian(bytes));
                Scalar::Complex(decode(&bytes[..half]), decode(&bytes[half..]))
            }
            Kind::Key => Scalar::Key(word as u64),
        }
    }

    /// Rounds to `dtype` (ties to even; integers wrap) and appends its little-endian storage.
    pub fn encode(self, dtype: DType, out: &mut Vec<u8>) {
        let width = dtype.size_bytes();
        match (self, dtype.kind()) {
            (Scalar::Complex(re, im), Kind::Complex) => {
                for part in [re, im] {
                    let bits = encode_float(dtype.real_part(), part);
                    out.extend_from_slice(&bits.to_le_bytes()[..width / 2]);
                }
            }
            (Scalar::Float(x), Kind::Float) => {
                out.extend_from_slice(&encode_float(dtype, x).to_le_bytes()[..width])
            }
            (Scalar::Int(x), Kind::Signed) => {
                out.extend_from_slice(&sign_extend(x as u128, dtype.bits()).to_le_bytes()[..width]);
            }
            (Scalar::Int(x), Kind::Unsigned) => {
                out.extend_from_slice(&((x as u128) & low_mask(dtype.bits())).to_le_bytes()[..width]);
            }
            (Scalar::Bool(x), Kind::Bool | Kind::Float0) => out.push(u8::from(x)),
            (Scalar::Key(x), Kind::Key) => out.extend_from_slice(&x.to_le_bytes()),
            (value, _) => unreachable!("{value:?} is not an element of {dtype}"),
        }
    }

    /// The value after a round trip through `dtype`: what storing it would leave.
    pub fn rounded(self, dtype: DType) -> Scalar {
        let mut bytes = Vec::with_capacity(16);
        self.encode(dtype, &mut bytes);
        Scalar::decode(dtype, &bytes)
    }

    /// The floating value. Panics on another variant: the caller has matched on the dtype's kind.
    pub fn float(self) -> f64 {
        match self {
            Scalar::Float(x) => x,
            other => unreachable!("{other:?} is not a float"),
        }
    }

    /// The integer value. Panics on another variant: the caller has matched on the dtype's kind.
    pub fn int(self) -> i128 {
        match self {
            Scalar::Int(x) => x,
            other => unreachable!("{other:?} is not an integer"),
        }
    }

    /// The truth value. Panics on another variant: the caller has matched on the dtype's kind.
    pub fn bool(self) -> bool {
        match self {
            Scalar::Bool(x) => x,
            other => unreachable!("{other:?} is not a bool"),
        }
    }

    /// Real and imaginary parts of any numeric element.
    pub fn complex(self) -> (f64, f64) {
        match self {
            Scalar::Complex(re, im) => (re, im),
            Scalar::Float(x) => (x, 0.0),
            Scalar::Int(x) => (x as f64, 0.0),
            Scalar::Bool(x) => (f64::from(u8::from(x)), 0.0),
            Scalar::Key(_) => unreachable!("a key has no numeric value"),
        }
    }

    /// Any numeric element as a complex number.
    pub fn number(self) -> Complex {
        let (re, im) = self.complex();
        Complex { re, im }
    }
}

impl From<Complex> for Scalar {
    fn from(Complex { re, im }: Complex) -> Scalar {
        Scalar::Complex(re, im)
    }
}

fn little_endian(bytes: &[u8]) -> u128 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u128::from(byte))
}

fn low_mask(bits: u32) -> u128 {
    (1u128 << bits) - 1
}

fn sign_extend(word: u128, bits: u32) -> i128 {
    let shift = 128 - bits;
    ((word << shift) as i128) >> shift
}

fn decode_float(dtype: DType, word: u128) -> f64 {
    match dtype {
        DType::F64 => f64::from_bits(word as u64),
        DType::F32 => f64::from(f32::from_bits(word as u32)),
        DType::F16 => f16::from_bits(word as u16).to_f64(),
        DType::BF16 => bf16::from_bits(word as u16).to_f64(),
        DType::F8E5M2 => f16::from_bits((word as u16) << 8).to_f64(),
        DType::F8E4M3FN => decode_e4m3fn(word as u8),
        other => unreachable!("{other} is not a floating type"),
    }
}

fn encode_float(dtype: DType, x: f64) -> u64 {
    match dtype {
        DType::F64 => x.to_bits(),
        DType::F32 => u64::from((x as f32).to_bits()),
        DType::F16 => u64::from(f16::from_f32(to_odd(x)).to_bits()),
        DType::BF16 => u64::from(bf16::from_f32(to_odd(x)).to_bits()),
        DType::F8E5M2 | DType::F8E4M3FN => u64::from(encode_by_search(dtype, x)),
        other => unreachable!("{other} is not a floating type"),
    }
}

/// Rounds to F32 so that rounding again to 16 bits gives what one rounding would: an inexact result is made odd.
/// (The `half` crate's own conversions from f64 drop the low half of the fraction before they round.)
fn to_odd(x: f64) -> f32 {
    let nearest = x as f32;
    let back = f64::from(nearest);
    let bits = nearest.to_bits();
    if back == x || x.is_nan() || nearest.is_infinite() || bits & 1 == 1 {
        return nearest;
    }
    f32::from_bits(if back.abs() < x.abs() { bits + 1 } else { bits - 1 })
}

fn decode_e4m3fn(bits: u8) -> f64 {
    let sign = if bits & 0x80 != 0 { -1.0 } else { 1.0 };
    let (exponent, mantissa) = (i32::from(bits >> 3 & 15), f64::from(bits & 7));
    match (exponent, bits & 7) {
        (15, 7) => f64::NAN,
        (0, _) => sign * mantissa * 2f64.powi(-9),
        _ => sign * (8.0 + mantissa) * 2f64.powi(exponent - 10),
    }
}

/// Rounds to nearest even among the 256 values of an 8-bit float; overflow becomes infinity (e5m2) or NaN (e4m3fn).
fn encode_by_search(dtype: DType, x: f64) -> u8 {
    let sign = if x.is_sign_negative() { 0x80 } else { 0 };
    let nan = if dtype == DType::F8E4M3FN { 0x7f } else { 0x7e };
    if x.is_nan() {
        return sign | nan;
    }
    let (largest, overflow) = if dtype == DType::F8E4M3FN { (0x7eu8, 0x7fu8) } else { (0x7b, 0x7c) };
    let magnitude = x.abs();
    let value = |bits: u8| decode_float(dtype, u128::from(bits));
    let above = (0..=largest).find(|&bits| value(bits) >= magnitude);
    let Some(above) = above else {
        let half_step = (value(largest) - value(largest - 1)) / 2.0;
        let rounds_down = magnitude - value(largest) <= half_step && largest & 1 == 0
            || magnitude - value(largest) < half_step;
        return sign | if rounds_down { largest } else { overflow };
    };
    if value(above) == magnitude || above == 0 {
        return sign | above;
    }
    let (below_distance, above_distance) = (magnitude - value(above - 1), value(above) - magnitude);
    let pick_below = below_distance < above_distance || below_distance == above_distance && above & 1 == 1;
    sign | if pick_below { above - 1 } else { above }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_eight_bit_float_round_trips() {
        for dtype in [DType::F8E4M3FN, DType::F8E5M2] {
            for bits in 0..=255u8 {
                let x = decode_float(dtype, u128::from(bits));
                if !x.is_nan() {
                    assert_eq!(encode_by_search(dtype, x), bits, "{dtype} {bits:#x} {x}");
                }
            }
        }
    }

    #[test]
    fn half_precision_is_rounded_once() {
        let tie = 1.0 + 2f64.powi(-11);
        assert_eq!(Scalar::Float(tie).rounded(DType::F16), Scalar::Float(1.0));
        assert_eq!(
            Scalar::Float(tie + 2f64.powi(-40)).rounded(DType::F16),
            Scalar::Float(1.0 + 2f64.powi(-10))
        );
        let tie = 1.0 + 2f64.powi(-8);
        assert_eq!(Scalar::Float(tie).rounded(DType::BF16), Scalar::Float(1.0));
        assert_eq!(
            Scalar::Float(tie + 2f64.powi(-23)).rounded(DType::BF16),
            Scalar::Float(1.0 + 2f64.powi(-7))
        );
    }

    #[test]
    fn integers_wrap() {
        assert_eq!(Scalar::Int(200).rounded(DType::I8), Scalar::Int(-56));
        assert_eq!(Scalar::Int(-1).rounded(DType::U16), Scalar::Int(65535));
    }
}
