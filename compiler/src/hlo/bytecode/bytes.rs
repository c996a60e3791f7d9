//! A place in the bytes of a file, and the primitives that are read there.

use super::Parsed;
use crate::diag::{Diagnostic, SourceId, Span};

/// The rest of a file or of one of its sections. Reading moves past what was read and never beyond the end.
#[derive(Clone, Copy)]
pub struct Bytes<'a> {
    // The whole module: alignment counts from its first byte.
    file: &'a [u8],
    // How many bytes of the file precede the module.
    before: usize,
    position: usize,
    // Invariant: `position <= end <= file.len()`.
    end: usize,
    source: SourceId,
}

impl<'a> Bytes<'a> {
    /// A module; `before` it are so many bytes of its file.
    pub fn new(file: &'a [u8], before: usize, source: SourceId) -> Self {
        Bytes { file, before, position: 0, end: file.len(), source }
    }

    pub fn remaining(&self) -> usize {
        self.end - self.position
    }

    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// The byte at the place, for messages.
    pub fn here(&self) -> Span {
        let end = (self.position + 1).min(self.file.len());
        Span::new(self.source, self.before + self.position, self.before + end)
    }

    /// A complaint about the place.
    pub fn error(&self, message: &str) -> Diagnostic {
        Diagnostic::error(format!("malformed MLIR bytecode: {message}")).at(self.here())
    }

    /// Something that is valid but out of reach.
    pub fn unsupported(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::unsupported(message).at(self.here())
    }

