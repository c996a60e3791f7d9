//! Equinox's `vprim`: another primitive, lane by lane.

use super::super::control::Scan;
use super::{Meaning, Source, meaning};
use crate::ir::{Atom, Builder, Params, Value};
use crate::types::Aval;

pub(super) const NAME: &str = "vprim";

/// What the parameters say.
pub(super) struct Lanes {
    pub primitive: String,
    /// The parameters of the primitive.
    pub params: Params,
    /// Along which axis each operand has its lanes; `None`: all lanes share it.
    axes: Vec<Option<usize>>,
    count: usize,
}

impl Lanes {
    /// `None`: these are not parameters of a `vprim`.
    pub fn read(params: &Params) -> Option<Self> {
        let (Value::Tuple(axes), Value::Tuple(pairs)) = (params.get("__batch_axes")?, params.get("params")?)
        else {
            return None;
        };
        let axis = |axis: &Value| match axis {
            Value::None => Some(None),
            Value::Int(axis) => usize::try_from(*axis).ok().map(Some),
            _ => None,
        };
        let pair = |pair: &Value| match pair {
            Value::Tuple(items) => match &items[..] {
                [Value::Str(key), value] => Some((key.clone(), value.clone())),
                _ => None,
            },
            _ => None,
        };
        Some(Lanes {
            primitive: params.name("prim").ok()?.to_string(),
            params: Params(pairs.iter().map(pair).collect::<Option<_>>()?),
            axes: axes.iter().map(axis).collect::<Option<_>>()?,
            count: params.size("__axis_size").ok()?,
        })
    }

    /// The axes of the operands that are read.
    fn of_operands(&self, count: usize) -> Option<Vec<Option<usize>>> {
        let axes = match super::operands_read(&self.primitive, &self.params, self.axes.len()) {
            Some(read) => read.into_iter().map(|at| self.axes[at]).collect(),
            None => self.axes.clone(),
        };
        (axes.len() == count).then_some(axes)
    }
}

/// Results: those of the lanes along a new leading axis. Source: equinox `create_vprim`.
pub(super) fn vprim(source: &Source) -> Option<Meaning> {
    (source.name == NAME).then(|| lane_by_lane(source))
}

fn lane_by_lane(source: &Source) -> Meaning {
    let lanes =
        Lanes::read(source.params).ok_or_else(|| source.unsupported("its parameters are not understood"))?;
    let axes = lanes.of_operands(source.operands.len());
    let axes = axes.ok_or_else(|| source.wrong("expected an axis for each operand"))?;
    let lane = |(aval, axis): (&Aval, &Option<usize>)| match *axis {
        None => Some(aval.clone()),
        Some(axis) => {
            (aval.shape.extents().get(axis) == Some(&lanes.count)).then(|| without_axis(aval, axis))
        }
    };
    let operands: Option<Vec<Aval>> = source.operands.iter().zip(&axes).map(lane).collect();
    let operands = operands.ok_or_else(|| source.wrong(format!("expected {} lanes", lanes.count)))?;
    let first =
        |aval: &Option<Aval>| aval.as_ref().filter(|aval| aval.rank() > 0).map(|aval| without_axis(aval, 0));
    let results: Vec<Option<Aval>> = source.results.iter().map(first).collect();
    let (name, params) = (lanes.primitive.as_str(), &lanes.params);
    let inner = Source { name, params, operands: &operands, results: &results, is_lane: true };
    let unknown = || source.unsupported(&format!("{name} is not known"));
    let body = meaning(&inner).ok_or_else(unknown)??;

    let (mut b, inputs) = source.inputs();
    let is_shared = |at: &usize| axes[*at].is_none();
    let (shared, mapped): (Vec<usize>, Vec<usize>) = (0..operands.len()).partition(is_shared);
    let mut rows: Vec<Atom> = shared.iter().map(|&at| inputs[at]).collect();
    for &at in &mapped {
        let axis = axes[at].expect("it is mapped");
        rows.push(b.move_axis(inputs[at], axis, 0));
    }
    // The operands of the body in the order of the loop's.
    let mut of_body = Builder::new();
    let mut arguments = vec![None; operands.len()];
    for &at in shared.iter().chain(&mapped) {
        arguments[at] = Some(Atom::from(of_body.input(operands[at].clone())));
    }
    let arguments: Vec<Atom> = arguments.into_iter().flatten().collect();
    let outputs = crate::ir::inline::inline(&mut of_body, &body, &arguments);
    let scan = Scan {
        body: of_body.finish(outputs).into(),
        length: lanes.count,
        consts: shared.len(),
        carries: 0,
        reverse: false,
        rest: Params::new(),
    };
    let outputs = b.emit(scan, &rows);
    Ok(b.finish(outputs))
}

fn without_axis(aval: &Aval, axis: usize) -> Aval {
    let mut extents = aval.shape.extents().to_vec();
    extents.remove(axis);
    aval.with_shape(extents)
}
