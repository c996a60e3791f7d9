//! Joins root nests that visit the same points and share data: one pass over memory instead of two, and several
//! reductions at once (mean and mean square, a loss and its gradient).

use super::build::Root;
use super::graph::Graph;
use crate::loops::{Block, BlockBuilder, BufferId, Combine, Index, Inst, Nest, Role, Store, Val};
use std::collections::{HashMap, HashSet};

// Nests with more instructions than this are not joined: registers would spill.
const JOINED_SIZE: usize = 200;
// How far back a nest looks for one to join.
const REACH: usize = 8;

/// Joins what can be joined; keeps program order.
pub fn run(roots: Vec<Root>, graph: &Graph) -> Vec<Root> {
    let mut joined: Vec<Joined> = Vec::new();
    // The positions in `joined` of the nests that write a buffer.
    let mut writers: HashMap<BufferId, Vec<usize>> = HashMap::new();
    for root in roots {
        let root = Joined::new(root, graph);
        let written: Vec<BufferId> = root.writes.iter().copied().collect();
        let earliest = earliest(&root, &joined, &writers, graph);
        let partner = (earliest..joined.len()).rev().find(|&at| joinable(&joined[at], &root, graph));
        let at = match partner {
            Some(at) => {
                joined[at].join(root);
                at
            }
            None => {
                joined.push(root);
                joined.len() - 1
            }
        };
        written.into_iter().for_each(|buffer| writers.entry(buffer).or_default().push(at));
    }
    joined.into_iter().map(Joined::finish).collect()
}

/// A nest that others may join.
struct Joined {
    root: Root,
    // Has the nest's block once another nest has joined, so that many may join one after the other.
    grown: Option<BlockBuilder>,
    // The buffers it reads and writes, aliases resolved.
    reads: HashSet<BufferId>,
    writes: HashSet<BufferId>,
}

impl Joined {
    fn new(root: Root, graph: &Graph) -> Self {
        let reads = root.nest.block.loads().map(|access| resolved(graph, access.buffer)).collect();
        let writes = root.nest.stores.iter().map(|store| resolved(graph, store.buffer)).collect();
        Joined { root, grown: None, reads, writes }
    }

    fn block(&self) -> &Block {
        self.grown.as_ref().map_or(&self.root.nest.block, BlockBuilder::block)
    }

    fn finish(mut self) -> Root {
        if let Some(b) = self.grown {
            self.root.nest.block = b.finish();
        }
        self.root
    }

    fn join(&mut self, second: Joined) {
        let first = &mut self.root.nest;
        let b = self.grown.get_or_insert_with(|| BlockBuilder::from_block(std::mem::take(&mut first.block)));
        append(first, b, &second.root.nest);
        self.reads.extend(second.reads);
        self.writes.extend(second.writes);
    }
}

/// How far up a root may move: to where all it reads exists and nothing writes what it overwrites, but not across a
/// runtime call or a control statement.
fn earliest(
    root: &Joined,
    joined: &[Joined],
    writers: &HashMap<BufferId, Vec<usize>>,
    graph: &Graph,
) -> usize {
    let ready = root.reads.iter().filter_map(|buffer| writers.get(buffer)).flatten().max().copied();
    let overwrites = |at: &&usize| !stores_elsewhere(&joined[**at].root.nest, &root.root.nest, graph);
    let before =
        root.writes.iter().filter_map(|buffer| writers.get(buffer)).flatten().filter(overwrites).max();
    let call = graph.last_step_before(root.root.node);
    let after_call = joined.partition_point(|earlier| earlier.root.node < call);
    let after_overwritten = before.map_or(0, |at| at + 1);
    ready.unwrap_or(0).max(after_overwritten).max(after_call).max(joined.len().saturating_sub(REACH))
}

