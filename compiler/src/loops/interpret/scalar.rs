//! Single operations on decoded elements.

use super::{Strictness, special};
use crate::loops::{BinaryOp, CompareOp, UnaryOp};
use crate::types::{Complex, DType, Kind, Scalar};

pub(super) fn unary(op: UnaryOp, dtype: DType, x: Scalar, strictness: Strictness) -> Result<Scalar, String> {
    if strictness == Strictness::Machine && !op.is_machine() {
        return Err(format!("{op:?} is outside of the machine subset"));
    }
    let value = match (op, x) {
        (UnaryOp::IsFinite, Scalar::Float(x)) => return Ok(Scalar::Bool(x.is_finite())),
        (UnaryOp::Not, Scalar::Bool(x)) => Some(Scalar::Bool(!x)),
        (_, Scalar::Int(x)) => unary_int(op, dtype, x).map(Scalar::Int),
        (_, Scalar::Float(x)) => unary_float(op, x).map(Scalar::Float),
        (_, Scalar::Complex(..)) => unary_complex(op, x.number()),
        (_, Scalar::Bool(_) | Scalar::Key(_)) => None,
    };
    let value = value.ok_or_else(|| format!("{op:?} is not defined on {dtype}"))?;
    Ok(value.rounded(op.result_dtype(dtype)))
}

pub(super) fn binary(
    op: BinaryOp,
    dtype: DType,
    x: Scalar,
    y: Scalar,
    strictness: Strictness,
) -> Result<Scalar, String> {
    if strictness == Strictness::Machine {
        check_machine(op, dtype, x, y)?;
    }
    let value = match (x, y) {
        (Scalar::Bool(x), Scalar::Bool(y)) => binary_bool(op, x, y).map(Scalar::Bool),
        (Scalar::Int(x), Scalar::Int(y)) => binary_int(op, dtype, x, y).map(Scalar::Int),
        (Scalar::Float(x), Scalar::Float(y)) if op == BinaryOp::Complex => Some(Scalar::Complex(x, y)),
        (Scalar::Float(x), Scalar::Float(y)) => binary_float(op, dtype, x, y).map(Scalar::Float),
        (Scalar::Complex(..), Scalar::Complex(..)) => {
            binary_complex(op, x.number(), y.number()).map(Scalar::from)
        }
        _ => None,
    };
    Ok(value.ok_or_else(|| format!("{op:?} is not defined on {dtype}"))?.rounded(dtype))
}

pub(super) fn compare(op: CompareOp, dtype: DType, x: Scalar, y: Scalar) -> Result<bool, String> {
    let order = match (x, y) {
        (Scalar::Bool(x), Scalar::Bool(y)) => Some(x.cmp(&y)),
        (Scalar::Int(x), Scalar::Int(y)) => Some(x.cmp(&y)),
        (Scalar::Float(x), Scalar::Float(y)) => x.partial_cmp(&y),
        (Scalar::Complex(..), Scalar::Complex(..)) => x.number().partial_cmp(&y.number()),
        (Scalar::Key(x), Scalar::Key(y)) if matches!(op, CompareOp::Eq | CompareOp::Ne) => Some(x.cmp(&y)),
        _ => return Err(format!("{dtype} has no order")),
    };
    Ok(match op {
        CompareOp::Eq => order.is_some_and(|order| order.is_eq()),
        CompareOp::Ne => order.is_none_or(|order| order.is_ne()),
        CompareOp::Lt => order.is_some_and(|order| order.is_lt()),
        CompareOp::Le => order.is_some_and(|order| order.is_le()),
        CompareOp::Gt => order.is_some_and(|order| order.is_gt()),
        CompareOp::Ge => order.is_some_and(|order| order.is_ge()),
    })
}

/// `x * y + z`, rounded once.
pub(super) fn fma(dtype: DType, x: Scalar, y: Scalar, z: Scalar) -> Result<Scalar, String> {
    match (x, y, z) {
        // Through f64 it would be rounded twice.
        (Scalar::Float(x), Scalar::Float(y), Scalar::Float(z)) if dtype == DType::F32 => {
            Ok(Scalar::Float(f64::from((x as f32).mul_add(y as f32, z as f32))))
        }
        (Scalar::Float(x), Scalar::Float(y), Scalar::Float(z)) => {
            Ok(Scalar::Float(x.mul_add(y, z)).rounded(dtype))
        }
        _ => Err(format!("Fma is not defined on {dtype}")),
    }
}

