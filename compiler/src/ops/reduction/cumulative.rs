//! Cumulative folds: `cumsum` and its like.

use super::reduce::multiply;
use super::{ReduceKind, expect_axes};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params};
use crate::loops::nests::cumulate::cumulate;
use crate::loops::{BinaryOp, BlockBuilder, UnaryOp, Val};
use crate::ops::Op;
use crate::ops::elementwise::{Binary, BinaryKind, CompareKind, UnaryKind};
use crate::ops::rules::*;
use crate::ops::shape::{Concatenate, Pad, Rev, Slice};
use crate::types::{Aval, DType, Kind, Literal, Scalar, Tensor};

/// Each element folded with all that come before it along `axis`, or, in reverse, after it. Narrow floats are folded
/// in f32.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cumulative {
    pub kind: CumulativeKind,
    pub axis: usize,
    pub reverse: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CumulativeKind {
    Sum,
    Prod,
    /// NaN from the first one on.
    Max,
    Min,
    /// `log(sum(exp(x)))`, without overflow.
    LogSumExp,
}

impl CumulativeKind {
    /// Every member.
    pub const ALL: [CumulativeKind; 5] = {
        use CumulativeKind::*;
        [Sum, Prod, Max, Min, LogSumExp]
    };

    fn name(self) -> &'static str {
        match self {
            CumulativeKind::Sum => "cumsum",
            CumulativeKind::Prod => "cumprod",
            CumulativeKind::Max => "cummax",
            CumulativeKind::Min => "cummin",
            CumulativeKind::LogSumExp => "cumlogsumexp",
        }
    }

    fn accepts(self) -> &'static [Kind] {
        match self {
            CumulativeKind::LogSumExp => &[Kind::Float],
            CumulativeKind::Sum | CumulativeKind::Prod | CumulativeKind::Max | CumulativeKind::Min => {
                &[Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex]
            }
        }
    }

    /// The fold of the same name; the logarithm of a sum of exponentials has none.
    pub fn fold(self) -> Option<ReduceKind> {
        match self {
            CumulativeKind::Sum => Some(ReduceKind::Sum),
            CumulativeKind::Prod => Some(ReduceKind::Prod),
            CumulativeKind::Max => Some(ReduceKind::Max),
            CumulativeKind::Min => Some(ReduceKind::Min),
            CumulativeKind::LogSumExp => None,
        }
    }

    /// The neutral element.
    pub fn identity(self, dtype: DType) -> Literal {
        let infinite = || Literal::from_f64(dtype, f64::NEG_INFINITY);
        self.fold().map_or_else(infinite, |fold| fold.identity(dtype))
    }

    fn step(self, x: Scalar, y: Scalar) -> Scalar {
        match self.fold() {
            Some(fold) => fold.step(x, y),
            None => Scalar::Float(log_add_exp(x.float(), y.float())),
        }
    }
}

/// `log(exp(x) + exp(y))`; the sum itself where both are the same infinity or one is NaN.
fn log_add_exp(x: f64, y: f64) -> f64 {
    let distance = x - y;
    if distance.is_nan() { x + y } else { x.max(y) + (-distance.abs()).exp().ln_1p() }
}

impl Primitive for Cumulative {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn params(&self) -> Params {
        Params::new().with("axis", self.axis).with("reverse", self.reverse)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_kind(&operands[0], self.kind.accepts())?;
        expect_axes(&operands[0], &[self.axis])?;
        Ok(operands.to_vec())
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (operand, dtype) = (&operands[0], operands[0].dtype());
        let extent = operand.shape()[self.axis];
        Ok(vec![Tensor::from_fn(operand.aval().clone(), |index| {
            let mut folded = self.kind.identity(dtype).value();
            let own = index[self.axis];
            let mut at = index.to_vec();
            let first = if self.reverse { own..extent } else { 0..own + 1 };
            let order: Vec<usize> = if self.reverse { first.rev().collect() } else { first.collect() };
            for position in order {
                at[self.axis] = position;
                folded = self.kind.step(folded, operand.get(&at));
            }
            folded.rounded(dtype)
        })])
    }

