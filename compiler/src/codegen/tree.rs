//! A nest as the loops that run it: which instruction stands in which loop, where accumulators start, what is folded
//! and stored, and where each access lies in memory. What an emitter for machines without vectors reads.
//!
//! # Note: depth
//! With the dims in the order of the plan, the depth of an instruction is the number of loops it must stand in.
//! Instructions run at their depth, once for all iterations of deeper loops. Those that depend on a reduction's
//! result run after the reduce loops, at the depth of the last parallel dim.

use crate::loops::{BufferId, Function, Index, Inst, LoopVar, Nest, Phases, Role, Stmt, Val};
use crate::types::Extent;
use std::fmt::{self, Display, Formatter};

/// The loops of one nest.
pub struct Tree<'n> {
    pub nest: &'n Nest,
    pub body: Vec<Node>,
    /// Of each instruction that is a load.
    pub loads: Vec<Option<Address>>,
    pub stores: Vec<Address>,
}

/// A step of a tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    /// For all positions along a dim, in order.
    Loop { dim: usize, body: Vec<Node> },
    /// Computes an instruction.
    Value(Val),
    /// Sets the accumulators of a reduction to its start values.
    Start(usize),
    /// Merges the values of a reduction into its accumulators.
    Fold(usize),
    /// Carries out a store.
    Store(usize),
}

/// Where an access lies: a sum in bytes from the start of a memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Address {
    /// The buffer whose memory it is.
    pub memory: BufferId,
    pub constant: i64,
    /// Bytes per step of a dim.
    pub dims: Vec<(usize, i64)>,
    /// Bytes per step of a loop around the nest.
    pub loops: Vec<(LoopVar, i64)>,
    /// Bytes per unit of a value of the block.
    pub dynamic: Vec<(Val, i64)>,
    /// Bytes per unit of an index that is divided.
    pub quotients: Vec<(Index, i64)>,
    /// The axes on which it may lie outside.
    pub guards: Vec<Guard>,
}

/// `index` lies inside if it is `divisor` times a number from 0 to `extent`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guard {
    pub index: Index,
    pub extent: Extent,
}

impl<'n> Tree<'n> {
    /// `None` if the nest has nothing to do.
    pub fn of(function: &Function, nest: &'n Nest) -> Option<Tree<'n>> {
        let is_empty = nest.dims.iter().any(|dim| dim.role != Role::Reduce && dim.extent == 0);
        if is_empty || nest.stores.is_empty() {
            return None;
        }
        let order = execution_order(nest);
        let outer = nest.dims.iter().filter(|dim| dim.role != Role::Reduce).count();
        let phases = Phases::of(nest);
        let depths = depths(function, nest, &order, &phases);
        let loads = nest.block.insts.iter().map(|inst| {
            let access = inst.as_load()?;
            Some(Address::of(function, nest, access.buffer, &access.indices, access.fill.is_some()))
        });
        let loads: Vec<Option<Address>> = loads.collect();
        let live = live(nest, &loads);
        let planner = Planner { nest, order: &order, outer, phases: &phases, depths: &depths, live: &live };
        let stores = nest.stores.iter();
        let stores = stores.map(|store| Address::of(function, nest, store.buffer, &store.indices, false));
        Some(Tree { nest, body: planner.level(0), stores: stores.collect(), loads })
    }
}

/// Puts instructions into loops.
struct Planner<'p> {
    nest: &'p Nest,
    order: &'p [usize],
    outer: usize,
    phases: &'p Phases,
    depths: &'p [usize],
    live: &'p [bool],
}

