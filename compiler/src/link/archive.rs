//! Static archives: the object and, where it is used, the runtime in one `.a`.

use crate::diag::Diagnostic;
use ar_archive_writer::{ArchiveKind, DEFAULT_OBJECT_READER, NewArchiveMember, write_archive_to_stream};
use object::read::archive::ArchiveFile;
use std::io::Cursor;

/// An archive that holds `object` under the name `member` and everything that the archive `runtime` holds.
///
/// The same input gives the same bytes: members carry no times and no owners.
/// Errors: a bug of ours if `runtime` is no archive, since it comes with the compiler.
pub fn archive(member: &str, object: &[u8], runtime: Option<&[u8]>) -> Result<Vec<u8>, Diagnostic> {
    let mut members = vec![new_member(member, object)];
    if let Some(bytes) = runtime {
        let broken = |error| Diagnostic::bug(format!("the runtime archive cannot be read: {error}"));
        let file = ArchiveFile::parse(bytes).map_err(broken)?;
        for entry in file.members() {
            let entry = entry.map_err(broken)?;
            let name = String::from_utf8_lossy(entry.name()).into_owned();
            members.push(new_member(&name, entry.data(bytes).map_err(broken)?));
        }
    }
    let mut archive = Cursor::new(Vec::new());
    write_archive_to_stream(&mut archive, &members, kind(object), false, None)
        .map_err(|error| Diagnostic::bug(format!("the archive cannot be written: {error}")))?;
    Ok(archive.into_inner())
}

/// The archive of the runtime: what each of these static libraries, built by rustc, holds of the runtime itself.
///
/// Errors: one is no archive, or holds nothing of the runtime.
pub fn runtime_archive(parts: &[(&str, Vec<u8>)]) -> Result<Vec<u8>, Diagnostic> {
    let mut members = Vec::new();
    let mut first: Option<&[u8]> = None;
    for (part, bytes) in parts {
        let broken = |error| Diagnostic::error(format!("rustc has written no archive: {error}"));
        let file = ArchiveFile::parse(bytes.as_slice()).map_err(broken)?;
        let mut found = 0;
        for entry in file.members() {
            let entry = entry.map_err(broken)?;
            // The others are the support library that every Rust program carries.
            if !entry.name().starts_with(b"rjaxc_rt") {
                continue;
            }
            let object = entry.data(bytes.as_slice()).map_err(broken)?;
            let number = if found == 0 { String::new() } else { format!("_{found}") };
            members.push(new_member(&format!("rjaxc_rt_{part}{number}.o"), object));
            first.get_or_insert(object);
            found += 1;
        }
        if found == 0 {
            return Err(Diagnostic::error(format!(
                "the part {part} of the runtime is missing in what rustc has built"
            )));
        }
    }
    let mut archive = Cursor::new(Vec::new());
    write_archive_to_stream(&mut archive, &members, kind(first.unwrap_or_default()), false, None)
        .map_err(|error| Diagnostic::bug(format!("the archive cannot be written: {error}")))?;
    Ok(archive.into_inner())
}

fn new_member<'a>(name: &str, bytes: &'a [u8]) -> NewArchiveMember<'a> {
    NewArchiveMember::new(bytes, &DEFAULT_OBJECT_READER, name.to_string())
}

/// The archive dialect that the linkers of the object's platform expect.
fn kind(object: &[u8]) -> ArchiveKind {
    match object::FileKind::parse(object) {
        Ok(object::FileKind::MachO64 | object::FileKind::MachO32) => ArchiveKind::Darwin,
        Ok(object::FileKind::Coff) => ArchiveKind::Coff,
        _ => ArchiveKind::Gnu,
    }
}
