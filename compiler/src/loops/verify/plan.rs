//! Plans: orders that keep the meaning, vectors that fit the values.

use super::Cx;
use crate::loops::{Combine, Inst, Nest, Role, Val, VectorPlan};
use crate::types::DType;

impl Cx<'_> {
    pub(super) fn plan(&mut self, nest: &Nest) {
        let plan = &nest.plan;
        if !plan.order.is_empty() {
            let mut sorted = plan.order.clone();
            sorted.sort_unstable();
            if !sorted.into_iter().eq(0..nest.dims.len()) {
                return self.error(format!("the order {:?} does not list every dim once", plan.order));
            }
            let roles: Vec<Role> = plan.order.iter().map(|&dim| nest.dims[dim].role).collect();
            self.check(roles.is_sorted_by_key(|role| *role == Role::Reduce), || {
                "a reduce dim comes before another".into()
            });
        }
        let position = |dim: usize| plan.order.iter().position(|&other| other == dim).unwrap_or(dim);
        let together = plan.vector.map(|vector| vector.dim).into_iter().chain(plan.jam.map(|jam| jam.dim));
        for dim in together {
            if dim >= nest.dims.len() {
                return self.error(format!("the plan names dim {dim}, which does not exist"));
            }
            let mut sequential = nest.dims_with(Role::Sequential);
            let keeps_order = sequential.all(|other| position(other) < position(dim));
            self.check(keeps_order, || format!("points of dim {dim} run together around a sequential dim"));
        }
        if let Some(vector) = plan.vector {
            self.vector(nest, vector);
        }
        if let Some(jam) = plan.jam {
            let is_parallel = nest.dims[jam.dim].role == Role::Parallel;
            let is_free = plan.vector.is_none_or(|vector| vector.dim != jam.dim);
            self.check(is_parallel && is_free && jam.factor > 0, || format!("{jam:?} is not possible"));
        }
    }

    fn vector(&mut self, nest: &Nest, vector: VectorPlan) {
        let VectorPlan { dim, lanes, unroll } = vector;
        self.check(matches!(lanes, 2 | 4 | 8 | 16) && unroll > 0, || format!("{vector:?} is not possible"));
        if nest.dims[dim].role == Role::Reduce {
            let all = nest.reductions.iter().all(|reduction| matches!(reduction.combine, Combine::Op(_)));
            self.check(all, || "a vector of reduce points needs operations that combine".into());
        }
        for (val, varies) in nest.block.vals().zip(nest.varying(dim)) {
            let dtype = nest.block.dtype(val);
            // Positions exist only as part of indices and conversions.
            let is_value = varies && dtype != DType::Bool && !matches!(nest.block.inst(val), Inst::Dim(_));
            let fits = !is_value || dtype.size_bytes() * lanes == 16;
            self.check(fits, || format!("{val:?} of type {dtype} does not fill {lanes} lanes"));
            if varies {
                self.positions_and_masks(nest, val, vector);
            }
        }
    }

    /// Positions count in lanes of the width of what they are converted to. Masks have all bits of a lane alike, so
    /// positions do not convert to Bool in lanes (legalization makes a comparison of that), and an operation takes
    /// positions as they are only where lanes have their width.
    fn positions_and_masks(&mut self, nest: &Nest, val: Val, vector: VectorPlan) {
        let block = &nest.block;
        let is_position = |x: &Val| matches!(block.inst(*x), Inst::Dim(dim) if *dim == vector.dim);
        match block.inst(val) {
            Inst::Convert(x) => {
                let makes_mask = block.dtype(val) == DType::Bool && is_position(x);
                self.check(!makes_mask, || format!("{val:?} converts positions to masks"));
            }
            inst => {
                let fits = vector.lanes == 2 || !inst.operands().iter().any(is_position);
                self.check(fits, || format!("{val:?} takes positions in {} lanes", vector.lanes));
            }
        }
        let stored = nest.stores.iter().any(|store| store.value == val && is_position(&val));
        self.check(!stored || vector.lanes == 2, || format!("positions {val:?} are stored by lanes"));
    }
}
