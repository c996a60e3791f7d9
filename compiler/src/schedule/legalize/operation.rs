//! One instruction at a time.

use super::{filled_access, narrow, short};
use crate::loops::{BinaryOp, Block, BlockBuilder, BufferId, CompareOp, Index, Inst, UnaryOp, Val, math};
use crate::types::{DType, Kind, Literal};
use std::sync::Arc;

/// Rewrites a source block into a new one.
pub(super) struct Rewriter<'s> {
    source: &'s Block,
    b: BlockBuilder,
    /// For each value of the source, its counterpart: of its machine type.
    map: Vec<Val>,
}

impl<'s> Rewriter<'s> {
    pub(super) fn new(source: &'s Block) -> Self {
        Rewriter { source, b: BlockBuilder::new(), map: Vec::with_capacity(source.insts.len()) }
    }

    /// Rewrites every instruction.
    pub(super) fn insts(&mut self) -> Result<(), String> {
        for val in self.source.vals() {
            let rewritten = self.inst(self.source.inst(val), self.source.dtype(val))?;
            self.map.push(rewritten);
        }
        Ok(())
    }

    /// The counterpart of a value of the source.
    pub(super) fn get(&self, val: Val) -> Val {
        self.map[val.0 as usize]
    }

    pub(super) fn source_dtype(&self, val: Val) -> DType {
        self.source.dtype(val)
    }

    pub(super) fn finish(self) -> Block {
        self.b.finish()
    }

    /// What a buffer of `dtype` stores for a value.
    pub(super) fn stored(&mut self, value: Val, dtype: DType) -> Val {
        if narrow::is_narrow(dtype) {
            return narrow::to_bits(&mut self.b, value, dtype);
        }
        if short::is_short(dtype) { self.b.bitcast(value, DType::U8) } else { value }
    }

    /// The value that a buffer of `dtype` stores as these bits.
    fn loaded(&mut self, bits: Val, dtype: DType) -> Val {
        if narrow::is_narrow(dtype) {
            return narrow::from_bits(&mut self.b, bits, dtype);
        }
        if short::is_short(dtype) { self.b.bitcast(bits, short::byte(dtype)) } else { bits }
    }

    /// The element that a store is about to replace; zero where its mask may exclude it.
    pub(super) fn old_value(&mut self, buffer: BufferId, indices: Vec<Index>, dtype: DType) -> Val {
        let stored = stored_type(dtype);
        let access = filled_access(&mut self.b, buffer, indices, stored);
        let bits = self.b.load(access, stored);
        self.loaded(bits, dtype)
    }

    /// An operation on two values of (source) type `dtype`.
    pub(super) fn binary(&mut self, op: BinaryOp, dtype: DType, x: Val, y: Val) -> Result<Val, String> {
        match dtype.kind() {
            Kind::Bool => Ok(self.b.binary(bool_operation(op)?, x, y)),
            Kind::Signed | Kind::Unsigned => {
                let result = self.integer_binary(op, dtype, x, y)?;
                Ok(self.rounded(result, dtype))
            }
            Kind::Float => Ok(self.float_binary(op, dtype, x, y)),
            Kind::Complex | Kind::Key | Kind::Float0 => Err(format!("{op:?} is not supported on {dtype}")),
        }
    }

