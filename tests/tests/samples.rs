//! Every sample computes what JAX computes.

use rjaxc_compiler::diag::Sources;
use rjaxc_compiler::read;
use rjaxc_compiler::types::Aval;
use rjaxc_tests::close::{Tolerance, close};
use rjaxc_tests::process::{folder, output, rjaxc};
use rjaxc_tests::{files, npz, root, shown};
use std::path::Path;
use std::process::Command;

#[test]
fn samples_compute_what_jax_computes() {
    let samples = files(&root().join("samples"), &["ir"]);
    assert!(samples.len() >= 8, "the samples are there");
    let failures: Vec<String> = samples
        .iter()
        .filter_map(|sample| check(sample).err().map(|why| format!("{}: {why}", shown(sample))))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn check(sample: &Path) -> Result<(), String> {
    let avals = output_avals(sample)?;
    let expected = npz::read(&sample.with_extension("expected.npz"), "out", &avals)?;
    let stem = sample.file_stem().and_then(|stem| stem.to_str()).ok_or("a file has a name")?;
    let out = folder("samples", stem).join("out.npz");
    let mut command = Command::new(rjaxc());
    command.arg("run").arg(sample).arg("--verify");
    command.arg("--args").arg(sample.with_extension("args.npz")).arg("--out").arg(&out);
    output(&mut command)?;
    let found = npz::read(&out, "out", &avals)?;
    for (position, (found, expected)) in found.iter().zip(&expected).enumerate() {
        close(found, expected, Tolerance::standard(expected, 0.0))
            .map_err(|why| format!("result {position}: {why}"))?;
    }
    Ok(())
}

/// The types of the results of the only function that is exported.
fn output_avals(sample: &Path) -> Result<Vec<Aval>, String> {
    let mut sources = Sources::new();
    let text = std::fs::read_to_string(sample).map_err(|error| error.to_string())?;
    let id = sources.add(shown(sample), text);
    let source = read(&sources, id).map_err(|errors| errors[0].message.clone())?;
    match source.functions.iter().filter(|function| !function.called).collect::<Vec<_>>().as_slice() {
        [function] => Ok(function.program.output_avals()),
        other => Err(format!("{} functions are exported", other.len())),
    }
}
