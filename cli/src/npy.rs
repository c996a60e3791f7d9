//! `.npy` files: one array each, as NumPy writes them.
//!
//! Reading trusts nothing: whatever the bytes are, the answer is an array or a reason, and memory grows with the
//! bytes that really arrive, not with the size that a header claims.

mod header;

use header::{Descr, Header, Order};
use rjaxc_compiler::types::{Aval, DType, Scalar, Shape, Tensor};
use std::io::{self, Read, Write};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// NumPy pads headers to a multiple of this many bytes.
const HEADER_ALIGN: usize = 64;

/// Reads one array.
///
/// `length` is how many bytes `reader` holds, if that is known; with `expected`, an array of another shape or element
/// type is refused before its elements are read. Big-endian and Fortran-ordered files are read right.
/// Errors: what is wrong, without the name of the file or array.
pub fn read(reader: &mut dyn Read, length: Option<u64>, expected: Option<&Aval>) -> Result<Tensor, String> {
    let (header, header_length) = header::read(reader)?;
    let found = header.descr.natural().map(|dtype| Aval::new(dtype, header.shape.clone()));
    if let (Some(expected), Some(found)) = (expected, found)
        && is_narrowed(expected, &found)
    {
        let wide = elements(reader, length, (&header, header_length), Some(&found))?;
        return narrowed(&wide, expected);
    }
    elements(reader, length, (&header, header_length), expected)
}

/// Are whole numbers found where narrower ones are expected? NumPy makes i64 of what nobody gave a type.
pub fn is_narrowed(expected: &Aval, found: &Aval) -> bool {
    let (narrow, wide) = (expected.dtype, found.dtype);
    let are_integers = narrow.is_integer() && wide.is_integer();
    expected.shape == found.shape && are_integers && 8 <= narrow.bits() && narrow.bits() < wide.bits()
}

/// The same whole numbers in a narrower dtype. Errors: one that does not fit.
pub fn narrowed(wide: &Tensor, expected: &Aval) -> Result<Tensor, String> {
    let mut bytes = Vec::with_capacity(wide.bytes().len());
    for value in wide.scalars() {
        let start = bytes.len();
        value.encode(expected.dtype, &mut bytes);
        if Scalar::decode(expected.dtype, &bytes[start..]) != value {
            let (found, dtype) = (wide.aval(), expected.dtype);
            return Err(format!(
                "expected {expected}, found {found} with {}, which does not fit {dtype}",
                value.int()
            ));
        }
    }
    Tensor::new(expected.clone(), bytes).ok_or_else(|| "its shape is too large for this machine".to_string())
}

/// The array behind a header.
fn elements(
    reader: &mut dyn Read,
    length: Option<u64>,
    (header, header_length): (&Header, u64),
    expected: Option<&Aval>,
) -> Result<Tensor, String> {
    let stored = Stored::of(header, expected)?;
    let size = stored.size_bytes.ok_or("its shape is too large for this machine")?;
    if let Some(length) = length {
        let available = length.saturating_sub(header_length);
        if available != size as u64 {
            return Err(format!("its shape takes {size} bytes, the file holds {available}"));
        }
    }
    let mut bytes = Vec::new();
    reader.take(size as u64).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() != size {
        return Err(format!("its shape takes {size} bytes, the file ends after {}", bytes.len()));
    }
    // Reading up to the end also makes a zip archive check its checksum.
    match reader.read(&mut [0]).map_err(|error| error.to_string())? {
        0 => stored.into_tensor(bytes, header),
        _ => Err(format!("bytes follow the array, whose shape takes {size}")),
    }
}

/// Writes one array, format version 1.
///
/// Element types that NumPy lacks are written as `ml_dtypes` writes them (bf16 as `<V2`, 8-bit floats as `|V1`),
/// integers below one byte as bytes, keys as their `u32[..., 2]`.
pub fn write(tensor: &Tensor, out: &mut dyn Write) -> io::Result<()> {
    let mut extents = tensor.shape().extents().to_vec();
    extents.extend(trailing_extent(tensor.dtype()));
    let extents: Vec<String> = extents.iter().map(usize::to_string).collect();
    let comma = if extents.len() == 1 { "," } else { "" };
    let (descr, shape) = (descr_to_write(tensor.dtype()), extents.join(", "));
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}{comma}), }}");
    let unpadded = MAGIC.len() + 4 + text.len() + 1;
    text.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(HEADER_ALIGN) - unpadded));
    text.push('\n');
    let length = u16::try_from(text.len()).map_err(|_| io::Error::other("the shape has too many axes"))?;
    out.write_all(MAGIC)?;
    out.write_all(&[1, 0])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(text.as_bytes())?;
    out.write_all(tensor.bytes())
}

/// How the elements of a file become those of a tensor.
struct Stored {
    aval: Aval,
    // Units: bytes; none if the count overflows.
    size_bytes: Option<usize>,
    repair: Repair,
}

/// What stored elements need before they are valid.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repair {
    Nothing,
    /// Only 0 and 1 are valid bools; NumPy takes any other byte for true.
    Bool,
    /// `ml_dtypes` leaves the upper bits of small integers undefined.
    HighBits,
    /// An ordinary byte whose value may be outside the range of the small integer.
    CheckRange,
}

