//! What follows from a key: bits and further keys.

use super::{batch_keys, with_layout, words};
use super::{counter, expect_key, joined, key, key_of_words, load_words, parse_layout, position, threefry};
use crate::diag::TypeError;
use crate::ir::source::Threefry;
use crate::ir::{Atom, Params};
use crate::loops::{Access, BlockBuilder, BufferId, Index, Nest, Val};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Scalar, Shape, Tensor};

/// Uniform bits of every key.
///
/// Shapes: keys [k..] -> [k.., shape..].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RandomBits {
    /// 8, 16, 32 or 64.
    pub bit_width: u32,
    pub shape: Shape,
    /// See Note: layouts of [`super`].
    pub layout: Threefry,
}

/// New keys from every key.
///
/// Shapes: keys [k..] -> keys [k.., shape..].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RandomSplit {
    pub shape: Shape,
    /// See Note: layouts of [`super`].
    pub layout: Threefry,
}

const TOO_LONG: NoRule = NoRule::NotYet("2^32 - 1 words or more of one key in the original layout");

impl RandomBits {
    fn dtype(&self) -> Option<DType> {
        match self.bit_width {
            8 => Some(DType::U8),
            16 => Some(DType::U16),
            32 => Some(DType::U32),
            64 => Some(DType::U64),
            _ => None,
        }
    }

    /// How many words of 32 bits the original layout hashes for one key. Errors: more than one list of counters has.
    fn word_count(&self) -> Rule<u32> {
        let bits = (self.shape.element_count() as u128) * u128::from(self.bit_width);
        u32::try_from(bits.div_ceil(32)).ok().filter(|&count| count < u32::MAX).ok_or(TOO_LONG)
    }

    /// The elements of one key, row-major.
    pub(super) fn of_key(&self, key: [u32; 2]) -> Rule<Vec<u64>> {
        let count = self.shape.element_count();
        if self.layout == Threefry::Original {
            let counters: Vec<u32> = (0..self.word_count()?).collect();
            let hashes = threefry::hash_list(key, &counters);
            let (per_word, width) = (32 / self.bit_width.min(32), self.bit_width);
            return Ok((0..count)
                .map(|i| match width {
                    64 => u64::from(hashes[i]) << 32 | u64::from(hashes[count + i]),
                    _ => {
                        let (word, part) = (i / per_word as usize, i as u32 % per_word);
                        u64::from(hashes[word]) >> (width * part)
                    }
                })
                .collect());
        }
        let hash = |i: usize| threefry::hash(key, [(i as u64 >> 32) as u32, i as u32]);
        Ok((0..count)
            .map(hash)
            .map(|[x, y]| match self.bit_width {
                64 => u64::from(x) << 32 | u64::from(y),
                _ => u64::from(x ^ y),
            })
            .collect())
    }

    /// The element at a point: dims from `first_dim` on run over the shape.
    fn emit(&self, b: &mut BlockBuilder, key: [Val; 2], first_dim: usize, dtype: DType) -> Rule<Val> {
        if self.layout == Threefry::Original {
            return self.emit_original(b, key, first_dim, dtype);
        }
        let counter = counter(b, &self.shape, first_dim);
        let [x, y] = threefry::emit(b, key, counter);
        if self.bit_width == 64 {
            return Ok(joined(b, [y, x]));
        }
        let bits = b.xor(x, y);
        Ok(b.convert(bits, dtype))
    }

    fn emit_original(
        &self,
        b: &mut BlockBuilder,
        key: [Val; 2],
        first_dim: usize,
        dtype: DType,
    ) -> Rule<Val> {
        let count = self.word_count()?;
        let at = position(b, &self.shape, first_dim, DType::U32);
        match self.bit_width {
            64 => {
                let [x, y] = threefry::emit_pair(b, key, count, at);
                Ok(joined(b, [y, x]))
            }
            32 => Ok(threefry::emit_listed(b, key, count, at)),
            width => {
                let per_word = 32 / width;
                let log = b.int(DType::U32, i64::from(per_word.ilog2()));
                let (last, width) =
                    (b.int(DType::U32, i64::from(per_word) - 1), b.int(DType::U32, i64::from(width)));
                let (word, part) = (b.shr(at, log), b.and(at, last));
                let bits = threefry::emit_listed(b, key, count, word);
                let amount = b.mul(part, width);
                let bits = b.shr(bits, amount);
                Ok(b.convert(bits, dtype))
            }
        }
    }
}

impl Primitive for RandomBits {
    fn name(&self) -> &str {
        "random_bits"
    }

