//! What stands around operations: modules, functions, aliases and resources.

use super::cursor::unescaped;
use super::{Parsed, Parser, Scope, dense::decode_hex};
use crate::diag::{Diagnostic, Span};
use crate::hlo::{Attribute, Attributes, Func, Location, Module, Type, Visibility};
use crate::types::SharedBytes;

/// MLIR writes the alignment in front of the bytes of a resource.
const RESOURCE_HEADER: usize = 4;

impl<'a> Parser<'a> {
    pub(super) fn module(&mut self) -> Parsed<Module> {
        let mut module = Module::default();
        while self.at.peek() != 0 || self.at.position < self.at.text.len() {
            self.top_level(&mut module)?;
        }
        module.places = self.places.finish();
        Ok(module)
    }

    /// One thing outside of functions.
    fn top_level(&mut self, module: &mut Module) -> Parsed<()> {
        match self.at.peek() {
            b'#' | b'!' => self.alias(),
            b'{' if self.at.starts_with("{-#") => self.resources(module),
            b'"' => self.generic_top_level(module),
            _ => {
                let start = self.at;
                match self.at.word() {
                    "module" | "builtin.module" => self.pretty_module(module),
                    "func.func" | "func" => {
                        let function = self.function(start.here())?;
                        self.add_function(module, function)
                    }
                    "sdy.mesh" => self.mesh(),
                    "" => Err(start.expected("`module` or `func.func`")),
                    other => {
                        let message = format!("unknown operation {other} outside of functions");
                        Err(Diagnostic::unsupported(message).at(start.here()))
                    }
                }
            }
        }
    }

    fn add_function(&mut self, module: &mut Module, function: Func) -> Parsed<()> {
        if let Some(earlier) = module.function(&function.name) {
            let message = format!("the function @{} is defined twice", function.name);
            let error = Diagnostic::error(message).at(function.location.span);
            return Err(error.label(earlier.location.span, "first here"));
        }
        module.functions.push(function);
        Ok(())
    }

    /// `#name = attribute`, `#loc1 = loc(..)`, `!name = type`
    fn alias(&mut self) -> Parsed<()> {
        let start = self.at;
        self.at.position += 1;
        self.at.suffix();
        let name = &start.text[start.position..self.at.position];
        self.at.expect("=")?;
        let definition = self.at.position;
        if self.at.peek_word() == "loc" {
            let place = self.optional_place()?;
            self.places.define(name, place);
            return Ok(());
        }
        if name.starts_with('!') {
            self.ty()?;
        } else {
            self.attribute()?;
        }
        self.aliases.insert(name, definition);
        Ok(())
    }

    /// `@name attributes {..} {..}`
    fn pretty_module(&mut self, module: &mut Module) -> Parsed<()> {
        if self.at.peek() == b'@' {
            module.name = Some(self.symbol()?);
        }
        if self.at.eat_word("attributes") {
            module.attributes = self.dictionary()?;
        }
        let start = self.at;
        self.at.expect("{")?;
        self.deeper(|parser| parser.module_body(module, start.here()))?;
        self.optional_place()?;
        Ok(())
    }

    fn module_body(&mut self, module: &mut Module, start: Span) -> Parsed<()> {
        while !self.at.eat("}") {
            if self.at.peek() == 0 {
                return Err(Diagnostic::error("the module is never closed").at(start));
            }
            self.top_level(module)?;
        }
        Ok(())
    }

