//! Through the interpreter: legalized code, held to the machine subset, against the original.

use super::block;
use crate::loops::interpret::{self, Strictness};
use crate::loops::{
    Access, BinaryOp, Block, BlockBuilder, Buffer, BufferId, Combine, CompareOp, Dim, Function, Index, Nest,
    Place, Reduction, Stmt, Store, UnaryOp, Val,
};
use crate::types::{DType, Literal, Scalar, Shape, Tensor};
use ::half::{bf16, f16};

const INTEGERS: [DType; 8] =
    [DType::I8, DType::I16, DType::I32, DType::I64, DType::U8, DType::U16, DType::U32, DType::U64];

#[test]
fn half_precision_bits_convert_exactly() {
    for dtype in [DType::F16, DType::BF16] {
        let up = legal(&[DType::U16], |b, args| {
            let narrow = b.bitcast(args[0], dtype);
            b.convert(narrow, DType::F32)
        });
        let round_trip = legal(&[DType::U16], |b, args| {
            let narrow = b.bitcast(args[0], dtype);
            b.bitcast(narrow, DType::U16)
        });
        for bits in 0..=u16::MAX {
            let want = if dtype == DType::F16 {
                f16::from_bits(bits).to_f32()
            } else {
                bf16::from_bits(bits).to_f32()
            };
            let arg = [Scalar::Int(i128::from(bits))];
            let got = machine(&up, &arg).float();
            assert!(
                got as f32 == want || got.is_nan() && want.is_nan(),
                "{dtype} {bits:#x}: {got}, not {want}"
            );
            assert!(
                (got as f32).is_sign_negative() == want.is_sign_negative() || want.is_nan(),
                "{dtype} {bits:#x}"
            );
            if !want.is_nan() {
                assert_eq!(machine(&round_trip, &arg), arg[0], "{dtype} {bits:#x}");
            }
        }
    }
}

#[test]
fn rounding_to_half_precision_is_exact() {
    for dtype in [DType::F16, DType::BF16] {
        for from in [DType::F32, DType::F64] {
            let down = legal(&[from], |b, args| {
                let narrow = b.convert(args[0], dtype);
                b.bitcast(narrow, DType::U16)
            });
            for high in (0..=u16::MAX).step_by(3) {
                for low in [0u32, 1, 0x1000, 0x1001, 0x7fff, 0x8000, 0x8001, 0xffff] {
                    let single = f64::from(f32::from_bits(u32::from(high) << 16 | low));
                    // In F64, also just beside every tie.
                    let x =
                        if from == DType::F64 { single * (1.0 + f64::from(low & 3) * 1e-12) } else { single };
                    let want = nearest(dtype, x);
                    let got = machine(&down, &[Literal::from_f64(from, x).value()]).int();
                    let is_nan = got & 0x7fff > if dtype == DType::F16 { 0x7c00 } else { 0x7f80 };
                    assert!(
                        got == i128::from(want) || x.is_nan() && is_nan,
                        "{from} {x:e} as {dtype}: {got:#x}"
                    );
                }
            }
        }
    }
}

#[test]
fn half_precision_operations_round_once_each() {
    let unary =
        [UnaryOp::Neg, UnaryOp::Abs, UnaryOp::Exp, UnaryOp::Log, UnaryOp::Tanh, UnaryOp::Sqrt, UnaryOp::Sin];
    let binary =
        [BinaryOp::Add, BinaryOp::Mul, BinaryOp::Div, BinaryOp::Max, BinaryOp::Rem, BinaryOp::NextAfter];
    for dtype in [DType::F16, DType::BF16] {
        for bits in (0..=u16::MAX).step_by(37) {
            let x = Scalar::decode(dtype, &bits.to_le_bytes());
            for op in unary {
                agrees_within_one_step(dtype, &[x], |b, args| b.unary(op, args[0]));
            }
            let y = Scalar::decode(dtype, &bits.wrapping_mul(40503).to_le_bytes());
            for op in binary {
                agrees_within_one_step(dtype, &[x, y], |b, args| b.binary(op, args[0], args[1]));
            }
        }
    }
}

