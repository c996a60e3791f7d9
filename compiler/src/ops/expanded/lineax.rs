//! Lineax's `linear_solve`: the solution of a linear system whose operator and solver the text names.
//!
//! Its operands are the leaves of (operator, state of the solver, vector, options, solver, throw) that are arrays; `static`
//! has one item per leaf, which for arrays is a bare object. The state follows from the operator and is not read, so
//! that it may stand in the text as `_`.

use super::super::elementwise::CompareKind;
use super::super::linalg::{Solver, TridiagonalSolve, algebra, negligible};
use super::super::reduction::{Reduce, ReduceKind};
use super::super::unvmap::{Unknown, all_finite};
use super::operators::{Leaf, Operator, flat, split};
use super::tree::Tree;
use super::{Meaning, Source, emit};
use crate::diag::Diagnostic;
use crate::ir::{Atom, Builder, Params, Value};
use crate::types::{Aval, DType, Literal};

pub(super) const NAME: &str = "linear_solve";

/// The codes of lineax's results.
const SINGULAR: i64 = 2;
const NONFINITE_INPUT: i64 = 6;

const NOT_UNDERSTOOD: &str = "its tree is not understood";

/// What the parameters say.
struct Form<'a> {
    operator: &'a Tree<'a>,
    /// The leaves of the operator: `None` for an array.
    leaves: Vec<Option<&'a Value>>,
    /// How many operands the operator has.
    arrays: usize,
    /// The positions of the parts of the vector among the operands.
    vector: std::ops::Range<usize>,
    method: Method,
}

/// How the solver finds the solution.
enum Method {
    /// Divides by the diagonal; unless it is regular, what is negligible counts as infinite.
    Diagonal {
        is_regular: bool,
    },
    Tridiagonal,
    Triangular {
        is_lower: bool,
        is_unit: bool,
    },
    FullRank,
    /// The fraction of the largest singular value that is zero; `None`: by the size and the dtype.
    AnyRank {
        cutoff: Option<f64>,
    },
}

/// Results: the parts of the solution, i32[] that says whether it is one, and statistics of the solver, which are
/// [`Unknown`]. Source: lineax linear_solve.
pub(super) fn meaning(source: &Source) -> Option<Meaning> {
    (source.name == NAME && source.params.get("treedef").is_some()).then(|| linear_solve(source))
}

/// The operands that hold the operator and the vector.
pub(super) fn operands_read(params: &Params, count: usize) -> Option<Vec<usize>> {
    let text = params.get("treedef")?.to_string();
    let tree = Tree::read(&text)?;
    let form = Form::read(params, &tree).ok()?;
    (form.vector.end <= count).then(|| (0..form.arrays).chain(form.vector).collect())
}

impl<'a> Form<'a> {
    /// Errors: what is not understood.
    fn read(params: &'a Params, tree: &'a Tree<'a>) -> Result<Self, String> {
        let [operator, state, vector, _, solver, _] = &tree.branches[..] else {
            return Err(NOT_UNDERSTOOD.to_string());
        };
        let leaves: Vec<&Value> = match params.get("static") {
            Some(Value::Tuple(leaves)) if leaves.len() == tree.leaves => leaves.iter().collect(),
            _ => return Err("its static leaves are not understood".to_string()),
        };
        let is_array =
            |leaf: &Value| matches!(leaf, Value::Opaque(text) if text.starts_with("<object object"));
        let before = operator.leaves + state.leaves;
        let arrays = |end: usize| leaves[..end].iter().filter(|leaf| is_array(leaf)).count();
        if !leaves[before..before + vector.leaves].iter().all(|leaf| is_array(leaf)) {
            return Err("a vector that is not made of arrays".to_string());
        }
        let of_solver = &leaves[tree.leaves - 1 - solver.leaves..tree.leaves - 1];
        Ok(Form {
            operator,
            leaves: leaves[..operator.leaves].iter().map(|&leaf| (!is_array(leaf)).then_some(leaf)).collect(),
            arrays: arrays(operator.leaves),
            vector: arrays(before)..arrays(before + vector.leaves),
            method: Method::read(solver, state, of_solver)
                .ok_or_else(|| format!("{} is not supported", solver.name))?,
        })
    }
}

