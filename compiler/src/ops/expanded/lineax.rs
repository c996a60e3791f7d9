//! Lineax's `linear_solve`: the solution of a linear system whose operator and solver the text names.
//!
//! Its operands are the leaves of (operator, state of the solver, vector, options, solver, throw) that are arrays; `static`
//! has one item per leaf, which for arrays is a bare object. The state follows from the operator and is not read, so
//! that it may stand in the text as `_`.

use super::super::linalg;
use super::super::unvmap::{Unknown, all_finite};
use super::{Meaning, Source, emit};
use crate::diag::Diagnostic;
use crate::ir::inline::inline;
use crate::ir::{Atom, Body, Builder, Params, Program, Value};
use crate::types::{Aval, DType, Literal, Shape};

pub(super) const NAME: &str = "linear_solve";

/// The codes of lineax's results.
const SINGULAR: i64 = 2;
const NONFINITE_INPUT: i64 = 6;

/// How large an operator may be that is given as a function: it is applied to each basis vector.
const MAX_BASIS: usize = 64;

/// What the parameters say.
struct Form<'a> {
    operator: &'a str,
    solver: &'a str,
    /// The positions of its operands, per array leaf.
    of_operator: Vec<usize>,
    vector: usize,
    /// The operator, if it is a function.
    function: Option<&'a Body>,
}

/// Results: the solution, i32[] that says whether it is one, and statistics of the solver, which are [`Unknown`].
/// Source: lineax linear_solve.
pub(super) fn meaning(source: &Source) -> Option<Meaning> {
    (source.name == NAME && source.params.get("treedef").is_some()).then(|| linear_solve(source))
}

/// The operands that hold the operator and the vector.
pub(super) fn operands_read(params: &Params, count: usize) -> Option<Vec<usize>> {
    let tree = params.get("treedef")?.to_string();
    let form = form(params, &tree).ok()?;
    let read: Vec<usize> = form.of_operator.iter().copied().chain([form.vector]).collect();
    read.iter().all(|&at| at < count).then_some(read)
}

/// Errors: what is not understood.
fn form<'a>(params: &'a Params, tree: &'a str) -> Result<Form<'a>, &'static str> {
    let inner = tree.strip_prefix("PyTreeDef((").and_then(|text| text.strip_suffix("))"));
    let parts = split(inner.ok_or("its tree is not understood")?);
    let [operator, state, vector, _, solver, _] = parts[..] else { return Err("its tree is not understood") };
    let leaves: Vec<&Value> = match params.get("static") {
        Some(Value::Tuple(leaves)) => leaves.iter().collect(),
        _ => return Err("its static leaves are not understood"),
    };
    let is_array = |leaf: &Value| matches!(leaf, Value::Opaque(text) if text.starts_with("<object object"));
    let (first, before) = (stars(operator), stars(operator) + stars(state));
    if stars(vector) != 1 || before >= leaves.len() || !is_array(leaves[before]) {
        return Err("vectors that are not one array are not supported");
    }
    let position = |leaf: usize| leaves[..leaf].iter().filter(|leaf| is_array(leaf)).count();
    let of_operator = (0..first).filter(|&leaf| is_array(leaves[leaf])).map(position).collect();
    let functions: Vec<&Body> = leaves[..first]
        .iter()
        .filter_map(|leaf| if let Value::Body(body) = leaf { Some(body) } else { None })
        .collect();
    Ok(Form {
        operator: node_name(operator),
        solver: node_name(solver),
        of_operator,
        vector: position(before),
        function: functions.first().copied().filter(|_| functions.len() == 1),
    })
}

/// `CustomNode(LU[..], ..)` is called `LU`.
fn node_name(node: &str) -> &str {
    let name = node.strip_prefix("CustomNode(").unwrap_or(node);
    name.split('[').next().unwrap_or(name)
}

/// The parts between commas outside brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// How many leaves a part of a tree has. What describes a node, in the brackets after its name, has none.
fn stars(tree: &str) -> usize {
    let (mut count, mut rest) = (0, tree);
    while let Some(at) = rest.find(['*', '[']) {
        let is_description = rest[..at].rsplit("CustomNode(").next().is_some_and(|name| {
            rest[..at].contains("CustomNode(")
                && !name.is_empty()
                && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        });
        if rest.as_bytes()[at] == b'*' {
            count += 1;
            rest = &rest[at + 1..];
        } else if is_description {
            rest = behind_bracket(&rest[at..]);
        } else {
            rest = &rest[at + 1..];
        }
    }
    count
}

/// What follows the bracket that is open at the start.
fn behind_bracket(text: &str) -> &str {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return &text[at + 1..];
        }
    }
    ""
}

