//! Keys as files and registries write them: what is accepted reads back from every encoding we
//! write, and an error never shows the text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use beckn_bpp::crypto::encryption::{EncryptionKey, EncryptionPublicKey};
use beckn_bpp::crypto::keys::{SigningKey, VerifyingKey};

/// Holds for every text where a key is expected.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match VerifyingKey::parse(text) {
        Ok(key) => {
            ends_with_its_32_bytes(text, &key.to_base64());
            for again in [key.to_base64(), key.to_spki_base64()] {
                assert_eq!(VerifyingKey::parse(&again), Ok(key.clone()));
            }
        }
        Err(error) => does_not_show(&error.to_string(), text),
    }
    match EncryptionPublicKey::parse(text) {
        Ok(key) => {
            ends_with_its_32_bytes(text, &key.to_base64());
            for again in [key.to_base64(), key.to_spki_base64()] {
                assert_eq!(EncryptionPublicKey::parse(&again), Ok(key));
            }
        }
        Err(error) => does_not_show(&error.to_string(), text),
    }
    match SigningKey::parse(text) {
        Ok(key) => {
            for again in [
                key.to_seed_base64(),
                key.to_pair_base64(),
                key.to_pkcs8_base64(),
            ] {
                let again = SigningKey::parse(&again).expect("our own encoding");
                assert_eq!(again.verifying_key(), key.verifying_key());
            }
            // Our own key must be one that others may believe.
            assert!(VerifyingKey::parse(&key.verifying_key().to_base64()).is_ok());
        }
        Err(error) => does_not_show(&error.to_string(), text),
    }
    match EncryptionKey::parse(text) {
        Ok(key) => {
            for again in [key.to_raw_base64(), key.to_pkcs8_base64()] {
                let again = EncryptionKey::parse(&again).expect("our own encoding");
                assert_eq!(again.public_key(), key.public_key());
            }
            // 32 bytes may be either; anything longer says which it is.
            let is_raw = STANDARD.decode(text.trim_ascii()).map(|bytes| bytes.len()) == Ok(32);
            assert!(is_raw || SigningKey::parse(text).is_err());
        }
        Err(error) => does_not_show(&error.to_string(), text),
    }
}

/// Raw or in DER, the key stands at the end.
fn ends_with_its_32_bytes(text: &str, raw_base64: &str) {
    let (all, raw) = (STANDARD.decode(text), STANDARD.decode(raw_base64));
    let (all, raw) = (all.expect("accepted base64"), raw.expect("our base64"));
    assert!(all.ends_with(&raw) && matches!(all.len(), 32 | 44));
}

/// A text with a space in it is no key, but may be the very sentence.
fn does_not_show(sentence: &str, text: &str) {
    let may_be_key = text.len() >= 16 && !text.contains(' ');
    assert!(!may_be_key || !sentence.contains(text), "{sentence}");
}
