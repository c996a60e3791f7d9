//! Where windows lie: for `eval` on numbers, for `lower` in loops. The two share nothing.

use super::DimensionNumbers;
use crate::loops::{Access, Affine, BinaryOp, BlockBuilder, BufferId, CompareOp, Index, Val};
use crate::types::{Aval, DType, Shape, Tensor};

/// What becomes of a window that does not lie in the operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outside {
    /// It is moved until it does.
    Moved,
    /// It is left out.
    LeftOut,
}

/// The first operand position of the window that belongs to `windows_index`; `None` if it is left out.
pub fn window_start(
    numbers: &DimensionNumbers,
    outside: Outside,
    operand: &Shape,
    window: &[usize],
    indices: &Tensor,
    windows_index: &[usize],
) -> Option<Vec<usize>> {
    let batch: Vec<usize> =
        numbers.index_axes(windows_index.len()).into_iter().map(|axis| windows_index[axis]).collect();
    let mut start = vec![0; operand.rank()];
    for (&axis, &batch_axis) in numbers.operand_batch.iter().zip(&numbers.indices_batch) {
        start[axis] = batch[batch_axis];
    }
    for (component, &axis) in numbers.index_map.iter().enumerate() {
        let wanted = indices.get(&[batch.as_slice(), &[component]].concat()).int();
        let last = (operand[axis] - window[axis]) as i128;
        if outside == Outside::LeftOut && !(0..=last).contains(&wanted) {
            return None;
        }
        start[axis] = wanted.clamp(0, last) as usize;
    }
    Some(start)
}

/// How far into its window an element of the windows is, along each operand axis.
pub fn window_offset(numbers: &DimensionNumbers, operand_rank: usize, windows_index: &[usize]) -> Vec<usize> {
    let mut offset = vec![0; operand_rank];
    let pairs = numbers.windowed(operand_rank).into_iter().zip(&numbers.window_axes);
    pairs.for_each(|(axis, &window_axis)| offset[axis] = windows_index[window_axis]);
    offset
}

/// An element of the operand in loops.
pub struct Place {
    pub indices: Vec<Index>,
    /// A bool: does the window lie in the operand? `None`: always.
    pub inside: Option<Val>,
}

/// The element of the operand that belongs to an element of the windows. The indices are `BufferId(1)`; `dim_of` is the
/// dim of the nest along each axis of the windows. Where the window is left out, the place means nothing, but lies in
/// the operand.
pub fn place(
    b: &mut BlockBuilder,
    numbers: &DimensionNumbers,
    outside: Outside,
    (operand, window): (&Shape, &[usize]),
    indices: &Aval,
    dim_of: &[usize],
) -> Place {
    let batch: Vec<Index> =
        numbers.index_axes(dim_of.len()).into_iter().map(|axis| Index::dim(dim_of[axis])).collect();
    let mut place = Place { indices: vec![Index::constant(0); operand.rank()], inside: None };
    for (&axis, &batch_axis) in numbers.operand_batch.iter().zip(&numbers.indices_batch) {
        place.indices[axis] = batch[batch_axis].clone();
    }
    for (axis, &window_axis) in numbers.windowed(operand.rank()).into_iter().zip(&numbers.window_axes) {
        place.indices[axis] = Index::dim(dim_of[window_axis]);
    }
    for (component, &axis) in numbers.index_map.iter().enumerate() {
        let mut at = batch.clone();
        at.push(Index::constant(component as i64));
        let wanted = b.load(Access::new(BufferId(1), at), indices.dtype);
        // A window that does not fit at all belongs to no element.
        let last = operand[axis].saturating_sub(window[axis]);
        match outside {
            Outside::Moved => place.indices[axis].dynamic = clamped(b, wanted, last),
            Outside::LeftOut => {
                let (start, fits) = checked(b, wanted, last);
                place.indices[axis].dynamic = (last > 0).then_some(start);
                place.inside = Some(place.inside.map_or(fits, |others| b.and(others, fits)));
            }
        }
    }
    place
}

/// `affine + start` along one axis, the start being a rank-0 integer that is moved into `0..=last`.
pub fn moved_index(b: &mut BlockBuilder, start: BufferId, dtype: DType, last: usize, dim: usize) -> Index {
    let wanted = b.load(Access::new(start, Vec::new()), dtype);
    Index { affine: Affine::dim(dim), dynamic: clamped(b, wanted, last), divisor: 1 }
}

/// An integer of any type as an I64 in `0..=last`; `None` if that is 0 anyway.
fn clamped(b: &mut BlockBuilder, wanted: Val, last: usize) -> Option<Val> {
    if last == 0 {
        return None;
    }
    let limit = b.int(DType::I64, last as i64);
    if b.dtype(wanted) == DType::U64 {
        // Its upper half would turn negative.
        let unsigned_limit = b.int(DType::U64, last as i64);
        let low = b.binary(BinaryOp::Min, wanted, unsigned_limit);
        return Some(b.convert(low, DType::I64));
    }
    let is_unsigned = !b.dtype(wanted).is_signed();
    let wide = b.convert(wanted, DType::I64);
    let zero = b.int(DType::I64, 0);
    let at_least = if is_unsigned { wide } else { b.binary(BinaryOp::Max, wide, zero) };
    Some(b.binary(BinaryOp::Min, at_least, limit))
}

/// An integer of any type as an I64, and whether it is in `0..=last`; the I64 is 0 if it is not.
fn checked(b: &mut BlockBuilder, wanted: Val, last: usize) -> (Val, Val) {
    let wide = b.convert(wanted, DType::I64);
    // Negative numbers become large.
    let (unsigned, limit) = (b.convert(wide, DType::U64), b.int(DType::U64, last as i64));
    let fits = b.compare(CompareOp::Le, unsigned, limit);
    let zero = b.int(DType::I64, 0);
    (b.select(fits, wide, zero), fits)
}
