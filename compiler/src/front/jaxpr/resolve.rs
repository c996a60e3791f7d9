//! From syntax to typed programs: names to variables, shared definitions to bodies, binder types checked.

use super::suggest::closest;
use super::syntax::{self, Binder, Definition, Ident, Jaxpr, ParamValue};
use super::untyped::{Operand, Untyped};
use crate::diag::{Diagnostic, Origin, Span};
use crate::ir::source::{BodyConstant, Threefry};
use crate::ir::{Atom, Body, Equation, Params, Program, Value, Var};
use crate::ops;
use crate::ops::expanded;
use crate::ops::refused::{IGNORED, refused};
use crate::types::{Aval, DType, Literal, Scalar};
use std::collections::{HashMap, HashSet};

/// How deep functions may call each other: what recurses over bodies must not exhaust the stack.
const MAX_HEIGHT: usize = 256;

/// After this many errors the rest would not be read anyway.
const MAX_ERRORS: usize = 50;

/// The parameters that name functions of Python, which no definition of the file is meant by.
const NAME_KEYS: [&str; 4] = ["name", "jvp", "fwd", "bwd"];

/// Resolves the jaxprs of one file, each shared definition once.
pub(super) struct Resolver<'a> {
    text: &'a str,
    tables: Vec<Table<'a>>,
    /// The layout of random bits, if something says which.
    threefry: Option<Threefry>,
    /// The layout of operations that say none, by what kind of text this is.
    assumed: Option<Threefry>,
    /// The first operation for which that mattered.
    pub assumed_at: Option<Span>,
    /// Has the text types of 64 bits?
    is_wide: bool,
    /// How many jaxprs are being resolved, one inside or called by the other.
    depth: usize,
    /// What bodies need, in the order in which they were resolved.
    pub body_constants: Vec<BodyConstant>,
    pub errors: Vec<Diagnostic>,
    pub warnings: Vec<Diagnostic>,
}

/// The definitions of a file, or of a program inside a parameter.
struct Table<'a> {
    by_name: HashMap<&'a str, usize>,
    entries: Vec<Entry<'a>>,
    /// The table of the enclosing text.
    parent: Option<usize>,
}

struct Entry<'a> {
    definition: &'a Definition<'a>,
    state: State,
    called: bool,
}

#[derive(Clone)]
enum State {
    Waiting,
    InProgress,
    /// `None`: it has errors, which were reported.
    Done(Option<Resolved>),
}

/// A resolved jaxpr.
#[derive(Clone)]
pub(super) struct Resolved {
    pub body: Body,
    // 1 + the largest height among the bodies it uses.
    height: usize,
    // The outputs called `_` that may be any of several results of equal type: harmless while nobody uses them.
    ambiguous: Vec<usize>,
}

/// The variables of one jaxpr.
#[derive(Default)]
struct Scope<'a> {
    program: Program,
    /// `None`: its type is unknown after an error; equations that use it are skipped.
    names: HashMap<&'a str, (Option<Var>, Span)>,
    /// The bindings of `_`, in order.
    dropped: Vec<Option<Var>>,
    height: usize,
    // Is a result called `_` ambiguous inside the body that makes it?
    is_dropped_ambiguous: bool,
    // The ambiguous outputs of the bodies of the equation in progress.
    ambiguous: Vec<usize>,
}

/// What a parameter's value may need to know.
#[derive(Clone, Copy)]
struct ParamCx<'p> {
    table: usize,
    /// The types of the equation's results, as far as written.
    results: &'p [Option<Aval>],
    /// Do bare names mean definitions?
    holds_bodies: bool,
    span: Span,
}

