//! asin, acos, atan, atan2. F32 operands go through F64.

use super::coefficients::{ASIN_F64, ATAN_F64};
use super::common::{
    add_constant, bits, constant, polynomial, scale, select_above, select_below, through_f64, two_product,
    two_sum, with_sign_of,
};
use crate::loops::{BlockBuilder, Val};
use crate::types::DType;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

// What rounding to F64 leaves off pi / 2; pi and pi / 4 are its multiples.
const FRAC_PI_2_TAIL: f64 = 6.123233995736766e-17;

/// The inverse of the sine; NaN beyond 1 and -1.
pub fn asin(b: &mut BlockBuilder, x: Val) -> Val {
    if b.dtype(x) == DType::F32 {
        return through_f64(b, x, asin);
    }
    let arc = Arc::new(b, x);
    // Beyond a half: pi / 2 - 2 asin(sqrt((1 - |x|) / 2)).
    let doubled = b.add(arc.tail, arc.tail);
    let tail = constant(b, x, FRAC_PI_2_TAIL);
    let small = b.sub(tail, doubled);
    let doubled = b.add(arc.base, arc.base);
    let quarter = constant(b, x, FRAC_PI_2);
    let minus_doubled = b.neg(doubled);
    let (rest, error) = two_sum(b, quarter, minus_doubled);
    let small = b.add(small, error);
    let large = b.add(rest, small);
    let near = b.add(arc.base, arc.tail);
    let y = select_above(b, arc.magnitude, 0.5, large, near);
    with_sign_of(b, y, x)
}

/// The inverse of the cosine; NaN beyond 1 and -1.
pub fn acos(b: &mut BlockBuilder, x: Val) -> Val {
    if b.dtype(x) == DType::F32 {
        return through_f64(b, x, acos);
    }
    let arc = Arc::new(b, x);
    let near = b.add(arc.base, arc.tail);
    let doubled = b.add(near, near);
    let half_turn = constant(b, x, PI);
    let tail = constant(b, x, 2.0 * FRAC_PI_2_TAIL);
    let back = b.sub(tail, doubled);
    let back = b.add(half_turn, back);
    let far = select_below(b, x, 0.0, back, doubled);
    // Within a half: pi / 2 - asin(x).
    let near = with_sign_of(b, near, x);
    let tail = constant(b, x, FRAC_PI_2_TAIL);
    let rest = b.sub(tail, near);
    let middle = add_constant(b, rest, FRAC_PI_2);
    select_above(b, arc.magnitude, 0.5, far, middle)
}

/// The inverse of the tangent.
pub fn atan(b: &mut BlockBuilder, x: Val) -> Val {
    if b.dtype(x) == DType::F32 {
        return through_f64(b, x, atan);
    }
    let magnitude = b.abs(x);
    let one = constant(b, x, 1.0);
    let y = angle(b, magnitude, one);
    // Infinity divided by itself.
    let quarter = constant(b, x, FRAC_PI_2);
    let y = select_above(b, magnitude, 1e300, quarter, y);
    with_sign_of(b, y, x)
}

/// The angle of the point (x, y), by quadrant as in C.
pub fn atan2(b: &mut BlockBuilder, y: Val, x: Val) -> Val {
    let dtype = b.dtype(x);
    let (y, x) = (b.convert(y, DType::F64), b.convert(x, DType::F64));
    let angle = atan2_f64(b, y, x);
    b.convert(angle, dtype)
}

fn atan2_f64(b: &mut BlockBuilder, y: Val, x: Val) -> Val {
    let (x_magnitude, y_magnitude) = (b.abs(x), b.abs(y));
    // A pair of infinities is a diagonal.
    let both_infinite = {
        let infinity = constant(b, x, f64::INFINITY);
        let (x_infinite, y_infinite) = (b.eq(x_magnitude, infinity), b.eq(y_magnitude, infinity));
        b.and(x_infinite, y_infinite)
    };
    let one = constant(b, x, 1.0);
    let x_magnitude = b.select(both_infinite, one, x_magnitude);
    let y_magnitude = b.select(both_infinite, one, y_magnitude);
    let (y_scaled, x_scaled) = scaled_pair(b, y_magnitude, x_magnitude);
    let first = angle(b, y_scaled, x_scaled);
    // The origin, and a ratio beyond every float.
    let zero = constant(b, x, 0.0);
    let is_flat = b.eq(y_magnitude, zero);
    let first = b.select(is_flat, zero, first);
    let infinity = constant(b, x, f64::INFINITY);
    let (y_infinite, x_infinite) = (b.eq(y_magnitude, infinity), b.eq(x_magnitude, infinity));
    let quarter = constant(b, x, FRAC_PI_2);
    let first = b.select(y_infinite, quarter, first);
    let first = b.select(x_infinite, zero, first);
    let half_turn = constant(b, x, PI);
    let tail = constant(b, x, 2.0 * FRAC_PI_2_TAIL);
    let back = b.sub(first, tail);
    let back = b.sub(half_turn, back);
    let (x_bits, zero_bits) = (bits(b, x), b.int(DType::I64, 0));
    let behind = b.lt(x_bits, zero_bits);
    let angle = b.select(behind, back, first);
    let angle = with_sign_of(b, angle, y);
    // The selections above may have hidden a NaN.
    let sum = b.add(x_magnitude, y_magnitude);
    let is_number = b.eq(sum, sum);
    b.select(is_number, angle, sum)
}

