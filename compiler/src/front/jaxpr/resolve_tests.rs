//! Names, scopes, shared definitions and types; what stands around functions.

use super::{read, read_export};
use crate::diag::{Diagnostic, Fault, Sources, render};
use crate::ir::source::{ConstantValue, Expression, Source, Threefry};
use crate::ir::{Program, Value, verify};
use crate::types::{Aval, DType};

fn source(text: &str) -> Source {
    let mut sources = Sources::new();
    let id = sources.add("test.ir", text);
    match read(&sources, id) {
        Ok(source) => source,
        Err(diagnostics) => panic!("{}", render(&sources, &diagnostics[0])),
    }
}

fn main_of(text: &str) -> Program {
    let program = source(text).functions.pop().expect("a function").program;
    assert_eq!(verify(&program), []);
    program
}

/// All errors: `line:column message`; `...` stands for any end.
fn check_errors(text: &str, expected: &[&str]) {
    let mut sources = Sources::new();
    let id = sources.add("test.ir", text);
    let diagnostics = read(&sources, id).expect_err("the text is wrong");
    let line = |d: &Diagnostic| {
        let (line, column) = sources.line_column(d.labels[0].0);
        format!("{line}:{column} {}", d.message)
    };
    let found: Vec<String> = diagnostics.iter().map(line).collect();
    let fits = |(found, expected): (&String, &&str)| match expected.strip_suffix("...") {
        Some(start) => found.starts_with(start),
        None => found == expected,
    };
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(fits), "{found:#?}");
}

#[test]
fn resolves_a_program_and_prints_it_back() {
    let text = "{ lambda ; a:f32[3] b:f32[]. let\n    c:f32[3] = sin a\n    d:f32[3] = neg c\n  in (d, b, 1.0:f32[]) }";
    let program = main_of(text);
    assert_eq!(program.equations.len(), 2);
    assert_eq!(program.to_string(), text);
    assert_eq!(program.equations[0].origin.span().map(|span| (span.start, span.end)), Some((37, 53)));
}

#[test]
fn types_of_results_are_inferred_where_left_out() {
    let program = main_of("{ lambda ; a:f32[3]. let b = sin a; c = neg b in (c,) }");
    assert_eq!(program.output_avals(), [Aval::new(DType::F32, [3])]);
}

#[test]
fn shared_definitions_come_in_any_order_and_are_shared() {
    let text = "let f = { lambda ; a:f32[]. let b:f32[] = jit[name=g jaxpr=g] a in (b,) } in\n\
                let g = { lambda ; a:f32[]. let b:f32[] = sin a in (b,) } in\n\
                { lambda ; a:f32[]. let b:f32[] = jit[name=f jaxpr=f] a; c:f32[] = jit[name=<lambda> jaxpr=g] b in (c,) }";
    let file = source(text);
    let called: Vec<_> =
        file.functions.iter().map(|function| (function.name.as_str(), function.called)).collect();
    assert_eq!(called, [("f", true), ("g", true), ("main", false)]);
    let [f, g] = [0, 1].map(|at| file.functions[2].program.equations[at].op.bodies()[0].clone());
    assert!(f.equations[0].op.bodies()[0].same(&g));
    assert_eq!(g.name(), Some("g"));
}

#[test]
fn nested_programs_see_their_own_definitions_first() {
    let text = "let f = { lambda ; a:f32[]. let b:f32[] = sin a in (b,) } in\n\
                { lambda ; a:f32[]. let b:f32[] = jit[name=f jaxpr=let f = { lambda ; a:f32[]. let b:f32[] = cos a in (b,) } in \
                { lambda ; a:f32[]. let b:f32[] = jit[name=f jaxpr=f] a in (b,) }] a in (b,) }";
    let main = main_of(text);
    assert_eq!(main.equations[0].op.bodies()[0].equations[0].op.bodies()[0].equations[0].op.name(), "cos");
}

#[test]
fn a_dropped_result_is_a_name() {
    let text = "{ lambda ; a:f32[]. let\n    _:f32[] b:f32[] = jit[name=norm jaxpr={ lambda ; a:f32[]. let\n        \
                _:f32[] = sqrt a\n        b:f32[] = sin _\n      in (_, b) }] a\n  in (b,) }";
    let body = main_of(text).equations[0].op.bodies()[0].clone();
    assert_eq!(body.outputs[0].var(), Some(body.equations[0].results[0]));
    assert_eq!(body.equations[1].operands, [body.outputs[0]]);
}

