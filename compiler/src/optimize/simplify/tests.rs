//! What the rules make of small programs, and that every program computes what it did.

use crate::diag::Sources;
use crate::exports;
use crate::ir::{Atom, Builder, Program};
use crate::ops::Op;
use crate::ops::reduction::ReduceKind;
use crate::ops::rules::Sample;
use crate::pipeline::{self, Observe};
use crate::transform::{differentiable_outputs, vjp, vmap};
use crate::types::{DType, Kind, Scalar, Tensor};
use crate::{eval, front, ir, ops};
use std::collections::HashMap;

/// The program with these inputs and equations, whose result is that of the last one.
fn program(inputs: &str, equations: &str) -> Program {
    let result = equations.trim().lines().last().and_then(|line| line.trim().split(':').next());
    let result = result.expect("a last equation");
    let mut sources = Sources::new();
    let text = format!("{{ lambda ; {inputs}. let\n{equations}\nin ({result},) }}");
    let id = sources.add("test.ir", text.as_str());
    let source = front::read(&sources, id).unwrap_or_else(|errors| panic!("{text}: {}", errors[0].message));
    source.functions[0].program.clone()
}

/// The names of the equations that are left.
fn names(program: &Program) -> Vec<String> {
    program.equations.iter().map(|eqn| eqn.op.name().to_string()).collect()
}

/// Checks what is left of a program, and that it computes the same on awkward numbers.
fn check(inputs: &str, equations: &str, left: &[&str]) {
    let before = program(inputs, equations);
    let after = super::run(before.clone()).expect("the pass does not fail");
    assert_eq!(ir::verify(&after), [], "{equations}\n{after}");
    assert_eq!(names(&after), left, "{equations}\n{after}");
    for round in 0..AWKWARD.len() {
        let inputs = before.input_avals();
        let inputs = inputs.iter().enumerate().map(|(at, aval)| awkward(aval, (at + 1) * round)).collect();
        same(&before, &after, inputs).unwrap_or_else(|why| panic!("{equations}\n{after}\n{why}"));
    }
}

const AWKWARD: [f64; 11] =
    [1.5, -0.0, f64::NAN, f64::INFINITY, -2.0, 0.0, f64::NEG_INFINITY, 1e-40, 127.0, -3.25, 1.0];

fn awkward(aval: &crate::types::Aval, shift: usize) -> Tensor {
    let mut position = shift;
    Tensor::from_fn(aval.clone(), |_| {
        position += 1;
        let x = AWKWARD[position % AWKWARD.len()];
        match aval.dtype.kind() {
            Kind::Float | Kind::Float0 => Scalar::Float(x),
            Kind::Complex => Scalar::Complex(x, AWKWARD[(3 * position + 1) % AWKWARD.len()]),
            Kind::Bool => Scalar::Bool(x > 0.0),
            Kind::Signed | Kind::Unsigned => Scalar::Int((x * 65.0) as i64 as i128),
            Kind::Key => Scalar::Key(position as u64),
        }
    })
}

/// Errors: what differs between the values of two programs; a difference of a few roundings is none where there are
/// sums of floats.
fn same(before: &Program, after: &Program, inputs: Vec<Tensor>) -> Result<(), String> {
    let Ok(expected) = eval::program(before, &inputs) else { return Ok(()) };
    let found = eval::program(after, &inputs).map_err(|error| error.message)?;
    for (found, expected) in found.iter().zip(&expected) {
        let greatest = |tensor: &Tensor| {
            let sizes = tensor.scalars().filter(|_| tensor.dtype().is_inexact()).map(|x| x.number().abs());
            sizes.filter(|size| size.is_finite()).fold(0.0, f64::max)
        };
        let inputs = inputs.iter().map(greatest).fold(greatest(expected), f64::max);
        let tolerance = if has_sums(before) { 8.0 * inputs * epsilon(expected.dtype()) } else { 0.0 };
        for (position, (x, y)) in found.scalars().zip(expected.scalars()).enumerate() {
            if !same_element(x, y, tolerance) {
                return Err(format!("element {position} is {x:?}, expected {y:?} of {inputs:?}"));
            }
        }
    }
    Ok(())
}

