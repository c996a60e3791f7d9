//! Takes complex numbers apart.
//!
//! # Note: numbers in two parts
//! A value of C64 or C128 becomes two values of its part type. Its buffers keep their dtypes; nests load and
//! store the parts through an alias of the buffer that has the part type and one more axis, of extent 2. Sums
//! become two sums; every other reduction of such values, and those in several parts, a combining block.

use super::filled_access;
use crate::loops::math::complex;
use crate::loops::{
    Access, BinaryOp, Block, BlockBuilder, Buffer, BufferId, Combine, Function, Index, Inst, Nest, Place,
    Reduction, Stmt, Store, UnaryOp, Val,
};
use crate::types::{DType, Literal};
use std::collections::HashMap;

/// The type of the two parts that a value consists of; `None` for one word.
fn part_dtype(dtype: DType) -> Option<DType> {
    dtype.is_complex().then(|| dtype.real_part())
}

/// Rewrites all nests of a function that touch values in two parts.
///
/// Errors: an operation that is not defined on them, by name.
pub(super) fn function(function: &mut Function) -> Result<(), String> {
    let mut body = std::mem::take(&mut function.body);
    let mut aliases = Aliases { function, known: HashMap::new() };
    let result = statements(&mut body, &mut aliases);
    function.body = body;
    result
}

fn statements(body: &mut [Stmt], aliases: &mut Aliases) -> Result<(), String> {
    for stmt in body {
        match stmt {
            Stmt::Nest(body) => nest(body, aliases)?,
            Stmt::Loop { body, .. } => statements(body, aliases)?,
            Stmt::While { condition, body, .. } => {
                statements(condition, aliases)?;
                statements(body, aliases)?;
            }
            Stmt::Switch { branches, .. } => {
                branches.iter_mut().try_for_each(|branch| statements(branch, aliases))?
            }
            Stmt::Call(_) => {}
        }
    }
    Ok(())
}

/// The buffers under which the parts of others are reached.
struct Aliases<'f> {
    function: &'f mut Function,
    known: HashMap<BufferId, BufferId>,
}

impl Aliases<'_> {
    fn of(&mut self, id: BufferId, part: DType) -> BufferId {
        let Aliases { function, known } = self;
        *known.entry(id).or_insert_with(|| {
            let shape = &function.buffer(id).shape;
            let shape = shape.inserted(shape.rank(), 2);
            function.buffers.push(Buffer { dtype: part, shape, place: Place::Alias(id) });
            BufferId(function.buffers.len() as u32 - 1)
        })
    }
}

/// What stands for a value of the source.
#[derive(Clone, Copy)]
enum Parts {
    One(Val),
    Two(complex::Parts),
}

use Parts::{One, Two};

impl Parts {
    fn vals(self) -> Vec<Val> {
        match self {
            One(val) => vec![val],
            Two((first, second)) => vec![first, second],
        }
    }
}

fn nest(nest: &mut Nest, aliases: &mut Aliases) -> Result<(), String> {
    let source = std::mem::take(&mut nest.block);
    if !has_two_parts(&source) {
        nest.block = source;
        return Ok(());
    }
    let mut splitter = Splitter::new(&source);
    splitter.reductions = renumbered(&nest.reductions, &source);
    for val in source.vals() {
        let parts = splitter.inst(source.inst(val), source.dtype(val), Some(&mut *aliases))?;
        splitter.map.push(parts);
    }
    let reductions = std::mem::take(&mut nest.reductions);
    for reduction in reductions {
        nest.reductions.extend(splitter.reduction(reduction)?);
    }
    let stores = std::mem::take(&mut nest.stores);
    for store in stores {
        nest.stores.extend(splitter.store(store, aliases)?);
    }
    nest.block = splitter.b.finish();
    Ok(())
}

/// Rewrites a block with parameters and results; a parameter or result in two parts becomes two.
///
/// Errors: as [`function`].
pub(super) fn block(source: &Block) -> Result<Block, String> {
    let mut splitter = Splitter::new(source);
    for val in source.vals() {
        let parts = splitter.inst(source.inst(val), source.dtype(val), None)?;
        splitter.map.push(parts);
    }
    let results = source.results.iter().flat_map(|&result| splitter.get(result).vals()).collect();
    Ok(splitter.b.finish_with(results))
}

