//! From files and flags to scheduled loops: what the commands that compile have in common.

use crate::args::{Denied, ProgramArgs};
use crate::clock::Clock;
use crate::failure::{self, ErrorFormat, Failure};
use crate::output;
use crate::weights;
use rjaxc_compiler::diag::{Diagnostic, Fault, SourceId, Sources};
use rjaxc_compiler::exports::{self, Entry};
use rjaxc_compiler::hlo::bytecode;
use rjaxc_compiler::ir::source::{ConstantValue, Export, Expression, Source, Threefry};
use rjaxc_compiler::loops::Module;
use rjaxc_compiler::pipeline::{LOOP_PASSES, Observe, PROGRAM_PASSES};
use rjaxc_compiler::{front, read_with_threefry};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The texts that passes left behind, by pass name, in order.
pub type Dumps = Vec<(String, String)>;

/// A program on the way to code.
pub struct Compiled {
    pub entries: Vec<Entry>,
    pub module: Module,
    /// Every file that was read on the way.
    pub files: Vec<PathBuf>,
}

/// Reads a program, with another layout of random bits than it says, if any, and prints what it is warned of.
/// Errors: it cannot be read, or is wrong.
pub fn load(
    path: &Path,
    threefry: Option<Threefry>,
    sources: &mut Sources,
    format: ErrorFormat,
) -> Result<Source, Failure> {
    let id = open(path, sources)?;
    let source = read_with_threefry(sources, id, threefry)?;
    failure::print(&source.warnings, sources, format);
    Ok(source)
}

/// A file, text or bytecode. Errors: it cannot be read, or is neither.
pub fn open(path: &Path, sources: &mut Sources) -> Result<SourceId, Failure> {
    let bytes = read_bytes(path)?;
    let name = path.display().to_string();
    Ok(match bytecode::module_in(&bytes) {
        Some(_) => sources.add_bytes(name, bytes),
        None => sources.add(name, as_text(path, bytes)?),
    })
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

fn as_text(path: &Path, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..good];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column =
            good - before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1) + 1;
        Failure::data(format!(
            "{}:{line}:{column}: neither a text file (UTF-8) nor MLIR bytecode: byte {good} is 0x{:02x}",
            path.display(),
            error.as_bytes()[good]
        ))
    })
}

/// A text file. Errors: it cannot be read, or is no text.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    as_text(path, read_bytes(path)?)
}

/// Binds constants and picks what to compile, as the flags say.
pub fn entries(args: &ProgramArgs, mut source: Source, sources: &mut Sources) -> Result<Vec<Entry>, Failure> {
    let exports = requested_exports(&args.export, sources)?;
    bind(&mut source, &args.file, args.consts.as_deref())?;
    let entries = exports::entries(&source, &exports)?;
    warn_of_lost_rules(exports::lost_rules(&source, &exports), args, sources)?;
    Ok(entries)
}

/// Prints what derivatives lack. Errors: the same, if `--deny` says so.
pub fn warn_of_lost_rules(
    warnings: Vec<Diagnostic>,
    args: &ProgramArgs,
    sources: &Sources,
) -> Result<(), Failure> {
    if args.deny.contains(&Denied::LostRules) && !warnings.is_empty() {
        let error = |warning| Diagnostic { fault: Fault::Program, ..warning };
        return Err(warnings.into_iter().map(error).collect::<Vec<_>>().into());
    }
    failure::print(&warnings, sources, args.messages.error_format);
    Ok(())
}

