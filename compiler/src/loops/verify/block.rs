//! Types and order of instructions.

use super::Cx;
use crate::loops::{Access, BinaryOp, Block, Inst, Nest, Val};
use crate::types::{DType, Literal};

impl Cx<'_> {
    /// A block; `nest` is none for one that stands by itself (a slow path, a combination).
    pub(super) fn block(&mut self, block: &Block, nest: Option<&Nest>) {
        if block.types.len() != block.insts.len() {
            return self.error("a block has more types than instructions, or fewer");
        }
        for val in block.vals() {
            let inst = block.inst(val);
            if inst.operands().iter().any(|operand| *operand >= val) {
                self.error(format!("{val:?} uses a value that is not defined before it"));
                return;
            }
            if let Err(message) = self.inst(block, val, nest) {
                self.error(format!("{val:?}: {message}"));
            }
        }
        let ok = block.results.iter().all(|val| (val.0 as usize) < block.insts.len());
        self.check(ok, || "a block returns a value that does not exist".into());
    }

    fn inst(&mut self, block: &Block, val: Val, nest: Option<&Nest>) -> Result<(), String> {
        let dtype = block.dtype(val);
        let of = |val: &Val| block.dtype(*val);
        let same = |vals: &[&Val], expected: DType| match vals.iter().find(|val| of(val) != expected) {
            Some(other) => Err(format!("expected {expected}, found {}", of(other))),
            None => Ok(()),
        };
        let result = |expected: DType| {
            let message = || format!("expected type {expected}, found {dtype}");
            if dtype == expected { Ok(()) } else { Err(message()) }
        };
        match block.inst(val) {
            Inst::Param(position) => match block.params.get(*position) {
                Some(&param) => result(param),
                None => Err(format!("there is no parameter {position}")),
            },
            Inst::Const(literal) => result(literal.dtype()),
            Inst::Dim(dim) => {
                let exists = nest.is_some_and(|nest| *dim < nest.dims.len());
                if exists { result(DType::I64) } else { Err(format!("there is no dim {dim}")) }
            }
            Inst::LoopIndex(var) => {
                let exists = nest.is_some() && self.loops.iter().any(|(known, _)| known == var);
                if exists { result(DType::I64) } else { Err(format!("there is no loop {} around", var.0)) }
            }
            Inst::Load(access) => self.load(block, access, dtype, nest),
            Inst::Unary(op, x) if op.result_dtype(of(x)) != of(x) => result(op.result_dtype(of(x))),
            Inst::Unary(_, x) => same(&[x], dtype),
            Inst::Binary(BinaryOp::Complex, x, y) => {
                same(&[y], of(x)).and(result(BinaryOp::Complex.result_dtype(of(x))))
            }
            Inst::Binary(_, x, y) => same(&[x, y], dtype),
            Inst::Compare(_, x, y) => same(&[y], of(x)).and(result(DType::Bool)),
            Inst::Select { mask, on_true, on_false } => {
                same(&[mask], DType::Bool).and(same(&[on_true, on_false], dtype))
            }
            Inst::Fma(x, y, z) => same(&[x, y, z], dtype),
            Inst::Convert(_) => Ok(()),
            Inst::Bitcast(x) => match of(x).size_bytes() == dtype.size_bytes() {
                true => Ok(()),
                false => Err(format!("{} and {dtype} differ in width", of(x))),
            },
            Inst::Reduced { reduction, part } => {
                let reductions = nest.map_or(&[][..], |nest| &nest.reductions);
                let init = reductions.get(*reduction).and_then(|reduction| reduction.inits.get(*part));
                match init.filter(|init| (init.0 as usize) < block.insts.len()) {
                    Some(init) => result(of(init)),
                    None => Err(format!("there is no part {part} of a reduction {reduction}")),
                }
            }
            Inst::Table { entries, index } => table(entries, dtype).and(same(&[index], DType::I64)),
            Inst::Rare { when, fast, slow, args } => {
                same(&[when], DType::Bool).and(same(&[fast], dtype))?;
                let types: Vec<DType> = args.iter().map(of).collect();
                self.slow_path(slow, &types, dtype)
            }
            Inst::Call { args, .. } => {
                if args.is_empty() {
                    return Err("a call without arguments".into());
                }
                same(&args.iter().collect::<Vec<_>>(), dtype)
            }
        }
    }

    fn load(
        &mut self,
        block: &Block,
        access: &Access,
        dtype: DType,
        nest: Option<&Nest>,
    ) -> Result<(), String> {
        let Some(nest) = nest else { return Err("a load outside of a nest".into()) };
        if let Some(fill) = access.fill {
            let found = block.dtype(fill);
            if found != dtype {
                return Err(format!("a load of {dtype} is filled with {found}"));
            }
        }
        let divisors_are_allowed = access
            .indices
            .iter()
            .all(|index| index.divisor == 1 || access.fill.is_some() && index.divisor > 1);
        if !divisors_are_allowed {
            return Err("an index has a divisor, but the load no fill value".into());
        }
        self.access(nest, block, access.buffer, &access.indices, dtype, access.fill.is_some());
        Ok(())
    }

    fn slow_path(&mut self, slow: &Block, args: &[DType], dtype: DType) -> Result<(), String> {
        self.block(slow, None);
        let results: Vec<DType> =
            slow.results.iter().filter_map(|val| slow.types.get(val.0 as usize).copied()).collect();
        if slow.params != args {
            return Err(format!("a slow path takes {:?}, not {args:?}", slow.params));
        }
        if results != [dtype] {
            return Err(format!("a slow path returns {results:?}, not {dtype}"));
        }
        Ok(())
    }
}

fn table(entries: &[Literal], dtype: DType) -> Result<(), String> {
    if entries.is_empty() || entries.iter().any(|entry| entry.dtype() != dtype) {
        return Err(format!("a table without entries, or with others than {dtype}"));
    }
    Ok(())
}
