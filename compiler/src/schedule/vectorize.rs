//! Chooses how each nest is executed: the order of its dims, the vector dim, register blocking.
//!
//! # Note: width rule
//! All values that differ between the lanes of a vector have one width, Bools excepted, which become masks. Values
//! that all lanes share stay scalars of any type. Positions along the vector dim are I64 and only allowed where
//! they are converted to the common width at once, or if that width is 64 bits.

use crate::diag::Diagnostic;
use crate::loops::{BinaryOp, BufferId, Combine, Function, Index, Inst, Jam, Module, Nest, Role, Stmt};
use crate::loops::{UnaryOp, Val, VectorPlan};
use crate::types::DType;

const VECTOR_BYTES: usize = 16;

/// How many points of a contraction run together, and how many vectors of results each has. More accumulators than 8
/// would spill: Cranelift's fused multiply-add overwrites a factor, so that every sum needs a second register.
const CONTRACTION_JAM: usize = 4;
const CONTRACTION_STEPS: usize = 2;

/// Fills in the plan of every nest.
pub fn run(mut module: Module) -> Result<Module, Diagnostic> {
    for function in &mut module.functions {
        let mut body = std::mem::take(&mut function.body);
        each_nest(&mut body, &mut |nest| plan(function, nest));
        function.body = body;
    }
    Ok(module)
}

fn each_nest(stmts: &mut [Stmt], visit: &mut impl FnMut(&mut Nest)) {
    for stmt in stmts {
        match stmt {
            Stmt::Nest(nest) => visit(nest),
            Stmt::Loop { body, .. } => each_nest(body, visit),
            Stmt::While { condition, body, .. } => {
                each_nest(condition, visit);
                each_nest(body, visit);
            }
            Stmt::Switch { branches, .. } => branches.iter_mut().for_each(|branch| each_nest(branch, visit)),
            Stmt::Call(_) => {}
        }
    }
}

fn plan(function: &Function, nest: &mut Nest) {
    let strides = Strides::of(function, nest);
    let mut outer: Vec<usize> = (0..nest.dims.len()).filter(|&d| nest.dims[d].role != Role::Reduce).collect();
    let mut reduce: Vec<usize> = nest.dims_with(Role::Reduce).collect();
    let is_free = outer.iter().all(|&dim| nest.dims[dim].role == Role::Parallel);
    if is_free {
        outer.sort_by_key(|&dim| std::cmp::Reverse(strides.reach(dim)));
    }
    // Folds by a block have an order of their own.
    let folds_in_order = nest.reductions.iter().any(|fold| matches!(fold.combine, Combine::Block(_)));
    if !folds_in_order {
        reduce.sort_by_key(|&dim| std::cmp::Reverse(strides.reach(dim)));
    }
    let vector = choose_vector(nest, &strides, &outer, &reduce, is_free);
    if let Some(vector) = vector {
        for dims in [&mut outer, &mut reduce] {
            if let Some(at) = dims.iter().position(|&dim| dim == vector.dim) {
                let dim = dims.remove(at);
                dims.push(dim);
            }
        }
    }
    let jam = vector.and_then(|vector| choose_jam(nest, &strides, &outer, vector));
    nest.plan.vector = vector;
    if let (Some(jam), Some(vector)) = (jam, &mut nest.plan.vector) {
        // The panel of the operand that the vector dim runs over stays in cache while the jam dim walks over it.
        outer.retain(|&dim| dim != jam.dim);
        outer.push(jam.dim);
        vector.unroll = vector.unroll.min(CONTRACTION_STEPS);
    }
    nest.plan.jam = jam;
    nest.plan.order = [outer, reduce].concat();
}

/// The steps in memory that each access takes along each dim.
struct Strides {
    // Units: elements of the buffer. One row per load and store, indexed by dim.
    rows: Vec<Row>,
}

struct Row {
    by_dim: Vec<i64>,
    // A load's value; none for a store.
    load: Option<Val>,
    has_divisor: bool,
}

impl Strides {
    fn of(function: &Function, nest: &Nest) -> Strides {
        let row = |buffer: BufferId, indices: &[Index], load| {
            let mut by_dim = vec![0; nest.dims.len()];
            for (index, stride) in indices.iter().zip(function.buffer(buffer).shape.strides()) {
                for (dim, coefficient) in index.affine.dims() {
                    by_dim[dim] += coefficient * stride as i64;
                }
            }
            Row { by_dim, load, has_divisor: indices.iter().any(|index| index.divisor != 1) }
        };
        let loads = nest.block.vals().filter_map(|val| {
            let Inst::Load(access) = nest.block.inst(val) else { return None };
            Some(row(access.buffer, &access.indices, Some(val)))
        });
        let mut rows: Vec<Row> = loads.collect();
        rows.extend(nest.stores.iter().map(|store| row(store.buffer, &store.indices, None)));
        Strides { rows }
    }

