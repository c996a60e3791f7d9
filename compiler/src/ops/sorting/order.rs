//! `sort_order`: the permutation that sorts. JAX has no such primitive; every sort is lowered to it.

use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params, Program};
use crate::ops::rules::*;
use crate::ops::shape::batch_axes_first;
use crate::types::{Aval, DType, Scalar, Tensor};

/// `sort_order keys positions`: along the last axis, the positions reordered so that the keys at them ascend; where keys
/// are equal, positions keep their order. The positions of each row are a permutation.
///
/// Shapes: u32 or u64 [r.., n], i32 [r.., n] -> i32 [r.., n].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SortOrder;

impl Primitive for SortOrder {
    fn name(&self) -> &str {
        "sort_order"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        let (keys, positions) = (&operands[0], &operands[1]);
        if !matches!(keys.dtype, DType::U32 | DType::U64) || keys.shape.is_scalar() {
            return Err(TypeError(format!("expected keys of u32 or u64 along an axis, found {keys}")));
        }
        if *positions != keys.with_dtype(DType::I32) {
            let expected = keys.with_dtype(DType::I32);
            return Err(TypeError(format!("expected positions {expected}, found {positions}")));
        }
        Ok(vec![positions.clone()])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let axis = operands[0].shape().rank() - 1;
        let result = operands[1].aval().clone();
        Ok(vec![super::eval_positions(result, operands, axis, |row| {
            let mut positions: Vec<usize> = row[1].iter().map(|position| position.int() as usize).collect();
            positions.sort_by_key(|&position| row[0][position].int());
            positions
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, *self, primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("not linear"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let operands = batch_axes_first(cx, operands, dims);
        Ok(Batched::leading(cx.builder.emit_one(*self, &operands)))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let extents = operands[0].shape.extents();
        let n = extents.last().copied().unwrap_or(1);
        if i32::try_from(n).is_err() {
            return Err(NoRule::NotYet("sorting 2^31 elements or more"));
        }
        let rows: usize = extents[..extents.len() - 1].iter().product();
        // Two lists of keys with their positions.
        let (symbol, item_bytes) =
            if operands[0].dtype == DType::U32 { ("rjax_order_u32", 8) } else { ("rjax_order_u64", 16) };
        let integers = vec![rows as i64, n as i64];
        Ok(runtime_call(symbol, operands, results, Some(2 * n * item_bytes), integers))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl SortOrder {
    /// The same as a stable sort of the keys at the positions.
    pub fn expanded(keys: &Aval, positions: &Aval) -> Program {
        let mut b = Builder::new();
        let [keys, positions] = [keys, positions].map(|aval| Atom::from(b.input(aval.clone())));
        let axis = b.aval(keys).rank() - 1;
        let keys = super::take_along(&mut b, keys, positions, axis);
        let sorted = b.emit(super::Sort { axis, num_keys: 1, is_stable: true }, &[keys, positions]);
        b.finish(vec![sorted[1]])
    }
}

impl Family for SortOrder {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "sort_order").then_some(Ok(SortOrder))
    }

    fn samples() -> Vec<Sample> {
        let shapes: [&[usize]; 6] = [&[1], &[7], &[0], &[2, 3, 5], &[2, 101], &[3, 0]];
        let sample = |dtype: DType, shape: &[usize]| {
            let mut state = 1u64;
            let keys = Tensor::from_fn(Aval::new(dtype, shape), |_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                // Few values, so that some are equal.
                Scalar::Int(i128::from((state >> 60) * 0x0100_0001 + (state >> 61 & 1)))
            });
            let n = shape[shape.len() - 1];
            let positions = Tensor::from_fn(Aval::new(DType::I32, shape), |index| {
                Scalar::Int((n - 1 - index[index.len() - 1]) as i128)
            });
            Sample::new(SortOrder, vec![keys, positions]).within(0.0)
        };
        [DType::U32, DType::U64]
            .into_iter()
            .flat_map(|dtype| shapes.map(|shape| sample(dtype, shape)))
            .collect()
    }
}