fn same_element(x: Scalar, y: Scalar, tolerance: f64) -> bool {
    let part = |x: f64, y: f64| {
        let is_close = tolerance > 0.0 && (x - y).abs() <= tolerance && (x != 0.0 || y != 0.0);
        x.to_bits() == y.to_bits() || x.is_nan() && y.is_nan() || is_close
    };
    match (x, y) {
        (Scalar::Float(x), Scalar::Float(y)) => part(x, y),
        (Scalar::Complex(..), Scalar::Complex(..)) => {
            let (x, y) = (x.number(), y.number());
            part(x.re, y.re) && part(x.im, y.im)
        }
        (x, y) => x == y,
    }
}

fn epsilon(dtype: DType) -> f64 {
    match dtype.real_part() {
        DType::F64 => f64::EPSILON,
        DType::F32 => f64::from(f32::EPSILON),
        DType::F16 => 2f64.powi(-10),
        _ => 2f64.powi(-7),
    }
}

fn has_sums(program: &Program) -> bool {
    program.equations.iter().any(|eqn| match &eqn.op {
        Op::Reduce(reduce) => matches!(reduce.kind, ReduceKind::Sum | ReduceKind::Prod),
        Op::DotGeneral(_) => true,
        op => op.bodies().iter().any(|body| has_sums(body)),
    })
}

#[test]
fn views_become_one_or_none() {
    let x = "x:f32[2,3]";
    check(
        x,
        "a:f32[6] = reshape[dimensions=None new_sizes=(6,)] x\nb:f32[3,2] = reshape[dimensions=None new_sizes=(3, 2)] a",
        &["reshape"],
    );
    check(
        x,
        "a:f32[6] = reshape[dimensions=None new_sizes=(6,)] x\nb:f32[2,3] = reshape[dimensions=None new_sizes=(2, 3)] a",
        &[],
    );
    check(
        x,
        "a:f32[3,2] = transpose[permutation=(1, 0)] x\nb:f32[2,3] = transpose[permutation=(1, 0)] a",
        &[],
    );
    check(
        x,
        "a:f32[2,1,3] = expand_dims[dimensions=(1,)] x\nb:f32[3,1,2] = transpose[permutation=(2, 1, 0)] a\nc:f32[3,2] = squeeze[dimensions=(1,)] b",
        &["expand_dims", "transpose", "squeeze"],
    );
    check(
        "x:f32[4]",
        "a:f32[1,4] = broadcast_in_dim[broadcast_dimensions=(1,)] x\nb:f32[4,1] = transpose[permutation=(1, 0)] a\nc:f32[4] = squeeze[dimensions=(1,)] b",
        &[],
    );
    check(
        "x:f32[4]",
        "a:f32[1,4] = broadcast_in_dim[broadcast_dimensions=(1,)] x\nb:f32[3,4] = broadcast_in_dim[broadcast_dimensions=(0, 1)] a",
        &["broadcast_in_dim"],
    );
    check(
        "x:f32[4]",
        "a:f32[3,4] = broadcast_in_dim[broadcast_dimensions=(1,)] x\nb:f32[4,3] = transpose[permutation=(1, 0)] a",
        &["broadcast_in_dim"],
    );
    check(x, "a:f32[2,3] = slice[limit_indices=(2, 3) start_indices=(0, 0) strides=None] x", &[]);
    check(x, "a:f32[2,3] = pad[padding_config=((0, 0, 0), (0, 0, 0))] x 0.0:f32[]", &[]);
    check(
        "x:f32[7]",
        "a:f32[5] = slice[limit_indices=(6,) start_indices=(1,) strides=None] x\nb:f32[2] = slice[limit_indices=(4,) start_indices=(1,) strides=(2,)] a",
        &["slice"],
    );
    check(
        "x:f32[7]",
        "a:f32[3] = slice[limit_indices=(7,) start_indices=(1,) strides=(2,)] x\nb:f32[0] = slice[limit_indices=(3,) start_indices=(3,) strides=None] a",
        &["slice"],
    );
    check(
        "x:f32[3] y:f32[4]",
        "a:f32[7] = concatenate[dimension=0] x y\nb:f32[4] = slice[limit_indices=(7,) start_indices=(3,) strides=None] a",
        &[],
    );
    check(
        "x:f32[3] y:f32[4]",
        "a:f32[7] = concatenate[dimension=0] x y\nb:f32[2] = slice[limit_indices=(4,) start_indices=(2,) strides=None] a",
        &["concatenate", "slice"],
    );
    check(
        "x:f32[]",
        "a:f32[7] = broadcast_in_dim x\nb:f32[2] = slice[limit_indices=(4,) start_indices=(2,) strides=None] a",
        &["broadcast_in_dim"],
    );
    check("x:f32[0,2] y:f32[3,2]", "a:f32[3,2] = concatenate[dimension=0] x y", &[]);
    check(x, "a:f32[6] = reshape[dimensions=(1, 0) new_sizes=(6,)] x", &["transpose", "reshape"]);
}

