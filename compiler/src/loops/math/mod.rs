//! Mathematical functions as sequences of the machine subset.
//!
//! Every function appends straight-line code for F32 or F64 operands to a block, so that it fuses with what is
//! around it and vectorizes with it. Results are within 2 ulp unless a function says otherwise.
//!
//! # Note: contraction
//! `Fma` may or may not round in between. Polynomials do not care. Where an error term must be exact, the code
//! uses splitting (see `common::two_product`), or constants whose products with small integers are exact.
//!
//! # Note: denormals
//! Operands below the smallest normal number count as what they are, in every function: those that take exponents
//! apart scale them up first, by a multiplication and two selections that vectorize. XLA on CPU takes them for zero.
//! Results below the smallest normal number may become zero (of either function: exp, exp2, pow, and what is made of
//! exp), as those of XLA do; they never become anything else.
//!
//! # Note: integers of 64 bits
//! Conversions between floats and 64-bit integers are slow or absent in vector units. Adding `1.5 * 2^52` (for
//! F32, `1.5 * 2^23`) to an integer leaves it in the low bits of the sum, which is all that is needed. The sum alone
//! would round as well, but in the direction that the caller has set: the reduced operand would lie as far from zero
//! as the whole step, where the polynomials are wrong in the fourth digit. So `RoundEven` goes first.

mod bessel;
mod coefficients;
mod common;
pub mod complex;
mod error;
mod exponential;
mod gamma;
mod hyperbolic;
mod integer;
mod inverse_trigonometric;
mod logarithm;
mod pow;
mod remainder;
mod rounding;
mod special_coefficients;
mod trigonometric;

pub use bessel::{bessel_i0e, bessel_i1e};
pub use error::{erf, erf_inv, erfc};
pub use exponential::{exp, exp2, expm1, logistic};
pub use gamma::{digamma, lgamma};
pub use hyperbolic::{acosh, asinh, atanh, cosh, sinh, tanh};
pub use integer::mul_high;
pub use inverse_trigonometric::{acos, asin, atan, atan2};
pub use logarithm::{log, log1p};
pub use pow::{cbrt, pow, rsqrt};
pub use remainder::rem;
pub use rounding::{is_finite, next_after, next_after_bits, round_away, sign};
pub use trigonometric::{cos, sin, tan};

use super::{BinaryOp, BlockBuilder, UnaryOp, Val};

/// Appends `op` on an F32 or F64 value; operations of the machine subset as they are.
pub fn unary(b: &mut BlockBuilder, op: UnaryOp, x: Val) -> Val {
    match op {
        UnaryOp::Neg | UnaryOp::Abs | UnaryOp::Not | UnaryOp::Sqrt => b.unary(op, x),
        UnaryOp::Floor | UnaryOp::Ceil | UnaryOp::Trunc | UnaryOp::RoundEven => b.unary(op, x),
        UnaryOp::PopulationCount | UnaryOp::CountLeadingZeros => b.unary(op, x),
        UnaryOp::RoundAway => round_away(b, x),
        UnaryOp::Sign => sign(b, x),
        UnaryOp::IsFinite => is_finite(b, x),
        UnaryOp::Rsqrt => rsqrt(b, x),
        UnaryOp::Cbrt => cbrt(b, x),
        UnaryOp::Exp => exp(b, x),
        UnaryOp::Exp2 => exp2(b, x),
        UnaryOp::Expm1 => expm1(b, x),
        UnaryOp::Log => log(b, x),
        UnaryOp::Log1p => log1p(b, x),
        UnaryOp::Sin => sin(b, x),
        UnaryOp::Cos => cos(b, x),
        UnaryOp::Tan => tan(b, x),
        UnaryOp::Asin => asin(b, x),
        UnaryOp::Acos => acos(b, x),
        UnaryOp::Atan => atan(b, x),
        UnaryOp::Sinh => sinh(b, x),
        UnaryOp::Cosh => cosh(b, x),
        UnaryOp::Tanh => tanh(b, x),
        UnaryOp::Asinh => asinh(b, x),
        UnaryOp::Acosh => acosh(b, x),
        UnaryOp::Atanh => atanh(b, x),
        UnaryOp::Logistic => logistic(b, x),
        UnaryOp::Real | UnaryOp::Conj => x,
        UnaryOp::Imag => common::constant(b, x, 0.0),
        UnaryOp::Erf => erf(b, x),
        UnaryOp::Erfc => erfc(b, x),
        UnaryOp::ErfInv => erf_inv(b, x),
        UnaryOp::Lgamma => lgamma(b, x),
        UnaryOp::Digamma => digamma(b, x),
        UnaryOp::BesselI0e => bessel_i0e(b, x),
        UnaryOp::BesselI1e => bessel_i1e(b, x),
    }
}

/// Appends `op` on two F32 or F64 values; operations of the machine subset as they are.
pub fn binary(b: &mut BlockBuilder, op: BinaryOp, x: Val, y: Val) -> Val {
    match op {
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div => b.binary(op, x, y),
        BinaryOp::Max | BinaryOp::Min | BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => b.binary(op, x, y),
        BinaryOp::ShiftLeft | BinaryOp::ShiftRightLogical | BinaryOp::ShiftRightArithmetic => {
            b.binary(op, x, y)
        }
        BinaryOp::Rem => rem(b, x, y),
        BinaryOp::Pow => pow(b, x, y),
        BinaryOp::Atan2 => atan2(b, x, y),
        BinaryOp::NextAfter => next_after(b, x, y),
        BinaryOp::MulHigh => mul_high(b, x, y),
        BinaryOp::Complex => b.binary(op, x, y),
    }
}

#[cfg(test)]
mod tests;
