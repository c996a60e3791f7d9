//! Windows that slide over arrays: folds under them, and the derivatives of pooling.

use super::indexing::update;
use super::reduction::{joined, monoid, reducer};
use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Dense, DenseData, Region, TensorType, Type, Value};
use crate::ir::inline::inline;
use crate::ir::{Atom, Body, Builder, Program};
use crate::loops::nests::window::WindowAxis;
use crate::ops::Op;
use crate::ops::elementwise::{BinaryKind, CompareKind, UnaryKind};
use crate::ops::indexing::{DimensionNumbers, Mode, Scatter};
use crate::ops::reduction::{Cumulative, CumulativeKind, ReduceKind};
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::rules::{NoRule, Rule};
use crate::ops::shape::Iota;
use crate::ops::windows::{
    Keep, SelectAndGather, SelectAndScatter, Window, WindowFold, WindowKind, WindowReduce,
};
use crate::types::{Aval, DType, Literal, Scalar, Shape, Tensor};

/// Reads an operation with a window.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    match cx.op.name.as_str() {
        "stablehlo.reduce_window" => Some(reduce_window(cx, operands)),
        "stablehlo.select_and_scatter" => Some(select_and_scatter(cx, operands)),
        _ => None,
    }
}

/// The window of the attributes, over arrays of this rank.
fn window(cx: &Import, rank: usize) -> Result<Window, Diagnostic> {
    let ones = || vec![1; rank];
    let extents = cx.sizes("window_dimensions")?;
    let strides = cx.sizes_or("window_strides", ones())?;
    let base = cx.sizes_or("base_dilations", ones())?;
    let dilations = cx.sizes_or("window_dilations", ones())?;
    let padding = padding(cx, rank)?;
    if [extents.len(), strides.len(), base.len(), dilations.len(), padding.len()] != [rank; 5] {
        return Err(Diagnostic::error(format!("expected a window over {rank} axes, those of the array")));
    }
    let axis = |at: usize| WindowAxis {
        extent: extents[at],
        stride: strides[at],
        padding: padding[at],
        base_dilation: base[at],
        window_dilation: dilations[at],
    };
    Ok(Window((0..rank).map(axis).collect()))
}

