//! Programs as jaxpr text that the front end reads back to an equal program.

use super::{Atom, Body, Equation, Params, Program, Value, Var};
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Display, Formatter, Write};

// A body longer than this is printed as a definition of its own, as JAX does.
const INLINE_EQUATIONS: usize = 10;

/// The whole text: shared bodies as `let name = {...} in` definitions, then the program.
impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names = Names::of(&[self]);
        for (body, name) in &names.definitions {
            write!(f, "let {name} = ")?;
            print_program(body, &names, 0, f)?;
            f.write_str(" in\n")?;
        }
        print_program(self, &names, 0, f)
    }
}

/// `key=value` pairs separated by blanks; bodies in full.
impl Display for Params {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print_params(self, &Names::default(), 0, f)
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print_value(self, &Names::default(), 0, f)
    }
}

/// The name of the `n`-th variable: base 26, lower case, without the names that read as keywords or literals.
pub fn var_name(n: usize) -> String {
    let mut name = Vec::new();
    let mut rest = n;
    loop {
        name.push(b'a' + (rest % 26) as u8);
        if rest < 26 {
            break;
        }
        rest /= 26;
    }
    name.reverse();
    let name = String::from_utf8(name).expect("letters are UTF-8");
    if ["in", "inf", "nan", "let"].contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// Prints one function under its `let` name, sharing the definitions of bodies printed before it.
#[derive(Default)]
pub struct Names {
    // In an order in which each body comes after those it uses.
    definitions: Vec<(Body, String)>,
    by_body: HashMap<Body, String>,
}

impl Names {
    /// Finds the bodies that need a definition: used twice, or long.
    pub fn of(programs: &[&Program]) -> Names {
        let mut counts = HashMap::new();
        let mut order = Vec::new();
        programs.iter().for_each(|program| collect(program, &mut counts, &mut order));
        let mut names = Names::default();
        let mut taken = HashSet::new();
        for body in order.into_iter().filter(|b| counts[b] > 1 || b.equations.len() > INLINE_EQUATIONS) {
            let stem = body.name().unwrap_or("jaxpr").to_string();
            let mut candidates = std::iter::once(stem.clone()).chain((1..).map(|n| format!("{stem}{n}")));
            let name =
                candidates.find(|name| taken.insert(name.clone())).expect("an endless supply of names");
            names.by_body.insert(body.clone(), name.clone());
            names.definitions.push((body, name));
        }
        names
    }
}

fn collect(program: &Program, counts: &mut HashMap<Body, usize>, order: &mut Vec<Body>) {
    for body in program.equations.iter().flat_map(|eqn| eqn.op.bodies()) {
        let count = counts.entry(body.clone()).or_insert(0);
        *count += 1;
        if *count == 1 {
            collect(body, counts, order);
            order.push(body.clone());
        }
    }
}

fn print_program(program: &Program, names: &Names, indent: usize, f: &mut Formatter<'_>) -> fmt::Result {
    let vars = var_names(program);
    let binders =
        |list: &[Var]| list.iter().map(|&v| binder(program, &vars, v)).collect::<Vec<_>>().join(" ");
    let (constvars, inputs) = (binders(&program.constvars), binders(&program.inputs));
    let space = if constvars.is_empty() { "" } else { " " };
    write!(f, "{{ lambda{space}{constvars} ; {inputs}. let")?;
    for eqn in &program.equations {
        write!(f, "\n{:width$}", "", width = indent + 4)?;
        print_equation(program, &vars, eqn, names, indent + 4, f)?;
    }
    let outputs: Vec<String> = program.outputs.iter().map(|&atom| atom_text(&vars, atom)).collect();
    let comma = if outputs.len() == 1 { "," } else { "" };
    write!(f, "\n{:width$}in ({}{comma}) }}", "", outputs.join(", "), width = indent + 2)
}

fn print_equation(
    program: &Program,
    vars: &[String],
    eqn: &Equation,
    names: &Names,
    indent: usize,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    for &result in &eqn.results {
        write!(f, "{} ", binder(program, vars, result))?;
    }
    write!(f, "{}{}", if eqn.results.is_empty() { "" } else { "= " }, eqn.op.name())?;
    let params = eqn.op.params();
    if !params.0.is_empty() {
        f.write_char('[')?;
        print_params(&params, names, indent, f)?;
        f.write_char(']')?;
    }
    eqn.operands.iter().try_for_each(|&atom| write!(f, " {}", atom_text(vars, atom)))
}

fn print_params(params: &Params, names: &Names, indent: usize, f: &mut Formatter<'_>) -> fmt::Result {
    let long = params.0.iter().any(|(_, value)| matches!(value, Value::Body(_) | Value::Bodies(_)));
    for (position, (key, value)) in params.0.iter().enumerate() {
        if long {
            write!(f, "\n{:width$}", "", width = indent + 2)?;
        } else if position > 0 {
            f.write_char(' ')?;
        }
        write!(f, "{key}=")?;
        print_value(value, names, indent + 2, f)?;
    }
    if long { write!(f, "\n{:width$}", "", width = indent) } else { Ok(()) }
}

fn print_value(value: &Value, names: &Names, indent: usize, f: &mut Formatter<'_>) -> fmt::Result {
    match value {
        Value::None => f.write_str("None"),
        Value::Bool(x) => f.write_str(if *x { "True" } else { "False" }),
        Value::Int(x) => write!(f, "{x}"),
        Value::Float(bits) => {
            let literal = crate::types::Literal::from_f64(crate::types::DType::F64, f64::from_bits(*bits));
            write!(f, "{literal}")
        }
        Value::Name(x) | Value::Opaque(x) => f.write_str(x),
        Value::Str(x) => write!(f, "'{x}'"),
        Value::Tuple(items) => {
            let items = items.iter().map(|item| (None, item));
            print_list(items, matches!(value, Value::Tuple(t) if t.len() == 1), names, indent, f)
        }
        Value::Record(name, fields) => {
            f.write_str(name)?;
            let fields = fields.iter().map(|(key, value)| (key.as_deref(), value));
            print_list(fields, false, names, indent, f)
        }
        Value::Body(body) => print_body(body, names, indent, f),
        Value::Bodies(bodies) => {
            f.write_char('(')?;
            for body in bodies {
                f.write_char(' ')?;
                print_body(body, names, indent, f)?;
            }
            f.write_str(" )")
        }
    }
}

fn print_list<'a>(
    items: impl Iterator<Item = (Option<&'a str>, &'a Value)>,
    trailing_comma: bool,
    names: &Names,
    indent: usize,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    f.write_char('(')?;
    for (position, (key, value)) in items.enumerate() {
        f.write_str(if position > 0 { ", " } else { "" })?;
        key.map_or(Ok(()), |key| write!(f, "{key}="))?;
        print_value(value, names, indent, f)?;
    }
    f.write_str(if trailing_comma { ",)" } else { ")" })
}

