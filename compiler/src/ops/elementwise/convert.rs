//! Changing the representation of elements: to another dtype, to the same bits under another dtype, to fewer bits.

use super::binary::int_to_float;
use crate::diag::TypeError;
use crate::ir::{Atom, Body, Params};
use crate::loops::{BlockBuilder, Val};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Scalar, Shape, Tensor};

/// `convert_element_type`: the same values in another dtype. Floats go to integers toward zero, saturating, NaN to 0;
/// integers wrap; everything but zero is true.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Convert {
    pub dtype: DType,
}

/// `bitcast_convert_type`: the same bits under another dtype. A narrower dtype adds a last axis, a wider one takes the
/// last axis away; the lowest bits come first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bitcast {
    pub dtype: DType,
}

/// `reduce_precision`: rounds to a narrower float format (ties to even), the dtype staying as it is. What is too large
/// becomes infinite, what would be subnormal becomes zero; NaN stays.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ReducePrecision {
    pub exponent_bits: u32,
    pub mantissa_bits: u32,
}

const NUMERIC: &[Kind] = &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex];
const ALL_REAL: [DType; 13] = [
    DType::Bool,
    DType::I8,
    DType::I16,
    DType::I32,
    DType::I64,
    DType::U8,
    DType::U16,
    DType::U32,
    DType::U64,
    DType::F16,
    DType::BF16,
    DType::F32,
    DType::F64,
];

impl Primitive for Convert {
    fn name(&self) -> &str {
        "convert_element_type"
    }

    fn params(&self) -> Params {
        Params::new().with("new_dtype", self.dtype).with("weak_type", false)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let result = operands[0].with_dtype(self.dtype);
        if operands[0].dtype != self.dtype {
            expect_kind(&operands[0], NUMERIC)?;
            expect_kind(&result, NUMERIC)?;
        }
        Ok(vec![result])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (from, to) = (operands[0].dtype(), self.dtype);
        if from == to {
            return Ok(operands.to_vec());
        }
        if from.is_complex() || to.is_complex() {
            return Err(NoRule::NotYet("complex arithmetic"));
        }
        let result = operands[0].aval().with_dtype(to);
        Ok(vec![eval_elementwise(result, operands, |x| convert(x[0], to))])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        if self.dtype.is_inexact() {
            linear(cx, *self, primals, tangents)
        } else {
            locally_constant(cx, *self, primals)
        }
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let operand = operand_aval(cx, &operands[0]);
        match cotangents[0].value() {
            Some(ct) if operand.dtype.is_inexact() => {
                Ok(vec![Tangent::Value(cx.builder.convert(ct, operand.dtype))])
            }
            _ => Ok(zero_cotangents(cx, operands)),
        }
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| ((*self).into(), axis))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        if operands[0].dtype == self.dtype {
            return Ok(identity_program(operands));
        }
        if operands[0].dtype.is_complex() || self.dtype.is_complex() {
            return Err(NoRule::NotYet("complex arithmetic"));
        }
        Ok(elementwise_nest(operands, &results[0], |b, x| b.convert(x[0], self.dtype)))
    }

    fn bodies(&self) -> &[Body] {
        &[]
    }
}

impl Family for Convert {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "convert_element_type").then(|| Ok(Convert { dtype: params.dtype("new_dtype")? }))
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        for from in ALL_REAL {
            let tensor = |shape: &[usize], values: &[f64]| Tensor::from_f64s(from, shape, values);
            for dtype in ALL_REAL {
                // Through a narrow result, a finite difference sees nothing but rounding.
                let smooth = !dtype.is_float() || dtype.bits() >= 32;
                let sample = |x| Sample { smooth, ..Sample::new(Convert { dtype }, vec![x]).within(0.0) };
                samples.push(sample(tensor(&[5], &[0.0, 1.0, 1.75, 100.0, 40000.0])));
                if from.is_float() {
                    let wild = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, -1.5, 300.5, 1e30];
                    samples.push(sample(tensor(&[7], &wild)).not_smooth());
                } else if from != DType::Bool {
                    samples.push(sample(tensor(&[3], &[-1.0, 127.0, 16777217.0])));
                }
            }
            samples.push(Sample::new(Convert { dtype: DType::F32 }, vec![tensor(&[3, 0], &[])]));
            samples.push(Sample::new(Convert { dtype: DType::I32 }, vec![tensor(&[], &[1.0])]));
        }
        samples
    }
}

impl Primitive for Bitcast {
    fn name(&self) -> &str {
        "bitcast_convert_type"
    }

