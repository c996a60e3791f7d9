//! What transformations made of a body, kept with it.
//!
//! # Note: growth
//! A loop finds out which parts of its state gain tangents, lanes or unknowns by transforming its body again for every
//! part that turns up. In a nest of loops, each of these rounds enters the loops inside, which go through rounds of their
//! own: without a memory, the work is exponential in the depth. With it, a body is transformed once per set of marks, and
//! sets only grow.

use super::{BatchDim, BatchedProgram, Bodies, JvpProgram, Rule, Split};
use crate::ir::Body;
use std::sync::{Mutex, PoisonError};

/// See Note: growth.
#[derive(Default)]
pub struct Transformed {
    jvp: Known<Vec<bool>, JvpProgram>,
    split: Known<Vec<bool>, Split>,
    batch: Known<(Vec<BatchDim>, usize), BatchedProgram>,
}

/// Few keys each: a list.
type Known<K, T> = Mutex<Vec<(K, T)>>;

impl Bodies {
    /// [`Bodies::jvp`], once for each selection. Errors: as there.
    pub fn jvp_of(&self, body: &Body, selected: &[bool]) -> Rule<JvpProgram> {
        remembered(&body.transformed().jvp, selected.to_vec(), || (self.jvp)(body, selected))
    }

    /// [`Bodies::split`], once for each set of unknown inputs. Errors: as there.
    pub fn split_of(&self, body: &Body, unknown: &[bool]) -> Rule<Split> {
        remembered(&body.transformed().split, unknown.to_vec(), || (self.split)(body, unknown))
    }

    /// [`Bodies::batch`], once for each set of mapped inputs. Errors: as there.
    pub fn batch_of(&self, body: &Body, dims: &[BatchDim], extent: usize) -> Rule<BatchedProgram> {
        let key = (dims.to_vec(), extent);
        remembered(&body.transformed().batch, key, || (self.batch)(body, dims, extent))
    }
}

/// The list is not locked while `make` runs, which may come back to it.
fn remembered<K: PartialEq, T: Clone>(
    known: &Known<K, T>,
    key: K,
    make: impl FnOnce() -> Rule<T>,
) -> Rule<T> {
    let found = |known: &[(K, T)]| known.iter().find(|(of, _)| *of == key).map(|(_, made)| made.clone());
    if let Some(made) = found(&known.lock().unwrap_or_else(PoisonError::into_inner)) {
        return Ok(made);
    }
    let made = make()?;
    known.lock().unwrap_or_else(PoisonError::into_inner).push((key, made.clone()));
    Ok(made)
}