impl Method {
    fn read(solver: &Tree, state: &Tree, leaves: &[&Value]) -> Option<Self> {
        match (solver.name, leaves) {
            ("AutoLinearSolver", _) => {
                let [token, state] = &state.branches[..] else { return None };
                Method::chosen(token.name, state)
            }
            ("Diagonal", [Value::Bool(is_regular)]) => Some(Method::Diagonal { is_regular: *is_regular }),
            ("SVD", []) => Some(Method::AnyRank { cutoff: None }),
            ("SVD", [cutoff]) => {
                Some(Method::AnyRank { cutoff: Some(number(cutoff).filter(|cutoff| *cutoff >= 0.0)?) })
            }
            ("Tridiagonal", _) => Some(Method::Tridiagonal),
            ("Triangular", _) => Method::triangular(state),
            // The iterative ones stop near the solution of these.
            ("LU" | "QR" | "Cholesky" | "CG" | "NormalCG" | "Normal" | "GMRES" | "BiCGStab" | "LSMR", _) => {
                Some(Method::FullRank)
            }
            _ => None,
        }
    }

    /// The choice of an `AutoLinearSolver`.
    fn chosen(token: &str, state: &Tree) -> Option<Self> {
        match token {
            "diagonal_token" => Some(Method::Diagonal { is_regular: false }),
            "well_posed_diagonal_token" => Some(Method::Diagonal { is_regular: true }),
            "tridiagonal_token" => Some(Method::Tridiagonal),
            "triangular_token" => Method::triangular(state),
            "lu_token" | "qr_token" | "cholesky_token" => Some(Method::FullRank),
            "svd_token" => Some(Method::AnyRank { cutoff: None }),
            _ => None,
        }
    }

    /// The state says whether the matrix, before it was transposed, is a lower one, and whether its diagonal is ones.
    fn triangular(state: &Tree) -> Option<Self> {
        let flag = |tree: &Tree| match tree.name {
            "Static" if tree.about.contains("[True]") => Some(true),
            "Static" if tree.about.contains("[False]") => Some(false),
            _ => None,
        };
        let [_, is_lower, is_unit, _, is_transposed] = &state.branches[..] else { return None };
        let is_lower = flag(is_lower)? != flag(is_transposed)?;
        Some(Method::Triangular { is_lower, is_unit: flag(is_unit)? })
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(bits) => Some(f64::from_bits(*bits)),
        Value::Int(x) => Some(*x as f64),
        _ => None,
    }
}

/// The operands of `source` are those of [`operands_read`]: the operator's, then the vector.
fn linear_solve(source: &Source) -> Meaning {
    let text = source.params.require("treedef")?.to_string();
    let tree = Tree::read(&text).ok_or_else(|| source.unsupported(NOT_UNDERSTOOD))?;
    let form = Form::read(source.params, &tree).map_err(|why| source.unsupported(&why))?;
    if form.arrays + form.vector.len() != source.operands.len() || form.vector.is_empty() {
        return Err(source.wrong("expected an operator and a vector"));
    }
    let dtype = source.operands[form.arrays].dtype;
    if !matches!(dtype, DType::F32 | DType::F64 | DType::C64 | DType::C128) {
        return Err(source.unsupported(&format!("elements of type {dtype} are not supported")));
    }
    let (mut b, inputs) = source.inputs();
    let (arrays, vectors) = inputs.split_at(form.arrays);
    let rhs = flat(&mut b, vectors, dtype).map_err(|why| source.unsupported(&why))?;
    let solution = solution(&form, &mut b, arrays, rhs, dtype).map_err(|why| source.unsupported(&why))?;
    let code = code(&mut b, solution, rhs);
    let (parts, others) = parts(source, b.aval(solution).shape[0])?;
    let mut outputs = split(&mut b, solution, &parts);
    outputs.push(code);
    for aval in others {
        outputs.push(emit(&mut b, Unknown { aval }, &[])?);
    }
    Ok(b.finish(outputs))
}

/// The types of the parts of a solution of `n` elements, and of what follows the code.
///
/// Errors: the types of the results are not written, or do not fit.
fn parts(source: &Source, n: usize) -> Result<(Vec<Aval>, Vec<Aval>), Diagnostic> {
    let results: Option<Vec<Aval>> = source.results.iter().cloned().collect();
    let mut results =
        results.ok_or_else(|| source.unsupported("the types of its results are not written"))?.into_iter();
    let (mut parts, mut count) = (Vec::new(), 0);
    while count < n {
        let part =
            results.next().ok_or_else(|| source.wrong(format!("expected a solution of {n} elements")))?;
        count += part.shape.element_count();
        parts.push(part);
    }
    match results.next() {
        Some(code) if count == n && code == Aval::scalar(DType::I32) => Ok((parts, results.collect())),
        _ => Err(source.wrong(format!("expected a solution of {n} elements, then i32[]"))),
    }
}

