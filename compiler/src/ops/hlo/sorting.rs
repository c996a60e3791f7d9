//! Sorting, and what takes the first elements in an order.

use super::branches::elementwise;
use super::comparator::{Key, keys};
use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Element, Type, Value};
use crate::ir::{Atom, Body, Builder};
use crate::ops;
use crate::ops::elementwise::CompareKind;
use crate::ops::reduction::ReduceKind;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::rules::{NoRule, Rule};
use crate::ops::shape::Rev;
use crate::ops::sorting::{ApproxTopK, Sort, SortKey, SortOrder, TopK, sorted_by};
use crate::types::{Aval, DType, Shape};

/// Reads a sort.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    let result = match cx.op.name.as_str() {
        "stablehlo.sort" => sort(cx, operands),
        "chlo.top_k" => top_k(cx, operands),
        "stablehlo.custom_call" if cx.op.attributes.text("call_target_name") == Some("ApproxTopK") => {
            approx_top_k(cx, operands)
        }
        _ => return None,
    };
    Some(result)
}

fn top_k(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [x] = cx.operands(operands)?;
    let axis = cx
        .builder
        .aval(x)
        .rank()
        .checked_sub(1)
        .ok_or_else(|| Diagnostic::error("expected an axis, found rank 0"))?;
    if matches!(cx.op.attributes.get("largest"), Some(Attribute::Bool(false))) {
        return Err(Diagnostic::unsupported("the smallest elements instead of the largest"));
    }
    cx.emit(TopK { axis, k: cx.size("k")? }, &[x])
}

/// Other arrays than the one to search are start values that no result depends on.
fn approx_top_k(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let x = *operands.first().ok_or_else(|| Diagnostic::error("expected an array, found nothing"))?;
    let config = cx.config();
    let config = config.ok_or_else(|| cx.missing("mhlo.backend_config", "a dictionary"))?;
    let lacks = |name: &str| Diagnostic::error(format!("mhlo.backend_config lacks {name}"));
    let recall = match config.get("recall_target") {
        Some(Attribute::Float(bits, _)) => *bits,
        _ => return Err(lacks("recall_target")),
    };
    let op = ApproxTopK {
        k: config.size("top_k").ok_or_else(|| lacks("top_k"))?,
        axis: config.int("reduction_dim").ok_or_else(|| lacks("reduction_dim"))?,
        is_max: true,
        aggregates: config.flag("aggregate_to_topk"),
        recall_bits: recall,
        size_override: config.int("reduction_input_size_override").unwrap_or(-1),
    };
    let comparator = match cx.op.attributes.get("called_computations") {
        Some(Attribute::List(names)) => names.first(),
        _ => None,
    };
    let Some(Attribute::Symbol(name)) = comparator else {
        return Err(cx.missing("called_computations", "a function"));
    };
    let body = cx.bodies.function(name)?;
    let is_max = match body.equations.as_slice() {
        [eqn] => match &eqn.op {
            ops::Op::Compare(compare) if compare.0 == CompareKind::Gt => Some(true),
            ops::Op::Compare(compare) if compare.0 == CompareKind::Lt => Some(false),
            _ => None,
        },
        _ => None,
    };
    let is_max = is_max.ok_or_else(|| Diagnostic::unsupported("comparators other than `<` and `>`"))?;
    cx.emit(ApproxTopK { is_max, ..op }, &[x])
}

fn sort(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let comparator = cx.body(0)?;
    if comparator.inputs.len() != 2 * operands.len() || operands.is_empty() {
        let (found, expected) = (comparator.inputs.len(), 2 * operands.len());
        return Err(Diagnostic::error(format!(
            "expected a comparator of {expected} arguments, two per array, found {found}"
        )));
    }
    let keys = keys(&comparator).ok_or_else(|| {
        Diagnostic::unsupported("comparators other than `<` or `>` of keys, one after the other")
    })?;
    let dimension = cx.op.attributes.int("dimension").unwrap_or(-1);
    let rank = cx.builder.aval(operands[0]).rank() as i64;
    let axis = if dimension < 0 { dimension + rank } else { dimension };
    let axis = usize::try_from(axis)
        .ok()
        .filter(|axis| (*axis as i64) < rank)
        .ok_or_else(|| Diagnostic::error(format!("dimension {dimension} is out of range")))?;
    match plain_keys(&keys) {
        Some(arrays) => sort_by_arrays(cx, operands, &arrays, keys[0].descends, axis),
        None => sort_by_keys(cx, operands, &keys, axis),
    }
}