    /// How far apart neighbours along a dim are, summed over all accesses: small is good in the innermost loop.
    /// Stores count twice, since scattered stores cost more than scattered loads.
    fn reach(&self, dim: usize) -> i64 {
        let of = |row: &Row| row.by_dim[dim].abs().min(1 << 20) * if row.load.is_none() { 2 } else { 1 };
        self.rows.iter().map(of).sum()
    }
}

fn choose_vector(
    nest: &Nest,
    strides: &Strides,
    outer: &[usize],
    reduce: &[usize],
    is_free: bool,
) -> Option<VectorPlan> {
    // A sequential dim inside of a vector dim would change which points come first.
    let parallel = outer.iter().rev().take_while(|&&dim| nest.dims[dim].role == Role::Parallel);
    let parallel: Vec<usize> =
        if is_free { outer.iter().rev().copied().collect() } else { parallel.copied().collect() };
    let folds_by_operation = !nest.reductions.is_empty()
        && nest.reductions.iter().all(|reduction| matches!(reduction.combine, Combine::Op(_)));
    let reduced = reduce.iter().rev().copied().filter(|_| folds_by_operation);
    parallel.iter().copied().chain(reduced).find_map(|dim| vector_along(nest, strides, dim))
}

/// The plan with `dim` as the vector dim, if that works and pays.
fn vector_along(nest: &Nest, strides: &Strides, dim: usize) -> Option<VectorPlan> {
    let per_lane = Lanes::along(nest, dim);
    let width = per_lane.width(nest)?;
    let lanes = VECTOR_BYTES / width;
    let extent = nest.dims[dim].extent;
    let is_reduce = nest.dims[dim].role == Role::Reduce;
    let has_short_extent = extent < if is_reduce { 2 * lanes } else { lanes };
    if has_short_extent || i32::try_from(extent).is_err() {
        return None;
    }
    let is_smooth = strides.rows.iter().all(|row| {
        let stride = row.by_dim[dim];
        let is_uniform_load = row.load.is_some_and(|val| !per_lane.varies(val));
        let is_fixed_store = row.load.is_none() && stride == 0 && is_reduce;
        is_uniform_load || is_fixed_store || (stride == 1 && !row.has_divisor)
    });
    let has_per_lane_index = nest.block.vals().any(|val| {
        let Inst::Load(access) = nest.block.inst(val) else { return false };
        access.indices.iter().any(|index| index.dynamic.is_some_and(|val| per_lane.varies(val)))
    });
    let mut store_indices = nest.stores.iter().flat_map(|store| &store.indices);
    let stores_by_lane = store_indices.any(|index| index.dynamic.is_some_and(|val| per_lane.varies(val)));
    if !is_smooth || has_per_lane_index || stores_by_lane {
        return None;
    }
    let unroll = unroll_of(nest, &per_lane, is_reduce).min(extent / lanes);
    Some(VectorPlan { dim, lanes, unroll: 1 << unroll.ilog2() })
}

/// Short bodies are unrolled to hide latency; long ones have enough independent work.
fn unroll_of(nest: &Nest, per_lane: &Lanes, is_reduce: bool) -> usize {
    let work = nest.block.vals().filter(|&val| per_lane.varies(val)).count();
    let parts: usize = nest.reductions.iter().map(|reduction| reduction.values.len()).sum();
    let most = match work {
        0..=12 => 4,
        13..=30 => 2,
        _ => 1,
    };
    if parts == 0 {
        return most;
    }
    let accumulators = 8 / parts.max(1);
    if is_reduce { accumulators.clamp(1, most.max(2)) } else { accumulators.clamp(1, most) }
}

/// Which values differ between lanes.
struct Lanes {
    dim: usize,
    // Indexed by `Val`.
    varies: Vec<bool>,
}

impl Lanes {
    fn along(nest: &Nest, dim: usize) -> Lanes {
        Lanes { dim, varies: nest.varying(dim) }
    }

    fn varies(&self, val: Val) -> bool {
        self.varies[val.0 as usize]
    }

