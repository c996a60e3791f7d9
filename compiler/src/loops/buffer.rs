//! Arrays in memory.

use crate::types::{DType, Shape, Tensor};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct BufferId(pub u32);

/// A row-major array in memory.
#[derive(Clone, PartialEq, Debug)]
pub struct Buffer {
    pub dtype: DType,
    pub shape: Shape,
    pub place: Place,
}

/// Where a buffer's bytes are.
#[derive(Clone, PartialEq, Debug)]
pub enum Place {
    /// The caller's input at this position; never written.
    Input(usize),
    /// The caller's output at this position.
    Output(usize),
    /// Read-only data of the object.
    Constant(Arc<Tensor>),
    /// A temporary that has no address yet.
    Unplaced,
    /// A temporary in the arena. Units: bytes from the arena's start.
    Arena(usize),
    /// The same bytes as another buffer, under another shape or dtype of equal size.
    Alias(BufferId),
    /// The same bytes as another buffer of its shape and dtype, holding the value that follows that buffer's in the next
    /// step of a loop. See the note in [`super::address`].
    Next(BufferId),
}
