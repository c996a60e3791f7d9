//! `sort`: several arrays by the first ones of them.

use super::{FloatOrder, eval_positions, eval_take, order_keys, permutation, take_along};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params};
use crate::ops::rules::*;
use crate::ops::shape::Iota;
use crate::ops::shape::batch_axes_first;
use crate::types::{Aval, DType, Kind, Scalar, Tensor};
use std::cmp::Ordering;

/// Sorts all operands along one axis by the first `num_keys` of them, lexicographically. NaNs come last; they are all
/// equal, and so are the two zeros. Complex numbers compare by their real, then by their imaginary parts.
///
/// The order of equal elements is kept, whether the text asks for that or not.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Sort {
    pub axis: usize,
    pub num_keys: usize,
    pub is_stable: bool,
}

impl Sort {
    /// The results, and the positions that the elements come from.
    fn emit_with_positions(&self, b: &mut Builder, operands: &[Atom]) -> (Vec<Atom>, Atom) {
        let shape = b.aval(operands[0]).shape;
        let positions = b.emit_one(Iota { dtype: DType::I32, shape, axis: self.axis }, &[]);
        let mut results = b.emit(self.clone(), &[operands, &[positions]].concat());
        let positions = results.pop().expect("one result per operand");
        (results, positions)
    }
}

impl Primitive for Sort {
    fn name(&self) -> &str {
        "sort"
    }

    fn params(&self) -> Params {
        let params = Params::new().with("dimension", self.axis).with("is_stable", self.is_stable);
        params.with("num_keys", self.num_keys)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let Some(first) = operands.first() else {
            return Err(TypeError::new("expected operands, found none"));
        };
        if let Some(other) = operands.iter().find(|aval| aval.shape != first.shape) {
            return Err(TypeError(format!("operand shapes {} and {} differ", first.shape, other.shape)));
        }
        if self.axis >= first.rank() {
            let (rank, axis) = (first.rank(), self.axis);
            return Err(TypeError(format!("dimension: expected an axis below {rank}, found {axis}")));
        }
        if self.num_keys == 0 || self.num_keys > operands.len() {
            let (count, found) = (operands.len(), self.num_keys);
            return Err(TypeError(format!("num_keys: expected 1 to {count}, found {found}")));
        }
        for key in &operands[..self.num_keys] {
            expect_kind(key, &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex])?;
        }
        Ok(operands.to_vec())
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let result = operands[0].aval().with_dtype(DType::I64);
        let positions = eval_positions(result, &operands[..self.num_keys], self.axis, |row| {
            let mut positions: Vec<usize> = (0..row[0].len()).collect();
            positions.sort_by(|&i, &j| {
                let orders = row.iter().map(|key| compare(key[i], key[j]));
                orders.fold(Ordering::Equal, Ordering::then)
            });
            positions
        });
        Ok(operands.iter().map(|operand| eval_take(operand, &positions, self.axis)).collect())
    }

    /// Tangents go with their elements.
    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        if tangents.iter().all(Tangent::is_zero) {
            return locally_constant(cx, self.clone(), primals);
        }
        let (results, positions) = self.emit_with_positions(cx.builder, primals);
        let moved = tangents.iter().map(|tangent| match tangent {
            Tangent::Value(tangent) => Tangent::Value(take_along(cx.builder, *tangent, positions, self.axis)),
            Tangent::Zero(aval) => Tangent::Zero(aval.clone()),
        });
        Ok(Duals { tangents: moved.collect(), primals: results })
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let operands = batch_axes_first(cx, operands, dims);
        let values = cx.builder.emit(Sort { axis: self.axis + 1, ..self.clone() }, &operands);
        let dims = vec![BatchDim::Axis(0); values.len()];
        Ok(Batched { values, dims })
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let mut b = Builder::new();
        let inputs: Vec<Atom> = operands.iter().map(|aval| b.input(aval.clone()).into()).collect();
        let mut keys = Vec::new();
        for &operand in &inputs[..self.num_keys] {
            keys.extend(order_keys(&mut b, operand, FloatOrder::Values)?);
        }
        let positions = permutation(&mut b, keys, self.axis);
        let results =
            inputs.iter().map(|&operand| take_along(&mut b, operand, positions, self.axis)).collect();
        Ok(Lowering::Expand(b.finish(results)))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Sort {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "sort").then(|| {
            let (axis, is_stable) = (params.size("dimension")?, params.bool("is_stable")?);
            Ok(Sort { axis, num_keys: params.size("num_keys")?, is_stable })
        })
    }

    fn samples() -> Vec<Sample> {
        use DType::*;
        let mut samples = Vec::new();
        for dtype in [F32, F64, F16, BF16, I8, I32, I64, U8, U16, U64, Bool, C64, C128] {
            let mut push = |shape: &[usize], axis: usize| {
                let op = Sort { axis, num_keys: 1, is_stable: true };
                // Distinct, so that derivatives exist.
                let values: Vec<f64> =
                    (0..shape.iter().product::<usize>()).map(|i| ((i * 37) % 101) as f64 - 50.0).collect();
                samples.push(Sample::new(op, vec![Tensor::from_f64s(dtype, shape, &values)]).within(0.0));
            };
            push(&[7], 0);
            push(&[40], 0);
            push(&[2, 3, 5], 1);
            push(&[3, 1], 1);
            push(&[0], 0);
            push(&[2, 0], 0);
            if dtype.is_float() {
                samples.push(with_positions(Tensor::from_f64s(dtype, [WILD.len()], &WILD)));
            }
            if dtype.is_complex() {
                // All pairs, so that equal real parts leave it to the imaginary ones.
                let pairs =
                    WILD.iter().flat_map(|&re| WILD.iter().rev().map(move |&im| Scalar::Complex(re, im)));
                let aval = Aval::new(dtype, [WILD.len() * WILD.len()]);
                samples.push(with_positions(Tensor::from_scalars(aval, pairs)));
            }
        }
        samples.extend(several_keys());
        samples
    }
}

