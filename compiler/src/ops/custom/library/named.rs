//! Functions of StableHLO that are those of the library, by name and by what they are made of.

use super::super::super::Op;
use super::super::super::control::{CustomCall, CustomKind};
use crate::ir::{Body, Params, Program};

/// The call to make in the place of a call of a function; `None` if it is not one of the library.
pub fn named(name: &str, body: &Body) -> Option<CustomCall> {
    let counts = (body.inputs.len(), body.outputs.len());
    let has = |op: &str| body.equations.iter().any(|eqn| eqn.op.name() == op);
    let (name, rule) = match (name, counts) {
        ("i0", (1, 1)) if has("exp") && has("abs") => ("_i0", "_i0_jvp"),
        // Since JAX 0.12 a polynomial around the nearest integer, which stands still in JAX; the text does not say so.
        ("sinc", (1, 1)) if (has("sin") || has("round")) && has("div") => ("sinc", "sinc_jvp"),
        ("expi", (1, 1)) if calls(body, "_piecewise") => ("expi", "expi_jvp"),
        ("sici", (1, 2)) if has("sin") && has("cos") => ("sici", "sici_jvp"),
        // Where only one of the results is used, the other is gone.
        ("sici", (1, 1)) if has("sin") && has("cos") => (if has("log") { "ci" } else { "si" }, "sici_jvp"),
        ("fresnel", (1, 2)) if has("sin") && has("cos") => ("fresnel", "_fresnel_jvp"),
        ("expn", (2, 1)) if calls(body, "_piecewise") => ("expn", "expn_jvp"),
        ("_expn", (2, 1)) if calls(body, "_piecewise") => ("_expn", "_expn_jvp"),
        ("hyp1f1", (3, 1)) if calls(body, "gammasgn") => ("hyp1f1", "jvp"),
        ("hyp2f1", (4, 1)) if calls(body, "gammasgn") => ("hyp2f1", "jvp"),
        ("_erfcinv_impl", (1, 1)) if has("select_n") => ("_erfcinv", "_erfcinv_jvp"),
        _ => return None,
    };
    let rest = Params::new().with("jvp", rule).with("symbolic_zeros", false);
    let call = CustomCall::new(CustomKind::Jvp, Some(name.to_string()), body.clone(), rest);
    super::find(&call).is_some().then_some(call)
}

/// Does a program call a function of this name, numbered or not, at any depth?
fn calls(program: &Program, name: &str) -> bool {
    program.equations.iter().any(|eqn| {
        let is_it = match &eqn.op {
            Op::Call(call) => call.name.as_deref().is_some_and(|found| found.starts_with(name)),
            _ => false,
        };
        is_it || eqn.op.bodies().iter().any(|body| calls(body, name))
    })
}
