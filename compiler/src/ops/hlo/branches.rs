//! Branches and loops: operations with regions that run or not.

use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Region, Type, Value};
use crate::ir::{Atom, Builder, Equation, Program, inline::inline};
use crate::ops::Op;
use crate::ops::control::{Cond, Scan, While};
use crate::ops::elementwise::CompareKind;
use crate::ops::rules::Rule;
use crate::ops::rules::hlo::{Closed, Export, Import, Imported, StableHlo};
use crate::types::{Aval, DType, Literal};

/// Reads a branch or a loop.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    let result = match cx.op.name.as_str() {
        "stablehlo.while" => while_loop(cx, operands),
        "stablehlo.case" => case(cx, operands),
        "stablehlo.if" => condition(cx, operands),
        "stablehlo.map" => map(cx, operands),
        _ => return None,
    };
    Some(result)
}

fn while_loop(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let (condition, body) = (cx.region(0)?, cx.region(1)?);
    let op = While::new(
        condition.program.into(),
        condition.captures.len(),
        body.program.into(),
        body.captures.len(),
    );
    cx.emit(op, &[&condition.captures, &body.captures, operands].concat())
}

/// An index that names no branch runs the last one; that of a program is clamped.
fn case(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [index] = cx.operands(operands)?;
    let branches =
        (0..cx.op.regions.len()).map(|position| cx.region(position)).collect::<Result<Vec<_>, _>>()?;
    if cx.builder.aval(index) != Aval::scalar(DType::I32) {
        return Err(Diagnostic::error(format!(
            "expected an index of type i32[], found {}",
            cx.builder.aval(index)
        )));
    }
    let index = if is_non_negative(cx.builder, index) {
        index
    } else {
        let zero = Atom::Literal(Literal::from_i64(DType::I32, 0));
        let last = Atom::Literal(Literal::from_i64(DType::I32, branches.len() as i64 - 1));
        let is_negative = cx.builder.compare(CompareKind::Lt, index, zero);
        cx.builder.select(is_negative, last, index)
    };
    choose(cx, index, branches)
}

/// True takes the first region, false the second.
fn condition(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [predicate] = cx.operands(operands)?;
    let (on_true, on_false) = (cx.region(0)?, cx.region(1)?);
    if cx.builder.aval(predicate) != Aval::scalar(DType::Bool) {
        return Err(Diagnostic::error(format!("expected a predicate, found {}", cx.builder.aval(predicate))));
    }
    let index = cx.builder.convert(predicate, DType::I32);
    choose(cx, index, vec![on_false, on_true])
}

/// Is it a number that cannot be below zero: a literal, a converted bool, or clamped?
fn is_non_negative(b: &Builder, index: Atom) -> bool {
    let var = match index {
        Atom::Literal(literal) => return literal.value().int() >= 0,
        Atom::Var(var) => var,
    };
    let Some(eqn) = b.program().equations.iter().rev().find(|eqn| eqn.results.contains(&var)) else {
        return false;
    };
    match &eqn.op {
        Op::Convert(_) => matches!(b.dtype(eqn.operands[0]), DType::Bool | DType::U8 | DType::U16),
        Op::Clamp(_) => eqn.operands[0].literal().is_some_and(|low| low.value().int() >= 0),
        _ => false,
    }
}

/// Branches take what any of them uses from around it.
fn choose(cx: &mut Import, index: Atom, branches: Vec<Closed>) -> Result<Vec<Atom>, Diagnostic> {
    let mut captures: Vec<Atom> = Vec::new();
    for capture in branches.iter().flat_map(|branch| &branch.captures) {
        if !captures.contains(capture) {
            captures.push(*capture);
        }
    }
    let avals: Vec<Aval> = captures.iter().map(|&capture| cx.builder.aval(capture)).collect();
    let branches = branches.into_iter().map(|branch| {
        let mut b = Builder::new();
        let inputs: Vec<Atom> = avals.iter().map(|aval| b.input(aval.clone()).into()).collect();
        let of = |capture: &Atom| captures.iter().position(|other| other == capture).map(|at| inputs[at]);
        let arguments: Vec<Atom> = branch.captures.iter().filter_map(of).collect();
        let outputs = inline(&mut b, &branch.program, &arguments);
        b.finish(outputs)
    });
    let op = Cond::new(branches);
    cx.emit(op, &[&[index], captures.as_slice()].concat())
}

