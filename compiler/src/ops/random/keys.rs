//! Keys: from seeds, from their words and back, and from keys and numbers.

use super::bits::sample_keys;
use super::{expect_fry, expect_key, key, key_of_words, load_words, threefry, words};
use crate::diag::TypeError;
use crate::ir::{Atom, Params};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Scalar, Tensor};

/// A key from every integer: its high and its low 32 bits. Integers of up to 32 bits have zeros above.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RandomSeed;

/// Words to keys. Shapes: u32 [k.., 2] -> keys [k..].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RandomWrap;

/// Keys to words. Shapes: keys [k..] -> u32 [k.., 2].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RandomUnwrap;

/// A key from a key and an integer, of which 32 bits count.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RandomFoldIn;

const INTEGERS: &[Kind] = &[Kind::Signed, Kind::Unsigned];

impl Primitive for RandomSeed {
    fn name(&self) -> &str {
        "random_seed"
    }

    fn params(&self) -> Params {
        Params::new().with("impl", "fry")
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_kind(&operands[0], INTEGERS)?;
        Ok(vec![operands[0].with_dtype(DType::KeyFry)])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let is_wide = operands[0].dtype().bits() == 64;
        let result = operands[0].aval().with_dtype(DType::KeyFry);
        Ok(vec![eval_elementwise(result, operands, |seed| {
            let seed = seed[0].int();
            key([if is_wide { (seed >> 32) as u32 } else { 0 }, seed as u32])
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, *self, primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |axis| ((*self).into(), axis))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        Ok(elementwise_nest(operands, &results[0], |b, seed| {
            let low = b.convert(seed[0], DType::U32);
            let high = if operands[0].dtype.bits() == 64 {
                let bits = b.bitcast(seed[0], DType::U64);
                super::halves(b, bits)[1]
            } else {
                b.int(DType::U32, 0)
            };
            key_of_words(b, [high, low])
        }))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for RandomSeed {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "random_seed").then(|| expect_fry(params).map(|()| RandomSeed))
    }

    fn samples() -> Vec<Sample> {
        let wide = Tensor::from_scalars(
            Aval::new(DType::I64, [3]),
            [-2, 0x0123_4567_89ab_cdef, 1 << 32].map(Scalar::Int),
        );
        let narrow = [DType::I32, DType::U32, DType::I8, DType::U16].map(|dtype| {
            Sample::new(RandomSeed, vec![Tensor::from_f64s(dtype, [2, 2], &[0.0, 42.0, 101.0, -7.0])])
        });
        let mut samples = narrow.to_vec();
        samples.push(Sample::new(RandomSeed, vec![wide]));
        samples.push(Sample::new(RandomSeed, vec![Tensor::from_f64s(DType::U64, [], &[5.0])]));
        samples.push(Sample::new(RandomSeed, vec![Tensor::from_f64s(DType::I32, [0], &[])]));
        samples
    }
}

impl Primitive for RandomWrap {
    fn name(&self) -> &str {
        "random_wrap"
    }

    fn params(&self) -> Params {
        Params::new().with("impl", "fry")
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        match (operands[0].dtype, operands[0].shape.extents()) {
            (DType::U32, [keys @ .., 2]) => Ok(vec![Aval::new(DType::KeyFry, keys)]),
            _ => Err(TypeError(format!("expected u32[..,2], the data of keys, found {}", operands[0]))),
        }
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let extents = operands[0].shape().extents();
        let result = Aval::new(DType::KeyFry, &extents[..extents.len() - 1]);
        Ok(vec![operands[0].clone().reinterpret(result).expect("a key is two words")])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, *self, primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        // The last axis is the one that goes.
        let axis = dims[0].axis().expect("at least one dim is mapped");
        let moved = cx.builder.move_axis(operands[0], axis, 0);
        Ok(Batched::leading(cx.builder.emit_one(*self, &[moved])))
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Ok(Lowering::Reinterpret(None))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for RandomWrap {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "random_wrap").then(|| expect_fry(params).map(|()| RandomWrap))
    }

    fn samples() -> Vec<Sample> {
        let shapes: [&[usize]; 3] = [&[2], &[3, 1, 2], &[0, 2]];
        let sample = |shape: &[usize]| {
            let count: usize = shape.iter().product();
            let values: Vec<f64> = (0..count).map(|i| 3e8 * i as f64 + 7.0).collect();
            Sample::new(RandomWrap, vec![Tensor::from_f64s(DType::U32, shape, &values)])
        };
        shapes.map(sample).to_vec()
    }
}

impl Primitive for RandomUnwrap {
    fn name(&self) -> &str {
        "random_unwrap"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_key(&operands[0])?;
        Ok(vec![Aval::new(DType::U32, operands[0].shape.inserted(operands[0].rank(), 2))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let shape = operands[0].shape().inserted(operands[0].shape().rank(), 2);
        let words = operands[0].scalars().flat_map(words).map(|word| Scalar::Int(i128::from(word)));
        Ok(vec![Tensor::from_scalars(Aval::new(DType::U32, shape), words)])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, *self, primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        super::batch_keys(cx, *self, operands, dims)
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Ok(Lowering::Reinterpret(None))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for RandomUnwrap {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "random_unwrap").then_some(Ok(RandomUnwrap))
    }

    fn samples() -> Vec<Sample> {
        let shapes: [&[usize]; 4] = [&[], &[3], &[0, 2], &[5, 1]];
        shapes.map(|shape| Sample::new(RandomUnwrap, vec![sample_keys(shape)])).to_vec()
    }
}

impl Primitive for RandomFoldIn {
    fn name(&self) -> &str {
        "random_fold_in"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        expect_key(&operands[0])?;
        expect_kind(&operands[1], INTEGERS)?;
        Ok(vec![Aval::new(DType::KeyFry, expect_broadcast(operands)?)])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let avals: Vec<Aval> = operands.iter().map(|operand| operand.aval().clone()).collect();
        let result = self.infer(&avals).expect("operands have the inferred types").remove(0);
        Ok(vec![eval_elementwise(result, operands, |pair| {
            key(threefry::hash(words(pair[0]), [0, pair[1].int() as u32]))
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
        Ok(elementwise_nest(operands, &results[0], |b, pair| {
            let key = load_words(b, pair[0]);
            let counter = [b.int(DType::U32, 0), b.convert(pair[1], DType::U32)];
            let new = threefry::emit(b, key, counter);
            key_of_words(b, new)
        }))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for RandomFoldIn {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "random_fold_in").then_some(Ok(RandomFoldIn))
    }

    fn samples() -> Vec<Sample> {
        let sample = |keys: &[usize], data: Tensor| Sample::new(RandomFoldIn, vec![sample_keys(keys), data]);
        let data = |dtype: DType, shape: &[usize], values: &[f64]| Tensor::from_f64s(dtype, shape, values);
        vec![
            sample(&[], data(DType::U32, &[], &[7.0])),
            sample(&[3], data(DType::I32, &[3], &[0.0, -1.0, 65536.0])),
            sample(&[2, 1], data(DType::U32, &[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])),
            sample(&[3], data(DType::I64, &[], &[-1.0])),
            sample(&[0], data(DType::U8, &[0], &[])),
        ]
    }
}
