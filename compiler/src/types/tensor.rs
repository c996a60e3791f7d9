//! Concrete arrays: constants, evaluation results, inputs of `rjaxc run`.

use super::{Aval, DType, Literal, Scalar, Shape};
use std::fmt;
use std::hash::{Hash, Hasher};

/// Bytes that many hold: a file, or a part of one.
pub use bytes::Bytes as SharedBytes;

/// A row-major, contiguous array of little-endian elements.
#[derive(Clone)]
pub struct Tensor {
    aval: Aval,
    // Shared: weights are large, and pass through many hands. Invariant: `bytes.len() == aval.size_bytes()`.
    bytes: SharedBytes,
}

impl Tensor {
    /// Errors: `None` if `bytes` is not as long as `aval` says.
    pub fn new(aval: Aval, bytes: impl Into<SharedBytes>) -> Option<Tensor> {
        let bytes = bytes.into();
        (bytes.len() == aval.size_bytes()).then_some(Tensor { aval, bytes })
    }

    /// Encodes one value per element, in row-major order. Panics if the count differs from the shape's.
    pub fn from_scalars(aval: Aval, values: impl IntoIterator<Item = Scalar>) -> Tensor {
        let mut bytes = Vec::with_capacity(aval.size_bytes());
        for value in values {
            value.encode(aval.dtype, &mut bytes);
        }
        assert_eq!(bytes.len(), aval.size_bytes(), "wrong number of elements for {aval}");
        Tensor { aval, bytes: bytes.into() }
    }

    /// Computes each element from its multi-index.
    pub fn from_fn(aval: Aval, mut value: impl FnMut(&[usize]) -> Scalar) -> Tensor {
        let shape = aval.shape.clone();
        Tensor::from_scalars(aval, shape.indices().map(|index| value(&index)))
    }

    /// Numbers of any real dtype, rounded. Panics if the count differs from the shape's.
    pub fn from_f64s(dtype: DType, shape: impl Into<Shape>, values: &[f64]) -> Tensor {
        let values = values.iter().map(|&x| Literal::from_f64(dtype, x).value());
        Tensor::from_scalars(Aval::new(dtype, shape), values)
    }

    /// Complex numbers from their parts, rounded. Panics if the counts differ from the shape's.
    pub fn from_parts(dtype: DType, shape: impl Into<Shape>, re: &[f64], im: &[f64]) -> Tensor {
        assert_eq!(re.len(), im.len(), "one imaginary part per real part");
        let values = re.iter().zip(im).map(|(&re, &im)| Scalar::Complex(re, im));
        Tensor::from_scalars(Aval::new(dtype, shape), values)
    }

    pub fn from_literal(literal: Literal) -> Tensor {
        Tensor { aval: Aval::scalar(literal.dtype()), bytes: literal.bytes().into() }
    }

    /// All elements equal to `literal`.
    pub fn splat(literal: Literal, shape: impl Into<Shape>) -> Tensor {
        let aval = Aval::new(literal.dtype(), shape);
        let bytes = literal.bytes().repeat(aval.shape.element_count()).into();
        Tensor { aval, bytes }
    }

    pub fn aval(&self) -> &Aval {
        &self.aval
    }

    pub fn dtype(&self) -> DType {
        self.aval.dtype
    }

    pub fn shape(&self) -> &Shape {
        &self.aval.shape
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The memory itself.
    #[cfg(test)]
    pub fn shared_bytes(&self) -> &SharedBytes {
        &self.bytes
    }

    /// The element at row-major position `position`.
    pub fn at(&self, position: usize) -> Scalar {
        let width = self.dtype().size_bytes();
        Scalar::decode(self.dtype(), &self.bytes[position * width..(position + 1) * width])
    }

    /// The element at a multi-index.
    pub fn get(&self, index: &[usize]) -> Scalar {
        self.at(self.shape().offset(index))
    }

    /// All elements in row-major order.
    pub fn scalars(&self) -> impl Iterator<Item = Scalar> + '_ {
        (0..self.shape().element_count()).map(|position| self.at(position))
    }

    /// The value of a rank-0 or one-element array.
    pub fn to_literal(&self) -> Option<Literal> {
        (self.shape().element_count() == 1).then(|| Literal::from_bytes(self.dtype(), &self.bytes))
    }

    /// The same elements in another shape or under another name. Errors: `None` if the byte counts differ.
    pub fn reinterpret(self, aval: Aval) -> Option<Tensor> {
        (self.bytes.len() == aval.size_bytes()).then_some(Tensor { aval, bytes: self.bytes })
    }
}

impl PartialEq for Tensor {
    fn eq(&self, other: &Tensor) -> bool {
        // Large arrays are compared with themselves again and again.
        let is_same = || std::ptr::eq(self.bytes(), other.bytes());
        self.aval == other.aval && (is_same() || self.bytes == other.bytes)
    }
}

impl Eq for Tensor {}

/// How many bytes a hash looks at, at most: weights are large, and hashed again and again.
const HASHED_BYTES: usize = 256;

/// Equal arrays have equal hashes; large ones are told apart by some of their bytes, from all over.
impl Hash for Tensor {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.aval.hash(state);
        if self.bytes.len() <= HASHED_BYTES {
            return self.bytes.hash(state);
        }
        // An odd step meets all bytes of the elements in turn.
        let step = (self.bytes.len() / HASHED_BYTES) | 1;
        let sample: Vec<u8> = self.bytes.iter().step_by(step).copied().collect();
        sample.hash(state);
    }
}

/// Nested lists with JAX's scalar spelling: `[[1.0, 2.0], [3.0, 4.0]]`.
impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn level(tensor: &Tensor, axis: usize, first: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let width = tensor.dtype().size_bytes();
            if axis == tensor.shape().rank() {
                let bytes = &tensor.bytes[first * width..(first + 1) * width];
                return write!(f, "{}", Literal::from_bytes(tensor.dtype(), bytes));
            }
            let step: usize = tensor.shape().extents()[axis + 1..].iter().product();
            f.write_str("[")?;
            for i in 0..tensor.shape()[axis] {
                f.write_str(if i > 0 { ", " } else { "" })?;
                level(tensor, axis + 1, first + i * step, f)?;
            }
            f.write_str("]")
        }
        level(self, 0, 0, f)
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shape().element_count() > 64 {
            return write!(f, "<{}>", self.aval);
        }
        write!(f, "{self}:{}", self.aval)
    }
}
