//! One instruction of the machine subset on scalars.
//!
//! A Bool is an I8 of value 0 or 1, in registers as in memory.

use super::{Cx, Emit};
use crate::diag::Diagnostic;
use crate::loops::{BinaryOp, Block, CompareOp, Inst, UnaryOp, Val};
use crate::types::{DType, Kind, Literal};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value, types};
use std::cmp::Ordering;

/// The register type of a scalar.
/// Errors: the type is not in the machine subset.
pub(super) fn clif_type(dtype: DType) -> Emit<Type> {
    Ok(match dtype {
        DType::Bool | DType::I8 | DType::U8 => types::I8,
        DType::I16 | DType::U16 => types::I16,
        DType::I32 | DType::U32 => types::I32,
        DType::I64 | DType::U64 => types::I64,
        DType::F32 => types::F32,
        DType::F64 => types::F64,
        DType::I2
        | DType::I4
        | DType::U2
        | DType::U4
        | DType::F8E4M3FN
        | DType::F8E5M2
        | DType::F16
        | DType::BF16
        | DType::C64
        | DType::C128
        | DType::KeyFry
        | DType::Float0 => {
            return Err(not_machine(format!("a value of type {dtype}")));
        }
    })
}

/// The complaint about an instruction that legalization should have replaced.
pub(super) fn not_machine(what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::bug(format!("code generation met {what}, which is not in the machine subset"))
}

/// The unsigned or signed comparison.
pub(super) fn int_condition(op: CompareOp, dtype: DType) -> IntCC {
    let signed = match op {
        CompareOp::Eq => IntCC::Equal,
        CompareOp::Ne => IntCC::NotEqual,
        CompareOp::Lt => IntCC::SignedLessThan,
        CompareOp::Le => IntCC::SignedLessThanOrEqual,
        CompareOp::Gt => IntCC::SignedGreaterThan,
        CompareOp::Ge => IntCC::SignedGreaterThanOrEqual,
    };
    if dtype.is_signed() { signed } else { signed.unsigned() }
}

/// The comparison that is false on NaN, except for Ne.
pub(super) fn float_condition(op: CompareOp) -> FloatCC {
    match op {
        CompareOp::Eq => FloatCC::Equal,
        CompareOp::Ne => FloatCC::NotEqual,
        CompareOp::Lt => FloatCC::LessThan,
        CompareOp::Le => FloatCC::LessThanOrEqual,
        CompareOp::Gt => FloatCC::GreaterThan,
        CompareOp::Ge => FloatCC::GreaterThanOrEqual,
    }
}

impl Cx<'_, '_> {
    pub(super) fn constant(&mut self, literal: Literal) -> Emit<Value> {
        let dtype = literal.dtype();
        let ty = clif_type(dtype)?;
        let bits = literal.bits() as u64;
        Ok(match dtype {
            DType::F32 => self.b.ins().f32const(Ieee32::with_bits(bits as u32)),
            DType::F64 => self.b.ins().f64const(Ieee64::with_bits(bits)),
            _ => self.b.ins().iconst(ty, bits as i64),
        })
    }

    /// Straight-line code: the results for these parameters.
    pub(super) fn scalar_block(&mut self, block: &Block, params: &[Value]) -> Emit<Vec<Value>> {
        let mut values: Vec<Value> = Vec::with_capacity(block.insts.len());
        for val in block.vals() {
            let inst = block.inst(val);
            let operands: Vec<Value> = inst.operands().iter().map(|x| values[x.0 as usize]).collect();
            values.push(match inst {
                Inst::Param(position) => params[*position],
                _ => self.scalar_inst(block, val, &operands)?,
            });
        }
        Ok(block.results.iter().map(|val| values[val.0 as usize]).collect())
    }

