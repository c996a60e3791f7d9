//! Programs of smooth operations on small f64 arrays, without points where values or derivatives grow out of hand.

use crate::derivatives::Random;
use crate::ir::{Atom, Builder, Program};
use crate::ops::elementwise::{BinaryKind, UnaryKind};
use crate::types::{Aval, DType, Shape};

/// How deep bodies nest.
const DEPTH: usize = 2;

/// Writes one program; those of bodies have generators of their own.
pub struct Generator<'r> {
    pub random: &'r mut Random,
    pub b: Builder,
    /// Floating arrays to choose from.
    pub pool: Vec<Atom>,
    /// Integers: positions and counters.
    pub integers: Vec<Atom>,
    /// Arrays of other types: Bool, I8, I64.
    pub typed: Vec<Atom>,
    /// How deep bodies may still nest.
    pub depth: usize,
}

impl<'r> Generator<'r> {
    pub fn new(random: &'r mut Random) -> Self {
        Generator {
            random,
            b: Builder::new(),
            pool: Vec::new(),
            integers: Vec::new(),
            typed: Vec::new(),
            depth: DEPTH,
        }
    }

    /// A program of about `size` equations at its top level: one to three floating inputs and an integer; a scalar output,
    /// and others at times.
    pub fn program(mut self, size: usize) -> Program {
        for _ in 0..1 + self.random.below(3) {
            let shape = self.shape();
            let input = self.b.input(Aval::new(DType::F64, shape)).into();
            self.pool.push(input);
        }
        if self.random.below(2) == 0 {
            let index = self.b.input(Aval::scalar(DType::I32)).into();
            self.integers.push(index);
        }
        (0..size).for_each(|_| self.step());
        let mut outputs = vec![self.digest()];
        for _ in 0..[0, 0, 1, 2][self.random.below(4)] {
            let output = self.any();
            outputs.push(output);
        }
        self.b.finish(outputs)
    }

    /// A body with these inputs, and outputs of these types whose absolute values stay below two.
    pub fn body(&mut self, inputs: &[Aval], outputs: &[Aval], size: usize) -> Program {
        let mut inner = Generator {
            random: &mut *self.random,
            b: Builder::new(),
            pool: Vec::new(),
            integers: Vec::new(),
            typed: Vec::new(),
            depth: self.depth - 1,
        };
        for aval in inputs {
            let input = inner.b.input(aval.clone()).into();
            inner.pool_of(aval.dtype).push(input);
        }
        // Some successors are made before all else, while what they succeed is still to be read.
        let early: Vec<Option<Atom>> = outputs.iter().map(|aval| inner.early(aval)).collect();
        (0..size).for_each(|_| inner.step());
        let digest = inner.digest();
        let outputs = outputs
            .iter()
            .zip(early)
            .map(|(aval, early)| {
                if let Some(early) = early {
                    return early;
                }
                match aval.dtype {
                    DType::F64 => {}
                    DType::I32 => return inner.next_integer(),
                    dtype => return inner.combined_typed(dtype, &aval.shape),
                }
                let output = inner.of_shape(&aval.shape);
                // A branch or a step may also hand on what it is given.
                if inner.random.below(4) == 0 {
                    return inner.b.unary(UnaryKind::Sin, output);
                }
                let sum = inner.b.add(output, digest);
                inner.b.unary(UnaryKind::Sin, sum)
            })
            .collect();
        inner.b.finish(outputs)
    }

    /// Where inputs of a type are kept.
    fn pool_of(&mut self, dtype: DType) -> &mut Vec<Atom> {
        match dtype {
            DType::F64 => &mut self.pool,
            DType::I32 => &mut self.integers,
            _ => &mut self.typed,
        }
    }

    /// A bounded value made of an input of this type at times.
    fn early(&mut self, aval: &Aval) -> Option<Atom> {
        if self.random.below(3) != 0 {
            return None;
        }
        match aval.dtype {
            DType::F64 => {
                let x = self.of_shape(&aval.shape);
                Some(self.b.unary(UnaryKind::Sin, x))
            }
            DType::I32 => None,
            dtype => Some(self.combined_typed(dtype, &aval.shape)),
        }
    }

