//! Affine index expressions over the dims of a nest.

use super::{Extent, Val};
use smallvec::{SmallVec, smallvec};

/// `constant + sum of coefficient * dim`. Units: elements along one axis.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Affine {
    pub constant: i64,
    // Invariant: sorted by dim, no duplicates, no zero coefficients.
    terms: SmallVec<[(usize, i64); 2]>,
}

impl Affine {
    pub fn constant(constant: i64) -> Self {
        Affine { constant, terms: SmallVec::new() }
    }

    /// The position along `dim`.
    pub fn dim(dim: usize) -> Self {
        Affine { constant: 0, terms: smallvec![(dim, 1)] }
    }

    /// The dims it depends on, with their coefficients.
    pub fn terms(&self) -> &[(usize, i64)] {
        &self.terms
    }

    /// The coefficient of `dim`; 0 if absent.
    pub fn coefficient(&self, dim: usize) -> i64 {
        self.terms.iter().find(|(d, _)| *d == dim).map_or(0, |(_, coefficient)| *coefficient)
    }

    pub fn add(&self, other: &Affine) -> Affine {
        let mut sum = self.clone();
        sum.add_scaled(other, 1);
        sum
    }

    pub fn add_constant(&self, constant: i64) -> Affine {
        Affine { constant: self.constant + constant, terms: self.terms.clone() }
    }

    pub fn scale(&self, factor: i64) -> Affine {
        if factor == 0 {
            return Affine::default();
        }
        let terms = self.terms.iter().map(|&(dim, coefficient)| (dim, coefficient * factor)).collect();
        Affine { constant: self.constant * factor, terms }
    }

    /// Replaces each dim `d` by `map[d]`.
    pub fn substitute(&self, map: &[Affine]) -> Affine {
        let mut sum = Affine::constant(self.constant);
        self.terms.iter().for_each(|&(dim, coefficient)| sum.add_scaled(&map[dim], coefficient));
        sum
    }

    /// The value at a point of the iteration space.
    pub fn at(&self, point: &[usize]) -> i64 {
        self.terms
            .iter()
            .fold(self.constant, |sum, &(dim, coefficient)| sum + coefficient * point[dim] as i64)
    }

    /// The least and the greatest value over dims of these extents (all at least 1).
    pub fn range(&self, extent_of: impl Fn(usize) -> Extent) -> (i64, i64) {
        let (mut low, mut high) = (self.constant, self.constant);
        for &(dim, coefficient) in &self.terms {
            let span = coefficient * (extent_of(dim) as i64 - 1);
            *(if span < 0 { &mut low } else { &mut high }) += span;
        }
        (low, high)
    }

    /// Adds `factor * other`.
    fn add_scaled(&mut self, other: &Affine, factor: i64) {
        self.constant += factor * other.constant;
        for &(dim, coefficient) in &other.terms {
            self.add_term(dim, factor * coefficient);
        }
    }

    fn add_term(&mut self, dim: usize, coefficient: i64) {
        match self.terms.binary_search_by_key(&dim, |term| term.0) {
            Ok(at) => {
                self.terms[at].1 += coefficient;
                if self.terms[at].1 == 0 {
                    self.terms.remove(at);
                }
            }
            Err(at) if coefficient != 0 => self.terms.insert(at, (dim, coefficient)),
            Err(_) => {}
        }
    }
}

/// The position along one axis of a buffer: `(affine + dynamic) / divisor`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Index {
    pub affine: Affine,
    /// An I64 value of the block: the index operand of a gather or a dynamic slice.
    pub dynamic: Option<Val>,
    /// Where it does not divide, the element counts as outside of the buffer (dilated operands of convolutions
    /// and interior padding). Invariant: 1, unless the access has a fill value.
    pub divisor: i64,
}

impl Index {
    pub fn affine(affine: Affine) -> Self {
        Index { affine, dynamic: None, divisor: 1 }
    }

    /// The position along `dim`.
    pub fn dim(dim: usize) -> Self {
        Index::affine(Affine::dim(dim))
    }

    pub fn constant(constant: i64) -> Self {
        Index::affine(Affine::constant(constant))
    }

    /// A position computed by the block.
    pub fn dynamic(val: Val) -> Self {
        Index { affine: Affine::default(), dynamic: Some(val), divisor: 1 }
    }

    /// Is it exactly an affine expression, without a dynamic part or a division?
    pub fn is_affine(&self) -> bool {
        self.dynamic.is_none() && self.divisor == 1
    }
}
