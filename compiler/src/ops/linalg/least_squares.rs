//! Solutions in the sense of the pseudo-inverse, with the derivative that follows from it.

use super::*;
use crate::ir::Program;
use crate::ops::control::{CustomCall, CustomKind};
use crate::ops::elementwise::CompareKind;
use crate::ops::reduction::{Reduce, ReduceKind};
use algebra::{dagger, matmul};

/// What is known of a matrix.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Solver {
    /// Its rank is as large as its extents allow.
    FullRank,
    /// It is square and regular, and this triangle is all of it.
    Triangular { is_lower: bool, is_unit: bool },
    /// Nothing: singular values up to `cutoff` times the largest one are zero; by itself, up to the [`negligible`].
    AnyRank { cutoff: Option<f64> },
}

/// The part of its largest singular value that rounding makes of a zero in a matrix of this extent.
pub fn negligible(dtype: DType, extent: usize) -> f64 {
    let epsilon = if dtype.real_part() == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
    epsilon * extent as f64
}

/// How many derivatives of derivatives solve again; beyond them, the decompositions are differentiated.
const DEPTH: usize = 2;

impl Solver {
    /// The `x` of least length among those with the least `|a x - rhs|`.
    ///
    /// Shapes: `a [m, n]`, `rhs [m]` -> `[n]`. Source: lineax linear_solve.
    pub fn solve(self, b: &mut Builder, a: Atom, rhs: Atom) -> Atom {
        self.with_derivatives(b, a, rhs, DEPTH)
    }

    fn with_derivatives(self, b: &mut Builder, a: Atom, rhs: Atom, depth: usize) -> Atom {
        if depth == 0 {
            return self.directly(b, a, rhs);
        }
        let avals = b.program().atom_avals(&[a, rhs]);
        let mut body = Builder::new();
        let [matrix, vector] = [0, 1].map(|at| Atom::from(body.input(avals[at].clone())));
        let x = self.directly(&mut body, matrix, vector);
        let name = Some("linear_solve".to_string());
        let call = CustomCall::new(CustomKind::Jvp, name, body.finish(vec![x]).into(), Params::new());
        let call = call.with_jvp_rule(self.rule(&avals, depth - 1)).expect("the rule has the body's types");
        b.emit_one(call, &[a, rhs])
    }

    /// With `p` the pseudo-inverse of `a` and `h` for conjugate transposes:
    /// `x' = p (b' - a' x + ph a'h (b - a x) - a y) + y`, where `y = a'h ph x`.
    fn rule(self, avals: &[Aval], depth: usize) -> Program {
        let mut b = Builder::new();
        let [a, rhs, a_dot, rhs_dot] = [0, 1, 0, 1].map(|at| Atom::from(b.input(tangent_aval(&avals[at]))));
        let x = self.with_derivatives(&mut b, a, rhs, depth);
        let moved = times(&mut b, a_dot, x);
        let mut sum = b.sub(rhs_dot, moved);
        let mut beside = None;
        let (rows, cols) = algebra::matrix_extents(&b, a);
        let is_full = !matches!(self, Solver::AnyRank { .. });
        if !is_full || rows > cols {
            let image = times(&mut b, a, x);
            let rest = b.sub(rhs, image);
            let back = dagger(&mut b, a_dot);
            let part = times(&mut b, back, rest);
            let part = self.of_dagger().after_dagger(&mut b, a, part, depth);
            sum = b.add(sum, part);
        }
        if !is_full || cols > rows {
            let part = self.of_dagger().after_dagger(&mut b, a, x, depth);
            let back = dagger(&mut b, a_dot);
            let part = times(&mut b, back, part);
            let image = times(&mut b, a, part);
            sum = b.sub(sum, image);
            beside = Some(part);
        }
        let solved = self.with_derivatives(&mut b, a, sum, depth);
        let x_dot = beside.map_or(solved, |beside| b.add(solved, beside));
        b.finish(vec![x, x_dot])
    }

