//! `split`: an array cut into pieces along an axis.

use super::*;
use crate::ir::Params;
use crate::loops::{Affine, Index};

/// Cuts its operand along one axis into consecutive pieces of these sizes, one result each.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Split {
    pub axis: usize,
    pub sizes: Vec<usize>,
}

impl Split {
    /// Where each piece starts along the axis.
    fn offsets(&self) -> impl Iterator<Item = usize> + '_ {
        self.sizes.iter().scan(0, |end, &size| {
            let start = *end;
            *end += size;
            Some(start)
        })
    }

    fn results(&self, operand: &Aval) -> Vec<Aval> {
        let others = operand.shape.without(&[self.axis]);
        self.sizes.iter().map(|&size| operand.with_shape(others.inserted(self.axis, size))).collect()
    }
}

impl Primitive for Split {
    fn name(&self) -> &str {
        "split"
    }

    fn params(&self) -> Params {
        Params::new().with("axis", self.axis).with("sizes", self.sizes.as_slice())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let operand = &operands[0];
        expect_axes("axis", &[self.axis], operand.rank())?;
        let (found, expected) = (
            self.sizes.iter().fold(0, |sum: usize, &size| sum.saturating_add(size)),
            operand.shape[self.axis],
        );
        if found != expected {
            let axis = self.axis;
            return Err(TypeError(format!(
                "sizes: expected a sum of {expected} (axis {axis} of {operand}), found {found}"
            )));
        }
        Ok(self.results(operand))
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let pieces = self.results(operands[0].aval()).into_iter().zip(self.offsets());
        let piece = |(result, offset): (Aval, usize)| {
            eval_view(&result, &operands[0], |index| {
                let mut source = index.to_vec();
                source[self.axis] += offset;
                source
            })
        };
        Ok(pieces.map(piece).collect())
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
        transpose_many_results(cx, cotangents, operands, |b, cts| {
            b.emit_one(Concatenate { axis: self.axis }, cts)
        })
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| {
            (Split { axis: bump(self.axis, axis), sizes: self.sizes.clone() }.into(), axis)
        })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let nest = |((piece, result), offset): ((usize, &Aval), usize)| {
            let store: Vec<Index> = (0..result.rank()).map(Index::dim).collect();
            let mut load = store.clone();
            load[self.axis] = Index::affine(Affine::dim(self.axis).add_constant(offset as i64));
            let target = BufferId(1 + piece as u32);
            copy_nest(&operands[0], BufferId(0), parallel_dims(&result.shape), load, target, store)
        };
        Ok(Lowering::Nests(results.iter().enumerate().zip(self.offsets()).map(nest).collect()))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Split {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "split").then(|| Ok(Split { axis: params.size("axis")?, sizes: params.sizes("sizes")? }))
    }

    fn samples() -> Vec<Sample> {
        let cases: [(&[usize], usize, &[usize]); 5] = [
            (&[3], 0, &[3]),
            (&[7], 0, &[2, 0, 5]),
            (&[2, 3], 1, &[1, 2]),
            (&[5, 2, 1], 0, &[1, 4]),
            (&[2, 0], 0, &[1, 1]),
        ];
        let sample = |(shape, axis, sizes): (&[usize], usize, &[usize])| {
            samples_over(Split { axis, sizes: sizes.to_vec() }, &[shape])
        };
        cases.into_iter().flat_map(sample).collect()
    }
}
