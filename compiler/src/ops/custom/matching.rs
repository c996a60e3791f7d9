//! Does a program compute what a template says? The operands of the two may broadcast in different ways and places.

use super::super::Op;
use super::super::control::is_elementwise;
use super::super::elementwise::{Binary, BinaryKind, CompareKind};
use super::alignment::{self, Axes};
use crate::ir::{Atom, Equation, Program, Var};
use crate::types::{DType, Literal};
use std::collections::HashMap;

/// A value, and where its axes lie in the result that is looked at.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct View {
    pub atom: Atom,
    pub axes: Axes,
}

/// Which equation makes each variable.
pub(super) struct Definitions<'p> {
    program: &'p Program,
    makers: Vec<Option<usize>>,
}

impl<'p> Definitions<'p> {
    pub fn new(program: &'p Program) -> Self {
        let mut makers = vec![None; program.vars.len()];
        for (position, eqn) in program.equations.iter().enumerate() {
            if let [result] = *eqn.results {
                makers[result.0 as usize] = Some(position);
            }
        }
        Definitions { program, makers }
    }

    /// The equation of one result that makes a value.
    pub fn of(&self, atom: Atom) -> Option<&'p Equation> {
        Some(&self.program.equations[self.makers[atom.var()?.0 as usize]?])
    }

    /// The result of an equation.
    pub fn result(&self, var: Var) -> View {
        self.resolved(View { atom: var.into(), axes: alignment::of_result(&self.program.aval(var).shape) })
    }

    /// The value behind broadcasts and other views, and behind comparisons of bools with false, which change nothing here.
    pub fn resolved(&self, view: View) -> View {
        let Some(eqn) = self.of(view.atom) else { return view };
        let Some(&source) = eqn.operands.first() else { return view };
        if let Op::Compare(compare) = &eqn.op {
            let is_bool = self.program.atom_aval(source).dtype == DType::Bool;
            if compare.0 != CompareKind::Ne || !is_bool {
                return view;
            }
            let other = self.operand(&view, eqn.operands[1]);
            let is_no = other.is_some_and(|other| other.atom == Atom::Literal(Literal::bool(false)));
            return self.operand(&view, source).filter(|_| is_no).unwrap_or(view);
        }
        let result = (&self.program.aval(eqn.results[0]).shape, view.axes.as_slice());
        match alignment::of_viewed(&eqn.op, &self.program.atom_aval(source).shape, result) {
            Some(axes) => self.resolved(View { atom: source, axes }),
            None => view,
        }
    }

    /// An operand of the elementwise operation that makes `result`.
    pub fn operand(&self, result: &View, operand: Atom) -> Option<View> {
        let axes = alignment::of_operand(&self.program.atom_aval(operand).shape, &result.axes)?;
        Some(self.resolved(View { atom: operand, axes }))
    }
}

/// What the variables of a template stand for.
pub(super) struct Matching<'p> {
    definitions: &'p Definitions<'p>,
    template: &'p Definitions<'p>,
    bound: HashMap<Var, View>,
}

impl<'p> Matching<'p> {
    /// The inputs of the template in the program, where its output is the result of an equation; `None` if the result is
    /// something else.
    pub fn inputs(
        definitions: &'p Definitions<'p>,
        template: &'p Definitions<'p>,
        result: Var,
    ) -> Option<Vec<View>> {
        let mut matching = Matching { definitions, template, bound: HashMap::new() };
        let Program { inputs, outputs, .. } = template.program;
        if !matching.unify(outputs[0], definitions.result(result)) {
            return None;
        }
        inputs.iter().map(|input| matching.bound.get(input).cloned()).collect()
    }

    /// Does a value of the program hold what an atom of the template says?
    fn unify(&mut self, expected: Atom, found: View) -> bool {
        let var = match expected {
            Atom::Literal(literal) => {
                let is_nan = |literal: Literal| literal.value().float().is_nan();
                return found.atom.literal().is_some_and(|found| {
                    found == literal || found.dtype() == literal.dtype() && is_nan(found) && is_nan(literal)
                });
            }
            Atom::Var(var) => var,
        };
        if let Some(bound) = self.bound.get(&var) {
            return *bound == found;
        }
        let fits = match self.template.of(expected) {
            // An input stands for anything.
            None => true,
            Some(expected) => self.definitions.of(found.atom).is_some_and(|eqn| {
                is_elementwise(&eqn.op) && eqn.op == expected.op && self.unify_operands(expected, eqn, &found)
            }),
        };
        if fits {
            self.bound.insert(var, found);
        }
        fits
    }

    /// In the order of the template; of operations that commute, in the other one too.
    fn unify_operands(&mut self, expected: &Equation, eqn: &Equation, result: &View) -> bool {
        let operands = eqn.operands.iter().map(|&operand| self.definitions.operand(result, operand));
        let Some(mut operands) = operands.collect::<Option<Vec<View>>>() else { return false };
        if operands.len() != expected.operands.len() {
            return false;
        }
        let before = self.bound.clone();
        for _ in 0..1 + usize::from(commutes(&eqn.op)) {
            let mut pairs = expected.operands.iter().zip(&operands);
            if pairs.all(|(&expected, found)| self.unify(expected, found.clone())) {
                return true;
            }
            self.bound.clone_from(&before);
            operands.reverse();
        }
        false
    }
}

fn commutes(op: &Op) -> bool {
    use BinaryKind::{Add, And, Max, Min, Mul, Or};
    matches!(op, Op::Binary(Binary(Add | And | Max | Min | Mul | Or)))
}
