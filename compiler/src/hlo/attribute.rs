//! Attributes of operations, functions and modules.

use super::{ARGUMENT_NAME, Element, TensorType, Type};
use crate::types::{Aval, DType, Literal, Scalar, SharedBytes, Tensor};
use std::sync::Arc;

/// One attribute.
#[derive(Clone, PartialEq, Debug)]
pub enum Attribute {
    /// A name alone.
    Unit,
    Bool(bool),
    /// `3 : i64`
    Int(i128, Element),
    /// A float, by its bits: `1.5 : f32`. Widened to f64, which holds every narrower one.
    Float(u64, Element),
    /// `"text"`; any bytes.
    Text(Vec<u8>),
    /// `@name` or `@outer::@name`
    Symbol(String),
    Type(Type),
    /// `[a, b]`
    List(Vec<Attribute>),
    /// `{a = 1, b}`
    Dictionary(Attributes),
    /// `array<i64: 1, 2>`
    Numbers(DType, Vec<Scalar>),
    /// `dense<..> : tensor<..>`
    Dense(Dense),
    /// `#stablehlo<precision HIGHEST>`: dialect, kind, word.
    Enum {
        dialect: String,
        kind: String,
        word: String,
    },
    /// `#stablehlo.gather<offset_dims = [1], index_vector_dim = 1>`: the name with its dialect, then the fields. Numbers of
    /// fields are [`Attribute::Int`] of 64 bits, lists of numbers [`Attribute::Numbers`]. Short forms are expanded:
    /// the `[b, f, 0]x[o, i, 0]->[b, f, 0]` of convolutions has `input_batch_dimension = 0` and so on.
    Record(String, Attributes),
    /// Text of an attribute that has no structure for us.
    Other(String),
}

/// Attributes by name, in the order of the text.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Attributes(pub Vec<(String, Attribute)>);

/// An array constant.
#[derive(Clone, PartialEq, Debug)]
pub struct Dense {
    pub ty: TensorType,
    pub data: DenseData,
}

#[derive(Clone, PartialEq, Debug)]
pub enum DenseData {
    /// All elements are equal; kept small, however large the array.
    Splat(Literal),
    Elements(Arc<Tensor>),
    /// The key into [`super::Module::resources`].
    Resource(String),
}

impl DenseData {
    /// Elements as MLIR stores them: little-endian, or one that stands for all. Flags may be packed, eight to a byte, the
    /// first in the lowest bit.
    ///
    /// Errors: there are too few or too many bytes.
    pub fn from_bytes(mut bytes: SharedBytes, aval: &Aval) -> Result<DenseData, String> {
        let count = aval.shape.element_count();
        let width = aval.dtype.size_bytes();
        let is_packed = aval.dtype == DType::Bool && count > 1 && bytes.len() == count.div_ceil(8);
        if is_packed {
            bytes = (0..count).map(|i| bytes[i / 8] >> (i % 8) & 1).collect();
        }
        if aval.dtype == DType::Bool || aval.dtype.bits() < 8 {
            // Only the bits of the number are told; storage has its sign, or nothing, in the others.
            let canonical =
                |byte: u8| Literal::new(aval.dtype, Scalar::decode(aval.dtype, &[byte])).bits() as u8;
            bytes = bytes.iter().map(|byte| canonical(*byte)).collect();
        }
        // One byte of packed flags that are all equal is what one flag for all of them looks like.
        let is_one_flag = is_packed && count <= 8 && bytes.iter().all(|&flag| flag == bytes[0]);
        if bytes.len() == width || is_one_flag {
            return Ok(DenseData::Splat(Literal::from_bytes(aval.dtype, &bytes[..width])));
        }
        let found = bytes.len();
        let tensor = Tensor::new(aval.clone(), bytes);
        let wrong = || format!("expected {} bytes for {aval}, found {found}", aval.size_bytes());
        Ok(DenseData::Elements(Arc::new(tensor.ok_or_else(wrong)?)))
    }
}

