//! Values that JAX 0.10.2 computes on CPU, and refusals.

use super::*;
use crate::ir::{Builder, Params, Value};
use crate::ops::Op;
use crate::ops::rules::{JvpCx, Tangent};
use crate::ops::tests::no_bodies;
use crate::types::{Aval, DType, Shape, Tensor};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

fn vector(dtype: DType, values: &[f64]) -> Tensor {
    Tensor::from_f64s(dtype, [values.len()], values)
}

/// Checks one operation on vectors of one dtype, the text of the results telling zeros and NaN apart.
fn check(op: impl Into<Op>, dtype: DType, operands: &[&[f64]], expected: &str) {
    let operands: Vec<Tensor> = operands.iter().map(|values| vector(dtype, values)).collect();
    check_tensors(op, &operands, expected);
}

fn check_tensors(op: impl Into<Op>, operands: &[Tensor], expected: &str) {
    let op = op.into();
    let avals: Vec<Aval> = operands.iter().map(|tensor| tensor.aval().clone()).collect();
    let inferred = op.infer(&avals).expect("the test is well typed");
    let found = op.eval(&no_bodies(), operands).expect("the operation can be evaluated");
    assert_eq!(inferred, [found[0].aval().clone()], "{op:?}");
    assert_eq!(found[0].to_string(), expected, "{op:?}");
}

fn refuses(op: impl Into<Op>, operands: &[Aval], message: &str) {
    let op = op.into();
    assert_eq!(op.infer(operands).expect_err("the operands do not fit").to_string(), message, "{op:?}");
}

fn binary(kind: BinaryKind) -> Binary {
    Binary(kind)
}

#[test]
fn extrema_order_zeros_and_keep_nan() {
    let xs = [0.0, -0.0, NAN, 1.0, -0.0];
    let ys = [-0.0, 0.0, 1.0, NAN, -0.0];
    check(binary(BinaryKind::Max), DType::F64, &[&xs, &ys], "[0.0, 0.0, nan, nan, -0.0]");
    check(binary(BinaryKind::Min), DType::F64, &[&xs, &ys], "[-0.0, -0.0, nan, nan, -0.0]");
    check(
        Clamp,
        DType::F64,
        &[&[0.0, 0.0, NAN, 0.0, 2.0], &[NAN, -1.0, 1.0, 2.0, 1.0], &[1.0, 1.0, 1.0, NAN, 1.0]],
        "[nan, 0.0, nan, nan, 1.0]",
    );
    check(Clamp, DType::F64, &[&[0.0, -0.0, 0.0], &[-0.0, 0.0, 3.0], &[1.0, 1.0, -1.0]], "[0.0, 0.0, -1.0]");
}

#[test]
fn integer_division_is_total() {
    let least = f64::from(i32::MIN);
    let (xs, ys) = ([5.0, -5.0, 0.0, least, -7.0, 7.0], [0.0, 0.0, 0.0, -1.0, 2.0, -2.0]);
    check(binary(BinaryKind::Div), DType::I32, &[&xs, &ys], "[-1, -1, -1, -2147483648, -3, -3]");
    check(binary(BinaryKind::Rem), DType::I32, &[&xs, &ys], "[5, -5, 0, 0, -1, 1]");
    check(binary(BinaryKind::Div), DType::U8, &[&[5.0, 200.0], &[0.0, 3.0]], "[255, 66]");
    check(binary(BinaryKind::Div), DType::U64, &[&[5.0], &[0.0]], "[18446744073709551615]");
    let (xs, ys) = ([5.5, -5.5, 1.0, INF, 1.0, -4.0], [2.0, 2.0, 0.0, 2.0, INF, 2.0]);
    check(binary(BinaryKind::Rem), DType::F64, &[&xs, &ys], "[1.5, -1.5, nan, nan, 1.0, -0.0]");
}

#[test]
fn shifts_beyond_the_width_shift_everything_out() {
    let ys = [31.0, 32.0, -1.0, 40.0];
    check(
        binary(BinaryKind::ShiftLeft),
        DType::I32,
        &[&[1.0, 1.0, 1.0, -1.0], &ys],
        "[-2147483648, 0, 0, 0]",
    );
    check(
        binary(BinaryKind::ShiftRightLogical),
        DType::I32,
        &[&[-1.0, -1.0, -1.0, 8.0], &ys],
        "[1, 0, 0, 0]",
    );
    check(
        binary(BinaryKind::ShiftRightArithmetic),
        DType::I32,
        &[&[-8.0, -8.0, 8.0, 8.0], &ys],
        "[-1, -1, 0, 0]",
    );
    check(binary(BinaryKind::ShiftRightArithmetic), DType::U8, &[&[200.0, 200.0], &[1.0, 9.0]], "[228, 255]");
}

