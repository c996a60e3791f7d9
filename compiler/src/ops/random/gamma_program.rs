//! The sampler of [`RandomGamma`] as a program: every sample is a lane, and loops run until no lane is left.

use super::gamma::{Format, RandomGamma, SQUEEZE};
use super::{RandomBits, RandomSplit};
use crate::ir::source::Threefry;
use crate::ir::{Atom, Builder, Program};
use crate::ops::control::While;
use crate::ops::elementwise::{BinaryKind, Bitcast, CompareKind, UnaryKind};
use crate::ops::shape::Slice;
use crate::types::{Aval, DType, Literal, Scalar, Shape};

/// The program of `keys, alpha -> samples`.
pub(super) fn program(op: &RandomGamma, keys: &Aval, alpha: &Aval) -> Program {
    let count = alpha.shape.element_count();
    let lanes = Lanes { dtype: alpha.dtype, count, layout: op.layout };
    let per_key = Shape::from(&alpha.shape.extents()[keys.rank()..]).element_count();
    let mut b = Builder::new();
    let inputs = [keys, alpha].map(|aval| Atom::Var(b.input(aval.clone())));
    let split = RandomSplit { shape: [per_key].into(), layout: op.layout };
    let keys = b.emit_one(split, &inputs[..1]);
    let keys = b.reshape(keys, [count]);
    let alpha_lanes = b.reshape(inputs[1], [count]);
    let samples = lanes.samples(&mut b, keys, alpha_lanes, op.log_space);
    let samples = b.reshape(samples, alpha.shape.clone());
    b.finish(vec![samples])
}

/// What all lanes share.
struct Lanes {
    dtype: DType,
    count: usize,
    layout: Threefry,
}

impl Lanes {
    fn aval(&self) -> Aval {
        Aval::new(self.dtype, [self.count])
    }

    fn keys_aval(&self) -> Aval {
        Aval::new(DType::KeyFry, [self.count])
    }

    fn constant(&self, value: f64) -> Atom {
        Atom::constant(self.dtype, value)
    }

    fn full(&self, b: &mut Builder, value: f64) -> Atom {
        b.full(self.dtype, &[self.count].into(), value)
    }

    /// `N` new keys of every lane.
    fn split<const N: usize>(&self, b: &mut Builder, keys: Atom) -> [Atom; N] {
        let new = b.emit_one(RandomSplit { shape: [N].into(), layout: self.layout }, &[keys]);
        let shape = b.aval(new).shape;
        std::array::from_fn(|at| {
            let column = b.emit_one(Slice::along(&shape, 1, at, 1), &[new]);
            b.reshape(column, [self.count])
        })
    }

    /// Numbers from `low` to 1.
    fn uniform(&self, b: &mut Builder, keys: Atom, low: f64) -> Atom {
        let format = Format::of(self.dtype);
        let op = RandomBits { bit_width: format.drawn, shape: Shape::scalar(), layout: self.layout };
        let bits = b.emit_one(op, &[keys]);
        let dtype = self.dtype.same_width_unsigned().expect("floats have a width");
        let bits = b.convert(bits, dtype);
        let amount = b.constant_like(bits, f64::from(format.drawn - format.mantissa));
        let fraction = b.binary(BinaryKind::ShiftRightLogical, bits, amount);
        let one = Literal::from_f64(self.dtype, 1.0).bits();
        let exponent = Atom::Literal(Literal::from_bits(dtype, one));
        let bits = b.binary(BinaryKind::Or, fraction, exponent);
        let number = b.emit_one(Bitcast { dtype: self.dtype }, &[bits]);
        let unit = b.sub(number, self.constant(1.0));
        let span = Scalar::Float(1.0 - low).rounded(self.dtype).float();
        let scaled = b.mul(unit, self.constant(span));
        let moved = b.add(scaled, self.constant(low));
        b.binary(BinaryKind::Max, self.constant(low), moved)
    }

    fn normal(&self, b: &mut Builder, keys: Atom) -> Atom {
        let uniform = self.uniform(b, keys, Format::of(self.dtype).above_minus_one());
        let inverse = b.unary(UnaryKind::ErfInv, uniform);
        b.mul(self.constant(std::f64::consts::SQRT_2), inverse)
    }

