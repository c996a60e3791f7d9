//! The traps of JAX's printer, one test each; mistakes and what is said about them; mutated texts.

use super::syntax::{Atom, ConstValue, File, Jaxpr, Numbers, ParamValue, Threefry, TransformExpr};
use super::{parse, parse_export};
use crate::diag::{Diagnostic, Fault, Sources, render};
use crate::types::{Aval, DType, Literal, Scalar};

fn with_file(text: &str, check: impl FnOnce(&File)) {
    let mut sources = Sources::new();
    let id = sources.add("test.ir", text);
    match parse(&sources, id) {
        Ok(file) => check(&file),
        Err(diagnostics) => panic!("{}", render(&sources, &diagnostics[0])),
    }
}

fn with_main(text: &str, check: impl FnOnce(&Jaxpr)) {
    with_file(text, |file| check(file.main.as_ref().expect("a bare function")));
}

/// The value of the only parameter `p` of an equation.
fn with_value(value: &str, check: impl FnOnce(&ParamValue)) {
    let text = format!("{{ lambda ; a:f32[]. let b:f32[] = op[\n  p={value}\n  q=0\n] a in (b,) }}");
    with_main(&text, |jaxpr| {
        let params = &jaxpr.equations[0].params;
        assert_eq!(params.len(), 2, "{params:?}");
        assert_eq!(params[1].value, ParamValue::Int(0));
        check(&params[0].value);
    });
}

fn errors(text: &str) -> (Sources, Vec<Diagnostic>) {
    let mut sources = Sources::new();
    let id = sources.add("test.ir", text);
    let diagnostics = parse(&sources, id).expect_err("the text is wrong");
    (sources, diagnostics)
}

/// The first error: its position as `line:column`, and its message.
fn check_error(text: &str, fault: Fault, position: (usize, usize), message: &str) {
    let (sources, diagnostics) = errors(text);
    let first = &diagnostics[0];
    assert_eq!(first.message, message);
    assert_eq!(first.fault, fault);
    assert_eq!(sources.line_column(first.labels[0].0), position, "{}", render(&sources, first));
}

fn literal_of(text: &str) -> Literal {
    let mut found = None;
    with_main(&format!("{{ lambda ; . let in ({text},) }}"), |jaxpr| match jaxpr.outputs[0] {
        Atom::Literal(literal, _) => found = Some(literal),
        Atom::Var(name) => panic!("{} is a variable", name.text),
        Atom::Untyped(value, _) => panic!("{value:?} has no type"),
    });
    found.expect("an output")
}

fn names(atoms: &[Atom]) -> Vec<String> {
    let name = |atom: &Atom| match atom {
        Atom::Var(name) => name.text.to_string(),
        Atom::Literal(literal, _) => format!("{literal:?}"),
        Atom::Untyped(value, _) => format!("{value:?}"),
    };
    atoms.iter().map(name).collect()
}

fn f32(shape: &[usize]) -> Aval {
    Aval::new(DType::F32, shape)
}

#[test]
fn reads_a_jaxpr() {
    with_main(
        "{ lambda a:f32[2]; b:f32[3,4]. let\n    c:f32[] = foo[x=1 y=(0,)] b 1.5:f32[]\n  in (c, a) }",
        |main| {
            assert_eq!(main.constvars[0].aval, Some(f32(&[2])));
            assert_eq!(main.inputs[0].aval, Some(f32(&[3, 4])));
            let eqn = &main.equations[0];
            assert_eq!((eqn.primitive.text, eqn.binders[0].name.text), ("foo", "c"));
            assert_eq!(eqn.params[1].value, ParamValue::Tuple(vec![ParamValue::Int(0)]));
            assert_eq!(names(&eqn.operands), ["b", "1.5:f32[]"]);
            assert_eq!(names(&main.outputs), ["c", "a"]);
            assert_eq!((eqn.span.start, eqn.span.end), (39, 76));
        },
    );
}

#[test]
fn one_line_layout_separates_equations_by_semicolons() {
    let text = "{ lambda ; . let a:f32[] = foo ; b:f32[] = scatter-add[x=1] a a; c:f32[] = neg b in (c, 0.0:f32[]) }";
    with_main(text, |main| {
        let primitives: Vec<_> = main.equations.iter().map(|eqn| eqn.primitive.text).collect();
        assert_eq!(primitives, ["foo", "scatter-add", "neg"]);
        assert_eq!(names(&main.equations[1].operands), ["a", "a"]);
    });
}

