//! `cond`: one of several branches.

use super::choice::chosen_per_lane;
use super::*;
use crate::ir::{Params, Value};
use crate::types::{DType, Scalar, Tensor};

/// Runs the branch that operand 0, an i32, names; an index outside is clamped. The other operands are the inputs of
/// every branch.
///
/// Source: JAX lax.cond, lax.switch.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Cond {
    // Invariant once inferred: at least one, all of one type.
    pub branches: Vec<Body>,
    /// The other parameters of the text: `branches_platforms`.
    pub rest: Params,
}

impl Cond {
    /// A choice among programs of one type.
    pub fn new(branches: impl IntoIterator<Item = Program>) -> Self {
        Cond { branches: branches.into_iter().map(Body::new).collect(), rest: Params::new() }
    }

    fn each_branch<T>(&self, transform: impl Fn(&Program) -> Rule<T>) -> Rule<Vec<T>> {
        self.branches.iter().map(|branch| transform(branch)).collect()
    }
}

impl Primitive for Cond {
    fn name(&self) -> &str {
        "cond"
    }

    fn params(&self) -> Params {
        let mut params = Params::new().with("branches", Value::Bodies(self.branches.clone()));
        params.0.extend(self.rest.0.iter().cloned());
        params
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let [index, operands @ ..] = operands else {
            return Err(TypeError::new("expected the index of a branch, found no operands"));
        };
        if *index != Aval::scalar(DType::I32) {
            return Err(TypeError(format!("expected an index of type i32[], found {index}")));
        }
        let Some(first) = self.branches.first() else {
            return Err(TypeError::new("expected at least one branch, found none"));
        };
        let expected = first.output_avals();
        for (position, branch) in self.branches.iter().enumerate() {
            expect_inputs(branch, operands)
                .map_err(|TypeError(why)| TypeError(format!("branch {position}: {why}")))?;
            let found = branch.output_avals();
            if found != expected {
                let list = |avals: &[Aval]| avals.iter().map(Aval::to_string).collect::<Vec<_>>().join(" ");
                let (expected, found) = (list(&expected), list(&found));
                return Err(TypeError(format!(
                    "branch {position}: expected outputs ({expected}), found ({found})"
                )));
            }
        }
        Ok(expected)
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let last = self.branches.len() as i128 - 1;
        let branch = operands[0].at(0).int().clamp(0, last);
        (cx.eval_body)(cx, &self.branches[branch as usize], &operands[1..])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let selected = nonzero(&tangents[1..]);
        let joint = self.each_branch(|branch| (cx.bodies.jvp)(branch, &selected))?;
        let has_tangent = any_of(joint.iter().map(|branch| branch.nonzero.as_slice()));
        let joint = Cond::new(joint.into_iter().map(|branch| branch.with_tangents(&has_tangent).program));
        let operands = [primals, &values(&tangents[1..])].concat();
        let results = cx.builder.emit(joint, &operands);
        let (primals, found) = results.split_at(has_tangent.len());
        let tangents = tangents_of(cx.builder, primals, &has_tangent, found);
        Ok(Duals { primals: primals.to_vec(), tangents })
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let index = operands[0].known().ok_or(NoRule::ByDesign("not linear in the index"))?;
        let linear: Vec<bool> = operands[1..].iter().map(Operand::is_linear).collect();
        let known: Vec<Atom> = operands[1..].iter().filter_map(Operand::known).collect();
        let arguments = [&[index], known.as_slice(), &values(cotangents)].concat();
        let transposed =
            self.each_branch(|branch| transposed_body(cx.bodies, branch, &linear, cotangents))?;
        let found = any_of(transposed.iter().map(|branch| branch.found.as_slice()));
        let avals = pick(&self.branches[0].input_avals(), &linear, true);
        let transposed = transposed.into_iter().map(|branch| branch.with_cotangents(&found, &avals).program);
        let mut results = cx.builder.emit(Cond::new(transposed), &arguments).into_iter();
        let mut of_linear = found.into_iter();
        let mut cotangents = zero_cotangents(cx, operands);
        for operand in positions(&linear, true) {
            if of_linear.next() == Some(true) {
                cotangents[operand + 1] = Tangent::Value(results.next().expect("one result per cotangent"));
            }
        }
        Ok(cotangents)
    }

    /// A mapped index becomes a choice per lane.
    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let moved = batch_axis_at(cx, operands, dims, 0);
        let is_mapped = mapped(&dims[1..]);
        if dims[0].axis().is_some() {
            return chosen_per_lane(cx, &self.branches, moved[0], &moved[1..], &is_mapped);
        }
        let branches =
            self.each_branch(|branch| (cx.bodies.batch)(branch, &leading(&is_mapped), cx.extent))?;
        let wanted = any_of(branches.iter().map(|branch| branch.mapped.as_slice()));
        let branches = branches.into_iter().map(|branch| branch.with_axes(&wanted).program);
        Ok(Batched { values: cx.builder.emit(Cond::new(branches), &moved), dims: leading(&wanted) })
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let branches = self.branches.iter().map(|branch| branch.program().clone()).collect();
        Ok(Lowering::Control(Control::Switch { branches }))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Nested(self)
    }
}

