//! Operations about batches, of which StableHLO knows nothing.

use super::lapack::expanded;
use crate::hlo::Value;
use crate::ir::Atom;
use crate::ops::rules::Rule;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::unvmap::{SelectIfVmap, UNKNOWN, Unknown, Unvmap};

/// Reads nothing.
pub fn from_hlo(_: &mut Import, _: &[Atom]) -> Imported {
    None
}

impl StableHlo for Unvmap {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        expanded(self, cx, operands)
    }
}

impl StableHlo for SelectIfVmap {
    fn to_hlo(&self, _: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        Ok(vec![operands[1]])
    }
}

impl StableHlo for Unknown {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(UNKNOWN)
    }
}
