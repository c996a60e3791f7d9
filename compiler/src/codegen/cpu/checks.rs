//! What an entry point verifies before it touches anything: the processor, the pointers, the executor.
//!
//! # Note: cost
//!
//! A call pays a load and a compare for the processor, whose answer is kept in a word of the object after the first
//! call, and per array a minimum (no pointer is NULL) and an `or` (no pointer has low bits). The branches are never
//! taken, so that the work behind them starts without waiting. What asks the processor is a function of its own that
//! calls the target itself: nothing has to be saved across the question.

use super::function::MANY_ARRAYS;
use super::processor::{self, SUPPORTED};
use super::{Cx, Emit, EntryPoint, Unit, module_error};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{AbiParam, Block, InstBuilder, MemFlagsData, Value, types};
use cranelift_module::{DataDescription, DataId, FuncId, Linkage};

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

/// What an entry calls in the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub id: FuncId,
    pub first: Option<FirstCall>,
}

/// What is called instead until the word says that the processor has all it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstCall {
    word: DataId,
    id: FuncId,
}

/// The word that remembers what the processor has answered, and the function that asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processor {
    word: DataId,
    probe: FuncId,
}

impl Unit<'_> {
    /// A function that asks the processor and then calls `target`, if it may.
    ///
    /// None where every processor will do.
    pub(super) fn first_call(&mut self, checks: &Checks, target: FuncId) -> Emit<Option<FirstCall>> {
        let Some(Processor { word, probe }) = self.processor()? else { return Ok(None) };
        let signature = self.call_signature();
        let id = self.module.declare_anonymous_function(&signature).map_err(module_error)?;
        self.define(id, signature, |mut cx| {
            let params = cx.open();
            let probe = cx.unit.module.declare_func_in_func(probe, cx.b.func);
            let call = cx.b.ins().call(probe, &[]);
            let answer = cx.b.inst_results(call)[0];
            // Threads that ask at the same time get and store the same answer.
            let address = cx.data_address(word);
            cx.b.ins().store(MemFlagsData::trusted(), answer, address, 0);
            let is_missing = cx.b.ins().icmp_imm_u(IntCC::NotEqual, answer, SUPPORTED);
            cx.fail_if(is_missing, checks.codes.unsupported_cpu);
            cx.forward(target, &params);
            Ok(cx)
        })?;
        Ok(Some(FirstCall { word, id }))
    }

    /// Defined at the first use; none where every processor will do.
    fn processor(&mut self) -> Emit<Option<Processor>> {
        if self.processor.is_none()
            && let Some(wanted) = processor::wanted(self.module.isa())
        {
            let mut signature = self.module.make_signature();
            signature.returns.push(AbiParam::new(types::I32));
            let probe = self.module.declare_anonymous_function(&signature).map_err(module_error)?;
            let code = processor::probe(&wanted);
            self.module.define_function_bytes(probe, 16, &code, &[]).map_err(module_error)?;
            let word = self.module.declare_anonymous_data(true, false).map_err(module_error)?;
            let mut zero = DataDescription::new();
            zero.define_zeroinit(4);
            zero.set_align(4);
            self.module.define_data(word, &zero).map_err(module_error)?;
            self.processor = Some(Processor { word, probe });
        }
        Ok(self.processor)
    }

    /// Exports the general entry: checks, then `target`, which has the same parameters. Returns the entry.
    pub(super) fn checked_call(
        &mut self,
        entry: &EntryPoint,
        checks: &Checks,
        target: Target,
    ) -> Emit<FuncId> {
        let signature = self.call_signature();
        let linkage = self.linkage();
        let id = self.module.declare_function(&entry.call, linkage, &signature).map_err(module_error)?;
        self.note_entry(&entry.call, id);
        self.define(id, signature, |mut cx| {
            let params = cx.open();
            let [inputs_at, outputs_at, work, exec] = [params[0], params[1], params[2], params[3]];
            let (of_inputs, of_outputs) = checks.arrays.split_at(entry.inputs);
            let mut lists = Pointers::default();
            for (list, arrays) in [(inputs_at, of_inputs), (outputs_at, of_outputs)] {
                if arrays.iter().any(Option::is_some) {
                    lists.add(&mut cx, list, 8);
                }
            }
            // Before the lists are read.
            lists.check(&mut cx, &checks.codes);
            let mut pointers = Pointers::default();
            for (list, arrays) in [(inputs_at, of_inputs), (outputs_at, of_outputs)] {
                for (position, align) in arrays.iter().enumerate() {
                    if position % MANY_ARRAYS == MANY_ARRAYS - 1 {
                        std::mem::take(&mut pointers).check(&mut cx, &checks.codes);
                    }
                    if let Some(align) = align {
                        let flags = MemFlagsData::trusted().with_readonly();
                        let pointer = cx.b.ins().load(types::I64, flags, list, 8 * position as i32);
                        pointers.add(&mut cx, pointer, *align);
                    }
                }
            }
            pointers.add_work(&mut cx, work, checks);
            pointers.check(&mut cx, &checks.codes);
            cx.check_executor(exec, &checks.codes);
            cx.forward_checked(target, &params);
            Ok(cx)
        })?;
        Ok(id)
    }
}

