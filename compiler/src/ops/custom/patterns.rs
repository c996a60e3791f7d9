//! Finds the functions of the table in programs that have lost their names: StableHLO has bodies in the place of calls.

use super::super::Op;
use super::super::control::{CallKind, CustomCall, CustomKind};
use super::super::elementwise::{
    Binary, BinaryKind, CompareKind, Identity, IdentityKind, IntegerPow, Unary, UnaryKind,
};
use super::super::rules::broadcast_to;
use super::super::special::{Special, SpecialKind};
use super::matching::{Definitions, Matching, View};
use super::{alignment, expanded};
use crate::ir::inline::{Scope, inline, rewritten};
use crate::ir::{Atom, Body, Builder, Equation, Params, Program, Var, prune};
use crate::types::{Aval, DType};
use std::collections::HashMap;

/// A function by what its body looks like.
pub(super) struct Pattern {
    pub meaning: Meaning,
    /// How many operands it has.
    pub arity: usize,
    /// How many values of the body may be anything: results of loops and of long sums.
    pub free: usize,
    pub body: fn(&mut Builder, &[Atom]) -> Atom,
}

/// What a body found is.
pub(super) enum Meaning {
    /// A function of the table and its rule; the body stays what is computed.
    Custom(&'static str, &'static str),
    /// A primitive that StableHLO lacks.
    Special(SpecialKind),
    /// A primitive that StableHLO has, but that texts write out.
    Unary(UnaryKind),
    /// A power with this exponent.
    Power(i64),
}

#[cfg(test)]
impl Meaning {
    pub fn name(&self) -> &'static str {
        match self {
            Custom(name, _) => name,
            Meaning::Special(_) => "special",
            Meaning::Unary(_) => "unary",
            Meaning::Power(_) => "power",
        }
    }
}

use Meaning::Custom;

/// Asked in this order.
pub(super) const PATTERNS: [Pattern; 12] = [
    Pattern { meaning: Meaning::Unary(UnaryKind::Logistic), arity: 1, free: 0, body: logistic },
    // The fourth power is a square, too.
    Pattern { meaning: Meaning::Power(-4), arity: 1, free: 0, body: |b, x| reciprocal(b, x, 4) },
    Pattern { meaning: Meaning::Power(-3), arity: 1, free: 0, body: |b, x| reciprocal(b, x, 3) },
    Pattern { meaning: Meaning::Power(-2), arity: 1, free: 0, body: |b, x| reciprocal(b, x, 2) },
    Pattern { meaning: Custom("logaddexp", "_logaddexp_jvp"), arity: 2, free: 0, body: logaddexp },
    Pattern { meaning: Custom("logaddexp2", "_logaddexp2_jvp"), arity: 2, free: 0, body: logaddexp2 },
    Pattern { meaning: Custom("_xlogx", "_xlogx_jvp"), arity: 1, free: 0, body: xlogx },
    Pattern { meaning: Custom("xlogy", "_xlogy_jvp"), arity: 2, free: 0, body: xlogy },
    Pattern { meaning: Custom("xlog1py", "_xlog1py_jvp"), arity: 2, free: 0, body: xlog1py },
    Pattern { meaning: Meaning::Special(SpecialKind::Igamma), arity: 2, free: 2, body: expanded::igamma },
    Pattern { meaning: Meaning::Special(SpecialKind::Igammac), arity: 2, free: 2, body: expanded::igammac },
    Pattern {
        meaning: Meaning::Special(SpecialKind::BesselI0e),
        arity: 1,
        free: 4,
        body: expanded::bessel_i0e,
    },
];

/// The slope of this, as it stands, is NaN where the power overflows.
fn logistic(b: &mut Builder, x: &[Atom]) -> Atom {
    let one = b.constant_like(x[0], 1.0);
    let minus = b.neg(x[0]);
    let power = b.unary(UnaryKind::Exp, minus);
    let divisor = b.add(one, power);
    b.div(one, divisor)
}

