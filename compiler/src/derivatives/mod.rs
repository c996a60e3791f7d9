//! Are the derivatives of a function right, at one point? A numerical test that knows nothing of programs: forward mode
//! against central differences, reverse mode against forward mode.
//!
//! # Note: differences
//! With a step `h` along a direction `t`, the central difference `D(h) = (f(x + h t) - f(x - h t)) / 2h` is the
//! derivative up to a term in `h^2`, which `(4 D(h / 2) - D(h)) / 3` is free of. Where the function is not smooth, that
//! means nothing, and two signs of it are looked for: the one-sided differences do not come closer to each other as the
//! step is halved (a kink at the point), or the central ones disagree at the two steps (a kink or jump nearby).
//!
//! # Note: complex numbers
//! Complex numbers are pairs of real ones here. The product of a cotangent and a tangent is `Re(sum of ct t)`, without
//! conjugation, as in JAX.

mod random;
#[cfg(test)]
mod tests;

pub use random::{Domain, Random};

use crate::diag::Diagnostic;
use crate::types::{Aval, Scalar, Tensor};

/// A function that can be called.
pub type Callable<'f> = &'f dyn Fn(&[Tensor]) -> Result<Vec<Tensor>, Diagnostic>;

/// A function with its derivatives by all its inexact inputs.
pub struct Functions<'f> {
    /// `x.. -> y..`.
    pub value: Callable<'f>,
    /// `x.., tangent per inexact input -> y.., tangent per inexact output`.
    pub pushforward: Callable<'f>,
    /// `x.., cotangent per inexact output -> y.., cotangent per inexact input`.
    pub pullback: Callable<'f>,
}

/// How to test.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub seed: u64,
    /// How much derivatives may differ, relative to the largest element of an output.
    pub tolerance: f64,
    /// The step of differences, relative to the size of the input.
    pub step: f64,
    /// The relative rounding error of the arithmetic.
    pub epsilon: f64,
}

impl Settings {
    /// For functions computed in double precision.
    pub fn double(seed: u64) -> Settings {
        Settings { seed, tolerance: 1e-6, step: 1e-4, epsilon: f64::EPSILON }
    }

    /// For functions some of whose operations are computed in single precision.
    pub fn single(seed: u64) -> Settings {
        Settings { seed, tolerance: 2e-2, step: 1e-2, epsilon: f64::from(f32::EPSILON) }
    }
}

/// What is known of the derivative by one input.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// `|<ct, jvp(t)> - <vjp(ct), t>|`, relative to the sum of the sizes of their terms.
    pub dot_product: f64,
    /// The largest error of forward mode against differences, relative to the largest element of its output and the
    /// effect of rounding: no more than the tolerance if all is well.
    pub difference: f64,
    pub verdict: Verdict,
}

/// From the best to the worst.
#[derive(Clone, PartialEq, PartialOrd, Debug)]
pub enum Verdict {
    /// An input without derivative: integers, booleans and keys stay as they are.
    HeldFixed,
    Pass,
    /// The point does not tell.
    Inconclusive(Doubt),
    Fail(Fault),
}

/// Why a point does not tell; each names the output by its position.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub enum Doubt {
    /// The function is not finite, at the point or near it.
    NotFinite { output: usize },
    /// One-sided differences do not agree.
    Kink { output: usize },
    /// Central differences at two step sizes do not agree.
    StepsDiffer { output: usize },
}

/// What is wrong.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub enum Fault {
    /// Reverse mode is not the transpose of forward mode.
    Modes,
    /// Forward mode is not what differences say.
    Forward { output: usize, derivative: f64, difference: f64 },
}

/// How many directions are tried per input.
const DIRECTIONS: usize = 2;

