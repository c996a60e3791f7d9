//! `conv_general_dilated`: convolutions of every layout, and their derivatives, which are convolutions too.
//!
//! # Note: transposes
//! With m for the batch, j for the features of the lhs, k for those of the result and g for groups, a convolution
//! contracts `[m, j] [j, k] -> [m, k]`, and its cotangents are `[m, k] [k, j] -> [m, j]` and `[j, m] [m, k] -> [j, k]`.
//! With feature groups, `[m, gj] [j, gk] -> [m, gk]`, the lhs needs feature groups again and the rhs batch groups:
//! `[gj, m] [m, gk] -> [j, gk]`. With batch groups, `[gm, j] [j, gk] -> [m, gk]`, both need feature groups.

mod samples;
#[cfg(test)]
mod tests;

use super::{accumulator, add_product, round_to, zero};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params, Value};
use crate::loops::nests::convolve::{Groups, Layout, convolve};
use crate::loops::nests::window::WindowAxis;
use crate::ops::rules::*;
use crate::ops::shape::{Pad, PermutedReshape, Rev};
use crate::types::{Aval, DType, Kind, Shape, Tensor};

/// Shapes: lhs [batch, lhs feature, spatial..], rhs [result feature, lhs feature / groups, window..] in any order of
/// axes -> [batch, result feature, places..].
///
/// Source: JAX lax.conv_general_dilated; StableHLO spec, convolution.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Convolution {
    pub layout: ConvolutionLayout,
    /// One per spatial axis.
    pub steps: Vec<Steps>,
    pub feature_groups: usize,
    pub batch_groups: usize,
    /// Only text: every precision is computed at the full one.
    pub precision: Value,
    /// The dtype of the result; `None` is the operands'.
    pub preferred: Option<DType>,
}

/// Which axis means what: batch, feature, then the spatial ones; for the rhs: result feature, lhs feature, then the
/// spatial ones.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ConvolutionLayout {
    pub lhs: Vec<usize>,
    pub rhs: Vec<usize>,
    pub result: Vec<usize>,
}

/// How the window moves along one spatial axis: a [`WindowAxis`] without the extent that the rhs gives it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Steps {
    pub stride: usize,
    pub padding: (i64, i64),
    pub lhs_dilation: usize,
    pub rhs_dilation: usize,
}

impl Steps {
    /// One place after the other, without padding.
    pub const UNIT: Steps = Steps { stride: 1, padding: (0, 0), lhs_dilation: 1, rhs_dilation: 1 };

    fn window(&self, extent: usize) -> WindowAxis {
        WindowAxis {
            extent,
            stride: self.stride,
            padding: self.padding,
            base_dilation: self.lhs_dilation,
            window_dilation: self.rhs_dilation,
        }
    }
}

impl Convolution {
    /// A convolution in the layout `NC.. OI.. NC..`, without groups.
    pub fn plain(steps: &[Steps]) -> Self {
        let axes: Vec<usize> = (0..steps.len() + 2).collect();
        Convolution {
            layout: ConvolutionLayout { lhs: axes.clone(), rhs: axes.clone(), result: axes },
            steps: steps.to_vec(),
            feature_groups: 1,
            batch_groups: 1,
            precision: Value::None,
            preferred: None,
        }
    }

    fn window(&self, rhs: &Shape) -> Vec<WindowAxis> {
        let extents = self.layout.rhs[2..].iter().map(|&axis| rhs[axis]);
        self.steps.iter().zip(extents).map(|(steps, extent)| steps.window(extent)).collect()
    }

