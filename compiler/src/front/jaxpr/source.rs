//! What stands around the functions: constants with their elements, exports, flags.

use super::evidence;
use super::resolve::{Resolved, Resolver};
use super::syntax::{
    self, Atom, ConstValue, Ident, Jaxpr, Numbers, ParamValue, TransformCall, TransformExpr,
};
use crate::diag::{Diagnostic, SourceId, Sources, Span};
use crate::ir::Value;
use crate::ir::source::{
    Constant, ConstantValue, CustomRule, Export, Expression, Function, Keyword, LeftOut, RuleNames, Source,
    Threefry,
};
use crate::types::{Aval, DType, Scalar, Shape, Tensor};
use std::collections::HashSet;

/// Reads a whole `.ir` file to typed programs.
///
/// Errors: all that is wrong in syntax, else in names and types.
pub fn read(sources: &Sources, id: SourceId) -> Result<Source, Vec<Diagnostic>> {
    read_with_threefry(sources, id, None)
}

/// [`read`], with another layout of random bits than the file says, if any.
///
/// Errors: as [`read`].
pub fn read_with_threefry(
    sources: &Sources,
    id: SourceId,
    threefry: Option<Threefry>,
) -> Result<Source, Vec<Diagnostic>> {
    let file = super::parse(sources, id)?;
    let threefry = threefry.or(file.threefry.map(|(flag, _)| ir_layout(flag)));
    let evidence = if threefry.is_none() { evidence::layout(&file) } else { None };
    let assumed = evidence.map(|(layout, _)| ir_layout(layout));
    let mut resolver = Resolver::new(sources.text(id), &file.definitions, threefry, assumed);
    // Callers first: their binders say which of several results called `_` a body means.
    let main = file.main.as_ref().and_then(|jaxpr| main_function(&mut resolver, jaxpr, &file));
    let mut functions = Vec::new();
    for (index, definition) in file.definitions.iter().enumerate() {
        let resolved = resolver.function(index);
        functions
            .extend(resolved.map(|resolved| (index, function(definition.name, &definition.jaxpr, resolved))));
    }
    // What stands before `in` serves the program after it, called or not.
    let serves = |index: usize| file.definitions[index].local || resolver.is_called(index);
    let is_rule = |name: &str| file.rules.iter().any(|rule| rule.functions.iter().any(|of| of.text == name));
    let called = |index: usize, function: Function| {
        let called = serves(index) || is_rule(&function.name);
        Function { called, ..function }
    };
    let functions: Vec<Function> =
        functions.into_iter().map(|(index, function)| called(index, function)).chain(main).collect();
    let (mut errors, mut warnings) = (resolver.errors, resolver.warnings);
    // What was assumed belongs to the program: it must survive when the text is printed again, with types.
    let mut threefry = threefry;
    if let (Some((layout, why)), Some(span)) = (evidence, resolver.assumed_at) {
        warnings.push(assumed_layout(layout, why).at(span));
        threefry = Some(ir_layout(layout));
    }
    let constants =
        collect(file.constants.iter().map(|constant| resolve_constant(constant, &functions)), &mut errors);
    let mut names = HashSet::new();
    for constant in file.constants.iter().filter(|constant| !names.insert(constant.name.text)) {
        let message = format!("the constant {} is defined twice", constant.name.text);
        errors.push(Diagnostic::error(message).at(constant.name.span));
    }
    let exports = collect(file.exports.iter().map(export), &mut errors);
    let rules = collect(file.rules.iter().map(|rule| custom_rule(rule, &functions)), &mut errors);
    errors.sort_by_key(place);
    warnings.sort_by_key(place);
    if errors.is_empty() {
        let mut body_constants = resolver.body_constants;
        body_constants.sort_by_key(|constant| constant.id);
        Ok(Source { constants, functions, exports, rules, body_constants, threefry, warnings })
    } else {
        Err(errors)
    }
}

fn ir_layout(flag: syntax::Threefry) -> Threefry {
    match flag {
        syntax::Threefry::Partitionable => Threefry::Partitionable,
        syntax::Threefry::Original => Threefry::Original,
    }
}

/// Says which layout of random bits was taken, and why.
fn assumed_layout(layout: syntax::Threefry, why: &str) -> Diagnostic {
    let (name, since) = match layout {
        syntax::Threefry::Original => ("original", "the default before JAX 0.5"),
        syntax::Threefry::Partitionable => ("partitionable", "the default since JAX 0.5"),
    };
    let message = format!("random bits are taken to have the {name} layout, {since}: {why}");
    Diagnostic::warning(message).hint(format!(
        "say it with `--threefry {name}` or a line `threefry = {name}`, or take the other layout"
    ))
}