/// The arrays that are the keys, if they are arrays as they stand, all in the same direction.
fn plain_keys(keys: &[Key]) -> Option<Vec<usize>> {
    let arrays: Vec<usize> = keys.iter().map(Key::plain).collect::<Option<_>>()?;
    let is_new = |(at, array): (usize, &usize)| !arrays[..at].contains(array);
    let is_one_way = keys.iter().all(|key| key.descends == keys[0].descends);
    (is_one_way && arrays.iter().enumerate().all(is_new)).then_some(arrays)
}

/// The primitive, which has the keys first and ascends.
fn sort_by_arrays(
    cx: &mut Import,
    operands: &[Atom],
    keys: &[usize],
    descends: bool,
    axis: usize,
) -> Result<Vec<Atom>, Diagnostic> {
    let others = (0..operands.len()).filter(|position| !keys.contains(position));
    let positions: Vec<usize> = keys.iter().copied().chain(others).collect();
    let mut arrays: Vec<Atom> = positions.iter().map(|&position| operands[position]).collect();
    // Turned round before and after, so that equal elements keep their order.
    let turned = |cx: &mut Import, arrays: &[Atom]| -> Result<Vec<Atom>, Diagnostic> {
        arrays.iter().map(|&array| cx.emit_one(Rev { axes: vec![axis] }, &[array])).collect()
    };
    if descends {
        arrays = turned(cx, &arrays)?;
    }
    let is_stable = cx.op.attributes.flag("is_stable");
    let mut sorted = cx.emit(Sort { axis, num_keys: keys.len(), is_stable }, &arrays)?;
    if descends {
        sorted = turned(cx, &sorted)?;
    }
    let mut results = operands.to_vec();
    positions.iter().zip(sorted).for_each(|(&position, array)| results[position] = array);
    Ok(results)
}

/// Keys that are computed: as arrays of their own, which decide the order.
fn sort_by_keys(
    cx: &mut Import,
    operands: &[Atom],
    keys: &[Key],
    axis: usize,
) -> Result<Vec<Atom>, Diagnostic> {
    let mut order = Vec::new();
    for key in keys {
        let array = elementwise(cx, &key.of, operands)?[0];
        order.push(SortKey { array, by_bits: key.is_total, descends: key.descends });
    }
    sorted_by(cx.builder, &order, axis, operands).map_err(|why| why.refusal("the order"))
}

impl StableHlo for Sort {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let scalars: Vec<Aval> = cx.operands.iter().map(|aval| Aval::scalar(aval.dtype)).collect();
        let pairs: Vec<Aval> = scalars.iter().flat_map(|aval| [aval.clone(), aval.clone()]).collect();
        let region = cx.region(&pairs, |cx, arguments| {
            let keys = arguments[..2 * self.num_keys].chunks_exact(2);
            let keys: Vec<[Value; 2]> = keys.flat_map(|pair| parts(cx, [pair[0], pair[1]])).collect();
            let mut before: Option<Value> = None;
            for pair in keys.into_iter().rev() {
                let [x, y] = pair.map(|side| canonical(cx, side));
                let less = compare(cx, "LT", x, y);
                before = Some(match before {
                    None => less,
                    Some(rest) => {
                        let truth = Aval::scalar(DType::Bool);
                        let equal = compare(cx, "EQ", x, y);
                        let tie = cx.plain("stablehlo.and", &[equal, rest], &truth);
                        cx.plain("stablehlo.or", &[less, tie], &truth)
                    }
                });
            }
            before.map(|before| vec![before]).ok_or(NoRule::ByDesign("it has no keys"))
        })?;
        let attributes = Attributes::default()
            .with("dimension", Attribute::i64(self.axis as i64))
            .with("is_stable", Attribute::Bool(self.is_stable));
        let results = cx.results.iter().map(Type::tensor).collect();
        Ok(cx.function.op("stablehlo.sort", operands, attributes, vec![region], results))
    }
}

/// The two sides of a key; of complex numbers, of two keys.
fn parts(cx: &mut Export, pair: [Value; 2]) -> Vec<[Value; 2]> {
    let dtype = cx.aval(pair[0]).dtype;
    if !dtype.is_complex() {
        return vec![pair];
    }
    let part = Aval::scalar(dtype.real_part());
    let names = ["stablehlo.real", "stablehlo.imag"];
    names.map(|name| pair.map(|side| cx.plain(name, &[side], &part))).to_vec()
}

/// A scalar with one zero and one NaN.
fn canonical(cx: &mut Export, x: Value) -> Value {
    let aval = cx.aval(x);
    if !aval.dtype.is_float() {
        return x;
    }
    let truth = Aval::scalar(DType::Bool);
    let replaced = |cx: &mut Export, direction: &str, other: Value, by: f64, value: Value| {
        let direction = Attribute::stablehlo("comparison_direction", direction);
        let attributes = Attributes::default().with("comparison_direction", direction);
        let is_it = cx.op("stablehlo.compare", &[x, other], attributes, std::slice::from_ref(&truth))[0];
        let by = cx.number(aval.dtype, by);
        cx.plain("stablehlo.select", &[is_it, by, value], &aval)
    };
    let zero = cx.number(aval.dtype, 0.0);
    let one_zero = replaced(cx, "EQ", zero, 0.0, x);
    replaced(cx, "NE", x, f64::NAN, one_zero)
}

