//! Derivatives of texts of StableHLO, which have the bodies of functions in the place of their names, where a body
//! differentiated as it stands has none. Values as those of `jax.grad`.

use rjaxc_compiler::diag::Sources;
use rjaxc_compiler::ir::Program;
use rjaxc_compiler::types::{Scalar, Tensor};
use rjaxc_compiler::{evaluate, exports, front};
use std::f64::consts::PI;

/// The functions of a text as these transformations of `main`.
fn transformed(name: &str, text: &str, expressions: &[&str]) -> Vec<Program> {
    let mut sources = Sources::new();
    let id = sources.add(name, text);
    let source = front::read(&sources, id).unwrap_or_else(|errors| panic!("{}\n{text}", errors[0].message));
    let export = |(position, expression): (usize, &&str)| {
        let id = sources.add("--export", format!("f{position} = {expression}"));
        front::read_export(&sources, id).expect("an expression")
    };
    let requested: Vec<_> = expressions.iter().enumerate().map(export).collect();
    let entries = exports::entries(&source, &requested).expect("every operation has a derivative");
    entries.into_iter().map(|entry| entry.program).collect()
}

/// The gradient of the sum of the results of a function of one array `tensor<Nx{dtype}>` to the like.
fn slopes(dtype: &str, body: &str, at: &[f64]) -> Vec<f64> {
    let ty = format!("tensor<{}x{dtype}>", at.len());
    let text = format!(
        "module @m {{\n  func.func public @main(%x: {ty}) -> tensor<{dtype}> {{\n{body}\n    %zero = stablehlo.constant dense<0.0> : tensor<{dtype}>\n    %sum = stablehlo.reduce(%y init: %zero) applies stablehlo.add across dimensions = [0] : ({ty}, tensor<{dtype}>) -> tensor<{dtype}>\n    return %sum : tensor<{dtype}>\n  }}\n}}\n"
    );
    let text = text.replace("T_", &ty).replace("E_", dtype).replace("N_", &at.len().to_string());
    let gradient = transformed("model.mlir", &text, &["grad(main)"]).remove(0);
    let x = Tensor::from_f64s(gradient.input_avals()[0].dtype, [at.len()], at);
    let found = evaluate(&gradient, &[x]).expect("it can be evaluated").remove(0);
    found.scalars().map(Scalar::float).collect()
}

fn check(dtype: &str, body: &str, cases: &[(f64, f64)]) {
    let at: Vec<f64> = cases.iter().map(|case| case.0).collect();
    let tolerance = if dtype == "f16" || dtype == "bf16" { 1e-2 } else { 1e-5 };
    for (found, (x, expected)) in slopes(dtype, body, &at).into_iter().zip(cases) {
        let is_same = found == *expected || (found - expected).abs() <= tolerance * (1.0 + expected.abs());
        assert!(is_same, "{dtype}: slope {found} at {x}, expected {expected}\n{body}");
    }
}

/// As JAX lowers `logistic`.
const SIGMOID: &str = "
    %0 = stablehlo.negate %x : T_
    %1 = stablehlo.exponential %0 : T_
    %one = stablehlo.constant dense<1.0> : tensor<E_>
    %2 = stablehlo.broadcast_in_dim %one, dims = [] : (tensor<E_>) -> T_
    %3 = stablehlo.add %2, %1 : T_
    %4 = stablehlo.broadcast_in_dim %one, dims = [] : (tensor<E_>) -> T_";

#[test]
fn sigmoids_are_flat_far_left() {
    let sigmoid = format!("{SIGMOID}\n    %y = stablehlo.divide %4, %3 : T_");
    let silu =
        format!("{SIGMOID}\n    %5 = stablehlo.divide %4, %3 : T_\n    %y = stablehlo.multiply %x, %5 : T_");
    // With arrays of ones, and the other way round.
    let splat = "
    %0 = stablehlo.negate %x : T_
    %1 = stablehlo.exponential %0 : T_
    %one = stablehlo.constant dense<1.0> : T_
    %3 = stablehlo.add %1, %one : T_
    %y = stablehlo.divide %one, %3 : T_";
    let inf = f64::INFINITY;
    for dtype in ["f16", "bf16", "f32", "f64"] {
        let cases = [(-inf, 0.0), (-1e4, 0.0), (-100.0, 0.0), (0.0, 0.25), (100.0, 0.0), (inf, 0.0)];
        check(dtype, &sigmoid, &cases);
        check(dtype, splat, &cases);
        check(dtype, &silu, &[(-1e4, 0.0), (-100.0, 0.0), (0.0, 0.5), (1e4, 1.0)]);
    }
}

