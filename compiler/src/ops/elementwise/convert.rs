//! Changing the dtype of elements: of the same values, or of the same bits.

use super::binary::int_to_float;
use crate::diag::TypeError;
use crate::ir::{Atom, Params};
use crate::loops::{Access, BlockBuilder, BufferId, Index, Nest};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Literal, Scalar, Shape, Tensor};
use std::cmp::Ordering;

/// `convert_element_type`: the same values in another dtype. Floats go to integers toward zero, saturating, NaN to 0;
/// integers wrap; everything but zero is true.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Convert {
    pub dtype: DType,
}

/// `bitcast_convert_type`: the same bits under another dtype. A narrower dtype adds a last axis, a wider one takes the
/// last axis away; the lowest bits come first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bitcast {
    pub dtype: DType,
}

const NUMERIC: &[Kind] = &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex];
const ALL: [DType; 21] = [
    DType::Bool,
    DType::I8,
    DType::I16,
    DType::I32,
    DType::I64,
    DType::U8,
    DType::U16,
    DType::U32,
    DType::U64,
    DType::F16,
    DType::BF16,
    DType::F32,
    DType::F64,
    DType::C64,
    DType::C128,
    DType::I2,
    DType::I4,
    DType::U2,
    DType::U4,
    DType::F8E4M3FN,
    DType::F8E5M2,
];

impl Primitive for Convert {
    fn name(&self) -> &str {
        "convert_element_type"
    }

    fn params(&self) -> Params {
        Params::new().with("new_dtype", self.dtype).with("weak_type", false)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let result = operands[0].with_dtype(self.dtype);
        if operands[0].dtype != self.dtype {
            expect_kind(&operands[0], NUMERIC)?;
            expect_kind(&result, NUMERIC)?;
        }
        Ok(vec![result])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (from, to) = (operands[0].dtype(), self.dtype);
        if from == to {
            return Ok(operands.to_vec());
        }
        let result = operands[0].aval().with_dtype(to);
        Ok(vec![eval_elementwise(result, operands, |x| convert(x[0], to))])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        if self.dtype.is_inexact() {
            linear(cx, *self, primals, tangents)
        } else {
            locally_constant(cx, *self, primals)
        }
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let operand = operand_aval(cx, &operands[0]);
        match cotangents[0].value() {
            Some(ct) if operand.dtype.is_inexact() => {
                Ok(vec![Tangent::Value(cx.builder.convert(ct, operand.dtype))])
            }
            _ => Ok(zero_cotangents(cx, operands)),
        }
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| ((*self).into(), axis))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        if operands[0].dtype == self.dtype {
            return Ok(identity_program(operands));
        }
        Ok(elementwise_nest(operands, &results[0], |b, x| b.convert(x[0], self.dtype)))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Convert {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "convert_element_type").then(|| Ok(Convert { dtype: params.dtype("new_dtype")? }))
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        for from in ALL {
            let tensor = |shape: &[usize], values: &[f64]| Tensor::from_f64s(from, shape, values);
            for dtype in ALL {
                // Through a narrow result, a finite difference sees nothing but rounding.
                let smooth = !dtype.is_float() || dtype.bits() >= 32;
                let sample = |x| Sample { smooth, ..Sample::new(Convert { dtype }, vec![x]).within(0.0) };
                samples.push(sample(tensor(&[5], &[0.0, 1.0, 1.75, 100.0, 40000.0])));
                if from.is_complex() {
                    let x =
                        Tensor::from_parts(from, [4], &[1.5, -2.5, 300.0, 0.0], &[-1.0, 0.5, 1000.0, 2.0]);
                    samples.push(sample(x));
                } else if from.is_float() {
                    let wild = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, -1.5, 300.5, 1e30];
                    samples.push(sample(tensor(&[7], &wild)).not_smooth());
                } else if from != DType::Bool {
                    samples.push(sample(tensor(&[3], &[-1.0, 127.0, 16777217.0])));
                }
            }
            samples.push(Sample::new(Convert { dtype: DType::F32 }, vec![tensor(&[3, 0], &[])]));
            samples.push(Sample::new(Convert { dtype: DType::I32 }, vec![tensor(&[], &[1.0])]));
        }
        samples
    }
}

impl Primitive for Bitcast {
    fn name(&self) -> &str {
        "bitcast_convert_type"
    }