#[test]
fn integers_keep_their_edge_cases() {
    let ops = [
        BinaryOp::Div,
        BinaryOp::Rem,
        BinaryOp::ShiftLeft,
        BinaryOp::ShiftRightLogical,
        BinaryOp::ShiftRightArithmetic,
        BinaryOp::MulHigh,
        BinaryOp::Max,
    ];
    for dtype in INTEGERS {
        let edges: Vec<Scalar> = [0, 1, -1, 2, 3, 7, 8, 31, 32, 63, 64, 100, i64::MIN, i64::MAX]
            .into_iter()
            .chain([-1 << (dtype.bits() - 1), (1i64 << (dtype.bits() - 2)) - 1])
            .map(|x| Scalar::Int(i128::from(x)).rounded(dtype))
            .collect();
        for &x in &edges {
            for op in [
                UnaryOp::Neg,
                UnaryOp::Abs,
                UnaryOp::Sign,
                UnaryOp::PopulationCount,
                UnaryOp::CountLeadingZeros,
            ] {
                agrees(&[dtype], &[x], |b, args| b.unary(op, args[0]));
            }
            for (&y, op) in edges.iter().flat_map(|y| ops.map(|op| (y, op))) {
                agrees(&[dtype; 2], &[x, y], |b, args| b.binary(op, args[0], args[1]));
                agrees(&[dtype], &[x], |b, args| {
                    let constant = b.int(dtype, y.int() as i64);
                    b.binary(op, args[0], constant)
                });
            }
        }
    }
}

#[test]
fn bools_have_logic_and_order() {
    let compares = [CompareOp::Eq, CompareOp::Ne, CompareOp::Lt, CompareOp::Le, CompareOp::Gt, CompareOp::Ge];
    let binary = [BinaryOp::Add, BinaryOp::Mul, BinaryOp::Max, BinaryOp::Min, BinaryOp::Xor];
    for args in [(false, false), (false, true), (true, false), (true, true)] {
        let args = [Scalar::Bool(args.0), Scalar::Bool(args.1)];
        for op in compares {
            agrees(&[DType::Bool; 2], &args, |b, args| b.compare(op, args[0], args[1]));
        }
        for op in binary {
            agrees(&[DType::Bool; 2], &args, |b, args| b.binary(op, args[0], args[1]));
        }
    }
}

#[test]
fn floats_of_8_bits_convert_exactly() {
    for dtype in [DType::F8E4M3FN, DType::F8E5M2] {
        let up = legal(&[DType::U8], |b, args| {
            let narrow = b.bitcast(args[0], dtype);
            b.convert(narrow, DType::F32)
        });
        let down = legal(&[DType::F32], |b, args| {
            let narrow = b.convert(args[0], dtype);
            b.bitcast(narrow, DType::U8)
        });
        for bits in 0..=u8::MAX {
            let want = Scalar::decode(dtype, &[bits]).float();
            let got = machine(&up, &[Scalar::Int(i128::from(bits))]).float();
            assert!(
                got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
                "{dtype} {bits:#x}: {got}, not {want}"
            );
        }
        for high in (0..=u16::MAX).step_by(3) {
            for low in [0u32, 1, 0x8000, 0xffff] {
                let x = f64::from(f32::from_bits(u32::from(high) << 16 | low));
                let mut want = Vec::new();
                Scalar::Float(x).encode(dtype, &mut want);
                let got = machine(&down, &[Scalar::Float(x)]).int();
                assert!(
                    got == i128::from(want[0]) || x.is_nan(),
                    "{x:e} as {dtype}: {got:#x}, not {want:x?}"
                );
            }
        }
    }
}

