//! The cursor over tokens that the parts of the parser share, and jaxprs themselves.

use super::lexer::{Comment, Token, TokenKind, Tokens, tokenize};
use super::syntax::{Binder, Definition, Ident, Jaxpr};
use crate::diag::{Diagnostic, SourceId, Span};

pub(super) type Parse<T> = Result<T, Diagnostic>;

/// Where the parser stands in a text.
pub(super) struct Parser<'a> {
    pub text: &'a str,
    pub source: SourceId,
    pub tokens: Tokens,
    // Invariant: a position in `tokens.list`; never beyond its `End`.
    pub at: usize,
    /// Before this position no binder list ends in `=`; keeps the search for equation starts linear.
    pub no_binders_before: usize,
    origins: Origins,
}

/// The comments of `source_info=True`, handed out in the order in which JAX attaches them.
struct Origins {
    // Comments behind code on a line, with the comment lines that follow: first and last position.
    groups: Vec<(usize, std::ops::Range<usize>)>,
    // The line of the last equation asked for, and how many of that line came before.
    line: usize,
    taken: usize,
}

impl<'a> Parser<'a> {
    pub fn new(text: &'a str, source: SourceId) -> Parse<Self> {
        let tokens = tokenize(text, source)?;
        let origins = Origins { groups: comment_groups(&tokens), line: usize::MAX, taken: 0 };
        Ok(Parser { text, source, tokens, at: 0, no_binders_before: 0, origins })
    }

    pub fn token(&self, at: usize) -> Token {
        self.tokens.list[at.min(self.tokens.list.len() - 1)]
    }

    pub fn peek(&self) -> Token {
        self.token(self.at)
    }