    /// The common width in bytes. See Note: width rule. `None` if there is none, or if an instruction is better
    /// off as a scalar.
    fn width(&self, nest: &Nest) -> Option<usize> {
        let mut width = None;
        for val in nest.block.vals() {
            if let Inst::Dim(dim) = nest.block.inst(val)
                && *dim == self.dim
            {
                continue;
            }
            let inst = nest.block.inst(val);
            let is_value = self.varies(val) && nest.block.dtype(val) != DType::Bool;
            if self.varies(val) && !vectorizes(nest, inst, |x| self.varies(x)) {
                return None;
            }
            if is_value
                && *width.get_or_insert(nest.block.dtype(val).size_bytes())
                    != nest.block.dtype(val).size_bytes()
            {
                return None;
            }
        }
        let stored = nest.stores.iter().map(|store| store.value);
        let folded = nest.reductions.iter().flat_map(|reduction| reduction.values.iter().copied());
        for val in stored.chain(folded) {
            let dtype = nest.block.dtype(val);
            if dtype != DType::Bool && *width.get_or_insert(dtype.size_bytes()) != dtype.size_bytes() {
                return None;
            }
        }
        let uses_positions = self.uses_positions(nest);
        let width = width.unwrap_or(1);
        if nest.reductions.iter().any(|fold| !merges_in_width(&fold.combine, width)) {
            return None;
        }
        (width == 8 || !uses_positions).then_some(width)
    }

    /// Are positions along the dim used otherwise than in a conversion?
    fn uses_positions(&self, nest: &Nest) -> bool {
        let is_position = |val: Val| matches!(nest.block.inst(val), Inst::Dim(dim) if *dim == self.dim);
        let in_block =
            nest.block.insts.iter().any(|inst| {
                !matches!(inst, Inst::Convert(_)) && inst.operands().iter().any(|&x| is_position(x))
            });
        let stored = nest.stores.iter().any(|store| is_position(store.value));
        let folded =
            nest.reductions.iter().any(|reduction| reduction.values.iter().any(|&val| is_position(val)));
        in_block || stored || folded
    }
}

/// Is there a vector form of an instruction whose value varies?
fn vectorizes(nest: &Nest, inst: &Inst, varies: impl Fn(Val) -> bool) -> bool {
    let dtype_of = |val: Val| nest.block.dtype(val);
    match inst {
        Inst::Call { .. } | Inst::Table { .. } => false,
        Inst::Unary(UnaryOp::PopulationCount | UnaryOp::CountLeadingZeros, _) => false,
        Inst::Binary(BinaryOp::Div | BinaryOp::Rem, x, _) => dtype_of(*x).is_float(),
        Inst::Binary(BinaryOp::Mul, x, _) => dtype_of(*x).size_bytes() > 1,
        Inst::Binary(
            BinaryOp::ShiftLeft | BinaryOp::ShiftRightLogical | BinaryOp::ShiftRightArithmetic,
            _,
            amount,
        ) => !varies(*amount),
        Inst::Load(access) => !access.fill.is_some_and(&varies),
        Inst::Param(_)
        | Inst::Const(_)
        | Inst::Dim(_)
        | Inst::LoopIndex(_)
        | Inst::Unary(..)
        | Inst::Binary(..)
        | Inst::Compare(..)
        | Inst::Select { .. }
        | Inst::Fma(..)
        | Inst::Convert(_)
        | Inst::Bitcast(_)
        | Inst::Reduced { .. }
        | Inst::Rare { .. } => true,
    }
}

/// Are all values of a merge as wide as the lanes?
fn merges_in_width(combine: &Combine, width: usize) -> bool {
    match combine {
        Combine::Op(_) => true,
        Combine::Block(block) => {
            block.types.iter().all(|&dtype| dtype == DType::Bool || dtype.size_bytes() == width)
        }
    }
}

