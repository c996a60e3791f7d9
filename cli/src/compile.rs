//! `rjaxc MODEL.ir -o OUT.o`: object, header, Rust module, manifest and what else `--emit` asks for.

use crate::args::{CompileArgs, Visibility};
use crate::clock::Clock;
use crate::emit::{self, Kind};
use crate::failure::Failure;
use crate::output::{self, Content};
use crate::road::{self, Compiled, Dumps};
use cranelift_object::{ObjectBuilder, ObjectModule};
use rjaxc_compiler::Bounds;
use rjaxc_compiler::codegen::cpu::Unit;
use rjaxc_compiler::codegen::target::{Output, Target};
use rjaxc_compiler::diag::{Diagnostic, Origin, Sources};
use rjaxc_compiler::export;
use rjaxc_compiler::exports::Entry;
use rjaxc_compiler::ir::Program;
use rjaxc_compiler::link::{self, Interface, RealTime};
use rjaxc_compiler::pipeline::PROGRAM_PASSES;
use std::path::{Path, PathBuf};

/// The runtime as a static archive, and the platform it is for; see `build.rs`.
const RUNTIME: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/librjaxc_rt.a"));
const RUNTIME_TARGET: &str = env!("RJAXC_RT_TARGET");

/// Compiles a file. Errors: see [`Failure`]; then nothing has been written.
pub fn run(args: &CompileArgs, sources: &mut Sources) -> Result<(), Failure> {
    let plan = Plan::new(args)?;
    check_names(args)?;
    let cpu = args.program.target_cpu.as_deref();
    let target = Target::parse(args.target.as_deref(), cpu).map_err(Failure::Usage)?;
    plan.check_runtime(&target)?;
    let mut clock = Clock::new(args.program.messages.verbose);
    if let [(Kind::Stablehlo, path)] = plan.outputs.as_slice() {
        return export_alone(args, path, &plan, sources);
    }
    let last_program_pass = PROGRAM_PASSES.last().map_or("", |pass| pass.name);
    // Printing a program with large constants takes longer than compiling it.
    let prints_program = plan.outputs.iter().any(|(kind, _)| *kind == Kind::Ir);
    let wanted: Vec<&str> = prints_program.then_some(last_program_pass).into_iter().collect();
    let (compiled, dumps) = road::compile(&args.program, sources, &mut clock, &wanted)?;
    let prefix = args.prefix.clone().unwrap_or_else(|| stem(&args.program.file));
    let interface = rjaxc_compiler::interface(&compiled.entries, &compiled.module, &prefix, &target);
    let interface = Interface { is_checked: !args.no_checks, ..interface };
    let mut product = Product { compiled, dumps, interface, object: None, clif: None, bounds: Vec::new() };
    if plan.needs_code() || args.realtime {
        emit_object(&mut product, &target, args, sources)?;
        clock.lap("emit");
    }
    let mut files = Vec::new();
    for (kind, path) in &plan.outputs {
        files.push((path.clone(), product.content(*kind, path, args)?));
    }
    files.extend(plan.depfile(args, &product.compiled.files)?);
    plan.check_read(&product.compiled.files)?;
    output::write_all(files)?;
    clock.lap("write");
    Ok(())
}

/// Errors: a name that would be no identifier in a generated file.
fn check_names(args: &CompileArgs) -> Result<(), Failure> {
    if let Some(prefix) = args.prefix.as_deref().filter(|prefix| !prefix.is_empty())
        && !link::is_symbol_prefix(prefix)
    {
        let shown = link::comment_text(prefix);
        return Err(Failure::usage(format!(
            "--prefix: `{shown}` cannot begin a symbol; expected letters, digits and underscores, no digit first"
        )));
    }
    let Some(path) = &args.rust_status else { return Ok(()) };
    if path.trim_start_matches("::").split("::").all(link::is_symbol_prefix) {
        return Ok(());
    }
    let shown = link::comment_text(path);
    Err(Failure::usage(format!("--rust-status: `{shown}` is no path of Rust, such as crate::model::Status")))
}