impl<'a> Resolver<'a> {
    /// Errors found on the way are collected in [`Resolver::errors`].
    pub fn new(
        text: &'a str,
        definitions: &'a [Definition<'a>],
        threefry: Option<Threefry>,
        assumed: Option<Threefry>,
    ) -> Self {
        let mut resolver = Resolver {
            text,
            tables: Vec::new(),
            threefry,
            assumed,
            assumed_at: None,
            is_wide: ["f64[", "i64[", "u64[", "c128["].iter().any(|name| text.contains(name)),
            depth: 0,
            body_constants: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
        };
        resolver.add_table(definitions, None);
        resolver
    }

    /// The function of the `index`-th definition of the file; `None` if it has errors.
    pub fn function(&mut self, index: usize) -> Option<Resolved> {
        self.entry(0, index, &[])
    }

    /// Is the `index`-th definition of the file used as a body?
    pub fn is_called(&self, index: usize) -> bool {
        self.tables[0].entries[index].called
    }

    /// Resolves a jaxpr; `expected` are the types its outputs should have, as far as known.
    pub fn jaxpr(
        &mut self,
        jaxpr: &'a Jaxpr<'a>,
        table: usize,
        expected: &[Option<Aval>],
    ) -> Option<Resolved> {
        self.depth += 1;
        let resolved = self.jaxpr_at_depth(jaxpr, table, expected);
        self.depth -= 1;
        resolved
    }

    fn jaxpr_at_depth(
        &mut self,
        jaxpr: &'a Jaxpr<'a>,
        table: usize,
        expected: &[Option<Aval>],
    ) -> Option<Resolved> {
        let errors_before = self.errors.len();
        let mut scope = Scope { height: 1, ..Scope::default() };
        for binder in &jaxpr.constvars {
            let var = self.parameter(&mut scope, binder);
            scope.program.constvars.extend(var);
            if let (Some(aval), true) = (&binder.aval, self.is_body(jaxpr)) {
                let (name, span) = (binder.name.text.to_string(), binder.name.span);
                scope.program.const_ids.push(span.start);
                self.body_constants.push(BodyConstant { id: span.start, name, aval: aval.clone(), span });
            }
        }
        for binder in &jaxpr.inputs {
            let var = self.parameter(&mut scope, binder);
            scope.program.inputs.extend(var);
        }
        for eqn in &jaxpr.equations {
            self.equation(&mut scope, eqn, table);
            if self.errors.len() >= MAX_ERRORS {
                return None;
            }
        }
        let mut ambiguous = Vec::new();
        let expected = if expected.len() == jaxpr.outputs.len() { expected } else { &[] };
        for (position, atom) in jaxpr.outputs.iter().enumerate() {
            let output = match atom {
                syntax::Atom::Var(name) if name.text == "_" => {
                    let aval = expected.get(position).and_then(Option::as_ref);
                    let (output, is_ambiguous) = self.dropped_output(&scope, name.span, aval);
                    ambiguous.extend(is_ambiguous.then_some(position));
                    output
                }
                atom => {
                    let expected = expected.get(position).and_then(Option::as_ref).map(|aval| aval.dtype);
                    self.output(&scope, atom, expected)
                }
            };
            scope.program.outputs.extend(output);
        }
        if scope.height > MAX_HEIGHT || self.depth > MAX_HEIGHT {
            let message = format!("functions call each other more than {MAX_HEIGHT} deep");
            self.errors.push(Diagnostic::unsupported(message).at(jaxpr.span));
        }
        let is_good = self.errors.len() == errors_before;
        is_good.then(|| Resolved { body: scope.program.into(), height: scope.height, ambiguous })
    }

    /// Is this a jaxpr inside another one, or a definition that serves another one?
    fn is_body(&self, jaxpr: &Jaxpr<'a>) -> bool {
        let defined =
            self.tables[0].entries.iter().find(|entry| std::ptr::eq(&entry.definition.jaxpr, jaxpr));
        self.depth > 1 || defined.is_some_and(|entry| entry.definition.local || entry.called)
    }

    fn parameter(&mut self, scope: &mut Scope<'a>, binder: &Binder<'a>) -> Option<Var> {
        if binder.aval.is_none() {
            let message = format!("the type of the input {} is missing", binder.name.text);
            let hint = format!("write `{}:f32[3]`", binder.name.text);
            self.errors.push(Diagnostic::error(message).at(binder.name.span).hint(hint));
        }
        self.bind(scope, binder.name, binder.aval.clone())
    }

    /// Errors, collected: a name bound before in the same scope.
    fn bind(&mut self, scope: &mut Scope<'a>, name: Ident<'a>, aval: Option<Aval>) -> Option<Var> {
        let var = aval.map(|aval| scope.program.new_var(aval));
        if name.text == "_" {
            scope.dropped.push(var);
        } else if let Some((_, earlier)) = scope.names.insert(name.text, (var, name.span)) {
            let message = format!("the name {} is bound twice", name.text);
            self.errors.push(Diagnostic::error(message).at(name.span).label(earlier, "first here"));
        }
        var
    }

    fn equation(&mut self, scope: &mut Scope<'a>, eqn: &'a syntax::Equation<'a>, table: usize) {
        let leaves_operands = expanded::may_leave_operands(eqn.primitive.text);
        let all: Vec<usize> = (0..eqn.operands.len()).collect();
        let operands = if leaves_operands { None } else { self.operands(scope, eqn, &all) };
        if IGNORED.contains(&eqn.primitive.text) && eqn.binders.is_empty() {
            let message = format!("{} is left out: compiled code prints nothing", eqn.primitive.text);
            self.warnings.push(Diagnostic::warning(message).label(eqn.primitive.span, from(eqn)));
            return;
        }
        let written: Vec<Option<Aval>> = eqn.binders.iter().map(|binder| binder.aval.clone()).collect();
        scope.ambiguous.clear();
        let params = self.params(scope, eqn, table, &written);
        self.check_ambiguous(scope, &eqn.binders);
        let operands = match (&params, leaves_operands) {
            (Some(params), true) => {
                let read = expanded::operands_read(eqn.primitive.text, params, eqn.operands.len());
                self.operands(scope, eqn, &read.unwrap_or(all))
            }
            _ => operands,
        };
        self.add_equation(scope, eqn, operands, params, &written);
    }

    /// The operands at these positions. Errors, collected: those of [`Self::operand`].
    fn operands(
        &mut self,
        scope: &Scope<'a>,
        eqn: &syntax::Equation<'a>,
        positions: &[usize],
    ) -> Option<Vec<Operand>> {
        let operands: Vec<Option<Operand>> =
            positions.iter().map(|&position| self.operand(scope, &eqn.operands[position])).collect();
        operands.into_iter().collect()
    }

    /// Apart from [`Self::equation`], whose frames pile up where bodies are nested.
    fn add_equation(
        &mut self,
        scope: &mut Scope<'a>,
        eqn: &syntax::Equation<'a>,
        operands: Option<Vec<Operand>>,
        params: Option<Params>,
        written: &[Option<Aval>],
    ) {
        let typed = match (operands, params) {
            (Some(operands), Some(params)) => self.typed_equation(scope, eqn, &operands, &params, written),
            _ => None,
        };
        let Some((op, operands, avals)) = typed else {
            for binder in &eqn.binders {
                self.bind(scope, binder.name, binder.aval.clone());
            }
            return;
        };
        let bound: Vec<Option<Var>> = eqn
            .binders
            .iter()
            .zip(avals)
            .map(|(binder, aval)| self.bind(scope, binder.name, Some(aval)))
            .collect();
        let results = bound.into_iter().flatten().collect();
        let origin = Origin::at(eqn.span);
        let origin = eqn.python.map_or(origin.clone(), |place| origin.with_python(place));
        scope.program.equations.push(Equation { op, operands, results, origin });
    }

    /// Errors, collected: a result that has a name here but may be any of several inside its body.
    fn check_ambiguous(&mut self, scope: &mut Scope<'a>, binders: &[Binder<'a>]) {
        for binder in scope.ambiguous.iter().filter_map(|&position| binders.get(position)) {
            scope.is_dropped_ambiguous |= binder.name.text == "_";
            if binder.name.text != "_" {
                self.errors.push(ambiguous_result(binder.name.span));
            }
        }
    }

    /// The op and the types of its results. Errors, collected: an unknown primitive, or types that do not fit.
    fn typed_equation(
        &mut self,
        scope: &Scope<'a>,
        eqn: &syntax::Equation<'a>,
        operands: &[Operand],
        params: &Params,
        written: &[Option<Aval>],
    ) -> Option<(ops::Op, Vec<Atom>, Vec<Aval>)> {
        let name = eqn.primitive.text;
        let place = from(eqn);
        let (op, operands) = match self.op(scope, name, operands, params, written) {
            Ok(found) => found,
            Err(error) => {
                self.errors.push(error.label(eqn.primitive.span, place));
                return None;
            }
        };
        let op = self.with_layout(op, params, eqn.primitive.span);
        let inferred = match op.infer(&scope.program.atom_avals(&operands)) {
            Ok(inferred) => inferred,
            Err(error) => {
                let message = format!("{name}: {error}");
                self.errors.push(Diagnostic::error(message).label(eqn.primitive.span, place));
                return None;
            }
        };
        if inferred.len() != eqn.binders.len() {
            let message =
                format!("{name} has {} results, but {} are bound", inferred.len(), eqn.binders.len());
            self.errors.push(Diagnostic::error(message).label(eqn.primitive.span, place));
            return None;
        }
        let errors_before = self.errors.len();
        for (binder, inferred) in eqn.binders.iter().zip(&inferred) {
            if let Some(found) = binder.aval.as_ref().filter(|&found| found != inferred) {
                let message = format!("{name} makes {inferred}, but the binder says {found}");
                self.errors.push(Diagnostic::error(message).label(binder.name.span, place.clone()));
            }
        }
        (self.errors.len() == errors_before).then_some((op, operands, inferred))
    }

    /// The operation, and its operands with types.
    ///
    /// Errors: an unknown primitive, or parameters that are not its own.
    fn op(
        &self,
        scope: &Scope<'a>,
        name: &str,
        operands: &[Operand],
        params: &Params,
        written: &[Option<Aval>],
    ) -> Result<(ops::Op, Vec<Atom>), Diagnostic> {
        let is_known = |operand: &Operand| match operand {
            Operand::Known(atom) => Some(*atom),
            Operand::Untyped(..) => None,
        };
        let typed = |op: Option<&ops::Op>| {
            let program = &scope.program;
            let untyped = Untyped { operands, program, results: written, is_wide: self.is_wide };
            operands
                .iter()
                .map(is_known)
                .collect::<Option<Vec<Atom>>>()
                .map_or_else(|| untyped.resolve(op), Ok)
        };
        let known: Option<Vec<Atom>> = operands.iter().map(is_known).collect();
        if let Some(operands) = known {
            let avals = scope.program.atom_avals(&operands);
            if let Some(op) = expanded::expanded(name, params, &avals, written) {
                return op.map(|op| (op, operands));
            }
        }
        match ops::parse(name, params, written) {
            Some(Ok(op)) => {
                let operands = typed(Some(&op))?;
                Ok((op, operands))
            }
            Some(Err(error)) => Err(Diagnostic::error(format!("{name}: {error}"))),
            None => {
                let operands = typed(None)?;
                let avals = scope.program.atom_avals(&operands);
                let expanded = expanded::expanded(name, params, &avals, written);
                expanded.unwrap_or_else(|| Err(no_primitive(name))).map(|op| (op, operands))
            }
        }
    }

    /// The operation with random bits laid out as the user says, or as this kind of text means them.
    fn with_layout(&mut self, op: ops::Op, params: &Params, span: Span) -> ops::Op {
        match (self.threefry, self.assumed) {
            (Some(layout), _) => op.with_threefry(layout),
            (None, Some(layout)) if op.has_layout() && params.get("threefry").is_none() => {
                self.assumed_at.get_or_insert(span);
                op.with_threefry(layout)
            }
            (None, _) => op,
        }
    }

    /// An operand. Errors, collected: an unknown variable, or `_` where it has several meanings.
    fn operand(&mut self, scope: &Scope<'a>, atom: &syntax::Atom<'a>) -> Option<Operand> {
        match untyped(scope, atom) {
            Some((value, span)) => Some(Operand::Untyped(value, span)),
            None => self.atom(scope, atom).map(Operand::Known),
        }
    }

    /// An output. Errors, collected: as for operands.
    fn output(
        &mut self,
        scope: &Scope<'a>,
        atom: &syntax::Atom<'a>,
        expected: Option<DType>,
    ) -> Option<Atom> {
        let Some((value, span)) = untyped(scope, atom) else { return self.atom(scope, atom) };
        match Untyped::output(value, span, expected, self.is_wide) {
            Ok(literal) => Some(Atom::Literal(literal)),
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }

    /// A variable or a typed constant. Errors, collected: an unknown variable, or `_` where it has several meanings.
    fn atom(&mut self, scope: &Scope<'a>, atom: &syntax::Atom<'a>) -> Option<Atom> {
        let name = match atom {
            syntax::Atom::Literal(literal, _) => return Some(Atom::Literal(*literal)),
            syntax::Atom::Untyped(..) => unreachable!("untyped constants are read by the callers"),
            syntax::Atom::Var(name) => name,
        };
        if name.text == "_" {
            return match scope.dropped[..] {
                [var] if !scope.is_dropped_ambiguous => var.map(Atom::Var),
                [] => self.unknown_variable(scope, name),
                _ => {
                    self.errors.push(ambiguous_result(name.span));
                    None
                }
            };
        }
        match scope.names.get(name.text) {
            Some((var, _)) => var.map(Atom::Var),
            None => self.unknown_variable(scope, name),
        }
    }

    fn unknown_variable(&mut self, scope: &Scope<'a>, name: &Ident<'a>) -> Option<Atom> {
        let error = Diagnostic::error(format!("unknown variable {}", name.text)).at(name.span);
        let hint = match closest(name.text, scope.names.keys().copied()) {
            Some(other) => format!("did you mean {other}?"),
            None => "a function sees its inputs and its own results, none of the text around it".to_string(),
        };
        self.errors.push(error.hint(hint));
        None
    }

    /// The last `_` of the type that the caller expects, and whether it could be another one as well.
    fn dropped_output(
        &mut self,
        scope: &Scope<'a>,
        span: Span,
        expected: Option<&Aval>,
    ) -> (Option<Atom>, bool) {
        let fits = |&var: &Var| expected.is_none_or(|aval| scope.program.aval(var) == aval);
        let candidates: Vec<Var> = scope.dropped.iter().flatten().copied().filter(fits).collect();
        match candidates[..] {
            [.., var] => (Some(Atom::Var(var)), candidates.len() > 1 || scope.is_dropped_ambiguous),
            [] if scope.dropped.contains(&None) => (None, false),
            [] => (self.unknown_variable(scope, &Ident { text: "_", span }), false),
        }
    }

    fn params(
        &mut self,
        scope: &mut Scope<'a>,
        eqn: &'a syntax::Equation<'a>,
        table: usize,
        results: &[Option<Aval>],
    ) -> Option<Params> {
        let mut params = Params::new();
        let mut is_good = true;
        let mut seen = HashSet::new();
        for param in &eqn.params {
            let (key, span) = (param.key.text, param.span);
            if !seen.insert(key) {
                self.errors.push(
                    Diagnostic::error(format!("the parameter {key} is given twice")).at(param.key.span),
                );
                is_good = false;
                break;
            }
            let holds_bodies = key.ends_with("jaxpr")
                || key.ends_with("jaxprs")
                || ["branches", "call", "callee"].contains(&key);
            let cx = ParamCx { table, results, holds_bodies, span };
            let value = if NAME_KEYS.contains(&key) {
                Some(self.python_name(&param.value, span))
            } else {
                self.value(scope, cx, &param.value)
            };
            is_good &= value.is_some();
            params.0.extend(value.map(|value| (key.to_string(), value)));
        }
        is_good.then_some(params)
    }

    /// `name=<lambda>`, `jvp=inf`: whatever stands there is a name.
    fn python_name(&self, value: &ParamValue, span: Span) -> Value {
        match value {
            ParamValue::None => Value::None,
            ParamValue::Opaque(text) => Value::Name((*text).to_string()),
            _ => Value::Name(self.text[span.start as usize..span.end as usize].to_string()),
        }
    }

    fn value(&mut self, scope: &mut Scope<'a>, cx: ParamCx, value: &'a ParamValue<'a>) -> Option<Value> {
        Some(match value {
            ParamValue::None => Value::None,
            ParamValue::Bool(x) => Value::Bool(*x),
            // Only a fill value can be this large; the op says what it expects.
            ParamValue::Int(x) => i64::try_from(*x).map_or_else(|_| Value::Opaque(x.to_string()), Value::Int),
            ParamValue::Float(x) => Value::float(*x),
            ParamValue::Complex(re, im) => {
                Value::Opaque(Literal::new(DType::C128, Scalar::Complex(*re, *im)).to_string())
            }
            ParamValue::Name(name) if cx.holds_bodies => {
                let resolved = self.reference(cx, name)?;
                scope.body(resolved)
            }
            ParamValue::Name(name) => Value::Name((*name).to_string()),
            ParamValue::Str(text) => Value::Str(text.clone()),
            ParamValue::Opaque(text) => Value::Opaque((*text).to_string()),
            ParamValue::Tuple(items) => {
                let values =
                    items.iter().map(|item| self.value(scope, cx, item)).collect::<Option<Vec<Value>>>()?;
                tuple(values)
            }
            ParamValue::Record(name, fields) => {
                let field = |(key, item): &'a (Option<&'a str>, ParamValue<'a>)| {
                    Some((key.map(str::to_string), self.value(scope, cx, item)?))
                };
                Value::Record((*name).to_string(), fields.iter().map(field).collect::<Option<_>>()?)
            }
            ParamValue::Jaxpr(jaxpr) => {
                let resolved = self.jaxpr(jaxpr, cx.table, cx.results)?;
                scope.body(resolved)
            }
            ParamValue::Program(definitions, jaxpr) => {
                let table = self.add_table(definitions, Some(cx.table));
                let resolved = self.jaxpr(jaxpr, table, cx.results)?;
                scope.body(resolved)
            }
        })
    }

    /// The definition called `name` that is visible from `cx.table`.
    fn reference(&mut self, cx: ParamCx, name: &str) -> Option<Resolved> {
        let mut table = Some(cx.table);
        while let Some(index) = table {
            if let Some(&entry) = self.tables[index].by_name.get(name) {
                self.tables[index].entries[entry].called = true;
                if matches!(self.tables[index].entries[entry].state, State::InProgress) {
                    let definition = self.tables[index].entries[entry].definition.name;
                    let message = format!("the function {name} calls itself");
                    let error = Diagnostic::error(message).at(cx.span).label(definition.span, "defined here");
                    self.errors.push(error.hint(
                        "this is recursion, which no program of arrays has: repeat with `while` or `scan`",
                    ));
                    return None;
                }
                return self.entry(index, entry, cx.results);
            }
            table = self.tables[index].parent;
        }
        let error = Diagnostic::error(format!("there is no definition {name}")).at(cx.span);
        let hint = match closest(name, self.tables[cx.table].by_name.keys().copied()) {
            Some(other) => format!("did you mean {other}?"),
            None => format!("define it: `let {name} = {{ lambda ... }} in` before the function"),
        };
        self.errors.push(error.hint(hint));
        None
    }

    /// Resolves a definition on first use. `expected` are the result types of that use.
    fn entry(&mut self, table: usize, index: usize, expected: &[Option<Aval>]) -> Option<Resolved> {
        let entry = &mut self.tables[table].entries[index];
        if let State::Done(resolved) = &entry.state {
            return resolved.clone();
        }
        entry.state = State::InProgress;
        let definition = entry.definition;
        let resolved = if self.depth < MAX_HEIGHT {
            self.jaxpr(&definition.jaxpr, table, expected)
        } else {
            let message = format!("functions call each other more than {MAX_HEIGHT} deep");
            self.errors.push(Diagnostic::unsupported(message).at(definition.name.span));
            None
        };
        let named =
            resolved.map(|resolved| Resolved { body: resolved.body.named(definition.name.text), ..resolved });
        self.tables[table].entries[index].state = State::Done(named.clone());
        named
    }

    fn add_table(&mut self, definitions: &'a [Definition<'a>], parent: Option<usize>) -> usize {
        let mut table = Table { by_name: HashMap::new(), entries: Vec::new(), parent };
        for definition in definitions {
            let name = definition.name;
            if let Some(&earlier) = table.by_name.get(name.text) {
                let earlier: &Entry = &table.entries[earlier];
                let message = format!("the function {} is defined twice", name.text);
                let first = earlier.definition.name.span;
                self.errors.push(Diagnostic::error(message).at(name.span).label(first, "first here"));
            }
            table.by_name.insert(name.text, table.entries.len());
            table.entries.push(Entry { definition, state: State::Waiting, called: false });
        }
        self.tables.push(table);
        self.tables.len() - 1
    }
}

