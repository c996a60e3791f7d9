//! Folds over inner, outer and all axes, in one part or two, and contractions.

use super::{Build, at, check, check_along, nest, sample, store};
use crate::loops::VectorPlan;
use crate::loops::{BinaryOp, BlockBuilder, Combine, Dim, Function, Jam, Plan, Reduction, Role, Stmt};
use crate::types::{DType, Literal};

/// `out = reduce(op, x)` over the axes marked.
fn reduce(dtype: DType, op: BinaryOp, init: Literal, extents: &[usize], over: &[bool]) -> Function {
    let mut build = Build::default();
    let x = build.input(dtype, extents);
    let kept: Vec<usize> = (0..extents.len()).filter(|&axis| !over[axis]).collect();
    let out_extents: Vec<usize> = kept.iter().map(|&axis| extents[axis]).collect();
    let out = build.output(dtype, out_extents);
    let mut b = BlockBuilder::new();
    let all: Vec<usize> = (0..extents.len()).collect();
    let value = b.load(at(x, &all), dtype);
    let init = b.literal(init);
    let result = b.reduced(0, 0, dtype);
    let result = if dtype == DType::Bool { b.not(result) } else { b.add(result, result) };
    let role = |axis: usize| if over[axis] { Role::Reduce } else { Role::Parallel };
    let dims: Vec<Dim> = all.iter().map(|&axis| Dim { extent: extents[axis], role: role(axis) }).collect();
    let mut reduced = nest(&dims, b.finish(), vec![store(out, at(out, &kept).indices, result)]);
    reduced.reductions = vec![Reduction { combine: Combine::Op(op), inits: vec![init], values: vec![value] }];
    build.body.push(Stmt::Nest(reduced));
    build.finish()
}

#[test]
fn sums_over_any_axes() {
    for extents in [[5, 37], [3, 8], [1, 1], [4, 0], [0, 4], [2, 64]] {
        for over in [[true, false], [false, true], [true, true]] {
            for dtype in [DType::F32, DType::F64, DType::I32] {
                let init = Literal::from_f64(dtype, 3.0);
                let function = reduce(dtype, BinaryOp::Add, init, &extents, &over);
                check_along(&function, &[sample(dtype, extents, 109)], 1, dtype.size_bytes());
            }
        }
    }
}

#[test]
fn every_operation_folds() {
    use BinaryOp::*;
    for dtype in [DType::F32, DType::I8, DType::U16, DType::I32, DType::U64] {
        for op in [Add, Mul, Max, Min, And, Or, Xor] {
            if dtype.is_float() && [And, Or, Xor].contains(&op) {
                continue;
            }
            let init = Literal::from_f64(dtype, 1.0);
            let function = reduce(dtype, op, init, &[3, 43], &[false, true]);
            check_along(&function, &[sample(dtype, [3, 43], 110)], 1, dtype.size_bytes());
        }
    }
    for op in [And, Or, Xor, Max, Min] {
        let function = reduce(DType::Bool, op, Literal::bool(op == And), &[3, 43], &[false, true]);
        check_along(&function, &[sample(DType::Bool, [3, 43], 110)], 1, 1);
    }
}

#[test]
fn extremes_keep_nan() {
    for op in [BinaryOp::Max, BinaryOp::Min] {
        let function = reduce(DType::F32, op, Literal::from_f64(DType::F32, 0.0), &[2, 24], &[false, true]);
        check_along(&function, &[sample(DType::F32, [2, 24], 3)], 1, 4);
    }
}