    /// `"builtin.module"` and `"func.func"`
    fn generic_top_level(&mut self, module: &mut Module) -> Parsed<()> {
        let start = self.at;
        let name = self.at.raw_string()?;
        self.list("(", ")", Self::operand)?;
        let mut attributes = self.optional_properties()?;
        match name {
            "builtin.module" => {
                self.at.expect("(")?;
                self.at.expect("{")?;
                if self.at.eat("^") {
                    self.at.suffix();
                    self.at.expect(":")?;
                }
                self.deeper(|parser| parser.module_body(module, start.here()))?;
                self.at.expect(")")?;
                attributes.0.extend(self.optional_dictionary()?.0);
                module.name = attributes.text("sym_name").map(str::to_string);
                attributes.0.retain(|(key, _)| key != "sym_name");
                module.attributes = attributes;
            }
            "func.func" => {
                self.scope = Scope::default();
                self.at.expect("(")?;
                let body = self.region(Vec::new())?;
                self.at.expect(")")?;
                attributes.0.extend(self.optional_dictionary()?.0);
                let function = self.generic_function(body, attributes, start.here())?;
                self.add_function(module, function)?;
            }
            // What it says of devices is of no interest.
            "sdy.mesh" => _ = self.optional_dictionary()?,
            other => {
                let message = format!("unknown operation {other} outside of functions");
                return Err(Diagnostic::unsupported(message).at(start.here()));
            }
        }
        self.at.expect(":")?;
        self.arrow()?;
        self.optional_place()?;
        Ok(())
    }

    fn generic_function(
        &mut self,
        body: crate::hlo::Region,
        mut attributes: Attributes,
        span: Span,
    ) -> Parsed<Func> {
        let lacks = |what: &str| Diagnostic::error(format!("func.func lacks {what}")).at(span);
        let name = attributes.text("sym_name").ok_or_else(|| lacks("sym_name"))?.to_string();
        let ty = attributes.get("function_type").and_then(Self::as_type);
        let Some(Type::Function(inputs, result_types)) = ty.cloned() else {
            return Err(lacks("function_type"));
        };
        let is_private = attributes.text("sym_visibility") == Some("private");
        let each = |key: &str, count: usize| match attributes.get(key) {
            Some(Attribute::List(items)) if items.len() == count => items.iter().map(as_dictionary).collect(),
            _ => vec![Attributes::default(); count],
        };
        let (arguments, results) = (each("arg_attrs", inputs.len()), each("res_attrs", result_types.len()));
        attributes.0.retain(|(key, _)| {
            !["sym_name", "function_type", "sym_visibility", "arg_attrs", "res_attrs"].contains(&key.as_str())
        });
        self.check_operand_types(&body.arguments, &inputs, span)?;
        checked_returns(Func {
            name,
            visibility: if is_private { Visibility::Private } else { Visibility::Public },
            argument_attributes: arguments,
            result_types,
            result_attributes: results,
            attributes,
            body,
            types: std::mem::take(&mut self.scope).types,
            location: Location { span, place: 0 },
        })
    }

    /// `public @name(%arg0: type {..}) -> (type {..}) attributes {..} {..}`
    fn function(&mut self, span: Span) -> Parsed<Func> {
        self.scope = Scope::default();
        let visibility = match self.at.peek_word() {
            word @ ("public" | "private" | "nested") => {
                self.at.word();
                if word == "public" { Visibility::Public } else { Visibility::Private }
            }
            _ => Visibility::Public,
        };
        let start = self.at;
        let name = self.symbol()?;
        let name_span = self.at.since(start);
        let mut argument_attributes = Vec::new();
        let arguments = self.list("(", ")", |parser| {
            if parser.at.peek() != b'%' {
                let message = "a function without a body";
                return Err(Diagnostic::unsupported(message).at(name_span));
            }
            let (name, span, ty, before) = parser.placed_name()?;
            let attributes = parser.optional_dictionary()?;
            let place = parser.optional_place()?.max(before);
            argument_attributes.push(parser.with_label(attributes, place));
            Ok((name, span, ty))
        })?;
        let results = if self.at.eat("->") { self.results_of_function()? } else { Vec::new() };
        let (result_types, result_attributes) = results.into_iter().unzip();
        let attributes =
            if self.at.eat_word("attributes") { self.dictionary()? } else { Attributes::default() };
        if self.at.peek() != b'{' {
            return Err(Diagnostic::unsupported("a function without a body").at(name_span));
        }
        let body = self.region(arguments)?;
        let place = self.optional_place()?;
        checked_returns(Func {
            name,
            visibility,
            argument_attributes,
            result_types,
            result_attributes,
            attributes,
            body,
            types: std::mem::take(&mut self.scope).types,
            location: Location { span: span.to(name_span), place },
        })
    }

