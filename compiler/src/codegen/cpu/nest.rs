//! Loop nests: loops in the order of the plan, hoisted instructions, copies of points that run together.
//!
//! # Note: copies
//! Inside a jammed loop, `factor` points of the jam dim run together; inside a vector loop, `unroll` vector steps
//! do. An instruction is emitted once per copy that it differs in ([`Facts`]), so that the others are shared.

use super::analysis::{Analysis, Facts, vector_is_reduced};
use super::function::Body;
use super::memory::{Access, Address};
use super::vector::{Operand, vector_type};
use super::{Cx, Emit};
use crate::diag::Diagnostic;
use crate::loops::{Inst, Nest, Role, Val};
use crate::types::DType;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

/// Emits one nest; its dims need not all be positive.
pub(super) fn emit(body: &mut Body<'_, '_, '_>, nest: &Nest) -> Emit<()> {
    let is_empty = nest.dims.iter().any(|dim| dim.role != Role::Reduce && dim.extent == 0);
    if is_empty || nest.stores.is_empty() {
        return Ok(());
    }
    let facts = Analysis::of(body.function, nest);
    let mut emitter = NestEmitter::new(body, nest, facts)?;
    emitter.level(0)
}

/// What stands in a loop: from the values carried in to those carried on.
pub(super) type LoopBody<'b, E> = dyn FnMut(&mut E, &[Value]) -> Emit<Vec<Value>> + 'b;

/// The nest under construction, at one place in its loops.
pub(super) struct NestEmitter<'e, 'a, 'm, 'f> {
    pub body: &'e mut Body<'a, 'm, 'f>,
    pub nest: &'e Nest,
    pub facts: Analysis,
    pub accesses: Vec<Option<Access>>,
    pub stores: Vec<Access>,
    pub addresses: Vec<Address>,
    /// The start of each address's buffer.
    pub bases: Vec<Value>,
    pub mode: Mode,
    pub state: State,
    // The mask that is known to be true here.
    passed: Option<Val>,
    // The most copies that any mode makes, of jammed points and of steps.
    most: (usize, usize),
}

/// How many points run together here. See Note: copies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    pub jam: usize,
    pub steps: usize,
    /// 1: scalars.
    pub lanes: usize,
}

/// One point among those that run together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    pub jam: usize,
    pub step: usize,
    pub lane: usize,
}

/// What is available here; loops restore it when they end.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    // By instruction, then jam copy, then step; per-lane instructions have vectors in vector modes.
    values: Vec<Option<Value>>,
    /// The position of every dim entered, of the first point.
    pub dims: Vec<Option<Value>>,
    /// For each distinct address, the part known so far.
    pub pointers: Vec<Value>,
}

impl<'e, 'a, 'm, 'f> NestEmitter<'e, 'a, 'm, 'f> {
    fn new(body: &'e mut Body<'a, 'm, 'f>, nest: &'e Nest, facts: Analysis) -> Emit<Self> {
        let most = (nest.plan.jam.map_or(1, |jam| jam.factor), nest.plan.vector.map_or(1, |v| v.unroll));
        let values = vec![None; nest.block.insts.len() * most.0 * most.1];
        let state = State { values, dims: vec![None; nest.dims.len()], pointers: Vec::new() };
        let mode = Mode { jam: 1, steps: 1, lanes: 1 };
        let mut emitter = NestEmitter {
            body,
            nest,
            facts,
            accesses: Vec::new(),
            stores: Vec::new(),
            addresses: Vec::new(),
            bases: Vec::new(),
            mode,
            state,
            passed: None,
            most,
        };
        emitter.open_accesses()?;
        Ok(emitter)
    }

    pub fn cx(&mut self) -> &mut Cx<'a, 'm> {
        &mut self.body.cx
    }

    /// Everything inside `level` loops.
    fn level(&mut self, level: usize) -> Emit<()> {
        if level < self.facts.outer {
            self.instructions_of_all(level)?;
            return match self.guard_at(level) {
                Some(mask) => self.guarded(mask, level),
                None => self.loop_at(level),
            };
        }
        if self.nest.reductions.is_empty() {
            return self.each_copy(|emitter, point| {
                emitter.instructions(level, false, point)?;
                emitter.store_all(point)
            });
        }
        self.instructions_of_all(level)?;
        self.reduce()?;
        self.each_copy(|emitter, point| {
            emitter.instructions(level, true, point)?;
            emitter.store_all(point)
        })
    }

