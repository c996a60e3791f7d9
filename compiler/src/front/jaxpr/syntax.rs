//! The tree of an `.ir` file: what the text says, before names are looked up. It borrows names from the text.

use crate::diag::Span;
use crate::types::{Aval, Literal, Scalar};

/// A whole file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct File<'a> {
    pub constants: Vec<ConstDef<'a>>,
    /// In the order of the text; callers may precede callees.
    pub definitions: Vec<Definition<'a>>,
    /// The bare `{ lambda ... }`.
    pub main: Option<Jaxpr<'a>>,
    pub exports: Vec<Export<'a>>,
    pub rules: Vec<RuleDef<'a>>,
    /// The line `threefry = ...`.
    pub threefry: Option<(Threefry, Span)>,
}

/// A name as it stands in the text.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ident<'a> {
    pub text: &'a str,
    pub span: Span,
}

/// How `random_bits` and `random_split` lay out their bits: JAX's flag `jax_threefry_partitionable`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Threefry {
    Partitionable,
    Original,
}

/// `const NAME: TYPE = VALUE`.
#[derive(Clone, PartialEq, Debug)]
pub struct ConstDef<'a> {
    pub name: Ident<'a>,
    pub aval: Option<Aval>,
    pub value: ConstValue,
    pub span: Span,
}

/// `custom_jvp NAME = RULE` or `custom_vjp NAME = FORWARD, BACKWARD`.
#[derive(Clone, PartialEq, Debug)]
pub struct RuleDef<'a> {
    pub name: Ident<'a>,
    // One function for jvp, two for vjp.
    pub functions: Vec<Ident<'a>>,
    pub span: Span,
}

/// Where a constant's elements come from.
#[derive(Clone, PartialEq, Debug)]
pub enum ConstValue {
    File { path: String, key: Option<String>, span: Span },
    Literal(Numbers),
}

/// A number or nested lists of numbers, not yet of any element type.
#[derive(Clone, PartialEq, Debug)]
pub enum Numbers {
    Scalar(Scalar, Span),
    List(Vec<Numbers>, Span),
}

/// `let NAME = { lambda ... }`, followed by `in` or not.
#[derive(Clone, PartialEq, Debug)]
pub struct Definition<'a> {
    pub name: Ident<'a>,
    /// Does `in` follow? Then it belongs to the program after it, as JAX prints shared bodies.
    pub local: bool,
    pub jaxpr: Jaxpr<'a>,
}

/// `export NAME = EXPRESSION`; a bare `export NAME` has the name itself as expression.
#[derive(Clone, PartialEq, Debug)]
pub struct Export<'a> {
    pub name: Ident<'a>,
    pub transform: TransformExpr<'a>,
    pub span: Span,
}

/// `vmap(grad(loss, argnums=(0, 1)), in_axes=(None, 0))`, or an argument within one.
#[derive(Clone, PartialEq, Debug)]
pub enum TransformExpr<'a> {
    /// A function of the file.
    Name(Ident<'a>),
    Call(TransformCall<'a>),
    /// A positional argument that is not a function: `(None, 0)`.
    Value(ParamValue<'a>, Span),
}

impl TransformExpr<'_> {
    pub fn span(&self) -> Span {
        match self {
            TransformExpr::Name(name) => name.span,
            TransformExpr::Call(call) => call.span,
            TransformExpr::Value(_, span) => *span,
        }
    }
}

/// One transformation applied to arguments.
#[derive(Clone, PartialEq, Debug)]
pub struct TransformCall<'a> {
    pub transform: Ident<'a>,
    pub arguments: Vec<TransformExpr<'a>>,
    pub keywords: Vec<Param<'a>>,
    pub span: Span,
}

/// `{ lambda CONSTVARS ; INPUTS . let EQUATIONS in (OUTPUTS) }`.
#[derive(Clone, PartialEq, Debug)]
pub struct Jaxpr<'a> {
    pub constvars: Vec<Binder<'a>>,
    pub inputs: Vec<Binder<'a>>,
    pub equations: Vec<Equation<'a>>,
    pub outputs: Vec<Atom<'a>>,
    pub span: Span,
}

/// A variable where it is bound, with its type unless the text leaves that out.
#[derive(Clone, PartialEq, Debug)]
pub struct Binder<'a> {
    pub name: Ident<'a>,
    pub aval: Option<Aval>,
}

/// `BINDERS = PRIMITIVE[PARAMS] OPERANDS`.
#[derive(Clone, PartialEq, Debug)]
pub struct Equation<'a> {
    pub binders: Vec<Binder<'a>>,
    pub primitive: Ident<'a>,
    pub params: Vec<Param<'a>>,
    pub operands: Vec<Atom<'a>>,
    /// The Python line a trailing comment of `source_info=True` names: `model.py:12:4 (loss)`.
    pub python: Option<&'a str>,
    pub span: Span,
}

/// `KEY=VALUE` of an equation or of a transformation.
#[derive(Clone, PartialEq, Debug)]
pub struct Param<'a> {
    pub key: Ident<'a>,
    pub value: ParamValue<'a>,
    /// Of the value.
    pub span: Span,
}

/// A variable or a constant where it is used.
#[derive(Clone, PartialEq, Debug)]
pub enum Atom<'a> {
    Var(Ident<'a>),
    Literal(Literal, Span),
    /// A constant without a type, as JAX printed them until 0.5.3.
    Untyped(Scalar, Span),
}

impl Atom<'_> {
    pub fn span(&self) -> Span {
        match self {
            Atom::Var(name) => name.span,
            Atom::Literal(_, span) | Atom::Untyped(_, span) => *span,
        }
    }
}

/// The value of a parameter. References to shared definitions are [`ParamValue::Name`]s.
#[derive(Clone, PartialEq, Debug)]
pub enum ParamValue<'a> {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Complex(f64, f64),
    /// A bare or dotted name (`GatherScatterMode.CLIP`) or a class (`<class 'numpy.float32'>` is `float32`).
    Name(&'a str),
    Str(String),
    /// Tuples, lists, `range(a, b)`, and the blank separated jaxprs of `branches=( ... )`.
    Tuple(Vec<ParamValue<'a>>),
    /// `GatherDimensionNumbers(offset_dims=(1,), ...)`: the name and its fields, in order.
    Record(&'a str, Vec<(Option<&'a str>, ParamValue<'a>)>),
    /// Text without meaning for us: `<function max at 0x...>`.
    Opaque(&'a str),
    Jaxpr(Box<Jaxpr<'a>>),
    /// A complete program with definitions of its own: `let f = { ... } in { ... }`.
    Program(Vec<Definition<'a>>, Box<Jaxpr<'a>>),
}
