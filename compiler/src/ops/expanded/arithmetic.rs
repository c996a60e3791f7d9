//! Sources that compute element by element.

use super::Source;
use crate::diag::TypeError;
use crate::ir::{Atom, Builder};
use crate::ops::elementwise::*;
use crate::ops::rules::expect_operands;
use crate::types::{Aval, DType, Kind};
use std::f64::consts::LOG2_E;

/// The logarithm to the base two: the natural one, scaled.
///
/// Source: JAX lax.log2 (since 0.11).
pub(super) fn log2(b: &mut Builder, cx: &Source, x: &[Atom]) -> Result<Vec<Atom>, TypeError> {
    expect_operands(cx.operands, 1)?;
    let dtype = cx.operands[0].dtype;
    if !dtype.is_inexact() {
        return Err(TypeError(format!("no operand of dtype {dtype} is allowed")));
    }
    let log = b.unary(UnaryKind::Log, x[0]);
    let scaled = |b: &mut Builder, part: Atom| {
        let scale = b.constant_like(part, LOG2_E);
        b.mul(part, scale)
    };
    if !dtype.is_complex() {
        return Ok(vec![scaled(b, log)]);
    }
    // Part by part: an infinite part times the zero of a complex scale would be NaN.
    let [re, im] = [PartKind::Real, PartKind::Imag].map(|kind| {
        let part = b.emit_one(ComplexPart(kind), &[log]);
        scaled(b, part)
    });
    Ok(vec![b.emit_one(MakeComplex, &[re, im])])
}

/// `x, a0, a1, .. -> a0 + x (a1 + x (a2 + ..))`, with implicit broadcasting.
///
/// Source: JAX lax.polynomial (since 0.12).
pub(super) fn polynomial(b: &mut Builder, cx: &Source, x: &[Atom]) -> Result<Vec<Atom>, TypeError> {
    let (&x, coefficients) =
        x.split_first().ok_or_else(|| TypeError::new("expected operands, found none"))?;
    let Some((&last, rest)) = coefficients.split_last() else {
        return Err(TypeError::new("expected coefficients behind the first operand, found none"));
    };
    let dtype = cx.operands[0].dtype;
    let is_number = matches!(dtype.kind(), Kind::Signed | Kind::Unsigned | Kind::Float | Kind::Complex);
    if !is_number || cx.operands.iter().any(|aval| aval.dtype != dtype) {
        return Err(TypeError::new("expected numbers of one dtype"));
    }
    let mut sum = last;
    for &coefficient in rest.iter().rev() {
        let product = checked(b, BinaryKind::Mul, sum, x)?;
        sum = checked(b, BinaryKind::Add, product, coefficient)?;
    }
    Ok(vec![sum])
}

/// A binary operation whose operands may not fit. Errors: TypeError, if so.
fn checked(b: &mut Builder, kind: BinaryKind, x: Atom, y: Atom) -> Result<Atom, TypeError> {
    use crate::ops::rules::Primitive;
    Binary(kind).infer(&[b.aval(x), b.aval(y)])?;
    Ok(b.binary(kind, x, y))
}

/// `x, n -> x 2^n`, where denormal operands and results count as zero.
///
/// Source: JAX jnp.ldexp (since 0.12).
pub(super) fn ldexp(b: &mut Builder, cx: &Source, x: &[Atom]) -> Result<Vec<Atom>, TypeError> {
    expect_operands(cx.operands, 2)?;
    let float = Float::of(&cx.operands[0])?;
    let count = &cx.operands[1];
    if !count.dtype.is_integer() || count.shape != cx.operands[0].shape {
        let expected = cx.operands[0].with_dtype(DType::I32);
        return Err(TypeError(format!("operand 1: expected integers like {expected}, found {count}")));
    }
    let (x, n) = (x[0], x[1]);
    // Beyond three times the largest normal exponent nothing changes any more. The bound fits every wider integer.
    let bound = 3 * (float.bias - 1);
    let n = if count.dtype.bits() < 32 { b.convert(n, DType::I32) } else { n };
    let least = if b.dtype(n).is_signed() { -bound } else { 0 };
    let (least, most) = (b.constant_like(n, least as f64), b.constant_like(n, bound as f64));
    let n = b.emit_one(Clamp, &[least, n, most]);
    let n = b.convert(n, DType::I32);
    let x = float.flushed(b, x);
    let scaled = float.scaled(b, x, n);
    Ok(vec![float.flushed(b, scaled)])
}

