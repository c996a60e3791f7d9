//! Operations on two operands: one row each in [`BinaryKind::row`].

use super::{CompareKind, IntegerPow, UnaryKind};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params};
use crate::loops::{BinaryOp, BlockBuilder, Val};
use crate::ops::rules::*;
use crate::types::{Aval, Complex, DType, Kind, Literal, Scalar, Tensor};

/// An elementwise operation on two operands of one dtype (`pow` also takes integer exponents), with implicit
/// broadcasting.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Binary(pub BinaryKind);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BinaryKind {
    Add,
    /// The sum that reverse mode makes of several cotangents.
    AddAny,
    Sub,
    Mul,
    /// Integers: toward zero; division by zero gives all ones, the minimum by -1 itself.
    Div,
    /// The sign is the dividend's; integers: by zero gives the dividend.
    Rem,
    /// NaN if either operand is NaN; -0 is below +0.
    Max,
    Min,
    Pow,
    Atan2,
    And,
    Or,
    Xor,
    /// Shift amounts are read as unsigned; from the width on, every bit is shifted out.
    ShiftLeft,
    ShiftRightLogical,
    /// Copies the topmost bit, on unsigned integers too.
    ShiftRightArithmetic,
    NextAfter,
    MulHigh,
}

/// One operation's page.
struct Row {
    name: &'static str,
    accepts: &'static [Kind],
    /// Reference semantics on one element of each operand.
    eval: Eval,
    derivative: Derivative,
    lower: fn(&mut BlockBuilder, Val, Val) -> Val,
    /// Operands for the laws, inside the domain and away from jumps of the derivative.
    samples: [[f64; 5]; 2],
}

/// Bools count as the integers 0 and 1.
enum Eval {
    Integers(fn(DType, i128, i128) -> i128),
    Floats(fn(DType, f64, f64) -> f64),
    Both(fn(DType, i128, i128) -> i128, fn(f64, f64) -> f64),
    Numbers(fn(DType, i128, i128) -> i128, fn(f64, f64) -> f64, fn(Complex, Complex) -> Complex),
    Inexact(fn(f64, f64) -> f64, fn(Complex, Complex) -> Complex),
}

enum Derivative {
    /// Linear in both operands together.
    Sum,
    Difference,
    /// Linear in each operand.
    Product,
    /// Linear in the dividend.
    Quotient,
    /// Zero wherever it exists.
    Zero,
    /// JAX has no rule either.
    Missing,
    /// The part of the tangent that comes from each operand's tangent.
    Parts(Part, Part),
}

type Part = fn(&mut Builder, &Point, Atom) -> Atom;

/// Where a derivative is taken.
struct Point {
    x: Atom,
    y: Atom,
    result: Atom,
}

use Derivative::{Difference, Missing, Parts, Product, Quotient, Sum, Zero};
use Eval::{Both, Floats, Inexact, Integers, Numbers};

const NUMBERS: &[Kind] = &[Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex];
const REALS: &[Kind] = &[Kind::Signed, Kind::Unsigned, Kind::Float];
const ANY: &[Kind] = &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex];
const BITS: &[Kind] = &[Kind::Bool, Kind::Signed, Kind::Unsigned];
const INTEGERS: &[Kind] = &[Kind::Signed, Kind::Unsigned];
const FLOATS: &[Kind] = &[Kind::Float, Kind::Complex];
const REAL_FLOATS: &[Kind] = &[Kind::Float];

const AROUND_ZERO: [[f64; 5]; 2] = [[-2.5, -0.75, 0.25, 1.25, 3.0], [1.5, -2.0, 0.5, 3.0, -1.25]];
const POSITIVE_BASE: [[f64; 5]; 2] = [[0.25, 0.5, 1.25, 2.0, 3.0], [1.5, -2.0, 0.5, 3.0, -1.25]];
const BETWEEN_MULTIPLES: [[f64; 5]; 2] = [[-2.5, -0.9, 0.3, 1.3, 3.2], [1.5, -2.0, 0.7, 3.0, -1.3]];
const PATTERNS: [[f64; 5]; 2] = [[-100.0, -1.0, 0.0, 85.0, 127.0], [3.0, 51.0, -1.0, 8.0, 1.0]];
const AMOUNTS: [[f64; 5]; 2] = [[-100.0, -1.0, 3.0, 85.0, 127.0], [0.0, 1.0, 7.0, 64.0, -1.0]];