#[test]
fn dropped_results_are_told_apart_by_type_or_refused() {
    let body = "{ lambda ; a:f32[] i:i32[3]. let _:f32[] = sin a; _:i32[3] = neg i in (_, _) }";
    let text = format!(
        "{{ lambda ; a:f32[] i:i32[3]. let _:f32[] _:i32[3] = jit[name=f jaxpr={body}] a i in (a,) }}"
    );
    let inner = main_of(&text).equations[0].op.bodies()[0].clone();
    assert_eq!(inner.output_avals(), [Aval::scalar(DType::F32), Aval::new(DType::I32, [3])]);
    let several = "`_` stands for more than one result here";
    check_errors(
        "{ lambda ; a:f32[]. let _:f32[] = sin a; _:f32[] = cos a\n b:f32[] = neg _ in (b,) }",
        &[&format!("2:16 {several}")],
    );
    // Inside, two results of one type are called `_`; outside, one of them is used.
    let body = "{ lambda ; a:f32[]. let _:f32[] = sin a; _:f32[] = cos a in (_,) }";
    let text = |used| {
        format!(
            "{{ lambda ; a:f32[]. let _:f32[] = jit[name=f jaxpr={body}] a\n b:f32[] = neg {used} in (b,) }}"
        )
    };
    main_of(&text("a"));
    check_errors(&text("_"), &[&format!("2:16 {several}")]);
    let shared = format!(
        "let f = {body} in\n{{ lambda ; a:f32[]. let _:f32[] = jit[name=f jaxpr=f] a\n b:f32[] = jit[name=f jaxpr=f] a in (b,) }}"
    );
    check_errors(&shared, &[&format!("3:2 {several}")]);
}

#[test]
fn names_are_checked() {
    check_errors(
        "{ lambda ; value:f32[]. let\n b:f32[] = sin valu\n b:f32[] = sin value\n c:f32[] = sin d\n in (x,) }",
        &[
            "2:16 unknown variable valu",
            "3:2 the name b is bound twice",
            "4:16 unknown variable d",
            "5:6 unknown variable x",
        ],
    );
    // A body does not see the text around it.
    check_errors(
        "{ lambda ; a:f32[]. let b:f32[] = jit[name=f jaxpr={ lambda ; . let\n c:f32[] = sin a in (c,) }] in (b,) }",
        &["2:16 unknown variable a"],
    );
    check_errors("{ lambda ; a. let in (a,) }", &["1:12 the type of the input a is missing"]);
}

#[test]
fn definitions_are_checked() {
    let f = "let f = { lambda ; a:f32[]. let b:f32[] = jit[name=f jaxpr=f] a in (b,) }";
    check_errors(f, &["1:60 the function f calls itself"]);
    let main = "{ lambda ; a:f32[]. let\n b:f32[] = jit[name=f jaxpr=gauge] a in (b,) }";
    check_errors(main, &["2:29 there is no definition gauge"]);
    let g = "{ lambda ; a:f32[]. let in (a,) }";
    check_errors(&format!("let g = {g}\nlet g = {g}"), &["2:5 the function g is defined twice"]);
    check_errors(
        &format!("let main = {g}\n{g}"),
        &["1:5 the function without a name is called main, and so is another"],
    );
}

#[test]
fn types_are_checked() {
    check_errors(
        "{ lambda ; a:f32[3]. let\n b:f32[4] = sin a\n c:f32[3] d:f32[3] = sin a\n e:f32[3] = sin a a\n \
         g:f32[3] = sin 1:i32[]\n in (b,) }",
        &[
            "2:2 sin makes f32[3], but the binder says f32[4]",
            "3:22 sin has 1 results, but 2 are bound",
            "4:13 sin: expected 1 operand...",
            "5:13 sin: ...",
        ],
    );
}

#[test]
fn unknown_primitives_are_refused_by_name() {
    let mut sources = Sources::new();
    let id =
        sources.add("test.ir", "{ lambda ; a:f32[]. let b:f32[] = unvmap_none a # m.py:3:1 (f)\n in (b,) }");
    let diagnostics = read(&sources, id).expect_err("there is no such primitive");
    assert_eq!(
        (diagnostics[0].fault, diagnostics[0].message.as_str()),
        (Fault::Unsupported, "unknown primitive unvmap_none")
    );
    assert_eq!(diagnostics[0].labels[0].1, "from m.py:3:1 (f)");
}

#[test]
fn calls_beyond_any_depth_are_refused() {
    let mut text = "let f0 = { lambda ; a:f32[]. let in (a,) }\n".to_string();
    for n in 1..5000 {
        let callee = n - 1;
        text += &format!(
            "let f{n} = {{ lambda ; a:f32[]. let b:f32[] = jit[name=f jaxpr=f{callee}] a in (b,) }}\n"
        );
    }
    let mut sources = Sources::new();
    let id = sources.add("deep.ir", text.clone());
    let deep = "functions call each other more than 256 deep";
    assert_eq!(read(&sources, id).expect_err("too deep")[0].message, deep);
    let reversed = text.lines().rev().collect::<Vec<_>>().join("\n");
    let id = sources.add("reversed.ir", reversed);
    assert!(read(&sources, id).expect_err("too deep").iter().any(|error| error.message == deep));
}

