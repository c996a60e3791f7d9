//! Writes StableHLO as text: short forms where people read them with ease, the generic form for everything else.

mod attribute;
mod short;

use super::element::{Arrow, list};
use super::{Attributes, Func, Module, Op, Region, Type, Value, Visibility};
use crate::types::SharedBytes;
use attribute::key;
use std::fmt::{self, Display, Write};

/// Constants of more elements are written as hexadecimal bytes.
const MAX_DECIMALS: usize = 64;

impl Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("module")?;
        if let Some(name) = &self.name {
            write!(f, " @{}", key(name))?;
        }
        if !self.attributes.0.is_empty() {
            write!(f, " attributes {}", self.attributes)?;
        }
        f.write_str(" {\n")?;
        for function in &self.functions {
            f.write_str(&Printer::new(function).function())?;
        }
        f.write_str("}\n")?;
        if self.resources.is_empty() {
            return Ok(());
        }
        let mut resources: Vec<(&String, &SharedBytes)> = self.resources.iter().collect();
        resources.sort_unstable();
        let entries: Vec<String> = resources
            .into_iter()
            .map(|(name, bytes)| format!("      {}: \"0x01000000{}\"", key(name), attribute::hex(bytes)))
            .collect();
        let entries = entries.join(",\n");
        write!(f, "\n{{-#\n  dialect_resources: {{\n    builtin: {{\n{entries}\n    }}\n  }}\n#-}}\n")
    }
}

impl Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (position, (name, value)) in self.0.iter().enumerate() {
            let comma = if position > 0 { ", " } else { "" };
            match value {
                super::Attribute::Unit => write!(f, "{comma}{}", key(name))?,
                value => write!(f, "{comma}{} = {value}", key(name))?,
            }
        }
        f.write_str("}")
    }
}

/// One function on its way to text.
struct Printer<'a> {
    function: &'a Func,
    out: String,
    // Names without `%`, by value.
    names: Vec<String>,
    arguments: usize,
    results: usize,
    indent: usize,
}

impl<'a> Printer<'a> {
    fn new(function: &'a Func) -> Self {
        let names = vec![String::new(); function.types.len()];
        Printer { function, out: String::new(), names, arguments: 0, results: 0, indent: 1 }
    }

    fn function(mut self) -> String {
        let function = self.function;
        let visibility = match function.visibility {
            Visibility::Public => "public",
            Visibility::Private => "private",
        };
        self.put(format_args!("  func.func {visibility} @{}(", key(&function.name)));
        let arguments: Vec<String> = function
            .body
            .arguments
            .iter()
            .zip(&function.argument_attributes)
            .map(|(&value, attributes)| format!("{}{}", self.argument(value), after(attributes)))
            .collect();
        let results = function.result_types.iter().zip(&function.result_attributes);
        let results: Vec<String> =
            results.map(|(ty, attributes)| format!("{ty}{}", after(attributes))).collect();
        self.put(format_args!("{}) -> ({})", arguments.join(", "), results.join(", ")));
        if !function.attributes.0.is_empty() {
            self.put(format_args!(" attributes {}", function.attributes));
        }
        self.out.push_str(" {\n");
        self.ops(&function.body);
        self.out.push_str("  }\n");
        self.out
    }

    fn put(&mut self, text: fmt::Arguments) {
        self.out.write_fmt(text).expect("a string takes everything");
    }

    /// Names a block argument: `%arg0: type`.
    fn argument(&mut self, value: Value) -> String {
        self.names[value.0 as usize] = format!("arg{}", self.arguments);
        self.arguments += 1;
        format!("{}: {}", self.value(value), self.function.type_of(value))
    }

    fn value(&self, value: Value) -> String {
        format!("%{}", self.names[value.0 as usize])
    }

    fn values(&self, values: &[Value]) -> String {
        values.iter().map(|&value| self.value(value)).collect::<Vec<_>>().join(", ")
    }

    fn types(&self, values: &[Value]) -> Vec<Type> {
        values.iter().map(|&value| self.function.type_of(value).clone()).collect()
    }

    fn ops(&mut self, region: &Region) {
        self.indent += 1;
        for op in &region.ops {
            self.margin();
            self.op(op);
            self.out.push('\n');
        }
        self.indent -= 1;
    }

    fn margin(&mut self) {
        let margin = "  ".repeat(self.indent);
        self.out.push_str(&margin);
    }

    fn op(&mut self, op: &Op) {
        // The names exist from here on; the regions of the operation cannot use them, so nobody minds.
        match op.results.as_slice() {
            [] => {}
            [one] => {
                let name = self.results.to_string();
                self.put(format_args!("%{name} = "));
                self.names[one.0 as usize] = name;
                self.results += 1;
            }
            several => {
                let name = self.results;
                self.put(format_args!("%{name}:{} = ", several.len()));
                for (position, value) in several.iter().enumerate() {
                    self.names[value.0 as usize] = format!("{name}#{position}");
                }
                self.results += 1;
            }
        }
        if !self.short(op) {
            self.generic(op);
        }
    }

    /// `"name"(%0) ({..}) {..} : (types) -> types`
    fn generic(&mut self, op: &Op) {
        self.put(format_args!("\"{}\"({})", op.name, self.values(&op.operands)));
        for (position, region) in op.regions.iter().enumerate() {
            self.out.push_str(if position == 0 { " (" } else { ", " });
            self.block(region);
        }
        self.out.push_str(if op.regions.is_empty() { "" } else { ")" });
        if !op.attributes.0.is_empty() {
            self.put(format_args!(" {}", op.attributes));
        }
        let (operands, results) = (self.types(&op.operands), self.types(&op.results));
        self.put(format_args!(" : {}", Arrow(&operands, &results)));
    }

    /// `{ ^bb0(%arg0: type): ops }`
    fn block(&mut self, region: &Region) {
        self.out.push_str("{\n");
        if !region.arguments.is_empty() {
            let arguments: Vec<String> = region.arguments.iter().map(|&value| self.argument(value)).collect();
            self.margin();
            self.put(format_args!("^bb0({}):\n", arguments.join(", ")));
        }
        self.ops(region);
        self.margin();
        self.out.push('}');
    }

    /// ` : type`, abbreviated if all are equal.
    fn tail(&mut self, op: &Op) {
        let (operands, results) = (self.types(&op.operands), self.types(&op.results));
        let is_chlo = op.name.starts_with("chlo.");
        match results.as_slice() {
            [one] if !is_chlo && !operands.is_empty() && operands.iter().all(|ty| ty == one) => {
                self.put(format_args!(" : {one}"));
            }
            [one] if !is_chlo && operands.is_empty() => self.put(format_args!(" : {one}")),
            [one] if is_chlo => self.put(format_args!(" : {} -> {one}", list(&operands))),
            several if is_chlo => self.put(format_args!(" : {} -> ({})", list(&operands), list(several))),
            several => self.put(format_args!(" : {}", Arrow(&operands, several))),
        }
    }
}

/// ` {..}`, or nothing.
fn after(attributes: &Attributes) -> String {
    if attributes.0.is_empty() { String::new() } else { format!(" {attributes}") }
}
