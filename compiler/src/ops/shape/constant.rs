//! `constant`: an array written in the program. JAX has it only as inputs of a closed jaxpr; the text is ours.

use super::*;
use crate::ir::Params;
use crate::types::{Literal, Scalar};
use std::sync::Arc;

/// An array constant. Its text is the flat row-major list of its elements; dtype and shape are on the binder.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Constant {
    pub value: Arc<Tensor>,
}

impl Primitive for Constant {
    fn name(&self) -> &str {
        "constant"
    }

    fn params(&self) -> Params {
        let elements = self.value.scalars().flat_map(element_to_text);
        Params::new().with("value", Value::Tuple(elements.collect()))
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 0)?;
        Ok(vec![self.value.aval().clone()])
    }

    fn eval(&self, _: &EvalCx, _: &[Tensor]) -> Rule<Vec<Tensor>> {
        Ok(vec![self.value.as_ref().clone()])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, self.clone(), primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("it has no operands"))
    }

    fn batch(&self, _: &mut BatchCx, _: &[Atom], _: &[BatchDim]) -> Rule<Batched> {
        Err(NoRule::ByDesign("it has no operands"))
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Ok(Lowering::Constant(self.value.clone()))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Constant {
    fn parse(name: &str, params: &Params, results: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "constant").then(|| {
            let [Some(aval)] = results else {
                return Err(TypeError::new("the type of its one result must be written"));
            };
            let value = params.require("value")?;
            let Value::Tuple(numbers) = value else {
                return Err(TypeError(format!(
                    "parameter value: expected a tuple of numbers, found {value}"
                )));
            };
            Ok(Constant { value: Arc::new(tensor_from_text(aval, numbers)?) })
        })
    }

    fn samples() -> Vec<Sample> {
        let shapes: [&[usize]; 4] = [&[], &[3], &[2, 5], &[0, 2]];
        let sample = |dtype, shape| {
            let value = Arc::new(sample_tensor(dtype, shape));
            Sample::new(Constant { value }, Vec::new())
        };
        let mut samples: Vec<Sample> =
            SAMPLE_DTYPES.into_iter().flat_map(|dtype| shapes.map(|shape| sample(dtype, shape))).collect();
        let edges =
            Tensor::from_f64s(DType::F32, [5], &[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -0.0, 1e-45]);
        samples.push(Sample::new(Constant { value: Arc::new(edges) }, Vec::new()));
        samples
    }
}

/// One number per element, two for complex ones. Integers beyond `i64` are written wrapped.
fn element_to_text(element: Scalar) -> Vec<Value> {
    match element {
        Scalar::Bool(x) => vec![Value::Bool(x)],
        Scalar::Int(x) => vec![Value::Int(x as i64)],
        Scalar::Float(x) => vec![Value::float(x)],
        Scalar::Complex(re, im) => vec![Value::float(re), Value::float(im)],
        Scalar::Key(x) => vec![Value::Int(x as i64)],
    }
}

fn tensor_from_text(aval: &Aval, numbers: &[Value]) -> Result<Tensor, TypeError> {
    let per_element = if aval.dtype.is_complex() { 2 } else { 1 };
    // Saturation in the product is harmless: no text has that many numbers.
    let expected = aval.shape.element_count().saturating_mul(per_element);
    if numbers.len() != expected {
        let found = numbers.len();
        return Err(TypeError(format!(
            "parameter value: expected {expected} numbers for {aval}, found {found}"
        )));
    }
    let elements = numbers.chunks(per_element).map(|chunk| element_from_text(aval.dtype, chunk));
    Ok(Tensor::from_scalars(aval.clone(), elements.collect::<Result<Vec<Scalar>, TypeError>>()?))
}

fn element_from_text(dtype: DType, numbers: &[Value]) -> Result<Scalar, TypeError> {
    let wrong =
        |found: &Value| TypeError(format!("parameter value: expected an element of {dtype}, found {found}"));
    match (dtype.kind(), numbers) {
        (Kind::Bool | Kind::Float0, [Value::Bool(x)]) => Ok(Scalar::Bool(*x)),
        (Kind::Signed | Kind::Unsigned, [Value::Int(x)]) => Ok(Literal::from_i64(dtype, *x).value()),
        (Kind::Key, [Value::Int(x)]) => Ok(Scalar::Key(*x as u64)),
        (Kind::Float, [x]) => number(x).map(Scalar::Float).ok_or_else(|| wrong(x)),
        (Kind::Complex, [re, im]) => {
            Ok(Scalar::Complex(number(re).ok_or_else(|| wrong(re))?, number(im).ok_or_else(|| wrong(im))?))
        }
        (_, found) => Err(wrong(&found[0])),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(bits) => Some(f64::from_bits(*bits)),
        Value::Int(x) => Some(*x as f64),
        // A reader may take these for names.
        Value::Name(name) if ["inf", "-inf", "nan"].contains(&name.as_str()) => name.parse().ok(),
        Value::None | Value::Bool(_) | Value::Name(_) | Value::Str(_) | Value::Tuple(_) => None,
        Value::Record(..) | Value::Opaque(_) | Value::Body(_) | Value::Bodies(_) => None,
    }
}
