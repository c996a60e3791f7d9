//! `gather`: windows of an array, at computed positions.

use super::place::{Outside, place, window_offset, window_start};
use super::{DimensionNumbers, Mode, Scatter, ScatterKind, expect_integers};
use crate::diag::TypeError;
use crate::ir::{Atom, Params, Value};
use crate::loops::{Access, BlockBuilder, BufferId, Nest};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Literal, Scalar, Shape, Tensor};

/// Operands: the array, and an array of index vectors along its last axis. Each result element is the operand's at the
/// start of its window plus the position within the window. See Note: windows.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Gather {
    pub numbers: DimensionNumbers,
    /// The extent of a window along each operand axis.
    pub slice_sizes: Vec<usize>,
    pub mode: Mode,
    /// What stands where a window was left out: a number or bool of any dtype. `None`: NaN, the least signed or the
    /// greatest unsigned integer, or true.
    pub fill: Option<Literal>,
    /// Promises of the user, for the scatter that is its transpose.
    pub indices_are_sorted: bool,
    pub unique_indices: bool,
}

impl Gather {
    /// A gather that reads zero where a window is left out, so that it is linear, and promises nothing.
    pub fn linear(numbers: DimensionNumbers, slice_sizes: Vec<usize>, mode: Mode) -> Self {
        let fill = zero_fill(mode);
        Gather { numbers, slice_sizes, mode, fill, indices_are_sorted: false, unique_indices: false }
    }

    fn outside(&self) -> Outside {
        match self.mode {
            Mode::Clip | Mode::PromiseInBounds => Outside::Moved,
            Mode::FillOrDrop => Outside::LeftOut,
        }
    }

    /// The fill value as an element of the operand.
    fn fill_of(&self, dtype: DType) -> Literal {
        match self.fill {
            None => default_fill(dtype),
            Some(fill) => converted(fill.value(), dtype),
        }
    }

    fn result_shape(&self, indices: &Shape) -> Shape {
        self.numbers.windows_shape(&self.slice_sizes, indices)
    }

    fn check_slice_sizes(&self, operand: &Aval, is_empty: bool) -> Result<(), TypeError> {
        if self.slice_sizes.len() != operand.rank() {
            let count = self.slice_sizes.len();
            return Err(TypeError(format!("slice_sizes: expected one per axis of {operand}, found {count}")));
        }
        for (axis, (&size, &extent)) in self.slice_sizes.iter().zip(operand.shape.extents()).enumerate() {
            if size > extent && !is_empty {
                return Err(TypeError(format!(
                    "slice_sizes: axis {axis} of {operand} has no slice of size {size}"
                )));
            }
            let is_batch = self.numbers.operand_batch.contains(&axis);
            if (is_batch && size > 1) || (self.numbers.collapsed.contains(&axis) && size != 1) {
                return Err(TypeError(format!(
                    "slice_sizes: expected 1 for axis {axis}, which has no axis in the windows, found {size}"
                )));
            }
        }
        Ok(())
    }
}

impl Primitive for Gather {
    fn name(&self) -> &str {
        "gather"
    }

