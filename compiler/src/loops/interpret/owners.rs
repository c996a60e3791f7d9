//! Whose value each byte of memory holds, so that reading one value where another was written shows.

use crate::loops::BufferId;
use std::collections::HashMap;
use std::ops::Range;

/// For each memory (none: the arena), the last writer of each byte, as far as anything was written.
#[derive(Default)]
pub(super) struct Owners {
    of: HashMap<Option<BufferId>, Vec<Option<BufferId>>>,
}

impl Owners {
    pub(super) fn write(&mut self, memory: Option<BufferId>, bytes: Range<usize>, version: BufferId) {
        let owners = self.of.entry(memory).or_default();
        if owners.len() < bytes.end {
            owners.resize(bytes.end, None);
        }
        owners[bytes].fill(Some(version));
    }

    /// The value that was written over some of these bytes of `version`. Bytes that were never written are garbage, but
    /// nobody else's.
    pub(super) fn other_than(
        &self,
        memory: Option<BufferId>,
        bytes: Range<usize>,
        version: BufferId,
    ) -> Option<BufferId> {
        let owners = self.of.get(&memory)?;
        let known = &owners[bytes.start.min(owners.len())..bytes.end.min(owners.len())];
        known.iter().flatten().copied().find(|&owner| owner != version)
    }

    /// Bytes that `from` has written become those of `to`.
    pub(super) fn hand_over(
        &mut self,
        memory: Option<BufferId>,
        bytes: Range<usize>,
        from: BufferId,
        to: BufferId,
    ) {
        let Some(owners) = self.of.get_mut(&memory) else { return };
        let end = bytes.end.min(owners.len());
        for owner in &mut owners[bytes.start.min(end)..end] {
            if *owner == Some(from) {
                *owner = Some(to);
            }
        }
    }
}
