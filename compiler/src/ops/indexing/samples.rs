//! Samples of the whole family: a gather and a scatter pair the same windows, so that they share their cases.

use super::{DimensionNumbers, DynamicSlice, DynamicUpdateSlice, Gather, Mode, Scatter, ScatterKind};
use crate::ir::{Body, Builder};
use crate::ops::elementwise::UnaryKind;
use crate::ops::rules::Sample;
use crate::ops::shape::sample_tensor;
use crate::types::{Aval, DType, Literal, Tensor};

/// Which windows of an operand.
struct Case {
    operand: &'static [usize],
    indices: Tensor,
    numbers: DimensionNumbers,
    /// The extent of a window along each operand axis.
    window: &'static [usize],
    /// Does no element belong to two windows?
    is_unique: bool,
}

type Axes = &'static [usize];

fn case(
    (operand, window): (Axes, Axes),
    (shape, indices, dtype): (Axes, &[f64], DType),
    [window_axes, collapsed, index_map, operand_batch, indices_batch]: [Axes; 5],
    is_unique: bool,
) -> Case {
    let [window_axes, collapsed, index_map, operand_batch, indices_batch] =
        [window_axes, collapsed, index_map, operand_batch, indices_batch].map(<[usize]>::to_vec);
    let numbers = DimensionNumbers { window_axes, collapsed, index_map, operand_batch, indices_batch };
    Case { operand, indices: Tensor::from_f64s(dtype, shape, indices), numbers, window, is_unique }
}

/// All windows lie in the operand.
fn inside() -> Vec<Case> {
    use DType::*;
    let rows: [Axes; 5] = [&[1], &[0], &[0], &[], &[]];
    let elements: [Axes; 5] = [&[], &[0], &[0], &[], &[]];
    vec![
        case((&[5, 3], &[1, 3]), (&[4, 1], &[0.0, 2.0, 2.0, 4.0], I32), rows, false),
        case((&[5, 37], &[1, 37]), (&[2, 1], &[3.0, 1.0], U8), rows, true),
        case((&[7], &[1]), (&[3, 1], &[6.0, 0.0, 6.0], I64), elements, false),
        case((&[3, 5], &[3, 1]), (&[3, 1], &[4.0, 1.0, 4.0], I8), [&[0], &[1], &[1], &[], &[]], false),
        // Windows that overlap, their own axis first or last.
        case((&[7], &[3]), (&[3, 1], &[1.0, 0.0, 4.0], U64), [&[1], &[], &[0], &[], &[]], false),
        case((&[7], &[3]), (&[3, 1], &[1.0, 0.0, 4.0], I32), [&[0], &[], &[0], &[], &[]], false),
        case((&[3, 40], &[2, 33]), (&[2], &[1.0, 5.0], I32), [&[0, 1], &[], &[0, 1], &[], &[]], true),
        case(
            (&[3, 5], &[1, 1]),
            (&[2, 2], &[4.0, 2.0, 0.0, 1.0], U32),
            [&[], &[0, 1], &[1, 0], &[], &[]],
            true,
        ),
        case(
            (&[2, 3, 7], &[1, 1, 2]),
            (&[3, 2, 1], &[0.0, 5.0, 1.0, 2.0, 3.0, 3.0], I32),
            [&[2], &[], &[2], &[0, 1], &[1, 0]],
            true,
        ),
        case(
            (&[3, 2, 4], &[1, 2, 1]),
            (&[2, 2, 1], &[0.0, 2.0, 1.0, 1.0], I32),
            [&[1], &[0, 2], &[2], &[], &[]],
            false,
        ),
        case((&[5], &[1]), (&[1], &[3.0], I32), elements, true),
        case((&[], &[]), (&[2, 0], &[], I32), [&[], &[], &[], &[], &[]], false),
        case((&[2, 3], &[2, 3]), (&[2, 0], &[], I32), [&[1, 2], &[], &[], &[], &[]], false),
        case((&[5, 3], &[1, 3]), (&[0, 1], &[], I32), rows, true),
        case((&[3, 2], &[1, 0]), (&[2, 1], &[0.0, 2.0], I32), rows, true),
        case((&[0], &[1]), (&[0, 1], &[], I32), elements, true),
        case((&[0, 2], &[0, 1]), (&[0, 3, 1], &[], I32), [&[], &[1], &[1], &[0], &[0]], true),
    ]
}

