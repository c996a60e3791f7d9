//! Folds along axes.

use super::normalization;
use crate::diag::Diagnostic;
use crate::hlo::{self, Attribute, Attributes, Region, Type, Value};
use crate::ir::Atom;
use crate::ops::Op;
use crate::ops::elementwise::{Binary, BinaryKind};
use crate::ops::reduction::{ArgReduce, Fold, Reduce, ReduceKind};
use crate::ops::rules::Rule;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::types::{Aval, DType};

/// Reducers that are one operation, with the binary primitive that joins their result with an initial value.
const KINDS: [(&str, ReduceKind, BinaryKind); 7] = [
    ("stablehlo.add", ReduceKind::Sum, BinaryKind::Add),
    ("stablehlo.multiply", ReduceKind::Prod, BinaryKind::Mul),
    ("stablehlo.maximum", ReduceKind::Max, BinaryKind::Max),
    ("stablehlo.minimum", ReduceKind::Min, BinaryKind::Min),
    ("stablehlo.and", ReduceKind::And, BinaryKind::And),
    ("stablehlo.or", ReduceKind::Or, BinaryKind::Or),
    ("stablehlo.xor", ReduceKind::Xor, BinaryKind::Xor),
];

/// Reads a reduction.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    match cx.op.name.as_str() {
        "stablehlo.reduce" => Some(reduce(cx, operands)),
        _ => normalization::from_hlo(cx, operands),
    }
}

/// The region that folds. Errors: there is none.
pub fn reducer<'a>(cx: &Import<'a>) -> Result<&'a Region, Diagnostic> {
    cx.op.regions.first().ok_or_else(|| Diagnostic::error("the reducer is missing"))
}

/// The kind of fold of a reducer that is a single operation on its two arguments.
pub fn monoid(region: &Region, dtype: DType) -> Option<(ReduceKind, BinaryKind)> {
    let &[x, y] = region.arguments.as_slice() else { return None };
    let name = match region.ops.as_slice() {
        [op, last] => {
            // All of them commute.
            let takes_both = op.operands == [x, y] || op.operands == [y, x];
            let is_returned = op.results == last.operands && op.results.len() == 1;
            Some(op.name.as_str()).filter(|_| takes_both && is_returned)?
        }
        _ => complex_extremum(region)?,
    };
    let name = match (name, dtype) {
        ("stablehlo.add" | "stablehlo.maximum", DType::Bool) => "stablehlo.or",
        ("stablehlo.multiply" | "stablehlo.minimum", DType::Bool) => "stablehlo.and",
        (name, _) => name,
    };
    KINDS.iter().find(|(known, ..)| *known == name).map(|&(_, kind, binary)| (kind, binary))
}

/// The operation of a reducer that takes the greater or lesser of two complex numbers, as JAX writes it: by their real
/// parts, then by their imaginary ones.
fn complex_extremum(region: &Region) -> Option<&'static str> {
    let &[x, y] = region.arguments.as_slice() else { return None };
    let [x_real, y_real, equal, by_real, x_imag, y_imag, by_imag, takes, result, last] =
        region.ops.as_slice()
    else {
        return None;
    };
    let of = |op: &hlo::Op| op.results.first().copied().unwrap_or(x);
    let is = |op: &hlo::Op, name: &str, operands: &[Value]| op.name == name && op.operands == operands;
    let (name, direction) = match by_real.attributes.word("comparison_direction")? {
        "GT" => ("stablehlo.maximum", "GT"),
        "LT" => ("stablehlo.minimum", "LT"),
        _ => return None,
    };
    let compares = |op: &hlo::Op, direction: &str, pair: [&hlo::Op; 2]| {
        is(op, "stablehlo.compare", &pair.map(of))
            && op.attributes.word("comparison_direction") == Some(direction)
    };
    let holds = is(x_real, "stablehlo.real", &[x])
        && is(y_real, "stablehlo.real", &[y])
        && is(x_imag, "stablehlo.imag", &[x])
        && is(y_imag, "stablehlo.imag", &[y])
        && compares(equal, "EQ", [x_real, y_real])
        && compares(by_real, direction, [x_real, y_real])
        && compares(by_imag, direction, [x_imag, y_imag])
        && is(takes, "stablehlo.select", &[equal, by_imag, by_real].map(of))
        && is(result, "stablehlo.select", &[of(takes), x, y])
        && last.operands == [of(result)];
    holds.then_some(name)
}

