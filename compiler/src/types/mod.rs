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
pub use tensor::Tensor;

use std::fmt;

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
