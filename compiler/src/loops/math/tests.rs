//! Accuracy, special values and machine-subset membership of every function, through the interpreter. Each block is
//! tested as it is and with every `Fma` split in two roundings. See Note: contraction.

use super::{binary, unary};
use crate::loops::interpret::{self, Strictness};
use crate::loops::{BinaryOp, Block, BlockBuilder, Inst, UnaryOp, Val};
use crate::types::{DType, Literal, Scalar};
use std::sync::Arc;

// Reference values in F64, correctly rounded from 1300-bit arithmetic: function, operands, result (bits).
const REFERENCES: &str = include_str!("references.txt");

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

const UNARY: [UnaryOp; 29] = [
    UnaryOp::RoundAway,
    UnaryOp::Sign,
    UnaryOp::Rsqrt,
    UnaryOp::Cbrt,
    UnaryOp::Exp,
    UnaryOp::Exp2,
    UnaryOp::Expm1,
    UnaryOp::Log,
    UnaryOp::Log1p,
    UnaryOp::Sin,
    UnaryOp::Cos,
    UnaryOp::Tan,
    UnaryOp::Asin,
    UnaryOp::Acos,
    UnaryOp::Atan,
    UnaryOp::Sinh,
    UnaryOp::Cosh,
    UnaryOp::Tanh,
    UnaryOp::Asinh,
    UnaryOp::Acosh,
    UnaryOp::Atanh,
    UnaryOp::Logistic,
    UnaryOp::Erf,
    UnaryOp::Erfc,
    UnaryOp::ErfInv,
    UnaryOp::Lgamma,
    UnaryOp::Digamma,
    UnaryOp::BesselI0e,
    UnaryOp::BesselI1e,
];

/// The largest error allowed. Units: ulp.
fn bound(name: &str, dtype: DType) -> f64 {
    match (name, dtype) {
        // Exponential, sum and quotient each round; the first two count double where the result's digits are high.
        ("Logistic", DType::F32) => 2.25,
        // Its polynomial cancels a little around the shift of its variable, as XLA's does.
        ("ErfInv", DType::F32) => 2.5,
        // Reflection adds the errors of a sine and of a logarithm or quotient.
        ("Lgamma" | "Digamma", DType::F32) => 5.0,
        ("Lgamma" | "Digamma", _) => 4.0,
        // Horner's rule magnifies each rounding where one term outweighs the next.
        ("BesselI0e" | "BesselI1e", _) => 5.0,
        _ => 2.0,
    }
}