    /// An instruction that depends on nothing but its operands.
    pub(super) fn scalar_inst(&mut self, block: &Block, val: Val, operands: &[Value]) -> Emit<Value> {
        let dtype = block.dtype(val);
        match block.inst(val) {
            Inst::Const(literal) => self.constant(*literal),
            Inst::Unary(op, x) => self.scalar_unary(*op, block.dtype(*x), operands[0]),
            Inst::Binary(op, _, _) => self.scalar_binary(*op, dtype, operands[0], operands[1]),
            Inst::Compare(op, x, _) => {
                Ok(self.scalar_compare(*op, block.dtype(*x), operands[0], operands[1]))
            }
            Inst::Select { .. } => Ok(self.b.ins().select(operands[0], operands[1], operands[2])),
            Inst::Fma(..) => Ok(self.fma(operands[0], operands[1], operands[2])),
            Inst::Convert(x) => self.scalar_convert(block.dtype(*x), dtype, operands[0]),
            Inst::Bitcast(_) => self.scalar_bitcast(dtype, operands[0]),
            Inst::Table { entries, .. } => {
                let table = self.unit.table(entries)?;
                let base = self.data_address(table);
                let offset = self.b.ins().imul_imm_s(operands[0], dtype.size_bytes() as i64);
                let address = self.b.ins().iadd(base, offset);
                let flags = MemFlagsData::trusted().with_readonly();
                Ok(self.b.ins().load(clif_type(dtype)?, flags, address, 0))
            }
            Inst::Rare { slow, .. } => self.scalar_rare(slow, dtype, operands),
            Inst::Call { symbol, .. } => self.call_scalar(symbol, clif_type(dtype)?, operands),
            Inst::Param(_) | Inst::Dim(_) | Inst::LoopIndex(_) | Inst::Load(_) | Inst::Reduced { .. } => {
                Err(Diagnostic::bug("an instruction of a nest stands in a nested block"))
            }
        }
    }

    pub(super) fn scalar_unary(&mut self, op: UnaryOp, dtype: DType, x: Value) -> Emit<Value> {
        let is_float = dtype.is_float();
        let refuse = || Err(not_machine(format!("{op:?} on {dtype}")));
        let b = self.b.ins();
        Ok(match op {
            UnaryOp::Neg if is_float => b.fneg(x),
            UnaryOp::Neg if dtype.is_integer() => b.ineg(x),
            UnaryOp::Abs if is_float => b.fabs(x),
            UnaryOp::Abs if dtype.is_signed() => b.iabs(x),
            UnaryOp::Abs if dtype.is_integer() => x,
            UnaryOp::Not if dtype == DType::Bool => b.bxor_imm_u(x, 1),
            UnaryOp::Not if dtype.is_integer() => b.bnot(x),
            UnaryOp::Sqrt if is_float => b.sqrt(x),
            UnaryOp::Floor if is_float => b.floor(x),
            UnaryOp::Ceil if is_float => b.ceil(x),
            UnaryOp::Trunc if is_float => b.trunc(x),
            UnaryOp::RoundEven if is_float => b.nearest(x),
            UnaryOp::PopulationCount if dtype.is_integer() => b.popcnt(x),
            UnaryOp::CountLeadingZeros if dtype.is_integer() => b.clz(x),
            _ => return refuse(),
        })
    }

    pub(super) fn scalar_binary(&mut self, op: BinaryOp, dtype: DType, x: Value, y: Value) -> Emit<Value> {
        match dtype.kind() {
            Kind::Float => self.scalar_float_binary(op, x, y),
            Kind::Bool => self.bool_binary(op, x, y),
            Kind::Signed | Kind::Unsigned => self.scalar_int_binary(op, dtype, x, y),
            Kind::Complex | Kind::Key | Kind::Float0 => Err(not_machine(format!("{op:?} on {dtype}"))),
        }
    }

    /// Logic on bools, be they scalars or masks.
    pub(super) fn bool_binary(&mut self, op: BinaryOp, x: Value, y: Value) -> Emit<Value> {
        match op {
            BinaryOp::And | BinaryOp::Min => Ok(self.b.ins().band(x, y)),
            BinaryOp::Or | BinaryOp::Max => Ok(self.b.ins().bor(x, y)),
            BinaryOp::Xor => Ok(self.b.ins().bxor(x, y)),
            _ => Err(not_machine(format!("{op:?} on bool"))),
        }
    }

