//! Jaxpr text to tokens. Brackets are paired here, so that the parser can skip a bracket in one step
//! and recursion is bounded by the nesting depth this stage allows.

use crate::diag::{Diagnostic, SourceId, Span};

/// How deep brackets may nest: far beyond what JAX prints, far below what the stack bears.
pub const MAX_DEPTH: usize = 256;

/// What a token is; its text is the source from `start` to `end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// A name or keyword.
    Word,
    /// An unsigned number: `7`, `1e-30`, `2.5j`.
    Number,
    /// A quoted string on one line, quotes included.
    Quoted,
    /// The text that `debug_print` prints: it stands there without quotes, whatever it contains.
    Raw,
    /// One byte of punctuation.
    Punct(u8),
    /// The end of the text.
    End,
}

/// One token. Units: `start` and `end` in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub kind: TokenKind,
    pub start: u32,
    pub end: u32,
    /// Is it the first token of its line?
    pub starts_line: bool,
    /// Does a blank, newline or comment precede it?
    pub after_blank: bool,
    /// For a bracket, the position of its partner in the token list; otherwise 0.
    pub partner: u32,
}

/// The tokens of a text, the comments, and where its lines start.
pub struct Tokens {
    // Invariant: ends with an `End` token; every bracket has its partner.
    pub list: Vec<Token>,
    // Invariant: in the order of the text.
    pub comments: Vec<Comment>,
    // Invariant: ascending; the first is 0.
    line_starts: Vec<u32>,
}

/// A `#` comment, without its newline.
#[derive(Clone, Copy, Debug)]
pub struct Comment {
    pub start: u32,
    pub end: u32,
    /// Does no token precede it on its line?
    pub alone: bool,
}

impl Tokens {
    /// The line, counted from 0, of a byte position.
    pub fn line(&self, position: u32) -> usize {
        self.line_starts.partition_point(|&start| start <= position) - 1
    }

    /// The distance of a byte position from the start of its line. Units: bytes.
    pub fn column(&self, position: u32) -> u32 {
        position - self.line_starts[self.line(position)]
    }
}

/// Splits `text` into tokens.
///
/// Errors: brackets that do not pair or nest deeper than [`MAX_DEPTH`]; a text beyond 4 GiB.
pub fn tokenize(text: &str, source: SourceId) -> Result<Tokens, Diagnostic> {
    if text.len() >= u32::MAX as usize {
        return Err(Diagnostic::unsupported("the text is larger than 4 GiB").at(Span::new(source, 0, 0)));
    }
    let mut lexer = Lexer::new(text.as_bytes());
    while lexer.at < lexer.bytes.len() {
        lexer.step();
    }
    lexer.push(TokenKind::End, lexer.at);
    let mut tokens = Tokens { list: lexer.list, comments: lexer.comments, line_starts: lexer.line_starts };
    pair_brackets(&mut tokens.list, source)?;
    Ok(tokens)
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    list: Vec<Token>,
    comments: Vec<Comment>,
    line_starts: Vec<u32>,
    starts_line: bool,
    after_blank: bool,
    // The line up to which a quote of this kind is known to be unpaired; keeps the lexer linear.
    unpaired_single: Option<usize>,
    unpaired_double: Option<usize>,
    // May a parameter that ends the text of a `debug_print` still come? Keeps the lexer linear as well.
    has_formats: bool,
}

