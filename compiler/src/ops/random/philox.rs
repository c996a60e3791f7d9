//! The hash Philox-4x32 with 10 rounds: as a function on numbers, and as straight-line code.
//!
//! Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).

use super::halves;
use crate::loops::{BlockBuilder, Val};
use crate::types::DType;

const ROUNDS: usize = 10;
const FACTORS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
const STEPS: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// The hash of a counter under a key.
pub(super) fn hash(mut key: [u32; 2], counter: [u32; 4]) -> [u32; 4] {
    let mut state = counter;
    for _ in 0..ROUNDS {
        let product = |word: u32, factor: u32| {
            let product = u64::from(word) * u64::from(factor);
            (product as u32, (product >> 32) as u32)
        };
        let ((low0, high0), (low1, high1)) = (product(state[0], FACTORS[0]), product(state[2], FACTORS[1]));
        state = [high1 ^ state[1] ^ key[0], low1, high0 ^ state[3] ^ key[1], low0];
        key = [key[0].wrapping_add(STEPS[0]), key[1].wrapping_add(STEPS[1])];
    }
    state
}

/// The code of [`hash`]; all values are U32.
pub(super) fn emit(b: &mut BlockBuilder, mut key: [Val; 2], counter: [Val; 4]) -> [Val; 4] {
    let mut state = counter;
    for _ in 0..ROUNDS {
        let [low0, high0] = product(b, state[0], FACTORS[0]);
        let [low1, high1] = product(b, state[2], FACTORS[1]);
        let (x, y) = (b.xor(high1, state[1]), b.xor(high0, state[3]));
        state = [b.xor(x, key[0]), low1, b.xor(y, key[1]), low0];
        let steps = STEPS.map(|step| b.int(DType::U32, i64::from(step)));
        key = [b.add(key[0], steps[0]), b.add(key[1], steps[1])];
    }
    state
}

/// The low and the high word of a product.
fn product(b: &mut BlockBuilder, word: Val, factor: u32) -> [Val; 2] {
    let (wide, factor) = (b.convert(word, DType::U64), b.int(DType::U64, i64::from(factor)));
    let product = b.mul(wide, factor);
    halves(b, product)
}