/// The operands of `source` are those of [`operands_read`]: the operator's, then the vector.
fn linear_solve(source: &Source) -> Meaning {
    let tree = source.params.require("treedef")?.to_string();
    let form = form(source.params, &tree).map_err(|why| source.unsupported(why))?;
    let Some((vector, arrays)) = source.operands.split_last() else {
        return Err(source.wrong("expected an operator and a vector, found no operands"));
    };
    if form.of_operator.len() != arrays.len() || !vector.dtype.is_inexact() || vector.rank() > 1 {
        return Err(source.unsupported(&format!("a vector of type {vector} is not supported")));
    }
    if source.results.len() < 2 {
        return Err(source.wrong(format!("expected at least 2 results, found {}", source.results.len())));
    }
    let (mut b, inputs) = source.inputs();
    let (rhs, arrays) = inputs.split_last().expect("the vector was there");
    let solution = solution(source, &form, &mut b, arrays, *rhs)?;
    let code = code(&mut b, solution, *rhs);
    let mut outputs = vec![solution, code];
    for result in &source.results[2..] {
        let aval =
            result.clone().ok_or_else(|| source.unsupported("the types of its results are not written"))?;
        outputs.push(emit(&mut b, Unknown { aval }, &[])?);
    }
    Ok(b.finish(outputs))
}

fn solution(
    source: &Source,
    form: &Form,
    b: &mut Builder,
    arrays: &[Atom],
    rhs: Atom,
) -> Result<Atom, Diagnostic> {
    let matrix = match (form.operator, form.function, arrays) {
        ("MatrixLinearOperator", None, &[matrix]) => matrix,
        ("DiagonalLinearOperator", None, &[diagonal]) if b.aval(diagonal) == b.aval(rhs) => {
            return Ok(b.div(rhs, diagonal));
        }
        ("IdentityLinearOperator", None, []) => return Ok(rhs),
        ("FunctionLinearOperator", Some(function), constants) => {
            let aval = b.aval(rhs);
            match as_matrix(b, function, constants, &aval) {
                Some(matrix) if aval.rank() == 0 => return Ok(b.div(rhs, matrix)),
                Some(matrix) => matrix,
                None => return Err(source.unsupported(&format!("an operator on {aval} by a function"))),
            }
        }
        (operator, ..) => return Err(source.unsupported(&format!("{operator} is not supported"))),
    };
    let (aval, vector) = (b.aval(matrix), b.aval(rhs));
    if aval.rank() != 2
        || vector.rank() != 1
        || aval.shape[0] != vector.shape[0]
        || aval.dtype != vector.dtype
    {
        return Err(source.wrong(format!("expected a matrix and a vector, found {aval} and {vector}")));
    }
    if !matches!(aval.dtype, DType::F32 | DType::F64 | DType::C64 | DType::C128) {
        return Err(source.unsupported(&format!("elements of type {} are not supported", aval.dtype)));
    }
    let (rows, cols) = (aval.shape[0], aval.shape[1]);
    let column = b.expand_dims(rhs, &[1]);
    // An SVD is asked for where the matrix may be singular, which these solvers do not survive.
    let x = match form.solver {
        "LU" | "AutoLinearSolver" | "QR" | "Cholesky" | "Triangular" | "GMRES" | "BiCGStab" | "CG"
            if rows == cols =>
        {
            linalg::solve_square(b, matrix, column)
        }
        "QR" | "AutoLinearSolver" if rows > cols && cols > 0 => linalg::solve_tall(b, matrix, column),
        solver => {
            let what = format!("{solver} of a {rows} by {cols} matrix is not supported");
            return Err(source.unsupported(&what));
        }
    };
    Ok(b.reshape(x, [cols]))
}

/// The matrix of a linear function of vectors like `aval`; `None` if it is too large or is no such function.
fn as_matrix(b: &mut Builder, function: &Body, constants: &[Atom], aval: &Aval) -> Option<Atom> {
    let mut program: Program = function.program().clone();
    let captured = std::mem::take(&mut program.constvars);
    program.inputs = [captured, program.inputs].concat();
    let n = aval.shape.element_count();
    let expected = [b.program().atom_avals(constants), vec![aval.clone()]].concat();
    if n > MAX_BASIS || program.input_avals() != expected || program.output_avals() != [aval.clone()] {
        return None;
    }
    if aval.rank() == 0 {
        let one = Atom::Literal(Literal::from_f64(aval.dtype, 1.0));
        return inline(b, &program, &[constants, &[one]].concat()).first().copied();
    }
    let identity = linalg::identity_matrix(b, aval.dtype, n);
    let mut columns = Vec::new();
    for column in 0..n {
        let slice = super::super::shape::Slice::along(&Shape::from([n, n]), 0, column, 1);
        let basis = emit(b, slice, &[identity]).ok()?;
        let basis = b.reshape(basis, [n]);
        let image = inline(b, &program, &[constants, &[basis]].concat());
        columns.push(b.expand_dims(image[0], &[1]));
    }
    match columns[..] {
        [] => None,
        [only] => Some(only),
        _ => emit(b, super::super::shape::Concatenate { axis: 1 }, &columns).ok(),
    }
}

/// 0 where the solution is finite, else whether the matrix or the vector is to blame.
fn code(b: &mut Builder, solution: Atom, rhs: Atom) -> Atom {
    let [solved, given] = [solution, rhs].map(|x| all_finite(b, x));
    let literal = |code: i64| Atom::Literal(Literal::from_i64(DType::I32, code));
    let failure = b.select(given, literal(SINGULAR), literal(NONFINITE_INPUT));
    b.select(solved, literal(0), failure)
}

#[cfg(test)]
pub(super) fn stars_for_tests(tree: &str) -> usize {
    stars(tree)
}
