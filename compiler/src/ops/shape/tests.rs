use super::*;
use crate::eval;
use crate::ir::Params;
use crate::loops::interpret::{self, Strictness};
use crate::loops::{Buffer, Function, Place, Stmt};

/// Runs the nests of every sample of a family and compares with `eval`, element by element.
pub(in crate::ops) fn check_lowering<F: Family>() {
    let mut count = 0;
    for sample in F::samples() {
        let avals: Vec<Aval> = sample.operands.iter().map(|tensor| tensor.aval().clone()).collect();
        let results = sample.op.infer(&avals).expect("samples are well typed");
        let nests = match sample.op.lower(&avals, &results) {
            Ok(Lowering::Nests(nests)) => nests,
            Ok(Lowering::Reinterpret(Some(nest))) => vec![nest],
            Ok(
                Lowering::Reinterpret(None)
                | Lowering::Constant(_)
                | Lowering::Expand(_)
                | Lowering::Runtime { .. }
                | Lowering::Control(_),
            ) => {
                continue;
            }
            Err(why) => panic!("{:?} on {avals:?}: {why:?}", sample.op),
        };
        let inputs = avals.iter().enumerate().map(|(at, aval)| buffer(aval, Place::Input(at)));
        let outputs = results.iter().enumerate().map(|(at, aval)| buffer(aval, Place::Output(at)));
        let function = Function {
            name: "f".into(),
            buffers: inputs.chain(outputs).collect(),
            body: nests.into_iter().map(Stmt::Nest).collect(),
            arena_bytes: 0,
        };
        let found = interpret::function(&function, &sample.operands, Strictness::Source);
        let Some(expected) = reference(&sample.op, &sample.operands) else { continue };
        assert_eq!(found.as_ref(), Ok(&expected), "{:?} on {:?}", sample.op, sample.operands);
        count += 1;
    }
    assert!(count > 3, "only {count} samples have nests");
}

fn buffer(aval: &Aval, place: Place) -> Buffer {
    Buffer { dtype: aval.dtype, shape: aval.shape.clone(), place }
}

/// Evaluates one operation.
pub(in crate::ops) fn run(op: impl Into<Op>, operands: &[Tensor]) -> Vec<Tensor> {
    reference(&op.into(), operands).expect("the operation has a reference")
}

/// The value of one operation; `None` if it has no reference yet.
fn reference(op: &Op, operands: &[Tensor]) -> Option<Vec<Tensor>> {
    let mut b = Builder::new();
    let inputs: Vec<Atom> = operands.iter().map(|tensor| b.input(tensor.aval().clone()).into()).collect();
    let outputs = b.emit(op.clone(), &inputs);
    eval::program(&b.finish(outputs), operands).ok()
}

/// Checks an operation with all operands mapped, along these axes, against each member of the batch on its own.
pub(in crate::ops) fn check_batch(op: impl Into<Op>, operands: &[Tensor], axes: &[usize]) {
    let op = op.into();
    let extent = operands[0].shape()[axes[0]];
    let mut b = Builder::new();
    let inputs: Vec<Atom> = operands.iter().map(|tensor| b.input(tensor.aval().clone()).into()).collect();
    let dims: Vec<BatchDim> = axes.iter().map(|&axis| BatchDim::Axis(axis)).collect();
    let batched = op
        .batch(&mut BatchCx { builder: &mut b, extent, bodies: crate::transform::BODIES }, &inputs, &dims)
        .expect("it has a batching rule");
    let found = eval::program(&b.finish(batched.values), operands).expect("it has a reference");
    for member in 0..extent {
        let own: Vec<Tensor> =
            operands.iter().zip(axes).map(|(tensor, &axis)| part(tensor, axis, member)).collect();
        let expected = run(op.clone(), &own);
        let result_axes = batched.dims.iter().map(|dim| dim.axis().expect("all operands are mapped"));
        let found: Vec<Tensor> =
            found.iter().zip(result_axes).map(|(tensor, axis)| part(tensor, axis, member)).collect();
        assert_eq!(found, expected, "member {member} of {op:?}");
    }
}

fn part(tensor: &Tensor, axis: usize, position: usize) -> Tensor {
    run(Unstack { axis }, std::slice::from_ref(tensor)).swap_remove(position)
}

/// The complaint of `infer` about operands of these f32 shapes.
pub(in crate::ops) fn complaint(op: impl Into<Op>, shapes: &[&[usize]]) -> String {
    let avals: Vec<Aval> = shapes.iter().map(|&shape| Aval::new(DType::F32, shape)).collect();
    op.into().infer(&avals).expect_err("the operands do not fit").to_string()
}

fn array(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor::from_f64s(DType::F32, shape, values)
}

/// 0, 1, 2, .. in row-major order.
fn range(shape: &[usize]) -> Tensor {
    sample_tensor(DType::F32, shape)
}