#[test]
fn blanks_alone_separate_equations_whose_result_is_typed() {
    with_main(
        "{ lambda ; a:f32[]. let b:f32[] = sin a  c:f32[] = cos b d = mul b inf:f32[] in (d,) }",
        |main| {
            assert_eq!(main.equations.len(), 3);
            assert_eq!(names(&main.equations[2].operands), ["b", "inf:f32[]"]);
        },
    );
}

#[test]
fn long_lists_wrap_deeper_than_their_equation() {
    let text = "{ lambda ; a:f32[]. let\n    b:f32[] c:f32[]\n      d:f32[] = foo a a\n      a inf:f32[] a\n      \
                nan:f32[]\n      a\n    e:f32[] = bar\n      b c\n  in (e,\n    b, c) }";
    with_main(text, |main| {
        assert_eq!(main.equations.len(), 2);
        assert_eq!(main.equations[0].binders.len(), 3);
        assert_eq!(names(&main.equations[0].operands), ["a", "a", "a", "inf:f32[]", "a", "nan:f32[]", "a"]);
        assert_eq!(names(&main.equations[1].operands), ["b", "c"]);
        assert_eq!(names(&main.outputs), ["e", "b", "c"]);
    });
}

#[test]
fn keywords_are_variable_names() {
    let text = "{ lambda ; in:f32[] let:f32[]. let\n    inf:f32[] = add in let\n    nan:f32[] = sub in inf:f32[]\n    \
                lambda:f32[] = mul inf nan:f32[]\n    const:f32[] = add in (1+2j):c64[]\n    in:f32[] export:f32[] = f lambda\n  \
                in (in, nan) }";
    with_main(text, |main| {
        let results: Vec<_> = main.equations.iter().map(|eqn| eqn.binders[0].name.text).collect();
        assert_eq!(results, ["inf", "nan", "lambda", "const", "in"]);
        assert_eq!(names(&main.equations[1].operands), ["in", "inf:f32[]"]);
        assert_eq!(names(&main.equations[2].operands), ["inf", "nan:f32[]"]);
        assert_eq!(names(&main.equations[3].operands), ["in", "(1+2j):c64[]"]);
        assert_eq!(names(&main.outputs), ["in", "nan"]);
    });
}

#[test]
fn dropped_results_repeat_and_are_used() {
    with_main("{ lambda ; . let _:f32[] _:i32[3] b:f32[] = f ; c:f32[] = sin _ in (_, c) }", |main| {
        assert_eq!(main.equations[0].binders.len(), 3);
        assert_eq!(names(&main.outputs), ["_", "c"]);
    });
}

#[test]
fn equations_may_have_no_results() {
    let text = "{ lambda ; a:f32[]. let\n    debug_print[fmt=x = {} # no comment? it is\n      ordered=False] a\n    \
                tick a\n    b:f32[] = sin a\n    jit[name=f jaxpr={ lambda ; . let  in () }] \n  in (b,) }";
    with_main(text, |main| {
        let primitives: Vec<_> = main.equations.iter().map(|eqn| eqn.primitive.text).collect();
        assert_eq!(primitives, ["debug_print", "tick", "sin", "jit"]);
        assert_eq!(main.equations[0].params[0].value, ParamValue::Opaque("x = {}"));
        assert_eq!(main.equations[0].params[1].value, ParamValue::Bool(false));
    });
}

