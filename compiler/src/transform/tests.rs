//! Transformations of small programs, evaluated by the reference interpreter.

mod nesting;

use super::{jvp, linearize};
use crate::diag::Sources;
use crate::exports::{Entry, entries};
use crate::ir::{Builder, verify};
use crate::ops::elementwise::BinaryKind;
use crate::types::{Aval, DType, Tensor};
use crate::{diag, eval, front};

const SQUARE: &str = "{ lambda ; x:f32[]. let y:f32[] = square x in (y,) }";
const QUOTIENT: &str = "{ lambda ; x:f32[] y:f32[]. let
    q:f32[] = div x y
    z:f32[] = add q 1.0:f32[]
  in (z,) }";
/// `sin(x0) * x1^3`, scaled by an integer.
const MIXED: &str = "{ lambda ; x:f32[2] n:i32[]. let
    a:f32[1] = slice[limit_indices=(1,) start_indices=(0,) strides=None] x
    b:f32[1] = slice[limit_indices=(2,) start_indices=(1,) strides=None] x
    c:f32[] = squeeze[dimensions=(0,)] a
    d:f32[] = squeeze[dimensions=(0,)] b
    e:f32[] = sin c
    f:f32[] = integer_pow[y=3] d
    g:f32[] = mul e f
    h:f32[] = convert_element_type[new_dtype=float32 weak_type=False] n
    i:f32[] = mul g h
  in (i,) }";
const VECTOR: &str = "{ lambda ; x:f32[3] w:f32[2,3]. let
    y:f32[2] = dot_general[
      dimension_numbers=(([1], [0]), ([], []))
      preferred_element_type=float32
    ] w x
    z:f32[2] = mul y y
  in (z, y) }";
const RELU: &str = "{ lambda ; x:f32[3]. let
    y:f32[3] = custom_jvp_call[
      name=NAME
      call_jaxpr={ lambda ; a:f32[3]. let b:f32[3] = max a 0.0:f32[] in (b,) }
      jvp=jvp
      symbolic_zeros=False
    ] x
    z:f32[] = reduce_sum[axes=(0,) out_sharding=None] y
  in (z,) }";

fn transformed(text: &str, export: &str) -> Result<Entry, diag::Diagnostic> {
    let mut sources = Sources::new();
    let id = sources.add("main.jaxpr", text);
    let source = front::read(&sources, id).expect("the text of a test");
    let id = sources.add("--export", format!("f = {export}"));
    let export = front::read_export(&sources, id).expect("the expression of a test");
    entries(&source, &[export]).map(|mut entries| entries.remove(0)).map_err(|mut errors| errors.remove(0))
}

fn f32s(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor::from_f64s(DType::F32, shape, values)
}

fn results(text: &str, export: &str, inputs: &[Tensor]) -> Vec<Vec<f64>> {
    let entry = transformed(text, export).expect("a transformation that exists");
    assert_eq!(verify(&entry.program), []);
    assert_eq!(entry.input_names.len(), entry.program.inputs.len());
    assert_eq!(entry.output_names.len(), entry.program.outputs.len());
    let results = eval::program(&entry.program, inputs).expect("rules of evaluation");
    results.iter().map(|tensor| tensor.scalars().map(|x| x.float()).collect()).collect()
}

fn close(found: &[Vec<f64>], expected: &[&[f64]]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(found.iter().zip(*expected).all(|(a, b)| (a - b).abs() <= 1e-5), "{found:?} {expected:?}");
    }
}

fn refusal(text: &str, export: &str) -> String {
    transformed(text, export).expect_err("a transformation that cannot be").message
}

#[test]
fn the_tutorial() {
    let three = [f32s(&[], &[3.0])];
    close(&results(SQUARE, "grad(main)", &three), &[&[6.0]]);
    close(&results(SQUARE, "grad(grad(main))", &three), &[&[2.0]]);
    close(&results(SQUARE, "grad(grad(grad(main)))", &three), &[&[0.0]]);
    close(&results(SQUARE, "value_and_grad(main)", &three), &[&[9.0], &[6.0]]);
    let (xs, ys) = (f32s(&[3], &[1.0, 2.0, 3.0]), f32s(&[3], &[1.0, 1.0, -1.0]));
    close(&results(QUOTIENT, "vmap(main, axis_size=3)", &[xs, ys]), &[&[2.0, 3.0, -2.0]]);
}