/// The slope of this, as it stands, is NaN at zero and infinity.
fn reciprocal(b: &mut Builder, x: &[Atom], power: usize) -> Atom {
    let square = b.mul(x[0], x[0]);
    let power = match power {
        2 => square,
        3 => b.mul(x[0], square),
        _ => b.mul(square, square),
    };
    let one = b.constant_like(power, 1.0);
    b.div(one, power)
}

fn logaddexp(b: &mut Builder, x: &[Atom]) -> Atom {
    log_of_sum(b, x, |b, difference| {
        let power = b.unary(UnaryKind::Exp, difference);
        b.unary(UnaryKind::Log1p, power)
    })
}

/// By natural powers and logarithms, as StableHLO has no others.
fn logaddexp2(b: &mut Builder, x: &[Atom]) -> Atom {
    log_of_sum(b, x, |b, difference| {
        let ln2 = b.constant_like(difference, std::f64::consts::LN_2);
        let exponent = b.mul(ln2, difference);
        let power = b.unary(UnaryKind::Exp, exponent);
        let log = b.unary(UnaryKind::Log1p, power);
        let per_ln2 = b.constant_like(log, std::f64::consts::LOG2_E);
        b.mul(per_ln2, log)
    })
}

/// The larger one and a function of minus the distance, or the sum where there is no distance.
fn log_of_sum(b: &mut Builder, x: &[Atom], excess: fn(&mut Builder, Atom) -> Atom) -> Atom {
    let larger = b.binary(BinaryKind::Max, x[0], x[1]);
    let delta = b.sub(x[0], x[1]);
    let is_nan = b.compare(CompareKind::Ne, delta, delta);
    let sum = b.add(x[0], x[1]);
    let distance = b.unary(UnaryKind::Abs, delta);
    let minus = b.neg(distance);
    let excess = excess(b, minus);
    let regular = b.add(larger, excess);
    b.select(is_nan, sum, regular)
}

fn xlogx(b: &mut Builder, x: &[Atom]) -> Atom {
    product_with_logarithm(b, x[0], x[0], UnaryKind::Log)
}

fn xlogy(b: &mut Builder, x: &[Atom]) -> Atom {
    product_with_logarithm(b, x[0], x[1], UnaryKind::Log)
}

fn xlog1py(b: &mut Builder, x: &[Atom]) -> Atom {
    product_with_logarithm(b, x[0], x[1], UnaryKind::Log1p)
}

/// `x log(y)`, and zero for x = 0 unless y is NaN.
fn product_with_logarithm(b: &mut Builder, x: Atom, y: Atom, log: UnaryKind) -> Atom {
    let zero = b.constant_like(x, 0.0);
    let is_regular = b.compare(CompareKind::Ne, x, zero);
    let is_nan = b.compare(CompareKind::Ne, y, y);
    let counts = b.binary(BinaryKind::Or, is_regular, is_nan);
    let log = b.unary(log, y);
    let product = b.mul(x, log);
    b.select(counts, product, zero)
}

/// A function that JAX calls by name, if the body is that of the library: the call to make in its place.
pub fn named(name: &str, body: &Body) -> Option<CustomCall> {
    let ops: Vec<&str> =
        body.equations.iter().map(|eqn| eqn.op.name()).filter(|&name| name != "broadcast_in_dim").collect();
    let is = |expected: &[&str]| ops == expected;
    let (name, rule) = match name {
        "relu" if is(&["max"]) => ("relu", "jvp"),
        "relu6" if is(&["max", "min"]) => ("relu6", "jvp"),
        "frexp" if ops.starts_with(&["abs", "lt", "mul"]) && ops.contains(&"bitcast_convert_type") => {
            ("_frexp", "_frexp_jvp")
        }
        "_gamma" => ("_gamma", gamma_rule(body)?),
        "log1mexp" if ops.contains(&"expm1") && ops.contains(&"log1p") => ("log1mexp", "jvp"),
        _ => return None,
    };
    Some(call(name, rule, body.clone()))
}

/// The rule of samples of gamma distributions, or of their logarithms: products as the last operation, or sums.
fn gamma_rule(body: &Body) -> Option<&'static str> {
    match body.equations.last()?.op {
        Op::Binary(Binary(BinaryKind::Mul)) => Some("_gamma_grad"),
        Op::Binary(Binary(BinaryKind::Add)) => Some("_log_gamma_grad"),
        _ => None,
    }
}

