//! Accesses: broadcasts, transposes, fills, divisors, dynamic positions, masks.

use super::{Build, at, check, check_along, nest, sample, store};
use crate::loops::{Access, Affine, BinaryOp, BlockBuilder, Dim, Index, Role, Stmt};
use crate::types::{DType, Tensor};

#[test]
fn broadcast_and_transpose() {
    for (rows, columns) in [(3, 13), (8, 8), (1, 5), (4, 17)] {
        let mut build = Build::default();
        let a = build.input(DType::F32, [rows, columns]);
        let t = build.input(DType::F32, [columns, rows]);
        let row = build.input(DType::F32, [columns]);
        let column = build.input(DType::F32, [rows]);
        let out = build.output(DType::F32, [rows, columns]);
        let mut b = BlockBuilder::new();
        let loads = [at(a, &[0, 1]), at(t, &[1, 0]), at(row, &[1]), at(column, &[0])];
        let vals = loads.map(|access| b.load(access, DType::F32));
        let (x, y) = (b.fma(vals[0], vals[2], vals[3]), b.add(vals[1], vals[3]));
        let sum = b.add(x, y);
        let stores = vec![store(out, at(out, &[0, 1]).indices, sum)];
        let dims = [Dim::parallel(rows), Dim::parallel(columns)];
        build.body.push(Stmt::Nest(nest(&dims, b.finish(), stores)));
        let inputs = [
            sample(DType::F32, [rows, columns], 101),
            sample(DType::F32, [columns, rows], 102),
            sample(DType::F32, [columns], 103),
            sample(DType::F32, [rows], 104),
        ];
        check_along(&build.finish(), &inputs, 1, 4);
    }
}

/// `out[i] = in[(scale * i + shift) / divisor]`, 7.0 outside.
fn padded(n: usize, extent: usize, scale: i64, shift: i64, divisor: i64) {
    let mut build = Build::default();
    let x = build.input(DType::F32, [extent]);
    let out = build.output(DType::F32, [n]);
    let mut b = BlockBuilder::new();
    let fill = b.float(DType::F32, 7.0);
    let affine = Affine::dim(0).scale(scale).add_constant(shift);
    let access =
        Access { buffer: x, indices: vec![Index { affine, dynamic: None, divisor }], fill: Some(fill) };
    let value = b.load(access, DType::F32);
    let stores = vec![store(out, at(out, &[0]).indices, value)];
    build.body.push(Stmt::Nest(nest(&[Dim::parallel(n)], b.finish(), stores)));
    check_along(&build.finish(), &[sample(DType::F32, [extent], 105)], 0, 4);
}

#[test]
fn fills() {
    padded(20, 11, 1, -3, 1);
    padded(20, 0, 1, -3, 1);
    padded(20, 11, -1, 12, 1);
    padded(20, 40, 2, -5, 1);
    padded(33, 9, 1, -4, 3);
    padded(20, 20, 1, 0, 1);
}

#[test]
fn gather_and_scatter() {
    for columns in [1, 3, 9, 16] {
        let mut build = Build::default();
        let table = build.input(DType::F32, [6, columns]);
        let positions = build.input(DType::I32, [5]);
        let (gathered, scattered) =
            (build.output(DType::F32, [5, columns]), build.output(DType::F32, [6, columns]));
        let dims = [Dim::parallel(5), Dim::parallel(columns)];
        let mut b = BlockBuilder::new();
        let position = b.load(at(positions, &[0]), DType::I32);
        let position = b.convert(position, DType::I64);
        let fill = b.float(DType::F32, -1.0);
        let indices = vec![Index::dynamic(position), Index::dim(1)];
        let value = b.load(Access { buffer: table, indices: indices.clone(), fill: Some(fill) }, DType::F32);
        let stores = vec![store(gathered, at(gathered, &[0, 1]).indices, value)];
        build.body.push(Stmt::Nest(nest(&dims, b.finish(), stores)));
        // Copy, then add rows where positions say, if they are inside.
        let mut b = BlockBuilder::new();
        let value = b.load(at(table, &[0, 1]), DType::F32);
        let stores = vec![store(scattered, at(scattered, &[0, 1]).indices, value)];
        let all = [Dim::parallel(6), Dim::parallel(columns)];
        build.body.push(Stmt::Nest(nest(&all, b.finish(), stores)));
        let mut b = BlockBuilder::new();
        let position = b.load(at(positions, &[0]), DType::I32);
        let position = b.convert(position, DType::I64);
        let (zero, six) = (b.int(DType::I64, 0), b.int(DType::I64, 6));
        let (low, high) = (b.ge(position, zero), b.lt(position, six));
        let mask = b.and(low, high);
        let value = b.load(at(table, &[0, 1]), DType::F32);
        let mut add = store(scattered, vec![Index::dynamic(position), Index::dim(1)], value);
        (add.mask, add.combine) = (Some(mask), Some(BinaryOp::Add));
        let sequential = Dim { extent: 5, role: Role::Sequential };
        build.body.push(Stmt::Nest(nest(&[sequential, dims[1]], b.finish(), vec![add])));
        let positions = Tensor::from_f64s(DType::I32, [5], &[2.0, 5.0, -1.0, 2.0, 6.0]);
        check(&build.finish(), &[sample(DType::F32, [6, columns], 106), positions]);
    }
}

#[test]
fn masked_stores() {
    let n = 23;
    let mut build = Build::default();
    let x = build.input(DType::F32, [n]);
    let out = build.output(DType::F32, [n]);
    let mut b = BlockBuilder::new();
    let zero = b.float(DType::F32, 0.0);
    let stores = vec![store(out, at(out, &[0]).indices, zero)];
    build.body.push(Stmt::Nest(nest(&[Dim::parallel(n)], b.finish(), stores)));
    let masked = |build: &mut Build, combine| {
        let mut b = BlockBuilder::new();
        let value = b.load(at(x, &[0]), DType::F32);
        let zero = b.float(DType::F32, 0.0);
        let mask = b.gt(value, zero);
        let mut masked = store(out, at(out, &[0]).indices, value);
        (masked.mask, masked.combine) = (Some(mask), combine);
        build.body.push(Stmt::Nest(nest(&[Dim::parallel(n)], b.finish(), vec![masked])));
    };
    masked(&mut build, None);
    masked(&mut build, Some(BinaryOp::Add));
    masked(&mut build, Some(BinaryOp::Max));
    check(&build.finish(), &[sample(DType::F32, [n], 107)]);
}

#[test]
fn later_points_read_earlier_stores() {
    // A running sum in place: out[i + 1] = out[i] + x[i].
    let n = 12;
    let mut build = Build::default();
    let x = build.input(DType::I32, [n]);
    let out = build.output(DType::I32, [n + 1]);
    let mut b = BlockBuilder::new();
    let zero = b.int(DType::I32, 0);
    let start = store(out, vec![Index::constant(0)], zero);
    build.body.push(Stmt::Nest(nest(&[], b.finish(), vec![start])));
    let mut b = BlockBuilder::new();
    let before = b.load(at(out, &[0]), DType::I32);
    let term = b.load(at(x, &[0]), DType::I32);
    let sum = b.add(before, term);
    let next = store(out, vec![Index::affine(Affine::dim(0).add_constant(1))], sum);
    let dims = [Dim { extent: n, role: Role::Sequential }];
    build.body.push(Stmt::Nest(nest(&dims, b.finish(), vec![next])));
    check(&build.finish(), &[sample(DType::I32, [n], 108)]);
}
