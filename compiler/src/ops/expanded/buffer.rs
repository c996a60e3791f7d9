//! Equinox's buffers of loops: `maybe_set pred xs x i` writes row i.

use super::super::elementwise::CompareKind;
use super::super::indexing::{DimensionNumbers, Gather, Mode, Scatter, ScatterKind};
use super::super::unvmap::SelectIfVmap;
use super::{Meaning, Source, emit};
use crate::diag::Diagnostic;
use crate::ir::{Atom, Builder, Value};
use crate::types::{DType, Kind, Literal};

/// `xs.at[i].set(select_if_vmap(pred, x, xs[i]))`. Source: equinox `maybe_set`.
pub(super) fn meaning(source: &Source) -> Option<Meaning> {
    (source.name == "maybe_set").then(|| maybe_set(source))
}

fn maybe_set(source: &Source) -> Meaning {
    let has_options = !matches!(source.params.get("kwargs"), None | Some(Value::Tuple(_)))
        || matches!(source.params.get("kwargs"), Some(Value::Tuple(options)) if !options.is_empty());
    let [pred, xs, x, index] =
        source.expect::<4>().map_err(|_| source.unsupported("an index that is not one number"))?;
    if pred.dtype != DType::Bool || (!pred.shape.is_scalar() && pred.shape != x.shape) {
        return Err(source.wrong(format!("expected a bool, or one per element of {x}, found {pred}")));
    }
    let is_whole = index.rank() == 0 && matches!(index.dtype.kind(), Kind::Signed | Kind::Unsigned);
    if !is_whole || has_options || source.params.get("i_static").is_some() {
        return Err(source.unsupported("an index that is not one number"));
    }
    if xs.rank() == 0 || xs.shape.extents()[1..] != *x.shape.extents() || xs.dtype != x.dtype {
        return Err(source.wrong(format!("expected a row of {xs}, found {x}")));
    }
    let always = source.is_lane || source.params.bool("makes_false_steps").unwrap_or(false);
    let (mut b, inputs) = source.inputs();
    let (pred, xs, x, index) = (inputs[0], inputs[1], inputs[2], inputs[3]);
    let at = from_the_end(&mut b, xs, index)?;
    let rank = b.aval(xs).rank();
    let numbers = DimensionNumbers {
        window_axes: (0..rank - 1).collect(),
        collapsed: vec![0],
        index_map: vec![0],
        ..DimensionNumbers::default()
    };
    let mut window = b.aval(xs).shape.extents().to_vec();
    window[0] = 1;
    let read = Gather::linear(numbers.clone(), window, Mode::PromiseInBounds);
    let old = emit(&mut b, read, &[xs, at])?;
    let new = if always { b.select(pred, x, old) } else { emit(&mut b, SelectIfVmap, &[pred, x, old])? };
    let write = Scatter {
        kind: ScatterKind::Set,
        numbers,
        mode: Mode::FillOrDrop,
        indices_are_sorted: true,
        unique_indices: true,
        update: Vec::new(),
    };
    let result = emit(&mut b, write, &[xs, at, new])?;
    Ok(b.finish(vec![result]))
}

/// The index as a vector of one; below zero it counts from the end.
fn from_the_end(b: &mut Builder, xs: Atom, index: Atom) -> Result<Atom, Diagnostic> {
    let (dtype, extent) = (b.dtype(index), b.aval(xs).shape[0]);
    let literal = |value: i64| Atom::Literal(Literal::from_i64(dtype, value));
    let wrapped = b.add(index, literal(extent as i64));
    let is_below = b.compare(CompareKind::Lt, index, literal(0));
    let index = b.select(is_below, wrapped, index);
    Ok(b.reshape(index, [1]))
}
