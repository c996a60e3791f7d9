//! Which memory is a buffer, and which buffers share bytes? Whoever asks that asks here.
//!
//! # Note: successors
//! A buffer is a name for a *value* in memory. [`Place::Alias`] is another name for the same value; [`Place::Next`] is
//! another value in the same memory: the successor of a loop's state, which overwrites it. Once a successor is written,
//! its predecessor can no longer be read, until the step ends: then the successor's value becomes the state. Of several
//! loops around a successor, that is the innermost one that contains all that names it. Programs of loops which break
//! this are refused by [`super::verify()`] and by the interpreter.

use super::{Buffer, BufferId, Function, LoopVar, Nest, Place, Stmt};
use std::collections::HashMap;

impl Buffer {
    /// Units: bytes.
    pub fn size_bytes(&self) -> usize {
        self.shape.element_count().saturating_mul(self.dtype.size_bytes())
    }
}

fn place(buffers: &[Buffer], id: BufferId) -> &Place {
    &buffers[id.0 as usize].place
}

/// The buffer whose value `id` has, following aliases. See Note: successors.
pub fn version(buffers: &[Buffer], id: BufferId) -> BufferId {
    match *place(buffers, id) {
        Place::Alias(of) => version(buffers, of),
        Place::Next(_) => id,
        Place::Input(_) | Place::Output(_) | Place::Constant(_) | Place::Unplaced | Place::Arena(_) => id,
    }
}

/// The buffer whose bytes are those of `id`, following aliases and successors.
pub fn memory(buffers: &[Buffer], id: BufferId) -> BufferId {
    match *place(buffers, id) {
        Place::Alias(of) | Place::Next(of) => memory(buffers, of),
        Place::Input(_) | Place::Output(_) | Place::Constant(_) | Place::Unplaced | Place::Arena(_) => id,
    }
}

/// May the two have bytes in common? Temporaries without an address are apart.
pub fn share_bytes(buffers: &[Buffer], a: BufferId, b: BufferId) -> bool {
    let (a, b) = (memory(buffers, a), memory(buffers, b));
    let range = |id: BufferId| match *place(buffers, id) {
        Place::Arena(start) => Some((start, start.saturating_add(buffers[id.0 as usize].size_bytes()))),
        Place::Input(_) | Place::Output(_) | Place::Constant(_) | Place::Unplaced => None,
        Place::Alias(_) | Place::Next(_) => None,
    };
    let meet = |((first, end), (start, last)): ((usize, usize), (usize, usize))| first < last && start < end;
    a == b || range(a).zip(range(b)).is_some_and(meet)
}

/// Have the two the very same bytes?
pub fn same_bytes(buffers: &[Buffer], a: BufferId, b: BufferId) -> bool {
    let (a, b) = (memory(buffers, a), memory(buffers, b));
    let (one, other) = (&buffers[a.0 as usize], &buffers[b.0 as usize]);
    let same_start =
        matches!((&one.place, &other.place), (Place::Arena(start), Place::Arena(other)) if start == other);
    a == b || (same_start && one.size_bytes() == other.size_bytes())
}

/// Does the nest, of all elements in the memory of `source`, read only the one that it then writes?
pub fn reads_where_it_writes(nest: &Nest, buffers: &[Buffer], source: BufferId) -> bool {
    let mut reads =
        nest.block.loads().filter(|access| share_bytes(buffers, access.buffer, source)).peekable();
    if reads.peek().is_none() {
        return true;
    }
    let [store] = nest.stores.as_slice() else { return false };
    let target = &buffers[store.buffer.0 as usize];
    let same_layout = |id: BufferId| {
        let buffer = &buffers[id.0 as usize];
        same_bytes(buffers, id, source)
            && buffer.shape == target.shape
            && buffer.dtype.size_bytes() == target.dtype.size_bytes()
    };
    reads.all(|access| access.fill.is_none() && access.indices == store.indices && same_layout(access.buffer))
}

impl Function {
    /// See [`version`].
    pub fn version(&self, id: BufferId) -> BufferId {
        version(&self.buffers, id)
    }

    /// See [`memory`].
    pub fn memory(&self, id: BufferId) -> BufferId {
        memory(&self.buffers, id)
    }

    /// See [`share_bytes`].
    pub fn share_bytes(&self, a: BufferId, b: BufferId) -> bool {
        share_bytes(&self.buffers, a, b)
    }

    /// Units: bytes.
    pub fn size_bytes(&self, id: BufferId) -> usize {
        self.buffer(id).size_bytes()
    }
}

/// The successors that become the state at the end of each step, by the body of the loop. See Note: successors.
pub(super) struct Successions {
    // By the address of the body, which stays where it is as long as the function is borrowed.
    of: HashMap<*const Stmt, Vec<BufferId>>,
}

impl Successions {
    pub(super) fn new(function: &Function) -> Successions {
        let mut successions = Successions { of: HashMap::new() };
        let is_next = |buffer: &Buffer| matches!(buffer.place, Place::Next(_));
        if function.buffers.iter().any(is_next) {
            let total = mentions(function, &function.body);
            successions.find(function, &function.body, &total);
        }
        successions
    }

    /// The successors that take over when a step of this body ends.
    pub(super) fn at_end(&self, body: &[Stmt]) -> &[BufferId] {
        self.of.get(&body.as_ptr()).map_or(&[], Vec::as_slice)
    }

    fn find(&mut self, function: &Function, stmts: &[Stmt], total: &HashMap<BufferId, usize>) {
        for stmt in stmts {
            stmt.walk(&mut |stmt| match stmt {
                // Inner loops come later, and take what is theirs.
                Stmt::Loop { var, body, .. } => self.claim(function, body, Some(*var), total),
                Stmt::While { body, .. } => self.claim(function, body, None, total),
                Stmt::Nest(_) | Stmt::Call(_) | Stmt::Switch { .. } => {}
            });
        }
    }

    fn claim(
        &mut self,
        function: &Function,
        body: &[Stmt],
        var: Option<LoopVar>,
        total: &HashMap<BufferId, usize>,
    ) {
        let mut here = mentions(function, body);
        // What the loop makes row by row is whole when it has ended, not before.
        for stmt in body {
            stmt.mentions(&mut |mention| {
                if mention.loops().any(|found| Some(found) == var) {
                    here.remove(&function.version(mention.buffer));
                }
            });
        }
        let mut all: Vec<BufferId> =
            here.into_iter().filter(|(id, count)| total.get(id) == Some(count)).map(|(id, _)| id).collect();
        all.sort_unstable();
        if !all.is_empty() {
            self.of.values_mut().for_each(|outer| outer.retain(|id| !all.contains(id)));
            self.of.insert(body.as_ptr(), all);
        }
    }
}

/// How often statements name each successor.
fn mentions(function: &Function, stmts: &[Stmt]) -> HashMap<BufferId, usize> {
    let mut mentions = HashMap::new();
    for stmt in stmts {
        stmt.buffers(&mut |id, _| {
            let version = function.version(id);
            if matches!(function.buffer(version).place, Place::Next(_)) {
                *mentions.entry(version).or_insert(0) += 1;
            }
        });
    }
    mentions
}
