//! Scalar arithmetic and choices. All exact, for every kind of number that a rule accepts.
//!
//! Complex products are left alone: with an infinity, `x * (1+0i)` has a NaN.

use super::Sweep;
use super::spread::is_elementwise;
use crate::ir::Atom;
use crate::ops::Op;
use crate::ops::elementwise::{
    Binary, BinaryKind, Compare, CompareKind, Convert, IntegerPow, Select, Unary, UnaryKind,
};
use crate::ops::reduction::ReduceKind;
use crate::ops::shape::BroadcastInDim;
use crate::optimize::fold;
use crate::types::{Aval, DType, Kind, Literal, Scalar, Tensor};

/// Operations on literals are evaluated.
pub fn literals(_: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    if !is_elementwise(op) {
        return None;
    }
    let tensor = |atom: &Atom| atom.literal().map(Tensor::from_literal);
    let operands: Vec<Tensor> = operands.iter().map(tensor).collect::<Option<_>>()?;
    fold::value(op, &operands)?[0].to_literal().map(Atom::Literal)
}

/// `x - 0 == x`, `x * 1 == x`, `x / 1 == x`, `x^1 == x`, `x & true == x`, `max(x, x) == x` and the like; and
/// `x & false == false`, `n * 0 == 0` for an integer. `x + 0` stays: it makes +0 of -0.
pub fn neutral(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    if let (Op::IntegerPow(IntegerPow { y: 1 }), &[x]) = (op, operands) {
        return Some(x);
    }
    let (kind, x, y) = binary(op, operands)?;
    let aval = result(cx, op, operands)?;
    let constants = [x, y].map(|atom| cx.constant(atom));
    if let Some(zero) = constants.iter().flatten().find(|value| is_absorbing(kind, **value)) {
        return Some(stretched(cx, (*zero).into(), &aval));
    }
    let has_neutral = |value: Option<Literal>| value.is_some_and(|value| is_neutral(kind, value));
    let same = if has_neutral(constants[1]) || x == y && is_idempotent(kind) {
        x
    } else if has_neutral(constants[0]) && commutes(kind) {
        y
    } else {
        return None;
    };
    (cx.aval(same) == aval).then_some(same)
}

/// Is `x kind value == x` for every `x`?
fn is_neutral(kind: BinaryKind, value: Literal) -> bool {
    use BinaryKind::*;
    let dtype = value.dtype();
    let is_bound = |fold: ReduceKind| match value.value() {
        Scalar::Float(x) => x.is_infinite() && value == fold.identity(dtype),
        Scalar::Bool(_) | Scalar::Int(_) => value == fold.identity(dtype),
        Scalar::Complex(..) | Scalar::Key(_) => false,
    };
    match kind {
        Add | AddAny => !dtype.is_complex() && value == Literal::from_f64(dtype, -0.0),
        // The bits of +0.
        Sub | Or | Xor | ShiftLeft | ShiftRightLogical | ShiftRightArithmetic => value.bits() == 0,
        Mul | Div => !dtype.is_complex() && value.is_one(),
        And => value == ReduceKind::And.identity(dtype),
        Max => is_bound(ReduceKind::Max),
        Min => is_bound(ReduceKind::Min),
        Rem | Pow | Atan2 | NextAfter | MulHigh => false,
    }
}

/// Is `x kind value == value kind x == value` for every `x`?
fn is_absorbing(kind: BinaryKind, value: Literal) -> bool {
    match kind {
        BinaryKind::Mul => value.dtype().is_integer() && value.bits() == 0,
        BinaryKind::And => value.bits() == 0,
        BinaryKind::Or => value == ReduceKind::And.identity(value.dtype()),
        _ => false,
    }
}

fn is_idempotent(kind: BinaryKind) -> bool {
    matches!(kind, BinaryKind::Max | BinaryKind::Min | BinaryKind::And | BinaryKind::Or)
}

fn commutes(kind: BinaryKind) -> bool {
    use BinaryKind::*;
    matches!(kind, Add | AddAny | Mul | Max | Min | And | Or | Xor)
}

