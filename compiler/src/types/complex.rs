//! Complex arithmetic of the reference evaluator, in f64: textbook formulas in the form that keeps its digits.
//!
//! Roots and inverse functions are Kahan's ("Branch cuts for complex elementary functions"). As in JAX on CPU, an
//! imaginary part of -0 counts as +0 where `sqrt`, `asin`, `acos` and `acosh` have their cuts; elsewhere its sign
//! decides.

use std::cmp::Ordering;
use std::f64::consts::{FRAC_PI_2, LN_2};

/// A complex number `re + im i`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Complex {
    pub re: f64,
    pub im: f64,
}

impl Complex {
    pub const ONE: Complex = Complex { re: 1.0, im: 0.0 };

    pub fn new(re: f64, im: f64) -> Self {
        Complex { re, im }
    }

    /// The modulus, without overflow in between; NaN if either part is.
    pub fn abs(self) -> f64 {
        if self.is_nan() { f64::NAN } else { self.re.hypot(self.im) }
    }

    /// The angle in (-pi, pi].
    pub fn arg(self) -> f64 {
        self.im.atan2(self.re)
    }

    pub fn conj(self) -> Self {
        Complex::new(self.re, -self.im)
    }

    pub fn is_nan(self) -> bool {
        self.re.is_nan() || self.im.is_nan()
    }

    fn scale(self, factor: f64) -> Self {
        Complex::new(self.re * factor, self.im * factor)
    }

    /// `i z`.
    fn times_i(self) -> Self {
        Complex::new(-self.im, self.re)
    }

    /// Exchanges the parts.
    fn reflected(self) -> Self {
        Complex::new(self.im, self.re)
    }

    /// `-i z`.
    fn over_i(self) -> Self {
        Complex::new(self.im, -self.re)
    }

    /// `z / |z|`; zeros stay.
    pub fn sign(self) -> Self {
        let size = self.abs();
        if size == 0.0 { self } else { Complex::new(self.re / size, self.im / size) }
    }

    pub fn exp(self) -> Self {
        let size = self.re.exp();
        // A real exponential is real, even where it is infinite.
        if self.im == 0.0 {
            return Complex::new(size, self.im);
        }
        // Two factors: their product may be finite where the first alone is not.
        let half = (self.re / 2.0).exp();
        Complex::new(half * self.im.cos() * half, half * self.im.sin() * half)
    }

    pub fn exp2(self) -> Self {
        (Complex::new(LN_2, 0.0) * self).exp()
    }

    pub fn expm1(self) -> Self {
        let exp = self.exp();
        if self.re.abs() > 1.0 {
            return Complex::new(exp.re - 1.0, exp.im);
        }
        let sin_half = (self.im / 2.0).sin();
        Complex::new(self.re.exp_m1() * self.im.cos() - 2.0 * sin_half * sin_half, exp.im)
    }

    pub fn log(self) -> Self {
        let (large, small) = (self.re.abs().max(self.im.abs()), self.re.abs().min(self.im.abs()));
        let size = if (0.5..2.0).contains(&large) {
            ((large - 1.0) * (large + 1.0) + small * small).ln_1p() / 2.0
        } else if large > 1e30 {
            // Quartering keeps the modulus finite.
            self.scale(0.25).abs().ln() + 2.0 * LN_2
        } else {
            self.abs().ln()
        };
        Complex::new(size, self.arg())
    }

    pub fn log1p(self) -> Self {
        let above = Complex::new(self.re + 1.0, self.im);
        let size = if self.abs() < 0.5 {
            (self.re * (self.re + 2.0) + self.im * self.im).ln_1p() / 2.0
        } else {
            above.log().re
        };
        Complex::new(size, above.arg())
    }

    pub fn sqrt(self) -> Self {
        let root = self.upper_sqrt();
        if self.im < 0.0 { root.conj() } else { root }
    }

