//! `triangular_solve`: systems of equations with a triangular matrix.

use super::samples::{DTYPES, irregular, regular, sample};
use super::*;

/// Shapes: a [.., n, n], b [.., n, m] (left) or [.., m, n] -> as b. `x` with `op(a) x = b` (left) or `x op(a) = b`, where
/// `op` transposes and conjugates as the fields say, and reads one triangle of `a`.
/// Source: JAX lax.linalg.triangular_solve.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TriangularSolve {
    pub is_left: bool,
    pub is_lower: bool,
    pub is_transposed: bool,
    pub is_conjugated: bool,
    /// Is the diagonal taken as ones?
    pub is_unit: bool,
}

impl TriangularSolve {
    /// `a x = b` with the upper triangle of `a`.
    pub fn left() -> Self {
        TriangularSolve {
            is_left: true,
            is_lower: false,
            is_transposed: false,
            is_conjugated: false,
            is_unit: false,
        }
    }

    /// `x a = b` with the upper triangle of `a`.
    pub fn right() -> Self {
        TriangularSolve { is_left: false, ..Self::left() }
    }

    /// `op` of a matrix of which this triangle has been cut out already.
    fn op(&self, b: &mut Builder, a: Atom) -> Atom {
        let a = if self.is_transposed { algebra::transposed(b, a) } else { a };
        if self.is_conjugated { algebra::conj(b, a) } else { a }
    }

    /// The contribution of the matrix's tangent: `-op(a)^-1 op(a') x`, in the cheaper order.
    fn matrix_tangent(&self, b: &mut Builder, a: Atom, a_dot: Atom, x: Atom) -> Atom {
        let offset = i64::from(self.is_unit);
        let a_dot = match self.is_lower {
            true => algebra::lower_triangle(b, a_dot, -offset),
            false => algebra::upper_triangle(b, a_dot, offset),
        };
        let negated = b.neg(a_dot);
        let a_dot = self.op(b, negated);
        let (rows, cols) = algebra::matrix_extents(b, x);
        match self.is_left {
            true if rows > cols => {
                let product = algebra::matmul(b, a_dot, x);
                b.emit_one(*self, &[a, product])
            }
            true => {
                let solved = b.emit_one(*self, &[a, a_dot]);
                algebra::matmul(b, solved, x)
            }
            false if rows < cols => {
                let product = algebra::matmul(b, x, a_dot);
                b.emit_one(*self, &[a, product])
            }
            false => {
                let solved = b.emit_one(*self, &[a, a_dot]);
                algebra::matmul(b, x, solved)
            }
        }
    }
}

impl Primitive for TriangularSolve {
    fn name(&self) -> &str {
        "triangular_solve"
    }

    fn params(&self) -> Params {
        let params = Params::new().with("conjugate_a", self.is_conjugated).with("left_side", self.is_left);
        let params = params.with("lower", self.is_lower).with("transpose_a", self.is_transposed);
        params.with("unit_diagonal", self.is_unit)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let extents = expect_batches(operands, &[2, 2])?;
        expect_numbers(operands)?;
        let (n, _) = expect_square(&operands[0])?;
        let common = extents[1][usize::from(!self.is_left)];
        if common != n {
            return Err(TypeError(format!(
                "matrices {} do not fit right sides {}",
                operands[0], operands[1]
            )));
        }
        Ok(vec![operands[1].clone()])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        eval_each(self, operands, &[2, 2], |x| {
            let a = x[0].masked(|i, j| if self.is_lower { j <= i } else { i <= j });
            let diagonal = |i: usize| if self.is_unit { Complex::ONE } else { a[(i, i)] };
            let a = Matrix::from_fn(a.rows, a.rows, |i, j| if i == j { diagonal(i) } else { a[(i, j)] });
            let a = if self.is_conjugated { a.map(Complex::conj) } else { a };
            // op(a), or its transpose where it stands to the right.
            let is_turned = self.is_transposed == self.is_left;
            let (a, is_lower) = if is_turned { (a.transposed(), !self.is_lower) } else { (a, self.is_lower) };
            vec![match self.is_left {
                true => textbook::solve_triangular(&a, &x[1], is_lower),
                false => textbook::solve_triangular(&a, &x[1].transposed(), is_lower).transposed(),
            }]
        })
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let b = &mut *cx.builder;
        let x = b.emit_one(*self, primals);
        let of_matrix = tangents[0].value().map(|a_dot| self.matrix_tangent(b, primals[0], a_dot, x));
        let of_right_side = tangents[1].value().map(|b_dot| b.emit_one(*self, &[primals[0], b_dot]));
        let tangent = match (of_matrix, of_right_side) {
            (Some(first), Some(second)) => Tangent::Value(b.add(first, second)),
            (Some(only), None) | (None, Some(only)) => Tangent::Value(only),
            (None, None) => Tangent::Zero(b.aval(x)),
        };
        Ok(Duals::one(x, tangent))
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let mut result = zero_cotangents(cx, operands);
        let Some(a) = operands[0].known() else { return Err(NOT_LINEAR) };
        if let (Some(ct), true) = (cotangents[0].value(), operands[1].is_linear()) {
            let turned = TriangularSolve { is_transposed: !self.is_transposed, ..*self };
            result[1] = Tangent::Value(cx.builder.emit_one(turned, &[a, ct]));
        }
        Ok(result)
    }

