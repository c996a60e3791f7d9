//! Which instruction set extensions an object needs, and machine code that asks the processor for them.
//!
//! Cranelift has no instruction for the question, so the probe is written byte by byte. It preserves all registers, as
//! its calling convention (`PreserveAll`, which takes its first argument in rdi) asks.

use cranelift_codegen::isa::TargetIsa;

/// An extension: Cranelift's name, everyone's name, and where `cpuid` tells.
struct Feature {
    flag: &'static str,
    name: &'static str,
    place: Place,
    bit: u32,
}

/// A register of an answer of `cpuid`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Leaf1Ecx,
    Leaf7Ebx,
    Leaf7Ecx,
    ExtendedEcx,
}

/// The answers that one processor gives; a bit per feature at its [`Place`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    pub leaf1_ecx: u32,
    pub leaf7_ebx: u32,
    pub leaf7_ecx: u32,
    pub extended_ecx: u32,
    /// Parts of the register state that the operating system must save.
    pub state: u32,
}

/// What the probe stores.
pub(super) const SUPPORTED: i64 = 1;

// Intel's manual, volume 2, CPUID.
#[rustfmt::skip]
const X86_64: [Feature; 17] = [
    Feature { flag: "has_sse3", name: "sse3", place: Place::Leaf1Ecx, bit: 0 },
    Feature { flag: "has_ssse3", name: "ssse3", place: Place::Leaf1Ecx, bit: 9 },
    Feature { flag: "has_cmpxchg16b", name: "cx16", place: Place::Leaf1Ecx, bit: 13 },
    Feature { flag: "has_sse41", name: "sse4.1", place: Place::Leaf1Ecx, bit: 19 },
    Feature { flag: "has_sse42", name: "sse4.2", place: Place::Leaf1Ecx, bit: 20 },
    Feature { flag: "has_popcnt", name: "popcnt", place: Place::Leaf1Ecx, bit: 23 },
    Feature { flag: "has_avx", name: "avx", place: Place::Leaf1Ecx, bit: 28 },
    Feature { flag: "has_fma", name: "fma", place: Place::Leaf1Ecx, bit: 12 },
    Feature { flag: "has_bmi1", name: "bmi1", place: Place::Leaf7Ebx, bit: 3 },
    Feature { flag: "has_avx2", name: "avx2", place: Place::Leaf7Ebx, bit: 5 },
    Feature { flag: "has_bmi2", name: "bmi2", place: Place::Leaf7Ebx, bit: 8 },
    Feature { flag: "has_avx512f", name: "avx512f", place: Place::Leaf7Ebx, bit: 16 },
    Feature { flag: "has_avx512dq", name: "avx512dq", place: Place::Leaf7Ebx, bit: 17 },
    Feature { flag: "has_avx512vl", name: "avx512vl", place: Place::Leaf7Ebx, bit: 31 },
    Feature { flag: "has_avx512vbmi", name: "avx512vbmi", place: Place::Leaf7Ecx, bit: 1 },
    Feature { flag: "has_avx512bitalg", name: "avx512bitalg", place: Place::Leaf7Ecx, bit: 12 },
    Feature { flag: "has_lzcnt", name: "lzcnt", place: Place::ExtendedEcx, bit: 5 },
];

/// Extensions of aarch64 beyond what every one has; only `native` asks for them.
const AARCH64: [(&str, &str); 3] = [("has_lse", "lse"), ("has_pauth", "pauth"), ("has_fp16", "fp16")];

/// The operating system saves extended registers, and `xgetbv` may be asked which.
const OSXSAVE: u32 = 1 << 27;
/// SSE and AVX registers.
const AVX_STATE: u32 = 0x06;
/// Those and the mask and wide registers of AVX-512.
const AVX512_STATE: u32 = 0xe6;

fn has(isa: &dyn TargetIsa, flag: &str) -> bool {
    isa.isa_flags().iter().any(|found| found.name == flag && found.as_bool() == Some(true))
}

/// The extensions that code for `isa` may use, by the names that compilers and `/proc/cpuinfo` give them.
pub fn features(isa: &dyn TargetIsa) -> Vec<&'static str> {
    match isa.name() {
        "x64" => X86_64.iter().filter(|row| has(isa, row.flag)).map(|row| row.name).collect(),
        "aarch64" => {
            let more = AARCH64.iter().filter(|(flag, _)| has(isa, flag)).map(|(_, name)| *name);
            std::iter::once("neon").chain(more).collect()
        }
        _ => Vec::new(),
    }
}

/// What `cpuid` must answer for code for `isa` to run; none if every processor of the architecture will do, or if there
/// is no way to ask: extensions of aarch64 are the operating system's to tell.
pub(super) fn wanted(isa: &dyn TargetIsa) -> Option<Wanted> {
    if isa.name() != "x64" {
        return None;
    }
    let mut wanted = Wanted::default();
    for row in X86_64.iter().filter(|row| has(isa, row.flag)) {
        let register = match row.place {
            Place::Leaf1Ecx => &mut wanted.leaf1_ecx,
            Place::Leaf7Ebx => &mut wanted.leaf7_ebx,
            Place::Leaf7Ecx => &mut wanted.leaf7_ecx,
            Place::ExtendedEcx => &mut wanted.extended_ecx,
        };
        *register |= 1 << row.bit;
    }
    if has(isa, "has_avx") {
        wanted.leaf1_ecx |= OSXSAVE;
        wanted.state = if has(isa, "has_avx512f") { AVX512_STATE } else { AVX_STATE };
    }
    (wanted != Wanted::default()).then_some(wanted)
}