#[test]
fn literals_of_every_kind() {
    let float = |x| Literal::new(DType::F32, Scalar::Float(x));
    assert_eq!(literal_of("1.100000023841858:f32[]"), float(1.1f32.into()));
    assert_eq!(literal_of("1.401298464324817e-45:f32[]"), Literal::from_bits(DType::F32, 1));
    assert_eq!(literal_of("-0.0:f32[]"), float(-0.0));
    assert_eq!(literal_of("-inf:f32[]"), float(f64::NEG_INFINITY));
    assert_eq!(literal_of("nan:f32[]"), float(f64::NAN));
    assert_eq!(literal_of("1.1015625:bf16[]"), Literal::from_f64(DType::BF16, 1.1015625));
    assert_eq!(literal_of("True:bool[]"), Literal::bool(true));
    assert_eq!(literal_of("-7:i4[]"), Literal::from_i64(DType::I4, -7));
    assert_eq!(literal_of("18446744073709551615:u64[]"), Literal::from_bits(DType::U64, u64::MAX.into()));
    assert_eq!(literal_of("-9223372036854775808:i64[]"), Literal::from_i64(DType::I64, i64::MIN));
    let complex = |re, im| Literal::new(DType::C64, Scalar::Complex(re, im));
    assert_eq!(literal_of("(1-0j):c64[]"), complex(1.0, -0.0));
    assert_eq!(literal_of("(-0-1.5e-30j):c64[]"), complex(-0.0, -1.5e-30));
    assert_eq!(literal_of("1j:c64[]"), complex(0.0, 1.0));
    assert_eq!(literal_of("(-inf+0j):c64[]"), complex(f64::NEG_INFINITY, 0.0));
    assert_eq!(literal_of("(nan+infj):c64[]"), complex(f64::NAN, f64::INFINITY));
    assert_eq!(literal_of("(1e-05-nanj):c64[]").value().complex().0, f64::from(1e-5f32));
    assert_eq!(literal_of("(b'',):float0[]"), literal_of("False:float0[]"));
}

#[test]
fn every_dtype_is_a_type() {
    for dtype in DType::all() {
        with_main(&format!("{{ lambda ; a:{dtype}[2,3]. let in (a,) }}"), |main| {
            assert_eq!(main.inputs[0].aval, Some(Aval::new(dtype, [2, 3])));
        });
    }
    with_main("{ lambda ; a:f32<host>[2]. let in (a,) }", |main| {
        assert_eq!(main.inputs[0].aval, Some(f32(&[2])))
    });
}

#[test]
fn types_may_be_left_out() {
    with_main("{ lambda a; b c. let\n d = add b c\n _ e = f d\n in (e,) }", |main| {
        assert_eq!(main.inputs.len(), 2);
        assert_eq!(main.equations[1].binders.len(), 2);
        assert!(main.equations.iter().all(|eqn| eqn.binders[0].aval.is_none()));
    });
}

#[test]
fn parameter_values() {
    use ParamValue as V;
    let ints = |values: &[i128]| V::Tuple(values.iter().map(|&v| V::Int(v)).collect());
    with_value("None", |v| assert_eq!(*v, V::None));
    with_value("-1", |v| assert_eq!(*v, V::Int(-1)));
    with_value("18446744073709551615", |v| assert_eq!(*v, V::Int(u64::MAX.into())));
    with_value("0.95", |v| assert_eq!(*v, V::Float(0.95)));
    with_value("-inf", |v| assert_eq!(*v, V::Float(f64::NEG_INFINITY)));
    with_value("(1-0j)", |v| assert_eq!(*v, V::Complex(1.0, 0.0)));
    with_value("()", |v| assert_eq!(*v, ints(&[])));
    with_value("(1, np.int64(2))", |v| assert_eq!(*v, ints(&[1, 2])));
    with_value("np.float32(2)", |v| assert_eq!(*v, V::Float(2.0)));
    with_value("np.False_", |v| assert_eq!(*v, V::Bool(false)));
    with_value("range(0, 0)", |v| assert_eq!(*v, ints(&[])));
    with_value("range(1, 6, 2)", |v| assert_eq!(*v, ints(&[1, 3, 5])));
    with_value("range(3, 0, -1)", |v| assert_eq!(*v, ints(&[3, 2, 1])));
    let pair = |a: V<'static>, b: V<'static>| V::Tuple(vec![a, b]);
    with_value("(([1], [0]), ([], []))", |v| {
        assert_eq!(*v, pair(pair(ints(&[1]), ints(&[0])), pair(ints(&[]), ints(&[]))));
    });
    with_value("(('mosaic',), None)", |v| {
        assert_eq!(*v, pair(V::Tuple(vec![V::Str("mosaic".into())]), V::None))
    });
}

