//! Why a command did not succeed, and the exit code that follows.

use crate::output;
use rjaxc_compiler::diag::{self, Diagnostic, Fault, Sources};
use serde_json::json;
use std::process::ExitCode;

/// Exit codes, as the manual lists them.
const PROGRAM_IS_WRONG: u8 = 1;
const USAGE: u8 = 2;
const UNSUPPORTED: u8 = 3;
const BUG: u8 = 101;

/// What ends a command.
#[derive(Clone, PartialEq, Debug)]
pub enum Failure {
    /// The command line asks for something that does not exist or cannot be read or written.
    Usage(String),
    /// The program, its data or the compiler. Invariant: not empty.
    Diagnostics(Vec<Diagnostic>),
}

impl Failure {
    pub fn usage(message: impl Into<String>) -> Self {
        Failure::Usage(message.into())
    }

    /// The data that the program was given are wrong.
    pub fn data(message: impl Into<String>) -> Self {
        Diagnostic::error(message).into()
    }

    pub fn exit_code(&self) -> ExitCode {
        let has = |diagnostics: &[Diagnostic], fault| diagnostics.iter().any(|d| d.fault == fault);
        ExitCode::from(match self {
            Failure::Usage(_) => USAGE,
            Failure::Diagnostics(all) if has(all, Fault::Compiler) => BUG,
            Failure::Diagnostics(all) if has(all, Fault::Program) => PROGRAM_IS_WRONG,
            Failure::Diagnostics(_) => UNSUPPORTED,
        })
    }

    /// Prints to standard error, one paragraph or one line of JSON per message.
    pub fn report(&self, sources: &Sources, format: ErrorFormat) {
        match (self, format) {
            (Failure::Usage(message), ErrorFormat::Human) => {
                output::note(&format!("error: {}", diag::shortened(message)));
            }
            (Failure::Usage(message), ErrorFormat::Json) => {
                let labels: [(); 0] = [];
                let message = diag::shortened(message);
                let line = json!({"fault": "usage", "message": message, "labels": labels, "hint": null});
                output::note(&line.to_string());
            }
            (Failure::Diagnostics(all), format) => print(all, sources, format),
        }
    }
}

/// Prints errors or warnings to standard error, one paragraph or one line of JSON each.
pub fn print(diagnostics: &[Diagnostic], sources: &Sources, format: ErrorFormat) {
    for diagnostic in diagnostics {
        match format {
            ErrorFormat::Human => output::note(&diag::render(sources, diagnostic)),
            ErrorFormat::Json => output::note(&diag::render_json(sources, diagnostic).to_string()),
        }
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        if diagnostics.is_empty() {
            return Diagnostic::bug("a stage failed without a reason").into();
        }
        Failure::Diagnostics(diagnostics)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Failure::Diagnostics(vec![diagnostic])
    }
}

/// How errors and warnings are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum ErrorFormat {
    /// The source line, a caret and a hint
    #[default]
    Human,
    /// One JSON object per line
    Json,
}
