//! Rewrites every block to the machine subset. See "Note: machine subset" of [`crate::loops`].
//!
//! # Note: narrow floats
//! A value of F16, BF16 or a float of 8 bits becomes an F32 value that the narrow type can represent: every operation
//! computes in F32 and rounds. Loads and stores of such buffers move the bits as an unsigned integer; the buffers keep
//! their dtypes. Accumulators of reductions stay in F32 until the result is rounded once: no less precise, and what
//! XLA does in its own fusions. Integers below one byte are bytes in the same way, and wrap where floats round.
//!
//! Before all that, numbers in two parts are taken apart: see `complex`.

mod complex;
mod narrow;
mod operation;
mod short;

use crate::diag::Diagnostic;
use crate::loops::{
    Access, BinaryOp, Block, BlockBuilder, Combine, Function, Index, Inst, Module, Nest, Stmt, Store, Val,
};
use crate::types::DType;
use operation::Rewriter;

/// Rewrites all nests of a module; each keeps its meaning, its dims and its plan.
///
/// Errors: an element type or an operation that no code generator has, by name.
pub fn run(mut module: Module) -> Result<Module, Diagnostic> {
    module.functions.iter_mut().try_for_each(function).map_err(Diagnostic::unsupported)?;
    Ok(module)
}

/// Rewrites all nests of one function.
///
/// Errors: as [`run`].
pub fn function(function: &mut Function) -> Result<(), String> {
    complex::function(function)?;
    statements(&mut function.body)
}

fn statements(body: &mut [Stmt]) -> Result<(), String> {
    for stmt in body {
        match stmt {
            Stmt::Nest(body) => nest(body)?,
            Stmt::Loop { body, .. } => statements(body)?,
            Stmt::While { condition, body, .. } => {
                statements(condition)?;
                statements(body)?;
            }
            Stmt::Switch { branches, .. } => branches.iter_mut().try_for_each(|branch| statements(branch))?,
            Stmt::Call(_) => {}
        }
    }
    Ok(())
}

/// Rewrites one nest.
///
/// Errors: as [`run`].
pub fn nest(nest: &mut Nest) -> Result<(), String> {
    let source = std::mem::take(&mut nest.block);
    let mut rewriter = Rewriter::new(&source);
    rewriter.insts()?;
    for reduction in &mut nest.reductions {
        let dtype = source.dtype(reduction.values[0]);
        *reduction = reduction.map_operands(|val| rewriter.get(val));
        match &mut reduction.combine {
            Combine::Op(op) if dtype == DType::Bool => *op = operation::bool_operation(*op)?,
            Combine::Op(op) if !op.is_machine() => {
                return Err(format!("reductions by {op:?} are not supported"));
            }
            Combine::Op(_) => {}
            Combine::Block(body) => *body = block(body)?,
        }
    }
    for store in &mut nest.stores {
        self::store(&mut rewriter, store)?;
    }
    nest.block = rewriter.finish();
    prune(nest);
    Ok(())
}

/// Rewrites a block with parameters and results, of machine types then.
///
/// Errors: as [`run`].
pub fn block(source: &Block) -> Result<Block, String> {
    let mut rewriter = Rewriter::new(source);
    rewriter.insts()?;
    let roots: Vec<Val> = source.results.iter().map(|&result| rewriter.get(result)).collect();
    let block = rewriter.finish();
    let (mut block, map) = without_dead(&block, &roots);
    block.results = roots.iter().map(|root| map[root.0 as usize].expect("roots are kept")).collect();
    Ok(block)
}

fn store(rewriter: &mut Rewriter, store: &mut Store) -> Result<(), String> {
    let dtype = rewriter.source_dtype(store.value);
    *store = store.map_operands(|val| rewriter.get(val));
    let mut value = store.value;
    if let Some(op) = store.combine {
        if dtype == DType::Bool {
            store.combine = Some(operation::bool_operation(op)?);
        } else if operation::is_encoded(dtype) || !is_plain(op, dtype) {
            // No machine operation on the stored bits: the load becomes visible.
            let old = rewriter.old_value(store.buffer, store.indices.clone(), dtype);
            value = rewriter.binary(op, dtype, old, value)?;
            store.combine = None;
        }
    }
    store.value = rewriter.stored(value, dtype);
    Ok(())
}

/// Is the operation free of preconditions, so that a store can apply it?
fn is_plain(op: BinaryOp, dtype: DType) -> bool {
    match op {
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Max | BinaryOp::Min => true,
        BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => true,
        BinaryOp::Div => dtype.is_float(),
        BinaryOp::ShiftLeft
        | BinaryOp::ShiftRightLogical
        | BinaryOp::ShiftRightArithmetic
        | BinaryOp::Rem => false,
        BinaryOp::Pow | BinaryOp::Atan2 | BinaryOp::NextAfter => false,
        BinaryOp::MulHigh | BinaryOp::Complex => false,
    }
}

/// Drops the instructions of a nest that no store and no reduction needs.
fn prune(nest: &mut Nest) {
    let folded = nest.reductions.iter().flat_map(|reduction| reduction.operands());
    let kept: Vec<Val> = folded.chain(nest.stores.iter().flat_map(|store| store.operands())).collect();
    let (block, map) = without_dead(&nest.block, &kept);
    let of = |root: Val| map[root.0 as usize].expect("roots are kept");
    nest.reductions.iter_mut().for_each(|reduction| *reduction = reduction.map_operands(of));
    nest.stores.iter_mut().for_each(|store| *store = store.map_operands(of));
    nest.block = block;
}

/// The block with only what the roots need (and its parameters), and where each value went.
fn without_dead(block: &Block, roots: &[Val]) -> (Block, Vec<Option<Val>>) {
    let mut live = vec![false; block.insts.len()];
    roots.iter().for_each(|root| live[root.0 as usize] = true);
    for at in (0..block.insts.len()).rev() {
        live[at] |= matches!(block.insts[at], Inst::Param(_));
        if live[at] {
            block.insts[at].operands().iter().for_each(|operand| live[operand.0 as usize] = true);
        }
    }
    let mut builder = BlockBuilder::new();
    let mut map: Vec<Option<Val>> = vec![None; block.insts.len()];
    for val in block.vals().filter(|val| live[val.0 as usize]) {
        let inst =
            block.inst(val).map_operands(|operand| map[operand.0 as usize].expect("operands are live"));
        let dtype = block.dtype(val);
        let moved = if let Inst::Param(_) = inst { builder.param(dtype) } else { builder.push(inst, dtype) };
        map[val.0 as usize] = Some(moved);
    }
    (builder.finish(), map)
}

/// An access that reads zero bits outside of the buffer.
fn filled_access(
    b: &mut BlockBuilder,
    buffer: crate::loops::BufferId,
    indices: Vec<Index>,
    dtype: DType,
) -> Access {
    let fill = b.int(dtype, 0);
    Access { buffer, indices, fill: Some(fill) }
}

#[cfg(test)]
mod tests;
