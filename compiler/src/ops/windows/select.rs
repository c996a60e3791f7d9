//! The derivatives of pooling: `select_and_gather_add` reads at the position that the window selects,
//! `select_and_scatter_add` adds there.

use super::{Window, sample_tensor, sample_windows};
use crate::diag::TypeError;
use crate::ir::{Atom, Params};
use crate::loops::nests::window::{WindowAxis, gather_selected, scatter_selected};
use crate::loops::{BinaryOp, BlockBuilder, BufferId, CompareOp, Nest};
use crate::ops::reduction::ReduceKind;
use crate::ops::rules::*;
use crate::ops::shape::{Pad, Slice, batch_axes_first};
use crate::types::{Aval, DType, Kind, Literal, Scalar, Tensor};

/// When the selected element stays selected as the window is walked through in row-major order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Keep {
    /// It is not less than the next one: the first maximum is selected.
    Ge,
    Le,
}

impl Keep {
    const ALL: [Keep; 2] = [Keep::Ge, Keep::Le];

    fn name(self) -> &'static str {
        match self {
            Keep::Ge => "ge",
            Keep::Le => "le",
        }
    }

    fn parse(params: &Params) -> Result<Keep, TypeError> {
        let name = params.name("select_prim")?;
        let found = Keep::ALL.into_iter().find(|keep| keep.name() == name);
        found.ok_or_else(|| TypeError(format!("parameter select_prim: expected ge or le, found {name}")))
    }

    fn compare(self) -> CompareOp {
        match self {
            Keep::Ge => CompareOp::Ge,
            Keep::Le => CompareOp::Le,
        }
    }

    /// What every element beats or equals.
    pub fn identity(self, dtype: DType) -> Literal {
        match self {
            Keep::Ge => ReduceKind::Max.identity(dtype),
            Keep::Le => ReduceKind::Min.identity(dtype),
        }
    }

    /// Does `x` stay selected before `y`?
    fn keeps(self, x: Scalar, y: Scalar) -> bool {
        let order = match (x, y) {
            (Scalar::Bool(x), Scalar::Bool(y)) => Some(x.cmp(&y)),
            (Scalar::Int(x), Scalar::Int(y)) => Some(x.cmp(&y)),
            (x, y) => x.float().partial_cmp(&y.float()),
        };
        order.is_some_and(|order| match self {
            Keep::Ge => order.is_ge(),
            Keep::Le => order.is_le(),
        })
    }
}

/// `tangents, operand -> tangents at the positions that the window selects from the operand`. Padding and holes are left
/// out; the tangent of nothing is zero.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SelectAndGather {
    pub keep: Keep,
    pub window: Window,
}

/// `source, operand -> result`: adds each element of the source at the position that the window selects from the
/// operand. Padding may be selected before elements that do not beat it; then the source is lost.
///
/// Shapes: source [places..], operand [extents..] -> [extents..].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SelectAndScatter {
    pub keep: Keep,
    // Invariant once inferred: without dilations.
    pub window: Window,
}

impl Primitive for SelectAndGather {
    fn name(&self) -> &str {
        "select_and_gather_add"
    }

