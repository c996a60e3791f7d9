//! Sources that search in arrays.

use super::Source;
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params, Value};
use crate::ops::control::Scan;
use crate::ops::elementwise::*;
use crate::ops::indexing::{DimensionNumbers, Gather, Mode};
use crate::ops::rules::expect_operands;
use crate::ops::shape::{BroadcastInDim, Iota, Pad, Slice};
use crate::ops::sorting::Sort;
use crate::types::{Aval, DType, Kind, Shape};

/// Where the elements of a query belong in sorted rows, before (`left`) or behind equal ones; NaN comes last.
///
/// Shapes: sorted [b.., s.., n, s..], with n at `dimension`; query [b.., q..] -> [b.., s.., q..], with `batch_dims` b's.
///
/// Source: JAX jnp.searchsorted (since 0.12).
pub(super) fn search_sorted(b: &mut Builder, cx: &Source, x: &[Atom]) -> Result<Vec<Atom>, TypeError> {
    expect_operands(cx.operands, 2)?;
    let (sorted, query) = (&cx.operands[0], &cx.operands[1]);
    let (axis, batch) = (cx.params.size("dimension")?, cx.params.size("batch_dims")?);
    if axis < batch || axis >= sorted.rank() || batch > query.rank() {
        return Err(TypeError::new("dimension and batch_dims do not fit the operands"));
    }
    if sorted.dtype != query.dtype || sorted.shape.extents()[..batch] != query.shape.extents()[..batch] {
        return Err(TypeError(format!("operands {sorted} and {query} differ in dtype or batch axes")));
    }
    if matches!(sorted.dtype.kind(), Kind::Complex | Kind::Key | Kind::Float0) {
        return Err(TypeError(format!("searching in {} is not supported", sorted.dtype)));
    }
    let is_left = match cx.params.name("side")? {
        "left" => true,
        "right" => false,
        other => return Err(TypeError(format!("parameter side: expected left or right, found {other}"))),
    };
    let extent = sorted.shape[axis];
    let rows: Vec<usize> = sorted.shape.without(&[axis]).extents().to_vec();
    let shape: Vec<usize> = [&rows, &query.shape.extents()[batch..]].concat();
    let dtype = cx.results.first().and_then(Option::as_ref).map_or(DType::I32, |aval| aval.dtype);
    if !dtype.is_integer() {
        return Err(TypeError(format!("expected integers as a result, found {dtype}")));
    }
    if extent == 0 || shape.contains(&0) {
        return Ok(vec![b.zeros(&Aval::new(dtype, shape))]);
    }
    let search = Search { is_left, extent, rows, shape: shape.into() };
    let sorted = b.move_axis(x[0], axis, sorted.rank() - 1);
    let kept: Vec<usize> = (0..batch).chain(search.rows.len()..search.shape.rank()).collect();
    let query = b.emit_one(BroadcastInDim { shape: search.shape.clone(), dims: kept }, &[x[1]]);
    let found = match cx.params.name("method")? {
        "compare_all" => search.by_comparing(b, sorted, query),
        // The other ways differ in speed alone, where the rows are sorted.
        _ => search.by_halving(b, sorted, query),
    };
    Ok(vec![b.convert(found, dtype)])
}

/// A search for queries of shape `shape`, whose leading axes are `rows`.
struct Search {
    is_left: bool,
    extent: usize,
    rows: Vec<usize>,
    shape: Shape,
}

impl Search {
    /// Counts the elements that come before.
    fn by_comparing(&self, b: &mut Builder, sorted: Atom, query: Atom) -> Atom {
        let (rank, rows) = (self.shape.rank(), self.rows.len());
        let shape = self.shape.inserted(rank, self.extent);
        let dims: Vec<usize> = (0..rows).chain([rank]).collect();
        let sorted = b.emit_one(BroadcastInDim { shape: shape.clone(), dims }, &[sorted]);
        let query = b.broadcast_in_dim(query, shape, &(0..rank).collect::<Vec<usize>>());
        let is_behind = self.is_before(b, query, sorted);
        let is_before = b.unary(UnaryKind::Not, is_behind);
        let counted = b.convert(is_before, self.index_dtype());
        b.reduce_sum(counted, &[rank])
    }

