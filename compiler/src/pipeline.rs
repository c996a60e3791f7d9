//! Every pass, in order. Dumping, stopping and verification live here and nowhere else.

use crate::diag::{Diagnostic, Origin};
use crate::ir::{self, Program};
use crate::loops::{self, Module};
use crate::{optimize, schedule};

/// A named step over one kind of program text.
pub struct Pass<T> {
    /// The name in `--print-ir-after=NAME`.
    pub name: &'static str,
    /// One line for `--help`.
    pub about: &'static str,
    run: fn(T) -> Result<T, Diagnostic>,
}

/// Programs to programs.
pub const PROGRAM_PASSES: &[Pass<Program>] = &[
    Pass { name: "inline", about: "replace calls by bodies", run: optimize::inline::run },
    Pass { name: "fold", about: "evaluate constant equations", run: optimize::fold::run },
    Pass {
        name: "count",
        about: "make what loops never change their constants, and loops that count scans",
        run: optimize::count::run,
    },
    Pass { name: "trim", about: "drop what loops and branches compute for nobody", run: optimize::trim::run },
    Pass { name: "cse", about: "merge equal equations", run: optimize::cse::run },
    Pass { name: "simplify", about: "write what costs less for the same", run: optimize::simplify::run },
];

/// Loops to loops.
pub const LOOP_PASSES: &[Pass<Module>] = &[
    Pass { name: "elide", about: "drop copies of what is not used any more", run: schedule::elide::run },
    Pass {
        name: "legalize",
        about: "rewrite functions such as exp to machine operations",
        run: schedule::legalize::run,
    },
    Pass {
        name: "collapse",
        about: "join dims that are contiguous everywhere",
        run: schedule::collapse::run,
    },
    Pass { name: "split", about: "take long sums in two levels", run: schedule::split::run },
    Pass { name: "stream", about: "reduce columns row by row", run: schedule::stream::run },
    Pass { name: "pack", about: "copy operands of products into panels", run: schedule::pack::run },
    Pass {
        name: "vectorize",
        about: "choose vector dims, unrolling and loop order",
        run: schedule::vectorize::run,
    },
    Pass { name: "place", about: "give temporaries their places in one arena", run: schedule::place::run },
];

/// What to observe while passes run.
#[derive(Clone, Default, Debug)]
pub struct Observe {
    /// Print the program after these passes; `all` means each of them.
    pub print_after: Vec<String>,
    /// Check invariants after every pass, in release builds too.
    pub verify: bool,
}

/// Receives `(pass name, program text)` of the passes to be printed.
pub type Sink<'a> = &'a mut dyn FnMut(&str, &str);

/// Runs all passes over a program.
///
/// Errors: a pass's own, or the invariants it broke, naming it.
pub fn optimize(mut program: Program, observe: &Observe, sink: Sink) -> Result<Program, Vec<Diagnostic>> {
    for pass in PROGRAM_PASSES {
        program = (pass.run)(program).map_err(|error| vec![error])?;
        if observe.wants(pass.name) {
            sink(pass.name, &program.to_string());
        }
        if observe.verify || cfg!(debug_assertions) {
            let broken = ir::verify(&program);
            if !broken.is_empty() {
                return Err(broken.into_iter().map(|error| blame(pass.name, &error.message)).collect());
            }
        }
    }
    Ok(program)
}

/// The loops of a program that end when a value says so and not after a number of steps that its text gives, after all
/// passes over programs, which turn some of the first kind into the second.
///
/// Errors: those of [`optimize()`].
pub fn unbounded_loops(program: &Program) -> Result<Vec<Origin>, Vec<Diagnostic>> {
    // Most programs have none to begin with.
    if optimize::count::conditional_loops(program).is_empty() {
        return Ok(Vec::new());
    }
    let optimized = optimize(program.clone(), &Observe::default(), &mut |_, _| {})?;
    Ok(optimize::count::conditional_loops(&optimized))
}

/// Runs all passes over loops.
///
/// Errors: a pass's own, or the invariants it broke, naming it.
pub fn schedule(mut module: Module, observe: &Observe, sink: Sink) -> Result<Module, Vec<Diagnostic>> {
    check_loops("lower", &module, observe)?;
    for pass in LOOP_PASSES {
        module = (pass.run)(module).map_err(|error| vec![error])?;
        if observe.wants(pass.name) {
            sink(pass.name, &module.to_string());
        }
        check_loops(pass.name, &module, observe)?;
    }
    Ok(module)
}

impl Observe {
    pub fn wants(&self, pass: &str) -> bool {
        self.print_after.iter().any(|name| name == pass || name == "all")
    }
}

fn check_loops(pass: &str, module: &Module, observe: &Observe) -> Result<(), Vec<Diagnostic>> {
    if !observe.verify && !cfg!(debug_assertions) {
        return Ok(());
    }
    let broken: Vec<String> = module.functions.iter().flat_map(loops::verify).collect();
    if broken.is_empty() { Ok(()) } else { Err(broken.iter().map(|message| blame(pass, message)).collect()) }
}

fn blame(pass: &str, message: &str) -> Diagnostic {
    Diagnostic::bug(format!("pass {pass} broke an invariant: {message}"))
}
