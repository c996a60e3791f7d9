//! Applies the transformations of export expressions: their keywords, checks and names.

mod keywords;
mod names;

use super::Entry;
use crate::diag::{Diagnostic, Span};
use crate::ir::inline::inline;
use crate::ir::source::Keyword;
use crate::ir::{self, Atom, Builder, Program, Value};
use crate::ops::collective::bound;
use crate::ops::control::{Call, trim};
use crate::transform::{self, jacobian, vjp};
use By::{All, First, Nothing};
use RuleKind::{Batch, Transpose};
use names::distinct;

/// A transformation.
pub struct Row {
    name: &'static str,
    /// What it differentiates by where no keyword says so.
    pub by: By,
    /// The rules of operations that it asks for, derivatives aside.
    pub asks: &'static [RuleKind],
    /// The positional ones come first, in this order.
    keywords: &'static [&'static str],
    apply: fn(&Request) -> Result<Entry, Diagnostic>,
}

/// The arguments that a transformation differentiates by.
#[derive(Clone, Copy, PartialEq)]
pub enum By {
    /// It does not differentiate.
    Nothing,
    First,
    /// All that can be.
    All,
}

/// A kind of rule that an operation may lack.
#[derive(Clone, Copy, PartialEq)]
pub enum RuleKind {
    Transpose,
    Batch,
}

const GRAD: &[&str] = &["argnums", "has_aux"];
const VMAP: &[&str] = &["in_axes", "out_axes", "axis_size", "axis_name"];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "jit", by: Nothing, asks: &[], keywords: &[], apply: |request| Ok(request.function.clone()) },
    Row { name: "grad", by: First, asks: &[Transpose], keywords: GRAD, apply: grad },
    Row { name: "value_and_grad", by: First, asks: &[Transpose], keywords: GRAD, apply: value_and_grad },
    Row { name: "jvp", by: All, asks: &[], keywords: GRAD, apply: jvp },
    Row { name: "vjp", by: All, asks: &[Transpose], keywords: GRAD, apply: vjp },
    Row { name: "linearize", by: All, asks: &[], keywords: &["argnums"], apply: nested_linearize },
    Row { name: "jacfwd", by: First, asks: &[Batch], keywords: GRAD, apply: jacfwd },
    Row { name: "jacrev", by: First, asks: &[Transpose, Batch], keywords: GRAD, apply: jacrev },
    Row { name: "hessian", by: First, asks: &[Transpose, Batch], keywords: GRAD, apply: hessian },
    Row { name: "hvp", by: First, asks: &[Transpose], keywords: &["argnums"], apply: hvp },
    Row { name: "vmap", by: Nothing, asks: &[Batch], keywords: VMAP, apply: vmap },
    Row { name: "checkpoint", by: Nothing, asks: &[], keywords: &["prevent_cse", "policy"], apply: checkpoint },
];

/// The row of a transformation; `None` if there is none of this name.
pub fn row(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

/// One transformation of one function.
struct Request<'e> {
    row: &'static Row,
    span: Span,
    keywords: &'e [Keyword],
    function: &'e Entry,
}

/// Applies one transformation to a function without plain calls.
///
/// Errors: an unknown transformation, keywords that do not fit the function, or a missing rule.
pub fn apply(name: &str, span: Span, keywords: &[Keyword], function: &Entry) -> Result<Entry, Diagnostic> {
    let row = row(name).ok_or_else(|| {
        let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        let hint = format!("transformations are {}", names.join(", "));
        Diagnostic::error(format!("unknown transformation {name}")).at(span).hint(hint)
    })?;
    let request = Request { row, span, keywords, function };
    request.check_keywords()?;
    let entry = (row.apply)(&request).map_err(|error| request.placed(error))?;
    ir::check_sizes(&entry.program).map_err(|error| request.placed(error))?;
    match ir::verify(&entry.program).into_iter().next() {
        None => Ok(Entry { name: format!("{name}({})", function.name), ..entry }),
        Some(broken) => {
            Err(Diagnostic::bug(format!("{name} broke an invariant: {}", broken.message)).at(span))
        }
    }
}

/// A program that is computed again for the backward pass, instead of being kept.
fn checkpoint(request: &Request) -> Result<Entry, Diagnostic> {
    if let Some(policy) = request.keyword("policy").filter(|policy| policy.value != Value::None) {
        return Err(
            Diagnostic::unsupported("checkpoint keeps nothing; policies are not supported").at(policy.span)
        );
    }
    let program = Call::remat(request.function.program.clone());
    Ok(Entry { program, ..request.function.clone() })
}

/// Errors: always, since it makes two functions.
fn nested_linearize(_: &Request) -> Result<Entry, Diagnostic> {
    Err(Diagnostic::error("linearize makes two functions, which nothing can be applied to")
        .hint("export it by itself: `export name = linearize(f)` makes name and name_linear"))
}

