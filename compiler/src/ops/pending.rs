//! Primitives of JAX that this compiler reads and prints but cannot work with yet.

use crate::diag::TypeError;
use crate::ir::{Atom, Body, Params, Value};
use crate::ops::rules::*;
use crate::types::{Aval, Tensor};

/// A known primitive without rules: its name, its parameters as text, and the result types of its binders.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Pending {
    name: &'static str,
    params: Params,
    results: Vec<Aval>,
    // Invariant: the bodies among `params`, in order.
    bodies: Vec<Body>,
}

const WHY: NoRule = NoRule::NotYet("the primitive is not supported yet");

/// The primitives that are read and refused later, by name and line.
pub const NAMES: &[&str] = &["addupdate", "debug_print"];

impl Primitive for Pending {
    fn name(&self) -> &str {
        self.name
    }

    fn params(&self) -> Params {
        self.params.clone()
    }

    fn infer(&self, _operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        Ok(self.results.clone())
    }

    fn eval(&self, _: &EvalCx, _: &[Tensor]) -> Rule<Vec<Tensor>> {
        Err(WHY)
    }

    fn jvp(&self, _: &mut JvpCx, _: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        Err(WHY)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(WHY)
    }

    fn batch(&self, _: &mut BatchCx, _: &[Atom], _: &[BatchDim]) -> Rule<Batched> {
        Err(WHY)
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Err(WHY)
    }

    fn bodies(&self) -> &[Body] {
        &self.bodies
    }
}

impl Family for Pending {
    fn parse(name: &str, params: &Params, results: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let name = NAMES.iter().find(|&&known| known == name)?;
        let Some(results) = results.iter().cloned().collect::<Option<Vec<Aval>>>() else {
            return Some(Err(TypeError::new("the types of its results must be written, as JAX does")));
        };
        let mut bodies = Vec::new();
        params.0.iter().for_each(|(_, value)| collect_bodies(value, &mut bodies));
        Some(Ok(Pending { name, params: params.clone(), results, bodies }))
    }

    /// None: nothing can be run.
    fn samples() -> Vec<Sample> {
        Vec::new()
    }
}

fn collect_bodies(value: &Value, bodies: &mut Vec<Body>) {
    match value {
        Value::Body(body) => bodies.push(body.clone()),
        Value::Bodies(list) => bodies.extend(list.iter().cloned()),
        Value::Tuple(items) => items.iter().for_each(|item| collect_bodies(item, bodies)),
        Value::Record(_, fields) => fields.iter().for_each(|(_, item)| collect_bodies(item, bodies)),
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
        Value::Name(_) | Value::Str(_) | Value::Opaque(_) => {}
    }
}