/// `-(-x) == x`, `x + -y == x - y`, `x - -y == x + y`, `x + -y * z == x - y * z`, `-x * -y == x * y`, `x * -1 == -x`,
/// `-x * c == x * -c`.
pub fn negations(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    use BinaryKind::{Add, AddAny, Div, Mul, Sub};
    if let (Op::Unary(Unary(kind)), &[x]) = (op, operands) {
        return match kind {
            UnaryKind::Neg => undone(cx, UnaryKind::Neg, x).or_else(|| negated_multiple(cx, x)),
            UnaryKind::Not => undone(cx, UnaryKind::Not, x),
            _ => None,
        };
    }
    let (kind, x, y) = binary(op, operands)?;
    let aval = result(cx, op, operands)?;
    let is_real = matches!(aval.dtype.kind(), Kind::Float | Kind::Signed);
    let is_minus_one = |atom: Atom| cx.constant(atom) == Some(Literal::from_f64(aval.dtype, -1.0));
    let by_minus_one = match kind {
        Mul | Div if is_real && is_minus_one(y) => Some(x),
        Mul if is_real && is_minus_one(x) => Some(y),
        _ => None,
    };
    if let Some(x) = by_minus_one.filter(|&x| cx.aval(x) == aval) {
        return Some(cx.emit(Unary(UnaryKind::Neg), &[x]));
    }
    let negative = |x: Atom| undone(cx, UnaryKind::Neg, x);
    let (kind, x, y) = match (kind, negative(x), negative(y)) {
        (Mul, Some(x), Some(y)) => (Mul, x, y),
        // Of integers, the least has no negative.
        (Div, Some(x), Some(y)) if aval.dtype.is_float() => (Div, x, y),
        (Mul, Some(x), None) if is_real && y.literal().is_some() => return multiple(cx, Mul, x, y),
        (Mul, None, Some(y)) if is_real && x.literal().is_some() => return multiple(cx, Mul, y, x),
        (Div, Some(x), None) if aval.dtype.is_float() && y.literal().is_some() => {
            return multiple(cx, Div, x, y);
        }
        (Add | AddAny, ..) => match (opposite(cx, y), x) {
            (Some(y), x) => (Sub, x, y),
            (None, x) => (Sub, y, opposite(cx, x)?),
        },
        (Sub, ..) => (Add, x, opposite(cx, y)?),
        _ => return None,
    };
    Some(cx.emit(Binary(kind), &[x, y]))
}

/// What `x` is the negative of: `-y`, or `-y * z` and `-y / z` that nobody else needs.
fn opposite(cx: &mut Sweep, x: Atom) -> Option<Atom> {
    if let Some(y) = undone(cx, UnaryKind::Neg, x) {
        return Some(y);
    }
    let maker = cx.maker(x)?;
    let (kind, y, z) = binary(&maker.op, &maker.operands)?;
    if !cx.aval(x).dtype.is_float() || !cx.is_only_for(x, x) {
        return None;
    }
    let negative = |x: Atom| undone(cx, UnaryKind::Neg, x);
    let factors = match (kind, negative(y), negative(z)) {
        (BinaryKind::Mul | BinaryKind::Div, Some(y), None) => [y, z],
        (BinaryKind::Mul | BinaryKind::Div, None, Some(z)) => [y, z],
        _ => return None,
    };
    Some(cx.emit(Binary(kind), &factors))
}

/// `x`, if `atom` is the `kind` of it.
fn undone(cx: &Sweep, kind: UnaryKind, atom: Atom) -> Option<Atom> {
    match cx.made_from(atom)? {
        (Op::Unary(Unary(made)), x) if *made == kind => Some(x),
        _ => None,
    }
}

/// `-(x * c) == x * -c` and `-(x / c) == x / -c`, if nobody else needs the multiple.
fn negated_multiple(cx: &mut Sweep, product: Atom) -> Option<Atom> {
    let maker = cx.maker(product)?;
    let (kind, x, y) = binary(&maker.op, &maker.operands)?;
    let dtype = cx.aval(product).dtype;
    let (x, constant) = match kind {
        BinaryKind::Mul if !dtype.is_complex() && x.literal().is_some() => (y, x),
        BinaryKind::Mul if !dtype.is_complex() => (x, y),
        BinaryKind::Div if dtype.is_float() => (x, y),
        _ => return None,
    };
    (constant.literal().is_some() && cx.is_only_for(product, product))
        .then(|| multiple(cx, kind, x, constant))?
}

/// `x * -constant` or `x / -constant`.
fn multiple(cx: &mut Sweep, kind: BinaryKind, x: Atom, constant: Atom) -> Option<Atom> {
    let negative = cx.emit(Unary(UnaryKind::Neg), &[constant]);
    Some(cx.emit(Binary(kind), &[x, negative]))
}

/// `x / c == x * (1/c)` where `c` is a power of two, of either sign.
pub fn reciprocal(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let (BinaryKind::Div, x, y) = binary(op, operands)? else { return None };
    let divisor = y.literal()?;
    // The reciprocal must be normal.
    let greatest = match divisor.dtype() {
        DType::F16 => 14,
        DType::BF16 | DType::F32 => 126,
        DType::F64 => 1022,
        _ => return None,
    };
    let divisor = divisor.value().float();
    let exponent = divisor.abs().log2();
    let is_power = exponent.abs() <= f64::from(greatest) && exponent.exp2() == divisor.abs();
    let factor = Atom::constant(cx.aval(x).dtype, 1.0 / divisor);
    (is_power && exponent.fract() == 0.0).then(|| cx.emit(Binary(BinaryKind::Mul), &[x, factor]))
}

