//! Removes what loops, branches and calls compute for nobody.

use crate::diag::Diagnostic;
use crate::ir::Program;
use crate::ops::control;

/// Drops dead equations and dead results of equations with bodies, at any depth.
pub fn run(mut program: Program) -> Result<Program, Diagnostic> {
    control::trim(&mut program);
    Ok(program)
}
