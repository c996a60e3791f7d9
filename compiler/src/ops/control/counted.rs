//! Loops that count: a `while` whose number of iterations can be read off is a `scan`, which has a reverse mode.

use super::{Scan, While};
use crate::ir::{Atom, Params, Program, Var};
use crate::ops::Op;
use crate::ops::elementwise::{BinaryKind, CompareKind};
use crate::types::Literal;

/// More iterations than this are none: the loop does not end in a lifetime.
const MOST_ITERATIONS: i128 = 1 << 40;

/// The same loop as a `scan` over body consts and state, given the operands of the `while`, if the condition is
/// `i < bound` and the body adds a positive constant to `i`, the first `i` and the bound being literals.
pub fn as_scan(op: &While, operands: &[Atom]) -> Option<Scan> {
    let first_state = op.condition_consts + op.body_consts;
    let condition = op.condition();
    let (counter, bound) = comparison(condition)?;
    let part = |var: Var| {
        let input = condition.inputs.iter().position(|&input| input == var)?;
        input.checked_sub(op.condition_consts)
    };
    let counter = part(counter.var()?)?;
    // The bound may be a literal, a constant, or a part of the state that the body keeps as it is.
    let bound = match bound {
        Atom::Literal(literal) => literal,
        Atom::Var(var) => match part(var) {
            Some(kept) if keeps(op.body(), op.body_consts, kept) => operands[first_state + kept].literal()?,
            Some(_) => return None,
            None => operands[condition.inputs.iter().position(|&input| input == var)?].literal()?,
        },
    };
    let step = increment(op.body(), op.body_consts, counter)?;
    let start = operands[first_state + counter].literal()?;
    let (start, bound, step) = (integer(start)?, integer(bound)?, integer(step)?);
    if step <= 0 {
        return None;
    }
    let length = ((bound - start).max(0) + step - 1) / step;
    let length = usize::try_from(length).ok().filter(|_| length < MOST_ITERATIONS)?;
    Some(Scan {
        body: op.body().clone().into(),
        length,
        consts: op.body_consts,
        carries: op.body().outputs.len(),
        reverse: false,
        rest: Params::new(),
    })
}

/// `(i, bound)`, if the program is `i < bound` and nothing else.
fn comparison(condition: &Program) -> Option<(Atom, Atom)> {
    let (&[output], [eqn]) = (condition.outputs.as_slice(), condition.equations.as_slice()) else {
        return None;
    };
    let Op::Compare(compare) = &eqn.op else { return None };
    let &[x, y] = eqn.operands.as_slice() else { return None };
    if Some(output) != eqn.results.first().map(|&var| var.into()) {
        return None;
    }
    match compare.0 {
        CompareKind::Lt => Some((x, y)),
        CompareKind::Gt => Some((y, x)),
        _ => None,
    }
}

/// Does the body hand this part of the state on as it is?
fn keeps(body: &Program, consts: usize, part: usize) -> bool {
    body.outputs[part] == Atom::Var(body.inputs[consts + part])
}

/// What the body adds to this part of the state.
pub(super) fn increment(body: &Program, consts: usize, part: usize) -> Option<Literal> {
    let counter = Atom::Var(body.inputs[consts + part]);
    let result = body.outputs[part].var()?;
    let eqn = body.equations.iter().find(|eqn| eqn.results == [result])?;
    let Op::Binary(binary) = &eqn.op else { return None };
    match (binary.0, eqn.operands.as_slice()) {
        (BinaryKind::Add, [x, y]) if *x == counter => y.literal(),
        (BinaryKind::Add, [x, y]) if *y == counter => x.literal(),
        _ => None,
    }
}

pub(super) fn integer(literal: Literal) -> Option<i128> {
    literal.dtype().is_integer().then(|| literal.value().int())
}
