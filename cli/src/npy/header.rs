//! The header of a `.npy` file: a Python dictionary in a few kilobytes of text at most.

use rjaxc_compiler::types::DType;
use std::fmt;
use std::io::Read;

/// Far above what NumPy writes, far below what would hurt.
const LARGEST_HEADER: u64 = 1 << 20;

/// NumPy's own limit.
const LARGEST_RANK: usize = 64;

/// What the header says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub descr: Descr,
    pub fortran_order: bool,
    pub shape: Vec<usize>,
}

/// An element type as NumPy spells it: `<f4`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Descr {
    pub order: Order,
    pub kind: u8,
    /// Units: bytes per element.
    pub size: usize,
    text: String,
}

/// The order of the bytes of one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Little,
    Big,
}

impl Descr {
    /// The element type, if NumPy has it or, for bf16, if the spelling has no other use.
    pub fn natural(&self) -> Option<DType> {
        match (self.kind, self.size) {
            (b'b', 1) => Some(DType::Bool),
            (b'i', 1) => Some(DType::I8),
            (b'i', 2) => Some(DType::I16),
            (b'i', 4) => Some(DType::I32),
            (b'i', 8) => Some(DType::I64),
            (b'u', 1) => Some(DType::U8),
            (b'u', 2) => Some(DType::U16),
            (b'u', 4) => Some(DType::U32),
            (b'u', 8) => Some(DType::U64),
            (b'f', 1) => Some(DType::F8E5M2),
            (b'f', 2) => Some(DType::F16),
            (b'f', 4) => Some(DType::F32),
            (b'f', 8) => Some(DType::F64),
            (b'c', 8) => Some(DType::C64),
            (b'c', 16) => Some(DType::C128),
            (b'V', 2) => Some(DType::BF16),
            _ => None,
        }
    }

    fn parse(text: &str) -> Result<Descr, String> {
        let unknown = || format!("element type `{}` is not known", text.escape_debug());
        let &[order, kind, ref digits @ ..] = text.as_bytes() else { return Err(unknown()) };
        let order = match order {
            b'<' | b'|' | b'=' => Order::Little,
            b'>' => Order::Big,
            _ => return Err(unknown()),
        };
        let size = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        match size {
            Some(size @ 1..=16) => Ok(Descr { order, kind, size, text: text.to_string() }),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Descr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads everything before the elements; also returns how many bytes that was.
pub(super) fn read(reader: &mut dyn Read) -> Result<(Header, u64), String> {
    let mut start = [0; 8];
    reader.read_exact(&mut start).map_err(|_| "not a .npy file: too short".to_string())?;
    if start[..6] != *super::MAGIC {
        return Err("not a .npy file: it does not start with \\x93NUMPY".to_string());
    }
    let width = match start[6] {
        1 => 2,
        2 | 3 => 4,
        version => return Err(format!(".npy format version {version} is not known")),
    };
    let mut length = [0; 4];
    reader.read_exact(&mut length[..width]).map_err(|_| "the header is cut off".to_string())?;
    let length = u64::from(u32::from_le_bytes(length));
    if length > LARGEST_HEADER {
        return Err(format!("a header of {length} bytes is too long"));
    }
    let mut text = Vec::new();
    reader.take(length).read_to_end(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 != length {
        return Err("the header is cut off".to_string());
    }
    let text = std::str::from_utf8(&text).map_err(|_| "the header is not text".to_string())?;
    Ok((parse(text)?, 8 + width as u64 + length))
}

/// Parses `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse(text: &str) -> Result<Header, String> {
    let mut cursor = Cursor { text, rest: text };
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    cursor.expect('{')?;
    while !cursor.eat('}') {
        let key = cursor.string()?;
        cursor.expect(':')?;
        let is_new = match key {
            "descr" => descr.replace(cursor.descr()?).is_none(),
            "fortran_order" => fortran_order.replace(cursor.boolean()?).is_none(),
            "shape" => shape.replace(cursor.shape()?).is_none(),
            other => return Err(format!("the header has an unknown key `{}`", other.escape_debug())),
        };
        if !is_new {
            return Err(format!("the header has two values for `{key}`"));
        }
        if !cursor.eat(',') && !cursor.rest.starts_with('}') {
            return Err(cursor.unexpected("`,` or `}`"));
        }
    }
    if !cursor.rest.is_empty() {
        return Err(cursor.unexpected("the end of the header"));
    }
    let missing = |key| move || format!("the header lacks `{key}`");
    Ok(Header {
        descr: descr.ok_or_else(missing("descr"))?,
        fortran_order: fortran_order.ok_or_else(missing("fortran_order"))?,
        shape: shape.ok_or_else(missing("shape"))?,
    })
}

struct Cursor<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\0']);
    }

    /// Takes `c` and blanks on both sides of it.
    fn eat(&mut self, c: char) -> bool {
        self.skip_blanks();
        let Some(rest) = self.rest.strip_prefix(c) else { return false };
        self.rest = rest;
        self.skip_blanks();
        true
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.eat(c) { Ok(()) } else { Err(self.unexpected(&format!("`{c}`"))) }
    }

    fn unexpected(&self, expected: &str) -> String {
        let at = self.text.len() - self.rest.len();
        match self.rest.chars().next() {
            Some(c) => format!("the header is malformed at byte {at}: expected {expected}, found {c:?}"),
            None => format!("the header is malformed: expected {expected}, found its end"),
        }
    }

    fn string(&mut self) -> Result<&'a str, String> {
        let quote = if self.rest.starts_with('"') { '"' } else { '\'' };
        let unexpected = self.unexpected("a string");
        let body = self.rest.strip_prefix(quote).ok_or(unexpected)?;
        let (string, rest) = body.split_once(quote).ok_or("the header has a string without an end")?;
        self.rest = rest;
        self.skip_blanks();
        Ok(string)
    }

    fn descr(&mut self) -> Result<Descr, String> {
        if self.rest.starts_with('[') {
            return Err("arrays of records are not supported".to_string());
        }
        Descr::parse(self.string()?)
    }

    fn boolean(&mut self) -> Result<bool, String> {
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                self.skip_blanks();
                return Ok(value);
            }
        }
        Err(self.unexpected("True or False"))
    }

    fn shape(&mut self) -> Result<Vec<usize>, String> {
        let mut shape = Vec::new();
        self.expect('(')?;
        while !self.eat(')') {
            if shape.len() == LARGEST_RANK {
                return Err(format!("the shape has more than {LARGEST_RANK} axes"));
            }
            shape.push(self.extent()?);
            if !self.eat(',') && !self.rest.starts_with(')') {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
        Ok(shape)
    }

    fn extent(&mut self) -> Result<usize, String> {
        let digits = self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = self.rest.split_at(digits);
        if number.is_empty() {
            return Err(self.unexpected("an extent"));
        }
        let extent = number.parse().map_err(|_| format!("the extent {number} is too large"))?;
        // Python 2 wrote long integers with a suffix.
        self.rest = rest.strip_prefix('L').unwrap_or(rest);
        Ok(extent)
    }
}
