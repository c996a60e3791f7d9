//! Folds with a body: what merges n accumulators with n elements, as a program on scalars.

use super::{BatchCx, BatchDim, Duals, EvalCx, JvpCx, NoRule, Rule, Tangent, scalar_results, tangent_aval};
use crate::diag::TypeError;
use crate::ir::inline::inline;
use crate::ir::{Atom, Body, Builder, Program};
use crate::loops::{BinaryOp, Block, BlockBuilder, Combine, Inst, Val};
use crate::ops::shape::batch_axes_first;
use crate::types::{Aval, Tensor};

/// Checks n arrays and n start values against a body, and returns n.
///
/// Errors: TypeError if the arrays differ in shape, a start value is not a rank-0 array of its array's dtype, or the
/// body does not map two such values per array to one.
pub fn expect_fold(body: &Body, operands: &[Aval]) -> Result<usize, TypeError> {
    let count = operands.len() / 2;
    if count == 0 || !operands.len().is_multiple_of(2) {
        let found = operands.len();
        return Err(TypeError(format!("expected arrays and as many start values, found {found} operands")));
    }
    let (arrays, starts) = operands.split_at(count);
    let scalars: Vec<Aval> = arrays.iter().map(|aval| Aval::scalar(aval.dtype)).collect();
    if let Some(other) = arrays.iter().find(|aval| aval.shape != arrays[0].shape) {
        return Err(TypeError(format!("operand shapes {} and {} differ", arrays[0].shape, other.shape)));
    }
    if let Some((expected, found)) = scalars.iter().zip(starts).find(|(expected, found)| expected != found) {
        return Err(TypeError(format!("start value: expected {expected}, found {found}")));
    }
    let list = |avals: &[Aval]| avals.iter().map(Aval::to_string).collect::<Vec<_>>().join(" ");
    let (inputs, outputs) = (body.input_avals(), body.output_avals());
    if inputs != [scalars.clone(), scalars.clone()].concat() || outputs != scalars {
        let (scalars, inputs, outputs) = (list(&scalars), list(&inputs), list(&outputs));
        return Err(TypeError(format!(
            "expected a body from {scalars} {scalars} to {scalars}, found one from {inputs} to {outputs}"
        )));
    }
    Ok(count)
}

/// Folds elements, one per array, into start values, in order.
pub fn eval_fold(
    cx: &EvalCx,
    body: &Body,
    starts: &[Tensor],
    elements: impl IntoIterator<Item = Vec<Tensor>>,
) -> Rule<Vec<Tensor>> {
    let step =
        |folded: Vec<Tensor>, next: Vec<Tensor>| (cx.eval_body)(cx, body.program(), &[folded, next].concat());
    elements.into_iter().try_fold(starts.to_vec(), step)
}

/// The fold that a body describes, from n accumulators and n elements to n accumulators: one operation if it is no
/// more than that.
///
/// Errors: as [`scalar_results`].
pub fn scalar_combine(body: &Program) -> Rule<Combine> {
    let block = scalar_block(body)?;
    Ok(match single_operation(&block) {
        Some(op) => Combine::Op(op),
        None => Combine::Block(block),
    })
}

fn scalar_block(body: &Program) -> Rule<Block> {
    let mut b = BlockBuilder::new();
    let params: Vec<Val> = body.input_avals().iter().map(|aval| b.param(aval.dtype)).collect();
    let results = scalar_results(&mut b, body, &params)?;
    Ok(b.finish_with(results))
}

/// The operation of which the block is one application, to its two parameters.
fn single_operation(block: &Block) -> Option<BinaryOp> {
    let (&[result], [_, _]) = (block.results.as_slice(), block.params.as_slice()) else { return None };
    let Inst::Binary(op, x, y) = block.inst(result) else { return None };
    let is_of_both = match (block.inst(*x), block.inst(*y)) {
        (Inst::Param(x), Inst::Param(y)) => x != y,
        _ => false,
    };
    let folds = match op {
        BinaryOp::Add | BinaryOp::Mul | BinaryOp::Max | BinaryOp::Min => true,
        BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => true,
        BinaryOp::Sub | BinaryOp::Div | BinaryOp::Rem | BinaryOp::Pow | BinaryOp::Atan2 => false,
        BinaryOp::ShiftLeft | BinaryOp::ShiftRightLogical | BinaryOp::ShiftRightArithmetic => false,
        BinaryOp::NextAfter | BinaryOp::MulHigh | BinaryOp::Complex => false,
    };
    (is_of_both && folds).then_some(*op)
}

