//! Interprets loop nests on concrete arrays: the specification that code generators are tested against.
//!
//! # Note: two strictnesses
//! Before legalization, operations mean what JAX says they mean, on every input. After it, only the machine subset
//! may remain, and its preconditions (no division by zero, no shift by the width) must hold. [`Strictness`] says
//! which of the two an evaluation checks.

mod nest;
mod owners;
mod scalar;
pub mod special;

use super::address::Successions;
use super::{Block, BufferId, Function, Inst, LoopVar, Place, Stmt, Val};
use crate::types::{Aval, DType, Literal, Scalar, Tensor};
use owners::Owners;
use std::collections::HashMap;
use std::ops::Range;

/// What an evaluation accepts. See Note: two strictnesses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strictness {
    /// Every operation, with the meaning JAX gives it.
    Source,
    /// The machine subset within its preconditions; anything else is an error.
    Machine,
}

/// Evaluates a block that has parameters and results, and neither loads nor dims.
///
/// Errors: a `Call`, a load, a dim; under [`Strictness::Machine`] also what the machine subset excludes.
pub fn block(block: &Block, args: &[Scalar], strictness: Strictness) -> Result<Vec<Scalar>, String> {
    let no_context =
        |inst: &Inst, _: DType, _: &[Option<Scalar>]| Err(format!("{inst:?} needs a nest around it"));
    let mut values = vec![None; block.insts.len()];
    let every = vec![true; block.insts.len()];
    evaluate(block, args, &every, &mut values, strictness, &no_context)?;
    Ok(block.results.iter().map(|&val| value_of(&values, val)).collect())
}

/// Runs a function on its inputs, in the order of [`Place::Input`]; the results are in the order of
/// [`Place::Output`]. Memory that was never written reads as garbage.
///
/// Errors: an access out of bounds, a call of the runtime (by its symbol), an operation [`block()`] refuses.
pub fn function(
    function: &Function,
    inputs: &[Tensor],
    strictness: Strictness,
) -> Result<Vec<Tensor>, String> {
    let mut machine = Machine::new(function, inputs, strictness)?;
    machine.run(&function.body)?;
    machine.outputs()
}

// Uninitialised memory: not zero, so that reading it shows.
const GARBAGE: u8 = 0xa5;

struct Machine<'f> {
    function: &'f Function,
    /// One per buffer; empty for aliases and buffers of the arena.
    memory: Vec<Vec<u8>>,
    arena: Vec<u8>,
    /// For each byte of memory, the value it was last written for.
    owners: Owners,
    successions: Successions,
    loops: HashMap<LoopVar, usize>,
    strictness: Strictness,
}

impl<'f> Machine<'f> {
    fn new(function: &'f Function, inputs: &[Tensor], strictness: Strictness) -> Result<Self, String> {
        let memory = (0..function.buffers.len() as u32)
            .map(|id| initial_bytes(function, BufferId(id), inputs))
            .collect::<Result<_, _>>()?;
        let arena = vec![GARBAGE; function.arena_bytes];
        let owners = Owners::default();
        let successions = Successions::new(function);
        Ok(Machine { function, memory, arena, owners, successions, loops: HashMap::new(), strictness })
    }

    fn run(&mut self, body: &[Stmt]) -> Result<(), String> {
        body.iter().try_for_each(|stmt| self.step(stmt))
    }

    fn step(&mut self, stmt: &Stmt) -> Result<(), String> {
        match stmt {
            Stmt::Nest(nest) => self.nest(nest),
            Stmt::Loop { var, count, body } => {
                for position in 0..*count {
                    self.loops.insert(*var, position);
                    self.run(body)?;
                    self.succeed(body);
                }
                self.loops.remove(var);
                Ok(())
            }
            Stmt::While { condition, predicate, body } => {
                self.run(condition)?;
                while self.element(*predicate, DType::Bool, 0)?.bool() {
                    self.run(body)?;
                    self.succeed(body);
                    self.run(condition)?;
                }
                Ok(())
            }
            Stmt::Switch { selector, branches } => {
                let chosen = self.element(*selector, DType::I32, 0)?.int();
                let branch = usize::try_from(chosen).ok().and_then(|chosen| branches.get(chosen));
                self.run(branch.ok_or_else(|| format!("the selector {chosen} names no branch"))?)
            }
            Stmt::Call(call) => Err(format!("the interpreter has no runtime routine {}", call.symbol)),
        }
    }

