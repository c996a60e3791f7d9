//! Shapes. Extents stay behind [`Shape`], so that symbolic ones can come later.

use smallvec::SmallVec;
use std::fmt;

/// The size of one axis, in elements.
pub type Extent = usize;

/// The extents of an array, outermost axis first (row-major).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Shape(SmallVec<[Extent; 4]>);

impl Shape {
    /// The shape of a rank-0 array.
    pub fn scalar() -> Self {
        Shape(SmallVec::new())
    }

    pub fn rank(&self) -> usize {
        self.0.len()
    }

    pub fn is_scalar(&self) -> bool {
        self.0.is_empty()
    }

    pub fn extents(&self) -> &[Extent] {
        &self.0
    }

    /// The number of elements; 1 for rank 0, 0 if any extent is 0. Saturates instead of overflowing.
    pub fn element_count(&self) -> usize {
        if self.0.contains(&0) {
            return 0;
        }
        self.0.iter().fold(1, |product: usize, &extent| product.saturating_mul(extent))
    }

    /// Row-major strides. Units: elements.
    pub fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1usize; self.rank()];
        for axis in (1..self.rank()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(self.0[axis].max(1));
        }
        strides
    }

    /// The multi-index of every element in row-major order.
    pub fn indices(&self) -> Indices {
        Indices { shape: self.clone(), next: (self.element_count() > 0).then(|| vec![0; self.rank()]) }
    }

    /// The row-major position of a multi-index. Units: elements.
    pub fn offset(&self, index: &[usize]) -> usize {
        self.0.iter().zip(index).fold(0, |offset, (&extent, &i)| offset * extent + i)
    }

    /// The extents whose axis is not listed.
    pub fn without(&self, axes: &[usize]) -> Shape {
        self.0.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, &e)| e).collect()
    }

    /// The shape with a new axis at `axis`.
    pub fn inserted(&self, axis: usize, extent: Extent) -> Shape {
        let mut extents = self.0.clone();
        extents.insert(axis, extent);
        Shape(extents)
    }
}

/// Iterator of [`Shape::indices`].
pub struct Indices {
    shape: Shape,
    next: Option<Vec<usize>>,
}

impl Iterator for Indices {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let current = self.next.clone()?;
        let following = self.next.as_mut()?;
        for axis in (0..self.shape.rank()).rev() {
            following[axis] += 1;
            if following[axis] < self.shape[axis] {
                return Some(current);
            }
            following[axis] = 0;
        }
        self.next = None;
        Some(current)
    }
}

impl std::ops::Index<usize> for Shape {
    type Output = Extent;
    fn index(&self, axis: usize) -> &Extent {
        &self.0[axis]
    }
}

impl From<Vec<Extent>> for Shape {
    fn from(extents: Vec<Extent>) -> Self {
        Shape(SmallVec::from_vec(extents))
    }
}

impl From<&[Extent]> for Shape {
    fn from(extents: &[Extent]) -> Self {
        Shape(SmallVec::from_slice(extents))
    }
}

impl<const N: usize> From<[Extent; N]> for Shape {
    fn from(extents: [Extent; N]) -> Self {
        Shape(SmallVec::from_slice(&extents))
    }
}

impl FromIterator<Extent> for Shape {
    fn from_iter<I: IntoIterator<Item = Extent>>(extents: I) -> Self {
        Shape(extents.into_iter().collect())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (axis, extent) in self.0.iter().enumerate() {
            write!(f, "{}{extent}", if axis > 0 { "," } else { "" })?;
        }
        f.write_str("]")
    }
}
