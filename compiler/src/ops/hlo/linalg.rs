//! Linear algebra: the calls of LAPACK that JAX makes on CPUs, and the two decompositions that StableHLO has itself.
//!
//! Where LAPACK reports failure by a status, the primitives return NaN themselves, which is what JAX's text makes of the
//! status; so every status read here is success.

use super::positional;
use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes, Value};
use crate::ir::{self, Atom, Params};
use crate::ops::elementwise::{Binary, BinaryKind, ComplexPart, PartKind};
use crate::ops::linalg::*;
use crate::ops::rules::hlo::{Export, Import, Imported, StableHlo};
use crate::ops::rules::{NoRule, Rule};
use crate::types::{DType, Literal};

/// Reads a call of LAPACK or a decomposition.
pub fn from_hlo(cx: &mut Import, operands: &[Atom]) -> Imported {
    let result = match cx.op.name.as_str() {
        "stablehlo.triangular_solve" => triangular_solve(cx, operands),
        "stablehlo.cholesky" if cx.op.attributes.flag("lower") => cx.emit(Cholesky, operands),
        "stablehlo.custom_call" => {
            return library(cx, operands).or_else(|| positional::from_hlo(cx, operands));
        }
        _ => return None,
    };
    Some(result)
}

/// A call of a library: LAPACK's on CPUs, and what JAX lowers to on other machines, which is for arrays by rows.
fn library(cx: &mut Import, operands: &[Atom]) -> Imported {
    let target = cx.op.attributes.text("call_target_name")?.to_string();
    let result = match target.as_str() {
        "tridiagonal_solve_perturbed_ffi" => cx.emit(TridiagonalSolve { perturb_singular: true }, operands),
        "LuDecomposition" => cx.emit(Lu, operands),
        "Qr" => cx.emit(Geqrf, operands),
        "ProductOfElementaryHouseholderReflectors" => cx.emit(HouseholderProduct, operands),
        "Eigh" => eigh_by_rows(cx, operands),
        _ => {
            let routine = target.strip_prefix("lapack_")?.strip_suffix("_ffi")?.get(1..)?;
            return lapack(cx, routine, operands);
        }
    };
    Some(result)
}

/// A routine of LAPACK by its name without the letter of the dtype.
fn lapack(cx: &mut Import, routine: &str, operands: &[Atom]) -> Imported {
    if let Err(error) = matrices_by_columns(cx, operands) {
        return Some(Err(error));
    }
    let found = match routine {
        "getrf" => lu(cx, operands),
        "potrf" => cx.letter("uplo", "L").and_then(|_| cx.emit(Cholesky, operands)),
        "trsm" => trsm(cx, operands),
        "geqrf" => cx.emit(Geqrf, operands),
        "geqp3" => cx.emit(Geqp3 { use_magma: ir::Value::None }, operands),
        "orgqr" | "ungqr" => cx.emit(HouseholderProduct, operands),
        "ormqr" | "unmqr" => {
            let (is_left, is_transposed) = (cx.config_flag("left"), cx.config_flag("transpose"));
            cx.emit(Ormqr { is_left, is_transposed }, operands)
        }
        "syevd" | "heevd" => cx.letter("uplo", "LU").and_then(|uplo| {
            let is_lower = uplo == 'L';
            cx.emit(
                Eigh { is_lower, subset: None, sort_eigenvalues: true, algorithm: ir::Value::None },
                operands,
            )
        }),
        "gesdd" | "gesvd" => svd(cx, operands),
        "geev" => eig(cx, operands),
        "gees" => schur(cx, operands),
        "gehrd" => cx.emit(Hessenberg, operands),
        "sytrd" | "hetrd" => {
            cx.letter("uplo", "LU").and_then(|uplo| cx.emit(Tridiagonal { is_lower: uplo == 'L' }, operands))
        }
        "gtsv" => tridiagonal_solve(cx, operands),
        _ => return None,
    };
    Some(found.and_then(|results| with_status(cx, results)))
}

