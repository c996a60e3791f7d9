//! Regions and functions for the rules that need them.

use super::{Reader, aval_of, constant};
use crate::diag::Diagnostic;
use crate::hlo::{self, Func, Value};
use crate::ir::{Atom, Body, Builder};
use crate::ops::rules::hlo::{Closed, ImportBodies};
use std::collections::HashMap;

/// What the values of a function stand for, as far as they are in reach.
pub type Scope = HashMap<Value, Atom>;

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
        let mut inside = Scope::new();
        let mut captures = Vec::new();
        for value in region.captures() {
            match self.scope[&value] {
                literal @ Atom::Literal(_) => inside.insert(value, literal),
                atom @ Atom::Var(_) => {
                    captures.push(atom);
                    inside.insert(value, builder.input(aval_of(self.function, value)?).into())
                }
            };
        }
        for &argument in &region.arguments {
            inside.insert(argument, builder.input(aval_of(self.function, argument)?).into());
        }
        let outputs = self.reader.ops(self.function, region, &mut inside, &mut builder)?;
        Ok(Closed { program: builder.finish(outputs), captures })
    }

    fn function(&mut self, name: &str) -> Result<Body, Diagnostic> {
        self.reader.function(name)
    }

    fn constant(&mut self, dense: &hlo::Dense, builder: &mut Builder) -> Result<Atom, Diagnostic> {
        constant::atom(self.reader.module, dense, builder)
    }
}
