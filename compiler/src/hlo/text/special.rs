//! Short forms that follow no pattern.

use super::operation::{Parts, canonical};
use super::syntax::{Field, Form};
use super::{Parsed, Parser};
use crate::diag::{Diagnostic, Span};
use crate::hlo::{
    Attribute, Attributes, Dense, DenseData, Element, Location, Op, Region, TensorType, Type, Value,
};
use crate::types::{Aval, DType, Literal, Scalar, Tensor};
use std::sync::Arc;

const PRECISION: &[Field] =
    &[Field { key: "precision", attribute: "precision_config", form: Form::Words("precision") }];

impl<'a> Parser<'a> {
    /// The rest of an operation that has a form of its own; `None` for all others.
    pub(super) fn special(&mut self, name: &str) -> Parsed<Option<Parts>> {
        let parts = match name {
            "stablehlo.constant" | "chlo.constant" => self.constant()?,
            "stablehlo.compare" => self.compare()?,
            "stablehlo.slice" => self.slice()?,
            "stablehlo.dot_general" => self.dot_general()?,
            "stablehlo.convolution" | "stablehlo.dynamic_conv" => self.convolution()?,
            "stablehlo.reduce" => self.reduce()?,
            "stablehlo.while" => self.while_loop()?,
            "stablehlo.reduce_precision" => self.reduce_precision()?,
            "stablehlo.get_tuple_element" => self.tuple_element()?,
            "stablehlo.custom_call" => self.call("call_target_name")?,
            "func.call" => self.call("callee")?,
            "stablehlo.composite" => self.composite()?,
            "sdy.sharding_constraint" => self.sharding_constraint()?,
            _ => return Ok(None),
        };
        Ok(Some(parts))
    }

    /// A dictionary and types, in this order.
    fn finish(&mut self, name: &str, operands: Vec<Value>, mut attributes: Attributes) -> Parsed<Parts> {
        attributes.0.extend(self.optional_dictionary()?.0);
        let result_types = self.short_types(name, &operands)?;
        Ok(Parts { operands, attributes, regions: Vec::new(), result_types })
    }

    /// `{..} dense<..> : type`
    fn constant(&mut self) -> Parsed<Parts> {
        let mut attributes = self.optional_dictionary()?;
        let start = self.at;
        let value = self.attribute()?;
        let ty = match &value {
            Attribute::Dense(dense) => dense.ty.clone(),
            _ => return Err(start.expected("an array constant")),
        };
        attributes.set("value", value);
        Ok(Parts {
            operands: Vec::new(),
            attributes,
            regions: Vec::new(),
            result_types: vec![Type::Tensor(ty)],
        })
    }

    /// `LT, %0, %1, FLOAT`
    fn compare(&mut self) -> Parsed<Parts> {
        let direction = self.at.expect_word("a comparison")?;
        let direction = Attribute::stablehlo("comparison_direction", direction);
        self.at.expect(",")?;
        let operands = self.operands()?;
        let mut attributes = Attributes::default().with("comparison_direction", direction);
        let kind = self.at.word();
        if !kind.is_empty() {
            attributes.set("compare_type", Attribute::stablehlo("comparison_type", kind));
        }
        self.finish("stablehlo.compare", operands, attributes)
    }

    /// `%0 [0:3, 0:8:2]`
    fn slice(&mut self) -> Parsed<Parts> {
        let operand = self.operand()?;
        let ranges = self.list("[", "]", |parser| {
            let start = parser.int()?;
            parser.at.expect(":")?;
            let limit = parser.int()?;
            let stride = if parser.at.eat(":") { parser.int()? } else { 1 };
            Ok((start, limit, stride))
        })?;
        let attributes = Attributes::default()
            .with("start_indices", Attribute::numbers(ranges.iter().map(|range| range.0)))
            .with("limit_indices", Attribute::numbers(ranges.iter().map(|range| range.1)))
            .with("strides", Attribute::numbers(ranges.iter().map(|range| range.2)));
        self.finish("stablehlo.slice", vec![operand], attributes)
    }

    /// `%0, %1, batching_dims = [0] x [0], contracting_dims = [1] x [0], precision = [..], algorithm = <..>`
    fn dot_general(&mut self) -> Parsed<Parts> {
        let operands = self.operands()?;
        let mut numbers = Attributes::default();
        for (key, kind) in [("batching_dims", "batching"), ("contracting_dims", "contracting")] {
            if self.at.eat_word(key) {
                self.at.expect("=")?;
                let lhs = self.ints()?;
                self.at.expect("x")?;
                let rhs = self.ints()?;
                self.at.eat(",");
                numbers.set(&format!("lhs_{kind}_dimensions"), Attribute::numbers(lhs));
                numbers.set(&format!("rhs_{kind}_dimensions"), Attribute::numbers(rhs));
            }
        }
        let numbers = Attribute::Record("stablehlo.dot".into(), numbers);
        let mut attributes = Attributes::default().with("dot_dimension_numbers", numbers);
        attributes.0.extend(self.fields(PRECISION)?.0);
        if self.at.eat_word("algorithm") {
            self.at.expect("=")?;
            let start = self.at;
            let record = self.record("stablehlo.dot_algorithm".into())?;
            attributes.set("algorithm", record.ok_or_else(|| start.expected("fields in angle brackets"))?);
        }
        self.finish("stablehlo.dot_general", operands, attributes)
    }

