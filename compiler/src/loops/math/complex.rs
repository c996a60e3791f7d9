//! Functions of complex numbers, over their parts: pairs of F32 or F64 values.
//!
//! The steps are real functions that are themselves still to be legalized, so that each is written once. Overflow and
//! cancellation in between are avoided as the real functions avoid them: errors are a few ulps of the modulus.
//! Branch cuts are those of JAX on CPU: where a function does not say otherwise, an imaginary part of -0 lies on the
//! same side as +0.

use super::common::{add_constant, constant, scale, with_sign_of};
use crate::loops::{BinaryOp, BlockBuilder, CompareOp, UnaryOp, Val};
use crate::types::DType;
use std::f64::consts::{FRAC_PI_2, LN_2};

/// A complex number as its real and its imaginary part.
pub type Parts = (Val, Val);

/// Appends an operation from complex to complex numbers; `None` if it is not defined on them.
pub fn unary(b: &mut BlockBuilder, op: UnaryOp, z: Parts) -> Option<Parts> {
    Some(match op {
        UnaryOp::Neg => (b.neg(z.0), b.neg(z.1)),
        UnaryOp::Conj => (z.0, b.neg(z.1)),
        UnaryOp::Sign => sign(b, z),
        UnaryOp::Sqrt => sqrt(b, z),
        UnaryOp::Rsqrt => rsqrt(b, z),
        UnaryOp::Exp => exp(b, z),
        UnaryOp::Exp2 => exp2(b, z),
        UnaryOp::Expm1 => expm1(b, z),
        UnaryOp::Log => log(b, z),
        UnaryOp::Log1p => log1p(b, z),
        UnaryOp::Sin => sin(b, z),
        UnaryOp::Cos => cos(b, z),
        UnaryOp::Tan => swapped(b, z, tanh),
        UnaryOp::Asin => asin(b, z),
        UnaryOp::Acos => acos(b, z),
        UnaryOp::Atan => swapped(b, z, atanh),
        UnaryOp::Sinh => sinh(b, z),
        UnaryOp::Cosh => cosh(b, z),
        UnaryOp::Tanh => tanh(b, z),
        UnaryOp::Asinh => swapped(b, z, asin),
        UnaryOp::Acosh => acosh(b, z),
        UnaryOp::Atanh => atanh(b, z),
        UnaryOp::Logistic => logistic(b, z),
        UnaryOp::Abs | UnaryOp::Real | UnaryOp::Imag | UnaryOp::IsFinite => return None,
        UnaryOp::Not | UnaryOp::PopulationCount | UnaryOp::CountLeadingZeros => return None,
        UnaryOp::Floor | UnaryOp::Ceil | UnaryOp::Trunc | UnaryOp::RoundEven => return None,
        UnaryOp::RoundAway | UnaryOp::Cbrt | UnaryOp::Erf | UnaryOp::Erfc | UnaryOp::ErfInv => return None,
        UnaryOp::Lgamma | UnaryOp::Digamma | UnaryOp::BesselI0e | UnaryOp::BesselI1e => return None,
    })
}

/// Appends an operation on two complex numbers; `None` if it is not defined on them.
pub fn binary(b: &mut BlockBuilder, op: BinaryOp, x: Parts, y: Parts) -> Option<Parts> {
    Some(match op {
        BinaryOp::Add => (b.add(x.0, y.0), b.add(x.1, y.1)),
        BinaryOp::Sub => (b.sub(x.0, y.0), b.sub(x.1, y.1)),
        BinaryOp::Mul => mul(b, x, y),
        BinaryOp::Div => div(b, x, y),
        BinaryOp::Max => extreme(b, CompareOp::Gt, x, y),
        BinaryOp::Min => extreme(b, CompareOp::Lt, x, y),
        BinaryOp::Pow => pow(b, x, y),
        BinaryOp::Atan2 => atan2(b, x, y),
        BinaryOp::And | BinaryOp::Or | BinaryOp::Xor | BinaryOp::Rem | BinaryOp::NextAfter => return None,
        BinaryOp::ShiftLeft | BinaryOp::ShiftRightLogical | BinaryOp::ShiftRightArithmetic => return None,
        BinaryOp::MulHigh | BinaryOp::Complex => return None,
    })
}

