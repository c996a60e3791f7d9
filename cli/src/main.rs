//! `rjaxc`: the only place of the project that reads files, parses flags, prints and sets exit codes.

mod args;
mod check_grad;
mod clock;
mod compile;
mod conform;
mod emit;
mod execute;
mod failure;
mod fmt;
mod inputs;
mod npy;
mod npz;
mod output;
mod panics;
mod road;
mod rules;
mod run;
mod show;
mod transform;
mod weights;

use args::{Command, Request};
use failure::Failure;
use rjaxc_compiler::diag::{Diagnostic, Sources};
use std::process::ExitCode;
use std::thread;

/// Programs nest as deep as their authors like; a stack that is not used costs nothing. Units: bytes.
const STACK: usize = 1 << 30;

fn main() -> ExitCode {
    let request = Request::read();
    panics::keep_messages();
    let compiler = thread::Builder::new().stack_size(STACK).spawn(move || execute(&request));
    let Ok(compiler) = compiler else {
        eprintln!("error: no memory for a stack of {} MiB", STACK >> 20);
        return ExitCode::FAILURE;
    };
    compiler.join().unwrap_or(ExitCode::FAILURE)
}

/// Runs the command and reports how it failed, if it did.
fn execute(request: &Request) -> ExitCode {
    let mut sources = Sources::new();
    let outcome = panics::catch(|| dispatch(request, &mut sources));
    let failure = match outcome {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(failure)) => failure,
        Err(message) => Diagnostic::bug(format!("panic: {message}")).into(),
    };
    failure.report(&sources, request.messages().error_format);
    failure.exit_code()
}

fn dispatch(request: &Request, sources: &mut Sources) -> Result<(), Failure> {
    match request {
        Request::Compile(args) => compile::run(args, sources),
        Request::Command(Command::Run(args)) => run::run(args, sources),
        Request::Command(Command::Check(args)) => run::check(args, sources),
        Request::Command(Command::Bench(args)) => run::bench(args, sources),
        Request::Command(Command::CheckGrad(args)) => check_grad::run(args, sources),
        Request::Command(Command::Fmt(args)) => fmt::run(args, sources),
        Request::Command(Command::Conform(args)) => conform::run(args),
    }
}
