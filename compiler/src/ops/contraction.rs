//! Sums of products: convolutions, and below `dot_general`, the matrix product in all its layouts.

mod convolution;

pub use convolution::{Convolution, ConvolutionLayout, Steps};

use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params, Value};
use crate::loops::nests::contract::{PairedAxes, contract, free_axes};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Scalar, Shape, Tensor};

/// Shapes: lhs [b.., m.., k..] and rhs [b.., k.., n..] in any order of axes -> [b.., m.., n..].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DotGeneral {
    /// Contracted axes of the two sides, in pairs.
    pub lhs_contract: Vec<usize>,
    pub rhs_contract: Vec<usize>,
    /// Batch axes of the two sides, in pairs: they are the first axes of the result.
    pub lhs_batch: Vec<usize>,
    pub rhs_batch: Vec<usize>,
    /// Only text: every precision is computed at the full one.
    pub precision: Value,
    /// The dtype of the result; `None` is the wider one of the operands' dtypes.
    pub preferred: Option<DType>,
}

impl DotGeneral {
    /// Contracts these axes, without batch axes.
    pub fn contracting(lhs_contract: &[usize], rhs_contract: &[usize]) -> Self {
        DotGeneral {
            lhs_contract: lhs_contract.to_vec(),
            rhs_contract: rhs_contract.to_vec(),
            lhs_batch: Vec::new(),
            rhs_batch: Vec::new(),
            precision: Value::None,
            preferred: None,
        }
    }

    /// The same contraction with these batch axes.
    pub fn batched(self, lhs_batch: &[usize], rhs_batch: &[usize]) -> Self {
        DotGeneral { lhs_batch: lhs_batch.to_vec(), rhs_batch: rhs_batch.to_vec(), ..self }
    }

    /// The same contraction with this result dtype.
    pub fn preferring(self, dtype: DType) -> Self {
        DotGeneral { preferred: Some(dtype), ..self }
    }

    fn axes(&self) -> PairedAxes<'_> {
        PairedAxes {
            lhs_contract: &self.lhs_contract,
            rhs_contract: &self.rhs_contract,
            lhs_batch: &self.lhs_batch,
            rhs_batch: &self.rhs_batch,
        }
    }

    /// The axes of the lhs that are neither contracted nor batched, in order.
    pub fn lhs_free(&self, rank: usize) -> Vec<usize> {
        free_axes(rank, &self.lhs_contract, &self.lhs_batch)
    }

    fn rhs_free(&self, rank: usize) -> Vec<usize> {
        free_axes(rank, &self.rhs_contract, &self.rhs_batch)
    }

    /// The same operation with its operands exchanged.
    pub fn swapped(&self) -> Self {
        DotGeneral {
            lhs_contract: self.rhs_contract.clone(),
            rhs_contract: self.lhs_contract.clone(),
            lhs_batch: self.rhs_batch.clone(),
            rhs_batch: self.lhs_batch.clone(),
            ..self.clone()
        }
    }

    fn check_axes(&self, lhs: &Shape, rhs: &Shape) -> Result<(), TypeError> {
        check_side("lhs", lhs.rank(), &self.lhs_contract, &self.lhs_batch)?;
        check_side("rhs", rhs.rank(), &self.rhs_contract, &self.rhs_batch)?;
        check_pairs("contracting", lhs, &self.lhs_contract, rhs, &self.rhs_contract)?;
        check_pairs("batch", lhs, &self.lhs_batch, rhs, &self.rhs_batch)
    }

    fn result_dtype(&self, lhs: DType, rhs: DType) -> Result<DType, TypeError> {
        let natural = wider_operand(lhs, rhs)?;
        let Some(preferred) = self.preferred else { return Ok(natural) };
        // A named algorithm, unlike a pair of precisions, brings its own accumulator.
        let has_algorithm = matches!(self.precision, Value::Name(_));
        if !has_algorithm && !natural.is_float() && value_bits(preferred) < value_bits(natural) {
            return Err(TypeError(format!(
                "preferred_element_type: expected a dtype no narrower than {natural}, found {preferred}"
            )));
        }
        Ok(preferred)
    }

    fn result_shape(&self, lhs: &Shape, rhs: &Shape) -> Shape {
        let batch = self.lhs_batch.iter().map(|&axis| lhs[axis]);
        let lhs_free = self.lhs_free(lhs.rank()).into_iter().map(|axis| lhs[axis]);
        let rhs_free = self.rhs_free(rhs.rank()).into_iter().map(|axis| rhs[axis]);
        batch.chain(lhs_free).chain(rhs_free).collect()
    }
}