/// The operands of a fold with the batch axis first on every array.
///
/// Errors: a start value differs within the batch.
pub fn batch_fold(cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Vec<Atom>> {
    let count = operands.len() / 2;
    if dims[count..].iter().any(|dim| dim.axis().is_some()) {
        return Err(NoRule::NotYet("start values that differ within the batch"));
    }
    let mut batched = batch_axes_first(cx, &operands[..count], &dims[..count]);
    batched.extend(&operands[count..]);
    Ok(batched)
}

/// The arrays of a fold that have tangents, and the body that folds the tangents along.
pub struct DualFold {
    /// Which arrays are inexact.
    pub inexact: Vec<bool>,
    /// From n accumulators and n elements, then m tangents of accumulators and m of elements, to n accumulators and m
    /// tangents.
    pub body: Program,
}

impl DualFold {
    /// Errors: a start value has a tangent, or the body has no derivative.
    pub fn of(cx: &mut JvpCx, body: &Body, tangents: &[Tangent]) -> Rule<DualFold> {
        let count = tangents.len() / 2;
        if tangents[count..].iter().any(|tangent| !tangent.is_zero()) {
            return Err(NoRule::ByDesign("JAX has no derivative by the start values of a fold"));
        }
        let inexact: Vec<bool> = body.output_avals().iter().map(|aval| aval.dtype.is_inexact()).collect();
        let dual =
            (cx.bodies.jvp)(body, &[inexact.clone(), inexact.clone()].concat())?.with_tangents(&inexact);
        Ok(DualFold { inexact, body: dual.program })
    }

    /// The tangents of inexact arrays, zeros as arrays too.
    pub fn tangents(&self, b: &mut Builder, tangents: &[Tangent]) -> Vec<Atom> {
        let inexact = self.inexact.iter().zip(tangents).filter(|(inexact, _)| **inexact);
        let array = |tangent: &Tangent| match tangent {
            Tangent::Value(atom) => *atom,
            Tangent::Zero(aval) => b.full(aval.dtype, &aval.shape, 0.0),
        };
        inexact.map(|(_, tangent)| tangent).map(array).collect()
    }

    /// n results and the tangents of the inexact ones as duals.
    pub fn duals(&self, b: &Builder, mut results: Vec<Atom>) -> Duals {
        let mut found = results.split_off(self.inexact.len()).into_iter();
        let tangent = |(inexact, &primal): (&bool, &Atom)| match inexact {
            true => Tangent::Value(found.next().expect("one tangent per inexact result")),
            false => Tangent::Zero(tangent_aval(&b.aval(primal))),
        };
        let tangents = self.inexact.iter().zip(&results).map(tangent).collect();
        Duals { primals: results, tangents }
    }
}

/// Applies a body on scalars to the elements of arrays of one shape.
///
/// Errors: an operation of the body has no batching rule.
pub fn map_elements(cx: &mut JvpCx, body: &Program, arrays: &[Atom]) -> Rule<Vec<Atom>> {
    let shape = cx.builder.aval(arrays[0]).shape;
    let count = shape.element_count();
    let dims = vec![BatchDim::Axis(0); arrays.len()];
    let batched = (cx.bodies.batch)(body, &dims, count)?.with_axes(&vec![true; body.outputs.len()]);
    let flat: Vec<Atom> = arrays.iter().map(|&array| cx.builder.reshape(array, [count])).collect();
    let results = inline(cx.builder, &batched.program, &flat);
    Ok(results.into_iter().map(|result| cx.builder.reshape(result, shape.clone())).collect())
}
