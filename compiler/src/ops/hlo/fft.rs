//! Fourier transforms.

use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Value};
use crate::ir::Atom;
use crate::ops::fft::{Fft, FftKind};
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::rules::{NoRule, Rule};

/// Reads a transform.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    (cx.op.name == "stablehlo.fft").then(|| fft(cx, operands))
}

fn fft(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let word = cx.word("fft_type")?;
    let kind = FftKind::named(word).ok_or_else(|| {
        Diagnostic::error(format!("attribute fft_type: expected FFT, IFFT, RFFT or IRFFT, found {word}"))
    })?;
    let lengths = cx.sizes("fft_length")?;
    cx.emit(Fft { kind, lengths }, operands)
}

impl StableHlo for Fft {
    /// The operation has three axes at most; JAX refuses more of them too.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        if self.lengths.len() > 3 {
            return Err(NoRule::ByDesign("StableHLO transforms three axes at most"));
        }
        let attributes = Attributes::default()
            .with("fft_type", Attribute::stablehlo("fft_type", self.kind.name()))
            .with("fft_length", Attribute::numbers(self.lengths.iter().copied()));
        Ok(cx.same("stablehlo.fft", operands, attributes))
    }
}
