use super::*;
use crate::eval;
use crate::ir::Builder;
use crate::ops::control::While;
use crate::ops::elementwise::CompareKind;
use crate::ops::indexing::{DynamicSlice, DynamicUpdateSlice};
use crate::ops::shape::Reshape;
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

/// `for k in 0..4: ys[p] = h * xs[p]; h = h + xs[p]`, p being k or 3 - k, all of it state.
fn over_rows(backwards: bool) -> Program {
    let array = Aval::new(DType::F64, [4, 2]);
    let avals = [Aval::scalar(DType::I32), Aval::new(DType::F64, [2]), array.clone(), array.clone()];
    let index = |value: f64| Atom::constant(DType::I32, value);
    let state = |b: &mut Builder| avals.each_ref().map(|aval| Atom::from(b.input(aval.clone())));
    let mut b = Builder::new();
    let [k, ..] = state(&mut b);
    let runs = b.compare(CompareKind::Lt, k, index(4.0));
    let condition = b.finish(vec![runs]);
    let mut b = Builder::new();
    let [k, h, xs, ys] = state(&mut b);
    let from_end = b.sub(index(4.0), k);
    let from_end = b.sub(from_end, index(1.0));
    let position = if backwards { from_end } else { k };
    let row = b.emit_one(DynamicSlice { sizes: vec![1, 2] }, &[xs, position, index(0.0)]);
    let row = b.emit_one(Reshape { shape: [2].into() }, &[row]);
    let product = b.mul(h, row);
    let product = b.emit_one(Reshape { shape: [1, 2].into() }, &[product]);
    let ys = b.emit_one(DynamicUpdateSlice, &[ys, product, position, index(0.0)]);
    let (next, h) = (b.add(k, index(1.0)), b.add(h, row));
    let body = b.finish(vec![next, h, xs, ys]);
    let mut b = Builder::new();
    let (h, xs) = (b.input(avals[1].clone()).into(), b.input(array.clone()).into());
    let ys = b.zeros(&array);
    let results = b.emit(While::new(condition.into(), 0, body.into(), 0), &[index(0.0), h, xs, ys]);
    b.finish(vec![results[1], results[3], results[0]])
}

#[test]
fn rows_in_the_order_of_steps_are_rows() {
    for backwards in [false, true] {
        let before = over_rows(backwards);
        let after = run(before.clone()).expect("it has code");
        assert!(crate::ir::verify(&after).is_empty());
        let scans = after.equations.iter().filter_map(|eqn| match &eqn.op {
            Op::Scan(scan) => Some((scan.consts, scan.carries, scan.body.outputs.len(), scan.reverse)),
            _ => None,
        });
        // The array stays a constant, for whoever reads more of it; here the next pass drops it.
        assert_eq!(scans.collect::<Vec<_>>(), [(1, 2, 3, backwards)]);
        let xs: Vec<f64> = (1..9).map(f64::from).collect();
        let inputs =
            [Tensor::from_f64s(DType::F64, [2], &[1.0, -1.0]), Tensor::from_f64s(DType::F64, [4, 2], &xs)];
        let results = |program: &Program| eval::program(program, &inputs).expect("it runs");
        assert_eq!(results(&after), results(&before));
    }
}

#[test]
fn other_rows_are_no_rows() {
    // Fewer steps than rows, and more.
    for start in [1.0, -1.0] {
        let mut program = over_rows(false);
        let eqn = program.equations.iter_mut().find(|eqn| matches!(eqn.op, Op::While(_))).expect("a loop");
        eqn.operands[0] = Atom::constant(DType::I32, start);
        let after = run(program.clone()).expect("it has code");
        assert!(crate::ir::verify(&after).is_empty());
        let Some(Op::Scan(scan)) =
            after.equations.iter().map(|eqn| &eqn.op).find(|op| matches!(op, Op::Scan(_)))
        else {
            panic!("it counts")
        };
        assert_eq!(scan.body.inputs.len(), scan.consts + scan.carries);
        let inputs = [[2].as_slice(), &[4, 2]].map(|shape: &[usize]| {
            Tensor::from_fn(Aval::new(DType::F64, shape.to_vec()), |_| crate::types::Scalar::Float(1.5))
        });
        let results = |program: &Program| eval::program(program, &inputs).expect("it runs");
        assert_eq!(results(&after), results(&program));
    }
}
