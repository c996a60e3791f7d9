//! Comparisons: IEEE ones, and those of the total order that sorting uses.

use crate::diag::TypeError;
use crate::ir::{Atom, Params};
use crate::loops::{BlockBuilder, CompareOp, UnaryOp, Val};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Scalar, Tensor};
use std::cmp::Ordering;

/// An elementwise comparison with implicit broadcasting; the result is bool.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Compare(pub CompareKind);

/// The IEEE comparisons are false on NaN (but `Ne`), and the zeros are equal. The total order is
/// -NaN < -inf < .. < -0 < +0 < .. < inf < NaN.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CompareKind {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    EqTotal,
    LtTotal,
    LeTotal,
}

/// One comparison's page.
struct Row {
    name: &'static str,
    accepts: &'static [Kind],
    op: CompareOp,
    total: bool,
}

const ORDERED: &[Kind] = &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float];
const ANY: &[Kind] = &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex];
const ANY_OR_KEY: &[Kind] =
    &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex, Kind::Key];

impl CompareKind {
    /// Every member, in the order of the table.
    pub const ALL: [CompareKind; 9] = {
        use CompareKind::*;
        [Eq, Ne, Lt, Le, Gt, Ge, EqTotal, LtTotal, LeTotal]
    };

    #[rustfmt::skip]
    fn row(self) -> Row {
        match self {
            CompareKind::Eq => Row { name: "eq", accepts: ANY_OR_KEY, op: CompareOp::Eq, total: false },
            CompareKind::Ne => Row { name: "ne", accepts: ANY_OR_KEY, op: CompareOp::Ne, total: false },
            CompareKind::Lt => Row { name: "lt", accepts: ORDERED, op: CompareOp::Lt, total: false },
            CompareKind::Le => Row { name: "le", accepts: ORDERED, op: CompareOp::Le, total: false },
            CompareKind::Gt => Row { name: "gt", accepts: ORDERED, op: CompareOp::Gt, total: false },
            CompareKind::Ge => Row { name: "ge", accepts: ORDERED, op: CompareOp::Ge, total: false },
            CompareKind::EqTotal => Row { name: "eq_to", accepts: ANY, op: CompareOp::Eq, total: true },
            CompareKind::LtTotal => Row { name: "lt_to", accepts: ORDERED, op: CompareOp::Lt, total: true },
            CompareKind::LeTotal => Row { name: "le_to", accepts: ORDERED, op: CompareOp::Le, total: true },
        }
    }
}

