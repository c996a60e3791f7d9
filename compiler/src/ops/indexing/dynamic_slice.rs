//! `dynamic_slice`: a window of fixed extents at a computed position.

use super::place::moved_index;
use super::{
    DimensionNumbers, DynamicUpdateSlice, Gather, Mode, expect_starts, linear_in, stacked_starts,
    starts_with_batch,
};
use crate::diag::TypeError;
use crate::ir::{Atom, Params};
use crate::loops::{Access, BlockBuilder, BufferId, Nest};
use crate::ops::rules::*;
use crate::ops::shape::inserted;
use crate::types::{Aval, Shape, Tensor};

/// Operands: the array, then one start per axis. A slice that would not fit is moved until it does.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DynamicSlice {
    pub sizes: Vec<usize>,
}

impl Primitive for DynamicSlice {
    fn name(&self) -> &str {
        "dynamic_slice"
    }

    fn params(&self) -> Params {
        Params::new().with("slice_sizes", self.sizes.as_slice())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let [operand, starts @ ..] = operands else {
            return Err(TypeError::new("expected an array and its start indices, found nothing"));
        };
        expect_starts(starts, operand)?;
        expect_fits("slice_sizes", &self.sizes, operand)?;
        Ok(vec![operand.with_shape(self.sizes.as_slice())])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (operand, starts) = (&operands[0], slice_start(operands[0].shape(), &self.sizes, &operands[1..]));
        let result = operand.aval().with_shape(self.sizes.as_slice());
        Ok(vec![Tensor::from_fn(result, |index| {
            operand.get(&index.iter().zip(&starts).map(|(at, start)| at + start).collect::<Vec<usize>>())
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear_in(cx, self.clone(), &[0], primals, tangents)
    }

    /// Puts the slice back among zeros.
    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let mut results = zero_cotangents(cx, operands);
        let (Some(ct), Operand::Linear(aval)) = (cotangents[0].value(), &operands[0]) else {
            return Ok(results);
        };
        let zeros = cx.builder.full(aval.dtype, &aval.shape, 0.0);
        let starts = operands[1..].iter().map(|start| start.known().expect("integers are never linear"));
        let operands: Vec<Atom> = [zeros, ct].into_iter().chain(starts).collect();
        results[0] = Tangent::Value(cx.builder.emit_one(DynamicUpdateSlice, &operands));
        Ok(results)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        if dims[1..].iter().all(|dim| *dim == BatchDim::NotMapped) {
            let axis = dims[0].axis().expect("at least one dim is mapped");
            let starts = starts_with_batch(cx, &operands[1..], axis);
            let slice = DynamicSlice { sizes: inserted(&self.sizes, axis, cx.extent) };
            let value = cx.builder.emit_one(slice, &[&operands[..1], &starts].concat());
            return Ok(Batched { values: vec![value], dims: vec![BatchDim::Axis(axis)] });
        }
        let axes: Vec<usize> = (0..self.sizes.len()).collect();
        let gather = Gather {
            numbers: DimensionNumbers { window_axes: axes.clone(), index_map: axes, ..Default::default() },
            slice_sizes: self.sizes.clone(),
            mode: Mode::Clip,
            fill: None,
            indices_are_sorted: true,
            unique_indices: true,
        };
        let indices = stacked_starts(cx, &operands[1..], &dims[1..]);
        gather.batch(cx, &[operands[0], indices], &[dims[0], BatchDim::Axis(0)])
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let (operand, rank) = (&operands[0], operands[0].rank());
        let mut nest = Nest::new(parallel_dims(&results[0].shape));
        let mut b = BlockBuilder::new();
        let index = |axis: usize| {
            let last = operand.shape[axis] - self.sizes[axis];
            moved_index(&mut b, BufferId(1 + axis as u32), operands[1 + axis].dtype, last, axis)
        };
        let indices = (0..rank).map(index).collect();
        let value = b.load(Access::new(BufferId(0), indices), operand.dtype);
        nest.stores.push(identity_store(BufferId(operands.len() as u32), rank, value));
        nest.block = b.finish();
        Ok(Lowering::Nests(vec![nest]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for DynamicSlice {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "dynamic_slice").then(|| Ok(DynamicSlice { sizes: params.sizes("slice_sizes")? }))
    }

    fn samples() -> Vec<Sample> {
        super::samples::dynamic_slices()
    }
}

/// Errors: TypeError unless there is one extent per axis of the operand, no larger than the operand's.
pub(super) fn expect_fits(what: &str, sizes: &[usize], operand: &Aval) -> Result<(), TypeError> {
    let fits = sizes.iter().zip(operand.shape.extents()).all(|(size, extent)| size <= extent);
    if sizes.len() == operand.rank() && fits {
        return Ok(());
    }
    let sizes = Shape::from(sizes);
    Err(TypeError(format!("{what}: expected one per axis of {operand}, no larger than it, found {sizes}")))
}

/// Where a slice of these sizes begins, for `eval`.
pub(super) fn slice_start(operand: &Shape, sizes: &[usize], starts: &[Tensor]) -> Vec<usize> {
    let start = |(axis, start): (usize, &Tensor)| {
        let last = (operand[axis] - sizes[axis]) as i128;
        start.at(0).int().clamp(0, last) as usize
    };
    starts.iter().enumerate().map(start).collect()
}
