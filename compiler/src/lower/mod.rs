//! Program to loops: one fused loop nest per group of equations, over planned buffers.
//!
//! 1. `expand` asks every equation for its lowering and replaces those defined by other operations.
//! 2. `graph` collects the nests; buffers are variables.
//! 3. `fuse` decides which variables get memory and which are computed where they are used.
//! 4. `build` composes the nests of each remaining root with the producers it absorbs.
//! 5. `merge` joins neighbouring roots that visit the same points.
//! 6. `fragment` puts nests, calls of the runtime and control statements in order; `control` builds the latter around
//!    bodies that went through the same steps.
//! 7. `memory` gives outputs and temporaries their places; `copies` drops copies of what is not used any more.
//!
//! The driver knows no primitive: everything follows from the shape of the nests.

mod build;
mod control;
mod copies;
mod expand;
mod fragment;
mod fuse;
mod graph;
mod memory;
mod merge;
#[cfg(test)]
mod tests;

use crate::diag::Diagnostic;
use crate::ir::Program;
use crate::loops::Function;

/// Lowers a flat, verified program without constvars.
///
/// Errors: an unsupported primitive or dtype, with the equation's origin.
pub fn lower(program: &Program, name: &str) -> Result<Function, Diagnostic> {
    Ok(memory::place(name, fragment(program)?))
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
