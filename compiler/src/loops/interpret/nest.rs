//! One nest, point by point.

use super::{Machine, evaluate, scalar, value_of};
use crate::loops::{Access, Block, Combine, Index, Inst, Nest, Phases, Reduction, Role, Store};
use crate::types::{DType, Scalar, Shape};

impl Machine<'_> {
    pub(super) fn nest(&mut self, nest: &Nest) -> Result<(), String> {
        let phases = Phases::of(nest);
        let outer: Vec<usize> =
            (0..nest.dims.len()).filter(|&dim| nest.dims[dim].role != Role::Reduce).collect();
        for position in space(nest, &outer).indices() {
            let mut point = vec![0; nest.dims.len()];
            outer.iter().zip(position).for_each(|(&dim, at)| point[dim] = at);
            let reduced = self.reduce(nest, &phases, &mut point)?;
            let mut values = vec![None; nest.block.insts.len()];
            self.evaluate_at(nest, &phases.stored, &point, Some(&reduced), &mut values)?;
            for store in &nest.stores {
                self.store(nest, store, &point, &values)?;
            }
        }
        Ok(())
    }

    /// The results of every reduction at an outer point, part by part.
    fn reduce(&self, nest: &Nest, phases: &Phases, point: &mut [usize]) -> Result<Vec<Vec<Scalar>>, String> {
        if nest.reductions.is_empty() {
            return Ok(Vec::new());
        }
        let mut values = vec![None; nest.block.insts.len()];
        self.evaluate_at(nest, &phases.inits, point, None, &mut values)?;
        let start =
            |reduction: &Reduction| reduction.inits.iter().map(|&init| value_of(&values, init)).collect();
        let mut accumulators: Vec<Vec<Scalar>> = nest.reductions.iter().map(start).collect();
        let dims: Vec<usize> = nest.dims_with(Role::Reduce).collect();
        for position in space(nest, &dims).indices() {
            dims.iter().zip(position).for_each(|(&dim, at)| point[dim] = at);
            let mut values = vec![None; nest.block.insts.len()];
            self.evaluate_at(nest, &phases.folded, point, None, &mut values)?;
            for (reduction, accumulator) in nest.reductions.iter().zip(&mut accumulators) {
                let folded: Vec<Scalar> =
                    reduction.values.iter().map(|&val| value_of(&values, val)).collect();
                *accumulator = self.merge(&nest.block, reduction, accumulator, &folded)?;
            }
        }
        Ok(accumulators)
    }

    fn merge(
        &self,
        block: &Block,
        reduction: &Reduction,
        old: &[Scalar],
        new: &[Scalar],
    ) -> Result<Vec<Scalar>, String> {
        match &reduction.combine {
            Combine::Op(op) => {
                let dtype = block.dtype(reduction.values[0]);
                Ok(vec![scalar::binary(*op, dtype, old[0], new[0], self.strictness)?])
            }
            Combine::Block(combine) => super::block(combine, &[old, new].concat(), self.strictness),
        }
    }

    /// Evaluates the wanted instructions at a point. Before the epilogue, `reduced` is absent.
    fn evaluate_at(
        &self,
        nest: &Nest,
        wanted: &[bool],
        point: &[usize],
        reduced: Option<&[Vec<Scalar>]>,
        values: &mut [Option<Scalar>],
    ) -> Result<(), String> {
        let context = |inst: &Inst, dtype: DType, values: &[Option<Scalar>]| match inst {
            Inst::Dim(dim) if reduced.is_some() && nest.dims[*dim].role == Role::Reduce => {
                Err(format!("an epilogue depends on reduce dim {dim}"))
            }
            Inst::Dim(dim) => Ok(Scalar::Int(point[*dim] as i128)),
            Inst::LoopIndex(var) => {
                let position = self.loops.get(var).ok_or_else(|| format!("no loop {var:?} is running"))?;
                Ok(Scalar::Int(*position as i128))
            }
            Inst::Reduced { reduction, part } => {
                let reduced = reduced.ok_or("a reduction depends on a reduced value")?;
                Ok(reduced[*reduction][*part])
            }
            Inst::Load(access) => self.load(access, dtype, point, values),
            other => Err(format!("{other:?} needs no nest")),
        };
        evaluate(&nest.block, &[], wanted, values, self.strictness, &context)
    }

    fn load(
        &self,
        access: &Access,
        dtype: DType,
        point: &[usize],
        values: &[Option<Scalar>],
    ) -> Result<Scalar, String> {
        let buffer = self.function.buffer(access.buffer);
        if buffer.dtype.size_bytes() != dtype.size_bytes() {
            return Err(format!("{:?} of {} is loaded as {dtype}", access.buffer, buffer.dtype));
        }
        match (self.position(&buffer.shape, &access.indices, point, values), access.fill) {
            (Some(position), _) => self.element(access.buffer, dtype, position),
            (None, Some(fill)) => Ok(value_of(values, fill)),
            (None, None) => Err(format!("{access:?} is out of bounds at {point:?}")),
        }
    }

    fn store(
        &mut self,
        nest: &Nest,
        store: &Store,
        point: &[usize],
        values: &[Option<Scalar>],
    ) -> Result<(), String> {
        if store.mask.is_some_and(|mask| !value_of(values, mask).bool()) {
            return Ok(());
        }
        let buffer = self.function.buffer(store.buffer);
        let dtype = nest.block.dtype(store.value);
        let width = buffer.dtype.size_bytes();
        if width != dtype.size_bytes() {
            return Err(format!("{:?} of {} is stored as {dtype}", store.buffer, buffer.dtype));
        }
        let position = self
            .position(&buffer.shape, &store.indices, point, values)
            .ok_or_else(|| format!("a store to {:?} is out of bounds at {point:?}", store.buffer))?;
        let mut value = value_of(values, store.value);
        if let Some(op) = store.combine {
            let old = self.element(store.buffer, dtype, position)?;
            value = scalar::binary(op, dtype, old, value, self.strictness)?;
        }
        let mut bytes = Vec::with_capacity(width);
        value.encode(dtype, &mut bytes);
        let range = position * width..(position + 1) * width;
        self.bytes_mut(store.buffer)[range.clone()].copy_from_slice(&bytes);
        let (memory, range) = self.owned(store.buffer, range);
        self.owners.write(memory, range, self.function.version(store.buffer));
        Ok(())
    }

    /// The row-major position of an access, or none if it is outside. Units: elements.
    fn position(
        &self,
        shape: &Shape,
        indices: &[Index],
        point: &[usize],
        values: &[Option<Scalar>],
    ) -> Option<usize> {
        let mut at = Vec::with_capacity(indices.len());
        for (axis, index) in indices.iter().enumerate() {
            let dynamic = index.dynamic.map_or(0, |val| value_of(values, val).int());
            // A loop that is not running has no position.
            if index.affine.loops().any(|(var, _)| !self.loops.contains_key(&var)) {
                return None;
            }
            let sum = i128::from(index.affine.at(point, |var| self.loops[&var])) + dynamic;
            let divisor = i128::from(index.divisor);
            let inside = sum >= 0 && sum % divisor == 0 && sum / divisor < shape[axis] as i128;
            at.push(inside.then(|| (sum / divisor) as usize)?);
        }
        Some(shape.offset(&at))
    }
}

fn space(nest: &Nest, dims: &[usize]) -> Shape {
    dims.iter().map(|&dim| nest.dims[dim].extent).collect()
}
