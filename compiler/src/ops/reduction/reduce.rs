//! Folds with one operation: `reduce_sum` and its like.

use super::{batched_axes, expect_axes, folded_dtype, load_element, reduction_dims};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params, Value};
use crate::loops::{BinaryOp, BlockBuilder, BufferId, Combine, Nest, Reduction};
use crate::ops::Op;
use crate::ops::elementwise::{CompareKind, maximum};
use crate::ops::rules::*;
use crate::ops::shape::Slice;
use crate::types::{Aval, Complex, DType, Kind, Literal, Scalar, Shape, Tensor};

/// Folds the elements along `axes`; over no elements, the neutral one (for max and min the least and greatest value of
/// the dtype). Sums and products of narrow floats are rounded once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reduce {
    pub kind: ReduceKind,
    // Invariant once inferred: distinct.
    pub axes: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReduceKind {
    Sum,
    Prod,
    /// NaN if any element is; complex numbers are ordered by real, then by imaginary part, and NaN is below all.
    Max,
    Min,
    And,
    Or,
    Xor,
}

/// One fold's page.
struct Row {
    name: &'static str,
    accepts: &'static [Kind],
    op: BinaryOp,
    /// Reference semantics of one step; bools are the integers 0 and 1.
    integers: fn(i128, i128) -> i128,
    floats: fn(f64, f64) -> f64,
    complex: fn(Complex, Complex) -> Complex,
}

const NUMBERS: &[Kind] = &[Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex];
const ANY: &[Kind] = &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex];
const BITS: &[Kind] = &[Kind::Bool, Kind::Signed, Kind::Unsigned];

impl ReduceKind {
    /// Every member, in the order of the table.
    pub const ALL: [ReduceKind; 7] = {
        use ReduceKind::*;
        [Sum, Prod, Max, Min, And, Or, Xor]
    };

    #[rustfmt::skip]
    fn row(self) -> Row {
        let none = |_, _| unreachable!("logical folds accept no floats");
        let never = |_, _| unreachable!("logical folds accept no complex numbers");
        match self {
            ReduceKind::Sum => Row { name: "reduce_sum", accepts: NUMBERS, op: BinaryOp::Add,
                integers: i128::wrapping_add, floats: |x, y| x + y, complex: |x, y| x + y },
            ReduceKind::Prod => Row { name: "reduce_prod", accepts: NUMBERS, op: BinaryOp::Mul,
                integers: i128::wrapping_mul, floats: |x, y| x * y, complex: |x, y| x * y },
            ReduceKind::Max => Row { name: "reduce_max", accepts: ANY, op: BinaryOp::Max,
                integers: i128::max, floats: maximum, complex: Complex::max },
            ReduceKind::Min => Row { name: "reduce_min", accepts: ANY, op: BinaryOp::Min,
                integers: i128::min, floats: |x, y| -maximum(-x, -y), complex: Complex::min },
            ReduceKind::And => Row { name: "reduce_and", accepts: BITS, op: BinaryOp::And,
                integers: |x, y| x & y, floats: none, complex: never },
            ReduceKind::Or => Row { name: "reduce_or", accepts: BITS, op: BinaryOp::Or,
                integers: |x, y| x | y, floats: none, complex: never },
            ReduceKind::Xor => Row { name: "reduce_xor", accepts: BITS, op: BinaryOp::Xor,
                integers: |x, y| x ^ y, floats: none, complex: never },
        }
    }

    /// The operation of a nest that folds.
    pub(in crate::ops) fn op(self) -> BinaryOp {
        self.row().op
    }

    /// Reference semantics of one step.
    pub(in crate::ops) fn step(self, x: Scalar, y: Scalar) -> Scalar {
        fold(&self.row(), x, y)
    }

    /// The neutral element.
    pub fn identity(self, dtype: DType) -> Literal {
        let all_ones = Literal::from_bits(dtype, u128::MAX >> (128 - 8 * dtype.size_bytes()));
        match self {
            ReduceKind::Sum | ReduceKind::Or | ReduceKind::Xor => Literal::from_f64(dtype, 0.0),
            ReduceKind::Prod => Literal::from_f64(dtype, 1.0),
            ReduceKind::And if dtype == DType::Bool => Literal::bool(true),
            ReduceKind::And => all_ones,
            ReduceKind::Max => extreme(dtype, false),
            ReduceKind::Min => extreme(dtype, true),
        }
    }
}