impl BinaryKind {
    /// Every member, in the order of the table.
    pub const ALL: [BinaryKind; 18] = {
        use BinaryKind::*;
        [
            Add,
            AddAny,
            Sub,
            Mul,
            Div,
            Rem,
            Max,
            Min,
            Pow,
            Atan2,
            And,
            Or,
            Xor,
            ShiftLeft,
            ShiftRightLogical,
            ShiftRightArithmetic,
            NextAfter,
            MulHigh,
        ]
    };

    #[rustfmt::skip]
    fn row(self) -> Row {
        match self {
            BinaryKind::Add => Row { name: "add", accepts: NUMBERS,
                eval: Numbers(|_, x, y| x + y, |x, y| x + y, |x, y| x + y),
                derivative: Sum, lower: |b, x, y| b.add(x, y), samples: AROUND_ZERO },
            BinaryKind::AddAny => Row { name: "add_any", accepts: NUMBERS,
                eval: Numbers(|_, x, y| x + y, |x, y| x + y, |x, y| x + y),
                derivative: Sum, lower: |b, x, y| b.add(x, y), samples: AROUND_ZERO },
            BinaryKind::Sub => Row { name: "sub", accepts: NUMBERS,
                eval: Numbers(|_, x, y| x - y, |x, y| x - y, |x, y| x - y),
                derivative: Difference, lower: |b, x, y| b.sub(x, y), samples: AROUND_ZERO },
            BinaryKind::Mul => Row { name: "mul", accepts: NUMBERS,
                eval: Numbers(|_, x, y| x.wrapping_mul(y), |x, y| x * y, |x, y| x * y),
                derivative: Product, lower: |b, x, y| b.mul(x, y), samples: AROUND_ZERO },
            BinaryKind::Div => Row { name: "div", accepts: NUMBERS,
                eval: Numbers(|_, x, y| if y == 0 { -1 } else { x / y }, |x, y| x / y, |x, y| x / y),
                derivative: Quotient, lower: |b, x, y| b.div(x, y), samples: AROUND_ZERO },
            BinaryKind::Rem => Row { name: "rem", accepts: REALS,
                eval: Both(|_, x, y| if y == 0 { x } else { x % y }, |x, y| x % y),
                derivative: Parts(|_, _, t| t, rem_divisor),
                lower: |b, x, y| b.binary(BinaryOp::Rem, x, y), samples: BETWEEN_MULTIPLES },
            BinaryKind::Max => Row { name: "max", accepts: ANY,
                eval: Numbers(|_, x, y| x.max(y), maximum, Complex::max),
                derivative: Parts(
                    |b, at, t| share_of_extremum(b, t, at.x, at.result, at.y),
                    |b, at, t| share_of_extremum(b, t, at.y, at.result, at.x),
                ),
                lower: |b, x, y| b.binary(BinaryOp::Max, x, y), samples: AROUND_ZERO },
            BinaryKind::Min => Row { name: "min", accepts: ANY,
                eval: Numbers(|_, x, y| x.min(y), |x, y| -maximum(-x, -y), Complex::min),
                derivative: Parts(
                    |b, at, t| share_of_extremum(b, t, at.x, at.result, at.y),
                    |b, at, t| share_of_extremum(b, t, at.y, at.result, at.x),
                ),
                lower: |b, x, y| b.binary(BinaryOp::Min, x, y), samples: AROUND_ZERO },
            BinaryKind::Pow => Row { name: "pow", accepts: FLOATS, eval: Inexact(f64::powf, Complex::pow),
                derivative: Parts(pow_base, pow_exponent),
                lower: |b, x, y| { let y = b.convert(y, b.dtype(x)); b.binary(BinaryOp::Pow, x, y) },
                samples: POSITIVE_BASE },
            BinaryKind::Atan2 => Row { name: "atan2", accepts: FLOATS, eval: Inexact(f64::atan2, Complex::atan2),
                derivative: Parts(
                    |b, at, t| { let d = over_square_norm(b, at.y, at); b.mul(t, d) },
                    |b, at, t| { let x = b.neg(at.x); let d = over_square_norm(b, x, at); b.mul(t, d) },
                ),
                lower: |b, x, y| b.binary(BinaryOp::Atan2, x, y), samples: AROUND_ZERO },
            BinaryKind::And => Row { name: "and", accepts: BITS, eval: Integers(|_, x, y| x & y), derivative: Zero,
                lower: |b, x, y| b.and(x, y), samples: PATTERNS },
            BinaryKind::Or => Row { name: "or", accepts: BITS, eval: Integers(|_, x, y| x | y), derivative: Zero,
                lower: |b, x, y| b.or(x, y), samples: PATTERNS },
            BinaryKind::Xor => Row { name: "xor", accepts: BITS, eval: Integers(|_, x, y| x ^ y), derivative: Zero,
                lower: |b, x, y| b.xor(x, y), samples: PATTERNS },
            BinaryKind::ShiftLeft => Row { name: "shift_left", accepts: INTEGERS,
                eval: Integers(|dtype, x, y| shift(dtype, y).map_or(0, |amount| x << amount)), derivative: Zero,
                lower: |b, x, y| b.shl(x, y), samples: AMOUNTS },
            BinaryKind::ShiftRightLogical => Row { name: "shift_right_logical", accepts: INTEGERS,
                eval: Integers(|dtype, x, y| shift(dtype, y).map_or(0, |amount| unsigned(dtype, x) >> amount)),
                derivative: Zero, lower: |b, x, y| b.shr(x, y), samples: AMOUNTS },
            BinaryKind::ShiftRightArithmetic => Row { name: "shift_right_arithmetic", accepts: INTEGERS,
                eval: Integers(|dtype, x, y| signed(dtype, x) >> shift(dtype, y).unwrap_or(dtype.bits())),
                derivative: Zero, lower: |b, x, y| b.sar(x, y), samples: AMOUNTS },
            BinaryKind::NextAfter => Row { name: "nextafter", accepts: REAL_FLOATS, eval: Floats(next_after),
                derivative: Missing, lower: |b, x, y| b.binary(BinaryOp::NextAfter, x, y), samples: AROUND_ZERO },
            BinaryKind::MulHigh => Row { name: "mulhi", accepts: INTEGERS, eval: Integers(mul_high), derivative: Zero,
                lower: |b, x, y| b.binary(BinaryOp::MulHigh, x, y), samples: PATTERNS },
        }
    }
}