#[test]
fn powers() {
    let xs = [-2.0, -2.0, 0.0, 0.0, -0.0, -8.0, 1.0, NAN, -1.0];
    let ys = [3.0, -2.0, 0.0, -1.0, -1.0, 0.5, NAN, 0.0, INF];
    check(
        binary(BinaryKind::Pow),
        DType::F64,
        &[&xs, &ys],
        "[-8.0, 0.25, 1.0, inf, -inf, nan, 1.0, 1.0, 1.0]",
    );
    // The exponent is rounded to the type of the base: 257 becomes 256.
    let (bases, exponents) =
        (vector(DType::BF16, &[-1.0, -1.0, 2.0]), vector(DType::I32, &[257.0, 3.0, 5.0]));
    check_tensors(binary(BinaryKind::Pow), &[bases, exponents], "[1.0, -1.0, 32.0]");
    check(IntegerPow { y: -2 }, DType::F64, &[&[0.0, -0.0, 2.0, INF]], "[inf, inf, 0.25, 0.0]");
    check(IntegerPow { y: 5 }, DType::I8, &[&[3.0, -2.0]], "[-13, -32]");
    check(IntegerPow { y: 0 }, DType::F32, &[&[NAN]], "[1.0]");
    let message = "expected an exponent of at least 0 for i32, found -1";
    refuses(IntegerPow { y: -1 }, &[Aval::scalar(DType::I32)], message);
}

#[test]
fn neighbours_and_high_products() {
    let (xs, ys) = ([0.0, -0.0, 1.0, 1.0, NAN, INF, 0.0], [1.0, 0.0, 2.0, 0.0, 1.0, 0.0, -0.0]);
    let expected =
        "[5e-324, 0.0, 1.0000000000000002, 0.9999999999999999, nan, 1.7976931348623157e+308, -0.0]";
    check(binary(BinaryKind::NextAfter), DType::F64, &[&xs, &ys], expected);
    check(binary(BinaryKind::NextAfter), DType::BF16, &[&[1.0, 1.0], &[2.0, 0.0]], "[1.0078125, 0.99609375]");
    let two = |power: i32| 2f64.powi(power);
    check(binary(BinaryKind::MulHigh), DType::I64, &[&[-two(62), two(40)], &[8.0, -two(40)]], "[-2, -65536]");
    check(
        binary(BinaryKind::MulHigh),
        DType::U64,
        &[&[two(63), two(63)], &[3.0, two(63)]],
        "[1, 4611686018427387904]",
    );
}

#[test]
fn comparisons_of_specials() {
    let xs = [NAN, -NAN, -INF, -1.0, -0.0, 0.0, INF];
    let zeros = [0.0; 7];
    check(
        Compare(CompareKind::Eq),
        DType::F32,
        &[&xs, &zeros],
        "[False, False, False, False, True, True, False]",
    );
    check(
        Compare(CompareKind::Ne),
        DType::F32,
        &[&xs, &xs],
        "[True, True, False, False, False, False, False]",
    );
    let expected = "[False, True, True, True, True, False, False]";
    check(Compare(CompareKind::LtTotal), DType::BF16, &[&xs, &zeros], expected);
    check(
        Compare(CompareKind::EqTotal),
        DType::F32,
        &[&xs, &xs],
        "[True, True, True, True, True, True, True]",
    );
    check(
        Compare(CompareKind::Lt),
        DType::Bool,
        &[&[1.0, 0.0, 1.0], &[1.0, 1.0, 0.0]],
        "[False, True, False]",
    );
}

