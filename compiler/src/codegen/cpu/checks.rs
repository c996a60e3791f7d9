//! What an entry point verifies before it touches anything: the processor, the pointers, the executor.
//!
//! # Note: cost
//!
//! A call pays a load and a compare for the processor, whose answer is kept in a word of the object after the first
//! call, and per array a test (no pointer is NULL) and an `or` (no pointer has low bits). The branches are never
//! taken, so that the work behind them starts without waiting. They stand at the head of the body itself, because a
//! call more would cost more than all of them. Only where the prologue of the body may use extensions that the
//! processor lacks (on Windows it saves vector registers), the body is a function of its own. What asks the processor
//! preserves all registers: nothing has to be saved across the question.

use super::processor::{self, SUPPORTED};
use super::{Cx, Emit, EntryPoint, Unit, module_error};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{AbiParam, Block, InstBuilder, MemFlagsData, Signature, Value, types};
use cranelift_codegen::isa::CallConv;
use cranelift_module::{DataDescription, DataId, FuncId, Linkage};
use std::ops::Range;

/// The status codes for what can be wrong with a call, and what is required of its pointers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checks {
    /// Per array, inputs first: the alignment of its elements; none for arrays without any. Units: bytes.
    pub arrays: Vec<Option<usize>>,
    /// None if no work memory is needed. Units: bytes.
    pub work_align: Option<usize>,
    pub codes: Codes,
}

/// See `link::status`, which names them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Codes {
    pub null_pointer: i32,
    pub misaligned: i32,
    pub unsupported_cpu: i32,
    pub bad_executor: i32,
}

/// Pointers whose low bits one branch tests: so many that live at once are no matter of registers, and compiling more
/// of them would take time in their square.
const TESTED_AT_ONCE: usize = 32;

/// The word that remembers what the processor has answered, and the function that asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processor {
    word: DataId,
    ask: FuncId,
}

impl Unit<'_> {
    /// Can code use extensions before its first instruction? See Note: cost.
    pub(super) fn prologues_need_extensions(&self) -> bool {
        let isa = self.module.isa();
        isa.default_call_conv() == CallConv::WindowsFastcall && processor::features(isa).contains(&"avx")
    }

    /// Defined at the first use; none where every processor will do.
    fn processor(&mut self) -> Emit<Option<Processor>> {
        if self.processor.is_none()
            && let Some(wanted) = processor::wanted(self.module.isa())
        {
            let word = self.module.declare_anonymous_data(true, false).map_err(module_error)?;
            let mut zero = DataDescription::new();
            zero.define_zeroinit(4);
            zero.set_align(4);
            self.module.define_data(word, &zero).map_err(module_error)?;
            let mut signature = Signature::new(CallConv::PreserveAll);
            let ask = self.module.declare_anonymous_function(&signature).map_err(module_error)?;
            self.processor = Some(Processor { word, ask });
            // Without parameters, so that the registers of a caller keep theirs.
            self.define(ask, signature.clone(), |mut cx| {
                cx.open();
                signature.params.push(AbiParam::new(types::I64));
                let module = &mut *cx.unit.module;
                let probe = module.declare_anonymous_function(&signature).map_err(module_error)?;
                let code = processor::probe(&wanted);
                module.define_function_bytes(probe, 16, &code, &[]).map_err(module_error)?;
                let probe = module.declare_func_in_func(probe, cx.b.func);
                let address = cx.data_address(word);
                cx.b.ins().call(probe, &[address]);
                cx.b.ins().return_(&[]);
                Ok(cx)
            })?;
        }
        Ok(self.processor)
    }
}

/// Where a call ends that fails, and the low bits of the pointers seen since they were last tested.
struct Verdict {
    null: Block,
    misaligned: Block,
    // By alignment: the bits that any pointer has.
    bits: Vec<(usize, Value)>,
}

/// From this many pointers of one alignment on, a loop tests them: code for thousands takes long to compile.
const LOOPED: usize = 64;