/// Equality of both parts, or the order by real, then by imaginary part.
pub fn compare(b: &mut BlockBuilder, op: CompareOp, x: Parts, y: Parts) -> Val {
    let strict = match op {
        CompareOp::Lt | CompareOp::Le => CompareOp::Lt,
        CompareOp::Gt | CompareOp::Ge => CompareOp::Gt,
        CompareOp::Eq => {
            let (re, im) = (b.eq(x.0, y.0), b.eq(x.1, y.1));
            return b.and(re, im);
        }
        CompareOp::Ne => {
            let (re, im) = (b.ne(x.0, y.0), b.ne(x.1, y.1));
            return b.or(re, im);
        }
    };
    let (decided, tie, im) = (b.compare(strict, x.0, y.0), b.eq(x.0, y.0), b.compare(op, x.1, y.1));
    let decided_by_im = b.and(tie, im);
    b.or(decided, decided_by_im)
}

/// The modulus: NaN if either part is, without overflow in between.
pub fn abs(b: &mut BlockBuilder, z: Parts) -> Val {
    let (large, small) = by_magnitude(b, z);
    let ratio = b.div(small, large);
    let square = b.mul(ratio, ratio);
    let sum = add_constant(b, square, 1.0);
    let root = b.sqrt(sum);
    let size = b.mul(large, root);
    let (zero, infinity) = (constant(b, large, 0.0), constant(b, large, f64::INFINITY));
    let (is_zero, is_infinite) = (b.eq(large, zero), b.eq(large, infinity));
    let is_size = b.or(is_zero, is_infinite);
    b.select(is_size, large, size)
}

/// The greater and the smaller of the parts' magnitudes; NaN if either part is.
fn by_magnitude(b: &mut BlockBuilder, z: Parts) -> (Val, Val) {
    let (re, im) = (b.abs(z.0), b.abs(z.1));
    (b.binary(BinaryOp::Max, re, im), b.binary(BinaryOp::Min, re, im))
}

fn is_zero(b: &mut BlockBuilder, x: Val) -> Val {
    let zero = constant(b, x, 0.0);
    b.eq(x, zero)
}

fn is_negative(b: &mut BlockBuilder, x: Val) -> Val {
    let zero = constant(b, x, 0.0);
    b.lt(x, zero)
}

/// Is either part infinite, whatever the other is?
fn has_infinite_part(b: &mut BlockBuilder, z: Parts) -> Val {
    let infinity = constant(b, z.0, f64::INFINITY);
    let (re, im) = (b.abs(z.0), b.abs(z.1));
    let (re, im) = (b.eq(re, infinity), b.eq(im, infinity));
    b.or(re, im)
}

fn select(b: &mut BlockBuilder, mask: Val, on_true: Parts, on_false: Parts) -> Parts {
    (b.select(mask, on_true.0, on_false.0), b.select(mask, on_true.1, on_false.1))
}

/// `y + i x` through `f` and back: the functions that turn into each other under a quarter turn of the plane.
fn swapped(b: &mut BlockBuilder, z: Parts, f: fn(&mut BlockBuilder, Parts) -> Parts) -> Parts {
    let (re, im) = f(b, (z.1, z.0));
    (im, re)
}

fn extreme(b: &mut BlockBuilder, op: CompareOp, x: Parts, y: Parts) -> Parts {
    let takes_x = compare(b, op, x, y);
    select(b, takes_x, x, y)
}

