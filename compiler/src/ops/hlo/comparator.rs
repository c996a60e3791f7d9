//! Comparators of sorts: which keys they look at, one after the other.

use crate::ir::{Atom, Builder, Equation, Program, Var, prune};
use crate::ops::Op;
use crate::ops::elementwise::{BinaryKind, CompareKind};
use crate::types::Aval;

/// What is compared of the elements of each side.
#[derive(Clone, PartialEq, Debug)]
pub struct Key {
    /// From one element per array to the key. Invariant: renumbered.
    pub of: Program,
    /// Floats are ordered by their bits, not by their values.
    pub is_total: bool,
    pub descends: bool,
}

impl Key {
    /// The array whose elements are compared as they are, or with one zero and one NaN.
    pub fn plain(&self) -> Option<usize> {
        let avals = self.of.input_avals();
        (0..avals.len()).find(|&array| {
            let is = |key: fn(&mut Builder, Atom) -> Atom| self.of == program(&avals, array, key);
            // The total order of canonical floats is that of their values.
            is(canonical) || is(|_, x| x) && !(self.is_total && avals[array].dtype.is_float())
        })
    }
}

fn program(avals: &[Aval], array: usize, key: fn(&mut Builder, Atom) -> Atom) -> Program {
    let mut b = Builder::new();
    let inputs: Vec<Atom> = avals.iter().map(|aval| b.input(aval.clone()).into()).collect();
    let result = key(&mut b, inputs[array]);
    b.finish(vec![result]).renumbered()
}

/// `x` with one zero and one NaN, as JAX writes it.
fn canonical(b: &mut Builder, x: Atom) -> Atom {
    if !b.dtype(x).is_float() {
        return x;
    }
    let (zero, nan) = (b.constant_like(x, 0.0), b.constant_like(x, f64::NAN));
    let is_zero = b.compare(CompareKind::Eq, x, zero);
    let one_zero = b.select(is_zero, zero, x);
    let is_nan = b.compare(CompareKind::Ne, x, x);
    b.select(is_nan, nan, one_zero)
}

/// The keys of a comparator, from pairs of elements to whether the first of each comes first; `None` if it does more
/// than to compare keys lexicographically.
pub fn keys(comparator: &Program) -> Option<Vec<Key>> {
    match comparator.outputs.as_slice() {
        [result] => Comparator { program: comparator }.less(*result),
        _ => None,
    }
}

struct Comparator<'p> {
    program: &'p Program,
}

impl Comparator<'_> {
    /// `x < y`, or `x < y | x == y & ..`, or `x == y ? .. : x < y`.
    fn less(&self, result: Atom) -> Option<Vec<Key>> {
        let eqn = self.definition(result)?;
        match (&eqn.op, eqn.operands.as_slice()) {
            (Op::Compare(compare), &[x, y]) => {
                let (is_total, is_greater) = match compare.0 {
                    CompareKind::Lt => (false, false),
                    CompareKind::Gt => (false, true),
                    CompareKind::LtTotal => (true, false),
                    CompareKind::Eq | CompareKind::Ne | CompareKind::Le | CompareKind::Ge => return None,
                    CompareKind::EqTotal | CompareKind::LeTotal => return None,
                };
                let (of, is_swapped) = self.key(x, y)?;
                Some(vec![Key { of, is_total, descends: is_greater != is_swapped }])
            }
            (Op::Binary(or), &[x, y]) if or.0 == BinaryKind::Or => {
                self.unless_equal(x, y).or_else(|| self.unless_equal(y, x))
            }
            (Op::Select(_), &[which, on_false, on_true]) => self.then(on_false, which, on_true),
            _ => None,
        }
    }

    /// `first | equal & rest`
    fn unless_equal(&self, first: Atom, rest: Atom) -> Option<Vec<Key>> {
        let both = self.definition(rest)?;
        match (&both.op, both.operands.as_slice()) {
            (Op::Binary(and), &[x, y]) if and.0 == BinaryKind::And => {
                self.then(first, x, y).or_else(|| self.then(first, y, x))
            }
            _ => None,
        }
    }

    /// The keys of `first`, of which there is one, and, where it is equal, those of the rest.
    fn then(&self, first: Atom, equal: Atom, rest: Atom) -> Option<Vec<Key>> {
        let first = self.less(first).filter(|keys| keys.len() == 1)?;
        let equal = self.definition(equal)?;
        let is_total = match &equal.op {
            Op::Compare(compare) if compare.0 == CompareKind::Eq => false,
            Op::Compare(compare) if compare.0 == CompareKind::EqTotal => true,
            _ => return None,
        };
        let (of, _) = self.key(equal.operands[0], equal.operands[1])?;
        let is_of_first = of == first[0].of && is_total == first[0].is_total;
        is_of_first.then_some([first, self.less(rest)?].concat())
    }

    /// What is compared, if it is the same of both sides; true if the second side comes first.
    fn key(&self, x: Atom, y: Atom) -> Option<(Program, bool)> {
        let same = |x: Option<Program>, y: Option<Program>| x.filter(|x| y.as_ref() == Some(x));
        let forwards = same(self.of_side(x, 0), self.of_side(y, 1)).map(|of| (of, false));
        forwards.or_else(|| same(self.of_side(x, 1), self.of_side(y, 0)).map(|of| (of, true)))
    }

    /// A value as a function of the elements of one side; `None` if it depends on the other.
    fn of_side(&self, value: Atom, side: usize) -> Option<Program> {
        let inputs: Vec<Var> = self.program.inputs.iter().copied().skip(side).step_by(2).collect();
        prune::closed(Program { inputs, outputs: vec![value], ..self.program.clone() })
    }

    fn definition(&self, atom: Atom) -> Option<&Equation> {
        let var = atom.var()?;
        self.program.equations.iter().find(|eqn| eqn.results == [var])
    }
}