/// Writes StableHLO alone, which needs no code, so that what has none yet can be written too.
fn export_alone(args: &CompileArgs, path: &Path, plan: &Plan, sources: &mut Sources) -> Result<(), Failure> {
    let program = &args.program;
    let format = program.messages.error_format;
    let source = road::load(&program.file, program.threefry.map(Into::into), sources, format)?;
    let read = road::files(&args.program, &source);
    let entries = road::entries(&args.program, source, sources)?;
    let text = stablehlo(&stem(&args.program.file), &entries)?;
    let mut files = vec![(path.to_path_buf(), text.into_bytes().into())];
    files.extend(plan.depfile(args, &read)?);
    plan.check_read(&read)?;
    output::write_all(files)
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
    depfile: Option<PathBuf>,
}

impl Plan {
    fn new(args: &CompileArgs) -> Result<Plan, Failure> {
        let stands_alone =
            args.output.as_deref().is_some_and(|path| path != Path::new("-") && output::is_alone(path));
        let kinds = match args.emit.as_slice() {
            // Nothing can stand beside a device or a pipe.
            [] if stands_alone => vec![Kind::Obj],
            [] => emit::DEFAULT.to_vec(),
            kinds => kinds.to_vec(),
        };
        let single = (kinds.len() == 1).then(|| kinds[0]);
        let base = match (&args.output, single) {
            (Some(path), _) => path.clone(),
            (None, Some(kind)) if kind.is_text() => PathBuf::from("-"),
            (None, kind) => {
                let extension = kind.unwrap_or(Kind::Obj).extension();
                PathBuf::from(stem(&args.program.file)).with_extension(extension)
            }
        };
        if single.is_none() && output::is_alone(&base) {
            let place =
                if base == Path::new("-") { "standard output".into() } else { base.display().to_string() };
            return Err(Failure::usage(format!(
                "{place} takes one text: --emit=ir, stablehlo, loops, tree, clif, c, header, rust or json; or --emit=obj"
            )));
        }
        refuse_libraries(&base, &kinds)?;
        let path = |kind: Kind| match (single, kind) {
            (Some(_), _) | (None, Kind::Obj) => base.clone(),
            (None, kind) => base.with_extension(kind.extension()),
        };
        let outputs: Vec<(Kind, PathBuf)> = kinds.iter().map(|&kind| (kind, path(kind))).collect();
        let plan = Plan { outputs, depfile: args.depfile.clone() };
        plan.check_paths()?;
        // Before anything else is read: it is the mistake that is made most.
        plan.check_read(std::slice::from_ref(&args.program.file))?;
        Ok(plan)
    }

    /// Everything that will be written.
    fn paths(&self) -> Vec<&Path> {
        self.outputs.iter().map(|(_, path)| path).chain(&self.depfile).map(PathBuf::as_path).collect()
    }

    /// Errors: two outputs of one name.
    fn check_paths(&self) -> Result<(), Failure> {
        let paths = self.paths();
        let places: Vec<PathBuf> = paths.iter().map(|path| output::place(path)).collect();
        match (0..paths.len()).find(|&position| places[..position].contains(&places[position])) {
            Some(position) => {
                Err(Failure::usage(format!("two outputs are named {}", paths[position].display())))
            }
            None => Ok(()),
        }
    }

    /// Errors: an output that would replace what is read, of which the first is the program.
    fn check_read(&self, read: &[PathBuf]) -> Result<(), Failure> {
        let read: Vec<PathBuf> = read.iter().map(|path| output::place(path)).collect();
        let paths = self.paths();
        let found = paths
            .iter()
            .find_map(|path| Some((path, read.iter().position(|read| *read == output::place(path))?)));
        match found {
            Some((path, 0)) => Err(Failure::usage(format!("{} is the program itself", path.display()))),
            Some((path, _)) => {
                Err(Failure::usage(format!("{} holds values that the program reads", path.display())))
            }
            None => Ok(()),
        }
    }

    /// Errors: the runtime of another platform than this program carries.
    fn check_runtime(&self, target: &Target) -> Result<(), Failure> {
        let wants = self.outputs.iter().any(|(kind, _)| *kind == Kind::Runtime);
        let triple = target.triple().to_string();
        if wants && triple != RUNTIME_TARGET { Err(no_runtime(&triple)) } else { Ok(()) }
    }

