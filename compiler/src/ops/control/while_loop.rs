//! `while`: a body repeated as long as a condition holds.

use super::choice::select_lanes;
use super::*;
use crate::ir::Params;
use crate::ir::inline::inline;
use crate::ops::elementwise::CompareKind;
use crate::ops::reduction::{Reduce, ReduceKind};
use crate::types::{DType, Scalar, Tensor};

/// While `condition(condition consts.., state..)` holds, the state becomes `body(body consts.., state..)`.
///
/// Operands: condition consts, body consts, the first state; results: the last state. The condition may have the shape
/// of a batch: then every lane runs until its own condition fails, and its state stays as it is from then on. The axes
/// of the condition are the first ones of every part of the state.
///
/// Source: JAX lax.while_loop.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct While {
    pub condition_consts: usize,
    pub body_consts: usize,
    // The condition, then the body.
    programs: [Body; 2],
}

const REVERSE: NoRule = NoRule::ByDesign(
    "reverse mode needs the number of iterations before the loop runs: count with a literal bound \
     (lax.fori_loop), or use lax.scan",
);

impl While {
    pub fn new(condition: Body, condition_consts: usize, body: Body, body_consts: usize) -> Self {
        While { condition_consts, body_consts, programs: [condition, body] }
    }

    pub fn condition(&self) -> &Program {
        &self.programs[0]
    }

    pub fn body(&self) -> &Program {
        &self.programs[1]
    }

    /// Condition consts, body consts and state of these.
    fn parts<'t, T>(&self, items: &'t [T]) -> (&'t [T], &'t [T], &'t [T]) {
        let (condition, rest) = items.split_at(self.condition_consts);
        let (body, state) = rest.split_at(self.body_consts);
        (condition, body, state)
    }

    fn state_count(&self) -> usize {
        self.body().outputs.len()
    }

    /// The axes of the condition: 0 if it is one bool.
    fn lanes(&self) -> usize {
        self.condition().output_avals()[0].rank()
    }

    /// The same loop with one bool as its condition.
    pub fn with_one_condition(&self) -> Program {
        let (condition_consts, body_consts, state) =
            (self.condition_consts, self.body_consts, self.state_count());
        let avals = [
            &self.condition().input_avals()[..condition_consts],
            &self.body().input_avals()[..body_consts],
            &self.body().output_avals(),
        ]
        .concat();
        let mut b = Builder::new();
        let inputs: Vec<Atom> = avals[..condition_consts]
            .iter()
            .chain(&avals[condition_consts + body_consts..])
            .map(|aval| b.input(aval.clone()).into())
            .collect();
        let lanes = inline(&mut b, self.condition(), &inputs)[0];
        let axes = (0..self.lanes()).collect();
        let any = b.emit_one(Reduce { kind: ReduceKind::Or, axes }, &[lanes]);
        let condition = b.finish(vec![any]);

        let mut b = Builder::new();
        let inputs: Vec<Atom> = avals.iter().map(|aval| b.input(aval.clone()).into()).collect();
        let (of_condition, of_body, old) = self.parts(&inputs);
        let runs = inline(&mut b, self.condition(), &[of_condition, old].concat())[0];
        let new = inline(&mut b, self.body(), &[of_body, old].concat());
        let outputs =
            new.into_iter().zip(old).map(|(new, &old)| select_lanes(&mut b, runs, new, old)).collect();
        let body = b.finish(outputs);

        let mut b = Builder::new();
        let inputs: Vec<Atom> = avals.iter().map(|aval| b.input(aval.clone()).into()).collect();
        let of_condition = &inputs[..condition_consts];
        let one = While::new(condition.into(), condition_consts, body.into(), condition_consts + body_consts);
        let results = b.emit(one, &[of_condition, inputs.as_slice()].concat());
        debug_assert_eq!(results.len(), state);
        b.finish(results)
    }
}

/// The least set that contains `start` and that `step` does not enlarge.
pub(super) fn closure(start: Vec<bool>, step: impl Fn(&[bool]) -> Rule<Vec<bool>>) -> Rule<Vec<bool>> {
    Ok(closure_with(start, |set| Ok((step(set)?, ())))?.0)
}

