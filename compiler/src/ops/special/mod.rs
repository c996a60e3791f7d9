//! Special functions: one row each in [`SpecialKind::row`]. (The error functions are in `elementwise`.)
//!
//! Functions of one operand become straight-line code that vectorizes. The others iterate, as often as their operands
//! demand; they are scalar routines of the runtime.

mod derivatives;
mod reference;
#[cfg(test)]
mod tests;

use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params};
use crate::loops::{BlockBuilder, UnaryOp, Val};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Scalar, Tensor};

/// An elementwise function on one to three floating operands of one dtype, with implicit broadcasting. Operands of 16
/// bits are computed in F32.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Special(pub SpecialKind);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SpecialKind {
    /// The logarithm of the gamma function's absolute value.
    Lgamma,
    /// The derivative of lgamma; NaN at its poles.
    Digamma,
    /// The derivative of digamma of an order, which is the first operand.
    Polygamma,
    /// The Hurwitz zeta function of x and q.
    Zeta,
    /// The regularized lower incomplete gamma function of a and x.
    Igamma,
    /// The regularized upper incomplete gamma function of a and x.
    Igammac,
    /// The derivative of igamma by a.
    IgammaGradA,
    /// The derivative by a of a sample x of the gamma distribution.
    RandomGammaGrad,
    /// The regularized incomplete beta function of a, b and x.
    Betainc,
    /// Modified Bessel functions of the first kind, scaled by e^-|x|.
    BesselI0e,
    BesselI1e,
}

/// One function's page.
struct Row {
    name: &'static str,
    /// Reference semantics on one element of each operand; the dtype is F32 or F64.
    eval: fn(DType, &[f64]) -> f64,
    /// The part of the tangent that comes from each operand's tangent. Invariant: one per operand.
    derivatives: &'static [Derivative],
    lower: Code,
    /// Operands for the laws, inside the domain.
    samples: &'static [[f64; 5]],
    /// Operands at the edges of the domain, column by column.
    edges: &'static [[f64; 5]],
}

/// The part of a tangent that comes from one operand.
enum Derivative {
    Rule(fn(&mut Builder, &Point, Atom) -> Atom),
    /// JAX has none either.
    Missing(&'static str),
}

/// Where a derivative is taken.
struct Point<'a> {
    x: &'a [Atom],
    result: Atom,
}

enum Code {
    Leaf(UnaryOp),
    /// Routines of the runtime for F32 and F64.
    Routine(&'static str, &'static str),
    /// As `Routine`, and digamma for order zero.
    Polygamma(&'static str, &'static str),
}

use Code::{Leaf, Routine};
use Derivative::{Missing, Rule as By};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
const POLES: [f64; 5] = [0.0, -2.0, INF, -INF, NAN];
const NO_ORDER: &str = "JAX has no derivative by the order";
const NO_EXPONENT: &str = "JAX's primitive has no derivative by the exponent";
const NO_SHAPE: &str = "JAX has no derivative of betainc by a and b";
const NO_SECOND: &str = "JAX has no second derivative by a";

impl SpecialKind {
    /// Every member, in the order of the table.
    pub const ALL: [SpecialKind; 11] = {
        use SpecialKind::*;
        [
            Lgamma,
            Digamma,
            Polygamma,
            Zeta,
            Igamma,
            Igammac,
            IgammaGradA,
            RandomGammaGrad,
            Betainc,
            BesselI0e,
            BesselI1e,
        ]
    };

