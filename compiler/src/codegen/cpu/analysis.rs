//! What can be known of a nest before code is emitted: where each instruction runs, and in how many copies.
//!
//! Instructions stand where [`crate::codegen::tree`] puts them.

use crate::codegen::tree::{self, execution_order};
use crate::loops::{Function, Nest, Phases, Role, Val};

/// Facts about a nest under its plan.
pub(super) struct Analysis {
    /// The dims from outermost to innermost: parallel and sequential ones, then reduce dims.
    pub order: Vec<usize>,
    /// How many dims are not reduce dims.
    pub outer: usize,
    // Indexed by `Val`.
    vals: Vec<Facts>,
}

/// Facts about one instruction.
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
        let depths = tree::depths(function, nest, &order, &phases);
        let mut analysis = Analysis { order, outer, vals: Vec::with_capacity(nest.block.insts.len()) };
        for (val, (per_lane, per_jam)) in nest.block.vals().zip(per_lane.into_iter().zip(per_jam)) {
            let (depth, epilogue) = (depths[val.0 as usize], phases.reduced[val.0 as usize]);
            analysis.vals.push(Facts { depth, epilogue, per_lane, per_jam, live: phases.is_live(val) });
        }
        analysis
    }

    pub fn facts(&self, val: Val) -> Facts {
        self.vals[val.0 as usize]
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
