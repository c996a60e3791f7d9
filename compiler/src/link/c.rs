//! The C file: what stands around the functions that `codegen::c` writes.

use super::element::code_name;
use super::header::{self, header};
use super::text::string_literal;
use super::{ABI_VERSION, Entries, FunctionNames, Interface, Names, Signature};
use crate::types::Aval;
use std::fmt::Write;

/// A file that defines what the header declares. `prelude` and `bodies` are the code generator's; the body of a function is
/// called under [`body_name`].
///
/// Invariant: a body per function of `interface`.
pub fn c_file(interface: &Interface, prelude: &str, bodies: &[String]) -> String {
    let mut text = header(interface);
    text.push('\n');
    text += prelude;
    let names = Names::new(interface);
    for ((signature, names), body) in interface.functions.iter().zip(&names.functions).zip(bodies) {
        let _ = write!(text, "\n{body}\n{}", entry(signature, names, interface.is_checked));
        if names.entries == Entries::Both {
            text += &header::with_each(signature, names);
            text += &header::collected(names);
        }
        text += &metadata(interface, signature, names);
    }
    text
}

/// What the general entry point calls. No name of a program begins with `rjax_`.
pub fn body_name(names: &FunctionNames) -> String {
    format!("rjax_{}_body", names.symbol)
}

/// The general entry point, with the checks that the header promises.
fn entry(signature: &Signature, names: &FunctionNames, is_checked: bool) -> String {
    let mut text = format!(
        "int32_t {}(const void *const *in, void *const *out, void *work, const rjax_exec *exec) {{\n",
        names.call_symbol
    );
    if is_checked {
        text += &checks(signature);
    } else {
        text += "  (void)exec;\n";
    }
    let _ = write!(text, "  return {}(in, out, (unsigned char *)work);\n}}\n", body_name(names));
    text
}

fn checks(signature: &Signature) -> String {
    let checks = signature.checks();
    let (inputs, outputs) = checks.arrays.split_at(signature.inputs.len());
    let (mut nulls, mut aligns) = (Vec::new(), Vec::new());
    let mut text = String::new();
    for (list, arrays) in [("in", inputs), ("out", outputs)] {
        if arrays.iter().any(Option::is_some) {
            let _ = writeln!(text, "  if ({list} == NULL) {{ return RJAX_NULL_POINTER; }}");
        }
        for (position, align) in arrays.iter().enumerate() {
            if let Some(align) = align {
                nulls.push(format!("{list}[{position}] == NULL"));
                aligns.push((format!("{list}[{position}]"), *align));
            }
        }
    }
    if let Some(align) = checks.work_align {
        nulls.push("work == NULL".into());
        aligns.push(("work".into(), align));
    }
    let aligns = aligns.iter().filter(|(_, align)| *align > 1);
    let aligns: Vec<String> =
        aligns.map(|(pointer, align)| format!("((uintptr_t){pointer} & {}) != 0", align - 1)).collect();
    for (conditions, status) in [(nulls, "RJAX_NULL_POINTER"), (aligns, "RJAX_MISALIGNED")] {
        for condition in conditions {
            let _ = writeln!(text, "  if ({condition}) {{ return {status}; }}");
        }
    }
    text + "  if (exec != NULL && exec->parallel_for == NULL) { return RJAX_BAD_EXECUTOR; }\n"
}

fn metadata(interface: &Interface, signature: &Signature, names: &FunctionNames) -> String {
    let (mut text, symbol) = (String::new(), format!("rjax_{}", names.metadata_symbol));
    for (role, arrays) in [("in", &signature.inputs), ("out", &signature.outputs)] {
        let shaped = |(_, aval): &&(String, Aval)| aval.rank() > 0;
        for (position, (_, aval)) in arrays.iter().enumerate().filter(|(_, array)| shaped(array)) {
            let extents: Vec<String> = aval.shape.extents().iter().map(usize::to_string).collect();
            let extents = extents.join(", ");
            let _ = writeln!(text, "static const int64_t {symbol}_{role}{position}[] = {{{extents}}};");
        }
        if arrays.is_empty() {
            continue;
        }
        let _ = writeln!(text, "static const rjax_array_info {symbol}_{role}[] = {{");
        for (position, (name, aval)) in arrays.iter().enumerate() {
            let shape = if aval.rank() > 0 { format!("{symbol}_{role}{position}") } else { "NULL".into() };
            let (name, dtype) = (string_literal(name), code_name(aval.dtype));
            let _ = writeln!(text, "  {{{name}, {shape}, {dtype}, {}}},", aval.rank());
        }
        text += "};\n";
    }
    let list = |role: &str, is_empty: bool| if is_empty { "NULL".into() } else { format!("{symbol}_{role}") };
    let _ = write!(
        text,
        "static const rjax_metadata {symbol}_data = {{\n  {ABI_VERSION}, {}, {}, 0, {}, {}, {}, {}, {}, {}, {},\n}};\n\
         const rjax_metadata *{}(void) {{\n  return &{symbol}_data;\n}}\n",
        signature.inputs.len(),
        signature.outputs.len(),
        string_literal(&signature.name),
        string_literal(&interface.target),
        list("in", signature.inputs.is_empty()),
        list("out", signature.outputs.is_empty()),
        signature.work_bytes,
        signature.work_align.max(1),
        string_literal(&interface.features.join(" ")),
        names.metadata_symbol,
    );
    text
}
