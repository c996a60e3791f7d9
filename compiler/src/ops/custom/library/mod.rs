//! The functions of JAX with derivatives of their own beyond the first table: those of its special functions, found in its
//! sources (versions 0.10 and 0.12).
//!
//! # Note: what comes before the operands
//! JAX puts closed-over constants, such as the coefficients of a polynomial, before the operands of a call. They have no
//! tangents, nor have the values that [`super::inlined`] puts there.

mod functions;
mod named;
mod related;
#[cfg(test)]
mod tests;

pub use named::named;

use super::super::control::{CustomCall, CustomKind};
use super::super::rules::{broadcast_to, tangent_aval};
use crate::ir::{Atom, Builder, Program};
use crate::types::{Aval, DType, Kind};

/// An elementwise function with a rule of its own.
struct Row {
    /// Of the function and of its rule, as JAX prints them.
    name: &'static str,
    rule: &'static str,
    /// How many operands it has, the last ones of a call.
    arity: usize,
    /// The operands whose slope the body gives, by forward mode: those of series without a closed form.
    by_body: &'static [usize],
    /// The tangents of its results, from the other operands.
    tangents: fn(&mut Builder, &Site) -> Vec<Atom>,
}

/// Where a derivative is taken, and in which direction.
struct Site<'a> {
    /// The operands, of the shape of the result.
    x: &'a [Atom],
    results: &'a [Atom],
    tangents: &'a [Atom],
    /// The operands as they are given to the call.
    raw: &'a [Atom],
    /// Evaluates the function on other operands.
    call: &'a dyn Fn(&mut Builder, &[Atom]) -> Vec<Atom>,
}

const fn row(
    name: &'static str,
    rule: &'static str,
    arity: usize,
    tangents: fn(&mut Builder, &Site) -> Vec<Atom>,
) -> Row {
    Row { name, rule, arity, by_body: &[], tangents }
}

const ROWS: [Row; 30] = [
    row("_i0", "_i0_jvp", 1, functions::i0),
    row("i0_impl", "i0_impl_jvp", 1, functions::i0),
    // JAX 0.12 prints the name of the function that it decorates.
    row("i1_impl", "i1_impl_jvp", 1, functions::i1),
    row("_i1", "i1_impl_jvp", 1, functions::i1),
    row("_sinc_maclaurin", "_sinc_maclaurin_jvp", 1, functions::sinc_at_zero),
    row("sinc", "sinc_jvp", 1, functions::sinc),
    row("logit", "jvp", 1, functions::logit),
    row("log_ndtr", "_log_ndtr_jvp", 1, functions::log_ndtr),
    row("_erfcx", "jvp", 1, functions::erfcx),
    row("_erfcx", "_erfcx_jvp", 1, functions::erfcx),
    row("_dawsn", "jvp", 1, functions::dawsn),
    row("_wofz", "jvp", 1, functions::wofz),
    row("_ndtri", "_ndtri_jvp", 1, functions::ndtri),
    row("_ndtri_grad", "_ndtri_grad_jvp", 2, functions::ndtri_grad),
    row("_erfcinv", "_erfcinv_jvp", 1, functions::erfcinv),
    row("_erfcinv_grad", "_erfcinv_grad_jvp", 2, functions::erfcinv_grad),
    row("expi", "expi_jvp", 1, functions::expi),
    row("sici", "sici_jvp", 1, functions::sici),
    row("si", "sici_jvp", 1, functions::si),
    row("ci", "sici_jvp", 1, functions::ci),
    row("expn", "expn_jvp", 2, functions::expn),
    row("_expn", "_expn_jvp", 2, functions::expn),
    row("fresnel", "_fresnel_jvp", 1, functions::fresnel),
    row("fresnel_s", "_fresnel_jvp", 1, functions::fresnel_s),
    row("fresnel_c", "_fresnel_jvp", 1, functions::fresnel_c),
    row("poch", "jvp", 2, functions::poch),
    row("_owens_t_impl", "_owens_t_jvp", 2, functions::owens_t),
    row("_hypot", "_hypot_jvp", 2, functions::hypot),
    Row { name: "hyp1f1", rule: "jvp", arity: 3, by_body: &[0, 1], tangents: functions::hyp1f1 },
    Row { name: "hyp2f1", rule: "jvp", arity: 4, by_body: &[0, 1, 2], tangents: functions::hyp2f1 },
];

