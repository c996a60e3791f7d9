//! Loops, branches, runtime calls, outlined parts.

use super::objects::object_of;
use super::{Build, at, check, nest, run_with, sample, store};
use crate::loops::Val;
use crate::loops::{
    Affine, BlockBuilder, BufferId, Dim, Index, LoopVar, Nest, Place, RuntimeCall, Slice, Stmt,
};
use crate::types::{DType, Tensor};
use std::sync::Arc;

/// `out = compute(x)` on rank-0 buffers.
fn scalar(x: (BufferId, DType), out: BufferId, compute: impl FnOnce(&mut BlockBuilder, Val) -> Val) -> Stmt {
    let mut b = BlockBuilder::new();
    let x = b.load(at(x.0, &[]), x.1);
    let value = compute(&mut b, x);
    Stmt::Nest(nest(&[], b.finish(), vec![store(out, vec![], value)]))
}

fn add_one(b: &mut BlockBuilder, x: Val) -> Val {
    let one = b.int(DType::I32, 1);
    b.add(x, one)
}

#[test]
fn counted_loop() {
    let mut build = Build::default();
    let x = build.input(DType::F32, [6, 5]);
    let out = build.output(DType::F32, [6, 5]);
    let var = LoopVar(3);
    let mut b = BlockBuilder::new();
    let row = b.loop_index(var);
    let value = b.load(crate::loops::Access::new(x, vec![Index::dynamic(row), Index::dim(0)]), DType::F32);
    let row_value = b.convert(row, DType::F32);
    let sum = b.add(value, row_value);
    let stores = vec![store(out, vec![Index::dynamic(row), Index::dim(0)], sum)];
    let body = vec![Stmt::Nest(nest(&[Dim::parallel(5)], b.finish(), stores))];
    build.body.push(Stmt::Loop { var, count: 6, body });
    build.body.push(Stmt::Loop { var: LoopVar(4), count: 0, body: vec![] });
    check(&build.finish(), &[sample(DType::F32, [6, 5], 115)]);
}

#[test]
fn while_loop() {
    // Collatz steps of the input.
    let mut build = Build::default();
    let x = build.input(DType::I32, []);
    let steps = build.output(DType::I32, []);
    let (state, more) = (build.temporary(DType::I32, []), build.temporary(DType::Bool, []));
    build.body.push(scalar((x, DType::I32), state, |_, x| x));
    build.body.push(scalar((x, DType::I32), steps, |b, _| b.int(DType::I32, 0)));
    let condition = vec![scalar((state, DType::I32), more, |b, x| {
        let one = b.int(DType::I32, 1);
        b.gt(x, one)
    })];
    let body = vec![
        scalar((state, DType::I32), state, |b, x| {
            let (one, three, zero) = (b.int(DType::I32, 1), b.int(DType::I32, 3), b.int(DType::I32, 0));
            let (low, half, triple) = (b.and(x, one), b.sar(x, one), b.mul(x, three));
            let (odd, next) = (b.ne(low, zero), b.add(triple, one));
            b.select(odd, next, half)
        }),
        scalar((steps, DType::I32), steps, add_one),
    ];
    build.body.push(Stmt::While { condition, predicate: more, body });
    let function = build.finish();
    for start in [1.0, 6.0, 27.0] {
        check(&function, &[Tensor::from_f64s(DType::I32, [], &[start])]);
    }
}

#[test]
fn switch_takes_one_branch() {
    let mut build = Build::default();
    let (selector, x) = (build.input(DType::I32, []), build.input(DType::I32, []));
    let out = build.output(DType::I32, []);
    let times = |factor: i64| {
        vec![scalar((x, DType::I32), out, |b, x| {
            let factor = b.int(DType::I32, factor);
            b.mul(x, factor)
        })]
    };
    build.body.push(Stmt::Switch { selector, branches: vec![times(2), times(3), times(5)] });
    build.body.push(scalar((out, DType::I32), out, add_one));
    let function = build.finish();
    for branch in [0.0, 1.0, 2.0] {
        let selector = Tensor::from_f64s(DType::I32, [], &[branch]);
        check(&function, &[selector, Tensor::from_f64s(DType::I32, [], &[7.0])]);
    }
}

