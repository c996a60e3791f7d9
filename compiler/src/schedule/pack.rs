//! Operands of products, copied into panels. The inner loop of a matrix product takes a few columns of its right operand,
//! row after row. Where rows are far apart, those elements share cache lines and sets with the columns of later turns;
//! where a column lies along memory (`x w^T`, the cotangent of a product), there is no vector at all. A copy puts the
//! columns of one turn next to each other, and costs little if many rows of the left operand meet it.

use crate::diag::Diagnostic;
use crate::loops::{
    Access, Affine, BinaryOp, BlockBuilder, BufferId, Combine, Dim, Function, Index, Inst, Module, Nest,
    Reduction, Role, Store, Val, copy, copy_reduction, copy_store, rewrite_nests,
};
use crate::types::{Aval, DType, Extent, Shape};

// The columns of one turn fill this many bytes of a row: two vectors.
const PANEL_ROW_BYTES: usize = 32;
// Fewer rows of the left operand do not pay for the copy.
const LEAST_REUSE: Extent = 16;
// Shorter sums are over before the layout matters.
const LEAST_TERMS: Extent = 32;
// Operands up to this size stay in the first-level cache as they are. Units: bytes.
const LEAST_BYTES: usize = 32 << 10;
// Arenas do not grow by more than this. Units: bytes.
const MOST_BYTES: usize = 16 << 20;

/// Puts a copy before every product that pays for it.
pub fn run(mut module: Module) -> Result<Module, Diagnostic> {
    for function in &mut module.functions {
        let body = std::mem::take(&mut function.body);
        function.body = rewrite_nests(body, &mut |nest| {
            let Some(panels) = Panels::of(function, &nest) else { return vec![nest] };
            let copied = function.new_temporary(panels.aval());
            vec![panels.copy(copied), panels.product(copied)]
        });
    }
    Ok(module)
}

/// A product `sum of x * y` with the operand that is copied.
struct Panels<'n> {
    nest: &'n Nest,
    reduction: &'n Reduction,
    /// The load that varies along the columns.
    operand: Val,
    /// The dim along which the result lies in memory.
    columns: usize,
    /// Columns of one panel.
    width: Extent,
    /// The other dims that the operand varies along; the reduce dims come last, as they lie in the other operand, so that
    /// both are read in order.
    rows: Vec<usize>,
}

