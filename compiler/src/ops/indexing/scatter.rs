//! `scatter` and its like: an array with windows of it replaced, or combined with updates, at computed positions.

use super::gather::flag;
use super::place::{Outside, place, window_offset, window_start};
use super::{DimensionNumbers, Mode, expect_integers};
use crate::diag::TypeError;
use crate::ir::{Atom, Body, Params, Value};
use crate::loops::{Access, BinaryOp, BlockBuilder, BufferId, Dim, Index, Nest, Role, Store};
use crate::ops::elementwise::{Binary, BinaryKind};
use crate::ops::rules::*;
use crate::ops::shape::batch_axes_first;
use crate::types::{Aval, DType, Kind, Literal, Scalar, Shape, Tensor};

/// Operands: the array, an array of index vectors along its last axis, and the updates: one window per index vector.
/// Index vectors are taken in order, each window whole; of two updates of one element under [`ScatterKind::Set`], the
/// later stays. See Note: windows.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Scatter {
    pub kind: ScatterKind,
    pub numbers: DimensionNumbers,
    pub mode: Mode,
    /// Promises of the user. If unique indices meet all the same, some order of updates is taken.
    pub indices_are_sorted: bool,
    pub unique_indices: bool,
    /// From the old element and the update to the new element. Invariant: at most one, and only under Set.
    pub update: Vec<Body>,
}

/// What an update does to the element that is there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ScatterKind {
    /// It takes its place, or computes one from both by a body.
    Set,
    Add,
    Sub,
    Mul,
    Min,
    Max,
}

impl ScatterKind {
    /// Every member.
    pub const ALL: [ScatterKind; 6] = {
        use ScatterKind::*;
        [Set, Add, Sub, Mul, Min, Max]
    };

    fn text_name(self) -> &'static str {
        match self {
            ScatterKind::Set => "scatter",
            ScatterKind::Add => "scatter-add",
            ScatterKind::Sub => "scatter-sub",
            ScatterKind::Mul => "scatter-mul",
            ScatterKind::Min => "scatter-min",
            ScatterKind::Max => "scatter-max",
        }
    }

    pub(super) fn accepts(self) -> &'static [Kind] {
        const NUMBERS: &[Kind] = &[Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex];
        const ORDERED: &[Kind] = &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex];
        const ANY: &[Kind] =
            &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex, Kind::Key];
        match self {
            ScatterKind::Set => ANY,
            ScatterKind::Add | ScatterKind::Sub | ScatterKind::Mul => NUMBERS,
            ScatterKind::Min | ScatterKind::Max => ORDERED,
        }
    }

    /// The operation on the old element and the update; `None`: the update takes its place.
    pub fn binary(self) -> Option<BinaryKind> {
        self.combination().map(|(kind, _)| kind)
    }

    fn combination(self) -> Option<(BinaryKind, BinaryOp)> {
        match self {
            ScatterKind::Set => None,
            ScatterKind::Add => Some((BinaryKind::Add, BinaryOp::Add)),
            ScatterKind::Sub => Some((BinaryKind::Sub, BinaryOp::Sub)),
            ScatterKind::Mul => Some((BinaryKind::Mul, BinaryOp::Mul)),
            ScatterKind::Min => Some((BinaryKind::Min, BinaryOp::Min)),
            ScatterKind::Max => Some((BinaryKind::Max, BinaryOp::Max)),
        }
    }
}

impl Scatter {
    fn outside(&self) -> Outside {
        match self.mode {
            Mode::Clip => Outside::Moved,
            Mode::FillOrDrop | Mode::PromiseInBounds => Outside::LeftOut,
        }
    }

    /// May two updates meet in one element? What was unique need not be after it was moved.
    fn may_meet(&self) -> bool {
        !self.unique_indices || self.mode == Mode::Clip
    }

    fn check_updates(&self, operand: &Aval, indices: &Aval, updates: &Aval) -> Result<(), TypeError> {
        let rank = self.numbers.window_axes.len() + indices.rank() - 1;
        if updates.rank() != rank {
            return Err(TypeError(format!("updates: expected rank {rank}, found {updates}")));
        }
        let window = self.numbers.window_extents(&operand.shape, &updates.shape);
        if let Some(axis) = (0..operand.rank()).find(|&axis| window[axis] > operand.shape[axis]) {
            let size = window[axis];
            // A window of one element that no update needs does no harm.
            if size > 1 || updates.shape.element_count() > 0 {
                return Err(TypeError(format!(
                    "updates: axis {axis} of {operand} has no window of extent {size}"
                )));
            }
        }
        let expected = self.numbers.windows_shape(&window, &indices.shape);
        if updates.shape != expected {
            let found = &updates.shape;
            return Err(TypeError(format!(
                "updates: expected shape {expected} for indices {indices}, found {found}"
            )));
        }
        Ok(())
    }

