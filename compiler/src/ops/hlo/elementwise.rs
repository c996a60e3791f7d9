//! Elementwise operations.

use super::complex;
use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Value};
use crate::ir::Atom;
use crate::ops::elementwise::*;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::rules::{NoRule, Rule};
use crate::types::{DType, Kind, Shape};

/// Names that mean one primitive on one operand.
const UNARY: &[(&str, UnaryKind)] = &[
    ("stablehlo.negate", UnaryKind::Neg),
    ("stablehlo.abs", UnaryKind::Abs),
    ("stablehlo.sign", UnaryKind::Sign),
    ("stablehlo.not", UnaryKind::Not),
    ("stablehlo.floor", UnaryKind::Floor),
    ("stablehlo.ceil", UnaryKind::Ceil),
    ("stablehlo.round_nearest_afz", UnaryKind::RoundAway),
    ("stablehlo.round_nearest_even", UnaryKind::RoundEven),
    ("stablehlo.is_finite", UnaryKind::IsFinite),
    ("stablehlo.popcnt", UnaryKind::PopulationCount),
    ("stablehlo.count_leading_zeros", UnaryKind::CountLeadingZeros),
    ("chlo.square", UnaryKind::Square),
    ("stablehlo.sqrt", UnaryKind::Sqrt),
    ("stablehlo.rsqrt", UnaryKind::Rsqrt),
    ("stablehlo.cbrt", UnaryKind::Cbrt),
    ("stablehlo.exponential", UnaryKind::Exp),
    ("stablehlo.exponential_minus_one", UnaryKind::Expm1),
    ("stablehlo.log", UnaryKind::Log),
    ("stablehlo.log_plus_one", UnaryKind::Log1p),
    ("stablehlo.sine", UnaryKind::Sin),
    ("stablehlo.cosine", UnaryKind::Cos),
    ("stablehlo.tan", UnaryKind::Tan),
    ("chlo.asin", UnaryKind::Asin),
    ("chlo.acos", UnaryKind::Acos),
    ("chlo.atan", UnaryKind::Atan),
    ("chlo.sinh", UnaryKind::Sinh),
    ("chlo.cosh", UnaryKind::Cosh),
    ("stablehlo.tanh", UnaryKind::Tanh),
    ("chlo.asinh", UnaryKind::Asinh),
    ("chlo.acosh", UnaryKind::Acosh),
    ("chlo.atanh", UnaryKind::Atanh),
    ("stablehlo.logistic", UnaryKind::Logistic),
    ("chlo.erf", UnaryKind::Erf),
    ("chlo.erfc", UnaryKind::Erfc),
    ("chlo.erf_inv", UnaryKind::ErfInv),
    // Read, but written under another name.
    ("chlo.tan", UnaryKind::Tan),
];

/// Names that mean one primitive on two operands.
const BINARY: &[(&str, BinaryKind)] = &[
    ("stablehlo.add", BinaryKind::Add),
    ("stablehlo.subtract", BinaryKind::Sub),
    ("stablehlo.multiply", BinaryKind::Mul),
    ("stablehlo.divide", BinaryKind::Div),
    ("stablehlo.remainder", BinaryKind::Rem),
    ("stablehlo.maximum", BinaryKind::Max),
    ("stablehlo.minimum", BinaryKind::Min),
    ("stablehlo.power", BinaryKind::Pow),
    ("stablehlo.atan2", BinaryKind::Atan2),
    ("stablehlo.and", BinaryKind::And),
    ("stablehlo.or", BinaryKind::Or),
    ("stablehlo.xor", BinaryKind::Xor),
    ("stablehlo.shift_left", BinaryKind::ShiftLeft),
    ("stablehlo.shift_right_logical", BinaryKind::ShiftRightLogical),
    ("stablehlo.shift_right_arithmetic", BinaryKind::ShiftRightArithmetic),
    ("chlo.next_after", BinaryKind::NextAfter),
    ("chlo.mulhi", BinaryKind::MulHigh),
];

