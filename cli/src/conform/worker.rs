//! One case: read, bind, transform, compile, run, write. Each stage has the name that the protocol gives it.

use super::refusal;
use crate::args::ConformArgs;
use crate::execute::{Executable, Guard, Maker, Placement};
use crate::failure::{ErrorFormat, Failure};
use crate::transform::Sidecar;
use crate::{failure, inputs, panics, road, run};
use rjaxc_compiler::diag::{Diagnostic, Fault, Sources};
use rjaxc_compiler::exports;
use rjaxc_compiler::pipeline::Observe;
use rjaxc_compiler::types::Tensor;
use serde_json::{Value as Json, json};
use std::path::Path;

/// Does what one request asks for.
pub fn answer(line: &str, args: &ConformArgs) -> Json {
    let request: Json = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => return refusal(&Json::Null, "protocol", &format!("not a JSON object: {error}")),
    };
    let id = &request["id"];
    match panics::catch(|| Case::parse(&request).and_then(|case| case.run(args))) {
        Ok(Ok(())) => json!({"id": id, "ok": true}),
        Ok(Err(rejection)) => refusal(id, rejection.stage, &rejection.reason),
        Err(message) => refusal(id, "crash", &format!("panic: {message}")),
    }
}

struct Rejection {
    stage: &'static str,
    reason: String,
}

struct Case<'r> {
    file: &'r Path,
    args: &'r Path,
    out: &'r Path,
    transform: Option<&'r Path>,
}

impl<'r> Case<'r> {
    fn parse(request: &'r Json) -> Result<Self, Rejection> {
        let path = |key: &str| match request[key].as_str() {
            Some(path) => Ok(Path::new(path)),
            None => Err(Rejection { stage: "protocol", reason: format!("the request lacks `{key}`") }),
        };
        match request["ir"].as_str() {
            None | Some("jaxpr" | "stablehlo") => {}
            Some(other) => {
                return Err(Rejection { stage: "unsupported", reason: format!("input: {other}") });
            }
        }
        let transform = if request["transform"].is_null() { None } else { Some(path("transform")?) };
        Ok(Case { file: path("file")?, args: path("args")?, out: path("out")?, transform })
    }

    fn run(&self, args: &ConformArgs) -> Result<(), Rejection> {
        let mut sources = Sources::new();
        let sidecar = match self.transform {
            Some(path) => Sidecar::read(path),
            None => Sidecar::parse(&Json::Null).map_err(Failure::data),
        };
        let sidecar = sidecar.map_err(|failure| reject("transform", &sources, failure))?;
        let mut source = road::load(self.file, sidecar.threefry, &mut sources, ErrorFormat::Human)
            .map_err(|failure| reject("parse", &sources, failure))?;
        sidecar.restore_arguments(&mut source).map_err(|failure| reject("transform", &sources, failure))?;
        sidecar
            .add_rules(&mut source, &mut sources)
            .map_err(|failure| reject("transform", &sources, failure))?;
        road::bind(&mut source, self.file, Some(self.args))
            .map_err(|failure| reject("verify", &sources, failure))?;
        let export = sidecar.export(&source, &mut sources);
        let export = export.map_err(|failure| reject("transform", &sources, failure))?;
        let lost = exports::lost_rules(&source, std::slice::from_ref(&export));
        failure::print(&lost, &sources, ErrorFormat::Human);
        let entries = exports::entries(&source, &[export]);
        let entries = entries.map_err(|errors| reject("transform", &sources, errors.into()))?;
        let module = rjaxc_compiler::compile(&entries, &Observe::default(), &mut |_, _| {});
        let module = module.map_err(|errors| reject("lower", &sources, errors.into()))?;
        let executable = Executable::new(
            &entries,
            &module,
            Maker { cpu: args.target_cpu.as_deref(), cc: args.through.cc.as_deref() },
        );
        let executable = executable.map_err(|failure| reject("codegen", &sources, failure))?;
        let avals = entries[0].program.input_avals();
        // The runner numbers the inputs.
        let names: Vec<String> = (0..avals.len()).map(|position| format!("arg{position}")).collect();
        let tensors = inputs::from_npz(self.args, &names, &avals);
        let tensors = tensors.map_err(|messages| Rejection { stage: "run", reason: messages.join("; ") })?;
        let in_run = |failure: Failure| reject("run", &sources, failure);
        let mut call = executable.call(0, &tensors).map_err(|error| in_run(error.into()))?;
        call.run().map_err(|error| in_run(error.into()))?;
        let results = call.results();
        if args.guard {
            guarded(&executable, &tensors, &results).map_err(|error| in_run(error.into()))?;
        }
        run::save(self.out, &results).map_err(in_run)
    }
}

/// Calls the function again with nothing but its own memory within reach.
///
/// Errors: it writes beside an array, or its results depend on what lay in their memory before, or where that was. It
/// dies if it touches a page that is not its own.
fn guarded(executable: &Executable, inputs: &[Tensor], results: &[Tensor]) -> Result<(), Diagnostic> {
    for guard in Guard::ALL {
        let mut call = executable.call_in(0, inputs, Placement::Guarded(guard))?;
        call.run()?;
        if !call.is_contained() {
            return Err(Diagnostic::bug(format!("{guard:?}: bytes beside an array were written")));
        }
        let changed =
            call.results().iter().zip(results).position(|(again, first)| again.bytes() != first.bytes());
        if let Some(position) = changed {
            return Err(Diagnostic::bug(format!("{guard:?}: out{position} has other bits")));
        }
    }
    Ok(())
}

/// What is unsupported is so at every stage; anything else is the stage's own.
fn reject(stage: &'static str, sources: &Sources, failure: Failure) -> Rejection {
    let diagnostics = match failure {
        Failure::Usage(reason) => return Rejection { stage, reason },
        Failure::Diagnostics(diagnostics) => diagnostics,
    };
    let worse = diagnostics.iter().find(|diagnostic| diagnostic.fault != Fault::Unsupported);
    match (worse, diagnostics.first()) {
        (Some(diagnostic), _) => Rejection { stage, reason: reason(sources, diagnostic) },
        (None, Some(diagnostic)) => Rejection { stage: "unsupported", reason: diagnostic.message.clone() },
        (None, None) => Rejection { stage, reason: "no reason given".to_string() },
    }
}

fn reason(sources: &Sources, diagnostic: &Diagnostic) -> String {
    let place = diagnostic.labels.first().map(|(span, _)| sources.line_column(*span));
    let place = place.map(|(line, column)| format!("{line}:{column}: ")).unwrap_or_default();
    let bug = if diagnostic.fault == Fault::Compiler { "bug: " } else { "" };
    format!("{bug}{place}{}", diagnostic.message)
}
