//! Finds QR decompositions in programs that have them in two steps, as calls of LAPACK: packed reflections, and their
//! product. Together they have a derivative, which reflections alone do not have.

use super::*;
use crate::ir::inline::rewritten;
use crate::ir::{Equation, Program, Var, prune};
use crate::ops::elementwise::{Binary, BinaryKind, Compare, CompareKind};
use crate::types::Literal;
use std::collections::{HashMap, HashSet};

/// The program with decompositions in the place of reflections; `None` if there are none whose reflections are used
/// for nothing but the two factors.
pub fn with_decompositions(program: &Program) -> Option<Program> {
    let is_packed = |eqn: &&Equation| matches!(eqn.op, Op::Geqrf(_) | Op::Geqp3(_));
    let packed = program.equations.iter().filter(is_packed);
    let found: HashMap<Var, Uses> =
        packed.filter_map(|eqn| Some((eqn.results[0], Uses::of(program, eqn)?))).collect();
    if found.is_empty() {
        return None;
    }
    let mut products: HashMap<Var, Atom> = HashMap::new();
    let mut rewritten = rewritten(program, |b, scope, eqn| {
        let &first = eqn.results.first()?;
        if let Some(&q) = products.get(&first) {
            return Some(vec![q]);
        }
        let uses = found.get(&first)?;
        let operand = scope.atom(eqn.operands[0]);
        let is_pivoted = matches!(eqn.op, Op::Geqp3(_));
        let qr = Qr { is_full: uses.is_full, is_pivoted, use_magma: Value::None };
        let factors = b.emit(qr, &[operand]);
        products.extend(uses.products.iter().map(|&product| (product, factors[0])));
        let rows = algebra::matrix_extents(b, operand).0 - algebra::matrix_extents(b, factors[1]).0;
        // Nobody reads what is below the diagonal, nor the scales of the reflections.
        let mut results = vec![lu::padded(b, factors[1], 2, rows)];
        if let Some(&pivots) = factors.get(2) {
            let one = b.constant_like(pivots, 1.0);
            results.push(b.add(pivots, one));
        }
        let scales = program.aval(*eqn.results.last()?);
        results.push(b.zeros(scales));
        Some(results)
    });
    prune::run(&mut rewritten);
    Some(rewritten)
}

/// What becomes of packed reflections.
struct Uses {
    /// Their products, which are unitary factors.
    products: Vec<Var>,
    /// Are these square?
    is_full: bool,
}

impl Uses {
    /// `None` if there are others than products and upper triangles.
    fn of(program: &Program, packed: &Equation) -> Option<Uses> {
        let (&first, &scales) = (packed.results.first()?, packed.results.last()?);
        let free = packed.operands.get(1);
        if free.is_some_and(|&free| !is_literal(program, free, 0)) {
            return None;
        }
        let mut parts = HashSet::from([Atom::Var(first)]);
        let mut products = Vec::new();
        for eqn in &program.equations {
            let uses_scales = eqn.operands.contains(&scales.into());
            if !uses_scales && !eqn.operands.iter().any(|operand| parts.contains(operand)) {
                continue;
            }
            let is_part = |position: usize| parts.contains(&eqn.operands[position]);
            match &eqn.op {
                Op::HouseholderProduct(_) if is_part(0) && eqn.operands[1] == scales.into() => {
                    products.push(eqn.results[0]);
                }
                Op::Slice(slice) if slice.starts.iter().all(|&start| start == 0) => {
                    parts.insert(eqn.results[0].into());
                }
                Op::Pad(_) if is_part(0) && !is_part(1) => _ = parts.insert(eqn.results[0].into()),
                Op::Select(_)
                    if eqn.operands.len() == 3
                        && is_below_diagonal(program, eqn.operands[0])
                        && is_literal(program, eqn.operands[2], 0) => {}
                _ => return None,
            }
        }
        let is_free = |output: &Atom| !parts.contains(output) && *output != scales.into();
        // Of matrices that are not taller than wide, both kinds are the same.
        let extents =
            |var: &Var| program.aval(*var).shape.extents().iter().rev().take(2).copied().collect::<Vec<_>>();
        let columns = extents(&first)[0];
        let is_full_one = |var: &Var| matches!(extents(var)[..], [k, m] if k == m && m > columns);
        let is_full = products.iter().any(is_full_one);
        let is_same = products.iter().all(is_full_one) || !is_full;
        (program.outputs.iter().all(is_free) && is_same).then_some(Uses { products, is_full })
    }
}

fn definition(program: &Program, atom: Atom) -> Option<&Equation> {
    let var = atom.var()?;
    program.equations.iter().find(|eqn| eqn.results == [var])
}

/// An array of one number?
fn is_literal(program: &Program, atom: Atom, value: i64) -> bool {
    let dtype = program.atom_aval(atom).dtype;
    match atom.literal() {
        Some(literal) => literal == Literal::from_f64(dtype, value as f64),
        None => definition(program, atom).is_some_and(|eqn| {
            matches!(eqn.op, Op::BroadcastInDim(_)) && is_literal(program, eqn.operands[0], value)
        }),
    }
}

/// Is this mask, of rank 2 or stretched to a batch, true where the row's number minus one is the column's or more?
fn is_below_diagonal(program: &Program, mask: Atom) -> bool {
    let Some(eqn) = definition(program, mask) else { return false };
    match &eqn.op {
        Op::BroadcastInDim(stretch) => {
            let rank = stretch.shape.rank();
            let keeps_matrix = stretch.dims.ends_with(&[rank.wrapping_sub(2), rank.wrapping_sub(1)]);
            keeps_matrix && is_below_diagonal(program, eqn.operands[0])
        }
        Op::Compare(Compare(CompareKind::Ge)) => {
            let above = definition(program, eqn.operands[0]);
            above.is_some_and(|above| {
                matches!(above.op, Op::Binary(Binary(BinaryKind::Add)))
                    && counts_from_end(program, above.operands[0], 2)
                    && is_literal(program, above.operands[1], -1)
            }) && counts_from_end(program, eqn.operands[1], 1)
        }
        _ => false,
    }
}

/// The positions along an axis, counted from the last one?
fn counts_from_end(program: &Program, atom: Atom, axis: usize) -> bool {
    let rank = program.atom_aval(atom).rank();
    definition(program, atom)
        .is_some_and(|eqn| matches!(&eqn.op, Op::Iota(iota) if rank == 2 && iota.axis + axis == rank))
}
