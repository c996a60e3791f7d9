//! One nest: the loops of its tree, one line per value.

use super::scalar::{self, c_type};
use super::{Emit, File};
use crate::codegen::tree::{Address, Node, Tree};
use crate::loops::{BufferId, Combine, Function, Index, Inst, Val};
use crate::types::DType;
use std::fmt::Write;

/// The text of a nest, `tab` levels deep.
pub(super) fn text(file: &mut File, function: &Function, tree: &Tree, tab: usize) -> Emit<String> {
    let mut writer = Writer { file, function, tree, text: String::new(), tab };
    writer.line("{");
    writer.tab += 1;
    writer.nodes(&tree.body)?;
    writer.tab -= 1;
    writer.line("}");
    Ok(writer.text)
}

struct Writer<'w, 'n> {
    file: &'w mut File<'n>,
    function: &'w Function,
    tree: &'w Tree<'w>,
    text: String,
    tab: usize,
}

impl Writer<'_, '_> {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{}{line}", "  ".repeat(self.tab));
    }

    fn nodes(&mut self, nodes: &[Node]) -> Emit<()> {
        nodes.iter().try_for_each(|node| self.node(node))
    }

    fn node(&mut self, node: &Node) -> Emit<()> {
        let nest = self.tree.nest;
        match node {
            Node::Loop { dim, body } => {
                let extent = nest.dims[*dim].extent;
                self.line(&format!("for (ptrdiff_t d{dim} = 0; d{dim} < {extent}; ++d{dim}) {{"));
                self.tab += 1;
                self.nodes(body)?;
                self.tab -= 1;
                self.line("}");
                Ok(())
            }
            Node::Value(val) => self.value(*val),
            Node::Start(at) => {
                for (part, &init) in nest.reductions[*at].inits.iter().enumerate() {
                    let ty = c_type(nest.block.dtype(init))?;
                    self.line(&format!("{ty} r{at}_{part} = {};", name(init)));
                }
                Ok(())
            }
            Node::Fold(at) => self.fold(*at),
            Node::Store(at) => self.store(*at),
        }
    }

    fn value(&mut self, val: Val) -> Emit<()> {
        let block = &self.tree.nest.block;
        let ty = c_type(block.dtype(val))?;
        let expression = match block.inst(val) {
            Inst::Load(access) => {
                let address = self.tree.loads[val.0 as usize].as_ref().expect("a load has an address");
                let loaded = self.load(access.buffer, address, block.dtype(val))?;
                match access.fill {
                    Some(fill) if !address.guards.is_empty() => {
                        let inside = self.inside(address);
                        // A branch, since what is outside must not be read.
                        format!("({inside}) ? {loaded} : {}", name(fill))
                    }
                    _ => loaded,
                }
            }
            Inst::Dim(dim) => format!("(int64_t)d{dim}"),
            Inst::LoopIndex(var) => format!("(int64_t)l{}", var.0),
            Inst::Reduced { reduction, part } => format!("r{reduction}_{part}"),
            _ => {
                let tab = "  ".repeat(self.tab);
                let arguments = |operand: Val| name(operand);
                let line = scalar::inst(self.file, block, val, &arguments, &name(val), &tab)?;
                self.text += &line;
                return Ok(());
            }
        };
        self.line(&format!("const {ty} {} = {expression};", name(val)));
        Ok(())
    }

    fn fold(&mut self, at: usize) -> Emit<()> {
        let nest = self.tree.nest;
        let reduction = &nest.reductions[at];
        match &reduction.combine {
            Combine::Op(op) => {
                let (value, accumulator) = (reduction.values[0], format!("r{at}_0"));
                let merged = scalar::binary(*op, nest.block.dtype(value), &accumulator, &name(value))?;
                self.line(&format!("{accumulator} = {merged};"));
            }
            Combine::Block(block) => {
                let parts = reduction.values.len();
                let accumulators: Vec<String> = (0..parts).map(|part| format!("r{at}_{part}")).collect();
                let values = reduction.values.iter().map(|&value| name(value));
                let arguments: Vec<String> = accumulators.iter().cloned().chain(values).collect();
                self.line("{");
                self.tab += 1;
                let tab = "  ".repeat(self.tab);
                let prefix = format!("f{at}_");
                let values = scalar::block(self.file, &mut self.text, block, &arguments, &prefix, &tab)?;
                // All are computed before the first is replaced: copies of parameters are values as well.
                for (part, result) in block.results.iter().enumerate() {
                    let ty = c_type(block.dtype(*result))?;
                    self.line(&format!("const {ty} {prefix}new{part} = {};", values[result.0 as usize]));
                }
                for (part, accumulator) in accumulators.iter().enumerate() {
                    self.line(&format!("{accumulator} = {prefix}new{part};"));
                }
                self.tab -= 1;
                self.line("}");
            }
        }
        Ok(())
    }

    fn store(&mut self, at: usize) -> Emit<()> {
        let nest = self.tree.nest;
        let (store, address) = (&nest.stores[at], &self.tree.stores[at]);
        let dtype = nest.block.dtype(store.value);
        let mut value = name(store.value);
        if let Some(op) = store.combine {
            let old = self.load(store.buffer, address, dtype)?;
            value = scalar::binary(op, dtype, &old, &value)?;
        }
        let place = self.place(address);
        let ty = c_type(dtype)?;
        let stored = match self.accessor(store.buffer, dtype)? {
            Some(accessor) => format!("rjax_put_{accessor}({place}, {value});"),
            None => format!("*(rjax_{ty} *)({place}) = {value};"),
        };
        match store.mask {
            Some(mask) => self.line(&format!("if ({}) {{ {stored} }}", name(mask))),
            None => self.line(&stored),
        }
        Ok(())
    }

    fn load(&self, id: BufferId, address: &Address, dtype: DType) -> Emit<String> {
        let (place, ty) = (self.place(address), c_type(dtype)?);
        Ok(match self.accessor(id, dtype)? {
            Some(accessor) => format!("rjax_get_{accessor}({place})"),
            None => format!("*(const rjax_{ty} *)({place})"),
        })
    }

    /// The functions that reach elements which no pointer to their type may point at: keys, and whatever lies in memory that
    /// is less aligned.
    fn accessor(&self, id: BufferId, dtype: DType) -> Emit<Option<&'static str>> {
        if self.function.buffer(id).dtype == DType::KeyFry {
            return Ok(Some("key"));
        }
        let align = match self.function.buffer(self.function.memory(id)).dtype {
            DType::KeyFry | DType::C64 => 4,
            DType::C128 => 8,
            other => other.size_bytes(),
        };
        Ok(if align < dtype.size_bytes() { Some(c_type(dtype)?) } else { None })
    }

    /// A pointer to the element.
    fn place(&self, address: &Address) -> String {
        let mut text = format!("b{}", address.memory.0);
        if address.constant != 0 {
            let _ = write!(text, " + {}", number(address.constant));
        }
        let dims = address.dims.iter().map(|(dim, bytes)| (format!("d{dim}"), *bytes));
        let loops = address.loops.iter().map(|(var, bytes)| (format!("l{}", var.0), *bytes));
        let dynamic =
            address.dynamic.iter().map(|(val, bytes)| (format!("(ptrdiff_t){}", name(*val)), *bytes));
        for (position, bytes) in dims.chain(loops).chain(dynamic) {
            let _ = write!(text, " + {position} * {}", number(bytes));
        }
        for (index, bytes) in &address.quotients {
            let _ =
                write!(text, " + (ptrdiff_t)({} / {}) * {}", position(index), index.divisor, number(*bytes));
        }
        text
    }

    fn inside(&self, address: &Address) -> String {
        let condition = |guard: &crate::codegen::tree::Guard| {
            let (index, divisor) = (position(&guard.index), guard.index.divisor);
            let within = format!("{index} < {}u", guard.extent as i64 * divisor);
            if divisor == 1 { within } else { format!("{within} && {index} % {divisor} == 0") }
        };
        address.guards.iter().map(condition).collect::<Vec<String>>().join(" && ")
    }
}

fn name(val: Val) -> String {
    format!("v{}", val.0)
}

/// `affine + dynamic`, before the division. A negative position is a large unsigned number.
fn position(index: &Index) -> String {
    let mut text = format!("((uint64_t)({}", number(index.affine.constant));
    for (dim, coefficient) in index.affine.dims() {
        let _ = write!(text, " + d{dim} * {}", number(coefficient));
    }
    for (var, coefficient) in index.affine.loops() {
        let _ = write!(text, " + l{} * {}", var.0, number(coefficient));
    }
    text += ")";
    if let Some(val) = index.dynamic {
        let _ = write!(text, " + (uint64_t){}", name(val));
    }
    text + ")"
}

fn number(value: i64) -> String {
    if value < 0 { format!("({value})") } else { value.to_string() }
}
