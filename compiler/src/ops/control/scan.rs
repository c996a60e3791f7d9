//! `scan`: a body repeated a fixed number of times, over the rows of arrays.

use super::cond::transposed_body;
use super::while_loop::{closure, closure_with, expect_same_state};
use super::*;
use crate::ir::inline::inline;
use crate::ir::{Params, Value, Var};
use crate::types::{DType, Tensor};

/// `(state.., row of each y) = body(consts.., state.., row of each x)`, for every row of the xs in order, or from the
/// last to the first.
///
/// Operands: consts, the first state, the xs stacked along a leading axis of extent `length`. Results: the last state,
/// the ys stacked in the order of the xs, whichever came first.
///
/// Source: JAX lax.scan.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Scan {
    pub body: Body,
    pub length: usize,
    pub consts: usize,
    pub carries: usize,
    pub reverse: bool,
    /// The other parameters of the text: `unroll`, `linear`.
    pub rest: Params,
}

impl Scan {
    /// Consts, state and xs (or ys, without consts) of these.
    fn parts<'t, T>(&self, items: &'t [T]) -> (&'t [T], &'t [T], &'t [T]) {
        let (consts, rest) = items.split_at(self.consts);
        let (state, xs) = rest.split_at(self.carries);
        (consts, state, xs)
    }

    /// The same kind of loop around another body.
    fn around(&self, body: Program, consts: usize, carries: usize) -> Scan {
        Scan { body: body.into(), consts, carries, rest: Params::new(), ..self.clone() }
    }

    fn stacked(&self, row: &Aval) -> Aval {
        row.with_shape(row.shape.inserted(0, self.length))
    }
}

impl Primitive for Scan {
    fn name(&self) -> &str {
        "scan"
    }

    fn params(&self) -> Params {
        let mut params = self
            .rest
            .clone()
            .with("jaxpr", self.body.clone())
            .with("length", self.length)
            .with("num_carry", self.carries)
            .with("num_consts", self.consts)
            .with("reverse", self.reverse);
        params.0.sort_by(|(x, _), (y, _)| x.cmp(y));
        params
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        if operands.len() < self.consts + self.carries {
            let (count, found) = (self.consts + self.carries, operands.len());
            return Err(TypeError(format!(
                "expected at least {count} operands, constants and state, found {found}"
            )));
        }
        let (consts, state, xs) = self.parts(operands);
        if let Some(wrong) = xs.iter().find(|aval| aval.shape.extents().first() != Some(&self.length)) {
            let length = self.length;
            return Err(TypeError(format!(
                "expected arrays of {length} rows, as length says, found {wrong}"
            )));
        }
        let rows: Vec<Aval> = xs.iter().map(|aval| aval.with_shape(aval.shape.without(&[0]))).collect();
        let in_body = |TypeError(why)| TypeError(format!("body: {why}"));
        expect_inputs(&self.body, &[consts, state, &rows].concat()).map_err(in_body)?;
        let outputs = self.body.output_avals();
        let (new_state, ys) = outputs.split_at(self.carries.min(outputs.len()));
        expect_same_state(state, new_state)?;
        Ok(new_state.iter().cloned().chain(ys.iter().map(|row| self.stacked(row))).collect())
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (consts, state, xs) = self.parts(operands);
        let mut state = state.to_vec();
        let ys = &self.body.output_avals()[self.carries..];
        let mut rows: Vec<Vec<Tensor>> = vec![Vec::new(); ys.len()];
        for step in 0..self.length {
            let at = if self.reverse { self.length - 1 - step } else { step };
            let row = |x: &Tensor| {
                let aval = x.aval().with_shape(x.shape().without(&[0]));
                Tensor::from_fn(aval, |index| x.get(&[&[at], index].concat()))
            };
            let x: Vec<Tensor> = xs.iter().map(row).collect();
            let mut outputs = (cx.eval_body)(cx, &self.body, &[consts, &state, &x].concat())?;
            let y = outputs.split_off(self.carries);
            rows.iter_mut().zip(y).for_each(|(rows, y)| rows.push(y));
            state = outputs;
        }
        let stack = |(mut rows, row): (Vec<Tensor>, &Aval)| {
            if self.reverse {
                rows.reverse();
            }
            Tensor::from_fn(self.stacked(row), |index| rows[index[0]].get(&index[1..]))
        };
        state.extend(rows.into_iter().zip(ys).map(stack));
        Ok(state)
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let (of_consts, of_state, of_xs) = self.parts(tangents);
        let (consts, xs) = (nonzero(of_consts), nonzero(of_xs));
        let no_ys = vec![false; self.body.outputs.len() - self.carries];
        let joint = |state: &[bool]| {
            let selected = [consts.as_slice(), state, &xs].concat();
            cx.bodies.jvp_of(&self.body, &selected)
        };
        let (state, joint) = closure_with(nonzero(of_state), |state| {
            let joint = joint(state)?;
            Ok((joint.nonzero[..self.carries].to_vec(), joint))
        })?;
        let JvpProgram { program, nonzero: has_tangent } =
            joint.with_tangents(&[state.as_slice(), &no_ys].concat());
        // Consts, state, xs; each followed by its tangents. The outputs alike.
        let counts = [&consts, &state, &xs].map(|flags| positions(flags, true).len());
        let starts = [0, self.consts, self.consts + self.carries, self.body.inputs.len()];
        let tangent_start = |part: usize| starts[3] + counts[..part].iter().sum::<usize>();
        let part = |part: usize| {
            (starts[part]..starts[part + 1]).chain(tangent_start(part)..tangent_start(part) + counts[part])
        };
        let body = with_inputs_ordered(program, part(0).chain(part(1)).chain(part(2)));
        let outputs = self.body.outputs.len();
        let order: Vec<usize> = (0..self.carries)
            .chain(outputs..outputs + counts[1])
            .chain(self.carries..outputs)
            .chain(outputs + counts[1]..body.outputs.len())
            .collect();
        let body = with_outputs(body, &order);
        let (for_consts, first, for_xs) = self.parts(primals);
        let wanted = |(tangent, wanted): (&Tangent, &bool)| wanted.then(|| instantiated(cx.builder, tangent));
        let first_tangents: Vec<Atom> = of_state.iter().zip(&state).filter_map(wanted).collect();
        let operands =
            [for_consts, &values(of_consts), first, &first_tangents, for_xs, &values(of_xs)].concat();
        let joint = self.around(body, self.consts + counts[0], self.carries + counts[1]);
        let results = cx.builder.emit(joint, &operands);
        let (of_state, ys) = results.split_at(self.carries + counts[1]);
        let (last, last_tangents) = of_state.split_at(self.carries);
        let (ys, y_tangents) = ys.split_at(no_ys.len());
        let (primals, found) = ([last, ys].concat(), [last_tangents, y_tangents].concat());
        let tangents = tangents_of(cx.builder, &primals, &has_tangent, &found);
        Ok(Duals { primals, tangents })
    }

