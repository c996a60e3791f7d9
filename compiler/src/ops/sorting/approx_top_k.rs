//! `approx_top_k`: nearly the greatest or least elements. Here, as in JAX on CPUs, exactly those.

use super::take_along;
use super::top_k::{eval_first, first_positions, jvp_of_positions};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params, Value};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Tensor};

/// The greatest or least elements along an axis, the extreme one first, and their positions; of equal ones the first
/// come first. NaN is the greatest.
///
/// Shapes: [.., n, ..] -> [.., m, ..], i32 [.., m, ..], where m is `k`, or more if the results are not aggregated.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ApproxTopK {
    pub k: usize,
    /// Counted from the end if negative.
    pub axis: i64,
    /// Are these the greatest? Else the least.
    pub is_max: bool,
    /// Exactly `k` results? Else as many as an approximation would have to keep.
    pub aggregates: bool,
    /// The share of the true results that an approximation must find: the bits of an f64.
    pub recall_bits: u64,
    /// What counts as the extent in the choice of the number of results; the extent itself if negative.
    pub size_override: i64,
}

/// The extents at which an approximation keeps one element per lane of a vector unit.
const LANES_OF_VECTOR: usize = 1024;
const LANES_OF_MATRIX: usize = 128;

impl ApproxTopK {
    /// Errors: TypeError if there is no such axis.
    fn axis_of(&self, operand: &Aval) -> Result<usize, TypeError> {
        let rank = operand.rank() as i64;
        let axis = if self.axis < 0 { self.axis + rank } else { self.axis };
        usize::try_from(axis).ok().filter(|&axis| (axis as i64) < rank).ok_or_else(|| {
            TypeError(format!("reduction_dimension: expected an axis of {operand}, found {}", self.axis))
        })
    }

    /// The extent of the results. Source: XLA, ApproxTopKReductionOutputSize.
    fn result_extent(&self, extent: usize, rank: usize) -> usize {
        let lanes = if rank == 1 { LANES_OF_VECTOR } else { LANES_OF_MATRIX };
        if self.aggregates {
            return self.k;
        }
        if extent <= lanes {
            return extent;
        }
        let log_ceil = |x: usize| x.next_power_of_two().ilog2();
        let log = if self.k == 1 {
            log_ceil(extent.div_ceil(lanes))
        } else {
            let size = usize::try_from(self.size_override).unwrap_or(extent);
            let recall = f64::from(f64::from_bits(self.recall_bits) as f32);
            // How many bins leave the elements apart with that probability; a float beyond the range saturates.
            let bins = (((1.0 - self.k as f64) / recall.ln()) as usize).max(lanes);
            match (size / bins).checked_ilog2() {
                None | Some(0) => return extent,
                Some(log) => log.min(log_ceil(extent / lanes)),
            }
        };
        extent.div_ceil(lanes).div_ceil(1 << log) * lanes
    }
}

impl Primitive for ApproxTopK {
    fn name(&self) -> &str {
        "approx_top_k"
    }

    fn params(&self) -> Params {
        Params::new()
            .with("aggregate_to_topk", self.aggregates)
            .with("is_max_k", self.is_max)
            .with("k", self.k)
            .with("recall_target", Value::Float(self.recall_bits))
            .with("reduction_dimension", self.axis)
            .with("reduction_input_size_override", self.size_override)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let operand = &operands[0];
        expect_kind(operand, &[Kind::Float])?;
        let axis = self.axis_of(operand)?;
        let mut extents = operand.shape.extents().to_vec();
        let count = self.result_extent(extents[axis], operand.rank());
        if self.k == 0 || self.k > extents[axis] {
            let (k, extent) = (self.k, extents[axis]);
            return Err(TypeError(format!("k: expected 1 to the extent {extent}, found {k}")));
        }
        if count > extents[axis] {
            let extent = extents[axis];
            return Err(TypeError(format!("{count} results were asked of {extent} elements")));
        }
        extents[axis] = count;
        let values = operand.with_shape(extents);
        Ok(vec![values.clone(), values.with_dtype(DType::I32)])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (axis, count) = self.bounds(operands[0].aval());
        Ok(eval_first(&operands[0], axis, count, self.is_max))
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let (axis, _) = self.bounds(&cx.builder.aval(primals[0]));
        let results = cx.builder.emit(self.clone(), primals);
        jvp_of_positions(cx, results, &tangents[0], axis)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    /// Without aggregation the number of results depends on the rank, so that the batch may keep more than singles.
    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let batch = dims[0].axis().expect("at least one dim is mapped");
        let aval = cx.builder.aval(operands[0]);
        let (axis, _) = self.bounds(&aval.with_shape(aval.shape.without(&[batch])));
        let axis = (axis + usize::from(axis >= batch)) as i64;
        batch_one_operand(cx, operands, dims, |batch| (ApproxTopK { axis, ..self.clone() }.into(), batch))
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let (axis, count) = self.bounds(&operands[0]);
        let mut b = Builder::new();
        let operand = b.input(operands[0].clone()).into();
        let positions = first_positions(&mut b, operand, axis, count, self.is_max)?;
        let values = take_along(&mut b, operand, positions, axis);
        Ok(Lowering::Expand(b.finish(vec![values, positions])))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl ApproxTopK {
    /// The axis and the extent of the results along it. Panics on an operand that `infer` refuses.
    fn bounds(&self, operand: &Aval) -> (usize, usize) {
        let axis = self.axis_of(operand).expect("operands have the inferred types");
        (axis, self.result_extent(operand.shape[axis], operand.rank()))
    }
}

impl Family for ApproxTopK {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "approx_top_k").then(|| {
            let recall_bits = match params.require("recall_target")? {
                Value::Float(bits) => *bits,
                Value::Int(x) => (*x as f64).to_bits(),
                other => {
                    let message = format!("parameter recall_target: expected a number, found {other}");
                    return Err(TypeError(message));
                }
            };
            Ok(ApproxTopK {
                k: params.size("k")?,
                axis: params.int("reduction_dimension")?,
                is_max: params.bool("is_max_k")?,
                aggregates: params.bool("aggregate_to_topk")?,
                recall_bits,
                size_override: params.int("reduction_input_size_override")?,
            })
        })
    }

    fn samples() -> Vec<Sample> {
        let op = |k, axis, is_max, aggregates| ApproxTopK {
            k,
            axis,
            is_max,
            aggregates,
            recall_bits: 0.95f64.to_bits(),
            size_override: -1,
        };
        let x = |dtype: DType, shape: &[usize]| {
            let values: Vec<f64> =
                (0..shape.iter().product::<usize>()).map(|i| ((i * 37) % 101) as f64 - 50.0).collect();
            Tensor::from_f64s(dtype, shape, &values)
        };
        let mut samples = Vec::new();
        for (dtype, is_max) in [DType::F32, DType::F64, DType::BF16]
            .into_iter()
            .flat_map(|dtype| [(dtype, true), (dtype, false)])
        {
            let mut push = |op: ApproxTopK, shape: &[usize]| {
                samples.push(Sample::new(op, vec![x(dtype, shape)]).within(0.0))
            };
            push(op(3, -1, is_max, true), &[7]);
            push(op(2, 0, is_max, true), &[5, 3]);
            push(op(1, -2, is_max, true), &[2, 1, 3]);
            push(op(2, -1, is_max, false), &[2, 5]);
            push(op(2, -1, is_max, true), &[0, 2]);
        }
        samples
    }
}
