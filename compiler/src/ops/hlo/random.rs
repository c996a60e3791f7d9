//! Random bits from a state. What JAX makes of keys is lowered to integer operations before it reaches StableHLO.

use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Value};
use crate::ir::Atom;
use crate::ops::random::*;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::rules::{NoRule, Rule};

const KEYS: NoRule = NoRule::NotYet("typed keys have no type in StableHLO");
const NO_SEED: NoRule = NoRule::ByDesign("its results would differ from run to run; use keys");

/// Reads a generator of random bits.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    match cx.op.name.as_str() {
        "stablehlo.rng_bit_generator" => Some(generator(cx, operands)),
        "stablehlo.rng" => Some(Err(Diagnostic::unsupported("random numbers that no seed determines"))),
        _ => None,
    }
}

fn generator(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let bits = cx.result(1)?;
    let algorithm = match cx.word("rng_algorithm")? {
        "THREE_FRY" => Algorithm::ThreeFry,
        "PHILOX" => Algorithm::Philox,
        _ => Algorithm::Default,
    };
    cx.emit(RngBitGenerator { algorithm, dtype: bits.dtype, shape: bits.shape }, operands)
}

impl StableHlo for RngBitGenerator {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let algorithm = match self.algorithm {
            Algorithm::Default => "DEFAULT",
            Algorithm::ThreeFry => "THREE_FRY",
            Algorithm::Philox => "PHILOX",
        };
        let algorithm = Attribute::stablehlo("rng_algorithm", algorithm);
        Ok(cx.same(
            "stablehlo.rng_bit_generator",
            operands,
            Attributes::default().with("rng_algorithm", algorithm),
        ))
    }
}

impl StableHlo for ThreefryHash {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let program = ThreefryHash::expanded(&cx.operands);
        cx.bodies.inline(cx.function, &program, operands)
    }
}

impl StableHlo for Iota2x32 {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        cx.bodies.inline(cx.function, &self.expanded(), operands)
    }
}

impl StableHlo for RandomSeed {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(KEYS)
    }
}

impl StableHlo for RandomWrap {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(KEYS)
    }
}

impl StableHlo for RandomUnwrap {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(KEYS)
    }
}

impl StableHlo for RandomFoldIn {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(KEYS)
    }
}

impl StableHlo for RandomSplit {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(KEYS)
    }
}

impl StableHlo for RandomBits {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(KEYS)
    }
}

impl StableHlo for RandomGamma {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(KEYS)
    }
}

impl StableHlo for RngUniform {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(NO_SEED)
    }
}
