//! Functions of JAX with derivatives of their own. The text of a program names their rules at most; the rules of those that
//! users meet are written here, because their bodies, differentiated as they stand, give other derivatives: at zero, at
//! infinity, or everywhere.

mod alignment;
mod expanded;
mod inlined;
mod library;
mod lost;
mod matching;
mod patterns;
#[cfg(test)]
mod tests;

pub use inlined::inlined;
pub use library::by_body;
pub use lost::{LostRule, lost_batching_rules, lost_rules};
pub use patterns::recognized;

use super::Op;
use super::control::{CustomCall, CustomKind};
use super::elementwise::{BinaryKind, CompareKind, Identity, IdentityKind, UnaryKind};
use super::random::sample_tangent;
use super::rules::{broadcast_to, tangent_aval};
use super::special::{Special, SpecialKind};
use crate::ir::{Atom, Body, Builder, Program};
use crate::types::{Aval, DType, Kind};
use alignment::Axes;

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

impl Known {
    /// How many of the operands, the first ones, are keys.
    fn keys(&self) -> usize {
        usize::from(self.name == "_gamma")
    }
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

/// A function that StableHLO calls by name, if the body is that of the library of JAX: the call to make in its place.
pub fn named(name: &str, body: &Body) -> Option<CustomCall> {
    patterns::named(name, body).or_else(|| library::named(name, body))
}

/// A primitive that StableHLO calls as a function, if the body is JAX's: it takes the bits of a number apart, so that its
/// own slope would be zero. Source: JAX 0.12, `lgamma_impl`.
pub fn primitive(name: &str, body: &Body) -> Option<Op> {
    let has = |op: &str| body.equations.iter().any(|eqn| eqn.op.name() == op);
    let one = Aval { dtype: DType::F32, ..body.output_avals().first()?.clone() };
    let is_unary = body.input_avals() == [one.clone()] && body.output_avals() == [one];
    let is_it = name == "lgamma_impl" && is_unary && has("bitcast_convert_type") && has("clz");
    is_it.then(|| Special(SpecialKind::Lgamma).into())
}

/// Is there a [`rule`] of the call?
pub fn is_known(call: &CustomCall) -> bool {
    find(call).is_some() || library::is_known(call)
}

/// The row of a call, and along which axes of its first result the operands lie.
fn find(call: &CustomCall) -> Option<(&'static Known, Vec<Axes>)> {
    let rule = call.rest.name("jvp").ok()?;
    let known = KNOWN.iter().find(|known| Some(known.name) == call.name.as_deref() && known.rule == rule)?;
    let (inputs, outputs) = (call.body().input_avals(), call.body().output_avals());
    let is_smooth = |aval: &Aval| match aval.dtype.kind() {
        Kind::Complex | Kind::Key | Kind::Float0 => false,
        Kind::Bool | Kind::Signed | Kind::Unsigned | Kind::Float => true,
    };
    let floats = inputs.get(known.keys()..)?;
    let fits = call.kind == CustomKind::Jvp
        && inputs.len() == known.arity
        && floats.iter().all(|aval| aval.dtype.is_float())
        && outputs.iter().all(is_smooth);
    fits.then_some((known, alignment(known, call)?))
}

/// As the body says; a body with loops does not, but those of one axis or less cannot lie otherwise.
fn alignment(known: &Known, call: &CustomCall) -> Option<Vec<Axes>> {
    if let Some(axes) = alignment::of_inputs(call.body()) {
        return Some(axes);
    }
    let inputs = call.body().input_avals();
    let shape = call.body().output_avals().first()?.shape.clone();
    let in_place = alignment::of_result(&shape);
    let is_plain = |aval: &Aval| aval.shape == shape || aval.shape.is_scalar();
    let is_clear = known.keys() > 0 || shape.rank() <= 1;
    if !is_clear || !inputs[known.keys()..].iter().all(is_plain) {
        return None;
    }
    Some(
        inputs
            .iter()
            .map(|aval| if aval.shape.is_scalar() { Vec::new() } else { in_place.clone() })
            .collect(),
    )
}

/// The same as [`rule`], with another call in the place where the rule evaluates the function.
pub fn rule_calling(call: &CustomCall, function: &CustomCall) -> Option<Program> {
    of_table(call, function).or_else(|| library::rule_calling(call, function))
}

fn of_table(call: &CustomCall, function: &CustomCall) -> Option<Program> {
    let (known, axes) = find(call)?;
    let (inputs, outputs) = (call.body().input_avals(), call.body().output_avals());
    let rank = outputs.first()?.shape.rank();
    let mut b = Builder::new();
    let x: Vec<Atom> = inputs.iter().map(|aval| b.input(aval.clone()).into()).collect();
    let tangents: Vec<Atom> = inputs.iter().map(|aval| b.input(tangent_aval(aval)).into()).collect();
    let mut results = b.emit(function.clone(), &x);
    let aligned = |b: &mut Builder, operands: &[Atom]| -> Vec<Atom> {
        let floats = operands.iter().zip(&axes).enumerate();
        floats
            .map(|(at, (&x, axes))| if at < known.keys() { x } else { alignment::aligned(b, x, axes, rank) })
            .collect()
    };
    let (x, tangents) = (aligned(&mut b, &x), aligned(&mut b, &tangents));
    for (position, aval) in outputs.iter().enumerate() {
        let tangent = if aval.dtype.is_float() {
            let point = Point { x: &x, result: results[position], tangents: &tangents };
            let tangent = (known.tangent)(&mut b, &point);
            broadcast_to(&mut b, tangent, &aval.shape)
        } else {
            b.zeros(&tangent_aval(aval))
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
