//! The reference interpreter: one equation after the other, each by its `eval` rule. Slow and obvious on purpose.

use crate::diag::Diagnostic;
use crate::ir::{Atom, Equation, Program, Var};
use crate::ops::rules::{EvalCx, NoRule, Rule};
use crate::types::{Aval, Tensor};

/// Runs a verified program on concrete arrays.
///
/// Errors: the inputs do not have the program's types, or a primitive cannot be evaluated.
pub fn program(program: &Program, inputs: &[Tensor]) -> Result<Vec<Tensor>, Diagnostic> {
    if !program.constvars.is_empty() {
        let count = program.constvars.len();
        return Err(Diagnostic::error(format!("the program has {count} constants without values")));
    }
    check_inputs(&program.input_avals(), inputs)?;
    run(&EvalCx { eval_body }, program, inputs).map_err(|(why, eqn)| refusal(why, eqn))
}

fn check_inputs(expected: &[Aval], inputs: &[Tensor]) -> Result<(), Diagnostic> {
    if expected.len() != inputs.len() {
        let message = format!("expected {} inputs, found {}", expected.len(), inputs.len());
        return Err(Diagnostic::error(message));
    }
    match (0..inputs.len()).find(|&position| inputs[position].aval() != &expected[position]) {
        None => Ok(()),
        Some(position) => {
            let (expected, found) = (&expected[position], inputs[position].aval());
            Err(Diagnostic::error(format!("input {position}: expected {expected}, found {found}")))
        }
    }
}

fn refusal(why: NoRule, eqn: &Equation) -> Diagnostic {
    why.refusal(&format!("{} cannot be evaluated", eqn.op.name())).within(&eqn.origin)
}

/// A body that fails is reported at the equation it belongs to.
fn eval_body(cx: &EvalCx, body: &Program, inputs: &[Tensor]) -> Rule<Vec<Tensor>> {
    run(cx, body, inputs).map_err(|(why, _)| why)
}

fn run<'a>(
    cx: &EvalCx,
    program: &'a Program,
    inputs: &[Tensor],
) -> Result<Vec<Tensor>, (NoRule, &'a Equation)> {
    let mut values = Values(vec![None; program.vars.len()]);
    values.bind(&program.inputs, inputs.to_vec());
    for eqn in &program.equations {
        let operands = values.tensors(&eqn.operands);
        let results = eqn.op.eval(cx, &operands).map_err(|why| (why, eqn))?;
        values.bind(&eqn.results, results);
    }
    Ok(values.tensors(&program.outputs))
}

/// What the variables of a program are, as far as it has run.
struct Values(Vec<Option<Tensor>>);

impl Values {
    fn bind(&mut self, vars: &[Var], tensors: Vec<Tensor>) {
        vars.iter().zip(tensors).for_each(|(var, tensor)| self.0[var.0 as usize] = Some(tensor));
    }

    fn tensors(&self, atoms: &[Atom]) -> Vec<Tensor> {
        let tensor = |atom: &Atom| match atom {
            Atom::Var(var) => self.0[var.0 as usize].clone().expect("verified programs bind before use"),
            Atom::Literal(literal) => Tensor::from_literal(*literal),
        };
        atoms.iter().map(tensor).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Fault;
    use crate::ir::{Builder, Params};
    use crate::ops;
    use crate::types::DType;

    #[test]
    fn refuses_what_has_no_reference_by_name() {
        let mut b = Builder::new();
        let bounds = [b.input(Aval::scalar(DType::F32)).into(), b.input(Aval::scalar(DType::F32)).into()];
        let op = ops::parse("rng_uniform", &Params::new().with("shape", [3usize].as_slice()), &[None]);
        let outputs = b.emit(op.expect("a known name").expect("a shape"), &bounds);
        let inputs = [0.0, 1.0].map(|bound| Tensor::from_f64s(DType::F32, [], &[bound]));
        let error = super::program(&b.finish(outputs), &inputs).expect_err("it has no rules");
        assert_eq!(error.fault, Fault::Unsupported);
        assert_eq!(
            error.message,
            "rng_uniform cannot be evaluated: its results would differ from run to run; use keys"
        );
    }

    #[test]
    fn checks_its_inputs() {
        let mut b = Builder::new();
        let x = b.input(Aval::new(DType::F32, [3]));
        let program = b.finish(vec![x.into()]);
        let message = |inputs: &[Tensor]| super::program(&program, inputs).expect_err("wrong inputs").message;
        assert_eq!(message(&[]), "expected 1 inputs, found 0");
        let short = Tensor::from_f64s(DType::F32, [2], &[1.0; 2]);
        assert_eq!(message(&[short]), "input 0: expected f32[3], found f32[2]");
    }
}
