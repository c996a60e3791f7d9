//! Places: inputs and outputs at the caller's pointers, constants in the object, temporaries in one arena.

use super::build::Root;
use super::copies;
use super::graph::{Def, Graph};
use crate::ir::{Atom, Program, Var};
use crate::loops::{Access, BlockBuilder, Buffer, BufferId, Function, Index, Nest, Place, Stmt};
use crate::ops::rules::{identity_store, parallel_dims};
use crate::types::{Aval, Shape};
use std::collections::{HashMap, HashSet};

// Alignment of every temporary: one cache line, one AVX-512 register. Units: bytes.
const ALIGN_BYTES: usize = 64;
// Buffers of at least a page get this much more room, so that neighbours do not fall on the same L1 sets.
// Units: bytes.
const STAGGER_BYTES: usize = 128;
const PAGE_BYTES: usize = 4096;

/// Orders nests and calls, adds copies for outputs that nothing computes in place, and assigns all buffers.
pub fn place(name: &str, program: &Program, graph: &Graph, roots: Vec<Root>) -> Function {
    let mut function = Function {
        name: name.to_string(),
        buffers: program.vars.iter().map(|aval| buffer(aval, Place::Unplaced)).collect(),
        body: in_program_order(graph, roots),
        arena_bytes: 0,
    };
    for (position, def) in graph.defs.iter().enumerate() {
        function.buffers[position].place = match def {
            Def::Input(input) => Place::Input(*input),
            Def::Constant(value) => Place::Constant(value.clone()),
            Def::Alias { of, .. } => Place::Alias(BufferId(of.0)),
            Def::Nests(_) | Def::Call => Place::Unplaced,
        };
    }
    function.buffers.extend_from_slice(&graph.extra);
    place_outputs(&mut function, program);
    compact(&mut function);
    copies::elide(&mut function);
    place_temporaries(&mut function);
    function
}

fn buffer(aval: &Aval, place: Place) -> Buffer {
    Buffer { dtype: aval.dtype, shape: aval.shape.clone(), place }
}

fn in_program_order(graph: &Graph, roots: Vec<Root>) -> Vec<Stmt> {
    // A call runs once the nests that precede its equation have run; node ids grow with the program.
    let mut calls = graph.calls.iter().zip(&graph.nodes_before_calls).peekable();
    let mut stmts = Vec::new();
    for root in roots {
        while let Some((call, _)) = calls.next_if(|(_, before)| **before <= root.node) {
            stmts.push(Stmt::Call(call.clone()));
        }
        stmts.push(Stmt::Nest(root.nest));
    }
    stmts.extend(calls.map(|(call, _)| Stmt::Call(call.clone())));
    stmts
}

/// Output buffers replace temporaries where they can; other outputs (inputs, constants, repeated ones) are copies.
fn place_outputs(function: &mut Function, program: &Program) {
    for (position, &atom) in program.outputs.iter().enumerate() {
        let place = Place::Output(position);
        if let Atom::Var(var) = atom {
            let target = function.resolve(BufferId(var.0));
            if function.buffer(target).place == Place::Unplaced {
                function.buffers[target.0 as usize].place = place;
                continue;
            }
        }
        let aval = program.atom_aval(atom);
        let output = BufferId(function.buffers.len() as u32);
        function.buffers.push(buffer(&aval, place));
        function.body.push(Stmt::Nest(copy(atom, &aval, output)));
    }
}

fn copy(from: Atom, aval: &Aval, to: BufferId) -> Nest {
    let mut nest = Nest::new(parallel_dims(&aval.shape));
    let mut b = BlockBuilder::new();
    let value = match from {
        Atom::Literal(literal) => b.literal(literal),
        Atom::Var(Var(id)) => {
            b.load(Access::new(BufferId(id), (0..aval.rank()).map(Index::dim).collect()), aval.dtype)
        }
    };
    nest.stores.push(identity_store(to, aval.rank(), value));
    nest.block = b.finish();
    nest
}

/// Drops buffers that nothing uses and renumbers the rest.
fn compact(function: &mut Function) {
    let mut used: HashSet<BufferId> = HashSet::new();
    let mut keep = |function: &Function, id: BufferId| {
        used.insert(id);
        used.insert(function.resolve(id));
    };
    for stmt in &function.body {
        touched(stmt).for_each(|(id, _)| keep(function, id));
    }
    for (position, buffer) in function.buffers.iter().enumerate() {
        if matches!(buffer.place, Place::Input(_) | Place::Output(_)) {
            used.insert(BufferId(position as u32));
        }
    }
    let mut kept: Vec<BufferId> = used.into_iter().collect();
    kept.sort_unstable();
    let renamed: HashMap<BufferId, BufferId> = kept.iter().copied().zip((0..).map(BufferId)).collect();
    let mut buffers: Vec<Buffer> = kept.iter().map(|&id| function.buffer(id).clone()).collect();
    for (buffer, &id) in buffers.iter_mut().zip(&kept) {
        if let Place::Alias(_) = buffer.place {
            buffer.place = Place::Alias(renamed[&function.resolve(id)]);
        }
    }
    function.buffers = buffers;
    for stmt in &mut function.body {
        rename(stmt, &renamed);
    }
}

