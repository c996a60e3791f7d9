//! Values for constants: of functions, and of the bodies inside them and of functions that they call.

use crate::diag::Diagnostic;
use crate::ir::inline::Scope;
use crate::ir::source::{ConstantValue, Function, Source};
use crate::ir::{Atom, Body, Builder, Program};
use crate::ops::shape::Constant;
use crate::types::Tensor;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Turns constvars into constants. `values` are the contents of files and of `--consts`, by constvar name; literals of
/// `const` lines need none.
///
/// Errors: a constvar without a value, or of another dtype or shape than its binder says.
pub fn bind(source: &mut Source, values: &HashMap<String, Tensor>) -> Result<(), Vec<Diagnostic>> {
    let mut known: HashMap<String, Arc<Tensor>> = HashMap::new();
    for constant in &source.constants {
        if let ConstantValue::Tensor(value) = &constant.value {
            known.insert(constant.name.clone(), Arc::new(value.clone()));
        }
    }
    known.extend(values.iter().map(|(name, value)| (name.clone(), Arc::new(value.clone()))));
    let mut errors = Vec::new();
    for function in &mut source.functions {
        match bind_function(function, &known) {
            Ok(program) => function.program = program,
            // A shared body is only of interest where it is called; see [`complete`].
            Err(_) if function.called => {}
            Err(error) => errors.push(error),
        }
    }
    bind_bodies(source, values, &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// The program of a function that can be run: all its constants, and those of its bodies, have values.
///
/// Errors: the first that has none.
pub fn complete<'s>(source: &Source, function: &'s Function) -> Result<&'s Program, Diagnostic> {
    if let Some(name) = function.constvar_names.first().filter(|_| !function.program.constvars.is_empty()) {
        return Err(missing(function, name));
    }
    missing_in_bodies(source, &function.program, &mut HashSet::new()).map_or(Ok(&function.program), Err)
}

/// Is there a body, at any depth, with constants that have no values?
pub fn lacks_constants(program: &Program) -> bool {
    let mut bodies = program.equations.iter().flat_map(|eqn| eqn.op.bodies());
    bodies.any(|body| !body.constvars.is_empty() || lacks_constants(body))
}

fn bind_function(function: &Function, known: &HashMap<String, Arc<Tensor>>) -> Result<Program, Diagnostic> {
    let program = &function.program;
    if program.constvars.is_empty() {
        return Ok(program.clone());
    }
    let mut values = Vec::new();
    for (&constvar, name) in program.constvars.iter().zip(&function.constvar_names) {
        let value = known.get(name).ok_or_else(|| missing(function, name))?;
        let expected = program.aval(constvar);
        if value.aval() != expected {
            let message =
                format!("constant {name} of {}: expected {expected}, found {}", function.name, value.aval());
            return Err(Diagnostic::error(message).at(function.span));
        }
        values.push(value.clone());
    }
    Ok(with_constants(program, &values))
}

/// The program with these values in place of its constvars.
fn with_constants(program: &Program, values: &[Arc<Tensor>]) -> Program {
    let mut b = Builder::new();
    let mut scope = Scope::new(program);
    for &input in &program.inputs {
        let var = b.input(program.aval(input).clone());
        scope.bind(input, var.into());
    }
    for (&constvar, value) in program.constvars.iter().zip(values) {
        let atom = match value.to_literal().filter(|_| value.shape().is_scalar()) {
            Some(literal) => Atom::Literal(literal),
            None => b.emit_one(Constant { value: value.clone() }, &[]),
        };
        scope.bind(constvar, atom);
    }
    for eqn in &program.equations {
        b.set_origin(eqn.origin.clone());
        let avals = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
        let results = b.emit_typed(eqn.op.clone(), &scope.atoms(&eqn.operands), avals);
        scope.bind_all(&eqn.results, &results);
    }
    b.finish(scope.atoms(&program.outputs))
}

fn missing(function: &Function, name: &str) -> Diagnostic {
    Diagnostic::error(format!("constant {name} of {} has no value", function.name)).at(function.span).hint(format!(
        "jaxpr text does not hold the values of closed-over arrays: add `const {name}: TYPE = file(\"weights.npz\", \
         \"{name}\")`, or pass --consts weights.npz"
    ))
}

/// Puts values into all bodies of which every constant has one. `values` has them under the names of
/// [`Source::path_of_constant`]. A constant without a value stays; nothing is said before it is needed.
///
/// Errors, collected: a value of another type than the text says.
fn bind_bodies(source: &mut Source, values: &HashMap<String, Tensor>, errors: &mut Vec<Diagnostic>) {
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

/// Bodies with constants of their own can be read and printed, but not run.
fn missing_in_bodies(source: &Source, program: &Program, seen: &mut HashSet<Body>) -> Option<Diagnostic> {
    for eqn in &program.equations {
        for body in eqn.op.bodies() {
            if !body.constvars.is_empty() {
                let (name, count) = (eqn.op.name(), body.constvars.len());
                let message =
                    format!("{name}: its body needs the values of {count} constants, which the text lacks");
                return Some(Diagnostic::error(message).hint(way_out(source, body)).with_origin(&eqn.origin));
            }
            if seen.insert(body.clone())
                && let Some(error) = missing_in_bodies(source, body, seen)
            {
                return Some(error);
            }
        }
    }
    None
}

/// Where the values of the constants of a body are found.
fn way_out(source: &Source, body: &Program) -> String {
    let paths: Vec<String> = body.const_ids.iter().filter_map(|&id| source.path_of_constant(id)).collect();
    let arrays = match paths.as_slice() {
        [] => String::new(),
        [only] => format!(", or pass --consts with an array `{only}`"),
        [first, .., last] => format!(", or pass --consts with arrays `{first}` to `{last}`"),
    };
    format!(
        "JAX prints no values for constants of nested functions, but `jax.jit(f).lower(*args).as_text()` and the bytes \
         of `jax.export` hold them: compile one of those{arrays} (counted in the order of the text)"
    )
}
