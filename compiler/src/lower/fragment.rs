//! Programs as statements over buffers that have no place yet; lowered bodies become part of the program around them.

use super::build::Root;
use super::graph::{Def, Graph, Step};
use crate::ir::{Atom, Program};
use crate::loops::{
    Access, Affine, BlockBuilder, Buffer, BufferId, Index, LoopVar, Nest, Place, Stmt, Store,
};
use crate::ops::rules::{identity_store, parallel_dims};
use crate::types::{Aval, Extent, Literal};
use std::collections::HashMap;

/// A lowered program. The buffers of its inputs have the place [`Place::Input`].
#[derive(Default)]
pub struct Fragment {
    pub buffers: Vec<Buffer>,
    pub body: Vec<Stmt>,
    pub outputs: Vec<Output>,
    /// How many loops it has; their variables are numbered from 0.
    pub loops: u32,
}

/// Where an output is.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    Buffer(View),
    Literal(Literal),
}

/// A buffer, or what it has at one position of its leading axis.
#[derive(Clone, PartialEq, Debug)]
pub struct View {
    pub buffer: BufferId,
    pub row: Option<Affine>,
}

impl From<BufferId> for View {
    fn from(buffer: BufferId) -> View {
        View { buffer, row: None }
    }
}

impl Fragment {
    /// Orders nests and steps.
    pub fn new(program: &Program, graph: &Graph, roots: Vec<Root>) -> Fragment {
        let place = |(aval, def): (&Aval, &Def)| {
            let place = match def {
                Def::Input(input) => Place::Input(*input),
                Def::Constant(value) => Place::Constant(value.clone()),
                Def::Alias { of, .. } => Place::Alias(BufferId(of.0)),
                Def::Nests(_) | Def::Step => Place::Unplaced,
            };
            buffer(aval, place)
        };
        let mut fragment = Fragment {
            buffers: program.vars.iter().zip(&graph.defs).map(place).collect(),
            ..Fragment::default()
        };
        fragment.buffers.extend_from_slice(&graph.extra);
        fragment.body = fragment.in_program_order(graph, roots);
        let output = |atom: &Atom| match *atom {
            Atom::Var(var) => Output::Buffer(BufferId(var.0).into()),
            Atom::Literal(literal) => Output::Literal(literal),
        };
        fragment.outputs = program.outputs.iter().map(output).collect();
        fragment
    }

    /// A step runs once the nests that precede its equation have run; node ids grow with the program.
    fn in_program_order(&mut self, graph: &Graph, roots: Vec<Root>) -> Vec<Stmt> {
        let mut steps = graph.steps.iter().zip(&graph.nodes_before_steps).peekable();
        let mut stmts = Vec::new();
        for root in roots {
            while let Some((step, _)) = steps.next_if(|(_, before)| **before <= root.node) {
                stmts.extend(self.step(step));
            }
            stmts.push(Stmt::Nest(root.nest));
        }
        for (step, _) in steps {
            stmts.extend(self.step(step));
        }
        stmts
    }

    fn step(&mut self, step: &Step) -> Vec<Stmt> {
        match step {
            Step::Call(call) => vec![Stmt::Call(call.clone())],
            Step::Control(region) => self.control(region),
        }
    }

    /// A new buffer.
    pub fn add(&mut self, aval: &Aval, place: Place) -> BufferId {
        self.buffers.push(buffer(aval, place));
        BufferId(self.buffers.len() as u32 - 1)
    }

    pub fn new_loop(&mut self) -> LoopVar {
        self.loops += 1;
        LoopVar(self.loops - 1)
    }

    pub fn aval(&self, id: BufferId) -> Aval {
        let buffer = &self.buffers[id.0 as usize];
        Aval::new(buffer.dtype, buffer.shape.clone())
    }