    /// A step ends: the successors become the state. See the note in [`super::address`].
    fn succeed(&mut self, body: &[Stmt]) {
        for &next in self.successions.at_end(body) {
            if let Place::Next(state) = self.function.buffer(next).place {
                let state = self.function.version(state);
                let (memory, range) = self.owned(next, 0..self.function.size_bytes(next));
                self.owners.hand_over(memory, range, next, state);
            }
        }
    }

    /// Whose owners are kept for bytes of a buffer, and where: all of the arena is one memory.
    fn owned(&self, id: BufferId, bytes: Range<usize>) -> (Option<BufferId>, Range<usize>) {
        let (root, range) = self.range(id);
        let memory = match self.function.buffer(root).place {
            Place::Arena(_) => None,
            _ => Some(root),
        };
        (memory, range.start.saturating_add(bytes.start)..range.start.saturating_add(bytes.end))
    }

    /// Decodes the element at a row-major position. Units: elements. Errors: its memory holds another value.
    fn element(&self, id: BufferId, dtype: DType, position: usize) -> Result<Scalar, String> {
        let width = dtype.size_bytes();
        let (memory, range) = self.owned(id, position * width..(position + 1) * width);
        let version = self.function.version(id);
        if let Some(other) = self.owners.other_than(memory, range, version) {
            return Err(format!("{id:?} is read after {other:?} was written in its place"));
        }
        let bytes = self.bytes(id).get(position * width..(position + 1) * width);
        Ok(Scalar::decode(dtype, bytes.ok_or_else(|| format!("{id:?} has no bytes for element {position}"))?))
    }

    fn bytes(&self, id: BufferId) -> &[u8] {
        let (root, range) = self.range(id);
        let memory = match self.function.buffer(root).place {
            Place::Arena(_) => &self.arena,
            _ => &self.memory[root.0 as usize],
        };
        memory.get(range).unwrap_or(&[])
    }

    fn bytes_mut(&mut self, id: BufferId) -> &mut [u8] {
        let (root, range) = self.range(id);
        let memory = match self.function.buffer(root).place {
            Place::Arena(_) => &mut self.arena,
            _ => &mut self.memory[root.0 as usize],
        };
        memory.get_mut(range).unwrap_or(&mut [])
    }

    /// The buffer whose memory holds `id`, and which of its bytes (or of the arena's).
    fn range(&self, id: BufferId) -> (BufferId, Range<usize>) {
        let size_bytes = self.function.size_bytes(id);
        match self.function.buffer(id).place {
            Place::Alias(target) | Place::Next(target) => self.range(target),
            Place::Arena(start) => (id, start..start + size_bytes),
            Place::Input(_) | Place::Output(_) | Place::Constant(_) | Place::Unplaced => (id, 0..size_bytes),
        }
    }

    fn outputs(&self) -> Result<Vec<Tensor>, String> {
        let mut outputs = Vec::new();
        for (position, buffer) in self.function.buffers.iter().enumerate() {
            if let Place::Output(output) = buffer.place {
                let aval = Aval::new(buffer.dtype, buffer.shape.clone());
                let bytes = self.memory[position].clone();
                outputs.push((output, Tensor::new(aval, bytes).ok_or("an output has the wrong size")?));
            }
        }
        outputs.sort_by_key(|(output, _)| *output);
        Ok(outputs.into_iter().map(|(_, tensor)| tensor).collect())
    }
}

