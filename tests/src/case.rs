//! Case files: a program with comments that say what to do with it and what must come out.
//!
//! ```text
//! # test: optimize | run
//! # run: ([1.0, 2.0], 3.0) == ([3.0, 6.0]) tol=1e-6
//! { lambda ; a:f32[2] b:f32[]. let c:f32[2] = mul a b in (c,) }
//! # expect:
//! # main
//! # { lambda ; ...
//! ```
//!
//! Steps run in order; the block below `# expect:` is the text of the last one that has a text. A line that must be
//! refused ends in `# error: MESSAGE`, or `# unsupported: MESSAGE` for what exit code 3 is for; a line that has no
//! effect ends in `# warning: MESSAGE`. A message without a place in the program stands on a comment line of its own.

use rjaxc_compiler::diag::{Diagnostic, Fault, Sources};
use rjaxc_compiler::front;
use rjaxc_compiler::ir::source::ConstantValue;
use rjaxc_compiler::pipeline::LOOP_PASSES;
use rjaxc_compiler::types::{Aval, Tensor};
use std::path::{Path, PathBuf};

/// What to do with the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Read it and print it.
    Print,
    /// All program passes.
    Optimize,
    /// Loop nests as they are made.
    Lower,
    /// Loop nests as one pass of `schedule` leaves them: `after split`.
    After(String),
    /// Loop nests as they are emitted.
    Schedule,
    /// Their trees, which code generators read.
    Tree,
    /// All of it, without a text.
    Check,
    /// Evaluate and compile, and compare the results with those of the `# run:` lines.
    Run,
}

/// One case file.
#[derive(Clone, Debug)]
pub struct Case {
    pub path: PathBuf,
    pub text: String,
    pub steps: Vec<Step>,
    pub runs: Vec<Run>,
    pub refusals: Vec<Refusal>,
    /// Expected from a program that is not refused.
    pub warnings: Vec<Refusal>,
    /// The block below `# expect:`.
    pub expected: String,
}

/// `# run: NAME(ARGS) == (RESULTS) tol=TOL`.
#[derive(Clone, Debug)]
pub struct Run {
    /// Which export; needed if there are several.
    pub export: Option<String>,
    pub args: Vec<String>,
    pub results: Vec<String>,
    pub tolerance: Option<f64>,
}

/// A diagnostic that must appear.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Refusal {
    /// From 1; none if the message has no place.
    pub line: Option<usize>,
    /// `error`, `unsupported` or `warning`.
    pub kind: &'static str,
    pub message: String,
}

const EXPECT: &str = "# expect:";

impl Case {
    /// Errors: the header is not one.
    pub fn read(path: &Path) -> Result<Case, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let header = |key| text.lines().filter_map(move |line| line.strip_prefix(key)).map(str::trim);
        let steps = header("# test:").next().ok_or("the line `# test: STEP | STEP` is missing")?;
        let steps =
            steps.split('|').map(|step| Step::parse(step.trim())).collect::<Result<Vec<Step>, _>>()?;
        let runs = header("# run:").map(Run::parse).collect::<Result<Vec<Run>, _>>()?;
        if runs.is_empty() == steps.contains(&Step::Run) {
            return Err("the step `run` and lines `# run:` belong together".into());
        }
        let expected = expected_block(&text);
        let marks = text.lines().enumerate().filter_map(|(at, line)| Refusal::parse(at + 1, line));
        let (warnings, refusals) = marks.partition(|mark| mark.kind == "warning");
        Ok(Case { path: path.to_path_buf(), text: text.clone(), steps, runs, refusals, warnings, expected })
    }

    /// The file with another `# expect:` block.
    pub fn with_expected(&self, found: &str) -> String {
        let program = self.text.lines().take_while(|line| *line != EXPECT);
        let program = program.map(|line| format!("{line}\n")).collect::<String>();
        let block = found.lines().map(|line| format!("# {line}").trim_end().to_string() + "\n");
        format!("{}\n{EXPECT}\n{}", program.trim_end(), block.collect::<String>())
    }
}

/// The block as it stands: one `#` and one space are the comment, more spaces belong to the text.
fn expected_block(text: &str) -> String {
    let block = text.lines().skip_while(|line| *line != EXPECT).skip(1);
    let line =
        |line: &str| line.strip_prefix("# ").or(line.strip_prefix('#')).unwrap_or(line).to_string() + "\n";
    block.map(line).collect()
}