/// [`closure`], with what `step` made of that set: bodies are transformed once more only if the set has grown, so that
/// the work stays small where loops are nested.
pub(super) fn closure_with<T>(
    start: Vec<bool>,
    step: impl Fn(&[bool]) -> Rule<(Vec<bool>, T)>,
) -> Rule<(Vec<bool>, T)> {
    let mut set = start;
    loop {
        let (more, made) = step(&set)?;
        let next = either(&set, &more);
        if next == set {
            return Ok((set, made));
        }
        set = next;
    }
}

impl Primitive for While {
    fn name(&self) -> &str {
        "while"
    }

    fn params(&self) -> Params {
        Params::new()
            .with("body_jaxpr", self.programs[1].clone())
            .with("body_nconsts", self.body_consts)
            .with("cond_jaxpr", self.programs[0].clone())
            .with("cond_nconsts", self.condition_consts)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        if operands.len() < self.condition_consts + self.body_consts {
            let (count, found) = (self.condition_consts + self.body_consts, operands.len());
            return Err(TypeError(format!(
                "expected at least {count} operands for the constants, found {found}"
            )));
        }
        let (of_condition, of_body, state) = self.parts(operands);
        let in_condition = |TypeError(why)| TypeError(format!("condition: {why}"));
        let in_body = |TypeError(why)| TypeError(format!("body: {why}"));
        expect_inputs(self.condition(), &[of_condition, state].concat()).map_err(in_condition)?;
        expect_inputs(self.body(), &[of_body, state].concat()).map_err(in_body)?;
        let condition = self.condition().output_avals();
        let [Aval { dtype: DType::Bool, shape: lanes }] = condition.as_slice() else {
            let found: Vec<String> = condition.iter().map(Aval::to_string).collect();
            return Err(TypeError(format!(
                "expected a condition of type bool[], found ({})",
                found.join(", ")
            )));
        };
        let results = self.body().output_avals();
        expect_same_state(state, &results)?;
        match state.iter().find(|aval| !aval.shape.extents().starts_with(lanes.extents())) {
            Some(aval) => {
                Err(TypeError(format!("the condition bool{lanes} has lanes that the state {aval} lacks")))
            }
            None => Ok(results),
        }
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (of_condition, of_body, state) = self.parts(operands);
        let mut state = state.to_vec();
        loop {
            let lanes = (cx.eval_body)(cx, self.condition(), &[of_condition, &state].concat())?.remove(0);
            if !lanes.scalars().any(Scalar::bool) {
                return Ok(state);
            }
            let new = (cx.eval_body)(cx, self.body(), &[of_body, &state].concat())?;
            let frozen = |(new, old): (&Tensor, &Tensor)| {
                Tensor::from_fn(new.aval().clone(), |index| {
                    let runs = lanes.get(&index[..lanes.shape().rank()]).bool();
                    if runs { new.get(index) } else { old.get(index) }
                })
            };
            state = new.iter().zip(&state).map(frozen).collect();
        }
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let (_, of_body, of_state) = self.parts(tangents);
        let consts = nonzero(of_body);
        let (state, joint) = closure_with(nonzero(of_state), |state| {
            let joint = cx.bodies.jvp_of(&self.programs[1], &[consts.as_slice(), state].concat())?;
            Ok((joint.nonzero.clone(), joint))
        })?;
        let program = joint.with_tangents(&state).program;
        let (const_tangents, state_tangents) =
            (positions(&consts, true).len(), positions(&state, true).len());
        let (consts_end, state_end) = (self.body_consts, self.body_consts + self.state_count());
        // Consts, then state, each followed by its tangents.
        let order = (0..consts_end)
            .chain(state_end..state_end + const_tangents)
            .chain(consts_end..state_end)
            .chain(state_end + const_tangents..state_end + const_tangents + state_tangents);
        let body = with_inputs_ordered(program, order);
        let mut condition = self.condition().clone();
        for aval in pick(&self.body().output_avals(), &state, true) {
            let unused = condition.new_var(aval);
            condition.inputs.push(unused);
        }
        let (condition_consts, body_consts, first) = self.parts(primals);
        let wanted = |(tangent, wanted): (&Tangent, &bool)| wanted.then(|| instantiated(cx.builder, tangent));
        let first_tangents: Vec<Atom> = of_state.iter().zip(&state).filter_map(wanted).collect();
        let operands = [condition_consts, body_consts, &values(of_body), first, &first_tangents].concat();
        let count = self.body_consts + const_tangents;
        let joint = While::new(condition.into(), self.condition_consts, body.into(), count);
        let results = cx.builder.emit(joint, &operands);
        let (primals, found) = results.split_at(self.state_count());
        let tangents = tangents_of(cx.builder, primals, &state, found);
        Ok(Duals { primals: primals.to_vec(), tangents })
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        pointwise::transposed(self, cx, cotangents, operands)?.ok_or(REVERSE)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let moved = batch_axis_at(cx, operands, dims, 0);
        let (of_condition, of_body, of_state) = self.parts(dims);
        let [of_condition, of_body] = [of_condition, of_body].map(|dims| leading(&mapped(dims)));
        let [condition, body] = &self.programs;
        let batched = |program: &Body, consts: &[BatchDim], state: &[bool]| {
            cx.bodies.batch_of(program, &[consts, &leading(state)].concat(), cx.extent)
        };
        // Lanes of the condition are lanes of the whole state, and the other way round.
        let has_lanes = self.lanes() > 0;
        let (state, (condition, body)) = closure_with(mapped(of_state), |state| {
            let condition = batched(condition, &of_condition, state)?;
            if condition.mapped[0] || has_lanes && state.contains(&true) {
                let all = vec![true; state.len()];
                let body = batched(body, &of_body, &all)?;
                return Ok((all, (condition.with_axes(&[true]), body)));
            }
            let body = batched(body, &of_body, state)?;
            Ok((body.mapped.clone(), (condition, body)))
        })?;
        let (condition, body) = (condition.program, body.with_axes(&state).program);
        let mut operands = moved;
        let first_state = self.condition_consts + self.body_consts;
        for (position, wanted) in state.iter().enumerate() {
            if *wanted && of_state[position] == BatchDim::NotMapped {
                operands[first_state + position] =
                    cx.builder.repeated(operands[first_state + position], cx.extent);
            }
        }
        let batched = While::new(condition.into(), self.condition_consts, body.into(), self.body_consts);
        Ok(Batched { values: cx.builder.emit(batched, &operands), dims: leading(&state) })
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        if self.lanes() > 0 {
            return Ok(Lowering::Expand(self.with_one_condition()));
        }
        Ok(Lowering::Control(Control::While {
            condition: self.condition().clone(),
            condition_consts: self.condition_consts,
            body: self.body().clone(),
            body_consts: self.body_consts,
        }))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Nested(self)
    }
}