pub(super) fn convert(from: DType, to: DType, x: Scalar) -> Result<Scalar, String> {
    let value = match (x, to.kind()) {
        (Scalar::Bool(x), Kind::Bool) => Scalar::Bool(x),
        (Scalar::Int(x), Kind::Bool) => Scalar::Bool(x != 0),
        (Scalar::Float(x), Kind::Bool) => Scalar::Bool(x != 0.0),
        (Scalar::Bool(x), Kind::Signed | Kind::Unsigned) => Scalar::Int(i128::from(x)),
        (Scalar::Int(x), Kind::Signed | Kind::Unsigned) => Scalar::Int(x),
        (Scalar::Float(x), Kind::Signed | Kind::Unsigned) => {
            let (least, greatest) = range(to);
            Scalar::Int((x as i128).clamp(least, greatest))
        }
        (Scalar::Bool(x), Kind::Float) => Scalar::Float(f64::from(u8::from(x))),
        // Through f64 a 64-bit integer would be rounded twice.
        (Scalar::Int(x), Kind::Float) if to != DType::F64 => Scalar::Float(f64::from(x as f32)),
        (Scalar::Int(x), Kind::Float) => Scalar::Float(x as f64),
        (Scalar::Float(x), Kind::Float) => Scalar::Float(x),
        (Scalar::Complex(..), Kind::Complex) => x,
        (Scalar::Complex(re, _), _) => return convert(from.real_part(), to, Scalar::Float(re)),
        (_, Kind::Complex) => Scalar::Complex(convert(from, to.real_part(), x)?.float(), 0.0),
        _ => return Err(format!("{from} does not convert to {to}")),
    };
    Ok(value.rounded(to))
}

pub(super) fn bitcast(from: DType, to: DType, x: Scalar) -> Result<Scalar, String> {
    if from.size_bytes() != to.size_bytes() {
        return Err(format!("{from} and {to} differ in width"));
    }
    let mut bytes = Vec::with_capacity(16);
    x.encode(from, &mut bytes);
    Ok(Scalar::decode(to, &bytes))
}

fn check_machine(op: BinaryOp, dtype: DType, x: Scalar, y: Scalar) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("{op:?} of {x:?} and {y:?} as {dtype}: {why}"));
    if !op.is_machine() || op == BinaryOp::Rem && dtype.is_float() {
        return refuse("outside of the machine subset");
    }
    let (Scalar::Int(a), Scalar::Int(b)) = (x, y) else { return Ok(()) };
    match op {
        BinaryOp::Div | BinaryOp::Rem if b == 0 => refuse("the divisor is zero"),
        BinaryOp::Div | BinaryOp::Rem if b == -1 && a == range(dtype).0 => refuse("the quotient overflows"),
        BinaryOp::ShiftLeft | BinaryOp::ShiftRightLogical | BinaryOp::ShiftRightArithmetic
            if !(0..i128::from(dtype.bits())).contains(&b) =>
        {
            refuse("the amount is not below the width")
        }
        _ => Ok(()),
    }
}

fn unary_int(op: UnaryOp, dtype: DType, x: i128) -> Option<i128> {
    let bits = bits_of(dtype, x);
    match op {
        UnaryOp::Neg => Some(-x),
        UnaryOp::Abs => Some(x.abs()),
        UnaryOp::Not => Some(!x),
        UnaryOp::Sign => Some(x.signum()),
        UnaryOp::PopulationCount => Some(i128::from(bits.count_ones())),
        UnaryOp::CountLeadingZeros => Some(i128::from(bits.leading_zeros() + dtype.bits()) - 128),
        // Functions of real numbers.
        _ => None,
    }
}