impl<'a> Lexer<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let at = if bytes.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        Lexer {
            bytes,
            at,
            list: Vec::with_capacity(bytes.len() / 3),
            comments: Vec::new(),
            line_starts: vec![0],
            starts_line: true,
            after_blank: true,
            unpaired_single: None,
            unpaired_double: None,
            has_formats: true,
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn step(&mut self) {
        let start = self.at;
        match self.byte(start) {
            b'\n' => {
                self.at += 1;
                self.line_starts.push(self.at as u32);
                self.starts_line = true;
                self.after_blank = true;
            }
            b' ' | b'\t' | b'\r' | b'\x0b' | b'\x0c' => {
                self.at += 1;
                self.after_blank = true;
            }
            b'#' => self.comment(),
            b'\x1b' if self.byte(start + 1) == b'[' => self.colour_code(),
            quote @ (b'\'' | b'"') => match self.quoted_end(quote) {
                Some(end) => self.push(TokenKind::Quoted, end),
                None => self.push(TokenKind::Punct(quote), start + 1),
            },
            b'0'..=b'9' => self.push(TokenKind::Number, self.number_end()),
            byte if is_word_byte(byte) => self.push(TokenKind::Word, self.word_end(start)),
            b'=' if self.bytes[..start].ends_with(b"fmt") => self.format(),
            byte => self.push(TokenKind::Punct(byte), start + 1),
        }
    }

    /// The `=` of `debug_print[fmt=`, and the text behind it up to the next parameter.
    fn format(&mut self) {
        let start = self.at + 1;
        self.push(TokenKind::Punct(b'='), start);
        let [.., print, open, _, _] = self.list[..] else { return };
        let is_print = &self.bytes[print.start as usize..print.end as usize] == b"debug_print";
        if !is_print || open.kind != TokenKind::Punct(b'[') || !self.has_formats {
            return;
        }
        let next = b"has_placeholders=";
        let found = self.bytes[start..].windows(next.len()).position(|window| window == next);
        let Some(length) = found else {
            self.has_formats = false;
            return;
        };
        let text = self.bytes[start..start + length].trim_ascii_end();
        let newlines = text.iter().enumerate().filter(|&(_, &byte)| byte == b'\n');
        self.line_starts.extend(newlines.map(|(at, _)| (start + at + 1) as u32));
        self.push(TokenKind::Raw, start + text.len());
    }

    fn push(&mut self, kind: TokenKind, end: usize) {
        self.list.push(Token {
            kind,
            start: self.at as u32,
            end: end as u32,
            starts_line: self.starts_line,
            after_blank: self.after_blank,
            partner: 0,
        });
        self.starts_line = false;
        self.after_blank = false;
        self.at = end;
    }

    fn comment(&mut self) {
        let length = self.bytes[self.at..].iter().position(|&b| b == b'\n');
        let end = length.map_or(self.bytes.len(), |length| self.at + length);
        self.comments.push(Comment { start: self.at as u32, end: end as u32, alone: self.starts_line });
        self.at = end;
        self.after_blank = true;
    }

    /// Skips `ESC [ 0;35 m`. It has no width: the token before and the one after stay adjacent.
    fn colour_code(&mut self) {
        self.at += 2;
        while matches!(self.byte(self.at), b'0'..=b'9' | b';') {
            self.at += 1;
        }
        if self.byte(self.at).is_ascii_alphabetic() {
            self.at += 1;
        }
    }

    fn quoted_end(&mut self, quote: u8) -> Option<usize> {
        let line = self.line_starts.len();
        let unpaired = if quote == b'"' { &mut self.unpaired_double } else { &mut self.unpaired_single };
        if *unpaired == Some(line) {
            return None;
        }
        let mut at = self.at + 1;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'\n' => break,
                b'\\' => at += 1,
                byte if byte == quote => return Some(at + 1),
                _ => {}
            }
            at += 1;
        }
        *unpaired = Some(line);
        None
    }

    fn word_end(&self, start: usize) -> usize {
        let length = self.bytes[start..].iter().position(|&b| !is_word_byte(b));
        length.map_or(self.bytes.len(), |length| start + length)
    }

    fn digits_end(&self, start: usize) -> usize {
        let length = self.bytes[start..].iter().position(|b| !b.is_ascii_digit());
        length.map_or(self.bytes.len(), |length| start + length)
    }

    fn number_end(&self) -> usize {
        let mut end = self.digits_end(self.at);
        if self.byte(end) == b'.' {
            end = self.digits_end(end + 1);
        }
        if matches!(self.byte(end), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(end + 1), b'+' | b'-'));
            if self.byte(end + 1 + sign).is_ascii_digit() {
                end = self.digits_end(end + 1 + sign);
            }
        }
        let is_imaginary = self.byte(end) == b'j' && !is_word_byte(self.byte(end + 1));
        end + usize::from(is_imaginary)
    }
}

/// Letters of any script count, since Python allows them in names.
fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn pair_brackets(list: &mut [Token], source: SourceId) -> Result<(), Diagnostic> {
    let span = |token: Token| Span::new(source, token.start as usize, token.end as usize);
    let mut open: Vec<(usize, u8)> = Vec::new();
    for at in 0..list.len() {
        let token = list[at];
        match token.kind {
            TokenKind::Punct(byte @ (b'(' | b'[' | b'{')) => {
                if open.len() == MAX_DEPTH {
                    let message = format!("brackets nest deeper than {MAX_DEPTH}");
                    let hint = "move inner functions out into `let name = { lambda ... }` definitions";
                    return Err(Diagnostic::unsupported(message).at(span(token)).hint(hint));
                }
                open.push((at, byte));
            }
            TokenKind::Punct(byte @ (b')' | b']' | b'}')) => {
                let Some((partner, opener)) = open.pop() else {
                    let message = format!("`{}` closes no bracket", byte as char);
                    return Err(Diagnostic::error(message)
                        .at(span(token))
                        .hint("delete it or open it before"));
                };
                if closer_of(opener) != byte {
                    return Err(unpaired(
                        opener,
                        &format!("`{}`", byte as char),
                        span(token),
                        span(list[partner]),
                    ));
                }
                list[partner].partner = at as u32;
                list[at].partner = partner as u32;
            }
            TokenKind::End => {
                if let Some((partner, opener)) = open.pop() {
                    return Err(unpaired(opener, "the end of the text", span(token), span(list[partner])));
                }
            }
            TokenKind::Word
            | TokenKind::Number
            | TokenKind::Quoted
            | TokenKind::Raw
            | TokenKind::Punct(_) => {}
        }
    }
    Ok(())
}

fn unpaired(opener: u8, found: &str, place: Span, opened: Span) -> Diagnostic {
    let closer = closer_of(opener) as char;
    Diagnostic::error(format!("expected `{closer}`, found {found}"))
        .at(place)
        .label(opened, format!("this `{}` is not closed", opener as char))
        .hint(format!("insert `{closer}` where the bracket should end"))
}

fn closer_of(opener: u8) -> u8 {
    match opener {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}
