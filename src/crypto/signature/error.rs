//! Why a signature header is refused: one variant, one word, one plain sentence each.
//!
//! The sentence says what was expected and what was got, with the figures, so that the
//! sender can mend it alone. What the sender wrote is quoted escaped and cut; tokens of other
//! schemes are never repeated, and no key is.

use std::fmt;

use super::ALGORITHM;
use super::header::{CREATED_AHEAD_SECONDS, ID_RULE, LIST};
use super::scan::MAX_HEADER_BYTES;

/// The most characters of foreign text that a message repeats.
const EXCERPT_CHARACTERS: usize = 80;

/// Why a signature does not prove the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The header does not follow the grammar.
    #[error(transparent)]
    Malformed(#[from] Fault),
    /// The algorithm parameter is another word than `ed25519`.
    #[error("expected algorithm {ALGORITHM}, got {got}")]
    AlgorithmNotSupported {
        /// What it is instead.
        got: Excerpt,
    },
    /// The last part of the keyId is another word than the algorithm parameter.
    #[error(
        "expected {ALGORITHM} as the last part of the keyId, like the algorithm parameter, got {got}"
    )]
    AlgorithmMismatch {
        /// The last part of the keyId.
        got: Excerpt,
    },
    /// The list of signed parts leaves the body out.
    #[error("expected headers to be {LIST:?}, got {got}, which does not cover the body")]
    DigestNotCovered {
        /// The list.
        got: Excerpt,
    },
    /// `created` lies further ahead of our clock than clocks may differ.
    #[error(
        "expected created at most {CREATED_AHEAD_SECONDS} s ahead of our time {now}, got {created}, which is {ahead_seconds} s ahead"
    )]
    CreatedInFuture {
        /// When it says it was signed, Unix seconds.
        created: i64,
        /// When it says it ends, Unix seconds.
        expires: i64,
        /// Our time, Unix seconds.
        now: i64,
        /// `created - now`.
        ahead_seconds: i64,
    },
    /// `expires` has passed.
    #[error(
        "expected expires not before our time {now}, got {expires} (created {created}), which is {late_seconds} s late"
    )]
    Expired {
        /// When it says it was signed, Unix seconds.
        created: i64,
        /// When it says it ended, Unix seconds.
        expires: i64,
        /// Our time, Unix seconds.
        now: i64,
        /// `now - expires`.
        late_seconds: i64,
    },
    /// The signature would be good for too long.
    #[error(
        "expected expires at most {max_seconds} s after created, got created {created} and expires {expires}, which is {lifetime_seconds} s"
    )]
    LifetimeTooLong {
        /// When it says it was signed, Unix seconds.
        created: i64,
        /// When it says it ends, Unix seconds.
        expires: i64,
        /// `expires - created`.
        lifetime_seconds: i64,
        /// The most that is allowed.
        max_seconds: i64,
    },
    /// The signature is not this key's over these bytes.
    #[error(
        "the signature does not verify: we hashed {body_bytes} body bytes to BLAKE-512={digest_base64} and checked with created {created}, expires {expires} and the key with fingerprint {fingerprint}"
    )]
    Mismatch {
        /// How many body bytes were hashed.
        body_bytes: usize,
        /// Their BLAKE2b-512 digest.
        digest_base64: String,
        /// As the header has it.
        created: i64,
        /// As the header has it.
        expires: i64,
        /// Names the key it was checked with.
        fingerprint: String,
    },
}

impl Error {
    /// The fixed word for answer, log and metric.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "header_malformed",
            Self::AlgorithmNotSupported { .. } => "algorithm_not_supported",
            Self::AlgorithmMismatch { .. } => "algorithm_mismatch",
            Self::DigestNotCovered { .. } => "digest_not_covered",
            Self::CreatedInFuture { .. } => "created_in_future",
            Self::Expired { .. } => "expired",
            Self::LifetimeTooLong { .. } => "lifetime_too_long",
            Self::Mismatch { .. } => "signature_mismatch",
        }
    }
}

