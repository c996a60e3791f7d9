//! Loops to loops: how nests are executed.

pub mod vectorize;
