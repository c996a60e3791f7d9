//! Long floating sums in two levels. One accumulator over a million terms loses digits: near the end it is so large
//! that each term is rounded away. Partial sums over short runs, added up afterwards, keep them (and so does XLA).

use crate::diag::Diagnostic;
use crate::loops::{
    Access, Affine, BinaryOp, BlockBuilder, BufferId, Combine, Dim, Function, Index, Inst, Module, Nest,
    Reduction, Role, Store, copy, copy_reduction, copy_store, rewrite_nests,
};
use crate::types::{Aval, Extent, Shape};

// Sums of no more terms than this are taken in one go.
const LONG: Extent = 4096;
// Terms of one partial sum, about.
const RUN: Extent = 512;
// Runs along memory are multiples of this, so that vectors have no tails.
const RUN_MULTIPLE: Extent = 64;
// Partial results beyond this cost more than they save: large matrix products, whose terms mostly cancel. Units: bytes.
const MOST_PARTIAL_BYTES: usize = 4 << 20;

/// Splits long sums and products of floats.
pub fn run(mut module: Module) -> Result<Module, Diagnostic> {
    for function in &mut module.functions {
        let body = std::mem::take(&mut function.body);
        function.body = rewrite_nests(body, &mut |nest| nests(function, nest));
    }
    Ok(module)
}

/// The nest itself, or the nests of its two levels, split further while they are long.
fn nests(function: &mut Function, nest: Nest) -> Vec<Nest> {
    match Split::of(&nest).filter(|split| split.partial_bytes() <= MOST_PARTIAL_BYTES) {
        Some(split) => {
            let levels = split.levels(function);
            levels.into_iter().flat_map(|level| nests(function, level)).collect()
        }
        None => vec![nest],
    }
}

/// A nest whose reduce dim `dim` is cut into `runs` runs of `length`, and a shorter one of `rest`.
struct Split<'n> {
    nest: &'n Nest,
    parallel: Vec<usize>,
    dim: usize,
    length: Extent,
    runs: Extent,
    rest: Extent,
}

