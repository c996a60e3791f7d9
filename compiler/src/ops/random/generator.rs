//! The generators of XLA: bits from a state that the program threads through, and numbers from nowhere.

use super::{halves, joined, philox, position, threefry};
use crate::diag::TypeError;
use crate::ir::{Atom, Params, Value};
use crate::loops::{Access, BlockBuilder, BufferId, Index, Nest, Store, Val};
use crate::ops::rules::*;
use crate::ops::shape::{Concatenate, Slice};
use crate::types::{Aval, DType, Kind, Scalar, Shape, Tensor};

/// Bits that follow from a state, and the next state. The state is a key and a counter of 64 bits each, as `u32[4]`
/// or `u64[2]`; every block of bits takes one value of the counter. Philox, whose counter has 128 bits, takes the key for
/// its high half, unless the state is `u64[3]`: then the counter is in the last two words, the low one first.
///
/// Source: StableHLO spec, rng_bit_generator; the assignment of bits to elements is that of XLA on CPUs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RngBitGenerator {
    pub algorithm: Algorithm,
    /// u8, u16, u32 or u64; the narrow ones are cut from words of 32 bits.
    pub dtype: DType,
    pub shape: Shape,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Algorithm {
    /// On CPUs: Philox.
    Default,
    ThreeFry,
    Philox,
}

/// `rng_uniform low high`: numbers that no seed determines.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RngUniform {
    pub shape: Shape,
}

const NO_SEED: NoRule = NoRule::ByDesign("its results would differ from run to run; use keys");

impl Algorithm {
    const ALL: [Algorithm; 3] = [Algorithm::Default, Algorithm::ThreeFry, Algorithm::Philox];

    fn text_name(self) -> &'static str {
        match self {
            Algorithm::Default => "RNG_DEFAULT",
            Algorithm::ThreeFry => "RNG_THREE_FRY",
            Algorithm::Philox => "RNG_PHILOX",
        }
    }
}

/// How the elements share the blocks of Threefry, of two words each: pairs of neighbours along one axis share a block;
/// of an odd extent the last one has a block of its own.
struct Pairing {
    axis: usize,
    /// The extents once that axis is halved: a block's number is its row-major position among them.
    blocks: Shape,
}

impl Pairing {
    /// `None` for rank 0.
    fn of(shape: &Shape) -> Option<Pairing> {
        let extents = shape.extents();
        let even = extents.iter().position(|extent| extent % 2 == 0);
        // The first of the longest ones.
        let longest = || (0..extents.len()).rev().max_by_key(|&axis| extents[axis]);
        let axis = even.or_else(longest)?;
        let mut blocks = extents.to_vec();
        blocks[axis] = blocks[axis].div_ceil(2);
        Some(Pairing { axis, blocks: blocks.into() })
    }
}

impl RngBitGenerator {
    fn is_philox(&self) -> bool {
        match self.algorithm {
            Algorithm::Default | Algorithm::Philox => true,
            Algorithm::ThreeFry => false,
        }
    }

    fn is_wide(&self) -> bool {
        self.dtype == DType::U64
    }

    /// How many values of the counter are used.
    fn block_count(&self) -> u64 {
        let count = self.shape.element_count() as u64;
        match (self.is_philox(), self.is_wide()) {
            (true, true) => count.div_ceil(2),
            (true, false) => count.div_ceil(4),
            (false, true) => count,
            (false, false) => {
                Pairing::of(&self.shape).map_or(1, |pairing| pairing.blocks.element_count() as u64)
            }
        }
    }

    fn philox_bits(&self, key: u64, counter: u128) -> Vec<u64> {
        let words_per_element = if self.is_wide() { 2 } else { 1 };
        let count = self.shape.element_count() * words_per_element;
        let word = |at: usize| {
            let counter = counter.wrapping_add(at as u128 / 4);
            let counter = [0, 32, 64, 96].map(|shift| (counter >> shift) as u32);
            philox::hash([key as u32, (key >> 32) as u32], counter)[at % 4]
        };
        let words: Vec<u64> = (0..count).map(|at| u64::from(word(at))).collect();
        words.chunks(words_per_element).map(|chunk| chunk.iter().rev().fold(0, |x, w| x << 32 | w)).collect()
    }

