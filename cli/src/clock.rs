//! Times of stages, for `-v`.

use crate::output;
use std::time::{Duration, Instant};

/// Measures stage after stage, and prints each if asked to.
pub struct Clock {
    last: Instant,
    verbose: bool,
}

impl Clock {
    pub fn new(verbose: bool) -> Self {
        Clock { last: Instant::now(), verbose }
    }

    /// Ends the stage that has run since the last call.
    pub fn lap(&mut self, stage: &str) -> Duration {
        let elapsed = self.last.elapsed();
        if self.verbose {
            output::note(&format!("{stage:>10} {:9.3} ms", elapsed.as_secs_f64() * 1e3));
        }
        self.last = Instant::now();
        elapsed
    }
}
