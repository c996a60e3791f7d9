//! `stack` and `unstack`: joining arrays along a new axis, and taking an axis apart.

use super::*;
use crate::ir::Params;
use crate::loops::Index;

/// Joins its operands, all of one shape, along a new axis at this position of the result.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Stack {
    pub axis: usize,
}

/// One result per position along an axis, without that axis.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Unstack {
    pub axis: usize,
}

/// An index with a constant position at `axis`.
fn with_position(rank: usize, axis: usize, position: usize) -> Vec<Index> {
    inserted(&(0..rank).map(Index::dim).collect::<Vec<_>>(), axis, Index::constant(position as i64))
}

impl Primitive for Stack {
    fn name(&self) -> &str {
        "stack"
    }

    fn params(&self) -> Params {
        Params::new().with("axis", self.axis)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_alike(operands, None)?;
        expect_axes("axis", &[self.axis], operands[0].rank() + 1)?;
        Ok(vec![operands[0].with_shape(operands[0].shape.inserted(self.axis, operands.len()))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let operand = operands[0].aval();
        let result = operand.with_shape(operand.shape.inserted(self.axis, operands.len()));
        Ok(vec![Tensor::from_fn(result, |index| {
            let mut source = index.to_vec();
            let position = source.remove(self.axis);
            operands[position].get(&source)
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
        let Tangent::Value(ct) = &cotangents[0] else {
            return transpose_each(cx, &cotangents[0], operands, |_, ct, _, _| ct);
        };
        let parts = cx.builder.emit(Unstack { axis: self.axis }, &[*ct]);
        transpose_each(cx, &cotangents[0], operands, |_, _, position, _| parts[position])
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let operands = batch_axes_first(cx, operands, dims);
        Ok(Batched::leading(cx.builder.emit_one(Stack { axis: self.axis + 1 }, &operands)))
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let result = BufferId(operands.len() as u32);
        let nest = |(slot, operand): (usize, &Aval)| {
            let load = (0..operand.rank()).map(Index::dim).collect();
            let store = with_position(operand.rank(), self.axis, slot);
            copy_nest(operand, BufferId(slot as u32), parallel_dims(&operand.shape), load, result, store)
        };
        Ok(Lowering::Nests(operands.iter().enumerate().map(nest).collect()))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Stack {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "stack").then(|| Ok(Stack { axis: params.size("axis")? }))
    }

    fn samples() -> Vec<Sample> {
        let cases: [(usize, &[&[usize]]); 5] = [
            (0, &[&[]]),
            (0, &[&[], &[], &[]]),
            (1, &[&[3], &[3]]),
            (2, &[&[2, 3], &[2, 3]]),
            (0, &[&[0, 2], &[0, 2]]),
        ];
        cases.into_iter().flat_map(|(axis, shapes)| samples_over(Stack { axis }, shapes)).collect()
    }
}

impl Primitive for Unstack {
    fn name(&self) -> &str {
        "unstack"
    }

    fn params(&self) -> Params {
        Params::new().with("axis", self.axis)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let operand = &operands[0];
        expect_axes("axis", &[self.axis], operand.rank())?;
        Ok(vec![operand.with_shape(operand.shape.without(&[self.axis])); operand.shape[self.axis]])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let operand = &operands[0];
        let result = operand.aval().with_shape(operand.shape().without(&[self.axis]));
        let part =
            |position: usize| eval_view(&result, operand, |index| inserted(index, self.axis, position));
        Ok((0..operand.shape()[self.axis]).map(part).collect())
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
        transpose_many_results(cx, cotangents, operands, |b, cts| b.emit_one(Stack { axis: self.axis }, cts))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| {
            let own = bump(self.axis, axis);
            (Unstack { axis: own }.into(), axis - usize::from(own < axis))
        })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let nest = |(position, result): (usize, &Aval)| {
            let load = with_position(result.rank(), self.axis, position);
            let store = (0..result.rank()).map(Index::dim).collect();
            let target = BufferId(1 + position as u32);
            copy_nest(&operands[0], BufferId(0), parallel_dims(&result.shape), load, target, store)
        };
        Ok(Lowering::Nests(results.iter().enumerate().map(nest).collect()))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Unstack {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "unstack").then(|| Ok(Unstack { axis: params.size("axis")? }))
    }

    fn samples() -> Vec<Sample> {
        let cases: [(usize, &[usize]); 5] =
            [(0, &[3]), (1, &[2, 3]), (0, &[1, 5]), (0, &[0, 2]), (2, &[2, 0, 2])];
        cases.into_iter().flat_map(|(axis, shape)| samples_over(Unstack { axis }, &[shape])).collect()
    }
}
