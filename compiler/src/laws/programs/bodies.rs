//! Steps with bodies: loops, branches and calls.

use super::generator::Generator;
use crate::ir::{Atom, Builder, Params};
use crate::ops::control::{Call, CallKind, Cond, Scan, While};
use crate::ops::elementwise::CompareKind;
use crate::types::{Aval, DType, Shape};

/// About how many equations a body has.
const SIZE: usize = 3;

impl Generator<'_> {
    /// One to two constants, one to two parts of the state and a counter, up to one array to loop over, one result per
    /// step at times.
    pub fn scan(&mut self) -> Atom {
        let length = self.random.below(4);
        let counts =
            [1 + self.random.below(2), 1 + self.random.below(2), self.random.below(2), self.random.below(2)];
        let [consts, state, xs, ys] =
            counts.map(|count| (0..count).map(|_| self.shape()).collect::<Vec<Shape>>());
        let arrays = |shapes: &[Shape]| -> Vec<Aval> {
            shapes.iter().map(|shape| Aval::new(DType::F64, shape.clone())).collect()
        };
        // The counter, and an array of another type at times.
        let mut own = vec![Aval::scalar(DType::I32)];
        if self.random.below(2) == 0 {
            own.push(Aval::new(self.other_dtype(), self.shape()));
        }
        let inputs = [&arrays(&consts), own.as_slice(), &arrays(&state), &arrays(&xs)].concat();
        let outputs = [own.as_slice(), &arrays(&state), &arrays(&ys)].concat();
        let body = self.body(&inputs, &outputs, SIZE);
        let mut operands: Vec<Atom> = consts.iter().map(|shape| self.of_shape(shape)).collect();
        operands.push(self.integer());
        for aval in &own[1..] {
            operands.push(self.typed(aval.dtype, &aval.shape));
        }
        for shape in &state {
            // A state that starts as a constant, which gets its tangents on the way.
            let start = match self.random.below(3) {
                0 => self.b.full(DType::F64, shape, 0.25),
                _ => self.of_shape(shape),
            };
            operands.push(start);
        }
        operands.extend(xs.iter().map(|shape| self.of_shape(&shape.inserted(0, length))));
        let scan = Scan {
            body: body.into(),
            length,
            consts: consts.len(),
            carries: own.len() + state.len(),
            reverse: self.random.below(2) == 0,
            rest: Params::new(),
        };
        let results = self.b.emit(scan, &operands);
        self.typed.extend(&results[1..own.len()]);
        results[own.len() + self.random.below(results.len() - own.len())]
    }

    /// A sum over the rows of an array that is there: within a body, of its state at times.
    pub fn scan_rows(&mut self) -> Atom {
        let rows = self.of_rank(1);
        let shape = self.b.aval(rows).shape;
        let row = Aval::new(DType::F64, shape.without(&[0]));
        let state = Aval::new(DType::F64, self.shape());
        let more = self.random.below(2) == 0;
        let mut other = None;
        if more {
            let dtype = self.other_dtype();
            other = Some(self.typed(dtype, &shape));
        }
        let xs: Vec<Atom> = [rows].into_iter().chain(other).collect();
        let row_avals: Vec<Aval> =
            xs.iter().map(|&x| self.b.aval(x)).map(|aval| aval.with_shape(row.shape.clone())).collect();
        let body =
            self.body(&[std::slice::from_ref(&state), &row_avals].concat(), &[state.clone(), row], SIZE);
        let first = self.of_shape(&state.shape);
        let scan = Scan {
            body: body.into(),
            length: shape[0],
            consts: 0,
            carries: 1,
            reverse: self.random.below(2) == 0,
            rest: Params::new(),
        };
        let results = self.b.emit(scan, &[&[first], xs.as_slice()].concat());
        results[self.random.below(2)]
    }

    /// Two or three branches; an integer or a comparison says which.
    pub fn cond(&mut self) -> Atom {
        let index = match self.random.below(3) {
            0 => {
                let (x, threshold) = (self.of_shape(&Shape::scalar()), self.number());
                let is_less = self.b.compare(CompareKind::Lt, x, threshold);
                self.b.convert(is_less, DType::I32)
            }
            _ => self.integer(),
        };
        self.choice(index)
    }

    /// The branch depends on the batch where the array does.
    pub fn batched_cond(&mut self) -> Atom {
        let (x, threshold) = (self.of_shape(&Shape::scalar()), self.number());
        let is_less = self.b.compare(CompareKind::Gt, x, threshold);
        let index = self.b.convert(is_less, DType::I32);
        self.choice(index)
    }

    fn choice(&mut self, index: Atom) -> Atom {
        let (inputs, operands) = self.operands();
        let outputs: Vec<Aval> =
            (0..1 + self.random.below(2)).map(|_| Aval::new(DType::F64, self.shape())).collect();
        let count = 2 + self.random.below(2);
        let branches: Vec<_> = (0..count)
            .map(|_| {
                // A branch may use less than it is given.
                let size = self.random.below(SIZE + 1);
                self.body(&inputs, &outputs, size)
            })
            .collect();
        let results = self.b.emit(Cond::new(branches), &[&[index], operands.as_slice()].concat());
        results[self.random.below(results.len())]
    }

    /// A loop that counts to a literal.
    pub fn counted_while(&mut self) -> Atom {
        let (consts, state) = (self.shape(), self.shape());
        let counter = Aval::scalar(DType::I32);
        let arrays = [consts.clone(), state.clone()].map(|shape| Aval::new(DType::F64, shape));
        let steps = self.random.below(3) as f64;
        let mut b = Builder::new();
        let i = b.input(counter.clone()).into();
        b.input(arrays[1].clone());
        let runs = b.compare(CompareKind::Lt, i, Atom::constant(DType::I32, steps));
        let condition = b.finish(vec![runs]);
        // The counter is the only integer, so that it is what the body increments.
        let inputs = [arrays[0].clone(), counter.clone(), arrays[1].clone()];
        let body = self.body(&inputs, &[counter, arrays[1].clone()], SIZE);
        let operands = [self.of_shape(&consts), Atom::constant(DType::I32, 0.0), self.of_shape(&state)];
        self.b.emit(While::new(condition.into(), 0, body.into(), 1), &operands)[1]
    }

    /// A call, or a call that is computed again for the backward pass.
    pub fn call(&mut self) -> Atom {
        let (inputs, operands) = self.operands();
        let output = Aval::new(DType::F64, self.shape());
        let body = self.body(&inputs, &[output], SIZE).into();
        let kind = [CallKind::Jit, CallKind::Remat, CallKind::ClosedCall][self.random.below(3)];
        let rest = match kind {
            CallKind::Remat => Params::new().with("differentiated", false).with("prevent_cse", true),
            CallKind::Jit | CallKind::ClosedCall | CallKind::CoreCall => Params::new(),
            CallKind::CustomVmap | CallKind::Linear | CallKind::Composite | CallKind::EvalJaxpr => {
                Params::new()
            }
        };
        let name = (kind == CallKind::Jit).then(|| "inner".to_string());
        self.b.emit_one(Call { kind, name, body, rest }, &operands)
    }

    /// Two arrays and an integer.
    fn operands(&mut self) -> (Vec<Aval>, Vec<Atom>) {
        let (x, y, i) = (self.any(), self.any(), self.integer());
        let operands = vec![x, i, y];
        (operands.iter().map(|&atom| self.b.aval(atom)).collect(), operands)
    }
}
