//! Texts and bytes for a small interface. That C, C++ and Rust compilers accept them is tested in `rjaxc-tests`.

use super::*;
use crate::types::DType;
use std::path::Path;

fn array(name: &str, dtype: DType, shape: &[usize]) -> (String, Aval) {
    (name.to_string(), Aval::new(dtype, shape))
}

fn signature(name: &str, inputs: Vec<(String, Aval)>, outputs: Vec<(String, Aval)>) -> Signature {
    Signature {
        name: name.into(),
        inputs,
        outputs,
        left_out: Default::default(),
        work_bytes: 0,
        work_align: 64,
        uses_runtime: false,
    }
}

fn interface(functions: Vec<Signature>) -> Interface {
    Interface {
        prefix: "model".into(),
        functions,
        target: "x86_64-unknown-linux-gnu".into(),
        features: vec!["sse3".into(), "sse4.2".into()],
        is_checked: true,
        version: "0.1.0".into(),
    }
}

fn small() -> Interface {
    let predict = signature(
        "predict",
        vec![
            array("w", DType::F32, &[784, 10]),
            array("b", DType::F32, &[10]),
            array("x", DType::BF16, &[784]),
        ],
        vec![array("y", DType::F32, &[10])],
    );
    let odd = signature(
        "step",
        vec![
            array("in", DType::Bool, &[]),
            array("key", DType::KeyFry, &[]),
            array("work", DType::C64, &[2, 3]),
        ],
        vec![array("in", DType::I4, &[0]), array("é", DType::F64, &[])],
    );
    interface(vec![Signature { work_bytes: 18432, uses_runtime: true, ..predict }, odd])
}

/// Compares with a file in `golden`; with `BLESS=1` in the environment, writes it instead.
fn check_golden(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/link/golden").join(file);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden folder is writable");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{file} differs; `BLESS=1 cargo test link` accepts this text:\n{text}");
}

#[test]
fn header_of_a_small_interface() {
    check_golden("small.h", &header(&small()));
}

#[test]
fn rust_module_of_a_small_interface() {
    check_golden("small.rs.txt", &rust_module(&small(), None));
}

#[test]
fn manifest_of_a_small_interface() {
    check_golden("small.json", &manifest(&small(), &[]));
}

#[test]
fn clashing_function_names_stay_apart() {
    let functions = ["f", "f_call", "F", "f.g", "f_g", "1st", "if", "", "f_2"];
    let functions = functions.map(|name| signature(name, vec![], vec![]));
    let names = Names::new(&interface(functions.to_vec()));
    let symbols: Vec<&str> = names.functions.iter().map(|f| f.symbol.as_str()).collect();
    let expected = [
        "model_f",
        "model_f_call_2",
        "model_F_2",
        "model_f_g",
        "model_f_g_2",
        "model_1st",
        "model_if",
        "model",
        "model_f_2_2",
    ];
    assert_eq!(symbols, expected);
    let rust: Vec<&str> = names.functions.iter().map(|f| f.rust_name.as_str()).collect();
    assert_eq!(rust, ["f", "f_call", "f_2", "f_g", "f_g_2", "x1st", "if_", "x", "f_2_2"]);
}

#[test]
fn a_missing_prefix_does_not_take_the_symbol_main() {
    let interface = Interface { prefix: String::new(), ..interface(vec![signature("main", vec![], vec![])]) };
    assert_eq!(Names::new(&interface).functions[0].symbol, "main_");
}

#[test]
fn parameter_names_are_identifiers_without_duplicates() {
    let inputs = ["in", "work", "X", "x", "x_2", "a__b", "_", "int"].map(|name| array(name, DType::F32, &[]));
    let names =
        Names::new(&interface(vec![signature("f", inputs.to_vec(), vec![array("x", DType::F32, &[])])]));
    let function = &names.functions[0];
    assert_eq!(function.inputs, ["in_", "work_2", "x", "x_2", "x_2_2", "a_b", "x_3", "int_"]);
    assert_eq!(function.outputs, ["x_4"]);
}

#[test]
fn dtype_codes_are_distinct() {
    let mut codes: Vec<i32> = DType::all().map(dtype_code).collect();
    codes.sort_unstable();
    assert_eq!(codes, (1..=codes.len() as i32).collect::<Vec<_>>());
}

#[test]
fn metadata_points_only_into_itself() {
    let interface = small();
    for signature in &interface.functions {
        let blob = metadata(&interface, signature);
        for &(from, to) in &blob.pointers {
            assert!(from % 8 == 0 && from + 8 <= blob.bytes.len() && to < blob.bytes.len());
        }
        // One pointer for each name, for each shape of rank 1 or more, and five in the struct.
        let arrays = || signature.inputs.iter().chain(&signature.outputs);
        let shapes = arrays().filter(|(_, aval)| aval.rank() > 0).count();
        assert_eq!(blob.pointers.len(), 5 + arrays().count() + shapes);
    }
}

#[test]
fn archives_are_deterministic_and_nest() {
    let runtime = archive("runtime.o", b"no object, so without symbols", None).expect("one member");
    let both = archive("model.o", b"model", Some(&runtime)).expect("two members");
    assert_eq!(both, archive("model.o", b"model", Some(&runtime)).expect("two members"));
    let file = object::read::archive::ArchiveFile::parse(both.as_slice()).expect("an archive");
    let names: Vec<String> = file
        .members()
        .map(|member| String::from_utf8_lossy(member.expect("a member").name()).into_owned())
        .collect();
    assert_eq!(names, ["model.o", "runtime.o"]);
}

#[test]
fn a_broken_runtime_archive_is_an_error() {
    assert!(archive("model.o", b"model", Some(b"not an archive")).is_err());
}
