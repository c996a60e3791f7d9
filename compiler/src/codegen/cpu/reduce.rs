//! Reduce loops: accumulators carried around, folded at the end.
//!
//! # Note: accumulators
//! Over scalars or parallel lanes, every copy of a reduction that differs has its own accumulators, which start at the
//! init values. If the vector dim itself is reduced, each of `unroll` steps has a vector of partial results that
//! starts at the identity of the operation, and scalars that start at the init values collect what is left over;
//! after the loops they are folded into one.

use super::Emit;
use super::nest::{NestEmitter, Point};
use super::scalar::not_machine;
use crate::diag::Diagnostic;
use crate::loops::{BinaryOp, Combine, Inst, Role, Val};
use crate::types::{DType, Kind, Literal};
use cranelift_codegen::ir::Value;

/// The accumulators of one copy of a reduction: `count` values from `at` on, one per part.
struct Group {
    reduction: usize,
    point: Point,
    at: usize,
    count: usize,
    // The lanes of the vectors that hold it; 1: a scalar.
    lanes: usize,
}

impl NestEmitter<'_, '_, '_, '_> {
    /// Emits the reduce loops and makes the results available.
    pub(super) fn reduce(&mut self) -> Emit<()> {
        let (groups, start) = self.start_accumulators()?;
        let is_empty = self.nest.dims.iter().any(|dim| dim.role == Role::Reduce && dim.extent == 0);
        let end = if is_empty { start } else { self.reduce_level(self.facts.outer, &groups, start)? };
        for group in &groups {
            if self.vector_is_reduced() && group.lanes > 1 {
                continue;
            }
            let mut parts = end[group.at..group.at + group.count].to_vec();
            if self.vector_is_reduced() && !is_empty {
                let partial = self.fold_lanes(group, &groups, &end)?;
                parts = vec![self.merge(group.reduction, parts[0], partial, 1)?];
            }
            self.define_results(group, &parts);
        }
        Ok(())
    }

    fn define_results(&mut self, group: &Group, parts: &[Value]) {
        for val in self.nest.block.vals() {
            if let Inst::Reduced { reduction, part } = self.nest.block.inst(val)
                && *reduction == group.reduction
            {
                self.define(val, group.point, parts[*part]);
            }
        }
    }

    /// The accumulators and what they start at.
    fn start_accumulators(&mut self) -> Emit<(Vec<Group>, Vec<Value>)> {
        let (mut groups, mut start) = (Vec::new(), Vec::new());
        for reduction in 0..self.nest.reductions.len() {
            let facts = self.facts.reduced_facts(self.nest, reduction);
            let jams = if facts.per_jam { self.mode.jam } else { 1 };
            let steps = if facts.per_lane { self.mode.steps } else { 1 };
            let lanes = if facts.per_lane { self.mode.lanes } else { 1 };
            for (jam, step) in (0..jams).flat_map(|jam| (0..steps).map(move |step| (jam, step))) {
                let point = Point { jam, step, lane: 0 };
                let inits = &self.nest.reductions[reduction].inits;
                groups.push(Group { reduction, point, at: start.len(), count: inits.len(), lanes });
                for &init in inits {
                    let value = if lanes > 1 { self.vector(init, point)? } else { self.scalar(init, point)? };
                    start.push(value);
                }
            }
            if self.vector_is_reduced() {
                self.start_lanes(reduction, jams, &mut groups, &mut start)?;
            }
        }
        Ok((groups, start))
    }

    /// The vectors of partial results. See Note: accumulators.
    fn start_lanes(
        &mut self,
        reduction: usize,
        jams: usize,
        groups: &mut Vec<Group>,
        start: &mut Vec<Value>,
    ) -> Emit<()> {
        let vector = self.nest.plan.vector.ok_or_else(|| Diagnostic::bug("no vector dim to reduce"))?;
        let Combine::Op(op) = self.nest.reductions[reduction].combine else {
            return Err(Diagnostic::bug("a vector of reduce points needs a combining operation"));
        };
        let dtype = self.nest.block.dtype(self.nest.reductions[reduction].values[0]);
        let identity = identity(op, dtype)?;
        for (jam, step) in (0..jams).flat_map(|jam| (0..vector.unroll).map(move |step| (jam, step))) {
            let point = Point { jam, step, lane: 0 };
            groups.push(Group { reduction, point, at: start.len(), count: 1, lanes: vector.lanes });
            start.push(self.cx().vector_constant(identity, vector.lanes)?);
        }
        Ok(())
    }

    fn reduce_level(&mut self, level: usize, groups: &[Group], start: Vec<Value>) -> Emit<Vec<Value>> {
        if level > self.facts.outer {
            self.instructions_of_all(level)?;
        }
        if level == self.facts.order.len() {
            return self.accumulate(groups, start);
        }
        let dim = self.facts.order[level];
        let mut values = start;
        self.split(dim, &mut |emitter, start, end, step| {
            let before = std::mem::take(&mut values);
            values = emitter.counted(dim, (start, end, step), &before, &mut |emitter, carried| {
                emitter.reduce_level(level + 1, groups, carried.to_vec())
            })?;
            Ok(())
        })?;
        Ok(values)
    }

    /// Folds the values of the points at hand into their accumulators.
    fn accumulate(&mut self, groups: &[Group], mut values: Vec<Value>) -> Emit<Vec<Value>> {
        let mode = self.mode;
        for group in groups {
            let is_here =
                !self.vector_is_reduced() || (group.lanes == mode.lanes && group.point.step < mode.steps);
            if !is_here {
                continue;
            }
            let parts = group.at..group.at + group.count;
            let merged = self.fold_in(group, &values[parts.clone()])?;
            values.splice(parts, merged);
        }
        Ok(values)
    }

