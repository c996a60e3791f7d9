//! Statements: what stands around nests.

use super::{Affine, BufferId, Index, LoopVar, Nest};
use crate::types::Extent;

/// A step of a function.
#[derive(Clone, PartialEq, Debug)]
pub enum Stmt {
    Nest(Nest),
    /// `for var in 0..count`: nests beneath reach the position as [`super::Inst::LoopIndex`].
    Loop {
        var: LoopVar,
        count: Extent,
        body: Vec<Stmt>,
    },
    /// Runs `condition`, then, while the rank-0 bool `predicate` is true, `body` and `condition` again.
    While {
        condition: Vec<Stmt>,
        predicate: BufferId,
        body: Vec<Stmt>,
    },
    /// Runs the branch that the rank-0 i32 `selector` names. Invariant: the selector is in range.
    Switch {
        selector: BufferId,
        branches: Vec<Vec<Stmt>>,
    },
    /// A routine of the runtime on whole buffers.
    Call(RuntimeCall),
}

/// A call of a runtime routine: `symbol(reads.., writes.., scratch, integers..) -> i32 status`, where buffers are
/// pointers to their first byte and integers are i64. A status other than 0 ends the compiled call.
#[derive(Clone, PartialEq, Debug)]
pub struct RuntimeCall {
    pub symbol: &'static str,
    pub reads: Vec<Slice>,
    pub writes: Vec<Slice>,
    /// Memory for the routine's own use, aligned to 64 bytes; garbage before and after. Without it, no pointer is passed.
    pub scratch: Option<BufferId>,
    pub integers: Vec<i64>,
}

/// A buffer, or the part of it at one position of each leading axis.
#[derive(Clone, PartialEq, Debug)]
pub struct Slice {
    pub buffer: BufferId,
    // Invariant: of loops, not of dims; no more than the buffer has axes.
    pub leading: Vec<Affine>,
}

/// How a statement names a buffer.
pub struct Mention<'s> {
    pub buffer: BufferId,
    pub is_written: bool,
    positions: Positions<'s>,
}

