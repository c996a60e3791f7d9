//! Addresses, loads and stores of a nest.
//!
//! # Note: addresses
//! An access is flattened with the row-major strides of its buffer into a sum over dims, in bytes. Accesses that
//! differ only in a constant share an [`Address`], and every loop adds its term on entry, so that outer terms stay
//! outside of inner loops. The constant, and the distance of the copy at hand, go into the instruction's offset.

use super::Emit;
use super::nest::{NestEmitter, Point};
use super::scalar::clif_type;
use super::vector::{mask_type, vector_type};
use crate::diag::Diagnostic;
use crate::loops::{self, Affine, BufferId, Index, Inst, LoopVar, Place, Val};
use crate::types::DType;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};

/// A sum over dims that is kept up to date while loops are entered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Address {
    // The buffer that aliases resolve to.
    buffer: BufferId,
    // Of the loops around the nest. Units: bytes per step.
    loops: Vec<(LoopVar, i64)>,
    // Units: bytes per step of the dim.
    terms: Vec<(usize, i64)>,
}

/// A load or a store, flattened. See Note: addresses.
#[derive(Clone, Debug)]
pub(super) struct Access {
    address: usize,
    // Units: bytes.
    constant: i64,
    // Positions that the block computes, with the bytes per step.
    dynamic: Vec<(Val, i64)>,
    // Units: bytes.
    element: i64,
    has_divisor: bool,
}

impl NestEmitter<'_, '_, '_, '_> {
    /// Flattens all accesses and points their addresses at the start of the buffers.
    pub(super) fn open_accesses(&mut self) -> Emit<()> {
        let mut addresses = Vec::new();
        let nest = self.nest;
        for val in nest.block.vals() {
            let access = match nest.block.inst(val) {
                Inst::Load(access) if self.facts.facts(val).live => {
                    Some(self.flatten(access.buffer, &access.indices, &mut addresses)?)
                }
                _ => None,
            };
            self.accesses.push(access);
        }
        for store in &nest.stores {
            let access = self.flatten(store.buffer, &store.indices, &mut addresses)?;
            self.stores.push(access);
        }
        for address in &addresses {
            let start = self.body.pointer(address.buffer)?;
            let pointer = self.body.moved(start, address.loops.iter().copied())?;
            self.bases.push(pointer);
        }
        self.state.pointers = self.bases.clone();
        self.addresses = addresses;
        Ok(())
    }

    fn flatten(&self, buffer: BufferId, indices: &[Index], addresses: &mut Vec<Address>) -> Emit<Access> {
        let shape = &self.body.function.buffer(buffer).shape;
        let element = self.body.function.buffer(buffer).dtype.size_bytes() as i64;
        if indices.len() != shape.rank() {
            return Err(Diagnostic::bug(format!("{} indices into a buffer of shape {shape}", indices.len())));
        }
        let mut sum = Affine::default();
        let mut dynamic = Vec::new();
        for (index, stride) in indices.iter().zip(shape.strides()) {
            let bytes = stride as i64 * element;
            sum = sum.add(&index.affine.scale(bytes));
            dynamic.extend(index.dynamic.map(|val| (val, bytes)));
        }
        let has_divisor = indices.iter().any(|index| index.divisor != 1);
        // With a divisor the sum means nothing: such an access computes its offset from the start of the buffer.
        let sum = if has_divisor { Affine::default() } else { sum };
        let (loops, terms) = (sum.loops().collect(), sum.dims().collect());
        let address = Address { buffer: self.body.function.memory(buffer), loops, terms };
        let found = addresses.iter().position(|known| *known == address);
        let at = found.unwrap_or_else(|| {
            addresses.push(address);
            addresses.len() - 1
        });
        Ok(Access { address: at, constant: sum.constant, dynamic, element, has_divisor })
    }

