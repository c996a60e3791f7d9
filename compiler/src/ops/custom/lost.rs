//! Calls of custom functions whose rule is nowhere: their bodies are differentiated, transposed or batched, which may give
//! something else.

use super::super::Op;
use super::super::control::{Call, CallKind, CustomCall};
use super::super::elementwise::{Identity, IdentityKind};
use super::super::rules::{Nested, Primitive};
use crate::diag::Origin;
use crate::ir::{Atom, Program, Var};
use std::collections::HashSet;

/// Functions of JAX whose bodies of real numbers, differentiated, give what their rules give; those rules exist for speed,
/// or refuse more.
const BODY_IS_RIGHT: [&str; 6] =
    ["_softmax", "_slogdet_small", "_slogdet_lu", "_slogdet_qr", "_det_2x2", "zeta"];

/// A rule that the text names at most.
#[derive(Clone, Debug)]
pub struct LostRule {
    /// `custom_jvp_call`, `custom_vjp_call`, `linear_call` or `custom_vmap_call`.
    pub primitive: String,
    /// The function.
    pub name: Option<String>,
    /// Where it is first called.
    pub origin: Origin,
}

/// The rules that a derivative by the marked inputs asks for in vain, once each; in reverse mode also transposes.
pub fn lost_rules(program: &Program, active: &[bool], is_reverse: bool) -> Vec<LostRule> {
    let mut search = Search { is_reverse, ..Search::default() };
    search.program(program, active);
    search.found
}

/// The rules that batching asks for in vain, once each.
pub fn lost_batching_rules(program: &Program) -> Vec<LostRule> {
    let mut search = Search::default();
    search.batched(program);
    search.found
}

#[derive(Default)]
struct Search {
    is_reverse: bool,
    found: Vec<LostRule>,
    seen: HashSet<(String, Option<String>)>,
}

impl Search {
    /// Follows what depends on the marked inputs; returns which outputs do.
    fn program(&mut self, program: &Program, active: &[bool]) -> Vec<bool> {
        let marked = program.inputs.iter().zip(active).filter(|(_, active)| **active);
        let mut reached: HashSet<Var> = marked.map(|(&var, _)| var).collect();
        for eqn in &program.equations {
            let operands: Vec<bool> = eqn
                .operands
                .iter()
                .map(|atom| atom.var().is_some_and(|var| reached.contains(&var)))
                .collect();
            if !operands.contains(&true)
                || matches!(eqn.op, Op::Identity(Identity(IdentityKind::StopGradient)))
            {
                continue;
            }
            let results = self.bodies(&eqn.op, &operands, &eqn.origin, eqn.results.len());
            let is_smooth = |var: &Var| program.aval(*var).dtype.is_inexact();
            let results = eqn.results.iter().zip(results).filter(|(var, active)| *active && is_smooth(var));
            reached.extend(results.map(|(&var, _)| var));
        }
        let is_reached = |atom: &Atom| atom.var().is_some_and(|var| reached.contains(&var));
        program.outputs.iter().map(is_reached).collect()
    }

    /// What an operation asks for; returns which of its results depend on the marked operands.
    fn bodies(&mut self, op: &Op, operands: &[bool], origin: &Origin, results: usize) -> Vec<bool> {
        match op {
            Op::CustomCall(call) if has_rule(call) => {}
            Op::CustomCall(call) => {
                self.note(call.name(), call.name.as_ref(), origin);
                return self.program(call.body(), operands);
            }
            Op::Call(call) if call.kind == CallKind::Linear && self.is_reverse => {
                self.note_call(call, origin);
                return self.program(&call.body, operands);
            }
            Op::Call(call) if call.kind != CallKind::Remat => return self.program(&call.body, operands),
            // Loops and branches hand on what they will: all of it counts.
            _ => {
                for body in op.bodies() {
                    self.program(body, &vec![true; body.inputs.len()]);
                }
            }
        }
        vec![true; results]
    }

    fn batched(&mut self, program: &Program) {
        for eqn in &program.equations {
            match &eqn.op {
                Op::Call(call) if call.kind == CallKind::CustomVmap => self.note_call(call, &eqn.origin),
                _ => {}
            }
            eqn.op.bodies().iter().for_each(|body| self.batched(body));
        }
    }

    fn note_call(&mut self, call: &Call, origin: &Origin) {
        self.note(call.name(), call.name.as_ref(), origin);
    }

    fn note(&mut self, primitive: &str, name: Option<&String>, origin: &Origin) {
        let (primitive, name) = (primitive.to_string(), name.cloned());
        if self.seen.insert((primitive.clone(), name.clone())) {
            self.found.push(LostRule { primitive, name, origin: origin.clone() });
        }
    }
}

fn has_rule(call: &CustomCall) -> bool {
    let name = call.name.as_deref().unwrap_or_default();
    let is_real = call.body().input_avals().iter().all(|aval| !aval.dtype.is_complex());
    call.bodies().len() > 1 || (is_real && BODY_IS_RIGHT.contains(&name)) || super::rule(call).is_some()
}
