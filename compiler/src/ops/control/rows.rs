//! Loops that read rows of arrays and write rows of results in the order of their steps, with a counter for an index: so
//! StableHLO writes scans, which it does not have. As rows of a `scan` they are not saved at every step for the backward
//! pass, and their cotangents are rows in turn, not whole arrays that are summed up.

use super::Scan;
use super::counted::{increment, integer};
use crate::ir::{Atom, Equation, Params, Program, Var};
use crate::ops::Op;
use crate::ops::elementwise::{BinaryKind, CompareKind};
use crate::ops::shape::Reshape;
use crate::types::{Aval, DType};

/// A loop over rows.
pub struct ByRows {
    pub op: Scan,
    /// The operands, as positions among those of the loop before; an array may also stay a constant.
    pub operands: Vec<usize>,
    /// The results, as positions among those of the loop before.
    pub results: Vec<usize>,
}

/// The number `scale * step + offset`.
#[derive(Clone, Copy, PartialEq)]
struct Position {
    scale: i128,
    offset: i128,
}

/// The same loop, given the operands of the `scan`, with rows of constants among its xs and rows of the state among its
/// ys, if there are any.
pub fn by_rows(scan: &Scan, operands: &[Atom]) -> Option<ByRows> {
    let mut positions = Positions::new(scan, operands);
    scan.body.equations.iter().for_each(|eqn| positions.add(&scan.body, eqn));
    let (state_end, outputs) = (scan.consts + scan.carries, scan.body.outputs.len());
    let has_rows = scan.body.inputs.len() > state_end || outputs > scan.carries;
    let found: Vec<(usize, Row)> = (0..scan.body.equations.len())
        .filter_map(|at| Some((at, positions.row(scan, &scan.body.equations[at])?)))
        .collect();
    let reverse = if has_rows { scan.reverse } else { found.first()?.1.reverse };
    let found: Vec<(usize, Row)> = found.into_iter().filter(|(_, row)| row.reverse == reverse).collect();
    if found.is_empty() {
        return None;
    }

    let mut body = scan.body.program().clone();
    let (mut arrays, mut rows, mut written) = (Vec::new(), Vec::new(), Vec::new());
    for (at, Row { place, .. }) in &found {
        match *place {
            Place::Const(array) => {
                let known = arrays.iter().position(|&known| known == array);
                let row = known.map(|known| rows[known]).unwrap_or_else(|| {
                    let row = body.new_var(row_of(body.aval(body.inputs[array])));
                    arrays.push(array);
                    rows.push(row);
                    row
                });
                let eqn = &mut body.equations[*at];
                let shape = scan.body.aval(eqn.results[0]).shape.clone();
                (eqn.op, eqn.operands) = (Reshape { shape }.into(), vec![row.into()]);
                let result = eqn.results[0];
                replace_reshaped(&mut body, result, row);
            }
            Place::State(part) => {
                let row = body.new_var(row_of(body.aval(body.inputs[scan.consts + part])));
                let shape = body.aval(row).shape.clone();
                let eqn = &mut body.equations[*at];
                (eqn.op, eqn.operands, eqn.results) =
                    (Reshape { shape }.into(), vec![eqn.operands[1]], vec![row]);
                written.push((part, row));
            }
        }
    }
    let state: Vec<usize> =
        (0..scan.carries).filter(|part| written.iter().all(|(other, _)| other != part)).collect();
    let kept = (0..scan.consts).chain(state.iter().map(|part| scan.consts + part));
    let kept: Vec<usize> = kept.chain(state_end..scan.body.inputs.len()).collect();
    body.inputs = kept.iter().map(|&at| scan.body.inputs[at]).chain(rows).collect();
    let results: Vec<usize> = state.iter().copied().chain(scan.carries..outputs).collect();
    body.outputs = results.iter().map(|&at| scan.body.outputs[at]).collect();
    body.outputs.extend(written.iter().map(|&(_, row)| Atom::Var(row)));
    Some(ByRows {
        op: Scan { body: body.into(), carries: state.len(), reverse, rest: Params::new(), ..scan.clone() },
        operands: kept.into_iter().chain(arrays).collect(),
        results: results.into_iter().chain(written.into_iter().map(|(part, _)| part)).collect(),
    })
}

/// Lets all that takes the whole row in its own shape, by reshaping `slice`, take `row`: for the backward pass it is
/// known to be one then.
fn replace_reshaped(body: &mut Program, slice: Var, row: Var) {
    let aval = body.aval(row).clone();
    let is_row = |eqn: &Equation| matches!(&eqn.op, Op::Reshape(to) if to.shape == aval.shape);
    let same = |eqn: &&Equation| is_row(eqn) && eqn.operands == [Atom::Var(slice)];
    let reshaped: Vec<Atom> =
        body.equations.iter().filter(same).flat_map(|eqn| &eqn.results).map(|&var| var.into()).collect();
    let atoms = body.equations.iter_mut().flat_map(|eqn| &mut eqn.operands).chain(&mut body.outputs);
    atoms.filter(|atom| reshaped.contains(atom)).for_each(|atom| *atom = row.into());
}

fn row_of(array: &Aval) -> Aval {
    array.with_shape(array.shape.without(&[0]))
}