/// Errors: TypeError unless the axes are distinct and below `rank`.
fn check_side(side: &str, rank: usize, contract: &[usize], batch: &[usize]) -> Result<(), TypeError> {
    let axes = [contract, batch].concat();
    for (position, axis) in axes.iter().enumerate() {
        if *axis >= rank {
            return Err(TypeError(format!("{side} axes: expected axes below {rank}, found {axis}")));
        }
        if axes[..position].contains(axis) {
            return Err(TypeError(format!("{side} axes: expected distinct axes, found {axis} twice")));
        }
    }
    Ok(())
}

/// Errors: TypeError unless the axes pair up with equal extents.
fn check_pairs(
    what: &str,
    lhs: &Shape,
    lhs_axes: &[usize],
    rhs: &Shape,
    rhs_axes: &[usize],
) -> Result<(), TypeError> {
    let (lhs_count, rhs_count) = (lhs_axes.len(), rhs_axes.len());
    if lhs_count != rhs_count {
        return Err(TypeError(format!("{what} axes: lhs has {lhs_count}, rhs has {rhs_count}")));
    }
    match lhs_axes.iter().zip(rhs_axes).find(|(x, y)| lhs[**x] != rhs[**y]) {
        None => Ok(()),
        Some((&x, &y)) => Err(TypeError(format!(
            "{what} extents differ: lhs axis {x} has {}, rhs axis {y} has {}",
            lhs[x], rhs[y]
        ))),
    }
}

/// The operand dtype with the greater range, then precision, then width, then sign, as XLA orders them.
fn wider_operand(lhs: DType, rhs: DType) -> Result<DType, TypeError> {
    for dtype in [lhs, rhs] {
        if matches!(dtype.kind(), Kind::Key | Kind::Float0) {
            return Err(TypeError(format!("no operand of dtype {dtype} is allowed")));
        }
    }
    let order = |dtype: DType| {
        let (exponent, mantissa) = float_format(dtype.real_part());
        let is_signed = dtype.kind() != Kind::Unsigned;
        (dtype.is_complex(), exponent, mantissa, value_bits(dtype.real_part()), is_signed)
    };
    Ok(if order(lhs) >= order(rhs) { lhs } else { rhs })
}

/// The bits of an element's value: one for a bool.
fn value_bits(dtype: DType) -> u32 {
    if dtype == DType::Bool { 1 } else { dtype.bits() }
}

/// The greatest exponent and the bits of the mantissa; zeros for what is not a float.
fn float_format(dtype: DType) -> (u32, u32) {
    match dtype {
        DType::F8E4M3FN => (9, 3),
        DType::F8E5M2 => (16, 2),
        DType::F16 => (16, 10),
        DType::BF16 => (128, 7),
        DType::F32 => (128, 23),
        DType::F64 => (1024, 52),
        DType::Bool | DType::I2 | DType::I4 | DType::I8 | DType::I16 | DType::I32 | DType::I64 => (0, 0),
        DType::U2 | DType::U4 | DType::U8 | DType::U16 | DType::U32 | DType::U64 => (0, 0),
        DType::C64 | DType::C128 | DType::KeyFry | DType::Float0 => (0, 0),
    }
}

/// The type that products are computed and summed in: narrow floats in f32, integers in the result's type.
fn accumulator(lhs: DType, rhs: DType, result: DType) -> DType {
    let all = [lhs, rhs, result];
    let is_double = all.iter().any(|dtype| dtype.real_part() == DType::F64);
    match (all.iter().any(|dtype| dtype.is_complex()), all.iter().any(|dtype| dtype.is_float())) {
        (true, _) if is_double => DType::C128,
        (true, _) => DType::C64,
        (_, true) if is_double => DType::F64,
        (_, true) => DType::F32,
        (false, false) => result,
    }
}

impl Primitive for DotGeneral {
    fn name(&self) -> &str {
        "dot_general"
    }