    pub fn text_of(&self, token: Token) -> &'a str {
        &self.text[token.start as usize..token.end as usize]
    }

    /// The text between the starts of two tokens, without blanks at its end.
    pub fn text_between(&self, first: usize, end: usize) -> &'a str {
        if first >= end {
            return "";
        }
        &self.text[self.token(first).start as usize..self.token(end - 1).end as usize]
    }

    pub fn span_of(&self, token: Token) -> Span {
        Span::new(self.source, token.start as usize, token.end as usize)
    }

    pub fn span_here(&self) -> Span {
        self.span_of(self.peek())
    }

    /// From token `first` to the one before the cursor.
    pub fn span_from(&self, first: usize) -> Span {
        let start = self.span_of(self.token(first));
        if self.at > first { start.to(self.span_of(self.token(self.at - 1))) } else { start }
    }

    pub fn is_punct(&self, at: usize, byte: u8) -> bool {
        self.token(at).kind == TokenKind::Punct(byte)
    }

    /// Is the token at `at` this punctuation, with no blank before it?
    pub fn is_adjacent(&self, at: usize, byte: u8) -> bool {
        self.is_punct(at, byte) && !self.token(at).after_blank
    }

    pub fn is_any_word(&self, at: usize) -> bool {
        self.token(at).kind == TokenKind::Word
    }

    pub fn is_word(&self, at: usize, word: &str) -> bool {
        self.is_any_word(at) && self.text_of(self.token(at)) == word
    }

    pub fn eat(&mut self, byte: u8) -> bool {
        let found = self.is_punct(self.at, byte);
        self.at += usize::from(found);
        found
    }

    pub fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(self.at, word);
        self.at += usize::from(found);
        found
    }

    pub fn expect(&mut self, byte: u8, role: &str) -> Parse<()> {
        if self.eat(byte) { Ok(()) } else { Err(self.unexpected(&format!("`{}` {role}", byte as char))) }
    }

    pub fn expect_word(&mut self, word: &str, role: &str) -> Parse<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.unexpected(&format!("`{word}` {role}"))) }
    }

    pub fn ident(&mut self, expected: &str) -> Parse<Ident<'a>> {
        if !self.is_any_word(self.at) {
            return Err(self.unexpected(expected));
        }
        let token = self.peek();
        self.at += 1;
        Ok(Ident { text: self.text_of(token), span: self.span_of(token) })
    }

    /// A name that may contain dots and dashes: `scatter-add`, `GatherScatterMode.CLIP`.
    pub fn compound_ident(&mut self, expected: &str) -> Parse<Ident<'a>> {
        let first = self.at;
        self.ident(expected)?;
        while (self.is_adjacent(self.at, b'.') || self.is_adjacent(self.at, b'-'))
            && self.is_any_word(self.at + 1)
            && !self.token(self.at + 1).after_blank
        {
            self.at += 2;
        }
        Ok(Ident { text: self.text_between(first, self.at), span: self.span_from(first) })
    }

    /// "expected ..., found ..." at the cursor.
    pub fn unexpected(&self, expected: &str) -> Diagnostic {
        let token = self.peek();
        let found = match token.kind {
            TokenKind::End => "the end of the text".to_string(),
            TokenKind::Word
            | TokenKind::Number
            | TokenKind::Quoted
            | TokenKind::Raw
            | TokenKind::Punct(_) => {
                format!("`{}`", shortened(self.text_of(token)))
            }
        };
        Diagnostic::error(format!("expected {expected}, found {found}")).at(self.span_of(token))
    }

    /// `{ lambda CONSTVARS ; INPUTS . let EQUATIONS in (OUTPUTS) }`, with the cursor on `{`.
    pub fn jaxpr(&mut self) -> Parse<Jaxpr<'a>> {
        let first = self.at;
        self.expect(b'{', "to open a function")?;
        self.expect_word("lambda", "after `{`")
            .map_err(|d| d.hint("write `{ lambda ; x:f32[3]. let ... in (y,) }`"))?;
        let constvars = self.binders()?;
        self.expect(b';', "after the constants").map_err(|d| {
            d.hint("inputs stand behind a `;`: `{ lambda ; x:f32[3]. let`; constants before it")
        })?;
        let inputs = self.binders()?;
        self.expect(b'.', "after the inputs")?;
        self.expect_word("let", "after the inputs")?;
        let equations = self.equations()?;
        self.expect_word("in", "after the equations")?;
        let outputs = self.outputs()?;
        self.effects();
        self.expect(b'}', "to close the function")?;
        Ok(Jaxpr { constvars, inputs, equations, outputs, span: self.span_from(first) })
    }

    /// `let NAME = JAXPR in`, zero or more times, and the jaxpr behind them.
    pub fn program(&mut self) -> Parse<(Vec<Definition<'a>>, Jaxpr<'a>)> {
        let mut definitions = Vec::new();
        while self.is_word(self.at, "let") {
            definitions.push(self.definition()?);
            self.expect_word("in", "after the definition")?;
        }
        Ok((definitions, self.jaxpr()?))
    }

    /// `let NAME = JAXPR`, with the cursor on `let`.
    pub fn definition(&mut self) -> Parse<Definition<'a>> {
        self.expect_word("let", "before a definition")?;
        let name = self.compound_ident("a name after `let`")?;
        self.expect(b'=', "after the name")?;
        Ok(Definition { name, local: false, jaxpr: self.jaxpr()? })
    }

    /// Variables with or without types, as many as there are.
    pub fn binders(&mut self) -> Parse<Vec<Binder<'a>>> {
        let mut binders = Vec::new();
        while self.is_any_word(self.at) {
            let name = self.ident("a variable")?;
            let aval = if self.eat(b':') { Some(self.aval()?) } else { None };
            binders.push(Binder { name, aval });
        }
        Ok(binders)
    }

    /// The token behind the bracket at `at`.
    pub fn behind(&self, at: usize) -> usize {
        (self.token(at).partner as usize).max(at) + 1
    }

    /// `in` is the keyword iff the output list, and then the end of the jaxpr, follow.
    pub fn is_in_keyword(&self, at: usize) -> bool {
        if !self.is_word(at, "in") || !self.is_punct(at + 1, b'(') {
            return false;
        }
        let end = self.behind(at + 1);
        self.is_punct(end, b'}') || self.is_punct(end, b':') && self.is_punct(end + 1, b'{')
    }

    /// Skips `: { Debug }`, which `print_effects=True` appends.
    fn effects(&mut self) {
        if self.is_punct(self.at, b':') && self.is_punct(self.at + 1, b'{') {
            self.at = self.behind(self.at + 1);
        }
    }

    /// The Python line of the equation whose `=` is at byte `position`. Asked for in the order of the text.
    pub fn python_line(&mut self, position: u32) -> Option<&'a str> {
        let line = self.tokens.line(position);
        let origins = &mut self.origins;
        origins.taken = if origins.line == line { origins.taken + 1 } else { 0 };
        origins.line = line;
        let group = origins.groups.binary_search_by_key(&line, |(line, _)| *line).ok()?;
        let comments = &self.tokens.comments[origins.groups[group].1.clone()];
        let places = comments.iter().map(|&comment| comment_text(self.text, comment));
        // A name stack, `[vmap(jit)]`, stands beside each place if both were printed.
        let place = places.filter(|place| !place.starts_with('[')).nth(origins.taken)?;
        is_python_place(place).then_some(place)
    }
}

fn comment_groups(tokens: &Tokens) -> Vec<(usize, std::ops::Range<usize>)> {
    let mut groups: Vec<(usize, std::ops::Range<usize>)> = Vec::new();
    let mut last_line = 0;
    for (position, comment) in tokens.comments.iter().enumerate() {
        let line = tokens.line(comment.start);
        match groups.last_mut() {
            _ if !comment.alone => groups.push((line, position..position + 1)),
            Some((_, range)) if range.end == position && last_line + 1 == line => range.end += 1,
            _ => {}
        }
        last_line = line;
    }
    groups
}

fn comment_text(text: &str, comment: Comment) -> &str {
    text[comment.start as usize..comment.end as usize].trim_start_matches('#').trim()
}

/// `/path/model.py:12:4 (loss)`: a line number behind a colon, then the function in parentheses.
fn is_python_place(text: &str) -> bool {
    let Some((place, function)) = text.split_once(" (") else { return false };
    let line = place.rsplit(':').next().unwrap_or("");
    place.contains(':')
        && function.ends_with(')')
        && !line.is_empty()
        && line.bytes().all(|b| b.is_ascii_digit())
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 {
        return text.to_string();
    }
    text.chars().take(37).chain("...".chars()).collect()
}
