//! Sorting, and what takes the first elements in an order.

use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, DenseData, Op, Region, Type, Value};
use crate::ir::Atom;
use crate::ops;
use crate::ops::elementwise::CompareKind;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::rules::{NoRule, Rule};
use crate::ops::shape::Rev;
use crate::ops::sorting::{ApproxTopK, Sort, TopK};
use crate::types::{Aval, DType, Literal};

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
    cx.emit(TopK { axis, k: cx.size("k")? }, &[x])
}

/// Other arrays than the one to search are start values that no result depends on.
fn approx_top_k(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let x = *operands.first().ok_or_else(|| Diagnostic::error("expected an array, found nothing"))?;
    let config = cx.op.attributes.fields("mhlo.backend_config");
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
    let region = cx.op.regions.first().ok_or_else(|| Diagnostic::error("the comparator is missing"))?;
    let order = Comparator { region }.order();
    let order = order.ok_or_else(|| {
        Diagnostic::unsupported("comparators other than `<` or `>` of keys, one after the other")
    })?;
    if order.keys.iter().any(|&key| key >= operands.len()) {
        return Err(Diagnostic::error("the comparator has more arguments than there are arrays"));
    }
    let dimension = cx.op.attributes.int("dimension").unwrap_or(-1);
    let rank = cx.builder.aval(operands[0]).rank() as i64;
    let axis = if dimension < 0 { dimension + rank } else { dimension };
    let axis = usize::try_from(axis)
        .map_err(|_| Diagnostic::error(format!("dimension {dimension} is out of range")))?;
    let is_stable = cx.op.attributes.flag("is_stable");
    // Keys first, as the primitive has them.
    let others = (0..operands.len()).filter(|position| !order.keys.contains(position));
    let positions: Vec<usize> = order.keys.iter().copied().chain(others).collect();
    let mut arrays: Vec<Atom> = positions.iter().map(|&position| operands[position]).collect();
    if order.descends {
        // From last to first, so that equal elements keep their order when the result is turned round again.
        arrays = arrays
            .iter()
            .map(|&array| cx.emit_one(Rev { axes: vec![axis] }, &[array]))
            .collect::<Result<_, _>>()?;
    }
    let mut sorted = cx.emit(Sort { axis, num_keys: order.keys.len(), is_stable }, &arrays)?;
    if order.descends {
        sorted = sorted
            .iter()
            .map(|&array| cx.emit_one(Rev { axes: vec![axis] }, &[array]))
            .collect::<Result<_, _>>()?;
    }
    let mut results = operands.to_vec();
    positions.iter().zip(sorted).for_each(|(&position, array)| results[position] = array);
    Ok(results)
}

/// The arrays that a comparator looks at, the first one deciding.
struct Order {
    keys: Vec<usize>,
    descends: bool,
}

/// A function from pairs of elements to whether the first of each comes before the second.
struct Comparator<'r> {
    region: &'r Region,
}

