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
                output::note(&escaped(&line.to_string()));
            }
            (Failure::Diagnostics(all), format) => print(all, sources, format),
        }
    }
}

/// Prints errors or warnings to standard error, one paragraph or one line of JSON each.
///
/// Of very many, the first are shown.
pub fn print(diagnostics: &[Diagnostic], sources: &Sources, format: ErrorFormat) {
    const ROOM_BYTES: usize = 3000;
    let show = |diagnostic: &Diagnostic| match format {
        ErrorFormat::Human => diag::render(sources, diagnostic),
        ErrorFormat::Json => escaped(&diag::render_json(sources, diagnostic).to_string()),
    };
    let mut shown_bytes = 0;
    for (position, diagnostic) in diagnostics.iter().enumerate() {
        let text = show(diagnostic);
        shown_bytes += text.len();
        if position > 0 && shown_bytes > ROOM_BYTES {
            let what = if diagnostic.fault == Fault::Warning { "warnings" } else { "errors" };
            let message = format!("{} more {what} are not shown", diagnostics.len() - position);
            return output::note(&show(&Diagnostic {
                fault: diagnostic.fault,
                ..Diagnostic::error(message)
            }));
        }
        output::note(&text);
    }
}

/// JSON that can be shown as it is: what would do harm stands in strings, which have escapes for it.
fn escaped(json: &str) -> String {
    let shown =
        |c: char| if diag::is_hostile(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    json.chars().map(shown).collect()
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
