//! Runs the case files: `cargo test -p rjaxc-tests --test cases`. `CASE=softmax` picks those with that in their path;
//! `BLESS=1` writes what comes out below `# expect:`, and you read the difference.

use rjaxc_compiler::diag::{Diagnostic, Sources};
use rjaxc_compiler::exports::{self, Entry};
use rjaxc_compiler::ir::source::{ConstantValue, Source};
use rjaxc_compiler::pipeline::{self, Observe};
use rjaxc_compiler::types::{DType, Tensor};
use rjaxc_compiler::{evaluate, read};
use rjaxc_tests::case::{Case, Refusal, Run, Step, tensor};
use rjaxc_tests::close::{Tolerance, close};
use rjaxc_tests::process::{folder, run_compiled};
use rjaxc_tests::{files, root, shown};
use std::collections::HashMap;
use std::path::Path;

const STAGES: &[&str] = &["codegen", "errors", "front", "lower", "optimize", "run", "schedule"];

#[test]
fn codegen() {
    run_stage("codegen");
}

#[test]
fn errors() {
    run_stage("errors");
}

#[test]
fn front() {
    run_stage("front");
}

#[test]
fn lower() {
    run_stage("lower");
}

#[test]
fn optimize() {
    run_stage("optimize");
}

#[test]
fn run() {
    run_stage("run");
}

#[test]
fn schedule() {
    run_stage("schedule");
}

#[test]
fn every_case_lies_in_a_folder_of_a_stage() {
    let cases = root().join("tests/cases");
    for path in files(&cases, &["ir"]) {
        let inside = path.strip_prefix(&cases).expect("the file lies under the folder");
        let stage = inside.parent().and_then(Path::to_str).unwrap_or("");
        assert!(STAGES.contains(&stage), "{} is run by no test", shown(&path));
    }
}

