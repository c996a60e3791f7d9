//! Statements around nests.

use super::scalar::c_type;
use super::{Emit, File, nest};
use crate::codegen::tree::Tree;
use crate::diag::Diagnostic;
use crate::loops::{BufferId, Function, Place, Stmt};
use crate::types::DType;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The body of a function: its arrays, then its statements.
pub(super) fn body(file: &mut File, function: &Function) -> Emit<String> {
    let mut used: BTreeSet<BufferId> = BTreeSet::new();
    function.body.iter().for_each(|stmt| stmt.buffers(&mut |id, _| _ = used.insert(function.memory(id))));
    let mut text = String::new();
    let mut has = [false; 3];
    for id in used {
        let buffer = function.buffer(id);
        match &buffer.place {
            Place::Input(position) => {
                has[0] = true;
                let _ = writeln!(
                    text,
                    "  const unsigned char *const restrict b{} = (const unsigned char *)in[{position}]; /* {}{} */",
                    id.0, buffer.dtype, buffer.shape
                );
            }
            Place::Output(position) => {
                has[1] = true;
                let _ = writeln!(
                    text,
                    "  unsigned char *const restrict b{} = (unsigned char *)out[{position}]; /* {}{} */",
                    id.0, buffer.dtype, buffer.shape
                );
            }
            Place::Constant(tensor) => {
                let name = file.constant(tensor);
                let _ = writeln!(
                    text,
                    "  const unsigned char *const restrict b{} = (const unsigned char *){name}; /* {}{} */",
                    id.0, buffer.dtype, buffer.shape
                );
            }
            Place::Arena(offset) => {
                has[2] = true;
                let _ = writeln!(
                    text,
                    "  unsigned char *const b{} = work + {offset}; /* {}{} */",
                    id.0, buffer.dtype, buffer.shape
                );
            }
            Place::Unplaced | Place::Alias(_) | Place::Next(_) => {
                return Err(Diagnostic::bug("a buffer has no place in memory"));
            }
        }
    }
    for (name, _) in ["in", "out", "work"].iter().zip(has).filter(|(_, has)| !has) {
        let _ = writeln!(text, "  (void){name};");
    }
    let mut writer = Writer { file, function, text, tab: 1 };
    writer.stmts(&function.body)?;
    Ok(writer.text)
}

struct Writer<'w, 'n> {
    file: &'w mut File<'n>,
    function: &'w Function,
    text: String,
    tab: usize,
}

impl Writer<'_, '_> {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{}{line}", "  ".repeat(self.tab));
    }

    fn stmts(&mut self, stmts: &[Stmt]) -> Emit<()> {
        stmts.iter().try_for_each(|stmt| self.stmt(stmt))
    }

    fn within(&mut self, open: &str, stmts: &[Stmt], close: &str) -> Emit<()> {
        self.line(open);
        self.tab += 1;
        self.stmts(stmts)?;
        self.tab -= 1;
        self.line(close);
        Ok(())
    }

    fn stmt(&mut self, stmt: &Stmt) -> Emit<()> {
        match stmt {
            Stmt::Nest(nest) => {
                let Some(tree) = Tree::of(self.function, nest) else { return Ok(()) };
                self.text += &nest::text(self.file, self.function, &tree, self.tab)?;
                Ok(())
            }
            Stmt::Loop { var, count, body } => {
                let l = format!("l{}", var.0);
                self.within(&format!("for (ptrdiff_t {l} = 0; {l} < {count}; ++{l}) {{"), body, "}")
            }
            Stmt::While { condition, predicate, body } => {
                self.line("for (;;) {");
                self.tab += 1;
                self.stmts(condition)?;
                let predicate = self.scalar(*predicate, DType::Bool)?;
                self.line(&format!("if (!{predicate}) {{ break; }}"));
                self.stmts(body)?;
                self.tab -= 1;
                self.line("}");
                Ok(())
            }
            Stmt::Switch { selector, branches } => {
                let selector = self.scalar(*selector, DType::I32)?;
                self.line(&format!("switch ({selector}) {{"));
                for (position, branch) in branches.iter().enumerate() {
                    // The last one takes what is left: there is nothing else.
                    let label = if position + 1 == branches.len() {
                        "default".into()
                    } else {
                        format!("case {position}")
                    };
                    self.within(&format!("{label}: {{"), branch, "} break;")?;
                }
                self.line("}");
                Ok(())
            }
            Stmt::Call(call) => {
                Err(Diagnostic::unsupported(format!("the runtime's routine {} has no C form", call.symbol))
                    .hint("an object (--emit=obj) calls it in librjaxc_rt.a"))
            }
        }
    }

    /// The one element of a rank-0 buffer.
    fn scalar(&self, id: BufferId, dtype: DType) -> Emit<String> {
        Ok(format!("*(const rjax_{} *)b{}", c_type(dtype)?, self.function.memory(id).0))
    }
}
