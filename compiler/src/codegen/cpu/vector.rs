//! One instruction of the machine subset on 128-bit vectors.
//!
//! A Bool is a mask: an integer vector with lanes of the other values' width, each 0 or all ones. What the
//! instruction sets lack is done lane by lane.

use super::scalar::{clif_type, float_condition, int_condition, not_machine};
use super::{Cx, Emit};
use crate::diag::Diagnostic;
use crate::loops::{BinaryOp, Block, CompareOp, Inst, UnaryOp, Val};
use crate::types::{DType, Kind, Literal};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{ConstantData, Endianness, InstBuilder, MemFlagsData, Type, Value};

/// An operand of a vector instruction.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operand {
    /// A scalar that all lanes share.
    Uniform(Value),
    Vector(Value),
}

/// The register type of a vector of `lanes` values; for Bool, of the mask.
/// Errors: the lanes do not fill 128 bits.
pub(super) fn vector_type(dtype: DType, lanes: usize) -> Emit<Type> {
    if dtype == DType::Bool {
        return Ok(mask_type(lanes));
    }
    let lane = clif_type(dtype)?;
    if lane.bits() as usize * lanes != 128 {
        return Err(Diagnostic::bug(format!("a vector nest of {lanes} lanes has a value of type {dtype}")));
    }
    Ok(lane.by(lanes as u32).expect("128-bit vectors of machine types exist"))
}

/// The type of masks over `lanes` lanes.
pub(super) fn mask_type(lanes: usize) -> Type {
    let lane = Type::int(128 / lanes as u16).expect("lanes are powers of two from 2 to 16");
    lane.by(lanes as u32).expect("128-bit vectors of integers exist")
}

impl Cx<'_, '_> {
    /// Straight-line code on vectors: the results for these parameters.
    pub(super) fn vector_block(&mut self, block: &Block, params: &[Value], lanes: usize) -> Emit<Vec<Value>> {
        let mut values: Vec<Value> = Vec::with_capacity(block.insts.len());
        for val in block.vals() {
            let inst = block.inst(val);
            let operand = |x: &Val| Operand::Vector(values[x.0 as usize]);
            let operands: Vec<Operand> = inst.operands().iter().map(operand).collect();
            values.push(match inst {
                Inst::Param(position) => params[*position],
                Inst::Const(literal) => self.vector_constant(*literal, lanes)?,
                _ => self.vector_inst(block, val, &operands, lanes)?,
            });
        }
        Ok(block.results.iter().map(|val| values[val.0 as usize]).collect())
    }

    /// The same constant in every lane.
    pub(super) fn vector_constant(&mut self, literal: Literal, lanes: usize) -> Emit<Value> {
        let dtype = literal.dtype();
        let ty = vector_type(dtype, lanes)?;
        let bytes = match dtype {
            DType::Bool => vec![if literal.is_zero() { 0 } else { 0xff }; 16],
            _ => literal.bytes().repeat(lanes),
        };
        Ok(self.vector_bytes(ty, bytes))
    }

    /// `0, 1, 2, ..` in the integer type of the lanes.
    pub(super) fn iota(&mut self, lanes: usize) -> Value {
        let width = 16 / lanes;
        let bytes = (0..lanes as u64).flat_map(|lane| lane.to_le_bytes()[..width].to_vec()).collect();
        self.vector_bytes(mask_type(lanes), bytes)
    }

    fn vector_bytes(&mut self, ty: Type, bytes: Vec<u8>) -> Value {
        let constant = self.b.func.dfg.constants.insert(ConstantData::from(bytes));
        self.b.ins().vconst(ty, constant)
    }

    /// A scalar of type `dtype` in every lane.
    pub(super) fn splat(&mut self, x: Value, dtype: DType, lanes: usize) -> Emit<Value> {
        let ty = vector_type(dtype, lanes)?;
        let lane = self.lane_in(x, dtype, lanes);
        Ok(self.b.ins().splat(ty, lane))
    }

