//! What an operation expects of each operand: how constants that are written without a type get one.

use super::Op;
use crate::ir::Program;
use crate::types::{Aval, DType};

/// The dtype that an operand of an operation has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OperandRole {
    /// This one, as the body of the operation says.
    Exactly(DType),
    /// A position, of any integer dtype.
    Index,
    /// The one that the other operands of this role have, or the results.
    Alike,
}

impl Op {
    /// The role of the operand at this position.
    pub fn operand_role(&self, position: usize) -> OperandRole {
        if let Some(inputs) = self.body_inputs() {
            return inputs.get(position).map_or(OperandRole::Alike, |aval| OperandRole::Exactly(aval.dtype));
        }
        match (self, position) {
            (Op::DynamicSlice(_), 1..) | (Op::DynamicUpdateSlice(_), 2..) => OperandRole::Index,
            (Op::Gather(_) | Op::Scatter(_), 1) => OperandRole::Index,
            _ => OperandRole::Alike,
        }
    }

    /// The types of all operands, where bodies say them. The rows of a scan stand for its arrays.
    fn body_inputs(&self) -> Option<Vec<Aval>> {
        let of = |program: &Program| program.input_avals();
        match self {
            Op::Call(op) => Some(of(&op.body)),
            Op::CustomCall(op) => Some(of(op.body())),
            Op::Scan(op) => Some(of(&op.body)),
            Op::While(op) => {
                let mut inputs = of(op.condition());
                inputs.truncate(op.condition_consts);
                inputs.extend(of(op.body()));
                Some(inputs)
            }
            Op::Cond(op) => {
                let branch = op.branches.first()?;
                Some([Aval::scalar(DType::I32)].into_iter().chain(of(branch)).collect())
            }
            _ => None,
        }
    }
}
