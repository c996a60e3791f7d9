//! The static data behind `model_predict_metadata`: the C struct `rjax_metadata` as bytes.

use super::{ABI_VERSION, Interface, Signature, dtype_code};
use crate::types::Aval;

/// Bytes with pointers into themselves. A linker or loader fills in the pointers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Blob {
    /// Invariant: must be placed at an address divisible by [`Blob::ALIGN`].
    pub bytes: Vec<u8>,
    /// Where an 8-byte pointer stands, and the offset in the same blob that it points at.
    pub pointers: Vec<(usize, usize)>,
}

impl Blob {
    /// Units: bytes.
    pub const ALIGN: usize = 8;
}

/// The metadata of one function of `interface`, for targets with 64-bit little-endian pointers, which are all
/// that the code generator knows. The struct itself stands at offset 0.
pub fn metadata(interface: &Interface, signature: &Signature) -> Blob {
    let mut blob = Blob::default();
    for word in [ABI_VERSION, signature.inputs.len() as u32, signature.outputs.len() as u32, 0] {
        blob.bytes.extend(word.to_le_bytes());
    }
    let pointers = blob.bytes.len();
    blob.bytes.resize(pointers + 4 * POINTER, 0);
    for word in [signature.work_bytes as u64, signature.work_align.max(1) as u64] {
        blob.bytes.extend(word.to_le_bytes());
    }
    let features = blob.bytes.len();
    blob.bytes.resize(features + POINTER, 0);
    let inputs = reserve_arrays(&mut blob, pointers + 2 * POINTER, signature.inputs.len());
    let outputs = reserve_arrays(&mut blob, pointers + 3 * POINTER, signature.outputs.len());
    fill_arrays(&mut blob, inputs, &signature.inputs);
    fill_arrays(&mut blob, outputs, &signature.outputs);
    // Strings need no alignment, so they come last, after all that does.
    point_at_text(&mut blob, pointers, &signature.name);
    point_at_text(&mut blob, pointers + POINTER, &interface.target);
    point_at_text(&mut blob, features, &interface.features.join(" "));
    point_at_names(&mut blob, inputs, &signature.inputs);
    point_at_names(&mut blob, outputs, &signature.outputs);
    blob
}

const POINTER: usize = 8;

// `sizeof(rjax_array_info)`: name, shape, dtype, rank.
const ARRAY_INFO: usize = 2 * POINTER + 8;

/// Makes room for `count` structs and points at them from `pointer`; a pointer to none stays NULL.
fn reserve_arrays(blob: &mut Blob, pointer: usize, count: usize) -> usize {
    let start = blob.bytes.len();
    blob.bytes.resize(start + count * ARRAY_INFO, 0);
    if count > 0 {
        blob.pointers.push((pointer, start));
    }
    start
}

fn fill_arrays(blob: &mut Blob, start: usize, arrays: &[(String, Aval)]) {
    for (position, (_, aval)) in arrays.iter().enumerate() {
        let info = start + position * ARRAY_INFO;
        let numbers = info + 2 * POINTER;
        blob.bytes[numbers..numbers + 4].copy_from_slice(&dtype_code(aval.dtype).to_le_bytes());
        blob.bytes[numbers + 4..numbers + 8].copy_from_slice(&(aval.rank() as i32).to_le_bytes());
        if aval.rank() > 0 {
            blob.pointers.push((info + POINTER, blob.bytes.len()));
        }
        for &extent in aval.shape.extents() {
            blob.bytes.extend((extent as i64).to_le_bytes());
        }
    }
}

fn point_at_names(blob: &mut Blob, start: usize, arrays: &[(String, Aval)]) {
    for (position, (name, _)) in arrays.iter().enumerate() {
        point_at_text(blob, start + position * ARRAY_INFO, name);
    }
}

fn point_at_text(blob: &mut Blob, pointer: usize, text: &str) {
    blob.pointers.push((pointer, blob.bytes.len()));
    blob.bytes.extend(text.bytes().filter(|&byte| byte != 0));
    blob.bytes.push(0);
}