/// A function of scalars on the elements of arrays.
fn map(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let (body, shape) = (cx.body(0)?, cx.result(0)?.shape);
    let arrays: Vec<Aval> = operands.iter().map(|&operand| cx.builder.aval(operand)).collect();
    if arrays.iter().any(|aval| aval.shape != shape) || body.inputs.len() != operands.len() {
        return Err(Diagnostic::error(format!("expected {} arrays of shape {shape}", body.inputs.len())));
    }
    elementwise(cx, &body, operands)
}

/// A program on scalars, applied to the elements of arrays: elementwise operations mean the same on the arrays
/// themselves.
pub fn elementwise(cx: &mut Import, body: &Program, arrays: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let is_foreign = |eqn: &&Equation| !is_elementwise(&eqn.op) && !is_bitcast_of_one(body, eqn);
    if let Some(eqn) = body.equations.iter().find(is_foreign) {
        let name = eqn.op.name();
        return Err(Diagnostic::unsupported(format!("{name} within a function of elements")));
    }
    let mut scope = crate::ir::inline::Scope::new(body);
    body.inputs.iter().zip(arrays).for_each(|(&input, &array)| scope.bind(input, array));
    for eqn in &body.equations {
        let results = cx.emit(eqn.op.clone(), &scope.atoms(&eqn.operands))?;
        scope.bind_all(&eqn.results, &results);
    }
    let results = scope.atoms(&body.outputs);
    let shape = arrays.first().map(|&array| cx.builder.aval(array).shape).unwrap_or_default();
    Ok(results.into_iter().map(|result| cx.builder.broadcast_in_dim(result, shape.clone(), &[])).collect())
}

/// Does one element become one element, of as many bits?
fn is_bitcast_of_one(body: &Program, eqn: &Equation) -> bool {
    let from = &body.atom_avals(&eqn.operands)[0];
    matches!(&eqn.op, Op::Bitcast(to) if to.dtype.bits() == from.dtype.bits())
}

fn is_elementwise(op: &Op) -> bool {
    let is_real = matches!(op, Op::Unary(_) | Op::Binary(_) | Op::Compare(_) | Op::Select(_) | Op::Clamp(_));
    is_real || matches!(op, Op::Convert(_) | Op::ComplexPart(_) | Op::MakeComplex(_) | Op::Conj(_))
}

impl StableHlo for Cond {
    /// Branches use values from around them; the index is clamped, because a `case` takes the last branch for all others.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let index_aval = Aval::scalar(DType::I32);
        let zero = cx.number(DType::I32, 0.0);
        let last = cx.number(DType::I32, self.branches.len() as f64 - 1.0);
        let index = cx.plain("stablehlo.clamp", &[zero, operands[0], last], &index_aval);
        let regions = self
            .branches
            .iter()
            .map(|branch| cx.region(&[], |cx, _| cx.bodies.inline(cx.function, branch, &operands[1..])))
            .collect::<Rule<Vec<Region>>>()?;
        let results = cx.results.iter().map(Type::tensor).collect();
        Ok(cx.function.op("stablehlo.case", &[index], Attributes::default(), regions, results))
    }
}

/// A loop over `state`; the constants of condition and body are used from around it.
fn exported_loop(
    cx: &mut Export,
    state: &[Value],
    condition: impl FnOnce(&mut Export, &[Value]) -> Rule<Vec<Value>>,
    body: impl FnOnce(&mut Export, &[Value]) -> Rule<Vec<Value>>,
) -> Rule<Vec<Value>> {
    let avals: Vec<Aval> = state.iter().map(|&value| cx.aval(value)).collect();
    let regions = vec![cx.region(&avals, condition)?, cx.region(&avals, body)?];
    let results = avals.iter().map(Type::tensor).collect();
    Ok(cx.function.op("stablehlo.while", state, Attributes::default(), regions, results))
}

