//! Text in, program out: jaxpr text as JAX prints it, and the few lines that `.ir` files add to it; and StableHLO, as text
//! or as bytecode.

pub mod jaxpr;
pub mod stablehlo;

use crate::diag::{Diagnostic, SourceId, Sources};
use crate::ir::source::{Source, Threefry};
pub use jaxpr::read_export;

/// Reads a file of either language: bytecode and what is named `.mlir` is StableHLO.
/// Errors: everything that is wrong with it, with positions.
pub fn read(sources: &Sources, id: SourceId) -> Result<Source, Vec<Diagnostic>> {
    read_with_threefry(sources, id, None)
}

/// [`read`], with another layout of random bits than the text says, if any. StableHLO has its random bits lowered.
pub fn read_with_threefry(
    sources: &Sources,
    id: SourceId,
    threefry: Option<Threefry>,
) -> Result<Source, Vec<Diagnostic>> {
    if is_stablehlo(sources, id) {
        stablehlo::read(sources, id)
    } else {
        jaxpr::read_with_threefry(sources, id, threefry)
    }
}

/// Is the file of StableHLO: bytecode, or named `.mlir`?
pub fn is_stablehlo(sources: &Sources, id: SourceId) -> bool {
    sources.bytes(id).is_some() || sources.name(id).ends_with(".mlir")
}
