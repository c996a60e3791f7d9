//! Computes what JAX computes on `tests/conformance/slice.jsonl`, cut out of the conformance corpora by `make.py`
//! beside it. Through `rjaxc conform`, so that a crash costs one case.

use rjaxc_compiler::types::{Aval, DType, Tensor};
use rjaxc_tests::close::{Tolerance, close};
use rjaxc_tests::process::{folder, rjaxc};
use rjaxc_tests::{npz, root};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One case of the slice.
struct Case {
    id: String,
    request: Json,
    out: PathBuf,
    expected: Vec<Tensor>,
    // How far XLA itself is from a result in higher precision, per result.
    errors: Vec<f64>,
}

#[test]
fn the_slice_of_the_conformance_cases_passes() {
    let scratch = folder("conformance", "slice");
    let text =
        std::fs::read_to_string(root().join("tests/conformance/slice.jsonl")).expect("the slice is there");
    let cases: Vec<Case> =
        text.lines().enumerate().map(|(number, line)| Case::write(line, number, &scratch)).collect();
    assert!(cases.len() > 400, "the slice has only {} cases", cases.len());
    let answers = serve(&scratch, &cases);
    let known = known();
    let mut failures = Vec::new();
    let mut stale = Vec::new();
    for case in &cases {
        match case.verdict(answers.get(&case.id)) {
            Ok(()) if known.contains_key(&case.id) => stale.push(&case.id),
            Ok(()) => {}
            Err(_) if known.contains_key(&case.id) => {}
            Err(why) => failures.push(format!("{}: {why}", case.id)),
        }
    }
    assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), cases.len(), failures.join("\n"));
    assert!(stale.is_empty(), "tests/conformance/jaxpr.txt lists cases that pass: {stale:?}");
}

/// The public cases that do not pass, and why: `ID  REASON` on each line of `jaxpr.txt`.
fn known() -> BTreeMap<String, String> {
    let text =
        std::fs::read_to_string(root().join("tests/conformance/jaxpr.txt")).expect("jaxpr.txt is there");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let pair = |line: &str| {
        let (id, reason) = line.split_once("  ").expect("jaxpr.txt has lines `ID  REASON`");
        (id.to_string(), reason.to_string())
    };
    lines.map(pair).collect()
}

/// Asks one process about all cases; answers by id.
fn serve(scratch: &Path, cases: &[Case]) -> BTreeMap<String, Json> {
    let mut command = Command::new(rjaxc());
    command.arg("conform").current_dir(scratch).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let requests: String = cases.iter().map(|case| format!("{}\n", case.request)).collect();
    let writer = std::thread::spawn(move || stdin.write_all(requests.as_bytes()));
    let output = child.wait_with_output().expect("the process ends");
    writer.join().expect("the writer does not panic").expect("the process reads to the end");
    let text = String::from_utf8(output.stdout).expect("answers are UTF-8");
    let answer = |line: &str| -> (String, Json) {
        let answer: Json = serde_json::from_str(line).expect("a line of JSON");
        (answer["id"].as_str().unwrap_or_default().to_string(), answer)
    };
    text.lines().map(answer).collect()
}

impl Case {
    /// Writes the files that the request names.
    fn write(line: &str, number: usize, scratch: &Path) -> Case {
        let case: Json = serde_json::from_str(line).expect("a line of JSON");
        let id = case["id"].as_str().expect("a case has an id").to_string();
        let file = |extension: &str| scratch.join(format!("{number}.{extension}"));
        std::fs::write(file("ir"), case["jaxpr"].as_str().expect("a case has a program")).expect("writable");
        let mut arrays = Vec::new();
        for (stem, key) in [("const", "consts"), ("arg", "args")] {
            for (position, tensor) in tensors(&case[key]).into_iter().enumerate() {
                arrays.push((format!("{stem}{position}"), tensor));
            }
        }
        npz::write(&file("args.npz"), &arrays);
        let (ir, args, out) = (file("ir"), file("args.npz"), file("out.npz"));
        let request = json!({"id": id, "ir": "jaxpr", "file": ir, "args": args, "out": out});
        let expected = tensors(&case["out"]);
        let error = |position: usize| case["xla_err"][position].as_f64().unwrap_or(0.0);
        Case { id, request, out, errors: (0..expected.len()).map(error).collect(), expected }
    }

    fn verdict(&self, answer: Option<&Json>) -> Result<(), String> {
        let answer = answer.ok_or("no answer")?;
        if answer["ok"] != json!(true) {
            return Err(answer.to_string());
        }
        let avals: Vec<Aval> = self.expected.iter().map(|tensor| tensor.aval().clone()).collect();
        let found = npz::read(&self.out, "out", &avals)?;
        for ((found, expected), error) in found.iter().zip(&self.expected).zip(&self.errors) {
            close(found, expected, Tolerance::standard(expected, *error))?;
        }
        Ok(())
    }
}

fn tensors(arrays: &Json) -> Vec<Tensor> {
    arrays.as_array().map(|arrays| arrays.iter().map(tensor).collect()).unwrap_or_default()
}

fn tensor(array: &Json) -> Tensor {
    let dtype = array["t"].as_str().and_then(DType::from_short_name).expect("a known element type");
    let extents = array["shape"].as_array().expect("an array has a shape").iter();
    let shape: Vec<usize> = extents.map(|extent| extent.as_u64().expect("an extent") as usize).collect();
    let bytes = decode(array["d"].as_str().expect("an array has elements"));
    Tensor::new(Aval::new(dtype, shape), bytes).expect("the elements fill the shape")
}

/// Base64.
fn decode(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => u32::from(c - b'A'),
        b'a'..=b'z' => u32::from(c - b'a') + 26,
        b'0'..=b'9' => u32::from(c - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("{other} is no digit of base64"),
    };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let word = four.iter().enumerate().fold(0, |word, (at, &c)| word | digit(c) << (18 - 6 * at));
        bytes.extend_from_slice(&word.to_be_bytes()[1..four.len()]);
    }
    bytes
}
