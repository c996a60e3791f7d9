//! Large constants in object files: written from where they were read.
//!
//! # Note: weights
//! Through [`cranelift_module::Module`] data are copied into the object, and again into the bytes of the file. A model of
//! a gigabyte would take three. [`Unit::keep_weights`] leaves large constants out: the code refers to symbols that stand
//! for nothing yet, and [`Weights::object`] gives each a section of its own, which borrows the constant's bytes.

use super::{Emit, Unit};
use crate::types::Tensor;
use cranelift_module::DataId;
use cranelift_object::ObjectProduct;
use cranelift_object::object::SectionKind;
use cranelift_object::object::write::Object;
use std::sync::Arc;
use target_lexicon::BinaryFormat;

/// Smaller ones are not worth a section. Units: bytes.
const LARGE: usize = 1 << 16;

/// More sections make object files of another kind, which not every tool reads.
const MOST_SECTIONS: usize = 10_000;

/// The large constants of one object file, which its sections do not hold yet.
#[derive(Default)]
pub struct Weights(Vec<(DataId, Arc<Tensor>)>);

impl Unit<'_> {
    /// From here on large constants are left to [`Unit::take_weights`], if the format allows any number of sections.
    /// For object files only.
    pub fn keep_weights(&mut self) {
        let is_elf = self.module.isa().triple().binary_format == BinaryFormat::Elf;
        self.weights = is_elf.then(Weights::default);
    }

    /// What has been left out. Invariant: the object is written by [`Weights::object`].
    pub fn take_weights(&mut self) -> Weights {
        self.weights.take().unwrap_or_default()
    }

    /// The symbol of a constant that is left out, if this one is.
    pub(super) fn weight(&mut self, tensor: &Arc<Tensor>) -> Emit<Option<DataId>> {
        let fits = |weights: &Weights| weights.0.len() < MOST_SECTIONS;
        if tensor.bytes().len() < LARGE || !self.weights.as_ref().is_some_and(fits) {
            return Ok(None);
        }
        let id = self.read_only(Vec::new())?;
        self.weights.get_or_insert_default().0.push((id, tensor.clone()));
        Ok(Some(id))
    }
}

impl Weights {
    /// The object file with its constants, whose bytes it borrows.
    pub fn object<'a>(&'a self, product: ObjectProduct) -> Object<'a> {
        let symbols: Vec<_> = self.0.iter().map(|(id, _)| product.data_symbol(*id)).collect();
        let mut object: Object<'a> = product.object;
        for ((_, tensor), symbol) in self.0.iter().zip(symbols) {
            let section =
                object.add_section(Vec::new(), b".rodata.weights".to_vec(), SectionKind::ReadOnlyData);
            object.set_section_data(section, tensor.bytes(), 64);
            object.set_symbol_data(symbol, section, 0, tensor.bytes().len() as u64);
        }
        object
    }
}
