//! The sections of a file, with their tables: strings, dialects, names of operations, and where each attribute, type,
//! list of properties and resource stands. Nothing is decoded here.
//!
//! Source: MLIR, "MLIR Bytecode Format".

use super::Parsed;
use super::bytes::Bytes;
use super::version;
use crate::types::SharedBytes;

/// Numbers of sections.
mod section {
    pub const STRINGS: u8 = 0;
    pub const DIALECTS: u8 = 1;
    pub const ENTRIES: u8 = 2;
    pub const OFFSETS: u8 = 3;
    pub const IR: u8 = 4;
    pub const RESOURCES: u8 = 5;
    pub const RESOURCE_OFFSETS: u8 = 6;
    pub const DIALECT_VERSION: u8 = 7;
    pub const PROPERTIES: u8 = 8;
    pub const COUNT: usize = 9;
}

pub use section::IR;

/// One file, taken apart.
pub struct Container<'a> {
    // What all the parts lie in.
    file: &'a SharedBytes,
    /// Invariant: at most [`version::NEWEST_BYTECODE`].
    pub version: u64,
    strings: Vec<&'a [u8]>,
    pub dialects: Vec<&'a str>,
    /// With their dialects: `vhlo.add_v1`.
    pub op_names: Vec<String>,
    pub attributes: Vec<Entry<'a>>,
    pub types: Vec<Entry<'a>>,
    /// The properties of operations, each list once.
    pub properties: Vec<Bytes<'a>>,
    /// Blobs of dialects, in the order in which attributes count them.
    pub resources: Vec<Resource<'a>>,
    pub ir: Bytes<'a>,
}

/// An attribute or a type.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// An index into [`Container::dialects`].
    pub dialect: usize,
    /// In the encoding of its dialect; otherwise it is text.
    pub is_encoded: bool,
    pub data: Bytes<'a>,
}

pub struct Resource<'a> {
    pub key: String,
    pub data: &'a [u8],
}

impl<'a> Container<'a> {
    /// Takes a file apart. Errors: it is malformed, or newer than what is known.
    pub fn read(file: &'a SharedBytes, mut at: Bytes<'a>) -> Parsed<Self> {
        at.take(super::MAGIC.len())?;
        let start = at;
        let version = at.varint()?;
        let producer = at.zero_terminated()?;
        version::check(version, producer).map_err(|error| error.at(start.here()))?;
        let sections = sections(&mut at)?;
        let needed = |id: u8, name: &str| {
            sections[usize::from(id)].ok_or_else(|| start.error(&format!("there is no section of {name}")))
        };
        let strings = strings(needed(section::STRINGS, "strings")?)?;
        let mut container = Container {
            file,
            version,
            strings,
            dialects: Vec::new(),
            op_names: Vec::new(),
            attributes: Vec::new(),
            types: Vec::new(),
            properties: Vec::new(),
            resources: Vec::new(),
            ir: needed(section::IR, "operations")?,
        };
        container.read_dialects(needed(section::DIALECTS, "dialects")?)?;
        container.read_offsets(
            needed(section::OFFSETS, "the places of attributes and types")?,
            needed(section::ENTRIES, "attributes and types")?,
        )?;
        if let Some(properties) = sections[usize::from(section::PROPERTIES)] {
            container.properties = self::properties(properties)?;
        }
        if let Some(offsets) = sections[usize::from(section::RESOURCE_OFFSETS)] {
            let resources = needed(section::RESOURCES, "resources")?;
            container.read_resources(offsets, resources)?;
        }
        Ok(container)
    }

    /// Part of the file, to keep.
    pub fn shared(&self, part: &[u8]) -> SharedBytes {
        self.file.slice_ref(part)
    }