#[test]
fn constants_and_aliases() {
    let mut build = Build::default();
    let table = Arc::new(sample(DType::F32, [3, 4], 116));
    let constant = build.buffer(DType::F32, [3, 4], Place::Constant(table.clone()));
    let flat = build.buffer(DType::F32, [12], Place::Alias(constant));
    let out = build.output(DType::F32, [12]);
    let mut b = BlockBuilder::new();
    let value = b.load(at(flat, &[0]), DType::F32);
    let stores = vec![store(out, at(out, &[0]).indices, value)];
    build.body.push(Stmt::Nest(nest(&[Dim::parallel(12)], b.finish(), stores)));
    check(&build.finish(), &[]);
}

#[test]
fn runtime_calls_return_their_status() {
    extern "C" fn fill(out: *mut i32, count: i64, status: i64) -> i32 {
        for position in 0..count as usize {
            // SAFETY: the compiled function passes a buffer of `count` elements.
            unsafe { out.add(position).write(position as i32) };
        }
        status as i32
    }
    let function = |status| {
        let mut build = Build::default();
        let out = build.output(DType::I32, [4]);
        let call = RuntimeCall {
            symbol: "test_fill",
            reads: vec![],
            writes: vec![out.into()],
            scratch: None,
            integers: vec![4, status],
        };
        build.body.push(Stmt::Call(call));
        build.finish()
    };
    let symbols = [("test_fill", fill as *const u8)];
    let outputs = run_with(&function(0), &[], "native", &symbols).expect("status 0");
    assert_eq!(outputs[0], Tensor::from_f64s(DType::I32, [4], &[0.0, 1.0, 2.0, 3.0]));
    assert_eq!(run_with(&function(-7), &[], "native", &symbols), Err(-7));
}

#[test]
fn runtime_calls_get_reads_writes_scratch_and_integers_in_this_order() {
    extern "C" fn reverse(x: *const i32, out: *mut i32, scratch: *mut i32, count: i64) -> i32 {
        for position in 0..count as usize {
            // SAFETY: the compiled function passes buffers of `count` elements, scratch included.
            unsafe { scratch.add(position).write(x.add(position).read()) };
        }
        for position in 0..count as usize {
            // SAFETY: the same; `count - 1 - position` is not negative.
            unsafe { out.add(position).write(scratch.add(count as usize - 1 - position).read()) };
        }
        0
    }
    let mut build = Build::default();
    let (x, out) = (build.input(DType::I32, [3]), build.output(DType::I32, [3]));
    let scratch = Some(build.temporary(DType::U8, [12]));
    let (reads, writes) = (vec![x.into()], vec![out.into()]);
    let call = RuntimeCall { symbol: "test_reverse", reads, writes, scratch, integers: vec![3] };
    build.body.push(Stmt::Call(call));
    let function = build.finish();
    assert_eq!(crate::loops::verify(&function), Vec::<String>::new());
    let symbols = [("test_reverse", reverse as *const u8)];
    let input = Tensor::from_f64s(DType::I32, [3], &[1.0, 2.0, 3.0]);
    let outputs = run_with(&function, &[input], "native", &symbols).expect("status 0");
    assert_eq!(outputs[0], Tensor::from_f64s(DType::I32, [3], &[3.0, 2.0, 1.0]));
}

