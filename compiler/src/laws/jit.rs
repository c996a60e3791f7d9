//! Compiles into memory and calls, for the law "compiled = eval".

use crate::codegen::Target;
use crate::codegen::cpu::Unit;
use crate::codegen::target::Output;
use crate::exports::Entry;
use crate::loops::Module;
use crate::types::Tensor;
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncOrDataId, Module as _, default_libcall_names};

/// Runs the one function of `module`.
pub fn run(entry: &Entry, module: &Module, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
    let target = Target::parse(None, None)?;
    let isa = target.isa(Output::Memory)?;
    let mut builder = JITBuilder::with_isa(isa, default_libcall_names());
    builder.symbols(rjaxc_rt::symbols());
    let mut jit = JITModule::new(builder);
    let interface = crate::interface(std::slice::from_ref(entry), module, "law", &target);
    let mut unit = Unit::new(&mut jit);
    crate::emit(&mut unit, module, &interface).map_err(|errors| errors[0].message.clone())?;
    jit.finalize_definitions().map_err(|error| error.to_string())?;
    let Some(FuncOrDataId::Func(id)) = jit.get_name("law_f_call") else {
        return Err("no entry point".into());
    };
    let code = jit.get_finalized_function(id);
    let avals = entry.program.output_avals();
    let mut outputs: Vec<Vec<u8>> = avals.iter().map(|aval| vec![0; aval.size_bytes()]).collect();
    // Units: 64 bytes, the alignment of the arena.
    let mut work = vec![[0u64; 8]; module.functions[0].arena_bytes.div_ceil(64) + 1];
    let start = work.as_mut_ptr().cast::<u8>();
    let start = start.wrapping_add(start.align_offset(64));
    let ins: Vec<*const u8> = inputs.iter().map(|tensor| tensor.bytes().as_ptr()).collect();
    let outs: Vec<*mut u8> = outputs.iter_mut().map(|bytes| bytes.as_mut_ptr()).collect();
    type Entry = extern "C" fn(*const *const u8, *const *mut u8, *mut u8, *const u8) -> i32;
    // SAFETY: the code was emitted for this signature, and every buffer has the size of its aval; the arena has room
    // for `arena_bytes` from an address divisible by 64. `jit` lives until after the call.
    let status = unsafe { std::mem::transmute::<*const u8, Entry>(code) }(
        ins.as_ptr(),
        outs.as_ptr(),
        start,
        std::ptr::null(),
    );
    // SAFETY: nothing refers to the code any more.
    unsafe { jit.free_memory() };
    if status != 0 {
        return Err(format!("status {status}"));
    }
    let results = outputs.into_iter().zip(avals).map(|(bytes, aval)| Tensor::new(aval, bytes));
    Ok(results.map(|tensor| tensor.expect("outputs have the size of their avals")).collect())
}
