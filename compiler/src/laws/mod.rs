//! The laws that every primitive obeys, run on every sample of every family: a new operation is tested before anyone
//! writes a test for it.

mod derivatives;
mod jit;
mod programs;
mod table;

use crate::eval;
use crate::exports::Entry;
use crate::ir::{Atom, Builder, Program};
use crate::ops::rules::{BatchCx, BatchDim, NoRule, Sample};
use crate::ops::{self, Op};
use crate::pipeline::Observe;
use crate::transform::BODIES;
use crate::types::{Aval, DType, Scalar, Tensor};

/// Runs a law on every sample and fails with the list of those that break it.
fn for_every_sample(law: impl Fn(&Sample) -> Result<(), String>) {
    let samples = ops::samples();
    assert!(samples.len() > 100, "the families list their samples");
    let mut broken = Vec::new();
    for sample in &samples {
        if let Err(why) = law(sample) {
            broken.push(format!(
                "{}[{}] of {:?}: {why}",
                sample.op.name(),
                sample.op.params(),
                avals(sample)
            ));
        }
    }
    let (count, shown) = (broken.len(), broken.iter().take(20).cloned().collect::<Vec<_>>().join("\n"));
    assert!(broken.is_empty(), "{count} of {} samples break the law:\n{shown}", samples.len());
}

fn avals(sample: &Sample) -> Vec<Aval> {
    sample.operands.iter().map(|tensor| tensor.aval().clone()).collect()
}

/// The program `op operands` with one input per operand.
fn program(sample: &Sample) -> Program {
    let mut b = Builder::new();
    let inputs: Vec<Atom> = avals(sample).into_iter().map(|aval| b.input(aval).into()).collect();
    let outputs = b.emit(sample.op.clone(), &inputs);
    b.finish(outputs)
}

/// The reference result; `None` if the primitive says that it has none yet.
fn evaluated(sample: &Sample) -> Option<Vec<Tensor>> {
    eval::program(&program(sample), &sample.operands).ok()
}

fn compiled(program: &Program, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
    let names = |count: usize, stem: &str| (0..count).map(|i| format!("{stem}{i}")).collect();
    let entry = Entry {
        name: "f".into(),
        input_names: names(program.inputs.len(), "x"),
        output_names: names(program.outputs.len(), "y"),
        program: program.clone(),
        left_out: Default::default(),
    };
    let observe = Observe { verify: true, ..Observe::default() };
    let module = crate::compile(std::slice::from_ref(&entry), &observe, &mut |_, _| {});
    let module = module.map_err(|errors| errors[0].message.clone())?;
    jit::run(&entry, &module, inputs)
}

#[test]
fn infer_is_the_aval_of_eval() {
    for_every_sample(|sample| {
        let inferred = sample.op.infer(&avals(sample)).map_err(|error| error.to_string())?;
        let Some(results) = evaluated(sample) else { return Ok(()) };
        let found: Vec<Aval> = results.iter().map(|tensor| tensor.aval().clone()).collect();
        if found == inferred { Ok(()) } else { Err(format!("infer says {inferred:?}, eval made {found:?}")) }
    });
}

#[test]
fn text_reads_back_equal() {
    for_every_sample(|sample| {
        let results: Vec<Option<Aval>> = match sample.op.infer(&avals(sample)) {
            Ok(results) => results.into_iter().map(Some).collect(),
            Err(error) => return Err(error.to_string()),
        };
        match ops::parse(sample.op.name(), &sample.op.params(), &results) {
            Some(Ok(op)) if op == sample.op => Ok(()),
            Some(Ok(op)) => Err(format!("read back as {op:?}")),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("its own name is not read".into()),
        }
    });
}

#[test]
fn compiled_is_eval() {
    for_every_sample(|sample| {
        let program = program(sample);
        let lowered = sample.op.lower(&avals(sample), &program.output_avals());
        let (Some(expected), false) = (evaluated(sample), matches!(lowered, Err(NoRule::NotYet(_)))) else {
            return Ok(());
        };
        if avals(sample).iter().chain(&program.output_avals()).any(|aval| aval.dtype == DType::Float0) {
            return Ok(());
        }
        let found = compiled(&program, &sample.operands)?;
        match sample.same {
            Some(same) => same(&sample.operands, &found, &expected),
            None => close(&found, &expected, sample.ulps),
        }
    });
}

#[test]
fn batch_is_a_stack_of_singles() {
    for_every_sample(|sample| {
        // JAX's rule for it is another one; its family has a test of it.
        if matches!(sample.op, Op::RngBitGenerator(_)) {
            return Ok(());
        }
        for mapped in 0..sample.operands.len() {
            for axis in 0..=sample.operands[mapped].shape().rank() {
                batch_law(sample, mapped, axis)?;
            }
        }
        Ok(())
    });
}

