//! Products of sparse and dense arrays, and the solution of sparse systems.

use super::super::contraction::{DotGeneral, four_lists};
use super::super::linalg;
use super::super::reduction::{Reduce, ReduceKind};
use super::sparse::{Layout, columns, densified, extracted, index_pairs, layout, shape_of};
use super::{Meaning, Source, emit};
use crate::diag::Diagnostic;
use crate::ir::{Atom, Builder};
use crate::types::{DType, Shape};

/// Source: JAX bcoo_dot_general, bcoo_dot_general_sampled, bcsr_dot_general, coo_matvec, csr_matvec, spsolve and their kin.
pub(super) fn meaning(source: &Source) -> Option<Meaning> {
    let read: fn(&Source) -> Meaning = match source.name {
        "bcoo_dot_general" => bcoo_product,
        "bcoo_dot_general_sampled" => sampled,
        "bcsr_dot_general" => rows_product,
        "coo_matvec" | "coo_matmat" | "csr_matvec" | "csr_matmat" => matrix_product,
        "spsolve" => solve,
        _ => return None,
    };
    Some(source.of_numbers().and_then(|()| read(source)))
}

fn numbers(source: &Source) -> Result<DotGeneral, Diagnostic> {
    let value = source.params.require("dimension_numbers")?;
    let lists = four_lists(value).ok_or_else(|| source.wrong(format!("expected axes, found {value}")))?;
    let [lhs_contract, rhs_contract, lhs_batch, rhs_batch] = lists;
    let preferred = source.params.get("preferred_element_type");
    let preferred = preferred.map(|_| source.params.dtype("preferred_element_type")).transpose()?;
    let dot = DotGeneral::contracting(&lhs_contract, &rhs_contract).batched(&lhs_batch, &rhs_batch);
    Ok(DotGeneral { preferred, ..dot })
}

fn bcoo_product(source: &Source) -> Meaning {
    let [data, indices, _] = source.expect::<3>()?;
    let shape = shape_of(source, "lhs_spinfo")?;
    let layout = layout(source, Some(data), indices, &shape)?;
    let dot = numbers(source)?;
    let (mut b, inputs) = source.inputs();
    let result = product(&mut b, &layout, [inputs[0], inputs[1], inputs[2]], &shape, &dot)?;
    Ok(b.finish(vec![result]))
}

fn rows_product(source: &Source) -> Meaning {
    let [data, ..] = source.expect::<4>()?;
    let shape = shape_of(source, "lhs_spinfo")?;
    let dot = numbers(source)?;
    let (mut b, inputs) = source.inputs();
    let indices = index_pairs(source, &mut b, &inputs)?;
    let layout = layout(source, Some(data), &b.aval(indices), &shape)?;
    let result = product(&mut b, &layout, [inputs[0], indices, inputs[3]], &shape, &dot)?;
    Ok(b.finish(vec![result]))
}

fn matrix_product(source: &Source) -> Meaning {
    let [data, ..] = source.expect::<4>()?;
    let shape = shape_of(source, "spinfo")?;
    let axis = usize::from(!source.params.bool("transpose")?);
    let (mut b, inputs) = source.inputs();
    let indices = index_pairs(source, &mut b, &inputs)?;
    let layout = layout(source, Some(data), &b.aval(indices), &shape)?;
    let dot = DotGeneral::contracting(&[axis], &[0]);
    let result = product(&mut b, &layout, [inputs[0], indices, inputs[3]], &shape, &dot)?;
    Ok(b.finish(vec![result]))
}

/// Of a sparse and a dense array: by rows of the dense one where all axes are sparse, else through a dense copy.
fn product(
    b: &mut Builder,
    layout: &Layout,
    [data, indices, rhs]: [Atom; 3],
    shape: &Shape,
    dot: &DotGeneral,
) -> Result<Atom, Diagnostic> {
    // The types of the dense product are those of the sparse one.
    let avals = [b.aval(data).with_shape(shape.clone()), b.aval(rhs)];
    let result = super::super::Op::from(dot.clone()).infer(&avals)?.remove(0);
    let is_plain = layout.batch == 0 && layout.sparse == shape.rank() && dot.lhs_batch.is_empty();
    if !is_plain || avals[0].dtype != avals[1].dtype || result.dtype != avals[0].dtype {
        let dense = densified(b, layout, data, indices, shape)?;
        return emit(b, dot.clone(), &[dense, rhs]);
    }
    let free = dot.lhs_free(shape.rank());
    let rows = rows_of(b, rhs, &dot.rhs_contract, indices, &dot.lhs_contract)?;
    let row_shape = b.aval(rows).shape;
    let weights = b.broadcast_in_dim(data, row_shape, &[0]);
    let terms = b.mul(weights, rows);
    let targets = columns(b, indices, &free)?;
    densified(b, &Layout { batch: 0, sparse: free.len() }, terms, targets, &result.shape)
}