    /// A number that depends on the latest arrays, so that hardly anything is computed in vain.
    fn digest(&mut self) -> Atom {
        let latest: Vec<Atom> = self.pool.iter().rev().take(4).copied().collect();
        let mut digest = self.number();
        for atom in latest {
            let bounded = self.bounded_sum(atom);
            digest = self.b.add(digest, bounded);
        }
        digest
    }

    /// An integer plus one.
    fn next_integer(&mut self) -> Atom {
        let integer = self.integer();
        self.b.add(integer, Atom::constant(DType::I32, 1.0))
    }

    /// A shape of up to two axes; extents of 0 are rare.
    pub fn shape(&mut self) -> Shape {
        let shapes: [&[usize]; 10] =
            [&[], &[2], &[3], &[2, 3], &[3, 2], &[2, 2], &[3], &[1, 3], &[1], &[0, 2]];
        let last = if self.random.below(6) == 0 { 10 } else { 8 };
        shapes[self.random.below(last)].into()
    }

    /// One of the arrays, more often a late one.
    pub fn any(&mut self) -> Atom {
        if self.pool.is_empty() {
            return self.number();
        }
        let count = self.pool.len();
        let at = self.random.below(count).max(self.random.below(count));
        self.pool[at]
    }

    /// A literal.
    pub fn number(&mut self) -> Atom {
        let value = [0.5, -0.25, 1.25, 0.75, -1.5][self.random.below(5)];
        Atom::constant(DType::F64, value)
    }

    /// An integer from 0 on, variable if there is one.
    pub fn integer(&mut self) -> Atom {
        match self.integers.len() {
            0 => Atom::constant(DType::I32, self.random.below(3) as f64),
            count => self.integers[self.random.below(count)],
        }
    }

    /// One of the arrays with at least this many axes, or one made from a smaller one.
    pub fn of_rank(&mut self, rank: usize) -> Atom {
        let atom = self.any();
        if self.b.aval(atom).rank() >= rank {
            return atom;
        }
        let shape: Shape = if rank == 1 { [3].into() } else { [2, 3].into() };
        self.of_shape(&shape)
    }

    /// An array of this shape: one that is there, or one made from any other.
    pub fn of_shape(&mut self, shape: &Shape) -> Atom {
        let fitting: Vec<Atom> =
            self.pool.iter().copied().filter(|&atom| self.b.aval(atom).shape == *shape).collect();
        if !fitting.is_empty() && self.random.below(8) != 0 {
            return fitting[self.random.below(fitting.len())];
        }
        let atom = self.any();
        let bounded = self.bounded_sum(atom);
        if shape.is_scalar() {
            return bounded;
        }
        // Elements that differ, so that orders are clear.
        let whole = self.b.broadcast_in_dim(bounded, shape.clone(), &[]);
        let ramp = self.ramp(shape);
        self.b.binary(BinaryKind::Mul, whole, ramp)
    }

    /// A number made from all elements, and no steeper than they are.
    fn bounded_sum(&mut self, atom: Atom) -> Atom {
        let aval = self.b.aval(atom);
        let axes: Vec<usize> = (0..aval.rank()).collect();
        let sum = self.b.reduce_sum(atom, &axes);
        let scale = Atom::constant(DType::F64, 0.7 / aval.shape.element_count().max(1) as f64);
        let mean = self.b.mul(sum, scale);
        self.b.unary(UnaryKind::Sin, mean)
    }

    /// A constant array with elements that differ.
    fn ramp(&mut self, shape: &Shape) -> Atom {
        let count = shape.element_count();
        let start = 0.3 + self.random.uniform();
        let values: Vec<f64> = (0..count).map(|at| start + 0.37 * at as f64).collect();
        self.b.tensor(crate::types::Tensor::from_f64s(DType::F64, shape.clone(), &values))
    }
}