    /// Halves the interval `low..high` until it is a place.
    fn by_halving(&self, b: &mut Builder, sorted: Atom, query: Atom) -> Atom {
        let count: usize = self.rows.iter().product();
        let (dtype, rank) = (self.index_dtype(), self.rows.len());
        let flat = b.reshape(sorted, [count * self.extent]);
        let row = b.emit_one(Iota { dtype, shape: [count].into(), axis: 0 }, &[]);
        let extent = b.constant_like(row, self.extent as f64);
        let start = b.mul(row, extent);
        let start = b.reshape(start, self.rows.as_slice());
        let start =
            b.emit_one(BroadcastInDim { shape: self.shape.clone(), dims: (0..rank).collect() }, &[start]);
        let low = b.full(dtype, &self.shape, 0.0);
        let high = b.full(dtype, &self.shape, self.extent as f64);
        let scan = Scan {
            body: self.step(&b.aval(flat), &b.aval(query), dtype).into(),
            length: (usize::BITS - self.extent.leading_zeros()) as usize,
            consts: 3,
            carries: 2,
            reverse: false,
            rest: Params::new().with("unroll", Value::Int(1)),
        };
        b.emit(scan, &[flat, query, start, low, high])[1]
    }

    /// `flat query start low high -> low high`.
    fn step(&self, flat: &Aval, query: &Aval, dtype: DType) -> crate::ir::Program {
        let state = Aval::new(dtype, self.shape.clone());
        let mut b = Builder::new();
        let [flat, query, start, low, high] =
            [flat, query, &state, &state, &state].map(|aval| Atom::from(b.input(aval.clone())));
        let width = b.sub(high, low);
        let two = b.constant_like(width, 2.0);
        let half = b.div(width, two);
        let middle = b.add(low, half);
        let at = b.add(start, middle);
        let at = b.expand_dims(at, &[self.shape.rank()]);
        let gather = Gather {
            numbers: DimensionNumbers {
                window_axes: Vec::new(),
                collapsed: vec![0],
                index_map: vec![0],
                operand_batch: Vec::new(),
                indices_batch: Vec::new(),
            },
            slice_sizes: vec![1],
            // An empty interval may stand behind the last row; it stays as it is.
            mode: Mode::Clip,
            fill: None,
            indices_are_sorted: false,
            unique_indices: false,
        };
        let element = b.emit_one(gather, &[flat, at]);
        let is_before = self.is_before(&mut b, query, element);
        let (low, high) = (b.select(is_before, low, middle), b.select(is_before, middle, high));
        b.finish(vec![low, high])
    }

    /// Does the query belong before the element?
    fn is_before(&self, b: &mut Builder, query: Atom, element: Atom) -> Atom {
        let kind = if self.is_left { CompareKind::Le } else { CompareKind::Lt };
        let is_before = b.compare(kind, query, element);
        if !b.dtype(element).is_float() {
            return is_before;
        }
        // NaN is the greatest number, and equal to itself.
        let mut is_last = b.compare(CompareKind::Ne, element, element);
        if !self.is_left {
            let is_number = b.compare(CompareKind::Eq, query, query);
            is_last = b.binary(BinaryKind::And, is_last, is_number);
        }
        b.binary(BinaryKind::Or, is_before, is_last)
    }

    fn index_dtype(&self) -> DType {
        index_dtype(self.rows.iter().product::<usize>().saturating_mul(self.extent))
    }
}

/// The dtype that holds positions up to `count`.
fn index_dtype(count: usize) -> DType {
    if count < i32::MAX as usize { DType::I32 } else { DType::I64 }
}