fn has_two_parts(block: &Block) -> bool {
    block.types.iter().any(|dtype| dtype.is_complex())
}

/// The reductions and parts that replace each part of each reduction.
fn renumbered(reductions: &[Reduction], block: &Block) -> Vec<Vec<Vec<(usize, usize)>>> {
    let mut next = 0;
    let mut map = Vec::new();
    for reduction in reductions {
        let counts = reduction.inits.iter().map(|&init| 1 + usize::from(is_pair(block, init)));
        if splits(reduction, block) {
            map.push(vec![vec![(next, 0), (next + 1, 0)]]);
            next += 2;
            continue;
        }
        let mut part = 0;
        let parts = counts.map(|count| {
            part += count;
            (part - count..part).map(|part| (next, part)).collect()
        });
        map.push(parts.collect());
        next += 1;
    }
    map
}

fn is_pair(block: &Block, val: Val) -> bool {
    block.dtype(val).is_complex()
}

/// Is it a sum of complex numbers, which is two sums of their parts?
fn splits(reduction: &Reduction, block: &Block) -> bool {
    matches!(reduction.combine, Combine::Op(BinaryOp::Add)) && is_pair(block, reduction.inits[0])
}

/// Rewrites a source block into a new one.
struct Splitter<'s> {
    source: &'s Block,
    b: BlockBuilder,
    map: Vec<Parts>,
    /// See [`renumbered`].
    reductions: Vec<Vec<Vec<(usize, usize)>>>,
}

impl<'s> Splitter<'s> {
    fn new(source: &'s Block) -> Self {
        Splitter { source, b: BlockBuilder::new(), map: Vec::new(), reductions: Vec::new() }
    }

    fn get(&self, val: Val) -> Parts {
        self.map[val.0 as usize]
    }

    /// The counterpart of a value in one part. Panics if it has two: the verifier has checked the types.
    fn one(&self, val: Val) -> Val {
        match self.get(val) {
            One(val) => val,
            Two(_) => unreachable!("{val:?} is an index, a mask or a number in one part"),
        }
    }

    /// The instruction as it is, its operands having one part.
    fn unchanged(&mut self, inst: &Inst, dtype: DType) -> Parts {
        let moved = inst.map_operands(|operand| self.one(operand));
        One(self.b.push(moved, dtype))
    }

    /// `aliases` is absent in a block without loads.
    fn inst(&mut self, inst: &Inst, dtype: DType, aliases: Option<&mut Aliases>) -> Result<Parts, String> {
        let Some(part) = part_dtype(dtype) else { return self.one_part(inst, dtype) };
        match inst {
            Inst::Param(_) => Ok(Two((self.b.param(part), self.b.param(part)))),
            Inst::Const(literal) => Ok(self.literal(*literal, part)),
            Inst::Load(access) => {
                let aliases = aliases.ok_or("a load outside of a nest")?;
                Ok(self.load(access, part, aliases))
            }
            Inst::Unary(op, x) => self.unary(*op, dtype, *x),
            Inst::Binary(op, x, y) => self.binary(*op, dtype, self.get(*x), self.get(*y)),
            Inst::Select { mask, on_true, on_false } => {
                let (mask, on_true, on_false) = (self.one(*mask), self.get(*on_true), self.get(*on_false));
                let (Two(on_true), Two(on_false)) = (on_true, on_false) else {
                    return Err(format!("a choice of {dtype} among numbers in one part"));
                };
                let first = self.b.select(mask, on_true.0, on_false.0);
                Ok(Two((first, self.b.select(mask, on_true.1, on_false.1))))
            }
            Inst::Fma(x, y, z) => {
                let product = self.binary(BinaryOp::Mul, dtype, self.get(*x), self.get(*y))?;
                self.binary(BinaryOp::Add, dtype, product, self.get(*z))
            }
            Inst::Convert(x) => Ok(self.convert(*x, part)),
            Inst::Reduced { reduction, part: old } => {
                let new = &self.reductions[*reduction][*old];
                let mut reduced = |(at, position): (usize, usize)| self.b.reduced(at, position, part);
                Ok(Two((reduced(new[0]), reduced(new[1]))))
            }
            Inst::Bitcast(_) | Inst::Table { .. } | Inst::Rare { .. } | Inst::Call { .. } => {
                Err(format!("{inst:?} is not defined on {dtype}"))
            }
            Inst::Dim(_) | Inst::LoopIndex(_) | Inst::Compare(..) => {
                Err(format!("{inst:?} is not of type {dtype}"))
            }
        }
    }

