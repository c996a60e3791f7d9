//! Sub-programs of equations, shared and cheap to compare.

use super::Program;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A shared [`Program`] inside an equation's parameters. Its hash is computed once, so that programs which use one
/// body many times (nested calls of a library) stay linear to hash and compare.
#[derive(Clone)]
pub struct Body {
    program: Arc<Program>,
    hash: u64,
    /// The name under which the text defines it, if any; takes no part in comparison.
    name: Option<Arc<str>>,
}

impl Body {
    pub fn new(program: Program) -> Self {
        let mut hasher = DefaultHasher::new();
        program.hash(&mut hasher);
        Body { hash: hasher.finish(), program: Arc::new(program), name: None }
    }

    /// The same body under the name of its `let` definition.
    pub fn named(self, name: &str) -> Self {
        Body { name: Some(name.into()), ..self }
    }

    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Are they one and the same in memory?
    pub fn same(&self, other: &Body) -> bool {
        Arc::ptr_eq(&self.program, &other.program)
    }
}

impl Deref for Body {
    type Target = Program;
    fn deref(&self) -> &Program {
        &self.program
    }
}

impl From<Program> for Body {
    fn from(program: Program) -> Body {
        Body::new(program)
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Body) -> bool {
        self.same(other) || self.hash == other.hash && self.program == other.program
    }
}

impl Eq for Body {}

impl Hash for Body {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.program)
    }
}