    fn scalar_float_binary(&mut self, op: BinaryOp, x: Value, y: Value) -> Emit<Value> {
        Ok(match op {
            BinaryOp::Max | BinaryOp::Min if self.unit.machine.has_nan_max => {
                if op == BinaryOp::Max {
                    self.b.ins().fmax(x, y)
                } else {
                    self.b.ins().fmin(x, y)
                }
            }
            // The comparison gives `y` if either is NaN, so only a NaN in `x` needs care.
            BinaryOp::Max | BinaryOp::Min => {
                let (lesser, greater) = if op == BinaryOp::Max { (y, x) } else { (x, y) };
                let keep = self.b.ins().fcmp(FloatCC::LessThan, lesser, greater);
                let extreme = self.b.ins().select(keep, x, y);
                let is_nan = self.b.ins().fcmp(FloatCC::Unordered, x, x);
                self.b.ins().select(is_nan, x, extreme)
            }
            _ => return self.float_arithmetic(op, x, y),
        })
    }

    /// The operations that are the same on scalars and vectors of floats.
    pub(super) fn float_arithmetic(&mut self, op: BinaryOp, x: Value, y: Value) -> Emit<Value> {
        Ok(match op {
            BinaryOp::Add => self.b.ins().fadd(x, y),
            BinaryOp::Sub => self.b.ins().fsub(x, y),
            BinaryOp::Mul => self.b.ins().fmul(x, y),
            BinaryOp::Div => self.b.ins().fdiv(x, y),
            _ => return Err(not_machine(format!("{op:?} on floats"))),
        })
    }

    fn scalar_int_binary(&mut self, op: BinaryOp, dtype: DType, x: Value, y: Value) -> Emit<Value> {
        let signed = dtype.is_signed();
        let b = self.b.ins();
        Ok(match op {
            BinaryOp::Div if signed => b.sdiv(x, y),
            BinaryOp::Div => b.udiv(x, y),
            BinaryOp::Rem if signed => b.srem(x, y),
            BinaryOp::Rem => b.urem(x, y),
            BinaryOp::Max | BinaryOp::Min => {
                let compare = if op == BinaryOp::Max { CompareOp::Gt } else { CompareOp::Lt };
                let keep = self.b.ins().icmp(int_condition(compare, dtype), x, y);
                self.b.ins().select(keep, x, y)
            }
            BinaryOp::ShiftLeft => b.ishl(x, y),
            BinaryOp::ShiftRightLogical => b.ushr(x, y),
            BinaryOp::ShiftRightArithmetic => b.sshr(x, y),
            _ => return self.int_arithmetic(op, x, y),
        })
    }

    /// The operations that are the same on scalars and vectors of integers.
    pub(super) fn int_arithmetic(&mut self, op: BinaryOp, x: Value, y: Value) -> Emit<Value> {
        Ok(match op {
            BinaryOp::Add => self.b.ins().iadd(x, y),
            BinaryOp::Sub => self.b.ins().isub(x, y),
            BinaryOp::Mul => self.b.ins().imul(x, y),
            BinaryOp::And => self.b.ins().band(x, y),
            BinaryOp::Or => self.b.ins().bor(x, y),
            BinaryOp::Xor => self.b.ins().bxor(x, y),
            _ => return Err(not_machine(format!("{op:?} on integers"))),
        })
    }

    fn scalar_compare(&mut self, op: CompareOp, dtype: DType, x: Value, y: Value) -> Value {
        if dtype.is_float() {
            self.b.ins().fcmp(float_condition(op), x, y)
        } else {
            self.b.ins().icmp(int_condition(op, dtype), x, y)
        }
    }

