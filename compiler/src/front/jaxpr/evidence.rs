//! Which JAX printed a text, as far as that decides how random bits are laid out.
//!
//! # Note: evidence
//! Before JAX 0.5 `jax_threefry_partitionable` was off by default, and jaxpr text does not say so. What tells versions
//! apart: constants have types since 0.6, and `pjit` is called `jit` since 0.7. Since 0.5.1 the body of a `pjit` calls
//! its inputs and outputs as the equation around it does, before all names were fresh. `xla_call` was last in 0.3,
//! `random_split[count=..]` in 0.4.13. Only 0.5.0 itself cannot be told from what came before it.

use super::syntax::{Atom, Equation, File, Jaxpr, ParamValue, Threefry};

/// What was found in a text.
#[derive(Clone, Copy, Default)]
struct Traces {
    untyped: bool,
    typed: bool,
    is_modern: bool,
    is_ancient: bool,
    fresh_names: bool,
    same_names: bool,
}

/// The layout that the text of an older JAX means, and how that shows. `None`: nothing says that it is an older one.
pub(super) fn layout(file: &File) -> Option<(Threefry, &'static str)> {
    let mut traces = Traces::default();
    file.definitions
        .iter()
        .map(|definition| &definition.jaxpr)
        .chain(&file.main)
        .for_each(|jaxpr| traces.jaxpr(jaxpr));
    if traces.typed || traces.is_modern {
        return None;
    }
    if traces.is_ancient {
        return Some((Threefry::Original, "its operations are those of JAX 0.4.13 and older"));
    }
    if traces.same_names {
        let why = "its calls are printed as by JAX 0.5.1 to 0.6";
        return Some((Threefry::Partitionable, why)).filter(|_| traces.untyped);
    }
    if traces.fresh_names {
        return Some((Threefry::Original, "its calls are printed as by JAX 0.5.0 and older"));
    }
    traces.untyped.then_some((Threefry::Original, "its constants have no types, as in JAX 0.5.3 and older"))
}

impl Traces {
    fn jaxpr(&mut self, jaxpr: &Jaxpr) {
        jaxpr.outputs.iter().for_each(|atom| self.atom(atom));
        jaxpr.equations.iter().for_each(|eqn| self.equation(eqn));
    }

    fn atom(&mut self, atom: &Atom) {
        match atom {
            Atom::Var(_) => {}
            Atom::Literal(..) => self.typed = true,
            Atom::Untyped(..) => self.untyped = true,
        }
    }

    fn equation(&mut self, eqn: &Equation) {
        eqn.operands.iter().for_each(|atom| self.atom(atom));
        let has = |key: &str| eqn.params.iter().any(|param| param.key.text == key);
        match eqn.primitive.text {
            "jit" => self.is_modern = true,
            "xla_call" => self.is_ancient = true,
            "random_split" => self.is_ancient |= has("count"),
            "scan" => self.is_modern |= has("ft_in"),
            _ => {}
        }
        for param in &eqn.params {
            self.value(&param.value);
            match &param.value {
                ParamValue::Jaxpr(body) if eqn.primitive.text == "pjit" => self.names(eqn, body),
                _ => {}
            }
        }
    }

    /// Are the names of a call those of its body?
    fn names(&mut self, eqn: &Equation, body: &Jaxpr) {
        let outer = eqn.operands.iter().filter_map(name);
        let is_input = |name: &str| body.inputs.iter().any(|input| input.name.text == name);
        let results = eqn.binders.iter().map(|binder| binder.name.text).filter(|&name| name != "_");
        let is_output = |result: &str| body.outputs.iter().filter_map(name).any(|output| output == result);
        let (mut count, mut same) = (0, 0);
        for is_same in outer.map(is_input).chain(results.map(is_output)) {
            count += 1;
            same += usize::from(is_same);
        }
        self.same_names |= same > 0;
        self.fresh_names |= count > 0 && same == 0;
    }

    fn value(&mut self, value: &ParamValue) {
        match value {
            ParamValue::Jaxpr(jaxpr) => self.jaxpr(jaxpr),
            ParamValue::Program(definitions, jaxpr) => {
                definitions.iter().for_each(|definition| self.jaxpr(&definition.jaxpr));
                self.jaxpr(jaxpr);
            }
            ParamValue::Tuple(items) => items.iter().for_each(|item| self.value(item)),
            ParamValue::Record(_, fields) => fields.iter().for_each(|(_, item)| self.value(item)),
            ParamValue::None
            | ParamValue::Bool(_)
            | ParamValue::Int(_)
            | ParamValue::Float(_)
            | ParamValue::Complex(..)
            | ParamValue::Name(_)
            | ParamValue::Str(_)
            | ParamValue::Opaque(_) => {}
        }
    }
}

fn name<'a>(atom: &Atom<'a>) -> Option<&'a str> {
    match atom {
        Atom::Var(name) => Some(name.text),
        Atom::Literal(..) | Atom::Untyped(..) => None,
    }
}
