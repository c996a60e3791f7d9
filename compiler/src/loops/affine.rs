//! Affine index expressions over the dims of a nest and the loops around it.

use super::{Extent, LoopVar, Val};
use smallvec::{SmallVec, smallvec};

/// `constant + sum of coefficient * variable`. Units: elements along one axis.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Affine {
    pub constant: i64,
    // Invariant: sorted by variable, no duplicates, no zero coefficients.
    terms: SmallVec<[(Var, i64); 2]>,
}

/// What an index may depend on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
enum Var {
    /// The position along a dim of the nest.
    Dim(u32),
    /// The position of a loop around it.
    Loop(LoopVar),
}

impl Affine {
    pub fn constant(constant: i64) -> Self {
        Affine { constant, terms: SmallVec::new() }
    }

    /// The position along `dim`.
    pub fn dim(dim: usize) -> Self {
        Affine { constant: 0, terms: smallvec![(Var::Dim(dim as u32), 1)] }
    }

    /// The position of an enclosing loop.
    pub fn of_loop(var: LoopVar) -> Self {
        Affine { constant: 0, terms: smallvec![(Var::Loop(var), 1)] }
    }

    /// The dims it depends on, in order, with their coefficients.
    pub fn dims(&self) -> impl Iterator<Item = (usize, i64)> + Clone + '_ {
        self.terms.iter().filter_map(|&(var, coefficient)| match var {
            Var::Dim(dim) => Some((dim as usize, coefficient)),
            Var::Loop(_) => None,
        })
    }

    /// The loops it depends on, in order, with their coefficients.
    pub fn loops(&self) -> impl Iterator<Item = (LoopVar, i64)> + Clone + '_ {
        self.terms.iter().filter_map(|&(var, coefficient)| match var {
            Var::Dim(_) => None,
            Var::Loop(var) => Some((var, coefficient)),
        })
    }

    /// The dim, if it is the position along one and nothing else.
    pub fn as_dim(&self) -> Option<usize> {
        match (self.constant, self.terms.as_slice()) {
            (0, &[(Var::Dim(dim), 1)]) => Some(dim as usize),
            _ => None,
        }
    }

    /// The coefficient of `dim`; 0 if absent.
    pub fn coefficient(&self, dim: usize) -> i64 {
        self.dims().find(|(d, _)| *d == dim).map_or(0, |(_, coefficient)| coefficient)
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
        let terms = self.terms.iter().map(|&(var, coefficient)| (var, coefficient * factor)).collect();
        Affine { constant: self.constant * factor, terms }
    }

    /// Replaces each dim `d` by `map[d]`; loops stay.
    pub fn substitute(&self, map: &[Affine]) -> Affine {
        let mut sum = Affine::constant(self.constant);
        for &(var, coefficient) in &self.terms {
            match var {
                Var::Dim(dim) => sum.add_scaled(&map[dim as usize], coefficient),
                Var::Loop(_) => sum.add_term(var, coefficient),
            }
        }
        sum
    }

    /// Renames the loops.
    pub fn rename_loops(&mut self, name: &mut impl FnMut(LoopVar) -> LoopVar) {
        if self.loops().next().is_none() {
            return;
        }
        let terms = std::mem::take(&mut self.terms);
        for (var, coefficient) in terms {
            let var = if let Var::Loop(var) = var { Var::Loop(name(var)) } else { var };
            self.add_term(var, coefficient);
        }
    }

    /// The value at a point of the iteration space, in a step of the loops around.
    pub fn at(&self, point: &[usize], position_of: impl Fn(LoopVar) -> usize) -> i64 {
        self.terms.iter().fold(self.constant, |sum, &(var, coefficient)| {
            let position = match var {
                Var::Dim(dim) => point[dim as usize],
                Var::Loop(var) => position_of(var),
            };
            sum + coefficient * position as i64
        })
    }

    /// The least and the greatest value over dims of these extents and loops of these counts (all at least 1).
    pub fn range(
        &self,
        extent_of: impl Fn(usize) -> Extent,
        count_of: impl Fn(LoopVar) -> Extent,
    ) -> (i64, i64) {
        let (mut low, mut high) = (self.constant, self.constant);
        for &(var, coefficient) in &self.terms {
            let extent = match var {
                Var::Dim(dim) => extent_of(dim as usize),
                Var::Loop(var) => count_of(var),
            };
            let span = coefficient * (extent as i64 - 1);
            *(if span < 0 { &mut low } else { &mut high }) += span;
        }
        (low, high)
    }

    /// Adds `factor * other`.
    fn add_scaled(&mut self, other: &Affine, factor: i64) {
        self.constant += factor * other.constant;
        for &(var, coefficient) in &other.terms {
            self.add_term(var, factor * coefficient);
        }
    }

    fn add_term(&mut self, var: Var, coefficient: i64) {
        match self.terms.binary_search_by_key(&var, |term| term.0) {
            Ok(at) => {
                self.terms[at].1 += coefficient;
                if self.terms[at].1 == 0 {
                    self.terms.remove(at);
                }
            }
            Err(at) if coefficient != 0 => self.terms.insert(at, (var, coefficient)),
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
