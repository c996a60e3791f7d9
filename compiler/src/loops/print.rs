//! Loop nests as text, for `--emit=loops`.

use super::{Access, Affine, Block, Buffer, Combine, Dim, Function, Index, Inst, Module, Nest, Place, Plan};
use super::{Role, RuntimeCall, Slice, Stmt, Store, Val};
use crate::types::DType;
use std::fmt::{self, Display, Formatter, Write};

impl Display for Module {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.functions.iter().try_for_each(|function| write!(f, "{function}"))
    }
}

impl Display for Function {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "function {} (arena {} bytes) {{", self.name, self.arena_bytes)?;
        for (id, buffer) in self.buffers.iter().enumerate() {
            writeln!(f, "  b{id}: {buffer}")?;
        }
        stmts(f, &self.body, 1)?;
        writeln!(f, "}}")
    }
}

impl Display for Buffer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} ", self.dtype, self.shape)?;
        match &self.place {
            Place::Input(position) => write!(f, "input {position}"),
            Place::Output(position) => write!(f, "output {position}"),
            Place::Constant(tensor) => write!(f, "constant {tensor:?}"),
            Place::Unplaced => write!(f, "unplaced"),
            Place::Arena(start) => write!(f, "arena {start}"),
            Place::Alias(target) => write!(f, "alias b{}", target.0),
            Place::Next(target) => write!(f, "next of b{}", target.0),
        }
    }
}

impl Display for Nest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        nest(f, self, 0)
    }
}

impl Display for Block {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        block(f, self, 0)
    }
}

impl Display for Dim {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let role = match self.role {
            Role::Parallel => "parallel",
            Role::Reduce => "reduce",
            Role::Sequential => "sequential",
        };
        write!(f, "{role} {}", self.extent)
    }
}

/// `3 + 2*d0 - l1`.
impl Display for Affine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let dims = self.dims().map(|(dim, coefficient)| (format!("d{dim}"), coefficient));
        let loops = self.loops().map(|(var, coefficient)| (format!("l{}", var.0), coefficient));
        let mut terms = dims.chain(loops).peekable();
        let mut is_first = true;
        if self.constant != 0 || terms.peek().is_none() {
            write!(f, "{}", self.constant)?;
            is_first = false;
        }
        for (variable, coefficient) in terms {
            let sign = match (is_first, coefficient < 0) {
                (true, true) => "-",
                (true, false) => "",
                (false, true) => " - ",
                (false, false) => " + ",
            };
            f.write_str(sign)?;
            if coefficient.abs() != 1 {
                write!(f, "{}*", coefficient.unsigned_abs())?;
            }
            f.write_str(&variable)?;
            is_first = false;
        }
        Ok(())
    }
}

impl Display for Index {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut text = match self.dynamic {
            Some(val) if self.affine == Affine::default() => val.to_string(),
            Some(val) => format!("{} + {val}", self.affine),
            None => self.affine.to_string(),
        };
        if self.divisor != 1 {
            text = format!("({text})/{}", self.divisor);
        }
        f.write_str(&text)
    }
}