    /// The loop over the dim at `level`, and everything inside.
    fn loop_at(&mut self, level: usize) -> Emit<()> {
        let dim = self.facts.order[level];
        self.split(dim, &mut |emitter, start, end, step| {
            emitter.counted(dim, (start, end, step), &[], &mut |emitter, _| {
                emitter.level(level + 1)?;
                Ok(Vec::new())
            })?;
            Ok(())
        })
    }

    /// The mask of all stores, if it is known at `level` and not before: where it is false, the loops inside do nothing.
    fn guard_at(&self, level: usize) -> Option<Val> {
        let mask = self.nest.stores.first()?.mask?;
        let facts = self.facts.facts(mask);
        let is_known = facts.depth == level && !facts.epilogue && !facts.per_jam && !facts.per_lane;
        let is_common = self.nest.stores.iter().all(|store| store.mask == Some(mask));
        (is_known && is_common).then_some(mask)
    }

    /// The loops from `level` on, where `mask` is true; the stores inside need not look at it again.
    fn guarded(&mut self, mask: Val, level: usize) -> Emit<()> {
        let condition = self.scalar(mask, Point::default())?;
        let b = &mut self.cx().b;
        let (inside, join) = (b.create_block(), b.create_block());
        b.ins().brif(condition, inside, &[], join, &[]);
        b.seal_block(inside);
        b.switch_to_block(inside);
        let saved = self.state.clone();
        self.passed = Some(mask);
        self.loop_at(level)?;
        self.passed = None;
        self.state = saved;
        let b = &mut self.cx().b;
        b.ins().jump(join, &[]);
        b.seal_block(join);
        b.switch_to_block(join);
        Ok(())
    }

    /// The mask that a store still has to look at.
    pub fn mask_of(&self, store: usize) -> Option<Val> {
        self.nest.stores[store].mask.filter(|mask| self.passed != Some(*mask))
    }

    /// Cuts the range of a dim by the plan: jammed points and vector steps first, then single ones.
    /// `run` gets start, end and step.
    pub fn split(
        &mut self,
        dim: usize,
        run: &mut dyn FnMut(&mut Self, usize, usize, usize) -> Emit<()>,
    ) -> Emit<()> {
        let outside = self.mode;
        let extent = self.nest.dims[dim].extent;
        let mut modes = Vec::new();
        if let Some(vector) = self.nest.plan.vector.filter(|vector| vector.dim == dim) {
            modes.push(Mode { steps: vector.unroll, lanes: vector.lanes, ..outside });
            modes.push(Mode { steps: 1, lanes: vector.lanes, ..outside });
        }
        if let Some(jam) = self.nest.plan.jam.filter(|jam| jam.dim == dim) {
            modes.push(Mode { jam: jam.factor, ..outside });
        }
        modes.push(outside);
        let mut start = 0;
        for mode in modes {
            let step = (mode.steps * mode.lanes * mode.jam) / (outside.steps * outside.lanes * outside.jam);
            let end = start + (extent - start) / step * step;
            if end > start {
                self.mode = mode;
                run(self, start, end, step)?;
            }
            start = end;
        }
        self.mode = outside;
        Ok(())
    }

