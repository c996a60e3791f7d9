//! Matrix products and convolutions.

use super::windows::{padding, padding_attribute};
use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Value};
use crate::ir::{self, Atom};
use crate::ops::contraction::{Convolution, ConvolutionLayout, DotGeneral, Steps};
use crate::ops::rules::Rule;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::shape::Rev;

/// Reads a contraction.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    match cx.op.name.as_str() {
        "stablehlo.dot_general" => Some(dot_general(cx, operands)),
        "stablehlo.dot" => Some(dot(cx, operands)),
        "stablehlo.convolution" => {
            let padding = padding(cx, spatial_rank(cx));
            Some(padding.and_then(|padding| convolution(cx, operands, padding)))
        }
        "stablehlo.dynamic_conv" => Some(convolution_of_known(cx, operands)),
        _ => None,
    }
}

fn dot_general(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let numbers = cx.op.attributes.fields("dot_dimension_numbers");
    let numbers = numbers.ok_or_else(|| cx.missing("dot_dimension_numbers", "axes"))?;
    // Lists that are left out are empty.
    let axes = |name: &str| match numbers.get(name) {
        None => Ok(Vec::new()),
        Some(_) => numbers.sizes(name).ok_or_else(|| Diagnostic::error(format!("{name}: expected axes"))),
    };
    let op = DotGeneral {
        lhs_contract: axes("lhs_contracting_dimensions")?,
        rhs_contract: axes("rhs_contracting_dimensions")?,
        lhs_batch: axes("lhs_batching_dimensions")?,
        rhs_batch: axes("rhs_batching_dimensions")?,
        precision: precision(cx.op.attributes.get("precision_config")),
        preferred: Some(cx.result(0)?.dtype),
    };
    cx.emit(op, operands)
}

/// Products of vectors and matrices: the last axis of the left side with the first of the right.
fn dot(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [lhs, rhs] = cx.operands(operands)?;
    let last = cx.builder.aval(lhs).rank().saturating_sub(1);
    let op = DotGeneral::contracting(&[last], &[0]).preferring(cx.result(0)?.dtype);
    cx.emit(op, &[lhs, rhs])
}

/// What JAX prints for the same precision.
fn precision(config: Option<&Attribute>) -> ir::Value {
    let Some(Attribute::List(items)) = config else { return ir::Value::None };
    let words: Vec<&str> = items.iter().filter_map(Attribute::word).collect();
    if words.iter().all(|word| *word == "DEFAULT") {
        return ir::Value::None;
    }
    ir::Value::tuple(words.into_iter().map(|word| ir::Value::Name(word.to_string())))
}

/// The fields of dimension numbers for one array: the axes that are not spatial, in the order of [`ConvolutionLayout`],
/// then the spatial ones.
struct Fields {
    others: [&'static str; 2],
    spatial: &'static str,
}

const LHS: Fields = Fields {
    others: ["input_batch_dimension", "input_feature_dimension"],
    spatial: "input_spatial_dimensions",
};
const RHS: Fields = Fields {
    others: ["kernel_output_feature_dimension", "kernel_input_feature_dimension"],
    spatial: "kernel_spatial_dimensions",
};
const RESULT: Fields = Fields {
    others: ["output_batch_dimension", "output_feature_dimension"],
    spatial: "output_spatial_dimensions",
};

impl Fields {
    fn axes(&self, numbers: &Attributes) -> Option<Vec<usize>> {
        let [first, second] = self.others;
        Some([vec![numbers.size(first)?, numbers.size(second)?], numbers.sizes(self.spatial)?].concat())
    }

