//! Functions with derivatives of their own. Text names the rules but does not contain them, so the rules of JAX that are
//! known here are written as programs whose ordinary derivative is the rule's.

use super::control::{CustomCall, CustomKind};
use super::elementwise::{BinaryKind, CompareKind, Identity, IdentityKind};
use super::rules::{NoRule, Rule};
use crate::ir::inline::inline;
use crate::ir::{Atom, Builder, Program};

/// How a known function differs from its body under differentiation.
enum Known {
    /// Not at all: the rule avoids overflow at most where the body does, too.
    Body,
    /// It is the identity where its operand is inside the bounds, and has no derivative elsewhere.
    IdentityInside(fn(&mut Builder, Atom) -> Atom),
}

/// By name of the function and of its rule, as JAX 0.10 prints them.
fn known(call: &CustomCall) -> Option<Known> {
    let rule = call.rest.name("jvp").ok()?;
    match (call.name.as_deref()?, rule) {
        ("relu", "jvp") => Some(Known::IdentityInside(is_positive)),
        ("relu6", "jvp") => Some(Known::IdentityInside(|b, x| {
            let (above, six) = (is_positive(b, x), b.constant_like(x, 6.0));
            let below = b.compare(CompareKind::Lt, x, six);
            b.binary(BinaryKind::And, above, below)
        })),
        ("logaddexp", "_logaddexp_jvp") | ("logaddexp2", "_logaddexp2_jvp") => Some(Known::Body),
        _ => None,
    }
}

/// A program equal to the call whose derivative, by the rules of its primitives, is the one of the call's own rule.
///
/// Errors: the rule is not known here.
pub fn differentiable(call: &CustomCall) -> Rule<Program> {
    let known = match call.kind {
        CustomKind::Jvp => known(call).ok_or(NoRule::NotYet("the text lacks its jvp rule"))?,
        CustomKind::Vjp => return Err(NoRule::NotYet("the text lacks its vjp rule")),
    };
    let body = call.body.program();
    match known {
        Known::Body => Ok(body.clone()),
        Known::IdentityInside(is_inside) => {
            let mut b = Builder::new();
            let x = b.input(body.input_avals()[0].clone()).into();
            let value = inline(&mut b, body, &[x])[0];
            let value = b.emit_one(Identity(IdentityKind::StopGradient), &[value]);
            let inside = is_inside(&mut b, x);
            let result = b.select(inside, x, value);
            Ok(b.finish(vec![result]))
        }
    }
}

fn is_positive(b: &mut Builder, x: Atom) -> Atom {
    let zero = b.constant_like(x, 0.0);
    b.compare(CompareKind::Gt, x, zero)
}