    /// One lane as a scalar; a Bool becomes 0 or 1.
    pub(super) fn extract(&mut self, x: Value, dtype: DType, lane: usize) -> Value {
        let scalar = self.b.ins().extractlane(x, lane as u8);
        if dtype == DType::Bool { self.b.ins().icmp_imm_s(IntCC::NotEqual, scalar, 0) } else { scalar }
    }

    /// Scalars of type `dtype`, one per lane, as a vector.
    pub(super) fn gather_lanes(&mut self, scalars: &[Value], dtype: DType) -> Emit<Value> {
        let lanes = scalars.len();
        let mut vector = self.splat(scalars[0], dtype, lanes)?;
        for (lane, &scalar) in scalars.iter().enumerate().skip(1) {
            let scalar = self.lane_in(scalar, dtype, lanes);
            vector = self.b.ins().insertlane(vector, scalar, lane as u8);
        }
        Ok(vector)
    }

    /// A scalar as it stands in a lane: a Bool becomes 0 or all ones in the width of the lane.
    fn lane_in(&mut self, x: Value, dtype: DType, lanes: usize) -> Value {
        if dtype != DType::Bool {
            return x;
        }
        let wide = self.resize(x, mask_type(lanes).lane_type(), false);
        self.b.ins().ineg(wide)
    }

    /// An instruction that depends on nothing but its operands.
    pub(super) fn vector_inst(
        &mut self,
        block: &Block,
        val: Val,
        operands: &[Operand],
        lanes: usize,
    ) -> Emit<Value> {
        if let Some(value) = self.vector_native(block, val, operands, lanes)? {
            return Ok(value);
        }
        let inputs = block.inst(val).operands();
        let mut results = Vec::with_capacity(lanes);
        for lane in 0..lanes {
            let scalar = |(x, operand): (&Val, &Operand)| match *operand {
                Operand::Uniform(value) => value,
                Operand::Vector(value) => self.extract(value, block.dtype(*x), lane),
            };
            let scalars: Vec<Value> = inputs.iter().zip(operands).map(scalar).collect();
            results.push(self.scalar_inst(block, val, &scalars)?);
        }
        self.gather_lanes(&results, block.dtype(val))
    }

    /// The instruction on whole vectors; `None` if that does not exist.
    fn vector_native(
        &mut self,
        block: &Block,
        val: Val,
        operands: &[Operand],
        lanes: usize,
    ) -> Emit<Option<Value>> {
        let inst = block.inst(val);
        if let (Inst::Binary(op, ..), Some(Operand::Uniform(amount))) = (inst, operands.get(1))
            && let Some(value) = self.vector_shift(*op, block.dtype(val), operands[0], *amount, lanes)?
        {
            return Ok(Some(value));
        }
        if matches!(inst, Inst::Table { .. } | Inst::Call { .. }) {
            return Ok(None);
        }
        let mut v = Vec::with_capacity(operands.len());
        for (x, operand) in inst.operands().iter().zip(operands) {
            v.push(match *operand {
                Operand::Vector(value) => value,
                Operand::Uniform(value) => self.splat(value, block.dtype(*x), lanes)?,
            });
        }
        let dtype = block.dtype(val);
        match inst {
            Inst::Unary(op, _) => self.vector_unary(*op, dtype, v[0], lanes),
            Inst::Binary(op, _, _) => self.vector_binary(*op, dtype, v[0], v[1], lanes),
            Inst::Compare(op, x, _) => self.vector_compare(*op, block.dtype(*x), v[0], v[1], lanes).map(Some),
            Inst::Select { .. } => Ok(Some(self.vector_select(v[0], v[1], v[2]))),
            Inst::Fma(..) => Ok(Some(self.fma(v[0], v[1], v[2]))),
            Inst::Convert(x) => self.vector_convert(block.dtype(*x), dtype, v[0], lanes),
            Inst::Bitcast(_) => Ok(Some(self.bitcast_to(vector_type(dtype, lanes)?, v[0]))),
            Inst::Rare { slow, .. } => self.vector_rare(slow, block, val, &v, lanes).map(Some),
            Inst::Table { .. } | Inst::Call { .. } => Ok(None),
            Inst::Const(_)
            | Inst::Param(_)
            | Inst::Dim(_)
            | Inst::LoopIndex(_)
            | Inst::Load(_)
            | Inst::Reduced { .. } => {
                Err(Diagnostic::bug("an instruction of a nest stands in a nested block"))
            }
        }
    }