/// The greatest or the least value of a dtype.
pub(super) fn extreme(dtype: DType, greatest: bool) -> Literal {
    let bits = dtype.bits();
    let integer =
        |least: i128, most: i128| Literal::new(dtype, Scalar::Int(if greatest { most } else { least }));
    match dtype.kind() {
        Kind::Bool => Literal::bool(greatest),
        Kind::Signed => integer(-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        Kind::Unsigned => integer(0, (1 << bits) - 1),
        Kind::Float | Kind::Complex | Kind::Key | Kind::Float0 => {
            Literal::from_f64(dtype, if greatest { f64::INFINITY } else { f64::NEG_INFINITY })
        }
    }
}

impl Primitive for Reduce {
    fn name(&self) -> &str {
        self.kind.row().name
    }

    fn params(&self) -> Params {
        let params = Params::new().with("axes", self.axes.as_slice());
        if self.kind == ReduceKind::Sum { params.with("out_sharding", Value::None) } else { params }
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_kind(&operands[0], self.kind.row().accepts)?;
        expect_axes(&operands[0], &self.axes)?;
        Ok(vec![operands[0].with_shape(operands[0].shape.without(&self.axes))])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (operand, dtype) = (&operands[0], operands[0].dtype());
        let row = self.kind.row();
        let result = Aval::new(dtype, operand.shape().without(&self.axes));
        let mut values = vec![self.kind.identity(dtype).value(); result.shape.element_count()];
        for index in operand.shape().indices() {
            let position =
                result.shape.offset(&Vec::from(Shape::from(index.clone()).without(&self.axes).extents()));
            values[position] = fold(&row, values[position], operand.get(&index));
        }
        let rounded = values.into_iter().map(|value| value.rounded(dtype));
        Ok(vec![Tensor::from_scalars(result, rounded)])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let Some(tangent) = tangents[0].value() else { return locally_constant(cx, self.clone(), primals) };
        match self.kind {
            ReduceKind::Sum => linear(cx, self.clone(), primals, tangents),
            ReduceKind::Max | ReduceKind::Min => {
                let result = cx.builder.emit_one(self.clone(), primals);
                let tangent = extremum_tangent(cx.builder, primals[0], result, tangent, &self.axes);
                Ok(Duals::one(result, Tangent::Value(tangent)))
            }
            ReduceKind::Prod => {
                let (result, tangent) = product_with_tangent(cx.builder, primals[0], tangent, &self.axes);
                Ok(Duals::one(result, Tangent::Value(tangent)))
            }
            ReduceKind::And | ReduceKind::Or | ReduceKind::Xor => locally_constant(cx, self.clone(), primals),
        }
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        if self.kind != ReduceKind::Sum {
            return Err(NoRule::ByDesign("not linear"));
        }
        let Some(ct) = cotangents[0].value() else { return Ok(zero_cotangents(cx, operands)) };
        let operand = operand_aval(cx, &operands[0]);
        let kept: Vec<usize> = (0..operand.rank()).filter(|axis| !self.axes.contains(axis)).collect();
        Ok(vec![Tangent::Value(cx.builder.broadcast_in_dim(ct, operand.shape, &kept))])
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |batch| {
            let (axes, result_axis) = batched_axes(&self.axes, batch);
            (Op::from(Reduce { kind: self.kind, axes }), result_axis)
        })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let (operand, dtype) = (&operands[0], operands[0].dtype);
        if self.axes.is_empty() {
            return Ok(identity_program(operands));
        }
        let mut nest = Nest::new(reduction_dims(operand, &self.axes));
        let mut b = BlockBuilder::new();
        let value = load_element(&mut b, operand, &self.axes);
        let folded = folded_dtype(dtype);
        let init = b.literal(self.kind.identity(folded));
        let combine = Combine::Op(self.kind.row().op);
        nest.reductions.push(Reduction { combine, inits: vec![init], values: vec![value] });
        let result = b.reduced(0, 0, folded);
        let result = b.convert(result, dtype);
        nest.stores.push(identity_store(BufferId(1), results[0].rank(), result));
        nest.block = b.finish();
        Ok(Lowering::Nests(vec![nest]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Reduce {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let kind = ReduceKind::ALL.into_iter().find(|kind| kind.row().name == name)?;
        Some(params.sizes("axes").map(|axes| Reduce { kind, axes }))
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        let values: Vec<f64> = (0..30).map(|i| f64::from((i * 7) % 30) * 0.125 - 1.5).collect();
        let dtypes = [DType::F32, DType::F64, DType::F16, DType::BF16, DType::I8, DType::U64, DType::Bool];
        for kind in ReduceKind::ALL {
            for dtype in dtypes.into_iter().filter(|dtype| kind.row().accepts.contains(&dtype.kind())) {
                let mut push = |shape: &[usize], axes: &[usize]| {
                    let count = shape.iter().product();
                    let x = Tensor::from_f64s(dtype, shape, &values[..count]);
                    samples.push(Sample::new(Reduce { kind, axes: axes.to_vec() }, vec![x]).within(16.0));
                };
                push(&[5], &[0]);
                push(&[2, 3, 5], &[1]);
                push(&[2, 3, 5], &[2, 0]);
                push(&[3, 1], &[1]);
                push(&[3], &[]);
                push(&[2, 0], &[1]);
                push(&[0, 2], &[1]);
                if dtype.is_float() {
                    let wild = [1.0, f64::NAN, -0.0, 0.0, f64::INFINITY, -2.0];
                    let x = Tensor::from_f64s(dtype, [3, 2], &wild);
                    samples.push(Sample::new(Reduce { kind, axes: vec![1] }, vec![x]).not_smooth());
                }
            }
        }
        for kind in [ReduceKind::Sum, ReduceKind::Prod, ReduceKind::Max, ReduceKind::Min] {
            for (dtype, axes) in [(DType::C64, vec![1]), (DType::C128, vec![0]), (DType::C64, vec![0, 1])] {
                let x = Tensor::from_parts(dtype, [3, 5], &values[..15], &values[15..]);
                samples.push(Sample::new(Reduce { kind, axes }, vec![x]).within(64.0));
            }
            let empty = Tensor::from_parts(DType::C64, [2, 0], &[], &[]);
            samples.push(Sample::new(Reduce { kind, axes: vec![1] }, vec![empty]));
        }
        let zeros = Tensor::from_f64s(DType::F64, [2, 3], &[0.0, 2.0, 3.0, 0.0, 0.0, 5.0]);
        samples.push(Sample::new(Reduce { kind: ReduceKind::Prod, axes: vec![1] }, vec![zeros]));
        samples
    }
}

fn fold(row: &Row, x: Scalar, y: Scalar) -> Scalar {
    match (x, y) {
        (Scalar::Bool(x), Scalar::Bool(y)) => Scalar::Bool((row.integers)(i128::from(x), i128::from(y)) != 0),
        (Scalar::Int(x), Scalar::Int(y)) => Scalar::Int((row.integers)(x, y)),
        (Scalar::Complex(..), Scalar::Complex(..)) => (row.complex)(x.number(), y.number()).into(),
        (x, y) => Scalar::Float((row.floats)(x.float(), y.float())),
    }
}

/// The mean of the tangents at the places that attain the extremum.
fn extremum_tangent(b: &mut Builder, x: Atom, result: Atom, tangent: Atom, axes: &[usize]) -> Atom {
    let mut extents = b.aval(x).shape.extents().to_vec();
    axes.iter().for_each(|&axis| extents[axis] = 1);
    let extremum = b.reshape(result, extents);
    let attained = b.compare(CompareKind::Eq, x, extremum);
    let weights = b.convert(attained, b.dtype(x));
    let weighted = b.mul(tangent, weights);
    let (sum, count) = (b.reduce_sum(weighted, axes), b.reduce_sum(weights, axes));
    b.div(sum, count)
}

/// Multiplies halves with halves, by the product rule, which holds at zeros as elsewhere.
fn product_with_tangent(b: &mut Builder, x: Atom, tangent: Atom, axes: &[usize]) -> (Atom, Atom) {
    let aval = b.aval(x);
    let kept: Vec<usize> = (0..aval.rank()).filter(|axis| !axes.contains(axis)).collect();
    let order = [axes, &kept].concat();
    let rest = aval.shape.without(axes);
    let mut count: usize = axes.iter().map(|&axis| aval.shape[axis]).product();
    let flat = rest.inserted(0, count);
    if count == 0 {
        return (b.full(aval.dtype, &rest, 1.0), b.full(aval.dtype, &rest, 0.0));
    }
    let mut pair = [x, tangent].map(|atom| {
        let permuted = b.permute_axes(atom, &order);
        b.reshape(permuted, flat.clone())
    });
    // What an odd count leaves over.
    let mut extra = None;
    while count > 1 {
        let half = count / 2;
        let part = |b: &mut Builder, start: usize, extent: usize| {
            pair.map(|atom| b.emit_one(Slice::along(&rest.inserted(0, count), 0, start, extent), &[atom]))
        };
        if count % 2 == 1 {
            let last = part(b, count - 1, 1);
            extra = Some(extra.map_or(last, |extra| multiply(b, extra, last)));
        }
        let (first, second) = (part(b, 0, half), part(b, half, half));
        pair = multiply(b, first, second);
        count = half;
    }
    let [product, tangent] = extra.map_or(pair, |extra| multiply(b, pair, extra));
    (b.reshape(product, rest.clone()), b.reshape(tangent, rest))
}

/// The product of two numbers with tangents.
pub(super) fn multiply(b: &mut Builder, [x, dx]: [Atom; 2], [y, dy]: [Atom; 2]) -> [Atom; 2] {
    let (product, left, right) = (b.mul(x, y), b.mul(dx, y), b.mul(x, dy));
    [product, b.add(left, right)]
}
