//! Finds functions of the library of JAX in StableHLO where they have no function of their own: what they end with is told
//! apart by its constants. The value that is computed stays; a call around it has the rule.

use super::super::Op;
use super::super::control::{CustomCall, CustomKind};
use super::super::elementwise::{BinaryKind, CompareKind, UnaryKind};
use super::super::special::SpecialKind;
use super::patterns::with_small_calls_inlined;
use crate::ir::inline::rewritten;
use crate::ir::{Atom, Builder, Equation, Params, Program, Var, prune};
use crate::types::DType;
use std::collections::HashMap;

/// The program with calls around the values found; `None` if there are none.
pub fn inlined(program: &Program) -> Option<Program> {
    let program = with_small_calls_inlined(program);
    let reader = Reader::new(&program);
    let found: HashMap<Var, Found> = program
        .equations
        .iter()
        .filter_map(|eqn| Some((*eqn.results.first()?, reader.function(eqn)?)))
        .collect();
    if found.is_empty() {
        return None;
    }
    let mut program = rewritten(&program, |b, scope, eqn| {
        let Found { name, rule, operands } = found.get(eqn.results.first()?)?;
        let value = b.emit(eqn.op.clone(), &scope.atoms(&eqn.operands))[0];
        let operands = [vec![value], scope.atoms(operands)].concat();
        Some(b.emit(around(b, name, rule, &operands), &operands))
    });
    prune::run(&mut program);
    Some(program)
}

/// A function of the table, and its operands.
struct Found {
    name: &'static str,
    rule: &'static str,
    operands: Vec<Atom>,
}

/// A call that gives back its first operand, as the value of the function at the others.
fn around(b: &Builder, name: &str, rule: &str, operands: &[Atom]) -> CustomCall {
    let mut body = Builder::new();
    let inputs: Vec<Atom> = operands.iter().map(|&atom| body.input(b.aval(atom)).into()).collect();
    let rest = Params::new().with("jvp", rule).with("symbolic_zeros", false);
    let body = body.finish(vec![inputs[0]]).into();
    CustomCall::new(CustomKind::Jvp, Some(name.to_string()), body, rest)
}

/// Looks at equations and what they are made of.
struct Reader<'p> {
    program: &'p Program,
    definitions: HashMap<Var, &'p Equation>,
}

impl<'p> Reader<'p> {
    fn new(program: &'p Program) -> Self {
        let single = program.equations.iter().filter(|eqn| eqn.results.len() == 1);
        Reader { program, definitions: single.map(|eqn| (eqn.results[0], eqn)).collect() }
    }

    fn function(&self, eqn: &Equation) -> Option<Found> {
        let result = self.program.aval(*eqn.results.first()?);
        if !matches!(result.dtype, DType::F32 | DType::F64) {
            return None;
        }
        let found = self.log_ndtr(eqn).or_else(|| self.dawsn(eqn)).or_else(|| self.owens_t(eqn));
        let found = found.or_else(|| self.erfcx(eqn)).or_else(|| self.erfcx_by_erfc(eqn));
        let found = found.or_else(|| self.ndtri(eqn)).or_else(|| self.fresnel(eqn));
        let found = found.or_else(|| self.bessel(eqn))?;
        let fits = |&operand: &Atom| self.program.atom_aval(operand) == *result;
        found.operands.iter().all(fits).then_some(found)
    }

    /// `x > 5 ? -q : (x > -10 ? log(q) : series)`, with 8 and -20 in double precision; q is half of something.
    fn log_ndtr(&self, eqn: &Equation) -> Option<Found> {
        let [upper, right, rest] = self.selection(eqn)?;
        let (x, above) = self.comparison(upper, CompareKind::Gt)?;
        let [lower, middle, _] = self.selection(self.definition(rest)?)?;
        let (also_x, below) = self.comparison(lower, CompareKind::Gt)?;
        let tail = self.unary(right, UnaryKind::Neg)?;
        let is_it = x == also_x
            && matches!((above, below), (5.0, -10.0) | (8.0, -20.0))
            && self.unary(middle, UnaryKind::Log)? == tail
            && self.binary(tail, BinaryKind::Mul)?.iter().any(|&factor| self.number(factor) == Some(0.5));
        is_it.then(|| Found { name: "log_ndtr", rule: "_log_ndtr_jvp", operands: vec![x] })
    }

    /// `sign(x) * (|x| < 3.25 ? near : (|x| < 6.25 ? middle : far))`
    fn dawsn(&self, eqn: &Equation) -> Option<Found> {
        let [left, right] = self.binary(eqn.results[0].into(), BinaryKind::Mul)?;
        let x = self.unary(left, UnaryKind::Sign)?;
        let [near, _, rest] = self.selection(self.definition(right)?)?;
        let (size, first) = self.comparison(near, CompareKind::Lt)?;
        let [middle, _, _] = self.selection(self.definition(rest)?)?;
        let (also_size, second) = self.comparison(middle, CompareKind::Lt)?;
        let is_it =
            size == also_size && (first, second) == (3.25, 6.25) && self.unary(size, UnaryKind::Abs)? == x;
        is_it.then(|| Found { name: "_dawsn", rule: "jvp", operands: vec![x] })
    }

