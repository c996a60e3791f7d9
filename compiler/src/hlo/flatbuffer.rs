//! FlatBuffers: tables of fields by number, as JAX stores what it exports and its older calls their arguments.
//!
//! Nothing is believed: whatever lies outside of the bytes is absent.
//!
//! Source: FlatBuffers, "FlatBuffer internals".

/// A table: fields that may be absent.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    file: &'a [u8],
    at: usize,
    /// Where the list of the places of fields begins, and how long it is.
    fields: usize,
    fields_bytes: usize,
}

/// Elements side by side.
#[derive(Clone, Copy)]
pub struct Vector<'a> {
    file: &'a [u8],
    /// Where the first element stands.
    pub first: usize,
    pub count: usize,
}

impl<'a> Table<'a> {
    pub fn root(file: &'a [u8]) -> Option<Self> {
        Self::at(file, word(file, 0)?)
    }

    fn at(file: &'a [u8], at: usize) -> Option<Self> {
        // A table begins with the distance back to its list of fields.
        let distance = word(file, at)? as i32;
        let fields = usize::try_from(at as i64 - i64::from(distance)).ok()?;
        Some(Table { file, at, fields, fields_bytes: usize::from(half(file, fields)?) })
    }

    /// Where a field stands; `None` if it is absent.
    fn field(&self, number: usize) -> Option<usize> {
        let place = 4 + 2 * number;
        if place + 2 > self.fields_bytes {
            return None;
        }
        let offset = usize::from(half(self.file, self.fields.checked_add(place)?)?);
        if offset == 0 { None } else { self.at.checked_add(offset) }
    }

    pub fn byte(&self, number: usize) -> Option<u8> {
        self.file.get(self.field(number)?).copied()
    }

    pub fn word(&self, number: usize) -> Option<usize> {
        word(self.file, self.field(number)?)
    }

    /// Where what a field refers to stands.
    fn target(&self, number: usize) -> Option<usize> {
        let reference = self.field(number)?;
        reference.checked_add(word(self.file, reference)?)
    }

    pub fn vector(&self, number: usize) -> Option<Vector<'a>> {
        Vector::at(self.file, self.target(number)?)
    }
}

impl<'a> Vector<'a> {
    fn at(file: &'a [u8], at: usize) -> Option<Self> {
        // Each element has at least a byte.
        let (first, count) = (at.checked_add(4)?, word(file, at)?);
        (first.checked_add(count)? <= file.len()).then_some(Vector { file, first, count })
    }

    pub fn bytes(&self) -> &'a [u8] {
        &self.file[self.first..self.first + self.count]
    }

    pub fn halves(&self) -> Option<Vec<usize>> {
        (0..self.count).map(|i| half(self.file, self.first + 2 * i).map(usize::from)).collect()
    }

    pub fn words(&self) -> Option<Vec<usize>> {
        (0..self.count).map(|i| word(self.file, self.first + 4 * i)).collect()
    }

    pub fn tables(&self) -> Option<Vec<Table<'a>>> {
        self.targets().map(|at| Table::at(self.file, at?)).collect()
    }

    pub fn texts(&self) -> Option<Vec<&'a str>> {
        self.targets().map(|at| std::str::from_utf8(Vector::at(self.file, at?)?.bytes()).ok()).collect()
    }

    fn targets(self) -> impl Iterator<Item = Option<usize>> {
        (0..self.count).map(move |i| {
            let reference = self.first + 4 * i;
            reference.checked_add(word(self.file, reference)?)
        })
    }
}

/// Four bytes at a place.
fn word(file: &[u8], at: usize) -> Option<usize> {
    let bytes = file.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

/// Two bytes at a place.
fn half(file: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*file.get(at..)?.first_chunk()?))
}