fn unary_float(op: UnaryOp, x: f64) -> Option<f64> {
    Some(match op {
        UnaryOp::Neg => -x,
        UnaryOp::Abs => x.abs(),
        UnaryOp::Sqrt => x.sqrt(),
        UnaryOp::Floor => x.floor(),
        UnaryOp::Ceil => x.ceil(),
        UnaryOp::Trunc => x.trunc(),
        UnaryOp::RoundEven => x.round_ties_even(),
        UnaryOp::RoundAway => x.round(),
        UnaryOp::Sign if x == 0.0 || x.is_nan() => x,
        UnaryOp::Sign => x.signum(),
        UnaryOp::Rsqrt => 1.0 / x.sqrt(),
        UnaryOp::Cbrt => x.cbrt(),
        UnaryOp::Exp => x.exp(),
        UnaryOp::Exp2 => x.exp2(),
        UnaryOp::Expm1 => x.exp_m1(),
        UnaryOp::Log => x.ln(),
        UnaryOp::Log1p => x.ln_1p(),
        UnaryOp::Sin => x.sin(),
        UnaryOp::Cos => x.cos(),
        UnaryOp::Tan => x.tan(),
        UnaryOp::Asin => x.asin(),
        UnaryOp::Acos => x.acos(),
        UnaryOp::Atan => x.atan(),
        UnaryOp::Sinh => x.sinh(),
        UnaryOp::Cosh => x.cosh(),
        UnaryOp::Tanh => x.tanh(),
        UnaryOp::Asinh => asinh(x),
        UnaryOp::Acosh => acosh(x),
        UnaryOp::Atanh => x.atanh(),
        UnaryOp::Logistic => 1.0 / (1.0 + (-x).exp()),
        UnaryOp::Real | UnaryOp::Conj => x,
        UnaryOp::Imag => 0.0,
        UnaryOp::Erf => special::erf(x),
        UnaryOp::Erfc => special::erfc(x),
        UnaryOp::ErfInv => special::erf_inv(x),
        UnaryOp::Lgamma => libm::lgamma(x),
        UnaryOp::Digamma => special::digamma(x),
        UnaryOp::BesselI0e => special::bessel_i0e(x),
        UnaryOp::BesselI1e => special::bessel_i1e(x),
        UnaryOp::Not | UnaryOp::PopulationCount | UnaryOp::CountLeadingZeros | UnaryOp::IsFinite => {
            return None;
        }
    })
}

fn unary_complex(op: UnaryOp, x: Complex) -> Option<Scalar> {
    Some(Scalar::from(match op {
        UnaryOp::Real => return Some(Scalar::Float(x.re)),
        UnaryOp::Imag => return Some(Scalar::Float(x.im)),
        UnaryOp::Abs => return Some(Scalar::Float(x.abs())),
        UnaryOp::IsFinite => return Some(Scalar::Bool(x.re.is_finite() && x.im.is_finite())),
        UnaryOp::Neg => -x,
        UnaryOp::Conj => x.conj(),
        UnaryOp::Sign => x.sign(),
        UnaryOp::Sqrt => x.sqrt(),
        UnaryOp::Rsqrt => x.rsqrt(),
        UnaryOp::Exp => x.exp(),
        UnaryOp::Exp2 => x.exp2(),
        UnaryOp::Expm1 => x.expm1(),
        UnaryOp::Log => x.log(),
        UnaryOp::Log1p => x.log1p(),
        UnaryOp::Sin => x.sin(),
        UnaryOp::Cos => x.cos(),
        UnaryOp::Tan => x.tan(),
        UnaryOp::Asin => x.asin(),
        UnaryOp::Acos => x.acos(),
        UnaryOp::Atan => x.atan(),
        UnaryOp::Sinh => x.sinh(),
        UnaryOp::Cosh => x.cosh(),
        UnaryOp::Tanh => x.tanh(),
        UnaryOp::Asinh => x.asinh(),
        UnaryOp::Acosh => x.acosh(),
        UnaryOp::Atanh => x.atanh(),
        UnaryOp::Logistic => x.logistic(),
        // Functions of real numbers and of bits.
        _ => return None,
    }))
}

fn binary_complex(op: BinaryOp, x: Complex, y: Complex) -> Option<Complex> {
    Some(match op {
        BinaryOp::Add => x + y,
        BinaryOp::Sub => x - y,
        BinaryOp::Mul => x * y,
        BinaryOp::Div => x / y,
        BinaryOp::Max => x.max(y),
        BinaryOp::Min => x.min(y),
        BinaryOp::Pow => x.pow(y),
        BinaryOp::Atan2 => x.atan2(y),
        // Functions of real numbers and of bits.
        _ => return None,
    })
}

/// The standard library's version overflows early.
fn asinh(x: f64) -> f64 {
    if x.abs() > 1e10 { (x.abs().ln() + std::f64::consts::LN_2).copysign(x) } else { x.asinh() }
}

/// The standard library's version cancels near one.
fn acosh(x: f64) -> f64 {
    if x < 1.0 {
        return f64::NAN;
    }
    let above = x - 1.0;
    if x > 1e10 { x.ln() + std::f64::consts::LN_2 } else { (above + (above * (x + 1.0)).sqrt()).ln_1p() }
}

