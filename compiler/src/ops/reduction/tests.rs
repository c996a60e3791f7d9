//! Values that JAX 0.10.2 computes on CPU, and refusals.

use super::*;
use crate::ops::Op;
use crate::ops::tests::no_bodies;
use crate::types::{Shape, Tensor};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

fn check(op: impl Into<Op>, operand: Tensor, expected: &str) {
    let op = op.into();
    let inferred = op.infer(&[operand.aval().clone()]).expect("the test is well typed");
    let found = op.eval(&no_bodies(), &[operand]).expect("the operation can be evaluated");
    assert_eq!(inferred, [found[0].aval().clone()], "{op:?}");
    assert_eq!(found[0].to_string(), expected, "{op:?}");
}

fn refuses(op: impl Into<Op>, operand: Aval, message: &str) {
    let op = op.into();
    assert_eq!(op.infer(&[operand]).expect_err("the operand does not fit").to_string(), message, "{op:?}");
}

fn reduce(kind: ReduceKind, axes: &[usize]) -> Reduce {
    Reduce { kind, axes: axes.to_vec() }
}

#[test]
fn folds() {
    let matrix = Tensor::from_f64s(DType::F32, [2, 3], &[1.0, 2.0, 3.0, 4.0, NAN, 6.0]);
    check(reduce(ReduceKind::Sum, &[1]), matrix.clone(), "[6.0, nan]");
    check(reduce(ReduceKind::Max, &[0]), matrix.clone(), "[4.0, nan, 6.0]");
    check(reduce(ReduceKind::Prod, &[0]), matrix, "[4.0, nan, 18.0]");
    check(reduce(ReduceKind::Sum, &[0]), Tensor::from_f64s(DType::I8, [2], &[100.0, 100.0]), "-56");
    check(reduce(ReduceKind::Xor, &[0]), Tensor::from_f64s(DType::I32, [2], &[5.0, 3.0]), "6");
    // Rounding every partial sum to bf16 would stop at 256.
    check(reduce(ReduceKind::Sum, &[0]), Tensor::from_f64s(DType::BF16, [1000], &[1.0; 1000]), "1000.0");
}

#[test]
fn folds_of_nothing() {
    let empty = |dtype| Tensor::from_f64s(dtype, [0], &[]);
    check(reduce(ReduceKind::Max, &[0]), empty(DType::F32), "-inf");
    check(reduce(ReduceKind::Max, &[0]), empty(DType::I32), "-2147483648");
    check(reduce(ReduceKind::Max, &[0]), empty(DType::Bool), "False");
    check(reduce(ReduceKind::Min, &[0]), empty(DType::Bool), "True");
    check(reduce(ReduceKind::And, &[0]), empty(DType::I32), "-1");
    check(reduce(ReduceKind::Prod, &[0]), empty(DType::I32), "1");
}

#[test]
fn positions_of_extrema() {
    let arg = |max, dtype| ArgReduce { max, axis: 1, index_dtype: dtype };
    let rows = [1.0, NAN, NAN, 1.0, 1.0, 0.0, -INF, -INF, -INF, -0.0, 0.0, -1.0];
    check(arg(true, DType::I32), Tensor::from_f64s(DType::F64, [4, 3], &rows), "[1, 0, 0, 0]");
    let rows = [1.0, NAN, NAN, 1.0, 1.0, 2.0, INF, INF, INF, 0.0, -0.0, 1.0];
    check(arg(false, DType::U8), Tensor::from_f64s(DType::F64, [4, 3], &rows), "[1, 0, 0, 0]");
    check(arg(true, DType::I64), Tensor::from_f64s(DType::Bool, [1, 3], &[0.0, 1.0, 1.0]), "[1]");
}

#[test]
fn axes_are_checked() {
    let matrix = Aval::new(DType::F32, [2, 3]);
    let sum = |axes| reduce(ReduceKind::Sum, axes);
    refuses(sum(&[2]), matrix.clone(), "expected axes below the operand's rank 2, found 2");
    refuses(sum(&[1, 1]), matrix.clone(), "expected distinct axes, found 1 twice");
    let message = "expected an operand of kind bool or signed or unsigned, found f32";
    refuses(reduce(ReduceKind::Or, &[0]), matrix.clone(), message);
    let arg = |index_dtype| ArgReduce { max: true, axis: 0, index_dtype };
    refuses(arg(DType::F32), matrix, "expected an integer index dtype, found f32");
    let empty = Aval::new(DType::F32, Shape::from([0]));
    refuses(arg(DType::I32), empty, "expected elements along axis 0, found none");
}