#[test]
fn integers_below_one_byte_wrap() {
    let unary = [UnaryOp::Neg, UnaryOp::Abs, UnaryOp::Not, UnaryOp::Sign, UnaryOp::PopulationCount];
    let binary = [
        BinaryOp::Add,
        BinaryOp::Sub,
        BinaryOp::Mul,
        BinaryOp::Div,
        BinaryOp::Rem,
        BinaryOp::Max,
        BinaryOp::And,
        BinaryOp::Xor,
        BinaryOp::ShiftLeft,
        BinaryOp::ShiftRightLogical,
        BinaryOp::ShiftRightArithmetic,
        BinaryOp::MulHigh,
    ];
    for dtype in [DType::I2, DType::I4, DType::U2, DType::U4] {
        let values: Vec<Scalar> =
            (0..1 << dtype.bits()).map(|bits| Scalar::decode(dtype, &[bits as u8])).collect();
        for &x in &values {
            for op in unary.into_iter().chain([UnaryOp::CountLeadingZeros]) {
                agrees(&[dtype], &[x], |b, args| b.unary(op, args[0]));
            }
            for to in [DType::I4, DType::U2, DType::I32, DType::F32, DType::Bool] {
                agrees(&[dtype], &[x], |b, args| b.convert(args[0], to));
            }
            for (&y, op) in values.iter().flat_map(|y| binary.map(|op| (y, op))) {
                agrees(&[dtype; 2], &[x, y], |b, args| b.binary(op, args[0], args[1]));
            }
        }
        for x in [-9.5, -1.5, 0.5, 3.0, 100.0, f64::NAN] {
            agrees(&[DType::F32], &[Scalar::Float(x)], |b, args| b.convert(args[0], dtype));
        }
        for x in [-9, -1, 3, 200] {
            agrees(&[DType::I32], &[Scalar::Int(x)], |b, args| b.convert(args[0], dtype));
        }
    }
}

/// Infinities, zeros and branch cuts, as JAX 0.10.2 answers on CPU.
#[test]
fn complex_functions_have_the_edges_of_jax() {
    use UnaryOp::*;
    let (inf, nan, pi) = (f64::INFINITY, f64::NAN, f64::from(std::f32::consts::PI));
    let cases = [
        (Sqrt, (-4.0, -0.0), (0.0, 2.0)),
        (Sqrt, (-inf, 0.0), (0.0, inf)),
        (Sqrt, (0.0, inf), (inf, inf)),
        (Sqrt, (0.0, 0.0), (0.0, 0.0)),
        (Rsqrt, (0.0, 0.0), (inf, nan)),
        (Rsqrt, (-inf, 0.0), (0.0, 0.0)),
        (Exp, (-inf, 1.0), (0.0, 0.0)),
        (Exp, (inf, 0.0), (inf, 0.0)),
        (Exp, (0.0, inf), (nan, nan)),
        (Expm1, (-inf, 0.0), (-1.0, 0.0)),
        (Log, (0.0, 0.0), (-inf, 0.0)),
        (Log, (-4.0, -0.0), (f64::from(4f32.ln()), -pi)),
        (Log, (0.0, inf), (inf, pi / 2.0)),
        (Sin, (0.0, inf), (0.0, inf)),
        (Cos, (0.0, inf), (inf, 0.0)),
        (Sinh, (inf, 0.0), (inf, 0.0)),
        (Tan, (inf, inf), (0.0, 1.0)),
        (Tanh, (-inf, nan), (-1.0, 0.0)),
        (Asin, (inf, 0.0), (pi / 2.0, inf)),
        (Acos, (-inf, 0.0), (pi, -inf)),
        (Acosh, (0.0, -0.0), (0.0, pi / 2.0)),
        (Asinh, (0.0, inf), (inf, pi / 2.0)),
        (Atanh, (1.0, 0.0), (inf, 0.0)),
        (Atanh, (inf, inf), (0.0, pi / 2.0)),
        (Sign, (inf, 0.0), (nan, 0.0)),
        (Logistic, (-inf, 0.0), (0.0, 0.0)),
    ];
    for (op, z, want) in cases {
        let got = complex_parts(&[z], |b, args| b.unary(op, args[0]));
        assert!(same_number(got, want), "{op:?} of {z:?}: {got:?}, not {want:?}");
    }
    let quotients = [
        ((1.0, 2.0), (0.0, 0.0), (inf, inf)),
        ((1.0, 2.0), (-0.0, 0.0), (-inf, -inf)),
        ((1.0, 2.0), (inf, nan), (0.0, 0.0)),
        ((0.0, 0.0), (0.0, 0.0), (nan, nan)),
        ((1e38, 1e38), (1e38, 1e38), (1.0, 0.0)),
        ((1e-30, 0.0), (1e-30, 1e-30), (0.5, -0.5)),
    ];
    for (x, y, want) in quotients {
        let got = complex_parts(&[x, y], |b, args| b.div(args[0], args[1]));
        assert!(same_number(got, want), "{x:?} / {y:?}: {got:?}, not {want:?}");
    }
}

