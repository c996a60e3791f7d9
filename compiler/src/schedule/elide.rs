//! Copies that need not be made: where a nest copies a temporary that is not used any more, the copy takes its place.
//!
//! A scatter is a copy of an array and a nest that updates the copy. Of a chain of updates only the first copies, and an
//! update in a loop costs what it changes, not what it keeps.

use super::place::Life;
use crate::diag::Diagnostic;
use crate::loops::{BufferId, Function, Index, Inst, Module, Nest, Place, Stmt, Store};
use std::collections::HashMap;

/// A store that only copies.
struct Copy {
    stmt: usize,
    store: usize,
    source: BufferId,
    target: BufferId,
}

/// Makes the targets of such copies aliases of their sources, and drops the stores.
pub fn run(mut module: Module) -> Result<Module, Diagnostic> {
    module.functions.iter_mut().for_each(elide);
    Ok(module)
}

/// Invariant: outputs have their places, temporaries have none yet.
fn elide(function: &mut Function) {
    let mut lives = lives(function);
    for stmt in 0..function.body.len() {
        // Each elision may make another possible in the same nest.
        while let Some(copy) = elidable(function, stmt, &lives) {
            let target = lives.remove(&copy.target).expect("what is stored to has a life");
            lives.get_mut(&copy.source).expect("what is loaded has a life").last = target.last;
            take_place(function, &copy);
        }
    }
    function.body.retain(|stmt| !matches!(stmt, Stmt::Nest(nest) if nest.stores.is_empty()));
}

/// The lives of temporaries and outputs. Statements inside of others count as those.
fn lives(function: &Function) -> HashMap<BufferId, Life> {
    let mut lives: HashMap<BufferId, Life> = HashMap::new();
    for (at, stmt) in function.body.iter().enumerate() {
        stmt.buffers(&mut |id, _| {
            let root = function.memory(id);
            if matches!(function.buffer(root).place, Place::Unplaced | Place::Output(_)) {
                lives.entry(root).or_insert(Life { first: at, last: at }).last = at;
            }
        });
    }
    lives
}

fn take_place(function: &mut Function, copy: &Copy) {
    let place =
        std::mem::replace(&mut function.buffers[copy.target.0 as usize].place, Place::Alias(copy.source));
    function.buffers[copy.source.0 as usize].place = place;
    if let Stmt::Nest(nest) = &mut function.body[copy.stmt] {
        nest.stores.remove(copy.store);
    }
}

fn elidable(function: &Function, stmt: usize, lives: &HashMap<BufferId, Life>) -> Option<Copy> {
    let Stmt::Nest(nest) = &function.body[stmt] else { return None };
    (0..nest.stores.len()).find_map(|store| {
        let (loaded, stored) = (copied(nest, &nest.stores[store])?, nest.stores[store].buffer);
        let (source, target) = (function.memory(loaded), function.memory(stored));
        let same_layout = |a: BufferId, b: BufferId| {
            let (a, b) = (function.buffer(a), function.buffer(b));
            a.dtype == b.dtype && a.shape == b.shape
        };
        let is_written_once = nest.stores.iter().enumerate().all(|(other, s)| {
            other == store || ![source, target].iter().any(|&id| function.share_bytes(id, s.buffer))
        });
        let ends = lives.get(&source).is_some_and(|life| life.first < stmt && life.last == stmt);
        let begins = lives.get(&target).is_some_and(|life| life.first == stmt);
        // Aliases point backwards; the shapes of outputs are those of their buffers.
        let fits = source < target
            && function.buffer(source).place == Place::Unplaced
            && same_layout(loaded, stored)
            && same_layout(source, target);
        (ends && begins && fits && is_written_once).then_some(Copy { stmt, store, source, target })
    })
}

/// The buffer whose elements a store copies, each to its own position.
fn copied(nest: &Nest, store: &Store) -> Option<BufferId> {
    let Inst::Load(access) = nest.block.inst(store.value) else { return None };
    let is_plain = store.mask.is_none() && store.combine.is_none() && access.fill.is_none();
    let in_place = access.indices == store.indices && access.indices.iter().all(Index::is_affine);
    (is_plain && in_place).then_some(access.buffer)
}
