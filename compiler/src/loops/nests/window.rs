//! Windows that slide over arrays, and the nests that fold what lies under them.

use crate::loops::{
    Access, Affine, BinaryOp, Block, BlockBuilder, BufferId, Combine, CompareOp, Dim, Index, Inst, Nest,
    Reduction, Role, Store, Val, copy,
};
use crate::types::{Aval, DType, Extent, Literal, Shape};

/// One axis of a window that slides over an array.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct WindowAxis {
    /// How many positions of the array lie under the window. Invariant once inferred: not 0, like all steps below.
    pub extent: Extent,
    /// How far the window moves from place to place.
    pub stride: usize,
    /// Positions added before and after the array; negative ones are taken away.
    pub padding: (i64, i64),
    /// How far neighbours of the array are apart; what lies between them are holes.
    pub base_dilation: usize,
    /// How far neighbouring positions of the window are apart.
    pub window_dilation: usize,
}

impl WindowAxis {
    /// A window of one position that visits all of an axis.
    pub const UNIT: WindowAxis =
        WindowAxis { extent: 1, stride: 1, padding: (0, 0), base_dilation: 1, window_dilation: 1 };

    /// The extent of an axis with its holes and padding; may be negative. Errors: `None` if it overflows.
    pub fn padded(&self, extent: Extent) -> Option<i64> {
        dilated(extent, self.base_dilation)?.checked_add(self.padding.0)?.checked_add(self.padding.1)
    }

    /// How many places the window has on an axis of this extent. Errors: `None` if that overflows.
    pub fn places(&self, extent: Extent) -> Option<Extent> {
        let room = self.padded(extent)?.checked_sub(dilated(self.extent, self.window_dilation)?)?;
        let stride = i64::try_from(self.stride).ok()?;
        Some(if room < 0 { 0 } else { (room / stride) as usize + 1 })
    }

    /// The position of the array under a position of the window; `None` in padding and holes.
    pub fn source(&self, extent: Extent, place: usize, offset: usize) -> Option<usize> {
        let spread = (place * self.stride + offset * self.window_dilation) as i64 - self.padding.0;
        let dilation = self.base_dilation as i64;
        let inside = spread >= 0 && spread % dilation == 0 && spread / dilation < extent as i64;
        inside.then_some((spread / dilation) as usize)
    }

    /// [`WindowAxis::source`] in terms of the dims of a nest.
    pub fn index(&self, place: &Affine, offset: &Affine) -> Index {
        let step = place.scale(self.stride as i64).add(&offset.scale(self.window_dilation as i64));
        Index {
            affine: step.add_constant(-self.padding.0),
            dynamic: None,
            divisor: self.base_dilation as i64,
        }
    }

    /// How the same window slides over the places, to bring something back from them to the array: the transpose of a
    /// sum. It moves by the array's dilation over places that are as far apart as the stride was.
    pub fn transposed(&self, extent: Extent, places: Extent) -> WindowAxis {
        let known = |extent, step| dilated(extent, step).expect("the extents of the operation were inferred");
        let (array, window) = (known(extent, self.base_dilation), known(self.extent, self.window_dilation));
        let before = window - self.padding.0 - 1;
        WindowAxis {
            stride: self.base_dilation,
            padding: (before, array + window - 1 - known(places, self.stride) - before),
            base_dilation: self.stride,
            ..*self
        }
    }

    /// Does some place of the window reach padding or holes?
    pub fn leaves(&self, extent: Extent, places: Extent) -> bool {
        if places == 0 {
            return self.base_dilation > 1;
        }
        let reach = (places - 1) * self.stride + (self.extent - 1) * self.window_dilation;
        self.base_dilation > 1 || self.padding.0 > 0 || reach as i64 - self.padding.0 >= extent as i64
    }
}

/// The extent of an axis whose neighbours are `dilation` apart. Errors: `None` if it overflows.
fn dilated(extent: Extent, dilation: usize) -> Option<i64> {
    let gaps = i64::try_from(extent.saturating_sub(1)).ok()?.checked_mul(i64::try_from(dilation).ok()?)?;
    gaps.checked_add(i64::from(extent > 0))
}

