//! Array constants: `dense<[[1.0, 2.0]]> : tensor<1x2xf32>`, `dense<"0x0000803F">`, `array<i64: 1, 2>`.
//!
//! The type stands behind the elements. The reader finds it first, so that elements go straight to their storage.

use super::decimal::Decimal;
use super::{Parsed, Parser};
use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Dense, DenseData, Element, TensorType, Type};
use crate::types::{Aval, DType, Kind, Literal, Scalar, Tensor};
use std::sync::Arc;

impl<'a> Parser<'a> {
    /// What follows `dense`. Arrays that are no numbers (strings) are [`Attribute::Other`].
    pub(super) fn dense(&mut self) -> Parsed<Attribute> {
        let start = self.at;
        self.at.expect("<")?;
        let elements = self.at;
        self.skip_elements()?;
        self.at.expect(">")?;
        let ty = self.colon_tensor()?;
        let after = self.at;
        let Some(aval) = ty.storage_aval() else {
            let Element::Other(_) = &ty.element else {
                return Err(Diagnostic::error("an array constant of unknown extent").at(start.here()));
            };
            return Ok(Attribute::Other(format!("dense{}", &start.text[start.position..after.position])));
        };
        self.at = elements;
        let data = self.elements(&aval)?;
        self.at = after;
        Ok(Attribute::Dense(Dense { ty, data }))
    }

    /// What follows `dense_resource`.
    pub(super) fn dense_resource(&mut self) -> Parsed<Attribute> {
        self.at.expect("<")?;
        let key = match self.at.peek() {
            b'"' => self.at.utf8_string()?,
            _ => self.at.suffix().to_string(),
        };
        self.at.expect(">")?;
        let ty = self.colon_tensor()?;
        Ok(Attribute::Dense(Dense { ty, data: DenseData::Resource(key) }))
    }

    /// What follows `array`.
    pub(super) fn numbers(&mut self) -> Parsed<Attribute> {
        self.at.expect("<")?;
        let start = self.at;
        let element = self.element()?;
        let Some(dtype) = element.storage().filter(|dtype| !dtype.is_complex()) else {
            return Err(start.expected("a type of numbers"));
        };
        let mut values = Vec::new();
        while self.at.eat(if values.is_empty() { ":" } else { "," }) {
            values.push(self.scalar(dtype)?);
        }
        self.at.expect(">")?;
        Ok(Attribute::Numbers(dtype, values))
    }

    fn colon_tensor(&mut self) -> Parsed<TensorType> {
        self.at.expect(":")?;
        let start = self.at;
        match self.ty()? {
            Type::Tensor(ty) => Ok(ty),
            Type::Tuple(_)
            | Type::Token
            | Type::Element(_)
            | Type::Function(..)
            | Type::None
            | Type::Other(_) => Err(start.expected("an array type")),
        }
    }

    /// Moves to the bracket behind the elements.
    fn skip_elements(&mut self) -> Parsed<()> {
        if self.at.peek() == b'"' {
            self.at.raw_string()?;
            return Ok(());
        }
        match self.at.rest().find('>') {
            Some(offset) if !self.at.rest()[..offset].contains('"') => self.at.position += offset,
            Some(_) => {
                // Strings inside of a list.
                while self.at.peek() != b'>' {
                    match self.at.peek() {
                        0 => return Err(self.at.expected("`>`")),
                        b'"' => _ = self.at.raw_string()?,
                        _ => self.at.position += self.at.rest().chars().next().map_or(0, char::len_utf8),
                    }
                }
            }
            None => return Err(self.at.expected("`>` behind the elements")),
        }
        Ok(())
    }

    fn elements(&mut self, aval: &Aval) -> Parsed<DenseData> {
        let start = self.at;
        let count = aval.shape.element_count();
        let bytes = match self.at.peek() {
            b'"' => {
                let raw = self.at.raw_string()?;
                match hexadecimal(raw, aval) {
                    Ok(data) => return Ok(data),
                    Err(message) => return Err(Diagnostic::error(message).at(start.here())),
                }
            }
            b'[' => {
                // Every element takes a byte and a comma at least.
                let most = start.rest().len() / 2;
                let mut bytes = Vec::with_capacity(count.min(most) * aval.dtype.size_bytes());
                self.nested(aval, 0, &mut bytes)?;
                bytes
            }
            b'>' if count == 0 => Vec::new(),
            _ => {
                let literal = Literal::new(aval.dtype, self.scalar(aval.dtype)?);
                if self.at.peek() != b'>' {
                    return Err(self.at.expected("`>`"));
                }
                return Ok(DenseData::Splat(literal));
            }
        };
        // Lists inside a list without members are never seen; the extents are whatever the type says.
        match Tensor::new(aval.clone(), bytes) {
            Some(tensor) => Ok(DenseData::Elements(Arc::new(tensor))),
            None => Err(Diagnostic::error(format!("expected {count} elements for {aval}")).at(start.here())),
        }
    }

    /// The list along one axis and everything below it.
    fn nested(&mut self, aval: &Aval, axis: usize, bytes: &mut Vec<u8>) -> Parsed<()> {
        let Some(&extent) = aval.shape.extents().get(axis) else {
            return self.element_of_list(aval.dtype, bytes);
        };
        let start = self.at;
        self.at.expect("[")?;
        for i in 0..extent {
            if i > 0 && !self.at.eat_byte(b',') {
                let message = format!("expected {extent} elements along axis {axis} of {aval}, found {i}");
                return Err(Diagnostic::error(message).at(start.here()));
            }
            self.nested(aval, axis + 1, bytes)?;
        }
        if self.at.peek() == b',' {
            let message = format!("expected {extent} elements along axis {axis} of {aval}, found more");
            return Err(Diagnostic::error(message).at(self.at.here()));
        }
        self.at.expect("]")
    }

