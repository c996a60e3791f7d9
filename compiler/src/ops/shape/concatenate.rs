//! `concatenate`: arrays one after the other along an axis.

use super::*;
use crate::ir::Params;
use crate::loops::{Affine, Index};
use crate::types::Shape;

/// Joins its operands along one axis, in order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Concatenate {
    pub axis: usize,
}

impl Concatenate {
    /// Where each operand starts along the axis, and, last, where the result ends.
    fn offsets<'a>(&self, shapes: impl Iterator<Item = &'a Shape>) -> Vec<usize> {
        let mut offsets = vec![0];
        for shape in shapes {
            offsets.push(offsets[offsets.len() - 1] + shape[self.axis]);
        }
        offsets
    }
}

impl Primitive for Concatenate {
    fn name(&self) -> &str {
        "concatenate"
    }

    fn params(&self) -> Params {
        Params::new().with("dimension", self.axis)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_alike(operands, Some(self.axis))?;
        expect_axes("dimension", &[self.axis], operands[0].rank())?;
        let extent = operands.iter().map(|aval| aval.shape[self.axis]).sum();
        let others = operands[0].shape.without(&[self.axis]);
        Ok(vec![operands[0].with_shape(others.inserted(self.axis, extent))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let avals: Vec<Aval> = operands.iter().map(|operand| operand.aval().clone()).collect();
        let result = self.infer(&avals).expect("operands have the inferred types").remove(0);
        Ok(vec![Tensor::from_fn(result, |index| {
            let mut source = index.to_vec();
            let mut candidates = operands.iter();
            loop {
                let operand = candidates.next().expect("the index is within the result");
                let extent = operand.shape()[self.axis];
                if source[self.axis] < extent {
                    return operand.get(&source);
                }
                source[self.axis] -= extent;
            }
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear_in_all(cx, self.clone(), primals, tangents)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let avals: Vec<Aval> = operands.iter().map(|operand| operand_aval(cx, operand)).collect();
        let offsets = self.offsets(avals.iter().map(|aval| &aval.shape));
        transpose_each(cx, &cotangents[0], operands, |b, ct, position, operand| {
            let shape = b.aval(ct).shape;
            b.emit_one(Slice::along(&shape, self.axis, offsets[position], operand.shape[self.axis]), &[ct])
        })
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let operands = batch_axes_first(cx, operands, dims);
        Ok(Batched::leading(cx.builder.emit_one(Concatenate { axis: self.axis + 1 }, &operands)))
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let result = BufferId(operands.len() as u32);
        let offsets = self.offsets(operands.iter().map(|aval| &aval.shape));
        let nest = |(slot, operand): (usize, &Aval)| {
            let load: Vec<Index> = (0..operand.rank()).map(Index::dim).collect();
            let mut store = load.clone();
            store[self.axis] = Index::affine(Affine::dim(self.axis).add_constant(offsets[slot] as i64));
            copy_nest(operand, BufferId(slot as u32), parallel_dims(&operand.shape), load, result, store)
        };
        let filled = operands.iter().enumerate().filter(|(_, operand)| operand.shape[self.axis] > 0);
        Ok(Lowering::Nests(filled.map(nest).collect()))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Concatenate {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "concatenate").then(|| Ok(Concatenate { axis: params.size("dimension")? }))
    }

    fn samples() -> Vec<Sample> {
        let cases: [(usize, &[&[usize]]); 6] = [
            (0, &[&[3]]),
            (0, &[&[2], &[0], &[5]]),
            (0, &[&[0], &[0]]),
            (1, &[&[2, 1], &[2, 3]]),
            (1, &[&[2, 3, 1], &[2, 1, 1], &[2, 7, 1]]),
            (0, &[&[1, 0], &[2, 0]]),
        ];
        cases.into_iter().flat_map(|(axis, shapes)| samples_over(Concatenate { axis }, shapes)).collect()
    }
}
