//! The contract between primitives and StableHLO: the contexts of the rules that read and write operations.
//!
//! Reading is by family, because several operations of StableHLO may mean one primitive and one operation a small program
//! of them. Writing is by primitive. The drivers, `front` and `export`, walk modules and programs; rules see one
//! operation or equation, and reach regions and functions through their context.

use super::{EvalCx, NoRule, Rule, TypeError};
use crate::diag::Diagnostic;
use crate::hlo::{self, Attribute, Attributes, FuncBuilder, Type, Value};
use crate::ir::{Atom, Body, Builder, Program};
use crate::ops::Op;
use crate::types::{Aval, DType, Literal, Shape, Tensor};

/// How a primitive is written as StableHLO.
pub trait StableHlo {
    /// Emits operations that compute the primitive and returns their results, of the types that `infer` says.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>>;
}

/// The answer of a family that is asked for an operation: `None` if it is not one of the family's. Errors carry a place
/// only if it is not the operation's own; the driver adds that.
pub type Imported = Option<Result<Vec<Atom>, Diagnostic>>;

/// Context of reading one operation.
pub struct Import<'a> {
    pub builder: &'a mut Builder,
    pub op: &'a hlo::Op,
    /// The types that the text gives to the results.
    pub results: &'a [Type],
    pub bodies: &'a mut dyn ImportBodies,
}

/// What the driver does for operations with regions and for calls.
pub trait ImportBodies {
    /// A region as a program: first the values that it takes from around it, which are returned, then its arguments.
    fn region(&mut self, region: &hlo::Region) -> Result<Closed, Diagnostic>;
    /// A function of the module as a body.
    fn function(&mut self, name: &str) -> Result<Body, Diagnostic>;
    /// An array constant.
    fn constant(&mut self, dense: &hlo::Dense, builder: &mut Builder) -> Result<Atom, Diagnostic>;
}

/// A region with what it takes from around it.
pub struct Closed {
    pub program: Program,
    pub captures: Vec<Atom>,
}

