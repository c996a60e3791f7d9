//! Lineax's linear operators as matrices.

use super::super::control::Scan;
use super::super::linalg::algebra;
use super::super::shape::{Concatenate, Slice};
use super::tree::Tree;
use crate::ir::{Atom, Body, Builder, Params, Program};
use crate::types::{Aval, DType, Shape};

/// A leaf of an operator: an array, or a function.
#[derive(Clone, Copy)]
pub(super) enum Leaf<'a> {
    Array(Atom),
    Function(&'a Body),
    Other,
}

/// A part of an operator.
#[derive(Clone, Copy)]
pub(super) struct Operator<'a> {
    pub tree: &'a Tree<'a>,
    pub leaves: &'a [Leaf<'a>],
}

/// Why there is no matrix.
type Found<T> = Result<T, String>;

const NOT_ARRAYS: &str = "its parts are not arrays";

impl<'a> Operator<'a> {
    /// Its matrix over flat vectors of `dtype`. Errors: what is not supported.
    pub fn matrix(self, b: &mut Builder, dtype: DType) -> Found<Atom> {
        match (self.tree.name, &self.parts()[..]) {
            ("MatrixLinearOperator", _) => self.matrix_of_array(b, dtype),
            ("DiagonalLinearOperator" | "IdentityLinearOperator", _) => {
                let diagonal = self.diagonal(b, dtype)?;
                Ok(algebra::on_diagonal(b, diagonal, 0))
            }
            ("TridiagonalLinearOperator", _) => {
                let diagonals = self.diagonals(b, dtype)?;
                let [middle, lower, upper] = diagonals;
                let middle = algebra::on_diagonal(b, middle, 0);
                let lower = algebra::on_diagonal(b, lower, -1);
                let upper = algebra::on_diagonal(b, upper, 1);
                let sum = b.add(middle, lower);
                Ok(b.add(sum, upper))
            }
            ("FunctionLinearOperator", _) => self.matrix_of_function(b, dtype),
            ("TaggedLinearOperator" | "AuxLinearOperator", [inner, ..]) => inner.matrix(b, dtype),
            ("ComposedLinearOperator", [outer, inner]) => {
                let (outer, inner) = (outer.matrix(b, dtype)?, inner.matrix(b, dtype)?);
                fit(b.aval(outer).shape[1] == b.aval(inner).shape[0])?;
                Ok(algebra::matmul(b, outer, inner))
            }
            ("AddLinearOperator", [x, y]) => {
                let (x, y) = (x.matrix(b, dtype)?, y.matrix(b, dtype)?);
                fit(b.aval(x) == b.aval(y))?;
                Ok(b.add(x, y))
            }
            ("NegLinearOperator", [x]) => {
                let x = x.matrix(b, dtype)?;
                Ok(b.neg(x))
            }
            ("MulLinearOperator" | "DivLinearOperator", [x, factor]) => {
                let (x, [Leaf::Array(factor)]) = (x.matrix(b, dtype)?, factor.leaves) else {
                    return Err(NOT_ARRAYS.to_string());
                };
                fit(b.aval(*factor) == Aval::scalar(dtype))?;
                let factor = b.broadcast_in_dim(*factor, b.aval(x).shape, &[]);
                Ok(if self.tree.name.starts_with("Mul") { b.mul(x, factor) } else { b.div(x, factor) })
            }
            ("JacobianLinearOperator", _) => {
                Err("JacobianLinearOperator is not supported: `lineax.linearise(operator)` makes one that is"
                    .to_string())
            }
            (name, _) => Err(format!("{name} is not supported")),
        }
    }

    /// The diagonal, if it has no other elements by its kind; of an identity, ones.
    ///
    /// Errors: what is not supported.
    pub fn diagonal(self, b: &mut Builder, dtype: DType) -> Found<Atom> {
        match (self.tree.name, &self.parts()[..]) {
            ("IdentityLinearOperator", _) => {
                let size = sizes(self.tree.about).ok_or("its size is not understood")?;
                Ok(b.full(dtype, &[size].into(), 1.0))
            }
            ("DiagonalLinearOperator", _) => {
                let arrays = self.arrays()?;
                flat(b, &arrays, dtype)
            }
            ("TaggedLinearOperator", [inner, ..]) => inner.diagonal(b, dtype),
            _ => {
                let matrix = self.matrix(b, dtype)?;
                let shape = b.aval(matrix).shape;
                fit(shape[0] == shape[1])?;
                Ok(algebra::diagonal(b, matrix))
            }
        }
    }

    /// The diagonal, the one below and the one above of an operator that is these.
    ///
    /// Errors: it is not.
    pub fn diagonals(self, b: &mut Builder, dtype: DType) -> Found<[Atom; 3]> {
        let is_tridiagonal = self.tree.name == "TridiagonalLinearOperator";
        let Some([middle, lower, upper]) = is_tridiagonal.then(|| self.arrays()).transpose()?.and_then(three)
        else {
            return Err(NOT_ARRAYS.to_string());
        };
        let n = b.aval(middle).shape.element_count();
        let is_vector = |x: Atom, n: usize| b.aval(x) == Aval::new(dtype, [n]);
        fit(n > 0 && is_vector(middle, n) && is_vector(lower, n - 1) && is_vector(upper, n - 1))?;
        Ok([middle, lower, upper])
    }

