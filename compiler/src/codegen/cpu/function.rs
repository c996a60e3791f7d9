//! Statements of a function: control flow, runtime calls, and nests.
//!
//! # Note: outlining
//! Compile time of one machine function grows faster than its size. A long statement list is therefore cut into
//! local functions that take the four arguments of the entry and the positions of the enclosing loops.

use super::shared::{Part, SHARE_WEIGHT};
use super::{Cx, Emit, EntryPoint, Unit, module_error, nest};
use crate::diag::Diagnostic;
use crate::loops::{Affine, BufferId, Function, LoopVar, Place, RuntimeCall, Slice, Stmt};
use crate::types::Extent;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{AbiParam, InstBuilder, MemFlagsData, Signature, Value, types};
use cranelift_frontend::Switch;
use cranelift_module::FuncId;
use std::sync::Arc;

/// A list of statements heavier than this is outlined. Units: instructions of blocks.
const OUTLINE_WEIGHT: usize = 600;

/// Emits the statements of one machine function.
pub(super) struct Body<'a, 'm, 'f> {
    pub cx: Cx<'a, 'm>,
    pub function: &'f Function,
    // The entry's parameters: inputs, outputs, work, exec.
    pub args: [Value; 4],
    // The enclosing loops, outermost first.
    loops: Vec<OpenLoop>,
    outlined: Vec<Outlined<'f>>,
}

/// A loop around the statement at hand.
#[derive(Clone, Copy)]
struct OpenLoop {
    var: LoopVar,
    count: Extent,
    position: Value,
}

/// Statements that run in a local function of their own.
struct Outlined<'f> {
    id: FuncId,
    stmts: &'f [Stmt],
    // The loops around them, outermost first.
    loops: Vec<(LoopVar, Extent)>,
}

/// Compiles the function and its entry points.
pub(super) fn compile(unit: &mut Unit, function: &Function, entry: &EntryPoint) -> Emit<()> {
    let signature = unit.call_signature();
    let id = unit.module.declare_function(&entry.call, unit.linkage(), &signature).map_err(module_error)?;
    unit.note_entry(&entry.call, id);
    let mut queue = vec![Outlined { id, stmts: &function.body, loops: Vec::new() }];
    while let Some(outlined) = queue.pop() {
        let is_entry = outlined.id == id;
        let signature =
            if is_entry { unit.call_signature() } else { unit.part_signature(outlined.loops.len()) };
        unit.define(outlined.id, signature, |cx| {
            let (cx, parts) = Body::emit(cx, function, &outlined, is_entry.then_some(entry))?;
            queue.extend(parts);
            Ok(cx)
        })?;
    }
    shared_parts(unit)?;
    match &entry.direct {
        Some(symbol) => unit.direct_entry(symbol, entry, id),
        None => Ok(()),
    }
}

/// Defines the parts that were declared on the way.
fn shared_parts(unit: &mut Unit) -> Emit<()> {
    while let Some((id, function)) = unit.part_queue.pop() {
        let signature = unit.call_signature();
        unit.define(id, signature, |cx| {
            let part = Outlined { id, stmts: &function.body, loops: Vec::new() };
            let (cx, parts) = Body::emit(cx, &function, &part, None)?;
            debug_assert!(parts.is_empty(), "a part is one statement, or light");
            Ok(cx)
        })?;
    }
    Ok(())
}

impl Unit<'_> {
    fn part_signature(&self, loops: usize) -> Signature {
        let mut signature = self.call_signature();
        signature.params.extend((0..loops).map(|_| AbiParam::new(types::I64)));
        signature
    }
}

