//! Files that appear whole or not at all.

use crate::failure::Failure;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes all files: first each under a temporary name in its own folder, then all are renamed.
///
/// Errors: a message that names the file; if one cannot be written, none of them appears.
pub fn write_all(files: &[(PathBuf, Vec<u8>)]) -> Result<(), Failure> {
    let mut written: Vec<PathBuf> = Vec::new();
    let mut outcome = Ok(());
    for (path, bytes) in files {
        let temporary = temporary(path);
        // A folder cannot be replaced by a file; better to know before the first rename.
        outcome =
            if path.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { create(&temporary, bytes) };
        written.push(temporary);
        if let Err(error) = outcome {
            return Err(abandon(&written, path, &error));
        }
    }
    for ((path, _), temporary) in files.iter().zip(&written) {
        if let Err(error) = fs::rename(temporary, path) {
            outcome = Err(error);
        }
        if let Err(error) = &outcome {
            return Err(abandon(&written, path, error));
        }
    }
    Ok(())
}

fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes)
}

/// Removes what is left of the temporary files.
fn abandon(temporaries: &[PathBuf], path: &Path, error: &io::Error) -> Failure {
    for temporary in temporaries {
        // Those already renamed, or never created, are not there.
        let _ = fs::remove_file(temporary);
    }
    Failure::usage(format!("{}: cannot be written: {error}", path.display()))
}

/// A name beside `path` that no other process picks at the same time.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

/// Prints to standard output. Errors: it is closed.
pub fn print(text: &str) -> Result<(), Failure> {
    write_standard_output(text.as_bytes())
}

/// Writes bytes to standard output. Errors: it is closed.
pub fn write_standard_output(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(|error| Failure::usage(format!("standard output: {error}")))
}