    /// A loop over a range of a dim that carries values around; straight-line code if it runs once.
    pub fn counted(
        &mut self,
        dim: usize,
        (start, end, step): (usize, usize, usize),
        carried: &[Value],
        body: &mut LoopBody<'_, Self>,
    ) -> Emit<Vec<Value>> {
        let saved = self.state.clone();
        let first = self.cx().b.ins().iconst(types::I64, start as i64);
        if start + step >= end {
            self.enter(dim, first);
            let results = body(self, carried)?;
            self.state = saved;
            return Ok(results);
        }
        let b = &mut self.cx().b;
        let (header, exit) = (b.create_block(), b.create_block());
        let position = b.append_block_param(header, types::I64);
        let mut inner = Vec::with_capacity(carried.len());
        let mut after = Vec::with_capacity(carried.len());
        for &value in carried {
            let ty = b.func.dfg.value_type(value);
            inner.push(b.append_block_param(header, ty));
            after.push(b.append_block_param(exit, ty));
        }
        let args: Vec<_> = [first].iter().chain(carried).map(|&value| value.into()).collect();
        b.ins().jump(header, &args);
        b.switch_to_block(header);
        self.enter(dim, position);
        let results = body(self, &inner)?;
        let b = &mut self.cx().b;
        let next = b.ins().iadd_imm_s(position, step as i64);
        let again = b.ins().icmp_imm_s(IntCC::SignedLessThan, next, end as i64);
        let onward: Vec<_> = [next].iter().chain(&results).map(|&value| value.into()).collect();
        b.ins().brif(again, header, &onward, exit, &onward[1..]);
        b.seal_block(header);
        b.seal_block(exit);
        b.switch_to_block(exit);
        self.state = saved;
        Ok(after)
    }

    fn enter(&mut self, dim: usize, position: Value) {
        self.state.dims[dim] = Some(position);
        self.advance_pointers(dim, position);
    }

    /// Runs `body` for every point that runs together with the first, a vector counting as one.
    pub fn each_copy(&mut self, mut body: impl FnMut(&mut Self, Point) -> Emit<()>) -> Emit<()> {
        for jam in 0..self.mode.jam {
            for step in 0..self.mode.steps {
                body(self, Point { jam, step, lane: 0 })?;
            }
        }
        Ok(())
    }

    /// The instructions of one depth, before the reductions, for all copies.
    pub fn instructions_of_all(&mut self, depth: usize) -> Emit<()> {
        self.each_copy(|emitter, point| emitter.instructions(depth, false, point))
    }

    /// The instructions of one depth and phase for one copy, as far as another copy has not made them already.
    pub fn instructions(&mut self, depth: usize, epilogue: bool, point: Point) -> Emit<()> {
        for val in self.nest.block.vals() {
            let facts = self.facts.facts(val);
            let is_due = facts.live && facts.depth == depth && facts.epilogue == epilogue;
            let is_made_on_use = match self.nest.block.inst(val) {
                Inst::Const(_) => true,
                // As a vector it exists only if 64-bit lanes hold it; conversions make their own.
                Inst::Dim(_) => facts.per_lane && self.mode.lanes > 2,
                _ => false,
            };
            let at = self.slot(val, facts, point);
            if is_due && !is_made_on_use && self.state.values[at].is_none() {
                let value = self.instruction(val, facts, point)?;
                self.state.values[at] = Some(value);
            }
        }
        Ok(())
    }

    fn instruction(&mut self, val: Val, facts: Facts, point: Point) -> Emit<Value> {
        let (nest, lanes) = (self.nest, self.mode.lanes);
        let is_vector = facts.per_lane && lanes > 1;
        match nest.block.inst(val) {
            Inst::Dim(dim) if is_vector => self.lane_positions(*dim, DType::I64, point),
            Inst::Dim(dim) => self.position(*dim, point),
            Inst::LoopIndex(var) => self.body.loop_position(*var),
            Inst::Load(_) if is_vector => self.load_vector(val, point),
            Inst::Load(_) => self.load_scalar(val, point),
            Inst::Reduced { .. } => Err(Diagnostic::bug("a reduction has no result")),
            Inst::Convert(x) if is_vector => match nest.block.inst(*x) {
                Inst::Dim(dim) => self.lane_positions(*dim, nest.block.dtype(val), point),
                _ => self.vector_instruction(val, point),
            },
            _ if is_vector => self.vector_instruction(val, point),
            inst => {
                let mut operands = Vec::new();
                for x in inst.operands() {
                    operands.push(self.scalar(x, point)?);
                }
                self.cx().scalar_inst(&nest.block, val, &operands)
            }
        }
    }

    fn vector_instruction(&mut self, val: Val, point: Point) -> Emit<Value> {
        let (nest, lanes) = (self.nest, self.mode.lanes);
        let mut operands = Vec::new();
        for x in nest.block.inst(val).operands() {
            let is_vector = self.facts.facts(x).per_lane;
            let value = if is_vector { self.vector(x, point)? } else { self.scalar(x, point)? };
            operands.push(if is_vector { Operand::Vector(value) } else { Operand::Uniform(value) });
        }
        self.cx().vector_inst(&nest.block, val, &operands, lanes)
    }

