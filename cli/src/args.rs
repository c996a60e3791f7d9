//! The command line.

use crate::emit::Kind;
use crate::failure::ErrorFormat;
use crate::output;
use clap::error::{ContextKind, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use rjaxc_compiler::diag;
use rjaxc_compiler::ir::source;
use std::path::{Path, PathBuf};

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    /// `rjaxc MODEL.ir -o OUT.o`
    Compile(CompileArgs),
    Command(Command),
}

/// `rjaxc run` and the others.
#[derive(Parser, Debug)]
#[command(name = "rjaxc", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = EXIT_CODES)]
struct Commands {
    #[command(subcommand)]
    command: Option<Command>,
}

const ABOUT: &str = "Compiles functional array programs (jaxpr text) to native object files with a C ABI";

const EXIT_CODES: &str = "\
Exit codes: 0 success, 1 the program or its data are wrong, 2 usage, 3 valid but not supported yet, \
101 a bug of rjaxc";

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Compile in memory and run; prints the results, or writes them with --out
    Run(RunArgs),
    /// Read, check and lower; prints the signature of every export
    Check(CheckArgs),
    /// Test derivatives numerically: forward mode against differences, reverse mode against forward mode
    CheckGrad(CheckGradArgs),
    /// Print the file in its canonical layout
    Fmt(FmtArgs),
    /// Compile in memory and measure how long a call takes
    Bench(BenchArgs),
    /// Build the runtime for another platform, with an installed Rust, from the source that this program carries
    Runtime(RuntimeArgs),
    /// Serve conformance cases: JSON lines on standard input, one answer per line
    Conform(ConformArgs),
}

/// What every command that reads a program takes.
#[derive(Args, Clone, Debug)]
pub struct ProgramArgs {
    /// The program: jaxpr text; StableHLO text (.mlir); MLIR bytecode or what `jax.export` serialized, by any name
    #[arg(value_name = "MODEL.ir")]
    pub file: PathBuf,
    /// What to compile instead of the file's export lines: `g = vmap(f, in_axes=0)`, or just `f`
    #[arg(long, value_name = "EXPRESSION")]
    pub export: Vec<String>,
    /// Values of constants, .npz or .safetensors: arrays named like constvars, or const0, const1, ... in their order (also
    /// arr_0, arr_1, ..., as `np.savez(f, *jaxpr.consts)` names them); body.const0, body.const1, ... are the constants of
    /// functions inside functions, in the order in which their names stand before a `;` in the text
    #[arg(long, value_name = "FILE")]
    pub consts: Option<PathBuf>,
    /// The least processor to run on: x86-64-v2 (the default), x86-64-v3, generic-aarch64 (the default there), or native
    #[arg(long, value_name = "CPU")]
    pub target_cpu: Option<String>,
    /// How random bits are laid out (JAX's flag jax_threefry_partitionable); overrides the file
    #[arg(long, value_name = "LAYOUT")]
    pub threefry: Option<Threefry>,
    /// Make warnings of a kind errors
    #[arg(long, value_name = "KIND")]
    pub deny: Vec<Denied>,
    /// Print the program to standard error after a pass, or after `all`
    #[arg(long, value_name = "PASS")]
    pub print_ir_after: Vec<String>,
    /// Check the program's invariants after every pass
    #[arg(long)]
    pub verify: bool,
    #[command(flatten)]
    pub messages: MessageArgs,
}