/// `result[place] = fold of what lies under the window there`, folded in `folded`. The operand is buffer 0, the result
/// buffer 1.
///
/// Invariant: the window never leaves the operand.
pub fn fold(window: &[WindowAxis], operand: &Aval, result: &Aval, op: BinaryOp, identity: Literal) -> Nest {
    let folded = identity.dtype();
    let mut site = Site::new(window, &operand.shape, &result.shape);
    let value = site.b.load(Access::new(BufferId(0), site.indices()), operand.dtype);
    let value = site.b.convert(value, folded);
    let init = site.b.literal(identity);
    site.nest.reductions.push(Reduction { combine: Combine::Op(op), inits: vec![init], values: vec![value] });
    let value = site.b.reduced(0, 0, folded);
    let value = site.b.convert(value, result.dtype);
    site.store(1, value);
    site.finish()
}

/// `results[place] = body(.., what lies under the window)`, position by position in row-major order; padding and holes
/// are left out. With n operands, these are buffers 0 to n-1, the start values (rank 0) n to 2n-1, the results 2n on.
///
/// `body` maps n accumulators and n elements to n accumulators.
pub fn fold_by_body(window: &[WindowAxis], operands: &[Aval], result: &Shape, body: Combine) -> Nest {
    let count = operands.len();
    let mut site = Site::new(window, &operands[0].shape, result);
    let mut fold = Fold { inits: Vec::new(), values: Vec::new(), body };
    for (slot, operand) in operands.iter().enumerate() {
        let init = Access::new(BufferId((count + slot) as u32), Vec::new());
        let init = site.b.load(init, operand.dtype);
        let fill = site.b.int(operand.dtype, 0);
        fold.inits.push(init);
        fold.values.push(site.load(slot as u32, operand.dtype, fill));
    }
    site.fold(fold);
    for (part, operand) in operands.iter().enumerate() {
        let value = site.b.reduced(0, part, operand.dtype);
        site.store((2 * count + part) as u32, value);
    }
    site.finish()
}

/// `result[place] = tangents at the position that the window selects from the operand`: the first one that all later
/// ones satisfy `keep(selected, later)` with. Tangents are buffer 0, the operand buffer 1, the result buffer 2.
///
/// `start` is selected where nothing else is; its tangent is zero.
pub fn gather_selected(
    window: &[WindowAxis],
    tangents: &Aval,
    operand: &Aval,
    result: &Shape,
    keep: CompareOp,
    start: Literal,
) -> Nest {
    let mut site = Site::new(window, &operand.shape, result);
    let (key_fill, tangent_fill) = (site.b.literal(start), site.b.int(tangents.dtype, 0));
    let key = site.load(1, operand.dtype, key_fill);
    let tangent = site.load(0, tangents.dtype, tangent_fill);
    let body = Combine::Block(selection(keep, &[operand.dtype, tangents.dtype]));
    site.fold(Fold { inits: vec![key_fill, tangent_fill], values: vec![key, tangent], body });
    let value = site.b.reduced(0, 1, tangents.dtype);
    site.store(2, value);
    site.finish()
}

/// `result[position that the window selects at place] += source[place]`, added by `op`. A position is selected as in
/// [`gather_selected`]; padding holds `fill` and may be selected, too, which loses the source. The source is buffer 0,
/// the operand buffer 1, the result buffer 2: it must hold start values.
pub fn scatter_selected(
    window: &[WindowAxis],
    source: &Aval,
    operand: &Aval,
    keep: CompareOp,
    fill: Literal,
    op: BinaryOp,
) -> Nest {
    let rank = operand.rank();
    let mut site = Site::new(window, &operand.shape, &source.shape);
    // Places may select the same position: they are visited one after the other.
    site.nest.dims[..rank].iter_mut().for_each(|dim| dim.role = Role::Sequential);
    let fill = site.b.literal(fill);
    let (mut inits, mut values) = (Vec::new(), Vec::new());
    // The selection starts at the first position of the window.
    let offsets: [fn(usize) -> Affine; 2] = [|_| Affine::constant(0), Affine::dim];
    for offset in offsets {
        let indices: Vec<Index> =
            (0..rank).map(|axis| window[axis].index(&Affine::dim(axis), &offset(rank + axis))).collect();
        let parts = if inits.is_empty() { &mut inits } else { &mut values };
        parts.push(site.load_at(1, operand.dtype, indices.clone(), fill));
        parts.extend(indices.iter().map(|index| site.b.position(&index.affine)));
    }
    let mut dtypes = vec![operand.dtype];
    dtypes.resize(rank + 1, DType::I64);
    let combine = Combine::Block(selection(keep, &dtypes));
    site.nest.reductions.push(Reduction { combine, inits, values });
    let positions: Vec<Val> = (0..rank).map(|axis| site.b.reduced(0, 1 + axis, DType::I64)).collect();
    let mask = site.all_within(&positions);
    let place = (0..rank).map(Index::dim).collect();
    let value = site.b.load(Access::new(BufferId(0), place), source.dtype);
    let indices = positions.into_iter().map(Index::dynamic).collect();
    site.nest.stores.push(Store { buffer: BufferId(2), indices, value, mask, combine: Some(op) });
    site.finish()
}