impl Verdict {
    fn new(cx: &mut Cx) -> Verdict {
        let [null, misaligned] = [(); 2].map(|()| cx.b.create_block());
        Verdict { null, misaligned, bits: Vec::new() }
    }

    fn pointer(&mut self, cx: &mut Cx, pointer: Value, align: usize) {
        cx.fail_unless(pointer, self.null);
        match self.bits.iter_mut().find(|(known, _)| *known == align) {
            Some((_, bits)) => *bits = cx.b.ins().bor(*bits, pointer),
            None => self.bits.push((align, pointer)),
        }
    }

    fn alignment(&mut self, cx: &mut Cx) {
        let mut low_bits: Option<Value> = None;
        for (align, bits) in self.bits.drain(..).filter(|(align, _)| *align > 1) {
            let low = cx.b.ins().band_imm_u(bits, align as i64 - 1);
            low_bits = Some(low_bits.map_or(low, |others| cx.b.ins().bor(others, low)));
        }
        if let Some(low_bits) = low_bits {
            cx.fail_if(low_bits, self.misaligned);
        }
    }
}

impl Cx<'_, '_> {
    /// Returns a status unless the arguments of the general entry, and the processor, are what `entry` needs.
    pub(super) fn check_call(&mut self, entry: &EntryPoint, checks: &Checks, args: [Value; 4]) -> Emit<()> {
        let [inputs_at, outputs_at, work, exec] = args;
        let (of_inputs, of_outputs) = checks.arrays.split_at(entry.inputs);
        let lists = [(inputs_at, of_inputs), (outputs_at, of_outputs)];
        let mut verdict = Verdict::new(self);
        for (list, arrays) in lists {
            if arrays.iter().any(Option::is_some) {
                verdict.pointer(self, list, 8);
            }
        }
        // Before the lists are read.
        verdict.alignment(self);
        for (list, arrays) in lists {
            self.check_list(&mut verdict, list, arrays);
        }
        if let Some(align) = checks.work_align {
            verdict.pointer(self, work, align);
        }
        verdict.alignment(self);
        self.check_executor(exec, &verdict, &checks.codes);
        self.check_processor(&checks.codes)?;
        let Codes { null_pointer, misaligned, .. } = checks.codes;
        let next = self.b.current_block().expect("the body goes on here");
        self.end_with(verdict.null, null_pointer);
        self.end_with(verdict.misaligned, misaligned);
        self.b.switch_to_block(next);
        Ok(())
    }

    /// Tests the pointers of a list.
    fn check_list(&mut self, verdict: &mut Verdict, list: Value, arrays: &[Option<usize>]) {
        let mut first = 0;
        for alike in arrays.chunk_by(|a, b| a == b) {
            let positions = first..first + alike.len();
            first = positions.end;
            let Some(align) = alike[0] else { continue };
            if alike.len() >= LOOPED {
                self.check_run(verdict, list, positions, align);
                continue;
            }
            for position in positions {
                if position % TESTED_AT_ONCE == TESTED_AT_ONCE - 1 {
                    verdict.alignment(self);
                }
                let flags = MemFlagsData::trusted().with_readonly();
                let pointer = self.b.ins().load(types::I64, flags, list, 8 * position as i32);
                verdict.pointer(self, pointer, align);
            }
        }
    }

