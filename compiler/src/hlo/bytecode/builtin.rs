//! Attributes, types and locations of MLIR's own dialect. In portable artifacts those are locations and the
//! dictionaries of attributes around VHLO's.
//!
//! Source: MLIR, `IR/BuiltinDialectBytecode.td`: the codes are positions in its two lists.

use super::Parsed;
use super::bytes::Bytes;
use super::entries::Entries;
use super::numbers;
use crate::hlo::{Attribute, Attributes, Dense, DenseData, Element, TensorType, Type};
use crate::types::{DType, Literal};

pub fn attribute<'a>(entries: &mut Entries<'_, 'a>, at: &mut Bytes<'a>) -> Parsed<Attribute> {
    let start = *at;
    match at.varint()? {
        0 => Ok(Attribute::List(at.list(|at| entries.attribute(at))?)),
        1 => Ok(Attribute::Dictionary(entries.dictionary(at)?)),
        2 => text(entries, at),
        3 => {
            let text = text(entries, at)?;
            // The type of a string says nothing.
            entries.ty(at)?;
            Ok(text)
        }
        4 => Ok(Attribute::Symbol(entries.name(at)?)),
        5 => {
            let mut name = entries.name(at)?;
            for nested in at.list(|at| entries.attribute(at))? {
                let Attribute::Symbol(inner) = nested else { return Err(start.error("expected a symbol")) };
                name = format!("{name}::@{inner}");
            }
            Ok(Attribute::Symbol(name))
        }
        6 => Ok(Attribute::Type(entries.ty(at)?)),
        7 => Ok(Attribute::Unit),
        8 => {
            let element = element(entries, at)?;
            numbers::integer(at, element)
        }
        9 => {
            let element = element(entries, at)?;
            numbers::float(at, element)
        }
        10..=15 | 22 => Ok(skipped_location(at)),
        16 => {
            let ty = tensor(entries, at)?;
            let resources = &entries.container.resources;
            let key = resources[at.index(resources.len(), "resource")?].key.clone();
            Ok(Attribute::Dense(Dense { ty, data: DenseData::Resource(key) }))
        }
        17 => number_list(entries, at),
        18 => {
            let ty = tensor(entries, at)?;
            numbers::dense(start, ty, entries.container.shared(at.blob()?))
        }
        code => Err(start.unsupported(format!("the builtin attribute of code {code} in MLIR bytecode"))),
    }
}

pub fn ty<'a>(entries: &mut Entries<'_, 'a>, at: &mut Bytes<'a>) -> Parsed<Type> {
    let start = *at;
    let data = |dtype| Ok(Type::Element(Element::Data(dtype)));
    match at.varint()? {
        0 => integer_type(at),
        1 => Ok(Type::Element(Element::Index)),
        2 => Ok(Type::Function(types(entries, at)?, types(entries, at)?)),
        3 => data(DType::BF16),
        4 => data(DType::F16),
        5 => data(DType::F32),
        6 => data(DType::F64),
        9 => complex(start, entries.ty(at)?),
        12 => Ok(Type::None),
        13 => ranked(entries, at),
        14 => {
            entries.attribute(at)?;
            ranked(entries, at)
        }
        15 => Ok(Type::Tuple(types(entries, at)?)),
        code => Err(start.unsupported(format!("the builtin type of code {code} in MLIR bytecode"))),
    }
}

/// A string, by its number.
pub fn text<'a>(entries: &mut Entries<'_, 'a>, at: &mut Bytes<'a>) -> Parsed<Attribute> {
    // About as much text takes the room of one attribute.
    const BYTES_PER_PART: usize = 64;
    let text = entries.container.raw_string(at)?;
    entries.spend((text.len() / BYTES_PER_PART) as u64, *at)?;
    Ok(Attribute::Text(text.to_vec()))
}

/// Locations are read by `places`; as attributes they say nothing.
fn skipped_location(at: &mut Bytes) -> Attribute {
    let rest = at.remaining();
    at.take(rest).expect("the rest is there");
    Attribute::Other("loc(..)".into())
}