#[test]
fn nests_compute_what_eval_says() {
    check_lowering::<BroadcastInDim>();
    check_lowering::<Reshape>();
    check_lowering::<Squeeze>();
    check_lowering::<ExpandDims>();
    check_lowering::<PermuteAxes>();
    check_lowering::<Rev>();
    check_lowering::<Slice>();
    check_lowering::<Pad>();
    check_lowering::<Concatenate>();
    check_lowering::<Split>();
    check_lowering::<Stack>();
    check_lowering::<Unstack>();
    check_lowering::<Tile>();
    check_lowering::<Iota>();
}

#[test]
fn batches_pair_members_of_mapped_operands() {
    check_batch(Concatenate { axis: 1 }, &[range(&[2, 3, 1]), range(&[3, 2, 2])], &[1, 0]);
    check_batch(Stack { axis: 1 }, &[range(&[2, 3]), range(&[3, 2])], &[1, 0]);
    check_batch(Pad { config: vec![(1, -1, 0), (0, 2, 1)] }, &[range(&[2, 3, 2]), range(&[3])], &[1, 0]);
}

#[test]
fn zero_tangents_stay_symbolic() {
    let mut b = Builder::new();
    let aval = Aval::new(DType::F32, [3]);
    let inputs: [Atom; 2] = [b.input(aval.clone()).into(), b.input(aval.clone()).into()];
    let zero = Tangent::Zero(aval);
    let mut jvp = |tangents: &[Tangent]| {
        let op = Op::from(Concatenate { axis: 0 });
        op.jvp(&mut JvpCx { builder: &mut b, bodies: crate::transform::BODIES }, &inputs, tangents)
            .expect("it is linear")
            .tangents
            .remove(0)
    };
    assert_eq!(jvp(&[zero.clone(), zero.clone()]), Tangent::Zero(Aval::new(DType::F32, [6])));
    let tangent = jvp(&[Tangent::Value(inputs[0]), zero]).value().expect("one operand has a tangent");
    let inputs = [array(&[3], &[1.0, 2.0, 3.0]), range(&[3])];
    let found = eval::program(&b.finish(vec![tangent]), &inputs).expect("it has a reference");
    assert_eq!(found, [array(&[6], &[1.0, 2.0, 3.0, 0.0, 0.0, 0.0])]);
}

// Expected values: JAX 0.10.2 on CPU.

#[test]
fn pad_cuts_spreads_and_surrounds() {
    let pad = |config: &[(i64, i64, i64)]| Pad { config: config.to_vec() };
    let value = array(&[], &[9.0]);
    let padded = run(pad(&[(1, -1, 0), (0, 0, 2)]), &[range(&[2, 2]), value.clone()]);
    assert_eq!(padded, [array(&[2, 4], &[9.0, 9.0, 9.0, 9.0, 0.0, 9.0, 9.0, 1.0])]);
    let cut = run(pad(&[(-2, 3, 1)]), &[range(&[3]), value.clone()]);
    assert_eq!(cut, [array(&[6], &[1.0, 9.0, 2.0, 9.0, 9.0, 9.0])]);
    assert_eq!(run(pad(&[(2, 1, 3)]), &[range(&[0]), value]), [array(&[3], &[9.0, 9.0, 9.0])]);
}

#[test]
fn views_read_the_right_elements() {
    let x = range(&[2, 3]);
    let slice = Slice { starts: vec![0, 0], limits: vec![2, 3], strides: vec![1, 2] };
    assert_eq!(run(slice, std::slice::from_ref(&x)), [array(&[2, 2], &[0.0, 2.0, 3.0, 5.0])]);
    let rev = run(Rev { axes: vec![1] }, std::slice::from_ref(&x));
    assert_eq!(rev, [array(&[2, 3], &[2.0, 1.0, 0.0, 5.0, 4.0, 3.0])]);
    let permuted = run(PermuteAxes { permutation: vec![1, 0] }, std::slice::from_ref(&x));
    assert_eq!(permuted, [array(&[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0])]);
    let reshaped =
        run(PermutedReshape { permutation: vec![1, 0], shape: [6].into() }, std::slice::from_ref(&x));
    assert_eq!(reshaped, [array(&[6], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0])]);
    let tiled = run(Tile { reps: vec![2, 1] }, std::slice::from_ref(&x));
    assert_eq!(tiled, [array(&[4, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0])]);
    let parts = run(Unstack { axis: 1 }, std::slice::from_ref(&x));
    assert_eq!(parts, [array(&[2], &[0.0, 3.0]), array(&[2], &[1.0, 4.0]), array(&[2], &[2.0, 5.0])]);
    let pieces = run(Split { axis: 1, sizes: vec![1, 2] }, std::slice::from_ref(&x));
    assert_eq!(pieces, [array(&[2, 1], &[0.0, 3.0]), array(&[2, 2], &[1.0, 2.0, 4.0, 5.0])]);
    let stacked = run(Stack { axis: 1 }, &[range(&[2]), range(&[2])]);
    assert_eq!(stacked, [array(&[2, 2], &[0.0, 0.0, 1.0, 1.0])]);
    let joined = run(Concatenate { axis: 0 }, &[range(&[2]), range(&[0]), range(&[3])]);
    assert_eq!(joined, [array(&[5], &[0.0, 1.0, 0.0, 1.0, 2.0])]);
    // Unlike NumPy's broadcasting, the dims may reorder the axes.
    let stretched = run(BroadcastInDim { shape: [3, 2, 2].into(), dims: vec![2, 0] }, &[range(&[1, 3])]);
    let expected: Vec<f64> = (0..12).map(|i| f64::from(i / 4)).collect();
    assert_eq!(stretched, [array(&[3, 2, 2], &expected)]);
}

