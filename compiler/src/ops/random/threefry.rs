//! The hash Threefry-2x32 with 20 rounds: as a function on numbers, and as straight-line code.
//!
//! Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).

use crate::ir::{Atom, Builder};
use crate::loops::{BlockBuilder, Val};
use crate::ops::elementwise::BinaryKind;
use crate::types::{DType, Literal};

const ROTATIONS: [[u32; 4]; 2] = [[13, 15, 26, 6], [17, 29, 16, 24]];
const PARITY: u32 = 0x1bd1_1bda;

/// The hash of a counter under a key.
pub(super) fn hash(key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    let schedule = [key[0], key[1], key[0] ^ key[1] ^ PARITY];
    let mut x = counter[0].wrapping_add(schedule[0]);
    let mut y = counter[1].wrapping_add(schedule[1]);
    for group in 0..5 {
        for amount in ROTATIONS[group % 2] {
            x = x.wrapping_add(y);
            y = y.rotate_left(amount) ^ x;
        }
        x = x.wrapping_add(schedule[(group + 1) % 3]);
        y = y.wrapping_add(schedule[(group + 2) % 3]).wrapping_add(group as u32 + 1);
    }
    [x, y]
}

/// The hashes of many counters as JAX's original layout pairs them: the first half of the list with the second one, a
/// list of odd length being filled up with zero.
pub(super) fn hash_list(key: [u32; 2], counters: &[u32]) -> Vec<u32> {
    let half = counters.len().div_ceil(2);
    let pair = |i: usize| hash(key, [counters[i], counters.get(half + i).copied().unwrap_or(0)]);
    let mut hashes: Vec<u32> = (0..half).map(|i| pair(i)[0]).collect();
    hashes.extend((0..half).map(|i| pair(i)[1]));
    hashes.truncate(counters.len());
    hashes
}

/// The code of [`hash`]; all values are U32.
pub(super) fn emit(b: &mut BlockBuilder, key: [Val; 2], counter: [Val; 2]) -> [Val; 2] {
    let parity = b.int(DType::U32, i64::from(PARITY));
    let both = b.xor(key[0], key[1]);
    let schedule = [key[0], key[1], b.xor(both, parity)];
    let (mut x, mut y) = (b.add(counter[0], schedule[0]), b.add(counter[1], schedule[1]));
    for group in 0..5 {
        for amount in ROTATIONS[group % 2] {
            x = b.add(x, y);
            let rotated = rotate_left(b, y, amount);
            y = b.xor(rotated, x);
        }
        x = b.add(x, schedule[(group + 1) % 3]);
        // The sum of what all points share comes first: it is computed once.
        let step = b.int(DType::U32, group as i64 + 1);
        let addend = b.add(schedule[(group + 2) % 3], step);
        y = b.add(y, addend);
    }
    [x, y]
}

/// The equations of [`hash`]; all arrays are of u32.
pub(super) fn equations(b: &mut Builder, key: [Atom; 2], counter: [Atom; 2]) -> [Atom; 2] {
    let number = |x: u32| Atom::Literal(Literal::from_i64(DType::U32, i64::from(x)));
    let both = b.binary(BinaryKind::Xor, key[0], key[1]);
    let schedule = [key[0], key[1], b.binary(BinaryKind::Xor, both, number(PARITY))];
    let (mut x, mut y) = (b.add(counter[0], schedule[0]), b.add(counter[1], schedule[1]));
    for group in 0..5 {
        for amount in ROTATIONS[group % 2] {
            x = b.add(x, y);
            let upper = b.binary(BinaryKind::ShiftLeft, y, number(amount));
            let lower = b.binary(BinaryKind::ShiftRightLogical, y, number(32 - amount));
            let rotated = b.binary(BinaryKind::Or, upper, lower);
            y = b.binary(BinaryKind::Xor, rotated, x);
        }
        x = b.add(x, schedule[(group + 1) % 3]);
        let addend = b.add(schedule[(group + 2) % 3], number(group as u32 + 1));
        y = b.add(y, addend);
    }
    [x, y]
}

fn rotate_left(b: &mut BlockBuilder, x: Val, amount: u32) -> Val {
    let (left, right) = (b.int(DType::U32, i64::from(amount)), b.int(DType::U32, i64::from(32 - amount)));
    let (upper, lower) = (b.shl(x, left), b.shr(x, right));
    b.or(upper, lower)
}

/// Word `at` (U32) of what [`hash_list`] makes of the counters `0..count`.
pub(super) fn emit_listed(b: &mut BlockBuilder, key: [Val; 2], count: u32, at: Val) -> Val {
    let half = b.int(DType::U32, i64::from(count.div_ceil(2)));
    let is_second = b.ge(at, half);
    let in_second = b.sub(at, half);
    let first = b.select(is_second, in_second, at);
    let [x, y] = emit_pair(b, key, count, first);
    b.select(is_second, y, x)
}

/// Both words of the pair `first` (U32) among the counters `0..count`.
pub(super) fn emit_pair(b: &mut BlockBuilder, key: [Val; 2], count: u32, first: Val) -> [Val; 2] {
    let half = b.int(DType::U32, i64::from(count.div_ceil(2)));
    let mut second = b.add(first, half);
    if count % 2 == 1 {
        let (beyond, zero) = (b.int(DType::U32, i64::from(count)), b.int(DType::U32, 0));
        let is_beyond = b.eq(second, beyond);
        second = b.select(is_beyond, zero, second);
    }
    emit(b, key, [first, second])
}