/// `x -> (m, e)` with `x = m 2^e` and `0.5 <= |m| < 1`; zero, infinity and NaN are their own `m`. Denormals count as
/// zero.
///
/// Source: JAX jnp.frexp (since 0.12).
pub(super) fn frexp(b: &mut Builder, cx: &Source, x: &[Atom]) -> Result<Vec<Atom>, TypeError> {
    expect_operands(cx.operands, 1)?;
    let float = Float::of(&cx.operands[0])?;
    let x = float.flushed(b, x[0]);
    let bits = b.emit_one(Bitcast { dtype: float.bits }, &[x]);
    let digits = b.constant_like(bits, f64::from(float.digits));
    let exponent = b.binary(BinaryKind::ShiftRightLogical, bits, digits);
    let exponent = b.convert(exponent, DType::I32);
    let mask = b.constant_like(exponent, (2 * float.bias + 1) as f64);
    let exponent = b.binary(BinaryKind::And, exponent, mask);
    let zero = b.constant_like(exponent, 0.0);
    let (is_zero, is_special) =
        (b.compare(CompareKind::Eq, exponent, zero), b.compare(CompareKind::Eq, exponent, mask));
    let has_none = b.binary(BinaryKind::Or, is_zero, is_special);
    let offset = b.constant_like(exponent, (float.bias - 1) as f64);
    let exponent = b.sub(exponent, offset);
    let zeros = b.zeros(&cx.operands[0].with_dtype(DType::I32));
    let exponent = b.select(has_none, zeros, exponent);
    let negated = b.neg(exponent);
    Ok(vec![float.scaled(b, x, negated), exponent])
}

/// The format of a floating dtype.
struct Float {
    dtype: DType,
    /// Unsigned integers of the same width.
    bits: DType,
    /// The exponent of one, as it is stored.
    bias: i64,
    /// The stored digits of the mantissa.
    digits: u32,
    /// The least normal number.
    least: f64,
}

impl Float {
    /// Errors: TypeError if these are no floats of a usual format.
    fn of(aval: &Aval) -> Result<Float, TypeError> {
        let (bits, bias, digits) = match aval.dtype {
            DType::F16 => (DType::U16, 15, 10),
            DType::BF16 => (DType::U16, 127, 7),
            DType::F32 => (DType::U32, 127, 23),
            DType::F64 => (DType::U64, 1023, 52),
            other => return Err(TypeError(format!("no operand of dtype {other} is allowed"))),
        };
        Ok(Float { dtype: aval.dtype, bits, bias, digits, least: 2f64.powi(1 - bias as i32) })
    }

    /// `x 2^n` for I32 `n` within three times the largest exponent, by three powers that are normal numbers. It is
    /// linear in `x`, as its derivative is.
    fn scaled(&self, b: &mut Builder, x: Atom, n: Atom) -> Atom {
        let (three, two) = (b.constant_like(n, 3.0), b.constant_like(n, 2.0));
        let first = b.div(n, three);
        let rest = b.sub(n, first);
        let second = b.div(rest, two);
        let third = b.sub(rest, second);
        [first, second, third].into_iter().fold(x, |x, n| {
            let power = self.power(b, n);
            b.mul(x, power)
        })
    }

    /// `2^n`, a normal number.
    fn power(&self, b: &mut Builder, n: Atom) -> Atom {
        let bias = b.constant_like(n, self.bias as f64);
        let stored = b.add(n, bias);
        let stored = b.convert(stored, self.bits);
        let digits = b.constant_like(stored, f64::from(self.digits));
        let stored = b.binary(BinaryKind::ShiftLeft, stored, digits);
        b.emit_one(Bitcast { dtype: self.dtype }, &[stored])
    }

    /// Denormal numbers become zero; the derivative is that of the identity all the same.
    fn flushed(&self, b: &mut Builder, x: Atom) -> Atom {
        let (least, size) = (b.constant_like(x, self.least), b.unary(UnaryKind::Abs, x));
        let is_small = b.compare(CompareKind::Lt, size, least);
        // Through the bits: a number without a derivative.
        let bits = b.emit_one(Bitcast { dtype: self.bits }, &[x]);
        let fixed = b.emit_one(Bitcast { dtype: self.dtype }, &[bits]);
        let zeros = b.zeros(&b.aval(x));
        let excess = b.select(is_small, fixed, zeros);
        b.sub(x, excess)
    }
}