    /// Tests pointers of a list in a loop.
    fn check_run(&mut self, verdict: &mut Verdict, list: Value, positions: Range<usize>, align: usize) {
        let [header, exit] = [(); 2].map(|()| self.b.create_block());
        let [offset, bits] = [(); 2].map(|()| self.b.append_block_param(header, types::I64));
        let seen = self.b.append_block_param(exit, types::I64);
        let [start, none] = [8 * positions.start as i64, 0].map(|x| self.b.ins().iconst(types::I64, x));
        self.b.ins().jump(header, &[start.into(), none.into()]);
        self.b.switch_to_block(header);
        let place = self.b.ins().iadd(list, offset);
        let pointer = self.b.ins().load(types::I64, MemFlagsData::trusted().with_readonly(), place, 0);
        self.fail_unless(pointer, verdict.null);
        let bits = self.b.ins().bor(bits, pointer);
        let next = self.b.ins().iadd_imm_s(offset, 8);
        let again = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, next, 8 * positions.end as i64);
        self.b.ins().brif(again, header, &[next.into(), bits.into()], exit, &[bits.into()]);
        self.b.seal_block(header);
        self.b.seal_block(exit);
        self.b.switch_to_block(exit);
        verdict.bits.push((align, seen));
    }

    /// An executor is optional, but one without a function is none: `rjax_exec` has it in its second word.
    fn check_executor(&mut self, exec: Value, verdict: &Verdict, codes: &Codes) {
        let [given, aligned, bad, next] = [(); 4].map(|()| self.b.create_block());
        self.b.ins().brif(exec, given, &[], next, &[]);
        self.start_cold(given);
        let low = self.b.ins().band_imm_u(exec, 7);
        self.b.ins().brif(low, verdict.misaligned, &[], aligned, &[]);
        self.start_cold(aligned);
        let function = self.b.ins().load(types::I64, MemFlagsData::trusted(), exec, 8);
        self.b.ins().brif(function, next, &[], bad, &[]);
        self.end_with(bad, codes.bad_executor);
        self.b.seal_block(next);
        self.b.switch_to_block(next);
    }

    fn check_processor(&mut self, codes: &Codes) -> Emit<()> {
        let Some(Processor { word, ask }) = self.unit.processor()? else { return Ok(()) };
        let [unknown, unsupported, next] = [(); 3].map(|()| self.b.create_block());
        let is_supported = self.processor_answer(word);
        self.b.ins().brif(is_supported, next, &[], unknown, &[]);
        self.start_cold(unknown);
        // Threads that ask at the same time store the same answer.
        let ask = self.unit.module.declare_func_in_func(ask, self.b.func);
        self.b.ins().call(ask, &[]);
        let is_supported = self.processor_answer(word);
        self.b.ins().brif(is_supported, next, &[], unsupported, &[]);
        self.end_with(unsupported, codes.unsupported_cpu);
        self.b.seal_block(next);
        self.b.switch_to_block(next);
        Ok(())
    }

    fn processor_answer(&mut self, word: DataId) -> Value {
        let address = self.data_address(word);
        let answer = self.b.ins().load(types::I32, MemFlagsData::trusted(), address, 0);
        self.b.ins().icmp_imm_u(IntCC::Equal, answer, SUPPORTED)
    }

    /// Goes to `fail` if the condition is not 0.
    fn fail_if(&mut self, condition: Value, fail: Block) {
        let next = self.b.create_block();
        self.b.ins().brif(condition, fail, &[], next, &[]);
        self.b.seal_block(next);
        self.b.switch_to_block(next);
    }

    /// Goes to `fail` if the condition is 0.
    fn fail_unless(&mut self, condition: Value, fail: Block) {
        let next = self.b.create_block();
        self.b.ins().brif(condition, next, &[], fail, &[]);
        self.b.seal_block(next);
        self.b.switch_to_block(next);
    }

    /// Makes the block, which all that lead to it now know, return a status.
    fn end_with(&mut self, block: Block, status: i32) {
        self.start_cold(block);
        let status = self.b.ins().iconst(types::I32, i64::from(status));
        self.b.ins().return_(&[status]);
    }

    fn start_cold(&mut self, block: Block) {
        self.b.set_cold_block(block);
        self.b.seal_block(block);
        self.b.switch_to_block(block);
    }
}

impl Unit<'_> {
    /// How symbols are exported.
    pub(super) fn linkage(&self) -> Linkage {
        if self.hidden { Linkage::Hidden } else { Linkage::Export }
    }
}
