//! Fourier transforms.

use crate::diag::Diagnostic;
use crate::hlo::flatbuffer::Table;
use crate::hlo::{Attribute, Attributes, Value};
use crate::ir::Atom;
use crate::ops::fft::{Fft, FftKind};
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::rules::{NoRule, Rule};

/// Reads a transform.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    match cx.op.name.as_str() {
        "stablehlo.fft" => Some(fft(cx, operands)),
        "stablehlo.custom_call" if cx.op.attributes.text("call_target_name") == Some("dynamic_ducc_fft") => {
            Some(ducc(cx, operands))
        }
        _ => None,
    }
}

fn fft(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let word = cx.word("fft_type")?;
    let kind = FftKind::named(word).ok_or_else(|| {
        Diagnostic::error(format!("attribute fft_type: expected FFT, IFFT, RFFT or IRFFT, found {word}"))
    })?;
    let lengths = cx.sizes("fft_length")?;
    cx.emit(Fft { kind, lengths }, operands)
}

/// The call that JAX made on CPUs before it left transforms to XLA: a descriptor, the array, three arrays about memory, the
/// factor of the result, and the extents of the result.
///
/// Source: jaxlib 0.4.20, `ducc_fft.fbs`.
fn ducc(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [descriptor, x, _, _, _, factor, _] = cx.operands(operands)?;
    let bytes: Vec<u8> = cx.known_ints(descriptor)?.into_iter().map(|byte| byte as u8).collect();
    let unknown = || Diagnostic::unsupported("a descriptor of a transform that is not known");
    let table = Table::root(&bytes).ok_or_else(unknown)?;
    let axes = table.vector(3).and_then(|axes| axes.words()).ok_or_else(unknown)?;
    let (from, to) = (cx.builder.aval(x), cx.result(0)?);
    let rank = from.rank();
    let kind = match (table.byte(2).unwrap_or(0), table.byte(4).unwrap_or(0) != 0) {
        (0, true) => FftKind::Fft,
        (0, false) => FftKind::Ifft,
        (1, _) => FftKind::Irfft,
        (2, _) => FftKind::Rfft,
        _ => return Err(unknown()),
    };
    if axes.is_empty() || axes.len() > rank || !axes.iter().copied().eq(rank - axes.len()..rank) {
        return Err(Diagnostic::unsupported(format!("a transform of the axes {axes:?} of {from}")));
    }
    let is_inverse = matches!(kind, FftKind::Ifft | FftKind::Irfft);
    // Of transforms from and to real arrays, the lengths are those of the real one.
    let real = if kind == FftKind::Irfft { &to.shape } else { &from.shape };
    let lengths: Vec<usize> = axes.iter().filter_map(|&axis| real.extents().get(axis).copied()).collect();
    let usual = if is_inverse { 1.0 / lengths.iter().product::<usize>() as f64 } else { 1.0 };
    match cx.known_number(factor) {
        Some(factor) if (factor - usual).abs() <= 1e-12 * usual => cx.emit(Fft { kind, lengths }, &[x]),
        Some(factor) => Err(Diagnostic::unsupported(format!("a transform times {factor}"))),
        None => Err(Diagnostic::unsupported("a transform times a factor that is known at run time alone")),
    }
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