fn print_body(body: &Body, names: &Names, indent: usize, f: &mut Formatter<'_>) -> fmt::Result {
    match names.by_body.get(body) {
        Some(name) => f.write_str(name),
        None => print_program(body, names, indent, f),
    }
}

/// Names in order of binding; results that nobody uses are `_`.
fn var_names(program: &Program) -> Vec<String> {
    let mut names = vec!["_".to_string(); program.vars.len()];
    let mut used = vec![false; program.vars.len()];
    let operands = program.equations.iter().flat_map(|eqn| &eqn.operands);
    operands
        .chain(&program.outputs)
        .filter_map(|atom| atom.var())
        .for_each(|var| used[var.0 as usize] = true);
    let inputs = program.constvars.iter().chain(&program.inputs).map(|var| (var, true));
    let results =
        program.equations.iter().flat_map(|eqn| &eqn.results).map(|var| (var, used[var.0 as usize]));
    for (next, (var, _)) in inputs.chain(results).filter(|(_, named)| *named).enumerate() {
        names[var.0 as usize] = var_name(next);
    }
    names
}

fn binder(program: &Program, names: &[String], var: Var) -> String {
    format!("{}:{}", names[var.0 as usize], program.aval(var))
}

fn atom_text(names: &[String], atom: Atom) -> String {
    match atom {
        Atom::Var(var) => names[var.0 as usize].clone(),
        Atom::Literal(literal) => format!("{literal}:{}[]", literal.dtype()),
    }
}
