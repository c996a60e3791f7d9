//! The scalar operations of the leaf IR.

use crate::types::DType;

/// One operand, result of the same type unless said otherwise (see [`UnaryOp::result_dtype`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum UnaryOp {
    // Machine subset, floats and integers.
    Neg,
    Abs,
    /// Bitwise; logical on Bool.
    Not,
    // Machine subset, floats.
    Sqrt,
    Floor,
    Ceil,
    Trunc,
    /// To nearest, ties to even.
    RoundEven,
    // Machine subset, integers.
    PopulationCount,
    CountLeadingZeros,
    // The rest becomes sequences of the above.
    /// To nearest, ties away from zero.
    RoundAway,
    /// -1, 0 or 1; the operand itself for zeros and NaN.
    Sign,
    /// The result is Bool.
    IsFinite,
    Rsqrt,
    Cbrt,
    Exp,
    Exp2,
    Expm1,
    Log,
    Log1p,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    Logistic,
    /// Of complex numbers, a float; floats are their own real parts.
    Real,
    /// Of complex numbers, a float; zero for floats.
    Imag,
    Conj,
    Erf,
    Erfc,
    ErfInv,
    Lgamma,
    Digamma,
    /// Modified Bessel functions, scaled by e^-|x|.
    BesselI0e,
    BesselI1e,
}

/// Two operands of one type, result of that type unless said otherwise (see [`BinaryOp::result_dtype`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum BinaryOp {
    // Machine subset.
    Add,
    Sub,
    Mul,
    /// Floats; on integers the machine form requires a divisor that is neither 0 nor (at the minimum) -1.
    Div,
    /// NaN if either operand is NaN; on Bool, or; on complex numbers, `x > y ? x : y`.
    Max,
    /// NaN if either operand is NaN; on Bool, and; on complex numbers, `x < y ? x : y`.
    Min,
    And,
    Or,
    Xor,
    /// The machine form requires a shift amount below the width.
    ShiftLeft,
    ShiftRightLogical,
    ShiftRightArithmetic,
    /// Integers; the machine form has the same conditions as Div.
    Rem,
    // The rest becomes sequences of the above (and Rem on floats, by sign of the dividend).
    Pow,
    Atan2,
    NextAfter,
    /// The high half of the full product of two integers.
    MulHigh,
    /// The complex number with these two floats as parts.
    Complex,
}

/// IEEE comparison: all but Ne are false on NaN. Complex numbers are ordered by real, then by imaginary part.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl UnaryOp {
    /// The type of the result for an operand of type `operand`.
    pub fn result_dtype(self, operand: DType) -> DType {
        match self {
            UnaryOp::IsFinite => DType::Bool,
            UnaryOp::Abs | UnaryOp::Real | UnaryOp::Imag => operand.real_part(),
            _ => operand,
        }
    }

    /// Does every code generator have it? See Note: machine subset.
    pub fn is_machine(self) -> bool {
        self <= UnaryOp::CountLeadingZeros
    }
}

impl BinaryOp {
    /// The type of the result for operands of type `operand`.
    pub fn result_dtype(self, operand: DType) -> DType {
        match self {
            BinaryOp::Complex => operand.complex().unwrap_or(operand),
            _ => operand,
        }
    }

    /// Does every code generator have it? See Note: machine subset. (`Rem`: on integers only.)
    pub fn is_machine(self) -> bool {
        self <= BinaryOp::Rem
    }
}