/// Merges a selection, and what goes with it, with the next candidate.
fn selection(keep: CompareOp, dtypes: &[DType]) -> Block {
    let mut b = BlockBuilder::new();
    let selected: Vec<Val> = dtypes.iter().map(|&dtype| b.param(dtype)).collect();
    let next: Vec<Val> = dtypes.iter().map(|&dtype| b.param(dtype)).collect();
    let keeps = b.compare(keep, selected[0], next[0]);
    let merged = selected.iter().zip(&next).map(|(&old, &new)| b.select(keeps, old, new)).collect();
    b.finish_with(merged)
}

/// A fold by a block, before padding and holes are taken care of.
struct Fold {
    inits: Vec<Val>,
    values: Vec<Val>,
    body: Combine,
}

/// A nest over places and, inside, the positions of a window: one parallel dim per axis, then one reduce dim per axis.
struct Site<'a> {
    window: &'a [WindowAxis],
    operand: &'a Shape,
    nest: Nest,
    b: BlockBuilder,
}

impl<'a> Site<'a> {
    fn new(window: &'a [WindowAxis], operand: &'a Shape, places: &Shape) -> Self {
        let outer = places.extents().iter().map(|&extent| Dim::parallel(extent));
        let inner = window.iter().map(|axis| Dim::reduce(axis.extent));
        let nest = Nest::new(outer.chain(inner).collect());
        Site { window, operand, nest, b: BlockBuilder::new() }
    }

    fn rank(&self) -> usize {
        self.window.len()
    }

    fn indices(&self) -> Vec<Index> {
        let (rank, window) = (self.rank(), self.window);
        (0..rank).map(|axis| window[axis].index(&Affine::dim(axis), &Affine::dim(rank + axis))).collect()
    }

    fn leaves(&self, axis: usize) -> bool {
        self.window[axis].leaves(self.operand[axis], self.nest.dims[axis].extent)
    }

    /// What lies under the window.
    fn load(&mut self, slot: u32, dtype: DType, fill: Val) -> Val {
        self.load_at(slot, dtype, self.indices(), fill)
    }

    fn load_at(&mut self, slot: u32, dtype: DType, indices: Vec<Index>, fill: Val) -> Val {
        let leaves = (0..self.rank()).any(|axis| self.leaves(axis));
        let fill = leaves.then_some(fill);
        self.b.load(Access { buffer: BufferId(slot), indices, fill }, dtype)
    }

    /// Adds a fold that leaves out padding and holes.
    fn fold(&mut self, Fold { mut inits, mut values, body }: Fold) {
        let combine = match self.inside() {
            None => body,
            Some(inside) => {
                let body = match body {
                    Combine::Op(op) => operation(op, self.b.dtype(inits[0])),
                    Combine::Block(block) => block,
                };
                // The flag of the accumulator means nothing.
                inits.push(self.b.bool(true));
                values.push(inside);
                Combine::Block(guarded(&body))
            }
        };
        self.nest.reductions.push(Reduction { combine, inits, values });
    }

