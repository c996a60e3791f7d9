//! Compositions of transformations, as the text of an export.

use crate::derivatives::Random;
use crate::diag::Sources;
use crate::exports::{self, Entry};
use crate::front;
use crate::ir::source::{Export, Source};
use crate::types::Aval;

/// How many transformations at most; the laws add another one.
const DEPTH: usize = 3;

/// Results of more elements than this are not transformed further.
const ELEMENTS: usize = 64;

/// The export of an expression over `f`.
pub fn read(expression: &str) -> Export {
    let mut sources = Sources::new();
    let id = sources.add("--export", format!("g = {expression}"));
    front::read_export(&sources, id).expect("the text of a composition")
}

/// Up to three transformations of `f`, each of which the function before it allows. If one of them fails, that is for the
/// laws to report.
pub fn compose(random: &mut Random, source: &Source) -> String {
    let mut expression = "f".to_string();
    for _ in 0..random.below(DEPTH + 1) {
        let Ok(entries) = exports::entries(source, &[read(&expression)]) else { return expression };
        let Some(next) = around(random, &expression, &entries[0]) else { return expression };
        expression = next;
    }
    expression
}

fn around(random: &mut Random, inner: &str, entry: &Entry) -> Option<String> {
    let (inputs, outputs) = (entry.program.input_avals(), entry.program.output_avals());
    let inexact: Vec<usize> = (0..inputs.len()).filter(|&at| inputs[at].dtype.is_inexact()).collect();
    let elements = |avals: &[Aval]| avals.iter().map(|aval| aval.shape.element_count()).sum::<usize>();
    let is_float = outputs.iter().all(|aval| aval.dtype.is_inexact());
    let first = &outputs[0];
    let is_scalar = first.shape.is_scalar() && first.dtype.is_inexact();
    let is_small = elements(&inputs) * elements(&outputs) <= ELEMENTS;
    let is_tiny = elements(&inputs) * elements(&inputs) * elements(&outputs) <= ELEMENTS;
    let argnum = inexact[random.below(inexact.len())];
    let all: String = inexact.iter().map(|at| format!("{at}, ")).collect();
    let aux = if outputs.len() > 1 { ", has_aux=True" } else { "" };
    let mut ways = vec![
        format!("jvp({inner}, argnums=({argnum},))"),
        format!("vjp({inner}, argnums=({all}))"),
        format!("checkpoint({inner})"),
        vmap(random, inner, &inputs),
    ];
    if is_scalar {
        ways.push(format!("grad({inner}, argnums=({all}){aux})"));
        ways.push(format!("value_and_grad({inner}, argnums={argnum}{aux})"));
    }
    if is_float && is_small {
        ways.push(format!("jacfwd({inner}, argnums={argnum})"));
        ways.push(format!("jacrev({inner}, argnums=({all}))"));
    }
    if is_float && is_tiny {
        ways.push(format!("hessian({inner}, argnums={argnum})"));
    }
    if is_scalar && outputs.len() == 1 {
        ways.push(format!("hvp({inner}, argnums=({argnum},))"));
    }
    let is_large = elements(&inputs).max(elements(&outputs)) > 4 * ELEMENTS;
    (!is_large).then(|| ways.swap_remove(random.below(ways.len())))
}

/// At least one input is mapped, along any axis.
fn vmap(random: &mut Random, inner: &str, inputs: &[Aval]) -> String {
    let always = random.below(inputs.len());
    let axis = |(at, aval): (usize, &Aval)| match random.below(3) {
        0 if at != always => "None, ".to_string(),
        _ => format!("{}, ", random.below(aval.rank() + 1)),
    };
    let axes: String = inputs.iter().enumerate().map(axis).collect();
    format!("vmap({inner}, in_axes=({axes}), axis_size=2)")
}
