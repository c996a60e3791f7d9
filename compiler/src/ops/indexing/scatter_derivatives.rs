//! How scatters change with the array and the updates.

use super::{Gather, Scatter, ScatterKind, linear_in};
use crate::ir::{Atom, Builder};
use crate::ops::elementwise::CompareKind;
use crate::ops::rules::*;
use crate::ops::shape::{Iota, instantiate};
use crate::types::{DType, Shape};

impl Scatter {
    pub(super) fn derivative(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        if !self.update.is_empty() {
            return Err(NoRule::ByDesign("JAX has no derivative of a scatter by a function"));
        }
        if tangents[0].is_zero() && tangents[2].is_zero() {
            return locally_constant(cx, self.clone(), primals);
        }
        match self.kind {
            ScatterKind::Set | ScatterKind::Add | ScatterKind::Sub => {
                linear_in(cx, self.clone(), &[0, 2], primals, tangents)
            }
            ScatterKind::Mul => self.product_derivative(cx, primals, tangents),
            ScatterKind::Min | ScatterKind::Max => Ok(self.extremum_derivative(cx, primals, tangents)),
        }
    }

    pub(super) fn transposed(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let mut results = zero_cotangents(cx, operands);
        if matches!(self.kind, ScatterKind::Min | ScatterKind::Max) || !self.update.is_empty() {
            return Err(NoRule::ByDesign("not linear"));
        }
        let Some(ct) = cotangents[0].value() else { return Ok(results) };
        let indices = operands[1].known().expect("integers are never linear");
        if operands[0].is_linear() {
            results[0] = Tangent::Value(self.operand_cotangent(cx, ct, indices, &operands[2])?);
        }
        if operands[2].is_linear() {
            results[2] = Tangent::Value(self.updates_cotangent(cx, ct, indices, operands)?);
        }
        Ok(results)
    }

    fn operand_cotangent(
        &self,
        cx: &mut TransposeCx,
        ct: Atom,
        indices: Atom,
        updates: &Operand,
    ) -> Rule<Atom> {
        match (self.kind, updates) {
            (ScatterKind::Add | ScatterKind::Sub, _) => Ok(ct),
            (ScatterKind::Mul, Operand::Known(updates)) => {
                Ok(cx.builder.emit_one(self.clone(), &[ct, indices, *updates]))
            }
            // What was overwritten had no influence.
            (ScatterKind::Set, updates) => {
                let aval = operand_aval(cx, updates);
                let zeros = cx.builder.full(aval.dtype, &aval.shape, 0.0);
                Ok(cx.builder.emit_one(self.clone(), &[ct, indices, zeros]))
            }
            (ScatterKind::Mul | ScatterKind::Min | ScatterKind::Max, _) => {
                Err(NoRule::ByDesign("not linear"))
            }
        }
    }

    fn updates_cotangent(
        &self,
        cx: &mut TransposeCx,
        ct: Atom,
        indices: Atom,
        operands: &[Operand],
    ) -> Rule<Atom> {
        let updates = operand_aval(cx, &operands[2]).shape;
        let shape = cx.builder.aval(ct).shape;
        let inverse = self.inverse(&shape, &updates);
        match (self.kind, &operands[0]) {
            (ScatterKind::Add, _) => Ok(cx.builder.emit_one(inverse, &[ct, indices])),
            (ScatterKind::Sub, _) => {
                let gathered = cx.builder.emit_one(inverse, &[ct, indices]);
                Ok(cx.builder.neg(gathered))
            }
            (ScatterKind::Mul, Operand::Known(operand)) if self.unique_indices => {
                let scaled = cx.builder.mul(ct, *operand);
                Ok(cx.builder.emit_one(inverse, &[scaled, indices]))
            }
            (ScatterKind::Mul, Operand::Known(_)) => Err(MEETING_FACTORS),
            (ScatterKind::Set, _) => {
                let gathered = cx.builder.emit_one(inverse, &[ct, indices]);
                if self.unique_indices {
                    return Ok(gathered);
                }
                let stays = self.stays(cx.builder, &shape, indices, &updates);
                let zero = cx.builder.constant_like(gathered, 0.0);
                Ok(cx.builder.select(stays, gathered, zero))
            }
            (ScatterKind::Mul | ScatterKind::Min | ScatterKind::Max, _) => {
                Err(NoRule::ByDesign("not linear"))
            }
        }
    }

    /// The gather that reads each update's element of the array; zero for updates that are left out.
    fn inverse(&self, operand: &Shape, updates: &Shape) -> Gather {
        let window = self.numbers.window_extents(operand, updates);
        Gather::linear(self.numbers.clone(), window, self.mode)
    }

