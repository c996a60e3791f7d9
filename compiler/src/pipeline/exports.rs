//! What to compile: constants bound, exports chosen, transformations applied.

use super::{bodies, rules, transforms};
use crate::diag::{Diagnostic, Span};
use crate::ir::source::{ConstantValue, Export, Expression, Function, Keyword, LeftOut, Source};
use crate::ir::{self, Atom, Body, Builder, Program, inline::Scope};
use crate::ops::shape::Constant;
use crate::optimize;
use crate::transform::widen::widen;
use crate::types::{Aval, Tensor};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A function to compile, under its exported name.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    pub name: String,
    /// Invariant: verified, without constvars.
    pub program: Program,
    pub input_names: Vec<String>,
    pub output_names: Vec<String>,
    pub left_out: LeftOut,
}

/// Turns constvars into constants, and gives custom functions their rules. `values` are the contents of files and of `--consts`, by constvar name; literals
/// of `const` lines need none.
///
/// Errors: a constvar without a value, or of another dtype or shape than its binder says; a rule that does not fit.
pub fn bind_constants(source: &mut Source, values: &HashMap<String, Tensor>) -> Result<(), Vec<Diagnostic>> {
    let mut known: HashMap<String, Arc<Tensor>> = HashMap::new();
    for constant in &source.constants {
        if let ConstantValue::Tensor(value) = &constant.value {
            known.insert(constant.name.clone(), Arc::new(value.clone()));
        }
    }
    known.extend(values.iter().map(|(name, value)| (name.clone(), Arc::new(value.clone()))));
    let mut errors = Vec::new();
    for function in &mut source.functions {
        match bind(function, &known) {
            Ok(program) => function.program = program,
            // A shared body is only of interest where it is called; see `missing_in_bodies`.
            Err(_) if function.called => {}
            Err(error) => errors.push(error),
        }
    }
    bodies::bind(source, values, &mut errors);
    if errors.is_empty() { rules::attach(source) } else { Err(errors) }
}

