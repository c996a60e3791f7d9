//! Builds a [`Block`], one instruction at a time; equal instructions are shared.

use super::{Access, Affine, BinaryOp, Block, CompareOp, Inst, LoopVar, UnaryOp, Val};
use crate::types::{DType, Literal};
use rustc_hash::{FxBuildHasher, FxHasher};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Blocks up to this length are searched, which costs less than a table of what they hold.
const SEARCHED: usize = 16;

/// Appends instructions to a block. Types of results follow from the operands.
#[derive(Default)]
pub struct BlockBuilder {
    block: Block,
    // The instructions by their hash. Invariant: empty while the block is searched.
    known: HashMap<u64, SmallVec<[Val; 1]>, FxBuildHasher>,
}

impl BlockBuilder {
    pub fn new() -> Self {
        BlockBuilder::default()
    }

    /// Continues an existing block.
    pub fn from_block(block: Block) -> Self {
        let mut builder = BlockBuilder { block, known: HashMap::default() };
        if builder.block.insts.len() > SEARCHED {
            builder.index();
        }
        builder
    }

    pub fn block(&self) -> &Block {
        &self.block
    }

    /// Ends a nest's block, which has no results.
    pub fn finish(self) -> Block {
        self.block
    }

    /// Ends a block with results.
    pub fn finish_with(mut self, results: Vec<Val>) -> Block {
        self.block.results = results;
        self.block
    }

    pub fn dtype(&self, val: Val) -> DType {
        self.block.dtype(val)
    }

    /// The constant that `val` is, if it is one.
    pub fn as_const(&self, val: Val) -> Option<Literal> {
        match self.block.inst(val) {
            Inst::Const(literal) => Some(*literal),
            _ => None,
        }
    }

    /// Adds `inst` or finds an equal one. The caller vouches for `dtype`; the verifier checks it.
    pub fn push(&mut self, inst: Inst, dtype: DType) -> Val {
        let is_same = |&val: &Val| self.block.dtype(val) == dtype && *self.block.inst(val) == inst;
        let is_searched = self.block.insts.len() <= SEARCHED;
        let hash = if is_searched { 0 } else { hash_of(&inst, dtype) };
        let found = match is_searched {
            true => self.block.vals().find(is_same),
            false => self.known.get(&hash).and_then(|vals| vals.iter().copied().find(is_same)),
        };
        if let Some(val) = found {
            return val;
        }
        let val = Val(self.block.insts.len() as u32);
        self.block.insts.push(inst);
        self.block.types.push(dtype);
        match is_searched {
            true if self.block.insts.len() > SEARCHED => self.index(),
            true => {}
            false => self.known.entry(hash).or_default().push(val),
        }
        val
    }

    /// Enters all instructions into the table.
    fn index(&mut self) {
        for val in self.block.vals() {
            let hash = hash_of(self.block.inst(val), self.block.dtype(val));
            self.known.entry(hash).or_default().push(val);
        }
    }

    pub fn param(&mut self, dtype: DType) -> Val {
        self.block.params.push(dtype);
        self.push(Inst::Param(self.block.params.len() - 1), dtype)
    }

    pub fn literal(&mut self, literal: Literal) -> Val {
        self.push(Inst::Const(literal), literal.dtype())
    }

    /// A constant of any real type, rounded to it.
    pub fn float(&mut self, dtype: DType, value: f64) -> Val {
        self.literal(Literal::from_f64(dtype, value))
    }

    /// An integer constant; wrapped to integer types, rounded to floating ones.
    pub fn int(&mut self, dtype: DType, value: i64) -> Val {
        self.literal(Literal::from_i64(dtype, value))
    }

    pub fn bool(&mut self, value: bool) -> Val {
        self.literal(Literal::bool(value))
    }

    pub fn dim(&mut self, dim: usize) -> Val {
        self.push(Inst::Dim(dim), DType::I64)
    }

    /// The I64 value of an affine index.
    pub fn position(&mut self, index: &Affine) -> Val {
        let dtype = DType::I64;
        let mut sum = None;
        let mut add = |b: &mut Self, at: Val, coefficient: i64| {
            let factor = b.int(dtype, coefficient);
            let term = if coefficient == 1 { at } else { b.mul(at, factor) };
            sum = Some(sum.map_or(term, |sum| b.add(sum, term)));
        };
        for (dim, coefficient) in index.dims() {
            let at = self.dim(dim);
            add(self, at, coefficient);
        }
        for (var, coefficient) in index.loops() {
            let at = self.loop_index(var);
            add(self, at, coefficient);
        }
        match (sum, index.constant) {
            (Some(sum), 0) => sum,
            (None, constant) => self.int(dtype, constant),
            (Some(sum), constant) => {
                let constant = self.int(dtype, constant);
                self.add(sum, constant)
            }
        }
    }

    pub fn loop_index(&mut self, var: LoopVar) -> Val {
        self.push(Inst::LoopIndex(var), DType::I64)
    }

    pub fn load(&mut self, access: Access, dtype: DType) -> Val {
        self.push(Inst::Load(access), dtype)
    }

