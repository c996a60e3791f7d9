//! `platform_index`: which branch is for the platform that the program is compiled for.

use super::*;
use crate::ir::{Params, Value};
use crate::types::{DType, Literal, Scalar, Tensor};

/// The position of the first group of platforms that names this one, or that is for all others.
///
/// Result: i32[]. Source: JAX lax.platform_dependent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PlatformIndex {
    // One group per branch; none is for every platform that no other group names.
    groups: Vec<Option<Vec<String>>>,
}

impl PlatformIndex {
    fn index(&self) -> usize {
        let is_cpu = |group: &Option<Vec<String>>| {
            group.as_ref().is_some_and(|names| names.iter().any(|name| name == "cpu"))
        };
        let of_cpu = self.groups.iter().position(is_cpu);
        of_cpu.or_else(|| self.groups.iter().position(Option::is_none)).unwrap_or(0)
    }

    /// The result.
    pub fn literal(&self) -> Literal {
        Literal::new(DType::I32, Scalar::Int(self.index() as i128))
    }
}

impl Primitive for PlatformIndex {
    fn name(&self) -> &str {
        "platform_index"
    }

    fn params(&self) -> Params {
        let group = |group: &Option<Vec<String>>| match group {
            Some(names) => Value::Tuple(names.iter().map(|name| Value::Str(name.clone())).collect()),
            None => Value::None,
        };
        Params::new().with("platforms", Value::Tuple(self.groups.iter().map(group).collect()))
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 0)?;
        Ok(vec![Aval::scalar(DType::I32)])
    }

    fn eval(&self, _: &EvalCx, _: &[Tensor]) -> Rule<Vec<Tensor>> {
        Ok(vec![Tensor::from_literal(self.literal())])
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
        let b = Builder::new();
        Ok(Lowering::Expand(b.finish(vec![self.literal().into()])))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for PlatformIndex {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "platform_index").then(|| {
            let wrong = |value: &Value| {
                TypeError(format!("parameter platforms: expected groups of names, found {value}"))
            };
            let group = |value: &Value| match value {
                Value::None => Ok(None),
                Value::Str(name) | Value::Name(name) => Ok(Some(vec![name.clone()])),
                Value::Tuple(names) => names
                    .iter()
                    .map(|name| match name {
                        Value::Str(name) | Value::Name(name) => Ok(name.clone()),
                        _ => Err(wrong(value)),
                    })
                    .collect::<Result<Vec<_>, _>>()
                    .map(Some),
                _ => Err(wrong(value)),
            };
            match params.require("platforms")? {
                Value::Tuple(groups) => {
                    Ok(PlatformIndex { groups: groups.iter().map(group).collect::<Result<_, _>>()? })
                }
                other => Err(wrong(other)),
            }
        })
    }

    fn samples() -> Vec<Sample> {
        let group = |name: &str| Some(vec![name.to_string()]);
        let groups =
            [vec![group("mosaic"), None], vec![group("cpu"), None], vec![group("tpu"), group("cpu")]];
        groups.map(|groups| Sample::new(PlatformIndex { groups }, vec![])).to_vec()
    }
}
