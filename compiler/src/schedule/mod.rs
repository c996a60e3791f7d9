//! Loops to loops: rewrites them to what code generators have, and decides how nests run.

pub mod collapse;
pub mod elide;
pub mod legalize;
pub mod pack;
pub mod place;
pub mod split;
pub mod stream;
pub mod vectorize;
