//! The laws of derivatives: jvp = finite difference, and <ct, J t> = <J^T ct, t>.
//!
//! # Note: complex numbers
//! Differences are taken along real directions and along imaginary ones. The pairing of complex numbers is
//! `Re(sum of x y)`, without conjugation: JAX's convention, for operations that are linear over the reals only, too.

use super::{avals, epsilon, evaluated, for_every_sample};
use crate::eval;
use crate::ir::{Atom, Builder};
use crate::ops::rules::{JvpCx, Operand, Sample, Tangent, TransposeCx, tangent_aval};
use crate::transform::BODIES;
use crate::types::{Aval, Complex, DType, Literal, Scalar, Tensor};

/// A direction with small, irregular entries that are exact in every dtype; complex ones are multiples of `turn`.
fn direction(aval: &Aval, seed: usize, turn: Complex) -> Tensor {
    let mut position = seed;
    Tensor::from_fn(aval.clone(), |_| {
        position += 1;
        let entry = Complex::new([1.0, -0.5, 0.25, 0.75, -1.25][position % 5], 0.0);
        if aval.dtype.is_complex() { (entry * turn).into() } else { Scalar::Float(entry.re) }
    })
}

const REAL: Complex = Complex::ONE;
const IMAGINARY: Complex = Complex { re: 0.0, im: 1.0 };
const OBLIQUE: Complex = Complex { re: 1.0, im: -0.5 };

fn differentiable(aval: &Aval) -> bool {
    matches!(aval.dtype, DType::F32 | DType::F64 | DType::C64 | DType::C128)
}

/// Has the operation an operand or a result whose derivatives are complex?
fn is_complex(sample: &Sample) -> bool {
    avals(sample).iter().any(|aval| aval.dtype.is_complex())
}

#[test]
fn jvp_is_the_finite_difference() {
    for_every_sample(|sample| {
        if !sample.smooth {
            return Ok(());
        }
        jvp_law(sample, REAL)?;
        if is_complex(sample) { jvp_law(sample, IMAGINARY) } else { Ok(()) }
    });
}

fn jvp_law(sample: &Sample, turn: Complex) -> Result<(), String> {
    let primal_avals = avals(sample);
    if !primal_avals.iter().any(differentiable) || evaluated(sample).is_none() {
        return Ok(());
    }
    let mut b = Builder::new();
    let primals: Vec<Atom> = primal_avals.iter().map(|aval| b.input(aval.clone()).into()).collect();
    let mut inputs = sample.operands.clone();
    let mut directions: Vec<Option<Tensor>> = Vec::new();
    let mut tangents = Vec::new();
    for (operand, aval) in primal_avals.iter().enumerate() {
        if differentiable(aval) {
            let tangent = direction(aval, operand, turn);
            tangents.push(Tangent::Value(b.input(aval.clone()).into()));
            inputs.push(tangent.clone());
            directions.push(Some(tangent));
        } else {
            tangents.push(Tangent::Zero(tangent_aval(aval)));
            directions.push(None);
        }
    }
    let duals = match sample.op.jvp(&mut JvpCx { builder: &mut b, bodies: BODIES }, &primals, &tangents) {
        Ok(duals) => duals,
        Err(_) => return Ok(()),
    };
    let values: Vec<Option<Atom>> = duals.tangents.iter().map(Tangent::value).collect();
    let program = b.finish(values.iter().filter_map(|value| *value).collect());
    let mut found = eval::program(&program, &inputs).map_err(|error| error.message)?.into_iter();
    for (result, value) in values.iter().enumerate() {
        let numeric = difference(sample, &directions, result)?;
        let Some(numeric) = numeric else { continue };
        match value {
            Some(_) => compare(&found.next().expect("one value per tangent"), &numeric)?,
            None if numeric.iter().all(|difference| difference.abs() < 1e-3) => {}
            None => return Err(format!("result {result} has a zero tangent, the difference is {numeric:?}")),
        }
    }
    Ok(())
}

/// Central difference of one result along all directions; `None` if it is not differentiable.
fn difference(
    sample: &Sample,
    directions: &[Option<Tensor>],
    result: usize,
) -> Result<Option<Vec<Complex>>, String> {
    // Steps in f64, whatever the sample's dtype: rounding would drown the difference.
    let step = 1e-5;
    let shifted = |sign: f64| {
        let mut moved = sample.clone();
        for (tensor, direction) in moved.operands.iter_mut().zip(directions) {
            if let Some(direction) = direction {
                let pairs = tensor.scalars().zip(direction.scalars());
                let step = Complex::new(sign * step, 0.0);
                let moved = pairs.map(|(x, d)| x.number() + step * d.number());
                let wide = tensor.aval().with_dtype(wide(tensor.dtype()));
                let is_complex = wide.dtype.is_complex();
                *tensor = Tensor::from_scalars(
                    wide,
                    moved.map(|x| if is_complex { x.into() } else { Scalar::Float(x.re) }),
                );
            }
        }
        moved
    };
    let (up, down) = (evaluated_in_f64(&shifted(1.0)), evaluated_in_f64(&shifted(-1.0)));
    let (Some(up), Some(down)) = (up, down) else { return Ok(None) };
    // Narrower results are rounded too coarsely for a difference to mean anything.
    if up[result].dtype().real_part() != DType::F64 {
        return Ok(None);
    }
    let pairs = up[result].scalars().zip(down[result].scalars());
    let width = Complex::new(2.0 * step, 0.0);
    Ok(Some(pairs.map(|(a, b)| (a.number() - b.number()) / width).collect()))
}

