//! Branches and loops: statements around lowered bodies.
//!
//! # Note: state
//! The buffers of a loop's results hold its state from before the first step: they are initialized by copies, and the
//! body reads them as its inputs. What the body makes of them is written back when all has been read; where the
//! body's last reader of a part of the state comes no later than the writer of its successor, the successor is
//! written in place. Copies onto themselves, which that leaves behind, are dropped when places are known.

use super::fragment::{Fragment, Output, Row, Rows, View};
use crate::diag::Diagnostic;
use crate::loops::address::{memory, reads_where_it_writes, same_bytes, share_bytes};
use crate::loops::{Access, Affine, BinaryOp, BlockBuilder, BufferId, Nest, Place, Stmt};
use crate::ops::rules::{Control, identity_store};
use crate::types::{Aval, DType};
use std::collections::HashSet;

/// A control statement of a program.
pub struct Region {
    pub kind: RegionKind,
    pub operands: Vec<BufferId>,
    pub results: Vec<BufferId>,
}

/// [`Control`] with its bodies lowered.
pub enum RegionKind {
    Switch { branches: Vec<Fragment> },
    While { condition: Fragment, condition_consts: usize, body: Fragment, body_consts: usize },
    Scan { body: Fragment, consts: usize, carries: usize, length: usize, reverse: bool },
}

impl RegionKind {
    /// Lowers the bodies. Errors: those of lowering.
    pub fn of(control: Control) -> Result<RegionKind, Diagnostic> {
        Ok(match control {
            Control::Switch { branches } => RegionKind::Switch {
                branches: branches.iter().map(super::fragment).collect::<Result<_, _>>()?,
            },
            Control::While { condition, condition_consts, body, body_consts } => {
                let (condition, body) = (super::fragment(&condition)?, super::fragment(&body)?);
                RegionKind::While { condition, condition_consts, body, body_consts }
            }
            Control::Scan { body, consts, carries, length, reverse } => {
                RegionKind::Scan { body: super::fragment(&body)?, consts, carries, length, reverse }
            }
        })
    }
}

impl Fragment {
    /// The statements of a control region.
    pub(super) fn control(&mut self, region: &Region) -> Vec<Stmt> {
        let Region { kind, operands, results } = region;
        match kind {
            RegionKind::Switch { branches } => self.switch(branches, operands, results),
            RegionKind::While { condition, condition_consts, body, body_consts } => {
                let (of_condition, rest) = operands.split_at(*condition_consts);
                let (of_body, first) = rest.split_at(*body_consts);
                let mut stmts = self.initialize(first, results);
                stmts.push(self.while_loop([condition, body], [of_condition, of_body], results));
                stmts
            }
            RegionKind::Scan { body, consts, carries, length, reverse } => {
                let (consts, rest) = operands.split_at(*consts);
                let (first, xs) = rest.split_at(*carries);
                let (state, ys) = results.split_at(*carries);
                let mut stmts = self.initialize(first, state);
                stmts.push(self.scan(body, consts, state, (xs, ys), (*length, *reverse)));
                stmts
            }
        }
    }

    fn switch(&mut self, branches: &[Fragment], operands: &[BufferId], results: &[BufferId]) -> Vec<Stmt> {
        let (clamp, selector) = self.clamped(operands[0], branches.len());
        let inputs = wholes(&operands[1..]);
        let branch = |branch: &Fragment| {
            let first = self.buffers.len() as u32;
            let (mut stmts, outputs) = self.adopt(branch, &inputs);
            let mut taken = HashSet::new();
            for (output, &result) in outputs.iter().zip(results) {
                match self.own_temporary(output, first).filter(|root| taken.insert(*root)) {
                    Some(root) => self.buffers[root.0 as usize].place = Place::Alias(result),
                    None => stmts.push(self.copy(output, result)),
                }
            }
            stmts
        };
        vec![clamp, Stmt::Switch { selector, branches: branches.iter().map(branch).collect() }]
    }

    fn while_loop(
        &mut self,
        [condition, body]: [&Fragment; 2],
        [of_condition, of_body]: [&[BufferId]; 2],
        state: &[BufferId],
    ) -> Stmt {
        let first = self.buffers.len() as u32;
        let (mut test, outputs) = self.adopt(condition, &wholes(&[of_condition, state].concat()));
        // A reshaped element is in a buffer of another rank.
        let root = self.own_temporary(&outputs[0], first).filter(|root| self.aval(*root).shape.is_scalar());
        let predicate = match root {
            Some(root) => root,
            None => {
                let predicate = self.add(&Aval::scalar(DType::Bool), Place::Unplaced);
                test.push(self.copy(&outputs[0], predicate));
                predicate
            }
        };
        let first = self.buffers.len() as u32;
        let (mut stmts, outputs) = self.adopt(body, &wholes(&[of_body, state].concat()));
        self.write_back(&mut stmts, &outputs, state, first);
        Stmt::While { condition: test, predicate, body: stmts }
    }

