//! Functions with right and wrong derivatives, written by hand.

use super::*;
use crate::types::DType;

/// A function of one number, what it says its derivative is, and what reverse mode says.
struct Case {
    value: fn(f64) -> f64,
    forward: fn(f64) -> f64,
    backward: fn(f64) -> f64,
}

fn number(x: f64) -> Tensor {
    Tensor::from_f64s(DType::F64, [], &[x])
}

/// The verdict at `x`; the function also has an integer input and an integer output, which count for nothing.
fn verdict(case: &Case, x: f64) -> Verdict {
    let at = |inputs: &[Tensor], position: usize| inputs[position].at(0).float();
    let values = |x: f64| vec![Tensor::from_f64s(DType::I32, [], &[7.0]), number((case.value)(x))];
    let with = |inputs: &[Tensor], derivative: fn(f64) -> f64| {
        let x = at(inputs, 1);
        let mut results = values(x);
        results.push(number(derivative(x) * at(inputs, 2)));
        Ok(results)
    };
    let functions = Functions {
        value: &|inputs| Ok(values(at(inputs, 1))),
        pushforward: &|inputs| with(inputs, case.forward),
        pullback: &|inputs| with(inputs, case.backward),
    };
    let point = [Tensor::from_f64s(DType::I32, [], &[2.0]), number(x)];
    let mut findings = check(&functions, &point, Settings::double(1)).expect("no errors");
    assert_eq!(findings[0].verdict, Verdict::HeldFixed);
    findings.remove(1).verdict
}

#[test]
fn right_derivatives_pass() {
    let sine = Case { value: f64::sin, forward: f64::cos, backward: f64::cos };
    for x in [0.0, 1.0, -2.5, 100.0] {
        assert_eq!(verdict(&sine, x), Verdict::Pass, "at {x}");
    }
    let constant = Case { value: |_| 3.0, forward: |_| 0.0, backward: |_| 0.0 };
    assert_eq!(verdict(&constant, 0.5), Verdict::Pass);
    // Only one side of the kink is the function's.
    let relu = Case { value: |x| x.max(0.0), forward: |_| 1.0, backward: |_| 1.0 };
    assert_eq!(verdict(&relu, 0.5), Verdict::Pass);
}

#[test]
fn wrong_derivatives_fail() {
    let forward = Case { value: f64::sin, forward: |x| x.cos() + 1e-4, backward: |x| x.cos() + 1e-4 };
    assert!(matches!(verdict(&forward, 1.0), Verdict::Fail(Fault::Forward { output: 1, .. })));
    let backward = Case { value: f64::sin, forward: f64::cos, backward: |x| -x.cos() };
    assert_eq!(verdict(&backward, 1.0), Verdict::Fail(Fault::Modes));
    let zero = Case { value: f64::exp, forward: |_| 0.0, backward: |_| 0.0 };
    assert!(matches!(verdict(&zero, 1.0), Verdict::Fail(Fault::Forward { .. })));
    let missing = Case { value: |x| x * x, forward: |_| f64::NAN, backward: |_| f64::NAN };
    assert!(matches!(verdict(&missing, 1.0), Verdict::Fail(Fault::Forward { .. })));
}

#[test]
fn points_that_do_not_tell_are_inconclusive() {
    let kink = Case { value: f64::abs, forward: |_| 1.0, backward: |_| 1.0 };
    assert_eq!(verdict(&kink, 0.0), Verdict::Inconclusive(Doubt::Kink { output: 1 }));
    // The step is 1e-4 divided by a direction of about one.
    let beside = Case { value: |x| (x - 2e-5).abs(), forward: |_| -1.0, backward: |_| -1.0 };
    assert!(matches!(verdict(&beside, 0.0), Verdict::Inconclusive(_)));
    let jump = Case { value: f64::floor, forward: |_| 0.0, backward: |_| 0.0 };
    assert!(matches!(verdict(&jump, 1.0), Verdict::Inconclusive(_)));
    let domain = Case { value: f64::ln, forward: f64::recip, backward: f64::recip };
    assert_eq!(verdict(&domain, -1.0), Verdict::Inconclusive(Doubt::NotFinite { output: 1 }));
    assert_eq!(verdict(&domain, 0.0), Verdict::Inconclusive(Doubt::NotFinite { output: 1 }));
}

#[test]
fn random_numbers_are_the_same_everywhere() {
    assert_eq!(Random::new(0).bits(), 0xe220_a839_7b1d_cdaf);
    let mut random = Random::new(5);
    let numbers: Vec<f64> = (0..1000).map(|_| random.number(Domain::Normal)).collect();
    let mean = numbers.iter().sum::<f64>() / 1000.0;
    let variance = numbers.iter().map(|x| x * x).sum::<f64>() / 1000.0;
    assert!(mean.abs() < 0.1 && (variance - 1.0).abs() < 0.1, "{mean} {variance}");
    assert!((0..1000).map(|_| random.number(Domain::Unit)).all(|x| (0.1..0.9).contains(&x)));
}
