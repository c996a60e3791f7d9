//! Folds under a window with one operation: `reduce_window_sum` and its like.

use super::{Keep, SelectAndGather, Window, sample_tensor, sample_windows};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params};
use crate::loops::nests::window::{WindowAxis, fold};
use crate::ops::Op;
use crate::ops::reduction::{ReduceKind, folded_dtype};
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Tensor};

/// Folds what lies under the window at each of its places; padding and holes are left out. Narrow floats are rounded
/// once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WindowReduce {
    pub kind: WindowKind,
    pub window: Window,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WindowKind {
    Sum,
    /// NaN if any element is; where there is none, the least value of the dtype.
    Max,
    Min,
}

impl WindowKind {
    /// Every member.
    pub const ALL: [WindowKind; 3] = [WindowKind::Sum, WindowKind::Max, WindowKind::Min];

    fn name(self) -> &'static str {
        match self {
            WindowKind::Sum => "reduce_window_sum",
            WindowKind::Max => "reduce_window_max",
            WindowKind::Min => "reduce_window_min",
        }
    }

    /// The fold of the same name.
    pub fn fold(self) -> ReduceKind {
        match self {
            WindowKind::Sum => ReduceKind::Sum,
            WindowKind::Max => ReduceKind::Max,
            WindowKind::Min => ReduceKind::Min,
        }
    }

    fn accepts(self) -> &'static [Kind] {
        match self {
            WindowKind::Sum => &[Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex],
            WindowKind::Max | WindowKind::Min => {
                &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex]
            }
        }
    }
}

impl Primitive for WindowReduce {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn params(&self) -> Params {
        self.window.params(Params::new(), true)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_kind(&operands[0], self.kind.accepts())?;
        Ok(vec![operands[0].with_shape(self.window.places(&operands[0])?)])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (operand, dtype) = (&operands[0], operands[0].dtype());
        let result = self.infer(&[operand.aval().clone()]).expect("operands have the inferred types");
        let fold = self.kind.fold();
        Ok(vec![Tensor::from_fn(result[0].clone(), |place| {
            let sources = self.window.sources(operand.shape(), place).into_iter().flatten();
            let start = fold.identity(dtype).value();
            sources.fold(start, |folded, at| fold.step(folded, operand.get(&at))).rounded(dtype)
        })])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let keep = match self.kind {
            WindowKind::Sum => return linear(cx, self.clone(), primals, tangents),
            WindowKind::Max => Keep::Ge,
            WindowKind::Min => Keep::Le,
        };
        let Some(tangent) = tangents[0].value() else { return locally_constant(cx, self.clone(), primals) };
        if cx.builder.dtype(primals[0]).is_complex() {
            return Err(NoRule::ByDesign("an extremum of complex numbers has no derivative"));
        }
        let result = cx.builder.emit_one(self.clone(), primals);
        let op = SelectAndGather { keep, window: self.window.clone() };
        let tangent = cx.builder.emit_one(op, &[tangent, primals[0]]);
        Ok(Duals::one(result, Tangent::Value(tangent)))
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        if self.kind != WindowKind::Sum {
            return Err(NoRule::ByDesign("not linear"));
        }
        let Some(ct) = cotangents[0].value() else { return Ok(zero_cotangents(cx, operands)) };
        let (operand, places) = (operand_aval(cx, &operands[0]).shape, cx.builder.aval(ct).shape);
        let back = |(axis, window): (usize, &WindowAxis)| window.transposed(operand[axis], places[axis]);
        let window = Window(self.window.0.iter().enumerate().map(back).collect());
        Ok(vec![Tangent::Value(cx.builder.emit_one(WindowReduce { kind: self.kind, window }, &[ct]))])
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_one_operand(cx, operands, dims, |batch| {
            (Op::from(WindowReduce { kind: self.kind, window: self.window.inserted(batch) }), batch)
        })
    }

    /// As convolutions: padding becomes part of a copy.
    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let (operand, dtype, reduce) = (&operands[0], operands[0].dtype, self.kind.fold());
        if self.window.leaves(&operand.shape, &results[0].shape) {
            let mut b = Builder::new();
            let x = b.input(operand.clone()).into();
            let (copy, window) = self.window.over_copy(&mut b, x, reduce.identity(dtype));
            let result = b.emit_one(WindowReduce { kind: self.kind, window }, &[copy]);
            return Ok(Lowering::Expand(b.finish(vec![result])));
        }
        let identity = reduce.identity(folded_dtype(dtype));
        let nest = fold(&self.window.0, operand, &results[0], reduce.op(), identity);
        Ok(Lowering::Nests(vec![nest]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for WindowReduce {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let kind = WindowKind::ALL.into_iter().find(|kind| kind.name() == name)?;
        Some(Window::parse(params).map(|window| WindowReduce { kind, window }))
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        let dtypes = [DType::F32, DType::F64, DType::F16, DType::BF16, DType::I8, DType::U64, DType::Bool];
        for kind in WindowKind::ALL {
            for dtype in dtypes.into_iter().filter(|dtype| kind.accepts().contains(&dtype.kind())) {
                for (window, shape) in sample_windows() {
                    let x = sample_tensor(dtype, &shape);
                    // The extremum of nothing is infinite.
                    let places = window.places(x.aval()).expect("the samples are well typed");
                    let is_bare =
                        |place: Vec<usize>| window.sources(x.shape(), &place).iter().all(Option::is_none);
                    let smooth = kind == WindowKind::Sum || !places.indices().any(is_bare);
                    let sample = Sample::new(WindowReduce { kind, window }, vec![x]).within(16.0);
                    samples.push(if smooth { sample } else { sample.not_smooth() });
                }
            }
            let parts: Vec<f64> = (0..10).map(|i| f64::from((i * 7) % 10) * 0.25 - 1.0).collect();
            let complex = Tensor::from_parts(DType::C64, [5], &parts[..5], &parts[5..]);
            let window = sample_windows().remove(1).0;
            samples.push(Sample::new(WindowReduce { kind, window }, vec![complex]).not_smooth().within(16.0));
            let wild = Tensor::from_f64s(DType::F32, [5], &[1.0, f64::NAN, f64::INFINITY, -0.0, 0.0]);
            let window = sample_windows().remove(1).0;
            samples.push(Sample::new(WindowReduce { kind, window }, vec![wild]).not_smooth());
        }
        samples
    }
}
