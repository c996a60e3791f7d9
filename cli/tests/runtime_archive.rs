//! The runtime archive that travels inside `rjaxc`: small, self-contained, position independent, usable from C.

use object::read::archive::ArchiveFile;
use object::{Object, ObjectSection, ObjectSymbol, SectionKind};
use rjaxc_compiler::link::{ABI_SYMBOL, archive};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const ARCHIVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/librjaxc_rt.a"));

/// What every C library and every Rust program offers, and compilers call on their own account.
const ALLOWED: [&str; 5] = ["memcpy", "memmove", "memset", "memcmp", "bcmp"];

#[test]
fn needs_nothing_and_keeps_no_state() {
    let archive = ArchiveFile::parse(ARCHIVE).expect("an archive");
    for member in archive.members() {
        let data = member.and_then(|member| member.data(ARCHIVE)).expect("a member");
        let object = object::File::parse(data).expect("an object file");
        for symbol in object.symbols() {
            let name = symbol.name().expect("symbol names are UTF-8");
            assert!(!symbol.is_undefined() || name.is_empty() || ALLOWED.contains(&name), "needs `{name}`");
            let exported = symbol.is_definition() && symbol.is_global();
            assert!(!exported || name.starts_with("rjax_"), "exports `{name}`");
            assert!(!name.contains("panic"), "`{name}`: the runtime is meant to be free of panics");
        }
        for section in object.sections().filter(|section| section.size() > 0) {
            let mutable = matches!(section.kind(), SectionKind::Data | SectionKind::UninitializedData);
            assert!(!mutable, "mutable globals in {}", section.name().unwrap_or("?"));
        }
    }
}

/// The archive, the header and the table for code in memory, against which all samples of primitives are compiled and
/// run, name the same functions: whatever an object may call is there, and nothing is hidden.
#[test]
fn exports_what_the_header_declares() {
    let archive = ArchiveFile::parse(ARCHIVE).expect("an archive");
    let mut exported = BTreeSet::new();
    for member in archive.members() {
        let data = member.and_then(|member| member.data(ARCHIVE)).expect("a member");
        let object = object::File::parse(data).expect("an object file");
        let global = object.symbols().filter(|symbol| symbol.is_definition() && symbol.is_global());
        exported.extend(global.map(|symbol| symbol.name().expect("symbol names are UTF-8").to_string()));
    }
    let header = include_str!("../../runtime/include/rjaxc_rt.h");
    let words = header.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let declared: BTreeSet<String> =
        words.filter(|word| word.starts_with("rjax_")).map(str::to_string).collect();
    let in_memory: BTreeSet<String> = rjaxc_rt::symbols().map(|(name, _)| name.to_string()).collect();
    assert_eq!(exported, declared);
    assert_eq!(exported, in_memory);
}

/// A program carries the parts that it calls; linear algebra is the large one.
#[test]
fn is_small() {
    let archive = ArchiveFile::parse(ARCHIVE).expect("an archive");
    for member in archive.members().map(|member| member.expect("a member")) {
        // The transforms are there for two types, with passes unrolled for each radix: just under 100 KB.
        let limit = match member.name() {
            b"rjaxc_rt_linalg.o" => 600_000,
            b"rjaxc_rt_fft.o" => 120_000,
            _ => 100_000,
        };
        let size = member.size();
        assert!(size < limit, "{} has grown to {size} bytes", String::from_utf8_lossy(member.name()));
    }
}

#[test]
fn links_from_c_also_into_a_shared_library() {
    let dir = folder("alone");
    std::fs::write(dir.join("librjaxc_rt.a"), ARCHIVE).expect("the target folder is writable");
    let include = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../runtime/include");
    std::fs::write(dir.join("main.c"), MAIN).expect("the target folder is writable");
    let strict = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"];
    // No -lm: that is the point of the archive.
    run(Command::new("cc").current_dir(&dir).args(strict).arg(&include).args([
        "main.c",
        "librjaxc_rt.a",
        "-o",
        "main",
    ]));
    run(&mut Command::new(dir.join("main")));
    // `-z text` refuses relocations in code, `-z defs` undefined symbols. Without the C library, the linker gets empty
    // definitions of exactly the functions that compilers call; the shared library is linked only, never run.
    let stubs: String = ALLOWED.iter().map(|name| format!(".globl {name}\n{name}:\n")).collect();
    std::fs::write(dir.join("allowed.s"), stubs).expect("the target folder is writable");
    let shared = [
        "-shared",
        "-nostdlib",
        "-Wl,-z,text,-z,defs,--whole-archive",
        "librjaxc_rt.a",
        "allowed.s",
        "-o",
        "rt.so",
    ];
    run(Command::new("cc").current_dir(&dir).args(shared));
}

#[test]
fn one_archive_holds_model_and_runtime_of_the_same_abi_only() {
    for (version, links) in [(1, true), (2, false)] {
        let dir = folder(&format!("model{version}"));
        let symbol = ABI_SYMBOL.replace('1', &version.to_string());
        let model = format!(
            "extern const unsigned {symbol};\ndouble rjax_fmod_f64(double x, double y);\n\
             int model(void) {{ return {symbol} == 1 && rjax_fmod_f64(5.5, 2.0) == 1.5 ? 0 : 1; }}\n"
        );
        std::fs::write(dir.join("model.c"), model).expect("the target folder is writable");
        run(Command::new("cc").current_dir(&dir).args(["-O2", "-c", "model.c", "-o", "model.o"]));
        let object = std::fs::read(dir.join("model.o")).expect("cc wrote it");
        let bytes = archive("model.o", &object, Some(ARCHIVE)).expect("the runtime is an archive");
        std::fs::write(dir.join("model.a"), bytes).expect("the target folder is writable");
        let main = "int model(void);\nint main(void) { return model(); }\n";
        std::fs::write(dir.join("main.c"), main).expect("the target folder is writable");
        let mut link = Command::new("cc");
        link.current_dir(&dir).args(["main.c", "model.a", "-o", "main"]);
        let output = link.output().expect("the tool is installed");
        assert_eq!(output.status.success(), links, "{}", String::from_utf8_lossy(&output.stderr));
        if links {
            run(&mut Command::new(dir.join("main")));
        } else {
            assert!(String::from_utf8_lossy(&output.stderr).contains(&symbol));
        }
    }
}

fn folder(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runtime_archive").join(name);
    std::fs::create_dir_all(&dir).expect("the target folder is writable");
    dir
}

const MAIN: &str = "\
#include \"rjaxc_rt.h\"
int main(void) {
  if (rjax_abi_1 != 1) return 1;
  if (rjax_fmod_f64(-5.5, 2.0) != -1.5) return 2;
  return rjax_fmod_f32(5.5f, 2.0f) == 1.5f ? 0 : 3;
}
";

fn run(command: &mut Command) {
    let output = command.output().expect("the tool is installed");
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}
