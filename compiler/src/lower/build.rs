//! Composes each root nest with the producers it absorbs: a load of an absorbed variable becomes the computation of
//! that element.

use super::fuse::{Plan, composed};
use super::graph::{Graph, NodeId};
use crate::ir::Var;
use crate::loops::{Affine, BlockBuilder, Dim, Inst, Nest, Reduction, Val};
use std::collections::HashMap;

/// A finished root with the variable position it belongs to in program order.
pub struct Root {
    pub nest: Nest,
    pub node: NodeId,
}

/// Builds all roots, in program order.
pub fn roots(graph: &Graph, plan: &Plan) -> Vec<Root> {
    plan.roots.iter().map(|&node| Root { nest: build(graph, plan, node), node }).collect()
}

fn build(graph: &Graph, plan: &Plan, node: NodeId) -> Nest {
    let root = &graph.nodes[node];
    let mut dims = root.dims.clone();
    dims.extend(plan.extra_dims.get(&node).into_iter().flatten().map(|&extent| Dim::reduce(extent)));
    let identity: Vec<Affine> = (0..root.dims.len()).map(Affine::dim).collect();
    let mut composer = Composer {
        graph,
        plan,
        rank: root.dims.len(),
        b: BlockBuilder::new(),
        known: HashMap::new(),
        reductions: Vec::new(),
    };
    let vals = composer.emit(node, &identity);
    let of = |val: Val| vals[val.0 as usize];
    let mut nest = Nest::new(dims);
    nest.stores = root.stores.iter().map(|store| store.map_operands(of)).collect();
    (nest.block, nest.reductions) = (composer.b.finish(), composer.reductions);
    nest
}

struct Composer<'g> {
    graph: &'g Graph<'g>,
    plan: &'g Plan,
    // Dims of the root itself; absorbed reductions use those after them.
    rank: usize,
    b: BlockBuilder,
    // Elements of absorbed variables computed so far.
    known: HashMap<(Var, Vec<Affine>), Val>,
    reductions: Vec<Reduction>,
}

impl Composer<'_> {
    /// Emits the block of `node`, its dims being `map`; returns the new value of each of its values.
    fn emit(&mut self, node: NodeId, map: &[Affine]) -> Vec<Val> {
        let nest = &self.graph.nodes[node];
        // Reductions of this nest get these positions; their operands come first in the block.
        let mut reduction_at: Vec<Option<usize>> = vec![None; nest.reductions.len()];
        let mut vals: Vec<Val> = Vec::with_capacity(nest.block.insts.len());
        for val in nest.block.vals() {
            let dtype = nest.block.dtype(val);
            let inst = nest.block.inst(val).map_operands(|operand| vals[operand.0 as usize]);
            vals.push(match inst {
                Inst::Dim(dim) => self.b.position(&map[dim]),
                Inst::Load(access) => {
                    let var = Var(access.buffer.0);
                    let absorbed = self.plan.absorbed[access.buffer.0 as usize];
                    match composed(&access, map).filter(|_| absorbed) {
                        Some(indices) => self.element(var, indices),
                        None => {
                            let mut access = access;
                            for index in &mut access.indices {
                                index.affine = index.affine.substitute(map);
                            }
                            self.b.load(access, dtype)
                        }
                    }
                }
                Inst::Reduced { reduction, part } => {
                    let at = reduction_at[reduction].unwrap_or_else(|| {
                        let of = |val: Val| vals[val.0 as usize];
                        self.reductions.push(nest.reductions[reduction].map_operands(of));
                        self.reductions.len() - 1
                    });
                    reduction_at[reduction] = Some(at);
                    self.b.reduced(at, part, dtype)
                }
                other => self.b.push(other, dtype),
            });
        }
        vals
    }

    /// The element of an absorbed variable at `indices`.
    fn element(&mut self, var: Var, indices: Vec<Affine>) -> Val {
        let key = (var, indices);
        if let Some(&val) = self.known.get(&key) {
            return val;
        }
        let node = self.graph.producer(var).expect("absorbed variables have a producer");
        let nest = &self.graph.nodes[node];
        let mut map = key.1.clone();
        let reduce_dims = nest.dims.len() - map.len();
        map.extend((0..reduce_dims).map(|extra| Affine::dim(self.rank + extra)));
        let vals = self.emit(node, &map);
        let val = vals[nest.stores[0].value.0 as usize];
        self.known.insert(key, val);
        val
    }
}
