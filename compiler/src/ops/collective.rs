//! Operations over a named axis, which a `vmap` with `axis_name` binds.
//!
//! # Note: named axes
//! A text printed with `axis_env` holds operations over axes that nothing in it binds. `vmap(.., axis_name='i')` binds
//! one: [`bound`] marks the operations over it, and their batching rules then see all lanes. What is not bound in the
//! end is refused. Operations over positional axes, which JAX prints once it has batched, are ordinary reductions.

use super::reduction::{Reduce, ReduceKind};
use super::shape::{Concatenate, Iota, Slice};
use crate::diag::{Diagnostic, TypeError};
use crate::ir::{Atom, Builder, Params, Program, Value};
use crate::ops::Op;
use crate::ops::rules::*;
use crate::types::{Aval, DType, Shape, Tensor};

/// The refusal of an operation whose axis nothing binds.
pub const UNBOUND: NoRule = NoRule::NotYet(
    "its axis has a name that nothing binds: write `export f = vmap(main, axis_size=N, axis_name='i')`",
);

/// An operation over one named axis.
///
/// Source: JAX lax.psum, pmax, pmin, all_gather, axis_index, ppermute, psum_scatter, all_to_all.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Collective {
    pub kind: CollectiveKind,
    /// The name of the axis.
    pub axis: String,
    /// Does the next `vmap` bind it?
    is_bound: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum CollectiveKind {
    Sum,
    Max,
    Min,
    /// All lanes' values along a new axis, or if `tiled`, one after the other along that axis.
    AllGather {
        dimension: usize,
        size: usize,
        tiled: bool,
    },
    /// The number of the lane: i32[].
    AxisIndex,
    /// Lane `to` gets the value of lane `from`, zero where none is named.
    Permute {
        pairs: Vec<(usize, usize)>,
    },
    /// Lane i gets part i along `dimension` of the sum.
    SumScatter {
        dimension: usize,
        size: usize,
        tiled: bool,
    },
    /// Lane i gets part i along `split` of all lanes, joined along `concat`.
    AllToAll {
        split: usize,
        concat: usize,
        tiled: bool,
    },
}

impl Collective {
    /// An operation over an axis that nothing binds yet.
    pub fn over(axis: &str, kind: CollectiveKind) -> Self {
        Collective { kind, axis: axis.to_string(), is_bound: false }
    }

    /// The extents of the result in one lane. Errors: TypeError if the parts do not divide the operand.
    fn result_shape(&self, shape: &Shape) -> Result<Shape, TypeError> {
        let expect_axis = |axis: usize, rank: usize| match axis < rank {
            true => Ok(()),
            false => Err(TypeError(format!("axis {axis} is beyond rank {rank}"))),
        };
        let with = |axis: usize, extent: usize| {
            let mut extents = shape.extents().to_vec();
            extents[axis] = extent;
            Shape::from(extents)
        };
        match self.kind {
            CollectiveKind::AllGather { dimension, size, tiled: false } => {
                expect_axis(dimension, shape.rank() + 1)?;
                Ok(shape.inserted(dimension, size))
            }
            CollectiveKind::AllGather { dimension, size, tiled: true } => {
                expect_axis(dimension, shape.rank())?;
                let extent = shape[dimension].checked_mul(size);
                Ok(with(dimension, extent.ok_or(TypeError::new("the result is too large"))?))
            }
            CollectiveKind::SumScatter { dimension, size, tiled } => {
                expect_axis(dimension, shape.rank())?;
                let extent = shape[dimension];
                if size == 0 || !extent.is_multiple_of(size) || (!tiled && extent != size) {
                    return Err(TypeError(format!("extent {extent} has no {size} equal parts")));
                }
                if tiled {
                    return Ok(with(dimension, extent / size));
                }
                let kept = (0..shape.rank()).filter(|&axis| axis != dimension);
                Ok(kept.map(|axis| shape[axis]).collect())
            }
            CollectiveKind::AllToAll { split, concat, tiled: false } => {
                expect_axis(split.max(concat), shape.rank())?;
                let mut extents = shape.extents().to_vec();
                let extent = extents.remove(split);
                extents.insert(concat, extent);
                Ok(extents.into())
            }
            CollectiveKind::AllToAll { tiled: true, .. } => {
                // The text does not say how many lanes there are; the binder's type is checked against this one.
                Err(TypeError::new("a tiled all_to_all has a type that depends on the size of the axis"))
            }
            CollectiveKind::Sum | CollectiveKind::Max | CollectiveKind::Min => Ok(shape.clone()),
            CollectiveKind::AxisIndex | CollectiveKind::Permute { .. } => Ok(shape.clone()),
        }
    }

