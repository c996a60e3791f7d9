//! Operations under the names that other releases and dialects have for them.

use crate::hlo::{Attribute, Op};

/// What MHLO has and StableHLO lacks, and what CHLO calls it.
const OF_CHLO: &[(&str, &str)] = &[
    ("acos", "chlo.acos"),
    ("acosh", "chlo.acosh"),
    ("asin", "chlo.asin"),
    ("asinh", "chlo.asinh"),
    ("atan", "chlo.atan"),
    ("atanh", "chlo.atanh"),
    ("cosh", "chlo.cosh"),
    ("erf", "chlo.erf"),
    ("erf_inv", "chlo.erf_inv"),
    ("erfc", "chlo.erfc"),
    ("sinh", "chlo.sinh"),
    ("square", "chlo.square"),
    ("tan", "stablehlo.tan"),
    ("topk", "chlo.top_k"),
];

/// The operation as StableHLO or CHLO has it today; `None` if that is how it stands.
///
/// MHLO's operations are met as text of their own, whose dialect the reader takes for StableHLO, and as calls such as
/// `custom_call @mhlo.erf`, which hold the attributes in a dictionary: portable artifacts carry them so.
pub fn modern(op: &Op) -> Option<Op> {
    let name = op.name.strip_prefix("stablehlo.")?;
    if name != "custom_call" {
        return Some(Op { name: renamed(name).filter(|name| *name != op.name)?.to_string(), ..op.clone() });
    }
    let target = op.attributes.text("call_target_name")?.strip_prefix("mhlo.")?;
    let attributes = match op.attributes.get("mhlo.attributes") {
        Some(Attribute::Dictionary(attributes)) => attributes.clone(),
        _ => Default::default(),
    };
    Some(Op { name: renamed(target)?.to_string(), attributes, ..op.clone() })
}

fn renamed(name: &str) -> Option<&'static str> {
    OF_CHLO.iter().find(|(known, _)| *known == name).map(|(_, today)| *today)
}