/// Tests the derivative by each input. Inputs and outputs of `functions` have any types; differences are taken of
/// inexact outputs, along random directions.
///
/// Errors: those of the functions.
pub fn check(
    functions: &Functions,
    point: &[Tensor],
    settings: Settings,
) -> Result<Vec<Finding>, Diagnostic> {
    let mut random = Random::new(settings.seed);
    let outputs = (functions.value)(point)?;
    let inexact: Vec<usize> = (0..point.len()).filter(|&at| point[at].dtype().is_inexact()).collect();
    let cotangents: Vec<Tensor> = outputs
        .iter()
        .filter(|output| output.dtype().is_inexact())
        .map(|output| random.tensor(output.aval(), Domain::Normal))
        .collect();
    let pulled = (functions.pullback)(&[point, &cotangents].concat())?.split_off(outputs.len());
    let mut findings = Vec::new();
    for (input, tensor) in point.iter().enumerate() {
        let Some(position) = inexact.iter().position(|&at| at == input) else {
            findings.push(Finding { dot_product: 0.0, difference: 0.0, verdict: Verdict::HeldFixed });
            continue;
        };
        let mut finding = Finding { dot_product: 0.0, difference: 0.0, verdict: Verdict::Pass };
        for _ in 0..DIRECTIONS {
            let direction = random.tensor(tensor.aval(), Domain::Normal);
            let tangents: Vec<Tensor> = inexact
                .iter()
                .map(|&at| if at == input { direction.clone() } else { zeros(point[at].aval()) })
                .collect();
            let pushed = (functions.pushforward)(&[point, &tangents].concat())?.split_off(outputs.len());
            finding.add(dot_products(&cotangents, &pushed, &pulled[position], &direction, settings));
            finding.add(differences(functions, point, input, &direction, &outputs, &pushed, settings)?);
        }
        findings.push(finding);
    }
    Ok(findings)
}

impl Finding {
    /// Takes the worse of each.
    fn add(&mut self, other: Finding) {
        self.dot_product = self.dot_product.max(other.dot_product);
        self.difference = self.difference.max(other.difference);
        if other.verdict > self.verdict {
            self.verdict = other.verdict;
        }
    }
}

fn dot_products(
    cotangents: &[Tensor],
    pushed: &[Tensor],
    pulled: &Tensor,
    direction: &Tensor,
    settings: Settings,
) -> Finding {
    let forward: Vec<f64> = cotangents.iter().zip(pushed).flat_map(|(ct, dy)| products(ct, dy)).collect();
    let backward = products(pulled, direction);
    let size = |terms: &[f64]| terms.iter().map(|term| term.abs()).sum::<f64>();
    let size = size(&forward).max(size(&backward)).max(f64::MIN_POSITIVE);
    let error = (forward.iter().sum::<f64>() - backward.iter().sum::<f64>()).abs() / size;
    // What is not finite is judged by the differences, unless only one of the modes has it.
    let finite = [&forward, &backward].map(|terms| terms.iter().all(|term| term.is_finite()));
    let agree = if finite == [true, true] { error <= settings.tolerance } else { finite[0] == finite[1] };
    Finding {
        dot_product: if error.is_finite() { error } else { f64::INFINITY },
        difference: 0.0,
        verdict: if agree { Verdict::Pass } else { Verdict::Fail(Fault::Modes) },
    }
}

/// The terms of `Re(sum of a b)`.
fn products(a: &Tensor, b: &Tensor) -> Vec<f64> {
    let product = |(a, b): (Scalar, Scalar)| {
        let (a, b) = (a.number(), b.number());
        [a.re * b.re, -a.im * b.im]
    };
    a.scalars().zip(b.scalars()).flat_map(product).collect()
}

/// Compares forward mode with differences along a direction of one input.
fn differences(
    functions: &Functions,
    point: &[Tensor],
    input: usize,
    direction: &Tensor,
    outputs: &[Tensor],
    pushed: &[Tensor],
    settings: Settings,
) -> Result<Finding, Diagnostic> {
    let size = parts(&point[input]).fold(1.0, |size: f64, part| size.max(part.abs()));
    let longest = parts(direction).fold(f64::MIN_POSITIVE, |size, part| size.max(part.abs()));
    let step = settings.step * size / longest;
    let at = |factor: f64| {
        let mut moved = point.to_vec();
        moved[input] = sum(&point[input], factor * step, direction);
        (functions.value)(&moved)
    };
    let around = [at(-1.0)?, at(-0.5)?, at(0.5)?, at(1.0)?];
    let mut finding = Finding { dot_product: 0.0, difference: 0.0, verdict: Verdict::Pass };
    let inexact = (0..outputs.len()).filter(|&output| outputs[output].dtype().is_inexact());
    for (output, pushed) in inexact.zip(pushed) {
        let samples = Samples {
            output,
            step,
            middle: parts(&outputs[output]).collect(),
            around: std::array::from_fn(|side| parts(&around[side][output]).collect()),
        };
        finding.add(samples.compare(&parts(pushed).collect::<Vec<f64>>(), settings));
    }
    Ok(finding)
}

/// The values of one output along a direction.
struct Samples {
    output: usize,
    step: f64,
    middle: Vec<f64>,
    /// At -1, -1/2, 1/2 and 1 steps.
    around: [Vec<f64>; 4],
}

