//! A cond with an index per lane: all branches run on the whole batch, and each lane takes the results of its own.
//!
//! # Note: lanes that do not take a branch
//! A branch computes lanes that it was guarding against: the root of a negative number, a quotient of zeros. What comes
//! of them is dropped, and so is their tangent; but in reverse mode their cotangent, which is zero, goes through the
//! branch, where zero times an infinite slope is NaN, and reaches the operand. Hence each branch takes its operands
//! through a choice between the operand and its value without derivative, which drops what comes back for the lanes of
//! other branches. An operand that all lanes share is repeated for that: its cotangent is the sum over the lanes that
//! took the branch. Where nobody asks for a derivative, simplification takes the choices and repetitions out again.

use super::*;
use crate::ir::inline::inline;
use crate::ops::elementwise::{CompareKind, Identity, IdentityKind};

/// The results of the branch that `index` names in each lane; `operands` have the batch as first axis where marked, and
/// so has `index`. All results are mapped.
///
/// Source: JAX lax.cond, whose batching rule guards operands in the same way.
pub(super) fn chosen_per_lane(
    cx: &mut BatchCx,
    branches: &[Body],
    index: Atom,
    operands: &[Atom],
    is_mapped: &[bool],
) -> Rule<Batched> {
    let lanes = Lanes::new(cx.builder, index, branches.len());
    let mut results = Vec::new();
    for (position, branch) in branches.iter().enumerate() {
        let mut operands = operands.to_vec();
        let mut is_mapped = is_mapped.to_vec();
        let used = trim::used_inputs(branch);
        for (at, operand) in operands.iter_mut().enumerate() {
            if branches.len() == 1 || !used[at] || !cx.builder.dtype(*operand).is_inexact() {
                continue;
            }
            if !is_mapped[at] {
                *operand = cx.builder.repeated(*operand, cx.extent);
                is_mapped[at] = true;
            }
            *operand = lanes.guarded(cx.builder, position, *operand);
        }
        let batched = (cx.bodies.batch)(branch, &leading(&is_mapped), cx.extent)?;
        let all = vec![true; batched.mapped.len()];
        results.push(inline(cx.builder, &batched.with_axes(&all).program, &operands));
    }
    let mut earlier = results.into_iter().enumerate().rev();
    let (_, mut chosen) = earlier.next().expect("a cond has branches");
    for (position, own) in earlier {
        chosen = own
            .into_iter()
            .zip(chosen)
            .map(|(own, other)| select_lanes(cx.builder, lanes.up_to[position], own, other))
            .collect();
    }
    let dims = leading(&vec![true; chosen.len()]);
    Ok(Batched { values: chosen, dims })
}

/// Which lanes take which branch.
struct Lanes {
    /// Per branch but the last: does the lane take it or an earlier one?
    up_to: Vec<Atom>,
    /// Per branch: does the lane take it?
    exactly: Vec<Atom>,
}

impl Lanes {
    fn new(b: &mut Builder, index: Atom, branches: usize) -> Lanes {
        let mut compare = |kind: CompareKind, position: usize| {
            let position = b.constant_like(index, position as f64);
            b.compare(kind, index, position)
        };
        let last = branches - 1;
        let up_to = (0..last).map(|position| compare(CompareKind::Le, position)).collect();
        let exactly = (0..branches).map(|position| match position {
            0 => compare(CompareKind::Le, 0),
            _ if position == last => compare(CompareKind::Ge, last),
            _ => compare(CompareKind::Eq, position),
        });
        Lanes { up_to, exactly: exactly.collect() }
    }

    /// The operand, whose derivative is zero in lanes that do not take the branch.
    fn guarded(&self, b: &mut Builder, branch: usize, operand: Atom) -> Atom {
        let stopped = b.emit_one(Identity(IdentityKind::StopGradient), &[operand]);
        select_lanes(b, self.exactly[branch], operand, stopped)
    }
}

/// Per lane of the leading axes that `mask` has: `mask ? on_true : on_false`.
pub(super) fn select_lanes(b: &mut Builder, mask: Atom, on_true: Atom, on_false: Atom) -> Atom {
    if on_true == on_false {
        return on_true;
    }
    let (lanes, rank) = (b.aval(mask).rank(), b.aval(on_true).rank());
    let unit_axes: Vec<usize> = (lanes..rank).collect();
    let mask = if lanes == 0 { mask } else { b.expand_dims(mask, &unit_axes) };
    b.select(mask, on_true, on_false)
}
