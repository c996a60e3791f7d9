//! The programs that are compiled, with inputs and expected results.

use rjaxc_compiler::diag::Sources;
use rjaxc_compiler::exports::{self, Entry};
use rjaxc_compiler::types::{Aval, Kind, Scalar, Tensor};
use rjaxc_compiler::{evaluate, read};
use rjaxc_tests::process::{rjaxc, run};
use rjaxc_tests::{npz, root};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program and what its functions compute.
pub struct Model {
    pub stem: &'static str,
    pub file: PathBuf,
    pub functions: Vec<Function>,
}

/// One call.
pub struct Function {
    pub name: String,
    pub inputs: Vec<Tensor>,
    pub expected: Vec<Tensor>,
}

/// Needs no constants, no work memory and no loops over anything but its results.
pub const ELEMENTWISE: &str = "\
{ lambda ; a:f32[13] b:f32[]. let
    c:f32[13] = sin a; d:f32[13] = mul c b; e:f32[13] = exp d; f:f32[13] = add e 1.0:f32[]; g:f32[13] = log f
  in (g,) }
";

const TWO: &str = "\
const table: i32[4] = [1, -2, 3, -4]
let scale = { lambda ; x:f64[5] y:f64[]. let z:f64[5] = mul x y; w:f64[] = reduce_sum[axes=(0,)] z in (z, w) }
let look = { lambda table:i32[4]; x:i32[4]. let y:i32[4] = add x table; z:bool[4] = lt x y in (y, z) }
";

const HALF: &str = "\
{ lambda ; a:f16[9] b:bf16[9] c:u8[9]. let
    d:f16[9] = mul a a
    e:bf16[] = reduce_max[axes=(0,)] b
    f:f32[9] = convert_element_type[new_dtype=float32 weak_type=False] c
  in (d, e, f) }
";

/// Reductions over each axis, and a matrix product.
const REDUCTIONS: &str = "\
{ lambda ; a:f32[7,19] b:f32[19,5]. let
    c:f32[7] = reduce_sum[axes=(1,)] a
    d:f32[19] = reduce_max[axes=(0,)] a
    e:i32[7] = argmax[axes=(1,) index_dtype=int32] a
    f:f32[7,5] = dot_general[dimension_numbers=(([1], [0]), ([], []))] a b
    g:f32[7,5] = tanh f
  in (c, d, e, g) }
";

/// A constant that is large enough for a section of its own, and one that is not.
fn weights() -> String {
    let numbers: Vec<String> = (0..20_000).map(|i| format!("{}.5", i % 1000)).collect();
    format!(
        "const w: f32[20000] = [{}]\nconst v: f32[3] = [1.0, 2.0, 3.0]\n\
         {{ lambda w:f32[20000] v:f32[3]; a:f32[3] i:i32[]. let\n    \
         b:f32[3] = dynamic_slice[slice_sizes=(3,)] w i; c:f32[3] = mul a v; d:f32[3] = add b c in (d,) }}\n",
        numbers.join(", ")
    )
}

/// All programs; those that are no samples are written to `dir`.
pub fn models(dir: &Path) -> Vec<Model> {
    let texts = [("elementwise", ELEMENTWISE), ("two", TWO), ("half", HALF), ("reductions", REDUCTIONS)];
    let mut own = Vec::from(texts.map(|(stem, text)| from_text(stem, text, dir)));
    own.push(from_text("weights", &weights(), dir));
    let samples = ["mlp", "black_scholes", "softmax", "fir"].map(sample);
    own.into_iter().chain(samples).collect()
}

/// A program given as text, with made-up inputs and the evaluator's results.
pub fn from_text(stem: &'static str, text: &str, dir: &Path) -> Model {
    called_with(stem, text, dir, |avals| avals.iter().map(made_up).collect())
}

/// The same with inputs of these types.
pub fn called_with(
    stem: &'static str,
    text: &str,
    dir: &Path,
    inputs: impl Fn(&[Aval]) -> Vec<Tensor>,
) -> Model {
    let file = dir.join(format!("{stem}.ir"));
    std::fs::write(&file, text).expect("the target folder is writable");
    let functions = entries(text, &HashMap::new()).into_iter().map(|entry| {
        let inputs = inputs(&entry.program.input_avals());
        let expected = evaluate(&entry.program, &inputs).expect("the evaluator knows these programs");
        Function { name: entry.name, inputs, expected }
    });
    Model { stem, functions: functions.collect(), file }
}

/// A sample, with JAX's results.
pub fn sample(stem: &'static str) -> Model {
    let file = root().join("samples").join(stem).with_extension("ir");
    let text = std::fs::read_to_string(&file).expect("the sample is there");
    let mut sources = Sources::new();
    let id = sources.add(stem, text);
    let source = read(&sources, id).expect("samples are correct");
    let main = source.functions.iter().find(|function| function.name == "main").expect("a sample has a main");
    let arrays = |extension: &str, name: &str, avals: &[Aval]| {
        npz::read(&file.with_extension(extension), name, avals).expect("the arrays are there")
    };
    let inputs = arrays("args.npz", "arg", &main.program.input_avals());
    let expected = arrays("expected.npz", "out", &main.program.output_avals());
    Model { stem, functions: vec![Function { name: "main".into(), inputs, expected }], file }
}

/// Compiles to `STEM.o` and what stands beside it.
pub fn compile(model: &Model, dir: &Path, flags: &[&str]) -> PathBuf {
    let object = dir.join(model.stem).with_extension("o");
    run(Command::new(rjaxc()).arg(&model.file).arg("-o").arg(&object).args(flags));
    object
}

fn entries(text: &str, constants: &HashMap<String, Tensor>) -> Vec<Entry> {
    let mut sources = Sources::new();
    let id = sources.add("model", text);
    let mut source = read(&sources, id).expect("the program is correct");
    exports::bind_constants(&mut source, constants).expect("its constants have values");
    exports::entries(&source, &[]).expect("it exports functions")
}

/// Small numbers of both signs, none of them twice in a row.
fn made_up(aval: &Aval) -> Tensor {
    let mut state = 1u32;
    Tensor::from_fn(aval.clone(), |_| {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        let small = f64::from(state >> 24) / 64.0 - 2.0;
        match aval.dtype.kind() {
            Kind::Float => Scalar::Float(small).rounded(aval.dtype),
            Kind::Signed | Kind::Unsigned => Scalar::Int(i128::from(state >> 26)),
            Kind::Bool => Scalar::Bool(small > 0.0),
            Kind::Complex | Kind::Key | Kind::Float0 => panic!("{aval} is no input of these programs"),
        }
    })
}
