//! Runtime calls among nests, with lowerings made by hand, and copies that are not made.

use super::*;
use crate::ir::{Atom, Builder};
use crate::loops::Module;
use crate::ops::elementwise::UnaryKind;
use crate::ops::indexing::{DynamicSlice, DynamicUpdateSlice};
use crate::ops::rules::{Lowering, runtime_call};
use crate::schedule::{elide, place};
use crate::types::{Aval, DType, Literal};

fn lowered(program: &Program, lowerings: Vec<Lowering>) -> Function {
    let graph = graph::Graph::new(program, lowerings).expect("the dtypes have code");
    let function = outputs::function("f", assemble(program, &graph));
    assert_eq!(crate::loops::verify(&function), Vec::<String>::new());
    function
}

fn vector() -> Aval {
    Aval::new(DType::F32, [100])
}

/// The lowering of an equation as a call with scratch memory.
fn call(symbol: &'static str, operands: &[Aval], scratch_bytes: usize) -> Lowering {
    runtime_call(symbol, operands, &[vector()], Some(scratch_bytes), vec![7])
}

#[test]
fn literal_operands_are_constants() {
    let mut b = Builder::new();
    let x: Atom = b.input(vector()).into();
    let two = Atom::Literal(Literal::from_f64(DType::F32, 2.0));
    let first = b.mul(x, two);
    let second = b.add(first, x);
    let program = b.finish(vec![second]);
    let scalar = Aval::new(DType::F32, crate::types::Shape::scalar());
    let lowerings =
        vec![call("rjax_a", &[vector(), scalar], 1000), call("rjax_b", &[vector(), vector()], 900)];
    let expected = "function f (arena 0 bytes) {
  b0: f32[100] input 0
  b1: f32[100] unplaced
  b2: f32[100] output 0
  b3: f32[] constant 2.0:f32[]
  b4: u8[1000] unplaced
  b5: u8[900] unplaced
  b1 = call rjax_a(b0, b3; 7; scratch b4)
  b2 = call rjax_b(b1, b0; 7; scratch b5)
}
";
    let function = lowered(&program, lowerings);
    assert_eq!(function.to_string(), expected);
    // Scratch memory of one call is that of the next.
    let placed = place::run(Module { functions: vec![function] }).expect("placing has no errors");
    assert_eq!(placed.functions[0].arena_bytes, 448 + 1024);
}

/// Two nests over the same points would become one, but the second reads what a call makes of the first.
#[test]
fn nests_are_not_joined_across_a_call() {
    let mut b = Builder::new();
    let x: Atom = b.input(vector()).into();
    let before = b.unary(UnaryKind::Exp, x);
    let called = b.unary(UnaryKind::Sin, before);
    let after = b.add(called, x);
    let program = b.finish(vec![before, after]);
    let lowerings = program
        .equations
        .iter()
        .enumerate()
        .map(|(at, eqn)| match at {
            1 => call("rjax_a", &[vector()], 0),
            _ => {
                let operands = program.atom_avals(&eqn.operands);
                eqn.op.lower(&operands, &[vector()]).expect("elementwise operations have nests")
            }
        })
        .collect();
    let text = lowered(&program, lowerings).to_string();
    let at = |what: &str| text.find(what).expect(what);
    assert!(at("Exp") < at("call rjax_a") && at("call rjax_a") < at("Add"), "{text}");
}

/// `y = 2 x`, `a = y` with a row replaced, `b = a` with another row replaced by one of its own; returns `y, a, b`.
fn two_updates(b: &mut Builder) -> [Atom; 3] {
    let [x, row] = [[64, 100], [1, 100]].map(|shape| Atom::from(b.input(Aval::new(DType::F32, shape))));
    let at: Atom = b.input(Aval::new(DType::I32, crate::types::Shape::scalar())).into();
    let [zero, one] = [0.0, 1.0].map(|value| Atom::constant(DType::I32, value));
    let y = b.mul(x, Atom::constant(DType::F32, 2.0));
    let a = b.emit_one(DynamicUpdateSlice, &[y, row, at, zero]);
    let next = b.add(at, one);
    let own = b.emit_one(DynamicSlice { sizes: vec![1, 100] }, &[a, next, zero]);
    let sum = b.add(own, row);
    let last = b.emit_one(DynamicUpdateSlice, &[a, sum, at, zero]);
    [y, a, last]
}

fn whole_nests(program: Program) -> usize {
    let function = lower(&program, "f").expect("everything has code");
    let elided = elide::run(Module { functions: vec![function] }).expect("eliding has no errors");
    let function = &elided.functions[0];
    assert_eq!(crate::loops::verify(function), Vec::<String>::new());
    let is_whole = |stmt: &&crate::loops::Stmt| match stmt {
        crate::loops::Stmt::Nest(nest) => nest.dims.iter().map(|dim| dim.extent).product::<usize>() == 6400,
        _ => false,
    };
    function.body.iter().filter(is_whole).count()
}

#[test]
fn updates_of_what_dies_copy_nothing() {
    let mut b = Builder::new();
    let [_, _, last] = two_updates(&mut b);
    // The product alone; all three arrays are the output.
    assert_eq!(whole_nests(b.finish(vec![last])), 1);
    let mut b = Builder::new();
    let [_, a, last] = two_updates(&mut b);
    assert_eq!(whole_nests(b.finish(vec![a, last])), 2);
    let mut b = Builder::new();
    let [y, _, last] = two_updates(&mut b);
    // One pass makes the product and its copy.
    assert_eq!(whole_nests(b.finish(vec![y, last])), 1);
}

/// Offsets in an arena of such arrays would wrap.
#[test]
fn arrays_whose_bytes_cannot_be_added_are_refused() {
    let large = Aval::new(DType::U8, [1usize << 46, 2]);
    let buffers = vec![fragment::buffer(&large, crate::loops::Place::Unplaced); (1 << 13) + 1];
    assert!(check_sizes(&buffers[1..]).is_ok());
    let error = check_sizes(&buffers).expect_err("2^60 + 2^47 bytes");
    assert!(
        error.message.starts_with("the arrays of the program have more than 2^60 bytes"),
        "{}",
        error.message
    );
}
