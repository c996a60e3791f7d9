//! Loop nests to native code through Cranelift, with 128-bit vectors.
//!
//! [`Unit`] is one object (or one piece of executable memory) under construction. [`Unit::function`] adds a compiled
//! function with its C entry points, [`Unit::data`] what the metadata accessors return. It writes through any
//! [`cranelift_module::Module`]; symbols, layouts of metadata and headers are the business of the caller.

mod analysis;
mod checks;
mod entry;
mod frames;
mod function;
mod memory;
mod nest;
mod pending;
mod processor;
mod rare;
mod reduce;
mod scalar;
mod shared;
#[cfg(test)]
mod tests;
mod vector;
mod weights;

pub use checks::{Checks, Codes};
pub use entry::{DataBlob, DataRef, EntryPoint};
pub use frames::StackUse;
pub use processor::features;
pub use weights::Weights;

use crate::diag::Diagnostic;
use crate::loops::{self, Block};
use crate::types::{Literal, Tensor};
use cranelift_codegen::ir::{GlobalValue, InstBuilder, Signature, StackSlot, StackSlotData, StackSlotKind};
use cranelift_codegen::ir::{UserFuncName, Value, types};
use cranelift_codegen::{Context, isa::TargetIsa};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_module::{DataDescription, DataId, FuncId, Linkage, Module, ModuleError};
use std::collections::HashMap;
use std::sync::Arc;

/// What emission gives, or the bug report of a program that broke an invariant of [`crate::loops`].
type Emit<T> = Result<T, Diagnostic>;

/// One module under construction.
pub struct Unit<'m> {
    module: &'m mut dyn Module,
    machine: Machine,
    constants: HashMap<Arc<Tensor>, DataId>,
    tables: HashMap<Arc<Vec<Literal>>, DataId>,
    // Constants that the object gets when it is written; none if it gets them at once.
    weights: Option<Weights>,
    imports: HashMap<String, FuncId>,
    slow_ids: HashMap<(Arc<Block>, usize), FuncId>,
    // Invariant: declared, not yet defined.
    slow_queue: Vec<Slow>,
    parts: shared::Parts,
    // Invariant: declared, not yet defined.
    part_queue: Vec<(FuncId, Arc<loops::Function>)>,
    // The text of every function, if it was asked for.
    clif: Option<String>,
    // Are exported symbols for the inside of a shared library only?
    hidden: bool,
    processor: Option<checks::Processor>,
    frames: frames::Frames,
    pending: pending::Pending,
    // Exported functions by symbol.
    entries: HashMap<String, FuncId>,
}

/// What the instruction set offers beyond Cranelift's common ground.
#[derive(Clone, Copy, Debug)]
struct Machine {
    has_fma: bool,
    // `fmax` and `fmin` propagate NaN in one instruction.
    has_nan_max: bool,
}

/// A slow path that is declared and waits for its body.
struct Slow {
    id: FuncId,
    block: Arc<Block>,
    lanes: usize,
}

/// One machine function under construction: what emission of single instructions needs.
struct Cx<'a, 'm> {
    b: FunctionBuilder<'a>,
    unit: &'a mut Unit<'m>,
    // The frame that calls of slow paths share, by its size.
    frames: HashMap<u32, StackSlot>,
    globals: HashMap<DataId, GlobalValue>,
}

impl<'m> Unit<'m> {
    pub fn new(module: &'m mut dyn Module) -> Self {
        let machine = Machine::of(module.isa());
        Unit {
            module,
            machine,
            constants: HashMap::new(),
            tables: HashMap::new(),
            weights: None,
            imports: HashMap::new(),
            slow_ids: HashMap::new(),
            slow_queue: Vec::new(),
            parts: shared::Parts::default(),
            part_queue: Vec::new(),
            clif: None,
            hidden: false,
            processor: None,
            frames: frames::Frames::new(),
            pending: pending::Pending::default(),
            entries: HashMap::new(),
        }
    }

    /// Keeps the Cranelift IR of all functions from here on, for `--emit=clif`.
    pub fn record_clif(&mut self) {
        self.clif.get_or_insert_default();
    }

    /// From here on exported symbols are visible only to what is linked into one library with them, or to everyone.
    pub fn set_hidden(&mut self, hidden: bool) {
        self.hidden = hidden;
    }

    /// The recorded Cranelift IR.
    pub fn clif(&self) -> Option<&str> {
        self.clif.as_deref()
    }

