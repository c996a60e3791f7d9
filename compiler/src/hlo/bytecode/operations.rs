//! Operations, regions and functions.

use super::bytes::Bytes;
use super::container::{Container, IR};
use super::entries::Entries;
use super::places::Places;
use super::{Parsed, builtin, meaning, schema, version};
use crate::hlo::{Attribute, Attributes, Func, Location, Module, Op, Region, Type, Value, Visibility, text};

/// What the encoding of an operation has; a bit each.
mod mask {
    pub const ATTRIBUTES: u8 = 1;
    pub const RESULTS: u8 = 2;
    pub const OPERANDS: u8 = 4;
    pub const SUCCESSORS: u8 = 8;
    pub const REGIONS: u8 = 16;
    pub const USE_LISTS: u8 = 32;
    pub const PROPERTIES: u8 = 64;
}

/// The walk over the operations of a file.
pub struct Reader<'c, 'a> {
    entries: Entries<'c, 'a>,
    places: Places<'c, 'a>,
    // The function that is being read.
    types: Vec<Type>,
    // What the user calls its arguments.
    labels: Vec<Option<&'a str>>,
    // Values by the numbers that operands have; `None` until they are defined. Regions add theirs and take them away.
    values: Vec<Option<Value>>,
    depth: u32,
}

/// An operation but for its regions.
struct Header<'c, 'a> {
    /// With its dialect, as VHLO calls it.
    name: &'c str,
    attributes: Attributes,
    result_types: Vec<Type>,
    /// Positions in [`Reader::values`].
    operands: Vec<(u64, Bytes<'a>)>,
    regions: usize,
    is_isolated: bool,
    location: Location,
}

/// Where the values of a region have their numbers.
struct Numbers {
    next: usize,
    end: usize,
}

impl<'c, 'a> Reader<'c, 'a> {
    pub fn new(container: &'c Container<'a>, file_bytes: usize) -> Self {
        Reader {
            entries: Entries::new(container, file_bytes),
            places: Places::new(container),
            types: Vec::new(),
            labels: Vec::new(),
            values: Vec::new(),
            depth: 0,
        }
    }

    /// The module, which is the one operation of the outermost block. Errors: it is malformed or out of reach.
    pub fn module(mut self) -> Parsed<Module> {
        let mut at = self.container().ir;
        let mut module = Module::default();
        let (count, has_arguments) = at.flagged()?;
        if count != 1 || has_arguments {
            return Err(at.error("expected one module"));
        }
        let start = at;
        let header = self.header(&mut at)?;
        if header.name != "builtin.module" || header.regions != 1 {
            return Err(start.unsupported(format!("the operation {} instead of a module", header.name)));
        }
        let mut attributes = header.attributes;
        module.name = attributes.text("sym_name").map(str::to_string);
        attributes.0.retain(|(name, _)| name != "sym_name" && name != "sym_visibility");
        module.attributes = attributes;
        self.inside(&mut at, header.is_isolated, |reader, at| {
            reader
                .block(at, |reader, at, _, ops| (0..ops).try_for_each(|_| reader.top_level(at, &mut module)))
        })?;
        for resource in &self.container().resources {
            module.resources.insert(resource.key.clone(), self.container().shared(resource.data));
        }
        module.places = self.places.finish();
        Ok(module)
    }

    fn container(&self) -> &'c Container<'a> {
        self.entries.container
    }

    /// One operation of a module.
    fn top_level(&mut self, at: &mut Bytes<'a>, module: &mut Module) -> Parsed<()> {
        let start = *at;
        let header = self.header(at)?;
        match header.name {
            "vhlo.func_v1" | "func.func" if header.regions == 1 => {
                let function = self.function(header, at, start)?;
                if module.function(&function.name).is_some() {
                    return Err(start.error(&format!("the function @{} is defined twice", function.name)));
                }
                module.functions.push(function);
                Ok(())
            }
            // What it says of devices is of no interest.
            "sdy.mesh" if header.regions == 0 => Ok(()),
            other => Err(foreign(start, other)),
        }
    }