    fn inst(&mut self, inst: &Inst, dtype: DType) -> Result<Val, String> {
        let machine = machine_type(dtype)?;
        match inst {
            Inst::Param(_) => Ok(self.b.param(machine)),
            Inst::Const(literal) => Ok(self.b.literal(in_type(*literal, machine))),
            Inst::Load(_) => Ok(self.load(inst, dtype)),
            Inst::Unary(op, x) => self.unary(*op, self.source_dtype(*x), self.get(*x)),
            Inst::Binary(op, x, y) => self.binary(*op, dtype, self.get(*x), self.get(*y)),
            Inst::Compare(op, x, y) => {
                Ok(self.compare(*op, self.source_dtype(*x), self.get(*x), self.get(*y)))
            }
            Inst::Fma(x, y, z) => {
                let sum = self.b.fma(self.get(*x), self.get(*y), self.get(*z));
                Ok(self.rounded(sum, dtype))
            }
            Inst::Convert(x) => Ok(self.convert(self.source_dtype(*x), dtype, self.get(*x))),
            Inst::Bitcast(x) => Ok(self.bitcast(self.source_dtype(*x), dtype, self.get(*x))),
            Inst::Reduced { reduction, part } => {
                let reduced = self.b.reduced(*reduction, *part, machine);
                Ok(self.rounded(reduced, dtype))
            }
            Inst::Table { entries, index } => {
                let entries = entries.iter().map(|&entry| in_type(entry, machine)).collect();
                Ok(self.b.table(Arc::new(entries), self.get(*index)))
            }
            Inst::Rare { when, fast, slow, args } => {
                let args = args.iter().map(|&arg| self.get(arg)).collect();
                Ok(self.b.rare(self.get(*when), self.get(*fast), super::block(slow)?, args))
            }
            Inst::Call { symbol, .. } if is_encoded(dtype) => {
                Err(format!("{symbol} is not defined on {dtype}"))
            }
            Inst::Dim(_) | Inst::LoopIndex(_) | Inst::Select { .. } | Inst::Call { .. } => {
                let moved = inst.map_operands(|operand| self.get(operand));
                Ok(self.b.push(moved, machine))
            }
        }
    }

    fn load(&mut self, inst: &Inst, dtype: DType) -> Val {
        let mut moved = inst.map_operands(|operand| self.get(operand));
        if let Inst::Load(access) = &mut moved {
            access.fill = access.fill.map(|fill| self.stored(fill, dtype));
        }
        let bits = self.b.push(moved, stored_type(dtype));
        self.loaded(bits, dtype)
    }

    /// Rounds what an F32 operation made for a narrower result; wraps what an operation on bytes made.
    fn rounded(&mut self, x: Val, dtype: DType) -> Val {
        if narrow::is_narrow(dtype) {
            return narrow::round(&mut self.b, x, dtype);
        }
        if short::is_short(dtype) { short::wrap(&mut self.b, x, dtype) } else { x }
    }

    fn unary(&mut self, op: UnaryOp, dtype: DType, x: Val) -> Result<Val, String> {
        let unsupported = || Err(format!("{op:?} is not supported on {dtype}"));
        match dtype.kind() {
            Kind::Bool if op == UnaryOp::Not => Ok(self.b.not(x)),
            Kind::Signed | Kind::Unsigned if op == UnaryOp::IsFinite => Ok(self.b.bool(true)),
            Kind::Signed | Kind::Unsigned => {
                let result = self.integer_unary(op, dtype, x)?;
                Ok(self.rounded(result, dtype))
            }
            Kind::Float if op == UnaryOp::IsFinite => Ok(math::is_finite(&mut self.b, x)),
            Kind::Float => {
                let y = math::unary(&mut self.b, op, x);
                Ok(if is_closed(op) { y } else { self.rounded(y, dtype) })
            }
            Kind::Bool | Kind::Complex | Kind::Key | Kind::Float0 => unsupported(),
        }
    }

    fn integer_unary(&mut self, op: UnaryOp, dtype: DType, x: Val) -> Result<Val, String> {
        match op {
            UnaryOp::Abs if !dtype.is_signed() => Ok(x),
            UnaryOp::Neg | UnaryOp::Abs | UnaryOp::Not => Ok(self.b.unary(op, x)),
            UnaryOp::PopulationCount | UnaryOp::CountLeadingZeros if short::is_short(dtype) => {
                let bits = short::low_bits(&mut self.b, x, dtype);
                let count = self.b.unary(op, bits);
                let unused = if op == UnaryOp::PopulationCount { 0 } else { i64::from(8 - dtype.bits()) };
                let unused = self.b.int(short::byte(dtype), unused);
                Ok(self.b.sub(count, unused))
            }
            UnaryOp::PopulationCount | UnaryOp::CountLeadingZeros => Ok(self.b.unary(op, x)),
            UnaryOp::Sign => {
                let machine = self.b.dtype(x);
                let [zero, one, minus_one] = [0, 1, -1].map(|value| self.b.int(machine, value));
                let (above, below) = (self.b.gt(x, zero), self.b.lt(x, zero));
                let not_above = if dtype.is_signed() { self.b.select(below, minus_one, zero) } else { zero };
                Ok(self.b.select(above, one, not_above))
            }
            _ => Err(format!("{op:?} is not supported on {dtype}")),
        }
    }

