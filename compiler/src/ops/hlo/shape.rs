//! Operations that move elements without changing them, and arrays from nothing.

use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Dense, DenseData, TensorType, Value};
use crate::ir::Atom;
use crate::ops::rules::Rule;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::shape::*;
use crate::types::{Aval, Shape};

/// Reads an operation that moves elements.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    let result = match cx.op.name.as_str() {
        "stablehlo.constant" | "chlo.constant" => constant(cx),
        "stablehlo.iota" | "stablehlo.dynamic_iota" => iota(cx),
        "stablehlo.broadcast_in_dim" => broadcast(cx, operands),
        "stablehlo.dynamic_broadcast_in_dim" => broadcast(cx, &operands[..operands.len().min(1)]),
        "stablehlo.reshape" => reshape(cx, operands),
        "stablehlo.dynamic_reshape" => reshape(cx, &operands[..operands.len().min(1)]),
        "stablehlo.transpose" => {
            cx.sizes("permutation").and_then(|permutation| cx.emit(PermuteAxes { permutation }, operands))
        }
        "stablehlo.reverse" => cx.sizes("dimensions").and_then(|axes| cx.emit(Rev { axes }, operands)),
        "stablehlo.slice" => slice(cx, operands),
        "stablehlo.real_dynamic_slice" => slice_of_known(cx, operands),
        "stablehlo.pad" => pad(cx, operands),
        "stablehlo.dynamic_pad" => pad_of_known(cx, operands),
        "stablehlo.concatenate" => {
            cx.size("dimension").and_then(|axis| cx.emit(Concatenate { axis }, operands))
        }
        "stablehlo.broadcast" => broadcast_leading(cx, operands),
        "stablehlo.get_dimension_size" => dimension_size(cx, operands),
        "stablehlo.set_dimension_size" => with_dimension_size(cx, operands),
        _ => return None,
    };
    Some(result)
}

fn constant(cx: &mut Import) -> Result<Vec<Atom>, Diagnostic> {
    let Some(Attribute::Dense(dense)) = cx.op.attributes.get("value") else {
        return Err(cx.missing("value", "an array constant"));
    };
    Ok(vec![cx.bodies.constant(dense, cx.builder)?])
}

/// Of dynamic forms, the result type says what the operand would.
fn iota(cx: &mut Import) -> Result<Vec<Atom>, Diagnostic> {
    let (aval, axis) = (cx.result(0)?, cx.size("iota_dimension")?);
    cx.emit(Iota { dtype: aval.dtype, shape: aval.shape, axis }, &[])
}

fn broadcast(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let (shape, dims) = (cx.result(0)?.shape, cx.sizes("broadcast_dimensions")?);
    if shape.is_scalar() && dims.is_empty() {
        // Constants stay what they are.
        return Ok(vec![cx.operands::<1>(operands)?[0]]);
    }
    cx.emit(BroadcastInDim { shape, dims }, operands)
}

/// Older than `broadcast_in_dim`: the new axes come first.
fn broadcast_leading(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let ([x], sizes) = (cx.operands(operands)?, cx.sizes("broadcast_sizes")?);
    let operand = cx.builder.aval(x).shape;
    let shape: Shape = sizes.iter().chain(operand.extents()).copied().collect();
    let dims = (sizes.len()..shape.rank()).collect();
    cx.emit(BroadcastInDim { shape, dims }, &[x])
}

/// Errors: the axis would get another extent than it has, so that the extents of the result were known at run time alone.
fn with_dimension_size(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let ([x, size], axis) = (cx.operands(operands)?, cx.size("dimension")?);
    let sizes = cx.known_sizes(size)?;
    match cx.builder.aval(x).shape.extents().get(axis) {
        Some(extent) if sizes == [*extent] => Ok(vec![x]),
        Some(extent) => Err(Diagnostic::unsupported(format!("an axis of extent {extent} cut to {sizes:?}"))),
        None => Err(Diagnostic::error(format!("dimension {axis} is out of range"))),
    }
}