    fn samples(&self, b: &mut Builder, keys: Atom, alpha: Atom, log_space: bool) -> Atom {
        let (one, third) = (self.constant(1.0), self.constant(1.0 / 3.0));
        let is_large = b.compare(CompareKind::Ge, alpha, one);
        let raised = b.add(alpha, one);
        let boosted = b.select(is_large, alpha, raised);
        let d = b.sub(boosted, third);
        let root = b.unary(UnaryKind::Sqrt, d);
        let c = b.div(third, root);
        let [keys, last] = self.split(b, keys);
        let v = self.accepted(b, keys, d, c);
        let uniform = self.uniform(b, last, 0.0);
        let inverse = b.div(one, alpha);
        if log_space {
            let minus = b.neg(uniform);
            let log = b.unary(UnaryKind::Log1p, minus);
            let zero = self.constant(0.0);
            let is_zero = b.compare(CompareKind::Eq, log, zero);
            let is_plain = b.binary(BinaryKind::Or, is_large, is_zero);
            let scaled = b.mul(log, inverse);
            let boost = b.select(is_plain, zero, scaled);
            let (log_d, log_v) = (b.unary(UnaryKind::Log, d), b.unary(UnaryKind::Log, v));
            let sum = b.add(log_d, log_v);
            return b.add(sum, boost);
        }
        let sample = b.sub(one, uniform);
        let power = b.binary(BinaryKind::Pow, sample, inverse);
        let boost = b.select(is_large, one, power);
        let product = b.mul(d, v);
        b.mul(product, boost)
    }

    /// The first proposal of every lane that is not rejected.
    fn accepted(&self, b: &mut Builder, keys: Atom, d: Atom, c: Atom) -> Atom {
        let state = [self.keys_aval(), self.aval(), self.aval(), self.aval()];
        let mut condition = Builder::new();
        let [d_in, _, x, v, u] = inputs(&mut condition, [&[self.aval()], state.as_slice()].concat());
        let rejected = self.is_rejected(&mut condition, [d_in, x, v, u]);
        let condition = condition.finish(vec![rejected]);

        let mut body = Builder::new();
        let [c_in, keys_in, _, _, _] = inputs(&mut body, [&[self.aval()], state.as_slice()].concat());
        let [keys_out, x_keys, u_keys] = self.split(&mut body, keys_in);
        let (x, v) = self.proposals(&mut body, x_keys, c_in);
        let square = body.mul(x, x);
        let cube = body.mul(v, v);
        let cube = body.mul(cube, v);
        let u = self.uniform(&mut body, u_keys, 0.0);
        let body = body.finish(vec![keys_out, square, cube, u]);

        // Every lane starts with a proposal that is rejected.
        let first = [0.0, 1.0, 2.0].map(|value| self.full(b, value));
        let operands = [&[d, c, keys], first.as_slice()].concat();
        b.emit(While::new(condition.into(), 1, body.into(), 1), &operands)[2]
    }

    fn is_rejected(&self, b: &mut Builder, [d, x, v, u]: [Atom; 4]) -> Atom {
        let one = self.constant(1.0);
        let square = b.mul(x, x);
        let squeeze = b.mul(self.constant(SQUEEZE), square);
        let limit = b.sub(one, squeeze);
        let is_outside = b.compare(CompareKind::Ge, u, limit);
        let (log_u, log_v) = (b.unary(UnaryKind::Log, u), b.unary(UnaryKind::Log, v));
        let half = b.mul(x, self.constant(0.5));
        let below = b.sub(one, v);
        let sum = b.add(below, log_v);
        let scaled = b.mul(d, sum);
        let bound = b.add(half, scaled);
        let is_above = b.compare(CompareKind::Ge, log_u, bound);
        b.binary(BinaryKind::And, is_outside, is_above)
    }

    /// Normal numbers x with positive `1 + x c`, and that.
    fn proposals(&self, b: &mut Builder, keys: Atom, c: Atom) -> (Atom, Atom) {
        let state = [self.keys_aval(), self.aval(), self.aval()];
        let mut condition = Builder::new();
        let [_, _, v] = inputs(&mut condition, state.to_vec());
        let is_bad = condition.compare(CompareKind::Le, v, self.constant(0.0));
        let condition = condition.finish(vec![is_bad]);

        let mut body = Builder::new();
        let [c_in, keys_in, _, _] = inputs(&mut body, [&[self.aval()], state.as_slice()].concat());
        let [keys_out, x_keys] = self.split(&mut body, keys_in);
        let x = self.normal(&mut body, x_keys);
        let step = body.mul(x, c_in);
        let v = body.add(self.constant(1.0), step);
        let body = body.finish(vec![keys_out, x, v]);

        let first = [0.0, -1.0].map(|value| self.full(b, value));
        let operands = [&[c, keys], first.as_slice()].concat();
        let results = b.emit(While::new(condition.into(), 0, body.into(), 1), &operands);
        (results[1], results[2])
    }
}

fn inputs<const N: usize>(b: &mut Builder, avals: Vec<Aval>) -> [Atom; N] {
    let atoms: Vec<Atom> = avals.into_iter().map(|aval| b.input(aval).into()).collect();
    atoms.try_into().expect("as many inputs as are named")
}
