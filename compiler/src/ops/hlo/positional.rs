//! Calls of LAPACK and BLAS as JAX made them before its calls had named arguments: sizes and options are leading operands,
//! and memory that the routine works in is among the results.
//!
//! Source: jaxlib 0.4.13 to 0.4.35, `lapack.py`.

use super::linalg;
use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Element, Op, Type};
use crate::ir::Atom;
use crate::ops::rules::hlo::{Import, Imported};
use crate::types::DType;

/// The routines without the letter of the dtype: how many scalars precede their arrays, and how many arrays follow.
const ROUTINES: &[(&str, usize, usize)] = &[
    ("trsm", 7, 3),
    ("getrf", 3, 1),
    ("geqrf", 4, 1),
    ("geqp3", 4, 2),
    ("orgqr", 5, 2),
    ("ungqr", 5, 2),
    ("potrf", 3, 1),
    ("gesdd", 6, 1),
    ("syevd", 3, 1),
    ("heevd", 3, 1),
    ("geev", 4, 1),
    ("gees", 4, 1),
    ("gehrd", 6, 1),
    ("sytrd", 5, 1),
    ("hetrd", 5, 1),
];

/// Reads a call: as the call with named arguments that JAX makes today.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    if cx.op.name != "stablehlo.custom_call" {
        return None;
    }
    let target = cx.op.attributes.text("call_target_name")?.to_string();
    let name = target.strip_prefix("lapack_").or_else(|| target.strip_prefix("blas_"))?;
    let routine = name.strip_prefix(['s', 'd', 'c', 'z'])?;
    let &(routine, scalars, arrays) = ROUTINES.iter().find(|(known, _, _)| *known == routine)?;
    let modern = format!("lapack_{name}_ffi");
    Some(if operands.len() == scalars + arrays {
        call(cx, routine, &modern, operands.split_at(scalars))
    } else {
        let (expected, found) = (scalars + arrays, operands.len());
        Err(Diagnostic::unsupported(format!("@{target}: expected {expected} operands, found {found}")))
    })
}

fn call(
    cx: &mut Import,
    routine: &str,
    target: &str,
    (scalars, arrays): (&[Atom], &[Atom]),
) -> Result<Vec<Atom>, Diagnostic> {
    let letter = |(name, letter): (&str, char)| {
        (name.to_string(), Attribute::Int(letter as i128, Element::Data(DType::U8)))
    };
    let options = options(cx, routine, scalars)?.into_iter().map(letter).collect();
    // A factor precedes the two arrays of `trsm`; today it would follow them.
    let order: Vec<usize> = if routine == "trsm" { vec![1, 2, 0] } else { (0..arrays.len()).collect() };
    let kept = results(routine, cx.results.len());
    let positions = order.iter().map(|position| scalars.len() + position);
    let attributes = Attributes::default()
        .with("call_target_name", Attribute::text(target))
        .with("mhlo.backend_config", Attribute::Dictionary(Attributes(options)))
        .with("operand_layouts", layouts(cx, "operand_layouts", positions)?)
        .with("result_layouts", layouts(cx, "result_layouts", kept.iter().copied())?);
    let missing = |&position: &usize| Diagnostic::error(format!("result {position} is missing"));
    let types =
        kept.iter().map(|position| cx.results.get(*position).cloned().ok_or_else(|| missing(position)));
    let types = types.collect::<Result<Vec<Type>, _>>()?;
    let op = Op { attributes, ..cx.op.clone() };
    let arrays: Vec<Atom> = order.iter().map(|&position| arrays[position]).collect();
    let found = linalg::from_hlo(&mut cx.instead(&op, &types), &arrays);
    let found = found.ok_or_else(|| Diagnostic::unsupported(format!("the call @{target}")))??;
    (0..cx.results.len())
        .map(|position| match kept.iter().position(|&other| other == position).and_then(|at| found.get(at)) {
            Some(&result) => Ok(result),
            None => cx.scratch(position),
        })
        .collect()
}

/// The options of today's call. Errors: an operand that decides is not known, or has another value than there are options.
fn options(cx: &Import, routine: &str, scalars: &[Atom]) -> Result<Vec<(&'static str, char)>, Diagnostic> {
    let value = |position: usize| {
        cx.known_ints(scalars[position]).map(|values| values.first().copied().unwrap_or(-1))
    };
    let unknown = |position: usize, value: i64| {
        Diagnostic::unsupported(format!("operand {position}: {value} is no option of {routine}"))
    };
    // A flag or a number that stands for a letter.
    let pick = |position: usize, letters: &str| {
        let value = value(position)?;
        let letter = usize::try_from(value).ok().and_then(|at| letters.chars().nth(at));
        letter.ok_or_else(|| unknown(position, value))
    };
    // A letter by its code.
    let code = |position: usize| {
        let value = value(position)?;
        u8::try_from(value).map(char::from).map_err(|_| unknown(position, value))
    };
    Ok(match routine {
        "trsm" => vec![
            ("side", pick(0, "RL")?),
            ("uplo", pick(1, "UL")?),
            ("trans_x", pick(2, "NTC")?),
            ("diag", pick(3, "NU")?),
        ],
        "potrf" | "syevd" | "heevd" => vec![("uplo", pick(0, "UL")?), ("mode", 'V')],
        "sytrd" | "hetrd" => vec![("uplo", pick(1, "UL")?)],
        "gesdd" => vec![("mode", if pick(1, "NV")? == 'N' { 'N' } else { pick(0, "SA")? })],
        "geev" => vec![("compute_left", code(2)?), ("compute_right", code(3)?)],
        "gees" => vec![("mode", code(2)?), ("sort", code(3)?)],
        _ => Vec::new(),
    })
}

/// Where the results of today's call are among the results; the others are work memory.
fn results(routine: &str, count: usize) -> Vec<usize> {
    match routine {
        "trsm" => vec![0],
        "potrf" | "orgqr" | "ungqr" => (0..2).collect(),
        "getrf" | "geqrf" | "syevd" | "heevd" | "gehrd" => (0..3).collect(),
        "geqp3" => (0..4).collect(),
        "gesdd" | "sytrd" | "hetrd" => (0..5).collect(),
        // Real matrices have eigenvalues in two arrays.
        "geev" if count == 8 => (3..8).collect(),
        "geev" => (2..6).collect(),
        // The vectors behind the form; eigenvalues, or work memory in their place, are not read.
        "gees" => vec![0, 3, 1, 2, 4, 5],
        _ => (0..count).collect(),
    }
}

/// The layouts of some arrays. Errors: the call does not say them.
fn layouts(cx: &Import, name: &str, positions: impl Iterator<Item = usize>) -> Result<Attribute, Diagnostic> {
    let all = match cx.op.attributes.get(name) {
        Some(Attribute::List(layouts)) => layouts.as_slice(),
        _ => &[],
    };
    let layout =
        |position: usize| all.get(position).cloned().ok_or_else(|| cx.missing(name, "a layout per array"));
    Ok(Attribute::List(positions.map(layout).collect::<Result<_, _>>()?))
}