    fn threefry_bits(&self, key: u64, counter: u64) -> Vec<u64> {
        let block = |number: usize| {
            let counter = counter.wrapping_add(number as u64);
            let split = |x: u64| [x as u32, (x >> 32) as u32];
            threefry::hash(split(key), split(counter)).map(u64::from)
        };
        if self.is_wide() {
            return (0..self.shape.element_count()).map(block).map(|[low, high]| high << 32 | low).collect();
        }
        let Some(Pairing { axis, blocks }) = Pairing::of(&self.shape) else { return vec![block(0)[0]] };
        let element = |index: Vec<usize>| {
            let mut halved = index.clone();
            halved[axis] /= 2;
            block(blocks.offset(&halved))[index[axis] % 2]
        };
        self.shape.indices().map(element).collect()
    }

    /// The element at a point, the dims being the axes of the shape.
    fn emit(&self, b: &mut BlockBuilder, [key, counter, high]: [Val; 3]) -> Val {
        let is_wide = self.is_wide();
        if self.is_philox() {
            let at = position(b, &self.shape, 0, DType::U64);
            let words_at = |b: &mut BlockBuilder, log: i64| {
                let (log, last) = (b.int(DType::U64, log), b.int(DType::U64, (1 << log) - 1));
                (b.shr(at, log), b.and(at, last))
            };
            let (block, part) = words_at(b, if is_wide { 1 } else { 2 });
            let words = emit_philox(b, key, [counter, high], block);
            let choices = match is_wide {
                true => vec![joined(b, [words[0], words[1]]), joined(b, [words[2], words[3]])],
                false => words.to_vec(),
            };
            let bits = choose(b, part, &choices);
            return b.convert(bits, self.dtype);
        }
        let pairing = Pairing::of(&self.shape).filter(|_| !is_wide);
        let (block, part) = match &pairing {
            Some(pairing) => emit_pairing(b, pairing),
            None => (position(b, &self.shape, 0, DType::U64), b.int(DType::U64, 0)),
        };
        let counter = b.add(counter, block);
        let (key, counter) = (halves(b, key), halves(b, counter));
        let words = threefry::emit(b, key, counter);
        let bits = if is_wide { joined(b, words) } else { choose(b, part, &words) };
        b.convert(bits, self.dtype)
    }

    fn bits_nest(&self, state: &Aval) -> Nest {
        let mut nest = Nest::new(parallel_dims(&self.shape));
        let mut b = BlockBuilder::new();
        let state = load_state(&mut b, state);
        let value = self.emit(&mut b, state);
        nest.stores.push(identity_store(BufferId(2), self.shape.rank(), value));
        nest.block = b.finish();
        nest
    }

    fn state_nest(&self, state: &Aval) -> Nest {
        let mut nest = Nest::new(Vec::new());
        let mut b = BlockBuilder::new();
        let [key, counter, high] = load_state(&mut b, state);
        let blocks = b.int(DType::U64, self.block_count() as i64);
        let [counter, high] = advanced(&mut b, [counter, high], blocks);
        let words: Vec<Val> = match state.dtype {
            DType::U64 if state.shape[0] == 3 => vec![key, counter, high],
            DType::U64 => vec![key, counter],
            _ => [key, counter].into_iter().flat_map(|word| halves(&mut b, word)).collect(),
        };
        nest.stores = words
            .into_iter()
            .enumerate()
            .map(|(at, value)| {
                let indices = vec![Index::constant(at as i64)];
                Store { buffer: BufferId(1), indices, value, mask: None, combine: None }
            })
            .collect();
        nest.block = b.finish();
        nest
    }
}

/// The key and the two halves of the counter, the low one first, as U64 values.
fn load_state(b: &mut BlockBuilder, state: &Aval) -> [Val; 3] {
    let mut word = |at: i64| b.load(Access::new(BufferId(0), vec![Index::constant(at)]), state.dtype);
    if state.dtype == DType::U64 {
        let [key, counter] = [word(0), word(1)];
        let high = if state.shape[0] == 3 { word(2) } else { key };
        return [key, counter, high];
    }
    let words = [word(0), word(1), word(2), word(3)];
    let key = joined(b, [words[0], words[1]]);
    [key, joined(b, [words[2], words[3]]), key]
}

/// A counter of 128 bits, its low half first, some blocks further on.
fn advanced(b: &mut BlockBuilder, [low, high]: [Val; 2], blocks: Val) -> [Val; 2] {
    let sum = b.add(low, blocks);
    let carries = b.lt(sum, low);
    let carry = b.convert(carries, DType::U64);
    [sum, b.add(high, carry)]
}

