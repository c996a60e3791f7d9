//! StableHLO in: modules to programs. What an operation means is told by `ops::hlo`; this driver walks functions and
//! regions, and checks every result against the type that the text gives it.

mod arguments;
mod bodies;
mod constant;
mod left_out;

use crate::diag::{Diagnostic, Origin, SourceId, Sources};
use crate::hlo::{self, Func, Module, Visibility};
use crate::ir::source::{Function, LeftOut, Source};
use crate::ir::{Atom, Body, Builder, Program};
use crate::ops;
use crate::ops::rules::hlo::Import;
use crate::types::Aval;
use bodies::{Bodies, Scope};
use std::collections::{HashMap, HashSet};

/// Functions call each other, and regions nest, this deep at most.
const MAX_HEIGHT: usize = 200;

/// Reads a file of StableHLO, text or bytecode. Errors: what is wrong with it, with positions.
pub fn read(sources: &Sources, id: SourceId) -> Result<Source, Vec<Diagnostic>> {
    let module = hlo::parse(sources, id).map_err(|error| vec![error])?;
    import(&module)
}

/// Gives a module its meaning. Errors: an operation that is unknown or ill-typed, one per function.
pub fn import(module: &Module) -> Result<Source, Vec<Diagnostic>> {
    let mut reader = Reader::new(module);
    let mut errors = Vec::new();
    let mut functions = Vec::new();
    let called = called(module);
    let (left_out, mut warnings) = left_out::functions(module, &called);
    for function in &module.functions {
        let is_called = called.contains(function.name.as_str());
        // Private functions that nobody calls are comparators and the like, known to others by name alone.
        if function.visibility == Visibility::Private && !is_called
            || left_out.contains(function.name.as_str())
        {
            continue;
        }
        match reader.function(&function.name) {
            Ok(body) => {
                let function_read = as_function(module, function, body.program().clone(), is_called);
                warnings.extend(arguments::warning(function, &function_read.left_out));
                functions.push(function_read);
            }
            Err(error) if errors.contains(&error) => {}
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    warnings.append(&mut reader.warnings);
    Ok(Source { functions, warnings, ..Source::default() })
}

fn as_function(module: &Module, function: &Func, program: Program, called: bool) -> Function {
    Function {
        name: function.name.clone(),
        span: function.location.span,
        constvar_names: Vec::new(),
        input_names: arguments::input_names(module, function, program.inputs.len()),
        output_names: arguments::output_names(function, program.outputs.len()),
        left_out: if called { LeftOut::default() } else { arguments::left_out(module, function) },
        program,
        called,
    }
}

/// The functions that others name: in calls, composites and custom calls.
fn called(module: &Module) -> HashSet<&str> {
    fn of_attribute<'m>(attribute: &'m hlo::Attribute, names: &mut HashSet<&'m str>) {
        match attribute {
            hlo::Attribute::Symbol(name) => _ = names.insert(name),
            hlo::Attribute::List(items) => items.iter().for_each(|item| of_attribute(item, names)),
            _ => {}
        }
    }
    fn of_region<'m>(region: &'m hlo::Region, names: &mut HashSet<&'m str>) {
        for op in &region.ops {
            op.attributes.0.iter().for_each(|(_, attribute)| of_attribute(attribute, names));
            op.regions.iter().for_each(|region| of_region(region, names));
        }
    }
    let mut names = HashSet::new();
    module.functions.iter().for_each(|function| of_region(&function.body, &mut names));
    names
}

/// The walk over a module.
struct Reader<'m> {
    module: &'m Module,
    by_name: HashMap<&'m str, &'m Func>,
    states: HashMap<&'m str, State>,
    height: usize,
    warnings: Vec<Diagnostic>,
}

enum State {
    InProgress,
    Done(Result<Body, Diagnostic>),
}

impl<'m> Reader<'m> {
    fn new(module: &'m Module) -> Self {
        let by_name = module.functions.iter().map(|function| (function.name.as_str(), function)).collect();
        Reader { module, by_name, states: HashMap::new(), height: 0, warnings: Vec::new() }
    }

    /// A function as a body, read on first use. Errors: there is none of that name, it calls itself, or it is wrong.
    fn function(&mut self, name: &str) -> Result<Body, Diagnostic> {
        let Some(&function) = self.by_name.get(name) else {
            return Err(Diagnostic::error(format!("there is no function @{name}")));
        };
        match self.states.get(name) {
            Some(State::Done(result)) => return result.clone(),
            Some(State::InProgress) => {
                let error = Diagnostic::error(format!("the function @{name} calls itself"));
                let hint = "this is recursion, which no program of arrays has: repeat with `stablehlo.while`";
                return Err(error.at(function.location.span).hint(hint));
            }
            None => {}
        }
        self.states.insert(&function.name, State::InProgress);
        let result = self.read(function).map(|program| Body::new(program).named(name));
        self.states.insert(&function.name, State::Done(result.clone()));
        result
    }