impl Comparator<'_> {
    fn order(&self) -> Option<Order> {
        match self.region.returns() {
            [result] => self.less(*result),
            _ => None,
        }
    }

    /// `x < y`, or `x < y | x == y & ..`.
    fn less(&self, value: Value) -> Option<Order> {
        let op = self.definition(value)?;
        match op.name.as_str() {
            "stablehlo.compare" => {
                let descends = match op.attributes.word("comparison_direction")? {
                    "LT" => false,
                    "GT" => true,
                    _ => return None,
                };
                Some(Order { keys: vec![self.pair(op)?], descends })
            }
            "stablehlo.or" => {
                let &[first, rest] = op.operands.as_slice() else { return None };
                let first = self.less(first)?;
                let both = self.definition(rest).filter(|op| op.name == "stablehlo.and")?;
                let &[equal, rest] = both.operands.as_slice() else { return None };
                let equal = self.definition(equal).filter(|op| op.name == "stablehlo.compare")?;
                let rest = self.less(rest)?;
                let is_tie = equal.attributes.word("comparison_direction") == Some("EQ");
                if !is_tie || first.keys != [self.pair(equal)?] || rest.descends != first.descends {
                    return None;
                }
                let is_new = !rest.keys.contains(&first.keys[0]);
                is_new.then(|| Order { keys: [first.keys, rest.keys].concat(), descends: first.descends })
            }
            _ => None,
        }
    }

    /// The array whose two elements are compared, in this order.
    fn pair(&self, compare: &Op) -> Option<usize> {
        let &[x, y] = compare.operands.as_slice() else { return None };
        let (first, second) = (self.element(x)?, self.element(y)?);
        let is_total = compare.attributes.word("compare_type") == Some("TOTALORDER");
        // The order of the primitive has one zero and one NaN, as both sides have once they are made canonical.
        let is_canonical = first.is_canonical && second.is_canonical;
        let is_pair = first.argument.is_multiple_of(2) && second.argument == first.argument + 1;
        (is_pair && (is_canonical || !is_total)).then_some(first.argument / 2)
    }

    /// The argument that a value is, but for the sign of zeros and the bits of NaNs.
    fn element(&self, value: Value) -> Option<Element> {
        if let Some(argument) = self.region.arguments.iter().position(|&argument| argument == value) {
            return Some(Element { argument, is_canonical: false });
        }
        // `x == 0 ? 0 : x`, inside of `x != x ? nan : ..`
        let select = self.definition(value).filter(|op| op.name == "stablehlo.select")?;
        let &[predicate, on_true, on_false] = select.operands.as_slice() else { return None };
        let inner = self.element(on_false)?;
        let compare = self.definition(predicate).filter(|op| op.name == "stablehlo.compare")?;
        let replaced = self.literal(on_true)?;
        let argument = self.region.arguments[inner.argument];
        let is_itself = compare.operands == [argument, argument];
        match compare.attributes.word("comparison_direction")? {
            "NE" if is_itself && replaced.value().complex().0.is_nan() => {
                Some(Element { is_canonical: true, ..inner })
            }
            "EQ" if replaced.is_zero()
                && compare.operands.first() == Some(&argument)
                && self.literal(*compare.operands.get(1)?)?.is_zero() =>
            {
                Some(inner)
            }
            _ => None,
        }
    }

    fn literal(&self, value: Value) -> Option<Literal> {
        match self.definition(value)?.attributes.get("value") {
            Some(Attribute::Dense(dense)) => match &dense.data {
                DenseData::Splat(literal) => Some(*literal),
                DenseData::Elements(_) | DenseData::Resource(_) => None,
            },
            _ => None,
        }
    }

    fn definition(&self, value: Value) -> Option<&Op> {
        self.region.ops.iter().find(|op| op.results.contains(&value))
    }
}

struct Element {
    argument: usize,
    is_canonical: bool,
}

impl StableHlo for Sort {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let scalars: Vec<Aval> = cx.operands.iter().map(|aval| Aval::scalar(aval.dtype)).collect();
        if scalars[..self.num_keys].iter().any(|aval| aval.dtype.is_complex()) {
            return Err(NoRule::NotYet("complex keys as StableHLO"));
        }
        let pairs: Vec<Aval> = scalars.iter().flat_map(|aval| [aval.clone(), aval.clone()]).collect();
        let region = cx.region(&pairs, |cx, arguments| {
            let mut before: Option<Value> = None;
            for key in (0..self.num_keys).rev() {
                let [x, y] = [0, 1].map(|side| canonical(cx, arguments[2 * key + side]));
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

impl StableHlo for TopK {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        if self.axis + 1 != cx.operands[0].rank() {
            return Err(NoRule::NotYet("top_k along another axis than the last as StableHLO"));
        }
        let attributes = Attributes::default().with("k", Attribute::i64(self.k as i64));
        Ok(cx.same("chlo.top_k", operands, attributes))
    }
}

impl StableHlo for ApproxTopK {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(NoRule::NotYet("approx_top_k as StableHLO"))
    }
}