impl<'n> Panels<'n> {
    fn of(function: &Function, nest: &'n Nest) -> Option<Panels<'n>> {
        let [reduction] = nest.reductions.as_slice() else { return None };
        let &[value] = reduction.values.as_slice() else { return None };
        let (Combine::Op(BinaryOp::Add), Inst::Binary(BinaryOp::Mul, x, y)) =
            (&reduction.combine, nest.block.inst(value))
        else {
            return None;
        };
        let columns = columns(function, nest)?;
        let (x, y) = (operand(function, nest, *x)?, operand(function, nest, *y)?);
        let (own, other) = match (x.steps[columns], y.steps[columns]) {
            (0, step) if step != 0 => (y, x),
            (step, 0) if step != 0 => (x, y),
            _ => return None,
        };
        let width = PANEL_ROW_BYTES / own.dtype.size_bytes();
        let of_role = |role| nest.dims_with(role).filter(|&dim| dim != columns && own.steps[dim] != 0);
        let mut folded: Vec<usize> = of_role(Role::Reduce).collect();
        folded.sort_by_key(|&dim| std::cmp::Reverse(other.steps[dim].abs()));
        let rows = of_role(Role::Parallel).chain(folded).collect();
        let is_reuse = |dim: &usize| own.steps[*dim] == 0 && other.steps[*dim] != 0;
        let reuse = nest
            .dims_with(Role::Parallel)
            .filter(is_reuse)
            .map(|dim| nest.dims[dim].extent)
            .fold(1, Extent::saturating_mul);
        let terms =
            nest.dims_with(Role::Reduce).map(|dim| nest.dims[dim].extent).fold(1, Extent::saturating_mul);
        let panels = Panels { nest, reduction, operand: own.load, columns, width, rows };
        let bytes = panels.aval().size_bytes();
        let is_scattered = own.steps[columns] != 1 || bytes > LEAST_BYTES;
        let fits = nest.dims.iter().all(|dim| dim.role != Role::Sequential && dim.extent > 0)
            && matches!(own.dtype, DType::F32 | DType::F64)
            && nest.dims[columns].extent.is_multiple_of(width)
            && bytes <= MOST_BYTES;
        let pays = LEAST_REUSE <= reuse && LEAST_TERMS <= terms && is_scattered;
        (fits && pays).then_some(panels)
    }

    /// The copy: panel by panel, the rows, and the columns of the panel.
    fn aval(&self) -> Aval {
        let panels = self.nest.dims[self.columns].extent / self.width;
        let rows = self.rows.iter().map(|&dim| self.nest.dims[dim].extent);
        let shape: Shape = [panels].into_iter().chain(rows).chain([self.width]).collect();
        Aval::new(self.nest.block.dtype(self.operand), shape)
    }

    /// `copied[panel, rows.., column] = operand`.
    fn copy(&self, copied: BufferId) -> Nest {
        let dims: Vec<Dim> =
            self.aval().shape.extents().iter().map(|&extent| Dim::parallel(extent)).collect();
        let last = dims.len() - 1;
        // The operand varies along no other dims.
        let mut map = vec![Affine::constant(0); self.nest.dims.len()];
        map[self.columns] = self.column(0, last);
        self.rows.iter().enumerate().for_each(|(at, &dim)| map[dim] = Affine::dim(1 + at));
        let indices = (0..dims.len()).map(Index::dim).collect();
        let mut nest = Nest::new(dims);
        let mut b = BlockBuilder::new();
        let value = copy(&mut b, &self.nest.block, &map, &[self.operand], |_, _| None)[0];
        nest.stores.push(Store { buffer: copied, indices, value, mask: None, combine: None });
        nest.block = b.finish();
        nest
    }

    /// The product as it was, with the columns cut into panels, and the columns of a panel one more dim.
    fn product(&self, copied: BufferId) -> Nest {
        let mut dims = self.nest.dims.clone();
        let within = dims.len();
        dims[self.columns].extent /= self.width;
        dims.push(Dim::parallel(self.width));
        let mut map: Vec<Affine> = (0..within).map(Affine::dim).collect();
        map[self.columns] = self.column(self.columns, within);
        let of_copy = [self.columns].into_iter().chain(self.rows.iter().copied()).chain([within]);
        let of_copy: Vec<Index> = of_copy.map(Index::dim).collect();
        let operand = self.nest.block.inst(self.operand);
        let dtype = self.nest.block.dtype(self.operand);

        let mut nest = Nest::new(dims);
        let mut b = BlockBuilder::new();
        let from_copy = |b: &mut BlockBuilder, inst: &Inst| {
            (inst == operand).then(|| b.load(Access::new(copied, of_copy.clone()), dtype))
        };
        nest.reductions.push(copy_reduction(&mut b, &self.nest.block, &map, self.reduction, from_copy));
        for store in &self.nest.stores {
            nest.stores.push(copy_store(&mut b, &self.nest.block, &map, store, from_copy));
        }
        nest.block = b.finish();
        nest
    }

    /// The position of a column, from the dims of its panel and of its place there.
    fn column(&self, panel: usize, within: usize) -> Affine {
        Affine::dim(panel).scale(self.width as i64).add(&Affine::dim(within))
    }
}

/// A plain load, and its steps in memory along each dim. Units: elements.
struct Operand {
    load: Val,
    dtype: DType,
    steps: Vec<i64>,
}

fn operand(function: &Function, nest: &Nest, load: Val) -> Option<Operand> {
    let Inst::Load(access) = nest.block.inst(load) else { return None };
    let is_plain = access.fill.is_none() && access.indices.iter().all(Index::is_affine);
    let steps = steps(function, nest, access.buffer, &access.indices);
    is_plain.then(|| Operand { load, dtype: nest.block.dtype(load), steps })
}

fn steps(function: &Function, nest: &Nest, buffer: BufferId, indices: &[Index]) -> Vec<i64> {
    let strides = function.buffer(buffer).shape.strides();
    let step = |dim: usize| {
        indices
            .iter()
            .zip(&strides)
            .map(|(index, &stride)| index.affine.coefficient(dim) * stride as i64)
            .sum()
    };
    (0..nest.dims.len()).map(step).collect()
}

/// The dim along which all stores go element by element.
fn columns(function: &Function, nest: &Nest) -> Option<usize> {
    let steps: Vec<Vec<i64>> =
        nest.stores.iter().map(|store| steps(function, nest, store.buffer, &store.indices)).collect();
    nest.dims_with(Role::Parallel).find(|&dim| steps.iter().all(|steps| steps[dim] == 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loops::interpret::{self, Strictness};
    use crate::loops::nests::contract::{PairedAxes, contract};
    use crate::loops::{Buffer, Place, Stmt};
    use crate::types::Tensor;

    /// Shapes of the operands, their contracted and their batch axes, and the shape of the result.
    type Product<'a> = ([&'a [usize]; 2], [&'a [usize]; 2], [&'a [usize]; 2], &'a [usize]);

    fn function(dtype: DType, (shapes, contracted, batch, result): Product) -> Function {
        let axes = PairedAxes {
            lhs_contract: contracted[0],
            rhs_contract: contracted[1],
            lhs_batch: batch[0],
            rhs_batch: batch[1],
        };
        let [lhs, rhs, result] = [shapes[0], shapes[1], result].map(|shape| Aval::new(dtype, shape));
        let nest = contract(axes, &lhs, &rhs, &result, dtype);
        let places = [Place::Input(0), Place::Input(1), Place::Output(0)];
        let buffers = [lhs, rhs, result].into_iter().zip(places);
        let buffer = |(aval, place): (Aval, Place)| Buffer { dtype, shape: aval.shape, place };
        let buffers = buffers.map(buffer).collect();
        Function { name: "f".into(), buffers, body: vec![Stmt::Nest(nest)], arena_bytes: 0 }
    }

    fn packed(function: &Function) -> Function {
        let module = Module { functions: vec![function.clone()] };
        run(module).expect("packing has no errors").functions.remove(0)
    }

    /// Small whole numbers, whose sums of products are exact.
    fn operand(dtype: DType, shape: &[usize]) -> Tensor {
        let values: Vec<f64> =
            (0..shape.iter().product()).map(|i: usize| (i * 5 % 11) as f64 - 4.0).collect();
        Tensor::from_f64s(dtype, shape, &values)
    }

    #[test]
    fn packed_products_are_what_they_were() {
        let products: [Product; 6] = [
            ([&[16, 64], &[64, 256]], [&[1], &[0]], [&[], &[]], &[16, 256]),
            ([&[20, 32], &[16, 32]], [&[1], &[1]], [&[], &[]], &[20, 16]),
            ([&[32, 18], &[24, 32]], [&[0], &[1]], [&[], &[]], &[18, 24]),
            ([&[2, 16, 40], &[2, 8, 40]], [&[2], &[2]], [&[0], &[0]], &[2, 16, 8]),
            ([&[4, 17, 8], &[8, 8, 4]], [&[0, 2], &[2, 0]], [&[], &[]], &[17, 8]),
            ([&[16, 3, 33], &[8, 33]], [&[2], &[1]], [&[], &[]], &[16, 3, 8]),
        ];
        for (dtype, product) in [DType::F32, DType::F64].into_iter().flat_map(|d| products.map(|p| (d, p))) {
            let before = function(dtype, product);
            let after = packed(&before);
            assert_eq!(after.body.len(), 2, "{product:?} is packed");
            assert_eq!(crate::loops::verify(&after), Vec::<String>::new());
            let inputs = product.0.map(|shape| operand(dtype, shape));
            let results = |function| interpret::function(function, &inputs, Strictness::Machine);
            assert_eq!(results(&after), results(&before), "{product:?}");
        }
    }

    #[test]
    fn products_that_gain_nothing_stay() {
        let products: [Product; 4] = [
            // Few rows; a number of columns without whole panels; few terms; a small operand in good order.
            ([&[4, 64], &[16, 64]], [&[1], &[1]], [&[], &[]], &[4, 16]),
            ([&[16, 64], &[10, 64]], [&[1], &[1]], [&[], &[]], &[16, 10]),
            ([&[64, 8], &[64, 8]], [&[1], &[1]], [&[], &[]], &[64, 64]),
            ([&[64, 64], &[64, 64]], [&[1], &[0]], [&[], &[]], &[64, 64]),
        ];
        for product in products {
            let before = function(DType::F32, product);
            assert_eq!(packed(&before), before, "{product:?}");
        }
    }

    #[test]
    fn panels_of_products_take_turns_in_the_arena() {
        let mut twice = function(DType::F32, ([&[20, 32], &[16, 32]], [&[1], &[1]], [&[], &[]], &[20, 16]));
        twice.body.push(twice.body[0].clone());
        let module = Module { functions: vec![packed(&twice)] };
        let placed = super::super::place::run(module).expect("placing has no errors").functions.remove(0);
        assert_eq!((placed.body.len(), placed.arena_bytes), (4, 16 * 32 * 4));
    }
}