#[test]
fn f32_functions_are_accurate() {
    let mut failures = Vec::new();
    for op in UNARY {
        let original = source_of(op, DType::F64);
        let fused = code_of(op, DType::F32);
        for (label, code) in [("fused", fused.clone()), ("unfused", unfused(&fused))] {
            let mut worst = (0.0, 0.0);
            for x in f32_samples() {
                let want = run(&original, &[x], Strictness::Source);
                let got = run(&code, &[x], Strictness::Machine);
                let error = ulps_beside(cancelling(&format!("{op:?}"), x), want, got, DType::F32);
                if error > worst.0 {
                    worst = (error, x);
                }
            }
            report(&mut failures, &format!("{op:?}"), DType::F32, label, size(&fused), worst);
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn f32_binary_functions_are_accurate() {
    let mut failures = Vec::new();
    let samples: Vec<f64> =
        f32_samples().into_iter().step_by(97).chain(SPECIAL).map(|x| f64::from(x as f32)).collect();
    for op in [BinaryOp::Pow, BinaryOp::Atan2, BinaryOp::Rem] {
        let original = binary_block(DType::F64, |b, x, y| b.binary(op, x, y));
        let fused = binary_block(DType::F32, |b, x, y| binary(b, op, x, y));
        let code = unfused(&fused);
        let mut worst = (0.0, 0.0);
        for &x in &samples {
            for &y in &samples {
                let want = run(&original, &[x, y], Strictness::Source);
                let error = ulps(want, run(&code, &[x, y], Strictness::Machine), DType::F32);
                if error > worst.0 {
                    worst = (error, x);
                }
            }
        }
        report(&mut failures, &format!("{op:?}"), DType::F32, "unfused", size(&fused), worst);
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn f64_functions_are_accurate() {
    let mut failures = Vec::new();
    let unary_ops = UNARY.map(|op| (format!("{op:?}"), code_of(op, DType::F64)));
    let binary_ops = [BinaryOp::Pow, BinaryOp::Atan2]
        .map(|op| (format!("{op:?}"), binary_block(DType::F64, |b, x, y| binary(b, op, x, y))));
    for (name, fused) in unary_ops.into_iter().chain(binary_ops) {
        let rows: Vec<_> = references(&name);
        for (label, code) in [("fused", fused.clone()), ("unfused", unfused(&fused))] {
            let mut worst = (0.0, 0.0);
            for &(x, y, want) in &rows {
                let got = run(&code, &[x, y][..code.params.len()], Strictness::Machine);
                let error = ulps_beside(cancelling(&name, x), want, got, DType::F64);
                if error > worst.0 {
                    worst = (error, x);
                }
            }
            if !rows.is_empty() {
                report(&mut failures, &name, DType::F64, label, size(&fused), worst);
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn special_values_are_exact() {
    for dtype in [DType::F32, DType::F64] {
        for op in UNARY {
            let (original, code) = (source_of(op, dtype), code_of(op, dtype));
            for x in SPECIAL {
                let want = run(&original, &[x], Strictness::Source);
                let got = run(&code, &[x], Strictness::Machine);
                let name = format!("{op:?}");
                let close = ulps_beside(cancelling(&name, x), want, got, dtype) <= bound(&name, dtype);
                let close = close && (want == 0.0) == (got == 0.0);
                let same_sign = want.is_nan() || want.is_sign_negative() == got.is_sign_negative();
                assert!(close && same_sign, "{op:?} {dtype} of {x}: {want} expected, {got} found");
            }
        }
        for op in [BinaryOp::Pow, BinaryOp::Atan2, BinaryOp::Rem, BinaryOp::NextAfter] {
            let original = binary_block(dtype, |b, x, y| b.binary(op, x, y));
            let code = binary_block(dtype, |b, x, y| binary(b, op, x, y));
            for (x, y) in SPECIAL.iter().flat_map(|&x| SPECIAL.map(|y| (x, y))) {
                let want = run(&original, &[x, y], Strictness::Source);
                let got = run(&code, &[x, y], Strictness::Machine);
                let same_sign = want.is_nan() || want.is_sign_negative() == got.is_sign_negative();
                let close = ulps(want, got, dtype) <= 2.0;
                assert!(close && same_sign, "{op:?} {dtype} of {x}, {y}: {want} expected, {got} found");
            }
        }
    }
}

/// See Note: denormals. Results below the smallest normal number may be zero.
#[test]
fn denormal_operands_count_as_what_they_are() {
    for dtype in [DType::F32, DType::F64] {
        let least = if dtype == DType::F32 { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE };
        let smallest = least * 2f64.powi(if dtype == DType::F32 { -23 } else { -52 });
        let sizes = [smallest, 3.0 * smallest, 1000.0 * smallest, least / 3.0, least / 2.0, least - smallest];
        let samples = sizes.into_iter().flat_map(|x| [x, -x]).collect::<Vec<f64>>();
        for op in UNARY {
            let (original, code) = (source_of(op, dtype), code_of(op, dtype));
            for &x in &samples {
                let (want, got) =
                    (run(&original, &[x], Strictness::Source), run(&code, &[x], Strictness::Machine));
                let name = format!("{op:?}");
                let error = ulps_beside(cancelling(&name, x), want, got, dtype);
                assert!(
                    error <= bound(&name, dtype) + 1.0,
                    "{op:?} {dtype} of {x:e}: {want:e}, {got:e} found"
                );
            }
        }
        for op in [BinaryOp::Pow, BinaryOp::Atan2, BinaryOp::Rem] {
            let original = binary_block(dtype, |b, x, y| b.binary(op, x, y));
            let code = binary_block(dtype, |b, x, y| binary(b, op, x, y));
            for (&x, y) in
                samples.iter().flat_map(|x| [-2.0, -1.0, -0.25, 0.1, 0.5, 1.0, 3.0].map(|y| (x, y)))
            {
                for args in [[x, y], [y, x]] {
                    let (want, got) =
                        (run(&original, &args, Strictness::Source), run(&code, &args, Strictness::Machine));
                    let error = ulps(want, got, dtype);
                    assert!(error <= 3.0, "{op:?} {dtype} of {args:?}: {want:e} expected, {got:e} found");
                }
            }
        }
    }
}

#[test]
fn remainders_of_f64_are_exact() {
    let code = binary_block(DType::F64, super::rem);
    let mut random = Random(3);
    for _ in 0..4000 {
        let (x, y) = (random.f64(), random.f64());
        let y = if random.next().is_multiple_of(2) { y } else { x * (random.next() as f64 * 2f64.powi(-70)) };
        if y.abs() < 1e-307 || (x % y).abs() < 1e-307 {
            continue;
        }
        let got = run(&code, &[x, y], Strictness::Machine);
        assert!(got == x % y || got.is_nan() && (x % y).is_nan(), "{x:e} % {y:e}: {got:e}, not {:e}", x % y);
    }
}

#[test]
fn high_products_are_exact() {
    let mut random = Random(5);
    for dtype in DType::all().filter(|dtype| dtype.is_integer() && dtype.bits() >= 8) {
        let code = binary_block(dtype, super::mul_high);
        let original = binary_block(dtype, |b, x, y| b.binary(BinaryOp::MulHigh, x, y));
        for _ in 0..500 {
            let args =
                [0, 1].map(|_| Scalar::Int(random.next() as i128 >> (random.next() % 64)).rounded(dtype));
            let want = interpret::block(&original, &args, Strictness::Source);
            assert_eq!(interpret::block(&code, &args, Strictness::Machine), want, "{dtype} {args:?}");
        }
    }
}

// With bits that exponent arithmetic could make a number of.
const NAN_WITH_PAYLOAD: f64 = f64::from_bits(0x7ffd_5555_5555_5555);

const SPECIAL: [f64; 24] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.0,
    -2.0,
    3.0,
    -3.0,
    0.5,
    -0.5,
    1.5,
    -2.5,
    INF,
    -INF,
    NAN,
    1e30,
    -1e30,
    100.0,
    -200.0,
    8388609.0,
    0.1,
    1e-30,
    NAN_WITH_PAYLOAD,
    -NAN_WITH_PAYLOAD,
];

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let mixed = (self.0 ^ self.0 >> 33).wrapping_mul(0xff51afd7ed558ccd);
        mixed ^ mixed >> 29
    }

    fn f64(&mut self) -> f64 {
        f64::from_bits(self.next())
    }
}

/// Every exponent and sign with several fractions, and a dense band where functions bend.
fn f32_samples() -> Vec<f64> {
    let mut random = Random(1);
    let mut samples = Vec::new();
    for high in 0..512u32 {
        for _ in 0..12 {
            let bits = high << 23 | (random.next() as u32 & 0x7fffff);
            samples.push(f64::from(f32::from_bits(bits)));
        }
    }
    for step in -3000..3000 {
        let jitter = (random.next() % 1024) as f32 / 1024.0;
        samples.push(f64::from((step as f32 + jitter) / 300.0));
        samples.push(f64::from((step as f32 + jitter) / 30.0));
    }
    samples
}

fn references(name: &str) -> Vec<(f64, f64, f64)> {
    let parse =
        |field: &str| f64::from_bits(u64::from_str_radix(field, 16).expect("references are hexadecimal"));
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        (fields[0] == name).then(|| (parse(fields[1]), parse(fields[2]), parse(fields[3])))
    };
    REFERENCES.lines().filter_map(row).collect()
}

fn source_of(op: UnaryOp, dtype: DType) -> Block {
    let mut b = BlockBuilder::new();
    let x = b.param(dtype);
    let y = b.unary(op, x);
    b.finish_with(vec![y])
}

fn code_of(op: UnaryOp, dtype: DType) -> Block {
    let mut b = BlockBuilder::new();
    let x = b.param(dtype);
    let y = unary(&mut b, op, x);
    b.finish_with(vec![y])
}

fn binary_block(dtype: DType, f: impl FnOnce(&mut BlockBuilder, Val, Val) -> Val) -> Block {
    let mut b = BlockBuilder::new();
    let (x, y) = (b.param(dtype), b.param(dtype));
    let result = f(&mut b, x, y);
    b.finish_with(vec![result])
}

/// The same code with every multiply-add rounded twice.
fn unfused(block: &Block) -> Block {
    let mut b = BlockBuilder::new();
    let mut map: Vec<Val> = Vec::new();
    for val in block.vals() {
        let dtype = block.dtype(val);
        let inst = block.inst(val).map_operands(|operand| map[operand.0 as usize]);
        map.push(match inst {
            Inst::Param(_) => b.param(dtype),
            Inst::Fma(x, y, z) => {
                let product = b.mul(x, y);
                b.add(product, z)
            }
            Inst::Rare { when, fast, slow, args } => {
                b.push(Inst::Rare { when, fast, slow: Arc::new(unfused(&slow)), args }, dtype)
            }
            other => b.push(other, dtype),
        });
    }
    b.finish_with(block.results.iter().map(|result| map[result.0 as usize]).collect())
}

fn run(block: &Block, args: &[f64], strictness: Strictness) -> f64 {
    let args: Vec<Scalar> =
        args.iter().zip(&block.params).map(|(&x, &dtype)| Literal::from_f64(dtype, x).value()).collect();
    interpret::block(block, &args, strictness).expect("the block is in the subset")[0].float()
}

/// About how large the terms are whose difference the function is; around its zeros, only their last places count.
fn cancelling(name: &str, x: f64) -> f64 {
    match name {
        "Lgamma" if x < 0.0 => libm::lgamma(1.0 - x).abs().max(1.0),
        "Digamma" => 2.0 + (-x).max(0.0).ln_1p(),
        _ => 0.0,
    }
}

/// As [`ulps`], in units of the last place of `terms` where those are larger than `want`.
fn ulps_beside(terms: f64, want: f64, got: f64, dtype: DType) -> f64 {
    let of_terms = want.is_finite() && got.is_finite() && terms > want.abs();
    if of_terms { exact_error(terms, terms + (got - want), dtype) } else { ulps(want, got, dtype) }
}

/// The distance in units of the last place of `want`. Denormals may have been flushed.
fn ulps(want: f64, got: f64, dtype: DType) -> f64 {
    let rounded = Literal::from_f64(dtype, want).value().float();
    if rounded.is_nan() || got.is_nan() {
        return if rounded.is_nan() && got.is_nan() { 0.0 } else { INF };
    }
    if rounded == got {
        return exact_error(want, got, dtype);
    }
    let least = if dtype == DType::F32 { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE };
    if want.abs() < least * 1.000001 && (got == 0.0 || got.abs() <= least * 1.000001) {
        return 0.0;
    }
    if !rounded.is_finite() || !got.is_finite() {
        // Within an ulp of overflow, either side is right.
        let edge = if dtype == DType::F32 { f64::from(f32::MAX) } else { f64::MAX };
        let near_edge = want.abs() > edge * 0.9999995 && got.abs() > edge * 0.9999995 && want * got > 0.0;
        return if near_edge && want.is_finite() && dtype == DType::F32 { 0.0 } else { INF };
    }
    exact_error(want, got, dtype)
}

fn exact_error(want: f64, got: f64, dtype: DType) -> f64 {
    if want == got || want.is_nan() || !want.is_finite() || got.is_infinite() {
        return 0.0;
    }
    let (fraction, least) = if dtype == DType::F32 { (23, -126) } else { (52, -1022) };
    let exponent = ((want.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(least);
    // In two steps: the last place may be below the least normal number.
    (want - got).abs() * 2f64.powi(-exponent) * 2f64.powi(fraction)
}

/// Instructions other than constants and parameters; slow blocks not counted.
fn size(block: &Block) -> usize {
    block.insts.iter().filter(|inst| !matches!(inst, Inst::Const(_) | Inst::Param(_))).count()
}

fn report(
    failures: &mut Vec<String>,
    name: &str,
    dtype: DType,
    label: &str,
    insts: usize,
    worst: (f64, f64),
) {
    println!("{name:10} {dtype} {label:8} {insts:4} insts: {:.2} ulp at {:e}", worst.0, worst.1);
    if worst.0 > bound(name, dtype) {
        failures.push(format!("{name} {dtype} {label}: {} ulp at {:e}", worst.0, worst.1));
    }
}