    fn check(&self, lhs: &Aval, rhs: &Aval) -> Result<(), TypeError> {
        let rank = self.steps.len() + 2;
        for (what, operand) in [("lhs", lhs), ("rhs", rhs)] {
            if operand.rank() != rank {
                return Err(TypeError(format!("{what}: expected rank {rank}, found {operand}")));
            }
        }
        let layout = &self.layout;
        for (what, axes) in
            [("lhs_spec", &layout.lhs), ("rhs_spec", &layout.rhs), ("out_spec", &layout.result)]
        {
            let mut sorted = axes.clone();
            sorted.sort_unstable();
            if !sorted.into_iter().eq(0..rank) {
                return Err(TypeError(format!(
                    "{what}: expected each axis below {rank} once, found {axes:?}"
                )));
            }
        }
        self.check_groups(&lhs.shape, &rhs.shape)?;
        for (axis, steps) in self.steps.iter().enumerate() {
            let all = [
                ("window_strides", steps.stride),
                ("lhs_dilation", steps.lhs_dilation),
                ("rhs_dilation", steps.rhs_dilation),
                ("window", rhs.shape[layout.rhs[2 + axis]]),
            ];
            if let Some((what, _)) = all.iter().find(|(_, step)| *step == 0) {
                return Err(TypeError(format!(
                    "{what} of spatial axis {axis}: expected at least 1, found 0"
                )));
            }
        }
        Ok(())
    }

    fn check_groups(&self, lhs: &Shape, rhs: &Shape) -> Result<(), TypeError> {
        let Convolution { layout, feature_groups, batch_groups, .. } = self;
        let divides = |what: &str, groups: usize, of: &str, extent: usize| {
            if groups > 0 && extent.is_multiple_of(groups) {
                return Ok(());
            }
            Err(TypeError(format!("{what}: expected a divisor of {extent}, the {of}, found {groups}")))
        };
        let (batch, features) = (lhs[layout.lhs[0]], lhs[layout.lhs[1]]);
        let (result_features, expected) = (rhs[layout.rhs[0]], rhs[layout.rhs[1]]);
        divides("feature_group_count", *feature_groups, "features of the lhs", features)?;
        divides("feature_group_count", *feature_groups, "features of the result", result_features)?;
        divides("batch_group_count", *batch_groups, "batch of the lhs", batch)?;
        divides("batch_group_count", *batch_groups, "features of the result", result_features)?;
        if *feature_groups > 1 && *batch_groups > 1 {
            return Err(TypeError(format!(
                "expected feature_group_count or batch_group_count to be 1, found {feature_groups} and {batch_groups}"
            )));
        }
        if features / feature_groups == expected {
            return Ok(());
        }
        Err(TypeError(format!(
            "expected {expected} features of the lhs per group, as the rhs has, found {features} in {feature_groups} groups"
        )))
    }

    fn result_shape(&self, lhs: &Shape, rhs: &Shape) -> Result<Shape, TypeError> {
        let layout = &self.layout;
        let mut extents = vec![0; lhs.rank()];
        extents[layout.result[0]] = lhs[layout.lhs[0]] / self.batch_groups;
        extents[layout.result[1]] = rhs[layout.rhs[0]];
        for (axis, window) in self.window(rhs).into_iter().enumerate() {
            let extent = lhs[layout.lhs[2 + axis]];
            let found = || format!("spatial axis {axis} of extent {extent} padded by {:?}", window.padding);
            match (window.padded(extent), window.places(extent)) {
                (Some(0..), Some(places)) => extents[layout.result[2 + axis]] = places,
                (Some(padded), Some(_)) => {
                    return Err(TypeError(format!("{} has extent {padded}", found())));
                }
                (_, _) => return Err(TypeError(format!("{} is too large", found()))),
            }
        }
        Ok(extents.into())
    }

    fn result_dtype(&self, operands: &[Aval]) -> Result<DType, TypeError> {
        let dtype = expect_same_dtype(operands)?;
        let numbers = [Kind::Bool, Kind::Signed, Kind::Unsigned, Kind::Float, Kind::Complex];
        expect_kind(&operands[0], &numbers)?;
        let Some(preferred) = self.preferred else { return Ok(dtype) };
        let (kind, wanted) = (dtype.kind(), preferred.kind());
        let fits = match kind {
            Kind::Signed => matches!(wanted, Kind::Signed | Kind::Float),
            Kind::Unsigned => matches!(wanted, Kind::Signed | Kind::Unsigned | Kind::Float),
            Kind::Float | Kind::Complex => wanted == kind,
            Kind::Bool => true,
            Kind::Key | Kind::Float0 => false,
        };
        if fits && preferred.bits() >= dtype.bits() {
            return Ok(preferred);
        }
        Err(TypeError(format!(
            "preferred_element_type: expected a dtype of the kind of {dtype} and no narrower, found {preferred}"
        )))
    }
}