#[test]
fn elementwise_operations_come_before_broadcasts() {
    check("x:f32[]", "a:f32[9] = broadcast_in_dim x\nb:f32[9] = exp a", &["exp", "broadcast_in_dim"]);
    check(
        "x:f32[3] y:f32[3]",
        "a:f32[2,3] = broadcast_in_dim[broadcast_dimensions=(1,)] x\nb:f32[2,3] = broadcast_in_dim[broadcast_dimensions=(1,)] y\nc:bool[2,3] = lt a b",
        &["lt", "broadcast_in_dim"],
    );
    check("x:f32[3] y:f32[]", "a:f32[3] = broadcast_in_dim y\nb:f32[3] = sub x a", &["sub"]);
    check(
        "x:f32[3] y:f32[2]",
        "a:f32[2,3] = broadcast_in_dim[broadcast_dimensions=(1,)] x\nb:f32[2,3] = broadcast_in_dim[broadcast_dimensions=(0,)] y\nc:f32[2,3] = sub a b",
        &["broadcast_in_dim", "broadcast_in_dim", "sub"],
    );
    check(
        "x:f32[]",
        "a:f32[200] = broadcast_in_dim 2.0:f32[]\nb:f32[200] = mul a 3.0:f32[]\nc:f32[200] = sub x b",
        &["sub", "broadcast_in_dim"],
    );
}

#[test]
fn arithmetic_without_effect_goes() {
    let (x, xy) = ("x:f32[11]", "x:f32[11] y:f32[11]");
    check(x, "a:f32[11] = neg x\nb:f32[11] = neg a", &[]);
    check(x, "a:f32[11] = mul x 1.0:f32[]", &[]);
    check(x, "a:f32[11] = div x 1.0:f32[]", &[]);
    check(x, "a:f32[11] = sub x 0.0:f32[]", &[]);
    check(x, "a:f32[11] = add -0.0:f32[] x", &[]);
    check(x, "a:f32[11] = max x -inf:f32[]", &[]);
    check(x, "a:f32[11] = min x x", &[]);
    check(x, "a:f32[11] = integer_pow[y=1] x", &[]);
    check(x, "a:f32[11] = mul x -1.0:f32[]", &["neg"]);
    check(x, "a:f32[11] = neg x\nb:f32[11] = mul a 3.0:f32[]", &["mul"]);
    check(x, "a:f32[11] = mul x 3.0:f32[]\nb:f32[11] = neg a", &["mul"]);
    check(x, "a:f32[11] = div x 3.0:f32[]\nb:f32[11] = neg a", &["div"]);
    check(x, "a:f32[11] = div x 128.0:f32[]", &["mul"]);
    check(x, "a:f32[11] = div x -0.25:f32[]", &["mul"]);
    check(xy, "a:f32[11] = neg y\nb:f32[11] = add x a", &["sub"]);
    check(xy, "a:f32[11] = neg x\nb:f32[11] = add_any a y", &["sub"]);
    check(xy, "a:f32[11] = neg y\nb:f32[11] = sub x a", &["add"]);
    check(xy, "a:f32[11] = neg y\nc:f32[11] = neg x\nb:f32[11] = mul c a", &["mul"]);
    check(xy, "a:f32[11] = neg y\nc:f32[11] = mul a x\nb:f32[11] = add x c", &["mul", "sub"]);
    check(xy, "a:f32[11] = neg y\nc:f32[11] = div x a\nb:f32[11] = sub x c", &["div", "add"]);
    check(
        "x:i32[11]",
        "a:i32[11] = add x 0:i32[]\nb:i32[11] = mul a 1:i32[]\nc:i32[11] = div b -1:i32[]",
        &["neg"],
    );
    check("x:i32[11]", "a:i32[11] = mul x 0:i32[]", &["broadcast_in_dim"]);
    check(
        "x:bool[11]",
        "a:bool[11] = and x True:bool[]\nb:bool[11] = or a False:bool[]\nc:bool[11] = not b\nd:bool[11] = not c",
        &[],
    );
    check("x:c64[11]", "a:c64[11] = sub x 0j:c64[]", &[]);
}

