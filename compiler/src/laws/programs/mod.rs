//! The laws of transformations, on programs and compositions that nobody wrote: generated from a seed.
//!
//! For each program `f` and composition of transformations `g` of it: forward mode of `g` is the central difference,
//! reverse mode is the transpose of forward mode, a batch is a stack of single runs, and compiled code computes what the
//! interpreter does. `RJAXC_LAW_SEEDS=FIRST..END` runs these seeds instead of the usual ones.

mod bodies;
mod composition;
mod generator;
mod steps;
mod typed;

use super::compiled;
use crate::derivatives::{self, Domain, Fault, Finding, Functions, Random, Settings, Verdict};
use crate::diag::{Diagnostic, Span};
use crate::eval;
use crate::exports::{self, WithDerivatives};
use crate::ir::source::{Export, Expression, Function, Keyword, Source};
use crate::ir::{Program, Value};
use crate::types::{Aval, Tensor};
use generator::Generator;

/// The seeds of a usual run, and how many equations the program of each has, about.
const SEEDS: std::ops::Range<u64> = 0..30;
const SIZE: usize = 9;

/// Compiled code and batches may add up in another order. Relative to the largest element, and to one.
const TOLERANCE: f64 = 1e-9;

/// What was generated from one seed.
struct Case {
    source: Source,
    export: Export,
    /// The composition, as text.
    expression: String,
}

#[test]
fn transformations_of_generated_programs() {
    let seeds = match std::env::var("RJAXC_LAW_SEEDS") {
        Ok(range) => {
            let (first, end) = range.split_once("..").expect("RJAXC_LAW_SEEDS is FIRST..END");
            first.parse().expect("a number")..end.parse().expect("a number")
        }
        Err(_) => SEEDS,
    };
    let count = seeds.clone().count();
    let mut broken = Vec::new();
    let mut unclear = 0;
    for seed in seeds {
        match caught(seed, SIZE) {
            Ok(tested) => unclear += usize::from(!tested),
            Err(why) => broken.push(smallest(seed, why)),
        }
    }
    assert!(broken.is_empty(), "{} of {count} seeds break a law:\n\n{}", broken.len(), broken.join("\n\n"));
    // A point that tells nothing tests nothing.
    assert!(4 * unclear <= count, "{unclear} of {count} seeds are inconclusive");
}

/// The report of the smallest program of this seed that breaks a law.
fn smallest(seed: u64, why: String) -> String {
    let smaller = (1..SIZE).find_map(|size| caught(seed, size).err().map(|why| (size, why)));
    let (size, why) = smaller.unwrap_or((SIZE, why));
    let case = case(seed, size);
    let program = &case.source.functions[0].program;
    format!("seed {seed}, size {size}: {why}\n{}\nlet f = {program}", case.expression)
}

fn case(seed: u64, size: usize) -> Case {
    let mut random = Random::new(seed);
    let program = Generator::new(&mut random).program(size);
    let source = source(program);
    let expression = composition::compose(&mut random, &source);
    let export = composition::read(&expression);
    Case { source, export, expression }
}

/// A file with `program` as its function `f`.
fn source(program: Program) -> Source {
    let names = |count: usize, stem: &str| (0..count).map(|at| format!("{stem}{at}")).collect();
    let function = Function {
        name: "f".to_string(),
        span: Span::default(),
        constvar_names: Vec::new(),
        input_names: names(program.inputs.len(), "x"),
        output_names: names(program.outputs.len(), "y"),
        left_out: Default::default(),
        called: false,
        program,
    };
    Source { functions: vec![function], ..Source::default() }
}

/// [`laws`]; a panic breaks them, too.
fn caught(seed: u64, size: usize) -> Result<bool, String> {
    std::panic::catch_unwind(|| laws(seed, size)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| text.to_string()));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

/// Runs all laws on the case of a seed. Says whether the derivatives could be tested. Errors: the law that is broken.
fn laws(seed: u64, size: usize) -> Result<bool, String> {
    let case = case(seed, size);
    let program = &case.source.functions[0].program;
    if let Some(broken) = crate::ir::verify(program).first() {
        return Err(format!("the generator made an invalid program: {}", broken.message));
    }
    let of = |what: &str, error: Diagnostic| format!("{what}: {}", error.message);
    let derived = exports::with_derivatives(&case.source, &case.export);
    let derived = derived.map_err(|error| of("no derivatives", error))?;
    let mut random = Random::new(seed.wrapping_add(1));
    let mut point_of = |avals: &[Aval]| -> Vec<Tensor> {
        avals.iter().map(|aval| random.tensor(aval, Domain::Normal)).collect()
    };
    let avals = derived.value.program.input_avals();
    let point = point_of(&avals);
    for entry in [&derived.value, &derived.pushforward, &derived.pullback] {
        let inputs = point_of(&entry.program.input_avals());
        compiled_is_evaluated(&entry.program, &inputs)
            .map_err(|why| format!("compiled {}: {why}", entry.name))?;
    }
    batch_is_a_stack(&case, &derived.value.program, &[point.clone(), point_of(&avals)])
        .map_err(|why| format!("batch: {why}"))?;
    derivatives_are_right(&derived, &point, seed).map_err(|why| format!("derivatives: {why}"))
}