impl Display for Val {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

fn stmts(f: &mut Formatter<'_>, list: &[Stmt], depth: usize) -> fmt::Result {
    list.iter().try_for_each(|stmt| statement(f, stmt, depth))
}

fn statement(f: &mut Formatter<'_>, stmt: &Stmt, depth: usize) -> fmt::Result {
    let tab = "  ".repeat(depth);
    match stmt {
        Stmt::Nest(inner) => return nest(f, inner, depth),
        Stmt::Loop { var, count, body } => {
            writeln!(f, "{tab}loop l{} < {count} {{", var.0)?;
            stmts(f, body, depth + 1)?;
        }
        Stmt::While { condition, predicate, body } => {
            writeln!(f, "{tab}while {{")?;
            stmts(f, condition, depth + 1)?;
            writeln!(f, "{tab}}} b{} {{", predicate.0)?;
            stmts(f, body, depth + 1)?;
        }
        Stmt::Switch { selector, branches } => {
            writeln!(f, "{tab}switch b{} {{", selector.0)?;
            for (position, branch) in branches.iter().enumerate() {
                writeln!(f, "{tab}{position}:")?;
                stmts(f, branch, depth + 1)?;
            }
        }
        Stmt::Call(call) => return runtime_call(f, call, &tab),
    }
    writeln!(f, "{tab}}}")
}

fn runtime_call(f: &mut Formatter<'_>, call: &RuntimeCall, tab: &str) -> fmt::Result {
    let slices = |slices: &[Slice]| {
        join(slices.iter().map(|slice| match slice.leading.as_slice() {
            [] => format!("b{}", slice.buffer.0),
            leading => format!("b{}[{}]", slice.buffer.0, join(leading.iter())),
        }))
    };
    let (writes, reads) = (slices(&call.writes), slices(&call.reads));
    let scratch = call.scratch.map(|id| format!("; scratch b{}", id.0)).unwrap_or_default();
    writeln!(f, "{tab}{writes} = call {}({reads}; {}{scratch})", call.symbol, join(call.integers.iter()))
}

fn nest(f: &mut Formatter<'_>, nest: &Nest, depth: usize) -> fmt::Result {
    let tab = "  ".repeat(depth);
    let dims = nest.dims.iter().enumerate().map(|(position, dim)| format!("d{position}: {dim}"));
    writeln!(f, "{tab}nest {}{} {{", join(dims), plan(&nest.plan))?;
    block(f, &nest.block, depth + 1)?;
    for (position, reduction) in nest.reductions.iter().enumerate() {
        let (inits, values) = (join(reduction.inits.iter()), join(reduction.values.iter()));
        match &reduction.combine {
            Combine::Op(op) => writeln!(f, "{tab}  reduce r{position}: {op:?} of {values} from {inits}")?,
            Combine::Block(combine) => {
                writeln!(f, "{tab}  reduce r{position}: fold of {values} from {inits} by")?;
                block(f, combine, depth + 2)?;
            }
        }
    }
    for stored in &nest.stores {
        store(f, stored, &tab)?;
    }
    writeln!(f, "{tab}}}")
}

fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    if !plan.order.is_empty() {
        let _ = write!(text, " order {}", join(plan.order.iter().map(|dim| format!("d{dim}"))));
    }
    if let Some(vector) = plan.vector {
        let _ = write!(text, " vector d{} by {} x{}", vector.dim, vector.lanes, vector.unroll);
    }
    if let Some(jam) = plan.jam {
        let _ = write!(text, " jam d{} x{}", jam.dim, jam.factor);
    }
    text
}

fn store(f: &mut Formatter<'_>, store: &Store, tab: &str) -> fmt::Result {
    write!(f, "{tab}  b{}[{}] ", store.buffer.0, join(store.indices.iter()))?;
    match store.combine {
        Some(op) => write!(f, "{op:?}= {}", store.value)?,
        None => write!(f, "= {}", store.value)?,
    }
    match store.mask {
        Some(mask) => writeln!(f, " if {mask}"),
        None => writeln!(f),
    }
}

fn block(f: &mut Formatter<'_>, block: &Block, depth: usize) -> fmt::Result {
    let tab = "  ".repeat(depth);
    for val in block.vals() {
        write!(f, "{tab}{val}: {} = ", block.dtype(val))?;
        inst(f, block.inst(val), depth)?;
    }
    if !block.results.is_empty() {
        writeln!(f, "{tab}return {}", join(block.results.iter()))?;
    }
    Ok(())
}