    /// The square root of the number or of its conjugate, whichever lies above the real axis.
    fn upper_sqrt(self) -> Self {
        let (re, im) = (self.re, self.im.abs());
        if im.is_infinite() {
            return Complex::new(im, im);
        }
        if re == 0.0 && im == 0.0 {
            return Complex::new(0.0, 0.0);
        }
        // Quartering keeps the modulus finite.
        let root = 2.0 * ((re.abs() / 4.0 + self.scale(0.25).abs()) / 2.0).sqrt();
        let other = if root.is_infinite() { 0.0 } else { im / (2.0 * root) };
        if re < 0.0 { Complex::new(other, root) } else { Complex::new(root, other) }
    }

    pub fn rsqrt(self) -> Self {
        if self.re == 0.0 && self.im == 0.0 {
            return Complex::new(f64::INFINITY, f64::NAN);
        }
        if self.re.is_infinite() || self.im.is_infinite() {
            return Complex::new(0.0, 0f64.copysign(-self.im));
        }
        let inverse = Complex::ONE / self.upper_sqrt();
        Complex::new(inverse.re, inverse.im.abs().copysign(-self.im))
    }

    pub fn sin(self) -> Self {
        self.reflected().sinh().reflected()
    }

    pub fn cos(self) -> Self {
        if self.re == 0.0 {
            return Complex::new(self.im.cosh(), 0.0);
        }
        Complex::new(self.re.cos() * self.im.cosh(), -self.re.sin() * self.im.sinh())
    }

    pub fn tan(self) -> Self {
        self.reflected().tanh().reflected()
    }

    pub fn sinh(self) -> Self {
        if self.im == 0.0 {
            return Complex::new(self.re.sinh(), self.im);
        }
        Complex::new(self.re.sinh() * self.im.cos(), self.re.cosh() * self.im.sin())
    }

    pub fn cosh(self) -> Self {
        if self.im == 0.0 {
            return Complex::new(self.re.cosh(), 0.0);
        }
        Complex::new(self.re.cosh() * self.im.cos(), self.re.sinh() * self.im.sin())
    }

    pub fn tanh(self) -> Self {
        // From here on, the quotient is one to all digits.
        if self.re.abs() > 40.0 {
            // The imaginary part has no effect, unless it has no sine; at infinity it has none at all.
            let nothing = if self.re.is_infinite() { 0.0 } else { self.im.sin() * 0.0 };
            return Complex::new(1f64.copysign(self.re) + nothing, nothing.abs());
        }
        if self.im == 0.0 {
            return Complex::new(self.re.tanh(), self.im);
        }
        let (sinh, cosh, sin, cos) = (self.re.sinh(), self.re.cosh(), self.im.sin(), self.im.cos());
        let norm = sinh * sinh + cos * cos;
        Complex::new(sinh * cosh / norm, sin * cos / norm)
    }

    /// The angles of the inverse sine and cosine and the magnitude of their imaginary part.
    fn arc(self) -> (f64, f64, f64) {
        let upper = Complex::new(self.re, self.im.abs());
        if upper.re.is_infinite() || upper.im.is_infinite() {
            return (upper.re.atan2(upper.im), upper.im.atan2(upper.re), f64::INFINITY);
        }
        // One root is in the first quadrant, the other in the fourth.
        let (below, above) = ((Complex::ONE - upper).sqrt(), (Complex::ONE + upper).upper_sqrt());
        let below = if upper.im == 0.0 { below.conj() } else { below };
        let (sine, height) = ((below * above).re, asinh((below.conj() * above).im));
        (upper.re.atan2(sine), 2.0 * below.re.atan2(above.re), height.abs())
    }

    pub fn asin(self) -> Self {
        let (angle, _, height) = self.arc();
        Complex::new(angle, if self.im < 0.0 { -height } else { height })
    }

    pub fn acos(self) -> Self {
        let (_, angle, height) = self.arc();
        Complex::new(angle, if self.im < 0.0 { height } else { -height })
    }

    /// `-i atanh(i z)`, where `z` is reflected instead of turned, so that zeros keep their signs.
    pub fn atan(self) -> Self {
        self.reflected().atanh().reflected()
    }

    pub fn asinh(self) -> Self {
        self.reflected().asin().reflected()
    }

    pub fn acosh(self) -> Self {
        let (_, angle, height) = self.arc();
        Complex::new(height, if self.im < 0.0 { -angle } else { angle })
    }

