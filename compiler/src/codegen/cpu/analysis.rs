//! What can be known of a nest before code is emitted: where each instruction runs, and in how many copies.
//!
//! # Note: depth
//! With the dims in the order of the plan, the depth of an instruction is the number of loops it must stand in.
//! Instructions run at their depth, once for all iterations of deeper loops. Those that depend on a reduction's
//! result run after the reduce loops, at the depth of the last parallel dim.

use crate::loops::{Access, Function, Inst, Nest, Phases, Role, Val};

/// Facts about a nest under its plan.
pub(super) struct Analysis {
    /// The dims from outermost to innermost: parallel and sequential ones, then reduce dims.
    pub order: Vec<usize>,
    /// How many dims are not reduce dims.
    pub outer: usize,
    // Indexed by `Val`.
    vals: Vec<Facts>,
}

/// Facts about one instruction. See Note: depth.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    pub depth: usize,
    /// Runs after the reductions.
    pub epilogue: bool,
    /// Differs between the lanes of a vector.
    pub per_lane: bool,
    /// Differs between the points that are jammed together.
    pub per_jam: bool,
    /// Some store or reduction needs it.
    pub live: bool,
}

impl Analysis {
    pub fn of(function: &Function, nest: &Nest) -> Analysis {
        let order = execution_order(nest);
        let outer = nest.dims.iter().filter(|dim| dim.role != Role::Reduce).count();
        let varying = |dim: Option<usize>| match dim {
            Some(dim) => nest.varying(dim),
            None => vec![false; nest.block.insts.len()],
        };
        let per_lane = varying(nest.plan.vector.map(|vector| vector.dim));
        let per_jam = varying(nest.plan.jam.map(|jam| jam.dim));
        let phases = Phases::of(nest);
        let mut analysis = Analysis { order, outer, vals: Vec::with_capacity(nest.block.insts.len()) };
        for (val, (per_lane, per_jam)) in nest.block.vals().zip(per_lane.into_iter().zip(per_jam)) {
            let epilogue = phases.reduced[val.0 as usize];
            let depth = if epilogue { outer } else { analysis.depth(function, nest, val) };
            analysis.vals.push(Facts { depth, epilogue, per_lane, per_jam, live: phases.is_live(val) });
        }
        analysis
    }

    pub fn facts(&self, val: Val) -> Facts {
        self.vals[val.0 as usize]
    }

    /// The depth of an instruction that does not come after the reductions.
    fn depth(&self, function: &Function, nest: &Nest, val: Val) -> usize {
        let inst = nest.block.inst(val);
        let depths = inst.operands().into_iter().map(|operand| self.facts(operand).depth);
        let mut depth = depths.max().unwrap_or(0);
        if let Inst::Dim(dim) = inst {
            depth = self.depth_of(*dim);
        } else if let Inst::Load(access) = inst {
            for (dim, _) in access.indices.iter().flat_map(|index| index.affine.dims()) {
                depth = depth.max(self.depth_of(dim));
            }
            if may_be_overwritten(function, nest, access) {
                depth = depth.max(self.outer);
            }
        }
        depth
    }

    fn depth_of(&self, dim: usize) -> usize {
        1 + self.order.iter().position(|&other| other == dim).expect("the order lists every dim")
    }

    /// In which copies a reduction differs; all its parts share that. Over a vector of reduce points there is one
    /// result.
    pub fn reduced_facts(&self, nest: &Nest, reduction: usize) -> Facts {
        let reduction = &nest.reductions[reduction];
        let mut facts = Facts { epilogue: true, depth: self.outer, ..Facts::default() };
        for val in reduction.operands() {
            facts.per_lane |= self.facts(val).per_lane;
            facts.per_jam |= self.facts(val).per_jam;
        }
        facts.per_lane &= !vector_is_reduced(nest);
        facts
    }
}

/// Is the vector dim a reduce dim, so that lanes are partial results?
pub(super) fn vector_is_reduced(nest: &Nest) -> bool {
    nest.plan.vector.is_some_and(|vector| nest.dims[vector.dim].role == Role::Reduce)
}

/// The order of the plan, or the declared one with reduce dims last.
fn execution_order(nest: &Nest) -> Vec<usize> {
    if !nest.plan.order.is_empty() {
        return nest.plan.order.clone();
    }
    let (reduce, outer): (Vec<usize>, Vec<usize>) =
        (0..nest.dims.len()).partition(|&dim| nest.dims[dim].role == Role::Reduce);
    [outer, reduce].concat()
}

/// May an earlier point of the nest have written what this load reads? Only sequential dims allow that.
fn may_be_overwritten(function: &Function, nest: &Nest, access: &Access) -> bool {
    nest.dims_with(Role::Sequential).next().is_some()
        && nest.stores.iter().any(|store| function.share_bytes(store.buffer, access.buffer))
}
