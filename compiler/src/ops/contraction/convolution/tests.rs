use super::samples::line;
use super::*;
use crate::ops::contraction::operand;
use crate::ops::shape::tests::{check_batch, check_lowering, complaint, run};
use crate::types::Literal;

#[test]
fn nests_compute_what_eval_says() {
    check_lowering::<Convolution>();
}

#[test]
fn batches_pair_members_of_mapped_operands() {
    let of = |shape: &[usize]| operand(DType::F32, shape, 1);
    let steps = Steps { padding: (1, 0), ..Steps::UNIT };
    let weights = of(&[4, 2, 3, 2]);
    check_batch(line(steps), &[of(&[2, 3, 2, 5]), weights.clone()], &[1, 2]);
    let by_feature = Convolution { feature_groups: 2, ..line(steps) };
    check_batch(by_feature, &[of(&[2, 3, 4, 5]), weights], &[1, 2]);
    let by_batch = Convolution { batch_groups: 2, ..line(steps) };
    check_batch(by_batch, &[of(&[2, 2, 3, 5]), of(&[4, 2, 2, 3])], &[2, 3]);
}

// Expected values: JAX 0.10.2 on CPU.
#[test]
fn convolves() {
    let array = |shape: &[usize], values: &[f64]| Tensor::from_f64s(DType::F32, shape, values);
    let (x, w) = (array(&[1, 1, 4], &[1.0, 2.0, 3.0, 4.0]), array(&[1, 1, 2], &[1.0, 10.0]));
    let result = |steps, x: &Tensor| run(line(steps), &[x.clone(), w.clone()])[0].to_string();
    assert_eq!(result(Steps::UNIT, &x), "[[[21.0, 32.0, 43.0]]]");
    let padded = Steps { padding: (1, -1), ..Steps::UNIT };
    assert_eq!(result(padded, &x), "[[[10.0, 21.0, 32.0]]]");
    assert_eq!(result(Steps { lhs_dilation: 2, stride: 2, ..padded }, &x), "[[[10.0, 20.0, 30.0]]]");
    assert_eq!(result(Steps { rhs_dilation: 3, ..Steps::UNIT }, &x), "[[[41.0]]]");
    let ones = Tensor::splat(Literal::bool(true), [1, 1, 3]);
    assert_eq!(run(line(Steps::UNIT), &[ones.clone(), ones])[0].to_string(), "[[[True]]]");
    let hundred = Tensor::from_f64s(DType::I8, [1, 1, 2], &[100.0, 100.0]);
    assert_eq!(run(line(Steps::UNIT), &[hundred.clone(), hundred])[0].to_string(), "[[[32]]]");
}

#[test]
fn errors_say_expected_and_found() {
    let shapes: [&[usize]; 2] = [&[4, 6, 5], &[4, 3, 2]];
    assert_eq!(complaint(line(Steps::UNIT), &[&[4, 6], &[4, 3, 2]]), "lhs: expected rank 3, found f32[4,6]");
    assert_eq!(
        complaint(line(Steps::UNIT), &shapes),
        "expected 3 features of the lhs per group, as the rhs has, found 6 in 1 groups"
    );
    assert_eq!(
        complaint(Convolution { feature_groups: 4, ..line(Steps::UNIT) }, &shapes),
        "feature_group_count: expected a divisor of 6, the features of the lhs, found 4"
    );
    assert_eq!(
        complaint(Convolution { feature_groups: 2, batch_groups: 2, ..line(Steps::UNIT) }, &shapes),
        "expected feature_group_count or batch_group_count to be 1, found 2 and 2"
    );
    assert_eq!(
        complaint(line(Steps { padding: (-3, -3), ..Steps::UNIT }), &[&[4, 3, 5], &[4, 3, 2]]),
        "spatial axis 0 of extent 5 padded by (-3, -3) has extent -1"
    );
    assert_eq!(
        complaint(line(Steps { stride: 0, ..Steps::UNIT }), &[&[4, 3, 5], &[4, 3, 2]]),
        "window_strides of spatial axis 0: expected at least 1, found 0"
    );
    let mut op = line(Steps::UNIT);
    op.layout.rhs = vec![0, 0, 1];
    assert_eq!(
        complaint(op, &[&[4, 3, 5], &[4, 3, 2]]),
        "rhs_spec: expected each axis below 3 once, found [0, 0, 1]"
    );
    let narrow = Convolution { preferred: Some(DType::I32), ..line(Steps::UNIT) };
    assert_eq!(
        complaint(narrow, &[&[4, 3, 5], &[4, 3, 2]]),
        "preferred_element_type: expected a dtype of the kind of f32 and no narrower, found i32"
    );
}
