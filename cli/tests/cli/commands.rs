//! The commands, their exit codes and their files.

use crate::process::Folder;

/// One input, one constant of the text, two results.
const SCALE: &str = "{ lambda ; x:f32[3]. let y:f32[3] = neg x; z:f32[3] = sin y in (y, z) }\n";

const TWO: &str = "\
let half = { lambda ; x:f32[]. let y:f32[] = mul x 0.5:f32[] in (y,) }
let same = { lambda ; x:i32[2]. let in (x,) }
";

#[test]
fn compiles_to_an_object_and_what_stands_beside_it() {
    let folder = Folder::new("compiles");
    folder.write("scale.ir", SCALE);
    folder.rjaxc(&["scale.ir", "-o", "out.o"]).succeeds();
    assert_eq!(folder.files(), ["out.h", "out.json", "out.o", "out.rs", "scale.ir"]);
    let header = std::fs::read_to_string(folder.path("out.h")).expect("the header");
    assert!(header.contains("int32_t scale_main("), "{header}");
    let object = std::fs::read(folder.path("out.o")).expect("the object");
    folder.rjaxc(&["scale.ir", "-o", "again.o", "-O3"]).succeeds();
    assert_eq!(object, std::fs::read(folder.path("again.o")).expect("the object"), "same text, same bytes");
}

#[test]
fn archives_and_other_platforms() {
    let folder = Folder::new("archives");
    folder.write("scale.ir", SCALE);
    folder.rjaxc(&["scale.ir", "-o", "scale.a", "--prefix=m"]).succeeds();
    assert!(std::fs::read(folder.path("scale.a")).expect("the archive").starts_with(b"!<arch>\n"));
    folder.rjaxc(&["scale.ir", "-o", "arm.o", "--target=aarch64-apple-darwin", "--emit=obj"]).succeeds();
    assert_eq!(std::fs::read(folder.path("arm.o")).expect("the object")[..4], 0xfeedfacfu32.to_le_bytes());
    folder.rjaxc(&["scale.ir", "-o", "x.o", "--target=pdp11"]).fails(2, "x86_64");
    folder.rjaxc(&["scale.ir", "-o", "x.o", "--target-cpu=z80"]).fails(2, "x86-64-v3");
    assert!(!folder.path("x.o").exists());
    folder.rjaxc(&["scale.ir", "--emit=runtime", "-o", "rt.a"]).succeeds();
    assert!(std::fs::read(folder.path("rt.a")).expect("the archive").starts_with(b"!<arch>\n"));
}

#[test]
fn texts_go_to_standard_output() {
    let folder = Folder::new("texts");
    folder.write("scale.ir", SCALE);
    for (kind, part) in
        [("ir", "sin"), ("clif", "function"), ("header", "#ifndef"), ("rust", "pub fn"), ("json", "{")]
    {
        let outcome = folder.rjaxc(&["scale.ir", &format!("--emit={kind}")]);
        assert!(outcome.succeeds().contains(part), "{kind}: {outcome:?}");
        let dash = folder.rjaxc(&["scale.ir", &format!("--emit={kind}"), "-o", "-"]);
        assert_eq!(outcome.stdout, dash.stdout);
    }
    assert!(!folder.rjaxc(&["scale.ir", "--emit=loops"]).succeeds().is_empty());
    assert_eq!(folder.files(), ["scale.ir"]);
    folder.rjaxc(&["scale.ir", "--emit=ir,header", "-o", "m.o"]).succeeds();
    assert_eq!(folder.files(), ["m.h", "m.optimized.ir", "scale.ir"]);
    folder.rjaxc(&["scale.ir", "--emit=ir,header", "-o", "-"]).fails(2, "standard output takes one text");
    folder.rjaxc(&["m.optimized.ir", "--emit=header"]).succeeds();
}

