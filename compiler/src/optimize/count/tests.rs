use super::*;
use crate::eval;
use crate::ir::Builder;
use crate::ops::control::While;
use crate::ops::elementwise::CompareKind;
use crate::types::{Aval, DType, Tensor};

/// `while x < limit: x = x * weight`, all three of them and a counter being state, as StableHLO has it.
fn program() -> Program {
    let scalar = Aval::scalar(DType::F64);
    let state = |b: &mut Builder| -> Vec<Atom> {
        let parts = [&scalar, &Aval::scalar(DType::I32), &scalar, &scalar];
        parts.map(|aval| b.input(aval.clone()).into()).to_vec()
    };
    let mut b = Builder::new();
    let [_, _, x, limit] = state(&mut b)[..] else { unreachable!("four parts") };
    let runs = b.compare(CompareKind::Lt, x, limit);
    let condition = b.finish(vec![runs]);
    let mut b = Builder::new();
    let [weight, count, x, limit] = state(&mut b)[..] else { unreachable!("four parts") };
    let (next, grown) = (b.add(count, Atom::constant(DType::I32, 1.0)), b.mul(x, weight));
    let body = b.finish(vec![weight, next, grown, limit]);
    let mut b = Builder::new();
    let [weight, x, limit] = [0; 3].map(|_| Atom::from(b.input(scalar.clone())));
    let start = Atom::constant(DType::I32, 0.0);
    let results = b.emit(While::new(condition.into(), 0, body.into(), 0), &[weight, start, x, limit]);
    let sum = b.add(results[0], results[3]);
    b.finish(vec![sum, results[0], results[1], results[2]])
}

#[test]
fn what_a_loop_hands_on_unchanged_is_no_state() {
    let before = program();
    let after = run(before.clone()).expect("it has code");
    assert!(crate::ir::verify(&after).is_empty());
    let Op::While(op) = &after.equations[0].op else { panic!("its length is not known") };
    assert_eq!((op.condition_consts, op.body_consts, op.body().outputs.len()), (1, 2, 2));
    assert_eq!(after.outputs[1], Atom::Var(after.inputs[0]));
    let inputs = [2.0, 1.0, 20.0].map(|x| Tensor::from_f64s(DType::F64, [], &[x]));
    let results = |program: &Program| eval::program(program, &inputs).expect("it runs");
    assert_eq!(results(&after), results(&before));
}
