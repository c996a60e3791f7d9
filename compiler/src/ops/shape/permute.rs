//! `transpose` and `rev`: reordering axes, and reversing the elements along axes.

use super::*;
use crate::ir::Params;
use crate::loops::{Affine, Index};
use crate::types::Shape;

/// Result axis `i` is operand axis `permutation[i]`. Its text name is `transpose`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PermuteAxes {
    pub permutation: Vec<usize>,
}

/// Reverses the order of elements along these axes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rev {
    pub axes: Vec<usize>,
}

/// The permutation that undoes this one.
pub(super) fn inverse(permutation: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; permutation.len()];
    permutation.iter().enumerate().for_each(|(position, &axis)| inverse[axis] = position);
    inverse
}

impl Primitive for PermuteAxes {
    fn name(&self) -> &str {
        "transpose"
    }

    fn params(&self) -> Params {
        Params::new().with("permutation", self.permutation.as_slice())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let operand = &operands[0];
        expect_per_axis("permutation", self.permutation.len(), operand)?;
        expect_axes("permutation", &self.permutation, operand.rank())?;
        Ok(vec![operand.with_shape(self.result_shape(&operand.shape))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let result = operands[0].aval().with_shape(self.result_shape(operands[0].shape()));
        let source = inverse(&self.permutation);
        Ok(vec![eval_view(&result, &operands[0], |index| source.iter().map(|&axis| index[axis]).collect())])
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
        transpose_one(cx, cotangents, operands, |b, ct, _| b.permute_axes(ct, &inverse(&self.permutation)))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| {
            let permutation = inserted(&bump_all(&self.permutation, axis), 0, axis);
            (PermuteAxes { permutation }.into(), 0)
        })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let indices = inverse(&self.permutation).into_iter().map(Index::dim).collect();
        Ok(Lowering::Nests(vec![view_nest(&operands[0], &results[0], indices)]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl PermuteAxes {
    fn result_shape(&self, operand: &Shape) -> Shape {
        self.permutation.iter().map(|&axis| operand[axis]).collect()
    }
}

impl Family for PermuteAxes {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "transpose").then(|| Ok(PermuteAxes { permutation: params.sizes("permutation")? }))
    }

    fn samples() -> Vec<Sample> {
        let cases: [(&[usize], &[usize]); 5] = [
            (&[], &[]),
            (&[2, 3], &[1, 0]),
            (&[2, 3, 5], &[2, 0, 1]),
            (&[7, 1, 2], &[0, 2, 1]),
            (&[0, 3], &[1, 0]),
        ];
        let sample = |(shape, permutation): (&[usize], &[usize])| {
            samples_over(PermuteAxes { permutation: permutation.to_vec() }, &[shape])
        };
        cases.into_iter().flat_map(sample).collect()
    }
}

impl Primitive for Rev {
    fn name(&self) -> &str {
        "rev"
    }

    fn params(&self) -> Params {
        Params::new().with("dimensions", self.axes.as_slice())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_axes("dimensions", &self.axes, operands[0].rank())?;
        Ok(vec![operands[0].clone()])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let operand = &operands[0];
        Ok(vec![eval_view(operand.aval(), operand, |index| {
            let mut source = index.to_vec();
            self.axes.iter().for_each(|&axis| source[axis] = operand.shape()[axis] - 1 - index[axis]);
            source
        })])
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
        transpose_one(cx, cotangents, operands, |b, ct, _| b.emit_one(self.clone(), &[ct]))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| (Rev { axes: bump_all(&self.axes, axis) }.into(), axis))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let last = |axis: usize| operands[0].shape[axis] as i64 - 1;
        let index = |axis: usize| match self.axes.contains(&axis) {
            true => Index::affine(Affine::dim(axis).scale(-1).add_constant(last(axis))),
            false => Index::dim(axis),
        };
        let indices = (0..operands[0].rank()).map(index).collect();
        Ok(Lowering::Nests(vec![view_nest(&operands[0], &results[0], indices)]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Rev {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "rev").then(|| Ok(Rev { axes: params.sizes("dimensions")? }))
    }

    fn samples() -> Vec<Sample> {
        let cases: [(&[usize], &[usize]); 5] =
            [(&[5], &[0]), (&[2, 3], &[]), (&[2, 3], &[1]), (&[2, 3, 1], &[2, 0]), (&[0, 3], &[0])];
        let sample =
            |(shape, axes): (&[usize], &[usize])| samples_over(Rev { axes: axes.to_vec() }, &[shape]);
        cases.into_iter().flat_map(sample).collect()
    }
}
