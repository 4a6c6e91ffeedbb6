//! Keys whose private halves everybody has: good for a mock network, worthless on a real one.
//!
//! Production asks here before it signs with a key or trusts one. Listed are the
//! pairs in `keys/`, those of the test vectors, and those that the networks' own documents
//! print as examples. Only public halves are compiled in.

use super::encryption::EncryptionPublicKey;
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

/// The same of X25519 keys.
const PUBLISHED_ENCRYPTION: [&str; 6] = [
    include_str!("../../keys/bpp.encryption-public"),
    include_str!("../../keys/registry.encryption-public"),
    // tests/vectors/on_subscribe.json: a registry and a subscriber.
    "VdL3JuFjMAl0eKNDC2q8d3vcbN4NnAMpKrvu04nsoGY=",
    "nT4ym7HYy50zPTRG1H3JkgVyUdq2G3TZk8B5Ffp65Q0=",
    // RFC 7748, section 6.1.
    "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
    "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=",
];

/// Whether everybody can sign with this key.
#[must_use]
pub fn is_published(key: &VerifyingKey) -> bool {
    lists(&PUBLISHED, &key.to_base64())
}

/// Whether everybody can read what is encrypted for this key.
#[must_use]
pub fn is_published_encryption(key: &EncryptionPublicKey) -> bool {
    lists(&PUBLISHED_ENCRYPTION, &key.to_base64())
}

fn lists(published: &[&str], raw: &str) -> bool {
    published.iter().any(|text| text.trim_ascii_end() == raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::encryption::EncryptionKey;
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
    fn every_listed_encryption_key_is_readable_and_recognised_in_either_encoding() {
        for text in PUBLISHED_ENCRYPTION {
            let key = EncryptionPublicKey::parse(text.trim_ascii_end()).expect(text);
            assert!(is_published_encryption(&key), "{text}");
            let spki = EncryptionPublicKey::parse(&key.to_spki_base64()).expect(text);
            assert!(is_published_encryption(&spki), "{text}");
        }
    }

    #[test]
    fn the_developer_keys_are_pairs_whose_public_half_is_listed() {
        for text in [
            include_str!("../../keys/bpp.encryption"),
            include_str!("../../keys/registry.encryption"),
        ] {
            let key = EncryptionKey::parse(text).expect("a key");
            assert!(is_published_encryption(&key.public_key()));
        }
    }

    #[test]
    fn a_fresh_key_is_not_published() {
        let key = SigningKey::generate().expect("randomness");
        assert!(!is_published(&key.verifying_key()));
        let key = EncryptionKey::generate().expect("randomness");
        assert!(!is_published_encryption(&key.public_key()));
    }
}
