//! Compiled nests against the interpreter of loop nests, under several plans and CPUs.

mod control;
mod elementwise;
mod memory;
mod objects;
mod reduction;

use super::{EntryPoint, Unit};
use crate::codegen::target::{Output, Target};
use crate::loops::interpret::{self, Strictness};
use crate::loops::{Access, Block, Buffer, BufferId, Dim, Function, Index, Module, Nest, Place, Plan, Stmt};
use crate::loops::{Store, Val, VectorPlan};
use crate::schedule::vectorize;
use crate::types::{DType, Kind, Literal, Scalar, Shape, Tensor};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncOrDataId, Module as _, default_libcall_names};

const GUARD_BYTES: usize = 64;
const GUARD: u8 = 0x5a;

/// Compiles the function as it stands and as planned, for the least CPU and this one; all must agree with the
/// interpreter. For aarch64 it must at least compile.
pub fn check(function: &Function, inputs: &[Tensor]) {
    let expected =
        interpret::function(function, inputs, Strictness::Machine).expect("the nest is well formed");
    let planned = Module { functions: vec![function.clone()] };
    let planned = vectorize::run(planned).expect("planning has no errors");
    for function in [function, &planned.functions[0]] {
        assert_eq!(crate::loops::verify(function), Vec::<String>::new());
        objects::object_of(function, "aarch64-unknown-linux-gnu", None);
    }
    for (how, function) in [("as given", function), ("as planned", &planned.functions[0])] {
        for cpu in ["x86-64-v2", "native"] {
            let actual = run(function, inputs, cpu);
            for (position, (expected, actual)) in expected.iter().zip(&actual).enumerate() {
                assert_close(expected, actual, &format!("output {position}, {how}, {cpu}"));
            }
        }
    }
}

/// The same for a function of one nest, forced into vectors along `dim` by every unroll factor.
pub fn check_along(function: &Function, inputs: &[Tensor], dim: usize, width: usize) {
    check(function, inputs);
    for unroll in [1, 2, 4] {
        let mut forced = function.clone();
        if let Stmt::Nest(nest) = &mut forced.body[0] {
            nest.plan.vector = Some(VectorPlan { dim, lanes: 16 / width, unroll });
        }
        check(&forced, inputs);
    }
}

/// Compiles and calls both entry points.
pub fn run(function: &Function, inputs: &[Tensor], cpu: &str) -> Vec<Tensor> {
    run_with(function, inputs, cpu, &[]).expect("the function succeeds")
}

/// The same with host functions under these symbols. Errors: the status.
pub fn run_with(
    function: &Function,
    inputs: &[Tensor],
    cpu: &str,
    symbols: &[(&str, *const u8)],
) -> Result<Vec<Tensor>, i32> {
    let target = Target::parse(None, Some(cpu)).expect("the tests run on x86-64");
    let isa = target.isa(Output::Memory).expect("the host is supported");
    let mut builder = JITBuilder::with_isa(isa, default_libcall_names());
    builder.symbols(symbols.iter().map(|(name, address)| (name.to_string(), *address)));
    let mut module = JITModule::new(builder);
    let outputs: Vec<&Buffer> = (0..)
        .map_while(|position| function.buffers.iter().find(|buffer| buffer.place == Place::Output(position)))
        .collect();
    let entry = EntryPoint {
        call: "call".into(),
        direct: None,
        inputs: inputs.len(),
        outputs: outputs.len(),
        checks: None,
    };
    Unit::new(&mut module).function(function, &entry).expect("the nest is well formed");
    module.finalize_definitions().expect("all symbols are known");
    let Some(FuncOrDataId::Func(id)) = module.get_name("call") else { panic!("the entry is missing") };
    let address = module.get_finalized_function(id);
    let pointers: Vec<*const u8> = inputs.iter().map(|input| input.bytes().as_ptr()).collect();
    let bytes_of = |buffer: &Buffer| buffer.shape.element_count() * buffer.dtype.size_bytes();
    let mut memory: Vec<Vec<u8>> =
        outputs.iter().map(|buffer| vec![GUARD; bytes_of(buffer) + 2 * GUARD_BYTES]).collect();
    let mut results: Vec<*mut u8> =
        memory.iter_mut().map(|bytes| bytes[GUARD_BYTES..].as_mut_ptr()).collect();
    let mut work = vec![0u128; function.arena_bytes.div_ceil(16)];
    type Entry = extern "C" fn(*const *const u8, *mut *mut u8, *mut u128, *const u8) -> i32;
    // SAFETY: the address is that of a function just compiled with this signature, and `module` keeps it alive.
    let entry: Entry = unsafe { std::mem::transmute(address) };
    let status = entry(pointers.as_ptr(), results.as_mut_ptr(), work.as_mut_ptr(), std::ptr::null());
    if status != 0 {
        return Err(status);
    }
    let read = |(buffer, bytes): (&&Buffer, Vec<u8>)| {
        let (before, rest) = bytes.split_at(GUARD_BYTES);
        let (body, after) = rest.split_at(bytes_of(buffer));
        assert!(before.iter().chain(after).all(|&byte| byte == GUARD), "a store out of bounds");
        let aval = crate::types::Aval::new(buffer.dtype, buffer.shape.clone());
        Tensor::new(aval, body.to_vec()).expect("the size is that of the buffer")
    };
    Ok(outputs.iter().zip(memory).map(read).collect())
}