    /// Lanes of `on_true` where the mask is set, else of `on_false`.
    pub(super) fn vector_select(&mut self, mask: Value, on_true: Value, on_false: Value) -> Value {
        let ty = self.b.func.dfg.value_type(on_true);
        let mask = self.bitcast_to(ty, mask);
        self.b.ins().bitselect(mask, on_true, on_false)
    }

    /// The same 128 bits as another vector type.
    pub(super) fn bitcast_to(&mut self, ty: Type, x: Value) -> Value {
        if self.b.func.dfg.value_type(x) == ty {
            return x;
        }
        let flags = MemFlagsData::new().with_endianness(Endianness::Little);
        self.b.ins().bitcast(ty, flags, x)
    }

    /// A shift of all lanes by one amount.
    fn vector_shift(
        &mut self,
        op: BinaryOp,
        dtype: DType,
        x: Operand,
        amount: Value,
        lanes: usize,
    ) -> Emit<Option<Value>> {
        let Operand::Vector(x) = x else { return Ok(None) };
        if !dtype.is_integer() {
            return Ok(None);
        }
        vector_type(dtype, lanes)?;
        let b = self.b.ins();
        Ok(match op {
            BinaryOp::ShiftLeft => Some(b.ishl(x, amount)),
            BinaryOp::ShiftRightLogical => Some(b.ushr(x, amount)),
            BinaryOp::ShiftRightArithmetic => Some(b.sshr(x, amount)),
            _ => None,
        })
    }

    fn vector_unary(&mut self, op: UnaryOp, dtype: DType, x: Value, lanes: usize) -> Emit<Option<Value>> {
        vector_type(dtype, lanes)?;
        let is_float = dtype.is_float();
        let b = self.b.ins();
        Ok(Some(match op {
            UnaryOp::Neg if is_float => b.fneg(x),
            UnaryOp::Neg if dtype.is_integer() => b.ineg(x),
            UnaryOp::Abs if is_float => b.fabs(x),
            UnaryOp::Abs if dtype.is_signed() => b.iabs(x),
            UnaryOp::Not if !is_float => b.bnot(x),
            UnaryOp::Sqrt if is_float => b.sqrt(x),
            UnaryOp::Floor if is_float => b.floor(x),
            UnaryOp::Ceil if is_float => b.ceil(x),
            UnaryOp::Trunc if is_float => b.trunc(x),
            UnaryOp::RoundEven if is_float => b.nearest(x),
            _ => return Ok(None),
        }))
    }

    /// One vector operation on two vectors; `None` if it must be done lane by lane.
    pub(super) fn vector_binary(
        &mut self,
        op: BinaryOp,
        dtype: DType,
        x: Value,
        y: Value,
        lanes: usize,
    ) -> Emit<Option<Value>> {
        vector_type(dtype, lanes)?;
        match dtype.kind() {
            Kind::Float => self.vector_float_binary(op, x, y).map(Some),
            Kind::Bool => self.bool_binary(op, x, y).map(Some),
            Kind::Signed | Kind::Unsigned => self.vector_int_binary(op, dtype, x, y, lanes),
            Kind::Complex | Kind::Key | Kind::Float0 => Err(not_machine(format!("{op:?} on {dtype}"))),
        }
    }

    fn vector_float_binary(&mut self, op: BinaryOp, x: Value, y: Value) -> Emit<Value> {
        Ok(match op {
            BinaryOp::Max if self.unit.machine.has_nan_max => self.b.ins().fmax(x, y),
            BinaryOp::Min if self.unit.machine.has_nan_max => self.b.ins().fmin(x, y),
            // The comparison gives `y` if either is NaN, so only a NaN in `x` needs care.
            BinaryOp::Max | BinaryOp::Min => {
                let (lesser, greater) = if op == BinaryOp::Max { (y, x) } else { (x, y) };
                let keep = self.b.ins().fcmp(FloatCC::LessThan, lesser, greater);
                let extreme = self.vector_select(keep, x, y);
                let is_nan = self.b.ins().fcmp(FloatCC::Unordered, x, x);
                self.vector_select(is_nan, x, extreme)
            }
            _ => return self.float_arithmetic(op, x, y),
        })
    }

