//! `reduce`: folds along axes with a body of their own.

use super::{batched_axes, dim_of_axis, expect_axes, reduction_dims};
use crate::diag::TypeError;
use crate::ir::{Atom, Body, Builder, Params};
use crate::loops::{Access, BlockBuilder, BufferId, Combine, Index, Nest, Reduction};
use crate::ops::elementwise::BinaryKind;
use crate::ops::rules::*;
use crate::ops::shape::{Pad, Slice};
use crate::ops::windows::{last_of_greatest, one_operation};
use crate::types::{Aval, DType, Literal, Scalar, Shape, Tensor};

/// Folds n arrays along axes, in row-major order, into n start values; along no axes, the arrays stay as they are, as in
/// XLA. Operands: the arrays, then the start values.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Fold {
    /// From n accumulators and n elements to n accumulators.
    pub body: Body,
    // Invariant once inferred: distinct.
    pub axes: Vec<usize>,
}

impl Primitive for Fold {
    fn name(&self) -> &str {
        "reduce"
    }

    fn params(&self) -> Params {
        Params::new().with("dimensions", self.axes.as_slice()).with("jaxpr", self.body.clone())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let count = expect_fold(&self.body, operands)?;
        expect_axes(&operands[0], &self.axes)?;
        let kept = operands[0].shape.without(&self.axes);
        Ok(operands[..count].iter().map(|aval| aval.with_shape(kept.clone())).collect())
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (arrays, starts) = operands.split_at(operands.len() / 2);
        if self.axes.is_empty() {
            return Ok(arrays.to_vec());
        }
        let shape = arrays[0].shape();
        let kept = shape.without(&self.axes);
        let mut elements: Vec<Vec<Vec<Tensor>>> = vec![Vec::new(); kept.element_count()];
        for index in shape.indices() {
            let element =
                |array: &Tensor| Tensor::from_scalars(Aval::scalar(array.dtype()), [array.get(&index)]);
            let row: Vec<Tensor> = arrays.iter().map(element).collect();
            let result = Shape::from(index.clone()).without(&self.axes);
            elements[kept.offset(result.extents())].push(row);
        }
        let mut results: Vec<Vec<Scalar>> = vec![Vec::new(); arrays.len()];
        for elements in elements {
            let folded = eval_fold(cx, &self.body, starts, elements)?;
            results.iter_mut().zip(folded).for_each(|(result, value)| result.push(value.at(0)));
        }
        let tensor = |(array, values): (&Tensor, Vec<Scalar>)| {
            Tensor::from_scalars(array.aval().with_shape(kept.clone()), values)
        };
        Ok(arrays.iter().zip(results).map(tensor).collect())
    }

