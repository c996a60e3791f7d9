//! Element types, named as JAX prints them.

use std::fmt;

/// The element type of an array. Sub-byte integers occupy one byte per element.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum DType {
    Bool,
    I2,
    I4,
    I8,
    I16,
    I32,
    I64,
    U2,
    U4,
    U8,
    U16,
    U32,
    U64,
    F8E4M3FN,
    F8E5M2,
    F16,
    BF16,
    F32,
    F64,
    C64,
    C128,
    /// A typed PRNG key of the threefry implementation; its data are two `u32`.
    KeyFry,
    /// The tangent type of integers: no data at all.
    Float0,
}

/// The arithmetic an element type takes part in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
    Complex,
    Key,
    Float0,
}

struct Row {
    dtype: DType,
    short: &'static str,
    long: &'static str,
    kind: Kind,
    bits: u32,
}

const fn row(dtype: DType, short: &'static str, long: &'static str, kind: Kind, bits: u32) -> Row {
    Row { dtype, short, long, kind, bits }
}

// Invariant: in the order of the enum, so that a discriminant indexes its row (checked by a test).
const ROWS: [Row; 23] = [
    row(DType::Bool, "bool", "bool", Kind::Bool, 8),
    row(DType::I2, "i2", "int2", Kind::Signed, 2),
    row(DType::I4, "i4", "int4", Kind::Signed, 4),
    row(DType::I8, "i8", "int8", Kind::Signed, 8),
    row(DType::I16, "i16", "int16", Kind::Signed, 16),
    row(DType::I32, "i32", "int32", Kind::Signed, 32),
    row(DType::I64, "i64", "int64", Kind::Signed, 64),
    row(DType::U2, "u2", "uint2", Kind::Unsigned, 2),
    row(DType::U4, "u4", "uint4", Kind::Unsigned, 4),
    row(DType::U8, "u8", "uint8", Kind::Unsigned, 8),
    row(DType::U16, "u16", "uint16", Kind::Unsigned, 16),
    row(DType::U32, "u32", "uint32", Kind::Unsigned, 32),
    row(DType::U64, "u64", "uint64", Kind::Unsigned, 64),
    row(DType::F8E4M3FN, "f8_e4m3fn", "float8_e4m3fn", Kind::Float, 8),
    row(DType::F8E5M2, "f8_e5m2", "float8_e5m2", Kind::Float, 8),
    row(DType::F16, "f16", "float16", Kind::Float, 16),
    row(DType::BF16, "bf16", "bfloat16", Kind::Float, 16),
    row(DType::F32, "f32", "float32", Kind::Float, 32),
    row(DType::F64, "f64", "float64", Kind::Float, 64),
    row(DType::C64, "c64", "complex64", Kind::Complex, 64),
    row(DType::C128, "c128", "complex128", Kind::Complex, 128),
    row(DType::KeyFry, "key<fry>", "key<fry>", Kind::Key, 64),
    row(DType::Float0, "float0", "float0", Kind::Float0, 8),
];

impl DType {
    /// All element types, in declaration order.
    pub fn all() -> impl Iterator<Item = DType> {
        ROWS.iter().map(|row| row.dtype)
    }

    /// The name in types: `f32`.
    pub fn short_name(self) -> &'static str {
        self.row().short
    }

    /// NumPy's name, as JAX prints it inside parameters: `float32`.
    pub fn long_name(self) -> &'static str {
        self.row().long
    }

    pub fn from_short_name(name: &str) -> Option<DType> {
        ROWS.iter().find(|row| row.short == name).map(|row| row.dtype)
    }

    pub fn from_long_name(name: &str) -> Option<DType> {
        ROWS.iter().find(|row| row.long == name).map(|row| row.dtype)
    }

    pub fn kind(self) -> Kind {
        self.row().kind
    }

    /// Units: bits of the value (not of its storage).
    pub fn bits(self) -> u32 {
        self.row().bits
    }

    /// Units: bytes one element occupies in memory.
    pub fn size_bytes(self) -> usize {
        (self.bits() as usize).div_ceil(8)
    }

    pub fn is_float(self) -> bool {
        self.kind() == Kind::Float
    }

    pub fn is_complex(self) -> bool {
        self.kind() == Kind::Complex
    }

    /// Floating or complex: what can be differentiated.
    pub fn is_inexact(self) -> bool {
        self.is_float() || self.is_complex()
    }

    /// Signed or unsigned, not bool.
    pub fn is_integer(self) -> bool {
        matches!(self.kind(), Kind::Signed | Kind::Unsigned)
    }

    pub fn is_signed(self) -> bool {
        self.kind() == Kind::Signed
    }

    /// The type of the real and imaginary parts; real types are their own.
    pub fn real_part(self) -> DType {
        match self {
            DType::C64 => DType::F32,
            DType::C128 => DType::F64,
            other => other,
        }
    }

    /// The complex type of such parts: complex types are their own, narrow floats have none.
    pub fn complex(self) -> Option<DType> {
        match self {
            DType::F32 | DType::C64 => Some(DType::C64),
            DType::F64 | DType::C128 => Some(DType::C128),
            _ => None,
        }
    }

    /// The unsigned integer of the same storage width, if there is one.
    pub fn same_width_unsigned(self) -> Option<DType> {
        match self.size_bytes() {
            1 => Some(DType::U8),
            2 => Some(DType::U16),
            4 => Some(DType::U32),
            8 => Some(DType::U64),
            _ => None,
        }
    }

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_enum_order() {
        for (position, row) in ROWS.iter().enumerate() {
            assert_eq!(row.dtype as usize, position, "{}", row.short);
        }
    }
}
