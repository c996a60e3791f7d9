//! Values that JAX 0.10.2 computes on CPU, refusals, and what the laws do not reach.

use super::*;
use crate::ops;
use crate::ops::shape::tests::{check_batch, check_lowering, run};
use crate::types::{Scalar, Tensor};

const NAN: f64 = f64::NAN;

fn array(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor::from_f64s(DType::F32, shape, values)
}

fn vectors(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor::from_f64s(DType::I32, shape, values)
}

/// 0, 1, 2, .. in row-major order.
fn range(shape: &[usize]) -> Tensor {
    crate::ops::shape::sample_tensor(DType::F32, shape)
}

fn numbers(window_axes: &[usize], collapsed: &[usize], index_map: &[usize]) -> DimensionNumbers {
    DimensionNumbers {
        window_axes: window_axes.to_vec(),
        collapsed: collapsed.to_vec(),
        index_map: index_map.to_vec(),
        ..DimensionNumbers::default()
    }
}

fn gather(numbers: DimensionNumbers, sizes: &[usize], mode: Mode) -> Gather {
    let slice_sizes = sizes.to_vec();
    Gather { numbers, slice_sizes, mode, fill: None, indices_are_sorted: false, unique_indices: false }
}

fn scatter(kind: ScatterKind, numbers: DimensionNumbers, mode: Mode) -> Scatter {
    let (indices_are_sorted, unique_indices, update) = (false, false, Vec::new());
    Scatter { kind, numbers, mode, indices_are_sorted, unique_indices, update }
}

#[test]
fn nests_compute_what_eval_says() {
    check_lowering::<Gather>();
    check_lowering::<Scatter>();
    check_lowering::<DynamicSlice>();
    check_lowering::<DynamicUpdateSlice>();
}

#[test]
fn batches_pair_members_of_mapped_operands() {
    let rows = numbers(&[1], &[0], &[0]);
    let indices = vectors(&[2, 3, 1], &[0.0, 4.0, -1.0, 5.0, 2.0, 2.0]);
    for mode in Mode::ALL {
        let op = gather(rows.clone(), &[1, 3], mode);
        check_batch(
            Gather { fill: Some(Literal::from_f64(DType::F64, 9.0)), ..op },
            &[range(&[5, 2, 3]), indices.clone()],
            &[1, 0],
        );
        let op = scatter(ScatterKind::Sub, rows.clone(), mode);
        check_batch(op, &[range(&[5, 2, 3]), indices.clone(), range(&[3, 3, 2])], &[1, 0, 2]);
    }
    let starts = vectors(&[2], &[1.0, 7.0]);
    let fixed = vectors(&[2], &[0.0, -1.0]);
    let slice = DynamicSlice { sizes: vec![2, 1] };
    check_batch(slice, &[range(&[5, 2, 3]), starts.clone(), fixed.clone()], &[1, 0, 0]);
    let operands = [range(&[5, 2, 3]), range(&[2, 1, 2]), starts, fixed];
    check_batch(DynamicUpdateSlice, &operands, &[1, 2, 0, 0]);
}

#[test]
fn windows_outside_are_moved_or_filled() {
    let op = |mode| gather(numbers(&[1], &[], &[0]), &[3], mode);
    let operands = [range(&[10]), vectors(&[4, 1], &[-1.0, 8.0, 9.0, 3.0])];
    let moved = array(&[4, 3], &[0.0, 1.0, 2.0, 7.0, 8.0, 9.0, 7.0, 8.0, 9.0, 3.0, 4.0, 5.0]);
    assert_eq!(run(op(Mode::Clip), &operands)[0], moved);
    assert_eq!(run(op(Mode::PromiseInBounds), &operands), [moved]);
    let filled = array(&[4, 3], &[NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 3.0, 4.0, 5.0]);
    assert_eq!(run(op(Mode::FillOrDrop), &operands), [filled]);
}

