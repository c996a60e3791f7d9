//! Memory of a call: on the heap, or between pages that nothing may touch.

use region::{Allocation, Protection};
use rjaxc_compiler::diag::Diagnostic;
use std::ffi::c_void;

/// More than any instruction or cache line asks for, and what work memory is aligned to. Units: bytes.
pub const ALIGN: usize = 64;

/// Where the memory of a call lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// On the heap, at multiples of [`ALIGN`], zeroed.
    Heap,
    /// On pages of its own, with an unmapped page on either side.
    Guarded(Guard),
}

/// How an array lies on its guarded pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guard {
    pub edge: Edge,
    /// What each byte holds before the call, beside inputs.
    pub poison: u8,
}

/// Which unmapped page an array touches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// The page before it, so that nothing in front can be touched; arrays are aligned to pages.
    First,
    /// The page behind it, so that nothing behind can be touched; arrays are aligned to their elements only.
    Last,
}

impl Guard {
    /// Both edges, with poison that is a NaN and one that is a small number.
    pub const ALL: [Guard; 2] =
        [Guard { edge: Edge::Last, poison: 0xff }, Guard { edge: Edge::First, poison: 0x35 }];
}

/// Bytes at an aligned address that do not move.
pub struct Buffer {
    memory: Memory,
    // Invariant: the bytes `start..start + length` of the memory exist, can be read, and are aligned as asked.
    start: usize,
    length: usize,
}

enum Memory {
    Heap(Vec<u8>),
    Pages(Pages),
}

/// Mapped pages between two that are not.
struct Pages {
    allocation: Allocation,
    // Invariant: the bytes `mapped` of the allocation can be read.
    mapped: std::ops::Range<usize>,
    poison: u8,
}

impl Buffer {
    /// A copy of the bytes of an array that a call reads; guarded ones cannot be written.
    pub fn input(bytes: &[u8], placement: Placement) -> Result<Buffer, Diagnostic> {
        let mut buffer = Buffer::output(bytes.len(), 1, placement)?;
        buffer.bytes_mut().copy_from_slice(bytes);
        if let Memory::Pages(pages) = &mut buffer.memory {
            pages.forbid(pages.mapped.clone(), Protection::READ)?;
        }
        Ok(buffer)
    }

    /// Memory that a call writes, aligned to `align` bytes at least. Arrays may ask for 1: their length is a multiple of
    /// their element's, so either edge aligns them to elements.
    pub fn output(length: usize, align: usize, placement: Placement) -> Result<Buffer, Diagnostic> {
        match placement {
            Placement::Heap => Buffer::on_heap(length),
            Placement::Guarded(guard) => Buffer::guarded(length, align, guard),
        }
    }

    fn on_heap(length: usize) -> Result<Buffer, Diagnostic> {
        let mut memory = Vec::new();
        let room = length.checked_add(ALIGN).ok_or_else(|| too_large(length))?;
        memory.try_reserve_exact(room).map_err(|_| too_large(length))?;
        memory.resize(room, 0);
        let start = memory.as_ptr().align_offset(ALIGN);
        Ok(Buffer { memory: Memory::Heap(memory), start, length })
    }

    fn guarded(length: usize, align: usize, guard: Guard) -> Result<Buffer, Diagnostic> {
        let page = region::page::size();
        let room = length.checked_next_multiple_of(page).ok_or_else(|| too_large(length))?;
        let total = room.checked_add(2 * page).ok_or_else(|| too_large(length))?;
        let allocation = region::alloc(total, Protection::READ_WRITE).map_err(|_| too_large(length))?;
        let mapped = page..page + room;
        let mut pages = Pages { allocation, mapped: mapped.clone(), poison: guard.poison };
        pages.bytes_mut().fill(guard.poison);
        pages.forbid(0..page, Protection::NONE)?;
        pages.forbid(mapped.end..total, Protection::NONE)?;
        let start = match guard.edge {
            Edge::First => mapped.start,
            Edge::Last => (mapped.end - length) / align * align,
        };
        Ok(Buffer { memory: Memory::Pages(pages), start, length })
    }

    /// Whether the mapped bytes beside the buffer still hold what they held before the call.
    pub fn is_alone(&self) -> bool {
        let Memory::Pages(pages) = &self.memory else { return true };
        let start = self.start - pages.mapped.start;
        let (before, rest) = pages.bytes().split_at(start);
        before.iter().chain(&rest[self.length..]).all(|byte| *byte == pages.poison)
    }