    /// Adds the term of a dim that is being entered.
    pub(super) fn advance_pointers(&mut self, dim: usize, position: Value) {
        for at in 0..self.addresses.len() {
            let term = self.addresses[at].terms.iter().find(|(other, _)| *other == dim);
            if let Some(&(_, bytes)) = term {
                let pointer = self.state.pointers[at];
                let b = &mut self.cx().b;
                let shift = (bytes > 0 && bytes & (bytes - 1) == 0).then(|| bytes.trailing_zeros());
                let offset = match shift {
                    Some(shift) => b.ins().ishl_imm_u(position, i64::from(shift)),
                    None => b.ins().imul_imm_s(position, bytes),
                };
                self.state.pointers[at] = self.cx().b.ins().iadd(pointer, offset);
            }
        }
    }

    pub(super) fn load_scalar(&mut self, val: Val, point: Point) -> Emit<Value> {
        let nest = self.nest;
        let Inst::Load(access) = nest.block.inst(val) else {
            return Err(Diagnostic::bug("not a load"));
        };
        let ty = clif_type(nest.block.dtype(val))?;
        let flat = self.access(val)?;
        let Some(fill) = access.fill else {
            let (pointer, offset) = self.address(&flat, point)?;
            let flags = self.flags(access.buffer);
            return Ok(self.cx().b.ins().load(ty, flags, pointer, offset));
        };
        let fill = self.lane(fill, point)?;
        if self.body.function.buffer(access.buffer).shape.element_count() == 0 {
            return Ok(fill);
        }
        let inside = self.inside(access, point)?;
        let (pointer, offset) = match flat.has_divisor {
            true => (self.divided_address(access, &flat, point)?, 0),
            false => self.address(&flat, point)?,
        };
        let flags = self.flags(access.buffer);
        let Some(inside) = inside else {
            return Ok(self.cx().b.ins().load(ty, flags, pointer, offset));
        };
        let start = self.bases[flat.address];
        let b = &mut self.cx().b;
        let exact = b.ins().iadd_imm_s(pointer, i64::from(offset));
        let safe = b.ins().select(inside, exact, start);
        let value = b.ins().load(ty, flags, safe, 0);
        Ok(b.ins().select(inside, value, fill))
    }

    /// A load whose lanes differ.
    pub(super) fn load_vector(&mut self, val: Val, point: Point) -> Emit<Value> {
        let nest = self.nest;
        let Inst::Load(access) = nest.block.inst(val) else {
            return Err(Diagnostic::bug("not a load"));
        };
        let flat = self.access(val)?;
        if !self.is_contiguous(&flat) {
            return self.load_lanes(val, point);
        }
        let last = Point { lane: self.mode.lanes - 1, ..point };
        let inside = match access.fill {
            None => None,
            Some(_) if self.body.function.buffer(access.buffer).shape.element_count() == 0 => {
                return self.load_lanes(val, point);
            }
            Some(_) => match (self.inside(access, point)?, self.inside(access, last)?) {
                (Some(first), Some(last)) => Some(self.cx().b.ins().band(first, last)),
                (first, last) => first.or(last),
            },
        };
        let dtype = nest.block.dtype(val);
        let Some(inside) = inside else {
            return self.load_contiguous(access.buffer, &flat, dtype, point);
        };
        let ty = vector_type(dtype, self.mode.lanes)?;
        let b = &mut self.cx().b;
        let [whole, edge, join] = [(); 3].map(|()| b.create_block());
        let result = b.append_block_param(join, ty);
        b.ins().brif(inside, whole, &[], edge, &[]);
        b.seal_block(whole);
        b.seal_block(edge);
        b.switch_to_block(whole);
        let value = self.load_contiguous(access.buffer, &flat, dtype, point)?;
        self.cx().b.ins().jump(join, &[value.into()]);
        self.cx().b.switch_to_block(edge);
        let value = self.load_lanes(val, point)?;
        let b = &mut self.cx().b;
        b.ins().jump(join, &[value.into()]);
        b.seal_block(join);
        b.switch_to_block(join);
        Ok(result)
    }

    fn load_lanes(&mut self, val: Val, point: Point) -> Emit<Value> {
        let mut scalars = Vec::with_capacity(self.mode.lanes);
        for lane in 0..self.mode.lanes {
            scalars.push(self.load_scalar(val, Point { lane, ..point })?);
        }
        let dtype = self.nest.block.dtype(val);
        self.cx().gather_lanes(&scalars, dtype)
    }