    fn fold_in(&mut self, group: &Group, accumulators: &[Value]) -> Emit<Vec<Value>> {
        let nest = self.nest;
        let reduction = &nest.reductions[group.reduction];
        if let [value] = reduction.values[..]
            && let Some(sum) = self.fused(group, &reduction.combine, value, accumulators[0])?
        {
            return Ok(vec![sum]);
        }
        let mut values = Vec::new();
        for &value in &reduction.values {
            values.push(self.of_lanes(value, group)?);
        }
        match &reduction.combine {
            Combine::Op(op) => {
                let dtype = nest.block.dtype(reduction.values[0]);
                Ok(vec![self.combine(*op, dtype, accumulators[0], values[0], group.lanes)?])
            }
            Combine::Block(block) => {
                let params = [accumulators, &values].concat();
                match group.lanes {
                    1 => self.cx().scalar_block(block, &params),
                    lanes => self.cx().vector_block(block, &params, lanes),
                }
            }
        }
    }

    /// A sum of products as a chain of fused multiply-adds.
    fn fused(
        &mut self,
        group: &Group,
        combine: &Combine,
        value: Val,
        accumulator: Value,
    ) -> Emit<Option<Value>> {
        let is_float = self.nest.block.dtype(value).is_float();
        match self.nest.block.inst(value) {
            Inst::Binary(BinaryOp::Mul, x, y) if *combine == Combine::Op(BinaryOp::Add) && is_float => {
                let (x, y) = (self.of_lanes(*x, group)?, self.of_lanes(*y, group)?);
                Ok(Some(self.cx().fma(x, y, accumulator)))
            }
            _ => Ok(None),
        }
    }

    /// A value in the shape of a group's accumulators.
    fn of_lanes(&mut self, val: Val, group: &Group) -> Emit<Value> {
        if group.lanes > 1 { self.vector(val, group.point) } else { self.scalar(val, group.point) }
    }

    /// One operation on scalars or vectors.
    pub(super) fn combine(
        &mut self,
        op: BinaryOp,
        dtype: DType,
        x: Value,
        y: Value,
        lanes: usize,
    ) -> Emit<Value> {
        let cx = self.cx();
        if lanes == 1 {
            return cx.scalar_binary(op, dtype, x, y);
        }
        if let Some(value) = cx.vector_binary(op, dtype, x, y, lanes)? {
            return Ok(value);
        }
        let mut results = Vec::with_capacity(lanes);
        for lane in 0..lanes {
            let (x, y) = (cx.extract(x, dtype, lane), cx.extract(y, dtype, lane));
            results.push(cx.scalar_binary(op, dtype, x, y)?);
        }
        cx.gather_lanes(&results, dtype)
    }

    /// All vectors of partial results that belong to a scalar accumulator, as one scalar.
    fn fold_lanes(&mut self, total: &Group, groups: &[Group], values: &[Value]) -> Emit<Value> {
        let is_part = |group: &&Group| {
            group.lanes > 1 && group.reduction == total.reduction && group.point.jam == total.point.jam
        };
        let parts: Vec<&Group> = groups.iter().filter(is_part).collect();
        let vectors = parts.iter().map(|group| values[group.at]).collect();
        let lanes = parts.first().map_or(1, |group| group.lanes);
        let vector = self.fold_pairs(total.reduction, vectors, lanes)?;
        let dtype = self.nest.block.dtype(self.nest.reductions[total.reduction].values[0]);
        let cx = self.cx();
        let scalars = (0..lanes).map(|lane| cx.extract(vector, dtype, lane)).collect();
        self.fold_pairs(total.reduction, scalars, 1)
    }

    /// Merges neighbours until one is left.
    fn fold_pairs(&mut self, reduction: usize, mut values: Vec<Value>, lanes: usize) -> Emit<Value> {
        while values.len() > 1 {
            let mut merged = Vec::with_capacity(values.len().div_ceil(2));
            for pair in values.chunks(2) {
                merged.push(match pair {
                    [x, y] => self.merge(reduction, *x, *y, lanes)?,
                    _ => pair[0],
                });
            }
            values = merged;
        }
        Ok(values[0])
    }

    fn merge(&mut self, reduction: usize, x: Value, y: Value, lanes: usize) -> Emit<Value> {
        let reduction = &self.nest.reductions[reduction];
        let Combine::Op(op) = reduction.combine else {
            return Err(Diagnostic::bug("a vector of reduce points needs a combining operation"));
        };
        self.combine(op, self.nest.block.dtype(reduction.values[0]), x, y, lanes)
    }
}

/// What leaves any value as it is.
/// Errors: the operation has none, so that it cannot be a reduction.
fn identity(op: BinaryOp, dtype: DType) -> Emit<Literal> {
    let bits = dtype.bits();
    let (least, greatest) = match dtype.kind() {
        Kind::Float => (Literal::from_f64(dtype, f64::NEG_INFINITY), Literal::from_f64(dtype, f64::INFINITY)),
        Kind::Signed => (
            Literal::from_i64(dtype, i64::MIN >> (64 - bits)),
            Literal::from_i64(dtype, i64::MAX >> (64 - bits)),
        ),
        _ => (Literal::from_i64(dtype, 0), Literal::from_i64(dtype, -1)),
    };
    Ok(match op {
        BinaryOp::Add if dtype.is_float() => Literal::from_f64(dtype, -0.0),
        BinaryOp::Add | BinaryOp::Or | BinaryOp::Xor => Literal::from_i64(dtype, 0),
        BinaryOp::Mul => Literal::from_i64(dtype, 1),
        BinaryOp::And => Literal::from_i64(dtype, -1),
        BinaryOp::Max => least,
        BinaryOp::Min => greatest,
        _ => return Err(not_machine(format!("a reduction by {op:?}"))),
    })
}
