//! Gathers, scatters and slices at computed positions.

use super::reduction::monoid;
use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Region, Type, Value};
use crate::ir::{Atom, Body, Program, prune};
use crate::ops::Op;
use crate::ops::indexing::{
    DimensionNumbers, DynamicSlice, DynamicUpdateSlice, Gather, Mode, Scatter, ScatterKind,
};
use crate::ops::reduction::ReduceKind;
use crate::ops::rules::Rule;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::shape::Reshape;
use crate::types::{Aval, DType, Kind, Literal, Shape};

/// Reads an operation at computed positions.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    let result = match cx.op.name.as_str() {
        "stablehlo.dynamic_slice" => {
            cx.sizes("slice_sizes").and_then(|sizes| cx.emit(DynamicSlice { sizes }, operands))
        }
        "stablehlo.dynamic_update_slice" => cx.emit(DynamicUpdateSlice, operands),
        "stablehlo.gather" => cx.sizes("slice_sizes").and_then(|sizes| gather(cx, operands, sizes)),
        "stablehlo.dynamic_gather" => gather_of_known(cx, operands),
        "stablehlo.scatter" => scatter(cx, operands),
        _ => return None,
    };
    Some(result)
}

/// The names of the fields, in the order of [`DimensionNumbers`].
const GATHER: [&str; 5] = [
    "offset_dims",
    "collapsed_slice_dims",
    "start_index_map",
    "operand_batching_dims",
    "start_indices_batching_dims",
];
const SCATTER: [&str; 5] = [
    "update_window_dims",
    "inserted_window_dims",
    "scatter_dims_to_operand_dims",
    "input_batching_dims",
    "scatter_indices_batching_dims",
];

fn gather_of_known(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [operand, indices, sizes] = cx.operands(operands)?;
    let sizes = cx.known_sizes(sizes)?;
    gather(cx, &[operand, indices], sizes)
}

fn gather(cx: &mut Import, operands: &[Atom], slice_sizes: Vec<usize>) -> Result<Vec<Atom>, Diagnostic> {
    let [operand, indices] = cx.operands(operands)?;
    let (numbers, vector_axis) = numbers(cx, "dimension_numbers", &GATHER)?;
    let indices = vectors_last(cx, indices, vector_axis)?;
    let op = Gather {
        numbers,
        slice_sizes,
        mode: Mode::Clip,
        fill: None,
        indices_are_sorted: cx.op.attributes.flag("indices_are_sorted"),
        unique_indices: false,
    };
    cx.emit(op, &[operand, indices])
}

fn scatter(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let count = operands.len() / 2;
    if count == 0 || operands.len() != 2 * count + 1 {
        let found = operands.len();
        return Err(Diagnostic::error(format!(
            "expected arrays, indices and updates, found {found} operands"
        )));
    }
    let (numbers, vector_axis) = numbers(cx, "scatter_dimension_numbers", &SCATTER)?;
    let indices = vectors_last(cx, operands[count], vector_axis)?;
    let updates = match count {
        1 => vec![update(cx, 0, cx.builder.dtype(operands[0]))?],
        _ => updates(&*cx.body(0)?, count)?,
    };
    let mut results = Vec::new();
    for (array, (kind, update)) in updates.into_iter().enumerate() {
        let op = Scatter {
            kind,
            numbers: numbers.clone(),
            mode: Mode::FillOrDrop,
            indices_are_sorted: cx.op.attributes.flag("indices_are_sorted"),
            unique_indices: cx.op.attributes.flag("unique_indices"),
            update,
        };
        let operands = [operands[array], indices, operands[count + 1 + array]];
        results.push(cx.emit_one(op, &operands)?);
    }
    Ok(results)
}

/// What a computation of updates of several arrays does with each of them. Errors: an array depends on others.
fn updates(body: &Program, count: usize) -> Result<Vec<(ScatterKind, Vec<Body>)>, Diagnostic> {
    let of = |array: usize| {
        let (old, new) = (*body.inputs.get(array)?, *body.inputs.get(count + array)?);
        let output = *body.outputs.get(array)?;
        if output == Atom::Var(new) {
            return Some((ScatterKind::Set, Vec::new()));
        }
        let update = Program { inputs: vec![old, new], outputs: vec![output], ..body.clone() };
        let update = prune::closed(update)?;
        Some(match operation(&update) {
            Some(kind) => (kind, Vec::new()),
            None => (ScatterKind::Set, vec![update.into()]),
        })
    };
    let all: Option<Vec<_>> = (0..count).map(of).collect();
    all.ok_or_else(|| Diagnostic::unsupported("scatters of several arrays that depend on each other"))
}

