//! Source texts and positions in them.

use bytes::Bytes;

/// Names one text of a [`Sources`] collection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct SourceId(u32);

/// A range of bytes in one source text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Span {
    pub source: SourceId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        Span { source, start: start as u32, end: end as u32 }
    }

    /// From the start of `self` to the end of `last`.
    pub fn to(self, last: Span) -> Span {
        Span { end: last.end.max(self.end), ..self }
    }
}

/// What a compilation reads: the file, and expressions given on the command line.
#[derive(Clone, Default, Debug)]
pub struct Sources(Vec<(String, Contents)>);

#[derive(Clone, Debug)]
enum Contents {
    Text(String),
    Bytes(Bytes),
}

impl Sources {
    pub fn new() -> Self {
        Sources::default()
    }

    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        self.push(name.into(), Contents::Text(text.into()))
    }

    /// A file that is no text.
    pub fn add_bytes(&mut self, name: impl Into<String>, bytes: impl Into<Bytes>) -> SourceId {
        self.push(name.into(), Contents::Bytes(bytes.into()))
    }

    fn push(&mut self, name: String, contents: Contents) -> SourceId {
        self.0.push((name, contents));
        SourceId(self.0.len() as u32 - 1)
    }

    pub fn name(&self, id: SourceId) -> &str {
        &self.0[id.0 as usize].0
    }

    /// The text; empty for a file that is none.
    pub fn text(&self, id: SourceId) -> &str {
        match &self.0[id.0 as usize].1 {
            Contents::Text(text) => text,
            Contents::Bytes(_) => "",
        }
    }

    /// The contents of a file that is no text.
    pub fn bytes(&self, id: SourceId) -> Option<&Bytes> {
        match &self.0[id.0 as usize].1 {
            Contents::Text(_) => None,
            Contents::Bytes(bytes) => Some(bytes),
        }
    }

    /// Line and column of the start of `span`, both from 1; columns count characters. A file that is no text is one line
    /// of bytes.
    pub fn line_column(&self, span: Span) -> (usize, usize) {
        if self.bytes(span.source).is_some() {
            return (1, span.start as usize + 1);
        }
        let text = self.text(span.source);
        let mut start = (span.start as usize).min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}