    /// `isnan(a) | isnan(|h|) ? nan : sign(a) * (|a| > 1 ? .. : ..)`
    fn owens_t(&self, eqn: &Equation) -> Option<Found> {
        let [mask, nan, value] = self.selection(eqn)?;
        let [first, second] = self.binary(mask, BinaryKind::Or)?;
        let (a, size) = (self.is_nan(first)?, self.is_nan(second)?);
        let h = self.unary(size, UnaryKind::Abs)?;
        let [sign, inner] = self.binary(value, BinaryKind::Mul)?;
        let [large, _, _] = self.selection(self.definition(inner)?)?;
        let (also_size, bound) = self.comparison(large, CompareKind::Gt)?;
        let is_it = self.number(nan)?.is_nan()
            && self.unary(sign, UnaryKind::Sign)? == a
            && self.unary(also_size, UnaryKind::Abs)? == a
            && bound == 1.0;
        is_it.then(|| Found { name: "_owens_t_impl", rule: "_owens_t_jvp", operands: vec![h, a] })
    }

    /// `|x| < 1 ? near : (x < 0 ? (x <= -9.38 ? inf : left) : right)`, with -26.6 in double precision.
    fn erfcx(&self, eqn: &Equation) -> Option<Found> {
        let [near, _, rest] = self.selection(eqn)?;
        let (size, one) = self.comparison(near, CompareKind::Lt)?;
        let [negative, left, _] = self.selection(self.definition(rest)?)?;
        let (x, zero) = self.comparison(negative, CompareKind::Lt)?;
        let [infinite, infinity, _] = self.selection(self.definition(left)?)?;
        let (also_x, bound) = self.comparison(infinite, CompareKind::Le)?;
        let is_it = (one, zero) == (1.0, 0.0)
            && x == also_x
            && self.unary(size, UnaryKind::Abs)? == x
            && self.number(infinity)? == f64::INFINITY
            && [-9.382_414_8, -26.628_735_7].iter().any(|known: &f64| (known - bound).abs() < 1e-6);
        is_it.then(|| Found { name: "_erfcx", rule: "_erfcx_jvp", operands: vec![x] })
    }

    /// `x > 9.42 ? series : exp(s^2) erfc(s)`, with 26.6 in double precision; s is x where that is not far. Until JAX 0.11.
    fn erfcx_by_erfc(&self, eqn: &Equation) -> Option<Found> {
        let [far, _, near] = self.selection(eqn)?;
        let (x, bound) = self.comparison(far, CompareKind::Gt)?;
        let [power, erfc] = self.binary(near, BinaryKind::Mul)?;
        let s = self.unary(erfc, UnaryKind::Erfc)?;
        let [also_far, _, inside] = self.selection(self.definition(s)?)?;
        let is_it = far == also_far
            && inside == x
            && self.unary(self.unary(power, UnaryKind::Exp)?, UnaryKind::Square)? == s
            && [9.419_28, 26.641_747].iter().any(|known: &f64| (known - bound).abs() < 1e-4);
        is_it.then(|| Found { name: "_erfcx", rule: "_erfcx_jvp", operands: vec![x] })
    }

    /// `x < 0 ? -v : v`, v being `isinf(x) ? 0.5 : (x^2 < 2.5625 ? near : (|x| > 36974 ? .. : far))`. Far is 0.5 less
    /// something in the sine integral, 0.5 and something in the cosine integral.
    fn fresnel(&self, eqn: &Equation) -> Option<Found> {
        let [negative, left, right] = self.selection(eqn)?;
        let (x, zero) = self.comparison(negative, CompareKind::Lt)?;
        let [_, at_infinity, finite] = self.selection(self.definition(right)?)?;
        let [near, _, rest] = self.selection(self.definition(finite)?)?;
        let (square, first) = self.comparison(near, CompareKind::Lt)?;
        let [very_far, _, far] = self.selection(self.definition(rest)?)?;
        let (size, second) = self.comparison(very_far, CompareKind::Gt)?;
        let is_it = zero == 0.0
            && self.unary(left, UnaryKind::Neg)? == right
            && self.number(at_infinity)? == 0.5
            && (first, second) == (2.5625, 36974.0)
            && self.unary(size, UnaryKind::Abs)? == x
            && self.binary(square, BinaryKind::Mul)? == [size, size];
        let begins_with_half = |kind| self.binary(far, kind).is_some_and(|x| self.number(x[0]) == Some(0.5));
        let name = match (begins_with_half(BinaryKind::Sub), begins_with_half(BinaryKind::Add)) {
            (true, _) => "fresnel_s",
            (_, true) => "fresnel_c",
            (false, false) => return None,
        };
        is_it.then(|| Found { name, rule: "_fresnel_jvp", operands: vec![x] })
    }

