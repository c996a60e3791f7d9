//! A program over a batch of its inputs.

use super::{BODIES, finished, ill_typed, refused};
use crate::diag::Diagnostic;
use crate::ir::inline::Scope;
use crate::ir::{Atom, Builder, Equation, Program, prune};
use crate::ops::collective::is_over_batch;
use crate::ops::rules::{BatchCx, BatchDim, BatchedProgram};
use crate::types::Aval;

/// Adds a batch axis of `extent` to the inputs, each at its place among the axes of the result; `None` leaves an input
/// as it is. What depends on no such input is computed once.
///
/// An output without a batch axis is repeated where `out_axes` asks for one. `None` in `out_axes` is for outputs that
/// do not depend on the batch.
/// Errors: an operation has no batching rule, or an output that depends on the batch should have no axis.
pub fn vmap(
    program: &Program,
    in_axes: &[Option<usize>],
    out_axes: &[Option<usize>],
    extent: usize,
) -> Result<Program, Diagnostic> {
    let dims: Vec<BatchDim> =
        in_axes.iter().map(|axis| axis.map_or(BatchDim::NotMapped, BatchDim::Axis)).collect();
    let (mut b, program, values) = run(program, &dims, extent)?;
    let outputs = program.outputs.iter().zip(out_axes).enumerate();
    let outputs = outputs.map(|(position, (&output, &axis))| values.output(&mut b, output, axis, position));
    let outputs = outputs.collect::<Result<_, _>>()?;
    Ok(finished(b, outputs))
}

/// [`vmap`] of a body: mapped inputs and outputs have their batch axis first.
pub(super) fn body(
    program: &Program,
    dims: &[BatchDim],
    extent: usize,
) -> Result<BatchedProgram, Diagnostic> {
    let (mut b, program, values) = run(program, dims, extent)?;
    let mut outputs = Vec::new();
    let mut is_mapped = Vec::new();
    for (position, &output) in program.outputs.iter().enumerate() {
        let has_axis = values.dim(output).axis().is_some();
        outputs.push(values.output(&mut b, output, has_axis.then_some(0), position)?);
        is_mapped.push(has_axis);
    }
    Ok(BatchedProgram { program: finished(b, outputs), mapped: is_mapped, extent })
}

/// Batches all equations.
fn run(program: &Program, dims: &[BatchDim], extent: usize) -> Result<(Builder, Program, Batch), Diagnostic> {
    let mut program = program.clone();
    prune::run(&mut program);
    let mut b = Builder::new();
    let of_vars = vec![BatchDim::NotMapped; program.vars.len()];
    let mut values = Batch { scope: Scope::new(&program), dims: of_vars, extent };
    for (&input, &dim) in program.inputs.iter().zip(dims) {
        let aval = values.batched_aval(program.aval(input), dim);
        values.dims[input.0 as usize] = dim;
        let var = b.input(aval);
        values.scope.bind(input, var.into());
    }
    for eqn in &program.equations {
        b.set_origin(eqn.origin.via("vmap"));
        values.equation(&mut b, &program, eqn)?;
    }
    Ok((b, program, values))
}

/// What the variables of a program are in the new one, and where their batch axes are.
struct Batch {
    scope: Scope,
    dims: Vec<BatchDim>,
    extent: usize,
}

impl Batch {
    fn dim(&self, atom: Atom) -> BatchDim {
        atom.var().map_or(BatchDim::NotMapped, |var| self.dims[var.0 as usize])
    }

    fn equation(&mut self, b: &mut Builder, program: &Program, eqn: &Equation) -> Result<(), Diagnostic> {
        let operands = self.scope.atoms(&eqn.operands);
        let dims: Vec<BatchDim> = eqn.operands.iter().map(|&atom| self.dim(atom)).collect();
        if dims.iter().all(|dim| dim.axis().is_none()) && !is_over_batch(&eqn.op) {
            let avals = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
            let results = b.emit_typed(eqn.op.clone(), &operands, avals);
            self.scope.bind_all(&eqn.results, &results);
            return Ok(());
        }
        let batched =
            eqn.op.batch(&mut BatchCx { builder: b, extent: self.extent, bodies: BODIES }, &operands, &dims);
        let batched = batched.map_err(|why| refused(why, "batching rule", eqn))?;
        for ((&result, &value), &dim) in eqn.results.iter().zip(&batched.values).zip(&batched.dims) {
            let (expected, found) = (self.batched_aval(program.aval(result), dim), b.aval(value));
            if found != expected {
                return Err(ill_typed(eqn, "batch", &expected, &found));
            }
            self.dims[result.0 as usize] = dim;
        }
        self.scope.bind_all(&eqn.results, &batched.values);
        Ok(())
    }

    fn batched_aval(&self, aval: &Aval, dim: BatchDim) -> Aval {
        match dim {
            BatchDim::Axis(axis) => aval.with_shape(aval.shape.inserted(axis, self.extent)),
            BatchDim::NotMapped => aval.clone(),
        }
    }

    fn output(
        &self,
        b: &mut Builder,
        output: Atom,
        axis: Option<usize>,
        position: usize,
    ) -> Result<Atom, Diagnostic> {
        let value = self.scope.atom(output);
        match (self.dim(output), axis) {
            (BatchDim::NotMapped, None) => Ok(value),
            (BatchDim::NotMapped, Some(axis)) => {
                let aval = b.aval(value);
                let kept: Vec<usize> = (0..=aval.rank()).filter(|&other| other != axis).collect();
                Ok(b.broadcast_in_dim(value, aval.shape.inserted(axis, self.extent), &kept))
            }
            (BatchDim::Axis(from), Some(to)) => Ok(b.move_axis(value, from, to)),
            (BatchDim::Axis(_), None) => Err(Diagnostic::error(format!(
                "vmap: out_axes of output {position} is None, but the output depends on the batch"
            ))),
        }
    }
}