    #[rustfmt::skip]
    fn row(self) -> Row {
        match self {
            SpecialKind::Lgamma => Row { name: "lgamma", eval: |_, x| libm::lgamma(x[0]),
                derivatives: &[By(derivatives::lgamma)], lower: Leaf(UnaryOp::Lgamma),
                samples: &[[-1.25, 0.375, 1.25, 3.5, 20.0]], edges: &[POLES] },
            SpecialKind::Digamma => Row { name: "digamma", eval: |_, x| reference::digamma(x[0]),
                derivatives: &[By(derivatives::digamma)], lower: Leaf(UnaryOp::Digamma),
                samples: &[[-1.25, 0.375, 1.25, 3.5, 20.0]], edges: &[POLES] },
            SpecialKind::Polygamma => Row { name: "polygamma", eval: reference::polygamma,
                derivatives: &[Missing(NO_ORDER), By(derivatives::polygamma)],
                lower: Code::Polygamma("rjax_polygamma_f32", "rjax_polygamma_f64"),
                samples: &[[1.0, 2.0, 0.0, 3.0, 5.0], [0.75, 1.25, 3.5, 20.0, -0.5]],
                edges: &[[0.5, -1.0, 1.0, 2.0, 1.0], [1.0, 1.0, 0.0, 0.0, INF]] },
            SpecialKind::Zeta => Row { name: "zeta", eval: |_, x| reference::zeta(x[0], x[1]),
                derivatives: &[Missing(NO_EXPONENT), By(derivatives::zeta_by_q)],
                lower: Routine("rjax_zeta_f32", "rjax_zeta_f64"),
                samples: &[[1.125, 2.0, 3.5, 8.0, 3.0], [1.0, 0.25, 4.0, 1.5, -0.75]],
                edges: &[[1.0, 0.5, 2.0, 3.0, 2.5], [2.0, 1.0, -1.0, -1.0, -0.5]] },
            SpecialKind::Igamma => Row { name: "igamma", eval: |_, x| reference::igamma(x[0], x[1]),
                derivatives: &[By(derivatives::igamma_by_a), By(derivatives::igamma_by_x)],
                lower: Routine("rjax_igamma_f32", "rjax_igamma_f64"),
                samples: &[[0.25, 1.0, 3.5, 20.0, 2.0], [0.5, 2.0, 1.5, 24.0, 6.0]],
                edges: &[[0.0, 0.0, 2.0, 2.0, -1.0], [0.5, 2.0, 0.0, INF, 1.0]] },
            SpecialKind::Igammac => Row { name: "igammac", eval: |_, x| reference::igammac(x[0], x[1]),
                derivatives: &[By(derivatives::igammac_by_a), By(derivatives::igammac_by_x)],
                lower: Routine("rjax_igammac_f32", "rjax_igammac_f64"),
                samples: &[[0.25, 1.0, 3.5, 20.0, 2.0], [0.5, 2.0, 1.5, 24.0, 6.0]],
                edges: &[[0.0, 0.0, 2.0, 2.0, -1.0], [0.5, 0.0, 0.0, INF, 1.0]] },
            SpecialKind::IgammaGradA => Row { name: "igamma_grad_a",
                eval: |_, x| reference::igamma_grad_a(x[0], x[1]),
                derivatives: &[Missing(NO_SECOND), Missing(NO_SECOND)],
                lower: Routine("rjax_igamma_grad_a_f32", "rjax_igamma_grad_a_f64"),
                samples: &[[0.25, 1.0, 3.5, 20.0, 2.0], [0.5, 2.0, 1.5, 24.0, 6.0]],
                edges: &[[0.0, 2.0, 2.0, -1.0, NAN], [0.5, 0.0, INF, 1.0, 1.0]] },
            SpecialKind::RandomGammaGrad => Row { name: "random_gamma_grad",
                eval: |_, x| reference::random_gamma_grad(x[0], x[1]),
                derivatives: &[Missing(NO_SECOND), Missing(NO_SECOND)],
                lower: Routine("rjax_random_gamma_grad_f32", "rjax_random_gamma_grad_f64"),
                samples: &[[0.25, 1.0, 3.5, 20.0, 2.0], [0.5, 2.0, 1.5, 24.0, 6.0]],
                edges: &[[0.0, 2.0, 2.0, -1.0, NAN], [0.5, 0.0, INF, 1.0, 1.0]] },
            SpecialKind::Betainc => Row { name: "regularized_incomplete_beta",
                eval: |_, x| reference::betainc(x[0], x[1], x[2]),
                derivatives: &[Missing(NO_SHAPE), Missing(NO_SHAPE), By(derivatives::betainc_by_x)],
                lower: Routine("rjax_betainc_f32", "rjax_betainc_f64"),
                samples: &[[0.25, 1.5, 3.0, 10.0, 0.75], [0.5, 2.0, 0.25, 12.0, 30.0], [0.25, 0.5, 0.875, 0.5, 0.125]],
                edges: &[[0.0, 2.0, 0.0, 2.0, INF], [1.0, 0.0, 0.0, 3.0, 2.0], [0.5, 1.0, 0.5, 1.5, 0.5]] },
            SpecialKind::BesselI0e => Row { name: "bessel_i0e", eval: |_, x| reference::bessel_i0e(x[0]),
                derivatives: &[By(derivatives::bessel_i0e)], lower: Leaf(UnaryOp::BesselI0e),
                samples: &[[-12.5, -0.75, 0.25, 3.0, 40.0]], edges: &[POLES] },
            SpecialKind::BesselI1e => Row { name: "bessel_i1e", eval: |_, x| reference::bessel_i1e(x[0]),
                derivatives: &[By(derivatives::bessel_i1e)], lower: Leaf(UnaryOp::BesselI1e),
                samples: &[[-12.5, -0.75, 0.25, 3.0, 40.0]], edges: &[POLES] },
        }
    }
}

