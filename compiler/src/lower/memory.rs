//! Places: inputs and outputs at the caller's pointers, constants in the object, temporaries in one arena.
//!
//! # Note: lives
//! Statements are numbered as they stand, loops around them. A temporary lives from the first statement that names it
//! to the last. If it is also named outside of a loop in which it is named, or if it is written row by row, it lives
//! through the whole loop: later iterations come back to earlier statements.

use super::control::reads_where_it_writes;
use super::copies;
use super::fragment::{Fragment, Output, buffer};
use crate::loops::address::{memory, same_bytes};
use crate::loops::{Buffer, BufferId, Function, Inst, Nest, Place, Stmt};
use crate::types::Aval;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};

// Alignment of every temporary: one cache line, one AVX-512 register. Units: bytes.
const ALIGN_BYTES: usize = 64;
// Buffers of at least a page get this much more room, so that neighbours do not fall on the same L1 sets.
// Units: bytes.
const STAGGER_BYTES: usize = 128;
const PAGE_BYTES: usize = 4096;

/// Adds copies for outputs that nothing computes in place, and assigns all buffers.
pub fn place(name: &str, mut fragment: Fragment) -> Function {
    place_outputs(&mut fragment);
    let Fragment { buffers, body, .. } = fragment;
    let mut function = Function { name: name.to_string(), buffers, body, arena_bytes: 0 };
    compact(&mut function);
    copies::elide(&mut function);
    place_temporaries(&mut function);
    drop_self_copies(&mut function);
    function
}

/// Output buffers replace temporaries where they can; other outputs (inputs, constants, repeated ones) are copies.
fn place_outputs(fragment: &mut Fragment) {
    for (position, output) in fragment.outputs.clone().into_iter().enumerate() {
        let place = Place::Output(position);
        if let Output::Buffer(view) = &output {
            let target = memory(&fragment.buffers, view.buffer);
            if fragment.buffers[target.0 as usize].place == Place::Unplaced {
                fragment.buffers[target.0 as usize].place = place;
                continue;
            }
        }
        let aval = match &output {
            Output::Buffer(view) => fragment.aval(view.buffer),
            Output::Literal(literal) => Aval::scalar(literal.dtype()),
        };
        fragment.buffers.push(buffer(&aval, place));
        let to = BufferId(fragment.buffers.len() as u32 - 1);
        fragment.body.push(fragment.copy(&output, to));
    }
}

/// Drops buffers that nothing uses and renumbers the rest.
fn compact(function: &mut Function) {
    let mut used: HashSet<BufferId> = HashSet::new();
    let mut waiting: Vec<BufferId> = Vec::new();
    function.body.iter().for_each(|stmt| stmt.buffers(&mut |id, _| waiting.push(id)));
    while let Some(id) = waiting.pop() {
        if !used.insert(id) {
            continue;
        }
        match function.buffer(id).place {
            Place::Alias(of) | Place::Next(of) => waiting.push(function.version(of)),
            Place::Input(_) | Place::Output(_) | Place::Constant(_) | Place::Unplaced | Place::Arena(_) => {}
        }
    }
    for (position, buffer) in function.buffers.iter().enumerate() {
        if matches!(buffer.place, Place::Input(_) | Place::Output(_)) {
            used.insert(BufferId(position as u32));
        }
    }
    let mut kept: Vec<BufferId> = used.into_iter().collect();
    kept.sort_unstable();
    let renamed: HashMap<BufferId, BufferId> = kept.iter().copied().zip((0..).map(BufferId)).collect();
    let compacted = |&id: &BufferId| {
        let mut buffer: Buffer = function.buffer(id).clone();
        if let Place::Alias(target) | Place::Next(target) = &mut buffer.place {
            *target = renamed[&function.version(*target)];
        }
        buffer
    };
    let buffers = kept.iter().map(compacted).collect();
    function.buffers = buffers;
    function.body.iter_mut().for_each(|stmt| stmt.rename(&mut |id| renamed[&id], &mut |var| var));
}

/// The statements during which a temporary holds a value. See Note: lives.
#[derive(Clone, Copy)]
pub(super) struct Life {
    pub first: usize,
    pub last: usize,
}

/// The temporaries that a loop touches, each with whether it touches rows of it.
type Touched = HashMap<BufferId, bool>;

/// The statements of a function in order, what they touch, and the loops around them.
#[derive(Default)]
struct Timeline<'f> {
    // Statements without bodies; none for calls and for the tests of loops and switches.
    leaves: Vec<Option<&'f Nest>>,
    lives: HashMap<BufferId, Life>,
    // Inner ones come first.
    loops: Vec<(Life, Touched)>,
    // In the loops around the statement at hand, outermost first.
    touched: Vec<Touched>,
}