fn assert_close(expected: &Tensor, actual: &Tensor, context: &str) {
    for (position, (e, a)) in expected.scalars().zip(actual.scalars()).enumerate() {
        let ok = match (e, a) {
            (Scalar::Float(e), Scalar::Float(a)) => {
                let tolerance = if expected.dtype() == DType::F64 { 1e-12 } else { 2e-5 };
                e == a || (e.is_nan() && a.is_nan()) || (e - a).abs() <= tolerance * e.abs().max(1.0)
            }
            (e, a) => e == a,
        };
        assert!(ok, "element {position}: expected {e:?}, got {a:?} ({context})\n{expected:?}\n{actual:?}");
    }
}

/// A function under construction: buffers in order, then nests.
#[derive(Default)]
pub struct Build {
    pub buffers: Vec<Buffer>,
    pub body: Vec<Stmt>,
    pub arena_bytes: usize,
    inputs: usize,
    outputs: usize,
}

impl Build {
    pub fn input(&mut self, dtype: DType, shape: impl Into<Shape>) -> BufferId {
        self.inputs += 1;
        self.buffer(dtype, shape, Place::Input(self.inputs - 1))
    }

    pub fn output(&mut self, dtype: DType, shape: impl Into<Shape>) -> BufferId {
        self.outputs += 1;
        self.buffer(dtype, shape, Place::Output(self.outputs - 1))
    }

    pub fn temporary(&mut self, dtype: DType, shape: impl Into<Shape>) -> BufferId {
        let shape = shape.into();
        let start = self.arena_bytes;
        self.arena_bytes += (shape.element_count() * dtype.size_bytes()).next_multiple_of(64);
        self.buffer(dtype, shape, Place::Arena(start))
    }

    pub fn buffer(&mut self, dtype: DType, shape: impl Into<Shape>, place: Place) -> BufferId {
        self.buffers.push(Buffer { dtype, shape: shape.into(), place });
        BufferId(self.buffers.len() as u32 - 1)
    }

    pub fn finish(self) -> Function {
        Function { name: "f".into(), buffers: self.buffers, body: self.body, arena_bytes: self.arena_bytes }
    }
}

pub fn nest(dims: &[Dim], block: Block, stores: Vec<Store>) -> Nest {
    Nest { dims: dims.to_vec(), block, reductions: Vec::new(), stores, plan: Plan::default() }
}

pub fn store(buffer: BufferId, indices: Vec<Index>, value: Val) -> Store {
    Store { buffer, indices, value, mask: None, combine: None }
}

/// The access at the positions of these dims.
pub fn at(buffer: BufferId, dims: &[usize]) -> Access {
    Access::new(buffer, dims.iter().map(|&dim| Index::dim(dim)).collect())
}

/// Pseudo-random values: awkward ones first, then numbers of moderate size.
pub fn sample(dtype: DType, shape: impl Into<Shape>, seed: u64) -> Tensor {
    let shape = shape.into();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state >> 33
    };
    let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.5, -2.5, 3e9, -1e20];
    let value = |position: usize| match dtype.kind() {
        Kind::Float if seed >= 100 => Scalar::Float((next() % 2000) as f64 / 256.0 - 3.0),
        Kind::Float => match special.get((position + seed as usize) % 24) {
            Some(&x) => Scalar::Float(x),
            None => Scalar::Float((next() % 2000) as f64 / 64.0 - 15.0),
        },
        Kind::Bool => Scalar::Bool(next() % 2 == 1),
        _ => {
            let bits = u128::from(next()) << 40 ^ u128::from(next()) << 20 ^ u128::from(next());
            let small = Scalar::Int((next() % 7) as i128 - 3);
            if next() % 2 == 0 { small } else { Literal::from_bits(dtype, bits).value() }
        }
    };
    let count = shape.element_count();
    let aval = crate::types::Aval::new(dtype, shape);
    Tensor::from_scalars(aval.clone(), (0..count).map(value).map(|scalar| scalar.rounded(dtype)))
}