    /// The operation over the lanes: `x` has the axis that it is over first.
    fn over_lanes(&self, b: &mut Builder, x: Atom, lanes: usize) -> Rule<Batched> {
        let reduced = |b: &mut Builder, kind| Batched {
            values: vec![b.emit_one(Reduce { kind, axes: vec![0] }, &[x])],
            dims: vec![BatchDim::NotMapped],
        };
        if self.size().is_some_and(|size| size != lanes) {
            return Err(NoRule::ByDesign("its axis has another size than the vmap that binds it"));
        }
        Ok(match self.kind {
            CollectiveKind::Sum => reduced(b, ReduceKind::Sum),
            CollectiveKind::Max => reduced(b, ReduceKind::Max),
            CollectiveKind::Min => reduced(b, ReduceKind::Min),
            CollectiveKind::AllGather { dimension, tiled, .. } => {
                let gathered = b.move_axis(x, 0, dimension);
                let value = if tiled { merged(b, gathered, dimension) } else { gathered };
                Batched { values: vec![value], dims: vec![BatchDim::NotMapped] }
            }
            CollectiveKind::AxisIndex => Batched::leading(lane_numbers(b, lanes)),
            CollectiveKind::Permute { ref pairs } => {
                if pairs.iter().any(|&(from, to)| from.max(to) >= lanes) {
                    return Err(NoRule::ByDesign("it names lanes that the vmap does not have"));
                }
                Batched::leading(permuted_rows(b, x, pairs))
            }
            CollectiveKind::SumScatter { dimension, size, tiled } => {
                let sum = b.emit_one(Reduce { kind: ReduceKind::Sum, axes: vec![0] }, &[x]);
                let value = if tiled { parted(b, sum, dimension, size) } else { sum };
                Batched { values: vec![value], dims: vec![BatchDim::Axis(dimension)] }
            }
            CollectiveKind::AllToAll { split, concat, .. } => {
                if b.aval(x).shape[split + 1] != lanes {
                    return Err(NoRule::ByDesign(
                        "the axis that it splits has not as many parts as there are lanes",
                    ));
                }
                let by_target = b.move_axis(x, split + 1, 0);
                Batched::leading(b.move_axis(by_target, 1, concat + 1))
            }
        })
    }

    fn size(&self) -> Option<usize> {
        match self.kind {
            CollectiveKind::AllGather { size, .. } | CollectiveKind::SumScatter { size, .. } => Some(size),
            CollectiveKind::Sum | CollectiveKind::Max | CollectiveKind::Min => None,
            CollectiveKind::AxisIndex | CollectiveKind::Permute { .. } | CollectiveKind::AllToAll { .. } => {
                None
            }
        }
    }
}

fn lane_numbers(b: &mut Builder, lanes: usize) -> Atom {
    b.emit_one(Iota { dtype: DType::I32, shape: [lanes].into(), axis: 0 }, &[])
}

