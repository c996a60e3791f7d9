//! What code is generated for: a target triple and a set of CPU features.

use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use target_lexicon::{Architecture, BinaryFormat, OperatingSystem, Triple};

/// The instruction set to generate code for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    triple: Triple,
    cpu: Cpu,
}

/// A set of instruction set extensions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cpu {
    /// SSE4.2 and popcnt: every x86-64 since 2009.
    X86_64V2,
    /// AVX2, FMA, BMI and lzcnt: every x86-64 server since 2015.
    X86_64V3,
    /// NEON.
    Aarch64,
    /// What the machine that runs the compiler has.
    Native,
}

/// What becomes of the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// An object file: position independent.
    Object,
    /// Memory of this process.
    Memory,
}

const CPUS: [(&str, Cpu); 4] = [
    ("x86-64-v2", Cpu::X86_64V2),
    ("x86-64-v3", Cpu::X86_64V3),
    ("generic-aarch64", Cpu::Aarch64),
    ("native", Cpu::Native),
];

const V2_FEATURES: [&str; 6] =
    ["has_cmpxchg16b", "has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt"];
const V3_FEATURES: [&str; 6] = ["has_avx", "has_avx2", "has_fma", "has_bmi1", "has_bmi2", "has_lzcnt"];

impl Target {
    /// Reads `--target=` and `--target-cpu=`. Without a triple it is the host's; without a CPU, the least one of
    /// the architecture: that is the default of every command, so that they all run the same code.
    /// Errors: a message that lists what exists.
    pub fn parse(triple: Option<&str>, cpu: Option<&str>) -> Result<Target, String> {
        let triple = triple.map_or(Ok(Triple::host()), parse_triple)?;
        let least = match triple.architecture {
            Architecture::X86_64 => Cpu::X86_64V2,
            _ => Cpu::Aarch64,
        };
        let cpu = cpu.map_or(Ok(least), |name| parse_cpu(name, &triple))?;
        Ok(Target { triple, cpu })
    }

    pub fn triple(&self) -> &Triple {
        &self.triple
    }

    /// The extensions that code for this target may use: `sse4.2`, `avx2`, ... None if the host of `native` is not supported.
    pub fn features(&self) -> Vec<String> {
        let isa = self.isa(Output::Object);
        isa.map_or(Vec::new(), |isa| super::cpu::features(&*isa).into_iter().map(str::to_string).collect())
    }

    pub fn cpu(&self) -> Cpu {
        self.cpu
    }

    /// Cranelift's description of the target.
    /// Errors: a message, if the host of `native` is not supported.
    pub fn isa(&self, output: Output) -> Result<OwnedTargetIsa, String> {
        let mut builder = isa::lookup(self.triple.clone()).map_err(|error| error.to_string())?;
        let names: &[&[&str]] = match self.cpu {
            Cpu::X86_64V2 => &[&V2_FEATURES],
            Cpu::X86_64V3 => &[&V2_FEATURES, &V3_FEATURES],
            Cpu::Aarch64 => &[],
            Cpu::Native => {
                cranelift_native::infer_native_flags(&mut builder)?;
                &[]
            }
        };
        for name in names.concat() {
            builder.enable(name).map_err(|error| error.to_string())?;
        }
        builder.finish(self.flags(output)).map_err(|error| error.to_string())
    }

    fn flags(&self, output: Output) -> settings::Flags {
        // COFF has no global offset table; its loader relocates code instead.
        let is_pic = output == Output::Object && self.triple.binary_format != BinaryFormat::Coff;
        // Unwind tables would need text relocations in position independent executables; compiled code never
        // unwinds.
        let settings = [
            ("opt_level", "speed"),
            ("is_pic", if is_pic { "true" } else { "false" }),
            ("use_colocated_libcalls", "false"),
            ("unwind_info", "false"),
            ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
            ("enable_probestack", "false"),
        ];
        let mut builder = settings::builder();
        for (name, value) in settings {
            builder.set(name, value).expect("the settings above exist in this version of Cranelift");
        }
        settings::Flags::new(builder)
    }
}

fn parse_triple(text: &str) -> Result<Triple, String> {
    let known = "expected x86_64 on linux, darwin or windows, or aarch64 on linux or darwin, \
                 such as x86_64-unknown-linux-gnu, aarch64-apple-darwin or x86_64-pc-windows-msvc";
    let triple: Triple = text.parse().map_err(|error| format!("target `{text}`: {error}; {known}"))?;
    let architecture_is_known =
        matches!(triple.architecture, Architecture::X86_64 | Architecture::Aarch64(_));
    let system_is_known = matches!(
        triple.operating_system,
        OperatingSystem::Linux
            | OperatingSystem::Darwin(_)
            | OperatingSystem::MacOSX { .. }
            | OperatingSystem::IOS(_)
            | OperatingSystem::Windows
            | OperatingSystem::None_
    );
    let format_is_known =
        matches!(triple.binary_format, BinaryFormat::Elf | BinaryFormat::Macho | BinaryFormat::Coff);
    if matches!(triple.architecture, Architecture::Aarch64(_)) && triple.binary_format == BinaryFormat::Coff {
        return Err(format!(
            "target `{text}` is not supported: Cranelift has no relocations for arm64 COFF; {known}"
        ));
    }
    if architecture_is_known && system_is_known && format_is_known {
        Ok(triple)
    } else {
        Err(format!("unknown target `{text}`; {known}"))
    }
}

fn parse_cpu(name: &str, triple: &Triple) -> Result<Cpu, String> {
    let fits = |cpu: Cpu| match cpu {
        Cpu::X86_64V2 | Cpu::X86_64V3 => triple.architecture == Architecture::X86_64,
        Cpu::Aarch64 => matches!(triple.architecture, Architecture::Aarch64(_)),
        Cpu::Native => triple.architecture == Triple::host().architecture,
    };
    let found = CPUS.iter().find(|(known, cpu)| *known == name && fits(*cpu));
    found.map(|(_, cpu)| *cpu).ok_or_else(|| {
        let names: Vec<&str> = CPUS.iter().filter(|(_, cpu)| fits(*cpu)).map(|(known, _)| *known).collect();
        format!("unknown CPU `{name}` for target `{triple}`; expected one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_triples_and_cpus() {
        for triple in ["x86_64-unknown-linux-gnu", "x86_64-apple-darwin", "x86_64-pc-windows-msvc"] {
            for cpu in [None, Some("x86-64-v2"), Some("x86-64-v3")] {
                let target = Target::parse(Some(triple), cpu).expect("a known target");
                assert_eq!(
                    target.isa(Output::Object).expect("a target of this build").triple(),
                    target.triple()
                );
            }
        }
        for triple in ["aarch64-unknown-linux-gnu", "aarch64-apple-darwin"] {
            let target = Target::parse(Some(triple), None).expect("a known target");
            assert_eq!(target.cpu(), Cpu::Aarch64);
            assert!(target.isa(Output::Object).is_ok());
        }
    }

    #[test]
    fn errors_list_what_exists() {
        let error = |triple, cpu| Target::parse(Some(triple), cpu).expect_err("an unknown target");
        assert!(error("riscv64gc-unknown-linux-gnu", None).contains("aarch64"));
        assert!(error("pdp11", None).contains("x86_64-unknown-linux-gnu"));
        assert!(error("x86_64-unknown-linux-gnu", Some("z80")).contains("x86-64-v3"));
        assert!(!error("aarch64-unknown-linux-gnu", Some("x86-64-v3")).ends_with("x86-64-v3"));
    }
}
