//! When the instructions of a nest run, and along which dims their values differ. Whoever asks that asks here.
//!
//! # Note: phases of a nest
//! `Inst::Reduced` is the result of a reduction over all reduce dims. Instructions that a reduction's values
//! need run inside the reduce dims; everything that uses a `Reduced` runs after them (the *epilogue*: bias and
//! activation of a matrix product, the division of a mean). Nothing marks the phase: it follows from use. An
//! instruction may run in several.

use super::{Block, Inst, Nest, Reduction, Role, Val};

/// What follows from use, by instruction.
#[derive(Clone, Debug)]
pub struct Phases {
    /// Depends on a reduce dim, otherwise than through the result of a reduction.
    pub reduce_dim: Vec<bool>,
    /// Depends on the result of a reduction.
    pub reduced: Vec<bool>,
    /// A start value of a reduction needs it.
    pub inits: Vec<bool>,
    /// What a reduction folds needs it.
    pub folded: Vec<bool>,
    /// A store needs it.
    pub stored: Vec<bool>,
}

impl Phases {
    /// Invariant: operands precede their users, and the dims exist.
    pub fn of(nest: &Nest) -> Phases {
        let count = nest.block.insts.len();
        let (mut reduce_dim, mut reduced) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let is_reduce = |dim: usize| nest.dims[dim].role == Role::Reduce;
        for inst in &nest.block.insts {
            let operands = inst.operands();
            let any = |of: &[bool]| operands.iter().any(|operand| of[operand.0 as usize]);
            let own = match inst {
                Inst::Dim(dim) => is_reduce(*dim),
                Inst::Load(access) => {
                    access.indices.iter().any(|index| index.affine.dims().any(|(dim, _)| is_reduce(dim)))
                }
                Inst::Param(_) | Inst::Const(_) | Inst::LoopIndex(_) | Inst::Reduced { .. } => false,
                Inst::Unary(..) | Inst::Binary(..) | Inst::Compare(..) | Inst::Select { .. } => false,
                Inst::Fma(..) | Inst::Convert(_) | Inst::Bitcast(_) => false,
                Inst::Table { .. } | Inst::Rare { .. } | Inst::Call { .. } => false,
            };
            let (depends, is_late) = (own || any(&reduce_dim), any(&reduced));
            reduce_dim.push(depends);
            reduced.push(is_late || matches!(inst, Inst::Reduced { .. }));
        }
        Phases {
            reduce_dim,
            reduced,
            inits: needed(&nest.block, nest.reductions.iter().flat_map(|fold| fold.inits.iter().copied())),
            folded: needed(&nest.block, nest.reductions.iter().flat_map(|fold| fold.values.iter().copied())),
            stored: needed(&nest.block, nest.stores.iter().flat_map(|store| store.operands())),
        }
    }

    /// Does a reduction or a store need it?
    pub fn is_live(&self, val: Val) -> bool {
        let at = val.0 as usize;
        self.inits[at] || self.folded[at] || self.stored[at]
    }
}

/// The instructions that the roots depend on, roots included.
fn needed(block: &Block, roots: impl Iterator<Item = Val>) -> Vec<bool> {
    let mut needed = vec![false; block.insts.len()];
    roots.for_each(|root| needed[root.0 as usize] = true);
    for val in block.vals().rev() {
        if needed[val.0 as usize] {
            block.inst(val).operands().iter().for_each(|operand| needed[operand.0 as usize] = true);
        }
    }
    needed
}

impl Nest {
    /// For each instruction: does its value differ along `dim`? The result of a reduction over `dim` does not.
    pub fn varying(&self, dim: usize) -> Vec<bool> {
        // A result may stand before the values it is made of, which never depend on results.
        let folded = self.varying_given(dim, &[]);
        self.varying_given(dim, &folded)
    }

    fn varying_given(&self, dim: usize, folded: &[bool]) -> Vec<bool> {
        let is_folded = |val: &Val| folded.get(val.0 as usize) == Some(&true);
        let mut varying: Vec<bool> = Vec::with_capacity(self.block.insts.len());
        for inst in &self.block.insts {
            let mut varies = inst.operands().iter().any(|operand| varying[operand.0 as usize]);
            if let Inst::Dim(other) = inst {
                varies = *other == dim;
            } else if let Inst::Load(access) = inst {
                varies |= access.indices.iter().any(|index| index.affine.coefficient(dim) != 0);
            } else if let Inst::Reduced { reduction, .. } = inst
                && self.dims[dim].role != Role::Reduce
            {
                let Reduction { inits, values, .. } = &self.reductions[*reduction];
                varies = inits.iter().chain(values).any(is_folded);
            }
            varying.push(varies);
        }
        varying
    }
}
