//! Which axes of operand, indices and windows belong together.

use crate::diag::TypeError;
use crate::ir::{Params, Value};
use crate::types::{Aval, Shape};

/// The dimension numbers of a gather or a scatter. The windows are the gather's result or the scatter's updates; their
/// axes are the window axes and, in order, the axes of the indices but the last. See Note: windows.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct DimensionNumbers {
    /// Axes of the windows that run along a window. Invariant once checked: ascending.
    pub window_axes: Vec<usize>,
    /// Operand axes along which windows have extent 1 and no axis. Invariant once checked: ascending.
    pub collapsed: Vec<usize>,
    /// The operand axis of each component of an index vector.
    pub index_map: Vec<usize>,
    /// Operand axes that are walked in step with axes of the indices. Invariant once checked: ascending.
    pub operand_batch: Vec<usize>,
    /// The axes of the indices that belong to `operand_batch`, pair by pair.
    pub indices_batch: Vec<usize>,
}

/// The text form: the name of the record and of its fields, in the order of the struct.
struct Spelling {
    record: &'static str,
    fields: [&'static str; 5],
}

const GATHER: Spelling = Spelling {
    record: "GatherDimensionNumbers",
    fields: [
        "offset_dims",
        "collapsed_slice_dims",
        "start_index_map",
        "operand_batching_dims",
        "start_indices_batching_dims",
    ],
};

const SCATTER: Spelling = Spelling {
    record: "ScatterDimensionNumbers",
    fields: [
        "update_window_dims",
        "inserted_window_dims",
        "scatter_dims_to_operand_dims",
        "operand_batching_dims",
        "scatter_indices_batching_dims",
    ],
};

impl DimensionNumbers {
    /// Reads `GatherDimensionNumbers(..)`. Errors: TypeError if it is absent or anything else.
    pub fn of_gather(params: &Params) -> Result<Self, TypeError> {
        Self::parse(params, &GATHER)
    }

    /// Reads `ScatterDimensionNumbers(..)`. Errors: TypeError if it is absent or anything else.
    pub fn of_scatter(params: &Params) -> Result<Self, TypeError> {
        Self::parse(params, &SCATTER)
    }

    fn parse(params: &Params, spelling: &Spelling) -> Result<Self, TypeError> {
        let value = params.require("dimension_numbers")?;
        let expected =
            |what: &str| TypeError(format!("parameter dimension_numbers: expected {what}, found {value}"));
        if !matches!(value, Value::Record(name, _) if name == spelling.record) {
            return Err(expected(spelling.record));
        }
        let list = |position: usize| {
            let name = spelling.fields[position];
            match value.field(name, position) {
                // Older versions of JAX have no batching axes.
                None if position >= 3 => Ok(Vec::new()),
                field => {
                    field.and_then(Value::sizes).ok_or_else(|| expected(&format!("{name}, a tuple of axes")))
                }
            }
        };
        Ok(DimensionNumbers {
            window_axes: list(0)?,
            collapsed: list(1)?,
            index_map: list(2)?,
            operand_batch: list(3)?,
            indices_batch: list(4)?,
        })
    }

    /// `GatherDimensionNumbers(..)`.
    pub fn gather_text(&self) -> Value {
        self.text(&GATHER)
    }

    /// `ScatterDimensionNumbers(..)`.
    pub fn scatter_text(&self) -> Value {
        self.text(&SCATTER)
    }

    fn text(&self, spelling: &Spelling) -> Value {
        let lists =
            [&self.window_axes, &self.collapsed, &self.index_map, &self.operand_batch, &self.indices_batch];
        let fields = spelling.fields.iter().zip(lists);
        let fields = fields.map(|(name, list)| (Some(name.to_string()), Value::from(list.as_slice())));
        Value::Record(spelling.record.to_string(), fields.collect())
    }

    /// Checks the axes against operand and indices. Errors: TypeError naming the group of axes that is wrong.
    pub fn check(&self, operand: &Aval, indices: &Aval) -> Result<(), TypeError> {
        if indices.shape.is_scalar() {
            return Err(TypeError(format!("indices: expected an axis of index vectors, found {indices}")));
        }
        let (operand_rank, batch_rank) = (operand.rank(), indices.rank() - 1);
        let components = indices.shape[batch_rank];
        if self.index_map.len() != components {
            let map = self.index_map.len();
            return Err(TypeError(format!(
                "index vectors have {components} components, {map} of them have an axis"
            )));
        }
        let windows_rank = batch_rank + self.window_axes.len();
        expect_distinct("window axes", &self.window_axes, windows_rank)?;
        expect_ascending("window axes", &self.window_axes)?;
        expect_distinct("collapsed axes", &self.collapsed, operand_rank)?;
        expect_ascending("collapsed axes", &self.collapsed)?;
        expect_distinct("indexed axes", &self.index_map, operand_rank)?;
        expect_distinct("batching axes of the operand", &self.operand_batch, operand_rank)?;
        expect_ascending("batching axes of the operand", &self.operand_batch)?;
        expect_distinct("batching axes of the indices", &self.indices_batch, batch_rank)?;
        for (what, axes) in [("collapsed", &self.collapsed), ("indexed", &self.index_map)] {
            if let Some(axis) = axes.iter().find(|axis| self.operand_batch.contains(axis)) {
                return Err(TypeError(format!(
                    "axis {axis} of the operand is both {what} and a batching axis"
                )));
            }
        }
        let parts = [self.window_axes.len(), self.collapsed.len(), self.operand_batch.len()];
        if parts.iter().sum::<usize>() != operand_rank {
            let [window, collapsed, batch] = parts;
            return Err(TypeError(format!(
                "operand {operand} has {operand_rank} axes, but {window} window, {collapsed} collapsed and {batch} \
                 batching axes are given"
            )));
        }
        self.check_batch(&operand.shape, &indices.shape)
    }

