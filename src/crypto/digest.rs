//! BLAKE2b-512, as the digest line of a signing string writes it.
//!
//! The texts of Beckn say "BLAKE-512"; their examples are BLAKE2b with 64 bytes of output and
//! no key. It is taken over the body exactly as it travelled: nothing here knows JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2b512, Digest as _};

/// The BLAKE2b digest (64 bytes, unkeyed) of `bytes`.
#[must_use]
pub fn blake2b_512(bytes: &[u8]) -> [u8; 64] {
    Blake2b512::digest(bytes).into()
}

/// The BLAKE2b digest (64 bytes, unkeyed) of `bytes`, as standard base64 with padding.
#[must_use]
pub fn blake2b_512_base64(bytes: &[u8]) -> String {
    STANDARD.encode(blake2b_512(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_abc_is_the_one_of_rfc_7693_appendix_a() {
        let expected = "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1\
                        7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923";
        let hex: String = blake2b_512(b"abc")
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hex, expected);
    }

    #[test]
    fn an_empty_body_has_a_digest_too() {
        let expected = "eGoC90IBWQPGxv2FJVLScpEvR0DhWEdhiobiF/cfVBnSXhAxr+5YUxOJZESTTrBLkDpoWxRIt1XVb3Aa/pvizg==";
        assert_eq!(blake2b_512_base64(b""), expected);
    }
}
