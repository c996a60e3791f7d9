//! Linear algebra out: the calls of LAPACK that JAX makes on CPUs, which jaxlib's client knows.

use crate::hlo::{Attribute, Attributes, Dense, DenseData, Element, TensorType, Value};
use crate::ir::{Atom, Builder, Program};
use crate::ops::control::While;
use crate::ops::elementwise::CompareKind;
use crate::ops::linalg::*;
use crate::ops::rules::hlo::{Export, StableHlo};
use crate::ops::rules::{Lowering, NoRule, Primitive, Rule};
use crate::ops::shape::Iota;
use crate::types::{Aval, DType, Shape, Tensor};

const UNWRITTEN: NoRule = NoRule::NotYet("what JAX calls LAPACK for is not written as StableHLO yet");
const NARROW: NoRule = NoRule::NotYet("LAPACK's dtypes are f32, f64, c64 and c128");
const NO_ELEMENTS: NoRule = NoRule::NotYet("decompositions of nothing as StableHLO");
const SUBSET: NoRule = NoRule::NotYet("a subset of the values as StableHLO");

/// An array of a routine: its type, and the rank of one of its batch.
struct Array {
    aval: Aval,
    core: usize,
}

/// A call of a routine, by its name without the letter of the dtype. Letters are options of LAPACK.
fn call(
    cx: &mut Export,
    routine: &str,
    letters: &[(&str, char)],
    operands: &[(Value, usize)],
    results: &[Array],
) -> Rule<Vec<Value>> {
    let avals: Vec<Aval> = operands.iter().map(|(value, _)| cx.aval(*value)).collect();
    let letter = match avals[0].dtype {
        DType::F32 => 's',
        DType::F64 => 'd',
        DType::C64 => 'c',
        DType::C128 => 'z',
        _ => return Err(NARROW),
    };
    if avals.iter().chain(results.iter().map(|array| &array.aval)).any(|x| x.shape.element_count() == 0) {
        return Err(NO_ELEMENTS);
    }
    let u8 = |letter: char| Attribute::Int(letter as i128, Element::Data(DType::U8));
    let options = letters.iter().map(|(name, letter)| ((*name).to_string(), u8(*letter))).collect();
    let of_operands = avals.iter().zip(operands).map(|(aval, (_, core))| layout(aval.rank(), *core));
    let of_results = results.iter().map(|array| layout(array.aval.rank(), array.core));
    let attributes = Attributes::default()
        .with("call_target_name", Attribute::text(&format!("lapack_{letter}{routine}_ffi")))
        .with("backend_config", Attribute::text(""))
        .with("mhlo.backend_config", Attribute::Dictionary(Attributes(options)))
        .with("operand_layouts", Attribute::List(of_operands.collect()))
        .with("result_layouts", Attribute::List(of_results.collect()));
    let operands: Vec<Value> = operands.iter().map(|(value, _)| *value).collect();
    let results: Vec<Aval> = results.iter().map(|array| array.aval.clone()).collect();
    Ok(cx.op("stablehlo.custom_call", &operands, attributes, &results))
}

/// Axes from the fastest to the slowest: matrices by columns, as Fortran has them, batches of them by rows.
fn layout(rank: usize, core: usize) -> Attribute {
    let axes = (rank - core..rank).chain((0..rank - core).rev());
    let axes: Vec<f64> = axes.map(|axis| axis as f64).collect();
    let ty = TensorType { extents: vec![Some(rank)], element: Element::Index };
    let elements = Tensor::from_f64s(DType::I64, [rank], &axes);
    Attribute::Dense(Dense { ty, data: DenseData::Elements(elements.into()) })
}

fn array(aval: &Aval, core: usize) -> Array {
    Array { aval: aval.clone(), core }
}

/// The status of a routine per matrix of the batch.
fn status(matrix: &Aval) -> Array {
    let extents = matrix.shape.extents();
    Array { aval: Aval::new(DType::I32, extents[..extents.len() - 2].to_vec()), core: 0 }
}

