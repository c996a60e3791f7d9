//! How names of a program, which may be any text, get into generated files: as identifiers, or as harmless text.
//!
//! Every name goes through one of the functions here, in every file, so that no name can end a comment, start a line or
//! make code look like what it is not.

use crate::ir::source::LeftOut;

/// An identifier of C, C++ and Rust at once: letters, digits and single underscores, not reserved.
pub(super) fn identifier(name: &str) -> String {
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
    let lower = text.to_ascii_lowercase();
    // What headers declare themselves begins like this: `RJAX_OK`, `rjax_status_str`.
    if RESERVED.contains(&lower.as_str()) || lower.starts_with("rjax_") {
        text.push('_');
    }
    text
}

/// Is it an identifier of C that may begin a symbol? Empty is none.
pub fn is_symbol_prefix(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(is_letter) && text.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}

/// Text for comments of C and Rust and for dumps: one line, which ends no comment and shows every character that it has.
///
/// What is not a letter, a digit, a space or a sign of ASCII is written as `{U+202E}`: line ends of all kinds, control
/// characters, and those that reorder or hide text.
pub fn comment_text(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        match c {
            // Neither opens nor ends a comment of C, continues a line, or ends a code span of rustdoc.
            '/' if shown.ends_with('*') => shown += " /",
            '*' if shown.ends_with('/') => shown += " *",
            '\\' => shown.push(' '),
            '`' => shown.push('\''),
            // `??/` is a backslash in old C.
            '?' if shown.ends_with('?') => shown += " ?",
            ' ' => shown.push(c),
            // Letters without a shape.
            '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => {
                shown += &format!("{{U+{:04X}}}", u32::from(c))
            }
            c if c.is_ascii_graphic() || c.is_alphanumeric() => shown.push(c),
            c => shown += &format!("{{U+{:04X}}}", u32::from(c)),
        }
    }
    shown
}

/// A string literal of C, without the zeros that would end it early.
pub(super) fn string_literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for byte in text.bytes().filter(|&byte| byte != 0) {
        match byte {
            b'"' | b'\\' => literal.extend(['\\', char::from(byte)]),
            // No trigraphs.
            b'?' => literal += "\\?",
            b' '..=b'~' => literal.push(char::from(byte)),
            _ => literal += &format!("\\{byte:03o}"),
        }
    }
    literal + "\""
}

/// What to tell callers of arguments that have no parameter, in a line. `None`: there are none.
pub(super) fn left_out(left_out: &LeftOut) -> Option<String> {
    let list = |names: &[String]| names.iter().map(|name| comment_text(name)).collect::<Vec<_>>().join(", ");
    match left_out {
        LeftOut::Exactly(names) if names.is_empty() => None,
        LeftOut::Exactly(names) => {
            Some(format!("Not among the parameters, because nothing reads them: {}.", list(names)))
        }
        LeftOut::AtLeast(names) if names.is_empty() => Some(
            "JAX leaves out arguments that nothing reads; its text does not say whether there were any."
                .into(),
        ),
        LeftOut::AtLeast(names) => Some(format!(
            "Not among the parameters, because nothing reads them or they hold no arrays: {}. There may be more, of which \
             the text says nothing.",
            list(names)
        )),
    }
}

/// Keywords of C, C++ and Rust, words that common headers and compilers define as macros, and the types that generated
/// declarations use.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "abstract", "alignas", "alignof", "and", "and_eq", "as", "asm", "assert", "async", "atomic_cancel",
    "atomic_commit", "atomic_noexcept", "auto", "await", "become", "bitand", "bitor", "bool", "box", "break",
    "case", "catch", "char", "char16_t", "char32_t", "char8_t", "class", "co_await", "co_return", "co_yield",
    "compl", "complex", "concept", "const", "const_cast", "consteval", "constexpr", "constinit", "continue",
    "contract_assert", "crate", "decltype", "default", "delete", "do", "double", "dyn", "dynamic_cast",
    "else", "enum", "errno", "explicit", "export", "extern", "false", "far", "final", "float", "fn", "for",
    "friend", "gen", "goto", "i386", "if", "imaginary", "impl", "in", "inline", "int", "int16_t", "int32_t",
    "int64_t", "int8_t", "interface", "intptr_t", "let", "linux", "long", "loop", "macro", "match", "max",
    "min", "mod", "module", "move", "mut", "mutable", "namespace", "near", "new", "noexcept", "noreturn",
    "not", "not_eq", "null", "nullptr", "offsetof", "operator", "or", "or_eq", "out", "override", "priv", "private",
    "protected", "ptrdiff_t", "pub", "public", "ref", "reflexpr", "register", "reinterpret_cast", "requires",
    "restrict", "return", "safe", "self", "short", "signed", "size_t", "sizeof", "small", "static", "static_assert", "static_cast",
    "struct", "super", "switch", "synchronized", "template", "this", "thread_local", "throw", "trait", "true",
    "try", "typedef", "typeid", "typename", "typeof", "typeof_unqual", "uint16_t", "uint32_t", "uint64_t",
    "uint8_t", "uintptr_t", "union", "unix", "unsafe", "unsigned", "unsized", "use", "using", "virtual",
    "void", "volatile", "wchar_t", "where", "while", "xor", "xor_eq", "yield",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_comment() {
        let names = [
            "a*/b",
            "a/*b",
            "/*/",
            "*/*",
            "a\\\nb",
            "a\rb",
            "a\u{2028}b",
            "a\u{85}b",
            "a\0b",
            "a\u{202e}b",
            "??/",
        ];
        for name in names {
            let text = comment_text(name);
            assert!(!text.contains("*/") && !text.contains("/*") && !text.contains("??/"), "{text}");
            assert!(
                !text.contains(['\\', '\n', '\r', '\0', '`', '\u{2028}', '\u{85}', '\u{202e}']),
                "{text}"
            );
        }
        assert_eq!(comment_text("a\u{202e}b"), "a{U+202E}b");
        assert_eq!(comment_text("W['p']"), "W['p']");
        assert_eq!(comment_text("größe 日本"), "größe 日本");
    }

    #[test]
    fn prefixes_are_identifiers() {
        assert!(["a", "_a1", "Model_2"].iter().all(|text| is_symbol_prefix(text)));
        assert!(["", "1a", "a-b", "a b", "a\n", "é", "*/"].iter().all(|text| !is_symbol_prefix(text)));
    }

    #[test]
    fn the_reserved_words_are_sorted_and_found_in_any_case() {
        assert!(RESERVED.is_sorted());
        assert_eq!(["int", "Self", "FN", "int32_t"].map(identifier), ["int_", "Self_", "FN_", "int32_t_"]);
        assert_eq!(["RJAX_OK", "rjax_exec", "rjax"].map(identifier), ["RJAX_OK_", "rjax_exec_", "rjax"]);
    }
}
