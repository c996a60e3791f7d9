//! Operations about batches, of which StableHLO knows nothing.

use super::lapack::expanded;
use crate::hlo::Value;
use crate::ops::Op;
use crate::ops::rules::Rule;
use crate::ops::rules::hlo::{Export, StableHlo};
use crate::ops::unvmap::{SelectIfVmap, Unvmap};

impl StableHlo for Unvmap {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        expanded(&Op::from(*self), cx, operands)
    }
}

impl StableHlo for SelectIfVmap {
    fn to_hlo(&self, _: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        Ok(vec![operands[1]])
    }
}
