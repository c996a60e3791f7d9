//! Keywords of transformations, and what they say of a function.

use super::super::Entry;
use super::{By, Request};
use crate::diag::Diagnostic;
use crate::ir::Value;
use crate::ir::source::Keyword;
use crate::types::Aval;

impl Request<'_> {
    /// Errors: keywords that the transformation lacks, twice the same, or of another type.
    pub(super) fn check_keywords(&self) -> Result<(), Diagnostic> {
        let (name, known) = (self.row.name, self.row.keywords);
        let positional = self.keywords.iter().filter(|keyword| keyword.key.is_empty()).count();
        for (at, keyword) in self.keywords.iter().enumerate() {
            let repeated = self.keywords[..at].iter().any(|other| other.key == keyword.key);
            let by_position = known.iter().take(positional).any(|key| *key == keyword.key);
            let problem = match keyword.key.as_str() {
                "" if positional > known.len() => Some(format!("{name} takes {} keywords", known.len())),
                "" => None,
                key if !known.contains(&key) => Some(format!("{name} has no keyword {key}")),
                key if repeated || by_position => Some(format!("{key} is given twice")),
                _ => None,
            };
            if let Some(problem) = problem {
                let hint = match known {
                    [] => "it has none".to_string(),
                    known => format!("its keywords are {}", known.join(", ")),
                };
                return Err(Diagnostic::error(problem).at(keyword.span).hint(hint));
            }
        }
        match self.keyword("has_aux").filter(|keyword| !matches!(keyword.value, Value::Bool(_))) {
            None => Ok(()),
            Some(keyword) => {
                let message = format!("has_aux: expected True or False, found {}", keyword.value);
                Err(Diagnostic::error(message).at(keyword.span))
            }
        }
    }

    /// The value under a key, or at its position among those without one.
    pub(super) fn keyword(&self, key: &str) -> Option<&Keyword> {
        let named = self.keywords.iter().find(|keyword| keyword.key == key);
        let position = self.row.keywords.iter().position(|known| *known == key);
        let mut positional = self.keywords.iter().filter(|keyword| keyword.key.is_empty());
        named.or_else(|| position.and_then(|position| positional.nth(position)))
    }

    /// Are all outputs but the first auxiliary: returned as they are, not differentiated?
    pub(super) fn has_aux(&self) -> bool {
        self.keyword("has_aux").is_some_and(|keyword| keyword.value == Value::Bool(true))
    }

    /// The arguments to differentiate by, those of the row if no keyword says so. Errors: there are no such ones, or they
    /// cannot be differentiated.
    pub(super) fn argnums(&self) -> Result<Vec<usize>, Diagnostic> {
        let (program, name) = (&self.function.program, &self.function.name);
        let count = program.inputs.len();
        let (listed, span) = match self.keyword("argnums") {
            None => (self.usual_argnums(), self.span),
            Some(Keyword { value: Value::Int(argnum), span, .. }) => (vec![*argnum], *span),
            Some(Keyword { value, span, .. }) => match value.ints() {
                Some(argnums) => (argnums, *span),
                None => {
                    let message =
                        format!("argnums: expected an integer or a tuple of integers, found {value}");
                    return Err(Diagnostic::error(message).at(*span));
                }
            },
        };
        let mut argnums = Vec::new();
        for argnum in listed {
            let position = resolved(argnum, count);
            let position = position.ok_or_else(|| {
                let inputs = if count == 1 { "input" } else { "inputs" };
                let message = format!("argnums {argnum} is out of range: {name} has {count} {inputs}");
                Diagnostic::error(message).at(span).hint(self.leaves())
            })?;
            let aval = program.aval(program.inputs[position]);
            if !aval.dtype.is_inexact() {
                let message = format!("input {position} of {name} is {aval}, which cannot be differentiated");
                return Err(Diagnostic::error(message).at(span).hint(self.leaves()));
            }
            if argnums.contains(&position) {
                return Err(Diagnostic::error(format!("argnums lists {argnum} twice")).at(span));
            }
            argnums.push(position);
        }
        Ok(argnums)
    }

    fn usual_argnums(&self) -> Vec<i64> {
        let avals = self.function.program.input_avals();
        match self.row.by {
            By::Nothing => Vec::new(),
            By::First => vec![0],
            By::All => (0..avals.len() as i64).filter(|&at| avals[at as usize].dtype.is_inexact()).collect(),
        }
    }

    /// What `argnums` counts.
    fn leaves(&self) -> String {
        const SHOWN: usize = 20;
        let Entry { program, input_names, .. } = self.function;
        let inputs = input_names.iter().zip(program.input_avals()).enumerate();
        let rows = inputs.take(SHOWN).map(|(at, (name, aval))| format!("{at} is {name}: {aval}"));
        let more = if input_names.len() > SHOWN { ", ..." } else { "" };
        let rows = rows.collect::<Vec<_>>().join(", ");
        format!("argnums counts the arrays of the text, the leaves of Python's arguments: {rows}{more}")
    }

    /// One batch axis per value, among the axes that the value has with it.
    pub(super) fn axes(&self, key: &str, avals: &[Aval]) -> Result<Vec<Option<usize>>, Diagnostic> {
        let Some(Keyword { value, span, .. }) = self.keyword(key) else {
            return Ok(vec![Some(0); avals.len()]);
        };
        let values = match value {
            Value::Tuple(values) if values.len() != avals.len() => {
                let message = format!(
                    "{key} has {} entries, but {} has {}",
                    values.len(),
                    self.function.name,
                    avals.len()
                );
                return Err(Diagnostic::error(message).at(*span));
            }
            Value::Tuple(values) => values.clone(),
            one => vec![one.clone(); avals.len()],
        };
        let axis = |(value, aval): (&Value, &Aval)| match value {
            Value::None => Ok(None),
            Value::Int(axis) => resolved(*axis, aval.rank() + 1).map(Some).ok_or_else(|| {
                let message = format!("{key}: axis {axis} is out of range for a batch of {aval}");
                Diagnostic::error(message).at(*span)
            }),
            other => Err(Diagnostic::error(format!("{key}: expected axes or None, found {other}")).at(*span)),
        };
        values.iter().zip(avals).map(axis).collect()
    }
}

/// An index from the start, or, negative, from the end.
fn resolved(index: i64, count: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(count as i64)? } else { index };
    usize::try_from(index).ok().filter(|&index| index < count)
}
