//! How an array element looks in C and in Rust.

use crate::types::DType;

/// One element as seen from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Element {
    /// The number in `rjax_array_info`. See Note: stability.
    pub code: i32,
    pub c: &'static str,
    pub rust: &'static str,
    /// How many C (or Rust) values make one element: 2 for complex numbers and keys.
    pub values: usize,
    /// What the C type does not say; empty if it says all.
    pub note: &'static str,
}

/// The number that stands for an element type in `rjax_array_info`.
pub fn dtype_code(dtype: DType) -> i32 {
    element(dtype).code
}

/// The representation of `dtype`.
///
/// A bool is `uint8_t` in C: `bool` would need one more header, and a C `bool` that holds anything but 0 or 1
/// is undefined, which a caller's buffer of bytes would not know. Rust has `bool` without a header.
pub(super) fn element(dtype: DType) -> Element {
    let of = |code, c, rust, values, note| Element { code, c, rust, values, note };
    match dtype {
        DType::Bool => of(1, "uint8_t", "bool", 1, "0 or 1"),
        DType::I2 => of(2, "int8_t", "i8", 1, "-2..1, one per byte"),
        DType::I4 => of(3, "int8_t", "i8", 1, "-8..7, one per byte"),
        DType::I8 => of(4, "int8_t", "i8", 1, ""),
        DType::I16 => of(5, "int16_t", "i16", 1, ""),
        DType::I32 => of(6, "int32_t", "i32", 1, ""),
        DType::I64 => of(7, "int64_t", "i64", 1, ""),
        DType::U2 => of(8, "uint8_t", "u8", 1, "0..3, one per byte"),
        DType::U4 => of(9, "uint8_t", "u8", 1, "0..15, one per byte"),
        DType::U8 => of(10, "uint8_t", "u8", 1, ""),
        DType::U16 => of(11, "uint16_t", "u16", 1, ""),
        DType::U32 => of(12, "uint32_t", "u32", 1, ""),
        DType::U64 => of(13, "uint64_t", "u64", 1, ""),
        DType::F8E4M3FN => of(14, "uint8_t", "u8", 1, "bits of an 8-bit float"),
        DType::F8E5M2 => of(15, "uint8_t", "u8", 1, "bits of an 8-bit float"),
        DType::F16 => of(16, "uint16_t", "u16", 1, "bits of an IEEE half"),
        DType::BF16 => of(17, "uint16_t", "u16", 1, "upper 16 bits of a float"),
        DType::F32 => of(18, "float", "f32", 1, ""),
        DType::F64 => of(19, "double", "f64", 1, ""),
        DType::C64 => of(20, "float", "f32", 2, "pairs: real, imaginary"),
        DType::C128 => of(21, "double", "f64", 2, "pairs: real, imaginary"),
        DType::KeyFry => of(22, "uint32_t", "u32", 2, "pairs: the two words of a key"),
        DType::Float0 => of(23, "uint8_t", "u8", 1, "carries no data"),
    }
}

/// How the representation of `dtype` is aligned: as its C type. Units: bytes.
pub(super) fn align(dtype: DType) -> usize {
    match element(dtype).c {
        "double" | "int64_t" | "uint64_t" => 8,
        "float" | "int32_t" | "uint32_t" => 4,
        "int16_t" | "uint16_t" => 2,
        _ => 1,
    }
}

/// The name of the code in the C enum `rjax_dtype`: `RJAX_F8_E4M3FN`.
pub(super) fn code_name(dtype: DType) -> String {
    let name = match dtype {
        DType::KeyFry => "key_fry",
        other => other.short_name(),
    };
    format!("RJAX_{}", name.to_ascii_uppercase())
}
