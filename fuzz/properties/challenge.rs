//! The registry's challenge: what opens seals to the very same text again, what was sealed opens
//! to what it was, and what was changed does not open to that.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use beckn_bpp::crypto::challenge::ChallengeKey;
use beckn_bpp::crypto::encryption::{EncryptionKey, EncryptionPublicKey};

static KEY: LazyLock<ChallengeKey> = LazyLock::new(|| {
    let private = |byte: u8| {
        EncryptionKey::parse(&STANDARD.encode([byte; 32])).expect("any 32 bytes are a key")
    };
    ChallengeKey::agree(&private(7), &private(9).public_key()).expect("a secret")
});

/// The longest text whose challenge is still read.
const LONGEST: usize = 3_000;

/// Holds for every challenge, for every answer, and for every public key of a registry.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(answer) = KEY.open(text) {
        assert_eq!(KEY.seal(&answer), text);
    }
    if text.len() <= LONGEST {
        let sealed = KEY.seal(text);
        assert_eq!(KEY.open(&sealed).as_deref().map(String::as_str), Ok(text));
        changed_is_not_the_same(&sealed, text);
    }
    bytes_that_are_blocks(data);
    if let Ok(theirs) = EncryptionPublicKey::parse(text) {
        let ours = EncryptionKey::parse(&STANDARD.encode([7; 32])).expect("a key");
        // Weak keys are refused; with every other both sides of the exchange agree.
        let agreed = ChallengeKey::agree(&ours, &theirs).map(|key| key.seal("x"));
        assert!(agreed.is_err() || agreed.is_ok_and(|sealed| sealed.len() == 24));
    }
}

fn changed_is_not_the_same(sealed: &str, text: &str) {
    let mut bytes = STANDARD.decode(sealed).expect("our base64");
    let at = text.len() % bytes.len();
    bytes[at] ^= 1 << (text.len() % 8);
    let opened = KEY.open(&STANDARD.encode(&bytes));
    assert!(opened.map_or(true, |opened| *opened != text));
}

/// The input as raw blocks: most of it has wrong padding, and there is one answer to all of that.
fn bytes_that_are_blocks(data: &[u8]) {
    let challenge = STANDARD.encode(data);
    if let Ok(answer) = KEY.open(&challenge) {
        assert_eq!(KEY.seal(&answer), challenge);
    }
}
