//! Attributes: numbers, strings, lists, dictionaries, and those of dialects.

use super::{Parsed, Parser};
use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Element, Type};
use crate::types::DType;

impl<'a> Parser<'a> {
    /// `{name = value, name}`
    pub(super) fn dictionary(&mut self) -> Parsed<Attributes> {
        let items = self.deeper(|parser| parser.list("{", "}", Self::named_attribute))?;
        Ok(Attributes(items))
    }

    /// A dictionary, or nothing.
    pub(super) fn optional_dictionary(&mut self) -> Parsed<Attributes> {
        if self.at.peek() == b'{' { self.dictionary() } else { Ok(Attributes::default()) }
    }

    fn named_attribute(&mut self) -> Parsed<(String, Attribute)> {
        let name = match self.at.peek() {
            b'"' => self.at.utf8_string()?,
            _ => self.at.expect_word("the name of an attribute")?.to_string(),
        };
        let value = if self.at.eat("=") { self.attribute()? } else { Attribute::Unit };
        Ok((name, value))
    }

    pub(super) fn attribute(&mut self) -> Parsed<Attribute> {
        self.deeper(Self::attribute_here)
    }

    fn attribute_here(&mut self) -> Parsed<Attribute> {
        match self.at.peek() {
            b'"' => {
                let text = Attribute::Text(self.at.string()?);
                if self.at.eat(":") {
                    // The type of a string says nothing.
                    self.ty()?;
                }
                Ok(text)
            }
            b'@' => Ok(Attribute::Symbol(self.symbol()?)),
            b'[' => Ok(Attribute::List(self.list("[", "]", Self::attribute)?)),
            b'{' => Ok(Attribute::Dictionary(self.dictionary()?)),
            b'#' => self.dialect_attribute(),
            b'-' | b'0'..=b'9' => self.number_attribute(),
            _ => {
                let start = self.at;
                match self.at.word() {
                    "true" => Ok(Attribute::Bool(true)),
                    "false" => Ok(Attribute::Bool(false)),
                    "unit" => Ok(Attribute::Unit),
                    "dense" => self.dense(),
                    "dense_resource" => self.dense_resource(),
                    "array" => self.numbers(),
                    "loc" => {
                        let text = self.at.balanced()?;
                        Ok(Attribute::Other(format!("loc{text}")))
                    }
                    "affine_map" | "affine_set" | "sparse" | "opaque" | "distinct" => {
                        let word = self.since(start);
                        let text = self.at.balanced()?;
                        Ok(Attribute::Other(format!("{word}{text}")))
                    }
                    _ => {
                        self.at = start;
                        Ok(Attribute::Type(self.ty()?))
                    }
                }
            }
        }
    }

