//! Products that are computed in a wider type than that of the operands.

use super::{Binary, BinaryKind, Convert};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params, Value};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Tensor};

/// `mul[out_dtype=..]`: converts both operands, then multiplies. The operands may have different dtypes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct WideMul {
    pub dtype: DType,
}

impl Primitive for WideMul {
    fn name(&self) -> &str {
        "mul"
    }

    fn params(&self) -> Params {
        Params::new().with("out_dtype", self.dtype)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        let result = Aval::new(self.dtype, expect_broadcast(operands)?);
        for aval in operands.iter().chain([&result]) {
            expect_kind(aval, &[Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex])?;
        }
        Ok(vec![result])
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let convert = Convert { dtype: self.dtype };
        let x = convert.eval(cx, &operands[..1])?;
        let y = convert.eval(cx, &operands[1..])?;
        Binary(BinaryKind::Mul).eval(cx, &[x, y].concat())
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let (x, y) = (self.converted(cx, primals, tangents, 0)?, self.converted(cx, primals, tangents, 1)?);
        let tangents = [x.tangents, y.tangents].concat();
        Binary(BinaryKind::Mul).jvp(cx, &[x.primals, y.primals].concat(), &tangents)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let mut results = zero_cotangents(cx, operands);
        let Some(ct) = cotangents[0].value() else { return Ok(results) };
        for slot in (0..2).filter(|&slot| operands[slot].is_linear()) {
            let other = operands[1 - slot].known().ok_or(NoRule::ByDesign("not linear"))?;
            let aval = operand_aval(cx, &operands[slot]);
            let other = cx.builder.convert(other, self.dtype);
            let ct = cx.builder.mul(ct, other);
            let ct = unbroadcast(cx, ct, &aval);
            results[slot] = Tangent::Value(cx.builder.convert(ct, aval.dtype));
        }
        Ok(results)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_elementwise(cx, *self, operands, dims)
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let mut builder = Builder::new();
        let factors: Vec<Atom> = operands.iter().map(|aval| builder.input(aval.clone()).into()).collect();
        let [x, y] = [0, 1].map(|slot| builder.convert(factors[slot], self.dtype));
        let product = builder.mul(x, y);
        Ok(Lowering::Expand(builder.finish(vec![product])))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for WideMul {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let text = match params.get("out_dtype").filter(|_| name == "mul")? {
            Value::Name(text) | Value::Str(text) | Value::Opaque(text) => text,
            other => {
                return Some(Err(TypeError(format!("parameter out_dtype: expected a dtype, found {other}"))));
            }
        };
        // JAX prints a dtype or the class that stands for it: `<class 'jax.numpy.float32'>`.
        let name = text.trim_end_matches("'>").rsplit(['.', '\'']).next().unwrap_or(text);
        let dtype = DType::from_long_name(name).or_else(|| DType::from_short_name(name));
        let error = || TypeError(format!("parameter out_dtype: expected a dtype, found {text}"));
        Some(dtype.map(|dtype| WideMul { dtype }).ok_or_else(error))
    }

    fn samples() -> Vec<Sample> {
        let f32s = Tensor::from_f64s(DType::F32, [3], &[1.5, -2.0, 0.25]);
        let bf16s = Tensor::from_f64s(DType::BF16, [3], &[1.5, -2.0, 0.25]);
        let bytes = Tensor::from_f64s(DType::I8, [3], &[100.0, -100.0, 3.0]);
        vec![
            Sample::new(WideMul { dtype: DType::F64 }, vec![f32s.clone(), f32s]),
            Sample::new(WideMul { dtype: DType::F32 }, vec![bf16s, bytes.clone()]),
            Sample::new(
                WideMul { dtype: DType::I32 },
                vec![bytes, Tensor::from_f64s(DType::I8, [], &[100.0])],
            ),
        ]
    }
}

impl WideMul {
    fn converted(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent], slot: usize) -> Rule<Duals> {
        let (primal, tangent) = (&primals[slot..=slot], &tangents[slot..=slot]);
        Convert { dtype: self.dtype }.jvp(cx, primal, tangent)
    }
}
