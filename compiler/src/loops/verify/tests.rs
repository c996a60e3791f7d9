use super::verify;
use crate::loops::{Access, Affine, BinaryOp, BlockBuilder, Buffer, BufferId, Combine, Dim, Function, Index};
use crate::loops::{Jam, LoopVar, Nest, Place, Reduction, Stmt, Store, Val, VectorPlan};
use crate::types::DType;

/// `out[i] = sum over k of x[i, k]`, and something broken by `break_it`.
fn broken(break_it: impl FnOnce(&mut Function)) -> String {
    let buffer = |shape: &[usize], place| Buffer { dtype: DType::F32, shape: shape.into(), place };
    let mut b = BlockBuilder::new();
    let zero = b.float(DType::F32, 0.0);
    let x = b.load(Access::new(BufferId(0), vec![Index::dim(0), Index::dim(1)]), DType::F32);
    let sum = b.reduced(0, 0, DType::F32);
    let double = b.add(sum, sum);
    let mut nest = Nest::new(vec![Dim::parallel(4), Dim::reduce(3)]);
    nest.block = b.finish();
    nest.reductions =
        vec![Reduction { combine: Combine::Op(BinaryOp::Add), inits: vec![zero], values: vec![x] }];
    let (indices, buffer_id) = (vec![Index::dim(0)], BufferId(1));
    nest.stores = vec![Store { buffer: buffer_id, indices, value: double, mask: None, combine: None }];
    let mut function = Function {
        name: "f".into(),
        buffers: vec![buffer(&[4, 3], Place::Input(0)), buffer(&[4], Place::Output(0))],
        body: vec![Stmt::Nest(nest)],
        arena_bytes: 0,
    };
    break_it(&mut function);
    verify(&function).join("; ")
}

fn broken_nest(break_it: impl FnOnce(&mut Nest)) -> String {
    broken(|function| match &mut function.body[0] {
        Stmt::Nest(nest) => break_it(nest),
        Stmt::Loop { .. } | Stmt::While { .. } | Stmt::Switch { .. } | Stmt::Call(_) => {
            unreachable!("a nest")
        }
    })
}

#[test]
fn a_good_function_passes() {
    assert_eq!(broken(|_| {}), "");
    assert_eq!(broken_nest(|nest| nest.plan.vector = Some(VectorPlan { dim: 1, lanes: 4, unroll: 2 })), "");
}

#[test]
fn each_broken_invariant_is_named() {
    let cases = [
        (broken(|f| f.buffers[1].place = Place::Input(1)), "read-only"),
        (broken(|f| f.buffers[1].place = Place::Arena(8)), "byte 24 of the arena"),
        (broken(|f| f.buffers[1].place = Place::Alias(BufferId(0))), "no alias"),
        (broken(|f| f.buffers[0].dtype = DType::F64), "holds f64, not f32"),
        (broken_nest(|n| n.dims[0].extent = 5), "extent 4; indices 0 to 4"),
        (broken_nest(|n| n.stores[0].indices.clear()), "0 indices into rank 1"),
        (broken_nest(|n| n.stores[0].value = Val(1)), "differs along a reduce dim"),
        (broken_nest(|n| n.stores[0].mask = Some(Val(0))), "not a bool"),
        (broken_nest(|n| n.stores[0].value = Val(9)), "does not exist"),
        (broken_nest(|n| n.stores[0].indices[0].affine = Affine::dim(7)), "does not exist"),
        (broken_nest(|n| n.reductions.clear()), "no part 0 of a reduction 0"),
        (broken_nest(|n| n.reductions[0].inits[0] = Val(1)), "depends on a reduce dim"),
        (broken_nest(|n| n.reductions[0].values[0] = Val(2)), "depends on a result"),
        (broken_nest(|n| n.block.types[3] = DType::I32), "expected i32, found f32"),
        (broken_nest(|n| n.block.insts.swap(0, 3)), "not defined before"),
        (broken_nest(|n| n.plan.order = vec![1, 0]), "a reduce dim comes before"),
        (broken_nest(|n| n.plan.order = vec![0, 0]), "does not list every dim"),
        (broken_nest(|n| n.plan.vector = Some(VectorPlan { dim: 0, lanes: 2, unroll: 1 })), "2 lanes"),
        (broken_nest(|n| n.plan.jam = Some(Jam { dim: 1, factor: 2 })), "not possible"),
    ];
    for (errors, expected) in cases {
        assert!(errors.contains(expected), "expected `{expected}`, found `{errors}`");
    }
}

