//! sin, cos, tan.
//!
//! Moderate operands are reduced by multiples of pi / 2, given in parts of so few bits that their products with
//! the multiple are exact. Huge ones are multiplied by as many bits of 2 / pi as matter (Payne and Hanek); that
//! happens in a slow block.

use super::coefficients::{COS_F32, COS_F64, SIN_F32, SIN_F64};
use super::common::{
    Format, bits, constant, fma_constant, integer, nearest, polynomial, quick_two_sum, scale, select_below,
    through_f64, two_product, xor_sign,
};
use super::integer::mul_high_u64;
use crate::loops::{BinaryOp, Block, BlockBuilder, Val};
use crate::types::{DType, Literal};
use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};
use std::sync::Arc;

/// The sine, for operands of any size.
pub fn sin(b: &mut BlockBuilder, x: Val) -> Val {
    let y = with_slow_path(b, x, sin_of);
    // The reduction loses the sign of zero.
    let format = Format::of(b.dtype(x));
    let magnitude = b.abs(x);
    select_below(b, magnitude, format.least_normal, x, y)
}

/// The cosine, for operands of any size.
pub fn cos(b: &mut BlockBuilder, x: Val) -> Val {
    with_slow_path(b, x, cos_of)
}

/// The tangent, for operands of any size. F32 operands go through F64.
pub fn tan(b: &mut BlockBuilder, x: Val) -> Val {
    if b.dtype(x) == DType::F32 {
        return through_f64(b, x, tan);
    }
    let y = with_slow_path(b, x, tan_of);
    let magnitude = b.abs(x);
    select_below(b, magnitude, f64::MIN_POSITIVE, x, y)
}

/// `r` within pi / 4 and an integer whose low two bits are the quadrant.
struct Reduced {
    r: Val,
    quadrant: Val,
}

type Finish = fn(&mut BlockBuilder, Reduced) -> Val;

fn with_slow_path(b: &mut BlockBuilder, x: Val, finish: Finish) -> Val {
    let reduced = reduce(b, x);
    let fast = finish(b, reduced);
    let magnitude = b.abs(x);
    let limit = constant(b, x, if b.dtype(x) == DType::F32 { 12_800.0 } else { 1_500_000.0 });
    let moderate = b.le(magnitude, limit);
    let huge = b.not(moderate);
    let slow = slow_block(b.dtype(x), finish);
    b.rare(huge, fast, slow, vec![x])
}

fn slow_block(dtype: DType, finish: Finish) -> Block {
    let mut b = BlockBuilder::new();
    let param = b.param(dtype);
    let x = b.convert(param, DType::F64);
    let reduced = reduce_huge(&mut b, x);
    let y = finish(&mut b, reduced);
    // Zero for finite operands, NaN for the others.
    let not_finite = b.sub(x, x);
    let y = b.add(y, not_finite);
    let y = b.convert(y, dtype);
    b.finish_with(vec![y])
}

// pi / 2 in parts of 11 and of 33 bits. F32 multiples have up to 13 bits, F64 ones up to 20.
const PARTS_F32: [f64; 5] =
    [1.5703125, 0.0004837512969970703, 7.549533620476723e-8, 2.5632829192545614e-12, 6.123233995736766e-17];
const PARTS_F64: [f64; 4] =
    [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32];

fn reduce(b: &mut BlockBuilder, x: Val) -> Reduced {
    let format = Format::of(b.dtype(x));
    let parts: &[f64] = if format.float == DType::F32 { &PARTS_F32 } else { &PARTS_F64 };
    let multiple = scale(b, x, FRAC_2_PI);
    let (n, shifted) = nearest(b, multiple);
    let r = parts.iter().fold(x, |r, part| fma_constant(b, n, -part, r));
    Reduced { r, quadrant: bits(b, shifted) }
}

fn sin_of(b: &mut BlockBuilder, reduced: Reduced) -> Val {
    let (sin, cos) = (sin_kernel(b, reduced.r), cos_kernel(b, reduced.r));
    let y = swapped_if_odd(b, reduced.quadrant, cos, sin);
    negated_in_lower_half(b, reduced.quadrant, y)
}

