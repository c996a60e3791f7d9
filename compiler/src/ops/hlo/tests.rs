//! One family at most knows an operation.

use super::HLO_READERS;
use crate::diag::{Diagnostic, Sources};
use crate::hlo::{self, Dense, Op, Region};
use crate::ir::{Atom, Body, Builder};
use crate::ops::rules::hlo::{Closed, Import, ImportBodies};
use std::collections::HashMap;

#[test]
fn the_order_of_families_says_nothing() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let mut ops = HashMap::new();
    for folder in ["stablehlo/read", "stablehlo/functions", "stablehlo/loops", "bytecode"] {
        for path in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let path = path.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "mlir") {
                continue;
            }
            let mut sources = Sources::new();
            let id = sources.add("case.mlir", std::fs::read_to_string(&path).expect("a text"));
            let module = hlo::parse(&sources, id).expect("a module");
            module.functions.into_iter().for_each(|function| collect(function.body, &mut ops));
        }
    }
    let known = ops.values().filter(|op| readers(op) == 1).count();
    assert!(known > 100, "only {known} operations");
    let contested: Vec<&String> =
        ops.iter().filter(|(_, op)| readers(op) > 1).map(|(name, _)| name).collect();
    assert!(contested.is_empty(), "several families read {contested:?}");
}

/// One operation of each name, and one call of each target.
fn collect(region: Region, ops: &mut HashMap<String, Op>) {
    for mut op in region.ops {
        std::mem::take(&mut op.regions).into_iter().for_each(|region| collect(region, ops));
        let target = op.attributes.text("call_target_name").unwrap_or_default();
        ops.insert(format!("{} {target}", op.name), op);
    }
}

/// How many families know it. It lacks its operands and regions, so that most refuse it.
fn readers(op: &Op) -> usize {
    let knows = |reader: &&super::Reader| {
        let mut builder = Builder::new();
        reader(&mut Import { builder: &mut builder, op, results: &[], bodies: &mut NoBodies }, &[]).is_some()
    };
    HLO_READERS.iter().filter(knows).count()
}

struct NoBodies;

impl ImportBodies for NoBodies {
    fn region(&mut self, _: &Region) -> Result<Closed, Diagnostic> {
        Err(Diagnostic::error("no region"))
    }

    fn function(&mut self, _: &str) -> Result<Body, Diagnostic> {
        Err(Diagnostic::error("no function"))
    }

    fn constant(&mut self, _: &Dense, _: &mut Builder) -> Result<Atom, Diagnostic> {
        Err(Diagnostic::error("no constant"))
    }
}