/// The padding before and after each axis; none where there is no attribute.
pub fn padding(cx: &Import, rank: usize) -> Result<Vec<(i64, i64)>, Diagnostic> {
    if cx.op.attributes.get("padding").is_none() {
        return Ok(vec![(0, 0); rank]);
    }
    Ok(cx.ints("padding")?.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

/// What a window does with padding and holes is XLA's way, which leaves them out; where start values are neutral, as
/// JAX's are, that is the fold over them.
fn reduce_window(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let &x = operands.first().ok_or_else(|| Diagnostic::error("expected an array, found nothing"))?;
    let aval = cx.builder.aval(x);
    let window = window(cx, aval.rank())?;
    let region = reducer(cx)?;
    if let (&[x, init], Some((kind, join))) = (operands, monoid(region, aval.dtype))
        && let Some(op) = one_operation(kind, &window, &aval.shape)
    {
        let folded = cx.emit_one(op, &[x])?;
        return joined(cx, folded, init, kind, join);
    }
    if let Some(op) = select_and_gather(cx, region, &window, operands) {
        return with_selected(cx, op, operands[0], operands[1]);
    }
    let body = cx.body(0)?;
    if let Some(op) = log_sum_exp(cx, &body, &window, operands) {
        return cx.emit(op, &[x]);
    }
    cx.emit(WindowFold { body, window }, operands)
}

/// The primitive that folds by one operation; there is none for every operation.
fn one_operation(kind: ReduceKind, window: &Window, shape: &Shape) -> Option<Op> {
    let (cumulative, windowed) = match kind {
        ReduceKind::Sum => (CumulativeKind::Sum, Some(WindowKind::Sum)),
        ReduceKind::Prod => (CumulativeKind::Prod, None),
        ReduceKind::Max => (CumulativeKind::Max, Some(WindowKind::Max)),
        ReduceKind::Min => (CumulativeKind::Min, Some(WindowKind::Min)),
        ReduceKind::And | ReduceKind::Or | ReduceKind::Xor => return None,
    };
    if let Some((axis, reverse)) = cumulates(window, shape) {
        return Some(Cumulative { kind: cumulative, axis, reverse }.into());
    }
    windowed.map(|kind| WindowReduce { kind, window: window.clone() }.into())
}

/// The axis along which a window reaches from each element to the first one, or, in reverse, to the last.
fn cumulates(window: &Window, shape: &Shape) -> Option<(usize, bool)> {
    let is_unit = |axis: &WindowAxis| WindowAxis { extent: 1, padding: (0, 0), ..*axis } == WindowAxis::UNIT;
    let mut wide = window.0.iter().enumerate().filter(|(_, axis)| **axis != WindowAxis::UNIT);
    let ((at, axis), None) = (wide.next()?, wide.next()) else { return None };
    let others = i64::try_from(shape[at]).ok()? - 1;
    if !is_unit(axis) || axis.extent != shape[at] || others < 1 {
        return None;
    }
    match axis.padding {
        (before, 0) if before == others => Some((at, false)),
        (0, after) if after == others => Some((at, true)),
        _ => None,
    }
}

/// `log(exp(x) + exp(y))` cumulated from nothing.
fn log_sum_exp(cx: &Import, body: &Body, window: &Window, operands: &[Atom]) -> Option<Cumulative> {
    let &[x, init] = operands else { return None };
    let aval = cx.builder.aval(x);
    let (axis, reverse) = cumulates(window, &aval.shape)?;
    let nothing = Literal::from_f64(aval.dtype, f64::NEG_INFINITY);
    // The whole body may be a call of a function.
    let called = match body.equations.as_slice() {
        [eqn] => eqn.op.bodies().first(),
        _ => None,
    };
    let body = called.unwrap_or(body).renumbered();
    let is_it = aval.dtype.is_float()
        && cx.literal(init) == Some(nothing)
        && body == log_add_exp(aval.dtype).renumbered();
    is_it.then_some(Cumulative { kind: CumulativeKind::LogSumExp, axis, reverse })
}

/// `x y -> log(exp(x) + exp(y))`, as JAX computes it.
fn log_add_exp(dtype: DType) -> Program {
    let mut b = Builder::new();
    let [x, y] = [(); 2].map(|()| Atom::from(b.input(Aval::scalar(dtype))));
    let greater = b.binary(BinaryKind::Max, x, y);
    let distance = b.sub(x, y);
    // Two infinities of one sign, or NaN.
    let is_nan = b.compare(CompareKind::Ne, distance, distance);
    let sum = b.add(x, y);
    let distance = b.unary(UnaryKind::Abs, distance);
    let distance = b.neg(distance);
    let ratio = b.unary(UnaryKind::Exp, distance);
    let rest = b.unary(UnaryKind::Log1p, ratio);
    let result = b.add(greater, rest);
    let result = b.select(is_nan, sum, result);
    b.finish(vec![result])
}

/// The fold of pairs that selects by their first elements, from the value that every other one replaces.
fn select_and_gather(
    cx: &Import,
    region: &Region,
    window: &Window,
    operands: &[Atom],
) -> Option<SelectAndGather> {
    let &[x, tangents, start, nothing] = operands else { return None };
    let &[x_0, t_0, x_1, t_1] = region.arguments.as_slice() else { return None };
    let [keeps, element, tangent, last] = region.ops.as_slice() else { return None };
    let selects = |op: &crate::hlo::Op, pair: [Value; 2]| {
        op.name == "stablehlo.select" && op.operands == [keeps.results.as_slice(), &pair].concat()
    };
    let keep = keep(keeps, [x_0, x_1])?;
    let fits = selects(element, [x_0, x_1])
        && selects(tangent, [t_0, t_1])
        && last.operands == [element.results.as_slice(), &tangent.results].concat();
    let dtype = cx.builder.dtype(x);
    let starts = cx.literal(start) == Some(keep.identity(dtype))
        && cx.literal(nothing).is_some_and(|nothing| nothing.is_zero());
    let holds = fits && starts && dtype.is_float() && cx.builder.dtype(tangents) == dtype;
    holds.then(|| SelectAndGather { keep, window: window.clone() })
}

/// What is selected, and the tangents there.
fn with_selected(
    cx: &mut Import,
    op: SelectAndGather,
    x: Atom,
    tangents: Atom,
) -> Result<Vec<Atom>, Diagnostic> {
    let kind = match op.keep {
        Keep::Ge => WindowKind::Max,
        Keep::Le => WindowKind::Min,
    };
    let extremes = cx.emit_one(WindowReduce { kind, window: op.window.clone() }, &[x])?;
    Ok(vec![extremes, cx.emit_one(op, &[tangents, x])?])
}

/// `x >= y` or `x <= y` of these two.
fn keep(op: &crate::hlo::Op, pair: [Value; 2]) -> Option<Keep> {
    let compares = op.name == "stablehlo.compare" && op.operands == pair;
    match op.attributes.word("comparison_direction").filter(|_| compares)? {
        "GE" => Some(Keep::Ge),
        "LE" => Some(Keep::Le),
        _ => None,
    }
}

fn select_and_scatter(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [operand, source, init] = cx.operands(operands)?;
    let aval = cx.builder.aval(operand);
    let window = window(cx, aval.rank())?;
    let [select, scatter] = cx.op.regions.as_slice() else {
        return Err(Diagnostic::error(format!("expected 2 regions, found {}", cx.op.regions.len())));
    };
    let keep = match (select.arguments.as_slice(), select.ops.as_slice()) {
        (&[x, y], [compare, last]) if compare.results == last.operands => keep(compare, [x, y]),
        _ => None,
    };
    let adds = monoid(scatter, aval.dtype).is_some_and(|(kind, _)| kind == ReduceKind::Sum);
    let from_zero = cx.literal(init).is_some_and(|init| init.is_zero());
    // The primitive may select padding, the operation never does.
    let is_inside = window.0.iter().all(|axis| axis.padding == (0, 0));
    match keep {
        Some(keep) if adds && from_zero && is_inside && !aval.dtype.is_complex() => {
            cx.emit(SelectAndScatter { keep, window }, &[source, operand])
        }
        _ => select_then_scatter(cx, &window, [operand, source, init]),
    }
}

/// Any selection and any scatter: a fold that finds the position under each window, then a scatter over the array as one
/// line.
fn select_then_scatter(
    cx: &mut Import,
    window: &Window,
    [operand, source, init]: [Atom; 3],
) -> Result<Vec<Atom>, Diagnostic> {
    let (aval, select) = (cx.builder.aval(operand), cx.body(0)?);
    let element = Aval::scalar(aval.dtype);
    let compares = select.input_avals() == [element.clone(), element.clone()]
        && select.output_avals() == [Aval::scalar(DType::Bool)];
    if !compares {
        return Err(Diagnostic::error(format!("expected a selection that compares two {element}")));
    }
    let (kind, update) = update(cx, 1, aval.dtype)?;
    let count = aval.shape.element_count();
    let position = if i32::try_from(count).is_ok() { DType::I32 } else { DType::I64 };
    let line = cx.emit_one(Iota { dtype: position, shape: [count].into(), axis: 0 }, &[])?;
    let positions = cx.builder.reshape(line, aval.shape.clone());
    let nothing = |dtype: DType, value: f64| Atom::Literal(Literal::from_f64(dtype, value));
    let selection = WindowFold { body: selection(&select, position), window: window.clone() };
    let starts = [nothing(aval.dtype, 0.0), nothing(position, -1.0)];
    let selected = cx.emit(selection, &[operand, positions, starts[0], starts[1]])?[1];
    let (found, expected) = (cx.builder.aval(source), cx.builder.aval(selected).shape);
    if found.shape != expected {
        return Err(Diagnostic::error(format!("expected a source of shape {expected}, found {found}")));
    }
    let start = cx.builder.aval(init);
    if !start.shape.is_scalar() || start.dtype != aval.dtype || found.dtype != aval.dtype {
        return Err(Diagnostic::error(format!(
            "expected a source and a scalar to start from of type {}, found {found} and {start}",
            aval.dtype
        )));
    }
    let places = expected.element_count();
    let scatter = Scatter {
        kind,
        numbers: DimensionNumbers {
            window_axes: Vec::new(),
            collapsed: vec![0],
            index_map: vec![0],
            operand_batch: Vec::new(),
            indices_batch: Vec::new(),
        },
        // A window without elements has selected none.
        mode: Mode::FillOrDrop,
        indices_are_sorted: false,
        unique_indices: false,
        update,
    };
    let start = cx.builder.broadcast_in_dim(init, [count], &[]);
    let (indices, updates) =
        (cx.builder.reshape(selected, [places, 1]), cx.builder.reshape(source, [places]));
    let scattered = cx.emit_one(scatter, &[start, indices, updates])?;
    Ok(vec![cx.builder.reshape(scattered, aval.shape)])
}

/// The fold of pairs of an element and its position that keeps the selected one; positions below zero stand for nothing.
fn selection(select: &Program, position: DType) -> Body {
    let element = select.input_avals()[0].clone();
    let mut b = Builder::new();
    let avals = [element.clone(), Aval::scalar(position), element, Aval::scalar(position)];
    let [x, i, y, j] = avals.map(|aval| Atom::from(b.input(aval)));
    let keeps = inline(&mut b, select, &[x, y])[0];
    let zero = b.constant_like(i, 0.0);
    let there = b.compare(CompareKind::Ge, i, zero);
    let keeps = b.binary(BinaryKind::And, there, keeps);
    let alone = b.compare(CompareKind::Lt, j, zero);
    let keeps = b.binary(BinaryKind::Or, alone, keeps);
    let (value, index) = (b.select(keeps, x, y), b.select(keeps, i, j));
    b.finish(vec![value, index]).into()
}

/// `dense<[[0, 1]]> : tensor<1x2xi64>`
pub fn padding_attribute(pairs: impl Iterator<Item = (i64, i64)>) -> Attribute {
    let ends: Vec<Scalar> =
        pairs.flat_map(|(low, high)| [low, high]).map(|end| Scalar::Int(end.into())).collect();
    let aval = Aval::new(DType::I64, [ends.len() / 2, 2]);
    let ty = TensorType::new(&aval);
    Attribute::Dense(Dense { ty, data: DenseData::Elements(Tensor::from_scalars(aval, ends).into()) })
}

/// The attributes of a window.
fn attributes(window: &Window, has_dilations: bool) -> Attributes {
    let sizes = |part: fn(&WindowAxis) -> usize| Attribute::numbers(window.0.iter().map(part));
    let mut attributes = Attributes::default()
        .with("window_dimensions", sizes(|axis| axis.extent))
        .with("window_strides", sizes(|axis| axis.stride));
    if has_dilations {
        attributes.set("base_dilations", sizes(|axis| axis.base_dilation));
        attributes.set("window_dilations", sizes(|axis| axis.window_dilation));
    }
    attributes.with("padding", padding_attribute(window.0.iter().map(|axis| axis.padding)))
}

/// Writes a fold under a window, of arrays from start values.
fn window_fold(cx: &mut Export, window: &Window, operands: &[Value], reducer: Region) -> Vec<Value> {
    let results = operands[..operands.len() / 2]
        .iter()
        .map(|&array| Type::tensor(&cx.aval(array).with_shape(cx.results[0].shape.clone())))
        .collect();
    let attributes = attributes(window, true);
    cx.function.op("stablehlo.reduce_window", operands, attributes, vec![reducer], results)
}

impl StableHlo for WindowReduce {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let (kind, dtype) = (self.kind.fold(), cx.operands[0].dtype);
        let init = cx.literal(kind.identity(dtype));
        let reducer = kind.reducer(cx, dtype)?;
        Ok(window_fold(cx, &self.window, &[operands[0], init], reducer))
    }
}

impl StableHlo for WindowFold {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let reducer = cx.body(&self.body)?;
        Ok(window_fold(cx, &self.window, operands, reducer))
    }
}

