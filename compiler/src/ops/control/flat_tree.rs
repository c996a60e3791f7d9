//! The trees by which JAX since 0.11 says which operands of a `scan` are what: `ft_in=((None, None), (None,), (None,))`.
//!
//! # Note: flat trees
//! A tree is a leaf (`None`), a tuple of trees, or leaves with the structure that they had in Python:
//! `Pytree(vals=[None, None], tree=PyTreeDef(([*], {'w': *})))`, one `*` per leaf. Leaves inside `RightsOnly(..)` are
//! `Left(None)` or `Right(None)`, one layer for each filter around them, and only those count that are right in all
//! layers. `Static(..)` has no leaves.

/// How many leaves each branch of a tree has. `None`: this is no tree that is a tuple.
pub(super) fn branches(text: &str) -> Option<Vec<usize>> {
    let text = text.trim();
    if let Some(inner) = within(text, "RightsOnly(", ')') {
        return branches(inner);
    }
    if let Some(inner) = within(text, "Pytree(vals=", ')') {
        let (values, structure) = leaves_and_structure(inner)?;
        let values: Vec<usize> = values.into_iter().map(leaf).collect::<Option<_>>()?;
        let mut counts = values.into_iter();
        let branches = items(within(structure, "(", ')')?)?;
        let counts_of = |branch: &str| {
            let count = branch.matches('*').count();
            counts.by_ref().take(count).sum::<usize>()
        };
        let found: Vec<usize> = branches.into_iter().map(counts_of).collect();
        return counts.next().is_none().then_some(found);
    }
    items(within(text, "(", ')')?)?.into_iter().map(leaves).collect()
}

/// One for a leaf that counts, zero for one that was filtered out. `None`: this is no leaf.
fn leaf(text: &str) -> Option<usize> {
    let inside = |side: &str| within(text, side, ')');
    match (text, inside("Right("), inside("Left(")) {
        ("None", ..) => Some(1),
        (_, Some(inner), _) => leaf(inner),
        (_, _, Some(inner)) => leaf(inner).map(|_| 0),
        (_, None, None) => None,
    }
}

fn leaves(text: &str) -> Option<usize> {
    if let Some(count) = leaf(text) {
        return Some(count);
    }
    if let Some(inner) = within(text, "RightsOnly(", ')') {
        return leaves(inner);
    }
    if let Some(inner) = within(text, "Pytree(vals=", ')') {
        let (values, _) = leaves_and_structure(inner)?;
        return values.into_iter().map(leaf).sum();
    }
    if text.starts_with("Static(") {
        return Some(0);
    }
    if let Some(inner) = within(text, "{", '}') {
        return items(inner)?.into_iter().map(|item| leaves(item.split_once(": ")?.1)).sum();
    }
    items(within(text, "(", ')')?)?.into_iter().map(leaves).sum()
}

/// `[..], tree=PyTreeDef(..)`. `None`: not that, or another number of values than the structure has leaves.
fn leaves_and_structure(text: &str) -> Option<(Vec<&str>, &str)> {
    let [values, structure] = items(text)?[..] else { return None };
    let structure = within(structure.strip_prefix("tree=")?, "PyTreeDef(", ')')?;
    let values = items(within(values, "[", ']')?)?;
    (structure.matches('*').count() == values.len()).then_some((values, structure))
}

/// What stands between the two.
pub(in crate::ops) fn within<'t>(text: &'t str, open: &str, close: char) -> Option<&'t str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

/// The parts of a list, separated by commas outside all brackets and quotes.
pub(in crate::ops) fn items(text: &str) -> Option<Vec<&str>> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0usize, 0);
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (byte, quote) {
            (b'\'' | b'"', None) => quote = Some(byte),
            (_, Some(open)) => quote = (byte != open).then_some(open),
            (b'(' | b'[' | b'{', None) => depth += 1,
            (b')' | b']' | b'}', None) => depth = depth.checked_sub(1)?,
            (b',', None) if depth == 0 => {
                found.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = text[start..].trim();
    found.extend((!last.is_empty()).then_some(last));
    (depth == 0 && quote.is_none()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::branches;

    #[test]
    fn counts_leaves_by_branch() {
        assert_eq!(branches("((None, None), (None,), ())"), Some(vec![2, 1, 0]));
        assert_eq!(
            branches("((None,), (RightsOnly(Left(None)), RightsOnly(Right(None))))"),
            Some(vec![1, 1])
        );
        let tree = "Pytree(vals=[None, None, None, None], tree=PyTreeDef((([], []), ([], [*]), ([], [], [*, *, *]))))";
        assert_eq!(branches(tree), Some(vec![0, 1, 3]));
        let pairs = "((Pytree(vals=[], tree=PyTreeDef(([], []))), RightsOnly(Pytree(vals=[], tree=PyTreeDef(([], []))))), \
                     (Pytree(vals=[None], tree=PyTreeDef(([], [*]))), \
                     RightsOnly(Pytree(vals=[Right(None), Left(None)], tree=PyTreeDef(([*], [*]))))))";
        assert_eq!(branches(pairs), Some(vec![0, 2]));
        let twice = "(((None,), (RightsOnly(RightsOnly(Right(Right(None)))), RightsOnly(RightsOnly(Right(Left(None)))))), ())";
        assert_eq!(branches(twice), Some(vec![2, 0]));
        assert_eq!(branches("({'a, b': None, 'w': (None, None)}, Static((1, 2)))"), Some(vec![3, 0]));
        assert_eq!(
            branches("RightsOnly(Pytree(vals=[Left(None), Right(None)], tree=PyTreeDef(([*], {'w': *}))))"),
            Some(vec![0, 1])
        );
    }

    #[test]
    fn refuses_what_is_no_tree() {
        for text in [
            "",
            "None",
            "(None",
            "(x,)",
            "Pytree(vals=[None], tree=PyTreeDef((*, *)))",
            "((None,)),)",
            "Pytree(vals=[None, None], tree=PyTreeDef((*,)))",
        ] {
            assert_eq!(branches(text), None, "{text}");
        }
    }
}
