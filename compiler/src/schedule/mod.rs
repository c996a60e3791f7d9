//! Loops to loops: how nests are executed.

pub mod collapse;
pub mod vectorize;
