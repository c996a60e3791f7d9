//! Wrong programs are refused, never a panic, an endless loop or a bug report: mutates the samples and case files and
//! takes each mutant down the whole road. The same mutants every time.

use rjaxc_compiler::diag::Fault;
use rjaxc_tests::mutate::{Dice, tokens};
use rjaxc_tests::road;
use rjaxc_tests::{files, root};
use serde_json::Value as Json;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

const MUTANTS: usize = 30_000;

/// Far more than any of them takes, even in a development build on a busy machine.
const LONGEST: Duration = Duration::from_secs(60);

/// As much as the command line gives the compiler. Units: bytes.
const STACK: usize = 1 << 30;

#[test]
fn mutants_are_refused_or_compiled() {
    let (sender, receiver) = channel();
    let worker = std::thread::Builder::new().stack_size(STACK).spawn(move || try_all(&sender));
    let worker = worker.expect("the machine has address space");
    let (mut failures, mut compiled, mut current) = (Vec::new(), 0, String::new());
    loop {
        match receiver.recv_timeout(LONGEST) {
            Ok(Report::Starts(text)) => current = text,
            Ok(Report::Compiled) => compiled += 1,
            Ok(Report::Refused) => {}
            Ok(Report::Broken(why)) => failures.push(format!("{why}\n{current}\n")),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                panic!("a mutant takes longer than {} s:\n{current}", LONGEST.as_secs())
            }
        }
    }
    worker.join().expect("panics of the compiler are caught");
    // From here on, panics are this test's own.
    _ = panic::take_hook();
    let shown: String = failures.iter().take(5).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} of {MUTANTS} mutants break the compiler:\n{shown}", failures.len());
    assert!(
        compiled > MUTANTS / 20,
        "only {compiled} mutants are valid: the test no longer reaches the code"
    );
    assert!(
        compiled < MUTANTS * 3 / 4,
        "{compiled} mutants are valid: the test no longer tries wrong programs"
    );
}

enum Report {
    Starts(String),
    Compiled,
    Refused,
    Broken(String),
}

fn try_all(reports: &Sender<Report>) {
    // Panics are reported below, with the program.
    panic::set_hook(Box::new(|_| {}));
    let seeds = seeds();
    let mut dice = Dice::new(1);
    for round in 0..MUTANTS {
        let mut text = seeds[round % seeds.len()].clone();
        for _ in 0..=dice.below(2) {
            text = mutate(&text, &mut dice);
        }
        let report = |report| reports.send(report).expect("the test listens");
        report(Report::Starts(text.clone()));
        report(match panic::catch_unwind(AssertUnwindSafe(|| road::object(&text, true))) {
            Ok(Ok(_)) => Report::Compiled,
            Ok(Err(errors)) => match errors.iter().find(|error| error.fault == Fault::Compiler) {
                Some(bug) => Report::Broken(bug.message.clone()),
                None if errors.is_empty() => Report::Broken("refused without a reason".into()),
                None => Report::Refused,
            },
            Err(payload) => {
                let message = payload.downcast_ref::<String>().map(String::as_str);
                let message = message.or(payload.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                Report::Broken(format!("panic: {message}"))
            }
        });
    }
}

/// Programs that need no files: samples, case files, and what the conformance suite prints.
fn seeds() -> Vec<String> {
    let samples = files(&root().join("samples"), &["ir"]);
    let cases = files(&root().join("tests/cases"), &["ir"]);
    let read = |path| std::fs::read_to_string(path).expect("programs are UTF-8");
    // Mutations of comments mean nothing.
    let code = |text: String| -> String {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| format!("{}\n", line.split('#').next().unwrap_or(""))).collect()
    };
    let slice = root().join("tests/conformance/slice.jsonl");
    let slice = read(&slice);
    let printed = slice.lines().map(|line| {
        let case: Json = serde_json::from_str(line).expect("a line of JSON");
        case["jaxpr"].as_str().expect("a case has a program").to_string()
    });
    let texts = samples.iter().chain(&cases).map(read).map(code).chain(printed);
    texts.filter(|text: &String| text.len() < 4000 && !text.contains("file(")).collect()
}

/// One small change.
fn mutate(text: &str, dice: &mut Dice) -> String {
    let tokens = tokens(text);
    if tokens.is_empty() {
        return "{".into();
    }
    let at = dice.below(tokens.len());
    let mut changed: Vec<String> = tokens.iter().map(|token| token.to_string()).collect();
    match dice.below(9) {
        0 => changed[at].clear(),
        1 => changed[at] = tokens[dice.below(tokens.len())].to_string(),
        2 => changed.insert(at, tokens[dice.below(tokens.len())].to_string()),
        3 => changed.truncate(at),
        4 => {
            let other = dice.below(tokens.len());
            changed.swap(at, other);
        }
        5 | 6 => {
            let numbers: Vec<usize> = (0..tokens.len())
                .filter(|&at| tokens[at].starts_with(|c: char| c.is_ascii_digit()))
                .collect();
            let values =
                ["0", "1", "2", "3", "7", "-1", "64", "1000000007", "18446744073709551616", "0.5", "1e999"];
            if !numbers.is_empty() {
                changed[numbers[dice.below(numbers.len())]] = values[dice.below(values.len())].to_string();
            }
        }
        7 => {
            let types =
                ["f32", "f64", "bf16", "i8", "u64", "bool", "c64", "i4", "f8_e5m2", "key<fry>", "float0"];
            let places: Vec<usize> = (0..tokens.len())
                .filter(|&at| matches!(tokens[at], "f32" | "f64" | "i32" | "bf16"))
                .collect();
            if !places.is_empty() {
                changed[places[dice.below(places.len())]] = types[dice.below(types.len())].to_string();
            }
        }
        _ => {
            let odd =
                ["\u{e9}", "\0", "\"", "{", "}", "]", "let", "in", "_", "None", "lambda", ";", "\u{1f600}"];
            changed[at] = odd[dice.below(odd.len())].to_string();
        }
    }
    changed.concat()
}
