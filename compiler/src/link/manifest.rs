//! The manifest: everything the header says, as JSON for build systems and test harnesses.

use super::{ABI_VERSION, FunctionNames, Interface, Names, Signature, dtype_code};
use crate::types::Aval;
use serde_json::{Value, json};

/// The text of the manifest. Keys are sorted, so that equal interfaces give equal bytes.
pub fn manifest(interface: &Interface) -> String {
    let names = Names::new(interface);
    let functions: Vec<Value> =
        interface.functions.iter().zip(&names.functions).map(|(f, names)| function(f, names)).collect();
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
    json!({
        "name": signature.name,
        "symbol": names.symbol,
        "call_symbol": names.call_symbol,
        "metadata_symbol": names.metadata_symbol,
        "inputs": arrays(&signature.inputs, &names.inputs),
        "outputs": arrays(&signature.outputs, &names.outputs),
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