    fn vector_int_binary(
        &mut self,
        op: BinaryOp,
        dtype: DType,
        x: Value,
        y: Value,
        lanes: usize,
    ) -> Emit<Option<Value>> {
        let (signed, is_wide) = (dtype.is_signed(), lanes == 2);
        Ok(match op {
            BinaryOp::Max | BinaryOp::Min if is_wide => {
                let compare = if op == BinaryOp::Max { CompareOp::Gt } else { CompareOp::Lt };
                let keep = self.vector_compare(compare, dtype, x, y, lanes)?;
                Some(self.vector_select(keep, x, y))
            }
            BinaryOp::Max if signed => Some(self.b.ins().smax(x, y)),
            BinaryOp::Max => Some(self.b.ins().umax(x, y)),
            BinaryOp::Min if signed => Some(self.b.ins().smin(x, y)),
            BinaryOp::Min => Some(self.b.ins().umin(x, y)),
            BinaryOp::Mul if lanes == 16 => None,
            BinaryOp::Div
            | BinaryOp::Rem
            | BinaryOp::ShiftLeft
            | BinaryOp::ShiftRightLogical
            | BinaryOp::ShiftRightArithmetic => None,
            _ => Some(self.int_arithmetic(op, x, y)?),
        })
    }

    fn vector_compare(
        &mut self,
        op: CompareOp,
        dtype: DType,
        x: Value,
        y: Value,
        lanes: usize,
    ) -> Emit<Value> {
        vector_type(dtype, lanes)?;
        if dtype.is_float() {
            return Ok(self.b.ins().fcmp(float_condition(op), x, y));
        }
        // There is no unsigned comparison of 64-bit lanes; a flipped sign bit makes it a signed one.
        let is_order = !matches!(op, CompareOp::Eq | CompareOp::Ne);
        if lanes == 2 && is_order && !dtype.is_signed() {
            let sign = self.vector_constant(Literal::from_i64(DType::I64, i64::MIN), 2)?;
            let (x, y) = (self.b.ins().bxor(x, sign), self.b.ins().bxor(y, sign));
            return Ok(self.b.ins().icmp(int_condition(op, DType::I64), x, y));
        }
        Ok(self.b.ins().icmp(int_condition(op, dtype), x, y))
    }

    fn vector_convert(&mut self, from: DType, to: DType, x: Value, lanes: usize) -> Emit<Option<Value>> {
        let ty = vector_type(to, lanes)?;
        vector_type(from, lanes)?;
        Ok(match (from.kind(), to.kind()) {
            (Kind::Bool, Kind::Bool) => Some(x),
            (_, Kind::Bool) => {
                let zero = self.vector_constant(Literal::from_i64(from, 0), lanes)?;
                Some(self.vector_compare(CompareOp::Ne, from, x, zero, lanes)?)
            }
            (Kind::Bool, _) => {
                let one = self.vector_constant(Literal::from_i64(to, 1), lanes)?;
                let mask = self.bitcast_to(ty, x);
                Some(self.b.ins().band(mask, one))
            }
            (Kind::Float, Kind::Signed) if lanes == 4 => Some(self.b.ins().fcvt_to_sint_sat(ty, x)),
            (Kind::Float, Kind::Unsigned) if lanes == 4 => Some(self.b.ins().fcvt_to_uint_sat(ty, x)),
            (Kind::Float, Kind::Signed | Kind::Unsigned) => None,
            (Kind::Signed, Kind::Float) => Some(self.b.ins().fcvt_from_sint(ty, x)),
            (Kind::Unsigned, Kind::Float) => Some(self.b.ins().fcvt_from_uint(ty, x)),
            // Lanes of one width: the bits stay.
            (Kind::Float, Kind::Float) => Some(x),
            (Kind::Signed | Kind::Unsigned, Kind::Signed | Kind::Unsigned) => Some(x),
            _ => return Err(not_machine(format!("a conversion from {from} to {to}"))),
        })
    }
}