/// The row of a call, and how many of its operands come before those of the function.
fn find(call: &CustomCall) -> Option<(&'static Row, usize)> {
    let rule = call.rest.name("jvp").ok()?;
    let row = ROWS.iter().find(|row| Some(row.name) == call.name.as_deref() && row.rule == rule)?;
    let (inputs, outputs) = (call.body().input_avals(), call.body().output_avals());
    let before = inputs.len().checked_sub(row.arity)?;
    let shape = &outputs.first()?.shape;
    let is_number = |aval: &Aval| match aval.dtype.kind() {
        Kind::Float | Kind::Complex => true,
        Kind::Signed | Kind::Unsigned => row.name == "expn",
        Kind::Bool | Kind::Key | Kind::Float0 => false,
    };
    let fits = |aval: &Aval| is_number(aval) && (aval.shape == *shape || aval.shape.is_scalar());
    let is_known = call.kind == CustomKind::Jvp
        && inputs[before..].iter().all(fits)
        && outputs.iter().all(|aval| is_number(aval) && aval.shape == *shape)
        && (row.name != "_sinc_maclaurin" || functions::is_value_of_sinc(call.body()));
    is_known.then_some((row, before))
}

/// Is there a rule of the call?
pub fn is_known(call: &CustomCall) -> bool {
    find(call).is_some()
}

/// The operands of a call whose slopes the body gives; empty for calls that are not known.
pub fn by_body(call: &CustomCall) -> Vec<usize> {
    find(call).map_or_else(Vec::new, |(row, before)| row.by_body.iter().map(|at| at + before).collect())
}

/// The rule of `call` as a program, with `function` in the place where it evaluates the function; `None` if it is not
/// known. The tangents of the operands of [`by_body`] count as zero.
pub fn rule_calling(call: &CustomCall, function: &CustomCall) -> Option<Program> {
    let (row, before) = find(call)?;
    let (inputs, outputs) = (call.body().input_avals(), call.body().output_avals());
    let mut b = Builder::new();
    let raw: Vec<Atom> = inputs.iter().map(|aval| b.input(aval.clone()).into()).collect();
    let raw_tangents: Vec<Atom> = inputs.iter().map(|aval| b.input(tangent_aval(aval)).into()).collect();
    let (constants, raw) = raw.split_at(before);
    // A call takes operands of several types; the rule computes in that of the result.
    let evaluate = |b: &mut Builder, x: &[Atom]| {
        let typed = x.iter().zip(&inputs[before..]).map(|(&x, aval)| in_type(b, x, aval.dtype));
        let operands = constants.iter().copied().chain(typed).collect::<Vec<_>>();
        b.emit(function.clone(), &operands)
    };
    let mut results = evaluate(&mut b, raw);
    let dtype = outputs[0].dtype;
    let shape = &outputs[0].shape;
    let typed = |b: &mut Builder, x: Atom| if b.dtype(x).is_inexact() { in_type(b, x, dtype) } else { x };
    let x: Vec<Atom> = raw
        .iter()
        .map(|&raw| {
            let x = typed(&mut b, raw);
            broadcast_to(&mut b, x, shape)
        })
        .collect();
    let mut tangents = Vec::new();
    for (&x, &tangent) in x.iter().zip(&raw_tangents[before..]) {
        tangents.push(if b.dtype(x).is_inexact() {
            let tangent = in_type(&mut b, tangent, dtype);
            broadcast_to(&mut b, tangent, shape)
        } else {
            tangent
        });
    }
    let site = Site { x: &x, results: &results, tangents: &tangents, raw, call: &evaluate };
    let found = (row.tangents)(&mut b, &site);
    for (tangent, aval) in found.into_iter().zip(&outputs) {
        results.push(broadcast_to(&mut b, tangent, &aval.shape));
    }
    Some(b.finish(results))
}

fn in_type(b: &mut Builder, x: Atom, dtype: DType) -> Atom {
    if b.dtype(x) == dtype { x } else { b.convert(x, dtype) }
}
