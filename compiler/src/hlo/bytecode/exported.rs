//! `jax.export.export(..)(..).serialize()`: a flatbuffer with the module inside.
//!
//! Source: jax, `export/serialization.fbs`, whose tables only ever grow at the end.

use super::is_bytecode;
use crate::hlo::flatbuffer::{Table, Vector};
use crate::hlo::text::MAX_RANK;
use crate::hlo::{Element, Signature, TensorType, Type};

/// The numbers of fields of the table `Exported`.
mod field {
    pub const INPUTS: usize = 3;
    pub const MODULE: usize = 13;
    pub const KEPT: usize = 15;
    // Since jax 0.10, types are stored once each, and inputs are their numbers.
    pub const TYPES: usize = 19;
    pub const INPUT_TYPES: usize = 22;
}

/// What a file of jax holds of interest.
pub struct Exported<'a> {
    pub module: &'a [u8],
    /// How many bytes of the file precede the module.
    pub before: usize,
    pub signature: Option<Signature>,
}

/// Takes a file apart that jax exported; `None` if it is no such file.
pub fn read(file: &[u8]) -> Option<Exported<'_>> {
    let table = Table::root(file)?;
    let vector = table.vector(field::MODULE)?;
    let module = vector.bytes();
    is_bytecode(module).then(|| Exported { module, before: vector.first, signature: signature(&table) })
}

/// The inputs of the exported function, and which of them the module takes.
fn signature(table: &Table) -> Option<Signature> {
    let kept = table.vector(field::KEPT)?.halves()?;
    let types = |vector: Vector| Some(vector.tables()?.iter().map(input).collect::<Vec<_>>());
    let numbers = table.vector(field::INPUT_TYPES).filter(|numbers| numbers.count > 0);
    let inputs = match numbers {
        None => types(table.vector(field::INPUTS)?)?,
        Some(numbers) => {
            let types = types(table.vector(field::TYPES)?)?;
            numbers.words()?.into_iter().map(|number| types.get(number).cloned()).collect::<Option<_>>()?
        }
    };
    let ascends = kept.windows(2).all(|pair| pair[0] < pair[1]);
    let is_whole = ascends && kept.iter().all(|&position| position < inputs.len());
    is_whole.then_some(Signature { inputs, kept })
}

/// The names of dtypes by their numbers.
const DTYPES: &[&str] = &[
    "i1",
    "i8",
    "i16",
    "i32",
    "i64",
    "ui8",
    "ui16",
    "ui32",
    "ui64",
    "f16",
    "f32",
    "f64",
    "complex<f32>",
    "complex<f64>",
    "bf16",
    "i4",
    "ui4",
    "f8E4M3B11FNUZ",
    "f8E4M3FN",
    "f8E4M3FNUZ",
    "f8E5M2",
    "f8E5M2FNUZ",
    // Tangents of what has none are flags.
    "i1",
    "f8E4M3",
    "f8E3M4",
    "f8E8M0FNU",
    "f4E2M1FN",
];

/// Keys, which arguments have as words of 32 bits: the numbers of their dtypes, and how many words each has.
const KEYS: &[(usize, usize)] = &[(27, 2), (28, 4), (29, 4)];

/// The type of an argument for an `AbstractValue`; `None` if it has extents by name, or no counterpart.
fn input(aval: &Table) -> Option<Type> {
    const SHAPE: usize = 1;
    const DTYPE: usize = 2;
    let extents = match aval.vector(SHAPE) {
        Some(extents) => extents.texts()?,
        None => Vec::new(),
    };
    let mut extents: Vec<Option<usize>> =
        extents.into_iter().map(|extent| Some(Some(extent.parse().ok()?))).collect::<Option<_>>()?;
    let dtype = usize::from(aval.byte(DTYPE).unwrap_or(0));
    let key = KEYS.iter().find(|(number, _)| *number == dtype);
    let name = match key {
        Some((_, words)) => {
            extents.push(Some(*words));
            "ui32"
        }
        None => *DTYPES.get(dtype)?,
    };
    let ty = TensorType { extents, element: Element::from_name(name)? };
    (ty.is_countable() && ty.extents.len() <= MAX_RANK).then_some(Type::Tensor(ty))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flatbuffer whose root has one field, at this place in the list of fields.
    fn file(field: usize, payload: &[u8]) -> Vec<u8> {
        let fields_bytes = 4 + 2 * (field + 1);
        let mut file = vec![0; 4];
        file.extend((fields_bytes as u16).to_le_bytes());
        file.extend(8u16.to_le_bytes());
        file.resize(4 + fields_bytes - 2, 0);
        file.extend(4u16.to_le_bytes());
        let table = file.len();
        file[..4].copy_from_slice(&(table as u32).to_le_bytes());
        file.extend((table as u32 - 4).to_le_bytes());
        file.extend(4u32.to_le_bytes());
        file.extend((payload.len() as u32).to_le_bytes());
        file.extend(payload);
        file
    }

    #[test]
    fn finds_the_module_in_its_field() {
        let good = file(field::MODULE, b"ML\xefR..");
        let module = |file: &[u8]| read(file).map(|exported| exported.module.to_vec());
        assert_eq!(module(&good), Some(b"ML\xefR..".to_vec()));
        assert_eq!(module(&file(field::MODULE - 1, b"ML\xefR..")), None, "another field");
        assert_eq!(module(&file(field::MODULE, b"text")), None, "no module");
        for length in 0..good.len() {
            assert_eq!(module(&good[..length]), None, "cut to {length} bytes");
        }
    }
}