    fn scan(
        &mut self,
        body: &Fragment,
        consts: &[BufferId],
        state: &[BufferId],
        (xs, ys): (&[BufferId], &[BufferId]),
        (length, reverse): (usize, bool),
    ) -> Stmt {
        let var = self.new_loop();
        let position = match reverse {
            true => Affine::of_loop(var).scale(-1).add_constant(length as i64 - 1),
            false => Affine::of_loop(var),
        };
        let row = |of: &BufferId| View { buffer: *of, row: Some(position.clone()) };
        let first = self.buffers.len() as u32;
        let inputs = [wholes(consts), wholes(state), xs.iter().map(row).collect()].concat();
        let (mut stmts, mut outputs) = self.adopt(body, &inputs);
        let (mut in_place, mut copied) = (Rows::new(), Vec::new());
        for (output, y) in (state.len()..).zip(ys) {
            match self.own_temporary(&outputs[output], first) {
                Some(root) => {
                    self.buffers[root.0 as usize].place = Place::Alias(*y);
                    in_place.insert(root, Row { count: length, position: position.clone() });
                }
                None => copied.push((output, row(y))),
            }
        }
        self.become_rows(in_place, first, &mut stmts, &mut outputs);
        for (output, to) in copied {
            stmts.push(self.copy(&outputs[output], to));
        }
        self.write_back(&mut stmts, &outputs[..state.len()], state, first);
        Stmt::Loop { var, count: length, body: stmts }
    }

    /// Copies the first state to where the loop keeps it.
    fn initialize(&self, first: &[BufferId], state: &[BufferId]) -> Vec<Stmt> {
        first.iter().zip(state).map(|(&from, &to)| self.copy(&Output::Buffer(from.into()), to)).collect()
    }

    /// Makes the outputs of a body, whose buffers start at `first`, the new state. See Note: state.
    fn write_back(&mut self, stmts: &mut Vec<Stmt>, outputs: &[Output], state: &[BufferId], first: u32) {
        let mut copies = Vec::new();
        for (output, &part) in outputs.iter().zip(state) {
            let Output::Buffer(view) = output else {
                copies.push((output.clone(), part));
                continue;
            };
            if view.row.is_none() && same_bytes(&self.buffers, view.buffer, part) {
                continue;
            }
            // Another part of the state, which its own successor will overwrite.
            let staged = match state.iter().any(|&other| share_bytes(&self.buffers, other, view.buffer)) {
                true => {
                    let staged = self.add(&self.aval(part), Place::Unplaced);
                    stmts.push(self.copy(output, staged));
                    Output::Buffer(staged.into())
                }
                false => output.clone(),
            };
            copies.push((staged, part));
        }
        for (output, part) in copies {
            let in_place =
                self.own_temporary(&output, first).filter(|&root| self.can_replace(stmts, part, root));
            match in_place {
                Some(root) => self.buffers[root.0 as usize].place = Place::Next(part),
                None => stmts.push(self.copy(&output, part)),
            }
        }
    }

    /// May the statements write `new` to the memory of `old`? Nothing may read `old` once `new` is written.
    fn can_replace(&self, stmts: &[Stmt], old: BufferId, new: BufferId) -> bool {
        let buffers = &self.buffers;
        if self.aval(old) != self.aval(new) {
            return false;
        }
        let touches = |stmt: &Stmt, wanted: BufferId| {
            let mut found = false;
            stmt.buffers(&mut |id, _| found |= share_bytes(buffers, id, wanted));
            found
        };
        let Some(writer) = stmts.iter().position(|stmt| touches(stmt, new)) else { return false };
        let in_writer = match &stmts[writer] {
            Stmt::Nest(nest) => reads_where_it_writes(nest, buffers, old),
            other => !touches(other, old),
        };
        in_writer && !stmts[writer + 1..].iter().any(|stmt| touches(stmt, old))
    }

    /// The temporary that an output is, if a body whose buffers start at `first` made it.
    fn own_temporary(&self, output: &Output, first: u32) -> Option<BufferId> {
        let &Output::Buffer(View { buffer: id, row: None }) = output else { return None };
        let root = memory(&self.buffers, id);
        (root.0 >= first && self.buffers[root.0 as usize].place == Place::Unplaced).then_some(root)
    }

    /// The index of a branch, brought into range: the statement, and where it writes to.
    fn clamped(&mut self, index: BufferId, branches: usize) -> (Stmt, BufferId) {
        let scalar = Aval::scalar(DType::I32);
        let to = self.add(&scalar, Place::Unplaced);
        let mut nest = Nest::new(Vec::new());
        let mut b = BlockBuilder::new();
        let value = b.load(Access::new(index, Vec::new()), DType::I32);
        let (least, most) = (b.int(DType::I32, 0), b.int(DType::I32, branches as i64 - 1));
        let value = b.binary(BinaryOp::Max, value, least);
        let value = b.binary(BinaryOp::Min, value, most);
        nest.stores.push(identity_store(to, 0, value));
        nest.block = b.finish();
        (Stmt::Nest(nest), to)
    }
}

fn wholes(of: &[BufferId]) -> Vec<View> {
    of.iter().map(|&id| id.into()).collect()
}