#[test]
fn parameter_names_records_and_opaque_text() {
    use ParamValue as V;
    with_value("GatherScatterMode.CLIP", |v| assert_eq!(*v, V::Name("GatherScatterMode.CLIP")));
    with_value("BF16_BF16_F32", |v| assert_eq!(*v, V::Name("BF16_BF16_F32")));
    with_value("<class 'numpy.float32'>", |v| assert_eq!(*v, V::Name("float32")));
    with_value("dtype('bfloat16')", |v| assert_eq!(*v, V::Name("bfloat16")));
    with_value("key<fry>", |v| assert_eq!(*v, V::Opaque("key<fry>")));
    for text in [
        "<function max at 0xXXXXXXXXXXXX>",
        "<function T.test.<locals>.<lambda> at 0x7f00>",
        "<lambda>",
        "PyTreeDef(((*,), {}))",
        "NamedSharding(mesh=Mesh('x': 8, axis_types=(Auto,)), spec=P('x',))",
        "hi {} there",
        "a, b = (c, d)",
        "don't",
        "",
    ] {
        with_value(text, |v| assert_eq!(*v, V::Opaque(text)));
    }
    with_value("Mesh()", |v| assert_eq!(*v, V::Record("Mesh", vec![])));
    with_value("frozenset({})", |v| assert_eq!(*v, V::Record("frozenset", vec![(None, V::Opaque("{}"))])));
    with_value("ScatterDimensionNumbers(update_window_dims=range(0, 0), x=(1,))", |v| {
        let one = V::Tuple(vec![V::Int(1)]);
        let fields = vec![(Some("update_window_dims"), V::Tuple(vec![])), (Some("x"), one)];
        assert_eq!(*v, V::Record("ScatterDimensionNumbers", fields));
    });
    with_value("(CpuDevice(id=0), None)", |v| {
        assert_eq!(*v, V::Tuple(vec![V::Record("CpuDevice", vec![(Some("id"), V::Int(0))]), V::None]));
    });
}

#[test]
fn nested_jaxprs_and_programs() {
    use ParamValue as V;
    let body = "{ lambda ; a:f32[3]. let b:f32[3] = sin a in (b,) }";
    with_value(body, |v| assert!(matches!(v, V::Jaxpr(jaxpr) if jaxpr.equations.len() == 1)));
    with_value(&format!("(\n {body}\n jaxpr1\n {body} )"), |v| {
        let V::Tuple(branches) = v else { panic!("{v:?}") };
        assert!(matches!(branches[..], [V::Jaxpr(_), V::Name("jaxpr1"), V::Jaxpr(_)]));
    });
    with_value("(jaxpr jaxpr1 jaxpr2)", |v| {
        assert_eq!(*v, V::Tuple(vec![V::Name("jaxpr"), V::Name("jaxpr1"), V::Name("jaxpr2")]));
    });
    with_value(
        &format!("_LinearSolveTuple(matvec={body}, solve=let _lu = {body} in let g = {body} in {body})"),
        |v| {
            let V::Record("_LinearSolveTuple", fields) = v else { panic!("{v:?}") };
            assert!(matches!(&fields[0], (Some("matvec"), V::Jaxpr(_))));
            assert!(
                matches!(&fields[1], (Some("solve"), V::Program(definitions, _)) if definitions.len() == 2)
            );
        },
    );
}

#[test]
fn shared_definitions_and_effects() {
    let body = "{ lambda ; a:f32[3]. let b:f32[3] = sin a in (b,) : { Debug } }";
    with_file(&format!("let lambda = {body} in\nlet in = {body} in\n{body}"), |file| {
        let definitions: Vec<_> = file.definitions.iter().map(|definition| definition.name.text).collect();
        assert_eq!(definitions, ["lambda", "in"]);
        assert!(file.main.is_some());
    });
}

#[test]
fn colour_codes_have_no_width() {
    let text = "{ \x1b[34m\x1b[1mlambda\x1b[22m\x1b[39m ; \x1b[35ma\x1b[39m:f32[]. let b:f32[]\x1b[0m = sin[x=1]\x1b[0m a in (b,) }";
    with_main(text, |main| assert_eq!(names(&main.equations[0].operands), ["a"]));
}

#[test]
fn trailing_comments_name_the_python_line() {
    let text = "{ lambda ; a:f32[3]. let # not a place\n\
                \u{20}   b:f32[3] = sin a                # model.py:3:6 (f)\n\
                \u{20}                                   # [vmap]\n\
                \u{20}   c:f32[3] = jit[                 # model.py:4 (g.<locals>.<lambda>)\n\
                \u{20}     name=g\n\
                \u{20}     jaxpr={ lambda ; d:f32[3]. let e:f32[3] = cos d in (e,) } # \n\
                \u{20}   ] b\n\
                \u{20}   f:f32[3] = neg c; g:f32[3] = exp f # m.py:8:1 (f)\n\
                \u{20}                                   # m.py:9:1 (f)\n\
                \u{20}   # m.py:1:1 (user)\n\
                \u{20}   h:f32[3] = log g\n\
                in (h,) }";
    with_main(text, |main| {
        let places: Vec<_> = main.equations.iter().map(|eqn| eqn.python).collect();
        let lambda = Some("model.py:4 (g.<locals>.<lambda>)");
        assert_eq!(
            places,
            [Some("model.py:3:6 (f)"), lambda, Some("m.py:8:1 (f)"), Some("m.py:9:1 (f)"), None]
        );
        let ParamValue::Jaxpr(body) = &main.equations[1].params[1].value else { panic!("no body") };
        assert_eq!(body.equations[0].python, None);
    });
}

