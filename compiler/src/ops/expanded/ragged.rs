//! Products of matrices of which one has ragged groups.

use super::super::contraction::{DotGeneral, four_lists};
use super::super::elementwise::{BinaryKind, CompareKind};
use super::super::reduction::{Cumulative, CumulativeKind};
use super::super::shape::Iota;
use super::{Meaning, Source, emit};
use crate::diag::Diagnostic;
use crate::ir::{Atom, Builder, Value};
use crate::types::{Kind, Shape};

/// `ragged_dot_general lhs rhs group_sizes`: groups of consecutive rows of the ragged axis of the lhs.
///
/// Shapes: ragged free axis: lhs [m, k], rhs [g, k, n] -> [m, n], zero in rows of no group; ragged contracted axis:
/// lhs [m, k], rhs [m, n] -> [g, k, n]. Source: JAX lax.ragged_dot_general.
pub(super) fn meaning(source: &Source) -> Option<Meaning> {
    (source.name == "ragged_dot_general").then(|| source.of_numbers().and_then(|()| ragged(source)))
}

fn ragged(source: &Source) -> Meaning {
    if source.params.get("group_offset").is_some() {
        return Err(source.unsupported("group_offset is not supported"));
    }
    let [lhs, rhs, sizes] = source.expect::<3>()?;
    let numbers = source.params.require("ragged_dot_dimension_numbers")?;
    let wrong = || source.wrong(format!("expected ragged dimension numbers, found {numbers}"));
    let list = |name, position| numbers.field(name, position).and_then(Value::sizes).ok_or_else(wrong);
    let dot = numbers.field("dot_dimension_numbers", 0).and_then(four_lists).ok_or_else(wrong)?;
    let [lhs_contract, rhs_contract, lhs_batch, rhs_batch] = dot;
    let (ragged, group) = (list("lhs_ragged_dimensions", 1)?, list("rhs_group_dimensions", 2)?);
    if !lhs_batch.is_empty() || !rhs_batch.is_empty() || sizes.rank() != 1 || ragged.len() != 1 {
        return Err(source.unsupported("batch axes are not supported yet"));
    }
    if !matches!(sizes.dtype.kind(), Kind::Signed | Kind::Unsigned) || ragged[0] >= lhs.rank() {
        return Err(wrong());
    }
    let in_bounds = |axes: &[usize], rank: usize| axes.iter().all(|&axis| axis < rank);
    if !in_bounds(&lhs_contract, lhs.rank()) || !in_bounds(&[&rhs_contract[..], &group].concat(), rhs.rank())
    {
        return Err(wrong());
    }
    let preferred = source.params.get("preferred_element_type");
    let preferred = preferred.map(|_| source.params.dtype("preferred_element_type")).transpose()?;
    let (mut b, inputs) = source.inputs();
    let by_group = masked(&mut b, inputs[0], inputs[2], ragged[0])?;
    let mut lhs_axes: Vec<usize> = lhs_contract.iter().map(|axis| axis + 1).collect();
    let mut rhs_axes = rhs_contract.clone();
    match (lhs_contract.contains(&ragged[0]), &group[..]) {
        (false, &[group]) => {
            lhs_axes.push(0);
            rhs_axes.push(group);
        }
        (true, []) => {}
        _ => return Err(wrong()),
    }
    let product = DotGeneral { preferred, ..DotGeneral::contracting(&lhs_axes, &rhs_axes) };
    let product = emit(&mut b, product, &[by_group, inputs[1]])?;
    Ok(b.finish(vec![product]))
}

/// One copy of `x` per group along a new first axis, zero outside the group.
fn masked(b: &mut Builder, x: Atom, sizes: Atom, axis: usize) -> Result<Atom, Diagnostic> {
    let aval = b.aval(x);
    let (groups, rows, dtype) = (b.aval(sizes).shape[0], aval.shape[axis], b.dtype(sizes));
    let ends = emit(b, Cumulative { kind: CumulativeKind::Sum, axis: 0, reverse: false }, &[sizes])?;
    let starts = b.sub(ends, sizes);
    let shape = Shape::from(vec![groups, rows]);
    let row = emit(b, Iota { dtype, shape: shape.clone(), axis: 1 }, &[])?;
    let [starts, ends] = [starts, ends].map(|bounds| b.broadcast_in_dim(bounds, shape.clone(), &[0]));
    let (begun, open) = (b.compare(CompareKind::Ge, row, starts), b.compare(CompareKind::Lt, row, ends));
    let inside = b.binary(BinaryKind::And, begun, open);
    let full = aval.shape.inserted(0, groups);
    let inside = b.broadcast_in_dim(inside, full.clone(), &[0, axis + 1]);
    let (copies, zero) = (b.repeated(x, groups), b.full(aval.dtype, &full, 0.0));
    Ok(b.select(inside, copies, zero))
}
