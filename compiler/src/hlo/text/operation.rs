//! Operations: results, name, operands, attributes, regions, types.

use super::syntax::{Field, Form, fields};
use super::{Parsed, Parser};
use crate::diag::{Diagnostic, Span};
use crate::hlo::{Attribute, Attributes, Location, Op, Region, Type, Value};
use crate::types::DType;

/// What an operation consists of, but for its results.
pub(super) struct Parts {
    pub operands: Vec<Value>,
    pub attributes: Attributes,
    pub regions: Vec<Region>,
    pub result_types: Vec<Type>,
}

/// `%name` or `%name:3` in front of `=`.
struct ResultName<'a> {
    name: &'a str,
    count: usize,
    span: Span,
}

impl<'a> Parser<'a> {
    pub(super) fn operation(&mut self) -> Parsed<Op> {
        let results = self.result_names()?;
        let start = self.at;
        let is_generic = self.at.peek() == b'"';
        let written = if is_generic { self.at.utf8_string()? } else { self.op_name()? };
        let span = self.at.since(start);
        let name = canonical(&written);
        let parts = if is_generic { self.generic_parts()? } else { self.short_parts(&name, span)? };
        let place = self.optional_place()?;
        let found: usize = results.iter().map(|result| result.count).sum();
        let expected = parts.result_types.len();
        if found != expected {
            let message = format!("{name} has {expected} results, but {found} are named");
            return Err(Diagnostic::error(message).at(span));
        }
        let mut values = Vec::with_capacity(expected);
        let mut types = parts.result_types.into_iter();
        for result in results {
            let types: Vec<Type> = types.by_ref().take(result.count).collect();
            values.extend(self.scope.bind(result.name, result.span, types)?);
        }
        Ok(Op {
            name,
            operands: parts.operands,
            results: values,
            attributes: parts.attributes,
            regions: parts.regions,
            location: Location { span, place },
        })
    }

    fn op_name(&mut self) -> Parsed<String> {
        Ok(self.at.expect_word("an operation")?.to_string())
    }