/// Position and value of the greatest element of each row or column.
fn argmax(extents: [usize; 2], axis: usize, position_type: DType) -> Function {
    let mut build = Build::default();
    let x = build.input(DType::F32, extents);
    let kept = 1 - axis;
    let best = build.output(DType::F32, [extents[kept]]);
    let place = build.output(position_type, [extents[kept]]);
    let mut b = BlockBuilder::new();
    let value = b.load(at(x, &[0, 1]), DType::F32);
    let dim = b.dim(axis);
    let position = b.convert(dim, position_type);
    let least = b.float(DType::F32, f64::NEG_INFINITY);
    let start = b.int(position_type, 1000);
    let (best_value, best_place) = (b.reduced(0, 0, DType::F32), b.reduced(0, 1, position_type));
    let mut c = BlockBuilder::new();
    let (v0, p0) = (c.param(DType::F32), c.param(position_type));
    let (v1, p1) = (c.param(DType::F32), c.param(position_type));
    let (greater, equal, earlier) = (c.gt(v1, v0), c.eq(v1, v0), c.lt(p1, p0));
    let tie = c.and(equal, earlier);
    let take = c.or(greater, tie);
    let (v, p) = (c.select(take, v1, v0), c.select(take, p1, p0));
    let combine = Combine::Block(c.finish_with(vec![v, p]));
    let mut dims = [Dim::parallel(extents[0]), Dim::parallel(extents[1])];
    dims[axis].role = Role::Reduce;
    let stores = vec![
        store(best, at(best, &[kept]).indices, best_value),
        store(place, at(place, &[kept]).indices, best_place),
    ];
    let mut nest = nest(&dims, b.finish(), stores);
    nest.reductions = vec![Reduction { combine, inits: vec![least, start], values: vec![value, position] }];
    build.body.push(Stmt::Nest(nest));
    build.finish()
}

#[test]
fn argmax_folds_two_parts() {
    for extents in [[7, 33], [20, 6]] {
        let inputs = [sample(DType::F32, extents, 111)];
        for axis in [0, 1] {
            check(&argmax(extents, axis, DType::I64), &inputs);
        }
        check(&argmax(extents, 1, DType::I32), &inputs);
        check_along(&argmax(extents, 0, DType::I32), &inputs, 1, 4);
    }
}

/// `out[m, n] = bias[n] + sum over k of x[m, k] * y[k, n]`.
fn matmul(dtype: DType, m: usize, n: usize, k: usize) -> Function {
    let mut build = Build::default();
    let (x, y) = (build.input(dtype, [m, k]), build.input(dtype, [k, n]));
    let bias = build.input(dtype, [n]);
    let out = build.output(dtype, [m, n]);
    let mut b = BlockBuilder::new();
    let (p, q) = (b.load(at(x, &[0, 2]), dtype), b.load(at(y, &[2, 1]), dtype));
    let product = b.mul(p, q);
    let zero = b.float(dtype, 0.0);
    let sum = b.reduced(0, 0, dtype);
    let bias = b.load(at(bias, &[1]), dtype);
    let result = b.add(sum, bias);
    let dims = [Dim::parallel(m), Dim::parallel(n), Dim::reduce(k)];
    let mut nest = nest(&dims, b.finish(), vec![store(out, at(out, &[0, 1]).indices, result)]);
    let combine = Combine::Op(BinaryOp::Add);
    nest.reductions = vec![Reduction { combine, inits: vec![zero], values: vec![product] }];
    build.body.push(Stmt::Nest(nest));
    build.finish()
}

#[test]
fn matrix_products() {
    for (m, n, k) in [(4, 16, 8), (5, 19, 7), (1, 33, 3), (9, 3, 5), (6, 40, 0), (3, 5, 1)] {
        for dtype in [DType::F32, DType::F64] {
            let function = matmul(dtype, m, n, k);
            let inputs = [sample(dtype, [m, k], 112), sample(dtype, [k, n], 113), sample(dtype, [n], 114)];
            check(&function, &inputs);
            let mut jammed = function.clone();
            if let Stmt::Nest(nest) = &mut jammed.body[0] {
                let vector = VectorPlan { dim: 1, lanes: 16 / dtype.size_bytes(), unroll: 2 };
                let jam = Jam { dim: 0, factor: 3 };
                nest.plan = Plan { order: vec![0, 1, 2], vector: Some(vector), jam: Some(jam) };
            }
            check(&jammed, &inputs);
            let mut dot = function.clone();
            if let Stmt::Nest(nest) = &mut dot.body[0] {
                let vector = VectorPlan { dim: 2, lanes: 16 / dtype.size_bytes(), unroll: 2 };
                nest.plan = Plan { order: vec![1, 0, 2], vector: Some(vector), jam: nest.plan.jam };
            }
            check(&dot, &inputs);
        }
    }
}
