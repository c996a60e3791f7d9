//! MLIR bytecode is read as the program that its text is. `tests/bytecode/make.py` says how the files were made.

use rjaxc_compiler::diag::{self, Diagnostic, Fault, Sources};
use rjaxc_compiler::front;
use rjaxc_compiler::hlo::{self, Attribute, Attributes, Module, Region};
use rjaxc_compiler::ir::source::LeftOut;
use rjaxc_compiler::ir::{Program, Var};
use rjaxc_tests::{files, root, shown};
use std::path::{Path, PathBuf};

/// What a file says, with attributes in the order of their names, and the programs that it means.
struct Meaning {
    module: Module,
    programs: Result<Vec<(String, Program)>, Vec<String>>,
}

/// Reads a module. Errors: the rendered error.
fn read(sources: &Sources, id: diag::SourceId) -> Result<Meaning, String> {
    let render = |error: &Diagnostic| diag::render(sources, error);
    let mut module = hlo::parse(sources, id).map_err(|error| render(&error))?;
    // Errors are compared without their places.
    let programs = front::stablehlo::import(&module)
        .map(|source| {
            source.functions.into_iter().map(|function| (function.name, function.program)).collect()
        })
        .map_err(|errors| errors.iter().map(|error| error.message.clone()).collect());
    sort(&mut module.attributes);
    for function in &mut module.functions {
        sort(&mut function.attributes);
        // Text may be without locations, which name arguments.
        let is_compared = |(name, _): &(String, Attribute)| name != hlo::ARGUMENT_NAME;
        function.argument_attributes.iter_mut().for_each(|attributes| attributes.0.retain(is_compared));
        function.argument_attributes.iter_mut().for_each(sort);
        function.result_attributes.iter_mut().for_each(sort);
        sort_region(&mut function.body);
    }
    Ok(Meaning { module, programs })
}

fn sort(attributes: &mut Attributes) {
    attributes.0.sort_by(|(x, _), (y, _)| x.cmp(y));
    for (_, value) in &mut attributes.0 {
        sort_inside(value);
    }
}

fn sort_inside(value: &mut Attribute) {
    match value {
        Attribute::Dictionary(fields) => sort(fields),
        Attribute::List(items) => items.iter_mut().for_each(sort_inside),
        // Of shardings, nobody reads more than that they are there.
        Attribute::Other(text) if text.starts_with("#sdy") => *text = "#sdy".into(),
        _ => {}
    }
}

fn sort_region(region: &mut Region) {
    for op in &mut region.ops {
        sort(&mut op.attributes);
        op.regions.iter_mut().for_each(sort_region);
    }
}

/// Errors: the bytecode and the text are not the same.
fn compare(bytecode: &Path) -> Result<(), String> {
    let (mut binary, mut textual) = (Sources::new(), Sources::new());
    let bytes = std::fs::read(bytecode).expect("it was listed");
    let id =
        binary.add_bytes("model.mlirbc", hlo::bytecode::module_in(&bytes).ok_or("no bytecode")?.to_vec());
    let found = read(&binary, id)?;
    let text = std::fs::read_to_string(bytecode.with_extension("mlir")).map_err(|error| error.to_string())?;
    let id = textual.add("model.mlir", text);
    let expected = read(&textual, id)?;
    let (found_lines, expected_lines) = (lines(&found.module), lines(&expected.module));
    // Text may be without locations, and its short forms are.
    let other = found_lines.iter().zip(&expected_lines).find(|(x, y)| y.is_some() && x != y);
    if let Some((found, expected)) = other {
        return Err(format!("{found:?} instead of {expected:?}"));
    }
    if found.module.name != expected.module.name || found.module.attributes != expected.module.attributes {
        return Err(format!("{:?}\n{:?}", found.module.attributes, expected.module.attributes));
    }
    if found.module.functions != expected.module.functions {
        return Err(difference(&found.module.to_string(), &expected.module.to_string()));
    }
    if found.programs != expected.programs {
        return Err(format!("other programs: {:?}\n{:?}", found.programs, expected.programs));
    }
    Ok(())
}

/// The lines of the user's program that operations name, in the order of operations.
fn lines(module: &Module) -> Vec<Option<&str>> {
    fn of_region<'m>(module: &'m Module, region: &Region, lines: &mut Vec<Option<&'m str>>) {
        for op in &region.ops {
            lines.push(module.place(op.location));
            op.regions.iter().for_each(|region| of_region(module, region, lines));
        }
    }
    let mut lines = Vec::new();
    module.functions.iter().for_each(|function| of_region(module, &function.body, &mut lines));
    lines
}

/// The first lines that differ.
fn difference(found: &str, expected: &str) -> String {
    match found.lines().zip(expected.lines()).find(|(found, expected)| found != expected) {
        Some((found, expected)) => format!("bytecode: {found}\n    text: {expected}"),
        None => format!("bytecode:\n{found}\ntext:\n{expected}"),
    }
}

/// Compares all files of a folder. Panics with the first ones that differ.
fn compare_all(folder: &Path, least: usize) {
    let paths: Vec<PathBuf> = files(folder, &["mlirbc", "jax"]);
    assert!(paths.len() >= least, "only {} files in {}", paths.len(), folder.display());
    let wrong: Vec<String> = paths
        .iter()
        .filter_map(|path| compare(path).err().map(|why| format!("{}: {why}", shown(path))))
        .collect();
    let some = wrong.iter().take(60).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {} differ:\n{some}", wrong.len(), paths.len());
}

