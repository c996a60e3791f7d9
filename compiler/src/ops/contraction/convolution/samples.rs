//! Samples for the laws.

use super::super::operand;
use super::{Convolution, ConvolutionLayout, Steps};
use crate::ops::rules::Sample;
use crate::types::DType;

type Case = (Convolution, &'static [usize], &'static [usize]);

pub(super) fn all() -> Vec<Sample> {
    let dtypes =
        [DType::F32, DType::F64, DType::BF16, DType::F16, DType::I32, DType::U8, DType::Bool, DType::C64];
    let sample = |(op, lhs, rhs): Case| {
        dtypes.map(|dtype| Sample::new(op.clone(), vec![operand(dtype, lhs, 0), operand(dtype, rhs, 3)]))
    };
    let mut samples: Vec<Sample> = cases().into_iter().flat_map(sample).collect();
    for (dtype, preferred) in [(DType::I8, DType::I32), (DType::BF16, DType::F32), (DType::U8, DType::F32)] {
        let op = Convolution { preferred: Some(preferred), ..line(Steps::UNIT) };
        samples.push(Sample::new(op, vec![operand(dtype, &[1, 2, 5], 0), operand(dtype, &[3, 2, 2], 2)]));
    }
    samples
}

/// One spatial axis in the layout NCW OIW NCW.
pub(super) fn line(steps: Steps) -> Convolution {
    Convolution::plain(&[steps])
}

fn cases() -> Vec<Case> {
    let padded = |low, high| Steps { padding: (low, high), ..Steps::UNIT };
    let every_step = Steps { stride: 2, padding: (2, 1), lhs_dilation: 2, rhs_dilation: 2 };
    let last_features =
        ConvolutionLayout { lhs: vec![0, 3, 1, 2], rhs: vec![3, 2, 0, 1], result: vec![0, 3, 1, 2] };
    let odd = ConvolutionLayout { lhs: vec![2, 0, 1], rhs: vec![1, 2, 0], result: vec![1, 2, 0] };
    let grouped =
        |feature_groups, batch_groups, steps| Convolution { feature_groups, batch_groups, ..line(steps) };
    vec![
        (Convolution::plain(&[]), &[2, 3], &[5, 3]),
        (line(Steps::UNIT), &[2, 3, 5], &[2, 3, 2]),
        (line(padded(1, 2)), &[1, 2, 3], &[2, 2, 3]),
        (line(padded(-1, 1)), &[1, 2, 5], &[1, 2, 2]),
        (line(padded(-2, -1)), &[1, 1, 7], &[1, 1, 2]),
        (line(Steps { stride: 3, ..padded(1, 0) }), &[1, 2, 7], &[2, 2, 2]),
        (line(Steps { lhs_dilation: 3, ..padded(1, -1) }), &[1, 2, 3], &[2, 2, 2]),
        (line(Steps { rhs_dilation: 2, ..Steps::UNIT }), &[1, 2, 7], &[2, 2, 3]),
        (line(every_step), &[2, 2, 5], &[2, 2, 3]),
        (line(Steps::UNIT), &[1, 2, 2], &[2, 2, 3]),
        (line(padded(1, 1)), &[1, 2, 0], &[2, 2, 1]),
        (line(Steps::UNIT), &[0, 2, 3], &[2, 2, 1]),
        (line(Steps::UNIT), &[2, 0, 3], &[2, 0, 1]),
        (line(Steps::UNIT), &[2, 1, 3], &[0, 1, 1]),
        (
            Convolution { layout: last_features, ..Convolution::plain(&[padded(1, 1), every_step]) },
            &[2, 5, 3, 2],
            &[3, 2, 2, 3],
        ),
        (Convolution { layout: odd, ..line(padded(0, 1)) }, &[3, 5, 2], &[2, 7, 3]),
        (grouped(2, 1, padded(1, 0)), &[2, 6, 5], &[4, 3, 2]),
        (grouped(3, 1, every_step), &[2, 3, 5], &[3, 1, 2]),
        (grouped(1, 2, padded(1, 0)), &[4, 3, 5], &[6, 3, 2]),
        (grouped(1, 3, every_step), &[3, 2, 5], &[3, 2, 2]),
    ]
}
