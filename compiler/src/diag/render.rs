//! Diagnostics as text for people and as JSON for tools.

use super::{Diagnostic, Fault, Sources, Span};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};
use std::ops::Range;

/// Renders one diagnostic with file, line, column, the source line, a caret and the hint.
pub fn render(sources: &Sources, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.fault {
        Fault::Program => Level::ERROR,
        Fault::Unsupported => Level::ERROR.with_name("not supported"),
        Fault::Compiler => Level::ERROR.with_name("compiler bug"),
        Fault::Warning => Level::WARNING,
    };
    let diagnostic = &bounded(diagnostic);
    let title = level.primary_title(&diagnostic.message);
    let mut labels = diagnostic.labels.iter();
    let mut groups = vec![match labels.next() {
        Some((span, text)) => placed(Group::with_title(title), sources, *span, text, AnnotationKind::Primary),
        None => Group::with_title(title),
    }];
    for (span, text) in labels {
        let related = Group::with_level(Level::NOTE);
        groups.push(placed(related, sources, *span, text, AnnotationKind::Context));
    }
    if let Some(hint) = &diagnostic.hint {
        groups.push(Group::with_title(Level::HELP.with_name("hint").secondary_title(hint)));
    }
    Renderer::plain().render(&groups).to_string()
}

/// The same as one JSON object, for `--error-format=json`.
pub fn render_json(sources: &Sources, diagnostic: &Diagnostic) -> Value {
    let diagnostic = &bounded(diagnostic);
    let label = |(span, text): &(Span, String)| {
        let (line, column) = sources.line_column(*span);
        let file = sources.name(span.source);
        json!({"file": file, "line": line, "column": column, "start": span.start, "end": span.end, "text": text})
    };
    let fault = match diagnostic.fault {
        Fault::Program => "error",
        Fault::Unsupported => "unsupported",
        Fault::Compiler => "bug",
        Fault::Warning => "warning",
    };
    let labels: Vec<Value> = diagnostic.labels.iter().map(label).collect();
    json!({"fault": fault, "message": diagnostic.message, "labels": labels, "hint": diagnostic.hint})
}

/// A text of any length in at most about 1200 bytes: its beginning and its end.
pub fn shortened(text: &str) -> String {
    limited(text, 1200)
}

fn limited(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_string();
    }
    let (head, tail) = (before(text, limit * 3 / 4), before(text, text.len() - limit / 4));
    format!("{} ... ({} bytes left out) ... {}", &text[..head], tail - head, &text[tail..])
}

/// The same error in a size that people read: texts of programs, and so types and names, have any length.
fn bounded(diagnostic: &Diagnostic) -> Diagnostic {
    let labels = diagnostic.labels.iter().take(3);
    Diagnostic {
        fault: diagnostic.fault,
        message: shortened(&diagnostic.message),
        labels: labels.map(|(span, text)| (*span, limited(text, 200))).collect(),
        hint: diagnostic.hint.as_deref().map(|hint| limited(hint, 800)),
    }
}

/// The last boundary of characters up to `at`.
fn before(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default()
}

/// Shows a place: its line, or, in a file that is no text, the number of its byte.
fn placed<'a>(
    group: Group<'a>,
    sources: &'a Sources,
    span: Span,
    label: &'a str,
    kind: AnnotationKind,
) -> Group<'a> {
    if sources.bytes(span.source).is_none() {
        return group.element(snippet(sources, span, label, kind));
    }
    let group =
        group.element(Origin::path(sources.name(span.source)).line(1).char_column(span.start as usize + 1));
    if label.is_empty() { group } else { group.element(Level::NOTE.message(label)) }
}

fn snippet<'a>(
    sources: &'a Sources,
    span: Span,
    label: &'a str,
    kind: AnnotationKind,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let text = sources.text(span.source);
    let (line, marked, number) = first_line(text, span);
    let annotation = kind.span(marked);
    let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
    Snippet::source(line).line_start(number).path(sources.name(span.source)).annotation(annotation)
}

/// The line on which `span` starts, the marked bytes within it, and its number from 1.
fn first_line(text: &str, span: Span) -> (&str, Range<usize>, usize) {
    let (start, end) = (before(text, span.start as usize), before(text, span.end as usize));
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let number = text[..line_start].matches('\n').count() + 1;
    let line = text[line_start..line_end].trim_end_matches('\r');
    let marked_end = end.clamp(start, line_end) - line_start;
    (line, start - line_start..marked_end.min(line.len()), number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_position_caret_and_hint() {
        let mut sources = Sources::new();
        let id = sources.add("model.ir", "{ lambda ; a:f32[3]. let\n    b:f32[3] = sine a\n  in (b,) }");
        let diagnostic =
            Diagnostic::unsupported("primitive sine").at(Span::new(id, 40, 44)).hint("did you mean sin?");
        let text = render(&sources, &diagnostic);
        assert!(text.contains("model.ir:2:16"), "{text}");
        assert!(text.contains("^^^^"), "{text}");
        assert!(text.contains("hint: did you mean sin?"), "{text}");
    }
}