/// The reducer of `argmax` and `argmin`, as JAX writes it and [`ArgReduce`] is written here: which of two pairs of an
/// element and its position wins. True for `argmax`.
fn extreme_position(region: &Region) -> Option<bool> {
    let &[x, i, y, j] = region.arguments.as_slice() else { return None };
    let [wins, is_nan, takes, equal, earlier, tie, takes_index, value, position, last] =
        region.ops.as_slice()
    else {
        return None;
    };
    let is = |op: &hlo::Op, name: &str, operands: &[Value]| op.name == name && op.operands == operands;
    let of = |op: &hlo::Op| op.results.first().copied().unwrap_or(x);
    let compares = |op: &hlo::Op, direction: &str, operands: &[Value]| {
        is(op, "stablehlo.compare", operands) && op.attributes.word("comparison_direction") == Some(direction)
    };
    let is_max = match wins.attributes.word("comparison_direction")? {
        "GT" => true,
        "LT" => false,
        _ => return None,
    };
    let holds = is(wins, "stablehlo.compare", &[x, y])
        && compares(is_nan, "NE", &[x, x])
        && is(takes, "stablehlo.or", &[of(wins), of(is_nan)])
        && compares(equal, "EQ", &[x, y])
        && compares(earlier, "LT", &[i, j])
        && is(tie, "stablehlo.and", &[of(equal), of(earlier)])
        && is(takes_index, "stablehlo.or", &[of(takes), of(tie)])
        && is(value, "stablehlo.select", &[of(takes), x, y])
        && is(position, "stablehlo.select", &[of(takes_index), i, j])
        && last.operands == [of(value), of(position)];
    holds.then_some(is_max)
}

/// The extreme elements and their positions, if the second array is the positions along the one axis, and the start
/// values lose against everything.
fn arg_reduce(cx: &mut Import, operands: &[Atom]) -> Imported {
    let &[x, positions, worst, first] = operands else { return None };
    let is_max = extreme_position(cx.op.regions.first()?)?;
    let kind = if is_max { ReduceKind::Max } else { ReduceKind::Min };
    let axes = cx.op.attributes.sizes("dimensions")?;
    let &[axis] = axes.as_slice() else { return None };
    let iota = cx
        .builder
        .program()
        .equations
        .iter()
        .rev()
        .find(|eqn| eqn.results.first().map(|&var| var.into()) == Some(positions))?;
    let is_iota = matches!(&iota.op, Op::Iota(iota) if iota.axis == axis);
    let (dtype, index_dtype) = (cx.builder.dtype(x), cx.builder.dtype(positions));
    let loses = cx.literal(worst) == Some(kind.identity(dtype))
        && cx.literal(first).is_some_and(|first| first.is_zero());
    if !is_iota || !loses || cx.builder.aval(x).shape.extents().get(axis).is_none_or(|&extent| extent == 0) {
        return None;
    }
    Some(
        cx.emit_one(Reduce { kind, axes }, &[x]).and_then(|value| {
            Ok(vec![value, cx.emit_one(ArgReduce { max: is_max, axis, index_dtype }, &[x])?])
        }),
    )
}

fn reduce(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    if let Some(found) = arg_reduce(cx, operands) {
        return found;
    }
    let axes = cx.sizes("dimensions")?;
    if axes.is_empty() {
        // As XLA has it; how often start values are merged is left open.
        return Ok(operands[..operands.len() / 2].to_vec());
    }
    if let &[x, init] = operands {
        let dtype = cx.builder.dtype(x);
        if let Some((kind, join)) = monoid(reducer(cx)?, dtype) {
            let folded = cx.emit_one(Reduce { kind, axes }, &[x])?;
            return joined(cx, folded, init, kind, join);
        }
    }
    let body = cx.body(0)?;
    cx.emit(Fold { body, axes }, operands)
}

/// `folded` with an initial value, unless that is the neutral one.
pub fn joined(
    cx: &mut Import,
    folded: Atom,
    init: Atom,
    kind: ReduceKind,
    join: BinaryKind,
) -> Result<Vec<Atom>, Diagnostic> {
    let neutral = kind.identity(cx.builder.dtype(folded));
    let is_neutral = cx.literal(init).is_some_and(|literal| {
        // The sum of nothing is +0, whichever zero the text starts from.
        literal == neutral || kind == ReduceKind::Sum && literal.is_zero()
    });
    if is_neutral { Ok(vec![folded]) } else { cx.emit(Binary(join), &[folded, init]) }
}

