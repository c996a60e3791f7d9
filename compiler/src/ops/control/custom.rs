//! Functions with derivatives of their own.
//!
//! # Note: rules of custom functions
//! The text of JAX names a rule, but does not contain it. A rule that is known (from a sidecar, or a line of the file)
//! is a further body: `jvp_jaxpr`, or `fwd_jaxpr` and `bwd_jaxpr`. Without one, the function is differentiated through
//! its body, unless [`crate::ops::custom`] knows the rule.

use super::call::{call_params, parse_call, sample_body, sample_operands};
use super::*;
use crate::ir::Params;
use crate::ir::inline::inline;
use crate::ops::custom;
use crate::ops::elementwise::UnaryKind;
use crate::ops::rules::broadcast_to;
use crate::types::{DType, Tensor};

const DEPTH: usize = 3;

/// A function with derivatives of its own. See Note: rules of custom functions.
///
/// Source: JAX jax.custom_jvp, jax.custom_vjp.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CustomCall {
    pub kind: CustomKind,
    pub name: Option<String>,
    /// The other parameters of the text: the names of the rules, `symbolic_zeros`, `num_consts`.
    pub rest: Params,
    // The body; then nothing, or the rule: one program (jvp), or two (fwd, bwd).
    programs: Vec<Body>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CustomKind {
    /// The rule maps `primals.., tangents..` to `results.., tangents of the results..`.
    Jvp,
    /// `fwd` maps the operands to `residuals.., results..`, `bwd` maps `residuals.., cotangents of the results..` to the
    /// cotangents of the operands.
    Vjp,
}

/// The parts of a `custom_vjp` rule.
#[derive(Clone, PartialEq, Debug)]
pub struct VjpRule {
    pub forward: Program,
    pub backward: Program,
}

impl CustomKind {
    pub(super) const ALL: [CustomKind; 2] = [CustomKind::Jvp, CustomKind::Vjp];

    fn text_name(self) -> &'static str {
        match self {
            CustomKind::Jvp => "custom_jvp_call",
            CustomKind::Vjp => "custom_vjp_call",
        }
    }

    /// The parameters that hold the rule.
    fn rule_keys(self) -> &'static [&'static str] {
        match self {
            CustomKind::Jvp => &["jvp_jaxpr"],
            CustomKind::Vjp => &["fwd_jaxpr", "bwd_jaxpr"],
        }
    }
}

impl CustomCall {
    /// A call whose rule is not known.
    pub fn new(kind: CustomKind, name: Option<String>, body: Body, rest: Params) -> Self {
        CustomCall { kind, name, rest, programs: vec![body] }
    }

    pub fn body(&self) -> &Body {
        &self.programs[0]
    }

    /// The programs of its rule, if it is known.
    fn rule(&self) -> &[Body] {
        &self.programs[1..]
    }

    /// The same call with a jvp rule. Errors: TypeError if the call is of the other kind or the types do not fit.
    pub fn with_jvp_rule(&self, rule: Program) -> Result<CustomCall, TypeError> {
        self.with_rule(CustomKind::Jvp, vec![rule.into()])
    }

    /// The same call with a vjp rule. Errors: TypeError if the call is of the other kind or the types do not fit.
    pub fn with_vjp_rule(&self, rule: VjpRule) -> Result<CustomCall, TypeError> {
        self.with_rule(CustomKind::Vjp, vec![rule.forward.into(), rule.backward.into()])
    }

    fn with_rule(&self, kind: CustomKind, rule: Vec<Body>) -> Result<CustomCall, TypeError> {
        let (own, other) = (self.kind.text_name(), kind.text_name());
        if self.kind != kind {
            return Err(TypeError(format!("expected a rule for {own}, found one for {other}")));
        }
        let call = CustomCall { programs: [&self.programs[..1], &rule].concat(), ..self.clone() };
        call.check_rule()?;
        Ok(call)
    }

