//! Constants without a type: `add a 1.0`, as JAX printed them until 0.5.3.
//!
//! # Note: untyped constants
//! JAX makes a constant of the type that its operation needs before it prints it. So the type is found again from what
//! stands around it: the body of the operation, else the other operands, else the result, whichever makes the operation
//! well typed. Where nothing says more, the spelling does: `1.0` is f32, `1` is i32, `1j` is c64, `True` is bool, and
//! in a text that has types of 64 bits the first three are twice as wide.

use super::literal::typed;
use crate::diag::{Diagnostic, Span};
use crate::ir::{Atom, Program};
use crate::ops::Op;
use crate::ops::roles::OperandRole;
use crate::types::{Aval, DType, Kind, Literal, Scalar};

/// An operand, as far as it is known.
#[derive(Clone, Copy)]
pub(super) enum Operand {
    Known(Atom),
    Untyped(Scalar, Span),
}

/// The operands of an equation that is written without them all having types.
pub(super) struct Untyped<'e> {
    pub operands: &'e [Operand],
    /// The program that the equation stands in.
    pub program: &'e Program,
    /// The types of the results, as far as the text says them.
    pub results: &'e [Option<Aval>],
    /// Has the text types of 64 bits?
    pub is_wide: bool,
}

impl Untyped<'_> {
    /// All operands with types. If no choice makes the operation well typed, they are those of the spelling.
    ///
    /// Errors: a number that is too large for every type.
    pub fn resolve(&self, op: Option<&Op>) -> Result<Vec<Atom>, Diagnostic> {
        let candidates = self.candidates(op);
        for allows_rounding in [false, true] {
            for &candidate in &candidates {
                let Some(atoms) = self.with(op, candidate, &candidates, allows_rounding) else { continue };
                if op.is_none_or(|op| self.fits(op, &atoms)) {
                    return Ok(atoms);
                }
            }
        }
        let spelled = |operand: &Operand| match *operand {
            Operand::Known(atom) => Ok(atom),
            Operand::Untyped(value, span) => self.spelled(value, span).map(Atom::Literal),
        };
        self.operands.iter().map(spelled).collect()
    }

    /// The type of a constant of which only the spelling is known, where `expected` does not hold the value.
    ///
    /// Errors: a number that is too large for every type.
    pub fn output(
        value: Scalar,
        span: Span,
        expected: Option<DType>,
        is_wide: bool,
    ) -> Result<Literal, Diagnostic> {
        let literal = expected.and_then(|dtype| as_dtype(value, dtype, false));
        literal.map_or_else(|| by_spelling(value, span, is_wide), Ok)
    }

    fn spelled(&self, value: Scalar, span: Span) -> Result<Literal, Diagnostic> {
        by_spelling(value, span, self.is_wide)
    }

    /// Dtypes to try for what has no other role, the likeliest first.
    fn candidates(&self, op: Option<&Op>) -> Vec<DType> {
        let known = self.operands.iter().enumerate().filter_map(|(position, operand)| match operand {
            Operand::Known(atom) if role(op, position) == OperandRole::Alike => {
                Some(self.program.atom_aval(*atom).dtype)
            }
            Operand::Known(_) | Operand::Untyped(..) => None,
        });
        let results = self.results.iter().flatten().map(|aval| aval.dtype);
        let mut found: Vec<DType> = Vec::new();
        for dtype in known.chain(results).chain(spellings(self.is_wide)) {
            if !found.contains(&dtype) {
                found.push(dtype);
            }
        }
        found
    }

    /// The operands with `candidate` wherever it holds the value, else the first of all candidates that does.
    fn with(
        &self,
        op: Option<&Op>,
        candidate: DType,
        candidates: &[DType],
        allows_rounding: bool,
    ) -> Option<Vec<Atom>> {
        let first = |value: Scalar, mut dtypes: Box<dyn Iterator<Item = DType> + '_>| {
            dtypes.find_map(|dtype| as_dtype(value, dtype, allows_rounding))
        };
        let literal = |position: usize, value: Scalar| match role(op, position) {
            OperandRole::Exactly(dtype) => as_dtype(value, dtype, true),
            OperandRole::Index => first(value, Box::new(self.index_dtypes(op))),
            OperandRole::Alike => {
                first(value, Box::new([candidate].into_iter().chain(candidates.iter().copied())))
            }
        };
        let atom = |(position, operand): (usize, &Operand)| match *operand {
            Operand::Known(atom) => Some(atom),
            Operand::Untyped(value, _) => literal(position, value).map(Atom::Literal),
        };
        self.operands.iter().enumerate().map(atom).collect()
    }

    /// The dtypes of the other indices, then those of the spelling.
    fn index_dtypes(&self, op: Option<&Op>) -> impl Iterator<Item = DType> {
        let known = self.operands.iter().enumerate().filter_map(move |(position, operand)| match operand {
            Operand::Known(atom) if role(op, position) == OperandRole::Index => {
                Some(self.program.atom_aval(*atom).dtype)
            }
            Operand::Known(_) | Operand::Untyped(..) => None,
        });
        known.chain(spellings(self.is_wide))
    }

    fn fits(&self, op: &Op, atoms: &[Atom]) -> bool {
        let Ok(inferred) = op.infer(&self.program.atom_avals(atoms)) else { return false };
        inferred.len() == self.results.len()
            && inferred
                .iter()
                .zip(self.results)
                .all(|(found, written)| written.as_ref().is_none_or(|aval| aval == found))
    }
}

fn role(op: Option<&Op>, position: usize) -> OperandRole {
    op.map_or(OperandRole::Alike, |op| op.operand_role(position))
}

/// The dtypes that a spelling means, and then those of numbers too large for them.
fn spellings(is_wide: bool) -> impl Iterator<Item = DType> {
    let narrow = [DType::F32, DType::I32, DType::C64];
    let wide = [DType::F64, DType::I64, DType::C128];
    let (first, second) = if is_wide { (wide, narrow) } else { (narrow, wide) };
    first.into_iter().chain(second).chain([DType::Bool, DType::U32, DType::U64])
}

/// Errors: a number that is too large for every type.
fn by_spelling(value: Scalar, span: Span, is_wide: bool) -> Result<Literal, Diagnostic> {
    spellings(is_wide).find_map(|dtype| as_dtype(value, dtype, false)).ok_or_else(|| {
        Diagnostic::error("the constant fits no type").at(span).hint("write its type: `1.0:f32[]`")
    })
}

/// The value in this dtype, if it is spelled like one of that dtype. Small floats print integers without a point; other
/// floats are only meant by one where nothing else fits.
fn as_dtype(value: Scalar, dtype: DType, allows_rounding: bool) -> Option<Literal> {
    let is_spelled_so = match (value, dtype.kind()) {
        (Scalar::Int(_), Kind::Float) => allows_rounding || dtype.bits() < 32,
        (Scalar::Int(_) | Scalar::Float(_), Kind::Complex) => allows_rounding,
        _ => true,
    };
    if is_spelled_so { typed(value, dtype).ok() } else { None }
}