    /// An instruction whose result has one part.
    fn one_part(&mut self, inst: &Inst, dtype: DType) -> Result<Parts, String> {
        match inst {
            Inst::Param(_) => Ok(One(self.b.param(dtype))),
            Inst::Reduced { reduction, part } => {
                let (at, position) = self.reductions[*reduction][*part][0];
                Ok(One(self.b.reduced(at, position, dtype)))
            }
            Inst::Unary(op, x) => match (op, self.get(*x)) {
                (_, One(_)) => Ok(self.unchanged(inst, dtype)),
                (UnaryOp::Real, Two(z)) => Ok(One(z.0)),
                (UnaryOp::Imag, Two(z)) => Ok(One(z.1)),
                (UnaryOp::Abs, Two(z)) => Ok(One(complex::abs(&mut self.b, z))),
                (UnaryOp::IsFinite, Two(z)) => {
                    let (re, im) = (self.b.unary(*op, z.0), self.b.unary(*op, z.1));
                    Ok(One(self.b.and(re, im)))
                }
                (op, Two(_)) => Err(format!("{op:?} is not defined on {}", self.source.dtype(*x))),
            },
            Inst::Compare(op, x, y) => match (self.get(*x), self.get(*y)) {
                (Two(x), Two(y)) => Ok(One(complex::compare(&mut self.b, *op, x, y))),
                (One(_), _) | (_, One(_)) => Ok(self.unchanged(inst, dtype)),
            },
            Inst::Convert(x) => match self.get(*x) {
                One(_) => Ok(self.unchanged(inst, dtype)),
                Two(z) => Ok(One(self.b.convert(z.0, dtype))),
            },
            Inst::Bitcast(x) if is_pair(self.source, *x) => {
                Err(format!("a bitcast of {} to {dtype} is not supported", self.source.dtype(*x)))
            }
            Inst::Const(_) | Inst::Dim(_) | Inst::LoopIndex(_) | Inst::Load(_) | Inst::Binary(..) => {
                Ok(self.unchanged(inst, dtype))
            }
            Inst::Select { .. } | Inst::Fma(..) | Inst::Bitcast(_) | Inst::Table { .. } => {
                Ok(self.unchanged(inst, dtype))
            }
            Inst::Rare { .. } | Inst::Call { .. } => Ok(self.unchanged(inst, dtype)),
        }
    }

    fn literal(&mut self, literal: Literal, part: DType) -> Parts {
        let bits = literal.bits();
        let low = bits & ((1 << part.bits()) - 1);
        let first = self.b.literal(Literal::from_bits(part, low));
        Two((first, self.b.literal(Literal::from_bits(part, bits >> part.bits()))))
    }

    /// The two positions of an element's parts under the buffer's alias.
    fn indices(&self, indices: &[Index]) -> [Vec<Index>; 2] {
        let mut moved = indices.to_vec();
        for index in &mut moved {
            index.dynamic = index.dynamic.map(|val| self.one(val));
        }
        [0, 1].map(|part| [moved.as_slice(), &[Index::constant(part)]].concat())
    }

    fn load(&mut self, access: &Access, part: DType, aliases: &mut Aliases) -> Parts {
        let buffer = aliases.of(access.buffer, part);
        let [first, second] = self.indices(&access.indices);
        let (fill_first, fill_second) = match access.fill.map(|fill| self.get(fill)) {
            Some(Two((first, second))) => (Some(first), Some(second)),
            Some(One(_)) | None => (None, None),
        };
        let first = self.b.load(Access { buffer, indices: first, fill: fill_first }, part);
        Two((first, self.b.load(Access { buffer, indices: second, fill: fill_second }, part)))
    }