    fn set(&self, numbers: &mut Attributes, axes: &[usize]) {
        for (name, &axis) in self.others.iter().zip(axes) {
            numbers.set(name, Attribute::i64(axis as i64));
        }
        numbers.set(self.spatial, Attribute::numbers(axes[2..].iter().copied()));
    }
}

fn layout(numbers: &Attributes) -> Option<ConvolutionLayout> {
    Some(ConvolutionLayout {
        lhs: LHS.axes(numbers)?,
        rhs: RHS.axes(numbers)?,
        result: RESULT.axes(numbers)?,
    })
}

/// How many axes the window has.
fn spatial_rank(cx: &Import) -> usize {
    let layout = cx.op.attributes.fields("dimension_numbers").and_then(layout);
    layout.map_or(0, |layout| layout.rhs.len() - 2)
}

fn convolution_of_known(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [lhs, rhs, padding] = cx.operands(operands)?;
    let padding = cx.known_ints(padding)?;
    let pairs = padding.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    convolution(cx, &[lhs, rhs], pairs)
}

fn convolution(
    cx: &mut Import,
    operands: &[Atom],
    padding: Vec<(i64, i64)>,
) -> Result<Vec<Atom>, Diagnostic> {
    let [lhs, mut rhs] = cx.operands(operands)?;
    let layout = cx.op.attributes.fields("dimension_numbers").and_then(layout);
    let layout = layout.ok_or_else(|| cx.missing("dimension_numbers", "the axes of three arrays"))?;
    let steps = steps(cx, layout.rhs.len() - 2, padding)?;
    let reversal = cx.op.attributes.ints("window_reversal").unwrap_or_default();
    let reversed = layout.rhs[2..].iter().zip(reversal).filter(|(_, is_reversed)| *is_reversed != 0);
    let axes: Vec<usize> = reversed.map(|(&axis, _)| axis).collect();
    if !axes.is_empty() {
        rhs = cx.emit_one(Rev { axes }, &[rhs])?;
    }
    let op = Convolution {
        layout,
        steps,
        feature_groups: cx.op.attributes.size("feature_group_count").unwrap_or(1),
        batch_groups: cx.op.attributes.size("batch_group_count").unwrap_or(1),
        precision: precision(cx.op.attributes.get("precision_config")),
        preferred: Some(cx.result(0)?.dtype),
    };
    cx.emit(op, &[lhs, rhs])
}

/// How the window moves along each of the spatial axes.
fn steps(cx: &Import, count: usize, padding: Vec<(i64, i64)>) -> Result<Vec<Steps>, Diagnostic> {
    let ones = || vec![1; count];
    let strides = cx.sizes_or("window_strides", ones())?;
    let lhs_dilation = cx.sizes_or("lhs_dilation", ones())?;
    let rhs_dilation = cx.sizes_or("rhs_dilation", ones())?;
    if [strides.len(), lhs_dilation.len(), rhs_dilation.len(), padding.len()] != [count; 4] {
        return Err(Diagnostic::error(format!("expected a window over {count} axes, the spatial ones")));
    }
    let along = |axis: usize| Steps {
        stride: strides[axis],
        padding: padding[axis],
        lhs_dilation: lhs_dilation[axis],
        rhs_dilation: rhs_dilation[axis],
    };
    Ok((0..count).map(along).collect())
}

impl StableHlo for DotGeneral {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let numbers = |axes: &[usize]| Attribute::numbers(axes.iter().copied());
        let fields = Attributes::default()
            .with("lhs_batching_dimensions", numbers(&self.lhs_batch))
            .with("rhs_batching_dimensions", numbers(&self.rhs_batch))
            .with("lhs_contracting_dimensions", numbers(&self.lhs_contract))
            .with("rhs_contracting_dimensions", numbers(&self.rhs_contract));
        let attributes = Attributes::default()
            .with("dot_dimension_numbers", Attribute::Record("stablehlo.dot".into(), fields))
            .with("precision_config", precision_config(&self.precision));
        Ok(cx.same("stablehlo.dot_general", operands, attributes))
    }
}

impl StableHlo for Convolution {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let mut numbers = Attributes::default();
        LHS.set(&mut numbers, &self.layout.lhs);
        RHS.set(&mut numbers, &self.layout.rhs);
        RESULT.set(&mut numbers, &self.layout.result);
        let sizes = |part: fn(&Steps) -> usize| Attribute::numbers(self.steps.iter().map(part));
        let attributes = Attributes::default()
            .with("window_strides", sizes(|steps| steps.stride))
            .with("padding", padding_attribute(self.steps.iter().map(|steps| steps.padding)))
            .with("lhs_dilation", sizes(|steps| steps.lhs_dilation))
            .with("rhs_dilation", sizes(|steps| steps.rhs_dilation))
            .with("dimension_numbers", Attribute::Record("stablehlo.conv".into(), numbers))
            .with("feature_group_count", Attribute::i64(self.feature_groups as i64))
            .with("batch_group_count", Attribute::i64(self.batch_groups as i64))
            .with("precision_config", precision_config(&self.precision));
        Ok(cx.same("stablehlo.convolution", operands, attributes))
    }
}

/// The precisions of both operands.
fn precision_config(precision: &ir::Value) -> Attribute {
    let words = match precision {
        ir::Value::Tuple(words) if words.len() == 2 => {
            words.iter().map(|word| precision_word(&word.to_string())).collect()
        }
        ir::Value::None => vec!["DEFAULT"; 2],
        one => vec![precision_word(&one.to_string()); 2],
    };
    Attribute::List(words.into_iter().map(|word| Attribute::stablehlo("precision", word)).collect())
}

fn precision_word(name: &str) -> &'static str {
    ["HIGHEST", "HIGH"].into_iter().find(|word| name.to_uppercase().contains(word)).unwrap_or("DEFAULT")
}