    /// One element of what may be millions of them.
    fn element_of_list(&mut self, dtype: DType, bytes: &mut Vec<u8>) -> Parsed<()> {
        self.at.skip_space();
        let rest = self.at.text.as_bytes().get(self.at.position..).unwrap_or_default();
        let decimal = if dtype.bits() >= 8 { Decimal::read(rest) } else { None };
        let value = decimal.as_ref().and_then(|decimal| match dtype.kind() {
            Kind::Float => decimal.float().map(Scalar::Float),
            Kind::Signed | Kind::Unsigned => decimal.int().filter(|&x| fits(dtype, x.into())).map(int),
            Kind::Bool | Kind::Complex | Kind::Key | Kind::Float0 => None,
        });
        match (decimal, value) {
            (Some(decimal), Some(value)) => {
                self.at.position += decimal.length;
                match (value, dtype) {
                    // The usual case, without asking for every element what its type is.
                    (Scalar::Float(x), DType::F32) => bytes.extend_from_slice(&(x as f32).to_le_bytes()),
                    (value, dtype) => value.encode(dtype, bytes),
                }
            }
            _ => self.scalar(dtype)?.encode(dtype, bytes),
        }
        Ok(())
    }

    /// One element: `1.5`, `-3`, `true`, `(1.0, 2.0)`, or the bits `0x7FC00000`.
    pub(super) fn scalar(&mut self, dtype: DType) -> Parsed<Scalar> {
        let start = self.at;
        if dtype.is_complex() {
            self.at.expect("(")?;
            let re = self.scalar(dtype.real_part())?;
            self.at.expect(",")?;
            let im = self.scalar(dtype.real_part())?;
            self.at.expect(")")?;
            return Ok(Scalar::Complex(re.complex().0, im.complex().0));
        }
        if dtype == DType::Bool {
            return match self.at.word() {
                "true" => Ok(Scalar::Bool(true)),
                "false" => Ok(Scalar::Bool(false)),
                _ => {
                    self.at = start;
                    match self.at.number() {
                        "0" => Ok(Scalar::Bool(false)),
                        "1" | "-1" => Ok(Scalar::Bool(true)),
                        _ => Err(start.expected("true or false")),
                    }
                }
            };
        }
        let number = self.at.number();
        number_of(dtype, number).ok_or_else(|| start.expected(&format!("an element of type {dtype}")))
    }
}

/// Is the number one of an integer type? Text may write unsigned numbers as their signed twins, and the other way round.
fn fits(dtype: DType, value: i128) -> bool {
    let limit = 1i128 << dtype.bits();
    -limit / 2 <= value && value < limit
}

fn int(value: i64) -> Scalar {
    Scalar::Int(value.into())
}

/// A number of text as an element, rounded; `None` if it is none or out of range.
fn number_of(dtype: DType, number: &str) -> Option<Scalar> {
    let bits = number.strip_prefix("0x").map(|digits| u128::from_str_radix(digits, 16));
    match (dtype.kind(), bits) {
        (_, Some(Err(_))) => None,
        (Kind::Float, Some(Ok(bits))) => {
            let fits = bits >> dtype.bits() == 0;
            fits.then(|| Literal::from_bits(dtype, bits).value())
        }
        (Kind::Float, None) => number.parse().ok().map(Scalar::Float),
        (Kind::Signed | Kind::Unsigned, Some(Ok(bits))) => {
            let fits = bits >> dtype.bits() == 0;
            fits.then(|| Scalar::Int(bits as i128).rounded(dtype))
        }
        (Kind::Signed | Kind::Unsigned, None) => {
            let value: i128 = number.parse().ok()?;
            fits(dtype, value).then(|| Scalar::Int(value).rounded(dtype))
        }
        (Kind::Bool | Kind::Complex | Kind::Key | Kind::Float0, _) => None,
    }
}

/// The bytes of `"0x.."`. Errors: no hexadecimal digits, or too few or too many of them.
fn hexadecimal(raw: &str, aval: &Aval) -> Result<DenseData, String> {
    let digits = raw.strip_prefix("0x").ok_or("expected a string of hexadecimal digits after 0x")?;
    let bytes = decode_hex(digits).ok_or("expected pairs of hexadecimal digits after 0x")?;
    DenseData::from_bytes(bytes.into(), aval)
}

/// `None` if the digits are odd in number, or others stand among them.
pub(super) fn decode_hex(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    // No branch and no table, so that the loop below becomes one over vectors.
    let digit = |byte: u8| {
        let decimal = byte.wrapping_sub(b'0');
        let letter = (byte | 0x20).wrapping_sub(b'a');
        let value = if decimal < 10 { decimal } else { letter.wrapping_add(10) };
        (value, (decimal >= 10) & (letter >= 6))
    };
    let mut bytes = vec![0; pairs.len()];
    let mut is_wrong = false;
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        let ((high, high_is_wrong), (low, low_is_wrong)) = (digit(high), digit(low));
        is_wrong |= high_is_wrong | low_is_wrong;
        *byte = high << 4 | low;
    }
    (!is_wrong).then_some(bytes)
}