    /// The rule for make, if it is asked for: every output depends on the files that were read.
    ///
    /// Errors: a name that no rule can hold.
    fn depfile(&self, args: &CompileArgs, read: &[PathBuf]) -> Result<Option<(PathBuf, Content)>, Failure> {
        let Some(path) = args.depfile.clone() else { return Ok(None) };
        let named = self.outputs.iter().map(|(_, path)| path).chain(read);
        if let Some(path) = named.into_iter().find(|path| path.display().to_string().contains(['\n', '\r'])) {
            return Err(Failure::usage(format!(
                "--depfile: make has no names with line ends: {}",
                path.display()
            )));
        }
        let escaped = |path: &Path| {
            let text = path.display().to_string();
            text.replace('\\', "\\\\").replace(' ', "\\ ").replace('#', "\\#").replace('$', "$$")
        };
        let outputs: Vec<String> = self.outputs.iter().map(|(_, path)| escaped(path)).collect();
        let inputs: Vec<String> = read.iter().map(|path| escaped(path)).collect();
        // A rule without prerequisites for each input lets a build go on when one is gone.
        let phony: String = inputs.iter().map(|input| format!("\n{input}:\n")).collect();
        let text = format!("{}: \\\n  {}\n{phony}", outputs.join(" "), inputs.join(" \\\n  "));
        Ok(Some((path, text.into_bytes().into())))
    }

    fn needs_code(&self) -> bool {
        self.outputs.iter().any(|(kind, _)| matches!(kind, Kind::Obj | Kind::Clif | Kind::Json))
    }
}

/// Errors: an object that is named like a library that it is not.
fn refuse_libraries(path: &Path, kinds: &[Kind]) -> Result<(), Failure> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if !kinds.contains(&Kind::Obj) || !["so", "dylib", "dll"].contains(&extension) {
        return Ok(());
    }
    let (library, object) = (path.display(), path.with_extension("o"));
    let object = object.display();
    Err(Failure::usage(format!(
        "{library}: rjaxc writes objects and archives, no shared libraries; link one yourself: \
         `rjaxc ... -o {object}`, then `cc -shared -o {library} {object}`"
    )))
}

/// What is wanted is the runtime of a platform whose runtime this program does not carry.
fn no_runtime(target: &str) -> Failure {
    let message =
        format!("an archive with the runtime for {target}: this rjaxc carries the one for {RUNTIME_TARGET}");
    let hint = format!(
        "`rjaxc runtime --target {target} -o DIR` builds DIR/librjaxc_rt.a with an installed Rust; write an object \
         and link it with that"
    );
    Diagnostic::unsupported(message).hint(hint).into()
}

/// Everything that outputs are made of.
struct Product {
    compiled: Compiled,
    dumps: Dumps,
    interface: Interface,
    object: Option<Content>,
    clif: Option<String>,
    bounds: Vec<RealTime>,
}

impl Product {
    /// Invariant: asked once for each kind; an object is large, and handed over.
    fn content(&mut self, kind: Kind, path: &Path, args: &CompileArgs) -> Result<Content, Failure> {
        let text = match kind {
            Kind::Obj => return self.object_or_archive(path),
            Kind::Runtime => return Ok(RUNTIME.to_vec().into()),
            Kind::Clif => self.clif.clone().unwrap_or_default(),
            Kind::Ir => self.programs(),
            Kind::Loops => self.compiled.module.to_string(),
            Kind::Tree => rjaxc_compiler::trees(&self.compiled.module),
            Kind::C => rjaxc_compiler::c_file(&self.compiled.module, &self.interface)?,
            Kind::Header => link::header(&self.interface),
            Kind::Rust => link::rust_module(&self.interface, args.rust_status.as_deref()),
            Kind::Json => link::manifest(&self.interface, &self.bounds),
            Kind::Stablehlo => stablehlo(&self.interface.prefix, &self.compiled.entries)?,
        };
        let text = if text.ends_with('\n') { text } else { text + "\n" };
        Ok(text.into_bytes().into())
    }

    /// The programs after the last pass, under names of their own where they are several, so that the text is a program again.
    fn programs(&self) -> String {
        let names = self.compiled.entries.iter().map(|entry| &entry.name);
        let last = PROGRAM_PASSES.last().map_or("", |pass| pass.name);
        let texts = self.dumps.iter().filter(|(pass, _)| pass == last).map(|(_, text)| text);
        let identifiers = link::Names::new(&self.interface).functions;
        let titled = |((name, text), names): ((&String, &String), &link::FunctionNames)| {
            let (title, text) = (link::comment_text(name), text.trim_end());
            match identifiers.len() {
                1 => format!("# {title}\n{text}\n"),
                _ => format!("# {title}\nlet {} = {text}\n", names.rust_name),
            }
        };
        names.zip(texts).zip(&identifiers).map(titled).collect()
    }