    /// Errors: TypeError if a program of the rule has other types than the body asks for.
    fn check_rule(&self) -> Result<(), TypeError> {
        let (inputs, outputs) = (self.body().input_avals(), self.body().output_avals());
        let tangents = |avals: &[Aval]| avals.iter().map(tangent_aval).collect::<Vec<_>>();
        let check = |key: &str, what: &str, found: &[Aval], expected: &[Aval]| {
            if found == expected {
                return Ok(());
            }
            let list = |avals: &[Aval]| avals.iter().map(Aval::to_string).collect::<Vec<_>>().join(" ");
            Err(TypeError(format!("{key}: expected {what} ({}), found ({})", list(expected), list(found))))
        };
        match self.rule() {
            [] => Ok(()),
            [jvp] => {
                check(
                    "jvp_jaxpr",
                    "inputs",
                    &jvp.input_avals(),
                    &[inputs.clone(), tangents(&inputs)].concat(),
                )?;
                check(
                    "jvp_jaxpr",
                    "outputs",
                    &jvp.output_avals(),
                    &[outputs.clone(), tangents(&outputs)].concat(),
                )
            }
            [forward, backward, ..] => {
                let found = forward.output_avals();
                let Some(residuals) = found.len().checked_sub(outputs.len()) else {
                    return Err(TypeError::new("fwd_jaxpr: expected residuals, then the results"));
                };
                check("fwd_jaxpr", "inputs", &forward.input_avals(), &inputs)?;
                check("fwd_jaxpr", "results", &found[residuals..], &outputs)?;
                let expected = [&found[..residuals], &tangents(&outputs)].concat();
                check("bwd_jaxpr", "inputs", &backward.input_avals(), &expected)?;
                let count = backward.outputs.len();
                match inputs.len() == count {
                    true => Ok(()),
                    false => {
                        Err(TypeError(format!("bwd_jaxpr: expected {} outputs, found {count}", inputs.len())))
                    }
                }
            }
        }
    }

    fn jvp_by_body(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let joint = (cx.bodies.jvp)(self.body(), &nonzero(tangents))?;
        let results = inline(cx.builder, &joint.program, &[primals, &values(tangents)].concat());
        let (primals, found) = results.split_at(self.body().outputs.len());
        let tangents = tangents_of(cx.builder, primals, &joint.nonzero, found);
        Ok(Duals { primals: primals.to_vec(), tangents })
    }

    /// `by_body`: the operands whose slopes the rule leaves to the body, which is elementwise.
    fn jvp_by_jvp_rule(
        &self,
        rule: &Program,
        by_body: &[usize],
        cx: &mut JvpCx,
        primals: &[Atom],
        tangents: &[Tangent],
    ) -> Rule<Duals> {
        let dense: Vec<Atom> = tangents.iter().map(|tangent| instantiated(cx.builder, tangent)).collect();
        let results = inline(cx.builder, rule, &[primals, &dense].concat());
        let (outputs, found) = results.split_at(self.body().outputs.len());
        let tangent = |&found: &Atom| match cx.builder.aval(found) {
            aval if aval.dtype == DType::Float0 => Tangent::Zero(aval),
            _ => Tangent::Value(found),
        };
        let mut duals = Duals { primals: outputs.to_vec(), tangents: found.iter().map(tangent).collect() };
        for &operand in by_body {
            let Tangent::Value(tangent) = &tangents[operand] else { continue };
            let alone: Vec<bool> = (0..primals.len()).map(|position| position == operand).collect();
            let joint = (cx.bodies.jvp)(self.body(), &alone)?;
            let aval = cx.builder.aval(*tangent);
            let one = cx.builder.full(aval.dtype, &aval.shape, 1.0);
            let found = inline(cx.builder, &joint.program, &[primals, &[one]].concat());
            let Some(&slope) = found.get(self.body().outputs.len()) else { continue };
            // A slope by forward mode alone: reverse mode asks for it as a number.
            let tangent = broadcast_to(cx.builder, *tangent, &cx.builder.aval(slope).shape);
            let part = cx.builder.mul(slope, tangent);
            duals.tangents[0] = match &duals.tangents[0] {
                Tangent::Value(sum) => Tangent::Value(cx.builder.add(*sum, part)),
                Tangent::Zero(_) => Tangent::Value(part),
            };
        }
        Ok(duals)
    }

