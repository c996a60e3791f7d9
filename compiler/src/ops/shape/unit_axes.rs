//! `squeeze` and `expand_dims`: removing and inserting axes of extent 1.

use super::*;
use crate::ir::Params;
use crate::loops::Index;
use crate::types::Shape;

/// Removes these axes, all of extent 1.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Squeeze {
    pub axes: Vec<usize>,
}

/// Inserts axes of extent 1 at these positions of the result. JAX writes it as a `broadcast_in_dim`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ExpandDims {
    pub axes: Vec<usize>,
}

impl Primitive for Squeeze {
    fn name(&self) -> &str {
        "squeeze"
    }

    fn params(&self) -> Params {
        Params::new().with("dimensions", self.axes.as_slice())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let operand = &operands[0];
        expect_axes("dimensions", &self.axes, operand.rank())?;
        if let Some(&axis) = self.axes.iter().find(|&&axis| operand.shape[axis] != 1) {
            let found = operand.shape[axis];
            return Err(TypeError(format!("axis {axis} of {operand}: expected extent 1, found {found}")));
        }
        Ok(vec![operand.with_shape(operand.shape.without(&self.axes))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let operand = operands[0].aval();
        Ok(vec![same_bytes(&operands[0], operand.shape.without(&self.axes))])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear(cx, self.clone(), primals, tangents)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        transpose_one(cx, cotangents, operands, |b, ct, _| b.expand_dims(ct, &self.axes))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| {
            let axes = bump_all(&self.axes, axis);
            let removed_before = axes.iter().filter(|&&removed| removed < axis).count();
            (Squeeze { axes }.into(), axis - removed_before)
        })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let mut next = 0..results[0].rank();
        let index = |axis: usize| match self.axes.contains(&axis) {
            true => Index::constant(0),
            false => Index::dim(next.next().expect("the result has the axes that stay")),
        };
        let indices = (0..operands[0].rank()).map(index).collect();
        Ok(Lowering::Reinterpret(Some(view_nest(&operands[0], &results[0], indices))))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Squeeze {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "squeeze").then(|| Ok(Squeeze { axes: params.sizes("dimensions")? }))
    }

    fn samples() -> Vec<Sample> {
        let cases: [(&[usize], &[usize]); 5] =
            [(&[3], &[]), (&[1], &[0]), (&[1, 3, 1], &[2, 0]), (&[2, 1, 3], &[1]), (&[0, 1], &[1])];
        let sample =
            |(shape, axes): (&[usize], &[usize])| samples_over(Squeeze { axes: axes.to_vec() }, &[shape]);
        cases.into_iter().flat_map(sample).collect()
    }
}

impl ExpandDims {
    /// The positions in the result of the axes that the operand has.
    fn kept(&self, operand_rank: usize) -> Vec<usize> {
        (0..operand_rank + self.axes.len()).filter(|axis| !self.axes.contains(axis)).collect()
    }

    fn result_shape(&self, operand: &Shape) -> Shape {
        let mut extents = operand.extents().iter();
        let extent = |axis: usize| match self.axes.contains(&axis) {
            true => 1,
            false => *extents.next().expect("the axes are distinct and below the result's rank"),
        };
        (0..operand.rank() + self.axes.len()).map(extent).collect()
    }
}

impl Primitive for ExpandDims {
    fn name(&self) -> &str {
        "expand_dims"
    }

    fn params(&self) -> Params {
        Params::new().with("dimensions", self.axes.as_slice())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_axes("dimensions", &self.axes, operands[0].rank() + self.axes.len())?;
        Ok(vec![operands[0].with_shape(self.result_shape(&operands[0].shape))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        Ok(vec![same_bytes(&operands[0], self.result_shape(operands[0].shape()))])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear(cx, self.clone(), primals, tangents)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        transpose_one(cx, cotangents, operands, |b, ct, _| {
            b.emit_one(Squeeze { axes: self.axes.clone() }, &[ct])
        })
    }

    /// The batch axis stays before the axis that it precedes.
    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let operand_rank = cx.builder.aval(operands[0]).rank() - 1;
        batch_one_operand(cx, operands, dims, |axis| {
            let end = operand_rank + self.axes.len();
            let result_axis = self.kept(operand_rank).get(axis).copied().unwrap_or(end);
            (ExpandDims { axes: bump_all(&self.axes, result_axis) }.into(), result_axis)
        })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let indices = self.kept(operands[0].rank()).into_iter().map(Index::dim).collect();
        Ok(Lowering::Reinterpret(Some(view_nest(&operands[0], &results[0], indices))))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for ExpandDims {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "expand_dims").then(|| Ok(ExpandDims { axes: params.sizes("dimensions")? }))
    }

    fn samples() -> Vec<Sample> {
        let cases: [(&[usize], &[usize]); 5] =
            [(&[], &[0]), (&[3], &[]), (&[3], &[0, 2]), (&[2, 3], &[1, 3]), (&[0], &[1])];
        let sample =
            |(shape, axes): (&[usize], &[usize])| samples_over(ExpandDims { axes: axes.to_vec() }, &[shape]);
        cases.into_iter().flat_map(sample).collect()
    }
}