/// A loop whose step makes the successor of `state` in its place and then adds up `read`.
fn successor(read: fn(state: BufferId, next: BufferId) -> BufferId) -> Function {
    let (outer, inner) = (LoopVar(0), LoopVar(1));
    let [state, next, sum] = [0, 1, 2].map(BufferId);
    let buffer = |shape: &[usize], place| Buffer { dtype: DType::F32, shape: shape.into(), place };
    let mut b = BlockBuilder::new();
    let old = b.load(Access::new(state, vec![Index::dim(0)]), DType::F32);
    let new = b.add(old, old);
    let mut make = Nest::new(vec![Dim::parallel(2)]);
    make.block = b.finish();
    let plain = |buffer, indices, value| Store { buffer, indices, value, mask: None, combine: None };
    make.stores = vec![plain(next, vec![Index::dim(0)], new)];
    let mut b = BlockBuilder::new();
    let row = vec![Index::affine(Affine::of_loop(inner))];
    let at = b.load(Access::new(read(state, next), row), DType::F32);
    let mut add = Nest::new(vec![]);
    add.block = b.finish();
    add.stores = vec![Store { combine: Some(BinaryOp::Add), ..plain(sum, vec![], at) }];
    let rows = Stmt::Loop { var: inner, count: 2, body: vec![Stmt::Nest(add)] };
    let body = vec![Stmt::Nest(make), rows];
    Function {
        name: "f".into(),
        buffers: vec![
            buffer(&[2], Place::Output(0)),
            buffer(&[2], Place::Next(state)),
            buffer(&[], Place::Output(1)),
        ],
        body: vec![Stmt::Loop { var: outer, count: 2, body }],
        arena_bytes: 0,
    }
}

#[test]
fn rows_of_a_state_are_not_read_once_its_successor_is_written() {
    use crate::loops::interpret::{self, Strictness};
    let right = successor(|_, next| next);
    assert_eq!(verify(&right), Vec::<String>::new());
    assert!(interpret::function(&right, &[], Strictness::Source).is_ok());
    let wrong = successor(|state, _| state);
    assert!(verify(&wrong).join("; ").contains("is read after its successor was written"));
    let found = interpret::function(&wrong, &[], Strictness::Source).map(|_| ());
    assert!(found.is_err_and(|why| why.contains("was written in its place")));
}

#[test]
fn rows_are_those_of_a_loop_around() {
    let (var, other) = (LoopVar(0), LoopVar(1));
    let broken = |position: Affine| {
        let mut b = BlockBuilder::new();
        let value = b.load(Access::new(BufferId(0), vec![Index::affine(position)]), DType::F32);
        let mut nest = Nest::new(vec![]);
        nest.block = b.finish();
        nest.stores = vec![Store { buffer: BufferId(1), indices: vec![], value, mask: None, combine: None }];
        let buffer = |shape: &[usize], place| Buffer { dtype: DType::F32, shape: shape.into(), place };
        let buffers = vec![buffer(&[3], Place::Input(0)), buffer(&[], Place::Output(0))];
        let body = vec![Stmt::Loop { var, count: 3, body: vec![Stmt::Nest(nest)] }];
        verify(&Function { name: "f".into(), buffers, body, arena_bytes: 0 }).join("; ")
    };
    assert_eq!(broken(Affine::of_loop(var)), "");
    assert_eq!(broken(Affine::of_loop(var).scale(-1).add_constant(2)), "");
    assert!(broken(Affine::of_loop(var).add_constant(1)).contains("indices 1 to 3"));
    assert!(broken(Affine::of_loop(other)).contains("no loop around it"));
}

#[test]
fn positions_do_not_become_masks_in_lanes() {
    let message = broken_nest(|nest| {
        let mut b = BlockBuilder::new();
        let at = b.dim(0);
        let mask = b.convert(at, DType::Bool);
        let value = b.convert(mask, DType::F32);
        *nest = Nest::new(vec![Dim::parallel(4)]);
        nest.block = b.finish();
        let (buffer, indices) = (BufferId(1), vec![Index::dim(0)]);
        nest.stores = vec![Store { buffer, indices, value, mask: None, combine: None }];
        nest.plan.vector = Some(VectorPlan { dim: 0, lanes: 4, unroll: 1 });
    });
    assert!(message.contains("to masks"), "{message}");
}
