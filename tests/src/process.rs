//! Runs `rjaxc` and the tools of this machine.

use crate::npz;
use rjaxc_compiler::types::{Aval, Tensor};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The `rjaxc` binary of the same profile as the running test.
pub fn rjaxc() -> PathBuf {
    let test = std::env::current_exe().expect("a process knows its file");
    let profile = test.parent().and_then(Path::parent).expect("tests lie in target/PROFILE/deps");
    let path = profile.join(format!("rjaxc{}", std::env::consts::EXE_SUFFIX));
    let hint = "run `cargo build` (or `cargo build --release`) first, or `cargo test --workspace`";
    assert!(path.exists(), "{} does not exist: {hint}", path.display());
    path
}

/// An empty folder for one test.
pub fn folder(group: &str, name: &str) -> PathBuf {
    let profile = rjaxc().parent().expect("the binary lies in a folder").to_path_buf();
    let path = profile.join("test-output").join(group).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("the target folder is writable");
    path
}

/// Runs to success and returns what was printed. Errors: the command and what it printed to standard error.
pub fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{command:?}: {}\n{}{}", output.status, text(&output.stdout), text(&output.stderr)))
}

/// [`output`] for commands that must succeed.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    match output(command) {
        Ok(text) => text,
        Err(error) => panic!("{error}"),
    }
}

/// Is this program installed? If not, says on standard error that `test` is skipped.
pub fn has_tool(test: &str, tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        // Not `eprintln!`, which the test harness hides when a test passes.
        let _ = writeln!(std::io::stderr(), "skipped: {test}, because {tool} is not installed");
    }
    found
}

/// Compiles `export` of `file` in memory and calls it, through `rjaxc run`. `scratch` is a folder for the arrays.
///
/// Errors: what the command printed, or results of other types than `avals`.
pub fn run_compiled(
    file: &Path,
    export: Option<&str>,
    inputs: &[Tensor],
    avals: &[Aval],
    scratch: &Path,
) -> Result<Vec<Tensor>, String> {
    let (args, out) = (scratch.join("args.npz"), scratch.join("out.npz"));
    let arrays =
        inputs.iter().enumerate().map(|(position, tensor)| (format!("arg{position}"), tensor.clone()));
    npz::write(&args, &arrays.collect::<Vec<_>>());
    let _ = std::fs::remove_file(&out);
    let mut command = Command::new(rjaxc());
    command.arg("run").arg(file).arg("--verify").arg("--args").arg(&args).arg("--out").arg(&out);
    command.args(export.map(|name| format!("--export={name}")));
    output(&mut command)?;
    npz::read(&out, "out", avals)
}
