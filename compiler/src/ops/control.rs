//! Calls: equations that stand for a body.

use crate::diag::TypeError;
use crate::ir::{Atom, Body, Builder, Params, Value};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Tensor};

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
}

/// A function with derivatives of its own. The text names the rules but does not contain them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CustomCall {
    pub kind: CustomKind,
    pub name: Option<String>,
    pub body: Body,
    /// The other parameters of the text: the names of the rules, `symbolic_zeros`, `num_consts`.
    pub rest: Params,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CustomKind {
    Jvp,
    Vjp,
}

const INLINED: NoRule = NoRule::NotYet("calls are inlined before transforms");
const CUSTOM: NoRule = NoRule::NotYet("transforms of functions with custom derivatives");

impl CallKind {
    const ALL: [CallKind; 4] = [CallKind::Jit, CallKind::ClosedCall, CallKind::CoreCall, CallKind::Remat];

    /// The names in text, the one that is printed first.
    fn names(self) -> &'static [&'static str] {
        match self {
            CallKind::Jit => &["jit", "pjit"],
            CallKind::ClosedCall => &["closed_call"],
            CallKind::CoreCall => &["core_call"],
            CallKind::Remat => &["remat2", "checkpoint", "remat"],
        }
    }

    fn body_key(self) -> &'static str {
        match self {
            CallKind::Jit | CallKind::Remat => "jaxpr",
            CallKind::ClosedCall | CallKind::CoreCall => "call_jaxpr",
        }
    }
}

impl CustomKind {
    const ALL: [CustomKind; 2] = [CustomKind::Jvp, CustomKind::Vjp];

    fn text_name(self) -> &'static str {
        match self {
            CustomKind::Jvp => "custom_jvp_call",
            CustomKind::Vjp => "custom_vjp_call",
        }
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

    fn jvp(&self, _: &mut JvpCx, _: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        Err(INLINED)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(INLINED)
    }

    fn batch(&self, _: &mut BatchCx, _: &[Atom], _: &[BatchDim]) -> Rule<Batched> {
        Err(INLINED)
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Ok(Lowering::Expand(self.body.program().clone()))
    }

    fn bodies(&self) -> &[Body] {
        std::slice::from_ref(&self.body)
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
            CallKind::Jit | CallKind::ClosedCall | CallKind::CoreCall => Params::new(),
        };
        let name = |kind| (kind == CallKind::Jit).then(|| "negate".to_string());
        let call = |kind| Call { kind, name: name(kind), body: sample_body(), rest: rest(kind) };
        CallKind::ALL.map(|kind| Sample::new(call(kind), sample_operands())).to_vec()
    }
}

impl Primitive for CustomCall {
    fn name(&self) -> &str {
        self.kind.text_name()
    }

    fn params(&self) -> Params {
        call_params(self.name.as_deref(), CUSTOM_BODY_KEYS[0], &self.body, &self.rest)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        infer_call(&self.body, operands)
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        (cx.eval_body)(cx, self.body.program(), operands)
    }

    fn jvp(&self, _: &mut JvpCx, _: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        Err(CUSTOM)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(CUSTOM)
    }

    fn batch(&self, _: &mut BatchCx, _: &[Atom], _: &[BatchDim]) -> Rule<Batched> {
        Err(CUSTOM)
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Ok(Lowering::Expand(self.body.program().clone()))
    }

    fn bodies(&self) -> &[Body] {
        std::slice::from_ref(&self.body)
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
        Some(parse_call(params, key).map(|(name, body, rest)| CustomCall { kind, name, body, rest }))
    }

    fn samples() -> Vec<Sample> {
        let rest = |kind| match kind {
            CustomKind::Jvp => Params::new().with("jvp", "relu_jvp"),
            CustomKind::Vjp => Params::new().with("bwd", "clip_bwd").with("fwd", "clip_fwd"),
        };
        let call = |kind| {
            let name = Some("negate".to_string());
            CustomCall { kind, name, body: sample_body(), rest: rest(kind).with("symbolic_zeros", false) }
        };
        CustomKind::ALL.map(|kind| Sample::new(call(kind), sample_operands())).to_vec()
    }
}

