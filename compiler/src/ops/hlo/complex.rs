//! Complex numbers and their parts.

use crate::hlo::{Attributes, Value};
use crate::ir::Atom;
use crate::ops::elementwise::{ComplexPart, Conj, MakeComplex, PartKind};
use crate::ops::rules::Rule;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::types::Literal;

/// Reads an operation on complex numbers. The real part of a real number is itself, the imaginary part zero.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    let is_real = operands.first().is_some_and(|&x| !cx.builder.dtype(x).is_complex());
    let result = match cx.op.name.as_str() {
        "stablehlo.complex" => cx.emit(MakeComplex, operands),
        "stablehlo.real" | "chlo.conj" if is_real => Ok(operands.to_vec()),
        "stablehlo.imag" if is_real => cx.result(0).map(|aval| {
            let zero = Atom::Literal(Literal::from_f64(aval.dtype, 0.0));
            vec![cx.builder.broadcast_in_dim(zero, aval.shape, &[])]
        }),
        "stablehlo.real" => cx.emit(ComplexPart(PartKind::Real), operands),
        "stablehlo.imag" => cx.emit(ComplexPart(PartKind::Imag), operands),
        "chlo.conj" => cx.emit(Conj, operands),
        _ => return None,
    };
    Some(result)
}

impl StableHlo for ComplexPart {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let name = match self.0 {
            PartKind::Real => "stablehlo.real",
            PartKind::Imag => "stablehlo.imag",
        };
        Ok(cx.same(name, operands, Attributes::default()))
    }
}

impl StableHlo for MakeComplex {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let shape = cx.results[0].shape.clone();
        let operands = cx.all_stretched(operands, &shape);
        Ok(cx.same("stablehlo.complex", &operands, Attributes::default()))
    }
}

impl StableHlo for Conj {
    /// Of parts, which every reader of StableHLO knows.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let result = cx.results[0].clone();
        let part = result.with_dtype(result.dtype.real_part());
        if !cx.operands[0].dtype.is_complex() {
            let zero = cx.number(part.dtype, 0.0);
            let zero = cx.stretched(zero, &part.shape);
            return Ok(vec![cx.plain("stablehlo.complex", &[operands[0], zero], &result)]);
        }
        let re = cx.plain("stablehlo.real", operands, &part);
        let im = cx.plain("stablehlo.imag", operands, &part);
        let im = cx.plain("stablehlo.negate", &[im], &part);
        Ok(vec![cx.plain("stablehlo.complex", &[re, im], &result)])
    }
}