impl Import<'_> {
    /// The operation without its dialect, if it is StableHLO's.
    pub fn stablehlo(&self) -> Option<&str> {
        self.op.name.strip_prefix("stablehlo.")
    }

    /// Adds an equation. Errors: the operands do not fit.
    pub fn emit(&mut self, op: impl Into<Op>, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
        let op = op.into();
        let results = op.infer(&self.builder.program().atom_avals(operands))?;
        Ok(self.builder.emit_typed(op, operands, results))
    }

    /// [`Import::emit`] for an op with one result.
    pub fn emit_one(&mut self, op: impl Into<Op>, operands: &[Atom]) -> Result<Atom, Diagnostic> {
        Ok(self.emit(op, operands)?[0])
    }

    /// The aval of one result. Errors: it has a type that this project lacks.
    pub fn result(&self, position: usize) -> Result<Aval, Diagnostic> {
        let ty =
            self.results.get(position).ok_or_else(|| TypeError(format!("result {position} is missing")))?;
        ty.aval().ok_or_else(|| Diagnostic::unsupported(format!("{}: values of type {ty}", self.op.name)))
    }

    /// The value of a scalar that follows from literals alone; `None` if it depends on anything else.
    pub fn literal(&self, atom: Atom) -> Option<Literal> {
        known(self.builder.program(), atom, 1, 4)?.to_literal()
    }

    /// The elements of a short array of integers that follows from constants alone. Errors: it depends on anything else.
    pub fn known_ints(&self, atom: Atom) -> Result<Vec<i64>, Diagnostic> {
        let tensor = known(self.builder.program(), atom, MAX_KNOWN, 8);
        let tensor = tensor.filter(|tensor| tensor.dtype().is_integer());
        let tensor = tensor.ok_or_else(|| {
            Diagnostic::unsupported(format!("{}: sizes that are known at run time alone", self.op.name))
        })?;
        Ok(tensor.scalars().map(|scalar| scalar.int() as i64).collect())
    }

    /// [`Import::known_ints`] of sizes. Errors: also numbers below zero.
    pub fn known_sizes(&self, atom: Atom) -> Result<Vec<usize>, Diagnostic> {
        let sizes = self.known_ints(atom)?.into_iter().map(usize::try_from).collect::<Result<_, _>>();
        sizes.map_err(|_| Diagnostic::error("expected sizes, found a number below zero"))
    }

    /// The operands of an operation that has `N` of them. Errors: it has more or fewer.
    pub fn operands<const N: usize>(&self, operands: &[Atom]) -> Result<[Atom; N], Diagnostic> {
        <[Atom; N]>::try_from(operands)
            .map_err(|_| Diagnostic::error(format!("expected {N} operands, found {}", operands.len())))
    }

    /// The value of a number that follows from constants alone; `None` if it depends on anything else.
    pub fn known_number(&self, atom: Atom) -> Option<f64> {
        let tensor = known(self.builder.program(), atom, 1, MAX_KNOWN)?;
        tensor.dtype().is_float().then(|| tensor.scalars().next().map(|scalar| scalar.float()))?
    }

    /// The options of a call: FFI attributes, which XLA's own importer leaves in `backend_config`.
    pub fn config(&self) -> Option<&Attributes> {
        let attributes = &self.op.attributes;
        attributes.fields("mhlo.backend_config").or_else(|| attributes.fields("backend_config"))
    }

    /// The same context for another operation in place of this one, with results of these types.
    pub fn instead<'b>(&'b mut self, op: &'b hlo::Op, results: &'b [Type]) -> Import<'b> {
        Import { builder: &mut *self.builder, op, results, bodies: &mut *self.bodies }
    }

    /// Errors: the attribute is missing or holds no sizes.
    pub fn sizes(&self, name: &str) -> Result<Vec<usize>, Diagnostic> {
        self.op.attributes.sizes(name).ok_or_else(|| self.missing(name, "a list of sizes"))
    }

    /// Sizes that may be left out. Errors: they are there, but are no sizes.
    pub fn sizes_or(&self, name: &str, default: Vec<usize>) -> Result<Vec<usize>, Diagnostic> {
        if self.op.attributes.get(name).is_none() { Ok(default) } else { self.sizes(name) }
    }

    /// Errors: the attribute is missing or holds no numbers.
    pub fn ints(&self, name: &str) -> Result<Vec<i64>, Diagnostic> {
        self.op.attributes.ints(name).ok_or_else(|| self.missing(name, "a list of numbers"))
    }

    /// Errors: the attribute is missing or no size.
    pub fn size(&self, name: &str) -> Result<usize, Diagnostic> {
        self.op.attributes.size(name).ok_or_else(|| self.missing(name, "a size"))
    }

    /// Errors: the attribute is missing or no word.
    pub fn word(&self, name: &str) -> Result<&str, Diagnostic> {
        self.op.attributes.word(name).ok_or_else(|| self.missing(name, "a word"))
    }

    /// Errors: the operation has no such region.
    pub fn region(&mut self, position: usize) -> Result<Closed, Diagnostic> {
        match self.op.regions.get(position) {
            Some(region) => self.bodies.region(region),
            None => Err(Diagnostic::error(format!("region {position} is missing"))),
        }
    }

    /// A region as a body of its arguments alone. Errors: it uses values from around it.
    pub fn body(&mut self, position: usize) -> Result<Body, Diagnostic> {
        let closed = self.region(position)?;
        if closed.captures.is_empty() {
            return Ok(closed.program.into());
        }
        Err(Diagnostic::unsupported(format!("{}: regions that use values from around them", self.op.name)))
    }

    pub fn missing(&self, name: &str, expected: &str) -> Diagnostic {
        Diagnostic::error(match self.op.attributes.get(name) {
            None => format!("attribute {name} is missing"),
            Some(found) => format!("attribute {name}: expected {expected}, found {found}"),
        })
    }
}

/// How many elements a constant has at most that stands for attributes.
const MAX_KNOWN: usize = 64;

/// The value of an array of at most `count` elements that follows from literals by at most `depth` equations.
fn known(program: &Program, atom: Atom, count: usize, depth: usize) -> Option<Tensor> {
    let var = match atom {
        Atom::Literal(literal) => return Some(Tensor::from_literal(literal)),
        Atom::Var(var) => var,
    };
    let eqn = program.equations.iter().rev().find(|eqn| eqn.results == [var])?;
    let is_short = program.aval(var).shape.element_count() <= count;
    // Longer chains are no constants that someone wrote down.
    if depth == 0 || !is_short || !eqn.op.bodies().is_empty() {
        return None;
    }
    let operands: Option<Vec<Tensor>> =
        eqn.operands.iter().map(|&operand| known(program, operand, count, depth - 1)).collect();
    let cx = EvalCx { eval_body: |_, _, _| Err(NoRule::ByDesign("operations with bodies are left alone")) };
    eqn.op.eval(&cx, &operands?).ok()?.into_iter().next()
}

/// Context of writing one equation.
pub struct Export<'a> {
    pub function: &'a mut FuncBuilder,
    /// The types of the equation's operands, as programs know them.
    pub operands: Vec<Aval>,
    /// The types of its results.
    pub results: Vec<Aval>,
    pub bodies: &'a mut dyn ExportBodies,
}