/// Are the numbers equal but for the rounding of the larger part?
fn same_number(got: (f64, f64), want: (f64, f64)) -> bool {
    let size = [want.0, want.1]
        .into_iter()
        .filter(|part| part.is_finite())
        .fold(0.0, |size: f64, part| size.max(part.abs()));
    let same = |got: f64, want: f64| {
        got.is_nan() && want.is_nan() || got == want || (got - want).abs() <= 1e-7 * size
    };
    same(got.0, want.0) && same(got.1, want.1)
}

/// Applies `f` to complex numbers of two F32 parts, in machine code.
fn complex_parts(args: &[(f64, f64)], f: impl Fn(&mut BlockBuilder, &[Val]) -> Val) -> (f64, f64) {
    let mut b = BlockBuilder::new();
    let numbers: Vec<Val> = args
        .iter()
        .map(|_| {
            let (re, im) = (b.param(DType::F32), b.param(DType::F32));
            b.binary(BinaryOp::Complex, re, im)
        })
        .collect();
    let result = f(&mut b, &numbers);
    let source = b.finish_with(vec![result]);
    let split = super::complex::block(&source).expect("it is supported");
    let legal = block(&split).expect("it is supported");
    let parts: Vec<Scalar> =
        args.iter().flat_map(|&(re, im)| [Scalar::Float(re), Scalar::Float(im)]).collect();
    let results = interpret::block(&legal, &parts, Strictness::Machine).expect("it is in the subset");
    (results[0].float(), results[1].float())
}

#[test]
fn unsupported_types_are_named() {
    let mut b = BlockBuilder::new();
    b.param(DType::Float0);
    assert_eq!(block(&b.finish()), Err("float0 has no values".to_string()));
}

/// `out[i] += exp(sum over j of x[i, j])`, as in a scatter, on F16 buffers: bits in, bits out.
#[test]
fn nests_on_half_precision_buffers_keep_their_meaning() {
    let mut function = sum_of_rows();
    let input = Tensor::from_f64s(DType::F16, [2, 3], &[0.5, 0.25, -0.125, 1.0, 2.0, -2.5]);
    let want =
        interpret::function(&function, std::slice::from_ref(&input), Strictness::Source).expect("it runs");
    super::function(&mut function).expect("it is supported");
    let got = interpret::function(&function, &[input], Strictness::Machine).expect("it runs on a machine");
    assert_eq!(got, want);
    let Stmt::Nest(nest) = &function.body[1] else { panic!("the second statement is the sum") };
    assert!(nest.stores.iter().all(|store| store.combine.is_none()));
}

fn sum_of_rows() -> Function {
    let mut zero = Nest::new(vec![Dim::parallel(2)]);
    let mut b = BlockBuilder::new();
    let value = b.float(DType::F16, 0.5);
    zero.block = b.finish();
    zero.stores.push(store(value, None));
    let mut sum = Nest::new(vec![Dim::parallel(2), Dim::reduce(3)]);
    let mut b = BlockBuilder::new();
    let x = b.load(Access::new(BufferId(0), vec![Index::dim(0), Index::dim(1)]), DType::F16);
    let init = b.float(DType::F16, 0.0);
    let reduced = b.reduced(0, 0, DType::F16);
    let value = b.unary(UnaryOp::Exp, reduced);
    // Dead, and outside of the subset.
    b.unary(UnaryOp::Erf, x);
    sum.block = b.finish();
    sum.reductions.push(Reduction {
        combine: Combine::Op(BinaryOp::Add),
        inits: vec![init],
        values: vec![x],
    });
    sum.stores.push(store(value, Some(BinaryOp::Add)));
    let buffer = |shape: Shape, place| Buffer { dtype: DType::F16, shape, place };
    Function {
        name: "sum_of_rows".into(),
        buffers: vec![buffer([2, 3].into(), Place::Input(0)), buffer([2].into(), Place::Output(0))],
        body: vec![Stmt::Nest(zero), Stmt::Nest(sum)],
        arena_bytes: 0,
    }
}

