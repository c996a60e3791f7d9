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
    let words = [
        "int",
        "fn",
        "class",
        "self",
        "match",
        "static",
        "typename",
        "crate",
        "int32_t",
        "gen",
        "RJAX_OK",
        "rjax_status_str",
    ];
    let exports = words.map(|word| format!("--export={word} = main"));
    for prefix in ["--prefix=m", "--prefix="] {
        let mut args = vec!["m.ir", "-o", "m.o", prefix];
        args.extend(exports.iter().map(String::as_str));
        folder.rjaxc(&args).succeeds();
        compiles(&folder, "m");
    }
    let mut args = vec!["m.ir", "--emit=ir", "-o", "again.ir"];
    args.extend(exports.iter().map(String::as_str));
    folder.rjaxc(&args).succeeds();
    let again = folder.rjaxc(&["check", "again.ir"]);
    assert_eq!(again.succeeds().lines().count(), words.len(), "{again:?}");
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
    let shown = |export: &str| {
        let outcome = folder.rjaxc(&["check", "loss.ir", &format!("--export=g = {export}")]);
        let text = outcome.succeeds();
        text.split(" -> ").nth(1).expect("results").trim_end().to_string()
    };
    assert_eq!(shown("vjp(main, argnums=0)"), "(loss: f32[], d_loss_d_kernel: f32[4])");
    assert_eq!(shown("jvp(main, argnums=0)"), "(loss: f32[], d_loss_d_kernel: f32[])");
    assert_eq!(shown("jvp(main, argnums=(0, 1))"), "(loss: f32[], d_loss: f32[])");
    assert_eq!(shown("hvp(main, argnums=0)"), "(d_d_loss_d_kernel_d_kernel: f32[4])");
    assert_eq!(shown("hvp(main, argnums=(0, 1))"), "(d_d_loss_d_kernel: f32[4], d_d_loss_d_x: f32[4])");
}

const SKIPPING: &str = "module @jit_f {
  func.func public @main(%arg0: tensor<2xf32> loc(\"args[0]['w']\"), %arg1: tensor<2xf32> loc(\"args[2]['*/\u{202e}']\")) \
 -> tensor<2xf32> {
    %0 = stablehlo.add %arg0, %arg1 : tensor<2xf32>
    return %0 : tensor<2xf32>
  }
}
";