impl Stored {
    fn of(header: &Header, expected: Option<&Aval>) -> Result<Stored, String> {
        let natural = header.descr.natural();
        let found = || match natural {
            Some(dtype) => Aval::new(dtype, header.shape.clone()).to_string(),
            None => format!("`{}`{}", header.descr, Shape::from(header.shape.clone())),
        };
        let size_bytes = checked_size(&header.shape, header.descr.size);
        let Some(expected) = expected else {
            let dtype = natural.ok_or_else(|| format!("element type `{}` is not known", header.descr))?;
            let aval = Aval::new(dtype, header.shape.clone());
            return Ok(Stored { aval, size_bytes, repair: repair(dtype, &header.descr) });
        };
        let mut extents = expected.shape.extents().to_vec();
        extents.extend(trailing_extent(expected.dtype));
        if extents != header.shape || !accepts(expected.dtype, &header.descr, natural) {
            return Err(format!("expected {}, found {}", described(expected), found()));
        }
        let repair = repair(expected.dtype, &header.descr);
        Ok(Stored { aval: expected.clone(), size_bytes, repair })
    }

    fn into_tensor(self, mut bytes: Vec<u8>, header: &Header) -> Result<Tensor, String> {
        if header.descr.order == Order::Big {
            let part = if header.descr.kind == b'c' { header.descr.size / 2 } else { header.descr.size };
            bytes.chunks_exact_mut(part.max(1)).for_each(<[u8]>::reverse);
        }
        if header.fortran_order {
            bytes = row_major(&bytes, &header.shape, header.descr.size);
        }
        let dtype = self.aval.dtype;
        let normal = |byte: u8| {
            let mut out = Vec::with_capacity(1);
            Scalar::decode(dtype, &[byte]).encode(dtype, &mut out);
            out[0]
        };
        match self.repair {
            Repair::Nothing => {}
            Repair::Bool => bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0)),
            Repair::HighBits => bytes.iter_mut().for_each(|byte| *byte = normal(*byte)),
            Repair::CheckRange => {
                if let Some(&byte) = bytes.iter().find(|&&byte| normal(byte) != byte) {
                    let value = if dtype.is_signed() { i16::from(byte as i8) } else { i16::from(byte) };
                    return Err(format!("{value} is out of the range of {dtype}"));
                }
            }
        }
        Tensor::new(self.aval, bytes).ok_or_else(|| "its shape is too large for this machine".to_string())
    }
}

/// The type as an error shows it; a key also with the words that a file holds for it.
fn described(aval: &Aval) -> String {
    match trailing_extent(aval.dtype) {
        Some(words) => {
            let data = Aval::new(DType::U32, aval.shape.inserted(aval.rank(), words));
            format!("{data}, the data of {aval}")
        }
        None => aval.to_string(),
    }
}

/// Keys are stored as their words, along a last axis.
fn trailing_extent(dtype: DType) -> Option<usize> {
    (dtype == DType::KeyFry).then_some(2)
}

fn checked_size(shape: &[usize], item: usize) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    let size = shape.iter().try_fold(item, |size, &extent| size.checked_mul(extent))?;
    isize::try_from(size).is_ok().then_some(size)
}

/// Can an element type be stored as `descr` says?
fn accepts(dtype: DType, descr: &Descr, natural: Option<DType>) -> bool {
    match dtype {
        DType::BF16 => matches!((descr.kind, descr.size), (b'V' | b'u', 2)),
        DType::F8E4M3FN => matches!((descr.kind, descr.size), (b'V' | b'u', 1)),
        DType::F8E5M2 => matches!((descr.kind, descr.size), (b'V' | b'u' | b'f', 1)),
        DType::I2 | DType::I4 => matches!((descr.kind, descr.size), (b'V' | b'i', 1)),
        DType::U2 | DType::U4 => matches!((descr.kind, descr.size), (b'V' | b'u', 1)),
        DType::KeyFry => natural == Some(DType::U32),
        DType::Float0 => natural == Some(DType::Bool),
        DType::Bool
        | DType::I8
        | DType::I16
        | DType::I32
        | DType::I64
        | DType::U8
        | DType::U16
        | DType::U32
        | DType::U64
        | DType::F16
        | DType::F32
        | DType::F64
        | DType::C64
        | DType::C128 => natural == Some(dtype),
    }
}

fn repair(dtype: DType, descr: &Descr) -> Repair {
    match dtype {
        DType::Bool | DType::Float0 => Repair::Bool,
        DType::I2 | DType::I4 | DType::U2 | DType::U4 if descr.kind == b'V' => Repair::HighBits,
        DType::I2 | DType::I4 | DType::U2 | DType::U4 => Repair::CheckRange,
        _ => Repair::Nothing,
    }
}

fn descr_to_write(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool | DType::Float0 => "|b1",
        DType::I2 | DType::I4 | DType::I8 => "|i1",
        DType::I16 => "<i2",
        DType::I32 => "<i4",
        DType::I64 => "<i8",
        DType::U2 | DType::U4 | DType::U8 => "|u1",
        DType::U16 => "<u2",
        DType::U32 | DType::KeyFry => "<u4",
        DType::U64 => "<u8",
        DType::F8E4M3FN | DType::F8E5M2 => "|V1",
        DType::BF16 => "<V2",
        DType::F16 => "<f2",
        DType::F32 => "<f4",
        DType::F64 => "<f8",
        DType::C64 => "<c8",
        DType::C128 => "<c16",
    }
}

/// The elements of a column-major array in row-major order.
fn row_major(bytes: &[u8], shape: &[usize], item: usize) -> Vec<u8> {
    let mut steps = Vec::with_capacity(shape.len());
    let mut step = item;
    for &extent in shape {
        steps.push(step);
        step = step.saturating_mul(extent);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let (mut index, mut at) = (vec![0; shape.len()], 0);
    while out.len() < bytes.len() {
        out.extend_from_slice(&bytes[at..at + item]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += steps[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= steps[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests;