#[test]
fn kinds_that_do_not_exist_are_not_listed() {
    let folder = Folder::new("kinds");
    folder.write("scale.ir", SCALE);
    for kind in ["asm", "mlir", "ptx", "spirv", "nonsense"] {
        let outcome = folder.rjaxc(&["scale.ir", &format!("--emit={kind}"), "-o", "x"]);
        outcome.fails(
            2,
            "possible values: obj, clif, ir, loops, tree, c, header, rust, json, runtime, stablehlo",
        );
    }
    folder.write("model.mlir", "module {}");
    folder.rjaxc(&["model.mlir", "-o", "x.o"]).fails(1, "the file defines no function");
    assert_eq!(folder.files(), ["model.mlir", "scale.ir"]);
}

#[test]
fn prints_are_left_out_with_a_warning() {
    let folder = Folder::new("prints");
    let print = "debug_print[fmt=x = {} has_placeholders=True ordered=False] x";
    folder.write(
        "print.ir",
        format!("{{ lambda ; x:f32[2]. let\n    {print}\n    y:f32[2] = neg x\n  in (y,) }}"),
    );
    let outcome = folder.rjaxc(&["run", "print.ir", "[1, 2]"]);
    assert_eq!(outcome.succeeds(), "y: f32[2] = [-1.0, -2.0]\n");
    assert!(outcome.stderr.contains("warning: debug_print is left out"), "{outcome:?}");
    assert!(outcome.stderr.contains("print.ir:2:5"), "{outcome:?}");
    let outcome = folder.rjaxc(&["print.ir", "-o", "print.o", "--error-format=json"]);
    outcome.succeeds();
    assert!(outcome.stderr.contains("\"fault\":\"warning\""), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

// LAPACK takes matrices by columns.
const LU_BY_ROWS: &str = "func.func public @main(%a: tensor<2x2xf32>) -> tensor<2x2xf32> {
    %0:3 = stablehlo.custom_call @lapack_sgetrf_ffi(%a) {operand_layouts = [dense<[1, 0]> : tensor<2xindex>]} \
        : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2xi32>, tensor<i32>)
    return %0#0 : tensor<2x2xf32>
}";

#[test]
fn matrices_by_rows_are_not_given_to_lapack() {
    let folder = Folder::new("rows");
    folder.write("rows.mlir", LU_BY_ROWS);
    let outcome = folder.rjaxc(&["rows.mlir", "-o", "x.o"]);
    outcome.fails(3, "rows.mlir:2:12");
    assert!(outcome.stderr.contains("expected a matrix by columns, found the axes [1, 0]"), "{outcome:?}");
}

#[test]
fn exit_codes_and_messages() {
    let folder = Folder::new("exit_codes");
    folder.write("scale.ir", SCALE);
    folder.write("broken.ir", "{ lambda ; x:f32[3]. let\n    y:f32[3] = sin w\n  in (y,) }");
    folder.write("unknown.ir", "{ lambda ; x:f32[3]. let\n    y:f32[3] = sine x\n  in (y,) }");
    folder.write("binary.ir", [0xff, 0xfe]);
    folder.rjaxc(&["check", "broken.ir"]).fails(1, "broken.ir:2:");
    folder.rjaxc(&["check", "binary.ir"]).fails(1, "neither a text file (UTF-8) nor MLIR bytecode");
    folder.rjaxc(&["check", "unknown.ir"]).fails(3, "sine");
    folder.rjaxc(&["check", "missing.ir"]).fails(2, "missing.ir");
    folder.rjaxc(&[]).fails(2, "Usage");
    folder.rjaxc(&["scale.ir", "--no-such-flag"]).fails(2, "--no-such-flag");
    folder.rjaxc(&["check", "scale.ir", "--print-ir-after=nonsense"]).fails(2, "replace calls by bodies");
    let outcome = folder.rjaxc(&["check", "broken.ir", "--error-format=json"]);
    outcome.fails(1, "\"fault\":\"error\"");
    assert!(outcome.stderr.contains("\"line\":2"), "{outcome:?}");
    folder.rjaxc(&["check", "missing.ir", "--error-format=json"]).fails(2, "\"fault\":\"usage\"");
    assert!(folder.rjaxc(&["--version"]).succeeds().starts_with("rjaxc 0"));
    let help = folder.rjaxc(&["--help"]);
    assert!(help.succeeds().starts_with("Compiles functional array programs"), "{help:?}");
    assert!(help.stdout.contains("Exit codes"));
}

