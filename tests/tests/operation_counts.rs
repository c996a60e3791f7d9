//! What transformed programs cost after all program passes, in floating operations, stays what it is.

use rjaxc_compiler::diag::Sources;
use rjaxc_compiler::exports;
use rjaxc_compiler::ir::{Equation, Program};
use rjaxc_compiler::pipeline::{self, Observe};
use rjaxc_compiler::{Op, front, read};
use rjaxc_tests::root;

/// The optimized program of an export expression over a case file.
fn optimized(file: &str, export: &str) -> Program {
    let path = root().join("tests/cases/optimize").join(file);
    optimized_text(std::fs::read_to_string(path).expect("a case file"), export)
}

fn optimized_text(text: String, export: &str) -> Program {
    let mut sources = Sources::new();
    let id = sources.add("test.ir", text);
    let source = read(&sources, id).expect("a program");
    let id = sources.add("--export", format!("f = {export}"));
    let export = front::read_export(&sources, id).expect("an expression");
    let entry = exports::entries(&source, &[export]).expect("a transformation that exists").remove(0);
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
    assert!(10 * gradient <= 27 * loss, "the gradient takes {gradient} operations, the loss {loss}");
    // Three products per layer, but two for the first: nobody asks for the derivative by the data.
    assert_eq!((loss, gradient), (31233, 81793));
}

#[test]
fn compositions_of_a_small_loss() {
    let count = |export| operations(&optimized("compositions_of_small_loss.ir", export));
    assert_eq!(count("loss"), 11);
    assert_eq!(count("vmap(grad(loss), in_axes=(None, 0, 0), axis_size=8)"), 152);
    assert_eq!(count("hvp(loss)"), 36);
    assert_eq!(count("jacfwd(loss)"), 60);
}

/// `sum(tanh(.. tanh(x w0) w1 ..))` with this many layers.
fn deep(layers: usize) -> String {
    let weights: String = (0..layers).map(|layer| format!(" w{layer}:f32[8,8]")).collect();
    let mut text = format!("let loss = {{ lambda ; h0:f32[8]{weights}. let\n");
    for layer in 0..layers {
        let next = layer + 1;
        text += &format!(
            "p{layer}:f32[8] = dot_general[dimension_numbers=(([0], [0]), ([], []))] h{layer} w{layer}\n"
        );
        text += &format!("h{next}:f32[8] = tanh p{layer}\n");
    }
    text + &format!("s:f32[] = reduce_sum[axes=(0,)] h{layers} in (s,) }}\n")
}

#[test]
fn derivatives_of_deep_networks_grow_linearly() {
    let equations = |layers, export| optimized_text(deep(layers), export).equations.len();
    let gradient = |layers| equations(layers, "value_and_grad(loss)");
    assert!(gradient(50) <= 50 * 10, "{} equations", gradient(50));
    assert!(gradient(100) <= 2 * gradient(50), "{} and {} equations", gradient(100), gradient(50));
    assert!(equations(20, "hessian(loss)") <= 20 * 40, "{} equations", equations(20, "hessian(loss)"));
}
