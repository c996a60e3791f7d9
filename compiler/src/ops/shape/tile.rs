//! `tile`: an array repeated as a whole along its axes.

use super::*;
use crate::ir::Params;
use crate::loops::{Affine, Dim, Index};
use crate::types::Shape;

/// Repeats the array `reps[axis]` times along each axis.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Tile {
    pub reps: Vec<usize>,
}

impl Tile {
    fn result_shape(&self, operand: &Shape) -> Shape {
        operand.extents().iter().zip(&self.reps).map(|(&extent, &count)| extent * count).collect()
    }

    /// (reps, extent) of every axis: a shape with as many elements as the result.
    fn interleaved(&self, operand: &Shape) -> Shape {
        operand.extents().iter().zip(&self.reps).flat_map(|(&extent, &count)| [count, extent]).collect()
    }
}

impl Primitive for Tile {
    fn name(&self) -> &str {
        "tile"
    }

    fn params(&self) -> Params {
        Params::new().with("reps", self.reps.as_slice())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_per_axis("reps", self.reps.len(), &operands[0])?;
        let mut extents = operands[0].shape.extents().iter().zip(&self.reps);
        if let Some((extent, count)) = extents.find(|(extent, count)| extent.checked_mul(**count).is_none()) {
            return Err(TypeError(format!("extent {extent} times {count} is too large")));
        }
        Ok(vec![operands[0].with_shape(self.result_shape(&operands[0].shape))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let operand = &operands[0];
        let result = operand.aval().with_shape(self.result_shape(operand.shape()));
        Ok(vec![eval_view(&result, operand, |index| {
            index.iter().zip(operand.shape().extents()).map(|(position, extent)| position % extent).collect()
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
        transpose_one(cx, cotangents, operands, |b, ct, operand| {
            let copies = b.reshape(ct, self.interleaved(&operand.shape));
            let axes: Vec<usize> = (0..operand.rank()).map(|axis| 2 * axis).collect();
            b.reduce_sum(copies, &axes)
        })
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| {
            (Tile { reps: inserted(&self.reps, axis, 1) }.into(), axis)
        })
    }

    /// One dim per repetition and one per axis: the store is affine where a load over result axes would divide.
    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let operand = &operands[0];
        let dims =
            self.interleaved(&operand.shape).extents().iter().map(|&extent| Dim::parallel(extent)).collect();
        let load = (0..operand.rank()).map(|axis| Index::dim(2 * axis + 1)).collect();
        let target = |axis: usize| {
            let start = Affine::dim(2 * axis).scale(operand.shape[axis] as i64);
            Index::affine(start.add(&Affine::dim(2 * axis + 1)))
        };
        let store = (0..operand.rank()).map(target).collect();
        Ok(Lowering::Nests(vec![copy_nest(operand, BufferId(0), dims, load, BufferId(1), store)]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Tile {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "tile").then(|| Ok(Tile { reps: params.sizes("reps")? }))
    }

    fn samples() -> Vec<Sample> {
        let cases: [(&[usize], &[usize]); 6] = [
            (&[], &[]),
            (&[3], &[1]),
            (&[3], &[2]),
            (&[2, 3], &[2, 5]),
            (&[1, 2], &[3, 0]),
            (&[0, 2], &[2, 1]),
        ];
        let sample =
            |(shape, reps): (&[usize], &[usize])| samples_over(Tile { reps: reps.to_vec() }, &[shape]);
        cases.into_iter().flat_map(sample).collect()
    }
}