/// Row `to` of the result is row `from`; rows that no pair names are zero.
fn permuted_rows(b: &mut Builder, x: Atom, pairs: &[(usize, usize)]) -> Atom {
    let aval = b.aval(x);
    let mut sources = vec![None; aval.shape[0]];
    pairs.iter().for_each(|&(from, to)| sources[to] = Some(from));
    let mut extents = aval.shape.extents().to_vec();
    extents[0] = 1;
    let zero = b.zeros(&aval.with_shape(extents));
    let row = |source: Option<usize>, b: &mut Builder| match source {
        Some(from) => b.emit_one(Slice::along(&aval.shape, 0, from, 1), &[x]),
        None => zero,
    };
    let rows: Vec<Atom> = sources.into_iter().map(|source| row(source, b)).collect();
    if rows.is_empty() { x } else { b.emit_one(Concatenate { axis: 0 }, &rows) }
}

/// Axes `axis` and `axis + 1` as one.
fn merged(b: &mut Builder, x: Atom, axis: usize) -> Atom {
    let mut extents = b.aval(x).shape.extents().to_vec();
    let next = extents.remove(axis + 1);
    extents[axis] *= next;
    b.reshape(x, extents)
}

/// Axis `axis` as two, the first of which has `parts` elements.
fn parted(b: &mut Builder, x: Atom, axis: usize, parts: usize) -> Atom {
    let mut extents = b.aval(x).shape.extents().to_vec();
    extents[axis] /= parts;
    extents.insert(axis, parts);
    b.reshape(x, extents)
}

impl Primitive for Collective {
    fn name(&self) -> &str {
        match self.kind {
            CollectiveKind::Sum => "psum",
            CollectiveKind::Max => "pmax",
            CollectiveKind::Min => "pmin",
            CollectiveKind::AllGather { .. } => "all_gather",
            CollectiveKind::AxisIndex => "axis_index",
            CollectiveKind::Permute { .. } => "ppermute",
            CollectiveKind::SumScatter { .. } => "reduce_scatter",
            CollectiveKind::AllToAll { .. } => "all_to_all",
        }
    }

    fn params(&self) -> Params {
        let axes = || Value::Tuple(vec![Value::Str(self.axis.clone())]);
        let sized = |key: &str, dimension: usize, size: usize, tiled: bool| {
            let params = Params::new().with(key, dimension).with("axis_name", axes());
            params.with("axis_size", size).with("tiled", tiled)
        };
        match &self.kind {
            CollectiveKind::Sum | CollectiveKind::Max | CollectiveKind::Min => {
                Params::new().with("axes", axes())
            }
            CollectiveKind::AllGather { dimension, size, tiled } => {
                sized("all_gather_dimension", *dimension, *size, *tiled)
            }
            CollectiveKind::AxisIndex => Params::new().with("axis_name", Value::Name(self.axis.clone())),
            CollectiveKind::Permute { pairs } => {
                let pair = |&(from, to): &(usize, usize)| Value::tuple([from, to]);
                Params::new()
                    .with("axis_name", axes())
                    .with("perm", Value::Tuple(pairs.iter().map(pair).collect()))
            }
            CollectiveKind::SumScatter { dimension, size, tiled } => {
                sized("scatter_dimension", *dimension, *size, *tiled)
            }
            CollectiveKind::AllToAll { split, concat, tiled } => Params::new()
                .with("axis_name", Value::Name(self.axis.clone()))
                .with("concat_axis", *concat)
                .with("split_axis", *split)
                .with("tiled", *tiled),
        }
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        if self.kind == CollectiveKind::AxisIndex {
            expect_operands(operands, 0)?;
            return Ok(vec![Aval::scalar(DType::I32)]);
        }
        expect_operands(operands, 1)?;
        let kind = match self.kind {
            CollectiveKind::Max => ReduceKind::Max,
            CollectiveKind::Min => ReduceKind::Min,
            CollectiveKind::Sum | CollectiveKind::SumScatter { .. } => ReduceKind::Sum,
            CollectiveKind::AllGather { .. } | CollectiveKind::AxisIndex => ReduceKind::Max,
            CollectiveKind::Permute { .. } | CollectiveKind::AllToAll { .. } => ReduceKind::Max,
        };
        // What can be folded can be sent.
        Reduce { kind, axes: vec![] }.infer(operands)?;
        Ok(vec![operands[0].with_shape(self.result_shape(&operands[0].shape)?)])
    }

