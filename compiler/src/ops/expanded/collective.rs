//! Collectives over positional axes, as JAX prints them once it has batched, and over several axes at once.

use super::super::collective::{Collective, CollectiveKind};
use super::super::reduction::{Reduce, ReduceKind};
use super::{Meaning, Source, emit};
use crate::ir::Value;

/// `psum[axes=('i', 0)]`: a fold of dimension 0, then one over the axis `i`; of each operand.
pub(super) fn meaning(source: &Source) -> Option<Meaning> {
    let (fold, kind) = match source.name {
        "psum" => (ReduceKind::Sum, CollectiveKind::Sum),
        "pmax" => (ReduceKind::Max, CollectiveKind::Max),
        "pmin" => (ReduceKind::Min, CollectiveKind::Min),
        "all_gather" | "reduce_scatter" | "all_to_all" => {
            if has_groups(source) {
                return Some(Err(groups(source)));
            }
            let (split, concat) = (source.params.size("split_axis"), source.params.size("concat_axis"));
            let is_tiled = source.params.bool("tiled") == Ok(true);
            // Where the two axes differ, JAX prints a tiled exchange under the name of the other one.
            if source.name == "all_to_all" && (is_tiled || split != concat) {
                return Some(Err(
                    source.unsupported("only untiled exchanges along one axis are supported yet")
                ));
            }
            return None;
        }
        _ => return None,
    };
    if let Err(error) = source.of_numbers() {
        return Some(Err(error));
    }
    if has_groups(source) {
        return Some(Err(groups(source)));
    }
    let axes = match source.params.get("axes") {
        Some(Value::Tuple(axes)) => axes,
        _ => return None,
    };
    let is_name = |axis: &&Value| matches!(axis, Value::Str(_) | Value::Name(_));
    // One operand over one named axis is the primitive itself.
    if axes.len() == 1 && axes.iter().all(|axis| is_name(&axis)) && source.operands.len() == 1 {
        return None;
    }
    Some(folded(source, axes, fold, kind))
}

fn has_groups(source: &Source) -> bool {
    source.params.get("axis_index_groups").is_some()
}

fn groups(source: &Source) -> crate::diag::Diagnostic {
    source.unsupported("groups of lanes (axis_index_groups) are not supported")
}

fn folded(source: &Source, axes: &[Value], fold: ReduceKind, kind: CollectiveKind) -> Meaning {
    let mut positions = Vec::new();
    let mut names = Vec::new();
    for axis in axes {
        match axis {
            Value::Str(name) | Value::Name(name) => names.push(name),
            Value::Int(axis) => match usize::try_from(*axis) {
                Ok(axis) => positions.push(axis),
                Err(_) => return Err(source.wrong(format!("expected axes, found {axis}"))),
            },
            other => return Err(source.wrong(format!("expected axes, found {other}"))),
        }
    }
    let (mut b, inputs) = source.inputs();
    let mut outputs = Vec::new();
    for mut x in inputs {
        if !positions.is_empty() {
            x = emit(&mut b, Reduce { kind: fold, axes: positions.clone() }, &[x])?;
        }
        for name in &names {
            x = emit(&mut b, Collective::over(name, kind.clone()), &[x])?;
        }
        outputs.push(x);
    }
    Ok(b.finish(outputs))
}
