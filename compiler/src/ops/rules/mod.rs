//! The primitive contract: what every primitive must answer, and the vocabulary of the answers.
//!
//! A rule is local: it sees one equation. Walking programs, keeping environments and recursing into bodies is the
//! drivers' work; where a rule needs it (a loop differentiating its body), the context carries it as a function.

mod bodies;
mod fold_body;
pub mod hlo;
mod nesting;
mod scalar;
mod shared;
mod transformed;

pub use bodies::*;
pub use fold_body::*;
pub use nesting::*;
pub use scalar::scalar_results;
pub use shared::*;
pub use transformed::Transformed;

use crate::diag::{Diagnostic, TypeError};
use crate::ir::{Atom, Builder, Params, Program};
use crate::loops;
use crate::types::{Aval, Tensor};
use std::sync::Arc;

/// The whole contract of a primitive, with how it is written as StableHLO. No method has a default.
pub trait Primitive: hlo::StableHlo {
    /// The text name: `reduce_sum`.
    fn name(&self) -> &str;
    /// Typed fields to ordered text.
    fn params(&self) -> Params;
    /// Result types. Errors: TypeError saying expected and found.
    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError>;
    /// Reference semantics: slow, obvious, independent of `lower`. Operands have the inferred types.
    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>>;
    /// Forward derivative: results and their tangents.
    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals>;
    /// Cotangents of the linear operands from the cotangents of the results, one entry per operand.
    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>>;
    /// The operation over a batch. At least one dim is mapped.
    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched>;
    /// How to compute it with loops. Operand `i` is `BufferId(i)`, result `j` is `BufferId(operands.len() + j)`.
    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering>;
    /// Its bodies, and who enters them.
    fn nesting(&self) -> Nesting<'_>;
}

/// The parts that have no `self`; also all required.
pub trait Family: Primitive + Sized {
    /// Reads one of the family's primitives from text; `None` if `name` is not one. `results` are the binder types as
    /// far as the text gives them: JAX leaves out parameters that repeat them.
    fn parse(name: &str, params: &Params, results: &[Option<Aval>]) -> Option<Result<Self, TypeError>>;
    /// Operands, domains and tolerances for the laws; every member of the family appears.
    fn samples() -> Vec<Sample>;
}

/// The answer of a rule: a value, or the reason why there is none.
pub type Rule<T> = Result<T, NoRule>;

/// Why a primitive has no rule. Shown to the user and listed in `ops.md`.
#[derive(Clone, PartialEq, Debug)]
pub enum NoRule {
    /// There cannot or should not be one.
    ByDesign(&'static str),
    /// There should be one; exit code 3.
    NotYet(&'static str),
    /// An equation of its body has none: the refusal, at that equation.
    Inside(Box<Diagnostic>),
}

impl NoRule {
    /// The refusal of a subject: `sort has no transpose: ...`. The caller adds the place, unless the refusal has one.
    pub fn refusal(self, subject: &str) -> Diagnostic {
        match self {
            NoRule::ByDesign(why) | NoRule::NotYet(why) => {
                Diagnostic::unsupported(format!("{subject}: {why}"))
            }
            NoRule::Inside(diagnostic) => *diagnostic,
        }
    }
}

/// The tangent or cotangent of a value. Zeros stay symbolic, so that no code multiplies by them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tangent {
    Zero(Aval),
    Value(Atom),
}

/// What transposition sees of an operand: a known value, or a linear variable known by its type alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operand {
    Known(Atom),
    Linear(Aval),
}

/// Where the batch axis of an operand or result is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BatchDim {
    NotMapped,
    Axis(usize),
}

/// Results with their tangents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Duals {
    pub primals: Vec<Atom>,
    pub tangents: Vec<Tangent>,
}

/// Results with their batch axes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batched {
    pub values: Vec<Atom>,
    pub dims: Vec<BatchDim>,
}

/// How an equation becomes loops.
#[derive(Clone, PartialEq, Debug)]
pub enum Lowering {
    /// An equivalent program over the operands: calls, and ops defined by others.
    Expand(Program),
    /// Nests that together write every element of the results.
    Nests(Vec<loops::Nest>),
    /// The result has the operand's bytes in the same row-major order. The nest, if the index map is affine, lets
    /// the operation fuse instead.
    Reinterpret(Option<loops::Nest>),
    /// The result is this array, read-only data of the object.
    Constant(Arc<Tensor>),
    /// A routine of the runtime. `call.scratch` is empty: lowering fills it in if the routine takes scratch memory of
    /// `scratch_bytes`, which may be 0. It reads `tables`, constants of the object, after the operands.
    Runtime { call: loops::RuntimeCall, tables: Vec<Arc<Tensor>>, scratch_bytes: Option<usize> },
    /// Statements around bodies.
    Control(Control),
}

