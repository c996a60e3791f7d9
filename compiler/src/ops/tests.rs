//! Lowering against the reference semantics, through the interpreter of loops: the law "compiled = eval" without code.

use super::rules::{EvalCx, Lowering, NoRule, Sample};
use super::samples;
use crate::loops::interpret::{self, Strictness};
use crate::loops::{Buffer, Function, Nest, Place, Stmt};
use crate::types::{Aval, DType, Scalar, Tensor};

#[test]
fn nests_are_eval() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for sample in samples() {
        let avals: Vec<Aval> = sample.operands.iter().map(|tensor| tensor.aval().clone()).collect();
        let results = sample.op.infer(&avals).expect("samples are well typed");
        let nests = match sample.op.lower(&avals, &results) {
            Ok(Lowering::Nests(nests)) => nests,
            Ok(Lowering::Reinterpret(Some(nest))) => vec![nest],
            Ok(_) | Err(_) => continue,
        };
        // The interpreter has no routines of the runtime.
        if nests.iter().any(|nest| nest.block.calls_runtime()) {
            continue;
        }
        seen += 1;
        let found =
            interpret::function(&function(&avals, &results, nests), &sample.operands, Strictness::Source);
        if let Err(why) = found.and_then(|found| compare(&sample, &found)) {
            let (name, params) = (sample.op.name(), sample.op.params());
            broken.push(format!("{name}[{params}] of {:?}: {why}", sample.operands));
        }
    }
    assert!(seen > 500, "most samples lower to nests, found {seen}");
    let shown = broken.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(broken.is_empty(), "{} of {seen} lowerings differ from eval:\n{shown}", broken.len());
}

/// An evaluation context for operations without bodies.
pub(super) fn no_bodies() -> EvalCx {
    EvalCx { eval_body: |_, _, _| Err(NoRule::ByDesign("this test evaluates no bodies")) }
}

fn function(operands: &[Aval], results: &[Aval], nests: Vec<Nest>) -> Function {
    let buffer = |aval: &Aval, place| Buffer { dtype: aval.dtype, shape: aval.shape.clone(), place };
    let inputs = operands.iter().enumerate().map(|(i, aval)| buffer(aval, Place::Input(i)));
    let outputs = results.iter().enumerate().map(|(i, aval)| buffer(aval, Place::Output(i)));
    let body = nests.into_iter().map(Stmt::Nest).collect();
    Function { name: "f".into(), buffers: inputs.chain(outputs).collect(), body, arena_bytes: 0 }
}

fn compare(sample: &Sample, found: &[Tensor]) -> Result<(), String> {
    let Ok(expected) = sample.op.eval(&no_bodies(), &sample.operands) else { return Ok(()) };
    // Two references compare here, each with special functions of its own.
    let ulps = 2.0 * sample.ulps;
    for (found, expected) in found.iter().zip(&expected) {
        let mut pairs = found.scalars().zip(expected.scalars());
        if found.aval() != expected.aval() || !pairs.all(|(x, y)| close(found.dtype(), x, y, ulps)) {
            return Err(format!("found {found}, expected {expected}"));
        }
    }
    Ok(())
}

fn close(dtype: DType, x: Scalar, y: Scalar, ulps: f64) -> bool {
    if x == y || !dtype.is_inexact() {
        return x == y;
    }
    let (x, y) = (x.number(), y.number());
    let mantissa_bits = match dtype.real_part() {
        DType::F64 => 52,
        DType::F32 => 23,
        DType::F16 => 10,
        _ => 7,
    };
    // Of complex numbers, the last place of the modulus counts.
    let modulus = x.abs().max(y.abs());
    let part = |x: f64, y: f64| {
        let scale = if modulus.is_finite() { modulus } else { x.abs().max(y.abs()) };
        x == y || x.is_nan() && y.is_nan() || (x - y).abs() <= ulps * scale * 2f64.powi(-mantissa_bits)
    };
    part(x.re, y.re) && part(x.im, y.im)
}
