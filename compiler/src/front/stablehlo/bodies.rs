//! Regions and functions for the rules that need them.

use super::{Reader, aval_of, constant};
use crate::diag::Diagnostic;
use crate::hlo::{self, Func, Value};
use crate::ir::{Atom, Body, Builder};
use crate::ops;
use crate::ops::rules::hlo::{Closed, ImportBodies};
use std::collections::HashMap;

/// What the values of a function stand for, as far as they are in reach.
#[derive(Default)]
pub struct Scope {
    atoms: HashMap<Value, Atom>,
    /// Programs have no tuples; what takes one apart stands for an element of it.
    tuples: HashMap<Value, Vec<Value>>,
}

impl Scope {
    pub fn bind(&mut self, value: Value, atom: Atom) {
        self.atoms.insert(value, atom);
    }

    /// Errors: the value is a tuple.
    pub fn atom(&self, value: Value) -> Result<Atom, Diagnostic> {
        let atom = self.atoms.get(&value).copied();
        atom.ok_or_else(|| Diagnostic::unsupported("tuples other than to be taken apart"))
    }

    /// Follows an operation that makes a tuple or takes one apart; false for any other.
    ///
    /// Errors: there is no such element.
    pub fn restructure(&mut self, op: &hlo::Op) -> Result<bool, Diagnostic> {
        match (op.name.as_str(), op.operands.as_slice(), op.results.as_slice()) {
            ("stablehlo.tuple", elements, &[result]) => {
                self.tuples.insert(result, elements.to_vec());
            }
            ("stablehlo.get_tuple_element", &[tuple], &[result]) => {
                let unknown =
                    || Diagnostic::unsupported("tuples that other operations than stablehlo.tuple make");
                let elements = self.tuples.get(&tuple).ok_or_else(unknown)?;
                let index = op.attributes.size("index");
                let element = index.and_then(|index| elements.get(index)).copied();
                let element = element.ok_or_else(|| {
                    Diagnostic::error(format!("index: expected one below {}", elements.len()))
                })?;
                match self.tuples.get(&element).cloned() {
                    Some(inner) => _ = self.tuples.insert(result, inner),
                    None => self.bind(result, self.atom(element)?),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The driver as the rules see it.
pub struct Bodies<'r, 'm> {
    pub reader: &'r mut Reader<'m>,
    pub function: &'m Func,
    pub scope: &'r Scope,
}

impl ImportBodies for Bodies<'_, '_> {
    /// Scalar constants from around the region are written into it; everything else that it uses becomes an input.
    fn region(&mut self, region: &hlo::Region) -> Result<Closed, Diagnostic> {
        let mut builder = Builder::new();
        let mut inside = Scope::default();
        let mut captures = Vec::new();
        for value in region.captures() {
            match self.scope.atom(value)? {
                literal @ Atom::Literal(_) => inside.bind(value, literal),
                atom @ Atom::Var(_) => {
                    captures.push(atom);
                    inside.bind(value, builder.input(aval_of(self.function, value)?).into())
                }
            };
        }
        for &argument in &region.arguments {
            inside.bind(argument, builder.input(aval_of(self.function, argument)?).into());
        }
        let outputs = self.reader.ops(self.function, region, &mut inside, &mut builder)?;
        Ok(Closed { program: ops::hlo::recognized(builder.finish(outputs)), captures })
    }

    fn function(&mut self, name: &str) -> Result<Body, Diagnostic> {
        self.reader.function(name)
    }

    fn constant(&mut self, dense: &hlo::Dense, builder: &mut Builder) -> Result<Atom, Diagnostic> {
        constant::atom(self.reader.module, dense, builder)
    }
}