    fn params(&self) -> Params {
        Params::new().with("new_dtype", self.dtype)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let operand = &operands[0];
        if operand.dtype == self.dtype {
            return Ok(vec![operand.clone()]);
        }
        let numbers = &[Kind::Signed, Kind::Unsigned, Kind::Float];
        expect_kind(operand, numbers)?;
        expect_kind(&operand.with_dtype(self.dtype), numbers)?;
        let (old, new) = (operand.dtype.bits() as usize, self.dtype.bits() as usize);
        let (extents, last) = (operand.shape.extents(), operand.shape.extents().last());
        let shape: Shape = if old == new {
            operand.shape.clone()
        } else if old > new {
            operand.shape.inserted(operand.rank(), old / new)
        } else if last.is_some_and(|&last| last * old == new) {
            extents[..extents.len() - 1].into()
        } else {
            let count = new / old;
            return Err(TypeError(format!(
                "expected a last axis of extent {count} that makes one {}, found {operand}",
                self.dtype
            )));
        };
        Ok(vec![Aval::new(self.dtype, shape)])
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let result =
            self.infer(&[operands[0].aval().clone()]).expect("operands have the inferred types").remove(0);
        Ok(vec![regrouped(&operands[0], result)])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, *self, primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        // The last axis is the one that changes.
        let axis = dims[0].axis().expect("at least one dim is mapped");
        let moved = cx.builder.move_axis(operands[0], axis, 0);
        Ok(Batched::leading(cx.builder.emit_one(*self, &[moved])))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let from = operands[0].dtype;
        if from == self.dtype {
            return Ok(identity_program(operands));
        }
        let is_short = from.bits() < 8 || self.dtype.bits() < 8;
        match from.bits().cmp(&self.dtype.bits()) {
            Ordering::Equal => {
                let nest = elementwise_nest(operands, &results[0], |b, x| b.bitcast(x[0], self.dtype));
                let Lowering::Nests(nests) = nest else { unreachable!("an elementwise operation is a nest") };
                // Integers below one byte are extended by their signs in memory.
                if is_short {
                    Ok(Lowering::Nests(nests))
                } else {
                    Ok(Lowering::Reinterpret(nests.into_iter().next()))
                }
            }
            Ordering::Less | Ordering::Greater if !is_short => Ok(Lowering::Reinterpret(None)),
            Ordering::Greater => Ok(Lowering::Nests(vec![unpack(&operands[0], &results[0])])),
            Ordering::Less => Ok(Lowering::Nests(vec![pack(&operands[0], &results[0])])),
        }
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Bitcast {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "bitcast_convert_type").then(|| Ok(Bitcast { dtype: params.dtype("new_dtype")? }))
    }

    fn samples() -> Vec<Sample> {
        let sample =
            |dtype: DType, x: Tensor| Sample::new(Bitcast { dtype }, vec![x]).not_smooth().within(0.0);
        let values = [0.0, -0.0, 1.5, -3.25, f64::INFINITY];
        let floats = |dtype: DType| Tensor::from_f64s(dtype, [5], &values);
        let bytes =
            Tensor::from_f64s(DType::U8, [3, 4], &[0., 0., 128., 63., 0., 0., 0., 64., 1., 2., 3., 4.]);
        vec![
            sample(DType::U32, floats(DType::F32)),
            sample(DType::I64, floats(DType::F64)),
            sample(DType::U16, floats(DType::BF16)),
            sample(DType::F16, Tensor::from_f64s(DType::I16, [3], &[0.0, 15360.0, -1.0])),
            sample(DType::F32, floats(DType::F32)),
            sample(DType::U8, floats(DType::F32)),
            sample(DType::F32, bytes),
            sample(DType::U32, Tensor::from_f64s(DType::F64, [], &[1.5])),
            sample(DType::U32, Tensor::from_f64s(DType::F32, [0], &[])),
            sample(DType::U8, Tensor::from_f64s(DType::F32, [2, 0], &[])),
            sample(DType::U8, Tensor::from_f64s(DType::F8E4M3FN, [3], &[1.0, -448.0, 0.015625])),
            sample(DType::U4, Tensor::from_f64s(DType::I4, [3], &[-1.0, 7.0, -8.0])),
            sample(DType::I4, Tensor::from_f64s(DType::U8, [3], &[33.0, 243.0, 128.0])),
            sample(DType::U2, Tensor::from_f64s(DType::F32, [2], &[1.5, -3.25])),
            sample(DType::I2, Tensor::from_f64s(DType::I4, [2, 1], &[-3.0, 6.0])),
            sample(DType::I8, Tensor::from_f64s(DType::I4, [2, 2], &[1.0, -2.0, -8.0, 7.0])),
            sample(DType::U4, Tensor::from_f64s(DType::I2, [2], &[-1.0, 1.0])),
            sample(
                DType::F16,
                Tensor::from_f64s(DType::U4, [2, 4], &[0.0, 0.0, 12.0, 3.0, 1.0, 2.0, 8.0, 11.0]),
            ),
            sample(DType::F8E5M2, Tensor::from_f64s(DType::I4, [0, 2], &[])),
        ]
    }
}