/// The order of messages is that of the text.
fn place(message: &Diagnostic) -> Option<Span> {
    message.labels.first().map(|(span, _)| *span)
}

/// Reads what stands behind `--export`: `NAME` or `NAME = EXPRESSION`.
pub fn read_export(sources: &Sources, id: SourceId) -> Result<Export, Vec<Diagnostic>> {
    let parsed = super::parse_export(sources, id)?;
    export(&parsed).map_err(|error| vec![error])
}

fn main_function<'a>(
    resolver: &mut Resolver<'a>,
    jaxpr: &'a Jaxpr<'a>,
    file: &'a syntax::File<'a>,
) -> Option<Function> {
    if let Some(other) = file.definitions.iter().find(|definition| definition.name.text == "main") {
        let message = "the function without a name is called main, and so is another";
        let error = Diagnostic::error(message).at(other.name.span);
        resolver.errors.push(error.label(jaxpr.span, "this one has no name"));
    }
    let resolved = resolver.jaxpr(jaxpr, 0, &[])?;
    Some(function(Ident { text: "main", span: jaxpr.span }, jaxpr, resolved))
}

fn collect<T>(items: impl Iterator<Item = Result<T, Diagnostic>>, errors: &mut Vec<Diagnostic>) -> Vec<T> {
    let mut good = Vec::new();
    for item in items {
        match item {
            Ok(item) => good.push(item),
            Err(error) => errors.push(error),
        }
    }
    good
}

fn function<'a>(name: Ident<'a>, jaxpr: &Jaxpr<'a>, resolved: Resolved) -> Function {
    let names =
        |binders: &[syntax::Binder]| binders.iter().map(|binder| binder.name.text.to_string()).collect();
    let mut taken = HashSet::new();
    let output = |(position, atom): (usize, &Atom<'a>)| match atom {
        Atom::Var(name) if name.text != "_" && taken.insert(name.text) => name.text.to_string(),
        Atom::Var(_) | Atom::Literal(..) | Atom::Untyped(..) => format!("out{position}"),
    };
    Function {
        name: name.text.to_string(),
        span: name.span,
        program: resolved.body.into_program(),
        constvar_names: names(&jaxpr.constvars),
        input_names: names(&jaxpr.inputs),
        output_names: jaxpr.outputs.iter().enumerate().map(output).collect(),
        left_out: LeftOut::default(),
        called: false,
    }
}

fn resolve_constant(constant: &syntax::ConstDef, functions: &[Function]) -> Result<Constant, Diagnostic> {
    let name = constant.name.text;
    let value = match &constant.value {
        ConstValue::File { path, key, span } => {
            ConstantValue::File { path: path.clone(), key: key.clone(), span: *span }
        }
        ConstValue::Literal(numbers) => {
            let aval = constant.aval.clone().or_else(|| constvar_aval(name, functions)).ok_or_else(|| {
                let hint = format!("write `const {name}: f32[3] = ...`");
                Diagnostic::error(format!("the type of the constant {name} is missing"))
                    .at(constant.span)
                    .hint(hint)
            })?;
            ConstantValue::Tensor(tensor(numbers, aval)?)
        }
    };
    Ok(Constant { name: name.to_string(), span: constant.span, aval: constant.aval.clone(), value })
}

/// The type that a function of the file gives the constant.
fn constvar_aval(name: &str, functions: &[Function]) -> Option<Aval> {
    functions.iter().find_map(|function| {
        let position = function.constvar_names.iter().position(|constvar| constvar == name)?;
        Some(function.program.aval(function.program.constvars[position]).clone())
    })
}

fn tensor(numbers: &Numbers, aval: Aval) -> Result<Tensor, Diagnostic> {
    let (mut bytes, mut extents) = (Vec::new(), Vec::new());
    flatten(numbers, &aval, 0, &mut extents, &mut bytes)?;
    // A list without elements says nothing about the extents inside it.
    let is_empty = extents.last() == Some(&0) && aval.shape.extents().starts_with(&extents);
    if extents != aval.shape.extents() && !is_empty {
        let (Numbers::Scalar(_, span) | Numbers::List(_, span)) = numbers;
        let message = format!("the constant has the shape {}, but its type is {aval}", Shape::from(extents));
        return Err(Diagnostic::error(message).at(*span));
    }
    Ok(Tensor::new(aval, bytes).expect("every element was encoded and the shape was checked"))
}

