//! Keys and signatures: those of Project Wycheproof, and keys under which everybody can sign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use beckn_bpp::crypto::signature::Header;
use beckn_bpp::mock::registry::row;
use serde_json::json;

use crate::app::signer;
use crate::bench::Bench;
use crate::odd_keys::{SMALL_ORDER, unhex, wycheproof};
use crate::refused::Wanted;

const STRANGERS_KEY: &str = include_str!("../../keys/gateway.signing");

/// Many strangers in one test, more than a registry would be asked about in a second.
const MANY_LOOKUPS: &str = "registry_lookups_per_second = 100000";

impl Bench {
    /// A cancel by somebody of that name whom the registry lists with this key, with this
    /// signature on it.
    async fn refuses_key(&mut self, case: &str, key: &[u8], signature: &[u8], word: &str) {
        let signer = signer(&format!("{case}.example.org"), STRANGERS_KEY);
        let mut listed = row(&signer, "BAP", &self.app.bap.url);
        listed["signing_public_key"] = json!(STANDARD.encode(key));
        self.app
            .registry
            .rows
            .lock()
            .expect("no panic")
            .push(listed);
        let mut message = self.app.cancel_of(beckn_bpp::mock::orders::O1).to_json();
        message["context"]["bap_id"] = json!(signer.subscriber_id);
        let body = message.to_string();
        let now = chrono::Utc::now().timestamp();
        let right = signer.authorization(body.as_bytes(), now);
        let ours = Header::parse(&right).expect("ours").signature;
        let odd = right.replace(&STANDARD.encode(ours), &STANDARD.encode(signature));
        let request = Bench::request(&odd, body.as_bytes());
        self.refuses(case, &request, &Wanted::word(word)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_signature_of_project_wycheproof_and_no_weak_key_cancels_anything() {
    let mut bench = Bench::set("keys and signatures", MANY_LOOKUPS).await;
    for case in wycheproof() {
        // None of them is over a cancel, so even the valid ones prove nothing here.
        let word = match case.signature.len() {
            64 => "signature_mismatch",
            _ => "header_malformed",
        };
        let name = format!("wycheproof-{}", case.id);
        bench
            .refuses_key(&name, &case.key, &case.signature, word)
            .await;
    }
    for (number, text) in SMALL_ORDER.iter().enumerate() {
        let key = unhex(text);
        // The neutral element and S = 0: a plain verifier takes it for any message.
        let neutral = [&unhex(SMALL_ORDER[0])[..], &[0; 32]].concat();
        let own = [&key[..], &[0; 32]].concat();
        for (kind, signature) in [("neutral", neutral), ("own", own)] {
            let name = format!("weak-{number}-{kind}");
            bench
                .refuses_key(&name, &key, &signature, "key_not_usable")
                .await;
        }
    }
    bench.ends_well(170).await;
}
