//! Objects as their users meet them: linked into C, C++ and Rust programs, on this machine and for others.

mod build;
mod callers;
mod model;
mod modes;
mod platforms;
