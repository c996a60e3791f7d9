//! Loop nests: what is computed at each point of an iteration space.

use super::{Affine, BinaryOp, Block, BufferId, Index, Val};
use crate::types::Extent;

/// A loop nest around one straight-line block. See the note in [`super::phases`].
#[derive(Clone, PartialEq, Debug)]
pub struct Nest {
    pub dims: Vec<Dim>,
    /// The scalar computation. It has no parameters and no results; stores and reductions name its values.
    pub block: Block,
    pub reductions: Vec<Reduction>,
    pub stores: Vec<Store>,
    pub plan: Plan,
}

/// One dimension of the iteration space.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Dim {
    pub extent: Extent,
    pub role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Points are independent.
    Parallel,
    /// Folded by the reductions; in any order.
    Reduce,
    /// Points are visited in increasing order (a store may be read by a later point).
    Sequential,
}

/// A fold over all reduce dims, of one value or of several in step (argmax folds a value and a position).
#[derive(Clone, PartialEq, Debug)]
pub struct Reduction {
    pub combine: Combine,
    /// Start values, one per part. Invariant: they do not depend on reduce dims.
    pub inits: Vec<Val>,
    /// The values folded in, one per part.
    pub values: Vec<Val>,
}

/// How a reduction merges. An operation is treated as associative and commutative; a block folds points in row-major
/// order of the reduce dims, since those of users depend on it (the first of equal elements).
#[derive(Clone, PartialEq, Debug)]
pub enum Combine {
    /// One part, merged by an operation: Add, Mul, Max, Min, And, Or, Xor.
    Op(BinaryOp),
    /// Any number of parts. Parameters: accumulators, then values; results: accumulators.
    Block(Block),
}

/// `buffer[indices] = value`, once per parallel point.
#[derive(Clone, PartialEq, Debug)]
pub struct Store {
    pub buffer: BufferId,
    pub indices: Vec<Index>,
    pub value: Val,
    /// A bool: nothing is stored where it is false.
    pub mask: Option<Val>,
    /// Stores `combine(old, value)` instead of `value`.
    pub combine: Option<BinaryOp>,
}

/// How a nest is executed; made by `schedule`, obeyed by code generators. The default is a plain scalar nest.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// The dims from outermost to innermost; empty means as declared. Invariant: all parallel and sequential
    /// dims come before all reduce dims.
    pub order: Vec<usize>,
    /// The dim whose consecutive points fill vector lanes.
    pub vector: Option<VectorPlan>,
    /// A parallel dim of which several consecutive points run together, to reuse loads from registers.
    pub jam: Option<Jam>,
}

/// Vectorization along one dim. If it is a reduce dim, each lane has its own accumulator.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VectorPlan {
    pub dim: usize,
    /// Elements per step.
    pub lanes: usize,
    /// Steps per iteration of the main loop; independent accumulators if the dim is a reduce dim.
    pub unroll: usize,
}

/// Register blocking along one parallel dim.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Jam {
    pub dim: usize,
    pub factor: usize,
}

impl Nest {
    /// A nest without dims, instructions or stores.
    pub fn new(dims: Vec<Dim>) -> Self {
        let (block, plan) = (Block::default(), Plan::default());
        Nest { dims, block, reductions: Vec::new(), stores: Vec::new(), plan }
    }

    /// The positions of the dims with this role, outermost first.
    pub fn dims_with(&self, role: Role) -> impl Iterator<Item = usize> + '_ {
        (0..self.dims.len()).filter(move |&dim| self.dims[dim].role == role)
    }
}

impl Dim {
    pub fn parallel(extent: Extent) -> Self {
        Dim { extent, role: Role::Parallel }
    }

    pub fn reduce(extent: Extent) -> Self {
        Dim { extent, role: Role::Reduce }
    }
}

impl Store {
    /// The values it reads: what is stored, the mask, positions that the block computes.
    pub fn operands(&self) -> impl Iterator<Item = Val> + '_ {
        let positions = self.indices.iter().filter_map(|index| index.dynamic);
        [self.value].into_iter().chain(self.mask).chain(positions)
    }

    /// The same store with every operand replaced, in the order of [`Store::operands`].
    pub fn map_operands(&self, mut map: impl FnMut(Val) -> Val) -> Store {
        let mut store = self.clone();
        store.value = map(store.value);
        store.mask = store.mask.map(&mut map);
        store.indices.iter_mut().for_each(|index| index.dynamic = index.dynamic.map(&mut map));
        store
    }

    /// Replaces each dim `d` by `map[d]`.
    pub fn substitute(&mut self, map: &[Affine]) {
        self.indices.iter_mut().for_each(|index| index.affine = index.affine.substitute(map));
    }
}

impl Reduction {
    /// The values it reads: start values, then what is folded.
    pub fn operands(&self) -> impl Iterator<Item = Val> + '_ {
        self.inits.iter().chain(&self.values).copied()
    }

    /// The same reduction with every operand replaced, in the order of [`Reduction::operands`].
    pub fn map_operands(&self, mut map: impl FnMut(Val) -> Val) -> Reduction {
        let mut reduction = self.clone();
        reduction.inits.iter_mut().chain(&mut reduction.values).for_each(|val| *val = map(*val));
        reduction
    }
}
