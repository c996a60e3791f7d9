//! Objects for other platforms, as far as this machine can judge them.

use crate::model::{compile, models};
use object::{Architecture, BinaryFormat, Object, ObjectSymbol};
use rjaxc_tests::process::folder;

#[test]
fn every_platform_gets_its_format() {
    let dir = folder("objects", "platforms");
    let platforms = [
        ("x86_64-unknown-linux-gnu", BinaryFormat::Elf, Architecture::X86_64),
        ("aarch64-unknown-linux-gnu", BinaryFormat::Elf, Architecture::Aarch64),
        ("x86_64-apple-darwin", BinaryFormat::MachO, Architecture::X86_64),
        ("aarch64-apple-darwin", BinaryFormat::MachO, Architecture::Aarch64),
        ("x86_64-pc-windows-msvc", BinaryFormat::Coff, Architecture::X86_64),
    ];
    for (target, format, architecture) in platforms {
        for model in models(&dir) {
            let object = compile(&model, &dir, &[&format!("--target={target}")]);
            let bytes = std::fs::read(object).expect("rjaxc wrote it");
            let file = object::File::parse(bytes.as_slice()).expect("an object");
            assert_eq!((file.format(), file.architecture()), (format, architecture), "{target}");
            // Mach-O puts an underscore in front.
            let underscore = if format == BinaryFormat::MachO { "_" } else { "" };
            for function in &model.functions {
                let name = format!("{underscore}{}_{}", model.stem, function.name);
                let found = file.symbol_by_name(&name).is_some_and(|symbol| symbol.is_definition());
                assert!(found, "{target}: {} has no symbol {name}", model.stem);
            }
            let undefined: Vec<&str> = file
                .symbols()
                .filter(|symbol| symbol.is_undefined())
                .filter_map(|symbol| symbol.name().ok())
                .filter(|name| !name.is_empty())
                .collect();
            assert!(undefined.is_empty(), "{target}: {} asks for {undefined:?}", model.stem);
        }
    }
}
