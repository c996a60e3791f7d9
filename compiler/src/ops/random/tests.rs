//! Known answers, and what the laws do not say.

use super::*;
use crate::diag::Sources;
use crate::eval;
use crate::ir::Builder;
use crate::types::Tensor;

/// Source: the known-answer file of the authors' library, Random123.
#[test]
fn hashes_of_the_known_answer_file() {
    const ONES: u32 = u32::MAX;
    assert_eq!(threefry::hash([0, 0], [0, 0]), [0x6b20_0159, 0x99ba_4efe]);
    assert_eq!(threefry::hash([ONES; 2], [ONES; 2]), [0x1cb9_96fc, 0xbb00_2be7]);
    let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344, 0xa409_3822, 0x299f_31d0];
    assert_eq!(threefry::hash([pi[2], pi[3]], [pi[0], pi[1]]), [0xc492_3a9c, 0x483d_f7a0]);
    let expected = [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8];
    assert_eq!(philox::hash([0, 0], [0, 0, 0, 0]), expected);
    let expected = [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd];
    assert_eq!(philox::hash([ONES; 2], [ONES; 4]), expected);
    let expected = [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1];
    assert_eq!(philox::hash([pi[4], pi[5]], [pi[0], pi[1], pi[2], pi[3]]), expected);
}

/// JAX's batching rule: the first state makes all bits, and it alone moves on.
#[test]
fn a_batch_of_states_uses_the_first_one() {
    let op = RngBitGenerator { algorithm: Algorithm::ThreeFry, dtype: DType::U32, shape: [3].into() };
    let states = Tensor::from_f64s(DType::U32, [2, 4], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let mut b = Builder::new();
    let input = b.input(states.aval().clone()).into();
    let mut cx = BatchCx { builder: &mut b, extent: 2, bodies: crate::transform::BODIES };
    let batched = op.batch(&mut cx, &[input], &[BatchDim::Axis(0)]).expect("it has a rule");
    assert_eq!(batched.dims, [BatchDim::Axis(0); 2]);
    let found = eval::program(&b.finish(batched.values), &[states]).expect("it evaluates");
    let whole = RngBitGenerator { shape: [2, 3].into(), ..op };
    let first = Tensor::from_f64s(DType::U32, [4], &[1.0, 2.0, 3.0, 4.0]);
    let cx = EvalCx { eval_body: |_, _, _| Err(NoRule::ByDesign("there are no bodies")) };
    let alone = whole.eval(&cx, &[first]).expect("it evaluates");
    let ints = |tensor: &Tensor| tensor.scalars().map(Scalar::int).collect::<Vec<i128>>();
    assert_eq!(ints(&found[0]), [ints(&alone[0]).as_slice(), &[5, 6, 7, 8]].concat());
    assert_eq!(ints(&found[1]), ints(&alone[1]));
}

#[test]
fn the_layout_reaches_bodies_and_is_printed() {
    let text = "threefry = original
let f = { lambda ; a:key<fry>[]. let b:u32[3] = random_bits[bit_width=32 shape=(3,)] a in (b,) }
{ lambda ; a:key<fry>[]. let b:u32[3] = jit[name=f jaxpr=f] a in (b,) }";
    let printed = |threefry: Option<Threefry>| {
        let mut sources = Sources::new();
        let id = sources.add("layout.ir", text);
        let source = crate::front::read_with_threefry(&sources, id, threefry).expect("the text is right");
        source.functions.last().expect("main").program.to_string()
    };
    assert!(printed(None).contains("random_bits[bit_width=32 shape=(3,) threefry=original]"));
    assert!(printed(Some(Threefry::Partitionable)).contains("random_bits[bit_width=32 shape=(3,)] "));
}