    /// Compiles a function of legalized nests and exports its entry points.
    /// Errors: a bug report, if the function breaks an invariant of [`crate::loops`].
    pub fn function(&mut self, function: &loops::Function, entry: &EntryPoint) -> Result<(), Diagnostic> {
        function::compile(self, function, entry)?;
        while let Some(slow) = self.slow_queue.pop() {
            self.define(slow.id, rare::slow_signature(), |mut cx| {
                cx.slow_body(&slow)?;
                Ok(cx)
            })?;
        }
        self.compile_pending()
    }

    /// Builds one machine function; [`Unit::compile_pending`] defines it.
    fn define<'s>(
        &'s mut self,
        id: FuncId,
        signature: Signature,
        body: impl for<'a> FnOnce(Cx<'a, 'm>) -> Emit<Cx<'a, 'm>>,
    ) -> Emit<()> {
        let mut context = Context::new();
        context.func.signature = signature;
        context.func.name = UserFuncName::user(0, id.as_u32());
        let mut builder_context = FunctionBuilderContext::new();
        let config = self.module.target_config();
        let b = FunctionBuilder::new(&mut context.func, &mut builder_context);
        let cx = Cx { b, unit: &mut *self, frames: HashMap::new(), globals: HashMap::new() };
        let cx = body(cx)?;
        cx.b.finalize(config);
        if let Some(text) = &mut self.clif {
            text.push_str(&format!("{}\n", context.func.display()));
        }
        self.compile_later(id, context)
    }

    /// A function of the runtime, declared at its first use: an unused import would break linking.
    fn import(&mut self, symbol: &str, signature: &Signature) -> Emit<FuncId> {
        if let Some(&id) = self.imports.get(symbol) {
            return Ok(id);
        }
        let id = self.module.declare_function(symbol, Linkage::Import, signature).map_err(module_error)?;
        self.imports.insert(symbol.to_string(), id);
        Ok(id)
    }

    /// The read-only data of a constant.
    fn tensor(&mut self, tensor: &Arc<Tensor>) -> Emit<DataId> {
        if let Some(&id) = self.constants.get(tensor) {
            return Ok(id);
        }
        let id = match self.weight(tensor)? {
            Some(id) => id,
            None => self.read_only(tensor.bytes().to_vec())?,
        };
        self.constants.insert(tensor.clone(), id);
        Ok(id)
    }

    /// The read-only data of an [`loops::Inst::Table`].
    fn table(&mut self, entries: &Arc<Vec<Literal>>) -> Emit<DataId> {
        if let Some(&id) = self.tables.get(entries) {
            return Ok(id);
        }
        let id = self.read_only(entries.iter().flat_map(|entry| entry.bytes()).collect())?;
        self.tables.insert(entries.clone(), id);
        Ok(id)
    }

    fn read_only(&mut self, mut bytes: Vec<u8>) -> Emit<DataId> {
        let id = self.module.declare_anonymous_data(false, false).map_err(module_error)?;
        // Object formats have no symbols for empty data.
        bytes.resize(bytes.len().max(1), 0);
        let mut data = DataDescription::new();
        data.define(bytes.into_boxed_slice());
        data.set_align(64);
        self.module.define_data(id, &data).map_err(module_error)?;
        Ok(id)
    }
}

impl Cx<'_, '_> {
    fn data_address(&mut self, data: DataId) -> Value {
        let global = match self.globals.get(&data) {
            Some(&global) => global,
            None => {
                let global = self.unit.module.declare_data_in_func(data, self.b.func);
                self.globals.insert(data, global);
                global
            }
        };
        self.b.ins().symbol_value(types::I64, global)
    }

    /// A stack slot for the frame of a slow path; frames of one size share it.
    fn frame(&mut self, bytes: u32) -> StackSlot {
        if let Some(&slot) = self.frames.get(&bytes) {
            return slot;
        }
        // 16-byte alignment, as a power of two.
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 4);
        let slot = self.b.create_sized_stack_slot(data);
        self.frames.insert(bytes, slot);
        slot
    }
}

impl Machine {
    fn of(isa: &dyn TargetIsa) -> Machine {
        if isa.name() == "aarch64" {
            return Machine { has_fma: true, has_nan_max: true };
        }
        let has = |name| isa.isa_flags().iter().any(|flag| flag.name == name && flag.as_bool() == Some(true));
        Machine { has_fma: has("has_fma"), has_nan_max: false }
    }
}

fn module_error(error: ModuleError) -> Diagnostic {
    let detail = match &error {
        ModuleError::Compilation(error) => format!("{error:?}"),
        other => other.to_string(),
    };
    Diagnostic::bug(format!("cranelift refused the code: {detail}"))
}