fn initial_bytes(function: &Function, id: BufferId, inputs: &[Tensor]) -> Result<Vec<u8>, String> {
    let buffer = function.buffer(id);
    let size_bytes = buffer.size_bytes();
    let bytes = match &buffer.place {
        Place::Input(position) => {
            let input = inputs.get(*position).ok_or_else(|| format!("input {position} is missing"))?;
            input.bytes().to_vec()
        }
        Place::Constant(tensor) => tensor.bytes().to_vec(),
        Place::Output(_) | Place::Unplaced => vec![GARBAGE; size_bytes],
        Place::Arena(_) | Place::Alias(_) | Place::Next(_) => return Ok(Vec::new()),
    };
    if bytes.len() != size_bytes {
        return Err(format!("{id:?} needs {size_bytes} bytes and was given {}", bytes.len()));
    }
    Ok(bytes)
}

/// Answers for the instructions that need a nest: an instruction, its type, the values so far.
type Context<'a> = dyn Fn(&Inst, DType, &[Option<Scalar>]) -> Result<Scalar, String> + 'a;

/// Evaluates, in order, the instructions that `wanted` marks and `values` does not hold yet.
fn evaluate(
    block: &Block,
    args: &[Scalar],
    wanted: &[bool],
    values: &mut [Option<Scalar>],
    strictness: Strictness,
    context: &Context,
) -> Result<(), String> {
    for val in block.vals() {
        let at = val.0 as usize;
        if !wanted[at] || values[at].is_some() {
            continue;
        }
        let value = match block.inst(val) {
            Inst::Param(param) => *args.get(*param).ok_or_else(|| format!("argument {param} is missing"))?,
            inst @ (Inst::Dim(_) | Inst::LoopIndex(_) | Inst::Reduced { .. } | Inst::Load(_)) => {
                context(inst, block.dtype(val), values)?
            }
            inst => compute(block, inst, block.dtype(val), values, strictness)?,
        };
        values[at] = Some(value);
    }
    Ok(())
}

fn compute(
    block: &Block,
    inst: &Inst,
    dtype: DType,
    values: &[Option<Scalar>],
    strictness: Strictness,
) -> Result<Scalar, String> {
    let get = |val: Val| value_of(values, val);
    match inst {
        Inst::Const(literal) => Ok(literal.value()),
        Inst::Unary(op, x) => scalar::unary(*op, block.dtype(*x), get(*x), strictness),
        Inst::Binary(op, x, y) => scalar::binary(*op, dtype, get(*x), get(*y), strictness),
        Inst::Compare(op, x, y) => scalar::compare(*op, block.dtype(*x), get(*x), get(*y)).map(Scalar::Bool),
        Inst::Select { mask, on_true, on_false } => {
            Ok(if get(*mask).bool() { get(*on_true) } else { get(*on_false) })
        }
        Inst::Fma(x, y, z) => scalar::fma(dtype, get(*x), get(*y), get(*z)),
        Inst::Convert(x) => scalar::convert(block.dtype(*x), dtype, get(*x)),
        Inst::Bitcast(x) => scalar::bitcast(block.dtype(*x), dtype, get(*x)),
        Inst::Table { entries, index } => table_entry(entries, get(*index)),
        Inst::Rare { when, fast, slow, args } => {
            if !get(*when).bool() {
                return Ok(get(*fast));
            }
            let args: Vec<Scalar> = args.iter().map(|&arg| get(arg)).collect();
            let results = self::block(slow, &args, strictness)?;
            results.first().copied().ok_or_else(|| "a slow block has no result".to_string())
        }
        Inst::Call { symbol, .. } => Err(format!("the interpreter has no routine {symbol}")),
        Inst::Param(_) | Inst::Dim(_) | Inst::LoopIndex(_) | Inst::Load(_) | Inst::Reduced { .. } => {
            Err(format!("{inst:?} was not answered by its context"))
        }
    }
}

fn table_entry(entries: &[Literal], index: Scalar) -> Result<Scalar, String> {
    let entry = usize::try_from(index.int()).ok().and_then(|index| entries.get(index));
    Ok(entry.ok_or_else(|| format!("a table of {} has no entry {index:?}", entries.len()))?.value())
}

fn value_of(values: &[Option<Scalar>], val: Val) -> Scalar {
    values[val.0 as usize].expect("operands are evaluated before their users")
}

#[cfg(test)]
mod tests;
