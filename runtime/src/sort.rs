//! Stable sorting of positions by unsigned keys: what every sort of a compiled program comes down to.
//!
//! Radix sort, from the lowest byte of the key to the highest: two passes over memory for each byte in which keys
//! differ, however they are distributed. Short rows are sorted by insertion.
//!
//! Why this is here: no loop nest has such control flow.

use core::slice;

/// Rows up to this length are sorted by insertion.
const SHORT: usize = 24;
const BUCKETS: usize = 256;
const MOST_DIGITS: usize = 8;

/// Reorders positions along the last axis of a [rows, n] array by keys of 32 bits, stably: `order[r]` are the positions
/// `previous[r]`, which are a permutation of 0..n, so that `keys[r][order[r][..]]` ascends. Returns 0.
///
/// # Safety
/// `keys`, `previous` and `order` point to `rows * n` elements, `scratch` to 16 * n bytes, aligned to 8; `order` and
/// `scratch` overlap nothing.
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_order_u32(
    keys: *const u32,
    previous: *const i32,
    order: *mut i32,
    scratch: *mut u8,
    rows: i64,
    n: i64,
) -> i32 {
    // SAFETY: the same contract.
    unsafe { order_rows::<Narrow>(keys, previous, order, scratch, rows, n) }
}

/// The same with keys of 64 bits; `scratch` points to 32 * n bytes.
///
/// # Safety
/// As [`rjax_order_u32`].
// SAFETY: the prefix `rjax_` is this project's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rjax_order_u64(
    keys: *const u64,
    previous: *const i32,
    order: *mut i32,
    scratch: *mut u8,
    rows: i64,
    n: i64,
) -> i32 {
    // SAFETY: the same contract.
    unsafe { order_rows::<Wide>(keys, previous, order, scratch, rows, n) }
}

