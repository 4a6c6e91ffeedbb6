//! What an operator reads of an answer: short, and safe to print.

/// The most characters of an answer or complaint that an attempt keeps.
pub const MAX_DETAIL_CHARS: usize = 512;

pub(super) fn shown(body: &[u8]) -> String {
    // A character takes at most four bytes, so what lies beyond cannot be shown anyway.
    let head = &body[..body.len().min(4 * MAX_DETAIL_CHARS)];
    printable(&String::from_utf8_lossy(head))
}

/// Foreign text made safe to print: control and direction characters escaped, cut short.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MAX_DETAIL_CHARS));
    let mut chars = 0;
    for c in text.chars() {
        let escaped = (c.is_control() || is_direction(c)).then(|| c.escape_default());
        chars += escaped.as_ref().map_or(1, ExactSizeIterator::len);
        if chars > MAX_DETAIL_CHARS {
            break;
        }
        match escaped {
            Some(escaped) => out.extend(escaped),
            None => out.push(c),
        }
    }
    out
}

/// Characters that reorder or break the line they are shown in.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_text_is_short_and_cannot_move_a_cursor() {
        let shown = printable("a\r\n\u{1b}[31m\u{0}\u{202e}b");
        assert_eq!(shown, "a\\r\\n\\u{1b}[31m\\u{0}\\u{202e}b");
        for long in [
            "x".repeat(9_999),
            "\u{7}".repeat(9_999),
            "\u{e4}".repeat(9_999),
        ] {
            let text = super::shown(long.as_bytes());
            let chars = text.chars().count();
            assert!(chars <= MAX_DETAIL_CHARS && chars > MAX_DETAIL_CHARS - 6);
        }
    }
}
