//! Joins neighbouring dims that every access of a nest walks as one: an elementwise nest over `[64, 10]` becomes one
//! over `[640]`, with long vectors and no inner tails.

use crate::diag::Diagnostic;
use crate::loops::{Access, Affine, Buffer, BufferId, Dim, Function, Index, Inst, Module, Nest, Place, Stmt};
use crate::types::Shape;
use std::collections::HashMap;

/// Rewrites plain accesses to flat ones, then collapses dims.
pub fn run(mut module: Module) -> Result<Module, Diagnostic> {
    module.functions.iter_mut().for_each(collapse_function);
    Ok(module)
}

fn collapse_function(function: &mut Function) {
    let mut body = std::mem::take(&mut function.body);
    let mut flat = FlatBuffers { function, views: HashMap::new() };
    body.iter_mut().for_each(|stmt| collapse_stmt(stmt, &mut flat));
    function.body = body;
}

fn collapse_stmt(stmt: &mut Stmt, flat: &mut FlatBuffers) {
    match stmt {
        Stmt::Nest(nest) => collapse_nest(nest, flat),
        Stmt::Loop { body, .. } => body.iter_mut().for_each(|stmt| collapse_stmt(stmt, flat)),
        Stmt::While { condition, body, .. } => {
            condition.iter_mut().chain(body).for_each(|stmt| collapse_stmt(stmt, flat));
        }
        Stmt::Switch { branches, .. } => {
            branches.iter_mut().flatten().for_each(|stmt| collapse_stmt(stmt, flat))
        }
        Stmt::Call(_) => {}
    }
}

/// Aliases of buffers with fewer axes.
struct FlatBuffers<'f> {
    function: &'f mut Function,
    // The alias of a buffer under another shape.
    views: HashMap<(BufferId, Shape), BufferId>,
}

impl FlatBuffers<'_> {
    fn view(&mut self, id: BufferId, shape: Shape) -> BufferId {
        let buffer = self.function.buffer(id);
        if buffer.shape == shape {
            return id;
        }
        let dtype = buffer.dtype;
        let new = BufferId(self.function.buffers.len() as u32);
        let view = *self.views.entry((id, shape.clone())).or_insert(new);
        if view == new {
            self.function.buffers.push(Buffer { dtype, shape, place: Place::Alias(id) });
        }
        view
    }

    /// The same access with every run of affine axes made one. Positions that the block computes keep their axes.
    fn flatten(&mut self, buffer: BufferId, indices: &[Index]) -> (BufferId, Vec<Index>) {
        if indices.is_empty() {
            return (self.view(buffer, [1].into()), vec![Index::constant(0)]);
        }
        let extents = self.function.buffer(buffer).shape.extents();
        let mut flat: Vec<(usize, Index)> = Vec::new();
        for (&extent, index) in extents.iter().zip(indices) {
            match flat.last_mut().filter(|(_, last)| last.is_affine() && index.is_affine()) {
                Some((run, last)) => {
                    last.affine = last.affine.scale(extent as i64).add(&index.affine);
                    *run *= extent;
                }
                None => flat.push((extent, index.clone())),
            }
        }
        let (shape, indices): (Vec<usize>, Vec<Index>) = flat.into_iter().unzip();
        (self.view(buffer, shape.into()), indices)
    }
}

fn collapse_nest(nest: &mut Nest, flat: &mut FlatBuffers) {
    for access in nest.block.loads_mut().filter(|access| access.fill.is_none()) {
        let (buffer, indices) = flat.flatten(access.buffer, &access.indices);
        *access = Access::new(buffer, indices);
    }
    for store in &mut nest.stores {
        (store.buffer, store.indices) = flat.flatten(store.buffer, &store.indices);
    }
    drop_unit_dims(nest);
    let mut outer = 0;
    while outer + 1 < nest.dims.len() {
        if collapsible(nest, outer) { join(nest, outer) } else { outer += 1 }
    }
}

/// A dim of extent 1 is always at 0.
fn drop_unit_dims(nest: &mut Nest) {
    for dim in (0..nest.dims.len()).rev() {
        if nest.dims[dim].extent == 1 && !used_as_value(nest, dim) {
            let position = |at: usize| match at.cmp(&dim) {
                std::cmp::Ordering::Less => Affine::dim(at),
                std::cmp::Ordering::Equal => Affine::constant(0),
                std::cmp::Ordering::Greater => Affine::dim(at - 1),
            };
            let map: Vec<Affine> = (0..nest.dims.len()).map(position).collect();
            nest.dims.remove(dim);
            substitute(nest, &map);
        }
    }
}

/// Do dims `outer` and `outer + 1` form one run in every access?
fn collapsible(nest: &Nest, outer: usize) -> bool {
    let (a, b) = (nest.dims[outer], nest.dims[outer + 1]);
    let runs = |index: &Index| {
        index.affine.coefficient(outer) == index.affine.coefficient(outer + 1) * b.extent as i64
    };
    a.role == b.role
        && !used_as_value(nest, outer)
        && !used_as_value(nest, outer + 1)
        && indices(nest).all(runs)
}

fn used_as_value(nest: &Nest, dim: usize) -> bool {
    nest.block.insts.contains(&Inst::Dim(dim))
}

fn indices(nest: &Nest) -> impl Iterator<Item = &Index> {
    let loads = nest.block.loads().map(|access| &access.indices);
    loads.chain(nest.stores.iter().map(|store| &store.indices)).flatten()
}

/// Makes dims `outer` and `outer + 1` one. Every access has `coefficient(outer + 1)` as its stride along the run.
fn join(nest: &mut Nest, outer: usize) {
    let extent = nest.dims[outer].extent * nest.dims[outer + 1].extent;
    let role = nest.dims[outer].role;
    nest.dims.splice(outer..outer + 2, [Dim { extent, role }]);
    // The outer term vanishes (it is implied by the run), the inner one becomes the joined dim.
    let position = |at: usize| match at {
        at if at < outer => Affine::dim(at),
        at if at == outer => Affine::constant(0),
        at => Affine::dim(at - 1),
    };
    let map: Vec<Affine> = (0..nest.dims.len() + 1).map(position).collect();
    substitute(nest, &map);
}

fn substitute(nest: &mut Nest, map: &[Affine]) {
    for index in nest.block.loads_mut().flat_map(|access| &mut access.indices) {
        index.affine = index.affine.substitute(map);
    }
    for inst in &mut nest.block.insts {
        if let Inst::Dim(dim) = inst {
            let Some(renamed) = map[*dim].as_dim() else {
                unreachable!("dims used as values keep their extent")
            };
            *dim = renamed;
        }
    }
    nest.stores.iter_mut().for_each(|store| store.substitute(map));
}
