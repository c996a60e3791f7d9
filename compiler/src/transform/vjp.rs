//! Reverse mode, and forward mode as JAX's functions offer it.

use super::{Linearized, differentiable_outputs, finished, inputs_like, jvp, linearize, transpose, zeros};
use crate::diag::Diagnostic;
use crate::ir::inline::inline;
use crate::ir::{Atom, Builder, Program};
use crate::ops::rules::JvpProgram;

/// `x.., ct of each inexact output -> y.., gradient per argument`. Complex values are not conjugated.
///
/// Errors: an operation has no derivative.
pub fn vjp(program: &Program, argnums: &[usize]) -> Result<Program, Diagnostic> {
    pullback(program, argnums, &differentiable_outputs(program))
}

/// `x.. -> gradient per argument, other outputs..` of the first output, a scalar.
///
/// Errors: an operation has no derivative.
pub fn grad(program: &Program, argnums: &[usize]) -> Result<Program, Diagnostic> {
    let mut gradient = value_and_grad(program, argnums)?;
    let others = gradient.outputs.drain(..program.outputs.len()).skip(1).collect::<Vec<_>>();
    gradient.outputs.extend(others);
    crate::ir::prune::run(&mut gradient);
    Ok(gradient)
}

/// `x.. -> y.., gradient per argument` of the first output, a scalar.
///
/// Errors: an operation has no derivative.
pub fn value_and_grad(program: &Program, argnums: &[usize]) -> Result<Program, Diagnostic> {
    let one = Atom::constant(program.output_avals()[0].dtype, 1.0);
    let pullback = pullback(program, argnums, &[0])?;
    let mut b = Builder::new();
    let mut arguments = inputs_like(&mut b, program);
    arguments.push(one);
    let outputs = inline(&mut b, &pullback, &arguments);
    Ok(finished(b, outputs))
}

/// `x.., tangent per argument -> y.., tangent of each inexact output`.
///
/// Errors: an operation has no derivative.
pub fn pushforward(program: &Program, argnums: &[usize]) -> Result<Program, Diagnostic> {
    let JvpProgram { program: joint, nonzero } = jvp(program, &selected(program, argnums))?;
    let mut b = Builder::new();
    let mut arguments = inputs_like(&mut b, program);
    let tangents: Vec<Atom> =
        argnums.iter().map(|&argnum| b.input(program.aval(program.inputs[argnum]).clone()).into()).collect();
    // The tangents of `joint` are in the order of the inputs.
    for argnum in 0..program.inputs.len() {
        arguments.extend(argnums.iter().position(|&wanted| wanted == argnum).map(|at| tangents[at]));
    }
    let mut outputs = inline(&mut b, &joint, &arguments);
    let mut found = outputs.split_off(program.outputs.len()).into_iter();
    let avals = program.output_avals();
    for (output, aval) in avals.iter().enumerate().filter(|(_, aval)| aval.dtype.is_inexact()) {
        outputs.push(match nonzero[output] {
            true => found.next().expect("one tangent per output that has one"),
            false => zeros(&mut b, aval),
        });
    }
    Ok(finished(b, outputs))
}

/// The two halves of [`linearized`].
pub struct LinearizedFunction {
    /// `x.. -> y.., residuals..`.
    pub value: Program,
    /// `residuals.., tangent per argument -> tangent of each inexact output`.
    pub linear: Program,
    pub residuals: usize,
}

/// A program and its derivative at a point, as JAX's `linearize` splits them.
///
/// Errors: an operation has no derivative.
pub fn linearized(program: &Program, argnums: &[usize]) -> Result<LinearizedFunction, Diagnostic> {
    let Linearized { known, linear, nonzero, residuals } = linearize(program, &selected(program, argnums))?;
    let mut b = Builder::new();
    let inputs = linear.input_avals();
    let of_residuals: Vec<Atom> =
        inputs[..residuals].iter().map(|aval| b.input(aval.clone()).into()).collect();
    let tangents: Vec<Atom> =
        argnums.iter().map(|&argnum| b.input(program.aval(program.inputs[argnum]).clone()).into()).collect();
    // The tangents of `linear` are in the order of the inputs.
    let mut order: Vec<usize> = (0..argnums.len()).collect();
    order.sort_by_key(|&at| argnums[at]);
    let arguments: Vec<Atom> =
        of_residuals.into_iter().chain(order.into_iter().map(|at| tangents[at])).collect();
    let mut found = inline(&mut b, &linear, &arguments).into_iter();
    let mut outputs = Vec::new();
    for (aval, nonzero) in
        program.output_avals().iter().zip(nonzero).filter(|(aval, _)| aval.dtype.is_inexact())
    {
        outputs.push(match nonzero {
            true => found.next().expect("one tangent per output that has one"),
            false => zeros(&mut b, aval),
        });
    }
    Ok(LinearizedFunction { value: known, linear: finished(b, outputs), residuals })
}

/// The product of the second derivative with a vector: `x.., vector per argument -> product per argument`, of a
/// program with one scalar output.
///
/// Errors: an operation has no derivative.
pub fn hvp(program: &Program, argnums: &[usize]) -> Result<Program, Diagnostic> {
    let mut product = pushforward(&grad(program, argnums)?, argnums)?;
    product.outputs.drain(..argnums.len());
    crate::ir::prune::run(&mut product);
    Ok(product)
}

/// `x.., ct per listed output -> y.., gradient per argument`; the cotangents of the other outputs are zero.
///
/// Errors: an operation has no derivative.
pub fn pullback(program: &Program, argnums: &[usize], outputs: &[usize]) -> Result<Program, Diagnostic> {
    let linearized = linearize(program, &selected(program, argnums))?;
    let mut b = Builder::new();
    let arguments = inputs_like(&mut b, program);
    let mut cotangents = vec![None; program.outputs.len()];
    for &output in outputs {
        cotangents[output] = Some(Atom::from(b.input(program.atom_aval(program.outputs[output]))));
    }
    let mut results = inline(&mut b, &linearized.known, &arguments);
    let residuals = results.split_off(program.outputs.len());
    let of_linear: Vec<Option<Atom>> = cotangents
        .iter()
        .zip(&linearized.nonzero)
        .filter(|(_, nonzero)| **nonzero)
        .map(|(ct, _)| *ct)
        .collect();
    let gradients = transpose(&mut b, &linearized.linear, &residuals, &of_linear)?;
    // They are in the order of the inputs.
    let mut by_input = vec![None; program.inputs.len()];
    let wanted = (0..program.inputs.len()).filter(|argnum| argnums.contains(argnum));
    wanted.zip(gradients).for_each(|(argnum, gradient)| by_input[argnum] = gradient);
    for &argnum in argnums {
        let gradient = by_input[argnum];
        results.push(gradient.unwrap_or_else(|| zeros(&mut b, program.aval(program.inputs[argnum]))));
    }
    Ok(finished(b, results))
}

fn selected(program: &Program, argnums: &[usize]) -> Vec<bool> {
    (0..program.inputs.len()).map(|argnum| argnums.contains(&argnum)).collect()
}