    pub fn atanh(self) -> Self {
        let Complex { re, im } = self;
        if re.abs() > 1e150 || im.abs() > 1e150 {
            return Complex::new(0f64.copysign(re), FRAC_PI_2.copysign(im));
        }
        let distance = 1.0 - re.abs();
        let size = (4.0 * re.abs() / (distance * distance + im * im)).ln_1p() / 4.0;
        let angle = (2.0 * im).atan2((1.0 - re) * (1.0 + re) - im * im) / 2.0;
        Complex::new(size.copysign(re), angle)
    }

    pub fn logistic(self) -> Self {
        // The exponential that does not overflow.
        if self.re < 0.0 {
            let exp = self.exp();
            return exp / (exp + Complex::ONE);
        }
        Complex::ONE / (Complex::ONE + (-self).exp())
    }

    /// `self^exponent` by its principal value; the zeroth power of zero is one, its positive powers are zero, all
    /// others NaN.
    pub fn pow(self, exponent: Self) -> Self {
        if exponent.re == 0.0 && exponent.im == 0.0 {
            return Complex::ONE;
        }
        if self.re == 0.0 && self.im == 0.0 {
            let part = if exponent.im == 0.0 && exponent.re > 0.0 { 0.0 } else { f64::NAN };
            return Complex::new(part, part);
        }
        let log = self.log();
        // An infinite logarithm times zero would be NaN.
        let scaled = if exponent.im == 0.0 { log.scale(exponent.re) } else { log * exponent };
        scaled.exp()
    }

    /// `self > other ? self : other` in the order of [`PartialOrd`]; it does not propagate NaN.
    pub fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }

    /// `self < other ? self : other` in the order of [`PartialOrd`]; it does not propagate NaN.
    pub fn min(self, other: Self) -> Self {
        if self < other { self } else { other }
    }

    /// The angle of the pair as a function of complex numbers: `-i log((x + i y) / sqrt(x^2 + y^2))` for `y.atan2(x)`.
    pub fn atan2(self, x: Self) -> Self {
        let norm = (x * x + self * self).sqrt();
        ((x + self.times_i()) / norm).log().over_i()
    }
}

/// The standard library's version overflows early.
fn asinh(x: f64) -> f64 {
    if x.abs() > 1e10 { (x.abs().ln() + LN_2).copysign(x) } else { x.asinh() }
}

/// By real, then by imaginary part.
impl PartialOrd for Complex {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.re.partial_cmp(&other.re) {
            Some(Ordering::Equal) => self.im.partial_cmp(&other.im),
            order => order,
        }
    }
}

impl std::ops::Add for Complex {
    type Output = Complex;
    fn add(self, other: Complex) -> Complex {
        Complex::new(self.re + other.re, self.im + other.im)
    }
}

impl std::ops::Sub for Complex {
    type Output = Complex;
    fn sub(self, other: Complex) -> Complex {
        Complex::new(self.re - other.re, self.im - other.im)
    }
}

impl std::ops::Neg for Complex {
    type Output = Complex;
    fn neg(self) -> Complex {
        Complex::new(-self.re, -self.im)
    }
}

impl std::ops::Mul for Complex {
    type Output = Complex;
    fn mul(self, other: Complex) -> Complex {
        let (Complex { re: a, im: b }, Complex { re: c, im: d }) = (self, other);
        Complex::new(a * c - b * d, a * d + b * c)
    }
}

impl std::ops::Div for Complex {
    type Output = Complex;
    /// Smith's quotient. Division by zero is division by the real zero, and infinite divisors make zero.
    fn div(self, other: Complex) -> Complex {
        let (Complex { re: a, im: b }, Complex { re: c, im: d }) = (self, other);
        if c == 0.0 && d == 0.0 {
            return Complex::new(a / c, b / c);
        }
        if (c.is_infinite() || d.is_infinite()) && a.is_finite() && b.is_finite() {
            return Complex::new(0.0, 0.0);
        }
        if c.abs() >= d.abs() {
            let ratio = d / c;
            let norm = c + d * ratio;
            Complex::new((a + b * ratio) / norm, (b - a * ratio) / norm)
        } else {
            let ratio = c / d;
            let norm = d + c * ratio;
            Complex::new((a * ratio + b) / norm, (b * ratio - a) / norm)
        }
    }
}