    fn object_or_archive(&mut self, path: &Path) -> Result<Content, Failure> {
        let object = self.object.take().expect("the plan has asked for code, once");
        if path.extension().is_none_or(|extension| extension != "a") {
            return Ok(object);
        }
        let uses_runtime = self.interface.uses_runtime();
        if uses_runtime && self.interface.target != RUNTIME_TARGET {
            return Err(no_runtime(&self.interface.target));
        }
        let member = format!("{}.o", stem(path));
        let object = object.into_bytes().map_err(|error| Diagnostic::bug(error.to_string()))?;
        Ok(link::archive(&member, &object, uses_runtime.then_some(RUNTIME))?.into())
    }
}

/// Emits machine code, and its text for `--emit=clif`.
fn emit_object(
    product: &mut Product,
    target: &Target,
    args: &CompileArgs,
    sources: &Sources,
) -> Result<(), Failure> {
    let bug = |message: String| Failure::from(Diagnostic::bug(message));
    let isa = target.isa(Output::Object).map_err(Failure::Usage)?;
    let name = product.interface.prefix.clone();
    let builder = ObjectBuilder::new(isa, name, cranelift_module::default_libcall_names());
    let mut module = ObjectModule::new(builder.map_err(|error| bug(error.to_string()))?);
    let mut unit = Unit::new(&mut module);
    // The text of the code is only made if it is written.
    if args.emit.contains(&Kind::Clif) {
        unit.record_clif();
    }
    unit.keep_weights();
    unit.set_hidden(args.visibility == Visibility::Hidden);
    rjaxc_compiler::emit(&mut unit, &product.compiled.module, &product.interface)?;
    let bounds = rjaxc_compiler::bounds(&unit, &product.compiled.entries, &product.interface)?;
    if args.realtime {
        refuse_unbounded(&product.interface, &bounds)?;
    }
    product.bounds = bounds.iter().map(|bounds| real_time(bounds, sources)).collect();
    product.clif = unit.clif().map(str::to_string);
    let weights = unit.take_weights();
    product.object = Some(Content::Object(Box::new(module.finish()), weights));
    Ok(())
}

/// The same for the manifest, with places as `model.ir:3:5`.
fn real_time(bounds: &Bounds, sources: &Sources) -> RealTime {
    let place = |origin: &Origin| match origin.span() {
        Some(span) => {
            let (line, column) = sources.line_column(span);
            format!("{}:{line}:{column}", sources.name(span.source))
        }
        None => "unknown".to_string(),
    };
    RealTime {
        stack_bytes: bounds.stack.bytes,
        routines: bounds.stack.routines.iter().cloned().collect(),
        unbounded_loops: bounds.unbounded.iter().map(place).collect(),
    }
}

/// Errors: every loop without a bound, at its line, and every routine of the runtime, whose stack is not counted.
fn refuse_unbounded(interface: &Interface, all: &[Bounds]) -> Result<(), Failure> {
    let mut errors = Vec::new();
    for (signature, bounds) in interface.functions.iter().zip(all) {
        let name = &signature.name;
        for origin in &bounds.unbounded {
            let message = format!("--realtime: {name} has a loop that ends when a value says so");
            let hint = "a loop that counts to a number of the text, such as lax.fori_loop with constant bounds, has a bound";
            errors.push(Diagnostic::unsupported(message).with_origin(origin).hint(hint));
        }
        if !bounds.stack.routines.is_empty() {
            let routines: Vec<&str> = bounds.stack.routines.iter().map(String::as_str).collect();
            let message = format!(
                "--realtime: {name} calls {}, for whose stack and time the runtime states no bound",
                routines.join(", ")
            );
            errors.push(Diagnostic::unsupported(message));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors.into()) }
}

/// The file name without folders and extension.
pub fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "model".to_string(), |stem| stem.to_string_lossy().into_owned())
}
