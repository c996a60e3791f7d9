//! `rjaxc MODEL.ir -o OUT.o`: object, header, Rust module, manifest and what else `--emit` asks for.

use crate::args::CompileArgs;
use crate::clock::Clock;
use crate::emit::{self, Kind};
use crate::failure::Failure;
use crate::output;
use crate::road::{self, Compiled, Dumps};
use cranelift_object::{ObjectBuilder, ObjectModule};
use rjaxc_compiler::codegen::cpu::Unit;
use rjaxc_compiler::codegen::target::{Output, Target};
use rjaxc_compiler::diag::{Diagnostic, Sources};
use rjaxc_compiler::export;
use rjaxc_compiler::ir::Program;
use rjaxc_compiler::link::{self, Interface};
use rjaxc_compiler::pipeline::{Entry, PROGRAM_PASSES};
use std::path::{Path, PathBuf};

/// The runtime as a static archive, and the platform it is for; see `build.rs`.
const RUNTIME: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/librjaxc_rt.a"));
const RUNTIME_TARGET: &str = env!("RJAXC_RT_TARGET");

/// Compiles a file. Errors: see [`Failure`]; then nothing has been written.
pub fn run(args: &CompileArgs, sources: &mut Sources) -> Result<(), Failure> {
    let plan = Plan::new(args)?;
    let target = Target::parse(args.target.as_deref(), args.target_cpu.as_deref()).map_err(Failure::Usage)?;
    let mut clock = Clock::new(args.program.messages.verbose);
    if let [(Kind::Stablehlo, path)] = plan.outputs.as_slice() {
        return export_alone(args, path, sources);
    }
    let last_program_pass = PROGRAM_PASSES.last().map_or("", |pass| pass.name);
    // Printing a program with large constants takes longer than compiling it.
    let prints_program = plan.outputs.iter().any(|(kind, _)| *kind == Kind::Ir);
    let wanted: Vec<&str> = prints_program.then_some(last_program_pass).into_iter().collect();
    let (compiled, dumps) = road::compile(&args.program, sources, &mut clock, &wanted)?;
    let prefix = args.prefix.clone().unwrap_or_else(|| stem(&args.program.file));
    let interface = rjaxc_compiler::interface(&compiled.entries, &compiled.module, &prefix, &target);
    let mut product = Product { compiled, dumps, interface, object: None, clif: None };
    if plan.needs_code() {
        emit_object(&mut product, &target)?;
        clock.lap("emit");
    }
    let mut files = Vec::new();
    for (kind, path) in &plan.outputs {
        files.push((path.clone(), product.bytes(*kind, path)?));
    }
    write(&files)?;
    clock.lap("write");
    Ok(())
}

fn write(files: &[(PathBuf, Vec<u8>)]) -> Result<(), Failure> {
    match files {
        [(path, bytes)] if path == Path::new("-") => output::write_standard_output(bytes),
        files => output::write_all(files),
    }
}

/// Writes StableHLO alone, which needs no code, so that what has none yet can be written too.
fn export_alone(args: &CompileArgs, path: &Path, sources: &mut Sources) -> Result<(), Failure> {
    let program = &args.program;
    let format = program.messages.error_format;
    let source = road::load(&program.file, program.threefry.map(Into::into), sources, format)?;
    let entries = road::entries(&args.program, source, sources)?;
    let text = stablehlo(&stem(&args.program.file), &entries)?;
    write(&[(path.to_path_buf(), text.into_bytes())])
}

/// The programs after the transformations that were asked for, before anything is made faster.
fn stablehlo(name: &str, entries: &[Entry]) -> Result<String, Failure> {
    let programs: Vec<(&str, &Program)> =
        entries.iter().map(|entry| (entry.name.as_str(), &entry.program)).collect();
    Ok(export::stablehlo(name, &programs)?.to_string())
}

/// What to write where.
struct Plan {
    outputs: Vec<(Kind, PathBuf)>,
}

impl Plan {
    fn new(args: &CompileArgs) -> Result<Plan, Failure> {
        if let Some(kind) = args.emit.iter().find(|kind| !kind.is_supported()) {
            let message = format!("--emit={} is not supported yet", kind.name());
            return Err(Diagnostic::unsupported(message).into());
        }
        let kinds = if args.emit.is_empty() { emit::DEFAULT.to_vec() } else { args.emit.clone() };
        let single = (kinds.len() == 1).then(|| kinds[0]);
        let base = match (&args.output, single) {
            (Some(path), _) => path.clone(),
            (None, Some(kind)) if kind.is_text() => PathBuf::from("-"),
            (None, _) => PathBuf::from(stem(&args.program.file)).with_extension("o"),
        };
        if base == Path::new("-") && !single.is_some_and(Kind::is_text) {
            return Err(Failure::usage(
                "standard output takes one text: --emit=ir, stablehlo, loops, clif, header, rust or json",
            ));
        }
        let path = |kind: Kind| match (single, kind) {
            (Some(_), _) | (None, Kind::Obj) => base.clone(),
            (None, kind) => base.with_extension(kind.extension()),
        };
        let outputs: Vec<(Kind, PathBuf)> = kinds.iter().map(|&kind| (kind, path(kind))).collect();
        check_paths(&outputs, &args.program.file)?;
        Ok(Plan { outputs })
    }

