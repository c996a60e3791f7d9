//! Programs that call compiled functions.

use crate::build::{CFLAGS, cc};
use crate::model::{ELEMENTWISE, Function, Model, compile, from_text, models, sample};
use rjaxc_compiler::types::Tensor;
use rjaxc_tests::close::{Tolerance, close};
use rjaxc_tests::process::{folder, has_tool, run};
use rjaxc_tests::root;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

#[test]
fn c_programs_compute_what_is_expected() {
    let dir = folder("objects", "c");
    for model in models(&dir) {
        compile(&model, &dir, &[]);
        write_caller(&dir, &[&model], MAIN);
        for (mode, flags) in [("pie", ["-fPIE", "-pie"]), ("nopie", ["-fno-pie", "-no-pie"])] {
            let program = format!("{}-{mode}", model.stem);
            let object = format!("{}.o", model.stem);
            run(cc(&dir).args(flags).args(["-o", &program, "caller.c", &object]));
            check_output(&mut Command::new(dir.join(&program)), &[&model]);
        }
    }
}

#[test]
fn two_models_live_in_one_program() {
    let dir = folder("objects", "two_models");
    let models = [sample("softmax"), from_text("elementwise", ELEMENTWISE, &dir), sample("fir")];
    let models: Vec<&Model> = models.iter().collect();
    let objects: Vec<_> = models.iter().map(|model| compile(model, &dir, &[])).collect();
    write_caller(&dir, &models, MAIN);
    run(cc(&dir).args(["-o", "both", "caller.c"]).args(&objects));
    check_output(&mut Command::new(dir.join("both")), &models);
}

#[test]
fn rust_programs_compute_what_is_expected() {
    let dir = folder("objects", "rust");
    // The demonstration's own program looks for the module in `build/`.
    std::fs::create_dir_all(dir.join("build")).expect("the target folder is writable");
    std::fs::create_dir_all(dir.join("samples/rust")).expect("the target folder is writable");
    let object = compile(&sample("mlp"), &dir.join("build"), &[]);
    for file in ["mlp.rs", "mlp_input.rs"] {
        let file = Path::new("samples/rust").join(file);
        std::fs::copy(root().join(&file), dir.join(&file)).expect("the demonstration is there");
    }
    let link = format!("link-arg={}", object.display());
    let source = "samples/rust/mlp.rs";
    run(Command::new("rustc").current_dir(&dir).args([
        "--edition=2024",
        "-O",
        source,
        "-C",
        &link,
        "-o",
        "mlp",
    ]));
    let printed = run(&mut Command::new(dir.join("mlp")));
    assert!(printed.starts_with("It reads a "), "{printed}");
}

#[test]
fn aarch64_programs_compute_what_is_expected() {
    let test = "aarch64_programs_compute_what_is_expected";
    if !has_tool(test, "aarch64-linux-gnu-gcc") || !has_tool(test, "qemu-aarch64") {
        return;
    }
    let dir = folder("objects", "aarch64");
    for model in models(&dir) {
        compile(&model, &dir, &["--target=aarch64-unknown-linux-gnu"]);
        write_caller(&dir, &[&model], MAIN);
        let mut gcc = Command::new("aarch64-linux-gnu-gcc");
        let object = format!("{}.o", model.stem);
        run(gcc.current_dir(&dir).args(CFLAGS).args(["-static", "-o", model.stem, "caller.c", &object]));
        check_output(Command::new("qemu-aarch64").arg(dir.join(model.stem)), &[&model]);
    }
}

/// A header declares a function of very many arrays inline, for there is no symbol with so many parameters.
#[test]
fn functions_of_many_arrays_take_them_one_by_one() {
    let dir = folder("objects", "many");
    let outputs = 300;
    let lines: String = (0..outputs).map(|i| format!("  y{i}:f32[] = mul x {i}.0:f32[]\n")).collect();
    let names: String = (0..outputs).map(|i| format!("y{i}, ")).collect();
    let model = from_text("many", &format!("{{ lambda ; x:f32[]. let\n{lines}  in ({names}) }}\n"), &dir);
    compile(&model, &dir, &[]);
    let pointers: String = (0..outputs).map(|i| format!("y + {i}, ")).collect();
    let source = format!(
        "#include \"many.h\"\n#include <stdio.h>\nint main(void) {{\n  float x = 2, y[{outputs}];\n  \
         if (many_main(&x, {pointers} NULL)) return 1;\n  printf(\"%g %g\", y[1], y[{outputs} - 1]);\n  \
         const void *in[] = {{&x}};\n  void *out[] = {{{pointers} NULL}};\n  out[250] = NULL;\n  \
         printf(\" %d\", many_main_call(in, out, NULL, NULL));\n  out[250] = (char *)y + 1;\n  \
         printf(\" %d\", many_main_call(in, out, NULL, NULL));\n  return 0;\n}}\n"
    );
    std::fs::write(dir.join("caller.c"), source).expect("the target folder is writable");
    run(cc(&dir).args(["-o", "caller", "caller.c", "many.o"]));
    assert_eq!(run(&mut Command::new(dir.join("caller"))), "2 598 -1 -2");
    let references: String = (0..outputs).map(|i| format!("&mut y.{}.{}, ", i / 10, i % 10)).collect();
    let tens = "(0f32, 0f32, 0f32, 0f32, 0f32, 0f32, 0f32, 0f32, 0f32, 0f32), ".repeat(outputs / 10);
    let source = format!(
        "mod many;\nfn main() {{\n    let mut y = ({tens});\n    let mut work = many::MainWork::new();\n    \
         many::main(&2.0, {references} &mut work).expect(\"the call is right\");\n    print!(\"{{}} {{}}\", y.0.1, y.29.9);\n}}\n"
    );
    std::fs::write(dir.join("caller.rs"), source).expect("the target folder is writable");
    let link = format!("link-arg={}", dir.join("many.o").display());
    run(Command::new("rustc").current_dir(&dir).args([
        "--edition=2024",
        "-D",
        "warnings",
        "caller.rs",
        "-C",
        &link,
    ]));
    assert_eq!(run(&mut Command::new(dir.join("caller"))), "2 598");
}

