//! The generated header, Rust module, metadata and archive, tried by the compilers and linkers of this machine.

use rjaxc_compiler::link::{Blob, Interface, Names, Signature, archive, header, metadata, rust_module};
use rjaxc_compiler::types::{Aval, DType};
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn headers_pass_strict_c_and_cpp() {
    let dir = folder("strict");
    for (stem, interface) in [("every", every_dtype("every")), ("small", scale_by_table("small"))] {
        write(&dir, &format!("{stem}.h"), header(&interface));
        let source =
            write(&dir, &format!("{stem}.c"), format!("#include \"{stem}.h\"\nint unused_{stem};\n"));
        for standard in ["c99", "c11"] {
            run(cc(&dir).args([&format!("-std={standard}"), "-fsyntax-only"]).arg(&source));
        }
        for standard in ["c++98", "c++17"] {
            let flags = ["-x", "c++", &format!("-std={standard}"), "-fsyntax-only"].map(str::to_string);
            run(strict(Command::new("c++").current_dir(&dir)).args(flags).arg(&source));
        }
    }
}

#[test]
fn two_headers_live_in_one_file() {
    let dir = folder("two");
    write(&dir, "a.h", header(&every_dtype("a")));
    write(&dir, "b.h", header(&every_dtype("b")));
    let text = "\
#include \"a.h\"
#include \"b.h\"
#include \"a.h\"
const char *meaning(int32_t status);
const char *meaning(int32_t status) { return rjax_status_str(status); }
";
    let source = write(&dir, "both.c", text.into());
    run(cc(&dir).args(["-std=c99", "-fsyntax-only"]).arg(&source));
    run(strict(Command::new("c++").current_dir(&dir)).args(["-x", "c++", "-fsyntax-only"]).arg(&source));
}

#[test]
fn headers_of_different_abi_versions_do_not_mix() {
    let dir = folder("versions");
    write(&dir, "a.h", header(&every_dtype("a")));
    write(&dir, "b.h", header(&every_dtype("b")).replace("RJAX_ABI_TYPES 1", "RJAX_ABI_TYPES 2"));
    let source = write(&dir, "both.c", "#include \"b.h\"\n#include \"a.h\"\n".into());
    let output = cc(&dir).args(["-std=c99", "-fsyntax-only"]).arg(&source).output().expect("cc runs");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("different rjaxc ABI versions"));
}

#[test]
fn metadata_reads_as_the_struct_of_the_header() {
    let dir = folder("metadata");
    let interface = scale_by_table("model");
    write(&dir, "model.h", header(&interface));
    write(&dir, "stand_in.c", stand_in(&interface));
    let main = write(&dir, "main.c", METADATA_MAIN.into());
    run(cc(&dir).args(["-std=c11", "-o", "main", "stand_in.c"]).arg(&main));
    assert_eq!(run(&mut Command::new(dir.join("main"))), METADATA_EXPECTED);
}

#[test]
fn rust_modules_link_and_compute() {
    for edition in ["2021", "2024"] {
        let dir = folder(&format!("rust{edition}"));
        let interface = scale_by_table("model");
        write(&dir, "model.h", header(&interface));
        write(&dir, "stand_in.c", stand_in(&interface));
        run(cc(&dir).args(["-std=c11", "-c", "-o", "stand_in.o", "stand_in.c"]));
        let object = std::fs::read(dir.join("stand_in.o")).expect("cc wrote it");
        let bytes = archive("model.o", &object, None).expect("an archive");
        std::fs::write(dir.join("libmodel.a"), bytes).expect("the folder is writable");
        write(&dir, "model.rs", rust_module(&interface, None));
        let main = write(&dir, "main.rs", RUST_MAIN.into());
        run(rustc(&dir, edition).args(["-L", ".", "-l", "static=model", "-o", "main"]).arg(&main));
        assert_eq!(run(&mut Command::new(dir.join("main"))), "[2.0, 4.0, 6.0]\n");
    }
}

#[test]
fn rust_modules_are_no_std_and_free_of_warnings() {
    for edition in ["2021", "2024"] {
        let dir = folder(&format!("no_std{edition}"));
        write(&dir, "every.rs", rust_module(&every_dtype("every"), None));
        // Private, so that unused items would be reported.
        let lib = write(&dir, "lib.rs", "#![no_std]\nmod every;\ninclude!(\"every2.rs\");\n".into());
        write(&dir, "every2.rs", rust_module(&every_dtype("every"), None));
        run(rustc(&dir, edition).args(["--crate-type=lib", "--emit=metadata", "--out-dir", "."]).arg(&lib));
    }
}

/// One function that takes and returns every element type, as scalars and as arrays, under awkward names.
fn every_dtype(prefix: &str) -> Interface {
    let arrays = |shape: &[usize]| -> Vec<(String, Aval)> {
        DType::all().map(|dtype| (dtype.short_name().to_string(), Aval::new(dtype, shape))).collect()
    };
    let words = ["in", "out", "work", "int", "class", "fn", "é", "X", "x", "exec", "status", "f"];
    let awkward = words.iter().map(|word| (word.to_string(), Aval::scalar(DType::F32))).collect();
    let functions = vec![
        signature("every", arrays(&[2, 3]), arrays(&[]), 100),
        signature("every_call", arrays(&[0]), arrays(&[1 << 20]), 0),
        signature("return", awkward, vec![], 0),
        signature("nothing", vec![], vec![], 0),
        signature("many", vec![], [arrays(&[]), arrays(&[3]), vec![arrays(&[]); 12].concat()].concat(), 8),
    ];
    interface(prefix, functions)
}

