//! Wrong files of StableHLO, text and bytecode, are refused: never a panic, an endless loop, an overflow of the stack or
//! memory out of proportion. Mutates the files of `tests/bytecode` (the corpus) and what stands in `ODD` below; the same
//! mutants every time. RJAXC_FUZZ_SECONDS says how long to go on, for more of them.

use rjaxc_compiler::diag::{self, Diagnostic, Fault, Sources};
use rjaxc_compiler::{front, hlo, ir};
use rjaxc_tests::mutate::{Dice, tokens};
use rjaxc_tests::{files, root};
use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

const MUTANTS: usize = 6_000;

/// Far more than any of them takes, even in a development build on a busy machine.
const LONGEST: Duration = Duration::from_secs(30);

/// Much less than the command line gives the compiler, much more than the bounds of nesting need. Units: bytes.
const STACK: usize = 64 << 20;

/// No file of the corpus takes a tenth of it. Units: bytes.
const MEMORY: usize = 256 << 20;

/// Counts the bytes in use and the most there were.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator with the same arguments; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the pointer came from `alloc` above, which is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Where the last panic was.
static PLACE: Mutex<String> = Mutex::new(String::new());

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One file of the corpus, or one mutant.
#[derive(Clone)]
enum File {
    Text(String),
    Bytecode(Vec<u8>),
}

enum Report {
    Starts(File),
    Read,
    Refused,
    Broken(String),
}

#[test]
fn mutants_are_refused_or_read() {
    let seconds = std::env::var("RJAXC_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|text| text.parse().expect("RJAXC_FUZZ_SECONDS is a number of seconds"));
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let (sender, receiver) = channel();
    let worker = std::thread::Builder::new().stack_size(STACK).spawn(move || try_all(end, &sender));
    let worker = worker.expect("the machine has address space");
    let (mut failures, mut read, mut all) = (Vec::new(), 0, 0);
    let mut current = File::Text(String::new());
    loop {
        match receiver.recv_timeout(LONGEST) {
            Ok(Report::Starts(file)) => {
                current = file;
                all += 1;
            }
            Ok(Report::Read) => read += 1,
            Ok(Report::Refused) => {}
            Ok(Report::Broken(why)) => failures.push(format!("{why}\n{}", shown(&current))),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                panic!("a mutant takes longer than {} s:\n{}", LONGEST.as_secs(), shown(&current))
            }
        }
    }
    worker.join().expect("panics of the compiler are caught");
    // From here on, panics are this test's own.
    _ = panic::take_hook();
    let some: String = failures.iter().take(12).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} of {all} mutants break the reader:\n{some}", failures.len());
    assert!(read > all / 20, "only {read} of {all} mutants are valid: the test no longer reaches the reader");
    assert!(read < all * 3 / 4, "{read} of {all} mutants are valid: the test no longer tries wrong files");
}

/// Bodies whose types the operation around them does not allow, each well-formed in itself.
#[test]
fn bodies_of_other_types_are_refused() {
    let text =
        std::fs::read_to_string(root().join("tests/stablehlo/read/select_and_scatter_of_any_kind.mlir"));
    let text = text.expect("the file is there");
    assert!(matches!(verdict(File::Text(text.clone())), Report::Read));
    // The selection gives a number, takes other numbers, or takes one only.
    let changes = [
        (
            "%keep = stablehlo.compare GT, %a, %b, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>",
            "%keep = stablehlo.add %a, %b : tensor<f32>",
        ),
        (
            "^bb0(%a: tensor<f32>, %b: tensor<f32>):\n    %keep",
            "^bb0(%a: tensor<i32>, %b: tensor<i32>):\n    %keep",
        ),
        ("^bb0(%a: tensor<f32>, %b: tensor<f32>):\n    %keep", "^bb0(%a: tensor<f32>):\n    %keep"),
    ];
    for (from, to) in changes {
        let text = text.replacen(from, to, 1);
        let text = if to.contains("stablehlo.add") {
            text.replacen("return %keep : tensor<i1>", "return %keep : tensor<f32>", 1)
        } else {
            text
        };
        match verdict(File::Text(text)) {
            Report::Refused => {}
            Report::Broken(why) => panic!("{to}: {why}"),
            Report::Read | Report::Starts(_) => panic!("{to}: was read"),
        }
    }
}

/// A mutant for the message of a failure, and where it was kept.
fn shown(file: &File) -> String {
    let (name, bytes) = match file {
        File::Text(text) => ("mutant.mlir", text.as_bytes()),
        File::Bytecode(bytes) => ("mutant.mlirbc", bytes.as_slice()),
    };
    let path = std::env::temp_dir().join(name);
    let kept = std::fs::write(&path, bytes).is_ok();
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]);
    if kept { format!("{start}\nkept as {}\n", path.display()) } else { start.into_owned() }
}