/// As a vector. Errors: what is not supported.
fn solution(form: &Form, b: &mut Builder, arrays: &[Atom], rhs: Atom, dtype: DType) -> Result<Atom, String> {
    let mut arrays = arrays.iter().copied();
    let mut leaves = Vec::new();
    for leaf in &form.leaves {
        leaves.push(match leaf {
            None => arrays.next().map_or(Leaf::Other, Leaf::Array),
            Some(Value::Body(function)) => Leaf::Function(function),
            Some(_) => Leaf::Other,
        });
    }
    let operator = Operator { tree: form.operator, leaves: &leaves };
    let n = b.aval(rhs).shape[0];
    let solver = match form.method {
        Method::Diagonal { is_regular } => {
            let diagonal = operator.diagonal(b, dtype)?;
            let diagonal = if is_regular { diagonal } else { without_zeros(b, diagonal) };
            return match b.aval(diagonal) == b.aval(rhs) {
                true => Ok(b.div(rhs, diagonal)),
                false => Err(format!("a diagonal of another size than the vector of {n}")),
            };
        }
        Method::Tridiagonal if form.operator.name == "TridiagonalLinearOperator" => {
            let diagonals = operator.diagonals(b, dtype)?;
            return match b.aval(diagonals[0]) == b.aval(rhs) {
                true => Ok(tridiagonal(b, diagonals, rhs)),
                false => Err(format!("a diagonal of another size than the vector of {n}")),
            };
        }
        Method::Triangular { is_lower, is_unit } => Solver::Triangular { is_lower, is_unit },
        Method::Tridiagonal | Method::FullRank => Solver::FullRank,
        Method::AnyRank { cutoff } => Solver::AnyRank { cutoff },
    };
    let matrix = operator.matrix(b, dtype)?;
    let (rows, cols) = algebra::matrix_extents(b, matrix);
    if matches!(solver, Solver::Triangular { .. }) && rows != cols {
        return Err("a triangle that is not square".to_string());
    }
    if rows != n || cols == 0 || n == 0 {
        return Err(format!("a matrix of {rows} by {cols} with a vector of {n}"));
    }
    Ok(solver.solve(b, matrix, rhs))
}

/// The diagonal with infinity in place of what is negligible beside its largest element.
fn without_zeros(b: &mut Builder, diagonal: Atom) -> Atom {
    let aval = b.aval(diagonal);
    let size = b.unary(super::super::elementwise::UnaryKind::Abs, diagonal);
    let largest = b.emit_one(Reduce { kind: ReduceKind::Max, axes: vec![0] }, &[size]);
    let factor = b.constant_like(largest, negligible(aval.dtype, aval.shape[0]));
    let least = b.mul(largest, factor);
    let least = b.broadcast_in_dim(least, aval.shape.clone(), &[]);
    let counts = b.compare(CompareKind::Gt, size, least);
    let infinity = b.full(aval.dtype, &aval.shape, f64::INFINITY);
    b.select(counts, diagonal, infinity)
}

/// The lower diagonal begins with an element that is not read, the upper one ends with one.
fn tridiagonal(b: &mut Builder, [middle, lower, upper]: [Atom; 3], rhs: Atom) -> Atom {
    let nothing = b.zeros(&Aval::new(b.dtype(rhs), [1]));
    let lower = algebra::joined(b, &[nothing, lower], 1);
    let upper = algebra::joined(b, &[upper, nothing], 1);
    let column = algebra::as_column(b, rhs);
    let x = b.emit_one(TridiagonalSolve { perturb_singular: false }, &[lower, middle, upper, column]);
    b.reshape(x, b.aval(rhs).shape)
}

/// 0 where the solution is finite, else whether the matrix or the vector is to blame.
fn code(b: &mut Builder, solution: Atom, rhs: Atom) -> Atom {
    let [solved, given] = [solution, rhs].map(|x| all_finite(b, x));
    let literal = |code: i64| Atom::Literal(Literal::from_i64(DType::I32, code));
    let failure = b.select(given, literal(SINGULAR), literal(NONFINITE_INPUT));
    b.select(solved, literal(0), failure)
}