    fn jvp_by_vjp_rule(
        &self,
        rule: [&Body; 2],
        cx: &mut JvpCx,
        primals: &[Atom],
        tangents: &[Tangent],
    ) -> Rule<Duals> {
        let [forward, backward] = rule;
        let results = inline(cx.builder, forward, primals);
        let residuals = results.len() - self.body().outputs.len();
        let linear = CustomLinear {
            backward: backward.clone(),
            residuals,
            operands: positions(&nonzero(tangents), true),
            outputs: self.body().output_avals(),
        };
        let found = cx.builder.emit(linear, &[&results[..residuals], &values(tangents)].concat());
        let primals = results[residuals..].to_vec();
        let tangent = |(&primal, &found): (&Atom, &Atom)| {
            let aval = tangent_aval(&cx.builder.aval(primal));
            if aval.dtype == DType::Float0 { Tangent::Zero(aval) } else { Tangent::Value(found) }
        };
        let tangents = primals.iter().zip(&found).map(tangent).collect();
        Ok(Duals { primals, tangents })
    }

    /// The rule over a batch, given which operands are mapped; `outputs` are the results that are.
    fn batched_rule(
        &self,
        bodies: Bodies,
        operands: &[bool],
        outputs: &[bool],
        extent: usize,
    ) -> Rule<Vec<Program>> {
        match self.rule() {
            [] => Ok(Vec::new()),
            [jvp] => {
                let dims = leading(&[operands, operands].concat());
                let batched = (bodies.batch)(jvp, &dims, extent)?;
                Ok(vec![batched.with_axes(&[outputs, outputs].concat()).program])
            }
            [forward, backward, ..] => {
                let residuals = forward.outputs.len() - outputs.len();
                let wanted = [&vec![false; residuals], outputs].concat();
                let forward = (bodies.batch)(forward, &leading(operands), extent)?.with_axes(&wanted);
                let dims = leading(&forward.mapped);
                let batched = (bodies.batch)(backward, &dims, extent)?.with_axes(operands);
                Ok(vec![forward.program, summed_where_unmapped(batched, operands)])
            }
        }
    }

    /// The body and the rule over a batch, whose axis leads in the operands and results that are marked.
    fn batch_all(
        &self,
        cx: &mut BatchCx,
        moved: &[Atom],
        operands: &[bool],
        outputs: &[bool],
    ) -> Rule<Batched> {
        let body = (cx.bodies.batch)(self.body(), &leading(operands), cx.extent)?.with_axes(outputs).program;
        let rule = self.batched_rule(cx.bodies, operands, outputs, cx.extent)?;
        let programs = std::iter::once(body).chain(rule).map(Body::new).collect();
        let values = cx.builder.emit(CustomCall { programs, ..self.clone() }, moved);
        Ok(Batched { values, dims: leading(outputs) })
    }

    /// A rule of [`custom`] holds for whatever operands broadcast, as long as the body shows how. If it does not, all arrays
    /// get the batch axis; and if one axis more hides it still, the rule is batched with the body.
    fn batch_known(&self, cx: &mut BatchCx, mut moved: Vec<Atom>, mut operands: Vec<bool>) -> Rule<Batched> {
        let all = vec![true; self.body().outputs.len()];
        for repeats in [false, true] {
            for (position, aval) in self.body().input_avals().iter().enumerate() {
                if repeats && !operands[position] && !aval.shape.is_scalar() {
                    moved[position] = cx.builder.repeated(moved[position], cx.extent);
                    operands[position] = true;
                }
            }
            let body = (cx.bodies.batch)(self.body(), &leading(&operands), cx.extent)?.with_axes(&all);
            let batched = CustomCall { programs: vec![body.program.into()], ..self.clone() };
            if custom::is_known(&batched) {
                let values = cx.builder.emit(batched, &moved);
                return Ok(Batched { values, dims: leading(&all) });
            }
        }
        // A rule that leaves slopes to the body cannot stand in the program.
        if !custom::by_body(self).is_empty() {
            let call = CustomCall { name: None, ..self.clone() };
            return call.batch_all(cx, &moved, &operands, &all);
        }
        self.with_known_rule().batch_all(cx, &moved, &operands, &all)
    }

