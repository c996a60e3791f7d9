//! The values where bodies mislead, from closed forms.

use super::super::super::control::{CustomCall, CustomKind};
use super::*;
use crate::eval;
use crate::ir::{Body, Params};
use crate::ops::elementwise::UnaryKind;
use crate::types::{DType, Tensor};
use std::f64::consts::PI;

/// The slopes of a function by its rule, where a value that is given stands for the body.
fn slopes(name: &str, rule: &str, x: &[f64], values: &[f64]) -> Vec<f64> {
    let aval = Aval::new(DType::F64, [x.len()]);
    let mut b = Builder::new();
    let value: Atom = b.input(aval.clone()).into();
    b.input(aval);
    let body = Body::new(b.finish(vec![value]));
    let rest = Params::new().with("jvp", rule).with("symbolic_zeros", false);
    let call = CustomCall::new(CustomKind::Jvp, Some(name.to_string()), body, rest);
    let program = rule_calling(&call, &call).expect("the rule is known");
    let tensor = |values: &[f64]| Tensor::from_f64s(DType::F64, [values.len()], values);
    let ones = tensor(&vec![1.0; x.len()]);
    let arguments = [tensor(values), tensor(x), ones.clone(), ones];
    let results = eval::program(&program, &arguments).expect("rules can be evaluated");
    results[1].scalars().map(|x| x.float()).collect()
}

#[track_caller]
fn close(found: &[f64], expected: &[f64]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1e-3), "{found} is not {expected}");
    }
}

#[test]
fn slopes_at_zero_are_those_of_the_function() {
    close(&slopes("_i0", "_i0_jvp", &[0.0], &[1.0]), &[0.0]);
    close(&slopes("i1_impl", "i1_impl_jvp", &[0.0], &[0.0]), &[0.5]);
    close(&slopes("_i1", "i1_impl_jvp", &[0.0], &[0.0]), &[0.5]);
    close(&slopes("_dawsn", "jvp", &[0.0], &[0.0]), &[1.0]);
    close(&slopes("sinc", "sinc_jvp", &[0.0, 0.5], &[1.0, 2.0 / PI]), &[0.0, -4.0 / PI]);
    close(&slopes("_erfcx", "jvp", &[0.0], &[1.0]), &[-2.0 / PI.sqrt()]);
}

#[test]
fn slopes_in_tails_do_not_cancel() {
    // -(1/(2 x^2) + 3/(4 x^4) + 15/(8 x^6) + ..).
    let x: f64 = 1e4;
    close(&slopes("_dawsn", "jvp", &[x], &[0.5 / x]), &[-(0.5 / x / x + 0.75 / x.powi(4))]);
    let expected = 2.0 / PI.sqrt() * (-0.5 / x / x + 0.75 / x.powi(4));
    close(&slopes("_erfcx", "_erfcx_jvp", &[x], &[1.0 / (x * PI.sqrt())]), &[expected]);
    // Beyond the digits of one, log_ndtr is minus the upper tail.
    close(&slopes("log_ndtr", "_log_ndtr_jvp", &[40.0], &[0.0]), &[0.0]);
}

#[test]
fn constants_before_the_operands_have_no_tangents() {
    let found = slopes("expi", "expi_jvp", &[1.0, -2.0], &[0.0, 0.0]);
    close(&found, &[std::f64::consts::E, -(-2f64).exp() / 2.0]);
}

#[test]
fn a_derivative_of_unknown_order_is_not_known() {
    let mut b = Builder::new();
    let x: Atom = b.input(Aval::new(DType::F64, [2])).into();
    let zero = b.constant_like(x, 0.0);
    let product = b.mul(x, zero);
    let negated = b.unary(UnaryKind::Neg, product);
    let rest = Params::new().with("jvp", "_sinc_maclaurin_jvp").with("symbolic_zeros", false);
    let body = Body::new(b.finish(vec![negated]));
    let call = CustomCall::new(CustomKind::Jvp, Some("_sinc_maclaurin".to_string()), body, rest);
    assert!(rule_calling(&call, &call).is_none());
}
