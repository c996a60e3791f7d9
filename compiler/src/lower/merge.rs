//! Joins root nests that visit the same points and share data: one pass over memory instead of two, and several
//! reductions at once (mean and mean square, a loss and its gradient).

use super::build::Root;
use super::graph::Graph;
use crate::loops::{BlockBuilder, BufferId, Combine, Index, Inst, Nest, Role, Store, Val};
use std::collections::{HashMap, HashSet};

// Nests with more instructions than this are not joined: registers would spill.
const JOINED_SIZE: usize = 200;
// How far back a nest looks for one to join.
const REACH: usize = 8;

/// Joins what can be joined; keeps program order.
pub fn run(roots: Vec<Root>, graph: &Graph) -> Vec<Root> {
    let mut joined: Vec<Root> = Vec::new();
    // The position in `joined` of the last nest that writes a buffer.
    let mut written: HashMap<BufferId, usize> = HashMap::new();
    for root in roots {
        let reads = reads(&root.nest, graph);
        let ready = reads.iter().filter_map(|buffer| written.get(buffer)).max().copied();
        // It may move up to any nest after which all it reads exists, but not across a call of the runtime.
        let call = graph.last_step_before(root.node);
        let after_call = joined.partition_point(|earlier| earlier.node < call);
        let earliest = ready.unwrap_or(0).max(after_call).max(joined.len().saturating_sub(REACH));
        let partner =
            (earliest..joined.len()).rev().find(|&at| joinable(&joined[at].nest, &root.nest, &reads, graph));
        let at = match partner {
            Some(at) => {
                joined[at].nest = join(&joined[at].nest, &root.nest);
                at
            }
            None => {
                joined.push(root);
                joined.len() - 1
            }
        };
        joined[at].nest.stores.iter().for_each(|store| {
            written.insert(resolve(graph, store.buffer), at);
        });
    }
    joined
}

/// The buffers a nest reads, aliases resolved.
fn reads(nest: &Nest, graph: &Graph) -> HashSet<BufferId> {
    nest.block.loads().map(|access| resolve(graph, access.buffer)).collect()
}

fn resolve(graph: &Graph, buffer: BufferId) -> BufferId {
    match graph.def(crate::ir::Var(buffer.0)) {
        super::graph::Def::Alias { of, .. } => resolve(graph, BufferId(of.0)),
        _ => buffer,
    }
}

fn joinable(first: &Nest, second: &Nest, second_reads: &HashSet<BufferId>, graph: &Graph) -> bool {
    // Stores at computed positions overwrite what an earlier nest has written, so they stay behind it.
    let plain = |store: &Store| {
        store.mask.is_none() && store.combine.is_none() && store.indices.iter().all(Index::is_affine)
    };
    let sequential = |nest: &Nest| nest.dims.iter().any(|dim| dim.role == Role::Sequential);
    let written: HashSet<BufferId> = first.stores.iter().map(|store| resolve(graph, store.buffer)).collect();
    let shares =
        second_reads.iter().any(|buffer| written.contains(buffer) || reads(first, graph).contains(buffer));
    first.dims == second.dims
        && shares
        && !sequential(first)
        && folds_alike(first, second)
        && first.stores.iter().chain(&second.stores).all(plain)
        && first.block.insts.len() + second.block.insts.len() <= JOINED_SIZE
        && second.reductions.len() + first.reductions.len() <= 4
        && second
            .block
            .loads()
            .filter(|access| written.contains(&resolve(graph, access.buffer)))
            .all(|access| first.reductions.is_empty() && stored_value(first, access).is_some())
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

fn join(first: &Nest, second: &Nest) -> Nest {
    let mut nest = first.clone();
    let mut b = BlockBuilder::from_block(first.block.clone());
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
    for reduction in &second.reductions {
        let mut reduction = reduction.clone();
        reduction.inits.iter_mut().chain(&mut reduction.values).for_each(|val| *val = of(*val));
        nest.reductions.push(reduction);
    }
    nest.stores.extend(second.stores.iter().map(|store| {
        let mut store = store.clone();
        store.value = of(store.value);
        store.indices.iter_mut().for_each(|index| index.dynamic = index.dynamic.map(of));
        store
    }));
    nest.block = b.finish();
    nest
}
