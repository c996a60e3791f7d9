//! `random_gamma`: samples of the gamma distribution, by rejection.

use super::bits::sample_keys;
use super::gamma_program::program;
use super::{RandomBits, RandomSplit, expect_key, parse_layout, with_layout, words};
use crate::diag::TypeError;
use crate::ir::source::Threefry;
use crate::ir::{Atom, Builder, Params};
use crate::ops::elementwise::{CompareKind, Unary, UnaryKind};
use crate::ops::rules::*;
use crate::ops::shape::batch_axes_first;
use crate::ops::special::{Special, SpecialKind};
use crate::types::{Aval, DType, Kind, Scalar, Shape, Tensor};

/// One sample for every shape parameter: each key is split for the parameters that belong to it.
///
/// Shapes: keys [k..], alpha [k.., r..] -> [k.., r..].
///
/// Source: Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); JAX's order of draws.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RandomGamma {
    /// Are the results logarithms of samples?
    pub log_space: bool,
    /// See Note: layouts of [`super`].
    pub layout: Threefry,
}

/// The constants of one element type, as JAX rounds them.
pub(super) struct Format {
    /// Bits drawn for one number.
    pub drawn: u32,
    /// Bits of the mantissa, which are the highest ones of those.
    pub mantissa: u32,
}

impl Format {
    pub fn of(dtype: DType) -> Format {
        let (drawn, mantissa) = match dtype {
            DType::F64 => (64, 52),
            DType::F32 => (32, 23),
            DType::F16 => (16, 10),
            // Fewer than 8 bits of mantissa need no more than 8 bits.
            _ => (8, 7),
        };
        Format { drawn, mantissa }
    }

    /// The greatest number below 1, negated: the lower bound of what normal samples are made of.
    pub fn above_minus_one(&self) -> f64 {
        2f64.powi(-(self.mantissa as i32) - 1) - 1.0
    }
}

/// The factor of Marsaglia's and Tsang's squeeze.
pub(super) const SQUEEZE: f64 = 0.0331;

/// The reference sampler: numbers are rounded to the dtype at every step.
struct Sampler<'a> {
    cx: &'a EvalCx,
    dtype: DType,
    layout: Threefry,
}

impl Sampler<'_> {
    fn round(&self, x: f64) -> f64 {
        Scalar::Float(x).rounded(self.dtype).float()
    }

    /// JAX's function of this name on one number.
    fn unary(&self, kind: UnaryKind, x: f64) -> Rule<f64> {
        Ok(Unary(kind).eval(self.cx, &[Tensor::from_f64s(self.dtype, [], &[x])])?[0].at(0).float())
    }

    fn split(&self, key: [u32; 2], count: usize) -> Rule<Vec<[u32; 2]>> {
        RandomSplit { shape: [count].into(), layout: self.layout }.of_key(key)
    }

    /// A number from `low` to 1.
    fn uniform(&self, key: [u32; 2], low: f64) -> Rule<f64> {
        let format = Format::of(self.dtype);
        let op = RandomBits { bit_width: format.drawn, shape: Shape::scalar(), layout: self.layout };
        let mask = u64::MAX >> (64 - format.drawn);
        let fraction = (op.of_key(key)?[0] & mask) >> (format.drawn - format.mantissa);
        let unit = fraction as f64 * 2f64.powi(-(format.mantissa as i32));
        let span = self.round(1.0 - low);
        Ok(self.round(self.round(unit * span) + low).max(low))
    }

    fn normal(&self, key: [u32; 2]) -> Rule<f64> {
        let uniform = self.uniform(key, Format::of(self.dtype).above_minus_one())?;
        let root = self.round(std::f64::consts::SQRT_2);
        Ok(self.round(root * self.unary(UnaryKind::ErfInv, uniform)?))
    }

    /// The cube of the first positive `1 + x c`, x normal, and the square of that x.
    fn proposal(&self, mut key: [u32; 2], c: f64) -> Rule<(f64, f64)> {
        loop {
            let keys = self.split(key, 2)?;
            let x = self.normal(keys[1])?;
            let v = self.round(1.0 + self.round(x * c));
            if v > 0.0 {
                return Ok((self.round(x * x), self.round(self.round(v * v) * v)));
            }
            key = keys[0];
        }
    }

    fn sample(&self, key: [u32; 2], alpha: f64, log_space: bool) -> Rule<f64> {
        let r = |x: f64| self.round(x);
        let is_large = alpha >= 1.0;
        let d = r(if is_large { alpha } else { r(alpha + 1.0) } - r(1.0 / 3.0));
        let c = r(r(1.0 / 3.0) / r(d.sqrt()));
        let keys = self.split(key, 2)?;
        let (mut key, last) = (keys[0], keys[1]);
        let v = loop {
            let keys = self.split(key, 3)?;
            let ((x, v), u) = (self.proposal(keys[1], c)?, self.uniform(keys[2], 0.0)?);
            let log_v = self.unary(UnaryKind::Log, v)?;
            let bound = r(r(x * 0.5) + r(d * r(r(1.0 - v) + log_v)));
            let is_rejected =
                u >= r(1.0 - r(r(SQUEEZE) * r(x * x))) && self.unary(UnaryKind::Log, u)? >= bound;
            if !is_rejected {
                break v;
            }
            key = keys[0];
        };
        let (uniform, inverse) = (self.uniform(last, 0.0)?, r(1.0 / alpha));
        if log_space {
            let log = self.unary(UnaryKind::Log1p, -uniform)?;
            let boost = if is_large || log == 0.0 { 0.0 } else { r(log * inverse) };
            return Ok(r(r(self.unary(UnaryKind::Log, d)? + self.unary(UnaryKind::Log, v)?) + boost));
        }
        let boost = if is_large { 1.0 } else { r(r(1.0 - uniform).powf(inverse)) };
        Ok(r(r(d * v) * boost))
    }
}

