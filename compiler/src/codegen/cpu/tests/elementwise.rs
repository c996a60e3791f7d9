//! Every instruction on every type, on scalars and in vectors.

use super::{Build, at, check, check_along, nest, sample, store};
use crate::loops::{BinaryOp, BlockBuilder, CompareOp, Dim, Function, Inst, Stmt, UnaryOp, Val};
use crate::types::{DType, Literal};
use std::sync::Arc;

const FLOATS: [DType; 2] = [DType::F32, DType::F64];
const INTS: [DType; 8] =
    [DType::I8, DType::I16, DType::I32, DType::I64, DType::U8, DType::U16, DType::U32, DType::U64];

/// `out = compute(inputs..)` over `n` elements.
fn map(
    n: usize,
    inputs: &[DType],
    output: DType,
    compute: impl FnOnce(&mut BlockBuilder, &[Val]) -> Val,
) -> Function {
    let mut build = Build::default();
    let mut b = BlockBuilder::new();
    let buffers: Vec<_> = inputs.iter().map(|&dtype| build.input(dtype, [n])).collect();
    let vals: Vec<Val> =
        buffers.iter().zip(inputs).map(|(&buffer, &dtype)| b.load(at(buffer, &[0]), dtype)).collect();
    let value = compute(&mut b, &vals);
    let out = build.output(output, [n]);
    let stores = vec![store(out, at(out, &[0]).indices, value)];
    build.body.push(Stmt::Nest(nest(&[Dim::parallel(n)], b.finish(), stores)));
    build.finish()
}

fn check_binary(op: BinaryOp, dtype: DType) {
    let function = map(37, &[dtype, dtype], dtype, |b, x| {
        let (mut x, mut y) = (x[0], x[1]);
        let is_shift =
            [BinaryOp::ShiftLeft, BinaryOp::ShiftRightLogical, BinaryOp::ShiftRightArithmetic].contains(&op);
        if is_shift {
            let mask = b.int(dtype, i64::from(dtype.bits()) - 1);
            y = b.and(y, mask);
        }
        if dtype.is_integer() && [BinaryOp::Div, BinaryOp::Rem].contains(&op) {
            // Positive operands keep the preconditions of the machine form.
            let one = b.int(dtype, 1);
            let three = b.int(dtype, 3);
            y = b.and(y, three);
            y = b.add(y, one);
            x = b.shr(x, one);
        }
        b.binary(op, x, y)
    });
    check_along(&function, &[sample(dtype, [37], 1), sample(dtype, [37], 2)], 0, dtype.size_bytes());
}

#[test]
fn binary_operations() {
    use BinaryOp::*;
    for dtype in FLOATS {
        [Add, Sub, Mul, Div, Max, Min].into_iter().for_each(|op| check_binary(op, dtype));
    }
    for dtype in INTS {
        [Add, Sub, Mul, Div, Rem, Max, Min, And, Or, Xor].into_iter().for_each(|op| check_binary(op, dtype));
        [ShiftLeft, ShiftRightLogical, ShiftRightArithmetic]
            .into_iter()
            .for_each(|op| check_binary(op, dtype));
    }
    [And, Or, Xor, Max, Min].into_iter().for_each(|op| check_binary(op, DType::Bool));
}

#[test]
fn unary_operations() {
    use UnaryOp::*;
    let check = |op: UnaryOp, dtype: DType| {
        let function = map(37, &[dtype], dtype, |b, x| b.unary(op, x[0]));
        check_along(&function, &[sample(dtype, [37], 3)], 0, dtype.size_bytes());
    };
    for dtype in FLOATS {
        [Neg, Abs, Sqrt, Floor, Ceil, Trunc, RoundEven].into_iter().for_each(|op| check(op, dtype));
    }
    for dtype in INTS {
        [Neg, Abs, Not, PopulationCount, CountLeadingZeros].into_iter().for_each(|op| check(op, dtype));
    }
    check(Not, DType::Bool);
}

#[test]
fn comparisons_and_selections() {
    use CompareOp::*;
    for dtype in FLOATS.into_iter().chain(INTS).chain([DType::Bool]) {
        for op in [Eq, Ne, Lt, Le, Gt, Ge] {
            let inputs = [sample(dtype, [37], 1), sample(dtype, [37], 2)];
            let as_bool = map(37, &[dtype, dtype], DType::Bool, |b, x| b.compare(op, x[0], x[1]));
            check_along(&as_bool, &inputs, 0, dtype.size_bytes());
            let select = map(37, &[dtype, dtype], dtype, |b, x| {
                let mask = b.compare(op, x[0], x[1]);
                b.select(mask, x[1], x[0])
            });
            check_along(&select, &inputs, 0, dtype.size_bytes());
        }
    }
}