/// `[width and sign]`: signless is signed, as everywhere here.
fn integer_type(at: &mut Bytes) -> Parsed<Type> {
    const UNSIGNED: u64 = 2;
    let both = at.varint()?;
    let sign = if both & 3 == UNSIGNED { "u" } else { "" };
    let name = format!("{sign}i{}", both >> 2);
    Ok(Type::Element(Element::from_name(&name).unwrap_or(Element::Other(name))))
}

/// A complex number of two of these. Errors: they are no floats of 32 or 64 bits.
pub fn complex(start: Bytes, part: Type) -> Parsed<Type> {
    match part {
        Type::Element(part) => {
            let name = format!("complex<{part}>");
            Ok(Type::Element(Element::from_name(&name).unwrap_or(Element::Other(name))))
        }
        Type::Tensor(_) | Type::Tuple(_) | Type::Token | Type::Function(..) | Type::None | Type::Other(_) => {
            Err(start.error("a complex number of no numbers"))
        }
    }
}

/// `[count, type, ..]`
pub fn types<'a>(entries: &mut Entries<'_, 'a>, at: &mut Bytes<'a>) -> Parsed<Vec<Type>> {
    at.list(|at| entries.ty(at))
}

/// A type that must be that of one element. Quantized numbers are [`Type::Other`] by themselves.
pub fn element<'a>(entries: &mut Entries<'_, 'a>, at: &mut Bytes<'a>) -> Parsed<Element> {
    let start = *at;
    match entries.ty(at)? {
        Type::Element(element) => Ok(element),
        Type::Other(text) => Ok(Element::Other(text)),
        Type::Tensor(_) | Type::Tuple(_) | Type::Token | Type::Function(..) | Type::None => {
            Err(start.error("expected the type of an element"))
        }
    }
}

/// A type that must be an array.
pub fn tensor<'a>(entries: &mut Entries<'_, 'a>, at: &mut Bytes<'a>) -> Parsed<TensorType> {
    let start = *at;
    entries.ty(at)?.as_tensor().cloned().ok_or_else(|| start.error("expected the type of an array"))
}

/// `[extents, element]` of an array.
pub fn ranked<'a>(entries: &mut Entries<'_, 'a>, at: &mut Bytes<'a>) -> Parsed<Type> {
    // What MLIR writes for an extent that is known at run time alone.
    const DYNAMIC: i64 = i64::MIN;
    let start = *at;
    let extents = at.list(|at| match at.signed()? {
        DYNAMIC => Ok(None),
        extent => usize::try_from(extent).map(Some).map_err(|_| start.error("a negative extent")),
    })?;
    if extents.len() > crate::hlo::text::MAX_RANK {
        return Err(start.unsupported(format!("more than {} axes", crate::hlo::text::MAX_RANK)));
    }
    entries.spend(extents.len() as u64, start)?;
    let ty = TensorType { extents, element: element(entries, at)? };
    if ty.is_countable() {
        Ok(Type::Tensor(ty))
    } else {
        Err(start.unsupported(format!("an array as large as {ty}")))
    }
}

/// `array<i64: ..>`
fn number_list<'a>(entries: &mut Entries<'_, 'a>, at: &mut Bytes<'a>) -> Parsed<Attribute> {
    let start = *at;
    let element = element(entries, at)?;
    let count = at.varint()?;
    let blob = at.blob()?;
    let dtype = element.storage().filter(|dtype| !dtype.is_complex());
    let dtype = dtype.ok_or_else(|| start.error("a list of other things than numbers"))?;
    let (values, rest) = (blob.chunks_exact(dtype.size_bytes()), blob.len() % dtype.size_bytes());
    if values.len() as u64 != count || rest != 0 {
        return Err(start.error("a list of numbers of another length than it says"));
    }
    entries.spend(count, start)?;
    let values = values.map(|bytes| Literal::from_bytes(dtype, bytes).value()).collect();
    Ok(Attribute::Numbers(dtype, values))
}

/// Empty attributes are not written at all.
pub fn as_dictionary(attribute: Attribute, at: Bytes) -> Parsed<Attributes> {
    if let Attribute::Dictionary(attributes) = attribute {
        Ok(attributes)
    } else {
        Err(at.error("expected a dictionary of attributes"))
    }
}
