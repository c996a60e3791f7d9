//! Functions of JAX with derivatives of their own whose bodies, differentiated as they stand, would give others. They are
//! written here as programs whose ordinary derivative is the rule's.

use super::control::{CustomCall, CustomKind};
use super::elementwise::{BinaryKind, CompareKind, Identity, IdentityKind};
use crate::ir::inline::inline;
use crate::ir::{Atom, Builder, Program};

/// Where the function is the identity; elsewhere it has no derivative.
type IsInside = fn(&mut Builder, Atom) -> Atom;

/// By name of the function and of its rule, as JAX 0.10 prints them.
fn known(call: &CustomCall) -> Option<IsInside> {
    if call.kind != CustomKind::Jvp || call.body().inputs.len() != 1 {
        return None;
    }
    match (call.name.as_deref()?, call.rest.name("jvp").ok()?) {
        ("relu", "jvp") => Some(is_positive),
        ("relu6", "jvp") => Some(|b, x| {
            let (above, six) = (is_positive(b, x), b.constant_like(x, 6.0));
            let below = b.compare(CompareKind::Lt, x, six);
            b.binary(BinaryKind::And, above, below)
        }),
        _ => None,
    }
}

/// A program equal to the call whose derivative, by the rules of its primitives, is the one of the call's own rule;
/// `None` if no correction is known.
pub fn differentiable(call: &CustomCall) -> Option<Program> {
    let is_inside = known(call)?;
    let body = call.body();
    let mut b = Builder::new();
    let x = b.input(body.input_avals().first()?.clone()).into();
    let value = inline(&mut b, body, &[x])[0];
    let value = b.emit_one(Identity(IdentityKind::StopGradient), &[value]);
    let inside = is_inside(&mut b, x);
    let result = b.select(inside, x, value);
    Some(b.finish(vec![result]))
}

fn is_positive(b: &mut Builder, x: Atom) -> Atom {
    let zero = b.constant_like(x, 0.0);
    b.compare(CompareKind::Gt, x, zero)
}
