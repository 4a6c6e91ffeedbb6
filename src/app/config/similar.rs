//! "Did you mean": which known key a mistyped one was probably meant to be.
//!
//! Used for unknown keys only. Pure; suggests nothing rather than something far-fetched.

/// The known name that is closest to `written`, if any is close.
#[must_use]
pub fn closest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = written.to_ascii_lowercase().replace('-', "_");
    let allowed = (plain.chars().count() / 3).max(1);
    let measured = known.iter().map(|name| (distance(&plain, name), *name));
    let (steps, name) = measured.min_by_key(|(steps, _)| *steps)?;
    // A word that another begins with is a shortened name: `cache` for `cache_size`.
    let begins = known
        .iter()
        .find(|name| plain.len() >= 3 && name.starts_with(&plain));
    if steps <= allowed {
        Some(name)
    } else {
        begins.copied()
    }
}

/// How many single-character edits turn one word into the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_key_finds_its_neighbour_and_a_strange_one_finds_none() {
        let known = ["bind", "admin_bind", "admin_token_file", "trusted_proxies"];
        assert_eq!(
            closest("bnid", &known),
            None,
            "two edits of four are a guess"
        );
        assert_eq!(closest("bindd", &known), Some("bind"));
        assert_eq!(closest("admin-bind", &known), Some("admin_bind"));
        assert_eq!(closest("trusted_proxy", &known), Some("trusted_proxies"));
        assert_eq!(closest("admin_token", &known), Some("admin_token_file"));
        assert_eq!(closest("colour", &known), None);
        assert_eq!(closest("x", &[]), None);
    }
}