    /// Is there an element under the window? `None`: always.
    fn inside(&mut self) -> Option<Val> {
        let mut all = None;
        for (axis, index) in self.indices().into_iter().enumerate() {
            if !self.leaves(axis) {
                continue;
            }
            let b = &mut self.b;
            let position = b.position(&index.affine);
            let limit = b.int(DType::I64, self.operand[axis] as i64 * index.divisor);
            let zero = b.int(DType::I64, 0);
            let (above, below) = (b.ge(position, zero), b.lt(position, limit));
            let mut inside = b.and(above, below);
            if index.divisor > 1 {
                let divisor = b.int(DType::I64, index.divisor);
                let rest = b.binary(BinaryOp::Rem, position, divisor);
                let divides = b.eq(rest, zero);
                inside = b.and(inside, divides);
            }
            all = Some(all.map_or(inside, |all| b.and(all, inside)));
        }
        all
    }

    /// Are computed positions those of elements? `None`: always.
    fn all_within(&mut self, positions: &[Val]) -> Option<Val> {
        let mut all = None;
        for (axis, &position) in positions.iter().enumerate() {
            if self.leaves(axis) {
                let b = &mut self.b;
                let (zero, limit) = (b.int(DType::I64, 0), b.int(DType::I64, self.operand[axis] as i64));
                let (above, below) = (b.ge(position, zero), b.lt(position, limit));
                let within = b.and(above, below);
                all = Some(all.map_or(within, |all| b.and(all, within)));
            }
        }
        all
    }

    fn store(&mut self, slot: u32, value: Val) {
        let indices = (0..self.rank()).map(Index::dim).collect();
        self.nest.stores.push(Store { buffer: BufferId(slot), indices, value, mask: None, combine: None });
    }

    fn finish(self) -> Nest {
        Nest { block: self.b.finish(), ..self.nest }
    }
}

/// One operation as a block.
fn operation(op: BinaryOp, dtype: DType) -> Block {
    let mut b = BlockBuilder::new();
    let (x, y) = (b.param(dtype), b.param(dtype));
    let result = b.binary(op, x, y);
    b.finish_with(vec![result])
}

/// A merge with one more part, a flag: where the flag of the new element is false, the accumulators stay.
fn guarded(body: &Block) -> Block {
    let mut b = BlockBuilder::new();
    let count = body.results.len();
    let part = |b: &mut BlockBuilder| -> Vec<Val> {
        let vals = body.params[..count].iter().map(|&dtype| b.param(dtype)).collect::<Vec<_>>();
        vals.into_iter().chain([b.param(DType::Bool)]).collect()
    };
    let (old, new) = (part(&mut b), part(&mut b));
    let args = [&old[..count], &new[..count]].concat();
    let merged = copy(&mut b, body, &[], &body.results, |_, inst| match inst {
        Inst::Param(param) => Some(args[*param]),
        _ => None,
    });
    let kept = merged.iter().zip(&old).map(|(&merged, &old)| b.select(new[count], merged, old));
    let mut results: Vec<Val> = kept.collect();
    results.push(old[count]);
    b.finish_with(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_count_their_places() {
        let axis = |extent, stride, padding, base_dilation, window_dilation| WindowAxis {
            extent,
            stride,
            padding,
            base_dilation,
            window_dilation,
        };
        assert_eq!(axis(2, 1, (0, 0), 1, 1).places(5), Some(4));
        assert_eq!(axis(3, 2, (1, 1), 1, 1).places(5), Some(3));
        assert_eq!(axis(2, 1, (0, 0), 2, 1).places(3), Some(4));
        assert_eq!(axis(2, 1, (0, 0), 1, 3).places(5), Some(2));
        assert_eq!(axis(2, 1, (-1, -1), 1, 1).places(4), Some(1));
        assert_eq!(axis(3, 1, (0, 0), 1, 1).places(2), Some(0));
        assert_eq!(axis(1, 1, (2, 0), 3, 1).places(0), Some(2));
        assert_eq!(axis(2, 1, (i64::MAX, 1), 1, 1).places(3), None);
    }

    #[test]
    fn padding_and_holes_have_no_source() {
        let axis = WindowAxis { extent: 2, stride: 2, padding: (1, 0), base_dilation: 2, window_dilation: 3 };
        let sources = |place| [0, 1].map(|offset| axis.source(3, place, offset));
        assert_eq!([sources(0), sources(1)], [[None, Some(1)], [None, Some(2)]]);
    }
}