/// The one operation on numbers that an update is.
fn operation(update: &Program) -> Option<ScatterKind> {
    let [eqn] = update.equations.as_slice() else { return None };
    let Op::Binary(binary) = &eqn.op else { return None };
    let [old, new] = [Atom::Var(update.inputs[0]), Atom::Var(update.inputs[1])];
    let is_number = update.output_avals()[0].dtype != DType::Bool;
    let of_both = |commutes: bool| eqn.operands == [old, new] || commutes && eqn.operands == [new, old];
    let kind = ScatterKind::ALL.into_iter().find(|kind| kind.binary() == Some(binary.0))?;
    (is_number && of_both(kind != ScatterKind::Sub)).then_some(kind)
}

/// What a region does with old elements and their updates.
pub fn update(cx: &mut Import, region: usize, dtype: DType) -> Result<(ScatterKind, Vec<Body>), Diagnostic> {
    match cx.op.regions.get(region).and_then(|region| kind(region, dtype)) {
        Some(kind) => Ok((kind, Vec::new())),
        None => Ok((ScatterKind::Set, vec![cx.body(region)?])),
    }
}

/// What a computation of updates does, if it is no more than one operation.
fn kind(region: &Region, dtype: DType) -> Option<ScatterKind> {
    let (old, new) = (*region.arguments.first()?, *region.arguments.get(1)?);
    match region.ops.as_slice() {
        [last] if last.operands == [new] => return Some(ScatterKind::Set),
        [op, last]
            if op.name == "stablehlo.subtract"
                && op.operands == [old, new]
                && op.results == last.operands =>
        {
            return Some(ScatterKind::Sub);
        }
        _ => {}
    }
    if dtype == DType::Bool {
        return None;
    }
    match monoid(region, dtype)?.0 {
        ReduceKind::Sum => Some(ScatterKind::Add),
        ReduceKind::Prod => Some(ScatterKind::Mul),
        ReduceKind::Min => Some(ScatterKind::Min),
        ReduceKind::Max => Some(ScatterKind::Max),
        ReduceKind::And | ReduceKind::Or | ReduceKind::Xor => None,
    }
}

/// The dimension numbers, and the axis of the indices along which the index vectors lie.
fn numbers(cx: &Import, attribute: &str, names: &[&str; 5]) -> Result<(DimensionNumbers, usize), Diagnostic> {
    let fields = cx.op.attributes.fields(attribute).ok_or_else(|| cx.missing(attribute, "axes"))?;
    let list = |position: usize| match fields.get(names[position]) {
        None => Ok(Vec::new()),
        Some(_) => {
            let axes = fields.sizes(names[position]);
            axes.ok_or_else(|| Diagnostic::error(format!("{}: expected axes", names[position])))
        }
    };
    let numbers = DimensionNumbers {
        window_axes: list(0)?,
        collapsed: list(1)?,
        index_map: list(2)?,
        operand_batch: list(3)?,
        indices_batch: list(4)?,
    };
    // Fields that are zero are left out.
    Ok((numbers, fields.size("index_vector_dim").unwrap_or(0)))
}

/// The indices with their index vectors along the last axis: there may be an axis of their own anywhere, or none.
fn vectors_last(cx: &mut Import, indices: Atom, axis: usize) -> Result<Atom, Diagnostic> {
    let shape = cx.builder.aval(indices).shape;
    let rank = shape.rank();
    if axis == rank {
        return cx.emit_one(Reshape { shape: shape.inserted(rank, 1) }, &[indices]);
    }
    if axis > rank {
        return Err(Diagnostic::error(format!("index_vector_dim: expected at most {rank}, found {axis}")));
    }
    Ok(cx.builder.move_axis(indices, axis, rank - 1))
}

impl DimensionNumbers {
    fn record(&self, name: &str, names: &[&str; 5], vector_axis: usize) -> Attribute {
        let lists =
            [&self.window_axes, &self.collapsed, &self.index_map, &self.operand_batch, &self.indices_batch];
        // The printer of jaxlib wants this order.
        let order = [0, 1, 3, 4, 2];
        let mut fields = Attributes::default();
        for position in order {
            if !lists[position].is_empty() {
                fields.set(names[position], Attribute::numbers(lists[position].iter().copied()));
            }
        }
        Attribute::Record(name.into(), fields.with("index_vector_dim", Attribute::i64(vector_axis as i64)))
    }
}

impl StableHlo for DynamicSlice {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let operands = same_integers(cx, operands, 1);
        let attributes =
            Attributes::default().with("slice_sizes", Attribute::numbers(self.sizes.iter().copied()));
        Ok(cx.same("stablehlo.dynamic_slice", &operands, attributes))
    }
}