#[test]
fn select_clamps_its_index() {
    let operand = |values: &[f64]| vector(DType::F32, values);
    let index = vector(DType::I32, &[-1.0, 0.0, 2.0, 7.0]);
    let cases = [operand(&[1., 2., 3., 4.]), operand(&[5., 6., 7., 8.]), operand(&[9., 10., 11., 12.])];
    let [a, b, c] = cases;
    check_tensors(Select, &[index, a.clone(), b.clone(), c], "[1.0, 2.0, 11.0, 12.0]");
    let mask = Tensor::from_f64s(DType::Bool, Shape::scalar(), &[1.0]);
    check_tensors(Select, &[mask, a, b], "[5.0, 6.0, 7.0, 8.0]");
    let bools = |n: usize| [vec![Aval::scalar(DType::Bool)], vec![Aval::new(DType::F32, [2]); n]].concat();
    refuses(Select, &bools(3), "a bool selects among at most 2 cases, found 3");
    refuses(Select, &bools(0), "expected at least 1 case, found 0");
}

#[test]
fn conversions() {
    let to = |dtype| Convert { dtype };
    let wild = [NAN, INF, -INF, 1e30, -1e30, -1.5, 1.5, 300.7, -300.0, -0.0, 0.5];
    check(to(DType::I8), DType::F64, &[&wild], "[0, 127, -128, 127, -128, -1, 1, 127, -128, 0, 0]");
    check(to(DType::U8), DType::F32, &[&wild], "[0, 255, 0, 255, 0, 0, 1, 255, 0, 0, 0]");
    let expected = "[True, True, True, True, True, True, True, True, True, False, True]";
    check(to(DType::Bool), DType::F64, &[&wild], expected);
    check(to(DType::I8), DType::I32, &[&[300.0, -1.0, 128.0]], "[44, -1, -128]");
    check(
        to(DType::F32),
        DType::I64,
        &[&[4611686293305294849.0, 9007199254740993.0]],
        "[4.611686018427388e+18, 9007199254740992.0]",
    );
    check(to(DType::F16), DType::I64, &[&[1099511627776.0, 2049.0, 2051.0]], "[inf, 2048.0, 2052.0]");
    let key = Aval::scalar(DType::KeyFry);
    refuses(
        to(DType::U32),
        &[key],
        "expected an operand of kind bool or signed or unsigned or float or complex, found key<fry>",
    );
}

#[test]
fn bitcasts_change_the_rank() {
    check(Bitcast { dtype: DType::U8 }, DType::F32, &[&[1.0, 2.0]], "[[0, 0, 128, 63], [0, 0, 0, 64]]");
    let bytes = Tensor::from_f64s(DType::U8, [1, 4], &[0.0, 0.0, 128.0, 63.0]);
    check_tensors(Bitcast { dtype: DType::F32 }, &[bytes], "[1.0]");
    let message = "expected a last axis of extent 4 that makes one f32, found u8[1,3]";
    refuses(Bitcast { dtype: DType::F32 }, &[Aval::new(DType::U8, [1, 3])], message);
}

#[test]
fn reduced_precision() {
    let values = [1.5, 3.0, 1.25, 0.75, 6.0, 1e30, NAN, -1.5, 0.0, -0.0, 65519.0, 65520.0, 6e-5];
    let to = |exponent_bits, mantissa_bits| ReducePrecision { exponent_bits, mantissa_bits };
    let expected = "[2.0, 2.0, 1.0, 0.5, 8.0, 1.2676506002282294e+30, nan, -2.0, 0.0, -0.0, 65536.0, 65536.0, \
                    6.103515625e-05]";
    check(to(8, 0), DType::F32, &[&values], expected);
    let expected = "[1.5, 3.0, 1.25, 0.75, 6.0, inf, nan, -1.5, 0.0, -0.0, 65504.0, inf, 0.0]";
    check(to(5, 10), DType::F32, &[&values], expected);
    let expected = "[inf, inf, 0.0, 0.0, inf, inf, nan, -inf, 0.0, -0.0, inf, inf, 0.0]";
    check(to(1, 0), DType::F32, &[&values], expected);
    check(to(5, 2), DType::F16, &[&[1.4, 6e-8, 1e-5, 60000.0]], "[1.5, 0.0, 1.52587890625e-05, 57344.0]");
    refuses(to(0, 5), &[Aval::scalar(DType::F32)], "expected at least 1 exponent bit, found 0");
}

#[test]
fn products_in_a_wider_type_are_read() {
    let class = Value::Opaque("<class 'jax.numpy.float64'>".into());
    let op =
        crate::ops::parse("mul", &Params::new().with("out_dtype", class), &[]).expect("the name is known");
    assert_eq!(op, Ok(Op::from(WideMul { dtype: DType::F64 })));
    let op = crate::ops::parse("mul", &Params::new().with("out_dtype", Value::None), &[])
        .expect("the name is known");
    assert_eq!(op, Ok(Op::from(Binary(BinaryKind::Mul))));
}