    /// Runs the other way round. The cotangents of the state are its state; those of linear consts are summed up.
    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let (of_consts, of_state, of_xs) = self.parts(operands);
        let is_linear = |operands: &[Operand]| operands.iter().map(Operand::is_linear).collect::<Vec<bool>>();
        let (consts, xs) = (is_linear(of_consts), is_linear(of_xs));
        // A known first state is the zero tangent that a loop starts with.
        let state = vec![true; self.carries];
        if !self.body.output_avals()[..self.carries].iter().all(|aval| aval.dtype.is_inexact()) {
            return Err(NoRule::ByDesign("not linear in its state"));
        }
        let linear = [consts.as_slice(), &state, &xs].concat();
        let (of_last, of_ys) = cotangents.split_at(self.carries);
        let last: Vec<Atom> = of_last.iter().map(|ct| instantiated(cx.builder, ct)).collect();
        let body_cts: Vec<Tangent> =
            last.iter().map(|&ct| Tangent::Value(ct)).chain(of_ys.iter().cloned()).collect();
        let transposed = transposed_body(cx.bodies, &self.body, &linear, &body_cts)?;
        let linear_consts = positions(&consts, true);
        let found = transposed.found.clone();
        let (sums, rest) = found.split_at(linear_consts.len());
        let x_cts = &rest[self.carries..];
        let wanted = [sums, &vec![true; self.carries], x_cts].concat();
        let avals = pick(&self.body.input_avals(), &linear, true);
        let transposed = transposed.with_cotangents(&wanted, &avals).program;
        let summed: Vec<Aval> =
            pick(&pick(&self.body.input_avals()[..self.consts], &consts, true), sums, true);
        let known_consts = positions(&consts, false).len();
        let known_xs = positions(&xs, false).len();
        let body = self.backward_body(&transposed, &summed, known_consts, known_xs);

