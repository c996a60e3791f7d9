//! What `rjaxc MODEL.ir` can write.

use clap::ValueEnum;

/// One kind of output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Kind {
    /// The object file, or the archive if the output is named OUT.a
    Obj,
    /// Cranelift's intermediate representation
    Clif,
    /// The program after all passes over programs
    Ir,
    /// The loop nests after all passes over loops
    Loops,
    /// The loops of each nest, with addresses in bytes
    Tree,
    /// One file of C11 that does what the object does, for any C compiler
    C,
    /// The C header
    Header,
    /// The Rust module
    Rust,
    /// The manifest: names, types and sizes as JSON
    Json,
    /// The static archive of the runtime
    Runtime,
    /// StableHLO text
    Stablehlo,
}

/// What is written when the command line does not say.
pub const DEFAULT: [Kind; 4] = [Kind::Obj, Kind::Header, Kind::Rust, Kind::Json];

impl Kind {
    /// What replaces the extension of the output's name.
    pub fn extension(self) -> &'static str {
        match self {
            Kind::Obj => "o",
            Kind::Clif => "clif",
            // A plain `.ir` is what programs are called.
            Kind::Ir => "optimized.ir",
            Kind::Loops => "loops",
            Kind::Tree => "tree",
            Kind::C => "c",
            Kind::Header => "h",
            Kind::Rust => "rs",
            Kind::Json => "json",
            Kind::Runtime => "runtime.a",
            Kind::Stablehlo => "mlir",
        }
    }

    pub fn is_text(self) -> bool {
        !matches!(self, Kind::Obj | Kind::Runtime)
    }
}