fn mul(b: &mut BlockBuilder, x: Parts, y: Parts) -> Parts {
    if x == y {
        // (re - im)(re + im) neither cancels nor overflows where the difference of squares does.
        let (below, above, product) = (b.sub(x.0, x.1), b.add(x.0, x.1), b.mul(x.0, x.1));
        return (b.mul(below, above), b.add(product, product));
    }
    let (re_re, im_im) = (b.mul(x.0, y.0), b.mul(x.1, y.1));
    let (re_im, im_re) = (b.mul(x.0, y.1), b.mul(x.1, y.0));
    (b.sub(re_re, im_im), b.add(re_im, im_re))
}

/// Smith's quotient: divides by the greater part of the divisor first. A divisor of zero counts as the real zero of
/// its real part's sign; an infinite one makes finite dividends zero.
fn div(b: &mut BlockBuilder, x: Parts, y: Parts) -> Parts {
    let (re_size, im_size) = (b.abs(y.0), b.abs(y.1));
    let turned = b.lt(re_size, im_size);
    let (large, small) = select(b, turned, (y.1, y.0), y);
    let (near, far) = select(b, turned, (x.1, x.0), x);
    let size = b.abs(large);
    let (zero, infinity) = (constant(b, large, 0.0), constant(b, large, f64::INFINITY));
    // Not where the other part is NaN.
    let (large_vanishes, small_vanishes) = (b.eq(size, zero), b.eq(small, zero));
    let (vanishes, is_infinite) = (b.and(large_vanishes, small_vanishes), b.eq(size, infinity));
    let is_extreme = b.or(vanishes, is_infinite);
    let ratio = b.div(small, large);
    let ratio = b.select(is_extreme, zero, ratio);
    let product = b.mul(small, ratio);
    let norm = b.add(large, product);
    let norm = b.select(is_extreme, large, norm);
    let (far_part, near_part) = (b.mul(far, ratio), b.mul(near, ratio));
    let (re, im) = (b.add(near, far_part), b.sub(far, near_part));
    let (re, im) = (b.div(re, norm), b.div(im, norm));
    let negated = b.neg(im);
    (re, b.select(turned, negated, im))
}

fn sign(b: &mut BlockBuilder, z: Parts) -> Parts {
    let size = abs(b, z);
    let unit = (b.div(z.0, size), b.div(z.1, size));
    let vanishes = is_zero(b, size);
    select(b, vanishes, z, unit)
}

/// The root in the first quadrant of `|re| + i |im|`, or, where `re` is negative, of its mirror image.
fn root(b: &mut BlockBuilder, re: Val, im_size: Val) -> Parts {
    // Quartering keeps the modulus finite.
    let quarter = (scale(b, re, 0.25), scale(b, im_size, 0.25));
    let (re_size, size) = (b.abs(quarter.0), abs(b, quarter));
    let sum = b.add(re_size, size);
    let half = scale(b, sum, 0.5);
    let half_root = b.sqrt(half);
    let large = scale(b, half_root, 2.0);
    let double = scale(b, large, 2.0);
    let small = b.div(im_size, double);
    // 0 / 0.
    let vanishes = is_zero(b, large);
    let small = b.select(vanishes, large, small);
    // inf / inf.
    let infinity = constant(b, re, f64::INFINITY);
    let is_infinite = b.eq(im_size, infinity);
    let small = b.select(is_infinite, infinity, small);
    let mirrored = is_negative(b, re);
    select(b, mirrored, (small, large), (large, small))
}

fn sqrt(b: &mut BlockBuilder, z: Parts) -> Parts {
    let im_size = b.abs(z.1);
    let (re, im) = root(b, z.0, im_size);
    let (below, negated) = (is_negative(b, z.1), b.neg(im));
    (re, b.select(below, negated, im))
}

