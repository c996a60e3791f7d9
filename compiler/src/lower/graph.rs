//! The nests of all equations, over variables as buffers.

use super::control::{Region, RegionKind};
use crate::diag::{Diagnostic, Origin};
use crate::ir::{Atom, Equation, Program, Var};
use crate::loops::interpret::{self, Strictness};
use crate::loops::{BlockBuilder, Buffer, BufferId, Index, Inst, Nest, Place, RuntimeCall, Val};
use crate::ops::rules::Lowering;
use crate::types::{Aval, DType, Literal, Scalar, Tensor};
use std::sync::Arc;

/// Position in [`Graph::nodes`].
pub type NodeId = usize;

/// What every variable is made by. Buffer `i` is variable `i`.
pub struct Graph<'a> {
    pub program: &'a Program,
    pub nodes: Vec<Nest>,
    /// One per variable.
    pub defs: Vec<Def>,
    /// Buffers after those of the variables: literal operands and scratch memory of calls.
    pub extra: Vec<Buffer>,
    /// What is no nest, in program order.
    pub steps: Vec<Step>,
    /// How many nodes precede each step.
    pub nodes_before_steps: Vec<NodeId>,
}

/// What stands between nests and works on whole buffers.
pub enum Step {
    /// A call of the runtime.
    Call(RuntimeCall),
    /// Statements around lowered bodies.
    Control(Region),
}

/// How a variable comes about.
pub enum Def {
    Input(usize),
    Constant(Arc<Tensor>),
    /// These nests together write it.
    Nests(Vec<NodeId>),
    /// The same bytes as another variable; the nest, if any, reads that variable element by element instead.
    Alias {
        of: Var,
        view: Option<NodeId>,
    },
    /// A step writes it.
    Step,
}

impl<'a> Graph<'a> {
    /// `lowerings` has one entry per equation. Errors: a dtype that has no code.
    pub fn new(program: &'a Program, lowerings: Vec<Lowering>) -> Result<Graph<'a>, Diagnostic> {
        let (nodes, defs_done, extra, steps, nodes_before_steps) = Default::default();
        let mut graph = Graph { program, nodes, defs: defs_done, extra, steps, nodes_before_steps };
        let mut defs: Vec<Option<Def>> = program.vars.iter().map(|_| None).collect();
        for (position, &input) in program.inputs.iter().enumerate() {
            check_dtype(program.aval(input), &Origin::unknown())?;
            defs[input.0 as usize] = Some(Def::Input(position));
        }
        for (eqn, lowering) in program.equations.iter().zip(lowerings) {
            eqn.results.iter().try_for_each(|&var| check_dtype(program.aval(var), &eqn.origin))?;
            graph.add(eqn, lowering, &mut defs)?;
        }
        graph.defs = defs.into_iter().map(|def| def.unwrap_or(Def::Nests(Vec::new()))).collect();
        Ok(graph)
    }

    pub fn def(&self, var: Var) -> &Def {
        &self.defs[var.0 as usize]
    }

    /// The nest that computes each element of `var` from its index alone, if there is just one and it does: it can be
    /// absorbed by its consumers.
    pub fn producer(&self, var: Var) -> Option<NodeId> {
        match self.def(var) {
            Def::Nests(nodes) => match nodes.as_slice() {
                &[node] if computes_each_element(&self.nodes[node], self.program.aval(var)) => Some(node),
                _ => None,
            },
            Def::Alias { view, .. } => *view,
            Def::Input(_) | Def::Constant(_) | Def::Step => None,
        }
    }

    /// The variable that `node` updates a copy of: another node has copied it to where this one stores.
    pub fn updated(&self, node: NodeId) -> Option<Var> {
        let [store] = self.nodes[node].stores.as_slice() else { return None };
        let Def::Nests(nodes) = self.def(Var(store.buffer.0)) else { return None };
        let first = &self.nodes[*nodes.first().filter(|&&first| first != node)?];
        let [copy] = first.stores.as_slice() else { return None };
        let source =
            first.block.inst(copy.value).as_load().filter(|access| access.indices == copy.indices)?;
        Some(self.root(Var(source.buffer.0)))
    }

    /// The variable whose bytes `var` has.
    pub fn root(&self, var: Var) -> Var {
        match self.def(var) {
            Def::Alias { of, .. } => self.root(*of),
            Def::Input(_) | Def::Constant(_) | Def::Nests(_) | Def::Step => var,
        }
    }

    /// The first node after the last step that precedes `node`; 0 if there is no such step.
    pub fn last_step_before(&self, node: NodeId) -> NodeId {
        let earlier = self.nodes_before_steps.partition_point(|&before| before <= node);
        earlier.checked_sub(1).map_or(0, |step| self.nodes_before_steps[step])
    }

    /// The variables that steps read: they need memory.
    pub fn read_by_steps(&self) -> impl Iterator<Item = Var> + '_ {
        let reads = self.steps.iter().flat_map(|step| match step {
            Step::Call(call) => call.reads.iter().map(|read| read.buffer).collect(),
            Step::Control(region) => region.operands.clone(),
        });
        reads.map(|id| Var(id.0)).filter(|var| (var.0 as usize) < self.program.vars.len())
    }

