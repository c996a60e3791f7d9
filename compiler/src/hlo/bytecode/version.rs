//! Which releases of the format and of VHLO are understood.

use super::Parsed;
use crate::diag::Diagnostic;

/// The newest version of the bytecode itself. Source: MLIR, `Bytecode/Encoding.h`.
pub const NEWEST_BYTECODE: u64 = 6;

/// The VHLO that is known, by its major version. A newer minor one adds operations, attributes and types beside those that
/// are there, which keep their names and codes; so a module is refused for what it holds, not for its number.
/// Source: StableHLO, "Compatibility".
const VHLO_MAJOR: u32 = 1;

/// Advice about what a newer release has written.
pub const OLDER: &str = "have it written for an older release: stablehlo.serialize_portable_artifact(module, \"1.17.0\"), or \
                         export it with an older jax";

/// Since this version of the bytecode, dialects may have versions.
pub const DIALECT_VERSIONS: u64 = 1;
/// ... regions that use nothing from around them are sections, to be read when needed.
pub const LAZY_REGIONS: u64 = 2;
/// ... the order in which values are used is kept.
pub const USE_LISTS: u64 = 3;
/// ... the names of operations are counted, and the arguments of blocks may be without a location.
pub const COUNTED_NAMES: u64 = 4;
/// ... properties have a section of their own.
pub const PROPERTIES: u64 = 5;

/// What `StableHLO_v1.15.0` says: 1, 15.
pub fn of_producer(producer: &str) -> Option<(u32, u32)> {
    let mut numbers = producer.strip_prefix("StableHLO_v")?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Errors: something newer than what is known wrote the file.
pub fn check(version: u64, producer: &str) -> Parsed<()> {
    if let Some((major, minor)) = of_producer(producer).filter(|&(major, _)| major > VHLO_MAJOR) {
        let message = format!(
            "the module is of StableHLO {major}.{minor}, which is newer than the known ones, {VHLO_MAJOR}.x"
        );
        return Err(Diagnostic::unsupported(message).hint(OLDER));
    }
    if version > NEWEST_BYTECODE {
        let message = format!(
            "MLIR bytecode version {version} (by {producer}) is newer than the newest known one, {NEWEST_BYTECODE}"
        );
        return Err(Diagnostic::unsupported(message).hint(OLDER));
    }
    Ok(())
}