/// Contractions reuse what they load along a second parallel dim.
fn choose_jam(nest: &Nest, strides: &Strides, outer: &[usize], vector: VectorPlan) -> Option<Jam> {
    let [reduction] = nest.reductions.as_slice() else { return None };
    let [value] = reduction.values[..] else { return None };
    let Inst::Binary(BinaryOp::Mul, x, y) = nest.block.inst(value) else { return None };
    let is_parallel = nest.dims[vector.dim].role == Role::Parallel;
    let row = |val: Val| strides.rows.iter().find(|row| row.load == Some(val));
    let (x, y) = (row(*x)?, row(*y)?);
    let (over, across) = if x.by_dim[vector.dim] == 0 { (x, y) } else { (y, x) };
    if !is_parallel || over.by_dim[vector.dim] != 0 {
        return None;
    }
    let reuses = |dim: &usize| over.by_dim[*dim] != 0 && across.by_dim[*dim] == 0;
    let fits = |dim: &usize| *dim != vector.dim && nest.dims[*dim].role == Role::Parallel;
    let dim =
        outer.iter().rev().copied().find(|dim| fits(dim) && reuses(dim) && nest.dims[*dim].extent > 1)?;
    Some(Jam { dim, factor: CONTRACTION_JAM.min(nest.dims[dim].extent) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loops::{Access, BlockBuilder, Buffer, Dim, Place, Plan, Reduction, Store};

    /// The plan of `out[store] = fold over dims of x[first] * y[second]`, or of the product if nothing is folded.
    fn plan_of(dims: &[Dim], dtype: DType, first: &[usize], second: &[usize], store: &[usize]) -> Plan {
        let extents = |at: &[usize]| at.iter().map(|&dim| dims[dim].extent).collect();
        let mut buffers = Vec::new();
        for (at, place) in [(first, Place::Input(0)), (second, Place::Input(1)), (store, Place::Output(0))] {
            buffers.push(Buffer { dtype, shape: extents(at), place });
        }
        let indices = |at: &[usize]| at.iter().map(|&dim| Index::dim(dim)).collect::<Vec<_>>();
        let mut b = BlockBuilder::new();
        let x = b.load(Access::new(BufferId(0), indices(first)), dtype);
        let y = b.load(Access::new(BufferId(1), indices(second)), dtype);
        let product = b.mul(x, y);
        let zero = b.int(dtype, 0);
        let is_fold = dims.iter().any(|dim| dim.role == Role::Reduce);
        let value = if is_fold { b.reduced(0, 0, dtype) } else { product };
        let mut nest = Nest::new(dims.to_vec());
        nest.block = b.finish();
        if is_fold {
            let combine = Combine::Op(BinaryOp::Add);
            nest.reductions = vec![Reduction { combine, inits: vec![zero], values: vec![product] }];
        }
        nest.stores =
            vec![Store { buffer: BufferId(2), indices: indices(store), value, mask: None, combine: None }];
        let body = vec![Stmt::Nest(nest)];
        let function = Function { name: "f".into(), buffers, body, arena_bytes: 0 };
        let module = Module { functions: vec![function] };
        let module = run(module).expect("planning has no errors");
        assert_eq!(crate::loops::verify(&module.functions[0]), Vec::<String>::new());
        let Stmt::Nest(nest) = &module.functions[0].body[0] else { unreachable!("the body is one nest") };
        nest.plan.clone()
    }

    fn vector(plan: &Plan) -> Option<(usize, usize, usize)> {
        plan.vector.map(|vector| (vector.dim, vector.lanes, vector.unroll))
    }

    #[test]
    fn the_contiguous_dim_is_the_vector() {
        let dims = [Dim::parallel(32), Dim::parallel(8)];
        let plan = plan_of(&dims, DType::F32, &[1, 0], &[0], &[1, 0]);
        assert_eq!((plan.order.clone(), vector(&plan)), (vec![1, 0], Some((0, 4, 4))));
        let transposed = plan_of(&dims, DType::F32, &[1, 0], &[0, 1], &[0, 1]);
        assert_eq!(vector(&transposed), None);
        let short = plan_of(&[Dim::parallel(3)], DType::F32, &[0], &[0], &[0]);
        assert_eq!(vector(&short), None);
    }

    #[test]
    fn products_reuse_registers() {
        let dims = [Dim::parallel(64), Dim::parallel(64), Dim::reduce(64)];
        let plan = plan_of(&dims, DType::F64, &[0, 2], &[2, 1], &[0, 1]);
        assert_eq!((plan.order.clone(), vector(&plan)), (vec![1, 0, 2], Some((1, 2, 2))));
        assert_eq!(plan.jam, Some(Jam { dim: 0, factor: 4 }));
        // Both operands run along the reduce dim: partial sums in the lanes.
        let dot = plan_of(&dims, DType::F32, &[0, 2], &[1, 2], &[0, 1]);
        assert_eq!((vector(&dot), dot.jam), (Some((2, 4, 4)), None));
    }
}