    fn params(&self) -> Params {
        let pair = |x: &[usize], y: &[usize]| Value::tuple([Value::from(x), Value::from(y)]);
        let (contract, batch) =
            (pair(&self.lhs_contract, &self.rhs_contract), pair(&self.lhs_batch, &self.rhs_batch));
        let mut params = Params::new().with("dimension_numbers", Value::tuple([contract, batch]));
        if self.precision != Value::None {
            params = params.with("precision", self.precision.clone());
        }
        match self.preferred {
            Some(dtype) => params.with("preferred_element_type", dtype),
            None => params,
        }
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        let (lhs, rhs) = (&operands[0], &operands[1]);
        self.check_axes(&lhs.shape, &rhs.shape)?;
        let dtype = self.result_dtype(lhs.dtype, rhs.dtype)?;
        Ok(vec![Aval::new(dtype, self.result_shape(&lhs.shape, &rhs.shape))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (lhs, rhs) = (&operands[0], &operands[1]);
        let avals = [lhs.aval().clone(), rhs.aval().clone()];
        let result = self.infer(&avals).expect("operands have the inferred types").remove(0);
        let (lhs_free, rhs_free) = (self.lhs_free(lhs.shape().rank()), self.rhs_free(rhs.shape().rank()));
        let contracted: Shape = self.lhs_contract.iter().map(|&axis| lhs.shape()[axis]).collect();
        let accumulator = accumulator(lhs.dtype(), rhs.dtype(), result.dtype);
        let dtype = result.dtype;
        Ok(vec![Tensor::from_fn(result, |index| {
            let (batch, rest) = index.split_at(self.lhs_batch.len());
            let (m, n) = rest.split_at(lhs_free.len());
            let mut sum = zero(accumulator);
            for k in contracted.indices() {
                let x = lhs.get(&place(&[&self.lhs_batch, &lhs_free, &self.lhs_contract], &[batch, m, &k]));
                let y = rhs.get(&place(&[&self.rhs_batch, &rhs_free, &self.rhs_contract], &[batch, n, &k]));
                sum = add_product(accumulator, sum, x, y);
            }
            round_to(dtype, sum)
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        bilinear(cx, self.clone(), primals, tangents)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let cotangent = cotangents[0].value();
        match (&operands[0], &operands[1]) {
            (Operand::Linear(lhs), Operand::Known(y)) => {
                let known = Tangent::Zero(tangent_aval(&cx.builder.aval(*y)));
                Ok(vec![self.lhs_cotangent(cx.builder, cotangent, lhs, *y, false), known])
            }
            (Operand::Known(x), Operand::Linear(rhs)) => {
                let known = Tangent::Zero(tangent_aval(&cx.builder.aval(*x)));
                Ok(vec![known, self.swapped().lhs_cotangent(cx.builder, cotangent, rhs, *x, true)])
            }
            (Operand::Linear(_), Operand::Linear(_)) => {
                Err(NoRule::ByDesign("not linear in both operands together"))
            }
            (Operand::Known(x), Operand::Known(y)) => {
                Ok([x, y].map(|atom| Tangent::Zero(tangent_aval(&cx.builder.aval(*atom)))).to_vec())
            }
        }
    }

    /// Two mapped operands pair their batch axes; one alone has one more free axis.
    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let (lhs, rhs) = (dims[0].axis(), dims[1].axis());
        let mut op = DotGeneral {
            lhs_contract: bump_all(&self.lhs_contract, lhs),
            rhs_contract: bump_all(&self.rhs_contract, rhs),
            lhs_batch: bump_all(&self.lhs_batch, lhs),
            rhs_batch: bump_all(&self.rhs_batch, rhs),
            ..self.clone()
        };
        let lhs_rank = cx.builder.aval(operands[0]).rank();
        let result_axis = match (lhs, rhs) {
            (Some(lhs), Some(rhs)) => {
                op.lhs_batch.insert(0, lhs);
                op.rhs_batch.insert(0, rhs);
                0
            }
            (Some(axis), None) => op.lhs_batch.len() + count_below(&op.lhs_free(lhs_rank), axis),
            (None, Some(axis)) => {
                let rhs_rank = cx.builder.aval(operands[1]).rank();
                lhs_rank - op.lhs_contract.len() + count_below(&op.rhs_free(rhs_rank), axis)
            }
            (None, None) => unreachable!("at least one dim is mapped"),
        };
        let value = cx.builder.emit_one(op, operands);
        Ok(Batched { values: vec![value], dims: vec![BatchDim::Axis(result_axis)] })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let (lhs, rhs, result) = (&operands[0], &operands[1], &results[0]);
        let accumulator = accumulator(lhs.dtype, rhs.dtype, result.dtype);
        Ok(Lowering::Nests(vec![contract(self.axes(), lhs, rhs, result, accumulator)]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl DotGeneral {
    /// The cotangent of the lhs: contracts the cotangent's axes of rhs with the rhs, then puts axes back in order.
    /// With `is_swapped`, the roles of the sides are exchanged, but the result still has the axes of `rhs` first.
    fn lhs_cotangent(
        &self,
        b: &mut Builder,
        cotangent: Option<Atom>,
        lhs: &Aval,
        rhs: Atom,
        is_swapped: bool,
    ) -> Tangent {
        let Some(ct) = cotangent else { return Tangent::Zero(lhs.clone()) };
        let lhs_free = self.lhs_free(lhs.rank());
        let rhs_free = self.rhs_free(b.aval(rhs).rank());
        let batch_count = self.lhs_batch.len();
        let first_rhs = batch_count + if is_swapped { 0 } else { lhs_free.len() };
        let op = DotGeneral {
            lhs_contract: (first_rhs..first_rhs + rhs_free.len()).collect(),
            rhs_contract: rhs_free,
            lhs_batch: (0..batch_count).collect(),
            rhs_batch: self.rhs_batch.clone(),
            ..self.clone()
        };
        let product = b.emit_one(op, &[ct, rhs]);
        // Its axes: batch, free axes of the lhs, then contracted axes in the order in which the rhs has them.
        let mut contracted: Vec<(usize, usize)> =
            self.rhs_contract.iter().copied().zip(self.lhs_contract.iter().copied()).collect();
        contracted.sort_unstable();
        let contracted = contracted.into_iter().map(|(_, axis)| axis);
        let order: Vec<usize> = self.lhs_batch.iter().copied().chain(lhs_free).chain(contracted).collect();
        let mut permutation = vec![0; order.len()];
        order.iter().enumerate().for_each(|(position, &axis)| permutation[axis] = position);
        let product = b.permute_axes(product, &permutation);
        Tangent::Value(b.convert(product, lhs.dtype))
    }
}

fn bump_all(axes: &[usize], batch_axis: Option<usize>) -> Vec<usize> {
    axes.iter().map(|&axis| axis + usize::from(batch_axis.is_some_and(|batch| axis >= batch))).collect()
}

fn count_below(axes: &[usize], limit: usize) -> usize {
    axes.iter().filter(|&&axis| axis < limit).count()
}

/// The index with `positions[g][i]` at axis `groups[g][i]`.
fn place(groups: &[&[usize]; 3], positions: &[&[usize]; 3]) -> Vec<usize> {
    let mut index = vec![0; groups.iter().map(|group| group.len()).sum()];
    for (group, positions) in groups.iter().zip(positions) {
        group.iter().zip(*positions).for_each(|(&axis, &position)| index[axis] = position);
    }
    index
}

fn zero(accumulator: DType) -> Scalar {
    crate::types::Literal::from_f64(accumulator, 0.0).value()
}

/// `sum + x * y`; floating sums are kept in f64, whatever the accumulator.
fn add_product(accumulator: DType, sum: Scalar, x: Scalar, y: Scalar) -> Scalar {
    match sum {
        Scalar::Bool(any) => Scalar::Bool(any || x.bool() && y.bool()),
        Scalar::Int(sum) => Scalar::Int(sum + integer(x).wrapping_mul(integer(y))).rounded(accumulator),
        Scalar::Float(sum) => Scalar::Float(sum + x.number().re * y.number().re),
        Scalar::Complex(..) => (sum.number() + x.number() * y.number()).into(),
        Scalar::Key(_) => unreachable!("infer refuses keys"),
    }
}

fn integer(x: Scalar) -> i128 {
    match x {
        Scalar::Bool(x) => i128::from(x),
        x => x.int(),
    }
}

/// The sum as an element of the result.
fn round_to(dtype: DType, sum: Scalar) -> Scalar {
    match (sum, dtype.kind()) {
        (Scalar::Float(x), Kind::Signed | Kind::Unsigned) => saturate(dtype, x),
        (Scalar::Float(x), Kind::Bool) => Scalar::Bool(x != 0.0),
        (Scalar::Complex(re, _), Kind::Float) => Scalar::Float(re).rounded(dtype),
        (sum, _) => sum.rounded(dtype),
    }
}

/// Conversion of floats to integers truncates and saturates; NaN gives 0.
fn saturate(dtype: DType, x: f64) -> Scalar {
    let bits = dtype.bits() - u32::from(dtype.is_signed());
    let high = (1i128 << bits) - 1;
    let low = if dtype.is_signed() { -high - 1 } else { 0 };
    Scalar::Int((x as i128).clamp(low, high))
}

impl Family for DotGeneral {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "dot_general").then(|| {
            let numbers = params.require("dimension_numbers")?;
            let axes = four_lists(numbers).ok_or_else(|| {
                let expected = "(([lhs axes], [rhs axes]), ([lhs batch], [rhs batch]))";
                TypeError(format!("parameter dimension_numbers: expected {expected}, found {numbers}"))
            });
            let [lhs_contract, rhs_contract, lhs_batch, rhs_batch] = axes?;
            let preferred =
                params.get("preferred_element_type").map(|_| params.dtype("preferred_element_type"));
            let precision = params.get("precision").cloned().unwrap_or(Value::None);
            let preferred = preferred.transpose()?;
            Ok(DotGeneral { lhs_contract, rhs_contract, lhs_batch, rhs_batch, precision, preferred })
        })
    }

    fn samples() -> Vec<Sample> {
        let plain = DotGeneral::contracting;
        let cases: [(DotGeneral, &[usize], &[usize]); 10] = [
            (plain(&[1], &[0]), &[2, 3], &[3, 5]),
            (plain(&[0], &[0]), &[7], &[7]),
            (plain(&[0], &[1]), &[3, 2], &[5, 3]),
            (plain(&[], &[]), &[2], &[3]),
            (plain(&[], &[]), &[], &[]),
            (plain(&[1], &[0]), &[2, 0], &[0, 3]),
            (plain(&[1], &[0]), &[0, 2], &[2, 3]),
            (plain(&[2, 1], &[1, 2]).batched(&[0], &[0]), &[2, 3, 5], &[2, 5, 3]),
            (plain(&[2], &[1]).batched(&[1, 0], &[0, 2]), &[3, 2, 5, 1], &[2, 5, 3, 2]),
            (plain(&[2, 0], &[0, 2]), &[2, 1, 3], &[3, 2, 2]),
        ];
        let dtypes =
            [DType::F32, DType::F64, DType::BF16, DType::F16, DType::I32, DType::U8, DType::Bool, DType::C64];
        let sample = |(op, lhs, rhs): &(DotGeneral, &[usize], &[usize])| {
            dtypes.map(|dtype| Sample::new(op.clone(), vec![operand(dtype, lhs, 0), operand(dtype, rhs, 3)]))
        };
        let mut samples: Vec<Sample> = cases.iter().flat_map(sample).collect();
        let mixed = [
            (DType::I8, DType::I8, Some(DType::I32)),
            (DType::BF16, DType::BF16, Some(DType::F32)),
            (DType::F32, DType::F32, Some(DType::BF16)),
            (DType::F32, DType::BF16, None),
            (DType::I32, DType::F32, None),
            (DType::Bool, DType::Bool, Some(DType::I32)),
            (DType::U8, DType::I8, None),
        ];
        samples.extend(mixed.map(|(lhs, rhs, preferred)| {
            let op = DotGeneral { preferred, ..plain(&[1], &[0]) };
            let sample = Sample::new(op, vec![operand(lhs, &[2, 3], 0), operand(rhs, &[3, 2], 2)]);
            // Rounding to fewer digits is a staircase.
            if preferred == Some(DType::BF16) { sample.not_smooth() } else { sample }
        }));
        samples
    }
}

/// Small multiples of one quarter, whose sums of products are exact in every type.
fn operand(dtype: DType, shape: &[usize], start: usize) -> Tensor {
    let scale = if dtype.is_inexact() { 0.25 } else { 1.0 };
    let shift = if matches!(dtype.kind(), Kind::Unsigned | Kind::Bool) { 0.0 } else { 2.0 };
    let value = |i: usize| (((i + start) * 5 % 7) as f64 - shift) * scale;
    let count = shape.iter().product();
    let value = |i: usize| if dtype == DType::Bool { ((i + start) * 5 % 7 % 2) as f64 } else { value(i) };
    let values: Vec<f64> = (0..count).map(value).collect();
    if dtype.is_complex() {
        // Never zero, so that no product is -0.
        let im: Vec<f64> = values.iter().map(|x| 0.375 - x).collect();
        return Tensor::from_parts(dtype, shape, &values, &im);
    }
    Tensor::from_f64s(dtype, shape, &values)
}

pub(in crate::ops) fn four_lists(numbers: &Value) -> Option<[Vec<usize>; 4]> {
    let Value::Tuple(pairs) = numbers else { return None };
    let [Value::Tuple(contract), Value::Tuple(batch)] = pairs.as_slice() else { return None };
    let lists: Option<Vec<Vec<usize>>> = contract.iter().chain(batch).map(Value::sizes).collect();
    <[Vec<usize>; 4]>::try_from(lists?).ok().filter(|_| contract.len() == 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::shape::tests::{check_batch, check_lowering, complaint, run};

    fn plain(lhs: &[usize], rhs: &[usize]) -> DotGeneral {
        DotGeneral::contracting(lhs, rhs)
    }

    #[test]
    fn nests_compute_what_eval_says() {
        check_lowering::<DotGeneral>();
    }

    #[test]
    fn batches_pair_members_of_mapped_operands() {
        let of = |shape: &[usize]| operand(DType::F32, shape, 1);
        check_batch(plain(&[1], &[0]), &[of(&[2, 5, 3]), of(&[3, 2, 5])], &[1, 2]);
        check_batch(plain(&[1], &[2]).batched(&[0], &[1]), &[of(&[2, 3, 5]), of(&[7, 2, 3, 5])], &[2, 3]);
    }

    // Expected values: JAX 0.10.2 on CPU.
    #[test]
    fn accumulates_in_a_wide_enough_type() {
        let hundreds = |dtype| [[1, 2], [2, 1]].map(|shape| Tensor::from_f64s(dtype, shape, &[100.0, 100.0]));
        let product = |op: DotGeneral, operands: &[Tensor]| run(op, operands)[0].at(0);
        let op = plain(&[1], &[0]);
        assert_eq!(product(op.clone(), &hundreds(DType::I8)), Scalar::Int(32));
        assert_eq!(product(op.clone().preferring(DType::I32), &hundreds(DType::I8)), Scalar::Int(20000));
        let trues = [[1, 2], [2, 1]].map(|shape| Tensor::from_f64s(DType::Bool, shape, &[1.0, 1.0]));
        assert_eq!(product(op.clone(), &trues), Scalar::Bool(true));
        assert_eq!(product(op.clone().preferring(DType::I32), &trues), Scalar::Int(2));
        // In bf16, 256 + 1 = 256.
        let mut row = vec![1.0; 301];
        row[0] = 256.0;
        let row = Tensor::from_f64s(DType::BF16, [1, 301], &row);
        let ones = Tensor::from_f64s(DType::BF16, [301, 1], &[1.0; 301]);
        assert_eq!(product(op.clone(), &[row, ones]), Scalar::Float(556.0));
        // Converted after the sum, not before.
        let x = [[1, 2], [2, 1]].map(|shape| Tensor::from_f64s(DType::F32, shape, &[1.6, 1.6]));
        assert_eq!(product(op.preferring(DType::I32), &x), Scalar::Int(5));
    }

    #[test]
    fn result_is_as_wide_as_the_wider_operand() {
        let result = |lhs, rhs| {
            let infer = plain(&[0], &[0]).infer(&[Aval::new(lhs, [3]), Aval::new(rhs, [3])]);
            infer.expect("vectors of one extent")[0].dtype
        };
        assert_eq!(result(DType::U8, DType::I8), DType::I8);
        assert_eq!(result(DType::F16, DType::BF16), DType::BF16);
        assert_eq!(result(DType::I32, DType::F32), DType::F32);
        assert_eq!(result(DType::I32, DType::U32), DType::I32);
        assert_eq!(result(DType::Bool, DType::I32), DType::I32);
        assert_eq!(result(DType::F64, DType::C64), DType::C64);
    }

    #[test]
    fn errors_say_expected_and_found() {
        let matrices: [&[usize]; 2] = [&[4, 3], &[2, 5]];
        assert_eq!(
            complaint(plain(&[1], &[0]), &matrices),
            "contracting extents differ: lhs axis 1 has 3, rhs axis 0 has 2"
        );
        assert_eq!(complaint(plain(&[2], &[0]), &matrices), "lhs axes: expected axes below 2, found 2");
        assert_eq!(complaint(plain(&[1], &[]), &matrices), "contracting axes: lhs has 1, rhs has 0");
        assert_eq!(
            complaint(plain(&[1], &[1]).batched(&[1], &[0]), &[&[4, 3], &[3, 3]]),
            "lhs axes: expected distinct axes, found 1 twice"
        );
        let narrow = plain(&[0], &[0])
            .preferring(DType::I8)
            .infer(&[Aval::new(DType::I32, [3]), Aval::new(DType::I32, [3])]);
        let expected = "preferred_element_type: expected a dtype no narrower than i32, found i8";
        assert_eq!(narrow.expect_err("it is narrower").to_string(), expected);
    }
}