    /// The call with the rule that [`custom`] knows for it. Rules call the function again, which is given its rule too, for
    /// [`DEPTH`] derivatives of derivatives; beyond that, the body is differentiated as it stands.
    fn with_known_rule(&self) -> CustomCall {
        let mut call = CustomCall { name: None, ..self.clone() };
        for _ in 0..DEPTH {
            let rule = custom::rule_calling(self, &call).map(Body::new);
            let programs = self.programs.iter().cloned().chain(rule).collect();
            call = CustomCall { programs, ..self.clone() };
        }
        call
    }

    /// Which results depend on the batch, by the body or by its rule.
    fn mapped_results(&self, bodies: Bodies, operands: &[bool], extent: usize) -> Rule<Vec<bool>> {
        let count = self.body().outputs.len();
        let of_body = (bodies.batch)(self.body(), &leading(operands), extent)?.mapped;
        match (self.kind, self.rule()) {
            (_, []) => Ok(of_body),
            (CustomKind::Jvp, [rule, ..]) => {
                let dims = leading(&[operands, operands].concat());
                let of_rule = (bodies.batch)(rule, &dims, extent)?.mapped;
                Ok(either(&of_body, &either(&of_rule[..count], &of_rule[count..])))
            }
            (CustomKind::Vjp, [forward, ..]) => {
                let of_rule = (bodies.batch)(forward, &leading(operands), extent)?.mapped;
                Ok(either(&of_body, &of_rule[of_rule.len() - count..]))
            }
        }
    }
}

/// The cotangent of an operand that all lanes share is the sum of theirs.
fn summed_where_unmapped(backward: BatchedProgram, operands: &[bool]) -> Program {
    let mut outputs = backward.program.outputs.clone();
    let mut b = Builder::from_program(backward.program);
    for (position, output) in outputs.iter_mut().enumerate() {
        if backward.mapped[position] && !operands[position] {
            *output = b.reduce_sum(*output, &[0]);
        }
    }
    b.finish(outputs)
}

impl Primitive for CustomCall {
    fn name(&self) -> &str {
        self.kind.text_name()
    }

    fn params(&self) -> Params {
        let keys = self.kind.rule_keys().iter();
        let with_rule =
            keys.zip(self.rule()).fold(self.rest.clone(), |rest, (key, body)| rest.with(key, body.clone()));
        call_params(self.name.as_deref(), CUSTOM_BODY_KEYS[0], self.body(), &with_rule)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        infer_call(self.body(), operands)
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        (cx.eval_body)(cx, self.body(), operands)
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        match self.rule() {
            [] => match custom::rule(self) {
                Some(rule) => self.jvp_by_jvp_rule(&rule, &custom::by_body(self), cx, primals, tangents),
                None => self.jvp_by_body(cx, primals, tangents),
            },
            [rule] => self.jvp_by_jvp_rule(rule, &[], cx, primals, tangents),
            [forward, backward, ..] => self.jvp_by_vjp_rule([forward, backward], cx, primals, tangents),
        }
    }

    /// Rules may call functions with rules of their own on tangents, in which they are linear.
    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let body = self.body().clone();
        let call = Call { kind: CallKind::Jit, name: self.name.clone(), body, rest: Params::new() };
        call.transpose(cx, cotangents, operands)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let moved = batch_axis_at(cx, operands, dims, 0);
        if self.rule().is_empty() && custom::is_known(self) {
            return self.batch_known(cx, moved, mapped(dims));
        }
        let operands = mapped(dims);
        let outputs = self.mapped_results(cx.bodies, &operands, cx.extent)?;
        self.batch_all(cx, &moved, &operands, &outputs)
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Ok(Lowering::Expand(self.body().program().clone()))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Nested(self)
    }
}