    fn params(&self) -> Params {
        self.window.params(Params::new().with("select_prim", self.keep.name()), true)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        expect_kind(&operands[1], &[Kind::Float])?;
        expect_same_dtype(operands)?;
        if operands[0].shape != operands[1].shape {
            let (tangents, operand) = (&operands[0].shape, &operands[1].shape);
            return Err(TypeError(format!(
                "tangents: expected the operand's shape {operand}, found {tangents}"
            )));
        }
        Ok(vec![operands[0].with_shape(self.window.places(&operands[1])?)])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (tangents, operand) = (&operands[0], &operands[1]);
        let places = self.window.places(operand.aval()).expect("operands have the inferred types");
        let result = tangents.aval().with_shape(places);
        Ok(vec![Tensor::from_fn(result, |place| {
            let start = (self.keep.identity(operand.dtype()).value(), Scalar::Float(0.0));
            let sources = self.window.sources(operand.shape(), place).into_iter().flatten();
            let walk = sources.fold(start, |selected, at| {
                let next = (operand.get(&at), tangents.get(&at));
                if self.keep.keeps(selected.0, next.0) { selected } else { next }
            });
            walk.1
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear_in_first(cx, self.clone(), primals, tangents)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let mut results = zero_cotangents(cx, operands);
        let operand = operands[1].known().ok_or(NoRule::ByDesign("not linear in what selects"))?;
        let Some(ct) = cotangents[0].value() else { return Ok(results) };
        if self.window.0.iter().any(|axis| axis.window_dilation != 1) {
            return Err(NoRule::ByDesign("JAX has none for windows with dilation"));
        }
        let b = &mut *cx.builder;
        let undilated = |axis: &WindowAxis| WindowAxis { base_dilation: 1, ..*axis };
        let window = Window(self.window.0.iter().map(undilated).collect());
        let op = SelectAndScatter { keep: self.keep, window };
        if self.window.0.iter().all(|axis| axis.base_dilation == 1) {
            results[0] = Tangent::Value(b.emit_one(op, &[ct, operand]));
            return Ok(results);
        }
        // Holes become elements that nothing selects.
        let fill = self.keep.identity(b.dtype(operand));
        let config = self.window.0.iter().map(|axis| (0, 0, axis.base_dilation as i64 - 1)).collect();
        let spread = b.emit_one(Pad { config }, &[operand, fill.into()]);
        let scattered = b.emit_one(op, &[ct, spread]);
        let limits = b.aval(scattered).shape.extents().to_vec();
        let strides = self.window.0.iter().map(|axis| axis.base_dilation).collect();
        let slice = Slice { starts: vec![0; limits.len()], limits, strides };
        results[0] = Tangent::Value(b.emit_one(slice, &[scattered]));
        Ok(results)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let operands = batch_axes_first(cx, operands, dims);
        let op = SelectAndGather { keep: self.keep, window: self.window.inserted(0) };
        Ok(Batched::leading(cx.builder.emit_one(op, &operands)))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let (tangents, operand) = (&operands[0], &operands[1]);
        let start = self.keep.identity(operand.dtype);
        let keep = self.keep.compare();
        let nest = gather_selected(&self.window.0, tangents, operand, &results[0].shape, keep, start);
        Ok(Lowering::Nests(vec![nest]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Primitive for SelectAndScatter {
    fn name(&self) -> &str {
        "select_and_scatter_add"
    }

    fn params(&self) -> Params {
        self.window.params(Params::new().with("select_prim", self.keep.name()), false)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        expect_kind(&operands[1], &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float])?;
        expect_same_dtype(operands)?;
        if self.window.0.iter().any(|axis| axis.base_dilation != 1 || axis.window_dilation != 1) {
            return Err(TypeError::new("expected a window without dilation"));
        }
        let (source, places) = (&operands[0].shape, self.window.places(&operands[1])?);
        if *source != places {
            return Err(TypeError(format!(
                "source: expected shape {places}, one element per place, found {source}"
            )));
        }
        Ok(vec![operands[1].clone()])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (source, operand, dtype) = (&operands[0], &operands[1], operands[0].dtype());
        let fill = self.keep.identity(dtype).value();
        let add = if dtype == DType::Bool { ReduceKind::Or } else { ReduceKind::Sum };
        let mut sums = vec![add.identity(dtype).value(); operand.shape().element_count()];
        for place in source.shape().indices() {
            let mut candidates = self.window.sources(operand.shape(), &place).into_iter().map(|at| {
                let value = at.as_ref().map_or(fill, |at| operand.get(at));
                (value, at)
            });
            let first = candidates.next().expect("a window has a position");
            let keep = |selected: (Scalar, Option<Vec<usize>>), next: (Scalar, Option<Vec<usize>>)| {
                if self.keep.keeps(selected.0, next.0) { selected } else { next }
            };
            if let (_, Some(at)) = candidates.fold(first, keep) {
                let sum = &mut sums[operand.shape().offset(&at)];
                *sum = add.step(*sum, source.get(&place)).rounded(dtype);
            }
        }
        Ok(vec![Tensor::from_scalars(operand.aval().clone(), sums)])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear_in_first(cx, self.clone(), primals, tangents)
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let mut results = zero_cotangents(cx, operands);
        let operand = operands[1].known().ok_or(NoRule::ByDesign("not linear in what selects"))?;
        if let Some(ct) = cotangents[0].value() {
            let op = SelectAndGather { keep: self.keep, window: self.window.clone() };
            results[0] = Tangent::Value(cx.builder.emit_one(op, &[ct, operand]));
        }
        Ok(results)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let operands = batch_axes_first(cx, operands, dims);
        let op = SelectAndScatter { keep: self.keep, window: self.window.inserted(0) };
        Ok(Batched::leading(cx.builder.emit_one(op, &operands)))
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let (source, operand) = (&operands[0], &operands[1]);
        let fill = self.keep.identity(operand.dtype);
        let op = if operand.dtype == DType::Bool { BinaryOp::Or } else { BinaryOp::Add };
        let scatter = scatter_selected(&self.window.0, source, operand, self.keep.compare(), fill, op);
        Ok(Lowering::Nests(vec![zeros(operand), scatter]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

/// Writes zeros to buffer 2.
fn zeros(result: &Aval) -> Nest {
    let mut nest = Nest::new(parallel_dims(&result.shape));
    let mut b = BlockBuilder::new();
    let zero = b.int(result.dtype, 0);
    nest.stores.push(identity_store(BufferId(2), result.rank(), zero));
    nest.block = b.finish();
    nest
}

/// The jvp of an operation that is linear in its first operand and locally constant in the second.
fn linear_in_first(
    cx: &mut JvpCx,
    op: impl Into<crate::ops::Op>,
    primals: &[Atom],
    tangents: &[Tangent],
) -> Rule<Duals> {
    let op = op.into();
    let Some(tangent) = tangents[0].value() else { return locally_constant(cx, op, primals) };
    let result = cx.builder.emit_one(op.clone(), primals);
    let tangent = cx.builder.emit_one(op, &[tangent, primals[1]]);
    Ok(Duals::one(result, Tangent::Value(tangent)))
}

impl Family for SelectAndGather {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let read = || Ok(SelectAndGather { keep: Keep::parse(params)?, window: Window::parse(params)? });
        (name == "select_and_gather_add").then(read)
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
            for (keep, (window, shape)) in Keep::ALL.into_iter().cycle().zip(sample_windows()) {
                let (t, x) = (sample_tensor(dtype, &shape), ties(dtype, &shape));
                // At ties, the derivative by the operand jumps.
                samples.push(Sample::new(SelectAndGather { keep, window }, vec![t, x]).not_smooth());
            }
        }
        samples
    }
}

impl Family for SelectAndScatter {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let read = || Ok(SelectAndScatter { keep: Keep::parse(params)?, window: Window::parse(params)? });
        (name == "select_and_scatter_add").then(read)
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        let undilated = |(window, shape): (Window, Vec<usize>)| {
            let axes =
                window.0.into_iter().map(|axis| WindowAxis { base_dilation: 1, window_dilation: 1, ..axis });
            (Window(axes.collect()), shape)
        };
        let dtypes = [DType::F32, DType::F64, DType::BF16, DType::I8, DType::U64, DType::Bool];
        for dtype in dtypes {
            for (keep, (window, shape)) in
                Keep::ALL.into_iter().cycle().zip(sample_windows().into_iter().map(undilated))
            {
                let x = ties(dtype, &shape);
                let places = window.places(x.aval()).expect("the samples are well typed");
                let source = sample_tensor(dtype, places.extents());
                samples.push(Sample::new(SelectAndScatter { keep, window }, vec![source, x]).not_smooth());
            }
        }
        samples
    }
}

/// Neighbours are often equal, and the least value of the dtype occurs.
fn ties(dtype: DType, shape: &[usize]) -> Tensor {
    let least = ReduceKind::Max.identity(dtype).value();
    let mut position = 0;
    Tensor::from_fn(Aval::new(dtype, shape), |_| {
        position += 1;
        if position % 7 == 1 { least } else { Literal::from_f64(dtype, (position / 2 % 4) as f64).value() }
    })
}
