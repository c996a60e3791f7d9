//! `rjaxc check-grad` on programs with right and with wrong derivatives.

use crate::process::Folder;

/// A loss with several outputs, an integer that selects a row, and a constant of its own.
const LOSS: &str = "\
let loss = { lambda ; w:f32[3,2] row:i32[] x:f32[2]. let
    p:f32[3] = dot_general[dimension_numbers=(([1], [0]), ([], [])) preferred_element_type=float32] w x
    h:f32[3] = tanh p
    r:f32[1,2] = dynamic_slice[slice_sizes=(1, 2)] w row 0:i32[]
    s:f32[] = reduce_sum[axes=(0,)] h
    n:i32[] = add row 1:i32[]
  in (s, n, r) }
";

/// A custom function whose rule is given by a line: the factor stands for `FACTOR`.
const CUSTOM: &str = "\
let main = { lambda ; x:f32[3]. let
    y:f32[3] = custom_jvp_call[
      name=cube
      call_jaxpr={ lambda ; a:f32[3]. let b:f32[3] = integer_pow[y=3] a in (b,) }
      jvp=jvp
      symbolic_zeros=False
    ] x
    z:f32[] = reduce_sum[axes=(0,)] y
  in (z,) }
let rule = { lambda ; x:f32[3] t:f32[3]. let
    y:f32[3] = integer_pow[y=3] x
    s:f32[3] = integer_pow[y=2] x
    d:f32[3] = mul s FACTOR:f32[]
    e:f32[3] = mul d t
  in (y, e) }
custom_jvp cube = rule
export main
";

#[test]
fn right_derivatives_pass() {
    let folder = Folder::new("check_grad_pass");
    folder.write("loss.ir", LOSS);
    let outcome = folder.rjaxc(&["check-grad", "loss.ir"]);
    let lines: Vec<&str> = outcome.succeeds().lines().collect();
    assert!(
        lines[0].starts_with("derivatives of loss at random inputs around 0, in double precision"),
        "{lines:?}"
    );
    let row = |line: usize| lines[line].split_whitespace().collect::<Vec<_>>();
    assert_eq!(row(1), ["input", "type", "dot", "product", "difference", "verdict"]);
    assert_eq!((row(2)[..2].to_vec(), row(2)[4]), (vec!["w", "f32[3,2]"], "pass"));
    assert_eq!(row(3), ["row", "i32[]", "-", "-", "held", "fixed"]);
    assert_eq!((row(4)[..2].to_vec(), row(4)[4]), (vec!["x", "f32[2]"], "pass"));
    // The columns are aligned.
    let verdicts =
        ["verdict", "pass", "held", "pass"].iter().zip(&lines[1..]).map(|(word, line)| line.find(word));
    assert_eq!(verdicts.collect::<std::collections::HashSet<_>>().len(), 1, "{lines:?}");
    // Double precision: far better than f32 could be.
    assert!(row(2)[2].parse::<f64>().expect("a number") < 1e-14, "{lines:?}");
    folder
        .rjaxc(&["check-grad", "loss.ir", "--seed=3", "[[1, 2], [3, 4], [5, 6]]", "2", "[0.5, -0.5]"])
        .succeeds();
}

#[test]
fn transformed_functions_are_tested_alike() {
    let folder = Folder::new("check_grad_export");
    folder.write("loss.ir", LOSS);
    folder.write("custom.ir", CUSTOM.replace("FACTOR", "3.0"));
    let batched = "g = vmap(loss, in_axes=(None, 0, 0), axis_size=4)";
    folder.rjaxc(&["check-grad", "loss.ir", "--export", batched]).succeeds();
    let gradient = folder.rjaxc(&["check-grad", "custom.ir", "--export=g = grad(main)"]);
    assert!(gradient.succeeds().starts_with("derivatives of g at"), "{gradient:?}");
}

#[test]
fn a_wrong_rule_fails() {
    let folder = Folder::new("check_grad_fail");
    folder.write("right.ir", CUSTOM.replace("FACTOR", "3.0"));
    folder.rjaxc(&["check-grad", "right.ir"]).succeeds();
    folder.write("wrong.ir", CUSTOM.replace("FACTOR", "3.01"));
    let outcome = folder.rjaxc(&["check-grad", "wrong.ir"]);
    outcome.fails(1, "the derivative of main by x is wrong");
    assert!(outcome.stdout.contains("FAIL: d z is "), "{outcome:?}");
    folder.rjaxc(&["check-grad", "wrong.ir", "--tol=0.1"]).succeeds();
    folder.rjaxc(&["check-grad", "wrong.ir", "--error-format=json"]).fails(1, "\"fault\":\"error\"");
}

