//! StableHLO out: programs to modules. How a primitive is written is told by `ops::hlo`; this driver walks programs and
//! gives functions their names.

use crate::diag::Diagnostic;
use crate::hlo::{Func, FuncBuilder, Module, Names, Type, Value, Visibility};
use crate::ir::{Atom, Body, Equation, Program, Var};
use crate::ops::rules::hlo::{Export, ExportBodies};
use crate::ops::rules::{NoRule, Rule};
use crate::types::{Aval, Kind, Literal};
use std::collections::HashMap;

/// Writes programs as one module, each a public function under its name.
///
/// Errors: a primitive that StableHLO cannot say, or that is not written as such yet, at its equation.
pub fn stablehlo(name: &str, entries: &[(&str, &Program)]) -> Result<Module, Diagnostic> {
    let mut exporter = Exporter::default();
    let names: Vec<String> = entries.iter().map(|(name, _)| exporter.names.fresh(name)).collect();
    let mut public = Vec::new();
    for (name, (_, program)) in names.into_iter().zip(entries) {
        let function = exporter.program(name, Visibility::Public, program);
        public.push(function.map_err(|why| exporter.refusal(why))?);
    }
    public.append(&mut exporter.private);
    Ok(Module { name: Some(name.to_string()), functions: public, ..Module::default() })
}

#[derive(Default)]
struct Exporter {
    names: Names,
    private: Vec<Func>,
    by_body: HashMap<Body, String>,
    /// The equation that has no form, for the error.
    failed: Option<Equation>,
}

impl Exporter {
    fn program(&mut self, name: String, visibility: Visibility, program: &Program) -> Rule<Func> {
        let mut function = FuncBuilder::new();
        let inputs: Vec<Value> =
            program.input_avals().iter().map(|aval| function.argument(Type::tensor(aval))).collect();
        let outputs = self.inline(&mut function, program, &inputs)?;
        Ok(function.finish(name, visibility, &outputs))
    }

    fn equation(
        &mut self,
        function: &mut FuncBuilder,
        program: &Program,
        eqn: &Equation,
        operands: &[Value],
    ) -> Rule<Vec<Value>> {
        let results: Vec<Aval> = eqn.results.iter().map(|&var| program.aval(var).clone()).collect();
        let operand_avals = program.atom_avals(&eqn.operands);
        // Typed keys and tangents of integers have no type there; random bits from keys come with their primitives.
        let is_typed = |aval: &Aval| matches!(aval.dtype.kind(), Kind::Key | Kind::Float0);
        if operand_avals.iter().chain(&results).any(is_typed) {
            self.failed.get_or_insert_with(|| eqn.clone());
            return Err(NoRule::NotYet("typed keys have no type in StableHLO"));
        }
        let mut cx = Export { function, operands: operand_avals, results, bodies: self };
        let values = eqn.op.to_hlo(&mut cx, operands);
        if values.is_err() {
            // The innermost equation is the one to blame.
            self.failed.get_or_insert_with(|| eqn.clone());
        }
        values
    }

    fn refusal(&self, why: NoRule) -> Diagnostic {
        match &self.failed {
            Some(eqn) => {
                let subject = format!("{} cannot be written as StableHLO", eqn.op.name());
                why.refusal(&subject).within(&eqn.origin)
            }
            None => why.refusal("the program cannot be written as StableHLO"),
        }
    }
}

impl ExportBodies for Exporter {
    fn inline(&mut self, function: &mut FuncBuilder, body: &Program, inputs: &[Value]) -> Rule<Vec<Value>> {
        let mut scope = Scope { values: HashMap::new() };
        scope.bind(&body.inputs, inputs);
        for eqn in &body.equations {
            let operands = scope.operands(function, &eqn.operands);
            let results = self.equation(function, body, eqn, &operands)?;
            scope.bind(&eqn.results, &results);
        }
        Ok(scope.operands(function, &body.outputs))
    }

    fn function(&mut self, body: &Body, name: Option<&str>) -> Rule<String> {
        if let Some(name) = self.by_body.get(body) {
            return Ok(name.clone());
        }
        let is_identifier =
            |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let name = self.names.fresh(name.filter(is_identifier).unwrap_or("closed_call"));
        let function = self.program(name.clone(), Visibility::Private, body.program())?;
        self.private.push(function);
        self.by_body.insert(body.clone(), name.clone());
        Ok(name)
    }
}

/// The values of a program's variables.
struct Scope {
    values: HashMap<Var, Value>,
}

impl Scope {
    fn bind(&mut self, vars: &[Var], values: &[Value]) {
        self.values.extend(vars.iter().copied().zip(values.iter().copied()));
    }

    /// Literals become constants where they are used.
    fn operands(&mut self, function: &mut FuncBuilder, atoms: &[Atom]) -> Vec<Value> {
        atoms
            .iter()
            .map(|atom| match atom {
                Atom::Var(var) => self.values[var],
                Atom::Literal(literal) => constant(function, *literal),
            })
            .collect()
    }
}

fn constant(function: &mut FuncBuilder, literal: Literal) -> Value {
    use crate::hlo::{Attribute, Attributes, Dense, DenseData, TensorType};
    let ty = TensorType::new(&Aval::scalar(literal.dtype()));
    let value = Attribute::Dense(Dense { ty: ty.clone(), data: DenseData::Splat(literal) });
    let attributes = Attributes::default().with("value", value);
    function.op("stablehlo.constant", &[], attributes, Vec::new(), vec![Type::Tensor(ty)])[0]
}
