//! The conformance runner's description of transformations, as an export expression.

use crate::failure::Failure;
use crate::{road, rules};
use rjaxc_compiler::diag::{SourceId, Sources, Span};
use rjaxc_compiler::ir::Value;
use rjaxc_compiler::ir::source::{Export, Expression, Function, Keyword, Source, Threefry};
use rjaxc_compiler::types::{Aval, DType};
use serde_json::Value as Json;
use std::path::Path;

/// What stands beside a program: `{"transform": [{"kind": "vmap", ...}], "flags": {...}, ...}`.
pub struct Sidecar {
    // In the order of application: inner first.
    transforms: Vec<Transform>,
    /// How random bits are laid out, if the flags say it.
    pub threefry: Option<Threefry>,
    kept: Option<Kept>,
    custom_rules: Vec<Json>,
}

/// Which arguments of the Python function the StableHLO text still takes: JAX removes those that are not used.
struct Kept {
    positions: Vec<usize>,
    /// The types of all arguments.
    types: Vec<Aval>,
}

/// `{"kind": "vmap", "in_axes": [0, null], "out_axes": 0, "axis_size": 5}`.
struct Transform {
    name: String,
    keywords: Vec<(String, Value)>,
}

impl Sidecar {
    /// Errors: the file cannot be read, or says something else.
    pub fn read(path: &Path) -> Result<Sidecar, Failure> {
        let text = road::read_text(path)?;
        let parsed = serde_json::from_str(&text).map_err(|error| error.to_string());
        parsed
            .and_then(|json| Sidecar::parse(&json))
            .map_err(|reason| Failure::data(format!("{}: {reason}", path.display())))
    }

    /// Errors: what is missing or of the wrong kind.
    pub fn parse(json: &Json) -> Result<Sidecar, String> {
        let list = match &json["transform"] {
            Json::Null => &Vec::new(),
            Json::Array(list) => list,
            other => return Err(format!("expected `transform` to be a list, found {other}")),
        };
        let threefry = match &json["flags"]["jax_threefry_partitionable"] {
            Json::Null => None,
            Json::Bool(true) => Some(Threefry::Partitionable),
            Json::Bool(false) => Some(Threefry::Original),
            other => {
                return Err(format!(
                    "expected jax_threefry_partitionable to be true or false, found {other}"
                ));
            }
        };
        let transforms = list.iter().map(Transform::parse).collect::<Result<_, _>>()?;
        let custom_rules = json["custom_rules"].as_array().cloned().unwrap_or_default();
        Ok(Sidecar { transforms, threefry, kept: Kept::parse(json)?, custom_rules })
    }

    /// Adds the rules of custom functions. Errors: one that cannot be read.
    pub fn add_rules(&self, source: &mut Source, sources: &mut Sources) -> Result<(), Failure> {
        rules::add(&self.custom_rules, source, sources)
    }

    /// Gives the function that will be transformed its unused arguments back. Errors: what is kept does not fit it.
    pub fn restore_arguments(&self, source: &mut Source) -> Result<(), Failure> {
        let Some(kept) = &self.kept else { return Ok(()) };
        let (name, _) = only_export(source)?;
        let function = source.functions.iter_mut().find(|function| function.name == name);
        function.map_or(Ok(()), |function| kept.restore(function)).map_err(Failure::data)
    }

    /// The transformations applied to the only export of the file, or to its only function that no other one calls.
    ///
    /// The expression is added to `sources`, so that errors can point into it.
    /// Errors: the file has none or several.
    pub fn export(&self, source: &Source, sources: &mut Sources) -> Result<Export, Failure> {
        let (name, inner) = only_export(source)?;
        let outer: String =
            self.transforms.iter().rev().map(|transform| format!("{}(", transform.name)).collect();
        let keywords: String =
            self.transforms.iter().map(|transform| format!("{})", transform.keyword_text())).collect();
        let text = format!("{outer}{name}{keywords}");
        let id = sources.add("the transform", text.as_str());
        let mut expression = inner;
        let mut start = outer.len();
        for transform in &self.transforms {
            start -= transform.name.len() + 1;
            expression = transform.applied_to(expression, Span::new(id, start, start + transform.name.len()));
        }
        Ok(Export { name, span: whole(id, &text), expression })
    }
}

