//! `custom_linear_solve`: the solution of a linear system that is given by functions, with derivatives that solve again.

use super::*;
use crate::diag::Diagnostic;
use crate::ir::Program;
use crate::ir::inline::inline;
use crate::ops::control::split_whole;
use crate::ops::shape::instantiate;

/// Operands: the constants of each function in turn, then the parts of the right side `b`. Results: the parts of the
/// solution `x`, of the types of `b`, then whatever else `solve` says about it. The matrix is known by what it does to a
/// vector (`matvec`), and its transpose likewise (`vecmat`).
/// Source: JAX lax.custom_linear_solve.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CustomLinearSolve {
    // Invariant: matvec and solve, or matvec, vecmat, solve and transpose_solve; the inputs of each are its constants
    // and then a vector.
    bodies: Vec<Body>,
    /// How many constants the four functions have; none if a function is missing.
    const_lengths: [usize; 4],
}

const TUPLE: &str = "_LinearSolveTuple";
const FUNCTIONS: [&str; 4] = ["matvec", "vecmat", "solve", "transpose_solve"];
const MATVEC: usize = 0;
const SOLVE: usize = 2;

impl CustomLinearSolve {
    fn has_transpose(&self) -> bool {
        self.bodies.len() == FUNCTIONS.len()
    }

    /// The position in `bodies` of one of the four functions.
    fn body_at(&self, function: usize) -> Option<usize> {
        match (self.has_transpose(), function) {
            (true, _) => Some(function),
            (false, MATVEC) => Some(0),
            (false, SOLVE) => Some(1),
            (false, _) => None,
        }
    }

    fn body(&self, function: usize) -> &Program {
        let at = self.body_at(function).expect("matvec and solve are always there");
        self.bodies[at].program()
    }

    /// The positions of the constants of a function among the operands.
    fn constants(&self, function: usize) -> std::ops::Range<usize> {
        let start = self.const_lengths[..function].iter().sum();
        start..start + self.const_lengths[function]
    }

    /// The position of the first part of `b`.
    fn right_side(&self) -> usize {
        self.const_lengths.iter().sum()
    }

    /// The same system with the matrix transposed, and the positions of its constants among those of this one.
    fn transposed(&self) -> (Self, Vec<usize>) {
        let order = [1, 0, 3, 2];
        let bodies = order.iter().map(|&function| self.bodies[function].clone()).collect();
        let constants = order.iter().flat_map(|&function| self.constants(function)).collect();
        (
            CustomLinearSolve { bodies, const_lengths: order.map(|function| self.const_lengths[function]) },
            constants,
        )
    }

    /// What the tangents of its constants make of `matvec` at `x`, per part; zeros are left out.
    fn matrix_tangents(
        &self,
        cx: &mut JvpCx,
        primals: &[Atom],
        tangents: &[Tangent],
        x: &[Atom],
    ) -> Rule<Vec<Option<Atom>>> {
        let own = self.constants(MATVEC);
        let moving: Vec<Atom> = tangents[own.clone()].iter().filter_map(Tangent::value).collect();
        if moving.is_empty() {
            return Ok(vec![None; x.len()]);
        }
        let mut selected: Vec<bool> =
            tangents[own.clone()].iter().map(|tangent| !tangent.is_zero()).collect();
        selected.extend(x.iter().map(|_| false));
        let body = self.body(MATVEC);
        let jvp = (cx.bodies.jvp)(body, &selected)?;
        let operands = [&primals[own], x, &moving].concat();
        let mut found = inline(cx.builder, &jvp.program, &operands).into_iter().skip(x.len());
        Ok(jvp.nonzero.iter().map(|&nonzero| if nonzero { found.next() } else { None }).collect())
    }
}

impl Primitive for CustomLinearSolve {
    fn name(&self) -> &str {
        "custom_linear_solve"
    }

