//! From the names of a program to identifiers of C, C++ and Rust. See Note: names in the parent module.

use super::text::identifier;
use super::{Interface, Signature};
use std::collections::HashSet;

/// The outside names of one function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FunctionNames {
    /// The function with one parameter per array: `model_predict`. A symbol if `entries` says so.
    pub symbol: String,
    /// The symbol of the function that takes arrays of pointers: `model_predict_call`.
    pub call_symbol: String,
    pub entries: Entries,
    /// The symbol of the function that returns the metadata: `model_predict_metadata`.
    pub metadata_symbol: String,
    /// What the function's C macros begin with: `MODEL_PREDICT`.
    pub macro_stem: String,
    /// The function's name in the Rust module, which needs no prefix: `predict`.
    pub rust_name: String,
    /// What the function's Rust types begin with: `Predict`.
    pub rust_type: String,
    /// Parameter names, lower case, without duplicates among inputs and outputs together.
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
}

/// Which entries the object has for a function. Callers find the other in the header and in the Rust module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entries {
    /// One with a parameter per array, and one that takes arrays of pointers.
    Both,
    /// Only that which takes arrays of pointers: a compiler need not take more than 127 parameters (C11 5.2.4.1) or 256
    /// (C++ Annex B), and code for thousands that live at once takes time in their square.
    Lists,
}

/// Functions of more arrays have [`Entries::Lists`].
const MOST_PARAMETERS: usize = 255;

/// The outside names of an object's functions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Names {
    /// The include guard of the header: `RJAXC_MODEL_H`.
    pub guard: String,
    /// Invariant: parallel to [`Interface::functions`].
    pub functions: Vec<FunctionNames>,
}

impl Names {
    /// Names every function. Deterministic: clashes are resolved by a number, in the order of the functions.
    pub fn new(interface: &Interface) -> Names {
        let mut symbols = HashSet::new();
        let mut rust_names = HashSet::new();
        let mut rust_types = HashSet::new();
        let mut functions = Vec::new();
        for signature in &interface.functions {
            let stem = joined(&interface.prefix, &signature.name);
            let symbol = claim(&mut symbols, &stem, &FUNCTION_SUFFIXES);
            let rust_name = claim(&mut rust_names, &identifier(&signature.name).to_ascii_lowercase(), &[""]);
            let rust_type = claim(&mut rust_types, &camel_case(&rust_name), &[""]);
            let (inputs, outputs) = parameters(signature);
            let entries = match inputs.len() + outputs.len() {
                ..=MOST_PARAMETERS => Entries::Both,
                _ => Entries::Lists,
            };
            functions.push(FunctionNames {
                entries,
                call_symbol: format!("{symbol}_call"),
                metadata_symbol: format!("{symbol}_metadata"),
                macro_stem: symbol.to_ascii_uppercase(),
                symbol,
                rust_name,
                rust_type,
                inputs,
                outputs,
            });
        }
        let stem = identifier(&interface.prefix).trim_end_matches('_').to_ascii_uppercase();
        let guard = format!("RJAXC_{stem}_H");
        Names { guard, functions }
    }
}

/// What a function's symbols and macros add to its name. A name is free if it is free with each of them.
const FUNCTION_SUFFIXES: [&str; 5] = ["", "_call", "_metadata", "_work_bytes", "_work_align"];

fn joined(prefix: &str, name: &str) -> String {
    match (prefix, name) {
        // A C program has a `main` of its own.
        ("", "main") => "main_".to_string(),
        ("", _) => identifier(name),
        // A prefix of other letters than C's must not vanish: `main` would be left.
        (prefix, _) if !prefix.contains(|c: char| c.is_ascii_alphanumeric()) => {
            identifier(&format!("x_{name}"))
        }
        _ => identifier(&format!("{prefix}_{name}")),
    }
}

/// Takes `stem`, or `stem_2`, `stem_3`, ... if taken. Names that differ in case only count as equal, because
/// macros are upper case and Rust names lower case.
fn claim(taken: &mut HashSet<String>, stem: &str, suffixes: &[&str]) -> String {
    let keys =
        |name: &str| suffixes.iter().map(|s| format!("{name}{s}").to_ascii_lowercase()).collect::<Vec<_>>();
    let name =
        (1..)
            .map(|number| {
                if number == 1 {
                    stem.to_string()
                } else {
                    format!("{}_{number}", stem.trim_end_matches('_'))
                }
            })
            .find(|name| keys(name).iter().all(|key| !taken.contains(key)))
            .expect("finitely many names are taken");
    taken.extend(keys(&name));
    name
}

fn parameters(signature: &Signature) -> (Vec<String>, Vec<String>) {
    // What a generated function calls its work memory and its lists of arrays.
    let mut taken: HashSet<String> = ["work", "rjax_in", "rjax_out"].map(str::to_string).into();
    let mut named = |arrays: &[(String, crate::types::Aval)]| {
        let name = |(name, _): &(String, _)| claim(&mut taken, &identifier(name).to_ascii_lowercase(), &[""]);
        arrays.iter().map(name).collect::<Vec<_>>()
    };
    let inputs = named(&signature.inputs);
    let outputs = named(&signature.outputs);
    (inputs, outputs)
}

fn camel_case(snake: &str) -> String {
    let mut text = String::new();
    for word in snake.split('_') {
        let (first, rest) = word.split_at(word.len().min(1));
        // Two numbers would run together: `f_1_2` and `f_12` are different functions.
        if text.ends_with(|c: char| c.is_ascii_digit()) && first.starts_with(|c: char| c.is_ascii_digit()) {
            text.push('_');
        }
        text += &first.to_ascii_uppercase();
        text += rest;
    }
    text
}