fn store(value: Val, combine: Option<BinaryOp>) -> Store {
    Store { buffer: BufferId(1), indices: vec![Index::dim(0)], value, mask: None, combine }
}

fn original(params: &[DType], f: impl FnOnce(&mut BlockBuilder, &[Val]) -> Val) -> Block {
    let mut b = BlockBuilder::new();
    let args: Vec<Val> = params.iter().map(|&dtype| b.param(dtype)).collect();
    let result = f(&mut b, &args);
    b.finish_with(vec![result])
}

fn legal(params: &[DType], f: impl FnOnce(&mut BlockBuilder, &[Val]) -> Val) -> Block {
    block(&original(params, f)).expect("it is supported")
}

/// The bits of the value nearest to `x`, ties to even: the best of the three around a first guess. (The crate's own
/// conversion from f64 drops digits before it rounds.)
fn nearest(dtype: DType, x: f64) -> u16 {
    let single = x as f32;
    let is_f16 = dtype == DType::F16;
    let guess = if is_f16 { f16::from_f32(single).to_bits() } else { bf16::from_f32(single).to_bits() };
    let value =
        |bits: u16| if is_f16 { f16::from_bits(bits).to_f64() } else { bf16::from_bits(bits).to_f64() };
    if f64::from(single) == x || !value(guess).is_finite() || guess & 0x7fff == 0 {
        return guess;
    }
    let candidates = [guess, guess + 1, guess - 1].into_iter().filter(|&bits| value(bits).is_finite());
    let distance = |bits: u16| (value(bits) - x).abs();
    let closer = |best: u16, bits: u16| {
        let (old, new) = (distance(best), distance(bits));
        if new < old || new == old && bits & 1 == 0 { bits } else { best }
    };
    candidates.reduce(closer).expect("the guess is finite")
}

/// The machine interpreter refuses whatever is outside of the subset, so this also checks membership.
fn machine(block: &Block, args: &[Scalar]) -> Scalar {
    interpret::block(block, args, Strictness::Machine).expect("legalized code is in the subset")[0]
}

fn agrees(params: &[DType], args: &[Scalar], f: impl Fn(&mut BlockBuilder, &[Val]) -> Val) {
    let source = original(params, &f);
    let want = interpret::block(&source, args, Strictness::Source).expect("the original runs")[0];
    assert_eq!(machine(&block(&source).expect("it is supported"), args), want, "{source:?} of {args:?}");
}

fn agrees_within_one_step(dtype: DType, args: &[Scalar], f: impl Fn(&mut BlockBuilder, &[Val]) -> Val) {
    let source = original(&vec![dtype; args.len()], &f);
    let want = interpret::block(&source, args, Strictness::Source).expect("the original runs")[0].float();
    let got = machine(&block(&source).expect("it is supported"), args).float();
    let fraction = if dtype == DType::F16 { 10 } else { 7 };
    // A BF16 denormal is an F32 one, which may be flushed.
    let least = if dtype == DType::F16 { 2f64.powi(-14) } else { 2f64.powi(-125) };
    let step = want.abs().max(least) * 2f64.powi(-fraction);
    let close =
        (want - got).abs() <= step || want == got || dtype == DType::BF16 && want.abs() < least && got == 0.0;
    let operand_flushed =
        dtype == DType::BF16 && args.iter().any(|arg| arg.float().abs() < least && arg.float() != 0.0);
    assert!(
        close || want.is_nan() && got.is_nan() || operand_flushed,
        "{source:?} of {args:?}: {got}, not {want}"
    );
}
