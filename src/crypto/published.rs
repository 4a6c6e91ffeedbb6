//! Keys whose private halves everybody has: good for a mock network, worthless on a real one.
//!
//! Production asks here before it signs with a key or trusts one. Listed are the
//! pairs in `keys/`, those of the test vectors, and those that the networks' own documents
//! print as examples. Only public halves are compiled in.

use super::keys::VerifyingKey;

/// Raw public keys in base64; the files end with a line end.
const PUBLISHED: [&str; 14] = [
    include_str!("../../keys/bap.public"),
    include_str!("../../keys/bpp.public"),
    include_str!("../../keys/cli-bap.public"),
    include_str!("../../keys/gateway.public"),
    include_str!("../../keys/registry.public"),
    // tests/vectors/signing.json: seeds that count upwards.
    "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
    "C7w0aldmfDgBIL2cf9flHSxf3+o3zS9b9AWyxr9vLXg=",
    "MrU+iC49qsGA16X2Ik1htkAbQ/kB2wnw5NhM5OSicYs=",
    // The worked example of BECKN-006, printed there with its private key.
    "awGPjRK6i/Vg/lWr+0xObclVxlwZXvTjWYtlu6NeOHk=",
    // The examples of UHI's signing document, and the vectors made after them.
    "9AwjtMBySgjkf3cx2pzAYt8pL1qAlhil3WUulCSpFnI=",
    "cIx++sNvDok2/3Vh/xjKZ0sLovgsFZz2Aizo5AVb74Q=",
    "lcHbhFs9vWrYrx51HiMwrsohkgg2bK3LTj4qzd6ZcMc=",
    // The vector of a registry's site verification.
    "qrG0vtXJHOoJwI8rdQ41za0LqhBwKzilzU2pLpwAmc8=",
    // RFC 8032, section 7.1, test 1.
    "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
];

/// Whether everybody can sign with this key.
#[must_use]
pub fn is_published(key: &VerifyingKey) -> bool {
    let raw = key.to_base64();
    PUBLISHED.iter().any(|text| text.trim_ascii_end() == raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::keys::SigningKey;

    #[test]
    fn every_listed_key_is_readable_and_recognised_in_either_encoding() {
        for text in PUBLISHED {
            let key = VerifyingKey::parse(text.trim_ascii_end()).expect(text);
            assert!(is_published(&key), "{text}");
            let spki = VerifyingKey::parse(&key.to_spki_base64()).expect(text);
            assert!(is_published(&spki), "{text}");
        }
    }

    #[test]
    fn a_fresh_key_is_not_published() {
        let key = SigningKey::generate().expect("randomness");
        assert!(!is_published(&key.verifying_key()));
    }
}
