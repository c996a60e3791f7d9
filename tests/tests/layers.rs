//! Imports point at vocabularies, never at drivers: reads every `crate::` path of the compiler.

use rjaxc_tests::{files, root, shown};

/// Layer of each module of `compiler/src`; a module imports only from smaller numbers, or from itself.
const LAYERS: &[(&str, u32)] = &[
    ("diag", 1),
    ("types", 1),
    ("loops", 2),
    ("hlo", 2),
    ("derivatives", 2),
    ("ir", 3),
    ("ops", 3),
    ("front", 4),
    ("export", 4),
    ("eval", 4),
    ("transform", 4),
    ("optimize", 4),
    ("lower", 4),
    ("schedule", 5),
    ("codegen", 5),
    ("link", 6),
    ("exports", 6),
    ("pipeline", 7),
    ("lib", 7),
    ("laws", 8),
];

/// Functions of `lib.rs`, which are no modules.
const ROADS: &[&str] = &["read", "compile", "interface", "emit"];

/// Edges that the numbers alone do not say.
fn allowed(from: &str, to: &str) -> bool {
    let layer = |module: &str| LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer);
    let (Some(a), Some(b)) = (layer(from), layer(to)) else { return false };
    let knot = matches!((from, to), ("ir", "ops") | ("ops", "ir") | ("diag", "types") | ("types", "diag"));
    // Schedule and code generation see loops, never programs.
    let blind = a == 5 && b > 2;
    from == to || knot || b < a && !blind
}

#[test]
fn imports_follow_the_layers() {
    let source = root().join("compiler/src");
    let mut offenders = Vec::new();
    // Unit tests may compare with whatever they like.
    let is_test = |path: &std::path::Path| {
        path.components().any(|part| {
            let part = part.as_os_str().to_string_lossy();
            part.trim_end_matches(".rs").ends_with("tests")
        })
    };
    for path in files(&source, &["rs"]) {
        if is_test(path.strip_prefix(&source).expect("the file lies under the folder")) {
            continue;
        }
        let relative = path.strip_prefix(&source).expect("the file lies under the folder");
        // Tests may look anywhere.
        let is_test = |part: &str| part == "laws" || part == "tests" || part.ends_with("tests.rs");
        if relative.iter().any(|part| is_test(&part.to_string_lossy())) {
            continue;
        }
        let first = relative.components().next().expect("a file has a name").as_os_str().to_string_lossy();
        let from = first.trim_end_matches(".rs").to_string();
        let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
        for (number, line) in text.lines().enumerate() {
            // Documentation may point anywhere.
            let code = line.split("//").next().unwrap_or("");
            for to in imported(code) {
                let to = if ROADS.contains(&to.as_str()) { "lib".to_string() } else { to };
                if !allowed(&from, &to) {
                    offenders.push(format!("{}:{}: {from} imports {to}", shown(&path), number + 1));
                }
            }
        }
    }
    assert!(offenders.is_empty(), "imports against the layers:\n{}", offenders.join("\n"));
}

/// The modules named by `crate::x` and `crate::{x, y::z}` in a line.
fn imported(code: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut found = Vec::new();
    for part in code.split("crate::").skip(1) {
        match part.strip_prefix('{') {
            // Split at the commas of the outermost braces.
            Some(list) => {
                let mut depth = 0;
                let mut item = String::new();
                for c in list.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 0 => found.push(name(&std::mem::take(&mut item))),
                        _ if depth == 0 => item.push(c),
                        _ => {}
                    }
                    if depth < 0 {
                        break;
                    }
                }
                found.push(name(&item));
            }
            None => found.push(name(part)),
        }
    }
    // Items of the crate root (`crate::VERSION`) are not modules.
    found.into_iter().filter(|module| module.starts_with(|c: char| c.is_ascii_lowercase())).collect()
}

#[test]
fn every_module_has_a_layer() {
    let source = root().join("compiler/src");
    let known = |name: &str| LAYERS.iter().any(|(module, _)| *module == name);
    for entry in std::fs::read_dir(&source).expect("the compiler has sources").filter_map(|entry| entry.ok())
    {
        let name = entry.file_name().to_string_lossy().trim_end_matches(".rs").to_string();
        assert!(known(&name), "compiler/src/{name} has no layer: add it to the list here and in lib.rs");
    }
}
