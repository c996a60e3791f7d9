//! Arrays of bools and of narrow and wide integers, and what becomes of them.

use super::generator::Generator;
use crate::ir::Atom;
use crate::ops::elementwise::{BinaryKind, CompareKind, UnaryKind};
use crate::ops::reduction::{Reduce, ReduceKind};
use crate::ops::shape::Iota;
use crate::types::{DType, Shape};

impl Generator<'_> {
    /// One of the types besides F64 and I32.
    pub fn other_dtype(&mut self) -> DType {
        [DType::Bool, DType::I8, DType::I64][self.random.below(3)]
    }

    /// An array of this type: one that is there, or one made of comparisons and positions, which do not move with the
    /// inputs.
    pub fn typed(&mut self, dtype: DType, shape: &Shape) -> Atom {
        let fits = |aval: crate::types::Aval| aval.dtype == dtype && aval.shape == *shape;
        let fitting: Vec<Atom> = self.typed.iter().copied().filter(|&atom| fits(self.b.aval(atom))).collect();
        if !fitting.is_empty() && self.random.below(4) != 0 {
            return fitting[self.random.below(fitting.len())];
        }
        let positions = (!shape.is_scalar()).then(|| {
            let from = [DType::I8, DType::I32, DType::I64, DType::F64][self.random.below(4)];
            let axis = self.random.below(shape.rank());
            self.b.emit_one(Iota { dtype: from, shape: shape.clone(), axis }, &[])
        });
        if let Some(positions) = positions.filter(|_| self.random.below(2) == 0) {
            return self.b.convert(positions, dtype);
        }
        let (x, threshold) = (self.of_shape(shape), self.number());
        let mask = self.b.compare(CompareKind::Lt, x, threshold);
        self.b.convert(mask, dtype)
    }

    /// Two arrays of this type, combined.
    pub fn combined_typed(&mut self, dtype: DType, shape: &Shape) -> Atom {
        use BinaryKind::*;
        let (x, y) = (self.typed(dtype, shape), self.typed(dtype, shape));
        let kinds: &[BinaryKind] = match dtype {
            DType::Bool => &[And, Or, Xor],
            _ => &[Add, Sub, Max, Min, Xor],
        };
        let kind = kinds[self.random.below(kinds.len())];
        self.b.binary(kind, x, y)
    }

    /// Combines such arrays, folds them at times, and makes a bounded floating array of the result.
    pub fn of_other_type(&mut self) -> Atom {
        let dtype = self.other_dtype();
        let shape = self.shape();
        let mut made = self.combined_typed(dtype, &shape);
        self.typed.push(made);
        if !shape.is_scalar() && self.random.below(3) == 0 {
            let kind = match dtype {
                DType::Bool => [ReduceKind::And, ReduceKind::Or][self.random.below(2)],
                _ => ReduceKind::Sum,
            };
            let axes = vec![self.random.below(shape.rank())];
            made = self.b.emit_one(Reduce { kind, axes }, &[made]);
        }
        let number = self.b.convert(made, DType::F64);
        let number = self.b.unary(UnaryKind::Sin, number);
        let shape = self.b.aval(number).shape;
        let other = self.of_shape(&shape);
        self.b.add(number, other)
    }
}