/// Reads an elementwise operation.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    let name = cx.op.name.as_str();
    if let Some((_, kind)) = UNARY.iter().find(|(known, _)| *known == name) {
        return Some(cx.emit(Unary(*kind), operands));
    }
    if let Some((_, kind)) = BINARY.iter().find(|(known, _)| *known == name) {
        return Some(binary(cx, *kind, operands));
    }
    let result = match name {
        "stablehlo.compare" => compare(cx, operands),
        "stablehlo.select" => select(cx, operands),
        "stablehlo.clamp" => cx.emit(Clamp, operands),
        "stablehlo.convert" => convert(cx, operands),
        "stablehlo.bitcast_convert" => {
            cx.result(0).and_then(|to| cx.emit(Bitcast { dtype: to.dtype }, operands))
        }
        "stablehlo.reduce_precision" => reduce_precision(cx, operands),
        "stablehlo.optimization_barrier" => cx.emit(Identity(IdentityKind::OptimizationBarrier), operands),
        "sdy.sharding_constraint" | "stablehlo.copy" => Ok(operands.to_vec()),
        "stablehlo.custom_call" if is_identity(cx) => Ok(operands.to_vec()),
        _ => return complex::from_hlo(cx, operands),
    };
    Some(result)
}

/// JAX also converts to the dtype that is there.
fn convert(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let ([x], to) = (cx.operands(operands)?, cx.result(0)?.dtype);
    if cx.builder.dtype(x) == to { Ok(vec![x]) } else { cx.emit(Convert { dtype: to }, &[x]) }
}

/// Sums and products of bools are their disjunctions and conjunctions.
fn binary(cx: &mut Import, kind: BinaryKind, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let is_bool = operands.first().is_some_and(|&x| cx.builder.dtype(x) == DType::Bool);
    let kind = match kind {
        BinaryKind::Add if is_bool => BinaryKind::Or,
        BinaryKind::Mul if is_bool => BinaryKind::And,
        other => other,
    };
    same_shape(cx, operands)?;
    cx.emit(Binary(kind), operands)
}

/// Nothing broadcasts in StableHLO, though our own primitives do.
fn same_shape(cx: &Import, operands: &[Atom]) -> Result<(), Diagnostic> {
    let shapes: Vec<Shape> = operands.iter().map(|&x| cx.builder.aval(x).shape).collect();
    match shapes.windows(2).find(|pair| pair[0] != pair[1]) {
        Some([x, y]) => Err(Diagnostic::error(format!("operand shapes {x} and {y} differ"))),
        _ => Ok(()),
    }
}

/// Calls that say where an array lives, and nothing about its elements.
fn is_identity(cx: &Import) -> bool {
    let target = cx.op.attributes.text("call_target_name").unwrap_or("");
    [
        "Sharding",
        "annotate_device_placement",
        "SPMDFullToShardShape",
        "SPMDShardToFullShape",
        "LayoutConstraint",
    ]
    .contains(&target)
}

fn compare(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    same_shape(cx, operands)?;
    let is_total = cx.op.attributes.word("compare_type") == Some("TOTALORDER");
    let kind = match (cx.word("comparison_direction")?, is_total) {
        ("EQ", false) => CompareKind::Eq,
        ("NE", false) => CompareKind::Ne,
        ("LT", false) => CompareKind::Lt,
        ("LE", false) => CompareKind::Le,
        ("GT", false) => CompareKind::Gt,
        ("GE", false) => CompareKind::Ge,
        ("EQ", true) => CompareKind::EqTotal,
        ("LT", true) => CompareKind::LtTotal,
        ("LE", true) => CompareKind::LeTotal,
        (direction @ ("NE" | "GT" | "GE"), true) => {
            return reversed_total(cx, direction == "NE", direction == "GT", operands);
        }
        (other, _) => {
            let message =
                format!("attribute comparison_direction: expected EQ, NE, LT, LE, GT or GE, found {other}");
            return Err(Diagnostic::error(message));
        }
    };
    cx.emit(Compare(kind), operands)
}

/// The comparisons of the total order that have no primitive: the operands exchanged, or the result negated.
fn reversed_total(
    cx: &mut Import,
    is_unequal: bool,
    is_strict: bool,
    operands: &[Atom],
) -> Result<Vec<Atom>, Diagnostic> {
    let [x, y] = cx.operands(operands)?;
    if is_unequal {
        let equal = cx.emit_one(Compare(CompareKind::EqTotal), &[x, y])?;
        return cx.emit(Unary(UnaryKind::Not), &[equal]);
    }
    let kind = if is_strict { CompareKind::LtTotal } else { CompareKind::LeTotal };
    cx.emit(Compare(kind), &[y, x])
}