    fn unary(&mut self, op: UnaryOp, dtype: DType, x: Val) -> Result<Parts, String> {
        let result = match self.get(x) {
            Two(z) => complex::unary(&mut self.b, op, z),
            One(_) => None,
        };
        result.map(Two).ok_or_else(|| format!("{op:?} is not defined on {dtype}"))
    }

    fn binary(&mut self, op: BinaryOp, dtype: DType, x: Parts, y: Parts) -> Result<Parts, String> {
        let result = match (op, x, y) {
            (BinaryOp::Complex, One(re), One(im)) => Some((re, im)),
            (_, Two(x), Two(y)) => complex::binary(&mut self.b, op, x, y),
            (_, One(_) | Two(_), One(_) | Two(_)) => None,
        };
        result.map(Two).ok_or_else(|| format!("{op:?} is not defined on {dtype}"))
    }

    fn convert(&mut self, x: Val, part: DType) -> Parts {
        match self.get(x) {
            One(x) => Two((self.b.convert(x, part), self.b.int(part, 0))),
            Two(z) => Two((self.b.convert(z.0, part), self.b.convert(z.1, part))),
        }
    }

    fn reduction(&mut self, reduction: Reduction) -> Result<Vec<Reduction>, String> {
        let vals = |vals: &[Val]| -> Vec<Val> { vals.iter().flat_map(|&val| self.get(val).vals()).collect() };
        let (inits, values) = (vals(&reduction.inits), vals(&reduction.values));
        if splits(&reduction, self.source) {
            let one = |at: usize| Reduction {
                combine: reduction.combine.clone(),
                inits: vec![inits[at]],
                values: vec![values[at]],
            };
            return Ok(vec![one(0), one(1)]);
        }
        let dtype = self.source.dtype(reduction.inits[0]);
        let combine = match reduction.combine {
            Combine::Op(op) if dtype.is_complex() => Combine::Block(block(&merge(op, dtype))?),
            Combine::Op(op) => Combine::Op(op),
            Combine::Block(body) => Combine::Block(block(&body)?),
        };
        Ok(vec![Reduction { combine, inits, values }])
    }

    fn store(&mut self, store: Store, aliases: &mut Aliases) -> Result<Vec<Store>, String> {
        let mask = store.mask.map(|mask| self.one(mask));
        let (value, dtype) = (self.get(store.value), self.source.dtype(store.value));
        let [first, second] = self.indices(&store.indices);
        let Two(mut value) = value else {
            let indices = first[..store.indices.len()].to_vec();
            return Ok(vec![Store { indices, value: self.one(store.value), mask, ..store }]);
        };
        let part = self.b.dtype(value.0);
        let buffer = aliases.of(store.buffer, part);
        let mut combine = store.combine;
        if let Some(op) = combine.filter(|op| !matches!(op, BinaryOp::Add | BinaryOp::Sub)) {
            // Each part of the result needs both old parts.
            let [first, second] = [&first, &second].map(|indices| {
                let access = filled_access(&mut self.b, buffer, indices.clone(), part);
                self.b.load(access, part)
            });
            let Two(merged) = self.binary(op, dtype, Two((first, second)), Two(value))? else {
                unreachable!("operations on numbers in two parts make such numbers");
            };
            (value, combine) = (merged, None);
        }
        let one = |indices: Vec<Index>, value: Val| Store { buffer, indices, value, mask, combine };
        Ok(vec![one(first, value.0), one(second, value.1)])
    }
}

/// The block that an operation stands for: accumulator and value to accumulator.
fn merge(op: BinaryOp, dtype: DType) -> Block {
    let mut b = BlockBuilder::new();
    let (accumulator, value) = (b.param(dtype), b.param(dtype));
    let merged = b.binary(op, accumulator, value);
    b.finish_with(vec![merged])
}