/// The bits of all elements in order, lowest first, as elements of another type.
fn regrouped(operand: &Tensor, result: Aval) -> Tensor {
    let (from, to) = (operand.dtype(), result.dtype);
    let mut bits: Vec<u128> = Vec::new();
    for element in operand.scalars() {
        let word = Literal::new(from, element).bits();
        bits.extend((0..from.bits()).map(|bit| word >> bit & 1));
    }
    let words = bits.chunks(to.bits() as usize);
    let values = words.map(|word| {
        let word = word.iter().rev().fold(0, |high, &bit| high << 1 | bit);
        Literal::from_bits(to, word).value()
    });
    Tensor::from_scalars(result, values)
}

/// The unsigned integer of as many bits.
fn unsigned_of(dtype: DType) -> DType {
    match dtype.bits() {
        2 => DType::U2,
        4 => DType::U4,
        _ => dtype.same_width_unsigned().expect("numbers have at most 64 bits"),
    }
}

/// Each element's bits, dealt out to several shorter integers along a new last axis.
fn unpack(operand: &Aval, result: &Aval) -> Nest {
    let (word, part) = (unsigned_of(operand.dtype), result.dtype);
    let rank = operand.rank();
    let mut nest = Nest::new(parallel_dims(&result.shape));
    let mut b = BlockBuilder::new();
    let indices = (0..rank).map(Index::dim).collect();
    let x = b.load(Access::new(BufferId(0), indices), operand.dtype);
    let x = if operand.dtype.bits() < 8 { b.convert(x, word) } else { b.bitcast(x, word) };
    let (position, width) = (b.dim(rank), b.int(DType::I64, i64::from(part.bits())));
    let amount = b.mul(position, width);
    let amount = b.convert(amount, word);
    let shifted = b.shr(x, amount);
    let value = b.convert(shifted, part);
    nest.stores.push(identity_store(BufferId(1), rank + 1, value));
    nest.block = b.finish();
    nest
}

/// The last axis's short integers as the bits of one element.
fn pack(operand: &Aval, result: &Aval) -> Nest {
    let (part, word) = (operand.dtype, unsigned_of(result.dtype));
    let rank = result.rank();
    let mut nest = Nest::new(parallel_dims(&result.shape));
    let mut b = BlockBuilder::new();
    let mut bits = b.int(word, 0);
    for position in 0..operand.shape[rank] {
        let indices = (0..rank).map(Index::dim).chain([Index::constant(position as i64)]).collect();
        let x = b.load(Access::new(BufferId(0), indices), part);
        let x = b.convert(x, unsigned_of(part));
        let (x, amount) = (b.convert(x, word), b.int(word, position as i64 * i64::from(part.bits())));
        let shifted = b.shl(x, amount);
        bits = b.or(bits, shifted);
    }
    let is_short = result.dtype.bits() < 8;
    let value = if is_short { b.convert(bits, result.dtype) } else { b.bitcast(bits, result.dtype) };
    nest.stores.push(identity_store(BufferId(1), rank, value));
    nest.block = b.finish();
    nest
}

/// A complex number becomes real by its real part.
fn convert(x: Scalar, to: DType) -> Scalar {
    match (x, to.kind()) {
        (Scalar::Complex(..), Kind::Complex) => x,
        (Scalar::Complex(re, _), _) => convert(Scalar::Float(re), to),
        (_, Kind::Complex) => Scalar::Complex(convert(x, to.real_part()).float(), 0.0),
        (Scalar::Bool(x), Kind::Bool) => Scalar::Bool(x),
        (Scalar::Int(x), Kind::Bool) => Scalar::Bool(x != 0),
        (x, Kind::Bool) => Scalar::Bool(x.float() != 0.0),
        (Scalar::Bool(x), Kind::Float) => Scalar::Float(f64::from(u8::from(x))),
        (Scalar::Int(x), Kind::Float) => Scalar::Float(int_to_float(to, x)),
        (x, Kind::Float) => x,
        (Scalar::Bool(x), _) => Scalar::Int(i128::from(x)),
        (Scalar::Int(x), _) => Scalar::Int(x),
        (x, _) => {
            // A cast of NaN is zero, and 128 bits hold every bound.
            let bits = to.bits();
            let (least, greatest) = if to.is_signed() {
                (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
            } else {
                (0, (1 << bits) - 1)
            };
            Scalar::Int((x.float() as i128).clamp(least, greatest))
        }
    }
}
