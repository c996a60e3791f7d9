//! The numbers that the routines compute with: f32 and f64, and complex numbers made of them.

use super::matrix::Matrix;
use super::schur;
use core::ops::{Add, Div, Mul, Neg, Sub};

/// What real and complex numbers have in common.
pub trait Scalar:
    Copy
    + PartialEq
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    type Real: Real;
    const ZERO: Self;
    const ONE: Self;
    const NAN: Self;
    /// Are there numbers with an imaginary part?
    const IS_COMPLEX: bool;

    fn re(self) -> Self::Real;
    /// 0 for real numbers.
    fn im(self) -> Self::Real;
    /// The imaginary part is dropped by real numbers.
    fn new(re: Self::Real, im: Self::Real) -> Self;
    fn conj(self) -> Self;
    /// Multiplication by a real number.
    fn scale(self, factor: Self::Real) -> Self;

    fn real(re: Self::Real) -> Self {
        Self::new(re, Self::Real::ZERO)
    }

    fn abs_squared(self) -> Self::Real {
        self.re() * self.re() + self.im() * self.im()
    }

    /// The absolute value, without overflow on the way.
    fn abs(self) -> Self::Real {
        hypot(self.re(), self.im())
    }

    /// `|re| + |im|`: the measure by which pivots are compared.
    fn abs1(self) -> Self::Real {
        self.re().magnitude() + self.im().magnitude()
    }

    fn is_finite(self) -> bool {
        // Infinite and not-a-number values are those that differ from themselves after a subtraction.
        let zero = Self::Real::ZERO;
        self.re() - self.re() == zero && self.im() - self.im() == zero
    }

    /// [`schur::real`] or [`schur::complex`].
    fn schur_form(
        h: &mut Matrix<Self>,
        z: &mut Matrix<Self>,
        range: (usize, usize),
        values: &mut [Complex<Self::Real>],
    ) -> bool;

    fn complex(self) -> Complex<Self::Real> {
        Complex { re: self.re(), im: self.im() }
    }
}

/// A real floating-point type.
pub trait Real: Scalar<Real = Self> + PartialOrd {
    /// The distance from 1 to the next number.
    const EPSILON: Self;
    /// The smallest normal number; its reciprocal is finite.
    const TINY: Self;
    const HALF: Self;
    const TWO: Self;

    fn sqrt(self) -> Self;
    fn magnitude(self) -> Self;
    /// The magnitude of `self` with the sign of `sign`.
    fn with_sign(self, sign: Self) -> Self;
    fn from_usize(value: usize) -> Self;
    fn is_nan(self) -> bool;

    /// The larger one; NaN only if both are.
    fn larger(self, other: Self) -> Self {
        if self >= other || other.is_nan() { self } else { other }
    }

    fn smaller(self, other: Self) -> Self {
        if self <= other || other.is_nan() { self } else { other }
    }
}

/// `sqrt(x^2 + y^2)` without overflow or underflow on the way.
pub fn hypot<R: Real>(x: R, y: R) -> R {
    if y == R::ZERO {
        return x.magnitude();
    }
    let (large, small) = (x.magnitude().larger(y.magnitude()), x.magnitude().smaller(y.magnitude()));
    if large == R::ZERO || large + large == large {
        return large;
    }
    let ratio = small / large;
    large * (R::ONE + ratio * ratio).sqrt()
}

/// A complex number as two numbers beside each other.
#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(C)]
pub struct Complex<R> {
    pub re: R,
    pub im: R,
}

impl<R: Real> Complex<R> {
    /// The square root with a real part that is not negative.
    pub fn sqrt(self) -> Self {
        let magnitude = self.abs();
        if magnitude == R::ZERO {
            return Self::ZERO;
        }
        let large = ((magnitude + self.re.magnitude()) * R::HALF).sqrt();
        let small = self.im.magnitude() * R::HALF / large;
        let (re, im) = if self.re >= R::ZERO { (large, small) } else { (small, large) };
        Complex { re, im: im.with_sign(self.im) }
    }
}

impl<R: Real> Add for Complex<R> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Complex { re: self.re + other.re, im: self.im + other.im }
    }
}

impl<R: Real> Sub for Complex<R> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Complex { re: self.re - other.re, im: self.im - other.im }
    }
}

impl<R: Real> Mul for Complex<R> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Complex { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }
}

impl<R: Real> Div for Complex<R> {
    type Output = Self;
    /// Smith's algorithm: scales by the larger part of the divisor, so that its square cannot overflow.
    fn div(self, other: Self) -> Self {
        if other.im == R::ZERO {
            return Complex { re: self.re / other.re, im: self.im / other.re };
        }
        if other.re.magnitude() >= other.im.magnitude() {
            let ratio = other.im / other.re;
            let divisor = other.re + other.im * ratio;
            Complex { re: (self.re + self.im * ratio) / divisor, im: (self.im - self.re * ratio) / divisor }
        } else {
            let ratio = other.re / other.im;
            let divisor = other.re * ratio + other.im;
            Complex { re: (self.re * ratio + self.im) / divisor, im: (self.im * ratio - self.re) / divisor }
        }
    }
}