/// Here the sign of a zero imaginary part decides.
fn rsqrt(b: &mut BlockBuilder, z: Parts) -> Parts {
    let im_size = b.abs(z.1);
    let (re, im) = root(b, z.0, im_size);
    // Quartering keeps the modulus finite.
    let quarter = (scale(b, z.0, 0.25), scale(b, z.1, 0.25));
    let size = abs(b, quarter);
    let (re_part, im_part) = (b.div(re, size), b.div(im, size));
    let (re_part, im_part) = (scale(b, re_part, 0.25), scale(b, im_part, 0.25));
    let (zero, infinity) = (constant(b, size, 0.0), constant(b, size, f64::INFINITY));
    let (vanishes, is_infinite) = (b.eq(size, zero), has_infinite_part(b, z));
    let re = b.select(vanishes, infinity, re_part);
    let (re, im) = select(b, is_infinite, (zero, zero), (re, im_part));
    let flipped = b.neg(z.1);
    (re, with_sign_of(b, im, flipped))
}

/// `exp(re / 2)`, taken twice: the product with a sine may be finite where the exponential is not.
fn exp(b: &mut BlockBuilder, z: Parts) -> Parts {
    let half_exponent = scale(b, z.0, 0.5);
    let half = b.unary(UnaryOp::Exp, half_exponent);
    let (cos, sin) = (b.unary(UnaryOp::Cos, z.1), b.unary(UnaryOp::Sin, z.1));
    let (re, im) = (b.mul(half, cos), b.mul(half, sin));
    let (re, im) = (b.mul(re, half), b.mul(im, half));
    // The exponential of a real number is real, even where it is infinite.
    let is_real = is_zero(b, z.1);
    (re, b.select(is_real, z.1, im))
}

/// `exp(z ln 2)`, the product being a complex one as in JAX.
fn exp2(b: &mut BlockBuilder, z: Parts) -> Parts {
    let log2 = (constant(b, z.0, LN_2), constant(b, z.0, 0.0));
    let exponent = mul(b, log2, z);
    exp(b, exponent)
}

fn expm1(b: &mut BlockBuilder, z: Parts) -> Parts {
    let (exp_re, exp_im) = exp(b, z);
    let far = add_constant(b, exp_re, -1.0);
    let (above, cos) = (b.unary(UnaryOp::Expm1, z.0), b.unary(UnaryOp::Cos, z.1));
    let product = b.mul(above, cos);
    let half = scale(b, z.1, 0.5);
    let sin = b.unary(UnaryOp::Sin, half);
    let square = b.mul(sin, sin);
    let versine = scale(b, square, 2.0);
    let near = b.sub(product, versine);
    let (size, one) = (b.abs(z.0), constant(b, z.0, 1.0));
    let is_far = b.gt(size, one);
    (b.select(is_far, far, near), exp_im)
}

fn log(b: &mut BlockBuilder, z: Parts) -> Parts {
    let size = log_abs(b, z, None);
    (size, b.binary(BinaryOp::Atan2, z.1, z.0))
}

fn log1p(b: &mut BlockBuilder, z: Parts) -> Parts {
    let above = (add_constant(b, z.0, 1.0), z.1);
    let (large, _) = by_magnitude(b, z);
    let half = constant(b, large, 0.5);
    let is_small = b.lt(large, half);
    // |1 + z|^2 - 1.
    let shifted = add_constant(b, z.0, 2.0);
    let (product, square) = (b.mul(z.0, shifted), b.mul(z.1, z.1));
    let excess = b.add(product, square);
    let size = log_abs(b, above, Some((is_small, excess)));
    (size, b.binary(BinaryOp::Atan2, above.1, above.0))
}