/// The files that a compilation of `source` reads, each once.
pub fn files(args: &ProgramArgs, source: &Source) -> Vec<PathBuf> {
    let folder = args.file.parent().unwrap_or(Path::new(""));
    let of_lines = source.constants.iter().filter_map(|constant| match &constant.value {
        ConstantValue::File { path, .. } => Some(folder.join(path)),
        ConstantValue::Tensor(_) => None,
    });
    let mut files = Vec::new();
    for file in std::iter::once(args.file.clone()).chain(of_lines).chain(args.consts.clone()) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

/// Gives constvars their values and custom functions their rules, from the files that `const` lines name and from `consts`.
pub fn bind(source: &mut Source, file: &Path, consts: Option<&Path>) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut values = weights::from_const_lines(source, folder)?;
    if let Some(path) = consts {
        // Also if nothing asks for a constant: a mistyped name must not pass.
        std::fs::metadata(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        values.extend(weights::from_consts(source, path)?);
    }
    Ok(exports::bind_constants(source, &values)?)
}

/// What the `--export` flags ask for. Errors: a flag that is no export.
pub fn requested_exports(texts: &[String], sources: &mut Sources) -> Result<Vec<Export>, Failure> {
    let ids: Vec<SourceId> = texts.iter().map(|text| sources.add("--export", text.as_str())).collect();
    let mut errors = Vec::new();
    let mut exports = Vec::new();
    for id in ids {
        match front::read_export(sources, id) {
            Ok(export) => exports.push(export),
            Err(more) => errors.extend(nameless(sources.text(id), sources).map_or(more, |error| vec![error])),
        }
    }
    if errors.is_empty() { Ok(exports) } else { Err(errors.into()) }
}

/// The error of an export that would be one if it had a name.
fn nameless(text: &str, sources: &Sources) -> Option<Diagnostic> {
    let (text, mut copy) = (text.trim().to_string(), sources.clone());
    let id = copy.add("--export", format!("g = {text}"));
    let export = front::read_export(&copy, id).ok().filter(|_| text.contains('('))?;
    let Expression::Transform { name, .. } = export.expression else { return None };
    let hint = format!("write --export 'NAME = {text}': symbols and headers call the function by its name");
    Some(Diagnostic::error(format!("an export needs a name: `{name}(...)` has none")).hint(hint))
}

/// Reads, binds and compiles; `dump_after` names passes whose output the caller wants in the answer.
pub fn compile(
    args: &ProgramArgs,
    sources: &mut Sources,
    clock: &mut Clock,
    dump_after: &[&str],
) -> Result<(Compiled, Dumps), Failure> {
    check_pass_names(&args.print_ir_after)?;
    let source = load(&args.file, args.threefry.map(Into::into), sources, args.messages.error_format)?;
    clock.lap("read");
    let files = files(args, &source);
    let entries = entries(args, source, sources)?;
    clock.lap("bind");
    let (module, dumps) = compile_entries(&entries, args, dump_after)?;
    clock.lap("compile");
    Ok((Compiled { entries, module, files }, dumps))
}

/// Takes entries through all passes, printing what the flags ask for.
pub fn compile_entries(
    entries: &[Entry],
    args: &ProgramArgs,
    dump_after: &[&str],
) -> Result<(Module, Dumps), Failure> {
    let mut print_after = args.print_ir_after.clone();
    print_after.extend(dump_after.iter().map(|pass| pass.to_string()));
    let observe = Observe { print_after, verify: args.verify };
    let wanted = Observe { print_after: args.print_ir_after.clone(), verify: false };
    let mut dumps = Vec::new();
    let mut sink = |pass: &str, text: &str| {
        if wanted.wants(pass) {
            output::note(&format!("# after {pass}\n{}\n", text.trim_end()));
        }
        dumps.push((pass.to_string(), text.to_string()));
    };
    let module = rjaxc_compiler::compile(entries, &observe, &mut sink)?;
    Ok((module, dumps))
}

fn check_pass_names(names: &[String]) -> Result<(), Failure> {
    let program_passes = PROGRAM_PASSES.iter().map(|pass| (pass.name, pass.about));
    let loop_passes = LOOP_PASSES.iter().map(|pass| (pass.name, pass.about));
    let own = [("lower", "make loop nests over planned buffers")];
    let known: Vec<(&str, &str)> =
        program_passes.chain(own).chain(loop_passes).chain([("all", "each of them")]).collect();
    let Some(unknown) = names.iter().find(|name| known.iter().all(|(pass, _)| pass != name)) else {
        return Ok(());
    };
    let list: Vec<String> = known.iter().map(|(pass, about)| format!("\n  {pass:<10} {about}")).collect();
    Err(Failure::usage(format!("there is no pass `{unknown}`; passes are{}", list.concat())))
}

/// Values by constvar name.
pub type Values = HashMap<String, rjaxc_compiler::types::Tensor>;