    fn load_contiguous(
        &mut self,
        buffer: BufferId,
        flat: &Access,
        dtype: DType,
        point: Point,
    ) -> Emit<Value> {
        let lanes = self.mode.lanes;
        let (pointer, offset) = self.address(flat, point)?;
        let flags = self.flags(buffer);
        if dtype == DType::Bool {
            return Ok(self.cx().load_mask(flags, pointer, offset, lanes));
        }
        let ty = vector_type(dtype, lanes)?;
        Ok(self.cx().b.ins().load(ty, flags, pointer, offset))
    }

    /// All stores of one copy.
    pub(super) fn store_all(&mut self, point: Point) -> Emit<()> {
        for store in 0..self.nest.stores.len() {
            if self.mode.lanes == 1 {
                self.store_guarded(store, point)?;
            } else {
                self.store_vector(store, point)?;
            }
        }
        Ok(())
    }

    fn store_vector(&mut self, store: usize, point: Point) -> Emit<()> {
        let flat = self.stores[store].clone();
        let mask = self.mask_of(store);
        let mask_differs = mask.is_some_and(|mask| self.facts.facts(mask).per_lane);
        if !self.is_contiguous(&flat) {
            return self.store_lanes(store, point);
        }
        let Some(mask) = mask else {
            return self.store_contiguous(store, &flat, point);
        };
        let all = if mask_differs {
            let mask = self.vector(mask, point)?;
            self.cx().b.ins().vall_true(mask)
        } else {
            self.scalar(mask, point)?
        };
        let b = &mut self.cx().b;
        let [whole, other, join] = [(); 3].map(|()| b.create_block());
        b.ins().brif(all, whole, &[], other, &[]);
        b.seal_block(whole);
        b.seal_block(other);
        b.switch_to_block(whole);
        self.store_contiguous(store, &flat, point)?;
        self.cx().b.ins().jump(join, &[]);
        self.cx().b.switch_to_block(other);
        if mask_differs {
            self.store_lanes(store, point)?;
        }
        let b = &mut self.cx().b;
        b.ins().jump(join, &[]);
        b.seal_block(join);
        b.switch_to_block(join);
        Ok(())
    }

    fn store_lanes(&mut self, store: usize, point: Point) -> Emit<()> {
        (0..self.mode.lanes).try_for_each(|lane| self.store_guarded(store, Point { lane, ..point }))
    }

    fn store_contiguous(&mut self, store: usize, flat: &Access, point: Point) -> Emit<()> {
        let (nest, lanes) = (self.nest, self.mode.lanes);
        let stored = &nest.stores[store];
        let dtype = nest.block.dtype(stored.value);
        let mut value = self.vector(stored.value, point)?;
        if let Some(op) = stored.combine {
            let old = self.load_contiguous(stored.buffer, flat, dtype, point)?;
            value = self.combine(op, dtype, old, value, lanes)?;
        }
        let (pointer, offset) = self.address(flat, point)?;
        let flags = self.flags(stored.buffer);
        if dtype == DType::Bool {
            self.cx().store_mask(flags, value, pointer, offset, lanes);
        } else {
            self.cx().b.ins().store(flags, value, pointer, offset);
        }
        Ok(())
    }

    /// One element, unless its mask is false.
    fn store_guarded(&mut self, store: usize, point: Point) -> Emit<()> {
        let Some(mask) = self.mask_of(store) else {
            return self.store_element(store, point);
        };
        let mask = self.lane(mask, point)?;
        let b = &mut self.cx().b;
        let (inside, join) = (b.create_block(), b.create_block());
        b.ins().brif(mask, inside, &[], join, &[]);
        b.seal_block(inside);
        b.switch_to_block(inside);
        self.store_element(store, point)?;
        let b = &mut self.cx().b;
        b.ins().jump(join, &[]);
        b.seal_block(join);
        b.switch_to_block(join);
        Ok(())
    }

