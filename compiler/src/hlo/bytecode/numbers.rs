//! Numbers of known width, as both dialects encode them.

use super::Parsed;
use super::bytes::Bytes;
use crate::hlo::{Attribute, Dense, DenseData, Element, TensorType};
use crate::types::{DType, Literal, Scalar, SharedBytes};

/// An integer attribute: its type has been read.
pub fn integer(at: &mut Bytes, element: Element) -> Parsed<Attribute> {
    let start = *at;
    let Some(dtype) = element.storage() else { return Err(start.error("an integer of another type")) };
    let bits = if dtype.bits() <= 8 { i128::from(at.byte()?) } else { i128::from(at.signed()?) };
    if dtype == DType::Bool {
        return Ok(Attribute::Bool(bits & 1 != 0));
    }
    if !dtype.is_integer() {
        return Err(start.error("an integer of another type"));
    }
    Ok(Attribute::Int(Scalar::Int(bits).rounded(dtype).int(), element))
}

/// A float attribute: its type has been read.
pub fn float(at: &mut Bytes, element: Element) -> Parsed<Attribute> {
    let start = *at;
    match element.storage().filter(|dtype| dtype.is_float()) {
        Some(dtype) => {
            let bits = if dtype.bits() <= 8 { u64::from(at.byte()?) } else { at.signed()? as u64 };
            let bits = u128::from(bits) & ((1 << dtype.bits()) - 1);
            Ok(Attribute::Float(Literal::from_bits(dtype, bits).value().float().to_bits(), element))
        }
        None => Err(start.unsupported(format!("a number of type {element}"))),
    }
}

/// A double that stands without a type. Units: its bits.
pub fn double(at: &mut Bytes) -> Parsed<u64> {
    Ok(at.signed()? as u64)
}

/// An array constant from its bytes.
pub fn dense(at: Bytes, ty: TensorType, bytes: SharedBytes) -> Parsed<Attribute> {
    let Some(aval) = ty.storage_aval() else {
        if matches!(ty.element, Element::Other(_)) {
            return Ok(Attribute::Other(format!("dense<..> : {ty}")));
        }
        return Err(at.error("an array constant of unknown extent"));
    };
    let data = DenseData::from_bytes(bytes, &aval).map_err(|message| at.error(&message))?;
    Ok(Attribute::Dense(Dense { ty, data }))
}
