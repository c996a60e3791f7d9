//! The batch protocol of the conformance runner.

use crate::process::Folder;
use serde_json::{Value, json};

const NEG: &str = "{ lambda ; x:f32[2]. let y:f32[2] = neg x in (y,) }";

/// A folder with a program, its inputs as the runner names them, and a sidecar.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("neg.ir", NEG);
    folder.write("arg.ir", "let f = { lambda ; x:f32[2]. let in (x,) }");
    folder.rjaxc(&["run", "arg.ir", "[1, 2]", "--out", "renamed.npz"]).succeeds();
    let archive = std::fs::read(folder.path("renamed.npz")).expect("the archive");
    // The names stand in the archive twice, both times with the same length.
    folder.write("args.npz", replace(&archive, b"out0.npy", b"arg0.npy"));
    folder.write("t.json", r#"{"transform": [], "flags": {}, "n_args": 1}"#);
    folder
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

fn request(id: &str, file: &str) -> Value {
    json!({"id": id, "ir": "jaxpr", "file": file, "transform": "t.json", "args": "args.npz", "out": "result.npz"})
}

#[test]
fn prints_change_no_answer() {
    let folder = folder("conform_prints");
    let print = "debug_print[fmt=x = {} has_placeholders=True ordered=False] x";
    folder.write("print.ir", NEG.replace("let y", &format!("let\n    {print}\n    y")));
    let answers = serve(&folder, &[], &[request("print", "print.ir").to_string()]);
    assert_eq!(answers, [json!({"id": "print", "ok": true})]);
}

/// Every line has an answer, also one that is no text.
#[test]
fn lines_that_are_no_text_are_answered() {
    let folder = folder("conform_bytes");
    let line = format!("{}\n", request("neg", "neg.ir"));
    let outcome = folder.rjaxc_with_input(&["conform"], [&b"\xff\xfe\n"[..], line.as_bytes()].concat());
    let answers: Vec<Value> =
        outcome.succeeds().lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert_eq!(answers[0]["stage"], "protocol");
    assert_eq!(answers[1], json!({"id": "neg", "ok": true}));
}

fn serve(folder: &Folder, args: &[&str], lines: &[String]) -> Vec<Value> {
    let input = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let outcome = folder.rjaxc_with_input(&[&["conform"], args].concat(), &input);
    let answers = outcome.succeeds().lines().map(|line| serde_json::from_str(line).expect("a line of JSON"));
    answers.collect()
}

#[test]
fn guarded_calls_give_the_same_answers() {
    let folder = folder("conform_guard");
    let scan = "{ lambda ; x:f32[2]. let\n    y:f32[2] z:f32[3,2] = scan[jaxpr={ lambda ; a:f32[2]. let b:f32[2] = sin a \
                in (b, a) } length=3 num_carry=1 num_consts=0 reverse=False unroll=1] x\n  in (y, z) }";
    folder.write("scan.ir", scan);
    let lines = [request("neg", "neg.ir").to_string(), request("scan", "scan.ir").to_string()];
    let answers = serve(&folder, &["--guard"], &lines);
    assert_eq!(answers, [json!({"id": "neg", "ok": true}), json!({"id": "scan", "ok": true})]);
}

#[test]
fn cases_are_answered_one_by_one() {
    let folder = folder("conform");
    folder.write("broken.ir", "{ lambda ; x:f32[2]. let\n    y:f32[2] = neg w\n  in (y,) }");
    folder.write("unknown.ir", "{ lambda ; x:f32[2]. let\n    y:f32[2] = nag x\n  in (y,) }");
    folder.write("wide.ir", "{ lambda ; x:f32[3]. let y:f32[3] = neg x in (y,) }");
    let lines = [
        request("a", "neg.ir").to_string(),
        "this is not JSON".to_string(),
        "[1, 2]".to_string(),
        request("b", "broken.ir").to_string(),
        request("c", "unknown.ir").to_string(),
        request("d", "missing.ir").to_string(),
        request("e", "wide.ir").to_string(),
        json!({"id": "f", "ir": "stablehlo", "file": "x", "args": "y", "out": "z"}).to_string(),
        request("g", "neg.ir").to_string(),
    ];
    for args in [&[][..], &["--worker"]] {
        let _ = std::fs::remove_file(folder.path("result.npz"));
        let answers = serve(&folder, args, &lines);
        assert_eq!(answers.len(), lines.len());
        assert_eq!(answers[0], json!({"id": "a", "ok": true}));
        assert_eq!(answers[8], json!({"id": "g", "ok": true}));
        assert!(folder.path("result.npz").exists());
        let stages: Vec<&str> =
            answers[1..8].iter().map(|answer| answer["stage"].as_str().expect("a stage")).collect();
        assert_eq!(
            stages,
            ["protocol", "protocol", "parse", "unsupported", "parse", "run", "parse"],
            "{answers:?}"
        );
        assert_eq!(answers[3]["id"], "b");
        assert!(answers[3]["reason"].as_str().is_some_and(|reason| reason.starts_with("2:")), "{answers:?}");
        assert!(answers[4]["reason"].as_str().is_some_and(|reason| reason.contains("nag")), "{answers:?}");
        assert!(
            answers[6]["reason"].as_str().is_some_and(|reason| reason.contains("expected f32[3]")),
            "{answers:?}"
        );
    }
}

#[test]
fn a_case_that_takes_too_long_costs_only_itself() {
    let folder = folder("conform_timeout");
    // No case is done within zero seconds, so that every one ends its worker.
    let lines = [request("a", "neg.ir").to_string(), request("b", "neg.ir").to_string()];
    let answers = serve(&folder, &["--timeout=0"], &lines);
    let crash = |id: &str| json!({"id": id, "ok": false, "stage": "crash", "reason": "took longer than 0 s"});
    assert_eq!(answers, [crash("a"), crash("b")]);
}

#[test]
fn transforms_are_passed_on() {
    let folder = folder("conform_transform");
    folder.write("t.json", r#"{"transform": [{"kind": "nonsense", "argnums": [0]}]}"#);
    folder.write("bad.json", r#"{"transform": 1}"#);
    let mut bad = request("b", "neg.ir");
    bad["transform"] = json!("bad.json");
    let answers = serve(&folder, &[], &[request("a", "neg.ir").to_string(), bad.to_string()]);
    assert_eq!((&answers[0]["stage"], &answers[1]["stage"]), (&json!("transform"), &json!("transform")));
    assert!(answers[0]["reason"].as_str().is_some_and(|reason| reason.contains("nonsense")), "{answers:?}");
}

#[test]
fn results_of_a_run_are_those_of_the_protocol() {
    let folder = folder("conform_run");
    serve(&folder, &[], &[request("a", "neg.ir").to_string()]);
    let one_shot = ["run", "neg.ir", "--transform", "t.json", "--args", "args.npz", "--out", "once.npz"];
    folder.rjaxc(&one_shot).succeeds();
    let read = |name| std::fs::read(folder.path(name)).expect("the results");
    assert_eq!(read("result.npz"), read("once.npz"));
    folder.write("show.ir", "{ lambda ; out0:f32[2]. let in (out0,) }");
    let shown = folder.rjaxc(&["run", "show.ir", "--args", "once.npz"]);
    assert!(shown.succeeds().ends_with(" = [-1.0, -2.0]\n"), "{shown:?}");
}