    /// Where the copy of an instruction that `point` uses is kept.
    fn slot(&self, val: Val, facts: Facts, point: Point) -> usize {
        let jam = if facts.per_jam { point.jam } else { 0 };
        let step = if facts.per_lane { point.step } else { 0 };
        (val.0 as usize * self.most.0 + jam) * self.most.1 + step
    }

    /// Makes the result of a reduction available.
    pub fn define(&mut self, val: Val, point: Point, value: Value) {
        let at = self.slot(val, self.facts.facts(val), point);
        self.state.values[at] = Some(value);
    }

    fn known(&self, val: Val, point: Point) -> Emit<Value> {
        let value = self.state.values[self.slot(val, self.facts.facts(val), point)];
        value.ok_or_else(|| {
            Diagnostic::bug(format!("value {} of a nest is used where it is not known", val.0))
        })
    }

    /// A value that all lanes share.
    pub fn scalar(&mut self, val: Val, point: Point) -> Emit<Value> {
        match self.nest.block.inst(val) {
            Inst::Const(literal) => self.cx().constant(*literal),
            _ => self.known(val, point),
        }
    }

    /// A value as a vector.
    pub fn vector(&mut self, val: Val, point: Point) -> Emit<Value> {
        let (dtype, lanes) = (self.nest.block.dtype(val), self.mode.lanes);
        if let Inst::Const(literal) = self.nest.block.inst(val) {
            return self.cx().vector_constant(*literal, lanes);
        }
        let value = self.known(val, point)?;
        if self.facts.facts(val).per_lane { Ok(value) } else { self.cx().splat(value, dtype, lanes) }
    }

    /// A value at one lane of a vector, or the scalar itself.
    pub fn lane(&mut self, val: Val, point: Point) -> Emit<Value> {
        if self.mode.lanes == 1 || !self.facts.facts(val).per_lane {
            return self.scalar(val, point);
        }
        let dtype = self.nest.block.dtype(val);
        let vector = self.known(val, point)?;
        Ok(self.cx().extract(vector, dtype, point.lane))
    }

    /// The position along a dim.
    pub fn position(&mut self, dim: usize, point: Point) -> Emit<Value> {
        let first = self.state.dims[dim]
            .ok_or_else(|| Diagnostic::bug(format!("dim {dim} is used outside of its loop")))?;
        let distance = self.distance(dim, point);
        Ok(if distance == 0 { first } else { self.cx().b.ins().iadd_imm_s(first, distance) })
    }

    /// How far a point is along a dim from the first of those that run together.
    pub fn distance(&self, dim: usize, point: Point) -> i64 {
        let plan = &self.nest.plan;
        let jam = if plan.jam.is_some_and(|jam| jam.dim == dim) { point.jam } else { 0 };
        let is_vector = plan.vector.is_some_and(|vector| vector.dim == dim);
        let lane = if is_vector { point.step * self.mode.lanes + point.lane } else { 0 };
        (jam + lane) as i64
    }

    /// The positions of all lanes along the vector dim, as numbers of type `dtype`.
    fn lane_positions(&mut self, dim: usize, dtype: DType, point: Point) -> Emit<Value> {
        let lanes = self.mode.lanes;
        let first = self.position(dim, point)?;
        // Counting happens in integers of the lanes' width: sums of floats would round.
        let counter = match lanes {
            2 => DType::I64,
            4 => DType::I32,
            8 => DType::I16,
            _ => DType::I8,
        };
        let ty = vector_type(dtype, lanes)?;
        let cx = self.cx();
        let first = cx.scalar_convert(DType::I64, counter, first)?;
        let first = cx.splat(first, counter, lanes)?;
        let iota = cx.iota(lanes);
        let positions = cx.b.ins().iadd(first, iota);
        if dtype.is_float() {
            return Ok(cx.b.ins().fcvt_from_sint(ty, positions));
        }
        Ok(positions)
    }

    /// Is the vector dim a reduce dim?
    pub fn vector_is_reduced(&self) -> bool {
        vector_is_reduced(self.nest)
    }
}
