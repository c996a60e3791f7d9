//! Reductions down the columns of a matrix, row by row: `out[j] += x[i, j]` with `i` outermost reads memory in order,
//! where one accumulator per `j` would jump by a row for every element.
//!
//! The output itself holds the accumulators, so this pays when it is small enough to stay in cache: column sums and
//! matrix-vector products, not matrix products.

use crate::diag::Diagnostic;
use crate::loops::{
    Access, Affine, BinaryOp, BlockBuilder, Combine, Dim, Function, Index, Inst, Module, Nest, Reduction,
    Role, Store, Val, copy, rewrite_nests,
};
use crate::types::Extent;

// Rows added at once, so that accumulators are loaded and stored once for several rows.
const ROWS: usize = 4;
// Below this step from row to row, plain reductions are as good. Units: bytes.
const LEAST_STEP_BYTES: i64 = 1024;
// Below this many rows or columns there is nothing to gain.
const LEAST_EXTENT: Extent = 32;
// With more outer points than this (rows of the result of a matrix product), reuse in registers wins.
const MOST_OUTER_POINTS: Extent = 2;
// Accumulators beyond this do not stay in the first-level cache. Units: bytes.
const MOST_ACCUMULATOR_BYTES: usize = 32 << 10;

/// Splits such nests into a start, a stream over the rows, and what follows the reduction.
pub fn run(mut module: Module) -> Result<Module, Diagnostic> {
    for function in &mut module.functions {
        let body = std::mem::take(&mut function.body);
        function.body = rewrite_nests(body, &mut |nest| match Stream::of(function, &nest) {
            Some(stream) => stream.nests(),
            None => vec![nest],
        });
    }
    Ok(module)
}

/// A nest that can run as a stream.
struct Stream<'n> {
    nest: &'n Nest,
    reduction: &'n Reduction,
    op: BinaryOp,
    store: &'n Store,
    // The reduce dim.
    rows: usize,
}