    /// A string by the number that stands at the place. Errors: there is none, or it is no UTF-8.
    pub fn string(&self, at: &mut Bytes<'a>) -> Parsed<&'a str> {
        let start = *at;
        std::str::from_utf8(self.raw_string(at)?).map_err(|_| start.error("a name is no UTF-8"))
    }

    /// [`Container::string`] that may be anything.
    pub fn raw_string(&self, at: &mut Bytes<'a>) -> Parsed<&'a [u8]> {
        Ok(self.strings[at.index(self.strings.len(), "string")?])
    }

    /// [`Container::string`] with a flag beside its number.
    fn flagged_string(&self, at: &mut Bytes<'a>) -> Parsed<(&'a str, bool)> {
        let start = *at;
        let (index, flag) = at.flagged()?;
        let bytes = self.strings[start.within(index, self.strings.len(), "string")?];
        Ok((std::str::from_utf8(bytes).map_err(|_| start.error("a name is no UTF-8"))?, flag))
    }

    fn read_dialects(&mut self, mut at: Bytes<'a>) -> Parsed<()> {
        let count = at.count()?;
        for _ in 0..count {
            let name = if self.version < version::DIALECT_VERSIONS {
                self.string(&mut at)?
            } else {
                let (name, has_version) = self.flagged_string(&mut at)?;
                if has_version && at.section()?.0 != section::DIALECT_VERSION {
                    return Err(at.error("expected the version of a dialect"));
                }
                name
            };
            self.dialects.push(name);
        }
        if self.version >= version::COUNTED_NAMES {
            at.count()?;
        }
        while !at.is_empty() {
            let dialect = at.index(self.dialects.len(), "dialect")?;
            let count = at.count()?;
            for _ in 0..count {
                let name = if self.version < version::PROPERTIES {
                    self.string(&mut at)?
                } else {
                    self.flagged_string(&mut at)?.0
                };
                self.op_names.push(format!("{}.{name}", self.dialects[dialect]));
            }
        }
        Ok(())
    }

    fn read_offsets(&mut self, mut at: Bytes<'a>, mut entries: Bytes<'a>) -> Parsed<()> {
        let attributes = at.count()?;
        let types = at.count()?;
        self.attributes = self.entries(attributes, &mut at, &mut entries)?;
        self.types = self.entries(types, &mut at, &mut entries)?;
        Ok(())
    }

    /// `count` entries, grouped by dialect.
    fn entries(&self, count: usize, at: &mut Bytes<'a>, data: &mut Bytes<'a>) -> Parsed<Vec<Entry<'a>>> {
        let mut entries = Vec::new();
        while entries.len() < count {
            let dialect = at.index(self.dialects.len(), "dialect")?;
            let start = *at;
            let in_group = at.count()?;
            // A group of nothing makes no progress, but it takes bytes, so the loop ends.
            if in_group > count - entries.len() {
                return Err(start.error("more attributes or types in a group than there are"));
            }
            for _ in 0..in_group {
                let start = *at;
                let (size, is_encoded) = at.flagged()?;
                let size = data.fitting(size, start)?;
                entries.push(Entry { dialect, is_encoded, data: data.part(size)? });
            }
        }
        Ok(entries)
    }

    fn read_resources(&mut self, mut at: Bytes<'a>, mut data: Bytes<'a>) -> Parsed<()> {
        // Those of tools (debuggers, reproducers) stand first and say nothing about the program.
        for _ in 0..at.count()? {
            self.string(&mut at)?;
            self.resource_group(&mut at, &mut data)?;
        }
        while !at.is_empty() {
            at.index(self.dialects.len(), "dialect")?;
            let group = self.resource_group(&mut at, &mut data)?;
            self.resources.extend(group);
        }
        Ok(())
    }

    fn resource_group(&self, at: &mut Bytes<'a>, data: &mut Bytes<'a>) -> Parsed<Vec<Resource<'a>>> {
        const IS_BLOB: u8 = 0;
        at.list(|at| {
            let key = self.string(at)?.to_string();
            let start = *at;
            let size = at.varint()?;
            let kind = at.byte()?;
            let size = data.fitting(size, start)?;
            let mut entry = data.part(size)?;
            let data = if kind == IS_BLOB && !entry.is_empty() {
                let alignment = entry.varint()?;
                let start = entry;
                let size = entry.varint()?;
                entry.align(alignment)?;
                let size = entry.fitting(size, start)?;
                entry.take(size)?
            } else {
                &[]
            };
            Ok(Resource { key, data })
        })
    }
}

/// Every section by its number.
fn sections<'a>(file: &mut Bytes<'a>) -> Parsed<[Option<Bytes<'a>>; section::COUNT]> {
    let mut sections = [None; section::COUNT];
    while !file.is_empty() {
        let start = *file;
        let (id, data) = file.section()?;
        let Some(place) = sections.get_mut(usize::from(id)) else {
            return Err(start.error(&format!("section number {id}")));
        };
        if place.replace(data).is_some() {
            return Err(start.error(&format!("section number {id} twice")));
        }
    }
    Ok(sections)
}

/// The lengths stand in front of the strings, last one first; a zero ends each string.
fn strings(mut at: Bytes<'_>) -> Parsed<Vec<&[u8]>> {
    let mut lengths = at.list(|at| {
        let start = *at;
        let length = at.varint()?;
        if length == 0 { Err(start.error("a string without its zero")) } else { at.fitting(length, start) }
    })?;
    lengths.reverse();
    lengths.into_iter().map(|length| Ok(&at.take(length)?[..length - 1])).collect()
}

fn properties(mut at: Bytes<'_>) -> Parsed<Vec<Bytes<'_>>> {
    at.list(|at| {
        let size = at.count()?;
        at.part(size)
    })
}