/// Both scaled alike, away from overflow and from denormals.
fn scaled_pair(b: &mut BlockBuilder, y: Val, x: Val) -> (Val, Val) {
    let y_larger = b.gt(y, x);
    let larger = b.select(y_larger, y, x);
    let (one, down, up) =
        (constant(b, x, 1.0), constant(b, x, 2f64.powi(-600)), constant(b, x, 2f64.powi(600)));
    let factor = select_below(b, larger, 2f64.powi(-300), up, one);
    let factor = select_above(b, larger, 2f64.powi(300), down, factor);
    (b.mul(y, factor), b.mul(x, factor))
}

/// The angle whose tangent is `y / x`, for two values that are not negative.
fn angle(b: &mut BlockBuilder, y: Val, x: Val) -> Val {
    // Rotated by none, one or two eighths of a turn, so that the tangent is within a half.
    let (low, high) = (scale(b, x, 0.5), scale(b, x, 2.0));
    let (is_steep, is_middle) = (b.gt(y, high), b.gt(y, low));
    let (difference, sum, minus_x) = (b.sub(y, x), b.add(y, x), b.neg(x));
    let numerator = b.select(is_middle, difference, y);
    let numerator = b.select(is_steep, minus_x, numerator);
    let denominator = b.select(is_middle, sum, x);
    let denominator = b.select(is_steep, y, denominator);
    let t = b.div(numerator, denominator);
    // What the quotient lost: its remainder, and the rounding errors of difference and sum.
    let remainder = quotient_error(b, t, numerator, denominator);
    let lost = rotation_error(b, t, y, x);
    let zero = constant(b, x, 0.0);
    let is_rotated_once = {
        let not_steep = b.not(is_steep);
        b.and(is_middle, not_steep)
    };
    let lost = b.select(is_rotated_once, lost, zero);
    let remainder = b.add(remainder, lost);
    let t_tail = b.div(remainder, denominator);
    let square = b.mul(t, t);
    let p = polynomial(b, square, &ATAN_F64);
    let cube = b.mul(square, t);
    let tail = b.fma(cube, p, t_tail);
    let (eighth, quarter) = (constant(b, x, FRAC_PI_4), constant(b, x, FRAC_PI_2));
    let base = b.select(is_middle, eighth, zero);
    let base = b.select(is_steep, quarter, base);
    let base_tail = scale(b, base, FRAC_PI_2_TAIL / FRAC_PI_2);
    let (near, error) = two_sum(b, base, t);
    let tail = b.add(tail, base_tail);
    let tail = b.add(tail, error);
    b.add(near, tail)
}

/// `numerator - t * denominator`, exactly.
fn quotient_error(b: &mut BlockBuilder, t: Val, numerator: Val, denominator: Val) -> Val {
    let (product, error) = two_product(b, t, denominator);
    let rest = b.sub(numerator, product);
    b.sub(rest, error)
}

/// What rounding `y - x` and `y + x` changed in the remainder of their quotient `t`.
fn rotation_error(b: &mut BlockBuilder, t: Val, y: Val, x: Val) -> Val {
    let minus_x = b.neg(x);
    let (_, difference_error) = two_sum(b, y, minus_x);
    let (_, sum_error) = two_sum(b, y, x);
    let product = b.mul(t, sum_error);
    b.sub(difference_error, product)
}

/// asin of |x| where that is at most a half, else of `sqrt((1 - |x|) / 2)`: as `base + tail`.
struct Arc {
    magnitude: Val,
    base: Val,
    tail: Val,
}

impl Arc {
    fn new(b: &mut BlockBuilder, x: Val) -> Arc {
        let magnitude = b.abs(x);
        let one = constant(b, x, 1.0);
        let below = b.sub(one, magnitude);
        let half_below = scale(b, below, 0.5);
        let root = b.sqrt(half_below);
        // The error of the root, by one step of Newton's method; nothing where the root is zero.
        let (square, error) = two_product(b, root, root);
        let rest = b.sub(half_below, square);
        let rest = b.sub(rest, error);
        let doubled = b.add(root, root);
        let root_tail = b.div(rest, doubled);
        let zero = constant(b, x, 0.0);
        let root_tail = select_above(b, root, 0.0, root_tail, root);
        let own_square = b.mul(magnitude, magnitude);
        let square = select_above(b, magnitude, 0.5, half_below, own_square);
        let base = select_above(b, magnitude, 0.5, root, magnitude);
        let base_tail = select_above(b, magnitude, 0.5, root_tail, zero);
        let p = polynomial(b, square, &ASIN_F64);
        let cube = b.mul(square, base);
        Arc { magnitude, base, tail: b.fma(cube, p, base_tail) }
    }
}
