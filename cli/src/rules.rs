//! Rules of custom functions that stand beside a program: `"custom_rules": [{"kind": "custom_jvp", ...}, ...]`.

use crate::failure::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rjaxc_compiler::diag::{Sources, Span};
use rjaxc_compiler::exports;
use rjaxc_compiler::ir::Program;
use rjaxc_compiler::ir::source::{CustomRule, Function, RuleNames, Source};
use rjaxc_compiler::types::{Aval, DType, Tensor};
use serde_json::Value as Json;
use std::collections::HashMap;

/// Adds the rules to a program. A rule that could not be recorded has an `error` instead and is passed over.
///
/// Errors: a text that is no program, or constants that do not fit it.
pub fn add(rules: &[Json], source: &mut Source, sources: &mut Sources) -> Result<(), Failure> {
    for (position, rule) in rules.iter().enumerate().filter(|(_, rule)| rule["error"].is_null()) {
        let name = rule["name"].as_str().unwrap_or_default().to_string();
        let mut function = |part: &str, consts: &str| {
            let mut function = parse(rule, &name, part, consts, sources)?;
            function.name = format!("{part} {position} of {name}");
            let name = function.name.clone();
            source.functions.push(function);
            Ok::<String, Failure>(name)
        };
        let programs = match rule["kind"].as_str() {
            Some("custom_jvp") => RuleNames::Jvp(function("jvp_jaxpr", "jvp_consts")?),
            Some("custom_vjp") => RuleNames::Vjp {
                forward: function("fwd_jaxpr", "fwd_consts")?,
                backward: function("bwd_jaxpr", "bwd_consts")?,
            },
            _ => return Err(Failure::data(format!("custom_rules: {name} has no kind that is known"))),
        };
        let body = body(rule, &name, sources)?;
        source.rules.push(CustomRule { name, span: Span::default(), programs, body: Some(body) });
    }
    Ok(())
}

/// The function that the rule is for, as its text stands.
fn body(rule: &Json, name: &str, sources: &mut Sources) -> Result<Program, Failure> {
    let functions = read(rule, name, "call_jaxpr", sources)?.functions;
    Ok(functions.into_iter().next_back().map(|function| function.program).unwrap_or_default())
}

/// One program of a rule, its constants bound.
fn parse(
    rule: &Json,
    name: &str,
    part: &str,
    consts: &str,
    sources: &mut Sources,
) -> Result<Function, Failure> {
    let mut source = read(rule, name, part, sources)?;
    let main = source.functions.last().ok_or_else(|| Failure::data(format!("{part} of {name} is empty")))?;
    let arrays = rule[consts].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut values = HashMap::new();
    for (constvar, array) in main.constvar_names.iter().zip(arrays) {
        values.insert(constvar.clone(), tensor(array).map_err(Failure::data)?);
    }
    exports::bind_constants(&mut source, &values)?;
    let mut function = source.functions.pop().expect("it has a last function");
    function.called = true;
    Ok(function)
}

fn read(rule: &Json, name: &str, part: &str, sources: &mut Sources) -> Result<Source, Failure> {
    let text =
        rule[part].as_str().ok_or_else(|| Failure::data(format!("custom_rules: {name} has no {part}")))?;
    let id = sources.add(format!("{part} of {name}"), text);
    Ok(rjaxc_compiler::read(sources, id)?)
}

/// `{"t": "f32", "shape": [2], "d": "base64 of little-endian bytes"}`.
fn tensor(json: &Json) -> Result<Tensor, String> {
    let dtype = json["t"].as_str().and_then(DType::from_short_name).ok_or("a constant without a type")?;
    let extents = json["shape"].as_array().ok_or("a constant without a shape")?;
    let extents: Option<Vec<usize>> = extents
        .iter()
        .map(|extent| extent.as_u64().and_then(|extent| usize::try_from(extent).ok()))
        .collect();
    let bytes = BASE64.decode(json["d"].as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
    let aval = Aval::new(dtype, extents.ok_or("a constant with a shape of no sizes")?);
    Tensor::new(aval.clone(), bytes).ok_or_else(|| format!("a constant of type {aval} with other bytes"))
}
