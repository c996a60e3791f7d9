//! Straight-line SSA over scalars: the leaf IR.

use super::{BinaryOp, BufferId, CompareOp, Index, UnaryOp};
use crate::types::{DType, Literal};
use std::sync::Arc;

/// A value of a [`Block`]: the position of the instruction that makes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Val(pub u32);

/// The variable of a [`super::Stmt::Loop`], unique within its function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LoopVar(pub u32);

/// Straight-line code. Build it with [`super::BlockBuilder`].
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Block {
    pub params: Vec<DType>,
    // Invariant: operands precede their users; `types[i]` is the type of `insts[i]`.
    pub insts: Vec<Inst>,
    pub types: Vec<DType>,
    pub results: Vec<Val>,
}

impl Block {
    pub fn inst(&self, val: Val) -> &Inst {
        &self.insts[val.0 as usize]
    }

    pub fn dtype(&self, val: Val) -> DType {
        self.types[val.0 as usize]
    }

    /// Does it, or a slow path in it, call a routine of the runtime archive?
    pub fn calls_runtime(&self) -> bool {
        self.insts.iter().any(|inst| match inst {
            Inst::Call { .. } => true,
            Inst::Rare { slow, .. } => slow.calls_runtime(),
            Inst::Param(_) | Inst::Const(_) | Inst::Dim(_) | Inst::LoopIndex(_) | Inst::Load(_) => false,
            Inst::Unary(..) | Inst::Binary(..) | Inst::Compare(..) | Inst::Select { .. } | Inst::Fma(..) => {
                false
            }
            Inst::Convert(_) | Inst::Bitcast(_) | Inst::Reduced { .. } | Inst::Table { .. } => false,
        })
    }

    /// All loads, in order.
    pub fn loads(&self) -> impl Iterator<Item = &Access> {
        self.insts.iter().filter_map(Inst::as_load)
    }

    /// All loads, in order, to be changed.
    pub fn loads_mut(&mut self) -> impl Iterator<Item = &mut Access> {
        self.insts.iter_mut().filter_map(Inst::as_load_mut)
    }

    /// The variables of enclosing loops it uses, to be changed.
    pub fn loop_vars_mut(&mut self) -> impl Iterator<Item = &mut LoopVar> {
        self.insts
            .iter_mut()
            .filter_map(|inst| if let Inst::LoopIndex(var) = inst { Some(var) } else { None })
    }

    /// All values, in order of definition.
    pub fn vals(&self) -> impl DoubleEndedIterator<Item = Val> + use<> {
        (0..self.insts.len() as u32).map(Val)
    }
}

/// One instruction, one result.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Inst {
    /// A parameter of the block.
    Param(usize),
    Const(Literal),
    /// The position along a dim of the nest. Type: I64.
    Dim(usize),
    /// The position of an enclosing [`super::Stmt::Loop`]. Type: I64.
    LoopIndex(LoopVar),
    Load(Access),
    Unary(UnaryOp, Val),
    /// Both operands have one type; shift amounts too.
    Binary(BinaryOp, Val, Val),
    /// Operands of one type; the result is Bool.
    Compare(CompareOp, Val, Val),
    Select {
        mask: Val,
        on_true: Val,
        on_false: Val,
    },
    /// `a * b + c`, fused where the target can, else rounded twice.
    Fma(Val, Val, Val),
    /// Value conversion. Float to integer saturates, NaN gives 0; integers wrap; to Bool is `!= 0`; a complex number
    /// becomes real by its real part.
    Convert(Val),
    /// The same bits under another type of the same width.
    Bitcast(Val),
    /// The result of `Nest::reductions[reduction]`, part `part`.
    Reduced {
        reduction: usize,
        part: usize,
    },
    /// `table[index]`, the index (I64) being in range: constants of a slow path.
    Table {
        entries: Arc<Vec<Literal>>,
        index: Val,
    },
    /// `when ? slow(args) : fast`, where `when` is almost always false: a code generator may test a whole vector
    /// at once and skip `slow`. `slow` has one result, no loads, no dims.
    Rare {
        when: Val,
        fast: Val,
        slow: Arc<Block>,
        args: Vec<Val>,
    },
    /// A scalar routine of the runtime archive: one or more values in, one out, all of the result's type.
    Call {
        symbol: &'static str,
        args: Vec<Val>,
    },
}

impl Inst {
    pub fn as_load(&self) -> Option<&Access> {
        if let Inst::Load(access) = self { Some(access) } else { None }
    }

    pub fn as_load_mut(&mut self) -> Option<&mut Access> {
        if let Inst::Load(access) = self { Some(access) } else { None }
    }

    /// The values it reads, in order; index and fill values of a load included.
    pub fn operands(&self) -> Vec<Val> {
        match self {
            Inst::Param(_) | Inst::Const(_) | Inst::Dim(_) | Inst::LoopIndex(_) | Inst::Reduced { .. } => {
                vec![]
            }
            Inst::Load(access) => access.operands(),
            Inst::Unary(_, x) | Inst::Convert(x) | Inst::Bitcast(x) | Inst::Table { index: x, .. } => {
                vec![*x]
            }
            Inst::Binary(_, x, y) | Inst::Compare(_, x, y) => vec![*x, *y],
            Inst::Select { mask, on_true, on_false } => vec![*mask, *on_true, *on_false],
            Inst::Fma(x, y, z) => vec![*x, *y, *z],
            Inst::Rare { when, fast, args, .. } => [&[*when, *fast], args.as_slice()].concat(),
            Inst::Call { args, .. } => args.clone(),
        }
    }

    /// The same instruction with every operand replaced.
    pub fn map_operands(&self, mut map: impl FnMut(Val) -> Val) -> Inst {
        let mut inst = self.clone();
        match &mut inst {
            Inst::Param(_) | Inst::Const(_) | Inst::Dim(_) | Inst::LoopIndex(_) | Inst::Reduced { .. } => {}
            Inst::Load(access) => access.map_operands(&mut map),
            Inst::Unary(_, x) | Inst::Convert(x) | Inst::Bitcast(x) | Inst::Table { index: x, .. } => {
                *x = map(*x)
            }
            Inst::Binary(_, x, y) | Inst::Compare(_, x, y) => (*x, *y) = (map(*x), map(*y)),
            Inst::Select { mask, on_true, on_false } => {
                (*mask, *on_true, *on_false) = (map(*mask), map(*on_true), map(*on_false));
            }
            Inst::Fma(x, y, z) => (*x, *y, *z) = (map(*x), map(*y), map(*z)),
            Inst::Rare { when, fast, args, .. } => {
                (*when, *fast) = (map(*when), map(*fast));
                args.iter_mut().for_each(|arg| *arg = map(*arg));
            }
            Inst::Call { args, .. } => args.iter_mut().for_each(|arg| *arg = map(*arg)),
        }
        inst
    }
}

/// One element of a buffer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Access {
    pub buffer: BufferId,
    /// One per axis of the buffer.
    pub indices: Vec<Index>,
    /// What is read outside of the buffer's extents. Without it, the nest guarantees that all points are inside.
    pub fill: Option<Val>,
}

impl Access {
    pub fn new(buffer: BufferId, indices: Vec<Index>) -> Self {
        Access { buffer, indices, fill: None }
    }

    fn operands(&self) -> Vec<Val> {
        self.indices.iter().filter_map(|index| index.dynamic).chain(self.fill).collect()
    }

    fn map_operands(&mut self, map: &mut impl FnMut(Val) -> Val) {
        for index in &mut self.indices {
            index.dynamic = index.dynamic.map(&mut *map);
        }
        self.fill = self.fill.map(map);
    }
}