#[test]
fn arithmetic_with_an_effect_stays() {
    let x = "x:f32[11]";
    check(x, "a:f32[11] = add x 0.0:f32[]", &["add"]);
    check(x, "a:f32[11] = mul x 0.0:f32[]", &["mul"]);
    check(x, "a:f32[11] = sub 0.0:f32[] x", &["sub"]);
    check(x, "a:f32[11] = div x 3.0:f32[]", &["div"]);
    check(x, "a:f32[11] = div x 1e-38:f32[]", &["div"]);
    check(x, "a:f32[11] = sub x x", &["sub"]);
    check(x, "a:f32[11] = sub x 1.5:f32[]\nb:f32[11] = neg a", &["sub", "neg"]);
    check(
        x,
        "a:f32[11] = mul x 1.5:f32[]\nb:f32[11] = neg a\nc:f32[11] = sin a\nd:f32[11] = sub b c",
        &["mul", "neg", "sin", "sub"],
    );
    check("x:c64[11]", "a:c64[11] = mul x (1+0j):c64[]", &["mul"]);
    check(
        "x:i32[11] y:i32[11]",
        "a:i32[11] = neg x\nb:i32[11] = neg y\nc:i32[11] = div a b",
        &["neg", "neg", "div"],
    );
}

#[test]
fn choices_that_are_known_are_made() {
    let xy = "m:bool[11] x:f32[11] y:f32[11]";
    check(xy, "a:f32[11] = select_n m x x", &[]);
    check(xy, "a:f32[11] = select_n True:bool[] x y", &[]);
    check(xy, "a:f32[11] = select_n False:bool[] 1.0:f32[] y", &["broadcast_in_dim"]);
    check(xy, "n:bool[11] = not m\na:f32[11] = select_n n x y", &["select_n"]);
    check(xy, "a:f32[11] = select_n m x y\nb:f32[11] = select_n m a x", &[]);
    check(
        "x:f32[11]",
        "m:bool[11] = gt x 0.0:f32[]\na:f32[11] = max x 0.0:f32[]\nb:f32[11] = select_n m a x",
        &["max"],
    );
    check(
        "x:f32[11]",
        "m:bool[11] = lt x 0.0:f32[]\na:f32[11] = max x 0.0:f32[]\nb:f32[11] = select_n m a x",
        &["lt", "max", "select_n"],
    );
}

#[test]
fn conversions_that_lose_nothing_go() {
    let convert = |from: &str, by: &[&str], left: usize| {
        let mut equations = String::new();
        let mut operand = "x".to_string();
        for (at, to) in by.iter().enumerate() {
            let long = DType::from_short_name(to).expect("a dtype").long_name();
            equations += &format!(
                "v{at}:{to}[11] = convert_element_type[new_dtype={long} weak_type=False] {operand}\n"
            );
            operand = format!("v{at}");
        }
        check(&format!("x:{from}[11]"), &equations, &vec!["convert_element_type"; left]);
    };
    convert("f32", &["f64", "f32"], 0);
    convert("bf16", &["f32", "f64"], 1);
    convert("f32", &["bf16", "f32"], 2);
    convert("i32", &["f64", "i32"], 0);
    convert("i32", &["f32", "i32"], 2);
    convert("i32", &["f64", "i8"], 2);
    convert("i32", &["i64", "i8"], 1);
    convert("u8", &["i32", "f32"], 1);
    convert("i8", &["u32", "f32"], 2);
    convert("bool", &["f32", "i32"], 1);
    convert("f16", &["bf16", "f32"], 2);
}