/// Encodes the elements in order; `extents` are the lengths of the lists by their depth.
fn flatten(
    numbers: &Numbers,
    aval: &Aval,
    depth: usize,
    extents: &mut Vec<usize>,
    bytes: &mut Vec<u8>,
) -> Result<(), Diagnostic> {
    let ragged = |span: &Span| {
        Diagnostic::error("the lists of the constant have different lengths or depths").at(*span)
    };
    match numbers {
        Numbers::Scalar(value, span) => {
            if extents.len() != depth {
                return Err(ragged(span));
            }
            let literal = super::literal::typed(widened(*value, aval), aval.dtype);
            bytes.extend(literal.map_err(|message| Diagnostic::error(message).at(*span))?.bytes());
        }
        Numbers::List(items, span) => {
            // The first way down sets the extents; all others must agree.
            if bytes.is_empty() && extents.len() == depth {
                extents.push(items.len());
            }
            if extents.get(depth) != Some(&items.len()) {
                return Err(ragged(span));
            }
            for item in items {
                flatten(item, aval, depth + 1, extents, bytes)?;
            }
        }
    }
    Ok(())
}

/// Masks are often written as 0 and 1.
fn widened(value: Scalar, aval: &Aval) -> Scalar {
    match (value, aval.dtype) {
        (Scalar::Int(0 | 1), DType::Bool) => Scalar::Bool(value == Scalar::Int(1)),
        (other, _) => other,
    }
}

/// Errors: the file defines no such function.
fn custom_rule(rule: &syntax::RuleDef, functions: &[Function]) -> Result<CustomRule, Diagnostic> {
    for name in &rule.functions {
        if !functions.iter().any(|function| function.name == name.text) {
            let message = format!("there is no function {}", name.text);
            let hint = format!("define it: `let {} = {{ lambda ... }}`", name.text);
            return Err(Diagnostic::error(message).at(name.span).hint(hint));
        }
    }
    let programs = match rule.functions.as_slice() {
        [forward, backward] => {
            RuleNames::Vjp { forward: forward.text.to_string(), backward: backward.text.to_string() }
        }
        names => RuleNames::Jvp(names.first().map_or(String::new(), |name| name.text.to_string())),
    };
    Ok(CustomRule { name: rule.name.text.to_string(), span: rule.span, programs, body: None })
}

fn export(export: &syntax::Export) -> Result<Export, Diagnostic> {
    let expression = expression(&export.transform)?;
    Ok(Export { name: export.name.text.to_string(), span: export.span, expression })
}

fn expression(transform: &TransformExpr) -> Result<Expression, Diagnostic> {
    match transform {
        TransformExpr::Name(name) => {
            Ok(Expression::Function { name: name.text.to_string(), span: name.span })
        }
        TransformExpr::Call(call) => transform_call(call),
        TransformExpr::Value(_, span) => {
            Err(Diagnostic::error("expected a function, found a value").at(*span))
        }
    }
}

fn transform_call(call: &TransformCall) -> Result<Expression, Diagnostic> {
    let name = call.transform.text;
    let Some((function, positional)) = call.arguments.split_first() else {
        let hint = format!("write `{name}(f)`");
        return Err(Diagnostic::error(format!("{name} needs a function")).at(call.span).hint(hint));
    };
    let mut keywords = Vec::new();
    for argument in positional {
        let value = match argument {
            TransformExpr::Value(value, _) => plain_value(value),
            TransformExpr::Name(name) => Some(Value::Name(name.text.to_string())),
            TransformExpr::Call(_) => None,
        };
        keywords.push(keyword("", value, argument.span())?);
    }
    for param in &call.keywords {
        keywords.push(keyword(param.key.text, plain_value(&param.value), param.span)?);
    }
    let argument = Box::new(expression(function)?);
    Ok(Expression::Transform { name: name.to_string(), span: call.span, argument, keywords })
}

fn keyword(key: &str, value: Option<Value>, span: Span) -> Result<Keyword, Diagnostic> {
    let value = value.ok_or_else(|| {
        let hint = "arguments of transformations are numbers, names and tuples of them";
        Diagnostic::error("expected a value").at(span).hint(hint)
    })?;
    Ok(Keyword { key: key.to_string(), value, span })
}

fn plain_value(value: &ParamValue) -> Option<Value> {
    Some(match value {
        ParamValue::None => Value::None,
        ParamValue::Bool(x) => Value::Bool(*x),
        ParamValue::Int(x) => Value::Int(i64::try_from(*x).ok()?),
        ParamValue::Float(x) => Value::float(*x),
        ParamValue::Name(x) => Value::Name((*x).to_string()),
        ParamValue::Str(x) => Value::Str(x.clone()),
        ParamValue::Tuple(items) => Value::Tuple(items.iter().map(plain_value).collect::<Option<_>>()?),
        ParamValue::Complex(..) | ParamValue::Record(..) | ParamValue::Opaque(_) => return None,
        ParamValue::Jaxpr(_) | ParamValue::Program(..) => return None,
    })
}