        let known = |operands: &[Operand]| operands.iter().filter_map(Operand::known).collect::<Vec<Atom>>();
        let starts: Vec<Atom> = summed.iter().map(|aval| cx.builder.zeros(aval)).collect();
        let arguments = [known(of_consts), starts, last, known(of_xs), values(of_ys)].concat();
        let scan =
            Scan { reverse: !self.reverse, ..self.around(body, known_consts, summed.len() + self.carries) };
        let mut results = cx.builder.emit(scan, &arguments).into_iter();
        let mut all = zero_cotangents(cx, operands);
        let mut set = |operand: usize, is_there: bool| {
            if is_there {
                all[operand] = Tangent::Value(results.next().expect("one result per cotangent"));
            }
        };
        linear_consts.iter().zip(sums).for_each(|(&operand, &is_there)| set(operand, is_there));
        (0..self.carries).for_each(|part| set(self.consts + part, true));
        let first_x = self.consts + self.carries;
        positions(&xs, true).iter().zip(x_cts).for_each(|(&x, &is_there)| set(first_x + x, is_there));
        // The first state may be known.
        for (part, operand) in of_state.iter().enumerate().filter(|(_, operand)| !operand.is_linear()) {
            all[self.consts + part] = Tangent::Zero(tangent_aval(&operand_aval(cx, operand)));
        }
        Ok(all)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let (of_consts, of_state, of_xs) = self.parts(dims);
        let (consts, xs) = (mapped(of_consts), mapped(of_xs));
        let no_ys = vec![false; self.body.outputs.len() - self.carries];
        let batched = |state: &[bool]| {
            let dims = leading(&[consts.as_slice(), state, &xs].concat());
            cx.bodies.batch_of(&self.body, &dims, cx.extent)
        };
        let (state, batched) = closure_with(mapped(of_state), |state| {
            let batched = batched(state)?;
            Ok((batched.mapped[..self.carries].to_vec(), batched))
        })?;
        let BatchedProgram { program, mapped: outputs, .. } =
            batched.with_axes(&[state.as_slice(), &no_ys].concat());
        let (consts, first, for_xs) = self.parts(operands);
        let consts = batch_axis_at(cx, consts, of_consts, 0);
        // Rows come first, lanes second.
        let for_xs = batch_axis_at(cx, for_xs, of_xs, 1);
        let mut first = batch_axis_at(cx, first, of_state, 0);
        for (part, wanted) in state.iter().enumerate() {
            if *wanted && of_state[part] == BatchDim::NotMapped {
                first[part] = cx.builder.repeated(first[part], cx.extent);
            }
        }
        let scan = self.around(program, self.consts, self.carries);
        let values = cx.builder.emit(scan, &[consts, first, for_xs].concat());
        let axis = |(position, mapped): (usize, &bool)| match mapped {
            true => BatchDim::Axis(usize::from(position >= self.carries)),
            false => BatchDim::NotMapped,
        };
        Ok(Batched { values, dims: outputs.iter().enumerate().map(axis).collect() })
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Ok(Lowering::Control(Control::Scan {
            body: self.body.program().clone(),
            consts: self.consts,
            carries: self.carries,
            length: self.length,
            reverse: self.reverse,
        }))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Nested(self)
    }
}

impl Scan {
    /// Inputs: known consts, the sums so far, cotangents of the state, known xs, cotangents of the ys. Outputs: the
    /// new sums, cotangents of the earlier state, cotangents of the xs.
    ///
    /// `transposed` has the inputs known consts, known xs, cotangents, and the outputs of [`transposed_body`].
    fn backward_body(
        &self,
        transposed: &Program,
        summed: &[Aval],
        known_consts: usize,
        known_xs: usize,
    ) -> Program {
        let avals = transposed.input_avals();
        let (consts, rest) = avals.split_at(known_consts);
        let (xs, rest) = rest.split_at(known_xs);
        let (state_cts, y_cts) = rest.split_at(self.carries);
        let mut b = Builder::new();
        let mut inputs =
            |avals: &[Aval]| avals.iter().map(|aval| b.input(aval.clone()).into()).collect::<Vec<Atom>>();
        let (consts, sums, state_cts) = (inputs(consts), inputs(summed), inputs(state_cts));
        let (xs, y_cts) = (inputs(xs), inputs(y_cts));
        let mut outputs = inline(&mut b, transposed, &[consts, xs, state_cts, y_cts].concat());
        for (output, sum) in outputs.iter_mut().zip(sums) {
            *output = b.binary(crate::ops::elementwise::BinaryKind::AddAny, sum, *output);
        }
        b.finish(outputs)
    }
}

