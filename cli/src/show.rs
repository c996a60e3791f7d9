//! Arrays for people: nested lists, abbreviated when large.

use rjaxc_compiler::types::{Literal, Tensor};

/// Up to this many elements are printed in full.
const FULL: usize = 1000;

/// How many elements stand at each end of an abbreviated axis.
const EDGE: usize = 3;

/// The elements as nested lists; `...` stands for the middle of long axes of large arrays.
pub fn array(tensor: &Tensor) -> String {
    let mut text = String::new();
    let edge = if tensor.shape().element_count() > FULL { EDGE } else { usize::MAX };
    axis(tensor, 0, 0, edge, &mut text);
    text
}

fn axis(tensor: &Tensor, axis_index: usize, first: usize, edge: usize, text: &mut String) {
    let extents = tensor.shape().extents();
    let Some(&extent) = extents.get(axis_index) else {
        let width = tensor.dtype().size_bytes();
        let bytes = &tensor.bytes()[first * width..(first + 1) * width];
        *text += &Literal::from_bytes(tensor.dtype(), bytes).to_string();
        return;
    };
    let step: usize = extents[axis_index + 1..].iter().product();
    let is_long = extent > edge.saturating_mul(2);
    text.push('[');
    let mut position = 0;
    while position < extent {
        *text += if position > 0 { ", " } else { "" };
        if is_long && position == edge {
            *text += "..., ";
            position = extent - edge;
        }
        axis(tensor, axis_index + 1, first + position * step, edge, text);
        position += 1;
    }
    text.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use rjaxc_compiler::types::{Aval, DType, Scalar};

    #[test]
    fn large_arrays_are_abbreviated() {
        let aval = Aval::new(DType::I32, [2, 1000]);
        let tensor = Tensor::from_fn(aval, |index| Scalar::Int((index[0] * 1000 + index[1]) as i128));
        assert_eq!(
            array(&tensor),
            "[[0, 1, 2, ..., 997, 998, 999], [1000, 1001, 1002, ..., 1997, 1998, 1999]]"
        );
    }

    #[test]
    fn small_arrays_are_printed_in_full() {
        let tensor = Tensor::from_f64s(DType::F32, [2, 2], &[1.0, 2.0, 3.5, f64::NAN]);
        assert_eq!(array(&tensor), "[[1.0, 2.0], [3.5, nan]]");
        assert_eq!(array(&Tensor::from_f64s(DType::F32, [0, 2], &[])), "[]");
    }
}