    /// As JAX: the derivative of a fold by halves, which decides how ties share a tangent.
    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        if tangents.iter().all(Tangent::is_zero) {
            return locally_constant(cx, self.clone(), primals);
        }
        let dual = DualFold::of(cx, &self.body, tangents)?;
        let (arrays, starts) = primals.split_at(primals.len() / 2);
        let moving = dual.tangents(cx.builder, tangents);
        let zeros = moving.iter().map(|&tangent| cx.builder.constant_like(tangent, 0.0));
        let starts: Vec<Atom> = starts.iter().copied().chain(zeros).collect();
        let lines = [arrays, &moving].concat();
        let lines = lines.into_iter().map(|array| self.as_lines(cx.builder, array)).collect();
        let results = halved(cx, &dual, lines, &starts)?;
        Ok(dual.duals(cx.builder, results))
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let operands = batch_fold(cx, operands, dims)?;
        let (axes, result_axis) = batched_axes(&self.axes, 0);
        let values = cx.builder.emit(Fold { body: self.body.clone(), axes }, &operands);
        Ok(Batched { dims: vec![BatchDim::Axis(result_axis); values.len()], values })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let count = results.len();
        if self.axes.is_empty() {
            let mut b = Builder::new();
            let inputs: Vec<Atom> = operands.iter().map(|aval| b.input(aval.clone()).into()).collect();
            return Ok(Lowering::Expand(b.finish(inputs[..count].to_vec())));
        }
        let combine: Combine = scalar_combine(&self.body)?;
        let mut nest = Nest::new(reduction_dims(&operands[0], &self.axes));
        let mut b = BlockBuilder::new();
        let (mut inits, mut values) = (Vec::new(), Vec::new());
        for (slot, operand) in operands[..count].iter().enumerate() {
            let start = Access::new(BufferId((count + slot) as u32), Vec::new());
            inits.push(b.load(start, operand.dtype));
            let indices = dim_of_axis(operand.rank(), &self.axes).into_iter().map(Index::dim).collect();
            values.push(b.load(Access::new(BufferId(slot as u32), indices), operand.dtype));
        }
        nest.reductions.push(Reduction { combine, inits, values });
        for (part, result) in results.iter().enumerate() {
            let value = b.reduced(0, part, result.dtype);
            let target = BufferId((2 * count + part) as u32);
            nest.stores.push(identity_store(target, result.rank(), value));
        }
        nest.block = b.finish();
        Ok(Lowering::Nests(vec![nest]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Scalar(std::slice::from_ref(&self.body))
    }
}

impl Fold {
    /// The array with its folded axes as one axis, the first.
    fn as_lines(&self, b: &mut Builder, array: Atom) -> Atom {
        let shape = b.aval(array).shape;
        let kept: Vec<usize> = (0..shape.rank()).filter(|axis| !self.axes.contains(axis)).collect();
        let count = self.axes.iter().map(|&axis| shape[axis]).product();
        let permuted = b.permute_axes(array, &[self.axes.as_slice(), &kept].concat());
        b.reshape(permuted, shape.without(&self.axes).inserted(0, count))
    }
}

/// Merges the first half of the lines with the second until one is left. Lines and starts: n arrays, then the tangents
/// of the inexact ones. An odd line out is merged with the start values.
fn halved(cx: &mut JvpCx, dual: &DualFold, mut lines: Vec<Atom>, starts: &[Atom]) -> Rule<Vec<Atom>> {
    let count = dual.inexact.len();
    let rest = cx.builder.aval(lines[0]).shape.without(&[0]);
    let mut extent = cx.builder.aval(lines[0]).shape[0];
    if extent == 0 {
        return Ok(starts
            .iter()
            .map(|&start| cx.builder.broadcast_in_dim(start, rest.clone(), &[]))
            .collect());
    }
    while extent > 1 {
        let (half, shape) = (extent.div_ceil(2), rest.inserted(0, extent));
        let part = |b: &mut Builder, at: usize, extent: usize| -> Vec<Atom> {
            let slice = Slice::along(&shape, 0, at, extent);
            lines.iter().map(|&line| b.emit_one(slice.clone(), &[line])).collect()
        };
        let first = part(cx.builder, 0, half);
        let mut second = part(cx.builder, half, extent - half);
        if extent - half < half {
            let mut config = vec![(0, 0, 0); shape.rank()];
            config[0].1 = 1;
            let pad = Pad { config };
            let pairs = second.iter().zip(starts);
            second = pairs.map(|(&line, &start)| cx.builder.emit_one(pad.clone(), &[line, start])).collect();
        }
        let ((x, dx), (y, dy)) = (first.split_at(count), second.split_at(count));
        lines = map_elements(cx, &dual.body, &[x, y, dx, dy].concat())?;
        extent = half;
    }
    Ok(lines.into_iter().map(|line| cx.builder.reshape(line, rest.clone())).collect())
}

impl Family for Fold {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        // `computation`, a Python function, is read over: the body is that function.
        let read = || Ok(Fold { axes: params.sizes("dimensions")?, body: params.body("jaxpr")?.clone() });
        (name == "reduce").then(read)
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        let cases: [(&[usize], &[usize]); 6] = [
            (&[5], &[0]),
            (&[2, 3, 5], &[1]),
            (&[2, 3, 5], &[2, 0]),
            (&[3], &[]),
            (&[2, 0], &[1]),
            (&[0, 2], &[1]),
        ];
        for dtype in [DType::F32, DType::F64, DType::BF16, DType::I8, DType::U64, DType::Bool] {
            for (shape, axes) in cases {
                let values: Vec<f64> = (0..30).map(|i| f64::from((i * 7) % 11) * 0.25).collect();
                let count = shape.iter().product();
                let x = Tensor::from_f64s(dtype, shape, &values[..count]);
                let start = Tensor::from_literal(Literal::from_f64(dtype, 1.0));
                let kind = if dtype == DType::Bool { BinaryKind::Or } else { BinaryKind::Add };
                let op = Fold { body: one_operation(kind, dtype), axes: axes.to_vec() };
                samples.push(Sample::new(op, vec![x.clone(), start.clone()]).within(16.0));
                let index =
                    Tensor::from_f64s(DType::I32, shape, &(0..count).map(|i| i as f64).collect::<Vec<_>>());
                let op = Fold { body: last_of_greatest(dtype), axes: axes.to_vec() };
                let zero = Tensor::from_literal(Literal::from_f64(DType::I32, 0.0));
                samples.push(Sample::new(op, vec![x, index, start, zero]).not_smooth());
            }
        }
        samples
    }
}
