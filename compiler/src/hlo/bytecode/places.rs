//! Locations: lines of the user's program.

use super::Parsed;
use super::bytes::Bytes;
use super::container::Container;
use std::collections::HashMap;

/// Chains of locations end after this many.
const MAX_STEPS: usize = 32;

/// Locations by the numbers that [`crate::hlo::Location`] has.
pub struct Places<'c, 'a> {
    container: &'c Container<'a>,
    // Invariant: the first one is empty, for operations without a place.
    lines: Vec<String>,
    // By the number of the attribute.
    numbers: HashMap<usize, u32>,
}

/// One step of the way to a line.
enum Step<'a> {
    /// `file:line:column`
    Line(String),
    /// A name around another location.
    Named(&'a str, usize),
    Same(usize),
    Nowhere,
}

impl<'c, 'a> Places<'c, 'a> {
    pub fn new(container: &'c Container<'a>) -> Self {
        Places { container, lines: vec![String::new()], numbers: HashMap::new() }
    }

    /// The number of a location, from that of its attribute.
    pub fn number(&mut self, attribute: usize) -> u32 {
        if let Some(&number) = self.numbers.get(&attribute) {
            return number;
        }
        let line = self.line(attribute);
        let number = if line.is_empty() { 0 } else { self.lines.len() as u32 };
        if number != 0 {
            self.lines.push(line);
        }
        self.numbers.insert(attribute, number);
        number
    }

    /// The name that the user gave to what has this location, which is no line.
    pub fn label(&self, attribute: usize) -> Option<&'a str> {
        match self.step(attribute) {
            Ok(Step::Named(name, rest)) if !self.is_somewhere(rest) => Some(name),
            _ => None,
        }
    }

    pub fn finish(self) -> Vec<String> {
        self.lines
    }

    /// `file:line:column (function)`; empty for what is no line. A location that makes no sense is none: the program does
    /// not depend on it.
    fn line(&self, mut attribute: usize) -> String {
        // The name nearest to the line is the function; those around it name operations.
        let mut name = None;
        for _ in 0..MAX_STEPS {
            match self.step(attribute) {
                Ok(Step::Line(line)) => {
                    return name.map_or(line.clone(), |name| format!("{line} ({name})"));
                }
                Ok(Step::Named(inner, next)) => {
                    name = Some(inner);
                    attribute = next;
                }
                Ok(Step::Same(next)) => attribute = next,
                Ok(Step::Nowhere) | Err(_) => return String::new(),
            }
        }
        String::new()
    }

    /// Source: the codes are those of MLIR's `BuiltinDialectBytecode.td`.
    fn step(&self, attribute: usize) -> Parsed<Step<'a>> {
        let entry = self.container.attributes[attribute];
        let mut at = entry.data;
        if !entry.is_encoded || self.container.dialects[entry.dialect] != "builtin" {
            return Ok(Step::Nowhere);
        }
        let step = match at.varint()? {
            // The place of the callee, in front of that of the call.
            10 => Step::Same(self.attribute(&mut at)?),
            11 => {
                let file = self.text(&mut at)?;
                Step::Line(format!("{file}:{}:{}", at.varint()?, at.varint()?))
            }
            12 | 13 => {
                let parts = at.list(|at| self.attribute(at))?;
                parts.into_iter().find(|&part| self.is_somewhere(part)).map_or(Step::Nowhere, Step::Same)
            }
            14 => {
                let name = self.text(&mut at)?;
                Step::Named(name, self.attribute(&mut at)?)
            }
            // A range: line and column of its start, then those of its end that differ.
            22 => {
                let file = self.text(&mut at)?;
                match at.list(Bytes::varint)?.as_slice() {
                    [line, column, ..] => Step::Line(format!("{file}:{line}:{column}")),
                    _ => Step::Nowhere,
                }
            }
            _ => Step::Nowhere,
        };
        Ok(step)
    }

    fn is_somewhere(&self, attribute: usize) -> bool {
        !matches!(self.step_shallow(attribute), Ok(Step::Nowhere) | Err(_))
    }

    /// Like `step`, without looking into lists of locations.
    fn step_shallow(&self, attribute: usize) -> Parsed<Step<'a>> {
        const LISTS: [u64; 2] = [12, 13];
        let code = self.container.attributes[attribute].data.clone().varint()?;
        if LISTS.contains(&code) { Ok(Step::Same(attribute)) } else { self.step(attribute) }
    }

    fn attribute(&self, at: &mut Bytes<'a>) -> Parsed<usize> {
        at.index(self.container.attributes.len(), "location")
    }

    /// The string of the attribute whose number stands at the place.
    fn text(&self, at: &mut Bytes<'a>) -> Parsed<&'a str> {
        const STRING: u64 = 2;
        let start = *at;
        let mut entry = self.container.attributes[self.attribute(at)?].data;
        if entry.varint()? != STRING {
            return Err(start.error("expected a string attribute"));
        }
        self.container.string(&mut entry)
    }
}
