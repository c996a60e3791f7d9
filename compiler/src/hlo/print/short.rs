//! Short forms, where there is one that the reader of `text` knows.

use super::attribute::{convolution, key, record};
use super::{Printer, after};
use crate::hlo::element::{Arrow, list};
use crate::hlo::text::syntax::{Field, Form, fields};
use crate::hlo::{Attribute, Attributes, Op, Region};
use crate::types::DType;

/// Operations without a short form.
const GENERIC: &[&str] = &[
    "all_gather",
    "all_reduce",
    "all_to_all",
    "batch_norm_grad",
    "batch_norm_inference",
    "batch_norm_training",
    "case",
    "collective_broadcast",
    "collective_permute",
    "dynamic_gather",
    "gather",
    "if",
    "infeed",
    "map",
    "outfeed",
    "recv",
    "reduce_scatter",
    "reduce_window",
    "scatter",
    "select_and_scatter",
    "send",
    "sort",
    "torch_index_select",
    "triangular_solve",
    "uniform_dequantize",
    "uniform_quantize",
    "dynamic_conv",
];

/// Operations without attributes in front of their types that write all types, even equal ones.
const ALL_TYPES: &[&str] = &[
    "bitcast_convert",
    "dot",
    "dynamic_pad",
    "dynamic_reshape",
    "dynamic_slice",
    "dynamic_update_slice",
    "pad",
    "real_dynamic_slice",
    "reshape",
];

