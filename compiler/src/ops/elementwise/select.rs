//! Choosing among values: by a mask or an index, and by bounds.

use super::{BinaryKind, CompareKind, maximum};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params};
use crate::loops::{BinaryOp, BlockBuilder, Val};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Scalar, Tensor};

/// `select_n which case0 case1 ..`: the case that `which` names, element by element. A bool takes case 1 where it is
/// true; an integer below zero takes the first case, one beyond the end the last.
///
/// Operands broadcast implicitly; JAX only broadcasts a rank-0 `which`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Select;

/// `clamp low x high`: `min(max(x, low), high)`, NaN if any operand is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Clamp;

impl Primitive for Select {
    fn name(&self) -> &str {
        "select_n"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let [which, cases @ ..] = operands else {
            return Err(TypeError::new("expected an operand that selects and its cases, found none"));
        };
        if cases.is_empty() {
            return Err(TypeError::new("expected at least 1 case, found 0"));
        }
        expect_kind(which, &[Kind::Bool, Kind::Signed, Kind::Unsigned])?;
        if which.dtype == DType::Bool && cases.len() > 2 {
            return Err(TypeError(format!("a bool selects among at most 2 cases, found {}", cases.len())));
        }
        Ok(vec![Aval::new(expect_same_dtype(cases)?, expect_broadcast(operands)?)])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let avals: Vec<Aval> = operands.iter().map(|operand| operand.aval().clone()).collect();
        let result = self.infer(&avals).expect("operands have the inferred types").remove(0);
        let last = operands.len() as i128 - 2;
        Ok(vec![eval_elementwise(result, operands, |values| {
            let case = match values[0] {
                Scalar::Bool(x) => i128::from(x).min(last),
                which => which.int().clamp(0, last),
            };
            values[1 + case as usize]
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        if tangents.iter().all(Tangent::is_zero) {
            return locally_constant(cx, *self, primals);
        }
        let result = cx.builder.emit_one(*self, primals);
        let zero = cx.builder.constant_like(result, 0.0);
        let cases = tangents[1..].iter().map(|tangent| tangent.value().unwrap_or(zero));
        let operands: Vec<Atom> = std::iter::once(primals[0]).chain(cases).collect();
        let (tangent, shape) = (cx.builder.emit_one(*self, &operands), cx.builder.aval(result).shape);
        Ok(Duals::one(result, Tangent::Value(broadcast_to(cx.builder, tangent, &shape))))
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let which = operands[0].known().ok_or(NoRule::ByDesign("not linear in what selects"))?;
        let mut results = zero_cotangents(cx, operands);
        let Some(ct) = cotangents[0].value() else { return Ok(results) };
        let zero = cx.builder.constant_like(ct, 0.0);
        let cases = operands.len() - 1;
        for case in (0..cases).filter(|case| operands[1 + case].is_linear()) {
            let ct = match mask_of(cx.builder, which, case, cases) {
                Mask::Always => ct,
                Mask::Where(mask) => cx.builder.select(mask, ct, zero),
                Mask::WhereNot(mask) => cx.builder.select(mask, zero, ct),
            };
            let aval = operand_aval(cx, &operands[1 + case]);
            results[1 + case] = Tangent::Value(unbroadcast(cx, ct, &aval));
        }
        Ok(results)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_elementwise(cx, *self, operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        Ok(elementwise_nest(operands, &results[0], |b, x| select(b, x[0], &x[1..])))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Select {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "select_n").then_some(Ok(Select))
    }

    fn samples() -> Vec<Sample> {
        let sample = |operands: Vec<Tensor>| Sample::new(Select, operands).within(0.0);
        let mut samples = Vec::new();
        for dtype in [DType::F32, DType::F64, DType::BF16, DType::I8, DType::U64, DType::Bool, DType::C64] {
            let tensor = |shape: &[usize], values: &[f64]| Tensor::from_f64s(dtype, shape, values);
            let mask = |shape: &[usize], values: &[f64]| Tensor::from_f64s(DType::Bool, shape, values);
            let (xs, ys) = (tensor(&[3], &[1.0, 2.0, 3.0]), tensor(&[3], &[4.0, 0.0, -6.0]));
            samples.push(sample(vec![mask(&[3], &[1.0, 0.0, 1.0]), xs.clone(), ys.clone()]));
            samples.push(sample(vec![mask(&[], &[1.0]), xs.clone(), ys.clone()]));
            let index = Tensor::from_f64s(DType::I32, [3], &[1.0, -5.0, 7.0]);
            samples.push(sample(vec![index, xs.clone(), ys.clone(), tensor(&[3], &[7.0, 8.0, 9.0])]));
            samples.push(sample(vec![
                mask(&[2, 1], &[1.0, 0.0]),
                tensor(&[1, 3], &[1.0, 2.0, 3.0]),
                tensor(&[], &[5.0]),
            ]));
            samples.push(sample(vec![mask(&[0], &[]), tensor(&[0], &[]), tensor(&[0], &[])]));
        }
        let one_case =
            vec![Tensor::from_f64s(DType::Bool, [], &[1.0]), Tensor::from_f64s(DType::F32, [1], &[2.0])];
        samples.push(sample(one_case));
        samples
    }
}

impl Primitive for Clamp {
    fn name(&self) -> &str {
        "clamp"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 3)?;
        expect_kind(&operands[1], &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex])?;
        Ok(vec![Aval::new(expect_same_dtype(operands)?, expect_broadcast(operands)?)])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let avals: Vec<Aval> = operands.iter().map(|operand| operand.aval().clone()).collect();
        let result = self.infer(&avals).expect("operands have the inferred types").remove(0);
        Ok(vec![eval_elementwise(result, operands, |values| clamp(values[0], values[1], values[2]))])
    }

    /// `x` has a slope strictly between the bounds, the lower bound where it is above `x` and below the upper bound,
    /// the upper bound where it is below `x`.
    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        if tangents.iter().all(Tangent::is_zero) {
            return locally_constant(cx, *self, primals);
        }
        let result = cx.builder.emit_one(*self, primals);
        let b = &mut *cx.builder;
        let &[low, x, high] = primals else { unreachable!("the operands were inferred") };
        let zero = b.constant_like(result, 0.0);
        let mut tangent = None;
        for (slot, t) in tangents.iter().enumerate() {
            let Some(t) = t.value() else { continue };
            let mask = match slot {
                0 => both(b, (CompareKind::Gt, low, x), (CompareKind::Lt, low, high)),
                1 => both(b, (CompareKind::Gt, x, low), (CompareKind::Lt, x, high)),
                _ => b.compare(CompareKind::Lt, high, x),
            };
            let part = b.select(mask, t, zero);
            tangent = Some(tangent.map_or(part, |sum| b.add(sum, part)));
        }
        let (tangent, shape) = (tangent.expect("one tangent is not zero"), b.aval(result).shape);
        Ok(Duals::one(result, Tangent::Value(broadcast_to(b, tangent, &shape))))
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_elementwise(cx, *self, operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        Ok(elementwise_nest(operands, &results[0], |b, x| {
            let raised = b.binary(BinaryOp::Max, x[1], x[0]);
            b.binary(BinaryOp::Min, raised, x[2])
        }))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Clamp {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "clamp").then_some(Ok(Clamp))
    }

    fn samples() -> Vec<Sample> {
        let sample = |operands: Vec<Tensor>| Sample::new(Clamp, operands).within(0.0);
        let mut samples = Vec::new();
        for dtype in [DType::F32, DType::F64, DType::F16, DType::I32, DType::U8, DType::Bool] {
            let tensor = |shape: &[usize], values: &[f64]| Tensor::from_f64s(dtype, shape, values);
            let xs = tensor(&[5], &[0.0, 1.5, 3.0, 7.0, 100.0]);
            let (low, high) = (tensor(&[5], &[1.0; 5]), tensor(&[5], &[5.0, 2.0, 4.0, 0.0, 50.0]));
            samples.push(sample(vec![low, xs.clone(), high]));
            samples.push(sample(vec![tensor(&[], &[1.25]), xs, tensor(&[], &[6.0])]));
            samples.push(sample(vec![tensor(&[], &[1.0]), tensor(&[0], &[]), tensor(&[], &[6.0])]));
            samples.push(sample(vec![tensor(&[], &[1.0]), tensor(&[1], &[1.5]), tensor(&[], &[6.0])]));
            if dtype.is_float() {
                let (nan, inf) = (f64::NAN, f64::INFINITY);
                let (low, x) =
                    (tensor(&[5], &[0.0, nan, 0.0, 0.0, -inf]), tensor(&[5], &[nan, 1.0, 2.0, -0.0, inf]));
                samples.push(sample(vec![low, x, tensor(&[5], &[1.0, 2.0, nan, 1.0, inf])]).not_smooth());
            }
        }
        samples
    }
}

enum Mask {
    Always,
    Where(Atom),
    WhereNot(Atom),
}

/// Where `which` names this case.
fn mask_of(b: &mut Builder, which: Atom, case: usize, cases: usize) -> Mask {
    if cases == 1 {
        return Mask::Always;
    }
    if b.dtype(which) == DType::Bool {
        return if case == 1 { Mask::Where(which) } else { Mask::WhereNot(which) };
    }
    let position = b.constant_like(which, case as f64);
    let kind = match case {
        0 => CompareKind::Le,
        _ if case + 1 == cases => CompareKind::Ge,
        _ => CompareKind::Eq,
    };
    Mask::Where(b.compare(kind, which, position))
}

fn select(b: &mut BlockBuilder, which: Val, cases: &[Val]) -> Val {
    let (&last, others) = cases.split_last().expect("select has at least one case");
    if b.dtype(which) == DType::Bool {
        return others.first().map_or(last, |&first| b.select(which, last, first));
    }
    let dtype = b.dtype(which);
    others.iter().enumerate().rev().fold(last, |rest, (position, &case)| {
        let next = b.int(dtype, position as i64 + 1);
        let here = b.lt(which, next);
        b.select(here, case, rest)
    })
}

fn clamp(low: Scalar, x: Scalar, high: Scalar) -> Scalar {
    match (low, x, high) {
        (Scalar::Bool(low), Scalar::Bool(x), Scalar::Bool(high)) => Scalar::Bool((x | low) & high),
        (Scalar::Int(low), Scalar::Int(x), Scalar::Int(high)) => Scalar::Int(x.max(low).min(high)),
        (Scalar::Complex(..), Scalar::Complex(..), Scalar::Complex(..)) => {
            x.number().max(low.number()).min(high.number()).into()
        }
        (low, x, high) => {
            let raised = maximum(x.float(), low.float());
            Scalar::Float(-maximum(-raised, -high.float()))
        }
    }
}

type Condition = (CompareKind, Atom, Atom);

fn both(b: &mut Builder, first: Condition, second: Condition) -> Atom {
    let (first, second) = (b.compare(first.0, first.1, first.2), b.compare(second.0, second.1, second.2));
    b.binary(BinaryKind::And, first, second)
}