/// The name first, then everything else sorted by key, as JAX prints it.
fn call_params(name: Option<&str>, body_key: &str, body: &Body, rest: &Params) -> Params {
    let mut params = rest.clone().with(body_key, body.clone());
    params.0.sort_by(|(x, _), (y, _)| x.cmp(y));
    if let Some(name) = name {
        params.0.insert(0, ("name".to_string(), name.into()));
    }
    params
}

fn parse_call(params: &Params, body_key: &str) -> Result<(Option<String>, Body, Params), TypeError> {
    let name = params.get("name").map(|_| params.name("name").map(str::to_string)).transpose()?;
    let body = params.body(body_key)?.clone();
    let mut rest = params.clone();
    rest.0.retain(|(key, _)| key != "name" && key != body_key);
    rest.0.sort_by(|(x, _), (y, _)| x.cmp(y));
    Ok((name, body, rest))
}

fn infer_call(body: &Body, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
    let inputs = body.input_avals();
    expect_operands(operands, inputs.len())?;
    match inputs.iter().zip(operands).position(|(input, operand)| input != operand) {
        None => Ok(body.output_avals()),
        Some(at) => {
            let (expected, found) = (&inputs[at], &operands[at]);
            Err(TypeError(format!("operand {at}: expected {expected} as its body does, found {found}")))
        }
    }
}

/// `x y -> (-x, y)`.
fn sample_body() -> Body {
    let mut b = Builder::new();
    let x = b.input(Aval::new(DType::F32, [3])).into();
    let y = b.input(Aval::scalar(DType::I32)).into();
    let negated = b.neg(x);
    b.finish(vec![negated, y]).into()
}

fn sample_operands() -> Vec<Tensor> {
    vec![Tensor::from_f64s(DType::F32, [3], &[1.0, -2.5, 0.0]), Tensor::from_f64s(DType::I32, [], &[7.0])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::shape::tests::run;

    #[test]
    fn a_call_is_its_body() {
        let expected = [Tensor::from_f64s(DType::F32, [3], &[-1.0, 2.5, -0.0]), sample_operands().remove(1)];
        for sample in Call::samples().into_iter().chain(CustomCall::samples()) {
            assert_eq!(run(sample.op, &sample.operands), expected);
        }
    }

    #[test]
    fn prints_parameters_in_the_order_of_jax() {
        let keys =
            |sample: &Sample| sample.op.params().0.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        assert_eq!(keys(&Call::samples()[3]), ["differentiated", "jaxpr", "policy", "prevent_cse"]);
        assert_eq!(keys(&CustomCall::samples()[0]), ["name", "call_jaxpr", "jvp", "symbolic_zeros"]);
    }

    #[test]
    fn reads_the_names_of_older_versions() {
        let params = Params::new().with("name", "f").with("jaxpr", sample_body());
        let call = Call::parse("pjit", &params, &[]).expect("a known name").expect("its parameters");
        assert_eq!((call.kind, call.name.as_deref()), (CallKind::Jit, Some("f")));
        let params = Params::new().with("fun_jaxpr", sample_body());
        let call = CustomCall::parse("custom_vjp_call_jaxpr", &params, &[]).expect("a known name");
        assert_eq!(call.expect("its parameters").kind, CustomKind::Vjp);
    }

    #[test]
    fn errors_say_expected_and_found() {
        let call = &Call::samples()[0].op;
        let (x, y) = (Aval::new(DType::F32, [3]), Aval::scalar(DType::F32));
        let complaint =
            |operands: &[Aval]| call.infer(operands).expect_err("the operands do not fit").to_string();
        assert_eq!(complaint(&[x.clone(), y]), "operand 1: expected i32[] as its body does, found f32[]");
        assert_eq!(complaint(&[x]), "expected 2 operands, found 1");
    }
}