#[test]
fn fill_values_depend_on_the_dtype() {
    let filled = |dtype: DType, fill: Option<Literal>| {
        let op = Gather { fill, ..gather(numbers(&[], &[0], &[0]), &[1], Mode::FillOrDrop) };
        run(op, &[Tensor::from_f64s(dtype, [2], &[0.0, 0.0]), vectors(&[1, 1], &[2.0])])[0].at(0)
    };
    assert_eq!(filled(DType::I8, None), Scalar::Int(-128));
    assert_eq!(filled(DType::I64, None), Scalar::Int(i128::from(i64::MIN)));
    assert_eq!(filled(DType::U64, None), Scalar::Int(i128::from(u64::MAX)));
    assert_eq!(filled(DType::Bool, None), Scalar::Bool(true));
    assert!(filled(DType::BF16, None).float().is_nan());
    assert!(matches!(filled(DType::C64, None), Scalar::Complex(re, im) if re.is_nan() && im == 0.0));
    assert_eq!(filled(DType::F16, Some(Literal::from_i64(DType::I64, 7))), Scalar::Float(7.0));
    assert_eq!(filled(DType::I32, Some(Literal::from_f64(DType::F64, -2.5))), Scalar::Int(-2));
}

#[test]
fn windows_outside_are_moved_or_dropped() {
    let op = |mode| scatter(ScatterKind::Set, numbers(&[1], &[], &[0]), mode);
    let updates: Vec<f64> = (0..12).map(|i| -f64::from(i)).collect();
    let operands = [range(&[10]), vectors(&[4, 1], &[-1.0, 8.0, 9.0, 3.0]), array(&[4, 3], &updates)];
    let moved = array(&[10], &[0.0, -1.0, -2.0, -9.0, -10.0, -11.0, 6.0, -6.0, -7.0, -8.0]);
    let negative_zero = |tensor: &Tensor| tensor.scalars().map(|x| x.float() + 0.0).collect::<Vec<f64>>();
    assert_eq!(negative_zero(&run(op(Mode::Clip), &operands)[0]), negative_zero(&moved));
    let dropped = array(&[10], &[0.0, 1.0, 2.0, -9.0, -10.0, -11.0, 6.0, 7.0, 8.0, 9.0]);
    assert_eq!(run(op(Mode::FillOrDrop), &operands)[0], dropped);
    assert_eq!(run(op(Mode::PromiseInBounds), &operands), [dropped]);
}

#[test]
fn of_updates_that_meet_the_last_stays() {
    let op = scatter(ScatterKind::Set, numbers(&[1], &[], &[0]), Mode::FillOrDrop);
    let indices = vectors(&[3, 1], &[0.0, 1.0, 0.0]);
    let updates: Vec<f64> = (1..10).map(f64::from).collect();
    let found = run(op, &[range(&[5]), indices, array(&[3, 3], &updates)]);
    assert_eq!(found, [array(&[5], &[7.0, 8.0, 9.0, 6.0, 4.0])]);
}

#[test]
fn an_extremum_is_shared_among_its_contenders() {
    let op = scatter(ScatterKind::Max, numbers(&[], &[0], &[0]), Mode::FillOrDrop);
    let operands = [
        array(&[3], &[1.0, 2.0, 3.0]),
        vectors(&[4, 1], &[0.0, 0.0, 1.0, 2.0]),
        array(&[4], &[5.0, 5.0, 2.0, 0.0]),
    ];
    let mut b = crate::ir::Builder::new();
    let primals: Vec<Atom> = operands.iter().map(|tensor| b.input(tensor.aval().clone()).into()).collect();
    let tangents = [
        Tangent::Value(b.input(operands[0].aval().clone()).into()),
        Tangent::Zero(tangent_aval(operands[1].aval())),
        Tangent::Value(b.input(operands[2].aval().clone()).into()),
    ];
    let duals = op
        .jvp(&mut JvpCx { builder: &mut b, bodies: crate::transform::BODIES }, &primals, &tangents)
        .expect("it has a derivative");
    let tangent = duals.tangents[0].value().expect("it is not zero");
    let directions = [array(&[3], &[10.0, 20.0, 30.0]), array(&[4], &[1.0, 2.0, 3.0, 4.0])];
    let found = crate::eval::program(&b.finish(vec![tangent]), &[operands.as_slice(), &directions].concat());
    assert_eq!(found.expect("it has a reference"), [array(&[3], &[1.5, 11.5, 30.0])]);
}

