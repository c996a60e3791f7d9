//! Which temporaries share bytes.

use super::run;
use crate::loops::interpret::{self, Strictness};
use crate::loops::{Access, BinaryOp, BlockBuilder, Buffer, BufferId, Combine, Dim, Function, Index, Module};
use crate::loops::{Nest, Place, Reduction, Stmt, Store};
use crate::schedule::split;
use crate::types::{Aval, DType, Tensor};

fn placed(function: Function) -> Function {
    let module = run(Module { functions: vec![function] }).expect("placing has no errors");
    let function = module.functions.into_iter().next().expect("it is one function");
    assert_eq!(crate::loops::verify(&function), Vec::<String>::new());
    function
}

fn function(avals: &[(DType, &[usize], Place)], body: Vec<Stmt>) -> Function {
    let buffer = |(dtype, shape, place): &(DType, &[usize], Place)| Buffer {
        dtype: *dtype,
        shape: (*shape).into(),
        place: place.clone(),
    };
    Function { name: "f".into(), buffers: avals.iter().map(buffer).collect(), body, arena_bytes: 0 }
}

/// `to = from + from`, element by element.
fn doubled(from: u32, to: u32, extent: usize) -> Stmt {
    let mut b = BlockBuilder::new();
    let x = b.load(Access::new(BufferId(from), vec![Index::dim(0)]), DType::F32);
    let value = b.add(x, x);
    let mut nest = Nest::new(vec![Dim::parallel(extent)]);
    nest.block = b.finish();
    let indices = vec![Index::dim(0)];
    nest.stores = vec![Store { buffer: BufferId(to), indices, value, mask: None, combine: None }];
    Stmt::Nest(nest)
}

/// `to = sum of from`.
fn total(from: u32, to: u32, extent: usize) -> Stmt {
    let mut b = BlockBuilder::new();
    let zero = b.float(DType::F32, 0.0);
    let x = b.load(Access::new(BufferId(from), vec![Index::dim(0)]), DType::F32);
    let value = b.reduced(0, 0, DType::F32);
    let mut nest = Nest::new(vec![Dim::reduce(extent)]);
    nest.block = b.finish();
    let combine = Combine::Op(BinaryOp::Add);
    nest.reductions = vec![Reduction { combine, inits: vec![zero], values: vec![x] }];
    nest.stores = vec![Store { buffer: BufferId(to), indices: vec![], value, mask: None, combine: None }];
    Stmt::Nest(nest)
}

#[test]
fn a_chain_updates_one_array() {
    let vector: &[usize] = &[100];
    let avals = [
        (DType::F32, vector, Place::Input(0)),
        (DType::F32, vector, Place::Unplaced),
        (DType::F32, vector, Place::Unplaced),
        (DType::F32, vector, Place::Unplaced),
        (DType::F32, vector, Place::Output(0)),
    ];
    let body = (0..4).map(|at| doubled(at, at + 1, 100)).collect();
    assert_eq!(placed(function(&avals, body)).arena_bytes, 448);
}

#[test]
fn long_sums_take_turns() {
    let long: &[usize] = &[65_536];
    let sums = 12;
    let mut avals = vec![(DType::F32, long, Place::Input(0))];
    avals.extend((0..sums).map(|output| (DType::F32, &[][..], Place::Output(output))));
    let body = (0..sums as u32).map(|sum| total(0, 1 + sum, 65_536)).collect();
    let module = Module { functions: vec![function(&avals, body)] };
    let split = split::run(module).expect("splitting has no errors").functions.remove(0);
    let placed = placed(split);
    // The partial results of one: 128 runs.
    assert_eq!(placed.arena_bytes, 512);
    let ones = Tensor::from_f64s(DType::F32, [65_536], &vec![1.0; 65_536]);
    let results = interpret::function(&placed, &[ones], Strictness::Machine).expect("it runs");
    let expected = Tensor::from_f64s(DType::F32, [], &[65_536.0]);
    assert!(results.iter().all(|result| *result == expected));
    assert_eq!(results[0].aval(), &Aval::scalar(DType::F32));
}
