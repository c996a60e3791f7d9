//! Rounding to a narrower float format within a dtype.

use crate::diag::TypeError;
use crate::ir::{Atom, Params};
use crate::loops::{BlockBuilder, Val};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Scalar, Tensor};

/// `reduce_precision`: rounds to a narrower float format (ties to even), the dtype staying as it is. What is too large
/// becomes infinite, what would be subnormal becomes zero; NaN stays.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ReducePrecision {
    pub exponent_bits: u32,
    pub mantissa_bits: u32,
}

impl Primitive for ReducePrecision {
    fn name(&self) -> &str {
        "reduce_precision"
    }

    fn params(&self) -> Params {
        let size = |bits: u32| bits as usize;
        Params::new()
            .with("exponent_bits", size(self.exponent_bits))
            .with("mantissa_bits", size(self.mantissa_bits))
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_kind(&operands[0], &[Kind::Float])?;
        if self.exponent_bits == 0 {
            return Err(TypeError::new("expected at least 1 exponent bit, found 0"));
        }
        Ok(vec![operands[0].clone()])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let own = format_of(working_dtype(operands[0].dtype()));
        let result = operands[0].aval().clone();
        Ok(vec![eval_elementwise(result, operands, |x| Scalar::Float(self.round(own, x[0].float())))])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        // JAX rounds the tangent, too.
        linear(cx, *self, primals, tangents)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        match cotangents[0].value() {
            Some(ct) => Ok(vec![Tangent::Value(cx.builder.emit_one(*self, &[ct]))]),
            None => Ok(zero_cotangents(cx, operands)),
        }
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| ((*self).into(), axis))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let dtype = operands[0].dtype;
        let working = working_dtype(dtype);
        Ok(elementwise_nest(operands, &results[0], |b, x| {
            let wide = b.convert(x[0], working);
            let rounded = self.lower_element(b, wide, format_of(working));
            b.convert(rounded, dtype)
        }))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for ReducePrecision {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let bits = |key: &str| {
            let size = params.size(key)?;
            u32::try_from(size).map_err(|_| TypeError(format!("parameter {key}: {size} bits are too many")))
        };
        (name == "reduce_precision").then(|| {
            Ok(ReducePrecision {
                exponent_bits: bits("exponent_bits")?,
                mantissa_bits: bits("mantissa_bits")?,
            })
        })
    }

    fn samples() -> Vec<Sample> {
        let values = [
            1.5,
            -3.0,
            1.25,
            0.75,
            6.0,
            1e30,
            -1e-30,
            f64::NAN,
            f64::INFINITY,
            -0.0,
            65519.0,
            65520.0,
            6.2e-5,
        ];
        let mut samples = Vec::new();
        for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16, DType::F8E4M3FN, DType::F8E5M2] {
            for (exponent_bits, mantissa_bits) in
                [(8, 23), (8, 7), (5, 10), (5, 2), (3, 2), (8, 0), (1, 0), (11, 52)]
            {
                // Its rule calls it linear, which the laws would see through where it rounds every number.
                if dtype.bits() >= 32 && mantissa_bits == 0 {
                    continue;
                }
                let op = ReducePrecision { exponent_bits, mantissa_bits };
                let x = Tensor::from_f64s(dtype, [13], &values);
                samples.push(Sample::new(op, vec![x]).not_smooth().within(0.0));
                let empty = Tensor::from_f64s(dtype, [0, 1], &[]);
                samples.push(Sample::new(op, vec![empty]).not_smooth().within(0.0));
            }
        }
        samples
    }
}

/// The layout of a float: sign, exponent, mantissa.
#[derive(Clone, Copy)]
struct Format {
    exponent_bits: u32,
    mantissa_bits: u32,
}

impl Format {
    /// Of the exponent, and also the greatest finite one.
    fn bias(self) -> i32 {
        (1 << (self.exponent_bits - 1)) - 1
    }
}

/// The dtype whose layout counts: a float of 8 bits is rounded as an F16 number, as XLA does, and then converted back. So
/// what is too large becomes NaN where the dtype has no infinity.
fn working_dtype(dtype: DType) -> DType {
    if dtype.bits() < 16 { DType::F16 } else { dtype }
}