impl<'a, 'm, 'f> Body<'a, 'm, 'f> {
    /// One machine function, and the parts it calls. `entry` is what it is called by, if from outside.
    fn emit(
        mut cx: Cx<'a, 'm>,
        function: &'f Function,
        part: &Outlined<'f>,
        entry: Option<&EntryPoint>,
    ) -> Emit<(Cx<'a, 'm>, Vec<Outlined<'f>>)> {
        let params = cx.open();
        let (args, positions) = params.split_at(4);
        let open = |(&(var, count), &position)| OpenLoop { var, count, position };
        let loops = part.loops.iter().zip(positions).map(open).collect();
        let args = [args[0], args[1], args[2], args[3]];
        let mut is_apart = false;
        if let Some((entry, checks)) =
            entry.and_then(|entry| entry.checks.as_ref().map(|checks| (entry, checks)))
        {
            cx.check_call(entry, checks, args)?;
            is_apart = cx.unit.prologues_need_extensions();
        }
        let mut body = Body { cx, function, args, loops, outlined: Vec::new() };
        match is_apart {
            true => body.outline(part.stmts)?,
            false => body.statements(part.stmts)?,
        }
        let ok = body.cx.b.ins().iconst(types::I32, 0);
        body.cx.b.ins().return_(&[ok]);
        Ok((body.cx, body.outlined))
    }

    fn statements(&mut self, stmts: &'f [Stmt]) -> Emit<()> {
        let whole: usize = stmts.iter().map(weight).sum();
        if stmts.len() == 1 || whole <= OUTLINE_WEIGHT {
            return stmts.iter().try_for_each(|stmt| self.statement(stmt));
        }
        let mut rest = stmts;
        while !rest.is_empty() {
            let mut total = 0;
            let fits = rest.iter().take_while(|stmt| {
                total += weight(stmt);
                total <= OUTLINE_WEIGHT
            });
            let (part, after) = rest.split_at(fits.count().max(1));
            let shared = (whole > SHARE_WEIGHT).then(|| Part::of(self.function, part)).flatten();
            match shared {
                Some(shared) => self.share(shared)?,
                None => self.outline(part)?,
            }
            rest = after;
        }
        Ok(())
    }

    /// Calls the statements as a function of their own. See Note: outlining.
    fn outline(&mut self, stmts: &'f [Stmt]) -> Emit<()> {
        let unit = &mut *self.cx.unit;
        let signature = unit.part_signature(self.loops.len());
        let id = unit.module.declare_anonymous_function(&signature).map_err(module_error)?;
        let loops = self.loops.iter().map(|open| (open.var, open.count)).collect();
        self.outlined.push(Outlined { id, stmts, loops });
        let callee = unit.module.declare_func_in_func(id, self.cx.b.func);
        let positions = self.loops.iter().map(|open| open.position);
        let args: Vec<Value> = self.args.into_iter().chain(positions).collect();
        let call = self.cx.b.ins().call(callee, &args);
        let status = self.cx.b.inst_results(call)[0];
        self.return_unless_zero(status);
        Ok(())
    }

    /// Calls the statements as a function that equal ones call, too. See Note: sharing of `shared`.
    fn share(&mut self, part: Part) -> Emit<()> {
        let args = self.arguments(&part)?;
        let unit = &mut *self.cx.unit;
        let id = match unit.parts.get(&part) {
            Some(id) => id,
            None => {
                let signature = unit.call_signature();
                let id = unit.module.declare_anonymous_function(&signature).map_err(module_error)?;
                let function = Arc::new(part.function);
                unit.parts.insert(function.clone(), id);
                unit.part_queue.push((id, function));
                id
            }
        };
        let callee = unit.module.declare_func_in_func(id, self.cx.b.func);
        let call = self.cx.b.ins().call(callee, &args);
        let status = self.cx.b.inst_results(call)[0];
        self.return_unless_zero(status);
        Ok(())
    }

    fn statement(&mut self, stmt: &'f Stmt) -> Emit<()> {
        match stmt {
            Stmt::Nest(nest) => nest::emit(self, nest),
            Stmt::Loop { var, count, body } => self.counted(*var, *count, body),
            Stmt::While { condition, predicate, body } => self.while_loop(condition, *predicate, body),
            Stmt::Switch { selector, branches } => self.switch(*selector, branches),
            Stmt::Call(call) => self.call(call),
        }
    }

