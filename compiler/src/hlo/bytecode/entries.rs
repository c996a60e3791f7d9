//! Attributes and types by their numbers, decoded when first asked for.

use super::Parsed;
use super::bytes::Bytes;
use super::container::{Container, Entry};
use super::{builtin, vhlo};
use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Type};

/// Attributes and types nest this deep at most.
const MAX_DEPTH: usize = 100;

/// Attributes and types refer to each other, so a small file can stand for endless ones. Together, they may have this
/// many parts and so many more per byte of the file.
const PARTS: u64 = 1 << 20;
const PARTS_PER_BYTE: u64 = 16;

/// The tables of a file.
pub struct Entries<'c, 'a> {
    pub container: &'c Container<'a>,
    attributes: Vec<Option<Known<Attribute>>>,
    types: Vec<Option<Known<Type>>>,
    depth: usize,
    // What is left of the parts that may be handed out.
    parts: u64,
}

/// Something decoded, and the number of its parts.
struct Known<T> {
    value: T,
    parts: u64,
}

impl<'c, 'a> Entries<'c, 'a> {
    pub fn new(container: &'c Container<'a>, file_bytes: usize) -> Self {
        Entries {
            container,
            attributes: container.attributes.iter().map(|_| None).collect(),
            types: container.types.iter().map(|_| None).collect(),
            depth: 0,
            parts: PARTS + PARTS_PER_BYTE * file_bytes as u64,
        }
    }

    /// The attribute whose number stands at the place.
    pub fn attribute(&mut self, at: &mut Bytes<'a>) -> Parsed<Attribute> {
        let start = *at;
        let index = at.index(self.attributes.len(), "attribute")?;
        self.attribute_at(index, start)
    }

    /// An attribute, with a flag that says whether there is one.
    pub fn optional_attribute(&mut self, at: &mut Bytes<'a>) -> Parsed<Option<Attribute>> {
        let start = *at;
        let (index, exists) = at.flagged()?;
        if !exists {
            return Ok(None);
        }
        let index = start.within(index, self.attributes.len(), "attribute")?;
        self.attribute_at(index, start).map(Some)
    }

    /// The type whose number stands at the place.
    pub fn ty(&mut self, at: &mut Bytes<'a>) -> Parsed<Type> {
        let start = *at;
        let index = at.index(self.types.len(), "type")?;
        self.type_at(index, start)
    }

    pub fn type_at(&mut self, index: usize, start: Bytes) -> Parsed<Type> {
        if self.types[index].is_none() {
            let entry = self.container.types[index];
            let parts = self.parts;
            let value = self.deeper(start, |entries| entries.decode_type(entry))?;
            let parts = 1 + (parts - self.parts);
            self.types[index] = Some(Known { value, parts });
        }
        let known = self.types[index].as_ref().expect("it was decoded above");
        let (value, parts) = (known.value.clone(), known.parts);
        self.spend(parts, start)?;
        Ok(value)
    }

    fn attribute_at(&mut self, index: usize, start: Bytes) -> Parsed<Attribute> {
        if self.attributes[index].is_none() {
            let entry = self.container.attributes[index];
            let parts = self.parts;
            let value = self.deeper(start, |entries| entries.decode_attribute(entry))?;
            let parts = 1 + (parts - self.parts);
            self.attributes[index] = Some(Known { value, parts });
        }
        let parts = self.attributes[index].as_ref().map_or(0, |known| known.parts);
        self.spend(parts, start)?;
        let known = self.attributes[index].as_ref().expect("it was decoded above");
        Ok(known.value.clone())
    }

    /// Counts parts that are handed out. Errors: there are too many.
    pub fn spend(&mut self, parts: u64, start: Bytes) -> Parsed<()> {
        self.parts = self.parts.checked_sub(parts).ok_or_else(|| {
            start.unsupported(
                "the attributes and types of this MLIR bytecode are out of proportion to its size",
            )
        })?;
        Ok(())
    }

    fn deeper<T>(&mut self, start: Bytes, decode: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            return Err(start.unsupported(format!("attributes or types nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        let result = decode(self);
        self.depth -= 1;
        result
    }

    fn decode_attribute(&mut self, entry: Entry<'a>) -> Parsed<Attribute> {
        let mut at = entry.data;
        if !entry.is_encoded {
            let text = at.zero_terminated()?;
            self.spend(text.len() as u64, at)?;
            return crate::hlo::text::parse_attribute(text).map_err(|error| moved(error, entry.data));
        }
        let attribute = match self.container.dialects[entry.dialect] {
            "builtin" => builtin::attribute(self, &mut at)?,
            "vhlo" => vhlo::attribute(self, &mut at)?,
            // What it says of devices is of no interest.
            "sdy" => return Ok(Attribute::Other("#sdy<..>".into())),
            other => return Err(foreign(other, "an attribute", entry.data)),
        };
        finished(at)?;
        Ok(attribute)
    }

    fn decode_type(&mut self, entry: Entry<'a>) -> Parsed<Type> {
        let mut at = entry.data;
        if !entry.is_encoded {
            let text = at.zero_terminated()?;
            self.spend(text.len() as u64, at)?;
            return crate::hlo::text::parse_type(text).map_err(|error| moved(error, entry.data));
        }
        let ty = match self.container.dialects[entry.dialect] {
            "builtin" => builtin::ty(self, &mut at)?,
            "vhlo" => vhlo::ty(self, &mut at)?,
            other => return Err(foreign(other, "a type", entry.data)),
        };
        finished(at)?;
        Ok(ty)
    }

    /// An attribute that must be a string: its bytes.
    pub fn text(&mut self, at: &mut Bytes<'a>) -> Parsed<Vec<u8>> {
        let start = *at;
        match self.attribute(at)? {
            Attribute::Text(text) => Ok(text),
            _ => Err(start.error("expected a string attribute")),
        }
    }

    /// An attribute that must be a string of UTF-8.
    pub fn name(&mut self, at: &mut Bytes<'a>) -> Parsed<String> {
        let start = *at;
        String::from_utf8(self.text(at)?).map_err(|_| start.error("a name is no UTF-8"))
    }

    /// `[name, attribute]` pairs.
    pub fn dictionary(&mut self, at: &mut Bytes<'a>) -> Parsed<Attributes> {
        Ok(Attributes(at.list(|at| Ok((self.name(at)?, self.attribute(at)?)))?))
    }
}

/// Errors: bytes are left over.
fn finished(at: Bytes) -> Parsed<()> {
    if at.is_empty() { Ok(()) } else { Err(at.error("an attribute or type is longer than what it says")) }
}

/// An error in a text that stands in bytecode has its place there.
fn moved(error: Diagnostic, at: Bytes) -> Diagnostic {
    Diagnostic { labels: vec![(at.here(), String::new())], ..error }
}

fn foreign(dialect: &str, what: &str, at: Bytes) -> Diagnostic {
    let error = at.unsupported(format!("{what} of the dialect {dialect} in MLIR bytecode"));
    if dialect == "stablehlo" { error.hint(super::NOT_PORTABLE) } else { error }
}