    /// `%0:2, %1 =`, or nothing.
    fn result_names(&mut self) -> Parsed<Vec<ResultName<'a>>> {
        let mut results = Vec::new();
        while self.at.peek() == b'%' {
            let start = self.at;
            self.at.position += 1;
            let name = self.at.suffix();
            let span = self.at.since(start);
            let count = if self.at.eat(":") { self.at.unsigned()? } else { 1 };
            results.push(ResultName { name, count, span });
            if !self.at.eat(",") {
                self.at.expect("=")?;
                break;
            }
        }
        Ok(results)
    }

    /// `(%0, %1) <{..}> ({..}) {..} : (types) -> types`
    fn generic_parts(&mut self) -> Parsed<Parts> {
        let operands = self.list("(", ")", Self::operand)?;
        if self.at.peek() == b'[' {
            return Err(Diagnostic::unsupported("jumps between blocks").at(self.at.here()));
        }
        let mut attributes = self.optional_properties()?;
        let regions = if self.at.peek() == b'(' {
            self.list("(", ")", |parser| parser.region(Vec::new()))?
        } else {
            Vec::new()
        };
        attributes.0.extend(self.optional_dictionary()?.0);
        self.at.expect(":")?;
        let result_types = self.functional_type(&operands)?;
        Ok(Parts { operands, attributes, regions, result_types })
    }

    /// `<{name = value}>`, or nothing.
    pub(super) fn optional_properties(&mut self) -> Parsed<Attributes> {
        if !self.at.eat("<") {
            return Ok(Attributes::default());
        }
        let attributes = self.dictionary()?;
        self.at.expect(">")?;
        Ok(attributes)
    }

    /// `%0, %1, key = value {..} : types`, or what `special` knows.
    fn short_parts(&mut self, name: &str, span: Span) -> Parsed<Parts> {
        if let Some(parts) = self.special(name)? {
            return Ok(parts);
        }
        let known = ["stablehlo.", "chlo.", "func.", "sdy."].iter().any(|dialect| name.starts_with(dialect));
        if !known {
            let message = format!("unknown operation {name}");
            let hint = "StableHLO and CHLO are read; lower everything else to them first";
            return Err(Diagnostic::unsupported(message).at(span).hint(hint));
        }
        let in_parentheses = self.at.eat("(");
        let operands = self.operands()?;
        let mut attributes = self.fields(fields(name))?;
        if in_parentheses {
            self.at.expect(")")?;
        }
        attributes.0.extend(self.optional_dictionary()?.0);
        let result_types = self.short_types(name, &operands)?;
        Ok(Parts { operands, attributes, regions: Vec::new(), result_types })
    }

    /// `%0, %1#2`, and the comma behind them.
    pub(super) fn operands(&mut self) -> Parsed<Vec<Value>> {
        let mut operands = Vec::new();
        while self.at.peek() == b'%' {
            operands.push(self.operand()?);
            if !self.at.eat(",") {
                break;
            }
        }
        Ok(operands)
    }

    pub(super) fn operand(&mut self) -> Parsed<Value> {
        let start = self.at;
        if self.at.peek() != b'%' {
            return Err(self.at.expected("a value"));
        }
        self.at.position += 1;
        let name = self.at.suffix();
        let span = self.at.since(start);
        let Some(bound) = self.scope.names.get(name).copied() else {
            let hint = "a function sees its own values alone, a region also those of the regions around it";
            return Err(Diagnostic::error(format!("unknown value %{name}")).at(span).hint(hint));
        };
        let index = if self.at.byte() == b'#' {
            self.at.position += 1;
            self.at.unsigned()?
        } else {
            0
        };
        if index >= bound.count as usize {
            let message = format!("%{name} has {} results, found #{index}", bound.count);
            return Err(Diagnostic::error(message).at(span).label(bound.span, "defined here"));
        }
        Ok(Value(bound.first.0 + index as u32))
    }

    /// `key = value, key = value`, each of them optional.
    pub(super) fn fields(&mut self, known: &[Field]) -> Parsed<Attributes> {
        let mut attributes = Attributes::default();
        loop {
            let word = self.at.peek_word();
            let Some(field) = known.iter().find(|field| field.key == word) else { return Ok(attributes) };
            self.at.word();
            self.at.expect("=")?;
            attributes.set(field.attribute, self.spelled(field.form)?);
            self.at.eat(",");
        }
    }

    fn spelled(&mut self, form: Form) -> Parsed<Attribute> {
        match form {
            Form::Numbers => Ok(Attribute::numbers(self.ints()?)),
            Form::Number => Ok(Attribute::i64(self.int()?)),
            Form::Bool => self.attribute(),
            Form::Word(kind) => Ok(Attribute::stablehlo(kind, self.at.expect_word(kind)?)),
            Form::Words(kind) => {
                let words = self
                    .list("[", "]", |parser| Ok(Attribute::stablehlo(kind, parser.at.expect_word(kind)?)))?;
                Ok(Attribute::List(words))
            }
        }
    }

    /// `[1, -2]`
    pub(super) fn ints(&mut self) -> Parsed<Vec<i64>> {
        self.list("[", "]", Self::int)
    }

    pub(super) fn int(&mut self) -> Parsed<i64> {
        let start = self.at;
        let dtype = DType::I64;
        match self.scalar(dtype) {
            Ok(value) => Ok(value.int() as i64),
            Err(_) => Err(start.expected("a number")),
        }
    }

    /// `: (operand types) -> result types`, the colon gone.
    pub(super) fn functional_type(&mut self, operands: &[Value]) -> Parsed<Vec<Type>> {
        let start = self.at;
        let (inputs, outputs) = self.arrow()?;
        self.check_operand_types(operands, &inputs, start.here())?;
        Ok(outputs)
    }

    /// Errors: the text says other types than the values have.
    pub(super) fn check_operand_types(&self, operands: &[Value], types: &[Type], span: Span) -> Parsed<()> {
        if operands.len() != types.len() {
            let message = format!("{} operands, but {} types", operands.len(), types.len());
            return Err(Diagnostic::error(message).at(span));
        }
        for (position, (operand, written)) in operands.iter().zip(types).enumerate() {
            let actual = &self.scope.types[operand.0 as usize];
            if actual != written {
                let message = format!("operand {position} is {actual}, but the text says {written}");
                return Err(Diagnostic::error(message).at(span));
            }
        }
        Ok(())
    }

    /// The types behind a short form, in whichever way they are abbreviated.
    pub(super) fn short_types(&mut self, name: &str, operands: &[Value]) -> Parsed<Vec<Type>> {
        if !self.at.eat(":") {
            return if operands.is_empty() { Ok(Vec::new()) } else { Err(self.at.expected("`:` and types")) };
        }
        let start = self.at;
        let mut types = match self.at.peek() {
            b'(' => self.list("(", ")", Self::ty)?,
            _ => {
                let mut types = vec![self.ty()?];
                while self.at.eat(",") {
                    types.push(self.ty()?);
                }
                types
            }
        };
        if self.at.eat("->") {
            self.check_operand_types(operands, &types, start.here())?;
            return self.types_of_results();
        }
        match name {
            "func.return" | "stablehlo.return" => {
                self.check_operand_types(operands, &types, start.here())?;
                Ok(Vec::new())
            }
            // The predicate, then what is selected.
            "stablehlo.select" if types.len() == 2 => {
                types.push(types[1].clone());
                self.check_operand_types(operands, &types, start.here())?;
                types.truncate(1 + 1);
                Ok(types.split_off(1))
            }
            "stablehlo.complex" | "stablehlo.tuple" => Ok(types),
            "stablehlo.optimization_barrier" => {
                self.check_operand_types(operands, &types, start.here())?;
                Ok(types)
            }
            _ => {
                let [one] = types.as_slice() else {
                    return Err(start.expected("one type, or `(types) -> types`"));
                };
                self.check_operand_types(operands, &vec![one.clone(); operands.len()], start.here())?;
                Ok(types)
            }
        }
    }

    /// `{ ops }`, with arguments that stand in front of it, or in `^bb0(..):`.
    pub(super) fn region(&mut self, arguments: Vec<(&'a str, Span, Type)>) -> Parsed<Region> {
        self.deeper(|parser| {
            let mark = parser.scope.enter();
            let region = parser.region_inside(arguments);
            parser.scope.leave(mark);
            region
        })
    }

    fn region_inside(&mut self, mut arguments: Vec<(&'a str, Span, Type)>) -> Parsed<Region> {
        let start = self.at;
        self.at.expect("{")?;
        if self.at.peek() == b'^' {
            self.at.position += 1;
            self.at.suffix();
            if self.at.peek() == b'(' {
                arguments.extend(self.list("(", ")", Self::typed_name)?);
            }
            self.at.expect(":")?;
        }
        let mut region = Region::default();
        for (name, span, ty) in arguments {
            region.arguments.extend(self.scope.bind(name, span, vec![ty])?);
        }
        loop {
            match self.at.peek() {
                b'}' => {
                    self.at.position += 1;
                    return Ok(region);
                }
                b'^' => return Err(Diagnostic::unsupported("more than one block").at(self.at.here())),
                0 => return Err(Diagnostic::error("the region is never closed").at(start.here())),
                _ => region.ops.push(self.operation()?),
            }
        }
    }

    /// `%name: type loc(..)`
    pub(super) fn typed_name(&mut self) -> Parsed<(&'a str, Span, Type)> {
        let (name, span, ty, _) = self.placed_name()?;
        Ok((name, span, ty))
    }

    /// The same with the number of its place.
    pub(super) fn placed_name(&mut self) -> Parsed<(&'a str, Span, Type, u32)> {
        let start = self.at;
        self.at.expect("%")?;
        let name = self.at.suffix();
        let span = self.at.since(start);
        self.at.expect(":")?;
        let ty = self.ty()?;
        let place = self.optional_place()?;
        Ok((name, span, ty, place))
    }
}

/// Names with their dialect, those of older releases and of constants from elsewhere as today's.
pub(super) fn canonical(name: &str) -> String {
    match name {
        "arith.constant" => "stablehlo.constant".to_string(),
        "call" | "return" => format!("func.{name}"),
        _ => name.strip_prefix("mhlo.").map_or_else(|| name.to_string(), |rest| format!("stablehlo.{rest}")),
    }
}
