//! `jax.export.export(..)(..).serialize()`: a flatbuffer with the module inside.
//!
//! Source: FlatBuffers, "FlatBuffer internals"; jax, `export/serialization.fbs`, whose tables only ever grow at the end.

use super::is_bytecode;

/// The number of the field `mlir_module_serialized` of the table `Exported`, by serialization version.
const MODULE_FIELD: usize = 13;

/// The bytecode inside of a file that jax exported; `None` if it is no such file.
pub fn module(file: &[u8]) -> Option<&[u8]> {
    let table = word(file, 0)?;
    // A table begins with the distance back to its list of fields.
    let distance = word(file, table)? as i32;
    let fields = usize::try_from(table as i64 - i64::from(distance)).ok()?;
    let fields_bytes = usize::from(half(file, fields)?);
    let place = 4 + 2 * MODULE_FIELD;
    if place + 2 > fields_bytes {
        return None;
    }
    let offset = usize::from(half(file, fields.checked_add(place)?)?);
    if offset == 0 {
        return None;
    }
    let reference = table.checked_add(offset)?;
    let vector = reference.checked_add(word(file, reference)?)?;
    let first = vector.checked_add(4)?;
    let module = file.get(first..first.checked_add(word(file, vector)?)?)?;
    is_bytecode(module).then_some(module)
}

/// Four bytes at a place.
fn word(file: &[u8], at: usize) -> Option<usize> {
    let bytes = file.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

/// Two bytes at a place.
fn half(file: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*file.get(at..)?.first_chunk()?))
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
        let good = file(MODULE_FIELD, b"ML\xefR..");
        assert_eq!(module(&good), Some(&b"ML\xefR.."[..]));
        assert_eq!(module(&file(MODULE_FIELD - 1, b"ML\xefR..")), None, "another field");
        assert_eq!(module(&file(MODULE_FIELD, b"text")), None, "no module");
        for length in 0..good.len() {
            assert_eq!(module(&good[..length]), None, "cut to {length} bytes");
        }
    }
}
