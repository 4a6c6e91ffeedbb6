//! What is never printed: secrets, and passwords inside URLs.
//!
//! Every value on its way into a fault passes here first.

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// The most characters of a value that a fault repeats.
const LONGEST: usize = 100;

/// The shortest run of base64 that may be a key or a token: 32 bytes without padding.
const KEY_CHARACTERS: usize = 43;

/// A value fit for a fault: key material and the userinfo of URLs masked, length bounded.
#[must_use]
pub fn value(shown: &str) -> String {
    if looks_secret(shown) {
        return MASK.to_owned();
    }
    let mut text = without_userinfo(shown);
    if let Some((cut, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(cut);
        text.push_str("...");
    }
    text
}

/// Whether a text may be a key or token, pasted where the name of its file belongs.
#[must_use]
pub fn looks_secret(text: &str) -> bool {
    let text = text.trim_matches(['"', '[', ']', ' ']);
    let base64 = |c: char| c.is_ascii_alphanumeric() || "+/=-_".contains(c);
    // A path or URL may well have as long a part.
    let is_place = text.starts_with(['/', '.']) || text.contains("://");
    let mut words = text.split(|c| !base64(c));
    let one_word = !is_place && words.any(|word| word.len() >= KEY_CHARACTERS);
    one_word || text.contains("-----BEGIN")
}

/// Masks up to the last `@`: rather a path too much than half a password.
fn without_userinfo(text: &str) -> String {
    let parts = text.split_once("://").and_then(|(scheme, rest)| {
        let at = rest.rfind('@')?;
        Some(format!("{scheme}://{MASK}{}", &rest[at..]))
    });
    parts.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_never_repeated() {
        let shown = value("\"https://user:s3cret@registry.example.org/x\"");
        assert_eq!(shown, "\"https://***@registry.example.org/x\"");
        assert_eq!(value("https://u:a/b@c@host"), "https://***@host");
        assert_eq!(value(&"x y ".repeat(50)).len(), LONGEST + 3);
    }

    #[test]
    fn a_pasted_key_is_never_repeated_and_a_path_is() {
        assert_eq!(
            value("\"MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\""),
            MASK
        );
        assert_eq!(value("-----BEGIN PRIVATE KEY-----"), MASK);
        let with_a_dot = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=.";
        assert_eq!(value(with_a_dot), MASK);
        let path = "/run/secrets/mobilitysigningkeyofthenorthernregion";
        assert_eq!(value(path), path);
        assert_eq!(value("mobility.signing"), "mobility.signing");
    }
}