/// Pointers that a call needs, summed up so that one branch tests them all.
#[derive(Default)]
struct Pointers {
    least: Option<Value>,
    // By alignment: the bits that any pointer has.
    bits: Vec<(usize, Value)>,
}

impl Pointers {
    fn add(&mut self, cx: &mut Cx, pointer: Value, align: usize) {
        self.least = Some(match self.least {
            None => pointer,
            Some(least) => cx.b.ins().umin(least, pointer),
        });
        match self.bits.iter_mut().find(|(known, _)| *known == align) {
            Some((_, bits)) => *bits = cx.b.ins().bor(*bits, pointer),
            None => self.bits.push((align, pointer)),
        }
    }

    fn add_work(&mut self, cx: &mut Cx, work: Value, checks: &Checks) {
        if let Some(align) = checks.work_align {
            self.add(cx, work, align);
        }
    }

    fn check(&self, cx: &mut Cx, codes: &Codes) {
        let Some(least) = self.least else { return };
        let is_null = cx.b.ins().icmp_imm_u(IntCC::Equal, least, 0);
        cx.fail_if(is_null, codes.null_pointer);
        let mut low_bits: Option<Value> = None;
        for &(align, bits) in self.bits.iter().filter(|(align, _)| *align > 1) {
            let low = cx.b.ins().band_imm_u(bits, align as i64 - 1);
            low_bits = Some(low_bits.map_or(low, |others| cx.b.ins().bor(others, low)));
        }
        if let Some(low_bits) = low_bits {
            cx.fail_if(low_bits, codes.misaligned);
        }
    }
}

impl Cx<'_, '_> {
    /// The checks of an entry that gets its pointers one by one.
    pub(super) fn check_pointers(&mut self, arrays: &[Value], work: Value, checks: &Checks) {
        let mut pointers = Pointers::default();
        for (&array, align) in arrays.iter().zip(&checks.arrays) {
            if let Some(align) = align {
                pointers.add(self, array, *align);
            }
        }
        pointers.add_work(self, work, checks);
        pointers.check(self, &checks.codes);
    }

    /// An executor is optional, but one without a function is none: `rjax_exec` has it in its second word.
    fn check_executor(&mut self, exec: Value, codes: &Codes) {
        let [given, null, next] = [(); 3].map(|()| self.b.create_block());
        self.b.ins().brif(exec, given, &[], next, &[]);
        self.start_cold(given);
        let low = self.b.ins().band_imm_u(exec, 7);
        self.fail_if(low, codes.misaligned);
        let function = self.b.ins().load(types::I64, MemFlagsData::trusted(), exec, 8);
        self.b.ins().brif(function, next, &[], null, &[]);
        self.start_cold(null);
        self.return_status(codes.bad_executor);
        self.b.seal_block(next);
        self.b.switch_to_block(next);
    }

    /// Returns a status if the condition is not 0.
    fn fail_if(&mut self, condition: Value, status: i32) {
        let (fail, next) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(condition, fail, &[], next, &[]);
        self.start_cold(fail);
        self.return_status(status);
        self.b.seal_block(next);
        self.b.switch_to_block(next);
    }

    fn start_cold(&mut self, block: Block) {
        self.b.set_cold_block(block);
        self.b.seal_block(block);
        self.b.switch_to_block(block);
    }

    fn return_status(&mut self, status: i32) {
        let status = self.b.ins().iconst(types::I32, i64::from(status));
        self.b.ins().return_(&[status]);
    }

    /// Calls the target, through the question about the processor where it has not been answered.
    pub(super) fn forward_checked(&mut self, target: Target, arguments: &[Value]) {
        if let Some(FirstCall { word, id }) = target.first {
            let address = self.data_address(word);
            let known = self.b.ins().load(types::I32, MemFlagsData::trusted(), address, 0);
            let is_known = self.b.ins().icmp_imm_u(IntCC::Equal, known, SUPPORTED);
            let [ask, next] = [(); 2].map(|()| self.b.create_block());
            self.b.ins().brif(is_known, next, &[], ask, &[]);
            self.start_cold(ask);
            self.forward(id, arguments);
            self.b.seal_block(next);
            self.b.switch_to_block(next);
        }
        self.forward(target.id, arguments);
    }

    /// Calls a function of the unit and returns what it returns.
    fn forward(&mut self, target: FuncId, arguments: &[Value]) {
        let target = self.unit.module.declare_func_in_func(target, self.b.func);
        let call = self.b.ins().call(target, arguments);
        let status = self.b.inst_results(call)[0];
        self.b.ins().return_(&[status]);
    }
}

impl Unit<'_> {
    /// How symbols are exported.
    pub(super) fn linkage(&self) -> Linkage {
        if self.hidden { Linkage::Hidden } else { Linkage::Export }
    }
}
