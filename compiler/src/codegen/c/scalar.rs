//! One instruction of the machine subset as a line of C.

use super::{Emit, File};
use crate::diag::Diagnostic;
use crate::loops::{BinaryOp, Block, CompareOp, Inst, UnaryOp, Val};
use crate::types::{DType, Kind, Literal};
use std::fmt::Write;

/// The C type of a value. A Bool is a byte of value 0 or 1.
/// Errors: the type is not in the machine subset.
pub(super) fn c_type(dtype: DType) -> Emit<&'static str> {
    Ok(match dtype {
        DType::Bool | DType::U8 => "uint8_t",
        DType::I8 => "int8_t",
        DType::I16 => "int16_t",
        DType::I32 => "int32_t",
        DType::I64 => "int64_t",
        DType::U16 => "uint16_t",
        DType::U32 => "uint32_t",
        DType::U64 => "uint64_t",
        DType::F32 => "float",
        DType::F64 => "double",
        DType::I2
        | DType::I4
        | DType::U2
        | DType::U4
        | DType::F8E4M3FN
        | DType::F8E5M2
        | DType::F16
        | DType::BF16
        | DType::C64
        | DType::C128
        | DType::KeyFry
        | DType::Float0 => return Err(not_machine(format!("a value of type {dtype}"))),
    })
}

/// The unsigned type of so many bytes.
pub(super) fn unsigned(bytes: usize) -> &'static str {
    match bytes {
        1 => "uint8_t",
        2 => "uint16_t",
        4 => "uint32_t",
        _ => "uint64_t",
    }
}

fn not_machine(what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::bug(format!("code generation met {what}, which is not in the machine subset"))
}

/// What the results of a block need, its parameters being `arguments`: lines, and the expression of each value.
pub(super) fn block(
    file: &mut File,
    text: &mut String,
    block: &Block,
    arguments: &[String],
    prefix: &str,
    tab: &str,
) -> Emit<Vec<String>> {
    let mut live = vec![false; block.insts.len()];
    block.results.iter().for_each(|result| live[result.0 as usize] = true);
    for val in block.vals().rev() {
        if live[val.0 as usize] {
            block.inst(val).operands().iter().for_each(|operand| live[operand.0 as usize] = true);
        }
    }
    let mut names: Vec<String> = Vec::with_capacity(block.insts.len());
    for val in block.vals() {
        if !live[val.0 as usize] {
            names.push(String::new());
            continue;
        }
        if let Inst::Param(position) = block.inst(val) {
            names.push(arguments[*position].clone());
            continue;
        }
        let name = format!("{prefix}{}", val.0);
        let of = |operand: Val| names[operand.0 as usize].clone();
        let line = inst(file, block, val, &of, &name, tab)?;
        *text += &line;
        names.push(name);
    }
    Ok(names)
}

/// The lines that compute an instruction which depends on nothing but its operands.
pub(super) fn inst(
    file: &mut File,
    block: &Block,
    val: Val,
    of: &dyn Fn(Val) -> String,
    name: &str,
    tab: &str,
) -> Emit<String> {
    let dtype = block.dtype(val);
    let ty = c_type(dtype)?;
    let expression = match block.inst(val) {
        Inst::Const(literal) => constant(*literal),
        Inst::Unary(op, x) => unary(*op, block.dtype(*x), &of(*x))?,
        Inst::Binary(op, x, y) => binary(*op, dtype, &of(*x), &of(*y))?,
        Inst::Compare(op, x, y) => format!("{} {} {}", of(*x), comparison(*op), of(*y)),
        Inst::Select { mask, on_true, on_false } => {
            format!("{} ? {} : {}", of(*mask), of(*on_true), of(*on_false))
        }
        Inst::Fma(x, y, z) => format!("{} * {} + {}", of(*x), of(*y), of(*z)),
        Inst::Convert(x) => convert(block.dtype(*x), dtype, &of(*x))?,
        Inst::Bitcast(x) => bitcast(block.dtype(*x), dtype, &of(*x)),
        Inst::Table { entries, index } => {
            let entry = format!("{}[{}]", file.table(entries), of(*index));
            if dtype.is_float() { format!("rjax_{ty}_of_bits({entry})") } else { format!("({ty}){entry}") }
        }
        Inst::Rare { when, fast, slow, args } => {
            let slow = file.slow(slow)?;
            let args: Vec<String> = args.iter().map(|&arg| of(arg)).collect();
            format!("{} ? {slow}({}) : {}", of(*when), args.join(", "), of(*fast))
        }
        Inst::Call { symbol, .. } => {
            return Err(Diagnostic::unsupported(format!("the runtime's routine {symbol} has no C form"))
                .hint("an object (--emit=obj) calls it in librjaxc_rt.a"));
        }
        Inst::Param(_) | Inst::Dim(_) | Inst::LoopIndex(_) | Inst::Load(_) | Inst::Reduced { .. } => {
            return Err(Diagnostic::bug("an instruction of a nest stands in a nested block"));
        }
    };
    let mut line = String::new();
    let _ = writeln!(line, "{tab}const {ty} {name} = {expression};");
    Ok(line)
}