/// `log |z|`. Near the unit circle, from `|z|^2 - 1`, so that no digits cancel; the caller may know that excess better,
/// under a mask.
fn log_abs(b: &mut BlockBuilder, z: Parts, known: Option<(Val, Val)>) -> Val {
    let (large, small) = by_magnitude(b, z);
    let (below, above) = (add_constant(b, large, -1.0), add_constant(b, large, 1.0));
    let (product, square) = (b.mul(below, above), b.mul(small, small));
    let mut excess = b.add(product, square);
    let (low, high) = (constant(b, large, 0.5), constant(b, large, 2.0));
    let (is_above, is_below) = (b.ge(large, low), b.lt(large, high));
    let mut is_near = b.and(is_above, is_below);
    if let Some((mask, better)) = known {
        excess = b.select(mask, better, excess);
        is_near = b.or(is_near, mask);
    }
    let log = b.unary(UnaryOp::Log1p, excess);
    let near = scale(b, log, 0.5);
    // Quartering keeps the modulus of large numbers finite.
    let limit = constant(b, large, 1e30);
    let is_large = b.gt(large, limit);
    let quarter = (scale(b, z.0, 0.25), scale(b, z.1, 0.25));
    let size = abs(b, z);
    let quarter_size = abs(b, quarter);
    let size = b.select(is_large, quarter_size, size);
    let far = b.unary(UnaryOp::Log, size);
    let far_large = add_constant(b, far, 2.0 * LN_2);
    let far = b.select(is_large, far_large, far);
    b.select(is_near, near, far)
}

fn sin(b: &mut BlockBuilder, z: Parts) -> Parts {
    let (sin, cos) = (b.unary(UnaryOp::Sin, z.0), b.unary(UnaryOp::Cos, z.0));
    let (sinh, cosh) = (b.unary(UnaryOp::Sinh, z.1), b.unary(UnaryOp::Cosh, z.1));
    let (re, im) = (b.mul(sin, cosh), b.mul(cos, sinh));
    let (zero, on_axis) = (constant(b, re, 0.0), is_zero(b, z.0));
    (b.select(on_axis, zero, re), im)
}

fn cos(b: &mut BlockBuilder, z: Parts) -> Parts {
    let (sin, cos) = (b.unary(UnaryOp::Sin, z.0), b.unary(UnaryOp::Cos, z.0));
    let (sinh, cosh) = (b.unary(UnaryOp::Sinh, z.1), b.unary(UnaryOp::Cosh, z.1));
    let sin = b.neg(sin);
    let (re, im) = (b.mul(cos, cosh), b.mul(sin, sinh));
    let (zero, on_axis) = (constant(b, re, 0.0), is_zero(b, z.0));
    (re, b.select(on_axis, zero, im))
}

fn sinh(b: &mut BlockBuilder, z: Parts) -> Parts {
    let (sinh, cosh) = (b.unary(UnaryOp::Sinh, z.0), b.unary(UnaryOp::Cosh, z.0));
    let (sin, cos) = (b.unary(UnaryOp::Sin, z.1), b.unary(UnaryOp::Cos, z.1));
    let (re, im) = (b.mul(sinh, cos), b.mul(cosh, sin));
    let is_real = is_zero(b, z.1);
    (re, b.select(is_real, z.1, im))
}

fn cosh(b: &mut BlockBuilder, z: Parts) -> Parts {
    let (sinh, cosh) = (b.unary(UnaryOp::Sinh, z.0), b.unary(UnaryOp::Cosh, z.0));
    let (sin, cos) = (b.unary(UnaryOp::Sin, z.1), b.unary(UnaryOp::Cos, z.1));
    let (re, im) = (b.mul(cosh, cos), b.mul(sinh, sin));
    let (zero, is_real) = (constant(b, re, 0.0), is_zero(b, z.1));
    (re, b.select(is_real, zero, im))
}

/// `(sinh re cosh re + i sin im cos im) / (sinh^2 re + cos^2 im)`; far from the imaginary axis, that is one.
fn tanh(b: &mut BlockBuilder, z: Parts) -> Parts {
    let (sinh, cosh) = (b.unary(UnaryOp::Sinh, z.0), b.unary(UnaryOp::Cosh, z.0));
    let (sin, cos) = (b.unary(UnaryOp::Sin, z.1), b.unary(UnaryOp::Cos, z.1));
    let (sinh_square, cos_square) = (b.mul(sinh, sinh), b.mul(cos, cos));
    let norm = b.add(sinh_square, cos_square);
    let (re, im) = (b.mul(sinh, cosh), b.mul(sin, cos));
    let (re, im) = (b.div(re, norm), b.div(im, norm));
    let is_real = is_zero(b, z.1);
    let im = b.select(is_real, z.1, im);
    let (size, limit, one, zero) =
        (b.abs(z.0), constant(b, re, 40.0), constant(b, re, 1.0), constant(b, re, 0.0));
    let is_far = b.gt(size, limit);
    let unit = with_sign_of(b, one, z.0);
    // There the imaginary part has no effect, unless it has no sine; at infinity it has none at all.
    let (infinity, nothing) = (constant(b, re, f64::INFINITY), b.sub(sin, sin));
    let is_infinite = b.eq(size, infinity);
    let nothing = b.select(is_infinite, zero, nothing);
    let (unit, zero) = (b.add(unit, nothing), b.add(zero, nothing));
    select(b, is_far, (unit, zero), (re, im))
}

