//! What is written: files that appear whole or not at all, devices and pipes, standard output.

use crate::failure::Failure;
use cranelift_object::ObjectProduct;
use rjaxc_compiler::codegen::cpu::Weights;
use rjaxc_compiler::diag;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Names of standard output. Opening the devices anew would lose the position of what it is redirected to.
const STANDARD_OUTPUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// What a file shall hold.
pub enum Content {
    Bytes(Vec<u8>),
    /// Its weights go from where they were read to the file.
    Object(Box<ObjectProduct>, Weights),
}

impl Content {
    fn write_to(self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Content::Bytes(bytes) => out.write_all(&bytes),
            Content::Object(product, weights) => {
                let mut out = BufWriter::new(out);
                let object = weights.object(*product);
                object.write_stream(&mut out).map_err(|error| match error.downcast::<io::Error>() {
                    Ok(error) => *error,
                    Err(error) => io::Error::other(error.to_string()),
                })?;
                out.flush()
            }
        }
    }

    /// All of it in memory.
    pub fn into_bytes(self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes)?;
        Ok(bytes)
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Content {
        Content::Bytes(bytes)
    }
}

/// How bytes get to the place that a path names.
enum Way {
    /// Under a name of their own first, then renamed; the permissions and owner are those of the file replaced, if any.
    Replace {
        path: PathBuf,
        replaced: Option<Metadata>,
    },
    /// Into a device, a pipe or whatever else there is, which must stay what it is.
    Into(PathBuf),
    StandardOutput,
}

/// Writes all files: first each under a temporary name in its own folder, then all are renamed. What is no regular file
/// is written to last.
///
/// Errors: a message that names the file; if a file cannot be written, none of them appears.
pub fn write_all(files: Vec<(PathBuf, Content)>) -> Result<(), Failure> {
    let mut temporaries: Vec<(PathBuf, PathBuf)> = Vec::new();
    let outcome = prepare(files, &mut temporaries).and_then(|special| {
        for (temporary, path) in &temporaries {
            fs::rename(temporary, path).map_err(|error| cannot(path, &error))?;
        }
        special.into_iter().try_for_each(|(way, content)| write_into(&way, content))
    });
    if outcome.is_err() {
        for (temporary, _) in &temporaries {
            // Those already renamed, or never created, are not there.
            let _ = fs::remove_file(temporary);
        }
    }
    outcome
}

/// Writes the temporary files and returns what is to be written where no file can be replaced.
fn prepare(
    files: Vec<(PathBuf, Content)>,
    temporaries: &mut Vec<(PathBuf, PathBuf)>,
) -> Result<Vec<(Way, Content)>, Failure> {
    let mut special = Vec::new();
    for (path, content) in files {
        let path = path.as_path();
        match way(path).map_err(|error| cannot(path, &error))? {
            Way::Replace { path: target, replaced } => {
                let (file, temporary) = create_beside(&target).map_err(|error| cannot(path, &error))?;
                temporaries.push((temporary, target));
                fill(file, content, replaced.as_ref()).map_err(|error| failed(path, &error))?;
            }
            way => special.push((way, content)),
        }
    }
    Ok(special)
}

/// Errors: a folder, a file that must not be changed, or one that this user cannot write.
fn way(path: &Path) -> io::Result<Way> {
    if is_standard_output(path) {
        return Ok(Way::StandardOutput);
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(found) if found.is_file() => {
            if found.permissions().readonly() {
                return Err(io::Error::new(ErrorKind::PermissionDenied, "the file is read-only"));
            }
            // Renaming asks the folder for permission only; the file has a say as well.
            OpenOptions::new().write(true).open(path)?;
            Ok(Way::Replace { path: path.canonicalize()?, replaced: Some(found) })
        }
        Ok(_) => Ok(Way::Into(path.to_path_buf())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(Way::Replace { path: end_of_links(path)?, replaced: None })
        }
        Err(error) => Err(error),
    }
}

/// Where symbolic links lead that end in no file yet.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..40 {
        match fs::read_link(&path) {
            // A relative link starts at the folder that holds it.
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// A new file under a name that nothing else has.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let mut number = 0;
    loop {
        // Short, so that it exists wherever the name itself may.
        let temporary = path.with_file_name(format!(".rjaxc-{}-{number}.tmp", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < 1000 => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn fill(mut file: File, content: Content, replaced: Option<&Metadata>) -> io::Result<()> {
    content.write_to(&mut file)?;
    let Some(replaced) = replaced else { return Ok(()) };
    keep_owner(&file, replaced);
    file.set_permissions(replaced.permissions())
}

/// Only a privileged user can give files away; others own what they replace, or make it theirs as any editor does.
#[cfg(unix)]
fn keep_owner(file: &File, replaced: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let _ = fchown(file, Some(replaced.uid()), Some(replaced.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) {}

fn write_into(way: &Way, content: Content) -> Result<(), Failure> {
    match way {
        Way::StandardOutput => to_standard_output(|out| content.write_to(out)),
        Way::Into(path) | Way::Replace { path, .. } => {
            let mut file = OpenOptions::new().write(true).open(path).map_err(|error| cannot(path, &error))?;
            content.write_to(&mut file).and_then(|()| file.flush()).map_err(|error| failed(path, &error))
        }
    }
}

/// Does the path name standard output?
pub fn is_standard_output(path: &Path) -> bool {
    STANDARD_OUTPUT.iter().any(|name| path == Path::new(name))
}

/// Does the path name something that no file can stand beside: standard output, a device or a pipe?
pub fn is_alone(path: &Path) -> bool {
    let is_special = |found: Metadata| !found.is_file() && !found.is_dir();
    is_standard_output(path) || fs::metadata(path).is_ok_and(is_special)
}

/// The one path of a file, whether it is there or not, by which two of them can be compared.
pub fn place(path: &Path) -> PathBuf {
    let in_folder = || {
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        Some(folder.canonicalize().ok()?.join(path.file_name()?))
    };
    path.canonicalize().ok().or_else(in_folder).unwrap_or_else(|| path.to_path_buf())
}

/// The path makes no sense, or is not allowed.
fn cannot(path: &Path, error: &io::Error) -> Failure {
    if is_lack_of_room(error) {
        return failed(path, error);
    }
    Failure::usage(format!("{}: cannot be written: {error}", path.display()))
}

/// Nothing is wrong with the command line; what it asks for did not work.
fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::data(format!("{}: cannot be written: {error}", path.display()))
}

fn is_lack_of_room(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Prints to standard output. Errors: it is closed or full.
pub fn print(text: &str) -> Result<(), Failure> {
    write_standard_output(text.as_bytes())
}

/// Writes bytes to standard output. Errors: it is closed or full.
pub fn write_standard_output(bytes: &[u8]) -> Result<(), Failure> {
    to_standard_output(|out| out.write_all(bytes))
}

fn to_standard_output(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = write(&mut out).and_then(|()| out.flush());
    written.map_err(|error| Failure::data(format!("standard output: cannot be written: {error}")))
}

/// Prints what people read to standard output: names of programs do no harm there. Errors: it is closed or full.
pub fn show(text: &str) -> Result<(), Failure> {
    print(&diag::printable(text))
}

/// Writes a line to standard error. Where that is closed or full there is nobody to tell.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", diag::printable(line));
}
