//! Copies the equations of one program into another: the mechanism behind inlining and every transform.

use super::{Atom, Builder, Equation, Program, Var};

/// Appends the equations of `program`, its inputs replaced by `arguments`; returns its outputs.
///
/// Invariant: `program` has no constvars.
pub fn inline(builder: &mut Builder, program: &Program, arguments: &[Atom]) -> Vec<Atom> {
    assert!(program.constvars.is_empty() && program.inputs.len() == arguments.len(), "arity was verified");
    let mut scope = Scope::new(program);
    for (&input, &argument) in program.inputs.iter().zip(arguments) {
        scope.bind(input, argument);
    }
    let outer = builder.origin().clone();
    for eqn in &program.equations {
        // Without a place of its own, an equation of a body keeps that of the call.
        builder.set_origin(if eqn.origin.span().is_some() { eqn.origin.clone() } else { outer.clone() });
        let operands = scope.atoms(&eqn.operands);
        let avals = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
        let results = builder.emit_typed(eqn.op.clone(), &operands, avals);
        scope.bind_all(&eqn.results, &results);
    }
    builder.set_origin(outer);
    scope.atoms(&program.outputs)
}

/// A copy of a program in which `replaced` has the first say on each equation: it may emit others in its place and
/// return their results.
///
/// Invariant: `program` has no constvars.
pub fn rewritten(
    program: &Program,
    mut replaced: impl FnMut(&mut Builder, &Scope, &Equation) -> Option<Vec<Atom>>,
) -> Program {
    let mut b = Builder::new();
    let mut scope = Scope::new(program);
    for &input in &program.inputs {
        scope.bind(input, b.input(program.aval(input).clone()).into());
    }
    for eqn in &program.equations {
        b.set_origin(eqn.origin.clone());
        let results = replaced(&mut b, &scope, eqn).unwrap_or_else(|| {
            let avals = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
            b.emit_typed(eqn.op.clone(), &scope.atoms(&eqn.operands), avals)
        });
        scope.bind_all(&eqn.results, &results);
    }
    let outputs = scope.atoms(&program.outputs);
    b.finish(outputs)
}

/// What the variables of a program stand for in another one.
pub struct Scope(Vec<Option<Atom>>);

impl Scope {
    pub fn new(program: &Program) -> Self {
        Scope(vec![None; program.vars.len()])
    }

    pub fn bind(&mut self, var: Var, atom: Atom) {
        self.0[var.0 as usize] = Some(atom);
    }

    pub fn bind_all(&mut self, vars: &[Var], atoms: &[Atom]) {
        vars.iter().zip(atoms).for_each(|(&var, &atom)| self.bind(var, atom));
    }

    pub fn atom(&self, atom: Atom) -> Atom {
        match atom {
            Atom::Var(var) => self.0[var.0 as usize].expect("verified programs bind before use"),
            Atom::Literal(_) => atom,
        }
    }

    pub fn atoms(&self, atoms: &[Atom]) -> Vec<Atom> {
        atoms.iter().map(|&atom| self.atom(atom)).collect()
    }
}
