//! `reshape`: the same elements in row-major order under another shape.

use super::*;
use crate::ir::Params;
use crate::loops::{Affine, Index};
use crate::types::Shape;

/// The same bytes under another shape with as many elements.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reshape {
    pub shape: Shape,
}

/// A `reshape` whose text has `dimensions`: reorders the axes, then reshapes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PermutedReshape {
    pub permutation: Vec<usize>,
    pub shape: Shape,
}

/// An array's bytes under another shape. Panics if the element counts differ: `infer` has compared them.
pub(super) fn same_bytes(operand: &Tensor, shape: impl Into<Shape>) -> Tensor {
    let aval = operand.aval().with_shape(shape);
    operand.clone().reinterpret(aval).expect("infer compared the element counts")
}

impl Primitive for Reshape {
    fn name(&self) -> &str {
        "reshape"
    }

    fn params(&self) -> Params {
        reshape_params(Value::None, &self.shape)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let (found, expected) = (operands[0].shape.element_count(), self.shape.element_count());
        if found != expected {
            let operand = &operands[0];
            return Err(TypeError(format!(
                "{} has {expected} elements, but {operand} has {found}",
                self.shape
            )));
        }
        Ok(vec![operands[0].with_shape(self.shape.clone())])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        Ok(vec![same_bytes(&operands[0], self.shape.clone())])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear(cx, self.clone(), primals, tangents)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        transpose_one(cx, cotangents, operands, |b, ct, operand| b.reshape(ct, operand.shape.clone()))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let operand = batch_axes_first(cx, operands, dims)[0];
        let shape = self.shape.inserted(0, cx.extent);
        Ok(Batched::leading(cx.builder.reshape(operand, shape)))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let indices = split_indices(&operands[0].shape, &results[0].shape);
        let nest = indices.map(|indices| view_nest(&operands[0], &results[0], indices));
        Ok(Lowering::Reinterpret(nest))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Reshape {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "reshape" && params.get("dimensions").is_none())
            .then(|| Ok(Reshape { shape: params.sizes("new_sizes")?.into() }))
    }

    fn samples() -> Vec<Sample> {
        let cases: [(&[usize], &[usize]); 9] = [
            (&[6], &[2, 3]),
            (&[2, 3], &[6]),
            (&[4, 6], &[2, 12]),
            (&[1], &[]),
            (&[], &[1, 1]),
            (&[2, 1, 3], &[1, 2, 3, 1]),
            (&[0, 3], &[2, 0]),
            (&[4, 3], &[2, 2, 3]),
            (&[12, 5], &[2, 3, 2, 5]),
        ];
        let sample = |(from, to): (&[usize], &[usize])| samples_over(Reshape { shape: to.into() }, &[from]);
        cases.into_iter().flat_map(sample).collect()
    }
}

fn reshape_params(dimensions: Value, shape: &Shape) -> Params {
    Params::new()
        .with("dimensions", dimensions)
        .with("new_sizes", shape.extents())
        .with("sharding", Value::None)
}

/// The operand's index where the result only splits its axes, or adds and removes unit axes: then each operand axis
/// is a sum over consecutive result axes. `None` where it merges axes, which needs a division.
fn split_indices(operand: &Shape, result: &Shape) -> Option<Vec<Index>> {
    if result.element_count() == 0 {
        return None;
    }
    let mut rest = (0..result.rank()).filter(|&axis| result[axis] != 1);
    (0..operand.rank())
        .map(|axis| {
            let (mut index, mut covered) = (Affine::constant(0), 1);
            while covered < operand[axis] {
                let dim = rest.next()?;
                covered *= result[dim];
                index = index.scale(result[dim] as i64).add(&Affine::dim(dim));
            }
            (covered == operand[axis]).then_some(Index::affine(index))
        })
        .collect()
}

impl Primitive for PermutedReshape {
    fn name(&self) -> &str {
        "reshape"
    }

    fn params(&self) -> Params {
        reshape_params(self.permutation.as_slice().into(), &self.shape)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let permuted = self.permute().infer(operands)?;
        self.reshape().infer(&permuted)
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let permuted = self.permute().eval(cx, operands)?;
        self.reshape().eval(cx, &permuted)
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let permuted = self.permute().jvp(cx, primals, tangents)?;
        self.reshape().jvp(cx, &permuted.primals, &permuted.tangents)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        transpose_one(cx, cotangents, operands, |b, ct, operand| {
            let permuted: Shape = self.permutation.iter().map(|&axis| operand.shape[axis]).collect();
            let ct = b.reshape(ct, permuted);
            b.permute_axes(ct, &inverse(&self.permutation))
        })
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let permuted = self.permute().batch(cx, operands, dims)?;
        self.reshape().batch(cx, &permuted.values, &permuted.dims)
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let mut b = Builder::new();
        let operand = b.input(operands[0].clone()).into();
        let permuted = b.emit_one(self.permute(), &[operand]);
        let result = b.emit_one(self.reshape(), &[permuted]);
        Ok(Lowering::Expand(b.finish(vec![result])))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl PermutedReshape {
    fn permute(&self) -> PermuteAxes {
        PermuteAxes { permutation: self.permutation.clone() }
    }

    fn reshape(&self) -> Reshape {
        Reshape { shape: self.shape.clone() }
    }
}

impl Family for PermutedReshape {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "reshape" && params.get("dimensions").is_some()).then(|| {
            let (permutation, shape) = (params.sizes("dimensions")?, params.sizes("new_sizes")?.into());
            Ok(PermutedReshape { permutation, shape })
        })
    }

    fn samples() -> Vec<Sample> {
        let op = |permutation: &[usize], shape: &[usize]| PermutedReshape {
            permutation: permutation.to_vec(),
            shape: shape.into(),
        };
        [samples_over(op(&[1, 0], &[6]), &[&[2, 3]]), samples_over(op(&[2, 0, 1], &[2, 15]), &[&[5, 3, 2]])]
            .concat()
    }
}