/// Some windows do not, wholly or in part.
fn outside() -> Vec<Case> {
    use DType::*;
    let rows: [Axes; 5] = [&[1], &[0], &[0], &[], &[]];
    vec![
        case((&[5, 3], &[1, 3]), (&[4, 1], &[-1.0, 2.0, 5.0, 127.0], I8), rows, false),
        case((&[3, 37], &[1, 37]), (&[3, 1], &[2.0, 1e19, 3.0], U64), rows, true),
        case((&[7], &[3]), (&[5, 1], &[-1.0, 5.0, 4.0, -9e18, 1.0], I64), [&[1], &[], &[0], &[], &[]], false),
        case(
            (&[3, 5], &[1, 1]),
            (&[2, 2], &[5.0, 2.0, 0.0, 1.0], U32),
            [&[], &[0, 1], &[1, 0], &[], &[]],
            true,
        ),
    ]
}

const MODES: [Mode; 3] = [Mode::Clip, Mode::FillOrDrop, Mode::PromiseInBounds];

// Element types of every kind and size.
const DTYPES: [DType; 9] = [
    DType::F32,
    DType::F64,
    DType::BF16,
    DType::F16,
    DType::I8,
    DType::U64,
    DType::Bool,
    DType::C64,
    DType::KeyFry,
];

pub(super) fn gathers() -> Vec<Sample> {
    let gather = |case: &Case, mode: Mode, dtype: DType| {
        // NaN has no derivative.
        let has_fill = matches!(dtype, DType::F32 | DType::F64 | DType::C64) && mode == Mode::FillOrDrop;
        let op = Gather {
            numbers: case.numbers.clone(),
            slice_sizes: case.window.to_vec(),
            mode,
            fill: has_fill.then(|| Literal::from_f64(DType::F64, 2.5)),
            indices_are_sorted: false,
            unique_indices: case.is_unique,
        };
        Sample::new(op, vec![sample_tensor(dtype, case.operand), case.indices.clone()])
    };
    let mut samples = Vec::new();
    for (at, case) in inside().iter().enumerate() {
        samples.push(gather(case, Mode::PromiseInBounds, DType::F32));
        samples.push(gather(case, MODES[at % 2], DTYPES[at % DTYPES.len()]));
    }
    for (case, mode) in outside().iter().flat_map(|case| MODES.map(|mode| (case, mode))) {
        for dtype in DTYPES {
            // Where a promise was broken, JAX's derivatives are not those of what it computes.
            let has_derivative = matches!(dtype, DType::F32 | DType::F64 | DType::C64);
            if mode != Mode::PromiseInBounds || !has_derivative {
                samples.push(gather(case, mode, dtype));
            }
        }
    }
    samples
}

pub(super) fn scatters() -> Vec<Sample> {
    let mut samples = Vec::new();
    for kind in ScatterKind::ALL {
        for (at, case) in inside().iter().enumerate() {
            samples.push(scatter(kind, case, Mode::PromiseInBounds, DType::F32));
            samples.extend(if_accepted(kind, case, MODES[at % 2], DTYPES[at % DTYPES.len()]));
        }
        for (at, case) in outside().iter().enumerate() {
            samples.push(scatter(kind, case, Mode::FillOrDrop, DType::F64));
            samples.push(scatter(kind, case, Mode::Clip, DType::F32));
            samples.extend(if_accepted(kind, case, MODES[at % 3], DTYPES[2 + at]));
            samples.extend(if_accepted(kind, case, MODES[(at + 1) % 3], DTYPES[4 + at]));
        }
    }
    // By a function: sin(old) + update.
    for case in [&inside()[0], &inside()[5], &outside()[0]] {
        let mut sample = scatter(ScatterKind::Set, case, Mode::FillOrDrop, DType::F32);
        if let crate::ops::Op::Scatter(op) = &mut sample.op {
            op.update = vec![sine_plus_update()];
        }
        samples.push(sample);
    }
    samples
}

