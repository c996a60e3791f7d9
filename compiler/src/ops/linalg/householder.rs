//! Packed QR factorizations and products with their reflections: LAPACK's building blocks.

use super::samples::{DTYPES, irregular, sample};
use super::*;

/// Shapes: a [.., m, n] -> packed [.., m, n], taus [.., min(m, n)]: `r` on and above the diagonal, the vectors of the
/// reflections `1 - tau v v^H` below it. Source: JAX lax.linalg.geqrf; LAPACK geqrf.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Geqrf;

/// The same with column pivoting. Shapes: a [.., m, n], pivots [.., n] -> packed, pivots, taus. Columns with a nonzero
/// pivot come first; column `k` of the factored matrix was column `pivots[k]`, counted from 1.
/// Source: JAX lax.linalg.geqp3; LAPACK geqp3.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Geqp3 {
    /// Of the text; for GPUs.
    pub use_magma: Value,
}

/// Shapes: packed [.., m, n], taus [.., k] -> [.., m, n]: the first n columns of the product of the reflections.
/// Source: JAX lax.linalg.householder_product; LAPACK orgqr and ungqr.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HouseholderProduct;

/// Shapes: packed [.., m, n], taus [.., k], c [.., rows, cols] -> as c. The product of `q` (the product of the
/// reflections) or its conjugate transpose with `c`. Source: JAX lax.linalg.ormqr; LAPACK ormqr and unmqr.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ormqr {
    pub is_left: bool,
    pub is_transposed: bool,
}

/// Rows and columns of the first operand's matrices.
fn extents(operands: &[Aval]) -> (usize, usize) {
    let shape = &operands[0].shape;
    (shape[shape.rank() - 2], shape[shape.rank() - 1])
}

impl Primitive for Geqrf {
    fn name(&self) -> &str {
        "geqrf"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        expect_numbers(operands)?;
        let (m, n, batch) = expect_matrices(&operands[0])?;
        Ok(vec![operands[0].clone(), operands[0].with_shape(batched(batch, &[m.min(n)]))])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[2], |x| {
            let (packed, taus) = textbook::qr(&x[0]);
            vec![packed, taus]
        })
    }

    fn jvp(&self, _: &mut JvpCx, _: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        Err(NO_DERIVATIVE)
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
        let ((m, n), bytes) = (extents(operands), operands[0].dtype.size_bytes());
        let scratch = Some(&[(m, bytes), (n, bytes)][..]);
        Routine { symbol: "rjax_geqrf", scratch, core: 2, integers: &[m, n] }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

const SHAPES: [&[usize]; 8] = [&[3, 3], &[5, 3], &[3, 5], &[2, 7, 7], &[1, 1], &[0, 0], &[0, 3], &[2, 0]];

impl Family for Geqrf {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "geqrf").then_some(Ok(Geqrf))
    }

    fn samples() -> Vec<Sample> {
        let of = |dtype| SHAPES.map(|shape| sample(Geqrf, vec![irregular(dtype, shape, 6)]));
        DTYPES.into_iter().flat_map(of).collect()
    }
}

impl Primitive for Geqp3 {
    fn name(&self) -> &str {
        "geqp3"
    }