/// Every symbol of this file and its address.
#[cfg(not(rjaxc_archive))]
pub fn symbols() -> [(&'static str, *const u8); 2] {
    [("rjax_order_u32", rjax_order_u32 as *const u8), ("rjax_order_u64", rjax_order_u64 as *const u8)]
}

/// # Safety
/// As [`rjax_order_u32`]; `scratch` has room for `2 * n` items.
unsafe fn order_rows<T: Item>(
    keys: *const T::Key,
    previous: *const i32,
    order: *mut i32,
    scratch: *mut u8,
    rows: i64,
    n: i64,
) -> i32 {
    let row = n as usize;
    let count = rows as usize * row;
    if count == 0 {
        return 0; // The pointers may be dangling, not even aligned.
    }
    let items = scratch.cast::<T>();
    // SAFETY: the caller vouches for lengths, alignment and disjointness. The scratch memory holds garbage, which is a
    // valid item: items are made of integers.
    unsafe {
        self::order(
            slice::from_raw_parts(keys, count),
            slice::from_raw_parts(previous, count),
            slice::from_raw_parts_mut(order, count),
            slice::from_raw_parts_mut(items, row),
            slice::from_raw_parts_mut(items.add(row), row),
            row,
        );
    }
    0
}

/// A key together with the position it belongs to.
trait Item: Copy {
    type Key: Copy + Default;
    /// Bytes of the key.
    const DIGITS: usize;
    fn new(key: Self::Key, position: i32) -> Self;
    fn is_after(self, other: Self) -> bool;
    /// The byte of the key, counted from the lowest one.
    fn digit(self, at: usize) -> usize;
    fn position(self) -> i32;
}

/// A key of 32 bits above its position.
#[derive(Clone, Copy)]
struct Narrow(u64);

#[derive(Clone, Copy)]
struct Wide {
    key: u64,
    position: i32,
}

impl Item for Narrow {
    type Key = u32;
    const DIGITS: usize = 4;

    fn new(key: u32, position: i32) -> Self {
        Narrow(u64::from(key) << 32 | u64::from(position as u32))
    }

    fn is_after(self, other: Self) -> bool {
        self.0 >> 32 > other.0 >> 32
    }

    fn digit(self, at: usize) -> usize {
        (self.0 >> (32 + 8 * at) & 0xff) as usize
    }

    fn position(self) -> i32 {
        self.0 as i32
    }
}

impl Item for Wide {
    type Key = u64;
    const DIGITS: usize = 8;

    fn new(key: u64, position: i32) -> Self {
        Wide { key, position }
    }

    fn is_after(self, other: Self) -> bool {
        self.key > other.key
    }

    fn digit(self, at: usize) -> usize {
        (self.key >> (8 * at) & 0xff) as usize
    }

    fn position(self) -> i32 {
        self.position
    }
}

/// Reorders the positions `previous` of each row by the keys at them, keeping the order of equal keys.
///
/// `keys`, `previous` and `order` have the same length, a multiple of `row`; `items` and `spare` have room for a row.
fn order<T: Item>(
    keys: &[T::Key],
    previous: &[i32],
    order: &mut [i32],
    items: &mut [T],
    spare: &mut [T],
    row: usize,
) {
    if row == 0 {
        return;
    }
    let rows = keys.chunks(row).zip(previous.chunks(row)).zip(order.chunks_mut(row));
    for ((keys, previous), order) in rows {
        for (item, &position) in items.iter_mut().zip(previous) {
            let key = usize::try_from(position).ok().and_then(|position| keys.get(position));
            *item = T::new(key.copied().unwrap_or_default(), position);
        }
        let sorted = sort(items, spare);
        order.iter_mut().zip(sorted).for_each(|(position, item)| *position = item.position());
    }
}

/// Sorts `items`, stably; the result is in either of the two.
fn sort<'s, T: Item>(items: &'s mut [T], spare: &'s mut [T]) -> &'s [T] {
    if items.len() <= SHORT {
        insert(items);
        return items;
    }
    let mut counts = [[0usize; BUCKETS]; MOST_DIGITS];
    for (at, counts) in counts.iter_mut().enumerate().take(T::DIGITS) {
        for item in items.iter() {
            if let Some(count) = counts.get_mut(item.digit(at)) {
                *count += 1;
            }
        }
    }
    let (mut from, mut to) = (items, spare);
    for (at, starts) in counts.iter_mut().enumerate().take(T::DIGITS) {
        if starts.contains(&from.len()) {
            continue; // All keys have the same byte here.
        }
        let mut start = 0;
        for count in starts.iter_mut() {
            start += core::mem::replace(count, start);
        }
        for item in from.iter() {
            if let Some(start) = starts.get_mut(item.digit(at)) {
                if let Some(place) = to.get_mut(*start) {
                    *place = *item;
                }
                *start += 1;
            }
        }
        core::mem::swap(&mut from, &mut to);
    }
    from
}

fn insert<T: Item>(items: &mut [T]) {
    for end in 1..items.len() {
        let mut at = end;
        while let Some([left, right]) = at.checked_sub(1).and_then(|start| items.get_mut(start..start + 2)) {
            if !left.is_after(*right) {
                break;
            }
            core::mem::swap(left, right);
            at -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn check<T: Item>(keys: &[T::Key], row: usize)
    where
        T::Key: Ord,
    {
        // Not the identity: equal keys keep the order that is given, not that of positions.
        let previous: Vec<i32> = (0..keys.len()).map(|at| (row - 1 - at % row) as i32).collect();
        let mut found = std::vec![0; keys.len()];
        let blank = T::new(T::Key::default(), 0);
        let (mut items, mut spare) = (std::vec![blank; row], std::vec![blank; row]);
        order(keys, &previous, &mut found, &mut items, &mut spare, row);
        let expected = keys.chunks(row).zip(previous.chunks(row)).flat_map(|(keys, previous)| {
            let mut positions = previous.to_vec();
            positions.sort_by_key(|&position| keys[position as usize]);
            positions
        });
        assert_eq!(found, expected.collect::<Vec<i32>>(), "rows of {row}");
    }

    #[test]
    fn is_stable_and_agrees_with_the_standard_library() {
        let mut state = 7u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state ^ state >> 29
        };
        for row in [1, 2, 3, 24, 25, 100, 1000] {
            for mask in [0, 3, 0xff00, u64::MAX] {
                let keys: Vec<u64> = (0..3 * row).map(|_| random() & mask).collect();
                check::<Wide>(&keys, row);
                let keys: Vec<u32> = keys.iter().map(|&key| key as u32).collect();
                check::<Narrow>(&keys, row);
            }
        }
    }
}
