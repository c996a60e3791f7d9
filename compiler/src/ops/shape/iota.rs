//! `iota`: positions along an axis.

use super::*;
use crate::ir::Params;
use crate::types::{Literal, Shape};

/// An array whose elements are their position along one axis.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Iota {
    pub dtype: DType,
    pub shape: Shape,
    pub axis: usize,
}

impl Primitive for Iota {
    fn name(&self) -> &str {
        "iota"
    }

    fn params(&self) -> Params {
        let params = Params::new().with("dimension", self.axis).with("dtype", self.dtype);
        params.with("shape", self.shape.extents()).with("sharding", Value::None)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 0)?;
        expect_axes("dimension", &[self.axis], self.shape.rank())?;
        match self.dtype.kind() {
            Kind::Signed | Kind::Unsigned | Kind::Float | Kind::Complex => {
                Ok(vec![Aval::new(self.dtype, self.shape.clone())])
            }
            Kind::Bool | Kind::Key | Kind::Float0 => {
                Err(TypeError(format!("dtype: expected a number, found {}", self.dtype)))
            }
        }
    }

    fn eval(&self, _: &EvalCx, _: &[Tensor]) -> Rule<Vec<Tensor>> {
        let result = Aval::new(self.dtype, self.shape.clone());
        Ok(vec![Tensor::from_fn(result, |index| {
            Literal::from_i64(self.dtype, index[self.axis] as i64).value()
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, self.clone(), primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("it has no operands"))
    }

    fn batch(&self, _: &mut BatchCx, _: &[Atom], _: &[BatchDim]) -> Rule<Batched> {
        Err(NoRule::ByDesign("it has no operands"))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        Ok(elementwise_nest(operands, &results[0], |b, _| {
            let position = b.dim(self.axis);
            b.convert(position, self.dtype)
        }))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Iota {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "iota").then(|| {
            let (dtype, shape) = (params.dtype("dtype")?, params.sizes("shape")?.into());
            Ok(Iota { dtype, shape, axis: params.size("dimension")? })
        })
    }

    fn samples() -> Vec<Sample> {
        let cases: [(&[usize], usize); 5] = [(&[1], 0), (&[0], 0), (&[7], 0), (&[2, 3], 1), (&[2, 3, 5], 1)];
        let numbers = SAMPLE_DTYPES.into_iter().filter(|dtype| ![DType::Bool, DType::KeyFry].contains(dtype));
        let sample = |dtype: DType, (shape, axis): (&[usize], usize)| {
            Sample::new(Iota { dtype, shape: shape.into(), axis }, Vec::new())
        };
        let mut samples: Vec<Sample> =
            numbers.flat_map(|dtype| cases.map(|case| sample(dtype, case))).collect();
        // More positions than the type has values.
        samples.push(sample(DType::I8, (&[131], 0)));
        samples
    }
}
