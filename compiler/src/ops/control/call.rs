//! Calls: equations that stand for a body.

use super::cond::{TransposedBody, transposed_body};
use super::*;
use crate::ir::inline::inline;
use crate::ir::{Params, Value};
use crate::types::{DType, Tensor};

/// A call of its body. The kinds differ in what they ask of transforms, not in what they compute.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Call {
    pub kind: CallKind,
    /// The name of the Python function.
    pub name: Option<String>,
    pub body: Body,
    /// The other parameters of the text, which mean nothing here: `policy`, `prevent_cse`.
    pub rest: Params,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CallKind {
    Jit,
    ClosedCall,
    CoreCall,
    /// `jax.checkpoint`: its body is computed again for the backward pass.
    Remat,
    /// `jax.custom_batching.custom_vmap`. The text lacks its rule, so its body is batched.
    CustomVmap,
    /// `jax.custom_derivatives.linear_call`. The text lacks its transpose, so its body is transposed.
    Linear,
    /// `jax.lax.composite`.
    Composite,
    /// Of functions that JAX has traced before.
    EvalJaxpr,
}

impl CallKind {
    const ALL: [CallKind; 8] = [
        CallKind::Jit,
        CallKind::ClosedCall,
        CallKind::CoreCall,
        CallKind::Remat,
        CallKind::CustomVmap,
        CallKind::Linear,
        CallKind::Composite,
        CallKind::EvalJaxpr,
    ];

    /// The names in text, the one that is printed first.
    fn names(self) -> &'static [&'static str] {
        match self {
            // The last two say where it is compiled, and with what remarks.
            CallKind::Jit => &["jit", "pjit", "compute_on", "xla_metadata_call"],
            CallKind::ClosedCall => &["closed_call", "core_closed_call", "xla_call"],
            CallKind::CoreCall => &["core_call"],
            CallKind::Remat => &["remat2", "checkpoint", "remat"],
            CallKind::CustomVmap => &["custom_vmap_call"],
            CallKind::Linear => &["linear_call"],
            CallKind::Composite => &["composite"],
            CallKind::EvalJaxpr => &["eval_jaxpr"],
        }
    }

    fn body_key(self) -> &'static str {
        match self {
            CallKind::Jit | CallKind::Remat | CallKind::Composite => "jaxpr",
            CallKind::CustomVmap => "call",
            CallKind::Linear => "callee",
            CallKind::ClosedCall | CallKind::CoreCall | CallKind::EvalJaxpr => "call_jaxpr",
        }
    }
}

impl Call {
    /// The program as one unit that is computed again for the backward pass.
    ///
    /// Source: JAX jax.checkpoint.
    pub fn remat(program: Program) -> Program {
        let mut b = Builder::new();
        let inputs: Vec<Atom> = program.input_avals().into_iter().map(|aval| b.input(aval).into()).collect();
        let rest =
            Params::new().with("differentiated", false).with("policy", Value::None).with("prevent_cse", true);
        let call = Call { kind: CallKind::Remat, name: None, body: program.into(), rest };
        let outputs = b.emit(call, &inputs);
        b.finish(outputs)
    }

    /// A transformed body, in the place of this one. Only `remat` stays a call: its body is a unit of recomputation.
    fn again(&self, b: &mut Builder, body: Program, operands: &[Atom]) -> Vec<Atom> {
        match self.kind {
            CallKind::Jit | CallKind::ClosedCall | CallKind::CoreCall => inline(b, &body, operands),
            CallKind::CustomVmap | CallKind::Linear | CallKind::Composite | CallKind::EvalJaxpr => {
                inline(b, &body, operands)
            }
            CallKind::Remat => b.emit(Call { body: body.into(), ..self.clone() }, operands),
        }
    }

    /// Does the call stand in a backward pass, so that nothing in it may be shared with the forward pass?
    pub fn recomputes(&self) -> bool {
        self.kind == CallKind::Remat && self.rest.get("differentiated") == Some(&Value::Bool(true))
    }
}

impl Primitive for Call {
    fn name(&self) -> &str {
        self.kind.names()[0]
    }

    fn params(&self) -> Params {
        call_params(self.name.as_deref(), self.kind.body_key(), &self.body, &self.rest)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        infer_call(&self.body, operands)
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        (cx.eval_body)(cx, self.body.program(), operands)
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let joint = (cx.bodies.jvp)(&self.body, &nonzero(tangents))?;
        let results = self.again(cx.builder, joint.program, &[primals, &values(tangents)].concat());
        let (primals, found) = results.split_at(self.body.outputs.len());
        let tangents = tangents_of(cx.builder, primals, &joint.nonzero, found);
        Ok(Duals { primals: primals.to_vec(), tangents })
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let linear: Vec<bool> = operands.iter().map(Operand::is_linear).collect();
        let body = separated(cx.bodies, &self.body, &linear)?;
        let TransposedBody { program: body, found } = transposed_body(cx.bodies, &body, &linear, cotangents)?;
        let known: Vec<Atom> = operands.iter().filter_map(Operand::known).collect();
        let mut results = self.again(cx.builder, body, &[known, values(cotangents)].concat()).into_iter();
        let mut all = zero_cotangents(cx, operands);
        for (operand, _) in positions(&linear, true).into_iter().zip(found).filter(|(_, found)| *found) {
            all[operand] = Tangent::Value(results.next().expect("one result per cotangent"));
        }
        Ok(all)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let moved = batch_axis_at(cx, operands, dims, 0);
        let batched = (cx.bodies.batch)(&self.body, &leading(&mapped(dims)), cx.extent)?;
        let values = self.again(cx.builder, batched.program, &moved);
        Ok(Batched { values, dims: leading(&batched.mapped) })
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Ok(Lowering::Expand(self.body.program().clone()))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Nested(self)
    }
}