    fn add(
        &mut self,
        eqn: &Equation,
        lowering: Lowering,
        defs: &mut [Option<Def>],
    ) -> Result<(), Diagnostic> {
        match lowering {
            Lowering::Constant(value) => defs[eqn.results[0].0 as usize] = Some(Def::Constant(value)),
            Lowering::Nests(nests) => {
                eqn.results.iter().for_each(|var| defs[var.0 as usize] = Some(Def::Nests(Vec::new())));
                for nest in nests {
                    let node = self.push(eqn, nest);
                    let mut written: Vec<BufferId> =
                        self.nodes[node].stores.iter().map(|s| s.buffer).collect();
                    written.dedup();
                    for buffer in written {
                        if let Some(Def::Nests(nodes)) = &mut defs[buffer.0 as usize] {
                            nodes.push(node);
                        }
                    }
                }
            }
            Lowering::Reinterpret(view) => {
                let view = view.map(|nest| self.push(eqn, nest));
                let def = match (eqn.operands[0], view) {
                    (Atom::Var(of), view) => Def::Alias { of, view },
                    (Atom::Literal(literal), _) => {
                        let value = Tensor::from_literal(literal)
                            .reinterpret(self.program.aval(eqn.results[0]).clone());
                        Def::Constant(Arc::new(value.expect("a reinterpretation keeps the byte count")))
                    }
                };
                defs[eqn.results[0].0 as usize] = Some(def);
            }
            Lowering::Runtime { call, tables, scratch_bytes } => {
                eqn.results.iter().for_each(|var| defs[var.0 as usize] = Some(Def::Step));
                self.call(eqn, call, tables, scratch_bytes);
            }
            Lowering::Control(control) => {
                eqn.results.iter().for_each(|var| defs[var.0 as usize] = Some(Def::Step));
                let operands = eqn.operands.iter().map(|&operand| self.memory(operand)).collect();
                let results = eqn.results.iter().map(|var| BufferId(var.0)).collect();
                let kind = RegionKind::of(control).map_err(|error| error.within(&eqn.origin))?;
                self.step(Step::Control(Region { kind, operands, results }));
            }
            Lowering::Expand(_) => {
                return Err(Diagnostic::bug("an expansion was not expanded").with_origin(&eqn.origin));
            }
        }
        Ok(())
    }

    /// Adds a call with its slots replaced by the equation's operands and results, and its tables.
    fn call(
        &mut self,
        eqn: &Equation,
        mut call: RuntimeCall,
        tables: Vec<Arc<Tensor>>,
        scratch_bytes: Option<usize>,
    ) {
        call.reads = call.reads.iter().map(|read| self.memory(slot(eqn, read.buffer)).into()).collect();
        for table in tables {
            let buffer = self.add_buffer(&table.aval().clone(), Place::Constant(table));
            call.reads.push(buffer.into());
        }
        for write in &mut call.writes {
            write.buffer = slot_var(eqn, write.buffer).expect("results are variables");
        }
        let scratch = |bytes| self.add_buffer(&Aval::new(DType::U8, [bytes]), Place::Unplaced);
        call.scratch = scratch_bytes.map(scratch);
        self.step(Step::Call(call));
    }

    fn step(&mut self, step: Step) {
        self.steps.push(step);
        self.nodes_before_steps.push(self.nodes.len());
    }

    /// The buffer of an operand that needs memory.
    fn memory(&mut self, operand: Atom) -> BufferId {
        match operand {
            Atom::Var(var) => BufferId(var.0),
            Atom::Literal(literal) => {
                let value = Tensor::from_literal(literal);
                self.add_buffer(&value.aval().clone(), Place::Constant(Arc::new(value)))
            }
        }
    }

    fn add_buffer(&mut self, aval: &Aval, place: Place) -> BufferId {
        self.extra.push(Buffer { dtype: aval.dtype, shape: aval.shape.clone(), place });
        BufferId((self.program.vars.len() + self.extra.len() - 1) as u32)
    }