#[test]
fn other_quotients_keep_their_derivative() {
    let two = SIGMOID.replace("dense<1.0>", "dense<2.0>") + "\n    %y = stablehlo.divide %4, %3 : T_";
    // 2 / (2 + e^-x)
    check("f64", &two, &[(0.0, 2.0 / 9.0), (1.0, 0.131_224_927)]);
    let square = "
    %0 = stablehlo.multiply %x, %x : T_
    %one = stablehlo.constant dense<1.0> : T_
    %y = stablehlo.divide %one, %0 : T_";
    let inf = f64::INFINITY;
    check("f32", square, &[(-inf, 0.0), (inf, 0.0), (0.0, -inf), (-0.0, inf), (2.0, -0.25)]);
}

#[test]
fn powers_with_integer_exponents_are_flat_at_zero() {
    let array = "
    %c = stablehlo.constant dense<[0, 1, 2, 0, 3]> : tensor<N_xi32>
    %0 = stablehlo.convert %c : (tensor<N_xi32>) -> T_
    %y = stablehlo.power %x, %0 : T_";
    check("f32", array, &[(0.0, 0.0), (0.0, 1.0), (0.0, 0.0), (2.0, 0.0), (2.0, 12.0)]);
    let scalar = "
    %c = stablehlo.constant dense<0> : tensor<i64>
    %0 = stablehlo.convert %c : (tensor<i64>) -> tensor<E_>
    %1 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<E_>) -> T_
    %y = stablehlo.power %x, %1 : T_";
    for dtype in ["f16", "bf16", "f32", "f64"] {
        check(dtype, scalar, &[(0.0, 0.0), (-0.0, 0.0), (2.0, 0.0)]);
    }
}

/// As JAX lowers `vmap` of a cond: the operand of each branch is a choice between it and itself without derivative.
#[test]
fn guards_of_branches_are_seen_in_their_texts() {
    let guarded = "
    %zero0 = stablehlo.constant dense<0.0> : T_
    %0 = stablehlo.compare GT, %x, %zero0, FLOAT : (T_, T_) -> tensor<N_xi1>
    %1 = stablehlo.convert %0 : (tensor<N_xi1>) -> tensor<N_xi32>
    %c = stablehlo.constant dense<0> : tensor<i32>
    %2 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i32>) -> tensor<N_xi32>
    %3 = stablehlo.compare EQ, %1, %2, SIGNED : (tensor<N_xi32>, tensor<N_xi32>) -> tensor<N_xi1>
    %4 = stablehlo.select %3, %x, %x : tensor<N_xi1>, T_
    %5 = stablehlo.add %4, %4 : T_
    %c_1 = stablehlo.constant dense<1> : tensor<i32>
    %6 = stablehlo.broadcast_in_dim %c_1, dims = [] : (tensor<i32>) -> tensor<N_xi32>
    %7 = stablehlo.compare EQ, %1, %6, SIGNED : (tensor<N_xi32>, tensor<N_xi32>) -> tensor<N_xi1>
    %8 = stablehlo.select %7, %x, %x : tensor<N_xi1>, T_
    %9 = stablehlo.sqrt %8 : T_
    %y = stablehlo.select %0, %9, %5 : tensor<N_xi1>, T_";
    check("f32", guarded, &[(-1.0, 2.0), (0.0, 2.0), (4.0, 0.25)]);
    // What is chosen by another mask is the operand itself.
    let plain = "
    %zero0 = stablehlo.constant dense<0.0> : T_
    %0 = stablehlo.compare GT, %x, %zero0, FLOAT : (T_, T_) -> tensor<N_xi1>
    %y = stablehlo.select %0, %x, %x : tensor<N_xi1>, T_";
    check("f32", plain, &[(-1.0, 1.0), (4.0, 1.0)]);
}