#[test]
fn arguments_that_names_skip_are_told() {
    let folder = Folder::new("names_skipped");
    folder.write("f.mlir", SKIPPING);
    let outcome = folder.rjaxc(&["f.mlir", "-o", "f.o", "--export=g = vjp(main)", "--export=main"]);
    outcome.succeeds();
    assert!(outcome.stderr.contains("@main lacks args[1] of the Python function"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("f.mlir:2:3"), "{}", outcome.stderr);
    let read = |name: &str| std::fs::read_to_string(folder.path(name)).expect("written");
    for file in ["f.h", "f.rs"] {
        let text = read(file);
        let note = "because nothing reads them or they hold no arrays: args[1]. There may be more";
        assert_eq!(text.matches(note).count(), 2, "{text}");
    }
    let manifest = read("f.json").split_whitespace().collect::<Vec<_>>().join(" ");
    let left_out = r#""left_out": { "is_complete": false, "names": [ "args[1]" ] }"#;
    assert_eq!(manifest.matches(left_out).count(), 2, "{manifest}");
    compiles(&folder, "f");
}

/// JAX's text does not say what it lacks, which a header can say; nobody is warned of what may not be.
#[test]
fn a_text_of_jax_may_lack_arguments() {
    let folder = Folder::new("names_left_out");
    let complete = SKIPPING.replace("args[2]", "args[1]");
    folder.write("f.mlir", &complete);
    let outcome = folder.rjaxc(&["f.mlir", "--emit=header"]);
    assert!(outcome.succeeds().contains("its text does not say whether there were any"));
    assert_eq!(outcome.stderr, "");
    folder.write("f.mlir", complete.replace("@jit_f", "@f"));
    assert!(!folder.rjaxc(&["f.mlir", "--emit=header"]).succeeds().contains("its text does not say"));
}

#[test]
fn mistakes_are_understood() {
    let folder = Folder::new("names_mistakes");
    folder.write("loss.ir", LOSS);
    folder.rjaxc(&["rnu", "loss.ir"]).fails(2, "did you mean `run`?");
    folder.rjaxc(&["chekc", "loss.ir"]).fails(2, "did you mean `check`?");
    folder.rjaxc(&["frobnicate"]).fails(2, "commands are run, check");
    folder
        .rjaxc(&["loss.ir", "other.ir"])
        .fails(2, "unexpected argument 'other.ir': one program is compiled at a time");
    folder.rjaxc(&["loss.ir", "run"]).fails(2, "commands come first");
    folder.write("model.mlir", LOSS_MLIR);
    folder.rjaxc(&["fmt", "model.mlir"]).fails(3, "fmt lays out jaxpr text alone");
    folder.write("bad.npz", "no archive");
    folder.write("sum.ir", "{ lambda c:f32[3]; x:f32[3]. let y:f32[3] = add c x in (y,) }");
    folder.rjaxc(&["check", "sum.ir", "--consts=bad.npz"]).fails(1, "bad.npz: not an .npz file");
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
    let functions =
        (0..1000).map(|at| format!("let f{at} = {{ lambda ; a:f32[2]. let b:f32[3] = neg a in (b,) }}\n"));
    folder.write("many.ir", functions.collect::<String>());
    for format in ["--error-format=human", "--error-format=json"] {
        let outcome = folder.rjaxc(&["check", "many.ir", format]);
        outcome.fails(1, "more errors are not shown");
        outcome.fails(1, "neg makes f32[2], but the binder says f32[3]");
        assert!(outcome.stderr.len() < 4096, "{} bytes", outcome.stderr.len());
    }
    let outcome = folder.rjaxc(&["check", &long]);
    assert!(outcome.code == Some(2) && outcome.stderr.len() < 4096, "{} bytes", outcome.stderr.len());
    for flag in [format!("--{long}"), format!("--error-format={long}"), format!("--target={long}")] {
        let outcome = folder.rjaxc(&["check", "long.ir", &flag]);
        assert!(outcome.code == Some(2) && outcome.stderr.len() < 4096, "{} bytes", outcome.stderr.len());
    }
}

/// Escape sequences and characters that reorder text do not reach the terminal, from whatever name.
#[test]
fn messages_show_hostile_names() {
    let folder = Folder::new("names_terminal");
    let name = "a\u{1b}[31m\u{202e}\u{9b}b";
    folder.write("named.mlir", NAMED.replace("\"lr\"", &format!("\"{}\"", name.replace('\u{1b}', "\\1B"))));
    folder.write(&format!("{name}.ir"), "{ lambda ; x:f32[3]. let y:f32[3] = foo x in (y,) }");
    let good = folder.rjaxc(&["check", "named.mlir"]);
    assert!(good.succeeds().contains("\u{fffd}[31m"), "{good:?}");
    let file = format!("{name}.ir");
    let outcomes = [
        good,
        folder.rjaxc(&["run", "named.mlir", "[1, 2, 3, 4]", "1", "1"]),
        folder.rjaxc(&["run", "named.mlir", "[1, 2, 3, 4]", "[1]", "1"]),
        folder.rjaxc(&["check", &file]),
        folder.rjaxc(&["check", &file, "--error-format=json"]),
        folder.rjaxc(&["check", name]),
        folder.rjaxc(&["check", name, "--error-format=json"]),
        folder.rjaxc(&["check", "named.mlir", &format!("--{name}")]),
    ];
    for outcome in outcomes {
        for text in [&outcome.stdout, &outcome.stderr] {
            assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{outcome:?}");
        }
    }
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
