//! `loc(..)`: lines of the user's program. Aliases may be defined behind their uses, so they are resolved at the end.

use super::{Cursor, Parsed, Parser};
use std::collections::HashMap;

/// Locations by number, as far as they are known.
pub struct Places<'a> {
    // Number 0 is nowhere.
    entries: Vec<Entry<'a>>,
    by_alias: HashMap<&'a str, u32>,
}

#[derive(Clone)]
enum Entry<'a> {
    Nowhere,
    /// `file:line:column`
    Line(String),
    /// A name without a place: what the user calls an argument.
    Label(&'a str),
    /// A name around the location of a function or of an operation.
    Named(&'a str, u32),
    Same(u32),
    /// An alias that is not defined yet.
    Open,
}

impl Default for Places<'_> {
    fn default() -> Self {
        Places { entries: vec![Entry::Nowhere], by_alias: HashMap::new() }
    }
}

/// Chains of aliases end after this many, so that circles do.
const MAX_STEPS: usize = 32;

impl<'a> Places<'a> {
    fn add(&mut self, entry: Entry<'a>) -> u32 {
        if let Entry::Nowhere = entry {
            return 0;
        }
        self.entries.push(entry);
        self.entries.len() as u32 - 1
    }

    fn alias(&mut self, name: &'a str) -> u32 {
        if let Some(&place) = self.by_alias.get(name) {
            return place;
        }
        let place = self.add(Entry::Open);
        self.by_alias.insert(name, place);
        place
    }

    pub fn define(&mut self, alias: &'a str, place: u32) {
        let at = self.alias(alias);
        self.entries[at as usize] = Entry::Same(place);
    }

    /// The name that the user gave to what has this place, as far as it is defined by now: aliases of the names of
    /// arguments stand before the functions.
    pub fn label(&self, mut place: u32) -> Option<&'a str> {
        for _ in 0..MAX_STEPS {
            match &self.entries[place as usize] {
                Entry::Label(name) => return Some(name),
                Entry::Same(other) => place = *other,
                Entry::Nowhere | Entry::Open | Entry::Line(_) | Entry::Named(..) => return None,
            }
        }
        None
    }

    /// All places as text, `file:line:column (function)`.
    pub fn finish(&self) -> Vec<String> {
        (0..self.entries.len()).map(|place| self.text(place as u32)).collect()
    }

    fn text(&self, mut place: u32) -> String {
        // The name nearest to the line is the function; those around it name operations.
        let mut name = None;
        for _ in 0..MAX_STEPS {
            match &self.entries[place as usize] {
                Entry::Nowhere | Entry::Open | Entry::Label(_) => return String::new(),
                Entry::Line(line) => return name.map_or(line.clone(), |name| format!("{line} ({name})")),
                Entry::Named(inner, rest) => {
                    name = Some(*inner);
                    place = *rest;
                }
                Entry::Same(other) => place = *other,
            }
        }
        String::new()
    }
}

impl<'a> Parser<'a> {
    /// `loc(..)` if it is next; 0 otherwise.
    pub(super) fn optional_place(&mut self) -> Parsed<u32> {
        if !self.at.eat_word("loc") {
            return Ok(0);
        }
        self.at.expect("(")?;
        let place = self.deeper(Self::place)?;
        self.at.expect(")")?;
        Ok(place)
    }

    /// What stands in `loc(..)`.
    fn place(&mut self) -> Parsed<u32> {
        match self.at.peek() {
            b'#' => {
                let start = self.at.position;
                self.at.position += 1;
                self.at.suffix();
                Ok(self.places.alias(&self.at.text[start..self.at.position]))
            }
            b'"' => self.named_place(),
            _ => {
                let start = self.at;
                match self.at.word() {
                    "unknown" => Ok(0),
                    "callsite" => {
                        self.at.expect("(")?;
                        let callee = self.deeper(Self::place)?;
                        if !self.at.eat_word("at") {
                            return Err(self.at.expected("`at`"));
                        }
                        self.deeper(Self::place)?;
                        self.at.expect(")")?;
                        Ok(callee)
                    }
                    "fused" => {
                        if self.at.peek() == b'<' {
                            self.at.balanced()?;
                        }
                        let places = self.deeper(|parser| parser.list("[", "]", Self::place))?;
                        Ok(places.into_iter().find(|&place| place != 0).unwrap_or(0))
                    }
                    _ => Err(start.expected("a location")),
                }
            }
        }
    }

    /// `"file":line:column`, with `to :column`, or `"name"(location)`
    fn named_place(&mut self) -> Parsed<u32> {
        let name = self.at.raw_string()?;
        if self.at.eat("(") {
            let inner = self.deeper(Self::place)?;
            self.at.expect(")")?;
            return Ok(self.places.add(Entry::Named(name, inner)));
        }
        if !self.at.eat(":") {
            return Ok(self.places.add(Entry::Label(name)));
        }
        let line = self.at.unsigned()?;
        self.at.expect(":")?;
        let column = self.at.unsigned()?;
        if self.at.eat_word("to") {
            skip_end_of_range(&mut self.at);
        }
        Ok(self.places.add(Entry::Line(format!("{name}:{line}:{column}"))))
    }
}

/// `5:31` or `:31`
fn skip_end_of_range(at: &mut Cursor) {
    at.skip_space();
    while at.byte() == b':' || at.byte().is_ascii_digit() {
        at.position += 1;
    }
}