#[test]
fn nothing_is_written_on_an_error() {
    let folder = Folder::new("atomic");
    folder.write("scale.ir", SCALE);
    folder.write("broken.ir", "{ lambda ; x:f32[3]. let in (w,) }");
    folder.write("out.o", "old");
    folder.rjaxc(&["broken.ir", "-o", "out.o"]).fails(1, "w");
    assert_eq!(std::fs::read(folder.path("out.o")).expect("still there"), b"old");
    folder.rjaxc(&["scale.ir", "-o", "missing/out.o"]).fails(2, "missing/out.o");
    folder.rjaxc(&["scale.ir", "-o", "scale.ir"]).fails(2, "is the program itself");
    // One of several outputs cannot be written: the others do not appear either.
    std::fs::create_dir(folder.path("model.json")).expect("a folder in the way");
    folder.rjaxc(&["scale.ir", "-o", "model.o"]).fails(2, "model.json");
    assert_eq!(folder.files(), ["broken.ir", "model.json", "out.o", "scale.ir"]);
    assert_eq!(std::fs::read_to_string(folder.path("scale.ir")).expect("still there"), SCALE);
}

#[test]
fn runs_with_literals() {
    let folder = Folder::new("literals");
    folder.write("two.ir", TWO);
    let half = folder.rjaxc(&["run", "two.ir", "--export", "half", "-3.0"]);
    assert_eq!(half.succeeds(), "y: f32[] = -1.5\n");
    let same = folder.rjaxc(&["run", "two.ir", "--export=g = same", "[1, -2]"]);
    assert_eq!(same.succeeds().split_once(" = ").map(|(_, value)| value), Some("[1, -2]\n"));
    let infinite = folder.rjaxc(&["run", "two.ir", "--export", "half", "--", "-inf"]);
    assert_eq!(infinite.succeeds(), "y: f32[] = -inf\n");
    folder.rjaxc(&["run", "two.ir", "1.0"]).fails(2, "half, same");
    folder.rjaxc(&["run", "two.ir", "--export=half"]).fails(1, "half takes 1 inputs, found 0");
    folder.rjaxc(&["run", "two.ir", "--export=half", "x"]).fails(1, "expected a number, found `x`");
    folder.rjaxc(&["run", "two.ir", "--export=same", "[1]"]).fails(1, "expected i32[2], found i32[1]");
    folder.rjaxc(&["run", "two.ir", "--export=thrice", "1"]).fails(1, "there is no function thrice");
    folder.rjaxc(&["run", "two.ir", "--export=g = (", "1"]).fails(1, "--export:1:");
    folder.rjaxc(&["run", "two.ir", "--export=g = nonsense(half)", "1"]).fails(1, "nonsense");
}

#[test]
fn results_travel_through_npz_files() {
    let folder = Folder::new("npz");
    folder.write("two.ir", TWO);
    folder.write("again.ir", "{ lambda ; out0:f32[]. let y:f32[] = neg out0 in (y,) }");
    folder.rjaxc(&["run", "two.ir", "--export=half", "3", "--out", "out.npz"]).succeeds();
    let by_name = folder.rjaxc(&["run", "again.ir", "--args", "out.npz"]);
    assert_eq!(by_name.succeeds(), "y: f32[] = -1.5\n");
    let error = folder.rjaxc(&["run", "two.ir", "--export=half", "--args", "out.npz"]);
    error.fails(1, "out.npz: array x is missing; arrays in the file: out0");
    assert!(error.stderr.contains("array out0 belongs to no input"), "{error:?}");
    folder.write("wrong.ir", "{ lambda ; out0:f32[2]. let in (out0,) }");
    folder
        .rjaxc(&["run", "wrong.ir", "--args", "out.npz"])
        .fails(1, "out.npz: array out0: expected f32[2], found f32[]");
    folder.write("not.npz", "hello");
    folder.rjaxc(&["run", "again.ir", "--args", "not.npz"]).fails(1, "not.npz: not an .npz file");
    folder.rjaxc(&["run", "again.ir", "--args", "no.npz"]).fails(1, "no.npz");
    folder.write("not.npy", "hello");
    folder.rjaxc(&["run", "again.ir", "not.npy"]).fails(1, "not.npy: not a .npy file");
}