    fn float_binary(&mut self, op: BinaryOp, dtype: DType, x: Val, y: Val) -> Val {
        if op == BinaryOp::NextAfter && narrow::is_narrow(dtype) {
            return self.narrow_next_after(dtype, x, y);
        }
        if matches!(op, BinaryOp::Max | BinaryOp::Min) {
            return self.extreme(op, x, y);
        }
        let result = math::binary(&mut self.b, op, x, y);
        // A remainder is as short as its operands.
        if op == BinaryOp::Rem { result } else { self.rounded(result, dtype) }
    }

    /// -0 counts as less than +0. Machines may take either of equal operands, or always the second.
    fn extreme(&mut self, op: BinaryOp, x: Val, y: Val) -> Val {
        // The zero that wins a tie goes second; the one that loses it goes first.
        let winner = if op == BinaryOp::Max { 0.0f64 } else { -0.0 };
        let is_winner = |literal: Literal| literal.value().float().to_bits() == winner.to_bits();
        match (self.b.as_const(x), self.b.as_const(y)) {
            (Some(constant), _) if constant.is_zero() && is_winner(constant) => self.b.binary(op, y, x),
            (_, Some(constant)) if constant.is_zero() && !is_winner(constant) => self.b.binary(op, y, x),
            (Some(_), _) | (_, Some(_)) => self.b.binary(op, x, y),
            (None, None) => self.extreme_of_any(op, x, y),
        }
    }

    fn extreme_of_any(&mut self, op: BinaryOp, x: Val, y: Val) -> Val {
        let b = &mut self.b;
        let dtype = b.dtype(x);
        let integer = dtype.same_width_unsigned().expect("floats of the machine subset have 32 or 64 bits");
        let extreme = b.binary(op, x, y);
        let (is_tie, x_bits, y_bits) = (b.eq(x, y), b.bitcast(x, integer), b.bitcast(y, integer));
        // Equal operands differ in nothing but the sign of a zero.
        let bits = if op == BinaryOp::Max { b.and(x_bits, y_bits) } else { b.or(x_bits, y_bits) };
        let tie = b.bitcast(bits, dtype);
        b.select(is_tie, tie, extreme)
    }

    fn narrow_next_after(&mut self, dtype: DType, x: Val, y: Val) -> Val {
        let (sign, greatest) = narrow::bounds(dtype);
        let [x, y] = [x, y].map(|operand| {
            let bits = narrow::to_bits(&mut self.b, operand, dtype);
            self.b.convert(bits, DType::I32)
        });
        let stepped = math::next_after_bits(&mut self.b, x, y, greatest, sign);
        let bits = self.b.convert(stepped, narrow::word(dtype));
        narrow::from_bits(&mut self.b, bits, dtype)
    }

    fn integer_binary(&mut self, op: BinaryOp, dtype: DType, x: Val, y: Val) -> Result<Val, String> {
        match op {
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Max | BinaryOp::Min => {
                Ok(self.b.binary(op, x, y))
            }
            BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => Ok(self.b.binary(op, x, y)),
            BinaryOp::Div | BinaryOp::Rem => Ok(self.guarded_division(op, x, y)),
            BinaryOp::ShiftLeft | BinaryOp::ShiftRightLogical | BinaryOp::ShiftRightArithmetic => {
                Ok(self.guarded_shift(op, dtype, x, y))
            }
            BinaryOp::MulHigh if short::is_short(dtype) => {
                // A byte holds the product.
                let (product, amount) = (self.b.mul(x, y), i64::from(dtype.bits()));
                let amount = self.b.int(short::byte(dtype), amount);
                Ok(if dtype.is_signed() { self.b.sar(product, amount) } else { self.b.shr(product, amount) })
            }
            BinaryOp::MulHigh => Ok(math::mul_high(&mut self.b, x, y)),
            BinaryOp::Pow | BinaryOp::Atan2 | BinaryOp::NextAfter | BinaryOp::Complex => {
                Err(format!("{op:?} is not supported on {dtype}"))
            }
        }
    }