fn sine_plus_update() -> Body {
    let mut b = Builder::new();
    let [old, update] = [(); 2].map(|()| b.input(Aval::scalar(DType::F32)).into());
    let sine = b.unary(UnaryKind::Sin, old);
    let sum = b.add(sine, update);
    Body::new(b.finish(vec![sum]))
}

fn if_accepted(kind: ScatterKind, case: &Case, mode: Mode, dtype: DType) -> Option<Sample> {
    kind.accepts().contains(&dtype.kind()).then(|| scatter(kind, case, mode, dtype))
}

fn scatter(kind: ScatterKind, case: &Case, mode: Mode, dtype: DType) -> Sample {
    let op = Scatter {
        kind,
        numbers: case.numbers.clone(),
        mode,
        indices_are_sorted: false,
        unique_indices: case.is_unique && mode != Mode::Clip,
        update: Vec::new(),
    };
    let shape = case.numbers.windows_shape(case.window, case.indices.shape());
    let operand = contender(dtype, case.operand, 0);
    Sample::new(op, vec![operand, case.indices.clone(), contender(dtype, shape.extents(), 1)])
}

/// Numbers none of which occurs twice, here or under the other parity: extrema have one place.
fn contender(dtype: DType, shape: &[usize], parity: usize) -> Tensor {
    let count = shape.iter().product::<usize>();
    let prime = 211;
    let value = |i: usize| ((i * 2 + parity) * 89 % prime) as f64;
    let scaled = |i: usize| match dtype {
        DType::Bool => (value(i) as u32 % 2).into(),
        DType::I8 => value(i) - 105.0,
        _ if dtype.is_integer() => value(i),
        _ => value(i) / 64.0,
    };
    Tensor::from_f64s(dtype, shape, &(0..count).map(scaled).collect::<Vec<f64>>())
}

/// Operand, extents of the window, start indices.
const SLICES: [(Axes, Axes, &[f64]); 8] = [
    (&[7], &[3], &[2.0]),
    (&[7], &[3], &[5.0]),
    (&[7], &[3], &[-2.0]),
    (&[5, 40], &[2, 37], &[1.0, 2.0]),
    (&[3, 5], &[1, 5], &[2.0, 3.0]),
    (&[], &[], &[]),
    (&[3, 2], &[0, 2], &[1.0, 0.0]),
    (&[0, 3], &[0, 2], &[0.0, 1.0]),
];

fn starts(dtype: DType, starts: &[f64]) -> Vec<Tensor> {
    starts.iter().map(|&start| Tensor::from_f64s(dtype, [], &[start])).collect()
}

const INDEX_DTYPES: [DType; 4] = [DType::I32, DType::I64, DType::I8, DType::I16];

pub(super) fn dynamic_slices() -> Vec<Sample> {
    let mut samples = Vec::new();
    for (at, (operand, sizes, start)) in SLICES.into_iter().enumerate() {
        for dtype in [DType::F32, DTYPES[at % DTYPES.len()]] {
            let operands =
                [vec![sample_tensor(dtype, operand)], starts(INDEX_DTYPES[at % 4], start)].concat();
            samples.push(Sample::new(DynamicSlice { sizes: sizes.to_vec() }, operands));
        }
    }
    let far = [vec![sample_tensor(DType::F32, &[7])], starts(DType::U64, &[1.2e19])].concat();
    samples.push(Sample::new(DynamicSlice { sizes: vec![2] }, far));
    samples
}

pub(super) fn dynamic_update_slices() -> Vec<Sample> {
    let mut samples = Vec::new();
    for (at, (operand, sizes, start)) in SLICES.into_iter().enumerate() {
        for dtype in [DType::F32, DTYPES[at % DTYPES.len()]] {
            let arrays = vec![contender(dtype, operand, 0), contender(dtype, sizes, 1)];
            let operands = [arrays, starts(INDEX_DTYPES[at % 4], start)].concat();
            samples.push(Sample::new(DynamicUpdateSlice, operands));
        }
    }
    samples
}
