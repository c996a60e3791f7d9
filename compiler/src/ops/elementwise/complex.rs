//! Complex numbers and their parts. These are linear over the reals only, so their transposes are adjoints of the
//! pairing `Re(ct t)`: JAX's convention, in which transposition never conjugates.

use crate::diag::TypeError;
use crate::ir::{Atom, Params};
use crate::loops::{BinaryOp, UnaryOp};
use crate::ops::Op;
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Scalar, Tensor};

/// `real` and `imag`: one part of a complex number, a float.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ComplexPart(pub PartKind);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PartKind {
    Real,
    Imag,
}

/// `complex`: the complex number with these real and imaginary parts, with implicit broadcasting.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MakeComplex;

/// `conj`: the complex conjugate; a float becomes the complex number that is its own conjugate. The parameter
/// `input_dtype` of JAX's text repeats the operand's type and is read over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Conj;

/// Operands of the samples.
const RE: [f64; 5] = [-2.5, -0.75, 0.0, 1.25, 3.0];
const IM: [f64; 5] = [0.5, -1.5, 2.0, -0.0, 0.25];

impl Primitive for ComplexPart {
    fn name(&self) -> &str {
        match self.0 {
            PartKind::Real => "real",
            PartKind::Imag => "imag",
        }
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_kind(&operands[0], &[Kind::Complex])?;
        Ok(vec![operands[0].with_dtype(operands[0].dtype.real_part())])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let result = operands[0].aval().with_dtype(operands[0].dtype().real_part());
        Ok(vec![eval_elementwise(result, operands, |x| match self.0 {
            PartKind::Real => Scalar::Float(x[0].number().re),
            PartKind::Imag => Scalar::Float(x[0].number().im),
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear(cx, *self, primals, tangents)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let Some(ct) = cotangents[0].value() else { return Ok(zero_cotangents(cx, operands)) };
        let zero = cx.builder.constant_like(ct, 0.0);
        Ok(vec![Tangent::Value(match self.0 {
            PartKind::Real => cx.builder.emit_one(MakeComplex, &[ct, zero]),
            PartKind::Imag => {
                let negated = cx.builder.neg(ct);
                cx.builder.emit_one(MakeComplex, &[zero, negated])
            }
        })])
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| (Op::from(*self), axis))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let op = match self.0 {
            PartKind::Real => UnaryOp::Real,
            PartKind::Imag => UnaryOp::Imag,
        };
        Ok(elementwise_nest(operands, &results[0], |b, x| b.unary(op, x[0])))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for ComplexPart {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let all = [ComplexPart(PartKind::Real), ComplexPart(PartKind::Imag)];
        all.into_iter().find(|part| part.name() == name).map(Ok)
    }

    fn samples() -> Vec<Sample> {
        let operands = [
            Tensor::from_parts(DType::C64, [5], &RE, &IM),
            Tensor::from_parts(DType::C128, [1, 5], &RE, &IM),
            Tensor::from_parts(DType::C64, [0], &[], &[]),
        ];
        let of = |kind| operands.clone().map(|x| Sample::new(ComplexPart(kind), vec![x]).within(0.0));
        [PartKind::Real, PartKind::Imag].into_iter().flat_map(of).collect()
    }
}

impl Primitive for MakeComplex {
    fn name(&self) -> &str {
        "complex"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        let part = expect_same_dtype(operands)?;
        match part.complex().filter(|_| part.is_float()) {
            Some(dtype) => Ok(vec![Aval::new(dtype, expect_broadcast(operands)?)]),
            None => Err(TypeError(format!("expected operands of dtype f32 or f64, found {part}"))),
        }
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let avals: Vec<Aval> = operands.iter().map(|operand| operand.aval().clone()).collect();
        let result = self.infer(&avals).expect("operands have the inferred types").remove(0);
        Ok(vec![eval_elementwise(result, operands, |x| Scalar::Complex(x[0].float(), x[1].float()))])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        if tangents.iter().all(Tangent::is_zero) {
            return locally_constant(cx, *self, primals);
        }
        let result = cx.builder.emit_one(*self, primals);
        let zero = cx.builder.constant_like(primals[0], 0.0);
        let parts: Vec<Atom> = tangents.iter().map(|tangent| tangent.value().unwrap_or(zero)).collect();
        let (tangent, shape) = (cx.builder.emit_one(*self, &parts), cx.builder.aval(result).shape);
        Ok(Duals::one(result, Tangent::Value(broadcast_to(cx.builder, tangent, &shape))))
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let mut results = zero_cotangents(cx, operands);
        let Some(ct) = cotangents[0].value() else { return Ok(results) };
        for (slot, operand) in operands.iter().enumerate().filter(|(_, operand)| operand.is_linear()) {
            let part = match slot {
                0 => cx.builder.emit_one(ComplexPart(PartKind::Real), &[ct]),
                _ => {
                    let negated = cx.builder.neg(ct);
                    cx.builder.emit_one(ComplexPart(PartKind::Imag), &[negated])
                }
            };
            let aval = operand_aval(cx, operand);
            results[slot] = Tangent::Value(unbroadcast(cx, part, &aval));
        }
        Ok(results)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_elementwise(cx, *self, operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        Ok(elementwise_nest(operands, &results[0], |b, x| b.binary(BinaryOp::Complex, x[0], x[1])))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for MakeComplex {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "complex").then_some(Ok(MakeComplex))
    }

    fn samples() -> Vec<Sample> {
        let sample = |re, im| Sample::new(MakeComplex, vec![re, im]).within(0.0);
        let mut samples = Vec::new();
        for dtype in [DType::F32, DType::F64] {
            let tensor = |shape: &[usize], values: &[f64]| Tensor::from_f64s(dtype, shape, values);
            samples.push(sample(tensor(&[5], &RE), tensor(&[5], &IM)));
            samples.push(sample(tensor(&[5], &RE), tensor(&[], &[2.0])));
            samples.push(sample(tensor(&[3, 1], &RE[..3]), tensor(&[1, 2], &IM[..2])));
            samples.push(sample(tensor(&[0], &[]), tensor(&[0], &[])));
        }
        samples
    }
}

impl Primitive for Conj {
    fn name(&self) -> &str {
        "conj"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        match operands[0].dtype.complex() {
            Some(dtype) => Ok(vec![operands[0].with_dtype(dtype)]),
            None => {
                let found = operands[0].dtype;
                Err(TypeError(format!("expected an operand of dtype f32, f64, c64 or c128, found {found}")))
            }
        }
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let result =
            self.infer(&[operands[0].aval().clone()]).expect("operands have the inferred types").remove(0);
        Ok(vec![eval_elementwise(result, operands, |x| match x[0] {
            Scalar::Complex(..) => x[0].number().conj().into(),
            x => x.number().into(),
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear(cx, *self, primals, tangents)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let Some(ct) = cotangents[0].value() else { return Ok(zero_cotangents(cx, operands)) };
        let is_complex = operand_aval(cx, &operands[0]).dtype.is_complex();
        Ok(vec![Tangent::Value(match is_complex {
            true => cx.builder.emit_one(Conj, &[ct]),
            false => cx.builder.emit_one(ComplexPart(PartKind::Real), &[ct]),
        })])
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| (Op::from(*self), axis))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let dtype = results[0].dtype;
        Ok(elementwise_nest(operands, &results[0], |b, x| match operands[0].dtype.is_complex() {
            true => b.unary(UnaryOp::Conj, x[0]),
            false => b.convert(x[0], dtype),
        }))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Conj {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "conj").then_some(Ok(Conj))
    }

    fn samples() -> Vec<Sample> {
        let operands = [
            Tensor::from_parts(DType::C64, [5], &RE, &IM),
            Tensor::from_parts(DType::C128, [1, 5], &RE, &IM),
            Tensor::from_parts(DType::C64, [0], &[], &[]),
            Tensor::from_f64s(DType::F32, [5], &RE),
            Tensor::from_f64s(DType::F64, [], &[-1.5]),
        ];
        operands.map(|x| Sample::new(Conj, vec![x]).within(0.0)).into()
    }
}