#[test]
fn constants_come_from_lines_and_files() {
    let folder = Folder::new("constants");
    folder.write("one.ir", "{ lambda ; x:f32[2]. let in (x,) }");
    folder.rjaxc(&["run", "one.ir", "[1, 2]", "--out", "w.npz"]).succeeds();
    let body = "let f = { lambda w:f32[2]; x:f32[2]. let y:f32[2] = mul w x in (y,) }\n";
    folder.write("file.ir", format!("const w = file(\"w.npz\", \"out0\")\n{body}"));
    assert_eq!(folder.rjaxc(&["run", "file.ir", "[3, 4]"]).succeeds(), "y: f32[2] = [3.0, 8.0]\n");
    folder.write("only.ir", format!("const w: f32[2] = file(\"w.npz\")\n{body}"));
    assert_eq!(folder.rjaxc(&["run", "only.ir", "[3, 4]"]).succeeds(), "y: f32[2] = [3.0, 8.0]\n");
    folder.write("none.ir", body);
    folder.rjaxc(&["run", "none.ir", "[3, 4]"]).fails(1, "constant w of f has no value");
    folder.write("key.ir", format!("const w = file(\"w.npz\", \"W\")\n{body}"));
    folder.rjaxc(&["check", "key.ir"]).fails(1, "array W is missing; arrays in the file: out0");
    folder.write("type.ir", format!("const w: f32[3] = file(\"w.npz\", \"out0\")\n{body}"));
    folder.rjaxc(&["check", "type.ir"]).fails(1, "expected f32[3], found f32[2]");
    folder.write("suffix.ir", format!("const w = file(\"w.txt\")\n{body}"));
    folder.rjaxc(&["check", "suffix.ir"]).fails(1, "suffix.ir:1:");
    // The name of the only result becomes a constant's name.
    folder.write("named.ir", "let g = { lambda out0:f32[2]; x:f32[2]. let y:f32[2] = add out0 x in (y,) }");
    let named = folder.rjaxc(&["run", "named.ir", "[3, 4]", "--consts", "w.npz"]);
    assert_eq!(named.succeeds(), "y: f32[2] = [4.0, 6.0]\n");
}

#[test]
fn safetensors_files_are_read() {
    let folder = Folder::new("safetensors");
    let header = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F8_E8M0","shape":[1],"data_offsets":[8,9]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend([1f32.to_le_bytes(), 2f32.to_le_bytes()].concat());
    bytes.push(0);
    folder.write("w.safetensors", bytes);
    let program = |line: &str| {
        format!("const w = {line}\n{{ lambda w:f32[2]; x:f32[2]. let y:f32[2] = mul w x in (y,) }}\n")
    };
    folder.write("m.ir", program("file(\"w.safetensors\", \"w\")"));
    assert_eq!(folder.rjaxc(&["run", "m.ir", "[3, 4]"]).succeeds(), "y: f32[2] = [3.0, 8.0]\n");
    folder.write("none.ir", program("file(\"w.safetensors\")"));
    folder.rjaxc(&["check", "none.ir"]).fails(1, "holds 2 arrays: name one");
    folder.write("type.ir", program("file(\"w.safetensors\", \"b\")"));
    folder.rjaxc(&["check", "type.ir"]).fails(1, "element type F8_E8M0 is not supported");
    folder.write("w.safetensors", "nonsense");
    folder.rjaxc(&["check", "m.ir"]).fails(1, "not a safetensors file");
}

