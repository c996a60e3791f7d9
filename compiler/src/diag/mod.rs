//! What the user sees when something is wrong: positions, origins, messages with labels and a hint.

mod render;
mod source;

pub use render::{is_hostile, printable, render, render_json, shortened};
pub use source::{SourceId, Sources, Span};

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Who has to act on a [`Diagnostic`]; decides the exit code of the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The program or its data are wrong: exit 1.
    Program,
    /// The program is valid, this compiler does not do it yet (or never will): exit 3.
    Unsupported,
    /// A bug of the compiler: exit 101.
    Compiler,
    /// Nobody: something in the program has no effect. The command goes on.
    Warning,
}

/// One error or warning. Messages are lower case, without a full stop, and say expected and found.
#[derive(Clone, PartialEq, Debug)]
pub struct Diagnostic {
    pub fault: Fault,
    pub message: String,
    /// The first label is where the error is; others point at related places.
    pub labels: Vec<(Span, String)>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    pub fn error(message: impl Into<String>) -> Self {
        Diagnostic { fault: Fault::Program, message: message.into(), labels: Vec::new(), hint: None }
    }

    pub fn unsupported(message: impl Into<String>) -> Self {
        Diagnostic { fault: Fault::Unsupported, ..Diagnostic::error(message) }
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Diagnostic { fault: Fault::Warning, ..Diagnostic::error(message) }
    }

    /// A broken invariant of ours, reported instead of panicking.
    pub fn bug(message: impl Into<String>) -> Self {
        let hint = "this is a bug in rjaxc; `--print-ir-after=all` shows the program after each pass";
        Diagnostic { fault: Fault::Compiler, ..Diagnostic::error(message) }.hint(hint)
    }

    pub fn at(self, span: Span) -> Self {
        self.label(span, "")
    }

    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push((span, text.into()));
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error, at an equation, unless it has a place of its own inside the equation.
    pub fn within(self, origin: &Origin) -> Self {
        if self.labels.is_empty() { self.with_origin(origin) } else { self }
    }

    /// Points at an equation: its span if the text is known, and how the equation came about.
    pub fn with_origin(mut self, origin: &Origin) -> Self {
        let Some(data) = &origin.0 else { return self };
        let mut notes: Vec<String> = data.python.iter().map(|place| format!("from {place}")).collect();
        if !data.transforms.is_empty() {
            notes.push(format!("via {}", data.transforms.join(", ")));
        }
        let text = notes.join("; ");
        match data.span {
            Some(span) => self.labels.push((span, text)),
            None if !text.is_empty() => self.message = format!("{} ({text})", self.message),
            None => {}
        }
        self
    }
}

/// A rule's complaint about operands or parameters; the driver adds the position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeError(pub String);

impl TypeError {
    pub fn new(message: impl Into<String>) -> Self {
        TypeError(message.into())
    }
}

impl From<TypeError> for Diagnostic {
    fn from(error: TypeError) -> Diagnostic {
        Diagnostic::error(error.0)
    }
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an equation comes from: a place in the text and the transforms it went through.
///
/// Origins never take part in comparison or hashing: two equations that differ only in origin are equal.
#[derive(Clone, Default)]
pub struct Origin(Option<Arc<OriginData>>);

#[derive(Clone, Default)]
struct OriginData {
    span: Option<Span>,
    // The Python line of `pretty_print(source_info=True)` or of a StableHLO `loc`.
    python: Option<String>,
    // Invariant: in the order of application.
    transforms: Vec<&'static str>,
}

impl Origin {
    /// An equation without a place: made by a test or by the compiler itself.
    pub fn unknown() -> Self {
        Origin(None)
    }

    pub fn at(span: Span) -> Self {
        Origin(Some(Arc::new(OriginData { span: Some(span), ..OriginData::default() })))
    }

    /// The same place with the Python line the text names.
    pub fn with_python(&self, place: impl Into<String>) -> Self {
        let mut data = self.data();
        data.python = Some(place.into());
        Origin(Some(Arc::new(data)))
    }

    /// The same place, one transform later.
    pub fn via(&self, transform: &'static str) -> Self {
        let mut data = self.data();
        data.transforms.push(transform);
        Origin(Some(Arc::new(data)))
    }

    pub fn span(&self) -> Option<Span> {
        self.0.as_ref().and_then(|data| data.span)
    }

    fn data(&self) -> OriginData {
        self.0.as_deref().cloned().unwrap_or_default()
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Origin) -> bool {
        true
    }
}

impl Eq for Origin {}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = self.data();
        write!(f, "{:?} {:?} {:?}", data.span, data.python, data.transforms)
    }
}