/// The indices of the first `size` elements that are not zero, one result per axis of `axes`; fill values, else zero,
/// where there are fewer.
///
/// Shapes: array [b.. and n.., n at `axes`], a fill value per axis or none -> [b.., size], as many as `axes`.
///
/// Source: JAX jnp.nonzero (since 0.12).
pub(super) fn nonzero(b: &mut Builder, cx: &Source, x: &[Atom]) -> Result<Vec<Atom>, TypeError> {
    let array = cx.operands.first().ok_or_else(|| TypeError::new("expected an array, found no operand"))?;
    let (size, dtype) = (cx.params.size("size")?, cx.params.dtype("out_dtype")?);
    let mut axes = cx.params.sizes("axes")?;
    axes.sort_unstable();
    let count = axes.len();
    axes.dedup();
    if axes.len() != count || axes.last().is_some_and(|&axis| axis >= array.rank()) {
        return Err(TypeError(format!("parameter axes: expected different axes of {array}")));
    }
    if !dtype.is_integer() || array.dtype.kind() == Kind::Key {
        return Err(TypeError::new("expected numbers, and integers as results"));
    }
    let batch: Vec<usize> = (0..array.rank()).filter(|axis| !axes.contains(axis)).collect();
    let extents: Vec<usize> = axes.iter().map(|&axis| array.shape[axis]).collect();
    let batch_shape: Vec<usize> = batch.iter().map(|&axis| array.shape[axis]).collect();
    let result = Aval::new(dtype, [batch_shape.as_slice(), &[size]].concat());
    let fills = &cx.operands[1..];
    if !fills.is_empty() && fills.len() != count {
        return Err(TypeError(format!("expected {count} fill values, found {}", fills.len())));
    }
    if let Some(wrong) =
        fills.iter().find(|fill| fill.dtype != dtype || !stretches(&fill.shape, &batch_shape))
    {
        return Err(TypeError(format!("expected fill values that broadcast to {result}, found {wrong}")));
    }
    let elements: usize = extents.iter().product();
    if elements == 0 || size == 0 || result.shape.element_count() == 0 {
        return Ok(axes.iter().map(|_| b.zeros(&result)).collect());
    }
    let order: Vec<usize> = batch.iter().chain(&axes).copied().collect();
    let array = b.permute_axes(x[0], &order);
    let flat = b.reshape(array, [batch_shape.as_slice(), &[elements]].concat());
    let positions = first_positions(b, flat, size);
    let missing = b.constant_like(positions, elements as f64);
    let is_missing = b.compare(CompareKind::Eq, positions, missing);
    let mut strides = vec![1; count];
    for at in (1..count).rev() {
        strides[at - 1] = strides[at] * extents[at];
    }
    let index = |at: usize| {
        let (stride, extent) =
            (b.constant_like(positions, strides[at] as f64), b.constant_like(positions, extents[at] as f64));
        let index = b.div(positions, stride);
        let index = b.binary(BinaryKind::Rem, index, extent);
        let index = b.convert(index, dtype);
        let fill = match x.get(1 + at) {
            Some(&fill) => stretched(b, fill, &result.shape),
            None => b.zeros(&result),
        };
        b.select(is_missing, fill, index)
    };
    Ok((0..count).map(index).collect())
}

/// Does the shape broadcast to these extents, its last axis being theirs?
fn stretches(shape: &Shape, extents: &[usize]) -> bool {
    let own = shape.extents();
    own.len() <= extents.len()
        && own.iter().rev().zip(extents.iter().rev()).all(|(own, extent)| own == extent || *own == 1)
}

/// A fill value of batch axes along a new last axis.
fn stretched(b: &mut Builder, fill: Atom, shape: &Shape) -> Atom {
    let rank = b.aval(fill).rank();
    let first = shape.rank() - 1 - rank;
    b.broadcast_in_dim(fill, shape.clone(), &(first..first + rank).collect::<Vec<usize>>())
}

/// The positions along the last axis of the first `size` elements that are not zero, then the extent of that axis.
fn first_positions(b: &mut Builder, flat: Atom, size: usize) -> Atom {
    let Aval { dtype, shape } = b.aval(flat);
    let (axis, extent) = (shape.rank() - 1, shape[shape.rank() - 1]);
    let is_there = if dtype == DType::Bool {
        flat
    } else {
        let zero = b.constant_like(flat, 0.0);
        b.compare(CompareKind::Ne, flat, zero)
    };
    let position = b.emit_one(Iota { dtype: index_dtype(extent), shape: shape.clone(), axis }, &[]);
    let missing = b.full(index_dtype(extent), &shape, extent as f64);
    let key = b.select(is_there, position, missing);
    let sorted = b.emit_one(Sort { axis, num_keys: 1, is_stable: true }, &[key]);
    let kept = size.min(extent);
    let first = b.emit_one(Slice::along(&shape, axis, 0, kept), &[sorted]);
    if size == kept {
        return first;
    }
    let mut config = vec![(0, 0, 0); shape.rank()];
    config[axis].1 = (size - kept) as i64;
    let missing = b.constant_like(first, extent as f64);
    b.emit_one(Pad { config }, &[first, missing])
}