    fn check_batch(&self, operand: &Shape, indices: &Shape) -> Result<(), TypeError> {
        if self.operand_batch.len() != self.indices_batch.len() {
            let (ours, theirs) = (self.operand_batch.len(), self.indices_batch.len());
            return Err(TypeError(format!(
                "batching axes: the operand has {ours}, the indices have {theirs}"
            )));
        }
        for (&axis, &other) in self.operand_batch.iter().zip(&self.indices_batch) {
            let (extent, found) = (operand[axis], indices[other]);
            if extent != found {
                return Err(TypeError(format!(
                    "batching extents differ: operand axis {axis} has {extent}, indices axis {other} has {found}"
                )));
            }
        }
        Ok(())
    }

    /// Operand axes that have a window axis, in order.
    pub fn windowed(&self, operand_rank: usize) -> Vec<usize> {
        (0..operand_rank)
            .filter(|axis| !self.collapsed.contains(axis) && !self.operand_batch.contains(axis))
            .collect()
    }

    /// Axes of the windows that are axes of the indices, in order.
    pub fn index_axes(&self, windows_rank: usize) -> Vec<usize> {
        (0..windows_rank).filter(|axis| !self.window_axes.contains(axis)).collect()
    }

    /// The shape of the windows, given the extent of a window along each operand axis.
    pub fn windows_shape(&self, window: &[usize], indices: &Shape) -> Shape {
        let mut along_windows = self.windowed(window.len()).into_iter().map(|axis| window[axis]);
        let mut along_indices = indices.extents().iter().copied();
        let rank = self.window_axes.len() + indices.rank() - 1;
        let extent = |axis: usize| match self.window_axes.contains(&axis) {
            true => along_windows.next().expect("there is an extent for every window axis"),
            false => along_indices.next().expect("there is an extent for every axis of the indices"),
        };
        (0..rank).map(extent).collect()
    }

    /// The extent of a window along each operand axis, given the shape of the windows.
    pub fn window_extents(&self, operand: &Shape, windows: &Shape) -> Vec<usize> {
        let mut extents = vec![1; operand.rank()];
        // Extent 0 keeps a batch of nothing well-formed.
        self.operand_batch.iter().for_each(|&axis| extents[axis] = operand[axis].min(1));
        let pairs = self.windowed(operand.rank()).into_iter().zip(&self.window_axes);
        pairs.for_each(|(axis, &window_axis)| extents[axis] = windows[window_axis]);
        extents
    }

    /// For an operand and windows that have a batch axis in front, while the indices have none: it becomes an axis of
    /// the windows.
    pub fn batched_operand(&self) -> Self {
        let mut window_axes = shifted(&self.window_axes);
        window_axes.insert(0, 0);
        DimensionNumbers {
            window_axes,
            collapsed: shifted(&self.collapsed),
            index_map: shifted(&self.index_map),
            operand_batch: shifted(&self.operand_batch),
            indices_batch: self.indices_batch.clone(),
        }
    }

    /// For indices and windows that have a batch axis in front, while the operand has none.
    pub fn batched_indices(&self) -> Self {
        DimensionNumbers {
            window_axes: shifted(&self.window_axes),
            indices_batch: shifted(&self.indices_batch),
            ..self.clone()
        }
    }

    /// For operand, indices and windows that all have a batch axis in front.
    pub fn batched(&self) -> Self {
        let with_first = |axes: &[usize]| [vec![0], shifted(axes)].concat();
        DimensionNumbers {
            window_axes: shifted(&self.window_axes),
            collapsed: shifted(&self.collapsed),
            index_map: shifted(&self.index_map),
            operand_batch: with_first(&self.operand_batch),
            indices_batch: with_first(&self.indices_batch),
        }
    }
}

fn shifted(axes: &[usize]) -> Vec<usize> {
    axes.iter().map(|axis| axis + 1).collect()
}

fn expect_distinct(what: &str, axes: &[usize], rank: usize) -> Result<(), TypeError> {
    crate::ops::shape::expect_axes(what, axes, rank)
}

fn expect_ascending(what: &str, axes: &[usize]) -> Result<(), TypeError> {
    if axes.is_sorted() {
        return Ok(());
    }
    let found: Vec<String> = axes.iter().map(|axis| axis.to_string()).collect();
    Err(TypeError(format!("{what}: expected ascending axes, found {}", found.join(", "))))
}