/// Where a residual of the body comes from.
#[derive(Clone, Copy, PartialEq)]
enum Residual {
    /// It is the same in every step.
    Invariant,
    /// It is the row of a known x, by its position among them.
    Row(usize),
    /// Every step makes its own.
    Stacked,
}

impl Nested for Scan {
    fn bodies(&self) -> &[Body] {
        std::slice::from_ref(&self.body)
    }

    fn map_bodies(&self, map: &mut BodyMap) -> Result<Op, Diagnostic> {
        Ok(Scan { body: map(&self.body)?.into(), ..self.clone() }.into())
    }

    /// Residuals are stacked, unless every step has the same.
    fn split(&self, cx: &Bodies, operands: &[Aval], unknown: &[bool]) -> Rule<Split> {
        let (consts, of_state, xs) = self.parts(unknown);
        let no_ys = vec![false; self.body.outputs.len() - self.carries];
        let part = |state: &[bool]| {
            let unknown = [consts, state, xs].concat();
            cx.split_of(&self.body, &unknown)
        };
        let (state, body) = closure_with(of_state.to_vec(), |state| {
            let body = part(state)?;
            Ok((body.unknown_outputs[..self.carries].to_vec(), body))
        })?;
        let body = body.with_unknown(&[state.as_slice(), &no_ys].concat());
        let flags = [consts, &state, xs].concat();
        let residuals = self.residuals(&body, &flags);
        let of_known = self.known_part(&body, &residuals, operands, unknown, &flags);
        let of_unknown = self.unknown_part(&body, &residuals, operands, unknown, &flags);
        let count = residuals.len() + positions(&flags, true).len() - positions(unknown, true).len();
        Ok(Split {
            known: of_known,
            unknown: of_unknown,
            unknown_outputs: body.unknown_outputs,
            residuals: count,
        })
    }

    fn without_results(&self, live: &[bool]) -> Option<Trimmed> {
        let (live_state, live_ys) = live.split_at(self.carries);
        let kept_outputs = |state: &[bool]| positions(&[state, live_ys].concat(), true);
        let used = |state: &[bool]| {
            let body = with_outputs(self.body.program().clone(), &kept_outputs(state));
            trim::used_inputs(&body)
        };
        let state = closure(live_state.to_vec(), |state| {
            Ok(used(state)[self.consts..self.consts + self.carries].to_vec())
        })
        .expect("the step does not fail");
        let used = used(&state);
        let inputs: Vec<usize> = (0..used.len())
            .filter(|&at| match at.checked_sub(self.consts) {
                Some(part) if part < self.carries => state[part],
                _ => used[at],
            })
            .collect();
        let results = kept_outputs(&state);
        if inputs.len() == used.len() && results.len() == live.len() {
            return None;
        }
        let consts = inputs.iter().filter(|&&at| at < self.consts).count();
        let body = with_outputs(self.body.program().clone(), &results);
        let body = with_inputs_ordered(body, inputs.iter().copied());
        let scan = Scan { body: body.into(), consts, carries: positions(&state, true).len(), ..self.clone() };
        Some(Trimmed { op: scan.into(), operands: inputs, results })
    }
}

impl Scan {
    /// What the residuals of the body's known part are. `flags` are the unknown ones among the body's inputs.
    fn residuals(&self, body: &Split, flags: &[bool]) -> Vec<Residual> {
        let known_consts = positions(&flags[..self.consts], false).len();
        let known_xs = positions(&flags[self.consts + self.carries..], false).len();
        let inputs = &body.known.inputs;
        let rows = &inputs[inputs.len() - known_xs..];
        let is_invariant = invariant(&body.known, &inputs[..known_consts]);
        let kind = |atom: &Atom| match atom.var() {
            None => Residual::Invariant,
            Some(var) if is_invariant[var.0 as usize] => Residual::Invariant,
            Some(var) => rows.iter().position(|row| *row == var).map_or(Residual::Stacked, Residual::Row),
        };
        let first = body.known.outputs.len() - body.residuals;
        body.known.outputs[first..].iter().map(kind).collect()
    }