fn try_all(end: Option<Instant>, reports: &Sender<Report>) {
    // Panics are reported below, with their place and the file.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| place.to_string()).unwrap_or_default();
        *PLACE.lock().expect("nobody panics with it") = place;
    }));
    let corpus = corpus();
    let mut dice = Dice::new(1);
    let mut round = 0;
    while end.map_or(round < MUTANTS, |end| Instant::now() < end) {
        let mut file = corpus[round % corpus.len()].clone();
        for _ in 0..=dice.below(2) {
            file = match file {
                File::Text(text) => File::Text(mutated_text(&text, &mut dice)),
                File::Bytecode(bytes) => File::Bytecode(mutated_bytes(bytes, &corpus, &mut dice)),
            };
        }
        round += 1;
        let report = |report| reports.send(report).expect("the test listens");
        report(Report::Starts(file.clone()));
        report(verdict(file));
    }
}

fn verdict(file: File) -> Report {
    let before = IN_USE.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| read(file)));
    let most = MOST.load(Ordering::Relaxed).saturating_sub(before);
    if most > MEMORY {
        return Report::Broken(format!("{} MiB of memory", most >> 20));
    }
    match outcome {
        Ok(Ok(())) => Report::Read,
        Ok(Err(errors)) => match errors.iter().find(|error| error.fault == Fault::Compiler) {
            Some(bug) => Report::Broken(bug.message.clone()),
            None if errors.is_empty() => Report::Broken("refused without a reason".into()),
            None => Report::Refused,
        },
        Err(payload) => {
            let message = payload.downcast_ref::<String>().map(String::as_str);
            let message = message.or(payload.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            let place = PLACE.lock().expect("nobody panics with it");
            Report::Broken(format!("panic at {place}: {message}"))
        }
    }
}

/// From the file to verified programs; a module that was read is also written, and an error rendered.
fn read(file: File) -> Result<(), Vec<Diagnostic>> {
    let mut sources = Sources::new();
    let id = match file {
        File::Text(text) => sources.add("mutant.mlir", text),
        File::Bytecode(bytes) => match hlo::bytecode::module_in(&bytes) {
            Some(module) => sources.add_bytes("mutant.mlirbc", module.to_vec()),
            None => return Err(vec![Diagnostic::error("neither text nor bytecode")]),
        },
    };
    let rendered = |errors: Vec<Diagnostic>| {
        errors.iter().for_each(|error| assert!(!diag::render(&sources, error).is_empty()));
        errors
    };
    let module = hlo::parse(&sources, id).map_err(|error| rendered(vec![error]))?;
    let source = front::stablehlo::import(&module).map_err(rendered)?;
    for function in &source.functions {
        let broken = ir::verify(&function.program);
        if let Some(error) = broken.first() {
            return Err(vec![Diagnostic::bug(error.message.clone())]);
        }
    }
    assert!(!module.to_string().is_empty());
    Ok(())
}

fn corpus() -> Vec<File> {
    let folder = root().join("tests/bytecode");
    let texts = files(&folder, &["mlir"])
        .into_iter()
        .map(|path| File::Text(std::fs::read_to_string(path).expect("text is UTF-8")));
    let binaries = files(&folder, &["mlirbc", "jax"])
        .into_iter()
        .map(|path| File::Bytecode(std::fs::read(path).expect("it was listed")));
    let small = |file: &File| match file {
        File::Text(text) => text.len() < 6000,
        File::Bytecode(bytes) => bytes.len() < 3000,
    };
    let odd = ODD.iter().map(|text| File::Text(text.to_string()));
    let mut corpus: Vec<File> = texts.chain(odd).chain(binaries).filter(small).collect();
    // Bytecode is what a mutation breaks at once, so it gets more tries.
    corpus.extend(corpus.clone().into_iter().filter(|file| matches!(file, File::Bytecode(_))));
    corpus
}

/// What jaxlib does not print.
const ODD: &[&str] = &[
    "#a = [1, 2]\n#b = [#a, #a]\n!t = tensor<2x!e>\n!e = f32\nmodule @m attributes {x = #b, y = !t, z = @p::@q} {\n  func.func @f() { return }\n}",
    "func.func @main() -> tensor<2x2xf32> {\n  %0:1 = stablehlo.constant dense<\"0x0000803F0000004000004040000080C0\"> : tensor<2x2xf32>\n  return %0#0 : tensor<2x2xf32>\n}",
    "func.func @main(%x: tensor<4xi32> loc(fused[\"a.py\":1:2, callsite(\"g\" at \"b.py\":3:4)])) -> tensor<4xi32> {\n  %0 = stablehlo.constant dense_resource<w> : tensor<4xi32>\n  %1 = \"stablehlo.add\"(%x, %0) {k = dense<[[1], [2]]> : tensor<2x1xi4>} : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>\n  return %1 : tensor<4xi32>\n}\n{-# dialect_resources: { builtin: { w: \"0x0400000001000000020000000300000004000000\" } } #-}",
];

