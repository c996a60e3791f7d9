//! Names: hostile ones do no harm, known ones are kept, mistyped ones are understood.

use crate::process::Folder;
use std::process::Command;

const LOSS: &str = "{ lambda ; kernel:f32[4] x:f32[4] n:i32[]. let
    p:f32[4] = mul kernel x
    loss:f32[] = reduce_sum[axes=(0,) out_sharding=None] p
  in (loss,) }
";

const NAMED: &str = "#loc1 = loc(\"params['w']['kernel']\")
func.func public @main(%arg0: tensor<4xf32> loc(#loc1), %arg1: tensor<f32> {jax.arg_info = \"lr\"}, %arg2: tensor<f32>) \
 -> (tensor<4xf32> {jax.result_info = \"result['new']\"}, tensor<f32> {jax.result_info = \"[1]\"}) {
  %0 = stablehlo.add %arg0, %arg0 : tensor<4xf32>
  return %0, %arg1 : tensor<4xf32>, tensor<f32>
}
";

/// The generated header as C and C++, the generated module as Rust, without a warning.
fn compiles(folder: &Folder, stem: &str) {
    let flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"];
    folder.write("use.c", format!("#include \"{stem}.h\"\nint unused;\n"));
    for (compiler, language, standard) in [("cc", "c", "-std=c99"), ("c++", "c++", "-std=c++17")] {
        let mut command = Command::new(compiler);
        command.current_dir(folder.path("")).args(["-x", language, standard]).args(flags).arg("use.c");
        let output = command.output().expect("the compiler runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut rustc = Command::new("rustc");
    rustc.current_dir(folder.path("")).args(["--edition=2021", "-Dwarnings", "--crate-type=lib"]);
    rustc.args(["--emit=metadata", "--out-dir", ".", "--crate-name=used"]).arg(format!("{stem}.rs"));
    let output = rustc.output().expect("rustc runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn hostile_names_put_no_code_into_files() {
    let folder = Folder::new("names_hostile");
    let symbol = "a*/ #error x\\0Aint y; \\E2\\80\\AE";
    let text = LOSS_MLIR.replace("@main", &format!("@\"{symbol}\""));
    let stem = "b*\n#error z; \u{202e}";
    folder.write(&format!("{stem}.mlir"), text);
    folder.rjaxc(&[&format!("{stem}.mlir"), "-o", "out.o"]).succeeds();
    for file in ["out.h", "out.rs"] {
        let text = std::fs::read_to_string(folder.path(file)).expect("written");
        // Headers have a `#error` of their own.
        assert!(!text.lines().any(|line| line.trim_start().starts_with("#error x")), "{file}: {text}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("#error z")), "{file}: {text}");
        assert!(!text.contains('\u{202e}'), "{file}: {text}");
    }
    compiles(&folder, "out");
    for prefix in ["a*/", "a b", "1a", "a\nb", "\u{202e}", "a\"b"] {
        folder.rjaxc(&[&format!("{stem}.mlir"), "-o", "x.o", "--prefix", prefix]).fails(2, "--prefix");
    }
}

const LOSS_MLIR: &str = "func.func public @main(%arg0: tensor<2xf32>) -> tensor<2xf32> {
  %0 = stablehlo.negate %arg0 : tensor<2xf32>
  return %0 : tensor<2xf32>
}
";

#[test]
fn exports_may_be_keywords() {
    let folder = Folder::new("names_keywords");
    folder.write("m.ir", LOSS);
    let words = ["int", "fn", "class", "self", "match", "static", "typename", "crate", "int32_t", "gen"];
    let exports = words.map(|word| format!("--export={word} = main"));
    for prefix in ["--prefix=m", "--prefix="] {
        let mut args = vec!["m.ir", "-o", "m.o", prefix];
        args.extend(exports.iter().map(String::as_str));
        folder.rjaxc(&args).succeeds();
        compiles(&folder, "m");
    }
}

#[test]
fn names_of_the_text_reach_every_file() {
    let folder = Folder::new("names_known");
    folder.write("named.mlir", NAMED);
    folder.rjaxc(&["named.mlir", "-o", "named.o"]).succeeds();
    let read = |name: &str| std::fs::read_to_string(folder.path(name)).expect("written");
    let (header, module, manifest) = (read("named.h"), read("named.rs"), read("named.json"));
    for name in ["params_w_kernel", "lr", "arg2", "result_new", "result_1"] {
        assert!(header.contains(&format!(" {name},")), "{name} in {header}");
        assert!(module.contains(&format!("    {name}: &")), "{name} in {module}");
        assert!(manifest.contains(&format!("\"identifier\": \"{name}\"")), "{name} in {manifest}");
    }
    assert!(header.contains("RJAX_ARRAY(const float, params_w_kernel, 4)"), "{header}");
    assert!(manifest.contains("\"name\": \"params['w']['kernel']\""), "{manifest}");
    compiles(&folder, "named");
    let error = folder.rjaxc(&["run", "named.mlir", "[1]", "1", "1"]);
    error.fails(1, "params['w']['kernel']");
}

#[test]
fn derivatives_say_what_they_are() {
    let folder = Folder::new("names_derivatives");
    folder.write("loss.ir", LOSS);
    let shown = folder.rjaxc(&["check", "loss.ir", "--export=g = value_and_grad(main, argnums=(0, 1))"]);
    let expected = "g(kernel: f32[4], x: f32[4], n: i32[]) -> \
                    (loss: f32[], d_loss_d_kernel: f32[4], d_loss_d_x: f32[4])\n";
    assert_eq!(shown.succeeds(), expected);
}

#[test]
fn mistakes_are_understood() {
    let folder = Folder::new("names_mistakes");
    folder.write("loss.ir", LOSS);
    folder.rjaxc(&["rnu", "loss.ir"]).fails(2, "did you mean `run`?");
    folder.rjaxc(&["chekc", "loss.ir"]).fails(2, "did you mean `check`?");
    folder.rjaxc(&["frobnicate"]).fails(2, "commands are run, check");
    folder.rjaxc(&["loss.ir", "-Os", "--emit=header"]).succeeds();
    folder.rjaxc(&["loss.ir", "-Ofast", "--emit=header"]).fails(2, "expected 0, 1, 2, 3, s, z or g");
    folder.rjaxc(&["check", "loss.ir", "--export", "grad(main)"]).fails(1, "an export needs a name");
    let leaves = "0 is kernel: f32[4], 1 is x: f32[4], 2 is n: i32[]";
    folder.rjaxc(&["check", "loss.ir", "--export=g = grad(main, argnums=7)"]).fails(1, leaves);
    folder.rjaxc(&["check", "loss.ir", "--export=g = grad(main, argnums=2)"]).fails(1, leaves);
    folder.rjaxc(&["check", "loss.ir", "--consts=no.npz"]).fails(2, "no.npz");
    folder.rjaxc(&["loss.ir", "--rust-status=a b", "--emit=rust"]).fails(2, "--rust-status");
    folder.write(
        "loop.mlir",
        LOSS_MLIR.replace(
            "stablehlo.negate %arg0 : tensor<2xf32>",
            "call @main(%arg0) : (tensor<2xf32>) -> tensor<2xf32>",
        ),
    );
    folder.rjaxc(&["check", "loop.mlir"]).fails(1, "recursion");
}

#[test]
fn messages_stay_short() {
    let folder = Folder::new("names_short");
    let long = "x".repeat(100_000);
    folder.write("long.ir", format!("{{ lambda ; a:f32[2]. let b:f32[2] = {long} a in (b,) }}"));
    for format in ["--error-format=human", "--error-format=json"] {
        let outcome = folder.rjaxc(&["check", "long.ir", format]);
        outcome.fails(3, "unknown primitive");
        assert!(outcome.stderr.len() < 4096, "{} bytes", outcome.stderr.len());
    }
    let outcome = folder.rjaxc(&["check", &long]);
    assert!(outcome.code == Some(2) && outcome.stderr.len() < 4096, "{} bytes", outcome.stderr.len());
}

#[test]
fn modules_share_a_status_and_box_their_memory() {
    let folder = Folder::new("names_status");
    folder.write("a.ir", LOSS);
    folder.rjaxc(&["a.ir", "--emit=rust", "-o", "a.rs"]).succeeds();
    folder.rjaxc(&["a.ir", "--emit=rust", "-o", "b.rs", "--rust-status=crate::a::Status"]).succeeds();
    let main = "pub mod a;\npub mod b;\npub fn same(status: a::Status) -> b::Status { status }\n\
        pub fn boxed() { let mut memory = Box::new_uninit(); let _: &mut a::MainWork = a::MainWork::of(&mut memory); }\n";
    folder.write("lib.rs", main);
    let mut rustc = Command::new("rustc");
    rustc.current_dir(folder.path("")).args([
        "--edition=2024",
        "-Dwarnings",
        "--crate-type=lib",
        "--emit=metadata",
        "lib.rs",
    ]);
    let output = rustc.output().expect("rustc runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