    /// As JAX: the derivative of a scan by halves, which decides how ties share a tangent.
    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let Some(tangent) = tangents[0].value() else { return locally_constant(cx, *self, primals) };
        if self.kind == CumulativeKind::Sum {
            return linear(cx, *self, primals, tangents);
        }
        let turned = |cx: &mut JvpCx, pair: Pair| match self.reverse {
            true => pair.map(|atom| cx.builder.emit_one(Rev { axes: vec![self.axis] }, &[atom])),
            false => pair,
        };
        let pair = turned(cx, [primals[0], tangent]);
        let scanned = self.scan(cx, pair)?;
        let [result, tangent] = turned(cx, scanned);
        Ok(Duals::one(result, Tangent::Value(tangent)))
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        if self.kind != CumulativeKind::Sum {
            return Err(NoRule::ByDesign("not linear"));
        }
        let Some(ct) = cotangents[0].value() else { return Ok(zero_cotangents(cx, operands)) };
        let back = Cumulative { reverse: !self.reverse, ..*self };
        Ok(vec![Tangent::Value(cx.builder.emit_one(back, &[ct]))])
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |batch| {
            let axis = self.axis + usize::from(self.axis >= batch);
            (Op::from(Cumulative { axis, ..*self }), batch)
        })
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let (operand, dtype) = (&operands[0], operands[0].dtype);
        if dtype.is_float() && dtype.bits() < 32 {
            let mut b = Builder::new();
            let x = b.input(operand.clone()).into();
            let wide = b.convert(x, DType::F32);
            let folded = b.emit_one(*self, &[wide]);
            let result = b.convert(folded, dtype);
            return Ok(Lowering::Expand(b.finish(vec![result])));
        }
        let start = self.kind.identity(dtype);
        let step = |b: &mut BlockBuilder, x: Val, y: Val| match self.kind.fold() {
            Some(fold) => b.binary(fold.op(), x, y),
            None => nest_log_add_exp(b, x, y),
        };
        Ok(Lowering::Nests(vec![cumulate(operand, self.axis, self.reverse, start, step)]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

fn nest_log_add_exp(b: &mut BlockBuilder, x: Val, y: Val) -> Val {
    let (distance, greater, sum) = (b.sub(x, y), b.binary(BinaryOp::Max, x, y), b.add(x, y));
    let magnitude = b.abs(distance);
    let magnitude = b.neg(magnitude);
    let ratio = b.unary(UnaryOp::Exp, magnitude);
    let rest = b.unary(UnaryOp::Log1p, ratio);
    let (result, has_no_distance) = (b.add(greater, rest), b.ne(distance, distance));
    b.select(has_no_distance, sum, result)
}

/// A value and its tangent.
type Pair = [Atom; 2];

impl Cumulative {
    /// Folds neighbours, scans the half as many results, and folds these with what is left out.
    fn scan(&self, cx: &mut JvpCx, pair: Pair) -> Rule<Pair> {
        let extent = cx.builder.aval(pair[0]).shape[self.axis];
        if extent < 2 {
            return Ok(pair);
        }
        let (first, second) = (self.every(cx, pair, 2, 0..extent - 1), self.every(cx, pair, 2, 1..extent));
        let joined = self.combine(cx, first, second)?;
        let odd = self.scan(cx, joined)?;
        let before = if extent.is_multiple_of(2) { self.every(cx, odd, 1, 0..extent / 2 - 1) } else { odd };
        let left_out = self.every(cx, pair, 2, 2..extent.max(2));
        let even = self.combine(cx, before, left_out)?;
        let start = self.every(cx, pair, 1, 0..1);
        let b = &mut *cx.builder;
        Ok([0, 1].map(|part| {
            let even = b.emit_one(Concatenate { axis: self.axis }, &[start[part], even[part]]);
            self.interleave(b, even, odd[part])
        }))
    }

    /// Every `stride`-th element of a range along the axis.
    fn every(&self, cx: &mut JvpCx, pair: Pair, stride: usize, range: std::ops::Range<usize>) -> Pair {
        let shape = cx.builder.aval(pair[0]).shape;
        let mut slice = Slice::along(&shape, self.axis, range.start, range.end - range.start);
        slice.strides[self.axis] = stride;
        pair.map(|atom| cx.builder.emit_one(slice.clone(), &[atom]))
    }

    fn combine(&self, cx: &mut JvpCx, x: Pair, y: Pair) -> Rule<Pair> {
        let extremum = match self.kind {
            CumulativeKind::Sum | CumulativeKind::Prod => return Ok(multiply(cx.builder, x, y)),
            CumulativeKind::LogSumExp => return Ok(log_add_exp_pair(cx.builder, x, y)),
            CumulativeKind::Max => BinaryKind::Max,
            CumulativeKind::Min => BinaryKind::Min,
        };
        let tangents = [x[1], y[1]].map(Tangent::Value);
        let duals = Binary(extremum).jvp(cx, &[x[0], y[0]], &tangents)?;
        Ok([duals.primals[0], duals.tangents[0].value().expect("both operands have a tangent")])
    }

    /// `even[0], odd[0], even[1], odd[1], ..`
    fn interleave(&self, b: &mut Builder, even: Atom, odd: Atom) -> Atom {
        let extent = |b: &Builder, atom| b.aval(atom).shape[self.axis];
        let same = i64::from(extent(b, even) == extent(b, odd));
        let mut spread = |atom: Atom, low: i64, high: i64| {
            let mut config = vec![(0, 0, 0); b.aval(atom).rank()];
            config[self.axis] = (low, high, 1);
            let zero = b.constant_like(atom, 0.0);
            b.emit_one(Pad { config }, &[atom, zero])
        };
        let (even, odd) = (spread(even, 0, same), spread(odd, 1, 1 - same));
        b.add(even, odd)
    }
}

/// `log(exp(x) + exp(y))` with its tangent, in which an infinite term does not count.
fn log_add_exp_pair(b: &mut Builder, [x, dx]: Pair, [y, dy]: Pair) -> Pair {
    let (distance, greater, sum) = (b.sub(x, y), b.binary(BinaryKind::Max, x, y), b.add(x, y));
    let magnitude = b.unary(UnaryKind::Abs, distance);
    let magnitude = b.neg(magnitude);
    let ratio = b.unary(UnaryKind::Exp, magnitude);
    let rest = b.unary(UnaryKind::Log1p, ratio);
    let result = b.add(greater, rest);
    let has_no_distance = b.compare(CompareKind::Ne, distance, distance);
    let result = b.select(has_no_distance, sum, result);
    let finite_result = zero_for_infinity(b, result);
    let [from_x, from_y] = [(x, dx), (y, dy)].map(|(term, tangent)| {
        let term = zero_for_infinity(b, term);
        let exponent = b.sub(term, finite_result);
        let weight = b.unary(UnaryKind::Exp, exponent);
        b.mul(tangent, weight)
    });
    [result, b.add(from_x, from_y)]
}

fn zero_for_infinity(b: &mut Builder, x: Atom) -> Atom {
    let (infinity, zero) = (b.constant_like(x, f64::INFINITY), b.constant_like(x, 0.0));
    let is_infinite = b.compare(CompareKind::Eq, x, infinity);
    b.select(is_infinite, zero, x)
}

impl Family for Cumulative {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let kind = CumulativeKind::ALL.into_iter().find(|kind| kind.name() == name)?;
        let read = || Ok(Cumulative { kind, axis: params.size("axis")?, reverse: params.bool("reverse")? });
        Some(read())
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        let values: Vec<f64> = (0..42).map(|i| f64::from((i * 11) % 17) * 0.125 - 0.75).collect();
        let dtypes = [DType::F32, DType::F64, DType::F16, DType::BF16, DType::I8, DType::U64];
        for kind in CumulativeKind::ALL {
            for dtype in dtypes.into_iter().filter(|dtype| kind.accepts().contains(&dtype.kind())) {
                let mut push = |shape: &[usize], axis, reverse, values: &[f64]| {
                    let count = shape.iter().product();
                    let x = Tensor::from_f64s(dtype, shape, &values[..count]);
                    samples.push(Sample::new(Cumulative { kind, axis, reverse }, vec![x]).within(16.0));
                };
                push(&[7], 0, false, &values);
                push(&[7, 6], 0, false, &values);
                push(&[2, 3, 7], 1, true, &values);
                push(&[2, 3, 7], 2, false, &values);
                push(&[3, 1], 1, true, &values);
                push(&[0, 2], 0, false, &values);
                push(&[2, 0], 0, true, &values);
                if dtype.is_float() {
                    let wild = [1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -0.0, 2.0];
                    let x = Tensor::from_f64s(dtype, [2, 3], &wild);
                    let op = Cumulative { kind, axis: 1, reverse: false };
                    samples.push(Sample::new(op, vec![x]).not_smooth());
                }
            }
            if kind.accepts().contains(&Kind::Complex) && kind != CumulativeKind::LogSumExp {
                let x = Tensor::from_parts(DType::C64, [3, 5], &values[..15], &values[15..30]);
                samples.push(Sample::new(Cumulative { kind, axis: 1, reverse: true }, vec![x]).within(64.0));
            }
        }
        samples
    }
}