fn cos_of(b: &mut BlockBuilder, reduced: Reduced) -> Val {
    let (sin, cos) = (sin_kernel(b, reduced.r), cos_kernel(b, reduced.r));
    let y = swapped_if_odd(b, reduced.quadrant, sin, cos);
    let one = integer(b, reduced.quadrant, 1);
    let next = b.add(reduced.quadrant, one);
    negated_in_lower_half(b, next, y)
}

fn tan_of(b: &mut BlockBuilder, reduced: Reduced) -> Val {
    let (sin, cos) = (sin_kernel(b, reduced.r), cos_kernel(b, reduced.r));
    let minus_cos = b.neg(cos);
    let numerator = swapped_if_odd(b, reduced.quadrant, minus_cos, sin);
    let denominator = swapped_if_odd(b, reduced.quadrant, sin, cos);
    b.div(numerator, denominator)
}

fn swapped_if_odd(b: &mut BlockBuilder, quadrant: Val, odd: Val, even: Val) -> Val {
    let (zero, one) = (integer(b, quadrant, 0), integer(b, quadrant, 1));
    let low = b.and(quadrant, one);
    let is_even = b.eq(low, zero);
    b.select(is_even, even, odd)
}

/// Flips the sign in quadrants 2 and 3.
fn negated_in_lower_half(b: &mut BlockBuilder, quadrant: Val, y: Val) -> Val {
    let format = Format::of(b.dtype(y));
    let two = integer(b, quadrant, 2);
    let half = b.and(quadrant, two);
    let amount = integer(b, quadrant, i64::from(format.float.bits()) - 2);
    let sign = b.shl(half, amount);
    xor_sign(b, y, sign)
}

/// For operands up to pi / 4.
pub(super) fn sin_kernel(b: &mut BlockBuilder, r: Val) -> Val {
    let coefficients: &[f64] = if b.dtype(r) == DType::F32 { &SIN_F32 } else { &SIN_F64 };
    let square = b.mul(r, r);
    let p = polynomial(b, square, coefficients);
    let cube = b.mul(square, r);
    b.fma(cube, p, r)
}

/// For operands up to pi / 4.
pub(super) fn cos_kernel(b: &mut BlockBuilder, r: Val) -> Val {
    let coefficients: &[f64] = if b.dtype(r) == DType::F32 { &COS_F32 } else { &COS_F64 };
    let square = b.mul(r, r);
    let p = polynomial(b, square, coefficients);
    let fourth = b.mul(square, square);
    // 1 - r^2 / 2 with its rounding error.
    let one = constant(b, r, 1.0);
    let half_square = scale(b, square, 0.5);
    let near = b.sub(one, half_square);
    let lost = b.sub(one, near);
    let error = b.sub(lost, half_square);
    let tail = b.fma(fourth, p, error);
    b.add(near, tail)
}

// The bits of 2 / pi after the point, behind one word of zeros.
const TWO_OVER_PI: [u64; 21] = [
    0,
    0xa2f9836e4e441529,
    0xfc2757d1f534ddc0,
    0xdb6295993c439041,
    0xfe5163abdebbc561,
    0xb7246e3a424dd2e0,
    0x06492eea09d1921c,
    0xfe1deb1cb129a73e,
    0xe88235f52ebb4484,
    0xe99c7026b45f7e41,
    0x3991d639835339f4,
    0x9c845f8bbdf9283b,
    0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f,
    0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea,
    0x6bfb5fb11f8d5d08,
    0x56033046fc7b6bab,
    0xf0cfbc209af4361d,
];

/// For F64 operands from 2^13 on.
fn reduce_huge(b: &mut BlockBuilder, x: Val) -> Reduced {
    let x_bits = b.bitcast(x, DType::U64);
    let fraction_mask = b.int(DType::U64, (1 << 52) - 1);
    let leading = b.int(DType::U64, 1 << 52);
    let fraction = b.and(x_bits, fraction_mask);
    let mantissa = b.or(fraction, leading);
    // |x| = mantissa * 2^(e - 1075). Bits of 2 / pi that the product turns into multiples of 4 are skipped; the
    // window starts behind the first e - 1077 bits, of which the zero word in front supplies 64.
    let fraction_bits = b.int(DType::U64, 52);
    let exponent = b.shr(x_bits, fraction_bits);
    let exponent_mask = b.int(DType::U64, 0x7ff);
    let exponent = b.and(exponent, exponent_mask);
    let offset = b.int(DType::U64, 1077 - 64);
    let start = b.sub(exponent, offset);
    // Infinities and NaN would read beyond the table; their results are discarded.
    let last = b.int(DType::U64, 17 * 64 - 1);
    let start = b.binary(BinaryOp::Min, start, last);
    let window = window_at(b, start);
    let (high, low) = product_modulo_4(b, mantissa, window);
    from_turns(b, high, low, x)
}