    fn params(&self) -> Params {
        Params::new()
            .with("dimension_numbers", self.numbers.gather_text())
            .with("fill_value", fill_text(self.fill))
            .with("indices_are_sorted", self.indices_are_sorted)
            .with("mode", self.mode.text_name())
            .with("slice_sizes", self.slice_sizes.as_slice())
            .with("unique_indices", self.unique_indices)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        let (operand, indices) = (&operands[0], &operands[1]);
        expect_integers("indices", indices)?;
        self.numbers.check(operand, indices)?;
        let is_empty = indices.shape.extents()[..indices.rank() - 1].contains(&0);
        self.check_slice_sizes(operand, is_empty)?;
        Ok(vec![operand.with_shape(self.result_shape(&indices.shape))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (operand, indices) = (&operands[0], &operands[1]);
        let result = operand.aval().with_shape(self.result_shape(indices.shape()));
        let fill = self.fill_of(operand.dtype()).value();
        Ok(vec![Tensor::from_fn(result, |at| {
            let (shape, sizes) = (operand.shape(), &self.slice_sizes);
            match window_start(&self.numbers, self.outside(), shape, sizes, indices, at) {
                None => fill,
                Some(start) => {
                    let offset = window_offset(&self.numbers, shape.rank(), at);
                    operand.get(&start.iter().zip(&offset).map(|(a, b)| a + b).collect::<Vec<usize>>())
                }
            }
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let Some(tangent) = tangents[0].value() else { return locally_constant(cx, self.clone(), primals) };
        let result = cx.builder.emit_one(self.clone(), primals);
        let gather = Gather { fill: zero_fill(self.mode), ..self.clone() };
        let tangent = cx.builder.emit_one(gather, &[tangent, primals[1]]);
        Ok(Duals::one(result, Tangent::Value(tangent)))
    }

    /// Adds the cotangents up where their elements came from.
    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let mut results = zero_cotangents(cx, operands);
        let (Some(ct), Operand::Linear(aval)) = (cotangents[0].value(), &operands[0]) else {
            return Ok(results);
        };
        let indices = operands[1].known().expect("integers are never linear");
        let add = Scatter {
            kind: ScatterKind::Add,
            numbers: self.numbers.clone(),
            mode: self.mode,
            indices_are_sorted: self.indices_are_sorted,
            unique_indices: self.unique_indices,
            update: Vec::new(),
        };
        let zeros = cx.builder.full(aval.dtype, &aval.shape, 0.0);
        results[0] = Tangent::Value(cx.builder.emit_one(add, &[zeros, indices, ct]));
        Ok(results)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let mut lead =
            |slot: usize| dims[slot].axis().map(|axis| cx.builder.move_axis(operands[slot], axis, 0));
        let with_size = |size: usize| [&[size], self.slice_sizes.as_slice()].concat();
        let (operand, indices) = (lead(0), lead(1));
        let gather = match (operand, indices) {
            (Some(_), None) => Gather {
                numbers: self.numbers.batched_operand(),
                slice_sizes: with_size(cx.extent),
                ..self.clone()
            },
            // Members of the batch may read the same elements.
            (None, _) => Gather {
                numbers: self.numbers.batched_indices(),
                indices_are_sorted: false,
                unique_indices: false,
                ..self.clone()
            },
            (Some(_), Some(_)) => Gather {
                numbers: self.numbers.batched(),
                slice_sizes: with_size(cx.extent.min(1)),
                ..self.clone()
            },
        };
        // A window axis in front is the batch, and so is the first axis of the indices.
        let operands = [operand.unwrap_or(operands[0]), indices.unwrap_or(operands[1])];
        Ok(Batched::leading(cx.builder.emit_one(gather, &operands)))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let (operand, indices, result) = (&operands[0], &operands[1], &results[0]);
        let mut nest = Nest::new(parallel_dims(&result.shape));
        let mut b = BlockBuilder::new();
        let dim_of: Vec<usize> = (0..result.rank()).collect();
        let extents = (&operand.shape, self.slice_sizes.as_slice());
        let place = place(&mut b, &self.numbers, self.outside(), extents, indices, &dim_of);
        let mut value = b.load(Access::new(BufferId(0), place.indices), operand.dtype);
        if let Some(inside) = place.inside {
            let fill = b.literal(self.fill_of(operand.dtype));
            value = b.select(inside, value, fill);
        }
        nest.stores.push(identity_store(BufferId(2), result.rank(), value));
        nest.block = b.finish();
        Ok(Lowering::Nests(vec![nest]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Gather {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "gather").then(|| {
            Ok(Gather {
                numbers: DimensionNumbers::of_gather(params)?,
                slice_sizes: params.sizes("slice_sizes")?,
                mode: Mode::parse(params)?,
                fill: parse_fill(params)?,
                indices_are_sorted: flag(params, "indices_are_sorted")?,
                unique_indices: flag(params, "unique_indices")?,
            })
        })
    }

    fn samples() -> Vec<Sample> {
        super::samples::gathers()
    }
}

/// A flag that older versions of JAX do not print.
pub(super) fn flag(params: &Params, key: &str) -> Result<bool, TypeError> {
    if params.get(key).is_some() { params.bool(key) } else { Ok(false) }
}

/// Zero, where a fill value is used at all.
fn zero_fill(mode: Mode) -> Option<Literal> {
    (mode == Mode::FillOrDrop).then(|| Literal::from_i64(DType::I64, 0))
}

fn default_fill(dtype: DType) -> Literal {
    let bits = dtype.bits();
    match dtype.kind() {
        Kind::Bool | Kind::Float0 => Literal::bool(true),
        Kind::Signed => Literal::new(dtype, Scalar::Int(-(1 << (bits - 1)))),
        Kind::Unsigned => Literal::new(dtype, Scalar::Int((1 << bits) - 1)),
        Kind::Float | Kind::Complex => Literal::from_f64(dtype, f64::NAN),
        Kind::Key => Literal::new(dtype, Scalar::Key(u64::MAX)),
    }
}

/// A number or bool as an element of `dtype`, as NumPy converts it; every word of a key.
fn converted(fill: Scalar, dtype: DType) -> Literal {
    let (re, im) = fill.complex();
    let value = match (fill, dtype.kind()) {
        (_, Kind::Bool | Kind::Float0) => Scalar::Bool((re, im) != (0.0, 0.0)),
        (Scalar::Int(x), Kind::Signed | Kind::Unsigned) => Scalar::Int(x),
        (_, Kind::Signed | Kind::Unsigned) => Scalar::Int(re as i128),
        (_, Kind::Float) => Scalar::Float(re),
        (_, Kind::Complex) => Scalar::Complex(re, im),
        (_, Kind::Key) => {
            let word = u64::from(re as u32);
            Scalar::Key(word << 32 | word)
        }
    };
    Literal::new(dtype, value)
}

fn parse_fill(params: &Params) -> Result<Option<Literal>, TypeError> {
    let Some(value) = params.get("fill_value") else { return Ok(None) };
    let fill = match value {
        Value::Bool(x) => Some(Literal::bool(*x)),
        Value::Int(x) => Some(Literal::from_i64(DType::I64, *x)),
        Value::Float(bits) => Some(Literal::from_f64(DType::F64, f64::from_bits(*bits))),
        Value::Opaque(text) => large_or_complex(text),
        _ => None,
    };
    match fill {
        Some(fill) => Ok(Some(fill)),
        None => Err(TypeError(format!("parameter fill_value: expected a number or bool, found {value}"))),
    }
}

/// What the reader of parameters leaves as text: integers beyond i64, and complex numbers as Python prints them.
fn large_or_complex(text: &str) -> Option<Literal> {
    if let Ok(x) = text.parse::<u64>() {
        return Some(Literal::new(DType::U64, Scalar::Int(i128::from(x))));
    }
    let parts = text.trim_start_matches('(').trim_end_matches(')').strip_suffix('j')?;
    // The sign between the parts is the last one that is neither first nor an exponent's.
    let split =
        parts.char_indices().rev().find(|&(at, c)| at > 0 && "+-".contains(c) && !parts[..at].ends_with('e'));
    let (re, im) = split.map_or(("0", parts), |(at, _)| parts.split_at(at));
    Some(Literal::new(DType::C128, Scalar::Complex(re.parse().ok()?, im.parse().ok()?)))
}

fn fill_text(fill: Option<Literal>) -> Value {
    let Some(fill) = fill else { return Value::None };
    match fill.value() {
        Scalar::Bool(x) => Value::Bool(x),
        Scalar::Int(x) => i64::try_from(x).map_or_else(|_| Value::Opaque(fill.to_string()), Value::Int),
        Scalar::Float(x) => Value::float(x),
        Scalar::Complex(..) | Scalar::Key(_) => Value::Opaque(fill.to_string()),
    }
}
