//! Reads MLIR bytecode with VHLO in it: StableHLO's portable artifact, which `jax.export` stores.
//!
//! [`bytes`] reads numbers; [`container`] takes the file apart into sections and tables; [`entries`] decodes attributes and
//! types when they are first asked for, with the encodings of MLIR ([`builtin`]) and VHLO ([`vhlo`]); [`operations`] walks
//! over operations, whose attributes [`meaning`] turns into StableHLO's. What comes out is what the reader of text makes
//! of the same program, so nothing behind this module knows where a program came from.
//!
//! [`version`] says which releases are understood; newer ones are refused. Older ones need no case of their own but for
//! a few lines in [`container`]: VHLO keeps an operation under its name and version for good (`vhlo.gather_v1` and
//! `vhlo.gather_v2`), and what an older version lacks is absent here, as in old text.
//!
//! No count or size of the file is believed before that many bytes are there, so memory stays in proportion to the file.

mod builtin;
mod bytes;
mod container;
mod entries;
mod exported;
mod meaning;
mod numbers;
mod operations;
mod places;
mod schema;
#[cfg(test)]
mod tests;
mod version;
mod vhlo;

use super::Module;
use crate::diag::{Diagnostic, SourceId};
use crate::types::SharedBytes;
use bytes::Bytes;
use container::Container;

/// What MLIR bytecode begins with.
const MAGIC: &[u8] = b"ML\xefR";

/// Advice about bytecode that holds StableHLO itself.
const NOT_PORTABLE: &str = "this is bytecode of a dialect that changes from release to release; write a portable artifact \
                            (stablehlo.serialize_portable_artifact, jax.export) or text instead";

type Parsed<T> = Result<T, Diagnostic>;

/// The bytecode in a file: all of it, or the module inside of what `jax.export` serialized. `None` if it is neither.
pub fn module_in(file: &[u8]) -> Option<&[u8]> {
    if is_bytecode(file) { Some(file) } else { exported::read(file).map(|exported| exported.module) }
}

fn is_bytecode(file: &[u8]) -> bool {
    file.starts_with(MAGIC)
}

/// Reads a file: bytecode, or what `jax.export` serialized. Errors: it is malformed, newer than what is known, or valid but
/// out of reach.
pub fn parse(file: &SharedBytes, source: SourceId) -> Result<Module, Diagnostic> {
    let exported = if is_bytecode(file) { None } else { exported::read(file) };
    let (bytes, before) =
        exported.as_ref().map_or((&file[..], 0), |exported| (exported.module, exported.before));
    let container = Container::read(file, Bytes::new(bytes, before, source))?;
    let module = operations::Reader::new(&container, bytes.len()).module()?;
    Ok(Module { signature: exported.and_then(|exported| exported.signature), ..module })
}