/// LAPACK takes matrices by columns; JAX says so in the layouts of the call, which the primitives have no use for.
///
/// Errors: a matrix is laid out by rows, so that the routine would see its transpose.
fn matrices_by_columns(cx: &Import, operands: &[Atom]) -> Result<(), Diagnostic> {
    let of_operands: Vec<usize> = operands.iter().map(|&x| cx.builder.aval(x).rank()).collect();
    let of_results = (0..cx.results.len()).map(|position| Ok(cx.result(position)?.rank()));
    let of_results = of_results.collect::<Result<Vec<usize>, Diagnostic>>()?;
    // Vectors of the same batch have a lower rank.
    let rank = of_operands.iter().copied().max().unwrap_or(0);
    for (name, ranks) in [("operand_layouts", of_operands), ("result_layouts", of_results)] {
        let layouts = match cx.op.attributes.get(name) {
            Some(Attribute::List(layouts)) => layouts.as_slice(),
            _ => &[],
        };
        for (position, _) in ranks.iter().enumerate().filter(|(_, found)| **found == rank && rank >= 2) {
            let axes = layouts.get(position).and_then(Attribute::ints).unwrap_or_default();
            if axes.get(..2) != Some(&[rank as i64 - 2, rank as i64 - 1]) {
                return Err(Diagnostic::unsupported(format!(
                    "array {position} of {name}: expected a matrix by columns, found the axes {axes:?} from the fastest to the slowest"
                )));
            }
        }
    }
    Ok(())
}

impl Import<'_> {
    /// A letter among the arguments of a LAPACK routine.
    ///
    /// Errors: the argument is missing, or none of the `known` letters.
    fn letter(&self, name: &str, known: &str) -> Result<char, Diagnostic> {
        let code = self.config().and_then(|fields| fields.int(name));
        let letter = code.and_then(|code| u8::try_from(code).ok()).map(char::from);
        letter.filter(|letter| known.contains(*letter)).ok_or_else(|| {
            let found = letter.map_or("nothing".to_string(), String::from);
            Diagnostic::unsupported(format!(
                "the argument {name}: expected a letter of {known}, found {found}"
            ))
        })
    }

    fn config_flag(&self, name: &str) -> bool {
        self.config().is_some_and(|fields| fields.flag(name))
    }

    /// The result at a position filled with one value.
    fn filled(&mut self, position: usize, value: f64) -> Result<Atom, Diagnostic> {
        let aval = self.result(position)?;
        let value = Atom::Literal(Literal::from_f64(aval.dtype, value));
        Ok(self.builder.broadcast_in_dim(value, aval.shape, &[]))
    }

    /// What a routine leaves in memory that nobody reads: NaN, so that reading it shows.
    pub(super) fn scratch(&mut self, position: usize) -> Result<Atom, Diagnostic> {
        let is_float = self.result(position)?.dtype.is_inexact();
        self.filled(position, if is_float { f64::NAN } else { 0.0 })
    }
}

/// The results with the status at the end, if the call has one.
fn with_status(cx: &mut Import, mut results: Vec<Atom>) -> Result<Vec<Atom>, Diagnostic> {
    let count = cx.results.len();
    if results.len() + 1 == count && cx.result(count - 1)?.dtype == DType::I32 {
        results.push(cx.filled(count - 1, 0.0)?);
    }
    Ok(results)
}

/// The matrix, the right-hand side and, in older text, a factor.
fn trsm(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let transposition = cx.letter("trans_x", "NTC")?;
    let op = TriangularSolve {
        is_left: cx.letter("side", "LR")? == 'L',
        is_lower: cx.letter("uplo", "LU")? == 'L',
        is_transposed: transposition != 'N',
        is_conjugated: transposition == 'C',
        is_unit: cx.letter("diag", "UN")? == 'U',
    };
    let (operands, factor) = match operands {
        [a, b, factor] => ([*a, *b], Some(*factor)),
        _ => (cx.operands(operands)?, None),
    };
    let solution = cx.emit_one(op, &operands)?;
    match factor.filter(|&factor| !cx.literal(factor).is_some_and(Literal::is_one)) {
        Some(factor) => cx.emit(Binary(BinaryKind::Mul), &[solution, factor]),
        None => Ok(vec![solution]),
    }
}

/// LAPACK counts rows from 1.
fn lu(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let factors = cx.emit(Lu, operands)?;
    let one = Atom::Literal(Literal::from_i64(DType::I32, 1));
    Ok(vec![factors[0], cx.builder.add(factors[1], one)])
}

