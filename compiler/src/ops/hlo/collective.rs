//! Collectives: programs name their axes, StableHLO numbers devices, which are never there.

use crate::hlo::Value;
use crate::ir::Atom;
use crate::ops::collective::{Collective, UNBOUND};
use crate::ops::rules::Rule;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};

/// Reads nothing.
pub fn from_hlo(_: &mut Import, _: &[Atom]) -> Imported {
    None
}

impl StableHlo for Collective {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(UNBOUND)
    }
}
