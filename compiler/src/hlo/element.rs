//! Types of StableHLO values.

use crate::types::{Aval, DType, Kind};
use std::fmt;

/// The type of a value or of an attribute.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    Tensor(TensorType),
    Tuple(Vec<Type>),
    /// `!stablehlo.token`
    Token,
    /// A type of one element, as attributes have: `i64`, `f32`, `index`.
    Element(Element),
    /// `(tensor<f32>) -> tensor<f32>`
    Function(Vec<Type>, Vec<Type>),
    None,
    /// Text of a type that has no structure for us.
    Other(String),
}

/// `tensor<2x?xf32>`
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TensorType {
    /// Outermost axis first; `None` is an extent that is known at run time alone.
    pub extents: Vec<Option<usize>>,
    pub element: Element,
}

/// The element type of an array.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Element {
    /// Bool is `i1`; signless integers are signed.
    Data(DType),
    /// Sizes and layouts in attributes; stored as [`DType::I64`].
    Index,
    /// Text of a type that this project does not have: quantized numbers, rare floats.
    Other(String),
}

const NAMES: [(DType, &str); 21] = [
    (DType::Bool, "i1"),
    (DType::I2, "i2"),
    (DType::I4, "i4"),
    (DType::I8, "i8"),
    (DType::I16, "i16"),
    (DType::I32, "i32"),
    (DType::I64, "i64"),
    (DType::U2, "ui2"),
    (DType::U4, "ui4"),
    (DType::U8, "ui8"),
    (DType::U16, "ui16"),
    (DType::U32, "ui32"),
    (DType::U64, "ui64"),
    (DType::F8E4M3FN, "f8E4M3FN"),
    (DType::F8E5M2, "f8E5M2"),
    (DType::F16, "f16"),
    (DType::BF16, "bf16"),
    (DType::F32, "f32"),
    (DType::F64, "f64"),
    (DType::C64, "complex<f32>"),
    (DType::C128, "complex<f64>"),
];

impl Element {
    /// An element type by its name in text.
    pub fn from_name(name: &str) -> Option<Element> {
        if name == "index" {
            return Some(Element::Index);
        }
        // Text may write the sign that others leave out.
        let name = name.strip_prefix('s').filter(|rest| rest.starts_with('i')).unwrap_or(name);
        NAMES.iter().find(|(_, known)| *known == name).map(|(dtype, _)| Element::Data(*dtype))
    }

    /// How elements are stored; `None` for [`Element::Other`].
    pub fn storage(&self) -> Option<DType> {
        match self {
            Element::Data(dtype) => Some(*dtype),
            Element::Index => Some(DType::I64),
            Element::Other(_) => None,
        }
    }
}

impl TensorType {
    pub fn new(aval: &Aval) -> TensorType {
        // A key is its two words: StableHLO has no keys.
        let (dtype, words) = match aval.dtype.kind() {
            Kind::Key => (DType::U32, Some(Some(2))),
            Kind::Float0 => (DType::Bool, None),
            Kind::Bool | Kind::Signed | Kind::Unsigned | Kind::Float | Kind::Complex => (aval.dtype, None),
        };
        let extents = aval.shape.extents().iter().map(|&extent| Some(extent)).chain(words).collect();
        TensorType { extents, element: Element::Data(dtype) }
    }

    /// Does it have fewer elements than any memory could hold? No reader lets other types in, so that sizes can be computed.
    pub fn is_countable(&self) -> bool {
        const MOST: usize = 1 << 56;
        let extents = self.extents.iter().flatten();
        extents.fold(1usize, |product, &extent| product.saturating_mul(extent.max(1))) <= MOST
    }

    /// The type in this project's terms; `None` if an extent or the element type has no such terms.
    pub fn aval(&self) -> Option<Aval> {
        let extents: Option<Vec<usize>> = self.extents.iter().copied().collect();
        match &self.element {
            Element::Data(dtype) => Some(Aval::new(*dtype, extents?)),
            Element::Index | Element::Other(_) => None,
        }
    }

    /// The same with `index` elements as 64-bit integers.
    pub fn storage_aval(&self) -> Option<Aval> {
        let extents: Option<Vec<usize>> = self.extents.iter().copied().collect();
        Some(Aval::new(self.element.storage()?, extents?))
    }
}

impl Type {
    pub fn tensor(aval: &Aval) -> Type {
        Type::Tensor(TensorType::new(aval))
    }

    pub fn as_tensor(&self) -> Option<&TensorType> {
        match self {
            Type::Tensor(tensor) => Some(tensor),
            Type::Tuple(_) | Type::Token | Type::Element(_) => None,
            Type::Function(..) | Type::None | Type::Other(_) => None,
        }
    }

    /// The type in this project's terms, if it has any.
    pub fn aval(&self) -> Option<Aval> {
        self.as_tensor().and_then(TensorType::aval)
    }
}

impl From<DType> for Type {
    fn from(dtype: DType) -> Type {
        Type::Element(Element::Data(dtype))
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::Data(dtype) => {
                let name = NAMES.iter().find(|(known, _)| known == dtype).map(|(_, name)| *name);
                f.write_str(name.unwrap_or_else(|| dtype.short_name()))
            }
            Element::Index => f.write_str("index"),
            Element::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tensor<")?;
        for extent in &self.extents {
            match extent {
                Some(extent) => write!(f, "{extent}x")?,
                None => f.write_str("?x")?,
            }
        }
        write!(f, "{}>", self.element)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Tensor(tensor) => write!(f, "{tensor}"),
            Type::Tuple(types) => write!(f, "tuple<{}>", list(types)),
            Type::Token => f.write_str("!stablehlo.token"),
            Type::Element(element) => write!(f, "{element}"),
            Type::Function(inputs, outputs) => write!(f, "{}", Arrow(inputs, outputs)),
            Type::None => f.write_str("none"),
            Type::Other(text) => f.write_str(text),
        }
    }
}

/// `(inputs) -> outputs`, with parentheses around the outputs unless there is one.
pub struct Arrow<'a>(pub &'a [Type], pub &'a [Type]);

impl fmt::Display for Arrow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            [one] if !matches!(one, Type::Function(..)) => write!(f, "({}) -> {one}", list(self.0)),
            outputs => write!(f, "({}) -> ({})", list(self.0), list(outputs)),
        }
    }
}

/// Types with commas between them.
pub fn list(types: &[Type]) -> String {
    types.iter().map(Type::to_string).collect::<Vec<_>>().join(", ")
}