/// Results where the routine reports success, else NaN.
fn checked(cx: &mut Export, status: Value, results: &[Value]) -> Vec<Value> {
    let batch = cx.aval(status);
    let zero = cx.number(DType::I32, 0.0);
    let zero = cx.stretched(zero, &batch.shape);
    let attributes = Attributes::default()
        .with("comparison_direction", Attribute::stablehlo("comparison_direction", "EQ"))
        .with("compare_type", Attribute::stablehlo("comparison_type", "SIGNED"));
    let flags = batch.with_dtype(DType::Bool);
    let is_success = cx.op("stablehlo.compare", &[status, zero], attributes, std::slice::from_ref(&flags))[0];
    let selected = |&result: &Value| {
        let aval = cx.aval(result);
        let dims: Vec<i64> = (0..flags.rank() as i64).collect();
        let attributes = Attributes::default().with("broadcast_dimensions", Attribute::numbers(dims));
        let mask = aval.with_dtype(DType::Bool);
        let mask = cx.op("stablehlo.broadcast_in_dim", &[is_success], attributes, &[mask])[0];
        let nan = cx.number(aval.dtype, f64::NAN);
        let nan = cx.stretched(nan, &aval.shape);
        cx.plain("stablehlo.select", &[mask, result, nan], &aval)
    };
    results.iter().map(selected).collect()
}

/// What the primitive is made of, in place.
pub fn expanded(op: &impl Primitive, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
    match op.lower(&cx.operands, &cx.results)? {
        Lowering::Expand(program) => cx.bodies.inline(cx.function, &program, operands),
        _ => Err(NoRule::NotYet("what it is made of is not written as StableHLO")),
    }
}

impl StableHlo for Geqrf {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let results = [array(&cx.results[0], 2), array(&cx.results[1], 1)];
        call(cx, "geqrf", &[], &[(operands[0], 2)], &results)
    }
}

impl StableHlo for HouseholderProduct {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let routine = if cx.results[0].dtype.is_complex() { "ungqr" } else { "orgqr" };
        let results = [array(&cx.results[0], 2)];
        call(cx, routine, &[], &[(operands[0], 2), (operands[1], 1)], &results)
    }
}

impl StableHlo for Eigh {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        if self.subset.is_some() {
            return Err(SUBSET);
        }
        let routine = if cx.operands[0].dtype.is_complex() { "heevd" } else { "syevd" };
        let triangle = if self.is_lower { 'L' } else { 'U' };
        let results = [array(&cx.results[0], 2), array(&cx.results[1], 1), status(&cx.operands[0])];
        let found = call(cx, routine, &[("mode", 'V'), ("uplo", triangle)], &[(operands[0], 2)], &results)?;
        Ok(checked(cx, found[2], &found[..2]))
    }
}

impl StableHlo for Svd {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        if self.subset.is_some() {
            return Err(SUBSET);
        }
        let a = cx.operands[0].clone();
        let mode = match (self.with_vectors, self.is_full) {
            (false, _) => 'N',
            (true, true) => 'A',
            (true, false) => 'S',
        };
        // The routine wants room for vectors in any case.
        let [m, n] = [2, 1].map(|back| a.shape[a.rank() - back]);
        let vectors = |rows: usize, columns: usize| {
            let batch = &a.shape.extents()[..a.rank() - 2];
            array(&a.with_shape([batch, &[rows, columns]].concat().into_iter().collect::<Shape>()), 2)
        };
        let (rows, columns) = if self.is_full { (m, n) } else { (m.min(n), m.min(n)) };
        let values = array(&cx.results[0], 1);
        let results = [array(&a, 2), values, vectors(m, rows), vectors(columns, n), status(&a)];
        let found = call(cx, "gesdd", &[("mode", mode)], &[(operands[0], 2)], &results)?;
        let wanted = if self.with_vectors { &found[1..4] } else { &found[1..2] };
        Ok(checked(cx, found[4], wanted))
    }
}

impl StableHlo for Lu {
    /// LAPACK counts rows from 1.
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let (factors, exchanges) = (cx.results[0].clone(), cx.results[1].clone());
        let results = [array(&factors, 2), array(&exchanges, 1), status(&cx.operands[0])];
        let found = call(cx, "getrf", &[], &[(operands[0], 2)], &results)?;
        let one = cx.number(DType::I32, 1.0);
        let one = cx.stretched(one, &exchanges.shape);
        let from_zero = cx.plain("stablehlo.subtract", &[found[1], one], &exchanges);
        let permutation = permutation(&exchanges, factors.shape[factors.rank() - 2]);
        let permutation = cx.bodies.inline(cx.function, &permutation, &[from_zero])?;
        // A singular factor, which the status counts as a failure above zero, is a result all the same.
        Ok([found[0], from_zero].into_iter().chain(permutation).collect())
    }
}

