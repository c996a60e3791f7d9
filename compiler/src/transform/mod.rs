//! The transformations: derivatives and batches of whole programs, from the rules of their primitives.
//!
//! Forward mode ([`jvp()`]) walks a program once. Reverse mode is forward mode, split into what is known and what is
//! linear in the tangents ([`linearize()`]), with the linear half run backwards ([`transpose()`]). Everything else in
//! [`vjp`](mod@vjp) and [`jacobian`] is made of these and of [`vmap()`].
//!
//! Programs come without plain calls: who asks for a transformation inlines first. Operations with bodies are entered by
//! their rules, through [`BODIES`].

pub mod jacobian;
mod jvp;
mod linearize;
mod split;
#[cfg(test)]
mod tests;
mod transpose;
pub mod vjp;
mod vmap;
pub mod widen;

pub use jvp::jvp;
pub use linearize::{Linearized, linearize};
pub use split::split;
pub use transpose::transpose;
pub use vmap::vmap;

use crate::diag::Diagnostic;
use crate::ir::{Atom, Builder, Equation, Program, Var};
use crate::ops::rules::{Bodies, NoRule};
use crate::types::Aval;

/// The drivers, for rules that recurse into bodies.
pub const BODIES: Bodies = Bodies {
    jvp: |body, selected| jvp(body, selected).map_err(inside),
    split: |body, unknown| split(body, unknown).map_err(inside),
    transpose: |b, body, known, cotangents| transpose(b, body, known, cotangents).map_err(inside),
    batch: |body, dims, extent| vmap::body(body, dims, extent).map_err(inside),
};

fn inside(error: Diagnostic) -> NoRule {
    NoRule::Inside(Box::new(error))
}

/// Is there anything to differentiate, per output?
pub fn differentiable_outputs(program: &Program) -> Vec<usize> {
    let avals = program.output_avals();
    (0..avals.len()).filter(|&output| avals[output].dtype.is_inexact()).collect()
}

/// One new input per input of `program`, of the same type.
fn inputs_like(b: &mut Builder, program: &Program) -> Vec<Atom> {
    program.input_avals().into_iter().map(|aval| b.input(aval).into()).collect()
}

/// Finishes a program without the equations that nobody uses.
fn finished(b: Builder, outputs: Vec<Atom>) -> Program {
    let mut program = b.finish(outputs);
    crate::ir::prune::run(&mut program);
    program
}

/// An array of zeros.
fn zeros(b: &mut Builder, aval: &Aval) -> Atom {
    b.full(aval.dtype, &aval.shape, 0.0)
}

/// A mark per variable of a program.
struct Marks(Vec<bool>);

impl Marks {
    fn new(program: &Program) -> Self {
        Marks(vec![false; program.vars.len()])
    }

    fn set(&mut self, var: Var) {
        self.0[var.0 as usize] = true;
    }

    fn has(&self, atom: Atom) -> bool {
        atom.var().is_some_and(|var| self.0[var.0 as usize])
    }

    fn any(&self, atoms: &[Atom]) -> bool {
        atoms.iter().any(|&atom| self.has(atom))
    }
}

/// The refusal of a rule, at its equation: `sort has no transpose: ...`.
fn refused(why: NoRule, what: &str, eqn: &Equation) -> Diagnostic {
    why.refusal(&format!("{} has no {what}", eqn.op.name())).within(&eqn.origin)
}

/// A rule that made something of another type than it must.
fn ill_typed(eqn: &Equation, what: &str, expected: &Aval, found: &Aval) -> Diagnostic {
    let message = format!("the {what} of {} should be {expected}, but its rule made {found}", eqn.op.name());
    Diagnostic::bug(message).with_origin(&eqn.origin)
}