    pub fn bytes(&self) -> &[u8] {
        match &self.memory {
            Memory::Heap(memory) => &memory[self.start..][..self.length],
            Memory::Pages(pages) => &pages.bytes()[self.start - pages.mapped.start..][..self.length],
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Heap(memory) => &mut memory[self.start..][..self.length],
            Memory::Pages(pages) => {
                let start = self.start - pages.mapped.start;
                &mut pages.bytes_mut()[start..][..self.length]
            }
        }
    }

    pub fn pointer(&self) -> *const c_void {
        match &self.memory {
            Memory::Heap(memory) => memory[self.start..].as_ptr().cast(),
            Memory::Pages(pages) => pages.allocation.as_ptr::<u8>().wrapping_add(self.start).cast(),
        }
    }

    pub fn pointer_mut(&mut self) -> *mut c_void {
        match &mut self.memory {
            Memory::Heap(memory) => memory[self.start..].as_mut_ptr().cast(),
            Memory::Pages(pages) => pages.allocation.as_mut_ptr::<u8>().wrapping_add(self.start).cast(),
        }
    }
}

impl Pages {
    /// The bytes between the guards.
    fn bytes(&self) -> &[u8] {
        let start = self.allocation.as_ptr::<u8>().wrapping_add(self.mapped.start);
        // SAFETY: the range lies in the allocation, which `self` keeps, and is mapped for reading; compiled code writes
        // it only while a call runs, when no such slice exists.
        unsafe { std::slice::from_raw_parts(start, self.mapped.len()) }
    }

    /// The bytes between the guards, before [`Pages::forbid`] has made them inputs.
    fn bytes_mut(&mut self) -> &mut [u8] {
        let start = self.allocation.as_mut_ptr::<u8>().wrapping_add(self.mapped.start);
        // SAFETY: as above; `Buffer::input` asks before it forbids writing, and nobody else has the allocation.
        unsafe { std::slice::from_raw_parts_mut(start, self.mapped.len()) }
    }

    /// Takes rights to whole pages of the allocation away. Errors: the operating system refuses.
    fn forbid(&mut self, bytes: std::ops::Range<usize>, protection: Protection) -> Result<(), Diagnostic> {
        if bytes.is_empty() {
            return Ok(());
        }
        let start = self.allocation.as_ptr::<u8>().wrapping_add(bytes.start);
        // SAFETY: the range is made of whole pages of our own allocation, to which no reference is alive.
        let changed = unsafe { region::protect(start, bytes.len(), protection) };
        changed.map_err(|error| Diagnostic::error(format!("pages cannot be protected: {error}")))
    }
}

fn too_large(length: usize) -> Diagnostic {
    Diagnostic::error(format!("an array of {length} bytes does not fit into memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guarded_buffers_touch_the_page_that_they_say() {
        let page = region::page::size();
        for length in [0, 1, 12, page, page + 4] {
            let [last, first] = Guard::ALL
                .map(|guard| Buffer::output(length, 1, Placement::Guarded(guard)).expect("a few pages"));
            assert_eq!((last.pointer() as usize + length) % page, 0);
            assert_eq!(first.pointer() as usize % page, 0);
            assert!(last.bytes().iter().all(|byte| *byte == 0xff) && last.is_alone());
        }
    }

    #[test]
    fn bytes_beside_a_buffer_are_watched() {
        let mut buffer = Buffer::output(8, 8, Placement::Guarded(Guard::ALL[0])).expect("a page");
        buffer.bytes_mut().fill(0);
        assert!(buffer.is_alone());
        let Memory::Pages(pages) = &mut buffer.memory else { panic!("a guarded buffer has pages") };
        pages.bytes_mut()[0] = 0;
        assert!(!buffer.is_alone());
    }

    #[test]
    fn inputs_hold_what_they_were_given() {
        for placement in
            [Placement::Heap, Placement::Guarded(Guard::ALL[0]), Placement::Guarded(Guard::ALL[1])]
        {
            let buffer = Buffer::input(&[1, 2, 3, 4], placement).expect("a page");
            assert_eq!(buffer.bytes(), [1, 2, 3, 4]);
            assert_eq!(buffer.pointer() as usize % 4, 0);
        }
    }
}