    /// The next `length` bytes. Errors: there are fewer.
    pub fn take(&mut self, length: usize) -> Parsed<&'a [u8]> {
        Ok(self.part(length)?.rest())
    }

    /// The next `length` bytes as a place of their own. Errors: there are fewer.
    pub fn part(&mut self, length: usize) -> Parsed<Bytes<'a>> {
        if length > self.remaining() {
            return Err(
                self.error(&format!("{length} bytes are said to follow, but {} do", self.remaining()))
            );
        }
        let part = Bytes { end: self.position + length, ..*self };
        self.position += length;
        Ok(part)
    }

    /// Everything from the place on.
    pub fn rest(&self) -> &'a [u8] {
        &self.file[self.position..self.end]
    }

    pub fn byte(&mut self) -> Parsed<u8> {
        Ok(self.take(1)?[0])
    }

    /// An unsigned number. The zeros at the low end of its first byte count the bytes that follow.
    pub fn varint(&mut self) -> Parsed<u64> {
        let first = self.byte()?;
        let more = first.trailing_zeros().min(8) as usize;
        let mut word = [0; 8];
        word[..more].copy_from_slice(self.take(more)?);
        let high = u64::from_le_bytes(word);
        // With seven bytes or more behind it, the first byte has no bit of the number.
        let low_bits = 7usize.saturating_sub(more);
        Ok(high << low_bits | if low_bits == 0 { 0 } else { u64::from(first >> (more + 1)) })
    }

    /// A signed number: zigzag inside of an unsigned one.
    pub fn signed(&mut self) -> Parsed<i64> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    /// A number with a flag in its lowest bit.
    pub fn flagged(&mut self) -> Parsed<(u64, bool)> {
        let both = self.varint()?;
        Ok((both >> 1, both & 1 != 0))
    }

    /// How many things follow. Errors: not even with one byte for each would they fit.
    pub fn count(&mut self) -> Parsed<usize> {
        let start = *self;
        let count = self.varint()?;
        self.fitting(count, start)
    }

    /// [`Bytes::count`] of a number that was read at `start`.
    pub fn fitting(&self, count: u64, start: Bytes) -> Parsed<usize> {
        usize::try_from(count).ok().filter(|&count| count <= self.remaining()).ok_or_else(|| {
            start.error(&format!("{count} items are said to follow in {} bytes", self.remaining()))
        })
    }

    /// An index into a list. Errors: it is as long or shorter.
    pub fn index(&mut self, length: usize, what: &str) -> Parsed<usize> {
        let start = *self;
        let index = self.varint()?;
        start.within(index, length, what)
    }

    /// A number as an index into a list. Errors: it is as long or shorter.
    pub fn within(&self, index: u64, length: usize, what: &str) -> Parsed<usize> {
        usize::try_from(index)
            .ok()
            .filter(|&index| index < length)
            .ok_or_else(|| self.error(&format!("{what} {index} of {length}")))
    }

    /// `[count, item, ..]`
    pub fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let count = self.count()?;
        (0..count).map(|_| item(self)).collect()
    }

    /// `[size, byte, ..]`
    pub fn blob(&mut self) -> Parsed<&'a [u8]> {
        let size = self.count()?;
        self.take(size)
    }

    /// Text up to a zero. Errors: there is no zero, or no UTF-8 in front of it.
    pub fn zero_terminated(&mut self) -> Parsed<&'a str> {
        let start = *self;
        let length = self.rest().iter().position(|&byte| byte == 0);
        let length = length.ok_or_else(|| start.error("a text has no end"))?;
        let text = self.take(length)?;
        self.take(1)?;
        std::str::from_utf8(text).map_err(|_| start.error("a text is no UTF-8"))
    }

    /// Skips the filling in front of something aligned. Errors: no power of two, or other bytes than filling.
    pub fn align(&mut self, alignment: u64) -> Parsed<()> {
        const FILLING: u8 = 0xcb;
        if !alignment.is_power_of_two() {
            return Err(self.error(&format!("an alignment of {alignment}")));
        }
        while !(self.position as u64).is_multiple_of(alignment) {
            if self.byte()? != FILLING {
                return Err(self.error("no filling in front of aligned bytes"));
            }
        }
        Ok(())
    }

    /// A section: its number and its contents.
    pub fn section(&mut self) -> Parsed<(u8, Bytes<'a>)> {
        const IS_ALIGNED: u8 = 0x80;
        let tag = self.byte()?;
        let start = *self;
        let length = self.varint()?;
        if tag & IS_ALIGNED != 0 {
            let alignment = self.varint()?;
            self.align(alignment)?;
        }
        let length = self.fitting(length, start)?;
        Ok((tag & !IS_ALIGNED, self.part(length)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(file: &[u8]) -> Bytes<'_> {
        Bytes::new(file, 0, SourceId::default())
    }

    #[test]
    fn numbers_of_all_lengths() {
        let read = |file: &[u8]| {
            let mut at = bytes(file);
            let value = at.varint().expect("a number");
            assert!(at.is_empty(), "all of {file:?} is read");
            value
        };
        assert_eq!(read(&[0b1]), 0);
        assert_eq!(read(&[0xff]), 127);
        assert_eq!(read(&[0b10, 2]), 128);
        assert_eq!(read(&[0xfe, 0xff]), (1 << 14) - 1);
        assert_eq!(read(&[0b100, 0, 1]), 1 << 13);
        assert_eq!(read(&[0x40, 1, 0, 0, 0, 0, 0]), 2);
        assert_eq!(read(&[0xc0, 1, 0, 0, 0, 0, 0]), 3);
        assert_eq!(read(&[0x80, 1, 0, 0, 0, 0, 0, 0x80]), (0x80 << 48) + 1);
        assert_eq!(read(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), u64::MAX);
    }

    #[test]
    fn signs_zigzag() {
        let read = |byte: u8| bytes(&[byte << 1 | 1]).signed().expect("a number");
        assert_eq!([read(0), read(1), read(2), read(3)], [0, -1, 1, -2]);
    }

    #[test]
    fn nothing_is_read_behind_the_end() {
        assert!(bytes(&[]).varint().is_err());
        assert!(bytes(&[0b10]).varint().is_err());
        assert!(bytes(&[0, 1, 2]).varint().is_err());
        assert!(bytes(&[0xff, 1]).count().is_err());
        assert!(bytes(&[4, 9, 1]).section().is_err());
        assert!(bytes(&[0x84, 5, 7, 1, 1]).section().is_err(), "3 is no alignment");
        assert!(bytes(b"abc").zero_terminated().is_err());
    }
}
