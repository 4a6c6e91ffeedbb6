//! What two families of networks do differently with the same six values: the text that is
//! signed, and how the header is written.
//!
//! Beckn (BECKN-006) signs three lines as they are. UHI signs one line, hashed again, as the 88
//! characters of that hash's base64: its published prose leaves the second hash out, but its
//! published signatures verify only so. A network knows its scheme; nothing is guessed here.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::ALGORITHM;
use super::header::{Header, LIST};
use crate::crypto::digest::blake2b_512_base64;

/// Whose rules a signature follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// Beckn and ONDC: `Signature keyId="...",...` over three lines.
    #[default]
    Beckn,
    /// UHI: a JSON object, over one line hashed twice.
    Uhi,
}

impl Scheme {
    /// What the sender writes down before it signs; the body's digest is in it.
    ///
    /// The spaces after the colons are always there, whatever the header's list looks like: some
    /// published texts leave them out, but their own signatures verify only with them.
    #[must_use]
    pub fn signing_string(self, created: i64, expires: i64, digest_base64: &str) -> String {
        let between = match self {
            Scheme::Beckn => '\n',
            Scheme::Uhi => ' ',
        };
        format!(
            "(created): {created}{between}(expires): {expires}{between}digest: \
             BLAKE-512={digest_base64}"
        )
    }

    /// The text that Ed25519 signs, from the signing string.
    #[must_use]
    pub fn signed_text(self, signing_string: String) -> String {
        match self {
            Scheme::Beckn => signing_string,
            Scheme::Uhi => blake2b_512_base64(signing_string.as_bytes()),
        }
    }

    /// Byte for byte the form that the strictest reader wants: no blanks after commas, all quoted.
    pub(super) fn write(self, header: &Header, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key_id = format!("{}|{}|{ALGORITHM}", header.subscriber_id, header.key_id);
        let signature = STANDARD.encode(header.signature);
        let (created, expires) = (header.created, header.expires);
        match self {
            Scheme::Beckn => write!(
                f,
                "Signature keyId=\"{key_id}\",algorithm=\"{ALGORITHM}\",created=\"{created}\",\
                 expires=\"{expires}\",headers=\"{LIST}\",signature=\"{signature}\"",
            ),
            Scheme::Uhi => write!(
                f,
                r#"{{"headers":"{LIST}","expires":"{expires}","signature":"{signature}","created":"{created}","keyId":{},"algorithm":"{ALGORITHM}"}}"#,
                json!(key_id)
            ),
        }
    }
}
