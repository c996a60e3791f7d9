//! "Did you mean ...?"

/// The candidate nearest to `name`, if one is near enough to be a slip of the pen.
pub(super) fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // More than two slips make another word: `bcoo_dot_general` is no `dot_general`.
    let limit = (name.len() / 3).clamp(1, 2);
    if name.len() < 2 || name.len() > 64 {
        return None;
    }
    let near = candidates.filter(|other| other.len().abs_diff(name.len()) <= limit);
    let scored = near.map(|other| (distance(name.as_bytes(), other.as_bytes()), other));
    scored.filter(|&(edits, _)| edits <= limit).min().map(|(_, other)| other)
}

/// How many bytes to insert, delete or replace to make `b` of `a`.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != y)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_but_not_strangers() {
        let names = || ["predict", "loss", "x"].into_iter();
        assert_eq!(closest("predct", names()), Some("predict"));
        assert_eq!(closest("los", names()), Some("loss"));
        assert_eq!(closest("y", names()), None);
        assert_eq!(closest("gradient", names()), None);
        assert_eq!(closest("bcoo_dot_general", ["dot_general"].into_iter()), None);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
    }
}
