//! Elementwise operations on repeated elements: computed once, and repeated without an equation of their own. All exact.

use super::Sweep;
use crate::ir::Atom;
use crate::ops::Op;
use crate::ops::shape::BroadcastInDim;

/// Makes one element from one element of each operand, with implicit broadcasting.
pub fn is_elementwise(op: &Op) -> bool {
    matches!(
        op,
        Op::Unary(_)
            | Op::Binary(_)
            | Op::Compare(_)
            | Op::Select(_)
            | Op::Clamp(_)
            | Op::Convert(_)
            | Op::IntegerPow(_)
            | Op::ReducePrecision(_)
            | Op::ComplexPart(_)
            | Op::MakeComplex(_)
            | Op::Conj(_)
    )
}

/// `f(broadcast(x), broadcast(y), 1) == broadcast(f(x, y, 1))`, where both are broadcast alike.
pub fn after_broadcast(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    if !is_elementwise(op) {
        return None;
    }
    let mut common: Option<BroadcastInDim> = None;
    let mut sources = operands.to_vec();
    for (operand, source) in operands.iter().zip(&mut sources) {
        let Some((Op::BroadcastInDim(broadcast), inner)) = cx.made_from(*operand) else {
            if cx.shape(*operand).is_scalar() { continue } else { return None }
        };
        if common.as_ref().is_some_and(|common| common != broadcast) {
            return None;
        }
        common = Some(broadcast.clone());
        *source = inner;
    }
    let broadcast = common?;
    let arrays = || sources.iter().zip(operands).filter(|(source, operand)| source != operand);
    let (&first, _) = arrays().next()?;
    let shape = cx.shape(first);
    let is_alike = arrays().all(|(&source, _)| cx.shape(source) == shape);
    if !is_alike || shape.element_count() >= broadcast.shape.element_count() {
        return None;
    }
    let small = cx.emit(op.clone(), &sources);
    Some(cx.emit(broadcast, &[small]))
}

/// `f(x, broadcast(s)) == f(x, s)` for a scalar `s`, which broadcasts implicitly.
pub fn implicit(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    if !is_elementwise(op) {
        return None;
    }
    let scalar = |operand: &Atom| match cx.made_from(*operand) {
        Some((Op::BroadcastInDim(_), source)) if cx.shape(source).is_scalar() => source,
        _ => cx.constant(*operand).map_or(*operand, Atom::Literal),
    };
    let scalars: Vec<Atom> = operands.iter().map(scalar).collect();
    let types = |operands: &[Atom]| op.infer(&cx.avals(operands)).ok();
    (scalars != operands && types(&scalars) == types(operands)).then(|| cx.emit(op.clone(), &scalars))
}