#[test]
fn operands_that_do_not_fit_are_refused() {
    let aval = |dtype, shape: &[usize]| Aval::new(dtype, shape);
    let add = binary(BinaryKind::Add);
    refuses(add, &[aval(DType::F32, &[3])], "expected 2 operands, found 1");
    refuses(add, &[aval(DType::F32, &[3]), aval(DType::F32, &[4])], "operand shapes [3] and [4] differ");
    refuses(add, &[aval(DType::F32, &[3]), aval(DType::F64, &[3])], "operand dtypes f32 and f64 differ");
    let message = "expected an operand of kind signed or unsigned or float or complex, found bool";
    refuses(add, &[aval(DType::Bool, &[]), aval(DType::Bool, &[])], message);
    refuses(
        Compare(CompareKind::Lt),
        &[aval(DType::C64, &[]), aval(DType::C64, &[])],
        "expected an operand of kind bool or signed or unsigned or float, found c64",
    );
}

/// The tangent of an operation on constants, with tangents of one in every float operand.
fn check_tangent(op: impl Into<Op>, operands: &[Tensor], expected: &str) {
    let op = op.into();
    let mut b = Builder::new();
    let primals: Vec<_> = operands.iter().map(|tensor| b.tensor(tensor.clone())).collect();
    let tangents: Vec<Tangent> = operands
        .iter()
        .map(|tensor| {
            let aval = tensor.aval();
            match aval.dtype.is_float() {
                true => Tangent::Value(b.full(aval.dtype, &aval.shape, 1.0)),
                false => Tangent::Zero(aval.with_dtype(DType::Float0)),
            }
        })
        .collect();
    let duals = op
        .jvp(&mut JvpCx { builder: &mut b, bodies: crate::transform::BODIES }, &primals, &tangents)
        .expect("the operation has a jvp");
    let program = b.finish(vec![duals.tangents[0].value().expect("the tangent is not zero")]);
    let mut values: Vec<Option<Tensor>> = vec![None; program.vars.len()];
    for eqn in &program.equations {
        let operands: Vec<Tensor> = eqn
            .operands
            .iter()
            .map(|atom| match atom.var() {
                Some(var) => values[var.0 as usize].clone().expect("bound before"),
                None => Tensor::from_literal(atom.literal().expect("an atom is a variable or a literal")),
            })
            .collect();
        let results = eqn.op.eval(&no_bodies(), &operands).expect("jvp emits what can be evaluated");
        eqn.results.iter().zip(results).for_each(|(var, result)| values[var.0 as usize] = Some(result));
    }
    let output = program.outputs[0].var().expect("the tangent is computed");
    let found = values[output.0 as usize].clone().expect("bound before");
    assert_eq!(found.to_string(), expected, "{op:?}");
}

#[test]
fn tangents_at_the_edges() {
    let f64s = |values: &[f64]| vector(DType::F64, values);
    let i32s = |values: &[f64]| vector(DType::I32, values);
    // Ties share the tangent; here both sides move, so the shares add up.
    check_tangent(binary(BinaryKind::Max), &[f64s(&[1.0, 4.0]), f64s(&[1.0, 3.0])], "[1.0, 1.0]");
    check_tangent(
        binary(BinaryKind::Rem),
        &[f64s(&[5.5, -5.5, 5.5]), f64s(&[2.0, 2.0, -2.0])],
        "[-1.0, 3.0, 3.0]",
    );
    let (bases, exponents) = (f64s(&[0.0, 0.0, 0.0, 0.0, -2.0]), i32s(&[0.0, 1.0, -1.0, 2.0, 3.0]));
    check_tangent(binary(BinaryKind::Pow), &[bases, exponents], "[0.0, 1.0, -inf, 0.0, 12.0]");
    check_tangent(IntegerPow { y: -1 }, &[f64s(&[2.0, 0.0])], "[-0.25, -inf]");
    check_tangent(
        Clamp,
        &[f64s(&[1.0; 4]), f64s(&[1.0, 1.5, 2.0, 3.0]), f64s(&[2.0; 4])],
        "[0.0, 1.0, 0.0, 1.0]",
    );
}
