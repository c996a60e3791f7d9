//! Program to loops: one fused loop nest per group of equations, over planned buffers.
//!
//! 1. [`graph`] asks every equation for its nests (`Primitive::lower`); buffers are variables.
//! 2. [`fuse`] decides which variables get memory and which are computed where they are used.
//! 3. [`build`] composes the nests of each remaining root with the producers it absorbs.
//! 4. [`merge`] joins neighbouring roots that visit the same points.
//! 5. [`memory`] gives outputs and temporaries their places.
//!
//! The driver knows no primitive: everything follows from the shape of the nests.

mod build;
mod fuse;
mod graph;
mod memory;
mod merge;

use crate::diag::Diagnostic;
use crate::ir::Program;
use crate::loops::Function;

/// Lowers a flat, verified program without constvars.
///
/// Errors: an unsupported primitive or dtype, with the equation's origin.
pub fn lower(program: &Program, name: &str) -> Result<Function, Diagnostic> {
    let graph = graph::Graph::new(program)?;
    let plan = fuse::plan(&graph);
    let body = merge::run(build::roots(&graph, &plan), &graph);
    Ok(memory::place(name, program, &graph, body))
}
