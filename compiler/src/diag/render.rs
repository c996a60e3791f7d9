//! Diagnostics as text for people and as JSON for tools.

use super::{Diagnostic, Fault, Sources, Span};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};
use std::ops::Range;

/// No message is longer. Units: bytes.
const MOST_BYTES: usize = 4000;

/// Renders one diagnostic with file, line, column, the source line, a caret and the hint.
pub fn render(sources: &Sources, diagnostic: &Diagnostic) -> String {
    fitting(diagnostic, |diagnostic, name| in_full(sources, diagnostic, name), String::len)
}

/// The same as one JSON object, for `--error-format=json`.
pub fn render_json(sources: &Sources, diagnostic: &Diagnostic) -> Value {
    let show = |diagnostic: &Diagnostic, name| json_in_full(sources, diagnostic, name);
    fitting(diagnostic, show, |value| value.to_string().len())
}

/// Of the names of files, `name` bytes are shown.
fn in_full(sources: &Sources, diagnostic: &Diagnostic, name: usize) -> String {
    let level = match diagnostic.fault {
        Fault::Program => Level::ERROR,
        Fault::Unsupported => Level::ERROR.with_name("not supported"),
        Fault::Compiler => Level::ERROR.with_name("compiler bug"),
        Fault::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message);
    let mut labels = diagnostic.labels.iter();
    let mut groups = match labels.next() {
        Some((span, text)) => {
            placed(Group::with_title(title), (sources, name), *span, text, AnnotationKind::Primary)
        }
        None => vec![Group::with_title(title)],
    };
    for (span, text) in labels {
        let related = Group::with_level(Level::NOTE);
        groups.extend(placed(related, (sources, name), *span, text, AnnotationKind::Context));
    }
    if let Some(hint) = &diagnostic.hint {
        groups.push(Group::with_title(Level::HELP.with_name("hint").secondary_title(hint)));
    }
    Renderer::plain().render(&groups).to_string()
}

fn json_in_full(sources: &Sources, diagnostic: &Diagnostic, name: usize) -> Value {
    let label = |(span, text): &(Span, String)| {
        let (line, column) = sources.line_column(*span);
        let file = limited(sources.name(span.source), name);
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

/// Shows as much of a diagnostic as fits: texts of programs, and so types and names, have any length, and what shows a
/// character may take several.
fn fitting<T>(
    diagnostic: &Diagnostic,
    show: impl Fn(&Diagnostic, usize) -> T,
    bytes: impl Fn(&T) -> usize,
) -> T {
    let shown = |part: usize| show(&bounded(diagnostic, part), LONGEST_NAME / part);
    let found = [1, 2, 4].into_iter().map(shown).find(|shown| bytes(shown) <= MOST_BYTES);
    found.unwrap_or_else(|| shown(8))
}

/// A diagnostic without all but a part of its texts.
fn bounded(diagnostic: &Diagnostic, part: usize) -> Diagnostic {
    let labels = diagnostic.labels.iter().take(4usize.div_ceil(part).min(3));
    Diagnostic {
        fault: diagnostic.fault,
        message: limited(&diagnostic.message, MOST_MESSAGE / part),
        labels: labels.map(|(span, text)| (*span, limited(text, 200 / part))).collect(),
        hint: diagnostic.hint.as_deref().map(|hint| limited(hint, 800 / part)),
    }
}

/// Units: bytes.
const MOST_MESSAGE: usize = 1200;

/// A text of any length in at most about 1200 bytes: its beginning and its end.
pub fn shortened(text: &str) -> String {
    limited(text, MOST_MESSAGE)
}

/// Text for a terminal: what would move the cursor, change colours or reorder what is shown is replaced.
pub fn printable(text: &str) -> String {
    let is_layout = |c: char| c == '\n' || c == '\t';
    text.chars().map(|c| if is_hostile(c) && !is_layout(c) { '\u{fffd}' } else { c }).collect()
}

/// Is it a control character, or one that reorders text?
pub fn is_hostile(c: char) -> bool {
    let reorders =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    reorders || c.is_control()
}

fn limited(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_string();
    }
    let (head, tail) = (before(text, limit * 3 / 4), before(text, text.len() - limit / 4));
    format!("{} ... ({} bytes left out) ... {}", &text[..head], tail - head, &text[tail..])
}

/// The last boundary of characters up to `at`.
fn before(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default()
}

/// Of the name of a file, and of a line on either side of what is marked, no more is shown. Units: bytes.
const LONGEST_NAME: usize = 1000;
const LONGEST_SIDE: usize = 160;

/// Shows a place: its line, or, in a file that is no text, the number of its byte.
fn placed<'a>(
    group: Group<'a>,
    (sources, longest_name): (&'a Sources, usize),
    span: Span,
    label: &'a str,
    kind: AnnotationKind,
) -> Vec<Group<'a>> {
    let name = limited(sources.name(span.source), longest_name);
    if sources.bytes(span.source).is_some() {
        let group = group.element(Origin::path(name).line(1).char_column(span.start as usize + 1));
        return vec![if label.is_empty() { group } else { group.element(Level::NOTE.message(label)) }];
    }
    let (line, marked, number) = first_line(sources.text(span.source), span);
    let annotated = |line: String, marked: Range<usize>| {
        let annotation = kind.span(marked);
        let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
        Snippet::source(line).line_start(number).annotation(annotation)
    };
    if line.len() <= 4 * LONGEST_SIDE {
        return vec![group.element(annotated(line.to_string(), marked).path(name))];
    }
    let (window, marked) = window(line, marked);
    let column = sources.line_column(span).1;
    // In a group of its own, or a window would count as a second file.
    let place = group.element(Origin::path(name).line(number).char_column(column));
    vec![place, Group::with_level(Level::NOTE).element(annotated(window, marked))]
}

