//! Machine functions that wait for Cranelift: independent of each other, so that several threads compile them.
//!
//! # Note: order
//! Functions are added to the module in the order in which they were built, whichever thread compiles them first, so that
//! the same program gives the same bytes.

use super::frames::{self, Frame};
use super::{Emit, Unit, module_error};
use cranelift_codegen::Context;
use cranelift_codegen::isa::TargetIsa;
use cranelift_module::{FuncId, ModuleReloc};
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::thread;

/// More than this is compiled before anything else is built, which bounds memory. Units: instructions.
const MOST_INSTS: usize = 100_000;

/// Starting a thread takes as long as compiling a few hundred instructions. Units: instructions.
const INSTS_PER_THREAD: usize = 3_000;

/// What Cranelift may need, as the first thread of a process has it. Units: bytes.
const STACK: usize = 8 << 20;

/// The functions that are built and not compiled.
#[derive(Default)]
pub(super) struct Pending {
    functions: Vec<(FuncId, Context)>,
    // Of all of them.
    insts: usize,
}

/// The code of a function, before addresses are known.
struct Compiled {
    code: Vec<u8>,
    align: u64,
    relocs: Vec<ModuleReloc>,
    frame: Frame,
}

impl Unit<'_> {
    /// Leaves a function to [`Unit::compile_pending`].
    pub(super) fn compile_later(&mut self, id: FuncId, context: Context) -> Emit<()> {
        self.pending.insts += context.func.dfg.num_insts();
        self.pending.functions.push((id, context));
        if self.pending.insts > MOST_INSTS { self.compile_pending() } else { Ok(()) }
    }

    /// Compiles what waits, on several processors where it is worth it.
    pub(super) fn compile_pending(&mut self) -> Emit<()> {
        let Pending { functions, insts } = std::mem::take(&mut self.pending);
        let most = functions.len().min(1 + insts / INSTS_PER_THREAD);
        // Asking how many processors there are takes as long as compiling a small function.
        let threads =
            if most > 1 { most.min(thread::available_parallelism().map_or(1, NonZero::get)) } else { 1 };
        for (id, compiled) in compile_all(self.module.isa(), functions, threads) {
            let Compiled { code, align, relocs, frame } = compiled?;
            self.module.define_function_bytes(id, align, &code, &relocs).map_err(module_error)?;
            self.frames.insert(id.as_u32(), frame);
        }
        Ok(())
    }
}

/// Compiles all functions; the results are in their order.
fn compile_all(
    isa: &dyn TargetIsa,
    functions: Vec<(FuncId, Context)>,
    threads: usize,
) -> Vec<(FuncId, Emit<Compiled>)> {
    let queue = Mutex::new(functions.into_iter().enumerate());
    let next = || queue.lock().expect("nobody panics with it").next();
    let work = || {
        let compiled = |(position, (id, context))| (position, id, compile(isa, id, context));
        std::iter::from_fn(next).map(compiled).collect::<Vec<_>>()
    };
    let mut done = thread::scope(|scope| {
        let start = |_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok();
        // Where there are no more threads, those that are there do the work.
        let others: Vec<_> = (1..threads).filter_map(start).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(position, ..)| *position);
    done.into_iter().map(|(_, id, compiled)| (id, compiled)).collect()
}

fn compile(isa: &dyn TargetIsa, id: FuncId, mut context: Context) -> Emit<Compiled> {
    context.compile(isa, &mut Default::default()).map_err(|error| module_error(error.into()))?;
    let buffer = &context.compiled_code().expect("it has just been compiled").buffer;
    let reloc = |reloc| ModuleReloc::from_mach_reloc(reloc, &context.func, id);
    Ok(Compiled {
        code: buffer.data().to_vec(),
        align: u64::from(buffer.alignment),
        relocs: buffer.relocs().iter().map(reloc).collect(),
        frame: frames::frame(&context),
    })
}
