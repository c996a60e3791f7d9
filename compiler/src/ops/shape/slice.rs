//! `slice`: every `stride`-th element between two bounds, along each axis.

use super::*;
use crate::ir::Params;
use crate::loops::{Affine, Index};
use crate::types::Shape;

/// Along axis `a`, the elements at `starts[a]`, `starts[a] + strides[a]`, .. below `limits[a]`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Slice {
    pub starts: Vec<usize>,
    pub limits: Vec<usize>,
    pub strides: Vec<usize>,
}

impl Slice {
    /// The slice of consecutive elements `start..start + extent` along one axis.
    pub fn along(shape: &Shape, axis: usize, start: usize, extent: usize) -> Self {
        let (mut starts, mut limits) = (vec![0; shape.rank()], shape.extents().to_vec());
        (starts[axis], limits[axis]) = (start, start + extent);
        Slice { starts, limits, strides: vec![1; shape.rank()] }
    }

    fn result_shape(&self) -> Shape {
        (0..self.starts.len())
            .map(|axis| (self.limits[axis] - self.starts[axis]).div_ceil(self.strides[axis]))
            .collect()
    }
}

impl Primitive for Slice {
    fn name(&self) -> &str {
        "slice"
    }

    fn params(&self) -> Params {
        let is_dense = self.strides.iter().all(|&stride| stride == 1);
        let params = Params::new().with("limit_indices", self.limits.as_slice());
        let params = params.with("start_indices", self.starts.as_slice());
        params.with("strides", (!is_dense).then_some(self.strides.as_slice()))
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let operand = &operands[0];
        expect_per_axis("start_indices", self.starts.len(), operand)?;
        expect_per_axis("limit_indices", self.limits.len(), operand)?;
        expect_per_axis("strides", self.strides.len(), operand)?;
        for (axis, &extent) in operand.shape.extents().iter().enumerate() {
            let (start, limit) = (self.starts[axis], self.limits[axis]);
            if start > limit || limit > extent {
                let expected = format!("expected 0 <= start <= limit <= {extent}");
                return Err(TypeError(format!(
                    "axis {axis}: {expected}, found start {start} and limit {limit}"
                )));
            }
            if self.strides[axis] == 0 {
                return Err(TypeError(format!("axis {axis}: expected a positive stride, found 0")));
            }
        }
        Ok(vec![operand.with_shape(self.result_shape())])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let result = operands[0].aval().with_shape(self.result_shape());
        let source = |axis: usize, position: usize| self.starts[axis] + position * self.strides[axis];
        Ok(vec![eval_view(&result, &operands[0], |index| {
            index.iter().enumerate().map(|(axis, &position)| source(axis, position)).collect()
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear(cx, self.clone(), primals, tangents)
    }

    /// Puts the elements back where they were, among zeros.
    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        transpose_one(cx, cotangents, operands, |b, ct, operand| {
            let result = self.result_shape();
            let config = |axis: usize| {
                let (low, interior) = (self.starts[axis] as i64, self.strides[axis] as i64 - 1);
                let spread = dilated(result[axis], interior);
                (low, operand.shape[axis] as i64 - low - spread, interior)
            };
            let config = (0..result.rank()).map(config).collect();
            let zero = b.constant_like(ct, 0.0);
            b.emit_one(Pad { config }, &[ct, zero])
        })
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let extent = cx.extent;
        batch_one_operand(cx, operands, dims, |axis| {
            let (starts, limits) = (inserted(&self.starts, axis, 0), inserted(&self.limits, axis, extent));
            (Slice { starts, limits, strides: inserted(&self.strides, axis, 1) }.into(), axis)
        })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let index = |axis: usize| {
            let affine = Affine::dim(axis).scale(self.strides[axis] as i64);
            Index::affine(affine.add_constant(self.starts[axis] as i64))
        };
        let indices = (0..operands[0].rank()).map(index).collect();
        Ok(Lowering::Nests(vec![view_nest(&operands[0], &results[0], indices)]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Slice {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "slice").then(|| {
            let starts = params.sizes("start_indices")?;
            let dense = || Ok(vec![1; starts.len()]);
            let strides = params.get("strides").map_or_else(dense, |_| params.sizes("strides"))?;
            Ok(Slice { limits: params.sizes("limit_indices")?, strides, starts })
        })
    }

    fn samples() -> Vec<Sample> {
        let cases: [(&[usize], [&[usize]; 3]); 7] = [
            (&[], [&[], &[], &[]]),
            (&[7], [&[2], &[5], &[1]]),
            (&[7], [&[1], &[7], &[3]]),
            (&[7], [&[0], &[7], &[9]]),
            (&[3, 5], [&[1, 0], &[3, 5], &[1, 2]]),
            (&[3, 5], [&[3, 2], &[3, 2], &[1, 4]]),
            (&[0, 2], [&[0, 1], &[0, 2], &[1, 1]]),
        ];
        let sample = |(shape, [starts, limits, strides]): (&[usize], [&[usize]; 3])| {
            let op = Slice { starts: starts.to_vec(), limits: limits.to_vec(), strides: strides.to_vec() };
            samples_over(op, &[shape])
        };
        cases.into_iter().flat_map(sample).collect()
    }
}
