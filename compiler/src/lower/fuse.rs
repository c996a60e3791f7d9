//! Decides which variables get memory. The rest is computed inside the nests that use it.
//!
//! # Note: instances
//! Walking the program backwards, every variable collects the places where its elements are needed: an [`Instance`]
//! is a root nest together with the element index as affine functions of that root's dims. A variable needed in one
//! place, once per element, is absorbed there; one needed in several, or more often than it has elements, only if
//! recomputing it is nearly free. A reduction is absorbed by a root that needs exactly one of its results per point:
//! the root becomes the reduction's epilogue.

use super::graph::{Def, Graph, NodeId};
use crate::ir::Var;
use crate::loops::{Access, Affine, BinaryOp, Inst, Nest, Role, UnaryOp};
use crate::types::Extent;
use std::collections::HashMap;

// A root absorbs no more than this: beyond it, compile time and register pressure grow and nothing is won.
// Units: instructions, functions such as exp counting as what a code generator makes of them.
const ROOT_SIZE: usize = 800;
const FUNCTION_SIZE: usize = 16;
// A variable needed in more places than this gets memory, however cheap.
const MOST_INSTANCES: usize = 4;
// Reductions that run in one nest: each needs registers for its accumulators.
const MOST_REDUCTIONS: usize = 4;

/// The outcome: which variables are absorbed, and the nests that remain.
pub struct Plan {
    /// One flag per variable. Invariant: an absorbed variable has a producer.
    pub absorbed: Vec<bool>,
    /// In program order.
    pub roots: Vec<NodeId>,
    /// Extents of the reduce dims that a root gets from the reductions it absorbs, after its own dims.
    pub extra_dims: HashMap<NodeId, Vec<Extent>>,
}

/// A place where the elements of a variable are needed.
#[derive(Clone, PartialEq, Debug)]
struct Instance {
    root: NodeId,
    // The element index, one affine function of the root's dims per axis.
    map: Vec<Affine>,
    // Is it needed inside the root's reductions (rather than after them)?
    inside: bool,
}

#[derive(Default, Clone)]
struct Demand {
    instances: Vec<Instance>,
    // Some use needs the whole array in memory.
    forced: bool,
}

impl Demand {
    fn add(&mut self, instance: Instance) {
        if self.instances.contains(&instance) {
            return;
        }
        self.instances.push(instance);
        // Thousands may read an array; who they are does not matter.
        self.forced |= self.instances.len() > MOST_INSTANCES;
    }
}

#[derive(Default)]
struct Root {
    size: usize,
    reductions: usize,
    // Extents of absorbed reductions.
    extra_dims: Vec<Extent>,
}

struct Planner<'g> {
    graph: &'g Graph<'g>,
    demands: Vec<Demand>,
    absorbed: Vec<bool>,
    roots: HashMap<NodeId, Root>,
}

/// Plans the whole program.
pub fn plan(graph: &Graph) -> Plan {
    let count = graph.program.vars.len();
    let (demands, absorbed) = (vec![Demand::default(); count], vec![false; count]);
    let mut planner = Planner { graph, demands, absorbed, roots: HashMap::new() };
    graph.program.outputs.iter().filter_map(|atom| atom.var()).for_each(|var| planner.force(var));
    graph.read_by_steps().for_each(|var| planner.force(var));
    for eqn in graph.program.equations.iter().rev() {
        eqn.results.iter().rev().for_each(|&var| planner.decide(var));
    }
    let mut roots: Vec<NodeId> = planner.roots.keys().copied().collect();
    roots.sort_unstable();
    let extra = planner.roots.into_iter().map(|(node, root)| (node, root.extra_dims));
    Plan {
        absorbed: planner.absorbed,
        extra_dims: extra.filter(|(_, dims)| !dims.is_empty()).collect(),
        roots,
    }
}