impl<R: Real> Neg for Complex<R> {
    type Output = Self;
    fn neg(self) -> Self {
        Complex { re: -self.re, im: -self.im }
    }
}

impl<R: Real> Scalar for Complex<R> {
    type Real = R;
    const ZERO: Self = Complex { re: R::ZERO, im: R::ZERO };
    const ONE: Self = Complex { re: R::ONE, im: R::ZERO };
    const NAN: Self = Complex { re: R::NAN, im: R::NAN };
    const IS_COMPLEX: bool = true;

    fn re(self) -> R {
        self.re
    }

    fn im(self) -> R {
        self.im
    }

    fn new(re: R, im: R) -> Self {
        Complex { re, im }
    }

    fn conj(self) -> Self {
        Complex { re: self.re, im: -self.im }
    }

    fn scale(self, factor: R) -> Self {
        Complex { re: self.re * factor, im: self.im * factor }
    }

    fn schur_form(
        h: &mut Matrix<Self>,
        z: &mut Matrix<Self>,
        range: (usize, usize),
        values: &mut [Self],
    ) -> bool {
        schur::complex(h, z, range, values)
    }
}

impl Scalar for f32 {
    type Real = f32;
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NAN: Self = f32::NAN;
    const IS_COMPLEX: bool = false;

    fn re(self) -> f32 {
        self
    }

    fn im(self) -> f32 {
        0.0
    }

    fn new(re: f32, _: f32) -> Self {
        re
    }

    fn conj(self) -> Self {
        self
    }

    fn scale(self, factor: f32) -> Self {
        self * factor
    }

    fn schur_form(
        h: &mut Matrix<f32>,
        z: &mut Matrix<f32>,
        range: (usize, usize),
        values: &mut [Complex<f32>],
    ) -> bool {
        schur::real(h, z, range, values)
    }
}

impl Scalar for f64 {
    type Real = f64;
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NAN: Self = f64::NAN;
    const IS_COMPLEX: bool = false;

    fn re(self) -> f64 {
        self
    }

    fn im(self) -> f64 {
        0.0
    }

    fn new(re: f64, _: f64) -> Self {
        re
    }

    fn conj(self) -> Self {
        self
    }

    fn scale(self, factor: f64) -> Self {
        self * factor
    }

    fn schur_form(
        h: &mut Matrix<f64>,
        z: &mut Matrix<f64>,
        range: (usize, usize),
        values: &mut [Complex<f64>],
    ) -> bool {
        schur::real(h, z, range, values)
    }
}

impl Real for f32 {
    const EPSILON: Self = f32::EPSILON;
    const TINY: Self = f32::MIN_POSITIVE;
    const HALF: Self = 0.5;
    const TWO: Self = 2.0;

    fn sqrt(self) -> Self {
        // Rounding the f64 root of an f32 gives the correctly rounded f32 root.
        square_root(f64::from(self)) as f32
    }

    fn magnitude(self) -> Self {
        self.abs()
    }

    fn with_sign(self, sign: Self) -> Self {
        self.copysign(sign)
    }

    fn from_usize(value: usize) -> Self {
        value as f32
    }

    fn is_nan(self) -> bool {
        f32::is_nan(self)
    }
}

impl Real for f64 {
    const EPSILON: Self = f64::EPSILON;
    const TINY: Self = f64::MIN_POSITIVE;
    const HALF: Self = 0.5;
    const TWO: Self = 2.0;

    fn sqrt(self) -> Self {
        square_root(self)
    }

    fn magnitude(self) -> Self {
        self.abs()
    }

    fn with_sign(self, sign: Self) -> Self {
        self.copysign(sign)
    }

    fn from_usize(value: usize) -> Self {
        value as f64
    }

    fn is_nan(self) -> bool {
        f64::is_nan(self)
    }
}

// `core` has no square root; every processor that programs are compiled for has one.
#[cfg(target_arch = "x86_64")]
fn square_root(x: f64) -> f64 {
    use core::arch::x86_64::{_mm_cvtsd_f64, _mm_set_sd, _mm_sqrt_sd};
    // SAFETY: SSE2 is part of every x86-64.
    unsafe {
        let x = _mm_set_sd(x);
        _mm_cvtsd_f64(_mm_sqrt_sd(x, x))
    }
}

#[cfg(target_arch = "aarch64")]
fn square_root(x: f64) -> f64 {
    use core::arch::aarch64::{vdup_n_f64, vget_lane_f64, vsqrt_f64};
    // SAFETY: Neon is part of every aarch64.
    unsafe { vget_lane_f64::<0>(vsqrt_f64(vdup_n_f64(x))) }
}