    fn counted(&mut self, var: LoopVar, count: usize, body: &'f [Stmt]) -> Emit<()> {
        if count == 0 {
            return Ok(());
        }
        let (header, exit) = (self.cx.b.create_block(), self.cx.b.create_block());
        let position = self.cx.b.append_block_param(header, types::I64);
        let zero = self.cx.b.ins().iconst(types::I64, 0);
        self.cx.b.ins().jump(header, &[zero.into()]);
        self.cx.b.switch_to_block(header);
        self.loops.push(OpenLoop { var, count, position });
        self.statements(body)?;
        self.loops.pop();
        let next = self.cx.b.ins().iadd_imm_s(position, 1);
        let again = self.cx.b.ins().icmp_imm_s(IntCC::SignedLessThan, next, count as i64);
        self.cx.b.ins().brif(again, header, &[next.into()], exit, &[]);
        self.cx.b.seal_block(header);
        self.cx.b.seal_block(exit);
        self.cx.b.switch_to_block(exit);
        Ok(())
    }

    fn while_loop(&mut self, condition: &'f [Stmt], predicate: BufferId, body: &'f [Stmt]) -> Emit<()> {
        let [header, run, exit] = [(); 3].map(|()| self.cx.b.create_block());
        self.cx.b.ins().jump(header, &[]);
        self.cx.b.switch_to_block(header);
        self.statements(condition)?;
        let pointer = self.pointer(predicate)?;
        let flags = MemFlagsData::new().with_notrap();
        let again = self.cx.b.ins().load(types::I8, flags, pointer, 0);
        self.cx.b.ins().brif(again, run, &[], exit, &[]);
        self.cx.b.seal_block(run);
        self.cx.b.switch_to_block(run);
        self.statements(body)?;
        self.cx.b.ins().jump(header, &[]);
        self.cx.b.seal_block(header);
        self.cx.b.seal_block(exit);
        self.cx.b.switch_to_block(exit);
        Ok(())
    }

    fn switch(&mut self, selector: BufferId, branches: &'f [Vec<Stmt>]) -> Emit<()> {
        let pointer = self.pointer(selector)?;
        let flags = MemFlagsData::new().with_notrap();
        let index = self.cx.b.ins().load(types::I32, flags, pointer, 0);
        let exit = self.cx.b.create_block();
        let targets: Vec<_> = branches.iter().map(|_| self.cx.b.create_block()).collect();
        let mut switch = Switch::new();
        for (position, &target) in targets.iter().enumerate() {
            switch.set_entry(position as u128, target);
        }
        switch.emit(&mut self.cx.b, index, exit);
        for (branch, target) in branches.iter().zip(targets) {
            self.cx.b.seal_block(target);
            self.cx.b.switch_to_block(target);
            self.statements(branch)?;
            self.cx.b.ins().jump(exit, &[]);
        }
        self.cx.b.seal_block(exit);
        self.cx.b.switch_to_block(exit);
        Ok(())
    }

    fn call(&mut self, call: &RuntimeCall) -> Emit<()> {
        let mut args = Vec::new();
        for slice in call.reads.iter().chain(&call.writes) {
            args.push(self.slice_pointer(slice)?);
        }
        if let Some(scratch) = call.scratch {
            args.push(self.pointer(scratch)?);
        }
        for &integer in &call.integers {
            args.push(self.cx.b.ins().iconst(types::I64, integer));
        }
        let mut signature = self.cx.unit.module.make_signature();
        signature.params.extend(args.iter().map(|_| AbiParam::new(types::I64)));
        signature.returns.push(AbiParam::new(types::I32));
        let callee = self.cx.unit.import(call.symbol, &signature)?;
        let callee = self.cx.unit.module.declare_func_in_func(callee, self.cx.b.func);
        let call = self.cx.b.ins().call(callee, &args);
        let status = self.cx.b.inst_results(call)[0];
        self.return_unless_zero(status);
        Ok(())
    }

