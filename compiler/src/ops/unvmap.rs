//! Operations of equinox whose meaning is about batches: folds over the whole batch, and selections that are needed
//! only under one.

use super::elementwise::{CompareKind, Convert};
use super::reduction::{Reduce, ReduceKind};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params, Value};
use crate::ops::Op;
use crate::ops::rules::*;
use crate::types::{Aval, DType, Kind, Tensor};

/// Why an [`Unknown`] value cannot be computed.
pub const UNKNOWN: NoRule =
    NoRule::NotYet("the text names the solver, but how many steps it takes is not in the text");

/// A value that is the same for the whole batch, whatever `vmap` maps its operand.
///
/// Shapes: any -> [], and for `nonbatchable` the operand's own. Source: equinox `unvmap_any` and its kin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unvmap {
    Any,
    All,
    Max,
    /// The value that all lanes have in common.
    Same,
}

/// `pred x y`: x where nothing is batched, for a loop whose predicate is not batched would not run where it is false;
/// under a batch of predicates a selection. Source: equinox `select_if_vmap`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SelectIfVmap;

/// A result of a function of Python that is not computed here: programs that use it are refused, the others are not.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Unknown {
    pub aval: Aval,
}

impl Unvmap {
    const ALL: [Unvmap; 4] = [Unvmap::Any, Unvmap::All, Unvmap::Max, Unvmap::Same];

    fn text_name(self) -> &'static str {
        match self {
            Unvmap::Any => "unvmap_any",
            Unvmap::All => "unvmap_all",
            Unvmap::Max => "unvmap_max",
            Unvmap::Same => "nonbatchable",
        }
    }

    /// How the operand is folded; `None`: it is not.
    fn fold(self) -> Option<ReduceKind> {
        match self {
            Unvmap::Any => Some(ReduceKind::Or),
            Unvmap::All => Some(ReduceKind::And),
            Unvmap::Max => Some(ReduceKind::Max),
            Unvmap::Same => None,
        }
    }

    /// As a program.
    fn program(self, operand: &Aval) -> crate::ir::Program {
        let mut b = Builder::new();
        let x: Atom = b.input(operand.clone()).into();
        let result = match self.fold() {
            None => x,
            Some(_) if operand.rank() == 0 => self.as_mask(&mut b, x),
            Some(kind) => {
                let axes: Vec<usize> = (0..operand.rank()).collect();
                let mask = self.as_mask(&mut b, x);
                b.emit_one(Reduce { kind, axes }, &[mask])
            }
        };
        b.finish(vec![result])
    }

    /// `any` and `all` ask which elements are not zero.
    fn as_mask(self, b: &mut Builder, x: Atom) -> Atom {
        match self {
            Unvmap::Any | Unvmap::All if b.dtype(x) != DType::Bool => {
                b.emit_one(Convert { dtype: DType::Bool }, &[x])
            }
            Unvmap::Any | Unvmap::All | Unvmap::Max | Unvmap::Same => x,
        }
    }
}

