//! `rjaxc check-grad`: are the derivatives of a program right, at one point?

use crate::args::CheckGradArgs;
use crate::clock::Clock;
use crate::execute::{Executable, Maker};
use crate::failure::Failure;
use crate::{inputs, output, road};
use rjaxc_compiler::derivatives::{
    self, Domain, Doubt, Fault, Finding, Functions, Random, Settings, Verdict,
};
use rjaxc_compiler::diag::{Diagnostic, Sources};
use rjaxc_compiler::exports::{self, Entry, WithDerivatives};
use rjaxc_compiler::transform::widen;
use rjaxc_compiler::types::{Aval, Tensor};

/// Tests the derivatives of the only export of a program and prints a verdict per input.
///
/// Errors: an input that does not pass, after the table.
pub fn run(args: &CheckGradArgs, sources: &mut Sources) -> Result<(), Failure> {
    let mut clock = Clock::new(args.program.messages.verbose);
    let (file, messages) = (&args.program.file, &args.program.messages);
    let threefry = args.program.threefry.map(Into::into);
    let mut source = road::load(file, threefry, sources, messages.error_format)?;
    let requested = road::requested_exports(&args.program.export, sources)?;
    road::bind(&mut source, &args.program.file, args.program.consts.as_deref())?;
    clock.lap("read");
    let chosen = exports::chosen(&source, &requested);
    let [export] = chosen.as_slice() else {
        let names: Vec<&str> = chosen.iter().map(|export| export.name.as_str()).collect();
        return Err(Failure::usage(format!("the file exports {}: pick one with --export", names.join(", "))));
    };
    let lost = exports::lost_rules_by_all(&source, export);
    let avals = exports::with_derivatives(&source, export)?.value.program.input_avals();
    let narrow = exports::in_double_precision(&mut source)?;
    let WithDerivatives { value, pushforward, pullback } = exports::with_derivatives(&source, export)?;
    let entries = [value, named(pushforward, "jvp"), named(pullback, "vjp")];
    let (module, _) = road::compile_entries(&entries, &args.program, &[])?;
    let executable =
        Executable::new(&entries, &module, Maker { cpu: args.program.target_cpu.as_deref(), cc: None })?;
    clock.lap("compile");

    let call = |position: usize, inputs: &[Tensor]| {
        let mut call = executable.call(position, inputs)?;
        call.run()?;
        Ok(call.results())
    };
    let functions = Functions {
        value: &|inputs| call(0, inputs),
        pushforward: &|inputs| call(1, inputs),
        pullback: &|inputs| call(2, inputs),
    };
    let mut settings =
        if narrow.is_empty() { Settings::double(args.seed) } else { Settings::single(args.seed) };
    settings.tolerance = args.tol.unwrap_or(settings.tolerance);
    let (findings, place) = findings(args, &functions, &entries[0], &avals, settings)?;
    clock.lap("check");
    let heading = heading(&entries[0].name, &narrow, place, settings);
    let untested = untested(&lost);
    output::show(&format!("{heading}{}{untested}", table(&entries[0], &avals, &findings)))?;
    road::warn_of_lost_rules(lost, &args.program, sources)?;
    outcome(&entries[0], &findings)
}

/// A line per rule that the text lacks: what was tested is the derivative of the body in its place.
fn untested(lost: &[Diagnostic]) -> String {
    lost.iter().map(|warning| format!("not tested: {}\n", warning.message)).collect()
}

fn named(entry: Entry, mode: &str) -> Entry {
    Entry { name: format!("{mode}_of_it"), ..entry }
}

/// Tests at the point that the flags give, or at a random one: one near zero if the function is finite there.
fn findings(
    args: &CheckGradArgs,
    functions: &Functions,
    value: &Entry,
    avals: &[Aval],
    settings: Settings,
) -> Result<(Vec<Finding>, &'static str), Failure> {
    if args.inputs.args.is_some() || !args.inputs.inputs.is_empty() {
        let narrow = inputs::collect(&args.inputs, value, avals)?;
        let point: Vec<Tensor> = narrow.iter().map(widen::widen_tensor).collect();
        return Ok((derivatives::check(functions, &point, settings)?, "the inputs given"));
    }
    let at = |domain| {
        // Drawn in the program's own types, so that every program is tested where it can be.
        let mut random = Random::new(settings.seed);
        let point: Vec<Tensor> =
            avals.iter().map(|aval| widen::widen_tensor(&random.tensor(aval, domain))).collect();
        derivatives::check(functions, &point, settings)
    };
    let near_zero = at(Domain::Normal)?;
    let is_finite =
        |finding: &Finding| !matches!(finding.verdict, Verdict::Inconclusive(Doubt::NotFinite { .. }));
    if near_zero.iter().all(is_finite) {
        return Ok((near_zero, "random inputs around 0"));
    }
    Ok((at(Domain::Unit)?, "random inputs from 0.1 to 0.9"))
}