/// Machine code of `void probe(int32_t *answer)`, which stores [`SUPPORTED`] or something else but 0.
pub(super) fn probe(wanted: &Wanted) -> Vec<u8> {
    let mut code = Code::default();
    // push rax, rcx, rdx, rbx, r8; xor eax, eax; cpuid; mov r8d, eax: the number of the last leaf.
    code.put(&[0x50, 0x51, 0x52, 0x53, 0x41, 0x50, 0x31, 0xc0, 0x0f, 0xa2, 0x41, 0x89, 0xc0]);
    code.ask(1);
    code.expect_ecx(wanted.leaf1_ecx);
    if wanted.state != 0 {
        // xor ecx, ecx; xgetbv; and eax, state; cmp eax, state.
        code.put(&[0x31, 0xc9, 0x0f, 0x01, 0xd0, 0x25]);
        code.put(&wanted.state.to_le_bytes());
        code.put(&[0x3d]);
        code.put(&wanted.state.to_le_bytes());
        code.fail_if_not_equal();
    }
    if wanted.leaf7_ebx != 0 || wanted.leaf7_ecx != 0 {
        // cmp r8d, 7; jb fail.
        code.put(&[0x41, 0x83, 0xf8, 0x07, 0x0f, 0x82]);
        code.fail();
        code.ask(7);
        // and ebx, bits; cmp ebx, bits.
        code.put(&[0x81, 0xe3]);
        code.put(&wanted.leaf7_ebx.to_le_bytes());
        code.put(&[0x81, 0xfb]);
        code.put(&wanted.leaf7_ebx.to_le_bytes());
        code.fail_if_not_equal();
        code.expect_ecx(wanted.leaf7_ecx);
    }
    if wanted.extended_ecx != 0 {
        // Every x86-64 processor has this leaf.
        code.ask(0x8000_0001);
        code.expect_ecx(wanted.extended_ecx);
    }
    code.finish()
}

/// Bytes, and the jumps in them that go to the end where the probe fails.
#[derive(Default)]
struct Code {
    bytes: Vec<u8>,
    jumps: Vec<usize>,
}

impl Code {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// mov eax, leaf; xor ecx, ecx; cpuid.
    fn ask(&mut self, leaf: u32) {
        self.put(&[0xb8]);
        self.put(&leaf.to_le_bytes());
        self.put(&[0x31, 0xc9, 0x0f, 0xa2]);
    }

    /// and ecx, bits; cmp ecx, bits; jne fail.
    fn expect_ecx(&mut self, bits: u32) {
        self.put(&[0x81, 0xe1]);
        self.put(&bits.to_le_bytes());
        self.put(&[0x81, 0xf9]);
        self.put(&bits.to_le_bytes());
        self.fail_if_not_equal();
    }

    fn fail_if_not_equal(&mut self) {
        self.put(&[0x0f, 0x85]);
        self.fail();
    }

    /// The operand of a jump, known at the end.
    fn fail(&mut self) {
        self.jumps.push(self.bytes.len());
        self.put(&[0; 4]);
    }

    /// answer 1; fail: answer 2.
    fn finish(mut self) -> Vec<u8> {
        self.put(&answer(SUPPORTED as u8));
        let fail = self.bytes.len();
        self.put(&answer(2));
        for &jump in &self.jumps {
            let distance = (fail - (jump + 4)) as u32;
            self.bytes[jump..jump + 4].copy_from_slice(&distance.to_le_bytes());
        }
        self.bytes
    }
}

/// mov dword [rdi], value; pop r8, rbx, rdx, rcx, rax; ret.
fn answer(value: u8) -> [u8; 13] {
    [0xc7, 0x07, value, 0, 0, 0, 0x41, 0x58, 0x5b, 0x5a, 0x59, 0x58, 0xc3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codegen::target::{Output, Target};

    #[test]
    fn objects_name_what_they_need() {
        let names = |triple, cpu| {
            let target = Target::parse(Some(triple), cpu).expect("a known target");
            features(&*target.isa(Output::Object).expect("a target of this build"))
        };
        let v2 = ["sse3", "ssse3", "cx16", "sse4.1", "sse4.2", "popcnt"];
        assert_eq!(names("x86_64-unknown-linux-gnu", None), v2);
        let v3 = names("x86_64-unknown-linux-gnu", Some("x86-64-v3"));
        assert_eq!(v3[6..], ["avx", "fma", "bmi1", "avx2", "bmi2", "lzcnt"]);
        assert_eq!(names("aarch64-unknown-linux-gnu", None), ["neon"]);
    }

    #[test]
    fn jumps_lead_to_the_failing_end() {
        let wanted = Wanted { leaf1_ecx: 1, leaf7_ebx: 2, leaf7_ecx: 4, extended_ecx: 8, state: 6 };
        let code = probe(&wanted);
        let mut jumps = 0;
        for at in 0..code.len() - 6 {
            if code[at] == 0x0f && (code[at + 1] == 0x85 || code[at + 1] == 0x82) {
                let distance = u32::from_le_bytes(code[at + 2..at + 6].try_into().expect("four bytes"));
                assert_eq!(code[at + 6 + distance as usize..], answer(2));
                jumps += 1;
            }
        }
        assert_eq!(jumps, 6);
    }
}
