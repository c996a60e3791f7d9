//! rjaxc: text of a functional array program in, object bytes out.
//!
//! # The road
//!
//! Data runs one way, and each step is data in, data out:
//!
//! 1. [`front`] reads text into an [`ir::source::Source`]: typed programs, constants, exports.
//! 2. [`exports`] binds constants, picks what to compile and applies what is asked for: [`transform`] differentiates and
//!    batches programs.
//! 3. [`pipeline`] lists every pass by name: [`optimize`] rewrites programs without changing their meaning.
//! 4. [`lower`] makes fused loop nests ([`loops`]).
//! 5. [`schedule`] rewrites loops to what machines have, decides how to run them, and places temporaries in memory.
//! 6. [`codegen`] emits machine code; it sees loops, never programs.
//! 7. [`link`] makes what stands beside the code: header, Rust module, manifest, archive.
//!
//! [`read`], [`compile`] and [`emit`] below are that road.
//!
//! # Layers
//!
//! A module imports only from a smaller number; a test reads every path and fails on any other edge.
//!
//! | layer | modules | |
//! |---|---|---|
//! | 1 | [`diag`], [`types`] | vocabularies |
//! | 2 | [`loops`], [`hlo`], [`derivatives`] | vocabularies, and a test of numbers that knows no programs |
//! | 3 | [`ir`], [`ops`] | the one declared knot: parameters of an op may contain programs |
//! | 4 | [`front`], [`export`], [`eval`], [`transform`], [`optimize`], [`lower`] | drivers; they do not import each other |
//! | 5 | [`schedule`], [`codegen`] | import layers 1 and 2 only |
//! | 6 | [`exports`], [`link`] | |
//! | 7 | [`pipeline`], this file | |
//!
//! # Invariants
//!
//! - Every program that leaves a pass satisfies [`ir::verify`]; every function of loops [`loops::verify`]. The pipeline
//!   checks in debug builds and on request, and names the pass that broke it.
//! - After verification no later stage panics on what the user wrote; it returns a [`diag::Diagnostic`].
//! - Only [`ops`] gives meaning to a primitive. Drivers contain no `match` on individual primitives; the rules of
//!   [`optimize::simplify`] match those they rewrite.
//! - Origins of equations survive every pass: the place in the text and the transforms on the way.
//! - This crate does no IO, keeps no global state and is deterministic: same text, same options, same bytes.
//! - [`eval`] is the specification: slow, obvious, independent of [`lower`] and [`codegen`].

pub mod codegen;
pub mod derivatives;
pub mod diag;
mod eval;
pub mod export;
pub mod exports;
pub mod front;
pub mod hlo;
pub mod ir;
#[cfg(test)]
mod laws;
pub mod link;
pub mod loops;
mod lower;
mod ops;
mod optimize;
pub mod pipeline;
mod schedule;
pub mod transform;
pub mod types;

use codegen::Target;
use codegen::cpu::{DataBlob, DataRef, EntryPoint, StackUse, Unit};
use diag::{Diagnostic, Origin, SourceId, Sources};
use exports::Entry;
use ir::source::{Source, Threefry};
use link::{Entries, FunctionNames, Interface, Names, Signature};
use loops::Module;
use pipeline::{Observe, Sink};

pub use eval::program as evaluate;
pub use ops::rules::Sample;
pub use ops::{Op, samples};

/// The version of this compiler.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Reads one text. Errors: everything that is wrong with it, with positions.
pub fn read(sources: &Sources, id: SourceId) -> Result<Source, Vec<Diagnostic>> {
    front::read(sources, id)
}

/// [`read`], with another layout of random bits than the file says, if any. Errors: as [`read`].
pub fn read_with_threefry(
    sources: &Sources,
    id: SourceId,
    threefry: Option<Threefry>,
) -> Result<Source, Vec<Diagnostic>> {
    front::read_with_threefry(sources, id, threefry)
}

/// Takes functions through all passes to scheduled loops, one loop function per entry, in order.
pub fn compile(entries: &[Entry], observe: &Observe, sink: Sink) -> Result<Module, Vec<Diagnostic>> {
    let mut module = Module::default();
    for entry in entries {
        let program = pipeline::optimize(entry.program.clone(), observe, sink)?;
        module.functions.push(lower::lower(&program, &entry.name).map_err(|error| vec![error])?);
    }
    if observe.wants("lower") {
        sink("lower", &module.to_string());
    }
    pipeline::schedule(module, observe, sink)
}