#[test]
fn iota_wraps_in_narrow_types() {
    let positions = &run(Iota { dtype: DType::I8, shape: [131].into(), axis: 0 }, &[])[0];
    assert_eq!([positions.at(127), positions.at(128)].map(|x| x.int()), [127, -128]);
}

#[test]
fn errors_say_expected_and_found() {
    let broadcast = BroadcastInDim { shape: [2, 4].into(), dims: vec![1] };
    assert_eq!(
        complaint(broadcast, &[&[3]]),
        "axis 0 of f32[3] becomes axis 1 of [2,4]: expected extent 1 or 4, found 3"
    );
    assert_eq!(
        complaint(Reshape { shape: [5].into() }, &[&[2, 3]]),
        "[5] has 5 elements, but f32[2,3] has 6"
    );
    assert_eq!(complaint(Squeeze { axes: vec![0] }, &[&[2]]), "axis 0 of f32[2]: expected extent 1, found 2");
    assert_eq!(complaint(ExpandDims { axes: vec![2] }, &[&[]]), "dimensions: expected axes below 1, found 2");
    assert_eq!(
        complaint(PermuteAxes { permutation: vec![0, 0] }, &[&[2, 3]]),
        "permutation: expected distinct axes, found 0 twice"
    );
    assert_eq!(
        complaint(Tile { reps: vec![2] }, &[&[]]),
        "reps: expected one entry per axis of f32[], found 1"
    );
    let slice = Slice { starts: vec![1], limits: vec![4], strides: vec![1] };
    assert_eq!(
        complaint(slice, &[&[3]]),
        "axis 0: expected 0 <= start <= limit <= 3, found start 1 and limit 4"
    );
    let pad = Pad { config: vec![(-2, -2, 0)] };
    assert_eq!(complaint(pad.clone(), &[&[3], &[]]), "axis 0 of f32[3] padded by (-2, -2, 0) has extent -1");
    assert_eq!(complaint(pad, &[&[3], &[1]]), "padding value: expected rank 0, found f32[1]");
    assert_eq!(
        complaint(Concatenate { axis: 0 }, &[&[2, 3], &[2, 4]]),
        "operand shapes [2,3] and [2,4] differ outside of axis 0"
    );
    assert_eq!(complaint(Stack { axis: 0 }, &[&[2], &[3]]), "operand shapes [2] and [3] differ");
    assert_eq!(
        complaint(Split { axis: 0, sizes: vec![1, 1] }, &[&[3]]),
        "sizes: expected a sum of 3 (axis 0 of f32[3]), found 2"
    );
}

#[test]
fn huge_extents_are_refused_without_overflow() {
    let pad = Pad { config: vec![(i64::MAX, i64::MAX, i64::MAX)] };
    assert!(complaint(pad, &[&[3], &[]]).contains("too large"));
    let tile = Tile { reps: vec![usize::MAX] };
    assert!(complaint(tile, &[&[3]]).contains("too large"));
    let split = Split { axis: 0, sizes: vec![usize::MAX, usize::MAX] };
    assert!(complaint(split, &[&[3]]).contains("expected a sum of 3"));
}

#[test]
fn shape_comes_from_the_binder_or_the_text() {
    let result = Aval::new(DType::F32, [2, 3]);
    let read = |params: Params, results: &[Option<Aval>]| {
        BroadcastInDim::parse("broadcast_in_dim", &params, results).expect("its own name")
    };
    let expected = BroadcastInDim { shape: [2, 3].into(), dims: vec![] };
    assert_eq!(read(Params::new(), &[Some(result)]), Ok(expected.clone()));
    assert_eq!(read(Params::new().with("shape", [2usize, 3].as_slice()), &[None]), Ok(expected));
    assert!(read(Params::new(), &[None]).is_err());
}