#[test]
fn points_that_do_not_tell_are_no_success() {
    let folder = Folder::new("check_grad_unclear");
    folder.write("abs.ir", "{ lambda ; x:f32[2]. let y:f32[2] = abs x in (y,) }");
    folder.rjaxc(&["check-grad", "abs.ir", "[1.0, -2.0]"]).succeeds();
    let kink = folder.rjaxc(&["check-grad", "abs.ir", "[1.0, 0.0]"]);
    kink.fails(1, "was not tested");
    assert!(kink.stdout.contains("inconclusive: y has a kink here"), "{kink:?}");
    folder.write("log.ir", "{ lambda ; x:f32[2]. let y:f32[2] = log x in (y,) }");
    // Random inputs move to where the function is finite.
    let finite = folder.rjaxc(&["check-grad", "log.ir"]);
    assert!(finite.succeeds().contains("at random inputs from 0.1 to 0.9"), "{finite:?}");
    let negative = folder.rjaxc(&["check-grad", "log.ir", "[1.0, -1.0]"]);
    negative.fails(1, "--args IN.npz");
    assert!(negative.stdout.contains("inconclusive: y is not finite here"), "{negative:?}");
}

#[test]
fn what_depends_on_bits_is_tested_in_single_precision() {
    let folder = Folder::new("check_grad_bits");
    folder.write(
        "unused.ir",
        "{ lambda ; x:f32[3]. let
            b:i32[3] = bitcast_convert_type[new_dtype=int32] x
            y:f32[3] = sin x
          in (y, b) }",
    );
    folder.rjaxc(&["check-grad", "unused.ir"]).succeeds();
    folder.write(
        "used.ir",
        "{ lambda ; x:f32[3]. let
            y:f32[3] = sin x
            b:i32[3] = bitcast_convert_type[new_dtype=int32] y
            f:f32[3] = bitcast_convert_type[new_dtype=float32] b
            s:f32[3] = mul f y
          in (s,) }",
    );
    // Derivatives do not see through bits.
    let outcome = folder.rjaxc(&["check-grad", "used.ir"]);
    outcome.fails(1, "is wrong");
    assert!(outcome.stdout.contains("in part in single precision (bitcast_convert_type"), "{outcome:?}");
}

#[test]
fn requests_that_make_no_sense() {
    let folder = Folder::new("check_grad_usage");
    folder.write("loss.ir", LOSS);
    folder.write(
        "two.ir",
        "let f = { lambda ; x:f32[]. let in (x,) }\nlet g = { lambda ; x:f32[]. let in (x,) }\n",
    );
    folder.write("whole.ir", "{ lambda ; n:i32[]. let in (n,) }");
    folder.write(
        "loop.ir",
        "{ lambda ; n:i32[] x:f32[3]. let
            _:i32[] y:f32[3] = while[
              cond_jaxpr={ lambda ; n:i32[] i:i32[] s:f32[3]. let r:bool[] = lt i n in (r,) }
              cond_nconsts=1
              body_jaxpr={ lambda ; i:i32[] s:f32[3]. let
                  j:i32[] = add i 1:i32[]
                  t:f32[3] = rev[dimensions=(0,)] s
                  u:f32[3] = mul s t
                in (j, u) }
              body_nconsts=0
            ] n 0:i32[] x
          in (y,) }",
    );
    folder.rjaxc(&["check-grad", "two.ir"]).fails(2, "f, g");
    folder.rjaxc(&["check-grad", "loss.ir", "--tol=-1"]).fails(2, "expected a positive number");
    folder.rjaxc(&["check-grad", "loss.ir", "--seed=x"]).fails(2, "--seed");
    folder.rjaxc(&["check-grad", "loss.ir", "1.0"]).fails(1, "takes 3 inputs, found 1");
    folder.rjaxc(&["check-grad", "missing.ir"]).fails(2, "missing.ir");
    folder.rjaxc(&["check-grad", "whole.ir"]).fails(1, "nothing to differentiate");
    folder.rjaxc(&["check-grad", "loop.ir"]).fails(3, "while has no transpose");
    let help = folder.rjaxc(&["check-grad", "--help"]);
    assert!(help.succeeds().contains("--tol <TOLERANCE>"), "{help:?}");
}