    fn function(&mut self, header: Header<'c, 'a>, at: &mut Bytes<'a>, start: Bytes<'a>) -> Parsed<Func> {
        let lacks = |what: &str| start.error(&format!("a function without its {what}"));
        let mut attributes = header.attributes;
        let name = attributes.text("sym_name").ok_or_else(|| lacks("name"))?.to_string();
        let Some(Attribute::Type(Type::Function(inputs, result_types))) =
            attributes.get("function_type").cloned()
        else {
            return Err(lacks("type"));
        };
        let is_private = attributes.text("sym_visibility") == Some("private");
        let each = |key: &str, count: usize| match attributes.get(key) {
            Some(Attribute::List(items)) if items.len() == count => {
                items.iter().map(|item| builtin::as_dictionary(item.clone(), start)).collect()
            }
            _ => Ok(vec![Attributes::default(); count]),
        };
        let mut argument_attributes = each("arg_attrs", inputs.len())?;
        let result_attributes = each("res_attrs", result_types.len())?;
        let own = schema::properties("func_v1").unwrap_or_default();
        attributes.0.retain(|(key, _)| !own.contains(&key.as_str()));
        self.types.clear();
        let body = self.inside(at, header.is_isolated, |reader, at| reader.region(at, true))?;
        let types = std::mem::take(&mut self.types);
        for (attributes, label) in argument_attributes.iter_mut().zip(std::mem::take(&mut self.labels)) {
            label.into_iter().for_each(|label| attributes.name_argument(label.as_bytes().to_vec()));
        }
        if body.arguments.iter().map(|&value| &types[value.0 as usize]).ne(&inputs) {
            return Err(start.error(&format!("@{name} has other arguments than its type says")));
        }
        let function = Func {
            name,
            visibility: if is_private { Visibility::Private } else { Visibility::Public },
            argument_attributes,
            result_types,
            result_attributes,
            attributes,
            body,
            types,
            location: header.location,
        };
        text::checked_returns(function)
    }