#[test]
fn sums_of_sums_and_of_repeated_elements() {
    let x = "x:f32[4,5]";
    let sum_over_unit = "a:f32[5] = reduce_sum[axes=(0,)] x\nb:f32[1,5] = reshape[dimensions=None new_sizes=(1, 5)] a\nc:f32[5] = reduce_sum[axes=(0,)] b";
    check(x, sum_over_unit, &["reduce_sum"]);
    check(
        x,
        "a:f32[5] = reduce_sum[axes=(0,)] x\nb:f32[1,5] = reshape[dimensions=None new_sizes=(1, 5)] a\nc:f32[] = reduce_sum[axes=(0, 1)] b",
        &["reduce_sum"],
    );
    check(x, "a:f32[4] = reduce_sum[axes=(1,)] x\nb:f32[] = reduce_sum[axes=(0,)] a", &["reduce_sum"]);
    check(
        x,
        "a:f32[4] = reduce_sum[axes=(1,)] x\nb:f32[] = reduce_sum[axes=(0,)] a\nc:f32[4] = div a b",
        &["reduce_sum", "reduce_sum", "div"],
    );
    check(x, "a:f32[4] = reduce_max[axes=(1,)] x\nb:f32[] = reduce_max[axes=(0,)] a", &["reduce_max"]);
    check("x:f32[1,5]", "a:f32[5] = reduce_sum[axes=(0,)] x", &["reduce_sum"]);
    check("x:f32[1,5]", "a:f32[5] = reduce_max[axes=(0,)] x", &["reshape"]);
    check("x:i32[1,5]", "a:i32[5] = reduce_sum[axes=(0,)] x", &["reshape"]);
    check(
        x,
        "a:f32[5,4] = transpose[permutation=(1, 0)] x\nb:f32[4] = reduce_sum[axes=(0,)] a",
        &["reduce_sum"],
    );
    check(
        "x:f32[4]",
        "a:f32[7,4] = broadcast_in_dim[broadcast_dimensions=(1,)] x\nb:f32[4] = reduce_sum[axes=(0,)] a",
        &["mul", "add"],
    );
    check(
        "x:f32[4]",
        "a:f32[7,4] = broadcast_in_dim[broadcast_dimensions=(1,)] x\nb:f32[] = reduce_sum[axes=(0, 1)] a",
        &["reduce_sum", "mul"],
    );
    check(
        "x:f32[4]",
        "a:f32[2,4] = broadcast_in_dim[broadcast_dimensions=(1,)] x\nb:f32[4] = reduce_sum[axes=(0,)] a",
        &["broadcast_in_dim", "reduce_sum"],
    );
    check(
        "x:f32[4]",
        "a:f32[0,4] = broadcast_in_dim[broadcast_dimensions=(1,)] x\nb:f32[4] = reduce_sum[axes=(0,)] a",
        &["broadcast_in_dim", "reduce_sum"],
    );
    check(
        "x:f32[4,1]",
        "a:f32[4,9] = broadcast_in_dim[broadcast_dimensions=(0, 1)] x\nb:f32[4] = reduce_max[axes=(1,)] a",
        &["reshape"],
    );
    check(
        "x:i8[4]",
        "a:i8[300,4] = broadcast_in_dim[broadcast_dimensions=(1,)] x\nb:i8[4] = reduce_sum[axes=(0,)] a",
        &["mul"],
    );
    check(
        "x:bf16[4]",
        "a:bf16[257,4] = broadcast_in_dim[broadcast_dimensions=(1,)] x\nb:bf16[4] = reduce_sum[axes=(0,)] a",
        &["broadcast_in_dim", "reduce_sum"],
    );
    check(
        "x:f32[]",
        "a:f32[100] = broadcast_in_dim 0.25:f32[]\nb:f32[] = reduce_sum[axes=(0,)] a\nc:f32[] = sub x b",
        &["sub"],
    );
}