    fn eval(&self, _: &EvalCx, _: &[Tensor]) -> Rule<Vec<Tensor>> {
        Err(UNBOUND)
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        match self.kind {
            CollectiveKind::AxisIndex => locally_constant(cx, self.clone(), primals),
            CollectiveKind::Max | CollectiveKind::Min if !tangents[0].is_zero() => {
                Err(NoRule::ByDesign("JAX defines no derivative of it"))
            }
            _ => linear(cx, self.clone(), primals, tangents),
        }
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let Some(ct) = cotangents[0].value() else { return Ok(zero_cotangents(cx, operands)) };
        let kind = match &self.kind {
            CollectiveKind::Sum => CollectiveKind::Sum,
            &CollectiveKind::AllGather { dimension, size, tiled } => {
                CollectiveKind::SumScatter { dimension, size, tiled }
            }
            &CollectiveKind::SumScatter { dimension, size, tiled } => {
                CollectiveKind::AllGather { dimension, size, tiled }
            }
            CollectiveKind::Permute { pairs } => {
                CollectiveKind::Permute { pairs: pairs.iter().map(|&(from, to)| (to, from)).collect() }
            }
            &CollectiveKind::AllToAll { split, concat, tiled } => {
                CollectiveKind::AllToAll { split: concat, concat: split, tiled }
            }
            CollectiveKind::Max | CollectiveKind::Min | CollectiveKind::AxisIndex => {
                return Err(NoRule::ByDesign("it is not linear"));
            }
        };
        let back = Collective { kind, ..self.clone() };
        Ok(vec![Tangent::Value(cx.builder.emit_one(back, &[ct]))])
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        if self.kind == CollectiveKind::AxisIndex {
            return Ok(Batched::leading(lane_numbers(cx.builder, cx.extent)));
        }
        let (x, rank) = (operands[0], cx.builder.aval(operands[0]).rank());
        match (self.is_bound, dims[0]) {
            (true, BatchDim::Axis(axis)) => {
                let x = cx.builder.move_axis(x, axis, 0);
                self.over_lanes(cx.builder, x, cx.extent)
            }
            (true, BatchDim::NotMapped) => {
                let x = cx.builder.repeated(x, cx.extent);
                self.over_lanes(cx.builder, x, cx.extent)
            }
            // Another axis than its own goes last, where it moves no other.
            (false, BatchDim::Axis(axis)) => {
                let x = cx.builder.move_axis(x, axis, rank - 1);
                let value = cx.builder.emit_one(self.clone(), &[x]);
                let last = cx.builder.aval(value).rank() - 1;
                Ok(Batched { values: vec![value], dims: vec![BatchDim::Axis(last)] })
            }
            (false, BatchDim::NotMapped) => {
                let value = cx.builder.emit_one(self.clone(), &[x]);
                Ok(Batched { values: vec![value], dims: vec![BatchDim::NotMapped] })
            }
        }
    }