#[test]
fn constants_exports_and_flags() {
    let text = "# a model\nconst W: f32[2,1] = [[1.], [-2]]\nconst v = file(\"w.npz\", 'v')\nconst b:f32[]=2\n\
                threefry = original\nlet f = { lambda ; a:f32[]. let in (a,) }\nexport f\n\
                export g = vmap(grad(f, argnums=(0,)), in_axes=(None, 0), axis_size=4)\nexport h = grad(f, 0)";
    with_file(text, |file| {
        let ConstValue::Literal(Numbers::List(rows, _)) = &file.constants[0].value else { panic!("no list") };
        let Numbers::List(row, _) = &rows[1] else { panic!("no row") };
        assert!(matches!(row[0], Numbers::Scalar(Scalar::Int(-2), _)));
        let ConstValue::File { path, key, .. } = &file.constants[1].value else { panic!("no file") };
        assert_eq!((path.as_str(), key.as_deref()), ("w.npz", Some("v")));
        assert_eq!(file.threefry.map(|(value, _)| value), Some(Threefry::Original));
        assert!(matches!(&file.exports[0].transform, TransformExpr::Name(name) if name.text == "f"));
        let TransformExpr::Call(vmap) = &file.exports[1].transform else { panic!("no call") };
        assert_eq!((vmap.transform.text, vmap.keywords[1].key.text), ("vmap", "axis_size"));
        assert!(matches!(&vmap.arguments[0], TransformExpr::Call(grad) if grad.keywords.len() == 1));
        let TransformExpr::Call(grad) = &file.exports[2].transform else { panic!("no call") };
        assert!(matches!(grad.arguments[1], TransformExpr::Value(ParamValue::Int(0), _)));
    });
    let mut sources = Sources::new();
    let id = sources.add("--export", "g = hessian(main)");
    assert_eq!(parse_export(&sources, id).expect("an export").name.text, "g");
    let id = sources.add("--export", "g = hessian(main) x");
    assert_eq!(
        parse_export(&sources, id).expect_err("too much")[0].message,
        "expected the end of the expression, found `x`"
    );
}

#[test]
fn mistakes_say_where_what_and_how() {
    let program = Fault::Program;
    check_error(
        "{ lambda a:f32[]. let in (a,) }",
        program,
        (1, 17),
        "expected `;` after the constants, found `.`",
    );
    check_error(
        "{ lambda ; a:f33[]. let in (a,) }",
        program,
        (1, 14),
        "expected an element type, found `f33`",
    );
    check_error(
        "{ lambda ; a:f32. let in (a,) }",
        program,
        (1, 17),
        "expected `[` and the extents of the type, found `.`",
    );
    check_error(
        "{ lambda ; . let a:f32[] sin b in (a,) }",
        program,
        (1, 26),
        "expected `=` and a primitive after the results, found `sin`",
    );
    check_error("{ lambda ; . let in (300:i8[],) }", program, (1, 22), "the constant 300 does not fit i8");
    check_error(
        "{ lambda ; . let in (1e39:f32[],) }",
        program,
        (1, 22),
        "the constant 1e+39 does not fit f32",
    );
    check_error(
        "{ lambda ; . let in (1.5:i32[],) }",
        program,
        (1, 22),
        "the constant 1.5 is not of type i32",
    );
    check_error(
        "{ lambda ; a:f32[1048576,1048577]. let in () }",
        program,
        (1, 14),
        "the shape [1048576,1048577] has more than 2^40 elements",
    );
    check_error(
        "{ lambda ; a:f32[99999999999999999999]. let in () }",
        program,
        (1, 18),
        "the extent 99999999999999999999 is too large",
    );
    check_error(
        "module @jit_f {}",
        program,
        (1, 1),
        "expected `{ lambda`, `let`, `const`, `export` or `threefry`, found `module`",
    );
    check_error(
        "{ lambda ; . let in () }\n{ lambda ; . let in () }",
        program,
        (2, 1),
        "a second function without a name",
    );
    check_error("", program, (1, 1), "expected a function, found an empty file");
}

