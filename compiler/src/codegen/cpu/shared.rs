//! Parts of long functions that are equal but for the arrays they work on: compiled once.
//!
//! # Note: sharing
//! A program of many thousand equations repeats itself: layers, steps of an unrolled loop, chains. Code generation is most
//! of what compiling costs, so parts of a long list of statements become functions of their own arrays, and equal ones
//! are the same function. Temporaries keep their distances in the arena and move with its start; inputs, outputs and
//! constants are passed as pointers. What a code generator may know of a buffer (its type, shape and kind of place) is
//! part of the comparison. Short functions do not go through this: their parts reach memory directly.

use super::Emit;
use super::function::Body;
use crate::loops::{Buffer, BufferId, Function, Nest, Place, Stmt};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};
use cranelift_module::FuncId;
use rustc_hash::FxHasher;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Only lists of statements heavier than this are looked at for equal parts. Units: as those of outlining.
pub(super) const SHARE_WEIGHT: usize = 40_000;

/// A part as a function of its arrays, and what it is called with.
pub(super) struct Part {
    /// Its inputs and outputs are numbered as they turn up; temporaries lie where they do from `arena_start` on.
    pub function: Function,
    inputs: Vec<BufferId>,
    outputs: Vec<BufferId>,
    // Units: bytes.
    arena_start: usize,
}

/// The parts compiled so far, by their hash.
#[derive(Default)]
pub(super) struct Parts {
    known: HashMap<u64, Vec<(Arc<Function>, FuncId)>>,
}

impl Parts {
    /// The function of an equal part.
    pub fn get(&self, part: &Part) -> Option<FuncId> {
        let alike = self.known.get(&hash_of(&part.function))?;
        alike.iter().find(|(function, _)| **function == part.function).map(|(_, id)| *id)
    }

    pub fn insert(&mut self, function: Arc<Function>, id: FuncId) {
        self.known.entry(hash_of(&function)).or_default().push((function, id));
    }
}

impl Part {
    /// The statements as a function; `None` if they are more than nests and calls, or move with a loop around them.
    pub fn of(function: &Function, stmts: &[Stmt]) -> Option<Part> {
        if stmts.iter().any(|stmt| !matches!(stmt, Stmt::Nest(_) | Stmt::Call(_))) {
            return None;
        }
        let mut maker = Maker { function, buffers: Vec::new(), names: HashMap::new(), fits: true };
        let mut body = stmts.to_vec();
        for stmt in &mut body {
            let mut moves = false;
            stmt.rename(&mut |id| maker.name(id), &mut |var| {
                moves = true;
                var
            });
            maker.fits &= !moves;
        }
        maker.fits.then(|| maker.finish(body))
    }
}

/// Gives the buffers of a part names of their own.
struct Maker<'f> {
    function: &'f Function,
    // The originals, in order of their new names.
    buffers: Vec<BufferId>,
    names: HashMap<BufferId, BufferId>,
    fits: bool,
}

impl Maker<'_> {
    fn name(&mut self, id: BufferId) -> BufferId {
        if let Some(&name) = self.names.get(&id) {
            return name;
        }
        match self.function.buffer(id).place {
            Place::Alias(_) | Place::Next(_) => _ = self.name(self.function.memory(id)),
            Place::Input(_) | Place::Output(_) | Place::Constant(_) | Place::Unplaced | Place::Arena(_) => {}
        }
        let name = BufferId(self.buffers.len() as u32);
        self.buffers.push(id);
        self.names.insert(id, name);
        name
    }

    fn finish(self, body: Vec<Stmt>) -> Part {
        let offset = |&id: &BufferId| match self.function.buffer(id).place {
            Place::Arena(offset) => Some(offset),
            Place::Input(_) | Place::Output(_) | Place::Constant(_) => None,
            Place::Unplaced | Place::Alias(_) | Place::Next(_) => None,
        };
        let arena_start = self.buffers.iter().filter_map(offset).min().unwrap_or(0);
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        let mut buffers = Vec::with_capacity(self.buffers.len());
        for &id in &self.buffers {
            let Buffer { dtype, shape, place } = self.function.buffer(id).clone();
            let place = match place {
                Place::Input(_) | Place::Constant(_) => {
                    inputs.push(id);
                    Place::Input(inputs.len() - 1)
                }
                Place::Output(_) => {
                    outputs.push(id);
                    Place::Output(outputs.len() - 1)
                }
                Place::Arena(offset) => Place::Arena(offset - arena_start),
                Place::Alias(_) => Place::Alias(self.names[&self.function.memory(id)]),
                Place::Next(_) => Place::Next(self.names[&self.function.memory(id)]),
                Place::Unplaced => place,
            };
            buffers.push(Buffer { dtype, shape, place });
        }
        let function = Function { name: String::new(), buffers, body, arena_bytes: 0 };
        Part { function, inputs, outputs, arena_start }
    }
}

impl Body<'_, '_, '_> {
    /// The arguments for a part: inputs, outputs, work, exec. The two arrays of pointers stand one behind the other in a
    /// frame that calls of parts share.
    pub(super) fn arguments(&mut self, part: &Part) -> Emit<[Value; 4]> {
        let [_, _, work, exec] = self.args;
        let count = part.inputs.len() + part.outputs.len();
        let slot = self.cx.frame(8 * count.max(1) as u32);
        let inputs = self.cx.b.ins().stack_addr(types::I64, slot, 0);
        for (position, &buffer) in part.inputs.iter().chain(&part.outputs).enumerate() {
            let pointer = self.pointer(buffer)?;
            self.cx.b.ins().store(MemFlagsData::trusted(), pointer, inputs, 8 * position as i32);
        }
        let b = &mut self.cx.b;
        let outputs = b.ins().stack_addr(types::I64, slot, 8 * part.inputs.len() as i32);
        let work = match part.arena_start {
            0 => work,
            start => b.ins().iadd_imm_s(work, start as i64),
        };
        Ok([inputs, outputs, work, exec])
    }
}

/// Of what is quick to read; equal functions have equal hashes.
fn hash_of(function: &Function) -> u64 {
    let mut hasher = FxHasher::default();
    let of_nest = |nest: &Nest, hasher: &mut FxHasher| {
        (&nest.dims, &nest.block).hash(hasher);
        nest.stores.iter().for_each(|store| (store.buffer, store.value).hash(hasher));
    };
    for buffer in &function.buffers {
        (buffer.dtype, &buffer.shape).hash(&mut hasher);
    }
    for stmt in &function.body {
        match stmt {
            Stmt::Nest(nest) => of_nest(nest, &mut hasher),
            Stmt::Call(call) => (call.symbol, &call.integers).hash(&mut hasher),
            Stmt::Loop { .. } | Stmt::While { .. } | Stmt::Switch { .. } => {}
        }
    }
    hasher.finish()
}