    /// `(%0, %1) dim_numbers = [..]x[..]->[..], window = {..}`
    fn convolution(&mut self) -> Parsed<Parts> {
        let operands = self.list("(", ")", Self::operand)?;
        if !self.at.eat_word("dim_numbers") {
            return Err(self.at.expected("`dim_numbers`"));
        }
        self.at.expect("=")?;
        let mut attributes = Attributes::default();
        attributes.set("dimension_numbers", self.convolution_short_form()?);
        self.at.eat(",");
        if self.at.eat_word("window") {
            self.at.expect("=")?;
            for (name, value) in self.list("{", "}", Self::window_field)? {
                attributes.set(name, value);
            }
        }
        self.finish("stablehlo.convolution", operands, attributes)
    }

    fn window_field(&mut self) -> Parsed<(&'static str, Attribute)> {
        let start = self.at;
        let key = self.at.expect_word("a property of the window")?;
        self.at.expect("=")?;
        match key {
            "stride" => Ok(("window_strides", Attribute::numbers(self.ints()?))),
            "lhs_dilate" => Ok(("lhs_dilation", Attribute::numbers(self.ints()?))),
            "rhs_dilate" => Ok(("rhs_dilation", Attribute::numbers(self.ints()?))),
            "pad" => {
                let rows = self.list("[", "]", Self::ints)?;
                let flat: Vec<i64> = rows.iter().flatten().copied().collect();
                if rows.iter().any(|row| row.len() != 2) {
                    return Err(start.expected("pairs of paddings"));
                }
                Ok(("padding", pairs(&flat)))
            }
            "reverse" => {
                let flags = self.list("[", "]", |parser| parser.scalar(DType::Bool))?;
                Ok(("window_reversal", Attribute::Numbers(DType::Bool, flags)))
            }
            _ => Err(start.expected("stride, pad, lhs_dilate, rhs_dilate or reverse")),
        }
    }

    /// `(%0 init: %1), (%2 init: %3) applies op across dimensions = [0] : types`, or, without `applies`, the reducer
    /// behind the types.
    fn reduce(&mut self) -> Parsed<Parts> {
        let mut pairs = Vec::new();
        loop {
            self.at.expect("(")?;
            let input = self.operand()?;
            if !self.at.eat_word("init") || !self.at.eat(":") {
                return Err(self.at.expected("`init:`"));
            }
            pairs.push((input, self.operand()?));
            self.at.expect(")")?;
            if !self.at.eat(",") {
                break;
            }
        }
        let start = self.at;
        let short =
            if self.at.eat_word("applies") { Some(self.at.expect_word("an operation")?) } else { None };
        let span = self.at.since(start);
        if !self.at.eat_word("across") || !self.at.eat_word("dimensions") {
            return Err(self.at.expected("`across dimensions`"));
        }
        self.at.expect("=")?;
        let mut attributes = Attributes::default().with("dimensions", Attribute::numbers(self.ints()?));
        attributes.0.extend(self.optional_dictionary()?.0);
        let operands: Vec<Value> =
            pairs.iter().map(|pair| pair.0).chain(pairs.iter().map(|pair| pair.1)).collect();
        self.at.expect(":")?;
        let result_types = self.functional_type(&operands)?;
        let region = match short {
            Some(name) => self.applied(name, span, &pairs)?,
            None => self.reducer()?,
        };
        Ok(Parts { operands, attributes, regions: vec![region], result_types })
    }

    /// The reducer that `applies` stands for.
    fn applied(&mut self, name: &str, span: Span, pairs: &[(Value, Value)]) -> Parsed<Region> {
        let [(_, init)] = pairs else {
            let message = format!("`applies` is for one array, found {}", pairs.len());
            return Err(Diagnostic::error(message).at(span));
        };
        let ty = self.scope.types[init.0 as usize].clone();
        let first = self.scope.types.len() as u32;
        self.scope.types.extend([ty.clone(), ty.clone(), ty]);
        let [x, y, result] = [0, 1, 2].map(|i| Value(first + i));
        let location = Location { span, place: 0 };
        let op = |name: &str, operands: &[Value], results: &[Value]| Op {
            name: name.to_string(),
            operands: operands.to_vec(),
            results: results.to_vec(),
            attributes: Attributes::default(),
            regions: Vec::new(),
            location,
        };
        let ops = vec![op(&canonical(name), &[x, y], &[result]), op("stablehlo.return", &[result], &[])];
        Ok(Region { arguments: vec![x, y], ops })
    }