    /// The attributes of an argument, with the name that its location gives it where they have none.
    fn with_label(&self, mut attributes: Attributes, place: u32) -> Attributes {
        if let Some(name) = self.places.label(place).and_then(unescaped) {
            attributes.name_argument(name);
        }
        attributes
    }

    fn results_of_function(&mut self) -> Parsed<Vec<(Type, Attributes)>> {
        if self.at.peek() != b'(' {
            return Ok(vec![(self.ty()?, Attributes::default())]);
        }
        self.list("(", ")", |parser| Ok((parser.ty()?, parser.optional_dictionary()?)))
    }

    /// `@name = <["axis"=2]> {..}`: what it says of devices is of no interest.
    fn mesh(&mut self) -> Parsed<()> {
        self.symbol()?;
        self.at.expect("=")?;
        self.at.balanced()?;
        self.optional_dictionary()?;
        self.optional_place()?;
        Ok(())
    }

    /// `{-# dialect_resources: { builtin: { key: "0x08000000..." } } #-}`
    fn resources(&mut self, module: &mut Module) -> Parsed<()> {
        self.at.expect("{-#")?;
        while !self.at.eat("#-}") {
            let section = self.at.expect_word("a section of resources")?;
            self.at.expect(":")?;
            if section != "dialect_resources" {
                self.at.balanced()?;
            } else {
                let dialects = self.list("{", "}", |parser| {
                    parser.at.expect_word("a dialect")?;
                    parser.at.expect(":")?;
                    parser.list("{", "}", Self::resource)
                })?;
                module.resources.extend(dialects.into_iter().flatten());
            }
            self.at.eat(",");
        }
        Ok(())
    }

    fn resource(&mut self) -> Parsed<(String, SharedBytes)> {
        let key = match self.at.peek() {
            b'"' => self.at.utf8_string()?,
            _ => self.at.suffix().to_string(),
        };
        self.at.expect(":")?;
        let start = self.at;
        let raw = self.at.raw_string()?;
        let digits = raw.strip_prefix("0x").and_then(|digits| digits.get(2 * RESOURCE_HEADER..));
        let bytes = digits.and_then(decode_hex);
        let bytes = bytes.ok_or_else(|| start.expected("a string of hexadecimal digits after 0x"))?;
        Ok((key, bytes.into()))
    }
}

/// Errors: the function does not return what its type says.
pub fn checked_returns(function: Func) -> Parsed<Func> {
    // Comparators of `ApproxTopK` return as regions do.
    let is_return = |op: &&crate::hlo::Op| matches!(op.name.as_str(), "func.return" | "stablehlo.return");
    let Some(last) = function.body.ops.last().filter(is_return) else {
        let message = format!("@{} does not end with a return", function.name);
        return Err(Diagnostic::error(message).at(function.location.span));
    };
    let returned: Vec<&Type> = last.operands.iter().map(|&value| function.type_of(value)).collect();
    if returned.len() != function.result_types.len()
        || returned.iter().zip(&function.result_types).any(|(x, y)| *x != y)
    {
        let list = |types: Vec<&Type>| types.iter().map(|ty| ty.to_string()).collect::<Vec<_>>().join(", ");
        let (found, expected) = (list(returned), list(function.result_types.iter().collect()));
        let message = format!("@{} returns ({found}), but says ({expected})", function.name);
        return Err(Diagnostic::error(message).at(last.location.span).label(function.location.span, ""));
    }
    Ok(function)
}

fn as_dictionary(attribute: &Attribute) -> Attributes {
    if let Attribute::Dictionary(attributes) = attribute { attributes.clone() } else { Attributes::default() }
}
