//! The inputs of a call: arrays of an `.npz` file, `.npy` files, and literals on the command line.

mod literal;

use crate::args::InputArgs;
use crate::failure::Failure;
use crate::npz::Npz;
use crate::weights::read_npy;
use rjaxc_compiler::diag::Diagnostic;
use rjaxc_compiler::exports::Entry;
use rjaxc_compiler::types::{Aval, Tensor};
use std::collections::HashSet;
use std::path::Path;

/// Collects the inputs of `entry`, which are of these types, its own or narrower ones. Errors: everything that is missing,
/// too much, or of the wrong type.
pub fn collect(args: &InputArgs, entry: &Entry, avals: &[Aval]) -> Result<Vec<Tensor>, Failure> {
    match &args.args {
        Some(path) => from_npz(path, &entry.input_names, avals).map_err(failure),
        None => from_words(&args.inputs, entry, avals),
    }
}

/// Reads `arg0`, `arg1`, ..., the `arr_0`, `arr_1`, ... of `np.savez(f, *args)`, or arrays under the names of the inputs.
/// Arrays `const0`, ... may stand beside them.
///
/// Errors: one message per array.
pub fn from_npz(path: &Path, names: &[String], avals: &[Aval]) -> Result<Vec<Tensor>, Vec<String>> {
    let mut npz = Npz::open(path).map_err(|error| vec![error])?;
    let found = npz.names();
    let keys = keys(names, &found);
    let mut errors = Vec::new();
    let mut tensors = Vec::new();
    for (key, aval) in keys.iter().zip(avals) {
        match npz.read(key, Some(aval)) {
            Ok(tensor) => tensors.push(tensor),
            Err(message) => errors.push(message),
        }
    }
    for extra in found.iter().filter(|name| !keys.contains(name) && !is_numbered(name, "const")) {
        let count = avals.len();
        errors.push(format!(
            "{}: array {extra} belongs to no input; the function takes {count}",
            path.display()
        ));
    }
    if errors.is_empty() { Ok(tensors) } else { Err(errors) }
}

/// Where each input stands: under its name if all names are distinct and the file has an array of one, else by number.
fn keys(names: &[String], found: &[String]) -> Vec<String> {
    let distinct: HashSet<&String> = names.iter().collect();
    let all_numbered =
        |stem: &str| found.iter().all(|name| is_numbered(name, stem) || is_numbered(name, "const"));
    let numbered = |stem: &str| (0..names.len()).map(|position| format!("{stem}{position}")).collect();
    match ["arg", "arr_"].into_iter().find(|stem| all_numbered(stem)) {
        Some(stem) => numbered(stem),
        None if distinct.len() == names.len() => names.to_vec(),
        None => numbered("arg"),
    }
}

fn is_numbered(name: &str, stem: &str) -> bool {
    let digits = name.strip_prefix(stem);
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn from_words(words: &[String], entry: &Entry, avals: &[Aval]) -> Result<Vec<Tensor>, Failure> {
    if words.len() != avals.len() {
        let types = entry.input_names.iter().zip(avals);
        let types: Vec<String> = types.map(|(name, aval)| format!("{name}: {aval}")).collect();
        let message = format!("{} takes {} inputs, found {}", entry.name, avals.len(), words.len());
        let hint = format!("inputs are ({}); give them in order, or all in --args IN.npz", types.join(", "));
        return Err(Diagnostic::error(message).hint(hint).into());
    }
    let mut errors = Vec::new();
    let mut tensors = Vec::new();
    for ((word, name), aval) in words.iter().zip(&entry.input_names).zip(avals) {
        let tensor = if word.ends_with(".npy") {
            read_npy(Path::new(word), Some(aval))
        } else {
            literal::parse(word, aval).map_err(|reason| format!("input {name}: {reason}"))
        };
        match tensor {
            Ok(tensor) => tensors.push(tensor),
            Err(message) => errors.push(message),
        }
    }
    if errors.is_empty() { Ok(tensors) } else { Err(failure(errors)) }
}

fn failure(messages: Vec<String>) -> Failure {
    messages.into_iter().map(Diagnostic::error).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::keys;

    #[test]
    fn arrays_stand_under_names_or_numbers() {
        let strings = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let keys = |names, found| keys(&strings(names), &strings(found));
        assert_eq!(keys(&["x", "y"], &["arg0", "arg1", "const0"]), ["arg0", "arg1"]);
        assert_eq!(keys(&["x", "y"], &["arr_0", "arr_1"]), ["arr_0", "arr_1"]);
        assert_eq!(keys(&["x", "y"], &["x", "y"]), ["x", "y"]);
        assert_eq!(keys(&["x", "x"], &["x"]), ["arg0", "arg1"]);
        assert_eq!(keys(&["x", "arr_0"], &["x", "arr_0"]), ["x", "arr_0"]);
    }
}
