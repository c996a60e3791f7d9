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

/// One-dimensional aliases of buffers.
struct FlatBuffers<'f> {
    function: &'f mut Function,
    views: HashMap<BufferId, BufferId>,
}

impl FlatBuffers<'_> {
    fn view(&mut self, id: BufferId) -> BufferId {
        if let Some(&view) = self.views.get(&id) {
            return view;
        }
        let buffer = self.function.buffer(id);
        if buffer.shape.rank() == 1 {
            return id;
        }
        let (dtype, shape) = (buffer.dtype, Shape::from([buffer.shape.element_count()]));
        let view = BufferId(self.function.buffers.len() as u32);
        self.function.buffers.push(Buffer { dtype, shape, place: Place::Alias(id) });
        self.views.insert(id, view);
        view
    }

    /// The flat index of an access, if it is affine and in range.
    fn flatten(&mut self, buffer: BufferId, indices: &[Index]) -> Option<(BufferId, Vec<Index>)> {
        if !indices.iter().all(Index::is_affine) {
            return None;
        }
        let strides = self.function.buffer(buffer).shape.strides();
        let terms = indices.iter().zip(strides).map(|(index, stride)| index.affine.scale(stride as i64));
        let sum = terms.fold(Affine::default(), |sum, term| sum.add(&term));
        Some((self.view(buffer), vec![Index::affine(sum)]))
    }
}

fn collapse_nest(nest: &mut Nest, flat: &mut FlatBuffers) {
    for access in nest.block.loads_mut().filter(|access| access.fill.is_none()) {
        if let Some((buffer, indices)) = flat.flatten(access.buffer, &access.indices) {
            *access = Access::new(buffer, indices);
        }
    }
    for store in &mut nest.stores {
        if let Some((buffer, indices)) = flat.flatten(store.buffer, &store.indices) {
            (store.buffer, store.indices) = (buffer, indices);
        }
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
            let [(renamed, 1)] = map[*dim].terms() else {
                unreachable!("dims used as values keep their extent")
            };
            *dim = *renamed;
        }
    }
    for store in &mut nest.stores {
        store.indices.iter_mut().for_each(|index| index.affine = index.affine.substitute(map));
    }
}
