//! Loop-nest IR: what lowering makes, scheduling rewrites and every code generator reads.
//!
//! A [`Function`] is a list of buffers and statements. The work is in [`Nest`]s: an iteration space, one
//! straight-line SSA [`Block`] of scalar operations, reductions, and stores. A nest is *pure*: it says which
//! value each point of its parallel dims stores, not in which order points are visited. `schedule` decides that
//! and writes it into [`Plan`]; code generators obey.
//!
//! # Note: phases of a nest
//! `Inst::Reduced` is the result of a reduction over all reduce dims. Instructions that a reduction's values
//! need run inside the reduce dims; everything that uses a `Reduced` runs after them (the *epilogue*: bias and
//! activation of a matrix product, the division of a mean). Nothing marks the phase: it follows from use.
//!
//! # Note: tensor indices
//! Accesses carry one [`Index`] per axis of their buffer, affine in the dims. That form composes (the body of a
//! producer can replace a load of its consumer); code generators flatten it with the buffer's row-major strides. The
//! position of a loop around the nest is a variable like a dim: a step of a loop that reads or writes one row of an array
//! has it as the first index.
//!
//! # Note: machine subset
//! `schedule::legalize` rewrites every instruction to the *machine subset* before code generation: values are Bool,
//! I8..I64, U8..U64, F32 or F64 (f16 and bf16 buffers are loaded and stored as U16 bits, random keys as U64 words whose
//! low half is the first word of the key); operations are those
//! for which [`UnaryOp::is_machine`] and [`BinaryOp::is_machine`] hold, and Compare, Select, Fma, Convert, Bitcast,
//! Table, Rare and Call. Functions such as exp become sequences of these ([`math`]).

pub mod address;
mod affine;
mod block;
mod builder;
mod copy;
pub mod interpret;
pub mod math;
pub mod nests;
mod ops;
mod print;
mod stmt;
mod verify;

pub use affine::{Affine, Index};
pub use block::{Access, Block, Inst, LoopVar, Val};
pub use builder::BlockBuilder;
pub use copy::copy;
pub use ops::{BinaryOp, CompareOp, UnaryOp};
pub use stmt::{Mention, RuntimeCall, Slice, Stmt, rewrite_nests};
pub use verify::verify;

use crate::types::{Aval, DType, Extent, Shape, Tensor};
use std::sync::Arc;

/// The functions of one object file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Module {
    pub functions: Vec<Function>,
}

/// One compiled function: inputs and outputs are buffers of the caller, temporaries live in one arena.
#[derive(Clone, PartialEq, Debug)]
pub struct Function {
    pub name: String,
    pub buffers: Vec<Buffer>,
    pub body: Vec<Stmt>,
    /// Size of the arena that the caller provides. Units: bytes.
    pub arena_bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BufferId(pub u32);

/// A row-major array in memory.
#[derive(Clone, PartialEq, Debug)]
pub struct Buffer {
    pub dtype: DType,
    pub shape: Shape,
    pub place: Place,
}

/// Where a buffer's bytes are.
#[derive(Clone, PartialEq, Debug)]
pub enum Place {
    /// The caller's input at this position; never written.
    Input(usize),
    /// The caller's output at this position.
    Output(usize),
    /// Read-only data of the object.
    Constant(Arc<Tensor>),
    /// A temporary that has no address yet.
    Unplaced,
    /// A temporary in the arena. Units: bytes from the arena's start.
    Arena(usize),
    /// The same bytes as another buffer, under another shape or dtype of equal size.
    Alias(BufferId),
    /// The same bytes as another buffer of its shape and dtype, holding the value that follows that buffer's in the next
    /// step of a loop. See the note in [`address`].
    Next(BufferId),
}

/// A loop nest around one straight-line block. See Note: phases of a nest.
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

impl Dim {
    pub fn parallel(extent: Extent) -> Self {
        Dim { extent, role: Role::Parallel }
    }

    pub fn reduce(extent: Extent) -> Self {
        Dim { extent, role: Role::Reduce }
    }
}

impl Function {
    /// Does it call routines of the runtime archive?
    pub fn uses_runtime(&self) -> bool {
        let mut found = false;
        for stmt in &self.body {
            stmt.walk(&mut |stmt| match stmt {
                Stmt::Nest(nest) => found |= nest.block.calls_runtime(),
                Stmt::Call(_) => found = true,
                Stmt::Loop { .. } | Stmt::While { .. } | Stmt::Switch { .. } => {}
            });
        }
        found
    }

    /// A new buffer behind all others in the arena.
    pub fn new_temporary(&mut self, aval: Aval) -> BufferId {
        let offset = self.arena_bytes.next_multiple_of(64);
        self.arena_bytes = offset + aval.size_bytes();
        self.buffers.push(Buffer { dtype: aval.dtype, shape: aval.shape, place: Place::Arena(offset) });
        BufferId(self.buffers.len() as u32 - 1)
    }

    pub fn buffer(&self, id: BufferId) -> &Buffer {
        &self.buffers[id.0 as usize]
    }
}