impl<'n> Stream<'n> {
    fn of(function: &Function, nest: &'n Nest) -> Option<Stream<'n>> {
        let ([reduction], [store]) = (nest.reductions.as_slice(), nest.stores.as_slice()) else {
            return None;
        };
        let Combine::Op(op) = reduction.combine else { return None };
        let reduce: Vec<usize> = nest.dims_with(Role::Reduce).collect();
        let parallel: Vec<usize> = nest.dims_with(Role::Parallel).collect();
        let (&[rows], Some((&columns, outer))) = (reduce.as_slice(), parallel.split_last()) else {
            return None;
        };
        let stream = Stream { nest, reduction, op, store, rows };
        let outer_points: Extent =
            outer.iter().map(|&dim| nest.dims[dim].extent).fold(1, Extent::saturating_mul);
        let fits = nest.dims.len() == parallel.len() + 1
            && nest.dims[rows].extent >= LEAST_EXTENT
            && nest.dims[columns].extent >= LEAST_EXTENT
            && (outer_points <= MOST_OUTER_POINTS || stream.reuses_nothing(outer));
        (fits && stream.walks_rows(function, columns) && stream.can_accumulate(function, columns))
            .then_some(stream)
    }

    /// Is there a load that goes along columns element by element and from row to row in long steps?
    fn walks_rows(&self, function: &Function, columns: usize) -> bool {
        self.nest.block.loads().any(|access| {
            let buffer = function.buffer(access.buffer);
            let step = |dim: usize| -> i64 {
                let terms = access.indices.iter().zip(buffer.shape.strides());
                terms.map(|(index, stride)| index.affine.coefficient(dim) * stride as i64).sum()
            };
            step(columns) == 1 && step(self.rows) * buffer.dtype.size_bytes() as i64 >= LEAST_STEP_BYTES
        })
    }

    /// Does every load depend on all of the outer dims? Then there is no reuse that registers could win.
    fn reuses_nothing(&self, outer: &[usize]) -> bool {
        let moves = |access: &Access, dim: usize| {
            access.indices.iter().any(|index| index.affine.coefficient(dim) != 0)
        };
        self.nest.block.loads().all(|access| outer.iter().all(|&dim| moves(access, dim)))
    }

    /// Can the output hold the accumulators while the inputs are still being read?
    fn can_accumulate(&self, function: &Function, columns: usize) -> bool {
        let (block, buffer) = (&self.nest.block, function.buffer(self.store.buffer));
        let bytes = self.nest.dims[columns].extent.saturating_mul(buffer.dtype.size_bytes());
        let starts_constant = matches!(block.inst(self.reduction.inits[0]), Inst::Const(_));
        self.store.mask.is_none()
            && self.store.combine.is_none()
            && self.store.indices.iter().all(Index::is_affine)
            && starts_constant
            && buffer.dtype == block.dtype(self.reduction.values[0])
            && buffer.dtype == block.dtype(self.store.value)
            && bytes <= MOST_ACCUMULATOR_BYTES
            && !block.loads().any(|access| function.share_bytes(access.buffer, self.store.buffer))
    }

    fn nests(&self) -> Vec<Nest> {
        let extent = self.nest.dims[self.rows].extent;
        let whole = extent / ROWS;
        let mut nests = vec![self.start(), self.rows(0, whole, ROWS)];
        if !extent.is_multiple_of(ROWS) {
            nests.push(self.rows(whole * ROWS, extent % ROWS, 1));
        }
        if !matches!(self.nest.block.inst(self.store.value), Inst::Reduced { .. }) {
            nests.push(self.finish());
        }
        nests
    }

    /// `out = init`.
    fn start(&self) -> Nest {
        self.over_outputs(|b, map| self.copied(b, map, self.reduction.inits[0]))
    }

    /// `out = epilogue(out)`.
    fn finish(&self) -> Nest {
        self.over_outputs(|b, map| self.copied(b, map, self.store.value))
    }

    /// A nest over the parallel dims.
    fn over_outputs(&self, value: impl FnOnce(&mut BlockBuilder, &[Affine]) -> Val) -> Nest {
        let dims = self.nest.dims.iter().copied().filter(|dim| dim.role == Role::Parallel).collect();
        let position = |dim: usize| if dim < self.rows { dim } else { dim.saturating_sub(1) };
        let map: Vec<Affine> = (0..self.nest.dims.len()).map(|dim| Affine::dim(position(dim))).collect();
        self.nest_of(dims, &map, value)
    }

    /// `out = op(out, rows..)` for `count` groups of `group` rows from row `first` on.
    fn rows(&self, first: usize, count: usize, group: usize) -> Nest {
        // The columns stay innermost; the rows come just before them.
        let columns =
            self.nest.dims.iter().rposition(|dim| dim.role == Role::Parallel).expect("there are columns");
        let outer = (0..self.nest.dims.len()).filter(|&dim| dim != self.rows && dim != columns);
        let order: Vec<usize> = outer.chain([self.rows, columns]).collect();
        let new_position = |dim: usize| order.iter().position(|&old| old == dim).expect("every dim is kept");
        let dims = order.iter().map(|&dim| match dim == self.rows {
            true => Dim { extent: count, role: Role::Sequential },
            false => self.nest.dims[dim],
        });
        let map: Vec<Affine> = (0..self.nest.dims.len()).map(|dim| Affine::dim(new_position(dim))).collect();
        self.nest_of(dims.collect(), &map, |b, map| {
            let mut values: Vec<Val> = Vec::with_capacity(group);
            for row in 0..group {
                let mut map = map.to_vec();
                map[self.rows] = map[self.rows].scale(group as i64).add_constant((first + row) as i64);
                values.push(self.copied(b, &map, self.reduction.values[0]));
            }
            let sum = values.into_iter().reduce(|sum, value| b.binary(self.op, sum, value));
            let old = self.output(b, map);
            b.binary(self.op, old, sum.expect("a group has rows"))
        })
    }

    fn nest_of(
        &self,
        dims: Vec<Dim>,
        map: &[Affine],
        value: impl FnOnce(&mut BlockBuilder, &[Affine]) -> Val,
    ) -> Nest {
        let mut nest = Nest::new(dims);
        let mut b = BlockBuilder::new();
        let value = value(&mut b, map);
        nest.stores.push(Store { indices: self.indices(map), value, ..self.store.clone() });
        nest.block = b.finish();
        nest
    }

    /// Copies a value; results of the reduction are read from the output.
    fn copied(&self, b: &mut BlockBuilder, map: &[Affine], root: Val) -> Val {
        let reduced = |b: &mut BlockBuilder, inst: &Inst| {
            matches!(inst, Inst::Reduced { .. }).then(|| self.output(b, map))
        };
        copy(b, &self.nest.block, map, &[root], reduced)[0]
    }

    fn output(&self, b: &mut BlockBuilder, map: &[Affine]) -> Val {
        let access = Access::new(self.store.buffer, self.indices(map));
        b.load(access, self.nest.block.dtype(self.store.value))
    }

    fn indices(&self, map: &[Affine]) -> Vec<Index> {
        let of = |index: &Index| Index::affine(index.affine.substitute(map));
        self.store.indices.iter().map(of).collect()
    }
}