fn select(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [which, on_true, on_false] = cx.operands(operands)?;
    cx.emit(Select, &[which, on_false, on_true])
}

fn reduce_precision(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let bits = |name: &str| Ok::<u32, Diagnostic>(cx.size(name)?.min(1 << 16) as u32);
    let op = ReducePrecision { exponent_bits: bits("exponent_bits")?, mantissa_bits: bits("mantissa_bits")? };
    cx.emit(op, operands)
}

impl StableHlo for Unary {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let result = cx.results[0].clone();
        if self.0 == UnaryKind::Exp2 && result.dtype.is_complex() {
            return Err(NoRule::NotYet("powers of two of complex numbers as StableHLO"));
        }
        if self.0 == UnaryKind::Exp2 {
            let ln2 = cx.number(result.dtype, std::f64::consts::LN_2);
            let ln2 = cx.stretched(ln2, &result.shape);
            let scaled = cx.plain("stablehlo.multiply", &[operands[0], ln2], &result);
            return Ok(vec![cx.plain("stablehlo.exponential", &[scaled], &result)]);
        }
        if self.0 == UnaryKind::OneMinusSquare {
            let one = cx.number(result.dtype, 1.0);
            let one = cx.stretched(one, &result.shape);
            let above = cx.plain("stablehlo.add", &[one, operands[0]], &result);
            let below = cx.plain("stablehlo.subtract", &[one, operands[0]], &result);
            return Ok(vec![cx.plain("stablehlo.multiply", &[above, below], &result)]);
        }
        match (self.0, result.dtype.kind()) {
            (UnaryKind::Abs, Kind::Unsigned) => return Ok(operands.to_vec()),
            (UnaryKind::Sign, Kind::Unsigned) => {
                let one = cx.number(result.dtype, 1.0);
                let one = cx.stretched(one, &result.shape);
                return Ok(vec![cx.plain("stablehlo.minimum", &[operands[0], one], &result)]);
            }
            (UnaryKind::Square, Kind::Signed | Kind::Unsigned) => {
                return Ok(vec![cx.plain("stablehlo.multiply", &[operands[0], operands[0]], &result)]);
            }
            _ => {}
        }
        let row = UNARY.iter().find(|(_, kind)| *kind == self.0);
        let (name, _) = row.ok_or(NoRule::NotYet("no operation of StableHLO is known for it"))?;
        Ok(cx.same(name, operands, Attributes::default()))
    }
}

impl StableHlo for Binary {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let kind = if self.0 == BinaryKind::AddAny { BinaryKind::Add } else { self.0 };
        let row = BINARY.iter().find(|(_, known)| *known == kind);
        let (name, _) = row.ok_or(NoRule::NotYet("no operation of StableHLO is known for it"))?;
        let result = cx.results[0].clone();
        let mut operands = cx.all_stretched(operands, &result.shape);
        for operand in &mut operands {
            // `pow` of programs takes integer exponents.
            *operand = cx.converted(*operand, result.dtype);
        }
        Ok(cx.same(name, &operands, Attributes::default()))
    }
}

impl StableHlo for Compare {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let (direction, is_total) = match self.0 {
            CompareKind::Eq => ("EQ", false),
            CompareKind::Ne => ("NE", false),
            CompareKind::Lt => ("LT", false),
            CompareKind::Le => ("LE", false),
            CompareKind::Gt => ("GT", false),
            CompareKind::Ge => ("GE", false),
            CompareKind::EqTotal => ("EQ", true),
            CompareKind::LtTotal => ("LT", true),
            CompareKind::LeTotal => ("LE", true),
        };
        let kind = match cx.operands[0].dtype.kind() {
            Kind::Complex if is_total => {
                return Err(NoRule::ByDesign("StableHLO has no total order of complex numbers"));
            }
            Kind::Float if is_total => "TOTALORDER",
            Kind::Float | Kind::Complex => "FLOAT",
            Kind::Signed => "SIGNED",
            Kind::Bool | Kind::Unsigned | Kind::Key | Kind::Float0 => "UNSIGNED",
        };
        let result = cx.results[0].clone();
        let operands = cx.all_stretched(operands, &result.shape);
        let attributes = Attributes::default()
            .with("comparison_direction", Attribute::stablehlo("comparison_direction", direction))
            .with("compare_type", Attribute::stablehlo("comparison_type", kind));
        Ok(cx.same("stablehlo.compare", &operands, attributes))
    }
}

