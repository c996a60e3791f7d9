//! What one source file says: functions, constants and what to export. Made by `front`, read by the pipeline.

use super::Program;
use crate::diag::{Diagnostic, Span};
use crate::ir::Value;
use crate::types::{Aval, Tensor};

/// A whole file, resolved and typed. The first function of a jaxpr printout without a name is `main`.
#[derive(Clone, Debug, Default)]
pub struct Source {
    pub constants: Vec<Constant>,
    pub functions: Vec<Function>,
    pub exports: Vec<Export>,
    /// Derivatives of functions that have their own.
    pub rules: Vec<CustomRule>,
    /// What the bodies inside functions need, in the order of the text.
    pub body_constants: Vec<BodyConstant>,
    /// The bit layout of `random_bits` and `random_split`, if the file has a `threefry = ...` line.
    pub threefry: Option<Threefry>,
    /// What the text says without effect on the results: prints.
    pub warnings: Vec<Diagnostic>,
}

/// A top-level function.
#[derive(Clone, Debug)]
pub struct Function {
    pub name: String,
    pub span: Span,
    pub program: Program,
    /// The names in the text, for headers and error messages; one per constvar, input and output. An output that is
    /// a literal or repeats an earlier one is `out0`, `out1`, ...
    pub constvar_names: Vec<String>,
    pub input_names: Vec<String>,
    pub output_names: Vec<String>,
    pub left_out: LeftOut,
    /// Does another function of the file use it as a body? Such a function is exported only on request.
    pub called: bool,
}

/// The arguments of the Python function that have no input, because nothing reads them: JAX leaves them out of StableHLO.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LeftOut {
    /// These and no others.
    Exactly(Vec<String>),
    /// These, by the names of the others; the file does not say it.
    AtLeast(Vec<String>),
}

impl Default for LeftOut {
    fn default() -> Self {
        LeftOut::Exactly(Vec::new())
    }
}

/// A constant of a body: of a function inside another one, or of one that others call. JAX prints no values of such.
#[derive(Clone, PartialEq, Debug)]
pub struct BodyConstant {
    /// By this number [`Program::const_ids`] refers to it.
    pub id: u32,
    pub name: String,
    pub aval: Aval,
    pub span: Span,
}

impl Source {
    /// The name under which `--consts` has the value of a constant of a body: `body.const0` for the first one in the
    /// text, and so on. `None`: no body has such a constant.
    pub fn path_of_constant(&self, id: u32) -> Option<String> {
        let position = self.body_constants.iter().position(|constant| constant.id == id)?;
        Some(format!("body.const{position}"))
    }
}

/// `const NAME: TYPE = VALUE`: gives constvars of that name their value.
#[derive(Clone, Debug)]
pub struct Constant {
    pub name: String,
    pub span: Span,
    pub aval: Option<Aval>,
    pub value: ConstantValue,
}

#[derive(Clone, Debug)]
pub enum ConstantValue {
    /// `file("weights.npz", "W")`, relative to the source file; read by the command line.
    File {
        path: String,
        key: Option<String>,
        span: Span,
    },
    Tensor(Tensor),
}

/// `custom_jvp NAME = RULE` or `custom_vjp NAME = FORWARD, BACKWARD`: the derivative of the custom functions called
/// `NAME`, by the names of functions of the file. JAX prints the names of rules, but not the rules.
#[derive(Clone, Debug)]
pub struct CustomRule {
    pub name: String,
    pub span: Span,
    pub programs: RuleNames,
    /// Only calls of this body have the rule.
    pub body: Option<Program>,
}

/// The functions that a rule consists of; see [`crate::ops::control::CustomKind`].
#[derive(Clone, Debug)]
pub enum RuleNames {
    Jvp(String),
    Vjp { forward: String, backward: String },
}

/// `export NAME = EXPRESSION`, or `export NAME` for a function as it stands.
#[derive(Clone, Debug)]
pub struct Export {
    pub name: String,
    pub span: Span,
    pub expression: Expression,
}

/// A function or a transformation of one: `vmap(grad(loss, argnums=(0, 1)), in_axes=(None, 0))`.
#[derive(Clone, Debug)]
pub enum Expression {
    Function { name: String, span: Span },
    Transform { name: String, span: Span, argument: Box<Expression>, keywords: Vec<Keyword> },
}

/// `argnums=(0, 1)`; positional arguments after the first have an empty key.
#[derive(Clone, Debug)]
pub struct Keyword {
    pub key: String,
    pub value: Value,
    pub span: Span,
}

/// JAX's flag `jax_threefry_partitionable`: how random bits are laid out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Threefry {
    /// JAX's default today.
    Partitionable,
    /// The layout of older releases.
    Original,
}
