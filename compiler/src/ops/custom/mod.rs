//! Functions of JAX with derivatives of their own. The text of a program names their rules at most; the rules of those that
//! users meet are written here, because their bodies, differentiated as they stand, give other derivatives: at zero, at
//! infinity, or everywhere.

mod expanded;
mod patterns;
#[cfg(test)]
mod tests;

pub use patterns::{named, recognized};

use super::control::{CustomCall, CustomKind};
use super::elementwise::{BinaryKind, CompareKind, Identity, IdentityKind, UnaryKind};
use super::random::sample_tangent;
use super::rules::{broadcast_to, tangent_aval};
use crate::ir::{Atom, Builder, Program};
use crate::types::{Aval, Kind};

/// An elementwise function of floats with a rule of its own; what is no float among the operands has no tangent.
struct Known {
    /// Of the function and of its rule, as JAX 0.10 prints them.
    name: &'static str,
    rule: &'static str,
    /// How many operands it has.
    arity: usize,
    /// The tangent of its first result; results of integers have none.
    tangent: fn(&mut Builder, &Point) -> Atom,
}

/// Where a derivative is taken, and in which direction.
struct Point<'a> {
    x: &'a [Atom],
    result: Atom,
    tangents: &'a [Atom],
}

const fn known(
    name: &'static str,
    rule: &'static str,
    arity: usize,
    tangent: fn(&mut Builder, &Point) -> Atom,
) -> Known {
    Known { name, rule, arity, tangent }
}

const KNOWN: [Known; 11] = [
    known("relu", "jvp", 1, |b, at| {
        let inside = is_positive(b, at.x[0]);
        zero_outside(b, inside, at.tangents[0])
    }),
    known("relu6", "jvp", 1, |b, at| {
        let (above, six) = (is_positive(b, at.x[0]), b.constant_like(at.x[0], 6.0));
        let below = b.compare(CompareKind::Lt, at.x[0], six);
        let inside = b.binary(BinaryKind::And, above, below);
        zero_outside(b, inside, at.tangents[0])
    }),
    known("logaddexp", "_logaddexp_jvp", 2, |b, at| softmax_of_two(b, at, UnaryKind::Exp)),
    known("logaddexp2", "_logaddexp2_jvp", 2, |b, at| softmax_of_two(b, at, UnaryKind::Exp2)),
    known("xlogy", "_xlogy_jvp", 2, |b, at| {
        let log = b.unary(UnaryKind::Log, at.x[1]);
        product_with_logarithm(b, at, log, at.x[1])
    }),
    known("xlog1py", "_xlog1py_jvp", 2, |b, at| {
        let (log, one) = (b.unary(UnaryKind::Log1p, at.x[1]), b.constant_like(at.x[1], 1.0));
        let inner = b.add(one, at.x[1]);
        product_with_logarithm(b, at, log, inner)
    }),
    known("_xlogx", "_xlogx_jvp", 1, |b, at| {
        let (log, one) = (b.unary(UnaryKind::Log, at.x[0]), b.constant_like(at.x[0], 1.0));
        let slope = b.add(log, one);
        b.mul(at.tangents[0], slope)
    }),
    // The mantissa is the operand times a power of two, which is their quotient; neither has one at zero and infinity.
    known("_frexp", "_frexp_jvp", 1, |b, at| {
        let (power, one) = (b.div(at.result, at.x[0]), b.constant_like(at.x[0], 1.0));
        let power = b.emit_one(Identity(IdentityKind::StopGradient), &[power]);
        let is_regular = b.compare(CompareKind::Eq, power, power);
        let slope = b.select(is_regular, power, one);
        b.mul(at.tangents[0], slope)
    }),
    // These two rules are those of a primitive, which StableHLO has as a function.
    known("_gamma", "_gamma_grad", 2, |b, at| sample_tangent(b, at.tangents[1], at.x[1], at.result, false)),
    known("_gamma", "_log_gamma_grad", 2, |b, at| {
        sample_tangent(b, at.tangents[1], at.x[1], at.result, true)
    }),
    known("log1mexp", "jvp", 1, |b, at| {
        let slope = b.unary(UnaryKind::Expm1, at.x[0]);
        b.div(at.tangents[0], slope)
    }),
];