impl StableHlo for Cumulative {
    /// A window that reaches from each element to the first one, or to the last.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let operand = cx.operands[0].clone();
        let Some(others) = operand.shape[self.axis].checked_sub(1) else { return Ok(operands.to_vec()) };
        let padding = if self.reverse { (0, others as i64) } else { (others as i64, 0) };
        let mut window = Window(vec![WindowAxis::UNIT; operand.rank()]);
        window.0[self.axis] = WindowAxis { extent: others + 1, padding, ..WindowAxis::UNIT };
        let init = cx.literal(self.kind.identity(operand.dtype));
        let reducer = match self.kind.fold() {
            Some(kind) => kind.reducer(cx, operand.dtype)?,
            None => cx.body(&log_add_exp(operand.dtype).into())?,
        };
        Ok(window_fold(cx, &window, &[operands[0], init], reducer))
    }
}

impl StableHlo for SelectAndGather {
    /// A fold of pairs of an element and its tangent.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let &[tangents, x] = operands else { return Err(NoRule::ByDesign("it has two operands")) };
        let dtype = cx.operands[1].dtype;
        let inits = [cx.literal(self.keep.identity(dtype)), cx.number(dtype, 0.0)];
        let scalar = Aval::scalar(dtype);
        let reducer = cx.region(&[(); 4].map(|()| scalar.clone()), |cx, arguments| {
            let keeps = compare(cx, self.keep, arguments[0], arguments[2]);
            let select =
                |cx: &mut Export, x: Value, y: Value| cx.plain("stablehlo.select", &[keeps, x, y], &scalar);
            Ok(vec![select(cx, arguments[0], arguments[2]), select(cx, arguments[1], arguments[3])])
        })?;
        let folded = window_fold(cx, &self.window, &[x, tangents, inits[0], inits[1]], reducer);
        Ok(vec![folded[1]])
    }
}

