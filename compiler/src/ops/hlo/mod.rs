//! What primitives are in StableHLO, by family. Each file reads the operations of its family and writes its primitives;
//! the two lists below are all that the drivers see.

mod branches;
mod comparator;
mod complex;
mod contraction;
mod control;
mod elementwise;
mod fft;
mod indexing;
mod lapack;
mod linalg;
mod normalization;
mod older;
mod positional;
mod random;
mod reduction;
mod shape;
mod sorting;
mod special;
mod unvmap;
mod windows;

use super::linalg::with_decompositions;
use super::rules::hlo::{Export, Import, Imported, StableHlo};
use super::rules::{NoRule, Rule};
use super::{Op, custom};
use crate::hlo::Value;
use crate::ir::{Atom, Program};

/// Asked in this order; at most one knows an operation.
const FAMILIES: &[fn(&mut Import, &[Atom]) -> Imported] = &[
    elementwise::from_hlo,
    complex::from_hlo,
    special::from_hlo,
    shape::from_hlo,
    reduction::from_hlo,
    contraction::from_hlo,
    control::from_hlo,
    branches::from_hlo,
    indexing::from_hlo,
    sorting::from_hlo,
    random::from_hlo,
    linalg::from_hlo,
    positional::from_hlo,
    normalization::from_hlo,
    fft::from_hlo,
    windows::from_hlo,
];

/// Reads one operation; `None` if no family knows it.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    match older::modern(cx.op) {
        Some(op) => {
            let results = cx.results;
            FAMILIES.iter().find_map(|family| family(&mut cx.instead(&op, results), operands))
        }
        None => FAMILIES.iter().find_map(|family| family(cx, operands)),
    }
}

const KEYS: NoRule = NoRule::NotYet("typed keys have no type in StableHLO");
const LAPACK: NoRule = NoRule::NotYet("what JAX calls LAPACK for is not written as StableHLO yet");
const NO_SEED: NoRule = NoRule::ByDesign("its results would differ from run to run; use keys");
const LINEAR: NoRule = NoRule::ByDesign("a custom vjp rule has no forward derivative to be written");

/// A function or region that has been read, with what shows in several operations together.
pub fn recognized(program: Program) -> Program {
    let program = custom::recognized(&program).unwrap_or(program);
    let program = custom::inlined(&program).unwrap_or(program);
    with_decompositions(&program).unwrap_or(program)
}

/// Writes one equation.
pub fn to_hlo(op: &Op, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
    match written(op)? {
        Some(rules) => rules.to_hlo(cx, operands),
        None => lapack::expanded(op, cx, operands),
    }
}

/// How each operation is written; none for those that are written as several others.
fn written(op: &Op) -> Rule<Option<&dyn StableHlo>> {
    let rules: &dyn StableHlo = match op {
        Op::Unary(op) => op,
        Op::Binary(op) => op,
        Op::Compare(op) => op,
        Op::Select(op) => op,
        Op::Clamp(op) => op,
        Op::Convert(op) => op,
        Op::Bitcast(op) => op,
        Op::IntegerPow(op) => op,
        Op::ReducePrecision(op) => op,
        Op::Identity(op) => op,
        Op::WideMul(op) => op,
        Op::ComplexPart(op) => op,
        Op::MakeComplex(op) => op,
        Op::Conj(op) => op,
        Op::Special(op) => op,
        Op::Reduce(op) => op,
        Op::ArgReduce(op) => op,
        Op::Cumulative(op) => op,
        Op::Fold(op) => op,
        Op::WindowReduce(op) => op,
        Op::WindowFold(op) => op,
        Op::SelectAndGather(op) => op,
        Op::SelectAndScatter(op) => op,
        Op::BroadcastInDim(op) => op,
        Op::Reshape(op) => op,
        Op::PermutedReshape(op) => op,
        Op::Squeeze(op) => op,
        Op::ExpandDims(op) => op,
        Op::PermuteAxes(op) => op,
        Op::Slice(op) => op,
        Op::Pad(op) => op,
        Op::Concatenate(op) => op,
        Op::Split(op) => op,
        Op::Stack(op) => op,
        Op::Unstack(op) => op,
        Op::Tile(op) => op,
        Op::Rev(op) => op,
        Op::Iota(op) => op,
        Op::Constant(op) => op,
        Op::Empty(op) => op,
        Op::DotGeneral(op) => op,
        Op::Convolution(op) => op,
        Op::Call(op) => op,
        Op::CustomCall(op) => op,
        Op::Cond(op) => op,
        Op::While(op) => op,
        Op::Scan(op) => op,
        Op::PlatformIndex(op) => op,
        Op::Gather(op) => op,
        Op::Scatter(op) => op,
        Op::DynamicSlice(op) => op,
        Op::DynamicUpdateSlice(op) => op,
        Op::Sort(op) => op,
        Op::SortOrder(op) => op,
        Op::TopK(op) => op,
        Op::ApproxTopK(op) => op,
        Op::RngBitGenerator(op) => op,
        Op::ThreefryHash(op) => op,
        Op::Iota2x32(op) => op,
        Op::TriangularSolve(op) => op,
        Op::Cholesky(op) => op,
        Op::Fft(op) => op,
        Op::RandomSeed(_) | Op::RandomWrap(_) | Op::RandomUnwrap(_) | Op::RandomGamma(_) => return Err(KEYS),
        Op::RandomFoldIn(_) | Op::RandomSplit(_) | Op::RandomBits(_) => return Err(KEYS),
        Op::Lu(op) => op,
        Op::LuPivotsToPermutation(op) => op,
        Op::Geqrf(op) => op,
        Op::HouseholderProduct(op) => op,
        Op::Eigh(op) => op,
        Op::Svd(op) => op,
        Op::Qr(_) | Op::CustomLinearSolve(_) => return Ok(None),
        Op::Geqp3(_) | Op::Ormqr(_) | Op::Tridiagonal(_) | Op::Eig(_) => return Err(LAPACK),
        Op::Schur(_) | Op::Hessenberg(_) | Op::TridiagonalSolve(_) => return Err(LAPACK),
        Op::RngUniform(_) => return Err(NO_SEED),
        Op::CustomLinear(_) => return Err(LINEAR),
        Op::Unvmap(op) => op,
        Op::SelectIfVmap(op) => op,
        Op::Collective(_) => return Err(super::collective::UNBOUND),
        Op::Unknown(_) => return Err(super::unvmap::UNKNOWN),
    };
    Ok(Some(rules))
}
