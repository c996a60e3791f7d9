//! What a successor has overwritten is not read. See the note in [`crate::loops::address`].

use crate::loops::address::Successions;
use crate::loops::{BufferId, Function, Nest, Place, Stmt};
use std::collections::{BTreeSet, HashMap};

/// Every read of a value whose memory holds another one.
pub(super) fn check(function: &Function) -> Vec<String> {
    let mut versions: HashMap<BufferId, BTreeSet<BufferId>> = HashMap::new();
    for id in (0..function.buffers.len() as u32).map(BufferId) {
        versions.entry(function.memory(id)).or_default().insert(function.version(id));
    }
    versions.retain(|_, versions| versions.len() > 1);
    let mut cx = Cx { function, versions, successions: Successions::new(function), errors: Vec::new() };
    if !cx.versions.is_empty() {
        cx.stmts(&function.body, &mut Lost::new());
    }
    cx.errors.sort_unstable();
    cx.errors.dedup();
    cx.errors
}

/// The values that may have been overwritten.
type Lost = BTreeSet<BufferId>;

struct Cx<'f> {
    function: &'f Function,
    // By memory, where there is more than one.
    versions: HashMap<BufferId, BTreeSet<BufferId>>,
    successions: Successions,
    errors: Vec<String>,
}

impl Cx<'_> {
    fn stmts(&mut self, stmts: &[Stmt], lost: &mut Lost) {
        stmts.iter().for_each(|stmt| self.stmt(stmt, lost));
    }

    fn stmt(&mut self, stmt: &Stmt, lost: &mut Lost) {
        match stmt {
            Stmt::Nest(nest) => {
                self.nest(nest);
                self.step(stmt, lost);
            }
            Stmt::Call(_) => self.step(stmt, lost),
            // Its body never runs.
            Stmt::Loop { count: 0, .. } => {}
            Stmt::Loop { body, .. } => self.steps(&[], None, body, lost),
            Stmt::While { condition, predicate, body } => {
                let before = lost.clone();
                self.steps(condition, Some(*predicate), body, lost);
                // The body may never run.
                lost.extend(before);
                self.stmts(condition, lost);
            }
            Stmt::Switch { selector, branches } => {
                self.read(*selector, lost);
                let before = std::mem::take(lost);
                for branch in branches {
                    let mut after = before.clone();
                    self.stmts(branch, &mut after);
                    lost.extend(after);
                }
            }
        }
    }

    /// The steps of a loop. What one step loses, the next one finds lost.
    fn steps(&mut self, condition: &[Stmt], predicate: Option<BufferId>, body: &[Stmt], lost: &mut Lost) {
        loop {
            let before = lost.clone();
            self.stmts(condition, lost);
            predicate.into_iter().for_each(|predicate| self.read(predicate, lost));
            self.stmts(body, lost);
            for &next in self.successions.at_end(body) {
                if let Place::Next(state) = self.function.buffer(next).place
                    && !lost.contains(&next)
                {
                    lost.remove(&self.function.version(state));
                }
            }
            if lost.is_subset(&before) {
                return;
            }
            lost.extend(before);
        }
    }

    fn step(&mut self, stmt: &Stmt, lost: &mut Lost) {
        let mut written = Vec::new();
        stmt.buffers(&mut |id, is_written| match is_written {
            true => written.push(id),
            false => self.read(id, lost),
        });
        for id in written {
            let version = self.function.version(id);
            if let Some(versions) = self.versions.get(&self.function.memory(id)) {
                lost.extend(versions);
                lost.remove(&version);
            }
        }
    }

    fn read(&mut self, id: BufferId, lost: &Lost) {
        if lost.contains(&self.function.version(id)) {
            self.errors.push(format!("buffer {} is read after its successor was written", id.0));
        }
    }

    /// While a nest writes a successor, it reads of the predecessor only what the point at hand overwrites.
    fn nest(&mut self, nest: &Nest) {
        for access in nest.block.loads() {
            let memory = self.function.memory(access.buffer);
            if !self.versions.contains_key(&memory) {
                continue;
            }
            let version = self.function.version(access.buffer);
            let mut rivals = nest.stores.iter().filter(|store| {
                self.function.memory(store.buffer) == memory && self.function.version(store.buffer) != version
            });
            if rivals.clone().next().is_some() && !rivals.any(|store| store.indices == access.indices) {
                let id = access.buffer.0;
                self.errors
                    .push(format!("buffer {id} is read elsewhere than where its successor is written"));
            }
        }
    }
}