impl StableHlo for While {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        if self.condition().output_avals()[0].rank() > 0 {
            // Of a batch of loops, the one that runs longest.
            return cx.bodies.inline(cx.function, &self.with_one_condition(), operands);
        }
        let (of_condition, rest) = operands.split_at(self.condition_consts);
        let (of_body, state) = rest.split_at(self.body_consts);
        let run = |consts: &[Value], program: &Program, cx: &mut Export, state: &[Value]| {
            cx.bodies.inline(cx.function, program, &[consts, state].concat())
        };
        exported_loop(
            cx,
            state,
            |cx, state| run(of_condition, self.condition(), cx, state),
            |cx, state| run(of_body, self.body(), cx, state),
        )
    }
}

impl StableHlo for Scan {
    /// A loop that counts; rows are read from the xs and written into the ys at the position of the counter.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let (consts, rest) = operands.split_at(self.consts);
        let (state, xs) = rest.split_at(self.carries);
        let ys: Vec<Aval> = cx.results[self.carries..].to_vec();
        if self.length == 0 {
            // There is no row to read, not even in code that does not run.
            let ys = ys.iter().map(|aval| cx.zeros(aval));
            return Ok(state.iter().copied().chain(ys.collect::<Vec<_>>()).collect());
        }
        let counter = Aval::scalar(DType::I32);
        let mut start = vec![cx.number(DType::I32, 0.0)];
        start.extend(state);
        for aval in &ys {
            start.push(cx.zeros(aval));
        }
        let condition = |cx: &mut Export, state: &[Value]| {
            let bound = cx.number(DType::I32, self.length as f64);
            let direction = Attribute::stablehlo("comparison_direction", "LT");
            let attributes = Attributes::default().with("comparison_direction", direction);
            Ok(cx.op("stablehlo.compare", &[state[0], bound], attributes, &[Aval::scalar(DType::Bool)]))
        };
        let body = |cx: &mut Export, all: &[Value]| {
            let (state, ys) = all[1..].split_at(self.carries);
            let position = if self.reverse {
                let last = cx.number(DType::I32, self.length as f64 - 1.0);
                cx.plain("stablehlo.subtract", &[last, all[0]], &counter)
            } else {
                all[0]
            };
            let rows: Vec<Value> = xs.iter().map(|&x| row_at(cx, x, position)).collect();
            let outputs = cx.bodies.inline(cx.function, &self.body, &[consts, state, &rows].concat())?;
            let (new_state, new_rows) = outputs.split_at(self.carries);
            let one = cx.number(DType::I32, 1.0);
            let mut next = vec![cx.plain("stablehlo.add", &[all[0], one], &counter)];
            next.extend(new_state);
            for (&y, &row) in ys.iter().zip(new_rows) {
                next.push(with_row_at(cx, y, row, position));
            }
            Ok(next)
        };
        let mut results = exported_loop(cx, &start, condition, body)?;
        results.remove(0);
        Ok(results)
    }
}

/// The starts of a row of an array of this rank.
fn starts(cx: &mut Export, rank: usize, position: Value) -> Vec<Value> {
    let zero = cx.number(DType::I32, 0.0);
    std::iter::once(position).chain(std::iter::repeat_n(zero, rank - 1)).collect()
}

fn row_at(cx: &mut Export, array: Value, position: Value) -> Value {
    let aval = cx.aval(array);
    let mut sizes = aval.shape.extents().to_vec();
    sizes[0] = 1;
    let operands = [vec![array], starts(cx, aval.rank(), position)].concat();
    let attributes = Attributes::default().with("slice_sizes", Attribute::numbers(sizes.iter().copied()));
    let row = cx.op("stablehlo.dynamic_slice", &operands, attributes, &[aval.with_shape(sizes)])[0];
    cx.reshaped(row, &aval.shape.without(&[0]))
}

fn with_row_at(cx: &mut Export, array: Value, row: Value, position: Value) -> Value {
    let aval = cx.aval(array);
    let row = cx.reshaped(row, &aval.shape.without(&[0]).inserted(0, 1));
    let operands = [vec![array, row], starts(cx, aval.rank(), position)].concat();
    cx.plain("stablehlo.dynamic_update_slice", &operands, &aval)
}
