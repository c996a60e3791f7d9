//! Gives calls of custom functions the rules that the text of JAX only names.
//!
//! # Note: rules in rules
//! The program of a rule may call custom functions, too, its own among them (the derivative of zeta has zeta in it).
//! [`DEPTH`] derivatives of derivatives find rules there; beyond that, bodies are differentiated as they stand.

use super::constants::lacks_constants;
use crate::diag::Diagnostic;
use crate::ir::Program;
use crate::ir::source::{CustomRule, RuleNames, Source};
use crate::ops::Op;
use crate::ops::control::{CustomCall, VjpRule};
use crate::ops::custom;

/// See Note: rules in rules.
const DEPTH: usize = 3;

/// Attaches the rules of a file to the calls in its functions, by name and types.
///
/// Errors: a rule that no call of its name takes, saying why the last one did not.
pub fn attach(source: &mut Source) -> Result<(), Vec<Diagnostic>> {
    if source.rules.is_empty() {
        return Ok(());
    }
    let rules: Vec<Candidate> = source.rules.iter().map(|rule| Candidate::of(rule, source)).collect();
    let mut level = rules;
    for _ in 1..DEPTH {
        level = level.iter().map(|rule| rule.with_rules(&level)).collect();
    }
    let mut outcomes = vec![Outcome::NotCalled; level.len()];
    for function in &mut source.functions {
        function.program = attached(&function.program, &level, &mut outcomes);
    }
    let errors: Vec<Diagnostic> =
        source.rules.iter().zip(outcomes).filter_map(|(rule, outcome)| outcome.error(rule)).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// A rule with its programs.
#[derive(Clone)]
struct Candidate {
    name: String,
    body: Option<Program>,
    programs: Programs,
    /// Do functions inside its programs have constants without values?
    lacks_constants: bool,
}

#[derive(Clone)]
enum Programs {
    Jvp(Program),
    Vjp(VjpRule),
}

/// What became of a rule.
#[derive(Clone)]
enum Outcome {
    NotCalled,
    DoesNotFit(String),
    Attached,
}

impl Outcome {
    /// Rules of one body come from elsewhere, for any function that may turn up.
    fn error(self, rule: &CustomRule) -> Option<Diagnostic> {
        let (what, name) = ("no call of a custom function", &rule.name);
        let message = match self {
            Outcome::Attached => return None,
            Outcome::NotCalled => format!("{what} is named {name}"),
            Outcome::DoesNotFit(why) => format!("the rule of {name} does not fit: {why}"),
        };
        rule.body.is_none().then(|| Diagnostic::error(message).at(rule.span))
    }
}

impl Candidate {
    fn of(rule: &CustomRule, source: &Source) -> Candidate {
        let program = |name: &str| {
            let function = source.functions.iter().find(|function| function.name == name);
            function.map(|function| function.program.clone()).unwrap_or_default()
        };
        let programs = match &rule.programs {
            RuleNames::Jvp(name) => Programs::Jvp(program(name)),
            RuleNames::Vjp { forward, backward } => {
                Programs::Vjp(VjpRule { forward: program(forward), backward: program(backward) })
            }
        };
        let lacks_constants = match &programs {
            Programs::Jvp(program) => lacks_constants(program),
            Programs::Vjp(VjpRule { forward, backward }) => {
                lacks_constants(forward) || lacks_constants(backward)
            }
        };
        Candidate { name: rule.name.clone(), body: rule.body.clone(), programs, lacks_constants }
    }

    /// The same rule, with rules in its programs.
    fn with_rules(&self, rules: &[Candidate]) -> Candidate {
        let mut ignored = vec![Outcome::NotCalled; rules.len()];
        let mut inner = |program: &Program| attached(program, rules, &mut ignored);
        let programs = match &self.programs {
            Programs::Jvp(program) => Programs::Jvp(inner(program)),
            Programs::Vjp(VjpRule { forward, backward }) => {
                Programs::Vjp(VjpRule { forward: inner(forward), backward: inner(backward) })
            }
        };
        Candidate { programs, ..self.clone() }
    }

    /// The call with this rule. Errors: why it does not fit.
    fn on(&self, call: &CustomCall) -> Result<CustomCall, String> {
        let attached = match &self.programs {
            Programs::Jvp(program) => call.with_jvp_rule(program.clone()),
            Programs::Vjp(rule) => call.with_vjp_rule(rule.clone()),
        };
        attached.map_err(|error| error.to_string())
    }
}

/// The program with rules at its calls, at any depth.
fn attached(program: &Program, rules: &[Candidate], outcomes: &mut [Outcome]) -> Program {
    let mut program = program.clone();
    for eqn in &mut program.equations {
        let inner = eqn.op.nested().map(|nested| {
            nested
                .map_bodies(&mut |body| Ok(attached(body, rules, outcomes)))
                .expect("attaching does not fail")
        });
        // The body of a call is compared as it is in the text.
        let with_rule = match &eqn.op {
            Op::CustomCall(call) => best(call, rules, outcomes),
            _ => None,
        };
        if let Some(op) = with_rule.map(Op::from).or(inner) {
            eqn.op = op;
        }
    }
    program
}

/// The call with the rule that fits best: one for its very body before one for its types. A rule that cannot be run is no
/// better than the one that is known.
fn best(call: &CustomCall, rules: &[Candidate], outcomes: &mut [Outcome]) -> Option<CustomCall> {
    let is_named = |rule: &Candidate| call.name.as_deref() == Some(rule.name.as_str());
    let can_serve = |rule: &Candidate| !rule.lacks_constants || !custom::is_known(call);
    let same_body = |rule: &Candidate| rule.body.as_ref().is_some_and(|body| body == call.body().program());
    let mut named: Vec<(usize, &Candidate)> =
        rules.iter().enumerate().filter(|(_, rule)| is_named(rule) && can_serve(rule)).collect();
    named.sort_by_key(|(_, rule)| !same_body(rule));
    for (position, rule) in named {
        match rule.on(call) {
            Ok(call) => {
                outcomes[position] = Outcome::Attached;
                return Some(call);
            }
            Err(why) if matches!(outcomes[position], Outcome::NotCalled) => {
                outcomes[position] = Outcome::DoesNotFit(why);
            }
            Err(_) => {}
        }
    }
    None
}