/// Maps one operand over a new axis of extent 2 whose slices are the sample's operand.
fn batch_law(sample: &Sample, mapped: usize, axis: usize) -> Result<(), String> {
    let Some(expected) = evaluated(sample) else { return Ok(()) };
    let stacked = repeated(&sample.operands[mapped], axis);
    let mut b = Builder::new();
    let mut inputs: Vec<Tensor> = sample.operands.clone();
    inputs[mapped] = stacked;
    let atoms: Vec<Atom> = inputs.iter().map(|tensor| b.input(tensor.aval().clone()).into()).collect();
    let dims: Vec<BatchDim> = (0..atoms.len())
        .map(|operand| if operand == mapped { BatchDim::Axis(axis) } else { BatchDim::NotMapped })
        .collect();
    let mut cx = BatchCx { builder: &mut b, extent: 2, bodies: BODIES };
    let batched = match sample.op.batch(&mut cx, &atoms, &dims) {
        Ok(batched) => batched,
        Err(_) => return Ok(()),
    };
    let dims = batched.dims.clone();
    let program = b.finish(batched.values);
    let broken = crate::ir::verify(&program);
    if let Some(error) = broken.first() {
        return Err(format!("operand {mapped} axis {axis}: {}", error.message));
    }
    let found = eval::program(&program, &inputs).map_err(|error| error.message)?;
    for ((found, expected), dim) in found.iter().zip(&expected).zip(dims) {
        let wanted = match dim {
            BatchDim::Axis(result_axis) => repeated(expected, result_axis),
            BatchDim::NotMapped => expected.clone(),
        };
        close(std::slice::from_ref(found), &[wanted], sample.ulps)
            .map_err(|why| format!("operand {mapped} axis {axis}: {why}"))?;
    }
    Ok(())
}

/// Two copies of `tensor` along a new axis.
fn repeated(tensor: &Tensor, axis: usize) -> Tensor {
    let aval = tensor.aval().with_shape(tensor.shape().inserted(axis, 2));
    Tensor::from_fn(aval, |index| {
        let own: Vec<usize> =
            index.iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, &i)| i).collect();
        tensor.get(&own)
    })
}

/// Equal types, and elements within `ulps` units of the last place of the largest element nearby.
fn close(found: &[Tensor], expected: &[Tensor], ulps: f64) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("{} results, expected {}", found.len(), expected.len()));
    }
    for (found, expected) in found.iter().zip(expected) {
        if found.aval() != expected.aval() {
            return Err(format!("result {}, expected {}", found.aval(), expected.aval()));
        }
        for (position, (a, b)) in found.scalars().zip(expected.scalars()).enumerate() {
            if !close_scalars(found.dtype(), a, b, ulps) {
                return Err(format!("element {position} is {a:?}, expected {b:?}"));
            }
        }
    }
    Ok(())
}

fn close_scalars(dtype: DType, a: Scalar, b: Scalar, ulps: f64) -> bool {
    if a == b || !dtype.is_inexact() {
        return a == b;
    }
    let (a, b) = (a.number(), b.number());
    // Of complex numbers, the last place of the modulus counts.
    let size = a.abs().max(b.abs());
    let size = move |x: f64, y: f64| if size.is_finite() { size } else { x.abs().max(y.abs()) };
    let tolerance = ulps * epsilon(dtype);
    let part = |x: f64, y: f64| {
        x == y || x.is_nan() && y.is_nan() || (x - y).abs() <= tolerance * size(x, y) + smallest(dtype)
    };
    part(a.re, b.re) && part(a.im, b.im)
}

/// The relative spacing of a floating type's numbers.
fn epsilon(dtype: DType) -> f64 {
    match dtype.real_part() {
        DType::F64 => f64::EPSILON,
        DType::F32 => f64::from(f32::EPSILON),
        DType::F16 => 2f64.powi(-10),
        _ => 2f64.powi(-7),
    }
}

/// The smallest normal number: compiled code may flush what lies below it.
fn smallest(dtype: DType) -> f64 {
    match dtype.real_part() {
        DType::F64 => f64::MIN_POSITIVE,
        DType::F16 => 2f64.powi(-14),
        _ => f64::from(f32::MIN_POSITIVE),
    }
}

#[test]
fn every_primitive_has_a_sample() {
    let samples = ops::samples();
    let mut names: Vec<&str> = samples.iter().map(|sample| sample.op.name()).collect();
    names.sort_unstable();
    names.dedup();
    for name in
        ["sin", "add", "eq", "select_n", "clamp", "reduce_sum", "argmax", "dot_general", "pad", "jit", "iota"]
    {
        assert!(names.contains(&name), "{name} has no sample; known: {names:?}");
    }
}
