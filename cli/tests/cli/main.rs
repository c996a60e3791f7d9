//! The `rjaxc` binary, from outside: one test program, so that the modules share what runs a process.

mod c_files;
mod check_grad;
mod commands;
mod conform;
mod contracts;
mod names;
mod outputs;
mod places;
mod process;