/// The type of double precision.
fn wide(dtype: DType) -> DType {
    if dtype.is_complex() { DType::C128 } else { DType::F64 }
}

/// Evaluates with widened operands; `None` for operations whose parameters fix the narrow dtype.
fn evaluated_in_f64(sample: &Sample) -> Option<Vec<Tensor>> {
    let results = sample.op.infer(&avals(sample)).ok()?;
    results.iter().all(|aval| aval.dtype.real_part() != DType::F32).then(|| evaluated(sample)).flatten()
}

fn compare(found: &Tensor, numeric: &[Complex]) -> Result<(), String> {
    let tolerance = if found.dtype().real_part() == DType::F64 { 1e-5 } else { 1e-3 };
    for (position, (a, &b)) in found.scalars().zip(numeric).enumerate() {
        let a = a.number();
        if (a - b).abs() > tolerance * (1.0 + b.abs()) || a.is_nan() != b.is_nan() {
            return Err(format!("tangent element {position} is {a:?}, the difference is {b:?}"));
        }
    }
    Ok(())
}

#[test]
fn transpose_is_the_adjoint_of_jvp() {
    for_every_sample(|sample| {
        (0..sample.operands.len()).try_for_each(|operand| transpose_law(sample, operand))
    });
}

/// For an operation that is linear in one operand: <ct, op(t)> = <transpose(ct), t>.
fn transpose_law(sample: &Sample, linear: usize) -> Result<(), String> {
    let primal_avals = avals(sample);
    if !differentiable(&primal_avals[linear]) || evaluated(sample).is_none() {
        return Ok(());
    }
    let results = sample.op.infer(&primal_avals).map_err(|error| error.to_string())?;
    // Infinities and NaN among the known operands have no adjoint.
    let is_number = |x: Scalar| match x {
        Scalar::Float(x) => x.is_finite(),
        Scalar::Complex(re, im) => re.is_finite() && im.is_finite(),
        Scalar::Bool(_) | Scalar::Int(_) | Scalar::Key(_) => true,
    };
    let numbers = |tensor: &Tensor| tensor.scalars().all(is_number);
    if results.is_empty() || !results.iter().all(differentiable) || !sample.operands.iter().all(numbers) {
        return Ok(());
    }
    let mut b = Builder::new();
    let mut inputs = Vec::new();
    let mut operands = Vec::new();
    for (operand, tensor) in sample.operands.iter().enumerate() {
        if operand == linear {
            operands.push(Operand::Linear(tensor.aval().clone()));
        } else {
            operands.push(Operand::Known(b.input(tensor.aval().clone()).into()));
            inputs.push(tensor.clone());
        }
    }
    let cotangents: Vec<Tensor> =
        results.iter().enumerate().map(|(i, aval)| direction(aval, i + 3, IMAGINARY)).collect();
    let ct_atoms =
        cotangents.iter().map(|ct| Tangent::Value(b.input(ct.aval().clone()).into())).collect::<Vec<_>>();
    inputs.extend(cotangents.iter().cloned());
    let transposed =
        match sample.op.transpose(&mut TransposeCx { builder: &mut b, bodies: BODIES }, &ct_atoms, &operands)
        {
            Ok(transposed) => transposed,
            Err(_) => return Ok(()),
        };
    let tangent = direction(&primal_avals[linear], 1, OBLIQUE);
    let pulled = match &transposed[linear] {
        Tangent::Zero(_) => 0.0,
        Tangent::Value(atom) => {
            if b.aval(*atom) != primal_avals[linear] {
                return Err(format!("cotangent {} for operand {}", b.aval(*atom), primal_avals[linear]));
            }
            let program = b.finish(vec![*atom]);
            inner(&eval::program(&program, &inputs).map_err(|error| error.message)?[0], &tangent)
        }
    };
    let zero =
        Tensor::splat(Literal::from_f64(primal_avals[linear].dtype, 0.0), primal_avals[linear].shape.clone());
    let at = |value: &Tensor| {
        let mut moved = sample.clone();
        moved.operands[linear] = value.clone();
        evaluated(&moved).expect("the sample evaluates")
    };
    // Affine in the operand (a sum with a known one), so the constant part is subtracted.
    let (image, origin) = (at(&tangent), at(&zero));
    let pushed: f64 =
        image.iter().zip(&origin).zip(&cotangents).map(|((y, y0), ct)| inner(y, ct) - inner(y0, ct)).sum();
    let tolerance = 1e4 * epsilon(results[0].dtype) * (1.0 + pushed.abs());
    if (pulled - pushed).abs() <= tolerance {
        return Ok(());
    }
    Err(format!("operand {linear}: <J^T ct, t> is {pulled}, <ct, J t> is {pushed}"))
}

/// See Note: complex numbers.
fn inner(a: &Tensor, b: &Tensor) -> f64 {
    a.scalars().zip(b.scalars()).map(|(x, y)| (x.number() * y.number()).re).sum()
}