    fn return_unless_zero(&mut self, status: Value) {
        let (fail, next) = (self.cx.b.create_block(), self.cx.b.create_block());
        self.cx.b.set_cold_block(fail);
        self.cx.b.ins().brif(status, fail, &[], next, &[]);
        self.cx.b.seal_block(fail);
        self.cx.b.seal_block(next);
        self.cx.b.switch_to_block(fail);
        self.cx.b.ins().return_(&[status]);
        self.cx.b.switch_to_block(next);
    }

    /// The address of a buffer's first byte.
    pub(super) fn pointer(&mut self, buffer: BufferId) -> Emit<Value> {
        let [inputs, outputs, work, _] = self.args;
        let flags = MemFlagsData::trusted().with_readonly();
        Ok(match &self.function.buffer(self.function.memory(buffer)).place {
            Place::Input(position) => self.cx.b.ins().load(types::I64, flags, inputs, 8 * *position as i32),
            Place::Output(position) => self.cx.b.ins().load(types::I64, flags, outputs, 8 * *position as i32),
            Place::Constant(tensor) => {
                let data = self.cx.unit.tensor(tensor)?;
                self.cx.data_address(data)
            }
            Place::Arena(offset) => self.cx.b.ins().iadd_imm_s(work, *offset as i64),
            Place::Unplaced => return Err(Diagnostic::bug("a buffer has no place in the arena")),
            Place::Alias(_) | Place::Next(_) => return Err(Diagnostic::bug("an alias resolves to an alias")),
        })
    }

    /// The address of a slice's first byte.
    fn slice_pointer(&mut self, slice: &Slice) -> Emit<Value> {
        let buffer = self.function.buffer(slice.buffer);
        let strides = buffer.shape.strides();
        let of_axis = |(position, stride): (&Affine, usize)| {
            position.scale((stride * buffer.dtype.size_bytes()) as i64)
        };
        let offset = slice
            .leading
            .iter()
            .zip(strides)
            .map(of_axis)
            .fold(Affine::default(), |sum, term| sum.add(&term));
        let start = self.pointer(slice.buffer)?;
        let moved = self.moved(start, offset.loops())?;
        Ok(self.cx.b.ins().iadd_imm_s(moved, offset.constant))
    }

    /// A pointer moved by the positions of loops, in bytes per step.
    pub(super) fn moved(&mut self, start: Value, loops: impl Iterator<Item = (LoopVar, i64)>) -> Emit<Value> {
        let mut pointer = start;
        for (var, bytes) in loops {
            let position = self.open_loop(var)?.position;
            let offset = self.cx.b.ins().imul_imm_s(position, bytes);
            pointer = self.cx.b.ins().iadd(pointer, offset);
        }
        Ok(pointer)
    }

    /// The position of an enclosing loop.
    pub(super) fn loop_position(&self, var: LoopVar) -> Emit<Value> {
        Ok(self.open_loop(var)?.position)
    }

    /// How many steps an enclosing loop has.
    pub(super) fn loop_count(&self, var: LoopVar) -> Emit<Extent> {
        Ok(self.open_loop(var)?.count)
    }

    fn open_loop(&self, var: LoopVar) -> Emit<OpenLoop> {
        let found = self.loops.iter().rev().find(|open| open.var == var).copied();
        found.ok_or_else(|| Diagnostic::bug(format!("loop variable {} is used outside of its loop", var.0)))
    }
}

/// About how much code a statement becomes. Units: instructions of blocks.
fn weight(stmt: &Stmt) -> usize {
    let list = |stmts: &[Stmt]| stmts.iter().map(weight).sum::<usize>();
    match stmt {
        Stmt::Nest(nest) => {
            // A vector nest has a main loop, a loop of single steps and a scalar tail.
            let copies = nest.plan.vector.map_or(1, |vector| vector.unroll + 2);
            20 + nest.block.insts.len() * copies
        }
        Stmt::Loop { body, .. } => 5 + list(body),
        Stmt::While { condition, body, .. } => 5 + list(condition) + list(body),
        Stmt::Switch { branches, .. } => 5 + branches.iter().map(|branch| 2 + list(branch)).sum::<usize>(),
        Stmt::Call(_) => 5,
    }
}