/// One small change, or something large where something small stood.
fn mutated_text(text: &str, dice: &mut Dice) -> String {
    let tokens = tokens(text);
    if tokens.is_empty() {
        return "module {".into();
    }
    let at = dice.below(tokens.len());
    let other = dice.below(tokens.len());
    let mut changed: Vec<String> = tokens.iter().map(|token| token.to_string()).collect();
    let pick = |dice: &mut Dice, words: &[&str]| words[dice.below(words.len())].to_string();
    match dice.below(10) {
        0 => changed[at].clear(),
        1 => changed[at] = tokens[other].to_string(),
        2 => changed.insert(at, tokens[other].to_string()),
        3 => changed.truncate(at),
        4 => changed.swap(at, other),
        5 | 6 => {
            let is_number = |&at: &usize| tokens[at].starts_with(|c: char| c.is_ascii_digit());
            let numbers: Vec<usize> = (0..tokens.len()).filter(is_number).collect();
            if !numbers.is_empty() {
                changed[numbers[dice.below(numbers.len())]] = pick(dice, NUMBERS);
            }
        }
        7 => changed[at] = pick(dice, WORDS),
        8 => {
            // A long list, or a deep one, behind nothing that expects it.
            let times = 1 << dice.below(16);
            changed[at] = pick(dice, DEEP).repeat(times);
        }
        _ => {
            let (from, to) = (at.min(other), at.max(other));
            let again: Vec<String> = changed[from..to].to_vec();
            changed.splice(to..to, again);
        }
    }
    changed.concat()
}

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "64",
    "1000000007",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "0.5",
    "1e999",
    "0x7F",
    "0xFFFFFFFFFFFFFFFFFFFF",
    "170141183460469231731687303715884105728",
];

const WORDS: &[&str] = &[
    "\u{e9}",
    "\0",
    "\"",
    "{",
    "}",
    "]",
    "(",
    ")",
    "<",
    ">",
    "%0",
    "%0#1",
    "@main",
    "->",
    ":",
    "loc(",
    "f32",
    "i1",
    "ui4",
    "complex<f32>",
    "tensor<?xf32>",
    "tensor<0xf32>",
    "tuple<>",
    "stablehlo.while",
    "stablehlo.reduce",
    "dense<",
    "dense_resource<w>",
    "array<i64: ",
    "#b",
    "!t",
    "true",
    "\u{1f600}",
    "\\",
    "//",
];

const DEEP: &[&str] = &[
    "(",
    "[",
    "{a = [",
    "tuple<",
    "tensor<2x",
    "#stablehlo.gather<a = ",
    "@a::",
    "::@a",
    "dense<[",
    "loc(callsite(",
    "^bb0:",
    "{\n",
    "\"stablehlo.if\"(%0) ({",
    "#b, ",
    "!t",
    "1, ",
    "\"",
    "\\\"",
    "//",
];

/// One small change, or a number that promises much.
fn mutated_bytes(mut bytes: Vec<u8>, corpus: &[File], dice: &mut Dice) -> Vec<u8> {
    if bytes.is_empty() {
        return b"ML\xefR".to_vec();
    }
    let at = dice.below(bytes.len());
    let other = dice.below(bytes.len());
    match dice.below(10) {
        0 | 1 => bytes[at] ^= 1 << dice.below(8),
        2 => bytes[at] = dice.below(256) as u8,
        3 => bytes.truncate(at),
        4 => bytes.swap(at, other),
        5 => {
            // A number as the format writes it: small, huge, or cut off.
            let value = [0, 1, 2, 127, 1 << 14, 1 << 31, 1 << 48, u64::MAX][dice.below(8)];
            let mut number = vec![0];
            number.extend(value.to_le_bytes());
            if value < 128 {
                number = vec![(value << 1) as u8 | 1];
            }
            number.truncate(1 + dice.below(9));
            bytes.splice(at..at, number);
        }
        6 => {
            let value = [0, 1, 0xff][dice.below(3)];
            let end = (at + 1 + dice.below(8)).min(bytes.len());
            bytes[at..end].fill(value);
        }
        7 => _ = bytes.drain(at.min(other)..at.max(other).min(at.min(other) + 16)),
        8 => {
            let again = bytes[at.min(other)..at.max(other)].to_vec();
            bytes.splice(at..at, again);
        }
        _ => {
            // The end of another file behind the start of this one.
            if let File::Bytecode(rest) = &corpus[dice.below(corpus.len())] {
                bytes.truncate(at);
                bytes.extend(&rest[at.min(rest.len())..]);
            }
        }
    }
    bytes
}
