//! `top_k`: the greatest elements along an axis.

use super::{FloatOrder, eval_positions, eval_take, order_keys, permutation, reversed, take_along};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params};
use crate::ops::rules::*;
use crate::ops::shape::Slice;
use crate::types::{Aval, DType, Kind, Scalar, Tensor};
use std::cmp::Ordering;

/// The `k` greatest elements along an axis, in descending order, and their positions; of equal ones the first come
/// first. Floats are ordered by their bits: NaN is above all, 0 above -0, and -NaN below all.
///
/// Shapes: [.., n, ..] -> [.., k, ..], i32 [.., k, ..].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TopK {
    pub axis: usize,
    pub k: usize,
}

/// The first `k` positions along an axis in the order of the elements, descending or ascending.
pub(super) fn first_positions(
    b: &mut Builder,
    x: Atom,
    axis: usize,
    k: usize,
    descending: bool,
) -> Rule<Atom> {
    let mut keys = order_keys(b, x, FloatOrder::Bits)?;
    if descending {
        keys = keys.into_iter().map(|key| reversed(b, key)).collect();
    }
    let positions = permutation(b, keys, axis);
    let shape = b.aval(positions).shape;
    if shape[axis] == k {
        return Ok(positions);
    }
    Ok(b.emit_one(Slice::along(&shape, axis, 0, k), &[positions]))
}

/// The same on arrays.
pub(super) fn eval_first(operand: &Tensor, axis: usize, k: usize, descending: bool) -> Vec<Tensor> {
    let mut extents = operand.shape().extents().to_vec();
    extents[axis] = k;
    let result = Aval::new(DType::I32, extents);
    let positions = eval_positions(result, std::slice::from_ref(operand), axis, |row| {
        let mut positions: Vec<usize> = (0..row[0].len()).collect();
        positions.sort_by(|&i, &j| {
            let order = compare(row[0][i], row[0][j]);
            if descending { order.reverse() } else { order }
        });
        positions
    });
    vec![eval_take(operand, &positions, axis), positions]
}

/// The tangent of the elements at the positions that an operation has found.
pub(super) fn jvp_of_positions(
    cx: &mut JvpCx,
    results: Vec<Atom>,
    tangent: &Tangent,
    axis: usize,
) -> Rule<Duals> {
    let zero = |cx: &JvpCx, at: usize| Tangent::Zero(tangent_aval(&cx.builder.aval(results[at])));
    let first = match tangent {
        Tangent::Value(tangent) => Tangent::Value(take_along(cx.builder, *tangent, results[1], axis)),
        Tangent::Zero(_) => zero(cx, 0),
    };
    let tangents = vec![first, zero(cx, 1)];
    Ok(Duals { primals: results, tangents })
}

fn compare(x: Scalar, y: Scalar) -> Ordering {
    match (x, y) {
        (Scalar::Bool(x), Scalar::Bool(y)) => x.cmp(&y),
        (Scalar::Int(x), Scalar::Int(y)) => x.cmp(&y),
        (x, y) => x.float().total_cmp(&y.float()),
    }
}

impl Primitive for TopK {
    fn name(&self) -> &str {
        "top_k"
    }

    fn params(&self) -> Params {
        Params::new().with("axis", self.axis).with("k", self.k)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let operand = &operands[0];
        expect_kind(operand, &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float])?;
        if self.axis >= operand.rank() {
            return Err(TypeError(format!("axis: expected one of {operand}, found {}", self.axis)));
        }
        let mut extents = operand.shape.extents().to_vec();
        if self.k > extents[self.axis] {
            let (k, extent) = (self.k, extents[self.axis]);
            return Err(TypeError(format!("k: expected at most the extent {extent}, found {k}")));
        }
        extents[self.axis] = self.k;
        let values = operand.with_shape(extents);
        Ok(vec![values.clone(), values.with_dtype(DType::I32)])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        Ok(eval_first(&operands[0], self.axis, self.k, true))
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let results = cx.builder.emit(*self, primals);
        jvp_of_positions(cx, results, &tangents[0], self.axis)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |batch| {
            (TopK { axis: self.axis + usize::from(self.axis >= batch), k: self.k }.into(), batch)
        })
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let mut b = Builder::new();
        let operand = b.input(operands[0].clone()).into();
        let positions = first_positions(&mut b, operand, self.axis, self.k, true)?;
        let values = take_along(&mut b, operand, positions, self.axis);
        Ok(Lowering::Expand(b.finish(vec![values, positions])))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for TopK {
    fn parse(name: &str, params: &Params, results: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "top_k").then(|| {
            // Older versions have no parameter: it is the last axis.
            let last = results.first().cloned().flatten().and_then(|aval| aval.rank().checked_sub(1));
            let axis = match (params.get("axis"), last) {
                (None, Some(last)) => last,
                (_, _) => params.size("axis")?,
            };
            Ok(TopK { axis, k: params.size("k")? })
        })
    }

    fn samples() -> Vec<Sample> {
        use DType::*;
        let mut samples = Vec::new();
        for dtype in [F32, F64, F16, BF16, I8, I32, I64, U8, U64, Bool] {
            let mut push = |shape: &[usize], axis: usize, k: usize| {
                let values: Vec<f64> =
                    (0..shape.iter().product::<usize>()).map(|i| ((i * 37) % 101) as f64 - 50.0).collect();
                let x = Tensor::from_f64s(dtype, shape, &values);
                samples.push(Sample::new(TopK { axis, k }, vec![x]).within(0.0));
            };
            push(&[7], 0, 3);
            push(&[2, 40], 1, 5);
            push(&[2, 3, 5], 1, 3);
            push(&[3, 1], 1, 1);
            push(&[5], 0, 0);
            push(&[0, 3], 1, 2);
            if dtype.is_float() {
                let wild = [1.0, f64::NAN, -0.0, 0.0, f64::INFINITY, -f64::NAN, f64::NEG_INFINITY, 1.0, 0.0];
                let x = Tensor::from_f64s(dtype, [9], &wild);
                samples.push(Sample::new(TopK { axis: 0, k: 9 }, vec![x]).not_smooth().within(0.0));
            }
        }
        samples
    }
}
