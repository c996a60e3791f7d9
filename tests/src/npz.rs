//! `.npz` files, written and read apart from the command line's own code, so that the two check each other.

use rjaxc_compiler::types::{Aval, DType, Kind, Shape, Tensor};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Writes `NAME0`, `NAME1`, ... under each given name.
pub fn write(path: &Path, arrays: &[(String, Tensor)]) {
    let file = File::create(path).expect("the target folder is writable");
    let mut archive = ZipWriter::new(file);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, tensor) in arrays {
        archive.start_file(format!("{name}.npy"), options).expect("a new member");
        archive.write_all(&npy(tensor)).expect("the target folder is writable");
    }
    archive.finish().expect("the target folder is writable");
}

/// `STEM0`, `STEM1`, ... with the types that `avals` says. Errors: which array is missing or of another type.
pub fn read(path: &Path, stem: &str, avals: &[Aval]) -> Result<Vec<Tensor>, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut archive = ZipArchive::new(file).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut tensors = Vec::new();
    for (position, aval) in avals.iter().enumerate() {
        let name = format!("{stem}{position}");
        let mut bytes = Vec::new();
        let mut member =
            archive.by_name(&format!("{name}.npy")).map_err(|error| format!("{name}: {error}"))?;
        member.read_to_end(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
        tensors.push(array(&bytes, aval).map_err(|error| format!("{name}: {error}"))?);
    }
    if archive.len() < avals.len() || (stem == "out" && archive.len() != avals.len()) {
        return Err(format!("expected {} arrays, found {}", avals.len(), archive.len()));
    }
    Ok(tensors)
}

fn npy(tensor: &Tensor) -> Vec<u8> {
    let extents = tensor.shape().extents().iter().map(|extent| format!("{extent},")).collect::<String>();
    let descr = descr(tensor.dtype());
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({extents}), }}");
    let unpadded = 10 + text.len() + 1;
    text.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(64) - unpadded));
    text.push('\n');
    let length = u16::try_from(text.len()).expect("shapes are short");
    [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], text.as_bytes(), tensor.bytes()].concat()
}

/// How NumPy with `ml_dtypes` spells an element type.
fn descr(dtype: DType) -> String {
    let size = dtype.size_bytes();
    let order = if size == 1 { '|' } else { '<' };
    let kind = match dtype.kind() {
        Kind::Bool | Kind::Float0 => 'b',
        Kind::Signed => 'i',
        Kind::Unsigned | Kind::Key => 'u',
        Kind::Float if dtype == DType::BF16 || dtype.bits() == 8 => 'V',
        Kind::Float => 'f',
        Kind::Complex => 'c',
    };
    format!("{order}{kind}{size}")
}

fn array(bytes: &[u8], aval: &Aval) -> Result<Tensor, String> {
    let (Some(b"\x93NUMPY\x01\x00"), Some(&[low, high])) = (bytes.get(..8), bytes.get(8..10)) else {
        return Err("not a .npy file of version 1".into());
    };
    let start = 10 + usize::from(u16::from_le_bytes([low, high]));
    let header = bytes.get(10..start).ok_or("the header is cut off")?;
    let header = std::str::from_utf8(header).map_err(|error| error.to_string())?;
    let field = |key: &str, close: char| {
        let (_, rest) = header.split_once(&format!("'{key}': "))?;
        Some(rest.split_once(close)?.0.trim_start_matches(['\'', '(']).to_string())
    };
    let (found, shape) = (field("descr", ','), field("shape", ')'));
    let (Some(found), Some(shape), true) = (found, shape, header.contains("False")) else {
        return Err(format!("an unusual header: {header}"));
    };
    let extents = shape.split(',').map(str::trim).filter(|extent| !extent.is_empty());
    let extents: Result<Vec<usize>, _> = extents.map(str::parse).collect();
    let extents = Shape::from(extents.map_err(|_| format!("an unusual shape: {shape}"))?);
    if found.trim_end_matches('\'') != descr(aval.dtype) || extents != aval.shape {
        return Err(format!("expected {aval}, found {found}{extents}"));
    }
    Tensor::new(aval.clone(), bytes[start..].to_vec())
        .ok_or_else(|| format!("the bytes are not those of {aval}"))
}