impl Printer<'_> {
    /// Writes the short form; false, having written nothing, if there is none.
    pub(super) fn short(&mut self, op: &Op) -> bool {
        let Some((dialect, name)) = op.name.split_once('.') else { return false };
        let has_regions = !op.regions.is_empty();
        match (dialect, name) {
            ("stablehlo", "constant") => self.constant(op),
            ("stablehlo", "compare") => self.compare(op),
            ("stablehlo", "slice") => self.slice(op),
            ("stablehlo", "dot_general") => self.dot_general(op),
            ("stablehlo", "convolution") => self.convolution(op),
            ("stablehlo", "reduce") => self.reduce(op),
            ("stablehlo", "while") => self.while_loop(op),
            ("stablehlo", "reduce_precision") => self.reduce_precision(op),
            ("stablehlo", "custom_call") => self.call(op, "call_target_name", "stablehlo.custom_call"),
            ("func", "call") => self.call(op, "callee", "func.call"),
            ("func" | "stablehlo", "return") => self.returns(op),
            ("stablehlo", "select") => self.select(op),
            ("stablehlo", "complex" | "tuple" | "optimization_barrier") if !op.operands.is_empty() => {
                let types = list(&self.types(&op.results));
                let operands = self.values(&op.operands);
                self.put(format_args!("{} {operands}{} : {types}", op.name, after(&op.attributes)));
                true
            }
            ("stablehlo", "get_tuple_element" | "composite") | ("sdy", _) => false,
            ("stablehlo" | "chlo", name) if !has_regions && !GENERIC.contains(&name) => self.regular(op),
            _ => false,
        }
    }

    /// `name %0, key = value {..} : types`, by the table.
    fn regular(&mut self, op: &Op) -> bool {
        let known = fields(&op.name);
        let mut spelled = Vec::new();
        for field in known {
            let value = op.attributes.get(field.attribute).map(|value| spell(field, value));
            match value {
                None => continue,
                Some(None) => return false,
                Some(Some(text)) => spelled.push(text),
            }
        }
        if op.name.starts_with("chlo.") && (!known.is_empty() || !op.attributes.0.is_empty()) {
            return false;
        }
        let rest = without(&op.attributes, &known.iter().map(|field| field.attribute).collect::<Vec<_>>());
        let operands = op.operands.iter().map(|&value| self.value(value));
        let parts: Vec<String> = operands.chain(spelled).collect();
        let space = if parts.is_empty() { "" } else { " " };
        self.put(format_args!("{}{space}{}{}", op.name, parts.join(", "), after(&rest)));
        let name = op.name.strip_prefix("stablehlo.").unwrap_or("");
        let has_fields = !known.is_empty() && !matches!(name, "reverse" | "cholesky");
        match (has_fields && !op.operands.is_empty()) || ALL_TYPES.contains(&name) {
            true => self.arrow(op),
            false => self.tail(op),
        }
        true
    }

    fn constant(&mut self, op: &Op) -> bool {
        let Some(value) = op.attributes.get("value") else { return false };
        let rest = without(&op.attributes, &["value"]);
        self.put(format_args!("{}{} {value}", op.name, after(&rest)));
        true
    }

    fn compare(&mut self, op: &Op) -> bool {
        let Some(direction) = op.attributes.word("comparison_direction") else { return false };
        let kind = op.attributes.word("compare_type").map(|kind| format!(", {kind}")).unwrap_or_default();
        let rest = without(&op.attributes, &["comparison_direction", "compare_type"]);
        let operands = self.values(&op.operands);
        self.put(format_args!("{} {direction}, {operands}{kind}{}", op.name, after(&rest)));
        self.arrow(op);
        true
    }

    fn slice(&mut self, op: &Op) -> bool {
        let names = ["start_indices", "limit_indices", "strides"];
        let [Some(starts), Some(limits), Some(strides)] = names.map(|name| op.attributes.ints(name)) else {
            return false;
        };
        let range = |((start, limit), stride): ((&i64, &i64), &i64)| match stride {
            1 => format!("{start}:{limit}"),
            _ => format!("{start}:{limit}:{stride}"),
        };
        let ranges: Vec<String> = starts.iter().zip(&limits).zip(&strides).map(range).collect();
        let rest = without(&op.attributes, &names);
        let operands = self.values(&op.operands);
        self.put(format_args!("{} {operands} [{}]{}", op.name, ranges.join(", "), after(&rest)));
        self.arrow(op);
        true
    }

    fn dot_general(&mut self, op: &Op) -> bool {
        let Some(numbers) = op.attributes.fields("dot_dimension_numbers") else { return false };
        let mut parts = vec![self.values(&op.operands)];
        for kind in ["batching", "contracting"] {
            let of = |side: &str| numbers.ints(&format!("{side}_{kind}_dimensions")).unwrap_or_default();
            let (lhs, rhs) = (of("lhs"), of("rhs"));
            if kind == "contracting" || !lhs.is_empty() || !rhs.is_empty() {
                parts.push(format!("{kind}_dims = {lhs:?} x {rhs:?}"));
            }
        }
        if let Some(words) = op.attributes.get("precision_config").and_then(words) {
            parts.push(format!("precision = {words}"));
        }
        if let Some(Attribute::Record(_, fields)) = op.attributes.get("algorithm") {
            parts.push(format!("algorithm = <{}>", record(fields)));
        }
        let rest = without(&op.attributes, &["dot_dimension_numbers", "precision_config", "algorithm"]);
        self.put(format_args!("{} {}{}", op.name, parts.join(", "), after(&rest)));
        self.arrow(op);
        true
    }

    fn convolution(&mut self, op: &Op) -> bool {
        let Some(numbers) = op.attributes.fields("dimension_numbers") else { return false };
        let mut window = Vec::new();
        for (key, name) in
            [("stride", "window_strides"), ("lhs_dilate", "lhs_dilation"), ("rhs_dilate", "rhs_dilation")]
        {
            let Some(values) = op.attributes.ints(name) else { continue };
            window.push(format!("{key} = {values:?}"));
        }
        if let Some(padding) = op.attributes.ints("padding") {
            let rows: Vec<String> =
                padding.chunks(2).map(|row| format!("[{}, {}]", row[0], row.last().unwrap_or(&0))).collect();
            window.insert(window.len().min(1), format!("pad = [{}]", rows.join(", ")));
        }
        if let Some(Attribute::Numbers(DType::Bool, flags)) = op.attributes.get("window_reversal") {
            let flags: Vec<String> = flags.iter().map(|flag| (flag.complex().0 != 0.0).to_string()).collect();
            window.push(format!("reverse = [{}]", flags.join(", ")));
        }
        let consumed = [
            "dimension_numbers",
            "window_strides",
            "lhs_dilation",
            "rhs_dilation",
            "padding",
            "window_reversal",
        ];
        let rest = without(&op.attributes, &consumed);
        let (operands, numbers) = (self.values(&op.operands), convolution(numbers));
        let window = window.join(", ");
        self.put(format_args!(
            "{}({operands}) dim_numbers = {numbers}, window = {{{window}}}{}",
            op.name,
            after(&rest)
        ));
        self.arrow(op);
        true
    }

    fn reduce(&mut self, op: &Op) -> bool {
        let Some(name) = op.regions.first().and_then(applied) else { return false };
        let (Some(dimensions), [input, init]) = (op.attributes.ints("dimensions"), op.operands.as_slice())
        else {
            return false;
        };
        let rest = without(&op.attributes, &["dimensions"]);
        let (input, init) = (self.value(*input), self.value(*init));
        self.put(format_args!(
            "stablehlo.reduce({input} init: {init}) applies {name} across dimensions = {dimensions:?}{}",
            after(&rest)
        ));
        self.arrow(op);
        true
    }

    fn while_loop(&mut self, op: &Op) -> bool {
        let [condition, body] = op.regions.as_slice() else { return false };
        // Both regions have the same arguments under the same names.
        let mut bindings = Vec::new();
        for ((&x, &y), &operand) in condition.arguments.iter().zip(&body.arguments).zip(&op.operands) {
            let init = self.value(operand);
            self.argument(x);
            self.names[y.0 as usize] = self.names[x.0 as usize].clone();
            bindings.push(format!("{} = {init}", self.value(x)));
        }
        let types = list(&self.types(&op.operands));
        let colon = if types.is_empty() { "" } else { " : " };
        self.put(format_args!("stablehlo.while({}){colon}{types}\n", bindings.join(", ")));
        if !op.attributes.0.is_empty() {
            self.margin();
            self.put(format_args!("attributes {}\n", op.attributes));
        }
        self.margin();
        self.out.push_str("cond {\n");
        self.ops(condition);
        self.margin();
        self.out.push_str("} do {\n");
        self.ops(body);
        self.margin();
        self.out.push('}');
        true
    }

    fn reduce_precision(&mut self, op: &Op) -> bool {
        let bits = ["exponent_bits", "mantissa_bits"].map(|name| op.attributes.int(name));
        let [Some(exponent), Some(mantissa)] = bits else { return false };
        let rest = without(&op.attributes, &["exponent_bits", "mantissa_bits"]);
        let operands = self.values(&op.operands);
        self.put(format_args!("{} {operands}, format = e{exponent}m{mantissa}{}", op.name, after(&rest)));
        self.tail(op);
        true
    }

    fn call(&mut self, op: &Op, target: &str, word: &str) -> bool {
        let Some(name) = op.attributes.text(target) else { return false };
        let rest = without(&op.attributes, &[target]);
        let operands = self.values(&op.operands);
        self.put(format_args!("{word} @{}({operands}){}", key(name), after(&rest)));
        self.arrow(op);
        true
    }

    fn returns(&mut self, op: &Op) -> bool {
        let (operands, types) = (self.values(&op.operands), list(&self.types(&op.operands)));
        let word = if op.name == "func.return" { "return" } else { op.name.as_str() };
        match operands.as_str() {
            "" => self.put(format_args!("{word}")),
            _ => self.put(format_args!("{word} {operands} : {types}")),
        }
        true
    }

    fn select(&mut self, op: &Op) -> bool {
        let types = self.types(&op.operands);
        let [predicate, on_true, on_false] = types.as_slice() else { return false };
        if on_true != on_false {
            return false;
        }
        let operands = self.values(&op.operands);
        self.put(format_args!("{} {operands}{} : {predicate}, {on_true}", op.name, after(&op.attributes)));
        true
    }

    fn arrow(&mut self, op: &Op) {
        let (operands, results) = (self.types(&op.operands), self.types(&op.results));
        self.put(format_args!(" : {}", Arrow(&operands, &results)));
    }
}