    fn matrix_of_array(self, b: &mut Builder, dtype: DType) -> Found<Atom> {
        match self.arrays()?[..] {
            [matrix] if b.aval(matrix).rank() == 2 && b.dtype(matrix) == dtype => Ok(matrix),
            _ => Err("its matrix has another type than the vector".to_string()),
        }
    }

    /// Row by row of the transpose: the images of the unit vectors.
    fn matrix_of_function(self, b: &mut Builder, dtype: DType) -> Found<Atom> {
        let [Leaf::Function(function), constants @ ..] = self.leaves else {
            return Err("its function is not in the text: `lineax.linearise(operator)` has it".to_string());
        };
        let constants = constants.iter().map(Leaf::array).collect::<Option<Vec<Atom>>>().ok_or(NOT_ARRAYS)?;
        let mut program: Program = function.program().clone();
        let captured = std::mem::take(&mut program.constvars);
        program.const_ids.clear();
        program.inputs = [captured, program.inputs].concat();
        let inputs = program.input_avals();
        let given = b.program().atom_avals(&constants);
        let vectors = inputs.strip_prefix(given.as_slice()).ok_or("its function has other constants")?;
        let is_flat = |avals: &[Aval]| !avals.is_empty() && avals.iter().all(|aval| aval.dtype == dtype);
        if !is_flat(vectors) || !is_flat(&program.output_avals()) {
            return Err("its function maps vectors of another type".to_string());
        }
        let n = vectors.iter().map(|aval| aval.shape.element_count()).sum();
        let mut body = Builder::new();
        let own: Vec<Atom> = given.iter().map(|aval| body.input(aval.clone()).into()).collect();
        let unit = Atom::from(body.input(Aval::new(dtype, [n])));
        let parts = split(&mut body, unit, vectors);
        let images = crate::ir::inline::inline(&mut body, &program, &[own, parts].concat());
        let image = flat(&mut body, &images, dtype)?;
        let scan = Scan {
            body: body.finish(vec![image]).into(),
            length: n,
            consts: constants.len(),
            carries: 0,
            reverse: false,
            rest: Params::new(),
        };
        let units = algebra::identity(b, dtype, &Shape::from([n, n]));
        let images = b.emit_one(scan, &[constants, vec![units]].concat());
        Ok(algebra::transposed(b, images))
    }

    /// Its branches with their leaves.
    fn parts(self) -> Vec<Operator<'a>> {
        let mut rest = self.leaves;
        let part = |tree: &'a Tree<'a>| {
            let (leaves, others) = rest.split_at(tree.leaves);
            rest = others;
            Operator { tree, leaves }
        };
        self.tree.branches.iter().map(part).collect()
    }

    fn arrays(self) -> Found<Vec<Atom>> {
        let arrays: Option<Vec<Atom>> = self.leaves.iter().map(Leaf::array).collect();
        arrays.ok_or_else(|| NOT_ARRAYS.to_string())
    }
}

impl Leaf<'_> {
    fn array(&self) -> Option<Atom> {
        match self {
            Leaf::Array(array) => Some(*array),
            Leaf::Function(_) | Leaf::Other => None,
        }
    }
}

fn fit(is_so: bool) -> Found<()> {
    is_so.then_some(()).ok_or_else(|| "its parts do not fit each other".to_string())
}

fn three(arrays: Vec<Atom>) -> Option<[Atom; 3]> {
    arrays.try_into().ok()
}

/// How many elements the arrays of the first list in `(.., ([ShapeDtypeStruct(shape=(3, 2), ..), ..], ..), ..)` have.
fn sizes(about: &str) -> Option<usize> {
    let list = &about[about.find('[')? + 1..];
    let list = &list[..list.find(']')?];
    let extents = |text: &str| {
        let inner = text.split_once(')')?.0;
        let extents = inner.split(',').map(str::trim).filter(|extent| !extent.is_empty());
        extents.map(|extent| extent.parse::<usize>().ok()).product::<Option<usize>>()
    };
    list.split("shape=(").skip(1).map(extents).sum()
}

/// The arrays as one vector. Errors: they have other dtypes.
pub(super) fn flat(b: &mut Builder, arrays: &[Atom], dtype: DType) -> Found<Atom> {
    if arrays.iter().any(|&array| b.dtype(array) != dtype) {
        return Err(format!("arrays of other types than {dtype} are not supported here"));
    }
    let vectors: Vec<Atom> = arrays
        .iter()
        .map(|&array| {
            let count = b.aval(array).shape.element_count();
            b.reshape(array, [count])
        })
        .collect();
    match vectors[..] {
        [] => Err("there is no array".to_string()),
        [only] => Ok(only),
        _ => Ok(b.emit_one(Concatenate { axis: 0 }, &vectors)),
    }
}

/// The parts of a vector, one after the other.
pub(super) fn split(b: &mut Builder, vector: Atom, parts: &[Aval]) -> Vec<Atom> {
    let whole = b.aval(vector).shape;
    let mut start = 0;
    let mut part = |aval: &Aval| {
        let count = aval.shape.element_count();
        let own = match count == whole[0] {
            true => vector,
            false => b.emit_one(Slice::along(&whole, 0, start, count), &[vector]),
        };
        start += count;
        b.reshape(own, aval.shape.clone())
    };
    parts.iter().map(&mut part).collect()
}