fn binary_bool(op: BinaryOp, x: bool, y: bool) -> Option<bool> {
    match op {
        BinaryOp::Add | BinaryOp::Max | BinaryOp::Or => Some(x | y),
        BinaryOp::Mul | BinaryOp::Min | BinaryOp::And => Some(x & y),
        BinaryOp::Xor => Some(x ^ y),
        _ => None,
    }
}

fn binary_int(op: BinaryOp, dtype: DType, x: i128, y: i128) -> Option<i128> {
    let bits = i128::from(dtype.bits());
    // A shift amount counts as unsigned: whatever is not below the width shifts everything out.
    let shift = (0..bits).contains(&y).then_some(y as u32);
    Some(match op {
        BinaryOp::Add => x + y,
        BinaryOp::Sub => x - y,
        BinaryOp::Mul => x.wrapping_mul(y),
        BinaryOp::Div if y == 0 => -1,
        BinaryOp::Div => x / y,
        BinaryOp::Rem if y == 0 => x,
        BinaryOp::Rem => x % y,
        BinaryOp::Max => x.max(y),
        BinaryOp::Min => x.min(y),
        BinaryOp::And => x & y,
        BinaryOp::Or => x | y,
        BinaryOp::Xor => x ^ y,
        BinaryOp::ShiftLeft => shift.map_or(0, |shift| x << shift),
        BinaryOp::ShiftRightLogical => shift.map_or(0, |shift| (bits_of(dtype, x) >> shift) as i128),
        BinaryOp::ShiftRightArithmetic => signed(dtype, x) >> shift.unwrap_or(127),
        // 128 bits hold every product but the unsigned 64-bit ones, whose bits are right all the same.
        BinaryOp::MulHigh if dtype == DType::U64 => ((x as u128).wrapping_mul(y as u128) >> bits) as i128,
        BinaryOp::MulHigh => (x * y) >> bits,
        BinaryOp::Pow | BinaryOp::Atan2 | BinaryOp::NextAfter | BinaryOp::Complex => return None,
    })
}

fn binary_float(op: BinaryOp, dtype: DType, x: f64, y: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => x + y,
        BinaryOp::Sub => x - y,
        BinaryOp::Mul => x * y,
        BinaryOp::Div => x / y,
        BinaryOp::Max | BinaryOp::Min if x.is_nan() || y.is_nan() => f64::NAN,
        BinaryOp::Max if x == y => {
            if x.is_sign_negative() {
                y
            } else {
                x
            }
        }
        BinaryOp::Min if x == y => {
            if x.is_sign_negative() {
                x
            } else {
                y
            }
        }
        BinaryOp::Max => x.max(y),
        BinaryOp::Min => x.min(y),
        BinaryOp::Rem => x % y,
        BinaryOp::Pow => x.powf(y),
        BinaryOp::Atan2 => x.atan2(y),
        BinaryOp::NextAfter => next_after(dtype, x, y),
        BinaryOp::And | BinaryOp::Or | BinaryOp::Xor | BinaryOp::MulHigh | BinaryOp::Complex => return None,
        BinaryOp::ShiftLeft | BinaryOp::ShiftRightLogical | BinaryOp::ShiftRightArithmetic => return None,
    })
}

/// The neighbour of `x` in the direction of `y`, among the values of `dtype`.
fn next_after(dtype: DType, x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    if x == y {
        return y;
    }
    let mut bytes = Vec::new();
    Scalar::Float(x).encode(dtype, &mut bytes);
    let bits = bytes.iter().rev().fold(0u64, |word, &byte| word << 8 | u64::from(byte));
    let sign = 1u64 << (dtype.bits() - 1);
    let stepped = match (x == 0.0, (x < y) == (x > 0.0)) {
        (true, _) => u64::from(y < 0.0) * sign + 1,
        (false, true) => bits + 1,
        (false, false) => bits - 1,
    };
    Scalar::decode(dtype, &stepped.to_le_bytes()[..dtype.size_bytes()]).float()
}

fn range(dtype: DType) -> (i128, i128) {
    let bits = dtype.bits();
    if dtype.is_signed() { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) }
}

/// The storage bits of an integer, zero-extended.
fn bits_of(dtype: DType, x: i128) -> u128 {
    x as u128 & ((1 << dtype.bits()) - 1)
}

/// The bits of an integer, read as two's complement whatever its type says.
fn signed(dtype: DType, x: i128) -> i128 {
    let shift = 128 - dtype.bits();
    x << shift >> shift
}
