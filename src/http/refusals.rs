//! The last refusals, in bounded memory: what an operator looks at when a partner calls.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;

/// How many are kept.
const KEPT: usize = 1_000;

/// How much of a header is kept, in characters.
const HEADER_CHARS: usize = 512;

/// How much of the name of another scheme is kept: no secret is so short.
const SCHEME_CHARS: usize = 12;

/// One refused request: header, step and digest, never its body.
#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    /// When.
    pub at: DateTime<Utc>,
    /// The id that the answer carried.
    pub request_id: String,
    /// The network it came in on.
    pub network: String,
    /// The step that failed.
    pub reason: &'static str,
    /// What was expected and got.
    pub detail: String,
    /// The answer's status.
    pub status: u16,
    /// The `Authorization` header, cut; of another scheme than ours its name alone.
    pub authorization: Option<String>,
    /// BLAKE2b-512 of the body, where one was read.
    pub body_digest: Option<String>,
    /// The body's length.
    pub body_bytes: Option<usize>,
}

/// Other schemes carry secrets, an admin token that went to the wrong port say.
fn fit_to_show(header: &str) -> String {
    let (scheme, _) = header.split_once(' ').unwrap_or_default();
    match scheme {
        "Signature" => header.chars().take(HEADER_CHARS).collect(),
        scheme => format!(
            "{} ***",
            scheme.chars().take(SCHEME_CHARS).collect::<String>()
        ),
    }
}

/// A ring of refusals.
#[derive(Default)]
pub struct Refusals(Mutex<VecDeque<Refused>>);

impl Refusals {
    /// Remembers one, forgetting the oldest when full.
    pub fn push(&self, mut refused: Refused) {
        refused.authorization = refused.authorization.as_deref().map(fit_to_show);
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() == KEPT {
            ring.pop_front();
        }
        ring.push_back(refused);
    }

    /// All that are kept, newest first.
    #[must_use]
    pub fn newest_first(&self) -> Vec<Refused> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_scheme_carries_is_not_kept() {
        let header = "Signature keyId=\"a|k1|ed25519\"";
        assert_eq!(fit_to_show(header), header);
        assert_eq!(fit_to_show("Bearer s3cret"), "Bearer ***");
        assert_eq!(fit_to_show("s3cret-without-a-scheme"), " ***");
        assert_eq!(
            fit_to_show("a-long-secret-before a space"),
            "a-long-secre ***"
        );
        assert_eq!(
            fit_to_show(&format!("Signature {}", "x".repeat(900))).len(),
            512
        );
    }
}