/// The rule of a call as a program from primals and tangents to results and their tangents; `None` if it is not known.
pub fn rule(call: &CustomCall) -> Option<Program> {
    rule_calling(call, call)
}

/// The same, with another call in the place where the rule evaluates the function.
pub fn rule_calling(call: &CustomCall, function: &CustomCall) -> Option<Program> {
    let rule = call.rest.name("jvp").ok()?;
    let known = KNOWN.iter().find(|known| Some(known.name) == call.name.as_deref() && known.rule == rule)?;
    let (inputs, outputs) = (call.body().input_avals(), call.body().output_avals());
    let shape = &outputs.first()?.shape;
    // Of other ranks, operands of calls under vmap can be: those have been given their rules before.
    let is_float = |aval: &&Aval| aval.dtype.is_float();
    let fits = |aval: &Aval| aval.shape == *shape || aval.shape.is_scalar();
    let keys = usize::from(known.name == "_gamma");
    let floats = inputs.get(keys..)?;
    if call.kind != CustomKind::Jvp
        || inputs.len() != known.arity
        || !floats.iter().all(|x| is_float(&x) && fits(x))
    {
        return None;
    }
    let mut b = Builder::new();
    let x: Vec<Atom> = inputs.iter().map(|aval| b.input(aval.clone()).into()).collect();
    let tangents: Vec<Atom> = inputs.iter().map(|aval| b.input(tangent_aval(aval)).into()).collect();
    let mut results = b.emit(function.clone(), &x);
    for (position, aval) in outputs.iter().enumerate() {
        let tangent = match aval.dtype.kind() {
            Kind::Float => {
                let point = Point { x: &x, result: results[position], tangents: &tangents };
                let tangent = (known.tangent)(&mut b, &point);
                broadcast_to(&mut b, tangent, &aval.shape)
            }
            Kind::Bool | Kind::Signed | Kind::Unsigned => b.zeros(&tangent_aval(aval)),
            Kind::Complex | Kind::Key | Kind::Float0 => return None,
        };
        results.push(tangent);
    }
    Some(b.finish(results))
}

fn is_positive(b: &mut Builder, x: Atom) -> Atom {
    let zero = b.constant_like(x, 0.0);
    b.compare(CompareKind::Gt, x, zero)
}

fn zero_outside(b: &mut Builder, inside: Atom, tangent: Atom) -> Atom {
    let zero = b.constant_like(tangent, 0.0);
    b.select(inside, tangent, zero)
}

/// Each tangent times `e^(x - result)`, where infinities of one sign cancel.
fn softmax_of_two(b: &mut Builder, at: &Point, exp: UnaryKind) -> Atom {
    let result = without_infinity(b, at.result);
    let terms = [0, 1].map(|side| {
        let x = without_infinity(b, at.x[side]);
        let difference = b.sub(x, result);
        let weight = b.unary(exp, difference);
        b.mul(at.tangents[side], weight)
    });
    b.add(terms[0], terms[1])
}

fn without_infinity(b: &mut Builder, x: Atom) -> Atom {
    let (infinity, zero) = (b.constant_like(x, f64::INFINITY), b.constant_like(x, 0.0));
    let is_infinite = b.compare(CompareKind::Eq, x, infinity);
    b.select(is_infinite, zero, x)
}

/// Of `x log(inner)`, where `inner` grows as the second operand does.
fn product_with_logarithm(b: &mut Builder, at: &Point, log: Atom, inner: Atom) -> Atom {
    let of_x = b.mul(at.tangents[0], log);
    let weighted = b.mul(at.tangents[1], at.x[0]);
    let of_y = b.div(weighted, inner);
    b.add(of_x, of_y)
}
