//! Bodies are found, others are not, and rules have the values of JAX where bodies mislead.

use super::patterns::{PATTERNS, Pattern};
use super::*;
use crate::eval;
use crate::ir::Params;
use crate::types::{DType, Tensor};

/// The body of a pattern on arrays, one per operand and free value.
fn body(pattern: &Pattern) -> Program {
    let mut b = Builder::new();
    let count = pattern.arity + pattern.free;
    let x: Vec<Atom> = (0..count).map(|_| b.input(Aval::new(DType::F32, [3])).into()).collect();
    let result = (pattern.body)(&mut b, &x);
    b.finish(vec![result])
}

fn floats(values: &[f64]) -> Tensor {
    Tensor::from_f64s(DType::F32, [values.len()], values)
}

#[test]
fn bodies_become_one_operation() {
    for pattern in &PATTERNS {
        let program = body(pattern);
        let found = recognized(&program).expect("the pattern is in its own body");
        assert_eq!(found.equations.len(), 1, "{}", pattern.meaning.name());
        let operands: Vec<Atom> = found.inputs[..pattern.arity].iter().map(|&var| var.into()).collect();
        assert_eq!(found.equations[0].operands, operands, "{}", pattern.meaning.name());
    }
}

#[test]
fn a_body_with_another_operation_is_left_alone() {
    for pattern in &PATTERNS {
        let mut program = body(pattern);
        // The cases of the selection, or dividend and divisor, change places.
        let last = program.equations.last_mut().expect("patterns have equations");
        let count = last.operands.len();
        last.operands.swap(count - 2, count - 1);
        assert!(recognized(&program).is_none(), "{}", pattern.meaning.name());
    }
}

#[test]
fn only_the_body_of_the_library_is_taken_by_its_name() {
    let body = |factor: f64| {
        let mut b = Builder::new();
        let x: Atom = b.input(Aval::new(DType::F32, [3])).into();
        let zero = b.constant_like(x, 0.0);
        let result = b.binary(BinaryKind::Max, x, zero);
        let factor = b.constant_like(x, factor);
        let result = if factor == b.constant_like(x, 1.0) { result } else { b.mul(result, factor) };
        Body::new(b.finish(vec![result]))
    };
    assert!(named("relu", &body(1.0)).is_some());
    assert!(named("relu", &body(2.0)).is_none());
    assert!(named("rectifier", &body(1.0)).is_none());
}

/// The slopes of a function of one array along ones, by its rule.
fn slopes(name: &str, rule_name: &str, operands: &[Tensor]) -> Vec<f64> {
    let pattern =
        PATTERNS.iter().find(|pattern| pattern.meaning.name() == name).expect("a pattern of that name");
    let rest = Params::new().with("jvp", rule_name).with("symbolic_zeros", false);
    let call = CustomCall::new(CustomKind::Jvp, Some(name.to_string()), body(pattern).into(), rest);
    let ones = operands.iter().map(|operand| {
        Tensor::from_f64s(
            operand.dtype(),
            operand.shape().clone(),
            &vec![1.0; operand.shape().element_count()],
        )
    });
    let arguments: Vec<Tensor> = operands.iter().cloned().chain(ones).collect();
    let rule = rule(&call).expect("the rule is known");
    let results = eval::program(&rule, &arguments).expect("rules can be evaluated");
    results[1].scalars().map(|x| x.float()).collect()
}

#[test]
fn rules_have_values_where_bodies_have_none() {
    let infinity = f64::INFINITY;
    let x = floats(&[0.0, infinity, -infinity]);
    // Equal operands share the slope; JAX takes infinite ones as if they were the result.
    let found = slopes("logaddexp", "_logaddexp_jvp", &[x.clone(), x]);
    assert!((found[0] - 1.0).abs() < 1e-6, "{found:?}");
    assert_eq!(found[1], 2.0);
    let (x, y) = (floats(&[0.0, 0.0, 2.0]), floats(&[1.0, 4.0, 1.0]));
    let found = slopes("xlogy", "_xlogy_jvp", &[x.clone(), y]);
    assert_eq!(found[0], 0.0);
    assert!((found[1] - 4f64.ln()).abs() < 1e-6, "{found:?}");
    assert_eq!(found[2], 2.0);
    assert_eq!(slopes("_xlogx", "_xlogx_jvp", &[x])[0], -infinity);
}