/// For each index vector, the part of `x` at which `axes` have these components of it: [n, the other axes..].
fn rows_of(
    b: &mut Builder,
    x: Atom,
    axes: &[usize],
    indices: Atom,
    components: &[usize],
) -> Result<Atom, Diagnostic> {
    let others = (0..b.aval(x).rank()).filter(|axis| !axes.contains(axis));
    let order: Vec<usize> = axes.iter().copied().chain(others).collect();
    let x = b.permute_axes(x, &order);
    let picked = columns(b, indices, components)?;
    extracted(b, &Layout { batch: 0, sparse: axes.len() }, picked, x)
}

/// The elements of a dense product at the indices.
fn sampled(source: &Source) -> Meaning {
    let [lhs, rhs, indices] = source.expect::<3>()?;
    let dot = numbers(source)?;
    let result = super::super::Op::from(dot.clone()).infer(&[lhs.clone(), rhs.clone()])?.remove(0);
    let layout = layout(source, None, indices, &result.shape)?;
    let (mut b, inputs) = source.inputs();
    let is_plain = layout.batch == 0 && layout.sparse == result.rank() && dot.lhs_batch.is_empty();
    if !is_plain || lhs.dtype != rhs.dtype {
        let dense = emit(&mut b, dot, &[inputs[0], inputs[1]])?;
        let data = extracted(&mut b, &layout, inputs[2], dense)?;
        return Ok(b.finish(vec![data]));
    }
    let lhs_free = dot.lhs_free(lhs.rank());
    let rhs_free = dot.swapped().lhs_free(rhs.rank());
    let of_lhs: Vec<usize> = (0..lhs_free.len()).collect();
    let of_rhs: Vec<usize> = (lhs_free.len()..result.rank()).collect();
    let rows = rows_of(&mut b, inputs[0], &lhs_free, inputs[2], &of_lhs)?;
    let cols = rows_of(&mut b, inputs[1], &rhs_free, inputs[2], &of_rhs)?;
    let rows = paired(&mut b, rows, &dot.lhs_contract);
    let cols = paired(&mut b, cols, &dot.rhs_contract);
    let terms = b.mul(rows, cols);
    let axes: Vec<usize> = (1..=dot.lhs_contract.len()).collect();
    let data = emit(&mut b, Reduce { kind: ReduceKind::Sum, axes }, &[terms])?;
    Ok(b.finish(vec![data]))
}

/// Axes 1.., which are the contracted ones in ascending order, in the order of the pairs.
fn paired(b: &mut Builder, x: Atom, contract: &[usize]) -> Atom {
    let rank = |axis: &usize| 1 + contract.iter().filter(|other| *other < axis).count();
    let order: Vec<usize> = std::iter::once(0).chain(contract.iter().map(rank)).collect();
    b.permute_axes(x, &order)
}

/// `spsolve data columns starts rhs`, by a dense copy of the matrix.
fn solve(source: &Source) -> Meaning {
    let [data, columns, _, rhs] = source.expect::<4>()?;
    let n = rhs.shape.extents().first().copied().unwrap_or(0);
    let is_fit = rhs.rank() == 1 && data.rank() == 1 && columns.rank() == 1 && data.dtype == rhs.dtype;
    if !is_fit || !matches!(data.dtype, DType::F32 | DType::F64 | DType::C64 | DType::C128) {
        return Err(source.wrong(format!("expected vectors of one dtype, found {data} and {rhs}")));
    }
    let (mut b, inputs) = source.inputs();
    let indices = index_pairs(source, &mut b, &inputs)?;
    let shape = Shape::from([n, n]);
    let layout = layout(source, Some(data), &b.aval(indices), &shape)?;
    let dense = densified(&mut b, &layout, inputs[0], indices, &shape)?;
    let rhs = b.expand_dims(inputs[3], &[1]);
    let x = linalg::algebra::solve(&mut b, dense, rhs);
    let x = b.reshape(x, [n]);
    Ok(b.finish(vec![x]))
}