impl ReduceKind {
    /// The operation that folds two values.
    pub fn operation(self) -> &'static str {
        let row = KINDS.iter().find(|(_, kind, _)| *kind == self);
        row.expect("the table has every kind").0
    }

    /// The region that folds two scalars.
    pub fn reducer(self, cx: &mut Export, dtype: DType) -> Rule<Region> {
        let name = self.operation();
        let scalar = Aval::scalar(dtype);
        cx.region(&[scalar.clone(), scalar.clone()], |cx, arguments| {
            Ok(vec![cx.plain(name, arguments, &scalar)])
        })
    }
}

/// Writes a fold along axes, of arrays from start values.
fn fold(cx: &mut Export, axes: &[usize], operands: &[Value], reducer: Region) -> Vec<Value> {
    let attributes = Attributes::default().with("dimensions", Attribute::numbers(axes.iter().copied()));
    let results = operands[..operands.len() / 2]
        .iter()
        .map(|&array| Type::tensor(&cx.aval(array).with_shape(cx.results[0].shape.clone())))
        .collect();
    cx.function.op("stablehlo.reduce", operands, attributes, vec![reducer], results)
}

impl StableHlo for Reduce {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let dtype = cx.operands[0].dtype;
        let init = cx.literal(self.kind.identity(dtype));
        let reducer = self.kind.reducer(cx, dtype)?;
        Ok(fold(cx, &self.axes, &[operands[0], init], reducer))
    }
}

impl StableHlo for Fold {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let reducer = cx.body(&self.body)?;
        Ok(fold(cx, &self.axes, operands, reducer))
    }
}

impl StableHlo for ArgReduce {
    /// A fold of pairs of an element and its position: the more extreme element wins, NaN before all others, then the lower
    /// position.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let operand = cx.operands[0].clone();
        let attributes = Attributes::default().with("iota_dimension", Attribute::i64(self.axis as i64));
        let index_aval = operand.with_dtype(self.index_dtype);
        let positions = cx.op("stablehlo.iota", &[], attributes, &[index_aval])[0];
        let kind = if self.max { ReduceKind::Max } else { ReduceKind::Min };
        let worst = cx.literal(kind.identity(operand.dtype));
        let first = cx.number(self.index_dtype, 0.0);
        let (element, index) = (Aval::scalar(operand.dtype), Aval::scalar(self.index_dtype));
        let arguments = [element.clone(), index.clone(), element.clone(), index.clone()];
        let region = cx.region(&arguments, |cx, arguments| {
            let [x, i, y, j] = arguments.try_into().expect("four arguments were made");
            Ok(self.better(cx, [x, y], [i, j], &element, &index))
        })?;
        let folded = fold(cx, &[self.axis], &[operands[0], positions, worst, first], region);
        Ok(vec![folded[1]])
    }
}

impl ArgReduce {
    fn better(
        &self,
        cx: &mut Export,
        [x, y]: [Value; 2],
        [i, j]: [Value; 2],
        element: &Aval,
        index: &Aval,
    ) -> Vec<Value> {
        let truth = Aval::scalar(DType::Bool);
        let compare = |cx: &mut Export, direction: &str, x: Value, y: Value| {
            let direction = Attribute::stablehlo("comparison_direction", direction);
            let attributes = Attributes::default().with("comparison_direction", direction);
            cx.op("stablehlo.compare", &[x, y], attributes, std::slice::from_ref(&truth))[0]
        };
        let wins = compare(cx, if self.max { "GT" } else { "LT" }, x, y);
        let is_nan = compare(cx, "NE", x, x);
        let takes = cx.plain("stablehlo.or", &[wins, is_nan], &truth);
        let equal = compare(cx, "EQ", x, y);
        let earlier = compare(cx, "LT", i, j);
        let tie = cx.plain("stablehlo.and", &[equal, earlier], &truth);
        let takes_index = cx.plain("stablehlo.or", &[takes, tie], &truth);
        let value = cx.plain("stablehlo.select", &[takes, x, y], element);
        let position = cx.plain("stablehlo.select", &[takes_index, i, j], index);
        vec![value, position]
    }
}