    /// Adds a nest with its slots replaced by the equation's operands and results.
    fn push(&mut self, eqn: &Equation, mut node: Nest) -> NodeId {
        let mut b = BlockBuilder::new();
        let mut map: Vec<Val> = Vec::with_capacity(node.block.insts.len());
        for val in node.block.vals() {
            let dtype = node.block.dtype(val);
            let inst = node.block.inst(val).map_operands(|operand| map[operand.0 as usize]);
            map.push(match inst {
                Inst::Load(mut access) => match slot(eqn, access.buffer) {
                    Atom::Literal(literal) => b.literal(typed(literal, dtype)),
                    Atom::Var(var) => {
                        access.buffer = BufferId(var.0);
                        access.indices.iter_mut().for_each(|index| fix(&b, index));
                        b.load(access, dtype)
                    }
                },
                other => match folded(&b, &other, dtype) {
                    Some(literal) => b.literal(literal),
                    None => b.push(other, dtype),
                },
            });
        }
        let of = |val: Val| map[val.0 as usize];
        for store in &mut node.stores {
            *store = store.map_operands(of);
            store.buffer = slot_var(eqn, store.buffer).expect("results are variables");
            store.indices.iter_mut().for_each(|index| fix(&b, index));
        }
        for reduction in &mut node.reductions {
            *reduction = reduction.map_operands(of);
        }
        node.block = b.finish();
        self.nodes.push(node);
        self.nodes.len() - 1
    }
}

/// Operand `i` of an equation is slot `i`; its results follow.
fn slot(eqn: &Equation, buffer: BufferId) -> Atom {
    let slot = buffer.0 as usize;
    eqn.operands.get(slot).copied().unwrap_or_else(|| Atom::Var(eqn.results[slot - eqn.operands.len()]))
}

fn slot_var(eqn: &Equation, buffer: BufferId) -> Option<BufferId> {
    slot(eqn, buffer).var().map(|var| BufferId(var.0))
}

/// The integer or bool that an instruction on constants makes: start indices are often literals.
fn folded(b: &BlockBuilder, inst: &Inst, dtype: DType) -> Option<Literal> {
    let is_exact = |dtype: DType| dtype.is_integer() || dtype == DType::Bool;
    let operands: Option<Vec<Literal>> = inst.operands().into_iter().map(|val| b.as_const(val)).collect();
    let operands = operands.filter(|operands| !operands.is_empty() && is_exact(dtype))?;
    if !operands.iter().all(|operand| is_exact(operand.dtype())) {
        return None;
    }
    let mut alone = BlockBuilder::new();
    let mut params =
        operands.iter().map(|operand| alone.param(operand.dtype())).collect::<Vec<Val>>().into_iter();
    let inst = inst.map_operands(|_| params.next().expect("one parameter per operand"));
    let result = alone.push(inst, dtype);
    let args: Vec<Scalar> = operands.iter().map(|operand| operand.value()).collect();
    let results = interpret::block(&alone.finish_with(vec![result]), &args, Strictness::Source).ok()?;
    Some(Literal::new(dtype, results[0]))
}

/// Makes a constant position part of the affine index.
fn fix(b: &BlockBuilder, index: &mut Index) {
    let position = index.dynamic.and_then(|val| b.as_const(val)).map(|literal| literal.value().int());
    if let Some(position) = position.and_then(|position| i64::try_from(position).ok()) {
        (index.affine, index.dynamic) = (index.affine.add_constant(position), None);
    }
}

/// A literal under the dtype of the load it replaces (they differ where a nest reinterprets bytes).
fn typed(literal: Literal, dtype: DType) -> Literal {
    if literal.dtype() == dtype { literal } else { Literal::from_bits(dtype, literal.bits()) }
}

fn computes_each_element(nest: &Nest, aval: &Aval) -> bool {
    let [store] = nest.stores.as_slice() else { return false };
    let rank = aval.rank();
    let identity = |(axis, index): (usize, &crate::loops::Index)| {
        index.is_affine()
            && index.affine == crate::loops::Affine::dim(axis)
            && nest.dims[axis].extent == aval.shape[axis]
    };
    let parallel = nest.dims_with(crate::loops::Role::Parallel).count();
    let sequential = nest.dims_with(crate::loops::Role::Sequential).count();
    store.mask.is_none()
        && store.combine.is_none()
        && parallel == rank
        && sequential == 0
        && store.indices.iter().enumerate().all(identity)
}

fn check_dtype(aval: &Aval, origin: &Origin) -> Result<(), Diagnostic> {
    if aval.dtype != DType::Float0 {
        return Ok(());
    }
    Err(Diagnostic::unsupported("arrays of dtype float0 have no code").with_origin(origin))
}
