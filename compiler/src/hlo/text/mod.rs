//! Reads MLIR text: StableHLO and CHLO inside `func.func`, in pretty and in generic form, mixed as one likes.
//!
//! One pass over the bytes, without a list of tokens, so that a file that is mostly weights costs little more than its
//! weights. [`cursor`] moves over text; [`types`], [`attributes`] and [`dense`] read what operations consist of;
//! [`operation`] reads operations, with the short forms of [`syntax`]; [`module`] reads what stands around them.

mod attributes;
mod cursor;
mod decimal;
mod dense;
mod dimensions;
mod module;
mod operation;
mod places;
mod special;
pub mod syntax;
mod types;

use super::{Attribute, Module, Type, Value};
use crate::diag::{Diagnostic, SourceId, Span};
use cursor::Cursor;
use places::Places;
use std::collections::HashMap;

pub use module::checked_returns;
pub use types::MAX_RANK;

/// Regions, attributes and types nest this deep at most.
pub const MAX_DEPTH: u32 = 200;

/// Aliases may stand for this much text, and so many times the text itself.
const EXPANDED_BYTES: usize = 1 << 18;
const EXPANDED_FACTOR: usize = 8;

type Parsed<T> = Result<T, Diagnostic>;

/// Reads a file. Errors: the first thing that is no MLIR text, or that is valid but out of reach.
pub fn parse(text: &str, source: SourceId) -> Result<Module, Diagnostic> {
    Parser::new(text, source).module()
}

/// Reads one attribute. Errors: as [`parse`], or something follows.
pub fn parse_attribute(text: &str) -> Result<Attribute, Diagnostic> {
    whole(text, Parser::attribute)
}

/// Reads one type. Errors: as [`parse`], or something follows.
pub fn parse_type(text: &str) -> Result<Type, Diagnostic> {
    whole(text, Parser::ty)
}

/// A text that is nothing but what `read` reads.
fn whole<'a, T>(text: &'a str, read: impl FnOnce(&mut Parser<'a>) -> Parsed<T>) -> Parsed<T> {
    let mut parser = Parser::new(text, SourceId::default());
    let value = read(&mut parser)?;
    parser.at.skip_space();
    if parser.at.rest().is_empty() { Ok(value) } else { Err(parser.at.expected("nothing more")) }
}

/// The reader: a place in the text and what names stand for.
struct Parser<'a> {
    at: Cursor<'a>,
    depth: u32,
    places: Places<'a>,
    /// `#name = attribute`, `!name = type`: where the definition stands.
    aliases: HashMap<&'a str, usize>,
    /// How much text was read again because an alias stands for it. Units: bytes.
    expanded: usize,
    scope: Scope<'a>,
}

/// The values of the function that is being read.
#[derive(Default)]
struct Scope<'a> {
    types: Vec<Type>,
    names: HashMap<&'a str, Name>,
    /// What to restore when regions end: names with what they stood for before.
    shadowed: Vec<(&'a str, Option<Name>)>,
    /// The number of regions around the place.
    level: usize,
}

/// `%name`: consecutive values, reached as `%name#0`, `%name#1`, ...
#[derive(Clone, Copy)]
struct Name {
    first: Value,
    count: u32,
    level: usize,
    span: Span,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, source: SourceId) -> Self {
        Parser {
            at: Cursor::new(text, source),
            depth: 0,
            places: Places::default(),
            aliases: HashMap::new(),
            expanded: 0,
            scope: Scope::default(),
        }
    }

    /// Runs `read` one level deeper. Errors: the text nests too deep.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} deep");
            return Err(Diagnostic::unsupported(message).at(self.at.here()));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Reads the definition of an alias, if it is one.
    ///
    /// Errors: aliases of aliases make endless text of little.
    fn aliased<T>(&mut self, alias: &str, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<Option<T>> {
        let Some(&definition) = self.aliases.get(alias) else { return Ok(None) };
        let after = std::mem::replace(&mut self.at.position, definition);
        let result = self.deeper(read)?;
        self.expanded += self.at.position.saturating_sub(definition);
        self.at.position = after;
        if self.expanded > EXPANDED_BYTES + EXPANDED_FACTOR * self.at.text.len() {
            let message = "the aliases of this text stand for too much of it";
            return Err(Diagnostic::unsupported(message).at(self.at.here()));
        }
        Ok(Some(result))
    }

    /// `open item, item, .. close`, the opening bracket included.
    fn list<T>(
        &mut self,
        open: &str,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.at.expect(open)?;
        let mut items = Vec::new();
        if self.at.eat(close) {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if !self.at.eat(",") {
                self.at.expect(close)?;
                return Ok(items);
            }
        }
    }
}

impl<'a> Scope<'a> {
    /// Gives the next values a name. Errors: the name is taken in the same region.
    fn bind(&mut self, name: &'a str, span: Span, types: Vec<Type>) -> Parsed<Vec<Value>> {
        let first = Value(self.types.len() as u32);
        let values: Vec<Value> = (0..types.len() as u32).map(|i| Value(first.0 + i)).collect();
        let bound = Name { first, count: types.len() as u32, level: self.level, span };
        self.types.extend(types);
        let earlier = self.names.insert(name, bound);
        if let Some(earlier) = earlier.filter(|earlier| earlier.level == self.level) {
            let message = format!("the name %{name} is bound twice");
            return Err(Diagnostic::error(message).at(span).label(earlier.span, "first here"));
        }
        self.shadowed.push((name, earlier));
        Ok(values)
    }

    fn enter(&mut self) -> usize {
        self.level += 1;
        self.shadowed.len()
    }

    fn leave(&mut self, mark: usize) {
        self.level -= 1;
        for (name, earlier) in self.shadowed.drain(mark..).rev() {
            match earlier {
                Some(earlier) => self.names.insert(name, earlier),
                None => self.names.remove(name),
            };
        }
    }
}
