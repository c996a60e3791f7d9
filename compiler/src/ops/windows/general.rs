//! `reduce_window`: folds under a window with a body of their own.

use super::{Window, sample_tensor, sample_windows};
use crate::diag::TypeError;
use crate::ir::inline::inline;
use crate::ir::{Atom, Body, Builder, Params, Program, Value};
use crate::loops::nests::window::fold_by_body;
use crate::ops::elementwise::BinaryKind;
use crate::ops::rules::*;
use crate::types::{Aval, DType, Literal, Tensor};

/// Folds what lies under the window in n arrays, in row-major order, into n start values; padding and holes are left
/// out. Operands: the arrays, then the start values.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WindowFold {
    /// From n accumulators and n elements to n accumulators.
    pub body: Body,
    pub window: Window,
}

impl Primitive for WindowFold {
    fn name(&self) -> &str {
        "reduce_window"
    }

    fn params(&self) -> Params {
        let others = Params::new().with("consts", Value::Tuple(Vec::new())).with("jaxpr", self.body.clone());
        self.window.params(others, true)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let count = expect_fold(&self.body, operands)?;
        let places = self.window.places(&operands[0])?;
        Ok(operands[..count].iter().map(|aval| aval.with_shape(places.clone())).collect())
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (arrays, starts) = operands.split_at(operands.len() / 2);
        let places = self.window.places(arrays[0].aval()).expect("operands have the inferred types");
        let mut results: Vec<Vec<_>> = vec![Vec::new(); arrays.len()];
        for place in places.indices() {
            let sources = self.window.sources(arrays[0].shape(), &place).into_iter().flatten();
            let elements = sources.map(|at| arrays.iter().map(|array| element(array, &at)).collect());
            let folded = eval_fold(cx, &self.body, starts, elements)?;
            results.iter_mut().zip(folded).for_each(|(result, value)| result.push(value.at(0)));
        }
        let tensor = |(array, values): (&Tensor, Vec<_>)| {
            Tensor::from_scalars(array.aval().with_shape(places.clone()), values)
        };
        Ok(arrays.iter().zip(results).map(tensor).collect())
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        if tangents.iter().all(Tangent::is_zero) {
            return locally_constant(cx, self.clone(), primals);
        }
        let dual = DualFold::of(cx, &self.body, tangents)?;
        let (arrays, starts) = primals.split_at(primals.len() / 2);
        let b = &mut *cx.builder;
        let moving = dual.tangents(b, tangents);
        let zeros = moving.iter().map(|&tangent| b.constant_like(tangent, 0.0));
        let zeros: Vec<Atom> = zeros.collect();
        let operands = [arrays, &moving, starts, &zeros].concat();
        let op = WindowFold { body: in_pairs(&dual).into(), window: self.window.clone() };
        let results = b.emit(op, &operands);
        Ok(dual.duals(b, results))
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("JAX has none for folds with a body"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let operands = batch_fold(cx, operands, dims)?;
        let op = WindowFold { body: self.body.clone(), window: self.window.inserted(0) };
        let values = cx.builder.emit(op, &operands);
        Ok(Batched { dims: vec![BatchDim::Axis(0); values.len()], values })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let (arrays, _) = operands.split_at(operands.len() / 2);
        let combine = scalar_combine(&self.body)?;
        Ok(Lowering::Nests(vec![fold_by_body(&self.window.0, arrays, &results[0].shape, combine)]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Scalar(std::slice::from_ref(&self.body))
    }
}

/// The body with its parameters as a fold has them: accumulators and their tangents, then elements and theirs.
fn in_pairs(dual: &DualFold) -> Program {
    let avals = dual.body.input_avals();
    let count = dual.inexact.len();
    let moving = (avals.len() - 2 * count) / 2;
    let mut b = Builder::new();
    let mut half = |start: usize, tangents: usize| -> [Vec<Atom>; 2] {
        let mut inputs = |from: usize, count: usize| -> Vec<Atom> {
            avals[from..from + count].iter().map(|aval| b.input(aval.clone()).into()).collect()
        };
        [inputs(start, count), inputs(tangents, moving)]
    };
    let [x, dx] = half(0, 2 * count);
    let [y, dy] = half(count, 2 * count + moving);
    let outputs = inline(&mut b, &dual.body, &[x, y, dx, dy].concat());
    b.finish(outputs)
}

/// One element as a rank-0 array.
fn element(array: &Tensor, at: &[usize]) -> Tensor {
    Tensor::from_scalars(Aval::scalar(array.dtype()), [array.get(at)])
}

impl Family for WindowFold {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "reduce_window").then(|| {
            if let Some(consts) = params.get("consts").filter(|consts| **consts != Value::Tuple(Vec::new())) {
                return Err(TypeError(format!("parameter consts: expected (), found {consts}")));
            }
            Ok(WindowFold { body: params.body("jaxpr")?.clone(), window: Window::parse(params)? })
        })
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        for dtype in [DType::F32, DType::F64, DType::BF16, DType::I8, DType::U64, DType::Bool] {
            let start = Tensor::from_literal(Literal::from_f64(dtype, 1.0));
            let kind = if dtype == DType::Bool { BinaryKind::Xor } else { BinaryKind::Sub };
            for (window, shape) in sample_windows() {
                let x = sample_tensor(dtype, &shape);
                let op = WindowFold { body: one_operation(kind, dtype), window: window.clone() };
                samples.push(Sample::new(op, vec![x.clone(), start.clone()]).within(16.0));
                let op = WindowFold { body: one_operation(BinaryKind::Max, dtype), window: window.clone() };
                samples.push(Sample::new(op, vec![x.clone(), start.clone()]));
                let index = sample_tensor(DType::I32, &shape);
                let op = WindowFold { body: last_of_greatest(dtype), window };
                let zero = Tensor::from_literal(Literal::from_f64(DType::I32, 0.0));
                let sample = Sample::new(op, vec![x, index, start.clone(), zero]);
                samples.push(sample.not_smooth());
            }
        }
        samples
    }
}

/// `x y -> (x kind y)`.
pub(in crate::ops) fn one_operation(kind: BinaryKind, dtype: DType) -> Body {
    let mut b = Builder::new();
    let [x, y] = [(); 2].map(|()| Atom::from(b.input(Aval::scalar(dtype))));
    let result = b.binary(kind, x, y);
    b.finish(vec![result]).into()
}

/// `x i y j -> y < x ? (x, i) : (y, j)`: what NumPy's argmax from the end does.
pub(in crate::ops) fn last_of_greatest(dtype: DType) -> Body {
    let mut b = Builder::new();
    let [x, i, y, j] =
        [dtype, DType::I32, dtype, DType::I32].map(|dtype| Atom::from(b.input(Aval::scalar(dtype))));
    let keeps = b.compare(crate::ops::elementwise::CompareKind::Lt, y, x);
    let (value, index) = (b.select(keeps, x, y), b.select(keeps, i, j));
    b.finish(vec![value, index]).into()
}