impl Kept {
    /// None if every argument is kept.
    fn parse(json: &Json) -> Result<Option<Kept>, String> {
        let Json::Array(positions) = &json["kept"] else { return Ok(None) };
        let positions = positions.iter().map(|x| x.as_u64().map(|x| x as usize)).collect::<Option<_>>();
        let positions: Vec<usize> = positions.ok_or("expected `kept` to be a list of positions")?;
        // The types of the function before its transformation, which the runner gives where there is one.
        let types = ["primal_in_types", "in_types"].iter().find_map(|key| json[key].as_array());
        let types = types.ok_or("`kept` needs the types of all arguments, `in_types`")?;
        if positions.len() == types.len()
            && positions.iter().enumerate().all(|(at, &position)| at == position)
        {
            return Ok(None);
        }
        let typed = |json: &Json| {
            let aval = json.as_str().and_then(aval_of_text);
            aval.ok_or_else(|| format!("expected a type such as f32[2,3], found {json}"))
        };
        Ok(Some(Kept { positions, types: types.iter().map(typed).collect::<Result<_, _>>()? }))
    }

    fn restore(&self, function: &mut Function) -> Result<(), String> {
        let program = &mut function.program;
        let taken = program.input_avals();
        let kept: Option<Vec<&Aval>> =
            self.positions.iter().map(|&position| self.types.get(position)).collect();
        if kept.as_deref() != Some(&taken.iter().collect::<Vec<_>>()) {
            let types: Vec<String> = taken.iter().map(Aval::to_string).collect();
            let taken = types.join(", ");
            return Err(format!("`kept` does not fit {}, which takes ({taken})", function.name));
        }
        let inputs = std::mem::take(&mut program.inputs);
        for (position, aval) in self.types.iter().enumerate() {
            let input = match self.positions.iter().position(|&kept| kept == position) {
                Some(at) => inputs[at],
                None => program.new_var(aval.clone()),
            };
            program.inputs.push(input);
        }
        function.input_names = (0..self.types.len()).map(|position| format!("arg{position}")).collect();
        Ok(())
    }
}

/// `f32[2,3]`; keys are their words.
fn aval_of_text(text: &str) -> Option<Aval> {
    let (name, extents) = text.strip_suffix(']')?.split_once('[')?;
    let extents = extents.split(',').filter(|extent| !extent.is_empty());
    let mut extents: Vec<usize> = extents.map(|extent| extent.trim().parse().ok()).collect::<Option<_>>()?;
    match DType::from_short_name(name)? {
        DType::KeyFry => {
            extents.push(2);
            Some(Aval::new(DType::U32, extents))
        }
        dtype => Some(Aval::new(dtype, extents)),
    }
}

impl Transform {
    fn parse(json: &Json) -> Result<Transform, String> {
        let fields = json.as_object().ok_or_else(|| format!("expected a transformation, found {json}"))?;
        let name = fields.get("kind").and_then(Json::as_str);
        let name =
            name.ok_or_else(|| format!("expected a transformation with a `kind`, found {json}"))?.to_string();
        let others = fields.iter().filter(|(key, _)| *key != "kind");
        let keywords =
            others.map(|(key, json)| Ok((key.clone(), value(json)?))).collect::<Result<_, String>>()?;
        Ok(Transform { name, keywords })
    }

    fn keyword_text(&self) -> String {
        self.keywords.iter().map(|(key, value)| format!(", {key}={value}")).collect()
    }

    fn applied_to(&self, argument: Expression, span: Span) -> Expression {
        let keyword =
            |(key, value): &(String, Value)| Keyword { key: key.clone(), value: value.clone(), span };
        Expression::Transform {
            name: self.name.clone(),
            span,
            argument: Box::new(argument),
            keywords: self.keywords.iter().map(keyword).collect(),
        }
    }
}

fn value(json: &Json) -> Result<Value, String> {
    match json {
        Json::Null => Ok(Value::None),
        Json::Bool(x) => Ok(Value::Bool(*x)),
        Json::Number(x) => match (x.as_i64(), x.as_f64()) {
            (Some(x), _) => Ok(Value::Int(x)),
            (None, Some(x)) => Ok(Value::Float(x.to_bits())),
            (None, None) => Err(format!("the number {x} is out of range")),
        },
        Json::String(x) => Ok(Value::Str(x.clone())),
        Json::Array(items) => Ok(Value::Tuple(items.iter().map(value).collect::<Result<_, _>>()?)),
        Json::Object(_) => Err(format!("expected a number, null or a list, found {json}")),
    }
}