impl Planner<'_> {
    /// What stands in as many loops.
    fn level(&self, depth: usize) -> Vec<Node> {
        let mut nodes = self.values(depth, false);
        let reductions = 0..self.nest.reductions.len();
        if depth < self.outer {
            nodes.push(Node::Loop { dim: self.order[depth], body: self.level(depth + 1) });
        } else if depth == self.outer {
            nodes.extend(reductions.clone().map(Node::Start));
            if !reductions.is_empty() {
                nodes.extend(self.folds(depth));
            }
            nodes.extend(self.values(depth, true));
            nodes.extend((0..self.nest.stores.len()).map(Node::Store));
        } else {
            nodes.extend(self.folds(depth));
        }
        nodes
    }

    /// The reduce loops from here on.
    fn folds(&self, depth: usize) -> Vec<Node> {
        match self.order.get(depth) {
            Some(&dim) => vec![Node::Loop { dim, body: self.level(depth + 1) }],
            None => (0..self.nest.reductions.len()).map(Node::Fold).collect(),
        }
    }

    fn values(&self, depth: usize, after_reductions: bool) -> Vec<Node> {
        let stands_here = |val: &Val| {
            let at = val.0 as usize;
            self.depths[at] == depth && self.phases.reduced[at] == after_reductions && self.live[at]
        };
        self.nest.block.vals().filter(stands_here).map(Node::Value).collect()
    }
}

/// The instructions that a reduction or a store needs. A load that never lies outside needs nothing to take instead.
fn live(nest: &Nest, loads: &[Option<Address>]) -> Vec<bool> {
    let mut live = vec![false; nest.block.insts.len()];
    let folded = nest.reductions.iter().flat_map(|reduction| reduction.operands());
    let roots = folded.chain(nest.stores.iter().flat_map(|store| store.operands()));
    roots.for_each(|root| live[root.0 as usize] = true);
    for val in nest.block.vals().rev() {
        if !live[val.0 as usize] {
            continue;
        }
        match (nest.block.inst(val), &loads[val.0 as usize]) {
            (Inst::Load(access), Some(address)) if address.guards.is_empty() => {
                let positions = access.indices.iter().filter_map(|index| index.dynamic);
                positions.for_each(|position| live[position.0 as usize] = true);
            }
            (inst, _) => inst.operands().iter().for_each(|operand| live[operand.0 as usize] = true),
        }
    }
    live
}

/// The order of the plan, or the declared one with reduce dims last.
pub fn execution_order(nest: &Nest) -> Vec<usize> {
    if !nest.plan.order.is_empty() {
        return nest.plan.order.clone();
    }
    let (reduce, outer): (Vec<usize>, Vec<usize>) =
        (0..nest.dims.len()).partition(|&dim| nest.dims[dim].role == Role::Reduce);
    [outer, reduce].concat()
}

/// In how many loops each instruction stands. See Note: depth.
pub fn depths(function: &Function, nest: &Nest, order: &[usize], phases: &Phases) -> Vec<usize> {
    let outer = nest.dims.iter().filter(|dim| dim.role != Role::Reduce).count();
    let depth_of =
        |dim: usize| 1 + order.iter().position(|&other| other == dim).expect("the order lists every dim");
    let mut depths: Vec<usize> = Vec::with_capacity(nest.block.insts.len());
    for val in nest.block.vals() {
        let inst = nest.block.inst(val);
        if phases.reduced[val.0 as usize] {
            depths.push(outer);
            continue;
        }
        let mut depth =
            inst.operands().into_iter().map(|operand| depths[operand.0 as usize]).max().unwrap_or(0);
        if let Inst::Dim(dim) = inst {
            depth = depth_of(*dim);
        } else if let Inst::Load(access) = inst {
            for (dim, _) in access.indices.iter().flat_map(|index| index.affine.dims()) {
                depth = depth.max(depth_of(dim));
            }
            if may_be_overwritten(function, nest, access.buffer) {
                depth = depth.max(outer);
            }
        }
        depths.push(depth);
    }
    depths
}

/// May an earlier point of the nest have written what a load of this buffer reads? Only sequential dims allow that.
fn may_be_overwritten(function: &Function, nest: &Nest, buffer: BufferId) -> bool {
    nest.dims_with(Role::Sequential).next().is_some()
        && nest.stores.iter().any(|store| function.share_bytes(store.buffer, buffer))
}

