//! Checks the invariants of a function.
//!
//! Code generators rely on all of them: a function that passes may be refused, but not miscompiled.

mod block;
mod plan;
mod successors;

use super::{
    Affine, Block, BufferId, Combine, Dim, Function, Index, LoopVar, Nest, Phases, Place, Reduction, Role,
};
use super::{Slice, Stmt, Store, Val};
use crate::types::{DType, Extent};

/// Collects every broken invariant.
pub fn verify(function: &Function) -> Vec<String> {
    let mut cx = Cx { function, loops: Vec::new(), place: String::new(), errors: Vec::new() };
    cx.buffers();
    if cx.errors.is_empty() {
        cx.stmts(&function.body);
    }
    if cx.errors.is_empty() {
        cx.errors = successors::check(function);
    }
    cx.errors
}

struct Cx<'f> {
    function: &'f Function,
    // The loops around the statement at hand.
    loops: Vec<(LoopVar, Extent)>,
    // Which statement that is.
    place: String,
    errors: Vec<String>,
}

impl Cx<'_> {
    fn error(&mut self, message: impl std::fmt::Display) {
        self.errors.push(format!("{}{message}", self.place));
    }

    fn check(&mut self, ok: bool, message: impl FnOnce() -> String) {
        if !ok {
            self.error(message());
        }
    }

    fn buffers(&mut self) {
        let count = self.function.buffers.len();
        for (id, buffer) in self.function.buffers.iter().enumerate() {
            let bytes = buffer.size_bytes();
            match &buffer.place {
                Place::Alias(target) | Place::Next(target) => {
                    // Aliases point backwards, hence in no circle.
                    let known = self.function.buffers[..id].get(target.0 as usize);
                    let fits = known.is_some_and(|t| t.size_bytes() == bytes);
                    self.check(fits, || format!("buffer {id} is no alias of buffer {}", target.0));
                }
                Place::Arena(start) => {
                    let end = start.saturating_add(bytes);
                    self.check(end <= self.function.arena_bytes, || {
                        format!("buffer {id} ends at byte {end} of the arena")
                    });
                }
                Place::Constant(tensor) => {
                    let fits = tensor.bytes().len() == bytes;
                    self.check(fits, || format!("buffer {id} and its constant differ in size"));
                }
                Place::Input(position) | Place::Output(position) => {
                    self.check(*position < count, || format!("buffer {id} has position {position}"));
                }
                Place::Unplaced => {}
            }
        }
    }

    fn stmts(&mut self, stmts: &[Stmt]) {
        let outer = self.place.clone();
        for (position, stmt) in stmts.iter().enumerate() {
            self.place = format!("{outer}statement {position}: ");
            self.stmt(stmt);
        }
        self.place = outer;
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Nest(nest) => self.nest(nest),
            // Its body never runs.
            Stmt::Loop { count: 0, .. } => {}
            Stmt::Loop { var, count, body } => {
                let is_new = !self.loops.iter().any(|(known, _)| known == var);
                self.check(is_new, || format!("loop variable {} is bound twice", var.0));
                self.loops.push((*var, *count));
                self.stmts(body);
                self.loops.pop();
            }
            Stmt::While { condition, predicate, body } => {
                self.control_buffer(*predicate, DType::Bool);
                self.stmts(condition);
                self.stmts(body);
            }
            Stmt::Switch { selector, branches } => {
                self.control_buffer(*selector, DType::I32);
                self.check(!branches.is_empty(), || "a switch without branches".into());
                branches.iter().for_each(|branch| self.stmts(branch));
            }
            Stmt::Call(call) => {
                call.reads.iter().for_each(|slice| self.slice(slice, false));
                call.writes.iter().for_each(|slice| self.slice(slice, true));
                call.scratch.iter().for_each(|&buffer| self.scratch(buffer));
            }
        }
    }

    fn slice(&mut self, slice: &Slice, is_written: bool) {
        let Slice { buffer: id, leading } = slice;
        if !self.buffer_exists(*id) {
            return;
        }
        if is_written {
            self.writable(*id);
        }
        let shape = &self.function.buffer(*id).shape;
        let is_fixed = leading.iter().all(|position| position.dims().next().is_none());
        self.check(is_fixed && leading.len() <= shape.rank(), || {
            format!("a slice of buffer {} has positions that it cannot have", id.0)
        });
        for (axis, (position, &extent)) in leading.iter().zip(shape.extents()).enumerate() {
            if is_fixed && self.loops_exist(position) {
                self.in_range(&[], position, axis, extent, *id);
            }
        }
    }

    /// Scratch memory is the arena's: a routine may leave anything there.
    fn scratch(&mut self, id: BufferId) {
        if self.buffer_exists(id) {
            let place = &self.function.buffer(id).place;
            let is_temporary =
                matches!(place, Place::Arena(start) if start % 64 == 0) || *place == Place::Unplaced;
            self.check(is_temporary, || format!("scratch buffer {} is no aligned temporary", id.0));
        }
    }

    fn control_buffer(&mut self, id: BufferId, dtype: DType) {
        if self.buffer_exists(id) {
            let buffer = self.function.buffer(id);
            let fits = buffer.dtype == dtype && buffer.shape.is_scalar();
            self.check(fits, || format!("expected a rank-0 {dtype}, found {}{}", buffer.dtype, buffer.shape));
        }
    }

    fn buffer_exists(&mut self, id: BufferId) -> bool {
        let exists = (id.0 as usize) < self.function.buffers.len();
        self.check(exists, || format!("there is no buffer {}", id.0));
        exists
    }

    /// The loops that an index depends on are around the statement.
    fn loops_exist(&mut self, affine: &Affine) -> bool {
        let missing = affine.loops().find(|(var, _)| !self.loops.iter().any(|(known, _)| known == var));
        if let Some((var, _)) = missing {
            self.error(format!("an index depends on l{}, which is no loop around it", var.0));
        }
        missing.is_none()
    }

    fn writable(&mut self, id: BufferId) {
        if self.buffer_exists(id) {
            let root = self.function.memory(id);
            let is_fixed = matches!(self.function.buffer(root).place, Place::Input(_) | Place::Constant(_));
            self.check(!is_fixed, || format!("buffer {} is written, but read-only", id.0));
        }
    }

    fn nest(&mut self, nest: &Nest) {
        let errors_before = self.errors.len();
        self.check(nest.block.params.is_empty() && nest.block.results.is_empty(), || {
            "the block of a nest has parameters or results".into()
        });
        self.block(&nest.block, Some(nest));
        if self.errors.len() > errors_before {
            return;
        }
        let has_reduce_dims = nest.dims_with(Role::Reduce).next().is_some();
        self.check(!has_reduce_dims || !nest.reductions.is_empty(), || {
            "a nest has reduce dims, but no reductions".into()
        });
        let exists = |val: Val| (val.0 as usize) < nest.block.insts.len();
        if !nest.reductions.iter().flat_map(|fold| fold.operands()).all(exists) {
            return self.error("a reduction names a value that does not exist");
        }
        if !nest.stores.iter().flat_map(|store| store.operands()).all(exists) {
            return self.error("a store names a value that does not exist");
        }
        let phases = Phases::of(nest);
        for reduction in &nest.reductions {
            self.reduction(nest, reduction, &phases);
        }
        for store in &nest.stores {
            self.store(nest, store, &phases);
        }
        self.plan(nest);
    }

    fn reduction(&mut self, nest: &Nest, reduction: &Reduction, phases: &Phases) {
        let types = |vals: &[Val]| vals.iter().map(|&val| nest.block.dtype(val)).collect::<Vec<_>>();
        let (inits, values) = (types(&reduction.inits), types(&reduction.values));
        self.check(!inits.is_empty() && inits == values, || {
            format!("a reduction of {values:?} starts at {inits:?}")
        });
        for &init in &reduction.inits {
            let is_early = !phases.reduce_dim[init.0 as usize] && !phases.reduced[init.0 as usize];
            self.check(is_early, || format!("init {init:?} depends on a reduce dim or a result"));
        }
        for &value in &reduction.values {
            self.check(!phases.reduced[value.0 as usize], || {
                format!("folded value {value:?} depends on a result")
            });
        }
        match &reduction.combine {
            Combine::Op(_) => {
                self.check(inits.len() == 1, || format!("one operation folds {} parts", inits.len()));
            }
            Combine::Block(block) => {
                self.block(block, None);
                let results: Vec<DType> = block.results.iter().map(|&val| block.dtype(val)).collect();
                let expected = [inits.clone(), values].concat();
                self.check(block.params == expected && results == inits, || {
                    format!("a combining block maps {:?} to {results:?}", block.params)
                });
            }
        }
    }

    fn store(&mut self, nest: &Nest, store: &Store, phases: &Phases) {
        self.writable(store.buffer);
        for val in store.operands() {
            let is_late = phases.reduce_dim[val.0 as usize];
            self.check(!is_late, || format!("a store needs {val:?}, which differs along a reduce dim"));
        }
        if let Some(mask) = store.mask {
            self.check(nest.block.dtype(mask) == DType::Bool, || format!("mask {mask:?} is not a bool"));
        }
        let dtype = nest.block.dtype(store.value);
        self.access(nest, &nest.block, store.buffer, &store.indices, dtype, store.mask.is_some());
        for index in &store.indices {
            self.check(index.divisor == 1, || "a store divides an index".into());
            let reduces = index.affine.dims().any(|(dim, _)| nest.dims.get(dim).is_some_and(is_reduce));
            self.check(!reduces, || "a store is indexed by a reduce dim".into());
        }
    }

    /// The indices of a load or store. `guarded`: points outside of the buffer are allowed.
    fn access(
        &mut self,
        nest: &Nest,
        block: &Block,
        buffer: BufferId,
        indices: &[Index],
        dtype: DType,
        guarded: bool,
    ) {
        if !self.buffer_exists(buffer) {
            return;
        }
        let target = self.function.buffer(buffer);
        let rank = target.shape.rank();
        self.check(indices.len() == rank, || format!("{} indices into rank {rank}", indices.len()));
        let is_same = dtype == target.dtype || Some(dtype) == target.dtype.same_width_unsigned();
        self.check(is_same, || format!("buffer {} holds {}, not {dtype}", buffer.0, target.dtype));
        let is_empty = nest.dims.iter().any(|dim| dim.extent == 0);
        for (axis, (index, &extent)) in indices.iter().zip(target.shape.extents()).enumerate() {
            let dims_exist = index.affine.dims().all(|(dim, _)| dim < nest.dims.len());
            self.check(dims_exist, || format!("axis {axis} is indexed by a dim that does not exist"));
            let variables_exist = self.loops_exist(&index.affine) && dims_exist;
            let is_position = index.dynamic.is_none_or(|val| block.dtype(val) == DType::I64);
            self.check(is_position, || format!("axis {axis} is indexed by a value that is not i64"));
            if variables_exist && index.is_affine() && !guarded && !is_empty {
                self.in_range(&nest.dims, &index.affine, axis, extent, buffer);
            }
        }
    }

    /// Invariant: the dims and the loops of the index exist.
    fn in_range(&mut self, dims: &[Dim], affine: &Affine, axis: usize, extent: Extent, buffer: BufferId) {
        let count = |var| self.loops.iter().find(|(known, _)| *known == var).map_or(1, |(_, count)| *count);
        let (low, high) = affine.range(|dim| dims[dim].extent, count);
        let fits = low >= 0 && high < extent as i64;
        self.check(fits, || {
            format!("axis {axis} of buffer {} has extent {extent}; indices {low} to {high}", buffer.0)
        });
    }
}

fn is_reduce(dim: &super::Dim) -> bool {
    dim.role == Role::Reduce
}

#[cfg(test)]
mod tests;