fn scale_by_table(prefix: &str) -> Interface {
    let input = |name: &str, shape: &[usize]| (name.to_string(), Aval::new(DType::F32, shape));
    let function = signature("scale", vec![input("a", &[]), input("x", &[1, 3])], vec![input("y", &[3])], 64);
    interface(prefix, vec![function])
}

fn signature(
    name: &str,
    inputs: Vec<(String, Aval)>,
    outputs: Vec<(String, Aval)>,
    work_bytes: usize,
) -> Signature {
    Signature {
        name: name.into(),
        inputs,
        outputs,
        left_out: Default::default(),
        work_bytes,
        work_align: 64,
        uses_runtime: false,
    }
}

fn interface(prefix: &str, functions: Vec<Signature>) -> Interface {
    Interface {
        prefix: prefix.into(),
        functions,
        target: "some-target".into(),
        features: vec!["sse3".into(), "avx".into()],
        is_checked: true,
        version: "0.1.0".into(),
    }
}

/// C source that defines what the code generator would: the function by hand, the metadata from our bytes.
fn stand_in(interface: &Interface) -> String {
    let names = &Names::new(interface).functions[0];
    let Blob { bytes, pointers } = metadata(interface, &interface.functions[0]);
    let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let patches: String = pointers
        .iter()
        .map(|(from, to)| {
            format!("  address = blob.bytes + {to}; memcpy(blob.bytes + {from}, &address, 8);\n")
        })
        .collect();
    format!(
        "#include \"model.h\"\n#include <string.h>\n\
         static union {{ uint64_t align; unsigned char bytes[{}]; }} blob = {{ .bytes = {{{}}} }};\n\
         int32_t {}(RJAX_ARRAY(const float, a, 1), RJAX_ARRAY(const float, x, 3), RJAX_ARRAY(float, y, 3), void *work) {{\n  \
           if ((uintptr_t)work % 64 != 0) return RJAX_MISALIGNED;\n  \
           for (int i = 0; i < 3; i++) y[i] = *a * x[i];\n  return RJAX_OK;\n}}\n\
         const rjax_metadata *{}(void) {{\n  const unsigned char *address;\n{patches}  \
           return (const rjax_metadata *)(const void *)blob.bytes;\n}}\n",
        bytes.len(),
        bytes.join(","),
        names.symbol,
        names.metadata_symbol,
    )
}

const METADATA_MAIN: &str = r#"
#include "model.h"
#include <stdio.h>
#include <string.h>
static void show(const rjax_array_info *array) {
  printf("%s: dtype %d, rank %d:", array->name, array->dtype, array->rank);
  for (int axis = 0; axis < array->rank; axis++) printf(" %d", (int)array->shape[axis]);
  printf("%s\n", array->shape ? "" : " none");
}
int main(void) {
  const rjax_metadata *m = model_scale_metadata();
  printf("%s for %s, abi %u, work %u aligned %u\n", m->name, m->target, m->abi_version, (unsigned)m->work_bytes,
         (unsigned)m->work_align);
  for (uint32_t i = 0; i < m->n_in; i++) show(&m->in[i]);
  for (uint32_t i = 0; i < m->n_out; i++) show(&m->out[i]);
  return m->reserved || m->in[0].dtype != RJAX_F32 || strcmp(m->features, "sse3 avx");
}
"#;

const METADATA_EXPECTED: &str = "scale for some-target, abi 1, work 64 aligned 64\na: dtype 18, rank 0: none\nx: dtype 18, rank 2: 1 3\ny: dtype 18, rank 1: 3\n";

const RUST_MAIN: &str = "\
mod model;
fn main() {
    let (mut y, mut work) = ([0.0; 3], model::ScaleWork::new());
    model::scale(&2.0, &[1.0, 2.0, 3.0], &mut y, &mut work).expect(\"the work buffer is aligned\");
    assert_eq!(model::scale_shape::X, [1, 3]);
    println!(\"{y:?}\");
}
";

fn cc(dir: &Path) -> Command {
    let mut command = Command::new("cc");
    strict(command.current_dir(dir));
    command
}

fn strict(command: &mut Command) -> &mut Command {
    command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror"])
}

fn rustc(dir: &Path, edition: &str) -> Command {
    let mut command = Command::new("rustc");
    command.current_dir(dir).args(["--edition", edition, "-D", "warnings"]);
    command
}

/// Runs to success and returns what was printed.
fn run(command: &mut Command) -> String {
    let output = command.output().expect("the tool is installed");
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("test programs print UTF-8")
}

/// An empty folder for one test.
fn folder(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("link_headers").join(name);
    std::fs::create_dir_all(&dir).expect("the target folder is writable");
    dir
}

fn write(dir: &Path, file: &str, text: String) -> PathBuf {
    let path = dir.join(file);
    std::fs::write(&path, text).expect("the folder is writable");
    path
}
