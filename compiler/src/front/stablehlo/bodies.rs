//! Regions and functions for the rules that need them.

use super::{Reader, aval_of, constant};
use crate::diag::{Diagnostic, Fault};
use crate::hlo::{self, Func, Type, Value};
use crate::ir::{Atom, Body, Builder};
use crate::ops;
use crate::ops::rules::hlo::{Closed, ImportBodies};
use std::collections::HashMap;

/// What the values of a function stand for, as far as they are in reach.
#[derive(Default)]
pub struct Scope {
    bound: HashMap<Value, Bound>,
}

/// Programs have no tuples; what takes one apart stands for an element of it.
#[derive(Clone)]
enum Bound {
    Atom(Atom),
    Tuple(Vec<Bound>),
}

impl Scope {
    pub fn bind(&mut self, value: Value, atom: Atom) {
        self.bound.insert(value, Bound::Atom(atom));
    }

    /// Binds what an operation makes to its results, of which one may be a tuple of all of it.
    pub fn bind_results(&mut self, function: &Func, results: &[Value], atoms: Vec<Atom>) {
        match results {
            &[tuple] if matches!(function.type_of(tuple), Type::Tuple(_)) => {
                self.bound.insert(tuple, Bound::Tuple(atoms.into_iter().map(Bound::Atom).collect()));
            }
            _ => results.iter().zip(atoms).for_each(|(&value, atom)| self.bind(value, atom)),
        }
    }

    /// Errors: the value is a tuple.
    pub fn atom(&self, value: Value) -> Result<Atom, Diagnostic> {
        match self.bound.get(&value) {
            Some(Bound::Atom(atom)) => Ok(*atom),
            Some(Bound::Tuple(_)) | None => {
                Err(Diagnostic::unsupported("tuples other than to be taken apart"))
            }
        }
    }

    /// Follows an operation that makes a tuple or takes one apart; false for any other.
    ///
    /// Errors: there is no such element.
    pub fn restructure(&mut self, op: &hlo::Op) -> Result<bool, Diagnostic> {
        match (op.name.as_str(), op.operands.as_slice(), op.results.as_slice()) {
            ("stablehlo.tuple", elements, &[result]) => {
                let elements = elements.iter().map(|element| self.bound.get(element).cloned());
                let unknown = || Diagnostic::unsupported("values that are no arrays in a tuple");
                let elements = elements.collect::<Option<Vec<Bound>>>().ok_or_else(unknown)?;
                self.bound.insert(result, Bound::Tuple(elements));
            }
            ("stablehlo.get_tuple_element", &[tuple], &[result]) => {
                let Some(Bound::Tuple(elements)) = self.bound.get(&tuple) else {
                    return Err(Diagnostic::unsupported("tuples that functions take"));
                };
                let index = op.attributes.size("index");
                let element = index.and_then(|index| elements.get(index)).cloned();
                let element = element.ok_or_else(|| {
                    Diagnostic::error(format!("index: expected one below {}", elements.len()))
                })?;
                self.bound.insert(result, element);
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
    /// Has a region been read?
    pub has_read: bool,
}

impl Bodies<'_, '_> {
    /// Reads the regions of an operation that a rule has recognized by their form, which says nothing of types.
    ///
    /// Errors: one of them is wrong.
    pub fn check_unread(&mut self, op: &hlo::Op) -> Result<(), Diagnostic> {
        if self.has_read {
            return Ok(());
        }
        op.regions.iter().try_for_each(|region| match self.region(region) {
            Err(error) if error.fault == Fault::Program => Err(error),
            _ => Ok(()),
        })
    }
}

impl ImportBodies for Bodies<'_, '_> {
    /// Scalar constants from around the region are written into it; everything else that it uses becomes an input.
    fn region(&mut self, region: &hlo::Region) -> Result<Closed, Diagnostic> {
        self.has_read = true;
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
