//! Parts of a loop's state that its body hands on as they are: weights, in the loops of StableHLO, which have no constants
//! of their own. As constants they are neither copied into the loop nor saved at every step for the backward pass.

use super::{Scan, While, with_inputs_ordered};
use crate::ir::{Atom, Params, Program};
use crate::ops::Op;

/// A loop without the parts of its state that never change.
pub struct Closed {
    pub op: Op,
    /// The operands, as positions among those of the loop before.
    pub operands: Vec<usize>,
    /// The results it still has, as positions among those of the loop before.
    pub results: Vec<usize>,
    /// The results it no longer has, each with the operand that it equals.
    pub unchanged: Vec<(usize, usize)>,
}

/// The same loop with what never changes among its constants, if there is any such part of the state.
pub fn closed_over(op: &Op) -> Option<Closed> {
    match op {
        Op::Scan(scan) => closed_scan(scan),
        Op::While(op) => closed_while(op),
        _ => None,
    }
}

/// For each part of the state, does the body hand it on as it is?
fn kept(body: &Program, consts: usize, count: usize) -> Vec<bool> {
    (0..count).map(|part| body.outputs[part] == Atom::Var(body.inputs[consts + part])).collect()
}

fn at(flags: &[bool], wanted: bool) -> Vec<usize> {
    (0..flags.len()).filter(|&part| flags[part] == wanted).collect()
}

/// The body without the outputs at these positions.
fn without_outputs(mut body: Program, dropped: &[usize]) -> Program {
    let kept = (0..body.outputs.len()).filter(|part| !dropped.contains(part));
    body.outputs = kept.map(|part| body.outputs[part]).collect();
    body
}

fn closed_scan(scan: &Scan) -> Option<Closed> {
    let kept = kept(&scan.body, scan.consts, scan.carries);
    let (consts, state) = (at(&kept, true), at(&kept, false));
    if consts.is_empty() {
        return None;
    }
    let in_state = |part: &usize| scan.consts + part;
    let order: Vec<usize> = (0..scan.consts)
        .chain(consts.iter().map(in_state))
        .chain(state.iter().map(in_state))
        .chain(scan.consts + scan.carries..scan.body.inputs.len())
        .collect();
    let body = with_inputs_ordered(scan.body.program().clone(), order.iter().copied());
    let closed = Scan {
        body: without_outputs(body, &consts).into(),
        consts: scan.consts + consts.len(),
        carries: state.len(),
        rest: Params::new(),
        ..scan.clone()
    };
    let results = state.into_iter().chain(scan.carries..scan.body.outputs.len()).collect();
    let unchanged = consts.iter().map(|part| (*part, in_state(part))).collect();
    // The operands stand in the order of the body's inputs.
    Some(Closed { op: closed.into(), operands: order, results, unchanged })
}

fn closed_while(op: &While) -> Option<Closed> {
    let (of_condition, of_body) = (op.condition_consts, op.body_consts);
    let kept = kept(op.body(), of_body, op.body().outputs.len());
    let (consts, state) = (at(&kept, true), at(&kept, false));
    // A loop without a state has nothing to say when it ends.
    if consts.is_empty() || state.is_empty() {
        return None;
    }
    let used = super::trim::used_inputs(op.condition());
    let read: Vec<usize> = consts.iter().copied().filter(|part| used[of_condition + part]).collect();
    let ordered = |program: &Program, own: usize, more: &[usize]| {
        let order = (0..own).chain(more.iter().chain(&state).map(|part| own + part));
        with_inputs_ordered(program.clone(), order)
    };
    let condition = ordered(op.condition(), of_condition, &read);
    let body = without_outputs(ordered(op.body(), of_body, &consts), &consts);
    let first = of_condition + of_body;
    let in_state = |part: &usize| first + part;
    let operands = (0..of_condition)
        .chain(read.iter().map(in_state))
        .chain(of_condition..first)
        .chain(consts.iter().map(in_state))
        .chain(state.iter().map(in_state))
        .collect();
    let unchanged = consts.iter().map(|part| (*part, in_state(part))).collect();
    let (of_condition, of_body) = (of_condition + read.len(), of_body + consts.len());
    let closed = While::new(condition.into(), of_condition, body.into(), of_body);
    Some(Closed { op: closed.into(), operands, results: state, unchanged })
}