fn compiled_is_evaluated(program: &Program, inputs: &[Tensor]) -> Result<(), String> {
    let expected = eval::program(program, inputs).map_err(|error| error.message)?;
    close(&compiled(program, inputs)?, &expected)
}

/// Maps all inputs over a leading axis of two points.
fn batch_is_a_stack(case: &Case, program: &Program, points: &[Vec<Tensor>; 2]) -> Result<(), String> {
    let size = Keyword { key: "axis_size".to_string(), value: Value::Int(2), span: Span::default() };
    let expression = Expression::Transform {
        name: "vmap".to_string(),
        span: Span::default(),
        argument: Box::new(case.export.expression.clone()),
        keywords: vec![size],
    };
    let export = Export { expression, ..case.export.clone() };
    let batched = exports::entries(&case.source, &[export]).map_err(|errors| errors[0].message.clone())?;
    let stacked: Vec<Tensor> = points[0].iter().zip(&points[1]).map(|(a, b)| stack(a, b)).collect();
    let found = eval::program(&batched[0].program, &stacked).map_err(|error| error.message)?;
    let single = |point: &Vec<Tensor>| eval::program(program, point).map_err(|error| error.message);
    let (first, second) = (single(&points[0])?, single(&points[1])?);
    let expected: Vec<Tensor> = first.iter().zip(&second).map(|(a, b)| stack(a, b)).collect();
    close(&found, &expected)
}

fn stack(a: &Tensor, b: &Tensor) -> Tensor {
    let aval = a.aval().with_shape(a.shape().inserted(0, 2));
    Tensor::from_scalars(aval, a.scalars().chain(b.scalars()))
}

fn derivatives_are_right(derived: &WithDerivatives, point: &[Tensor], seed: u64) -> Result<bool, String> {
    let functions = Functions {
        value: &|inputs| eval::program(&derived.value.program, inputs),
        pushforward: &|inputs| eval::program(&derived.pushforward.program, inputs),
        pullback: &|inputs| eval::program(&derived.pullback.program, inputs),
    };
    let settings = Settings { tolerance: 1e-5, ..Settings::double(seed) };
    let findings = derivatives::check(&functions, point, settings).map_err(|error| error.message)?;
    let is_wrong = |finding: &Finding| match finding.verdict {
        // Values are about one; what is far below that is left over from sums that cancel.
        Verdict::Fail(Fault::Forward { derivative, difference, .. }) => {
            let gap = (derivative - difference).abs();
            gap.is_nan() || gap > TOLERANCE
        }
        Verdict::Fail(Fault::Modes) => true,
        Verdict::HeldFixed | Verdict::Pass | Verdict::Inconclusive(_) => false,
    };
    match findings.iter().enumerate().find(|(_, finding)| is_wrong(finding)) {
        Some((input, finding)) => Err(format!("input {input}: {finding:?}")),
        None => {
            Ok(findings.iter().all(|finding| matches!(finding.verdict, Verdict::Pass | Verdict::HeldFixed)))
        }
    }
}

/// Equal types, and elements that differ by no more than the tolerance.
fn close(found: &[Tensor], expected: &[Tensor]) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("{} results, expected {}", found.len(), expected.len()));
    }
    for (output, (found, expected)) in found.iter().zip(expected).enumerate() {
        if found.aval() != expected.aval() {
            return Err(format!("result {output} is {}, expected {}", found.aval(), expected.aval()));
        }
        let number =
            |tensor: &Tensor| tensor.scalars().map(|scalar| scalar.complex().0).collect::<Vec<f64>>();
        let (a, b) = (number(found), number(expected));
        let size = b.iter().filter(|x| x.is_finite()).fold(1.0, |size: f64, x| size.max(x.abs()));
        let same =
            |(a, b): (&f64, &f64)| a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= TOLERANCE * size;
        if let Some(at) = a.iter().zip(&b).position(|pair| !same(pair)) {
            return Err(format!("element {at} of result {output} is {:e}, expected {:e}", a[at], b[at]));
        }
    }
    Ok(())
}