    /// As JAX: x / 0 has all bits set, x % 0 = x, and the least number over -1 wraps to itself, remainder 0.
    fn guarded_division(&mut self, op: BinaryOp, x: Val, y: Val) -> Val {
        if self.b.as_const(y).is_some_and(|divisor| !divisor.is_zero() && divisor.value().int() != -1) {
            return self.b.binary(op, x, y);
        }
        let b = &mut self.b;
        // Bytes hold the quotients of shorter integers.
        let dtype = b.dtype(x);
        let [zero, one, minus_one] = [0, 1, -1].map(|value| b.int(dtype, value));
        let by_zero = b.eq(y, zero);
        let mut unsafe_divisor = by_zero;
        if dtype.is_signed() {
            let least = b.int(dtype, -1 << (dtype.bits() - 1));
            let (x_is_least, y_is_minus_one) = (b.eq(x, least), b.eq(y, minus_one));
            let overflows = b.and(x_is_least, y_is_minus_one);
            unsafe_divisor = b.or(by_zero, overflows);
        }
        let divisor = b.select(unsafe_divisor, one, y);
        let result = b.binary(op, x, divisor);
        let of_zero = if op == BinaryOp::Div { minus_one } else { x };
        b.select(by_zero, of_zero, result)
    }

    /// Amounts count as unsigned; from the width on, everything is shifted out.
    fn guarded_shift(&mut self, op: BinaryOp, dtype: DType, x: Val, amount: Val) -> Val {
        let width = i64::from(dtype.bits());
        let x = match op {
            _ if !short::is_short(dtype) => x,
            BinaryOp::ShiftRightLogical => short::low_bits(&mut self.b, x, dtype),
            BinaryOp::ShiftRightArithmetic => short::sign_extended(&mut self.b, x, dtype),
            _ => x,
        };
        let in_width = |amount: Literal| (0..i128::from(width)).contains(&amount.value().int());
        if self.b.as_const(amount).is_some_and(in_width) {
            return self.b.binary(op, x, amount);
        }
        let b = &mut self.b;
        let dtype = b.dtype(x);
        let unsigned = dtype.same_width_unsigned().expect("integers have an unsigned type of their width");
        let as_unsigned = b.bitcast(amount, unsigned);
        let limit = b.int(unsigned, width);
        let is_in_width = b.lt(as_unsigned, limit);
        let (zero, last) = (b.int(dtype, 0), b.int(dtype, width - 1));
        if op == BinaryOp::ShiftRightArithmetic {
            let amount = b.select(is_in_width, amount, last);
            return b.binary(op, x, amount);
        }
        let amount = b.select(is_in_width, amount, zero);
        let shifted = b.binary(op, x, amount);
        b.select(is_in_width, shifted, zero)
    }

    fn compare(&mut self, op: CompareOp, dtype: DType, x: Val, y: Val) -> Val {
        if dtype != DType::Bool {
            return self.b.compare(op, x, y);
        }
        let b = &mut self.b;
        match op {
            CompareOp::Ne => b.xor(x, y),
            CompareOp::Eq => {
                let differ = b.xor(x, y);
                b.not(differ)
            }
            CompareOp::Lt => {
                let not_x = b.not(x);
                b.and(not_x, y)
            }
            CompareOp::Le => {
                let not_x = b.not(x);
                b.or(not_x, y)
            }
            CompareOp::Gt => {
                let not_y = b.not(y);
                b.and(x, not_y)
            }
            CompareOp::Ge => {
                let not_y = b.not(y);
                b.or(x, not_y)
            }
        }
    }