    /// Takes over a lowered body whose inputs are these here; returns its statements and outputs.
    pub fn adopt(&mut self, body: &Fragment, inputs: &[View]) -> (Vec<Stmt>, Vec<Output>) {
        let (first, first_loop) = (self.buffers.len() as u32, self.loops);
        let named = |id: BufferId| BufferId(id.0 + first);
        let mut rows = Rows::default();
        for buffer in &body.buffers {
            let mut view = None;
            let place = match &buffer.place {
                Place::Input(input) => {
                    view = Some(&inputs[*input]);
                    Place::Alias(inputs[*input].buffer)
                }
                Place::Alias(target) => Place::Alias(named(*target)),
                Place::Next(target) => Place::Next(named(*target)),
                other @ (Place::Constant(_) | Place::Unplaced | Place::Output(_) | Place::Arena(_)) => {
                    other.clone()
                }
            };
            let id = self.add(&Aval::new(buffer.dtype, buffer.shape.clone()), place);
            if let Some(View { buffer: of, row: Some(row) }) = view {
                rows.insert(id, Row { count: self.buffers[of.0 as usize].shape[0], position: row.clone() });
            }
        }
        self.loops += body.loops;
        let mut stmts = body.body.clone();
        let renamed = |var: LoopVar| LoopVar(var.0 + first_loop);
        stmts.iter_mut().for_each(|stmt| stmt.rename(&mut { named }, &mut { renamed }));
        let mut outputs: Vec<Output> = body.outputs.clone();
        for output in &mut outputs {
            if let Output::Buffer(view) = output {
                view.buffer = named(view.buffer);
            }
        }
        self.become_rows(rows, first, &mut stmts, &mut outputs);
        (stmts, outputs)
    }

    /// Buffers from `first` on become rows: they, and all that has their memory, get an axis of so many rows before
    /// their own, and what names them one position there.
    pub fn become_rows(&mut self, rows: Rows, first: u32, stmts: &mut [Stmt], outputs: &mut [Output]) {
        if rows.is_empty() {
            return;
        }
        let mut all = rows;
        for id in (first..self.buffers.len() as u32).map(BufferId) {
            let of = match self.buffers[id.0 as usize].place {
                Place::Alias(of) | Place::Next(of) => all.get(&of).cloned(),
                Place::Input(_) | Place::Output(_) | Place::Constant(_) | Place::Unplaced => None,
                Place::Arena(_) => None,
            };
            if let Some(row) = of {
                all.entry(id).or_insert(row);
            }
            if let Some(row) = all.get(&id) {
                let shape = &mut self.buffers[id.0 as usize].shape;
                *shape = shape.inserted(0, row.count);
            }
        }
        let position = |id: BufferId| all.get(&id).map(|row| row.position.clone());
        stmts.iter_mut().for_each(|stmt| stmt.index_first(&position));
        for output in outputs {
            if let Output::Buffer(view) = output
                && let Some(row) = position(view.buffer)
            {
                view.row = Some(row);
            }
        }
    }

    /// A nest that writes a value to a buffer, or to a row of it.
    pub fn copy(&self, from: &Output, to: impl Into<View>) -> Stmt {
        let to = to.into();
        let whole = self.aval(to.buffer);
        let aval = match to.row {
            Some(_) => whole.with_shape(whole.shape.without(&[0])),
            None => whole,
        };
        let indices = |row: &Option<Affine>| {
            let row = row.clone().map(Index::affine);
            row.into_iter().chain((0..aval.rank()).map(Index::dim)).collect::<Vec<Index>>()
        };
        let mut nest = Nest::new(parallel_dims(&aval.shape));
        let mut b = BlockBuilder::new();
        let value = match from {
            Output::Literal(literal) => b.literal(*literal),
            Output::Buffer(View { buffer, row }) => b.load(Access::new(*buffer, indices(row)), aval.dtype),
        };
        let indices = indices(&to.row);
        nest.stores.push(Store { indices, ..identity_store(to.buffer, aval.rank(), value) });
        nest.block = b.finish();
        Stmt::Nest(nest)
    }
}

/// Buffers that become rows of others.
pub type Rows = HashMap<BufferId, Row>;

/// Which row, of how many.
#[derive(Clone)]
pub struct Row {
    pub count: Extent,
    pub position: Affine,
}

pub fn buffer(aval: &Aval, place: Place) -> Buffer {
    Buffer { dtype: aval.dtype, shape: aval.shape.clone(), place }
}
