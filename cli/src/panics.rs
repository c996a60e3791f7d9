//! Panics are bugs of ours: caught, and reported as such.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    // Message and place of the last panic of this thread.
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// From here on panics print nothing; [`catch`] returns their messages.
pub fn keep_messages() {
    panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("a panic without a message");
        let place = info.location().map(|place| format!(" ({place})")).unwrap_or_default();
        LAST.with_borrow_mut(|last| *last = format!("{message}{place}"));
    }));
}

/// Errors: the message and place of a panic within `run`.
pub fn catch<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(run)).map_err(|_| LAST.with_borrow_mut(std::mem::take))
}