impl StableHlo for Select {
    /// Of two cases one operation, of more a chain of them.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let result = cx.results[0].clone();
        let (which, cases) = operands.split_first().expect("a select has an operand that selects");
        let cases = cx.all_stretched(cases, &result.shape);
        let which_aval = cx.operands[0].clone();
        let is_bool = which_aval.dtype == DType::Bool;
        let Some((&first, others)) = cases.split_first() else {
            return Err(NoRule::ByDesign("it selects from nothing"));
        };
        let which = if which_aval.shape.is_scalar() { *which } else { cx.stretched(*which, &result.shape) };
        let mut selected = first;
        for (position, &case) in others.iter().enumerate() {
            let takes = if is_bool {
                which
            } else {
                // Positions beyond the last one take the last, as JAX clamps them.
                let bound = cx.number(which_aval.dtype, position as f64 + 1.0);
                let aval = cx.aval(which);
                let bound = cx.stretched(bound, &aval.shape);
                let attributes = Attributes::default()
                    .with("comparison_direction", Attribute::stablehlo("comparison_direction", "GE"));
                cx.op("stablehlo.compare", &[which, bound], attributes, &[aval.with_dtype(DType::Bool)])[0]
            };
            selected = cx.plain("stablehlo.select", &[takes, case, selected], &result);
        }
        Ok(vec![selected])
    }
}

impl StableHlo for Clamp {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let shape = cx.results[0].shape.clone();
        // Bounds may be rank 0 as they are.
        let bound = |cx: &mut Export, value: Value| {
            if cx.aval(value).shape.is_scalar() { value } else { cx.stretched(value, &shape) }
        };
        let (low, high) = (bound(cx, operands[0]), bound(cx, operands[2]));
        let x = cx.stretched(operands[1], &shape);
        Ok(cx.same("stablehlo.clamp", &[low, x, high], Attributes::default()))
    }
}

impl StableHlo for Convert {
    /// StableHLO leaves it open what NaN and what is out of range become.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        if cx.operands == cx.results {
            return Ok(operands.to_vec());
        }
        Ok(cx.same("stablehlo.convert", operands, Attributes::default()))
    }
}

impl StableHlo for Bitcast {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        if cx.operands == cx.results {
            return Ok(operands.to_vec());
        }
        Ok(cx.same("stablehlo.bitcast_convert", operands, Attributes::default()))
    }
}

impl StableHlo for IntegerPow {
    /// Squares and multiplies.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let aval = cx.results[0].clone();
        let mut square = operands[0];
        let mut product = None;
        let mut bits = self.y.unsigned_abs();
        while bits > 0 {
            if bits & 1 == 1 {
                product = Some(match product {
                    None => square,
                    Some(product) => cx.plain("stablehlo.multiply", &[product, square], &aval),
                });
            }
            bits >>= 1;
            if bits > 0 {
                square = cx.plain("stablehlo.multiply", &[square, square], &aval);
            }
        }
        let one = |cx: &mut Export| {
            let one = cx.number(aval.dtype, 1.0);
            cx.stretched(one, &aval.shape)
        };
        let power = match product {
            Some(product) => product,
            None => one(cx),
        };
        if self.y >= 0 {
            return Ok(vec![power]);
        }
        let one = one(cx);
        Ok(vec![cx.plain("stablehlo.divide", &[one, power], &aval)])
    }
}

impl StableHlo for ReducePrecision {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let attributes = Attributes::default()
            .with("exponent_bits", Attribute::i32(self.exponent_bits.into()))
            .with("mantissa_bits", Attribute::i32(self.mantissa_bits.into()));
        Ok(cx.same("stablehlo.reduce_precision", operands, attributes))
    }
}

impl StableHlo for Identity {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        if self.0 == IdentityKind::OptimizationBarrier && !operands.is_empty() {
            return Ok(cx.same("stablehlo.optimization_barrier", operands, Attributes::default()));
        }
        Ok(operands.to_vec())
    }
}

impl StableHlo for WideMul {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let shape = cx.results[0].shape.clone();
        let mut factors = Vec::new();
        for &operand in operands {
            let operand = cx.converted(operand, self.dtype);
            factors.push(cx.stretched(operand, &shape));
        }
        Ok(cx.same("stablehlo.multiply", &factors, Attributes::default()))
    }
}
