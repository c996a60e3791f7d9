//! Calls.

use super::branches;
use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Type, Value};
use crate::ir::{Atom, Body, Params};
use crate::ops::control::{Call, CallKind, CustomCall, CustomLinear, PlatformIndex};
use crate::ops::custom;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::rules::{NoRule, Rule};

const LINEAR: NoRule = NoRule::ByDesign("a custom vjp rule has no forward derivative to be written");

/// Reads a call.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    let callee = match cx.op.name.as_str() {
        "func.call" => "callee",
        "stablehlo.composite" => "decomposition",
        _ => return branches::from_hlo(cx, operands),
    };
    Some(call(cx, callee, operands))
}

fn call(cx: &mut Import, callee: &str, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let Some(name) = cx.op.attributes.text(callee) else {
        return Err(cx.missing(callee, "the name of a function"));
    };
    let name = name.to_string();
    let body = cx.bodies.function(&name)?;
    // JAX numbers functions of one name.
    let python =
        name.rsplit_once('_').filter(|(_, n)| n.parse::<u32>().is_ok()).map_or(&*name, |(base, _)| base);
    if let Some(primitive) = custom::primitive(python, &body) {
        return cx.emit(primitive, operands);
    }
    // The text has lost the rules of functions with derivatives of their own, but not the names of functions.
    match custom::named(python, &body) {
        Some(call) => cx.emit(call, operands),
        None => cx.emit(Call { kind: CallKind::Jit, name: Some(name), body, rest: Params::new() }, operands),
    }
}

impl StableHlo for Call {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        exported(cx, &self.body, self.name.as_deref(), operands)
    }
}

impl StableHlo for PlatformIndex {
    fn to_hlo(&self, cx: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Ok(vec![cx.literal(self.literal())])
    }
}

impl StableHlo for CustomCall {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        exported(cx, self.body(), self.name.as_deref(), operands)
    }
}

fn exported(cx: &mut Export, body: &Body, name: Option<&str>, operands: &[Value]) -> Rule<Vec<Value>> {
    let callee = cx.bodies.function(body, name)?;
    let attributes = Attributes::default().with("callee", Attribute::Symbol(callee));
    let results = cx.results.iter().map(Type::tensor).collect();
    Ok(cx.function.op("func.call", operands, attributes, Vec::new(), results))
}

impl StableHlo for CustomLinear {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(LINEAR)
    }
}