    fn params(&self) -> Params {
        let field = |name: &str, value: Value| (Some(name.to_string()), value);
        let lengths =
            FUNCTIONS.iter().zip(self.const_lengths).map(|(name, length)| field(name, length.into()));
        let body = |function: usize| match self.body_at(function) {
            Some(at) => Value::Body(self.bodies[at].clone()),
            None => Value::None,
        };
        let bodies = FUNCTIONS.iter().enumerate().map(|(function, name)| field(name, body(function)));
        Params::new()
            .with("const_lengths", Value::Record(TUPLE.to_string(), lengths.collect()))
            .with("jaxprs", Value::Record(TUPLE.to_string(), bodies.collect()))
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        let Some(right_side) = operands.get(self.right_side()..) else {
            return Err(TypeError(format!(
                "expected {} constants and a right side, found {} operands",
                self.right_side(),
                operands.len()
            )));
        };
        for (function, name) in FUNCTIONS.iter().enumerate() {
            let Some(at) = self.body_at(function) else { continue };
            let expected = self.bodies[at].program().input_avals();
            let found = [&operands[self.constants(function)], right_side].concat();
            if expected != found {
                return Err(TypeError(format!("{name}: expected operands {expected:?}, found {found:?}")));
            }
            if !self.bodies[at].program().output_avals().starts_with(right_side) {
                return Err(TypeError(format!("{name}: expected results of the types of the right side")));
            }
        }
        Ok(self.body(SOLVE).output_avals())
    }

    fn eval(&self, cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let own = [&operands[self.constants(SOLVE)], &operands[self.right_side()..]].concat();
        (cx.eval_body)(cx, self.body(SOLVE), &own)
    }

    /// From `a x = b`: `a x' = b' - a' x`.
    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        let results = cx.builder.emit(self.clone(), primals);
        let start = self.right_side();
        let parts = primals.len() - start;
        let of_matrix = self.matrix_tangents(cx, primals, tangents, &results[..parts])?;
        let b = &mut *cx.builder;
        let zero = |b: &Builder, x: Atom| Tangent::Zero(tangent_aval(&b.aval(x)));
        let is_zero = tangents[start..].iter().all(Tangent::is_zero) && of_matrix.iter().all(Option::is_none);
        if is_zero {
            let tangents = results.iter().map(|&x| zero(b, x)).collect();
            return Ok(Duals { primals: results, tangents });
        }
        let mut operands = primals[..start].to_vec();
        for (own, matrix) in tangents[start..].iter().zip(of_matrix) {
            operands.push(match (own.value(), matrix) {
                (Some(own), Some(matrix)) => b.sub(own, matrix),
                (None, Some(matrix)) => b.neg(matrix),
                (_, None) => instantiate(b, own),
            });
        }
        let solved = b.emit(self.clone(), &operands);
        let tangents = results.iter().zip(solved).enumerate();
        // What else is said about the solution has no tangent.
        let tangents = tangents
            .map(|(at, (&x, solved))| if at < parts { Tangent::Value(solved) } else { zero(b, x) })
            .collect();
        Ok(Duals { primals: results, tangents })
    }

    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        if !self.has_transpose() {
            return Err(NoRule::ByDesign("it has no transpose_solve, which reverse mode needs"));
        }
        let mut result = zero_cotangents(cx, operands);
        let start = self.right_side();
        let constants: Option<Vec<Atom>> = operands[..start].iter().map(Operand::known).collect();
        let Some(constants) = constants else { return Err(NOT_LINEAR) };
        let parts = operands.len() - start;
        if cotangents[..parts].iter().all(Tangent::is_zero) {
            return Ok(result);
        }
        let (transposed, order) = self.transposed();
        let mut arguments: Vec<Atom> = order.into_iter().map(|at| constants[at]).collect();
        arguments.extend(cotangents[..parts].iter().map(|ct| instantiate(cx.builder, ct)));
        let solved = cx.builder.emit(transposed, &arguments);
        for (at, ct) in solved.into_iter().take(parts).enumerate() {
            if operands[start + at].is_linear() {
                result[start + at] = Tangent::Value(ct);
            }
        }
        Ok(result)
    }

    /// Right side and solution are mapped whole, so that the functions fit each other.
    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let start = self.right_side();
        let mut arguments = Vec::new();
        for (&operand, dim) in operands[..start].iter().zip(dims) {
            arguments.push(match dim {
                BatchDim::Axis(axis) => cx.builder.move_axis(operand, *axis, 0),
                BatchDim::NotMapped => operand,
            });
        }
        arguments.extend(crate::ops::shape::batch_axes_first(cx, &operands[start..], &dims[start..]));
        let leading = |dim: &BatchDim| dim.axis().map_or(BatchDim::NotMapped, |_| BatchDim::Axis(0));
        let mut bodies = Vec::new();
        for function in 0..FUNCTIONS.len() {
            let Some(at) = self.body_at(function) else { continue };
            let body = self.bodies[at].program();
            let constants = dims[self.constants(function)].iter().map(leading);
            let own: Vec<BatchDim> =
                constants.chain(dims[start..].iter().map(|_| BatchDim::Axis(0))).collect();
            let all = vec![true; body.outputs.len()];
            let batched = (cx.bodies.batch)(body, &own, cx.extent)?.with_axes(&all);
            bodies.push(Body::new(batched.program));
        }
        let batched = CustomLinearSolve { bodies, const_lengths: self.const_lengths };
        let values = cx.builder.emit(batched, &arguments);
        let dims = vec![BatchDim::Axis(0); values.len()];
        Ok(Batched { values, dims })
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        let mut b = Builder::new();
        let inputs: Vec<Atom> = operands.iter().map(|aval| b.input(aval.clone()).into()).collect();
        let own = [&inputs[self.constants(SOLVE)], &inputs[self.right_side()..]].concat();
        let outputs = inline(&mut b, self.body(SOLVE), &own);
        Ok(Lowering::Expand(b.finish(outputs)))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Nested(self)
    }
}

