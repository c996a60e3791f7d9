//! What transformed programs cost after all program passes, in floating operations, stays what it is.

use rjaxc_compiler::diag::Sources;
use rjaxc_compiler::ir::{Equation, Program};
use rjaxc_compiler::ops::Op;
use rjaxc_compiler::pipeline::{self, Observe};
use rjaxc_compiler::{front, read};
use rjaxc_tests::root;

/// The optimized program of an export expression over a case file.
fn optimized(file: &str, export: &str) -> Program {
    let path = root().join("tests/cases/optimize").join(file);
    let mut sources = Sources::new();
    let id = sources.add(file, std::fs::read_to_string(path).expect("a case file"));
    let source = read(&sources, id).expect("a program");
    let id = sources.add("--export", format!("f = {export}"));
    let export = front::read_export(&sources, id).expect("an expression");
    let entry = pipeline::entries(&source, &[export]).expect("a transformation that exists").remove(0);
    pipeline::optimize(entry.program, &Observe::default(), &mut |_, _| {}).expect("passes of a valid program")
}

/// Floating operations: one per element of arithmetic, two per multiplication and addition of a product, and one per
/// element that a sum takes in. Moves, comparisons and selections are free.
fn operations(program: &Program) -> usize {
    program.equations.iter().map(|eqn| of_equation(program, eqn)).sum()
}

fn of_equation(program: &Program, eqn: &Equation) -> usize {
    let extents = |position: usize| program.atom_aval(eqn.operands[position]).shape;
    let results = program.aval(eqn.results[0]).shape.element_count();
    match &eqn.op {
        Op::DotGeneral(dot) => {
            let lhs = extents(0);
            let inner: usize = dot.lhs_contract.iter().map(|&axis| lhs.extents()[axis]).product();
            // An outer product adds nothing.
            if dot.lhs_contract.is_empty() { results } else { 2 * results * inner }
        }
        Op::Reduce(_) => extents(0).element_count(),
        Op::Unary(_) | Op::Binary(_) | Op::IntegerPow(_) => results,
        other => {
            assert!(other.bodies().is_empty(), "{} is not counted", other.name());
            0
        }
    }
}

#[test]
fn a_gradient_of_a_dense_network_costs_three_times_the_network() {
    let loss = operations(&optimized("gradient_of_mlp.ir", "loss"));
    let gradient = operations(&optimized("gradient_of_mlp.ir", "value_and_grad(loss, (0, 1, 2, 3, 4, 5))"));
    assert!(10 * gradient <= 32 * loss, "the gradient takes {gradient} operations, the loss {loss}");
    // Three products per layer, but two for the first: nobody asks for the derivative by the data.
    // FIXME: a transposed bias is reduced a second time over an axis of extent 1, which a careful person would not.
    assert_eq!((loss, gradient), (31233, 81829));
}

#[test]
fn compositions_of_a_small_loss() {
    let count = |export| operations(&optimized("compositions_of_small_loss.ir", export));
    assert_eq!(count("loss"), 11);
    // FIXME: the cotangent 1 is multiplied by, once per example here and once in the product below.
    assert_eq!(count("vmap(grad(loss), in_axes=(None, 0, 0), axis_size=8)"), 160);
    assert_eq!(count("hvp(loss)"), 38);
    assert_eq!(count("jacfwd(loss)"), 60);
}