    fn needs_code(&self) -> bool {
        self.outputs.iter().any(|(kind, _)| matches!(kind, Kind::Obj | Kind::Clif))
    }
}

/// Errors: two outputs of one name, or an output that would replace the program.
fn check_paths(outputs: &[(Kind, PathBuf)], input: &Path) -> Result<(), Failure> {
    for (position, (_, path)) in outputs.iter().enumerate() {
        if outputs[..position].iter().any(|(_, other)| other == path) {
            return Err(Failure::usage(format!("two outputs are named {}", path.display())));
        }
        let same = |a: &Path, b: &Path| Some(a.canonicalize().ok()? == b.canonicalize().ok()?);
        if same(path, input) == Some(true) {
            return Err(Failure::usage(format!("{} is the program itself", path.display())));
        }
    }
    Ok(())
}

/// Everything that outputs are made of.
struct Product {
    compiled: Compiled,
    dumps: Dumps,
    interface: Interface,
    object: Option<Vec<u8>>,
    clif: Option<String>,
}

impl Product {
    fn bytes(&self, kind: Kind, path: &Path) -> Result<Vec<u8>, Failure> {
        let text = match kind {
            Kind::Obj => return self.object_or_archive(path),
            Kind::Runtime => return Ok(RUNTIME.to_vec()),
            Kind::Clif => self.clif.clone().unwrap_or_default(),
            Kind::Ir => self.programs(),
            Kind::Loops => self.compiled.module.to_string(),
            Kind::Header => link::header(&self.interface),
            Kind::Rust => link::rust_module(&self.interface),
            Kind::Json => link::manifest(&self.interface),
            Kind::Stablehlo => stablehlo(&self.interface.prefix, &self.compiled.entries)?,
            Kind::Asm | Kind::Mlir | Kind::Ptx | Kind::Spirv => {
                return Err(Diagnostic::bug(format!("--emit={} was planned", kind.name())).into());
            }
        };
        Ok(if text.ends_with('\n') { text } else { text + "\n" }.into_bytes())
    }

    /// The programs after the last pass, each under its exported name, so that the text is a program again.
    fn programs(&self) -> String {
        let names = self.compiled.entries.iter().map(|entry| &entry.name);
        let last = PROGRAM_PASSES.last().map_or("", |pass| pass.name);
        let texts = self.dumps.iter().filter(|(pass, _)| pass == last).map(|(_, text)| text);
        names.zip(texts).map(|(name, text)| format!("# {name}\n{}\n", text.trim_end())).collect()
    }

    fn object_or_archive(&self, path: &Path) -> Result<Vec<u8>, Failure> {
        let object = self.object.as_deref().expect("the plan has asked for code");
        if path.extension().is_none_or(|extension| extension != "a") {
            return Ok(object.to_vec());
        }
        let uses_runtime = self.interface.uses_runtime();
        if uses_runtime && self.interface.target != RUNTIME_TARGET {
            let message = format!("an archive with the runtime for {}", self.interface.target);
            let hint =
                format!("this rjaxc carries the runtime for {RUNTIME_TARGET} only; write an object instead");
            return Err(Diagnostic::unsupported(message).hint(hint).into());
        }
        let member = format!("{}.o", stem(path));
        Ok(link::archive(&member, object, uses_runtime.then_some(RUNTIME))?)
    }
}

/// Emits machine code, and its text for `--emit=clif`.
fn emit_object(product: &mut Product, target: &Target) -> Result<(), Failure> {
    let bug = |message: String| Failure::from(Diagnostic::bug(message));
    let isa = target.isa(Output::Object).map_err(Failure::Usage)?;
    let name = product.interface.prefix.clone();
    let builder = ObjectBuilder::new(isa, name, cranelift_module::default_libcall_names());
    let mut module = ObjectModule::new(builder.map_err(|error| bug(error.to_string()))?);
    let mut unit = Unit::new(&mut module);
    unit.record_clif();
    rjaxc_compiler::emit(&mut unit, &product.compiled.module, &product.interface)?;
    product.clif = unit.clif().map(str::to_string);
    product.object = Some(module.finish().emit().map_err(|error| bug(error.to_string()))?);
    Ok(())
}

/// The file name without folders and extension.
pub fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "model".to_string(), |stem| stem.to_string_lossy().into_owned())
}
