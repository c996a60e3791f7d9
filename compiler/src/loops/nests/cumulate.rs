//! Cumulative folds: each element with all that come before it along an axis.

use crate::loops::{Access, Affine, BlockBuilder, BufferId, Dim, Index, Nest, Role, Store, Val};
use crate::types::{Aval, Literal};

/// `result[.., i, ..] = step(result[.., i - 1, ..], operand[.., i, ..])`, before the first being `start`; in reverse, from the
/// last to the first. The operand is buffer 0, the result buffer 1.
///
/// The axes stay in order, so that those after `axis` fill vectors.
pub fn cumulate(
    operand: &Aval,
    axis: usize,
    reverse: bool,
    start: Literal,
    step: impl FnOnce(&mut BlockBuilder, Val, Val) -> Val,
) -> Nest {
    let (rank, extent) = (operand.rank(), operand.shape[axis]);
    let role = |at: usize| if at == axis { Role::Sequential } else { Role::Parallel };
    let mut nest = Nest::new((0..rank).map(|at| Dim { extent: operand.shape[at], role: role(at) }).collect());
    let (position, previous) = match reverse {
        false => (Affine::dim(axis), -1),
        true => (Affine::dim(axis).scale(-1).add_constant(extent as i64 - 1), 1),
    };
    let at = |position: Affine| -> Vec<Index> {
        let index = |other: usize| if other == axis { position.clone() } else { Affine::dim(other) };
        (0..rank).map(|other| Index::affine(index(other))).collect()
    };
    let mut b = BlockBuilder::new();
    let fill = Some(b.literal(start));
    let before = at(position.add_constant(previous));
    let before = b.load(Access { buffer: BufferId(1), indices: before, fill }, operand.dtype);
    let element = b.load(Access::new(BufferId(0), at(position.clone())), operand.dtype);
    let value = step(&mut b, before, element);
    nest.stores.push(Store { buffer: BufferId(1), indices: at(position), value, mask: None, combine: None });
    nest.block = b.finish();
    nest
}