impl Nested for CustomLinearSolve {
    fn bodies(&self) -> &[Body] {
        &self.bodies
    }

    fn map_bodies(&self, map: &mut BodyMap) -> Result<Op, Diagnostic> {
        let bodies =
            self.bodies.iter().map(|body| Ok(Body::new(map(body)?))).collect::<Result<_, Diagnostic>>()?;
        Ok(CustomLinearSolve { bodies, const_lengths: self.const_lengths }.into())
    }

    fn split(&self, _: &Bodies, operands: &[Aval], unknown: &[bool]) -> Rule<Split> {
        split_whole(self.clone(), operands, unknown)
    }

    fn without_results(&self, _: &[bool]) -> Option<Trimmed> {
        None
    }
}

impl Family for CustomLinearSolve {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "custom_linear_solve").then(|| read(params))
    }

    /// A diagonal matrix, by its elements. The derivative with respect to the matrix is that of `matvec` alone, hence no
    /// difference of the operation; see the tests of the family.
    fn samples() -> Vec<Sample> {
        let of = |dtype: DType, shape: &[usize]| {
            let [d, b] = [27, 28].map(|seed| samples::irregular(dtype, shape, seed));
            Sample::new(diagonal_solve(d.aval()), vec![d.clone(), d.clone(), d.clone(), d, b]).not_smooth()
        };
        vec![of(DType::F32, &[3]), of(DType::F64, &[5]), of(DType::F64, &[2, 3]), of(DType::F32, &[0])]
    }
}

fn read(params: &Params) -> Result<CustomLinearSolve, TypeError> {
    let (lengths, jaxprs) = (params.require("const_lengths")?, params.require("jaxprs")?);
    let mut const_lengths = [0; 4];
    let mut bodies = Vec::new();
    for (at, name) in FUNCTIONS.iter().enumerate() {
        match lengths.field(name, at) {
            Some(Value::Int(length)) if *length >= 0 => const_lengths[at] = *length as usize,
            found => {
                return Err(TypeError(format!("const_lengths: expected a size for {name}, found {found:?}")));
            }
        }
        match jaxprs.field(name, at) {
            Some(Value::Body(body)) => bodies.push(body.clone()),
            Some(Value::None) if at != MATVEC && at != SOLVE && const_lengths[at] == 0 => {}
            found => return Err(TypeError(format!("jaxprs: expected a jaxpr for {name}, found {found:?}"))),
        }
    }
    if bodies.len() == 3 {
        return Err(TypeError::new("jaxprs: expected vecmat and transpose_solve, or neither"));
    }
    Ok(CustomLinearSolve { bodies, const_lengths })
}

/// `d x = b` for a diagonal matrix of these elements.
pub(super) fn diagonal_solve(aval: &Aval) -> CustomLinearSolve {
    let body = |divide: bool| {
        let mut b = Builder::new();
        let [d, x] = [0, 1].map(|_| Atom::from(b.input(aval.clone())));
        let result = if divide { b.div(x, d) } else { b.mul(d, x) };
        Body::new(b.finish(vec![result]))
    };
    CustomLinearSolve { bodies: [false, false, true, true].map(body).to_vec(), const_lengths: [1; 4] }
}
