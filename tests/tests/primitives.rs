//! Every primitive of today's JAX is known: supported, left out, or refused by its own name.

use rjaxc_compiler::diag::Sources;
use rjaxc_compiler::front;
use rjaxc_tests::root;

/// What a program of one such equation is told.
fn answer(primitive: &str) -> String {
    told(format!("{{ lambda ; a:f32[3]. let b:f32[3] = {primitive} a in (b,) }}\n"))
}

/// The same without results: an equation that may be left out.
fn answer_without_results(primitive: &str) -> String {
    told(format!("{{ lambda ; a:f32[3]. let {primitive} a in (a,) }}\n"))
}

fn told(text: String) -> String {
    let mut sources = Sources::new();
    let id = sources.add("model.ir", text);
    match front::read(&sources, id) {
        Ok(_) => String::new(),
        Err(errors) => errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; "),
    }
}

#[test]
fn primitives_of_jax_are_supported_or_refused_by_name() {
    for answer in [answer("no_such_primitive"), answer_without_results("no_such_primitive")] {
        assert!(answer.contains("unknown primitive"), "the test can fail");
    }
    let path = root().join("tests/primitives/jax-0.12.0.1.txt");
    let list = std::fs::read_to_string(&path).expect("the list is there");
    let names: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(names.len() > 250, "only {} names", names.len());
    let unknown: Vec<&str> = names
        .into_iter()
        .filter(|name| answer(name).contains("unknown primitive"))
        .filter(|name| answer_without_results(name).contains("unknown primitive"))
        .collect();
    assert!(unknown.is_empty(), "neither supported nor refused: {unknown:?}");
}
