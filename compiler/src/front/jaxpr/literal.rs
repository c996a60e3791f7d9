//! Types and constants: `f32[3,4]`, `1.0:f32[]`, `(1-0j):c64[]`.

use super::equation::references_unsupported;
use super::lexer::TokenKind;
use super::parse::{Parse, Parser};
use super::syntax::Atom;
use crate::diag::{Diagnostic, Span};
use crate::types::{Aval, DType, Kind, Literal, Scalar, Shape};

/// More elements than any machine holds: such a shape is a slip, and later products must not overflow.
const MAX_ELEMENTS: usize = 1 << 40;

impl<'a> Parser<'a> {
    /// `DTYPE[EXTENTS]`, with the cursor behind the `:`.
    pub fn aval(&mut self) -> Parse<Aval> {
        let first = self.at;
        let dtype = self.dtype()?;
        if !self.is_punct(self.at, b'[') {
            return Err(self
                .unexpected("`[` and the extents of the type")
                .hint("a scalar is written `f32[]`"));
        }
        let close = self.behind(self.at) - 1;
        self.at += 1;
        let mut extents = Vec::new();
        while self.at < close {
            extents.push(self.extent()?);
            if self.at < close {
                self.expect(b',', "between extents")?;
            }
        }
        self.at = close + 1;
        if self.is_adjacent(self.at, b'{') {
            return Err(Diagnostic::unsupported("types that vary over a device mesh are not supported")
                .at(self.span_here())
                .hint("export the function without `shard_map`"));
        }
        let shape = Shape::from(extents);
        if shape.extents().iter().any(|&extent| extent > MAX_ELEMENTS) || shape.element_count() > MAX_ELEMENTS
        {
            let message = format!("the shape {shape} has more than 2^40 elements");
            return Err(Diagnostic::error(message).at(self.span_from(first)));
        }
        Ok(Aval::new(dtype, shape))
    }

    fn dtype(&mut self) -> Parse<DType> {
        let first = self.at;
        let name = self.ident("an element type such as `f32`")?;
        if name.text == "Ref" {
            return Err(references_unsupported(name.span));
        }
        let mut text = name.text;
        // `key<fry>` is a type; in `f32<host>` the angle brackets hold a memory space, which changes no value.
        if self.is_adjacent(self.at, b'<')
            && self.is_any_word(self.at + 1)
            && self.is_punct(self.at + 2, b'>')
        {
            self.at += 3;
            if name.text == "key" {
                text = self.text_between(first, self.at);
            }
        }
        DType::from_short_name(text).ok_or_else(|| unknown_dtype(text, self.span_from(first)))
    }

    fn extent(&mut self) -> Parse<usize> {
        let token = self.peek();
        if token.kind == TokenKind::Word {
            let message = format!("the symbolic extent `{}` is not supported", self.text_of(token));
            let hint = "export the function for a fixed size, or map it with `vmap(..., axis_size=N)`";
            return Err(Diagnostic::unsupported(message).at(self.span_of(token)).hint(hint));
        }
        let text = self.text_of(token);
        if token.kind != TokenKind::Number || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.unexpected("an extent, a whole number"));
        }
        self.at += 1;
        if self.is_punct(self.at, b'@') {
            let message = "types that are sharded over a device mesh are not supported";
            return Err(Diagnostic::unsupported(message).at(self.span_here()));
        }
        text.parse()
            .map_err(|_| Diagnostic::error(format!("the extent {text} is too large")).at(self.span_of(token)))
    }

    /// `VALUE:DTYPE[]`, or `VALUE` alone.
    pub fn literal(&mut self) -> Parse<Atom<'a>> {
        let first = self.at;
        if self.is_punct(first, b'[') {
            let message = "array constants inside equations are not supported";
            let hint = "make it a constant before the `;` of the lambda, with a `const` line for its value";
            return Err(Diagnostic::unsupported(message).at(self.span_here()).hint(hint));
        }
        let Some(value) = self.number()? else { return Err(self.unexpected("a variable or a constant")) };
        let span = self.span_from(first);
        if !self.eat(b':') {
            return Ok(Atom::Untyped(value, span));
        }
        let aval = self.aval()?;
        if !aval.shape.is_scalar() {
            let message = format!("a constant inside an equation is a scalar, found the type {aval}");
            return Err(Diagnostic::error(message)
                .at(self.span_from(first))
                .hint("broadcast it with broadcast_in_dim"));
        }
        let literal = typed(value, aval.dtype).map_err(|message| Diagnostic::error(message).at(span))?;
        Ok(Atom::Literal(literal, self.span_from(first)))
    }

    /// A number, truth value or complex number at the cursor; `None`, without moving, if there is none.
    ///
    /// Errors: an integer beyond 128 bits.
    pub fn number(&mut self) -> Parse<Option<Scalar>> {
        let first = self.at;
        if self.is_punct(first, b'(') {
            let end = self.behind(first);
            // NumPy's void scalar: how JAX prints a literal of `float0`, whose only value is nothing.
            if self.text_between(first + 1, end - 1) == "b''," {
                self.at = end;
                return Ok(Some(Scalar::Bool(false)));
            }
            let Some((re, im)) = parse_complex(self.text_between(first + 1, end - 1)) else {
                return Ok(None);
            };
            self.at = end;
            return Ok(Some(Scalar::Complex(re, im)));
        }
        let is_negative = self.is_punct(first, b'-');
        let at = first + usize::from(is_negative);
        let token = self.token(at);
        let sign = if is_negative { -1.0 } else { 1.0 };
        let value = match (token.kind, self.text_of(token)) {
            (TokenKind::Word, "True") if !is_negative => Scalar::Bool(true),
            (TokenKind::Word, "False") if !is_negative => Scalar::Bool(false),
            (TokenKind::Word, "inf") => Scalar::Float(sign * f64::INFINITY),
            (TokenKind::Word, "nan") => Scalar::Float(f64::NAN),
            (TokenKind::Number, text) => {
                let number = parse_unsigned(text).ok_or_else(|| {
                    Diagnostic::error(format!("the number {text} is too large")).at(self.span_of(token))
                })?;
                match number {
                    Scalar::Int(value) if is_negative => Scalar::Int(-value),
                    Scalar::Float(value) => Scalar::Float(sign * value),
                    Scalar::Complex(re, im) if is_negative => Scalar::Complex(-re, -im),
                    other => other,
                }
            }
            _ => return Ok(None),
        };
        self.at = at + 1;
        Ok(Some(value))
    }
}