impl Samples {
    fn compare(&self, derivative: &[f64], settings: Settings) -> Finding {
        let limits: Vec<f64> = (0..derivative.len()).map(|at| self.limit(at)).collect();
        let largest =
            |values: &[f64]| values.iter().filter(|x| x.is_finite()).fold(0.0, |a: f64, x| a.max(x.abs()));
        let size = largest(derivative).max(largest(&limits)).max(f64::MIN_POSITIVE);
        let noise = 100.0 * settings.epsilon * largest(&self.middle) / self.step;
        let allowed = settings.tolerance * size + noise;
        let mut finding = Finding { dot_product: 0.0, difference: 0.0, verdict: Verdict::Pass };
        for (at, (&derivative, &limit)) in derivative.iter().zip(&limits).enumerate() {
            let error = (derivative - limit).abs();
            let verdict = match self.doubt(at, error, allowed) {
                _ if error <= allowed => Verdict::Pass,
                Some(doubt) => Verdict::Inconclusive(doubt),
                None => Verdict::Fail(Fault::Forward { output: self.output, derivative, difference: limit }),
            };
            let difference =
                if error.is_finite() { settings.tolerance * error / allowed } else { f64::INFINITY };
            finding.add(Finding { dot_product: 0.0, difference, verdict });
        }
        finding
    }

    /// The central difference over `2 h`, for a step of `h` and of `h / 2`.
    fn central(&self, at: usize) -> [f64; 2] {
        let [far_left, left, right, far_right] = &self.around;
        [(far_right[at] - far_left[at]) / (2.0 * self.step), (right[at] - left[at]) / self.step]
    }

    /// How far the one-sided differences are apart, for a step of `h` and of `h / 2`.
    fn one_sided_gap(&self, at: usize) -> [f64; 2] {
        let [far_left, left, right, far_right] = &self.around;
        let gap = |left: f64, right: f64, step: f64| {
            ((right - self.middle[at]) - (self.middle[at] - left)).abs() / step
        };
        [gap(far_left[at], far_right[at], self.step), gap(left[at], right[at], self.step / 2.0)]
    }

    /// See Note: differences.
    fn limit(&self, at: usize) -> f64 {
        let [whole, half] = self.central(at);
        (4.0 * half - whole) / 3.0
    }

    /// Why an error of forward mode at this element may be none, `allowed` being one that is none for certain.
    fn doubt(&self, at: usize, error: f64, allowed: f64) -> Option<Doubt> {
        let output = self.output;
        let all = self.around.iter().map(|side| side[at]).chain([self.middle[at]]);
        if !all.clone().all(f64::is_finite) {
            return Some(Doubt::NotFinite { output });
        }
        let [wide_gap, gap] = self.one_sided_gap(at);
        if gap > 0.75 * wide_gap && gap > allowed {
            return Some(Doubt::Kink { output });
        }
        let [whole, half] = self.central(at);
        let spread = (whole - half).abs();
        // A derivative that is not finite is wrong where the differences are clear.
        let disagree = if error.is_finite() { spread > 0.1 * error } else { spread > 0.1 * half.abs() };
        (disagree && spread > allowed).then_some(Doubt::StepsDiffer { output })
    }
}

/// Real and imaginary parts, in order.
fn parts(tensor: &Tensor) -> impl Iterator<Item = f64> + '_ {
    let is_complex = tensor.dtype().is_complex();
    tensor.scalars().flat_map(move |scalar| {
        let (re, im) = scalar.complex();
        [Some(re), is_complex.then_some(im)].into_iter().flatten()
    })
}

/// `x + factor t`.
fn sum(x: &Tensor, factor: f64, t: &Tensor) -> Tensor {
    let is_complex = x.dtype().is_complex();
    let moved = x.scalars().zip(t.scalars()).map(|(x, t)| {
        let (x, t) = (x.number(), t.number());
        let (re, im) = (x.re + factor * t.re, x.im + factor * t.im);
        if is_complex { Scalar::Complex(re, im) } else { Scalar::Float(re) }
    });
    Tensor::from_scalars(x.aval().clone(), moved)
}

fn zeros(aval: &Aval) -> Tensor {
    let zero = if aval.dtype.is_complex() { Scalar::Complex(0.0, 0.0) } else { Scalar::Float(0.0) };
    Tensor::from_fn(aval.clone(), |_| zero)
}