#[test]
fn unpaired_brackets_point_at_the_opening_one() {
    let (sources, diagnostics) = errors("{ lambda ; a:f32[]. let\n  b:f32[] = f[x=(1 a\n in (b,) }");
    assert_eq!(diagnostics[0].message, "expected `)`, found `}`");
    let places: Vec<_> = diagnostics[0].labels.iter().map(|(span, _)| sources.line_column(*span)).collect();
    assert_eq!(places, [(3, 10), (2, 17)]);
    check_error("{ lambda ; ", Fault::Program, (1, 12), "expected `}`, found the end of the text");
    check_error("{ lambda ; . let in ()) }", Fault::Program, (1, 23), "expected `}`, found `)`");
    check_error("let f = ) ", Fault::Program, (1, 9), "`)` closes no bracket");
}

#[test]
fn every_item_reports_its_own_mistake() {
    let (_, diagnostics) =
        errors("let f = { lambda }\nlet g = { lambda ; . let in () }\nexport = g\nthreefry = new");
    assert_eq!(diagnostics.len(), 3, "{diagnostics:?}");
}

#[test]
fn unsupported_features_are_named() {
    let references = "mutable references (`Ref`) are not supported";
    let unsupported = Fault::Unsupported;
    check_error("{ lambda ; a:Ref{f32[3]}. let in () }", unsupported, (1, 14), references);
    check_error("{ lambda ; a:f32[]. let\n  b:f32[] <- a[...]\n in () }", unsupported, (2, 3), references);
    check_error("{ lambda ; a:f32[]. let\n  a[0] <- 5.0:f32[]\n in () }", unsupported, (2, 3), references);
    check_error(
        "{ lambda ; a:f32[]. let\n  c = sin a\n  a[...] += c\n in () }",
        unsupported,
        (3, 3),
        references,
    );
    check_error(
        "{ lambda ; a:f32[]. let\n  c:f32[], a[0] <- a[0], c\n in () }",
        unsupported,
        (2, 3),
        references,
    );
    check_error(
        "{ lambda ; a:Tok. let in () }",
        unsupported,
        (1, 14),
        "token types (ordered side effects) are not supported",
    );
    check_error(
        "{ lambda ; a:key<rbg>[]. let in () }",
        unsupported,
        (1, 14),
        "the key type `key<rbg>` is not supported",
    );
    check_error(
        "{ lambda ; a:f32[b,3]. let in () }",
        unsupported,
        (1, 18),
        "the symbolic extent `b` is not supported",
    );
    check_error(
        "{ lambda ; a:f32[8@x]. let in () }",
        unsupported,
        (1, 19),
        "types that are sharded over a device mesh are not supported",
    );
    check_error(
        "{ lambda ; a:f32[8]{V:x}. let in () }",
        unsupported,
        (1, 20),
        "types that vary over a device mesh are not supported",
    );
    check_error(
        "{ lambda ; a:f8_e3m4[]. let in () }",
        unsupported,
        (1, 14),
        "the element type `f8_e3m4` is not supported",
    );
    check_error(
        "{ lambda ; . let in ([...]:f32[3],) }",
        unsupported,
        (1, 22),
        "array constants inside equations are not supported",
    );
}

#[test]
fn deep_nesting_is_refused_before_the_stack_ends() {
    let (_, diagnostics) = errors(&"{ lambda ; . let a = f[x=".repeat(100_000));
    assert_eq!(diagnostics[0].message, "brackets nest deeper than 256");
    let depth = 84;
    let deep = "{ lambda ; . let a:f32[] = f[x=(".repeat(depth) + &") y=1] in (a,) }".repeat(depth);
    with_main(&deep, |main| assert_eq!(main.equations.len(), 1));
}

