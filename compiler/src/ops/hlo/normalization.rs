//! Normalization over a batch, which is made of simpler operations.
//!
//! Source: StableHLO spec, batch_norm_inference, batch_norm_training, batch_norm_grad.

use crate::diag::Diagnostic;
use crate::hlo::Attribute;
use crate::ir::{Atom, Builder};
use crate::ops::elementwise::UnaryKind;
use crate::ops::rules::hlo::{Import, Imported};
use crate::types::{Aval, Shape};

/// Reads a normalization.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    let result = match cx.stablehlo()? {
        "batch_norm_inference" => inference(cx, operands),
        "batch_norm_training" => training(cx, operands),
        "batch_norm_grad" => gradient(cx, operands),
        _ => return None,
    };
    Some(result)
}

/// What the three have in common.
struct Features {
    shape: Shape,
    axis: usize,
    epsilon: f64,
}

impl Features {
    /// Errors: the first operand has no such axis, one of the `vectors` has not one element per feature, or one of the
    /// `arrays` has another type than the first operand.
    fn of(cx: &Import, x: Atom, vectors: &[Atom], arrays: &[Atom]) -> Result<Features, Diagnostic> {
        let (x, axis) = (cx.builder.aval(x), cx.size("feature_index")?);
        let Some(&count) = x.shape.extents().get(axis) else {
            return Err(Diagnostic::error(format!("feature_index: {axis} is no axis of {x}")));
        };
        if !x.dtype.is_float() {
            return Err(Diagnostic::error(format!("expected floats, found {x}")));
        }
        let vector = Aval::new(x.dtype, [count]);
        for (expected, atoms) in [(&vector, vectors), (&x, arrays)] {
            for found in atoms.iter().map(|&atom| cx.builder.aval(atom)) {
                if found != *expected {
                    return Err(Diagnostic::error(format!("expected {expected}, found {found}")));
                }
            }
        }
        let epsilon = match cx.op.attributes.get("epsilon") {
            Some(Attribute::Float(bits, _)) => f64::from_bits(*bits),
            _ => return Err(cx.missing("epsilon", "a float")),
        };
        Ok(Features { shape: x.shape, axis, epsilon })
    }

    /// One number per feature, for every element.
    fn spread(&self, b: &mut Builder, vector: Atom) -> Atom {
        b.broadcast_in_dim(vector, self.shape.clone(), &[self.axis])
    }

    fn sum(&self, b: &mut Builder, x: Atom) -> Atom {
        let axes: Vec<usize> = (0..self.shape.rank()).filter(|&axis| axis != self.axis).collect();
        b.reduce_sum(x, &axes)
    }

    /// How many elements a feature has.
    fn count(&self) -> f64 {
        self.shape.without(&[self.axis]).element_count() as f64
    }

    fn mean(&self, b: &mut Builder, x: Atom) -> Atom {
        let sum = self.sum(b, x);
        let count = b.constant_like(x, self.count());
        b.div(sum, count)
    }

    fn centered(&self, b: &mut Builder, x: Atom, mean: Atom) -> Atom {
        let mean = self.spread(b, mean);
        b.sub(x, mean)
    }

    fn deviation(&self, b: &mut Builder, variance: Atom) -> Atom {
        let epsilon = b.constant_like(variance, self.epsilon);
        let variance = b.add(variance, epsilon);
        b.unary(UnaryKind::Sqrt, variance)
    }

    /// `(x - mean) / sqrt(variance + epsilon) * scale + offset`
    fn normalized(&self, b: &mut Builder, [x, scale, offset, mean, variance]: [Atom; 5]) -> Atom {
        let centered = self.centered(b, x, mean);
        let deviation = self.deviation(b, variance);
        let [deviation, scale, offset] = [deviation, scale, offset].map(|vector| self.spread(b, vector));
        let normalized = b.div(centered, deviation);
        let scaled = b.mul(scale, normalized);
        b.add(scaled, offset)
    }
}

fn inference(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let all: [Atom; 5] = cx.operands(operands)?;
    let features = Features::of(cx, all[0], &all[1..], &[])?;
    Ok(vec![features.normalized(cx.builder, all)])
}

/// The array, then mean and variance of each feature.
fn training(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [x, scale, offset] = cx.operands(operands)?;
    let features = Features::of(cx, x, &[scale, offset], &[])?;
    let b = &mut *cx.builder;
    let mean = features.mean(b, x);
    let centered = features.centered(b, x, mean);
    let squares = b.mul(centered, centered);
    let variance = features.mean(b, squares);
    Ok(vec![features.normalized(b, [x, scale, offset, mean, variance]), mean, variance])
}

/// The cotangents of the array, the scale and the offset.
fn gradient(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let [x, scale, mean, variance, ct] = cx.operands(operands)?;
    let features = Features::of(cx, x, &[scale, mean, variance], &[ct])?;
    let b = &mut *cx.builder;
    let centered = features.centered(b, x, mean);
    let deviation = features.deviation(b, variance);
    let product = b.mul(ct, centered);
    let (of_offset, of_product) = (features.sum(b, ct), features.sum(b, product));
    let of_scale = b.div(of_product, deviation);
    // What the mean and the variance of each feature take from the cotangent.
    let count = b.constant_like(x, features.count());
    let mean_ct = b.div(of_offset, count);
    let variance = b.mul(deviation, deviation);
    let slope = b.div(of_product, variance);
    let slope = b.div(slope, count);
    let factor = b.div(scale, deviation);
    let [mean_ct, slope, factor] = [mean_ct, slope, factor].map(|vector| features.spread(b, vector));
    let of_variance = b.mul(slope, centered);
    let rest = b.sub(ct, mean_ct);
    let rest = b.sub(rest, of_variance);
    Ok(vec![b.mul(factor, rest), of_scale, of_offset])
}