/// A reshape that only removes or only inserts unit axes is what JAX calls `squeeze` or `expand_dims`; the primitives are one
/// in all that matters, so a reshape stays one.
fn reshape(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let shape = cx.result(0)?.shape;
    cx.emit(Reshape { shape }, operands)
}

fn slice(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let (starts, limits) = (cx.sizes("start_indices")?, cx.sizes("limit_indices")?);
    let strides = cx.sizes_or("strides", vec![1; starts.len()])?;
    cx.emit(Slice { starts, limits, strides }, operands)
}

fn slice_of_known(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [x, starts, limits, strides] = cx.operands(operands)?;
    let (starts, limits) = (cx.known_sizes(starts)?, cx.known_sizes(limits)?);
    let strides = cx.known_sizes(strides)?;
    cx.emit(Slice { starts, limits, strides }, &[x])
}

fn pad(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let ends = [cx.ints("edge_padding_low")?, cx.ints("edge_padding_high")?];
    let interior = cx.ints("interior_padding")?;
    padded(cx, operands, ends, interior)
}

fn pad_of_known(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [x, fill, low, high, interior] = cx.operands(operands)?;
    let ends = [cx.known_ints(low)?, cx.known_ints(high)?];
    let interior = cx.known_ints(interior)?;
    padded(cx, &[x, fill], ends, interior)
}

fn padded(
    cx: &mut Import,
    operands: &[Atom],
    [low, high]: [Vec<i64>; 2],
    interior: Vec<i64>,
) -> Result<Vec<Atom>, Diagnostic> {
    if low.len() != high.len() || low.len() != interior.len() {
        return Err(Diagnostic::error("the paddings differ in length"));
    }
    let config = low.iter().zip(&high).zip(&interior).map(|((&low, &high), &interior)| (low, high, interior));
    cx.emit(Pad { config: config.collect() }, operands)
}

fn dimension_size(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [x] = cx.operands(operands)?;
    let (shape, axis) = (cx.builder.aval(x).shape, cx.size("dimension")?);
    match shape.extents().get(axis) {
        Some(&extent) => Ok(vec![Atom::constant(cx.result(0)?.dtype, extent as f64)]),
        None => Err(Diagnostic::error(format!(
            "dimension: expected an axis below {}, found {axis}",
            shape.rank()
        ))),
    }
}

fn numbers(name: &str, values: &[usize]) -> Attributes {
    Attributes::default().with(name, Attribute::numbers(values.iter().copied()))
}

/// The attributes of a slice.
fn ranges(starts: &[usize], limits: &[usize], strides: &[usize]) -> Attributes {
    numbers("start_indices", starts)
        .with("limit_indices", Attribute::numbers(limits.iter().copied()))
        .with("strides", Attribute::numbers(strides.iter().copied()))
}

impl StableHlo for Constant {
    fn to_hlo(&self, cx: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Ok(vec![cx.constant(Dense {
            ty: TensorType::new(self.value.aval()),
            data: DenseData::Elements(self.value.clone()),
        })])
    }
}

impl StableHlo for Empty {
    fn to_hlo(&self, cx: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        let aval = cx.results[0].clone();
        Ok(vec![cx.zeros(&aval)])
    }
}

impl StableHlo for Iota {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let attributes = Attributes::default().with("iota_dimension", Attribute::i64(self.axis as i64));
        Ok(cx.same("stablehlo.iota", operands, attributes))
    }
}

impl StableHlo for BroadcastInDim {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        Ok(cx.same("stablehlo.broadcast_in_dim", operands, numbers("broadcast_dimensions", &self.dims)))
    }
}

impl StableHlo for Reshape {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        Ok(cx.same("stablehlo.reshape", operands, Attributes::default()))
    }
}

