//! What compiled programs call and cannot inline: no allocation, no panic, no mutable globals, only `core`.
//!
//! The crate is built in two ways. As an ordinary library it is linked into `rjaxc` itself, for programs compiled into
//! memory ([`symbols`]). As a static archive (see `cli/build.rs`) it travels inside `rjaxc` and is linked into users'
//! programs; `include/rjaxc_rt.h` declares it for C.
//!
//! # Note: parts
//! The archive has an object for each part of the crate (`--cfg rjaxc_part="base"`, `"fft"` or `"linalg"`), so that a program
//! without linear algebra does not carry it. A module belongs to one part: both objects can be linked together.
#![no_std]

#[cfg(any(not(rjaxc_archive), rjaxc_part = "fft"))]
mod fft;
#[cfg(any(not(rjaxc_archive), rjaxc_part = "linalg"))]
mod linalg;
#[cfg(any(not(rjaxc_archive), rjaxc_part = "base"))]
mod scalar;
#[cfg(any(not(rjaxc_archive), rjaxc_part = "base"))]
mod sort;
#[cfg(any(not(rjaxc_archive), rjaxc_part = "base"))]
mod special;

#[cfg(any(not(rjaxc_archive), rjaxc_part = "base"))]
pub use scalar::{rjax_abi_1, rjax_fmod_f32, rjax_fmod_f64};

// A program that a user links has no panic machinery. Nothing here panics, hence nothing is lost.
#[cfg(rjaxc_archive)]
#[panic_handler]
fn unreachable_panic(_: &core::panic::PanicInfo) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Every symbol and its address, for code that is compiled into memory instead of linked.
#[cfg(not(rjaxc_archive))]
pub fn symbols() -> impl Iterator<Item = (&'static str, *const u8)> {
    scalar::symbols()
        .into_iter()
        .chain(sort::symbols())
        .chain(special::symbols())
        .chain(linalg::entry::symbols())
        .chain(fft::symbols())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_have_one_address_each() {
        for name in
            ["rjax_abi_1", "rjax_fmod_f64", "rjax_fmod_f32", "rjax_order_u32", "rjax_cholesky", "rjax_eigh"]
        {
            assert_eq!(symbols().filter(|(known, _)| *known == name).count(), 1, "{name}");
        }
        assert!(symbols().all(|(_, address)| !address.is_null()));
    }
}