const WILD: [f64; 9] = [1.0, f64::NAN, -0.0, 0.0, f64::INFINITY, -0.0, f64::NEG_INFINITY, f64::NAN, 1.0];

/// A sort that shows which of several equal elements comes first.
fn with_positions(keys: Tensor) -> Sample {
    let count = keys.aval().shape[0];
    let positions: Vec<f64> = (0..count).map(|at| at as f64).collect();
    let positions = Tensor::from_f64s(DType::I32, [count], &positions);
    let op = Sort { axis: 0, num_keys: 1, is_stable: true };
    Sample::new(op, vec![keys, positions]).not_smooth().within(0.0)
}

fn several_keys() -> Vec<Sample> {
    let tensor = |dtype: DType, factor: usize, modulus: usize| {
        let values: Vec<f64> = (0..30).map(|i| ((i * factor) % modulus) as f64).collect();
        Tensor::from_f64s(dtype, [2, 15], &values)
    };
    let operands = |first: DType, second: DType| {
        vec![tensor(first, 7, 3), tensor(second, 5, 4), tensor(DType::F32, 11, 31), tensor(DType::U8, 1, 30)]
    };
    let sample = |first, second, num_keys| {
        let op = Sort { axis: 1, num_keys, is_stable: false };
        Sample::new(op, operands(first, second)).not_smooth().within(0.0)
    };
    vec![
        sample(DType::I32, DType::F32, 1),
        sample(DType::I32, DType::F32, 2),
        sample(DType::Bool, DType::I64, 2),
        sample(DType::F64, DType::U8, 3),
        sample(DType::U16, DType::U64, 4),
        sample(DType::C64, DType::I32, 2),
        sample(DType::I32, DType::C128, 2),
    ]
}

/// The order of elements; see [`Sort`].
fn compare(x: Scalar, y: Scalar) -> Ordering {
    let floats = |x: f64, y: f64| x.partial_cmp(&y).unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()));
    match (x, y) {
        (Scalar::Bool(x), Scalar::Bool(y)) => x.cmp(&y),
        (Scalar::Int(x), Scalar::Int(y)) => x.cmp(&y),
        (Scalar::Complex(xr, xi), Scalar::Complex(yr, yi)) => floats(xr, yr).then(floats(xi, yi)),
        (x, y) => floats(x.float(), y.float()),
    }
}