impl Primitive for Unvmap {
    fn name(&self) -> &str {
        self.text_name()
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let scalar = |dtype| Ok(vec![Aval::scalar(dtype)]);
        match self {
            Unvmap::Any | Unvmap::All => {
                expect_kind(&operands[0], &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float])?;
                scalar(DType::Bool)
            }
            Unvmap::Max => {
                expect_kind(&operands[0], &[Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float])?;
                scalar(operands[0].dtype)
            }
            Unvmap::Same => Ok(operands.to_vec()),
        }
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        (cx.eval_body)(cx, &self.program(operands[0].aval()), operands)
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, *self, primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("its derivative is zero"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let values = match (self, dims[0]) {
            (Unvmap::Same, BatchDim::Axis(axis)) => {
                if cx.extent == 0 {
                    return Err(NoRule::ByDesign("a batch without lanes has no value in common"));
                }
                // All lanes agree, as equinox checks at run time; the greatest is that value.
                let kind = if cx.builder.dtype(operands[0]) == DType::Bool {
                    ReduceKind::Or
                } else {
                    ReduceKind::Max
                };
                vec![cx.builder.emit_one(Reduce { kind, axes: vec![axis] }, operands)]
            }
            (Unvmap::Any | Unvmap::All | Unvmap::Max | Unvmap::Same, _) => cx.builder.emit(*self, operands),
        };
        Ok(Batched { values, dims: vec![BatchDim::NotMapped] })
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Ok(Lowering::Expand(self.program(&operands[0])))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Unvmap {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        Unvmap::ALL.into_iter().find(|kind| kind.text_name() == name).map(Ok)
    }

    fn samples() -> Vec<Sample> {
        let flags = Tensor::from_f64s(DType::Bool, [3], &[0.0, 1.0, 0.0]);
        let numbers = Tensor::from_f64s(DType::I32, [2, 2], &[3.0, -1.0, 7.0, 0.0]);
        let sample = |kind, operand: &Tensor| Sample::new(kind, vec![operand.clone()]).not_smooth();
        let mut samples: Vec<Sample> = Unvmap::ALL.map(|kind| sample(kind, &flags)).to_vec();
        samples.push(sample(Unvmap::Max, &numbers));
        samples.push(sample(Unvmap::Any, &numbers));
        samples.push(sample(Unvmap::Any, &Tensor::from_f64s(DType::Bool, [], &[1.0])));
        samples
    }
}

impl Primitive for SelectIfVmap {
    fn name(&self) -> &str {
        "select_if_vmap"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 3)?;
        if operands[0] != Aval::scalar(DType::Bool) || operands[1] != operands[2] {
            let [pred, x, y] = [&operands[0], &operands[1], &operands[2]];
            return Err(TypeError(format!(
                "expected bool[] and two values of one type, found {pred} {x} {y}"
            )));
        }
        Ok(vec![operands[1].clone()])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        Ok(vec![operands[1].clone()])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        if tangents[1..].iter().all(Tangent::is_zero) {
            return locally_constant(cx, *self, primals);
        }
        let result = cx.builder.emit_one(*self, primals);
        let aval = cx.builder.aval(result);
        let [x, y] = [1, 2].map(|at| tangents[at].value().unwrap_or_else(|| cx.builder.zeros(&aval)));
        let tangent = cx.builder.emit_one(*self, &[primals[0], x, y]);
        Ok(Duals::one(result, Tangent::Value(tangent)))
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let pred = operands[0].known().ok_or(NoRule::ByDesign("not linear in what selects"))?;
        let mut results = zero_cotangents(cx, operands);
        let Some(ct) = cotangents[0].value() else { return Ok(results) };
        let aval = cx.builder.aval(ct);
        let zero = cx.builder.zeros(&aval);
        for (position, [x, y]) in [(1, [ct, zero]), (2, [zero, ct])] {
            if operands[position].is_linear() {
                results[position] = Tangent::Value(cx.builder.emit_one(*self, &[pred, x, y]));
            }
        }
        Ok(results)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let mut moved = Vec::new();
        for (&operand, dim) in operands.iter().zip(dims) {
            moved.push(match dim {
                BatchDim::Axis(axis) => cx.builder.move_axis(operand, *axis, 0),
                BatchDim::NotMapped => operand,
            });
        }
        for at in [1, 2] {
            if dims[at].axis().is_none() {
                moved[at] = cx.builder.repeated(moved[at], cx.extent);
            }
        }
        if dims[0].axis().is_none() {
            return Ok(Batched::leading(cx.builder.emit_one(*self, &moved)));
        }
        let shape = cx.builder.aval(moved[1]).shape;
        let pred = cx.builder.broadcast_in_dim(moved[0], shape, &[0]);
        Ok(Batched::leading(cx.builder.select(pred, moved[1], moved[2])))
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let mut b = Builder::new();
        let inputs: Vec<Atom> = operands.iter().map(|aval| b.input(aval.clone()).into()).collect();
        Ok(Lowering::Expand(b.finish(vec![inputs[1]])))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for SelectIfVmap {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "select_if_vmap").then_some(Ok(SelectIfVmap))
    }

    fn samples() -> Vec<Sample> {
        let pred = Tensor::from_f64s(DType::Bool, [], &[1.0]);
        let [x, y] = [1.0, -4.0].map(|x| Tensor::from_f64s(DType::F32, [2], &[x, 2.0]));
        vec![Sample::new(SelectIfVmap, vec![pred, x, y])]
    }
}

impl Primitive for Unknown {
    fn name(&self) -> &str {
        "unknown_value"
    }

    fn params(&self) -> Params {
        let shape = Value::tuple(self.aval.shape.extents().iter().copied());
        Params::new().with("dtype", self.aval.dtype).with("shape", shape)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 0)?;
        Ok(vec![self.aval.clone()])
    }

    fn eval(&self, _: &EvalCx, _: &[Tensor]) -> Rule<Vec<Tensor>> {
        Err(UNKNOWN)
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

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Err(UNKNOWN)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Unknown {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "unknown_value").then(|| {
            let shape = params.sizes("shape")?;
            Ok(Unknown { aval: Aval::new(params.dtype("dtype")?, shape) })
        })
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::new(Unknown { aval: Aval::scalar(DType::I32) }, vec![])]
    }
}

/// `x` where all elements are finite, as bool[].
pub fn all_finite(b: &mut Builder, x: Atom) -> Atom {
    let aval = b.aval(x);
    let difference = b.sub(x, x);
    let zero = b.zeros(&aval);
    let finite = b.compare(CompareKind::Eq, difference, zero);
    let axes: Vec<usize> = (0..aval.rank()).collect();
    if axes.is_empty() {
        finite
    } else {
        b.emit_one(Op::from(Reduce { kind: ReduceKind::And, axes }), &[finite])
    }
}