    fn after_dagger(self, b: &mut Builder, a: Atom, rhs: Atom, depth: usize) -> Atom {
        let a = dagger(b, a);
        self.with_derivatives(b, a, rhs, depth)
    }

    /// The solver of the conjugate transpose.
    fn of_dagger(self) -> Self {
        match self {
            Solver::Triangular { is_lower, is_unit } => Solver::Triangular { is_lower: !is_lower, is_unit },
            Solver::FullRank | Solver::AnyRank { .. } => self,
        }
    }

    fn directly(self, b: &mut Builder, a: Atom, rhs: Atom) -> Atom {
        let (rows, cols) = algebra::matrix_extents(b, a);
        let rhs = algebra::as_column(b, rhs);
        let x = match self {
            Solver::Triangular { is_lower, is_unit } => {
                b.emit_one(TriangularSolve { is_lower, is_unit, ..TriangularSolve::left() }, &[a, rhs])
            }
            Solver::FullRank if rows == 1 && cols == 1 => b.div(rhs, a),
            Solver::FullRank if rows == cols => algebra::solve(b, a, rhs),
            Solver::FullRank if rows > cols => {
                let (q, r) = thin_qr(b, a);
                let q = dagger(b, q);
                let projected = matmul(b, q, rhs);
                b.emit_one(TriangularSolve::left(), &[r, projected])
            }
            Solver::FullRank => {
                let a = dagger(b, a);
                let (q, r) = thin_qr(b, a);
                let of_dagger =
                    TriangularSolve { is_transposed: true, is_conjugated: true, ..TriangularSolve::left() };
                let y = b.emit_one(of_dagger, &[r, rhs]);
                matmul(b, q, y)
            }
            Solver::AnyRank { cutoff } => {
                let negligible = negligible(b.dtype(a), rows.max(cols));
                by_singular_values(b, a, rhs, cutoff.unwrap_or(negligible))
            }
        };
        b.reshape(x, [cols])
    }
}

fn thin_qr(b: &mut Builder, a: Atom) -> (Atom, Atom) {
    let factors = b.emit(Qr { is_full: false, is_pivoted: false, use_magma: Value::None }, &[a]);
    (factors[0], factors[1])
}

fn by_singular_values(b: &mut Builder, a: Atom, rhs: Atom, cutoff: f64) -> Atom {
    let svd = Svd { with_vectors: true, is_full: false, subset: None, algorithm: Value::None };
    let factors = b.emit(svd, &[a]);
    let (values, u, vt) = (factors[0], factors[1], factors[2]);
    let largest = b.emit_one(Reduce { kind: ReduceKind::Max, axes: vec![0] }, &[values]);
    let factor = b.constant_like(largest, cutoff);
    let least = b.mul(largest, factor);
    let aval = b.aval(values);
    let least = b.broadcast_in_dim(least, aval.shape.clone(), &[]);
    let counts = b.compare(CompareKind::Gt, values, least);
    let (one, zero) = (b.full(aval.dtype, &aval.shape, 1.0), b.zeros(&aval));
    let safe = b.select(counts, values, one);
    let reciprocal = b.div(one, safe);
    let reciprocal = b.select(counts, reciprocal, zero);
    let reciprocal = b.convert(reciprocal, b.dtype(rhs));
    let reciprocal = algebra::as_column(b, reciprocal);
    let (back, v) = (dagger(b, u), dagger(b, vt));
    let parts = matmul(b, back, rhs);
    let parts = b.mul(reciprocal, parts);
    matmul(b, v, parts)
}

/// The matrix times a vector.
fn times(b: &mut Builder, a: Atom, x: Atom) -> Atom {
    let (rows, _) = algebra::matrix_extents(b, a);
    let x = algebra::as_column(b, x);
    let image = matmul(b, a, x);
    b.reshape(image, [rows])
}