impl Family for Call {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let kind = CallKind::ALL.into_iter().find(|kind| kind.names().contains(&name))?;
        Some(parse_call(params, kind.body_key()).map(|(name, body, rest)| Call { kind, name, body, rest }))
    }

    fn samples() -> Vec<Sample> {
        let rest = |kind| match kind {
            CallKind::Remat => Params::new()
                .with("differentiated", false)
                .with("policy", Value::Opaque("<function nothing_saveable at 0x7f>".to_string()))
                .with("prevent_cse", true),
            CallKind::Composite => Params::new().with("version", 1i64),
            CallKind::Jit | CallKind::ClosedCall | CallKind::CoreCall => Params::new(),
            CallKind::CustomVmap | CallKind::Linear | CallKind::EvalJaxpr => Params::new(),
        };
        let name = |kind| (kind == CallKind::Jit).then(|| "negate".to_string());
        let call = |kind| Call { kind, name: name(kind), body: sample_body(), rest: rest(kind) };
        CallKind::ALL.map(|kind| Sample::new(call(kind), sample_operands())).to_vec()
    }
}

/// The same program, with what is linear in the marked inputs in equations of its own. The body of a `remat` is a joint
/// program of values and tangents, in whose loops the two are mixed.
fn separated(bodies: Bodies, body: &Program, linear: &[bool]) -> Rule<Program> {
    let split = (bodies.split)(body, linear)?.with_unknown(&vec![true; body.outputs.len()]);
    let mut b = Builder::new();
    let inputs: Vec<Atom> = body.input_avals().into_iter().map(|aval| b.input(aval).into()).collect();
    let mut arguments = inline(&mut b, &split.known, &pick(&inputs, linear, false));
    arguments.extend(pick(&inputs, linear, true));
    let outputs = inline(&mut b, &split.unknown, &arguments);
    Ok(b.finish(outputs))
}

impl Nested for Call {
    fn bodies(&self) -> &[Body] {
        std::slice::from_ref(&self.body)
    }

    fn map_bodies(&self, map: &mut BodyMap) -> Result<Op, Diagnostic> {
        Ok(Call { body: map(&self.body)?.into(), ..self.clone() }.into())
    }

    /// The unknown part of a `remat` keeps nothing but the operands, and computes the rest again.
    fn split(&self, cx: &Bodies, operands: &[Aval], unknown: &[bool]) -> Rule<Split> {
        let parts = (cx.split)(&self.body, unknown)?;
        if self.kind != CallKind::Remat {
            return Ok(parts);
        }
        let known_outputs = positions(&parts.unknown_outputs, false).len();
        let mut known = parts.known;
        known.outputs.truncate(known_outputs);
        known.outputs.extend(known.inputs.iter().map(|&input| Atom::from(input)));
        crate::ir::prune::run(&mut known);
        let body = with_outputs(self.body.program().clone(), &positions(&parts.unknown_outputs, true));
        let mut rest = self.rest.clone();
        rest.0.retain(|(key, _)| key != "differentiated");
        rest.0.insert(0, ("differentiated".to_string(), true.into()));
        let again = split_whole(Call { body: body.into(), rest, ..self.clone() }, operands, unknown)?;
        Ok(Split {
            known,
            unknown: again.unknown,
            unknown_outputs: parts.unknown_outputs,
            residuals: again.residuals,
        })
    }

    fn without_results(&self, live: &[bool]) -> Option<Trimmed> {
        let results = positions(live, true);
        let body = with_outputs(self.body.program().clone(), &results);
        let operands = positions(&trim::used_inputs(&body), true);
        if results.len() == live.len() && operands.len() == body.inputs.len() {
            return None;
        }
        let body = with_inputs_ordered(body, operands.iter().copied());
        Some(Trimmed { op: Call { body: body.into(), ..self.clone() }.into(), operands, results })
    }
}

/// The name first, then everything else sorted by key, as JAX prints it.
pub(super) fn call_params(name: Option<&str>, body_key: &str, body: &Body, rest: &Params) -> Params {
    let mut params = rest.clone().with(body_key, body.clone());
    params.0.sort_by(|(x, _), (y, _)| x.cmp(y));
    if let Some(name) = name {
        params.0.insert(0, ("name".to_string(), name.into()));
    }
    params
}

pub(super) fn parse_call(
    params: &Params,
    body_key: &str,
) -> Result<(Option<String>, Body, Params), TypeError> {
    let name = params.get("name").map(|_| params.name("name").map(str::to_string)).transpose()?;
    let body = params.body(body_key)?.clone();
    let mut rest = params.clone();
    rest.0.retain(|(key, _)| key != "name" && key != body_key);
    rest.0.sort_by(|(x, _), (y, _)| x.cmp(y));
    Ok((name, body, rest))
}

/// `x y -> (-x, y)`.
pub(super) fn sample_body() -> Body {
    let mut b = Builder::new();
    let x = b.input(Aval::new(DType::F32, [3])).into();
    let y = b.input(Aval::scalar(DType::I32)).into();
    let negated = b.neg(x);
    b.finish(vec![negated, y]).into()
}

pub(super) fn sample_operands() -> Vec<Tensor> {
    vec![Tensor::from_f64s(DType::F32, [3], &[1.0, -2.5, 0.0]), Tensor::from_f64s(DType::I32, [], &[7.0])]
}
