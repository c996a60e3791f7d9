//! Types: `tensor<2x3xf32>`, `tuple<..>`, `!stablehlo.token`, `i64`, `(a) -> b`.

use super::{Parsed, Parser};
use crate::diag::Diagnostic;
use crate::hlo::{Element, TensorType, Type};

/// No array has more axes.
pub const MAX_RANK: usize = 64;

impl<'a> Parser<'a> {
    pub(super) fn ty(&mut self) -> Parsed<Type> {
        match self.at.peek() {
            b'(' => {
                let (inputs, outputs) = self.arrow()?;
                Ok(Type::Function(inputs, outputs))
            }
            b'!' => self.deeper(Self::dialect_type),
            _ => {
                let start = self.at;
                match self.at.expect_word("a type")? {
                    "tensor" => Ok(Type::Tensor(self.tensor()?)),
                    "tuple" => Ok(Type::Tuple(self.deeper(|p| p.list("<", ">", Self::ty))?)),
                    "none" => Ok(Type::None),
                    _ => {
                        self.at = start;
                        Ok(Type::Element(self.element()?))
                    }
                }
            }
        }
    }

    /// `(types) -> type` or `(types) -> (types)`
    pub(super) fn arrow(&mut self) -> Parsed<(Vec<Type>, Vec<Type>)> {
        self.deeper(|parser| {
            let inputs = parser.list("(", ")", Self::ty)?;
            parser.at.expect("->")?;
            Ok((inputs, parser.types_of_results()?))
        })
    }

    /// One type, or several in parentheses.
    pub(super) fn types_of_results(&mut self) -> Parsed<Vec<Type>> {
        if self.at.peek() != b'(' {
            return Ok(vec![self.ty()?]);
        }
        // `(a) -> b` as the one result is a function, which no operation returns.
        self.list("(", ")", Self::ty)
    }

    /// What follows `tensor`.
    fn tensor(&mut self) -> Parsed<TensorType> {
        let start = self.at;
        self.at.expect("<")?;
        let mut extents = Vec::new();
        loop {
            let start = self.at;
            let extent = match self.at.peek() {
                b'?' => {
                    self.at.position += 1;
                    None
                }
                b'*' => return Err(Diagnostic::unsupported("arrays of unknown rank").at(start.here())),
                byte if byte.is_ascii_digit() => Some(self.at.unsigned()?),
                _ => break,
            };
            if self.at.byte() != b'x' {
                return Err(self.at.expected("`x` and the rest of the type"));
            }
            self.at.position += 1;
            extents.push(extent);
            if extents.len() > MAX_RANK {
                return Err(Diagnostic::unsupported(format!("more than {MAX_RANK} axes")).at(start.here()));
            }
        }
        let element = self.element()?;
        if self.at.eat(",") {
            // Bounds of dynamic extents: nothing that is supported has any.
            self.deeper(Self::attribute)?;
        }
        self.at.expect(">")?;
        let ty = TensorType { extents, element };
        if !ty.is_countable() {
            return Err(Diagnostic::unsupported(format!("an array as large as {ty}")).at(start.here()));
        }
        Ok(ty)
    }

    pub(super) fn element(&mut self) -> Parsed<Element> {
        let start = self.at;
        if self.at.peek() == b'!' {
            let text = self.deeper(Self::dialect_type)?.to_string();
            return Ok(Element::Other(text));
        }
        let word = self.at.expect_word("an element type")?;
        if word == "complex" {
            self.at.expect("<")?;
            let part = self.at.expect_word("an element type")?;
            self.at.expect(">")?;
            let name = format!("complex<{part}>");
            return Element::from_name(&name).ok_or_else(|| start.expected("complex<f32> or complex<f64>"));
        }
        if let Some(element) = Element::from_name(word) {
            return Ok(element);
        }
        let is_number = |word: &str| {
            let rest = word.trim_start_matches(|c: char| c.is_ascii_lowercase());
            ["i", "ui", "si", "f", "bf", "tf"].contains(&&word[..word.len() - rest.len()])
                && rest.starts_with(|c: char| c.is_ascii_digit())
        };
        match is_number(word) {
            true => Ok(Element::Other(word.to_string())),
            false => Err(start.expected("a type")),
        }
    }

    /// `!dialect.name<..>`, `!dialect<..>` or `!alias`
    fn dialect_type(&mut self) -> Parsed<Type> {
        let start = self.at;
        self.at.expect("!")?;
        let name = self.at.suffix();
        if let Some(ty) = self.aliased(&start.text[start.position..self.at.position], Self::ty)? {
            return Ok(ty);
        }
        if matches!(name, "stablehlo.token" | "mhlo.token") {
            return Ok(Type::Token);
        }
        if self.at.byte() == b'<' {
            self.at.balanced()?;
        } else if !name.contains('.') {
            return Err(Diagnostic::error(format!("unknown type !{name}")).at(start.here()));
        }
        Ok(Type::Other(start.text[start.position..self.at.position].to_string()))
    }
}