#[test]
fn tangents_and_cotangents_are_in_the_order_of_argnums() {
    let (x, y) = (f32s(&[], &[3.0]), f32s(&[], &[2.0]));
    // By y first: dz = -x / y^2 dy + dx / y.
    let tangents = [x.clone(), y.clone(), f32s(&[], &[1.0]), f32s(&[], &[10.0])];
    close(&results(QUOTIENT, "jvp(main, argnums=(1, 0))", &tangents), &[&[2.5], &[4.25]]);
    let cotangent = [x.clone(), y.clone(), f32s(&[], &[2.0])];
    close(&results(QUOTIENT, "vjp(main, (1, -2))", &cotangent), &[&[2.5], &[-1.5], &[1.0]]);
    let entry = transformed(QUOTIENT, "jvp(vjp(main, 1), 0)").expect("a composition");
    assert_eq!(entry.input_names, ["x", "y", "ct_z", "t_x"]);
    assert_eq!(entry.output_names, ["z", "d_z_d_y", "d_z_d_x", "d_d_z_d_y_d_x"]);
}

#[test]
fn matrices_of_derivatives() {
    let x = f32s(&[3], &[1.0, -2.0, 0.5]);
    let w = f32s(&[2, 3], &[1.0, 2.0, 3.0, -1.0, 0.5, 4.0]);
    // y = w x = (-1.5, 0), z = y^2, dz/dx = 2 y w.
    let expected: [&[f64]; 2] = [&[-3.0, -6.0, -9.0, 0.0, 0.0, 0.0], &[1.0, 2.0, 3.0, -1.0, 0.5, 4.0]];
    close(&results(VECTOR, "jacfwd(main)", &[x.clone(), w.clone()]), &expected);
    close(&results(VECTOR, "jacrev(main)", &[x.clone(), w.clone()]), &expected);
    let by_both = transformed(VECTOR, "jacrev(main, (0, 1))").expect("a jacobian");
    let shapes: Vec<String> = by_both.program.output_avals().iter().map(|aval| aval.to_string()).collect();
    assert_eq!(shapes, ["f32[2,3]", "f32[2,2,3]", "f32[2,3]", "f32[2,2,3]"]);
    assert_eq!(by_both.output_names, ["d_z_d_x", "d_z_d_w", "d_y_d_x", "d_y_d_w"]);
    let forward = transformed(VECTOR, "jacfwd(main, (0, 1))").expect("a jacobian");
    assert_eq!(forward.program.output_avals(), by_both.program.output_avals());
    let (sin, cos) = 0.5f64.sin_cos();
    let point = [f32s(&[2], &[0.5, 2.0]), Tensor::from_f64s(DType::I32, [], &[3.0])];
    let hessian = [-24.0 * sin, 36.0 * cos, 36.0 * cos, 36.0 * sin];
    close(&results(MIXED, "hessian(main)", &point), &[&hessian]);
    let vector = [point[0].clone(), point[1].clone(), f32s(&[2], &[1.0, -1.0])];
    let product = [hessian[0] - hessian[1], hessian[2] - hessian[3]];
    close(&results(MIXED, "hvp(main)", &vector), &[&product]);
}