/// Do two nests never store to the same element?
fn stores_elsewhere(first: &Nest, second: &Nest, graph: &Graph) -> bool {
    let range = |nest: &Nest, index: &Index| {
        // No loops are around the nests of a program.
        let is_known = index.is_affine() && nest.dims.iter().all(|dim| dim.extent > 0);
        is_known.then(|| index.affine.range(|dim| nest.dims[dim].extent, |_| 1))
    };
    let apart = |a: &Store, b: &Store| {
        let axes = a.indices.iter().zip(&b.indices);
        let mut ranges = axes.filter_map(|(a, b)| range(first, a).zip(range(second, b)));
        a.buffer == b.buffer && ranges.any(|((low, high), (from, to))| high < from || to < low)
    };
    let same = |a: &Store, b: &Store| resolved(graph, a.buffer) == resolved(graph, b.buffer);
    let mut pairs = first.stores.iter().flat_map(|a| second.stores.iter().map(move |b| (a, b)));
    pairs.all(|(a, b)| !same(a, b) || apart(a, b))
}

fn resolved(graph: &Graph, buffer: BufferId) -> BufferId {
    BufferId(graph.root(crate::ir::Var(buffer.0)).0)
}

fn joinable(first: &Joined, second: &Joined, graph: &Graph) -> bool {
    let (one, other) = (&first.root.nest, &second.root.nest);
    // Most pairs differ in their dims, which costs nothing to see.
    if one.dims != other.dims || first.block().insts.len() + second.block().insts.len() > JOINED_SIZE {
        return false;
    }
    let plain = |store: &Store| store.mask.is_none() && store.combine.is_none();
    let sequential = |nest: &Nest| nest.dims.iter().any(|dim| dim.role == Role::Sequential);
    let shares =
        second.reads.iter().any(|buffer| first.writes.contains(buffer) || first.reads.contains(buffer));
    shares
        && !sequential(one)
        && folds_alike(one, other)
        && one.stores.iter().chain(&other.stores).all(plain)
        && other.reductions.len() + one.reductions.len() <= 4
        && other
            .block
            .loads()
            .filter(|access| first.writes.contains(&resolved(graph, access.buffer)))
            .all(|access| one.reductions.is_empty() && stored_value(one, access).is_some())
}

/// A fold with a block of its own (argmax) would keep plain sums beside it from being vectorized.
fn folds_alike(first: &Nest, second: &Nest) -> bool {
    let by_block = |nest: &Nest| nest.reductions.iter().any(|r| matches!(r.combine, Combine::Block(_)));
    first.reductions.is_empty() || second.reductions.is_empty() || !by_block(first) && !by_block(second)
}

/// The value that `first` stores exactly where and when `access` reads.
fn stored_value(first: &Nest, access: &crate::loops::Access) -> Option<Val> {
    if access.fill.is_some() {
        return None;
    }
    let same = |store: &&Store| store.buffer == access.buffer && store.indices == access.indices;
    first.stores.iter().find(same).map(|store| store.value)
}

/// Adds what `second` does to `first`, whose block is `b`.
fn append(first: &mut Nest, b: &mut BlockBuilder, second: &Nest) {
    let offset = first.reductions.len();
    let mut vals: Vec<Val> = Vec::with_capacity(second.block.insts.len());
    for val in second.block.vals() {
        let dtype = second.block.dtype(val);
        let inst = second.block.inst(val).map_operands(|operand| vals[operand.0 as usize]);
        vals.push(match inst {
            Inst::Load(access) => match stored_value(first, &access) {
                Some(stored) => stored,
                None => b.load(access, dtype),
            },
            Inst::Reduced { reduction, part } => b.reduced(reduction + offset, part, dtype),
            other => b.push(other, dtype),
        });
    }
    let of = |val: Val| vals[val.0 as usize];
    first.reductions.extend(second.reductions.iter().map(|reduction| reduction.map_operands(of)));
    first.stores.extend(second.stores.iter().map(|store| store.map_operands(of)));
}
