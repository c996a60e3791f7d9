//! Windows that slide over arrays: pooling, its derivatives, and folds with a body of their own.

mod general;
mod reduce;
mod select;
#[cfg(test)]
mod tests;

pub use general::WindowFold;
pub(in crate::ops) use general::{last_of_greatest, one_operation};
pub use reduce::{WindowKind, WindowReduce};
pub use select::{Keep, SelectAndGather, SelectAndScatter};

use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params, Value};
use crate::loops::nests::window::WindowAxis;
use crate::ops::shape::Pad;
use crate::types::{Aval, DType, Literal, Shape, Tensor};

/// A window over all axes of an array.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Window(pub Vec<WindowAxis>);

impl Window {
    /// The parameters of the text; without dilations where the text has none.
    fn parse(params: &Params) -> Result<Window, TypeError> {
        let extents = params.sizes("window_dimensions")?;
        let (strides, padding) = (params.sizes("window_strides")?, params.pairs("padding")?);
        let dilation = |key| match params.get(key) {
            Some(_) => params.sizes(key),
            None => Ok(vec![1; extents.len()]),
        };
        let (base, window) = (dilation("base_dilation")?, dilation("window_dilation")?);
        let counts = [
            ("window_strides", strides.len()),
            ("padding", padding.len()),
            ("base_dilation", base.len()),
            ("window_dilation", window.len()),
        ];
        if let Some((key, count)) = counts.into_iter().find(|(_, count)| *count != extents.len()) {
            let expected = extents.len();
            return Err(TypeError(format!(
                "{key}: expected {expected} entries, as window_dimensions has, found {count}"
            )));
        }
        let axis = |at: usize| WindowAxis {
            extent: extents[at],
            stride: strides[at],
            padding: padding[at],
            base_dilation: base[at],
            window_dilation: window[at],
        };
        Ok(Window((0..extents.len()).map(axis).collect()))
    }

    /// Adds the parameters of the text to others, in JAX's order, which is that of the keys.
    fn params(&self, others: Params, has_dilations: bool) -> Params {
        let list = |of: fn(&WindowAxis) -> usize| Value::tuple(self.0.iter().map(of));
        let padding = Value::tuple(self.0.iter().map(|axis| Value::tuple([axis.padding.0, axis.padding.1])));
        let mut params = others
            .with("padding", padding)
            .with("window_dimensions", list(|axis| axis.extent))
            .with("window_strides", list(|axis| axis.stride));
        if has_dilations {
            params = params
                .with("base_dilation", list(|axis| axis.base_dilation))
                .with("window_dilation", list(|axis| axis.window_dilation));
        }
        params.0.sort_by(|(x, _), (y, _)| x.cmp(y));
        params
    }

    /// The extents of the result: the places of the window. Errors: TypeError if the window does not fit the operand.
    fn places(&self, operand: &Aval) -> Result<Shape, TypeError> {
        if self.0.len() != operand.rank() {
            let count = self.0.len();
            return Err(TypeError(format!(
                "window_dimensions: expected one entry per axis of {operand}, found {count}"
            )));
        }
        let place = |(at, axis): (usize, &WindowAxis)| {
            let all = [
                ("window_dimensions", axis.extent),
                ("window_strides", axis.stride),
                ("base_dilation", axis.base_dilation),
                ("window_dilation", axis.window_dilation),
            ];
            if let Some((what, _)) = all.iter().find(|(_, step)| *step == 0) {
                return Err(TypeError(format!("{what} of axis {at}: expected at least 1, found 0")));
            }
            let places = axis.places(operand.shape[at]);
            places.ok_or_else(|| TypeError(format!("the window over axis {at} of {operand} is too large")))
        };
        self.0.iter().enumerate().map(place).collect()
    }

    /// The same window over one more axis, one position after the other.
    fn inserted(&self, axis: usize) -> Window {
        let mut axes = self.0.clone();
        axes.insert(axis, WindowAxis::UNIT);
        Window(axes)
    }

    /// Does the window reach padding or holes?
    fn leaves(&self, operand: &Shape, places: &Shape) -> bool {
        let extents = operand.extents().iter().zip(places.extents());
        self.0.iter().zip(extents).any(|(axis, (&extent, &places))| axis.leaves(extent, places))
    }

    /// The positions of the operand that lie under the window at a place, in row-major order; `None` for padding and
    /// holes.
    fn sources(&self, operand: &Shape, place: &[usize]) -> Vec<Option<Vec<usize>>> {
        let offsets: Shape = self.0.iter().map(|axis| axis.extent).collect();
        let source = |offset: Vec<usize>| {
            let along = |axis: usize| self.0[axis].source(operand[axis], place[axis], offset[axis]);
            (0..place.len()).map(along).collect()
        };
        offsets.indices().map(source).collect()
    }

    /// A copy of an array with its padding and holes, filled; and the window that slides over the copy.
    fn over_copy(&self, b: &mut Builder, operand: Atom, fill: Literal) -> (Atom, Window) {
        let config =
            self.0.iter().map(|axis| (axis.padding.0, axis.padding.1, axis.base_dilation as i64 - 1));
        let copy = b.emit_one(Pad { config: config.collect() }, &[operand, fill.into()]);
        let inside = |axis: &WindowAxis| WindowAxis { padding: (0, 0), base_dilation: 1, ..*axis };
        (copy, Window(self.0.iter().map(inside).collect()))
    }
}

/// Windows for samples, with the operands they slide over.
#[rustfmt::skip]
fn sample_windows() -> Vec<(Window, Vec<usize>)> {
    let axis = |extent, stride, padding, base_dilation, window_dilation| WindowAxis {
        extent, stride, padding, base_dilation, window_dilation,
    };
    let window = |axes: &[WindowAxis], shape: &[usize]| (Window(axes.to_vec()), shape.to_vec());
    vec![
        window(&[], &[]),
        window(&[axis(2, 1, (0, 0), 1, 1)], &[5]),
        window(&[axis(3, 2, (1, 1), 1, 1)], &[7]),
        window(&[axis(2, 1, (-1, 2), 1, 2)], &[7]),
        window(&[axis(2, 3, (1, 0), 2, 1)], &[5]),
        window(&[axis(2, 2, (0, 1), 1, 1), axis(3, 1, (1, 1), 1, 1)], &[4, 5]),
        window(&[axis(1, 2, (0, 0), 1, 1), axis(2, 1, (2, 0), 3, 2)], &[3, 3]),
        window(&[axis(1, 1, (0, 0), 1, 1), axis(2, 2, (0, 0), 1, 1), axis(1, 1, (0, 0), 1, 1)], &[1, 4, 5]),
        window(&[axis(2, 1, (0, 0), 1, 1)], &[0]),
        window(&[axis(2, 1, (2, 1), 1, 1)], &[0]),
        window(&[axis(3, 1, (0, 0), 1, 1)], &[2]),
    ]
}

/// Values without ties along any window of the samples.
fn sample_tensor(dtype: DType, shape: &[usize]) -> Tensor {
    let count = shape.iter().product::<usize>();
    let values = (0..count).map(|i| match dtype {
        DType::Bool => (i * i % 3) as f64,
        _ => ((i * 7 + 3) % 23) as f64 * 0.5 - if dtype.is_signed() || dtype.is_float() { 4.0 } else { 0.0 },
    });
    Tensor::from_f64s(dtype, shape, &values.collect::<Vec<f64>>())
}
