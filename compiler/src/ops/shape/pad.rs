//! `pad`: puts a value around and between the elements; negative amounts cut elements off.

use super::*;
use crate::ir::Params;
use crate::loops::{Affine, Index};
use crate::types::{Literal, Shape};

/// Operands: the array and a rank-0 value. `config[axis]` is (low, high, interior): `interior` values between
/// neighbours, then `low` before and `high` after. Negative `low` and `high` remove positions instead.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Pad {
    pub config: Vec<(i64, i64, i64)>,
}

/// An extent with `interior` positions added between neighbours; exact, as `infer` has checked.
pub(super) fn dilated(extent: usize, interior: i64) -> i64 {
    let extent = extent as i64;
    extent + (extent - 1).max(0) * interior
}

impl Pad {
    /// The extent of a result axis; `None` where it overflows.
    fn extent(&self, operand: &Shape, axis: usize) -> Option<i64> {
        let (low, high, interior) = self.config[axis];
        let extent = i64::try_from(operand[axis]).ok()?;
        let between = (extent - 1).max(0).checked_mul(interior)?;
        // Lowering divides by it.
        interior.checked_add(1)?;
        extent.checked_add(between)?.checked_add(low)?.checked_add(high)
    }

    fn result_shape(&self, operand: &Shape) -> Shape {
        let extent = |axis| self.extent(operand, axis).expect("infer checked the extents");
        (0..operand.rank()).map(|axis| extent(axis) as usize).collect()
    }

    /// The operand position of a result position; `None` in the padding.
    fn source(&self, operand: &Shape, axis: usize, position: usize) -> Option<usize> {
        let (low, _, interior) = self.config[axis];
        let spread = position as i64 - low;
        let inside = spread >= 0 && spread % (interior + 1) == 0 && spread < dilated(operand[axis], interior);
        inside.then_some((spread / (interior + 1)) as usize)
    }
}

impl Primitive for Pad {
    fn name(&self) -> &str {
        "pad"
    }

