use super::{Strictness, block, function};
use crate::loops::{
    Access, Affine, BinaryOp, BlockBuilder, Buffer, BufferId, Combine, CompareOp, Dim, Function, Index,
    LoopVar, Nest, Place, Reduction, RuntimeCall, Stmt, Store, UnaryOp, Val,
};
use crate::types::{DType, Scalar, Shape, Tensor};

const INPUT: BufferId = BufferId(0);
const OUTPUT: BufferId = BufferId(1);
const COUNT: BufferId = BufferId(2);
const CONTINUE: BufferId = BufferId(3);

#[test]
fn a_block_rounds_after_each_operation() {
    let mut b = BlockBuilder::new();
    let (x, y) = (b.param(DType::F32), b.param(DType::F32));
    let negative = b.neg(x);
    let product = b.mul(x, y);
    let rounded_twice = b.add(product, negative);
    let fused = b.fma(x, y, negative);
    let code = b.finish_with(vec![rounded_twice, fused]);
    let args = [Scalar::Float(3.0), Scalar::Float(f64::from(1.0f32 + f32::EPSILON))];
    let results = block(&code, &args, Strictness::Machine).expect("it runs");
    assert_eq!(results[0], Scalar::Float(2.0 * f64::from(f32::EPSILON) * 2.0));
    assert_eq!(results[1], Scalar::Float(3.0 * f64::from(f32::EPSILON)));
}

#[test]
fn machine_preconditions_are_checked() {
    let mut b = BlockBuilder::new();
    let (x, y) = (b.param(DType::I32), b.param(DType::I32));
    let quotient = b.div(x, y);
    let code = b.finish_with(vec![quotient]);
    let args = [Scalar::Int(7), Scalar::Int(0)];
    assert_eq!(block(&code, &args, Strictness::Source), Ok(vec![Scalar::Int(-1)]));
    assert!(
        block(&code, &args, Strictness::Machine)
            .is_err_and(|message| message.contains("the divisor is zero"))
    );
}

#[test]
fn reductions_run_before_their_epilogue() {
    // out[i] = sqrt(max over j of x[i, j]).
    let mut nest = Nest::new(vec![Dim::parallel(2), Dim::reduce(3)]);
    let mut b = BlockBuilder::new();
    let x = b.load(Access::new(INPUT, vec![Index::dim(0), Index::dim(1)]), DType::F32);
    let init = b.float(DType::F32, f64::NEG_INFINITY);
    let greatest = b.reduced(0, 0, DType::F32);
    let value = b.sqrt(greatest);
    nest.block = b.finish();
    nest.reductions.push(Reduction {
        combine: Combine::Op(BinaryOp::Max),
        inits: vec![init],
        values: vec![x],
    });
    nest.stores.push(store(value, vec![Index::dim(0)]));
    assert_eq!(run(&[2, 3], &[2], vec![Stmt::Nest(nest)], &[1.0, 4.0, 2.0, 9.0, 3.0, 0.0]), [2.0, 3.0]);
}

#[test]
fn loads_outside_take_their_fill_and_masked_stores_stay_out() {
    // out[i] = x[(i - 1) / 2] where that is inside and divides, else 7; the last element is not stored.
    let mut zero = Nest::new(vec![Dim::parallel(5)]);
    let mut b = BlockBuilder::new();
    let minus_one = b.float(DType::F32, -1.0);
    zero.block = b.finish();
    zero.stores.push(store(minus_one, vec![Index::dim(0)]));
    let mut nest = Nest::new(vec![Dim::parallel(5)]);
    let mut b = BlockBuilder::new();
    let fill = b.float(DType::F32, 7.0);
    let index = Index { affine: Affine::dim(0).add_constant(-1), dynamic: None, divisor: 2 };
    let x = b.load(Access { buffer: INPUT, indices: vec![index], fill: Some(fill) }, DType::F32);
    let (position, last) = (b.dim(0), b.int(DType::I64, 4));
    let mask = b.lt(position, last);
    nest.block = b.finish();
    nest.stores.push(Store { mask: Some(mask), ..store(x, vec![Index::dim(0)]) });
    let body = vec![Stmt::Nest(zero), Stmt::Nest(nest)];
    assert_eq!(run(&[2], &[5], body, &[1.0, 2.0]), [7.0, 1.0, 7.0, 2.0, -1.0]);
}

