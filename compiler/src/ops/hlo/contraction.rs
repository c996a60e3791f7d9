//! Matrix products.

use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Value};
use crate::ir::{self, Atom};
use crate::ops::contraction::DotGeneral;
use crate::ops::rules::Rule;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};

/// Reads a contraction.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    match cx.op.name.as_str() {
        "stablehlo.dot_general" => Some(dot_general(cx, operands)),
        "stablehlo.dot" => Some(dot(cx, operands)),
        _ => None,
    }
}

fn dot_general(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let numbers = cx.op.attributes.fields("dot_dimension_numbers");
    let numbers = numbers.ok_or_else(|| cx.missing("dot_dimension_numbers", "axes"))?;
    // Lists that are left out are empty.
    let axes = |name: &str| match numbers.get(name) {
        None => Ok(Vec::new()),
        Some(_) => numbers.sizes(name).ok_or_else(|| Diagnostic::error(format!("{name}: expected axes"))),
    };
    let op = DotGeneral {
        lhs_contract: axes("lhs_contracting_dimensions")?,
        rhs_contract: axes("rhs_contracting_dimensions")?,
        lhs_batch: axes("lhs_batching_dimensions")?,
        rhs_batch: axes("rhs_batching_dimensions")?,
        precision: precision(cx.op.attributes.get("precision_config")),
        preferred: Some(cx.result(0)?.dtype),
    };
    cx.emit(op, operands)
}

/// Products of vectors and matrices: the last axis of the left side with the first of the right.
fn dot(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [lhs, rhs] = cx.operands(operands)?;
    let last = cx.builder.aval(lhs).rank().saturating_sub(1);
    let op = DotGeneral::contracting(&[last], &[0]).preferring(cx.result(0)?.dtype);
    cx.emit(op, &[lhs, rhs])
}

/// What JAX prints for the same precision.
fn precision(config: Option<&Attribute>) -> ir::Value {
    let Some(Attribute::List(items)) = config else { return ir::Value::None };
    let words: Vec<&str> = items.iter().filter_map(Attribute::word).collect();
    if words.iter().all(|word| *word == "DEFAULT") {
        return ir::Value::None;
    }
    ir::Value::tuple(words.into_iter().map(|word| ir::Value::Name(word.to_string())))
}

impl StableHlo for DotGeneral {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let numbers = |axes: &[usize]| Attribute::numbers(axes.iter().copied());
        let fields = Attributes::default()
            .with("lhs_batching_dimensions", numbers(&self.lhs_batch))
            .with("rhs_batching_dimensions", numbers(&self.rhs_batch))
            .with("lhs_contracting_dimensions", numbers(&self.lhs_contract))
            .with("rhs_contracting_dimensions", numbers(&self.rhs_contract));
        let words = match &self.precision {
            ir::Value::Tuple(words) if words.len() == 2 => {
                words.iter().map(|word| precision_word(&word.to_string())).collect()
            }
            ir::Value::None => vec!["DEFAULT"; 2],
            one => vec![precision_word(&one.to_string()); 2],
        };
        let words = words.into_iter().map(|word| Attribute::stablehlo("precision", word)).collect();
        let attributes = Attributes::default()
            .with("dot_dimension_numbers", Attribute::Record("stablehlo.dot".into(), fields))
            .with("precision_config", Attribute::List(words));
        Ok(cx.same("stablehlo.dot_general", operands, attributes))
    }
}

fn precision_word(name: &str) -> &'static str {
    ["HIGHEST", "HIGH"].into_iter().find(|word| name.to_uppercase().contains(word)).unwrap_or("DEFAULT")
}