/// What is marked in any of these, of which there is at least one.
fn any_of<'f>(flags: impl Iterator<Item = &'f [bool]>) -> Vec<bool> {
    flags.map(<[bool]>::to_vec).reduce(|all, one| either(&all, &one)).expect("a cond has branches")
}

/// The transpose of a body.
pub(super) struct TransposedBody {
    /// From the known inputs of the body, then the cotangents that are there, to the cotangents of its linear inputs
    /// that are not zero.
    pub program: Program,
    /// Which of the linear inputs these are.
    pub found: Vec<bool>,
}

impl TransposedBody {
    /// The same transpose with a cotangent also for those linear inputs, of these types, that `wanted` marks.
    pub fn with_cotangents(self, wanted: &[bool], avals: &[Aval]) -> TransposedBody {
        let mut own = self.program.outputs.clone().into_iter();
        let mut b = Builder::from_program(self.program);
        let mut outputs = Vec::new();
        for ((found, wanted), aval) in self.found.iter().zip(wanted).zip(avals) {
            if *found {
                outputs.push(own.next().expect("one output per cotangent"));
            } else if *wanted {
                outputs.push(b.zeros(aval));
            }
        }
        TransposedBody { program: b.finish(outputs), found: either(&self.found, wanted) }
    }
}

/// Transposes a body, which is linear in the inputs that `linear` marks.
pub(super) fn transposed_body(
    bodies: Bodies,
    body: &Program,
    linear: &[bool],
    cotangents: &[Tangent],
) -> Rule<TransposedBody> {
    let order = [positions(linear, false), positions(linear, true)].concat();
    let body = with_inputs_ordered(body.clone(), order);
    let known_count = positions(linear, false).len();
    let mut b = Builder::new();
    let avals = body.input_avals();
    let known: Vec<Atom> = avals[..known_count].iter().map(|aval| b.input(aval.clone()).into()).collect();
    let outputs = cotangents.iter().zip(body.output_avals());
    let cts = outputs.map(|(ct, aval)| (!ct.is_zero()).then(|| Atom::from(b.input(aval))));
    let cts: Vec<Option<Atom>> = cts.collect();
    let found = (bodies.transpose)(&mut b, &body, &known, &cts)?;
    let nonzero = found.iter().map(Option::is_some).collect();
    Ok(TransposedBody { program: b.finish(found.into_iter().flatten().collect()), found: nonzero })
}

impl Nested for Cond {
    fn bodies(&self) -> &[Body] {
        &self.branches
    }

    fn map_bodies(&self, map: &mut BodyMap) -> Result<Op, Diagnostic> {
        let branches = self
            .branches
            .iter()
            .map(|branch| Ok(Body::new(map(branch)?)))
            .collect::<Result<_, Diagnostic>>()?;
        Ok(Cond { branches, rest: self.rest.clone() }.into())
    }

    /// Each branch hands its own residuals over; the others hand over harmless values in their place.
    fn split(&self, cx: &Bodies, operands: &[Aval], unknown: &[bool]) -> Rule<Split> {
        if unknown[0] {
            return split_whole(self.clone(), operands, unknown);
        }
        let parts = self.each_branch(|branch| (cx.split)(branch, &unknown[1..]))?;
        let unknown_outputs = any_of(parts.iter().map(|part| part.unknown_outputs.as_slice()));
        let parts: Vec<Split> = parts.into_iter().map(|part| part.with_unknown(&unknown_outputs)).collect();
        let known_count = positions(&unknown_outputs, false).len();
        let avals: Vec<Vec<Aval>> =
            parts.iter().map(|part| part.known.output_avals()[known_count..].to_vec()).collect();
        let known = parts
            .iter()
            .enumerate()
            .map(|(at, part)| with_residuals_of_others(part, known_count, at, &avals));
        let known = Cond::new(known.collect::<Vec<_>>());
        let of_unknown =
            parts.iter().enumerate().map(|(at, part)| beside_residuals_of_others(part, at, &avals));
        let of_unknown = Cond::new(of_unknown.collect::<Vec<_>>());

        let mut b = Builder::new();
        let inputs: Vec<Atom> =
            pick(operands, unknown, false).into_iter().map(|aval| b.input(aval).into()).collect();
        let mut outputs = b.emit(known, &inputs);
        // The index is the first residual.
        outputs.insert(known_count, inputs[0]);
        let known = b.finish(outputs);

        let mut b = Builder::new();
        let index: Atom = b.input(operands[0].clone()).into();
        let residuals: Vec<Atom> = avals.concat().into_iter().map(|aval| b.input(aval).into()).collect();
        let inputs: Vec<Atom> =
            pick(operands, unknown, true).into_iter().map(|aval| b.input(aval).into()).collect();
        let outputs = b.emit(of_unknown, &[&[index], residuals.as_slice(), &inputs].concat());
        Ok(Split { known, unknown: b.finish(outputs), unknown_outputs, residuals: 1 + residuals.len() })
    }