fn compare(cx: &mut Export, keep: Keep, x: Value, y: Value) -> Value {
    let direction = match keep {
        Keep::Ge => "GE",
        Keep::Le => "LE",
    };
    let direction = Attribute::stablehlo("comparison_direction", direction);
    let attributes = Attributes::default().with("comparison_direction", direction);
    cx.op("stablehlo.compare", &[x, y], attributes, &[Aval::scalar(DType::Bool)])[0]
}

impl StableHlo for SelectAndScatter {
    /// Padding can be selected here, so it becomes part of the operand and is cut off again.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let &[source, operand] = operands else { return Err(NoRule::ByDesign("it has two operands")) };
        let aval = cx.operands[1].clone();
        let scalar = Aval::scalar(aval.dtype);
        let fill = cx.literal(self.keep.identity(aval.dtype));
        let sum = if aval.dtype == DType::Bool { ReduceKind::Or } else { ReduceKind::Sum };
        let zero = cx.literal(sum.identity(aval.dtype));
        if aval.shape.is_scalar() {
            // The one element is selected; XLA fails on windows without axes.
            return Ok(vec![cx.plain(sum.operation(), &[zero, source], &aval)]);
        }
        let ends: Vec<(i64, i64)> = self.window.0.iter().map(|axis| axis.padding).collect();
        let padded = padded(cx, operand, fill, &ends);
        let two = [scalar.clone(), scalar.clone()];
        let select =
            cx.region(&two, |cx, arguments| Ok(vec![compare(cx, self.keep, arguments[0], arguments[1])]))?;
        let scatter = sum.reducer(cx, aval.dtype)?;
        let inside = |axis: &WindowAxis| WindowAxis { padding: (0, 0), ..*axis };
        let attributes = attributes(&Window(self.window.0.iter().map(inside).collect()), false);
        let result = Type::tensor(&cx.aval(padded));
        let operands = [padded, source, zero];
        let regions = vec![select, scatter];
        let scattered =
            cx.function.op("stablehlo.select_and_scatter", &operands, attributes, regions, vec![result])[0];
        let cut: Vec<(i64, i64)> = ends.iter().map(|(before, after)| (-before, -after)).collect();
        Ok(vec![self::padded(cx, scattered, zero, &cut)])
    }
}

/// An array with positions added at its ends, or taken away.
fn padded(cx: &mut Export, x: Value, fill: Value, ends: &[(i64, i64)]) -> Value {
    if ends.iter().all(|ends| *ends == (0, 0)) {
        return x;
    }
    let aval = cx.aval(x);
    let extents = aval.shape.extents().iter().zip(ends);
    let extents = extents.map(|(&extent, (before, after))| (extent as i64 + before + after) as usize);
    let result = aval.with_shape(extents.collect::<Shape>());
    let attributes = Attributes::default()
        .with("edge_padding_low", Attribute::numbers(ends.iter().map(|ends| ends.0)))
        .with("edge_padding_high", Attribute::numbers(ends.iter().map(|ends| ends.1)))
        .with("interior_padding", Attribute::numbers(ends.iter().map(|_| 0)));
    cx.op("stablehlo.pad", &[x, fill], attributes, &[result])[0]
}