#[test]
fn text_of_every_age_is_read() {
    let record = |name: &str, fields: &[(&str, &[usize])]| {
        let fields = fields.iter().map(|(key, axes)| (Some(key.to_string()), Value::from(*axes)));
        Value::Record(name.to_string(), fields.collect())
    };
    let dims = record(
        "GatherDimensionNumbers",
        &[("offset_dims", &[1]), ("collapsed_slice_dims", &[0]), ("start_index_map", &[0])],
    );
    let read = |key: &str, value: Value| {
        let params =
            Params::new().with("dimension_numbers", dims.clone()).with("slice_sizes", [1usize, 3].as_slice());
        ops::parse("gather", &params.with(key, value), &[None]).expect("its own name")
    };
    let plain = gather(numbers(&[1], &[0], &[0]), &[1, 3], Mode::FillOrDrop);
    assert_eq!(read("mode", Value::None), Ok(plain.clone().into()));
    assert_eq!(read("mode", Value::Int(1)), Ok(Gather { mode: Mode::Clip, ..plain.clone() }.into()));
    assert_eq!(
        read("mode", Value::Str("promise_in_bounds".into())),
        Ok(Gather { mode: Mode::PromiseInBounds, ..plain.clone() }.into())
    );
    let complaint =
        "parameter mode: expected GatherScatterMode.CLIP, FILL_OR_DROP or PROMISE_IN_BOUNDS, found ONE_HOT";
    assert_eq!(read("mode", "ONE_HOT".into()).expect_err("no such mode").to_string(), complaint);
    let largest = Literal::new(DType::U64, Scalar::Int(i128::from(u64::MAX)));
    for fill in [
        largest,
        Literal::new(DType::C128, Scalar::Complex(-1.5, -2e-7)),
        Literal::new(DType::C128, Scalar::Complex(0.0, 3.0)),
    ] {
        let op = Gather { fill: Some(fill), ..plain.clone() };
        assert_eq!(read("fill_value", Value::Opaque(fill.to_string())), Ok(op.into()));
    }
}

#[test]
fn errors_say_expected_and_found() {
    let complaint = |op: Op, shapes: &[&[usize]]| {
        let dtype = |position: usize| if position == 1 { DType::I32 } else { DType::F32 };
        let avals: Vec<Aval> =
            shapes.iter().enumerate().map(|(at, &shape)| Aval::new(dtype(at), shape)).collect();
        op.infer(&avals).expect_err("the operands do not fit").to_string()
    };
    let rows = |numbers| Op::from(gather(numbers, &[1, 3], Mode::Clip));
    let shapes: [&[usize]; 2] = [&[5, 3], &[4, 1]];
    assert_eq!(
        complaint(rows(numbers(&[1], &[0], &[0, 1])), &shapes),
        "index vectors have 1 components, 2 of them have an axis"
    );
    assert_eq!(
        complaint(rows(numbers(&[2], &[0], &[0])), &shapes),
        "window axes: expected axes below 2, found 2"
    );
    assert_eq!(
        complaint(rows(numbers(&[1], &[0], &[2])), &shapes),
        "indexed axes: expected axes below 2, found 2"
    );
    assert_eq!(
        complaint(rows(numbers(&[1], &[], &[0])), &shapes),
        "operand f32[5,3] has 2 axes, but 1 window, 0 collapsed and 0 batching axes are given"
    );
    let batching =
        DimensionNumbers { operand_batch: vec![0], indices_batch: vec![0], ..numbers(&[1], &[], &[1]) };
    assert_eq!(
        complaint(rows(batching), &shapes),
        "batching extents differ: operand axis 0 has 5, indices axis 0 has 4"
    );
    let wide = Op::from(gather(numbers(&[1], &[0], &[0]), &[1, 4], Mode::Clip));
    assert_eq!(complaint(wide, &shapes), "slice_sizes: axis 1 of f32[5,3] has no slice of size 4");
    let set = Op::from(scatter(ScatterKind::Set, numbers(&[1], &[0], &[0]), Mode::Clip));
    assert_eq!(
        complaint(set.clone(), &[&[5, 3], &[4, 1], &[3, 3]]),
        "updates: expected shape [4,3] for indices i32[4,1], found [3,3]"
    );
    assert_eq!(
        complaint(set, &[&[5, 3], &[4, 1], &[4, 4]]),
        "updates: axis 1 of f32[5,3] has no window of extent 4"
    );
    let slice = Op::from(DynamicSlice { sizes: vec![4] });
    assert_eq!(
        complaint(slice.clone(), &[&[3], &[]]),
        "slice_sizes: expected one per axis of f32[3], no larger than it, found [4]"
    );
    assert_eq!(complaint(slice, &[&[3]]), "expected one start index per axis of f32[3], found 0");
}
