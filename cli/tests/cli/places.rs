//! Errors of StableHLO point at the very operation that is wrong, wherever it stands.

use crate::process::Folder;

/// A module whose `main` has these operations, and more functions behind it.
fn module(ops: &str, functions: &str) -> String {
    format!(
        "module @m {{
  func.func public @main(%arg0: tensor<2x3xf32>, %arg1: tensor<f32>) -> tensor<2x3xf32> {{
    %zero = stablehlo.constant dense<0.0> : tensor<f32>
    %i = stablehlo.constant dense<0> : tensor<i32>
    {ops}
    return %arg0 : tensor<2x3xf32>
  }}
{functions}}}
"
    )
}

fn reduce(body: &str) -> String {
    format!(
        "%0 = stablehlo.reduce(%arg0 init: %zero) across dimensions = [0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<3xf32>
     reducer(%a: tensor<f32>, %b: tensor<f32>)  {{
      {body}
      stablehlo.return %1 : tensor<f32>
    }}"
    )
}

fn repeat(condition: &str, body: &str) -> String {
    format!(
        "%0:2 = §stablehlo.while(%n = %i, %x = %arg0) : tensor<i32>, tensor<2x3xf32>
     cond {{
      %5 = stablehlo.constant dense<5> : tensor<i32>
      %1 = stablehlo.compare LT, %n, %5, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
      {condition}
    }} do {{
      {body}
    }}"
    )
}

fn case(branch: &str) -> String {
    format!(
        "%0 = §\"stablehlo.case\"(%i) ({{
      stablehlo.return %arg0 : tensor<2x3xf32>
    }}, {{
      {branch}
    }}) : (tensor<i32>) -> tensor<2x3xf32>"
    )
}

const CONDITION: &str = "stablehlo.return %1 : tensor<i1>";
const STEP: &str = "stablehlo.return %n, %x : tensor<i32>, tensor<2x3xf32>";

const CALLEES: &str = "  func.func private @g(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %0 = call @h(%arg0) : (tensor<2x3xf32>) -> tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  }
  func.func private @h(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %0 = §stablehlo.slice %arg0 [0:2, 0:9] : (tensor<2x3xf32>) -> tensor<2x9xf32>
    return %arg0 : tensor<2x3xf32>
  }
";

/// Texts with a `§` where the error is (the last one, if several), the exit code, and a part of the message.
fn wrong() -> Vec<(String, i32, &'static str)> {
    let plain = |ops: &str| module(ops, "");
    // The mark of the operation around is dropped where the error lies inside.
    let inside = |ops: String| {
        let count = ops.matches('§').count();
        module(&ops.replacen('§', "", count - 1), "")
    };
    let frob = "%3 = §stablehlo.frob %x : tensor<2x3xf32>";
    vec![
        (plain("%0 = §stablehlo.frob %arg0 : tensor<2x3xf32>"), 3, "stablehlo.frob"),
        (plain("%0 = §arith.addf %arg0, %arg0 : tensor<2x3xf32>"), 3, "unknown operation arith.addf"),
        (plain("%0 = stablehlo.sine §%x : tensor<2x3xf32>"), 1, "unknown value %x"),
        (plain("%0 = stablehlo.sine %arg0 : §tensor<3x3xf32>"), 1, "tensor<2x3xf32>"),
        (plain("%0 = §\"stablehlo.sine\"(%arg0) : (tensor<2x3xf32>) -> tensor<3xf32>"), 1, "makes f32[2,3]"),
        (plain("%0 = §stablehlo.iota dim = 5 : tensor<2x3xf32>"), 1, "expected axes below 2, found 5"),
        (plain("%0 = §\"stablehlo.iota\"() : () -> tensor<2x3xf32>"), 1, "iota_dimension"),
        (
            plain("%0 = §stablehlo.custom_call @mystery(%arg0) : (tensor<2x3xf32>) -> tensor<2x3xf32>"),
            3,
            "@mystery",
        ),
        (plain(&reduce("%1 = §stablehlo.frob %a : tensor<f32>")), 3, "stablehlo.frob"),
        // A reducer that is recognized by its form is read for its types all the same.
        (
            plain(&reduce("%1 = §\"stablehlo.add\"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<2xf32>"))
                .replace("stablehlo.return %1 : tensor<f32>", "stablehlo.return %1 : tensor<2xf32>"),
            1,
            "stablehlo.add makes f32[], but the text says f32[2]",
        ),
        (inside(repeat(CONDITION, &format!("{frob}\n      {STEP}"))), 3, "stablehlo.frob"),
        (inside(repeat("", STEP)), 1, "stablehlo.while: the region does not end with a return"),
        (inside(repeat("stablehlo.return %5 : tensor<i32>", STEP)), 1, "of type bool[], found (i32[])"),
        (inside(repeat(CONDITION, "stablehlo.return %n : tensor<i32>")), 1, "expected 2 outputs"),
        (
            inside(repeat(
                CONDITION,
                &format!("%3 = §func.call @no(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>\n{STEP}"),
            )),
            1,
            "there is no function @no",
        ),
        (inside(case("")), 1, "stablehlo.case: the region does not end with a return"),
        (inside(case("stablehlo.return %arg1 : tensor<f32>")), 1, "branch 1: expected outputs (f32[2,3])"),
        (
            plain(&case("%2 = ~stablehlo.frob %arg0 : tensor<2x3xf32>\n").replace('§', "").replace('~', "§")),
            3,
            "stablehlo.frob",
        ),
        (
            module("%0 = call @g(%arg0) : (tensor<2x3xf32>) -> tensor<2x3xf32>", CALLEES),
            1,
            "stablehlo.slice: axis 1",
        ),
        (
            plain("").replace("return %arg0 : tensor<2x3xf32>", "§return %arg1 : tensor<f32>"),
            1,
            "@main returns (tensor<f32>), but says (tensor<2x3xf32>)",
        ),
    ]
}

#[test]
fn errors_point_at_the_operation() {
    let folder = Folder::new("places");
    for (marked, code, message) in wrong() {
        let (before, _) = marked.split_once('§').expect("a mark");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().expect("a line").chars().count() + 1;
        let text = marked.replace('§', "");
        folder.write("w.mlir", &text);
        let outcome = folder.rjaxc(&["check", "w.mlir"]);
        assert!(
            outcome.stderr.contains(&format!("w.mlir:{line}:{column}\n")),
            "{marked}\n{}",
            outcome.stderr
        );
        outcome.fails(code, message);
    }
}