impl StableHlo for DynamicUpdateSlice {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let operands = same_integers(cx, operands, 2);
        Ok(cx.same("stablehlo.dynamic_update_slice", &operands, Attributes::default()))
    }
}

/// The start indices, from position `first` on, in one dtype, as StableHLO wants them.
fn same_integers(cx: &mut Export, operands: &[Value], first: usize) -> Vec<Value> {
    let starts = &operands[first..];
    let dtypes: Vec<DType> = starts.iter().map(|&start| cx.aval(start).dtype).collect();
    if dtypes.iter().all(|dtype| *dtype == dtypes[0]) {
        return operands.to_vec();
    }
    let converted = starts.iter().map(|&start| cx.converted(start, DType::I64)).collect::<Vec<_>>();
    [&operands[..first], converted.as_slice()].concat()
}

impl StableHlo for Gather {
    /// A gather of StableHLO moves windows until they fit. Where others are to be left out, the result is masked.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let indices = cx.operands[1].clone();
        let vector_axis = indices.rank() - 1;
        let attributes = Attributes::default()
            .with("dimension_numbers", self.numbers.record("stablehlo.gather", &GATHER, vector_axis))
            .with("indices_are_sorted", Attribute::Bool(self.indices_are_sorted))
            .with("slice_sizes", Attribute::numbers(self.slice_sizes.iter().copied()));
        let gathered = cx.same("stablehlo.gather", operands, attributes)[0];
        if self.mode != Mode::FillOrDrop {
            return Ok(vec![gathered]);
        }
        let result = cx.results[0].clone();
        let operand_shape = cx.operands[0].shape.clone();
        let windows: Vec<usize> = self.numbers.index_map.iter().map(|&axis| self.slice_sizes[axis]).collect();
        let fits = in_bounds(cx, operands[1], &operand_shape, &self.numbers.index_map, &windows)?;
        let index_axes: Vec<i64> = (0..result.rank())
            .filter(|axis| !self.numbers.window_axes.contains(axis))
            .map(|axis| axis as i64)
            .collect();
        let attributes = Attributes::default().with("broadcast_dimensions", Attribute::numbers(index_axes));
        let mask = result.with_dtype(DType::Bool);
        let mask = cx.op("stablehlo.broadcast_in_dim", &[fits], attributes, &[mask])[0];
        let fill = cx.literal(fill_value(self.fill, result.dtype));
        let fill = cx.stretched(fill, &result.shape);
        Ok(vec![cx.plain("stablehlo.select", &[mask, gathered, fill], &result)])
    }
}

/// What stands where a window is left out: see [`Gather::fill`].
fn fill_value(fill: Option<Literal>, dtype: DType) -> Literal {
    if let Some(literal) = fill {
        return match literal.value() {
            crate::types::Scalar::Int(x) => Literal::from_i64(dtype, x as i64),
            value => Literal::from_f64(dtype, value.complex().0),
        };
    }
    match dtype.kind() {
        Kind::Float | Kind::Complex => Literal::from_f64(dtype, f64::NAN),
        Kind::Signed => ReduceKind::Max.identity(dtype),
        Kind::Unsigned => ReduceKind::Min.identity(dtype),
        Kind::Bool | Kind::Key | Kind::Float0 => Literal::from_f64(dtype, 1.0),
    }
}

/// The widest integers of the same kind, which hold every index and every limit.
fn wide(dtype: DType) -> DType {
    if dtype.is_signed() { DType::I64 } else { DType::U64 }
}

/// Does the window at each index vector lie in the operand? Shapes: indices [b.., n] -> bool [b..].
fn in_bounds(
    cx: &mut Export,
    indices: Value,
    operand: &Shape,
    axes: &[usize],
    windows: &[usize],
) -> Rule<Value> {
    let dtype = wide(cx.aval(indices).dtype);
    let wide = cx.converted(indices, dtype);
    let aval = cx.aval(wide);
    let last = aval.rank() - 1;
    let limits = axes.iter().zip(windows).map(|(&axis, &window)| operand[axis] as i64 - window as i64);
    let limits = row(cx, &limits.collect::<Vec<i64>>(), &aval);
    let zero = cx.number(dtype, 0.0);
    let zero = cx.stretched(zero, &aval.shape);
    let truth = aval.with_dtype(DType::Bool);
    let compare = |cx: &mut Export, direction: &str, bound: Value| {
        let direction = Attribute::stablehlo("comparison_direction", direction);
        let attributes = Attributes::default().with("comparison_direction", direction);
        cx.op("stablehlo.compare", &[wide, bound], attributes, std::slice::from_ref(&truth))[0]
    };
    let (above, below) = (compare(cx, "GE", zero), compare(cx, "LE", limits));
    let fits = cx.plain("stablehlo.and", &[above, below], &truth);
    let init = cx.literal(Literal::bool(true));
    let scalar = Aval::scalar(DType::Bool);
    let region = cx.region(&[scalar.clone(), scalar.clone()], |cx, arguments| {
        Ok(vec![cx.plain("stablehlo.and", arguments, &scalar)])
    })?;
    let attributes = Attributes::default().with("dimensions", Attribute::numbers([last]));
    let result = Type::tensor(&truth.with_shape(truth.shape.without(&[last])));
    Ok(cx.function.op("stablehlo.reduce", &[fits, init], attributes, vec![region], vec![result])[0])
}

