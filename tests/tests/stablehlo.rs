//! StableHLO out and in: what is written is read back as the same program, jaxlib accepts it and computes what `eval`
//! does.

use rjaxc_compiler::diag::Sources;
use rjaxc_compiler::ir::{Builder, Program};
use rjaxc_compiler::types::{Aval, DType, Kind, Tensor};
use rjaxc_compiler::{Sample, evaluate, export, exports, front, pipeline, samples};
use rjaxc_tests::close::{Tolerance, close};
use rjaxc_tests::process::folder;
use rjaxc_tests::road::object_of;
use rjaxc_tests::{files, npz, root};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::process::Command;

/// Reads a text of StableHLO. Panics with the errors.
fn read(text: &str) -> Program {
    let mut sources = Sources::new();
    let id = sources.add("model.mlir", text);
    let source = front::read(&sources, id).unwrap_or_else(|errors| {
        let shown: Vec<String> =
            errors.iter().map(|error| rjaxc_compiler::diag::render(&sources, error)).collect();
        panic!("{}\n{text}", shown.join("\n"))
    });
    let function = source.functions.into_iter().find(|function| !function.called);
    function.expect("the module has a public function").program
}

fn written(program: &Program) -> String {
    export::stablehlo("model", &[("main", program)]).expect("it can be written").to_string()
}

/// The entries of a sample file, its weights aside.
fn entries(path: &std::path::Path) -> Vec<exports::Entry> {
    let mut sources = Sources::new();
    let text = std::fs::read_to_string(path).expect("a sample");
    let id = sources.add(path.display().to_string(), text);
    let source = front::read(&sources, id).expect("samples are right");
    exports::entries(&source, &[]).unwrap_or_default()
}

/// Numbers between a half and three.
fn inputs(aval: &Aval) -> Tensor {
    let values: Vec<f64> =
        (0..aval.shape.element_count()).map(|i| (i * 7 % 11) as f64 * 0.25 + 0.5).collect();
    Tensor::from_f64s(aval.dtype, aval.shape.clone(), &values)
}

#[test]
fn samples_are_the_same_programs_in_both_languages() {
    let mut seen = 0;
    for path in files(&root().join("samples"), &["ir"]) {
        for entry in entries(&path) {
            let Ok(module) = export::stablehlo("model", &[("main", &entry.program)]) else { continue };
            let text = module.to_string();
            let back = read(&text);
            assert_eq!(written(&back), text, "{}: written, read and written again", path.display());
            let inputs: Vec<Tensor> = entry.program.input_avals().iter().map(inputs).collect();
            let run = |program: &Program| evaluate(program, &inputs).expect("samples can be evaluated");
            for (found, expected) in run(&back).iter().zip(&run(&entry.program)) {
                close(found, expected, Tolerance::standard(expected, 0.0))
                    .unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            }
            seen += 1;
        }
    }
    assert!(seen > 4, "only {seen} programs of the samples can be written");
}

/// The names of arguments are part of an object, so both programs are given the same.
#[test]
fn equal_programs_give_equal_objects_in_both_languages() {
    let optimized = |program: &Program| {
        let observe = pipeline::Observe::default();
        pipeline::optimize(program.clone(), &observe, &mut |_, _| {}).expect("samples are right")
    };
    let mut equal = 0;
    for path in files(&root().join("samples"), &["ir"]) {
        for entry in entries(&path) {
            let Ok(module) = export::stablehlo("model", &[("main", &entry.program)]) else { continue };
            let other = exports::Entry { program: read(&module.to_string()), ..entry.clone() };
            if optimized(&entry.program).to_string() == optimized(&other.program).to_string() {
                let object = |entry| object_of(&[entry], true).expect("samples compile");
                assert!(object(entry) == object(other), "{}: the objects differ", path.display());
                equal += 1;
            }
        }
    }
    assert!(equal > 1, "only {equal} samples are equal after optimization");
}

/// Each file of the folder returns its results, then what they are.
#[test]
fn operations_that_no_sample_writes_mean_what_they_should() {
    let paths = files(&root().join("tests/stablehlo/read"), &["mlir"]);
    assert!(!paths.is_empty(), "the folder has files");
    for path in paths {
        let program = read(&std::fs::read_to_string(&path).expect("a file"));
        let results = evaluate(&program, &[]).expect("it can be evaluated");
        let (found, expected) = results.split_at(results.len() / 2);
        for (position, (found, expected)) in found.iter().zip(expected).enumerate() {
            close(found, expected, Tolerance::standard(expected, 0.0))
                .unwrap_or_else(|why| panic!("{}: result {position}: {why}", path.display()));
        }
    }
}

/// The program `op operands` with one input per operand.
fn program(sample: &Sample) -> Program {
    let mut b = Builder::new();
    let inputs: Vec<_> = sample.operands.iter().map(|tensor| b.input(tensor.aval().clone()).into()).collect();
    let outputs = b.emit(sample.op.clone(), &inputs);
    b.finish(outputs)
}

/// Dtypes that this version of jaxlib computes with on CPUs.
fn runs_in_jaxlib(dtype: DType) -> bool {
    match dtype.kind() {
        Kind::Bool | Kind::Signed | Kind::Unsigned => dtype.bits() >= 8,
        Kind::Float => dtype.bits() >= 16,
        Kind::Complex => true,
        Kind::Key | Kind::Float0 => false,
    }
}