/// A literal, exactly.
fn constant(literal: Literal) -> String {
    let (dtype, bits) = (literal.dtype(), literal.bits() as u64);
    match dtype {
        DType::F32 => float(f64::from(f32::from_bits(bits as u32)), "f", || {
            format!("rjax_float_of_bits(0x{:x}u)", bits as u32)
        }),
        DType::F64 => float(f64::from_bits(bits), "", || format!("rjax_double_of_bits(0x{bits:x}ull)")),
        DType::I64 => format!("(int64_t)0x{bits:x}ull"),
        DType::U64 => format!("0x{bits:x}ull"),
        _ if dtype.is_signed() => {
            let shift = 64 - 8 * dtype.size_bytes() as u32;
            let value = (bits << shift) as i64 >> shift;
            if value == i64::from(i32::MIN) { "(-2147483647 - 1)".into() } else { value.to_string() }
        }
        _ => format!("{bits}u"),
    }
}

/// Small whole numbers and halves as they are read, everything else by its bits.
fn float(value: f64, suffix: &str, exact: impl Fn() -> String) -> String {
    let is_plain = value.is_finite() && value.abs() < 1e6 && (value * 64.0).fract() == 0.0;
    if is_plain && !(value == 0.0 && value.is_sign_negative()) {
        format!("{value:?}{suffix}")
    } else {
        exact()
    }
}

fn unary(op: UnaryOp, dtype: DType, x: &str) -> Emit<String> {
    let (ty, bits) = (c_type(dtype)?, unsigned(dtype.size_bytes()));
    let (is_float, is_integer) = (dtype.is_float(), dtype.is_integer());
    Ok(match op {
        UnaryOp::Neg if is_float => format!("-{x}"),
        UnaryOp::Neg if is_integer => format!("({ty})({bits})(0u - ({}){x})", arithmetic(dtype)),
        UnaryOp::Abs if is_float => format!("rjax_abs_{ty}({x})"),
        UnaryOp::Abs if dtype.is_signed() => {
            format!("{x} < 0 ? ({ty})({bits})(0u - ({}){x}) : {x}", arithmetic(dtype))
        }
        UnaryOp::Abs if is_integer => x.to_string(),
        UnaryOp::Not if dtype == DType::Bool => format!("{x} ^ 1"),
        UnaryOp::Not if is_integer => format!("({ty})({bits})~({bits}){x}"),
        UnaryOp::Sqrt if is_float => format!("rjax_sqrt_{ty}({x})"),
        UnaryOp::Floor if is_float => format!("rjax_floor_{ty}({x})"),
        UnaryOp::Ceil if is_float => format!("rjax_ceil_{ty}({x})"),
        UnaryOp::Trunc if is_float => format!("rjax_trunc_{ty}({x})"),
        UnaryOp::RoundEven if is_float => format!("rjax_even_{ty}({x})"),
        UnaryOp::PopulationCount if is_integer => format!("({ty})rjax_popcount(({bits}){x})"),
        UnaryOp::CountLeadingZeros if is_integer => {
            format!("({ty})(rjax_clz(({bits}){x}) - {})", 64 - 8 * dtype.size_bytes())
        }
        _ => return Err(not_machine(format!("{op:?} on {dtype}"))),
    })
}

/// The type in which integers of a type are computed: wide enough not to be promoted, and wrapping.
fn arithmetic(dtype: DType) -> &'static str {
    if dtype.size_bytes() == 8 { "uint64_t" } else { "uint32_t" }
}