    /// `reducer(%x0: t, %y0: t) (%x1: t, %y1: t) {..}`: the arguments of the block are all x, then all y.
    fn reducer(&mut self) -> Parsed<Region> {
        if !self.at.eat_word("reducer") {
            return Err(self.at.expected("`reducer`"));
        }
        let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
        while self.at.peek() == b'(' {
            let start = self.at;
            let pair = self.list("(", ")", Self::typed_name)?;
            let Ok([x, y]) = <[_; 2]>::try_from(pair) else { return Err(start.expected("two arguments")) };
            firsts.push(x);
            seconds.push(y);
        }
        firsts.append(&mut seconds);
        self.region(firsts)
    }

    /// `(%arg = %0, ..) : types cond {..} do {..}`
    fn while_loop(&mut self) -> Parsed<Parts> {
        let names = self.list("(", ")", |parser| {
            let start = parser.at;
            parser.at.expect("%")?;
            let name = parser.at.suffix();
            let span = parser.at.since(start);
            parser.at.expect("=")?;
            Ok((name, span, parser.operand()?))
        })?;
        let operands: Vec<Value> = names.iter().map(|(_, _, operand)| *operand).collect();
        let start = self.at;
        let mut types = Vec::new();
        if self.at.eat(":") {
            types.push(self.ty()?);
            while self.at.eat(",") {
                types.push(self.ty()?);
            }
        }
        self.check_operand_types(&operands, &types, start.here())?;
        let attributes =
            if self.at.eat_word("attributes") { self.dictionary()? } else { Attributes::default() };
        let arguments: Vec<(&'a str, Span, Type)> =
            names.iter().zip(&types).map(|(&(name, span, _), ty)| (name, span, ty.clone())).collect();
        if !self.at.eat_word("cond") {
            return Err(self.at.expected("`cond`"));
        }
        let condition = self.region(arguments.clone())?;
        if !self.at.eat_word("do") {
            return Err(self.at.expected("`do`"));
        }
        let body = self.region(arguments)?;
        Ok(Parts { operands, attributes, regions: vec![condition, body], result_types: types })
    }

    /// `%0, format = e8m7`
    fn reduce_precision(&mut self) -> Parsed<Parts> {
        let operands = self.operands()?;
        if !self.at.eat_word("format") {
            return Err(self.at.expected("`format`"));
        }
        self.at.expect("=")?;
        let start = self.at;
        let format = self.at.word();
        let bits = format.strip_prefix('e').and_then(|rest| rest.split_once('m'));
        let bits = bits.and_then(|(e, m)| Some((e.parse::<u8>().ok()?, m.parse::<u8>().ok()?)));
        let (exponent, mantissa) = bits.ok_or_else(|| start.expected("a format such as e8m7"))?;
        let attributes = Attributes::default()
            .with("exponent_bits", Attribute::i32(exponent.into()))
            .with("mantissa_bits", Attribute::i32(mantissa.into()));
        self.finish("stablehlo.reduce_precision", operands, attributes)
    }

    /// `%0[1]`
    fn tuple_element(&mut self) -> Parsed<Parts> {
        let operand = self.operand()?;
        self.at.expect("[")?;
        let index = self.int()?;
        self.at.expect("]")?;
        let attributes = Attributes::default().with("index", Attribute::i32(index));
        self.finish("stablehlo.get_tuple_element", vec![operand], attributes)
    }

    /// `@target(%0, %1) {..} : (types) -> types`
    fn call(&mut self, attribute: &str) -> Parsed<Parts> {
        let symbol = self.symbol()?;
        let target = if attribute == "callee" { Attribute::Symbol(symbol) } else { Attribute::text(&symbol) };
        let operands = self.list("(", ")", Self::operand)?;
        self.finish("func.call", operands, Attributes::default().with(attribute, target))
    }

    /// `"name" %0, %1 {..} : (types) -> types`
    fn composite(&mut self) -> Parsed<Parts> {
        let name = Attribute::text(&self.at.utf8_string()?);
        let operands = self.operands()?;
        self.finish("stablehlo.composite", operands, Attributes::default().with("name", name))
    }

    /// `%0 <@mesh, [{}]> : type`
    fn sharding_constraint(&mut self) -> Parsed<Parts> {
        let operand = self.operand()?;
        let sharding = self.at.balanced()?;
        let sharding = Attribute::Other(format!("#sdy.sharding{sharding}"));
        let attributes = Attributes::default().with("sharding", sharding);
        self.finish("sdy.sharding_constraint", vec![operand], attributes)
    }
}

/// `dense<[[0, 1], [2, 3]]> : tensor<2x2xi64>`
pub fn pairs(flat: &[i64]) -> Attribute {
    let aval = Aval::new(DType::I64, [flat.len() / 2, 2]);
    let ty = TensorType {
        extents: aval.shape.extents().iter().map(|&extent| Some(extent)).collect(),
        element: Element::Data(DType::I64),
    };
    // Equal numbers are one that stands for all, as in the generic form.
    let data = match flat {
        [first, rest @ ..] if rest.iter().all(|x| x == first) => {
            DenseData::Splat(Literal::from_i64(DType::I64, *first))
        }
        _ => {
            let values = flat.iter().map(|&x| Scalar::Int(x.into()));
            DenseData::Elements(Arc::new(Tensor::from_scalars(aval, values)))
        }
    };
    Attribute::Dense(Dense { ty, data })
}
