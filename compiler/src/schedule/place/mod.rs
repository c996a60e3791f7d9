//! Gives temporaries their places in the arena, once it is settled what runs and in which order: those that do not live at
//! the same time share bytes.

mod arena;
mod lives;
#[cfg(test)]
mod tests;

pub use lives::Life;

use crate::diag::Diagnostic;
use crate::loops::address::{reads_where_it_writes, same_bytes};
use crate::loops::{BufferId, Function, Inst, Module, Nest, Place, Stmt};
use arena::{Arena, Room};
use lives::Timeline;
use std::collections::{BTreeSet, HashMap};

// Alignment of every temporary: one cache line, one AVX-512 register. Units: bytes.
const ALIGN_BYTES: usize = 64;
// Buffers of at least a page get this much more room, so that neighbours do not fall on the same L1 sets.
// Units: bytes.
const STAGGER_BYTES: usize = 128;
const PAGE_BYTES: usize = 4096;

/// Places all temporaries, and drops copies of a buffer onto itself, which that leaves behind.
pub fn run(mut module: Module) -> Result<Module, Diagnostic> {
    for function in &mut module.functions {
        place_temporaries(function);
        drop_self_copies(function);
    }
    Ok(module)
}

fn place_temporaries(function: &mut Function) {
    let (offsets, arena_bytes) = planned(function);
    for (id, offset) in offsets {
        function.buffers[id.0 as usize].place = Place::Arena(offset);
    }
    function.arena_bytes = arena_bytes;
}

/// The offset of every temporary, and the size of the arena.
fn planned(function: &Function) -> (HashMap<BufferId, usize>, usize) {
    let timeline = Timeline::of(function);
    let lives = &timeline.lives;
    let mut order: Vec<(BufferId, Life)> = lives.iter().map(|(&id, &life)| (id, life)).collect();
    order.sort_unstable_by_key(|&(id, life)| (life.first, id));
    let mut arena = Arena::default();
    let mut offsets: HashMap<BufferId, usize> = HashMap::new();
    for (id, life) in order {
        arena.retire(life.first);
        let in_place = |nest| in_place_operand(function, nest, id, lives, life.first);
        let taken = timeline.leaves[life.first]
            .and_then(in_place)
            .and_then(|dying| arena.take_over(offsets[&dying], life.last));
        let offset = taken.unwrap_or_else(|| arena.allocate(room(function, id), life.last));
        offsets.insert(id, offset);
    }
    (offsets, arena.size_bytes)
}

/// A temporary that dies in `nest` and of which every point reads just the element it then writes.
fn in_place_operand(
    function: &Function,
    nest: &Nest,
    result: BufferId,
    lives: &HashMap<BufferId, Life>,
    at: usize,
) -> Option<BufferId> {
    let [store] = nest.stores.as_slice() else { return None };
    let is_row = store.indices.iter().any(|index| index.affine.loops().next().is_some());
    if is_row || function.memory(store.buffer) != result {
        return None;
    }
    let dying = |id: BufferId| lives.get(&id).is_some_and(|life| life.last == at && life.first < at);
    let operands = nest.block.loads().map(|access| function.memory(access.buffer));
    operands
        .filter(|&id| id != result && dying(id))
        .find(|&id| reads_where_it_writes(nest, &function.buffers, id))
}

/// What a buffer takes up in the arena.
fn room(function: &Function, id: BufferId) -> Room {
    let bytes = function.size_bytes(id);
    let behind_bytes = if bytes >= PAGE_BYTES { STAGGER_BYTES } else { 0 };
    Room { bytes: bytes.max(1).next_multiple_of(ALIGN_BYTES), behind_bytes }
}

/// Copies of a buffer onto itself, which in-place updates leave behind. What such a copy makes is no successor, but the
/// value that was there.
fn drop_self_copies(function: &mut Function) {
    let mut body = std::mem::take(&mut function.body);
    let mut kept: BTreeSet<(BufferId, BufferId)> = BTreeSet::new();
    for stmt in &body {
        stmt.walk(&mut |stmt| {
            if let Stmt::Nest(nest) = stmt
                && let Some((from, to)) = self_copy(function, nest)
            {
                kept.insert((function.version(from), function.version(to)));
            }
        });
    }
    retain(&mut body, &|nest| self_copy(function, nest).is_none());
    function.body = body;
    for (from, to) in kept {
        let (first, last) = (from.min(to), from.max(to));
        let is_in_arena = |id: BufferId| matches!(function.buffer(id).place, Place::Arena(_));
        if let Place::Next(of) = function.buffer(to).place {
            function.buffers[to.0 as usize].place = Place::Alias(of);
        } else if first != last && is_in_arena(first) && is_in_arena(last) {
            // One has taken the other's place.
            function.buffers[last.0 as usize].place = Place::Alias(first);
        }
    }
}

fn retain(stmts: &mut Vec<Stmt>, wanted: &dyn Fn(&Nest) -> bool) {
    stmts.retain(|stmt| match stmt {
        Stmt::Nest(nest) => wanted(nest),
        Stmt::Call(_) | Stmt::Loop { .. } | Stmt::While { .. } | Stmt::Switch { .. } => true,
    });
    for stmt in stmts {
        match stmt {
            Stmt::Nest(_) | Stmt::Call(_) => {}
            Stmt::Loop { body, .. } => retain(body, wanted),
            Stmt::While { condition, body, .. } => {
                retain(condition, wanted);
                retain(body, wanted);
            }
            Stmt::Switch { branches, .. } => branches.iter_mut().for_each(|branch| retain(branch, wanted)),
        }
    }
}

/// The two names of a buffer that a nest copies onto itself.
fn self_copy(function: &Function, nest: &Nest) -> Option<(BufferId, BufferId)> {
    let [store] = nest.stores.as_slice() else { return None };
    let Inst::Load(access) = nest.block.inst(store.value) else { return None };
    let (from, to) = (function.buffer(access.buffer), function.buffer(store.buffer));
    let is_same = same_bytes(&function.buffers, access.buffer, store.buffer)
        && from.shape == to.shape
        && from.dtype == to.dtype
        && access.fill.is_none()
        && store.mask.is_none()
        && store.combine.is_none()
        && access.indices == store.indices;
    is_same.then_some((access.buffer, store.buffer))
}