    fn params(&self) -> Params {
        Params::new().with("use_magma", self.use_magma.clone())
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let own = expect_batches(operands, &[2, 1])?;
        expect_numbers(&operands[..1])?;
        expect_kind(&operands[1], &[Kind::Signed, Kind::Unsigned])?;
        let (m, n, batch) = expect_matrices(&operands[0])?;
        if own[1][0] != n {
            return Err(TypeError(format!("expected {n} pivots, found {}", operands[1])));
        }
        Ok(vec![
            operands[0].clone(),
            operands[1].clone(),
            operands[0].with_shape(batched(batch, &[m.min(n)])),
        ])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[2, 1], |x| {
            let pivots: Vec<usize> = (0..x[1].rows).map(|k| x[1][(k, 0)].re as usize).collect();
            let (packed, order, taus) = textbook::pivoted_qr(&x[0], &pivots);
            vec![packed, Matrix::column(order.iter().map(|&k| k as f64)), taus]
        })
    }

    fn jvp(&self, _: &mut JvpCx, _: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        Err(NO_DERIVATIVE)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NOT_LINEAR)
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_first(cx, self.clone(), operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        if is_narrow(operands) {
            return Ok(through_f32(self.clone(), operands, results));
        }
        if operands[1].dtype != DType::I32 {
            return Ok(self.with_pivots_in_i32(operands));
        }
        let ((m, n), dtype) = (extents(operands), operands[0].dtype);
        let bytes = dtype.size_bytes();
        let scratch = Some(&[(m, bytes), (n, bytes), (2 * n, dtype.real_part().size_bytes())][..]);
        Routine { symbol: "rjax_geqp3", scratch, core: 2, integers: &[m, n] }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Geqp3 {
    fn with_pivots_in_i32(&self, operands: &[Aval]) -> Lowering {
        let mut b = Builder::new();
        let a: Atom = b.input(operands[0].clone()).into();
        let pivots: Atom = b.input(operands[1].clone()).into();
        let narrow = b.convert(pivots, DType::I32);
        let mut outputs = b.emit(self.clone(), &[a, narrow]);
        outputs[1] = b.convert(outputs[1], operands[1].dtype);
        Lowering::Expand(b.finish(outputs))
    }
}

impl Family for Geqp3 {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "geqp3")
            .then(|| Ok(Geqp3 { use_magma: params.get("use_magma").cloned().unwrap_or(Value::None) }))
    }

    fn samples() -> Vec<Sample> {
        let op = Geqp3 { use_magma: Value::None };
        let of = |dtype, pivot_dtype, shape: &[usize], fixed: f64| {
            let pivot_shape: Vec<usize> = [&shape[..shape.len() - 2], &shape[shape.len() - 1..]].concat();
            let count = pivot_shape.iter().product::<usize>();
            // Every third column is fixed, or none.
            let pivots: Vec<f64> = (0..count).map(|k| if k % 3 == 1 { fixed } else { 0.0 }).collect();
            let pivots = Tensor::from_f64s(pivot_dtype, pivot_shape, &pivots);
            sample(op.clone(), vec![irregular(dtype, shape, 7), pivots])
        };
        let mut samples = vec![of(DType::F64, DType::I64, &[4, 5], 1.0)];
        for dtype in DTYPES {
            for shape in SHAPES {
                samples.extend([of(dtype, DType::I32, shape, 0.0), of(dtype, DType::I32, shape, 1.0)]);
            }
        }
        samples
    }
}

impl Primitive for HouseholderProduct {
    fn name(&self) -> &str {
        "householder_product"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let own = expect_batches(operands, &[2, 1])?;
        expect_numbers(operands)?;
        let (m, n, count) = (own[0][0], own[0][1], own[1][0]);
        if m < n || count > n {
            return Err(TypeError(format!(
                "expected m x n with m >= n and at most n taus, found {} and {}",
                operands[0], operands[1]
            )));
        }
        Ok(vec![operands[0].clone()])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[2, 1], |x| {
            let q = textbook::product(&textbook::packed_reflectors(&x[0], &x[1], 0), x[0].rows);
            vec![q.block(0, 0, x[0].rows, x[0].cols)]
        })
    }

    fn jvp(&self, _: &mut JvpCx, _: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        Err(NO_DERIVATIVE)
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
        let ((m, n), bytes) = (extents(operands), operands[0].dtype.size_bytes());
        let count = operands[1].shape[operands[1].rank() - 1];
        let scratch = Some(&[(m, bytes), (n, bytes)][..]);
        let integers = &[m, n, count];
        Routine { symbol: "rjax_householder_product", scratch, core: 2, integers }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

/// Packed reflections of some matrix.
fn packed(dtype: DType, shape: &[usize], seed: usize) -> [Tensor; 2] {
    let a = irregular(dtype, shape, seed);
    let aval = a.aval().clone();
    let results = Geqrf.infer(&[aval]).expect("it is a matrix");
    let factored: Vec<(Matrix, Matrix)> = textbook::matrices(&a, 2).iter().map(textbook::qr).collect();
    let (packed, taus): (Vec<Matrix>, Vec<Matrix>) = factored.into_iter().unzip();
    [textbook::tensor(&results[0], &packed), textbook::tensor(&results[1], &taus)]
}

impl Family for HouseholderProduct {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "householder_product").then_some(Ok(HouseholderProduct))
    }

    fn samples() -> Vec<Sample> {
        let shapes: [&[usize]; 5] = [&[3, 3], &[5, 3], &[2, 7, 4], &[1, 1], &[2, 0]];
        let of = |dtype: DType| {
            // Fewer taus than columns: the rest of the matrix is not read.
            let few = vec![packed(dtype, &[4, 3], 8)[0].clone(), irregular(dtype, &[0], 9)];
            let all = shapes.map(|shape| sample(HouseholderProduct, packed(dtype, shape, 8).to_vec()));
            all.into_iter().chain([sample(HouseholderProduct, few)])
        };
        DTYPES.into_iter().flat_map(of).collect()
    }
}

