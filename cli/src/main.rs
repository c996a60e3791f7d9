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
mod runtime;
mod show;
mod transform;
mod weights;

use args::{Command, Request};
use failure::Failure;
use rjaxc_compiler::diag::{Diagnostic, Sources};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

/// Programs nest as deep as their authors like; a stack that is not used costs nothing, but some systems count it all
/// the same: the first of these sizes that they grant is taken. Units: bytes.
const STACKS: [usize; 4] = [1 << 30, 1 << 28, 1 << 26, 1 << 24];

fn main() -> ExitCode {
    let request = Arc::new(Request::read());
    panics::keep_messages();
    let spawn = |stack: &usize| {
        let request = Arc::clone(&request);
        thread::Builder::new().stack_size(*stack).spawn(move || execute(&request)).ok()
    };
    let Some(compiler) = STACKS.iter().find_map(spawn) else {
        output::note(&format!("error: no memory for a stack of {} MiB", STACKS[STACKS.len() - 1] >> 20));
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
        Request::Command(Command::Runtime(args)) => runtime::run(args),
        Request::Command(Command::Conform(args)) => conform::run(args),
    }
}
