//! Sparse arrays of `jax.experimental.sparse` to and from dense ones.
//!
//! A BCOO array of shape [batch.., sparse.., dense..] is data [batch.., n, dense..] and indices [batch.., n, sparse rank];
//! indices beyond the shape are padding. Indices that repeat add up.

use super::super::elementwise::{CompareKind, Convert};
use super::super::indexing::{DimensionNumbers, Gather, Mode, Scatter, ScatterKind};
use super::super::reduction::{Cumulative, CumulativeKind, Reduce, ReduceKind};
use super::super::shape::{Concatenate, Iota};
use super::{Meaning, Source, emit};
use crate::diag::Diagnostic;
use crate::ir::{Atom, Builder, Value};
use crate::types::{Aval, DType, Kind, Literal, Shape};

/// Source: JAX bcoo_todense, bcoo_extract, bcoo_fromdense, bcoo_transpose, and their BCSR, COO and CSR counterparts.
pub(super) fn meaning(source: &Source) -> Option<Meaning> {
    let read: fn(&Source) -> Meaning = match source.name {
        "bcoo_todense" => todense,
        "bcoo_extract" => extract,
        "bcoo_fromdense" => fromdense,
        "bcoo_transpose" => transpose,
        "bcsr_todense" | "csr_todense" | "coo_todense" => rows_todense,
        _ => return None,
    };
    Some(source.of_numbers().and_then(|()| read(source)))
}

/// The shape of the array, from `spinfo=SparseInfo(shape=..)` under this key, or `shape=`.
pub(super) fn shape_of(source: &Source, key: &str) -> Result<Shape, Diagnostic> {
    let shape = match source.params.get(key) {
        Some(info) => info.field("shape", 0).and_then(Value::sizes),
        None => Some(source.params.sizes("shape")?),
    };
    shape.map(Shape::from).ok_or_else(|| source.wrong(format!("{key} has no shape")))
}

/// How the axes of an array are stored.
pub(super) struct Layout {
    pub batch: usize,
    pub sparse: usize,
}

/// Errors: data and indices do not belong to an array of this shape.
pub(super) fn layout(
    source: &Source,
    data: Option<&Aval>,
    indices: &Aval,
    shape: &Shape,
) -> Result<Layout, Diagnostic> {
    let wrong = || source.wrong(format!("indices {indices} do not fit an array of shape {shape:?}"));
    let extents = indices.shape.extents();
    if extents.len() < 2 || !matches!(indices.dtype.kind(), Kind::Signed | Kind::Unsigned) {
        return Err(wrong());
    }
    let (batch, sparse) = (extents.len() - 2, extents[extents.len() - 1]);
    if batch + sparse > shape.rank() {
        return Err(wrong());
    }
    let batch_extents = &shape.extents()[..batch];
    if batch_extents != &extents[..batch] {
        return Err(source.unsupported("data that all arrays of a batch share are not supported"));
    }
    if let Some(data) = data {
        let dense = &shape.extents()[batch + sparse..];
        let expected = [batch_extents, &[extents[batch]], dense].concat();
        if data.shape.extents() != expected {
            return Err(source.wrong(format!("data {data} do not fit indices {indices}")));
        }
    }
    Ok(Layout { batch, sparse })
}

impl Layout {
    /// The axes of a gather or scatter of the stored elements.
    pub fn numbers(&self, rank: usize) -> DimensionNumbers {
        let batch: Vec<usize> = (0..self.batch).collect();
        let sparse: Vec<usize> = (self.batch..self.batch + self.sparse).collect();
        DimensionNumbers {
            window_axes: (self.batch + 1..rank - self.sparse + 1).collect(),
            collapsed: sparse.clone(),
            index_map: sparse,
            operand_batch: batch.clone(),
            indices_batch: batch,
        }
    }
}

/// Adds the stored elements up in zeros.
pub(super) fn densified(
    b: &mut Builder,
    layout: &Layout,
    data: Atom,
    indices: Atom,
    shape: &Shape,
) -> Result<Atom, Diagnostic> {
    let zeros = b.full(b.dtype(data), shape, 0.0);
    let add = Scatter {
        kind: ScatterKind::Add,
        numbers: layout.numbers(shape.rank()),
        mode: Mode::FillOrDrop,
        indices_are_sorted: false,
        unique_indices: false,
        update: Vec::new(),
    };
    emit(b, add, &[zeros, indices, data])
}

/// The elements of a dense array at the indices; zero for padding.
pub(super) fn extracted(
    b: &mut Builder,
    layout: &Layout,
    indices: Atom,
    dense: Atom,
) -> Result<Atom, Diagnostic> {
    let shape = b.aval(dense).shape;
    let mut window = shape.extents().to_vec();
    window[..layout.batch + layout.sparse].fill(1);
    let read = Gather::linear(layout.numbers(shape.rank()), window, Mode::FillOrDrop);
    emit(b, read, &[dense, indices])
}