impl Nested for CustomCall {
    fn bodies(&self) -> &[Body] {
        &self.programs
    }

    fn map_bodies(&self, map: &mut BodyMap) -> Result<Op, Diagnostic> {
        let programs =
            self.programs.iter().map(|body| Ok(Body::new(map(body)?))).collect::<Result<_, Diagnostic>>()?;
        Ok(CustomCall { programs, ..self.clone() }.into())
    }

    fn split(&self, _: &Bodies, operands: &[Aval], unknown: &[bool]) -> Rule<Split> {
        split_whole(self.clone(), operands, unknown)
    }

    fn without_results(&self, _: &[bool]) -> Option<Trimmed> {
        None
    }
}

// The second one is what older versions print.
const CUSTOM_BODY_KEYS: [&str; 2] = ["call_jaxpr", "fun_jaxpr"];

impl Family for CustomCall {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        // Older versions call the second one `custom_vjp_call_jaxpr`.
        let name = name.strip_suffix("_jaxpr").unwrap_or(name);
        let kind = CustomKind::ALL.into_iter().find(|kind| kind.text_name() == name)?;
        let key =
            CUSTOM_BODY_KEYS.into_iter().find(|key| params.get(key).is_some()).unwrap_or(CUSTOM_BODY_KEYS[0]);
        Some(parse_call(params, key).and_then(|(name, body, mut rest)| {
            let keys = kind.rule_keys();
            let rule = match keys.iter().any(|key| rest.get(key).is_some()) {
                true => keys.iter().map(|key| rest.body(key).cloned()).collect::<Result<Vec<_>, _>>()?,
                false => Vec::new(),
            };
            rest.0.retain(|(key, _)| !keys.contains(&key.as_str()));
            let call = CustomCall { kind, name, rest, programs: [vec![body], rule].concat() };
            call.check_rule()?;
            Ok(call)
        }))
    }

    fn samples() -> Vec<Sample> {
        let rest = |kind| match kind {
            CustomKind::Jvp => Params::new().with("jvp", "negate_jvp"),
            CustomKind::Vjp => Params::new().with("bwd", "negate_bwd").with("fwd", "negate_fwd"),
        };
        let call = |kind| {
            let name = Some("negate".to_string());
            CustomCall {
                kind,
                name,
                programs: vec![sample_body()],
                rest: rest(kind).with("symbolic_zeros", false),
            }
        };
        let calls = CustomKind::ALL.map(|kind| Sample::new(call(kind), sample_operands()));
        [calls.as_slice(), &[sample_of_known_rule()]].concat()
    }
}

/// `log(exp(x) + exp(y))` of a scalar and an array, whose rule is known by its name.
fn sample_of_known_rule() -> Sample {
    let mut b = Builder::new();
    let [x, y]: [Atom; 2] =
        [[].as_slice(), &[3]].map(|extents: &[usize]| b.input(Aval::new(DType::F32, extents)).into());
    let terms = [x, y].map(|x| b.unary(UnaryKind::Exp, x));
    let sum = b.add(terms[0], terms[1]);
    let log = b.unary(UnaryKind::Log, sum);
    let rest = Params::new().with("jvp", "_logaddexp_jvp").with("symbolic_zeros", false);
    let call = CustomCall {
        kind: CustomKind::Jvp,
        name: Some("logaddexp".to_string()),
        programs: vec![b.finish(vec![log]).into()],
        rest,
    };
    let y = Tensor::from_f64s(DType::F32, [3], &[0.25, -1.5, 2.0]);
    Sample::new(call, vec![Tensor::from_f64s(DType::F32, [], &[0.5]), y])
}

/// The linear half of a function with a vjp rule: from `residuals.., tangents of some operands..` to the tangents of
/// the results. Only its transpose can be computed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CustomLinear {
    backward: Body,
    residuals: usize,
    // The operands of the call whose tangents are given.
    operands: Vec<usize>,
    // Of the call.
    outputs: Vec<Aval>,
}

const FORWARD: NoRule = NoRule::ByDesign("a function with a custom vjp rule has no forward derivative");

