//! The steps that programs are made of: one or a few equations each.

use super::generator::Generator;
use crate::ir::{Atom, Value};
use crate::ops::contraction::DotGeneral;
use crate::ops::elementwise::{BinaryKind, CompareKind, IntegerPow, UnaryKind};
use crate::ops::indexing::{
    DimensionNumbers, DynamicSlice, DynamicUpdateSlice, Gather, Mode, Scatter, ScatterKind,
};
use crate::ops::reduction::{Cumulative, CumulativeKind, Reduce, ReduceKind};
use crate::ops::shape::{Concatenate, Pad, Rev, Slice};
use crate::ops::sorting::Sort;
use crate::types::{DType, Shape, Tensor};

impl Generator<'_> {
    /// Adds an array to the pool.
    pub fn step(&mut self) {
        let steps: &[fn(&mut Self) -> Atom] = &[
            Self::smooth,
            Self::smooth,
            Self::combined,
            Self::combined,
            Self::guarded,
            Self::broadcast,
            Self::reduced,
            Self::product,
            Self::sliced,
            Self::padded,
            Self::concatenated,
            Self::rearranged,
            Self::gathered,
            Self::scattered,
            Self::moved,
            Self::updated,
            Self::cumulated,
            Self::selected,
            Self::sorted,
            Self::of_other_type,
            Self::of_other_type,
        ];
        let nested: &[fn(&mut Self) -> Atom] =
            &[Self::scan, Self::scan_rows, Self::cond, Self::counted_while, Self::call, Self::batched_cond];
        let made = match self.random.below(4) {
            0 if self.depth > 0 => nested[self.random.below(nested.len())](self),
            _ => steps[self.random.below(steps.len())](self),
        };
        self.pool.push(made);
    }

    fn smooth(&mut self) -> Atom {
        use UnaryKind::*;
        let x = self.any();
        let kinds = [Sin, Cos, Tanh, Logistic, Atan, Erf, Asinh, Neg, Square];
        let kind = kinds[self.random.below(kinds.len())];
        let x = if kind == Square { self.b.unary(Sin, x) } else { x };
        self.b.unary(kind, x)
    }

    /// Two arrays of one shape, or an array and a number.
    fn combined(&mut self) -> Atom {
        use BinaryKind::*;
        let x = self.any();
        let shape = self.b.aval(x).shape;
        let y = match self.random.below(4) {
            0 => self.number(),
            1 => self.of_shape(&Shape::scalar()),
            _ => self.of_shape(&shape),
        };
        let kind = [Add, Sub, Mul, Mul][self.random.below(4)];
        let made = if self.random.below(2) == 0 { (x, y) } else { (y, x) };
        let made = self.b.binary(kind, made.0, made.1);
        if kind == Mul { self.b.unary(UnaryKind::Atan, made) } else { made }
    }

    /// Functions with poles and cuts, kept away from them by `1 + x^2`.
    fn guarded(&mut self) -> Atom {
        use UnaryKind::*;
        let x = self.any();
        let shape = self.b.aval(x).shape;
        let square = self.b.unary(Square, x);
        let one = self.b.constant_like(x, 1.0);
        let positive = self.b.add(square, one);
        let y = self.of_shape(&shape);
        match self.random.below(7) {
            0 => self.b.unary(Log, positive),
            1 => self.b.unary(Sqrt, positive),
            2 => self.b.unary(Rsqrt, positive),
            3 => self.b.div(y, positive),
            4 => self.b.binary(BinaryKind::Atan2, y, positive),
            5 => {
                let bounded = self.b.unary(Tanh, y);
                let power = self.b.binary(BinaryKind::Pow, positive, bounded);
                self.b.unary(Log1p, power)
            }
            _ => {
                let bounded = self.b.unary(Tanh, x);
                let raised = self.b.emit_one(IntegerPow { y: 3 }, &[bounded]);
                self.b.unary(Exp, raised)
            }
        }
    }

    fn broadcast(&mut self) -> Atom {
        let x = self.any();
        let shape = self.b.aval(x).shape;
        match shape.rank() {
            0 => {
                let shape = self.shape();
                self.b.broadcast_in_dim(x, shape, &[])
            }
            1 => {
                let axis = self.random.below(2);
                self.b.broadcast_in_dim(x, shape.inserted(1 - axis, 2), &[axis])
            }
            _ => self.b.unary(UnaryKind::Sin, x),
        }
    }

    fn reduced(&mut self) -> Atom {
        let x = self.of_rank(1);
        let rank = self.b.aval(x).rank();
        let axes =
            if self.random.below(2) == 0 { vec![self.random.below(rank)] } else { (0..rank).collect() };
        match self.random.below(4) {
            0 => {
                let bounded = self.b.unary(UnaryKind::Sin, x);
                self.b.emit_one(Reduce { kind: ReduceKind::Prod, axes }, &[bounded])
            }
            1 if !self.b.aval(x).shape.extents().contains(&0) => {
                let kind = if self.random.below(2) == 0 { ReduceKind::Max } else { ReduceKind::Min };
                self.b.emit_one(Reduce { kind, axes }, &[x])
            }
            _ => self.b.reduce_sum(x, &axes),
        }
    }

    /// Matrices and vectors, with a batch axis at times.
    fn product(&mut self) -> Atom {
        let x = self.of_rank(1);
        let shape = self.b.aval(x).shape;
        let axis = self.random.below(shape.rank());
        let is_batch = shape.rank() == 2 && self.random.below(3) == 0;
        let other = if is_batch {
            self.of_shape(&shape)
        } else if self.random.below(2) == 0 {
            self.of_shape(&[shape[axis]].into())
        } else {
            self.of_shape(&[2, shape[axis]].into())
        };
        let rank = self.b.aval(other).rank();
        let batch = if is_batch { vec![1 - axis] } else { Vec::new() };
        let dot = DotGeneral {
            lhs_contract: vec![axis],
            rhs_contract: vec![if is_batch { axis } else { rank - 1 }],
            lhs_batch: batch.clone(),
            rhs_batch: batch,
            precision: Value::None,
            preferred: None,
        };
        let product = self.b.emit_one(dot, &[x, other]);
        self.b.unary(UnaryKind::Atan, product)
    }

    fn sliced(&mut self) -> Atom {
        let x = self.of_rank(1);
        let shape = self.b.aval(x).shape;
        let axis = self.random.below(shape.rank());
        let start = self.random.below(shape[axis] + 1);
        let extent = self.random.below(shape[axis] - start + 1);
        let mut slice = Slice::along(&shape, axis, start, extent);
        slice.strides[axis] += self.random.below(2);
        self.b.emit_one(slice, &[x])
    }

    fn padded(&mut self) -> Atom {
        let x = self.of_rank(1);
        let rank = self.b.aval(x).rank();
        let mut config = vec![(0, 0, 0); rank];
        let (low, high) = (self.random.below(3) as i64 - 1, self.random.below(2) as i64);
        config[self.random.below(rank)] = (low, high + i64::from(low < 0), self.random.below(2) as i64);
        let value = self.of_shape(&Shape::scalar());
        self.b.emit_one(Pad { config }, &[x, value])
    }

    fn concatenated(&mut self) -> Atom {
        let x = self.of_rank(1);
        let shape = self.b.aval(x).shape;
        let axis = self.random.below(shape.rank());
        let y = self.of_shape(&shape);
        let joined = self.b.emit_one(Concatenate { axis }, &[x, y]);
        // Arrays stay small.
        let slice = Slice::along(&self.b.aval(joined).shape, axis, shape[axis] / 2, shape[axis].min(3));
        self.b.emit_one(slice, &[joined])
    }

    fn rearranged(&mut self) -> Atom {
        let x = self.of_rank(2);
        let shape = self.b.aval(x).shape;
        let reversed: Vec<usize> = (0..shape.rank()).rev().collect();
        match self.random.below(4) {
            0 => self.b.reshape(x, reversed.iter().map(|&axis| shape[axis]).collect::<Shape>()),
            1 => self.b.reshape(x, [shape.element_count()]),
            2 => self.b.emit_one(Rev { axes: vec![self.random.below(2)] }, &[x]),
            _ => self.b.permute_axes(x, &reversed),
        }
    }

    /// Rows at constant positions, some of them outside.
    fn gathered(&mut self) -> Atom {
        let x = self.of_shape(&[3, 2].into());
        let indices = self.positions();
        let gather = Gather {
            numbers: rows(),
            slice_sizes: vec![1, 2],
            mode: [Mode::Clip, Mode::FillOrDrop][self.random.below(2)],
            fill: Some(crate::types::Literal::from_f64(DType::F64, 0.5)),
            indices_are_sorted: false,
            unique_indices: false,
        };
        self.b.emit_one(gather, &[x, indices])
    }

    fn scattered(&mut self) -> Atom {
        let x = self.of_shape(&[3, 2].into());
        let updates = self.of_shape(&[2, 2].into());
        let indices = self.positions();
        let scatter = Scatter {
            kind: [ScatterKind::Add, ScatterKind::Sub][self.random.below(2)],
            numbers: rows(),
            mode: [Mode::Clip, Mode::FillOrDrop][self.random.below(2)],
            indices_are_sorted: false,
            unique_indices: false,
            update: Vec::new(),
        };
        self.b.emit_one(scatter, &[x, indices, updates])
    }

    /// Two row numbers; the same one twice, or one that is outside, at times.
    fn positions(&mut self) -> Atom {
        let rows = [self.random.below(4) as f64, self.random.below(3) as f64];
        self.b.tensor(Tensor::from_f64s(DType::I32, [2, 1], &rows))
    }

    /// A slice at a computed position.
    fn moved(&mut self) -> Atom {
        let x = self.of_shape(&[3, 2].into());
        let (row, column) = (self.integer(), Atom::constant(DType::I32, 0.0));
        let sizes = vec![1 + self.random.below(2), 2];
        self.b.emit_one(DynamicSlice { sizes }, &[x, row, column])
    }

    fn updated(&mut self) -> Atom {
        let x = self.of_shape(&[3].into());
        let update = self.of_shape(&[2].into());
        let at = self.integer();
        self.b.emit_one(DynamicUpdateSlice, &[x, update, at])
    }

    fn cumulated(&mut self) -> Atom {
        use CumulativeKind::*;
        let x = self.of_rank(1);
        let axis = self.random.below(self.b.aval(x).rank());
        let kind = [Sum, Prod, LogSumExp][self.random.below(3)];
        let bounded = self.b.unary(UnaryKind::Sin, x);
        self.b.emit_one(Cumulative { kind, axis, reverse: self.random.below(2) == 0 }, &[bounded])
    }

    /// One of two arrays per element, by comparison with a third.
    fn selected(&mut self) -> Atom {
        let x = self.any();
        let shape = self.b.aval(x).shape;
        let (y, z) = (self.of_shape(&shape), self.of_shape(&shape));
        let threshold = self.number();
        let mask = self.b.compare(CompareKind::Lt, z, threshold);
        self.b.select(mask, x, y)
    }

    /// Keys with a companion.
    fn sorted(&mut self) -> Atom {
        let x = self.of_rank(1);
        let shape = self.b.aval(x).shape;
        let companion = self.of_shape(&shape);
        let sort = Sort { axis: self.random.below(shape.rank()), num_keys: 1, is_stable: true };
        let results = self.b.emit(sort, &[x, companion]);
        results[self.random.below(2)]
    }
}

/// Index vectors of one number, each naming a row.
fn rows() -> DimensionNumbers {
    DimensionNumbers {
        window_axes: vec![1],
        collapsed: vec![0],
        index_map: vec![0],
        operand_batch: Vec::new(),
        indices_batch: Vec::new(),
    }
}