/// The two functions of `linearize`: `x.. -> y.., residuals..`, and `residuals.., tangents -> tangents of the y`.
///
/// Errors: those of [`apply`].
pub fn linearize(span: Span, keywords: &[Keyword], function: &Entry) -> Result<[Entry; 2], Diagnostic> {
    let row = row("linearize").expect("the table has it");
    let request = Request { row, span, keywords, function };
    request.check_keywords()?;
    let argnums = request.argnums()?;
    let vjp::LinearizedFunction { value, linear, residuals } =
        vjp::linearized(&function.program, &argnums).map_err(|error| request.placed(error))?;
    let residuals: Vec<String> = (0..residuals).map(|position| format!("residual{position}")).collect();
    let value_outputs = [function.output_names.clone(), residuals.clone()].concat();
    let value = request.entry(value, vec![], value_outputs);
    let linear = Entry {
        input_names: distinct([residuals, request.input_names("t", &argnums)].concat()),
        ..request.entry(linear, vec![], request.directional_names(&argnums))
    };
    Ok([value, linear])
}

fn grad(request: &Request) -> Result<Entry, Diagnostic> {
    let argnums = request.scalar_argnums()?;
    let program = vjp::grad(&request.function.program, &argnums)?;
    let outputs = [request.slope_names(&argnums), request.function.output_names[1..].to_vec()].concat();
    Ok(request.entry(program, vec![], outputs))
}

fn value_and_grad(request: &Request) -> Result<Entry, Diagnostic> {
    let argnums = request.scalar_argnums()?;
    let program = vjp::value_and_grad(&request.function.program, &argnums)?;
    let outputs = [request.function.output_names.clone(), request.slope_names(&argnums)].concat();
    Ok(request.entry(program, vec![], outputs))
}

fn hvp(request: &Request) -> Result<Entry, Diagnostic> {
    let argnums = request.scalar_argnums()?;
    let program = vjp::hvp(&request.function.program, &argnums)?;
    let outputs =
        request.slope_names(&argnums).into_iter().map(|slope| request.along(&slope, &argnums)).collect();
    Ok(request.entry(program, request.input_names("v", &argnums), outputs))
}

fn jvp(request: &Request) -> Result<Entry, Diagnostic> {
    if request.has_aux() {
        return request.beside_aux(jvp);
    }
    let argnums = request.argnums()?;
    let program = vjp::pushforward(&request.function.program, &argnums)?;
    let outputs = [request.function.output_names.clone(), request.directional_names(&argnums)].concat();
    Ok(request.entry(program, request.input_names("t", &argnums), outputs))
}

fn vjp(request: &Request) -> Result<Entry, Diagnostic> {
    if request.has_aux() {
        return request.beside_aux(vjp);
    }
    let argnums = request.argnums()?;
    let program = vjp::vjp(&request.function.program, &argnums)?;
    let cotangents = request.output_names("ct");
    // Several outputs pull back into one gradient.
    let gradients = match request.differentiable_outputs().as_slice() {
        &[output] => request.slope_names_of(output, &argnums),
        _ => request.gradient_names(&argnums),
    };
    let outputs = [request.function.output_names.clone(), gradients].concat();
    Ok(request.entry(program, cotangents, outputs))
}

/// As in JAX without `holomorphic`: forward mode asks for real inputs, reverse mode for real outputs.
fn jacfwd(request: &Request) -> Result<Entry, Diagnostic> {
    request.expect_real_inputs()?;
    jacobian(request, jacobian::jacfwd, 1)
}

fn jacrev(request: &Request) -> Result<Entry, Diagnostic> {
    request.expect_real_outputs()?;
    jacobian(request, jacobian::jacrev, 1)
}

fn hessian(request: &Request) -> Result<Entry, Diagnostic> {
    request.expect_real_inputs()?;
    request.expect_real_outputs()?;
    jacobian(request, jacobian::hessian, 2)
}

fn jacobian(
    request: &Request,
    derive: fn(&Program, &[usize]) -> Result<Program, Diagnostic>,
    order: usize,
) -> Result<Entry, Diagnostic> {
    if request.has_aux() {
        return request.beside_aux(|request| jacobian(request, derive, order));
    }
    let argnums = request.argnums()?;
    let function = request.function;
    let name = request.row.name;
    if let Some(aval) = function.program.output_avals().iter().find(|aval| !aval.dtype.is_inexact()) {
        return Err(Diagnostic::error(format!("{name} needs floating outputs: got {aval}")));
    }
    let program = derive(&function.program, &argnums)?;
    let mut outputs = function.output_names.clone();
    for _ in 0..order {
        let by = |output: &String| -> Vec<String> {
            request.gradient_names(&argnums).iter().map(|name| format!("d_{output}_{name}")).collect()
        };
        outputs = outputs.iter().flat_map(by).collect();
    }
    Ok(request.entry(program, vec![], outputs))
}

