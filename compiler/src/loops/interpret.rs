//! Interprets loop nests on concrete arrays: the specification that code generators are tested against.
