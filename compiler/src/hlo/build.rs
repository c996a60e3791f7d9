//! Builds functions operation by operation, numbering values.

use super::{Attributes, Func, Location, Op, Region, Type, Value, Visibility};
use std::collections::HashSet;

/// A function in the making. Regions are built innermost first: [`FuncBuilder::open`] starts one, operations go there
/// until [`FuncBuilder::close`].
#[derive(Default)]
pub struct FuncBuilder {
    types: Vec<Type>,
    // Invariant: not empty; the last one is where operations go.
    open: Vec<Region>,
}

impl FuncBuilder {
    pub fn new() -> Self {
        FuncBuilder { types: Vec::new(), open: vec![Region::default()] }
    }

    pub fn type_of(&self, value: Value) -> &Type {
        &self.types[value.0 as usize]
    }

    /// A new value of the region in the making.
    pub fn argument(&mut self, ty: Type) -> Value {
        let value = self.value(ty);
        self.region().arguments.push(value);
        value
    }

    /// Starts a region; its arguments are added with [`FuncBuilder::argument`].
    pub fn open(&mut self) {
        self.open.push(Region::default());
    }

    /// Ends the region in the making, returning `values` by `stablehlo.return`.
    pub fn close(&mut self, values: &[Value]) -> Region {
        self.op("stablehlo.return", values, Attributes::default(), Vec::new(), Vec::new());
        self.open.pop().unwrap_or_default()
    }

    /// Adds an operation and returns its results.
    pub fn op(
        &mut self,
        name: &str,
        operands: &[Value],
        attributes: Attributes,
        regions: Vec<Region>,
        results: Vec<Type>,
    ) -> Vec<Value> {
        let results: Vec<Value> = results.into_iter().map(|ty| self.value(ty)).collect();
        let op = Op {
            name: name.to_string(),
            operands: operands.to_vec(),
            results: results.clone(),
            attributes,
            regions,
            location: Location::default(),
        };
        self.region().ops.push(op);
        results
    }

    /// The function that returns `values`.
    pub fn finish(mut self, name: String, visibility: Visibility, values: &[Value]) -> Func {
        self.op("func.return", values, Attributes::default(), Vec::new(), Vec::new());
        let body = self.open.pop().unwrap_or_default();
        Func {
            name,
            visibility,
            argument_attributes: vec![Attributes::default(); body.arguments.len()],
            result_types: values.iter().map(|&value| self.types[value.0 as usize].clone()).collect(),
            result_attributes: vec![Attributes::default(); values.len()],
            attributes: Attributes::default(),
            body,
            types: self.types,
            location: Location::default(),
        }
    }

    fn value(&mut self, ty: Type) -> Value {
        self.types.push(ty);
        Value(self.types.len() as u32 - 1)
    }

    fn region(&mut self) -> &mut Region {
        self.open.last_mut().expect("the function's own region is closed by `finish` alone")
    }
}

/// Names of functions, each given once.
#[derive(Default)]
pub struct Names(HashSet<String>);

impl Names {
    /// `wanted` or, if that is taken, `wanted_0`, `wanted_1`, ... as JAX numbers them.
    pub fn fresh(&mut self, wanted: &str) -> String {
        let numbered = (0..).map(|n| format!("{wanted}_{n}"));
        let mut candidates = std::iter::once(wanted.to_string()).chain(numbered);
        let name = candidates.find(|name| !self.0.contains(name)).expect("an endless supply of names");
        self.0.insert(name.clone());
        name
    }
}