/// Errors: TypeError if the body's outputs have other types than the state it is given.
pub(super) fn expect_same_state(state: &[Aval], outputs: &[Aval]) -> Result<(), TypeError> {
    if outputs.len() != state.len() {
        let (expected, found) = (state.len(), outputs.len());
        return Err(TypeError(format!(
            "body: expected {expected} outputs, one per part of the state, found {found}"
        )));
    }
    match state.iter().zip(outputs).position(|(state, output)| state != output) {
        None => Ok(()),
        Some(at) => {
            let (expected, found) = (&state[at], &outputs[at]);
            Err(TypeError(format!("body: output {at}: expected {expected} as the state has, found {found}")))
        }
    }
}

impl Nested for While {
    fn bodies(&self) -> &[Body] {
        &self.programs
    }

    fn map_bodies(&self, map: &mut BodyMap) -> Result<Op, Diagnostic> {
        let (condition, body) = (map(self.condition())?, map(self.body())?);
        Ok(While::new(condition.into(), self.condition_consts, body.into(), self.body_consts).into())
    }

    /// The known part runs the loop for what does not depend on unknown operands; the unknown part runs all of it.
    fn split(&self, cx: &Bodies, operands: &[Aval], unknown: &[bool]) -> Rule<Split> {
        let (of_condition, of_body, of_state) = self.parts(unknown);
        let (state, body) = closure_with(of_state.to_vec(), |state| {
            let body = cx.split_of(&self.programs[1], &[of_body, state].concat())?;
            Ok((body.unknown_outputs.clone(), body))
        })?;
        let condition = (cx.split)(self.condition(), &[of_condition, &state].concat())?;
        if condition.unknown_outputs[0] {
            return split_whole(self.clone(), operands, unknown);
        }
        let known_state = positions(&state, false);
        let mut b = Builder::new();
        let inputs: Vec<Atom> =
            pick(operands, unknown, false).into_iter().map(|aval| b.input(aval).into()).collect();
        let mut next = inputs.iter();
        let atoms: Vec<Option<Atom>> =
            unknown.iter().map(|unknown| if *unknown { None } else { next.next().copied() }).collect();
        let (for_condition, for_body, first) = self.parts(&atoms);
        let of_known_state: Vec<Atom> = known_state.iter().filter_map(|&part| first[part]).collect();
        let [for_condition, for_body] =
            [for_condition, for_body].map(|atoms| atoms.iter().copied().flatten().collect::<Vec<Atom>>());
        let body = with_outputs(body.with_unknown(&state).known, &(0..known_state.len()).collect::<Vec<_>>());
        let condition = with_outputs(condition.known, &[0]);
        let known = While::new(condition.into(), for_condition.len(), body.into(), for_body.len());
        let mut outputs = b.emit(known, &[for_condition, for_body, of_known_state].concat());
        outputs.extend(&inputs);
        let known = b.finish(outputs);
        let whole = split_whole(self.clone(), operands, unknown)?;
        let of_unknown = with_outputs(whole.unknown, &positions(&state, true));
        Ok(Split { known, unknown: of_unknown, unknown_outputs: state, residuals: whole.residuals })
    }