    fn without_results(&self, live: &[bool]) -> Option<Trimmed> {
        let results = positions(live, true);
        let branches: Vec<Program> =
            self.branches.iter().map(|branch| with_outputs(branch.program().clone(), &results)).collect();
        let used: Vec<bool> =
            branches.iter().map(trim::used_inputs).reduce(|all, one| either(&all, &one)).unwrap_or_default();
        let inputs = positions(&used, true);
        if results.len() == live.len() && inputs.len() == used.len() {
            return None;
        }
        let branches = branches.into_iter().map(|branch| with_inputs_ordered(branch, inputs.iter().copied()));
        let operands = std::iter::once(0).chain(inputs.iter().map(|at| at + 1)).collect();
        let op = Cond { branches: branches.map(Body::new).collect(), rest: self.rest.clone() }.into();
        Some(Trimmed { op, operands, results })
    }
}

/// The known part of branch `at`: known outputs, then the residuals of all branches, harmless values for those of the
/// others.
fn with_residuals_of_others(part: &Split, known_count: usize, at: usize, avals: &[Vec<Aval>]) -> Program {
    let mut b = Builder::from_program(part.known.clone());
    let mut outputs = part.known.outputs[..known_count].to_vec();
    for (branch, avals) in avals.iter().enumerate() {
        if branch == at {
            outputs.extend(&part.known.outputs[known_count..]);
        } else {
            outputs.extend(avals.iter().map(|aval| harmless(&mut b, aval)));
        }
    }
    b.finish(outputs)
}

/// What stands for the residual of a branch that is not taken. Over a batch, the unknown parts of all branches run, and
/// those not taken are dropped; but the derivative of what is dropped is zero times its derivative, which had better be
/// finite. Unknown parts divide by residuals more often than anything else, so that floating ones are one.
fn harmless(b: &mut Builder, aval: &Aval) -> Atom {
    b.full(aval.dtype, &aval.shape, if aval.dtype.is_inexact() { 1.0 } else { 0.0 })
}

/// The unknown part of branch `at`, with inputs for the residuals of all branches.
fn beside_residuals_of_others(part: &Split, at: usize, avals: &[Vec<Aval>]) -> Program {
    let mut program = part.unknown.clone();
    let own = program.inputs.clone();
    let (residuals, others) = own.split_at(part.residuals);
    let mut inputs = Vec::new();
    for (branch, avals) in avals.iter().enumerate() {
        if branch == at {
            inputs.extend(residuals);
        } else {
            inputs.extend(avals.iter().map(|aval| program.new_var(aval.clone())));
        }
    }
    inputs.extend(others);
    program.inputs = inputs;
    program
}

impl Family for Cond {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "cond").then(|| {
            let branches = match params.require("branches")? {
                Value::Bodies(branches) => branches.clone(),
                Value::Body(branch) => vec![branch.clone()],
                other => {
                    return Err(TypeError(format!("parameter branches: expected jaxprs, found {other}")));
                }
            };
            let mut rest = params.clone();
            rest.0.retain(|(key, _)| key != "branches");
            Ok(Cond { branches, rest })
        })
    }

    fn samples() -> Vec<Sample> {
        let branch = |build: fn(&mut Builder, Atom, Atom) -> Vec<Atom>| {
            let mut b = Builder::new();
            let x = b.input(Aval::new(DType::F32, [3])).into();
            let y = b.input(Aval::scalar(DType::F32)).into();
            let outputs = build(&mut b, x, y);
            b.finish(outputs)
        };
        let cond = || {
            Cond::new([
                branch(|b, x, y| vec![b.mul(x, y), y]),
                branch(|b, x, y| vec![b.neg(x), b.mul(y, y)]),
                branch(|_, x, y| vec![x, y]),
            ])
        };
        let x = Tensor::from_f64s(DType::F32, [3], &[1.0, -2.5, 0.5]);
        let y = Tensor::from_f64s(DType::F32, [], &[1.5]);
        let index = |index: i128| Tensor::from_scalars(Aval::scalar(DType::I32), [Scalar::Int(index)]);
        [0, 1, 2, -7, 9].map(|at| Sample::new(cond(), vec![index(at), x.clone(), y.clone()])).to_vec()
    }
}