/// The part of a line around what is marked.
fn window(line: &str, marked: Range<usize>) -> (String, Range<usize>) {
    let start = before(line, marked.start.saturating_sub(LONGEST_SIDE));
    let end = before(line, marked.start + LONGEST_SIDE);
    let (head, tail) = (if start > 0 { "..." } else { "" }, if end < line.len() { "..." } else { "" });
    let shifted = |at: usize| at.min(end) - start + head.len();
    (format!("{head}{}{tail}", &line[start..end]), shifted(marked.start)..shifted(marked.end))
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

    /// Characters of no width, of many bytes, and such as take many to be shown, in lines, messages, hints and names of files.
    #[test]
    fn whatever_the_text_is_messages_are_short() {
        for c in ["a", "\u{301}", "\u{200b}", "語", "\0", "\t", "\u{1b}", "\\", "\""] {
            let long = c.repeat(100_000);
            let mut sources = Sources::new();
            let id = sources.add(&long, format!("first\n{long} wrong {long}\nlast"));
            let start = 6 + long.len() + 1;
            let span = Span::new(id, start, start + 5);
            let diagnostic = Diagnostic::error(&long).label(span, &long).label(span, &long).hint(&long);
            let text = render(&sources, &diagnostic);
            assert!(text.len() < 4096, "{c:?}: {} bytes", text.len());
            assert!(text.contains(":2:100002") && text.contains("wrong"), "{c:?}: {text}");
            let json = render_json(&sources, &diagnostic).to_string();
            assert!(json.len() < 4096 && json.contains("\"column\":100002"), "{c:?}: {json}");
        }
    }

    #[test]
    fn a_window_marks_what_the_line_marks() {
        let line = format!("{} wrong {}", "語".repeat(1000), "é".repeat(1000));
        let start = 3001;
        let (text, marked) = window(&line, start..start + 5);
        assert_eq!(&text[marked], "wrong");
        assert!(text.starts_with("...語") && text.ends_with("é..."), "{text}");
        let (text, marked) = window(&line, 0..line.len());
        assert!(
            text.starts_with("語") && marked.start == 0 && marked.end == text.len() - 3,
            "{text} {marked:?}"
        );
    }
}