    fn read(&mut self, function: &'m Func) -> Result<Program, Diagnostic> {
        let mut builder = Builder::new();
        let mut scope = Scope::default();
        let mut unread = arguments::unread(self.module, function).given_back.into_iter().peekable();
        for &argument in &function.body.arguments {
            while let Some((_, aval)) =
                unread.next_if(|(position, _)| *position == builder.program().inputs.len())
            {
                builder.input(aval);
            }
            let aval = aval_of(function, argument).map_err(|error| error.at(function.location.span))?;
            scope.bind(argument, builder.input(aval).into());
        }
        unread.for_each(|(_, aval)| _ = builder.input(aval));
        let outputs = self.ops(function, &function.body, &mut scope, &mut builder);
        // What has no operation to blame is about the function.
        let outputs = outputs.map_err(|error| match error.labels.as_slice() {
            [] => error.at(function.location.span),
            _ => error,
        })?;
        Ok(ops::hlo::recognized(builder.finish(outputs)))
    }

    /// Appends the operations of a region and returns what it returns.
    fn ops(
        &mut self,
        function: &'m Func,
        region: &hlo::Region,
        scope: &mut Scope,
        builder: &mut Builder,
    ) -> Result<Vec<Atom>, Diagnostic> {
        if self.height == MAX_HEIGHT {
            let message = format!("functions and regions nest more than {MAX_HEIGHT} deep");
            return Err(Diagnostic::unsupported(message));
        }
        self.height += 1;
        let result = self.ops_here(function, region, scope, builder);
        self.height -= 1;
        result
    }

    fn ops_here(
        &mut self,
        function: &'m Func,
        region: &hlo::Region,
        scope: &mut Scope,
        builder: &mut Builder,
    ) -> Result<Vec<Atom>, Diagnostic> {
        for op in &region.ops {
            if scope.restructure(op).map_err(|error| self.placed(error, op))? {
                continue;
            }
            let operands = op.operands.iter().map(|&value| scope.atom(value));
            let operands =
                operands.collect::<Result<Vec<Atom>, _>>().map_err(|error| self.placed(error, op))?;
            if matches!(op.name.as_str(), "func.return" | "stablehlo.return") {
                return Ok(operands);
            }
            if let Some(target) = left_out::callback(function, op) {
                let message = format!("{target} is left out: compiled code calls no Python");
                self.warnings.push(self.placed(Diagnostic::warning(message), op));
                scope.bind_results(function, &op.results, Vec::new());
                continue;
            }
            let results = self.op(function, op, &operands, scope, builder);
            let results = results.map_err(|error| self.placed(error, op))?;
            scope.bind_results(function, &op.results, results);
        }
        Err(Diagnostic::error("the region does not end with a return"))
    }

    fn op(
        &mut self,
        function: &'m Func,
        op: &hlo::Op,
        operands: &[Atom],
        scope: &Scope,
        builder: &mut Builder,
    ) -> Result<Vec<Atom>, Diagnostic> {
        let origin = Origin::at(op.location.span);
        builder.set_origin(match self.module.place(op.location) {
            Some(place) => origin.with_python(place),
            None => origin,
        });
        let mut results: Vec<hlo::Type> =
            op.results.iter().map(|&value| function.type_of(value).clone()).collect();
        if let [hlo::Type::Tuple(elements)] = results.as_slice() {
            results = elements.clone();
        }
        let mut bodies = Bodies { reader: self, function, scope, has_read: false };
        let mut cx = Import { builder, op, results: &results, bodies: &mut bodies };
        let found = ops::hlo::from_hlo(&mut cx, operands).ok_or_else(|| unknown(op))??;
        let expected: Vec<Aval> =
            (0..results.len()).map(|position| cx.result(position)).collect::<Result<_, _>>()?;
        let found_avals = builder.program().atom_avals(&found);
        if found_avals != expected {
            return Err(mismatch(op, &found_avals, &expected));
        }
        bodies.check_unread(op)?;
        Ok(found)
    }

    /// The error at the operation it is about, with the line of the user's program.
    fn placed(&self, error: Diagnostic, op: &hlo::Op) -> Diagnostic {
        if !error.labels.is_empty() {
            return error;
        }
        let place = self.module.place(op.location).map(|place| format!("from {place}")).unwrap_or_default();
        let name = &op.name;
        let message = if error.message.contains(name.as_str()) {
            error.message.clone()
        } else {
            format!("{name}: {}", error.message)
        };
        Diagnostic { message, ..error }.label(op.location.span, place)
    }
}

fn unknown(op: &hlo::Op) -> Diagnostic {
    let target = op.attributes.text("call_target_name").filter(|_| op.name == "stablehlo.custom_call");
    match target {
        Some(target) => {
            Diagnostic::unsupported(format!("primitive: custom_call @{target} of stablehlo.custom_call"))
        }
        None => Diagnostic::unsupported(format!("primitive: {}", op.name)),
    }
}

fn mismatch(op: &hlo::Op, found: &[Aval], expected: &[Aval]) -> Diagnostic {
    let list = |avals: &[Aval]| avals.iter().map(Aval::to_string).collect::<Vec<_>>().join(", ");
    Diagnostic::error(format!("{} makes {}, but the text says {}", op.name, list(found), list(expected)))
}

/// Errors: the type has no counterpart among programs.
fn aval_of(function: &Func, value: hlo::Value) -> Result<Aval, Diagnostic> {
    let ty = function.type_of(value);
    ty.aval().ok_or_else(|| Diagnostic::unsupported(format!("values of type {ty}")))
}