/// The buffers a statement touches, and whether it writes them.
fn touched(stmt: &Stmt) -> Box<dyn Iterator<Item = (BufferId, bool)> + '_> {
    match stmt {
        Stmt::Nest(nest) => {
            let loads = nest.block.loads().map(|access| (access.buffer, false));
            Box::new(loads.chain(nest.stores.iter().map(|store| (store.buffer, true))))
        }
        Stmt::Call(call) => Box::new(call.pointers()),
        Stmt::Loop { body, .. } => Box::new(body.iter().flat_map(touched)),
        Stmt::While { condition, predicate, body } => {
            let inner = condition.iter().chain(body).flat_map(touched);
            Box::new(inner.chain(std::iter::once((*predicate, false))))
        }
        Stmt::Switch { selector, branches } => {
            let inner = branches.iter().flatten().flat_map(touched);
            Box::new(inner.chain(std::iter::once((*selector, false))))
        }
    }
}

fn rename(stmt: &mut Stmt, names: &HashMap<BufferId, BufferId>) {
    match stmt {
        Stmt::Nest(nest) => {
            nest.block.loads_mut().for_each(|access| access.buffer = names[&access.buffer]);
            nest.stores.iter_mut().for_each(|store| store.buffer = names[&store.buffer]);
        }
        Stmt::Call(call) => call.map_buffers(|id| names[&id]),
        Stmt::Loop { body, .. } => body.iter_mut().for_each(|stmt| rename(stmt, names)),
        Stmt::While { condition, predicate, body } => {
            *predicate = names[predicate];
            condition.iter_mut().chain(body).for_each(|stmt| rename(stmt, names));
        }
        Stmt::Switch { selector, branches } => {
            *selector = names[selector];
            branches.iter_mut().flatten().for_each(|stmt| rename(stmt, names));
        }
    }
}

/// The statements during which a buffer holds a value.
#[derive(Clone, Copy)]
pub(super) struct Life {
    pub first: usize,
    pub last: usize,
}

/// The lives of the buffers, aliases resolved, whose place is `wanted`. Statements inside of others count as those.
pub(super) fn lives(function: &Function, wanted: impl Fn(&Place) -> bool) -> HashMap<BufferId, Life> {
    let mut lives: HashMap<BufferId, Life> = HashMap::new();
    for (at, stmt) in function.body.iter().enumerate() {
        for (id, _) in touched(stmt) {
            let id = function.resolve(id);
            if wanted(&function.buffer(id).place) {
                lives.entry(id).or_insert(Life { first: at, last: at }).last = at;
            }
        }
    }
    lives
}

fn place_temporaries(function: &mut Function) {
    let lives = lives(function, |place| *place == Place::Unplaced);
    let mut order: Vec<(BufferId, Life)> = lives.iter().map(|(&id, &life)| (id, life)).collect();
    order.sort_unstable_by_key(|&(id, life)| (life.first, id));
    let mut arena = Arena::default();
    let mut offsets: HashMap<BufferId, usize> = HashMap::new();
    for (id, life) in order {
        arena.retire(life.first);
        let bytes = size_bytes(function.buffer(id));
        let reusable = match &function.body[life.first] {
            Stmt::Nest(nest) => in_place_operand(function, nest, id, &lives, life.first),
            _ => None,
        };
        let taken = reusable.and_then(|dying| arena.take_over(offsets[&dying], life.last));
        let offset = taken.unwrap_or_else(|| arena.allocate(bytes, life.last));
        offsets.insert(id, offset);
    }
    for (id, offset) in offsets {
        function.buffers[id.0 as usize].place = Place::Arena(offset);
    }
    function.arena_bytes = arena.size_bytes;
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
    let same_layout = |id: BufferId| {
        let (a, b): (&Buffer, &Buffer) = (function.buffer(id), function.buffer(store.buffer));
        a.shape == b.shape && a.dtype.size_bytes() == b.dtype.size_bytes()
    };
    let accesses = || nest.block.loads();
    let dying = |id: BufferId| lives.get(&id).is_some_and(|life| life.last == at && life.first < at);
    accesses().map(|access| function.resolve(access.buffer)).filter(|&id| id != result && dying(id)).find(
        |&id| {
            accesses().filter(|access| function.resolve(access.buffer) == id).all(|access| {
                access.fill.is_none() && access.indices == store.indices && same_layout(access.buffer)
            })
        },
    )
}

fn size_bytes(buffer: &Buffer) -> usize {
    let aval = Aval::new(buffer.dtype, Shape::clone(&buffer.shape));
    let bytes = aval.size_bytes();
    bytes.max(1).next_multiple_of(ALIGN_BYTES) + if bytes >= PAGE_BYTES { STAGGER_BYTES } else { 0 }
}

/// Best-fit allocation over a list of live blocks.
#[derive(Default)]
struct Arena {
    // Invariant: sorted by offset, disjoint.
    live: Vec<Block>,
    size_bytes: usize,
}

struct Block {
    offset: usize,
    bytes: usize,
    last: usize,
}

impl Arena {
    /// Frees what died before statement `at`.
    fn retire(&mut self, at: usize) {
        self.live.retain(|block| block.last >= at);
    }

    /// Hands a live block over to a buffer that lives until `last`.
    fn take_over(&mut self, offset: usize, last: usize) -> Option<usize> {
        let block = self.live.iter_mut().find(|block| block.offset == offset)?;
        block.last = last;
        Some(offset)
    }

    fn allocate(&mut self, bytes: usize, last: usize) -> usize {
        let mut best: Option<(usize, usize, usize)> = None; // gap size, position, offset
        let mut end = 0;
        for (position, block) in self.live.iter().enumerate() {
            let gap = block.offset - end;
            if gap >= bytes && best.is_none_or(|(size, ..)| gap < size) {
                best = Some((gap, position, end));
            }
            end = block.offset + block.bytes;
        }
        let (position, offset) =
            best.map_or((self.live.len(), end), |(_, position, offset)| (position, offset));
        self.live.insert(position, Block { offset, bytes, last });
        self.size_bytes = self.size_bytes.max(offset + bytes);
        offset
    }
}