impl Primitive for Convolution {
    fn name(&self) -> &str {
        "conv_general_dilated"
    }

    fn params(&self) -> Params {
        let ConvolutionLayout { lhs, rhs, result } = &self.layout;
        let specs = [("lhs_spec", lhs), ("rhs_spec", rhs), ("out_spec", result)];
        let fields = specs.map(|(key, axes)| (Some(key.to_string()), Value::from(axes.as_slice())));
        let list = |of: fn(&Steps) -> usize| Value::tuple(self.steps.iter().map(of));
        let padding = self.steps.iter().map(|steps| Value::tuple([steps.padding.0, steps.padding.1]));
        Params::new()
            .with("batch_group_count", self.batch_groups)
            .with("dimension_numbers", Value::Record("ConvDimensionNumbers".to_string(), fields.to_vec()))
            .with("feature_group_count", self.feature_groups)
            .with("lhs_dilation", list(|steps| steps.lhs_dilation))
            .with("out_sharding", Value::None)
            .with("padding", Value::tuple(padding))
            .with("precision", self.precision.clone())
            .with("preferred_element_type", self.preferred)
            .with("rhs_dilation", list(|steps| steps.rhs_dilation))
            .with("window_strides", list(|steps| steps.stride))
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 2)?;
        let dtype = self.result_dtype(operands)?;
        self.check(&operands[0], &operands[1])?;
        Ok(vec![Aval::new(dtype, self.result_shape(&operands[0].shape, &operands[1].shape)?)])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let (lhs, rhs) = (&operands[0], &operands[1]);
        let avals = [lhs.aval().clone(), rhs.aval().clone()];
        let result = self.infer(&avals).expect("operands have the inferred types").remove(0);
        let accumulator = accumulator(lhs.dtype(), rhs.dtype(), result.dtype);
        let (layout, window) = (&self.layout, self.window(rhs.shape()));
        let features = rhs.shape()[layout.rhs[1]];
        let offsets: Shape = window.iter().map(|axis| axis.extent).collect();
        let group_features = rhs.shape()[layout.rhs[0]] / (self.feature_groups * self.batch_groups);
        let (dtype, batch) = (result.dtype, result.shape[layout.result[0]]);
        Ok(vec![Tensor::from_fn(result, |index| {
            let of_result = |axis: usize| index[layout.result[axis]];
            let group = of_result(1) / group_features;
            let lhs_batch = of_result(0) + if self.batch_groups > 1 { group * batch } else { 0 };
            let first_feature = if self.feature_groups > 1 { group * features } else { 0 };
            let mut sum = zero(accumulator);
            for feature in 0..features {
                for offset in offsets.indices() {
                    let (mut at, mut weight) = (vec![0; index.len()], vec![0; index.len()]);
                    (at[layout.lhs[0]], at[layout.lhs[1]]) = (lhs_batch, first_feature + feature);
                    (weight[layout.rhs[0]], weight[layout.rhs[1]]) = (of_result(1), feature);
                    let mut inside = true;
                    for (axis, window) in window.iter().enumerate() {
                        let extent = lhs.shape()[layout.lhs[2 + axis]];
                        let source = window.source(extent, of_result(2 + axis), offset[axis]);
                        inside &= source.is_some();
                        at[layout.lhs[2 + axis]] = source.unwrap_or(0);
                        weight[layout.rhs[2 + axis]] = offset[axis];
                    }
                    // Padding and holes are zeros: times infinity, they are NaN.
                    let x = if inside { lhs.get(&at) } else { zero(lhs.dtype()) };
                    sum = add_product(accumulator, sum, x, rhs.get(&weight));
                }
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
        let mut results = zero_cotangents(cx, operands);
        let Some(ct) = cotangents[0].value() else { return Ok(results) };
        match (&operands[0], &operands[1]) {
            (Operand::Linear(lhs), Operand::Known(rhs)) => {
                results[0] = Tangent::Value(self.lhs_cotangent(cx.builder, ct, lhs, *rhs));
            }
            (Operand::Known(lhs), Operand::Linear(rhs)) => {
                // Without elements in the result, the rhs does not matter; its convolution would have no window.
                if cx.builder.aval(ct).shape.element_count() > 0 {
                    results[1] = Tangent::Value(self.rhs_cotangent(cx.builder, ct, *lhs, rhs));
                }
            }
            (Operand::Linear(_), Operand::Linear(_)) => {
                return Err(NoRule::ByDesign("not linear in both operands together"));
            }
            (Operand::Known(_), Operand::Known(_)) => {}
        }
        Ok(results)
    }

    /// The batch becomes part of an axis that the convolution has anyway: of the lhs alone, of its batch; of the rhs
    /// alone, of the result's features; of both, groups.
    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let extent = cx.extent;
        if extent == 0 {
            return self.batch_of_nothing(cx, operands, dims);
        }
        let (b, layout, mut op) = (&mut *cx.builder, &self.layout, self.clone());
        let is_grouped = self.feature_groups * self.batch_groups > 1;
        let (value, axis) = match (dims[0].axis(), dims[1].axis()) {
            (Some(lhs), Some(rhs)) => {
                let by_batch = self.batch_groups > 1;
                *(if by_batch { &mut op.batch_groups } else { &mut op.feature_groups }) *= extent;
                let into = layout.lhs[usize::from(!by_batch)];
                let lhs = merge_axis(b, operands[0], lhs, into);
                let rhs = merge_axis(b, operands[1], rhs, layout.rhs[0]);
                let value = b.emit_one(op, &[lhs, rhs]);
                (split_axis(b, value, layout.result[1], extent), layout.result[1])
            }
            (Some(lhs), None) => {
                let lhs = merge_inside(b, operands[0], lhs, layout.lhs[0], self.batch_groups);
                let value = b.emit_one(op, &[lhs, operands[1]]);
                (split_axis(b, value, layout.result[0], extent), layout.result[0])
            }
            (None, Some(rhs)) => {
                let (groups, axis) = (self.feature_groups * self.batch_groups, layout.result[1]);
                let rhs = merge_inside(b, operands[1], rhs, layout.rhs[0], groups);
                let value = b.emit_one(op, &[operands[0], rhs]);
                if is_grouped {
                    // Its features are [groups, batch, rest].
                    let value = split_axis(b, value, axis, groups);
                    let value = split_axis(b, value, axis + 1, extent);
                    (merge_axis(b, value, axis, axis + 1), axis)
                } else {
                    (split_axis(b, value, axis, extent), axis)
                }
            }
            (None, None) => unreachable!("at least one dim is mapped"),
        };
        Ok(Batched { values: vec![value], dims: vec![BatchDim::Axis(axis)] })
    }

    /// Padding and holes become part of a copy of the lhs, so that nothing has to be checked in the innermost loop.
    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let [lhs, rhs] = operands else { unreachable!("the operands were inferred") };
        let window = self.window(&rhs.shape);
        let leaves = |(axis, window): (usize, &WindowAxis)| {
            let places = results[0].shape[self.layout.result[2 + axis]];
            window.leaves(lhs.shape[self.layout.lhs[2 + axis]], places)
        };
        if window.iter().enumerate().any(leaves) {
            return Ok(Lowering::Expand(self.over_padded_copy(operands)));
        }
        let accumulator = accumulator(lhs.dtype, rhs.dtype, results[0].dtype);
        let layout = Layout { lhs: &self.layout.lhs, rhs: &self.layout.rhs, result: &self.layout.result };
        let groups = Groups { feature: self.feature_groups, batch: self.batch_groups };
        Ok(Lowering::Nests(vec![convolve(&window, layout, groups, [lhs, rhs], &results[0], accumulator)]))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Convolution {
    fn over_padded_copy(&self, operands: &[Aval]) -> crate::ir::Program {
        let mut b = Builder::new();
        let [lhs, rhs] = [0, 1].map(|operand| Atom::from(b.input(operands[operand].clone())));
        let mut config = vec![(0, 0, 0); operands[0].rank()];
        for (steps, &axis) in self.steps.iter().zip(&self.layout.lhs[2..]) {
            config[axis] = (steps.padding.0, steps.padding.1, steps.lhs_dilation as i64 - 1);
        }
        let zero = b.constant_like(lhs, 0.0);
        let padded = b.emit_one(Pad { config }, &[lhs, zero]);
        let inside = |steps: &Steps| Steps { padding: (0, 0), lhs_dilation: 1, ..*steps };
        let op = Convolution { steps: self.steps.iter().map(inside).collect(), ..self.clone() };
        let result = b.emit_one(op, &[padded, rhs]);
        b.finish(vec![result])
    }

    fn batch_of_nothing(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let own = |(&atom, dim): (&Atom, &BatchDim)| {
            let aval = cx.builder.aval(atom);
            aval.with_shape(aval.shape.without(dim.axis().as_slice()))
        };
        let avals: Vec<Aval> = operands.iter().zip(dims).map(own).collect();
        let result = self.infer(&avals).expect("one member of the batch was inferred").remove(0);
        Ok(Batched::leading(cx.builder.full(result.dtype, &result.shape.inserted(0, 0), 0.0)))
    }

    /// Convolves the cotangent with the rhs turned around. See Note: transposes.
    fn lhs_cotangent(&self, b: &mut Builder, ct: Atom, lhs: &Aval, rhs: Atom) -> Atom {
        let ConvolutionLayout { lhs: lhs_spec, rhs: rhs_spec, result: result_spec } = &self.layout;
        let (result, rhs_shape) = (b.aval(ct), b.aval(rhs).shape);
        let groups = self.feature_groups * self.batch_groups;
        let mut rhs = b.convert(rhs, result.dtype);
        if groups > 1 {
            // The groups go from the features of the result to those of the operand.
            rhs = split_axis(b, rhs, rhs_spec[0], groups);
            rhs = merge_axis(b, rhs, rhs_spec[0], rhs_spec[1]);
        }
        let rhs = b.emit_one(Rev { axes: rhs_spec[2..].to_vec() }, &[rhs]);
        let steps = self.window(&rhs_shape).into_iter().enumerate().map(|(axis, window)| {
            let back = window.transposed(lhs.shape[lhs_spec[2 + axis]], result.shape[result_spec[2 + axis]]);
            Steps {
                stride: back.stride,
                padding: back.padding,
                lhs_dilation: back.base_dilation,
                rhs_dilation: back.window_dilation,
            }
        });
        let op = Convolution {
            layout: ConvolutionLayout {
                lhs: result_spec.clone(),
                rhs: exchanged(rhs_spec),
                result: lhs_spec.clone(),
            },
            steps: steps.collect(),
            feature_groups: groups,
            batch_groups: 1,
            ..self.clone()
        };
        let mut value = b.emit_one(op, &[ct, rhs]);
        if self.batch_groups > 1 {
            value = split_axis(b, value, lhs_spec[1], self.batch_groups);
            value = merge_axis(b, value, lhs_spec[1], lhs_spec[0]);
        }
        b.convert(value, lhs.dtype)
    }

    /// Convolves the lhs with the cotangent. See Note: transposes.
    fn rhs_cotangent(&self, b: &mut Builder, ct: Atom, lhs: Atom, rhs: &Aval) -> Atom {
        let layout = &self.layout;
        let (result, lhs_shape) = (b.aval(ct), b.aval(lhs).shape);
        let lhs = b.convert(lhs, result.dtype);
        let steps = self.window(&rhs.shape).into_iter().enumerate().map(|(axis, window)| {
            let extent = lhs_shape[layout.lhs[2 + axis]];
            let spread = |extent: usize, step: usize| {
                let unpadded = WindowAxis { base_dilation: step, ..WindowAxis::UNIT };
                unpadded.padded(extent).expect("the extents of the convolution were inferred")
            };
            let (places, before) = (result.shape[layout.result[2 + axis]], window.padding.0);
            let room = spread(places, window.stride) - spread(extent, window.base_dilation);
            let after = room + spread(window.extent, window.window_dilation) - 1 - before;
            Steps {
                stride: window.window_dilation,
                padding: (before, after),
                lhs_dilation: window.base_dilation,
                rhs_dilation: window.stride,
            }
        });
        let op = Convolution {
            layout: ConvolutionLayout {
                lhs: exchanged(&layout.lhs),
                rhs: exchanged(&layout.result),
                result: exchanged(&layout.rhs),
            },
            steps: steps.collect(),
            feature_groups: self.batch_groups,
            batch_groups: self.feature_groups,
            ..self.clone()
        };
        let value = b.emit_one(op, &[lhs, ct]);
        b.convert(value, rhs.dtype)
    }
}

/// The layout with its first two axes exchanged.
fn exchanged(spec: &[usize]) -> Vec<usize> {
    let mut spec = spec.to_vec();
    spec.swap(0, 1);
    spec
}

/// Makes axis `from` the outer part of another one, which is axis `into` once `from` is gone.
fn merge_axis(b: &mut Builder, x: Atom, from: usize, into: usize) -> Atom {
    let shape = b.aval(x).shape;
    let mut permutation: Vec<usize> = (0..shape.rank()).filter(|&axis| axis != from).collect();
    permutation.insert(into, from);
    let mut extents = shape.without(&[from]).extents().to_vec();
    extents[into] *= shape[from];
    b.emit_one(PermutedReshape { permutation, shape: extents.into() }, &[x])
}

/// [`merge_axis`], but inside of `groups`, which are the outermost part of the axis.
fn merge_inside(b: &mut Builder, x: Atom, from: usize, into: usize, groups: usize) -> Atom {
    if groups == 1 {
        return merge_axis(b, x, from, into);
    }
    let grouped = split_axis(b, x, into + usize::from(from <= into), groups);
    let merged = merge_axis(b, grouped, from + usize::from(into < from), into + 1);
    merge_axis(b, merged, into, into)
}

/// Splits an axis in two, the first of extent `outer`.
fn split_axis(b: &mut Builder, x: Atom, axis: usize, outer: usize) -> Atom {
    let mut extents = b.aval(x).shape.extents().to_vec();
    extents[axis] /= outer;
    extents.insert(axis, outer);
    b.reshape(x, extents)
}

impl Family for Convolution {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "conv_general_dilated").then(|| {
            let layout = parse_layout(params.require("dimension_numbers")?)?;
            let strides = params.sizes("window_strides")?;
            let padding = params.pairs("padding")?;
            let dilations = [params.sizes("lhs_dilation")?, params.sizes("rhs_dilation")?];
            let counts = [padding.len(), dilations[0].len(), dilations[1].len(), layout.lhs.len().saturating_sub(2)];
            if counts.iter().any(|&count| count != strides.len()) {
                return Err(TypeError(format!(
                    "expected {} entries per spatial axis, as window_strides has, in padding, lhs_dilation, rhs_dilation and dimension_numbers, found {counts:?}",
                    strides.len()
                )));
            }
            let steps = (0..strides.len()).map(|axis| Steps {
                stride: strides[axis],
                padding: padding[axis],
                lhs_dilation: dilations[0][axis],
                rhs_dilation: dilations[1][axis],
            });
            let preferred =
                params.get("preferred_element_type").map(|_| params.dtype("preferred_element_type"));
            Ok(Convolution {
                steps: steps.collect(),
                layout,
                feature_groups: params.size("feature_group_count")?,
                batch_groups: params.size("batch_group_count")?,
                precision: params.get("precision").cloned().unwrap_or(Value::None),
                preferred: preferred.transpose()?,
            })
        })
    }

    fn samples() -> Vec<Sample> {
        samples::all()
    }
}

fn parse_layout(numbers: &Value) -> Result<ConvolutionLayout, TypeError> {
    let spec = |key, position| numbers.field(key, position).and_then(Value::sizes);
    match (spec("lhs_spec", 0), spec("rhs_spec", 1), spec("out_spec", 2)) {
        (Some(lhs), Some(rhs), Some(result)) => Ok(ConvolutionLayout { lhs, rhs, result }),
        _ => Err(TypeError(format!(
            "parameter dimension_numbers: expected ConvDimensionNumbers(lhs_spec=.., rhs_spec=.., out_spec=..), found {numbers}"
        ))),
    }
}
