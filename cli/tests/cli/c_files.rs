//! `--emit=c`: what a C compiler makes of it.

use crate::process::Folder;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs of the samples and of the cases that run.
fn programs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut found = Vec::new();
    for folder in ["samples", "tests/cases/run"] {
        let entries = std::fs::read_dir(root.join(folder)).expect("it is there");
        let paths = entries.filter_map(|entry| entry.ok()).map(|entry| entry.path());
        found.extend(paths.filter(|path| path.extension().is_some_and(|extension| extension == "ir")));
    }
    found.sort();
    found
}

fn has_compiler() -> bool {
    let found = Command::new("cc").arg("--version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: there is no cc");
    }
    found
}

#[test]
fn files_compile_without_a_warning() {
    if !has_compiler() {
        return;
    }
    let folder = Folder::new("c_files");
    let (mut compiled, mut refused) = (0, 0);
    for path in programs() {
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let (source, object) = (format!("{name}.c"), format!("{name}.o"));
        let outcome = folder.rjaxc(&[&path.to_string_lossy(), "--emit=c", "-o", &source]);
        if outcome.code == Some(3) {
            assert!(outcome.stderr.contains("has no C form"), "{name}: {outcome:?}");
            refused += 1;
            continue;
        }
        outcome.succeeds();
        let mut cc = Command::new("cc");
        cc.args(["-std=c11", "-pedantic", "-ffreestanding", "-Wall", "-Wextra", "-Werror", "-O1", "-c"]);
        let output = cc.arg(folder.path(&source)).arg("-o").arg(folder.path(&object)).output();
        let output = output.expect("cc was found");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        compiled += 1;
    }
    assert!(compiled > 80 && refused < 20, "{compiled} compiled, {refused} refused");
}

/// Functions may be called what ours would be called.
#[test]
fn names_of_functions_do_not_meet_those_of_the_file() {
    if !has_compiler() {
        return;
    }
    let folder = Folder::new("c_names");
    let function = "{ lambda ; a:f32[2]. let b:f32[2] = mul a 3.0:f32[] in (b,) }";
    let names = ["f", "f_body", "f_metadata", "f_metadata_in", "f_metadata_data", "rjax_f_body", "f_call"];
    let exports: String = names.iter().map(|name| format!("export {name} = main\n")).collect();
    folder.write("m.ir", format!("{exports}{function}"));
    folder.rjaxc(&["m.ir", "--emit=c", "-o", "m.c"]).succeeds();
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Werror", "-c"]).arg(folder.path("m.c")).arg("-o").arg(folder.path("m.o"));
    let output = cc.output().expect("cc was found");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn results_are_those_of_our_own_code() {
    if !has_compiler() {
        return;
    }
    let folder = Folder::new("c_results");
    let programs: [(&str, &[&str]); 6] = [
        (
            "{ lambda ; a:f32[3] b:f32[3]. let c:f32[3] = mul a b; d:f32[3] = exp c in (c, d) }",
            &["[1, 2, 3]", "[0.5, -1, 2]"],
        ),
        ("{ lambda ; a:i8[3]. let b:i8[3] = mul a a; c:i8[3] = abs b in (b, c) }", &["[100, -128, 7]"]),
        (
            "{ lambda ; a:f64[4]. let b:i32[4] = convert_element_type[new_dtype=int32 weak_type=False sharding=None] a in (b,) }",
            &["[1e20, -1.5, 2.5, -1e300]"],
        ),
        ("{ lambda ; a:bf16[2] b:bf16[2]. let c:bf16[2] = add a b in (c,) }", &["[1, 2]", "[0.0078125, 3]"]),
        (
            "{ lambda ; a:f32[5]. let b:i32[] = argmax[axes=(0,) index_dtype=int32] a; c:f32[] = reduce_sum[axes=(0,) out_sharding=None] a in (b, c) }",
            &["[1, 5, 2, 5, 0]"],
        ),
        (
            "{ lambda ; a:f32[] b:f32[3]. let c:f32[] d:f32[3] = scan[_split_transpose=False jaxpr={ lambda ; e:f32[] f:f32[]. let g:f32[] = add e f; h:f32[] = sqrt[accuracy=None] g in (g, h) } length=3 linear=(False, False) num_carry=1 num_consts=0 reverse=True unroll=1] a b in (c, d) }",
            &["1", "[3, 5, 7]"],
        ),
    ];
    for (at, (text, inputs)) in programs.iter().enumerate() {
        let file = format!("p{at}.ir");
        folder.write(&file, text);
        let own: Vec<&str> = ["run", &file].into_iter().chain(["--"]).chain(inputs.iter().copied()).collect();
        let through: Vec<&str> = ["run", &file, "--cc", "cc -O2"]
            .into_iter()
            .chain(["--"])
            .chain(inputs.iter().copied())
            .collect();
        let own = folder.rjaxc(&own).succeeds().to_string();
        assert_eq!(folder.rjaxc(&through).succeeds(), own, "{text}");
    }
    folder.rjaxc(&["run", "p0.ir", "--cc", "no-such-cc", "[1, 2, 3]", "[1, 2, 3]"]).fails(2, "no-such-cc");
    folder
        .rjaxc(&["run", "p0.ir", "--cc", "cc --no-such-flag", "[1, 2, 3]", "[1, 2, 3]"])
        .fails(1, "no-such-flag");
}