fn heading(name: &str, narrow: &[String], place: &str, settings: Settings) -> String {
    let Settings { seed, tolerance, .. } = settings;
    let precision = if narrow.is_empty() {
        "in double precision".to_string()
    } else {
        format!("in part in single precision ({} depends on the bits of its operands)", narrow.join(", "))
    };
    format!("derivatives of {name} at {place}, {precision}, seed {seed}, tolerance {tolerance:e}\n")
}

/// One line per input, in columns.
fn table(value: &Entry, avals: &[Aval], findings: &[Finding]) -> String {
    let heads = ["input", "type", "dot product", "difference", "verdict"].map(str::to_string);
    let rows = value.input_names.iter().zip(avals).zip(findings).map(|((name, aval), finding)| {
        let number = |error: f64| match finding.verdict {
            Verdict::HeldFixed => "-".to_string(),
            Verdict::Pass | Verdict::Inconclusive(_) | Verdict::Fail(_) => format!("{error:.1e}"),
        };
        let verdict = verdict(&finding.verdict, &value.output_names);
        [name.clone(), aval.to_string(), number(finding.dot_product), number(finding.difference), verdict]
    });
    let rows: Vec<[String; 5]> = std::iter::once(heads).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 4] = std::array::from_fn(width);
    let line = |row: &[String; 5]| {
        let cells: String = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}  ")).collect();
        format!("{cells}{}\n", row[4])
    };
    rows.iter().map(line).collect()
}

fn verdict(verdict: &Verdict, outputs: &[String]) -> String {
    match verdict {
        Verdict::HeldFixed => "held fixed".to_string(),
        Verdict::Pass => "pass".to_string(),
        Verdict::Inconclusive(doubt) => format!("inconclusive: {}", reason(doubt, outputs)),
        Verdict::Fail(Fault::Modes) => "FAIL: reverse mode is not the transpose of forward mode".to_string(),
        Verdict::Fail(Fault::Forward { output, derivative, difference }) => {
            let output = &outputs[*output];
            format!("FAIL: d {output} is {derivative:.6e}, by differences {difference:.6e}")
        }
    }
}

fn reason(doubt: &Doubt, outputs: &[String]) -> String {
    match doubt {
        Doubt::NotFinite { output } => format!("{} is not finite here", outputs[*output]),
        Doubt::Kink { output } => format!("{} has a kink here", outputs[*output]),
        Doubt::StepsDiffer { output } => {
            format!("differences of {} at two step sizes disagree", outputs[*output])
        }
    }
}

/// Errors: unless every input passes.
fn outcome(value: &Entry, findings: &[Finding]) -> Result<(), Failure> {
    let names = |is_wanted: fn(&Verdict) -> bool| -> Vec<&str> {
        let inputs = value.input_names.iter().zip(findings);
        inputs.filter(|(_, finding)| is_wanted(&finding.verdict)).map(|(name, _)| name.as_str()).collect()
    };
    let wrong = names(|verdict| matches!(verdict, Verdict::Fail(_)));
    if !wrong.is_empty() {
        let message = format!("the derivative of {} by {} is wrong", value.name, wrong.join(", "));
        return Err(Failure::data(message));
    }
    let unclear = names(|verdict| matches!(verdict, Verdict::Inconclusive(_)));
    if !unclear.is_empty() {
        let message = format!("the derivative of {} by {} was not tested", value.name, unclear.join(", "));
        let hint = "choose a point where the function is smooth: --args IN.npz, or another --seed";
        return Err(Diagnostic::error(message).hint(hint).into());
    }
    Ok(())
}