/// What the inverse sine and cosine are made of (Kahan), for an imaginary part that is not negative: the roots of
/// `1 - z` and `1 + z`, both in the first quadrant up to mirroring, and the magnitude of the result's imaginary part.
struct Arc {
    below: Parts,
    above: Parts,
    height: Val,
    is_infinite: Val,
}

fn arc(b: &mut BlockBuilder, z: Parts) -> Arc {
    let (im, negated) = (b.abs(z.1), b.neg(z.0));
    let (re_below, re_above) = (add_constant(b, negated, 1.0), add_constant(b, z.0, 1.0));
    let (below, above) = (root(b, re_below, im), root(b, re_above, im));
    let (first, second) = (b.mul(below.0, above.1), b.mul(below.1, above.0));
    let sum = b.add(first, second);
    let height = b.unary(UnaryOp::Asinh, sum);
    let (infinity, is_infinite) = (constant(b, z.0, f64::INFINITY), has_infinite_part(b, z));
    Arc { below, above, height: b.select(is_infinite, infinity, height), is_infinite }
}

fn asin(b: &mut BlockBuilder, z: Parts) -> Parts {
    let Arc { below, above, height, is_infinite } = arc(b, z);
    let (re_product, im_product) = (b.mul(below.0, above.0), b.mul(below.1, above.1));
    let sum = b.add(re_product, im_product);
    let im_size = b.abs(z.1);
    let other = b.select(is_infinite, im_size, sum);
    let angle = b.binary(BinaryOp::Atan2, z.0, other);
    let (lower, negated) = (is_negative(b, z.1), b.neg(height));
    (angle, b.select(lower, negated, height))
}

fn acos(b: &mut BlockBuilder, z: Parts) -> Parts {
    let (angle, height) = acos_parts(b, z);
    let (lower, negated) = (is_negative(b, z.1), b.neg(height));
    (angle, b.select(lower, height, negated))
}

/// The real part and the magnitude of the imaginary part.
fn acos_parts(b: &mut BlockBuilder, z: Parts) -> Parts {
    let Arc { below, above, height, is_infinite } = arc(b, z);
    let im_size = b.abs(z.1);
    let half = b.binary(BinaryOp::Atan2, below.0, above.0);
    let (angle, at_infinity) = (scale(b, half, 2.0), b.binary(BinaryOp::Atan2, im_size, z.0));
    (b.select(is_infinite, at_infinity, angle), height)
}

fn acosh(b: &mut BlockBuilder, z: Parts) -> Parts {
    let (angle, height) = acos_parts(b, z);
    let (lower, negated) = (is_negative(b, z.1), b.neg(angle));
    (height, b.select(lower, negated, angle))
}

