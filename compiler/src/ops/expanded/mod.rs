//! Primitives of JAX and its libraries that are small programs of others: what they mean, written out as the text is
//! read. Their derivatives and batches are then those of the program, under the primitive's name.

mod arithmetic;
mod buffer;
mod collective;
mod lanes;
mod lineax;
mod operators;
mod ragged;
mod root;
mod searching;
mod sparse;
mod sparse_product;
mod table;
#[cfg(test)]
mod tests;
mod tree;

pub use table::names;

use super::Op;
use super::control::{Call, CallKind};
use crate::diag::{Diagnostic, TypeError};
use crate::ir::{Atom, Builder, Params, Program};
use crate::types::{Aval, Kind};

/// One equation of the text.
pub(super) struct Source<'a> {
    pub name: &'a str,
    pub params: &'a Params,
    pub operands: &'a [Aval],
    /// The types of the results, as far as written.
    pub results: &'a [Option<Aval>],
    /// Is it one lane of a batch?
    pub is_lane: bool,
}

/// What a primitive means, over the operands that it reads.
type Meaning = Result<Program, Diagnostic>;

/// The call that an equation stands for; `None` if the primitive is not one of these.
///
/// Errors: the operands or parameters do not fit, or say something that is not supported.
pub fn expanded(
    name: &str,
    params: &Params,
    operands: &[Aval],
    results: &[Option<Aval>],
) -> Option<Result<Op, Diagnostic>> {
    let program = meaning(&Source { name, params, operands, results, is_lane: false })?;
    let call = |program: Program| {
        let name = Some(name.to_string());
        Call { kind: CallKind::Jit, name, body: program.into(), rest: Params::new() }.into()
    };
    Some(program.map(call))
}

fn meaning(source: &Source) -> Option<Meaning> {
    let readers: [fn(&Source) -> Option<Meaning>; 9] = [
        table::meaning,
        collective::meaning,
        buffer::meaning,
        ragged::meaning,
        sparse::meaning,
        sparse_product::meaning,
        lineax::meaning,
        lanes::vprim,
        root::meaning,
    ];
    readers.iter().find_map(|read| read(source))
}

/// The operands that the meaning of a primitive depends on; `None`: all of them. The others may be `_`.
pub fn operands_read(name: &str, params: &Params, count: usize) -> Option<Vec<usize>> {
    match name {
        lineax::NAME => lineax::operands_read(params, count),
        lanes::NAME => {
            let lanes = lanes::Lanes::read(params)?;
            operands_read(&lanes.primitive, &lanes.params, count)
        }
        _ => None,
    }
}

/// Does [`operands_read`] have anything to say about the primitive?
pub fn may_leave_operands(name: &str) -> bool {
    name == lineax::NAME || name == lanes::NAME
}

impl Source<'_> {
    /// A builder with one input per operand.
    fn inputs(&self) -> (Builder, Vec<Atom>) {
        let mut b = Builder::new();
        let inputs = self.operands.iter().map(|aval| b.input(aval.clone()).into()).collect();
        (b, inputs)
    }

    /// Errors: another number of operands.
    fn expect<const N: usize>(&self) -> Result<&[Aval; N], Diagnostic> {
        let found = self.operands.len();
        let expected = || TypeError(format!("{}: expected {N} operands, found {found}", self.name)).into();
        <&[Aval; N]>::try_from(self.operands).map_err(|_| expected())
    }

    /// Errors: an operand has elements that are no numbers.
    fn of_numbers(&self) -> Result<(), Diagnostic> {
        let numberless = |aval: &&Aval| matches!(aval.dtype.kind(), Kind::Key | Kind::Float0);
        match self.operands.iter().find(numberless) {
            Some(aval) => Err(self.wrong(format!("expected operands of numbers, found {aval}"))),
            None => Ok(()),
        }
    }

    fn unsupported(&self, what: &str) -> Diagnostic {
        Diagnostic::unsupported(format!("{}: {what}", self.name))
    }

    fn wrong(&self, what: impl std::fmt::Display) -> Diagnostic {
        Diagnostic::error(format!("{}: {what}", self.name))
    }
}

/// Adds an equation. Errors: the operands do not fit.
fn emit(b: &mut Builder, op: impl Into<Op>, operands: &[Atom]) -> Result<Atom, Diagnostic> {
    let op = op.into();
    let results = op.infer(&b.program().atom_avals(operands))?;
    Ok(b.emit_typed(op, operands, results)[0])
}