impl Planner<'_> {
    fn force(&mut self, var: Var) {
        self.demands[var.0 as usize].forced = true;
    }

    /// Absorbs `var` or gives it memory. Every use has been seen: uses come later in the program.
    fn decide(&mut self, var: Var) {
        let demand = std::mem::take(&mut self.demands[var.0 as usize]);
        if !demand.forced && demand.instances.is_empty() {
            return;
        }
        let producer = self.graph.producer(var).filter(|_| !demand.forced);
        match producer.filter(|&node| self.worth_absorbing(var, node, &demand.instances)) {
            Some(node) => self.absorb(var, node, demand.instances),
            None => self.materialize(var),
        }
    }

    fn worth_absorbing(&self, var: Var, node: NodeId, instances: &[Instance]) -> bool {
        let nest = &self.graph.nodes[node];
        let cost = cost(nest);
        let too_large = |instance: &Instance| self.roots[&instance.root].size + size(nest) > ROOT_SIZE;
        if instances.iter().any(too_large) {
            return false;
        }
        if instances.iter().any(|instance| self.delays_reuse(node, instance.root)) {
            return false;
        }
        if !nest.reductions.is_empty() {
            return instances.len() == 1 && self.fits_as_epilogue(var, node, &instances[0]);
        }
        let elements = self.graph.program.aval(var).shape.element_count().max(1);
        // An element that does not move is computed before the loops.
        let is_fixed = |instance: &Instance| instance.map.iter().all(|index| index.dims().next().is_none());
        let points = |instance: &Instance| if is_fixed(instance) { 1 } else { self.points(instance.root) };
        let repeats: usize = instances.iter().map(|instance| points(instance).div_ceil(elements)).sum();
        cost == 0 || repeats <= 1 || cost <= 2 && repeats <= 2
    }

    /// Does the root update a copy of an array that the producer reads? Then the producer is better off before the root,
    /// so that the array may be updated where it is.
    fn delays_reuse(&self, producer: NodeId, root: NodeId) -> bool {
        self.graph.updated(root).is_some_and(|array| {
            let reads = |access: &Access| self.graph.root(Var(access.buffer.0)) == array;
            self.graph.nodes[producer].block.loads().any(reads)
        })
    }

    /// Can the root run the reduction before its own work, point by point?
    fn fits_as_epilogue(&self, var: Var, node: NodeId, instance: &Instance) -> bool {
        let (nest, root) = (&self.graph.nodes[node], &self.graph.nodes[instance.root]);
        let shape = &self.graph.program.aval(var).shape;
        let identity = instance.map.iter().enumerate().all(|(axis, index)| *index == Affine::dim(axis));
        let own = root.dims.iter().all(|dim| dim.role == Role::Parallel);
        let same = root.dims.iter().map(|dim| dim.extent).eq(shape.extents().iter().copied());
        let state = &self.roots[&instance.root];
        let extents = reduce_extents(nest);
        let compatible = state.extra_dims.is_empty() || state.extra_dims == extents;
        identity
            && own
            && same
            && !instance.inside
            && compatible
            && state.reductions + nest.reductions.len() <= MOST_REDUCTIONS
    }

    fn absorb(&mut self, var: Var, node: NodeId, instances: Vec<Instance>) {
        self.absorbed[var.0 as usize] = true;
        let nest = &self.graph.nodes[node];
        let has_reductions = !nest.reductions.is_empty();
        for instance in instances {
            let root_rank = self.graph.nodes[instance.root].dims.len();
            let root = self.roots.get_mut(&instance.root).expect("instances name roots");
            root.size += size(nest);
            root.reductions += nest.reductions.len();
            let mut map = instance.map;
            if has_reductions {
                root.extra_dims = reduce_extents(nest);
                map.extend((0..root.extra_dims.len()).map(|extra| Affine::dim(root_rank + extra)));
            }
            self.demand_operands(node, instance.root, &map, instance.inside || has_reductions);
        }
    }

    fn materialize(&mut self, var: Var) {
        match self.graph.def(var) {
            Def::Nests(nodes) => nodes.iter().for_each(|&node| self.add_root(node)),
            Def::Alias { of, .. } => self.force(*of),
            Def::Input(_) | Def::Constant(_) | Def::Step => {}
        }
    }

    /// A nest that writes several variables is visited once.
    fn add_root(&mut self, node: NodeId) {
        let nest = &self.graph.nodes[node];
        if self.roots.contains_key(&node)
            || nest.dims_with(Role::Parallel).any(|dim| nest.dims[dim].extent == 0)
        {
            return;
        }
        let (size, reductions) = (size(nest), nest.reductions.len());
        self.roots.insert(node, Root { size, reductions, extra_dims: Vec::new() });
        let identity: Vec<Affine> = (0..nest.dims.len()).map(Affine::dim).collect();
        self.demand_operands(node, node, &identity, reductions > 0);
    }

    /// Registers what a nest loads, the nest's dims being `map` in terms of the root's.
    fn demand_operands(&mut self, node: NodeId, root: NodeId, map: &[Affine], inside: bool) {
        let graph = self.graph;
        for access in graph.nodes[node].block.loads() {
            let demand = &mut self.demands[access.buffer.0 as usize];
            match composed(access, map) {
                Some(_) if demand.forced => {}
                Some(map) => demand.add(Instance { root, map, inside }),
                None => demand.forced = true,
            }
        }
    }

    /// How many points the root visits, its reduce dims included.
    fn points(&self, root: NodeId) -> usize {
        let own = self.graph.nodes[root].dims.iter().map(|dim| dim.extent);
        own.chain(self.roots[&root].extra_dims.iter().copied()).fold(1, usize::saturating_mul)
    }
}

