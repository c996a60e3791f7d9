use super::*;
use crate::ops::elementwise::BinaryKind;
use crate::ops::shape::tests::{check_batch, check_lowering, complaint, run};

fn line(extent: usize, stride: usize, padding: (i64, i64)) -> Window {
    Window(vec![WindowAxis { extent, stride, padding, ..WindowAxis::UNIT }])
}

fn array(values: &[f64]) -> Tensor {
    Tensor::from_f64s(DType::F32, [values.len()], values)
}

#[test]
fn nests_compute_what_eval_says() {
    check_lowering::<WindowFold>();
    check_lowering::<SelectAndGather>();
    check_lowering::<SelectAndScatter>();
}

#[test]
fn batches_pair_members_of_mapped_operands() {
    let of = |shape: &[usize]| sample_tensor(DType::F32, shape);
    let window = line(2, 2, (0, 1));
    check_batch(
        SelectAndGather { keep: Keep::Ge, window: window.clone() },
        &[of(&[2, 5]), of(&[5, 2])],
        &[0, 1],
    );
    check_batch(SelectAndScatter { keep: Keep::Le, window }, &[of(&[3, 2]), of(&[2, 5])], &[1, 0]);
}

// Expected values: JAX 0.10.2 on CPU.

#[test]
fn windows_select_the_first_extremum() {
    const NAN: f64 = f64::NAN;
    let (x, source) = (array(&[1.0, 3.0, 3.0, 2.0, 5.0, 5.0, 1.0]), array(&[1.0, 10.0, 100.0]));
    let scatter = |window, source: &Tensor, x: &Tensor| {
        run(SelectAndScatter { keep: Keep::Ge, window }, &[source.clone(), x.clone()])[0].to_string()
    };
    let window = line(3, 2, (0, 0));
    assert_eq!(scatter(window.clone(), &source, &x), "[0.0, 1.0, 0.0, 0.0, 110.0, 0.0, 0.0]");
    let nan = array(&[1.0, 3.0, NAN, 2.0, 5.0, 5.0, 1.0]);
    assert_eq!(scatter(window.clone(), &source, &nan), "[0.0, 0.0, 1.0, 0.0, 110.0, 0.0, 0.0]");
    // Where nothing beats the padding, the source is lost.
    let (least, source) = (array(&[f64::NEG_INFINITY; 7]), array(&[1.0, 10.0, 100.0, 1000.0]));
    let padded = line(3, 2, (1, 1));
    assert_eq!(scatter(padded.clone(), &source, &least), "[0.0, 10.0, 0.0, 100.0, 0.0, 1000.0, 0.0]");
    let tangents = array(&[10.0, 30.0, 30.0, 20.0, 50.0, 50.0, 10.0]);
    let gather = |window, x: &Tensor| {
        run(SelectAndGather { keep: Keep::Ge, window }, &[tangents.clone(), x.clone()])[0].to_string()
    };
    assert_eq!(gather(window, &nan), "[30.0, 50.0, 50.0]");
    assert_eq!(gather(padded.clone(), &x), "[30.0, 30.0, 50.0, 50.0]");
    assert_eq!(gather(padded, &least), "[0.0, 0.0, 0.0, 0.0]");
}

#[test]
fn start_values_count_once() {
    let fold = WindowFold { body: one_operation(BinaryKind::Add, DType::F32), window: line(2, 1, (1, 1)) };
    let operands = [array(&[1.0, 2.0, 3.0, 4.0]), Tensor::from_literal(Literal::from_f64(DType::F32, 1.0))];
    assert_eq!(run(fold, &operands)[0].to_string(), "[2.0, 4.0, 6.0, 8.0, 5.0]");
}

#[test]
fn errors_say_expected_and_found() {
    let sum = |window| WindowReduce { kind: WindowKind::Sum, window };
    assert_eq!(
        complaint(sum(line(2, 1, (0, 0))), &[&[4, 3]]),
        "window_dimensions: expected one entry per axis of f32[4,3], found 1"
    );
    assert_eq!(
        complaint(sum(line(2, 0, (0, 0))), &[&[4]]),
        "window_strides of axis 0: expected at least 1, found 0"
    );
    assert_eq!(
        complaint(sum(line(2, 1, (i64::MAX, 1))), &[&[4]]),
        "the window over axis 0 of f32[4] is too large"
    );
    let scatter = SelectAndScatter { keep: Keep::Ge, window: line(2, 2, (0, 0)) };
    assert_eq!(
        complaint(scatter, &[&[3], &[4]]),
        "source: expected shape [2], one element per place, found [3]"
    );
    let fold = WindowFold { body: one_operation(BinaryKind::Add, DType::F32), window: line(2, 1, (0, 0)) };
    assert_eq!(complaint(fold.clone(), &[&[4], &[1]]), "start value: expected f32[], found f32[1]");
    assert_eq!(
        complaint(fold.clone(), &[&[4]]),
        "expected arrays and as many start values, found 1 operands"
    );
    let body =
        "expected a body from f32[] f32[] f32[] f32[] to f32[] f32[], found one from f32[] f32[] to f32[]";
    assert_eq!(complaint(fold, &[&[4], &[4], &[], &[]]), body);
}
