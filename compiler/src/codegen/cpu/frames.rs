//! How deep the stack gets, and what is called: the frames of all functions of a unit and who calls whom.

use super::Unit;
use cranelift_codegen::Context;
use cranelift_codegen::ir::{ExternalName, UserExternalName};
use cranelift_module::FuncId;
use std::collections::{BTreeMap, BTreeSet};

/// Return address and frame pointer.
const LINKAGE: u64 = 16;

/// What a call of an entry point needs beside its work memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StackUse {
    /// The deepest that frames of compiled code lie on each other. Units: bytes.
    pub bytes: u64,
    /// Functions outside of the object that may be called: routines of the runtime. Their frames are not counted.
    pub routines: BTreeSet<String>,
}

/// The frame of one machine function.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    bytes: u64,
    calls: Vec<u32>,
}

/// Frames by the number of their function.
pub(super) type Frames = BTreeMap<u32, Frame>;

/// The frame of what has just been compiled.
pub(super) fn frame(context: &Context) -> Frame {
    let layout = context.compiled_code().and_then(|code| code.buffer.frame_layout());
    let own = layout.map_or(0, |layout| u64::from(layout.frame_to_fp_offset));
    let function = &context.func;
    let called = function.dfg.ext_funcs.values().filter_map(|callee| match callee.name {
        ExternalName::User(name) => {
            let UserExternalName { index, .. } = function.params.user_named_funcs()[name];
            Some(index)
        }
        ExternalName::TestCase(_) | ExternalName::LibCall(_) | ExternalName::KnownSymbol(_) => None,
    });
    Frame { bytes: own + LINKAGE, calls: called.collect() }
}

impl Unit<'_> {
    /// What a call of the function with this symbol needs. None if the unit has none of that name.
    pub fn stack_use(&self, symbol: &str) -> Option<StackUse> {
        let id = *self.entries.get(symbol)?;
        let names = self.imports.iter().map(|(name, id)| (id.as_u32(), name.as_str())).collect();
        let mut deepest = BTreeMap::new();
        let mut routines = BTreeSet::new();
        let bytes = self.depth(id.as_u32(), &names, &mut deepest, &mut routines);
        Some(StackUse { bytes, routines })
    }

    /// Calls between compiled functions are those of their tree of outlined parts, so that they end.
    fn depth(
        &self,
        id: u32,
        names: &BTreeMap<u32, &str>,
        deepest: &mut BTreeMap<u32, u64>,
        routines: &mut BTreeSet<String>,
    ) -> u64 {
        if let Some(&known) = deepest.get(&id) {
            return known;
        }
        if let Some(name) = names.get(&id) {
            routines.insert(name.to_string());
        }
        // The probe of the processor has no frame here: a return address and five saved registers.
        let frame = self.frames.get(&id).cloned().unwrap_or(Frame { bytes: 48, calls: Vec::new() });
        let below = frame.calls.iter().map(|&callee| self.depth(callee, names, deepest, routines)).max();
        let bytes = frame.bytes + below.unwrap_or_default();
        deepest.insert(id, bytes);
        bytes
    }

    /// Remembers under which symbol a function is exported.
    pub(super) fn note_entry(&mut self, symbol: &str, id: FuncId) {
        self.entries.insert(symbol.to_string(), id);
    }
}