impl Scope<'_> {
    /// A body as the value of a parameter of an equation of this scope.
    fn body(&mut self, resolved: Resolved) -> Value {
        self.height = self.height.max(resolved.height + 1);
        self.ambiguous.extend(resolved.ambiguous);
        Value::Body(resolved.body)
    }
}

/// Jaxprs alone make a list of bodies, as in `branches=( {...} {...} )`.
fn tuple(values: Vec<Value>) -> Value {
    let body = |value: &Value| if let Value::Body(body) = value { Some(body.clone()) } else { None };
    match values.iter().map(body).collect::<Option<Vec<Body>>>() {
        Some(bodies) if !bodies.is_empty() => Value::Bodies(bodies),
        _ => Value::Tuple(values),
    }
}

/// The value of a constant without a type; `inf` and `nan` are such unless variables are called so.
fn untyped(scope: &Scope, atom: &syntax::Atom) -> Option<(Scalar, Span)> {
    match atom {
        syntax::Atom::Literal(..) => None,
        syntax::Atom::Untyped(value, span) => Some((*value, *span)),
        syntax::Atom::Var(name) if scope.names.contains_key(name.text) => None,
        syntax::Atom::Var(name) => match name.text {
            "inf" => Some((Scalar::Float(f64::INFINITY), name.span)),
            "nan" => Some((Scalar::Float(f64::NAN), name.span)),
            _ => None,
        },
    }
}

/// The Python line of an equation, as a label.
fn from(eqn: &syntax::Equation<'_>) -> String {
    eqn.python.map_or(String::new(), |place| format!("from {place}"))
}

/// The refusal of a name that [`ops::parse`] does not know.
fn no_primitive(name: &str) -> Diagnostic {
    if let Some(group) = refused(name) {
        return Diagnostic::unsupported(format!("{name} {}", group.why)).hint(group.hint);
    }
    let known = ops::names();
    let hint = match closest(name, known.iter().map(String::as_str)) {
        Some(known) => format!("did you mean {known}?"),
        None => {
            "libraries add primitives of their own; the StableHLO text of the same function has them lowered"
                .to_string()
        }
    };
    Diagnostic::unsupported(format!("unknown primitive {name}")).hint(hint)
}

fn ambiguous_result(span: Span) -> Diagnostic {
    Diagnostic::unsupported("`_` stands for more than one result here")
        .at(span)
        .hint("JAX prints every dropped result as `_`; return this one from the Python function, so that it has a name")
}