    /// From the known operands to the known results, then: known first states of unknown parts of the state, invariant
    /// residuals, rows, stacked residuals.
    fn known_part(
        &self,
        body: &Split,
        residuals: &[Residual],
        operands: &[Aval],
        unknown: &[bool],
        flags: &[bool],
    ) -> Program {
        let mut b = Builder::new();
        let mut atoms: Vec<Option<Atom>> = vec![None; operands.len()];
        for operand in positions(unknown, false) {
            atoms[operand] = Some(b.input(operands[operand].clone()).into());
        }
        let known_operands = |b: &[Option<Atom>]| -> Vec<Atom> {
            b.iter().zip(flags).filter(|(_, unknown)| !**unknown).filter_map(|(atom, _)| *atom).collect()
        };
        let arguments = known_operands(&atoms);
        let known_consts = positions(&flags[..self.consts], false).len();
        let known_state = positions(&flags[self.consts..self.consts + self.carries], false).len();
        let known_outputs = body.known.outputs.len() - body.residuals;
        let stacked = (0..residuals.len()).filter(|&at| residuals[at] == Residual::Stacked);
        let kept: Vec<usize> = (0..known_outputs).chain(stacked.map(|at| known_outputs + at)).collect();
        let loop_body = with_outputs(body.known.clone(), &kept);
        let results = b.emit(self.around(loop_body, known_consts, known_state), &arguments);
        let (mut outputs, stacked) = (results[..known_outputs].to_vec(), &results[known_outputs..]);
        // Parts of the state that start known, but do not stay so.
        outputs
            .extend((0..operands.len()).filter(|&at| flags[at] && !unknown[at]).filter_map(|at| atoms[at]));
        let invariant_at: Vec<usize> = (0..residuals.len())
            .filter(|&at| residuals[at] == Residual::Invariant)
            .map(|at| known_outputs + at)
            .collect();
        let invariants = with_outputs(body.known.clone(), &invariant_at);
        let invariants = with_inputs_ordered(invariants, 0..known_consts);
        outputs.extend(inline(&mut b, &invariants, &arguments[..known_consts]));
        let rows = &arguments[known_consts + known_state..];
        outputs.extend(residuals.iter().filter_map(|residual| match residual {
            Residual::Row(x) => Some(rows[*x]),
            Residual::Invariant | Residual::Stacked => None,
        }));
        outputs.extend(stacked);
        b.finish(outputs)
    }

    /// From the residuals in the order of [`Scan::known_part`], then the unknown operands, to the unknown results.
    fn unknown_part(
        &self,
        body: &Split,
        residuals: &[Residual],
        operands: &[Aval],
        unknown: &[bool],
        flags: &[bool],
    ) -> Program {
        let avals = body.unknown.input_avals();
        let is_row = |at: &usize| matches!(residuals[*at], Residual::Row(_));
        let all = 0..residuals.len();
        let invariants: Vec<usize> = all.clone().filter(|&at| residuals[at] == Residual::Invariant).collect();
        let rows: Vec<usize> = all.clone().filter(is_row).collect();
        let stacked: Vec<usize> = all.filter(|&at| residuals[at] == Residual::Stacked).collect();
        let rows: Vec<usize> = rows.into_iter().chain(stacked).collect();

        let mut b = Builder::new();
        let mut atoms: Vec<Option<Atom>> = vec![None; operands.len()];
        for operand in (0..operands.len()).filter(|&at| flags[at] && !unknown[at]) {
            atoms[operand] = Some(b.input(operands[operand].clone()).into());
        }
        let invariant_atoms: Vec<Atom> =
            invariants.iter().map(|&at| b.input(avals[at].clone()).into()).collect();
        let row_atoms: Vec<Atom> = rows.iter().map(|&at| b.input(self.stacked(&avals[at])).into()).collect();
        for operand in positions(unknown, true) {
            atoms[operand] = Some(b.input(operands[operand].clone()).into());
        }
        let of = |range: std::ops::Range<usize>| -> Vec<Atom> {
            range.filter(|&at| flags[at]).filter_map(|at| atoms[at]).collect()
        };
        let (state_end, count) = (self.consts + self.carries, operands.len());
        let (consts, state, xs) = (of(0..self.consts), of(self.consts..state_end), of(state_end..count));
        let first = residuals.len();
        let own = |start: usize, count: usize| first + start..first + start + count;
        let order = invariants
            .iter()
            .copied()
            .chain(own(0, consts.len()))
            .chain(own(consts.len(), state.len()))
            .chain(rows)
            .chain(own(consts.len() + state.len(), xs.len()));
        let loop_body = with_inputs_ordered(body.unknown.clone(), order);
        let scan = self.around(loop_body, invariants.len() + consts.len(), state.len());
        let outputs = b.emit(scan, &[invariant_atoms, consts, state, row_atoms, xs].concat());
        b.finish(outputs)
    }
}