#[test]
fn bytecode_is_read_as_its_text() {
    compare_all(&root().join("tests/bytecode"), 30);
}

/// Many more: `tests/bytecode/make.py` writes them to a folder, which RJAXC_BYTECODE names.
#[test]
fn a_folder_of_bytecode_is_read_as_its_texts() {
    let Some(folder) = std::env::var_os("RJAXC_BYTECODE") else { return };
    compare_all(Path::new(&folder), 1);
}

/// The error in a file.
fn refused(bytes: Vec<u8>) -> Diagnostic {
    let mut sources = Sources::new();
    let id = sources.add_bytes("model.mlirbc", bytes);
    hlo::parse(&sources, id).expect_err("the file is wrong")
}

fn fixture() -> Vec<u8> {
    std::fs::read(root().join("tests/bytecode/contractions_1.17.0.mlirbc")).expect("a file of the repository")
}

#[test]
fn newer_releases_are_refused_by_name() {
    // The version of the bytecode stands behind the magic number, as 2n + 1.
    let mut newer = fixture();
    assert_eq!(newer[4], 13, "bytecode version 6");
    newer[4] = 15;
    let error = refused(newer);
    assert_eq!(error.fault, Fault::Unsupported);
    assert!(
        error.message.contains("bytecode version 7") && error.message.ends_with("known one, 6"),
        "{error:?}"
    );
    assert!(error.hint.is_some_and(|hint| hint.contains("serialize_portable_artifact")));

    let mut newer = fixture();
    let producer = newer.windows(6).position(|window| window == b"1.17.0").expect("the producer");
    newer[producer] = b'2';
    let error = refused(newer);
    assert_eq!(error.fault, Fault::Unsupported);
    assert!(
        error.message.contains("StableHLO 2.17") && error.message.ends_with("known ones, 1.x"),
        "{error:?}"
    );
    assert!(error.hint.is_some_and(|hint| hint.contains("1.17.0")));
}

/// A minor version adds operations and changes none, so a file that holds known ones alone is read, whatever its number.
#[test]
fn newer_minor_releases_are_refused_by_what_they_hold() {
    let read = |bytes: Vec<u8>| {
        let mut sources = Sources::new();
        let id = sources.add_bytes("model.mlirbc", bytes);
        hlo::parse(&sources, id)
    };
    let mut newer = fixture();
    let producer = newer.windows(6).position(|window| window == b"1.17.0").expect("the producer");
    newer[producer + 2..producer + 4].copy_from_slice(b"98");
    assert_eq!(read(newer.clone()), read(fixture()));

    let name =
        newer.windows(14).position(|window| window == b"dot_general_v2").expect("the name of an operation");
    newer[name + 13] = b'7';
    let error = read(newer).expect_err("nobody knows the operation");
    assert_eq!(error.fault, Fault::Unsupported);
    assert!(error.message.contains("vhlo.dot_general_v7"), "{error:?}");
    assert!(error.hint.is_some_and(|hint| hint.contains("1.17.0")));
}

/// A file of JAX says which inputs the module has lost, so the function takes all of them.
#[test]
fn inputs_that_nothing_reads_are_given_back() {
    let mut sources = Sources::new();
    let bytes = std::fs::read(root().join("tests/bytecode/unread.jax")).expect("a file of the repository");
    let id = sources.add_bytes("unread.jax", bytes);
    let source = front::read(&sources, id).expect("the file is right");
    let program = &source.functions[0].program;
    let avals: Vec<String> = program.input_avals().iter().map(ToString::to_string).collect();
    assert_eq!(avals, ["f32[3,4]", "f32[5]", "f64[2]", "c64[]", "i32[4]"]);
    assert_eq!(source.functions[0].input_names.len(), 5);
    let is_read = |input: &Var| program.equations.iter().any(|eqn| eqn.operands.contains(&(*input).into()));
    let read: Vec<bool> = program.inputs.iter().map(is_read).collect();
    assert_eq!(read, [false, false, true, false, true]);
    assert!(source.warnings.is_empty(), "{:?}", source.warnings);
    assert_eq!(source.functions[0].left_out, LeftOut::Exactly(vec![]));
}

/// Locations name arguments in bytecode as in text.
#[test]
fn arguments_have_the_names_of_their_locations() {
    for file in ["unread", "exported"] {
        let names = |extension: &str| {
            let mut sources = Sources::new();
            let path = root().join("tests/bytecode").join(file).with_extension(extension);
            let bytes = std::fs::read(path).expect("a file of the repository");
            let id = match hlo::bytecode::module_in(&bytes) {
                Some(module) => sources.add_bytes("model", module.to_vec()),
                None => sources.add("model.mlir", String::from_utf8(bytes).expect("text")),
            };
            let source = front::read(&sources, id).expect("the file is right");
            source.functions[0].input_names.clone()
        };
        assert_eq!(names("jax"), names("mlir"), "{file}");
        assert!(!names("jax").contains(&"arg0".to_string()), "{file}");
    }
}

#[test]
fn other_bytecode_is_refused_with_advice() {
    let mut other = fixture();
    let name = other.windows(5).position(|window| window == b"vhlo\0").expect("the name of the dialect");
    other[name..name + 4].copy_from_slice(b"mhlo");
    let error = refused(other);
    assert_eq!(error.fault, Fault::Unsupported);
    assert!(error.message.contains("mhlo"), "{error:?}");
}