/// How bodies run. Bodies are programs over the equation's operands.
#[derive(Clone, PartialEq, Debug)]
pub enum Control {
    /// Runs the branch that operand 0, an i32, names; it is clamped to the branches. The other operands are the inputs
    /// of each branch, its outputs the results.
    Switch { branches: Vec<Program> },
    /// While `condition(condition consts.., state..)` is true, the state becomes `body(body consts.., state..)`.
    /// Operands: condition consts, body consts, the first state; results: the last state.
    While { condition: Program, condition_consts: usize, body: Program, body_consts: usize },
    /// `(state.., row of each y) = body(consts.., state.., row of each x)` for each row, or for each row from the last
    /// to the first. Operands: consts, the first state, the stacked xs; results: the last state, the stacked ys.
    Scan { body: Program, consts: usize, carries: usize, length: usize, reverse: bool },
}

/// Context of `eval`: evaluates bodies.
pub struct EvalCx {
    pub eval_body: fn(&EvalCx, &Program, &[Tensor]) -> Rule<Vec<Tensor>>,
}

/// Context of `jvp`.
pub struct JvpCx<'a> {
    pub builder: &'a mut Builder,
    pub bodies: Bodies,
}

/// Context of `transpose`.
pub struct TransposeCx<'a> {
    pub builder: &'a mut Builder,
    pub bodies: Bodies,
}

/// Context of `batch`.
pub struct BatchCx<'a> {
    pub builder: &'a mut Builder,
    /// The extent of the batch axis.
    pub extent: usize,
    pub bodies: Bodies,
}

/// One record of a primitive for the laws of the test suite.
#[derive(Clone, Debug)]
pub struct Sample {
    pub op: super::Op,
    pub operands: Vec<Tensor>,
    /// Relative tolerance of compiled code against `eval`. Units: ulps of the result's dtype.
    pub ulps: f64,
    /// Is it differentiable at these operands, so that finite differences mean something?
    pub smooth: bool,
    /// Compares results of compiled code with those of `eval`, where elements need not be equal one by one.
    pub same: Option<Comparison>,
}

/// Errors: what is wrong with the results found; the arguments are operands, results found and results expected.
pub type Comparison = fn(&[Tensor], &[Tensor], &[Tensor]) -> Result<(), String>;

impl Sample {
    /// A sample compared to within 4 ulps, at a smooth point.
    pub fn new(op: impl Into<super::Op>, operands: Vec<Tensor>) -> Self {
        Sample { op: op.into(), operands, ulps: 4.0, smooth: true, same: None }
    }

    /// The same sample, at a point where derivatives jump.
    pub fn not_smooth(self) -> Self {
        Sample { smooth: false, ..self }
    }

    /// The same sample with a comparison of its own.
    pub fn compared_by(self, same: Comparison) -> Self {
        Sample { same: Some(same), ..self }
    }

    /// The same sample with another tolerance.
    pub fn within(self, ulps: f64) -> Self {
        Sample { ulps, ..self }
    }
}

impl Tangent {
    pub fn is_zero(&self) -> bool {
        matches!(self, Tangent::Zero(_))
    }

    pub fn value(&self) -> Option<Atom> {
        match self {
            Tangent::Value(atom) => Some(*atom),
            Tangent::Zero(_) => None,
        }
    }
}

impl Operand {
    pub fn known(&self) -> Option<Atom> {
        match self {
            Operand::Known(atom) => Some(*atom),
            Operand::Linear(_) => None,
        }
    }

    pub fn is_linear(&self) -> bool {
        matches!(self, Operand::Linear(_))
    }
}

impl BatchDim {
    pub fn axis(self) -> Option<usize> {
        match self {
            BatchDim::Axis(axis) => Some(axis),
            BatchDim::NotMapped => None,
        }
    }
}

impl Batched {
    /// One result with its batch axis first.
    pub fn leading(value: Atom) -> Self {
        Batched { values: vec![value], dims: vec![BatchDim::Axis(0)] }
    }
}

impl Duals {
    pub fn one(primal: Atom, tangent: Tangent) -> Self {
        Duals { primals: vec![primal], tangents: vec![tangent] }
    }
}
