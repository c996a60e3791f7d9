//! Derivatives of decompositions of Hermitian matrices, along Hermitian directions: the derivatives take the tangent to
//! be one, while the operations read a triangle.

use super::samples::positive;
use super::*;
use crate::eval;
use crate::ir::Program;
use crate::transform::BODIES;
use crate::types::Scalar;

/// `op` of `x + x^H`, with the tangents of the results if `x` gets one.
fn symmetrized(op: &Op, aval: &Aval, with_tangent: bool) -> Program {
    let mut b = Builder::new();
    let mut hermitian = || {
        let x: Atom = b.input(aval.clone()).into();
        let turned = algebra::dagger(&mut b, x);
        b.add(x, turned)
    };
    let x = hermitian();
    if !with_tangent {
        let results = b.emit(op.clone(), &[x]);
        return b.finish(results);
    }
    let tangent = Tangent::Value(hermitian());
    let duals = op
        .jvp(&mut JvpCx { builder: &mut b, bodies: BODIES }, &[x], &[tangent])
        .expect("there is a derivative");
    b.finish(duals.tangents.iter().map(|tangent| tangent.value().expect("it is not zero")).collect())
}

#[test]
fn jvp_of_hermitian_decompositions_is_the_finite_difference() {
    check_hermitian(DType::F64);
    check_hermitian(DType::C128);
}

/// `x + step t`.
fn moved_by(x: Scalar, t: Scalar, step: f64) -> Scalar {
    let moved = x.number() + Complex::new(step, 0.0) * t.number();
    if matches!(x, Scalar::Complex(..)) { moved.into() } else { Scalar::Float(moved.re) }
}

fn check_hermitian(dtype: DType) {
    let eigh = |is_lower| Eigh { is_lower, subset: None, sort_eigenvalues: true, algorithm: Value::None };
    let x = positive(dtype, &[2, 4, 4], 1);
    let direction = super::samples::irregular(dtype, &[2, 4, 4], 2);
    let step = 1e-6;
    let moved = |sign: f64| {
        let pairs = x.scalars().zip(direction.scalars());
        let values = pairs.map(|(x, t)| moved_by(x, t, sign * step));
        Tensor::from_scalars(x.aval().clone(), values)
    };
    for op in [Op::from(Cholesky), eigh(true).into(), eigh(false).into()] {
        let run = |x: Tensor| {
            eval::program(&symmetrized(&op, x.aval(), false), std::slice::from_ref(&x)).expect("it runs")
        };
        let (up, down) = (run(moved(1.0)), run(moved(-1.0)));
        let tangents = eval::program(&symmetrized(&op, x.aval(), true), &[x.clone(), direction.clone()]);
        let tangents = tangents.expect("it runs");
        for (position, tangent) in tangents.iter().enumerate() {
            // Complex vectors are free in their phases, which the derivative chooses in its own way.
            if dtype.is_complex() && matches!(op, Op::Eigh(_)) && position == 0 {
                continue;
            }
            for (at, found) in tangent.scalars().enumerate() {
                let expected = up[position].at(at).number() - down[position].at(at).number();
                let expected = expected / Complex::new(2.0 * step, 0.0);
                // Above the diagonal, the factor's tangent is zero, and the operation keeps its operand.
                let (row, col) = (at / 4 % 4, at % 4);
                let is_kept = matches!(op, Op::Cholesky(_)) && col > row;
                let expected = if is_kept { Complex::new(0.0, 0.0) } else { expected };
                let difference = (found.number() - expected).abs();
                assert!(
                    difference < 1e-6,
                    "{} result {position} element {at}: {found:?}, {expected:?}",
                    op.name()
                );
            }
        }
    }
}

/// `x` with `diag(d) x = b`, all functions having the same constant.
fn diagonal_system(aval: &Aval, tangents: bool) -> Program {
    let op = solve::diagonal_solve(aval);
    let mut b = Builder::new();
    let inputs: Vec<Atom> = (0..4).map(|_| b.input(aval.clone()).into()).collect();
    let [d, rhs, d_dot, rhs_dot] = inputs[..] else { unreachable!("there are four inputs") };
    let primals = [d, d, d, d, rhs];
    if !tangents {
        let x = b.emit(op, &primals);
        return b.finish(x);
    }
    let tangents = [d_dot, d_dot, d_dot, d_dot, rhs_dot].map(Tangent::Value);
    let mut cx = JvpCx { builder: &mut b, bodies: BODIES };
    let duals = op.jvp(&mut cx, &primals, &tangents).expect("there is a derivative");
    let tangent = duals.tangents[0].value().expect("it is not zero");
    b.finish(vec![tangent])
}

#[test]
fn jvp_of_a_linear_solve_solves_again() {
    let aval = Aval::new(DType::F64, [3]);
    let tensor = |values: [f64; 3]| Tensor::from_f64s(DType::F64, [3], &values);
    let (d, b) = (tensor([2.0, -0.5, 1.5]), tensor([1.0, 3.0, -2.0]));
    let (d_dot, b_dot) = (tensor([0.5, -1.0, 0.25]), tensor([1.0, 0.0, -3.0]));
    let run = |tangents| {
        let inputs = [d.clone(), b.clone(), d_dot.clone(), b_dot.clone()];
        eval::program(&diagonal_system(&aval, tangents), &inputs).expect("it runs").remove(0)
    };
    let (x, x_dot) = (run(false), run(true));
    for at in 0..3 {
        let [d, b, d_dot, b_dot] = [&d, &b, &d_dot, &b_dot].map(|tensor| tensor.at(at).float());
        assert_eq!(x.at(at).float(), b / d);
        let expected = (b_dot - d_dot * b / d) / d;
        assert!((x_dot.at(at).float() - expected).abs() < 1e-14, "{x_dot:?}");
    }
}
