//! What calls print and read; the laws test the rest.

use super::call::{sample_body, sample_operands};
use super::*;
use crate::ir::Params;
use crate::ops::shape::tests::run;
use crate::types::{DType, Tensor};

#[test]
fn a_call_is_its_body() {
    let expected = [Tensor::from_f64s(DType::F32, [3], &[-1.0, 2.5, -0.0]), sample_operands().remove(1)];
    let custom = CustomCall::samples().into_iter().take(CustomKind::ALL.len());
    for sample in Call::samples().into_iter().chain(custom) {
        assert_eq!(run(sample.op, &sample.operands), expected);
    }
}

#[test]
fn prints_parameters_in_the_order_of_jax() {
    let keys = |sample: &Sample| sample.op.params().0.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
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