    fn convert(&mut self, from: DType, to: DType, x: Val) -> Val {
        if from == to {
            return x;
        }
        if to == DType::Bool {
            // What is no mask yet, positions among them, becomes one by a comparison.
            let zero = self.b.int(self.b.dtype(x), 0);
            return self.b.ne(x, zero);
        }
        if short::is_short(to) {
            let byte = self.b.convert(x, short::byte(to));
            let saturates = from.is_float();
            return if saturates { short::saturate(&mut self.b, byte, to) } else { self.rounded(byte, to) };
        }
        if !narrow::is_narrow(to) {
            // An operand narrower than F32 is an F32 value already.
            return self.b.convert(x, to);
        }
        let single = if from == DType::F64 {
            narrow::narrow_to_odd(&mut self.b, x)
        } else {
            self.b.convert(x, DType::F32)
        };
        self.rounded(single, to)
    }

    fn bitcast(&mut self, from: DType, to: DType, x: Val) -> Val {
        let bits = self.stored(x, from);
        let bits = self.b.bitcast(bits, stored_type(to));
        let value = self.loaded(bits, to);
        if short::is_short(to) { self.rounded(value, to) } else { value }
    }
}

/// The logical operation that an operation on Bool stands for.
pub(super) fn bool_operation(op: BinaryOp) -> Result<BinaryOp, String> {
    match op {
        BinaryOp::Add | BinaryOp::Max | BinaryOp::Or => Ok(BinaryOp::Or),
        BinaryOp::Mul | BinaryOp::Min | BinaryOp::And => Ok(BinaryOp::And),
        BinaryOp::Xor => Ok(BinaryOp::Xor),
        _ => Err(format!("{op:?} is not supported on {}", DType::Bool)),
    }
}

/// Is the result on an operand narrower than F32 representable without rounding?
fn is_closed(op: UnaryOp) -> bool {
    let is_rounding = matches!(op, UnaryOp::Floor | UnaryOp::Ceil | UnaryOp::Trunc);
    let is_nearest = matches!(op, UnaryOp::RoundEven | UnaryOp::RoundAway);
    is_rounding || is_nearest || matches!(op, UnaryOp::Neg | UnaryOp::Abs | UnaryOp::Sign)
}

/// The type that holds a value of `dtype` in machine code.
fn machine_type(dtype: DType) -> Result<DType, String> {
    match dtype {
        DType::F16 | DType::BF16 | DType::F8E4M3FN | DType::F8E5M2 => Ok(DType::F32),
        DType::I2 | DType::I4 | DType::U2 | DType::U4 => Ok(short::byte(dtype)),
        DType::Bool | DType::F32 | DType::F64 => Ok(dtype),
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => Ok(dtype),
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => Ok(dtype),
        DType::KeyFry => Ok(DType::U64),
        DType::C64 | DType::C128 => Err(format!("a value of {dtype} was not taken apart")),
        DType::Float0 => Err("float0 has no values".to_string()),
    }
}

/// The type that buffers of `dtype` are loaded and stored as.
fn stored_type(dtype: DType) -> DType {
    match dtype {
        _ if narrow::is_narrow(dtype) => narrow::word(dtype),
        _ if short::is_short(dtype) => DType::U8,
        DType::KeyFry => DType::U64,
        other => other,
    }
}

/// Do buffers of `dtype` store something else than the machine's values?
pub(super) fn is_encoded(dtype: DType) -> bool {
    narrow::is_narrow(dtype) || short::is_short(dtype)
}

fn in_type(literal: Literal, machine: DType) -> Literal {
    match literal.dtype().kind() {
        _ if literal.dtype() == machine => literal,
        Kind::Key => Literal::from_bits(machine, literal.bits()),
        Kind::Signed | Kind::Unsigned => Literal::new(machine, literal.value()),
        _ => Literal::from_f64(machine, literal.value().float()),
    }
}
