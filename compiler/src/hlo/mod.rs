//! StableHLO as data: what the text of JAX, PyTorch/XLA and TensorFlow says, before anyone gives it a meaning.
//!
//! [`text`] reads the pretty and the generic form into one and the same [`Module`]; [`bytecode`] reads portable artifacts into
//! it; [`print`](mod@print) writes text back. Nothing here knows a primitive: an [`Op`] is a name with operands, attributes
//! and regions.
//!
//! # How things are represented
//!
//! - **Names** are those of MLIR, with their dialect: `stablehlo.add`, `chlo.erf`, `func.call`, `func.return`. Old
//!   text that says `mhlo.` is kept as `stablehlo.`.
//! - **Values** are numbered per function ([`Value`]), results of nested regions included; [`Func::types`] has the type
//!   of each. A region may use values of the regions around it.
//! - **Types** are [`Type`]: arrays as [`TensorType`] with one optional extent per axis (`None` is `?`) and an
//!   [`Element`], which is a [`crate::types::DType`] wherever this project has one.
//! - **Attributes** have the names of the generic form whichever form the text uses, because those are the ones the
//!   dialect defines: the pretty `dims = [0, 1]` of `broadcast_in_dim` is `broadcast_dimensions`. See [`Attribute`].
//!   Properties (`<{..}>`) and discardable attributes (`{..}`) are one list.
//! - **Defaults** are not filled in: an attribute that the text leaves out is absent here.
//! - **Short forms** are expanded: `reduce(..) applies stablehlo.add` has a region with that operation; the arguments of
//!   a `while` are block arguments of its two regions.
//! - **Locations** are places of the text ([`crate::diag::Span`]) and, where the text has `loc(..)`, an index into
//!   [`Module::places`], lines of the user's program.

mod attribute;
mod build;
pub mod bytecode;
mod element;
pub mod flatbuffer;
pub mod print;
#[cfg(test)]
mod tests;
pub mod text;

pub use attribute::{Attribute, Attributes, Dense, DenseData};
pub use build::{FuncBuilder, Names};
pub use element::{Element, TensorType, Type};

use crate::diag::{Diagnostic, SourceId, Sources, Span};
use crate::types::SharedBytes;
use std::collections::HashMap;

/// Reads a file, text or bytecode. Errors: as [`text::parse`] or [`bytecode::parse`].
pub fn parse(sources: &Sources, id: SourceId) -> Result<Module, Diagnostic> {
    match sources.bytes(id) {
        Some(bytes) => bytecode::parse(bytes, id),
        None => text::parse(sources.text(id), id),
    }
}

/// One file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Module {
    pub name: Option<String>,
    pub attributes: Attributes,
    pub functions: Vec<Func>,
    /// What the function took of which `main` was made, if the file says it.
    pub signature: Option<Signature>,
    /// The contents of `dense_resource` constants, without MLIR's header.
    pub resources: HashMap<String, SharedBytes>,
    /// Lines of the user's program, `file:line (function)`. Invariant: place 0 is empty, for ops without one.
    pub places: Vec<String>,
}

/// The attribute of an argument that holds the name which the user gave it.
pub const ARGUMENT_NAME: &str = "jax.arg_info";

/// The inputs of a Python function. JAX makes no arguments of those that nothing reads.
#[derive(Clone, PartialEq, Debug)]
pub struct Signature {
    /// The types that arguments would have; `None` for one that has no counterpart.
    pub inputs: Vec<Option<Type>>,
    /// Which inputs are the last arguments of `main`. Invariant: ascends, below the count of inputs.
    pub kept: Vec<usize>,
}

/// `func.func`.
#[derive(Clone, PartialEq, Debug)]
pub struct Func {
    pub name: String,
    pub visibility: Visibility,
    /// `jax.buffer_donor` and the like, per argument.
    pub argument_attributes: Vec<Attributes>,
    pub result_types: Vec<Type>,
    pub result_attributes: Vec<Attributes>,
    pub attributes: Attributes,
    /// Invariant: ends with `func.return` (or, as some comparators do, `stablehlo.return`).
    pub body: Region,
    /// The type of every value of the function.
    pub types: Vec<Type>,
    pub location: Location,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visibility {
    Public,
    Private,
}

/// A list of operations with arguments: the one block that every region of StableHLO has.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Region {
    pub arguments: Vec<Value>,
    pub ops: Vec<Op>,
}

/// One operation.
#[derive(Clone, PartialEq, Debug)]
pub struct Op {
    pub name: String,
    pub operands: Vec<Value>,
    pub results: Vec<Value>,
    pub attributes: Attributes,
    pub regions: Vec<Region>,
    pub location: Location,
}

/// A value of one function: an index into [`Func::types`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Value(pub u32);

/// Where an operation stands. Takes no part in comparison.
#[derive(Clone, Copy, Default)]
pub struct Location {
    pub span: Span,
    /// An index into [`Module::places`].
    pub place: u32,
}

impl PartialEq for Location {
    fn eq(&self, _: &Location) -> bool {
        true
    }
}

impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..{}", self.span.start, self.span.end)
    }
}

impl Module {
    pub fn function(&self, name: &str) -> Option<&Func> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// The line of the user's program, if the text names one.
    pub fn place(&self, location: Location) -> Option<&str> {
        self.places.get(location.place as usize).map(String::as_str).filter(|place| !place.is_empty())
    }
}

impl Func {
    pub fn type_of(&self, value: Value) -> &Type {
        &self.types[value.0 as usize]
    }
}

impl Region {
    /// The operands of the last operation: what the region returns.
    pub fn returns(&self) -> &[Value] {
        self.ops.last().map_or(&[], |op| &op.operands)
    }

    /// Values of other regions that this one uses, each once, in the order of their first use.
    pub fn captures(&self) -> Vec<Value> {
        let mut defined = std::collections::HashSet::new();
        let mut captures = Vec::new();
        self.collect_captures(&mut defined, &mut captures);
        captures
    }

    fn collect_captures(&self, defined: &mut std::collections::HashSet<Value>, captures: &mut Vec<Value>) {
        defined.extend(&self.arguments);
        for op in &self.ops {
            for operand in &op.operands {
                // Marking a capture as defined keeps it from being listed again.
                if defined.insert(*operand) {
                    captures.push(*operand);
                }
            }
            for region in &op.regions {
                region.collect_captures(defined, captures);
            }
            defined.extend(&op.results);
        }
    }
}
