//! Applies the transformations of export expressions: their keywords, checks and names.

use super::exports::Entry;
use crate::diag::{Diagnostic, Span};
use crate::ir::inline::inline;
use crate::ir::source::Keyword;
use crate::ir::{self, Atom, Builder, Program, Value};
use crate::ops::collective::bound;
use crate::ops::control::{Call, trim};
use crate::transform::{self, jacobian, vjp};
use crate::types::Aval;

/// A transformation with its keywords; the positional ones come first, in this order.
struct Row {
    name: &'static str,
    keywords: &'static [&'static str],
    apply: fn(&Request) -> Result<Entry, Diagnostic>,
}

const GRAD: &[&str] = &["argnums", "has_aux"];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "jit", keywords: &[], apply: |request| Ok(request.function.clone()) },
    Row { name: "grad", keywords: GRAD, apply: grad },
    Row { name: "value_and_grad", keywords: GRAD, apply: value_and_grad },
    Row { name: "jvp", keywords: GRAD, apply: jvp },
    Row { name: "vjp", keywords: GRAD, apply: vjp },
    Row { name: "linearize", keywords: &["argnums"], apply: nested_linearize },
    Row { name: "jacfwd", keywords: GRAD, apply: jacfwd },
    Row { name: "jacrev", keywords: GRAD, apply: jacrev },
    Row { name: "hessian", keywords: GRAD, apply: hessian },
    Row { name: "hvp", keywords: &["argnums"], apply: hvp },
    Row { name: "vmap", keywords: &["in_axes", "out_axes", "axis_size", "axis_name"], apply: vmap },
    Row { name: "checkpoint", keywords: &["prevent_cse", "policy"], apply: checkpoint },
];

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
    let row = ROWS.iter().find(|row| row.name == name).ok_or_else(|| {
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
    let row = ROWS.iter().find(|row| row.name == "linearize").expect("the table has it");
    let request = Request { row, span, keywords, function };
    request.check_keywords()?;
    let argnums = request.argnums_or_all()?;
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
    let argnums = request.argnums_or_all()?;
    let program = vjp::pushforward(&request.function.program, &argnums)?;
    let outputs = [request.function.output_names.clone(), request.directional_names(&argnums)].concat();
    Ok(request.entry(program, request.input_names("t", &argnums), outputs))
}

fn vjp(request: &Request) -> Result<Entry, Diagnostic> {
    if request.has_aux() {
        return request.beside_aux(vjp);
    }
    let argnums = request.argnums_or_all()?;
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
    let argnums = request.argnums(&[0])?;
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

    /// Are all outputs but the first auxiliary: returned as they are, not differentiated?
    fn has_aux(&self) -> bool {
        self.keyword("has_aux").is_some_and(|keyword| keyword.value == Value::Bool(true))
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

    /// The value under a key, or at its position among those without one.
    fn keyword(&self, key: &str) -> Option<&Keyword> {
        let named = self.keywords.iter().find(|keyword| keyword.key == key);
        let position = self.row.keywords.iter().position(|known| *known == key);
        let mut positional = self.keywords.iter().filter(|keyword| keyword.key.is_empty());
        named.or_else(|| position.and_then(|position| positional.nth(position)))
    }

    fn check_keywords(&self) -> Result<(), Diagnostic> {
        let (name, known) = (self.row.name, self.row.keywords);
        let positional = self.keywords.iter().filter(|keyword| keyword.key.is_empty()).count();
        for (at, keyword) in self.keywords.iter().enumerate() {
            let repeated = self.keywords[..at].iter().any(|other| other.key == keyword.key);
            let by_position = known.iter().take(positional).any(|key| *key == keyword.key);
            let problem = match keyword.key.as_str() {
                "" if positional > known.len() => Some(format!("{name} takes {} keywords", known.len())),
                "" => None,
                key if !known.contains(&key) => Some(format!("{name} has no keyword {key}")),
                key if repeated || by_position => Some(format!("{key} is given twice")),
                _ => None,
            };
            if let Some(problem) = problem {
                let hint = match known {
                    [] => "it has none".to_string(),
                    known => format!("its keywords are {}", known.join(", ")),
                };
                return Err(Diagnostic::error(problem).at(keyword.span).hint(hint));
            }
        }
        match self.keyword("has_aux").filter(|keyword| !matches!(keyword.value, Value::Bool(_))) {
            None => Ok(()),
            Some(keyword) => {
                let message = format!("has_aux: expected True or False, found {}", keyword.value);
                Err(Diagnostic::error(message).at(keyword.span))
            }
        }
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
        self.argnums(&[0])
    }

    /// Errors: an argument to differentiate by is complex.
    fn expect_real_inputs(&self) -> Result<(), Diagnostic> {
        let (name, program) = (self.row.name, &self.function.program);
        let argnums = self.argnums(&[0])?;
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

    /// The arguments to differentiate by, without the keyword all that can be.
    fn argnums_or_all(&self) -> Result<Vec<usize>, Diagnostic> {
        let avals = self.function.program.input_avals();
        let all: Vec<usize> = (0..avals.len()).filter(|&argnum| avals[argnum].dtype.is_inexact()).collect();
        self.argnums(&all)
    }

    fn argnums(&self, default: &[usize]) -> Result<Vec<usize>, Diagnostic> {
        let (program, name) = (&self.function.program, &self.function.name);
        let count = program.inputs.len();
        let (listed, span) = match self.keyword("argnums") {
            None => (default.iter().map(|&argnum| argnum as i64).collect(), self.span),
            Some(Keyword { value: Value::Int(argnum), span, .. }) => (vec![*argnum], *span),
            Some(Keyword { value, span, .. }) => match value.ints() {
                Some(argnums) => (argnums, *span),
                None => {
                    let message =
                        format!("argnums: expected an integer or a tuple of integers, found {value}");
                    return Err(Diagnostic::error(message).at(*span));
                }
            },
        };
        let mut argnums = Vec::new();
        for argnum in listed {
            let position = resolved(argnum, count);
            let position = position.ok_or_else(|| {
                let inputs = if count == 1 { "input" } else { "inputs" };
                let message = format!("argnums {argnum} is out of range: {name} has {count} {inputs}");
                Diagnostic::error(message).at(span).hint(self.leaves())
            })?;
            let aval = program.aval(program.inputs[position]);
            if !aval.dtype.is_inexact() {
                let message = format!("input {position} of {name} is {aval}, which cannot be differentiated");
                return Err(Diagnostic::error(message).at(span).hint(self.leaves()));
            }
            if argnums.contains(&position) {
                return Err(Diagnostic::error(format!("argnums lists {argnum} twice")).at(span));
            }
            argnums.push(position);
        }
        Ok(argnums)
    }

    /// What `argnums` counts.
    fn leaves(&self) -> String {
        const SHOWN: usize = 20;
        let Entry { program, input_names, .. } = self.function;
        let inputs = input_names.iter().zip(program.input_avals()).enumerate();
        let rows = inputs.take(SHOWN).map(|(at, (name, aval))| format!("{at} is {name}: {aval}"));
        let more = if input_names.len() > SHOWN { ", ..." } else { "" };
        let rows = rows.collect::<Vec<_>>().join(", ");
        format!("argnums counts the arrays of the text, the leaves of Python's arguments: {rows}{more}")
    }

    /// One batch axis per value, among the axes that the value has with it.
    fn axes(&self, key: &str, avals: &[Aval]) -> Result<Vec<Option<usize>>, Diagnostic> {
        let Some(Keyword { value, span, .. }) = self.keyword(key) else {
            return Ok(vec![Some(0); avals.len()]);
        };
        let values = match value {
            Value::Tuple(values) if values.len() != avals.len() => {
                let message = format!(
                    "{key} has {} entries, but {} has {}",
                    values.len(),
                    self.function.name,
                    avals.len()
                );
                return Err(Diagnostic::error(message).at(*span));
            }
            Value::Tuple(values) => values.clone(),
            one => vec![one.clone(); avals.len()],
        };
        let axis = |(value, aval): (&Value, &Aval)| match value {
            Value::None => Ok(None),
            Value::Int(axis) => resolved(*axis, aval.rank() + 1).map(Some).ok_or_else(|| {
                let message = format!("{key}: axis {axis} is out of range for a batch of {aval}");
                Diagnostic::error(message).at(*span)
            }),
            other => Err(Diagnostic::error(format!("{key}: expected axes or None, found {other}")).at(*span)),
        };
        values.iter().zip(avals).map(axis).collect()
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

    fn input_names(&self, prefix: &str, argnums: &[usize]) -> Vec<String> {
        argnums.iter().map(|&argnum| format!("{prefix}_{}", self.function.input_names[argnum])).collect()
    }

    /// Derivatives of the first output: `d_loss_d_kernel`.
    fn slope_names(&self, argnums: &[usize]) -> Vec<String> {
        self.slope_names_of(0, argnums)
    }

    fn slope_names_of(&self, output: usize, argnums: &[usize]) -> Vec<String> {
        let output = self.function.output_names.get(output).map_or("out0", String::as_str);
        self.gradient_names(argnums).into_iter().map(|name| format!("d_{output}_{name}")).collect()
    }

    /// The derivative of a result along a direction of these arguments: `d_loss_d_kernel`, or `d_loss` where they are several.
    fn along(&self, result: &str, argnums: &[usize]) -> String {
        match argnums {
            &[argnum] => format!("d_{result}_d_{}", self.function.input_names[argnum]),
            _ => format!("d_{result}"),
        }
    }

    /// Of the outputs that can be differentiated.
    fn directional_names(&self, argnums: &[usize]) -> Vec<String> {
        let names = &self.function.output_names;
        self.differentiable_outputs().into_iter().map(|output| self.along(&names[output], argnums)).collect()
    }

    fn differentiable_outputs(&self) -> Vec<usize> {
        transform::differentiable_outputs(&self.function.program)
    }

    fn gradient_names(&self, argnums: &[usize]) -> Vec<String> {
        self.input_names("d", argnums)
    }

    /// Of the outputs that can be differentiated.
    fn output_names(&self, prefix: &str) -> Vec<String> {
        self.differentiable_outputs()
            .into_iter()
            .map(|output| format!("{prefix}_{}", self.function.output_names[output]))
            .collect()
    }
}

/// An index from the start, or, negative, from the end.
fn resolved(index: i64, count: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(count as i64)? } else { index };
    usize::try_from(index).ok().filter(|&index| index < count)
}

/// Numbers the repetitions that transforms of transforms bring: `t_x`, `t_x2`.
fn distinct(names: Vec<String>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for name in names {
        let mut candidates = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name}{n}")));
        taken.push(candidates.find(|name| !taken.contains(name)).expect("an endless supply of names"));
    }
    taken
}