#[test]
fn constants_take_the_type_of_their_constvar() {
    let file = source(
        "const W = [[1., 2.], [-0.5, 4]]\nconst m: bool[2] = [0, True]\nconst e: f32[0,3] = []\nconst f: f32[2] = file(\"f.npz\", \"f\")\n\
         threefry = original\nlet g = { lambda W:f16[2,2]; a:f32[]. let in (a, a, 2:i32[]) }",
    );
    let ConstantValue::Tensor(w) = &file.constants[0].value else { panic!("no elements") };
    assert_eq!((w.aval(), w.get(&[1, 0]).float()), (&Aval::new(DType::F16, [2, 2]), -0.5));
    let ConstantValue::Tensor(mask) = &file.constants[1].value else { panic!("no elements") };
    assert_eq!(mask.bytes(), [0, 1]);
    assert!(matches!(&file.constants[3].value, ConstantValue::File { path, .. } if path == "f.npz"));
    assert_eq!(file.threefry, Some(Threefry::Original));
    let g = &file.functions[0];
    assert_eq!(
        (g.constvar_names.as_slice(), g.output_names.join(" ")),
        (&["W".to_string()][..], "a out1 out2".into())
    );
}

#[test]
fn constants_are_checked() {
    let g = "\nlet g = { lambda ; a:f32[]. let in (a,) }";
    check_errors(&format!("const W = 1{g}"), &["1:1 the type of the constant W is missing"]);
    check_errors(
        &format!("const W:f32[2] = [1, 2, 3]{g}"),
        &["1:18 the constant has the shape [3], but its type is f32[2]"],
    );
    check_errors(&format!("const W:i8[2] = [1, 200]{g}"), &["1:21 the constant 200 does not fit i8"]);
    let ragged = "the lists of the constant have different lengths or depths";
    check_errors(&format!("const W:f32[2,2] = [[1, 2], [3]]{g}"), &[&format!("1:29 {ragged}")]);
    check_errors(&format!("const W:f32[2] = [1, [2]]{g}"), &[&format!("1:22 {ragged}")]);
    check_errors(
        &format!("const W:f32[] = 1\nconst W:f32[] = 2{g}"),
        &["2:7 the constant W is defined twice"],
    );
}

#[test]
fn exports_become_expressions() {
    let mut sources = Sources::new();
    let id = sources.add("--export", "h = vmap(grad(f, (0, 1)), in_axes=(None, 0))");
    let export = read_export(&sources, id).expect("an export");
    let Expression::Transform { name, argument, keywords, .. } = export.expression else {
        panic!("no transform")
    };
    assert_eq!((name.as_str(), keywords[0].key.as_str()), ("vmap", "in_axes"));
    let Expression::Transform { argument, keywords, .. } = *argument else { panic!("no transform") };
    assert_eq!((keywords[0].key.as_str(), &keywords[0].value), ("", &Value::tuple([0i64, 1])));
    assert!(matches!(*argument, Expression::Function { name, .. } if name == "f"));
    for wrong in ["g = grad()", "g = grad(1)", "g = grad(f, h(1))", "g = 1"] {
        let id = sources.add("--export", wrong);
        assert!(read_export(&sources, id).is_err(), "{wrong}");
    }
}

/// Reads every file of the folder `RJAXC_JAXPR_TEXTS` names, if it is set: what is not unsupported and has all its
/// constants must verify, and print to a text that reads back to an equal program.
#[test]
fn corpus_resolves() {
    let Ok(folder) = std::env::var("RJAXC_JAXPR_TEXTS") else {
        println!("skipped: RJAXC_JAXPR_TEXTS is not set");
        return;
    };
    let mut sources = Sources::new();
    let mut counts = [0; 3];
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let id = sources.add(path.display().to_string(), std::fs::read_to_string(&path).expect("a text"));
        match read(&sources, id) {
            Ok(file) => {
                counts[0] += 1;
                let main = &file.functions.last().expect("a function").program;
                assert_eq!(verify(main), [], "{}", path.display());
                let again = sources.add("printed.ir", main.to_string());
                match read(&sources, again) {
                    Ok(file) if file.functions.last().expect("a function").program == main.renumbered() => {}
                    Ok(_) => failures.push(format!("{}: reads back differently\n{main}", path.display())),
                    Err(errors) => {
                        failures.push(format!("{}: {}", path.display(), render(&sources, &errors[0])))
                    }
                }
            }
            Err(errors) => match errors.iter().find(|error| !is_expected(error)) {
                Some(error) => {
                    counts[2] += 1;
                    failures.push(render(&sources, error));
                }
                None => counts[1] += 1,
            },
        }
    }
    println!("{} read, {} unsupported or without constants, {} wrong", counts[0], counts[1], counts[2]);
    let limit = failures.len().min(40);
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures[..limit].join("\n"));
}

