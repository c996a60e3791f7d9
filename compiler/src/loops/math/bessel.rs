//! The modified Bessel functions of the first kind, scaled by e^-|x|.

use super::common::select_below;
use super::common::{add_constant, constant, polynomial, with_sign_of};
use super::exponential::exp_in_range;
use super::special_coefficients::{
    BESSEL_I0_FAR_F32, BESSEL_I0_FAR_F64, BESSEL_I0_NEAR_F32, BESSEL_I0_NEAR_F64, BESSEL_I1_FAR_F32,
    BESSEL_I1_FAR_F64, BESSEL_I1_NEAR_F32, BESSEL_I1_NEAR_F64,
};
use crate::loops::{BlockBuilder, Val};
use crate::types::DType;

/// `e^-|x| I0(x)`. Within 3 ulp; 5 where a multiply-add rounds twice.
pub fn bessel_i0e(b: &mut BlockBuilder, x: Val) -> Val {
    let [near, far]: [&[f64]; 2] = if b.dtype(x) == DType::F32 {
        [&BESSEL_I0_NEAR_F32, &BESSEL_I0_FAR_F32]
    } else {
        [&BESSEL_I0_NEAR_F64, &BESSEL_I0_FAR_F64]
    };
    let magnitude = b.abs(x);
    let one = constant(b, x, 1.0);
    scaled(b, magnitude, one, near, far)
}

/// `e^-|x| I1(x)`. Within 3 ulp; 5 where a multiply-add rounds twice.
pub fn bessel_i1e(b: &mut BlockBuilder, x: Val) -> Val {
    let [near, far]: [&[f64]; 2] = if b.dtype(x) == DType::F32 {
        [&BESSEL_I1_NEAR_F32, &BESSEL_I1_FAR_F32]
    } else {
        [&BESSEL_I1_NEAR_F64, &BESSEL_I1_FAR_F64]
    };
    let magnitude = b.abs(x);
    let y = scaled(b, magnitude, magnitude, near, far);
    with_sign_of(b, y, x)
}

/// `e^-x factor near(x^2)` up to the bound of the tables, `far(1 / x) / sqrt(x)` beyond it.
fn scaled(b: &mut BlockBuilder, x: Val, factor: Val, near: &[f64], far: &[f64]) -> Val {
    let bound = if b.dtype(x) == DType::F32 { 8.0 } else { 10.0 };
    // All coefficients of the power series are positive, so nothing cancels.
    let square = b.mul(x, x);
    let series = polynomial(b, square, near);
    let minus_x = b.neg(x);
    let decay = exp_in_range(b, minus_x, None);
    let scaled_series = b.mul(series, decay);
    let near_value = b.mul(scaled_series, factor);
    let one = constant(b, x, 1.0);
    let inverse = b.div(one, x);
    let centered = add_constant(b, inverse, -0.5 / bound);
    let series = polynomial(b, centered, far);
    let root = b.sqrt(x);
    let far_value = b.div(series, root);
    select_below(b, x, bound, near_value, far_value)
}
