//! `broadcast_in_dim`: repeats an array along new axes and along axes of extent 1.

use super::*;
use crate::ir::Params;
use crate::loops::Index;
use crate::types::Shape;

/// Operand axis `i` becomes result axis `dims[i]`, stretched if its extent is 1; the other result axes are new.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BroadcastInDim {
    pub shape: Shape,
    pub dims: Vec<usize>,
}

impl BroadcastInDim {
    fn is_stretched(&self, operand: &Shape, axis: usize) -> bool {
        operand[axis] == 1 && self.shape[self.dims[axis]] != 1
    }
}

impl Primitive for BroadcastInDim {
    fn name(&self) -> &str {
        "broadcast_in_dim"
    }

    /// As JAX prints it, the shape is left to the binder.
    fn params(&self) -> Params {
        if self.dims.is_empty() {
            return Params::new();
        }
        Params::new().with("broadcast_dimensions", self.dims.as_slice())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let operand = &operands[0];
        expect_per_axis("broadcast_dimensions", self.dims.len(), operand)?;
        expect_axes("broadcast_dimensions", &self.dims, self.shape.rank())?;
        let fits = |axis: &usize| [1, self.shape[self.dims[*axis]]].contains(&operand.shape[*axis]);
        if let Some(axis) = (0..operand.rank()).find(|axis| !fits(axis)) {
            let (found, to) = (operand.shape[axis], self.dims[axis]);
            let expected = self.shape[to];
            return Err(TypeError(format!(
                "axis {axis} of {operand} becomes axis {to} of {}: expected extent 1 or {expected}, found {found}",
                self.shape
            )));
        }
        Ok(vec![operand.with_shape(self.shape.clone())])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let operand = operands[0].shape();
        let result = operands[0].aval().with_shape(self.shape.clone());
        let source =
            |axis: usize, index: &[usize]| if operand[axis] == 1 { 0 } else { index[self.dims[axis]] };
        Ok(vec![eval_view(&result, &operands[0], |index| {
            (0..operand.rank()).map(|axis| source(axis, index)).collect()
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear(cx, self.clone(), primals, tangents)
    }

    /// Sums over the new and the stretched axes.
    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        transpose_one(cx, cotangents, operands, |b, ct, operand| {
            let kept: Vec<usize> =
                (0..operand.rank()).filter(|&axis| !self.is_stretched(&operand.shape, axis)).collect();
            let kept_dims: Vec<usize> = kept.iter().map(|&axis| self.dims[axis]).collect();
            let summed: Vec<usize> =
                (0..self.shape.rank()).filter(|axis| !kept_dims.contains(axis)).collect();
            let sum = b.reduce_sum(ct, &summed);
            // The axes that are left follow the order of the result; the operand may have another one.
            let position = |dim: &usize| kept_dims.iter().filter(|&other| other < dim).count();
            let permutation: Vec<usize> = kept_dims.iter().map(position).collect();
            let sum = b.permute_axes(sum, &permutation);
            b.reshape(sum, operand.shape.clone())
        })
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let shape = self.shape.inserted(0, cx.extent);
        batch_one_operand(cx, operands, dims, |axis| {
            let dims = inserted(&bump_all(&self.dims, 0), axis, 0);
            (BroadcastInDim { shape, dims }.into(), 0)
        })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let operand = &operands[0].shape;
        let index = |axis: usize| match self.is_stretched(operand, axis) {
            true => Index::constant(0),
            false => Index::dim(self.dims[axis]),
        };
        let indices = (0..operand.rank()).map(index).collect();
        Ok(Lowering::Nests(vec![view_nest(&operands[0], &results[0], indices)]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for BroadcastInDim {
    fn parse(name: &str, params: &Params, results: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "broadcast_in_dim").then(|| {
            let shape = match results.first() {
                Some(Some(result)) => result.shape.clone(),
                Some(None) | None => params.sizes("shape")?.into(),
            };
            let dims = params
                .get("broadcast_dimensions")
                .map_or(Ok(Vec::new()), |_| params.sizes("broadcast_dimensions"));
            Ok(BroadcastInDim { shape, dims: dims? })
        })
    }

    fn samples() -> Vec<Sample> {
        let cases: [(&[usize], &[usize], &[usize]); 8] = [
            (&[], &[], &[]),
            (&[], &[2, 3], &[]),
            (&[3], &[2, 3], &[1]),
            (&[3], &[3, 2], &[0]),
            (&[1, 3], &[5, 3], &[0, 1]),
            (&[2, 3], &[3, 1, 2], &[2, 0]),
            (&[1], &[0, 2], &[0]),
            (&[7, 1], &[7, 1, 2], &[0, 1]),
        ];
        let sample = |(operand, shape, dims): (&[usize], &[usize], &[usize])| {
            samples_over(BroadcastInDim { shape: shape.into(), dims: dims.to_vec() }, &[operand])
        };
        cases.into_iter().flat_map(sample).collect()
    }
}