fn call(name: &str, rule: &str, body: Body) -> CustomCall {
    let rest = Params::new().with("jvp", rule).with("symbolic_zeros", false);
    CustomCall::new(CustomKind::Jvp, Some(name.to_string()), body, rest)
}

/// The program with calls and primitives in the place of the bodies found; `None` if there are none.
pub fn recognized(program: &Program) -> Option<Program> {
    let program = with_small_calls_inlined(program);
    let finder = Finder::new(&program);
    let found: HashMap<Var, Found> =
        program.equations.iter().filter_map(|eqn| Some((*eqn.results.first()?, finder.find(eqn)?))).collect();
    if found.is_empty() {
        return None;
    }
    let mut program = rewritten(&program, |b, scope, eqn| {
        let found = found.get(eqn.results.first()?)?;
        Some(vec![found.emitted(b, scope, program.aval(eqn.results[0]))])
    });
    prune::run(&mut program);
    Some(program)
}

/// Such as `jnp.where`, which is one operation.
pub(super) fn with_small_calls_inlined(program: &Program) -> Program {
    const MOST_EQUATIONS: usize = 4;
    rewritten(program, |b, scope, eqn| match &eqn.op {
        Op::Call(call) if call.kind == CallKind::Jit && call.body.equations.len() <= MOST_EQUATIONS => {
            Some(inline(b, &call.body, &scope.atoms(&eqn.operands)))
        }
        _ => None,
    })
}

/// What stands in the place of an equation.
enum Found {
    /// The function of a pattern on these operands.
    Pattern(&'static Pattern, Vec<View>),
    /// A power of a value with an exponent that is an integer.
    IntegerPower(Atom, View),
    /// A choice between a value, which comes second, and the same value without derivative.
    Guard([Atom; 2]),
}

/// Looks for bodies in a program.
struct Finder<'p> {
    program: &'p Program,
    definitions: Definitions<'p>,
    /// Per element type of results: the patterns on scalars.
    templates: Vec<(DType, Vec<Program>)>,
}

impl<'p> Finder<'p> {
    fn new(program: &'p Program) -> Self {
        let roots = program.equations.iter().filter(|eqn| is_root(&eqn.op));
        let mut dtypes: Vec<DType> = roots.map(|eqn| program.aval(eqn.results[0]).dtype).collect();
        dtypes.sort();
        dtypes.dedup();
        let of_type = |dtype: DType| {
            let avals = |pattern: &Pattern| vec![Aval::scalar(dtype); pattern.arity + pattern.free];
            (dtype, PATTERNS.iter().map(|pattern| of_pattern(pattern, &avals(pattern))).collect())
        };
        let templates = dtypes.into_iter().filter(|dtype| dtype.is_float()).map(of_type).collect();
        Finder { program, definitions: Definitions::new(program), templates }
    }

    fn find(&self, eqn: &Equation) -> Option<Found> {
        if !is_root(&eqn.op) {
            return None;
        }
        self.integer_power(eqn).or_else(|| self.guard(eqn)).or_else(|| self.pattern(eqn))
    }

    fn pattern(&self, eqn: &Equation) -> Option<Found> {
        let dtype = self.program.aval(eqn.results[0]).dtype;
        let (_, templates) = self.templates.iter().find(|(other, _)| *other == dtype)?;
        PATTERNS.iter().zip(templates).find_map(|(pattern, template)| {
            if template.equations.last().is_none_or(|root| root.op != eqn.op) {
                return None;
            }
            let template = Definitions::new(template);
            let mut inputs = Matching::inputs(&self.definitions, &template, eqn.results[0])?;
            inputs.truncate(pattern.arity);
            Some(Found::Pattern(pattern, inputs))
        })
    }

