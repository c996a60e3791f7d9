//! `rjaxc conform`: cases in, verdicts out, one JSON object per line.
//!
//! The process that talks to the runner does no case itself. A child does, so that a crash or an endless loop costs
//! one case and a new child.

mod worker;

use crate::args::ConformArgs;
use crate::failure::Failure;
use serde_json::{Value as Json, json};
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Code compiled into memory stays until its process ends; a child is replaced before that adds up.
const CASES_PER_WORKER: usize = 500;

/// Serves until standard input ends.
pub fn run(args: &ConformArgs) -> Result<(), Failure> {
    let mut parent = Parent { args, worker: None };
    for line in io::stdin().lock().split(b'\n') {
        let line = line.map_err(|error| Failure::usage(format!("standard input: {error}")))?;
        let answer = match std::str::from_utf8(&line) {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) if args.worker => worker::answer(line, args),
            Ok(line) => parent.answer(line),
            Err(error) => refusal(&Json::Null, "protocol", &format!("not a JSON object: {error}")),
        };
        let mut out = io::stdout().lock();
        let written = writeln!(out, "{answer}").and_then(|()| out.flush());
        written.map_err(|error| Failure::data(format!("standard output: {error}")))?;
    }
    Ok(())
}

/// A verdict other than success.
fn refusal(id: &Json, stage: &str, reason: &str) -> Json {
    json!({"id": id, "ok": false, "stage": stage, "reason": reason})
}

struct Parent<'a> {
    args: &'a ConformArgs,
    worker: Option<Worker>,
}

struct Worker {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<String>,
    cases_left: usize,
}

impl Parent<'_> {
    fn answer(&mut self, line: &str) -> Json {
        let request: Json = match serde_json::from_str(line) {
            Ok(request) => request,
            Err(error) => return refusal(&Json::Null, "protocol", &format!("not a JSON object: {error}")),
        };
        match self.ask(line) {
            Ok(answer) => answer,
            Err(reason) => {
                if let Some(worker) = self.worker.take() {
                    worker.end();
                }
                refusal(&request["id"], "crash", &reason)
            }
        }
    }

    /// Errors: how the child died, or that it took too long.
    fn ask(&mut self, line: &str) -> Result<Json, String> {
        if self.worker.as_ref().is_some_and(|worker| worker.cases_left == 0)
            && let Some(worker) = self.worker.take()
        {
            worker.end();
        }
        let worker = match &mut self.worker {
            Some(worker) => worker,
            none => {
                let started = Worker::start(self.args);
                none.insert(started.map_err(|error| format!("no worker process: {error}"))?)
            }
        };
        worker.cases_left -= 1;
        if writeln!(worker.requests, "{line}").and_then(|()| worker.requests.flush()).is_err() {
            return Err(worker.death());
        }
        match worker.answers.recv_timeout(Duration::from_secs(self.args.timeout)) {
            Ok(answer) => {
                serde_json::from_str(&answer).map_err(|error| format!("the worker answered {error}"))
            }
            Err(RecvTimeoutError::Timeout) => Err(format!("took longer than {} s", self.args.timeout)),
            Err(RecvTimeoutError::Disconnected) => Err(worker.death()),
        }
    }
}

impl Worker {
    fn start(args: &ConformArgs) -> io::Result<Worker> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["conform", "--worker"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.args(args.guard.then_some("--guard"));
        command.args(args.target_cpu.iter().map(|cpu| format!("--target-cpu={cpu}")));
        command.args(args.through.cc.iter().map(|cc| format!("--cc={cc}")));
        let mut child = command.spawn()?;
        let requests = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (sender, answers) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Worker { child, requests, answers, cases_left: CASES_PER_WORKER })
    }

    /// How the process has ended.
    fn death(&mut self) -> String {
        match self.child.wait() {
            Ok(status) => describe(status),
            Err(error) => format!("the worker is gone: {error}"),
        }
    }

    fn end(mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Parent<'_> {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.end();
        }
    }
}

#[cfg(unix)]
fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(11) => "segmentation fault".to_string(),
        Some(4) => "illegal instruction".to_string(),
        Some(6) => "aborted".to_string(),
        Some(8) => "arithmetic trap".to_string(),
        Some(9) => "killed, perhaps for its use of memory".to_string(),
        Some(signal) => format!("ended by signal {signal}"),
        None => status.to_string(),
    }
}

#[cfg(not(unix))]
fn describe(status: ExitStatus) -> String {
    status.to_string()
}