impl Primitive for Ormqr {
    fn name(&self) -> &str {
        "ormqr"
    }

    fn params(&self) -> Params {
        Params::new().with("left", self.is_left).with("transpose", self.is_transposed)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let own = expect_batches(operands, &[2, 1, 2])?;
        expect_numbers(operands)?;
        let common = own[2][usize::from(!self.is_left)];
        if common != own[0][0] || own[1][0] > own[0][0].min(own[0][1]) {
            return Err(TypeError(format!(
                "reflections {} with taus {} do not fit {}",
                operands[0], operands[1], operands[2]
            )));
        }
        Ok(vec![operands[2].clone()])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[2, 1, 2], |x| {
            let q = textbook::product(&textbook::packed_reflectors(&x[0], &x[1], 0), x[0].rows);
            let q = if self.is_transposed { q.dagger() } else { q };
            vec![if self.is_left { q.times(&x[2]) } else { x[2].times(&q) }]
        })
    }

    fn jvp(&self, _: &mut JvpCx, _: &[Atom], _: &[Tangent]) -> Rule<Duals> {
        Err(NO_DERIVATIVE)
    }

    fn transpose(&self, _: &mut TransposeCx, _: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        Err(NoRule::ByDesign("JAX defines no transpose of it"))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        batch_first(cx, *self, operands, dims)
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        if is_narrow(operands) {
            return Ok(through_f32(*self, operands, results));
        }
        let ((m, n), bytes) = (extents(operands), operands[0].dtype.size_bytes());
        let (count, (rows, cols)) = (operands[1].shape[operands[1].rank() - 1], extents(&operands[2..]));
        let flags = usize::from(self.is_left) | usize::from(self.is_transposed) << 1;
        let scratch = Some(&[(m, bytes), (cols, bytes), (m * n, bytes)][..]);
        let integers = &[m, n, count, rows, cols, flags];
        Routine { symbol: "rjax_ormqr", scratch, core: 2, integers }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Ormqr {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "ormqr")
            .then(|| Ok(Ormqr { is_left: params.bool("left")?, is_transposed: params.bool("transpose")? }))
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        for dtype in DTYPES {
            for (is_left, is_transposed) in [(false, false), (false, true), (true, false), (true, true)] {
                let op = Ormqr { is_left, is_transposed };
                for (shape, c) in [(&[5, 3][..], &[5, 5][..]), (&[2, 3, 4], &[2, 3, 3]), (&[1, 1], &[1, 1])] {
                    let [a, taus] = packed(dtype, shape, 10);
                    samples.push(sample(op, vec![a, taus, irregular(dtype, c, 11)]));
                }
                let [a, taus] = packed(dtype, &[3, 2], 12);
                let c: &[usize] = if is_left { &[3, 0] } else { &[0, 3] };
                samples.push(sample(op, vec![a, taus, irregular(dtype, c, 13)]));
            }
        }
        samples
    }
}