/// Which rule of the grammar a header breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The header is longer than any honest one.
    #[error("expected a header of at most {MAX_HEADER_BYTES} bytes, got {0}")]
    TooLong(usize),
    /// A control or non-ASCII character.
    #[error("expected printable ASCII, got {} at byte {at}", .got.escape_default())]
    Character {
        /// The character.
        got: char,
        /// Where it stands.
        at: usize,
    },
    /// Another scheme, or none.
    #[error("expected the scheme Signature and a space, got {0}")]
    Scheme(Excerpt),
    /// No JSON object with the members of the scheme.
    #[error(
        "expected a JSON object with keyId, algorithm, created, expires, headers and signature, got {0}"
    )]
    NotJson(Excerpt),
    /// There is no `name=` where one belongs.
    #[error("expected name=\"value\", got {0}")]
    Name(Excerpt),
    /// A parameter that the scheme does not have.
    #[error("expected keyId, algorithm, created, expires, headers and signature, got {0}")]
    Unknown(Excerpt),
    /// A parameter given twice.
    #[error("expected {0} once, got it again")]
    Repeated(&'static str),
    /// A parameter not given.
    #[error("expected {0}, got a header without it")]
    Missing(&'static str),
    /// A value without its opening quote.
    #[error("expected the value of {0} in double quotes")]
    Unquoted(&'static str),
    /// A value without its closing quote.
    #[error("expected a closing quote after the value of {0}, got the end of the header")]
    Unterminated(&'static str),
    /// A tab, or a backslash: no party escapes, so one would be read in two ways.
    #[error("expected no backslash and no tab in the value of {0}")]
    Forbidden(&'static str),
    /// Something other than a comma between two parameters.
    #[error("expected a comma or the end after the value of {after}, got {got}")]
    Separator {
        /// The parameter before it.
        after: &'static str,
        /// What follows.
        got: Excerpt,
    },
    /// The keyId has more or fewer parts than three.
    #[error("expected keyId to be subscriber|key|algorithm, got {0} part(s)")]
    KeyIdParts(usize),
    /// A part of the keyId is no identifier.
    #[error("expected the {part} of the keyId to be {ID_RULE}, got {got}")]
    Id {
        /// Which part.
        part: &'static str,
        /// What it is instead.
        got: Excerpt,
    },
    /// A time that is not a plain positive number of seconds.
    #[error("expected {name} in Unix seconds, digits only, got {got}")]
    Time {
        /// The parameter.
        name: &'static str,
        /// What it is instead.
        got: Excerpt,
    },
    /// The signature ends before it begins.
    #[error("expected expires not before created, got created {created} and expires {expires}")]
    ExpiresBeforeCreated {
        /// As given.
        created: i64,
        /// As given.
        expires: i64,
    },
    /// The list of signed parts has the body's digest, but is not the one list there is.
    #[error("expected headers to be {LIST:?}, got {0}")]
    List(Excerpt),
    /// The signature is not canonical standard base64.
    #[error("expected the signature in standard base64 with padding, got {0}")]
    SignatureText(Excerpt),
    /// The signature has another length than Ed25519's.
    #[error("expected a signature of 64 bytes, got {0}")]
    SignatureLength(usize),
}

/// What somebody else wrote, escaped and cut, fit for a message or a log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    /// Escapes all that is not plain printable ASCII, and keeps the beginning.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut start: String = text
            .chars()
            .flat_map(char::escape_default)
            .take(EXCERPT_CHARACTERS + 1)
            .collect();
        if start.len() > EXCERPT_CHARACTERS {
            start.truncate(EXCERPT_CHARACTERS - 3);
            start.push_str("...");
        }
        Self(start)
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            "" => f.write_str("nothing"),
            text => f.write_str(text),
        }
    }
}
