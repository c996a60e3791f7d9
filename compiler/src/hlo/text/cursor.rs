//! A place in the text, and the small things that are read there.

use super::Parsed;
use crate::diag::{Diagnostic, SourceId, Span};

/// A place in the text. Whitespace and comments before a token belong to it.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    pub text: &'a str,
    pub position: usize,
    source: SourceId,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str, source: SourceId) -> Self {
        Cursor { text, position: 0, source }
    }

    pub fn skip_space(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.position) {
            if byte.is_ascii_whitespace() {
                self.position += 1;
            } else if byte == b'/' && bytes.get(self.position + 1) == Some(&b'/') {
                let rest = &bytes[self.position..];
                self.position += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    /// The next byte that is no space; 0 at the end.
    pub fn peek(&mut self) -> u8 {
        self.skip_space();
        self.byte()
    }

    /// The byte at the very place; 0 at the end.
    pub fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.position).copied().unwrap_or(0)
    }

    pub fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or("")
    }

    pub fn starts_with(&mut self, token: &str) -> bool {
        self.skip_space();
        self.rest().starts_with(token)
    }

    /// Is this punctuation next? Then moves past it.
    pub fn eat(&mut self, token: &str) -> bool {
        let found = self.starts_with(token);
        self.position += if found { token.len() } else { 0 };
        found
    }

    /// [`Cursor::eat`] of one byte of ASCII.
    pub fn eat_byte(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.position += usize::from(found);
        found
    }

    /// Errors: something else is next.
    pub fn expect(&mut self, token: &str) -> Parsed<()> {
        if self.eat(token) { Ok(()) } else { Err(self.expected(&format!("`{token}`"))) }
    }

    /// A bare identifier, with dots and dollars; empty if none is next.
    pub fn word(&mut self) -> &'a str {
        self.skip_space();
        let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        if is_first(self.byte()) { self.run_of(is_part_of_word) } else { "" }
    }

    /// The word at the place, without moving.
    pub fn peek_word(&mut self) -> &'a str {
        let mut ahead = *self;
        let word = ahead.word();
        self.position = ahead.position - word.len();
        word
    }

    /// Is this word next, as a whole? Then moves past it.
    pub fn eat_word(&mut self, word: &str) -> bool {
        let found = self.peek_word() == word;
        self.position += if found { word.len() } else { 0 };
        found
    }

    /// Errors: no identifier is next.
    pub fn expect_word(&mut self, what: &str) -> Parsed<&'a str> {
        match self.word() {
            "" => Err(self.expected(what)),
            word => Ok(word),
        }
    }

    /// The name behind `%`, `@`, `#`, `!` or `^`: letters, digits, and `$._-`.
    pub fn suffix(&mut self) -> &'a str {
        self.run_of(|byte| is_part_of_word(byte) || byte == b'-')
    }

    /// Digits without a sign. Errors: none are next, or too many.
    pub fn unsigned(&mut self) -> Parsed<usize> {
        self.skip_space();
        let start = *self;
        let digits = self.run_of(|byte| byte.is_ascii_digit());
        digits.parse().map_err(|_| start.expected("a number"))
    }

    /// A number as it is written, sign included; empty if none is next.
    pub fn number(&mut self) -> &'a str {
        self.skip_space();
        let start = self.position;
        let mut end = start + usize::from(self.byte() == b'-');
        let bytes = self.text.as_bytes();
        if !bytes.get(end).is_some_and(u8::is_ascii_digit) {
            return "";
        }
        let is_hex = self.text[end..].starts_with("0x");
        end += if is_hex { 2 } else { 0 };
        while let Some(&byte) = bytes.get(end) {
            let is_sign = matches!(byte, b'+' | b'-') && matches!(bytes[end - 1], b'e' | b'E') && !is_hex;
            let is_digit = if is_hex {
                byte.is_ascii_hexdigit()
            } else {
                byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E')
            };
            if !is_digit && !is_sign {
                break;
            }
            end += 1;
        }
        self.position = end;
        &self.text[start..end]
    }

    /// The text between quotes, escapes as they stand. Errors: no quote is next, or none ends it.
    pub fn raw_string(&mut self) -> Parsed<&'a str> {
        self.skip_space();
        let start = *self;
        if self.byte() != b'"' {
            return Err(self.expected("a string"));
        }
        self.position += 1;
        let first = self.position;
        // Invariant: no quote stands between the place and this one.
        let mut quote = first;
        loop {
            if quote <= self.position {
                let Some(offset) = self.rest().find('"') else {
                    return Err(Diagnostic::error("the string has no end").at(start.here()));
                };
                quote = self.position + offset;
            }
            let Some(escape) = self.text[self.position..quote].find('\\') else {
                self.position = quote + 1;
                return Ok(&self.text[first..quote]);
            };
            // The escaped character, which may be the quote.
            self.position += escape + 1;
            self.position += self.rest().chars().next().map_or(0, char::len_utf8);
        }
    }

    /// The bytes of a string. Errors: as [`Cursor::raw_string`], or an unknown escape.
    pub fn string(&mut self) -> Parsed<Vec<u8>> {
        let start = *self;
        let raw = self.raw_string()?;
        unescaped(raw).ok_or_else(|| {
            Diagnostic::error("the string has an unknown escape")
                .at(start.here())
                .hint("MLIR knows \\n, \\t, \\\", \\\\ and two hexadecimal digits")
        })
    }

    /// Errors: as [`Cursor::string`], or the bytes are no UTF-8.
    pub fn utf8_string(&mut self) -> Parsed<String> {
        let start = *self;
        String::from_utf8(self.string()?).map_err(|_| start.expected("a string of UTF-8"))
    }

    /// Moves past brackets and everything between them, and returns that text, brackets included.
    /// Errors: no bracket is next, or they do not pair.
    pub fn balanced(&mut self) -> Parsed<&'a str> {
        self.skip_space();
        let start = *self;
        let mut closers = Vec::new();
        loop {
            match self.peek() {
                b'(' => closers.push(b')'),
                b'[' => closers.push(b']'),
                b'{' => closers.push(b'}'),
                b'<' => closers.push(b'>'),
                b'"' => {
                    self.raw_string()?;
                    continue;
                }
                b'-' if self.rest().starts_with("->") => self.position += 1,
                closer @ (b')' | b']' | b'}' | b'>') if closers.pop() != Some(closer) => {
                    return Err(Diagnostic::error("the bracket has no partner").at(self.here()));
                }
                0 => return Err(Diagnostic::error("the bracket is never closed").at(start.here())),
                _ => {}
            }
            self.position += self.rest().chars().next().map_or(0, char::len_utf8);
            if closers.is_empty() {
                return Ok(&self.text[start.position..self.position]);
            }
        }
    }

    /// The token at the place.
    pub fn here(mut self) -> Span {
        self.skip_space();
        let start = self.position.min(self.text.len());
        let rest = self.rest();
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '$');
        let sigil = rest.starts_with(['%', '@', '#', '!', '^', '-']);
        let length = rest.char_indices().skip(usize::from(sigil)).find(|(_, c)| !is_name(*c));
        let length =
            length.map_or(rest.len(), |(at, _)| at).max(rest.chars().next().map_or(0, char::len_utf8));
        Span::new(self.source, start, start + length)
    }

    /// From an earlier place to this one.
    pub fn since(&self, mut earlier: Cursor) -> Span {
        earlier.skip_space();
        Span::new(self.source, earlier.position, self.position)
    }

    /// The complaint that something else is next.
    pub fn expected(mut self, what: &str) -> Diagnostic {
        self.skip_space();
        let span = self.here();
        let found = match self.text.get(span.start as usize..span.end as usize) {
            None | Some("") => "the end of the text".to_string(),
            Some(token) => {
                let token: String = token.chars().take(40).collect();
                format!("`{token}`")
            }
        };
        Diagnostic::error(format!("expected {what}, found {found}")).at(span)
    }

    fn run_of(&mut self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let start = self.position;
        let bytes = &self.text.as_bytes()[start.min(self.text.len())..];
        let length = bytes.iter().position(|&byte| !belongs(byte)).unwrap_or(bytes.len());
        self.position += length;
        &self.text[start..start + length]
    }
}

fn is_part_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$')
}

pub fn unescaped(raw: &str) -> Option<Vec<u8>> {
    if !raw.contains('\\') {
        return Some(raw.as_bytes().to_vec());
    }
    let mut bytes = raw.bytes();
    let mut text = Vec::with_capacity(raw.len());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        text.push(match bytes.next()? {
            b'n' => b'\n',
            b't' => b'\t',
            quoted @ (b'"' | b'\\') => quoted,
            high => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                (digit(high)? * 16 + digit(bytes.next()?)?) as u8
            }
        });
    }
    Some(text)
}
