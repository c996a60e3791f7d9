//! Parameters as text knows them: ordered keys and untyped values. Primitives hold typed fields; these values exist
//! only at the edges, while reading and printing.

use super::Body;
use crate::diag::TypeError;
use crate::types::DType;

/// One parameter value, as JAX prints it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// A float, by its bits, so that values can be compared and hashed.
    Float(u64),
    /// A bare or dotted name: `float32`, `GatherScatterMode.CLIP`.
    Name(String),
    Str(String),
    Tuple(Vec<Value>),
    /// `GatherDimensionNumbers(offset_dims=(1,), ...)`.
    Record(String, Vec<(Option<String>, Value)>),
    /// Text that has no structure for us: `<function max at 0x...>`.
    Opaque(String),
    Body(Body),
    Bodies(Vec<Body>),
}

/// The parameters of one equation, in the order of the text.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Params(pub Vec<(String, Value)>);

impl Params {
    pub fn new() -> Self {
        Params::default()
    }

    /// Adds a parameter at the end.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.push((key.to_string(), value.into()));
        self
    }

    /// The value under `key`; `None` if absent or printed as `None`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, value)| value).filter(|value| **value != Value::None)
    }

    /// Errors: TypeError if absent.
    pub fn require(&self, key: &str) -> Result<&Value, TypeError> {
        self.get(key).ok_or_else(|| TypeError(format!("parameter {key} is missing")))
    }

    /// Errors: TypeError if absent or not an integer.
    pub fn int(&self, key: &str) -> Result<i64, TypeError> {
        match self.require(key)? {
            Value::Int(x) => Ok(*x),
            Value::Bool(x) => Ok(i64::from(*x)),
            other => Err(expected(key, "an integer", other)),
        }
    }

    /// A non-negative integer. Errors: TypeError if absent, not an integer, or negative.
    pub fn size(&self, key: &str) -> Result<usize, TypeError> {
        let value = self.int(key)?;
        usize::try_from(value)
            .map_err(|_| TypeError(format!("parameter {key}: expected a size, found {value}")))
    }

    /// Errors: TypeError if absent or not `True` or `False`.
    pub fn bool(&self, key: &str) -> Result<bool, TypeError> {
        match self.require(key)? {
            Value::Bool(x) => Ok(*x),
            other => Err(expected(key, "True or False", other)),
        }
    }

    /// Errors: TypeError if absent or not a name.
    pub fn name(&self, key: &str) -> Result<&str, TypeError> {
        match self.require(key)? {
            Value::Name(x) | Value::Str(x) => Ok(x),
            other => Err(expected(key, "a name", other)),
        }
    }

    /// A dtype by its long or short name. Errors: TypeError if absent or not a dtype.
    pub fn dtype(&self, key: &str) -> Result<DType, TypeError> {
        let name = self.name(key)?;
        let dtype = DType::from_long_name(name).or_else(|| DType::from_short_name(name));
        dtype.ok_or_else(|| TypeError(format!("parameter {key}: expected a dtype, found {name}")))
    }

    /// A tuple of integers. Errors: TypeError if absent or anything else.
    pub fn ints(&self, key: &str) -> Result<Vec<i64>, TypeError> {
        let value = self.require(key)?;
        value.ints().ok_or_else(|| expected(key, "a tuple of integers", value))
    }

    /// A tuple of non-negative integers. Errors: TypeError if absent or anything else.
    pub fn sizes(&self, key: &str) -> Result<Vec<usize>, TypeError> {
        let value = self.require(key)?;
        value.sizes().ok_or_else(|| expected(key, "a tuple of sizes", value))
    }

    /// A tuple of pairs of integers. Errors: TypeError if absent or anything else.
    pub fn pairs(&self, key: &str) -> Result<Vec<(i64, i64)>, TypeError> {
        let value = self.require(key)?;
        let pair =
            |item: &Value| item.ints().and_then(|x| <[i64; 2]>::try_from(x).ok()).map(<(i64, i64)>::from);
        let pairs = match value {
            Value::Tuple(items) => items.iter().map(pair).collect(),
            _ => None,
        };
        pairs.ok_or_else(|| expected(key, "a tuple of pairs of integers", value))
    }

    /// A sub-program. Errors: TypeError if absent or anything else.
    pub fn body(&self, key: &str) -> Result<&Body, TypeError> {
        match self.require(key)? {
            Value::Body(body) => Ok(body),
            other => Err(expected(key, "a jaxpr", other)),
        }
    }
}

impl Value {
    pub fn float(x: f64) -> Value {
        Value::Float(x.to_bits())
    }

    pub fn tuple<T: Into<Value>>(items: impl IntoIterator<Item = T>) -> Value {
        Value::Tuple(items.into_iter().map(Into::into).collect())
    }

    /// A tuple of integers; `None` if it is anything else.
    pub fn ints(&self) -> Option<Vec<i64>> {
        let Value::Tuple(items) = self else { return None };
        items.iter().map(|item| if let Value::Int(x) = item { Some(*x) } else { None }).collect()
    }

    /// A tuple of non-negative integers; `None` if it is anything else.
    pub fn sizes(&self) -> Option<Vec<usize>> {
        self.ints()?.into_iter().map(|x| usize::try_from(x).ok()).collect()
    }

    /// A field of a record, by name or, unnamed, by position.
    pub fn field(&self, name: &str, position: usize) -> Option<&Value> {
        let Value::Record(_, fields) = self else { return None };
        let named = fields.iter().find(|(key, _)| key.as_deref() == Some(name)).map(|(_, value)| value);
        named.or_else(|| fields.get(position).filter(|(key, _)| key.is_none()).map(|(_, value)| value))
    }
}

impl From<i64> for Value {
    fn from(x: i64) -> Value {
        Value::Int(x)
    }
}

impl From<usize> for Value {
    fn from(x: usize) -> Value {
        Value::Int(x as i64)
    }
}

impl From<bool> for Value {
    fn from(x: bool) -> Value {
        Value::Bool(x)
    }
}

impl From<DType> for Value {
    fn from(dtype: DType) -> Value {
        Value::Name(dtype.long_name().to_string())
    }
}

impl From<&str> for Value {
    fn from(name: &str) -> Value {
        Value::Name(name.to_string())
    }
}

impl From<&[usize]> for Value {
    fn from(sizes: &[usize]) -> Value {
        Value::tuple(sizes.iter().copied())
    }
}

impl From<Body> for Value {
    fn from(body: Body) -> Value {
        Value::Body(body)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::None, Into::into)
    }
}

fn expected(key: &str, what: &str, found: &Value) -> TypeError {
    TypeError(format!("parameter {key}: expected {what}, found {found}"))
}