    fn params(&self) -> Params {
        let triple = |&(low, high, interior): &(i64, i64, i64)| Value::tuple([low, high, interior]);
        Params::new().with("padding_config", Value::tuple(self.config.iter().map(triple)))
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        expect_same_dtype(operands)?;
        let (operand, value) = (&operands[0], &operands[1]);
        if !value.shape.is_scalar() {
            return Err(TypeError(format!("padding value: expected rank 0, found {value}")));
        }
        expect_per_axis("padding_config", self.config.len(), operand)?;
        for (axis, &(low, high, interior)) in self.config.iter().enumerate() {
            if interior < 0 {
                return Err(TypeError(format!(
                    "axis {axis}: expected interior padding >= 0, found {interior}"
                )));
            }
            let extent = self.extent(&operand.shape, axis);
            let amounts = format!("axis {axis} of {operand} padded by ({low}, {high}, {interior})");
            match extent {
                Some(0..) => {}
                Some(extent) => return Err(TypeError(format!("{amounts} has extent {extent}"))),
                None => return Err(TypeError(format!("{amounts} is too large"))),
            }
        }
        Ok(vec![operand.with_shape(self.result_shape(&operand.shape))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (operand, value) = (&operands[0], operands[1].at(0));
        let result = operand.aval().with_shape(self.result_shape(operand.shape()));
        Ok(vec![Tensor::from_fn(result, |index| {
            let source = index.iter().enumerate().map(|(axis, &at)| self.source(operand.shape(), axis, at));
            source.collect::<Option<Vec<usize>>>().map_or(value, |source| operand.get(&source))
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear_in_all(cx, self.clone(), primals, tangents)
    }

    /// The array's cotangent is cut out; the value's is the sum of the rest.
    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let operand = operand_aval(cx, &operands[0]);
        transpose_each(cx, &cotangents[0], operands, |b, ct, position, _| {
            let cut = self.cut_out(b, ct, &operand);
            if position == 0 {
                return cut;
            }
            let (all, inner) = (total(b, ct), total(b, cut));
            b.sub(all, inner)
        })
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let (operand, axis) = match dims[0] {
            BatchDim::Axis(axis) => (operands[0], axis),
            BatchDim::NotMapped => (batch_axes_first(cx, &operands[..1], &dims[..1])[0], 0),
        };
        let pad = Pad { config: inserted(&self.config, axis, (0, 0, 0)) };
        let result_dims = vec![BatchDim::Axis(axis)];
        if dims[1] == BatchDim::NotMapped {
            let padded = cx.builder.emit_one(pad, &[operand, operands[1]]);
            return Ok(Batched { values: vec![padded], dims: result_dims });
        }
        // Each member of the batch has a padding value of its own: pad with anything, then select.
        let b = &mut *cx.builder;
        let shape = b.aval(operand).shape;
        let (anything, inside) = (b.constant_like(operand, 0.0), b.full(DType::Bool, &shape, 1.0));
        let padded = b.emit_one(pad.clone(), &[operand, anything]);
        let inside = b.emit_one(pad, &[inside, Literal::bool(false).into()]);
        let result = b.aval(padded).shape;
        let value = b.broadcast_in_dim(operands[1], result, &[axis]);
        Ok(Batched { values: vec![b.select(inside, padded, value)], dims: result_dims })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let mut nest = Nest::new(parallel_dims(&results[0].shape));
        let mut b = BlockBuilder::new();
        let fill = b.load(Access::new(BufferId(1), Vec::new()), operands[1].dtype);
        let index = |(axis, &(low, _, interior)): (usize, &(i64, i64, i64))| Index {
            divisor: interior + 1,
            ..Index::affine(Affine::dim(axis).add_constant(-low))
        };
        let indices = self.config.iter().enumerate().map(index).collect();
        let access = Access { fill: Some(fill), ..Access::new(BufferId(0), indices) };
        let value = b.load(access, operands[0].dtype);
        nest.stores.push(identity_store(BufferId(2), results[0].rank(), value));
        nest.block = b.finish();
        Ok(Lowering::Nests(vec![nest]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Pad {
    /// The elements of `padded` that come from the operand, zero for those that were cut off.
    fn cut_out(&self, b: &mut Builder, padded: Atom, operand: &Aval) -> Atom {
        let zero = b.constant_like(padded, 0.0);
        let config = self.config.iter().map(|&(low, high, _)| (-low, -high, 0)).collect();
        let spread = b.emit_one(Pad { config }, &[padded, zero]);
        let limits = b.aval(spread).shape.extents().to_vec();
        let strides = self.config.iter().map(|&(_, _, interior)| interior as usize + 1).collect();
        b.emit_one(Slice { starts: vec![0; operand.rank()], limits, strides }, &[spread])
    }
}

fn total(b: &mut Builder, x: Atom) -> Atom {
    let axes: Vec<usize> = (0..b.aval(x).rank()).collect();
    b.reduce_sum(x, &axes)
}

impl Family for Pad {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "pad").then(|| {
            let value = params.require("padding_config")?;
            let triple = |item: &Value| {
                item.ints().and_then(|x| <[i64; 3]>::try_from(x).ok()).map(<(i64, i64, i64)>::from)
            };
            let config = match value {
                Value::Tuple(items) => items.iter().map(triple).collect::<Option<Vec<_>>>(),
                _ => None,
            };
            let expected = "parameter padding_config: expected a tuple of (low, high, interior)";
            Ok(Pad { config: config.ok_or_else(|| TypeError(format!("{expected}, found {value}")))? })
        })
    }

    fn samples() -> Vec<Sample> {
        type Case = (&'static [usize], &'static [(i64, i64, i64)]);
        let cases: [Case; 9] = [
            (&[], &[]),
            (&[3], &[(0, 0, 0)]),
            (&[3], &[(1, 2, 0)]),
            (&[3], &[(0, 1, 2)]),
            (&[7], &[(-2, -1, 0)]),
            (&[5], &[(-2, 3, 1)]),
            (&[2, 3], &[(1, -1, 1), (-1, 2, 2)]),
            (&[0, 2], &[(1, 2, 3), (0, 0, 1)]),
            (&[1, 3], &[(-1, 0, 0), (0, 0, 0)]),
        ];
        let sample = |(shape, config): Case| {
            SAMPLE_DTYPES.map(|dtype| {
                let value = Tensor::from_f64s(dtype, [], &[9.0]);
                Sample::new(Pad { config: config.to_vec() }, vec![sample_tensor(dtype, shape), value])
            })
        };
        cases.into_iter().flat_map(sample).collect()
    }
}