fn todense(source: &Source) -> Meaning {
    let [data, indices] = source.expect::<2>()?;
    let shape = shape_of(source, "spinfo")?;
    let layout = layout(source, Some(data), indices, &shape)?;
    let (mut b, inputs) = source.inputs();
    let dense = densified(&mut b, &layout, inputs[0], inputs[1], &shape)?;
    Ok(b.finish(vec![dense]))
}

fn extract(source: &Source) -> Meaning {
    let [indices, dense] = source.expect::<2>()?;
    if source.params.bool("assume_unique") == Ok(false) {
        return Err(source.unsupported("assume_unique=False is not supported"));
    }
    let layout = layout(source, None, indices, &dense.shape)?;
    let (mut b, inputs) = source.inputs();
    let data = extracted(&mut b, &layout, inputs[0], inputs[1])?;
    Ok(b.finish(vec![data]))
}

/// Moves axes within the batch, the sparse and the dense part.
fn transpose(source: &Source) -> Meaning {
    let [data, indices] = source.expect::<2>()?;
    let shape = shape_of(source, "spinfo")?;
    let Layout { batch, sparse } = layout(source, Some(data), indices, &shape)?;
    let permutation = source.params.sizes("permutation")?;
    let mut sorted = permutation.clone();
    sorted.sort_unstable();
    let group = |axis: usize| usize::from(axis >= batch) + usize::from(axis >= batch + sparse);
    let is_permutation = sorted.iter().copied().eq(0..shape.rank());
    if !is_permutation || permutation.iter().enumerate().any(|(to, &from)| group(to) != group(from)) {
        return Err(source.wrong("the permutation mixes batch, sparse and dense axes"));
    }
    let (mut b, inputs) = source.inputs();
    let of_batch = &permutation[..batch];
    let of_dense = permutation[batch + sparse..].iter().map(|axis| axis + 1 - sparse);
    let of_data: Vec<usize> = of_batch.iter().copied().chain([batch]).chain(of_dense).collect();
    let data = b.permute_axes(inputs[0], &of_data);
    let of_indices = [of_batch, &[batch, batch + 1]].concat();
    let indices = b.permute_axes(inputs[1], &of_indices);
    let order: Vec<usize> = permutation[batch..batch + sparse].iter().map(|axis| axis - batch).collect();
    let indices = columns(&mut b, indices, &order)?;
    Ok(b.finish(vec![data, indices]))
}

/// These components of index vectors.
pub(super) fn columns(b: &mut Builder, indices: Atom, order: &[usize]) -> Result<Atom, Diagnostic> {
    use super::super::shape::Slice;
    let shape = b.aval(indices).shape;
    let last = shape.rank() - 1;
    let mut parts = Vec::new();
    for &component in order {
        parts.push(emit(b, Slice::along(&shape, last, component, 1), &[indices])?);
    }
    match parts[..] {
        [] => emit(b, Slice::along(&shape, last, 0, 0), &[indices]),
        [only] => Ok(only),
        _ => emit(b, Concatenate { axis: last }, &parts),
    }
}

/// The first `nse` elements that are not zero, in order, then padding.
fn fromdense(source: &Source) -> Meaning {
    let [dense] = source.expect::<1>()?;
    let [nse, batch, of_dense] = ["nse", "n_batch", "n_dense"].map(|key| source.params.size(key));
    let (nse, batch, of_dense) = (nse?, batch?, of_dense?);
    let dtype = source.params.dtype("index_dtype").unwrap_or(DType::I32);
    let rank = dense.rank();
    if batch + of_dense > rank || !dtype.is_integer() {
        return Err(source.wrong(format!("{dense} has not as many axes")));
    }
    let layout = Layout { batch, sparse: rank - batch - of_dense };
    let (mut b, inputs) = source.inputs();
    let zero = b.full(dense.dtype, &dense.shape, 0.0);
    let is_set = b.compare(CompareKind::Ne, inputs[0], zero);
    let axes: Vec<usize> = (rank - of_dense..rank).collect();
    let is_set = emit(&mut b, Reduce { kind: ReduceKind::Or, axes }, &[is_set])?;
    let indices = positions(&mut b, &layout, is_set, nse, dtype)?;
    let data = extracted(&mut b, &layout, indices, inputs[0])?;
    Ok(b.finish(vec![data, indices]))
}