/// JAX's text drops the constants of nested functions; the error says so.
fn is_expected(error: &Diagnostic) -> bool {
    error.fault == Fault::Unsupported || error.message.ends_with("which the text lacks")
}

/// Mutants of the same files must be read or refused, never panic.
#[test]
fn mutated_corpus_never_panics() {
    let Ok(folder) = std::env::var("RJAXC_JAXPR_TEXTS") else {
        println!("skipped: RJAXC_JAXPR_TEXTS is not set");
        return;
    };
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    let mut random = move |bound: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % bound as u64) as usize
    };
    let mut panics = Vec::new();
    for path in paths {
        let original = std::fs::read(&path).expect("a text");
        for _ in 0..4 {
            let mut bytes = original.clone();
            for _ in 0..1 + random(3) {
                let (at, from) = (random(bytes.len()), random(bytes.len()));
                match random(3) {
                    0 => drop(bytes.remove(at)),
                    1 => bytes[at] = bytes[from],
                    _ => bytes.insert(at, b"0123456789-,()"[random(14)]),
                }
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let mut sources = Sources::new();
            let id = sources.add("mutant.ir", text.as_str());
            if std::panic::catch_unwind(|| read(&sources, id).is_ok()).is_err() {
                panics.push(text);
            }
        }
    }
    assert!(
        panics.is_empty(),
        "{} panics, the shortest with\n{}",
        panics.len(),
        panics.iter().min_by_key(|t| t.len()).expect("one")
    );
}

#[test]
fn constants_without_types_take_them_from_their_surroundings() {
    let main = main_of("{ lambda ; a:f64[]. let b = mul 2 a in (b, 1.0, 2, True, -inf, 1j) }");
    let dtypes: Vec<DType> = main.output_avals().iter().map(|aval| aval.dtype).collect();
    assert_eq!(dtypes, [DType::F64, DType::F64, DType::I64, DType::Bool, DType::F64, DType::C128]);
    let main =
        main_of("{ lambda ; a:bf16[3] inf:i32[]. let b = add a 1; c = add inf 1 in (b, 1.0, 5000000000) }");
    let dtypes: Vec<DType> = main.output_avals().iter().map(|aval| aval.dtype).collect();
    assert_eq!(dtypes, [DType::BF16, DType::F32, DType::I64]);
    assert!(main.to_string().contains("add a 1.0:bf16[]"), "{main}");
    check_errors("{ lambda ; a:i32[2]. let b:i32[2] = add a 1.5 in (b,) }", &["1:37 add: ..."]);
    check_errors("{ lambda ; . let in (99999999999999999999999,) }", &["1:22 the constant fits no type"]);
}

#[test]
fn the_layout_of_random_bits_is_chosen_by_evidence() {
    let split = "b:key<fry>[2] = random_split[shape=(2,)] a";
    let layout = |body: &str| source(&format!("{{ lambda ; a:key<fry>[]. let {split}; {body} in (b,) }}"));
    // Today's text, or text that could be of any version: nothing to say.
    for body in
        ["", "c:f32[] = add 1.0:f32[] 2.0:f32[]", "c:i32[] = jit[name=f jaxpr={ lambda ; . let in (2,) }]"]
    {
        let source = layout(body);
        assert_eq!((source.threefry, source.warnings.len()), (None, 0), "{body}");
    }
    let old = [
        ("c:f32[] = add 1.0 2.0", Threefry::Original),
        ("c:key<fry>[] = pjit[name=f jaxpr={ lambda ; d:key<fry>[]. let in (d,) }] a", Threefry::Original),
        (
            "c:key<fry>[] = pjit[name=f jaxpr={ lambda ; a:key<fry>[]. let in (a,) }] a; e:f32[] = add 1.0 2.0",
            Threefry::Partitionable,
        ),
    ];
    for (body, expected) in old {
        let source = layout(body);
        assert_eq!(source.threefry, Some(expected), "{body}");
        assert!(source.warnings[0].message.starts_with("random bits are taken to have the "), "{body}");
    }
    let said =
        source(&format!("threefry = partitionable\n{{ lambda ; a:key<fry>[]. let {split} in (b, 1.0) }}"));
    assert_eq!((said.threefry, said.warnings.len()), (Some(Threefry::Partitionable), 0));
    let without_keys = source("{ lambda ; a:f32[]. let b:f32[] = mul a 2.0 in (b,) }");
    assert_eq!((without_keys.threefry, without_keys.warnings.len()), (None, 0));
}
