//! What stands beside the machine code: the C header, the Rust module, the manifest, the metadata and the archive.
//!
//! Every function here is pure: a description of the compiled functions in, text or bytes out.
//!
//! # Note: names
//!
//! A program's names follow the rules of jaxprs, the outside world has those of C, C++ and Rust. [`Names`]
//! maps the first to the second in one place; the header, the Rust module and the code generator read it, so
//! that they cannot disagree on a symbol.
//!
//! # Note: stability
//!
//! The numbers of [`status`] and of [`dtype_code`], and the layout of `rjax_metadata`, `rjax_array_info` and
//! `rjax_exec` are the ABI. They change only together with [`ABI_VERSION`]. (Before the first release a field may be appended.)

mod archive;
mod c;
mod element;
mod header;
mod manifest;
mod metadata;
mod names;
mod rust;
pub mod status;
mod text;

pub use archive::{archive, runtime_archive};
pub use c::{body_name, c_file};
pub use element::dtype_code;
pub use header::header;
pub use manifest::{RealTime, manifest};
pub use metadata::{Blob, metadata};
pub use names::{Entries, FunctionNames, Names};
pub use rust::rust_module;
pub use text::{comment_text, is_symbol_prefix};

use crate::codegen::cpu::{Checks, Codes};
use crate::ir::source::LeftOut;
use crate::types::Aval;

/// The version of the C ABI that generated code follows.
pub const ABI_VERSION: u32 = 1;

/// The symbol that the runtime of this ABI version defines. Code that calls the runtime refers to it, so that
/// a runtime of another version is an error of the linker and not a crash.
pub const ABI_SYMBOL: &str = "rjax_abi_1";

/// One compiled function, as its callers see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    /// The name in the program.
    pub name: String,
    pub inputs: Vec<(String, Aval)>,
    pub outputs: Vec<(String, Aval)>,
    /// What a caller might miss among the inputs.
    pub left_out: LeftOut,
    /// Units: bytes of scratch memory that a call needs; 0 if none.
    pub work_bytes: usize,
    /// Units: bytes. Invariant: a power of two, also when `work_bytes` is 0.
    pub work_align: usize,
    /// Does the function refer to a symbol of the runtime?
    pub uses_runtime: bool,
}

/// All compiled functions of one object file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    /// What the symbols begin with; by default the stem of the file name. May be empty.
    pub prefix: String,
    pub functions: Vec<Signature>,
    /// The target triple.
    pub target: String,
    /// The instruction set extensions that the code may use.
    pub features: Vec<String>,
    /// Do the functions verify processor, pointers and executor before anything else?
    pub is_checked: bool,
    /// The version of rjaxc.
    pub version: String,
}

impl Signature {
    /// What the function requires of its pointers. An array of no bytes has no address that would matter.
    pub fn checks(&self) -> Checks {
        let arrays = self.inputs.iter().chain(&self.outputs);
        let align = |(_, aval): &(String, Aval)| (aval.size_bytes() > 0).then(|| element::align(aval.dtype));
        Checks {
            arrays: arrays.map(align).collect(),
            work_align: (self.work_bytes > 0).then_some(self.work_align),
            codes: Codes {
                null_pointer: status::NULL_POINTER,
                misaligned: status::MISALIGNED,
                unsupported_cpu: status::UNSUPPORTED_CPU,
                bad_executor: status::BAD_EXECUTOR,
            },
        }
    }
}

impl Interface {
    /// Does any function refer to a symbol of the runtime?
    pub fn uses_runtime(&self) -> bool {
        self.functions.iter().any(|function| function.uses_runtime)
    }
}

#[cfg(test)]
mod tests;
