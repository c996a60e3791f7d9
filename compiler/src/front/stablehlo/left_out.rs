//! What a module holds that has no effect on what its functions compute, or no place in this project: it is left out, with a
//! warning.

use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Func, Module, Op, Region, Type, Visibility};
use std::collections::HashSet;

/// Calls of Python, by their targets.
const CALLBACKS: &[&str] = &[
    "xla_python_cpu_callback",
    "xla_python_gpu_callback",
    "xla_ffi_python_cpu_callback",
    "xla_ffi_python_gpu_callback",
    "xla_ffi_partitioned_python_cpu_callback",
    "xla_ffi_partitioned_python_gpu_callback",
];

/// The dialects whose operations have a meaning here.
const DIALECTS: &[&str] = &["stablehlo", "chlo", "func", "sdy"];

/// The target of a call of Python that gives nothing back: what `jax.debug` prints. `None` for everything else.
pub fn callback<'m>(function: &Func, op: &'m Op) -> Option<&'m str> {
    if op.name != "stablehlo.custom_call" {
        return None;
    }
    let target = op.attributes.text("call_target_name")?;
    let is_nothing = |ty: &Type| matches!(ty, Type::Tuple(elements) if elements.is_empty());
    let gives_nothing = op.results.iter().all(|&value| is_nothing(function.type_of(value)));
    (gives_nothing && CALLBACKS.contains(&target)).then_some(target)
}

/// The functions that nobody calls and that hold operations of other dialects, beside functions that do not: what a compiler
/// adds to start and end its runtime. With a warning each.
pub fn functions<'m>(module: &'m Module, called: &HashSet<&str>) -> (HashSet<&'m str>, Vec<Diagnostic>) {
    let roots = || {
        let is_root = |function: &&Func| {
            function.visibility == Visibility::Public && !called.contains(function.name.as_str())
        };
        module.functions.iter().filter(is_root)
    };
    let found: Vec<(&Func, &Op)> = roots()
        .filter_map(|function| Some((function, foreign(module, function, &mut HashSet::new())?)))
        .collect();
    if found.len() == roots().count() {
        return Default::default();
    }
    let warning = |(function, op): &(&'m Func, &'m Op)| {
        let message =
            format!("the function @{} is left out: {} is no operation of StableHLO", function.name, op.name);
        Diagnostic::warning(message).at(op.location.span)
    };
    (found.iter().map(|(function, _)| function.name.as_str()).collect(), found.iter().map(warning).collect())
}

/// The first operation of another dialect in a function and in what it calls.
fn foreign<'m>(module: &'m Module, function: &'m Func, seen: &mut HashSet<&'m str>) -> Option<&'m Op> {
    if !seen.insert(&function.name) {
        return None;
    }
    within(module, &function.body, seen)
}

fn within<'m>(module: &'m Module, region: &'m Region, seen: &mut HashSet<&'m str>) -> Option<&'m Op> {
    region.ops.iter().find_map(|op| {
        let dialect = op.name.split_once('.').map_or("", |(dialect, _)| dialect);
        if !DIALECTS.contains(&dialect) {
            return Some(op);
        }
        let callee = match op.attributes.get("callee") {
            Some(Attribute::Symbol(name)) => module.function(name),
            _ => None,
        };
        callee
            .and_then(|callee| foreign(module, callee, seen))
            .or_else(|| op.regions.iter().find_map(|region| within(module, region, seen)))
    })
}