/// Of a float of at least 16 bits.
fn format_of(dtype: DType) -> Format {
    let (exponent_bits, mantissa_bits) = match dtype {
        DType::F16 => (5, 10),
        DType::BF16 => (8, 7),
        DType::F32 => (8, 23),
        DType::F64 => (11, 52),
        other => unreachable!("{other} is no float of at least 16 bits"),
    };
    Format { exponent_bits, mantissa_bits }
}

impl ReducePrecision {
    /// The target format as far as it is narrower.
    fn target(&self, own: Format) -> Format {
        Format {
            exponent_bits: self.exponent_bits.min(own.exponent_bits),
            mantissa_bits: self.mantissa_bits.min(own.mantissa_bits),
        }
    }

    fn round(&self, own: Format, x: f64) -> f64 {
        if x == 0.0 || !x.is_finite() {
            return x;
        }
        let target = self.target(own);
        let exponent = exponent_of(x).max(1 - own.bias());
        let steps = x.abs() * exp2(-exponent) * exp2(target.mantissa_bits as i32);
        let (whole, rest) = (steps.floor(), steps.fract());
        // Without mantissa bits, the exponent's lowest bit decides ties.
        let last = if target.mantissa_bits == 0 { f64::from(exponent + own.bias()) } else { whole };
        let up = rest > 0.5 || rest == 0.5 && last.rem_euclid(2.0) == 1.0;
        let whole = whole + f64::from(u8::from(up));
        let rounded = whole * exp2(-(target.mantissa_bits as i32)) * exp2(exponent);
        if target.exponent_bits == own.exponent_bits {
            return rounded.copysign(x);
        }
        match exponent_of(rounded) {
            exponent if exponent > target.bias() => f64::INFINITY.copysign(x),
            exponent if exponent <= -target.bias() => 0f64.copysign(x),
            _ => rounded.copysign(x),
        }
    }

    /// The same on the bits, where a carry out of the mantissa is a carry into the exponent.
    fn lower_element(&self, b: &mut BlockBuilder, x: Val, own: Format) -> Val {
        let dtype = b.dtype(x);
        let word = dtype.same_width_unsigned().expect("a float has an integer of its width");
        let target = self.target(own);
        let mut bits = b.bitcast(x, word);
        let dropped = own.mantissa_bits - target.mantissa_bits;
        if dropped > 0 {
            let (amount, one) = (b.int(word, i64::from(dropped)), b.int(word, 1));
            let (half_below, keep) = (b.int(word, (1 << (dropped - 1)) - 1), b.int(word, -1 << dropped));
            let last = b.shr(bits, amount);
            let last = b.and(last, one);
            let bias = b.add(half_below, last);
            let sum = b.add(bits, bias);
            bits = b.and(sum, keep);
        }
        if target.exponent_bits < own.exponent_bits {
            bits = limit_exponent(b, bits, own, target);
        }
        let rounded = b.bitcast(bits, dtype);
        let is_nan = b.ne(x, x);
        b.select(is_nan, x, rounded)
    }
}

/// Infinity above the target's exponents, zero below them, with the sign.
fn limit_exponent(b: &mut BlockBuilder, bits: Val, own: Format, target: Format) -> Val {
    let word = b.dtype(bits);
    let field = |exponent: i32| i64::from(exponent) << own.mantissa_bits;
    let infinity = b.int(word, field(2 * own.bias() + 1));
    let greatest = b.int(word, field(own.bias() + target.bias()));
    let least = b.int(word, field(own.bias() - target.bias()));
    let sign_mask = b.int(word, 1i64.wrapping_shl(word.bits() - 1));
    let (exponent, sign) = (b.and(bits, infinity), b.and(bits, sign_mask));
    let signed_infinity = b.or(sign, infinity);
    let (overflows, underflows) = (b.gt(exponent, greatest), b.le(exponent, least));
    let limited = b.select(underflows, sign, bits);
    b.select(overflows, signed_infinity, limited)
}

/// Unbiased, of a normal or subnormal number.
fn exponent_of(x: f64) -> i32 {
    let field = (x.to_bits() >> 52 & 0x7ff) as i32;
    if field == 0 { -1023 - (x.to_bits() << 12).leading_zeros() as i32 } else { field - 1023 }
}

fn exp2(exponent: i32) -> f64 {
    f64::from(exponent).exp2()
}
