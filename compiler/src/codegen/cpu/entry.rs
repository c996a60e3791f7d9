//! The C side: entry points with positional pointers, data with pointers in it, accessors.

use super::{Checks, Emit, Unit, module_error};
use crate::diag::Diagnostic;
use cranelift_codegen::ir::{AbiParam, InstBuilder, MemFlagsData, Signature, StackSlotData, StackSlotKind};
use cranelift_codegen::ir::{Value, types};
use cranelift_module::{DataDescription, DataId, FuncId};

/// The symbols of one compiled function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryPoint {
    /// `int32_t call(const void *const *in, void *const *out, void *work, const void *exec)`.
    pub call: String,
    /// `int32_t direct(in0, in1, .., out0, .., void *work)`; exported only if named.
    pub direct: Option<String>,
    /// The number of inputs, unused ones included.
    pub inputs: usize,
    pub outputs: usize,
    /// What `call` verifies before anything else; none to trust the caller.
    pub checks: Option<Checks>,
}

/// Read-only data whose layout the caller knows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DataBlob {
    /// The exported symbol; none for data that only other data point to.
    pub symbol: Option<String>,
    pub bytes: Vec<u8>,
    /// Byte positions that hold the address of another blob.
    pub pointers: Vec<(usize, DataRef)>,
}

/// A place in a blob.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DataRef {
    /// Position in the list given to [`Unit::data`].
    pub blob: usize,
    /// Units: bytes.
    pub offset: usize,
}

const POINTER_BYTES: i32 = 8;

impl Unit<'_> {
    /// Defines data that may point to each other, in any order. All of it is 64-byte aligned.
    pub fn data(&mut self, blobs: &[DataBlob]) -> Result<Vec<DataId>, Diagnostic> {
        let mut ids = Vec::with_capacity(blobs.len());
        for blob in blobs {
            let id = match &blob.symbol {
                Some(symbol) => self.module.declare_data(symbol, self.linkage(), false, false),
                None => self.module.declare_anonymous_data(false, false),
            };
            ids.push(id.map_err(module_error)?);
        }
        for (blob, &id) in blobs.iter().zip(&ids) {
            let mut data = DataDescription::new();
            data.define(blob.bytes.clone().into_boxed_slice());
            data.set_align(64);
            for &(offset, place) in &blob.pointers {
                let target = self.module.declare_data_in_data(ids[place.blob], &mut data);
                data.write_data_addr(offset as u32, target, place.offset as i64);
            }
            self.module.define_data(id, &data).map_err(module_error)?;
        }
        Ok(ids)
    }

    /// Exports `const void *symbol(void)`, which returns the address of `data`.
    /// Invariant: `data` has no symbol of its own, so that its address needs no run-time relocation of code.
    pub fn accessor(&mut self, symbol: &str, data: DataId) -> Result<(), Diagnostic> {
        let mut signature = self.module.make_signature();
        signature.returns.push(AbiParam::new(types::I64));
        let linkage = self.linkage();
        let id = self.module.declare_function(symbol, linkage, &signature).map_err(module_error)?;
        self.define(id, signature, |mut cx| {
            cx.open();
            let address = cx.data_address(data);
            cx.b.ins().return_(&[address]);
            Ok(cx)
        })?;
        self.compile_pending()
    }

    /// The entry with one parameter per array: collects them and calls the general one.
    pub(super) fn direct_entry(&mut self, symbol: &str, entry: &EntryPoint, call: FuncId) -> Emit<()> {
        let mut signature = self.module.make_signature();
        let count = entry.inputs + entry.outputs + 1;
        signature.params.extend((0..count).map(|_| AbiParam::new(types::I64)));
        signature.returns.push(AbiParam::new(types::I32));
        let linkage = self.linkage();
        let id = self.module.declare_function(symbol, linkage, &signature).map_err(module_error)?;
        self.note_entry(symbol, id);
        self.define(id, signature, |mut cx| {
            let params = cx.open();
            let (inputs, rest) = params.split_at(entry.inputs);
            let (outputs, work) = rest.split_at(entry.outputs);
            let inputs = cx.pointer_array(inputs);
            let outputs = cx.pointer_array(outputs);
            let exec = cx.b.ins().iconst(types::I64, 0);
            let call = cx.unit.module.declare_func_in_func(call, cx.b.func);
            let call = cx.b.ins().call(call, &[inputs, outputs, work[0], exec]);
            let status = cx.b.inst_results(call)[0];
            cx.b.ins().return_(&[status]);
            Ok(cx)
        })
    }

    /// The signature of [`EntryPoint::call`].
    pub(super) fn call_signature(&self) -> Signature {
        let mut signature = self.module.make_signature();
        signature.params.extend([AbiParam::new(types::I64); 4]);
        signature.returns.push(AbiParam::new(types::I32));
        signature
    }
}

impl super::Cx<'_, '_> {
    /// Starts the function; returns its parameters.
    pub(super) fn open(&mut self) -> Vec<Value> {
        let entry = self.b.create_block();
        self.b.append_block_params_for_function_params(entry);
        self.b.switch_to_block(entry);
        self.b.seal_block(entry);
        self.b.block_params(entry).to_vec()
    }

    /// An array of these pointers on the stack.
    fn pointer_array(&mut self, pointers: &[Value]) -> Value {
        if pointers.is_empty() {
            return self.b.ins().iconst(types::I64, 0);
        }
        let bytes = POINTER_BYTES as u32 * pointers.len() as u32;
        let slot = self.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 3));
        let array = self.b.ins().stack_addr(types::I64, slot, 0);
        for (position, &pointer) in pointers.iter().enumerate() {
            let offset = POINTER_BYTES * position as i32;
            self.b.ins().store(MemFlagsData::trusted(), pointer, array, offset);
        }
        array
    }
}
