//! Attributes as text.

use super::MAX_DECIMALS;
use crate::hlo::text::syntax::CONVOLUTION;
use crate::hlo::{Attribute, Attributes, Dense, DenseData};
use crate::types::{DType, Kind, Literal, Scalar, Tensor};
use std::fmt::{self, Display, Write};

impl Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Attribute::Unit => f.write_str("unit"),
            Attribute::Bool(x) => write!(f, "{x}"),
            Attribute::Int(x, element) => write!(f, "{x} : {element}"),
            Attribute::Float(bits, element) => {
                let dtype = element.storage().unwrap_or(DType::F64);
                write!(f, "{} : {element}", float(dtype, f64::from_bits(*bits)))
            }
            Attribute::Text(bytes) => f.write_str(&quoted(bytes)),
            Attribute::Symbol(name) => {
                let parts: Vec<String> = name.split("::@").map(|part| format!("@{}", key(part))).collect();
                f.write_str(&parts.join("::"))
            }
            Attribute::Type(ty) => write!(f, "{ty}"),
            Attribute::List(items) => {
                let items: Vec<String> = items.iter().map(Attribute::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Attribute::Dictionary(attributes) => write!(f, "{attributes}"),
            Attribute::Numbers(dtype, values) => {
                let values: Vec<String> = values.iter().map(|&value| scalar(*dtype, value)).collect();
                let colon = if values.is_empty() { "" } else { ": " };
                let element = crate::hlo::Element::Data(*dtype);
                write!(f, "array<{element}{colon}{}>", values.join(", "))
            }
            Attribute::Dense(dense) => write!(f, "{dense}"),
            Attribute::Enum { dialect, kind, word } => write!(f, "#{dialect}<{kind} {word}>"),
            Attribute::Record(name, fields) if name == "stablehlo.conv" => {
                write!(f, "#stablehlo.conv<{}>", convolution(fields))
            }
            Attribute::Record(name, fields) => write!(f, "#{name}<{}>", record(fields)),
            Attribute::Other(text) => f.write_str(text),
        }
    }
}

impl Display for Dense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.data {
            DenseData::Splat(literal) => {
                write!(f, "dense<{}> : {}", scalar(literal.dtype(), literal.value()), self.ty)
            }
            DenseData::Resource(name) => write!(f, "dense_resource<{}> : {}", key(name), self.ty),
            DenseData::Elements(tensor) => write!(f, "dense<{}> : {}", elements(tensor), self.ty),
        }
    }
}

/// `a = 1, b = [0, 1]`
pub fn record(fields: &Attributes) -> String {
    let field = |(name, value): &(String, Attribute)| format!("{name} = {}", field_value(value));
    fields.0.iter().map(field).collect::<Vec<_>>().join(", ")
}

/// Numbers and lists of them stand bare inside records.
fn field_value(value: &Attribute) -> String {
    match value {
        Attribute::Int(x, _) => x.to_string(),
        Attribute::Numbers(dtype, values) => {
            let values: Vec<String> = values.iter().map(|&value| scalar(*dtype, value)).collect();
            format!("[{}]", values.join(", "))
        }
        other => other.to_string(),
    }
}

/// `[b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1]`
pub fn convolution(fields: &Attributes) -> String {
    let array = |(array, letters): &(&str, [(&str, &str); 2])| {
        let spatial = fields.sizes(&format!("{array}_spatial_dimensions")).unwrap_or_default();
        let mut axes = vec!["?".to_string(); spatial.len() + letters.len()];
        let numbered = spatial.into_iter().enumerate().map(|(order, axis)| (axis, order.to_string()));
        let lettered = letters.iter().filter_map(|(letter, field)| {
            Some((fields.size(&format!("{array}_{field}_dimension"))?, letter.to_string()))
        });
        for (axis, name) in numbered.chain(lettered) {
            if let Some(place) = axes.get_mut(axis) {
                *place = name;
            }
        }
        format!("[{}]", axes.join(", "))
    };
    let [input, kernel, output] = CONVOLUTION.each_ref().map(array);
    format!("{input}x{kernel}->{output}")
}

/// The elements of `dense<..>`.
fn elements(tensor: &Tensor) -> String {
    if tensor.shape().element_count() > MAX_DECIMALS {
        return format!("\"0x{}\"", hex(tensor.bytes()));
    }
    fn level(tensor: &Tensor, axis: usize, first: usize, out: &mut String) {
        if axis == tensor.shape().rank() {
            out.push_str(&scalar(tensor.dtype(), tensor.at(first)));
            return;
        }
        let step: usize = tensor.shape().extents()[axis + 1..].iter().product();
        out.push('[');
        for i in 0..tensor.shape()[axis] {
            out.push_str(if i > 0 { ", " } else { "" });
            level(tensor, axis + 1, first + i * step, out);
        }
        out.push(']');
    }
    let mut out = String::new();
    if tensor.shape().element_count() > 0 {
        level(tensor, 0, 0, &mut out);
    }
    out
}

pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn scalar(dtype: DType, value: Scalar) -> String {
    match value {
        Scalar::Bool(x) => x.to_string(),
        Scalar::Int(x) => x.to_string(),
        Scalar::Float(x) => float(dtype, x),
        Scalar::Complex(re, im) => {
            let part = dtype.real_part();
            format!("({}, {})", float(part, re), float(part, im))
        }
        // Keys are words by now.
        Scalar::Key(x) => x.to_string(),
    }
}

/// The fewest digits that read back the same, always with a point; what is not finite as its bits.
fn float(dtype: DType, x: f64) -> String {
    if !x.is_finite() {
        let bits = Literal::new(dtype, Scalar::Float(x)).bits();
        return format!("0x{bits:0width$X}", width = 2 * dtype.size_bytes());
    }
    debug_assert_eq!(dtype.kind(), Kind::Float);
    let digits = if dtype == DType::F64 { format!("{x:e}") } else { format!("{:e}", x as f32) };
    match digits.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
        _ => digits,
    }
}

/// A name, in quotes unless it is an identifier.
pub fn key(name: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$');
    let is_bare =
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_part);
    if is_bare { name.to_string() } else { quoted(name.as_bytes()) }
}

pub fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => write!(out, "\\{byte:02X}").expect("a string takes everything"),
        }
    }
    out.push('"');
    out
}