/// Runs all cases of a folder and fails with the list of those that differ.
fn run_stage(stage: &str) {
    let paths = files(&root().join("tests/cases").join(stage), &["ir"]);
    assert!(!paths.is_empty(), "tests/cases/{stage} has no cases");
    let wanted = std::env::var("CASE").unwrap_or_default();
    let mut failures = Vec::new();
    for path in paths.iter().filter(|path| shown(path).contains(&wanted)) {
        if let Err(why) = Case::read(path).and_then(|case| check(&case)) {
            failures.push(format!("{}: {why}", shown(path)));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases fail:\n{}",
        failures.len(),
        paths.len(),
        failures.join("\n")
    );
}

fn check(case: &Case) -> Result<(), String> {
    let mut sources = Sources::new();
    let id = sources.add(shown(&case.path), case.text.as_str());
    let outcome = read(&sources, id);
    if let Ok(source) = &outcome {
        same_messages(&case.warnings, &sources, &source.warnings)?;
    }
    let outcome = outcome.and_then(|source| walk(case, source));
    let (entries, found) = match outcome {
        Ok(outcome) if case.refusals.is_empty() => outcome,
        Ok(_) => return Err(format!("nothing is wrong, expected {:?}", case.refusals)),
        Err(diagnostics) => return same_messages(&case.refusals, &sources, &diagnostics),
    };
    for (position, line) in case.runs.iter().enumerate() {
        check_run(case, line, &entries).map_err(|why| format!("run {position}: {why}"))?;
    }
    if case.steps.contains(&Step::Print) {
        reads_back(found.as_deref().unwrap_or_default())?;
    }
    compare_text(case, found)
}

/// A printed file means what it says: read again, it prints the same.
fn reads_back(text: &str) -> Result<(), String> {
    let mut sources = Sources::new();
    let id = sources.add("printed", text);
    let source = read(&sources, id).map_err(|errors| format!("printed text: {}", errors[0].message))?;
    let again = printed(&source);
    if again == text { Ok(()) } else { Err(format!("printed again\n{}", difference(text, &again))) }
}

/// Takes the program through the steps; the text is that of the last step that has one.
fn walk(case: &Case, mut source: Source) -> Result<(Vec<Entry>, Option<String>), Vec<Diagnostic>> {
    let mut text = None;
    if case.steps.contains(&Step::Print) {
        text = Some(printed(&source));
    }
    // A program that is only printed need not have values for its constants.
    if case.steps == [Step::Print] {
        return Ok((Vec::new(), text));
    }
    exports::bind_constants(&mut source, &HashMap::new())?;
    let entries = exports::entries(&source, &[])?;
    let observe = Observe { print_after: vec!["all".into()], verify: true };
    let mut texts: HashMap<String, String> = HashMap::new();
    let mut keep = |pass: &str, text: &str| _ = texts.insert(pass.to_string(), text.to_string());
    let module = rjaxc_compiler::compile(&entries, &observe, &mut keep)?;
    for step in &case.steps {
        match step {
            Step::Print | Step::Check | Step::Run => {}
            Step::Optimize => text = Some(optimized(&entries)?),
            Step::Lower => text = texts.get("lower").cloned(),
            Step::After(pass) => text = texts.get(pass).cloned(),
            Step::Schedule => text = Some(module.to_string()),
            Step::Tree => text = Some(rjaxc_compiler::trees(&module)),
        }
    }
    Ok((entries, text))
}

/// A file that means the same.
fn printed(source: &Source) -> String {
    let mut text = String::new();
    for constant in &source.constants {
        if let ConstantValue::Tensor(value) = &constant.value {
            text += &format!("const {}: {} = {value}\n", constant.name, value.aval());
        }
    }
    for function in &source.functions {
        text += &format!("let {} = {}\n", function.name, function.program.to_string().trim_end());
    }
    text
}

fn optimized(entries: &[Entry]) -> Result<String, Vec<Diagnostic>> {
    let observe = Observe { verify: true, ..Observe::default() };
    let mut text = String::new();
    for entry in entries {
        let program = pipeline::optimize(entry.program.clone(), &observe, &mut |_, _| {})?;
        text += &format!("{}\n{}\n", entry.name, program.to_string().trim_end());
    }
    Ok(text)
}

fn same_messages(marks: &[Refusal], sources: &Sources, diagnostics: &[Diagnostic]) -> Result<(), String> {
    let mut found: Vec<Refusal> =
        diagnostics.iter().map(|diagnostic| Refusal::of(sources, diagnostic)).collect();
    let mut expected = marks.to_vec();
    found.sort();
    expected.sort();
    if found == expected {
        return Ok(());
    }
    let list = |refusals: &[Refusal]| -> String {
        let line = |refusal: &Refusal| {
            let place = refusal.line.map_or("no line".to_string(), |line| format!("line {line}"));
            format!("    {place}: {}: {}\n", refusal.kind, refusal.message)
        };
        refusals.iter().map(line).collect()
    };
    Err(format!("the messages differ\n  expected\n{}  found\n{}", list(&expected), list(&found)))
}

/// The results of one line, by the evaluator before and after optimization, and by compiled code.
fn check_run(case: &Case, line: &Run, entries: &[Entry]) -> Result<(), String> {
    let entry = match (&line.export, entries) {
        (None, [entry]) => entry,
        (None, _) => return Err("there are several exports: write `# run: NAME(ARGS) == ...`".into()),
        (Some(name), entries) => {
            entries.iter().find(|entry| entry.name == *name).ok_or(format!("there is no export {name}"))?
        }
    };
    let (in_avals, out_avals) = (entry.program.input_avals(), entry.program.output_avals());
    if line.args.len() != in_avals.len() || line.results.len() != out_avals.len() {
        return Err(format!("expected {} arguments and {} results", in_avals.len(), out_avals.len()));
    }
    let parse = |texts: &[String], avals: &[_]| -> Result<Vec<Tensor>, String> {
        texts.iter().zip(avals).map(|(text, aval)| tensor(text, aval)).collect()
    };
    let (inputs, expected) = (parse(&line.args, &in_avals)?, parse(&line.results, &out_avals)?);
    let evaluated = evaluate(&entry.program, &inputs).map_err(|error| error.message)?;
    same(line, &evaluated, &expected).map_err(|why| format!("evaluated: {why}"))?;
    let optimized = pipeline::optimize(entry.program.clone(), &Observe::default(), &mut |_, _| {});
    let optimized = optimized.map_err(|errors| errors[0].message.clone())?;
    let evaluated = evaluate(&optimized, &inputs).map_err(|error| error.message)?;
    same(line, &evaluated, &expected).map_err(|why| format!("evaluated after optimization: {why}"))?;
    let scratch = folder("cases", &shown(&case.path).replace('/', "-"));
    let export = line.export.as_deref().filter(|_| entries.len() > 1);
    let compiled = run_compiled(&case.path, export, &inputs, &out_avals, &scratch)?;
    same(line, &compiled, &expected).map_err(|why| format!("compiled: {why}"))
}

fn same(line: &Run, found: &[Tensor], expected: &[Tensor]) -> Result<(), String> {
    for (position, (found, expected)) in found.iter().zip(expected).enumerate() {
        let relative = line.tolerance.unwrap_or(match expected.dtype().real_part() {
            DType::F64 => 1e-13,
            DType::F32 => 1e-6,
            DType::F16 => 1e-3,
            _ => 1e-2,
        });
        let absolute = line.tolerance.unwrap_or(0.0);
        close(found, expected, Tolerance { relative, absolute })
            .map_err(|why| format!("result {position}: {why}"))?;
    }
    Ok(())
}

fn compare_text(case: &Case, found: Option<String>) -> Result<(), String> {
    let found = found.unwrap_or_default();
    let found: String = found.lines().map(|line| line.trim_end().to_string() + "\n").collect();
    if found == case.expected {
        return Ok(());
    }
    if std::env::var_os("BLESS").is_some() {
        let text = if found.is_empty() { case.text.clone() } else { case.with_expected(&found) };
        return std::fs::write(&case.path, text).map_err(|error| error.to_string());
    }
    Err(format!("the text differs (BLESS=1 accepts it)\n{}", difference(&case.expected, &found)))
}

/// The lines of both texts in order, those of one alone marked `-` (expected) or `+` (found).
fn difference(expected: &str, found: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    // common[i][j]: how many lines a[i..] and b[j..] have in common.
    let mut common = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = match a[i] == b[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut text) = (0, 0, String::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            text += &format!("    {}\n", a[i]);
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || i < a.len() && common[i + 1][j] >= common[i][j + 1] {
            text += &format!("  - {}\n", a[i]);
            i += 1;
        } else {
            text += &format!("  + {}\n", b[j]);
            j += 1;
        }
    }
    text
}