impl Attributes {
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Adds an attribute, or replaces the one of that name.
    pub fn set(&mut self, name: &str, value: Attribute) {
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_string(), value)),
        }
    }

    /// Keeps the name that a location gives to an argument, unless the attributes have one.
    pub fn name_argument(&mut self, name: Vec<u8>) {
        if self.get(ARGUMENT_NAME).is_none() {
            self.set(ARGUMENT_NAME, Attribute::Text(name));
        }
    }

    pub fn with(mut self, name: &str, value: Attribute) -> Attributes {
        self.0.push((name.to_string(), value));
        self
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(Attribute::int)
    }

    pub fn size(&self, name: &str) -> Option<usize> {
        self.int(name).and_then(|x| usize::try_from(x).ok())
    }

    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.get(name).and_then(Attribute::ints)
    }

    pub fn sizes(&self, name: &str) -> Option<Vec<usize>> {
        self.ints(name)?.into_iter().map(|x| usize::try_from(x).ok()).collect()
    }

    /// Absent is false.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Attribute::Bool(true) | Attribute::Unit))
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Attribute::Text(bytes)) => std::str::from_utf8(bytes).ok(),
            Some(Attribute::Symbol(name)) => Some(name),
            _ => None,
        }
    }

    /// The word of an enum attribute.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Attribute::word)
    }

    /// The fields of a record or dictionary.
    pub fn fields(&self, name: &str) -> Option<&Attributes> {
        match self.get(name) {
            Some(Attribute::Record(_, fields) | Attribute::Dictionary(fields)) => Some(fields),
            _ => None,
        }
    }
}

impl Attribute {
    pub fn i64(value: i64) -> Attribute {
        Attribute::Int(i128::from(value), Element::Data(DType::I64))
    }

    pub fn i32(value: i64) -> Attribute {
        Attribute::Int(i128::from(value), Element::Data(DType::I32))
    }

    /// `array<i64: ..>`
    pub fn numbers<T: TryInto<i128>>(values: impl IntoIterator<Item = T>) -> Attribute {
        let values = values.into_iter().map(|x| Scalar::Int(x.try_into().unwrap_or_default()));
        Attribute::Numbers(DType::I64, values.collect())
    }

    /// An enum attribute of StableHLO.
    pub fn stablehlo(kind: &str, word: &str) -> Attribute {
        Attribute::Enum { dialect: "stablehlo".into(), kind: kind.into(), word: word.into() }
    }

    pub fn text(text: &str) -> Attribute {
        Attribute::Text(text.as_bytes().to_vec())
    }

    pub fn int(&self) -> Option<i64> {
        match self {
            Attribute::Int(x, _) => i64::try_from(*x).ok(),
            Attribute::Bool(x) => Some(i64::from(*x)),
            Attribute::Dense(dense) => match dense.ints()?[..] {
                [x] => Some(x),
                _ => None,
            },
            _ => None,
        }
    }

    /// Numbers in any of the ways in which releases have written them.
    pub fn ints(&self) -> Option<Vec<i64>> {
        match self {
            Attribute::Numbers(_, values) => values.iter().map(|&value| integer(value)).collect(),
            Attribute::List(items) => items.iter().map(Attribute::int).collect(),
            Attribute::Dense(dense) => dense.ints(),
            _ => None,
        }
    }

    pub fn word(&self) -> Option<&str> {
        match self {
            Attribute::Enum { word, .. } => Some(word),
            Attribute::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}

impl Dense {
    /// The numbers of an integer array that is part of an attribute, in row-major order.
    pub fn ints(&self) -> Option<Vec<i64>> {
        match &self.data {
            DenseData::Splat(literal) => {
                let count = self.ty.storage_aval()?.shape.element_count();
                // A longer list is no attribute.
                let value = integer(literal.value())?;
                (count <= 1 << 16).then(|| vec![value; count])
            }
            DenseData::Elements(tensor) => tensor.scalars().map(integer).collect(),
            DenseData::Resource(_) => None,
        }
    }
}

fn integer(value: Scalar) -> Option<i64> {
    match value {
        Scalar::Int(x) => i64::try_from(x).ok(),
        Scalar::Bool(x) => Some(i64::from(x)),
        Scalar::Float(_) | Scalar::Complex(..) | Scalar::Key(_) => None,
    }
}