/// Which variables depend on nothing but these inputs.
fn invariant(program: &Program, inputs: &[Var]) -> Vec<bool> {
    let mut invariant = vec![false; program.vars.len()];
    inputs.iter().for_each(|input| invariant[input.0 as usize] = true);
    for eqn in &program.equations {
        let is_invariant = |atom: &Atom| atom.var().is_none_or(|var| invariant[var.0 as usize]);
        if eqn.operands.iter().all(is_invariant) {
            eqn.results.iter().for_each(|result| invariant[result.0 as usize] = true);
        }
    }
    invariant
}

impl Family for Scan {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        const KEYS: [&str; 7] = ["jaxpr", "length", "num_carry", "num_consts", "reverse", "ft_in", "ft_out"];
        (name == "scan").then(|| {
            let body = params.body("jaxpr")?.clone();
            let (length, reverse) = (params.size("length")?, params.bool("reverse")?);
            let (consts, carries) = match params.get("ft_in") {
                Some(_) => counts_of_trees(params, &body)?,
                None => (params.size("num_consts")?, params.size("num_carry")?),
            };
            if consts + carries > body.inputs.len() || carries > body.outputs.len() {
                let (inputs, outputs) = (body.inputs.len(), body.outputs.len());
                return Err(TypeError(format!(
                    "a body with {inputs} inputs and {outputs} outputs has no room for {consts} constants and {carries} carried values"
                )));
            }
            let mut rest = params.clone();
            rest.0.retain(|(key, _)| !KEYS.contains(&key.as_str()));
            Ok(Scan { body, length, consts, carries, reverse, rest })
        })
    }

    /// `c, s, i, x -> (s * c + x, i + 1), (s * x, i)`.
    fn samples() -> Vec<Sample> {
        let mut b = Builder::new();
        let c = b.input(Aval::new(DType::F32, [2])).into();
        let s = b.input(Aval::new(DType::F32, [2])).into();
        let i = b.input(Aval::scalar(DType::I32)).into();
        let x = b.input(Aval::new(DType::F32, [2])).into();
        let product = b.mul(s, c);
        let next = b.add(product, x);
        let one = b.constant_like(i, 1.0);
        let (count, y) = (b.add(i, one), b.mul(s, x));
        let body: Body = b.finish(vec![next, count, y, i]).into();
        let sample = |length: usize, reverse: bool| {
            let rest = Params::new().with("unroll", Value::Int(1));
            let scan = Scan { body: body.clone(), length, consts: 1, carries: 2, reverse, rest };
            let pair = |a: f64, b: f64| Tensor::from_f64s(DType::F32, [2], &[a, b]);
            let rows: Vec<f64> = (0..2 * length).map(|at| at as f64 * 0.25 - 0.5).collect();
            let xs = Tensor::from_f64s(DType::F32, [length, 2], &rows);
            let count = Tensor::from_f64s(DType::I32, [], &[3.0]);
            Sample::new(scan, vec![pair(0.5, -1.5), pair(1.0, 2.0), count, xs])
        };
        vec![sample(3, false), sample(3, true), sample(1, false), sample(0, false)]
    }
}

/// How many constants and carried values the trees of JAX since 0.11 say. See [`flat_tree`].
///
/// Errors: TypeError if they are no such trees, or do not fit the body.
fn counts_of_trees(params: &Params, body: &Program) -> Result<(usize, usize), TypeError> {
    let branches = |key: &str, count: usize, total: usize| {
        let text = params.require(key)?.to_string();
        match flat_tree::branches(&text) {
            Some(found) if found.len() == count && found.iter().sum::<usize>() == total => Ok(found),
            _ => Err(TypeError(format!(
                "parameter {key}: expected {count} trees with {total} leaves, as the body has"
            ))),
        }
    };
    let operands = branches("ft_in", 3, body.inputs.len())?;
    let results = branches("ft_out", 2, body.outputs.len())?;
    if operands[1] != results[0] {
        let (carried, returned) = (operands[1], results[0]);
        return Err(TypeError(format!("ft_in carries {carried} values, but ft_out {returned}")));
    }
    Ok((operands[0], operands[1]))
}