fn vmap(request: &Request) -> Result<Entry, Diagnostic> {
    let program = &request.function.program;
    let in_axes = request.axes("in_axes", &program.input_avals())?;
    let out_axes = request.axes("out_axes", &program.output_avals())?;
    let extent = match request.keyword("axis_size") {
        Some(Keyword { value: Value::Int(size), .. }) if *size >= 0 => *size as usize,
        Some(Keyword { value, span, .. }) => {
            return Err(Diagnostic::error(format!("axis_size: expected a size, found {value}")).at(*span));
        }
        None => {
            let name = &request.function.name;
            return Err(Diagnostic::error("vmap needs axis_size")
                .hint(format!("the types of {name} are those of one example: write axis_size=128")));
        }
    };
    let named = match request.keyword("axis_name") {
        Some(Keyword { value: Value::Str(name) | Value::Name(name), .. }) => Some(bound(program, name)?),
        Some(Keyword { value, span, .. }) => {
            return Err(Diagnostic::error(format!("axis_name: expected a name, found {value}")).at(*span));
        }
        None => None,
    };
    let program = transform::vmap(named.as_ref().unwrap_or(program), &in_axes, &out_axes, extent)?;
    let (inputs, outputs) = (&request.function.input_names, &request.function.output_names);
    Ok(Entry {
        program,
        input_names: inputs.clone(),
        output_names: outputs.clone(),
        ..request.function.clone()
    })
}

impl Request<'_> {
    /// An error without a place is one of the whole transformation.
    fn placed(&self, error: Diagnostic) -> Diagnostic {
        if error.labels.is_empty() { error.at(self.span) } else { error }
    }

    /// The transformation of the first output alone, with the others behind its results.
    fn beside_aux(&self, apply: impl Fn(&Request) -> Result<Entry, Diagnostic>) -> Result<Entry, Diagnostic> {
        let (mut first, mut others) = (self.function.clone(), self.function.program.clone());
        others.outputs.drain(..others.outputs.len().min(1));
        first.program.outputs.truncate(1);
        first.output_names.truncate(1);
        let keywords: Vec<Keyword> =
            self.keywords.iter().filter(|keyword| keyword.key != "has_aux").take(1).cloned().collect();
        let inner = apply(&Request { keywords: &keywords, function: &first, ..*self })?;
        let mut b = Builder::new();
        let inputs: Vec<Atom> =
            inner.program.input_avals().into_iter().map(|aval| b.input(aval).into()).collect();
        let mut outputs = inline(&mut b, &inner.program, &inputs);
        outputs.extend(inline(&mut b, &others, &inputs[..others.inputs.len()]));
        let names = [inner.output_names.clone(), self.function.output_names[1..].to_vec()].concat();
        Ok(Entry { program: b.finish(outputs), output_names: distinct(names), ..inner })
    }

    /// The arguments to differentiate by, of a function with one real scalar output, auxiliary ones aside.
    fn scalar_argnums(&self) -> Result<Vec<usize>, Diagnostic> {
        let (name, function) = (self.row.name, self.function);
        let outputs = function.program.output_avals();
        let output = match outputs.as_slice() {
            [output] => output,
            [output, ..] if self.has_aux() => output,
            outputs => {
                let message = format!("{name} needs one output: {} has {}", function.name, outputs.len());
                let hint = "with has_aux=True, all outputs but the first are returned beside the gradient";
                return Err(Diagnostic::error(message).hint(hint));
            }
        };
        if !output.shape.is_scalar() {
            return Err(Diagnostic::error(format!("{name} needs a scalar output: got {output}")));
        }
        if !output.dtype.is_float() {
            return Err(Diagnostic::error(format!("{name} needs a floating output: got {output}")));
        }
        self.argnums()
    }

    /// Errors: an argument to differentiate by is complex.
    fn expect_real_inputs(&self) -> Result<(), Diagnostic> {
        let (name, program) = (self.row.name, &self.function.program);
        let argnums = self.argnums()?;
        let mut avals = argnums.iter().map(|&argnum| program.aval(program.inputs[argnum]));
        match avals.find(|aval| aval.dtype.is_complex()) {
            None => Ok(()),
            Some(aval) => Err(Diagnostic::error(format!("{name} needs real inputs: got {aval}"))
                .hint("jvp and vjp differentiate by complex inputs")),
        }
    }

    /// Errors: an output is complex.
    fn expect_real_outputs(&self) -> Result<(), Diagnostic> {
        let (name, outputs) = (self.row.name, self.function.program.output_avals());
        match outputs.iter().find(|aval| aval.dtype.is_complex()) {
            None => Ok(()),
            Some(aval) => Err(Diagnostic::error(format!("{name} needs real outputs: got {aval}"))
                .hint("jvp and vjp differentiate complex outputs")),
        }
    }

    fn entry(&self, mut program: Program, more_inputs: Vec<String>, output_names: Vec<String>) -> Entry {
        trim(&mut program);
        let input_names = [self.function.input_names.clone(), more_inputs].concat();
        Entry {
            program,
            input_names: distinct(input_names),
            output_names: distinct(output_names),
            name: self.function.name.clone(),
            left_out: self.function.left_out.clone(),
        }
    }
}