/// The index vectors of the set elements of a mask [batch.., sparse..]; what is missing lies beyond the shape.
fn positions(
    b: &mut Builder,
    layout: &Layout,
    mask: Atom,
    nse: usize,
    dtype: DType,
) -> Result<Atom, Diagnostic> {
    let shape = b.aval(mask).shape;
    let (batch, sparse) = shape.extents().split_at(layout.batch);
    let count = sparse.iter().product::<usize>();
    let flat = [batch, &[count]].concat();
    let mask = b.reshape(mask, flat.clone());
    let ones = emit(b, Convert { dtype }, &[mask])?;
    let sums =
        emit(b, Cumulative { kind: CumulativeKind::Sum, axis: layout.batch, reverse: false }, &[ones])?;
    let literal = |value: usize| Atom::Literal(Literal::from_i64(dtype, value as i64));
    let place = b.sub(sums, literal(1));
    // What is not set goes beyond the end, where nothing is written.
    let beyond = b.broadcast_in_dim(literal(nse), flat.clone(), &[]);
    let place = b.select(mask, place, beyond);
    let place = b.expand_dims(place, &[layout.batch + 1]);
    let targets = [batch, &[nse]].concat();
    let one_axis = Layout { batch: layout.batch, sparse: 1 };
    let write = Scatter {
        kind: ScatterKind::Set,
        numbers: one_axis.numbers(layout.batch + 1),
        mode: Mode::FillOrDrop,
        indices_are_sorted: false,
        unique_indices: false,
        update: Vec::new(),
    };
    let mut vectors = Vec::new();
    for (axis, &extent) in sparse.iter().enumerate() {
        let position = emit(b, Iota { dtype, shape: shape.clone(), axis: layout.batch + axis }, &[])?;
        let position = b.reshape(position, flat.clone());
        let padding = b.broadcast_in_dim(literal(extent), targets.clone(), &[]);
        let column = emit(b, write.clone(), &[padding, place, position])?;
        vectors.push(b.expand_dims(column, &[layout.batch + 1]));
    }
    match vectors[..] {
        [] => Ok(b.full(dtype, &Shape::from([targets, vec![0]].concat()), 0.0)),
        [only] => Ok(only),
        _ => emit(b, Concatenate { axis: layout.batch + 1 }, &vectors),
    }
}

fn rows_todense(source: &Source) -> Meaning {
    let [data, ..] = source.expect::<3>()?;
    let shape = shape_of(source, "spinfo")?;
    let (mut b, inputs) = source.inputs();
    let indices = index_pairs(source, &mut b, &inputs)?;
    let layout = layout(source, Some(data), &b.aval(indices), &shape)?;
    let dense = densified(&mut b, &layout, inputs[0], indices, &shape)?;
    Ok(b.finish(vec![dense]))
}

/// Index vectors from rows and columns (COO), or from columns and the starts of rows (CSR).
pub(super) fn index_pairs(source: &Source, b: &mut Builder, operands: &[Atom]) -> Result<Atom, Diagnostic> {
    let avals = [1, 2].map(|at| b.aval(operands[at]));
    let is_index =
        |aval: &Aval| aval.rank() == 1 && matches!(aval.dtype.kind(), Kind::Signed | Kind::Unsigned);
    if !avals.iter().all(is_index) {
        return Err(source.unsupported("batches are not supported"));
    }
    let (rows, cols) = match source.name.starts_with("coo") {
        true => (operands[1], operands[2]),
        false => (rows_of(b, operands[2], avals[0].shape[0], avals[0].dtype)?, operands[1]),
    };
    if b.aval(rows) != b.aval(cols) {
        return Err(source.wrong("rows and columns have different types"));
    }
    let [rows, cols] = [rows, cols].map(|x| b.expand_dims(x, &[1]));
    emit(b, Concatenate { axis: 1 }, &[rows, cols])
}

/// The row of each of `count` elements, from where rows start: how many rows end before it.
fn rows_of(b: &mut Builder, starts: Atom, count: usize, dtype: DType) -> Result<Atom, Diagnostic> {
    use super::super::shape::Slice;
    let shape = b.aval(starts).shape;
    if shape[0] == 0 {
        return Err(Diagnostic::error("the starts of rows are missing"));
    }
    let ends = emit(b, Slice::along(&shape, 0, 1, shape[0] - 1), &[starts])?;
    let ends = b.expand_dims(ends, &[1]);
    let one = Atom::Literal(Literal::from_i64(dtype, 1));
    let ones = b.broadcast_in_dim(one, [shape[0] - 1], &[]);
    let steps = densified(b, &Layout { batch: 0, sparse: 1 }, ones, ends, &Shape::from([count]))?;
    emit(b, Cumulative { kind: CumulativeKind::Sum, axis: 0, reverse: false }, &[steps])
}
