//! From text to an object, in this process.

use cranelift_module::default_libcall_names;
use cranelift_object::{ObjectBuilder, ObjectModule};
use rjaxc_compiler::codegen::cpu::Unit;
use rjaxc_compiler::codegen::target::{Output, Target};
use rjaxc_compiler::diag::{Diagnostic, Sources};
use rjaxc_compiler::exports::{self, Entry};
use rjaxc_compiler::pipeline::Observe;
use std::collections::HashMap;

/// Reads, binds, optimizes, lowers, schedules and emits an object for x86-64; `verify` checks invariants on the way.
///
/// Errors: those of the program.
pub fn object(text: &str, verify: bool) -> Result<Vec<u8>, Vec<Diagnostic>> {
    let mut sources = Sources::new();
    let id = sources.add("test", text);
    let mut source = rjaxc_compiler::read(&sources, id)?;
    exports::bind_constants(&mut source, &HashMap::new())?;
    object_of(&exports::entries(&source, &[])?, verify)
}

/// Optimizes, lowers, schedules and emits; `verify` checks invariants on the way.
///
/// Errors: those of the programs.
pub fn object_of(entries: &[Entry], verify: bool) -> Result<Vec<u8>, Vec<Diagnostic>> {
    let observe = Observe { verify, ..Observe::default() };
    let module = rjaxc_compiler::compile(entries, &observe, &mut |_, _| {})?;
    let bug = |message: String| vec![Diagnostic::bug(message)];
    let target = Target::parse(Some("x86_64-unknown-linux-gnu"), None).map_err(bug)?;
    let interface = rjaxc_compiler::interface(entries, &module, "test", &target);
    let isa = target.isa(Output::Object).map_err(bug)?;
    let builder = ObjectBuilder::new(isa, "test", default_libcall_names());
    let mut object = ObjectModule::new(builder.map_err(|error| bug(error.to_string()))?);
    rjaxc_compiler::emit(&mut Unit::new(&mut object), &module, &interface)?;
    object.finish().emit().map_err(|error| bug(error.to_string()))
}
