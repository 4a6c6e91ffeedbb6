//! Shows where in a message a fault lies, and shows text that a stranger wrote.
//!
//! Used by the two checks of a message, [`strict`](super::strict) and [`schema`](super::schema),
//! whose errors reach answers, logs and the operator page. What comes out of here is printable
//! ASCII of bounded length, whatever went in. It reads no JSON itself.

/// The longest key that a path shows, in characters.
const MAX_SEGMENT: usize = 48;
/// The longest path, in characters.
const MAX_PATH: usize = 256;

/// One step down into a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// Into an object, by key.
    Key(String),
    /// Into an array, by index.
    Index(usize),
}

/// Writes the steps as `message.order.items[2].id`; the message itself is `$`.
pub(super) fn render<'a>(segments: impl IntoIterator<Item = &'a Segment>) -> String {
    let mut path = String::new();
    for segment in segments {
        match segment {
            Segment::Key(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&clip(key, MAX_SEGMENT));
            }
            Segment::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    match path.as_str() {
        "" => "$".to_owned(),
        // Already ASCII and escaped: only the length is left to bound.
        long if long.len() > MAX_PATH => format!("{}...", &long[..MAX_PATH]),
        _ => path,
    }
}

/// The text in printable ASCII, other characters escaped, cut after about `max` characters.
pub(super) fn clip(text: &str, max: usize) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        if shown.len() >= max {
            shown.push_str("...");
            break;
        }
        match character {
            '"' | '\'' => shown.push(character),
            _ => shown.extend(character.escape_default()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Segment {
        Segment::Key(text.to_owned())
    }

    #[test]
    fn a_path_reads_like_the_published_ones() {
        let steps = [key("message"), key("items"), Segment::Index(2), key("id")];
        assert_eq!(render(&steps), "message.items[2].id");
        assert_eq!(render(&[]), "$");
        assert_eq!(render(&[Segment::Index(0), key("a")]), "[0].a");
    }

    #[test]
    fn what_a_stranger_wrote_comes_out_as_short_ascii() {
        assert_eq!(
            clip("a\r\n\u{1b}[31m\u{202e}\\", 99),
            "a\\r\\n\\u{1b}[31m\\u{202e}\\\\"
        );
        assert_eq!(clip("abcdef", 3), "abc...");
        let long = render(&vec![key(&"k".repeat(1000)); 64]);
        assert!(long.len() <= MAX_PATH + 3 && long.is_ascii());
    }
}