/// The one operation of a reducer that does nothing else; `None` for other regions.
fn applied(region: &Region) -> Option<&str> {
    let [op, last] = region.ops.as_slice() else { return None };
    let is_plain = op.operands == region.arguments
        && op.operands.len() == 2
        && op.results == last.operands
        && op.results.len() == 1
        && op.attributes.0.is_empty()
        && op.regions.is_empty()
        && last.name == "stablehlo.return";
    is_plain.then_some(&op.name)
}

/// `key = value`; `None` if the attribute is not what the short form spells.
fn spell(field: &Field, value: &Attribute) -> Option<String> {
    let text = match field.form {
        Form::Numbers => format!("{:?}", value.ints()?),
        Form::Number => value.int()?.to_string(),
        Form::Bool => matches!(value, Attribute::Bool(true)).to_string(),
        Form::Word(_) => value.word()?.to_string(),
        Form::Words(_) => words(value)?,
    };
    Some(format!("{} = {text}", field.key))
}

/// `[HIGHEST, DEFAULT]`
fn words(value: &Attribute) -> Option<String> {
    let Attribute::List(items) = value else { return None };
    let words: Option<Vec<&str>> = items.iter().map(Attribute::word).collect();
    Some(format!("[{}]", words?.join(", ")))
}

fn without(attributes: &Attributes, names: &[&str]) -> Attributes {
    let kept = attributes.0.iter().filter(|(key, _)| !names.contains(&key.as_str()));
    Attributes(kept.cloned().collect())
}
