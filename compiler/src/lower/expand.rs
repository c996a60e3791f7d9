//! Replaces operations that are defined by others, and keeps what every remaining one lowers to.

use crate::diag::Diagnostic;
use crate::ir::inline::{Scope, inline};
use crate::ir::{Builder, Equation, Program};
use crate::ops::rules::Lowering;
use std::borrow::Cow;

/// The program without expandable equations, and the lowering of each equation that is left.
///
/// Errors: a primitive without lowering, with the equation's origin.
pub fn run(program: &Program) -> Result<(Cow<'_, Program>, Vec<Lowering>), Diagnostic> {
    let own: Vec<Lowering> =
        program.equations.iter().map(|eqn| lowering(program, eqn)).collect::<Result<_, _>>()?;
    if !own.iter().any(|lowering| matches!(lowering, Lowering::Expand(_))) {
        return Ok((Cow::Borrowed(program), own));
    }
    let mut b = Builder::new();
    let mut lowerings = Vec::with_capacity(own.len());
    let mut scope = Scope::new(program);
    for &input in &program.inputs {
        let var = b.input(program.aval(input).clone());
        scope.bind(input, var.into());
    }
    for (eqn, lowering) in program.equations.iter().zip(own) {
        b.set_origin(eqn.origin.clone());
        let operands = scope.atoms(&eqn.operands);
        let results = match lowering {
            Lowering::Expand(body) => {
                let (body, of_body) = run(&body).map_err(|error| error.within(&eqn.origin))?;
                lowerings.extend(of_body);
                inline(&mut b, &body, &operands)
            }
            direct => {
                lowerings.push(direct);
                let avals = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
                b.emit_typed(eqn.op.clone(), &operands, avals)
            }
        };
        scope.bind_all(&eqn.results, &results);
    }
    Ok((Cow::Owned(b.finish(scope.atoms(&program.outputs))), lowerings))
}

fn lowering(program: &Program, eqn: &Equation) -> Result<Lowering, Diagnostic> {
    let operands = program.atom_avals(&eqn.operands);
    let results: Vec<_> = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
    eqn.op
        .lower(&operands, &results)
        .map_err(|why| why.refusal(&format!("primitive {}", eqn.op.name())).within(&eqn.origin))
}
