//! Attributes and types of VHLO. Its attributes are those of StableHLO and copies of MLIR's own, so they become the same
//! [`Attribute`]s; what they are called in operations is told by `meaning`.
//!
//! Source: StableHLO, `dialect/VhloBytecode.cpp` (codes and fields) and `dialect/VhloEnums.td` (numbers of words).

use super::Parsed;
use super::builtin::{self, complex, element, ranked, tensor, types};
use super::bytes::Bytes;
use super::entries::Entries;
use super::numbers;
use crate::hlo::{Attribute, Attributes, Element, Type};
use crate::types::DType;

pub fn attribute<'a>(entries: &mut Entries<'_, 'a>, at: &mut Bytes<'a>) -> Parsed<Attribute> {
    let start = *at;
    match at.varint()? {
        1 => Ok(Attribute::List(at.list(|at| entries.attribute(at))?)),
        2 => Ok(Attribute::Bool(at.varint()? != 0)),
        3 => word(at, "comparison_direction", &["EQ", "NE", "GE", "GT", "LE", "LT"]),
        4 => word(at, "comparison_type", &["NOTYPE", "FLOAT", "TOTALORDER", "SIGNED", "UNSIGNED"]),
        // The one enum that StableHLO has as a number.
        5 => Ok(Attribute::i32(i64::try_from(at.varint()?).unwrap_or(i64::MAX))),
        6 => Ok(Attribute::Dictionary(entries.dictionary(at)?)),
        7 => word(at, "fft_type", &["FFT", "IFFT", "RFFT", "IRFFT"]),
        8 => {
            let element = element(entries, at)?;
            numbers::float(at, element)
        }
        9 => {
            let element = element(entries, at)?;
            numbers::integer(at, element)
        }
        10 => alias(at),
        11 => word(at, "precision", &["DEFAULT", "HIGH", "HIGHEST"]),
        12 => word(at, "rng_algorithm", &["DEFAULT", "THREE_FRY", "PHILOX"]),
        13 => word(at, "rng_distribution", &["", "UNIFORM", "NORMAL"]),
        14 => builtin::text(entries, at),
        15 => {
            let ty = tensor(entries, at)?;
            numbers::dense(start, ty, entries.container.shared(at.blob()?))
        }
        16 => word(at, "transpose", &["TRANSPOSE_INVALID", "NO_TRANSPOSE", "TRANSPOSE", "ADJOINT"]),
        17 => Ok(Attribute::Type(entries.ty(at)?)),
        // Bounds of dynamic extents: nothing that is supported has any.
        18 => {
            let bounds = at.list(Bytes::signed)?;
            let fields = Attributes::default().with("bounds", Attribute::numbers(bounds));
            Ok(Attribute::Record("stablehlo.bounds".into(), fields))
        }
        19 => {
            let mode = word(at, "result_accuracy_mode", &["DEFAULT", "HIGHEST", "TOLERANCE"])?;
            // Text has it in a form that other enums do not have.
            Ok(Attribute::Other(format!(
                "#stablehlo.result_accuracy_mode<{}>",
                mode.word().unwrap_or_default()
            )))
        }
        20 => accuracy(entries, at),
        code => Err(unknown(start, "attribute", code)),
    }
}

pub fn ty<'a>(entries: &mut Entries<'_, 'a>, at: &mut Bytes<'a>) -> Parsed<Type> {
    let start = *at;
    let code = at.varint()?;
    if let Some((_, name)) = NUMBERS.iter().find(|(known, _)| *known == code) {
        let element = Element::from_name(name).unwrap_or_else(|| Element::Other(name.to_string()));
        return Ok(Type::Element(element));
    }
    match code {
        1 => complex(start, entries.ty(at)?),
        8 => Ok(Type::Function(types(entries, at)?, types(entries, at)?)),
        20 => ranked(entries, at),
        21 => {
            entries.attribute(at)?;
            ranked(entries, at)
        }
        22 => Ok(Type::Token),
        23 => Ok(Type::Tuple(types(entries, at)?)),
        24 => quantized(entries, at),
        25 => Err(start.unsupported("arrays of unknown rank")),
        26 => Ok(Type::Other("!shape.witness".into())),
        30 => quantized_per_axis(entries, at),
        33 => Ok(Type::None),
        41 => {
            let Type::Tensor(tensor) = builtin::ranked(entries, at)? else {
                unreachable!("`ranked` makes arrays")
            };
            Ok(Type::Other(tensor.to_string().replacen("tensor", "memref", 1)))
        }
        code => Err(unknown(start, "type", code)),
    }
}

