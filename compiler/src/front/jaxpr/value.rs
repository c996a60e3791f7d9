//! Parameters of equations: `KEY=VALUE`, where a value is the Python `repr` of almost anything.

use super::lexer::TokenKind;
use super::parse::{Parse, Parser};
use super::syntax::{Param, ParamValue};
use crate::types::Scalar;

/// A longer `range` than this is not written out; no list of axes is that long.
const MAX_RANGE: i128 = 4096;

impl<'a> Parser<'a> {
    /// `[KEY=VALUE KEY=VALUE ...]`, with the cursor on `[`.
    pub fn params(&mut self) -> Parse<Vec<Param<'a>>> {
        let close = self.behind(self.at) - 1;
        self.at += 1;
        let mut params = Vec::new();
        while self.at < close {
            let key = self.ident("a parameter name")?;
            self.expect(b'=', "after the parameter name")?;
            let first = self.at;
            let value = self.param_value(close)?;
            params.push(Param { key, value, span: self.span_from(first) });
        }
        self.at = close + 1;
        Ok(params)
    }

    /// A value that ends at `close` or before the next `KEY=`; anything without structure is opaque.
    fn param_value(&mut self, close: usize) -> Parse<ParamValue<'a>> {
        let first = self.at;
        if first < close && !self.is_key(first) {
            let value = self.value()?;
            if let Some(value) = value.filter(|_| self.at == close || self.is_key(self.at)) {
                return Ok(value);
            }
        }
        self.at = first;
        while self.at < close && !self.is_key(self.at) {
            self.at = self.behind(self.at);
        }
        Ok(ParamValue::Opaque(self.text_between(first, self.at)))
    }

    fn is_key(&self, at: usize) -> bool {
        self.is_any_word(at)
            && self.token(at).after_blank
            && self.is_adjacent(at + 1, b'=')
            && !self.is_adjacent(at + 2, b'=')
    }

    /// One value. `Ok(None)`: the text has no structure known here; the cursor may stand anywhere.
    ///
    /// Errors: only what is wrong inside a nested jaxpr.
    pub fn value(&mut self) -> Parse<Option<ParamValue<'a>>> {
        let token = self.peek();
        match token.kind {
            TokenKind::Punct(b'{') if self.is_word(self.at + 1, "lambda") => {
                Ok(Some(ParamValue::Jaxpr(Box::new(self.jaxpr()?))))
            }
            TokenKind::Punct(b'{') => {
                let first = self.at;
                self.at = self.behind(first);
                Ok(Some(ParamValue::Opaque(self.text_between(first, self.at))))
            }
            TokenKind::Punct(b'(' | b'[') => match self.number()? {
                Some(value) => Ok(Some(scalar_value(value))),
                None => self.sequence(),
            },
            TokenKind::Punct(b'<') => Ok(self.angle_brackets()),
            TokenKind::Number | TokenKind::Punct(b'-') => Ok(self.number()?.map(scalar_value)),
            TokenKind::Quoted => {
                self.at += 1;
                Ok(Some(ParamValue::Str(unquoted(self.text_of(token)))))
            }
            TokenKind::Raw => {
                self.at += 1;
                Ok(Some(ParamValue::Opaque(self.text_of(token))))
            }
            TokenKind::Word => self.word_value(),
            TokenKind::Punct(_) | TokenKind::End => Ok(None),
        }
    }

    /// `(a, b)`, `[a, b]` or `( {...} {...} )`, where nothing stands between jaxprs and their names.
    fn sequence(&mut self) -> Parse<Option<ParamValue<'a>>> {
        let close = self.behind(self.at) - 1;
        self.at += 1;
        let mut items = Vec::new();
        while self.at < close {
            let first = self.at;
            let item = self.value()?;
            let is_function = matches!(item, Some(ParamValue::Jaxpr(_) | ParamValue::Name(_)));
            let is_whole = self.at == close || self.is_punct(self.at, b',') || is_function;
            match item {
                Some(item) if is_whole => items.push(item),
                // The value of a parameter in `('key', value)`.
                _ if matches!(items[..], [ParamValue::Str(_)]) => items.push(self.opaque_item(first, close)),
                _ => return Ok(None),
            }
            self.eat(b',');
        }
        self.at = close + 1;
        Ok(Some(ParamValue::Tuple(items)))
    }

    /// An item without structure, which begins at `first`: the text up to the next comma or `close`.
    fn opaque_item(&mut self, first: usize, close: usize) -> ParamValue<'a> {
        self.at = first;
        while self.at < close && !self.is_punct(self.at, b',') {
            self.at = self.behind(self.at);
        }
        ParamValue::Opaque(self.text_between(first, self.at))
    }

    /// `<class 'numpy.float32'>` is a name, `<function f.<locals>.<lambda> at 0x7f>` means nothing.
    fn angle_brackets(&mut self) -> Option<ParamValue<'a>> {
        let first = self.at;
        if self.is_word(first + 1, "class") && self.token(first + 2).kind == TokenKind::Quoted {
            let text = self.text_of(self.token(first + 2));
            self.at = first + 4;
            let name = text[1..text.len() - 1].rsplit('.').next().unwrap_or("");
            return self.is_punct(first + 3, b'>').then_some(ParamValue::Name(name));
        }
        let mut depth = 0;
        loop {
            match self.peek().kind {
                TokenKind::Punct(b'<') => depth += 1,
                TokenKind::Punct(b'>') => depth -= 1,
                TokenKind::Punct(b')' | b']' | b'}') | TokenKind::End => return None,
                TokenKind::Word | TokenKind::Number | TokenKind::Quoted => {}
                TokenKind::Raw | TokenKind::Punct(_) => {}
            }
            self.at = self.behind(self.at);
            if depth == 0 {
                return Some(ParamValue::Opaque(self.text_between(first, self.at)));
            }
        }
    }

    fn word_value(&mut self) -> Parse<Option<ParamValue<'a>>> {
        if self.starts_program() {
            let (definitions, jaxpr) = self.program()?;
            return Ok(Some(ParamValue::Program(definitions, Box::new(jaxpr))));
        }
        if let Some(value) = self.number()? {
            return Ok(Some(scalar_value(value)));
        }
        let name = self.compound_ident("a value")?.text;
        if self.is_adjacent(self.at, b'(') {
            return self.record(name);
        }
        Ok(Some(match name {
            "None" => ParamValue::None,
            "np.True_" => ParamValue::Bool(true),
            "np.False_" => ParamValue::Bool(false),
            name => ParamValue::Name(name),
        }))
    }

    /// `let NAME = {`: a program with definitions of its own, not a name that happens to be `let`.
    fn starts_program(&self) -> bool {
        if !self.is_word(self.at, "let") || !self.is_any_word(self.at + 1) {
            return false;
        }
        // The name may contain dots and dashes.
        let mut at = self.at + 2;
        while (self.is_adjacent(at, b'.') || self.is_adjacent(at, b'-')) && self.is_any_word(at + 1) {
            at += 2;
        }
        self.is_punct(at, b'=') && self.is_punct(at + 1, b'{')
    }

    /// `NAME(a, key=b)`: scalars of NumPy, ranges, and the named tuples of JAX.
    fn record(&mut self, name: &'a str) -> Parse<Option<ParamValue<'a>>> {
        let close = self.behind(self.at) - 1;
        self.at += 1;
        let mut fields = Vec::new();
        while self.at < close {
            let mut key = None;
            if self.is_any_word(self.at) && self.is_punct(self.at + 1, b'=') && !self.starts_program() {
                key = Some(self.text_of(self.peek()));
                self.at += 2;
            }
            let Some(value) = self.value()? else { return Ok(None) };
            fields.push((key, value));
            if self.at < close && !self.eat(b',') {
                return Ok(None);
            }
        }
        self.at = close + 1;
        Ok(Some(simplified(name, fields)))
    }
}