/// How the compiled functions look to their callers.
pub fn interface(entries: &[Entry], module: &Module, prefix: &str, target: &Target) -> Interface {
    let signature = |(entry, function): (&Entry, &loops::Function)| Signature {
        name: entry.name.clone(),
        inputs: entry.input_names.iter().cloned().zip(entry.program.input_avals()).collect(),
        outputs: entry.output_names.iter().cloned().zip(entry.program.output_avals()).collect(),
        left_out: entry.left_out.clone(),
        work_bytes: function.arena_bytes,
        work_align: 64,
        uses_runtime: function.uses_runtime(),
    };
    Interface {
        prefix: prefix.to_string(),
        functions: entries.iter().zip(&module.functions).map(signature).collect(),
        target: target.triple().to_string(),
        features: target.features(),
        is_checked: true,
        version: VERSION.to_string(),
    }
}

/// What a host that must answer in time wants to know of one compiled function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bounds {
    pub stack: StackUse,
    /// Loops whose number of steps depends on values.
    pub unbounded: Vec<Origin>,
}

/// The bounds of functions that have been emitted into `unit`.
///
/// Errors: those of the passes over programs.
pub fn bounds(unit: &Unit, entries: &[Entry], interface: &Interface) -> Result<Vec<Bounds>, Vec<Diagnostic>> {
    let names = Names::new(interface);
    let of_entry = |(entry, names): (&Entry, &FunctionNames)| {
        let symbols = [&names.call_symbol, &names.symbol].into_iter();
        let deepest = symbols.filter_map(|symbol| unit.stack_use(symbol)).max_by_key(|stack| stack.bytes);
        let missing = || vec![Diagnostic::bug(format!("{} has not been emitted", entry.name))];
        let deepest = deepest.ok_or_else(missing)?;
        Ok(Bounds { stack: deepest, unbounded: pipeline::unbounded_loops(&entry.program)? })
    };
    entries.iter().zip(&names.functions).map(of_entry).collect()
}

/// Emits scheduled loops into a Cranelift module: an object file, or memory of this process.
/// Errors: a bug report; the loops were verified.
pub fn emit(unit: &mut Unit, module: &Module, interface: &Interface) -> Result<(), Vec<Diagnostic>> {
    let names = Names::new(interface);
    for ((function, signature), names) in
        module.functions.iter().zip(&interface.functions).zip(&names.functions)
    {
        emit_function(unit, function, signature, names, interface).map_err(|error| vec![error])?;
    }
    Ok(())
}

/// The functions as one file of C11, which any C compiler makes into what an object has.
///
/// Errors: a function that calls routines of the runtime, which have no C form.
pub fn c_file(module: &Module, interface: &Interface) -> Result<String, Diagnostic> {
    // Whichever processor it will be compiled for.
    let interface = &Interface { target: "C11".into(), features: Vec::new(), ..interface.clone() };
    let names = Names::new(interface);
    let bodies = module.functions.iter().zip(&names.functions);
    let body = |(function, names): (&loops::Function, &FunctionNames)| {
        codegen::c::function(function, &link::body_name(names))
    };
    let bodies = bodies.map(body).collect::<Result<Vec<String>, Diagnostic>>()?;
    Ok(link::c_file(interface, codegen::c::prelude(), &bodies))
}

/// The trees of all nests as text, for `--emit=tree`.
pub fn trees(module: &Module) -> String {
    module.functions.iter().map(codegen::tree::text).collect()
}

fn emit_function(
    unit: &mut Unit,
    function: &loops::Function,
    signature: &Signature,
    names: &FunctionNames,
    interface: &Interface,
) -> Result<(), Diagnostic> {
    let entry = EntryPoint {
        call: names.call_symbol.clone(),
        direct: match names.entries {
            Entries::Both => Some(names.symbol.clone()),
            Entries::Lists => None,
        },
        inputs: signature.inputs.len(),
        outputs: signature.outputs.len(),
        checks: interface.is_checked.then(|| signature.checks()),
    };
    unit.function(function, &entry)?;
    let link::Blob { bytes, pointers } = link::metadata(interface, signature);
    // The blob points into itself.
    let pointers =
        pointers.into_iter().map(|(at, target)| (at, DataRef { blob: 0, offset: target })).collect();
    let data = unit.data(&[DataBlob { symbol: None, bytes, pointers }])?;
    unit.accessor(&names.metadata_symbol, data[0])
}