#[test]
fn products_come_in_the_order_that_is_wanted() {
    let product = |numbers: &str, result: &str| {
        format!("p:f32[{result}] = dot_general[dimension_numbers=({numbers})] x y\n")
    };
    let transpose = |permutation: &str, result: &str| {
        format!("q:f32[{result}] = transpose[permutation=({permutation})] p")
    };
    let xy = "x:f32[3,4] y:f32[3,5]";
    let outer = product("([0], [0]), ([], [])", "4,5");
    check(xy, &(outer.clone() + &transpose("1, 0", "5,4")), &["dot_general"]);
    let twice =
        outer + &transpose("1, 0", "5,4") + "\nr:f32[] = reduce_max[axes=(0, 1)] p\ns:f32[5,4] = sub q r";
    check(xy, &twice, &["dot_general", "transpose", "reduce_max", "sub"]);
    let batched = "x:f32[2,6,3,4] y:f32[6,2,5,3]";
    let inner = product("([2], [3]), ([0, 1], [1, 0])", "2,6,4,5");
    check(batched, &(inner.clone() + &transpose("1, 0, 3, 2", "6,2,5,4")), &["dot_general"]);
    check(batched, &(inner.clone() + &transpose("1, 0, 2, 3", "6,2,4,5")), &["dot_general"]);
    check(batched, &(inner + &transpose("2, 0, 1, 3", "4,2,6,5")), &["dot_general", "transpose"]);
    let of_transposed = "t:f32[4,3] = transpose[permutation=(1, 0)] x\nu:f32[5,3] = transpose[permutation=(1, 0)] y\np:f32[4,5] = dot_general[dimension_numbers=(([1], [1]), ([], []))] t u";
    check(xy, of_transposed, &["dot_general"]);
    let two_free = "t:f32[4,2,3] = transpose[permutation=(2, 0, 1)] x\np:f32[4,2,5] = dot_general[dimension_numbers=(([2], [0]), ([], []))] t y";
    check("x:f32[2,3,4] y:f32[3,5]", two_free, &["transpose", "dot_general"]);
}

#[test]
fn batches_of_products_with_one_matrix_are_one_product() {
    let product = |source: &str, repeated: &str, dims: &str, numbers: &str, result: &str, operands: &str| {
        format!(
            "a:f32[{repeated}] = broadcast_in_dim[broadcast_dimensions=({dims}) shape=({repeated})] {source}\np:f32[{result}] = dot_general[dimension_numbers=({numbers})] {operands}"
        )
    };
    let right = product("y", "5,3,4", "1, 2", "([1], [1]), ([0], [0])", "5,4", "x a");
    check("x:f32[5,3] y:f32[3,4]", &right, &["dot_general"]);
    let left = product("y", "4,5,3", "0, 2", "([2], [0]), ([1], [1])", "5,4", "a x");
    check("x:f32[3,5] y:f32[4,3]", &left, &["dot_general"]);
    let two = product("y", "2,5,4,3", "2, 3", "([3], [2]), ([1, 0], [1, 0])", "5,2,4,6", "a x");
    check("x:f32[2,5,3,6] y:f32[4,3]", &two, &["dot_general", "transpose"]);
    let guard = "s:f32[3] = stop_gradient x\na:f32[3] = select_n m s x";
    check("m:bool[3] x:f32[3]", guard, &[]);
}

#[test]
fn products_with_ones_are_sums() {
    let ones = |shape: &str| format!("o:f32[{shape}] = broadcast_in_dim 1.0:f32[]\n");
    let left = ones("9,3") + "p:f32[9,5] = dot_general[dimension_numbers=(([1], [0]), ([], []))] o y";
    check("y:f32[3,5]", &left, &["reduce_sum", "broadcast_in_dim"]);
    let right = ones("3,9") + "p:f32[5,9] = dot_general[dimension_numbers=(([0], [0]), ([], []))] y o";
    check("y:f32[3,5]", &right, &["reduce_sum", "broadcast_in_dim"]);
    let batched =
        ones("2,9,3") + "p:f32[2,9,4,6] = dot_general[dimension_numbers=(([2], [1]), ([0], [2]))] o y";
    check("y:f32[4,3,2,6]", &batched, &["reduce_sum", "broadcast_in_dim"]);
    let outer = ones("9") + "p:f32[9,5] = dot_general[dimension_numbers=(([], []), ([], []))] o y";
    check("y:f32[5]", &outer, &["broadcast_in_dim", "dot_general"]);
}

/// Compares a program with what all passes make of it, on the operands given and awkward numbers for the inputs that a
/// transformation has added. Is it another one at all?
fn check_optimized(program: &Program, operands: &[Tensor]) -> Result<bool, String> {
    let mut inputs = operands.to_vec();
    let added = program.input_avals().into_iter().skip(operands.len());
    inputs.extend(added.enumerate().map(|(at, aval)| awkward(&aval, 4 * at)));
    let optimized = pipeline::optimize(program.clone(), &Observe::default(), &mut |_, _| {});
    let optimized = optimized.map_err(|errors| errors[0].message.clone())?;
    let is_changed = optimized.renumbered() != program.renumbered();
    if is_changed {
        same(program, &optimized, inputs)?;
    }
    Ok(is_changed)
}

