//! Loops to loops: decides how nests run, and rewrites them to what code generators have.

pub mod legalize;
