//! Programs as statements over buffers that have no place yet; lowered bodies become part of the program around them.

use super::build::Root;
use super::graph::{Def, Graph, Step};
use crate::ir::{Atom, Program};
use crate::loops::{Access, BlockBuilder, Buffer, BufferId, Index, LoopVar, Nest, Place, Stmt};
use crate::ops::rules::{identity_store, parallel_dims};
use crate::types::{Aval, Literal};

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
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Output {
    Buffer(BufferId),
    Literal(Literal),
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
            Atom::Var(var) => Output::Buffer(BufferId(var.0)),
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

    /// Takes over a lowered body whose inputs have these places here; returns its statements and outputs.
    pub fn adopt(&mut self, body: &Fragment, inputs: &[Place]) -> (Vec<Stmt>, Vec<Output>) {
        let (first, first_loop) = (self.buffers.len() as u32, self.loops);
        let named = |id: BufferId| BufferId(id.0 + first);
        let renamed = |var: LoopVar| LoopVar(var.0 + first_loop);
        for buffer in &body.buffers {
            let place = match &buffer.place {
                Place::Input(input) => inputs[*input].clone(),
                Place::Alias(target) => Place::Alias(named(*target)),
                Place::Next(target) => Place::Next(named(*target)),
                &Place::Row { of, var, first, step } => {
                    Place::Row { of: named(of), var: renamed(var), first, step }
                }
                other @ (Place::Constant(_) | Place::Unplaced | Place::Output(_) | Place::Arena(_)) => {
                    other.clone()
                }
            };
            self.buffers.push(Buffer { place, ..buffer.clone() });
        }
        self.loops += body.loops;
        let mut stmts = body.body.clone();
        stmts.iter_mut().for_each(|stmt| stmt.rename(&mut { named }, &mut { renamed }));
        let output = |output: &Output| match *output {
            Output::Buffer(id) => Output::Buffer(named(id)),
            Output::Literal(literal) => Output::Literal(literal),
        };
        (stmts, body.outputs.iter().map(output).collect())
    }

    /// A nest that writes a value to a buffer.
    pub fn copy(&self, from: Output, to: BufferId) -> Stmt {
        let aval = self.aval(to);
        let mut nest = Nest::new(parallel_dims(&aval.shape));
        let mut b = BlockBuilder::new();
        let value = match from {
            Output::Literal(literal) => b.literal(literal),
            Output::Buffer(id) => {
                let indices = (0..aval.rank()).map(Index::dim).collect();
                b.load(Access::new(id, indices), aval.dtype)
            }
        };
        nest.stores.push(identity_store(to, aval.rank(), value));
        nest.block = b.finish();
        Stmt::Nest(nest)
    }
}

pub fn buffer(aval: &Aval, place: Place) -> Buffer {
    Buffer { dtype: aval.dtype, shape: aval.shape.clone(), place }
}