/// Types of one element, by their codes, as text has them.
const NUMBERS: &[(u64, &str)] = &[
    (0, "i1"),
    (2, "bf16"),
    (3, "f16"),
    (4, "f32"),
    (5, "f64"),
    (6, "f8E4M3FN"),
    (7, "f8E5M2"),
    (9, "index"),
    (10, "i4"),
    (11, "i8"),
    (12, "i16"),
    (13, "i32"),
    (14, "i64"),
    (15, "ui4"),
    (16, "ui8"),
    (17, "ui16"),
    (18, "ui32"),
    (19, "ui64"),
    (27, "f8E4M3FNUZ"),
    (28, "f8E5M2FNUZ"),
    (29, "f8E4M3B11FNUZ"),
    (31, "i2"),
    (32, "ui2"),
    (34, "tf32"),
    (35, "f8E4M3"),
    (36, "f8E3M4"),
    (37, "f4E2M1FN"),
    (38, "f6E2M3FN"),
    (39, "f6E3M2FN"),
    (40, "f8E8M0FNU"),
];

fn unknown(start: Bytes, what: &str, code: u64) -> crate::diag::Diagnostic {
    start.unsupported(format!("the VHLO {what} of code {code} in MLIR bytecode"))
}

/// An enum by its number.
fn word(at: &mut Bytes, kind: &str, words: &[&str]) -> Parsed<Attribute> {
    let start = *at;
    let number = at.varint()?;
    match usize::try_from(number).ok().and_then(|number| words.get(number)) {
        Some(&word) if !word.is_empty() => Ok(Attribute::stablehlo(kind, word)),
        _ => Err(start.error(&format!("{kind} number {number}"))),
    }
}

/// `[output indices, operand, operand indices]`
fn alias(at: &mut Bytes) -> Parsed<Attribute> {
    let output = at.list(Bytes::signed)?;
    let operand = at.signed()?;
    let indices = at.list(Bytes::signed)?;
    let fields = Attributes::default()
        .with("output_tuple_indices", Attribute::numbers(output))
        .with("operand_index", Attribute::i64(operand))
        .with("operand_tuple_indices", Attribute::numbers(indices));
    Ok(Attribute::Record("stablehlo.output_operand_alias".into(), fields))
}

/// `[absolute, relative, last places, mode]`. Zeros are left out.
fn accuracy<'a>(entries: &mut Entries<'_, 'a>, at: &mut Bytes<'a>) -> Parsed<Attribute> {
    let float = |bits| Attribute::Float(bits, Element::Data(DType::F64));
    let absolute = numbers::double(at)?;
    let relative = numbers::double(at)?;
    let places = at.signed()?;
    let mode = entries.attribute(at)?;
    let fields = [
        ("atol", absolute != 0, float(absolute)),
        ("rtol", relative != 0, float(relative)),
        ("ulps", places != 0, Attribute::i64(places)),
        ("mode", true, mode),
    ];
    let fields = fields.into_iter().filter(|(_, is_set, _)| *is_set);
    let fields = Attributes(fields.map(|(name, _, value)| (name.to_string(), value)).collect());
    Ok(Attribute::Record("stablehlo.result_accuracy".into(), fields))
}

/// Quantized numbers have no structure here; what is left of them is what an error can say.
fn quantized<'a>(entries: &mut Entries<'_, 'a>, at: &mut Bytes<'a>) -> Parsed<Type> {
    at.varint()?;
    let storage = element(entries, at)?;
    let expressed = element(entries, at)?;
    let scale = f64::from_bits(numbers::double(at)?);
    let zero = at.signed()?;
    at.signed()?;
    at.signed()?;
    Ok(Type::Other(format!("!quant.uniform<{storage}:{expressed}, {scale}:{zero}>")))
}

fn quantized_per_axis<'a>(entries: &mut Entries<'_, 'a>, at: &mut Bytes<'a>) -> Parsed<Type> {
    at.varint()?;
    let storage = element(entries, at)?;
    let expressed = element(entries, at)?;
    let axis = at.varint()?;
    at.signed()?;
    at.signed()?;
    at.list(numbers::double)?;
    at.list(Bytes::signed)?;
    Ok(Type::Other(format!("!quant.uniform<{storage}:{expressed}:{axis}, ..>")))
}
