//! `CustomRoot`: the root of a function, as JAX 0.12 prints `lax.custom_root`.

use super::super::control::{CustomCall, CustomKind};
use super::super::elementwise::{Identity, IdentityKind};
use super::{Meaning, Source};
use crate::ir::{Atom, Params};

const NAME: &str = "CustomRoot";

/// Operands: what `solve` captures, the guess, and what the function and the rule for its derivative capture. The text
/// holds `solve` alone, so that derivatives go through its steps. Source: JAX lax.custom_root.
pub(super) fn meaning(source: &Source) -> Option<Meaning> {
    (source.name == NAME && source.params.get("solve_jaxpr").is_some()).then(|| custom_root(source))
}

fn custom_root(source: &Source) -> Meaning {
    let solve = source.params.body("solve_jaxpr")?.clone();
    let (expected, count) = (solve.input_avals(), solve.inputs.len());
    if source.operands.get(..count) != Some(&expected) {
        return Err(source.wrong("expected operands of the types of solve_jaxpr"));
    }
    let (mut b, mut inputs) = source.inputs();
    inputs.truncate(count);
    // A root does not depend on the guess that led to it.
    if source.params.bool("has_aux") != Ok(true) {
        for guess in &mut inputs[count.saturating_sub(solve.outputs.len())..] {
            *guess = b.emit_one(Identity(IdentityKind::StopGradient), &[*guess]);
        }
    }
    let call = CustomCall::new(CustomKind::Jvp, Some("custom_root".to_string()), solve, Params::new());
    let outputs: Vec<Atom> = b.emit(call, &inputs);
    Ok(b.finish(outputs))
}