    /// `x^n`, where the text converts `n` to the type of `x` first: its slope at `n = 0` is zero, even at `x = 0`.
    fn integer_power(&self, eqn: &Equation) -> Option<Found> {
        let (Op::Binary(Binary(BinaryKind::Pow)), &[x, exponent]) = (&eqn.op, &*eqn.operands) else {
            return None;
        };
        let result = self.definitions.result(eqn.results[0]);
        let exponent = self.definitions.operand(&result, exponent)?;
        let converted = self.definitions.of(exponent.atom).filter(|eqn| matches!(eqn.op, Op::Convert(_)))?;
        let exponent = View { atom: converted.operands[0], ..exponent };
        let is_integer = self.program.atom_aval(exponent.atom).dtype.is_integer();
        is_integer.then_some(Found::IntegerPower(x, exponent))
    }

    /// How JAX guards the operands of a branch that some lanes do not take, which comes without its `stop_gradient`:
    /// `index == n ? x : x`.
    fn guard(&self, eqn: &Equation) -> Option<Found> {
        let (Op::Select(_), &[mask, x, other]) = (&eqn.op, &*eqn.operands) else { return None };
        if x != other || !self.program.aval(eqn.results[0]).dtype.is_inexact() {
            return None;
        }
        let compare = self.definitions.of(self.behind_views(mask))?;
        let (Op::Compare(_), &[index, position]) = (&compare.op, &*compare.operands) else { return None };
        let is_position = self.behind_views(position).literal().is_some();
        (is_position && self.program.atom_aval(index).dtype == DType::I32).then_some(Found::Guard([mask, x]))
    }

    fn behind_views(&self, atom: Atom) -> Atom {
        let axes = alignment::of_result(&self.program.atom_aval(atom).shape);
        self.definitions.resolved(View { atom, axes }).atom
    }
}

/// May a body that is looked for end in this?
fn is_root(op: &Op) -> bool {
    matches!(op, Op::Select(_) | Op::Binary(Binary(BinaryKind::Div | BinaryKind::Pow)))
}

impl Found {
    /// The value of this type that replaces the result.
    fn emitted(&self, b: &mut Builder, scope: &Scope, result: &Aval) -> Atom {
        match self {
            Found::Pattern(pattern, inputs) => {
                let rank = result.shape.rank();
                let aligned = |view: &View| alignment::aligned(b, scope.atom(view.atom), &view.axes, rank);
                let mut operands: Vec<Atom> = inputs.iter().map(aligned).collect();
                let shapes = operands.iter().map(|&operand| b.aval(operand)).collect::<Vec<_>>();
                if pattern.op(&shapes).infer(&shapes).ok().as_deref() != Some(std::slice::from_ref(result)) {
                    // What all operands only repeat along, they must repeat along here.
                    operands.iter_mut().for_each(|x| *x = broadcast_to(b, *x, &result.shape));
                }
                let avals: Vec<Aval> = operands.iter().map(|&operand| b.aval(operand)).collect();
                b.emit_one(pattern.op(&avals), &operands)
            }
            Found::IntegerPower(x, exponent) => {
                let whole =
                    alignment::aligned(b, scope.atom(exponent.atom), &exponent.axes, result.shape.rank());
                b.binary(BinaryKind::Pow, scope.atom(*x), whole)
            }
            Found::Guard([mask, x]) => {
                let [mask, x] = [mask, x].map(|&atom| scope.atom(atom));
                let stopped = b.emit_one(Identity(IdentityKind::StopGradient), &[x]);
                b.select(mask, x, stopped)
            }
        }
    }
}

impl Pattern {
    /// What a body found is, on operands of these types.
    fn op(&self, avals: &[Aval]) -> Op {
        match self.meaning {
            Custom(name, rule) => call(name, rule, of_pattern(self, avals).into()).into(),
            Meaning::Special(kind) => Special(kind).into(),
            Meaning::Unary(kind) => Unary(kind).into(),
            Meaning::Power(y) => IntegerPow { y }.into(),
        }
    }
}

fn of_pattern(pattern: &Pattern, avals: &[Aval]) -> Program {
    let mut b = Builder::new();
    let x: Vec<Atom> = avals.iter().map(|aval| b.input(aval.clone()).into()).collect();
    let result = (pattern.body)(&mut b, &x);
    b.finish(vec![result])
}
