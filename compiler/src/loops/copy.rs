//! Copies straight-line code into another block, at other points of an iteration space.

use super::{Affine, Block, BlockBuilder, Inst, Reduction, Store, Val};

/// A reduction of `block`'s nest and what it depends on, as [`copy()`] copies them.
pub fn copy_reduction(
    b: &mut BlockBuilder,
    block: &Block,
    map: &[Affine],
    reduction: &Reduction,
    replace: impl FnMut(&mut BlockBuilder, &Inst) -> Option<Val>,
) -> Reduction {
    let roots: Vec<Val> = reduction.operands().collect();
    let mut copies = copy(b, block, map, &roots, replace).into_iter();
    reduction.map_operands(|_| copies.next().expect("one copy per root"))
}

/// A store of `block`'s nest and what it depends on, as [`copy()`] copies them.
pub fn copy_store(
    b: &mut BlockBuilder,
    block: &Block,
    map: &[Affine],
    store: &Store,
    replace: impl FnMut(&mut BlockBuilder, &Inst) -> Option<Val>,
) -> Store {
    let roots: Vec<Val> = store.operands().collect();
    let mut copies = copy(b, block, map, &roots, replace).into_iter();
    let mut store = store.map_operands(|_| copies.next().expect("one copy per root"));
    store.substitute(map);
    store
}

/// Appends to `b` what `roots` depend on, the dims of `block`'s nest being `map`; returns the copies of the roots.
///
/// `replace` may supply another value for an instruction; then its operands are not copied on its account.
pub fn copy(
    b: &mut BlockBuilder,
    block: &Block,
    map: &[Affine],
    roots: &[Val],
    mut replace: impl FnMut(&mut BlockBuilder, &Inst) -> Option<Val>,
) -> Vec<Val> {
    let mut needed = vec![false; block.insts.len()];
    roots.iter().for_each(|root| needed[root.0 as usize] = true);
    for val in block.vals().rev() {
        if needed[val.0 as usize] {
            block.inst(val).operands().iter().for_each(|operand| needed[operand.0 as usize] = true);
        }
    }
    let mut copies: Vec<Option<Val>> = vec![None; block.insts.len()];
    for val in block.vals().filter(|val| needed[val.0 as usize]) {
        let inst = block.inst(val);
        copies[val.0 as usize] = Some(replace(b, inst).unwrap_or_else(|| {
            let of = |operand: Val| copies[operand.0 as usize].expect("operands precede their users");
            let mut inst = inst.map_operands(of);
            if let Inst::Dim(dim) = inst {
                return b.position(&map[dim]);
            }
            if let Some(access) = inst.as_load_mut() {
                access.indices.iter_mut().for_each(|index| index.affine = index.affine.substitute(map));
            }
            b.push(inst, block.dtype(val))
        }));
    }
    roots.iter().map(|root| copies[root.0 as usize].expect("roots are copied")).collect()
}