    fn store_element(&mut self, store: usize, point: Point) -> Emit<()> {
        let nest = self.nest;
        let stored = &nest.stores[store];
        let flat = self.stores[store].clone();
        let dtype = nest.block.dtype(stored.value);
        let mut value = self.lane(stored.value, point)?;
        let (pointer, offset) = self.address(&flat, point)?;
        let flags = self.flags(stored.buffer);
        if let Some(op) = stored.combine {
            let old = self.cx().b.ins().load(clif_type(dtype)?, flags, pointer, offset);
            value = self.combine(op, dtype, old, value, 1)?;
        }
        self.cx().b.ins().store(flags, value, pointer, offset);
        Ok(())
    }

    fn access(&self, val: Val) -> Emit<Access> {
        self.accesses[val.0 as usize].clone().ok_or_else(|| Diagnostic::bug("a dead load is used"))
    }

    /// Do the lanes follow each other in memory?
    fn is_contiguous(&self, flat: &Access) -> bool {
        let vector = self.nest.plan.vector.map(|vector| vector.dim);
        let terms = &self.addresses[flat.address].terms;
        let stride = terms.iter().find(|(dim, _)| Some(*dim) == vector).map_or(0, |term| term.1);
        let dynamic_differs = flat.dynamic.iter().any(|(val, _)| self.facts.facts(*val).per_lane);
        stride == flat.element && !dynamic_differs && !flat.has_divisor
    }

    /// Where an element is: a pointer and an offset.
    fn address(&mut self, flat: &Access, point: Point) -> Emit<(Value, i32)> {
        if flat.has_divisor {
            return Err(Diagnostic::bug("an access with a divisor has no fill value"));
        }
        let terms = self.addresses[flat.address].terms.clone();
        let mut offset = flat.constant;
        for (dim, bytes) in terms {
            offset += self.distance(dim, point) * bytes;
        }
        let mut pointer = self.state.pointers[flat.address];
        for &(val, bytes) in &flat.dynamic {
            let position = self.lane(val, point)?;
            let b = &mut self.cx().b;
            let scaled = b.ins().imul_imm_s(position, bytes);
            pointer = b.ins().iadd(pointer, scaled);
        }
        match i32::try_from(offset) {
            Ok(offset) => Ok((pointer, offset)),
            Err(_) => Ok((self.cx().b.ins().iadd_imm_s(pointer, offset), 0)),
        }
    }

    /// The address of an element whose positions are quotients; meaningless if it is outside.
    fn divided_address(&mut self, access: &loops::Access, flat: &Access, point: Point) -> Emit<Value> {
        let strides = self.body.function.buffer(access.buffer).shape.strides();
        let mut pointer = self.bases[flat.address];
        for (index, stride) in access.indices.iter().zip(strides) {
            let position = self.index(index, point)?;
            let b = &mut self.cx().b;
            let quotient = match index.divisor {
                1 => position,
                divisor => b.ins().udiv_imm_s(position, divisor),
            };
            let offset = b.ins().imul_imm_s(quotient, stride as i64 * flat.element);
            pointer = b.ins().iadd(pointer, offset);
        }
        Ok(pointer)
    }

    /// Is the element inside of the buffer? `None`: always.
    fn inside(&mut self, access: &loops::Access, point: Point) -> Emit<Option<Value>> {
        let extents = self.body.function.buffer(access.buffer).shape.extents().to_vec();
        let mut all: Option<Value> = None;
        for (index, extent) in access.indices.iter().zip(extents) {
            let (low, high) = self.range(&index.affine)?;
            if index.is_affine() && low >= 0 && high < extent as i64 {
                continue;
            }
            let position = self.index(index, point)?;
            let b = &mut self.cx().b;
            // A negative position is a large unsigned number.
            let limit = extent as i64 * index.divisor;
            let mut ok = b.ins().icmp_imm_s(IntCC::UnsignedLessThan, position, limit);
            if index.divisor != 1 {
                let rest = b.ins().urem_imm_s(position, index.divisor);
                let divides = b.ins().icmp_imm_s(IntCC::Equal, rest, 0);
                ok = b.ins().band(ok, divides);
            }
            all = Some(match all {
                Some(others) => b.ins().band(others, ok),
                None => ok,
            });
        }
        Ok(all)
    }

