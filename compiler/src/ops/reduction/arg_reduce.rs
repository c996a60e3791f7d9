//! Positions of extrema: `argmax` and `argmin`.

use super::reduce::extreme;
use super::{batched_axes, expect_axes, folded_dtype, load_element, reduction_dims};
use crate::diag::TypeError;
use crate::ir::{Atom, Params};
use crate::loops::{Block, BlockBuilder, BufferId, Combine, CompareOp, Nest, Reduction};
use crate::ops::Op;
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Scalar, Shape, Tensor};
use std::cmp::Ordering;

/// The position of the greatest or least element along an axis: the first of equals, and of NaNs, which count as
/// extreme.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ArgReduce {
    /// Is it `argmax`? Else `argmin`.
    pub max: bool,
    pub axis: usize,
    pub index_dtype: DType,
}

impl Primitive for ArgReduce {
    fn name(&self) -> &str {
        if self.max { "argmax" } else { "argmin" }
    }

    fn params(&self) -> Params {
        Params::new().with("axes", [self.axis].as_slice()).with("index_dtype", self.index_dtype)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_kind(&operands[0], &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float])?;
        expect_axes(&operands[0], &[self.axis])?;
        if !self.index_dtype.is_integer() {
            return Err(TypeError(format!("expected an integer index dtype, found {}", self.index_dtype)));
        }
        if operands[0].shape[self.axis] == 0 {
            return Err(TypeError(format!("expected elements along axis {}, found none", self.axis)));
        }
        Ok(vec![Aval::new(self.index_dtype, operands[0].shape.without(&[self.axis]))])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let operand = &operands[0];
        let result = Aval::new(self.index_dtype, operand.shape().without(&[self.axis]));
        Ok(vec![Tensor::from_fn(result, |index| {
            let at = |position: usize| {
                let index = Shape::from(index).inserted(self.axis, position);
                operand.get(index.extents())
            };
            let beats = |x: Scalar, y: Scalar| {
                let order = extremeness(x, y);
                if self.max || is_nan(x) || is_nan(y) { order.is_gt() } else { order.is_lt() }
            };
            let later = 1..operand.shape()[self.axis];
            let best = later.fold(0, |best, next| if beats(at(next), at(best)) { next } else { best });
            Scalar::Int(best as i128).rounded(self.index_dtype)
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, *self, primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |batch| {
            let (axes, result_axis) = batched_axes(&[self.axis], batch);
            (Op::from(ArgReduce { axis: axes[0], ..*self }), result_axis)
        })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let (operand, axes) = (&operands[0], [self.axis]);
        let mut nest = Nest::new(reduction_dims(operand, &axes));
        let mut b = BlockBuilder::new();
        let value = load_element(&mut b, operand, &axes);
        // Truth values have no order in the machine subset.
        let folded = if operand.dtype == DType::Bool { DType::U8 } else { folded_dtype(operand.dtype) };
        let value = b.convert(value, folded);
        let position = b.dim(nest.dims.len() - 1);
        let inits = vec![b.literal(extreme(folded, !self.max)), b.int(DType::I64, 0)];
        let combine = Combine::Block(self.merge(folded));
        nest.reductions.push(Reduction { combine, inits, values: vec![value, position] });
        let position = b.reduced(0, 1, DType::I64);
        let position = b.convert(position, self.index_dtype);
        nest.stores.push(identity_store(BufferId(1), results[0].rank(), position));
        nest.block = b.finish();
        Ok(Lowering::Nests(vec![nest]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl ArgReduce {
    /// Merges two (value, position) pairs, in whatever order they come.
    fn merge(&self, dtype: DType) -> Block {
        let mut b = BlockBuilder::new();
        let (best, best_at) = (b.param(dtype), b.param(DType::I64));
        let (next, next_at) = (b.param(dtype), b.param(DType::I64));
        let mut better = b.compare(if self.max { CompareOp::Gt } else { CompareOp::Lt }, next, best);
        let mut equal = b.eq(next, best);
        if dtype.is_float() {
            let (next_nan, best_nan) = (b.ne(next, next), b.ne(best, best));
            let best_number = b.not(best_nan);
            let (first_nan, both_nan) = (b.and(next_nan, best_number), b.and(next_nan, best_nan));
            better = b.or(better, first_nan);
            equal = b.or(equal, both_nan);
        }
        let earlier = b.lt(next_at, best_at);
        let wins_tie = b.and(equal, earlier);
        let wins = b.or(better, wins_tie);
        let (value, position) = (b.select(wins, next, best), b.select(wins, next_at, best_at));
        b.finish_with(vec![value, position])
    }
}

impl Family for ArgReduce {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let max = match name {
            "argmax" => true,
            "argmin" => false,
            _ => return None,
        };
        Some(parse_params(params).map(|(axis, index_dtype)| ArgReduce { max, axis, index_dtype }))
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        let dtypes = [DType::F32, DType::F64, DType::F16, DType::BF16, DType::I8, DType::U64, DType::Bool];
        for (max, dtype) in [true, false].into_iter().flat_map(|max| dtypes.map(|dtype| (max, dtype))) {
            let mut push = |index_dtype, shape: &[usize], axis, values: &[f64]| {
                let x = Tensor::from_f64s(dtype, shape, values);
                samples.push(
                    Sample::new(ArgReduce { max, axis, index_dtype }, vec![x]).not_smooth().within(0.0),
                );
            };
            let values: Vec<f64> = (0..30).map(|i| f64::from((i * 7) % 11)).collect();
            push(DType::I32, &[2, 3, 5], 1, &values);
            push(DType::I64, &[30], 0, &values);
            push(DType::U8, &[3, 1], 1, &values[..3]);
            push(DType::I32, &[0, 2], 1, &[]);
            if dtype.is_float() {
                let (nan, inf) = (f64::NAN, f64::INFINITY);
                push(DType::I32, &[4, 3], 1, &[1., nan, nan, -inf, -inf, -inf, inf, inf, inf, -0., 0., 0.]);
            }
        }
        samples
    }
}

fn parse_params(params: &Params) -> Result<(usize, DType), TypeError> {
    match params.sizes("axes")?.as_slice() {
        [axis] => Ok((*axis, params.dtype("index_dtype")?)),
        axes => Err(TypeError(format!("parameter axes: expected one axis, found {}", axes.len()))),
    }
}

/// Orders elements; NaN is above everything and equal to itself, and the zeros are equal.
fn extremeness(x: Scalar, y: Scalar) -> Ordering {
    match (x, y) {
        (Scalar::Bool(x), Scalar::Bool(y)) => x.cmp(&y),
        (Scalar::Int(x), Scalar::Int(y)) => x.cmp(&y),
        (x, y) => x.float().partial_cmp(&y.float()).unwrap_or_else(|| is_nan(x).cmp(&is_nan(y))),
    }
}

fn is_nan(x: Scalar) -> bool {
    matches!(x, Scalar::Float(x) if x.is_nan())
}