fn inst(f: &mut Formatter<'_>, inst: &Inst, depth: usize) -> fmt::Result {
    match inst {
        Inst::Param(position) => writeln!(f, "param {position}"),
        Inst::Const(literal) => writeln!(f, "{literal}"),
        Inst::Dim(dim) => writeln!(f, "d{dim}"),
        Inst::LoopIndex(var) => writeln!(f, "l{}", var.0),
        Inst::Load(access) => load(f, access),
        Inst::Unary(op, x) => writeln!(f, "{op:?} {x}"),
        Inst::Binary(op, x, y) => writeln!(f, "{op:?} {x}, {y}"),
        Inst::Compare(op, x, y) => writeln!(f, "{op:?} {x}, {y}"),
        Inst::Select { mask, on_true, on_false } => writeln!(f, "select {mask}, {on_true}, {on_false}"),
        Inst::Fma(x, y, z) => writeln!(f, "fma {x}, {y}, {z}"),
        Inst::Convert(x) => writeln!(f, "convert {x}"),
        Inst::Bitcast(x) => writeln!(f, "bitcast {x}"),
        Inst::Reduced { reduction, part } => writeln!(f, "r{reduction}.{part}"),
        Inst::Table { entries, index } => {
            let dtype = entries.first().map_or(DType::I64, |entry| entry.dtype());
            writeln!(f, "table of {} {dtype} at {index}", entries.len())
        }
        Inst::Rare { when, fast, slow, args } => {
            writeln!(f, "rare {when}: slow({}) else {fast}, slow:", join(args.iter()))?;
            block(f, slow, depth + 1)
        }
        Inst::Call { symbol, args } => writeln!(f, "call {symbol}({})", join(args.iter())),
    }
}

fn load(f: &mut Formatter<'_>, access: &Access) -> fmt::Result {
    write!(f, "b{}[{}]", access.buffer.0, join(access.indices.iter()))?;
    match access.fill {
        Some(fill) => writeln!(f, " else {fill}"),
        None => writeln!(f),
    }
}

fn join<T: Display>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use crate::loops::{Access, Affine, BinaryOp, BlockBuilder, Buffer, BufferId, Combine, Dim, Function};
    use crate::loops::{Index, Nest, Place, Reduction, Stmt, Store, VectorPlan};
    use crate::types::DType;

    #[test]
    fn a_padded_sum() {
        let buffer = |shape: &[usize], place| Buffer { dtype: DType::F32, shape: shape.into(), place };
        let mut b = BlockBuilder::new();
        let zero = b.float(DType::F32, 0.0);
        let affine = Affine::dim(0).scale(2).add(&Affine::dim(1)).add_constant(-1);
        let indices = vec![Index { affine, dynamic: None, divisor: 3 }];
        let value = b.load(Access { buffer: BufferId(0), indices, fill: Some(zero) }, DType::F32);
        let sum = b.reduced(0, 0, DType::F32);
        let mut nest = Nest::new(vec![Dim::parallel(4), Dim::reduce(3)]);
        nest.block = b.finish();
        nest.reductions =
            vec![Reduction { combine: Combine::Op(BinaryOp::Add), inits: vec![zero], values: vec![value] }];
        let indices = vec![Index::dim(0)];
        nest.stores = vec![Store { buffer: BufferId(1), indices, value: sum, mask: None, combine: None }];
        nest.plan.vector = Some(VectorPlan { dim: 0, lanes: 4, unroll: 1 });
        let function = Function {
            name: "f".into(),
            buffers: vec![buffer(&[5], Place::Input(0)), buffer(&[4], Place::Output(0))],
            body: vec![Stmt::Loop { var: crate::loops::LoopVar(0), count: 2, body: vec![Stmt::Nest(nest)] }],
            arena_bytes: 0,
        };
        let expected = "function f (arena 0 bytes) {
  b0: f32[5] input 0
  b1: f32[4] output 0
  loop l0 < 2 {
    nest d0: parallel 4, d1: reduce 3 vector d0 by 4 x1 {
      %0: f32 = 0.0
      %1: f32 = b0[(-1 + 2*d0 + d1)/3] else %0
      %2: f32 = r0.0
      reduce r0: Add of %1 from %0
      b1[d0] = %2
    }
  }
}
";
        assert_eq!(function.to_string(), expected);
    }
}