/// Numbers along the last axis of an array of this type, the same everywhere else.
fn row(cx: &mut Export, numbers: &[i64], aval: &Aval) -> Value {
    let tensor = crate::types::Tensor::from_scalars(
        Aval::new(aval.dtype, [numbers.len()]),
        numbers.iter().map(|&x| Literal::from_i64(aval.dtype, x).value()),
    );
    let ty = crate::hlo::TensorType::new(tensor.aval());
    let data = crate::hlo::DenseData::Elements(std::sync::Arc::new(tensor));
    let row = cx.constant(crate::hlo::Dense { ty, data });
    let attributes =
        Attributes::default().with("broadcast_dimensions", Attribute::numbers([aval.rank() as i64 - 1]));
    cx.op("stablehlo.broadcast_in_dim", &[row], attributes, std::slice::from_ref(aval))[0]
}

impl StableHlo for Scatter {
    /// A scatter of StableHLO leaves windows out that do not fit. Where they are to be moved, the indices are clamped.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let (operand, updates) = (cx.operands[0].clone(), cx.operands[2].clone());
        let indices = match self.mode {
            Mode::FillOrDrop | Mode::PromiseInBounds => operands[1],
            Mode::Clip => self.clamped(cx, operands[1], &operand.shape, &updates.shape),
        };
        let scalar = Aval::scalar(operand.dtype);
        let name = match self.kind {
            ScatterKind::Set => None,
            ScatterKind::Add => Some("stablehlo.add"),
            ScatterKind::Sub => Some("stablehlo.subtract"),
            ScatterKind::Mul => Some("stablehlo.multiply"),
            ScatterKind::Min => Some("stablehlo.minimum"),
            ScatterKind::Max => Some("stablehlo.maximum"),
        };
        let update = self.update.first().cloned();
        let region = cx.region(&[scalar.clone(), scalar.clone()], |cx, arguments| match (name, update) {
            (_, Some(body)) => cx.bodies.inline(cx.function, &body, arguments),
            (Some(name), None) => Ok(vec![cx.plain(name, arguments, &scalar)]),
            (None, None) => Ok(vec![arguments[1]]),
        })?;
        let vector_axis = cx.operands[1].rank() - 1;
        let attributes = Attributes::default()
            .with("indices_are_sorted", Attribute::Bool(self.indices_are_sorted))
            .with(
                "scatter_dimension_numbers",
                self.numbers.record("stablehlo.scatter", &SCATTER, vector_axis),
            )
            .with("unique_indices", Attribute::Bool(self.unique_indices));
        let results = cx.results.iter().map(Type::tensor).collect();
        let operands = [operands[0], indices, operands[2]];
        Ok(cx.function.op("stablehlo.scatter", &operands, attributes, vec![region], results))
    }
}

impl Scatter {
    fn clamped(&self, cx: &mut Export, indices: Value, operand: &Shape, updates: &Shape) -> Value {
        let aval = cx.aval(indices);
        let window = self.numbers.window_extents(operand, updates);
        let limits: Vec<i64> = self
            .numbers
            .index_map
            .iter()
            .map(|&axis| (operand[axis] as i64 - window[axis] as i64).max(0))
            .collect();
        // Limits that the dtype of the indices cannot hold are never exceeded; computing wide costs nothing here.
        let wide_aval = aval.with_dtype(wide(aval.dtype));
        let wide = cx.converted(indices, wide_aval.dtype);
        let limits = row(cx, &limits, &wide_aval);
        let zero = cx.number(wide_aval.dtype, 0.0);
        cx.op("stablehlo.clamp", &[zero, wide, limits], Attributes::default(), &[wide_aval])[0]
    }
}
