//! The same function in double precision, for those who want to know what it computes apart from rounding.

use crate::diag::Diagnostic;
use crate::ir::inline::Scope;
use crate::ir::{Atom, Body, Builder, Equation, Params, Program, Value};
use crate::ops::{self, Op};
use crate::types::{Aval, DType, Literal, Tensor};

/// A program whose floating and complex numbers have double precision.
#[derive(Clone, PartialEq, Debug)]
pub struct Widened {
    pub program: Program,
    /// The names of operations that go on computing with narrower numbers, because their meaning depends on the bits.
    pub narrow: Vec<String>,
}

/// The type of double precision; integers, booleans and keys are their own.
pub fn wide(dtype: DType) -> DType {
    match (dtype.is_float(), dtype.is_complex()) {
        (true, _) => DType::F64,
        (_, true) => DType::C128,
        (false, false) => dtype,
    }
}

/// The same numbers in the type of double precision.
pub fn widen_tensor(tensor: &Tensor) -> Tensor {
    let aval = wide_aval(tensor.aval());
    Tensor::from_scalars(aval, tensor.scalars())
}

/// Makes all numbers of a program double precision, at any depth. An operation that is not one on the wide types (a
/// change of bits, say) computes on its own types, between conversions.
///
/// Errors: a program of another kind than it was before, which is a bug.
pub fn widen(program: &Program) -> Result<Widened, Diagnostic> {
    let mut b = Builder::new();
    let mut narrow = Vec::new();
    let mut scope = Scope::new(program);
    for &constvar in &program.constvars {
        scope.bind(constvar, b.constvar(wide_aval(program.aval(constvar))).into());
    }
    for &input in &program.inputs {
        scope.bind(input, b.input(wide_aval(program.aval(input))).into());
    }
    for eqn in &program.equations {
        b.set_origin(eqn.origin.clone());
        let operands: Vec<Atom> = eqn.operands.iter().map(|&atom| wide_atom(&scope, atom)).collect();
        let results = equation(&mut b, program, eqn, &operands, &mut narrow)?;
        scope.bind_all(&eqn.results, &results);
    }
    let outputs = program.outputs.iter().map(|&atom| wide_atom(&scope, atom)).collect();
    narrow.sort();
    narrow.dedup();
    Ok(Widened { program: b.finish(outputs), narrow })
}

fn wide_aval(aval: &Aval) -> Aval {
    aval.with_dtype(wide(aval.dtype))
}

fn wide_atom(scope: &Scope, atom: Atom) -> Atom {
    match atom {
        Atom::Var(_) => scope.atom(atom),
        Atom::Literal(literal) => Literal::new(wide(literal.dtype()), literal.value()).into(),
    }
}

fn equation(
    b: &mut Builder,
    program: &Program,
    eqn: &Equation,
    operands: &[Atom],
    narrow: &mut Vec<String>,
) -> Result<Vec<Atom>, Diagnostic> {
    let own: Vec<Aval> = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
    let results: Vec<Aval> = own.iter().map(wide_aval).collect();
    let operand_avals: Vec<Aval> = operands.iter().map(|&atom| b.aval(atom)).collect();
    let op = wide_op(&eqn.op, &results, narrow)?;
    if let Some(op) = op.filter(|op| op.infer(&operand_avals).is_ok_and(|inferred| inferred == results)) {
        return Ok(b.emit_typed(op, operands, results));
    }
    let mut loses = false;
    let mut narrowed = Vec::new();
    for (&operand, &original) in operands.iter().zip(&eqn.operands) {
        let dtype = program.atom_aval(original).dtype;
        loses |= dtype != b.dtype(operand);
        narrowed.push(b.convert(operand, dtype));
    }
    if loses {
        narrow.push(eqn.op.name().to_string());
    }
    let results = b.emit_typed(eqn.op.clone(), &narrowed, own);
    Ok(results.into_iter().map(|result| b.convert(result, wide(b.dtype(result)))).collect())
}

/// The operation on wide types, if there is one.
fn wide_op(op: &Op, results: &[Aval], narrow: &mut Vec<String>) -> Result<Option<Op>, Diagnostic> {
    if let Some(nested) = op.nested() {
        let mut body = |body: &Program| {
            let widened = widen(body)?;
            narrow.extend(widened.narrow);
            Ok(widened.program)
        };
        return nested.map_bodies(&mut body).map(Some);
    }
    let params = op.params().0.into_iter().map(|(key, value)| Ok((key, wide_value(value)?)));
    let params = Params(params.collect::<Result<_, Diagnostic>>()?);
    let results: Vec<Option<Aval>> = results.iter().cloned().map(Some).collect();
    Ok(ops::parse(op.name(), &params, &results).and_then(Result::ok))
}

/// The same parameter, with wide types in it.
fn wide_value(value: Value) -> Result<Value, Diagnostic> {
    Ok(match value {
        Value::Name(name) => match DType::from_long_name(&name) {
            Some(dtype) => Value::Name(wide(dtype).long_name().to_string()),
            None => Value::Name(name),
        },
        Value::Tuple(items) => Value::Tuple(items.into_iter().map(wide_value).collect::<Result<_, _>>()?),
        Value::Record(name, fields) => {
            let fields = fields.into_iter().map(|(key, value)| Ok((key, wide_value(value)?)));
            Value::Record(name, fields.collect::<Result<_, Diagnostic>>()?)
        }
        Value::Body(body) => Value::Body(wide_body(&body)?),
        Value::Bodies(bodies) => Value::Bodies(bodies.iter().map(wide_body).collect::<Result<_, _>>()?),
        value @ (Value::None
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Str(_)
        | Value::Opaque(_)) => value,
    })
}

fn wide_body(body: &Body) -> Result<Body, Diagnostic> {
    Ok(widen(body)?.program.into())
}
