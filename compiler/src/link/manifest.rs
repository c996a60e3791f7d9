//! The manifest: everything the header says, as JSON for build systems and test harnesses.

use super::{ABI_VERSION, FunctionNames, Interface, Names, Signature, dtype_code};
use crate::ir::source::LeftOut;
use crate::types::Aval;
use serde_json::{Value, json};

/// What is known of the time and the stack that a function takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RealTime {
    /// Units: bytes of stack that compiled code takes, without that of the routines.
    pub stack_bytes: u64,
    /// Symbols of the runtime that may be called.
    pub routines: Vec<String>,
    /// Where the text has loops that end when a value says so: `model.ir:3:5`.
    pub unbounded_loops: Vec<String>,
}

/// The text of the manifest. Keys are sorted, so that equal interfaces give equal bytes.
///
/// `bounds` has an entry per function, or none.
pub fn manifest(interface: &Interface, bounds: &[RealTime]) -> String {
    let names = Names::new(interface);
    let mut functions: Vec<Value> =
        interface.functions.iter().zip(&names.functions).map(|(f, names)| function(f, names)).collect();
    for (function, bounds) in functions.iter_mut().zip(bounds) {
        function["stack_bytes"] = json!(bounds.stack_bytes);
        function["routines"] = json!(bounds.routines);
        function["unbounded_loops"] = json!(bounds.unbounded_loops);
    }
    let value = json!({
        "abi_version": ABI_VERSION,
        "functions": functions,
        "checks": interface.is_checked,
        "prefix": interface.prefix,
        "processor_features": interface.features,
        "target": interface.target,
        "uses_runtime": interface.uses_runtime(),
        "version": interface.version,
    });
    let mut text = serde_json::to_string_pretty(&value).expect("a JSON value always has a text");
    text.push('\n');
    text
}

fn function(signature: &Signature, names: &FunctionNames) -> Value {
    let arrays = |arrays: &[(String, Aval)], identifiers: &[String]| -> Vec<Value> {
        arrays
            .iter()
            .zip(identifiers)
            .map(|((name, aval), identifier)| array(name, aval, identifier))
            .collect()
    };
    let (is_complete, left_out) = match &signature.left_out {
        LeftOut::Exactly(names) => (true, names),
        LeftOut::AtLeast(names) => (false, names),
    };
    json!({
        "name": signature.name,
        "symbol": names.symbol,
        "call_symbol": names.call_symbol,
        "metadata_symbol": names.metadata_symbol,
        "inputs": arrays(&signature.inputs, &names.inputs),
        "outputs": arrays(&signature.outputs, &names.outputs),
        // Arguments of the Python function without an input, and whether there can be others.
        "left_out": {"names": left_out, "is_complete": is_complete},
        "work_bytes": signature.work_bytes,
        "work_align": signature.work_align.max(1),
        "uses_runtime": signature.uses_runtime,
    })
}

fn array(name: &str, aval: &Aval, identifier: &str) -> Value {
    json!({
        "name": name,
        "identifier": identifier,
        "dtype": aval.dtype.short_name(),
        "dtype_code": dtype_code(aval.dtype),
        "shape": aval.shape.extents(),
        "bytes": aval.size_bytes(),
    })
}