    /// `p < 0 | p > 1 | p != p ? nan : (p == 0 ? -inf : (p == 1 ? inf : (w < 3.5 ? .. : ..)))`, with 4.5 in double
    /// precision; w is minus a logarithm.
    fn ndtri(&self, eqn: &Equation) -> Option<Found> {
        let [_, nan, inside] = self.selection(eqn)?;
        let [at_zero, low, rest] = self.selection(self.definition(inside)?)?;
        let [at_one, high, value] = self.selection(self.definition(rest)?)?;
        let (p, zero) = self.comparison(at_zero, CompareKind::Eq)?;
        let (also_p, one) = self.comparison(at_one, CompareKind::Eq)?;
        let [near, _, _] = self.selection(self.definition(value)?)?;
        let (w, bound) = self.comparison(near, CompareKind::Lt)?;
        let is_it = p == also_p
            && (zero, one) == (0.0, 1.0)
            && self.number(nan)?.is_nan()
            && (self.number(low)?, self.number(high)?) == (f64::NEG_INFINITY, f64::INFINITY)
            && [3.5, 4.5].contains(&bound)
            && self.unary(self.unary(w, UnaryKind::Neg)?, UnaryKind::Log).is_some();
        is_it.then(|| Found { name: "_ndtri", rule: "_ndtri_jvp", operands: vec![p] })
    }

    /// `exp(|x|) * I0e(|x|)` and `exp(|x|) * I1e(x)`, which have no slopes of their own at zero.
    fn bessel(&self, eqn: &Equation) -> Option<Found> {
        let [power, scaled] = self.binary(eqn.results[0].into(), BinaryKind::Mul)?;
        let size = self.unary(power, UnaryKind::Exp)?;
        let x = self.unary(size, UnaryKind::Abs)?;
        let function = self.definition(scaled)?;
        let Op::Special(special) = &function.op else { return None };
        let of = self.scalar(function.operands[0]);
        let (name, rule) = match special.0 {
            SpecialKind::BesselI0e if of == size || of == x => ("i0_impl", "i0_impl_jvp"),
            SpecialKind::BesselI1e if of == x => ("_i1", "i1_impl_jvp"),
            _ => return None,
        };
        Some(Found { name, rule, operands: vec![x] })
    }

    /// What makes an atom, behind a broadcast scalar.
    fn definition(&self, atom: Atom) -> Option<&'p Equation> {
        self.definitions.get(&self.scalar(atom).var()?).copied()
    }

    fn scalar(&self, atom: Atom) -> Atom {
        match atom.var().and_then(|var| self.definitions.get(&var)) {
            Some(eqn)
                if matches!(eqn.op, Op::BroadcastInDim(_))
                    && self.program.atom_aval(eqn.operands[0]).shape.is_scalar() =>
            {
                self.scalar(eqn.operands[0])
            }
            _ => atom,
        }
    }

    fn number(&self, atom: Atom) -> Option<f64> {
        let literal = self.scalar(atom).literal()?;
        literal.dtype().is_float().then(|| literal.value().float())
    }

    /// The mask, what it picks, and what it leaves.
    fn selection(&self, eqn: &Equation) -> Option<[Atom; 3]> {
        match (&eqn.op, eqn.operands.as_slice()) {
            (Op::Select(_), &[mask, on_false, on_true]) => Some([mask, on_true, on_false]),
            _ => None,
        }
    }

    /// The left side of a comparison with a number.
    fn comparison(&self, mask: Atom, kind: CompareKind) -> Option<(Atom, f64)> {
        let eqn = self.definition(mask)?;
        let is_it = matches!(&eqn.op, Op::Compare(compare) if compare.0 == kind);
        is_it.then(|| Some((eqn.operands[0], self.number(eqn.operands[1])?)))?
    }

    /// Of `x != x`: x.
    fn is_nan(&self, mask: Atom) -> Option<Atom> {
        let eqn = self.definition(mask)?;
        let is_it = matches!(&eqn.op, Op::Compare(compare) if compare.0 == CompareKind::Ne);
        (is_it && eqn.operands[0] == eqn.operands[1]).then_some(eqn.operands[0])
    }

    fn unary(&self, atom: Atom, kind: UnaryKind) -> Option<Atom> {
        let eqn = self.definition(atom)?;
        matches!(&eqn.op, Op::Unary(unary) if unary.0 == kind).then(|| eqn.operands[0])
    }

    fn binary(&self, atom: Atom, kind: BinaryKind) -> Option<[Atom; 2]> {
        let eqn = self.definition(atom)?;
        matches!(&eqn.op, Op::Binary(binary) if binary.0 == kind).then(|| [eqn.operands[0], eqn.operands[1]])
    }
}
