//! Loop nests as text, for `--emit=loops`.