/// A `.safetensors` file of arrays with two elements, as bytes of the element type.
fn pairs(arrays: &[(&str, &str, Vec<u8>)]) -> Vec<u8> {
    let mut at = 0;
    let entry = |(name, dtype, bytes): &(&str, &str, Vec<u8>)| {
        let start = at;
        at += bytes.len();
        format!("\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":[2],\"data_offsets\":[{start},{at}]}}")
    };
    let header = format!("{{{}}}", arrays.iter().map(entry).collect::<Vec<_>>().join(","));
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    arrays.iter().for_each(|(_, _, elements)| bytes.extend(elements));
    bytes
}

fn f32s(x: f32, y: f32) -> Vec<u8> {
    [x.to_le_bytes(), y.to_le_bytes()].concat()
}

#[test]
fn constants_of_bodies_come_by_path() {
    let folder = Folder::new("bodies");
    // The bodies look alike; `g` is called from two places.
    folder.write(
        "m.ir",
        "let g = { lambda w:f32[2]; x:f32[2]. let y:f32[2] = mul w x in (y,) } in
         { lambda v:f32[2]; a:f32[2]. let
             b:f32[2] = jit[name=g jaxpr=g] a
             c:f32[2] = jit[name=f jaxpr={ lambda u:f32[2]; a:f32[2]. let
                 d:f32[2] = mul u a
                 c:f32[2] = jit[name=g jaxpr=g] d
               in (c,) }] b
             e:f32[2] = add c v
           in (e,) }",
    );
    let wrong = folder.rjaxc(&["check", "m.ir"]);
    wrong.fails(1, "constant v of main has no value");
    let v = ("arr_0", "F32", f32s(0.5, 0.25));
    folder.write("v.safetensors", pairs(std::slice::from_ref(&v)));
    let missing = folder.rjaxc(&["check", "m.ir", "--consts", "v.safetensors"]);
    missing.fails(1, "its body needs the values of 1 constants, which the text lacks");
    missing.fails(1, "`jax.jit(f).lower(*args).as_text()`");
    missing.fails(1, "pass --consts with an array `body.const0`");
    let (w, u) = (("body.const0", "F32", f32s(2.0, 3.0)), ("body.const1", "F32", f32s(10.0, 100.0)));
    folder.write("all.safetensors", pairs(&[v.clone(), w.clone(), u]));
    let run = folder.rjaxc(&["run", "m.ir", "[1, 2]", "--consts", "all.safetensors"]);
    assert_eq!(run.succeeds(), "e: f32[2] = [40.5, 1800.25]\n");
    let grad = ["run", "m.ir", "[1, 2]", "[1, 1]", "--consts", "all.safetensors", "--export=g = vjp(main)"];
    assert!(folder.rjaxc(&grad).succeeds().contains("[40.0, 900.0]"));
    folder.write("type.safetensors", pairs(&[v, w, ("body.const1", "I32", f32s(1.0, 1.0))]));
    let wrong = folder.rjaxc(&["check", "m.ir", "--consts", "type.safetensors"]);
    wrong.fails(1, "array body.const1: expected f32[2], found i32[2]");
}

#[test]
fn wide_integers_serve_as_narrow_constants() {
    let folder = Folder::new("narrowed");
    folder.write("m.ir", "{ lambda w:i32[2]; x:i32[2]. let y:i32[2] = mul w x in (y,) }");
    let i64s = |x: i64, y: i64| [x.to_le_bytes(), y.to_le_bytes()].concat();
    folder.write("w.safetensors", pairs(&[("const0", "I64", i64s(-3, 1 << 30))]));
    let run = folder.rjaxc(&["run", "m.ir", "[5, 1]", "--consts", "w.safetensors"]);
    assert_eq!(run.succeeds(), "y: i32[2] = [-15, 1073741824]\n");
    folder.write("w.safetensors", pairs(&[("const0", "I64", i64s(-3, 1 << 31))]));
    let run = folder.rjaxc(&["run", "m.ir", "[5, 1]", "--consts", "w.safetensors"]);
    run.fails(1, "expected i32[2], found i64[2] with 2147483648, which does not fit i32");
}

