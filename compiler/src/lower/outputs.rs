//! From a fragment to a function: outputs get their buffers, and what nothing uses goes.

use super::fragment::{Fragment, Output, buffer};
use crate::loops::address::memory;
use crate::loops::{Buffer, BufferId, Function, Place};
use crate::types::Aval;
use std::collections::{HashMap, HashSet};

/// Adds copies for outputs that nothing computes in place.
pub fn function(name: &str, mut fragment: Fragment) -> Function {
    place_outputs(&mut fragment);
    let Fragment { buffers, body, .. } = fragment;
    let mut function = Function { name: name.to_string(), buffers, body, arena_bytes: 0 };
    compact(&mut function);
    function
}

/// Output buffers replace temporaries where they can; other outputs (inputs, constants, repeated ones) are copies.
fn place_outputs(fragment: &mut Fragment) {
    for (position, output) in fragment.outputs.clone().into_iter().enumerate() {
        let place = Place::Output(position);
        if let Output::Buffer(view) = &output {
            let target = memory(&fragment.buffers, view.buffer);
            if fragment.buffers[target.0 as usize].place == Place::Unplaced {
                fragment.buffers[target.0 as usize].place = place;
                continue;
            }
        }
        let aval = match &output {
            Output::Buffer(view) => fragment.aval(view.buffer),
            Output::Literal(literal) => Aval::scalar(literal.dtype()),
        };
        fragment.buffers.push(buffer(&aval, place));
        let to = BufferId(fragment.buffers.len() as u32 - 1);
        fragment.body.push(fragment.copy(&output, to));
    }
}

/// Drops buffers that nothing uses and renumbers the rest.
fn compact(function: &mut Function) {
    let mut used: HashSet<BufferId> = HashSet::new();
    let mut waiting: Vec<BufferId> = Vec::new();
    function.body.iter().for_each(|stmt| stmt.buffers(&mut |id, _| waiting.push(id)));
    while let Some(id) = waiting.pop() {
        if !used.insert(id) {
            continue;
        }
        match function.buffer(id).place {
            Place::Alias(of) | Place::Next(of) => waiting.push(function.version(of)),
            Place::Input(_) | Place::Output(_) | Place::Constant(_) | Place::Unplaced | Place::Arena(_) => {}
        }
    }
    for (position, buffer) in function.buffers.iter().enumerate() {
        if matches!(buffer.place, Place::Input(_) | Place::Output(_)) {
            used.insert(BufferId(position as u32));
        }
    }
    let mut kept: Vec<BufferId> = used.into_iter().collect();
    kept.sort_unstable();
    let renamed: HashMap<BufferId, BufferId> = kept.iter().copied().zip((0..).map(BufferId)).collect();
    let compacted = |&id: &BufferId| {
        let mut buffer: Buffer = function.buffer(id).clone();
        if let Place::Alias(target) | Place::Next(target) = &mut buffer.place {
            *target = renamed[&function.version(*target)];
        }
        buffer
    };
    let buffers = kept.iter().map(compacted).collect();
    function.buffers = buffers;
    function.body.iter_mut().for_each(|stmt| stmt.rename(&mut |id| renamed[&id], &mut |var| var));
}
