//! Rewrites equations to cheaper ones that compute the same.
//!
//! Transformations emit what their rules say, equation by equation: a bias is summed over an axis of extent 1, a product
//! is made and then transposed, a cotangent of ones is multiplied out. This pass makes of it what a careful person would
//! have written.
//!
//! # Note: what a rule may do
//! A rule sees one operation and the equations that make its operands. It answers with an atom of the same type.
//! - Results keep their bits, for all operands: NaN, infinities and the sign of zero included. `x + 0` is not `x`, for it
//!   makes +0 of -0; `x - 0` is. Only floating sums may be regrouped, into fewer roundings than before ([`sums`] and
//!   [`products`]): the order of a sum is the compiler's choice anyway.
//! - It lowers the number of scalar operations, or keeps it and lowers the number of equations. Hence no rules undo each
//!   other, and one sweep is enough: operands are in their simplest form when an equation is reached, and what a rule
//!   emits is simplified in turn.
//! - No level of optimization leaves the pass out: results do not depend on the level.

mod arithmetic;
mod products;
mod spread;
mod sums;
#[cfg(test)]
mod tests;
mod views;

use super::cse;
use crate::diag::Diagnostic;
use crate::ir::inline::Scope;
use crate::ir::{Atom, Builder, Equation, Program, prune};
use crate::ops::Op;
use crate::ops::shape::Constant;
use crate::types::{Aval, Literal, Shape, Tensor};

/// Applies the rules at any depth, and merges what they have made equal.
pub fn run(program: Program) -> Result<Program, Diagnostic> {
    cse::run(swept(&program)?)
}

/// Looks at an operation with one result; answers with what replaces the result. See Note: what a rule may do.
type Rule = fn(&mut Sweep, &Op, &[Atom]) -> Option<Atom>;

/// The first that answers wins.
const RULES: &[Rule] = &[
    views::unchanged,
    views::in_order,
    views::permuted,
    views::broadcast,
    views::sliced,
    spread::after_broadcast,
    spread::implicit,
    arithmetic::literals,
    arithmetic::neutral,
    arithmetic::negations,
    arithmetic::reciprocal,
    arithmetic::choices,
    arithmetic::conversions,
    sums::over_unit_axes,
    sums::of_folds,
    sums::of_views,
    sums::of_broadcasts,
    products::transposed,
    products::of_transposed,
    products::of_repeated,
    products::with_ones,
];

fn swept(program: &Program) -> Result<Program, Diagnostic> {
    let mut sweep = Sweep::default();
    let mut scope = Scope::new(program);
    let uses = uses(program);
    for &input in &program.inputs {
        let var = sweep.builder.input(program.aval(input).clone());
        scope.bind(input, var.into());
        sweep.expect_uses(var.into(), uses[input.0 as usize]);
    }
    for eqn in &program.equations {
        sweep.builder.set_origin(eqn.origin.clone());
        let operands = scope.atoms(&eqn.operands);
        operands.iter().for_each(|&operand| sweep.forget_use(operand));
        let results = sweep.equation(program, eqn, &operands)?;
        for (&var, &atom) in eqn.results.iter().zip(&results) {
            sweep.expect_uses(atom, uses[var.0 as usize]);
        }
        scope.bind_all(&eqn.results, &results);
    }
    let mut simple = sweep.builder.finish(scope.atoms(&program.outputs));
    prune::run(&mut simple);
    Ok(simple)
}

/// How often equations and outputs name each variable.
fn uses(program: &Program) -> Vec<usize> {
    let mut uses = vec![0; program.vars.len()];
    let atoms = program.equations.iter().flat_map(|eqn| &eqn.operands).chain(&program.outputs);
    atoms.filter_map(|atom| atom.var()).for_each(|var| uses[var.0 as usize] += 1);
    uses
}

// Only the constants that folding makes are looked through. Units: elements.
const MOST_ELEMENTS: usize = 64;

/// The value of all elements of a small array.
fn uniform(tensor: &Tensor) -> Option<Literal> {
    let count = tensor.shape().element_count();
    if count == 0 || count > MOST_ELEMENTS {
        return None;
    }
    let first = tensor.scalars().next()?;
    let literal = Literal::new(tensor.dtype(), first);
    (*tensor == Tensor::splat(literal, tensor.shape().clone())).then_some(literal)
}

