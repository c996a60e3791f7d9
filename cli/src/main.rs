//! `rjaxc`: the only place of the project that reads files, parses flags, prints and sets exit codes.

mod args;
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
mod run;
mod show;
mod transform;
mod weights;

use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use failure::Failure;
use rjaxc_compiler::diag::{Diagnostic, Sources};
use std::process::ExitCode;
use std::thread;

/// Programs nest as deep as their authors like; a stack that is not used costs nothing. Units: bytes.
const STACK: usize = 1 << 30;

fn main() -> ExitCode {
    let cli = Cli::parse();
    panics::keep_messages();
    let compiler = thread::Builder::new().stack_size(STACK).spawn(move || execute(&cli));
    let Ok(compiler) = compiler else {
        eprintln!("error: no memory for a stack of {} MiB", STACK >> 20);
        return ExitCode::FAILURE;
    };
    compiler.join().unwrap_or(ExitCode::FAILURE)
}

/// Runs the command and reports how it failed, if it did.
fn execute(cli: &Cli) -> ExitCode {
    let mut sources = Sources::new();
    let outcome = panics::catch(|| dispatch(cli, &mut sources));
    let failure = match outcome {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(failure)) => failure,
        Err(message) => Diagnostic::bug(format!("panic: {message}")).into(),
    };
    failure.report(&sources, cli.messages().error_format);
    failure.exit_code()
}

fn dispatch(cli: &Cli, sources: &mut Sources) -> Result<(), Failure> {
    match (&cli.command, &cli.compile) {
        (Some(Command::Run(args)), _) => run::run(args, sources),
        (Some(Command::Check(args)), _) => run::check(args, sources),
        (Some(Command::Bench(args)), _) => run::bench(args, sources),
        (Some(Command::Fmt(args)), _) => fmt::run(args, sources),
        (Some(Command::Conform(args)), _) => conform::run(args),
        (None, Some(args)) => compile::run(args, sources),
        (None, None) => {
            Err(Failure::usage(format!("no program is given\n{}", Cli::command().render_usage())))
        }
    }
}