#[test]
fn checks_and_shows_stages() {
    let folder = Folder::new("check");
    folder.write("two.ir", TWO);
    let outcome = folder.rjaxc(&["check", "two.ir", "-v", "--print-ir-after=lower"]);
    assert_eq!(outcome.succeeds(), "half(x: f32[]) -> (y: f32[])\nsame(x: i32[2]) -> (x: i32[2])\n");
    assert!(outcome.stderr.contains("compile ") && outcome.stderr.contains(" ms"), "{outcome:?}");
    assert!(outcome.stderr.contains("# after lower"), "{outcome:?}");
    let bench = folder.rjaxc(&["bench", "two.ir", "--export=half", "1.0", "--time=1"]);
    assert!(bench.succeeds().starts_with("half: median "), "{bench:?}");
}

#[test]
fn formatting_is_idempotent_and_keeps_comments() {
    let folder = Folder::new("fmt");
    folder.write(
        "scale.ir",
        "# scale\n{ lambda ; x:f32[3]. let y:f32[3]   = neg x; z:f32[3] = sin y  # wave\n in (y, z) }",
    );
    let expected = "# scale\n{ lambda ; x:f32[3]. let\n    y:f32[3] = neg x\n    z:f32[3] = sin y  # wave\n  in (y, z) }\n";
    assert_eq!(folder.rjaxc(&["fmt", "scale.ir"]).succeeds(), expected);
    folder.rjaxc(&["fmt", "scale.ir", "--check"]).fails(1, "not canonical");
    folder.rjaxc(&["fmt", "scale.ir", "--write"]).succeeds();
    assert_eq!(std::fs::read_to_string(folder.path("scale.ir")).expect("the file"), expected);
    folder.rjaxc(&["fmt", "scale.ir", "--check"]).succeeds();
    folder.write("broken.ir", "{ lambda ; x:f32[3]. let");
    folder.rjaxc(&["fmt", "broken.ir", "--write"]).fails(1, "broken.ir:1:");
    assert_eq!(folder.files(), ["broken.ir", "scale.ir"]);
}

#[test]
fn samples_keep_their_meaning_when_formatted() {
    let folder = Folder::new("fmt_samples");
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    for entry in std::fs::read_dir(samples).expect("the samples") {
        let path = entry.expect("a sample").path();
        if path.extension().is_some_and(|extension| extension == "ir") {
            let file = path.to_str().expect("a UTF-8 path");
            let outcome = folder.rjaxc(&["fmt", file]);
            folder.write("formatted.ir", outcome.succeeds());
            folder.rjaxc(&["fmt", "formatted.ir", "--check"]).succeeds();
        }
    }
}

/// The stack is large where it costs nothing, and smaller where all of it is counted.
#[cfg(target_os = "linux")]
#[test]
fn limited_address_space_is_enough() {
    let folder = Folder::new("limited_memory");
    folder.write("sine.ir", "{ lambda ; x:f32[2]. let y:f32[2] = sin x in (y,) }");
    let script = format!("ulimit -v 400000; exec '{}' check sine.ir", env!("CARGO_BIN_EXE_rjaxc"));
    let mut shell = std::process::Command::new("sh");
    let output = shell.arg("-c").arg(script).current_dir(folder.path("")).output().expect("a shell");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(said, "main(x: f32[2]) -> (y: f32[2])\n", "{errors}");
}