    /// Right sides of one matrix are joined to a wider one.
    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let (BatchDim::NotMapped, BatchDim::Axis(axis)) = (dims[0], dims[1]) else {
            return batch_first(cx, *self, operands, dims);
        };
        let b = &mut *cx.builder;
        // The batch axis goes beside the axis of the separate right sides.
        let rank = b.aval(operands[1]).rank();
        let place = if self.is_left { rank - 1 } else { rank - 2 };
        let rhs = b.move_axis(operands[1], axis, place);
        let shape = b.aval(rhs).shape;
        let first = if self.is_left { rank - 2 } else { rank - 3 };
        let mut extents = shape.extents().to_vec();
        let merged = extents.remove(first + 1) * extents[first];
        extents[first] = merged;
        let flat = b.reshape(rhs, Shape::from(extents.as_slice()));
        let solved = b.emit_one(*self, &[operands[0], flat]);
        let value = b.reshape(solved, shape);
        Ok(Batched { values: vec![value], dims: vec![BatchDim::Axis(place)] })
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        if is_narrow(operands) {
            return Ok(through_f32(*self, operands, results));
        }
        if unrolled::is_small(operands) {
            return Ok(unrolled::triangular_solve(self, &operands[0], &operands[1]));
        }
        let shape = &operands[1].shape;
        let (rows, cols) = (shape[shape.rank() - 2], shape[shape.rank() - 1]);
        let n = if self.is_left { rows } else { cols };
        let bits = [self.is_left, self.is_lower, self.is_transposed, self.is_conjugated, self.is_unit];
        let flags = bits.iter().enumerate().map(|(place, &bit)| usize::from(bit) << place).sum();
        let scratch = Some(&[(n * n, operands[0].dtype.size_bytes())][..]);
        let integers = &[rows, cols, flags];
        Routine { symbol: "rjax_triangular_solve", scratch, core: 2, integers }.call(operands, results)
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for TriangularSolve {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "triangular_solve").then(|| {
            Ok(TriangularSolve {
                is_left: params.bool("left_side")?,
                is_lower: params.bool("lower")?,
                is_transposed: params.bool("transpose_a")?,
                is_conjugated: params.bool("conjugate_a")?,
                is_unit: params.bool("unit_diagonal")?,
            })
        })
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        for dtype in DTYPES {
            for flags in 0..32usize {
                let bit = |place: usize| flags >> place & 1 == 1;
                let [is_left, is_lower, is_transposed, is_conjugated, is_unit] = [0, 1, 2, 3, 4].map(bit);
                let op = TriangularSolve { is_left, is_lower, is_transposed, is_conjugated, is_unit };
                let rhs: &[usize] = match (is_left, is_unit) {
                    (true, true) => &[3, 1],
                    (true, false) => &[3, 5],
                    (false, true) => &[2, 3],
                    (false, false) => &[5, 3],
                };
                samples.push(sample(op, vec![regular(dtype, &[3, 3], 1), irregular(dtype, rhs, flags)]));
            }
            let left = TriangularSolve::left();
            for (a, b) in
                [(&[2, 7, 7][..], &[2, 7, 4][..]), (&[1, 1], &[1, 2]), (&[0, 0], &[0, 3]), (&[4, 4], &[4, 0])]
            {
                samples.push(sample(left, vec![regular(dtype, a, 2), irregular(dtype, b, 3)]));
            }
        }
        samples.push(sample(
            TriangularSolve::right(),
            vec![regular(DType::F16, &[3, 3], 1), irregular(DType::F16, &[2, 3], 2)],
        ));
        samples
    }
}