/// Here the sign of a zero imaginary part decides.
fn atanh(b: &mut BlockBuilder, z: Parts) -> Parts {
    let re_size = b.abs(z.0);
    let negated = b.neg(re_size);
    let (distance, above) = (add_constant(b, negated, 1.0), add_constant(b, re_size, 1.0));
    let (distance_square, im_square) = (b.mul(distance, distance), b.mul(z.1, z.1));
    let norm = b.add(distance_square, im_square);
    let quadruple = scale(b, re_size, 4.0);
    let ratio = b.div(quadruple, norm);
    let log = b.unary(UnaryOp::Log1p, ratio);
    let size = scale(b, log, 0.25);
    let product = b.mul(distance, above);
    let (x, y) = (b.sub(product, im_square), scale(b, z.1, 2.0));
    let angle = b.binary(BinaryOp::Atan2, y, x);
    let angle = scale(b, angle, 0.5);
    // Beyond, squares overflow.
    let limit = if b.dtype(z.0) == DType::F32 { 1e18 } else { 1e150 };
    let (large, _) = by_magnitude(b, z);
    let (limit, zero, quarter_turn) =
        (constant(b, large, limit), constant(b, large, 0.0), constant(b, large, FRAC_PI_2));
    let is_far = b.gt(large, limit);
    let quarter_turn = with_sign_of(b, quarter_turn, z.1);
    let (size, angle) = select(b, is_far, (zero, quarter_turn), (size, angle));
    (with_sign_of(b, size, z.0), angle)
}

/// `1 / (1 + exp(-z))`, or `exp(z) / (1 + exp(z))` where that exponential is the small one.
fn logistic(b: &mut BlockBuilder, z: Parts) -> Parts {
    let size = b.abs(z.0);
    let (below, decay, turned) = (is_negative(b, z.0), b.neg(size), b.neg(z.1));
    let im = b.select(below, z.1, turned);
    let power = exp(b, (decay, im));
    let (one, zero) = (constant(b, size, 1.0), constant(b, size, 0.0));
    let numerator = select(b, below, power, (one, zero));
    let denominator = (add_constant(b, power.0, 1.0), power.1);
    div(b, numerator, denominator)
}

/// `exp(y log x)` by its principal value, F32 in F64: exponents are large, and their errors those of the result.
/// Positive real powers of zero are zero, its other powers NaN but for the zeroth.
fn pow(b: &mut BlockBuilder, x: Parts, y: Parts) -> Parts {
    let dtype = b.dtype(x.0);
    let [x, y] = [x, y].map(|z| (b.convert(z.0, DType::F64), b.convert(z.1, DType::F64)));
    let (zero, one, nan) = (constant(b, x.0, 0.0), constant(b, x.0, 1.0), constant(b, x.0, f64::NAN));
    let (size, angle) = log(b, x);
    let (re_size, im_angle) = (b.mul(y.0, size), b.mul(y.1, angle));
    let (im_size, re_angle) = (b.mul(y.1, size), b.mul(y.0, angle));
    // An infinite logarithm times zero would be NaN.
    let is_real = b.eq(y.1, zero);
    let (im_angle, im_size) = (b.select(is_real, zero, im_angle), b.select(is_real, zero, im_size));
    let exponent = (b.sub(re_size, im_angle), b.add(im_size, re_angle));
    let power = exp(b, exponent);
    let (vanishes, is_positive) = (compare(b, CompareOp::Eq, x, (zero, zero)), b.gt(y.0, zero));
    let is_defined = b.and(is_real, is_positive);
    let of_zero = b.select(is_defined, zero, nan);
    let power = select(b, vanishes, (of_zero, of_zero), power);
    let is_zeroth = compare(b, CompareOp::Eq, y, (zero, zero));
    let (re, im) = select(b, is_zeroth, (one, zero), power);
    (b.convert(re, dtype), b.convert(im, dtype))
}

/// `-i log((x + i y) / sqrt(x^2 + y^2))`.
fn atan2(b: &mut BlockBuilder, y: Parts, x: Parts) -> Parts {
    let (x_square, y_square) = (mul(b, x, x), mul(b, y, y));
    let sum = (b.add(x_square.0, y_square.0), b.add(x_square.1, y_square.1));
    let norm = sqrt(b, sum);
    let direction = (b.sub(x.0, y.1), b.add(x.1, y.0));
    let quotient = div(b, direction, norm);
    let (re, im) = log(b, quotient);
    (im, b.neg(re))
}
