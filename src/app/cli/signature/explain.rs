//! What is said of the steps: for people, and as one JSON document.
//!
//! Beside the steps stands what anybody needs to find the difference with their own figures:
//! the bytes hashed, the digest, the text to be signed. No private key is ever here.

use serde_json::{Value, json};

use super::near;
use super::steps::{Checked, Outcome, Step};
use crate::crypto::digest::blake2b_512_base64;
use crate::domain::refusal::Word;

impl Checked<'_> {
    /// All of it as one document.
    pub(super) fn to_json(&self) -> Value {
        let failed = self.failed();
        let header = self.header.as_ref().map(|header| {
            json!({"subscriber_id": header.subscriber_id, "key_id": header.key_id,
                "created": header.created, "expires": header.expires})
        });
        json!({
            "verified": failed.is_none(),
            "reason": failed.map(|refusal| refusal.word.as_str()),
            "our_time": self.now.timestamp(),
            "body_bytes": self.body.len(),
            "digest": format!("BLAKE-512={}", blake2b_512_base64(self.body)),
            "header": header,
            "key_fingerprint": self.key.as_ref().map(|key| key.fingerprint()),
            "signing_string": self.signing_string(),
            "steps": self.steps.iter().map(of_step).collect::<Vec<_>>(),
            "hint": self.hint(),
        })
    }

    /// All of it for people.
    pub(super) fn print(&self) {
        for Step { name, outcome } in &self.steps {
            match outcome {
                Outcome::Holds(seen) => println!("ok      {name:<9}  {seen}"),
                Outcome::Skipped(why) => println!("-       {name:<9}  not checked: {why}"),
                Outcome::Fails(refusal) => println!("FAILED  {name:<9}  {refusal}"),
            }
        }
        let digest = blake2b_512_base64(self.body);
        println!("\nhashed             {} bytes of body", self.body.len());
        println!("digest             BLAKE-512={digest}");
        if let Some(text) = self.signing_string() {
            println!("text to be signed, three lines with no line break after the last:\n");
            println!("{text}");
        }
        if let Some(hint) = self.hint() {
            println!("\nhint: {hint}");
        }
        if self.failed().is_none() {
            println!("\nverified");
        }
    }

    fn signing_string(&self) -> Option<String> {
        let header = self.header.as_ref()?;
        Some(header.signing_string(&blake2b_512_base64(self.body)))
    }

    /// What to look at first, where the figures alone would not say it.
    fn hint(&self) -> Option<String> {
        match self.failed()?.word {
            Word::SignatureMismatch => {}
            Word::SignerIsNotCaller => {
                return Some("a gateway's own signature is checked with --gateway".to_owned());
            }
            _ => return None,
        }
        let (header, key) = (self.header.as_ref()?, self.key.as_ref()?);
        Some(near::guess(header, self.body, key))
    }
}

fn of_step(step: &Step) -> Value {
    match &step.outcome {
        Outcome::Holds(seen) => json!({"step": step.name, "result": "ok", "detail": seen}),
        Outcome::Skipped(why) => json!({"step": step.name, "result": "skipped", "detail": why}),
        Outcome::Fails(refusal) => json!({"step": step.name, "result": "failed",
            "reason": refusal.word.as_str(), "detail": refusal.detail}),
    }
}
