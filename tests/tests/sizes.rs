//! Files and functions stay small enough to read in one go.

use rjaxc_tests::{files, root, shown};

const FILE_LINES: usize = 800;
const FUNCTION_LINES: usize = 80;

/// Functions that may be longer, each with its reason. Tables may be long, logic may not.
const LONG_FUNCTIONS: &[(&str, &str)] = &[("row", "a table with one row per operation")];

#[test]
fn files_are_under_the_limit() {
    let mut offenders = Vec::new();
    for path in sources() {
        let lines = std::fs::read_to_string(&path).expect("sources are UTF-8").lines().count();
        if lines > FILE_LINES {
            offenders.push(format!("{}: {lines} lines", shown(&path)));
        }
    }
    assert!(offenders.is_empty(), "over {FILE_LINES} lines:\n{}", offenders.join("\n"));
}

#[test]
fn functions_are_under_the_limit() {
    let mut offenders = Vec::new();
    for path in sources() {
        let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
        for (name, line, length) in functions(&text) {
            if length > FUNCTION_LINES && !LONG_FUNCTIONS.iter().any(|(allowed, _)| *allowed == name) {
                offenders.push(format!("{}:{line}: {name} has {length} lines", shown(&path)));
            }
        }
    }
    assert!(offenders.is_empty(), "over {FUNCTION_LINES} lines:\n{}", offenders.join("\n"));
}

fn sources() -> Vec<std::path::PathBuf> {
    ["compiler", "runtime", "cli", "tests"]
        .iter()
        .flat_map(|folder| files(&root().join(folder), &["rs"]))
        .collect()
}

/// Name, first line and length of every function, matched by indentation (rustfmt keeps it regular).
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let signature = body
            .trim_start_matches("pub(crate) ")
            .trim_start_matches("pub(super) ")
            .trim_start_matches("pub ");
        let signature = signature.trim_start_matches("const ").trim_start_matches("unsafe ");
        let Some(rest) = signature.strip_prefix("fn ") else { continue };
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        // Declarations in traits have no body.
        let opens = |candidate: &&&str| candidate.ends_with(['{', '}', ';']);
        if !lines[start..].iter().find(opens).is_some_and(|candidate| candidate.ends_with('{')) {
            continue;
        }
        let close = format!("{}}}", " ".repeat(line.len() - body.len()));
        if let Some(length) = lines[start..].iter().position(|candidate| *candidate == close) {
            found.push((name, start + 1, length + 1));
        }
    }
    found
}