/// Vectors, then values. The configuration is `lower,sorted,iterations,tolerance`.
fn eigh_by_rows(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let config = cx.op.attributes.text("backend_config").unwrap_or_default();
    let flags: Vec<&str> = config.split(',').collect();
    let &[is_lower, sort_eigenvalues, _, _] = flags.as_slice() else {
        let message = format!("backend_config: expected lower,sorted,iterations,tolerance, found {config:?}");
        return Err(Diagnostic::unsupported(message));
    };
    let [is_lower, sort_eigenvalues] = [is_lower, sort_eigenvalues].map(|flag| flag != "0");
    cx.emit(Eigh { is_lower, subset: None, sort_eigenvalues, algorithm: ir::Value::None }, operands)
}

/// The matrix that the routine destroys, values, and vectors.
fn svd(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let mode = cx.letter("mode", "ASN")?;
    let with_vectors = mode != 'N';
    let op = Svd { with_vectors, is_full: mode == 'A', subset: None, algorithm: ir::Value::None };
    let mut results = vec![cx.scratch(0)?];
    results.extend(cx.emit(op, operands)?);
    for position in results.len()..4 {
        results.push(cx.scratch(position)?);
    }
    Ok(results)
}

/// Values, of real matrices in two arrays, then left and right vectors.
///
/// JAX differentiates vectors only if asked to, of which the text says nothing: whoever differentiates the text asks.
fn eig(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let with_left = cx.letter("compute_left", "VN")? == 'V';
    let with_right = cx.letter("compute_right", "VN")? == 'V';
    let op = Eig { with_left, with_right, has_vector_derivatives: true, implementation: ir::Value::None };
    let found = cx.emit(op, operands)?;
    let mut results = match cx.results.len() {
        // The routines for complex matrices have one array of values.
        4 => vec![found[0]],
        _ => {
            let parts = [PartKind::Real, PartKind::Imag];
            let part = |part| cx.emit_one(ComplexPart(part), &found[..1]);
            parts.into_iter().map(part).collect::<Result<_, _>>()?
        }
    };
    let mut vectors = found[1..].iter();
    for is_wanted in [with_left, with_right] {
        let vector = if is_wanted { vectors.next() } else { None };
        results.push(match vector {
            Some(&vector) => vector,
            None => cx.scratch(results.len())?,
        });
    }
    Ok(results)
}

/// The form, vectors, eigenvalues (which JAX does not read) and how many of them were selected.
fn schur(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let with_vectors = cx.letter("mode", "VN")? == 'V';
    // Sorted eigenvalues are not supported.
    cx.letter("sort", "N")?;
    let mut results = cx.emit(Schur { with_vectors, rest: Params::new() }, operands)?;
    for position in results.len()..cx.results.len() - 1 {
        results.push(cx.scratch(position)?);
    }
    Ok(results)
}

/// The three diagonals, which the routine destroys, and the solution.
fn tridiagonal_solve(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let mut results = (0..3).map(|position| cx.scratch(position)).collect::<Result<Vec<_>, _>>()?;
    results.extend(cx.emit(TridiagonalSolve { perturb_singular: false }, operands)?);
    Ok(results)
}

fn triangular_solve(cx: &mut Import, operands: &[Atom]) -> Result<Vec<Atom>, Diagnostic> {
    let transposition = cx.op.attributes.word("transpose_a").unwrap_or("NO_TRANSPOSE");
    let op = TriangularSolve {
        is_left: cx.op.attributes.flag("left_side"),
        is_lower: cx.op.attributes.flag("lower"),
        is_transposed: transposition != "NO_TRANSPOSE",
        is_conjugated: transposition == "ADJOINT",
        is_unit: cx.op.attributes.flag("unit_diagonal"),
    };
    cx.emit(op, operands)
}

impl StableHlo for TriangularSolve {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let transposition = match (self.is_transposed, self.is_conjugated) {
            (false, false) => "NO_TRANSPOSE",
            (false, true) => return Err(NoRule::NotYet("conjugation without transposition as StableHLO")),
            (true, false) => "TRANSPOSE",
            (true, true) => "ADJOINT",
        };
        let attributes = Attributes::default()
            .with("left_side", Attribute::Bool(self.is_left))
            .with("lower", Attribute::Bool(self.is_lower))
            .with("unit_diagonal", Attribute::Bool(self.is_unit))
            .with("transpose_a", Attribute::stablehlo("transpose", transposition));
        Ok(cx.same("stablehlo.triangular_solve", operands, attributes))
    }
}

impl StableHlo for Cholesky {
    /// What stands above the diagonal is the operation's own affair, and no text of JAX reads it.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        Ok(cx.same(
            "stablehlo.cholesky",
            operands,
            Attributes::default().with("lower", Attribute::Bool(true)),
        ))
    }
}
