//! Plain values that every stage shares: element types, shapes, abstract values, literals and arrays.

mod complex;
mod dtype;
mod literal;
mod scalar;
mod shape;
mod tensor;

pub use complex::Complex;
pub use dtype::{DType, Kind};
pub use literal::Literal;
pub use scalar::Scalar;
pub use shape::{Extent, Shape};
pub use tensor::{SharedBytes, Tensor};

use std::fmt;

/// What an array can take up at most: more than the address space of a process on today's 64-bit machines, and little
/// enough that sums over thousands of arrays do not wrap. Units: bytes.
pub const MAX_ARRAY_BYTES: usize = 1 << 47;

/// The abstract value of an array: what is known of it at compile time. Printed as JAX does: `f32[3,4]`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Aval {
    pub dtype: DType,
    pub shape: Shape,
}

impl Aval {
    pub fn new(dtype: DType, shape: impl Into<Shape>) -> Self {
        Aval { dtype, shape: shape.into() }
    }

    /// The aval of a rank-0 array.
    pub fn scalar(dtype: DType) -> Self {
        Aval { dtype, shape: Shape::scalar() }
    }

    /// The same shape with another element type.
    pub fn with_dtype(&self, dtype: DType) -> Self {
        Aval { dtype, shape: self.shape.clone() }
    }

    /// The same element type with another shape.
    pub fn with_shape(&self, shape: impl Into<Shape>) -> Self {
        Aval { dtype: self.dtype, shape: shape.into() }
    }

    pub fn rank(&self) -> usize {
        self.shape.rank()
    }

    /// Can a machine hold it? Its strides and its bytes then do not wrap. Arrays without elements have strides as well.
    pub fn is_addressable(&self) -> bool {
        let extents = self.shape.extents().iter().map(|&extent| extent.max(1));
        let mut bytes = self.dtype.size_bytes();
        extents.into_iter().all(|extent| {
            bytes = bytes.saturating_mul(extent);
            bytes <= MAX_ARRAY_BYTES
        })
    }

    /// Units: bytes of the row-major, contiguous array.
    pub fn size_bytes(&self) -> usize {
        self.shape.element_count() * self.dtype.size_bytes()
    }
}

impl fmt::Display for Aval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}