pub(super) fn binary(op: BinaryOp, dtype: DType, x: &str, y: &str) -> Emit<String> {
    match dtype.kind() {
        Kind::Float => float_binary(op, dtype, x, y),
        Kind::Bool => Ok(match op {
            BinaryOp::And | BinaryOp::Min => format!("(uint8_t)({x} & {y})"),
            BinaryOp::Or | BinaryOp::Max => format!("(uint8_t)({x} | {y})"),
            BinaryOp::Xor => format!("(uint8_t)({x} ^ {y})"),
            _ => return Err(not_machine(format!("{op:?} on bool"))),
        }),
        Kind::Signed | Kind::Unsigned => int_binary(op, dtype, x, y),
        Kind::Complex | Kind::Key | Kind::Float0 => Err(not_machine(format!("{op:?} on {dtype}"))),
    }
}

fn float_binary(op: BinaryOp, dtype: DType, x: &str, y: &str) -> Emit<String> {
    let ty = c_type(dtype)?;
    Ok(match op {
        BinaryOp::Add => format!("{x} + {y}"),
        BinaryOp::Sub => format!("{x} - {y}"),
        BinaryOp::Mul => format!("{x} * {y}"),
        BinaryOp::Div => format!("{x} / {y}"),
        BinaryOp::Max => format!("rjax_max_{ty}({x}, {y})"),
        BinaryOp::Min => format!("rjax_min_{ty}({x}, {y})"),
        _ => return Err(not_machine(format!("{op:?} on floats"))),
    })
}

fn int_binary(op: BinaryOp, dtype: DType, x: &str, y: &str) -> Emit<String> {
    let (ty, bits, wide) = (c_type(dtype)?, unsigned(dtype.size_bytes()), arithmetic(dtype));
    let wrapping = |sign: &str| format!("({ty})({bits})(({wide}){x} {sign} ({wide}){y})");
    Ok(match op {
        BinaryOp::Add => wrapping("+"),
        BinaryOp::Sub => wrapping("-"),
        BinaryOp::Mul => wrapping("*"),
        BinaryOp::And => wrapping("&"),
        BinaryOp::Or => wrapping("|"),
        BinaryOp::Xor => wrapping("^"),
        BinaryOp::Div => format!("({ty})({x} / {y})"),
        BinaryOp::Rem => format!("({ty})({x} % {y})"),
        BinaryOp::Max => format!("{x} > {y} ? {x} : {y}"),
        BinaryOp::Min => format!("{x} < {y} ? {x} : {y}"),
        BinaryOp::ShiftLeft => format!("({ty})({bits})(({wide}){x} << {y})"),
        BinaryOp::ShiftRightLogical => format!("({ty})(({bits}){x} >> {y})"),
        BinaryOp::ShiftRightArithmetic => {
            let signed = format!("int{}_t", 8 * dtype.size_bytes());
            format!("({ty})(({signed}){x} >> {y})")
        }
        BinaryOp::Pow | BinaryOp::Atan2 | BinaryOp::NextAfter | BinaryOp::MulHigh | BinaryOp::Complex => {
            return Err(not_machine(format!("{op:?} on integers")));
        }
    })
}

fn comparison(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "==",
        CompareOp::Ne => "!=",
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
    }
}

fn convert(from: DType, to: DType, x: &str) -> Emit<String> {
    let (from_type, ty) = (c_type(from)?, c_type(to)?);
    Ok(match (from.kind(), to.kind()) {
        (Kind::Bool, Kind::Bool) => x.to_string(),
        (_, Kind::Bool) => format!("{x} != 0"),
        (Kind::Float, Kind::Signed | Kind::Unsigned) => format!("rjax_{ty}_of_{from_type}({x})"),
        _ => format!("({ty}){x}"),
    })
}

fn bitcast(from: DType, to: DType, x: &str) -> String {
    match (from, to) {
        (DType::F32, DType::F32) | (DType::F64, DType::F64) => x.to_string(),
        (DType::F32, to) => format!("({})rjax_bits_of_float({x})", c_name(to)),
        (DType::F64, to) => format!("({})rjax_bits_of_double({x})", c_name(to)),
        (_, DType::F32) => format!("rjax_float_of_bits((uint32_t){x})"),
        (_, DType::F64) => format!("rjax_double_of_bits((uint64_t){x})"),
        (_, to) => format!("({}){x}", c_name(to)),
    }
}

fn c_name(dtype: DType) -> &'static str {
    c_type(dtype).unwrap_or("uint64_t")
}