/// The constant `value` of element type `dtype`. Errors: a message if the type does not hold the value.
pub(super) fn typed(value: Scalar, dtype: DType) -> Result<Literal, String> {
    let misfit = || Err(format!("the constant {} is not of type {dtype}", spelled(value)));
    let scalar = match (dtype.kind(), value) {
        (Kind::Bool | Kind::Float0, Scalar::Bool(_)) | (Kind::Signed | Kind::Unsigned, Scalar::Int(_)) => {
            value
        }
        (Kind::Float, Scalar::Float(_)) | (Kind::Complex, Scalar::Complex(..)) => value,
        (Kind::Float, Scalar::Int(x)) => Scalar::Float(x as f64),
        (Kind::Complex, Scalar::Int(_) | Scalar::Float(_)) => {
            let (re, im) = value.complex();
            Scalar::Complex(re, im)
        }
        (
            Kind::Bool
            | Kind::Float0
            | Kind::Signed
            | Kind::Unsigned
            | Kind::Float
            | Kind::Complex
            | Kind::Key,
            Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_) | Scalar::Complex(..) | Scalar::Key(_),
        ) => return misfit(),
    };
    let literal = Literal::new(dtype, scalar);
    let fits = match (scalar, literal.value()) {
        (Scalar::Int(x), Scalar::Int(stored)) => x == stored,
        (Scalar::Float(x), Scalar::Float(stored)) => same_class(x, stored),
        (Scalar::Complex(re, im), Scalar::Complex(stored_re, stored_im)) => {
            same_class(re, stored_re) && same_class(im, stored_im)
        }
        _ => true,
    };
    if fits { Ok(literal) } else { Err(format!("the constant {} does not fit {dtype}", spelled(value))) }
}

fn same_class(value: f64, stored: f64) -> bool {
    value.is_finite() == stored.is_finite() && value.is_nan() == stored.is_nan()
}

/// The value as it could stand in the text.
fn spelled(value: Scalar) -> String {
    match value {
        Scalar::Bool(x) => (if x { "True" } else { "False" }).to_string(),
        Scalar::Int(x) => x.to_string(),
        Scalar::Float(x) => Literal::new(DType::F64, Scalar::Float(x)).to_string(),
        Scalar::Complex(re, im) => Literal::new(DType::C128, Scalar::Complex(re, im)).to_string(),
        Scalar::Key(x) => format!("{x:#x}"),
    }
}

/// The value of a `Number` token. `None`: an integer that does not fit.
fn parse_unsigned(text: &str) -> Option<Scalar> {
    if let Some(imaginary) = text.strip_suffix('j') {
        return Some(Scalar::Complex(0.0, imaginary.parse().ok()?));
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Scalar::Int);
    }
    text.parse().ok().map(Scalar::Float)
}

/// The inside of `(re±imj)`. Each part has its own sign, so that `-0` and `nan` keep theirs.
fn parse_complex(text: &str) -> Option<(f64, f64)> {
    let text = text.trim();
    let body = if text.len() <= 100 { text.strip_suffix('j')? } else { return None };
    let is_split = |at: usize| {
        let before = body.as_bytes()[at - 1];
        matches!(body.as_bytes()[at], b'+' | b'-') && !matches!(before, b'e' | b'E')
    };
    match (1..body.len()).rev().find(|&at| is_split(at)) {
        Some(at) => Some((parse_part(&body[..at])?, parse_part(&body[at..])?)),
        None => Some((0.0, parse_part(body)?)),
    }
}

fn parse_part(text: &str) -> Option<f64> {
    let is_number =
        |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) || text == "inf" || text == "nan";
    let text = text.trim();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if is_number(unsigned) { text.parse().ok() } else { None }
}

fn unknown_dtype(text: &str, span: Span) -> Diagnostic {
    if text == "Tok" {
        return Diagnostic::unsupported("token types (ordered side effects) are not supported").at(span);
    }
    if text.starts_with("key<") {
        let hint = "use the default implementation: `jax.random.key(seed, impl='threefry2x32')`";
        return Diagnostic::unsupported(format!("the key type `{text}` is not supported"))
            .at(span)
            .hint(hint);
    }
    if let Some(dtype) = DType::from_long_name(text) {
        let message = format!("expected an element type, found `{text}`");
        return Diagnostic::error(message).at(span).hint(format!("in types it is spelled `{dtype}`"));
    }
    let is_jax_type =
        text.starts_with("f4_") || text.starts_with("f6_") || text.starts_with("f8_") || text == "i1";
    if is_jax_type || text == "u1" || text.starts_with("AbstractFuture") {
        return Diagnostic::unsupported(format!("the element type `{text}` is not supported")).at(span);
    }
    let names: Vec<&str> = DType::all().map(DType::short_name).collect();
    Diagnostic::error(format!("expected an element type, found `{text}`"))
        .at(span)
        .hint(format!("the element types are {}", names.join(", ")))
}