    /// The new element, from the old one and an update.
    fn combined(&self, cx: &EvalCx, dtype: DType, old: Scalar, update: Scalar) -> Rule<Scalar> {
        let operands = [old, update].map(|value| Tensor::from_literal(Literal::new(dtype, value)));
        let results = match (self.update.first(), self.kind.combination()) {
            (Some(body), _) => (cx.eval_body)(cx, body, &operands)?,
            (None, Some((kind, _))) => Binary(kind).eval(cx, &operands)?,
            (None, None) => return Ok(update),
        };
        Ok(results[0].at(0))
    }

    /// The axes of the updates from the outermost loop to the innermost. Updates of one element must stay in order, so
    /// windows that overlap are written one after the other, and so are those that are contiguous in memory.
    fn loop_order(&self, operand: &Shape, updates: &Shape) -> Vec<usize> {
        let window = self.numbers.window_extents(operand, updates);
        let is_batch = |position: &usize| self.numbers.indices_batch.contains(position);
        let index_axes = self.numbers.index_axes(updates.rank());
        let (batch, scattered): (Vec<usize>, Vec<usize>) =
            (0..index_axes.len()).partition(|position| is_batch(position));
        let axes =
            |positions: Vec<usize>| positions.into_iter().map(|at| index_axes[at]).collect::<Vec<usize>>();
        let (batch, scattered, windows) = (axes(batch), axes(scattered), self.numbers.window_axes.clone());
        let overlaps = self.numbers.index_map.iter().any(|&axis| window[axis] > 1);
        let is_contiguous = window.last().is_some_and(|&extent| extent > 1);
        match overlaps || is_contiguous {
            true => [batch, scattered, windows].concat(),
            false => [batch, windows, scattered].concat(),
        }
    }

    fn role(&self, axis: usize, updates: &Shape) -> Role {
        let index_axes = self.numbers.index_axes(updates.rank());
        let position = index_axes.iter().position(|&other| other == axis);
        let is_scattered = position.is_some_and(|at| !self.numbers.indices_batch.contains(&at));
        let in_order = self.may_meet() && is_scattered && updates[axis] > 1;
        if in_order { Role::Sequential } else { Role::Parallel }
    }

    /// Writes the updates into buffer 3, which holds the array.
    fn update_nest(&self, operand: &Aval, indices: &Aval, updates: &Aval) -> Rule<Nest> {
        let order = self.loop_order(&operand.shape, &updates.shape);
        let dim = |&axis: &usize| Dim { extent: updates.shape[axis], role: self.role(axis, &updates.shape) };
        let mut nest = Nest::new(order.iter().map(dim).collect());
        let mut dim_of = vec![0; order.len()];
        order.iter().enumerate().for_each(|(dim, &axis)| dim_of[axis] = dim);
        let mut b = BlockBuilder::new();
        let window = self.numbers.window_extents(&operand.shape, &updates.shape);
        let extents = (&operand.shape, window.as_slice());
        let place = place(&mut b, &self.numbers, self.outside(), extents, indices, &dim_of);
        let at = dim_of.iter().map(|&dim| Index::dim(dim)).collect();
        let mut value = b.load(Access::new(BufferId(2), at), updates.dtype);
        if let Some(body) = self.update.first() {
            let old = b.load(Access::new(BufferId(3), place.indices.clone()), operand.dtype);
            value = scalar_results(&mut b, body, &[old, value])?[0];
        }
        nest.stores.push(Store {
            buffer: BufferId(3),
            indices: place.indices,
            value,
            mask: place.inside,
            combine: self.kind.combination().map(|(_, op)| op),
        });
        nest.block = b.finish();
        Ok(nest)
    }
}

impl Primitive for Scatter {
    fn name(&self) -> &str {
        self.kind.text_name()
    }