    /// `x * y + z` on scalars or vectors, fused where that is one instruction.
    pub(super) fn fma(&mut self, x: Value, y: Value, z: Value) -> Value {
        if self.unit.machine.has_fma {
            return self.b.ins().fma(x, y, z);
        }
        let product = self.b.ins().fmul(x, y);
        self.b.ins().fadd(product, z)
    }

    pub(super) fn scalar_convert(&mut self, from: DType, to: DType, x: Value) -> Emit<Value> {
        let ty = clif_type(to)?;
        match (from.kind(), to.kind()) {
            (Kind::Bool, Kind::Bool) => Ok(x),
            (_, Kind::Bool) => {
                let zero = self.constant(Literal::from_i64(from, 0))?;
                Ok(self.scalar_compare(CompareOp::Ne, from, x, zero))
            }
            (Kind::Float, Kind::Float) => Ok(match (from, to) {
                (DType::F32, DType::F64) => self.b.ins().fpromote(ty, x),
                (DType::F64, DType::F32) => self.b.ins().fdemote(ty, x),
                _ => x,
            }),
            (Kind::Float, Kind::Signed | Kind::Unsigned) => self.float_to_int(to, x),
            (Kind::Bool | Kind::Unsigned, Kind::Float) => {
                let wide = self.widen(x, false);
                Ok(self.b.ins().fcvt_from_uint(ty, wide))
            }
            (Kind::Signed, Kind::Float) => {
                let wide = self.widen(x, true);
                Ok(self.b.ins().fcvt_from_sint(ty, wide))
            }
            (Kind::Bool | Kind::Signed | Kind::Unsigned, Kind::Signed | Kind::Unsigned) => {
                Ok(self.resize(x, ty, from.is_signed()))
            }
            _ => Err(not_machine(format!("a conversion from {from} to {to}"))),
        }
    }

    /// To at least 32 bits: conversions from narrower integers to floats do not exist everywhere.
    fn widen(&mut self, x: Value, signed: bool) -> Value {
        let is_narrow = self.b.func.dfg.value_type(x).bits() < 32;
        if is_narrow { self.resize(x, types::I32, signed) } else { x }
    }

    /// An integer of another width, by truncation or extension.
    pub(super) fn resize(&mut self, x: Value, ty: Type, signed: bool) -> Value {
        let width = self.b.func.dfg.value_type(x).bits();
        match width.cmp(&ty.bits()) {
            Ordering::Less if signed => self.b.ins().sextend(ty, x),
            Ordering::Less => self.b.ins().uextend(ty, x),
            Ordering::Equal => x,
            Ordering::Greater => self.b.ins().ireduce(ty, x),
        }
    }

    /// Saturates; NaN gives 0.
    fn float_to_int(&mut self, to: DType, x: Value) -> Emit<Value> {
        let ty = clif_type(to)?;
        if ty.bits() >= 32 {
            let b = self.b.ins();
            return Ok(if to.is_signed() { b.fcvt_to_sint_sat(ty, x) } else { b.fcvt_to_uint_sat(ty, x) });
        }
        let wide = self.b.ins().fcvt_to_sint_sat(types::I32, x);
        let (low, high) = narrow_range(to);
        let low = self.b.ins().iconst(types::I32, low & 0xffff_ffff);
        let high = self.b.ins().iconst(types::I32, high);
        let clamped = self.scalar_int_binary(BinaryOp::Max, DType::I32, wide, low)?;
        let clamped = self.scalar_int_binary(BinaryOp::Min, DType::I32, clamped, high)?;
        Ok(self.b.ins().ireduce(ty, clamped))
    }

    fn scalar_bitcast(&mut self, to: DType, x: Value) -> Emit<Value> {
        let ty = clif_type(to)?;
        if self.b.func.dfg.value_type(x) == ty {
            return Ok(x);
        }
        Ok(self.b.ins().bitcast(ty, MemFlagsData::new(), x))
    }
}

/// The least and the greatest value of an integer type of at most 16 bits.
fn narrow_range(dtype: DType) -> (i64, i64) {
    let bits = dtype.bits();
    if dtype.is_signed() { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) }
}
