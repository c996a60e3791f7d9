//! `lu` and `lu_pivots_to_permutation`.

use super::samples::{DTYPES, irregular, regular, sample};
use super::*;

/// Shapes: a [.., m, n] -> packed factors [.., m, n], exchanges i32 [.., min(m, n)], permutation i32 [.., m]. Row `k` was
/// exchanged with row `exchanges[k]`; the rows of `a` in the order of the permutation are `l u`, where `l` has ones on
/// the diagonal. Source: JAX lax.linalg.lu_p; LAPACK getrf.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Lu;

/// Shapes: exchanges i32 [.., k] -> permutation i32 [.., size]: what the exchanges make of 0, 1, 2, ..
/// Source: JAX lax.linalg.lu_pivots_to_permutation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LuPivotsToPermutation {
    pub size: usize,
}

fn column(values: &[usize]) -> Matrix {
    Matrix::column(values.iter().map(|&x| x as f64))
}

impl Primitive for Lu {
    fn name(&self) -> &str {
        "lu"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_numbers(operands)?;
        let (m, n, batch) = expect_matrices(&operands[0])?;
        let integers = |extent| Aval::new(DType::I32, batched(batch, &[extent]));
        Ok(vec![operands[0].clone(), integers(m.min(n)), integers(m)])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[2], |x| {
            let (packed, exchanges) = textbook::lu(&x[0]);
            let permutation = textbook::permutation(&exchanges, x[0].rows);
            vec![packed, column(&exchanges), column(&permutation)]
        })
    }

    /// With `p a = l u`: `l^-1 (p a') u^-1 = l^-1 l' + u' u^-1`, whose parts below and above the diagonal belong to one
    /// factor each (De Hoog, Anderssen and Lukas). `l` and `u` are completed to square matrices.
    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let Some(a_dot) = tangents[0].value() else { return locally_constant(cx, *self, primals) };
        let b = &mut *cx.builder;
        let results = b.emit(*self, primals);
        let (l, u) = square_factors(b, results[0]);
        let permuted = algebra::reordered(b, a_dot, 0, results[2]);
        let lower = TriangularSolve { is_lower: true, is_unit: true, ..TriangularSolve::left() };
        let solved = b.emit_one(lower, &[l, permuted]);
        let both = b.emit_one(TriangularSolve::right(), &[u, solved]);
        let (below, above) = (algebra::lower_triangle(b, both, -1), algebra::upper_triangle(b, both, 0));
        // What stands beside the square part of a wide or tall matrix belongs to it as well.
        let (l_dot, u_dot) = (algebra::matmul(b, l, below), algebra::matmul(b, above, u));
        let packed_dot = b.add(l_dot, u_dot);
        let integers = [results[1], results[2]].map(|x| Tangent::Zero(tangent_aval(&b.aval(x))));
        let [first, second] = integers;
        Ok(Duals { primals: results, tangents: vec![Tangent::Value(packed_dot), first, second] })
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NOT_LINEAR)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_first(cx, *self, operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        if is_narrow(operands) {
            return Ok(through_f32(*self, operands, results));
        }
        if unrolled::is_small(operands) {
            return Ok(unrolled::lu(&operands[0], results));
        }
        let shape = &operands[0].shape;
        let integers = &[shape[shape.rank() - 2], shape[shape.rank() - 1]];
        Routine { symbol: "rjax_lu", scratch: None, core: 2, integers }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

/// Packed factors [.., m, n] as `l` [.., m, m] and `u` [.., n, n], the missing part being that of the identity.
fn square_factors(b: &mut Builder, packed: Atom) -> (Atom, Atom) {
    let (m, n) = algebra::matrix_extents(b, packed);
    let k = m.min(n);
    let aval = b.aval(packed);
    let batch = &aval.shape.extents()[..aval.rank() - 2];
    let identity = |b: &mut Builder, n: usize| algebra::identity(b, aval.dtype, &batched(batch, &[n, n]));
    let columns = algebra::part(b, packed, 1, 0, k);
    let below = algebra::lower_triangle(b, columns, -1);
    let below = padded(b, below, 1, m - k);
    let ones = identity(b, m);
    let l = b.add(below, ones);
    let rows = algebra::part(b, packed, 2, 0, k);
    let above = algebra::upper_triangle(b, rows, 0);
    let mut u = padded(b, above, 2, n - k);
    if n > k {
        let ones = identity(b, n);
        // The ones of the last rows alone.
        let last = algebra::part(b, ones, 2, k, n - k);
        let zeros = b.full(aval.dtype, &batched(batch, &[k, n]), 0.0);
        let missing = algebra::joined(b, &[zeros, last], 2);
        u = b.add(u, missing);
    }
    (l, u)
}

/// Zeros after the last columns (`axis` 1) or rows (`axis` 2).
pub(super) fn padded(b: &mut Builder, x: Atom, axis: usize, extent: usize) -> Atom {
    if extent == 0 {
        return x;
    }
    let aval = b.aval(x);
    let mut extents = aval.shape.extents().to_vec();
    let place = extents.len() - axis;
    extents[place] = extent;
    let zeros = b.full(aval.dtype, &Shape::from(extents.as_slice()), 0.0);
    algebra::joined(b, &[x, zeros], axis)
}

impl Family for Lu {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "lu").then_some(Ok(Lu))
    }

    fn samples() -> Vec<Sample> {
        let of = |dtype: DType| {
            let shapes = [&[3, 3][..], &[5, 3], &[3, 5], &[2, 7, 7], &[1, 1], &[0, 0], &[0, 3], &[2, 0]];
            let irregular = shapes.map(|shape| sample(Lu, vec![irregular(dtype, shape, 4)]));
            irregular.into_iter().chain([sample(Lu, vec![regular(dtype, &[11, 11], 5)])])
        };
        // Without pivots, with some that are zero, with equal candidates, and beside NaN.
        let edges = [&[0.0; 9], &[0.0, 1.0, 2.0, 0.0, -3.0, 3.0, 0.0, 3.0, 1.0], {
            &[2.0, f64::NAN, 1.0, -2.0, 1.0, 0.0, 2.0, 3.0, 4.0]
        }];
        let edge =
            |values: &[f64; 9]| sample(Lu, vec![Tensor::from_f64s(DType::F64, [3, 3], values)]).not_smooth();
        let square = |n: usize| sample(Lu, vec![irregular(DType::F32, &[3, n, n], 6)]);
        let small = [2, 4].map(square).into_iter().chain(edges.map(edge));
        DTYPES.into_iter().flat_map(of).chain(small).collect()
    }
}

