//! `rjaxc run`, `bench` and `check`: compile in memory; call, measure, or only show the signatures.

use crate::args::{BenchArgs, CheckArgs, ProgramArgs, RunArgs, ThroughArgs};
use crate::clock::Clock;
use crate::execute::{Executable, Maker};
use crate::failure::Failure;
use crate::{inputs, npz, output, road, show, transform};
use rjaxc_compiler::diag::Sources;
use rjaxc_compiler::exports::Entry;
use rjaxc_compiler::types::{Aval, Tensor};
use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs the only export of a program.
pub fn run(args: &RunArgs, sources: &mut Sources) -> Result<(), Failure> {
    let mut clock = Clock::new(args.program.messages.verbose);
    let (entry, executable) = match &args.transform {
        Some(path) => prepare_transformed(args, path, sources, &mut clock)?,
        None => prepare(&args.program, &args.through, sources, &mut clock)?,
    };
    let inputs = inputs::collect(&args.inputs, &entry, &entry.program.input_avals())?;
    let mut call = executable.call(0, &inputs)?;
    clock.lap("inputs");
    call.run()?;
    clock.lap("run");
    let results = call.results();
    match &args.out {
        Some(path) => save(path, &results)?,
        None => print(&entry, &results)?,
    }
    Ok(())
}

/// Measures calls of the only export of a program.
pub fn bench(args: &BenchArgs, sources: &mut Sources) -> Result<(), Failure> {
    let mut clock = Clock::new(args.program.messages.verbose);
    let start = Instant::now();
    let (entry, executable) = prepare(&args.program, &args.through, sources, &mut clock)?;
    let compiling = start.elapsed();
    let inputs = inputs::collect(&args.inputs, &entry, &entry.program.input_avals())?;
    let mut call = executable.call(0, &inputs)?;
    // Short calls are measured in batches, so that reading the clock does not count.
    let mut batch = 1;
    while measure(&mut call, batch)? < Duration::from_micros(20) && batch < 1 << 20 {
        batch *= 2;
    }
    let mut samples = Vec::new();
    let start = Instant::now();
    while samples.len() < 5 || start.elapsed() < Duration::from_millis(args.time) {
        samples.push(measure(&mut call, batch)?.as_secs_f64() * 1e9 / batch as f64);
    }
    samples.sort_by(f64::total_cmp);
    let (median, least) = (samples[samples.len() / 2], samples[0]);
    let (name, calls, compiling) = (&entry.name, samples.len() * batch, compiling.as_secs_f64() * 1e3);
    output::show(&format!(
        "{name}: median {median:.1} ns, min {least:.1} ns, {calls} calls\ncompiled in {compiling:.1} ms\n"
    ))
}

/// Compiles and prints the signature of every export.
pub fn check(args: &CheckArgs, sources: &mut Sources) -> Result<(), Failure> {
    let mut clock = Clock::new(args.program.messages.verbose);
    let (compiled, _) = road::compile(&args.program, sources, &mut clock, &[])?;
    let mut text = String::new();
    for entry in &compiled.entries {
        let inputs = typed(&entry.input_names, &entry.program.input_avals());
        let outputs = typed(&entry.output_names, &entry.program.output_avals());
        text += &format!("{}({inputs}) -> ({outputs})\n", entry.name);
    }
    output::show(&text)
}

fn prepare(
    args: &ProgramArgs,
    through: &ThroughArgs,
    sources: &mut Sources,
    clock: &mut Clock,
) -> Result<(Entry, Executable), Failure> {
    let (compiled, _) = road::compile(args, sources, clock, &[])?;
    let maker = Maker { cpu: args.target_cpu.as_deref(), cc: through.cc.as_deref() };
    let executable = Executable::new(&compiled.entries, &compiled.module, maker)?;
    clock.lap("emit");
    Ok((only(compiled.entries, &args.export)?, executable))
}

fn prepare_transformed(
    args: &RunArgs,
    path: &Path,
    sources: &mut Sources,
    clock: &mut Clock,
) -> Result<(Entry, Executable), Failure> {
    let sidecar = transform::Sidecar::read(path)?;
    let threefry = args.program.threefry.map(Into::into).or(sidecar.threefry);
    let mut source = road::load(&args.program.file, threefry, sources, args.program.messages.error_format)?;
    clock.lap("read");
    sidecar.restore_arguments(&mut source)?;
    sidecar.add_rules(&mut source, sources)?;
    road::bind(
        &mut source,
        &args.program.file,
        args.program.consts.as_deref().or(args.inputs.args.as_deref()),
    )?;
    let export = sidecar.export(&source, sources)?;
    let lost = rjaxc_compiler::exports::lost_rules(&source, std::slice::from_ref(&export));
    let entries = rjaxc_compiler::exports::entries(&source, &[export])?;
    road::warn_of_lost_rules(lost, &args.program, sources)?;
    let (module, _) = road::compile_entries(&entries, &args.program, &[])?;
    clock.lap("compile");
    let maker = Maker { cpu: args.program.target_cpu.as_deref(), cc: args.through.cc.as_deref() };
    let executable = Executable::new(&entries, &module, maker)?;
    clock.lap("emit");
    Ok((only(entries, &[])?, executable))
}

/// The function to run: the only one, or of the two that `linearize` makes the one that the flag names.
fn only(mut entries: Vec<Entry>, requested: &[String]) -> Result<Entry, Failure> {
    if let [requested] = requested {
        let name = requested.split('=').next().unwrap_or_default().trim();
        entries.retain(|entry| entry.name == name);
    }
    if entries.len() != 1 {
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let message = format!("the file exports {}: pick one with --export", names.join(", "));
        return Err(Failure::Usage(message));
    }
    Ok(entries.remove(0))
}

fn measure(call: &mut crate::execute::Call<'_>, batch: usize) -> Result<Duration, Failure> {
    let start = Instant::now();
    for _ in 0..batch {
        call.run()?;
    }
    Ok(start.elapsed())
}

/// Writes results as `out0`, `out1`, ....
pub fn save(path: &Path, results: &[Tensor]) -> Result<(), Failure> {
    let arrays = results.iter().enumerate().map(|(position, tensor)| (format!("out{position}"), tensor));
    let archive = npz::write(Cursor::new(Vec::new()), arrays);
    let archive = archive.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    output::write_all(vec![(path.to_path_buf(), archive.into_inner().into())])
}

fn print(entry: &Entry, results: &[Tensor]) -> Result<(), Failure> {
    let lines = entry.output_names.iter().zip(results);
    let lines = lines.map(|(name, tensor)| format!("{name}: {} = {}\n", tensor.aval(), show::array(tensor)));
    output::show(&lines.collect::<String>())
}

/// `a: f32[3], b: i32[]`
fn typed(names: &[String], avals: &[Aval]) -> String {
    let typed = names.iter().zip(avals).map(|(name, aval)| format!("{name}: {aval}"));
    typed.collect::<Vec<_>>().join(", ")
}
