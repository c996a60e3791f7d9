//! What to compile: constants bound, rules attached, exports chosen, transformations applied.

mod constants;
mod lost_rules;
mod rules;
mod transforms;

pub use lost_rules::{lost_rules, lost_rules_by_all};

use crate::diag::{Diagnostic, Span};
use crate::ir::source::{Export, Expression, Function, Keyword, LeftOut, Source};
use crate::ir::{self, Program};
use crate::optimize;
use crate::transform::widen::widen;
use crate::types::{Aval, Tensor};
use std::collections::HashMap;

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

/// Turns constvars into constants, and gives custom functions their rules. `values` are the contents of files and of
/// `--consts`, by constvar name; literals of `const` lines need none.
///
/// Errors: a constvar without a value, or of another dtype or shape than its binder says; a rule that does not fit.
pub fn bind_constants(source: &mut Source, values: &HashMap<String, Tensor>) -> Result<(), Vec<Diagnostic>> {
    constants::bind(source, values)?;
    rules::attach(source)
}

/// What to compile: `requested` if there are any, else the file's `export` lines, else every function that
/// no other one calls.
pub fn chosen(source: &Source, requested: &[Export]) -> Vec<Export> {
    match (requested, source.exports.as_slice()) {
        ([], []) => source.functions.iter().filter(|function| !function.called).map(as_export).collect(),
        ([], in_file) => in_file.to_vec(),
        (requested, _) => requested.iter().map(|export| as_line_of_file(source, export)).collect(),
    }
}

/// The functions of [`chosen`].
///
/// Errors: an unknown function or transformation, or one that cannot be applied.
pub fn entries(source: &Source, requested: &[Export]) -> Result<Vec<Entry>, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    for export in chosen(source, requested) {
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
            let program = constants::complete(source, function)?.clone();
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

fn unknown_function(source: &Source, name: &str, span: Span) -> Diagnostic {
    let names: Vec<&str> = source.functions.iter().map(|function| function.name.as_str()).collect();
    Diagnostic::error(format!("there is no function {name}"))
        .at(span)
        .hint(format!("functions: {}", names.join(", ")))
}