/// 192 bits of the table from bit `start` on.
fn window_at(b: &mut BlockBuilder, start: Val) -> [Val; 3] {
    let entries = Arc::new(TWO_OVER_PI.map(|word| Literal::from_bits(DType::U64, u128::from(word))).to_vec());
    let (six, low_mask, one) = (b.int(DType::U64, 6), b.int(DType::U64, 63), b.int(DType::U64, 1));
    let first = b.shr(start, six);
    let first = b.bitcast(first, DType::I64);
    let amount = b.and(start, low_mask);
    let rest = b.sub(low_mask, amount);
    let words = [0, 1, 2, 3].map(|step| {
        let step = b.int(DType::I64, step);
        let index = b.add(first, step);
        b.table(entries.clone(), index)
    });
    [0, 1, 2].map(|at| {
        let upper = b.shl(words[at], amount);
        let lower = b.shr(words[at + 1], one);
        let lower = b.shr(lower, rest);
        b.or(upper, lower)
    })
}

/// The top 128 of the lowest 192 bits of `mantissa * window`; 2^128 stands for 4 quarter turns.
fn product_modulo_4(b: &mut BlockBuilder, mantissa: Val, window: [Val; 3]) -> (Val, Val) {
    let top = b.mul(mantissa, window[0]);
    let (middle_high, middle) = (mul_high_u64(b, mantissa, window[1]), b.mul(mantissa, window[1]));
    let bottom = mul_high_u64(b, mantissa, window[2]);
    let low = b.add(middle, bottom);
    let overflowed = b.lt(low, middle);
    let carry = b.convert(overflowed, DType::U64);
    let high = b.add(top, middle_high);
    (b.add(high, carry), low)
}

// What rounding pi / 2 to F64 leaves off.
const FRAC_PI_2_TAIL: f64 = 6.123233995736766e-17;

/// From quarter turns in units of 2^-126, given as two words, to an angle; with the sign of `x`.
fn from_turns(b: &mut BlockBuilder, high: Val, low: Val, x: Val) -> Reduced {
    let (half_quarter, amount) = (b.int(DType::U64, 1 << 61), b.int(DType::U64, 62));
    let rounded = b.add(high, half_quarter);
    let quadrant = b.shr(rounded, amount);
    let whole = b.shl(quadrant, amount);
    let rest = b.sub(high, whole);
    let rest = b.bitcast(rest, DType::I64);
    // The rest as a sum of two floats, in units of 2^-62.
    let leading = b.convert(rest, DType::F64);
    let leading_int = b.convert(leading, DType::I64);
    let lost = b.sub(rest, leading_int);
    let lost = b.convert(lost, DType::F64);
    let low = b.convert(low, DType::F64);
    let trailing = fma_constant(b, low, 2f64.powi(-64), lost);
    let (leading, trailing) = quick_two_sum(b, leading, trailing);
    let quarter = constant(b, leading, FRAC_PI_2);
    let (product, error) = two_product(b, leading, quarter);
    let error = b.fma(trailing, quarter, error);
    let error = fma_constant(b, leading, FRAC_PI_2_TAIL, error);
    let sum = b.add(product, error);
    let r = scale(b, sum, 2f64.powi(-62));
    // An odd function of x: the angle and the quadrant change sign together.
    let zero = constant(b, x, 0.0);
    let negative = b.lt(x, zero);
    let (minus_r, quadrant) = (b.neg(r), b.bitcast(quadrant, DType::I64));
    let minus_quadrant = b.neg(quadrant);
    Reduced { r: b.select(negative, minus_r, r), quadrant: b.select(negative, minus_quadrant, quadrant) }
}
