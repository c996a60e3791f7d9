//! Several numbers that are computed in step: loops over the lanes become vector instructions.

use core::ops::{Add, Mul, Neg, Sub};

/// `f32` or `f64`.
pub(super) trait Real:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Neg<Output = Self>
{
    fn of(value: f64) -> Self;
}

impl Real for f32 {
    fn of(value: f64) -> f32 {
        value as f32
    }
}

impl Real for f64 {
    fn of(value: f64) -> f64 {
        value
    }
}

/// A vector of L numbers.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Lanes<T, const L: usize>(pub(super) [T; L]);

impl<T: Real, const L: usize> Lanes<T, L> {
    pub(super) fn splat(value: T) -> Self {
        Lanes([value; L])
    }

    fn map(self, f: impl Fn(T) -> T) -> Self {
        Lanes(self.0.map(f))
    }

    fn zip(self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        let mut result = self.0;
        for (lane, value) in result.iter_mut().zip(other.0) {
            *lane = f(*lane, value);
        }
        Lanes(result)
    }
}

/// L complex numbers: the real parts, then the imaginary parts.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Complex<T, const L: usize> {
    pub(super) re: Lanes<T, L>,
    pub(super) im: Lanes<T, L>,
}

impl<T: Real, const L: usize> Complex<T, L> {
    pub(super) fn zero() -> Self {
        let zero = Lanes::splat(T::of(0.0));
        Complex { re: zero, im: zero }
    }

    pub(super) fn scaled(self, factor: T) -> Self {
        Complex { re: self.re.map(|x| x * factor), im: self.im.map(|x| x * factor) }
    }

    /// Times -i.
    pub(super) fn turned_back(self) -> Self {
        Complex { re: self.im, im: self.re.map(|x| -x) }
    }
}

impl<T: Real, const L: usize> Add for Complex<T, L> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Complex { re: self.re.zip(other.re, |x, y| x + y), im: self.im.zip(other.im, |x, y| x + y) }
    }
}

impl<T: Real, const L: usize> Sub for Complex<T, L> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Complex { re: self.re.zip(other.re, |x, y| x - y), im: self.im.zip(other.im, |x, y| x - y) }
    }
}

impl<T: Real, const L: usize> Mul for Complex<T, L> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let product = |x: Lanes<T, L>, y: Lanes<T, L>| x.zip(y, |x, y| x * y);
        let (re, cross) = (product(self.re, other.re), product(self.im, other.im));
        let (im, other_cross) = (product(self.re, other.im), product(self.im, other.re));
        Complex { re: re.zip(cross, |x, y| x - y), im: im.zip(other_cross, |x, y| x + y) }
    }
}