#[test]
fn batch_axes_go_where_they_are_asked_for() {
    let x = f32s(&[3, 2], &[1.0, 4.0, -2.0, 0.0, 0.5, 1.0]);
    let w = f32s(&[2, 3], &[1.0, 2.0, 3.0, -1.0, 0.5, 4.0]);
    let y = [-1.5, 0.0, 7.0, 0.0];
    let squares = y.map(|y| y * y);
    let export = "vmap(main, in_axes=(-1, None), out_axes=(0, 1), axis_size=2)";
    close(&results(VECTOR, export, &[x, w]), &[&squares, &[y[0], y[2], y[1], y[3]]]);
    // The gradient by an input that is not mapped, per example; the integer is not mapped either.
    let point = [f32s(&[2, 2], &[0.0, 1.0, 0.0, 2.0]), Tensor::from_f64s(DType::I32, [], &[1.0])];
    let export = "vmap(grad(main), in_axes=(0, None), axis_size=2)";
    close(&results(MIXED, export, &point), &[&[1.0, 0.0, 8.0, 0.0]]);
    // What does not depend on the batch is repeated where an axis is asked for.
    let constant = "{ lambda ; x:f32[2] n:i32[]. let y:f32[2] = neg x in (y, n) }";
    let entry = transformed(constant, "vmap(main, in_axes=(None, 0), out_axes=(None, 0), axis_size=5)");
    let avals = entry.expect("a batch").program.output_avals();
    assert_eq!(avals, [Aval::new(DType::F32, [2]), Aval::new(DType::I32, [5])]);
    let entry = transformed(constant, "vmap(main, in_axes=(None, 0), out_axes=(-1, 0), axis_size=5)");
    assert_eq!(entry.expect("a batch").program.output_avals()[0], Aval::new(DType::F32, [2, 5]));
}

#[test]
fn custom_derivatives_are_honoured() {
    let x = [f32s(&[3], &[-1.0, 0.0, 2.0])];
    // The body alone would give one half at zero.
    close(&results(&RELU.replace("NAME", "relu"), "value_and_grad(main)", &x), &[&[2.0], &[0.0, 0.0, 1.0]]);
    // A rule in the text wins, whatever the function is called; without one, it is differentiated as it stands.
    let unknown = RELU.replace("NAME", "mine");
    close(&results(&unknown, "value_and_grad(main)", &x), &[&[2.0], &[0.0, 0.5, 1.0]]);
    let rule = "jvp_jaxpr={ lambda ; a:f32[3] b:f32[3]. let c:f32[3] = max a 0.0:f32[] d:f32[3] = mul b 7.0:f32[] in (c, d) } jvp=";
    let with_rule = RELU.replace("NAME", "relu").replacen("jvp=", rule, 1);
    close(&results(&with_rule, "grad(main)", &x), &[&[7.0, 7.0, 7.0]]);
    let batch = [f32s(&[1, 3], &[-1.0, 0.0, 2.0])];
    close(&results(&with_rule, "vmap(grad(main), axis_size=1)", &batch), &[&[7.0, 7.0, 7.0]]);
    close(
        &results(&with_rule, "vjp(vmap(main, axis_size=1))", &[batch[0].clone(), f32s(&[1], &[2.0])]),
        &[&[2.0], &[14.0, 14.0, 14.0]],
    );
}

#[test]
fn linearize_makes_a_value_and_a_linear_function() {
    let mut sources = Sources::new();
    let id = sources.add("main.jaxpr", QUOTIENT);
    let source = front::read(&sources, id).expect("the text of a test");
    let id = sources.add("--export", "f = linearize(main, argnums=(1, 0))");
    let export = front::read_export(&sources, id).expect("the expression of a test");
    let made = entries(&source, &[export]).expect("rules of division");
    let [value, linear] = made.as_slice() else { panic!("two functions") };
    assert_eq!((value.name.as_str(), linear.name.as_str()), ("f", "f_linear"));
    let point = [f32s(&[], &[6.0]), f32s(&[], &[2.0])];
    let mut outputs = eval::program(&value.program, &point).expect("a value");
    assert_eq!(outputs.remove(0), f32s(&[], &[4.0]));
    assert_eq!(linear.input_names[outputs.len()..], ["t_y", "t_x"]);
    assert_eq!(linear.output_names, ["d_z"]);
    let tangents = [f32s(&[], &[1.0]), f32s(&[], &[10.0])];
    let pushed = eval::program(&linear.program, &[outputs, tangents.to_vec()].concat()).expect("tangents");
    // dx / y - x dy / y^2
    assert_eq!(pushed, [f32s(&[], &[3.5])]);
}