impl Primitive for LuPivotsToPermutation {
    fn name(&self) -> &str {
        "lu_pivots_to_permutation"
    }

    fn params(&self) -> Params {
        Params::new().with("permutation_size", self.size)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let extents = expect_batches(operands, &[1])?;
        if operands[0].dtype != DType::I32 || extents[0][0] > self.size {
            return Err(TypeError(format!(
                "expected at most {} exchanges in i32, found {}",
                self.size, operands[0]
            )));
        }
        let (batch, _) = split_batch(&operands[0], 1)?;
        Ok(vec![operands[0].with_shape(batched(batch, &[self.size]))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[1], |x| {
            let exchanges: Vec<usize> = (0..x[0].rows).map(|k| x[0][(k, 0)].re as usize).collect();
            vec![column(&textbook::permutation(&exchanges, self.size))]
        })
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        locally_constant(cx, *self, primals)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NOT_LINEAR)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_first(cx, *self, operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        let extents = operands[0].shape.extents();
        let (count, batch) =
            (extents[extents.len() - 1], extents[..extents.len() - 1].iter().product::<usize>());
        let integers = [batch, count, self.size].map(|x| x as i64).to_vec();
        Ok(runtime_call("rjax_lu_permutation", operands, results, None, integers))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for LuPivotsToPermutation {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "lu_pivots_to_permutation")
            .then(|| Ok(LuPivotsToPermutation { size: params.size("permutation_size")? }))
    }

    fn samples() -> Vec<Sample> {
        let pivots = |shape: &[usize], values: &[f64]| Tensor::from_f64s(DType::I32, shape, values);
        vec![
            Sample::new(LuPivotsToPermutation { size: 4 }, vec![pivots(&[3], &[2.0, 1.0, 3.0])]),
            Sample::new(
                LuPivotsToPermutation { size: 3 },
                vec![pivots(&[2, 3], &[2.0, 2.0, 2.0, 0.0, 2.0, 2.0])],
            ),
            Sample::new(LuPivotsToPermutation { size: 2 }, vec![pivots(&[0], &[])]),
            Sample::new(LuPivotsToPermutation { size: 0 }, vec![pivots(&[0], &[])]),
        ]
    }
}
