//! Parts a program: what can be computed before some of its inputs are known, and the rest.

use super::{BODIES, finished, refused};
use crate::diag::Diagnostic;
use crate::ir::inline::inline;
use crate::ir::{Atom, Builder, Equation, Program, Var};
use crate::ops::rules::Split;
use crate::types::Aval;
use std::collections::HashMap;

/// Splits by dependence on the unknown inputs.
///
/// Errors: an operation with bodies that cannot be split.
pub fn split(program: &Program, unknown: &[bool]) -> Result<Split, Diagnostic> {
    let mut parts = Parts {
        known: Builder::new(),
        unknown: Builder::new(),
        values: vec![None; program.vars.len()],
        residuals: Vec::new(),
        inputs_of: HashMap::new(),
    };
    for (&input, &is_unknown) in program.inputs.iter().zip(unknown) {
        let aval = program.aval(input).clone();
        parts.values[input.0 as usize] = Some(match is_unknown {
            true => Value::Unknown(parts.unknown.input(aval).into()),
            false => Value::Known(parts.known.input(aval).into()),
        });
    }
    let unknown_inputs = parts.unknown.program().inputs.len();
    for eqn in &program.equations {
        parts.equation(program, eqn)?;
    }
    let (mut known_outputs, mut unknown_outputs, mut is_unknown) = (Vec::new(), Vec::new(), Vec::new());
    for &output in &program.outputs {
        let value = parts.value(output);
        is_unknown.push(matches!(value, Value::Unknown(_)));
        match value {
            Value::Known(atom) => known_outputs.push(atom),
            Value::Unknown(atom) => unknown_outputs.push(atom),
        }
    }
    let residuals = parts.residuals.len();
    known_outputs.extend(parts.residuals.iter().map(|&residual| Atom::from(residual)));
    let mut unknown = parts.unknown.finish(unknown_outputs);
    // Residuals became inputs as they were met, after the unknown ones.
    unknown.inputs.rotate_left(unknown_inputs);
    crate::ir::prune::run(&mut unknown);
    Ok(Split { known: finished(parts.known, known_outputs), unknown, unknown_outputs: is_unknown, residuals })
}

/// What a variable is.
#[derive(Clone, Copy)]
enum Value {
    /// An atom of the known part.
    Known(Atom),
    /// An atom of the unknown part.
    Unknown(Atom),
}

struct Parts {
    known: Builder,
    unknown: Builder,
    // By variable of the program.
    values: Vec<Option<Value>>,
    /// Variables of the known part that the other one needs, in order of first use.
    residuals: Vec<Var>,
    /// The inputs of the unknown part that they become.
    inputs_of: HashMap<Var, Atom>,
}

impl Parts {
    fn value(&self, atom: Atom) -> Value {
        match atom {
            Atom::Literal(_) => Value::Known(atom),
            Atom::Var(var) => self.values[var.0 as usize].expect("verified programs bind before use"),
        }
    }

    /// The value as an atom of the unknown part.
    fn in_unknown(&mut self, value: Value) -> Atom {
        match value {
            Value::Unknown(atom) | Value::Known(atom @ Atom::Literal(_)) => atom,
            Value::Known(Atom::Var(var)) => {
                if let Some(&input) = self.inputs_of.get(&var) {
                    return input;
                }
                let input = self.unknown.input(self.known.program().aval(var).clone()).into();
                self.residuals.push(var);
                self.inputs_of.insert(var, input);
                input
            }
        }
    }

    fn equation(&mut self, program: &Program, eqn: &Equation) -> Result<(), Diagnostic> {
        self.known.set_origin(eqn.origin.clone());
        self.unknown.set_origin(eqn.origin.clone());
        let operands: Vec<Value> = eqn.operands.iter().map(|&atom| self.value(atom)).collect();
        let unknown: Vec<bool> = operands.iter().map(|value| matches!(value, Value::Unknown(_))).collect();
        let avals: Vec<Aval> = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
        if !unknown.contains(&true) {
            let operands: Vec<Atom> = operands.iter().filter_map(|value| value.known()).collect();
            let results = self.known.emit_typed(eqn.op.clone(), &operands, avals);
            self.bind(eqn, results.into_iter().map(Value::Known));
            return Ok(());
        }
        let nested = eqn.op.nested().filter(|_| unknown.contains(&false));
        match nested {
            Some(nested) => {
                let split = nested.split(&BODIES, &program.atom_avals(&eqn.operands), &unknown);
                self.in_two(eqn, &operands, &split.map_err(|why| refused(why, "partial evaluation", eqn))?);
            }
            None => {
                let operands: Vec<Atom> = operands.into_iter().map(|value| self.in_unknown(value)).collect();
                let results = self.unknown.emit_typed(eqn.op.clone(), &operands, avals);
                self.bind(eqn, results.into_iter().map(Value::Unknown));
            }
        }
        Ok(())
    }

    fn in_two(&mut self, eqn: &Equation, operands: &[Value], split: &Split) {
        let known: Vec<Atom> = operands.iter().filter_map(|value| value.known()).collect();
        let mut known = inline(&mut self.known, &split.known, &known);
        let residuals = known.split_off(known.len() - split.residuals);
        let residuals = residuals.into_iter().map(|atom| self.in_unknown(Value::Known(atom)));
        let mut arguments: Vec<Atom> = residuals.collect();
        arguments.extend(operands.iter().filter_map(|value| match value {
            Value::Unknown(atom) => Some(*atom),
            Value::Known(_) => None,
        }));
        let mut unknown =
            inline(&mut self.unknown, &split.unknown, &arguments).into_iter().map(Value::Unknown);
        let mut known = known.into_iter().map(Value::Known);
        let next = |&is_unknown: &bool| if is_unknown { unknown.next() } else { known.next() };
        let results: Vec<Value> =
            split.unknown_outputs.iter().map(next).map(|value| value.expect("one per result")).collect();
        self.bind(eqn, results);
    }

    fn bind(&mut self, eqn: &Equation, values: impl IntoIterator<Item = Value>) {
        eqn.results.iter().zip(values).for_each(|(var, value)| self.values[var.0 as usize] = Some(value));
    }
}

impl Value {
    fn known(self) -> Option<Atom> {
        match self {
            Value::Known(atom) => Some(atom),
            Value::Unknown(_) => None,
        }
    }
}