/// Rounding whose derivative is said to be one, by a rule that the text does not hold.
const STRAIGHT_THROUGH: &str = "{ lambda ; x:f32[3]. let
    a:f32[3] = custom_jvp_call[name=ste call_jaxpr={ lambda ; b:f32[3]. let c:f32[3] = round[rounding_method=1] b in (c,) } \
    jvp_jaxpr_fun=f num_consts=0 symbolic_zeros=False] x
    d:f32[3] = mul a a
    e:f32[] = reduce_sum[axes=(0,)] d
  in (e,) }
";

#[test]
fn lost_rules_are_said_and_can_be_denied() {
    let folder = Folder::new("lost_rules");
    folder.write("ste.ir", STRAIGHT_THROUGH);
    let gradient = ["--export", "g = grad(main)"];
    let run = folder.rjaxc(&[&["run", "ste.ir", "[0.1, 2.2, 2.4]"], &gradient[..]].concat());
    assert_eq!(
        run.stderr.matches("the custom_jvp rule of ste is not in the text").count(),
        1,
        "{}",
        run.stderr
    );
    assert!(run.succeeds().contains("[0.0, 0.0, 0.0]"));
    let denied = folder.rjaxc(&[&["check", "ste.ir", "--deny", "lost-rules"], &gradient[..]].concat());
    denied.fails(1, "the custom_jvp rule of ste is not in the text");
    // Nothing is lost where nothing is differentiated.
    folder.rjaxc(&["check", "ste.ir", "--deny", "lost-rules"]).succeeds();
    assert!(folder.rjaxc(&["check-grad", "ste.ir"]).succeeds().contains("not tested"));
}

#[test]
fn rules_that_no_differentiated_argument_reaches_are_not_lost() {
    let folder = Folder::new("unreached_rules");
    let text = STRAIGHT_THROUGH.replace("lambda ; x:f32[3].", "lambda ; y:f32[] x:f32[3].");
    folder.write("ste.ir", text.replace("(e,)", "(g,)").replace("  in (g", "    g:f32[] = mul e y\n  in (g"));
    for (export, is_lost) in
        [("jacfwd(main)", false), ("hessian(main)", false), ("jacfwd(main, 1)", true), ("jvp(main)", true)]
    {
        let export = format!("g = {export}");
        let check = folder.rjaxc(&["check", "ste.ir", "--export", &export]);
        assert_eq!(
            check.stderr.contains("the custom_jvp rule of ste"),
            is_lost,
            "{export}: {}",
            check.stderr
        );
        check.succeeds();
    }
}

/// A function with a batching rule and one with a transpose, of which the text has neither.
const WITHOUT_RULES: &str = "{ lambda ; a:f32[3]. let
    b:f32[3] = custom_vmap_call[call={ lambda ; c:f32[3]. let d:f32[3] = sin c in (d,) } rule=<function rule at 0x7f>] a
    e:f32[3] = linear_call[callee={ lambda ; c:f32[3]. let d:f32[3] = mul c 2.0:f32[] in (d,) }] b
    f:f32[] = reduce_sum[axes=(0,) out_sharding=None] e
  in (f,) }
";

#[test]
fn lost_transposes_and_batching_rules_are_said() {
    let folder = Folder::new("lost_transposes");
    folder.write("f.ir", WITHOUT_RULES);
    let (transpose, batching) = ("the transpose of linear_call", "the batching rule of custom_vmap_call");
    for (export, says_transpose, says_batching) in [
        ("g = grad(main)", true, false),
        ("g = jvp(main)", false, false),
        ("g = vmap(main, axis_size=2)", false, true),
        ("g = linearize(main)", false, false),
        ("g = hessian(main)", true, true),
    ] {
        let check = folder.rjaxc(&["check", "f.ir", "--export", export]);
        assert_eq!(check.stderr.contains(transpose), says_transpose, "{export}: {}", check.stderr);
        assert_eq!(check.stderr.contains(batching), says_batching, "{export}: {}", check.stderr);
        check.succeeds();
    }
}
