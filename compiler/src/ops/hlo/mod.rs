//! What primitives are in StableHLO, by family. Each file reads the operations of its family, with those of a file that
//! it asks in turn, and writes its primitives.

mod branches;
pub mod collective;
mod comparator;
mod complex;
pub mod contraction;
pub mod control;
pub mod elementwise;
pub mod fft;
pub mod indexing;
mod lapack;
pub mod linalg;
mod normalization;
mod older;
mod positional;
pub mod random;
pub mod reduction;
pub mod shape;
pub mod sorting;
pub mod special;
#[cfg(test)]
mod tests;
pub mod unvmap;
pub mod windows;

use super::linalg::with_decompositions;
use super::rules::hlo::{Import, Imported};
use super::{HLO_READERS, custom};
use crate::ir::{Atom, Program};

/// How a family reads an operation.
pub type Reader = fn(&mut Import, &[Atom]) -> Imported;

/// Reads one operation; `None` if no family knows it.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    match older::modern(cx.op) {
        Some(op) => {
            let results = cx.results;
            HLO_READERS.iter().find_map(|family| family(&mut cx.instead(&op, results), operands))
        }
        None => HLO_READERS.iter().find_map(|family| family(cx, operands)),
    }
}

/// A function or region that has been read, with what shows in several operations together.
pub fn recognized(program: Program) -> Program {
    let program = custom::recognized(&program).unwrap_or(program);
    let program = custom::inlined(&program).unwrap_or(program);
    with_decompositions(&program).unwrap_or(program)
}
