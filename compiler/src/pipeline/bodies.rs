//! Values for the constants of bodies: of functions inside others, and of functions that others call.

use super::exports::with_constants;
use crate::diag::Diagnostic;
use crate::ir::source::Source;
use crate::ir::{Body, Program};
use crate::types::Tensor;
use std::collections::HashMap;
use std::sync::Arc;

/// Puts values into all bodies of which every constant has one. `values` has them under the names of
/// [`Source::path_of_constant`]. A constant without a value stays; nothing is said before it is needed.
///
/// Errors, collected: a value of another type than the text says.
pub fn bind(source: &mut Source, values: &HashMap<String, Tensor>, errors: &mut Vec<Diagnostic>) {
    let mut known = HashMap::new();
    for constant in &source.body_constants {
        let path = source.path_of_constant(constant.id).expect("it is one of them");
        let Some(value) = values.get(&path) else { continue };
        if value.aval() == &constant.aval {
            known.insert(constant.id, Arc::new(value.clone()));
        } else {
            let (name, expected) = (&constant.name, &constant.aval);
            let message = format!("constant {name} ({path}): expected {expected}, found {}", value.aval());
            errors.push(Diagnostic::error(message).at(constant.span));
        }
    }
    if known.is_empty() {
        return;
    }
    let mut binder = Binder { known, done: HashMap::new() };
    for function in &mut source.functions {
        match binder.bodies_of(&function.program) {
            Ok(program) => function.program = program,
            Err(error) => errors.push(error),
        }
    }
}

/// Is there a body, at any depth, with constants that have no values?
pub fn lacks_constants(program: &Program) -> bool {
    let mut bodies = program.equations.iter().flat_map(|eqn| eqn.op.bodies());
    bodies.any(|body| !body.constvars.is_empty() || lacks_constants(body))
}

struct Binder {
    known: HashMap<u32, Arc<Tensor>>,
    // Bodies that many equations share are bound once.
    done: HashMap<Body, Program>,
}

impl Binder {
    /// The program with bound bodies. Errors: those of replacing bodies, a bug.
    fn bodies_of(&mut self, program: &Program) -> Result<Program, Diagnostic> {
        let mut bound = program.clone();
        for eqn in &mut bound.equations {
            let replaced = match eqn.op.nested() {
                Some(op) => op.map_bodies(&mut |body| self.body(body))?,
                None => continue,
            };
            eqn.op = replaced;
        }
        Ok(bound)
    }

    fn body(&mut self, body: &Program) -> Result<Program, Diagnostic> {
        let key = Body::new(body.clone());
        if let Some(done) = self.done.get(&key) {
            return Ok(done.clone());
        }
        let inner = self.bodies_of(body)?;
        let values: Option<Vec<Arc<Tensor>>> =
            body.const_ids.iter().map(|id| self.known.get(id).cloned()).collect();
        let bound = match values {
            Some(values) if !values.is_empty() && values.len() == body.constvars.len() => {
                with_constants(&inner, &values)
            }
            _ => inner,
        };
        self.done.insert(key, bound.clone());
        Ok(bound)
    }
}
