//! `rjaxc fmt`: the canonical layout of a program. Names, comments and the order of lines are the author's.

mod layout;

use crate::args::FmtArgs;
use crate::failure::Failure;
use crate::{failure, output, road};
use rjaxc_compiler::diag::{Diagnostic, Sources};
use rjaxc_compiler::ir::source::Source;
use rjaxc_compiler::{front, read};

/// Prints, writes or checks the layout. Errors: a file that is wrong is not touched.
pub fn run(args: &FmtArgs, sources: &mut Sources) -> Result<(), Failure> {
    let id = road::open(&args.file, sources)?;
    if front::is_stablehlo(sources, id) {
        let message = format!("{} is StableHLO, and fmt lays out jaxpr text alone", args.file.display());
        let hint = "`rjaxc MODEL.mlir --emit=ir` prints a program of StableHLO as a jaxpr";
        return Err(Diagnostic::unsupported(message).hint(hint).into());
    }
    let before = read(sources, id)?;
    failure::print(&before.warnings, sources, args.messages.error_format);
    let text = sources.text(id).to_string();
    let formatted = layout::format(&text);
    let id = sources.add("the formatted text", formatted.as_str());
    let broken = match read(sources, id) {
        Ok(after) if is_same(&before, &after) => None,
        Ok(_) => Some(Diagnostic::bug("the layout would change what the program means")),
        Err(errors) => errors.into_iter().next().map(|error| Diagnostic {
            labels: error.labels,
            ..Diagnostic::bug(format!("the layout would break the program: {}", error.message))
        }),
    };
    if let Some(bug) = broken {
        return Err(bug.into());
    }
    match (args.check, args.write) {
        (true, _) if text != formatted => {
            Err(Failure::data(format!("{}: the layout is not canonical", args.file.display())))
        }
        (true, _) => Ok(()),
        (false, true) if text != formatted => {
            output::write_all(vec![(args.file.clone(), formatted.into_bytes().into())])
        }
        (false, true) => Ok(()),
        (false, false) => output::print(&formatted),
    }
}

/// Do both say the same? Positions may differ.
fn is_same(a: &Source, b: &Source) -> bool {
    let functions = |source: &Source| -> Vec<_> {
        let function = |f: &rjaxc_compiler::ir::source::Function| {
            let names = [f.constvar_names.clone(), f.input_names.clone(), f.output_names.clone()];
            (f.name.clone(), f.program.clone(), names, f.called)
        };
        source.functions.iter().map(function).collect()
    };
    let constants = |source: &Source| -> Vec<_> {
        source.constants.iter().map(|constant| (constant.name.clone(), constant.aval.clone())).collect()
    };
    let exports = |source: &Source| -> Vec<String> {
        source.exports.iter().map(|export| export.name.clone()).collect()
    };
    functions(a) == functions(b)
        && constants(a) == constants(b)
        && exports(a) == exports(b)
        && a.threefry == b.threefry
}