/// The program as far as it is written.
#[derive(Default)]
struct Sweep {
    builder: Builder,
    /// Per variable: the position of the equation that makes it; none for inputs.
    makers: Vec<Option<usize>>,
    /// Per variable: its uses in what is written, and in what is still to be read.
    uses: Vec<usize>,
}

impl Sweep {
    /// Writes an equation, or what replaces it.
    fn equation(
        &mut self,
        program: &Program,
        eqn: &Equation,
        operands: &[Atom],
    ) -> Result<Vec<Atom>, Diagnostic> {
        let simpler = if eqn.results.len() == 1 { self.simpler(&eqn.op, operands) } else { None };
        if let Some(atom) = simpler {
            debug_assert_eq!(self.aval(atom), *program.aval(eqn.results[0]), "{} has a type", eqn.op.name());
            return Ok(vec![atom]);
        }
        let op = match eqn.op.nested() {
            Some(nested) => nested.map_bodies(&mut |body| swept(body))?,
            None => eqn.op.clone(),
        };
        let avals = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
        Ok(self.write(op, operands, avals))
    }

    /// What replaces the one result of an operation.
    fn simpler(&mut self, op: &Op, operands: &[Atom]) -> Option<Atom> {
        RULES.iter().find_map(|rule| rule(self, op, operands))
    }

    /// The one result of an operation, in its simplest form.
    fn emit(&mut self, op: impl Into<Op>, operands: &[Atom]) -> Atom {
        let op = op.into();
        if let Some(atom) = self.simpler(&op, operands) {
            return atom;
        }
        let avals = op.infer(&self.avals(operands)).expect("rules write well-typed equations");
        self.write(op, operands, avals)[0]
    }

    fn write(&mut self, op: Op, operands: &[Atom], avals: Vec<Aval>) -> Vec<Atom> {
        let position = self.builder.program().equations.len();
        let results = self.builder.emit_typed(op, operands, avals);
        operands.iter().for_each(|&operand| self.expect_uses(operand, 1));
        for var in results.iter().filter_map(|atom| atom.var()) {
            self.makers.resize(var.0 as usize + 1, None);
            self.makers[var.0 as usize] = Some(position);
        }
        results
    }

    /// The equation that makes a value.
    fn maker(&self, atom: Atom) -> Option<&Equation> {
        let position = (*self.makers.get(atom.var()?.0 as usize)?)?;
        Some(&self.builder.program().equations[position])
    }

    /// The operation that makes a value, with its one operand.
    fn made_from(&self, atom: Atom) -> Option<(&Op, Atom)> {
        let maker = self.maker(atom)?;
        match *maker.operands {
            [operand] => Some((&maker.op, operand)),
            _ => None,
        }
    }

    /// The constant that all elements of a value are.
    fn constant(&self, atom: Atom) -> Option<Literal> {
        let Some(maker) = self.maker(atom) else { return atom.literal() };
        match (&maker.op, &*maker.operands) {
            (Op::BroadcastInDim(_) | Op::Reshape(_), [operand]) => operand.literal(),
            (Op::Constant(Constant { value }), []) => uniform(value),
            _ => None,
        }
    }

    fn aval(&self, atom: Atom) -> Aval {
        self.builder.aval(atom)
    }

    fn avals(&self, atoms: &[Atom]) -> Vec<Aval> {
        self.builder.program().atom_avals(atoms)
    }

    fn shape(&self, atom: Atom) -> Shape {
        self.aval(atom).shape
    }

    /// Does nobody use `source` but the equation being read, by way of `x`: `source` itself, or a view of it?
    fn is_only_for(&self, source: Atom, x: Atom) -> bool {
        let uses =
            |atom: Atom| atom.var().and_then(|var| self.uses.get(var.0 as usize)).map_or(0, |&uses| uses);
        uses(x) == 0 && uses(source) <= usize::from(source != x)
    }

    fn expect_uses(&mut self, atom: Atom, count: usize) {
        let Some(var) = atom.var() else { return };
        let known = self.uses.len().max(var.0 as usize + 1);
        self.uses.resize(known, 0);
        self.uses[var.0 as usize] += count;
    }

    fn forget_use(&mut self, atom: Atom) {
        if let Some(var) = atom.var() {
            self.uses[var.0 as usize] -= 1;
        }
    }
}
