//! `rjaxc runtime`: the runtime for any platform that an installed Rust knows, from the source that this program carries.

use crate::args::RuntimeArgs;
use crate::failure::Failure;
use crate::output;
use rjaxc_compiler::diag::Diagnostic;
use rjaxc_compiler::link;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

// `SOURCES`: the files of the runtime, by their paths in its folder `src`. See `build.rs`.
include!(concat!(env!("OUT_DIR"), "/runtime_sources.rs"));

/// The parts of the runtime, an object each; the same as in `build.rs`.
const PARTS: [&str; 3] = ["base", "fft", "linalg"];

/// Writes `librjaxc_rt.a`. Errors: there is no Rust, or not for this target, or the file cannot be written.
pub fn run(args: &RuntimeArgs) -> Result<(), Failure> {
    let target = args.target.as_deref().unwrap_or(env!("RJAXC_RT_TARGET"));
    let cannot = |error| Failure::usage(format!("{}: cannot be written: {error}", args.output.display()));
    fs::create_dir_all(&args.output).map_err(cannot)?;
    let folder = Scratch(args.output.join(format!(".rjaxc-runtime-{}", std::process::id())));
    for (name, text) in SOURCES {
        let path = folder.0.join(name);
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(cannot)?;
        fs::write(path, text).map_err(cannot)?;
    }
    let mut parts = Vec::new();
    for part in PARTS {
        parts.push((part, build(target, &folder.0, part)?));
    }
    let archive = link::runtime_archive(&parts)?;
    output::write_all(vec![(args.output.join("librjaxc_rt.a"), archive.into())])
}

/// Runs rustc for one part, with the settings of the profile `archive`; returns the static library.
fn build(target: &str, folder: &Path, part: &str) -> Result<Vec<u8>, Failure> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut command = Command::new(&rustc);
    command.current_dir(folder).args(["--crate-name=rjaxc_rt", "--crate-type=staticlib", "--edition=2024"]);
    command.args([
        "-Copt-level=3",
        "-Cpanic=abort",
        "-Clto=fat",
        "-Ccodegen-units=1",
        "-Crelocation-model=pic",
    ]);
    command.args(["--cap-lints=allow", "--cfg=rjaxc_archive", &format!("--cfg=rjaxc_part=\"{part}\"")]);
    command.args([&format!("--target={target}"), "--out-dir", part, "lib.rs"]);
    let outcome = command.output().map_err(|error| {
        let name = rustc.to_string_lossy();
        let message = format!("the runtime is built by Rust: {name} cannot be run: {error}");
        let hint = "install Rust from https://rustup.rs, or name its compiler in RUSTC";
        Failure::from(match error.kind() {
            ErrorKind::NotFound => Diagnostic::error(message).hint(hint),
            _ => Diagnostic::error(message),
        })
    })?;
    if !outcome.status.success() {
        let said = String::from_utf8_lossy(&outcome.stderr);
        let message = format!("rustc does not build the runtime for {target}: {}", said.trim());
        let hint = format!(
            "`rustup target add {target}` installs what it needs; `rustc --print target-list` is what there is"
        );
        return Err(Diagnostic::error(message).hint(hint).into());
    }
    let path = folder.join(part).join("librjaxc_rt.a");
    fs::read(&path).map_err(|error| Failure::data(format!("{}: {error}", path.display())))
}

/// A folder that is gone afterwards.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left is of no use to anyone, and does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}