/// What the driver does for equations with bodies.
pub trait ExportBodies {
    /// Emits the equations of a body in place and returns its outputs.
    fn inline(&mut self, function: &mut FuncBuilder, body: &Program, inputs: &[Value]) -> Rule<Vec<Value>>;
    /// The name of the private function that a body becomes.
    fn function(&mut self, body: &Body, name: Option<&str>) -> Rule<String>;
}

impl Export<'_> {
    /// Adds an operation whose results have the types of the equation's.
    pub fn same(&mut self, name: &str, operands: &[Value], attributes: Attributes) -> Vec<Value> {
        let results = self.results.clone();
        self.op(name, operands, attributes, &results)
    }

    /// Adds an operation.
    pub fn op(
        &mut self,
        name: &str,
        operands: &[Value],
        attributes: Attributes,
        results: &[Aval],
    ) -> Vec<Value> {
        let results = results.iter().map(Type::tensor).collect();
        self.function.op(name, operands, attributes, Vec::new(), results)
    }

    /// Adds an operation without attributes that has one result.
    pub fn plain(&mut self, name: &str, operands: &[Value], result: &Aval) -> Value {
        self.op(name, operands, Attributes::default(), std::slice::from_ref(result))[0]
    }

    /// A rank-0 constant.
    pub fn literal(&mut self, literal: Literal) -> Value {
        let ty = hlo::TensorType::new(&Aval::scalar(literal.dtype()));
        self.constant(hlo::Dense { ty, data: hlo::DenseData::Splat(literal) })
    }

    /// A rank-0 constant, rounded to its dtype.
    pub fn number(&mut self, dtype: DType, value: f64) -> Value {
        self.literal(Literal::from_f64(dtype, value))
    }

    /// An array of zeros.
    pub fn zeros(&mut self, aval: &Aval) -> Value {
        let stored = Type::tensor(aval).aval().expect("values are built from avals");
        let zero = self.number(stored.dtype, 0.0);
        self.stretched(zero, &stored.shape)
    }

    pub fn constant(&mut self, dense: hlo::Dense) -> Value {
        let ty = Type::Tensor(dense.ty.clone());
        let attributes = Attributes::default().with("value", Attribute::Dense(dense));
        self.function.op("stablehlo.constant", &[], attributes, Vec::new(), vec![ty])[0]
    }

    /// The type of a value, as StableHLO has it.
    pub fn aval(&self, value: Value) -> Aval {
        self.function.type_of(value).aval().expect("values are built from avals")
    }

    /// Stretches a value to a shape, as elementwise operations of programs do implicitly: rank 0 to any shape, and axes of
    /// extent 1.
    pub fn stretched(&mut self, value: Value, shape: &Shape) -> Value {
        let aval = self.aval(value);
        if aval.shape == *shape {
            return value;
        }
        let dims: Vec<i64> = (0..aval.rank() as i64).collect();
        let attributes = Attributes::default().with("broadcast_dimensions", Attribute::numbers(dims));
        self.op("stablehlo.broadcast_in_dim", &[value], attributes, &[aval.with_shape(shape.clone())])[0]
    }

    /// All of them stretched to one shape.
    pub fn all_stretched(&mut self, values: &[Value], shape: &Shape) -> Vec<Value> {
        values.iter().map(|&value| self.stretched(value, shape)).collect()
    }

    pub fn reshaped(&mut self, value: Value, shape: &Shape) -> Value {
        let aval = self.aval(value);
        if aval.shape == *shape {
            return value;
        }
        self.plain("stablehlo.reshape", &[value], &aval.with_shape(shape.clone()))
    }

    pub fn converted(&mut self, value: Value, dtype: DType) -> Value {
        let aval = self.aval(value);
        if aval.dtype == dtype {
            return value;
        }
        self.plain("stablehlo.convert", &[value], &aval.with_dtype(dtype))
    }

    /// A region with these arguments; `fill` emits its operations and returns what it returns.
    pub fn region(
        &mut self,
        arguments: &[Aval],
        fill: impl FnOnce(&mut Self, &[Value]) -> Rule<Vec<Value>>,
    ) -> Rule<hlo::Region> {
        self.function.open();
        let arguments: Vec<Value> =
            arguments.iter().map(|aval| self.function.argument(Type::tensor(aval))).collect();
        let returned = fill(self, &arguments)?;
        Ok(self.function.close(&returned))
    }

    /// A body as a region.
    pub fn body(&mut self, body: &Body) -> Rule<hlo::Region> {
        self.region(&body.input_avals(), |cx, arguments| cx.bodies.inline(cx.function, body, arguments))
    }
}