impl Primitive for CustomLinear {
    fn name(&self) -> &str {
        "custom_lin"
    }

    fn params(&self) -> Params {
        Params::new()
            .with("bwd_jaxpr", self.backward.clone())
            .with("num_res", self.residuals)
            .with("operands", self.operands.as_slice())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, self.residuals + self.operands.len())?;
        Ok(self.outputs.clone())
    }

    fn eval(&self, _: &EvalCx, _: &[Tensor]) -> Rule<Vec<Tensor>> {
        Err(FORWARD)
    }

    fn jvp(&self, _: &mut JvpCx, _: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        Err(FORWARD)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let known = operands[..self.residuals].iter().map(Operand::known).collect::<Option<Vec<Atom>>>();
        let residuals = known.ok_or(NoRule::ByDesign("not linear in its residuals"))?;
        let cotangents = cotangents.iter().zip(&self.outputs).map(|(cotangent, output)| match cotangent {
            Tangent::Value(atom) => *atom,
            Tangent::Zero(_) => cx.builder.zeros(&tangent_aval(output)),
        });
        let arguments = residuals.into_iter().chain(cotangents.collect::<Vec<_>>()).collect::<Vec<_>>();
        let found = inline(cx.builder, &self.backward, &arguments);
        let mut all = zero_cotangents(cx, operands);
        for (position, &operand) in self.operands.iter().enumerate() {
            let (slot, ct) = (self.residuals + position, found[operand]);
            let (expected, aval) = (operand_aval(cx, &operands[slot]), cx.builder.aval(ct));
            // A rule may return a plain zero for a whole array.
            all[slot] = match expected.shape == aval.shape {
                true => Tangent::Value(cx.builder.convert(ct, expected.dtype)),
                false => Tangent::Value(broadcast_scalar(cx.builder, ct, &expected)),
            };
        }
        Ok(all)
    }

    fn batch(&self, _: &mut BatchCx, _: &[Atom], _: &[BatchDim]) -> Rule<Batched> {
        Err(FORWARD)
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Err(FORWARD)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Nested(self)
    }
}

fn broadcast_scalar(b: &mut Builder, x: Atom, aval: &Aval) -> Atom {
    let x = b.convert(x, aval.dtype);
    b.broadcast_in_dim(x, aval.shape.clone(), &[])
}

impl Nested for CustomLinear {
    fn bodies(&self) -> &[Body] {
        std::slice::from_ref(&self.backward)
    }

    fn map_bodies(&self, map: &mut BodyMap) -> Result<Op, Diagnostic> {
        Ok(CustomLinear { backward: map(&self.backward)?.into(), ..self.clone() }.into())
    }

    fn split(&self, _: &Bodies, operands: &[Aval], unknown: &[bool]) -> Rule<Split> {
        split_whole(self.clone(), operands, unknown)
    }

    fn without_results(&self, _: &[bool]) -> Option<Trimmed> {
        None
    }
}

impl Family for CustomLinear {
    fn parse(name: &str, params: &Params, results: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "custom_lin").then(|| {
            let outputs = results.iter().cloned().collect::<Option<Vec<Aval>>>();
            Ok(CustomLinear {
                backward: params.body("bwd_jaxpr")?.clone(),
                residuals: params.size("num_res")?,
                operands: params.sizes("operands")?,
                outputs: outputs.ok_or_else(|| TypeError::new("the types of its results must be written"))?,
            })
        })
    }

    /// The linear half of `x -> -x` with the rule `ct -> -ct`.
    fn samples() -> Vec<Sample> {
        let aval = Aval::new(DType::F32, [3]);
        let mut b = Builder::new();
        let ct = b.input(aval.clone()).into();
        let negated = b.neg(ct);
        let backward = b.finish(vec![negated]).into();
        let linear = CustomLinear { backward, residuals: 0, operands: vec![0], outputs: vec![aval] };
        vec![Sample::new(linear, vec![Tensor::from_f64s(DType::F32, [3], &[1.0, -2.5, 0.0])])]
    }
}