/// How to talk.
#[derive(Args, Clone, Copy, Debug)]
pub struct MessageArgs {
    /// How errors are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub error_format: ErrorFormat,
    /// Print the stages and how long they take to standard error
    #[arg(short, long)]
    pub verbose: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Denied {
    /// Custom functions differentiated through their bodies, because the text lacks their rules
    LostRules,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Threefry {
    Partitionable,
    Original,
}

impl From<Threefry> for source::Threefry {
    fn from(layout: Threefry) -> Self {
        match layout {
            Threefry::Partitionable => source::Threefry::Partitionable,
            Threefry::Original => source::Threefry::Original,
        }
    }
}

#[derive(Args, Debug)]
pub struct CompileArgs {
    #[command(flatten)]
    pub program: ProgramArgs,
    /// OUT.o, or OUT.a with the runtime in it; other outputs stand beside it. `-` is standard output, for one text
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// What to write, separated by commas
    #[arg(long, value_enum, value_name = "KINDS", value_delimiter = ',')]
    pub emit: Vec<Kind>,
    /// What to compile for, such as aarch64-unknown-linux-gnu; the default is this machine's platform
    #[arg(long, value_name = "TRIPLE")]
    pub target: Option<String>,
    /// What symbols begin with: a C identifier; the default is the stem of the program's file name
    #[arg(long)]
    pub prefix: Option<String>,
    /// Who sees the symbols once the object is linked into a shared library
    #[arg(long, value_enum, value_name = "VISIBILITY", default_value_t)]
    pub visibility: Visibility,
    /// Leave out the checks of pointers, executor and processor, which otherwise return their status codes
    #[arg(long)]
    pub no_checks: bool,
    /// Refuse what may take any time or an unknown stack: loops that end when a value says so, calls of the runtime
    #[arg(long)]
    pub realtime: bool,
    /// Also write a rule for make: the outputs depend on every file that was read
    #[arg(long, value_name = "FILE.d")]
    pub depfile: Option<PathBuf>,
    /// Let the Rust module take its type `Status` from here, such as crate::model::Status, so that several modules share one
    #[arg(long, value_name = "PATH")]
    pub rust_status: Option<String>,
    /// Accepted for build systems that pass it; all levels compile alike
    #[arg(short = 'O', value_name = "LEVEL", default_value = "2", value_parser = level)]
    pub optimize: String,
}

/// Where a program's inputs come from.
#[derive(Args, Debug)]
pub struct InputArgs {
    /// Inputs: arrays arg0, arg1, ... (or arr_0, ..., as np.savez names them) in order, or named like the inputs
    #[arg(long, value_name = "IN.npz", conflicts_with = "inputs")]
    pub args: Option<PathBuf>,
    /// Inputs in order: a number, a nested list such as '[1., 2.]', or a .npy file; `--` before `-inf`
    #[arg(value_name = "INPUT", allow_negative_numbers = true)]
    pub inputs: Vec<String>,
}

#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub program: ProgramArgs,
    #[command(flatten)]
    pub inputs: InputArgs,
    /// Transformations to apply first, as the conformance runner describes them
    #[arg(long, value_name = "T.json")]
    pub transform: Option<PathBuf>,
    /// Write the results as out0, out1, ... instead of printing them
    #[arg(long, value_name = "OUT.npz")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub through: ThroughArgs,
}

/// Who compiles what is called here.
#[derive(Args, Debug)]
pub struct ThroughArgs {
    /// Call what this C compiler makes of --emit=c, such as 'cc -O3 -march=native', and not our own code
    #[arg(long, value_name = "CC")]
    pub cc: Option<String>,
}

#[derive(Args, Debug)]
pub struct BenchArgs {
    #[command(flatten)]
    pub program: ProgramArgs,
    #[command(flatten)]
    pub inputs: InputArgs,
    /// How long to measure. Units: milliseconds
    #[arg(long, value_name = "MS", default_value_t = 500)]
    pub time: u64,
    #[command(flatten)]
    pub through: ThroughArgs,
}

#[derive(Args, Debug)]
pub struct CheckArgs {
    #[command(flatten)]
    pub program: ProgramArgs,
}

/// Exit code 0: the derivative by every floating input passes, in double precision where the program allows it. 1: one
/// is wrong, or the point does not tell.
#[derive(Args, Debug)]
pub struct CheckGradArgs {
    #[command(flatten)]
    pub program: ProgramArgs,
    #[command(flatten)]
    pub inputs: InputArgs,
    /// Where random inputs and directions come from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// How much derivatives may differ, relative to the largest element of an output; the default is 1e-6, or 2e-2 where
    /// not all of the program can be computed in double precision
    #[arg(long, value_name = "TOLERANCE", value_parser = positive)]
    pub tol: Option<f64>,
}

#[derive(Args, Debug)]
pub struct FmtArgs {
    /// The program: a file of jaxpr text
    #[arg(value_name = "MODEL.ir")]
    pub file: PathBuf,
    /// Print nothing; exit with 1 if the layout differs from the canonical one
    #[arg(long, conflicts_with = "write")]
    pub check: bool,
    /// Replace the file instead of printing
    #[arg(long)]
    pub write: bool,
    #[command(flatten)]
    pub messages: MessageArgs,
}

#[derive(Args, Debug)]
pub struct RuntimeArgs {
    /// What to build for, such as aarch64-unknown-linux-gnu, of the targets that rustc has; the default is this machine's
    #[arg(long, value_name = "TRIPLE")]
    pub target: Option<String>,
    /// Where to write librjaxc_rt.a; the folder is made if it is not there
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    #[command(flatten)]
    pub messages: MessageArgs,
}

#[derive(Args, Debug)]
pub struct ConformArgs {
    /// Do the cases in this process, without a parent that survives a crash
    #[arg(long)]
    pub worker: bool,
    /// How long a case may take. Units: seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
    /// Call every function twice more, its arrays between unmapped pages, inputs read-only, all else poisoned: it must
    /// touch nothing else and give the same bits
    #[arg(long)]
    pub guard: bool,
    /// The processor to compile for, with the same default as everywhere
    #[arg(long, value_name = "CPU")]
    pub target_cpu: Option<String>,
    #[command(flatten)]
    pub through: ThroughArgs,
}

/// `--visibility`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Visibility {
    /// Users of the library can call the functions
    #[default]
    Default,
    /// Only the library itself can
    Hidden,
}