impl StableHlo for PermutedReshape {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let operand = cx.operands[0].clone();
        let shape: Shape = self.permutation.iter().map(|&axis| operand.shape[axis]).collect();
        let attributes = numbers("permutation", &self.permutation);
        let permuted = cx.op("stablehlo.transpose", operands, attributes, &[operand.with_shape(shape)]);
        Ok(cx.same("stablehlo.reshape", &permuted, Attributes::default()))
    }
}

impl StableHlo for Squeeze {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        Ok(cx.same("stablehlo.reshape", operands, Attributes::default()))
    }
}

impl StableHlo for ExpandDims {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        Ok(cx.same("stablehlo.reshape", operands, Attributes::default()))
    }
}

impl StableHlo for PermuteAxes {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        Ok(cx.same("stablehlo.transpose", operands, numbers("permutation", &self.permutation)))
    }
}

impl StableHlo for Rev {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        Ok(cx.same("stablehlo.reverse", operands, numbers("dimensions", &self.axes)))
    }
}

impl StableHlo for Slice {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        Ok(cx.same("stablehlo.slice", operands, ranges(&self.starts, &self.limits, &self.strides)))
    }
}

impl StableHlo for Pad {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let part = |part: fn(&(i64, i64, i64)) -> i64| Attribute::numbers(self.config.iter().map(part));
        let attributes = Attributes::default()
            .with("edge_padding_low", part(|config| config.0))
            .with("edge_padding_high", part(|config| config.1))
            .with("interior_padding", part(|config| config.2));
        Ok(cx.same("stablehlo.pad", operands, attributes))
    }
}

impl StableHlo for Concatenate {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let attributes = Attributes::default().with("dimension", Attribute::i64(self.axis as i64));
        Ok(cx.same("stablehlo.concatenate", operands, attributes))
    }
}

/// The piece `start..start + extent` along one axis.
fn piece(cx: &mut Export, operand: Value, axis: usize, start: usize, extent: usize) -> Value {
    let aval = cx.aval(operand);
    let along = Slice::along(&aval.shape, axis, start, extent);
    let shape = aval.shape.without(&[axis]).inserted(axis, extent);
    let attributes = ranges(&along.starts, &along.limits, &along.strides);
    cx.op("stablehlo.slice", &[operand], attributes, &[aval.with_shape(shape)])[0]
}

impl StableHlo for Split {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let mut start = 0;
        let mut pieces = Vec::new();
        for &extent in &self.sizes {
            pieces.push(piece(cx, operands[0], self.axis, start, extent));
            start += extent;
        }
        Ok(pieces)
    }
}

impl StableHlo for Stack {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let shape = cx.operands[0].shape.inserted(self.axis, 1);
        let rows: Vec<Value> = operands.iter().map(|&operand| cx.reshaped(operand, &shape)).collect();
        let attributes = Attributes::default().with("dimension", Attribute::i64(self.axis as i64));
        Ok(cx.same("stablehlo.concatenate", &rows, attributes))
    }
}

impl StableHlo for Unstack {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let results = cx.results.clone();
        let row = |(position, result): (usize, &Aval)| {
            let row = piece(cx, operands[0], self.axis, position, 1);
            cx.reshaped(row, &result.shape)
        };
        Ok(results.iter().enumerate().map(row).collect())
    }
}

impl StableHlo for Tile {
    /// Each axis gets one of its own in front of it, along which it is repeated.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let operand = cx.operands[0].clone();
        let extents = operand.shape.extents();
        let repeated: Shape =
            self.reps.iter().zip(extents).flat_map(|(&count, &extent)| [count, extent]).collect();
        let dims: Vec<usize> = (0..extents.len()).map(|axis| 2 * axis + 1).collect();
        let attributes = numbers("broadcast_dimensions", &dims);
        let repeated =
            cx.op("stablehlo.broadcast_in_dim", operands, attributes, &[operand.with_shape(repeated)]);
        Ok(cx.same("stablehlo.reshape", &repeated, Attributes::default()))
    }
}
