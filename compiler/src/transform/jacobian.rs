//! Whole derivative matrices: forward or reverse mode over a basis.

use super::{finished, inputs_like, jvp, vjp, vmap, zeros};
use crate::diag::Diagnostic;
use crate::ir::inline::inline;
use crate::ir::{Atom, Builder, Program, prune};
use crate::ops::elementwise::CompareKind;
use crate::ops::shape::Iota;
use crate::types::{Aval, DType, Shape};

/// `x.. -> one array of shape out.shape + in.shape per output and argument`, column by column.
///
/// Invariant: all outputs are inexact.
/// Errors: an operation has no derivative or no batching rule.
pub fn jacfwd(program: &Program, argnums: &[usize]) -> Result<Program, Diagnostic> {
    let mut b = Builder::new();
    let inputs = inputs_like(&mut b, program);
    let mut columns = Vec::new();
    for &argnum in argnums {
        columns.push(forward(&mut b, program, &inputs, argnum)?);
    }
    // Outputs come before arguments.
    let outputs = (0..program.outputs.len()).flat_map(|output| columns.iter().map(move |of| of[output]));
    let outputs = outputs.collect();
    Ok(finished(b, outputs))
}

/// [`jacfwd`], row by row: better where there are fewer output elements than input elements.
///
/// Invariant: all outputs are inexact.
/// Errors: an operation has no derivative or no batching rule.
pub fn jacrev(program: &Program, argnums: &[usize]) -> Result<Program, Diagnostic> {
    let mut b = Builder::new();
    let inputs = inputs_like(&mut b, program);
    let mut outputs = Vec::new();
    for output in 0..program.outputs.len() {
        outputs.extend(reverse(&mut b, program, &inputs, argnums, output)?);
    }
    Ok(finished(b, outputs))
}

/// `x.. -> one array of shape out.shape + in.shape + in.shape per output and pair of arguments`.
///
/// Invariant: all outputs are inexact.
/// Errors: an operation has no second derivative or no batching rule.
pub fn hessian(program: &Program, argnums: &[usize]) -> Result<Program, Diagnostic> {
    jacfwd(&jacrev(program, argnums)?, argnums)
}

/// The derivatives of all outputs by one argument.
fn forward(
    b: &mut Builder,
    program: &Program,
    inputs: &[Atom],
    argnum: usize,
) -> Result<Vec<Atom>, Diagnostic> {
    let selected: Vec<bool> = (0..inputs.len()).map(|input| input == argnum).collect();
    let joint = jvp(program, &selected)?;
    let mut tangent = joint.program;
    tangent.outputs.drain(..program.outputs.len());
    prune::run(&mut tangent);
    let aval = program.aval(program.inputs[argnum]).clone();
    let in_axes = batched_last(inputs.len());
    let out_axes: Vec<Option<usize>> = tangent.output_avals().iter().map(|aval| Some(aval.rank())).collect();
    let batched = vmap(&tangent, &in_axes, &out_axes, aval.shape.element_count())?;
    let arguments: Vec<Atom> = inputs.iter().copied().chain([basis(b, &aval)]).collect();
    let mut found = inline(b, &batched, &arguments).into_iter();
    let derivative = |(output, nonzero): (Aval, bool)| {
        let result = output.with_shape(joined(&output.shape, &aval.shape));
        match nonzero {
            true => {
                let columns = found.next().expect("one tangent per output that has one");
                b.reshape(columns, result.shape)
            }
            false => zeros(b, &result),
        }
    };
    Ok(program.output_avals().into_iter().zip(joint.nonzero).map(derivative).collect())
}

/// The derivatives of one output by all arguments.
fn reverse(
    b: &mut Builder,
    program: &Program,
    inputs: &[Atom],
    argnums: &[usize],
    output: usize,
) -> Result<Vec<Atom>, Diagnostic> {
    let mut gradient = vjp::pullback(program, argnums, &[output])?;
    gradient.outputs.drain(..program.outputs.len());
    prune::run(&mut gradient);
    let aval = program.atom_aval(program.outputs[output]);
    let out_axes = vec![Some(0); argnums.len()];
    let batched = vmap(&gradient, &batched_last(inputs.len()), &out_axes, aval.shape.element_count())?;
    let arguments: Vec<Atom> = inputs.iter().copied().chain([basis(b, &aval)]).collect();
    let rows = inline(b, &batched, &arguments);
    let shapes = argnums.iter().map(|&argnum| &program.aval(program.inputs[argnum]).shape);
    Ok(rows
        .into_iter()
        .zip(shapes)
        .map(|(rows, shape)| b.reshape(rows, joined(&aval.shape, shape)))
        .collect())
}

/// Only the last input, one tangent or cotangent after all others, has a batch axis.
fn batched_last(others: usize) -> Vec<Option<usize>> {
    let mut axes = vec![None; others];
    axes.push(Some(0));
    axes
}

/// Every unit vector of the space of `aval`, stacked along a leading axis.
fn basis(b: &mut Builder, aval: &Aval) -> Atom {
    let count = aval.shape.element_count();
    let mut position = |axis| b.emit_one(Iota { dtype: DType::I32, shape: [count, count].into(), axis }, &[]);
    let (row, column) = (position(0), position(1));
    let equal = b.compare(CompareKind::Eq, row, column);
    let identity = b.convert(equal, aval.dtype);
    b.reshape(identity, aval.shape.inserted(0, count))
}

fn joined(outer: &Shape, inner: &Shape) -> Shape {
    outer.extents().iter().chain(inner.extents()).copied().collect()
}
