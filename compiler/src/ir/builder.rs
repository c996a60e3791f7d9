//! Builds a [`Program`] equation by equation.

use super::{Atom, Equation, Program, Var};
use crate::diag::Origin;
use crate::ops::Op;
use crate::types::{Aval, DType};

/// Appends equations, inferring the types of their results and stamping the origin of the equation in progress.
#[derive(Default)]
pub struct Builder {
    program: Program,
    origin: Origin,
}

impl Builder {
    pub fn new() -> Self {
        Builder::default()
    }

    /// Continues an existing program; its outputs are replaced by [`Builder::finish`].
    pub fn from_program(program: Program) -> Self {
        Builder { program, origin: Origin::unknown() }
    }

    /// From now on, equations come from here.
    pub fn set_origin(&mut self, origin: Origin) {
        self.origin = origin;
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn program(&self) -> &Program {
        &self.program
    }

    pub fn input(&mut self, aval: Aval) -> Var {
        let var = self.program.new_var(aval);
        self.program.inputs.push(var);
        var
    }

    pub fn constvar(&mut self, aval: Aval) -> Var {
        let var = self.program.new_var(aval);
        self.program.constvars.push(var);
        var
    }

    pub fn aval(&self, atom: Atom) -> Aval {
        self.program.atom_aval(atom)
    }

    pub fn dtype(&self, atom: Atom) -> DType {
        match atom {
            Atom::Var(var) => self.program.aval(var).dtype,
            Atom::Literal(literal) => literal.dtype(),
        }
    }

    /// Adds `op operands` and returns its results. Panics if the operands do not fit: rules build well-typed code,
    /// so this is a bug of the rule.
    pub fn emit(&mut self, op: impl Into<Op>, operands: &[Atom]) -> Vec<Atom> {
        let op = op.into();
        let avals = self.program.atom_avals(operands);
        match op.infer(&avals) {
            Ok(results) => self.emit_typed(op, operands, results),
            Err(error) => panic!("a rule built an ill-typed {}: {error}", op.name()),
        }
    }

    /// [`Builder::emit`] for an op with one result.
    pub fn emit_one(&mut self, op: impl Into<Op>, operands: &[Atom]) -> Atom {
        let results = self.emit(op, operands);
        assert_eq!(results.len(), 1, "emit_one is for ops with one result");
        results[0]
    }

    /// Adds an equation whose result types are known.
    pub fn emit_typed(&mut self, op: Op, operands: &[Atom], results: Vec<Aval>) -> Vec<Atom> {
        let results: Vec<Var> = results.into_iter().map(|aval| self.program.new_var(aval)).collect();
        let (operands, origin) = (operands.to_vec(), self.origin.clone());
        self.program.equations.push(Equation { op, operands, results: results.clone(), origin });
        results.into_iter().map(Atom::Var).collect()
    }

    pub fn finish(mut self, outputs: Vec<Atom>) -> Program {
        self.program.outputs = outputs;
        self.program
    }
}