/// `xlogy` and `logaddexp` of a column and a row, which every operation of the text repeats for itself.
#[test]
fn rules_hold_for_operands_that_broadcast() {
    let xlogy = "
    %r = stablehlo.constant dense<[0.5, 4.0, 1.0]> : tensor<3xE_>
    %z = stablehlo.constant dense<0.0> : tensor<E_>
    %z0 = stablehlo.broadcast_in_dim %z, dims = [] : (tensor<E_>) -> T_
    %0 = stablehlo.compare NE, %x, %z0, FLOAT : (T_, T_) -> tensor<N_xi1>
    %1 = stablehlo.compare NE, %r, %r, FLOAT : (tensor<3xE_>, tensor<3xE_>) -> tensor<3xi1>
    %2 = stablehlo.broadcast_in_dim %0, dims = [0] : (tensor<N_xi1>) -> tensor<N_x3xi1>
    %3 = stablehlo.broadcast_in_dim %1, dims = [1] : (tensor<3xi1>) -> tensor<N_x3xi1>
    %4 = stablehlo.or %2, %3 : tensor<N_x3xi1>
    %5 = stablehlo.log %r : tensor<3xE_>
    %6 = stablehlo.broadcast_in_dim %x, dims = [0] : (T_) -> tensor<N_x3xE_>
    %7 = stablehlo.broadcast_in_dim %5, dims = [1] : (tensor<3xE_>) -> tensor<N_x3xE_>
    %8 = stablehlo.multiply %6, %7 : tensor<N_x3xE_>
    %9 = stablehlo.broadcast_in_dim %z, dims = [] : (tensor<E_>) -> tensor<N_x3xE_>
    %10 = stablehlo.select %4, %8, %9 : tensor<N_x3xi1>, tensor<N_x3xE_>
    %y = stablehlo.reduce(%10 init: %z) applies stablehlo.add across dimensions = [1] : (tensor<N_x3xE_>, tensor<E_>) -> T_";
    check("f64", xlogy, &[(0.0, 2f64.ln()), (2.0, 2f64.ln())]);
    let logaddexp = "
    %r = stablehlo.constant dense<[1.0, 0.0]> : tensor<2xE_>
    %z = stablehlo.constant dense<0.0> : tensor<E_>
    %0 = stablehlo.reshape %x : (T_) -> tensor<N_x1xE_>
    %1 = stablehlo.broadcast_in_dim %0, dims = [0, 1] : (tensor<N_x1xE_>) -> tensor<N_x2xE_>
    %2 = stablehlo.broadcast_in_dim %r, dims = [1] : (tensor<2xE_>) -> tensor<N_x2xE_>
    %3 = stablehlo.maximum %1, %2 : tensor<N_x2xE_>
    %4 = stablehlo.broadcast_in_dim %0, dims = [0, 1] : (tensor<N_x1xE_>) -> tensor<N_x2xE_>
    %5 = stablehlo.broadcast_in_dim %r, dims = [1] : (tensor<2xE_>) -> tensor<N_x2xE_>
    %6 = stablehlo.subtract %4, %5 : tensor<N_x2xE_>
    %7 = stablehlo.compare NE, %6, %6, FLOAT : (tensor<N_x2xE_>, tensor<N_x2xE_>) -> tensor<N_x2xi1>
    %8 = stablehlo.add %1, %5 : tensor<N_x2xE_>
    %9 = stablehlo.abs %6 : tensor<N_x2xE_>
    %10 = stablehlo.negate %9 : tensor<N_x2xE_>
    %11 = stablehlo.exponential %10 : tensor<N_x2xE_>
    %12 = stablehlo.log_plus_one %11 : tensor<N_x2xE_>
    %13 = stablehlo.add %3, %12 : tensor<N_x2xE_>
    %14 = stablehlo.select %7, %8, %13 : tensor<N_x2xi1>, tensor<N_x2xE_>
    %y = stablehlo.reduce(%14 init: %z) applies stablehlo.add across dimensions = [1] : (tensor<N_x2xE_>, tensor<E_>) -> T_";
    // Where both are equal, the slope is a half; the derivative of the body says one.
    check("f64", logaddexp, &[(1.0, 1.231_058_578_630_005), (0.0, 0.768_941_421_369_995)]);
}

