//! Control flow: calls, branches and loops. What they have in common is bodies: programs among their parameters.
//!
//! Rules recurse into bodies through [`Bodies`]; passes that treat all operations with bodies alike ask for [`Nested`].

mod call;
mod choice;
mod cond;
mod counted;
mod custom;
mod flat_tree;
mod platform;
mod pointwise;
mod rows;
mod scan;
#[cfg(test)]
mod tests;
mod trim;
mod unchanged;
mod while_loop;

pub use call::{Call, CallKind};
pub use cond::Cond;
pub use counted::as_scan;
pub use custom::{CustomCall, CustomKind, CustomLinear, VjpRule};
pub(super) use flat_tree::{items, within};
pub use platform::PlatformIndex;
pub(super) use pointwise::is_elementwise;
pub use rows::by_rows;
pub use scan::Scan;
pub use trim::trim;
pub use unchanged::{Closed, closed_over};
pub use while_loop::While;

use super::Op;
use super::rules::*;
use crate::diag::{Diagnostic, TypeError};
use crate::ir::{Atom, Body, Builder, Program};
use crate::types::Aval;

/// Splits an operation that is either computed whole or not at all.
pub fn split_whole(op: impl Into<Op>, operands: &[Aval], unknown: &[bool]) -> Rule<Split> {
    let op = op.into();
    let known = known_inputs(operands, unknown);
    let (residuals, known) = (known.inputs.len(), identity(known));
    let mut b = Builder::new();
    let of_known: Vec<Atom> = known.input_avals().into_iter().map(|aval| b.input(aval).into()).collect();
    let mut of_known = of_known.into_iter();
    let of_unknown = operands.iter().zip(unknown).filter(|(_, unknown)| **unknown);
    let of_unknown: Vec<Atom> = of_unknown.map(|(aval, _)| b.input(aval.clone()).into()).collect();
    let mut of_unknown = of_unknown.into_iter();
    let mut next = |&is_unknown: &bool| if is_unknown { of_unknown.next() } else { of_known.next() };
    let atoms: Vec<Atom> = unknown.iter().map(|flag| next(flag).expect("one input per operand")).collect();
    let results = b.emit(op, &atoms);
    let unknown_outputs = vec![true; results.len()];
    Ok(Split { known, unknown: b.finish(results), unknown_outputs, residuals })
}

/// A program without equations over the known operands.
fn known_inputs(operands: &[Aval], unknown: &[bool]) -> Program {
    let mut b = Builder::new();
    for (aval, _) in operands.iter().zip(unknown).filter(|(_, unknown)| !**unknown) {
        b.input(aval.clone());
    }
    b.finish(Vec::new())
}

fn identity(mut program: Program) -> Program {
    program.outputs = program.inputs.iter().map(|&input| input.into()).collect();
    program
}

/// The operands of a call of `body`, or of one of several bodies. Errors: TypeError if their types are not the body's.
fn expect_inputs(body: &Program, operands: &[Aval]) -> Result<(), TypeError> {
    let inputs = body.input_avals();
    expect_operands(operands, inputs.len())?;
    match inputs.iter().zip(operands).position(|(input, operand)| input != operand) {
        None => Ok(()),
        Some(at) => {
            let (expected, found) = (&inputs[at], &operands[at]);
            Err(TypeError(format!("operand {at}: expected {expected} as its body does, found {found}")))
        }
    }
}

fn infer_call(body: &Program, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
    expect_inputs(body, operands)?;
    Ok(body.output_avals())
}

/// Which tangents are there.
fn nonzero(tangents: &[Tangent]) -> Vec<bool> {
    tangents.iter().map(|tangent| !tangent.is_zero()).collect()
}

/// The tangents that are there.
fn values(tangents: &[Tangent]) -> Vec<Atom> {
    tangents.iter().filter_map(Tangent::value).collect()
}

/// The tangents of the results of an equation whose bodies were differentiated: one of `found` for each that is there.
fn tangents_of(b: &Builder, primals: &[Atom], nonzero: &[bool], found: &[Atom]) -> Vec<Tangent> {
    let mut found = found.iter();
    let tangent = |(&primal, &nonzero): (&Atom, &bool)| match nonzero {
        true => Tangent::Value(*found.next().expect("one tangent per result that has one")),
        false => Tangent::Zero(tangent_aval(&b.aval(primal))),
    };
    primals.iter().zip(nonzero).map(tangent).collect()
}

/// The tangent or cotangent as an array.
fn instantiated(b: &mut Builder, tangent: &Tangent) -> Atom {
    match tangent {
        Tangent::Value(atom) => *atom,
        Tangent::Zero(aval) => b.full(aval.dtype, &aval.shape, 0.0),
    }
}

fn either(a: &[bool], b: &[bool]) -> Vec<bool> {
    a.iter().zip(b).map(|(a, b)| *a || *b).collect()
}

/// The items at which `flags` is `wanted`.
fn pick<T: Clone>(items: &[T], flags: &[bool], wanted: bool) -> Vec<T> {
    items.iter().zip(flags).filter(|(_, flag)| **flag == wanted).map(|(item, _)| item.clone()).collect()
}

/// The positions at which `flags` is `wanted`.
fn positions(flags: &[bool], wanted: bool) -> Vec<usize> {
    (0..flags.len()).filter(|&at| flags[at] == wanted).collect()
}

/// The program with its inputs in another order: input `i` is the old `order[i]`.
fn with_inputs_ordered(mut program: Program, order: impl IntoIterator<Item = usize>) -> Program {
    program.inputs = order.into_iter().map(|at| program.inputs[at]).collect();
    program
}

/// The program with these of its outputs.
fn with_outputs(mut program: Program, kept: &[usize]) -> Program {
    program.outputs = kept.iter().map(|&at| program.outputs[at]).collect();
    crate::ir::prune::run(&mut program);
    program
}

/// Moves the batch axis of each mapped operand to `axis`.
fn batch_axis_at(cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim], axis: usize) -> Vec<Atom> {
    let moved = |(&operand, dim): (&Atom, &BatchDim)| match dim {
        BatchDim::Axis(from) => cx.builder.move_axis(operand, *from, axis),
        BatchDim::NotMapped => operand,
    };
    operands.iter().zip(dims).map(moved).collect()
}

fn leading(mapped: &[bool]) -> Vec<BatchDim> {
    mapped.iter().map(|&mapped| if mapped { BatchDim::Axis(0) } else { BatchDim::NotMapped }).collect()
}

/// Is each operand mapped?
fn mapped(dims: &[BatchDim]) -> Vec<bool> {
    dims.iter().map(|dim| dim.axis().is_some()).collect()
}
