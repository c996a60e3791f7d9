//! Warns of derivatives and batches of the bodies of custom functions.

use super::chosen;
use super::transforms::{self, By, RuleKind};
use crate::diag::Diagnostic;
use crate::ir::source::{Export, Expression, Keyword, Source};
use crate::ir::{Program, Value};
use crate::ops::custom;
use std::collections::HashSet;

/// The rules that derivatives and batches of a file ask for in vain: one warning each. `requested` is as for [`super::entries`].
pub fn lost_rules(source: &Source, requested: &[Export]) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    let mut seen = HashSet::new();
    for export in chosen(source, requested) {
        let expression = &export.expression;
        if let Some((function, active)) = differentiated(source, expression) {
            let is_reverse = asks_for(expression, RuleKind::Transpose);
            let active = smooth(function, &active);
            warnings.extend(unseen(custom::lost_rules(function, &active, is_reverse), &mut seen));
        }
        if let Some(function) = function(source, expression).filter(|_| asks_for(expression, RuleKind::Batch))
        {
            warnings.extend(unseen(custom::lost_batching_rules(function), &mut seen));
        }
    }
    warnings
}

/// The same for derivatives of a function by all inputs.
pub fn lost_rules_by_all(source: &Source, export: &Export) -> Vec<Diagnostic> {
    let Some(function) = function(source, &export.expression) else { return Vec::new() };
    let active = smooth(function, &vec![true; function.inputs.len()]);
    unseen(custom::lost_rules(function, &active, true), &mut HashSet::new())
}

/// Those of the marked inputs that have derivatives.
fn smooth(program: &Program, active: &[bool]) -> Vec<bool> {
    let inexact = program.input_avals().into_iter().map(|aval| aval.dtype.is_inexact());
    inexact.zip(active).map(|(inexact, &active)| inexact && active).collect()
}

fn unseen(mut lost: Vec<custom::LostRule>, seen: &mut HashSet<(String, Option<String>)>) -> Vec<Diagnostic> {
    lost.retain(|rule| seen.insert((rule.primitive.clone(), rule.name.clone())));
    lost.iter().map(warning).collect()
}

/// Does one of the transformations of the expression ask for rules of this kind?
fn asks_for(expression: &Expression, kind: RuleKind) -> bool {
    match expression {
        Expression::Function { .. } => false,
        Expression::Transform { name, argument, .. } => {
            transforms::row(name).is_some_and(|row| row.asks.contains(&kind)) || asks_for(argument, kind)
        }
    }
}

fn warning(rule: &custom::LostRule) -> Diagnostic {
    let keyword = rule.primitive.trim_end_matches("_call");
    let unnamed = if matches!(keyword, "linear" | "custom_vmap") { &rule.primitive } else { "NAME" };
    let name = rule.name.as_deref().unwrap_or(unnamed);
    let (lost, what, hint) = match keyword {
        "linear" => (
            "transpose".to_string(),
            "transposed instead, which may give another derivative",
            "print the derivative from Python, whose text has the transpose in it".to_string(),
        ),
        "custom_vmap" => (
            "batching rule".to_string(),
            "batched instead, which may give another result",
            "print `jax.vmap` of the function from Python, whose text has what the rule makes of it"
                .to_string(),
        ),
        _ => {
            let line = match keyword {
                "custom_vjp" => format!("`custom_vjp {name} = FORWARD, BACKWARD`"),
                _ => format!("`custom_jvp {name} = RULE`"),
            };
            let hint = format!("write {line} into an .ir file, with functions of the file that are the rule");
            (format!("{keyword} rule"), "differentiated instead, which may give another derivative", hint)
        }
    };
    Diagnostic::warning(format!("the {lost} of {name} is not in the text: its body is {what}"))
        .hint(format!("{hint}; `--deny lost-rules` makes this an error"))
        .with_origin(&rule.origin)
}

/// The function that an expression differentiates, and by which inputs it may.
fn differentiated<'s>(source: &'s Source, expression: &Expression) -> Option<(&'s Program, Vec<bool>)> {
    let Expression::Transform { name, argument, keywords, .. } = expression else { return None };
    let inner = differentiated(source, argument);
    let by = transforms::row(name)?.by;
    if inner.is_some() || by == By::Nothing {
        return inner;
    }
    let program = function(source, argument)?;
    let inputs = 0..program.inputs.len();
    let active = match (argnums(keywords), by) {
        (Some(argnums), _) => inputs.map(|at| argnums.contains(&(at as i64))).collect(),
        (None, By::First) => inputs.map(|at| at == 0).collect(),
        (None, By::All | By::Nothing) => vec![true; program.inputs.len()],
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