    fn since(&self, start: super::Cursor<'a>) -> &'a str {
        start.text[start.position..self.at.position].trim()
    }

    /// `@name`, `@"any name"`, `@outer::@inner`
    pub(super) fn symbol(&mut self) -> Parsed<String> {
        let mut names = String::new();
        loop {
            self.at.expect("@")?;
            let name = match self.at.byte() {
                b'"' => self.at.utf8_string()?,
                _ => self.at.suffix().to_string(),
            };
            if name.is_empty() {
                return Err(self.at.expected("a name behind `@`"));
            }
            names.push_str(&name);
            if !self.at.starts_with("::@") {
                return Ok(names);
            }
            self.at.position += 2;
            names.push_str("::@");
        }
    }

    /// `3`, `3 : i32`, `1.5 : f32`, `0x7F800000 : f32`
    fn number_attribute(&mut self) -> Parsed<Attribute> {
        let start = self.at;
        let number = self.at.number();
        let is_float = !number.starts_with("0x") && number.contains(['.', 'e', 'E']);
        let element = if self.at.eat(":") {
            self.element()?
        } else {
            Element::Data(if is_float { DType::F64 } else { DType::I64 })
        };
        let wrong = || start.expected(&format!("a number of type {element}"));
        let dtype = element.storage().filter(|dtype| !dtype.is_complex()).ok_or_else(wrong)?;
        let after = std::mem::replace(&mut self.at, start);
        let value = match (number, dtype) {
            ("0" | "1" | "-1", DType::Bool) => return Ok(self.resume(after, Attribute::Bool(number != "0"))),
            _ => self.scalar(dtype).map_err(|_| wrong())?.rounded(dtype),
        };
        let value = match value {
            crate::types::Scalar::Int(x) => Attribute::Int(x, element),
            crate::types::Scalar::Float(x) => Attribute::Float(x.to_bits(), element),
            _ => return Err(wrong()),
        };
        Ok(self.resume(after, value))
    }

    fn resume<T>(&mut self, after: super::Cursor<'a>, value: T) -> T {
        self.at = after;
        value
    }

    /// `#alias`, `#dialect<kind WORD>`, `#dialect.name<..>`
    fn dialect_attribute(&mut self) -> Parsed<Attribute> {
        let start = self.at;
        self.at.expect("#")?;
        let name = self.at.suffix();
        let whole = &start.text[start.position..self.at.position];
        if let Some(attribute) = self.aliased(whole, Self::attribute)? {
            return Ok(attribute);
        }
        if self.at.byte() != b'<' {
            return match name.contains('.') {
                true => Ok(Attribute::Other(whole.to_string())),
                false => Err(Diagnostic::error(format!("unknown attribute #{name}")).at(start.here())),
            };
        }
        let name = name.strip_prefix("mhlo").map_or(name.to_string(), |rest| format!("stablehlo{rest}"));
        let structured = match name.split_once('.') {
            Some(("stablehlo", "conv")) => self.convolution_numbers().map(Some)?,
            Some(("stablehlo" | "chlo", _)) => self.record(name.clone())?,
            None if matches!(name.as_str(), "stablehlo" | "chlo") => self.word_attribute(&name)?,
            _ => None,
        };
        if let Some(attribute) = structured {
            return Ok(attribute);
        }
        self.at.balanced()?;
        Ok(Attribute::Other(start.text[start.position..self.at.position].to_string()))
    }

    /// `<kind WORD>` behind the dialect; `None`, without moving, if it is anything else.
    fn word_attribute(&mut self, dialect: &str) -> Parsed<Option<Attribute>> {
        let start = self.at;
        self.at.expect("<")?;
        let kind = self.at.word().to_string();
        if self.at.eat("<") {
            // `#stablehlo<gather<..>>` does not occur in what jaxlib prints.
            self.at = start;
            return Ok(None);
        }
        let word = self.at.word().to_string();
        if kind.is_empty() || word.is_empty() || !self.at.eat(">") {
            self.at = start;
            return Ok(None);
        }
        Ok(Some(Attribute::Enum { dialect: dialect.to_string(), kind, word }))
    }

    /// `<field = value, ..>`; `None`, without moving, if it is anything else.
    pub(super) fn record(&mut self, name: String) -> Parsed<Option<Attribute>> {
        let start = self.at;
        let mut is_record = true;
        let fields = self.list("<", ">", |parser| {
            let field = parser.at.word();
            is_record &= !field.is_empty() && parser.at.eat("=");
            if !is_record {
                return Err(parser.at.expected("a field"));
            }
            Ok((field.to_string(), parser.field_value()?))
        });
        match fields {
            Ok(fields) => Ok(Some(Attribute::Record(name, Attributes(fields)))),
            Err(_) if !is_record => {
                self.at = start;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Lists of numbers become arrays; everything else is as in dictionaries.
    fn field_value(&mut self) -> Parsed<Attribute> {
        let value = self.attribute()?;
        let Attribute::List(items) = &value else { return Ok(value) };
        let ints: Option<Vec<i64>> = items
            .iter()
            .map(|item| if let Attribute::Int(x, _) = item { i64::try_from(*x).ok() } else { None })
            .collect();
        Ok(ints.map_or_else(|| value.clone(), Attribute::numbers))
    }

    /// An attribute that must be a type.
    pub(super) fn as_type(attribute: &Attribute) -> Option<&Type> {
        if let Attribute::Type(ty) = attribute { Some(ty) } else { None }
    }
}
