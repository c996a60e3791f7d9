//! Array constants.

use crate::diag::Diagnostic;
use crate::hlo::{Dense, DenseData, Module};
use crate::ir::{Atom, Builder};
use crate::types::{Literal, Tensor};
use std::sync::Arc;

/// A constant as an atom: literals for rank 0, broadcast literals for arrays of one value, else the array.
pub fn atom(module: &Module, dense: &Dense, builder: &mut Builder) -> Result<Atom, Diagnostic> {
    let aval =
        dense.ty.aval().ok_or_else(|| Diagnostic::unsupported(format!("constants of type {}", dense.ty)))?;
    let tensor = match &dense.data {
        DenseData::Splat(literal) => {
            return Ok(builder.broadcast_in_dim(Atom::Literal(*literal), aval.shape, &[]));
        }
        DenseData::Elements(tensor) => tensor.clone(),
        DenseData::Resource(key) => {
            let bytes = module.resources.get(key);
            let bytes = bytes.ok_or_else(|| Diagnostic::error(format!("there is no resource {key}")))?;
            let wrong = || {
                let (expected, found) = (aval.size_bytes(), bytes.len());
                Diagnostic::error(format!(
                    "resource {key}: expected {expected} bytes for {aval}, found {found}"
                ))
            };
            Arc::new(Tensor::new(aval.clone(), bytes.clone()).ok_or_else(wrong)?)
        }
    };
    if aval.shape.is_scalar() {
        return Ok(Atom::Literal(Literal::from_bytes(aval.dtype, tensor.bytes())));
    }
    Ok(builder.emit_one(crate::ops::shape::Constant { value: tensor }, &[]))
}
