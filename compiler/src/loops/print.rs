//! Loop nests as text, for `--emit=loops`.
impl std::fmt::Display for super::Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:#?}")
    }
}
