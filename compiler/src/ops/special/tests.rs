//! Values that tables give, and what is not differentiable.

use super::*;
use crate::ops::rules::NoRule;

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-13 * expected.abs(), "{found} found, {expected} expected");
}

/// Source: Abramowitz and Stegun, and closed forms.
#[test]
fn references_agree_with_tables() {
    close(reference::digamma(1.0), -0.577_215_664_901_532_9);
    close(reference::zeta(2.0, 1.0), std::f64::consts::PI.powi(2) / 6.0);
    close(reference::zeta(3.0, 1.0), 1.202_056_903_159_594_2);
    close(reference::polygamma(DType::F64, &[2.0, 1.0]), -2.404_113_806_319_188_6);
    close(reference::igamma(1.0, 2.0), 1.0 - (-2f64).exp());
    close(reference::igammac(0.5, 4.0), libm::erfc(2.0));
    close(reference::igamma(3.0, 0.5), 1.0 - 1.625 * (-0.5f64).exp());
    close(reference::betainc(2.0, 1.0, 0.25), 0.0625);
    close(reference::betainc(1.0, 3.0, 0.75), 1.0 - 0.25f64.powi(3));
    close(reference::bessel_i0e(1.0), 1.266_065_877_752_008_4 * (-1f64).exp());
    close(reference::bessel_i1e(-10.0), -2_670.988_303_701_254_6 * (-10f64).exp());
    // The exponential distribution: the median moves like the inverse function says.
    let derivative = reference::random_gamma_grad(1.0, 1.0);
    let difference = (reference::igamma(1.0 + 1e-5, 1.0) - reference::igamma(1.0 - 1e-5, 1.0)) / 2e-5;
    assert!((derivative + difference * 1f64.exp()).abs() < 1e-9);
}

#[test]
fn missing_derivatives_are_refused_only_where_they_are_needed() {
    let mut b = Builder::new();
    let aval = Aval::new(DType::F32, [3]);
    let x: Vec<Atom> = (0..3).map(|_| b.input(aval.clone()).into()).collect();
    let zero = Tangent::Zero(aval);
    let tangent = Tangent::Value(x[0]);
    let mut cx = JvpCx { builder: &mut b, bodies: crate::transform::BODIES };
    let by_x = Special(SpecialKind::Betainc).jvp(&mut cx, &x, &[zero.clone(), zero.clone(), tangent.clone()]);
    assert!(by_x.is_ok());
    let by_a = Special(SpecialKind::Betainc).jvp(&mut cx, &x, &[tangent, zero.clone(), zero]);
    assert_eq!(by_a.err(), Some(NoRule::ByDesign(NO_SHAPE)));
}

/// The laws skip functions that have derivatives by some operands only.
#[test]
fn partial_derivatives_are_finite_differences() {
    for (kind, point) in [
        (SpecialKind::Polygamma, vec![2.0, 1.75]),
        (SpecialKind::Betainc, vec![2.5, 0.75, 0.375]),
        (SpecialKind::Betainc, vec![0.5, 6.0, 0.25]),
    ] {
        let last = point.len() - 1;
        let mut b = Builder::new();
        let aval = Aval::new(DType::F64, [1]);
        let x: Vec<Atom> = point.iter().map(|_| b.input(aval.clone()).into()).collect();
        let mut tangents = vec![Tangent::Zero(aval); point.len()];
        let one = b.constant_like(x[0], 1.0);
        tangents[last] = Tangent::Value(one);
        let duals = Special(kind)
            .jvp(&mut JvpCx { builder: &mut b, bodies: crate::transform::BODIES }, &x, &tangents)
            .expect("it has one");
        let program = b.finish(vec![duals.tangents[0].value().expect("it is not zero")]);
        let inputs: Vec<Tensor> = point.iter().map(|&x| Tensor::from_f64s(DType::F64, [1], &[x])).collect();
        let found = crate::eval::program(&program, &inputs).expect("it evaluates")[0].get(&[0]).float();
        let value = |step: f64| {
            let mut moved = point.clone();
            moved[last] += step;
            (kind.row().eval)(DType::F64, &moved)
        };
        let difference = (value(1e-5) - value(-1e-5)) / 2e-5;
        assert!((found - difference).abs() < 1e-7 * difference.abs(), "{kind:?}: {found}, {difference}");
    }
}