/// The sample's operation, its derivatives in both modes, and a batch of it.
fn variants(sample: &Sample) -> Vec<(Program, Vec<Tensor>)> {
    let mut b = Builder::new();
    let avals = sample.operands.iter().map(|tensor| tensor.aval().clone());
    let inputs: Vec<Atom> = avals.map(|aval| b.input(aval).into()).collect();
    let outputs = b.emit(sample.op.clone(), &inputs);
    let program = b.finish(outputs);
    let operands = &sample.operands;
    let argnums: Vec<usize> = (0..operands.len()).filter(|&at| operands[at].dtype().is_inexact()).collect();
    let mut variants = vec![program.clone()];
    if !argnums.is_empty() && !differentiable_outputs(&program).is_empty() {
        variants.extend(vjp::pushforward(&program, &argnums));
        variants.extend(vjp::vjp(&program, &argnums));
    }
    let mut variants: Vec<(Program, Vec<Tensor>)> =
        variants.into_iter().map(|variant| (variant, operands.clone())).collect();
    let Some(first) = operands.first() else { return variants };
    let mut axes = vec![None; operands.len()];
    axes[0] = Some(0);
    if let Ok(batched) = vmap(&program, &axes, &vec![Some(0); program.outputs.len()], 1) {
        let mut operands = operands.clone();
        let aval = first.aval().with_shape(first.shape().inserted(0, 1));
        operands[0] = first.clone().reinterpret(aval).expect("as many elements");
        variants.push((batched, operands));
    }
    variants
}

#[test]
fn optimized_samples_and_their_transforms_are_what_they_were() {
    let (mut broken, mut changed) = (Vec::new(), 0);
    for sample in ops::samples() {
        for (program, operands) in variants(&sample) {
            match check_optimized(&program, &operands) {
                Ok(is_changed) => changed += usize::from(is_changed),
                Err(why) => broken.push(format!("{}: {why}\n{program}", sample.op.name())),
            }
        }
    }
    let shown = broken.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    assert!(broken.is_empty(), "{} programs differ:\n{shown}", broken.len());
    assert!(changed > 1000, "only {changed} programs are rewritten");
}

/// The programs of the case files whose loops end whatever the numbers, and of the samples, with their transformations.
#[test]
fn optimized_cases_are_what_they_were() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["tests/cases/optimize", "tests/cases/lower", "tests/cases/schedule", "samples"];
    let mut count = 0;
    for path in folders.iter().flat_map(|folder| std::fs::read_dir(root.join(folder)).expect("a folder")) {
        let path = path.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "ir") {
            continue;
        }
        let mut sources = Sources::new();
        let id = sources.add("case.ir", std::fs::read_to_string(&path).expect("a text"));
        let mut source = front::read(&sources, id).expect("a program");
        // Values from other files are not at hand here.
        if exports::bind_constants(&mut source, &HashMap::new()).is_err() {
            continue;
        }
        for entry in exports::entries(&source, &[]).expect("transformations that exist") {
            count += 1;
            let name = format!("{} of {}", entry.name, path.display());
            check_optimized(&entry.program, &[]).map(drop).unwrap_or_else(|why| panic!("{name}: {why}"));
        }
    }
    assert!(count >= 30, "{count} programs");
}

#[test]
fn work_grows_with_the_program_alone() {
    let long = |repeats: usize| {
        let mut equations = String::new();
        let mut last = "x".to_string();
        for at in 0..repeats {
            equations += &format!("a{at}:f32[3,2] = transpose[permutation=(1, 0)] {last}\n");
            equations += &format!("b{at}:f32[6] = reshape[dimensions=None new_sizes=(6,)] a{at}\n");
            equations += &format!("c{at}:f32[6] = neg b{at}\n");
            equations += &format!("d{at}:f32[2,3] = reshape[dimensions=None new_sizes=(2, 3)] c{at}\n");
            last = format!("d{at}");
        }
        program("x:f32[2,3]", &equations)
    };
    // Every equation that was ever written has a variable of its own.
    let written = |repeats: usize| super::swept(&long(repeats)).expect("it does not fail").vars.len();
    assert!(written(5000) <= 2 * 20_000, "{} for 20000 equations", written(5000));
}
