//! A session as files: name and bytes of each, the manifest last.
//!
//! Nothing is written here. Headers of attempts are put together from what was kept of them; the
//! signature is the one that was sent.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

use super::manifest::{
    Callback, Digest, FORMAT, MANIFEST, MANIFEST_AUTHORIZATION, MANIFEST_KEY, Manifest, Request,
    Sent,
};
use crate::crypto::digest::blake2b_512_base64;
use crate::crypto::signature::Header;
use crate::delivery::restamp::restamp;
use crate::domain::ids::TransactionId;
use crate::networks::Network;
use crate::store::{Attempt, Claimed, Signed, StoredRequest};

/// What is exported.
pub(super) struct Session<'a> {
    pub network: &'a Network,
    pub transaction: &'a TransactionId,
    pub requests: &'a [StoredRequest],
    pub callbacks: &'a [Claimed],
}

/// Files by their names.
type Files = BTreeMap<String, Vec<u8>>;

impl Session<'_> {
    /// All files of it.
    pub(super) fn files(&self, now: DateTime<Utc>) -> Files {
        let mut files = Files::new();
        let numbered = self.requests.iter().zip(1..);
        let ack = self.network.profile().ack;
        let requests = numbered
            .map(|(request, number)| of_request(&mut files, request, number, ack))
            .collect();
        let callbacks = self.callbacks.iter();
        let callbacks = callbacks
            .map(|callback| self.of_callback(&mut files, callback))
            .collect();
        let manifest = Manifest {
            format: FORMAT,
            transaction_id: self.transaction.clone(),
            network: self.network.name().clone(),
            subscriber_id: self.network.settings.subscriber_id.clone(),
            exported_at: now,
            requests,
            callbacks,
            files: files
                .iter()
                .map(|(name, bytes)| (name.clone(), digest(bytes)))
                .collect(),
        };
        self.sign(&mut files, pretty(&manifest), now);
        files
    }

    fn sign(&self, files: &mut Files, manifest: Vec<u8>, now: DateTime<Utc>) {
        let signer = self.network.settings.signer.active();
        let header = signer.authorization(&manifest, now.timestamp());
        let key = signer.key.verifying_key().to_base64();
        files.insert(MANIFEST.to_owned(), manifest);
        files.insert(MANIFEST_AUTHORIZATION.to_owned(), header.into_bytes());
        files.insert(MANIFEST_KEY.to_owned(), key.into_bytes());
    }

    fn of_callback(&self, files: &mut Files, claimed: &Claimed) -> Callback {
        let callback = &claimed.callback;
        let directory = format!("callbacks/{}", callback.id.0);
        let body = (!claimed.is_erased())
            .then(|| put(files, &directory, "body.json", claimed.body.to_vec()));
        let attempts = put(
            files,
            &directory,
            "attempts.json",
            pretty(&callback.attempts),
        );
        let numbered = callback.attempts.iter().zip(1..);
        let sent = numbered.filter_map(|(attempt, number)| {
            let signed = attempt.signed.as_ref()?;
            let place = (&*directory, number);
            self.of_attempt(files, place, (claimed, body.as_ref()), (attempt, signed))
        });
        let sent = sent.collect();
        Callback {
            id: callback.id,
            body,
            attempts,
            kind: callback.kind,
            state: callback.state,
            subscriber: callback.subscriber.clone(),
            url: callback.url.clone(),
            message_id: callback.message.clone(),
            order_id: callback.order.id.clone(),
            created_at: callback.created_at,
            sent,
        }
    }

    fn of_attempt(
        &self,
        files: &mut Files,
        (directory, number): (&str, usize),
        (claimed, body): (&Claimed, Option<&String>),
        (attempt, signed): (&Attempt, &Signed),
    ) -> Option<Sent> {
        let header = self.header(signed)?;
        let signed_at = DateTime::from_timestamp_millis(signed.at_ms)?;
        let directory = format!("{directory}/attempt-{number}");
        let renewed = signed.restamped.then(|| restamp(&claimed.body, signed_at));
        let body = match renewed.flatten() {
            Some(renewed) => Some(put(files, &directory, "body.json", renewed.to_vec())),
            None => body.cloned(),
        };
        let ours = self.network.settings.signer.active();
        let at_hand = (ours.key_id == signed.key_id).then(|| ours.key.verifying_key().to_base64());
        let public_key = signed.public_key.clone().or(at_hand);
        let public_key =
            public_key.map(|key| put(files, &directory, "public_key.txt", key.into_bytes()));
        let header = header.to_string().into_bytes();
        Some(Sent {
            attempt: number,
            signed_at,
            body,
            authorization: put(files, &directory, "authorization.txt", header),
            key_id: signed.key_id.clone(),
            public_key,
            outcome: attempt.outcome.clone(),
            status: attempt.status,
        })
    }

    /// The header an attempt left with.
    fn header(&self, signed: &Signed) -> Option<Header> {
        let signature = STANDARD.decode(&signed.signature).ok()?;
        let created = signed.at_ms.div_euclid(1_000);
        Some(Header {
            scheme: self.network.profile().scheme,
            subscriber_id: self.network.settings.subscriber_id.to_string(),
            key_id: signed.key_id.clone(),
            created,
            expires: created.saturating_add(signed.lifetime_seconds),
            signature: signature.try_into().ok()?,
        })
    }
}

fn of_request(
    files: &mut Files,
    request: &StoredRequest,
    number: usize,
    ack: &'static str,
) -> Request {
    let directory = format!("requests/{number}");
    let mut put = |name: &str, bytes: &[u8]| put(files, &directory, name, bytes.to_vec());
    Request {
        body: (!request.is_erased()).then(|| put("body.json", &request.body)),
        authorization: put("authorization.txt", request.authorization.as_bytes()),
        public_key: put("public_key.txt", request.verifying_key.as_bytes()),
        // Every ACK of this release on such a network is these bytes; the request's time is the transaction's,
        // and the ACK leaves when that is on stable storage.
        ack: put("ack.json", ack.as_bytes()),
        body_digest: request.body_digest.clone(),
        caller: request.key.caller.clone(),
        action: request.key.action.clone(),
        message_id: request.key.message.clone(),
        order_id: request.order.clone(),
        received_at: request.received_at,
        callback: request.callback,
        stale_key_of: request.stale_key_of,
    }
}

fn put(files: &mut Files, directory: &str, name: &str, bytes: Vec<u8>) -> String {
    let name = format!("{directory}/{name}");
    files.insert(name.clone(), bytes);
    name
}

fn digest(bytes: &[u8]) -> Digest {
    Digest {
        bytes: bytes.len() as u64,
        blake2b_512: blake2b_512_base64(bytes),
    }
}

/// Plain records with texts for keys always have a JSON form.
fn pretty(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).unwrap_or_default()
}