/// What one equation reads or writes: the row of its step, from the first or from the last.
struct Row {
    place: Place,
    reverse: bool,
}

#[derive(Clone, Copy)]
enum Place {
    /// Reads a row of this constant.
    Const(usize),
    /// Writes a row of this part of the state, of which nothing else is seen before the loop has ended.
    State(usize),
}

/// What is known about the integers of a body: for each variable, where it stands at a step.
struct Positions {
    length: i128,
    of: Vec<Option<Position>>,
    // How often each variable is used.
    uses: Vec<usize>,
}

impl Positions {
    fn new(scan: &Scan, operands: &[Atom]) -> Positions {
        let body = &scan.body;
        let mut of = vec![None; body.vars.len()];
        for part in 0..scan.carries {
            let start = operands[scan.consts + part].literal().and_then(integer);
            let step = increment(body, scan.consts, part).and_then(integer);
            if let (Some(offset), Some(scale)) = (start, step) {
                of[body.inputs[scan.consts + part].0 as usize] = Some(Position { scale, offset });
            }
        }
        let mut uses = vec![0; body.vars.len()];
        let atoms = body.equations.iter().flat_map(|eqn| &eqn.operands).chain(&body.outputs);
        atoms.filter_map(|atom| atom.var()).for_each(|var: Var| uses[var.0 as usize] += 1);
        Positions { length: scan.length as i128, of, uses }
    }

    fn get(&self, atom: Atom) -> Option<Position> {
        match atom {
            Atom::Var(var) => self.of[var.0 as usize],
            Atom::Literal(literal) => integer(literal).map(|offset| Position { scale: 0, offset }),
        }
    }

    /// Notes what an equation makes of positions.
    fn add(&mut self, body: &Program, eqn: &Equation) {
        let &[result] = eqn.results.as_slice() else { return };
        let is_wide = |dtype: DType| dtype.is_integer() && dtype.bits() >= 32;
        if is_wide(body.aval(result).dtype) && body.aval(result).shape.is_scalar() {
            self.of[result.0 as usize] = self.computed(body, eqn).filter(|position| self.is_small(*position));
        }
    }

    fn computed(&self, body: &Program, eqn: &Equation) -> Option<Position> {
        match (&eqn.op, eqn.operands.as_slice()) {
            (Op::Binary(op), &[x, y]) => {
                let (x, y) = (self.get(x)?, self.get(y)?);
                match op.0 {
                    BinaryKind::Add => {
                        Some(Position { scale: x.scale + y.scale, offset: x.offset + y.offset })
                    }
                    BinaryKind::Sub => {
                        Some(Position { scale: x.scale - y.scale, offset: x.offset - y.offset })
                    }
                    _ => None,
                }
            }
            (Op::Convert(_), &[x]) => self.get(x),
            // Indices below zero count from the end; those of a loop are none.
            (Op::Select(_), &[Atom::Var(chosen), on_false, _]) => {
                let eqn = body.equations.iter().find(|eqn| eqn.results.first() == Some(&chosen))?;
                let (Op::Compare(compare), &[x, zero]) = (&eqn.op, eqn.operands.as_slice()) else {
                    return None;
                };
                let is_below = compare.0 == CompareKind::Lt && integer(zero.literal()?)? == 0;
                let is_never = is_below && self.ends(self.get(x)?).iter().all(|&end| end >= 0);
                is_never.then(|| self.get(on_false)).flatten()
            }
            _ => None,
        }
    }

    /// The first and the last value.
    fn ends(&self, position: Position) -> [i128; 2] {
        [position.offset, position.scale * (self.length - 1) + position.offset]
    }

    /// No type of 32 bits wraps it around.
    fn is_small(&self, position: Position) -> bool {
        self.ends(position).iter().all(|end| end.abs() < 1 << 30)
    }

    fn row(&self, scan: &Scan, eqn: &Equation) -> Option<Row> {
        let body = &scan.body;
        let array = eqn.operands.first()?.var()?;
        let input = body.inputs.iter().position(|&input| input == array)?;
        let (place, row, start) = match &eqn.op {
            Op::DynamicSlice(slice) if input < scan.consts => {
                (Place::Const(input), slice.sizes.clone(), eqn.operands.get(1)?)
            }
            Op::DynamicUpdateSlice(_) => {
                let part = input.checked_sub(scan.consts).filter(|&part| part < scan.carries)?;
                let is_last = body.outputs[part] == Atom::Var(eqn.results[0]);
                let is_unseen = [array, eqn.results[0]].iter().all(|var| self.uses[var.0 as usize] == 1);
                let row = body.atom_aval(eqn.operands[1]).shape.extents().to_vec();
                (is_last && is_unseen).then_some((Place::State(part), row, eqn.operands.get(2)?))?
            }
            _ => return None,
        };
        // Whole rows, of which there are as many as steps.
        let extents = body.aval(array).shape.extents();
        if row.first() != Some(&1) || row[1..] != extents[1..] || extents[0] != scan.length {
            return None;
        }
        let position = self.get(*start)?;
        let is = |scale, offset| position == Position { scale, offset };
        let (forwards, backwards) = (is(1, 0), is(-1, self.length - 1));
        (forwards || backwards).then_some(Row { place, reverse: backwards })
    }
}