    fn lower(&self, _: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Err(UNBOUND)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Collective {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let read: fn(&Params) -> Result<CollectiveKind, TypeError> = match name {
            "psum" => |_| Ok(CollectiveKind::Sum),
            "pmax" => |_| Ok(CollectiveKind::Max),
            "pmin" => |_| Ok(CollectiveKind::Min),
            "axis_index" => |_| Ok(CollectiveKind::AxisIndex),
            "all_gather" => |params| {
                let (size, tiled) = (params.size("axis_size")?, params.bool("tiled")?);
                Ok(CollectiveKind::AllGather { dimension: params.size("all_gather_dimension")?, size, tiled })
            },
            "reduce_scatter" => |params| {
                let (size, tiled) = (params.size("axis_size")?, params.bool("tiled")?);
                Ok(CollectiveKind::SumScatter { dimension: params.size("scatter_dimension")?, size, tiled })
            },
            "ppermute" => |params| {
                let pair =
                    |(from, to): (i64, i64)| Some((usize::try_from(from).ok()?, usize::try_from(to).ok()?));
                let pairs: Option<Vec<_>> = params.pairs("perm")?.into_iter().map(pair).collect();
                Ok(CollectiveKind::Permute {
                    pairs: pairs.ok_or(TypeError::new("perm: a lane is below zero"))?,
                })
            },
            "all_to_all" => |params| {
                let (split, concat) = (params.size("split_axis")?, params.size("concat_axis")?);
                Ok(CollectiveKind::AllToAll { split, concat, tiled: params.bool("tiled")? })
            },
            _ => return None,
        };
        Some(axis_name(params).and_then(|axis| Ok(Collective { kind: read(params)?, axis, is_bound: false })))
    }

    fn samples() -> Vec<Sample> {
        let x = || vec![Tensor::from_f64s(DType::F32, [2, 3], &[1.0, -2.0, 0.5, 3.0, 4.0, -1.0])];
        let kinds = [
            CollectiveKind::Sum,
            CollectiveKind::Max,
            CollectiveKind::Min,
            CollectiveKind::AllGather { dimension: 1, size: 2, tiled: false },
            CollectiveKind::Permute { pairs: vec![(0, 1)] },
            CollectiveKind::SumScatter { dimension: 0, size: 2, tiled: false },
            CollectiveKind::AllToAll { split: 0, concat: 1, tiled: false },
        ];
        let mut samples: Vec<Sample> =
            kinds.map(|kind| Sample::new(Collective::over("i", kind), x())).to_vec();
        samples.push(Sample::new(Collective::over("i", CollectiveKind::AxisIndex), vec![]));
        samples
    }
}

/// The one name under `axes` or `axis_name`. Errors: TypeError if there are several, or groups of lanes.
fn axis_name(params: &Params) -> Result<String, TypeError> {
    if params.get("axis_index_groups").is_some() {
        return Err(TypeError::new("groups of an axis (axis_index_groups) are not supported"));
    }
    let value = params.get("axes").map_or_else(|| params.require("axis_name"), Ok)?;
    match value {
        Value::Name(name) | Value::Str(name) => Ok(name.clone()),
        Value::Tuple(names) => match &names[..] {
            [Value::Name(name) | Value::Str(name)] => Ok(name.clone()),
            _ => Err(TypeError(format!("expected one name of an axis, found {value}"))),
        },
        _ => Err(TypeError(format!("expected the name of an axis, found {value}"))),
    }
}

/// The program with its operations over the axis called `name` marked as bound by the `vmap` that comes next.
///
/// Errors: those of operations with bodies that cannot be mapped.
pub fn bound(program: &Program, name: &str) -> Result<Program, Diagnostic> {
    let mut program = program.clone();
    for eqn in &mut program.equations {
        let op = match (&eqn.op, eqn.op.nested()) {
            (Op::Collective(op), _) if op.axis == name => Collective { is_bound: true, ..op.clone() }.into(),
            (_, Some(nested)) => nested.map_bodies(&mut |body| bound(body, name))?,
            (_, None) => continue,
        };
        eqn.op = op;
    }
    Ok(program)
}

/// Does the operation depend on the lane although no operand does: is it, or does it hold, one over the bound axis?
pub fn is_over_batch(op: &Op) -> bool {
    match op {
        Op::Collective(op) => op.is_bound,
        _ => op.nested().is_some_and(|nested| {
            nested.bodies().iter().any(|body| body.equations.iter().any(|eqn| is_over_batch(&eqn.op)))
        }),
    }
}
