//! Operations on one operand: one row each in [`UnaryKind::row`].

use super::{CompareKind, ComplexPart, Conj, PartKind};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params, Value};
use crate::loops::{BlockBuilder, UnaryOp, Val};
use crate::ops::Op;
use crate::ops::elementwise::IntegerPow;
use crate::ops::rules::*;
use crate::types::{Aval, Complex, DType, Kind, Literal, Scalar, Tensor};
use std::f64::consts::{FRAC_2_SQRT_PI, LN_2};

/// An elementwise operation on one operand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Unary(pub UnaryKind);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnaryKind {
    Neg,
    Abs,
    Sign,
    Not,
    Floor,
    Ceil,
    RoundAway,
    RoundEven,
    IsFinite,
    PopulationCount,
    CountLeadingZeros,
    Square,
    OneMinusSquare,
    Sqrt,
    Rsqrt,
    Cbrt,
    Exp,
    Exp2,
    Expm1,
    Log,
    Log1p,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    Logistic,
    Erf,
    Erfc,
    ErfInv,
}

/// One operation's page.
struct Row {
    name: &'static str,
    accepts: &'static [Kind],
    /// Reference semantics on one element.
    eval: Eval,
    tangent: Derivative,
    lower: fn(&mut BlockBuilder, Val) -> Val,
    /// Operands for the laws, inside the domain and away from jumps of the derivative.
    samples: [f64; 5],
}

enum Eval {
    Float(fn(f64) -> f64),
    Inexact(fn(f64) -> f64, fn(Complex) -> Complex),
    Any(fn(DType, Scalar) -> Scalar),
}

enum Derivative {
    /// The operation is linear.
    Linear,
    /// Zero wherever it exists.
    Zero,
    /// The tangent from operand, result and operand tangent.
    Rule(fn(&mut Builder, Atom, Atom, Atom) -> Atom),
}

use Derivative::{Linear, Rule as By, Zero};
use Eval::{Any, Float, Inexact};

const FLOATS: &[Kind] = &[Kind::Float, Kind::Complex];
const REALS: &[Kind] = &[Kind::Float];
const NUMBERS: &[Kind] = &[Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex];
const INTEGERS: &[Kind] = &[Kind::Signed, Kind::Unsigned];
const BITS: &[Kind] = &[Kind::Bool, Kind::Signed, Kind::Unsigned];
const AROUND_ZERO: [f64; 5] = [-2.5, -0.75, 0.25, 1.25, 3.0];
const POSITIVE: [f64; 5] = [0.125, 0.5, 1.25, 2.0, 7.5];
const INSIDE_ONE: [f64; 5] = [-0.875, -0.5, 0.125, 0.375, 0.75];
const ABOVE_ONE: [f64; 5] = [1.125, 1.5, 2.0, 3.5, 10.0];
const COUNTS: [f64; 5] = [0.0, 1.0, 3.0, 8.0, 100.0];
/// Imaginary parts that go with them, away from branch cuts.
const HEIGHTS: [f64; 5] = [0.5, -1.25, 0.75, -0.25, 2.0];

impl UnaryKind {
    /// Every member, in the order of the table.
    pub const ALL: [UnaryKind; 37] = {
        use UnaryKind::*;
        [
            Neg,
            Abs,
            Sign,
            Not,
            Floor,
            Ceil,
            RoundAway,
            RoundEven,
            IsFinite,
            PopulationCount,
            CountLeadingZeros,
            Square,
            OneMinusSquare,
            Sqrt,
            Rsqrt,
            Cbrt,
            Exp,
            Exp2,
            Expm1,
            Log,
            Log1p,
            Sin,
            Cos,
            Tan,
            Asin,
            Acos,
            Atan,
            Sinh,
            Cosh,
            Tanh,
            Asinh,
            Acosh,
            Atanh,
            Logistic,
            Erf,
            Erfc,
            ErfInv,
        ]
    };

