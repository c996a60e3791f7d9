//! Powers with a static integer exponent.

use crate::diag::TypeError;
use crate::ir::{Atom, Params};
use crate::loops::{BlockBuilder, Val};
use crate::ops::rules::*;
use crate::types::{Aval, Complex, DType, Kind, Scalar, Tensor};

/// `x^y` by repeated multiplication; a negative `y` gives the reciprocal of the positive power.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IntegerPow {
    pub y: i64,
}

impl Primitive for IntegerPow {
    fn name(&self) -> &str {
        "integer_pow"
    }

    fn params(&self) -> Params {
        Params::new().with("y", self.y)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_kind(&operands[0], &[Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex])?;
        if self.y < 0 && operands[0].dtype.is_integer() {
            let (dtype, y) = (operands[0].dtype, self.y);
            return Err(TypeError(format!("expected an exponent of at least 0 for {dtype}, found {y}")));
        }
        Ok(vec![operands[0].clone()])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (dtype, y) = (operands[0].dtype(), self.y);
        let result = operands[0].aval().clone();
        Ok(vec![eval_elementwise(result, operands, |x| match x[0] {
            Scalar::Int(x) => Scalar::Int(by_squaring(x, 1, y, |a, b| a.wrapping_mul(b))),
            Scalar::Complex(..) => {
                let multiply = |a: Complex, b: Complex| Scalar::from(a * b).rounded(dtype).number();
                let power = by_squaring(x[0].number(), Complex::ONE, y, multiply);
                Scalar::from(if y < 0 { Complex::ONE / power } else { power })
            }
            x => {
                let multiply = |a: f64, b: f64| Scalar::Float(a * b).rounded(dtype).float();
                let power = by_squaring(x.float(), 1.0, y, multiply);
                Scalar::Float(if y < 0 { 1.0 / power } else { power })
            }
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let (Some(tangent), true) = (tangents[0].value(), self.y != 0) else {
            return locally_constant(cx, *self, primals);
        };
        let b = &mut *cx.builder;
        let (x, result) = (primals[0], b.emit_one(*self, primals));
        let below = match self.y {
            1 => return Ok(Duals::one(result, Tangent::Value(tangent))),
            2 => x,
            y => b.emit_one(IntegerPow { y: y - 1 }, &[x]),
        };
        let factor = b.constant_like(x, self.y as f64);
        let slope = b.mul(factor, below);
        Ok(Duals::one(result, Tangent::Value(b.mul(tangent, slope))))
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| ((*self).into(), axis))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        Ok(elementwise_nest(operands, &results[0], |b, x| lower_power(b, x[0], self.y)))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for IntegerPow {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "integer_pow").then(|| Ok(IntegerPow { y: params.int("y")? }))
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        let dtypes = [DType::F32, DType::F64, DType::F16, DType::BF16, DType::I8, DType::U32];
        for dtype in dtypes {
            for y in [0, 1, 2, 3, 5, 10, -1, -2, -3] {
                if y < 0 && dtype.is_integer() {
                    continue;
                }
                let x = Tensor::from_f64s(dtype, [5], &[-2.0, -0.75, 1.0, 1.25, 3.0]);
                samples.push(Sample::new(IntegerPow { y }, vec![x]));
                samples.push(Sample::new(IntegerPow { y }, vec![Tensor::from_f64s(dtype, [0], &[])]));
            }
        }
        for (dtype, y) in [(DType::C64, 0), (DType::C64, 3), (DType::C128, 10), (DType::C128, -2)] {
            let x = Tensor::from_parts(dtype, [4], &[-2.0, 0.75, 1.0, 0.0], &[0.5, -1.25, 0.0, 3.0]);
            samples.push(Sample::new(IntegerPow { y }, vec![x]).within(64.0));
        }
        let specials = Tensor::from_f64s(DType::F32, [5], &[0.0, -0.0, f64::NAN, f64::INFINITY, 1e30]);
        samples.extend(
            [0, 2, -1, -3].map(|y| Sample::new(IntegerPow { y }, vec![specials.clone()]).not_smooth()),
        );
        samples
    }
}

/// `x` to the power `|y|` by squaring, as JAX computes it: the order of the products decides where they overflow.
fn by_squaring<T: Copy>(x: T, one: T, y: i64, mut multiply: impl FnMut(T, T) -> T) -> T {
    let (mut square, mut power, mut rest) = (x, None, y.unsigned_abs());
    while rest > 0 {
        if rest & 1 == 1 {
            power = Some(power.map_or(square, |power| multiply(power, square)));
        }
        rest >>= 1;
        if rest > 0 {
            square = multiply(square, square);
        }
    }
    power.unwrap_or(one)
}

fn lower_power(b: &mut BlockBuilder, x: Val, y: i64) -> Val {
    let one = b.int(b.dtype(x), 1);
    let power = by_squaring(x, one, y, |a, c| b.mul(a, c));
    if y < 0 { b.div(one, power) } else { power }
}
