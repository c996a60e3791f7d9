//! What `rjaxc MODEL.ir` can write.

use clap::ValueEnum;

/// One kind of output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Kind {
    /// The object file, or the archive if the output is named OUT.a
    Obj,
    /// Machine code as text
    Asm,
    /// Cranelift's intermediate representation
    Clif,
    /// The program after all passes over programs
    Ir,
    /// The loop nests after all passes over loops
    Loops,
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
    /// MLIR for accelerators
    Mlir,
    /// Nvidia's PTX
    Ptx,
    /// SPIR-V
    Spirv,
}

/// What is written when the command line does not say.
pub const DEFAULT: [Kind; 4] = [Kind::Obj, Kind::Header, Kind::Rust, Kind::Json];

impl Kind {
    /// What replaces the extension of the output's name.
    pub fn extension(self) -> &'static str {
        match self {
            Kind::Obj => "o",
            Kind::Asm => "s",
            Kind::Clif => "clif",
            // A plain `.ir` is what programs are called.
            Kind::Ir => "optimized.ir",
            Kind::Loops => "loops",
            Kind::Header => "h",
            Kind::Rust => "rs",
            Kind::Json => "json",
            Kind::Runtime => "runtime.a",
            Kind::Stablehlo | Kind::Mlir => "mlir",
            Kind::Ptx => "ptx",
            Kind::Spirv => "spv",
        }
    }

    pub fn is_text(self) -> bool {
        !matches!(self, Kind::Obj | Kind::Runtime | Kind::Spirv)
    }

    /// Can this version write it?
    pub fn is_supported(self) -> bool {
        match self {
            Kind::Obj | Kind::Clif | Kind::Ir | Kind::Loops | Kind::Header => true,
            Kind::Rust | Kind::Json | Kind::Runtime | Kind::Stablehlo => true,
            Kind::Asm | Kind::Mlir | Kind::Ptx | Kind::Spirv => false,
        }
    }

    /// The name in `--emit`.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_string()).unwrap_or_default()
    }
}