#[test]
fn loops_and_whiles_carry_state_in_buffers() {
    // count = 0; while count < 3 { count += 1 }; for i in 0..2 { out[i] = x[i] + count }.
    let var = LoopVar(0);
    let mut copy = Nest::new(vec![]);
    let mut b = BlockBuilder::new();
    let at = b.loop_index(var);
    let x = b.load(Access::new(INPUT, vec![Index::dynamic(at)]), DType::F32);
    let count = b.load(Access::new(COUNT, vec![]), DType::F32);
    let sum = b.add(x, count);
    copy.block = b.finish();
    copy.stores.push(store(sum, vec![Index::dynamic(at)]));
    let body = vec![
        scalar_nest(COUNT, |b| b.float(DType::F32, 0.0)),
        Stmt::While {
            condition: vec![scalar_nest(CONTINUE, |b| {
                let (count, limit) = (load_count(b), b.float(DType::F32, 3.0));
                b.compare(CompareOp::Lt, count, limit)
            })],
            predicate: CONTINUE,
            body: vec![scalar_nest(COUNT, |b| {
                let (count, one) = (load_count(b), b.float(DType::F32, 1.0));
                b.add(count, one)
            })],
        },
        Stmt::Loop { var, count: 2, body: vec![Stmt::Nest(copy)] },
    ];
    assert_eq!(run(&[2], &[2], body, &[10.0, 20.0]), [13.0, 23.0]);
}

#[test]
fn runtime_calls_are_named() {
    let call =
        RuntimeCall { symbol: "rjax_sort", reads: vec![], writes: vec![], scratch: None, integers: vec![] };
    let result =
        function(&program(&[1], &[1], vec![Stmt::Call(call)]), &[input(&[1], &[0.0])], Strictness::Source);
    assert_eq!(result, Err("the interpreter has no runtime routine rjax_sort".to_string()));
}

#[test]
fn error_functions_are_accurate() {
    let cases = [
        (UnaryOp::Erf, 0.5, 0.5204998778130465),
        (UnaryOp::Erf, -2.5, -0.999593047982555),
        (UnaryOp::Erfc, 2.0, 0.004677734981047266),
        (UnaryOp::ErfInv, 0.5, 0.4769362762044699),
    ];
    for (op, x, want) in cases {
        let mut b = BlockBuilder::new();
        let param = b.param(DType::F64);
        let y = b.unary(op, param);
        let code = b.finish_with(vec![y]);
        let got = block(&code, &[Scalar::Float(x)], Strictness::Source).expect("it runs")[0].float();
        assert!((got - want).abs() <= want.abs() * 4e-16, "{op:?} of {x}: {got}, not {want}");
    }
}

fn scalar_nest(buffer: BufferId, value: impl FnOnce(&mut BlockBuilder) -> Val) -> Stmt {
    let mut nest = Nest::new(vec![]);
    let mut b = BlockBuilder::new();
    let value = value(&mut b);
    nest.block = b.finish();
    nest.stores.push(Store { buffer, ..store(value, vec![]) });
    Stmt::Nest(nest)
}

fn load_count(b: &mut BlockBuilder) -> Val {
    b.load(Access::new(COUNT, vec![]), DType::F32)
}

fn store(value: Val, indices: Vec<Index>) -> Store {
    Store { buffer: OUTPUT, indices, value, mask: None, combine: None }
}

fn input(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor::from_f64s(DType::F32, shape, values)
}

fn program(input: &[usize], output: &[usize], body: Vec<Stmt>) -> Function {
    let buffer = |dtype, shape: Shape, place| Buffer { dtype, shape, place };
    Function {
        name: "test".into(),
        buffers: vec![
            buffer(DType::F32, input.into(), Place::Input(0)),
            buffer(DType::F32, output.into(), Place::Output(0)),
            buffer(DType::F32, Shape::scalar(), Place::Arena(0)),
            buffer(DType::Bool, Shape::scalar(), Place::Arena(64)),
        ],
        body,
        arena_bytes: 128,
    }
}

fn run(input_shape: &[usize], output_shape: &[usize], body: Vec<Stmt>, values: &[f64]) -> Vec<f64> {
    let function_under_test = program(input_shape, output_shape, body);
    let outputs =
        function(&function_under_test, &[input(input_shape, values)], Strictness::Source).expect("it runs");
    outputs[0].scalars().map(Scalar::float).collect()
}
