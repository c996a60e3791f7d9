//! Shorthand for rules: builder methods named after the primitives they emit. They fold what is free to fold, so that
//! rules need not.

use super::elementwise::{Binary, BinaryKind, Compare, CompareKind, Convert, Select, Unary, UnaryKind};
use super::reduction::{Reduce, ReduceKind};
use super::shape::{BroadcastInDim, ExpandDims, PermuteAxes, Reshape};
use crate::ir::{Atom, Builder};
use crate::types::{Aval, DType, Literal, Shape, Tensor};

impl Builder {
    pub fn unary(&mut self, kind: UnaryKind, x: Atom) -> Atom {
        self.emit_one(Unary(kind), &[x])
    }

    pub fn binary(&mut self, kind: BinaryKind, x: Atom, y: Atom) -> Atom {
        self.emit_one(Binary(kind), &[x, y])
    }

    pub fn compare(&mut self, kind: CompareKind, x: Atom, y: Atom) -> Atom {
        self.emit_one(Compare(kind), &[x, y])
    }

    pub fn neg(&mut self, x: Atom) -> Atom {
        self.unary(UnaryKind::Neg, x)
    }

    pub fn add(&mut self, x: Atom, y: Atom) -> Atom {
        self.binary(BinaryKind::Add, x, y)
    }

    pub fn sub(&mut self, x: Atom, y: Atom) -> Atom {
        self.binary(BinaryKind::Sub, x, y)
    }

    /// `x * y`; multiplying by a literal one is free.
    pub fn mul(&mut self, x: Atom, y: Atom) -> Atom {
        let is_one = |atom: Atom| atom.literal().is_some_and(Literal::is_one);
        match (is_one(x), is_one(y)) {
            (true, _) => y,
            (_, true) => x,
            _ => self.binary(BinaryKind::Mul, x, y),
        }
    }

    pub fn div(&mut self, x: Atom, y: Atom) -> Atom {
        self.binary(BinaryKind::Div, x, y)
    }

    /// A rank-0 constant of the dtype of `like`.
    pub fn constant_like(&mut self, like: Atom, value: f64) -> Atom {
        Atom::Literal(Literal::from_f64(self.dtype(like), value))
    }

    /// `mask ? on_true : on_false`.
    pub fn select(&mut self, mask: Atom, on_true: Atom, on_false: Atom) -> Atom {
        self.emit_one(Select, &[mask, on_false, on_true])
    }

    pub fn convert(&mut self, x: Atom, dtype: DType) -> Atom {
        if self.dtype(x) == dtype { x } else { self.emit_one(Convert { dtype }, &[x]) }
    }

    pub fn reshape(&mut self, x: Atom, shape: impl Into<Shape>) -> Atom {
        let shape = shape.into();
        if self.aval(x).shape == shape { x } else { self.emit_one(Reshape { shape }, &[x]) }
    }

    /// Inserts unit axes at these positions of the result.
    pub fn expand_dims(&mut self, x: Atom, axes: &[usize]) -> Atom {
        if axes.is_empty() { x } else { self.emit_one(ExpandDims { axes: axes.to_vec() }, &[x]) }
    }

    /// Result axis `i` is operand axis `permutation[i]`.
    pub fn permute_axes(&mut self, x: Atom, permutation: &[usize]) -> Atom {
        if permutation.iter().enumerate().all(|(i, &axis)| i == axis) {
            return x;
        }
        self.emit_one(PermuteAxes { permutation: permutation.to_vec() }, &[x])
    }

    /// Moves one axis, keeping the order of the others.
    pub fn move_axis(&mut self, x: Atom, from: usize, to: usize) -> Atom {
        let mut permutation: Vec<usize> = (0..self.aval(x).rank()).filter(|&axis| axis != from).collect();
        permutation.insert(to, from);
        self.permute_axes(x, &permutation)
    }

    /// Operand axis `i` becomes axis `dims[i]` of `shape`.
    pub fn broadcast_in_dim(&mut self, x: Atom, shape: impl Into<Shape>, dims: &[usize]) -> Atom {
        let (shape, dims) = (shape.into(), dims.to_vec());
        if self.aval(x).shape == shape { x } else { self.emit_one(BroadcastInDim { shape, dims }, &[x]) }
    }

    /// A value along a new leading axis of this extent.
    pub fn repeated(&mut self, x: Atom, extent: usize) -> Atom {
        let aval = self.aval(x);
        let kept: Vec<usize> = (1..=aval.rank()).collect();
        self.broadcast_in_dim(x, aval.shape.inserted(0, extent), &kept)
    }

    pub fn reduce_sum(&mut self, x: Atom, axes: &[usize]) -> Atom {
        if axes.is_empty() {
            return x;
        }
        self.emit_one(Reduce { kind: ReduceKind::Sum, axes: axes.to_vec() }, &[x])
    }

    /// An array with all elements equal to a constant.
    pub fn full(&mut self, dtype: DType, shape: &Shape, value: f64) -> Atom {
        let scalar = Atom::Literal(Literal::from_f64(dtype, value));
        self.broadcast_in_dim(scalar, shape.clone(), &[])
    }

    /// An array of zeros.
    pub fn zeros(&mut self, aval: &Aval) -> Atom {
        self.full(aval.dtype, &aval.shape, 0.0)
    }

    /// An array constant.
    pub fn tensor(&mut self, value: Tensor) -> Atom {
        match value.to_literal().filter(|_| value.shape().is_scalar()) {
            Some(literal) => Atom::Literal(literal),
            None => self.emit_one(super::shape::Constant { value: value.into() }, &[]),
        }
    }
}
