//! Compiled code in memory of this process: `rjaxc run`, `bench` and `conform`.
//!
//! The call of the compiled function, and the memory that it gets, are the only `unsafe` code of the command line, beside
//! the loading of a library.

mod buffer;
mod library;

pub use buffer::{Guard, Placement};

use buffer::{ALIGN, Buffer};
use library::Library;

use crate::failure::Failure;
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncOrDataId, Module as _};
use rjaxc_compiler::codegen::cpu::Unit;
use rjaxc_compiler::codegen::target::{Output, Target};
use rjaxc_compiler::diag::Diagnostic;
use rjaxc_compiler::exports::Entry;
use rjaxc_compiler::link::{Interface, Names, Signature, status};
use rjaxc_compiler::loops::Module;
use rjaxc_compiler::types::Tensor;
use std::ffi::c_void;

/// Compiled functions in executable memory, which stays until the process ends.
pub struct Executable {
    // Keeps the memory that functions lie in.
    code: Code,
    interface: Interface,
}

/// Who made the code.
enum Code {
    /// This compiler.
    Own(Box<JITModule>),
    /// A C compiler, of the C file.
    Library(Library),
}

/// Who makes the code, of what is asked for.
#[derive(Clone, Copy)]
pub struct Maker<'a> {
    /// What `--target-cpu` says.
    pub cpu: Option<&'a str>,
    /// What `--cc` says: a C compiler with its flags.
    pub cc: Option<&'a str>,
}

/// One function with buffers for its arrays, ready to be called any number of times.
pub struct Call<'e> {
    signature: &'e Signature,
    address: *const u8,
    inputs: Vec<Buffer>,
    outputs: Vec<Buffer>,
    work: Buffer,
}

/// `int32_t call(const void *const *in, void *const *out, void *work, const rjax_exec *exec)`.
type EntryPoint =
    unsafe extern "C" fn(*const *const c_void, *const *mut c_void, *mut c_void, *const c_void) -> i32;

impl Executable {
    /// Emits scheduled loops for this machine. Errors: a bug report, or a processor that is not supported; through C also
    /// a function that has no C form, or what the C compiler says.
    ///
    /// Without a processor the code is that of an object file without one.
    pub fn new(entries: &[Entry], module: &Module, maker: Maker) -> Result<Executable, Failure> {
        let one = |diagnostic: Diagnostic| vec![diagnostic];
        let target = Target::parse(None, maker.cpu).map_err(Failure::Usage)?;
        if let Some(cc) = maker.cc {
            let interface = rjaxc_compiler::interface(entries, module, "", &target);
            let library = Library::compiled(&rjaxc_compiler::c_file(module, &interface)?, cc)?;
            return Ok(Executable { code: Code::Library(library), interface });
        }
        let isa = target.isa(Output::Memory).map_err(|message| one(Diagnostic::unsupported(message)))?;
        let interface = rjaxc_compiler::interface(entries, module, "", &target);
        let mut builder = JITBuilder::with_isa(isa, cranelift_module::default_libcall_names());
        builder.symbols(rjaxc_rt::symbols());
        let mut jit = JITModule::new(builder);
        rjaxc_compiler::emit(&mut Unit::new(&mut jit), module, &interface)?;
        jit.finalize_definitions().map_err(|error| one(Diagnostic::bug(error.to_string())))?;
        Ok(Executable { code: Code::Own(Box::new(jit)), interface })
    }

    /// Prepares a call of the function at `position`, with its memory on the heap.
    ///
    /// Errors: as [`Executable::call_in`].
    pub fn call(&self, position: usize, inputs: &[Tensor]) -> Result<Call<'_>, Diagnostic> {
        self.call_in(position, inputs, Placement::Heap)
    }

    /// Prepares a call of the function at `position`.
    ///
    /// Errors: inputs of other types than the function's, or arrays that do not fit into memory.
    pub fn call_in(
        &self,
        position: usize,
        inputs: &[Tensor],
        placement: Placement,
    ) -> Result<Call<'_>, Diagnostic> {
        let signature = &self.interface.functions[position];
        let expected = signature.inputs.iter().map(|(_, aval)| aval);
        if !expected.eq(inputs.iter().map(Tensor::aval)) {
            return Err(Diagnostic::bug(format!("{} is called with inputs of other types", signature.name)));
        }
        let symbol = &Names::new(&self.interface).functions[position].call_symbol;
        let address = match &self.code {
            Code::Own(module) => match module.get_name(symbol) {
                Some(FuncOrDataId::Func(id)) => Some(module.get_finalized_function(id)),
                _ => None,
            },
            Code::Library(library) => library.address(symbol),
        };
        let Some(address) = address else {
            return Err(Diagnostic::bug(format!("the code lacks the symbol {symbol}")));
        };
        Ok(Call {
            address,
            inputs: inputs
                .iter()
                .map(|tensor| Buffer::input(tensor.bytes(), placement))
                .collect::<Result<_, _>>()?,
            outputs: signature
                .outputs
                .iter()
                .map(|(_, aval)| Buffer::output(aval.size_bytes(), 1, placement))
                .collect::<Result<_, _>>()?,
            work: Buffer::output(signature.work_bytes, ALIGN, placement)?,
            signature,
        })
    }
}

impl Call<'_> {
    /// Runs the function once. Errors: the status that it returned.
    pub fn run(&mut self) -> Result<(), Diagnostic> {
        let inputs: Vec<*const c_void> = self.inputs.iter().map(|buffer| buffer.pointer()).collect();
        let outputs: Vec<*mut c_void> = self.outputs.iter_mut().map(Buffer::pointer_mut).collect();
        let work = self.work.pointer_mut();
        // SAFETY: `address` is the entry point with this signature that the code generator has exported, in memory
        // that the executable keeps; there is one pointer per input and output of the function's signature, each to
        // as many bytes as its type takes and aligned as its type asks, work to 64 bytes; outputs and work belong to this call alone.
        let code = unsafe {
            let entry: EntryPoint = std::mem::transmute(self.address);
            entry(inputs.as_ptr(), outputs.as_ptr(), work, std::ptr::null())
        };
        if code == status::OK {
            return Ok(());
        }
        if code == status::UNSUPPORTED_CPU {
            let message = "this processor lacks instructions that --target-cpu asks for";
            return Err(Diagnostic::unsupported(message).hint("`native` is what this processor has"));
        }
        let known = status::ALL.iter().find(|row| row.code == code);
        let meaning = known.map_or("an unknown status", |row| row.message);
        Err(Diagnostic::bug(format!("{} returned {code}: {meaning}", self.signature.name)))
    }

    /// Whether the last run has left the bytes beside its arrays alone, as far as they are watched.
    pub fn is_contained(&self) -> bool {
        self.inputs.iter().chain(&self.outputs).chain([&self.work]).all(Buffer::is_alone)
    }

    /// The results of the last run.
    pub fn results(&self) -> Vec<Tensor> {
        let outputs = self.signature.outputs.iter().zip(&self.outputs);
        outputs
            .map(|((_, aval), buffer)| {
                Tensor::new(aval.clone(), buffer.bytes().to_vec())
                    .expect("buffers have the sizes of their types")
            })
            .collect()
    }
}