/// Texts of `tests/stablehlo/functions`, with what `jax.grad` gives once and twice.
#[test]
fn functions_of_jax_keep_their_derivatives() {
    type Points = &'static [(f64, f64, f64)];
    const ERFCX: Points = &[
        (-1.0, -11.1463, 32.3106),
        (0.0, -std::f64::consts::FRAC_2_SQRT_PI, 2.0),
        (1.0, -0.273212, 0.308743),
        (3.0, -0.0543723, 0.0317687),
    ];
    let functions: [(&str, Points); 9] = [
        ("erfcx", ERFCX),
        // As JAX 0.10 has it.
        ("erfcx_by_erfc", ERFCX),
        // JAX itself takes the sine in the second derivative for zero at odd numbers.
        ("fresnel_c", &[(-1.0, 0.0, PI), (0.0, 1.0, 0.0), (0.5, 0.92388, -0.601117), (2.0, 1.0, 0.0)]),
        ("fresnel_s", &[(-1.0, 1.0, 0.0), (0.0, 0.0, 0.0), (0.5, 0.382683, 1.45122), (2.0, 0.0, 2.0 * PI)]),
        ("i0", &[(-1.0, -0.565159, 0.700907), (0.0, 0.0, 0.5), (2.0, 1.59064, 1.48427)]),
        ("i1", &[(-1.0, 0.700907, -0.429411), (0.0, 0.5, 0.0), (2.0, 1.48427, 1.24616)]),
        ("lgamma", &[(0.5, -1.96351, 4.9348), (2.0, 0.422785, 0.644934), (7.0, 1.87278, 0.153545)]),
        ("ndtri", &[(0.1, 5.69806, -41.6093), (0.5, 2.50663, 0.0), (0.8, 3.57191, 10.7379)]),
        ("sinc", &[(-2.0, -0.5, -0.5), (0.0, 0.0, -3.28987), (0.5, -1.27324, -1.19023), (1.0, -1.0, 2.0)]),
    ];
    for (name, points) in functions {
        let file = rjaxc_tests::root().join("tests/stablehlo/functions").join(name).with_extension("mlir");
        let text = std::fs::read_to_string(file).expect("it is there");
        let derivatives = transformed("model.mlir", &text, &["grad(main)", "grad(grad(main))"]);
        for &(x, slope, curvature) in points {
            for (program, expected) in derivatives.iter().zip([slope, curvature]) {
                let at = Tensor::from_f64s(program.input_avals()[0].dtype, [], &[x]);
                let found = evaluate(program, &[at]).expect("it can be evaluated")[0].get(&[]).float();
                let is_close = (found - expected).abs() <= 2e-4 * (1.0 + expected.abs());
                assert!(is_close, "{name} at {x}: {found}, expected {expected}");
            }
        }
    }
}

/// The slope of hyp1f1 by x is `a / b hyp1f1(a + 1, b + 1, x)`; a product stands for the function here.
#[test]
fn rules_take_operands_of_several_types() {
    let text = "{ lambda ; x:f32[]. let
    y:f64[] = custom_jvp_call[
      name=hyp1f1
      call_jaxpr={ lambda ; a:f64[] b:f64[] c:f32[]. let
          d:f64[] = convert_element_type[new_dtype=float64 weak_type=False] c
          e:f64[] = mul a b
          f:f64[] = mul e d
        in (f,) }
      jvp=jvp
      symbolic_zeros=False
    ] 1.5:f64[] 2.0:f64[] x
  in (y,) }
";
    let gradient = transformed("model.ir", text, &["grad(main)"]).remove(0);
    let x = Tensor::from_f64s(gradient.input_avals()[0].dtype, [], &[4.0]);
    let found = evaluate(&gradient, &[x]).expect("it can be evaluated")[0].get(&[]).float();
    assert_eq!(found, 1.5 / 2.0 * (2.5 * 3.0 * 4.0));
}
