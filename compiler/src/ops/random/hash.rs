//! The hash and its counters as operations of their own, as JAX's key-less functions print them.

use super::{counter, threefry};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params, Program};
use crate::loops::{BlockBuilder, BufferId, Nest};
use crate::ops::elementwise::BinaryKind;
use crate::ops::rules::*;
use crate::ops::shape::Iota;
use crate::types::{Aval, DType, Scalar, Shape, Tensor};

/// `threefry2x32 key0 key1 counter0 counter1`: both words of the hash. Operands broadcast.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ThreefryHash;

/// The high and the low 32 bits of every element's row-major position.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Iota2x32 {
    pub shape: Shape,
}

impl Primitive for ThreefryHash {
    fn name(&self) -> &str {
        "threefry2x32"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 4)?;
        match operands.iter().find(|aval| aval.dtype != DType::U32) {
            Some(other) => Err(TypeError(format!("expected operands of u32, found {other}"))),
            None => Ok(vec![Aval::new(DType::U32, expect_broadcast(operands)?); 2]),
        }
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let avals: Vec<Aval> = operands.iter().map(|operand| operand.aval().clone()).collect();
        let result = self.infer(&avals).expect("operands have the inferred types").remove(0);
        let word = |word: usize| {
            eval_elementwise(result.clone(), operands, |x| {
                let at = |i: usize| x[i].int() as u32;
                Scalar::Int(i128::from(threefry::hash([at(0), at(1)], [at(2), at(3)])[word]))
            })
        };
        Ok(vec![word(0), word(1)])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, *self, primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_elementwise(cx, *self, operands, dims)
    }

    /// One nest that stores both words: two of them would hash twice.
    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let mut second = None;
        let nest = elementwise_nest(operands, &results[0], |b, x| {
            let [first, other] = threefry::emit(b, [x[0], x[1]], [x[2], x[3]]);
            second = Some(other);
            first
        });
        let Lowering::Nests(mut nests) = nest else { unreachable!("an elementwise operation is a nest") };
        let second = second.expect("the element was asked for");
        nests[0].stores.push(identity_store(BufferId(5), results[1].rank(), second));
        Ok(Lowering::Nests(nests))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl ThreefryHash {
    /// The same as elementwise operations.
    pub fn expanded(operands: &[Aval]) -> Program {
        let mut b = Builder::new();
        let inputs: Vec<Atom> = operands.iter().map(|aval| b.input(aval.clone()).into()).collect();
        let results = threefry::equations(&mut b, [inputs[0], inputs[1]], [inputs[2], inputs[3]]);
        b.finish(results.to_vec())
    }
}

impl Iota2x32 {
    /// The same from positions of 64 bits.
    pub fn expanded(&self) -> Program {
        let mut b = Builder::new();
        let shape = [self.shape.element_count()].into();
        let positions = b.emit_one(Iota { dtype: DType::U64, shape, axis: 0 }, &[]);
        let positions = b.reshape(positions, self.shape.clone());
        let width = b.constant_like(positions, 32.0);
        let high = b.binary(BinaryKind::ShiftRightLogical, positions, width);
        let words = [high, positions].map(|word| b.convert(word, DType::U32));
        b.finish(words.to_vec())
    }
}

impl Family for ThreefryHash {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "threefry2x32").then_some(Ok(ThreefryHash))
    }

    fn samples() -> Vec<Sample> {
        let words = |shape: &[usize], first: f64| {
            let count: usize = shape.iter().product();
            let values: Vec<f64> = (0..count).map(|i| first + 1e8 * i as f64).collect();
            Tensor::from_f64s(DType::U32, shape, &values)
        };
        let sample = |shapes: [&[usize]; 4]| {
            let operands = shapes.iter().zip([0.0, 3e9, 5.0, 17.0]);
            Sample::new(ThreefryHash, operands.map(|(shape, first)| words(shape, first)).collect())
        };
        vec![
            sample([&[], &[], &[], &[]]),
            sample([&[], &[], &[7], &[7]]),
            sample([&[2, 1], &[2, 1], &[2, 3], &[1, 3]]),
            sample([&[], &[], &[0], &[0]]),
        ]
    }
}

impl Primitive for Iota2x32 {
    fn name(&self) -> &str {
        "iota_2x32_shape"
    }

    fn params(&self) -> Params {
        Params::new().with("shape", self.shape.extents())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 0)?;
        Ok(vec![Aval::new(DType::U32, self.shape.clone()); 2])
    }

    fn eval(&self, _: &EvalCx, _: &[Tensor]) -> Rule<Vec<Tensor>> {
        let word = |shift: u32| {
            Tensor::from_fn(Aval::new(DType::U32, self.shape.clone()), |index| {
                Scalar::Int((self.shape.offset(index) as i128) >> shift & 0xffff_ffff)
            })
        };
        Ok(vec![word(32), word(0)])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, self.clone(), primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("it has no operands"))
    }

    fn batch(&self, _: &mut BatchCx, _: &[Atom], _: &[BatchDim]) -> Rule<Batched> {
        Err(NoRule::ByDesign("it has no operands"))
    }

    /// One nest per word, so that each can be computed where it is used.
    fn lower(&self, _: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let nest = |word: usize| {
            let mut nest = Nest::new(parallel_dims(&self.shape));
            let mut b = BlockBuilder::new();
            let value = counter(&mut b, &self.shape, 0)[word];
            nest.stores.push(identity_store(BufferId(word as u32), results[word].rank(), value));
            nest.block = b.finish();
            nest
        };
        Ok(Lowering::Nests(vec![nest(0), nest(1)]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Iota2x32 {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "iota_2x32_shape").then(|| Ok(Iota2x32 { shape: params.sizes("shape")?.into() }))
    }

    fn samples() -> Vec<Sample> {
        let shapes: [&[usize]; 5] = [&[], &[7], &[2, 3, 5], &[0], &[3, 1]];
        shapes.map(|shape| Sample::new(Iota2x32 { shape: shape.into() }, Vec::new())).to_vec()
    }
}