/// The words of one block; its number counts on from the counter.
fn emit_philox(b: &mut BlockBuilder, key: Val, counter: [Val; 2], block: Val) -> [Val; 4] {
    let [low, high] = advanced(b, counter, block);
    let ([w0, w1], [w2, w3]) = (halves(b, low), halves(b, high));
    let key = halves(b, key);
    philox::emit(b, key, [w0, w1, w2, w3])
}

/// The number of an element's block and its place in it.
fn emit_pairing(b: &mut BlockBuilder, pairing: &Pairing) -> (Val, Val) {
    let (one, mut part) = (b.int(DType::U64, 1), b.int(DType::U64, 0));
    let mut block = b.int(DType::U64, 0);
    for (axis, stride) in pairing.blocks.strides().into_iter().enumerate() {
        let at = b.dim(axis);
        let mut at = b.convert(at, DType::U64);
        if axis == pairing.axis {
            part = b.and(at, one);
            at = b.shr(at, one);
        }
        let stride = b.int(DType::U64, stride as i64);
        let term = b.mul(at, stride);
        block = b.add(block, term);
    }
    (block, part)
}

/// The choice that a U64 value names.
fn choose(b: &mut BlockBuilder, which: Val, choices: &[Val]) -> Val {
    let first = choices[0];
    choices.iter().enumerate().skip(1).fold(first, |chosen, (at, &choice)| {
        let at = b.int(DType::U64, at as i64);
        let is_it = b.eq(which, at);
        b.select(is_it, choice, chosen)
    })
}

impl Primitive for RngBitGenerator {
    fn name(&self) -> &str {
        "rng_bit_generator"
    }

