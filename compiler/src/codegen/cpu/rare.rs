//! Slow paths out of line, and calls of scalar runtime routines.
//!
//! # Note: slow paths
//! The hot path must not pay for a call that almost never happens, so a slow path is a local function that
//! preserves all registers, reached from a cold block. It takes one pointer to a frame of 16-byte slots:
//! slot 0 holds the mask, slot 1 the fast result, which it overwrites, the others the arguments.

use super::scalar::clif_type;
use super::vector::{mask_type, vector_type};
use super::{Cx, Emit, Slow, Unit};
use crate::loops::{Block, Val};
use crate::types::DType;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{AbiParam, InstBuilder, MemFlagsData, Signature};
use cranelift_codegen::ir::{Type, Value, types};
use cranelift_codegen::isa::CallConv;
use std::sync::Arc;

const SLOT_BYTES: i32 = 16;

/// The type of every slow path: one pointer, no result.
pub(super) fn slow_signature() -> Signature {
    let mut signature = Signature::new(CallConv::PreserveAll);
    signature.params.push(AbiParam::new(types::I64));
    signature
}

impl Cx<'_, '_> {
    /// `operands[0] ? slow(..) : operands[1]` on scalars.
    pub(super) fn scalar_rare(&mut self, slow: &Arc<Block>, dtype: DType, operands: &[Value]) -> Emit<Value> {
        self.rare(slow, 1, operands[0], operands, clif_type(dtype)?)
    }

    /// The same on vectors: one test for all lanes.
    pub(super) fn vector_rare(
        &mut self,
        slow: &Arc<Block>,
        block: &Block,
        val: Val,
        operands: &[Value],
        lanes: usize,
    ) -> Emit<Value> {
        let any = self.b.ins().vany_true(operands[0]);
        self.rare(slow, lanes, any, operands, vector_type(block.dtype(val), lanes)?)
    }

    fn rare(
        &mut self,
        slow: &Arc<Block>,
        lanes: usize,
        when: Value,
        operands: &[Value],
        ty: Type,
    ) -> Emit<Value> {
        let function = self.unit.slow_function(slow, lanes)?;
        let function = self.unit.module.declare_func_in_func(function, self.b.func);
        let (cold, join) = (self.b.create_block(), self.b.create_block());
        let result = self.b.append_block_param(join, ty);
        self.b.set_cold_block(cold);
        self.b.ins().brif(when, cold, &[], join, &[operands[1].into()]);
        self.b.seal_block(cold);
        self.b.switch_to_block(cold);
        let bytes = SLOT_BYTES as u32 * operands.len() as u32;
        let slot = self.frame(bytes);
        let frame = self.b.ins().stack_addr(types::I64, slot, 0);
        for (position, &operand) in operands.iter().enumerate() {
            let offset = SLOT_BYTES * position as i32;
            self.b.ins().store(MemFlagsData::new().with_notrap(), operand, frame, offset);
        }
        self.b.ins().call(function, &[frame]);
        let value = self.b.ins().load(ty, MemFlagsData::new().with_notrap(), frame, SLOT_BYTES);
        self.b.ins().jump(join, &[value.into()]);
        self.b.seal_block(join);
        self.b.switch_to_block(join);
        Ok(result)
    }

    /// The body of a slow path. See Note: slow paths.
    pub(super) fn slow_body(&mut self, slow: &Slow) -> Emit<()> {
        let entry = self.b.create_block();
        self.b.append_block_params_for_function_params(entry);
        self.b.switch_to_block(entry);
        self.b.seal_block(entry);
        let frame = self.b.block_params(entry)[0];
        for lane in 0..slow.lanes {
            self.slow_lane(slow, frame, lane)?;
        }
        self.b.ins().return_(&[]);
        Ok(())
    }

    fn slow_lane(&mut self, slow: &Slow, frame: Value, lane: usize) -> Emit<()> {
        let flags = MemFlagsData::new().with_notrap();
        let mask = if slow.lanes == 1 { types::I8 } else { mask_type(slow.lanes).lane_type() };
        let offset_of = |slot: usize, bytes: u32| SLOT_BYTES * slot as i32 + (lane as u32 * bytes) as i32;
        let when = self.b.ins().load(mask, flags, frame, offset_of(0, mask.bytes()));
        let (run, next) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(when, run, &[], next, &[]);
        self.b.seal_block(run);
        self.b.switch_to_block(run);
        let mut params = Vec::with_capacity(slow.block.params.len());
        for (position, &dtype) in slow.block.params.iter().enumerate() {
            let is_mask = dtype == DType::Bool && slow.lanes > 1;
            let ty = if is_mask { mask } else { clif_type(dtype)? };
            let value = self.b.ins().load(ty, flags, frame, offset_of(position + 2, ty.bytes()));
            let is_set = |cx: &mut Self| cx.b.ins().icmp_imm_s(IntCC::NotEqual, value, 0);
            params.push(if is_mask { is_set(self) } else { value });
        }
        let results = self.scalar_block(&slow.block, &params)?;
        let mut result = results[0];
        if slow.lanes > 1 && slow.block.dtype(slow.block.results[0]) == DType::Bool {
            let wide = self.resize(result, mask, false);
            result = self.b.ins().ineg(wide);
        }
        let bytes = self.b.func.dfg.value_type(result).bytes();
        self.b.ins().store(flags, result, frame, offset_of(1, bytes));
        self.b.ins().jump(next, &[]);
        self.b.seal_block(next);
        self.b.switch_to_block(next);
        Ok(())
    }

    /// `symbol(operands..)`, all of one type.
    pub(super) fn call_scalar(&mut self, symbol: &str, ty: Type, operands: &[Value]) -> Emit<Value> {
        let mut signature = self.unit.module.make_signature();
        signature.params.extend(operands.iter().map(|_| AbiParam::new(ty)));
        signature.returns.push(AbiParam::new(ty));
        let function = self.unit.import(symbol, &signature)?;
        let function = self.unit.module.declare_func_in_func(function, self.b.func);
        let call = self.b.ins().call(function, operands);
        Ok(self.b.inst_results(call)[0])
    }
}

impl Unit<'_> {
    /// The function of a slow path, declared at its first use; [`Unit`] defines it later.
    fn slow_function(&mut self, block: &Arc<Block>, lanes: usize) -> Emit<cranelift_module::FuncId> {
        if let Some(&id) = self.slow_ids.get(&(block.clone(), lanes)) {
            return Ok(id);
        }
        let id = self.module.declare_anonymous_function(&slow_signature()).map_err(super::module_error)?;
        self.slow_ids.insert((block.clone(), lanes), id);
        self.slow_queue.push(Slow { id, block: block.clone(), lanes });
        Ok(id)
    }
}
