//! `empty`: an array of which only the type matters.

use super::*;
use crate::ir::Params;
use crate::types::{Literal, Shape};

/// An array of no particular content: zeros. JAX's `empty2` is the one of rank 0.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Empty {
    pub dtype: DType,
    pub shape: Shape,
}

const NO_OPERANDS: NoRule = NoRule::ByDesign("it has no operands");

impl Primitive for Empty {
    fn name(&self) -> &str {
        "empty"
    }

    fn params(&self) -> Params {
        Params::new().with("dtype", self.dtype).with("shape", self.shape.extents())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 0)?;
        Ok(vec![Aval::new(self.dtype, self.shape.clone())])
    }

    fn eval(&self, _: &EvalCx, _: &[Tensor]) -> Rule<Vec<Tensor>> {
        Ok(vec![Tensor::splat(Literal::from_bits(self.dtype, 0), self.shape.clone())])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, self.clone(), primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NO_OPERANDS)
    }

    fn batch(&self, _: &mut BatchCx, _: &[Atom], _: &[BatchDim]) -> Rule<Batched> {
        Err(NO_OPERANDS)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        Ok(elementwise_nest(operands, &results[0], |b, _| b.literal(Literal::from_bits(self.dtype, 0))))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Empty {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        match name {
            "empty" => Some(params.dtype("dtype").and_then(|dtype| {
                let shape = params.sizes("shape")?.into();
                Ok(Empty { dtype, shape })
            })),
            "empty2" => Some(params.dtype("dtype").map(|dtype| Empty { dtype, shape: Shape::scalar() })),
            _ => None,
        }
    }

    fn samples() -> Vec<Sample> {
        let shapes: [&[usize]; 4] = [&[], &[1], &[2, 3], &[5, 0]];
        let of = |dtype: DType| {
            shapes.map(|shape| Sample::new(Empty { dtype, shape: shape.into() }, Vec::new()).within(0.0))
        };
        SAMPLE_DTYPES.into_iter().flat_map(of).collect()
    }
}