/// Calls everything once.
const MAIN: &str = "int main(void) { return calls(); }\n";

/// Writes `caller.c`, whose `calls` calls every function once and prints the bytes of all results.
pub fn write_caller(dir: &Path, models: &[&Model], main: &str) {
    let mut text = String::from("#include <stdio.h>\n");
    models.iter().for_each(|model| text += &format!("#include \"{}.h\"\n", model.stem));
    let mut body = String::new();
    for model in models {
        for function in &model.functions {
            call(model, function, &mut text, &mut body).expect("writing to memory");
        }
    }
    text += &format!("static int calls(void) {{\n{body}  return 0;\n}}\n{main}");
    std::fs::write(dir.join("caller.c"), text).expect("the target folder is writable");
}

fn call(model: &Model, function: &Function, data: &mut String, body: &mut String) -> std::fmt::Result {
    let symbol = format!("{}_{}", model.stem, function.name);
    let (mut ins, mut outs) = (Vec::new(), Vec::new());
    // Arrays have one byte more than needed: C has no empty ones.
    for (position, input) in function.inputs.iter().enumerate() {
        let bytes: Vec<String> = input.bytes().iter().chain(&[0]).map(u8::to_string).collect();
        let name = format!("{symbol}_in{position}");
        writeln!(data, "static _Alignas(64) const unsigned char {name}[] = {{{}}};", bytes.join(","))?;
        ins.push(name);
    }
    for (position, expected) in function.expected.iter().enumerate() {
        let name = format!("{symbol}_out{position}");
        writeln!(data, "static _Alignas(64) unsigned char {name}[{} + 1];", expected.bytes().len())?;
        outs.push((name, expected.bytes().len()));
    }
    let size = format!("{}_WORK_BYTES", symbol.to_uppercase());
    writeln!(data, "static _Alignas(64) unsigned char {symbol}_work[{size} + 1];")?;
    let names: Vec<&str> = outs.iter().map(|(name, _)| name.as_str()).collect();
    writeln!(body, "  const void *{symbol}_ins[] = {{{}}};", ins.join(", "))?;
    writeln!(body, "  void *{symbol}_outs[] = {{{}}};", names.join(", "))?;
    writeln!(body, "  if ({symbol}_call({symbol}_ins, {symbol}_outs, {symbol}_work, NULL)) return 1;")?;
    for (name, length) in outs {
        writeln!(body, "  if (fwrite({name}, 1, {length}, stdout) != {length}) return 2;")?;
    }
    Ok(())
}

/// Runs the program and compares the bytes it prints.
fn check_output(command: &mut Command, models: &[&Model]) {
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{command:?}: {}", output.status);
    let mut rest = output.stdout.as_slice();
    for (model, function) in models.iter().flat_map(|m| m.functions.iter().map(move |f| (m, f))) {
        for (position, (found, expected)) in
            results(function, &mut rest).iter().zip(&function.expected).enumerate()
        {
            if let Err(why) = close(found, expected, Tolerance::standard(expected, 0.0)) {
                panic!("{command:?}: {}.{} result {position}: {why}", model.stem, function.name);
            }
        }
    }
    assert!(rest.is_empty(), "{command:?} prints {} bytes too much", rest.len());
}

/// Takes what a caller prints for one call.
pub fn results(function: &Function, printed: &mut &[u8]) -> Vec<Tensor> {
    let take = |expected: &Tensor| {
        let (bytes, rest) = printed.split_at(expected.bytes().len());
        *printed = rest;
        Tensor::new(expected.aval().clone(), bytes.to_vec())
            .expect("the bytes were split at the right length")
    };
    function.expected.iter().map(take).collect()
}
