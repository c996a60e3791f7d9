//! Loop-nest IR: what lowering makes, scheduling rewrites and every code generator reads.
//!
//! A [`Function`] is a list of buffers and statements. The work is in [`Nest`]s: an iteration space, one
//! straight-line SSA [`Block`] of scalar operations, reductions, and stores. A nest is *pure*: it says which
//! value each point of its parallel dims stores, not in which order points are visited. `schedule` decides that
//! and writes it into [`Plan`]; code generators obey.
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
mod buffer;
mod builder;
mod copy;
pub mod interpret;
pub mod math;
mod nest;
pub mod nests;
mod ops;
mod phases;
mod print;
mod stmt;
mod verify;

pub use affine::{Affine, Index};
pub use block::{Access, Block, Inst, LoopVar, Val};
pub use buffer::{Buffer, BufferId, Place};
pub use builder::BlockBuilder;
pub use copy::{copy, copy_reduction, copy_store};
pub use nest::{Combine, Dim, Jam, Nest, Plan, Reduction, Role, Store, VectorPlan};
pub use ops::{BinaryOp, CompareOp, UnaryOp};
pub use phases::Phases;
pub use stmt::{Mention, RuntimeCall, Slice, Stmt, rewrite_nests};
pub use verify::verify;

use crate::types::{Aval, Extent};

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

    /// A new temporary, which has no place yet.
    pub fn new_temporary(&mut self, aval: Aval) -> BufferId {
        self.buffers.push(Buffer { dtype: aval.dtype, shape: aval.shape, place: Place::Unplaced });
        BufferId(self.buffers.len() as u32 - 1)
    }

    pub fn buffer(&self, id: BufferId) -> &Buffer {
        &self.buffers[id.0 as usize]
    }
}