    #[rustfmt::skip]
    fn row(self) -> Row {
        match self {
            UnaryKind::Neg => Row { name: "neg", accepts: NUMBERS, eval: Any(eval_neg), tangent: Linear,
                lower: |b, x| b.neg(x), samples: AROUND_ZERO },
            UnaryKind::Abs => Row { name: "abs", accepts: NUMBERS, eval: Any(eval_abs),
                tangent: By(abs_tangent), lower: |b, x| b.abs(x), samples: AROUND_ZERO },
            UnaryKind::Sign => Row { name: "sign", accepts: NUMBERS, eval: Any(eval_sign), tangent: Zero,
                lower: |b, x| b.unary(UnaryOp::Sign, x), samples: AROUND_ZERO },
            UnaryKind::Not => Row { name: "not", accepts: BITS, eval: Any(eval_not), tangent: Zero,
                lower: |b, x| b.not(x), samples: COUNTS },
            UnaryKind::Floor => Row { name: "floor", accepts: REALS, eval: Float(f64::floor), tangent: Zero,
                lower: |b, x| b.unary(UnaryOp::Floor, x), samples: AROUND_ZERO },
            UnaryKind::Ceil => Row { name: "ceil", accepts: REALS, eval: Float(f64::ceil), tangent: Zero,
                lower: |b, x| b.unary(UnaryOp::Ceil, x), samples: AROUND_ZERO },
            UnaryKind::RoundAway => Row { name: "round", accepts: REALS, eval: Float(f64::round), tangent: Zero,
                lower: |b, x| b.unary(UnaryOp::RoundAway, x), samples: AROUND_ZERO },
            UnaryKind::RoundEven => Row { name: "round", accepts: REALS, eval: Float(f64::round_ties_even),
                tangent: Zero, lower: |b, x| b.unary(UnaryOp::RoundEven, x), samples: AROUND_ZERO },
            UnaryKind::IsFinite => Row { name: "is_finite", accepts: REALS,
                eval: Any(|_, x| Scalar::Bool(x.float().is_finite())), tangent: Zero,
                lower: |b, x| b.unary(UnaryOp::IsFinite, x), samples: AROUND_ZERO },
            UnaryKind::PopulationCount => Row { name: "population_count", accepts: INTEGERS,
                eval: Any(|dtype, x| Scalar::Int(i128::from(bits_of(dtype, x).count_ones()))), tangent: Zero,
                lower: |b, x| b.unary(UnaryOp::PopulationCount, x), samples: COUNTS },
            UnaryKind::CountLeadingZeros => Row { name: "clz", accepts: INTEGERS,
                eval: Any(|dtype, x| {
                    Scalar::Int(i128::from(bits_of(dtype, x).leading_zeros()) - 128 + i128::from(dtype.bits()))
                }),
                tangent: Zero, lower: |b, x| b.unary(UnaryOp::CountLeadingZeros, x), samples: COUNTS },
            UnaryKind::Square => Row { name: "square", accepts: NUMBERS, eval: Any(eval_square),
                tangent: By(|b, x, _, t| { let two = b.constant_like(x, 2.0); let d = b.mul(two, x); b.mul(t, d) }),
                lower: |b, x| b.mul(x, x), samples: AROUND_ZERO },
            // The factors keep the digits near one, and the rule those of tiny operands.
            UnaryKind::OneMinusSquare => Row { name: "one_minus_square", accepts: NUMBERS, eval: Any(eval_one_minus_square),
                tangent: By(|b, x, _, t| { let scale = b.constant_like(x, -2.0); let d = b.mul(scale, x); b.mul(t, d) }),
                lower: |b, x| {
                    let dtype = b.dtype(x);
                    let one = b.literal(Literal::from_f64(dtype, 1.0));
                    let (above, below) = (b.add(one, x), b.sub(one, x));
                    b.mul(above, below)
                }, samples: AROUND_ZERO },
            UnaryKind::Sqrt => Row { name: "sqrt", accepts: FLOATS, eval: Inexact(f64::sqrt, Complex::sqrt),
                tangent: By(|b, _, y, t| { let half = b.constant_like(y, 0.5); let d = b.div(half, y); b.mul(t, d) }),
                lower: |b, x| b.sqrt(x), samples: POSITIVE },
            UnaryKind::Rsqrt => Row { name: "rsqrt", accepts: FLOATS, eval: Inexact(|x| 1.0 / x.sqrt(), Complex::rsqrt),
                tangent: By(|b, x, y, t| {
                    let (half, d) = (b.constant_like(y, -0.5), b.div(y, x));
                    let d = b.mul(half, d);
                    b.mul(t, d)
                }),
                lower: |b, x| b.unary(UnaryOp::Rsqrt, x), samples: POSITIVE },
            UnaryKind::Cbrt => Row { name: "cbrt", accepts: REALS, eval: Float(f64::cbrt),
                tangent: By(|b, _, y, t| {
                    let (third, d) = (b.constant_like(y, 1.0 / 3.0), b.emit_one(IntegerPow { y: -2 }, &[y]));
                    let d = b.mul(third, d);
                    b.mul(t, d)
                }),
                lower: |b, x| b.unary(UnaryOp::Cbrt, x), samples: AROUND_ZERO },
            UnaryKind::Exp => Row { name: "exp", accepts: FLOATS, eval: Inexact(f64::exp, Complex::exp),
                tangent: By(|b, _, y, t| b.mul(t, y)),
                lower: |b, x| b.unary(UnaryOp::Exp, x), samples: AROUND_ZERO },
            UnaryKind::Exp2 => Row { name: "exp2", accepts: FLOATS, eval: Inexact(f64::exp2, Complex::exp2),
                tangent: By(|b, _, y, t| { let ln2 = b.constant_like(y, LN_2); let d = b.mul(ln2, y); b.mul(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Exp2, x), samples: AROUND_ZERO },
            UnaryKind::Expm1 => Row { name: "expm1", accepts: FLOATS, eval: Inexact(f64::exp_m1, Complex::expm1),
                tangent: By(|b, _, y, t| { let one = b.constant_like(y, 1.0); let d = b.add(y, one); b.mul(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Expm1, x), samples: AROUND_ZERO },
            UnaryKind::Log => Row { name: "log", accepts: FLOATS, eval: Inexact(f64::ln, Complex::log),
                tangent: By(|b, x, _, t| b.div(t, x)),
                lower: |b, x| b.unary(UnaryOp::Log, x), samples: POSITIVE },
            UnaryKind::Log1p => Row { name: "log1p", accepts: FLOATS, eval: Inexact(f64::ln_1p, Complex::log1p),
                tangent: By(|b, x, _, t| { let one = b.constant_like(x, 1.0); let d = b.add(x, one); b.div(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Log1p, x), samples: INSIDE_ONE },
            UnaryKind::Sin => Row { name: "sin", accepts: FLOATS, eval: Inexact(f64::sin, Complex::sin),
                tangent: By(|b, x, _, t| { let d = b.unary(UnaryKind::Cos, x); b.mul(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Sin, x), samples: AROUND_ZERO },
            UnaryKind::Cos => Row { name: "cos", accepts: FLOATS, eval: Inexact(f64::cos, Complex::cos),
                tangent: By(|b, x, _, t| { let s = b.unary(UnaryKind::Sin, x); let d = b.neg(s); b.mul(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Cos, x), samples: AROUND_ZERO },
            UnaryKind::Tan => Row { name: "tan", accepts: FLOATS, eval: Inexact(f64::tan, Complex::tan),
                tangent: By(|b, _, y, t| { let d = one_plus_square(b, y); b.mul(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Tan, x), samples: INSIDE_ONE },
            UnaryKind::Asin => Row { name: "asin", accepts: FLOATS, eval: Inexact(f64::asin, Complex::asin),
                tangent: By(|b, x, _, t| { let d = rsqrt_one_minus_square(b, x); b.mul(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Asin, x), samples: INSIDE_ONE },
            UnaryKind::Acos => Row { name: "acos", accepts: FLOATS, eval: Inexact(f64::acos, Complex::acos),
                tangent: By(|b, x, _, t| { let d = rsqrt_one_minus_square(b, x); let d = b.neg(d); b.mul(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Acos, x), samples: INSIDE_ONE },
            UnaryKind::Atan => Row { name: "atan", accepts: FLOATS, eval: Inexact(f64::atan, Complex::atan),
                tangent: By(|b, x, _, t| { let d = one_plus_square(b, x); b.div(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Atan, x), samples: AROUND_ZERO },
            UnaryKind::Sinh => Row { name: "sinh", accepts: FLOATS, eval: Inexact(f64::sinh, Complex::sinh),
                tangent: By(|b, x, _, t| { let d = b.unary(UnaryKind::Cosh, x); b.mul(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Sinh, x), samples: AROUND_ZERO },
            UnaryKind::Cosh => Row { name: "cosh", accepts: FLOATS, eval: Inexact(f64::cosh, Complex::cosh),
                tangent: By(|b, x, _, t| { let d = b.unary(UnaryKind::Sinh, x); b.mul(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Cosh, x), samples: AROUND_ZERO },
            UnaryKind::Tanh => Row { name: "tanh", accepts: FLOATS, eval: Inexact(f64::tanh, Complex::tanh),
                // (1 + y)(1 - y) keeps the digits that 1 - y^2 loses near saturation.
                tangent: By(|b, _, y, t| {
                    let one = b.constant_like(y, 1.0);
                    let (ty, rest) = (b.mul(t, y), b.sub(one, y));
                    let sum = b.add(t, ty);
                    b.mul(sum, rest)
                }),
                lower: |b, x| b.unary(UnaryOp::Tanh, x), samples: AROUND_ZERO },
            UnaryKind::Asinh => Row { name: "asinh", accepts: FLOATS, eval: Inexact(f64::asinh, Complex::asinh),
                tangent: By(|b, x, _, t| {
                    let d = one_plus_square(b, x);
                    let d = b.unary(UnaryKind::Rsqrt, d);
                    b.mul(t, d)
                }),
                lower: |b, x| b.unary(UnaryOp::Asinh, x), samples: AROUND_ZERO },
            UnaryKind::Acosh => Row { name: "acosh", accepts: FLOATS, eval: Inexact(f64::acosh, Complex::acosh),
                tangent: By(|b, x, _, t| {
                    let one = b.constant_like(x, 1.0);
                    let square = b.mul(x, x);
                    let d = b.sub(square, one);
                    let d = b.unary(UnaryKind::Rsqrt, d);
                    b.mul(t, d)
                }),
                lower: |b, x| b.unary(UnaryOp::Acosh, x), samples: ABOVE_ONE },
            UnaryKind::Atanh => Row { name: "atanh", accepts: FLOATS, eval: Inexact(f64::atanh, Complex::atanh),
                tangent: By(|b, x, _, t| { let d = one_minus_square(b, x); b.div(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Atanh, x), samples: INSIDE_ONE },
            UnaryKind::Logistic => Row { name: "logistic", accepts: FLOATS, eval: Inexact(|x| 1.0 / (1.0 + (-x).exp()), Complex::logistic),
                tangent: By(|b, _, y, t| {
                    let one = b.constant_like(y, 1.0);
                    let rest = b.sub(one, y);
                    let d = b.mul(y, rest);
                    b.mul(t, d)
                }),
                lower: |b, x| b.unary(UnaryOp::Logistic, x), samples: AROUND_ZERO },
            UnaryKind::Erf => Row { name: "erf", accepts: REALS, eval: Float(libm::erf),
                tangent: By(|b, x, _, t| { let d = gaussian(b, x, FRAC_2_SQRT_PI); b.mul(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Erf, x), samples: AROUND_ZERO },
            UnaryKind::Erfc => Row { name: "erfc", accepts: REALS, eval: Float(libm::erfc),
                tangent: By(|b, x, _, t| { let d = gaussian(b, x, -FRAC_2_SQRT_PI); b.mul(t, d) }),
                lower: |b, x| b.unary(UnaryOp::Erfc, x), samples: AROUND_ZERO },
            UnaryKind::ErfInv => Row { name: "erf_inv", accepts: REALS, eval: Float(erf_inv),
                tangent: By(|b, _, y, t| {
                    let (scale, square) = (b.constant_like(y, 1.0 / FRAC_2_SQRT_PI), b.unary(UnaryKind::Square, y));
                    let d = b.unary(UnaryKind::Exp, square);
                    let d = b.mul(scale, d);
                    b.mul(t, d)
                }),
                lower: |b, x| b.unary(UnaryOp::ErfInv, x), samples: INSIDE_ONE },
        }
    }
}

impl Primitive for Unary {
    fn name(&self) -> &str {
        self.0.row().name
    }

    fn params(&self) -> Params {
        match self.0 {
            UnaryKind::RoundAway => Params::new().with("rounding_method", 0usize),
            UnaryKind::RoundEven => Params::new().with("rounding_method", 1usize),
            _ => Params::new(),
        }
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let operand = &operands[0];
        if !self.0.row().accepts.contains(&operand.dtype.kind()) {
            return Err(TypeError(format!("no operand of dtype {} is allowed", operand.dtype)));
        }
        Ok(vec![match self.0 {
            UnaryKind::IsFinite => operand.with_dtype(DType::Bool),
            UnaryKind::Abs => operand.with_dtype(operand.dtype.real_part()),
            _ => operand.clone(),
        }])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let dtype = operands[0].dtype();
        let result =
            self.infer(&[operands[0].aval().clone()]).expect("operands have the inferred types").remove(0);
        let row = self.0.row();
        Ok(vec![eval_elementwise(result, operands, |x| match (&row.eval, x[0]) {
            (Inexact(_, f), Scalar::Complex(..)) => f(x[0].number()).into(),
            (Float(f) | Inexact(f, _), x) => Scalar::Float(f(x.float())),
            (Any(f), x) => f(dtype, x),
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        match (self.0.row().tangent, &tangents[0]) {
            (Linear, _) => linear(cx, *self, primals, tangents),
            (Zero, _) | (By(_), Tangent::Zero(_)) => locally_constant(cx, *self, primals),
            (By(rule), Tangent::Value(tangent)) => {
                let result = cx.builder.emit_one(*self, primals);
                let tangent = rule(cx.builder, primals[0], result, *tangent);
                Ok(Duals::one(result, Tangent::Value(tangent)))
            }
        }
    }

    fn transpose(&self, cx: &mut TransposeCx, cotangents: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        match self.0.row().tangent {
            Linear => Ok(vec![match &cotangents[0] {
                Tangent::Value(ct) => Tangent::Value(cx.builder.emit_one(*self, &[*ct])),
                zero => zero.clone(),
            }]),
            Zero | By(_) => Err(NoRule::ByDesign("not linear")),
        }
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| (Op::from(*self), axis))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let lower = self.0.row().lower;
        Ok(elementwise_nest(operands, &results[0], |b, x| lower(b, x[0])))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Unary {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let kind = UnaryKind::ALL.into_iter().find(|kind| kind.row().name == name)?;
        if kind != UnaryKind::RoundAway {
            return Some(Ok(Unary(kind)));
        }
        Some(match params.get("rounding_method") {
            Some(Value::Int(0)) => Ok(Unary(UnaryKind::RoundAway)),
            Some(Value::Int(1)) => Ok(Unary(UnaryKind::RoundEven)),
            // The names of older texts, with or without that of the enumeration.
            Some(Value::Name(name)) if name.ends_with("AWAY_FROM_ZERO") => Ok(Unary(UnaryKind::RoundAway)),
            Some(Value::Name(name)) if name.ends_with("TO_NEAREST_EVEN") => Ok(Unary(UnaryKind::RoundEven)),
            _ => Err(TypeError::new("parameter rounding_method: expected 0 (away from zero) or 1 (to even)")),
        })
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        for kind in UnaryKind::ALL {
            let row = kind.row();
            let smooth =
                |sample: Sample| if matches!(row.tangent, Zero) { sample.not_smooth() } else { sample };
            let dtypes = [DType::F32, DType::F64, DType::BF16, DType::I32, DType::U8, DType::Bool];
            for dtype in dtypes.into_iter().filter(|dtype| row.accepts.contains(&dtype.kind())) {
                samples.push(smooth(Sample::new(
                    Unary(kind),
                    vec![Tensor::from_f64s(dtype, [5], &row.samples)],
                )));
                samples.push(smooth(Sample::new(Unary(kind), vec![Tensor::from_f64s(dtype, [2, 0], &[])])));
            }
            if row.accepts.contains(&Kind::Complex) {
                for dtype in [DType::C64, DType::C128] {
                    let plane = Tensor::from_parts(dtype, [5], &row.samples, &HEIGHTS);
                    samples.push(smooth(Sample::new(Unary(kind), vec![plane]).within(16.0)));
                }
                // Where squares overflow, a product of two factors may be NaN in one precision and infinite in another.
                if kind != UnaryKind::OneMinusSquare {
                    samples.push(Sample::new(Unary(kind), vec![extremes()]).not_smooth().within(64.0));
                }
            }
        }
        samples
    }
}

/// Complex numbers near zero, on both sides of branch cuts, and where squares overflow.
fn extremes() -> Tensor {
    let re = [0.0, -2.0, -2.0, 0.5, 1.0, 0.0, 1e-12, -1.0, 1e25, 30.0, -30.0, 1.0 - 1e-5, 1e-3];
    let im = [0.0, 0.0, -0.0, 0.0, 1e-6, 2.0, -1e-10, 1e-7, -1e24, 25.0, 1.5, 1e-4, 1.0];
    Tensor::from_parts(DType::C64, [13], &re, &im)
}

fn eval_neg(_: DType, x: Scalar) -> Scalar {
    match x {
        Scalar::Int(x) => Scalar::Int(-x),
        Scalar::Complex(..) => (-x.number()).into(),
        x => Scalar::Float(-x.float()),
    }
}

fn eval_abs(_: DType, x: Scalar) -> Scalar {
    match x {
        Scalar::Int(x) => Scalar::Int(x.abs()),
        Scalar::Complex(..) => Scalar::Float(x.number().abs()),
        x => Scalar::Float(x.float().abs()),
    }
}

fn eval_sign(_: DType, x: Scalar) -> Scalar {
    match x {
        Scalar::Int(x) => Scalar::Int(x.signum()),
        Scalar::Complex(..) => x.number().sign().into(),
        Scalar::Float(x) if x == 0.0 || x.is_nan() => Scalar::Float(x),
        x => Scalar::Float(x.float().signum()),
    }
}

fn eval_not(_: DType, x: Scalar) -> Scalar {
    match x {
        Scalar::Bool(x) => Scalar::Bool(!x),
        x => Scalar::Int(!x.int()),
    }
}

fn eval_square(_: DType, x: Scalar) -> Scalar {
    match x {
        Scalar::Int(x) => Scalar::Int(x.wrapping_mul(x)),
        Scalar::Complex(..) => (x.number() * x.number()).into(),
        x => Scalar::Float(x.float() * x.float()),
    }
}

fn eval_one_minus_square(_: DType, x: Scalar) -> Scalar {
    match x {
        Scalar::Int(x) => Scalar::Int(1i128.wrapping_add(x).wrapping_mul(1i128.wrapping_sub(x))),
        Scalar::Complex(..) => {
            let one = Complex::new(1.0, 0.0);
            ((one + x.number()) * (one - x.number())).into()
        }
        x => Scalar::Float((1.0 + x.float()) * (1.0 - x.float())),
    }
}

fn bits_of(dtype: DType, x: Scalar) -> u128 {
    x.int() as u128 & ((1 << dtype.bits()) - 1)
}

/// Bisection on erf: independent of every approximation of the inverse.
fn erf_inv(y: f64) -> f64 {
    if !(-1.0..=1.0).contains(&y) {
        return f64::NAN;
    }
    if y.abs() == 1.0 {
        return y * f64::INFINITY;
    }
    // erfc keeps the digits near one.
    let excess =
        |x: f64| if y.abs() < 0.5 { libm::erf(x) - y.abs() } else { (1.0 - y.abs()) - libm::erfc(x) };
    let (mut low, mut high) = (0.0f64, 6.0f64);
    while low.to_bits() + 1 < high.to_bits() {
        let middle = f64::from_bits((low.to_bits() + high.to_bits()) / 2);
        *(if excess(middle) < 0.0 { &mut low } else { &mut high }) = middle;
    }
    high.copysign(y)
}

/// Of a real number its sign, which counts as one at zero; of a complex number `Re(t conj(x) / |x|)`.
fn abs_tangent(b: &mut Builder, x: Atom, result: Atom, t: Atom) -> Atom {
    let dtype = b.dtype(x);
    let zero = b.constant_like(x, 0.0);
    if !dtype.is_complex() {
        let (not_below, negated) = (b.compare(CompareKind::Ge, x, zero), b.neg(t));
        return b.select(not_below, t, negated);
    }
    let (size, one) = (b.convert(result, dtype), b.constant_like(x, 1.0));
    let vanishes = b.compare(CompareKind::Eq, size, zero);
    let (divisor, conjugate) = (b.select(vanishes, one, size), b.emit_one(Conj, &[x]));
    let direction = b.div(conjugate, divisor);
    let product = b.mul(t, direction);
    b.emit_one(ComplexPart(PartKind::Real), &[product])
}

fn one_plus_square(b: &mut Builder, x: Atom) -> Atom {
    let (one, square) = (b.constant_like(x, 1.0), b.unary(UnaryKind::Square, x));
    b.add(one, square)
}

/// (1 - x)(1 + x), which keeps the digits that 1 - x^2 loses near one.
fn one_minus_square(b: &mut Builder, x: Atom) -> Atom {
    let one = b.constant_like(x, 1.0);
    let (below, above) = (b.sub(one, x), b.add(one, x));
    b.mul(below, above)
}

fn rsqrt_one_minus_square(b: &mut Builder, x: Atom) -> Atom {
    let d = one_minus_square(b, x);
    b.unary(UnaryKind::Rsqrt, d)
}

/// `scale * exp(-x^2)`.
fn gaussian(b: &mut Builder, x: Atom, scale: f64) -> Atom {
    let square = b.unary(UnaryKind::Square, x);
    let negated = b.neg(square);
    let bell = b.unary(UnaryKind::Exp, negated);
    let scale = b.constant_like(x, scale);
    b.mul(scale, bell)
}