fn bind(function: &Function, known: &HashMap<String, Arc<Tensor>>) -> Result<Program, Diagnostic> {
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
pub(super) fn with_constants(program: &Program, values: &[Arc<Tensor>]) -> Program {
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

/// What to compile: `requested` if there are any, else the file's `export` lines, else every function that
/// no other one calls.
pub fn exports(source: &Source, requested: &[Export]) -> Vec<Export> {
    match (requested, source.exports.as_slice()) {
        ([], []) => source.functions.iter().filter(|function| !function.called).map(as_export).collect(),
        ([], in_file) => in_file.to_vec(),
        (requested, _) => requested.iter().map(|export| as_line_of_file(source, export)).collect(),
    }
}

/// The functions of [`exports`].
///
/// Errors: an unknown function or transformation, or one that cannot be applied.
pub fn entries(source: &Source, requested: &[Export]) -> Result<Vec<Entry>, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    for export in exports(source, requested) {
        let functions = functions(source, &export).unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        for function in functions {
            errors.extend(ir::check_sizes(&function.program).err());
            if entries.iter().any(|entry| entry.name == function.name) {
                let message = format!("{} is exported twice", function.name);
                errors.push(Diagnostic::error(message).at(export.span));
            }
            entries.push(function);
        }
    }
    if entries.is_empty() && errors.is_empty() {
        errors.push(Diagnostic::error("the file defines no function"));
    }
    if errors.is_empty() { Ok(entries) } else { Err(errors) }
}

/// A function with its derivatives by all its inexact inputs.
pub struct WithDerivatives {
    /// `x.. -> y..`.
    pub value: Entry,
    /// `x.., tangent per inexact input -> y.., tangent per inexact output`.
    pub pushforward: Entry,
    /// `x.., cotangent per inexact output -> y.., gradient per inexact input`.
    pub pullback: Entry,
}

/// One function, and its derivatives in both modes.
///
/// Errors: those of [`entries`]; nothing to differentiate, or no rule for it.
pub fn with_derivatives(source: &Source, export: &Export) -> Result<WithDerivatives, Diagnostic> {
    let value = apply(source, &export.expression, Purpose::Transform)?;
    let value = Entry { name: export.name.clone(), ..value };
    let inexact = |avals: Vec<Aval>| -> Vec<usize> {
        (0..avals.len()).filter(|&at| avals[at].dtype.is_inexact()).collect()
    };
    let inputs = inexact(value.program.input_avals());
    for (what, found) in [("input", &inputs), ("output", &inexact(value.program.output_avals()))] {
        if found.is_empty() {
            let message = format!("{} has no floating {what}: there is nothing to differentiate", value.name);
            return Err(Diagnostic::error(message).at(export.span));
        }
    }
    let argnums = inputs.into_iter().map(|at| ir::Value::Int(at as i64)).collect();
    let keyword = Keyword { key: "argnums".to_string(), value: ir::Value::Tuple(argnums), span: export.span };
    let derive = |name| transforms::apply(name, export.span, std::slice::from_ref(&keyword), &value);
    Ok(WithDerivatives { pushforward: derive("jvp")?, pullback: derive("vjp")?, value })
}

/// Makes all numbers of all functions double precision. Returns the names of operations that go on with narrower ones.
///
/// Errors: a bug report.
pub fn in_double_precision(source: &mut Source) -> Result<Vec<String>, Diagnostic> {
    let mut narrow = Vec::new();
    for function in &mut source.functions {
        let widened = widen(&function.program)?;
        function.program = widened.program;
        narrow.extend(widened.narrow);
    }
    narrow.sort();
    narrow.dedup();
    Ok(narrow)
}

/// A request for a name that only an `export` line of the file has means that line.
fn as_line_of_file(source: &Source, requested: &Export) -> Export {
    let Expression::Function { name, .. } = &requested.expression else { return requested.clone() };
    let is_function = source.functions.iter().any(|function| function.name == *name);
    match source.exports.iter().find(|line| line.name == *name && !is_function) {
        Some(line) => Export { expression: line.expression.clone(), ..requested.clone() },
        None => requested.clone(),
    }
}

fn as_export(function: &Function) -> Export {
    let expression = Expression::Function { name: function.name.clone(), span: function.span };
    Export { name: function.name.clone(), span: function.span, expression }
}

/// The functions of one export: `linearize` makes two, all else one.
fn functions(source: &Source, export: &Export) -> Result<Vec<Entry>, Diagnostic> {
    if let Expression::Transform { name, span, argument, keywords } = &export.expression
        && name == "linearize"
    {
        let [value, linear] =
            transforms::linearize(*span, keywords, &apply(source, argument, Purpose::Transform)?)?;
        let linear = Entry { name: format!("{}_linear", export.name), ..linear };
        return Ok(vec![Entry { name: export.name.clone(), ..value }, linear]);
    }
    let entry = apply(source, &export.expression, Purpose::Call)?;
    Ok(vec![Entry { name: export.name.clone(), ..entry }])
}

/// What the functions of an expression are inlined for.
#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    Call,
    Transform,
}

fn apply(source: &Source, expression: &Expression, purpose: Purpose) -> Result<Entry, Diagnostic> {
    match expression {
        Expression::Function { name, span } => {
            let found = source.functions.iter().find(|function| function.name == *name);
            let function = found.ok_or_else(|| unknown_function(source, name, *span))?;
            let program = complete(source, function)?.clone();
            Ok(Entry {
                name: name.clone(),
                program: match purpose {
                    Purpose::Call => program,
                    Purpose::Transform => optimize::count::run(optimize::inline::plain_calls(program)?)?,
                },
                input_names: function.input_names.clone(),
                output_names: function.output_names.clone(),
                left_out: function.left_out.clone(),
            })
        }
        Expression::Transform { name, span, argument, keywords } => {
            let purpose = if name == "jit" { purpose } else { Purpose::Transform };
            transforms::apply(name, *span, keywords, &apply(source, argument, purpose)?)
        }
    }
}

/// The program of a function that can be run: all its constants, and those of its bodies, have values.
fn complete<'s>(source: &Source, function: &'s Function) -> Result<&'s Program, Diagnostic> {
    if let Some(name) = function.constvar_names.first().filter(|_| !function.program.constvars.is_empty()) {
        return Err(missing(function, name));
    }
    missing_in_bodies(source, &function.program, &mut HashSet::new()).map_or(Ok(&function.program), Err)
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

fn unknown_function(source: &Source, name: &str, span: Span) -> Diagnostic {
    let names: Vec<&str> = source.functions.iter().map(|function| function.name.as_str()).collect();
    Diagnostic::error(format!("there is no function {name}"))
        .at(span)
        .hint(format!("functions: {}", names.join(", ")))
}
