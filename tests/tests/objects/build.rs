//! What objects need and how they link.

use crate::model::{ELEMENTWISE, Model, compile, from_text, models, sample};
use object::{Object, ObjectSymbol};
use rjaxc_tests::process::{folder, rjaxc, run};
use rjaxc_tests::root;
use std::path::Path;
use std::process::Command;

/// Warnings of generated headers and calls are errors.
pub const CFLAGS: &[&str] = &["-std=c11", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// The C compiler of this machine.
pub fn cc(dir: &Path) -> Command {
    let mut command = Command::new("cc");
    command.current_dir(dir).args(CFLAGS);
    command
}

#[test]
fn objects_ask_for_nothing() {
    let dir = folder("objects", "symbols");
    for model in models(&dir) {
        let bytes = std::fs::read(compile(&model, &dir, &[])).expect("rjaxc wrote it");
        let object = object::File::parse(bytes.as_slice()).expect("an object");
        let undefined: Vec<&str> = object
            .symbols()
            .filter(|symbol| symbol.is_undefined())
            .filter_map(|symbol| symbol.name().ok())
            .filter(|name| !name.is_empty())
            .collect();
        let manifest = std::fs::read_to_string(dir.join(model.stem).with_extension("json")).expect("written");
        let uses_runtime = manifest.contains("\"uses_runtime\": true");
        // Symbols of the runtime are `rjax_...`; nothing else is ever asked for, memory allocation least of all.
        let allowed = |name: &&str| uses_runtime && name.starts_with("rjax_");
        assert!(undefined.iter().all(allowed), "{} asks for {undefined:?}", model.stem);
        let mut exported: Vec<&str> = object
            .symbols()
            .filter(|symbol| symbol.is_global() && symbol.is_definition())
            .filter_map(|symbol| symbol.name().ok())
            .collect();
        exported.sort_unstable();
        assert_eq!(exported, expected_symbols(&model));
    }
}

/// Each function, its general form and its description.
fn expected_symbols(model: &Model) -> Vec<String> {
    let names = model.functions.iter().map(|function| format!("{}_{}", model.stem, function.name));
    let mut symbols: Vec<String> =
        names.flat_map(|name| ["", "_call", "_metadata"].map(|end| format!("{name}{end}"))).collect();
    symbols.sort();
    symbols
}

#[test]
fn shared_libraries_have_no_text_relocations() {
    let dir = folder("objects", "shared");
    for model in models(&dir) {
        let object = compile(&model, &dir, &[]);
        // Without any library, and with every symbol defined.
        let flags = ["-shared", "-nostdlib", "-Wl,-z,text", "-Wl,-z,defs", "-Wl,--fatal-warnings"];
        run(cc(&dir).args(flags).args(["-o", "model.so"]).arg(&object));
    }
}

#[test]
fn the_same_text_gives_the_same_bytes() {
    let dir = folder("objects", "twice");
    for model in models(&dir) {
        let files = |flags: &[&str]| {
            let object = compile(&model, &dir, flags);
            ["o", "h", "rs", "json"].map(|end| std::fs::read(object.with_extension(end)).expect("written"))
        };
        assert!(files(&[]) == files(&[]), "{} differs from run to run", model.stem);
        // Looking on changes nothing.
        assert!(files(&[]) == files(&["--print-ir-after=all", "--verify"]), "{} differs", model.stem);
    }
}

/// Also where several threads compile parts of a program.
#[test]
fn large_programs_give_the_same_bytes() {
    let dir = folder("objects", "large");
    let product =
        |i| format!("y{}:f32[8,8] = dot_general[dimension_numbers=(([1], [0]), ([], []))] y{i} y0", i + 1);
    let lines: Vec<String> = (0..200).map(product).collect();
    let text = format!("{{ lambda ; y0:f32[8,8]. let\n{}\n in (y200,) }}\n", lines.join("\n"));
    let file = dir.join("products.ir");
    std::fs::write(&file, text).expect("the target folder is writable");
    let mut objects = (0..5).map(|_| {
        let object = dir.join("products.o");
        run(Command::new(rjaxc()).arg(&file).arg("-o").arg(&object));
        std::fs::read(object).expect("written")
    });
    let first = objects.next().expect("five of them");
    assert!(objects.all(|object| object == first));
}

#[test]
fn headers_compile_as_c_and_cpp() {
    let dir = folder("objects", "headers");
    for model in models(&dir) {
        compile(&model, &dir, &[]);
        let source = format!("#include \"{0}.h\"\n#include \"{0}.h\"\nint unused_{0};\n", model.stem);
        std::fs::write(dir.join("include.c"), source).expect("the target folder is writable");
        let warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"];
        for (compiler, language, standard) in
            [("cc", "c", "c99"), ("cc", "c", "c11"), ("c++", "c++", "c++11"), ("c++", "c++", "c++20")]
        {
            let mut command = Command::new(compiler);
            command.current_dir(&dir).args(["-x", language, &format!("-std={standard}")]);
            run(command.args(warnings).arg("include.c"));
        }
    }
}

#[test]
fn the_demonstration_is_small() {
    let dir = folder("objects", "size");
    compile(&sample("mlp"), &dir, &[]);
    let folder_of_sources = root().join("samples/c");
    let source = folder_of_sources.join("mlp.c");
    let include = format!("-I{}", folder_of_sources.display());
    run(cc(&dir).args(["-s", "-I.", &include, "-o", "mlp"]).arg(source).args(["mlp.o", "-lm"]));
    let printed = run(&mut Command::new(dir.join("mlp")));
    assert!(printed.contains("It reads a "), "{printed}");
    let size = std::fs::metadata(dir.join("mlp")).expect("the linker wrote it").len();
    // 784 x 512 + 512 x 512 + 512 x 10 weights and 512 + 512 + 10 biases of f32.
    let weights = 4 * (784 * 512 + 512 * 512 + 512 * 10 + 512 + 512 + 10);
    assert!(size < weights + 300_000, "{size} bytes, of which {weights} are weights");
}

#[test]
fn elementwise_functions_need_no_memory() {
    let dir = folder("objects", "elementwise");
    compile(&from_text("elementwise", ELEMENTWISE, &dir), &dir, &[]);
    let header = std::fs::read_to_string(dir.join("elementwise.h")).expect("written");
    assert!(header.contains("#define ELEMENTWISE_MAIN_WORK_BYTES 0\n"), "{header}");
}
