//! Program to loops: one fused loop nest per group of equations.
//!
//! 1. `expand` asks every equation for its lowering and replaces those defined by other operations.
//! 2. `graph` collects the nests; buffers are variables.
//! 3. `fuse` decides which variables get memory and which are computed where they are used.
//! 4. `build` composes the nests of each remaining root with the producers it absorbs.
//! 5. `merge` joins neighbouring roots that visit the same points.
//! 6. `fragment` puts nests, calls of the runtime and control statements in order; `control` builds the latter around
//!    bodies that went through the same steps.
//! 7. `outputs` gives outputs their buffers. Temporaries have no places yet: `schedule` gives them at its end.
//!
//! The driver knows no primitive: everything follows from the shape of the nests.

mod build;
mod control;
mod expand;
mod fragment;
mod fuse;
mod graph;
mod merge;
mod outputs;
#[cfg(test)]
mod tests;

use crate::diag::Diagnostic;
use crate::ir::{Program, too_large};
use crate::loops::{Buffer, Function};
use crate::types::Aval;

/// What all buffers of a function may have together, so that offsets in its arena, rounded up and with room between,
/// cannot wrap. Units: bytes.
const MAX_TOTAL_BYTES: usize = 1 << 60;

/// Lowers a flat, verified program without constvars.
///
/// Errors: an unsupported primitive or dtype, with the equation's origin.
pub fn lower(program: &Program, name: &str) -> Result<Function, Diagnostic> {
    let fragment = fragment(program)?;
    check_sizes(&fragment.buffers)?;
    Ok(outputs::function(name, fragment))
}

/// Errors: a temporary that no machine can address, or so many that their bytes cannot be counted.
fn check_sizes(buffers: &[Buffer]) -> Result<(), Diagnostic> {
    let mut total = 0usize;
    for buffer in buffers {
        let aval = Aval::new(buffer.dtype, buffer.shape.clone());
        if !aval.is_addressable() {
            return Err(too_large(&aval));
        }
        total = total.saturating_add(aval.size_bytes());
        if total > MAX_TOTAL_BYTES {
            let largest = buffers.iter().max_by_key(|buffer| buffer.shape.element_count()).unwrap_or(buffer);
            let message = format!(
                "the arrays of the program have more than 2^{} bytes together; the largest is {}{}",
                MAX_TOTAL_BYTES.ilog2(),
                largest.dtype,
                largest.shape
            );
            return Err(Diagnostic::unsupported(message));
        }
    }
    Ok(())
}

/// Lowers a program or a body, without giving its buffers places.
fn fragment(program: &Program) -> Result<fragment::Fragment, Diagnostic> {
    let (program, lowerings) = expand::run(program)?;
    let graph = graph::Graph::new(&program, lowerings)?;
    Ok(assemble(&program, &graph))
}

fn assemble(program: &Program, graph: &graph::Graph) -> fragment::Fragment {
    let plan = fuse::plan(graph);
    let roots = merge::run(build::roots(graph, &plan), graph);
    fragment::Fragment::new(program, graph, roots)
}