impl Primitive for Binary {
    fn name(&self) -> &str {
        self.0.row().name
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        expect_kind(&operands[0], self.0.row().accepts)?;
        let integer_exponent = self.0 == BinaryKind::Pow && operands[1].dtype.is_integer();
        if !integer_exponent {
            expect_same_dtype(operands)?;
        }
        Ok(vec![Aval::new(operands[0].dtype, expect_broadcast(operands)?)])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let avals: Vec<Aval> = operands.iter().map(|operand| operand.aval().clone()).collect();
        let result = self.infer(&avals).expect("operands have the inferred types").remove(0);
        let (dtype, eval) = (result.dtype, self.0.row().eval);
        Ok(vec![eval_elementwise(result, operands, |pair| eval.apply(dtype, pair[0], pair[1]))])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let derivative = self.0.row().derivative;
        if matches!(derivative, Zero) || tangents.iter().all(Tangent::is_zero) {
            return locally_constant(cx, *self, primals);
        }
        if matches!(derivative, Missing) {
            return Err(NoRule::ByDesign("JAX has no derivative of it"));
        }
        let result = cx.builder.emit_one(*self, primals);
        let point = Point { x: primals[0], y: primals[1], result };
        let tangent = tangent_of(cx.builder, &derivative, &point, tangents[0].value(), tangents[1].value());
        let shape = cx.builder.aval(result).shape;
        Ok(Duals::one(result, Tangent::Value(broadcast_to(cx.builder, tangent, &shape))))
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let mut results = zero_cotangents(cx, operands);
        let Some(ct) = cotangents[0].value() else { return Ok(results) };
        for (slot, operand) in operands.iter().enumerate().filter(|(_, operand)| operand.is_linear()) {
            let other = operands[1 - slot].known();
            let ct = match (self.0.row().derivative, slot, other) {
                (Sum, _, _) | (Difference, 0, _) => ct,
                (Difference, _, _) => cx.builder.neg(ct),
                (Product, 0, Some(other)) => cx.builder.mul(ct, other),
                (Product, _, Some(other)) => cx.builder.mul(other, ct),
                (Quotient, 0, Some(other)) => cx.builder.div(ct, other),
                (Product | Quotient | Zero | Missing | Parts(..), _, _) => {
                    return Err(NoRule::ByDesign("not linear"));
                }
            };
            let aval = operand_aval(cx, operand);
            results[slot] = Tangent::Value(unbroadcast(cx, ct, &aval));
        }
        Ok(results)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_elementwise(cx, *self, operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let lower = self.0.row().lower;
        Ok(elementwise_nest(operands, &results[0], |b, x| lower(b, x[0], x[1])))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Binary {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        // With `out_dtype`, a product is another primitive.
        let kind = BinaryKind::ALL.into_iter().find(|kind| kind.row().name == name)?;
        params.get("out_dtype").is_none().then_some(Ok(Binary(kind)))
    }

    fn samples() -> Vec<Sample> {
        let mut samples: Vec<Sample> = BinaryKind::ALL.into_iter().flat_map(samples_of).collect();
        let bases = Tensor::from_f64s(DType::F32, [5], &[-2.0, -3.0, 0.5, 1.5, -1.25]);
        let exponents = Tensor::from_f64s(DType::I32, [5], &[3.0, -2.0, 5.0, 1.0, 2.0]);
        samples.push(Sample::new(Binary(BinaryKind::Pow), vec![bases, exponents]));
        let zeros = Tensor::from_f64s(DType::F64, [3], &[0.0, -0.0, 0.0]);
        let exponents = Tensor::from_f64s(DType::I64, [3], &[0.0, -1.0, 2.0]);
        samples.push(Sample::new(Binary(BinaryKind::Pow), vec![zeros, exponents]).not_smooth());
        let bases = Tensor::from_parts(DType::C64, [3], &[0.5, -1.0, 0.0], &[1.5, -0.25, 2.0]);
        let exponents = Tensor::from_f64s(DType::I32, [3], &[3.0, -2.0, 0.0]);
        samples.push(Sample::new(Binary(BinaryKind::Pow), vec![bases, exponents]).within(16.0));
        samples
    }
}

fn samples_of(kind: BinaryKind) -> Vec<Sample> {
    let row = kind.row();
    let [xs, ys] = row.samples;
    let smooth = !matches!(row.derivative, Zero | Missing);
    let sample = |x: Tensor, y: Tensor| Sample { smooth, ..Sample::new(Binary(kind), vec![x, y]) };
    let mut samples = Vec::new();
    for dtype in SAMPLE_DTYPES.into_iter().filter(|dtype| row.accepts.contains(&dtype.kind())) {
        let tensor = |shape: &[usize], values: &[f64]| {
            let count = shape.iter().product();
            Tensor::from_f64s(dtype, shape, &values[..count])
        };
        samples.push(sample(tensor(&[5], &xs), tensor(&[5], &ys)));
        samples.push(sample(tensor(&[5], &xs), tensor(&[], &ys)));
        samples.push(sample(tensor(&[], &xs), tensor(&[1, 3], &ys)));
        samples.push(sample(tensor(&[5, 1], &xs), tensor(&[1, 3], &ys)));
        samples.push(sample(tensor(&[2, 0], &xs), tensor(&[2, 1], &ys)));
        if dtype.is_float() {
            let x = tensor(&[5], &[f64::NAN, f64::INFINITY, -0.0, 0.0, f64::NEG_INFINITY]);
            let y = tensor(&[5], &[1.0, f64::INFINITY, 0.0, -0.0, f64::NAN]);
            samples.push(sample(x, y).not_smooth());
        }
    }
    if row.accepts.contains(&Kind::Complex) {
        samples.extend([DType::C64, DType::C128].into_iter().flat_map(|dtype| complex_samples(kind, dtype)));
    }
    samples
}

fn complex_samples(kind: BinaryKind, dtype: DType) -> Vec<Sample> {
    let row = kind.row();
    let [xs, ys] = row.samples;
    let (x, y) = (Tensor::from_parts(dtype, [5], &xs, &ys), Tensor::from_parts(dtype, [5], &ys, &[0.5; 5]));
    let sample = |x: &Tensor, y: &Tensor| Sample::new(Binary(kind), vec![x.clone(), y.clone()]).within(64.0);
    let (re, im) = ([1.0, -0.0, 0.0, 2.0, 4.0], [1.0, 2.0, -1.0, 0.0, -4.0]);
    let on_axes = Tensor::from_parts(dtype, [5], &re, &im);
    let turned = Tensor::from_parts(dtype, [5], &im, &re);
    let scalar = Tensor::from_parts(dtype, [], &[0.75], &[-1.25]);
    let empty = Tensor::from_parts(dtype, [0], &[], &[]);
    vec![sample(&x, &y), sample(&y, &scalar), sample(&on_axes, &turned).not_smooth(), sample(&empty, &scalar)]
}

const SAMPLE_DTYPES: [DType; 9] = [
    DType::F32,
    DType::F64,
    DType::F16,
    DType::BF16,
    DType::I8,
    DType::I32,
    DType::U8,
    DType::U64,
    DType::Bool,
];

impl Eval {
    fn apply(&self, dtype: DType, x: Scalar, y: Scalar) -> Scalar {
        match (x, y) {
            (Scalar::Bool(x), Scalar::Bool(y)) => {
                Scalar::Bool(self.integers(dtype, i128::from(x), i128::from(y)) != 0)
            }
            (Scalar::Int(x), Scalar::Int(y)) => Scalar::Int(self.integers(dtype, x, y)),
            (Scalar::Complex(..), _) => self.complex(x.number(), y.number()).into(),
            (x, Scalar::Int(y)) => Scalar::Float(self.floats(dtype, x.float(), int_to_float(dtype, y))),
            (x, y) => Scalar::Float(self.floats(dtype, x.float(), y.float())),
        }
    }

    fn integers(&self, dtype: DType, x: i128, y: i128) -> i128 {
        match self {
            Integers(f) | Both(f, _) | Numbers(f, _, _) => f(dtype, x, y),
            Floats(_) | Inexact(..) => unreachable!("the operation accepts no integers"),
        }
    }

    fn floats(&self, dtype: DType, x: f64, y: f64) -> f64 {
        match self {
            Floats(f) => f(dtype, x, y),
            Both(_, f) | Numbers(_, f, _) | Inexact(f, _) => f(x, y),
            Integers(_) => unreachable!("the operation accepts no floats"),
        }
    }

    fn complex(&self, x: Complex, y: Complex) -> Complex {
        match self {
            Numbers(_, _, f) | Inexact(_, f) => f(x, y),
            Integers(_) | Floats(_) | Both(..) => unreachable!("the operation accepts no complex numbers"),
        }
    }
}

/// An integer as a floating element, rounded as XLA does: to f32 on the way to the narrower types.
pub(super) fn int_to_float(dtype: DType, x: i128) -> f64 {
    let value = if dtype == DType::F64 { x as f64 } else { f64::from(x as f32) };
    Scalar::Float(value).rounded(dtype).float()
}

/// The greater of two floats; NaN if either is, and -0 is below +0.
pub(in crate::ops) fn maximum(x: f64, y: f64) -> f64 {
    match x.partial_cmp(&y) {
        None => f64::NAN,
        Some(_) if x == y => {
            if x.is_sign_negative() {
                y
            } else {
                x
            }
        }
        Some(order) => {
            if order.is_gt() {
                x
            } else {
                y
            }
        }
    }
}

/// The amount, unless it shifts every bit out.
fn shift(dtype: DType, amount: i128) -> Option<u32> {
    (0..i128::from(dtype.bits())).contains(&amount).then_some(amount as u32)
}

/// The bits of an integer as an unsigned number.
fn unsigned(dtype: DType, x: i128) -> i128 {
    x & ((1 << dtype.bits()) - 1)
}

/// The bits of an integer as a number in two's complement.
fn signed(dtype: DType, x: i128) -> i128 {
    let unused = 128 - dtype.bits();
    x << unused >> unused
}

fn mul_high(dtype: DType, x: i128, y: i128) -> i128 {
    // A product of unsigned 64-bit integers needs all 128 bits.
    let product = x.wrapping_mul(y);
    if dtype.is_signed() { product >> dtype.bits() } else { (product as u128 >> dtype.bits()) as i128 }
}

/// The next value of `dtype` from `x` toward `y`.
fn next_after(dtype: DType, x: f64, y: f64) -> f64 {
    let bits = |x: f64| Literal::from_f64(dtype, x).bits();
    let value = |bits: u128| Literal::from_bits(dtype, bits).value().float();
    if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x == y {
        y
    } else if x == 0.0 {
        value(1).copysign(y)
    } else if (x < y) == (x > 0.0) {
        value(bits(x) + 1)
    } else {
        value(bits(x) - 1)
    }
}

/// The tangent, perhaps still to be broadcast to the shape of the result. At least one operand has one.
fn tangent_of(
    b: &mut Builder,
    derivative: &Derivative,
    at: &Point,
    dx: Option<Atom>,
    dy: Option<Atom>,
) -> Atom {
    if let (Difference, Some(dx), Some(dy)) = (derivative, dx, dy) {
        return b.sub(dx, dy);
    }
    let from_x = dx.map(|t| match derivative {
        Sum | Difference => t,
        Product => b.mul(t, at.y),
        Quotient => b.div(t, at.y),
        Parts(part, _) => part(b, at, t),
        Zero | Missing => unreachable!("answered before"),
    });
    let from_y = dy.map(|t| match derivative {
        Sum => t,
        Difference => b.neg(t),
        Product => b.mul(at.x, t),
        Quotient => quotient_divisor(b, at, t),
        Parts(_, part) => part(b, at, t),
        Zero | Missing => unreachable!("answered before"),
    });
    match (from_x, from_y) {
        (Some(x), Some(y)) => b.add(x, y),
        (x, y) => x.or(y).expect("the caller has seen a tangent"),
    }
}

/// `-t x / y^2`.
fn quotient_divisor(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let t = b.neg(t);
    let (scaled, square) = (b.mul(t, at.x), b.emit_one(IntegerPow { y: -2 }, &[at.y]));
    b.mul(scaled, square)
}

/// The quotient `trunc(x / y)` is locally constant.
fn rem_divisor(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let ratio = b.div(at.x, at.y);
    let (sign, size) = (b.unary(UnaryKind::Sign, ratio), b.unary(UnaryKind::Abs, ratio));
    let size = b.unary(UnaryKind::Floor, size);
    let (t, quotient) = (b.neg(t), b.mul(sign, size));
    b.mul(t, quotient)
}

/// `t` where `mine` is the extremum, half of it where `other` is too.
fn share_of_extremum(b: &mut Builder, t: Atom, mine: Atom, extremum: Atom, other: Atom) -> Atom {
    let constants = [0.0, 1.0, 2.0].map(|value| b.constant_like(extremum, value));
    let [zero, one, two] = constants;
    let (is_mine, is_other) =
        (b.compare(CompareKind::Eq, mine, extremum), b.compare(CompareKind::Eq, other, extremum));
    let (numerator, denominator) = (b.select(is_mine, one, zero), b.select(is_other, two, one));
    let share = b.div(numerator, denominator);
    b.mul(t, share)
}

/// `numerator / (x^2 + y^2)`.
fn over_square_norm(b: &mut Builder, numerator: Atom, at: &Point) -> Atom {
    let (x, y) = (b.unary(UnaryKind::Square, at.x), b.unary(UnaryKind::Square, at.y));
    let norm = b.add(x, y);
    b.div(numerator, norm)
}

/// `t y x^(y - 1)`; with an integer exponent of zero, zero even at `x = 0`.
fn pow_base(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let (y, one) = (b.convert(at.y, b.dtype(at.x)), b.constant_like(at.y, 1.0));
    if !b.dtype(at.y).is_integer() {
        let below = b.sub(at.y, one);
        let power = b.binary(BinaryKind::Pow, at.x, below);
        let slope = b.mul(y, power);
        return b.mul(t, slope);
    }
    let zero = b.constant_like(at.y, 0.0);
    let (is_zero, below) = (b.compare(CompareKind::Eq, at.y, zero), b.sub(at.y, one));
    // The exponent stays an integer, for derivatives of the derivative.
    let below = b.select(is_zero, one, below);
    let power = b.binary(BinaryKind::Pow, at.x, below);
    let slope = b.mul(y, power);
    let zero = b.constant_like(slope, 0.0);
    let slope = b.select(is_zero, zero, slope);
    b.mul(t, slope)
}

/// `t log(x) x^y`, where the logarithm of zero counts as zero.
fn pow_exponent(b: &mut Builder, at: &Point, t: Atom) -> Atom {
    let base = one_for_zero(b, at.x);
    let log = b.unary(UnaryKind::Log, base);
    let slope = b.mul(log, at.result);
    b.mul(t, slope)
}

/// `x == 0 ? 1 : x`.
fn one_for_zero(b: &mut Builder, x: Atom) -> Atom {
    let (zero, one) = (b.constant_like(x, 0.0), b.constant_like(x, 1.0));
    let is_zero = b.compare(CompareKind::Eq, x, zero);
    b.select(is_zero, one, x)
}