impl Address {
    fn of(function: &Function, nest: &Nest, id: BufferId, indices: &[Index], guarded: bool) -> Address {
        let buffer = function.buffer(id);
        let mut address = Address { memory: function.memory(id), ..Address::default() };
        let (mut sum, element) = (crate::loops::Affine::default(), buffer.dtype.size_bytes() as i64);
        for ((index, stride), &extent) in
            indices.iter().zip(buffer.shape.strides()).zip(buffer.shape.extents())
        {
            let bytes = stride as i64 * element;
            if index.divisor == 1 {
                sum = sum.add(&index.affine.scale(bytes));
                address.dynamic.extend(index.dynamic.map(|val| (val, bytes)));
            } else {
                address.quotients.push((index.clone(), bytes));
            }
            if guarded && !is_inside(nest, index, extent) {
                address.guards.push(Guard { index: index.clone(), extent });
            }
        }
        address.constant = sum.constant;
        address.dims = sum.dims().collect();
        address.loops = sum.loops().collect();
        address
    }
}

/// Does the index lie inside at all points? Those of rows do.
fn is_inside(nest: &Nest, index: &Index, extent: Extent) -> bool {
    if !index.is_affine() || nest.dims.iter().any(|dim| dim.extent == 0) {
        return false;
    }
    if index.affine.loops().next().is_some() {
        return index.affine.dims().next().is_none();
    }
    let (low, high) = index.affine.range(|dim| nest.dims[dim].extent, |_| 1);
    low >= 0 && high < extent as i64
}

/// The trees of all nests of a function, in order.
pub fn text(function: &Function) -> String {
    let mut text = format!("function {}\n", function.name);
    for stmt in &function.body {
        stmt.walk(&mut |stmt| {
            if let Stmt::Nest(nest) = stmt
                && let Some(tree) = Tree::of(function, nest)
            {
                text += &format!("nest\n{tree}");
            }
        });
    }
    text
}

impl Display for Tree<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.nodes(f, &self.body, 0)
    }
}

impl Tree<'_> {
    fn nodes(&self, f: &mut Formatter<'_>, nodes: &[Node], depth: usize) -> fmt::Result {
        let tab = "  ".repeat(depth);
        for node in nodes {
            match node {
                Node::Loop { dim, body } => {
                    writeln!(f, "{tab}for d{dim} < {} {{", self.nest.dims[*dim].extent)?;
                    self.nodes(f, body, depth + 1)?;
                    writeln!(f, "{tab}}}")?;
                }
                Node::Value(val) => match &self.loads[val.0 as usize] {
                    Some(address) => writeln!(f, "{tab}{val} = load {address}")?,
                    None => writeln!(f, "{tab}{val}")?,
                },
                Node::Start(reduction) => writeln!(f, "{tab}start r{reduction}")?,
                Node::Fold(reduction) => writeln!(f, "{tab}fold r{reduction}")?,
                Node::Store(store) => {
                    let value = self.nest.stores[*store].value;
                    writeln!(f, "{tab}store {value} to {}", self.stores[*store])?;
                }
            }
        }
        Ok(())
    }
}

/// `b3 + 16 + 4*d0 + 64*l1 + 4*%7`, in bytes; `if` what must lie inside.
impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", self.memory.0)?;
        if self.constant != 0 {
            write!(f, " + {}", self.constant)?;
        }
        for (dim, bytes) in &self.dims {
            write!(f, " + {bytes}*d{dim}")?;
        }
        for (var, bytes) in &self.loops {
            write!(f, " + {bytes}*l{}", var.0)?;
        }
        for (val, bytes) in &self.dynamic {
            write!(f, " + {bytes}*{val}")?;
        }
        for (index, bytes) in &self.quotients {
            write!(f, " + {bytes}*{index}")?;
        }
        for (position, Guard { index, extent }) in self.guards.iter().enumerate() {
            write!(f, "{} {index} in {extent}", if position == 0 { " if" } else { "," })?;
        }
        Ok(())
    }
}
