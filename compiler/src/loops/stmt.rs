//! Statements: what stands around nests.

use super::{BufferId, LoopVar, Nest};
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
    pub reads: Vec<BufferId>,
    pub writes: Vec<BufferId>,
    /// Memory for the routine's own use, aligned to 64 bytes; garbage before and after. Without it, no pointer is passed.
    pub scratch: Option<BufferId>,
    pub integers: Vec<i64>,
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
        self.walk(&mut |stmt| match stmt {
            Stmt::Nest(nest) => {
                nest.block.loads().for_each(|access| visit(access.buffer, false));
                nest.stores.iter().for_each(|store| visit(store.buffer, true));
            }
            Stmt::Call(call) => call.pointers().for_each(|(id, is_written)| visit(id, is_written)),
            Stmt::Loop { .. } => {}
            Stmt::While { predicate: id, .. } | Stmt::Switch { selector: id, .. } => visit(*id, false),
        });
    }

    /// Renames every buffer and loop variable.
    pub fn rename(
        &mut self,
        buffer: &mut impl FnMut(BufferId) -> BufferId,
        var: &mut impl FnMut(LoopVar) -> LoopVar,
    ) {
        match self {
            Stmt::Nest(nest) => {
                nest.block.loads_mut().for_each(|access| access.buffer = buffer(access.buffer));
                nest.stores.iter_mut().for_each(|store| store.buffer = buffer(store.buffer));
                nest.block.loop_vars_mut().for_each(|own| *own = var(*own));
            }
            Stmt::Call(call) => call.map_buffers(&mut *buffer),
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

impl RuntimeCall {
    /// The buffers in the order of the pointers that the routine gets, and whether it writes them.
    pub fn pointers(&self) -> impl Iterator<Item = (BufferId, bool)> + '_ {
        let reads = self.reads.iter().map(|&id| (id, false));
        reads.chain(self.writes.iter().chain(&self.scratch).map(|&id| (id, true)))
    }

    /// Renames every buffer.
    pub fn map_buffers(&mut self, mut name: impl FnMut(BufferId) -> BufferId) {
        let all = self.reads.iter_mut().chain(&mut self.writes).chain(&mut self.scratch);
        all.for_each(|id| *id = name(*id));
    }
}
