//! Loops of StableHLO against the same loops from jaxpr text: work memory and values, of the functions and of their
//! gradients. Weights are neither copied nor saved at every step, rows are rows.

use rjaxc_compiler::diag::Sources;
use rjaxc_compiler::read;
use rjaxc_compiler::types::{Aval, DType, Tensor};
use rjaxc_tests::close::{Tolerance, close};
use rjaxc_tests::process::{folder, rjaxc, run, run_compiled};
use rjaxc_tests::{files, root};
use std::path::Path;
use std::process::Command;

/// The bytes that the manifest states.
fn work_bytes(file: &Path, export: &str, dir: &Path) -> usize {
    let object = dir.join("model.o");
    run(Command::new(rjaxc()).arg(file).args(["--export", export, "-o"]).arg(&object));
    let manifest = std::fs::read_to_string(object.with_extension("json")).expect("written");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("a manifest is JSON");
    manifest["functions"][0]["work_bytes"].as_u64().expect("every function states it") as usize
}

/// Numbers of both signs that a loop does not make large.
fn inputs(avals: &[Aval]) -> Vec<Tensor> {
    let array = |aval: &Aval| {
        let number = |at: usize| if aval.dtype == DType::I32 { 5.0 } else { (at % 13) as f64 / 26.0 - 0.25 };
        let numbers: Vec<f64> = (0..aval.shape.element_count()).map(number).collect();
        Tensor::from_f64s(aval.dtype, aval.shape.clone(), &numbers)
    };
    avals.iter().map(array).collect()
}

#[test]
fn loops_cost_what_they_cost_from_jaxpr() {
    let dir = folder("stablehlo", "loops");
    let texts = files(&root().join("tests/stablehlo/loops"), &["ir"]);
    assert!(texts.len() >= 10, "{texts:?}");
    for jaxpr in texts {
        let hlo = jaxpr.with_extension("mlir");
        let mut sources = Sources::new();
        let id = sources.add("model", std::fs::read_to_string(&jaxpr).expect("it is there"));
        let main = &read(&sources, id).expect("JAX has printed it").functions;
        let main = main.iter().find(|function| function.name == "main").expect("the program itself");
        let (avals, result) = (main.program.input_avals(), main.program.output_avals());
        let inputs = inputs(&avals);
        let floats: Vec<usize> = (0..avals.len()).filter(|&at| avals[at].dtype.is_float()).collect();
        let mut exports = vec![("f = main".to_string(), result)];
        // The number of steps of the others can be read off.
        if floats.len() == avals.len() {
            let names: Vec<String> = floats.iter().map(usize::to_string).collect();
            exports.push((format!("f = grad(main, argnums=({},))", names.join(", ")), avals.clone()));
        }
        for (export, results) in exports {
            let name = format!("{} of {}", export, jaxpr.display());
            let [from_jaxpr, from_hlo] = [&jaxpr, &hlo].map(|file| work_bytes(file, &export, &dir));
            assert!(
                10 * from_hlo <= 11 * from_jaxpr + 640,
                "{name}: {from_hlo} bytes from StableHLO, {from_jaxpr} from jaxpr"
            );
            let [expected, found] = [&jaxpr, &hlo].map(|file| {
                run_compiled(file, Some(&export), &inputs, &results, &dir)
                    .unwrap_or_else(|error| panic!("{name}: {error}"))
            });
            for (found, expected) in found.iter().zip(&expected) {
                close(found, expected, Tolerance::standard(expected, 0.0))
                    .unwrap_or_else(|why| panic!("{name}: {why}"));
            }
        }
    }
}
