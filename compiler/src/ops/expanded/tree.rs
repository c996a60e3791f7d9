//! The structure of arguments as JAX prints it: `PyTreeDef((CustomNode(LU[(..)], [*, *]), {'a': *}))`.

use super::super::control::{items, within};

/// A leaf (`*`), or a node with what the text says about it in brackets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tree<'t> {
    /// `LU` of `CustomNode(LU[..], ..)`; the opening bracket of tuples, lists and dicts; `*` and `None`.
    pub name: &'t str,
    pub about: &'t str,
    pub branches: Vec<Tree<'t>>,
    /// How many leaves it has.
    pub leaves: usize,
}

impl<'t> Tree<'t> {
    /// `None`: this is no `PyTreeDef(..)`.
    pub fn read(text: &'t str) -> Option<Self> {
        node(within(text.trim(), "PyTreeDef(", ')')?)
    }

    fn new(name: &'t str, about: &'t str, branches: Vec<Tree<'t>>) -> Self {
        let leaves = if name == "*" { 1 } else { branches.iter().map(|branch| branch.leaves).sum() };
        Tree { name, about, branches, leaves }
    }
}

fn node<'t>(text: &'t str) -> Option<Tree<'t>> {
    if text == "*" || text == "None" {
        return Some(Tree::new(text, "", Vec::new()));
    }
    if let Some(inner) = within(text, "CustomNode(", ')') {
        let [head, branches] = items(inner)?[..] else { return None };
        let (name, about) = head.split_once('[').map_or((head, ""), |(name, rest)| (name, rest));
        return Some(Tree::new(
            name,
            about.strip_suffix(']').unwrap_or(about),
            nodes(within(branches, "[", ']')?)?,
        ));
    }
    if let Some(inner) = within(text, "{", '}') {
        let value = |item: &'t str| node(item.split_once(": ")?.1);
        let branches = items(inner)?.into_iter().map(value).collect::<Option<_>>()?;
        return Some(Tree::new("{", "", branches));
    }
    let (open, inner) = [("(", ')'), ("[", ']')]
        .into_iter()
        .find_map(|(open, close)| Some((open, within(text, open, close)?)))?;
    Some(Tree::new(open, "", nodes(inner)?))
}

fn nodes(text: &str) -> Option<Vec<Tree<'_>>> {
    items(text)?.into_iter().map(node).collect()
}

#[cfg(test)]
mod tests {
    use super::Tree;

    #[test]
    fn leaves_are_counted_without_descriptions() {
        let leaves = |text: &str| Tree::read(text).map(|tree| tree.leaves);
        let node = "CustomNode(Static[(Missing, PyTreeDef((*, *)))], [])";
        assert_eq!(leaves(&format!("PyTreeDef(((*, *), {node}, [*]))")), Some(3));
        assert_eq!(leaves("PyTreeDef(CustomNode(A[(x,)], [CustomNode(B[(*)], [*, [*]])]))"), Some(2));
        assert_eq!(leaves("PyTreeDef({'a, (': *, 'b': (*, None)})"), Some(2));
        for wrong in ["", "*", "PyTreeDef(**)", "PyTreeDef((*)", "PyTreeDef(CustomNode(A[x]))"] {
            assert_eq!(leaves(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nodes_have_names_and_descriptions() {
        let tree =
            Tree::read("PyTreeDef((CustomNode(M[(Missing, frozenset({'t'}))], [*]), None))").expect("a tree");
        assert_eq!((tree.name, tree.branches.len()), ("(", 2));
        let [matrix, none] = &tree.branches[..] else { panic!("two branches") };
        assert_eq!((matrix.name, matrix.about), ("M", "(Missing, frozenset({'t'}))"));
        assert!(matrix.branches[0].name == "*" && none.name == "None");
    }
}