#[test]
fn conversions() {
    let all: Vec<DType> = FLOATS.into_iter().chain(INTS).chain([DType::Bool]).collect();
    for &from in &all {
        for &to in &all {
            let function = map(37, &[from], to, |b, x| b.convert(x[0], to));
            let inputs = [sample(from, [37], 5)];
            let is_mask = from == DType::Bool || to == DType::Bool;
            if from.size_bytes() == to.size_bytes() || is_mask {
                check_along(&function, &inputs, 0, from.size_bytes().max(to.size_bytes()));
            } else {
                check(&function, &inputs);
            }
        }
    }
}

#[test]
fn bitcasts() {
    for (from, to) in [(DType::F32, DType::I32), (DType::U32, DType::F32), (DType::F64, DType::U64)] {
        let function = map(37, &[from], to, |b, x| b.bitcast(x[0], to));
        check_along(&function, &[sample(from, [37], 7)], 0, from.size_bytes());
    }
}

#[test]
fn fused_multiply_add_and_logic() {
    for dtype in FLOATS {
        let function = map(21, &[dtype, dtype, DType::Bool], dtype, |b, x| {
            let fma = b.fma(x[0], x[1], x[0]);
            let zero = b.float(dtype, 0.0);
            let positive = b.gt(fma, zero);
            let not = b.not(x[2]);
            let mask = b.and(positive, not);
            b.select(mask, fma, x[1])
        });
        let inputs = [sample(dtype, [21], 100), sample(dtype, [21], 101), sample(DType::Bool, [21], 8)];
        check_along(&function, &inputs, 0, dtype.size_bytes());
    }
}

#[test]
fn every_tail() {
    for n in 0..34 {
        let function = map(n, &[DType::F32], DType::F32, |b, x| {
            let two = b.float(DType::F32, 2.0);
            b.mul(x[0], two)
        });
        check_along(&function, &[sample(DType::F32, [n], 100)], 0, 4);
    }
}

#[test]
fn positions() {
    for dtype in [DType::I32, DType::U32, DType::F32, DType::I64, DType::F64, DType::I16, DType::U8] {
        let function = map(37, &[dtype], dtype, |b, x| {
            let dim = b.dim(0);
            let position = b.convert(dim, dtype);
            b.add(x[0], position)
        });
        check_along(&function, &[sample(dtype, [37], 100)], 0, dtype.size_bytes());
    }
}

#[test]
fn slow_paths_and_tables() {
    for dtype in FLOATS {
        let function = map(37, &[dtype], dtype, |b, x| {
            let mut slow = BlockBuilder::new();
            let param = slow.param(dtype);
            let ten = slow.float(dtype, 10.0);
            let position = slow.convert(param, DType::I64);
            let (one, three) = (slow.int(DType::I64, 1), slow.int(DType::I64, 3));
            let position = slow.and(position, three);
            let position = slow.binary(BinaryOp::Max, position, one);
            let entries = [1.5, 2.5, 3.5, 4.5].map(|x| Literal::from_f64(dtype, x));
            let entry = slow.table(Arc::new(entries.to_vec()), position);
            let result = slow.fma(entry, ten, param);
            let limit = b.float(dtype, 5.0);
            let when = b.gt(x[0], limit);
            let fast = b.neg(x[0]);
            b.rare(when, fast, slow.finish_with(vec![result]), vec![x[0]])
        });
        check_along(&function, &[sample(dtype, [37], 11)], 0, dtype.size_bytes());
    }
}

#[test]
fn calls_of_scalar_routines() {
    extern "C" fn half(x: f64) -> f64 {
        x / 2.0
    }
    let function = map(5, &[DType::F64], DType::F64, |b, x| b.call("test_half", vec![x[0]]));
    let input = sample(DType::F64, [5], 100);
    let symbols = [("test_half", half as *const u8)];
    let output =
        super::run_with(&function, std::slice::from_ref(&input), "native", &symbols).expect("success");
    for (x, y) in input.scalars().zip(output[0].scalars()) {
        assert_eq!(x.float() / 2.0, y.float());
    }
}

#[test]
fn half_floats_are_their_bits() {
    let function = map(19, &[], DType::F16, |b, _| {
        let dim = b.dim(0);
        b.convert(dim, DType::U16)
    });
    assert!(matches!(function.body[0], Stmt::Nest(ref nest) if matches!(nest.block.insts[0], Inst::Dim(0))));
    let output = super::run(&function, &[], "native");
    let bits: Vec<u8> = (0..19u16).flat_map(u16::to_le_bytes).collect();
    assert_eq!(output[0].bytes(), bits);
}
