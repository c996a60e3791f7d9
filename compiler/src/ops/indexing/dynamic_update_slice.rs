//! `dynamic_update_slice`: an array with a window of it replaced, at a computed position.

use super::dynamic_slice::{expect_fits, slice_start};
use super::place::moved_index;
use super::scatter::copy_nest;
use super::{
    DimensionNumbers, DynamicSlice, Mode, Scatter, ScatterKind, expect_starts, linear_in, stacked_starts,
    starts_with_batch,
};
use crate::diag::TypeError;
use crate::ir::{Atom, Params};
use crate::loops::{Access, BlockBuilder, BufferId, Index, Nest, Store};
use crate::ops::rules::*;
use crate::ops::shape::batch_axes_first;
use crate::types::{Aval, Tensor};

/// Operands: the array, what replaces a window of it, then one start per axis. A window that would not fit is moved
/// until it does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DynamicUpdateSlice;

impl Primitive for DynamicUpdateSlice {
    fn name(&self) -> &str {
        "dynamic_update_slice"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let [operand, update, starts @ ..] = operands else {
            return Err(TypeError(format!(
                "expected an array, its update and start indices, found {} operands",
                operands.len()
            )));
        };
        expect_same_dtype(&operands[..2])?;
        expect_starts(starts, operand)?;
        expect_fits("extents of the update", update.shape.extents(), operand)?;
        Ok(vec![operand.clone()])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (operand, update) = (&operands[0], &operands[1]);
        let starts = slice_start(operand.shape(), update.shape().extents(), &operands[2..]);
        Ok(vec![Tensor::from_fn(operand.aval().clone(), |index| {
            let own = |(axis, &at): (usize, &usize)| {
                at.checked_sub(starts[axis]).filter(|&own| own < update.shape()[axis])
            };
            match index.iter().enumerate().map(own).collect::<Option<Vec<usize>>>() {
                Some(own) => update.get(&own),
                None => operand.get(index),
            }
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear_in(cx, *self, &[0, 1], primals, tangents)
    }

    /// The array's cotangent has zeros in the window, the update's is what stands there.
    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let mut results = zero_cotangents(cx, operands);
        let Some(ct) = cotangents[0].value() else { return Ok(results) };
        let update = operand_aval(cx, &operands[1]);
        let starts: Vec<Atom> =
            operands[2..].iter().map(|start| start.known().expect("integers are never linear")).collect();
        if operands[0].is_linear() {
            let zeros = cx.builder.full(update.dtype, &update.shape, 0.0);
            let cut = cx.builder.emit_one(*self, &[&[ct, zeros], starts.as_slice()].concat());
            results[0] = Tangent::Value(cut);
        }
        if operands[1].is_linear() {
            let slice = DynamicSlice { sizes: update.shape.extents().to_vec() };
            results[1] = Tangent::Value(cx.builder.emit_one(slice, &[&[ct], starts.as_slice()].concat()));
        }
        Ok(results)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        if dims[2..].iter().all(|dim| *dim == BatchDim::NotMapped) {
            let arrays = batch_axes_first(cx, &operands[..2], &dims[..2]);
            let starts = starts_with_batch(cx, &operands[2..], 0);
            return Ok(Batched::leading(cx.builder.emit_one(*self, &[arrays, starts].concat())));
        }
        let axes: Vec<usize> = (0..operands.len() - 2).collect();
        let scatter = Scatter {
            kind: ScatterKind::Set,
            numbers: DimensionNumbers { window_axes: axes.clone(), index_map: axes, ..Default::default() },
            mode: Mode::Clip,
            indices_are_sorted: true,
            unique_indices: true,
            update: Vec::new(),
        };
        let indices = stacked_starts(cx, &operands[2..], &dims[2..]);
        scatter.batch(cx, &[operands[0], indices, operands[1]], &[dims[0], BatchDim::Axis(0), dims[1]])
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let (update, result) = (&operands[1], &results[0]);
        let target = BufferId(operands.len() as u32);
        let mut nest = Nest::new(parallel_dims(&update.shape));
        let mut b = BlockBuilder::new();
        let identity = (0..update.rank()).map(Index::dim).collect();
        let value = b.load(Access::new(BufferId(1), identity), update.dtype);
        let index = |axis: usize| {
            let last = result.shape[axis] - update.shape[axis];
            moved_index(&mut b, BufferId(2 + axis as u32), operands[2 + axis].dtype, last, axis)
        };
        let indices = (0..update.rank()).map(index).collect();
        nest.stores.push(Store { buffer: target, indices, value, mask: None, combine: None });
        nest.block = b.finish();
        Ok(Lowering::Nests(vec![copy_nest(result, target), nest]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for DynamicUpdateSlice {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "dynamic_update_slice").then_some(Ok(DynamicUpdateSlice))
    }

    fn samples() -> Vec<Sample> {
        super::samples::dynamic_update_slices()
    }
}