    fn params(&self) -> Params {
        let params = Params::new().with("algorithm", self.algorithm.text_name()).with("dtype", self.dtype);
        params.with("out_sharding", Value::None).with("shape", self.shape.extents())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let state = &operands[0];
        let is_state = match (state.dtype, state.shape.extents()) {
            (DType::U32, [4]) | (DType::U64, [2]) => true,
            (DType::U64, [3]) => self.is_philox(),
            _ => false,
        };
        if !is_state {
            let long = if self.is_philox() { ", u64[2] or u64[3]" } else { " or u64[2]" };
            return Err(TypeError(format!("expected a state of u32[4]{long}, found {state}")));
        }
        match self.dtype {
            DType::U8 | DType::U16 | DType::U32 | DType::U64 => {
                Ok(vec![state.clone(), Aval::new(self.dtype, self.shape.clone())])
            }
            other => Err(TypeError(format!("dtype: expected u8, u16, u32 or u64, found {other}"))),
        }
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let state = &operands[0];
        let words = Aval::new(DType::U64, [state.aval().size_bytes() / 8]);
        let wide = state.clone().reinterpret(words.clone()).expect("a state is words of 64 bits");
        let word = |at: usize| wide.at(at).int() as u64;
        let (key, low) = (word(0), word(1));
        let high = if words.shape[0] == 3 { word(2) } else { key };
        let counter = u128::from(high) << 64 | u128::from(low);
        let bits =
            if self.is_philox() { self.philox_bits(key, counter) } else { self.threefry_bits(key, low) };
        let counter = counter.wrapping_add(u128::from(self.block_count()));
        let next = [key, counter as u64, (counter >> 64) as u64].into_iter().take(words.shape[0]);
        let next = Tensor::from_scalars(words, next.map(|word| Scalar::Int(i128::from(word))));
        let bits = bits.into_iter().map(|bits| Scalar::Int(i128::from(bits)));
        Ok(vec![
            next.reinterpret(state.aval().clone()).expect("a state is words of 64 bits"),
            Tensor::from_scalars(Aval::new(self.dtype, self.shape.clone()), bits),
        ])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, self.clone(), primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    /// As JAX has it, which is not what each state by itself would give: the first state makes the bits of the whole
    /// batch, and it alone moves on.
    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let axis = dims[0].axis().expect("at least one dim is mapped");
        let states = cx.builder.move_axis(operands[0], axis, 0);
        let aval = cx.builder.aval(states);
        let first = cx.builder.emit_one(Slice::along(&aval.shape, 0, 0, 1), &[states]);
        let first = cx.builder.reshape(first, aval.shape.without(&[0]));
        let shape = self.shape.inserted(0, cx.extent);
        let made = cx.builder.emit(RngBitGenerator { shape, ..self.clone() }, &[first]);
        let next = cx.builder.expand_dims(made[0], &[0]);
        let rest = cx.builder.emit_one(Slice::along(&aval.shape, 0, 1, cx.extent - 1), &[states]);
        let states = cx.builder.emit_one(Concatenate { axis: 0 }, &[next, rest]);
        Ok(Batched { values: vec![states, made[1]], dims: vec![BatchDim::Axis(0); 2] })
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Ok(Lowering::Nests(vec![self.state_nest(&operands[0]), self.bits_nest(&operands[0])]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for RngBitGenerator {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "rng_bit_generator").then(|| {
            let name = params.name("algorithm")?;
            let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.text_name() == name);
            let algorithm = algorithm.ok_or_else(|| {
                TypeError(format!("parameter algorithm: expected one of XLA's, found {name}"))
            })?;
            Ok(RngBitGenerator {
                algorithm,
                dtype: params.dtype("dtype")?,
                shape: params.sizes("shape")?.into(),
            })
        })
    }

    fn samples() -> Vec<Sample> {
        let shapes: [&[usize]; 8] = [&[], &[1], &[7], &[0, 3], &[3, 5], &[5, 3, 4], &[4, 6], &[3, 2]];
        let state = [0x89ab_cdef_u32, 0x0123_4567, 5, 0].map(|word| Scalar::Int(i128::from(word)));
        let narrow = Tensor::from_scalars(Aval::new(DType::U32, [4]), state);
        // The counter overflows into the next word on the way.
        let wide = [7, u64::MAX - 2].map(|word| Scalar::Int(i128::from(word)));
        let wide = Tensor::from_scalars(Aval::new(DType::U64, [2]), wide);
        let mut samples = Vec::new();
        for (algorithm, shape) in Algorithm::ALL.into_iter().flat_map(|a| shapes.map(|shape| (a, shape))) {
            for (dtype, state) in
                [(DType::U32, &narrow), (DType::U64, &wide), (DType::U8, &narrow), (DType::U16, &wide)]
            {
                let op = RngBitGenerator { algorithm, dtype, shape: shape.into() };
                samples.push(Sample::new(op, vec![state.clone()]));
            }
        }
        let long = [7, u64::MAX - 2, u64::MAX].map(|word| Scalar::Int(i128::from(word)));
        let long = Tensor::from_scalars(Aval::new(DType::U64, [3]), long);
        for (dtype, shape) in [(DType::U32, [5, 6]), (DType::U64, [3, 3])] {
            let op = RngBitGenerator { algorithm: Algorithm::Philox, dtype, shape: shape.into() };
            samples.push(Sample::new(op, vec![long.clone()]));
        }
        samples
    }
}

impl Primitive for RngUniform {
    fn name(&self) -> &str {
        "rng_uniform"
    }

    fn params(&self) -> Params {
        Params::new().with("shape", self.shape.extents())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        let dtype = expect_same_dtype(operands)?;
        expect_kind(&operands[0], &[Kind::Signed, Kind::Unsigned, Kind::Float])?;
        match operands.iter().find(|aval| !aval.shape.is_scalar()) {
            Some(bound) => Err(TypeError(format!("expected bounds of rank 0, found {bound}"))),
            None => Ok(vec![Aval::new(dtype, self.shape.clone())]),
        }
    }

    fn eval(&self, _: &EvalCx, _: &[Tensor]) -> Rule<Vec<Tensor>> {
        Err(NO_SEED)
    }

    fn jvp(&self, _: &mut JvpCx, _: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        Err(NO_SEED)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NO_SEED)
    }

    fn batch(&self, _: &mut BatchCx, _: &[Atom], _: &[BatchDim]) -> Rule<Batched> {
        Err(NO_SEED)
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Err(NO_SEED)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for RngUniform {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "rng_uniform").then(|| Ok(RngUniform { shape: params.sizes("shape")?.into() }))
    }

    fn samples() -> Vec<Sample> {
        let bound = |value: f64| Tensor::from_f64s(DType::F32, [], &[value]);
        vec![Sample::new(RngUniform { shape: [3].into() }, vec![bound(0.0), bound(1.0)])]
    }
}