/// Choices that are known, between equals, and by the opposite of a mask.
pub fn choices(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let (Op::Select(_), &[which, ref cases @ ..]) = (op, operands) else { return None };
    let aval = result(cx, op, operands)?;
    let last = cases.len() - 1;
    if let Some(which) = cx.constant(which) {
        let case = match which.value() {
            Scalar::Bool(is_true) => usize::from(is_true).min(last),
            which => which.int().clamp(0, last as i128) as usize,
        };
        return Some(stretched(cx, cases[case], &aval));
    }
    if cases.iter().all(|&case| case == cases[0]) {
        return Some(stretched(cx, cases[0], &aval));
    }
    let &[on_false, on_true] = cases else { return None };
    if let Some(mask) = undone(cx, UnaryKind::Not, which).filter(|&mask| cx.aval(mask).dtype == DType::Bool) {
        return Some(cx.emit(Select, &[mask, on_true, on_false]));
    }
    if is_extremum(cx, which, on_false, on_true) {
        return Some(stretched(cx, on_false, &aval));
    }
    let (of_false, of_true) = (chosen(cx, which, on_false, 0), chosen(cx, which, on_true, 1));
    let simpler = [which, of_false.unwrap_or(on_false), of_true.unwrap_or(on_true)];
    (simpler != operands && result(cx, op, &simpler)? == aval).then(|| cx.emit(Select, &simpler))
}

/// The case of a choice by the same mask, inside the case of this one.
fn chosen(cx: &Sweep, which: Atom, case: Atom, position: usize) -> Option<Atom> {
    let maker = cx.maker(case)?;
    match (&maker.op, &*maker.operands) {
        (Op::Select(_), &[inner, on_false, on_true]) if inner == which => Some([on_false, on_true][position]),
        _ => None,
    }
}

/// `x > y ? x : max(x, y) == max(x, y)`, and the same of `min`: how rules write that the derivative of an extremum is
/// that of one operand.
fn is_extremum(cx: &Sweep, mask: Atom, on_false: Atom, on_true: Atom) -> bool {
    let (Some(mask), Some(extremum)) = (cx.maker(mask), cx.maker(on_false)) else { return false };
    let (Op::Compare(Compare(comparison)), &[x, y]) = (&mask.op, &*mask.operands) else { return false };
    let Some((kind, a, b)) = binary(&extremum.op, &extremum.operands) else { return false };
    let is_kind = match comparison {
        CompareKind::Gt => kind == BinaryKind::Max,
        CompareKind::Lt => kind == BinaryKind::Min,
        _ => false,
    };
    is_kind && on_true == x && ([a, b] == [x, y] || [a, b] == [y, x])
}

/// A conversion of a converted value is one conversion, if the first one loses nothing.
pub fn conversions(cx: &mut Sweep, op: &Op, operands: &[Atom]) -> Option<Atom> {
    let (Op::Convert(Convert { dtype }), &[x]) = (op, operands) else { return None };
    if cx.aval(x).dtype == *dtype {
        return Some(x);
    }
    let (Op::Convert(inner), source) = cx.made_from(x)? else { return None };
    let from = cx.aval(source).dtype;
    // Integers wrap to narrower ones, but saturate on the way from floats.
    let saturates = from.is_integer() && inner.dtype.is_float() && dtype.is_integer() && from != *dtype;
    (holds_all(inner.dtype, from) && !saturates).then(|| cx.emit(Convert { dtype: *dtype }, &[source]))
}

/// Is every value of `from` one of `to`?
fn holds_all(to: DType, from: DType) -> bool {
    // Units: binary digits of the integers that are all there, the sign apart.
    let digits = |dtype: DType| match (dtype, dtype.kind()) {
        (DType::F16, _) => 11,
        (DType::BF16, _) => 8,
        (DType::F32, _) => 24,
        (DType::F64, _) => 53,
        (_, Kind::Bool) => 1,
        (_, Kind::Signed) => dtype.bits() - 1,
        (_, Kind::Unsigned) => dtype.bits(),
        (_, Kind::Float | Kind::Complex | Kind::Key | Kind::Float0) => 0,
    };
    match (from.kind(), to.kind()) {
        (Kind::Bool | Kind::Unsigned, Kind::Signed | Kind::Unsigned | Kind::Float) => {
            digits(from) <= digits(to)
        }
        (Kind::Signed, Kind::Signed | Kind::Float) => digits(from) <= digits(to),
        (Kind::Float, Kind::Float) => {
            let is_wide = matches!(to, DType::F32 | DType::F64);
            is_wide && digits(from) > 0 && digits(from) <= digits(to)
        }
        _ => false,
    }
}

fn binary(op: &Op, operands: &[Atom]) -> Option<(BinaryKind, Atom, Atom)> {
    match (op, operands) {
        (Op::Binary(Binary(kind)), &[x, y]) => Some((*kind, x, y)),
        _ => None,
    }
}

/// The type of the one result.
fn result(cx: &Sweep, op: &Op, operands: &[Atom]) -> Option<Aval> {
    Some(op.infer(&cx.avals(operands)).ok()?.remove(0))
}

/// A value with the shape that implicit broadcasting gives it.
fn stretched(cx: &mut Sweep, x: Atom, aval: &Aval) -> Atom {
    let rank = cx.shape(x).rank();
    if cx.aval(x) == *aval {
        return x;
    }
    cx.emit(BroadcastInDim { shape: aval.shape.clone(), dims: (0..rank).collect() }, &[x])
}
