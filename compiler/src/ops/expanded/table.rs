//! What JAX itself expands before it compiles: the primitives whose program needs but their operands.

use super::{Meaning, Source, arithmetic, searching};
use crate::diag::TypeError;
use crate::ir::{Atom, Builder};

/// Emits the results. Errors: TypeError if the operands or the parameters do not fit.
type Expand = fn(&mut Builder, &Source, &[Atom]) -> Result<Vec<Atom>, TypeError>;

/// The one that does not look at its operands.
const TIE: &str = "tie";

const EXPANSIONS: [(&str, Expand); 7] = [
    ("log2", arithmetic::log2),
    ("polynomial", arithmetic::polynomial),
    ("Ldexp", arithmetic::ldexp),
    ("Frexp", arithmetic::frexp),
    ("SearchSorted", searching::search_sorted),
    ("Nonzero", searching::nonzero),
    (TIE, second),
];

/// The names in the table.
pub fn names() -> impl Iterator<Item = &'static str> {
    EXPANSIONS.iter().map(|(name, _)| *name)
}

pub(super) fn meaning(source: &Source) -> Option<Meaning> {
    let (_, expand) = EXPANSIONS.iter().find(|(name, _)| *name == source.name)?;
    if source.name != TIE
        && let Err(error) = source.of_numbers()
    {
        return Some(Err(error));
    }
    let (mut b, inputs) = source.inputs();
    let outputs = expand(&mut b, source, &inputs).map_err(|TypeError(why)| source.wrong(why));
    Some(outputs.map(|outputs| b.finish(outputs)))
}

/// The second operand, which waits for the first one. Source: JAX lax.tie.
fn second(_: &mut Builder, _: &Source, inputs: &[Atom]) -> Result<Vec<Atom>, TypeError> {
    match inputs {
        [_, second] => Ok(vec![*second]),
        _ => Err(TypeError(format!("expected 2 operands, found {}", inputs.len()))),
    }
}