#[test]
fn runtime_calls_work_on_rows() {
    extern "C" fn negate(x: *const i32, out: *mut i32) -> i32 {
        for position in 0..2 {
            // SAFETY: the compiled function passes rows of two elements.
            unsafe { out.add(position).write(-x.add(position).read()) };
        }
        0
    }
    let mut build = Build::default();
    let (x, out) = (build.input(DType::I32, [3, 2]), build.output(DType::I32, [3, 2]));
    let var = LoopVar(0);
    // Backwards.
    let from = Affine::of_loop(var).scale(-1).add_constant(2);
    let reads = vec![Slice { buffer: x, leading: vec![from] }];
    let writes = vec![Slice { buffer: out, leading: vec![Affine::of_loop(var)] }];
    let call = RuntimeCall { symbol: "test_negate", reads, writes, scratch: None, integers: vec![] };
    build.body.push(Stmt::Loop { var, count: 3, body: vec![Stmt::Call(call)] });
    let function = build.finish();
    assert_eq!(crate::loops::verify(&function), Vec::<String>::new());
    let input = Tensor::from_f64s(DType::I32, [3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let symbols = [("test_negate", negate as *const u8)];
    let outputs = run_with(&function, &[input], "native", &symbols).expect("status 0");
    assert_eq!(outputs[0], Tensor::from_f64s(DType::I32, [3, 2], &[-4.0, -5.0, -2.0, -3.0, 0.0, -1.0]));
}

#[test]
fn long_bodies_are_outlined() {
    // Enough nests for several parts, inside of a loop whose position they use.
    let mut build = Build::default();
    let x = build.input(DType::I32, []);
    let out = build.output(DType::I32, []);
    let var = LoopVar(0);
    build.body.push(scalar((x, DType::I32), out, |_, x| x));
    let step = |_: usize| {
        scalar((out, DType::I32), out, |b, x| {
            let position = b.loop_index(var);
            let position = b.convert(position, DType::I32);
            let (sum, three) = (b.add(x, position), b.int(DType::I32, 3));
            b.mul(sum, three)
        })
    };
    build.body.push(Stmt::Loop { var, count: 3, body: (0..100).map(step).collect() });
    check(&build.finish(), &[Tensor::from_f64s(DType::I32, [], &[5.0])]);
}

/// Steps of a long chain, through two temporaries and an alias, with constants of their own: more than
/// [`super::super::shared::SHARE_WEIGHT`] of it.
fn long_chain(steps: usize) -> crate::loops::Function {
    const LENGTH: usize = 6;
    let mut build = Build::default();
    let x = build.input(DType::I32, [LENGTH]);
    let out = build.output(DType::I32, [LENGTH]);
    let temporaries = [0; 4].map(|_| build.temporary(DType::I32, [LENGTH]));
    let table = |seed| Place::Constant(Arc::new(sample(DType::I32, [LENGTH], seed)));
    let tables = [1, 2, 3].map(|seed| build.buffer(DType::I32, [LENGTH], table(seed)));
    for step in 0..steps {
        let from = if step == 0 { x } else { temporaries[(step - 1) % 4] };
        let to = if step + 1 == steps { out } else { temporaries[step % 4] };
        let from = build.buffer(DType::I32, [LENGTH], Place::Alias(from));
        let mut b = BlockBuilder::new();
        let mut value = b.load(at(from, &[0]), DType::I32);
        let constant = b.load(at(tables[step % 3], &[0]), DType::I32);
        for factor in 0..40 {
            let factor = b.int(DType::I32, factor);
            let sum = b.add(value, constant);
            value = b.xor(sum, factor);
        }
        let stores = vec![store(to, at(to, &[0]).indices, value)];
        build.body.push(Stmt::Nest(nest(&[Dim::parallel(LENGTH)], b.finish(), stores)));
    }
    build.finish()
}

#[test]
fn equal_parts_are_one_function() {
    let long = long_chain(700);
    check(&long, &[sample(DType::I32, [6], 117)]);
    let size = |function| object_of(function, "x86_64-unknown-linux-gnu", None).len();
    // A step of its own takes 500 bytes and more, its share of a call 50.
    let more = size(&long_chain(1400)) - size(&long);
    assert!(more < 700 * 150, "700 more steps take {more} bytes");
}

#[test]
fn a_nest_without_stores_is_nothing() {
    let mut build = Build::default();
    build.body.push(Stmt::Nest(Nest::new(vec![Dim::parallel(3)])));
    check(&build.finish(), &[]);
}
