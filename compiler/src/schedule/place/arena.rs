//! One piece of memory whose bytes serve one buffer after the other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// Best-fit allocation over the live blocks: the smallest gap that is large enough, the first of several.
#[derive(Default)]
pub struct Arena {
    // By offset. Invariant: disjoint.
    live: BTreeMap<usize, Block>,
    // Size and offset of what is free before, or between, live blocks.
    gaps: BTreeSet<(usize, usize)>,
    // When the block at an offset may have died. A block that was handed over is found alive.
    ends: BinaryHeap<Reverse<(usize, usize)>>,
    /// How much it needs. Units: bytes.
    pub size_bytes: usize,
}

/// What a buffer asks for: its bytes, and some behind them that no other buffer gets.
pub struct Room {
    pub bytes: usize,
    pub behind_bytes: usize,
}

struct Block {
    bytes: usize,
    last: usize,
}

impl Arena {
    /// Frees what died before statement `at`.
    pub fn retire(&mut self, at: usize) {
        while let Some(&Reverse((last, offset))) = self.ends.peek()
            && last < at
        {
            self.ends.pop();
            if self.live.get(&offset).is_some_and(|block| block.last < at) {
                self.free(offset);
            }
        }
    }

    fn free(&mut self, offset: usize) {
        let Some(block) = self.live.remove(&offset) else { return };
        let (before, after) = (self.end_before(offset), offset + block.bytes);
        self.gaps.remove(&(offset - before, before));
        if let Some((&next, _)) = self.live.range(after..).next() {
            self.gaps.remove(&(next - after, after));
            self.gaps.insert((next - before, before));
        }
    }

    /// Where the last block before `offset` ends.
    fn end_before(&self, offset: usize) -> usize {
        self.live.range(..offset).next_back().map_or(0, |(start, block)| start + block.bytes)
    }

    /// Hands a live block over to a buffer that lives until `last`.
    pub fn take_over(&mut self, offset: usize, last: usize) -> Option<usize> {
        self.live.get_mut(&offset)?.last = last;
        self.ends.push(Reverse((last, offset)));
        Some(offset)
    }

    /// The offset of room that a buffer needs until `last`.
    pub fn allocate(&mut self, room: Room, last: usize) -> usize {
        let bytes = room.bytes + room.behind_bytes;
        let offset = match self.gaps.range((bytes, 0)..).next().copied() {
            Some((size, offset)) => {
                self.gaps.remove(&(size, offset));
                if size > bytes {
                    self.gaps.insert((size - bytes, offset + bytes));
                }
                offset
            }
            None => self.end_before(usize::MAX),
        };
        self.live.insert(offset, Block { bytes, last });
        self.ends.push(Reverse((last, offset)));
        self.size_bytes = self.size_bytes.max(offset + room.bytes);
        offset
    }
}