#[test]
fn mutated_texts_never_panic() {
    let texts = [
        "let f = { lambda ; a:f32[3]. let b:f32[3] = sin a in (b,) } in\n{ lambda c:i32[2]; a:f32[3]. let\n    \
         b:f32[3] _:f32[] = jit[\n      name=f\n      jaxpr={ lambda ; a:f32[3]. let\n          b:f32[3] = mul a 2.0:f32[]\n        \
         in (b,) }\n    ] a\n    d:f32[3] = cond[branches=(f f)] 1:i32[] b # x.py:1:2 (f)\n  in (d, (1-2j):c64[]) }\n",
        "const w: f32[2,2] = [[1., 2.], [3e-4, -inf]]\nconst v = file(\"a.npz\", \"k\")\nthreefry = original\nexport g = \
         vmap(grad(f, argnums=(0,)), in_axes=(None, 0))\nexport f\n",
        "{ lambda ; a:key<fry>[2]. let b:u32[4] = g[n=np.int64(4) r=range(0, 3) c=<class 'numpy.f'> o=<function \
         <l> at 0x> s=A(b={ lambda ; . let in () }, c='x\\'y')] a; r[0] <- b; x:f32[], r[...] <- r[0], b in (b,) : { E } }",
    ];
    let alphabet: Vec<char> = "{}[]()<>=:;,.'\"#\n -+_\\\u{1b}\u{e9}ab0e9jin let".chars().collect();
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |bound: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % bound as u64) as usize
    };
    let mut outcomes = [0; 2];
    for round in 0..6000 {
        let mut chars: Vec<char> = texts[round % texts.len()].chars().collect();
        for _ in 0..1 + random(4) {
            let (at, to) = (random(chars.len()), random(chars.len()));
            match random(5) {
                0 => drop(chars.remove(at)),
                1 => chars.insert(at, alphabet[random(alphabet.len())]),
                2 => chars[at] = alphabet[random(alphabet.len())],
                3 => chars.swap(at, to),
                _ => chars.truncate(at.max(20)),
            }
        }
        let text: String = chars.into_iter().collect();
        let mut sources = Sources::new();
        let id = sources.add("mutant.ir", text.as_str());
        match parse(&sources, id) {
            Ok(_) => outcomes[0] += 1,
            Err(diagnostics) => {
                outcomes[1] += 1;
                assert!(
                    diagnostics.iter().all(|d| !d.labels.is_empty() && !render(&sources, d).is_empty()),
                    "{text}"
                );
            }
        }
    }
    assert!(outcomes[0] > 100 && outcomes[1] > 500, "{outcomes:?}");
}

/// Texts of a size at which anything quadratic shows.
#[test]
fn parse_time_is_linear() {
    let start = std::time::Instant::now();
    let wide = "a\n ".repeat(100_000);
    let texts = [
        format!("{{ lambda ; a:f32[]. let b:f32[] = f {wide} in (b,) }}"),
        format!("{{ lambda ; a:f32[]. let {} in (a,) }}", "b:f32[] = f a\n ".repeat(50_000)),
        format!("{{ lambda ; . let b = f[x={}] in (b,) }}", "<a let b.b 'c ".repeat(50_000)),
        format!("{{ lambda ; . let b = f[x=({})] in (b,) }}", "a:b c ".repeat(50_000)),
        format!("{{ lambda ; {}", "'\\".repeat(200_000)),
        format!("{{ lambda ; . let {} }}", "a:f32[], ".repeat(50_000)),
        "let f = ".repeat(100_000),
    ];
    for text in texts {
        let mut sources = Sources::new();
        let id = sources.add("large.ir", text);
        let _ = parse(&sources, id);
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

/// Parses every file of the folder `RJAXC_JAXPR_TEXTS` names, if it is set, and some mutants of each.
#[test]
fn corpus_parses() {
    let Ok(folder) = std::env::var("RJAXC_JAXPR_TEXTS") else {
        println!("skipped: RJAXC_JAXPR_TEXTS is not set");
        return;
    };
    let mut sources = Sources::new();
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let ids: Vec<_> = files
        .map(|path| sources.add(path.display().to_string(), std::fs::read_to_string(&path).expect("a text")))
        .collect();
    let bytes: usize = ids.iter().map(|&id| sources.text(id).len()).sum();
    let start = std::time::Instant::now();
    let mut failures = Vec::new();
    let mut equations = 0;
    for &id in &ids {
        match parse(&sources, id) {
            Ok(file) => equations += file.main.map_or(0, |main| main.equations.len()),
            Err(diagnostics) => failures.push(render(&sources, &diagnostics[0])),
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{} texts, {equations} equations, {:.1} MB/s", ids.len(), bytes as f64 / 1e6 / seconds);
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures[..failures.len().min(5)].join("\n")
    );
}