impl Primitive for Special {
    fn name(&self) -> &str {
        self.0.row().name
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, self.0.row().derivatives.len())?;
        expect_kind(&operands[0], &[Kind::Float])?;
        let dtype = expect_same_dtype(operands)?;
        Ok(vec![Aval::new(dtype, expect_broadcast(operands)?)])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let avals: Vec<Aval> = operands.iter().map(|operand| operand.aval().clone()).collect();
        let result = self.infer(&avals).expect("operands have the inferred types").remove(0);
        let (eval, dtype) = (self.0.row().eval, computed_in(result.dtype));
        Ok(vec![eval_elementwise(result, operands, |x| {
            let x: Vec<f64> = x.iter().map(|x| x.float()).collect();
            Scalar::Float(eval(dtype, &x))
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        if tangents.iter().all(Tangent::is_zero) {
            return locally_constant(cx, *self, primals);
        }
        let result = cx.builder.emit_one(*self, primals);
        let point = Point { x: primals, result };
        let mut sum: Option<Atom> = None;
        for (derivative, tangent) in self.0.row().derivatives.iter().zip(tangents) {
            let Tangent::Value(tangent) = tangent else { continue };
            let part = match derivative {
                By(rule) => rule(cx.builder, &point, *tangent),
                Missing(why) => return Err(NoRule::ByDesign(why)),
            };
            sum = Some(sum.map_or(part, |sum| cx.builder.add(sum, part)));
        }
        let shape = cx.builder.aval(result).shape;
        let tangent = broadcast_to(cx.builder, sum.expect("a tangent is not zero"), &shape);
        Ok(Duals::one(result, Tangent::Value(tangent)))
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_elementwise(cx, *self, operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let code = self.0.row().lower;
        Ok(elementwise_nest(operands, &results[0], |b, x| code.append(b, x)))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Special {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let kind = SpecialKind::ALL.into_iter().find(|kind| kind.row().name == name)?;
        Some(Ok(Special(kind)))
    }

    fn samples() -> Vec<Sample> {
        SpecialKind::ALL.into_iter().flat_map(samples_of).collect()
    }
}

fn samples_of(kind: SpecialKind) -> Vec<Sample> {
    let row = kind.row();
    let differentiable = !row.derivatives.iter().any(|part| matches!(part, Missing(_)));
    let mut samples = Vec::new();
    for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
        let operands = |columns: &[[f64; 5]], shape: &dyn Fn(usize) -> Vec<usize>| -> Vec<Tensor> {
            let tensor = |(slot, values): (usize, &[f64; 5])| {
                let shape = shape(slot);
                let count = shape.iter().product();
                Tensor::from_f64s(dtype, shape, &values[..count])
            };
            columns.iter().enumerate().map(tensor).collect()
        };
        // Of the digits of F64, quadratures lose some.
        let ulps = if dtype == DType::F64 { 200.0 } else { 5.0 };
        let sample = |operands: Vec<Tensor>| {
            let sample = Sample::new(Special(kind), operands).within(ulps);
            if differentiable { sample } else { sample.not_smooth() }
        };
        samples.push(sample(operands(row.samples, &|_| vec![5])));
        samples.push(sample(operands(row.samples, &|_| vec![])));
        samples.push(sample(operands(row.samples, &|slot| if slot == 0 { vec![1, 3] } else { vec![2, 1] })));
        samples.push(sample(operands(row.samples, &|slot| vec![2, if slot == 0 { 0 } else { 1 }])));
        samples.push(sample(operands(row.edges, &|_| vec![5])).not_smooth());
    }
    samples
}

impl Code {
    /// Appends the function of these values, which have one dtype.
    fn append(&self, b: &mut BlockBuilder, x: &[Val]) -> Val {
        let dtype = b.dtype(x[0]);
        match self {
            Leaf(op) => b.unary(*op, x[0]),
            Routine(for_f32, for_f64) => {
                let wide = computed_in(dtype);
                let args = x.iter().map(|&x| b.convert(x, wide)).collect();
                let result = b.call(if wide == DType::F32 { for_f32 } else { for_f64 }, args);
                b.convert(result, dtype)
            }
            Code::Polygamma(for_f32, for_f64) => {
                let of_order = Routine(for_f32, for_f64).append(b, x);
                let digamma = b.unary(UnaryOp::Digamma, x[1]);
                let zero = b.float(dtype, 0.0);
                let is_zero = b.eq(x[0], zero);
                b.select(is_zero, digamma, of_order)
            }
        }
    }
}

/// F32 for types of 16 bits, else the type itself.
fn computed_in(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::F64 } else { DType::F32 }
}