/// Errors: no level that a C compiler has and that keeps arithmetic as it is.
fn level(text: &str) -> Result<String, String> {
    match text {
        "0" | "1" | "2" | "3" | "s" | "z" | "g" => Ok(text.to_string()),
        _ => Err("expected 0, 1, 2, 3, s, z or g, which all compile alike".to_string()),
    }
}

/// Errors: not a number, or none that bounds anything.
fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "expected a number".to_string())?;
    if number.is_finite() && number > 0.0 {
        Ok(number)
    } else {
        Err("expected a positive number".to_string())
    }
}

/// What to say about a first word that is neither a command nor a file, nor looks like a file's name.
fn mistyped(command: &clap::Command, word: Option<String>) -> Option<String> {
    let word = word?;
    let commands: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let is_name = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let is_flag = word.starts_with('-') || word.is_empty();
    if is_flag || !is_name(&word) || word == "help" || commands.contains(&&*word) || Path::new(&word).exists()
    {
        return None;
    }
    let closest = commands.iter().map(|name| (edits(name, &word), *name)).min();
    let hint = match closest {
        Some((distance, name)) if distance <= 2 => format!("did you mean `{name}`?"),
        _ => format!("commands are {}", commands.join(", ")),
    };
    Some(format!("there is no command `{word}`, and no file of that name; {hint}"))
}

/// Ends the process with the message of an error, or with the help that was asked for.
fn refuse(command: &mut clap::Command, error: clap::Error) -> ! {
    const MOST_BYTES: usize = 4000;
    let second =
        error.get(ContextKind::InvalidSubcommand).filter(|_| error.kind() == ErrorKind::ArgumentConflict);
    let error = match second {
        Some(word) => {
            let message = format!(
                "unexpected argument '{word}': one program is compiled at a time, and commands come first, as in \
                 `rjaxc run MODEL.ir`"
            );
            command.error(ErrorKind::ArgumentConflict, message)
        }
        None => error.format(command),
    };
    let text = error.render().to_string();
    if !error.use_stderr() || text.len() <= MOST_BYTES && !text.contains(|c| c != '\n' && diag::is_hostile(c))
    {
        error.exit();
    }
    output::note(&diag::shortened(&text));
    std::process::exit(2)
}

/// How many letters must be inserted, removed, replaced or swapped with the next to make one word of another.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

impl Request {
    /// Reads the command line of this process; ends it with a message and a code of 2 if it makes no sense.
    pub fn read() -> Request {
        // The arguments of compiling stand beside the subcommands, and clap derives no such alternative.
        let mut command = CompileArgs::augment_args(Commands::command()).about(ABOUT);
        if let Some(message) = mistyped(&command, std::env::args().nth(1)) {
            command.error(ErrorKind::InvalidSubcommand, message).exit();
        }
        let request = command.clone().try_get_matches().and_then(|matches| match matches.subcommand_name() {
            Some(_) => Command::from_arg_matches(&matches).map(Request::Command),
            None => CompileArgs::from_arg_matches(&matches).map(Request::Compile),
        });
        request.unwrap_or_else(|error| refuse(&mut command, error))
    }

    pub fn messages(&self) -> MessageArgs {
        match self {
            Request::Compile(args) => args.program.messages,
            Request::Command(Command::Run(args)) => args.program.messages,
            Request::Command(Command::Check(args)) => args.program.messages,
            Request::Command(Command::Bench(args)) => args.program.messages,
            Request::Command(Command::CheckGrad(args)) => args.program.messages,
            Request::Command(Command::Fmt(args)) => args.messages,
            Request::Command(Command::Runtime(args)) => args.messages,
            Request::Command(Command::Conform(_)) => {
                MessageArgs { error_format: ErrorFormat::Human, verbose: false }
            }
        }
    }
}
