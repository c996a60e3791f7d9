//! Special functions, which are CHLO's.

use crate::hlo::{Attributes, Value};
use crate::ir::Atom;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::rules::{NoRule, Rule};
use crate::ops::special::{Special, SpecialKind};

const NAMES: [(&str, SpecialKind); 5] = [
    ("chlo.lgamma", SpecialKind::Lgamma),
    ("chlo.digamma", SpecialKind::Digamma),
    ("chlo.polygamma", SpecialKind::Polygamma),
    ("chlo.zeta", SpecialKind::Zeta),
    ("chlo.bessel_i1e", SpecialKind::BesselI1e),
];

/// Reads a special function.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    let name = cx.op.name.as_str();
    let (_, kind) = NAMES.iter().find(|(known, _)| *known == name)?;
    Some(cx.emit(Special(*kind), operands))
}

impl StableHlo for Special {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let row = NAMES.iter().find(|(_, kind)| *kind == self.0);
        let (name, _) = row.ok_or(NoRule::NotYet("CHLO has no operation for it"))?;
        let shape = cx.results[0].shape.clone();
        let operands = cx.all_stretched(operands, &shape);
        Ok(cx.same(name, &operands, Attributes::default()))
    }
}
