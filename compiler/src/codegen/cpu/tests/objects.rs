//! Object files: formats, symbols, data with pointers.

use super::{Build, at, nest, store};
use crate::codegen::cpu::{Checks, Codes, DataBlob, DataRef, EntryPoint, Unit};
use crate::codegen::target::{Output, Target};
use crate::loops::{BlockBuilder, Dim, Function, Place, Stmt, UnaryOp};
use crate::types::{DType, Tensor};
use cranelift_module::default_libcall_names;
use cranelift_object::{ObjectBuilder, ObjectModule};
use object::{Object, ObjectSymbol};
use std::sync::Arc;

/// Rounding, fused multiply-add and conversions: what needs library calls on the oldest CPUs.
fn function() -> Function {
    let mut build = Build::default();
    let x = build.input(DType::F32, [19]);
    let table = Arc::new(Tensor::from_f64s(DType::F32, [1], &[0.25]));
    let scale = build.buffer(DType::F32, [1], Place::Constant(table));
    let out = build.output(DType::F32, [19]);
    let mut b = BlockBuilder::new();
    let x = b.load(at(x, &[0]), DType::F32);
    let scale = b.load(crate::loops::Access::new(scale, vec![crate::loops::Index::constant(0)]), DType::F32);
    let y = b.fma(x, scale, x);
    let y = b.unary(UnaryOp::Floor, y);
    let y = b.unary(UnaryOp::RoundEven, y);
    let whole = b.convert(y, DType::U32);
    let back = b.convert(whole, DType::F32);
    let stores = vec![store(out, at(out, &[0]).indices, back)];
    build.body.push(Stmt::Nest(nest(&[Dim::parallel(19)], b.finish(), stores)));
    build.finish()
}

/// Compiles a function to an object file with all entry points and metadata.
pub fn object_of(function: &Function, triple: &str, cpu: Option<&str>) -> Vec<u8> {
    let target = Target::parse(Some(triple), cpu).expect("a known target");
    let isa = target.isa(Output::Object).expect("a target of this build");
    let builder = ObjectBuilder::new(isa, "test", default_libcall_names()).expect("a known format");
    let mut module = ObjectModule::new(builder);
    let mut unit = Unit::new(&mut module);
    let entry = EntryPoint {
        call: "m_f_call".into(),
        direct: Some("m_f".into()),
        inputs: 1,
        outputs: 1,
        checks: None,
    };
    unit.function(function, &entry).expect("the nest is well formed");
    let name = DataBlob { bytes: b"f\0".to_vec(), ..DataBlob::default() };
    let metadata = DataBlob {
        bytes: vec![0; 16],
        pointers: vec![(8, DataRef { blob: 1, offset: 0 })],
        ..DataBlob::default()
    };
    let data = unit.data(&[metadata, name]).expect("the pointers are inside");
    unit.accessor("m_f_metadata", data[0]).expect("a new symbol");
    module.finish().emit().expect("the object is complete")
}

fn object_for(triple: &str, cpu: Option<&str>) -> Vec<u8> {
    object_of(&function(), triple, cpu)
}

#[test]
fn every_format_is_self_contained() {
    let targets = [
        ("x86_64-unknown-linux-gnu", None),
        ("x86_64-unknown-linux-gnu", Some("x86-64-v3")),
        ("x86_64-apple-darwin", None),
        ("x86_64-pc-windows-msvc", None),
        ("aarch64-unknown-linux-gnu", None),
        ("aarch64-apple-darwin", None),
    ];
    for (triple, cpu) in targets {
        let bytes = object_for(triple, cpu);
        let file = object::File::parse(bytes.as_slice()).expect("a readable object");
        let undefined: Vec<_> = file
            .symbols()
            .filter(|s| s.is_undefined())
            .filter_map(|s| s.name().ok())
            .filter(|n| !n.is_empty())
            .collect();
        assert!(undefined.is_empty(), "{triple} needs {undefined:?}");
        let exported: Vec<_> =
            file.symbols().filter(|s| s.is_global()).filter_map(|s| s.name().ok()).collect();
        for symbol in ["m_f", "m_f_call", "m_f_metadata"] {
            let found = exported.iter().any(|name| name.trim_start_matches('_') == symbol);
            assert!(found, "{triple} exports {exported:?}");
        }
    }
}

#[test]
fn code_has_no_relocations_but_relative_ones() {
    use object::{ObjectSection, RelocationKind};
    let bytes = object_for("x86_64-unknown-linux-gnu", None);
    let file = object::File::parse(bytes.as_slice()).expect("a readable object");
    for section in file.sections().filter(|section| section.kind() == object::SectionKind::Text) {
        for (_, relocation) in section.relocations() {
            let kind = relocation.kind();
            // Data are reached through the global offset table.
            let is_relative = matches!(
                kind,
                RelocationKind::Relative | RelocationKind::PltRelative | RelocationKind::GotRelative
            );
            assert!(is_relative, "{kind:?}");
        }
    }
}

#[test]
fn same_input_same_bytes() {
    let triple = "x86_64-unknown-linux-gnu";
    assert_eq!(object_for(triple, None), object_for(triple, None));
}

/// On Windows, callees save vector registers, with what instructions the body may use.
#[test]
fn the_processor_is_asked_before_any_prologue_uses_vectors() {
    let entry_of = |triple, cpu| {
        let target = Target::parse(Some(triple), Some(cpu)).expect("a known target");
        let isa = target.isa(Output::Object).expect("a target of this build");
        let builder = ObjectBuilder::new(isa, "test", default_libcall_names()).expect("a known format");
        let mut module = ObjectModule::new(builder);
        let mut unit = Unit::new(&mut module);
        unit.record_clif();
        let codes = Codes { null_pointer: 1, misaligned: 2, unsupported_cpu: 3, bad_executor: 4 };
        let checks = Checks { arrays: vec![Some(4); 2], work_align: None, codes };
        let call = "m_f_call".to_string();
        let entry = EntryPoint { call, direct: None, inputs: 1, outputs: 1, checks: Some(checks) };
        unit.function(&function(), &entry).expect("the nest is well formed");
        // The entry was declared first.
        let clif = unit.clif().expect("it is recorded");
        let start = clif.find("function u0:0(").expect("the entry is there");
        let rest = &clif[start..];
        rest[..rest.find("\n}\n").expect("it ends")].to_string()
    };
    let has_floats = |text: String| text.contains("f32");
    assert!(!has_floats(entry_of("x86_64-pc-windows-msvc", "x86-64-v3")));
    assert!(has_floats(entry_of("x86_64-pc-windows-msvc", "x86-64-v2")));
    assert!(has_floats(entry_of("x86_64-unknown-linux-gnu", "x86-64-v3")));
}
