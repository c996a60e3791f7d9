//! From the names of a program to identifiers of C, C++ and Rust. See Note: names in the parent module.

use super::{Interface, Signature};
use std::collections::HashSet;

/// The outside names of one function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FunctionNames {
    /// The symbol of the function with one parameter per array: `model_predict`.
    pub symbol: String,
    /// The symbol of the function that takes arrays of pointers: `model_predict_call`.
    pub call_symbol: String,
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
            functions.push(FunctionNames {
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
        let guard = format!("RJAXC_{}_H", identifier(&interface.prefix).to_ascii_uppercase());
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
    let mut taken: HashSet<String> = ["work".to_string()].into();
    let mut named = |arrays: &[(String, crate::types::Aval)]| {
        let name = |(name, _): &(String, _)| claim(&mut taken, &identifier(name).to_ascii_lowercase(), &[""]);
        arrays.iter().map(name).collect::<Vec<_>>()
    };
    let inputs = named(&signature.inputs);
    let outputs = named(&signature.outputs);
    (inputs, outputs)
}

/// An identifier of C, C++ and Rust at once: letters, digits and single underscores, not reserved.
fn identifier(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        // Two underscores in a row are reserved in C++, a leading one in C.
        if c.is_ascii_alphanumeric() {
            text.push(c);
        } else if !text.is_empty() && !text.ends_with('_') {
            text.push('_');
        }
    }
    let mut text = text.trim_end_matches('_').to_string();
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        text.insert(0, 'x');
    }
    if RESERVED.contains(&text.to_ascii_lowercase().as_str()) {
        text.push('_');
    }
    text
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

/// Keywords of C, C++ and Rust, and words that common headers and compilers define as macros.
const RESERVED: &[&str] = &[
    "abstract",
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "as",
    "asm",
    "assert",
    "async",
    "atomic_cancel",
    "atomic_commit",
    "atomic_noexcept",
    "auto",
    "await",
    "become",
    "bitand",
    "bitor",
    "bool",
    "box",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "complex",
    "concept",
    "const",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "continue",
    "crate",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dyn",
    "dynamic_cast",
    "else",
    "enum",
    "errno",
    "explicit",
    "export",
    "extern",
    "false",
    "far",
    "final",
    "float",
    "fn",
    "for",
    "friend",
    "gen",
    "goto",
    "i386",
    "if",
    "imaginary",
    "impl",
    "in",
    "inline",
    "int",
    "interface",
    "let",
    "linux",
    "long",
    "loop",
    "macro",
    "match",
    "max",
    "min",
    "mod",
    "module",
    "move",
    "mut",
    "mutable",
    "namespace",
    "near",
    "new",
    "noexcept",
    "noreturn",
    "not",
    "not_eq",
    "null",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "out",
    "override",
    "priv",
    "private",
    "protected",
    "pub",
    "public",
    "ref",
    "reflexpr",
    "register",
    "reinterpret_cast",
    "requires",
    "restrict",
    "return",
    "self",
    "short",
    "signed",
    "sizeof",
    "small",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "super",
    "switch",
    "synchronized",
    "template",
    "this",
    "thread_local",
    "throw",
    "trait",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "typeof",
    "typeof_unqual",
    "union",
    "unix",
    "unsafe",
    "unsized",
    "unsigned",
    "use",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "where",
    "while",
    "xor",
    "xor_eq",
    "yield",
];