impl<'f> Timeline<'f> {
    fn of(function: &'f Function) -> Timeline<'f> {
        let mut timeline = Timeline::default();
        timeline.stmts(function, &function.body);
        // What a loop does not touch either lives all through it or not in it.
        for (interval, touched) in &timeline.loops {
            for (id, &by_rows) in touched {
                let Some(life) = timeline.lives.get_mut(id) else { continue };
                let outside = life.first < interval.first || life.last > interval.last;
                if outside || by_rows {
                    life.first = life.first.min(interval.first);
                    life.last = life.last.max(interval.last);
                }
            }
        }
        timeline
    }

    fn stmts(&mut self, function: &Function, stmts: &'f [Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Nest(nest) => self.leaf(function, stmt, Some(nest)),
                Stmt::Call(_) => self.leaf(function, stmt, None),
                Stmt::Loop { body, .. } => self.in_loop(|timeline| timeline.stmts(function, body)),
                Stmt::While { condition, predicate, body } => self.in_loop(|timeline| {
                    timeline.stmts(function, condition);
                    timeline.test(function, *predicate);
                    timeline.stmts(function, body);
                }),
                Stmt::Switch { selector, branches } => {
                    self.test(function, *selector);
                    branches.iter().for_each(|branch| self.stmts(function, branch));
                }
            }
        }
    }

    fn in_loop(&mut self, body: impl FnOnce(&mut Self)) {
        let first = self.leaves.len();
        self.touched.push(Touched::new());
        body(self);
        let touched = self.touched.pop().expect("pushed above");
        if let Some(outer) = self.touched.last_mut() {
            touched.iter().for_each(|(&id, &by_rows)| *outer.entry(id).or_default() |= by_rows);
        }
        if self.leaves.len() > first {
            self.loops.push((Life { first, last: self.leaves.len() - 1 }, touched));
        }
    }

    fn test(&mut self, function: &Function, id: BufferId) {
        self.touch(function, id, false);
        self.leaves.push(None);
    }

    fn leaf(&mut self, function: &Function, stmt: &Stmt, nest: Option<&'f Nest>) {
        stmt.mentions(&mut |mention| {
            self.touch(function, mention.buffer, mention.loops().next().is_some());
        });
        self.leaves.push(nest);
    }

    fn touch(&mut self, function: &Function, id: BufferId, by_rows: bool) {
        let (root, at) = (function.memory(id), self.leaves.len());
        if function.buffer(root).place != Place::Unplaced {
            return;
        }
        self.lives.entry(root).or_insert(Life { first: at, last: at }).last = at;
        if let Some(touched) = self.touched.last_mut() {
            *touched.entry(root).or_default() |= by_rows;
        }
    }
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
        let offset = taken.unwrap_or_else(|| arena.allocate(room_bytes(function, id), life.last));
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

/// What a buffer takes up in the arena. Units: bytes.
fn room_bytes(function: &Function, id: BufferId) -> usize {
    let bytes = function.size_bytes(id);
    bytes.max(1).next_multiple_of(ALIGN_BYTES) + if bytes >= PAGE_BYTES { STAGGER_BYTES } else { 0 }
}

/// Best-fit allocation over the live blocks: the smallest gap that is large enough, the first of several.
#[derive(Default)]
struct Arena {
    // By offset. Invariant: disjoint.
    live: BTreeMap<usize, Block>,
    // Size and offset of what is free before, or between, live blocks.
    gaps: BTreeSet<(usize, usize)>,
    // When the block at an offset may have died. A block that was handed over is found alive.
    ends: BinaryHeap<Reverse<(usize, usize)>>,
    size_bytes: usize,
}

struct Block {
    bytes: usize,
    last: usize,
}

impl Arena {
    /// Frees what died before statement `at`.
    fn retire(&mut self, at: usize) {
        while let Some(&Reverse((last, offset))) = self.ends.peek()
            && last < at
        {
            self.ends.pop();
            if self.live.get(&offset).is_some_and(|block| block.last < at) {
                self.free(offset);
            }
        }
    }

    fn free(&mut self, offset: usize) {
        let Some(block) = self.live.remove(&offset) else { return };
        let (before, after) = (self.end_before(offset), offset + block.bytes);
        self.gaps.remove(&(offset - before, before));
        if let Some((&next, _)) = self.live.range(after..).next() {
            self.gaps.remove(&(next - after, after));
            self.gaps.insert((next - before, before));
        }
    }

    /// Where the last block before `offset` ends.
    fn end_before(&self, offset: usize) -> usize {
        self.live.range(..offset).next_back().map_or(0, |(start, block)| start + block.bytes)
    }

    /// Hands a live block over to a buffer that lives until `last`.
    fn take_over(&mut self, offset: usize, last: usize) -> Option<usize> {
        self.live.get_mut(&offset)?.last = last;
        self.ends.push(Reverse((last, offset)));
        Some(offset)
    }

    fn allocate(&mut self, bytes: usize, last: usize) -> usize {
        let offset = match self.gaps.range((bytes, 0)..).next().copied() {
            Some((size, offset)) => {
                self.gaps.remove(&(size, offset));
                if size > bytes {
                    self.gaps.insert((size - bytes, offset + bytes));
                }
                offset
            }
            None => self.end_before(usize::MAX),
        };
        self.live.insert(offset, Block { bytes, last });
        self.ends.push(Reverse((last, offset)));
        self.size_bytes = self.size_bytes.max(offset + bytes);
        offset
    }
}