    fn params(&self) -> Params {
        Params::new().with("new_dtype", self.dtype)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let operand = &operands[0];
        if operand.dtype == self.dtype {
            return Ok(vec![operand.clone()]);
        }
        let numbers = &[Kind::Signed, Kind::Unsigned, Kind::Float];
        expect_kind(operand, numbers)?;
        expect_kind(&operand.with_dtype(self.dtype), numbers)?;
        let (old, new) = (operand.dtype.bits() as usize, self.dtype.bits() as usize);
        let (extents, last) = (operand.shape.extents(), operand.shape.extents().last());
        let shape: Shape = if old == new {
            operand.shape.clone()
        } else if old > new {
            operand.shape.inserted(operand.rank(), old / new)
        } else if last.is_some_and(|&last| last * old == new) {
            extents[..extents.len() - 1].into()
        } else {
            let count = new / old;
            return Err(TypeError(format!(
                "expected a last axis of extent {count} that makes one {}, found {operand}",
                self.dtype
            )));
        };
        Ok(vec![Aval::new(self.dtype, shape)])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let result =
            self.infer(&[operands[0].aval().clone()]).expect("operands have the inferred types").remove(0);
        if is_packed(operands[0].dtype(), self.dtype) {
            return Err(NoRule::NotYet("bitcasts of types below one byte"));
        }
        Ok(vec![operands[0].clone().reinterpret(result).expect("a bitcast keeps the number of bytes")])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, *self, primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        // The last axis is the one that changes.
        let axis = dims[0].axis().expect("at least one dim is mapped");
        let moved = cx.builder.move_axis(operands[0], axis, 0);
        Ok(Batched::leading(cx.builder.emit_one(*self, &[moved])))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let from = operands[0].dtype;
        if from == self.dtype {
            return Ok(identity_program(operands));
        }
        if is_packed(from, self.dtype) {
            return Err(NoRule::NotYet("bitcasts of types below one byte"));
        }
        if from.bits() != self.dtype.bits() {
            return Ok(Lowering::Reinterpret(None));
        }
        let nest = elementwise_nest(operands, &results[0], |b, x| b.bitcast(x[0], self.dtype));
        let Lowering::Nests(nests) = nest else { unreachable!("an elementwise operation is a nest") };
        Ok(Lowering::Reinterpret(nests.into_iter().next()))
    }

    fn bodies(&self) -> &[Body] {
        &[]
    }
}

impl Family for Bitcast {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "bitcast_convert_type").then(|| Ok(Bitcast { dtype: params.dtype("new_dtype")? }))
    }

    fn samples() -> Vec<Sample> {
        let sample =
            |dtype: DType, x: Tensor| Sample::new(Bitcast { dtype }, vec![x]).not_smooth().within(0.0);
        let values = [0.0, -0.0, 1.5, -3.25, f64::INFINITY];
        let floats = |dtype: DType| Tensor::from_f64s(dtype, [5], &values);
        let bytes =
            Tensor::from_f64s(DType::U8, [3, 4], &[0., 0., 128., 63., 0., 0., 0., 64., 1., 2., 3., 4.]);
        vec![
            sample(DType::U32, floats(DType::F32)),
            sample(DType::I64, floats(DType::F64)),
            sample(DType::U16, floats(DType::BF16)),
            sample(DType::F16, Tensor::from_f64s(DType::I16, [3], &[0.0, 15360.0, -1.0])),
            sample(DType::F32, floats(DType::F32)),
            sample(DType::U8, floats(DType::F32)),
            sample(DType::F32, bytes),
            sample(DType::U32, Tensor::from_f64s(DType::F64, [], &[1.5])),
            sample(DType::U32, Tensor::from_f64s(DType::F32, [0], &[])),
            sample(DType::U8, Tensor::from_f64s(DType::F32, [2, 0], &[])),
        ]
    }
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
        let own = format_of(operands[0].dtype()).ok_or(NoRule::NotYet("floats of 8 bits"))?;
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
        let own = format_of(operands[0].dtype).ok_or(NoRule::NotYet("floats of 8 bits"))?;
        Ok(elementwise_nest(operands, &results[0], |b, x| self.lower_element(b, x[0], own)))
    }

    fn bodies(&self) -> &[Body] {
        &[]
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
        for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
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

fn format_of(dtype: DType) -> Option<Format> {
    let (exponent_bits, mantissa_bits) = match dtype {
        DType::F16 => (5, 10),
        DType::BF16 => (8, 7),
        DType::F32 => (8, 23),
        DType::F64 => (11, 52),
        _ => return None,
    };
    Some(Format { exponent_bits, mantissa_bits })
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

fn is_packed(from: DType, to: DType) -> bool {
    from != to && (from.bits() < 8 || to.bits() < 8)
}

fn convert(x: Scalar, to: DType) -> Scalar {
    match (x, to.kind()) {
        (Scalar::Bool(x), Kind::Bool) => Scalar::Bool(x),
        (Scalar::Int(x), Kind::Bool) => Scalar::Bool(x != 0),
        (x, Kind::Bool) => Scalar::Bool(x.float() != 0.0),
        (Scalar::Bool(x), Kind::Float) => Scalar::Float(f64::from(u8::from(x))),
        (Scalar::Int(x), Kind::Float) => Scalar::Float(int_to_float(to, x)),
        (x, Kind::Float) => x,
        (Scalar::Bool(x), _) => Scalar::Int(i128::from(x)),
        (Scalar::Int(x), _) => Scalar::Int(x),
        (x, _) => {
            // A cast of NaN is zero, and 128 bits hold every bound.
            let bits = to.bits();
            let (least, greatest) = if to.is_signed() {
                (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
            } else {
                (0, (1 << bits) - 1)
            };
            Scalar::Int((x.float() as i128).clamp(least, greatest))
        }
    }
}