    pub fn reduced(&mut self, reduction: usize, part: usize, dtype: DType) -> Val {
        self.push(Inst::Reduced { reduction, part }, dtype)
    }

    pub fn unary(&mut self, op: UnaryOp, x: Val) -> Val {
        self.push(Inst::Unary(op, x), op.result_dtype(self.dtype(x)))
    }

    pub fn binary(&mut self, op: BinaryOp, x: Val, y: Val) -> Val {
        self.push(Inst::Binary(op, x, y), op.result_dtype(self.dtype(x)))
    }

    pub fn compare(&mut self, op: CompareOp, x: Val, y: Val) -> Val {
        self.push(Inst::Compare(op, x, y), DType::Bool)
    }

    pub fn select(&mut self, mask: Val, on_true: Val, on_false: Val) -> Val {
        if on_true == on_false {
            return on_true;
        }
        self.push(Inst::Select { mask, on_true, on_false }, self.dtype(on_true))
    }

    /// `x * y + z`.
    pub fn fma(&mut self, x: Val, y: Val, z: Val) -> Val {
        self.push(Inst::Fma(x, y, z), self.dtype(x))
    }

    /// Value conversion; none if the type is already right.
    pub fn convert(&mut self, x: Val, dtype: DType) -> Val {
        if self.dtype(x) == dtype { x } else { self.push(Inst::Convert(x), dtype) }
    }

    pub fn bitcast(&mut self, x: Val, dtype: DType) -> Val {
        if self.dtype(x) == dtype { x } else { self.push(Inst::Bitcast(x), dtype) }
    }

    pub fn table(&mut self, entries: Arc<Vec<Literal>>, index: Val) -> Val {
        let dtype = entries.first().expect("a table has entries").dtype();
        self.push(Inst::Table { entries, index }, dtype)
    }

    pub fn rare(&mut self, when: Val, fast: Val, slow: Block, args: Vec<Val>) -> Val {
        self.push(Inst::Rare { when, fast, slow: Arc::new(slow), args }, self.dtype(fast))
    }

    pub fn call(&mut self, symbol: &'static str, args: Vec<Val>) -> Val {
        let dtype = self.dtype(args[0]);
        self.push(Inst::Call { symbol, args }, dtype)
    }

    pub fn neg(&mut self, x: Val) -> Val {
        self.unary(UnaryOp::Neg, x)
    }

    pub fn abs(&mut self, x: Val) -> Val {
        self.unary(UnaryOp::Abs, x)
    }

    pub fn not(&mut self, x: Val) -> Val {
        self.unary(UnaryOp::Not, x)
    }

    pub fn sqrt(&mut self, x: Val) -> Val {
        self.unary(UnaryOp::Sqrt, x)
    }

    pub fn add(&mut self, x: Val, y: Val) -> Val {
        self.binary(BinaryOp::Add, x, y)
    }

    pub fn sub(&mut self, x: Val, y: Val) -> Val {
        self.binary(BinaryOp::Sub, x, y)
    }

    pub fn mul(&mut self, x: Val, y: Val) -> Val {
        self.binary(BinaryOp::Mul, x, y)
    }

    pub fn div(&mut self, x: Val, y: Val) -> Val {
        self.binary(BinaryOp::Div, x, y)
    }

    pub fn and(&mut self, x: Val, y: Val) -> Val {
        self.binary(BinaryOp::And, x, y)
    }

    pub fn or(&mut self, x: Val, y: Val) -> Val {
        self.binary(BinaryOp::Or, x, y)
    }

    pub fn xor(&mut self, x: Val, y: Val) -> Val {
        self.binary(BinaryOp::Xor, x, y)
    }

    pub fn shl(&mut self, x: Val, amount: Val) -> Val {
        self.binary(BinaryOp::ShiftLeft, x, amount)
    }

    /// Logical shift right.
    pub fn shr(&mut self, x: Val, amount: Val) -> Val {
        self.binary(BinaryOp::ShiftRightLogical, x, amount)
    }

    /// Arithmetic shift right.
    pub fn sar(&mut self, x: Val, amount: Val) -> Val {
        self.binary(BinaryOp::ShiftRightArithmetic, x, amount)
    }

    pub fn eq(&mut self, x: Val, y: Val) -> Val {
        self.compare(CompareOp::Eq, x, y)
    }

    pub fn ne(&mut self, x: Val, y: Val) -> Val {
        self.compare(CompareOp::Ne, x, y)
    }

    pub fn lt(&mut self, x: Val, y: Val) -> Val {
        self.compare(CompareOp::Lt, x, y)
    }

    pub fn le(&mut self, x: Val, y: Val) -> Val {
        self.compare(CompareOp::Le, x, y)
    }

    pub fn gt(&mut self, x: Val, y: Val) -> Val {
        self.compare(CompareOp::Gt, x, y)
    }

    pub fn ge(&mut self, x: Val, y: Val) -> Val {
        self.compare(CompareOp::Ge, x, y)
    }
}

fn hash_of(inst: &Inst, dtype: DType) -> u64 {
    let mut hasher = FxHasher::default();
    (inst, dtype).hash(&mut hasher);
    hasher.finish()
}