    /// Reads the regions of an operation. If they use nothing from around it, they count their values from 0, and are a
    /// section of their own since the format knows of that.
    fn inside<T>(
        &mut self,
        at: &mut Bytes<'a>,
        is_isolated: bool,
        read: impl FnOnce(&mut Self, &mut Bytes<'a>) -> Parsed<T>,
    ) -> Parsed<T> {
        if !is_isolated {
            return read(self, at);
        }
        let outer = std::mem::take(&mut self.values);
        let result = if self.container().version < version::LAZY_REGIONS {
            read(self, at)?
        } else {
            let start = *at;
            let (id, mut data) = at.section()?;
            if id != IR {
                return Err(start.error("expected the operations of a region"));
            }
            read(self, &mut data)?
        };
        self.values = outer;
        Ok(result)
    }

    /// A region of one block.
    fn region(&mut self, at: &mut Bytes<'a>, is_function: bool) -> Parsed<Region> {
        if self.depth == text::MAX_DEPTH {
            return Err(at.unsupported(format!("nested more than {} deep", text::MAX_DEPTH)));
        }
        self.depth += 1;
        let mut region = Region::default();
        region.arguments = self.block(at, |reader, at, numbers, ops| {
            for _ in 0..ops {
                region.ops.extend(reader.operation(at, numbers, is_function)?);
            }
            Ok(())
        })?;
        self.depth -= 1;
        Ok(region)
    }

    /// The block of a region, whose operations `read` reads. Returns its arguments.
    fn block(
        &mut self,
        at: &mut Bytes<'a>,
        read: impl FnOnce(&mut Self, &mut Bytes<'a>, &mut Numbers, usize) -> Parsed<()>,
    ) -> Parsed<Vec<Value>> {
        let start = *at;
        match at.varint()? {
            0 => return Ok(Vec::new()),
            1 => {}
            _ => return Err(start.unsupported("more than one block")),
        }
        let count = at.count()?;
        let outer = self.values.len();
        self.values.resize(outer + count, None);
        let mut numbers = Numbers { next: outer, end: outer + count };
        let start = *at;
        let (ops, has_arguments) = at.flagged()?;
        let arguments = if has_arguments { self.block_arguments(at, &mut numbers)? } else { Vec::new() };
        let ops = at.fitting(ops, start)?;
        read(self, at, &mut numbers, ops)?;
        self.values.truncate(outer);
        Ok(arguments)
    }

    fn block_arguments(&mut self, at: &mut Bytes<'a>, numbers: &mut Numbers) -> Parsed<Vec<Value>> {
        let version = self.container().version;
        let count = at.count()?;
        let mut arguments = Vec::with_capacity(count);
        for _ in 0..count {
            let start = *at;
            let (ty, has_location) =
                if version >= version::COUNTED_NAMES { at.flagged()? } else { (at.varint()?, true) };
            let location = has_location.then(|| at.index(self.container().attributes.len(), "location"));
            let label = location.transpose()?.and_then(|location| self.places.label(location));
            // Those of the function come before the regions inside of it.
            if self.depth == 1 {
                self.labels.push(label);
            }
            let ty = start.within(ty, self.container().types.len(), "type")?;
            let ty = self.entries.type_at(ty, start)?;
            arguments.push(self.define(ty, numbers, start)?);
        }
        if version >= version::USE_LISTS && at.byte()? != 0 {
            skip_use_lists(at, count)?;
        }
        Ok(arguments)
    }

    /// The next value of the function, under the next number of its region.
    fn define(&mut self, ty: Type, numbers: &mut Numbers, start: Bytes) -> Parsed<Value> {
        if numbers.next == numbers.end {
            return Err(start.error("a region has more values than it says"));
        }
        let value = Value(self.types.len() as u32);
        self.types.push(ty);
        self.values[numbers.next] = Some(value);
        numbers.next += 1;
        Ok(value)
    }

    /// One operation; `None` for one that is nothing but other names for its operands.
    fn operation(
        &mut self,
        at: &mut Bytes<'a>,
        numbers: &mut Numbers,
        is_function: bool,
    ) -> Parsed<Option<Op>> {
        let start = *at;
        let header = self.header(at)?;
        let operands: Vec<Value> = header
            .operands
            .iter()
            .map(|&(number, at)| {
                let number = at.within(number, self.values.len(), "value")?;
                self.values[number].ok_or_else(|| at.error("a value is used before it is defined"))
            })
            .collect::<Parsed<_>>()?;
        // The numbers of results come before those of regions, their values behind: as the reader of text counts them.
        let first = numbers.next;
        if header.result_types.len() > numbers.end - first {
            return Err(start.error("a region has more values than it says"));
        }
        numbers.next += header.result_types.len();
        if header.name == "builtin.unrealized_conversion_cast" {
            // VHLO's types and MLIR's own, which are one here.
            if operands.iter().map(|operand| &self.types[operand.0 as usize]).ne(&header.result_types) {
                return Err(start.unsupported("a cast between other types in MLIR bytecode"));
            }
            let renamed = self.values[first..].iter_mut().zip(operands);
            renamed.for_each(|(value, operand)| *value = Some(operand));
            return Ok(None);
        }
        let regions = self.inside(at, header.is_isolated, |reader, at| {
            (0..header.regions).map(|_| reader.region(at, false)).collect::<Parsed<Vec<Region>>>()
        })?;
        let mut own = Numbers { next: first, end: numbers.next };
        let results = header.result_types.into_iter().map(|ty| self.define(ty, &mut own, start));
        let results = results.collect::<Parsed<Vec<Value>>>()?;
        let (name, attributes) = canonical(header.name, header.attributes, is_function, start)?;
        Ok(Some(Op { name, operands, results, attributes, regions, location: header.location }))
    }

    fn header(&mut self, at: &mut Bytes<'a>) -> Parsed<Header<'c, 'a>> {
        let container = self.container();
        let start = *at;
        let name = container.op_names[at.index(container.op_names.len(), "operation")?].as_str();
        let mask = at.byte()?;
        let place = at.index(container.attributes.len(), "location")?;
        let location = Location { span: start.here(), place: self.places.number(place) };
        let mut attributes = Attributes::default();
        if mask & mask::ATTRIBUTES != 0 {
            let start = *at;
            attributes = builtin::as_dictionary(self.entries.attribute(at)?, start)?;
        }
        if mask & mask::PROPERTIES != 0 {
            let list = container.properties[at.index(container.properties.len(), "list of properties")?];
            let mut properties = self.properties(name, list)?;
            properties.0.append(&mut attributes.0);
            attributes = properties;
        }
        let mut result_types = Vec::new();
        if mask & mask::RESULTS != 0 {
            result_types = at.list(|at| self.entries.ty(at))?;
        }
        let mut operands = Vec::new();
        if mask & mask::OPERANDS != 0 {
            operands = at.list(|at| {
                let start = *at;
                Ok((at.varint()?, start))
            })?;
        }
        if mask & mask::SUCCESSORS != 0 {
            return Err(start.unsupported("jumps between blocks"));
        }
        if mask & mask::USE_LISTS != 0 {
            skip_use_lists(at, result_types.len())?;
        }
        let (regions, is_isolated) = if mask & mask::REGIONS != 0 { at.flagged()? } else { (0, false) };
        let regions = at.fitting(regions, start)?;
        Ok(Header { name, attributes, result_types, operands, regions, is_isolated, location })
    }

    /// A list of properties, by their names.
    fn properties(&mut self, op: &str, mut at: Bytes<'a>) -> Parsed<Attributes> {
        let mut properties = Attributes::default();
        if op == "builtin.module" {
            for name in ["sym_name", "sym_visibility"] {
                if let Some(value) = self.entries.optional_attribute(&mut at)? {
                    properties.set(name, value);
                }
            }
            return Ok(properties);
        }
        let names = match op {
            // What it says of devices is of no interest.
            "sdy.mesh" => return Ok(properties),
            "sdy.sharding_constraint" => &["sharding"],
            _ => match op.strip_prefix("vhlo.") {
                Some(name) => schema::properties(name).ok_or_else(|| foreign(at, op))?,
                None => &[],
            },
        };
        for name in names {
            properties.0.push((name.to_string(), self.entries.attribute(&mut at)?));
        }
        if at.is_empty() {
            Ok(properties)
        } else {
            Err(at.unsupported(format!("the properties of {op} in MLIR bytecode")))
        }
    }
}

/// The order in which passes see the uses of values means nothing to a program.
fn skip_use_lists(at: &mut Bytes, values: usize) -> Parsed<()> {
    let lists = if values > 1 { at.count()? } else { 1 };
    for _ in 0..lists {
        if values > 1 {
            at.varint()?;
        }
        let start = *at;
        let (count, _) = at.flagged()?;
        let count = at.fitting(count, start)?;
        (0..count).try_for_each(|_| at.varint().map(|_| ()))?;
    }
    Ok(())
}

/// The operation in StableHLO's terms.
fn canonical(
    name: &str,
    attributes: Attributes,
    is_function: bool,
    start: Bytes,
) -> Parsed<(String, Attributes)> {
    if name == "sdy.sharding_constraint" {
        return Ok((name.to_string(), attributes));
    }
    let known = name.strip_prefix("vhlo.").filter(|name| schema::properties(name).is_some());
    let Some((name, _)) = known.and_then(schema::versioned) else { return Err(foreign(start, name)) };
    let dialect = if name == "call" || (name == "return" && is_function) { "func" } else { "stablehlo" };
    Ok((format!("{dialect}.{name}"), meaning::attributes(name, attributes)))
}

fn foreign(start: Bytes, name: &str) -> crate::diag::Diagnostic {
    let error = start.unsupported(format!("the operation {name} in MLIR bytecode"));
    if name.starts_with("stablehlo.") || name.starts_with("func.") {
        error.hint(super::NOT_PORTABLE)
    } else if name.starts_with("vhlo.") {
        error.hint(version::OLDER)
    } else {
        error
    }
}
