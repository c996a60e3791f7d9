//! `.npz` files: zip archives of `.npy` files.

use crate::npy;
use rjaxc_compiler::types::{Aval, Tensor};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// From this size on, a member needs the 64-bit fields of the zip format.
const LARGE_MEMBER: usize = 0xf000_0000;

/// An archive that is open for reading.
pub struct Npz<R> {
    // The name in error messages.
    file: String,
    archive: ZipArchive<R>,
}

impl Npz<BufReader<File>> {
    /// Errors: a message that names the file.
    pub fn open(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
        Npz::new(name, BufReader::new(file))
    }
}

impl<R: Read + Seek> Npz<R> {
    /// Errors: a message that names the file, if `reader` holds no zip archive.
    pub fn new(file: String, reader: R) -> Result<Self, String> {
        let archive =
            ZipArchive::new(reader).map_err(|error| format!("{file}: not an .npz file: {error}"))?;
        Ok(Npz { file, archive })
    }

    /// The names of the arrays, sorted.
    pub fn names(&self) -> Vec<String> {
        let names = self.archive.file_names().filter_map(Result::ok);
        let mut names: Vec<String> =
            names.map(|name| name.strip_suffix(".npy").unwrap_or(&name).to_string()).collect();
        names.sort();
        names
    }

    /// Errors: a message that names the file, the array and the reason.
    pub fn read(&mut self, name: &str, expected: Option<&Aval>) -> Result<Tensor, String> {
        let prefix = format!("{}: array {name}", self.file);
        let member = format!("{name}.npy");
        let member = if self.archive.index_for_name(&member).is_some() { member } else { name.to_string() };
        if self.archive.index_for_name(&member).is_none() {
            let names = self.names();
            let names = if names.is_empty() { "none".to_string() } else { names.join(", ") };
            return Err(format!("{prefix} is missing; arrays in the file: {names}"));
        }
        let mut entry = self.archive.by_name(&member).map_err(|error| format!("{prefix}: {error}"))?;
        let length = entry.size();
        npy::read(&mut entry, Some(length), expected).map_err(|error| format!("{prefix}: {error}"))
    }
}

/// Writes an archive whose members are stored, not compressed. The same arrays give the same bytes.
pub fn write<'a, W: Write + Seek>(
    out: W,
    arrays: impl IntoIterator<Item = (String, &'a Tensor)>,
) -> io::Result<W> {
    let mut archive = ZipWriter::new(out);
    for (name, tensor) in arrays {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(tensor.bytes().len() > LARGE_MEMBER);
        archive.start_file(format!("{name}.npy"), options)?;
        npy::write(tensor, &mut archive)?;
    }
    Ok(archive.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rjaxc_compiler::types::DType;
    use std::io::Cursor;

    fn archive() -> Vec<u8> {
        let x = Tensor::from_f64s(DType::F32, [3], &[1.0, 2.0, 3.0]);
        let y = Tensor::from_f64s(DType::BF16, [2, 1], &[1.5, -2.0]);
        let arrays = [("x".to_string(), &x), ("y".to_string(), &y)];
        write(Cursor::new(Vec::new()), arrays).expect("writing to memory").into_inner()
    }

    fn deflated(npy: &[u8]) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        archive.start_file("x.npy", options).expect("a new member");
        archive.write_all(npy).expect("writing to memory");
        archive.finish().expect("writing to memory").into_inner()
    }

    fn open(bytes: Vec<u8>) -> Npz<Cursor<Vec<u8>>> {
        Npz::new("a.npz".to_string(), Cursor::new(bytes)).expect("an archive")
    }

    #[test]
    fn arrays_round_trip() {
        let mut npz = open(archive());
        assert_eq!(npz.names(), ["x", "y"]);
        let x = npz.read("x", Some(&Aval::new(DType::F32, [3]))).expect("x is there");
        assert_eq!(x.to_string(), "[1.0, 2.0, 3.0]");
        assert_eq!(npz.read("y", None).expect("y is there").to_string(), "[[1.5], [-2.0]]");
        assert_eq!(archive(), archive(), "no times, no names of machines");
    }

    #[test]
    fn compressed_arrays_are_read() {
        let mut npy = Vec::new();
        let zeros = Tensor::from_f64s(DType::F32, [1000], &[0.0; 1000]);
        npy::write(&zeros, &mut npy).expect("writing to memory");
        assert_eq!(open(deflated(&npy)).read("x", None), Ok(zeros));
    }

    #[test]
    fn errors_name_file_array_and_reason() {
        let mut npz = open(archive());
        let missing = npz.read("w", None).unwrap_err();
        assert_eq!(missing, "a.npz: array w is missing; arrays in the file: x, y");
        let wrong = npz.read("x", Some(&Aval::new(DType::F32, [4]))).unwrap_err();
        assert_eq!(wrong, "a.npz: array x: expected f32[4], found f32[3]");
        let none = Npz::new("b.npz".to_string(), Cursor::new(b"hello".to_vec())).err().expect("no archive");
        assert!(none.starts_with("b.npz: not an .npz file"), "{none}");
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_inflated() {
        let mut npy = Vec::new();
        npy::write(&Tensor::from_f64s(DType::F64, [100_000], &[0.0; 100_000]), &mut npy).expect("in memory");
        let bomb = deflated(&npy);
        assert!(bomb.len() < 10_000);
        let error = open(bomb).read("x", Some(&Aval::new(DType::F64, [3]))).unwrap_err();
        assert_eq!(error, "a.npz: array x: expected f64[3], found f64[100000]");
    }

    #[test]
    fn damaged_elements_fail_the_checksum() {
        let mut bytes = archive();
        let at = bytes.windows(4).position(|four| four == 2f32.to_le_bytes()).expect("the element 2.0");
        bytes[at] ^= 1;
        assert!(open(bytes).read("x", None).unwrap_err().starts_with("a.npz: array x: "));
    }

    #[test]
    fn no_mutation_panics() {
        let mut npy = Vec::new();
        npy::write(&Tensor::from_f64s(DType::F32, [7], &[3.0; 7]), &mut npy).expect("writing to memory");
        let seeds = [archive(), deflated(&npy)];
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize
        };
        let mut arrays = 0;
        for round in 0..20_000 {
            let mut bytes = seeds[round % 2].clone();
            for _ in 0..=next() % 3 {
                let at = next() % bytes.len();
                match next() % 3 {
                    0 => bytes[at] = next() as u8,
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes[at] ^= 1 << (next() % 8),
                }
            }
            if let Ok(mut npz) = Npz::new("m.npz".to_string(), Cursor::new(bytes)) {
                for name in npz.names() {
                    arrays += usize::from(npz.read(&name, None).is_ok());
                }
            }
        }
        assert!(arrays > 1000, "only {arrays} mutations left an array: the test no longer tries valid files");
    }
}