impl<'n> Split<'n> {
    fn of(nest: &'n Nest) -> Option<Split<'n>> {
        let is_sum =
            |reduction: &Reduction| matches!(reduction.combine, Combine::Op(BinaryOp::Add | BinaryOp::Mul));
        let is_float = |reduction: &Reduction| nest.block.dtype(reduction.values[0]).is_float();
        let total: Extent =
            nest.dims_with(Role::Reduce).map(|dim| nest.dims[dim].extent).fold(1, Extent::saturating_mul);
        let fits = total > LONG
            && nest.dims.iter().all(|dim| dim.role != Role::Sequential)
            && nest.reductions.iter().any(|reduction| is_sum(reduction) && is_float(reduction))
            && nest.reductions.iter().all(|reduction| starts_neutral(nest, reduction));
        let dim = nest.dims_with(Role::Reduce).max_by_key(|&dim| nest.dims[dim].extent).filter(|_| fits)?;
        let extent = nest.dims[dim].extent;
        let length = (RUN * extent / total).max(1);
        let length = if length > RUN_MULTIPLE { length / RUN_MULTIPLE * RUN_MULTIPLE } else { length };
        let parallel = nest.dims_with(Role::Parallel).collect();
        let (runs, rest) = (extent / length, extent % length);
        (runs > 1).then_some(Split { nest, parallel, dim, length, runs, rest })
    }

    fn all_runs(&self) -> Extent {
        self.runs + usize::from(self.rest > 0)
    }

    /// The shape of one array of partial results: the runs, then the parallel dims, along which vectors may lie.
    fn partial_shape(&self) -> Shape {
        let outer = self.parallel.iter().map(|&dim| self.nest.dims[dim].extent);
        [self.all_runs()].into_iter().chain(outer).collect()
    }

    fn partial_bytes(&self) -> usize {
        let one = |reduction: &Reduction| {
            Aval::new(self.nest.block.dtype(reduction.values[0]), self.partial_shape()).size_bytes()
        };
        self.nest.reductions.iter().map(one).sum()
    }

    fn levels(&self, function: &mut Function) -> Vec<Nest> {
        let partials: Vec<BufferId> = self
            .nest
            .reductions
            .iter()
            .map(|reduction| {
                let dtype = self.nest.block.dtype(reduction.values[0]);
                function.new_temporary(Aval::new(dtype, self.partial_shape()))
            })
            .collect();
        let mut nests = vec![self.over_runs(&partials)];
        if self.rest > 0 {
            nests.push(self.over_rest(&partials));
        }
        nests.push(self.over_partials(&partials));
        nests
    }

    /// `partial[run, ..] = sum over the run`: the run is one more parallel dim, behind all others.
    fn over_runs(&self, partials: &[BufferId]) -> Nest {
        let run = self.nest.dims.len();
        let mut dims = self.nest.dims.clone();
        dims[self.dim].extent = self.length;
        dims.push(Dim::parallel(self.runs));
        let within = Affine::dim(self.dim).add(&Affine::dim(run).scale(self.length as i64));
        self.first_level(dims, within, Affine::dim(run), partials)
    }

    /// The same for the shorter run at the end.
    fn over_rest(&self, partials: &[BufferId]) -> Nest {
        let mut dims = self.nest.dims.clone();
        dims[self.dim].extent = self.rest;
        let within = Affine::dim(self.dim).add_constant((self.length * self.runs) as i64);
        self.first_level(dims, within, Affine::constant(self.runs as i64), partials)
    }

    fn first_level(&self, dims: Vec<Dim>, within: Affine, run: Affine, partials: &[BufferId]) -> Nest {
        let mut map: Vec<Affine> = (0..self.nest.dims.len()).map(Affine::dim).collect();
        map[self.dim] = within;
        let mut nest = Nest::new(dims);
        let mut b = BlockBuilder::new();
        for (reduction, &partial) in self.nest.reductions.iter().zip(partials) {
            let position = nest.reductions.len();
            nest.reductions.push(copy_reduction(&mut b, &self.nest.block, &map, reduction, |_, _| None));
            let value = b.reduced(position, 0, self.nest.block.dtype(reduction.values[0]));
            let outer = self.parallel.iter().map(|&dim| Index::dim(dim));
            let indices = [Index::affine(run.clone())].into_iter().chain(outer).collect();
            nest.stores.push(Store { buffer: partial, indices, value, mask: None, combine: None });
        }
        nest.block = b.finish();
        nest
    }

    /// The nest as it was, over partial results instead of terms.
    fn over_partials(&self, partials: &[BufferId]) -> Nest {
        let mut dims: Vec<Dim> = self.parallel.iter().map(|&dim| self.nest.dims[dim]).collect();
        let run = dims.len();
        dims.push(Dim::reduce(self.all_runs()));
        // Nothing outside of the reductions depends on reduce dims.
        let position = |dim: usize| self.parallel.iter().position(|&kept| kept == dim).unwrap_or(run);
        let map: Vec<Affine> = (0..self.nest.dims.len()).map(|dim| Affine::dim(position(dim))).collect();
        let mut nest = Nest::new(dims);
        let mut b = BlockBuilder::new();
        for (reduction, &partial) in self.nest.reductions.iter().zip(partials) {
            let dtype = self.nest.block.dtype(reduction.values[0]);
            let inits = copy(&mut b, &self.nest.block, &map, &reduction.inits, |_, _| None);
            let indices = [run].into_iter().chain(0..run).map(Index::dim).collect();
            let values = vec![b.load(Access::new(partial, indices), dtype)];
            nest.reductions.push(Reduction { combine: reduction.combine.clone(), inits, values });
        }
        for store in &self.nest.stores {
            let keep = |b: &mut BlockBuilder, inst: &Inst| match *inst {
                Inst::Reduced { reduction, part } => {
                    let dtype = self.nest.block.dtype(self.nest.reductions[reduction].values[part]);
                    Some(b.reduced(reduction, part, dtype))
                }
                _ => None,
            };
            nest.stores.push(copy_store(&mut b, &self.nest.block, &map, store, keep));
        }
        nest.block = b.finish();
        nest
    }
}

/// Each run starts anew, so the start value must change nothing.
fn starts_neutral(nest: &Nest, reduction: &Reduction) -> bool {
    let Combine::Op(op) = reduction.combine else { return false };
    let Inst::Const(init) = nest.block.inst(reduction.inits[0]) else { return false };
    match op {
        BinaryOp::Add => init.is_zero(),
        BinaryOp::Mul => init.is_one(),
        // Taking the start value twice is the same as taking it once.
        BinaryOp::Max | BinaryOp::Min | BinaryOp::And | BinaryOp::Or => true,
        _ => false,
    }
}
