//! Warns of derivatives through the bodies of custom functions.

use super::exports;
use crate::diag::Diagnostic;
use crate::ir::source::{Export, Expression, Keyword, Source};
use crate::ir::{Program, Value};
use crate::ops::custom;
use std::collections::HashSet;

/// The rules that derivatives of a file ask for in vain: one warning each. `requested` is as for [`super::entries`].
pub fn lost_rules(source: &Source, requested: &[Export]) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    let mut seen = HashSet::new();
    for export in exports(source, requested) {
        let Some((function, active)) = differentiated(source, &export.expression) else { continue };
        warnings.extend(through_bodies(function, &active, &mut seen));
    }
    warnings
}

/// The same for derivatives of a function by all inputs.
pub fn lost_rules_by_all(source: &Source, export: &Export) -> Vec<Diagnostic> {
    let Some(function) = function(source, &export.expression) else { return Vec::new() };
    through_bodies(function, &vec![true; function.inputs.len()], &mut HashSet::new())
}

fn through_bodies(
    program: &Program,
    active: &[bool],
    seen: &mut HashSet<(String, Option<String>)>,
) -> Vec<Diagnostic> {
    let inexact = program.input_avals().into_iter().map(|aval| aval.dtype.is_inexact());
    let active: Vec<bool> = inexact.zip(active).map(|(inexact, &active)| inexact && active).collect();
    let mut lost = custom::lost_rules(program, &active);
    lost.retain(|rule| seen.insert((rule.primitive.clone(), rule.name.clone())));
    lost.iter().map(warning).collect()
}

fn warning(rule: &custom::LostRule) -> Diagnostic {
    let keyword = rule.primitive.trim_end_matches("_call");
    let name = rule.name.as_deref().unwrap_or("NAME");
    let line = match keyword {
        "custom_vjp" => format!("`custom_vjp {name} = FORWARD, BACKWARD`"),
        _ => format!("`custom_jvp {name} = RULE`"),
    };
    Diagnostic::warning(format!(
        "the {keyword} rule of {name} is not in the text: its body is differentiated instead, which may give another \
         derivative"
    ))
    .hint(format!(
        "write {line} into an .ir file, with functions of the file that are the rule; `--deny lost-rules` makes this an \
         error"
    ))
    .with_origin(&rule.origin)
}

/// The function that an expression differentiates, and by which inputs it may.
fn differentiated<'s>(source: &'s Source, expression: &Expression) -> Option<(&'s Program, Vec<bool>)> {
    let Expression::Transform { name, argument, keywords, .. } = expression else { return None };
    if matches!(name.as_str(), "jit" | "vmap" | "checkpoint") {
        return differentiated(source, argument);
    }
    let inner = differentiated(source, argument);
    if inner.is_some() {
        return inner;
    }
    let program = function(source, argument)?;
    let all = vec![true; program.inputs.len()];
    let active = match argnums(keywords) {
        Some(argnums) => (0..program.inputs.len() as i64).map(|at| argnums.contains(&at)).collect(),
        None if matches!(name.as_str(), "grad" | "value_and_grad") => {
            (0..program.inputs.len()).map(|at| at == 0).collect()
        }
        None => all,
    };
    Some((program, active))
}

/// The function that an expression is made of.
fn function<'s>(source: &'s Source, expression: &Expression) -> Option<&'s Program> {
    match expression {
        Expression::Function { name, .. } => {
            source.functions.iter().find(|function| function.name == *name).map(|function| &function.program)
        }
        Expression::Transform { argument, .. } => function(source, argument),
    }
}

/// The `argnums`, where they are written as positions from the front.
fn argnums(keywords: &[Keyword]) -> Option<Vec<i64>> {
    let value = &keywords.iter().find(|keyword| keyword.key == "argnums" || keyword.key.is_empty())?.value;
    let position = |value: &Value| match value {
        Value::Int(at) if *at >= 0 => Some(*at),
        _ => None,
    };
    match value {
        Value::Tuple(items) => items.iter().map(position).collect(),
        one => position(one).map(|at| vec![at]),
    }
}
