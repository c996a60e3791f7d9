//! What a function takes and returns, in the user's words, and what JAX has left out of it.

use crate::diag::Diagnostic;
use crate::hlo::{self, Func, Module, Signature};
use crate::ir::source::LeftOut;
use crate::types::Aval;
use std::collections::{BTreeMap, BTreeSet};

/// What the user calls the arguments, `params['w']` or `x`, where the text says it.
pub fn input_names(module: &Module, function: &Func, count: usize) -> Vec<String> {
    let arguments = function.body.arguments.len();
    let argument = |position: usize| match &module.signature {
        // Inputs have been given back, which the text knows nothing of.
        Some(signature) if count > arguments => {
            let own = arguments.checked_sub(signature.kept.len())?;
            let is_whole = count == own + signature.inputs.len();
            let kept = position.checked_sub(own).map(|input| signature.kept.binary_search(&input).ok());
            kept.map_or(Some(position), |kept| kept.map(|kept| own + kept)).filter(|_| is_whole)
        }
        _ => Some(position),
    };
    let name = |position: usize| {
        let attributes = argument(position).and_then(|argument| function.argument_attributes.get(argument));
        let name = attributes.and_then(|attributes| attributes.text(hlo::ARGUMENT_NAME)).unwrap_or_default();
        if name.is_empty() { format!("arg{position}") } else { name.to_string() }
    };
    (0..count).map(name).collect()
}

/// The paths of the results in what the function returns, `result['loss']`; older texts leave out the first word.
pub fn output_names(function: &Func, count: usize) -> Vec<String> {
    let name = |position: usize| {
        let attributes = function.result_attributes.get(position);
        let path = attributes.and_then(|attributes| attributes.text("jax.result_info")).unwrap_or_default();
        match path {
            "" => format!("out{position}"),
            path if path.starts_with(['[', '.']) => format!("result{path}"),
            path => path.to_string(),
        }
    };
    (0..count).map(name).collect()
}

/// The inputs of the Python function that the module has not kept, because nothing reads them.
#[derive(Default)]
pub struct Unread {
    /// With their positions among all inputs, in order.
    pub given_back: Vec<(usize, Aval)>,
    /// Those that cannot be given back: their types have no counterpart.
    lost: Vec<String>,
}

pub fn unread(module: &Module, function: &Func) -> Unread {
    let Some((own, signature)) = signature(module, function) else { return Unread::default() };
    let positions =
        (0..signature.inputs.len()).filter(|position| signature.kept.binary_search(position).is_err());
    let mut unread = Unread::default();
    for position in positions {
        match signature.inputs[position].as_ref().and_then(hlo::Type::aval) {
            Some(aval) if unread.lost.is_empty() => unread.given_back.push((own + position, aval)),
            _ => unread.lost.push(format!("input {position}")),
        }
    }
    unread
}

/// What the file says of the inputs of this function, and how many arguments of JAX's own precede them.
fn signature<'m>(module: &'m Module, function: &Func) -> Option<(usize, &'m Signature)> {
    let signature = module.signature.as_ref().filter(|_| function.name == "main")?;
    Some((function.body.arguments.len().checked_sub(signature.kept.len())?, signature))
}

/// The arguments that the function lacks, as far as the file says it or the names of the others show it.
pub fn left_out(module: &Module, function: &Func) -> LeftOut {
    if signature(module, function).is_some() {
        return LeftOut::Exactly(unread(module, function).lost);
    }
    let names =
        function.argument_attributes.iter().filter_map(|attributes| attributes.text(hlo::ARGUMENT_NAME));
    let skipped = skipped(names);
    if skipped.is_empty() && !is_from_jax(module, function) {
        return LeftOut::default();
    }
    LeftOut::AtLeast(skipped)
}

/// Warns of arguments that are known to be missing.
pub fn warning(function: &Func, left_out: &LeftOut) -> Option<Diagnostic> {
    const SHOWN: usize = 8;
    let (LeftOut::Exactly(names) | LeftOut::AtLeast(names)) = left_out;
    let (last, others) = names.split_last()?;
    let listed = match names.len() {
        1 => last.clone(),
        2..=SHOWN => format!("{} and {last}", others.join(", ")),
        count => format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN),
    };
    let (name, keeps) = (&function.name, "callers pass the arguments that are left, in their order");
    let (reason, hint) = match left_out {
        LeftOut::Exactly(_) => ("which nothing reads", keeps.to_string()),
        LeftOut::AtLeast(_) => (
            "whose place the names of the others skip: nothing reads it, or it holds no arrays",
            format!(
                "{keeps}; `jax.jit(f, keep_unused=True)` keeps all, and the bytes of `exported.serialize()` say what \
                 was left out"
            ),
        ),
    };
    let message = format!("@{name} lacks {listed} of the Python function, {reason}");
    Some(Diagnostic::warning(message).at(function.location.span).hint(hint))
}

/// JAX leaves arguments out without a word. Its entry is always `main`.
fn is_from_jax(module: &Module, function: &Func) -> bool {
    let attributes = function.argument_attributes.iter().chain(&function.result_attributes);
    // Names of arguments may come from locations, which every producer has.
    let is_own = |key: &str| key.starts_with("jax.") && key != hlo::ARGUMENT_NAME;
    let mut keys = attributes.chain([&module.attributes]).flat_map(|attributes| &attributes.0);
    let is_jitted = module.name.as_deref().is_some_and(|name| name.starts_with("jit_"));
    function.name == "main" && (is_jitted || keys.any(|(key, _)| is_own(key)))
}

/// The positions that names skip: `args[1]` for `args[0]` and `args[2]`.
fn skipped<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    // More than this are keys of a dictionary rather than positions.
    const MOST: usize = 100;
    let mut positions: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (before, position) in names.flat_map(subscripts) {
        positions.entry(before).or_default().insert(position);
    }
    let mut skipped = Vec::new();
    for (before, found) in positions {
        let count = found.last().map_or(0, |last| last.saturating_add(1));
        if count - found.len() <= MOST {
            let missing = (0..count).filter(|position| !found.contains(position));
            skipped.extend(missing.map(|position| format!("{before}[{position}]")));
        }
    }
    skipped
}

/// The positions in a path of Python, each with what precedes it: `p` and 0, `p[0].w` and 2 for `p[0].w[2]['b']`.
fn subscripts(path: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    let mut quote = None;
    let mut characters = path.char_indices();
    while let Some((at, c)) = characters.next() {
        match (quote, c) {
            (Some(_), '\\') => _ = characters.next(),
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => {
                let inside = path[at + 1..].split(']').next().unwrap_or_default();
                // Nodes that name no children count them.
                let inside =
                    inside.strip_prefix("<flat index ").map_or(inside, |inside| inside.trim_end_matches('>'));
                found.extend(inside.parse().ok().map(|position| (&path[..at], position)));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_show_what_they_skip() {
        let skips = |names: &[&str]| skipped(names.iter().copied()).join(" ");
        assert_eq!(skips(&["args[0]", "args[2]", "args[5]"]), "args[1] args[3] args[4]");
        assert_eq!(skips(&["x", "p['w'][1].b", "p['w'][1].c", "p['a[7]']"]), "p['w'][0]");
        assert_eq!(skips(&["p[<flat index 1>]['\\'[3]']", "p[1][0]"]), "p[0]");
        assert_eq!(skips(&["x", "y[0]", "y[1]", "arg2"]), "");
        assert_eq!(skips(&["years[1990]", "years[99999999999999999999]", "p[", "p[-1]"]), "");
    }
}