    /// The least and the greatest value of an index.
    fn range(&self, affine: &Affine) -> Emit<(i64, i64)> {
        for (var, _) in affine.loops() {
            self.body.loop_count(var)?;
        }
        let count_of = |var| self.body.loop_count(var).expect("all of them are open");
        Ok(affine.range(|dim| self.nest.dims[dim].extent, count_of))
    }

    /// `affine + dynamic`, before the division.
    fn index(&mut self, index: &Index, point: Point) -> Emit<Value> {
        let mut sum = self.cx().b.ins().iconst(types::I64, index.affine.constant);
        for (dim, coefficient) in index.affine.dims() {
            let position = self.position(dim, point)?;
            let b = &mut self.cx().b;
            let term = b.ins().imul_imm_s(position, coefficient);
            sum = b.ins().iadd(sum, term);
        }
        sum = self.body.moved(sum, index.affine.loops())?;
        if let Some(dynamic) = index.dynamic {
            let dynamic = self.lane(dynamic, point)?;
            sum = self.cx().b.ins().iadd(sum, dynamic);
        }
        Ok(sum)
    }

    /// Callers' buffers may have any alignment; inputs and constants never change during a call.
    fn flags(&self, buffer: BufferId) -> MemFlagsData {
        let flags = MemFlagsData::new().with_notrap();
        match self.body.function.buffer(self.body.function.memory(buffer)).place {
            Place::Input(_) | Place::Constant(_) => flags.with_readonly(),
            Place::Output(_) | Place::Arena(_) | Place::Unplaced => flags,
            Place::Alias(_) | Place::Next(_) => flags,
        }
    }
}

impl super::Cx<'_, '_> {
    /// `lanes` bytes of value 0 or 1 as a mask.
    fn load_mask(&mut self, flags: MemFlagsData, pointer: Value, offset: i32, lanes: usize) -> Value {
        let bits = match lanes {
            2 => {
                let pair = self.b.ins().load(types::I16, flags, pointer, offset);
                self.b.ins().uextend(types::I32, pair)
            }
            4 => self.b.ins().load(types::I32, flags, pointer, offset),
            8 => self.b.ins().load(types::I64, flags, pointer, offset),
            _ => {
                let bytes = self.b.ins().load(types::I8X16, flags, pointer, offset);
                return self.b.ins().ineg(bytes);
            }
        };
        let ty = if lanes == 8 { types::I64X2 } else { types::I32X4 };
        let vector = self.b.ins().scalar_to_vector(ty, bits);
        let mut wide = self.bitcast_to(types::I8X16, vector);
        for _ in 0..(16 / lanes).ilog2() {
            wide = self.b.ins().uwiden_low(wide);
        }
        debug_assert_eq!(self.b.func.dfg.value_type(wide), mask_type(lanes));
        self.b.ins().ineg(wide)
    }

    /// A mask as `lanes` bytes of value 0 or 1.
    fn store_mask(&mut self, flags: MemFlagsData, mask: Value, pointer: Value, offset: i32, lanes: usize) {
        if lanes == 2 {
            for lane in 0..2 {
                let bool = self.extract(mask, DType::Bool, lane);
                self.b.ins().store(flags, bool, pointer, offset + lane as i32);
            }
            return;
        }
        let mut narrow = mask;
        for _ in 0..(16 / lanes).ilog2() {
            narrow = self.b.ins().snarrow(narrow, narrow);
        }
        let bytes = self.b.ins().ineg(narrow);
        match lanes {
            4 => {
                let words = self.bitcast_to(types::I32X4, bytes);
                let word = self.b.ins().extractlane(words, 0);
                self.b.ins().store(flags, word, pointer, offset);
            }
            8 => {
                let words = self.bitcast_to(types::I64X2, bytes);
                let word = self.b.ins().extractlane(words, 0);
                self.b.ins().store(flags, word, pointer, offset);
            }
            _ => {
                self.b.ins().store(flags, bytes, pointer, offset);
            }
        }
    }
}
