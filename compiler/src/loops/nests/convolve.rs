//! Convolution: the nest behind those of every layout.

use super::window::WindowAxis;
use crate::loops::{
    Access, Affine, BinaryOp, BlockBuilder, BufferId, Combine, Dim, Index, Nest, Reduction, Store,
};
use crate::types::{Aval, DType};

/// Which axes of operands and result mean what: batch, feature, then the spatial ones (for the rhs: result feature,
/// operand feature, then the spatial ones).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout<'a> {
    pub lhs: &'a [usize],
    pub rhs: &'a [usize],
    pub result: &'a [usize],
}

/// Independent convolutions side by side: one part of the features of the result each. At most one count is not 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Groups {
    /// Each reads one part of the features of the lhs.
    pub feature: usize,
    /// Each reads one part of the batch of the lhs.
    pub batch: usize,
}

/// Sums products of what lies under the window with the rhs, computed in `accumulator` and rounded to the result's
/// type once; on Bool, whether any pair is true. The operands are buffers 0 and 1, the result is buffer 2.
///
/// Invariant: the window never leaves the lhs.
pub fn convolve(
    window: &[WindowAxis],
    layout: Layout,
    groups: Groups,
    operands: [&Aval; 2],
    result: &Aval,
    accumulator: DType,
) -> Nest {
    let [lhs, rhs] = operands;
    let (spatial, rank) = (window.len(), window.len() + 2);
    let count = groups.feature * groups.batch;
    let [batch, feature] = [layout.result[0], layout.result[1]];
    // Without groups, the outer dims are the axes of the result: then the nest computes one element at each point.
    let mut dims: Vec<Dim> = result.shape.extents().iter().map(|&extent| Dim::parallel(extent)).collect();
    dims[feature].extent /= count;
    dims.extend((count > 1).then_some(Dim::parallel(count)));
    let operand_feature = dims.len();
    dims.push(Dim::reduce(rhs.shape[layout.rhs[1]]));
    dims.extend(window.iter().map(|axis| Dim::reduce(axis.extent)));

    // What one group has of an axis that `groups` share.
    let part = |groups: usize, dim: usize, dims: &[Dim]| {
        let first = Affine::dim(rank).scale(dims[dim].extent as i64);
        let first = if groups == 1 { Affine::constant(0) } else { first };
        Index::affine(first.add(&Affine::dim(dim)))
    };
    let place = |axis: usize| Affine::dim(layout.result[2 + axis]);
    let offset = |axis: usize| Affine::dim(operand_feature + 1 + axis);
    let lhs_start = [part(groups.batch, batch, &dims), part(groups.feature, operand_feature, &dims)];
    let lhs_spatial = (0..spatial).map(|axis| window[axis].index(&place(axis), &offset(axis)));
    let lhs_indices = lhs_start.into_iter().chain(lhs_spatial).collect();
    let result_feature = part(count, feature, &dims);
    let rhs_spatial = (0..spatial).map(|axis| Index::affine(offset(axis)));
    let rhs_start = [result_feature.clone(), Index::dim(operand_feature)];
    let rhs_indices = rhs_start.into_iter().chain(rhs_spatial).collect();
    let result_spatial = (0..spatial).map(|axis| Index::affine(place(axis)));
    let result_indices = [Index::dim(batch), result_feature].into_iter().chain(result_spatial).collect();

    let mut nest = Nest::new(dims);
    let mut b = BlockBuilder::new();
    let x = b.load(Access::new(BufferId(0), permuted(layout.lhs, lhs_indices)), lhs.dtype);
    let y = b.load(Access::new(BufferId(1), permuted(layout.rhs, rhs_indices)), rhs.dtype);
    let (x, y) = (b.convert(x, accumulator), b.convert(y, accumulator));
    let (product, op, zero) = match accumulator {
        DType::Bool => (b.and(x, y), BinaryOp::Or, b.bool(false)),
        _ => (b.mul(x, y), BinaryOp::Add, b.int(accumulator, 0)),
    };
    nest.reductions.push(Reduction { combine: Combine::Op(op), inits: vec![zero], values: vec![product] });
    let sum = b.reduced(0, 0, accumulator);
    let value = b.convert(sum, result.dtype);
    let indices = permuted(layout.result, result_indices);
    nest.stores.push(Store { buffer: BufferId(2), indices, value, mask: None, combine: None });
    nest.block = b.finish();
    nest
}

/// The indices in the order of the array's axes.
fn permuted(layout: &[usize], indices: Vec<Index>) -> Vec<Index> {
    let mut ordered = indices.clone();
    layout.iter().zip(indices).for_each(|(&axis, index)| ordered[axis] = index);
    ordered
}