    fn params(&self) -> Params {
        Params::new()
            .with("dimension_numbers", self.numbers.scatter_text())
            .with("indices_are_sorted", self.indices_are_sorted)
            .with("mode", self.mode.text_name())
            .with("unique_indices", self.unique_indices)
            .with("update_consts", Value::Tuple(Vec::new()))
            .with("update_jaxpr", self.update.first().cloned())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 3)?;
        let (operand, indices, updates) = (&operands[0], &operands[1], &operands[2]);
        expect_kind(operand, self.kind.accepts())?;
        expect_integers("indices", indices)?;
        if operand.dtype != updates.dtype {
            return Err(TypeError(format!(
                "updates: expected dtype {}, found {}",
                operand.dtype, updates.dtype
            )));
        }
        self.numbers.check(operand, indices)?;
        self.check_updates(operand, indices, updates)?;
        if let Some(body) = self.update.first() {
            let scalar = Aval::scalar(operand.dtype);
            if body.input_avals() != [scalar.clone(), scalar.clone()]
                || body.output_avals() != [scalar.clone()]
            {
                return Err(TypeError(format!("update_jaxpr: expected a function of two {scalar} to one")));
            }
        }
        Ok(vec![operand.clone()])
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (operand, indices, updates) = (&operands[0], &operands[1], &operands[2]);
        let shape = operand.shape();
        let mut elements: Vec<Scalar> = operand.scalars().collect();
        let window = self.numbers.window_extents(shape, updates.shape());
        let mut places: Vec<Vec<usize>> = updates.shape().indices().collect();
        // Window by window; the sort keeps the order within a window.
        let index_axes = self.numbers.index_axes(updates.shape().rank());
        places.sort_by_key(|at| index_axes.iter().map(|&axis| at[axis]).collect::<Vec<usize>>());
        for at in places {
            let start = window_start(&self.numbers, self.outside(), shape, &window, indices, &at);
            let Some(start) = start else { continue };
            let offset = window_offset(&self.numbers, shape.rank(), &at);
            let target: Vec<usize> = start.iter().zip(&offset).map(|(a, b)| a + b).collect();
            let element = &mut elements[shape.offset(&target)];
            *element = self.combined(cx, operand.dtype(), *element, updates.get(&at))?;
        }
        Ok(vec![Tensor::from_scalars(operand.aval().clone(), elements)])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        self.derivative(cx, primals, tangents)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        self.transposed(cx, cotangents, operands)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let arrays = batch_axes_first(cx, &[operands[0], operands[2]], &[dims[0], dims[2]]);
        let (indices, numbers) = match dims[1] {
            BatchDim::NotMapped => (operands[1], self.numbers.batched_operand()),
            BatchDim::Axis(axis) => (cx.builder.move_axis(operands[1], axis, 0), self.numbers.batched()),
        };
        let operands = [arrays[0], indices, arrays[1]];
        Ok(Batched::leading(cx.builder.emit_one(Scatter { numbers, ..self.clone() }, &operands)))
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let (operand, indices, updates) = (&operands[0], &operands[1], &operands[2]);
        let copy = copy_nest(operand, BufferId(3));
        if updates.shape.element_count() == 0 {
            return Ok(Lowering::Nests(vec![copy]));
        }
        Ok(Lowering::Nests(vec![copy, self.update_nest(operand, indices, updates)?]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Scalar(&self.update)
    }
}

impl Family for Scatter {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let dashed = name.replace('_', "-");
        let kind = ScatterKind::ALL.into_iter().find(|kind| kind.text_name() == dashed)?;
        Some(parse_params(kind, params))
    }

    fn samples() -> Vec<Sample> {
        super::samples::scatters()
    }
}

fn parse_params(kind: ScatterKind, params: &Params) -> Result<Scatter, TypeError> {
    let is_empty = |value: &Value| matches!(value, Value::Tuple(items) if items.is_empty());
    if let Some(consts) = params.get("update_consts").filter(|value| !is_empty(value)) {
        return Err(TypeError(format!("parameter update_consts: expected (), found {consts}")));
    }
    // The name says what the bodies of all other kinds do.
    let has_body = kind == ScatterKind::Set && params.get("update_jaxpr").is_some();
    let update = if has_body { vec![params.body("update_jaxpr")?.clone()] } else { Vec::new() };
    Ok(Scatter {
        kind,
        numbers: DimensionNumbers::of_scatter(params)?,
        mode: Mode::parse(params)?,
        indices_are_sorted: flag(params, "indices_are_sorted")?,
        unique_indices: flag(params, "unique_indices")?,
        update,
    })
}

/// The first operand, as it is, into `target`.
pub(super) fn copy_nest(operand: &Aval, target: BufferId) -> Nest {
    let mut nest = Nest::new(parallel_dims(&operand.shape));
    let mut b = BlockBuilder::new();
    let identity = (0..operand.rank()).map(Index::dim).collect();
    let value = b.load(Access::new(BufferId(0), identity), operand.dtype);
    nest.stores.push(identity_store(target, operand.rank(), value));
    nest.block = b.finish();
    nest
}