/// Compares canonical scalars by their total order.
fn compare(cx: &mut Export, direction: &str, x: Value, y: Value) -> Value {
    let aval = cx.aval(x);
    let mut attributes = Attributes::default()
        .with("comparison_direction", Attribute::stablehlo("comparison_direction", direction));
    if aval.dtype.is_float() {
        attributes.set("compare_type", Attribute::stablehlo("comparison_type", "TOTALORDER"));
    }
    cx.op("stablehlo.compare", &[x, y], attributes, &[Aval::scalar(DType::Bool)])[0]
}

impl StableHlo for SortOrder {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let program = SortOrder::expanded(&cx.operands[0], &cx.operands[1]);
        cx.bodies.inline(cx.function, &program, operands)
    }
}

impl StableHlo for TopK {
    /// CHLO's has the last axis alone.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let attributes = Attributes::default().with("k", Attribute::i64(self.k as i64));
        let last = cx.operands[0].rank() - 1;
        if self.axis == last {
            return Ok(cx.same("chlo.top_k", operands, attributes));
        }
        let permutation: Vec<usize> = (0..=last)
            .map(|axis| {
                if axis == self.axis {
                    last
                } else if axis == last {
                    self.axis
                } else {
                    axis
                }
            })
            .collect();
        let exchanged = |cx: &mut Export, x: Value| {
            let aval = cx.aval(x);
            let shape: Shape = permutation.iter().map(|&axis| aval.shape[axis]).collect();
            let attributes =
                Attributes::default().with("permutation", Attribute::numbers(permutation.iter().copied()));
            cx.op("stablehlo.transpose", &[x], attributes, &[aval.with_shape(shape)])[0]
        };
        let x = exchanged(cx, operands[0]);
        let shape = |aval: &Aval| -> Shape { permutation.iter().map(|&axis| aval.shape[axis]).collect() };
        let results: Vec<Aval> = cx.results.iter().map(|aval| aval.with_shape(shape(aval))).collect();
        let found = cx.op("chlo.top_k", &[x], attributes, &results);
        Ok(found.into_iter().map(|result| exchanged(cx, result)).collect())
    }
}

impl StableHlo for ApproxTopK {
    /// XLA's custom call, as JAX writes it: arrays, then start values, with a comparator of pairs.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let operand = cx.operands[0].clone();
        let axis = if self.axis < 0 { self.axis + operand.rank() as i64 } else { self.axis };
        let index = cx.results[1].dtype;
        let attributes = Attributes::default().with("iota_dimension", Attribute::i64(axis));
        let positions = cx.op("stablehlo.iota", &[], attributes, &[operand.with_dtype(index)])[0];
        let worst = if self.is_max { ReduceKind::Max } else { ReduceKind::Min }.identity(operand.dtype);
        let starts = [cx.literal(worst), cx.number(index, -1.0)];
        let config = Attributes::default()
            .with("aggregate_to_topk", Attribute::Bool(self.aggregates))
            .with("is_fallback", Attribute::Bool(true))
            .with("recall_target", Attribute::Float(self.recall_bits, Element::Data(DType::F32)))
            .with("reduction_dim", Attribute::i64(axis))
            .with("reduction_input_size_override", Attribute::i64(self.size_override))
            .with("top_k", Attribute::i64(self.k as i64));
        let comparator = cx.bodies.function(&self.comparator(operand.dtype, index), Some("comparator"))?;
        let attributes = Attributes::default()
            .with("call_target_name", Attribute::text("ApproxTopK"))
            .with("backend_config", Attribute::text(""))
            .with("called_computations", Attribute::List(vec![Attribute::Symbol(comparator)]))
            .with("mhlo.backend_config", Attribute::Dictionary(config));
        Ok(cx.same("stablehlo.custom_call", &[operands[0], positions, starts[0], starts[1]], attributes))
    }
}

impl ApproxTopK {
    /// `x y i j -> x comes before y`.
    fn comparator(&self, element: DType, index: DType) -> Body {
        let mut b = Builder::new();
        let avals = [element, element, index, index].map(Aval::scalar);
        let [x, y, _, _] = avals.map(|aval| Atom::from(b.input(aval)));
        let kind = if self.is_max { CompareKind::Gt } else { CompareKind::Lt };
        let before = b.compare(kind, x, y);
        b.finish(vec![before]).into()
    }
}