    fn without_results(&self, live: &[bool]) -> Option<Trimmed> {
        let used_by_condition = trim::used_inputs(self.condition());
        let (consts, state) = used_by_condition.split_at(self.condition_consts);
        let condition_consts = positions(consts, true);
        let state = closure(either(live, state), |state| {
            let body = with_outputs(self.body().clone(), &positions(state, true));
            Ok(trim::used_inputs(&body)[self.body_consts..].to_vec())
        })
        .expect("the step does not fail");
        let results = positions(&state, true);
        let body = with_outputs(self.body().clone(), &results);
        let body_consts = positions(&trim::used_inputs(&body)[..self.body_consts], true);
        let operands: Vec<usize> = condition_consts
            .iter()
            .copied()
            .chain(body_consts.iter().map(|at| at + self.condition_consts))
            .chain(results.iter().map(|at| at + self.condition_consts + self.body_consts))
            .collect();
        if operands.len() == self.condition_consts + self.body_consts + self.state_count() {
            return None;
        }
        let inputs = |consts: &[usize], count: usize| {
            consts.iter().copied().chain(results.iter().map(move |at| at + count)).collect::<Vec<_>>()
        };
        let condition =
            with_inputs_ordered(self.condition().clone(), inputs(&condition_consts, self.condition_consts));
        let body = with_inputs_ordered(body, inputs(&body_consts, self.body_consts));
        let op = While::new(condition.into(), condition_consts.len(), body.into(), body_consts.len()).into();
        Some(Trimmed { op, operands, results })
    }
}

impl Family for While {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "while").then(|| {
            let (condition, body) = (params.body("cond_jaxpr")?.clone(), params.body("body_jaxpr")?.clone());
            Ok(While::new(condition, params.size("cond_nconsts")?, body, params.size("body_nconsts")?))
        })
    }

    /// Doubles (or multiplies by a constant) until a bound is reached: once, and per lane.
    fn samples() -> Vec<Sample> {
        let loop_over = |lanes: &[usize]| {
            let state = Aval::new(DType::F32, lanes);
            let mut b = Builder::new();
            let bound = b.input(Aval::scalar(DType::F32)).into();
            let x = b.input(state.clone()).into();
            b.input(state.clone());
            let runs = b.compare(CompareKind::Lt, x, bound);
            let condition = b.finish(vec![runs]);
            let mut b = Builder::new();
            let factor = b.input(Aval::scalar(DType::F32)).into();
            let (x, y) = (b.input(state.clone()).into(), b.input(state).into());
            let (x, y) = (b.mul(x, factor), b.add(y, x));
            let body = b.finish(vec![x, y]);
            While::new(condition.into(), 1, body.into(), 1)
        };
        let scalar = |value: f64| Tensor::from_f64s(DType::F32, [], &[value]);
        let lanes = |values: &[f64]| Tensor::from_f64s(DType::F32, [values.len()], values);
        vec![
            Sample::new(loop_over(&[]), vec![scalar(10.0), scalar(2.0), scalar(0.75), scalar(1.0)]),
            Sample::new(loop_over(&[]), vec![scalar(-1.0), scalar(2.0), scalar(0.75), scalar(1.0)]),
            Sample::new(
                loop_over(&[3]),
                vec![scalar(10.0), scalar(1.5), lanes(&[0.75, 20.0, 4.0]), lanes(&[1.0, 2.0, 3.0])],
            ),
        ]
    }
}