#[test]
fn branches_that_are_not_taken_leave_no_trace() {
    const CHOICE: &str = "{ lambda ; i:i32[] x:f32[]. let
        y:f32[] = cond[branches=(
          { lambda ; x:f32[]. let y:f32[] = log x in (y,) }
          { lambda ; x:f32[]. let y:f32[] = integer_pow[y=2] x in (y,) }
        )] i x
      in (y,) }";
    // By the cotangent, which a branch that is not taken divides by its residual, too.
    let export = "vjp(vmap(vjp(main, argnums=1), axis_size=2), argnums=(2,))";
    let index = Tensor::from_f64s(DType::I32, [2], &[0.0, 1.0]);
    let ones = f32s(&[2], &[1.0, 1.0]);
    let inputs = [index, f32s(&[2], &[1.0, 4.0]), ones.clone(), ones.clone(), ones];
    close(&results(CHOICE, export, &inputs), &[&[0.0, 16.0], &[1.0, 8.0], &[1.0, 8.0]]);
}

#[test]
fn errors_name_the_function_and_the_type() {
    assert_eq!(refusal(QUOTIENT, "grad(main, 3)"), "argnums 3 is out of range: main has 2 inputs");
    assert_eq!(
        refusal(QUOTIENT, "grad(grad(main), -3)"),
        "argnums -3 is out of range: grad(main) has 2 inputs"
    );
    assert_eq!(refusal(VECTOR, "grad(main)"), "grad needs one output: main has 2");
    assert_eq!(
        refusal(MIXED, "grad(main, argnums=1)"),
        "input 1 of main is i32[], which cannot be differentiated"
    );
    assert_eq!(refusal(MIXED, "grad(grad(main))"), "grad needs a scalar output: got f32[2]");
    assert_eq!(refusal(QUOTIENT, "grad(main, argnums=(0, 0))"), "argnums lists 0 twice");
    assert_eq!(refusal(QUOTIENT, "grad(main, argnum=0)"), "grad has no keyword argnum");
    assert_eq!(refusal(QUOTIENT, "grad(main, 0, argnums=0)"), "argnums is given twice");
    assert_eq!(refusal(QUOTIENT, "grad(main, has_aux=2)"), "has_aux: expected True or False, found 2");
    assert_eq!(
        refusal(QUOTIENT, "grad(linearize(main))"),
        "linearize makes two functions, which nothing can be applied to"
    );
    assert_eq!(refusal(QUOTIENT, "vmap(main)"), "vmap needs axis_size");
    assert_eq!(
        refusal(QUOTIENT, "vmap(main, in_axes=(0,), axis_size=2)"),
        "in_axes has 1 entries, but main has 2"
    );
    assert_eq!(
        refusal(QUOTIENT, "vmap(main, in_axes=1, axis_size=2)"),
        "in_axes: axis 1 is out of range for a batch of f32[]"
    );
    assert_eq!(
        refusal(QUOTIENT, "vmap(main, out_axes=None, axis_size=2)"),
        "vmap: out_axes of output 0 is None, but the output depends on the batch"
    );
    let error = transformed(QUOTIENT, "grad(main, argnums=3)").expect_err("out of range");
    assert_eq!(error.labels.len(), 1);
}

#[test]
fn zeros_stay_symbolic() {
    let mut b = Builder::new();
    let (x, y) = (b.input(Aval::scalar(DType::F32)).into(), b.input(Aval::scalar(DType::F32)).into());
    let (product, sum) = (b.mul(x, y), b.binary(BinaryKind::Add, y, y));
    let program = b.finish(vec![product, sum]);
    let joint = jvp(&program, &[true, false]).expect("rules of mul and add");
    assert_eq!((joint.program.outputs.len(), joint.nonzero), (3, vec![true, false]));
    let halves = linearize(&program, &[true, false]).expect("rules of mul and add");
    assert_eq!((halves.residuals, halves.known.equations.len(), halves.linear.equations.len()), (1, 2, 1));
    assert_eq!(halves.linear.inputs.len(), 2);
}