/// A record whose meaning is a plain value becomes that value.
fn simplified<'a>(name: &'a str, fields: Vec<(Option<&'a str>, ParamValue<'a>)>) -> ParamValue<'a> {
    if let Some(items) = range_items(name, &fields) {
        return ParamValue::Tuple(items);
    }
    let is_numpy = name.starts_with("np.") || name.starts_with("numpy.");
    match (&fields[..], is_numpy) {
        ([(None, ParamValue::Int(value))], true) if name.contains("float") => {
            ParamValue::Float(*value as f64)
        }
        (
            [
                (
                    None,
                    value @ (ParamValue::Int(_)
                    | ParamValue::Float(_)
                    | ParamValue::Complex(..)
                    | ParamValue::Bool(_)),
                ),
            ],
            true,
        ) => value.clone(),
        ([(None, ParamValue::Str(_))], _) if name == "dtype" => {
            let Some((_, ParamValue::Str(text))) = fields.into_iter().next() else {
                unreachable!("the pattern has just matched")
            };
            crate::types::DType::from_long_name(&text)
                .map_or(ParamValue::Str(text), |dtype| ParamValue::Name(dtype.long_name()))
        }
        _ => ParamValue::Record(name, fields),
    }
}

/// `range(b)`, `range(a, b)` or `range(a, b, step)`, where JAX means a tuple.
fn range_items<'a>(name: &str, fields: &[(Option<&str>, ParamValue<'a>)]) -> Option<Vec<ParamValue<'a>>> {
    if name != "range" {
        return None;
    }
    let bound = |(key, value): &(Option<&str>, ParamValue<'_>)| match (key, value) {
        (None, ParamValue::Int(value)) => i64::try_from(*value).ok().map(i128::from),
        _ => None,
    };
    let bounds: Vec<i128> = fields.iter().map(bound).collect::<Option<_>>()?;
    let (start, stop, step) = match bounds[..] {
        [stop] => (0, stop, 1),
        [start, stop] => (start, stop, 1),
        [start, stop, step] if step != 0 => (start, stop, step),
        _ => return None,
    };
    let count = ((stop - start + step - step.signum()) / step).max(0);
    (count <= MAX_RANGE).then(|| (0..count).map(|i| ParamValue::Int(start + i * step)).collect())
}

fn scalar_value<'a>(value: Scalar) -> ParamValue<'a> {
    match value {
        Scalar::Bool(x) => ParamValue::Bool(x),
        Scalar::Int(x) => ParamValue::Int(x),
        Scalar::Float(x) => ParamValue::Float(x),
        Scalar::Complex(re, im) => ParamValue::Complex(re, im),
        Scalar::Key(_) => unreachable!("numbers in the text are never keys"),
    }
}

/// The inside of a quoted string; of Python's escapes, those that `repr` prints.
pub(super) fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text[1..text.len() - 1].chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(other) => out.push(other),
                None => {}
            },
            (c, false) => out.push(c),
        }
    }
    out
}