impl StableHlo for LuPivotsToPermutation {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        let program = permutation(&cx.operands[0], self.size);
        cx.bodies.inline(cx.function, &program, operands)
    }
}

impl StableHlo for Qr {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        expanded(self, cx, operands)
    }
}

impl StableHlo for CustomLinearSolve {
    fn to_hlo(&self, cx: &mut Export, operands: &[Value]) -> Rule<Vec<Value>> {
        expanded(self, cx, operands)
    }
}

impl StableHlo for Geqp3 {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(UNWRITTEN)
    }
}

impl StableHlo for Ormqr {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(UNWRITTEN)
    }
}

impl StableHlo for Tridiagonal {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(UNWRITTEN)
    }
}

impl StableHlo for Eig {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(UNWRITTEN)
    }
}

impl StableHlo for Schur {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(UNWRITTEN)
    }
}

impl StableHlo for Hessenberg {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(UNWRITTEN)
    }
}

impl StableHlo for TridiagonalSolve {
    fn to_hlo(&self, _: &mut Export, _: &[Value]) -> Rule<Vec<Value>> {
        Err(UNWRITTEN)
    }
}

/// The program that makes exchanges [.., k] one after the other on the numbers below `size`.
fn permutation(exchanges: &Aval, size: usize) -> Program {
    let rank = exchanges.rank();
    let count = exchanges.shape[rank - 1];
    let batch = &exchanges.shape.extents()[..rank - 1];
    let order: Shape = [batch, &[size]].concat().into_iter().collect();
    let numbers = |b: &mut Builder, shape: &Shape| {
        b.emit_one(Iota { dtype: DType::I32, shape: shape.clone(), axis: rank - 1 }, &[])
    };
    // The element at a place of the last axis, kept as an axis of extent 1.
    let element = |b: &mut Builder, x: Atom, places: Atom, place: Atom| {
        let is_there = b.compare(CompareKind::Eq, places, place);
        let zero = b.constant_like(x, 0.0);
        let only = b.select(is_there, x, zero);
        let sum = b.reduce_sum(only, &[rank - 1]);
        let element = b.expand_dims(sum, &[rank - 1]);
        (is_there, element)
    };

    let mut b = Builder::new();
    b.input(exchanges.clone());
    let step = b.input(Aval::scalar(DType::I32)).into();
    b.input(Aval::new(DType::I32, order.clone()));
    let end = b.constant_like(step, count as f64);
    let goes_on = b.compare(CompareKind::Lt, step, end);
    let condition = b.finish(vec![goes_on]);

    let mut b = Builder::new();
    let all = b.input(exchanges.clone()).into();
    let step: Atom = b.input(Aval::scalar(DType::I32)).into();
    let permuted: Atom = b.input(Aval::new(DType::I32, order.clone())).into();
    let steps = numbers(&mut b, &exchanges.shape);
    let (_, other) = element(&mut b, all, steps, step);
    let places = numbers(&mut b, &order);
    let (is_here, here) = element(&mut b, permuted, places, step);
    let (is_there, there) = element(&mut b, permuted, places, other);
    let stretch = |b: &mut Builder, x: Atom| {
        let dims: Vec<usize> = (0..rank).collect();
        b.broadcast_in_dim(x, order.clone(), &dims)
    };
    let (here, there) = (stretch(&mut b, here), stretch(&mut b, there));
    let moved = b.select(is_there, here, permuted);
    let moved = b.select(is_here, there, moved);
    let one = b.constant_like(step, 1.0);
    let next = b.add(step, one);
    let body = b.finish(vec![next, moved]);

    let mut b = Builder::new();
    let exchanges: Atom = b.input(exchanges.clone()).into();
    let start = Atom::constant(DType::I32, 0.0);
    let first = numbers(&mut b, &order);
    let exchange = While::new(condition.into(), 1, body.into(), 1);
    let results = b.emit(exchange, &[exchanges, exchanges, start, first]);
    b.finish(vec![results[1]])
}
