//! Programs: typed, functional, first order. Structure only; what an equation means is in [`crate::ops`].
//!
//! A [`Program`] is what JAX calls a jaxpr: inputs, equations in order, outputs. Variables are numbered by
//! binding and belong to one program; a sub-program (the *body* of a `scan`, say) is a scope of its own.

mod body;
mod builder;
pub mod inline;
mod params;
mod print;
pub mod prune;
pub mod source;
mod verify;

pub use body::Body;
pub use builder::Builder;
pub use params::{Params, Value};
pub use verify::{check_sizes, too_large, verify};

use crate::diag::Origin;
use crate::ops::Op;
use crate::types::{Aval, DType, Literal, Shape};

/// A variable of one [`Program`]: an index into [`Program::vars`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Var(pub u32);

/// An operand: a variable or a rank-0 constant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Atom {
    Var(Var),
    Literal(Literal),
}

/// `results = op operands`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Equation {
    pub op: Op,
    pub operands: Vec<Atom>,
    pub results: Vec<Var>,
    pub origin: Origin,
}

/// A function of arrays.
///
/// Equality is structural and ignores origins; two programs that differ only in the numbering of variables are
/// equal after [`Program::renumbered`].
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Program {
    // Invariant: every variable is bound exactly once, by `constvars`, `inputs` or an equation, before its uses.
    pub vars: Vec<Aval>,
    /// Inputs whose values the text lacks. Invariant: empty once `const` lines and `--consts` are bound.
    pub constvars: Vec<Var>,
    /// Of a body, which constants of the text its constvars are; see [`source::BodyConstant`]. Bodies that look alike may
    /// have different constants.
    pub const_ids: Vec<u32>,
    pub inputs: Vec<Var>,
    pub equations: Vec<Equation>,
    pub outputs: Vec<Atom>,
}

impl Program {
    pub fn aval(&self, var: Var) -> &Aval {
        &self.vars[var.0 as usize]
    }

    /// The aval of an operand.
    pub fn atom_aval(&self, atom: Atom) -> Aval {
        match atom {
            Atom::Var(var) => self.aval(var).clone(),
            Atom::Literal(literal) => Aval::scalar(literal.dtype()),
        }
    }

    pub fn atom_avals(&self, atoms: &[Atom]) -> Vec<Aval> {
        atoms.iter().map(|&atom| self.atom_aval(atom)).collect()
    }

    pub fn input_avals(&self) -> Vec<Aval> {
        self.inputs.iter().map(|&var| self.aval(var).clone()).collect()
    }

    pub fn output_avals(&self) -> Vec<Aval> {
        self.atom_avals(&self.outputs)
    }

    pub fn new_var(&mut self, aval: Aval) -> Var {
        self.vars.push(aval);
        Var(self.vars.len() as u32 - 1)
    }

    /// The same program with variables numbered in order of binding, as the parser numbers them.
    pub fn renumbered(&self) -> Program {
        let mut map = vec![None; self.vars.len()];
        let mut vars = Vec::with_capacity(self.vars.len());
        let bound = self.equations.iter().flat_map(|eqn| &eqn.results);
        for &var in self.constvars.iter().chain(&self.inputs).chain(bound) {
            map[var.0 as usize] = Some(Var(vars.len() as u32));
            vars.push(self.aval(var).clone());
        }
        let of = |var: &Var| map[var.0 as usize].expect("verified programs bind every variable they use");
        let atom = |atom: &Atom| match atom {
            Atom::Var(var) => Atom::Var(of(var)),
            Atom::Literal(literal) => Atom::Literal(*literal),
        };
        let equation = |eqn: &Equation| Equation {
            op: eqn.op.clone(),
            operands: eqn.operands.iter().map(atom).collect(),
            results: eqn.results.iter().map(of).collect(),
            origin: eqn.origin.clone(),
        };
        Program {
            constvars: self.constvars.iter().map(of).collect(),
            const_ids: self.const_ids.clone(),
            inputs: self.inputs.iter().map(of).collect(),
            equations: self.equations.iter().map(equation).collect(),
            outputs: self.outputs.iter().map(atom).collect(),
            vars,
        }
    }
}

impl Atom {
    pub fn literal(self) -> Option<Literal> {
        match self {
            Atom::Literal(literal) => Some(literal),
            Atom::Var(_) => None,
        }
    }

    pub fn var(self) -> Option<Var> {
        match self {
            Atom::Var(var) => Some(var),
            Atom::Literal(_) => None,
        }
    }

    /// A rank-0 constant.
    pub fn constant(dtype: DType, value: f64) -> Atom {
        Atom::Literal(Literal::from_f64(dtype, value))
    }
}

impl From<Var> for Atom {
    fn from(var: Var) -> Atom {
        Atom::Var(var)
    }
}

impl From<Literal> for Atom {
    fn from(literal: Literal) -> Atom {
        Atom::Literal(literal)
    }
}

/// The shape of the result of an n-ary elementwise operation: rank-0 operands broadcast against any shape, and
/// equal-rank operands along axes of extent 1. Errors: `None` if the shapes do not agree.
///
/// Source: jaxpr text of JAX 0.10, implicit broadcasting of elementwise primitives.
pub fn broadcast_shapes<'a>(shapes: impl IntoIterator<Item = &'a Shape>) -> Option<Shape> {
    let mut joined: Option<Shape> = None;
    for shape in shapes.into_iter().filter(|shape| !shape.is_scalar()) {
        joined = Some(match joined {
            None => shape.clone(),
            Some(so_far) if so_far.rank() == shape.rank() => {
                let pairs = so_far.extents().iter().zip(shape.extents());
                pairs.map(|(&a, &b)| join_extents(a, b)).collect::<Option<Shape>>()?
            }
            Some(_) => return None,
        });
    }
    Some(joined.unwrap_or_default())
}

fn join_extents(a: usize, b: usize) -> Option<usize> {
    match (a, b) {
        _ if a == b => Some(a),
        (1, extent) | (extent, 1) => Some(extent),
        _ => None,
    }
}
