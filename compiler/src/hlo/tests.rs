use super::*;
use crate::diag::{Fault, Sources};
use crate::types::{Scalar, Tensor};

fn try_read(text: &str) -> Result<Module, String> {
    let mut sources = Sources::new();
    let id = sources.add("model.mlir", text);
    parse(&sources, id).map_err(|error| crate::diag::render(&sources, &error))
}

/// Reads text. Panics with the rendered error.
fn read(text: &str) -> Module {
    try_read(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The message of the error in a text, and what it points at.
fn complaint(text: &str) -> (String, String) {
    let mut sources = Sources::new();
    let id = sources.add("model.mlir", text);
    let error = parse(&sources, id).expect_err("the text is wrong");
    let (span, _) = &error.labels[0];
    (error.message, text[span.start as usize..span.end as usize].to_string())
}

/// A function of one argument that consists of these lines.
fn function(argument: &str, lines: &str, result: &str) -> String {
    format!("func.func public @main(%arg0: {argument}) -> {result} {{\n{lines}\n}}")
}

/// Reads two texts of one meaning, and each again after printing it.
fn check_same(one: &str, other: &str) {
    let (first, second) = (read(one), read(other));
    assert_eq!(first.functions, second.functions, "{first}\n{second}");
    let printed = first.to_string();
    let again = try_read(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
    assert_eq!(again.to_string(), printed);
}

/// The array constant in `dense<..> : type`.
fn dense(text: &str) -> DenseData {
    let module = read(&format!("func.func @main() {{ %0 = stablehlo.constant {text}\n return }}"));
    match module.functions[0].body.ops[0].attributes.get("value") {
        Some(Attribute::Dense(dense)) => dense.data.clone(),
        other => panic!("no constant: {other:?}"),
    }
}

fn elements(text: &str) -> Vec<Scalar> {
    match dense(text) {
        DenseData::Elements(tensor) => tensor.scalars().collect(),
        other => panic!("no list of elements: {other:?}"),
    }
}

#[test]
fn short_and_generic_forms_are_the_same() {
    let same = |argument: &str, result: &str, short: &str, generic: &str| {
        let text = |op: &str| function(argument, &format!("%0 = {op}\nreturn %0 : {result}"), result);
        check_same(&text(short), &text(generic));
    };
    let (v, m) = ("tensor<3xf32>", "tensor<2x3xf32>");
    same(
        v,
        v,
        "stablehlo.add %arg0, %arg0 : tensor<3xf32>",
        "\"stablehlo.add\"(%arg0, %arg0) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>",
    );
    same(
        v,
        v,
        "chlo.erf %arg0 : tensor<3xf32> -> tensor<3xf32>",
        "\"chlo.erf\"(%arg0) : (tensor<3xf32>) -> tensor<3xf32>",
    );
    same(
        v,
        m,
        "stablehlo.broadcast_in_dim %arg0, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>",
        "\"stablehlo.broadcast_in_dim\"(%arg0) <{broadcast_dimensions = array<i64: 1>}> : (tensor<3xf32>) -> tensor<2x3xf32>",
    );
    same(
        m,
        "tensor<2x1xf32>",
        "stablehlo.slice %arg0 [0:2, 0:3:4] : (tensor<2x3xf32>) -> tensor<2x1xf32>",
        "\"stablehlo.slice\"(%arg0) {start_indices = array<i64: 0, 0>, limit_indices = array<i64: 2, 3>, strides = array<i64: 1, 4>} : (tensor<2x3xf32>) -> tensor<2x1xf32>",
    );
    same(
        v,
        "tensor<3xi1>",
        "stablehlo.compare LT, %arg0, %arg0, FLOAT : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>",
        "\"stablehlo.compare\"(%arg0, %arg0) <{comparison_direction = #stablehlo<comparison_direction LT>, compare_type = #stablehlo<comparison_type FLOAT>}> : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>",
    );
    same(
        m,
        "tensor<2x2xf32>",
        "stablehlo.dot_general %arg0, %arg0, batching_dims = [] x [], contracting_dims = [1] x [1], precision = [HIGH, DEFAULT] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>",
        "\"stablehlo.dot_general\"(%arg0, %arg0) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [], rhs_batching_dimensions = [], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1]>, precision_config = [#stablehlo<precision HIGH>, #stablehlo<precision DEFAULT>]}> : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>",
    );
    same(
        "tensor<2xi8>",
        "tensor<2xi8>",
        "stablehlo.reverse %arg0, dims = [0] : tensor<2xi8>",
        "\"mhlo.reverse\"(%arg0) {dimensions = dense<0> : tensor<1xi64>} : (tensor<2xi8>) -> tensor<2xi8>"
            .replace("dense<0> : tensor<1xi64>", "array<i64: 0>")
            .as_str(),
    );
}

#[test]
fn regions_of_both_forms_are_the_same() {
    let sum = |op: &str| {
        function(
            "tensor<3xf32>",
            &format!("%c = stablehlo.constant dense<0.0> : tensor<f32>\n%0 = {op}\nreturn %0 : tensor<f32>"),
            "tensor<f32>",
        )
    };
    let short = sum(
        "stablehlo.reduce(%arg0 init: %c) applies stablehlo.add across dimensions = [0] : (tensor<3xf32>, tensor<f32>) -> tensor<f32>",
    );
    let long = sum("stablehlo.reduce(%arg0 init: %c) across dimensions = [0] : (tensor<3xf32>, tensor<f32>) -> tensor<f32>
        reducer(%x: tensor<f32>, %y: tensor<f32>) { %s = stablehlo.add %x, %y : tensor<f32> stablehlo.return %s : tensor<f32> }");
    let generic = sum("\"stablehlo.reduce\"(%arg0, %c) <{dimensions = array<i64: 0>}> ({
        ^bb0(%x: tensor<f32>, %y: tensor<f32>):
          %s = stablehlo.add %x, %y : tensor<f32>
          \"stablehlo.return\"(%s) : (tensor<f32>) -> ()
        }) : (tensor<3xf32>, tensor<f32>) -> tensor<f32>");
    // The short form numbers the values of its region after the result.
    assert_eq!(read(&short).to_string(), read(&long).to_string());
    check_same(&long, &generic);
}

#[test]
fn loops_name_their_arguments_once() {
    let text = function("tensor<i32>", "%0:2 = stablehlo.while(%i = %arg0, %x = %arg0) : tensor<i32>, tensor<i32>
        cond { %c = stablehlo.compare LT, %i, %x : (tensor<i32>, tensor<i32>) -> tensor<i1> stablehlo.return %c : tensor<i1> }
        do { %s = stablehlo.add %i, %arg0 : tensor<i32> stablehlo.return %s, %x : tensor<i32>, tensor<i32> }
        return %0#1 : tensor<i32>", "tensor<i32>");
    let module = read(&text);
    let op = &module.functions[0].body.ops[0];
    assert_eq!((op.regions[0].arguments.len(), op.regions[1].arguments.len()), (2, 2));
    assert_eq!(op.regions[1].captures(), module.functions[0].body.arguments);
    assert!(op.regions[0].captures().is_empty());
    check_same(&text, &module.to_string());
}

#[test]
fn reducers_of_several_arrays_list_pairs() {
    let text = "func.func @main(%a: tensor<3xf32>, %i: tensor<3xi32>, %x: tensor<f32>, %y: tensor<i32>) -> tensor<f32> {
        %0:2 = stablehlo.reduce(%a init: %x), (%i init: %y) across dimensions = [0] : (tensor<3xf32>, tensor<3xi32>, tensor<f32>, tensor<i32>) -> (tensor<f32>, tensor<i32>)
        reducer(%p: tensor<f32>, %q: tensor<f32>) (%r: tensor<i32>, %s: tensor<i32>) { stablehlo.return %q, %r : tensor<f32>, tensor<i32> }
        return %0#0 : tensor<f32> }";
    let module = read(text);
    let region = &module.functions[0].body.ops[0].regions[0];
    let types: Vec<String> =
        region.arguments.iter().map(|&value| module.functions[0].type_of(value).to_string()).collect();
    assert_eq!(types, ["tensor<f32>", "tensor<i32>", "tensor<f32>", "tensor<i32>"]);
    assert_eq!(region.returns(), [region.arguments[2], region.arguments[1]]);
    check_same(text, &module.to_string());
}

#[test]
fn convolutions_have_fields_for_their_axes() {
    let text = |numbers: &str| {
        format!("func.func @main(%a: tensor<1x2x7xf32>, %k: tensor<3x2x5xf32>) -> tensor<1x3x5xf32> {{
        %0 = \"stablehlo.convolution\"(%a, %k) <{{dimension_numbers = {numbers}, batch_group_count = 1 : i64}}> : (tensor<1x2x7xf32>, tensor<3x2x5xf32>) -> tensor<1x3x5xf32>
        return %0 : tensor<1x3x5xf32> }}")
    };
    let raw = "#stablehlo.conv<raw input_batch_dimension = 0, input_feature_dimension = 1, input_spatial_dimensions = [2], kernel_input_feature_dimension = 1, kernel_output_feature_dimension = 0, kernel_spatial_dimensions = [2], output_batch_dimension = 0, output_feature_dimension = 1, output_spatial_dimensions = [2]>";
    check_same(&text("#stablehlo.conv<[b, f, 0]x[o, i, 0]->[b, f, 0]>"), &text(raw));
}

#[test]
fn constants_in_every_spelling() {
    let float = |x: f64| Scalar::Float(x);
    assert_eq!(
        elements("dense<[[1.0, -2.5e+00], [0.0, 3]]> : tensor<2x2xf32>"),
        [1.0, -2.5, 0.0, 3.0].map(float)
    );
    assert_eq!(
        elements("dense<[0xFF800000, 0x7F800000]> : tensor<2xf32>"),
        [f64::NEG_INFINITY, f64::INFINITY].map(float)
    );
    assert_eq!(elements("dense<\"0x0000803F000000C0\"> : tensor<2xf32>"), [1.0, -2.0].map(float));
    assert_eq!(
        elements("dense<[(1.0, -1.0), (0.0, 2.0)]> : tensor<2xcomplex<f32>>"),
        [Scalar::Complex(1.0, -1.0), Scalar::Complex(0.0, 2.0)]
    );
    assert_eq!(elements("dense<[true, false]> : tensor<2xi1>"), [true, false].map(Scalar::Bool));
    assert_eq!(elements("dense<[-1, 255]> : tensor<2xui8>"), [255, 255].map(Scalar::Int));
    assert_eq!(elements("dense<> : tensor<0x2xf32>"), []);
    // One byte per element, or, in older releases, one bit.
    let bits = [true, false, true, true, false, false, false, false, false, true].map(Scalar::Bool);
    assert_eq!(elements("dense<\"0x01000101000000000001\"> : tensor<10xi1>"), bits);
    assert_eq!(elements("dense<\"0x0D02\"> : tensor<10xi1>"), bits);
    assert_eq!(
        dense("dense<1.5> : tensor<1000000x1000000xf32>"),
        dense("dense<\"0x0000C03F\"> : tensor<1000000x1000000xf32>")
    );
}

#[test]
fn resources_stand_at_the_end() {
    let text = "module { func.func @main() -> tensor<2xf32> {
        %0 = stablehlo.constant dense_resource<weights> : tensor<2xf32>
        return %0 : tensor<2xf32> } }
        {-# dialect_resources: { builtin: { weights: \"0x040000000000803F00000040\" } } #-}";
    let module = read(text);
    let bytes = Tensor::from_f64s(crate::types::DType::F32, [2], &[1.0, 2.0]);
    assert_eq!(&module.resources["weights"], bytes.shared_bytes());
    assert_eq!(read(&module.to_string()).resources, module.resources);
}

#[test]
fn locations_are_lines_of_the_program() {
    let text = "#loc1 = loc(\"x\")
        module @jit_f attributes {mhlo.num_partitions = 1 : i32} {
        func.func public @main(%arg0: tensor<f32> loc(\"x\")) -> (tensor<f32> {jax.result_info = \"result\"}) {
        %0 = stablehlo.sine %arg0 : tensor<f32> loc(#loc9)
        return %0 : tensor<f32> loc(unknown)
        } loc(#loc1)
        } loc(unknown)
        #loc3 = loc(\"/models/net.py\":3:8 to :18)
        #loc7 = loc(\"loss\"(#loc3))
        #loc9 = loc(\"jit(f)/sin\"(#loc8))
        #loc8 = loc(callsite(#loc7 at fused[#loc3, unknown]))";
    let module = read(text);
    let op = &module.functions[0].body.ops[0];
    assert_eq!(module.place(op.location), Some("/models/net.py:3:8 (loss)"));
    assert_eq!(module.name.as_deref(), Some("jit_f"));
    assert_eq!(module.functions[0].result_attributes[0].text("jax.result_info"), Some("result"));
}

#[test]
fn generic_modules_are_read() {
    let generic = "\"builtin.module\"() <{sym_name = \"jit_f\"}> ({
        \"func.func\"() <{arg_attrs = [{}], function_type = (tensor<3xf32>) -> tensor<3xf32>, res_attrs = [{jax.result_info = \"result\"}], sym_name = \"main\", sym_visibility = \"public\"}> ({
        ^bb0(%arg4: tensor<3xf32>):
          %1:2 = \"stablehlo.optimization_barrier\"(%arg4, %arg4) : (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
          \"func.return\"(%1#1) : (tensor<3xf32>) -> ()
        }) : () -> ()
        }) {mhlo.num_replicas = 1 : i32} : () -> ()";
    let pretty = "module @jit_f attributes {mhlo.num_replicas = 1 : i32} {
        func.func public @main(%x: tensor<3xf32>) -> (tensor<3xf32> {jax.result_info = \"result\"}) {
          %y:2 = stablehlo.optimization_barrier %x, %x : tensor<3xf32>, tensor<3xf32>
          return %y#1 : tensor<3xf32> } }";
    check_same(generic, pretty);
    assert_eq!(read(generic).name, read(pretty).name);
}

#[test]
fn unknown_attributes_are_kept_as_text() {
    let text = function(
        "tensor<f32>",
        "%0 = stablehlo.custom_call @lapack_sgetrf_ffi(%arg0) {mhlo.backend_config = {uplo = 76 : ui8}, call_target = \"a\\22\\00\", rule = #sdy.op_sharding_rule<([i, j])->([k, l], []) {i=3, j=3}, custom>, layouts = [dense<[0, 1]> : tensor<2xindex>, dense<> : tensor<0xindex>]} : (tensor<f32>) -> tensor<f32>\nreturn %0 : tensor<f32>",
        "tensor<f32>",
    );
    let module = read(&text);
    let attributes = &module.functions[0].body.ops[0].attributes;
    assert_eq!(attributes.fields("mhlo.backend_config").and_then(|fields| fields.int("uplo")), Some(76));
    assert_eq!(
        attributes.get("rule"),
        Some(&Attribute::Other("#sdy.op_sharding_rule<([i, j])->([k, l], []) {i=3, j=3}, custom>".into()))
    );
    check_same(&text, &module.to_string());
}

#[test]
fn errors_say_where_and_what() {
    let body = |lines: &str| complaint(&function("tensor<3xf32>", lines, "tensor<3xf32>"));
    let expected = |message: &str, at: &str| (message.to_string(), at.to_string());
    assert_eq!(body("%0 = stablehlo.sine %arg1 : tensor<3xf32>"), expected("unknown value %arg1", "%arg1"));
    assert_eq!(
        body("%0 = stablehlo.sine %arg0 : tensor<4xf32>"),
        expected("operand 0 is tensor<3xf32>, but the text says tensor<4xf32>", "tensor")
    );
    assert_eq!(
        body("%0:2 = stablehlo.sine %arg0 : tensor<3xf32>"),
        expected("stablehlo.sine has 1 results, but 2 are named", "stablehlo.sine")
    );
    assert_eq!(
        body("%0 = stablehlo.sine %arg0 : tensor<3xq7>"),
        expected("expected a type, found `q7`", "q7")
    );
    assert_eq!(
        body("%0 = stablehlo.sine %arg0 : tensor<3xf32>\n%0 = stablehlo.sine %arg0 : tensor<3xf32>"),
        expected("the name %0 is bound twice", "%0")
    );
    assert_eq!(
        body("%0 = stablehlo.constant dense<[1.0, 2.0]> : tensor<3xf32>"),
        expected("expected 3 elements along axis 0 of f32[3], found 2", "[")
    );
    assert_eq!(
        body("%0 = stablehlo.constant dense<\"0x00\"> : tensor<3xf32>"),
        expected("expected 12 bytes for f32[3], found 1", "\"")
    );
    assert_eq!(
        body("%0 = arith.addf %arg0, %arg0 : tensor<3xf32>"),
        expected("unknown operation arith.addf", "arith.addf")
    );
    assert_eq!(body("return"), expected("@main returns (), but says (tensor<3xf32>)", "return"));
}

#[test]
fn depth_is_bounded() {
    let nested = |open: &str, close: &str| {
        let attribute = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        format!("module attributes {{a = {attribute}}} {{}}")
    };
    for text in [nested("[", "]"), nested("{a = ", "}"), nested("#a.b<", ">"), nested("tuple<", ">")] {
        let mut sources = Sources::new();
        let id = sources.add("deep.mlir", text);
        // Text without structure may nest as it likes.
        if let Err(error) = parse(&sources, id) {
            assert!(error.fault == Fault::Unsupported || error.fault == Fault::Program, "{}", error.message);
        }
    }
    let deep = nested("[", "]");
    assert_eq!(complaint(&deep).0, "nested more than 200 deep");
}

#[test]
fn aliases_of_aliases_end() {
    let lines: Vec<String> = (1..64).map(|i| format!("#a{i} = [#a{0}, #a{0}]", i - 1)).collect();
    let (message, _) = complaint(&format!("#a0 = [1, 2]\n{}\nmodule {{}}", lines.join("\n")));
    assert!(message.contains("aliases"), "{message}");
}

#[test]
fn names_of_any_length_are_read() {
    let name = "@a::".repeat(100_000);
    read(&format!("module attributes {{x = {name}@a}} {{ func.func @main() {{ return }} }}"));
}

#[test]
fn arrays_larger_than_memory_are_refused() {
    let (message, _) = complaint(&function("tensor<4294967296x4294967296xf32>", "return", "()"));
    assert!(message.contains("as large as"), "{message}");
    // Nothing is as large as it likes.
    read(&function(
        "tensor<0x4294967296xf32>",
        "return %arg0 : tensor<0x4294967296xf32>",
        "tensor<0x4294967296xf32>",
    ));
}