    /// Which updates are still there in the end: numbers all windows, scatters the numbers instead of the updates, and
    /// looks which number each window finds.
    fn stays(&self, b: &mut Builder, operand: &Shape, indices: Atom, updates: &Shape) -> Atom {
        let index_axes = self.numbers.index_axes(updates.rank());
        let numbered: Shape = index_axes.iter().map(|&axis| updates[axis]).collect();
        let count = numbered.element_count();
        let iota = b.emit_one(Iota { dtype: DType::U32, shape: [count].into(), axis: 0 }, &[]);
        let one = b.constant_like(iota, 1.0);
        let numbers = b.add(iota, one);
        let numbers = b.reshape(numbers, numbered);
        let numbers = b.broadcast_in_dim(numbers, updates.clone(), &index_axes);
        let none = b.full(DType::U32, operand, 0.0);
        let last = b.emit_one(self.clone(), &[none, indices, numbers]);
        let found = b.emit_one(self.inverse(operand, updates), &[last, indices]);
        b.compare(CompareKind::Eq, found, numbers)
    }

    /// The product rule. Each update is a factor of one element.
    fn product_derivative(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let (b, indices) = (&mut *cx.builder, primals[1]);
        let result = b.emit_one(self.clone(), primals);
        let from_operand = tangents[0].value().map(|t| b.emit_one(self.clone(), &[t, indices, primals[2]]));
        let from_updates = match tangents[2].value() {
            Some(_) if !self.unique_indices => return Err(MEETING_FACTORS),
            Some(tangent) => {
                let aval = b.aval(primals[0]);
                let zeros = b.full(aval.dtype, &aval.shape, 0.0);
                let add = self.with_kind(ScatterKind::Add);
                let scattered = b.emit_one(add, &[zeros, indices, tangent]);
                Some(b.mul(primals[0], scattered))
            }
            None => None,
        };
        let tangent = match (from_operand, from_updates) {
            (Some(x), Some(y)) => b.add(x, y),
            (x, y) => x.or(y).expect("one operand has a tangent"),
        };
        Ok(Duals::one(result, Tangent::Value(tangent)))
    }

    /// Every contender that attains the extremum of an element, the old element included, has an equal share in it.
    fn extremum_derivative(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Duals {
        let (b, [operand, indices, updates]) = (&mut *cx.builder, [primals[0], primals[1], primals[2]]);
        let result = b.emit_one(self.clone(), primals);
        let (operand_tangent, updates_tangent) = (instantiate(b, &tangents[0]), instantiate(b, &tangents[2]));
        let (aval, updates_aval) = (b.aval(operand), b.aval(updates));
        let add = self.with_kind(ScatterKind::Add);
        let inverse = self.inverse(&aval.shape, &updates_aval.shape);
        let gather = |b: &mut Builder, x: Atom| b.emit_one(inverse.clone(), &[x, indices]);
        // How many updates that count 1 contend for the element of each update.
        let contenders = |b: &mut Builder, counted: Atom| {
            let zeros = b.full(aval.dtype, &aval.shape, 0.0);
            let counts = b.emit_one(add.clone(), &[zeros, indices, counted]);
            gather(b, counts)
        };
        let (initial, target) = (gather(b, operand), gather(b, result));
        let wins = b.compare(CompareKind::Eq, updates, target);
        let retained = b.compare(CompareKind::Eq, initial, target);
        let [zero, one] = [0.0, 1.0].map(|value| b.constant_like(operand, value));
        let winners = b.select(wins, one, zero);
        let winners = b.broadcast_in_dim(winners, updates_aval.shape.clone(), &[]);
        let ones = b.full(updates_aval.dtype, &updates_aval.shape, 1.0);
        let (won, all) = (contenders(b, winners), contenders(b, ones));
        let with_operand = b.add(won, one);
        let shared = b.select(retained, with_operand, won);
        let share = b.div(one, shared);
        let updates_share = b.select(wins, share, zero);
        let operand_share = b.select(retained, share, zero);
        // Each of the updates of an element takes an equal part of the old element's tangent away.
        let excess = b.sub(operand_share, one);
        let excess = b.div(excess, all);
        let old_tangent = gather(b, operand_tangent);
        let (taken, given) = (b.mul(old_tangent, excess), b.mul(updates_tangent, updates_share));
        let change = b.add(taken, given);
        let tangent = b.emit_one(add, &[operand_tangent, indices, change]);
        Duals::one(result, Tangent::Value(tangent))
    }

    fn with_kind(&self, kind: ScatterKind) -> Scatter {
        Scatter { kind, ..self.clone() }
    }
}

const MEETING_FACTORS: NoRule = NoRule::ByDesign(
    "the derivative of a product by its factors is only defined for unique indices, as in JAX",
);
