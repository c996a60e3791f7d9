//! Loop nests to C11: one function per compiled function, for any C compiler. No libm, no malloc, no global but
//! constants, no undefined behaviour.
//!
//! [`prelude`] is what all functions share; [`function`] writes one of them, a `static` one that takes the pointers of
//! the general entry point. Who calls it, under which name, is the business of `link`.

mod nest;
mod scalar;
mod statement;

use crate::diag::Diagnostic;
use crate::loops::{Block, Function};
use crate::types::{DType, Literal, Tensor};
use scalar::{c_type, unsigned};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

/// What one function becomes, or the reason why it has no C form.
type Emit<T> = Result<T, Diagnostic>;

/// Types, loads and stores, and the operations that C has no operators for.
pub fn prelude() -> &'static str {
    include_str!("prelude.h")
}

/// The text of `static int32_t NAME(const void *const *in, void *const *out, unsigned char *work)`, and of all it needs.
///
/// Errors: it calls a routine of the runtime, which has no C form.
pub fn function(function: &Function, name: &str) -> Result<String, Diagnostic> {
    let mut file = File { name, ..File::default() };
    let body = statement::body(&mut file, function)?;
    let mut text = file.definitions;
    let _ = write!(
        text,
        "static int32_t {name}(const void *const *in, void *const *out, unsigned char *work) {{\n{body}  \
         return 0;\n}}\n"
    );
    Ok(text)
}

/// What stands before a function.
#[derive(Default)]
struct File<'n> {
    // What names begin with.
    name: &'n str,
    definitions: String,
    constants: HashMap<Arc<Tensor>, String>,
    tables: HashMap<Arc<Vec<Literal>>, String>,
    slow: HashMap<Arc<Block>, String>,
}

impl File<'_> {
    /// A constant as an array of words, which its name is returned of.
    fn constant(&mut self, tensor: &Arc<Tensor>) -> String {
        if let Some(name) = self.constants.get(tensor) {
            return name.clone();
        }
        let name = format!("{}_constant{}", self.name, self.constants.len());
        let dtype = tensor.aval().dtype;
        let words = words(tensor.bytes(), word_bytes(dtype));
        self.array(&name, word_bytes(dtype), &words);
        self.constants.insert(tensor.clone(), name.clone());
        name
    }

    /// A table of a slow path, as words.
    fn table(&mut self, entries: &Arc<Vec<Literal>>) -> String {
        if let Some(name) = self.tables.get(entries) {
            return name.clone();
        }
        let name = format!("{}_table{}", self.name, self.tables.len());
        let width = entries.first().map_or(1, |entry| entry.dtype().size_bytes());
        let words: Vec<u64> = entries.iter().map(|entry| entry.bits() as u64).collect();
        self.array(&name, width, &words);
        self.tables.insert(entries.clone(), name.clone());
        name
    }

    fn array(&mut self, name: &str, width: usize, words: &[u64]) {
        let ty = unsigned(width);
        let _ = writeln!(self.definitions, "static _Alignas(64) const {ty} {name}[] = {{");
        let suffix = if width == 8 { "ull" } else { "u" };
        for line in words.chunks(8) {
            let line: Vec<String> = line.iter().map(|word| format!("0x{word:x}{suffix}")).collect();
            let _ = writeln!(self.definitions, "  {},", line.join(", "));
        }
        // C has no empty arrays.
        let _ = writeln!(self.definitions, "  {}}};", if words.is_empty() { "0" } else { "" });
    }

    /// The function of a slow path.
    fn slow(&mut self, block: &Arc<Block>) -> Emit<String> {
        if let Some(name) = self.slow.get(block) {
            return Ok(name.clone());
        }
        let params = block.params.iter().enumerate();
        let params = params.map(|(at, dtype)| Ok(format!("{} p{at}", c_type(*dtype)?)));
        let params = params.collect::<Emit<Vec<String>>>()?.join(", ");
        let result = *block.results.first().ok_or_else(|| Diagnostic::bug("a slow block has no result"))?;
        let arguments: Vec<String> = (0..block.params.len()).map(|at| format!("p{at}")).collect();
        let mut body = String::new();
        let values = scalar::block(self, &mut body, block, &arguments, "v", "  ")?;
        // Slow paths of its own are defined by now.
        let name = format!("{}_slow{}", self.name, self.slow.len());
        let ty = c_type(block.dtype(result))?;
        let value = &values[result.0 as usize];
        let params = if params.is_empty() { "void".to_string() } else { params };
        let _ = write!(self.definitions, "static {ty} {name}({params}) {{\n{body}  return {value};\n}}\n");
        self.slow.insert(block.clone(), name.clone());
        Ok(name)
    }
}

/// Bytes of the words that a constant is written in: one element, or one part of it.
fn word_bytes(dtype: DType) -> usize {
    match dtype {
        DType::C64 | DType::KeyFry => 4,
        DType::C128 => 8,
        other => other.size_bytes().max(1),
    }
}

fn words(bytes: &[u8], width: usize) -> Vec<u64> {
    let word = |chunk: &[u8]| chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    bytes.chunks(width).map(word).collect()
}
