//! Finds the functions of the table in programs that have lost their names: StableHLO has bodies in the place of calls.

use super::super::Op;
use super::super::control::{CallKind, CustomCall, CustomKind};
use super::super::elementwise::{Binary, BinaryKind, CompareKind, UnaryKind};
use super::super::special::{Special, SpecialKind};
use super::expanded;
use crate::ir::inline::{inline, rewritten};
use crate::ir::{Atom, Body, Builder, Equation, Params, Program, Var, prune};
use crate::types::{Aval, DType, Literal};
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
}

#[cfg(test)]
impl Meaning {
    pub fn name(&self) -> &'static str {
        match self {
            Custom(name, _) => name,
            Meaning::Special(_) => "special",
        }
    }
}

use Meaning::Custom;

/// Asked in this order. Invariant: the last equation of each is a selection.
pub(super) const PATTERNS: [Pattern; 8] = [
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

/// The program with calls in the place of the bodies found; `None` if there are none.
pub fn recognized(program: &Program) -> Option<Program> {
    let program = with_small_calls_inlined(program);
    let found: HashMap<Var, Found> = program
        .equations
        .iter()
        .filter(|eqn| matches!(eqn.op, Op::Select(_)))
        .filter_map(|eqn| Some((eqn.results[0], find(&program, eqn)?)))
        .collect();
    if found.is_empty() {
        return None;
    }
    let mut program = rewritten(&program, |b, scope, eqn| {
        let Found { op, operands } = found.get(eqn.results.first()?)?;
        Some(b.emit(op.clone(), &scope.atoms(operands)))
    });
    prune::run(&mut program);
    Some(program)
}

/// Such as `jnp.where`, which is one operation.
fn with_small_calls_inlined(program: &Program) -> Program {
    const MOST_EQUATIONS: usize = 4;
    rewritten(program, |b, scope, eqn| match &eqn.op {
        Op::Call(call) if call.kind == CallKind::Jit && call.body.equations.len() <= MOST_EQUATIONS => {
            Some(inline(b, &call.body, &scope.atoms(&eqn.operands)))
        }
        _ => None,
    })
}

/// A body found, as an operation on these atoms.
struct Found {
    op: Op,
    operands: Vec<Atom>,
}

fn find(program: &Program, root: &Equation) -> Option<Found> {
    let result = program.aval(root.results[0]);
    if !result.dtype.is_float() {
        return None;
    }
    PATTERNS.iter().find_map(|pattern| {
        let template = of_pattern(pattern, &vec![Aval::scalar(result.dtype); pattern.arity + pattern.free]);
        let mut matching = Matching::new(program, &template);
        if !matching.unify(template.outputs[0], root.results[0].into()) {
            return None;
        }
        let inputs = template.inputs.iter().take(pattern.arity);
        let operands: Vec<Atom> =
            inputs.map(|input| matching.bound.get(input).copied()).collect::<Option<_>>()?;
        let avals = program.atom_avals(&operands);
        let op = match pattern.meaning {
            Custom(name, rule) => call(name, rule, of_pattern(pattern, &avals).into()).into(),
            Meaning::Special(kind) => Op::from(Special(kind)),
        };
        let fits = op.infer(&avals).is_ok_and(|found| found == [result.clone()]);
        fits.then_some(Found { op, operands })
    })
}

fn of_pattern(pattern: &Pattern, avals: &[Aval]) -> Program {
    let mut b = Builder::new();
    let x: Vec<Atom> = avals.iter().map(|aval| b.input(aval.clone()).into()).collect();
    let result = (pattern.body)(&mut b, &x);
    b.finish(vec![result])
}

/// What the variables of a template stand for.
struct Matching<'p> {
    program: &'p Program,
    definitions: HashMap<Var, &'p Equation>,
    template: HashMap<Var, &'p Equation>,
    bound: HashMap<Var, Atom>,
}

impl<'p> Matching<'p> {
    fn new(program: &'p Program, template: &'p Program) -> Self {
        let definitions = |program: &'p Program| {
            program
                .equations
                .iter()
                .filter(|eqn| eqn.results.len() == 1)
                .map(|eqn| (eqn.results[0], eqn))
                .collect()
        };
        Matching {
            program,
            definitions: definitions(program),
            template: definitions(template),
            bound: HashMap::new(),
        }
    }

    /// Does an atom of the program compute what an atom of the template says?
    fn unify(&mut self, expected: Atom, found: Atom) -> bool {
        let found = self.resolved(found);
        let var = match expected {
            Atom::Literal(literal) => {
                let is_nan = |literal: Literal| literal.value().float().is_nan();
                return found.literal().is_some_and(|found| {
                    found == literal || found.dtype() == literal.dtype() && is_nan(found) && is_nan(literal)
                });
            }
            Atom::Var(var) => var,
        };
        if let Some(bound) = self.bound.get(&var) {
            return *bound == found;
        }
        let fits = match self.template.get(&var).copied() {
            // An input stands for anything.
            None => true,
            Some(expected) => {
                let found = found.var().and_then(|found| self.definitions.get(&found).copied());
                found.is_some_and(|found| {
                    let pairs = expected.operands.iter().zip(&found.operands);
                    found.op == expected.op
                        && found.operands.len() == expected.operands.len()
                        && pairs.into_iter().all(|(&expected, &found)| self.unify(expected, found))
                })
            }
        };
        if fits {
            self.bound.insert(var, found);
        }
        fits
    }

    /// The atom behind broadcasts of scalars and comparisons of bools with false, which change nothing here.
    fn resolved(&self, atom: Atom) -> Atom {
        let Some(eqn) = atom.var().and_then(|var| self.definitions.get(&var)) else { return atom };
        match &eqn.op {
            Op::BroadcastInDim(_) if self.program.atom_aval(eqn.operands[0]).shape.is_scalar() => {
                self.resolved(eqn.operands[0])
            }
            Op::Compare(compare) if compare.0 == CompareKind::Ne => {
                let no = Atom::Literal(Literal::bool(false));
                let is_bool = self.program.atom_aval(eqn.operands[0]).dtype == DType::Bool;
                let changes_nothing = is_bool && self.resolved(eqn.operands[1]) == no;
                if changes_nothing { self.resolved(eqn.operands[0]) } else { atom }
            }
            _ => atom,
        }
    }
}
