//! Values of constants: the files that `const` lines name, and `--consts`.

use crate::failure::Failure;
use crate::npy;
use crate::npz::Npz;
use crate::road::Values;
use rjaxc_compiler::diag::Diagnostic;
use rjaxc_compiler::ir::source::{Constant, ConstantValue, Function, Source};
use rjaxc_compiler::types::{Aval, DType, SharedBytes, Tensor};
use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The length of a safetensors header stands in front of it. Units: bytes.
const SAFETENSORS_PREFIX: usize = 8;

/// Reads what `const NAME = file(...)` lines name; paths are relative to `folder`.
///
/// Errors: all that is wrong, at the lines that name the files.
pub fn from_const_lines(source: &Source, folder: &Path) -> Result<Values, Failure> {
    let mut values = Values::new();
    let mut errors = Vec::new();
    let mut safetensors = Cache::new();
    for constant in &source.constants {
        let ConstantValue::File { path, key, span } = &constant.value else { continue };
        let path = folder.join(path);
        let expected = expected_aval(source, constant);
        match read(&path, key.as_deref(), expected.as_ref(), &mut safetensors) {
            Ok(tensor) => {
                values.insert(constant.name.clone(), tensor);
            }
            Err(message) => errors.push(Diagnostic::error(message).at(*span)),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors.into()) }
}

/// Reads `--consts`: arrays named like constvars, or `const0`, `const1`, ... in the order of a function's constvars, or
/// `arr_0`, `arr_1`, ..., the names that `np.savez` gives.
///
/// A function that others call takes its constants by name only: their numbers count the constvars of the printout.
/// `body.const0`, `body.const1`, ... are the constants of functions inside functions and of called ones, in the order of
/// the text. Arrays that nothing asks for are left alone: a file of weights may serve several programs.
/// Errors: the file cannot be read, or an array is of another type than its constvar.
pub fn from_consts(source: &Source, path: &Path) -> Result<Values, Failure> {
    let has_none = source.functions.iter().all(|function| function.constvar_names.is_empty());
    if has_none && source.body_constants.is_empty() {
        return Ok(Values::new());
    }
    let mut file = Arrays::open(path).map_err(Failure::data)?;
    let names = file.names();
    let mut values = Values::new();
    let mut errors = Vec::new();
    for constant in &source.body_constants {
        let Some(key) = source.path_of_constant(constant.id).filter(|key| names.contains(key)) else {
            continue;
        };
        match file.read(&key, Some(&constant.aval)) {
            Ok(tensor) => {
                values.insert(key, tensor);
            }
            Err(message) => errors.push(Diagnostic::error(message).at(constant.span)),
        }
    }
    for function in &source.functions {
        for (position, (name, aval)) in constvars(function).enumerate() {
            let numbered = [format!("const{position}"), format!("arr_{position}")];
            let numbered = if function.called { &[][..] } else { &numbered[..] };
            let Some(array) = [name].into_iter().chain(numbered).find(|key| names.contains(key)) else {
                continue;
            };
            match file.read(array, Some(aval)) {
                Ok(tensor) if values.get(name).is_some_and(|other: &Tensor| *other != tensor) => {
                    errors.push(ambiguous(function, name));
                }
                Ok(tensor) => {
                    values.insert(name.clone(), tensor);
                }
                Err(message) => errors.push(Diagnostic::error(message).at(function.span)),
            }
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors.into()) }
}

fn ambiguous(function: &Function, name: &str) -> Diagnostic {
    let message = format!("constant {name} of {} has another value in another function", function.name);
    Diagnostic::error(message).at(function.span).hint("give the constvars different names")
}

fn constvars(function: &Function) -> impl Iterator<Item = (&String, &Aval)> {
    let avals = function.program.constvars.iter().map(|&var| function.program.aval(var));
    function.constvar_names.iter().zip(avals)
}

/// The type that the line states, or else the one of the first constvar of that name.
fn expected_aval(source: &Source, constant: &Constant) -> Option<Aval> {
    let mut bound = source.functions.iter().flat_map(constvars);
    let of_constvar = || bound.find(|(name, _)| **name == constant.name).map(|(_, aval)| aval.clone());
    constant.aval.clone().or_else(of_constvar)
}

/// The files of many arrays that were opened, by path.
type Cache = HashMap<PathBuf, Arrays>;

fn read(
    path: &Path,
    key: Option<&str>,
    expected: Option<&Aval>,
    cache: &mut Cache,
) -> Result<Tensor, String> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "npy" if key.is_some() => {
            Err(format!("{}: a .npy file holds one array and has no keys", path.display()))
        }
        "npy" => read_npy(path, expected),
        "npz" | "safetensors" => {
            let arrays = match cache.entry(path.to_path_buf()) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(Arrays::open(path)?),
            };
            match key {
                Some(key) => arrays.read(key, expected),
                None => arrays.read(&only_name(path, arrays.names())?, expected),
            }
        }
        _ => Err(format!("{}: expected a .npy, .npz or .safetensors file", path.display())),
    }
}