/// The element index of an access in terms of a root's dims; `None` if it is not affine or may be out of range.
pub fn composed(access: &Access, map: &[Affine]) -> Option<Vec<Affine>> {
    if access.fill.is_some() {
        return None;
    }
    access.indices.iter().map(|index| index.is_affine().then(|| index.affine.substitute(map))).collect()
}

fn reduce_extents(nest: &Nest) -> Vec<Extent> {
    nest.dims_with(Role::Reduce).map(|dim| nest.dims[dim].extent).collect()
}

/// How much of [`ROOT_SIZE`] a nest takes.
fn size(nest: &Nest) -> usize {
    let of_inst = |inst: &Inst| match inst {
        Inst::Unary(op, _) if !op.is_machine() => FUNCTION_SIZE,
        Inst::Binary(op, ..) if !op.is_machine() => FUNCTION_SIZE,
        Inst::Unary(..) | Inst::Binary(..) | Inst::Compare(..) | Inst::Select { .. } | Inst::Fma(..) => 1,
        Inst::Param(_) | Inst::Const(_) | Inst::Dim(_) | Inst::LoopIndex(_) | Inst::Load(_) => 1,
        Inst::Convert(_) | Inst::Bitcast(_) | Inst::Reduced { .. } => 1,
        Inst::Table { .. } | Inst::Rare { .. } | Inst::Call { .. } => 1,
    };
    nest.block.insts.iter().map(of_inst).sum()
}

/// What one element costs, in additions; 0 for nests that only move data.
fn cost(nest: &Nest) -> usize {
    nest.block.insts.iter().map(inst_cost).sum::<usize>() + 100 * nest.reductions.len()
}

fn inst_cost(inst: &Inst) -> usize {
    match inst {
        // Bounds are checked at every element.
        Inst::Load(access) if access.fill.is_some() => 4,
        Inst::Param(_) | Inst::Const(_) | Inst::Dim(_) | Inst::LoopIndex(_) | Inst::Load(_) => 0,
        Inst::Convert(_) | Inst::Bitcast(_) | Inst::Reduced { .. } => 0,
        Inst::Unary(op, _) if !op.is_machine() || *op == UnaryOp::Sqrt => 20,
        Inst::Binary(op, ..) if !op.is_machine() || matches!(op, BinaryOp::Div | BinaryOp::Rem) => 10,
        Inst::Unary(..) | Inst::Binary(..) | Inst::Compare(..) | Inst::Select { .. } | Inst::Fma(..) => 1,
        Inst::Table { .. } | Inst::Rare { .. } | Inst::Call { .. } => 20,
    }
}
