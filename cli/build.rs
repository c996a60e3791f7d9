//! Builds the runtime as a static archive, which travels inside the `rjaxc` binary:
//! `include_bytes!(concat!(env!("OUT_DIR"), "/librjaxc_rt.a"))`. `RJAXC_RT_TARGET` names its platform.
//!
//! A second cargo does the work, with the same lock file and a target folder of its own, because the archive wants
//! another profile (no unwinding, one object) than the compiler and must not wait for the lock of the outer build.

use ar_archive_writer::{ArchiveKind, DEFAULT_OBJECT_READER, NewArchiveMember, write_archive_to_stream};
use object::read::archive::ArchiveFile;
use std::env;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The parts of the runtime, an object each: a program is linked with those that it needs.
const PARTS: [&str; 3] = ["base", "fft", "linalg"];

fn main() {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("..");
    for path in ["runtime/src", "runtime/Cargo.toml", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=RJAXC_RT_TARGET={}", variable("TARGET"));
    let out_dir = PathBuf::from(variable("OUT_DIR"));
    std::fs::write(out_dir.join("runtime_sources.rs"), sources(&root.join("runtime/src")))
        .expect("OUT_DIR is writable");
    let objects: Vec<(String, Vec<u8>)> = PARTS
        .iter()
        .flat_map(|part| {
            let built = build_archive(&root, &out_dir.join("runtime"), part);
            let bytes = std::fs::read(&built).unwrap_or_else(|error| panic!("{}: {error}", built.display()));
            without_support_library(&bytes, part)
        })
        .collect();
    std::fs::write(out_dir.join("librjaxc_rt.a"), archive(&objects)).expect("OUT_DIR is writable");
}

/// Rust text of a list of all files below `folder`, with their contents, for `rjaxc runtime`.
fn sources(folder: &Path) -> String {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.sort();
    let mut text = "const SOURCES: &[(&str, &str)] = &[\n".to_string();
    for file in files {
        let name = file.strip_prefix(folder).expect("it is below the folder").display().to_string();
        let path = file.canonicalize().expect("it has just been found").display().to_string();
        text += &format!("    ({:?}, include_str!({path:?})),\n", name.replace('\\', "/"));
    }
    text + "];\n"
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the runtime's sources are there") {
        let path = entry.expect("the runtime's sources are there").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.file_name().is_some_and(|name| name != "tests.rs") {
            files.push(path);
        }
    }
}

/// Runs cargo for one part; returns where the archive lies.
fn build_archive(root: &Path, target_dir: &Path, part: &str) -> PathBuf {
    let target = variable("TARGET");
    let mut cargo = Command::new(variable("CARGO"));
    cargo.current_dir(root).args(["rustc", "--package=rjaxc-runtime", "--lib", "--crate-type=staticlib"]);
    // Whatever the outer cargo resolved is in the lock file and downloaded already.
    cargo.args([
        "--profile=archive",
        "--quiet",
        "--locked",
        "--offline",
        "--target",
        &target,
        "--target-dir",
    ]);
    cargo.arg(target_dir).args(["--", "--cfg=rjaxc_archive", "-Crelocation-model=pic"]);
    cargo.arg(format!("--cfg=rjaxc_part=\"{part}\""));
    for inherited in ["RUSTC_WORKSPACE_WRAPPER", "CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "CARGO_TARGET_DIR"] {
        // The first is clippy's under `cargo clippy`; flags for the compiler itself, such as those of a coverage
        // run or of `target-cpu=native`, must not reach programs that run elsewhere.
        cargo.env_remove(inherited);
    }
    let output = cargo.output().expect("cargo runs: it runs this script");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the runtime archive does not build\n{cargo:?}\n{errors}");
    target_dir.join(target).join("archive/librjaxc_rt.a")
}

/// The objects of an archive, without those that every Rust static library carries (4 MB of compiler support): ours are
/// self-contained, which a test of the archive checks.
fn without_support_library(bytes: &[u8], part: &str) -> Vec<(String, Vec<u8>)> {
    let file = ArchiveFile::parse(bytes).expect("rustc writes valid archives");
    let mut objects = Vec::new();
    for member in file.members() {
        let member = member.expect("rustc writes valid archives");
        if member.name().starts_with(b"rjaxc_rt") {
            // rustc's own names contain a hash, which would differ from machine to machine.
            let number = if objects.is_empty() { String::new() } else { format!("_{}", objects.len()) };
            let object = member.data(bytes).expect("rustc writes valid archives");
            objects.push((format!("rjaxc_rt_{part}{number}.o"), object.to_vec()));
        }
    }
    assert!(!objects.is_empty(), "the runtime archive has no member of the runtime");
    objects
}

fn archive(objects: &[(String, Vec<u8>)]) -> Vec<u8> {
    let members: Vec<NewArchiveMember> = objects
        .iter()
        .map(|(name, object)| NewArchiveMember::new(object, &DEFAULT_OBJECT_READER, name.clone()))
        .collect();
    let kind =
        if variable("CARGO_CFG_TARGET_VENDOR") == "apple" { ArchiveKind::Darwin } else { ArchiveKind::Gnu };
    let mut archive = Cursor::new(Vec::new());
    write_archive_to_stream(&mut archive, &members, kind, false, None)
        .expect("writing to memory does not fail");
    archive.into_inner()
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
