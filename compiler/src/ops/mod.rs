//! The primitives. Each family file is a reference page: what an operation means, how it is typed, evaluated,
//! differentiated, batched and lowered. `primitives!` below is the one list.
//!
//! To add a scalar operation, add a row to the table of `elementwise::unary` or `elementwise::binary`; to add another
//! primitive, write a struct with [`rules::Primitive`] and [`rules::Family`] in its family's file, say in [`hlo`] how it is
//! written as StableHLO, and name it here.

mod build;
pub mod collective;
pub mod contraction;
pub mod control;
pub mod custom;
pub mod elementwise;
pub mod expanded;
pub mod fft;
pub mod hlo;
pub mod indexing;
pub mod linalg;
pub mod random;
pub mod reduction;
pub mod refused;
pub mod roles;
pub mod rules;
pub mod shape;
pub mod sorting;
pub mod special;
#[cfg(test)]
mod tests;
pub mod unvmap;
pub mod windows;

use crate::diag::TypeError;
use crate::ir::Params;
use crate::types::Aval;
use rules::{Family, Primitive, Sample};
use std::ops::Deref;

/// Generates the closed enum of primitives, the dispatch to their rules, and the name table of the parser.
macro_rules! primitives {
    ($($family:ident { $($member:ident),* $(,)? })*) => {
        /// Any primitive with its parameters. Dereferences to its rules.
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub enum Op { $($($member($family::$member)),*),* }

        impl Deref for Op {
            type Target = dyn Primitive;
            fn deref(&self) -> &(dyn Primitive + 'static) {
                match self { $($(Op::$member(op) => op),*),* }
            }
        }

        $($(impl From<$family::$member> for Op {
            fn from(op: $family::$member) -> Op { Op::$member(op) }
        })*)*

        /// Reads a primitive from its text name and parameters; `None` if there is no such primitive.
        pub fn parse(name: &str, params: &Params, results: &[Option<Aval>]) -> Option<Result<Op, TypeError>> {
            // A table, not a chain: in unoptimized builds, each link of a chain would hold stack for its result, on
            // which nested bodies pile up.
            let readers: &[Reader] = &[$($(read_as::<$family::$member>),*),*];
            readers.iter().find_map(|read| read(name, params, results))
        }

        /// How each family reads StableHLO. One of them at most knows an operation, so their order says nothing.
        const HLO_READERS: &[hlo::Reader] = &[$(hlo::$family::from_hlo),*];

        /// The samples of every family, for the laws.
        pub fn samples() -> Vec<Sample> {
            let mut samples = Vec::new();
            $($(samples.extend($family::$member::samples());)*)*
            samples
        }
    };
}

primitives! {
    elementwise {
        Unary, Binary, Compare, Select, Clamp, Convert, Bitcast, IntegerPow, ReducePrecision, Identity,
        WideMul, ComplexPart, MakeComplex, Conj,
    }
    reduction { Reduce, ArgReduce, Cumulative, Fold }
    shape {
        BroadcastInDim, Reshape, PermutedReshape, Squeeze, ExpandDims, PermuteAxes, Slice, Pad, Concatenate,
        Split, Stack, Unstack, Tile, Rev, Iota, Constant, Empty,
    }
    contraction { DotGeneral, Convolution }
    windows { WindowReduce, WindowFold, SelectAndGather, SelectAndScatter }
    random {
        RandomSeed, RandomWrap, RandomUnwrap, RandomFoldIn, RandomSplit, RandomBits, ThreefryHash, Iota2x32,
        RngBitGenerator, RngUniform, RandomGamma,
    }
    indexing { Gather, Scatter, DynamicSlice, DynamicUpdateSlice }
    sorting { Sort, SortOrder, TopK, ApproxTopK }
    control { Call, CustomCall, CustomLinear, Cond, While, Scan, PlatformIndex }
    linalg {
        Cholesky, TriangularSolve, Lu, LuPivotsToPermutation, Geqrf, Geqp3, HouseholderProduct, Ormqr, Qr,
        Eigh, Tridiagonal, Svd, Eig, Schur, Hessenberg, TridiagonalSolve, CustomLinearSolve,
    }
    special { Special }
    fft { Fft }
    collective { Collective }
    unvmap { Unvmap, SelectIfVmap, Unknown }
}

type Reader = fn(&str, &Params, &[Option<Aval>]) -> Option<Result<Op, TypeError>>;

fn read_as<F: Family + Into<Op>>(
    name: &str,
    params: &Params,
    results: &[Option<Aval>],
) -> Option<Result<Op, TypeError>> {
    F::parse(name, params, results).map(|parsed| parsed.map(Into::into))
}

/// The text names of all primitives, for error messages; made anew on each call.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = samples().iter().map(|sample| sample.op.name().to_string()).collect();
    names.extend(expanded::names().map(str::to_string));
    names.sort_unstable();
    names.dedup();
    names
}
