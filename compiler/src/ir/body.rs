//! Sub-programs of equations, shared and cheap to compare.

use super::Program;
use crate::ops::rules::Transformed;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// A shared [`Program`] inside an equation's parameters. Its hash is computed once, so that programs which use one
/// body many times (nested calls of a library) stay linear to hash and compare; so is what transformations make of it.
#[derive(Clone)]
pub struct Body {
    shared: Arc<Shared>,
    /// The name under which the text defines it, if any; takes no part in comparison.
    name: Option<Arc<str>>,
}

struct Shared {
    program: Program,
    // Computed at its first use.
    hash: OnceLock<u64>,
    transformed: Transformed,
}

impl Body {
    pub fn new(program: Program) -> Self {
        let shared = Shared { program, hash: OnceLock::new(), transformed: Transformed::default() };
        Body { shared: Arc::new(shared), name: None }
    }

    fn hash_value(&self) -> u64 {
        *self.shared.hash.get_or_init(|| {
            let mut hasher = DefaultHasher::new();
            self.shared.program.hash(&mut hasher);
            hasher.finish()
        })
    }

    /// The program itself, copied only if others share it.
    pub fn into_program(self) -> Program {
        match Arc::try_unwrap(self.shared) {
            Ok(shared) => shared.program,
            Err(shared) => shared.program.clone(),
        }
    }

    /// What transformations have made of it so far.
    pub fn transformed(&self) -> &Transformed {
        &self.shared.transformed
    }

    /// The same body under the name of its `let` definition.
    pub fn named(self, name: &str) -> Self {
        Body { name: Some(name.into()), ..self }
    }

    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub fn program(&self) -> &Program {
        &self.shared.program
    }

    /// Are they one and the same in memory?
    pub fn same(&self, other: &Body) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Deref for Body {
    type Target = Program;
    fn deref(&self) -> &Program {
        &self.shared.program
    }
}

impl From<Program> for Body {
    fn from(program: Program) -> Body {
        Body::new(program)
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Body) -> bool {
        self.same(other) || self.hash_value() == other.hash_value() && self.program() == other.program()
    }
}

impl Eq for Body {}

impl Hash for Body {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash_value().hash(state);
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.program())
    }
}