/// A file of arrays with names.
enum Arrays {
    Npz(Npz<BufReader<File>>),
    Safetensors(Safetensors),
}

impl Arrays {
    /// Errors: a message that names the file.
    fn open(path: &Path) -> Result<Arrays, String> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !extension.eq_ignore_ascii_case("safetensors") {
            return Npz::open(path).map(Arrays::Npz);
        }
        Safetensors::open(path).map(Arrays::Safetensors)
    }

    fn names(&self) -> Vec<String> {
        match self {
            Arrays::Npz(npz) => npz.names(),
            Arrays::Safetensors(file) => file.names(),
        }
    }

    /// Errors: a message that names the file, the array and the reason.
    fn read(&mut self, key: &str, expected: Option<&Aval>) -> Result<Tensor, String> {
        match self {
            Arrays::Npz(npz) => npz.read(key, expected),
            Arrays::Safetensors(file) => file.read(key, expected),
        }
    }
}

/// Reads a `.npy` file. Errors: a message that names it.
pub fn read_npy(path: &Path, expected: Option<&Aval>) -> Result<Tensor, String> {
    let read = || {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        npy::read(&mut BufReader::new(file), Some(length), expected)
    };
    read().map_err(|reason| format!("{}: {reason}", path.display()))
}

/// The name of the array in a file that holds one. Errors: it holds others, or none.
fn only_name(path: &Path, mut names: Vec<String>) -> Result<String, String> {
    match names.len() {
        1 => Ok(names.remove(0)),
        count => Err(format!(
            "{} holds {count} arrays: name one, as in file(\"weights.npz\", \"W\"); arrays in the file: {}",
            path.display(),
            names.join(", ")
        )),
    }
}

/// A safetensors file, which holds many arrays.
struct Safetensors {
    path: PathBuf,
    bytes: SharedBytes,
    header: Metadata,
    // Where the arrays begin. Units: bytes.
    start: usize,
}

impl Safetensors {
    /// Errors: a message that names the file.
    fn open(path: &Path) -> Result<Safetensors, String> {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let (header_length, header) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| format!("{}: not a safetensors file: {error}", path.display()))?;
        let start = SAFETENSORS_PREFIX + header_length;
        Ok(Safetensors { path: path.to_path_buf(), bytes: bytes.into(), header, start })
    }

    /// Sorted.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.header.tensors().into_keys().collect();
        names.sort();
        names
    }

    /// Errors: a message that names the file, the array and the reason.
    fn read(&self, key: &str, expected: Option<&Aval>) -> Result<Tensor, String> {
        let file = self.path.display();
        let names = || self.names().join(", ");
        let missing = || format!("{file}: array {key} is missing; arrays in the file: {}", names());
        let info = self.header.info(key).ok_or_else(missing)?;
        let dtype = dtype(info.dtype)
            .ok_or_else(|| format!("{file}: array {key}: element type {:?} is not supported", info.dtype))?;
        let aval = Aval::new(dtype, info.shape.as_slice());
        let (from, to) = info.data_offsets;
        let bytes = self.bytes.slice(self.start + from..self.start + to);
        let tensor = Tensor::new(aval.clone(), bytes);
        let tensor = tensor.ok_or_else(|| format!("{file}: array {key}: its bytes do not fit its shape"))?;
        match expected {
            Some(expected) if npy::is_narrowed(expected, &aval) => {
                npy::narrowed(&tensor, expected).map_err(|why| format!("{file}: array {key}: {why}"))
            }
            Some(expected) if *expected != aval => {
                Err(format!("{file}: array {key}: expected {expected}, found {aval}"))
            }
            // Only 0 and 1 are valid.
            _ if dtype == DType::Bool => {
                let flags: Vec<u8> = tensor.bytes().iter().map(|&byte| u8::from(byte != 0)).collect();
                Ok(Tensor::new(aval, flags).expect("as many bytes as before"))
            }
            _ => Ok(tensor),
        }
    }
}

fn dtype(dtype: Dtype) -> Option<DType> {
    match dtype {
        Dtype::BOOL => Some(DType::Bool),
        Dtype::U8 => Some(DType::U8),
        Dtype::I8 => Some(DType::I8),
        Dtype::F8_E5M2 => Some(DType::F8E5M2),
        Dtype::F8_E4M3 => Some(DType::F8E4M3FN),
        Dtype::I16 => Some(DType::I16),
        Dtype::U16 => Some(DType::U16),
        Dtype::F16 => Some(DType::F16),
        Dtype::BF16 => Some(DType::BF16),
        Dtype::I32 => Some(DType::I32),
        Dtype::U32 => Some(DType::U32),
        Dtype::F32 => Some(DType::F32),
        Dtype::C64 => Some(DType::C64),
        Dtype::F64 => Some(DType::F64),
        Dtype::I64 => Some(DType::I64),
        Dtype::U64 => Some(DType::U64),
        _ => None,
    }
}