enum Positions<'s> {
    Indices(&'s [Index]),
    Leading(&'s [Affine]),
}

/// Puts other nests in the place of each nest, at any depth.
pub fn rewrite_nests(body: Vec<Stmt>, rewrite: &mut impl FnMut(Nest) -> Vec<Nest>) -> Vec<Stmt> {
    let mut done = Vec::with_capacity(body.len());
    for stmt in body {
        match stmt {
            Stmt::Nest(nest) => done.extend(rewrite(nest).into_iter().map(Stmt::Nest)),
            Stmt::Loop { var, count, body } => {
                done.push(Stmt::Loop { var, count, body: rewrite_nests(body, rewrite) });
            }
            Stmt::While { condition, predicate, body } => {
                let condition = rewrite_nests(condition, rewrite);
                done.push(Stmt::While { condition, predicate, body: rewrite_nests(body, rewrite) });
            }
            Stmt::Switch { selector, branches } => {
                let branches = branches.into_iter().map(|branch| rewrite_nests(branch, rewrite)).collect();
                done.push(Stmt::Switch { selector, branches });
            }
            Stmt::Call(call) => done.push(Stmt::Call(call)),
        }
    }
    done
}

impl Stmt {
    /// Calls `visit` with every statement from this one down.
    pub fn walk<'s>(&'s self, visit: &mut impl FnMut(&'s Stmt)) {
        visit(self);
        match self {
            Stmt::Nest(_) | Stmt::Call(_) => {}
            Stmt::Loop { body, .. } => body.iter().for_each(|stmt| stmt.walk(visit)),
            Stmt::While { condition, body, .. } => {
                condition.iter().chain(body).for_each(|stmt| stmt.walk(visit))
            }
            Stmt::Switch { branches, .. } => branches.iter().flatten().for_each(|stmt| stmt.walk(visit)),
        }
    }

    /// Calls `visit` with every buffer the statement names, and whether it is written.
    pub fn buffers(&self, visit: &mut impl FnMut(BufferId, bool)) {
        self.mentions(&mut |mention| visit(mention.buffer, mention.is_written));
    }

    /// Calls `visit` with everything the statement says about buffers.
    pub fn mentions(&self, visit: &mut impl FnMut(Mention)) {
        self.walk(&mut |stmt| match stmt {
            Stmt::Nest(nest) => {
                for access in nest.block.loads() {
                    visit(Mention::at(access.buffer, false, Positions::Indices(&access.indices)));
                }
                for store in &nest.stores {
                    visit(Mention::at(store.buffer, true, Positions::Indices(&store.indices)));
                }
            }
            Stmt::Call(call) => {
                let arrays = call.reads.iter().map(|slice| (slice, false));
                for (slice, is_written) in arrays.chain(call.writes.iter().map(|slice| (slice, true))) {
                    visit(Mention::at(slice.buffer, is_written, Positions::Leading(&slice.leading)));
                }
                call.scratch.iter().for_each(|&id| visit(Mention::at(id, true, Positions::Leading(&[]))));
            }
            Stmt::Loop { .. } => {}
            Stmt::While { predicate: id, .. } | Stmt::Switch { selector: id, .. } => {
                visit(Mention::at(*id, false, Positions::Leading(&[])));
            }
        });
    }

    /// Gives each access of a buffer that has got a new first axis its position there.
    ///
    /// Invariant: such buffers are no scratch memory, nor do they say whether or where control goes on.
    pub fn index_first(&mut self, first: &impl Fn(BufferId) -> Option<Affine>) {
        match self {
            Stmt::Nest(nest) => {
                let stores = nest.stores.iter_mut().map(|store| (store.buffer, &mut store.indices));
                let loads = nest.block.loads_mut().map(|access| (access.buffer, &mut access.indices));
                for (buffer, indices) in loads.chain(stores) {
                    if let Some(first) = first(buffer) {
                        indices.insert(0, Index::affine(first));
                    }
                }
            }
            Stmt::Call(call) => {
                for slice in call.reads.iter_mut().chain(&mut call.writes) {
                    if let Some(first) = first(slice.buffer) {
                        slice.leading.insert(0, first);
                    }
                }
            }
            Stmt::Loop { body, .. } => body.iter_mut().for_each(|stmt| stmt.index_first(first)),
            Stmt::While { condition, body, .. } => {
                condition.iter_mut().chain(body).for_each(|stmt| stmt.index_first(first));
            }
            Stmt::Switch { branches, .. } => {
                branches.iter_mut().flatten().for_each(|stmt| stmt.index_first(first));
            }
        }
    }

    /// Renames every buffer and loop variable.
    pub fn rename(
        &mut self,
        buffer: &mut impl FnMut(BufferId) -> BufferId,
        var: &mut impl FnMut(LoopVar) -> LoopVar,
    ) {
        match self {
            Stmt::Nest(nest) => {
                let mut rename = |id: &mut BufferId, indices: &mut [Index]| {
                    *id = buffer(*id);
                    indices.iter_mut().for_each(|index| index.affine.rename_loops(var));
                };
                nest.block.loads_mut().for_each(|access| rename(&mut access.buffer, &mut access.indices));
                nest.stores.iter_mut().for_each(|store| rename(&mut store.buffer, &mut store.indices));
                nest.block.loop_vars_mut().for_each(|own| *own = var(*own));
            }
            Stmt::Call(call) => {
                for slice in call.reads.iter_mut().chain(&mut call.writes) {
                    slice.buffer = buffer(slice.buffer);
                    slice.leading.iter_mut().for_each(|position| position.rename_loops(var));
                }
                call.scratch.iter_mut().for_each(|id| *id = buffer(*id));
            }
            Stmt::Loop { var: own, body, .. } => {
                *own = var(*own);
                body.iter_mut().for_each(|stmt| stmt.rename(buffer, var));
            }
            Stmt::While { condition, predicate, body } => {
                *predicate = buffer(*predicate);
                condition.iter_mut().chain(body).for_each(|stmt| stmt.rename(buffer, var));
            }
            Stmt::Switch { selector, branches } => {
                *selector = buffer(*selector);
                branches.iter_mut().flatten().for_each(|stmt| stmt.rename(buffer, var));
            }
        }
    }
}

impl<'s> Mention<'s> {
    fn at(buffer: BufferId, is_written: bool, positions: Positions<'s>) -> Self {
        Mention { buffer, is_written, positions }
    }

    /// The loops on whose positions it depends which part is meant.
    pub fn loops(&self) -> impl Iterator<Item = LoopVar> + '_ {
        let (indices, leading) = match self.positions {
            Positions::Indices(indices) => (indices, [].as_slice()),
            Positions::Leading(leading) => ([].as_slice(), leading),
        };
        let affine = indices.iter().map(|index| &index.affine).chain(leading);
        affine.flat_map(Affine::loops).map(|(var, _)| var)
    }
}

impl From<BufferId> for Slice {
    /// All of the buffer.
    fn from(buffer: BufferId) -> Slice {
        Slice { buffer, leading: Vec::new() }
    }
}