    fn params(&self) -> Params {
        let params = Params::new().with("bit_width", self.bit_width as usize);
        with_layout(params.with("shape", self.shape.extents()), self.layout)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_key(&operands[0])?;
        let dtype = self.dtype().ok_or_else(|| {
            TypeError(format!("parameter bit_width: expected 8, 16, 32 or 64, found {}", self.bit_width))
        })?;
        Ok(vec![Aval::new(dtype, joined_shape(&operands[0].shape, &self.shape))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let result = result_of(self, &operands[0]);
        let mut elements = Vec::with_capacity(result.shape.element_count());
        for key in operands[0].scalars() {
            elements.extend(self.of_key(words(key))?);
        }
        let scalars = elements.into_iter().map(|bits| Scalar::Int(i128::from(bits)));
        Ok(vec![Tensor::from_scalars(result, scalars)])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, self.clone(), primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_keys(cx, self.clone(), operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        nest_over_keys(&operands[0], &results[0], |b, key, first_dim| {
            self.emit(b, key, first_dim, results[0].dtype)
        })
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for RandomBits {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "random_bits").then(|| {
            let bit_width = u32::try_from(params.size("bit_width")?).unwrap_or(u32::MAX);
            Ok(RandomBits { bit_width, shape: params.sizes("shape")?.into(), layout: parse_layout(params)? })
        })
    }

    fn samples() -> Vec<Sample> {
        let shapes: [&[usize]; 6] = [&[], &[1], &[7], &[0, 2], &[3, 1, 5], &[67]];
        let mut samples = Vec::new();
        for (layout, bit_width) in LAYOUTS.into_iter().flat_map(|layout| [8, 16, 32, 64].map(|w| (layout, w)))
        {
            let op = |shape: &[usize]| RandomBits { bit_width, shape: shape.into(), layout };
            samples.extend(shapes.map(|shape| Sample::new(op(shape), vec![sample_keys(&[])]).within(0.0)));
            samples.push(Sample::new(op(&[5]), vec![sample_keys(&[2, 3])]).within(0.0));
        }
        samples
    }
}

impl RandomSplit {
    pub(super) fn of_key(&self, key: [u32; 2]) -> Rule<Vec<[u32; 2]>> {
        let count = self.shape.element_count();
        match self.layout {
            Threefry::Partitionable => {
                Ok((0..count).map(|i| threefry::hash(key, [(i as u64 >> 32) as u32, i as u32])).collect())
            }
            Threefry::Original => {
                let counters: Vec<u32> = (0..self.word_count()?).collect();
                let hashes = threefry::hash_list(key, &counters);
                Ok(hashes.chunks(2).map(|pair| [pair[0], pair[1]]).collect())
            }
        }
    }

    fn word_count(&self) -> Rule<u32> {
        let count = u32::try_from(self.shape.element_count()).ok().and_then(|count| count.checked_mul(2));
        count.ok_or(TOO_LONG)
    }

    fn emit(&self, b: &mut BlockBuilder, key: [Val; 2], first_dim: usize) -> Rule<Val> {
        let new = match self.layout {
            Threefry::Partitionable => {
                let counter = counter(b, &self.shape, first_dim);
                threefry::emit(b, key, counter)
            }
            Threefry::Original => {
                let count = self.word_count()?;
                let (at, one) = (position(b, &self.shape, first_dim, DType::U32), b.int(DType::U32, 1));
                let first = b.shl(at, one);
                let second = b.add(first, one);
                [first, second].map(|at| threefry::emit_listed(b, key, count, at))
            }
        };
        Ok(key_of_words(b, new))
    }
}

impl Primitive for RandomSplit {
    fn name(&self) -> &str {
        "random_split"
    }

    fn params(&self) -> Params {
        with_layout(Params::new().with("shape", self.shape.extents()), self.layout)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_key(&operands[0])?;
        Ok(vec![Aval::new(DType::KeyFry, joined_shape(&operands[0].shape, &self.shape))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let mut keys = Vec::new();
        for old in operands[0].scalars() {
            keys.extend(self.of_key(words(old))?);
        }
        Ok(vec![Tensor::from_scalars(result_of(self, &operands[0]), keys.into_iter().map(key))])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, self.clone(), primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_keys(cx, self.clone(), operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        nest_over_keys(&operands[0], &results[0], |b, key, first_dim| self.emit(b, key, first_dim))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for RandomSplit {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "random_split").then(|| {
            // Until JAX 0.4.13 the new keys were always a list.
            let shape = match params.get("count") {
                Some(_) => vec![params.size("count")?],
                None => params.sizes("shape")?,
            };
            Ok(RandomSplit { shape: shape.into(), layout: parse_layout(params)? })
        })
    }

    fn samples() -> Vec<Sample> {
        let shapes: [&[usize]; 5] = [&[], &[1], &[2], &[0], &[3, 5]];
        let mut samples = Vec::new();
        for layout in LAYOUTS {
            let op = |shape: &[usize]| RandomSplit { shape: shape.into(), layout };
            samples.extend(shapes.map(|shape| Sample::new(op(shape), vec![sample_keys(&[])]).within(0.0)));
            samples.push(Sample::new(op(&[2]), vec![sample_keys(&[3])]).within(0.0));
        }
        samples
    }
}

const LAYOUTS: [Threefry; 2] = [Threefry::Partitionable, Threefry::Original];

/// Keys with irregular words.
pub(super) fn sample_keys(shape: &[usize]) -> Tensor {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    Tensor::from_fn(Aval::new(DType::KeyFry, shape), |_| {
        seed = seed.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
        Scalar::Key(seed)
    })
}

fn joined_shape(keys: &Shape, own: &Shape) -> Shape {
    [keys.extents(), own.extents()].concat().into()
}

fn result_of(op: &impl Primitive, operand: &Tensor) -> Aval {
    op.infer(&[operand.aval().clone()]).expect("operands have the inferred types").remove(0)
}

/// A nest over the axes of the keys, then over those of the shape, whose first dim `element` is told.
fn nest_over_keys(
    keys: &Aval,
    result: &Aval,
    element: impl FnOnce(&mut BlockBuilder, [Val; 2], usize) -> Rule<Val>,
) -> Rule<Lowering> {
    let mut nest = Nest::new(parallel_dims(&result.shape));
    let mut b = BlockBuilder::new();
    let indices = (0..keys.rank()).map(Index::dim).collect();
    let key = b.load(Access::new(BufferId(0), indices), DType::KeyFry);
    let words = load_words(&mut b, key);
    let value = element(&mut b, words, keys.rank())?;
    nest.stores.push(identity_store(BufferId(1), result.rank(), value));
    nest.block = b.finish();
    Ok(Lowering::Nests(vec![nest]))
}