impl Primitive for RandomGamma {
    fn name(&self) -> &str {
        "random_gamma"
    }

    fn params(&self) -> Params {
        with_layout(Params::new().with("log_space", self.log_space), self.layout)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        let (keys, alpha) = (&operands[0], &operands[1]);
        expect_key(keys)?;
        expect_kind(alpha, &[Kind::Float])?;
        if !alpha.shape.extents().starts_with(keys.shape.extents()) {
            let (keys, found) = (&keys.shape, &alpha.shape);
            return Err(TypeError(format!("expected parameters whose first axes are {keys}, found {found}")));
        }
        Ok(vec![alpha.clone()])
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (keys, alpha) = (&operands[0], &operands[1]);
        let sampler = Sampler { cx, dtype: alpha.dtype(), layout: self.layout };
        let per_key = Shape::from(&alpha.shape().extents()[keys.shape().rank()..]).element_count();
        let mut samples = Vec::new();
        for (at, key) in keys.scalars().enumerate() {
            for (part, key) in sampler.split(words(key), per_key)?.into_iter().enumerate() {
                let alpha = alpha.at(at * per_key + part).float();
                samples.push(Scalar::Float(sampler.sample(key, alpha, self.log_space)?));
            }
        }
        Ok(vec![Tensor::from_scalars(alpha.aval().clone(), samples)])
    }

    /// How far the sample moves with its parameter, the draws being what they are.
    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let Some(tangent) = tangents[1].value() else { return locally_constant(cx, *self, primals) };
        let b = &mut *cx.builder;
        let result = b.emit_one(*self, primals);
        let tangent = sample_tangent(b, tangent, primals[1], result, self.log_space);
        Ok(Duals::one(result, Tangent::Value(tangent)))
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let operands = batch_axes_first(cx, operands, dims);
        Ok(Batched::leading(cx.builder.emit_one(*self, &operands)))
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Ok(Lowering::Expand(program(self, &operands[0], &operands[1])))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

/// The tangent of a sample, or of the logarithm of one, of the distribution with parameter `a`, from the tangent of `a`.
pub fn sample_tangent(b: &mut Builder, tangent: Atom, a: Atom, result: Atom, log_space: bool) -> Atom {
    let mut sample = result;
    if log_space {
        sample = b.unary(UnaryKind::Exp, result);
        let (zero, tiny) = (b.constant_like(result, 0.0), b.constant_like(result, tiny(b.dtype(result))));
        let is_zero = b.compare(CompareKind::Eq, sample, zero);
        sample = b.select(is_zero, tiny, sample);
    }
    let slope = b.emit_one(Special(SpecialKind::RandomGammaGrad), &[a, sample]);
    let slope = if log_space { b.div(slope, sample) } else { slope };
    b.mul(tangent, slope)
}

/// The smallest normal number.
fn tiny(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => f64::MIN_POSITIVE,
        DType::F16 => 2f64.powi(-14),
        _ => f64::from(f32::MIN_POSITIVE),
    }
}

impl Family for RandomGamma {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "random_gamma")
            .then(|| Ok(RandomGamma { log_space: params.bool("log_space")?, layout: parse_layout(params)? }))
    }

    fn samples() -> Vec<Sample> {
        let alphas = [0.3, 1.0, 2.5, 10.0, 0.05, 100.0];
        let cases: [(&[usize], &[usize]); 5] =
            [(&[], &[]), (&[], &[6]), (&[3], &[3]), (&[2], &[2, 3]), (&[], &[0])];
        let mut samples = Vec::new();
        for (dtype, log_space) in [DType::F32, DType::F64].into_iter().flat_map(|d| [(d, false), (d, true)]) {
            for (layout, (keys, shape)) in [Threefry::Partitionable, Threefry::Original]
                .into_iter()
                .flat_map(|layout| cases.map(|case| (layout, case)))
            {
                let count: usize = shape.iter().product();
                let alpha = Tensor::from_f64s(dtype, shape, &alphas[..count]);
                let op = RandomGamma { log_space, layout };
                // The draws stay what they are only in the derivative.
                samples.push(Sample::new(op, vec![sample_keys(keys), alpha]).not_smooth().within(64.0));
            }
        }
        samples
    }
}