impl Primitive for Compare {
    fn name(&self) -> &str {
        self.0.row().name
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        expect_kind(&operands[0], self.0.row().accepts)?;
        expect_same_dtype(operands)?;
        Ok(vec![Aval::new(DType::Bool, expect_broadcast(operands)?)])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let avals: Vec<Aval> = operands.iter().map(|operand| operand.aval().clone()).collect();
        let result = self.infer(&avals).expect("operands have the inferred types").remove(0);
        let row = self.0.row();
        Ok(vec![eval_elementwise(result, operands, |pair| {
            Scalar::Bool(holds(row.op, order(row.total, pair[0], pair[1])))
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, *self, primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_elementwise(cx, *self, operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let Row { op, total, .. } = self.0.row();
        let dtype = operands[0].dtype;
        match dtype.kind() {
            Kind::Complex if total => Ok(elementwise_nest(operands, &results[0], |b, x| {
                let [re, im] = [UnaryOp::Real, UnaryOp::Imag].map(|part| {
                    let [x, y] = [x[0], x[1]].map(|number| b.unary(part, number));
                    let (x, y) = (ordered_bits(b, x), ordered_bits(b, y));
                    b.compare(op, x, y)
                });
                b.and(re, im)
            })),
            Kind::Float0 => Err(NoRule::ByDesign("float0 has no values")),
            Kind::Bool => {
                Ok(elementwise_nest(operands, &results[0], |b, x| compare_bools(b, op, x[0], x[1])))
            }
            Kind::Float if total => Ok(elementwise_nest(operands, &results[0], |b, x| {
                let (x, y) = (ordered_bits(b, x[0]), ordered_bits(b, x[1]));
                b.compare(op, x, y)
            })),
            Kind::Signed | Kind::Unsigned | Kind::Float | Kind::Complex | Kind::Key => {
                Ok(elementwise_nest(operands, &results[0], |b, x| b.compare(op, x[0], x[1])))
            }
        }
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Compare {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let kind = CompareKind::ALL.into_iter().find(|kind| kind.row().name == name)?;
        Some(Ok(Compare(kind)))
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        let dtypes = [DType::F32, DType::F64, DType::F16, DType::BF16, DType::I32, DType::U8, DType::Bool];
        for kind in CompareKind::ALL {
            let sample =
                |x: Tensor, y: Tensor| Sample::new(Compare(kind), vec![x, y]).not_smooth().within(0.0);
            for dtype in dtypes {
                let tensor = |shape: &[usize], values: &[f64]| Tensor::from_f64s(dtype, shape, values);
                samples.push(sample(
                    tensor(&[5], &[-2.0, 0.0, 1.0, 3.0, 200.0]),
                    tensor(&[5], &[1.0, 0.0, 0.0, 4.0, 100.0]),
                ));
                samples.push(sample(tensor(&[3, 1], &[0.0, 1.0, 2.0]), tensor(&[1, 2], &[0.0, 1.0])));
                samples.push(sample(tensor(&[], &[1.0]), tensor(&[3], &[0.0, 1.0, 2.0])));
                samples.push(sample(tensor(&[2, 0], &[]), tensor(&[], &[0.0])));
                if dtype.is_float() {
                    let (nan, inf) = (f64::NAN, f64::INFINITY);
                    let specials = [nan, -nan, inf, -inf, 0.0, -0.0, 1.0];
                    samples.push(sample(tensor(&[7, 1], &specials), tensor(&[1, 7], &specials)));
                }
            }
            if kind.row().accepts.contains(&Kind::Complex) {
                let (re, im) = ([1.0, 1.0, 2.0, f64::NAN, 0.0, -0.0], [2.0, -3.0, 2.0, 1.0, 0.0, -0.0]);
                let [column, row] =
                    [[6, 1], [1, 6]].map(|shape| Tensor::from_parts(DType::C64, shape, &re, &im));
                samples.push(sample(column, row));
            }
        }
        samples
    }
}

fn order(total: bool, x: Scalar, y: Scalar) -> Option<Ordering> {
    match (x, y) {
        (Scalar::Bool(x), Scalar::Bool(y)) => Some(x.cmp(&y)),
        (Scalar::Key(x), Scalar::Key(y)) => Some(x.cmp(&y)),
        (Scalar::Int(x), Scalar::Int(y)) => Some(x.cmp(&y)),
        (Scalar::Complex(..), Scalar::Complex(..)) => {
            let (x, y) = (x.number(), y.number());
            if total { Some(x.re.total_cmp(&y.re).then(x.im.total_cmp(&y.im))) } else { x.partial_cmp(&y) }
        }
        (x, y) if total => Some(x.float().total_cmp(&y.float())),
        (x, y) => x.float().partial_cmp(&y.float()),
    }
}

fn holds(op: CompareOp, order: Option<Ordering>) -> bool {
    let Some(order) = order else { return op == CompareOp::Ne };
    match op {
        CompareOp::Eq => order.is_eq(),
        CompareOp::Ne => order.is_ne(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
    }
}

/// Comparisons of truth values are logic: `x < y` is `!x & y`.
fn compare_bools(b: &mut BlockBuilder, op: CompareOp, x: Val, y: Val) -> Val {
    match op {
        CompareOp::Ne => b.xor(x, y),
        CompareOp::Eq => {
            let differ = b.xor(x, y);
            b.not(differ)
        }
        CompareOp::Lt => {
            let not_x = b.not(x);
            b.and(not_x, y)
        }
        CompareOp::Le => {
            let not_x = b.not(x);
            b.or(not_x, y)
        }
        CompareOp::Gt => compare_bools(b, CompareOp::Lt, y, x),
        CompareOp::Ge => compare_bools(b, CompareOp::Le, y, x),
    }
}

/// The bits of a float as a signed integer in the total order: below zero, the magnitude bits are flipped.
fn ordered_bits(b: &mut BlockBuilder, x: Val) -> Val {
    let dtype = match b.dtype(x).size_bytes() {
        1 => DType::I8,
        2 => DType::I16,
        4 => DType::I32,
        _ => DType::I64,
    };
    let bits = b.bitcast(x, dtype);
    let (last, one) = (b.int(dtype, i64::from(dtype.bits()) - 1), b.int(dtype, 1));
    let sign = b.sar(bits, last);
    let flip = b.shr(sign, one);
    b.xor(bits, flip)
}
