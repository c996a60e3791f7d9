//! When temporaries hold values.
//!
//! # Note: lives
//! Statements are numbered as they stand, loops around them. A temporary lives from the first statement that names it
//! to the last. If it is also named outside of a loop in which it is named, or if it is written row by row, it lives
//! through the whole loop: later iterations come back to earlier statements.

use crate::loops::{BufferId, Function, Nest, Place, Stmt};
use std::collections::HashMap;

/// The statements during which a temporary holds a value. See Note: lives.
#[derive(Clone, Copy)]
pub struct Life {
    pub first: usize,
    pub last: usize,
}

/// The temporaries that a loop touches, each with whether it touches rows of it.
type Touched = HashMap<BufferId, bool>;

/// The statements of a function in order, what they touch, and the loops around them.
#[derive(Default)]
pub struct Timeline<'f> {
    /// Statements without bodies; none for calls and for the tests of loops and switches.
    pub leaves: Vec<Option<&'f Nest>>,
    pub lives: HashMap<BufferId, Life>,
    // Inner ones come first.
    loops: Vec<(Life, Touched)>,
    // In the loops around the statement at hand, outermost first.
    touched: Vec<Touched>,
}

impl<'f> Timeline<'f> {
    pub fn of(function: &'f Function) -> Timeline<'f> {
        let mut timeline = Timeline::default();
        timeline.stmts(function, &function.body);
        // What a loop does not touch either lives all through it or not in it.
        for (interval, touched) in &timeline.loops {
            for (id, &by_rows) in touched {
                let Some(life) = timeline.lives.get_mut(id) else { continue };
                let outside = life.first < interval.first || life.last > interval.last;
                if outside || by_rows {
                    life.first = life.first.min(interval.first);
                    life.last = life.last.max(interval.last);
                }
            }
        }
        timeline
    }

    fn stmts(&mut self, function: &Function, stmts: &'f [Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Nest(nest) => self.leaf(function, stmt, Some(nest)),
                Stmt::Call(_) => self.leaf(function, stmt, None),
                Stmt::Loop { body, .. } => self.in_loop(|timeline| timeline.stmts(function, body)),
                Stmt::While { condition, predicate, body } => self.in_loop(|timeline| {
                    timeline.stmts(function, condition);
                    timeline.test(function, *predicate);
                    timeline.stmts(function, body);
                }),
                Stmt::Switch { selector, branches } => {
                    self.test(function, *selector);
                    branches.iter().for_each(|branch| self.stmts(function, branch));
                }
            }
        }
    }

    fn in_loop(&mut self, body: impl FnOnce(&mut Self)) {
        let first = self.leaves.len();
        self.touched.push(Touched::new());
        body(self);
        let touched = self.touched.pop().expect("pushed above");
        if let Some(outer) = self.touched.last_mut() {
            touched.iter().for_each(|(&id, &by_rows)| *outer.entry(id).or_default() |= by_rows);
        }
        if self.leaves.len() > first {
            self.loops.push((Life { first, last: self.leaves.len() - 1 }, touched));
        }
    }

    fn test(&mut self, function: &Function, id: BufferId) {
        self.touch(function, id, false);
        self.leaves.push(None);
    }

    fn leaf(&mut self, function: &Function, stmt: &Stmt, nest: Option<&'f Nest>) {
        stmt.mentions(&mut |mention| {
            self.touch(function, mention.buffer, mention.loops().next().is_some());
        });
        self.leaves.push(nest);
    }

    fn touch(&mut self, function: &Function, id: BufferId, by_rows: bool) {
        let (root, at) = (function.memory(id), self.leaves.len());
        if function.buffer(root).place != Place::Unplaced {
            return;
        }
        self.lives.entry(root).or_insert(Life { first: at, last: at }).last = at;
        if let Some(touched) = self.touched.last_mut() {
            *touched.entry(root).or_default() |= by_rows;
        }
    }
}