/// The only export; without export lines the function `main`, since printouts may hold definitions that nobody uses.
fn only_export(source: &Source) -> Result<(String, Expression), Failure> {
    let explicit = source.exports.iter().map(|export| (export.name.clone(), export.expression.clone()));
    let mut found: Vec<(String, Expression)> = explicit.collect();
    if found.is_empty() {
        let uncalled = || source.functions.iter().filter(|function| !function.called);
        let main: Vec<&Function> = uncalled().filter(|function| function.name == "main").collect();
        let candidates = if main.is_empty() { uncalled().collect() } else { main };
        found.extend(candidates.into_iter().map(|function| {
            let expression = Expression::Function { name: function.name.clone(), span: function.span };
            (function.name.clone(), expression)
        }));
    }
    if found.len() != 1 {
        return Err(Failure::usage(format!(
            "a transform needs a file with one export, found {}",
            found.len()
        )));
    }
    Ok(found.remove(0))
}

fn whole(id: SourceId, text: &str) -> Span {
    Span::new(id, 0, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source(names: &[&str]) -> Source {
        let function = |name: &&str| Function {
            name: name.to_string(),
            span: Span::default(),
            program: Default::default(),
            constvar_names: vec![],
            input_names: vec![],
            output_names: vec![],
            left_out: Default::default(),
            called: false,
        };
        Source { functions: names.iter().map(function).collect(), ..Source::default() }
    }

    #[test]
    fn transforms_nest_from_the_inside_out() {
        let sidecar = Sidecar::parse(&json!({
            "transform": [{"kind": "grad", "argnums": [0]}, {"kind": "vmap", "in_axes": [0, null], "axis_size": 5}],
            "flags": {"jax_threefry_partitionable": false},
        }));
        let sidecar = sidecar.expect("a sidecar");
        let (mut sources, source) = (Sources::new(), source(&["main"]));
        let export = sidecar.export(&source, &mut sources).expect("one export");
        let Expression::Transform { name, span, argument, keywords } = export.expression else {
            panic!("no vmap")
        };
        let text = sources.text(span.source);
        assert_eq!(text, "vmap(grad(main, argnums=(0,)), axis_size=5, in_axes=(0, None))");
        assert_eq!((name.as_str(), &text[span.start as usize..span.end as usize]), ("vmap", "vmap"));
        assert_eq!(keywords[1].value, Value::Tuple(vec![Value::Int(0), Value::None]));
        let Expression::Transform { name, span, .. } = *argument else { panic!("no grad") };
        assert_eq!((name.as_str(), &text[span.start as usize..span.end as usize]), ("grad", "grad"));
        assert_eq!(sidecar.threefry, Some(Threefry::Original));
    }

    #[test]
    fn no_transform_is_the_function_itself() {
        let sidecar = Sidecar::parse(&json!({})).expect("a sidecar");
        let export = sidecar.export(&source(&["f"]), &mut Sources::new()).expect("one export");
        assert!(matches!(export.expression, Expression::Function { name, .. } if name == "f"));
        assert!(sidecar.export(&source(&["f", "g"]), &mut Sources::new()).is_err());
        let export = sidecar.export(&source(&["jaxpr", "main"]), &mut Sources::new());
        assert_eq!(export.expect("main").name, "main");
    }

    #[test]
    fn unused_arguments_come_back() {
        let json = json!({"kept": [1], "in_types": ["f32[2,3]", "i32[]", "key<fry>[4]"]});
        let sidecar = Sidecar::parse(&json).expect("a sidecar");
        let mut source = source(&["main"]);
        assert!(sidecar.restore_arguments(&mut source).is_err(), "main takes nothing");
        let program = &mut source.functions[0].program;
        let used = program.new_var(Aval::scalar(DType::I32));
        (program.inputs, program.outputs) = (vec![used], vec![used.into()]);
        sidecar.restore_arguments(&mut source).expect("main takes the second argument");
        let program = &source.functions[0].program;
        let types: Vec<String> = program.input_avals().iter().map(Aval::to_string).collect();
        assert_eq!(types, ["f32[2,3]", "i32[]", "u32[4,2]"]);
        assert_eq!(program.inputs[1], used);
    }

    #[test]
    fn malformed_sidecars_are_refused() {
        let refused = [json!({"transform": 3}), json!({"transform": [3]}), json!({"transform": [{}]})];
        assert!(refused.iter().all(|json| Sidecar::parse(json).is_err()));
        assert!(Sidecar::parse(&json!({"transform": [{"kind": "vmap", "in_axes": {}}]})).is_err());
        assert!(Sidecar::parse(&json!({"kept": [0]})).is_err());
        assert!(Sidecar::parse(&json!({"kept": [1], "in_types": ["f32", "f32"]})).is_err());
        assert!(Sidecar::parse(&json!({"flags": {"jax_threefry_partitionable": 1}})).is_err());
    }
}