impl Step {
    fn parse(name: &str) -> Result<Step, String> {
        if let Some(pass) = name.strip_prefix("after ") {
            let known = LOOP_PASSES.iter().any(|known| known.name == pass);
            return known
                .then(|| Step::After(pass.to_string()))
                .ok_or_else(|| format!("there is no pass `{pass}` of loops"));
        }
        match name {
            "print" => Ok(Step::Print),
            "optimize" => Ok(Step::Optimize),
            "lower" => Ok(Step::Lower),
            "schedule" => Ok(Step::Schedule),
            "tree" => Ok(Step::Tree),
            "check" => Ok(Step::Check),
            "run" => Ok(Step::Run),
            other => Err(format!(
                "there is no step `{other}`: print, optimize, lower, after PASS, schedule, tree, check, run"
            )),
        }
    }
}

impl Run {
    fn parse(text: &str) -> Result<Run, String> {
        let wrong = || format!("expected `(ARGS) == (RESULTS) tol=TOL`, found `{text}`");
        let (left, right) = text.split_once("==").ok_or_else(wrong)?;
        let (results, tolerance) = match right.split_once("tol=") {
            Some((results, tolerance)) => (results, Some(tolerance.trim().parse().map_err(|_| wrong())?)),
            None => (right, None),
        };
        let (name, args) = left.trim().split_once('(').ok_or_else(wrong)?;
        let args = args.strip_suffix(')').ok_or_else(wrong)?;
        let results =
            results.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).ok_or_else(wrong)?;
        let export = (!name.is_empty()).then(|| name.to_string());
        Ok(Run { export, args: split(args), results: split(results), tolerance })
    }
}

/// Splits at the commas outside brackets.
fn split(list: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut depth = 0;
    for c in list.chars() {
        depth += i32::from(c == '[') - i32::from(c == ']');
        match items.last_mut() {
            Some(item) if c != ',' || depth > 0 => item.push(c),
            _ => items.push(String::new()),
        }
    }
    let items = items.into_iter().map(|item| item.trim().to_string());
    items.filter(|item| !item.is_empty()).collect()
}

/// An array in the notation of `const` lines. Errors: it is none of this type.
pub fn tensor(text: &str, aval: &Aval) -> Result<Tensor, String> {
    let mut sources = Sources::new();
    let id = sources.add("literal", format!("const x: {aval} = {text}\n{{ lambda ; . let in () }}"));
    let source = front::read(&sources, id).map_err(|errors| format!("`{text}`: {}", errors[0].message))?;
    match &source.constants[0].value {
        ConstantValue::Tensor(tensor) => Ok(tensor.clone()),
        ConstantValue::File { .. } => Err(format!("expected an array, found `{text}`")),
    }
}

impl Refusal {
    fn parse(number: usize, line: &str) -> Option<Refusal> {
        let (before, kind, message) =
            [("# error:", "error"), ("# unsupported:", "unsupported"), ("# warning:", "warning")]
                .into_iter()
                .find_map(|(mark, kind)| {
                    line.split_once(mark).map(|(before, message)| (before, kind, message))
                })?;
        let line = (!before.trim().is_empty()).then_some(number);
        Some(Refusal { line, kind, message: message.trim().to_string() })
    }

    /// What a diagnostic of a stage looks like as a mark.
    pub fn of(sources: &Sources, diagnostic: &Diagnostic) -> Refusal {
        let kind = match diagnostic.fault {
            Fault::Program => "error",
            Fault::Unsupported => "unsupported",
            Fault::Compiler => "bug",
            Fault::Warning => "warning",
        };
        let place = diagnostic.labels.first().map(|(span, _)| (sources.line_column(*span).0, span.source));
        // A place in a comment is the start of a file without a program.
        let is_program = |number: usize, id| {
            sources.text(id).lines().nth(number - 1).is_some_and(|line| !line.starts_with('#'))
        };
        let line = place.filter(|&(line, id)| is_program(line, id)).map(|(line, _)| line);
        Refusal { line, kind, message: diagnostic.message.clone() }
    }
}