/// Samples whose results StableHLO leaves open, or that XLA refuses itself.
fn is_open(sample: &Sample) -> bool {
    let has_no_elements = |position: usize| sample.operands[position].shape().element_count() == 0;
    match sample.op.name() {
        // Floats out of range of an integer; XLA's own choice of state; what stands above the diagonal.
        "convert_element_type" | "rng_bit_generator" | "cholesky" => true,
        // XLA cannot take windows from nothing, nor by index vectors without components.
        "gather" => has_no_elements(0) || has_no_elements(1),
        // Whether a start value takes part in the fold of one element.
        "reduce_window" | "select_and_gather_add" => sample.operands[0].shape().is_scalar(),
        name if name.starts_with("scatter") => has_no_elements(1),
        _ => false,
    }
}

struct Case {
    name: String,
    text: String,
    sample: Sample,
    expected: Vec<Tensor>,
}

/// One case per primitive, dtype and rank, written to a folder for Python.
fn cases(scratch: &std::path::Path) -> Vec<Case> {
    let mut seen = BTreeSet::new();
    let mut cases = Vec::new();
    for (number, sample) in samples().iter().enumerate() {
        let dtypes: Vec<DType> = sample.operands.iter().map(Tensor::dtype).collect();
        let ranks: Vec<usize> = sample.operands.iter().map(|tensor| tensor.shape().rank()).collect();
        let key = format!("{} {dtypes:?} {ranks:?}", sample.op.name());
        if is_open(sample) || !dtypes.iter().all(|&dtype| runs_in_jaxlib(dtype)) || !seen.insert(key) {
            continue;
        }
        let program = program(sample);
        let Ok(module) = export::stablehlo("model", &[("main", &program)]) else { continue };
        let Ok(expected) = evaluate(&program, &sample.operands) else { continue };
        if !expected.iter().all(|result| runs_in_jaxlib(result.dtype())) {
            continue;
        }
        let (name, text) = (format!("{number:05}"), module.to_string());
        std::fs::write(scratch.join(format!("{name}.mlir")), &text).expect("the folder is writable");
        let arrays = sample.operands.iter().enumerate().map(|(i, tensor)| (format!("in{i}"), tensor.clone()));
        npz::write(&scratch.join(format!("{name}.in.npz")), &arrays.collect::<Vec<_>>());
        cases.push(Case { name, text, sample: sample.clone(), expected });
    }
    cases
}

/// A Python with jax, if there is one: that of `tests/run.sh`.
fn python() -> Option<PathBuf> {
    let path =
        std::env::var_os("RJAXC_PYTHON").map_or_else(|| root().join(".venv/bin/python"), PathBuf::from);
    let works = Command::new(&path).args(["-c", "import jax, ml_dtypes"]).output();
    works.is_ok_and(|output| output.status.success()).then_some(path)
}

#[test]
fn jaxlib_runs_what_is_written() {
    let Some(python) = python() else {
        eprintln!("SKIPPED jaxlib_runs_what_is_written: no Python with jax; tests/run.sh makes one");
        return;
    };
    let scratch = folder("stablehlo", "jaxlib");
    let cases = cases(&scratch);
    assert!(cases.len() > 100, "only {} samples can be written", cases.len());
    let script = root().join("tests/stablehlo/execute.py");
    let status = Command::new(python)
        .arg(script)
        .arg(&scratch)
        .env("JAX_PLATFORMS", "cpu")
        .env("JAX_ENABLE_X64", "1")
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the script ends well");
    let mut wrong = Vec::new();
    for case in &cases {
        if let Err(why) = verdict(case, &scratch) {
            wrong.push(format!("{}: {why}\n{}", case.name, case.text));
        }
    }
    let shown = wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {} differ:\n{shown}", wrong.len(), cases.len());
}

fn verdict(case: &Case, scratch: &std::path::Path) -> Result<(), String> {
    if let Ok(error) = std::fs::read_to_string(scratch.join(format!("{}.error", case.name))) {
        return Err(error);
    }
    let avals: Vec<_> = case.expected.iter().map(|tensor| tensor.aval().clone()).collect();
    let found = npz::read(&scratch.join(format!("{}.out.npz", case.name)), "out", &avals)?;
    // Decompositions are unique up to signs and order only.
    if let Some(same) = case.sample.same {
        return same(&case.sample.operands, &found, &case.expected);
    }
    for (position, (found, expected)) in found.iter().zip(&case.expected).enumerate() {
        close(found, expected, Tolerance::standard(expected, 0.0))
            .map_err(|why| format!("result {position}: {why}"))?;
    }
    Ok(())
}

#[test]
fn written_samples_read_back_and_compute_the_same() {
    let mut wrong: HashMap<String, String> = HashMap::new();
    let mut seen = 0;
    for sample in samples() {
        let program = program(&sample);
        let Ok(module) = export::stablehlo("model", &[("main", &program)]) else { continue };
        let Ok(expected) = evaluate(&program, &sample.operands) else { continue };
        let back = read(&module.to_string());
        let found = evaluate(&back, &sample.operands).expect("what is written can be evaluated");
        seen += 1;
        for (found, expected) in found.iter().zip(&expected) {
            if let Err(why) = close(found, expected, Tolerance::standard(expected, 0.0)) {
                wrong.insert(sample.op.name().to_string(), format!("{why}\n{module}"));
            }
        }
    }
    assert!(seen > 1000, "only {seen} samples can be written");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
