//! The C file, compiled by a C compiler and loaded.

use crate::failure::Failure;
use rjaxc_compiler::diag::Diagnostic;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Compiled C in memory of this process, which stays until it is dropped.
pub struct Library(libloading::Library);

/// How many libraries this process has made; their files have names of their own.
static COUNT: AtomicUsize = AtomicUsize::new(0);

impl Library {
    /// Compiles a file for this machine; `cc` is the compiler with its flags, separated by spaces.
    ///
    /// Errors: there is no such compiler, or it refuses the file.
    pub fn compiled(text: &str, cc: &str) -> Result<Library, Failure> {
        let stem = format!("rjaxc-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let (source, object) =
            (std::env::temp_dir().join(format!("{stem}.c")), std::env::temp_dir().join(format!("{stem}.so")));
        let made = std::fs::write(&source, text)
            .map_err(|error| Diagnostic::error(format!("{}: {error}", source.display())).into())
            .and_then(|()| compile(cc, &source, &object))
            .and_then(|()| load(&object));
        // What is loaded needs no file any more; what is left over is of no use.
        let _ = std::fs::remove_file(&source);
        let _ = std::fs::remove_file(&object);
        made
    }

    /// The function of this name, if there is one.
    pub fn address(&self, symbol: &str) -> Option<*const u8> {
        // SAFETY: the symbol is only asked for its address; calls say what they rely on.
        let found = unsafe { self.0.get::<*const u8>(symbol.as_bytes()) };
        found.ok().map(|symbol| *symbol)
    }
}

fn compile(cc: &str, source: &Path, object: &Path) -> Result<(), Failure> {
    let mut words = cc.split_whitespace();
    let program = words.next().ok_or_else(|| Failure::usage("--cc: expected a C compiler"))?;
    let mut command = Command::new(program);
    command.args(["-std=c11", "-shared", "-fPIC"]).args(words).arg("-o").arg(object).arg(source);
    let output = command.output().map_err(|error| Failure::usage(format!("--cc: {program}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first: String = said.lines().take(8).map(|line| format!("\n  {line}")).collect();
    Err(Diagnostic::error(format!("{program} refuses the C file:{first}")).into())
}

fn load(object: &Path) -> Result<Library, Failure> {
    // SAFETY: the file was just made of generated C, which has no initializers.
    let library = unsafe { libloading::Library::new(object) };
    let wrong = |error: libloading::Error| Diagnostic::error(format!("{}: {error}", object.display()));
    Ok(Library(library.map_err(wrong)?))
}
